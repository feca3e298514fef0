# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python libraries that the collection needs and does not find. Private: no other collection may rely on this file."""

from __future__ import annotations

import importlib.util


def missing_libraries() -> list[str]:
    """Those that are not installed. None is imported here: that is left to what uses it, for it takes its time."""
    return [library for library in ("requests", "netaddr") if importlib.util.find_spec(library) is None]
