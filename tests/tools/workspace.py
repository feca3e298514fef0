# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copy of the checkout and the home that each session works in, under ``.build``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections/edgecache/cloudflare"
"""The end of the path of a copy, which ansible-test requires."""


def list_files(checkout: Path) -> set[Path]:
    """Return the files of a work tree, known to git or new, without those that git ignores."""
    command = ("git", "-C", checkout, "ls-files", "-coz", "--exclude-standard")
    listed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split("\0")
    return {Path(path) for path in listed if path and os.path.lexists(checkout / path)}


def copy_checkout(collection: Path) -> None:
    """Update a copy of the checkout.

    The copy is a separate Git repository, since ansible-test finds no files in a folder that the surrounding repository ignores.
    """
    if not (collection / ".git").exists():
        subprocess.run(("git", "init", "-q", collection), check=True)
    wanted = list_files(CHECKOUT)
    for path in list_files(collection) - wanted:
        (collection / path).unlink()
    for path in wanted:
        source, target = CHECKOUT / path, collection / path
        new, old = source.lstat(), target.lstat() if os.path.lexists(target) else None
        if old and (old.st_mode, old.st_size, old.st_mtime_ns) == (new.st_mode, new.st_size, new.st_mtime_ns):
            continue
        target.unlink(missing_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def build_folder() -> Path:
    """Return ``.build``, or another folder if the path of the checkout has blanks, for which ansible-core 2.16 fails."""
    folder = CHECKOUT / ".build"
    if re.search(r"\s", str(CHECKOUT)):
        if not folder.exists():
            folder.unlink(missing_ok=True)
            folder.symlink_to(tempfile.mkdtemp(prefix="edgecache.cloudflare-"))
        return folder.resolve()
    return folder


def create_workspace(folder: Path) -> dict[str, str]:
    """Update the copy and the home in this folder. Return the environment that makes programs use them."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    copy_checkout(folder / COLLECTION)
    return {
        "HOME": str(home),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(folder),
        # The simulator is not behind the user's proxy.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
