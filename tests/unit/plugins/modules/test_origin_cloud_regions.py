# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_regions, from its arguments to its output."""

from __future__ import annotations

import functools
import types
import typing as t
from pathlib import Path

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_regions
from ansible_collections.edgecache.cloudflare.tests.unit.plugins import range_files
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    KEY,
    MAPPINGS_PATH,
    TIERED_CACHE_PATH,
    TOKEN,
    ZONE_ID,
    FakeClock,
    Wire,
    address,
    batch_response,
    envelope,
    error_envelope,
    mapping,
    mappings,
    new_mapping,
    page,
    request_item,
    setting_envelope,
)

RunModule = t.Callable[..., dict[str, t.Any]]

ADDRESS_1, ADDRESS_2, IPV6_ADDRESS = "192.0.2.1", "192.0.2.2", "2001:db8::6"
CONNECTION_ERROR = requests.ConnectionError("cut")
EMPTY_RESULT: dict[str, t.Any] = {
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
def module_under_test() -> types.ModuleType:
    return origin_cloud_regions


def item(origin_ip: str, vendor: str = "aws", region: str = "us-east-1") -> dict[str, t.Any]:
    return {"origin_ip": origin_ip, "vendor": vendor, "region": region}


def request_methods(wire: Wire) -> str:
    return " ".join(request.method for request in wire.requests)


class TestRequestCount:
    """The documented numbers of requests."""

    def test_3400_into_an_empty_zone_cost_36(self, run: RunModule, wire: Wire) -> None:
        wanted = mappings(3_400)
        wire.zone([])
        wire.supported()
        for start in range(0, 3_400, 100):
            wire.put_batch(wanted[start : start + 100])
        result = run(mappings=[request_item(one) for one in reversed(wanted)])
        assert result["created"] == [new_mapping(one["origin_ip"]) for one in wanted]
        assert len(wire.requests) == 36

    def test_20_changed_of_3400_cost_36(self, run: RunModule, wire: Wire) -> None:
        zone = mappings(3_400)
        wanted = [request_item(one) for one in zone]
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
    def test_unchanged_3400_cost_34(self, run: RunModule, wire: Wire, purge: bool) -> None:
        zone = mappings(3_400)
        wire.zone(zone)
        assert run(mappings=zone, purge=purge) == {**EMPTY_RESULT, "unchanged": zone}
        assert len(wire.requests) == 34

    @pytest.mark.parametrize(("gone", "batches"), [(1, 1), (100, 1), (101, 2)])
    def test_deletions_need_no_supported_regions(self, run: RunModule, wire: Wire, gone: int, batches: int) -> None:
        zone = mappings(250)
        wire.zone(zone)
        for start in range(0, gone, 100):
            wire.delete_batch(zone[start : min(start + 100, gone)])
        assert run(mappings=zone[gone:], purge=True)["deleted"] == zone[:gone]
        assert len(wire.requests) == 3 + batches

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_few_in_a_large_zone_cost_less_than_its_pages(self, run: RunModule, wire: Wire, state: str) -> None:
        zone = mappings(3_400)
        wire.zone(zone, pages=1)
        wire.mapping(address(3_000))
        wire.no_mapping(ADDRESS_1)
        if state == "present":
            wire.supported()
            wire.put_batch([new_mapping(ADDRESS_1)])
        else:
            wire.delete_batch([mapping(address(7)), mapping(address(3_000))])
        assert run(mappings=[item(address(7)), item(address(3_000)), item(ADDRESS_1)], state=state)["changed"]
        assert request_methods(wire) == "GET GET GET " + ("GET PUT" if state == "present" else "DELETE")

    @pytest.mark.parametrize("options", [{}, {"state": "absent"}, {"allow_empty": True}], ids=str)
    def test_empty_list_costs_no_request(self, run: RunModule, wire: Wire, options: dict[str, t.Any]) -> None:
        assert run(mappings=[], **options) == EMPTY_RESULT
        assert wire.requests == []

    def test_zone_by_name_costs_1_more_request(self, run_bare: RunModule, wire: Wire) -> None:
        wire.get("/zones", envelope([{"id": ZONE_ID, "name": "example.com"}]), query={"name": "example.com"})
        wire.zone([mapping(ADDRESS_1)])
        assert run_bare(api_token=TOKEN, zone="example.com", mappings=[item(ADDRESS_1)]) == {
            **EMPTY_RESULT,
            "unchanged": [mapping(ADDRESS_1)],
        }


class TestPresent:
    ZONE: t.ClassVar[list[dict[str, t.Any]]] = [
        mapping("192.0.2.9"),
        mapping("192.0.2.10", "gcp", "us-central1"),
        mapping("192.0.2.11"),
        mapping(IPV6_ADDRESS),
    ]
    WANTED: t.ClassVar[list[dict[str, t.Any]]] = [
        item(" 2001:DB8:0:0::6 "),
        item("192.0.2.10"),
        item(ADDRESS_2, "azure", "eastus"),
        item("192.0.2.9"),
        item("2001:db8::6"),
        item(ADDRESS_1),
    ]
    RESULT: t.ClassVar[dict[str, t.Any]] = {
        **EMPTY_RESULT,
        "changed": True,
        "created": [new_mapping(ADDRESS_1), new_mapping(ADDRESS_2, "azure", "eastus")],
        "updated": [new_mapping("192.0.2.10")],
        "unchanged": [mapping("192.0.2.9"), mapping(IPV6_ADDRESS)],
        "diff": {
            "before": {"192.0.2.10": "gcp/us-central1"},
            "after": {ADDRESS_1: "aws/us-east-1", ADDRESS_2: "azure/eastus", "192.0.2.10": "aws/us-east-1"},
        },
    }

    @pytest.mark.parametrize("check", [True, False])
    def test_undeclared_mappings_stay(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.zone(self.ZONE)
        wire.supported()
        if not check:
            wire.put_batch(
                [new_mapping("192.0.2.10"), new_mapping(ADDRESS_1), new_mapping(ADDRESS_2, "azure", "eastus")]
            )
        assert run(mappings=self.WANTED, _ansible_check_mode=check) == self.RESULT

    @pytest.mark.parametrize("check", [True, False])
    def test_purge_deletes_last(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.zone(self.ZONE)
        wire.supported()
        if not check:
            wire.put_batch(
                [new_mapping("192.0.2.10"), new_mapping(ADDRESS_1), new_mapping(ADDRESS_2, "azure", "eastus")]
            )
            wire.delete_batch([mapping("192.0.2.11")])
        assert run(mappings=self.WANTED, purge=True, _ansible_check_mode=check) == {
            **self.RESULT,
            "deleted": [mapping("192.0.2.11")],
            "diff": {
                "before": {"192.0.2.10": "gcp/us-central1", "192.0.2.11": "aws/us-east-1"},
                "after": self.RESULT["diff"]["after"],
            },
        }

    def test_result_of_reading_can_be_declared(self, run: RunModule, wire: Wire) -> None:
        zone = [{**mapping(ADDRESS_1), "modified_on": None}, mapping(ADDRESS_2)]
        wire.zone(zone)
        assert run(mappings=zone, purge=True)["changed"] is False

    def test_result_of_cloud_region_info_can_be_declared(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1)])
        found = {**item(ADDRESS_1), "prefix": "192.0.2.0/24", "source": "aws.json"}
        assert run(mappings=[found]) == {**EMPTY_RESULT, "unchanged": [mapping(ADDRESS_1)]}

    def test_moved_origin_always_has_a_hint(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1)])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_2)])
        wire.delete_batch([mapping(ADDRESS_1)])
        run(mappings=[item(ADDRESS_2)], purge=True)
        assert request_methods(wire) == "GET GET PUT DELETE"

    def test_full_zone_deletes_first(self, run: RunModule, wire: Wire) -> None:
        zone = mappings(3_500)
        wire.zone(zone)
        wire.supported()
        wire.delete_batch(zone[-1:])
        wire.put_batch([new_mapping(ADDRESS_1)])
        result = run(mappings=[*map(request_item, zone[:-1]), item(ADDRESS_1)], purge=True)
        assert ([one["origin_ip"] for one in result["created"]], result["deleted"]) == ([ADDRESS_1], zone[-1:])

    def test_full_zone_has_room_for_an_update(self, run: RunModule, wire: Wire) -> None:
        wire.zone(mappings(3_500), pages=1)
        wire.supported()
        wire.put_batch([new_mapping(address(7), region="us-west-2")])
        result = run(mappings=[item(address(7), region="us-west-2")])
        assert result["updated"] == [new_mapping(address(7), region="us-west-2")]
        assert len(wire.requests) == 3

    def test_empty_zone_with_1142(self, run: RunModule, wire: Wire) -> None:
        wire.page(1, error_envelope(1142), status=404)
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)])
        assert run(mappings=[item(ADDRESS_1)], purge=True)["created"] == [new_mapping(ADDRESS_1)]

    def test_unsupported_region_may_stay_unchanged(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1, region="old"), mapping(ADDRESS_2)])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_2, region="us-west-2")])
        result = run(mappings=[item(ADDRESS_1, region="old"), item(ADDRESS_2, region="us-west-2")])
        assert result["unchanged"] == [mapping(ADDRESS_1, region="old")]


class TestAbsent:
    @pytest.mark.parametrize("check", [True, False])
    def test_any_region(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.zone([mapping(IPV6_ADDRESS), mapping(ADDRESS_2), mapping(ADDRESS_1, "gcp", "x")])
        if not check:
            wire.delete_batch([mapping(ADDRESS_1), mapping(IPV6_ADDRESS)])
        given = [
            {"origin_ip": "2001:DB8::6"},
            item(ADDRESS_1),
            item(ADDRESS_1, "oci", "y"),
            {"origin_ip": "192.0.2.3", "vendor": "no", "region": ""},
        ]
        assert run(mappings=given, state="absent", _ansible_check_mode=check) == {
            **EMPTY_RESULT,
            "changed": True,
            "deleted": [mapping(ADDRESS_1, "gcp", "x"), mapping(IPV6_ADDRESS)],
            "diff": {"before": {ADDRESS_1: "gcp/x", IPV6_ADDRESS: "aws/us-east-1"}, "after": {}},
        }

    def test_second_run_changes_nothing(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_2)])
        assert run(mappings=[{"origin_ip": ADDRESS_1}, {"origin_ip": IPV6_ADDRESS}], state="absent") == EMPTY_RESULT

    def test_deleted_concurrently(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1)])
        wire.delete_batch([mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "does not exist"}))
        wire.no_mapping(ADDRESS_1)
        assert run(mappings=[{"origin_ip": ADDRESS_1}], state="absent") == EMPTY_RESULT


class TestPurgeGuards:
    @pytest.mark.parametrize("check", [True, False])
    def test_empty_list_is_refused_before_any_request(self, run_bare: RunModule, wire: Wire, check: bool) -> None:
        result = run_bare(api_token=TOKEN, zone="example.com", mappings=[], purge=True, _ansible_check_mode=check)
        assert "mappings" in result["msg"] and "allow_empty" in result["msg"]
        assert result["failure"]["status"] is None

    @pytest.mark.parametrize("empty", [None, "", "[]", {}, [""], [None]], ids=repr)
    @pytest.mark.parametrize("allow_empty", [True, False])
    def test_wrong_type_is_refused(self, run: RunModule, wire: Wire, empty: t.Any, allow_empty: bool) -> None:
        """Ansible rejects a value of wrong type before any request, also with allow_empty."""
        assert run(mappings=empty, purge=True, allow_empty=allow_empty)["failed"]

    @pytest.mark.parametrize("check", [True, False])
    def test_empty_list_with_allow_empty(self, run: RunModule, wire: Wire, check: bool) -> None:
        zone = mappings(150)
        wire.zone(zone)
        if not check:
            wire.delete_batch(zone[:100])
            wire.delete_batch(zone[100:])
        result = run(mappings=[], purge=True, allow_empty=True, _ansible_check_mode=check)
        assert result["deleted"] == zone
        assert result["diff"]["after"] == {}

    def test_allow_empty_with_mappings(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1)])
        assert run(mappings=[item(ADDRESS_1)], purge=True, allow_empty=True)["changed"] is False

    @pytest.mark.parametrize("wanted", [[], [{"origin_ip": ADDRESS_1}]], ids=str)
    def test_not_with_absent(self, run: RunModule, wire: Wire, wanted: list[dict[str, t.Any]]) -> None:
        result = run(mappings=wanted, purge=True, state="absent", allow_empty=True)
        assert "purge" in result["msg"] and "state=present" in result["msg"]

    @pytest.mark.parametrize(
        "answer", [page(mappings(2), total_count=3), page(mappings(2), total_count=1), page([], total_count=2)]
    )
    def test_inconsistent_zone_is_not_changed(self, run: RunModule, wire: Wire, answer: dict[str, t.Any]) -> None:
        for dummy in range(3):
            wire.page(1, answer)
        assert run(mappings=[item(ADDRESS_1)], purge=True)["failed"]


class TestInvalidInput:
    """Invalid input fails before any request, even that for the zone id."""

    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_all_invalid_addresses_are_listed(self, run_bare: RunModule, wire: Wire, state: str) -> None:
        bad = ["010.0.0.1", "192.0.2.0/24", "", "x.example", "fe80::1%eth0"]
        result = run_bare(api_token=TOKEN, zone="example.com", mappings=[*map(item, bad), item(ADDRESS_1)], state=state)
        assert result["msg"].startswith(f"mappings: not an IP address: {', '.join(map(repr, bad))}. Each")
        assert result["failure"]["status"] is None

    @pytest.mark.parametrize("left_out", [{"vendor": None}, {"region": None}, {"vendor": ""}, {"region": ""}], ids=str)
    def test_missing_vendor_or_region(self, run: RunModule, wire: Wire, left_out: dict[str, t.Any]) -> None:
        result = run(mappings=[item(ADDRESS_1), {**item("2001:DB8::6"), **left_out}])
        assert "mappings: vendor or region is missing for '2001:DB8::6'." in result["msg"]

    @pytest.mark.parametrize("left_out", ["vendor", "region"])
    def test_missing_option(self, run: RunModule, wire: Wire, left_out: str) -> None:
        given = {name: value for name, value in item(ADDRESS_1).items() if name != left_out}
        assert f"vendor or region is missing for '{ADDRESS_1}'" in run(mappings=[given])["msg"]

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({}, "mappings"),
            ({"mappings": [{"vendor": "aws", "region": "x"}]}, "origin_ip"),
            ({"mappings": [{**item(ADDRESS_1), "origin_ips": ADDRESS_1}]}, "origin_ips"),
            ({"mappings": [ADDRESS_1]}, "dictionary requested"),
            ({"mappings": [None]}, "mappings"),
            ({"mappings": [[]]}, "mappings"),
            ({"mappings": 7}, "mappings"),
            ({"mappings": [item(ADDRESS_1)], "state": "gone"}, "state"),
            ({"mappings": [item(ADDRESS_1)], "state": None}, "state"),
            ({"mappings": [item(ADDRESS_1)], "purge": "maybe"}, "purge"),
        ],
        ids=str,
    )
    def test_option(self, run: RunModule, wire: Wire, options: dict[str, t.Any], named: str) -> None:
        result = run(**options)
        assert result["failed"]
        assert named in result["msg"]


class TestProblemsInOneMessage:
    def test_all_kinds(self, run: RunModule, wire: Wire) -> None:
        zone = mappings(3_499)
        wire.zone(zone)
        wire.supported()
        wanted = [
            *map(request_item, zone[:200]),
            item(ADDRESS_1),
            item(ADDRESS_1, region="us-west-2"),
            item("2001:DB8::6", "gcp", "us-central1"),
            item("2001:db8:0::6"),
            item(ADDRESS_2, "aws", "us-east1"),
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
    def test_nothing_is_written(self, run: RunModule, wire: Wire, purge: bool, check: bool) -> None:
        wire.zone([mapping(IPV6_ADDRESS)])
        wire.supported()
        result = run(
            mappings=[item(ADDRESS_1), item(ADDRESS_2, region="us-east1")], purge=purge, _ansible_check_mode=check
        )
        message = f"mappings: region 'us-east1' is not supported for aws; did you mean 'us-east-1'? ({ADDRESS_2})."
        assert result == {
            "failed": True,
            "msg": message,
            "failure": {"status": None, "code": None, "message": message, "errors": []},
        }

    @pytest.mark.parametrize("existing_region", ["us-east-1", "us-west-2"])
    def test_conflict_with_an_existing_mapping(self, run: RunModule, wire: Wire, existing_region: str) -> None:
        wire.zone([mapping(ADDRESS_1, region=existing_region)])
        wire.supported()
        result = run(mappings=[item(ADDRESS_1), item("192.0.2.1", region="us-west-2")])
        assert result["msg"] == f"mappings: {ADDRESS_1} is declared as aws/us-east-1 and as aws/us-west-2."

    def test_both_regions_of_a_conflict_are_checked(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1)])
        wire.supported()
        assert run(mappings=[item(ADDRESS_1), item(ADDRESS_1, region="us-west2")])["msg"] == (
            f"mappings: {ADDRESS_1} is declared as aws/us-east-1 and as aws/us-west2; "
            f"region 'us-west2' is not supported for aws; did you mean 'us-west-2'? ({ADDRESS_1})."
        )

    def test_duplicates_are_merged(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new_mapping(IPV6_ADDRESS)])
        assert run(mappings=[item("2001:DB8::6"), item("2001:db8:0::6")])["created"] == [new_mapping(IPV6_ADDRESS)]

    @pytest.mark.parametrize(
        ("zone", "wanted", "purge", "message"),
        [
            (0, 3_501, False, "3,501 mappings (0 now, 3,501 to create, 0 to delete)"),
            (150, 3_501, True, "3,501 mappings (150 now, 3,351 to create, 0 to delete)"),
        ],
    )
    def test_too_many_mappings(
        self, run: RunModule, wire: Wire, zone: int, wanted: int, purge: bool, message: str
    ) -> None:
        wire.zone(mappings(zone))
        wire.supported()
        result = run(mappings=[request_item(one) for one in mappings(wanted)], purge=purge)
        assert result["msg"] == f"mappings: the zone would have {message}, but the maximum is 3,500: delete some first."

    def test_exactly_full_zone(self, run: RunModule, wire: Wire) -> None:
        wire.zone(mappings(3_499), pages=1)
        wire.no_mapping(ADDRESS_1)
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)])
        assert run(mappings=[item(ADDRESS_1)])["created"] == [new_mapping(ADDRESS_1)]


class TestWithoutValidation:
    def test_api_checks_the_regions(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.put_batch([new_mapping(ADDRESS_1, "oci", "x")])
        assert run(mappings=[item(ADDRESS_1, "oci", "x")], validate_regions=False)["created"] == [
            new_mapping(ADDRESS_1, "oci", "x")
        ]

    def test_other_problems_are_found(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        result = run(
            mappings=[item(ADDRESS_1, "amazon", "x"), item(ADDRESS_2), item(ADDRESS_2, region="x")],
            validate_regions=False,
            _ansible_check_mode=True,
        )
        assert result["msg"] == (
            f"mappings: {ADDRESS_2} is declared as aws/us-east-1 and as aws/x; vendor 'amazon' is not supported ({ADDRESS_1})."
        )

    def test_rejected_items(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.put_batch(
            [new_mapping(ADDRESS_1), new_mapping(ADDRESS_2, region="x")],
            batch_response([request_item(new_mapping(ADDRESS_1))], **{ADDRESS_2: "no such region"}),
        )
        result = run(mappings=[item(ADDRESS_1), item(ADDRESS_2, region="x")], validate_regions=False)
        assert result["failed_items"] == [{"origin_ip": ADDRESS_2, "error": "no such region"}]


def host_item(origin_ip: str, vendor: str | None = "aws", region: str | None = "us-east-1") -> dict[str, t.Any]:
    return {"host": f"host of {origin_ip}", "origin_ip": origin_ip, "vendor": vendor, "region": region}


def no_address_message(*hosts: dict[str, t.Any]) -> str:
    """Return the error message for hosts without an address: the hosts, the option, the role's variable and both fixes."""
    named = ", ".join(f"{one['host']} ({one['origin_ip']!r})" for one in hosts)
    return (
        f"mappings: origin_ip is not an IP address: {named}. Set origin_ip (cloud_region_hints_origin_ip in the role) to the IPv4 or "
        "IPv6 address of each host. To leave out hosts that have none, set leave_out to true (cloud_region_hints_strict to false in "
        "the role). "
    )


class TestKeep:
    """Addresses whose mappings a purge does not delete."""

    @pytest.mark.parametrize("check", [True, False])
    def test_purge_keeps_addresses(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.zone([mapping(ADDRESS_1), mapping(ADDRESS_2), mapping(IPV6_ADDRESS)])
        if not check:
            wire.delete_batch([mapping(ADDRESS_2)])
        keep = [IPV6_ADDRESS.upper(), "192.0.2.250"]
        result = run(mappings=[item(ADDRESS_1)], keep=keep, purge=True, _ansible_check_mode=check)
        assert result["deleted"] == [mapping(ADDRESS_2)]
        assert result["unchanged"] == [mapping(ADDRESS_1)]

    def test_mappings_take_precedence_over_keep(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1, "gcp", "us-central1")])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)])
        assert run(mappings=[item(ADDRESS_1)], keep=[ADDRESS_1], purge=True)["updated"] == [new_mapping(ADDRESS_1)]

    def test_keep_is_validated(self, run: RunModule) -> None:
        result = run(mappings=[item(ADDRESS_1)], keep=["web-1.example.com", ADDRESS_1], purge=True)
        assert result["msg"].startswith("keep: not an IP address: 'web-1.example.com'.")

    def test_purge_with_keep_alone_is_refused(self, run: RunModule) -> None:
        assert "the list is empty" in run(mappings=[], keep=[ADDRESS_1], purge=True)["msg"]


class TestLeaveOutHosts:
    BAD: t.ClassVar[list[tuple[dict[str, t.Any], str]]] = [
        (host_item(""), "no IP address"),
        (host_item(" ", None), "no IP address"),
        (host_item("192.0.2.7", region=None), "no vendor or no region"),
        (host_item("192.0.2.8", " "), "no vendor or no region"),
    ]
    UNSUPPORTED: t.ClassVar[list[tuple[dict[str, t.Any], str]]] = [
        (
            host_item("2001:DB8::6", "aws", "us-east1"),
            "region 'us-east1' is not supported for aws; did you mean 'us-east-1'?",
        ),
        (host_item("192.0.2.9", "awz"), "vendor 'awz' is not supported; did you mean 'aws'?"),
    ]

    def expected_left_out(self, *bad: tuple[dict[str, t.Any], str]) -> list[dict[str, t.Any]]:
        return [{**one, "reason": reason} for one, reason in bad]

    @pytest.mark.parametrize("check", [True, False])
    def test_others_are_declared(self, run: RunModule, wire: Wire, check: bool) -> None:
        bad = [*self.UNSUPPORTED, *self.BAD]
        wire.zone([])
        wire.supported()
        if not check:
            wire.put_batch([new_mapping(ADDRESS_1), new_mapping(ADDRESS_2)])
        wanted = [bad[0][0], host_item(ADDRESS_1), *(one for one, dummy in bad[1:]), item(ADDRESS_2)]
        assert run(mappings=wanted, leave_out=True, _ansible_check_mode=check) == {
            **EMPTY_RESULT,
            "changed": True,
            "created": [new_mapping(ADDRESS_1), new_mapping(ADDRESS_2)],
            "left_out": self.expected_left_out(*bad),
            "diff": {"before": {}, "after": {ADDRESS_1: "aws/us-east-1", ADDRESS_2: "aws/us-east-1"}},
        }

    def test_purge_keeps_mappings_of_their_addresses(self, run: RunModule, wire: Wire) -> None:
        kept = [mapping("192.0.2.7"), mapping("192.0.2.9", "gcp", "us-central1"), mapping(IPV6_ADDRESS)]
        wire.zone([mapping(ADDRESS_2), *kept, mapping(ADDRESS_1)])
        wire.supported()
        wire.delete_batch([mapping(ADDRESS_2)])
        bad = [*self.BAD, *self.UNSUPPORTED]
        result = run(mappings=[item(ADDRESS_1), *(one for one, dummy in bad)], leave_out=True, purge=True)
        assert result["deleted"] == [mapping(ADDRESS_2)]
        assert result["left_out"] == self.expected_left_out(*bad)

    @pytest.mark.parametrize("allow_empty", [True, False])
    def test_purge_fails_if_a_host_has_a_name_as_address(self, run: RunModule, allow_empty: bool) -> None:
        """The mapping of a host is unknown if its address is a name."""
        wanted = [
            item(ADDRESS_1),
            host_item("", None),
            host_item("web-1.example.com"),
            host_item("web-2.example.com", None),
        ]
        result = run(mappings=wanted, leave_out=True, purge=True, allow_empty=allow_empty)
        assert result["msg"] == (
            "mappings: purge would delete the mappings of hosts whose address is not known: "
            "host of web-1.example.com ('web-1.example.com'), host of web-2.example.com ('web-2.example.com'). "
            "Set origin_ip to the address of each host, or to an empty string if the host has no address."
        )

    def test_purge_deletes_mappings_of_hosts_without_an_address(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1), mapping(ADDRESS_2)])
        wire.delete_batch([mapping(ADDRESS_2)])
        result = run(mappings=[item(ADDRESS_1), host_item(" ", None)], leave_out=True, purge=True)
        assert result["deleted"] == [mapping(ADDRESS_2)]

    def test_blank_host_is_not_a_host(self, run: RunModule) -> None:
        assert "not an IP address: 'x'" in run(mappings=[{**item("x"), "host": " "}], leave_out=True)["msg"]

    def test_address_also_in_another_item(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1, "gcp", "us-central1"), mapping(ADDRESS_2)])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)])
        wire.delete_batch([mapping(ADDRESS_2)])
        result = run(mappings=[host_item(" 192.0.2.1", None), item(ADDRESS_1)], leave_out=True, purge=True)
        assert result["updated"] == [new_mapping(ADDRESS_1)]
        assert [one["origin_ip"] for one in result["left_out"]] == [" 192.0.2.1"]

    def test_existing_region_is_not_checked(self, run: RunModule, wire: Wire) -> None:
        """Even if the region is no longer supported for other origins."""
        wire.zone([mapping(ADDRESS_1, "aws", "us-gone-1")])
        wire.supported()
        wanted = [host_item(ADDRESS_1, "aws", "us-gone-1"), host_item(ADDRESS_2, "aws", "us-gone-1")]
        result = run(mappings=wanted, leave_out=True)
        assert result["unchanged"] == [mapping(ADDRESS_1, "aws", "us-gone-1")]
        assert [one["origin_ip"] for one in result["left_out"]] == [ADDRESS_2]

    def test_two_hosts_with_one_address(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        result = run(mappings=[host_item(ADDRESS_1, "awz"), host_item(f" {ADDRESS_1}", "awz")], leave_out=True)
        assert [one["origin_ip"] for one in result["left_out"]] == [ADDRESS_1, f" {ADDRESS_1}"]

    @pytest.mark.parametrize("leave_out", [True, False])
    def test_problems_of_other_items_are_errors(self, run: RunModule, wire: Wire, leave_out: bool) -> None:
        bad = [item("x"), {"origin_ip": ADDRESS_2}]
        assert run(mappings=[host_item("y"), *bad], leave_out=leave_out)["msg"] == (
            f"{'' if leave_out else no_address_message(host_item('y'))}"
            "mappings: not an IP address: 'x'. Each must be one plain IPv4 or IPv6 address: no list, no prefix length, no zone index, "
            f"no port, no host name, no leading zeros. mappings: vendor or region is missing for '{ADDRESS_2}'."
        )

    def test_hosts_are_named(self, run: RunModule) -> None:
        wanted = [
            host_item(""),
            host_item(" web-1"),
            host_item(ADDRESS_2, region=None),
            host_item(ADDRESS_1, None, " "),
        ]
        assert run(mappings=wanted)["msg"] == (
            f"{no_address_message(host_item(''), host_item(' web-1'))}"
            f"mappings: vendor or region is missing for host of {ADDRESS_2} ('{ADDRESS_2}'), host of {ADDRESS_1} ('{ADDRESS_1}'). "
            "Set vendor (cloud_region_hints_vendor in the role) and region (cloud_region_hints_region in the role) of each host. "
            "To leave out hosts that have none, set leave_out to true (cloud_region_hints_strict to false in the role)."
        )

    def test_unsupported_regions_of_other_items_are_errors(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wanted = [
            host_item(ADDRESS_1, "awz"),
            item(ADDRESS_1, "awz"),
            host_item(ADDRESS_2, "awz"),
            host_item(IPV6_ADDRESS),
        ]
        message = f"mappings: vendor 'awz' is not supported; did you mean 'aws'? ({ADDRESS_1})."
        assert run(mappings=wanted, leave_out=True)["msg"] == message

    def test_conflicts_are_errors(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        message = run(
            mappings=[host_item(ADDRESS_1), host_item(ADDRESS_1, "awz"), host_item(ADDRESS_2, region="x")],
            leave_out=True,
        )["msg"]
        assert f"{ADDRESS_1} is declared as aws/us-east-1 and as awz/us-east-1" in message
        assert "vendor 'awz' is not supported" in message

    def test_left_out_hosts_do_not_count_towards_the_limit(self, run: RunModule, wire: Wire) -> None:
        wire.zone(mappings(3_500), pages=1)
        wire.no_mapping(ADDRESS_1)
        wire.supported()
        assert not run(mappings=[host_item(ADDRESS_1, "awz")], leave_out=True)["changed"]

    @pytest.mark.parametrize("allowed", [True, False])
    @pytest.mark.parametrize("reads", [True, False])
    def test_purge_without_any_valid_host(self, run: RunModule, wire: Wire, allowed: bool, reads: bool) -> None:
        bad = self.UNSUPPORTED if reads else self.BAD
        if reads or allowed:
            wire.zone([mapping(ADDRESS_2)])
        if reads:
            wire.supported()
        if allowed:
            wire.delete_batch([mapping(ADDRESS_2)])
        wanted = [one for one, dummy in bad]
        result = run(mappings=wanted, leave_out=True, purge=True, allow_empty=allowed)
        if allowed:
            assert result["deleted"] == [mapping(ADDRESS_2)]
        else:
            assert f"all items are skipped ({len(bad)})" in result["msg"]

    def test_nothing_valid_costs_no_request(self, run: RunModule, wire: Wire) -> None:
        result = run(mappings=[one for one, dummy in self.BAD], leave_out=True)
        assert result == {**EMPTY_RESULT, "left_out": self.expected_left_out(*self.BAD)}

    def test_vendors_are_checked_without_validation(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        result = run(mappings=[host_item(ADDRESS_1, "awz")], leave_out=True, validate_regions=False)
        assert [one["origin_ip"] for one in result["left_out"]] == [ADDRESS_1]

    def test_not_with_absent(self, run: RunModule, wire: Wire) -> None:
        assert (
            "leave_out can only be used with state=present"
            in (run(mappings=[item(ADDRESS_1)], leave_out=True, state="absent")["msg"])
        )


class TestUnreachableAddresses:
    ADVICE = "Specify addresses that it reaches, or set validate_addresses to false."
    IN_THE_ROLE = "Specify addresses that it reaches, or set validate_addresses (cloud_region_hints_validate_addresses in the role) to false."

    @pytest.mark.parametrize("check", [True, False])
    def test_all_are_listed_before_any_request(self, run_bare: RunModule, wire: Wire, check: bool) -> None:
        wanted = [item(one) for one in ("10.1.2.3", ADDRESS_1, "::FFFF:a01:203", " 127.0.0.1", "fe80::1", "10.1.2.3")]
        result = run_bare(api_token=TOKEN, zone="example.com", mappings=wanted, _ansible_check_mode=check)
        assert result["msg"] == (
            "mappings: the internet does not reach '10.1.2.3' (private), '::FFFF:a01:203' (private), ' 127.0.0.1' (loopback), "
            f"'fe80::1' (link-local). {self.ADVICE}"
        )
        assert result["failure"]["status"] is None

    def test_other_problems_are_in_the_same_message(self, run: RunModule) -> None:
        result = run(
            mappings=[item("x"), item("10.1.2.3"), item(ADDRESS_1, region=""), item(ADDRESS_2), item(ADDRESS_2, "gcp")]
        )
        assert result["msg"] == (
            "mappings: not an IP address: 'x'. Each must be one plain IPv4 or IPv6 address: no list, no prefix length, no zone index, "
            "no port, no host name, no leading zeros. "
            f"mappings: the internet does not reach '10.1.2.3' (private). {self.ADVICE} "
            f"mappings: vendor or region is missing for '{ADDRESS_1}'. "
            f"mappings: {ADDRESS_2} is declared as aws/us-east-1 and as gcp/us-east-1."
        )

    def test_hosts_are_named(self, run: RunModule) -> None:
        assert run(mappings=[host_item("10.1.2.3"), host_item(ADDRESS_1)])["msg"] == (
            f"mappings: the internet does not reach host of 10.1.2.3 ('10.1.2.3', private). {self.IN_THE_ROLE}"
        )

    def test_are_accepted_without_validation(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new_mapping("10.1.2.3")])
        result = run(mappings=[item("10.1.2.3")], validate_addresses=False)
        assert result["created"] == [new_mapping("10.1.2.3")]

    def test_are_deleted(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping("10.1.2.3")])
        wire.delete_batch([mapping("10.1.2.3")])
        assert run(mappings=[item("10.1.2.3")], state="absent")["deleted"] == [mapping("10.1.2.3")]

    def test_are_purged_unless_left_out(self, run: RunModule, wire: Wire) -> None:
        kept, gone = mapping("10.1.2.3"), mapping("127.0.0.1")
        wire.zone([mapping(ADDRESS_1), kept, gone])
        wire.delete_batch([gone])
        result = run(mappings=[host_item("10.1.2.3"), item(ADDRESS_1)], leave_out=True, purge=True)
        assert result["deleted"] == [gone]
        assert result["left_out"] == [
            {**host_item("10.1.2.3"), "reason": "private address, which the internet does not reach"}
        ]

    def test_problems_of_other_items_are_errors(self, run: RunModule) -> None:
        result = run(mappings=[host_item("10.1.2.3"), item("10.1.2.4")], leave_out=True)
        assert result["msg"] == f"mappings: the internet does not reach '10.1.2.4' (private). {self.ADVICE}"

    def test_error_comes_before_the_files_are_read(self, run: RunModule) -> None:
        wanted = [
            {"origin_ip": "10.1.2.3"},
            item("10.1.2.4"),
            {"origin_ip": "x"},
            {"origin_ip": ADDRESS_1, "vendor": "aws"},
        ]
        assert run(mappings=wanted, derive=True, sources=["/nowhere"])["msg"] == (
            "mappings: not an IP address: 'x'. Each must be one plain IPv4 or IPv6 address: no list, no prefix length, no zone index, "
            "no port, no host name, no leading zeros. "
            f"mappings: the internet does not reach '10.1.2.3' (private), '10.1.2.4' (private). {self.ADVICE} "
            f"mappings: vendor or region is missing for '{ADDRESS_1}'."
        )

    def test_are_left_out_with_derive(self, run: RunModule, wire: Wire, tmp_path: Path) -> None:
        file = tmp_path / "aws.json"
        file.write_bytes(range_files.aws(("10.0.0.0/8", "us-east-1"), ("192.0.2.0/24", "us-east-1")))
        wire.zone([])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)])
        wanted = [{"origin_ip": "10.1.2.3"}, {"origin_ip": ADDRESS_1}]
        result = run(mappings=wanted, derive=True, leave_out=True, sources=[str(file)])
        assert [(one["origin_ip"], one["reason"]) for one in result["left_out"]] == [
            ("10.1.2.3", "private address, which the internet does not reach")
        ]


class TestDerive:
    """Derive missing regions from the vendors' ranges."""

    @pytest.fixture
    def run_derive(self, run: RunModule, tmp_path: Path) -> RunModule:
        one, other = tmp_path / "aws.json", tmp_path / "gcp.json"
        one.write_bytes(
            range_files.aws(("192.0.2.0/24", "us-east-1"), ("198.51.100.0/24", "eu-west-1"), ("203.0.113.0/24", "x"))
        )
        other.write_bytes(range_files.gcp(("2001:db8::/32", "us-central1"), ("198.51.100.0/24", "us-central1")))
        return functools.partial(run, derive=True, sources=[str(one), str(other)])

    def test_mappings_without_a_region(self, run_derive: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wanted = [
            new_mapping(ADDRESS_1),
            new_mapping(ADDRESS_2, "azure", "eastus"),
            new_mapping(IPV6_ADDRESS, "gcp", "us-central1"),
        ]
        wire.put_batch(wanted)
        result = run_derive(
            mappings=[
                {"origin_ip": "2001:DB8::6"},
                {"origin_ip": ADDRESS_1, "vendor": " "},
                item(ADDRESS_2, "azure", "eastus"),
            ]
        )
        assert result["created"] == wanted
        assert len(wire.requests) == 3

    @pytest.mark.parametrize("leave_out", [True, False])
    @pytest.mark.parametrize("fields", [{"vendor": "gcp"}, {"region": "us-west-2", "vendor": " "}], ids=str)
    def test_vendor_without_region_is_an_error(
        self, run_derive: RunModule, leave_out: bool, fields: dict[str, str]
    ) -> None:
        wanted = [{"origin_ip": ADDRESS_1, **fields}, {"origin_ip": IPV6_ADDRESS}]
        assert run_derive(mappings=wanted, leave_out=leave_out)["msg"] == (
            f"mappings: vendor or region is missing for '{ADDRESS_1}'."
        )

    def test_address_without_a_range_is_an_error(self, run_derive: RunModule, wire: Wire) -> None:
        wanted = [{"origin_ip": one} for one in ("2001:db9::1", "9.9.9.9", "198.51.100.1", ADDRESS_1)]
        assert run_derive(mappings=wanted)["msg"] == (
            "mappings: in no range of the sources: '2001:db9::1', '9.9.9.9'. Specify vendor and region. "
            "mappings: ambiguous (aws/eu-west-1, gcp/us-central1): '198.51.100.1'. Specify vendor and region."
        )

    @pytest.mark.parametrize(("regions", "more"), [(3, ""), (4, " and 1 more"), (500, " and 497 more")])
    def test_ambiguous_truncates_candidates(self, run: RunModule, tmp_path: Path, regions: int, more: str) -> None:
        file = tmp_path / "aws.json"
        file.write_bytes(range_files.aws(*(("192.0.2.0/24", f"r-{number}") for number in range(regions))))
        result = run(mappings=[{"origin_ip": ADDRESS_1}], derive=True, leave_out=True, sources=[str(file)])
        assert [one["reason"] for one in result["left_out"]] == [f"ambiguous (aws/r-0, aws/r-1, aws/r-2{more})"]

    def test_address_without_a_range_is_left_out(self, run_derive: RunModule, wire: Wire) -> None:
        kept = mapping("198.51.100.1", "azure", "eastus")
        wire.zone([kept, mapping(ADDRESS_1)])
        wanted = [{"origin_ip": "9.9.9.9"}, {"origin_ip": "198.51.100.1", "host": "web-1"}, {"origin_ip": ADDRESS_1}]
        assert run_derive(mappings=wanted, leave_out=True, purge=True) == {
            **EMPTY_RESULT,
            "unchanged": [mapping(ADDRESS_1)],
            "left_out": [
                {"host": host, "origin_ip": one, "vendor": None, "region": None, "reason": reason}
                for host, one, reason in (
                    (None, "9.9.9.9", "in no range of the sources"),
                    ("web-1", "198.51.100.1", "ambiguous (aws/eu-west-1, gcp/us-central1)"),
                )
            ],
        }

    def test_derived_region_that_is_not_supported(self, run_derive: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wanted = {"origin_ip": "203.0.113.1"}
        assert run_derive(mappings=[wanted])["msg"] == "mappings: region 'x' is not supported for aws (203.0.113.1)."
        wire.zone([])
        wire.supported()
        result = run_derive(mappings=[wanted], leave_out=True)
        assert [(one["region"], one["reason"]) for one in result["left_out"]] == [
            ("x", "region 'x' is not supported for aws")
        ]

    def test_hosts_without_an_address(self, run_derive: RunModule, wire: Wire) -> None:
        result = run_derive(mappings=[{"origin_ip": "web-1", "host": "web-1"}], leave_out=True)
        assert [one["reason"] for one in result["left_out"]] == ["no IP address"]

    @pytest.mark.parametrize("leave_out", [True, False])
    def test_invalid_address_fails_before_files_are_read(self, run: RunModule, leave_out: bool) -> None:
        result = run(mappings=[{"origin_ip": "x"}], derive=True, sources=["/nowhere"], leave_out=leave_out)
        assert "mappings: not an IP address: 'x'" in result["msg"]

    def test_files_are_read_before_the_zone(self, run: RunModule, wire: Wire) -> None:
        result = run(mappings=[{"origin_ip": ADDRESS_1}], derive=True, sources=["/nowhere"])
        assert "/nowhere: cannot be read" in result["msg"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"zone_id": "nonsense"}, "is not a valid zone id"),
            ({"zone": "example.com"}, "Specify exactly one of zone_id"),
            ({"api_url": "nonsense"}, "api_url"),
            ({"api_email": "someone@example.com"}, "api_token cannot be combined with"),
            (
                {"mappings": [{"origin_ip": ADDRESS_1}, {"origin_ip": ADDRESS_2, "vendor": "aws"}]},
                "vendor or region is missing",
            ),
            ({"mappings": [{"origin_ip": "x"}, item("y")]}, "not an IP address: 'x', 'y'"),
            (
                {"mappings": [{"origin_ip": "web-1", "host": "web-1"}], "leave_out": True, "purge": True},
                "purge would delete the mappings of hosts whose address is not known",
            ),
        ],
        ids=str,
    )
    def test_options_are_checked_before_files_are_read(
        self, run: RunModule, options: dict[str, t.Any], message: str
    ) -> None:
        given = {"mappings": [{"origin_ip": ADDRESS_1}], "derive": True, "sources": ["/nowhere"]}
        assert message in run(**{**given, **options})["msg"]

    def test_max_wait_is_for_the_files_and_the_zone_together(
        self, run: RunModule, wire: Wire, clock: FakeClock
    ) -> None:
        url = "https://files.example.com/aws.json"
        wire.file(url, "", status=429, headers={"Retry-After": "3"})
        wire.file(url, range_files.aws(("192.0.2.0/24", "us-east-1")))
        wire.page(1, "", status=429, headers={"Retry-After": "3"})
        result = run(mappings=[{"origin_ip": ADDRESS_1}], derive=True, sources=[url], max_wait=4)
        assert "max_wait" in result["msg"] and result["failure"]["status"] == 429
        assert clock.pauses == [3.0]

    def test_files_are_read_only_if_needed(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(ADDRESS_1)])
        assert run(mappings=[item(ADDRESS_1)], derive=True, sources=["/nowhere"]) == {
            **EMPTY_RESULT,
            "unchanged": [mapping(ADDRESS_1)],
        }

    def test_not_with_absent(self, run: RunModule) -> None:
        message = "derive can only be used with state=present"
        assert message in run(mappings=[{"origin_ip": ADDRESS_1}], derive=True, state="absent")["msg"]


class TestTieredCacheOff:
    @pytest.mark.parametrize("check", [True, False])
    def test_message_has_both_fixes(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.zone([])
        wire.supported(error_envelope(4711), status=400)
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
        result = run(mappings=[item(ADDRESS_1)], _ansible_check_mode=check)
        assert "edgecache.cloudflare.tiered_cache " in result["msg"]
        assert "set validate_regions to false" in result["msg"]
        assert (result["failure"]["status"], result["failure"]["code"]) == (400, 4711)

    def test_other_problems_are_in_the_same_message(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported(error_envelope(4711), status=400)
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
        message = run(mappings=[item(ADDRESS_1), item(ADDRESS_1, region="x"), item(ADDRESS_2, "amazon")])["msg"]
        assert f"{ADDRESS_1} is declared as aws/us-east-1 and as aws/x" in message
        assert "vendor 'amazon' is not supported" in message

    @pytest.mark.parametrize("options", [{"purge": True}, {}], ids=str)
    def test_no_error_if_nothing_is_written(self, run: RunModule, wire: Wire, options: dict[str, t.Any]) -> None:
        wire.zone([mapping(ADDRESS_1)])
        assert run(mappings=[item(ADDRESS_1)], **options)["changed"] is False


class TestPartialFailure:
    def test_some_items_are_rejected(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(IPV6_ADDRESS), mapping(ADDRESS_2, "gcp", "x")])
        wire.supported()
        wire.put_batch(
            [new_mapping(ADDRESS_2), new_mapping(ADDRESS_1)],
            batch_response([request_item(new_mapping(ADDRESS_2))], **{ADDRESS_1: "internal error"}),
        )
        words = f"{ADDRESS_1}: internal error"
        assert run(mappings=[item(ADDRESS_1), item(ADDRESS_2)], purge=True) == {
            **EMPTY_RESULT,
            "failed": True,
            "msg": f"The API refused some changes: {words}; changes made: 1 of 3, refused: 1 (see failed_items)",
            "failure": {"status": 200, "code": None, "message": words, "errors": []},
            "changed": True,
            "updated": [new_mapping(ADDRESS_2)],
            "failed_items": [{"origin_ip": ADDRESS_1, "error": "internal error"}],
            "diff": {"before": {ADDRESS_2: "gcp/x"}, "after": {ADDRESS_2: "aws/us-east-1"}},
        }
        assert "DELETE" not in request_methods(wire)

    def test_all_items_are_rejected(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "internal error"}))
        result = run(mappings=[item(ADDRESS_1)])
        assert result["failed"] and result["changed"] is False

    def test_later_batch_is_rejected(self, run: RunModule, wire: Wire) -> None:
        zone, wanted = [mapping(IPV6_ADDRESS)], mappings(250)
        wire.zone(zone)
        wire.supported()
        wire.put_batch(wanted[:100])
        wire.put_batch(wanted[100:200], error_envelope(1164, message="no"), status=403)
        result = run(mappings=[request_item(one) for one in wanted], purge=True)
        created = [new_mapping(one["origin_ip"]) for one in wanted[:100]]
        api_error = {"code": 1164, "message": "no"}
        assert result == {
            **EMPTY_RESULT,
            "failed": True,
            "msg": "The zone already has 3,500 mappings, which is the maximum: delete some first "
            "(HTTP 403: code 1164, no); changes made: 100 of 251",
            "failure": {"status": 403, **api_error, "errors": [api_error]},
            "changed": True,
            "created": created,
            "diff": {"before": {}, "after": {one["origin_ip"]: "aws/us-east-1" for one in created}},
        }

    def test_second_run_does_the_rest(self, run: RunModule, wire: Wire) -> None:
        wanted = mappings(150)
        wire.zone([])
        wire.supported()
        wire.put_batch(wanted[:100])
        wire.put_batch(wanted[100:], error_envelope(10000), status=403)
        wire.zone(wanted[:100])
        wire.supported()
        wire.put_batch(wanted[100:])
        given = [request_item(one) for one in wanted]
        assert len(run(mappings=given)["created"]) == 100
        result = run(mappings=given)
        assert "failed" not in result
        assert (len(result["created"]), len(result["unchanged"])) == (50, 100)

    def test_lost_answer_is_retried(self, run: RunModule, wire: Wire, clock: FakeClock) -> None:
        wire.zone([mapping(IPV6_ADDRESS)])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)], CONNECTION_ERROR)
        wire.put_batch([new_mapping(ADDRESS_1)])
        wire.delete_batch([mapping(IPV6_ADDRESS)], "", status=502)
        wire.delete_batch([mapping(IPV6_ADDRESS)], batch_response(**{IPV6_ADDRESS: "does not exist"}))
        wire.no_mapping(IPV6_ADDRESS)
        result = run(mappings=[item(ADDRESS_1)], purge=True)
        assert "failed" not in result
        assert (result["created"], result["deleted"]) == ([new_mapping(ADDRESS_1)], [mapping(IPV6_ADDRESS)])
        assert len(result["warnings"]) == 2

    @pytest.mark.parametrize("done", [True, False])
    def test_lost_answer_is_verified(self, run: RunModule, wire: Wire, done: bool) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)], CONNECTION_ERROR)
        wire.mapping(ADDRESS_1) if done else wire.no_mapping(ADDRESS_1)
        result = run(mappings=[item(ADDRESS_1)], max_wait=0)
        assert ("failed" in result, result["changed"]) == (not done, done)
        assert result["created"] == ([new_mapping(ADDRESS_1)] if done else [])
        assert result["failed_items"] == result["unconfirmed"] == []

    def test_outcome_unknown(self, run: RunModule, wire: Wire) -> None:
        wire.zone([mapping(IPV6_ADDRESS)])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1), new_mapping(ADDRESS_2)], CONNECTION_ERROR)
        wire.page(1, CONNECTION_ERROR)
        result = run(mappings=[item(ADDRESS_2), item(ADDRESS_1)], purge=True, max_wait=0)
        assert result["failed"] and result["changed"] is True
        assert result["unconfirmed"] == [ADDRESS_1, ADDRESS_2]
        assert result["created"] == result["deleted"] == []
        assert result["msg"].endswith("; changes made: 0 of 3, unknown: 2 (see unconfirmed)")
        assert "DELETE" not in request_methods(wire)

    def test_rate_limit_is_waited_for(self, run: RunModule, wire: Wire, clock: FakeClock) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)], error_envelope(971), status=429, headers={"Retry-After": "300"})
        wire.put_batch([new_mapping(ADDRESS_1)])
        assert run(mappings=[item(ADDRESS_1)])["created"] == [new_mapping(ADDRESS_1)]
        assert clock.pauses == [300.0]

    def test_failure_before_the_first_write_has_no_lists(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported(error_envelope(10000), status=403)
        wire.get(TIERED_CACHE_PATH, setting_envelope(True))
        assert set(run(mappings=[item(ADDRESS_1)])) == {"failed", "msg", "failure"}

    def test_secrets_are_hidden(self, run: RunModule, wire: Wire) -> None:
        wire.zone([])
        wire.supported()
        wire.put_batch([new_mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: f"Bearer {TOKEN} may not"}))
        result = run(mappings=[item(ADDRESS_1)])  # the fixture searches the output for the token
        assert result["failed_items"] == [{"origin_ip": ADDRESS_1, "error": "Bearer ******** may not"}]


@pytest.mark.parametrize("bad", ["", ADDRESS_1, 7, [ADDRESS_1], [None], [[]]], ids=repr)
@pytest.mark.parametrize(
    "credential",
    [{"api_token": TOKEN}, {"api_email": "x@example.com", "api_key": KEY}, {"account_api_key": KEY}],
    ids=str,
)
def test_secrets_are_hidden_with_mappings_of_wrong_type(
    run_bare: RunModule, wire: Wire, bad: t.Any, credential: dict[str, str]
) -> None:
    """Ansible stops collecting secrets if the elements of a list have a wrong type."""
    result = run_bare(**credential, zone_id=ZONE_ID, mappings=bad)
    assert result["failed"]  # the fixture searches the output for token and key


@pytest.mark.parametrize("status", [200, 403])
def test_session_is_closed(run: RunModule, wire: Wire, closed_sessions: list[requests.Session], status: int) -> None:
    wire.zone([])
    wire.supported()
    wire.put_batch([new_mapping(ADDRESS_1)], None if status == 200 else error_envelope(1164), status=status)
    run(mappings=[item(ADDRESS_1)])
    assert len(closed_sessions) == 1


def test_accepts_result_of_cloud_region_info(run: RunModule, wire: Wire) -> None:
    wire.zone([])
    wire.supported()
    wire.put_batch([mapping(ADDRESS_1)])
    run_derive = {"prefix": "192.0.2.0/24", "source": "ip-ranges.json"}
    assert run(mappings=[{**item(ADDRESS_1), **run_derive}])["created"] == [new_mapping(ADDRESS_1)]


def test_result_is_as_documented(run: RunModule, wire: Wire) -> None:
    documented = yaml.safe_load(origin_cloud_regions.RETURN)
    of_failure = documented.pop("failure")
    wire.zone([mapping(IPV6_ADDRESS), mapping(ADDRESS_2, "gcp", "x"), mapping("192.0.2.3")])
    wire.supported()
    wire.put_batch([new_mapping(ADDRESS_2), new_mapping(ADDRESS_1)])
    wire.delete_batch([mapping(IPV6_ADDRESS)])
    result = run(mappings=[item(ADDRESS_1), item(ADDRESS_2), item("192.0.2.3")], purge=True)
    assert set(result) == {"changed", *documented}
    for key in ("created", "updated", "deleted", "unchanged"):
        assert list(documented[key]["contains"]) == list(result[key][0])
    assert list(documented["diff"]["contains"]) == list(result["diff"])
    wire.zone([])
    wire.supported()
    wire.put_batch([new_mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "no"}))
    result = run(mappings=[item(ADDRESS_1), host_item("")], leave_out=True)
    assert list(documented["left_out"]["contains"]) == list(result["left_out"][0])
    with_failure = [key for key, entry in documented.items() if "write has failed" in entry["returned"]]
    assert set(result) == {"changed", "failed", "msg", "failure", *with_failure}
    assert list(documented["failed_items"]["contains"]) == list(result["failed_items"][0])
    assert list(of_failure["contains"]) == list(result["failure"])


def test_one_mapping_is_a_batch(run: RunModule, wire: Wire) -> None:
    wire.zone([])
    wire.supported()
    wire.put_batch([new_mapping(ADDRESS_1)])
    run(mappings=[item(ADDRESS_1)])
    assert wire.requests[-1].url == f"{wire.api}{MAPPINGS_PATH}/batch"


def test_host_name_is_not_a_credential(run: RunModule, wire: Wire) -> None:
    host = "Web-Server-Of-The-Shop-In-Frankfurt-0001"  # 40 characters, as a token has
    result = run(mappings=[{"host": host, "origin_ip": "web"}])
    assert result["failed"] and host in result["msg"]
