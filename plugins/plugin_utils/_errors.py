# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of a plugin. Private to the collection: other code must not import this file."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.basic import missing_required_lib
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.requirements import missing_libraries
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import redact


@contextlib.contextmanager
def translate_errors(error_class: type[AnsibleError]) -> t.Iterator[set[str]]:
    """Raise the errors of the collection, and that of a missing library, as ``error_class``.

    Yields a set for the secrets of the plugin, which no message shows.
    """
    secrets: set[str] = set()
    for library in missing_libraries():
        raise error_class(missing_required_lib(library))
    try:
        yield secrets
    except CloudflareError as error:
        raise error_class(redact(str(error), secrets)) from None
