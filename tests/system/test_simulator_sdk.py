# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cloudflare's own SDK reads and writes through the simulator: a second opinion on paths and shapes.

Version 5.9 has version 2 of the API as ``client.cache.origin_cloud_regions``, with two gaps: ``bulk_delete`` cannot
send the list of addresses that the contract requires as the body, and ``update`` names the address of the body
``body_origin_ip``. The first goes through the SDK's generic ``client.delete`` here.
"""

from __future__ import annotations

import typing as t

import pytest

from tests.simulator.seed import DEFAULT_SEED, read_seed
from tests.simulator.testing import RunningSimulator

cloudflare = pytest.importorskip("cloudflare")


@pytest.fixture
def client(fresh_simulator: RunningSimulator) -> t.Iterator[t.Any]:
    sdk = cloudflare.Cloudflare(base_url=fresh_simulator.url, api_token=fresh_simulator.token, max_retries=0)
    yield sdk
    sdk.close()
    assert fresh_simulator.stats()["contract_violations"] == []


def test_reads(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    zone_id = client.zones.list(name="example.com").result[0].id
    assert zone_id == fresh_simulator.zone_id
    regions = client.cache.origin_cloud_regions
    mapping = regions.get("2001:DB8::1", zone_id=zone_id)
    assert (mapping.origin_ip, mapping.vendor, mapping.region) == ("2001:db8::1", "gcp", "us-central1")
    assert mapping.modified_on.year == 2026
    assert regions.supported_regions(zone_id=zone_id).vendors["aws"][4].upper_tier_colos == ["IAD", "EWR"]
    # The SDK pages on until a page is empty.
    assert len(list(regions.list(zone_id=zone_id, per_page=4))) == 6
    assert fresh_simulator.stats()["operations"]["origin-cloud-regions-v2-list"] == 3


def test_writes(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    zone_id, regions = fresh_simulator.zone_id, client.cache.origin_cloud_regions
    written = regions.update("192.0.2.9", zone_id=zone_id, body_origin_ip="192.0.2.9", vendor="aws", region="eu-west-1")
    assert written.to_dict() == regions.get("192.0.2.9", zone_id=zone_id).to_dict()
    items = [{"origin_ip": f"192.0.2.{n}", "vendor": "gcp", "region": "asia-east1"} for n in (10, 11, 256)]
    batch = regions.bulk_update(zone_id=zone_id, body=items)
    assert [item.origin_ip for item in batch.succeeded] == ["192.0.2.10", "192.0.2.11"]
    assert [item.origin_ip for item in batch.failed] == ["192.0.2.256"]
    assert regions.delete("192.0.2.9", zone_id=zone_id).origin_ip == "192.0.2.9"
    deleted = client.delete(
        f"/zones/{zone_id}/origin/cloud_regions/batch", body=["192.0.2.10", "192.0.2.9"], cast_to=object
    )
    assert [item["origin_ip"] for item in deleted["result"]["succeeded"]] == ["192.0.2.10"]
    with pytest.raises(cloudflare.NotFoundError) as raised:
        regions.get("192.0.2.9", zone_id=zone_id)
    assert raised.value.errors[0].code == 1142


def test_settings(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    zone_id = fresh_simulator.empty_zone_id
    assert client.argo.tiered_caching.get(zone_id=zone_id).value == "off"
    assert client.argo.tiered_caching.edit(zone_id=zone_id, value="on").value == "on"
    assert client.cache.smart_tiered_cache.edit(zone_id=zone_id, value="on").value == "on"
    assert client.cache.smart_tiered_cache.get(zone_id=zone_id).value == "on"


def test_regional_tiered_cache(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    regional = client.cache.regional_tiered_cache
    assert regional.edit(zone_id=fresh_simulator.zone_id, value="on").value == "on"
    assert regional.get(zone_id=fresh_simulator.zone_id).value == "on"
    with pytest.raises(cloudflare.PermissionDeniedError) as raised:
        regional.get(zone_id=fresh_simulator.empty_zone_id)
    assert raised.value.errors[0].code == 1135


def test_zones_of_accounts(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.reset(
        {
            "zones": [
                {
                    "id": f"{number:032x}",
                    "name": f"zone-{number:03}.example",
                    "account": {"id": f"{number % 2:032x}", "name": f"Account {number % 2}"},
                    "plan": "business",
                }
                for number in range(230)
            ]
        }
    )
    # The SDK pages on until a page is empty.
    zones = list(client.zones.list(per_page=50, status="active", order="name"))
    assert [zone.name for zone in zones] == [f"zone-{number:03}.example" for number in range(230)]
    assert fresh_simulator.stats()["operations"]["zones-list"] == 6
    (second,) = (zone for zone in zones if zone.name == "zone-001.example")
    assert (second.account.name, second.type, second.plan.legacy_id) == ("Account 1", "full", "business")
    of_account = client.zones.list(per_page=50, account={"id": f"{0:032x}", "name": "ends_with:0"})
    assert of_account.result_info.total_count == 115
    named = client.zones.list(name="starts_with:ZONE-22", type=["full"]).result
    assert {zone.name for zone in named} == {f"zone-{number}.example" for number in range(220, 230)}


def test_origins_of_a_zone(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    zone_id = fresh_simulator.empty_zone_id
    (zone,) = (zone for zone in read_seed(DEFAULT_SEED)["zones"] if zone["id"] == zone_id)

    records = list(client.dns.records.list(zone_id=zone_id, per_page=5000))
    assert [(one.name, one.type, one.content) for one in records] == [
        (one["name"], one["type"], one["content"]) for one in zone["dns_records"]
    ]
    proxied = [one["name"] for one in zone["dns_records"] if one.get("proxied")]
    assert [one.name for one in client.dns.records.list(zone_id=zone_id, proxied=True)] == proxied
    assert [one.name for one in records if one.private_routing] == ["intranet.example.net"]

    pools = {pool.id: pool for pool in client.load_balancers.pools.list(account_id=fresh_simulator.account_id)}
    assert [pool.name for pool in pools.values()] == ["america", "europe"]
    (balancer,) = client.load_balancers.list(zone_id=zone_id)
    assert (balancer.name, balancer.enabled, balancer.proxied) == ("api.example.net", True, True)
    assert [pools[one].name for one in balancer.region_pools["WEU"]] == ["europe", "america"]
    origins = [origin for one in balancer.region_pools["WEU"] for origin in pools[one].origins]
    assert [(origin.address, origin.enabled, bool(origin.virtual_network_id)) for origin in origins] == [
        ("198.51.100.22", True, False),
        ("10.30.0.8", True, True),
        ("192.0.2.31", True, False),
        ("192.0.2.32", False, False),
    ]

    rules = client.rulesets.phases.get("http_request_origin", zone_id=zone_id).rules
    assert [rule.to_dict()["action_parameters"]["origin"]["host"] for rule in rules if rule.enabled] == [
        "video.example.net"
    ]
    hostnames = client.custom_hostnames.list(zone_id=zone_id, per_page=5)
    assert [(one.hostname, one.custom_origin_server) for one in hostnames] == [
        ("www.customer-a.example", "customer-a.example.net"),
        ("www.customer-b.example", None),
    ]
    assert client.custom_hostnames.fallback_origin.get(zone_id=zone_id).origin == "customers.example.net"


def test_zone_without_origins(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.reset({"zones": [{"id": fresh_simulator.zone_id, "name": "example.com"}]})
    with pytest.raises(cloudflare.NotFoundError) as raised:
        client.rulesets.phases.get("http_request_origin", zone_id=fresh_simulator.zone_id)
    assert raised.value.errors[0].code == 10003
    assert list(client.dns.records.list(zone_id=fresh_simulator.zone_id)) == []


def test_records_on_many_pages(client: t.Any, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.reset({"zones": [{"id": fresh_simulator.zone_id, "name": "example.com", "fill_records": 230}]})
    records = list(client.dns.records.list(zone_id=fresh_simulator.zone_id, per_page=50))
    assert [one.name for one in records] == [f"host-{number:06}.example.com" for number in range(1, 231)]


def test_email_and_key(fresh_simulator: RunningSimulator) -> None:
    with cloudflare.Cloudflare(
        base_url=fresh_simulator.url, api_email=fresh_simulator.email, api_key=fresh_simulator.key
    ) as client:
        assert len(client.zones.list().result) == 2
    assert fresh_simulator.stats()["log"][0]["headers"]["authentication"] == "key"
