# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs for maintainers and for the sessions of nox."""

from __future__ import annotations

import sys
from pathlib import Path

# The folder of ansible_collections, for programs that run without Ansible's import of collections. noxfile.py lies elsewhere.
sys.path += map(str, Path(__file__).resolve().parents[5:6])
