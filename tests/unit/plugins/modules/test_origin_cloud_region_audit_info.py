# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_region_audit_info, from its arguments to its output."""

from __future__ import annotations

import functools
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
    FakeClock,
    Wire,
    envelope,
    error_envelope,
    mapping,
    mappings,
    setting_envelope,
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
