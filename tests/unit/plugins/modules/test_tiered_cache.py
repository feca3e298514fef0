# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module tiered_cache, from its arguments to its output."""

from __future__ import annotations

import types
import typing as t

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import tiered_cache
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    REGIONAL_TIERED_CACHE_PATH,
    SMART_TIERED_CACHE_PATH,
    TIERED_CACHE_PATH,
    TOKEN,
    ZONE_ID,
    Wire,
    error_envelope,
    setting_envelope,
)

RunModule = t.Callable[..., dict[str, t.Any]]

CONNECTION_ERROR = requests.ConnectionError("cut")
OPTION_BY_PATH = {True: "enabled", False: "disabled"}


@pytest.fixture
def module_under_test() -> types.ModuleType:
    return tiered_cache


def expect_patch(wire: Wire, path: str, on: bool, answer: t.Any = None, **more: t.Any) -> None:
    value = "on" if on else "off"
    wire.send("PATCH", path, setting_envelope(on) if answer is None else answer, body={"value": value}, **more)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("before", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@pytest.mark.parametrize(
    "wanted", [(on, smart) for on in (None, False, True) for smart in (None, False, True)][1:], ids=str
)
def test_reads_given_settings_and_writes_differences(
    run: RunModule, wire: Wire, wanted: tuple[bool | None, bool | None], before: tuple[bool, bool], check: bool
) -> None:
    given = [
        (path, want, was)
        for path, want, was in zip((TIERED_CACHE_PATH, SMART_TIERED_CACHE_PATH), wanted, before)
        if want is not None
    ]
    for path, _want, was in given:
        wire.get(path, setting_envelope(was))
    changes = [(path, want) for path, want, was in given if want != was]
    if not check:
        for path, want in changes:
            expect_patch(wire, path, want)
    options = {"state": None if wanted[0] is None else OPTION_BY_PATH[wanted[0]], "smart": wanted[1]}
    were = {
        "state": None if wanted[0] is None else OPTION_BY_PATH[before[0]],
        "smart": None if wanted[1] is None else before[1],
    }
    given_options = {name: value for name, value in options.items() if value is not None}
    assert run(**given_options, _ansible_check_mode=check) == {
        "changed": bool(changes),
        "tiered_cache": options,
        "diff": {"before": were, "after": options},
        "zone_id": ZONE_ID,
    }


def test_second_run_writes_nothing(run: RunModule, wire: Wire) -> None:
    wire.get(TIERED_CACHE_PATH, setting_envelope(False))
    wire.get(SMART_TIERED_CACHE_PATH, error_envelope(1142), status=404)
    expect_patch(wire, TIERED_CACHE_PATH, True)
    expect_patch(wire, SMART_TIERED_CACHE_PATH, True)
    wire.get(TIERED_CACHE_PATH, setting_envelope(True))
    wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(True))
    results = [run(state="enabled", smart=True) for dummy in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    assert results[0]["diff"]["before"] == {"state": "disabled", "smart": False}


@pytest.mark.parametrize(
    ("option", "value", "path"),
    [
        ("state", "disabled", TIERED_CACHE_PATH),
        ("smart", False, SMART_TIERED_CACHE_PATH),
        ("regional", False, REGIONAL_TIERED_CACHE_PATH),
    ],
)
def test_never_set_is_off(run: RunModule, wire: Wire, option: str, value: t.Any, path: str) -> None:
    wire.get(path, error_envelope(1142), status=404)
    result = run(**{option: value})
    assert result["changed"] is False
    assert result["tiered_cache"][option] == value


class TestRegional:
    @pytest.mark.parametrize("check", [False, True])
    @pytest.mark.parametrize("before", [False, True])
    @pytest.mark.parametrize("wanted", [False, True])
    def test_alone(self, run: RunModule, wire: Wire, wanted: bool, before: bool, check: bool) -> None:
        wire.get(REGIONAL_TIERED_CACHE_PATH, setting_envelope(before))
        if wanted != before and not check:
            expect_patch(wire, REGIONAL_TIERED_CACHE_PATH, wanted)
        after = {"state": None, "smart": None, "regional": wanted}
        assert run(regional=wanted, _ansible_check_mode=check) == {
            "changed": wanted != before,
            "tiered_cache": after,
            "diff": {"before": {**after, "regional": before}, "after": after},
            "zone_id": ZONE_ID,
        }

    @pytest.mark.parametrize("check", [False, True])
    def test_plan_without_it_is_an_error_before_any_write(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
        wire.get(REGIONAL_TIERED_CACHE_PATH, error_envelope(1135, message="no"), status=403)
        result = run(state="enabled", regional=True, _ansible_check_mode=check)
        assert result["msg"] == (
            "The plan of the zone does not include this setting: change the plan, or do not change the setting "
            "(HTTP 403: code 1135, no); remove the option regional"
        )
        assert result["failure"]["code"] == 1135
        assert "tiered_cache" not in result

    def test_plan_without_it_has_it_off(self, run: RunModule, wire: Wire) -> None:
        wire.get(REGIONAL_TIERED_CACHE_PATH, error_envelope(1135), status=403)
        result = run(regional=False)
        assert result["changed"] is False
        assert result["tiered_cache"]["regional"] is False


class TestNotEditable:
    """The API may call a setting not editable and still carry out the write: the API's answer to the write decides."""

    @pytest.mark.parametrize("check", [False, True])
    def test_is_written(self, run: RunModule, wire: Wire, check: bool) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(False, editable=False))
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False, editable=False))
        if not check:
            expect_patch(wire, TIERED_CACHE_PATH, True, setting_envelope(True, editable=False))
            expect_patch(wire, SMART_TIERED_CACHE_PATH, True, setting_envelope(True, editable=False))
        result = run(state="enabled", smart=True, _ansible_check_mode=check)
        assert result["changed"] is True
        assert result["tiered_cache"] == {"state": "enabled", "smart": True}

    def test_rejection_has_the_text_of_the_api(self, run: RunModule, wire: Wire) -> None:
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False, editable=False))
        expect_patch(
            wire,
            SMART_TIERED_CACHE_PATH,
            True,
            error_envelope(4711, message="The setting cannot be changed"),
            status=403,
        )
        result = run(smart=True)
        assert result["changed"] is False
        assert "The setting cannot be changed" in result["msg"]
        assert result["failure"]["message"] == "The setting cannot be changed"


class TestFailure:
    def test_first_write(self, run: RunModule, wire: Wire) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False))
        expect_patch(wire, TIERED_CACHE_PATH, True, error_envelope(1135, message="no"), status=403)
        result = run(state="enabled", smart=True)
        assert "The plan of the zone does not include this setting" in result.pop("msg")
        off = {"state": "disabled", "smart": False}
        api_error = {"code": 1135, "message": "no"}
        assert result == {
            "failed": True,
            "changed": False,
            "tiered_cache": off,
            "diff": {"before": off, "after": off},
            "zone_id": ZONE_ID,
            "failure": {"status": 403, **api_error, "errors": [api_error]},
        }

    def test_second_write_reports_the_first(self, run: RunModule, wire: Wire) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False))
        expect_patch(wire, TIERED_CACHE_PATH, True)
        expect_patch(wire, SMART_TIERED_CACHE_PATH, True, error_envelope(1135), status=403)
        result = run(state="enabled", smart=True)
        assert result["failed"] and result["changed"] is True
        assert result["tiered_cache"] == {"state": "enabled", "smart": False}
        assert result["diff"] == {
            "before": {"state": "disabled", "smart": False},
            "after": {"state": "enabled", "smart": False},
        }

    def test_read(self, run: RunModule, wire: Wire) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
        wire.get(SMART_TIERED_CACHE_PATH, error_envelope(10000), status=403)
        assert set(run(state="enabled", smart=True)) == {"failed", "msg", "failure"}

    def test_lost_answer_is_retried(self, run: RunModule, wire: Wire) -> None:
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False))
        expect_patch(wire, SMART_TIERED_CACHE_PATH, True, CONNECTION_ERROR)
        expect_patch(wire, SMART_TIERED_CACHE_PATH, True)
        result = run(smart=True)
        assert result["changed"] is True
        assert len(result["warnings"]) == 1

    @pytest.mark.parametrize("done", [True, False])
    def test_lost_answer_is_verified(self, run: RunModule, wire: Wire, done: bool) -> None:
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False))
        expect_patch(wire, SMART_TIERED_CACHE_PATH, True, CONNECTION_ERROR)
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(done))
        result = run(smart=True, max_wait=0)
        assert ("failed" in result, result["changed"]) == (not done, done)
        assert result["tiered_cache"] == {"state": None, "smart": done}
        assert result["diff"] == {"before": {"state": None, "smart": False}, "after": result["tiered_cache"]}
        assert ("max_wait" in result.get("msg", "")) is not done

    def test_outcome_unknown(self, run: RunModule, wire: Wire) -> None:
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False))
        expect_patch(wire, SMART_TIERED_CACHE_PATH, True, CONNECTION_ERROR)
        wire.get(SMART_TIERED_CACHE_PATH, CONNECTION_ERROR)
        result = run(smart=True, max_wait=0)
        assert result["failed"] and result["changed"] is True
        assert "it is unknown whether the change was made" in result["msg"]
        assert result["tiered_cache"] == {"state": None, "smart": False}
        assert result["diff"] == {"before": result["tiered_cache"], "after": result["tiered_cache"]}

    def test_secrets_are_hidden(self, run: RunModule, wire: Wire) -> None:
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(False))
        expect_patch(
            wire, SMART_TIERED_CACHE_PATH, True, error_envelope(4711, message=f"Bearer {TOKEN} may not"), status=400
        )
        assert run(smart=True)["failure"]["message"] == "Bearer ******** may not"


class TestInvalidInput:
    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({}, "state, smart, regional"),
            ({"state": "on"}, "state"),
            ({"state": True}, "state"),
            ({"state": ""}, "state"),
            ({"smart": "maybe"}, "smart"),
            ({"regional": "maybe"}, "regional"),
        ],
        ids=str,
    )
    def test_fails_before_any_request(
        self, run_bare: RunModule, wire: Wire, options: dict[str, t.Any], named: str
    ) -> None:
        result = run_bare(api_token=TOKEN, zone="example.com", **options)
        assert result["failed"] and named in result["msg"]

    @pytest.mark.parametrize("options", [{"smart": None}, {"state": None}, {"state": None, "smart": None}], ids=str)
    def test_null_is_not_an_option(self, run: RunModule, wire: Wire, options: dict[str, None]) -> None:
        """A variable may be empty by mistake. A task that does nothing must not look successful."""
        result = run(**options)
        assert result.get("failed")
        assert any(option in result["msg"] for option in options)


def test_result_is_as_documented(run: RunModule, wire: Wire) -> None:
    documented = yaml.safe_load(tiered_cache.RETURN)
    of_failure = documented.pop("failure")
    wire.get(TIERED_CACHE_PATH, setting_envelope(False))
    wire.get(REGIONAL_TIERED_CACHE_PATH, setting_envelope(True))
    expect_patch(wire, TIERED_CACHE_PATH, True)
    result = run(state="enabled", regional=True)
    assert set(result) == {"changed", *documented}
    assert list(documented["tiered_cache"]["contains"]) == list(result["tiered_cache"])
    assert list(documented["diff"]["contains"]) == list(result["diff"])
    wire.get(TIERED_CACHE_PATH, setting_envelope(False))
    expect_patch(wire, TIERED_CACHE_PATH, True, error_envelope(1135), status=403)
    result = run(state="enabled")
    with_failure = [key for key, entry in documented.items() if "write has failed" in entry["returned"]]
    assert set(result) == {"changed", "failed", "msg", "failure", *with_failure}
    assert list(of_failure["contains"]) == list(result["failure"])
