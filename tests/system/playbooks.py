# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs playbooks with a real ansible-playbook against the simulator."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from tests.simulator.testing import RunningSimulator

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = """
[origins]
web1.example.com ansible_host=192.0.2.1
web2.example.com ansible_host=2001:DB8:0:0::1
web3.example.com ansible_host=203.0.113.99

[origins:vars]
ansible_connection=local
"""


class Ansible:
    """Runs playbooks in a folder of their own, with nothing in the environment but what is needed."""

    def __init__(self, folder: Path, simulator: RunningSimulator) -> None:
        self.folder = folder
        self.simulator = simulator
        (folder / "inventory").write_text(INVENTORY)
        self.environment = {
            "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT.parents[2])),
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
            "ANSIBLE_NOCOLOR": "true",
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
            "CLOUDFLARE_API_TOKEN": simulator.token,
            "CLOUDFLARE_ZONE_ID": simulator.zone_id,
            "CLOUDFLARE_BASE_URL": simulator.url,
        }

    def play(
        self, tasks: list[dict[str, t.Any]], *arguments: str, environment: dict[str, str] | None = None, **play: t.Any
    ) -> subprocess.CompletedProcess[str]:
        """Runs tasks on localhost, in a play with these keywords."""
        return self.run(
            [{"hosts": "localhost", "gather_facts": False, **play, "tasks": tasks}], *arguments, environment=environment
        )

    def run(
        self, playbook: list[dict[str, t.Any]] | str, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a playbook, given as data or by a name that Ansible knows, in ``environment`` beside the usual one."""
        if not isinstance(playbook, str):
            (self.folder / "playbook.yml").write_text(yaml.safe_dump(playbook, sort_keys=False))
            playbook = "playbook.yml"
        return self._command(["ansible-playbook", "-i", "inventory", playbook, *arguments], environment)

    def inventory(
        self, inventory: dict[str, t.Any], *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """What Ansible makes of an inventory, as JSON on standard output."""
        name = "test.cloudflare_origins.yml" if "plugin" in inventory else "test.yml"
        (self.folder / name).write_text(yaml.safe_dump(inventory, sort_keys=False))
        return self._command(["ansible-inventory", "-i", name, "--list", *arguments], environment)

    def doc(self, kind: str, name: str) -> subprocess.CompletedProcess[str]:
        """The page of ansible-doc."""
        return self._command(["ansible-doc", "-t", kind, f"edgecache.cloudflare.{name}"], None)

    def _command(self, command: list[str], environment: dict[str, str] | None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
