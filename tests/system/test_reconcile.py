# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Randomized differential test: the real ``main()`` of the modules against a reference model, with faults and a concurrent writer.

Some thousands of steps: about 1,700 runs over real HTTP to the simulator, and what others write before them. The zone ends as
declared, or the result lists what was done; a read returns one state of the zone. The model is the simulator's own history.
Pauses take no time, and batches, pages and zones are so small that a few addresses fill several. Faults hit a request before
or after it is carried out, and another client writes between any two requests.

The runs are those of one seed, 0 by default; ``--hypothesis-seed=N`` runs those of another.

A place is ``vendor/region``; a zone is a dict from the address to its mapping.
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
from tests.system.in_process import run_module
from tests.system.pauses import Pauses

T = t.TypeVar("T")

BATCH, PAGE, LIMIT = 2, 3, 7

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
NO_REGION = ["aws/us-east1", "gcp/eastus"]
NO_VENDOR = "ibm/us-east"

LIST, GET = "origin-cloud-regions-v2-list", "origin-cloud-regions-v2-get"
REGIONS = "origin-cloud-regions-v2-supported-regions"
PUT, DELETE = "origin-cloud-regions-v2-upsert", "origin-cloud-regions-v2-delete"
PUT_BATCH, DELETE_BATCH = "origin-cloud-regions-v2-batch-upsert", "origin-cloud-regions-v2-batch-delete"
WRITES = (PUT, DELETE, PUT_BATCH, DELETE_BATCH)

Mapping = dict[str, t.Any]
Zone = dict[str, Mapping]
Places = dict[str, t.Optional[str]]
Fault = dict[str, t.Any]
Changes = dict[str, tuple[t.Optional[str], t.Optional[str]]]
"""By address, its place before and after."""


def envelope(code: int) -> dict[str, t.Any]:
    return {"success": False, "errors": [{"code": code, "message": "injected"}], "messages": [], "result": None}


RATE_LIMIT: Fault = {"kind": "status", "status": 429, "headers": {"Retry-After": "30"}}
PASSING: list[Fault] = [
    {"kind": "disconnect"},
    {"kind": "disconnect_after"},
    {"kind": "truncate"},
    {"kind": "half"},
    {"kind": "html"},
    {"kind": "html", "done": True},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 503, "done": True},
    RATE_LIMIT,
]
"""Faults that a client survives that tries again."""
REFUSALS: list[Fault] = [
    {"kind": "status", "status": 403, "body": envelope(10000)},
    {"kind": "status", "status": 403, "body": envelope(1164)},
]
"""Answers that say that nothing was done."""
OTHERS: list[Fault] = [
    {"kind": "status", "status": 500, "body": envelope(1140)},
    {"kind": "status", "status": 500, "body": envelope(1140), "done": True},
    {"kind": "status", "status": 500, "body": envelope(1156)},
    {"kind": "malformed"},
    {"kind": "malformed", "done": True},
    {"kind": "html", "status": 403},
    {"kind": "html", "status": 403, "done": True},
    {"kind": "html", "status": 403, "headers": {"cf-mitigated": "challenge"}},
    {"kind": "redirect"},
]
"""Answers that say nothing of what was done."""
SILENCE = {"succeeded": [], "failed": []}
LONG_AGO = "2026-03-01T12:00:00Z"


# What is drawn. Hypothesis chooses the steps, and drops some to shrink a failure; each step draws from a generator of its own,
# which takes less time than the module that is tested.


FEW = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"]
SIZES = [3, 5, 7, 4, 6, 0]
MAX_WAITS = [330, 330, 0]
generators = st.randoms(use_true_random=True)


def draw_some(random: Random, items: t.Sequence[T], least: int, most: int) -> list[T]:
    """Draw at least and at most so many different items."""
    return random.sample(items, random.randint(least, min(most, len(items))))


def draw_spelling(random: Random, addresses: t.Iterable[str] = tuple(SPELLINGS)) -> str:
    return random.choice(SPELLINGS[random.choice(list(addresses))])


def draw_place(random: Random) -> str:
    """Draw a place; the vendor of one in ten has no such region."""
    return random.choice(NO_REGION if random.random() < 0.1 else SUPPORTED)


def draw_zone(random: Random) -> Zone:
    return {
        address: mapping(address, random.choice(SUPPORTED))
        for address in draw_some(random, list(SPELLINGS), random.choice(SIZES), LIMIT)
    }


def mapping(address: str, place: str) -> Mapping:
    vendor, region = place.split("/")
    return {"origin_ip": address, "vendor": vendor, "region": region}


def place_of(mapping: Mapping | None) -> str | None:
    return mapping and f"{mapping['vendor']}/{mapping['region']}"


def draw_meanwhile(random: Random, operations: list[str], addresses: list[str]) -> Fault:
    """Draw what somebody else does just before a request."""
    operation = random.choice(operations)
    return {
        "kind": "meanwhile",
        "operation": operation,
        "after": random.choice([1, 2, 0] if operation == LIST else [0, 0, 1]),
        "body": {
            "put": [mapping(address, random.choice(SUPPORTED)) for address in draw_some(random, addresses, 0, 3)],
            "delete": draw_some(random, addresses, 0, 5),
        },
    }


def draw_exchange(random: Random, addresses: list[str]) -> Fault:
    """Somebody creates one mapping and deletes another between two pages of one read, so that the total stays the same."""
    put = mapping(random.choice(addresses), random.choice(SUPPORTED))
    body = {"put": [put], "delete": [random.choice(addresses)]}
    return {"kind": "meanwhile", "operation": LIST, "after": random.choice([1, 1, 2]), "body": body}


def draw_breakage(random: Random, operations: list[str]) -> Fault:
    fault = random.choice(random.choice([PASSING, PASSING + OTHERS, REFUSALS]))
    operation = random.choice([None, *operations])
    if operation in (PUT_BATCH, DELETE_BATCH) and fault["kind"] == "malformed" and random.random() < 0.5:
        fault = {**fault, "body": {**envelope(0), "success": True, "errors": [], "result": SILENCE}}
    return {
        **fault,
        "operation": operation,
        "after": random.choice([0, 0, 1, 2, 4]),
        "times": random.choice([1, 1, 1, 2, 3, 7, None]),
    }


def draw_outage(random: Random, latest: int) -> list[Fault]:
    """From one request on, nothing goes any more."""
    first, others = random.choices(OTHERS + PASSING, k=2)
    after = random.randint(0, latest)
    return [{**first, "after": after}, {**others, "after": after, "times": None}]


def draw_storm(random: Random, operations: list[str]) -> list[Fault]:
    """The tries of one write, or of one read if there are no writes, each broken in its own way."""
    operation = random.choice([one for one in operations if one in WRITES] or operations)
    broken = random.choices(PASSING, k=random.randint(1, 3)) + random.choice([[], [RATE_LIMIT]])
    return [{**fault, "operation": operation} for fault in broken]


def draw_faults(random: Random, operations: list[str], addresses: list[str], latest: int) -> list[Fault]:
    """Draw faults for these operations. Others write these addresses; an outage begins after so many requests at the latest."""

    def draw_fault() -> Fault:
        return random.choice([draw_meanwhile(random, operations, addresses), draw_breakage(random, operations)])

    kind = random.choice(["none", "any", "meanwhile", "outage", "storm", *(["exchange"] if LIST in operations else [])])
    if kind == "any":
        return [draw_fault() for dummy in range(random.randint(1, 3))]
    if kind == "meanwhile":
        return [draw_meanwhile(random, operations, addresses) for dummy in range(random.randint(1, 2))]
    if kind == "outage":
        return draw_outage(random, latest)
    if kind == "storm":
        return draw_storm(random, operations)
    return [draw_exchange(random, addresses)] if kind == "exchange" else []


def draw_check_mode(random: Random) -> bool:
    return random.random() < 1 / 6


def survivable(faults: t.Sequence[Fault], max_wait: int) -> bool:
    """Whether these faults may make no difference, apart from the time."""
    kinds = [{key: fault[key] for key in fault if key not in ("operation", "after", "times")} for fault in faults]
    times = [fault.get("times", 1) for fault in faults]
    if not all(kind in PASSING for kind in kinds) or None in times:
        return False
    return not faults or (max_wait > 0 and sum(times) <= 5)


@dataclass(frozen=True)
class Declaration:
    """A task with origin_cloud_regions: ``mappings`` are spellings and places."""

    mappings: list[tuple[str, str]]
    state: str
    purge: bool
    allow_empty: bool
    validate_regions: bool
    max_wait: int

    def options(self) -> dict[str, t.Any]:
        return {**asdict(self), "mappings": [mapping(*one) for one in self.mappings]}

    @property
    def wanted(self) -> Places:
        """By canonical address. Of two places for one, the first."""
        present = self.state == "present"
        return {canonical(spelling): place if present else None for spelling, place in reversed(self.mappings)}

    def goal(self, zone: Zone) -> Changes:
        """What is to be done to the zone."""
        goal = {**(dict.fromkeys(zone) if self.purge else {}), **self.wanted}
        changes = {address: (place_of(zone.get(address)), place) for address, place in goal.items()}
        return {address: change for address, change in changes.items() if change[0] != change[1]}

    def is_hopeless(self, zone: Zone, tiered_cache: bool) -> bool:
        """Whether it must fail before anything is written."""
        if self.state == "absent":
            return self.purge
        if self.purge and not self.mappings and not self.allow_empty:
            return True
        if len({(canonical(spelling), place) for spelling, place in self.mappings}) > len(self.wanted):
            return True
        changes = self.goal(zone).values()
        written = [after for dummy, after in changes if after]
        new = sum(not before for before, dummy in changes)
        if NO_VENDOR in written or (new and len(zone) + new - sum(not after for dummy, after in changes) > LIMIT):
            return True
        return bool(written) and self.validate_regions and not (tiered_cache and set(written) <= set(SUPPORTED))


KINDS = ["plain"] * 20 + ["absent"] * 6 + ["no region"] * 6 + ["no vendor", "twice", "absent and purge"]


def draw_declaration(random: Random) -> Declaration:
    kind = random.choice(KINDS)
    chosen = draw_some(random, list(SPELLINGS), random.choice(SIZES), LIMIT)
    mappings = [
        (random.choice(SPELLINGS[address]), draw_place(random) if kind == "no region" else random.choice(SUPPORTED))
        for address in chosen
    ]
    if kind == "no vendor":
        mappings.append((draw_spelling(random), NO_VENDOR))
    if kind == "twice" and mappings:  # most often in two places
        mappings.append((draw_spelling(random, [canonical(mappings[0][0])]), draw_place(random)))
    return Declaration(
        mappings,
        state="absent" if kind.startswith("absent") else "present",
        purge=kind.endswith("purge") or (kind != "absent" and random.choice([True, True, False])),
        allow_empty=random.choice([True, False]),
        validate_regions=random.choice([True, False]),
        max_wait=random.choice(MAX_WAITS),
    )


# What a run has done


class Truth:
    """The zone before and after a run, and by address what was done to it: the place since then, and whether by others."""

    def __init__(self, before: Zone, state: dict[str, t.Any]) -> None:
        self.before = before
        self.after: Zone = {mapping["origin_ip"]: mapping for mapping in state["mappings"]}
        self.history: list[tuple[str, str | None]] = []
        self.events: dict[str, list[tuple[str | None, bool]]] = {}
        for one in state["history"]:
            self.history.append((one["origin_ip"], place_of(one["mapping"])))
            self.events.setdefault(one["origin_ip"], []).append((place_of(one["mapping"]), one["meanwhile"]))

    def written(self, address: str, others: bool = False) -> list[str | None]:
        return [place for place, meanwhile in self.events.get(address, []) if meanwhile == others]

    def by_others(self, address: str) -> list[str | None]:
        return self.written(address, others=True)

    def others_were_last(self, address: str) -> bool:
        return self.events[address][-1][1]

    def check(self, done: Changes, unconfirmed: t.Container[str], wanted: Places, purge: bool, lost: bool) -> None:
        """That exactly ``done`` was done, apart from what is unconfirmed. ``lost``: answers may have been lost."""
        for address in SPELLINGS:
            written, others = self.written(address), self.by_others(address)
            assert not written or address in wanted or purge, address
            assert set(written) <= {wanted.get(address)}, address
            if address in done:
                before, after = done[address]
                assert before != after == wanted.get(address), address
                assert before in (place_of(self.before.get(address)), *others), address
                assert after in (written + others if lost else written), address
                assert others or after == place_of(self.after.get(address)), address
            elif address not in unconfirmed and written:
                # That it was done shows nowhere if the answer is lost, and others undo it before it is read again.
                assert lost and others and self.others_were_last(address), address

    def check_said(self, done: Changes, goal: Changes) -> None:
        """That ``done`` is all there was to do, but where others did something."""
        for address in SPELLINGS:
            assert self.by_others(address) or done.get(address) == goal.get(address), address

    def states(self) -> list[dict[str, str | None]]:
        """The places by address, before the run and after each write since then."""
        states = [{address: place_of(mapping) for address, mapping in self.before.items()}]
        for address, place in self.history:
            states.append({**states[-1], address: place})
        return [{address: place for address, place in state.items() if place} for state in states]

    def check_as_declared(self, wanted: Places, purge: bool) -> None:
        """That the zone is as declared, but where others were later."""
        for address in SPELLINGS if purge else wanted:
            as_declared = place_of(self.after.get(address)) == wanted.get(address)
            assert as_declared or (self.by_others(address) and self.others_were_last(address)), address


def canonical(spelling: str) -> str:
    """Told by the table, and not by anybody's parser."""
    return next(address for address, known in SPELLINGS.items() if spelling in known)


def in_order(addresses: t.Iterable[str]) -> list[str]:
    return sorted(addresses, key=lambda address: (":" in address, ipaddress.ip_address(address)))


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Machine(RuleBasedStateMachine):
    """A zone, kept here between the runs. It rests for a while before a run, unless it is ``just_written``."""

    def __init__(self, simulator: RunningSimulator) -> None:
        super().__init__()
        self.simulator = simulator
        self.zone: Zone = {}
        self.tiered_cache = True
        self.just_written = False

    @initialize(random=generators)
    def start(self, random: Random) -> None:
        self.zone = draw_zone(random)

    def let_others_write(self, random: Random) -> None:
        """Before half of the runs, somebody else changes the zone; a quarter of them finds it just written."""
        self.just_written = random.random() < 1 / 4
        if random.random() < 1 / 2:
            return
        self.tiered_cache = random.random() < 5 / 6
        for address, written in draw_zone(random).items():
            if address in self.zone or len(self.zone) < LIMIT:
                self.zone[address] = written
        for address in draw_some(random, list(SPELLINGS), 0, LIMIT):
            self.zone.pop(address, None)

    def perform(
        self, name: str, faults: t.Sequence[Fault], check_mode: bool, **options: t.Any
    ) -> tuple[dict[str, t.Any], Truth, dict[str, int]]:
        """Run a module in the zone as it is here: the result, what was done, the requests by operation."""
        simulator = self.simulator
        modified_on = now() if self.just_written else LONG_AGO
        self.zone = {address: {**mapping, "modified_on": modified_on} for address, mapping in self.zone.items()}
        zone = {"id": simulator.zone_id, "name": "example.com", "limit": LIMIT, "mappings": list(self.zone.values())}
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
        truth = Truth(self.zone, stats["zones"][simulator.zone_id])
        self.zone = truth.after
        self.just_written = False
        assert stats["contract_violations"] == []
        if check_mode:
            assert not any(map(truth.written, SPELLINGS))
            assert not any(stats["operations"].get(one) for one in WRITES)
        return result, truth, stats["operations"]


class Many(Machine):
    """``origin_cloud_regions``."""

    last: Declaration | None = None

    @rule(random=generators)
    def declare(self, random: Random) -> None:
        self.let_others_write(random)
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
        self.let_others_write(random)
        assert self.last
        last, self.last = self.last, None
        if not self.run(last).get("failed"):
            again = self.run(last)
            assert not again.get("failed") and again["changed"] is False

    def run(
        self, declaration: Declaration, faults: t.Sequence[Fault] = (), check_mode: bool = False
    ) -> dict[str, t.Any]:
        """Run the module, and compare all that it says with all that was done."""
        wanted, purge = declaration.wanted, declaration.purge
        goal = declaration.goal(self.zone)
        hopeless = declaration.is_hopeless(self.zone, self.tiered_cache)
        readings = 2 if self.just_written else 1
        result, truth, operations = self.perform("origin_cloud_regions", faults, check_mode, **declaration.options())
        failed = result.get("failed", False)
        done = self.said(result, truth, wanted) if "created" in result else {}
        unconfirmed = result.get("unconfirmed", [])
        assert result.get("changed", False) == bool(done or unconfirmed)
        if not check_mode:
            truth.check(done, unconfirmed, wanted, purge, lost=any(map(is_lossy, faults)))
        if not failed:
            assert result["failed_items"] == unconfirmed == []
            truth.check_said(done, goal)
            if not check_mode:
                truth.check_as_declared(wanted, purge)
        if survivable(faults, declaration.max_wait):
            refused = set() if check_mode else {address for address, change in goal.items() if change[1] in NO_REGION}
            assert failed == bool(hopeless or refused)
            assert ("created" in result) == (not hopeless)
            if refused and not hopeless:
                assert {item["origin_ip"] for item in result["failed_items"]} == refused
                assert any(address in result["msg"] for address in refused)
                assert {address for address, change in goal.items() if change[1]} == {
                    *refused,
                    *(address for address, change in done.items() if change[1]),
                }
        if not faults and not failed:
            self.check_costs(declaration, goal, truth.before, check_mode, operations, readings)
        return result

    def said(self, result: dict[str, t.Any], truth: Truth, wanted: Places) -> Changes:
        """The changes that the result tells, once it is known not to contradict itself."""
        created, updated, deleted, unchanged, failed = (
            {item["origin_ip"]: item for item in result[key]}
            for key in ("created", "updated", "deleted", "unchanged", "failed_items")
        )
        lists = [list(one) for one in (created, updated, deleted, unchanged, failed)] + [result["unconfirmed"]]
        assert all(one == in_order(one) for one in lists)
        assert len(set().union(*lists)) == sum(map(len, lists))
        before, after = result["diff"]["before"], result["diff"]["after"]
        assert set(before) == {*updated, *deleted} and set(after) == {*created, *updated}
        assert after == {address: place_of(item) for address, item in {**created, **updated}.items()}
        assert all(before[address] == place_of(item) for address, item in deleted.items())
        for address, item in unchanged.items():
            assert place_of(item) == wanted[address]
            assert place_of(item) in (place_of(truth.before.get(address)), *truth.by_others(address))
        for address, item in {**deleted, **unchanged}.items():
            if not truth.by_others(address):
                assert item["modified_on"] == truth.before[address].get("modified_on")
        assert all(item["error"] for item in failed.values())
        assert result["zone_id"] == self.simulator.zone_id
        return {address: (before.get(address), after.get(address)) for address in {**before, **after}}

    def check_costs(
        self,
        declaration: Declaration,
        goal: Changes,
        zone: Zone,
        check_mode: bool,
        operations: dict[str, int],
        readings: int,
    ) -> None:
        writes = sum(bool(after) for dummy, after in goal.values())
        pages = page_count(zone)
        reads = operations.get(LIST, 0) + operations.get(GET, 0)
        alone = len(declaration.wanted) + 1
        assert reads <= (alone if alone <= pages and not declaration.purge else pages * readings)
        assert operations.get(REGIONS, 0) == bool(writes and declaration.validate_regions)
        assert operations.get(PUT_BATCH, 0) == (0 if check_mode else -(-writes // BATCH))
        assert operations.get(DELETE_BATCH, 0) == (0 if check_mode else -(-(len(goal) - writes) // BATCH))


def page_count(zone: Zone) -> int:
    return max(1, -(-len(zone) // PAGE))


def is_lossy(fault: Fault) -> bool:
    """Whether it leaves open what was done: all but an error envelope that the API sends instead of doing it."""
    return fault["kind"] != "meanwhile" and (fault["kind"] != "status" or fault["status"] not in (403, 429))


class One(Machine):
    """``origin_cloud_region``."""

    last: tuple[t.Any, ...] | None = None

    @rule(random=generators)
    def declare(self, random: Random) -> None:
        self.let_others_write(random)
        place = random.choice([None, draw_place(random)])
        spelling = draw_spelling(random, [*self.zone, *FEW])
        self.last = (spelling, place, random.choice(MAX_WAITS))
        faults = draw_faults(
            random, [GET, PUT if place else DELETE], list(dict.fromkeys([canonical(spelling), *FEW])), 2
        )
        note(f"{self.last}, {faults=}")
        self.run(*self.last, faults, draw_check_mode(random))

    @precondition(lambda self: self.last)
    @rule(random=generators)
    def declare_again(self, random: Random) -> None:
        """Without faults, the zone ends as declared, and then nothing is left to do."""
        self.let_others_write(random)
        assert self.last
        last, self.last = self.last, None
        if not self.run(*last).get("failed"):
            again = self.run(*last)
            assert not again.get("failed") and again["changed"] is False

    def run(
        self,
        spelling: str,
        place: str | None,
        max_wait: int,
        faults: t.Sequence[Fault] = (),
        check_mode: bool = False,
    ) -> dict[str, t.Any]:
        """Run the module, and compare all that it says with all that was done. No place is ``state: absent``."""
        address = canonical(spelling)
        options = mapping(spelling, place) if place else {"origin_ip": spelling, "state": "absent"}
        wanted: Places = {address: place}
        was = place_of(self.zone.get(address))
        goal: Changes = {} if was == place else {address: (was, place)}
        full = not was and len(self.zone) == LIMIT
        result, truth, operations = self.perform(
            "origin_cloud_region", faults, check_mode, **options, max_wait=max_wait
        )
        failed, changed = result.get("failed", False), result.get("changed", False)
        done: Changes = {}
        if not failed:
            before, after = result["diff"]["before"], result["diff"]["after"]
            assert {*before, *after} <= {address}
            assert changed == (before != after)
            done = {address: (before.get(address), after.get(address))} if changed else {}
            assert place_of(result["origin_cloud_region"]) == after.get(address) == place
            truth.check_said(done, goal)
        if not check_mode:
            unconfirmed = wanted if failed and changed else ()
            truth.check(done, unconfirmed, wanted, purge=False, lost=any(map(is_lossy, faults)))
            if not failed:
                truth.check_as_declared(wanted, purge=False)
        if survivable(faults, max_wait):
            # Check mode does not count, and without Tiered Cache does not know the regions.
            unsupported = place in NO_REGION and (self.tiered_cache or not check_mode)
            assert failed == bool(goal and place and (unsupported or (full and not check_mode)))
        if not faults and not check_mode:
            is_rejected = failed and result["failure"]["code"] == 1157  # one more request to suggest a region
            assert operations.get(REGIONS, 0) == is_rejected
            assert sum(operations.values()) == 1 + len(goal) + is_rejected
        return result


class Info(Machine):
    """``origin_cloud_region_info``."""

    @rule(random=generators)
    def read(self, random: Random) -> None:
        """Read the whole zone, or some addresses, while others write."""
        self.let_others_write(random)
        several = [draw_spelling(random) for dummy in range(random.randint(0, 6))]
        asked, max_wait = random.choice([None, several]), random.choice(MAX_WAITS)
        faults, check_mode = draw_faults(random, [LIST, LIST, GET], list(SPELLINGS), 3), random.choice([True, False])
        note(f"{asked=}, {max_wait=}, {faults=}")
        readings = 2 if self.just_written else 1
        result, truth, operations = self.perform(
            "origin_cloud_region_info", faults, check_mode, origin_ip=asked, max_wait=max_wait
        )
        if survivable(faults, max_wait):
            assert not result.get("failed")
        if result.get("failed"):
            return
        assert "changed" not in result
        assert not any(map(truth.written, SPELLINGS))
        found = {item["origin_ip"]: place_of(item) for item in result["origin_cloud_regions"]}
        assert len(found) == len(result["origin_cloud_regions"])
        states = truth.states()
        pages = page_count(truth.before)
        if asked is None:
            assert found in states
            expected = pages * readings
        else:
            wanted = list(dict.fromkeys(map(canonical, asked)))
            assert [*found] == [address for address in wanted if address in found]
            assert result["missing"] == [address for address in wanted if address not in found]
            for address in wanted:
                assert found.get(address) in [state.get(address) for state in states], address
            alone = len(wanted) + (len(wanted) > 1)
            expected = alone if alone <= pages else pages * readings
        if not faults:
            assert operations.get(LIST, 0) + operations.get(GET, 0) <= expected


@pytest.fixture(scope="module", autouse=True)
def _small_and_without_pauses() -> t.Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("CLOUDFLARE_"):
                patch.delenv(name)
        pauses = Pauses()
        patch.setattr(_options, "Client", functools.partial(_client.Client, clock=pauses.clock, sleep=pauses.sleep))
        patch.setattr(_client, "PAGE_SIZE", PAGE)
        patch.setattr(_reconcile, "BATCH_SIZE", BATCH)
        patch.setattr(_reconcile, "MAX_MAPPINGS", LIMIT)
        patch.setattr(_validation, "MAX_MAPPINGS", LIMIT)
        yield


@pytest.mark.parametrize(("machine", "examples"), [(Many, 60), (One, 70), (Info, 30)])
def test_reconcile(
    simulator: RunningSimulator, request: pytest.FixtureRequest, machine: type[Machine], examples: int
) -> None:
    run_state_machine_as_test(
        seed(int(request.config.getoption("--hypothesis-seed") or 0))(lambda: machine(simulator)),
        settings=settings(
            max_examples=examples,
            stateful_step_count=10,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
        ),
    )


def test_refused_before_there_was_need_of_room(simulator: RunningSimulator) -> None:
    """Rare among what is drawn: the deletion that would make room is left out, and what fits is written all the same."""
    machine = Many(simulator)
    first, *others = SPELLINGS
    machine.zone = {first: mapping(first, SUPPORTED[0])}
    mappings = [(address, NO_REGION[0] if address == others[1] else SUPPORTED[0]) for address in others[:LIMIT]]
    machine.run(Declaration(mappings, "present", purge=True, allow_empty=False, validate_regions=False, max_wait=330))
    assert len(machine.zone) == LIMIT


def test_no_tiered_cache_after_a_broken_connection(simulator: RunningSimulator) -> None:
    """That a try was broken before makes no difference to what the answer means."""
    fault = {"kind": "disconnect", "operation": REGIONS}
    many, one = Many(simulator), One(simulator)
    many.tiered_cache = one.tiered_cache = False
    first = next(iter(SPELLINGS))
    declaration = Declaration([(first, SUPPORTED[0])], "present", False, False, validate_regions=True, max_wait=330)
    assert many.run(declaration, [fault])["msg"].startswith("Tiered Cache is off")
    one.run(first, SUPPORTED[0], 330, [fault], check_mode=True)


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 403, "done": True}, {"kind": "disconnect_after"}])
def test_answer_that_does_not_say_what_was_done(simulator: RunningSimulator, fault: Fault) -> None:
    """A write that was carried out is in the result, although a gateway refuses it, or nobody answers."""
    machine = Many(simulator)
    declaration = Declaration([(next(iter(SPELLINGS)), SUPPORTED[0])], "present", False, False, False, max_wait=330)
    result = machine.run(declaration, [{**fault, "operation": PUT_BATCH}])
    assert not result.get("failed")
    assert len(result["created"]) == len(machine.zone) == 1
