# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_regions, from its arguments to what it prints."""

from __future__ import annotations

import functools
import types
import typing as t
from pathlib import Path

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_regions
from ansible_collections.edgecache.cloudflare.tests.unit.plugins import ranges
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    KEY,
    MAPPINGS,
    STATE,
    TOKEN,
    ZONE_ID,
    Clock,
    Wire,
    address,
    batch_response,
    envelope,
    failed,
    mapping,
    mappings,
    new,
    page,
    sent,
    switch,
)

Run = t.Callable[..., dict[str, t.Any]]

ONE, TWO, SIX = "192.0.2.1", "192.0.2.2", "2001:db8::6"
BROKEN = requests.ConnectionError("cut")
NOTHING: dict[str, t.Any] = {
    "changed": False,
    "created": [],
    "updated": [],
    "deleted": [],
    "unchanged": [],
    "left_out": [],
    "failed_items": [],
    "unconfirmed": [],
    "diff": {"before": {}, "after": {}},
    "zone_id": ZONE_ID,
}


@pytest.fixture
def script() -> types.ModuleType:
    return origin_cloud_regions


def item(origin_ip: str, vendor: str = "aws", region: str = "us-east-1") -> dict[str, t.Any]:
    return {"origin_ip": origin_ip, "vendor": vendor, "region": region}


def methods(wire: Wire) -> str:
    return " ".join(request.method for request in wire.requests)


class TestCosts:
    """The numbers of the issue."""

    def test_3400_into_an_empty_zone_are_36(self, run: Run, wire: Wire) -> None:
        wanted = mappings(3_400)
        wire.zone([])
        wire.supported()
        for start in range(0, 3_400, 100):
            wire.put_batch(wanted[start : start + 100])
        result = run(mappings=[sent(one) for one in reversed(wanted)])
        assert result["created"] == [new(one["origin_ip"]) for one in wanted]
        assert len(wire.requests) == 36

    def test_20_changed_among_3400_are_34_and_1_and_1(self, run: Run, wire: Wire) -> None:
        zone = mappings(3_400)
        wanted = [sent(one) for one in zone]
        for number in range(0, 3_400, 170):
            wanted[number]["region"] = "us-west-2"
        wire.zone(zone)
        wire.supported()
        wire.put_batch(wanted[::170])
        result = run(mappings=wanted, purge=True)
        assert len(result["updated"]) == 20
        assert len(result["unchanged"]) == 3_380
        assert len(wire.requests) == 34 + 1 + 1

    @pytest.mark.parametrize("purge", [False, True])
    def test_second_run_is_34_and_writes_nothing(self, run: Run, wire: Wire, purge: bool) -> None:
        zone = mappings(3_400)
        wire.zone(zone)
        assert run(mappings=zone, purge=purge) == {**NOTHING, "unchanged": zone}
        assert len(wire.requests) == 34

    @pytest.mark.parametrize(("gone", "batches"), [(1, 1), (100, 1), (101, 2)])
    def test_deletions_need_no_supported_regions(self, run: Run, wire: Wire, gone: int, batches: int) -> None:
        zone = mappings(250)
        wire.zone(zone)
        for start in range(0, gone, 100):
            wire.delete_batch(zone[start : min(start + 100, gone)])
        assert run(mappings=zone[gone:], purge=True)["deleted"] == zone[:gone]
        assert len(wire.requests) == 3 + batches

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_few_in_a_large_zone_are_not_worth_all_pages(self, run: Run, wire: Wire, state: str) -> None:
        zone = mappings(3_400)
        wire.zone(zone, pages=1)
        wire.mapping(address(3_000))
        wire.no_mapping(ONE)
        if state == "present":
            wire.supported()
            wire.put_batch([new(ONE)])
        else:
            wire.delete_batch([mapping(address(7)), mapping(address(3_000))])
        assert run(mappings=[item(address(7)), item(address(3_000)), item(ONE)], state=state)["changed"]
        assert methods(wire) == "GET GET GET " + ("GET PUT" if state == "present" else "DELETE")

    @pytest.mark.parametrize("options", [{}, {"state": "absent"}, {"allow_empty": True}], ids=str)
    def test_empty_list_asks_for_nothing(self, run: Run, wire: Wire, options: dict[str, t.Any]) -> None:
        assert run(mappings=[], **options) == NOTHING
        assert wire.requests == []

    def test_zone_by_name_costs_one_more(self, run_bare: Run, wire: Wire) -> None:
        wire.get("/zones", envelope([{"id": ZONE_ID, "name": "example.com"}]), query={"name": "example.com"})
        wire.zone([mapping(ONE)])
        assert run_bare(api_token=TOKEN, zone="example.com", mappings=[item(ONE)]) == {
            **NOTHING,
            "unchanged": [mapping(ONE)],
        }


class TestPresent:
    ZONE: t.ClassVar[list[dict[str, t.Any]]] = [
        mapping("192.0.2.9"),
        mapping("192.0.2.10", "gcp", "us-central1"),
        mapping("192.0.2.11"),
        mapping(SIX),
    ]
    WANTED: t.ClassVar[list[dict[str, t.Any]]] = [
        item(" 2001:DB8:0:0::6 "),
        item("192.0.2.10"),
        item(TWO, "azure", "eastus"),
        item("192.0.2.9"),
        item("2001:db8::6"),
        item(ONE),
    ]
    RESULT: t.ClassVar[dict[str, t.Any]] = {
        **NOTHING,
        "changed": True,
        "created": [new(ONE), new(TWO, "azure", "eastus")],
        "updated": [new("192.0.2.10")],
        "unchanged": [mapping("192.0.2.9"), mapping(SIX)],
        "diff": {
            "before": {"192.0.2.10": "gcp/us-central1"},
            "after": {ONE: "aws/us-east-1", TWO: "azure/eastus", "192.0.2.10": "aws/us-east-1"},
        },
    }

    @pytest.mark.parametrize("check", [True, False])
    def test_others_stay(self, run: Run, wire: Wire, check: bool) -> None:
        wire.zone(self.ZONE)
        wire.supported()
        if not check:
            wire.put_batch([new("192.0.2.10"), new(ONE), new(TWO, "azure", "eastus")])
        assert run(mappings=self.WANTED, _ansible_check_mode=check) == self.RESULT

    @pytest.mark.parametrize("check", [True, False])
    def test_purge_deletes_the_others_last(self, run: Run, wire: Wire, check: bool) -> None:
        wire.zone(self.ZONE)
        wire.supported()
        if not check:
            wire.put_batch([new("192.0.2.10"), new(ONE), new(TWO, "azure", "eastus")])
            wire.delete_batch([mapping("192.0.2.11")])
        assert run(mappings=self.WANTED, purge=True, _ansible_check_mode=check) == {
            **self.RESULT,
            "deleted": [mapping("192.0.2.11")],
            "diff": {
                "before": {"192.0.2.10": "gcp/us-central1", "192.0.2.11": "aws/us-east-1"},
                "after": self.RESULT["diff"]["after"],
            },
        }

    def test_result_of_reading_can_be_declared(self, run: Run, wire: Wire) -> None:
        zone = [{**mapping(ONE), "modified_on": None}, mapping(TWO)]
        wire.zone(zone)
        assert run(mappings=zone, purge=True)["changed"] is False

    def test_result_of_placing_can_be_declared(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE)])
        found = {**item(ONE), "prefix": "192.0.2.0/24", "source": "aws.json"}
        assert run(mappings=[found]) == {**NOTHING, "unchanged": [mapping(ONE)]}

    def test_moved_origin_is_never_without_a_hint(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE)])
        wire.supported()
        wire.put_batch([new(TWO)])
        wire.delete_batch([mapping(ONE)])
        run(mappings=[item(TWO)], purge=True)
        assert methods(wire) == "GET GET PUT DELETE"

    def test_full_zone_makes_room_first(self, run: Run, wire: Wire) -> None:
        zone = mappings(3_500)
        wire.zone(zone)
        wire.supported()
        wire.delete_batch(zone[-1:])
        wire.put_batch([new(ONE)])
        result = run(mappings=[*map(sent, zone[:-1]), item(ONE)], purge=True)
        assert ([one["origin_ip"] for one in result["created"]], result["deleted"]) == ([ONE], zone[-1:])

    def test_full_zone_has_room_for_an_update(self, run: Run, wire: Wire) -> None:
        wire.zone(mappings(3_500), pages=1)
        wire.supported()
        wire.put_batch([new(address(7), region="us-west-2")])
        result = run(mappings=[item(address(7), region="us-west-2")])
        assert result["updated"] == [new(address(7), region="us-west-2")]
        assert len(wire.requests) == 3

    def test_zone_that_may_be_not_found_is_empty(self, run: Run, wire: Wire) -> None:
        wire.page(1, failed(1142), status=404)
        wire.supported()
        wire.put_batch([new(ONE)])
        assert run(mappings=[item(ONE)], purge=True)["created"] == [new(ONE)]

    def test_region_that_is_no_longer_supported_may_stand(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE, region="old"), mapping(TWO)])
        wire.supported()
        wire.put_batch([new(TWO, region="us-west-2")])
        result = run(mappings=[item(ONE, region="old"), item(TWO, region="us-west-2")])
        assert result["unchanged"] == [mapping(ONE, region="old")]


class TestAbsent:
    @pytest.mark.parametrize("check", [True, False])
    def test_whatever_the_place(self, run: Run, wire: Wire, check: bool) -> None:
        wire.zone([mapping(SIX), mapping(TWO), mapping(ONE, "gcp", "x")])
        if not check:
            wire.delete_batch([mapping(ONE), mapping(SIX)])
        given = [
            {"origin_ip": "2001:DB8::6"},
            item(ONE),
            item(ONE, "oci", "y"),
            {"origin_ip": "192.0.2.3", "vendor": "no", "region": ""},
        ]
        assert run(mappings=given, state="absent", _ansible_check_mode=check) == {
            **NOTHING,
            "changed": True,
            "deleted": [mapping(ONE, "gcp", "x"), mapping(SIX)],
            "diff": {"before": {ONE: "gcp/x", SIX: "aws/us-east-1"}, "after": {}},
        }

    def test_second_run_changes_nothing(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(TWO)])
        assert run(mappings=[{"origin_ip": ONE}, {"origin_ip": SIX}], state="absent") == NOTHING

    def test_vanished_in_between(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE)])
        wire.delete_batch([mapping(ONE)], batch_response(**{ONE: "does not exist"}))
        wire.no_mapping(ONE)
        assert run(mappings=[{"origin_ip": ONE}], state="absent") == NOTHING


class TestPurgeGuards:
    @pytest.mark.parametrize("check", [True, False])
    def test_empty_list_is_refused_before_any_request(self, run_bare: Run, wire: Wire, check: bool) -> None:
        result = run_bare(api_token=TOKEN, zone="example.com", mappings=[], purge=True, _ansible_check_mode=check)
        assert "mappings" in result["msg"] and "allow_empty" in result["msg"]
        assert result["failure"]["status"] is None

    @pytest.mark.parametrize("empty", [None, "", "[]", {}, [""], [None]], ids=repr)
    @pytest.mark.parametrize("allow_empty", [True, False])
    def test_what_is_no_list_of_mappings_is_refused_too(
        self, run: Run, wire: Wire, empty: t.Any, allow_empty: bool
    ) -> None:
        """By Ansible itself, even if an empty list is allowed: before any request."""
        assert run(mappings=empty, purge=True, allow_empty=allow_empty)["failed"]

    @pytest.mark.parametrize("check", [True, False])
    def test_allowed(self, run: Run, wire: Wire, check: bool) -> None:
        zone = mappings(150)
        wire.zone(zone)
        if not check:
            wire.delete_batch(zone[:100])
            wire.delete_batch(zone[100:])
        result = run(mappings=[], purge=True, allow_empty=True, _ansible_check_mode=check)
        assert result["deleted"] == zone
        assert result["diff"]["after"] == {}

    def test_allowed_but_not_empty(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE)])
        assert run(mappings=[item(ONE)], purge=True, allow_empty=True)["changed"] is False

    @pytest.mark.parametrize("wanted", [[], [{"origin_ip": ONE}]], ids=str)
    def test_not_with_absent(self, run: Run, wire: Wire, wanted: list[dict[str, t.Any]]) -> None:
        result = run(mappings=wanted, purge=True, state="absent", allow_empty=True)
        assert "purge" in result["msg"] and "state=present" in result["msg"]

    @pytest.mark.parametrize(
        "answer", [page(mappings(2), total_count=3), page(mappings(2), total_count=1), page([], total_count=2)]
    )
    def test_zone_that_cannot_be_read_whole_is_not_touched(
        self, run: Run, wire: Wire, answer: dict[str, t.Any]
    ) -> None:
        for dummy in range(3):
            wire.page(1, answer)
        assert run(mappings=[item(ONE)], purge=True)["failed"]


class TestBadInput:
    """Refused before any request, even the one for the zone's id."""

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_all_bad_addresses_are_named(self, run_bare: Run, wire: Wire, state: str) -> None:
        bad = ["010.0.0.1", "192.0.2.0/24", "", "x.example", "fe80::1%eth0"]
        result = run_bare(api_token=TOKEN, zone="example.com", mappings=[*map(item, bad), item(ONE)], state=state)
        assert result["msg"].startswith(f"mappings: not an IP address: {', '.join(map(repr, bad))}. Each")
        assert result["failure"]["status"] is None

    @pytest.mark.parametrize("left_out", [{"vendor": None}, {"region": None}, {"vendor": ""}, {"region": ""}], ids=str)
    def test_incomplete(self, run: Run, wire: Wire, left_out: dict[str, t.Any]) -> None:
        result = run(mappings=[item(ONE), {**item("2001:DB8::6"), **left_out}])
        assert "mappings: vendor or region is missing for '2001:DB8::6'." in result["msg"]

    @pytest.mark.parametrize("left_out", ["vendor", "region"])
    def test_left_out(self, run: Run, wire: Wire, left_out: str) -> None:
        given = {name: value for name, value in item(ONE).items() if name != left_out}
        assert f"vendor or region is missing for '{ONE}'" in run(mappings=[given])["msg"]

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({}, "mappings"),
            ({"mappings": [{"vendor": "aws", "region": "x"}]}, "origin_ip"),
            ({"mappings": [{**item(ONE), "origin_ips": ONE}]}, "origin_ips"),
            ({"mappings": [ONE]}, "dictionary requested"),
            ({"mappings": [None]}, "mappings"),
            ({"mappings": [[]]}, "mappings"),
            ({"mappings": 7}, "mappings"),
            ({"mappings": [item(ONE)], "state": "gone"}, "state"),
            ({"mappings": [item(ONE)], "state": None}, "state"),
            ({"mappings": [item(ONE)], "purge": "maybe"}, "purge"),
        ],
        ids=str,
    )
    def test_option(self, run: Run, wire: Wire, options: dict[str, t.Any], named: str) -> None:
        result = run(**options)
        assert result["failed"]
        assert named in result["msg"]


class TestWhatIsWrongIsToldInOneMessage:
    def test_everything(self, run: Run, wire: Wire) -> None:
        zone = mappings(3_499)
        wire.zone(zone)
        wire.supported()
        wanted = [
            *map(sent, zone[:200]),
            item(ONE),
            item(ONE, region="us-west-2"),
            item("2001:DB8::6", "gcp", "us-central1"),
            item("2001:db8:0::6"),
            item(TWO, "aws", "us-east1"),
            item("192.0.2.3", "azure", "us-west-2"),
            item("192.0.2.4", "amazon", "us-west-2"),
            item("192.0.2.5", "gpc", "us-central1"),
        ]
        message = (
            "mappings: "
            "192.0.2.1 is declared as aws/us-east-1 and as aws/us-west-2; "
            "2001:db8::6 is declared as gcp/us-central1 and as aws/us-east-1; "
            "the zone would have 3,505 mappings (3,499 now, 6 to create, 0 to delete), but the maximum is 3,500: delete some first; "
            "region 'us-east1' is not supported for aws; did you mean 'us-east-1'? (192.0.2.2); "
            "region 'us-west-2' belongs to aws, not to azure (192.0.2.3); "
            "vendor 'amazon' is not supported (192.0.2.4); "
            "vendor 'gpc' is not supported; did you mean 'gcp'? (192.0.2.5)."
        )
        assert run(mappings=wanted) == {
            "failed": True,
            "msg": message,
            "failure": {"status": None, "code": None, "message": message, "errors": []},
        }

    @pytest.mark.parametrize("check", [True, False])
    @pytest.mark.parametrize("purge", [True, False])
    def test_nothing_is_written(self, run: Run, wire: Wire, purge: bool, check: bool) -> None:
        wire.zone([mapping(SIX)])
        wire.supported()
        result = run(mappings=[item(ONE), item(TWO, region="us-east1")], purge=purge, _ansible_check_mode=check)
        message = f"mappings: region 'us-east1' is not supported for aws; did you mean 'us-east-1'? ({TWO})."
        assert result == {
            "failed": True,
            "msg": message,
            "failure": {"status": None, "code": None, "message": message, "errors": []},
        }

    @pytest.mark.parametrize("stands", ["us-east-1", "us-west-2"])
    def test_conflict_with_what_stands(self, run: Run, wire: Wire, stands: str) -> None:
        wire.zone([mapping(ONE, region=stands)])
        wire.supported()
        result = run(mappings=[item(ONE), item("192.0.2.1", region="us-west-2")])
        assert result["msg"] == f"mappings: {ONE} is declared as aws/us-east-1 and as aws/us-west-2."

    def test_both_places_of_a_conflict_are_judged(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE)])
        wire.supported()
        assert run(mappings=[item(ONE), item(ONE, region="us-west2")])["msg"] == (
            f"mappings: {ONE} is declared as aws/us-east-1 and as aws/us-west2; "
            f"region 'us-west2' is not supported for aws; did you mean 'us-west-2'? ({ONE})."
        )

    def test_same_twice_is_one(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new(SIX)])
        assert run(mappings=[item("2001:DB8::6"), item("2001:db8:0::6")])["created"] == [new(SIX)]

    @pytest.mark.parametrize(
        ("zone", "wanted", "purge", "message"),
        [
            (0, 3_501, False, "3,501 mappings (0 now, 3,501 to create, 0 to delete)"),
            (0, 3_501, True, "3,501 mappings (0 now, 3,501 to create, 0 to delete)"),
            (150, 3_501, True, "3,501 mappings (150 now, 3,351 to create, 0 to delete)"),
        ],
    )
    def test_more_than_a_zone_can_have(
        self, run: Run, wire: Wire, zone: int, wanted: int, purge: bool, message: str
    ) -> None:
        wire.zone(mappings(zone))
        wire.supported()
        result = run(mappings=[sent(one) for one in mappings(wanted)], purge=purge)
        assert result["msg"] == f"mappings: the zone would have {message}, but the maximum is 3,500: delete some first."

    def test_full_to_the_last_mapping(self, run: Run, wire: Wire) -> None:
        wire.zone(mappings(3_499), pages=1)
        wire.no_mapping(ONE)
        wire.supported()
        wire.put_batch([new(ONE)])
        assert run(mappings=[item(ONE)])["created"] == [new(ONE)]


class TestWithoutValidation:
    def test_api_judges_the_regions(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.put_batch([new(ONE, "oci", "x")])
        assert run(mappings=[item(ONE, "oci", "x")], validate_regions=False)["created"] == [new(ONE, "oci", "x")]

    def test_the_rest_is_still_checked(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        result = run(
            mappings=[item(ONE, "amazon", "x"), item(TWO), item(TWO, region="x")],
            validate_regions=False,
            _ansible_check_mode=True,
        )
        assert result["msg"] == (
            f"mappings: {TWO} is declared as aws/us-east-1 and as aws/x; vendor 'amazon' is not supported ({ONE})."
        )

    def test_refused_ones(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.put_batch([new(ONE), new(TWO, region="x")], batch_response([sent(new(ONE))], **{TWO: "no such region"}))
        result = run(mappings=[item(ONE), item(TWO, region="x")], validate_regions=False)
        assert result["failed_items"] == [{"origin_ip": TWO, "error": "no such region"}]


def host(origin_ip: str, vendor: str | None = "aws", region: str | None = "us-east-1") -> dict[str, t.Any]:
    return {"host": f"host of {origin_ip}", "origin_ip": origin_ip, "vendor": vendor, "region": region}


def no_address(*hosts: dict[str, t.Any]) -> str:
    """What the module reports of hosts that have no address: the hosts, the option, the variable of the role and both fixes."""
    named = ", ".join(f"{one['host']} ({one['origin_ip']!r})" for one in hosts)
    return (
        f"mappings: origin_ip is not an IP address: {named}. Set origin_ip (cloud_region_hints_origin_ip in the role) to the IPv4 or "
        "IPv6 address of each host. To leave out hosts that have none, set leave_out to true (cloud_region_hints_strict to false in "
        "the role). "
    )


class TestLeaveOutHosts:
    BAD: t.ClassVar[list[tuple[dict[str, t.Any], str]]] = [
        (host(""), "no IP address"),
        (host(" ", None), "no IP address"),
        (host("192.0.2.7", region=None), "no vendor or no region"),
        (host("192.0.2.8", " "), "no vendor or no region"),
    ]
    UNSUPPORTED: t.ClassVar[list[tuple[dict[str, t.Any], str]]] = [
        (
            host("2001:DB8::6", "aws", "us-east1"),
            "region 'us-east1' is not supported for aws; did you mean 'us-east-1'?",
        ),
        (host("192.0.2.9", "awz"), "vendor 'awz' is not supported; did you mean 'aws'?"),
    ]

    def left_out(self, *bad: tuple[dict[str, t.Any], str]) -> list[dict[str, t.Any]]:
        return [{**one, "reason": reason} for one, reason in bad]

    @pytest.mark.parametrize("check", [True, False])
    def test_others_are_declared(self, run: Run, wire: Wire, check: bool) -> None:
        bad = [*self.UNSUPPORTED, *self.BAD]
        wire.zone([])
        wire.supported()
        if not check:
            wire.put_batch([new(ONE), new(TWO)])
        wanted = [bad[0][0], host(ONE), *(one for one, dummy in bad[1:]), item(TWO)]
        assert run(mappings=wanted, leave_out=True, _ansible_check_mode=check) == {
            **NOTHING,
            "changed": True,
            "created": [new(ONE), new(TWO)],
            "left_out": self.left_out(*bad),
            "diff": {"before": {}, "after": {ONE: "aws/us-east-1", TWO: "aws/us-east-1"}},
        }

    def test_purge_leaves_what_their_addresses_have(self, run: Run, wire: Wire) -> None:
        kept = [mapping("192.0.2.7"), mapping("192.0.2.9", "gcp", "us-central1"), mapping(SIX)]
        wire.zone([mapping(TWO), *kept, mapping(ONE)])
        wire.supported()
        wire.delete_batch([mapping(TWO)])
        bad = [*self.BAD, *self.UNSUPPORTED]
        result = run(mappings=[item(ONE), *(one for one, dummy in bad)], leave_out=True, purge=True)
        assert result["deleted"] == [mapping(TWO)]
        assert result["left_out"] == self.left_out(*bad)

    @pytest.mark.parametrize("allow_empty", [True, False])
    def test_purge_needs_the_address_of_each_host_that_has_one(self, run: Run, allow_empty: bool) -> None:
        """Nobody knows which mapping is that of a name."""
        wanted = [item(ONE), host("", None), host("web-1.example.com"), host("web-2.example.com", None)]
        result = run(mappings=wanted, leave_out=True, purge=True, allow_empty=allow_empty)
        assert result["msg"] == (
            "mappings: purge would delete the mappings of hosts whose address is not known: "
            "host of web-1.example.com ('web-1.example.com'), host of web-2.example.com ('web-2.example.com'). "
            "Set origin_ip to the address of each host, or to an empty text if the host has none."
        )

    def test_purge_deletes_what_a_host_without_an_address_had(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE), mapping(TWO)])
        wire.delete_batch([mapping(TWO)])
        result = run(mappings=[item(ONE), host(" ", None)], leave_out=True, purge=True)
        assert result["deleted"] == [mapping(TWO)]

    def test_host_without_a_name_is_none(self, run: Run) -> None:
        assert "not an IP address: 'x'" in run(mappings=[{**item("x"), "host": " "}], leave_out=True)["msg"]

    def test_address_that_is_declared_elsewhere_is_declared(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE, "gcp", "us-central1"), mapping(TWO)])
        wire.supported()
        wire.put_batch([new(ONE)])
        wire.delete_batch([mapping(TWO)])
        result = run(mappings=[host(" 192.0.2.1", None), item(ONE)], leave_out=True, purge=True)
        assert result["updated"] == [new(ONE)]
        assert [one["origin_ip"] for one in result["left_out"]] == [" 192.0.2.1"]

    def test_place_that_stands_is_not_judged(self, run: Run, wire: Wire) -> None:
        """Though another origin cannot have it any more."""
        wire.zone([mapping(ONE, "aws", "us-gone-1")])
        wire.supported()
        wanted = [host(ONE, "aws", "us-gone-1"), host(TWO, "aws", "us-gone-1")]
        result = run(mappings=wanted, leave_out=True)
        assert result["unchanged"] == [mapping(ONE, "aws", "us-gone-1")]
        assert [one["origin_ip"] for one in result["left_out"]] == [TWO]

    def test_two_hosts_of_one_address(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        result = run(mappings=[host(ONE, "awz"), host(f" {ONE}", "awz")], leave_out=True)
        assert [one["origin_ip"] for one in result["left_out"]] == [ONE, f" {ONE}"]

    @pytest.mark.parametrize("leave_out", [True, False])
    def test_others_are_an_error_all_the_same(self, run: Run, wire: Wire, leave_out: bool) -> None:
        bad = [item("x"), {"origin_ip": TWO}]
        assert run(mappings=[host("y"), *bad], leave_out=leave_out)["msg"] == (
            f"{'' if leave_out else no_address(host('y'))}"
            "mappings: not an IP address: 'x'. Each must be one plain IPv4 or IPv6 address: no list, no prefix length, no zone index, "
            f"no port, no host name, no leading zeros. mappings: vendor or region is missing for '{TWO}'."
        )

    def test_hosts_are_named(self, run: Run) -> None:
        wanted = [host(""), host(" web-1"), host(TWO, region=None), host(ONE, None, " ")]
        assert run(mappings=wanted)["msg"] == (
            f"{no_address(host(''), host(' web-1'))}"
            f"mappings: vendor or region is missing for host of {TWO} ('{TWO}'), host of {ONE} ('{ONE}')."
        )

    def test_unsupported_others_are_an_error_all_the_same(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wanted = [host(ONE, "awz"), item(ONE, "awz"), host(TWO, "awz"), host(SIX)]
        message = f"mappings: vendor 'awz' is not supported; did you mean 'aws'? ({ONE})."
        assert run(mappings=wanted, leave_out=True)["msg"] == message

    def test_conflict_is_an_error_all_the_same(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        message = run(mappings=[host(ONE), host(ONE, "awz"), host(TWO, region="x")], leave_out=True)["msg"]
        assert f"{ONE} is declared as aws/us-east-1 and as awz/us-east-1" in message
        assert "vendor 'awz' is not supported" in message

    def test_those_left_out_take_no_room(self, run: Run, wire: Wire) -> None:
        wire.zone(mappings(3_500), pages=1)
        wire.no_mapping(ONE)
        wire.supported()
        assert not run(mappings=[host(ONE, "awz")], leave_out=True)["changed"]

    @pytest.mark.parametrize("allowed", [True, False])
    @pytest.mark.parametrize("reads", [True, False])
    def test_purge_that_leaves_nothing(self, run: Run, wire: Wire, allowed: bool, reads: bool) -> None:
        bad = self.UNSUPPORTED if reads else self.BAD
        if reads or allowed:
            wire.zone([mapping(TWO)])
        if reads:
            wire.supported()
        if allowed:
            wire.delete_batch([mapping(TWO)])
        wanted = [one for one, dummy in bad]
        result = run(mappings=wanted, leave_out=True, purge=True, allow_empty=allowed)
        if allowed:
            assert result["deleted"] == [mapping(TWO)]
        else:
            assert f"all items are skipped ({len(bad)})" in result["msg"]

    def test_nothing_valid_costs_no_request(self, run: Run, wire: Wire) -> None:
        result = run(mappings=[one for one, dummy in self.BAD], leave_out=True)
        assert result == {**NOTHING, "left_out": self.left_out(*self.BAD)}

    def test_vendors_are_judged_without_validation(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        result = run(mappings=[host(ONE, "awz")], leave_out=True, validate_regions=False)
        assert [one["origin_ip"] for one in result["left_out"]] == [ONE]

    def test_not_with_absent(self, run: Run, wire: Wire) -> None:
        assert (
            "leave_out can only be used with state=present"
            in (run(mappings=[item(ONE)], leave_out=True, state="absent")["msg"])
        )


class TestAddressesThatTheInternetDoesNotReach:
    ADVICE = "Specify addresses that it reaches, or set validate_addresses to false."
    IN_THE_ROLE = "Specify addresses that it reaches, or set validate_addresses (cloud_region_hints_validate_addresses in the role) to false."

    @pytest.mark.parametrize("check", [True, False])
    def test_all_are_named_before_any_request(self, run_bare: Run, wire: Wire, check: bool) -> None:
        wanted = [item(one) for one in ("10.1.2.3", ONE, "::FFFF:a01:203", " 127.0.0.1", "fe80::1", "10.1.2.3")]
        result = run_bare(api_token=TOKEN, zone="example.com", mappings=wanted, _ansible_check_mode=check)
        assert result["msg"] == (
            "mappings: the internet does not reach '10.1.2.3' (private), '::FFFF:a01:203' (private), ' 127.0.0.1' (loopback), "
            f"'fe80::1' (link-local). {self.ADVICE}"
        )
        assert result["failure"]["status"] is None

    def test_what_else_is_wrong_is_in_the_same_message(self, run: Run) -> None:
        result = run(mappings=[item("x"), item("10.1.2.3"), item(ONE, region=""), item(TWO), item(TWO, "gcp")])
        assert result["msg"] == (
            "mappings: not an IP address: 'x'. Each must be one plain IPv4 or IPv6 address: no list, no prefix length, no zone index, "
            "no port, no host name, no leading zeros. "
            f"mappings: the internet does not reach '10.1.2.3' (private). {self.ADVICE} "
            f"mappings: vendor or region is missing for '{ONE}'. "
            f"mappings: {TWO} is declared as aws/us-east-1 and as gcp/us-east-1."
        )

    def test_hosts_are_named(self, run: Run) -> None:
        assert run(mappings=[host("10.1.2.3"), host(ONE)])["msg"] == (
            f"mappings: the internet does not reach host of 10.1.2.3 ('10.1.2.3', private). {self.IN_THE_ROLE}"
        )

    def test_are_declared_without_validation(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new("10.1.2.3")])
        result = run(mappings=[item("10.1.2.3")], validate_addresses=False)
        assert result["created"] == [new("10.1.2.3")]

    def test_are_deleted(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping("10.1.2.3")])
        wire.delete_batch([mapping("10.1.2.3")])
        assert run(mappings=[item("10.1.2.3")], state="absent")["deleted"] == [mapping("10.1.2.3")]

    def test_are_purged_unless_a_host_that_is_left_out_has_them(self, run: Run, wire: Wire) -> None:
        kept, gone = mapping("10.1.2.3"), mapping("127.0.0.1")
        wire.zone([mapping(ONE), kept, gone])
        wire.delete_batch([gone])
        result = run(mappings=[host("10.1.2.3"), item(ONE)], leave_out=True, purge=True)
        assert result["deleted"] == [gone]
        assert result["left_out"] == [
            {**host("10.1.2.3"), "reason": "private address, which the internet does not reach"}
        ]

    def test_others_are_an_error_all_the_same(self, run: Run) -> None:
        result = run(mappings=[host("10.1.2.3"), item("10.1.2.4")], leave_out=True)
        assert result["msg"] == f"mappings: the internet does not reach '10.1.2.4' (private). {self.ADVICE}"

    def test_error_comes_before_the_files_are_read(self, run: Run) -> None:
        wanted = [{"origin_ip": "10.1.2.3"}, item("10.1.2.4"), {"origin_ip": "x"}, {"origin_ip": ONE, "vendor": "aws"}]
        assert run(mappings=wanted, derive=True, sources=["/nowhere"])["msg"] == (
            "mappings: not an IP address: 'x'. Each must be one plain IPv4 or IPv6 address: no list, no prefix length, no zone index, "
            "no port, no host name, no leading zeros. "
            f"mappings: the internet does not reach '10.1.2.3' (private), '10.1.2.4' (private). {self.ADVICE} "
            f"mappings: vendor or region is missing for '{ONE}'."
        )

    def test_are_left_out_where_they_are_derived(self, run: Run, wire: Wire, tmp_path: Path) -> None:
        file = tmp_path / "aws.json"
        file.write_bytes(ranges.aws(("10.0.0.0/8", "us-east-1"), ("192.0.2.0/24", "us-east-1")))
        wire.zone([])
        wire.supported()
        wire.put_batch([new(ONE)])
        wanted = [{"origin_ip": "10.1.2.3"}, {"origin_ip": ONE}]
        result = run(mappings=wanted, derive=True, leave_out=True, sources=[str(file)])
        assert [(one["origin_ip"], one["reason"]) for one in result["left_out"]] == [
            ("10.1.2.3", "private address, which the internet does not reach")
        ]


class TestDerive:
    """The place of what has none, by the vendors' ranges."""

    @pytest.fixture
    def derived(self, run: Run, tmp_path: Path) -> Run:
        one, other = tmp_path / "aws.json", tmp_path / "gcp.json"
        one.write_bytes(
            ranges.aws(("192.0.2.0/24", "us-east-1"), ("198.51.100.0/24", "eu-west-1"), ("203.0.113.0/24", "x"))
        )
        other.write_bytes(ranges.gcp(("2001:db8::/32", "us-central1"), ("198.51.100.0/24", "us-central1")))
        return functools.partial(run, derive=True, sources=[str(one), str(other)])

    def test_what_has_no_place(self, derived: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wanted = [new(ONE), new(TWO, "azure", "eastus"), new(SIX, "gcp", "us-central1")]
        wire.put_batch(wanted)
        result = derived(
            mappings=[{"origin_ip": "2001:DB8::6"}, {"origin_ip": ONE, "vendor": " "}, item(TWO, "azure", "eastus")]
        )
        assert result["created"] == wanted
        assert len(wire.requests) == 3

    @pytest.mark.parametrize("leave_out", [True, False])
    @pytest.mark.parametrize("said", [{"vendor": "gcp"}, {"region": "us-west-2", "vendor": " "}], ids=str)
    def test_one_of_both_stands_and_is_not_enough(self, derived: Run, leave_out: bool, said: dict[str, str]) -> None:
        wanted = [{"origin_ip": ONE, **said}, {"origin_ip": SIX}]
        assert derived(mappings=wanted, leave_out=leave_out)["msg"] == (
            f"mappings: vendor or region is missing for '{ONE}'."
        )

    def test_what_cannot_be_placed_is_an_error(self, derived: Run, wire: Wire) -> None:
        wanted = [{"origin_ip": one} for one in ("2001:db9::1", "9.9.9.9", "198.51.100.1", ONE)]
        assert derived(mappings=wanted)["msg"] == (
            "mappings: in no range of the sources: '2001:db9::1', '9.9.9.9'. Specify vendor and region. "
            "mappings: ambiguous (aws/eu-west-1, gcp/us-central1): '198.51.100.1'. Specify vendor and region."
        )

    @pytest.mark.parametrize(("regions", "more"), [(3, ""), (4, " and 1 more"), (500, " and 497 more")])
    def test_ambiguous_names_few_of_many(self, run: Run, tmp_path: Path, regions: int, more: str) -> None:
        file = tmp_path / "aws.json"
        file.write_bytes(ranges.aws(*(("192.0.2.0/24", f"r-{number}") for number in range(regions))))
        result = run(mappings=[{"origin_ip": ONE}], derive=True, leave_out=True, sources=[str(file)])
        assert [one["reason"] for one in result["left_out"]] == [f"ambiguous (aws/r-0, aws/r-1, aws/r-2{more})"]

    def test_or_is_left_alone(self, derived: Run, wire: Wire) -> None:
        kept = mapping("198.51.100.1", "azure", "eastus")
        wire.zone([kept, mapping(ONE)])
        wanted = [{"origin_ip": "9.9.9.9"}, {"origin_ip": "198.51.100.1", "host": "web-1"}, {"origin_ip": ONE}]
        assert derived(mappings=wanted, leave_out=True, purge=True) == {
            **NOTHING,
            "unchanged": [mapping(ONE)],
            "left_out": [
                {"host": host, "origin_ip": one, "vendor": None, "region": None, "reason": reason}
                for host, one, reason in (
                    (None, "9.9.9.9", "in no range of the sources"),
                    ("web-1", "198.51.100.1", "ambiguous (aws/eu-west-1, gcp/us-central1)"),
                )
            ],
        }

    def test_derived_region_that_is_not_supported(self, derived: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wanted = {"origin_ip": "203.0.113.1"}
        assert derived(mappings=[wanted])["msg"] == "mappings: region 'x' is not supported for aws (203.0.113.1)."
        wire.zone([])
        wire.supported()
        result = derived(mappings=[wanted], leave_out=True)
        assert [(one["region"], one["reason"]) for one in result["left_out"]] == [
            ("x", "region 'x' is not supported for aws")
        ]

    def test_hosts_without_an_address(self, derived: Run, wire: Wire) -> None:
        result = derived(mappings=[{"origin_ip": "web-1", "host": "web-1"}], leave_out=True)
        assert [one["reason"] for one in result["left_out"]] == ["no IP address"]

    @pytest.mark.parametrize("leave_out", [True, False])
    def test_bad_address_is_told_before_the_files_are_read(self, run: Run, leave_out: bool) -> None:
        result = run(mappings=[{"origin_ip": "x"}], derive=True, sources=["/nowhere"], leave_out=leave_out)
        assert "mappings: not an IP address: 'x'" in result["msg"]

    def test_files_are_read_before_the_zone(self, run: Run, wire: Wire) -> None:
        result = run(mappings=[{"origin_ip": ONE}], derive=True, sources=["/nowhere"])
        assert "/nowhere: cannot be read" in result["msg"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"zone_id": "nonsense"}, "is not a valid zone id"),
            ({"zone": "example.com"}, "Specify exactly one of zone_id"),
            ({"api_url": "nonsense"}, "api_url"),
            ({"api_email": "someone@example.com"}, "api_token cannot be combined with"),
            ({"mappings": [{"origin_ip": ONE}, {"origin_ip": TWO, "vendor": "aws"}]}, "vendor or region is missing"),
            ({"mappings": [{"origin_ip": "x"}, item("y")]}, "not an IP address: 'x', 'y'"),
            (
                {"mappings": [{"origin_ip": "web-1", "host": "web-1"}], "leave_out": True, "purge": True},
                "purge would delete the mappings of hosts whose address is not known",
            ),
        ],
        ids=str,
    )
    def test_options_are_checked_before_files_are_read(self, run: Run, options: dict[str, t.Any], message: str) -> None:
        given = {"mappings": [{"origin_ip": ONE}], "derive": True, "sources": ["/nowhere"]}
        assert message in run(**{**given, **options})["msg"]

    def test_max_wait_is_for_the_files_and_the_zone_together(self, run: Run, wire: Wire, clock: Clock) -> None:
        url = "https://files.example.com/aws.json"
        wire.file(url, "", status=429, headers={"Retry-After": "3"})
        wire.file(url, ranges.aws(("192.0.2.0/24", "us-east-1")))
        wire.page(1, "", status=429, headers={"Retry-After": "3"})
        result = run(mappings=[{"origin_ip": ONE}], derive=True, sources=[url], max_wait=4)
        assert "max_wait" in result["msg"] and result["failure"]["status"] == 429
        assert clock.pauses == [3.0]

    def test_files_are_not_read_for_nothing(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(ONE)])
        assert run(mappings=[item(ONE)], derive=True, sources=["/nowhere"]) == {**NOTHING, "unchanged": [mapping(ONE)]}

    def test_not_with_absent(self, run: Run) -> None:
        message = "derive can only be used with state=present"
        assert message in run(mappings=[{"origin_ip": ONE}], derive=True, state="absent")["msg"]


class TestTieredCacheOff:
    @pytest.mark.parametrize("check", [True, False])
    def test_ways_out_are_told(self, run: Run, wire: Wire, check: bool) -> None:
        wire.zone([])
        wire.supported(failed(4711), status=400)
        wire.get(STATE, switch(False))
        result = run(mappings=[item(ONE)], _ansible_check_mode=check)
        assert "edgecache.cloudflare.tiered_cache " in result["msg"]
        assert "set validate_regions to false" in result["msg"]
        assert (result["failure"]["status"], result["failure"]["code"]) == (400, 4711)

    def test_all_else_that_is_wrong_is_told_too(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported(failed(4711), status=400)
        wire.get(STATE, switch(False))
        message = run(mappings=[item(ONE), item(ONE, region="x"), item(TWO, "amazon")])["msg"]
        assert f"{ONE} is declared as aws/us-east-1 and as aws/x" in message
        assert "vendor 'amazon' is not supported" in message

    @pytest.mark.parametrize("options", [{"purge": True}, {}], ids=str)
    def test_no_matter_if_nothing_is_written(self, run: Run, wire: Wire, options: dict[str, t.Any]) -> None:
        wire.zone([mapping(ONE)])
        assert run(mappings=[item(ONE)], **options)["changed"] is False


class TestFailureHalfWay:
    def test_some_are_refused(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(SIX), mapping(TWO, "gcp", "x")])
        wire.supported()
        wire.put_batch([new(TWO), new(ONE)], batch_response([sent(new(TWO))], **{ONE: "internal error"}))
        words = f"{ONE}: internal error"
        assert run(mappings=[item(ONE), item(TWO)], purge=True) == {
            **NOTHING,
            "failed": True,
            "msg": f"The API refused some changes: {words}; changes made: 1 of 3, refused: 1 (see failed_items)",
            "failure": {"status": 200, "code": None, "message": words, "errors": []},
            "changed": True,
            "updated": [new(TWO)],
            "failed_items": [{"origin_ip": ONE, "error": "internal error"}],
            "diff": {"before": {TWO: "gcp/x"}, "after": {TWO: "aws/us-east-1"}},
        }
        assert "DELETE" not in methods(wire)

    def test_all_are_refused(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new(ONE)], batch_response(**{ONE: "internal error"}))
        result = run(mappings=[item(ONE)])
        assert result["failed"] and result["changed"] is False

    def test_later_batch_is_refused_whole(self, run: Run, wire: Wire) -> None:
        zone, wanted = [mapping(SIX)], mappings(250)
        wire.zone(zone)
        wire.supported()
        wire.put_batch(wanted[:100])
        wire.put_batch(wanted[100:200], failed(1164, message="no"), status=403)
        result = run(mappings=[sent(one) for one in wanted], purge=True)
        created = [new(one["origin_ip"]) for one in wanted[:100]]
        own = {"code": 1164, "message": "no"}
        assert result == {
            **NOTHING,
            "failed": True,
            "msg": "The zone already has 3,500 mappings, which is the maximum: delete some first "
            "(HTTP 403: code 1164, no); changes made: 100 of 251",
            "failure": {"status": 403, **own, "errors": [own]},
            "changed": True,
            "created": created,
            "diff": {"before": {}, "after": {one["origin_ip"]: "aws/us-east-1" for one in created}},
        }

    def test_second_run_does_the_rest(self, run: Run, wire: Wire) -> None:
        wanted = mappings(150)
        wire.zone([])
        wire.supported()
        wire.put_batch(wanted[:100])
        wire.put_batch(wanted[100:], failed(10000), status=403)
        wire.zone(wanted[:100])
        wire.supported()
        wire.put_batch(wanted[100:])
        given = [sent(one) for one in wanted]
        assert len(run(mappings=given)["created"]) == 100
        result = run(mappings=given)
        assert "failed" not in result
        assert (len(result["created"]), len(result["unchanged"])) == (50, 100)

    def test_lost_answer_is_asked_for_again(self, run: Run, wire: Wire, clock: Clock) -> None:
        wire.zone([mapping(SIX)])
        wire.supported()
        wire.put_batch([new(ONE)], BROKEN)
        wire.put_batch([new(ONE)])
        wire.delete_batch([mapping(SIX)], "", status=502)
        wire.delete_batch([mapping(SIX)], batch_response(**{SIX: "does not exist"}))
        wire.no_mapping(SIX)
        result = run(mappings=[item(ONE)], purge=True)
        assert "failed" not in result
        assert (result["created"], result["deleted"]) == ([new(ONE)], [mapping(SIX)])
        assert len(result["warnings"]) == 2

    @pytest.mark.parametrize("done", [True, False])
    def test_lost_answer_is_settled_by_reading(self, run: Run, wire: Wire, done: bool) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new(ONE)], BROKEN)
        wire.mapping(ONE) if done else wire.no_mapping(ONE)
        result = run(mappings=[item(ONE)], max_wait=0)
        assert ("failed" in result, result["changed"]) == (not done, done)
        assert result["created"] == ([new(ONE)] if done else [])
        assert result["failed_items"] == result["unconfirmed"] == []

    def test_nobody_knows(self, run: Run, wire: Wire) -> None:
        wire.zone([mapping(SIX)])
        wire.supported()
        wire.put_batch([new(ONE), new(TWO)], BROKEN)
        wire.page(1, BROKEN)
        result = run(mappings=[item(TWO), item(ONE)], purge=True, max_wait=0)
        assert result["failed"] and result["changed"] is True
        assert result["unconfirmed"] == [ONE, TWO]
        assert result["created"] == result["deleted"] == []
        assert result["msg"].endswith("; changes made: 0 of 3, unknown: 2 (see unconfirmed)")
        assert "DELETE" not in methods(wire)

    def test_rate_limit_is_waited_for(self, run: Run, wire: Wire, clock: Clock) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new(ONE)], failed(971), status=429, headers={"Retry-After": "300"})
        wire.put_batch([new(ONE)])
        assert run(mappings=[item(ONE)])["created"] == [new(ONE)]
        assert clock.pauses == [300.0]

    def test_failure_before_the_first_write_has_no_lists(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported(failed(10000), status=403)
        wire.get(STATE, switch(True))
        assert set(run(mappings=[item(ONE)])) == {"failed", "msg", "failure"}

    def test_secrets_are_not_shown(self, run: Run, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new(ONE)], batch_response(**{ONE: f"Bearer {TOKEN} may not"}))
        result = run(mappings=[item(ONE)])  # which looks for the token in all that is printed
        assert result["failed_items"] == [{"origin_ip": ONE, "error": "Bearer ******** may not"}]


@pytest.mark.parametrize("bad", ["", ONE, 7, [ONE], [None], [[]]], ids=repr)
@pytest.mark.parametrize(
    "credential",
    [{"api_token": TOKEN}, {"api_email": "x@example.com", "api_key": KEY}, {"account_api_key": KEY}],
    ids=str,
)
def test_secrets_are_not_shown_beside_mappings_that_are_none(
    run_bare: Run, wire: Wire, bad: t.Any, credential: dict[str, str]
) -> None:
    """Ansible gives up collecting what is secret where the elements of a list are of a wrong type."""
    result = run_bare(**credential, zone_id=ZONE_ID, mappings=bad, _ansible_inject_invocation=True)
    assert result["failed"]  # and neither token nor key is in what was printed


@pytest.mark.parametrize("status", [200, 403])
def test_session_is_closed(run: Run, wire: Wire, closed: list[requests.Session], status: int) -> None:
    wire.zone([])
    wire.supported()
    wire.put_batch([new(ONE)], None if status == 200 else failed(1164), status=status)
    run(mappings=[item(ONE)])
    assert len(closed) == 1


def test_takes_what_cloud_region_info_returns(run: Run, wire: Wire) -> None:
    wire.zone([])
    wire.supported()
    wire.put_batch([mapping(ONE)])
    derived = {"prefix": "192.0.2.0/24", "source": "ip-ranges.json"}
    assert run(mappings=[{**item(ONE), **derived}])["created"] == [new(ONE)]


def test_result_is_as_documented(run: Run, wire: Wire) -> None:
    documented = yaml.safe_load(origin_cloud_regions.RETURN)
    of_failure = documented.pop("failure")
    wire.zone([mapping(SIX), mapping(TWO, "gcp", "x"), mapping("192.0.2.3")])
    wire.supported()
    wire.put_batch([new(TWO), new(ONE)])
    wire.delete_batch([mapping(SIX)])
    result = run(mappings=[item(ONE), item(TWO), item("192.0.2.3")], purge=True)
    assert set(result) == {"changed", *documented}
    for key in ("created", "updated", "deleted", "unchanged"):
        assert list(documented[key]["contains"]) == list(result[key][0])
    assert list(documented["diff"]["contains"]) == list(result["diff"])
    wire.zone([])
    wire.supported()
    wire.put_batch([new(ONE)], batch_response(**{ONE: "no"}))
    result = run(mappings=[item(ONE), host("")], leave_out=True)
    assert list(documented["left_out"]["contains"]) == list(result["left_out"][0])
    with_failure = [key for key, entry in documented.items() if "write has failed" in entry["returned"]]
    assert set(result) == {"changed", "failed", "msg", "failure", *with_failure}
    assert list(documented["failed_items"]["contains"]) == list(result["failed_items"][0])
    assert list(of_failure["contains"]) == list(result["failure"])


def test_single_path_is_never_used(run: Run, wire: Wire) -> None:
    wire.zone([])
    wire.supported()
    wire.put_batch([new(ONE)])
    run(mappings=[item(ONE)])
    assert wire.requests[-1].url == f"{wire.api}{MAPPINGS}/batch"


def test_name_of_a_host_is_no_credential(run: Run, wire: Wire) -> None:
    host = "Web-Server-Of-The-Shop-In-Frankfurt-0001"  # 40 characters, as a token has
    result = run(mappings=[{"host": host, "origin_ip": "web"}])
    assert result["failed"] and host in result["msg"]
