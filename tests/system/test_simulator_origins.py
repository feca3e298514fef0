# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulator returns for the origins of a zone: DNS records, load balancers, pools, origin rules, custom hostnames."""

from __future__ import annotations

import typing as t

import pytest

from tests.simulator.api_client import ApiClient
from tests.simulator.seed import DEFAULT_SEED, create_state, read_seed
from tests.simulator.state import PERMISSIONS
from tests.simulator.testing import ROOT, ControlError, RunningSimulator

ZONE_ID = RunningSimulator.zone_id
RECORDS = f"/zones/{ZONE_ID}/dns_records"
POOLS = f"/accounts/{RunningSimulator.account_id}/load_balancers/pools"
RULES = f"/zones/{ZONE_ID}/rulesets/phases/http_request_origin/entrypoint"
HOSTNAMES = f"/zones/{ZONE_ID}/custom_hostnames"
FALLBACK = f"{HOSTNAMES}/fallback_origin"
PATHS = {
    "DNS Read": [RECORDS],
    "Load Balancers Read": [f"/zones/{ZONE_ID}/load_balancers"],
    "Load Balancing: Monitors and Pools Read": [POOLS],
    "Origin Read": [RULES],
    "SSL and Certificates Read": [HOSTNAMES, FALLBACK],
}
"""The paths that need each permission."""


def reset_zone(simulator: RunningSimulator, token: dict[str, t.Any] | None = None, **zone: t.Any) -> None:
    simulator.reset(
        {
            "tokens": [{"token": simulator.token, **(token or {})}],
            "zones": [{"id": ZONE_ID, "name": "example.com", **zone}],
        }
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "cabd"),
        ("proxied=true", "ca"),
        ("proxied=false", "bd"),
        ("type=A", "ca"),
        ("type=A&proxied=true&order=name", "ac"),
        ("type=a", ""),
        ("order=name&direction=desc", "dcba"),
        ("order=content", "acbd"),
        ("order=ttl", "abdc"),
        ("order=type&page=1", "cadb"),
        ("per_page=3&page=2", "d"),
        ("per_page=5000000", "cabd"),
    ],
)
def test_filters_of_records(api: ApiClient, fresh_simulator: RunningSimulator, query: str, found: str) -> None:
    records = [
        {"name": "c.example.com", "type": "A", "content": "192.0.2.2", "proxied": True, "ttl": 300},
        {"name": "a.example.com", "type": "A", "content": "192.0.2.1", "proxied": True},
        {"name": "b.example.com", "type": "TXT", "content": "text"},
        {"name": "d.example.com", "type": "CNAME", "content": "www.example.net"},
    ]
    reset_zone(fresh_simulator, dns_records=records)
    answer = api.get(f"{RECORDS}?{query}")
    assert "".join(record["name"][0] for record in answer.result) == found
    # Published as the number of all records, whichever are requested
    assert answer.body["result_info"]["total_count"] == 4


@pytest.mark.parametrize("query", ["proxied=1", "proxied=True", "per_page=0", "per_page=5000001", "order=id", "name=a"])
def test_invalid_query_of_records(api: ApiClient, query: str) -> None:
    assert api.get(f"{RECORDS}?{query}").error == (400, 0)


def test_zone_without_origins(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    reset_zone(fresh_simulator)
    for path in (RECORDS, f"/zones/{ZONE_ID}/load_balancers", HOSTNAMES):
        assert api.get(path).result == []
    assert api.get(RULES).error == (404, 10003)
    assert api.get(FALLBACK).error == (404, 1551)
    reset_zone(fresh_simulator, origin_rules=[])
    assert api.get(RULES).result == {"rules": []}


def test_items_are_those_of_the_seed(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    """An item without an id gets one, and a record without ``proxied`` is not proxied. Other fields are as in the seed."""
    balancer = {"id": "b", "name": "api.example.com", "rules": [{"overrides": {"pools": ["p"]}}], "ttl": 30}
    reset_zone(
        fresh_simulator,
        dns_records=[{"name": "example.com", "type": "A", "tags": ["a"], "comment": None}],
        load_balancers=[balancer],
        origin_rules=[{"action": "route"}],
        custom_hostnames=[{"hostname": "www.example.org"}],
        fallback_origin={"origin": "example.com"},
    )
    record = {"id": f"{1:032x}", "name": "example.com", "type": "A", "proxied": False, "tags": ["a"], "comment": None}
    assert api.get(RECORDS).result == [record]
    assert api.get(f"/zones/{ZONE_ID}/load_balancers").result == [balancer]
    assert api.get(RULES).result == {"rules": [{"id": f"{1:032x}", "action": "route"}]}
    assert api.get(HOSTNAMES).result == [{"hostname": "www.example.org"}]
    assert api.get(FALLBACK).result == {"origin": "example.com"}


def test_pages_of_custom_hostnames(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    hostnames = [{"hostname": f"{number:02}.example.org"} for number in range(60)]
    reset_zone(fresh_simulator, custom_hostnames=hostnames)
    assert api.get(HOSTNAMES).result == hostnames[:50]
    answer = api.get(f"{HOSTNAMES}?per_page=7&page=9")
    assert answer.result == hostnames[56:]
    assert answer.body["result_info"] == {
        "page": 9,
        "per_page": 7,
        "count": 4,
        "total_count": 60,
        "total_pages": 9,
    }
    assert api.get(f"{HOSTNAMES}?per_page=4").error == (400, 0)


def test_response_violates_the_contract(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    reset_zone(fresh_simulator, dns_records=[{"name": "example.com", "type": "A", "proxied": "yes"}])
    assert api.get(RECORDS).error == (500, 0)
    assert "own answer breaks the contract" in fresh_simulator.stats()["contract_violations"][0]["message"]


def test_pools_of_accounts(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    zones = [
        {"id": f"{number:032x}", "name": f"{number}.example", "account": {"id": account}}
        for number, account in enumerate(["1", "2", "3"])
    ]
    pools = [
        {"id": "a", "account_id": "1", "name": "a"},
        {"id": "b", "account_id": "2"},
        {"id": "c", "account_id": "1"},
    ]
    seed = {"zones": zones, "pools": pools, "tokens": [{"token": fresh_simulator.token, "zones": [f"{0:032x}"]}]}
    fresh_simulator.reset(seed)
    path = "/accounts/{}/load_balancers/pools"
    assert api.get(path.format(1)).result == [{"id": "a", "name": "a"}, {"id": "c"}]
    assert api.get(path.format(2)).error == (403, 9109)
    assert api.get(path.format(4)).error == (404, 7003)
    fresh_simulator.reset({**seed, "tokens": [{"token": fresh_simulator.token}]})
    assert [api.get(path.format(account)).result for account in (2, 3)] == [[{"id": "b"}], []]


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_missing_permission(api: ApiClient, fresh_simulator: RunningSimulator, permission: str) -> None:
    """Without one permission, the calls that need it are refused, and the others are not."""
    seed = read_seed(DEFAULT_SEED)
    others = [name for name in PERMISSIONS if name != permission]
    fresh_simulator.reset({**seed, "tokens": [{"token": fresh_simulator.token, "permissions": others}]})
    for name, paths in PATHS.items():
        for path in paths:
            answer = api.get(path)
            if name == permission:
                assert answer.error == (403, 10000)
            else:
                assert answer.status == 200
    assert api.get(f"/zones/{ZONE_ID}").status == 200
    assert api.get(api.mappings).status == 200


def test_no_permission_for_a_zone(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    reset_zone(fresh_simulator, {"permissions": []})
    assert {api.get(path).error for paths in PATHS.values() for path in paths} == {(403, 10000)}
    reset_zone(fresh_simulator, {"zones": []})
    assert {api.get(path).error for paths in PATHS.values() for path in paths} == {(403, 9109)}
    other = RECORDS.replace(ZONE_ID, fresh_simulator.empty_zone_id)
    assert api.get(other).error == (404, 7003)


@pytest.mark.parametrize(
    "seed",
    [
        {"tokens": [{"token": "a", "permissions": ["dns_records"]}]},
        {"zones": [{"id": ZONE_ID, "name": "example.com", "dns_records": [{"name": "example.com"}]}]},
        {"zones": [{"id": ZONE_ID, "name": "example.com", "load_balancers": ["api"]}]},
        {"zones": [{"id": "0"}]},
    ],
    ids=["permission", "record", "load balancer", "zone without a name"],
)
def test_invalid_seed(api: ApiClient, fresh_simulator: RunningSimulator, seed: dict[str, t.Any]) -> None:
    with pytest.raises(ControlError, match="wrong seed"):
        fresh_simulator.reset(seed)
    assert len(api.get(RECORDS).result) == 2


@pytest.mark.parametrize("count", [10, 5000, 50000])
def test_generated_records(count: int) -> None:
    zone = {"id": ZONE_ID, "name": "example.com", "fill": 3500, "fill_records": count}
    generated = create_state({"zones": [zone]}).zones[ZONE_ID]
    records = generated.dns_records
    assert len({record["id"] for record in records}) == len({record["name"] for record in records}) == count
    assert all(record["proxied"] for record in records)
    assert [(record["type"], record["content"]) for record in records[8:10]] == [
        ("AAAA", "2001:db8:f::9"),
        ("CNAME", "host-000009.example.com"),
    ]
    addresses = {record["content"] for record in records if record["type"] == "AAAA"}
    assert addresses <= generated.mappings.keys()


def test_zone_of_the_default_seed() -> None:
    """The practice seed has the origins of the default seed's zone without hints, and its pools."""
    default, practice = (
        create_state(read_seed(path)) for path in (DEFAULT_SEED, ROOT / "tests" / "simulator" / "practice.yml")
    )
    ours, theirs = (state.zones[RunningSimulator.empty_zone_id] for state in (practice, default))
    assert ours.dns_records == theirs.dns_records and len(ours.dns_records) > 10
    assert ours.load_balancers == theirs.load_balancers
    assert practice.pools == default.pools
    assert (ours.description["plan"]["legacy_id"], theirs.description["plan"]["legacy_id"]) == ("enterprise", "free")
    assert not ours.mappings
    assert practice.tokens["dns-only-token"].permissions == ("DNS Read",)
