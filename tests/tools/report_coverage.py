# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Report the coverage that ansible-test has combined. Fails if a file of ``FULLY_COVERED`` has a line that no unit test runs."""

from __future__ import annotations

import subprocess
import sys

FULLY_COVERED = (
    "_api/client.py",
    "_api/origin_cloud_regions.py",
    "_hints/reconcile.py",
    "_http/pacing.py",
    "_http/session.py",
    "_ranges/parsers.py",
)
FOLDER = "tests/output/coverage"
TOTAL = ("--data-file", f"{FOLDER}/total")


def coverage(*arguments: str) -> bool:
    """Run a command of coverage. Return whether it passed."""
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], check=False).returncode == 0


def main() -> None:
    # The stubs add the files that no test has imported.
    passed = [coverage("combine", "-q", *TOTAL, "--keep", f"{FOLDER}/coverage", f"{FOLDER}/coverage=stub-01")]
    report = ("report", *TOTAL, "--show-missing", "--include")
    passed.append(coverage(*report, "plugins/*"))
    passed += [coverage(*report, f"plugins/module_utils/{file}", "--fail-under", "100") for file in FULLY_COVERED]
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
