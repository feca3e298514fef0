# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The outcome of each fault: the right result or one clear error, in bounded time, without lost changes or leaks.

``ROWS`` is the table of docs/explanation/faults.md. The tests use the real code and real HTTP to the simulator. In most tests,
pauses and timeouts take no time. Pages, batches and numbers of mappings are a tenth of the documented ones: see
``SCALE``.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import threading
import time
import types
import typing as t
from pathlib import Path

import pytest
from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import client as _client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints import reconcile as _reconcile
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.rate_limit import PROBE_POLL_SECONDS
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module import options as _options

from tests.simulator.testing import ROOT, RunningSimulator
from tests.system.fake_clock import FakeClock, expire_timeouts_at_once
from tests.system.in_process import run_lookup, run_module
from tests.system.playbooks import Ansible

pytestmark = pytest.mark.usefixtures("time_limit")

PAGE = ROOT / "docs/explanation/faults.md"
SCALE = 10
"""The divisor of the documented numbers of mappings. A page or batch of ten instead of 100 is ten times as fast."""
ZONE_SIZE = 250
LIST = "origin-cloud-regions-v2-list"
PUT = "origin-cloud-regions-v2-batch-upsert"
DELETE = "origin-cloud-regions-v2-batch-delete"

RegionByAddress = dict[str, str]


class Cell(t.NamedTuple):
    """The expected outcome of one fault in one operation. ``requests`` and ``pauses`` are the minimum and the maximum.

    ``error`` is a part of the message, or ``None`` if the result is right. ``done`` is the documented number of earlier changes.
    """

    error: str | None
    requests: tuple[int, int]
    pauses: tuple[int, int] = (0, 0)
    done: int = 0


class Operation(t.NamedTuple):
    """An operation, and its number of requests without a fault. The targets are the request that a fault applies to."""

    title: str
    requests: int
    target: dict[str, t.Any]
    list_target: dict[str, t.Any]


OPERATIONS = {
    "read one": Operation("read one", 1, {}, {}),
    "read all": Operation("read all", 3, {"operation": LIST, "after": 1}, {"operation": LIST, "after": 1}),
    # 120 updates, 60 creations, 50 deletions: three pages, the supported regions, two batches to write, one to delete
    "write many": Operation("write many", 7, {"operation": PUT, "after": 1}, {"operation": LIST, "after": 1}),
    # The first page, then two concurrent addresses
    "lookup": Operation("lookup", 3, {"after": 1}, {}),
}


class Row(t.NamedTuple):
    """One fault. ``cells`` are in the order of ``OPERATIONS``; ``None`` if the fault cannot occur in the operation."""

    title: str
    fault: dict[str, t.Any]
    frequency: str
    cells: tuple[Cell | None, Cell | None, Cell | None, Cell | None]
    options: t.Mapping[str, t.Any] = types.MappingProxyType({})

    @property
    def name(self) -> str:
        return f"{self.title}, {self.frequency}"


def correct_answers(*more: int, pauses: int = 0) -> t.Any:
    """Return cells with right results, each with this number of additional requests."""
    expected = [operation.requests for operation in OPERATIONS.values()]
    return tuple(
        Cell(None, (number + extra, number + extra), (pauses, pauses))
        for number, extra in zip(expected, more, strict=True)
    )


def immediate_errors(error: str, lost: bool = False) -> t.Any:
    """Return cells with an error and no retry. If the answer to a write is ``lost``, reading the zone verifies it."""
    return (
        Cell(error, (1, 1)),
        Cell(error, (2, 3)),  # the other page, or address, may be requested already
        Cell(error, (9, 9) if lost else (6, 6), done=100),
        Cell(error, (2, 3)),
    )


GIVEN_UP = "gave up after 6 attempts"
RETRIED_ONCE = correct_answers(1, 1, 1, 1, pauses=1)
ALL_TRIES_FAILED = (
    Cell(GIVEN_UP, (6, 6), (5, 5)),
    Cell(GIVEN_UP, (7, 13), (5, 10)),
    Cell(GIVEN_UP, (14, 14), (5, 5), done=100),
    Cell(GIVEN_UP, (7, 13), (5, 10)),
)
# Each try applies the write, which reading the zone shows. The zone then has 310 mappings. A recent write is read twice.
APPLIED_BY_EACH_TRY = (ALL_TRIES_FAILED[0], ALL_TRIES_FAILED[1], Cell(None, (16, 20), (5, 5)), ALL_TRIES_FAILED[3])
RATE_LIMIT = "Rate limit exceeded"
DENIED = "The credential is not valid, has expired, or lacks"
CHANGING_ZONE = "the pages report"
UNEXPECTED_JSON = {"success": True, "errors": [], "messages": [], "result": {"origin_ip": 1}}
TOO_FEW = {"total_count": 1, "total_pages": 1}
TOO_MANY = {"total_count": 1000 // SCALE, "total_pages": 10}
SHORT_TIMEOUT = {"timeout": 1.0}
SHORT_TIMEOUT_NO_RETRY = {"timeout": 1.0, "max_wait": 0}

ROWS = [
    Row(
        "a slow response, within `timeout`",
        {"kind": "latency", "seconds": 0.02},
        "always",
        correct_answers(0, 0, 0, 0),
    ),
    Row(
        "429 with a `Retry-After` within `max_wait`",
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
        "once",
        RETRIED_ONCE,
    ),
    Row(
        "429 with a `Retry-After`, until the pauses exceed `max_wait`",
        {"kind": "status", "status": 429, "headers": {"Retry-After": "100"}},
        "always",
        (
            Cell(RATE_LIMIT, (4, 4), (3, 3)),
            Cell(RATE_LIMIT, (5, 9), (3, 3)),
            Cell(RATE_LIMIT, (9, 9), (3, 3), done=100),
            Cell(RATE_LIMIT, (5, 9), (3, 3)),
        ),
    ),
    Row(
        "429 with a `Retry-After` longer than `max_wait`",
        {"kind": "status", "status": 429, "headers": {"Retry-After": "331"}},
        "once",
        immediate_errors(RATE_LIMIT),
    ),
    Row("500", {"kind": "status", "status": 500}, "once", immediate_errors("HTTP 500", lost=True)),
    Row("503", {"kind": "status", "status": 503}, "once", RETRIED_ONCE),
    Row("503", {"kind": "status", "status": 503}, "always", ALL_TRIES_FAILED),
    Row("403", {"kind": "status", "status": 403}, "once", immediate_errors(DENIED)),
    Row("502 with a gateway's HTML page", {"kind": "html"}, "once", RETRIED_ONCE),
    Row("502 with a gateway's HTML page", {"kind": "html"}, "always", ALL_TRIES_FAILED),
    Row("200 without JSON", {"kind": "malformed"}, "once", immediate_errors("HTTP 200: 'not json'", lost=True)),
    Row(
        "200 with JSON in another format",
        {"kind": "malformed", "body": UNEXPECTED_JSON},
        "once",
        (
            Cell("expected a mapping, but the answer is", (1, 1)),
            Cell("expected a page of a list, but the answer is", (2, 3)),
            Cell("The API neither confirmed nor refused this change", (9, 9), done=100),
            Cell("expected a mapping, but the answer is", (2, 3)),
        ),
    ),
    Row(
        "a redirect",
        {"kind": "redirect"},
        "once",
        immediate_errors("The answer is a redirect, which is not followed", lost=True),
    ),
    Row(
        "403 with a gateway's HTML page",
        {"kind": "html", "status": 403},
        "once",
        immediate_errors(DENIED, lost=True),
    ),
    Row(
        "403 with a gateway's HTML page, after the request was processed",
        {"kind": "html", "status": 403, "applied": True},
        "once",
        (*immediate_errors(DENIED)[:2], Cell(None, (11, 15)), immediate_errors(DENIED)[3]),
    ),
    Row("connection closed before the request was processed", {"kind": "disconnect"}, "once", RETRIED_ONCE),
    Row("connection closed before the request was processed", {"kind": "disconnect"}, "always", ALL_TRIES_FAILED),
    Row("connection closed after the request was processed", {"kind": "disconnect_after"}, "once", RETRIED_ONCE),
    Row(
        "connection closed after the request was processed", {"kind": "disconnect_after"}, "always", APPLIED_BY_EACH_TRY
    ),
    Row("connection closed within the response", {"kind": "truncate"}, "once", RETRIED_ONCE),
    Row("connection closed within the response", {"kind": "truncate"}, "always", APPLIED_BY_EACH_TRY),
    Row(
        "connection closed after half of a batch was processed",
        {"kind": "partial_batch"},
        "once",
        (None, None, Cell(None, (8, 8), (1, 1)), None),
    ),
    Row(
        "connection closed after half of a batch was processed",
        {"kind": "partial_batch"},
        "always",
        (None, None, Cell(GIVEN_UP, (14, 17), (5, 5), done=140), None),
    ),
    Row("no response for longer than `timeout`", {"kind": "hang"}, "once", RETRIED_ONCE, SHORT_TIMEOUT),
    Row(
        "no response for longer than `timeout`, `max_wait: 0`",
        {"kind": "hang"},
        "always",
        immediate_errors("(timeout: 1 seconds)", lost=True),
        SHORT_TIMEOUT_NO_RETRY,
    ),
    Row("a response that stops in the middle", {"kind": "hang_body"}, "once", RETRIED_ONCE, SHORT_TIMEOUT),
    Row(
        "a response that stops in the middle, `max_wait: 0`",
        {"kind": "hang_body"},
        "always",
        (
            Cell("(timeout: 1 seconds)", (1, 1)),
            Cell("(timeout: 1 seconds)", (2, 3)),
            Cell(None, (11, 15)),
            Cell("(timeout: 1 seconds)", (2, 3)),
        ),
        SHORT_TIMEOUT_NO_RETRY,
    ),
    Row(
        "the first page instead of the requested page",
        {"kind": "stale_page"},
        "once",
        (None, Cell(None, (6, 6)), Cell(None, (10, 10)), Cell(None, (3, 3))),
    ),
    Row(
        "the first page instead of the requested page",
        {"kind": "stale_page"},
        "always",
        (None, Cell(CHANGING_ZONE, (9, 9)), Cell(CHANGING_ZONE, (9, 9)), Cell(None, (3, 3))),
    ),
    Row(
        "a page whose total is too small",
        {"kind": "wrong_total", "body": TOO_FEW},
        "once",
        (None, Cell(None, (6, 6)), Cell(None, (10, 10)), Cell(None, (4, 4))),
    ),
    Row(
        "a page whose total is too small",
        {"kind": "wrong_total", "body": TOO_FEW},
        "always",
        (None, Cell(CHANGING_ZONE, (5, 5)), Cell(CHANGING_ZONE, (5, 5)), Cell(CHANGING_ZONE, (3, 3))),
    ),
    Row(
        "a page whose total is too large",
        {"kind": "wrong_total", "body": TOO_MANY},
        "once",
        (None, Cell(None, (6, 6)), Cell(None, (10, 10)), Cell(None, (3, 3))),
    ),
    Row(
        "a page whose total is too large",
        {"kind": "wrong_total", "body": TOO_MANY},
        "always",
        (None, Cell(CHANGING_ZONE, (23, 23)), Cell(CHANGING_ZONE, (23, 23)), Cell(None, (3, 3))),
    ),
]
CELLS = [
    pytest.param(row, name, cell, id=f"{row.name}-{name}")
    for row in ROWS
    for name, cell in zip(OPERATIONS, row.cells, strict=True)
    if cell
]


class Result(t.NamedTuple):
    """The outcome of one operation. ``value`` is the result of the module, or of the lookup."""

    error: str | None
    value: t.Any
    warnings: list[str]


@pytest.fixture(autouse=True)
def _isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    for name in list(os.environ):
        if name.startswith("CLOUDFLARE_"):
            monkeypatch.delenv(name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    fake = FakeClock()

    def sleep(seconds: float) -> None:
        if seconds == PROBE_POLL_SECONDS:  # until the response to a concurrent request shows the rate limit
            fake.advance(seconds)
        else:
            fake.sleep(seconds)

    monkeypatch.setattr(_options, "Client", functools.partial(_client.Client, clock=fake.time, sleep=sleep))
    return fake


@pytest.fixture
def zone(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> RunningSimulator:
    monkeypatch.setattr(_client, "PAGE_SIZE", 100 // SCALE)
    monkeypatch.setattr(_reconcile, "BATCH_SIZE", 100 // SCALE)
    fill_zone(simulator, ZONE_SIZE // SCALE)
    return simulator


def fill_zone(simulator: RunningSimulator, count: int) -> None:
    simulator.reset({"zones": [{"id": simulator.zone_id, "name": "example.com", "tiered_cache": "on", "fill": count}]})


@pytest.fixture
def run(zone: RunningSimulator) -> t.Callable[..., Result]:
    """Run a module with these options."""

    def run(name: str, **options: t.Any) -> Result:
        options = {"api_token": zone.token, "zone_id": zone.zone_id, "api_url": zone.url, **options}
        result = run_module(name, **options)
        assert zone.token not in json.dumps(result)
        warnings = result.pop("warnings")
        return Result(result["msg"] if result.get("failed") else None, result, warnings)

    return run


@pytest.fixture
def look_up(zone: RunningSimulator, capfd: pytest.CaptureFixture[str]) -> t.Callable[..., Result]:
    def look_up(*terms: str, **options: t.Any) -> Result:
        options = {"api_token": zone.token, "zone_id": zone.zone_id, "api_url": zone.url, **options}
        capfd.readouterr()
        error, value = None, None
        try:
            value = run_lookup("origin_cloud_region", *terms, **options)
        except AnsibleLookupError as raised:
            error = str(raised)
        warnings = re.findall(r"^\[WARNING\]: (.*)$", capfd.readouterr().err, re.MULTILINE)
        assert zone.token not in f"{error} {warnings}"
        return Result(error, value, warnings)

    return look_up


@pytest.fixture
def operate(run: t.Callable[..., Result], look_up: t.Callable[..., Result]) -> t.Callable[..., Result]:
    """Run one of the operations, and check that no thread or process is left."""

    def operate(name: str, **options: t.Any) -> Result:
        before = threading.enumerate(), child_processes()
        if name == "read one":
            result = run("origin_cloud_region_info", origin_ip=[filled_address(1)], **options)
        elif name == "read all":
            result = run("origin_cloud_region_info", **options)
        elif name == "write many":
            result = run("origin_cloud_regions", mappings=DECLARED, purge=True, **options)
        else:
            result = look_up(*LOOKED_UP, **options)
        assert (threading.enumerate(), child_processes()) == before
        return result

    return operate


def child_processes() -> set[str]:
    """Return the ids of the child processes."""
    found = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has just ended
            found.update(path.read_text().split())
    return found


def filled_address(number: int) -> str:
    """Return the address of a mapping of the filled zone. The first number is 1."""
    return f"2001:db8:f::{number:x}"


def changed_mapping(number: int) -> RegionByAddress:
    """Return a mapping with another region than in the filled zone."""
    vendor, region = ("gcp", "europe-west1") if FILLED_REGIONS[number] != "gcp/europe-west1" else ("aws", "us-east-1")
    return {"origin_ip": filled_address(number), "vendor": vendor, "region": region}


def declared_mapping(address: str, region: str) -> RegionByAddress:
    return dict(zip(("origin_ip", "vendor", "region"), (address, *region.split("/")), strict=True))


def filled_regions() -> list[str]:
    from tests.simulator.seed import DEFAULT_SEED, read_seed

    vendors = read_seed(DEFAULT_SEED)["supported_regions"]["vendors"]
    vendor_regions = [f"{vendor}/{region['name']}" for vendor, regions in vendors.items() for region in regions]
    return [vendor_regions[number % len(vendor_regions)] for number in range(ZONE_SIZE + 1)]


def declared_mappings(scale: int) -> list[RegionByAddress]:
    """Return the mappings that the operation "write many" declares."""
    changed, unchanged, created = 120 // scale, 80 // scale, 60 // scale
    return [
        *(changed_mapping(number) for number in range(1, 1 + changed)),
        *(
            declared_mapping(filled_address(number), FILLED_REGIONS[number])
            for number in range(1 + changed, 1 + changed + unchanged)
        ),
        *(declared_mapping(f"192.0.2.{number}", "oci/us-ashburn-1") for number in range(1, 1 + created)),
    ]


FILLED_REGIONS = filled_regions()
BEFORE = {filled_address(number): FILLED_REGIONS[number] for number in range(1, ZONE_SIZE // SCALE + 1)}
LOOKED_UP = [filled_address(number // SCALE) for number in (10, 150, 250)]
DECLARED = declared_mappings(SCALE)
CHANGES = 230


def read_regions(simulator: RunningSimulator) -> RegionByAddress:
    """Return the regions of the zone, by address."""
    return region_by_address(simulator.mappings())


def region_by_address(items: t.Iterable[dict[str, t.Any]]) -> RegionByAddress:
    return {item["origin_ip"]: f"{item['vendor']}/{item['region']}" for item in items}


AFTER = region_by_address(DECLARED)


def check_result(name: str, result: Result) -> None:
    assert result.error is None
    if name == "read one":
        assert region_by_address(result.value["origin_cloud_regions"]) == {filled_address(1): FILLED_REGIONS[1]}
    elif name == "read all":
        found = result.value["origin_cloud_regions"]
        assert region_by_address(found) == BEFORE and [item["origin_ip"] for item in found] == list(BEFORE)
    elif name == "write many":
        numbers = [len(result.value[key]) for key in ("created", "updated", "deleted", "unchanged")]
        assert numbers == [number // SCALE for number in (60, 120, 50, 80)]
        assert (result.value["failed_items"], result.value["unconfirmed"]) == ([], [])
    else:
        assert [item["origin_ip"] for item in result.value] == LOOKED_UP
        assert region_by_address(result.value) == {address: BEFORE[address] for address in LOOKED_UP}


def check_reported_changes(value: dict[str, t.Any], before: RegionByAddress, after: RegionByAddress) -> None:
    """Check that the reported changes are those of the zone."""
    written = region_by_address([*value.get("created", ()), *value.get("updated", ())])
    deleted = region_by_address(value.get("deleted", ()))
    unconfirmed = set(value.get("unconfirmed", ()))
    refused = {item["origin_ip"] for item in value.get("failed_items", ())}
    assert written.items() <= after.items()
    assert not deleted.keys() & after.keys() and deleted.items() <= before.items()
    changed = {address for address in before.keys() | after.keys() if before.get(address) != after.get(address)}
    assert changed - unconfirmed == written.keys() | deleted.keys()
    assert not refused & (changed | unconfirmed)
    assert value.get("changed", False) == bool(changed or unconfirmed)
    if "diff" in value:
        done = written.keys() | deleted.keys()
        for side, state in (("before", before), ("after", after)):
            assert value["diff"][side] == {address: state[address] for address in done if address in state}


def changes_made_text(done: int) -> str:
    """Return the part of a message about the documented number ``done`` of changes."""
    return f"changes made: {done // SCALE} of {CHANGES // SCALE}"


@pytest.mark.parametrize(("row", "name", "cell"), CELLS)
def test_fault(
    zone: RunningSimulator,
    operate: t.Callable[..., Result],
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    row: Row,
    name: str,
    cell: Cell,
) -> None:
    if row.fault["kind"] in ("hang", "hang_body"):
        expire_timeouts_at_once(monkeypatch, zone, clock)
    operation = OPERATIONS[name]
    hit = operation.list_target if row.fault["kind"] in ("stale_page", "wrong_total") else operation.target
    zone.fault(**row.fault, **hit, times=1 if row.frequency == "once" else None)
    result = operate(name, **row.options)
    stats = zone.stats()
    after = read_regions(zone) if name == "write many" else BEFORE
    zone.clear_faults()
    if cell.error is None:
        check_result(name, result)
    else:
        assert result.error and cell.error in result.error and "\n" not in result.error
        assert "Stopped, since" not in result.error
    if name == "write many":
        check_reported_changes(result.value, BEFORE, after)
        if cell.error:
            assert (
                sum(len(result.value.get(key, ())) for key in ("created", "updated", "deleted")) == cell.done // SCALE
            )
            assert (changes_made_text(cell.done) in str(result.error)) == bool(cell.done)
        else:
            assert after == AFTER
    else:
        assert {request["method"] for request in stats["log"]} == {"GET"}
    assert stats["contract_violations"] == []
    assert cell.requests[0] <= stats["requests"] <= cell.requests[1]
    assert cell.pauses[0] <= len(clock.pauses) <= cell.pauses[1]
    assert all(one.startswith(("Retrying in ", "Waiting up to ")) for one in result.warnings)
    if name in ("read all", "lookup"):
        # Of concurrent requests, only one has a message for a pause with a short rest
        assert bool(clock.pauses) <= len(result.warnings) <= len(clock.pauses)
    else:
        assert len(result.warnings) == len(clock.pauses)
    if cell.error:
        check_recovery(zone, operate, name, after)


def check_recovery(
    zone: RunningSimulator, operate: t.Callable[..., Result], name: str, before: RegionByAddress
) -> None:
    """Check that the operation succeeds after the fault."""
    result = operate(name)
    if name != "write many":
        check_result(name, result)
        return
    assert result.error is None
    check_reported_changes(result.value, before, AFTER)
    assert read_regions(zone) == AFTER


OUTAGES: dict[str, tuple[dict[str, t.Any], str]] = {
    "503": ({"kind": "status", "status": 503}, GIVEN_UP),
    "429": ({"kind": "status", "status": 429, "headers": {"Retry-After": "999"}}, RATE_LIMIT),
    "403": ({"kind": "status", "status": 403}, "The credential is not valid, has expired, or lacks"),
    "not JSON": ({"kind": "malformed"}, "HTTP 200: 'not json'"),
    "cut before": ({"kind": "disconnect"}, GIVEN_UP),
    "cut after": ({"kind": "disconnect_after"}, GIVEN_UP),
    "cut within": ({"kind": "truncate"}, GIVEN_UP),
}


@pytest.mark.parametrize("passed", [4, 5, 6], ids=["from the first batch", "from the second", "from the deletion"])
@pytest.mark.parametrize("kind", OUTAGES)
def test_outage_during_a_write(
    zone: RunningSimulator, operate: t.Callable[..., Result], clock: FakeClock, kind: str, passed: int
) -> None:
    """The zone cannot be read either, so the result lists unconfirmed mappings."""
    fault, error = OUTAGES[kind]
    zone.fault(**fault, after=passed, times=None)
    result = operate("write many")
    after = read_regions(zone)
    zone.clear_faults()
    assert result.error and error in result.error
    check_reported_changes(result.value, BEFORE, after)
    unconfirmed = 0 if kind in ("429", "403") else [100, 80, 50][passed - 4] // SCALE
    assert len(result.value["unconfirmed"]) == unconfirmed
    assert changes_made_text([0, 100, 180][passed - 4]) in result.error
    assert (f"unknown: {unconfirmed} (see unconfirmed)" in result.error) == bool(unconfirmed)
    check_recovery(zone, operate, "write many", after)


@pytest.mark.parametrize(
    ("fault", "times", "error"),
    [
        ({"kind": "html"}, 1, None),
        ({"kind": "html"}, None, GIVEN_UP),
        ({"kind": "malformed"}, 1, "HTTP 200: 'not json'"),
        ({"kind": "malformed", "body": UNEXPECTED_JSON}, 1, "neither confirmed nor refused"),
        ({"kind": "disconnect_after"}, 1, None),
        ({"kind": "disconnect_after"}, None, None),
        ({"kind": "truncate"}, 1, None),
        ({"kind": "truncate"}, None, None),
    ],
    ids=str,
)
def test_fault_in_a_deletion(
    zone: RunningSimulator,
    operate: t.Callable[..., Result],
    clock: FakeClock,
    fault: dict[str, t.Any],
    times: int | None,
    error: str | None,
) -> None:
    """The API rejects a retried deletion if the first try was applied."""
    zone.fault(**fault, operation=DELETE, times=times)
    result = operate("write many")
    after = read_regions(zone)
    check_reported_changes(result.value, BEFORE, after)
    if error:
        assert result.error and error in result.error and changes_made_text(180) in result.error
    else:
        check_result("write many", result)
        assert after == AFTER


def test_silent_server_with_real_timeouts(
    zone: RunningSimulator, operate: t.Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With real timeouts and the real clock."""
    pauses: list[float] = []
    monkeypatch.setattr(_options, "Client", functools.partial(_client.Client, sleep=pauses.append))
    zone.fault(kind="hang", times=None)
    result = operate("read one", timeout=0.1)
    assert result.error and "(timeout: 0.1 seconds)" in result.error and GIVEN_UP in result.error
    assert zone.stats()["requests"] == 6
    # The time of the timeouts counts
    after = [
        float(found) for one in result.warnings for found in re.findall(r"\(waited ([\d.]+) of at most 330\)", one)
    ]
    assert len(after) == len(pauses) == 5
    assert all(waited >= number / 10 for number, waited in enumerate(after, 1))


def test_failure_is_not_cached(zone: RunningSimulator, look_up: t.Callable[..., Result], clock: FakeClock) -> None:
    zone.fault(kind="status", status=403, after=1)
    assert look_up(*LOOKED_UP).error
    zone.fault(kind="stale_page", times=None, after=1)
    assert CHANGING_ZONE in str(look_up().error)
    zone.clear_faults()
    assert region_by_address(look_up().value) == BEFORE
    requests = zone.stats()["requests"]
    check_result("lookup", look_up(*LOOKED_UP))
    assert zone.stats()["requests"] == requests


def test_real_processes_and_pauses(ansible: Ansible) -> None:
    """All operations in one run of Ansible, each with a transient fault. The run ends only when all its processes have ended."""
    zone, mappings_declared = ansible.simulator, declared_mappings(1)
    fill_zone(zone, ZONE_SIZE)
    zone.fault(kind="status", status=503, operation="origin-cloud-regions-v2-get")
    zone.fault(kind="status", status=429, headers={"Retry-After": "1"}, operation=LIST, after=1)
    zone.fault(kind="disconnect_after", operation=PUT, after=1)
    zone.fault(kind="html", operation="origin-cloud-regions-v2-get")
    name = "edgecache.cloudflare.origin_cloud_region"
    tasks: list[dict[str, t.Any]] = [
        {f"{name}_info": {"origin_ip": filled_address(1)}, "register": "one"},
        {f"{name}_info": {}, "register": "all"},
        {f"{name}s": {"mappings": mappings_declared, "purge": True}, "register": "many"},
        {
            "ansible.builtin.assert": {
                "that": [
                    f"one.origin_cloud_regions[0].region == '{FILLED_REGIONS[1].split('/')[1]}'",
                    f"all.origin_cloud_regions | length == {ZONE_SIZE}",
                    "(many.created + many.updated + many.deleted) | length == 230",
                    f"lookup('{name}', '192.0.2.1').region == 'us-ashburn-1'",
                ]
            }
        },
    ]
    started = time.monotonic()
    run = ansible.play(tasks)
    assert run.returncode == 0, run.stdout + run.stderr
    assert time.monotonic() - started >= 0.5 + 1 + 0.5 + 0.5
    words = " ".join(run.stderr.split())
    # A concurrent request may be the first that waits for the end of the pause
    assert words.count("Retrying in") == words.count(" of at most ")
    assert words.count("Retrying in") + words.count("Waiting up to") == 4
    stats = zone.stats()
    assert (stats["requests"], stats["contract_violations"], zone.faults()) == (1 + 3 + 7 + 1 + 4, [], [])
    assert read_regions(zone) == region_by_address(mappings_declared)


def format_cell(name: str, cell: Cell | None) -> str:
    """Return the text of a cell of the documented table."""
    if cell is None:
        return "–"
    if cell.error is None:
        more = cell.requests[0] - OPERATIONS[name].requests
        return f"right, +{more}" if more else "right"
    return f"error: `{cell.error}`" + (f", {cell.done} of {CHANGES} done" if cell.done else "")


def format_table() -> str:
    """Return the documented table."""
    lines = [["fault", "how often", *(operation.title for operation in OPERATIONS.values())], ["---"] * 6]
    for row in ROWS:
        cells = [format_cell(name, cell) for name, cell in zip(OPERATIONS, row.cells, strict=True)]
        lines.append([row.title, row.frequency, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def test_table_is_documented() -> None:
    assert f"\n\n{format_table()}\n" in PAGE.read_text(encoding="utf-8")


def test_all_kinds_are_in_the_table() -> None:
    from tests.simulator.faults import KINDS

    # A concurrent write is not a failure: see test_reading.py and test_reconcile.py
    assert {row.fault["kind"] for row in ROWS} == KINDS.keys() - {"concurrent_write"}
