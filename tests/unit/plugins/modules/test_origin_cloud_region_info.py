# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_region_info, from its arguments to its output."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_region_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    KEY,
    MAPPINGS_PATH,
    MODIFIED_ON,
    TOKEN,
    ZONE_ID,
    FakeClock,
    FakeZone,
    Wire,
    envelope,
    error_envelope,
    mapping,
    mappings,
    page,
)

RunModule = t.Callable[..., dict[str, t.Any]]


def test_one_mapping(run: RunModule, wire: Wire) -> None:
    wire.mapping("2001:db8::1")
    assert run(origin_ip="2001:DB8:0:0::1") == {
        "origin_cloud_regions": [
            {"origin_ip": "2001:db8::1", "vendor": "aws", "region": "us-east-1", "modified_on": MODIFIED_ON}
        ],
        "missing": [],
        "canonical": {"2001:DB8:0:0::1": "2001:db8::1"},
        "zone_id": ZONE_ID,
    }


def test_one_without_a_mapping(run: RunModule, wire: Wire) -> None:
    wire.no_mapping("2001:db8::1")
    result = run(origin_ip="2001:DB8:0:0::1")
    assert (result["origin_cloud_regions"], result["missing"]) == ([], ["2001:db8::1"])


def test_zone_without_mappings(run: RunModule, wire: Wire) -> None:
    wire.zone([])
    wire.zone([])
    assert run()["origin_cloud_regions"] == []
    assert run(origin_ip=["192.0.2.1", "2001:db8::1"])["missing"] == ["192.0.2.1", "2001:db8::1"]


def test_several_keep_the_given_order(run: RunModule, wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2", "gcp", "us-central1"), mapping("2001:db8::1")])
    requested = ["2001:db8:0::1", "192.0.2.9", "192.0.2.1", "2001:DB8::1", "192.0.2.1", "192.0.2.8"]
    result = run(origin_ip=requested)
    assert [item["origin_ip"] for item in result["origin_cloud_regions"]] == ["2001:db8::1", "192.0.2.1"]
    assert result["missing"] == ["192.0.2.9", "192.0.2.8"]
    assert result["canonical"] == {
        "2001:db8:0::1": "2001:db8::1",
        "192.0.2.9": "192.0.2.9",
        "192.0.2.1": "192.0.2.1",
        "2001:DB8::1": "2001:db8::1",
        "192.0.2.8": "192.0.2.8",
    }


@pytest.mark.parametrize("origin_ip", ["192.0.2.1,192.0.2.2", ["192.0.2.1", "192.0.2.2"]])
def test_text_with_commas_is_a_list(run: RunModule, wire: Wire, origin_ip: str | list[str]) -> None:
    wire.zone([mapping("192.0.2.1")])
    assert run(origin_ip=origin_ip)["missing"] == ["192.0.2.2"]


@pytest.mark.parametrize("options", [{}, {"origin_ip": None}, {"_ansible_check_mode": True}])
def test_all_mappings(run: RunModule, wire: Wire, options: dict[str, t.Any]) -> None:
    wire.zone(mappings(250))
    result = run(**options)
    assert result["origin_cloud_regions"] == mappings(250)
    assert (result["missing"], result["canonical"]) == ([], {})


def test_empty_list_costs_no_request(run: RunModule, wire: Wire) -> None:
    result = run(origin_ip=[])
    assert (result["origin_cloud_regions"], result["missing"], result["canonical"]) == ([], [], {})
    assert wire.requests == []


@pytest.mark.parametrize(
    "origin_ip", ["", "010.0.0.1", "10", 10, ["192.0.2.1", "192.0.2.0/24"], [["192.0.2.1"]]], ids=str
)
def test_invalid_address_before_any_request(run_bare: RunModule, wire: Wire, origin_ip: t.Any) -> None:
    result = run_bare(api_token=TOKEN, zone="example.com", origin_ip=origin_ip)
    assert "origin_ip" in result["msg"]
    assert result["failure"]["status"] is None
    assert wire.requests == []


def test_failure(run: RunModule, wire: Wire) -> None:
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(7003, 7000, message="No route"), status=404)
    errors = [{"code": 7003, "message": "No route"}, {"code": 7000, "message": "No route"}]
    assert run(origin_ip="192.0.2.1") == {
        "failed": True,
        "msg": "The zone does not exist, or the credential has no access to it: check zone_id (HTTP 404: code 7003, No route)",
        "failure": {"status": 404, "code": 7003, "message": "No route", "errors": errors},
    }


def test_failure_without_an_answer(run: RunModule, wire: Wire) -> None:
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", requests.ConnectionError(f"refused {TOKEN}"))
    result = run(origin_ip="192.0.2.1", max_wait=0)
    assert result["msg"].startswith(
        "No answer from https://api.cloudflare.com/client/v4: refused ********; the next attempt needs"
    )
    assert result["failure"] == {"status": None, "code": None, "message": result["msg"], "errors": []}


def test_each_wait_is_a_warning(run: RunModule, wire: Wire, clock: FakeClock) -> None:
    for dummy in range(2):
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(971), status=429, headers={"Retry-After": "60"})
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", requests.ConnectionError("reset"))
    wire.mapping("192.0.2.1")
    result = run(origin_ip="192.0.2.1")
    assert len(result["warnings"]) == 3
    assert all("60.0 seconds" in warning and "HTTP 429" in warning for warning in result["warnings"][:2])
    assert "4.0 seconds" in result["warnings"][2] and "reset" in result["warnings"][2]
    assert clock.pauses == [60.0, 60.0, 4.0]


def test_waits_before_a_failure_are_warnings(run: RunModule, wire: Wire) -> None:
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", "", status=429, headers={"Retry-After": "60"})
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(10000), status=403)
    result = run(origin_ip="192.0.2.1")
    assert result["failed"] and len(result["warnings"]) == 1


def test_lone_surrogates_of_the_api(run: RunModule, wire: Wire) -> None:
    wire.mapping("192.0.2.1", envelope(mapping("192.0.2.1", region="\ud800")))
    assert "failed" not in run(origin_ip="192.0.2.1")


@pytest.mark.parametrize("closed_by", ["success", "failure"])
def test_session_is_closed(run: RunModule, wire: Wire, closed_sessions: list[requests.Session], closed_by: str) -> None:
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(1142 if closed_by == "success" else 7003), status=404)
    run(origin_ip="192.0.2.1")
    assert len(closed_sessions) == 1


def test_tasks_of_one_credential_share_its_rate_limit(
    run: RunModule, wire: Wire, clock: FakeClock, shared_folder: Path
) -> None:
    wire.page(1, page([]), headers={"Ratelimit": '"default";r=1;t=60'})
    wire.page(1, page([]), headers={"Ratelimit": '"default";r=0;t=60'})
    wire.zone([])
    warnings = [run().get("warnings", []) for _task in range(3)]
    assert clock.pauses == [61.0]
    assert warnings == [
        [],
        [],
        ["Waiting up to 61.0 seconds: the tasks of this host have used up the rate limit of the credential"],
    ]
    (shared,) = shared_folder.iterdir()
    assert TOKEN not in shared.name + shared.read_text()


@pytest.mark.parametrize(
    "other",
    [{"api_token": KEY}, {"api_email": "user@example.com", "api_key": KEY}, {"api_url": "https://api.example.com"}],
)
def test_other_credential_or_api_has_its_own_rate_limit(
    run_bare: RunModule, zone: FakeZone, clock: FakeClock, other: dict[str, str]
) -> None:
    zone.before = lambda requested: (200, {"Ratelimit": '"default";r=0;t=60'}, page([]))
    for options in ({"api_token": TOKEN}, {"api_token": TOKEN, **other} if "api_url" in other else other):
        run_bare(**options, zone_id=ZONE_ID)
    assert clock.pauses == []


def test_refusal_of_one_task_stops_the_others(run: RunModule, wire: Wire, clock: FakeClock) -> None:
    wire.page(1, error_envelope(10000), status=429, headers={"Retry-After": "120"})
    assert run(max_wait=0)["failed"]
    wire.zone([])
    run()
    assert clock.pauses == [120.0]


def test_result_is_as_documented(run: RunModule, wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1")])
    result = run(origin_ip=["192.0.2.1", "192.0.2.2"])
    documented = yaml.safe_load(origin_cloud_region_info.RETURN)
    of_failure = documented.pop("failure")
    types = {"str": str, "list": list, "dict": dict}
    assert set(documented) == set(result)
    assert all(isinstance(result[key], types[entry["type"]]) for key, entry in documented.items())
    assert list(documented["origin_cloud_regions"]["contains"]) == list(result["origin_cloud_regions"][0])
    wire.page(1, error_envelope(10000), status=403)
    assert list(of_failure["contains"]) == list(run()["failure"])


def test_unknown_option(run: RunModule) -> None:
    assert "Unsupported parameters" in run(origin_ips=["192.0.2.1"])["msg"]
