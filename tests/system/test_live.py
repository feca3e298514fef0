# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comparison of the API's answers with the contract (tests.tools.live), run against the simulator."""

from __future__ import annotations

import collections
import contextlib
import ipaddress
import os
import re
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from tests.simulator.contract import Contract
from tests.simulator.testing import ROOT, RunningSimulator
from tests.tools import live

pytestmark = pytest.mark.slow

DOCUMENTATION = ipaddress.ip_network("2001:db8::/32")
SUPPORTED = "origin-cloud-regions-v2-supported-regions"
PUT = "origin-cloud-regions-v2-upsert"
DELETE = "origin-cloud-regions-v2-delete"
PUT_BATCH = "origin-cloud-regions-v2-batch-upsert"
DELETE_BATCH = "origin-cloud-regions-v2-batch-delete"
ADDRESS = "2001:db8:[0-9a-f:]+"
READS = sum(operation.method == "GET" for operation in Contract().specifications().values()) + 2
"""The requests without ``--write``: each operation that reads, the list of zones and the read of one mapping twice."""
WRITES = 6


class CheckedZone:
    """The zone of the check, with its mappings before the check, and the environment variables of the check."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self._simulator = simulator
        self._before = simulator.mappings()
        self.environment = {
            "CLOUDFLARE_API_TOKEN": simulator.token,
            "CLOUDFLARE_ZONE_ID": simulator.zone_id,
            "CLOUDFLARE_BASE_URL": simulator.url,
        }

    def written(self) -> list[str]:
        """Return the addresses of all writes, in order."""
        return [one["origin_ip"] for one in self._simulator.zones()[self._simulator.zone_id]["history"]]

    def is_as_before(self) -> bool:
        return self._simulator.mappings() == self._before

    def requests(self) -> int:
        stats = self._simulator.stats()
        assert stats["contract_violations"] == []
        return int(stats["requests"])


@pytest.fixture
def zone(fresh_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> CheckedZone:
    zone = CheckedZone(fresh_simulator)
    for name in [name for name in os.environ if name.startswith("CLOUDFLARE_")]:
        monkeypatch.delenv(name)
    for name, value in zone.environment.items():
        monkeypatch.setenv(name, value)
    return zone


@contextlib.contextmanager
def run_live_check(*arguments: str) -> t.Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.tools.live", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def count_verdicts(output: str) -> dict[str, int]:
    """Count the lines of each verdict."""
    return dict(
        collections.Counter(re.findall(r"^(ok|differs|not checked|not removed|skipped) ", output, re.MULTILINE))
    )


@pytest.mark.usefixtures("time_limit")
def test_round_trip(zone: CheckedZone, fresh_simulator: RunningSimulator) -> None:
    with run_live_check("--write") as process:
        output, _errors = process.communicate()
    assert process.returncode == 0, output
    assert count_verdicts(output) == {"ok": READS + WRITES}
    assert output.endswith(f"\n{READS + WRITES} requests: {READS + WRITES} ok\n")
    assert zone.requests() == READS + WRITES
    address, *others = zone.written()
    assert others == [address] * 3
    assert ipaddress.ip_address(address) in DOCUMENTATION
    assert zone.is_as_before()
    operations = set(fresh_simulator.stats()["operations"])
    switches = {"tiered-caching-patch", "smart-tiered-cache-patch", "regional-tiered-cache-patch"}
    assert set(Contract().specifications()) - operations == switches
    assert fresh_simulator.token not in output


def test_reads_only(zone: CheckedZone, capsys: pytest.CaptureFixture[str]) -> None:
    assert live.main([]) == 0
    assert capsys.readouterr().out.endswith(f"\n{READS} requests: {READS} ok\n")
    assert zone.requests() == READS
    assert zone.written() == []


def test_zone_without_mappings_and_tiered_cache(
    zone: CheckedZone,
    fresh_simulator: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also: an e-mail address with its key, and a zone that the credential does not list."""
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
    monkeypatch.setenv("CLOUDFLARE_EMAIL", fresh_simulator.email)
    monkeypatch.setenv("CLOUDFLARE_API_KEY", fresh_simulator.key)
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", fresh_simulator.empty_zone_id)
    fresh_simulator.fault(kind="status", status=403, operation="zones-list")
    assert live.main([]) == 0
    output = capsys.readouterr().out
    assert count_verdicts(output) == {"ok": READS - 2, "skipped": 2}
    assert f"{SUPPORTED}: HTTP 400, code 0\n" in output
    assert "smart-tiered-cache-get: HTTP 404, code 1142\n" in output
    assert zone.requests() == READS - 2


def malformed_answer(operation: str, result: t.Any, **more: t.Any) -> dict[str, t.Any]:
    """Return a fault: the operation is applied, and the answer has this result."""
    body = {"success": True, "errors": [], "messages": [], "result": result, **more}
    return {"kind": "malformed", "operation": operation, "body": body, "applied": True}


def test_unexpected_answers(
    zone: CheckedZone, fresh_simulator: RunningSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = {"success": False, "errors": [{"code": 1000, "message": "no"}], "messages": []}
    info = {"page": 1, "per_page": 100, "count": 1, "total_count": 1}
    zones = [{"id": fresh_simulator.zone_id, "name": "example.com", "account": {}, "paused": False}]
    fresh_simulator.fault(
        malformed_answer("zones-list", zones, result_info={**info, "total_pages": 1}, more=1),
        malformed_answer("zones-list", zones, result_info={**info, "total_pages": 1}, success=False),
        malformed_answer(
            "origin-cloud-regions-v2-list", [{"origin_ip": "192.0.2.1", "vendor": "acme"}], result_info=info
        ),
        {"kind": "status", "status": 404, "operation": "origin-cloud-regions-v2-get", "body": failure},
        malformed_answer("tiered-caching-get", {"id": "tiered_caching", "editable": "yes", "value": "on"}),
        malformed_answer(SUPPORTED, {"obtained_codes": True, "vendors": {"acme": []}}),
        {"kind": "status", "status": 500, "operation": "smart-tiered-cache-get"},
    )
    assert live.main(["--write"]) == 1
    output = capsys.readouterr().out
    for line in (
        "note: not in the contract: answer.more, answer.result[].paused",
        "answer.success is False with HTTP 200",
        "answer.result[0]: 'region' is a required property",
        "answer.result[0].vendor: 'acme' is not one of ['aws', 'azure', 'gcp', 'oci']",
        "answer.result_info: 'total_pages' is a required property",
        "expected was HTTP 404/1142: HTTP 404: code 1000, no",
        "answer.result.editable: 'yes' is not of type 'boolean'",
        "the API supports acme too",
        "HTTP 500 is not in the contract",
        "the answers above do not show an address without a mapping",
    ):
        assert f" {line}\n" in output
    assert count_verdicts(output) == {"ok": READS - 6, "differs": 6, "skipped": 1, "not checked": 1}
    assert zone.written() == []


def test_refused_credential(
    zone: CheckedZone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "another-token")
    assert live.main(["--write"]) == 1
    output = "".join(capsys.readouterr())
    assert count_verdicts(output) == {"not checked": READS - 2, "skipped": 3}
    assert "code 10000, Authentication error" in output and "another-token" not in output
    assert zone.requests() == READS - 3


def test_zone_without_origins(
    zone: CheckedZone, fresh_simulator: RunningSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also: a credential that may not read pools and load balancers."""
    permissions = ["DNS Read", "Origin Read", "SSL and Certificates Read"]
    fresh_simulator.reset(
        {
            "tokens": [{"token": fresh_simulator.token, "permissions": permissions}],
            "zones": [{"id": fresh_simulator.zone_id, "name": "example.com", "tiered_cache": "on"}],
        }
    )
    assert live.main([]) == 0
    output = capsys.readouterr().out
    for answer in (
        "load-balancers-list: HTTP 403, code 10000",
        "load-balancer-pools-list: HTTP 403, code 10000",
        "origin-rules-get: HTTP 404, code 10003",
        "fallback-origin-get: HTTP 404, code 1551",
    ):
        assert f"skipped      {answer}\n" in output
    # Also the read of a mapping, since the zone has none
    assert count_verdicts(output) == {"ok": READS - 5, "skipped": 5}


def test_account_is_unknown(
    zone: CheckedZone, fresh_simulator: RunningSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh_simulator.fault(kind="status", status=403, operation="zone-get")
    assert live.main([]) == 0
    assert "skipped      load-balancer-pools-list\n" in capsys.readouterr().out
    assert zone.requests() == READS - 1


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ({"kind": "disconnect_after", "operation": PUT}, f"not checked +{PUT} {ADDRESS}\n +No answer from http"),
        ({"kind": "disconnect", "operation": PUT_BATCH}, f"not checked +{PUT_BATCH}\n +No answer from http"),
        ({"kind": "truncate", "operation": DELETE_BATCH}, f"not checked +{DELETE_BATCH}\n +No answer from http"),
        (
            {"kind": "malformed", "operation": PUT, "applied": True},
            f"differs +{PUT} {ADDRESS}: HTTP 200\n +answer: 'not json' ",
        ),
        (
            malformed_answer(PUT, {"origin_ip": "192.0.2.99", "vendor": "aws", "region": "eu-west-1"}),
            f"differs +{PUT} {ADDRESS}: HTTP 200\n +answer.result.origin_ip: '192.0.2.99' instead of '{ADDRESS}'\n",
        ),
    ],
    ids=["lost after the write", "lost before the write", "cut", "not JSON", "another mapping"],
)
def test_failed_write(
    zone: CheckedZone,
    fresh_simulator: RunningSimulator,
    capsys: pytest.CaptureFixture[str],
    fault: dict[str, t.Any],
    line: str,
) -> None:
    fresh_simulator.fault(fault)
    assert live.main(["--write", "--max-wait", "0"]) == 1
    output = capsys.readouterr().out
    assert re.search(f"^{line}", output, re.MULTILINE), output
    assert count_verdicts(output).keys() <= {"ok", "differs", "not checked"}
    assert len(zone.written()) >= 2
    assert zone.is_as_before()


def test_repeated_write(
    zone: CheckedZone, fresh_simulator: RunningSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    """The answer to a retried PUT is that of the first try. That to a retried DELETE is another one, which the contract allows."""
    fresh_simulator.fault(*({"kind": "disconnect_after", "operation": operation} for operation in (PUT, DELETE)))
    assert live.main(["--write"]) == 1
    assert count_verdicts(capsys.readouterr().out) == {"ok": READS + 3, "not checked": 1}
    assert zone.is_as_before()


def test_failed_removal(
    zone: CheckedZone, fresh_simulator: RunningSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh_simulator.fault(kind="disconnect", operation=DELETE, times=None)
    assert live.main(["--write", "--max-wait", "0"]) == 1
    (address,) = zone.written()
    output = capsys.readouterr().out
    assert f" delete the mapping of {address} in the zone {fresh_simulator.zone_id}\n" in output
    assert count_verdicts(output)["not removed"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("time_limit")
def test_interrupted(zone: CheckedZone, fresh_simulator: RunningSimulator, number: signal.Signals) -> None:
    fresh_simulator.fault(kind="hang", operation="origin-cloud-regions-v2-get", after=2)
    with run_live_check("--write") as process:
        while fresh_simulator.faults():  # all requests before the hanging one
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        output, _errors = process.communicate()
    assert process.returncode == 130
    assert output.endswith("HTTP 200\nInterrupted.\n")
    assert len(zone.written()) == 2
    assert zone.is_as_before()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_ZONE_ID": ""},
            (
                "The environment does not have the credential (CLOUDFLARE_API_TOKEN or CLOUDFLARE_TOKEN; or CLOUDFLARE_EMAIL "
                "with CLOUDFLARE_API_KEY) and the zone (CLOUDFLARE_ZONE_ID).\n"
            ),
        ),
        ({"CLOUDFLARE_ZONE_ID": ""}, "The environment does not have the zone (CLOUDFLARE_ZONE_ID).\n"),
        (
            {"CLOUDFLARE_ZONE_ID": RunningSimulator.token},
            "zone_id: the value contains a credential, and is not shown.",
        ),
        (
            {"CLOUDFLARE_ZONE_ID": "example.com"},
            "zone_id (CLOUDFLARE_ZONE_ID in the environment): 'example.com' is a domain",
        ),
    ],
    ids=["nothing", "no zone", "token as zone", "name as zone"],
)
def test_unusable_environment(
    zone: CheckedZone,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variables: dict[str, str],
    message: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert live.main(["--write"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(message) and RunningSimulator.token not in printed.err
    assert printed.out == ""
    assert zone.requests() == 0
