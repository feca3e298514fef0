# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two settings: their values, and the verification of writes without a confirmation."""

from __future__ import annotations

import typing as t

import pytest
import requests
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.settings import ZoneSettings, settings_to_result
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    SettingUnavailableError,
    TransportError,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    REGIONAL_TIERED_CACHE_PATH,
    SMART_TIERED_CACHE_PATH,
    TIERED_CACHE_PATH,
    ZONE_ID,
    Wire,
    envelope,
    error_envelope,
    nested_texts,
    setting_envelope,
)

PATHS = [("state", TIERED_CACHE_PATH), ("smart", SMART_TIERED_CACHE_PATH), ("regional", REGIONAL_TIERED_CACHE_PATH)]


@pytest.fixture
def zone_settings(client: Client) -> ZoneSettings:
    return ZoneSettings(client, ZONE_ID)


@pytest.mark.parametrize(("option", "path"), PATHS)
class TestGet:
    @pytest.mark.parametrize("on", [True, False])
    def test_value(self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str, on: bool) -> None:
        wire.get(path, setting_envelope(on))
        assert zone_settings.get(option) is on

    @pytest.mark.parametrize("given", [{"editable": False}, {"editable": None}, {}], ids=str)
    def test_editable_is_ignored(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str, given: dict[str, t.Any]
    ) -> None:
        wire.get(path, envelope({"value": "on", **given}))
        assert zone_settings.get(option) is True

    @pytest.mark.parametrize("code", [1142, 4711])
    def test_never_set_is_off(self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str, code: int) -> None:
        wire.get(path, error_envelope(code), status=404)
        assert zone_settings.get(option) is False

    @pytest.mark.parametrize(
        ("status", "answer"),
        [
            (404, error_envelope(7003)),
            (404, error_envelope(7000)),
            (404, error_envelope(4711, 7003)),
            (404, error_envelope(10000)),
            (404, "<h1>Not found</h1>"),
            (400, error_envelope(1142)),
            (403, error_envelope(10000)),
            (500, error_envelope(1140)),
        ],
        ids=str,
    )
    def test_error_is_not_off(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str, status: int, answer: t.Any
    ) -> None:
        wire.get(path, answer, status=status)
        with pytest.raises(ApiError, match=f"HTTP {status}"):
            zone_settings.get(option)

    def test_setting_that_the_plan_does_not_include(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str
    ) -> None:
        wire.get(path, error_envelope(1135), status=403)
        with pytest.raises(SettingUnavailableError, match="The plan of the zone does not include this setting"):
            zone_settings.get(option)

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
    def test_malformed(self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str, result: t.Any) -> None:
        wire.get(path, envelope(result))
        with pytest.raises(ApiError, match="^HTTP 200: expected a setting that is on or off, but the answer is "):
            zone_settings.get(option)


def test_deep_nesting(zone_settings: ZoneSettings, wire: Wire) -> None:
    for answer in nested_texts(envelope({"value": "?"})):
        wire.get(TIERED_CACHE_PATH, answer)
        with pytest.raises(ApiError):
            zone_settings.get("state")


@pytest.mark.parametrize(("option", "path"), PATHS)
class TestSet:
    @pytest.mark.parametrize(("on", "value"), [(True, "on"), (False, "off")])
    def test_costs_1_request(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str, on: bool, value: str
    ) -> None:
        wire.send("PATCH", path, setting_envelope(on), body={"value": value})
        zone_settings.set(option, on)

    @pytest.mark.parametrize(
        "answer",
        [setting_envelope(False), envelope({}), envelope(None), requests.exceptions.InvalidSchema("x"), "<h1>OK</h1>"],
        ids=str,
    )
    def test_unconfirmed_write_is_verified(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str, answer: t.Any
    ) -> None:
        wire.send("PATCH", path, answer, body={"value": "on"})
        wire.get(path, setting_envelope(True))
        zone_settings.set(option, True)

    def test_write_that_was_not_made_fails(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str
    ) -> None:
        wire.send("PATCH", path, setting_envelope(False), body={"value": "on"})
        wire.get(path, setting_envelope(False))
        with pytest.raises(ApiError, match="expected the setting that was sent, but the answer is") as caught:
            zone_settings.set(option, True)
        assert caught.value.result == {}

    def test_lost_write_of_off_to_an_unset_setting(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str
    ) -> None:
        wire.send("PATCH", path, error_envelope(1140), body={"value": "off"}, status=500)
        wire.get(path, error_envelope(1142), status=404)
        zone_settings.set(option, False)

    def test_rejection_is_not_verified(self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str) -> None:
        wire.send("PATCH", path, error_envelope(1135), body={"value": "on"}, status=403)
        with pytest.raises(ApiError, match="The plan of the zone"):
            zone_settings.set(option, True)

    def test_lost_write_that_cannot_be_verified(
        self, zone_settings: ZoneSettings, wire: Wire, option: str, path: str
    ) -> None:
        wire.send("PATCH", path, requests.exceptions.InvalidSchema("x"), body={"value": "on"})
        wire.get(path, error_envelope(10000), status=403)
        with pytest.raises(TransportError, match="it is unknown whether the change was made") as caught:
            zone_settings.set(option, True)
        assert caught.value.result == {"changed": True}


@pytest.mark.parametrize(
    ("on", "options"),
    [
        ({}, {"state": None, "smart": None}),
        ({"state": True}, {"state": "enabled", "smart": None}),
        ({"state": False}, {"state": "disabled", "smart": None}),
        ({"smart": True}, {"state": None, "smart": True}),
        ({"state": False, "smart": False}, {"state": "disabled", "smart": False}),
        ({"smart": True, "regional": False}, {"state": None, "smart": True, "regional": False}),
        ({"regional": None}, {"state": None, "smart": None, "regional": None}),
    ],
)
def test_settings_to_result(on: dict[str, bool | None], options: dict[str, t.Any]) -> None:
    assert settings_to_result(on) == options
