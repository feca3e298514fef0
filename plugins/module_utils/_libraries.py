# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python libraries that the collection needs and does not find. Private: no other collection may rely on this file."""

from __future__ import annotations

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import NETADDR_IMPORT_ERROR
from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import REQUESTS_IMPORT_ERROR


def missing_libraries() -> dict[str, str]:
    """Each missing library with the traceback of its import."""
    errors = {"requests": REQUESTS_IMPORT_ERROR, "netaddr": NETADDR_IMPORT_ERROR}
    return {library: error for library, error in errors.items() if error}
