# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module tiered_cache_info, from its arguments to its output."""

from __future__ import annotations

import types
import typing as t

import pytest
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import tiered_cache_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    REGIONAL_TIERED_CACHE_PATH,
    SMART_TIERED_CACHE_PATH,
    TIERED_CACHE_PATH,
    ZONE_ID,
    Wire,
    error_envelope,
    setting_envelope,
)

RunModule = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def module_under_test() -> types.ModuleType:
    return tiered_cache_info


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize("smart", [True, False])
@pytest.mark.parametrize(("on", "state"), [(True, "enabled"), (False, "disabled")])
def test_both_settings(run: RunModule, wire: Wire, on: bool, state: str, smart: bool, check: bool) -> None:
    wire.get(TIERED_CACHE_PATH, setting_envelope(on))
    wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(smart))
    assert run(_ansible_check_mode=check) == {
        "tiered_cache": {"state": state, "smart": smart},
        "zone_id": ZONE_ID,
    }


def test_never_set_is_off(run: RunModule, wire: Wire) -> None:
    wire.get(TIERED_CACHE_PATH, setting_envelope(True))
    wire.get(SMART_TIERED_CACHE_PATH, error_envelope(1142), status=404)
    assert run()["tiered_cache"] == {"state": "enabled", "smart": False}


class TestRegional:
    """Regional Tiered Cache, which costs one request more."""

    @pytest.mark.parametrize("on", [True, False])
    def test_value(self, run: RunModule, wire: Wire, on: bool) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(True))
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(True))
        wire.get(REGIONAL_TIERED_CACHE_PATH, setting_envelope(on))
        assert run(regional=True)["tiered_cache"] == {"state": "enabled", "smart": True, "regional": on}

    @pytest.mark.parametrize(
        ("status", "code", "value"), [(403, 1135, None), (400, 1135, None), (404, 1135, None), (404, 1142, False)]
    )
    def test_plan_without_it_is_not_off(
        self, run: RunModule, wire: Wire, status: int, code: int, value: bool | None
    ) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(True))
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(True))
        wire.get(REGIONAL_TIERED_CACHE_PATH, error_envelope(code), status=status)
        assert run(regional=True)["tiered_cache"]["regional"] is value

    @pytest.mark.parametrize("options", [{}, {"regional": False}], ids=str)
    def test_is_not_read_by_default(self, run: RunModule, wire: Wire, options: dict[str, bool]) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(True))
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(True))
        assert run(**options)["tiered_cache"] == {"state": "enabled", "smart": True}

    def test_failure(self, run: RunModule, wire: Wire) -> None:
        wire.get(TIERED_CACHE_PATH, setting_envelope(True))
        wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(True))
        wire.get(REGIONAL_TIERED_CACHE_PATH, error_envelope(10000), status=403)
        assert "check api_token" in run(regional=True)["msg"]


@pytest.mark.parametrize(("status", "code", "message"), [(404, 7003, "check zone_id"), (403, 10000, "check api_token")])
def test_failure_is_not_off(run: RunModule, wire: Wire, status: int, code: int, message: str) -> None:
    wire.get(TIERED_CACHE_PATH, setting_envelope(True))
    wire.get(SMART_TIERED_CACHE_PATH, error_envelope(code), status=status)
    result = run()
    assert message in result["msg"]
    assert result["failure"]["code"] == code
    assert "tiered_cache" not in result


def test_result_is_as_documented(run: RunModule, wire: Wire) -> None:
    documented = yaml.safe_load(tiered_cache_info.RETURN)
    of_failure = documented.pop("failure")
    wire.get(TIERED_CACHE_PATH, setting_envelope(True))
    wire.get(SMART_TIERED_CACHE_PATH, setting_envelope(True))
    wire.get(REGIONAL_TIERED_CACHE_PATH, setting_envelope(True))
    result = run(regional=True)
    assert set(result) == set(documented)
    assert list(documented["tiered_cache"]["contains"]) == list(result["tiered_cache"])
    wire.get(TIERED_CACHE_PATH, error_envelope(10000), status=403)
    result = run()
    assert set(result) == {"failed", "msg", "failure"}
    assert list(of_failure["contains"]) == list(result["failure"])
