# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module supported_cloud_region_info, from its arguments to its output."""

from __future__ import annotations

import types
import typing as t

import pytest
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import supported_cloud_region_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    SUPPORTED_REGIONS,
    TIERED_CACHE_PATH,
    TOKEN,
    ZONE_ID,
    Wire,
    envelope,
    error_envelope,
    setting_envelope,
)

RunModule = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def module_under_test() -> types.ModuleType:
    return supported_cloud_region_info


@pytest.mark.parametrize("check", [False, True])
def test_all_vendors(run: RunModule, wire: Wire, check: bool) -> None:
    wire.supported()
    assert run(_ansible_check_mode=check) == {**SUPPORTED_REGIONS, "zone_id": ZONE_ID}


@pytest.mark.parametrize("codes", [True, False])
def test_obtained_codes(run: RunModule, wire: Wire, codes: bool) -> None:
    wire.supported(envelope({**SUPPORTED_REGIONS, "obtained_codes": codes}))
    assert run()["obtained_codes"] is codes


@pytest.mark.parametrize(("vendor", "count"), [("aws", 2), ("azure", 1), ("oci", 0)])
def test_one_vendor(run: RunModule, wire: Wire, vendor: str, count: int) -> None:
    wire.supported()
    result = run(vendor=vendor)
    assert result["vendors"] == {vendor: SUPPORTED_REGIONS["vendors"].get(vendor, [])}
    assert len(result["vendors"][vendor]) == count
    assert len(wire.requests) == 1


def test_order_of_the_api_is_kept(run: RunModule, wire: Wire) -> None:
    regions = [{"name": name, "upper_tier_colos": colos} for name, colos in (("b", ["Z", "A"]), ("a", []))]
    wire.supported(envelope({"vendors": {"gcp": regions}, "obtained_codes": True}))
    assert run()["vendors"] == {"gcp": regions}


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("ever_set", [True, False])
def test_tiered_cache_off_suggests_the_module(run: RunModule, wire: Wire, status: int, ever_set: bool) -> None:
    wire.supported(error_envelope(4711), status=status)
    if ever_set:
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
    else:
        wire.get(TIERED_CACHE_PATH, error_envelope(1142), status=404)
    result = run()
    assert "edgecache.cloudflare.tiered_cache " in result["msg"]
    assert result["msg"].startswith("Tiered Cache is off for this zone")
    assert (result["failure"]["status"], result["failure"]["code"]) == (status, 4711)
    assert len(wire.requests) == 2


def test_unknown_zone_does_not_blame_tiered_cache(run: RunModule, wire: Wire) -> None:
    wire.supported(error_envelope(7003), status=404)
    wire.get(TIERED_CACHE_PATH, error_envelope(7003), status=404)
    assert "check zone_id" in run()["msg"]


def test_wrong_credential_does_not_blame_tiered_cache(run: RunModule, wire: Wire) -> None:
    wire.supported(error_envelope(10000), status=403)
    wire.get(TIERED_CACHE_PATH, error_envelope(10000), status=403)
    result = run()
    assert "check api_token" in result["msg"]
    assert "Tiered Cache" not in result["msg"]


@pytest.mark.parametrize("vendor", ["AWS", "aw", ""])
def test_unknown_vendor_before_any_request(run: RunModule, wire: Wire, vendor: str) -> None:
    assert "vendor" in run(vendor=vendor)["msg"]


def test_secrets_are_hidden(run: RunModule, wire: Wire) -> None:
    wire.supported(error_envelope(4711, message=f"Bearer {TOKEN} may not"), status=400)
    wire.get(TIERED_CACHE_PATH, setting_envelope(False))
    assert "Bearer ******** may not" in run()["msg"]


def test_result_is_as_documented(run: RunModule, wire: Wire) -> None:
    documented = yaml.safe_load(supported_cloud_region_info.RETURN)
    of_failure = documented.pop("failure")
    wire.supported()
    result = run()
    assert set(result) == set(documented)
    (sample,) = (regions[0] for regions in documented["vendors"]["sample"].values())
    assert list(result["vendors"]["aws"][0]) == list(sample)
    wire.supported(error_envelope(971), status=429)
    result = run(max_wait=0)
    assert set(result) == {"failed", "msg", "failure"}
    assert list(of_failure["contains"]) == list(result["failure"])
