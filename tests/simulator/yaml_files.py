# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML files. PyYAML uses libyaml if it can, which is ten times as fast and saves a third of the simulator's start."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> t.Any:
    """Return the content of a file. Raise ``yaml.YAMLError`` if it is not YAML."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
