# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_region_audit_info, from its arguments to what it prints."""

from __future__ import annotations

import functools
import types
import typing as t
from pathlib import Path

import pytest
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_region_audit_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins import ranges
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    STATE,
    TOKEN,
    ZONE_ID,
    Clock,
    Wire,
    envelope,
    failed,
    mapping,
    mappings,
    switch,
)

Run = t.Callable[..., dict[str, t.Any]]

NOTHING: dict[str, t.Any] = {
    **{name: [] for name in ("right", "wrong", "ambiguous", "unknown", "unsupported")},
    "zone_id": ZONE_ID,
}
RIGHT = mapping("192.0.2.1")
MOVED = mapping("192.0.2.200")
OTHER_VENDOR = mapping("2001:db8::6", "aws", "us-east-1")
SHARED = mapping("198.51.100.1", "gcp", "us-central1")
NOWHERE = mapping("203.0.113.1", "azure", "eastus")


@pytest.fixture
def script() -> types.ModuleType:
    return origin_cloud_region_audit_info


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    one, other = tmp_path / "aws.json", tmp_path / "gcp.json"
    one.write_bytes(
        ranges.aws(
            ("192.0.2.0/24", "us-east-1"),
            ("192.0.2.128/25", "eu-west-1"),
            ("198.51.100.0/24", "us-east-1"),
            ("203.0.113.0/24", "GLOBAL"),
        )
    )
    other.write_bytes(ranges.gcp(("2001:db8::/32", "us-central1"), ("198.51.100.0/24", "us-central1")))
    return [str(one), str(other)]


@pytest.fixture
def audit(run: Run, sources: list[str]) -> Run:
    return functools.partial(run, sources=sources)


def test_each_kind(audit: Run, wire: Wire, sources: list[str]) -> None:
    wire.supported()
    wire.zone([RIGHT, MOVED, OTHER_VENDOR, SHARED, NOWHERE])
    aws, gcp = sources
    of_aws, of_gcp = {"prefix": "198.51.100.0/24", "source": aws}, {"prefix": "198.51.100.0/24", "source": gcp}
    assert audit() == {
        **NOTHING,
        "right": [{**RIGHT, "prefix": "192.0.2.0/24", "source": aws}],
        "wrong": [
            {
                **MOVED,
                "expected": {
                    "origin_ip": MOVED["origin_ip"],
                    "vendor": "aws",
                    "region": "eu-west-1",
                    "prefix": "192.0.2.128/25",
                    "source": aws,
                },
                "supported": False,
            },
            {
                **OTHER_VENDOR,
                "expected": {
                    "origin_ip": OTHER_VENDOR["origin_ip"],
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
                **SHARED,
                "candidates": [
                    {"vendor": "aws", "region": "us-east-1", **of_aws},
                    {"vendor": "gcp", "region": "us-central1", **of_gcp},
                ],
            }
        ],
        "unknown": [NOWHERE],
    }
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    ("vendor", "region"), [("aws", "us-gone-1"), ("oracle", "us-ashburn-1"), ("gcp", "us-east-1"), ("AWS", "us-east-1")]
)
def test_unsupported(audit: Run, wire: Wire, vendor: str, region: str) -> None:
    gone = mapping("192.0.2.1", vendor, region)
    wire.supported()
    wire.zone([gone, MOVED])
    result = audit()
    assert result["unsupported"] == [gone]
    assert [one["origin_ip"] for one in result["wrong"]] == ["192.0.2.1", MOVED["origin_ip"]]


def test_nothing_is_supported(audit: Run, wire: Wire) -> None:
    wire.supported(envelope({"obtained_codes": True, "vendors": {}}))
    wire.zone([RIGHT])
    assert audit()["unsupported"] == [RIGHT]


def test_unsupported_and_right(audit: Run, wire: Wire) -> None:
    gone = mapping("192.0.2.200", "aws", "eu-west-1")
    wire.supported(
        envelope({"obtained_codes": True, "vendors": {"aws": [{"name": "us-east-1", "upper_tier_colos": []}]}})
    )
    wire.zone([gone])
    result = audit()
    assert result["unsupported"] == [gone]
    assert len(result["right"]) == 1


def test_without_the_supported_regions(audit: Run, wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1", "aws", "us-gone-1")])
    result = audit(validate_regions=False)
    assert result["unsupported"] == []
    assert [one["supported"] for one in result["wrong"]] == [None]


def test_empty_zone(audit: Run, wire: Wire) -> None:
    wire.supported()
    wire.zone([])
    assert audit() == NOTHING


def test_3400_mappings_are_35_requests(audit: Run, wire: Wire) -> None:
    zone = mappings(3_400)
    wire.supported()
    wire.zone(zone)
    result = audit()
    assert sum(len(result[name]) for name in ("right", "wrong", "ambiguous", "unknown")) == 3_400
    assert len(wire.requests) == 35


def test_tiered_cache_is_off(audit: Run, wire: Wire) -> None:
    wire.supported(failed(4711), status=400)
    wire.get(STATE, switch(False))
    assert "or set validate_regions to false" in audit()["msg"]


def test_files_are_read_first(run: Run, wire: Wire) -> None:
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
def test_options_are_checked_first(run: Run, options: dict[str, t.Any], message: str) -> None:
    assert message in run(sources=["/nowhere"], **options)["msg"]


def test_max_wait_is_for_the_files_and_the_zone_together(run: Run, wire: Wire, clock: Clock) -> None:
    url = "https://files.example.com/aws.json"
    wire.file(url, "", status=429, headers={"Retry-After": "3"})
    wire.file(url, ranges.aws(("192.0.2.0/24", "us-east-1")))
    wire.page(1, "", status=429, headers={"Retry-After": "3"})
    assert "max_wait" in run(sources=[url], max_wait=4, validate_regions=False)["msg"]
    assert clock.pauses == [3.0]


def test_no_credential(run_bare: Run, sources: list[str]) -> None:
    assert run_bare(zone_id=ZONE_ID, sources=sources)["msg"].startswith("No credential is set.")


def test_zone_by_name_costs_one_more(run_bare: Run, wire: Wire, sources: list[str]) -> None:
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": "example.com"}]), query={"name": "example.com"})
    wire.zone([])
    assert run_bare(api_token=TOKEN, zone="example.com", sources=sources, validate_regions=False) == NOTHING


@pytest.mark.parametrize("check", [True, False])
def test_check_mode(audit: Run, wire: Wire, check: bool) -> None:
    wire.supported()
    wire.zone([RIGHT])
    assert len(audit(_ansible_check_mode=check)["right"]) == 1
