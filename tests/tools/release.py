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

VERSION_FILE = "plugins/module_utils/_version.py"
# What the artifact holds: what a user needs, and what Ansible adds.
SHIPPED = {
    *("FILES.json", "MANIFEST.json", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md"),
    *("LICENSES", "changelogs", "docs", "extensions", "meta", "playbooks", "plugins", "roles"),
}


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def write_version(number: str) -> None:
    for path, pattern, line in (
        ("galaxy.yml", "^version: .*$", f"version: {number}"),
        (VERSION_FILE, "^VERSION = .*$", f'VERSION = "{number}"'),
    ):
        text = Path(path).read_text()
        Path(path).write_text(re.sub(pattern, line, text, flags=re.MULTILINE))


def release() -> str:
    """Write version and changelog; return the version."""
    (current,) = re.findall(r"^version: (\S+)$", Path("galaxy.yml").read_text(), re.MULTILINE)
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


def check_artifact(artifact: Path) -> None:
    """Check the files in the artifact, and that its pages link only to files in it."""
    with tarfile.open(artifact) as archive:
        packed = {Path(member.name) for member in archive if not member.isdir()}
    print(*sorted(packed), sep="\n")
    strays = {path for path in packed if path.parts[0] not in SHIPPED or any(part[0] == "." for part in path.parts)}
    if strays:
        sys.exit(f"the artifact must not hold {', '.join(map(str, strays))}")
    links = [
        (page, os.path.normpath(page.parent / link))
        for page in packed
        if page.suffix == ".md"
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    ]
    dead = [f"{page} to {link}" for page, link in links if not any(path.is_relative_to(link) for path in packed)]
    if dead:
        sys.exit(f"pages in the artifact link to files that it does not hold: {', '.join(dead)}")


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
