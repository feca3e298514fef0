# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run pytest in a process that imports the collections of ``ANSIBLE_COLLECTIONS_PATH``.

It leaves the names of the tests that failed for the summary of ``make test``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

if __name__ == "__main__":
    init_plugin_loader()
    Path(".pytest_cache/v/cache/lastfailed").unlink(missing_ok=True)
    sys.exit(pytest.main(["-q", *sys.argv[1:]]))
