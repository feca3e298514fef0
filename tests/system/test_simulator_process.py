# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator as a process: its options, its start, its end."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.simulator.plain_client import Api
from tests.simulator.testing import ROOT, running_simulator

SEED = """---
tokens: [{token: another-token}]
zones:
  - {id: 0123456789abcdef0123456789abcdef, name: example.org, tiered_cache: on, fill: 3}
"""


def refusal(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.simulator", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["hang", "hang_body", "latency"])
def test_stops_cleanly_while_a_request_hangs(number: signal.Signals, kind: str) -> None:
    with running_simulator() as simulator:
        simulator.fault(kind=kind, seconds=60)
        with Api(simulator) as api:
            api.send("GET", "/zones")
            while not simulator.stats()["requests"]:
                pass
            simulator.process.send_signal(number)
            assert simulator.process.wait(30) == 0


def test_seed_and_latency(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yml"
    seed.write_text(SEED, encoding="utf-8")
    options = ("--seed", str(seed), "--latency", "0.1", "--no-contract-check")
    with running_simulator(*options) as simulator, Api(simulator) as api:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/client/v4", simulator.url)
        api.mappings = "/zones/0123456789abcdef0123456789abcdef/origin/cloud_regions"
        api.credentials = {"Authorization": "Bearer another-token"}
        start = time.monotonic()
        answer = api.get(api.mappings)
        assert time.monotonic() - start >= 0.1
        assert [mapping["origin_ip"] for mapping in answer.result] == [f"2001:db8:f::{n}" for n in (1, 2, 3)]
        # Without the check of schemas, the API's own judgement of a vendor comes to light.
        body = {"origin_ip": "192.0.2.1", "vendor": "acme", "region": "x"}
        assert api.call("PUT", f"{api.mappings}/192.0.2.1", body).error == (400, 1157)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_serves_loopback_only(host: str) -> None:
    done = refusal("--host", host)
    assert done.returncode == 2
    assert "is not a loopback address" in done.stderr


def test_wrong_seed(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yml"
    for text in ("zones: [{}]", "[]", "{"):
        seed.write_text(text, encoding="utf-8")
        done = refusal("--seed", str(seed))
        assert done.returncode == 1
        assert done.stderr.startswith("simulator: ")
    assert refusal("--seed", str(tmp_path / "none.yml")).returncode == 1
