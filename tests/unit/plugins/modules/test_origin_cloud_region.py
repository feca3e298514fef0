# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module origin_cloud_region, from its arguments to its output."""

from __future__ import annotations

import types
import typing as t

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_region
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    MAPPINGS_PATH,
    TOKEN,
    ZONE_ID,
    Wire,
    envelope,
    error_envelope,
    mapping,
    new_mapping,
    request_item,
)

RunModule = t.Callable[..., dict[str, t.Any]]

ADDRESS = "2001:db8::1"
AWS_REGION = {"vendor": "aws", "region": "us-east-1"}
GCP_MAPPING = mapping(ADDRESS, "gcp", "us-central1")
PRESENT_OPTIONS = {"origin_ip": "2001:DB8:0:0::1", **AWS_REGION}
ABSENT_OPTIONS = {"origin_ip": "2001:DB8:0:0::1", "state": "absent"}
CONNECTION_ERROR = requests.ConnectionError("cut")


@pytest.fixture
def module_under_test() -> types.ModuleType:
    return origin_cloud_region


def expect_put(wire: Wire, answer: t.Any = None, **more: t.Any) -> None:
    wire.send(
        "PUT",
        f"{MAPPINGS_PATH}/{ADDRESS}",
        envelope(mapping(ADDRESS)) if answer is None else answer,
        **{"body": request_item(mapping(ADDRESS)), **more},
    )


def expect_delete(wire: Wire, answer: t.Any = None, **more: t.Any) -> None:
    wire.send(
        "DELETE", f"{MAPPINGS_PATH}/{ADDRESS}", envelope({"origin_ip": ADDRESS}) if answer is None else answer, **more
    )


class TestPresent:
    @pytest.mark.parametrize("check", [False, True])
    def test_unchanged(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.mapping(ADDRESS)
        assert run(**PRESENT_OPTIONS, _ansible_check_mode=check) == {
            "changed": False,
            "origin_cloud_region": mapping(ADDRESS),
            "diff": {"before": {ADDRESS: "aws/us-east-1"}, "after": {ADDRESS: "aws/us-east-1"}},
            "zone_id": ZONE_ID,
        }

    def test_created(self, run: RunModule, wire: Wire) -> None:
        wire.no_mapping(ADDRESS)
        expect_put(wire)
        assert run(**PRESENT_OPTIONS) == {
            "changed": True,
            "origin_cloud_region": mapping(ADDRESS),
            "diff": {"before": {}, "after": {ADDRESS: "aws/us-east-1"}},
            "zone_id": ZONE_ID,
        }
        assert len(wire.requests) == 2

    @pytest.mark.parametrize(
        "existing", [GCP_MAPPING, mapping(ADDRESS, "gcp"), mapping(ADDRESS, region="us-west-2")], ids=str
    )
    def test_updated(self, run: RunModule, wire: Wire, existing: dict[str, t.Any]) -> None:
        wire.mapping(ADDRESS, envelope(existing))
        expect_put(wire)
        assert run(**PRESENT_OPTIONS) == {
            "changed": True,
            "origin_cloud_region": mapping(ADDRESS),
            "diff": {
                "before": {ADDRESS: f"{existing['vendor']}/{existing['region']}"},
                "after": {ADDRESS: "aws/us-east-1"},
            },
            "zone_id": ZONE_ID,
        }
        assert len(wire.requests) == 2

    def test_second_run_changes_nothing(self, run: RunModule, wire: Wire) -> None:
        wire.no_mapping(ADDRESS)
        expect_put(wire)
        wire.mapping(ADDRESS)
        assert [run(**PRESENT_OPTIONS)["changed"], run(**PRESENT_OPTIONS)["changed"]] == [True, False]
        assert len(wire.requests) == 3

    @pytest.mark.parametrize("before", [None, GCP_MAPPING], ids=["none", "another"])
    def test_check_mode_returns_the_same_without_a_write(
        self, run: RunModule, wire: Wire, before: dict[str, t.Any] | None
    ) -> None:
        results = []
        for check in (True, False):
            wire.no_mapping(ADDRESS) if before is None else wire.mapping(ADDRESS, envelope(before))
            wire.supported() if check else expect_put(wire)
            results.append(run(**PRESENT_OPTIONS, _ansible_check_mode=check))
            assert len(wire.requests) == 2 * len(results)
        assert results[0]["origin_cloud_region"] == new_mapping(ADDRESS)
        for result in results:
            del result["origin_cloud_region"]["modified_on"]
        assert results[0] == results[1]

    @pytest.mark.parametrize(
        ("region", "message"),
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
    def test_check_mode_rejects_unsupported_region(
        self, run: RunModule, wire: Wire, region: dict[str, str], message: str
    ) -> None:
        wire.no_mapping(ADDRESS)
        wire.supported()
        result = run(origin_ip=ADDRESS, **region, _ansible_check_mode=True)
        assert result["failed"] and result["msg"].startswith(message)
        assert result["failure"]["status"] is None

    def test_check_mode_without_tiered_cache_accepts_any_region(self, run: RunModule, wire: Wire) -> None:
        """In a real run, too, only the API checks the region. It costs the documented two requests."""
        wire.no_mapping(ADDRESS)
        wire.supported(error_envelope(4711, message="no Tiered Cache"), status=400)
        result = run(**PRESENT_OPTIONS, _ansible_check_mode=True)
        assert result["changed"] is True
        (warning,) = result["warnings"]
        assert warning.startswith("The region was not validated, since the API does not list the supported regions: ")
        assert "no Tiered Cache" in warning

    def test_check_mode_fails_if_the_supported_regions_cannot_be_read(self, run: RunModule, wire: Wire) -> None:
        """After an internal error of the API, it is unknown whether the region is supported."""
        wire.no_mapping(ADDRESS)
        wire.supported(error_envelope(1140), status=500)
        result = run(**PRESENT_OPTIONS, _ansible_check_mode=True)
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
    def test_rejected(self, run: RunModule, wire: Wire, status: int, code: int, message: str) -> None:
        wire.no_mapping(ADDRESS)
        expect_put(wire, error_envelope(code, message="no"), status=status)
        result = run(**PRESENT_OPTIONS)
        assert message in result.pop("msg")
        api_error = {"code": code, "message": "no"}
        assert result == {"failed": True, "failure": {"status": status, **api_error, "errors": [api_error]}}

    @pytest.mark.parametrize(
        ("region", "suggestion"),
        [
            (
                {"vendor": "aws", "region": "us-east1"},
                "; region 'us-east1' is not supported for aws; did you mean 'us-east-1'? (2001:db8::1)",
            ),
            (
                {"vendor": "azure", "region": "us-east-1"},
                "; region 'us-east-1' belongs to aws, not to azure (2001:db8::1)",
            ),
            ({"vendor": "aws", "region": "us-east-1"}, ""),  # the list has the region: it contradicts the rejection
        ],
    )
    def test_rejected_region_costs_1_more_request_for_a_suggestion(
        self, run: RunModule, wire: Wire, region: dict[str, str], suggestion: str
    ) -> None:
        wire.no_mapping(ADDRESS)
        expect_put(wire, error_envelope(1157, message="no"), status=400, body={"origin_ip": ADDRESS, **region})
        wire.supported()
        result = run(origin_ip=ADDRESS, **region)
        assert result["msg"] == (
            "The vendor or the region is not supported: check vendor and region (HTTP 400: code 1157, no)" + suggestion
        )
        assert result["failure"]["code"] == 1157
        assert len(wire.requests) == 3

    def test_rejected_region_if_the_list_cannot_be_read(self, run: RunModule, wire: Wire) -> None:
        wire.no_mapping(ADDRESS)
        expect_put(wire, error_envelope(1157, message="no"), status=400)
        wire.supported(error_envelope(4711, message="no Tiered Cache"), status=400)
        result = run(**PRESENT_OPTIONS)
        assert result["msg"].endswith("check vendor and region (HTTP 400: code 1157, no)")
        assert result["failure"]["code"] == 1157

    def test_created_concurrently(self, run: RunModule, wire: Wire) -> None:
        """The write is an upsert: it is made, and the mapping is as declared."""
        wire.no_mapping(ADDRESS)
        expect_put(wire)
        assert run(**PRESENT_OPTIONS)["changed"] is True


class TestAbsent:
    @pytest.mark.parametrize("check", [False, True])
    def test_unchanged(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.no_mapping(ADDRESS)
        assert run(**ABSENT_OPTIONS, _ansible_check_mode=check) == {
            "changed": False,
            "origin_cloud_region": None,
            "diff": {"before": {}, "after": {}},
            "zone_id": ZONE_ID,
        }

    @pytest.mark.parametrize("check", [False, True])
    @pytest.mark.parametrize("options", [{}, {"vendor": "oci"}, {"vendor": "oci", "region": "no"}], ids=str)
    def test_deleted_in_any_region(self, run: RunModule, wire: Wire, check: bool, options: dict[str, str]) -> None:
        wire.mapping(ADDRESS)
        if not check:
            expect_delete(wire)
        assert run(**ABSENT_OPTIONS, **options, _ansible_check_mode=check) == {
            "changed": True,
            "origin_cloud_region": None,
            "diff": {"before": {ADDRESS: "aws/us-east-1"}, "after": {}},
            "zone_id": ZONE_ID,
        }

    def test_deleted_concurrently(self, run: RunModule, wire: Wire) -> None:
        wire.mapping(ADDRESS)
        expect_delete(wire, error_envelope(1142), status=404)
        assert run(**ABSENT_OPTIONS) == {
            "changed": False,
            "origin_cloud_region": None,
            "diff": {"before": {}, "after": {}},
            "zone_id": ZONE_ID,
        }

    def test_second_run_changes_nothing(self, run: RunModule, wire: Wire) -> None:
        wire.mapping(ADDRESS)
        expect_delete(wire)
        wire.no_mapping(ADDRESS)
        assert [run(**ABSENT_OPTIONS)["changed"], run(**ABSENT_OPTIONS)["changed"]] == [True, False]


class TestLostAnswer:
    @pytest.mark.parametrize(
        ("options", "write"),
        [(PRESENT_OPTIONS, expect_put), (ABSENT_OPTIONS, expect_delete)],
        ids=["present", "absent"],
    )
    def test_is_retried(self, run: RunModule, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(ADDRESS, envelope(GCP_MAPPING))
        write(wire, CONNECTION_ERROR)
        write(wire)
        result = run(**options)
        assert result["changed"] is True
        assert len(result["warnings"]) == 1

    def test_retried_deletion_of_a_missing_mapping_is_a_change(self, run: RunModule, wire: Wire) -> None:
        wire.mapping(ADDRESS)
        expect_delete(wire, CONNECTION_ERROR)
        expect_delete(wire, error_envelope(1142), status=404)
        result = run(**ABSENT_OPTIONS)
        assert result["changed"] is True
        assert result["diff"] == {"before": {ADDRESS: "aws/us-east-1"}, "after": {}}

    @pytest.mark.parametrize(
        ("options", "write"),
        [(PRESENT_OPTIONS, expect_put), (ABSENT_OPTIONS, expect_delete)],
        ids=["present", "absent"],
    )
    def test_is_verified(self, run: RunModule, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(ADDRESS, envelope(GCP_MAPPING))
        write(wire, CONNECTION_ERROR)
        wire.mapping(ADDRESS) if options is PRESENT_OPTIONS else wire.no_mapping(ADDRESS)
        result = run(**options, max_wait=0)
        assert (result["changed"], "failed" in result) == (True, False)
        assert result["origin_cloud_region"] == (mapping(ADDRESS) if options is PRESENT_OPTIONS else None)

    @pytest.mark.parametrize(
        ("options", "write"),
        [(PRESENT_OPTIONS, expect_put), (ABSENT_OPTIONS, expect_delete)],
        ids=["present", "absent"],
    )
    def test_not_applied(self, run: RunModule, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(ADDRESS, envelope(GCP_MAPPING))
        write(wire, CONNECTION_ERROR)
        wire.mapping(ADDRESS, envelope(GCP_MAPPING))
        result = run(**options, max_wait=0)
        assert result["failed"]
        assert not result.get("changed")
        assert result["msg"].startswith("No answer from")

    @pytest.mark.parametrize(
        ("options", "write"),
        [(PRESENT_OPTIONS, expect_put), (ABSENT_OPTIONS, expect_delete)],
        ids=["present", "absent"],
    )
    def test_outcome_unknown(self, run: RunModule, wire: Wire, options: dict[str, t.Any], write: t.Any) -> None:
        wire.mapping(ADDRESS, envelope(GCP_MAPPING))
        write(wire, CONNECTION_ERROR)
        wire.mapping(ADDRESS, CONNECTION_ERROR)
        result = run(**options, max_wait=0)
        assert result["failed"] and result["changed"] is True
        assert "it is unknown whether the change was made" in result["msg"]


class TestInvalidInput:
    """Invalid input fails before any request, even that for the zone id."""

    @pytest.mark.parametrize("state", ["present", "absent"])
    @pytest.mark.parametrize("origin_ip", ["", "010.0.0.1", 10, "192.0.2.0/24", "fe80::1%eth0", "x.example", None])
    def test_address(self, run_bare: RunModule, wire: Wire, state: str, origin_ip: t.Any) -> None:
        result = run_bare(
            api_token=TOKEN, zone="example.com", **{**PRESENT_OPTIONS, "origin_ip": origin_ip, "state": state}
        )
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
    def test_option(self, run_bare: RunModule, wire: Wire, options: dict[str, t.Any], named: str) -> None:
        result = run_bare(api_token=TOKEN, zone="example.com", **{**PRESENT_OPTIONS, **options})
        assert result["failed"]
        assert named in result["msg"]
        assert "Traceback" not in str(result)

    @pytest.mark.parametrize("left_out", ["vendor", "region"])
    def test_missing_option(self, run: RunModule, wire: Wire, left_out: str) -> None:
        options = {name: value for name, value in PRESENT_OPTIONS.items() if name != left_out}
        assert left_out in run(**options)["msg"]

    @pytest.mark.parametrize("check", [False, True])
    def test_unreachable_address(self, run_bare: RunModule, wire: Wire, check: bool) -> None:
        options = {**PRESENT_OPTIONS, "origin_ip": " ::FFFF:A01:203", "region": " ", "_ansible_check_mode": check}
        assert run_bare(api_token=TOKEN, zone="example.com", **options)["msg"] == (
            "origin_ip: the internet does not reach ' ::FFFF:A01:203' (private). Specify addresses that it reaches, or set "
            "validate_addresses to false. vendor and region must not be empty."
        )

    def test_missing_origin_ip(self, run: RunModule, wire: Wire) -> None:
        assert "origin_ip" in run(**AWS_REGION)["msg"]


class TestUnreachableAddress:
    PRIVATE = "10.1.2.3"

    def test_is_accepted_without_validation(self, run: RunModule, wire: Wire) -> None:
        wire.no_mapping(self.PRIVATE)
        wire.send(
            "PUT",
            f"{MAPPINGS_PATH}/{self.PRIVATE}",
            envelope(mapping(self.PRIVATE)),
            body=request_item(mapping(self.PRIVATE)),
        )
        result = run(origin_ip=self.PRIVATE, **AWS_REGION, validate_addresses=False)
        assert result["origin_cloud_region"] == mapping(self.PRIVATE)

    def test_is_deleted(self, run: RunModule, wire: Wire) -> None:
        wire.mapping(self.PRIVATE)
        wire.send("DELETE", f"{MAPPINGS_PATH}/{self.PRIVATE}", envelope({"origin_ip": self.PRIVATE}))
        assert run(origin_ip=self.PRIVATE, state="absent")["changed"]


def test_zone_by_name_costs_1_more_request(run_bare: RunModule, wire: Wire) -> None:
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": "example.com"}]), query={"name": "example.com"})
    wire.mapping(ADDRESS)
    result = run_bare(api_token=TOKEN, zone="example.com", **PRESENT_OPTIONS)
    assert result["zone_id"] == ZONE_ID
    assert len(wire.requests) == 2


def test_secrets_are_hidden(run: RunModule, wire: Wire) -> None:
    wire.no_mapping(ADDRESS)
    expect_put(wire, error_envelope(4711, message=f"Bearer {TOKEN} may not"), status=400)
    result = run(**PRESENT_OPTIONS)  # the fixture searches the output for the token
    assert "Bearer ******** may not" in result["failure"]["message"]


@pytest.mark.parametrize("ends", ["success", "failure"])
def test_session_is_closed(run: RunModule, wire: Wire, closed_sessions: list[requests.Session], ends: str) -> None:
    wire.no_mapping(ADDRESS)
    expect_put(wire, None if ends == "success" else error_envelope(1164), status=200 if ends == "success" else 403)
    run(**PRESENT_OPTIONS)
    assert len(closed_sessions) == 1


def test_result_is_as_documented(run: RunModule, wire: Wire) -> None:
    documented = yaml.safe_load(origin_cloud_region.RETURN)
    of_failure = documented.pop("failure")
    wire.no_mapping(ADDRESS)
    expect_put(wire)
    result = run(**PRESENT_OPTIONS)
    assert set(result) == {"changed", *documented}
    for key in ("origin_cloud_region", "diff"):
        assert list(documented[key]["contains"]) == list(result[key])
    wire.mapping(ADDRESS)
    expect_delete(wire, error_envelope(10000), status=403)
    result = run(**ABSENT_OPTIONS)
    assert set(result) == {"failed", "msg", "failure"}
    assert list(of_failure["contains"]) == list(result["failure"])
    assert list(of_failure["contains"]["errors"]["contains"]) == list(result["failure"]["errors"][0])
