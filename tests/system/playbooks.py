# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run playbooks with the real ansible-playbook against the simulator, in new processes or in forks of a server."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
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
    """Runs playbooks in a separate folder, with a minimal environment."""

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
            "TMPDIR": str(folder),  # has the rate limit that the tasks share
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
            "CLOUDFLARE_API_TOKEN": simulator.token,
            "CLOUDFLARE_ZONE_ID": simulator.zone_id,
            "CLOUDFLARE_BASE_URL": simulator.url,
        }

    def play(
        self, tasks: list[dict[str, t.Any]], *arguments: str, environment: dict[str, str] | None = None, **play: t.Any
    ) -> subprocess.CompletedProcess[str]:
        """Run tasks on localhost, in a play with these keywords."""
        return self.run(
            [{"hosts": "localhost", "gather_facts": False, **play, "tasks": tasks}], *arguments, environment=environment
        )

    def run(
        self, playbook: list[dict[str, t.Any]] | str, *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook, given as data or by its name or path. ``environment`` adds variables."""
        if not isinstance(playbook, str):
            (self.folder / "playbook.yml").write_text(yaml.safe_dump(playbook, sort_keys=False))
            playbook = "playbook.yml"
        return self._command(["ansible-playbook", "-i", "inventory", playbook, *arguments], environment)

    def inventory(
        self, inventory: dict[str, t.Any], *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ansible-inventory with an inventory. Its standard output is JSON."""
        name = self.write_inventory(inventory)
        return self._command(["ansible-inventory", "-i", name, "--list", *arguments], environment)

    def inventory_graph(self, inventory: dict[str, t.Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ansible-inventory with an inventory. Its standard output is the tree of the groups."""
        return self._command(["ansible-inventory", "-i", self.write_inventory(inventory), "--graph", *arguments], None)

    def write_inventory(self, inventory: dict[str, t.Any]) -> str:
        """Write an inventory into the folder, and return the name of the file. A plugin's file has its own suffix."""
        suffixes = {
            "edgecache.cloudflare.origin_cloud_regions": ".cloudflare_origins",
            "edgecache.cloudflare.zones": ".cloudflare_zones",
        }
        name = f"test{suffixes.get(inventory.get('plugin', ''), '')}.yml"
        (self.folder / name).write_text(yaml.safe_dump(inventory, sort_keys=False))
        return name

    def inventories(
        self, sources: list[dict[str, t.Any]], *arguments: str, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ansible-inventory with several sources of the collection's plugin, given by their options."""
        for number, options in enumerate(sources, 1):
            source = {"plugin": "edgecache.cloudflare.origin_cloud_regions", **options}
            path = self.folder / f"{number}.cloudflare_origins.yml"
            path.write_text(yaml.safe_dump(source, sort_keys=False))
            arguments = (*arguments, "-i", path.name)
        return self._command(["ansible-inventory", "--list", *arguments], environment)

    def doc(self, kind: str, name: str) -> subprocess.CompletedProcess[str]:
        """Run ansible-doc for a plugin."""
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


class ForkServer:
    """The client of ``fork_server.py``. The first run starts the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._numbers = itertools.count()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def run(self, folder: Path, environment: dict[str, str], **request: t.Any) -> subprocess.CompletedProcess[str]:
        """Run a command or a module: see ``fork_server.handle_request``."""
        if self._process is None:
            self._process = self._start(environment)
        assert self._process.stdin and self._process.stdout
        number = next(self._numbers)
        output, errors = (self.folder / f"{number}.{name}" for name in ("stdout", "stderr"))
        request.update(folder=str(folder), environment=environment, stdout=str(output), stderr=str(errors))
        try:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            answer = self._process.stdout.readline()
        except BaseException:
            # Otherwise, the next request would get the answer to this one.
            self.stop()
            raise
        assert answer, "the fork server has ended"
        return subprocess.CompletedProcess(
            request.get("command", ()), int(answer), output.read_text("utf-8"), errors.read_text("utf-8")
        )

    def stop(self) -> None:
        """Stop the server and its current run."""
        process, self._process = self._process, None
        if process:
            with process, contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)

    def _start(self, environment: dict[str, str]) -> subprocess.Popen[str]:
        """Start the server with the environment for Ansible's settings, which all runs share."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "tests/system/fork_server.py")],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )


class ForkedAnsible(Ansible):
    """Runs the same commands by a fork server, for tests that do not check processes, temporary files, or the log of Ansible.

    The fork server keeps the settings of Ansible (``ANSIBLE_*``) from its start, except those of callbacks and other plugins.
    """

    def __init__(self, folder: Path, simulator: RunningSimulator, server: ForkServer) -> None:
        super().__init__(folder, simulator)
        self.server = server
        del self.environment["ANSIBLE_LOG_PATH"]
        self.environment.update(
            ANSIBLE_HOME=str(server.folder / "ansible"),
            ANSIBLE_PIPELINING="true",
            # With pipelining, a module that creates a missing folder warns.
            ANSIBLE_REMOTE_TEMP=str(server.folder),
        )

    def module(self, name: str, options: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the result of a module of the collection, without the invocation."""
        run = self.server.run(self.folder, self.environment, module=name, options=options)
        assert run.stdout and not run.stderr, run.stdout + run.stderr
        result: dict[str, t.Any] = json.loads(run.stdout)
        result.pop("invocation", None)
        return result

    def _command(self, command: list[str], environment: dict[str, str] | None) -> subprocess.CompletedProcess[str]:
        return self.server.run(self.folder, {**self.environment, **(environment or {})}, command=command)
