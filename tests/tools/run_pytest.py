# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run pytest in a process that imports the collections of ``ANSIBLE_COLLECTIONS_PATH``."""

from __future__ import annotations

import sys

import pytest
from ansible.plugins.loader import init_plugin_loader

if __name__ == "__main__":
    init_plugin_loader()
    sys.exit(pytest.main(sys.argv[1:]))
