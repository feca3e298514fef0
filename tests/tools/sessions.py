# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the nox sessions with a tag in parallel, then print the seconds of each, and the command that runs each failed session.

Usage: ``python tests/tools/sessions.py TAG``, with the Python of ``.venv``. nox prints each session's output as soon as the
session ends; on a terminal it also shows which sessions run and how many are left.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
REPORT = CHECKOUT / ".venv/report.json"
NOX = [sys.executable, "-m", "nox"]
# One session more than the machine has processors, since some tests wait.
JOBS = (os.cpu_count() or 1) + 1
# Failed tests of a session that the output names. The others are only counted.
MAX_NAMED = 20


def find_failed_tests(session: str) -> list[str]:
    """Return the names of the pytest tests of a session that failed; none if it runs other tests."""
    folder = CHECKOUT / ".build" / re.sub("[^a-z0-9]+", "-", session).strip("-")
    cache = folder / "ansible_collections/edgecache/cloudflare/.pytest_cache/v/cache/lastfailed"
    return list(json.loads(cache.read_text())) if cache.exists() else []


def main(tag: str) -> int:
    listed = subprocess.run([*NOX, "--list", "--json", "--tags", tag], check=True, stdout=subprocess.PIPE, text=True)
    names = [session["session"] for session in json.loads(listed.stdout)]
    print(f"{len(names)} sessions, {JOBS} at a time: {', '.join(names)}", flush=True)
    REPORT.unlink(missing_ok=True)
    run = subprocess.run([*NOX, "--tags", tag, "--parallel", str(JOBS), "--report", str(REPORT)], check=False)
    results = json.loads(REPORT.read_text())["sessions"]
    for result in results:
        result["session"] = (result["signatures"] or [result["name"]])[0]
    failed = [result for result in results if result["result"] in ("failed", "aborted")]
    passed = [result for result in results if result["result"] == "success"]
    print()
    for result in results:
        print(f"{result['duration']:6.0f} s  {result['result']:8} {result['session']}")
    for result in failed:
        name = result["session"]
        print(f"\nFAILED: {name}. Run it alone: .venv/bin/nox -s '{name}'")
        tests = find_failed_tests(name)
        for test in tests[:MAX_NAMED]:
            print(f"  .venv/bin/nox -s '{name}' -- '{test}'")
        if len(tests) > MAX_NAMED:
            print(f"  and {len(tests) - MAX_NAMED} more tests")
    print(f"\n{len(passed)} passed, {len(failed)} failed")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
