# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prepare the home of ansible-test, which gets what it installs from the same place as the user's pip."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

GET_PIP = Path(__file__).with_name("get_pip.py")


def run_pip(*arguments: str) -> str:
    command = (sys.executable, "-m", "pip", *arguments)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def read_pip_settings() -> configparser.RawConfigParser:
    """Return the user's settings of pip, as of the environment and of the files."""
    settings = configparser.RawConfigParser()
    # Backwards, so that the environment's, which are named ":env:.index-url" and the like, come last and win.
    for line in sorted(run_pip("config", "list").splitlines(), reverse=True):
        name, value = line.split("=", 1)
        section, key = name.rsplit(".", 1)
        settings.read_dict({section.replace(":env:", "global"): {key: ast.literal_eval(value)}})
    settings.read_dict({"global": {"cache-dir": run_pip("cache", "dir")}})
    return settings


def prepare_home(home: Path, virtualenv: Path) -> None:
    """Add the settings of pip and the scripts that install pip for the ansible-test of a virtual environment.

    ansible-test hides the environment from its pip. It downloads the scripts unless they are in its cache.
    """
    (requirements,) = virtualenv.glob("lib/*/*/ansible_test/_internal/python_requirements.py")
    cache, pip = home / ".ansible/test/cache", home / ".config/pip"
    for folder in (cache, pip):
        folder.mkdir(parents=True, exist_ok=True)
    for version in re.findall(r"\bpip='([\d.]+)'", requirements.read_text()):
        shutil.copy(GET_PIP, cache / f"get_pip_{version.replace('.', '_')}.py")
    with (pip / "pip.conf").open("w") as file:
        read_pip_settings().write(file)
