# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install the collection awx.awx where this collection is. PyPI has it in an older release of the package ansible."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PREFIX = "ansible_collections/awx/awx/"


def install(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as download:
        options = ("-q", "--no-deps", "-c", "tests/requirements/constraints.txt", "-d", download)
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "ansible"], check=True)
        (wheel,) = Path(download).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(PREFIX)])


if __name__ == "__main__":
    root = Path.cwd().parents[2]
    if not (root / PREFIX).exists():
        install(root)
