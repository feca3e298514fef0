# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command, and measure its time and memory."""

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

MEASURED_PREFIX = "measured"
"""The prefix of the names of measured tasks."""


class Measurement(t.NamedTuple):
    """The ``seconds`` of each repetition of the job, and the peak memory of the command's largest process."""

    seconds: list[float]
    peak_bytes: int


class Command(t.Protocol):
    def run(self, bench: Bench) -> Measurement:
        """Run the command, which does the job one or more times."""


@dataclass
class Playbook:
    """ansible-playbook. Tasks may use the variables ``url`` (of the zone's mappings) and ``headers``.

    Only the tasks whose names start with ``MEASURED_PREFIX`` are measured.
    """

    tasks: list[dict[str, t.Any]]
    variables: dict[str, t.Any] = field(default_factory=dict)
    hosts: dict[str, dict[str, t.Any]] = field(default_factory=lambda: {"localhost": {}})
    forks: int = 5
    is_one_job: bool = False
    """Whether all measured tasks together are one repetition of the job."""

    def run(self, bench: Bench) -> Measurement:
        # Like most users: hosts and variables in their own files
        interpreter = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {name: {**interpreter, **variables} for name, variables in self.hosts.items()}
        (bench.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
        (bench.folder / "variables.json").write_text(json.dumps({**bench.request_variables, **self.variables}))
        play = {"hosts": "all", "gather_facts": False, "vars_files": ["variables.json"], "tasks": self.tasks}
        (bench.folder / "playbook.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        seconds = bench.folder / "seconds"
        seconds.write_text("")
        command = ("ansible-playbook", "-i", "inventory.json", "-f", str(self.forks), "playbook.yml")
        measurement = execute(bench, command)
        tasks = [json.loads(line) for line in seconds.read_text().splitlines()]
        measured = [task["seconds"] for task in tasks if task["name"].startswith(MEASURED_PREFIX)]
        return Measurement([sum(measured)] if self.is_one_job else measured, measurement.peak_bytes)


@dataclass
class Script:
    """A Python module of this folder, which measures itself without its imports. Its input is JSON."""

    name: str
    data: dict[str, t.Any]

    def run(self, bench: Bench) -> Measurement:
        command = (sys.executable, "-m", f"benchmarks.{self.name}")
        measurement = execute(bench, command, json.dumps(self.data), PYTHONPATH=bench.python_path)
        return Measurement(json.loads(read_output(bench)), measurement.peak_bytes)


@dataclass
class WholeCommand:
    """Any command, measured from its start to its end."""

    command: tuple[str, ...]

    def run(self, bench: Bench) -> Measurement:
        return execute(bench, self.command)


def execute(bench: Bench, command: t.Sequence[str], stdin: str = "", **environment: str) -> Measurement:
    """Run a command to its end. ``read_output`` returns its output. Raise ``RuntimeError`` if it fails."""
    (bench.folder / "input").write_text(stdin)
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
        raise RuntimeError(f"{' '.join(command)}: exit code {process.returncode}\n{read_output(bench)[-4000:]}")
    return Measurement([seconds], usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def read_output(bench: Bench) -> str:
    return (bench.folder / "output").read_text()
