# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator for tests: ``with running_simulator() as simulator: ...``. Needs no more than the standard library."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import typing as t
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class RunningSimulator:
    """A handle on the server's process. The credentials and ids are those of the default seed."""

    token = "simulator-token"
    email = "simulator@example.com"
    key = "simulator-key"
    zone_id = "023e105f4ecef8ad9ca31a8372d0c353"
    empty_zone_id = "9a7806061c88ada191ed06f989cc3dac"

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process
        # Proxies of the environment have no business between a test and loopback. Made once, for it reads certificates.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def stats(self) -> dict[str, t.Any]:
        report: dict[str, t.Any] = self._control("GET", "stats")
        return report

    def zones(self) -> dict[str, dict[str, list[dict[str, t.Any]]]]:
        """By id, ``{mappings, history}`` of each zone, as ``state.Zone`` has them: not counted as a request."""
        zones: dict[str, dict[str, list[dict[str, t.Any]]]] = self._control("GET", "zones")
        return zones

    def mappings(self) -> list[dict[str, str]]:
        """What the zone truly holds."""
        return self.zones()[self.zone_id]["mappings"]

    def reset(self, seed: dict[str, t.Any] | None = None) -> None:
        """Back to the seed given at the start, or to this one; statistics and faults are forgotten."""
        self._control("POST", "reset", seed)

    def fault(self, *faults: dict[str, t.Any], **fault: t.Any) -> None:
        """Queues these, or the one with these keys, which are the fields of ``faults.Fault``."""
        self._control("POST", "faults", list(faults) or fault)

    def faults(self) -> list[dict[str, t.Any]]:
        """What is still queued."""
        queued: list[dict[str, t.Any]] = self._control("GET", "faults")
        return queued

    def clear_faults(self) -> None:
        self._control("DELETE", "faults")

    def _control(self, method: str, name: str, body: t.Any = None) -> t.Any:
        url = self.url.replace("/client/v4", f"/_simulator/{name}")
        data = None if body is None else json.dumps(body).encode()
        with self._opener.open(urllib.request.Request(url, data, method=method), timeout=30) as response:
            return json.load(response)


@contextlib.contextmanager
def running_simulator(*options: str, python: str = sys.executable) -> t.Iterator[RunningSimulator]:
    """Starts the server with these command line options, and stops it at the end."""
    command = [python, "-m", "tests.simulator", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the simulator did not start: exit code {process.wait()}")
            yield RunningSimulator(line.split()[-1], process)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
