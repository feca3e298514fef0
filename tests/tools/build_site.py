# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the documentation as HTML in ``.build/site/html``: the pages of docs/ and those of the plugins.

A reference to something that does not exist is an error. Runs in a copy of the checkout whose path ends in
``ansible_collections/edgecache/cloudflare``. Arguments are for sphinx-build, which then is the only check.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

HTML = Path.cwd().parents[2] / "html"
REMOTE = re.compile(r"<(?!a )[^>]* (?:href|src)=\"?(?:https?:)?//[^>]*>")
"""A tag that makes a browser load something from another server."""


def build(options: list[str]) -> int:
    """Return the number of checks that failed."""
    shutil.copy("docs/docsite/index.md", ".")
    Path("reference").mkdir(mode=0o755, exist_ok=True)
    subprocess.run(
        [
            *("antsibull-docs", "--config-file", "docs/docsite/antsibull-docs.cfg", "collection", "--use-current"),
            *("--squash-hierarchy", "--fail-on-error", "--dest-dir", "reference", "edgecache.cloudflare"),
        ],
        check=True,
    )
    shutil.rmtree(HTML, ignore_errors=True)  # Sphinx warns only about pages that it reads again
    sphinx = ["sphinx-build", "-qW", "--keep-going", "-c", "docs/docsite", *options, ".", str(HTML)]
    failed = subprocess.run(sphinx, check=False).returncode != 0
    if options:
        return failed
    # Sphinx does not check links in HTML, and relative ones in the documentation of plugins.
    lychee = ["lychee", "--offline", "--include-fragments", "--extensions", "html", "--no-progress", str(HTML)]
    dead = subprocess.run(lychee, check=False).returncode != 0
    remote = [tag for page in HTML.rglob("*.html") for tag in REMOTE.findall(page.read_text())]
    if remote:
        print(f"a browser would load this from another server: {remote[0]}")
    print(f"The first page is {(HTML / 'index.html').as_uri()}")
    return failed + dead + bool(remote)


if __name__ == "__main__":
    sys.exit(build(sys.argv[1:]))
