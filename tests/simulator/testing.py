# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator for tests: ``with running_simulator() as simulator: ...``. It needs only the standard library."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTROL_TIMEOUT_SECONDS = 120


class ControlError(Exception):
    """The simulator rejects a request to the control API."""


class RunningSimulator:
    """A running simulator. The credentials and ids are those of the default seed."""

    token = "simulator-token"
    email = "simulator@example.com"
    key = "simulator-key"
    zone_id = "023e105f4ecef8ad9ca31a8372d0c353"
    empty_zone_id = "9a7806061c88ada191ed06f989cc3dac"
    account_id = "01a7362d577a6c3019a474fd6f485823"

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process
        self._connection = http.client.HTTPConnection(url.split("/")[2], timeout=CONTROL_TIMEOUT_SECONDS)
        self._lock = threading.Lock()

    def stats(self) -> dict[str, t.Any]:
        report: dict[str, t.Any] = self._control("GET", "stats")
        return report

    def zones(self) -> dict[str, dict[str, list[dict[str, t.Any]]]]:
        """Return, by zone id, ``{mappings, history}`` in the form of ``state.Zone``. This is not counted as a request."""
        zones: dict[str, dict[str, list[dict[str, t.Any]]]] = self._control("GET", "zones")
        return zones

    def report(self) -> dict[str, t.Any]:
        """Return the statistics, with ``zones()`` under the key ``zones``."""
        report: dict[str, t.Any] = self._control("GET", "report")
        return report

    def mappings(self) -> list[dict[str, str]]:
        """Return the mappings of the default zone. This is not counted as a request."""
        return self.zones()[self.zone_id]["mappings"]

    def reset(self, seed: dict[str, t.Any] | None = None) -> None:
        """Load the first seed, or this one. Clear statistics and faults, then queue the seed's ``faults``."""
        self._control("POST", "reset", seed)

    def fault(self, *faults: dict[str, t.Any], **fault: t.Any) -> None:
        """Queue these faults, or one fault with these fields of ``faults.Fault``."""
        self._control("POST", "faults", list(faults) or fault)

    def faults(self) -> list[dict[str, t.Any]]:
        """Return the queued faults."""
        queued: list[dict[str, t.Any]] = self._control("GET", "faults")
        return queued

    def silent_ports(self) -> list[int]:
        """Return the ports of the clients whose request hangs because of a fault."""
        ports: list[int] = self._control("GET", "silent_ports")
        return ports

    def clear_faults(self) -> None:
        self._control("DELETE", "faults")

    def _control(self, method: str, name: str, body: t.Any = None) -> t.Any:
        with self._lock:
            try:
                self._connection.request(method, f"/_simulator/{name}", None if body is None else json.dumps(body))
                response = self._connection.getresponse()
                answer = json.loads(response.read())
            except BaseException:  # after any interruption, the next request needs a new connection
                self._connection.close()
                raise
        if response.status != 200:
            raise ControlError(answer["error"])
        return answer

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def running_simulator(*options: str, python: str = sys.executable) -> t.Iterator[RunningSimulator]:
    """Start the server with these command-line options, and stop it at the end."""
    command = [python, "-m", "tests.simulator", *options]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the simulator did not start: exit code {process.wait()}")
            with contextlib.closing(RunningSimulator(line.split()[-1], process)) as running:
                yield running
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
