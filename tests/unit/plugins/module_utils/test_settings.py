# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two switches: what counts as on and as off, and that a write is believed only if it is confirmed."""

from __future__ import annotations

import typing as t

import pytest
import requests
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.settings import ZoneSettings, settings_to_result
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ApiError, TransportError
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    SMART,
    STATE,
    ZONE_ID,
    Wire,
    envelope,
    failed,
    nested,
    switch,
)

PATHS = [("state", STATE), ("smart", SMART)]


@pytest.fixture
def switches(client: Client) -> ZoneSettings:
    return ZoneSettings(client, ZONE_ID)


@pytest.mark.parametrize(("option", "path"), PATHS)
class TestGet:
    @pytest.mark.parametrize("on", [True, False])
    def test_value(self, switches: ZoneSettings, wire: Wire, option: str, path: str, on: bool) -> None:
        wire.get(path, switch(on))
        assert switches.get(option) is on

    @pytest.mark.parametrize("given", [{"editable": False}, {"editable": None}, {}], ids=str)
    def test_editable_is_ignored(
        self, switches: ZoneSettings, wire: Wire, option: str, path: str, given: dict[str, t.Any]
    ) -> None:
        wire.get(path, envelope({"value": "on", **given}))
        assert switches.get(option) is True

    @pytest.mark.parametrize("code", [1142, 4711])
    def test_never_set_is_off(self, switches: ZoneSettings, wire: Wire, option: str, path: str, code: int) -> None:
        wire.get(path, failed(code), status=404)
        assert switches.get(option) is False

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (404, failed(7003)),
            (404, failed(7000)),
            (404, failed(4711, 7003)),
            (404, failed(10000)),
            (404, "<h1>Not found</h1>"),
            (400, failed(1142)),
            (403, failed(10000)),
            (500, failed(1140)),
        ],
        ids=str,
    )
    def test_error_is_not_off(
        self, switches: ZoneSettings, wire: Wire, option: str, path: str, status: int, answer: t.Any
    ) -> None:
        wire.get(path, answer, status=status)
        with pytest.raises(ApiError, match=f"HTTP {status}"):
            switches.get(option)

    @pytest.mark.parametrize(
        "result",
        [
            {},
            [],
            "on",
            True,
            1,
            {"value": None},
            {"value": True},
            {"value": "ON"},
            {"value": ["on"]},
            [{"value": "on"}],
        ],
        ids=str,
    )
    def test_malformed(self, switches: ZoneSettings, wire: Wire, option: str, path: str, result: t.Any) -> None:
        wire.get(path, envelope(result))
        with pytest.raises(ApiError, match="^HTTP 200: expected a setting that is on or off, but the answer is "):
            switches.get(option)


def test_deep_nesting_is_malformed(switches: ZoneSettings, wire: Wire) -> None:
    for answer in nested(envelope({"value": "?"})):
        wire.get(STATE, answer)
        with pytest.raises(ApiError):
            switches.get("state")


@pytest.mark.parametrize(("option", "path"), PATHS)
class TestSet:
    @pytest.mark.parametrize(("on", "value"), [(True, "on"), (False, "off")])
    def test_costs_one_request(
        self, switches: ZoneSettings, wire: Wire, option: str, path: str, on: bool, value: str
    ) -> None:
        wire.send("PATCH", path, switch(on), body={"value": value})
        switches.set(option, on)

    @pytest.mark.parametrize(
        "answer",
        [switch(False), envelope({}), envelope(None), requests.exceptions.InvalidSchema("x"), "<h1>OK</h1>"],
        ids=str,
    )
    def test_what_is_not_confirmed_is_read(
        self, switches: ZoneSettings, wire: Wire, option: str, path: str, answer: t.Any
    ) -> None:
        wire.send("PATCH", path, answer, body={"value": "on"})
        wire.get(path, switch(True))
        switches.set(option, True)

    def test_what_was_not_done_is_an_error(self, switches: ZoneSettings, wire: Wire, option: str, path: str) -> None:
        wire.send("PATCH", path, switch(False), body={"value": "on"})
        wire.get(path, switch(False))
        with pytest.raises(ApiError, match="expected the setting that was sent, but the answer is") as caught:
            switches.set(option, True)
        assert caught.value.result == {}

    def test_lost_switching_off_of_what_was_never_set(
        self, switches: ZoneSettings, wire: Wire, option: str, path: str
    ) -> None:
        wire.send("PATCH", path, failed(1140), body={"value": "off"}, status=500)
        wire.get(path, failed(1142), status=404)
        switches.set(option, False)

    def test_refusal_is_not_read_again(self, switches: ZoneSettings, wire: Wire, option: str, path: str) -> None:
        wire.send("PATCH", path, failed(1135), body={"value": "on"}, status=403)
        with pytest.raises(ApiError, match="The plan of the zone"):
            switches.set(option, True)

    def test_unknown(self, switches: ZoneSettings, wire: Wire, option: str, path: str) -> None:
        wire.send("PATCH", path, requests.exceptions.InvalidSchema("x"), body={"value": "on"})
        wire.get(path, failed(10000), status=403)
        with pytest.raises(TransportError, match="it is unknown whether the change was made") as caught:
            switches.set(option, True)
        assert caught.value.result == {"changed": True}


@pytest.mark.parametrize(
    ("on", "options"),
    [
        ({}, {"state": None, "smart": None}),
        ({"state": True}, {"state": "enabled", "smart": None}),
        ({"state": False}, {"state": "disabled", "smart": None}),
        ({"smart": True}, {"state": None, "smart": True}),
        ({"state": False, "smart": False}, {"state": "disabled", "smart": False}),
    ],
)
def test_described(on: dict[str, bool], options: dict[str, t.Any]) -> None:
    assert settings_to_result(on) == options
