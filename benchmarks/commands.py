# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one command, and tells how long it took and how much memory it had."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass, field

import yaml

from .bench import Bench

MEASURED = "measured"
"""How the names of the tasks begin that the callback's seconds are kept of."""


class Ran(t.NamedTuple):
    """``seconds`` of each time that the job was done; ``peak`` bytes of the command's largest process."""

    seconds: list[float]
    peak: int


class Command(t.Protocol):
    def run(self, bench: Bench) -> Ran:
        """Do the job, as often as the command does it."""


@dataclass
class Playbook:
    """ansible-playbook. Its tasks may use ``url`` and ``headers``, for requests below the zone's mappings.

    Counted are the tasks whose names begin with ``MEASURED``, each from its start to its end.
    """

    tasks: list[dict[str, t.Any]]
    variables: dict[str, t.Any] = field(default_factory=dict)
    hosts: dict[str, dict[str, t.Any]] = field(default_factory=lambda: {"localhost": {}})
    forks: int = 5
    together: bool = False
    """All its counted tasks are one job."""

    def run(self, bench: Bench) -> Ran:
        # As most would: data in files of their own
        interpreter = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {name: {**interpreter, **variables} for name, variables in self.hosts.items()}
        (bench.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        (bench.folder / "variables.json").write_text(json.dumps({**bench.asking, **self.variables}))
        play = {"hosts": "all", "gather_facts": False, "vars_files": ["variables.json"], "tasks": self.tasks}
        (bench.folder / "playbook.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        seconds = bench.folder / "seconds"
        seconds.write_text("")
        command = ("ansible-playbook", "-i", "inventory.json", "-f", str(self.forks), "playbook.yml")
        whole = execute(bench, command)
        tasks = [json.loads(line) for line in seconds.read_text().splitlines()]
        counted = [task["seconds"] for task in tasks if task["name"].startswith(MEASURED)]
        return Ran([sum(counted)] if self.together else counted, whole.peak)


@dataclass
class Script:
    """A Python script that times itself after its imports: a module of this folder, with JSON for its input."""

    name: str
    data: dict[str, t.Any]

    def run(self, bench: Bench) -> Ran:
        command = (sys.executable, "-m", f"benchmarks.{self.name}")
        whole = execute(bench, command, json.dumps(self.data), PYTHONPATH=bench.python_path)
        return Ran(json.loads(output(bench)), whole.peak)


@dataclass
class Whole:
    """Any command, timed from its start to its end."""

    command: tuple[str, ...]

    def run(self, bench: Bench) -> Ran:
        return execute(bench, self.command)


def execute(bench: Bench, command: t.Sequence[str], given: str = "", **environment: str) -> Ran:
    """Run to the end; an error if it fails. Its output is in the folder then."""
    (bench.folder / "input").write_text(given)
    with (bench.folder / "input").open() as source, (bench.folder / "output").open("w") as sink:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=bench.folder,
            env={**bench.environment, **environment},
            stdin=source,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
        dummy, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{output(bench)[-4000:]}")
    return Ran([seconds], usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def output(bench: Bench) -> str:
    return (bench.folder / "output").read_text()
