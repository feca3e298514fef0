# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python libraries that the collection needs. Private to the collection: other code must not import this file."""

from __future__ import annotations

import importlib.util


def missing_libraries() -> list[str]:
    """Return the libraries that are not installed.

    It imports none of them: the code that uses a library imports it, since each import takes time.
    """
    return [library for library in ("requests", "netaddr") if importlib.util.find_spec(library) is None]
