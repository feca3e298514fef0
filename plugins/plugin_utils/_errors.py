# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of a plugin. Private to the collection: no other collection may rely on this file."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.basic import missing_required_lib
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._libraries import missing_libraries
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import redact


@contextlib.contextmanager
def errors_as(kind: type[AnsibleError]) -> t.Iterator[set[str]]:
    """Raise the collection's errors as ``kind``, and so the absence of a library that the collection needs.

    Yields a set for the secrets of the plugin, which no message shows.
    """
    secrets: set[str] = set()
    for library in missing_libraries():
        raise kind(missing_required_lib(library))
    try:
        yield secrets
    except CloudflareError as error:
        raise kind(redact(str(error), secrets)) from None
