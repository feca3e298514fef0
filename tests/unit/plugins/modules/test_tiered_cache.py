# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module tiered_cache, from its arguments to what it prints."""

from __future__ import annotations

import types
import typing as t

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import tiered_cache
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    SMART,
    STATE,
    TOKEN,
    ZONE_ID,
    Wire,
    failed,
    switch,
)

Run = t.Callable[..., dict[str, t.Any]]

BROKEN = requests.ConnectionError("cut")
OPTION = {True: "enabled", False: "disabled"}


@pytest.fixture
def script() -> types.ModuleType:
    return tiered_cache


def patch(wire: Wire, path: str, on: bool, answer: t.Any = None, **more: t.Any) -> None:
    value = "on" if on else "off"
    wire.send("PATCH", path, switch(on) if answer is None else answer, body={"value": value}, **more)


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("before", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@pytest.mark.parametrize(
    "wanted", [(on, smart) for on in (None, False, True) for smart in (None, False, True)][1:], ids=str
)
def test_only_what_is_given_is_read_and_only_what_differs_is_written(
    run: Run, wire: Wire, wanted: tuple[bool | None, bool | None], before: tuple[bool, bool], check: bool
) -> None:
    given = [(path, want, was) for path, want, was in zip((STATE, SMART), wanted, before) if want is not None]
    for path, _want, was in given:
        wire.get(path, switch(was))
    changes = [(path, want) for path, want, was in given if want != was]
    if not check:
        for path, want in changes:
            patch(wire, path, want)
    options = {"state": None if wanted[0] is None else OPTION[wanted[0]], "smart": wanted[1]}
    were = {
        "state": None if wanted[0] is None else OPTION[before[0]],
        "smart": None if wanted[1] is None else before[1],
    }
    given_options = {name: value for name, value in options.items() if value is not None}
    assert run(**given_options, _ansible_check_mode=check) == {
        "changed": bool(changes),
        "tiered_cache": options,
        "diff": {"before": were, "after": options},
        "zone_id": ZONE_ID,
    }


def test_second_run_writes_nothing(run: Run, wire: Wire) -> None:
    wire.get(STATE, switch(False))
    wire.get(SMART, failed(1142), status=404)
    patch(wire, STATE, True)
    patch(wire, SMART, True)
    wire.get(STATE, switch(True))
    wire.get(SMART, switch(True))
    results = [run(state="enabled", smart=True) for dummy in range(2)]
    assert [result["changed"] for result in results] == [True, False]
    assert results[0]["diff"]["before"] == {"state": "disabled", "smart": False}


@pytest.mark.parametrize(("option", "value", "path"), [("state", "disabled", STATE), ("smart", False, SMART)])
def test_never_set_is_off(run: Run, wire: Wire, option: str, value: t.Any, path: str) -> None:
    wire.get(path, failed(1142), status=404)
    result = run(**{option: value})
    assert result["changed"] is False
    assert result["tiered_cache"][option] == value


class TestNotEditable:
    """The API may call a setting not editable and still carry out the write: the API's answer to the write decides."""

    @pytest.mark.parametrize("check", [False, True])
    def test_is_written(self, run: Run, wire: Wire, check: bool) -> None:
        wire.get(STATE, switch(False, editable=False))
        wire.get(SMART, switch(False, editable=False))
        if not check:
            patch(wire, STATE, True, switch(True, editable=False))
            patch(wire, SMART, True, switch(True, editable=False))
        result = run(state="enabled", smart=True, _ansible_check_mode=check)
        assert result["changed"] is True
        assert result["tiered_cache"] == {"state": "enabled", "smart": True}

    def test_refusal_is_reported_in_the_words_of_the_api(self, run: Run, wire: Wire) -> None:
        wire.get(SMART, switch(False, editable=False))
        patch(wire, SMART, True, failed(4711, message="The setting cannot be changed"), status=403)
        result = run(smart=True)
        assert result["changed"] is False
        assert "The setting cannot be changed" in result["msg"]
        assert result["failure"]["message"] == "The setting cannot be changed"


class TestFailure:
    def test_first_write(self, run: Run, wire: Wire) -> None:
        wire.get(STATE, switch(False))
        wire.get(SMART, switch(False))
        patch(wire, STATE, True, failed(1135, message="no"), status=403)
        result = run(state="enabled", smart=True)
        assert "The plan of the zone does not include this setting" in result.pop("msg")
        off = {"state": "disabled", "smart": False}
        own = {"code": 1135, "message": "no"}
        assert result == {
            "failed": True,
            "changed": False,
            "tiered_cache": off,
            "diff": {"before": off, "after": off},
            "zone_id": ZONE_ID,
            "failure": {"status": 403, **own, "errors": [own]},
        }

    def test_second_write_says_that_the_first_was_made(self, run: Run, wire: Wire) -> None:
        wire.get(STATE, switch(False))
        wire.get(SMART, switch(False))
        patch(wire, STATE, True)
        patch(wire, SMART, True, failed(1135), status=403)
        result = run(state="enabled", smart=True)
        assert result["failed"] and result["changed"] is True
        assert result["tiered_cache"] == {"state": "enabled", "smart": False}
        assert result["diff"] == {
            "before": {"state": "disabled", "smart": False},
            "after": {"state": "enabled", "smart": False},
        }

    def test_of_reading(self, run: Run, wire: Wire) -> None:
        wire.get(STATE, switch(False))
        wire.get(SMART, failed(10000), status=403)
        assert set(run(state="enabled", smart=True)) == {"failed", "msg", "failure"}

    def test_lost_answer_is_asked_for_again(self, run: Run, wire: Wire) -> None:
        wire.get(SMART, switch(False))
        patch(wire, SMART, True, BROKEN)
        patch(wire, SMART, True)
        result = run(smart=True)
        assert result["changed"] is True
        assert len(result["warnings"]) == 1

    @pytest.mark.parametrize("done", [True, False])
    def test_lost_answer_is_settled_by_reading(self, run: Run, wire: Wire, done: bool) -> None:
        wire.get(SMART, switch(False))
        patch(wire, SMART, True, BROKEN)
        wire.get(SMART, switch(done))
        result = run(smart=True, max_wait=0)
        assert ("failed" in result, result["changed"]) == (not done, done)
        assert result["tiered_cache"] == {"state": None, "smart": done}
        assert result["diff"] == {"before": {"state": None, "smart": False}, "after": result["tiered_cache"]}
        assert ("max_wait" in result.get("msg", "")) is not done

    def test_nobody_knows(self, run: Run, wire: Wire) -> None:
        wire.get(SMART, switch(False))
        patch(wire, SMART, True, BROKEN)
        wire.get(SMART, BROKEN)
        result = run(smart=True, max_wait=0)
        assert result["failed"] and result["changed"] is True
        assert "it is unknown whether the change was made" in result["msg"]
        assert result["tiered_cache"] == {"state": None, "smart": False}
        assert result["diff"] == {"before": result["tiered_cache"], "after": result["tiered_cache"]}

    def test_secrets_are_not_shown(self, run: Run, wire: Wire) -> None:
        wire.get(SMART, switch(False))
        patch(wire, SMART, True, failed(4711, message=f"Bearer {TOKEN} may not"), status=400)
        assert run(smart=True)["failure"]["message"] == "Bearer ******** may not"


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "named"),
        [
            ({}, "state, smart"),
            ({"state": "on"}, "state"),
            ({"state": True}, "state"),
            ({"state": ""}, "state"),
            ({"smart": "maybe"}, "smart"),
        ],
        ids=str,
    )
    def test_is_refused_before_any_request(
        self, run_bare: Run, wire: Wire, options: dict[str, t.Any], named: str
    ) -> None:
        result = run_bare(api_token=TOKEN, zone="example.com", **options)
        assert result["failed"] and named in result["msg"]

    @pytest.mark.parametrize("options", [{"smart": None}, {"state": None}, {"state": None, "smart": None}], ids=str)
    def test_null_is_no_option(self, run: Run, wire: Wire, options: dict[str, None]) -> None:
        """Such as a variable that is empty by mistake: a task that does nothing must not look like one that did."""
        result = run(**options)
        assert result.get("failed")
        assert any(option in result["msg"] for option in options)


def test_result_is_as_documented(run: Run, wire: Wire) -> None:
    documented = yaml.safe_load(tiered_cache.RETURN)
    of_failure = documented.pop("failure")
    wire.get(STATE, switch(False))
    patch(wire, STATE, True)
    result = run(state="enabled")
    assert set(result) == {"changed", *documented}
    assert list(documented["tiered_cache"]["contains"]) == list(result["tiered_cache"])
    assert list(documented["diff"]["contains"]) == list(result["diff"])
    wire.get(STATE, switch(False))
    patch(wire, STATE, True, failed(1135), status=403)
    result = run(state="enabled")
    with_failure = [key for key, entry in documented.items() if "write has failed" in entry["returned"]]
    assert set(result) == {"changed", "failed", "msg", "failure", *with_failure}
    assert list(of_failure["contains"]) == list(result["failure"])
