# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rehearse the release of the version that galaxy.yml has with "-dev": changelog, artifact, and what is in it.

Runs in a copy of the checkout. ``--write CHECKOUT`` also writes version and changelog to the checkout, removes its
fragments, and leaves the artifact in its ``.build``. A version without "-dev" has its changelog already.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.tools.workspace import list_files

VERSION_FILE = "plugins/module_utils/_version.py"
# What Ansible, AWX and readers of changelogs and licences load. Of the other files, a user needs the pages only.
LOADED = ("LICENSES", "changelogs/changelog.yaml", "extensions", "meta", "playbooks", "plugins", "roles")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
"""A link of a Markdown page to another file; its path is the group."""


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def read_version() -> str:
    number: str
    (number,) = re.findall(r"^version: (\S+)$", Path("galaxy.yml").read_text(), re.MULTILINE)
    return number


def write_version(number: str) -> None:
    """Write the version to galaxy.yml and to the file that the code reads."""
    for path, pattern, line in (
        ("galaxy.yml", "^version: .*$", f"version: {number}"),
        (VERSION_FILE, "^VERSION = .*$", f'VERSION = "{number}"'),
    ):
        text = Path(path).read_text()
        Path(path).write_text(re.sub(pattern, line, text, flags=re.MULTILINE))


def release() -> str:
    """Write version and changelog; return the version."""
    current = read_version()
    number = current.removesuffix("-dev")
    if number != current:
        write_version(number)
        run("antsibull-changelog", "release", "--reload-plugins", "--verbose")
    return number


def check_changelog(number: str) -> None:
    changelog = Path("CHANGELOG.md").read_text().replace("\\", "")
    patterns = ("plugins/[ilm]*/[a-z]*.py", "playbooks/*.yml", "roles/*")
    names = [path.stem for pattern in patterns for path in Path().glob(pattern)]
    missing = [name for name in names if f"edgecache.cloudflare.{name} - " not in changelog]
    if f"## v{number}\n" not in changelog or missing:
        sys.exit(f"CHANGELOG.md has no version {number}, or does not mention {', '.join(missing)}")


def find_pages() -> set[Path]:
    """Return README.md and the files that it links to, directly or through other pages."""
    pages: set[Path] = set()
    found = {Path("README.md")}
    while found:
        pages |= found
        texts = [(page, page.read_text()) for page in found if page.suffix == ".md" and page.is_file()]
        links = {page.parent / link for page, text in texts for link in LINK.findall(text)}
        found = {Path(os.path.normpath(link)) for link in links} - pages
    return pages


def check_artifact(artifact: Path) -> None:
    """Check that the artifact contains the files that a user needs and no others: those in LOADED, and all pages."""
    with tarfile.open(artifact) as archive:
        packed = {Path(member.name) for member in archive if not member.isdir()}
    print(*sorted(packed), sep="\n")
    loaded = {path for path in list_files(Path()) if any(path.is_relative_to(name) for name in LOADED)}
    needed = {Path("FILES.json"), Path("MANIFEST.json"), *loaded, *find_pages()}
    if packed != needed:
        sys.exit(
            f"the artifact has files that no user needs: {format_paths(packed - needed)};"
            f" it lacks files that a user needs: {format_paths(needed - packed)}."
            " Correct build_ignore in galaxy.yml, or the links of the pages"
        )


def format_paths(paths: set[Path]) -> str:
    return ", ".join(sorted(map(str, paths))) or "none"


def write(checkout: Path, artifact: Path) -> None:
    for path in checkout.glob("changelogs/fragments/*.yml"):
        path.unlink()
    for name in ("galaxy.yml", VERSION_FILE, "CHANGELOG.md", "changelogs/changelog.yaml"):
        shutil.copy2(name, checkout / name)
    shutil.copy2(artifact, checkout / ".build")
    print(f"Review the changes, commit them, and tag them. The artifact is .build/{artifact.name}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="CHECKOUT")
    options = parser.parse_args()
    number = release()
    check_changelog(number)
    with tempfile.TemporaryDirectory() as folder:
        run("ansible-galaxy", "collection", "build", "--output-path", folder)
        (artifact,) = Path(folder).iterdir()
        check_artifact(artifact)
        if options.write:
            write(options.write, artifact)


if __name__ == "__main__":
    main()
