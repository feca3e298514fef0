# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plant small errors in five files with mutmut, one at a time, and show those that no unit test finds.

Runs in a copy of the checkout. Fails if the unit tests find fewer than ``MIN_FOUND`` of them. Arguments are names of mutants,
as mutmut takes them; then the share is not checked.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

COLLECTION = Path("ansible_collections/edgecache/cloudflare")
MUTATED = (
    "_api/client.py",
    "_api/origin_cloud_regions.py",
    "_hints/reconcile.py",
    "_http/pacing.py",
    "_http/session.py",
)
# The files that the unit tests need.
TEST_FILES = ("galaxy.yml", "meta", "plugins", "tests/simulator", "tests/unit")
MIN_FOUND = 0.97


def prepare(root: Path) -> None:
    """Copy the tests to the root, where pytest does not find them under a name that Ansible's import hook is for."""
    for name in TEST_FILES:
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if Path(name).is_dir() else shutil.copy2)(name, root / name)
    shutil.rmtree(root / "mutants", ignore_errors=True)
    (root / "mutants/ansible_collections").mkdir(parents=True)
    settings = configparser.RawConfigParser()
    settings["mutmut"] = {
        "source_paths": "ansible_collections",
        "only_mutate": "\n".join(f"{COLLECTION}/plugins/module_utils/{file}" for file in MUTATED),
        "also_copy": "\n".join(TEST_FILES),
        "pytest_add_cli_args_test_selection": "tests/unit/plugins",
        "pytest_add_cli_args": "--import-mode=importlib\n-p\nno:cacheprovider",
    }
    with (root / "setup.cfg").open("w") as file:
        settings.write(file)


def mutmut(*arguments: str, show: bool = True) -> str:
    """Run a command of mutmut in a process that imports the collections. Return its output, if it is not shown."""
    command = (sys.executable, __file__, "--mutmut", *arguments)
    run = subprocess.run(command, check=True, stdout=None if show else subprocess.PIPE, text=True)
    return run.stdout or ""


def run_mutmut() -> None:
    """Be mutmut. Its names of tests are split at "::", which is also in an address: so it runs whole functions, the fastest first."""
    from ansible.plugins.loader import init_plugin_loader
    from mutmut.__main__ import cli
    from mutmut.runners.harness import PytestRunner

    init_plugin_loader()
    arguments = PytestRunner._pytest_args_regular_run
    PytestRunner._pytest_args_regular_run = lambda self, tests: arguments(
        self, dict.fromkeys(test.split("[")[0] for test in tests)
    )
    cli()


def main(names: list[str]) -> None:
    root = Path.cwd().parents[2]
    prepare(root)
    os.chdir(root)
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(root / "mutants")
    mutmut("run", *names)
    for survivor in re.findall(r"^ *(\S+): survived$", mutmut("results", show=False), re.MULTILINE):
        mutmut("show", survivor)
    mutmut("export-cicd-stats")
    stats = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text())
    found, total = stats["killed"] + stats["timeout"], stats["total"]
    print(f"Found: {found} of {total}, {100 * found / total:.1f} %")
    if not names and found < MIN_FOUND * total:
        sys.exit(f"fewer than {MIN_FOUND:.0%} were found")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--mutmut"]:
        del sys.argv[1]
        run_mutmut()
    else:
        main(sys.argv[1:])
