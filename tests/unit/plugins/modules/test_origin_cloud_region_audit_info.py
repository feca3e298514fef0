# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_region_audit_info, from its arguments to its output."""

from __future__ import annotations

import functools
import socket
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_region_audit_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins import range_files
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    TIERED_CACHE_PATH,
    TOKEN,
    ZONE_ID,
    ZONE_NAME,
    FakeClock,
    Wire,
    dns_record,
    envelope,
    error_envelope,
    load_balancer,
    mapping,
    mappings,
    pool,
    setting_envelope,
    zone_item,
)

RunModule = t.Callable[..., dict[str, t.Any]]

EMPTY_RESULT: dict[str, t.Any] = {
    **{name: [] for name in ("right", "wrong", "ambiguous", "unknown", "unsupported")},
    "zone_id": ZONE_ID,
}
RIGHT_MAPPING = mapping("192.0.2.1")
WRONG_REGION = mapping("192.0.2.200")
WRONG_VENDOR = mapping("2001:db8::6", "aws", "us-east-1")
AMBIGUOUS = mapping("198.51.100.1", "gcp", "us-central1")
UNKNOWN = mapping("203.0.113.1", "azure", "eastus")


@pytest.fixture
def module_under_test() -> types.ModuleType:
    return origin_cloud_region_audit_info


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    one, other = tmp_path / "aws.json", tmp_path / "gcp.json"
    one.write_bytes(
        range_files.aws(
            ("192.0.2.0/24", "us-east-1"),
            ("192.0.2.128/25", "eu-west-1"),
            ("198.51.100.0/24", "us-east-1"),
            ("203.0.113.0/24", "GLOBAL"),
        )
    )
    other.write_bytes(range_files.gcp(("2001:db8::/32", "us-central1"), ("198.51.100.0/24", "us-central1")))
    return [str(one), str(other)]


@pytest.fixture
def audit(run: RunModule, sources: list[str]) -> RunModule:
    return functools.partial(run, sources=sources)


def test_each_verdict(audit: RunModule, wire: Wire, sources: list[str]) -> None:
    wire.supported()
    wire.zone([RIGHT_MAPPING, WRONG_REGION, WRONG_VENDOR, AMBIGUOUS, UNKNOWN])
    aws, gcp = sources
    of_aws, of_gcp = {"prefix": "198.51.100.0/24", "source": aws}, {"prefix": "198.51.100.0/24", "source": gcp}
    assert audit() == {
        **EMPTY_RESULT,
        "right": [{**RIGHT_MAPPING, "prefix": "192.0.2.0/24", "source": aws}],
        "wrong": [
            {
                **WRONG_REGION,
                "expected": {
                    "origin_ip": WRONG_REGION["origin_ip"],
                    "vendor": "aws",
                    "region": "eu-west-1",
                    "prefix": "192.0.2.128/25",
                    "source": aws,
                },
                "supported": False,
            },
            {
                **WRONG_VENDOR,
                "expected": {
                    "origin_ip": WRONG_VENDOR["origin_ip"],
                    "vendor": "gcp",
                    "region": "us-central1",
                    "prefix": "2001:db8::/32",
                    "source": gcp,
                },
                "supported": True,
            },
        ],
        "ambiguous": [
            {
                **AMBIGUOUS,
                "candidates": [
                    {"vendor": "aws", "region": "us-east-1", **of_aws},
                    {"vendor": "gcp", "region": "us-central1", **of_gcp},
                ],
            }
        ],
        "unknown": [UNKNOWN],
    }
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    ("vendor", "region"), [("aws", "us-gone-1"), ("oracle", "us-ashburn-1"), ("gcp", "us-east-1"), ("AWS", "us-east-1")]
)
def test_unsupported(audit: RunModule, wire: Wire, vendor: str, region: str) -> None:
    gone = mapping("192.0.2.1", vendor, region)
    wire.supported()
    wire.zone([gone, WRONG_REGION])
    result = audit()
    assert result["unsupported"] == [gone]
    assert [one["origin_ip"] for one in result["wrong"]] == ["192.0.2.1", WRONG_REGION["origin_ip"]]


def test_no_region_is_supported(audit: RunModule, wire: Wire) -> None:
    wire.supported(envelope({"obtained_codes": True, "vendors": {}}))
    wire.zone([RIGHT_MAPPING])
    assert audit()["unsupported"] == [RIGHT_MAPPING]


def test_unsupported_region_that_is_right(audit: RunModule, wire: Wire) -> None:
    gone = mapping("192.0.2.200", "aws", "eu-west-1")
    wire.supported(
        envelope({"obtained_codes": True, "vendors": {"aws": [{"name": "us-east-1", "upper_tier_colos": []}]}})
    )
    wire.zone([gone])
    result = audit()
    assert result["unsupported"] == [gone]
    assert len(result["right"]) == 1


def test_supported_regions_cannot_be_read(audit: RunModule, wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1", "aws", "us-gone-1")])
    result = audit(validate_regions=False)
    assert result["unsupported"] == []
    assert [one["supported"] for one in result["wrong"]] == [None]


def test_empty_zone(audit: RunModule, wire: Wire) -> None:
    wire.supported()
    wire.zone([])
    assert audit() == EMPTY_RESULT


def test_3400_mappings_cost_35_requests(audit: RunModule, wire: Wire) -> None:
    zone = mappings(3_400)
    wire.supported()
    wire.zone(zone)
    result = audit()
    assert sum(len(result[name]) for name in ("right", "wrong", "ambiguous", "unknown")) == 3_400
    assert len(wire.requests) == 35


def test_tiered_cache_is_off(audit: RunModule, wire: Wire) -> None:
    wire.supported(error_envelope(4711), status=400)
    wire.get(TIERED_CACHE_PATH, setting_envelope(False))
    assert "or set validate_regions to false" in audit()["msg"]


def test_files_are_read_first(run: RunModule, wire: Wire) -> None:
    result = run(sources=["/nowhere"])
    assert "/nowhere: cannot be read" in result["msg"]
    assert result["failure"]["status"] is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"zone_id": "nonsense"}, "is not a valid zone id"),
        ({"api_url": "nonsense"}, "api_url"),
        ({"zone": "x.example"}, "Specify exactly one of zone_id"),
    ],
    ids=str,
)
def test_options_are_checked_first(run: RunModule, options: dict[str, t.Any], message: str) -> None:
    assert message in run(sources=["/nowhere"], **options)["msg"]


def test_max_wait_is_for_the_files_and_the_zone_together(run: RunModule, wire: Wire, clock: FakeClock) -> None:
    url = "https://files.example.com/aws.json"
    wire.file(url, "", status=429, headers={"Retry-After": "3"})
    wire.file(url, range_files.aws(("192.0.2.0/24", "us-east-1")))
    wire.page(1, "", status=429, headers={"Retry-After": "3"})
    assert "max_wait" in run(sources=[url], max_wait=4, validate_regions=False)["msg"]
    assert clock.pauses == [3.0]


def test_no_credential(run_bare: RunModule, sources: list[str]) -> None:
    assert run_bare(zone_id=ZONE_ID, sources=sources)["msg"].startswith("No credential is set.")


def test_zone_by_name_costs_1_more_request(run_bare: RunModule, wire: Wire, sources: list[str]) -> None:
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": "example.com"}]), query={"name": "example.com"})
    wire.zone([])
    assert run_bare(api_token=TOKEN, zone="example.com", sources=sources, validate_regions=False) == EMPTY_RESULT


@pytest.mark.parametrize("check", [True, False])
def test_check_mode(audit: RunModule, wire: Wire, check: bool) -> None:
    wire.supported()
    wire.zone([RIGHT_MAPPING])
    assert len(audit(_ansible_check_mode=check)["right"]) == 1


ORIGINS: dict[str, t.Any] = {
    "zone": zone_item(id=ZONE_ID, name=ZONE_NAME),
    "dns_records": [
        dns_record("www.example.com", "192.0.2.1"),
        dns_record("www.example.com", "192.0.2.2"),
        dns_record("api.example.com", "app.example.com"),
        dns_record("app.example.com", "192.0.2.200", proxied=False),
        dns_record("both.example.com", "198.51.100.2"),
        dns_record("own.example.com", "203.0.113.9"),
        dns_record("home.example.com", "10.0.0.1"),
        dns_record("tunnel.example.com", "203.0.113.1", private_routing=True),
    ],
    "load_balancers": [],
    "origin_rules": {"rules": []},
    "custom_hostnames": [],
}
NO_ORIGINS: dict[str, t.Any] = {
    "missing": [],
    "unused": [],
    "origins_complete": True,
    "hostnames": [],
    "left_out": [],
    "unavailable": [],
}
OUTSIDE = dns_record("cdn.example.com", "origin.example.org")
OF_CDN = {"kind": "dns_record", "name": "cdn.example.com", "pool": None, "hostname": "origin.example.org"}
ORIGIN_RESULTS = [*NO_ORIGINS]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of every name outside the zone."""
    addresses: list[str] = []

    def getaddrinfo(host: bytes, *args: object, **settings: object) -> list[t.Any]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return addresses


def addresses_of(items: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    return [item["origin_ip"] for item in items]


def origin_results(result: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: result[name] for name in ORIGIN_RESULTS}


def test_missing_and_unused(audit: RunModule, wire: Wire, sources: list[str]) -> None:
    wire.supported()
    wire.zone([RIGHT_MAPPING, AMBIGUOUS, UNKNOWN])
    wire.zone_sources(**ORIGINS)
    result = audit(origins=True)
    of_www = {"kind": "dns_record", "name": "www.example.com", "pool": None, "hostname": None}
    of_api = {"kind": "dns_record", "name": "api.example.com", "pool": None, "hostname": "app.example.com"}
    of_app = {"vendor": "aws", "source": sources[0]}
    assert origin_results(result) == {
        **NO_ORIGINS,
        "missing": [
            {
                "origin_ip": "192.0.2.2",
                "used_by": [of_www],
                "expected": {"origin_ip": "192.0.2.2", "region": "us-east-1", "prefix": "192.0.2.0/24", **of_app},
                "supported": True,
            },
            {
                "origin_ip": "192.0.2.200",
                "used_by": [of_api],
                "expected": {"origin_ip": "192.0.2.200", "region": "eu-west-1", "prefix": "192.0.2.128/25", **of_app},
                "supported": False,
            },
        ],
        "left_out": [
            {"value": address, "reason": reason, "used_by": [{**of_www, "name": name}]}
            for address, reason, name in (
                ("10.0.0.1", "private", "home.example.com"),
                ("203.0.113.1", "private_routing", "tunnel.example.com"),
            )
        ],
        "unused": [AMBIGUOUS],  # a private network has the address of UNKNOWN
    }
    assert addresses_of(result["right"]) == ["192.0.2.1"]
    assert len(wire.requests) == 7


def test_wrong_hint_is_not_missing(audit: RunModule, wire: Wire) -> None:
    wire.zone([WRONG_REGION])
    wire.zone_sources(**{**ORIGINS, "dns_records": [dns_record("www.example.com", "192.0.2.200")]})
    result = audit(origins=True, validate_regions=False)
    assert origin_results(result) == NO_ORIGINS
    assert len(result["wrong"]) == 1


def test_missing_without_supported_regions(audit: RunModule, wire: Wire) -> None:
    wire.zone([])
    wire.zone_sources(**ORIGINS)
    assert [item["supported"] for item in audit(origins=True, validate_regions=False)["missing"]] == [None] * 3


def test_origins_are_not_read_by_default(audit: RunModule, wire: Wire) -> None:
    wire.zone([])
    assert not audit(validate_regions=False).keys() & set(ORIGIN_RESULTS)
    assert len(wire.requests) == 1


@pytest.mark.parametrize("refused", ["origin_rules", "custom_hostnames", "dns_records"])
def test_unused_is_unknown_if_a_list_is_unavailable(audit: RunModule, wire: Wire, refused: str) -> None:
    wire.zone([RIGHT_MAPPING])
    more = ["fallback_origin"] if refused == "custom_hostnames" else []
    wire.zone_sources([refused, *more], **{name: ORIGINS[name] for name in ORIGINS if name != refused})
    result = audit(origins=True, validate_regions=False)
    assert result["unused"] is None
    assert result["origins_complete"] is False
    assert [item["include"] for item in result["unavailable"]] == [refused]
    assert result["unavailable"][0]["failure"]["status"] == 403
    assert addresses_of(result["missing"]) == ([] if refused == "dns_records" else ["192.0.2.2", "192.0.2.200"])


def test_unused_is_unknown_if_a_pool_is_unknown(audit: RunModule, wire: Wire) -> None:
    wire.zone([RIGHT_MAPPING])
    balancers = [load_balancer("lb.example.com", "p1", "p2")]
    wire.zone_sources(**{**ORIGINS, "load_balancers": balancers, "pools": [pool("p1", "192.0.2.1")]})
    result = audit(origins=True, validate_regions=False)
    assert (result["unused"], result["origins_complete"], result["unavailable"]) == (None, False, [])
    assert {"p2": "unknown_pool"}.items() <= {item["value"]: item["reason"] for item in result["left_out"]}.items()


def test_unused_needs_resolve_for_names_outside_the_zone(audit: RunModule, wire: Wire) -> None:
    wire.zone([UNKNOWN])
    wire.zone_sources(**{**ORIGINS, "dns_records": [OUTSIDE]})
    assert origin_results(audit(origins=True, validate_regions=False)) == {
        **NO_ORIGINS,
        "unused": None,
        "origins_complete": False,
        "hostnames": [{"hostname": "origin.example.org", "used_by": [OF_CDN], "addresses": [], "error": None}],
    }


def test_resolve(audit: RunModule, wire: Wire, resolver: list[str]) -> None:
    resolver += ["192.0.2.1", "192.0.2.7"]
    wire.zone([RIGHT_MAPPING, UNKNOWN])
    wire.zone_sources(**{**ORIGINS, "dns_records": [OUTSIDE]})
    result = audit(origins=True, resolve=True, validate_regions=False)
    assert addresses_of(result["missing"]) == ["192.0.2.7"]
    assert result["missing"][0]["used_by"] == [OF_CDN]
    assert result["unused"] == [UNKNOWN]
    assert result["hostnames"][0]["addresses"] == ["192.0.2.1", "192.0.2.7"]


def test_name_that_cannot_be_resolved(audit: RunModule, wire: Wire, resolver: list[str]) -> None:
    wire.zone([UNKNOWN])
    wire.zone_sources(**{**ORIGINS, "dns_records": [OUTSIDE]})
    result = audit(origins=True, resolve=True, validate_regions=False)
    assert result["unused"] is None
    assert "Name or service not known" in result["hostnames"][0]["error"]


def test_resolve_without_origins(audit: RunModule, wire: Wire) -> None:
    assert audit(resolve=True)["msg"] == "resolve can only be used with origins=true."


def test_no_list_of_origins_can_be_read(audit: RunModule, wire: Wire) -> None:
    wire.zone([RIGHT_MAPPING])
    lists = ["dns_records", "load_balancers", "origin_rules", "custom_hostnames"]
    wire.zone_sources(lists, zone=ORIGINS["zone"])
    assert audit(origins=True, validate_regions=False)["failure"]["status"] == 403


def test_zone_by_name_is_not_read_again(run_bare: RunModule, wire: Wire, sources: list[str]) -> None:
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": ZONE_NAME}]), query={"name": ZONE_NAME})
    wire.zone([])
    wire.zone_sources(**ORIGINS)
    given = {"api_token": TOKEN, "zone": ZONE_NAME, "sources": sources, "validate_regions": False}
    assert run_bare(**given, origins=True)["unused"] == []
    assert len(wire.requests) == 7
