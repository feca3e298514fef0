# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zone settings Tiered Cache and Smart Tiered Cache, without which a hint has no effect, and Regional Tiered Cache.

Private to the collection: other code must not import this file. Source of paths and values: Cloudflare's API documentation,
https://developers.cloudflare.com/api/resources/argo/subresources/tiered_caching/
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import (
    Client,
    is_never_set,
    unexpected_response,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ApiError

PATHS = {
    "state": "argo/tiered_caching",
    "smart": "cache/tiered_cache_smart_topology_enable",
    "regional": "cache/regional_tiered_cache",
}
"""The path of each setting, by the option that sets it. ``state`` is Tiered Cache, the others are Smart and Regional Tiered Cache."""


class ZoneSettings:
    """The settings of one zone, each named by its option, a key of ``PATHS``."""

    def __init__(self, client: Client, zone_id: str) -> None:
        self._client = client
        self._path = f"/zones/{zone_id}"

    def get(self, option: str) -> bool:
        """Return whether a setting is on. A setting that was never set is off. One request.

        ``editable`` in the response is ignored, since the API may carry out a write although it is false. Raises
        ``SettingUnavailableError`` if the plan of the zone does not include the setting.
        """
        try:
            return _is_on(self._client.request("GET", f"{self._path}/{PATHS[option]}").result)
        except ApiError as error:
            if not is_never_set(error):
                raise
            return False

    def set(self, option: str, on: bool) -> None:
        """Set one setting. One request."""

        def write() -> bool:
            path = f"{self._path}/{PATHS[option]}"
            setting = self._client.request("PATCH", path, body={"value": "on" if on else "off"}).result
            if _is_on(setting) != on:
                raise unexpected_response("the setting that was sent", setting)
            return True

        self._client.write_or_verify(write, lambda: True if self.get(option) == on else None)


def _is_on(setting: t.Any) -> bool:
    if not isinstance(setting, dict) or setting.get("value") not in ("on", "off"):
        raise unexpected_response("a setting that is on or off", setting)
    return bool(setting["value"] == "on")


def settings_to_result(is_on: t.Mapping[str, bool | None]) -> dict[str, t.Any]:
    """Return the result ``{state, smart}`` of a module, an unknown setting as ``None``; with ``regional`` if ``is_on`` has it."""
    state = {None: None, True: "enabled", False: "disabled"}[is_on.get("state")]
    result = {"state": state, "smart": is_on.get("smart")}
    return {**result, "regional": is_on["regional"]} if "regional" in is_on else result
