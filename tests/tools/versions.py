# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The releases of ansible-core, the Pythons and the browsers of the sessions, and which of these are installed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.tools.workspace import CHECKOUT

CONSTRAINTS = CHECKOUT / "tests/requirements/constraints.txt"

# The newest release of each supported ansible-core, oldest first, and the Pythons that its controller runs on. The sessions of a
# release use the first installed Python of its list. The lists are ordered so that each Python gets a session.
CORES = {
    "2.16.19": ("3.12", "3.11", "3.10"),
    "2.17.14": ("3.11", "3.12", "3.10"),
    "2.18.19": ("3.13", "3.12", "3.11"),
    "2.19.14": ("3.12", "3.11", "3.13"),
    "2.20.10": ("3.13", "3.12", "3.14"),
    "2.21.5": ("3.14", "3.13", "3.12"),
}
# The Pythons that modules run on.
TARGET_PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
# Commands of the browser that opens the report page. PyPI has no browser: without one, the session "slow" skips these tests.
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_pythons() -> dict[str, str]:
    """Return the folder of each installed Python. Each candidate is run, since a version manager's shim may run nothing."""
    entries = [Path(entry) for entry in os.environ["PATH"].split(os.pathsep)]
    entries += [path for entry in entries if entry.name == "shims" for path in entry.parent.glob("versions/*/bin")]
    found = {}
    for version in TARGET_PYTHONS:
        for entry in entries:
            command = (entry / f"python{version}", "-c", "import ensurepip, sys, venv; print(sys._base_executable)")
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found[version] = str(Path(output.strip()).parent)
                break
    return found


PYTHONS = find_pythons()
# The Python for each core that runs here.
RUNNABLE = {
    core: next(python for python in pythons if python in PYTHONS)
    for core, pythons in CORES.items()
    if not PYTHONS.keys().isdisjoint(pythons)
}
if not RUNNABLE:
    sys.exit("No Python that an ansible-core runs on was found.")
OLDEST, NEWEST = next(iter(RUNNABLE)), list(RUNNABLE)[-1]
PYTHON = RUNNABLE[NEWEST]
# The oldest installed Python for the oldest core.
LOWEST_PYTHON = next((python for python in PYTHONS if python in next(iter(CORES.values()))), None)


def write_lowest(constraints: Path) -> str:
    """Write constraints with the oldest libraries that the collection supports. Return the oldest ansible-core."""
    core: str
    (core,) = re.findall(r'requires_ansible: ">=([\d.]+)"', (CHECKOUT / "meta/runtime.yml").read_text())
    required = (CHECKOUT / "meta/ee-requirements.txt").read_text()
    lowest = dict(re.findall(r"^(\w+)>=([\d.]+)", required, re.MULTILINE))
    # The pinned release of responses needs a newer release of requests.
    replaced = re.compile("|".join([*lowest, "responses"]))
    pins = [line for line in CONSTRAINTS.read_text().splitlines() if not replaced.match(line)]
    constraints.write_text("\n".join([*pins, *(f"{name}=={version}" for name, version in lowest.items())]))
    return core


def find_gaps() -> tuple[str, str]:
    """Return what the sessions test on this machine, and what they cannot test, since a program is not installed."""
    tested = [f"ansible-core {core} on Python {RUNNABLE[core]}" for core in dict.fromkeys((OLDEST, NEWEST))]
    tested += [
        f"unit tests with ansible-core {core} on Python {python}"
        for core, python in RUNNABLE.items()
        if core not in (OLDEST, NEWEST)
    ]
    tested.append(f"modules on Python {', '.join(PYTHONS)}")
    missing = [
        f"ansible-core {core}, which needs Python {' or '.join(CORES[core])}" for core in CORES if core not in RUNNABLE
    ]
    missing += [f"modules on Python {python}" for python in TARGET_PYTHONS if python not in PYTHONS]
    if any(map(shutil.which, BROWSERS)):
        tested.append("the report page in a browser")
    else:
        missing.append("the report page, which needs Chromium")
    return "; ".join(tested), "; ".join(missing)
