# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator as a process: its options, its start, its end."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
import typing as t
from pathlib import Path

import pytest

from tests.simulator import __main__
from tests.simulator.api_client import ApiClient
from tests.simulator.testing import running_simulator

SEED = """---
tokens: [{token: another-token}]
zones:
  - {id: 0123456789abcdef0123456789abcdef, name: example.org, tiered_cache: on, fill: 3}
"""


def start_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *options: str
) -> tuple[t.Any, str]:
    """Return the exit code, or its message, and standard error of a start that fails."""
    monkeypatch.setattr(sys, "argv", ["simulator", *options])
    with pytest.raises(SystemExit) as ended:
        __main__.main()
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stops_cleanly_while_requests_hang(number: signal.Signals) -> None:
    with running_simulator() as simulator, contextlib.ExitStack() as stack:
        for kind in ("hang", "hang_body", "latency"):
            simulator.fault(kind=kind, seconds=60)
            stack.enter_context(ApiClient(simulator)).send("GET", "/zones")
        while simulator.stats()["requests"] < 3:
            time.sleep(0.01)
        simulator.process.send_signal(number)
        assert simulator.process.wait(120) == 0


def test_seed_and_latency(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yml"
    seed.write_text(SEED, encoding="utf-8")
    options = ("--seed", str(seed), "--latency", "0.1", "--no-contract-check")
    with running_simulator(*options) as simulator, ApiClient(simulator) as api:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/client/v4", simulator.url)
        api.mappings = "/zones/0123456789abcdef0123456789abcdef/origin/cloud_regions"
        api.credentials = {"Authorization": "Bearer another-token"}
        start = time.monotonic()
        answer = api.get(api.mappings)
        assert time.monotonic() - start >= 0.1
        assert [mapping["origin_ip"] for mapping in answer.result] == [f"2001:db8:f::{n}" for n in (1, 2, 3)]
        # Without the schemas, the operation itself rejects the vendor.
        body = {"origin_ip": "192.0.2.1", "vendor": "acme", "region": "x"}
        assert api.call("PUT", f"{api.mappings}/192.0.2.1", body).error == (400, 1157)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_serves_loopback_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    code, error = start_error(capsys, monkeypatch, "--host", host)
    assert code == 2 and "is not a loopback address" in error


@pytest.mark.parametrize("text", ["zones: [{}]", "[]", "{", None])
def test_invalid_seed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    seed = tmp_path / "seed.yml"
    if text is not None:
        seed.write_text(text, encoding="utf-8")
    message, dummy = start_error(capsys, monkeypatch, "--seed", str(seed))
    assert message.startswith("simulator: ")
