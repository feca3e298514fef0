# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator's operations and error codes, over real HTTP."""

from __future__ import annotations

import concurrent.futures
import json
import typing as t

import pytest

from tests.simulator.api_client import ApiClient
from tests.simulator.testing import ControlError, RunningSimulator

AWS = {"vendor": "aws", "region": "us-east-1"}


def check_no_violations(simulator: RunningSimulator) -> bool:
    return not simulator.stats()["contract_violations"]


# Mappings


def test_list(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    answer = api.get(api.mappings)
    assert [mapping["origin_ip"] for mapping in answer.result] == [
        "192.0.2.1",
        "198.51.100.7",
        "203.0.113.20",
        "2001:db8::1",
        "2001:db8:0:1::25",
        "198.51.100.23",
    ]
    assert answer.body["result_info"] == {"page": 1, "per_page": 20, "count": 6, "total_count": 6, "total_pages": 1}
    assert "modified_on" not in answer.result[2]
    assert check_no_violations(fresh_simulator)


def test_pages(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.reset({"zones": [{"id": fresh_simulator.zone_id, "name": "example.com", "fill": 250}]})
    pages = [api.get(f"{api.mappings}?per_page=100&page={page}") for page in (1, 2, 3, 4)]
    assert [page.body["result_info"]["count"] for page in pages] == [100, 100, 50, 0]
    assert pages[3].body["result_info"] == {
        "page": 4,
        "per_page": 100,
        "count": 0,
        "total_count": 250,
        "total_pages": 3,
    }
    assert len({mapping["origin_ip"] for page in pages for mapping in page.result}) == 250


@pytest.mark.parametrize("query", ["per_page=101", "per_page=0", "page=0", "page=x", "page=1&page=2", "pages=1"])
def test_pagination_limits(api: ApiClient, fresh_simulator: RunningSimulator, query: str) -> None:
    answer = api.get(f"{api.mappings}?{query}")
    assert answer.error == (400, 0)
    assert answer.body["errors"][0]["message"].startswith("request breaks the contract:")
    assert len(fresh_simulator.stats()["contract_violations"]) == 1


@pytest.mark.parametrize("spelling", ["2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001%3Adb8%3A%3A1", "2001:db8::0.0.0.1"])
def test_get_normalizes(api: ApiClient, spelling: str) -> None:
    assert api.get(f"{api.mappings}/{spelling}").result["origin_ip"] == "2001:db8::1"


def test_ipv4_mapped_address_is_dotted(api: ApiClient) -> None:
    put = api.call("PUT", f"{api.mappings}/::ffff:c000:201", {"origin_ip": "::FFFF:192.0.2.1", **AWS})
    assert put.result["origin_ip"] == "::ffff:192.0.2.1"


def test_upsert_creates_replaces_and_keeps_the_order(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    created = api.call("PUT", f"{api.mappings}/192.0.2.9", {"origin_ip": "192.0.2.9", **AWS})
    assert created.result.items() >= {"origin_ip": "192.0.2.9", **AWS}.items()
    assert created.result["modified_on"]
    replaced = api.call(
        "PUT", f"{api.mappings}/192.0.2.1", {"origin_ip": "192.0.2.1", "vendor": "gcp", "region": "us-central1"}
    )
    assert api.get(f"{api.mappings}/192.0.2.1").result == replaced.result
    addresses = [mapping["origin_ip"] for mapping in api.get(api.mappings).result]
    assert (addresses[0], addresses[-1], len(addresses)) == ("192.0.2.1", "192.0.2.9", 7)
    assert check_no_violations(fresh_simulator)


def test_delete(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    assert api.call("DELETE", f"{api.mappings}/2001:DB8::1").result == {"origin_ip": "2001:db8::1"}
    assert api.get(f"{api.mappings}/2001:db8::1").error == (404, 1142)
    assert api.call("DELETE", f"{api.mappings}/2001:db8::1").error == (404, 1142)
    assert check_no_violations(fresh_simulator)


def test_batch_upsert_checks_each_item(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    items = [
        {"origin_ip": "2001:DB8::9", **AWS},
        {"origin_ip": "192.0.2.0/24", **AWS},
        {"origin_ip": "192.0.2.8", "vendor": "aws", "region": "us-central1"},
    ]
    result = api.call("PUT", f"{api.mappings}/batch", items).result
    assert result["succeeded"] == [{"origin_ip": "2001:db8::9", **AWS}]
    assert [item["origin_ip"] for item in result["failed"]] == ["192.0.2.0/24", "192.0.2.8"]
    assert all(item["error"] for item in result["failed"])
    assert len(api.get(api.mappings).result) == 7
    assert check_no_violations(fresh_simulator)


def test_batch_delete_checks_each_address(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    result = api.call("DELETE", f"{api.mappings}/batch", ["192.0.2.1", "192.0.2.99", "nonsense"]).result
    assert result["succeeded"] == [{"origin_ip": "192.0.2.1", **AWS}]
    assert [item["origin_ip"] for item in result["failed"]] == ["192.0.2.99", "nonsense"]
    assert check_no_violations(fresh_simulator)


def test_batch_of_more_than_100(api: ApiClient) -> None:
    assert api.call("DELETE", f"{api.mappings}/batch", ["192.0.2.1"] * 101).error == (400, 0)
    assert len(api.get(api.mappings).result) == 6


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.1%2F32",
        "fe80::1%25eth0",
        "010.0.0.1",
        "10.1",
        "example.com",
        "%20192.0.2.1",
        "1",
        "..%2F..",
        "192.0.2.1%0A",
    ],
)
def test_invalid_address(api: ApiClient, address: str) -> None:
    assert api.get(f"{api.mappings}/{address}").error == (400, 1146)
    assert api.call("DELETE", f"{api.mappings}/{address}").error == (400, 1146)
    assert api.call("PUT", f"{api.mappings}/{address}", {"origin_ip": "192.0.2.1", **AWS}).error == (400, 1146)


def test_body_names_another_address(api: ApiClient) -> None:
    answer = api.call("PUT", f"{api.mappings}/192.0.2.2", {"origin_ip": "192.0.2.3", **AWS})
    assert answer.error == (400, 1146)
    assert answer.body["errors"][0]["message"] == "body origin_ip does not match URL"


def test_unsupported_region(api: ApiClient) -> None:
    body = {"origin_ip": "192.0.2.2", "vendor": "aws", "region": "us-central1"}
    assert api.call("PUT", f"{api.mappings}/192.0.2.2", body).error == (400, 1157)


def test_3500_mappings_are_the_limit(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.reset({"zones": [{"id": fresh_simulator.zone_id, "name": "example.com", "fill": 3499}]})
    new, newer, known = ({"origin_ip": address, **AWS} for address in ("192.0.2.1", "192.0.2.2", "2001:db8:f::1"))
    assert api.call("PUT", f"{api.mappings}/batch", [new, newer]).error == (403, 1164)
    assert api.get(f"{api.mappings}/192.0.2.1").error == (404, 1142)
    assert len(api.call("PUT", f"{api.mappings}/batch", [new, known]).result["succeeded"]) == 2
    assert api.call("PUT", f"{api.mappings}/192.0.2.2", newer).error == (403, 1164)
    assert api.call("PUT", f"{api.mappings}/192.0.2.1", new).status == 200
    assert check_no_violations(fresh_simulator)


# Requests that violate the contract


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[]", {}, {"origin_ip": "192.0.2.1", "vendor": "acme", "region": "x"}]
)
def test_body_violates_the_contract(api: ApiClient, fresh_simulator: RunningSimulator, body: object) -> None:
    answer = api.call("PUT", f"{api.mappings}/192.0.2.1", body)
    assert answer.error == (400, 0)
    assert answer.body["errors"][0]["message"].startswith("request breaks the contract: ")
    assert [entry["message"] for entry in fresh_simulator.stats()["contract_violations"]] == [
        answer.body["errors"][0]["message"]
    ]


def test_missing_body_and_content_type(api: ApiClient) -> None:
    assert api.call("PUT", f"{api.mappings}/192.0.2.1").error == (400, 0)


def test_response_violates_the_contract(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    mapping = {"origin_ip": "192.0.2.1", **AWS, "modified_on": "yesterday"}
    fresh_simulator.reset({"zones": [{"id": fresh_simulator.zone_id, "name": "example.com", "mappings": [mapping]}]})
    answer = api.get(api.mappings)
    assert answer.error == (500, 0)
    assert answer.body["errors"][0]["message"].startswith("own answer breaks the contract: body.result[0].modified_on:")
    assert len(fresh_simulator.stats()["contract_violations"]) == 1


# Zones, settings and regions


def test_zones(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    common = {
        "status": "active",
        "type": "full",
        "account": {"id": "01a7362d577a6c3019a474fd6f485823", "name": "Example Inc."},
    }
    enterprise, free = ({"name": f"{plan.title()} Website", "legacy_id": plan} for plan in ("enterprise", "free"))
    both = [
        {"id": fresh_simulator.zone_id, "name": "example.com", **common, "plan": enterprise},
        {"id": fresh_simulator.empty_zone_id, "name": "example.net", **common, "plan": free},
    ]
    assert api.get("/zones").result == both
    assert api.get("/zones?name=example.net&per_page=5").result == both[1:]
    assert api.get("/zones?name=example").result == []
    assert api.get("/zones?per_page=4").error == (400, 0)


ZONES_OF_TWO_ACCOUNTS: list[dict[str, t.Any]] = [
    {"id": f"{number:032x}", "name": name, "account": {"id": account, "name": account_name}, **more}
    for number, (name, account, account_name, more) in enumerate(
        [
            ("a.example", "1", "Example Inc.", {}),
            ("b.example", "1", "Example Inc.", {"status": "pending"}),
            ("c.example", "2", "Sample", {"type": "partial"}),
            ("d.example", "2", "Sample", {"type": "internal"}),
        ]
    )
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "abc"),
        ("account.id=2", "c"),
        ("account.name=sample", "c"),
        ("account.name=not_equal:sample", "ab"),
        ("account.name=starts_with:EXAMPLE", "ab"),
        ("account.name=starts_with_case_sensitive:EXAMPLE", ""),
        ("account.name=ends_with:inc.", "ab"),
        ("account.name=ends_with_case_sensitive:Inc.", "ab"),
        ("account.name=contains:AMP", "abc"),
        ("account.name=contains_case_sensitive:AMP", ""),
        ("name=equal:A.example", "a"),
        ("name=a", ""),
        ("status=pending", "b"),
        ("status=active&account.id=1", "a"),
        ("status=pending&account.id=2&match=any", "bc"),
        ("type=partial,internal", "cd"),
        ("order=name&direction=desc", "cba"),
        ("order=account.name", "abc"),
        ("order=plan.id&page=1", "abc"),
        ("page=2", ""),
    ],
)
def test_filters_of_zones(api: ApiClient, fresh_simulator: RunningSimulator, query: str, found: str) -> None:
    fresh_simulator.reset({"zones": ZONES_OF_TWO_ACCOUNTS})
    assert "".join(zone["name"][0] for zone in api.get(f"/zones?{query}").result) == found


def test_unknown_status_of_zones(api: ApiClient) -> None:
    assert api.get("/zones?status=deleted").error == (400, 0)


def test_regional_tiered_cache_needs_the_plan(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    path = "cache/regional_tiered_cache"
    assert api.get(f"/zones/{fresh_simulator.zone_id}/{path}").result["value"] == "on"
    assert api.call("PATCH", f"/zones/{fresh_simulator.zone_id}/{path}", {"value": "off"}).result["value"] == "off"
    assert api.get(f"/zones/{fresh_simulator.zone_id}/{path}").result["id"] == "tc_regional"
    for method, body in (("GET", None), ("PATCH", {"value": "on"})):
        assert api.call(method, f"/zones/{fresh_simulator.empty_zone_id}/{path}", body).error == (403, 1135)


def test_empty_zone(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    mappings = f"/zones/{fresh_simulator.empty_zone_id}/origin/cloud_regions"
    answer = api.get(mappings)
    assert answer.result == []
    assert answer.body["result_info"]["total_pages"] == 0
    assert api.get(f"{mappings}/192.0.2.1").error == (404, 1142)


def test_supported_regions_need_tiered_cache(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    vendors = api.get(f"{api.mappings}/supported_regions").result["vendors"]
    assert vendors["aws"][4] == {"name": "us-east-1", "upper_tier_colos": ["IAD", "EWR"]}
    empty = f"/zones/{fresh_simulator.empty_zone_id}"
    assert api.get(f"{empty}/origin/cloud_regions/supported_regions").status == 400
    api.call("PATCH", f"{empty}/argo/tiered_caching", {"value": "on"})
    assert api.get(f"{empty}/origin/cloud_regions/supported_regions").result["obtained_codes"] is True
    assert check_no_violations(fresh_simulator)


def test_settings(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    zone = f"/zones/{fresh_simulator.empty_zone_id}"
    tiered, smart = f"{zone}/argo/tiered_caching", f"{zone}/cache/tiered_cache_smart_topology_enable"
    assert api.get(tiered).result.items() >= {"value": "off", "editable": True, "modified_on": None}.items()
    assert api.get(smart).error == (404, 1142)
    for switch in (tiered, smart):
        assert api.call("PATCH", switch, {"value": "on"}).result["value"] == "on"
        assert api.get(switch).result["value"] == "on"
        assert api.get(switch).result["modified_on"]
        assert api.call("PATCH", switch, {"value": "maybe"}).error == (400, 0)


# Routes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/zones/00000000000000000000000000000000/origin/cloud_regions"),
        ("GET", "/zones/023e105f4ecef8ad9ca31a8372d0c353/cache/origin_cloud_regions"),
        ("GET", "/zones/023e105f4ecef8ad9ca31a8372d0c353/origin/cloud_regions/"),
        ("GET", "/zones/023e105f4ecef8ad9ca31a8372d0c353/origin/cloud_regions/batch"),
        ("POST", "/zones/023e105f4ecef8ad9ca31a8372d0c353/origin/cloud_regions"),
        ("GET", "/nothing"),
        ("GET", ""),
    ],
)
def test_unknown_route(api: ApiClient, fresh_simulator: RunningSimulator, method: str, path: str) -> None:
    assert api.call(method, path).error == (404, 7003)
    assert check_no_violations(fresh_simulator)


# Credentials


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, (401, 9106)),
        ({"X-Auth-Email": "simulator@example.com"}, (401, 9106)),
        ({"X-Auth-Key": "simulator-key"}, (401, 9106)),
        ({"Authorization": "Bearer nobody"}, (401, 10000)),
        ({"X-Auth-Email": "simulator@example.com", "X-Auth-Key": "nothing"}, (401, 10000)),
        ({"X-Auth-Email": "simulator@example.com", "X-Auth-Key": "simulator-token"}, (400, 6003)),
        ({"Authorization": "Bearer simulator-key"}, (400, 6003)),
        ({"Authorization": "simulator-token"}, (400, 6003)),
    ],
)
def test_invalid_credentials(
    api: ApiClient, fresh_simulator: RunningSimulator, headers: dict[str, str], error: tuple[int, int]
) -> None:
    assert api.get("/zones", headers=headers).error == error
    assert "simulator-" not in json.dumps(fresh_simulator.stats())


def test_email_and_key(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    headers = {"X-Auth-Email": fresh_simulator.email, "X-Auth-Key": fresh_simulator.key}
    assert len(api.get("/zones", headers=headers).result) == 2
    api.get("/zones")
    api.get("/zones", headers={**headers, **api.credentials})
    schemes = [entry["headers"]["authentication"] for entry in fresh_simulator.stats()["log"]]
    assert schemes == ["key", "token", "Authorization and X-Auth-Email and X-Auth-Key"]


def test_token_limited_to_a_zone(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    zones = [fresh_simulator.empty_zone_id]
    fresh_simulator.reset({"tokens": [{"token": fresh_simulator.token, "zones": zones, "list_zones": False}]})
    assert api.get("/zones?name=example.net").result == []
    assert api.get(f"/zones/{zones[0]}/origin/cloud_regions").result == []
    assert api.get(api.mappings).error == (403, 9109)
    fresh_simulator.reset({"tokens": [{"token": fresh_simulator.token, "zones": zones}]})
    assert [zone["id"] for zone in api.get("/zones").result] == zones


# Statistics, reset, concurrency


def test_one_connection_carries_many_requests(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    for _number in range(5):
        api.get("/zones", headers={**api.credentials, "User-Agent": "tests/1"})
    stats = fresh_simulator.stats()
    assert (stats["requests"], stats["connections"], stats["operations"]) == (5, 1, {"zones-list": 5})
    assert stats["log"][0] == {
        "method": "GET",
        "path": "/client/v4/zones",
        "query": {},
        "status": 200,
        "operation": "zones-list",
        "headers": {"user-agent": "tests/1", "authentication": "token"},
    }
    fresh_simulator.reset()
    assert fresh_simulator.stats()["requests"] == 0
    api.get("/zones")
    assert fresh_simulator.stats()["connections"] == 1


def test_concurrent_clients(fresh_simulator: RunningSimulator) -> None:
    """Two hundred writes over eight connections are all counted and applied."""

    def write(client: int) -> None:
        with ApiClient(fresh_simulator) as api:
            for number in range(2, 27):
                origin_ip = f"2001:db8:{client:x}::{number:x}"
                assert api.call("PUT", f"{api.mappings}/{origin_ip}", {"origin_ip": origin_ip, **AWS}).status == 200

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(1, 9)))
    stats = fresh_simulator.stats()
    assert (stats["requests"], stats["connections"], stats["contract_violations"]) == (200, 8, [])
    with ApiClient(fresh_simulator) as api:
        assert api.get(api.mappings).body["result_info"]["total_count"] == 206


def test_hanging_request_does_not_block_others(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="hang", operation="zones-list")
    with ApiClient(fresh_simulator) as hanging:
        hanging.send("GET", "/zones")
        assert api.get(api.mappings).status == 200


def test_reset_restores_the_seed(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    api.call("DELETE", f"{api.mappings}/192.0.2.1")
    fresh_simulator.fault(kind="html")
    fresh_simulator.reset()
    assert fresh_simulator.faults() == []
    assert api.get(f"{api.mappings}/192.0.2.1").status == 200


def test_reset_with_faults_and_report(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.reset({"faults": [{"kind": "html"}]})
    assert [fault["kind"] for fault in fresh_simulator.faults()] == ["html"]
    assert api.get("/zones").status == 502
    report = fresh_simulator.report()
    assert report.pop("zones") == fresh_simulator.zones()
    assert report == fresh_simulator.stats() and report["requests"] == 1


@pytest.mark.parametrize(
    "seed",
    [
        {"zones": [{"id": "0"}]},
        {"zones": [{"id": "0", "name": "n", "fill": 3501}]},
        {"zones": [{"id": "0", "name": "n", "tiered_cache": "perhaps"}]},
        {"zones": [{"id": "0", "name": "n", "mappings": [{"origin_ip": "x", "vendor": "aws", "region": "us-east-1"}]}]},
        {"tokens": 1},
    ],
)
def test_invalid_seed_changes_nothing(
    api: ApiClient, fresh_simulator: RunningSimulator, seed: dict[str, object]
) -> None:
    with pytest.raises(ControlError, match="wrong seed|a switch is"):
        fresh_simulator.reset(seed)
    assert len(api.get("/zones").result) == 2
