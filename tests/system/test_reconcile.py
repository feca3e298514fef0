# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Randomized differential test: the real ``main()`` of the modules against a reference model, with faults and a concurrent writer.

There are about 1,700 runs over real HTTP to the simulator, with concurrent writes before and during them. The zone ends as
declared, or the result lists the applied changes; a read returns one state of the zone. The model is the simulator's own history.
Pauses take no time, and batches, pages and zones are so small that a few addresses fill several. Faults apply before or after
the operation, and another client writes between any two requests.

The runs are those of one seed, 0 by default; ``--hypothesis-seed=N`` runs those of another.

A region is a text ``vendor/region``; a zone is a dict from the address to its mapping.
"""

from __future__ import annotations

import datetime
import functools
import ipaddress
import os
import typing as t
from dataclasses import asdict, dataclass
from random import Random

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import client as _client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints import reconcile as _reconcile
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints import validation as _validation
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module import options as _options
from hypothesis import Phase, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests.simulator.testing import RunningSimulator
from tests.system.fake_clock import FakeClock
from tests.system.in_process import run_module

T = t.TypeVar("T")

BATCH_SIZE, PAGE_SIZE, MAX_MAPPINGS = 2, 3, 7

SPELLINGS = {
    "192.0.2.1": ["192.0.2.1", " 192.0.2.1 "],
    "192.0.2.2": ["192.0.2.2"],
    "192.0.2.10": ["192.0.2.10", "192.0.2.10\n"],
    "198.51.100.7": ["198.51.100.7"],
    "203.0.113.9": ["203.0.113.9"],
    "203.0.113.20": ["203.0.113.20"],
    "::ffff:192.0.2.1": ["::ffff:192.0.2.1", "::FFFF:c000:201"],
    "2001:db8::1": ["2001:db8::1", "2001:DB8:0:0::1", "2001:0db8:0000:0000:0000:0000:0000:0001"],
    "2001:db8::a": ["2001:db8::a", "2001:DB8::A"],
    "2001:db8::10": ["2001:db8::10", "2001:db8:0:0:0:0:0.0.0.16"],
    "2001:db8::ffff": ["2001:db8::ffff", "2001:db8::FfFf"],
    "2001:db8:0:1::1": ["2001:db8:0:1::1", "2001:db8:0:1:0::1"],
}
VENDORS = {"aws": ["us-east-1", "eu-west-1"], "azure": ["eastus"], "gcp": ["us-east-1"]}
SUPPORTED = [f"{vendor}/{region}" for vendor, regions in VENDORS.items() for region in regions]
UNSUPPORTED = ["aws/us-east1", "gcp/eastus"]
UNKNOWN_VENDOR = "ibm/us-east"

LIST, GET = "origin-cloud-regions-v2-list", "origin-cloud-regions-v2-get"
REGIONS = "origin-cloud-regions-v2-supported-regions"
PUT, DELETE = "origin-cloud-regions-v2-upsert", "origin-cloud-regions-v2-delete"
PUT_BATCH, DELETE_BATCH = "origin-cloud-regions-v2-batch-upsert", "origin-cloud-regions-v2-batch-delete"
WRITES = (PUT, DELETE, PUT_BATCH, DELETE_BATCH)

Mapping = dict[str, t.Any]
ZoneMappings = dict[str, Mapping]
Regions = dict[str, t.Optional[str]]
Fault = dict[str, t.Any]
Changes = dict[str, tuple[t.Optional[str], t.Optional[str]]]
"""By address, the region before and after."""


def envelope(code: int) -> dict[str, t.Any]:
    return {"success": False, "errors": [{"code": code, "message": "injected"}], "messages": [], "result": None}


RATE_LIMIT: Fault = {"kind": "status", "status": 429, "headers": {"Retry-After": "30"}}
TRANSIENT_FAULTS: list[Fault] = [
    {"kind": "disconnect"},
    {"kind": "disconnect_after"},
    {"kind": "truncate"},
    {"kind": "partial_batch"},
    {"kind": "html"},
    {"kind": "html", "applied": True},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 503, "applied": True},
    RATE_LIMIT,
]
"""Faults after which retries succeed."""
REJECTIONS: list[Fault] = [
    {"kind": "status", "status": 403, "body": envelope(10000)},
    {"kind": "status", "status": 403, "body": envelope(1164)},
]
"""Answers that reject the operation."""
AMBIGUOUS_FAULTS: list[Fault] = [
    {"kind": "status", "status": 500, "body": envelope(1140)},
    {"kind": "status", "status": 500, "body": envelope(1140), "applied": True},
    {"kind": "status", "status": 500, "body": envelope(1156)},
    {"kind": "malformed"},
    {"kind": "malformed", "applied": True},
    {"kind": "html", "status": 403},
    {"kind": "html", "status": 403, "applied": True},
    {"kind": "html", "status": 403, "headers": {"cf-mitigated": "challenge"}},
    {"kind": "redirect"},
]
"""Answers that leave open whether the operation was applied."""
EMPTY_BATCH_RESULT = {"succeeded": [], "failed": []}
OLD_MODIFIED_ON = "2026-03-01T12:00:00Z"


# Random input. Hypothesis chooses the steps, and drops some to shrink a failure. Each step draws from its own generator, which is
# faster than Hypothesis.


FEW_ADDRESSES = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"]
ZONE_SIZES = [3, 5, 7, 4, 6, 0]
MAX_WAITS = [330, 330, 0]
generators = st.randoms(use_true_random=True)


def draw_some(random: Random, items: t.Sequence[T], minimum: int, maximum: int) -> list[T]:
    """Draw different items, at least ``minimum`` and at most ``maximum``."""
    return random.sample(items, random.randint(minimum, min(maximum, len(items))))


def draw_spelling(random: Random, addresses: t.Iterable[str] = tuple(SPELLINGS)) -> str:
    return random.choice(SPELLINGS[random.choice(list(addresses))])


def draw_region(random: Random) -> str:
    """Draw a region. One in ten is not supported."""
    return random.choice(UNSUPPORTED if random.random() < 0.1 else SUPPORTED)


def draw_zone(random: Random) -> ZoneMappings:
    return {
        address: mapping(address, random.choice(SUPPORTED))
        for address in draw_some(random, list(SPELLINGS), random.choice(ZONE_SIZES), MAX_MAPPINGS)
    }


def mapping(address: str, region: str) -> Mapping:
    vendor, name = region.split("/")
    return {"origin_ip": address, "vendor": vendor, "region": name}


def region_of(mapping: Mapping | None) -> str | None:
    return mapping and f"{mapping['vendor']}/{mapping['region']}"


def draw_concurrent_write(random: Random, operations: list[str], addresses: list[str]) -> Fault:
    """Draw the writes of another client just before a request."""
    operation = random.choice(operations)
    return {
        "kind": "concurrent_write",
        "operation": operation,
        "after": random.choice([1, 2, 0] if operation == LIST else [0, 0, 1]),
        "body": {
            "put": [mapping(address, random.choice(SUPPORTED)) for address in draw_some(random, addresses, 0, 3)],
            "delete": draw_some(random, addresses, 0, 5),
        },
    }


def draw_exchange(random: Random, addresses: list[str]) -> Fault:
    """Draw a creation and a deletion by another client between two pages of one read. The total may stay the same."""
    put = mapping(random.choice(addresses), random.choice(SUPPORTED))
    body = {"put": [put], "delete": [random.choice(addresses)]}
    return {"kind": "concurrent_write", "operation": LIST, "after": random.choice([1, 1, 2]), "body": body}


def draw_fault(random: Random, operations: list[str]) -> Fault:
    fault = random.choice(random.choice([TRANSIENT_FAULTS, TRANSIENT_FAULTS + AMBIGUOUS_FAULTS, REJECTIONS]))
    operation = random.choice([None, *operations])
    if operation in (PUT_BATCH, DELETE_BATCH) and fault["kind"] == "malformed" and random.random() < 0.5:
        fault = {**fault, "body": {**envelope(0), "success": True, "errors": [], "result": EMPTY_BATCH_RESULT}}
    return {
        **fault,
        "operation": operation,
        "after": random.choice([0, 0, 1, 2, 4]),
        "times": random.choice([1, 1, 1, 2, 3, 7, None]),
    }


def draw_outage(random: Random, max_after: int) -> list[Fault]:
    """Draw faults for all requests after a certain one."""
    first, others = random.choices(AMBIGUOUS_FAULTS + TRANSIENT_FAULTS, k=2)
    after = random.randint(0, max_after)
    return [{**first, "after": after}, {**others, "after": after, "times": None}]


def draw_retried_faults(random: Random, operations: list[str]) -> list[Fault]:
    """Draw a different fault for each try of one write, or of one read if there are no writes."""
    operation = random.choice([one for one in operations if one in WRITES] or operations)
    faults = random.choices(TRANSIENT_FAULTS, k=random.randint(1, 3)) + random.choice([[], [RATE_LIMIT]])
    return [{**fault, "operation": operation} for fault in faults]


def draw_faults(random: Random, operations: list[str], addresses: list[str], max_after: int) -> list[Fault]:
    """Draw faults for these operations. Other clients write these addresses. An outage starts after at most ``max_after`` requests."""

    def draw_write_or_fault() -> Fault:
        return random.choice([draw_concurrent_write(random, operations, addresses), draw_fault(random, operations)])

    kind = random.choice(
        ["none", "any", "concurrent_write", "outage", "retries", *(["exchange"] if LIST in operations else [])]
    )
    if kind == "any":
        return [draw_write_or_fault() for dummy in range(random.randint(1, 3))]
    if kind == "concurrent_write":
        return [draw_concurrent_write(random, operations, addresses) for dummy in range(random.randint(1, 2))]
    if kind == "outage":
        return draw_outage(random, max_after)
    if kind == "retries":
        return draw_retried_faults(random, operations)
    return [draw_exchange(random, addresses)] if kind == "exchange" else []


def draw_check_mode(random: Random) -> bool:
    return random.random() < 1 / 6


def is_survivable(faults: t.Sequence[Fault], max_wait: int) -> bool:
    """Return whether the module must succeed in spite of these faults."""
    kinds = [{key: fault[key] for key in fault if key not in ("operation", "after", "times")} for fault in faults]
    times = [fault.get("times", 1) for fault in faults]
    if not all(kind in TRANSIENT_FAULTS for kind in kinds) or None in times:
        return False
    return not faults or (max_wait > 0 and sum(times) <= 5)


@dataclass(frozen=True)
class Declaration:
    """A task with origin_cloud_regions. ``mappings`` are pairs of address and region."""

    mappings: list[tuple[str, str]]
    state: str
    purge: bool
    allow_empty: bool
    validate_regions: bool
    max_wait: int

    def options(self) -> dict[str, t.Any]:
        return {**asdict(self), "mappings": [mapping(*one) for one in self.mappings]}

    @property
    def wanted(self) -> Regions:
        """Return the desired regions by canonical address. Of two regions for one address, the first."""
        present = self.state == "present"
        return {
            canonical_address(spelling): region if present else None for spelling, region in reversed(self.mappings)
        }

    def expected_changes(self, zone: ZoneMappings) -> Changes:
        """Return the necessary changes of the zone."""
        expected = {**(dict.fromkeys(zone) if self.purge else {}), **self.wanted}
        changes = {address: (region_of(zone.get(address)), region) for address, region in expected.items()}
        return {address: change for address, change in changes.items() if change[0] != change[1]}

    def must_fail(self, zone: ZoneMappings, tiered_cache: bool) -> bool:
        """Return whether the task must fail before any write."""
        if self.state == "absent":
            return self.purge
        if self.purge and not self.mappings and not self.allow_empty:
            return True
        if len({(canonical_address(spelling), region) for spelling, region in self.mappings}) > len(self.wanted):
            return True
        changes = self.expected_changes(zone).values()
        written = [after for dummy, after in changes if after]
        new = sum(not before for before, dummy in changes)
        if UNKNOWN_VENDOR in written or (
            new and len(zone) + new - sum(not after for dummy, after in changes) > MAX_MAPPINGS
        ):
            return True
        return bool(written) and self.validate_regions and not (tiered_cache and set(written) <= set(SUPPORTED))


DECLARATION_KINDS = ["plain"] * 20 + ["absent"] * 6 + ["no region"] * 6 + ["no vendor", "twice", "absent and purge"]


def draw_declaration(random: Random) -> Declaration:
    kind = random.choice(DECLARATION_KINDS)
    chosen = draw_some(random, list(SPELLINGS), random.choice(ZONE_SIZES), MAX_MAPPINGS)
    mappings = [
        (random.choice(SPELLINGS[address]), draw_region(random) if kind == "no region" else random.choice(SUPPORTED))
        for address in chosen
    ]
    if kind == "no vendor":
        mappings.append((draw_spelling(random), UNKNOWN_VENDOR))
    if kind == "twice" and mappings:  # mostly with two regions
        mappings.append((draw_spelling(random, [canonical_address(mappings[0][0])]), draw_region(random)))
    return Declaration(
        mappings,
        state="absent" if kind.startswith("absent") else "present",
        purge=kind.endswith("purge") or (kind != "absent" and random.choice([True, True, False])),
        allow_empty=random.choice([True, False]),
        validate_regions=random.choice([True, False]),
        max_wait=random.choice(MAX_WAITS),
    )


# The changes of a run


class ZoneHistory:
    """The zone before and after a run, and by address its writes: the region after each write, and whether others made it."""

    def __init__(self, before: ZoneMappings, state: dict[str, t.Any]) -> None:
        self.before = before
        self.after: ZoneMappings = {mapping["origin_ip"]: mapping for mapping in state["mappings"]}
        self.history: list[tuple[str, str | None]] = []
        self.events: dict[str, list[tuple[str | None, bool]]] = {}
        for one in state["history"]:
            self.history.append((one["origin_ip"], region_of(one["mapping"])))
            self.events.setdefault(one["origin_ip"], []).append((region_of(one["mapping"]), one["concurrent"]))

    def written(self, address: str, others: bool = False) -> list[str | None]:
        return [region for region, is_concurrent in self.events.get(address, []) if is_concurrent == others]

    def written_by_others(self, address: str) -> list[str | None]:
        return self.written(address, others=True)

    def is_last_by_others(self, address: str) -> bool:
        return self.events[address][-1][1]

    def check_applied(
        self, done: Changes, unconfirmed: t.Container[str], wanted: Regions, purge: bool, lost: bool
    ) -> None:
        """Check that exactly the changes ``done`` were applied, apart from unconfirmed ones. ``lost``: answers may be lost."""
        for address in SPELLINGS:
            written, others = self.written(address), self.written_by_others(address)
            assert not written or address in wanted or purge, address
            assert set(written) <= {wanted.get(address)}, address
            if address in done:
                before, after = done[address]
                assert before != after == wanted.get(address), address
                assert before in (region_of(self.before.get(address)), *others), address
                assert after in (written + others if lost else written), address
                assert others or after == region_of(self.after.get(address)), address
            elif address not in unconfirmed and written:
                # If the answer is lost, and others undo the write before it is verified, nothing shows it.
                assert lost and others and self.is_last_by_others(address), address

    def check_reported(self, done: Changes, expected: Changes) -> None:
        """Check that ``done`` is all expected changes, except where others wrote."""
        for address in SPELLINGS:
            assert self.written_by_others(address) or done.get(address) == expected.get(address), address

    def states(self) -> list[dict[str, str | None]]:
        """Return the regions by address, before the run and after each write."""
        states = [{address: region_of(mapping) for address, mapping in self.before.items()}]
        for address, region in self.history:
            states.append({**states[-1], address: region})
        return [{address: region for address, region in state.items() if region} for state in states]

    def check_as_declared(self, wanted: Regions, purge: bool) -> None:
        """Check that the zone is as declared, except where others wrote last."""
        for address in SPELLINGS if purge else wanted:
            as_declared = region_of(self.after.get(address)) == wanted.get(address)
            assert as_declared or (self.written_by_others(address) and self.is_last_by_others(address)), address


def canonical_address(spelling: str) -> str:
    """Return the canonical address from the table, without a parser."""
    return next(address for address, known in SPELLINGS.items() if spelling in known)


def sort_addresses(addresses: t.Iterable[str]) -> list[str]:
    return sorted(addresses, key=lambda address: (":" in address, ipaddress.ip_address(address)))


def format_now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class ZoneMachine(RuleBasedStateMachine):
    """A zone, stored here between the runs. Its last write is long ago, unless ``is_recent`` is true."""

    def __init__(self, simulator: RunningSimulator) -> None:
        super().__init__()
        self.simulator = simulator
        self.zone: ZoneMappings = {}
        self.tiered_cache = True
        self.is_recent = False

    @initialize(random=generators)
    def start(self, random: Random) -> None:
        self.zone = draw_zone(random)

    def write_concurrently(self, random: Random) -> None:
        """Change the zone as another client, before half of the runs. A quarter of the runs finds a recent write."""
        self.is_recent = random.random() < 1 / 4
        if random.random() < 1 / 2:
            return
        self.tiered_cache = random.random() < 5 / 6
        for address, written in draw_zone(random).items():
            if address in self.zone or len(self.zone) < MAX_MAPPINGS:
                self.zone[address] = written
        for address in draw_some(random, list(SPELLINGS), 0, MAX_MAPPINGS):
            self.zone.pop(address, None)

    def run_in_zone(
        self, name: str, faults: t.Sequence[Fault], check_mode: bool, **options: t.Any
    ) -> tuple[dict[str, t.Any], ZoneHistory, dict[str, int]]:
        """Run a module in this zone. Return the result, the changes, and the number of requests by operation."""
        simulator = self.simulator
        modified_on = format_now() if self.is_recent else OLD_MODIFIED_ON
        self.zone = {address: {**mapping, "modified_on": modified_on} for address, mapping in self.zone.items()}
        zone = {
            "id": simulator.zone_id,
            "name": "example.com",
            "limit": MAX_MAPPINGS,
            "mappings": list(self.zone.values()),
        }
        vendors = {
            vendor: [{"name": region, "upper_tier_colos": []} for region in regions]
            for vendor, regions in VENDORS.items()
        }
        simulator.reset(
            {
                "zones": [{**zone, "tiered_cache": self.tiered_cache}],
                "supported_regions": {"obtained_codes": True, "vendors": vendors},
                "faults": list(faults),
            }
        )
        result = run_module(
            name,
            **options,
            api_token=simulator.token,
            zone_id=simulator.zone_id,
            api_url=simulator.url,
            _ansible_check_mode=check_mode,
        )
        if result.get("failed"):
            assert "exception" not in result and "Traceback" not in result["msg"]
            assert set(result["failure"]) == {"status", "code", "message", "errors"}
        stats = simulator.report()
        history = ZoneHistory(self.zone, stats["zones"][simulator.zone_id])
        self.zone = history.after
        self.is_recent = False
        assert stats["contract_violations"] == []
        if check_mode:
            assert not any(map(history.written, SPELLINGS))
            assert not any(stats["operations"].get(one) for one in WRITES)
        return result, history, stats["operations"]


class RegionsMachine(ZoneMachine):
    """``origin_cloud_regions``."""

    last: Declaration | None = None

    @rule(random=generators)
    def declare(self, random: Random) -> None:
        self.write_concurrently(random)
        self.last = draw_declaration(random)
        writes = [PUT_BATCH] if self.last.state == "present" else []
        deletions = [DELETE_BATCH] if self.last.state == "absent" or self.last.purge else []
        faults = draw_faults(random, [LIST, GET, REGIONS, LIST, *writes * 2, *deletions * 2], list(SPELLINGS), 7)
        note(f"{self.last}, {faults=}")
        self.run(self.last, faults, draw_check_mode(random))

    @precondition(lambda self: self.last)
    @rule(random=generators)
    def declare_again(self, random: Random) -> None:
        """Without faults, the zone ends as declared, and then nothing is left to do."""
        self.write_concurrently(random)
        assert self.last
        last, self.last = self.last, None
        if not self.run(last).get("failed"):
            again = self.run(last)
            assert not again.get("failed") and again["changed"] is False

    def run(
        self, declaration: Declaration, faults: t.Sequence[Fault] = (), check_mode: bool = False
    ) -> dict[str, t.Any]:
        """Run the module, and compare its result with the changes."""
        wanted, purge = declaration.wanted, declaration.purge
        expected = declaration.expected_changes(self.zone)
        must_fail = declaration.must_fail(self.zone, self.tiered_cache)
        read_count = 2 if self.is_recent else 1
        result, history, operations = self.run_in_zone(
            "origin_cloud_regions", faults, check_mode, **declaration.options()
        )
        failed = result.get("failed", False)
        done = self.reported_changes(result, history, wanted) if "created" in result else {}
        unconfirmed = result.get("unconfirmed", [])
        assert result.get("changed", False) == bool(done or unconfirmed)
        if not check_mode:
            history.check_applied(done, unconfirmed, wanted, purge, lost=any(map(leaves_outcome_unknown, faults)))
        if not failed:
            assert result["failed_items"] == unconfirmed == []
            history.check_reported(done, expected)
            if not check_mode:
                history.check_as_declared(wanted, purge)
        if is_survivable(faults, declaration.max_wait):
            refused = (
                set() if check_mode else {address for address, change in expected.items() if change[1] in UNSUPPORTED}
            )
            assert failed == bool(must_fail or refused)
            assert ("created" in result) == (not must_fail)
            if refused and not must_fail:
                assert {item["origin_ip"] for item in result["failed_items"]} == refused
                assert any(address in result["msg"] for address in refused)
                assert {address for address, change in expected.items() if change[1]} == {
                    *refused,
                    *(address for address, change in done.items() if change[1]),
                }
        if not faults and not failed:
            self.check_costs(declaration, expected, history.before, check_mode, operations, read_count)
        return result

    def reported_changes(self, result: dict[str, t.Any], history: ZoneHistory, wanted: Regions) -> Changes:
        """Return the changes in the result, after a check of its consistency."""
        created, updated, deleted, unchanged, failed = (
            {item["origin_ip"]: item for item in result[key]}
            for key in ("created", "updated", "deleted", "unchanged", "failed_items")
        )
        lists = [list(one) for one in (created, updated, deleted, unchanged, failed)] + [result["unconfirmed"]]
        assert all(one == sort_addresses(one) for one in lists)
        assert len(set().union(*lists)) == sum(map(len, lists))
        before, after = result["diff"]["before"], result["diff"]["after"]
        assert set(before) == {*updated, *deleted} and set(after) == {*created, *updated}
        assert after == {address: region_of(item) for address, item in {**created, **updated}.items()}
        assert all(before[address] == region_of(item) for address, item in deleted.items())
        for address, item in unchanged.items():
            assert region_of(item) == wanted[address]
            assert region_of(item) in (region_of(history.before.get(address)), *history.written_by_others(address))
        for address, item in {**deleted, **unchanged}.items():
            if not history.written_by_others(address):
                assert item["modified_on"] == history.before[address].get("modified_on")
        assert all(item["error"] for item in failed.values())
        assert result["zone_id"] == self.simulator.zone_id
        return {address: (before.get(address), after.get(address)) for address in {**before, **after}}

    def check_costs(
        self,
        declaration: Declaration,
        expected: Changes,
        zone: ZoneMappings,
        check_mode: bool,
        operations: dict[str, int],
        read_count: int,
    ) -> None:
        writes = sum(bool(after) for dummy, after in expected.values())
        pages = page_count(zone)
        reads = operations.get(LIST, 0) + operations.get(GET, 0)
        single_requests = len(declaration.wanted) + 1
        assert reads <= (single_requests if single_requests <= pages and not declaration.purge else pages * read_count)
        assert operations.get(REGIONS, 0) == bool(writes and declaration.validate_regions)
        assert operations.get(PUT_BATCH, 0) == (0 if check_mode else -(-writes // BATCH_SIZE))
        assert operations.get(DELETE_BATCH, 0) == (0 if check_mode else -(-(len(expected) - writes) // BATCH_SIZE))


def page_count(zone: ZoneMappings) -> int:
    return max(1, -(-len(zone) // PAGE_SIZE))


def leaves_outcome_unknown(fault: Fault) -> bool:
    """Return whether the fault leaves open if the operation was applied. Only error envelopes of the API do not."""
    return fault["kind"] != "concurrent_write" and (fault["kind"] != "status" or fault["status"] not in (403, 429))


class RegionMachine(ZoneMachine):
    """``origin_cloud_region``."""

    last: tuple[t.Any, ...] | None = None

    @rule(random=generators)
    def declare(self, random: Random) -> None:
        self.write_concurrently(random)
        region = random.choice([None, draw_region(random)])
        spelling = draw_spelling(random, [*self.zone, *FEW_ADDRESSES])
        self.last = (spelling, region, random.choice(MAX_WAITS))
        faults = draw_faults(
            random,
            [GET, PUT if region else DELETE],
            list(dict.fromkeys([canonical_address(spelling), *FEW_ADDRESSES])),
            2,
        )
        note(f"{self.last}, {faults=}")
        self.run(*self.last, faults, draw_check_mode(random))

    @precondition(lambda self: self.last)
    @rule(random=generators)
    def declare_again(self, random: Random) -> None:
        """Without faults, the zone ends as declared, and then nothing is left to do."""
        self.write_concurrently(random)
        assert self.last
        last, self.last = self.last, None
        if not self.run(*last).get("failed"):
            again = self.run(*last)
            assert not again.get("failed") and again["changed"] is False

    def run(
        self,
        spelling: str,
        region: str | None,
        max_wait: int,
        faults: t.Sequence[Fault] = (),
        check_mode: bool = False,
    ) -> dict[str, t.Any]:
        """Run the module, and compare its result with the changes. Without a region, the state is absent."""
        address = canonical_address(spelling)
        options = mapping(spelling, region) if region else {"origin_ip": spelling, "state": "absent"}
        wanted: Regions = {address: region}
        was = region_of(self.zone.get(address))
        expected: Changes = {} if was == region else {address: (was, region)}
        full = not was and len(self.zone) == MAX_MAPPINGS
        result, history, operations = self.run_in_zone(
            "origin_cloud_region", faults, check_mode, **options, max_wait=max_wait
        )
        failed, changed = result.get("failed", False), result.get("changed", False)
        done: Changes = {}
        if not failed:
            before, after = result["diff"]["before"], result["diff"]["after"]
            assert {*before, *after} <= {address}
            assert changed == (before != after)
            done = {address: (before.get(address), after.get(address))} if changed else {}
            assert region_of(result["origin_cloud_region"]) == after.get(address) == region
            history.check_reported(done, expected)
        if not check_mode:
            unconfirmed = wanted if failed and changed else ()
            history.check_applied(done, unconfirmed, wanted, purge=False, lost=any(map(leaves_outcome_unknown, faults)))
            if not failed:
                history.check_as_declared(wanted, purge=False)
        if is_survivable(faults, max_wait):
            # Check mode does not check the capacity, and without Tiered Cache it cannot check the region.
            unsupported = region in UNSUPPORTED and (self.tiered_cache or not check_mode)
            assert failed == bool(expected and region and (unsupported or (full and not check_mode)))
        if not faults and not check_mode:
            is_rejected = failed and result["failure"]["code"] == 1157  # one more request to suggest a region
            assert operations.get(REGIONS, 0) == is_rejected
            assert sum(operations.values()) == 1 + len(expected) + is_rejected
        return result


class InfoMachine(ZoneMachine):
    """``origin_cloud_region_info``."""

    @rule(random=generators)
    def read(self, random: Random) -> None:
        """Read the whole zone, or some addresses, while others write."""
        self.write_concurrently(random)
        several = [draw_spelling(random) for dummy in range(random.randint(0, 6))]
        addresses, max_wait = random.choice([None, several]), random.choice(MAX_WAITS)
        faults, check_mode = draw_faults(random, [LIST, LIST, GET], list(SPELLINGS), 3), random.choice([True, False])
        note(f"{addresses=}, {max_wait=}, {faults=}")
        read_count = 2 if self.is_recent else 1
        result, history, operations = self.run_in_zone(
            "origin_cloud_region_info", faults, check_mode, origin_ip=addresses, max_wait=max_wait
        )
        if is_survivable(faults, max_wait):
            assert not result.get("failed")
        if result.get("failed"):
            return
        assert "changed" not in result
        assert not any(map(history.written, SPELLINGS))
        found = {item["origin_ip"]: region_of(item) for item in result["origin_cloud_regions"]}
        assert len(found) == len(result["origin_cloud_regions"])
        states = history.states()
        pages = page_count(history.before)
        if addresses is None:
            assert found in states
            expected = pages * read_count
        else:
            wanted = list(dict.fromkeys(map(canonical_address, addresses)))
            assert [*found] == [address for address in wanted if address in found]
            assert result["missing"] == [address for address in wanted if address not in found]
            for address in wanted:
                assert found.get(address) in [state.get(address) for state in states], address
            single_requests = len(wanted) + (len(wanted) > 1)
            expected = single_requests if single_requests <= pages else pages * read_count
        if not faults:
            assert operations.get(LIST, 0) + operations.get(GET, 0) <= expected


@pytest.fixture(scope="module", autouse=True)
def _small_limits_and_fake_clock() -> t.Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("CLOUDFLARE_"):
                patch.delenv(name)
        clock = FakeClock()
        patch.setattr(_options, "Client", functools.partial(_client.Client, clock=clock.time, sleep=clock.sleep))
        patch.setattr(_client, "PAGE_SIZE", PAGE_SIZE)
        patch.setattr(_reconcile, "BATCH_SIZE", BATCH_SIZE)
        patch.setattr(_reconcile, "MAX_MAPPINGS", MAX_MAPPINGS)
        patch.setattr(_validation, "MAX_MAPPINGS", MAX_MAPPINGS)
        yield


@pytest.mark.parametrize(
    ("first_seed", "factor"), [pytest.param(0, 1, id="few"), pytest.param(1, 6, id="more", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize(("machine", "examples"), [(RegionsMachine, 10), (RegionMachine, 12), (InfoMachine, 5)])
def test_reconcile(
    simulator: RunningSimulator,
    request: pytest.FixtureRequest,
    machine: type[ZoneMachine],
    examples: int,
    first_seed: int,
    factor: int,
) -> None:
    """The random input is the same in each run, and another one with ``--hypothesis-seed``."""
    run_state_machine_as_test(
        seed(int(request.config.getoption("--hypothesis-seed") or first_seed))(lambda: machine(simulator)),
        settings=settings(
            max_examples=examples * factor,
            stateful_step_count=10,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
        ),
    )


def test_rejected_item_in_a_full_zone(simulator: RunningSimulator) -> None:
    """A rare case of the random input: the deletion that would make room is skipped, and the mappings that fit are written."""
    machine = RegionsMachine(simulator)
    first, *others = SPELLINGS
    machine.zone = {first: mapping(first, SUPPORTED[0])}
    mappings = [
        (address, UNSUPPORTED[0] if address == others[1] else SUPPORTED[0]) for address in others[:MAX_MAPPINGS]
    ]
    machine.run(Declaration(mappings, "present", purge=True, allow_empty=False, validate_regions=False, max_wait=330))
    assert len(machine.zone) == MAX_MAPPINGS


def test_tiered_cache_off_after_a_broken_connection(simulator: RunningSimulator) -> None:
    """The answer to a retry means the same as without the broken try."""
    fault = {"kind": "disconnect", "operation": REGIONS}
    many, one = RegionsMachine(simulator), RegionMachine(simulator)
    many.tiered_cache = one.tiered_cache = False
    first = next(iter(SPELLINGS))
    declaration = Declaration([(first, SUPPORTED[0])], "present", False, False, validate_regions=True, max_wait=330)
    assert many.run(declaration, [fault])["msg"].startswith("Tiered Cache is off")
    one.run(first, SUPPORTED[0], 330, [fault], check_mode=True)


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 403, "applied": True}, {"kind": "disconnect_after"}])
def test_applied_write_with_ambiguous_answer(simulator: RunningSimulator, fault: Fault) -> None:
    """An applied write is in the result, even if a gateway rejects the request or no response arrives."""
    machine = RegionsMachine(simulator)
    declaration = Declaration([(next(iter(SPELLINGS)), SUPPORTED[0])], "present", False, False, False, max_wait=330)
    result = machine.run(declaration, [{**fault, "operation": PUT_BATCH}])
    assert not result.get("failed")
    assert len(result["created"]) == len(machine.zone) == 1
