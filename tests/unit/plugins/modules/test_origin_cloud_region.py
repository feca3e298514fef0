# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_region, from its arguments to what it prints."""

from __future__ import annotations

import types
import typing as t

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_region
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    MAPPINGS,
    TOKEN,
    ZONE_ID,
    Wire,
    envelope,
    failed,
    mapping,
    new,
    sent,
)

Run = t.Callable[..., dict[str, t.Any]]

SIX = "2001:db8::1"
HERE = {"vendor": "aws", "region": "us-east-1"}
THERE = mapping(SIX, "gcp", "us-central1")
PRESENT = {"origin_ip": "2001:DB8:0:0::1", **HERE}
ABSENT = {"origin_ip": "2001:DB8:0:0::1", "state": "absent"}
BROKEN = requests.ConnectionError("cut")


@pytest.fixture
def script() -> types.ModuleType:
    return origin_cloud_region


def put(wire: Wire, answer: t.Any = None, **more: t.Any) -> None:
    wire.send(
        "PUT",
        f"{MAPPINGS}/{SIX}",
        envelope(mapping(SIX)) if answer is None else answer,
        **{"body": sent(mapping(SIX)), **more},
    )


def delete(wire: Wire, answer: t.Any = None, **more: t.Any) -> None:
    wire.send("DELETE", f"{MAPPINGS}/{SIX}", envelope({"origin_ip": SIX}) if answer is None else answer, **more)


class TestPresent:
    @pytest.mark.parametrize("check", [False, True])
    def test_stands_already(self, run: Run, wire: Wire, check: bool) -> None:
        wire.mapping(SIX)
        assert run(**PRESENT, _ansible_check_mode=check) == {
            "changed": False,
            "origin_cloud_region": mapping(SIX),
            "diff": {"before": {SIX: "aws/us-east-1"}, "after": {SIX: "aws/us-east-1"}},
            "zone_id": ZONE_ID,
        }

    def test_created(self, run: Run, wire: Wire) -> None:
        wire.no_mapping(SIX)
        put(wire)
        assert run(**PRESENT) == {
            "changed": True,
            "origin_cloud_region": mapping(SIX),
            "diff": {"before": {}, "after": {SIX: "aws/us-east-1"}},
            "zone_id": ZONE_ID,
        }
        assert len(wire.requests) == 2

    @pytest.mark.parametrize("there", [THERE, mapping(SIX, "gcp"), mapping(SIX, region="us-west-2")], ids=str)
    def test_changed(self, run: Run, wire: Wire, there: dict[str, t.Any]) -> None:
        wire.mapping(SIX, envelope(there))
        put(wire)
        assert run(**PRESENT) == {
            "changed": True,
            "origin_cloud_region": mapping(SIX),
            "diff": {
                "before": {SIX: f"{there['vendor']}/{there['region']}"},
                "after": {SIX: "aws/us-east-1"},
            },
            "zone_id": ZONE_ID,
        }
        assert len(wire.requests) == 2

    def test_second_run_changes_nothing(self, run: Run, wire: Wire) -> None:
        wire.no_mapping(SIX)
        put(wire)
        wire.mapping(SIX)
        assert [run(**PRESENT)["changed"], run(**PRESENT)["changed"]] == [True, False]
        assert len(wire.requests) == 3

    @pytest.mark.parametrize("before", [None, THERE], ids=["none", "another"])
    def test_check_mode_returns_the_same_without_a_write(
        self, run: Run, wire: Wire, before: dict[str, t.Any] | None
    ) -> None:
        results = []
        for check in (True, False):
            wire.no_mapping(SIX) if before is None else wire.mapping(SIX, envelope(before))
            wire.supported() if check else put(wire)
            results.append(run(**PRESENT, _ansible_check_mode=check))
            assert len(wire.requests) == 2 * len(results)
        assert results[0]["origin_cloud_region"] == new(SIX)
        for result in results:
            del result["origin_cloud_region"]["modified_on"]
        assert results[0] == results[1]

    @pytest.mark.parametrize(
        ("place", "message"),
        [
            (
                {"vendor": "aws", "region": "us-east1"},
                "region 'us-east1' is not supported for aws; did you mean 'us-east-1'?",
            ),
            (
                {"vendor": "azure", "region": "us-east-1"},
                "region 'us-east-1' belongs to aws, not to azure",
            ),
            ({"vendor": "oci", "region": "us-phoenix-1"}, "vendor 'oci' is not supported"),
        ],
    )
    def test_check_mode_refuses_what_is_not_supported(
        self, run: Run, wire: Wire, place: dict[str, str], message: str
    ) -> None:
        wire.no_mapping(SIX)
        wire.supported()
        result = run(origin_ip=SIX, **place, _ansible_check_mode=True)
        assert result["failed"] and result["msg"].startswith(message)
        assert result["failure"]["status"] is None

    def test_check_mode_without_tiered_cache_takes_every_region(self, run: Run, wire: Wire) -> None:
        """As a real run does: the API alone judges. With two requests, as the issue and the documentation have it."""
        wire.no_mapping(SIX)
        wire.supported(failed(4711, message="no Tiered Cache"), status=400)
        result = run(**PRESENT, _ansible_check_mode=True)
        assert result["changed"] is True
        (warning,) = result["warnings"]
        assert warning.startswith("The region was not validated, since the API does not list the supported regions: ")
        assert "no Tiered Cache" in warning

    def test_check_mode_fails_if_the_supported_regions_cannot_be_read(self, run: Run, wire: Wire) -> None:
        """An internal error of the API leaves open whether the region is supported."""
        wire.no_mapping(SIX)
        wire.supported(failed(1140), status=500)
        result = run(**PRESENT, _ansible_check_mode=True)
        assert result["failed"] and result["failure"]["status"] == 500
        assert "warnings" not in result

    @pytest.mark.parametrize(
        ("status", "code", "message"),
        [
            (403, 1164, "3,500 mappings"),
            (403, 10000, "check api_token"),
            (400, 1146, "check origin_ip"),
        ],
    )
    def test_refused(self, run: Run, wire: Wire, status: int, code: int, message: str) -> None:
        wire.no_mapping(SIX)
        put(wire, failed(code, message="no"), status=status)
        result = run(**PRESENT)
        assert message in result.pop("msg")
        own = {"code": code, "message": "no"}
        assert result == {"failed": True, "failure": {"status": status, **own, "errors": [own]}}

    @pytest.mark.parametrize(
        ("place", "suggestion"),
        [
            (
                {"vendor": "aws", "region": "us-east1"},
                "; region 'us-east1' is not supported for aws; did you mean 'us-east-1'? (2001:db8::1)",
            ),
            (
                {"vendor": "azure", "region": "us-east-1"},
                "; region 'us-east-1' belongs to aws, not to azure (2001:db8::1)",
            ),
            ({"vendor": "aws", "region": "us-east-1"}, ""),  # which the list has: somebody is wrong
        ],
    )
    def test_rejected_region_costs_one_more_request_for_the_nearest(
        self, run: Run, wire: Wire, place: dict[str, str], suggestion: str
    ) -> None:
        wire.no_mapping(SIX)
        put(wire, failed(1157, message="no"), status=400, body={"origin_ip": SIX, **place})
        wire.supported()
        result = run(origin_ip=SIX, **place)
        assert result["msg"] == (
            "The vendor or the region is not supported: check vendor and region (HTTP 400: code 1157, no)" + suggestion
        )
        assert result["failure"]["code"] == 1157
        assert len(wire.requests) == 3

    def test_rejected_region_if_the_list_cannot_be_read(self, run: Run, wire: Wire) -> None:
        wire.no_mapping(SIX)
        put(wire, failed(1157, message="no"), status=400)
        wire.supported(failed(4711, message="no Tiered Cache"), status=400)
        result = run(**PRESENT)
        assert result["msg"].endswith("check vendor and region (HTTP 400: code 1157, no)")
        assert result["failure"]["code"] == 1157

    def test_created_by_somebody_else_meanwhile(self, run: Run, wire: Wire) -> None:
        """An upsert: it stands as declared, and the write was made."""
        wire.no_mapping(SIX)
        put(wire)
        assert run(**PRESENT)["changed"] is True


class TestAbsent:
    @pytest.mark.parametrize("check", [False, True])
    def test_gone_already(self, run: Run, wire: Wire, check: bool) -> None:
        wire.no_mapping(SIX)
        assert run(**ABSENT, _ansible_check_mode=check) == {
            "changed": False,
            "origin_cloud_region": None,
            "diff": {"before": {}, "after": {}},
            "zone_id": ZONE_ID,
        }

    @pytest.mark.parametrize("check", [False, True])
    @pytest.mark.parametrize("options", [{}, {"vendor": "oci"}, {"vendor": "oci", "region": "no"}], ids=str)
    def test_deleted_whatever_the_place(self, run: Run, wire: Wire, check: bool, options: dict[str, str]) -> None:
        wire.mapping(SIX)
        if not check:
            delete(wire)
        assert run(**ABSENT, **options, _ansible_check_mode=check) == {
            "changed": True,
            "origin_cloud_region": None,
            "diff": {"before": {SIX: "aws/us-east-1"}, "after": {}},
            "zone_id": ZONE_ID,
        }

    def test_vanished_in_between(self, run: Run, wire: Wire) -> None:
        wire.mapping(SIX)
        delete(wire, failed(1142), status=404)
        assert run(**ABSENT) == {
            "changed": False,
            "origin_cloud_region": None,
            "diff": {"before": {}, "after": {}},
            "zone_id": ZONE_ID,
        }

    def test_second_run_changes_nothing(self, run: Run, wire: Wire) -> None:
        wire.mapping(SIX)
        delete(wire)
        wire.no_mapping(SIX)
        assert [run(**ABSENT)["changed"], run(**ABSENT)["changed"]] == [True, False]


class TestLostAnswer:
    @pytest.mark.parametrize(("options", "write"), [(PRESENT, put), (ABSENT, delete)], ids=["present", "absent"])
    def test_is_asked_for_again(self, run: Run, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(SIX, envelope(THERE))
        write(wire, BROKEN)
        write(wire)
        result = run(**options)
        assert result["changed"] is True
        assert len(result["warnings"]) == 1

    def test_deletion_that_the_repeat_does_not_find_was_ours(self, run: Run, wire: Wire) -> None:
        wire.mapping(SIX)
        delete(wire, BROKEN)
        delete(wire, failed(1142), status=404)
        result = run(**ABSENT)
        assert result["changed"] is True
        assert result["diff"] == {"before": {SIX: "aws/us-east-1"}, "after": {}}

    @pytest.mark.parametrize(("options", "write"), [(PRESENT, put), (ABSENT, delete)], ids=["present", "absent"])
    def test_is_settled_by_reading(self, run: Run, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(SIX, envelope(THERE))
        write(wire, BROKEN)
        wire.mapping(SIX) if options is PRESENT else wire.no_mapping(SIX)
        result = run(**options, max_wait=0)
        assert (result["changed"], "failed" in result) == (True, False)
        assert result["origin_cloud_region"] == (mapping(SIX) if options is PRESENT else None)

    @pytest.mark.parametrize(("options", "write"), [(PRESENT, put), (ABSENT, delete)], ids=["present", "absent"])
    def test_not_done(self, run: Run, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(SIX, envelope(THERE))
        write(wire, BROKEN)
        wire.mapping(SIX, envelope(THERE))
        result = run(**options, max_wait=0)
        assert result["failed"]
        assert not result.get("changed")
        assert result["msg"].startswith("No answer from")

    @pytest.mark.parametrize(("options", "write"), [(PRESENT, put), (ABSENT, delete)], ids=["present", "absent"])
    def test_nobody_knows(self, run: Run, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(SIX, envelope(THERE))
        write(wire, BROKEN)
        wire.mapping(SIX, BROKEN)
        result = run(**options, max_wait=0)
        assert result["failed"] and result["changed"] is True
        assert "it is unknown whether the change was made" in result["msg"]


class TestBadInput:
    """Refused before any request, even the one for the zone's id."""

    @pytest.mark.parametrize("state", ["present", "absent"])
    @pytest.mark.parametrize("origin_ip", ["", "010.0.0.1", 10, "192.0.2.0/24", "fe80::1%eth0", "x.example", None])
    def test_address(self, run_bare: Run, wire: Wire, state: str, origin_ip: t.Any) -> None:
        result = run_bare(api_token=TOKEN, zone="example.com", **{**PRESENT, "origin_ip": origin_ip, "state": state})
        assert result["failed"]
        assert "origin_ip" in result["msg"]
        assert str(origin_ip or "") in result["msg"]

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({"vendor": None}, "vendor"),
            ({"region": None}, "region"),
            ({"vendor": "AWS"}, "vendor"),
            ({"vendor": ""}, "vendor"),
            ({"region": ""}, "region"),
            ({"region": "  "}, "region"),
            ({"state": "gone"}, "state"),
            ({"state": None}, "state"),
        ],
        ids=str,
    )
    def test_option(self, run_bare: Run, wire: Wire, options: dict[str, t.Any], named: str) -> None:
        result = run_bare(api_token=TOKEN, zone="example.com", **{**PRESENT, **options})
        assert result["failed"]
        assert named in result["msg"]
        assert "Traceback" not in str(result)

    @pytest.mark.parametrize("left_out", ["vendor", "region"])
    def test_option_left_out(self, run: Run, wire: Wire, left_out: str) -> None:
        options = {name: value for name, value in PRESENT.items() if name != left_out}
        assert left_out in run(**options)["msg"]

    @pytest.mark.parametrize("check", [False, True])
    def test_address_that_the_internet_does_not_reach(self, run_bare: Run, wire: Wire, check: bool) -> None:
        options = {**PRESENT, "origin_ip": " ::FFFF:A01:203", "region": " ", "_ansible_check_mode": check}
        assert run_bare(api_token=TOKEN, zone="example.com", **options)["msg"] == (
            "origin_ip: the internet does not reach ' ::FFFF:A01:203' (private). Specify addresses that it reaches, or set "
            "validate_addresses to false. vendor and region must not be empty."
        )

    def test_origin_ip_left_out(self, run: Run, wire: Wire) -> None:
        assert "origin_ip" in run(**HERE)["msg"]


class TestAddressThatTheInternetDoesNotReach:
    PRIVATE = "10.1.2.3"

    def test_is_declared_without_validation(self, run: Run, wire: Wire) -> None:
        wire.no_mapping(self.PRIVATE)
        wire.send(
            "PUT", f"{MAPPINGS}/{self.PRIVATE}", envelope(mapping(self.PRIVATE)), body=sent(mapping(self.PRIVATE))
        )
        result = run(origin_ip=self.PRIVATE, **HERE, validate_addresses=False)
        assert result["origin_cloud_region"] == mapping(self.PRIVATE)

    def test_is_deleted(self, run: Run, wire: Wire) -> None:
        wire.mapping(self.PRIVATE)
        wire.send("DELETE", f"{MAPPINGS}/{self.PRIVATE}", envelope({"origin_ip": self.PRIVATE}))
        assert run(origin_ip=self.PRIVATE, state="absent")["changed"]


def test_zone_by_name_costs_one_more(run_bare: Run, wire: Wire) -> None:
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": "example.com"}]), query={"name": "example.com"})
    wire.mapping(SIX)
    result = run_bare(api_token=TOKEN, zone="example.com", **PRESENT)
    assert result["zone_id"] == ZONE_ID
    assert len(wire.requests) == 2


def test_secrets_are_not_shown(run: Run, wire: Wire) -> None:
    wire.no_mapping(SIX)
    put(wire, failed(4711, message=f"Bearer {TOKEN} may not"), status=400)
    result = run(**PRESENT)  # which looks for the token in all that is printed
    assert "Bearer ******** may not" in result["failure"]["message"]


@pytest.mark.parametrize("ends", ["success", "failure"])
def test_session_is_closed(run: Run, wire: Wire, closed: list[requests.Session], ends: str) -> None:
    wire.no_mapping(SIX)
    put(wire, None if ends == "success" else failed(1164), status=200 if ends == "success" else 403)
    run(**PRESENT)
    assert len(closed) == 1


def test_result_is_as_documented(run: Run, wire: Wire) -> None:
    documented = yaml.safe_load(origin_cloud_region.RETURN)
    of_failure = documented.pop("failure")
    wire.no_mapping(SIX)
    put(wire)
    result = run(**PRESENT)
    assert set(result) == {"changed", *documented}
    for key in ("origin_cloud_region", "diff"):
        assert list(documented[key]["contains"]) == list(result[key])
    wire.mapping(SIX)
    delete(wire, failed(10000), status=403)
    result = run(**ABSENT)
    assert set(result) == {"failed", "msg", "failure"}
    assert list(of_failure["contains"]) == list(result["failure"])
    assert list(of_failure["contains"]["errors"]["contains"]) == list(result["failure"]["errors"][0])
