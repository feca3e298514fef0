# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The switches of a zone without which a hint does nothing: Tiered Cache, and Smart Tiered Cache.

Private to the collection: no other collection may rely on this file. Paths and values are facts of Cloudflare's API
documentation.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import Client, malformed
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    NotFound,
    PermissionDenied,
)

PATHS = {"state": "argo/tiered_caching", "smart": "cache/tiered_cache_smart_topology_enable"}
"""By the option that sets it: Tiered Cache is ``state``, Smart Tiered Cache is ``smart``."""


class Switches:
    """The switches of one zone, each named by its option, a key of ``PATHS``. One request for each call."""

    def __init__(self, client: Client, zone_id: str) -> None:
        self._client = client
        self._path = f"/zones/{zone_id}"

    def get(self, option: str) -> bool:
        """Whether a switch is on. If it was never set, it is off.

        ``editable`` of the API's answer is ignored: the API may carry out a write although it is false.
        """
        try:
            return _is_on(self._client.request("GET", f"{self._path}/{PATHS[option]}")["result"])
        except ApiError as error:
            # No code is published for what was never set, only those for a zone that is not there or not allowed
            if error.status != 404 or error.code is None or isinstance(error, (NotFound, PermissionDenied)):
                raise
            return False

    def set(self, option: str, on: bool) -> None:
        """Set one switch. Without an error, it stands so."""

        def write() -> bool:
            came = self._client.request(
                "PATCH", f"{self._path}/{PATHS[option]}", body={"value": "on" if on else "off"}
            )["result"]
            if _is_on(came) != on:
                raise malformed("the setting that was sent", came)
            return True

        self._client.sure(write, lambda: True if self.get(option) == on else None)


def _is_on(setting: t.Any) -> bool:
    if not isinstance(setting, dict) or setting.get("value") not in ("on", "off"):
        raise malformed("a setting that is on or off", setting)
    return bool(setting["value"] == "on")


def described(on: t.Mapping[str, bool]) -> dict[str, t.Any]:
    """The switches as options, ``{state, smart}``: each none where it is not known."""
    state = {None: None, True: "enabled", False: "disabled"}[on.get("state")]
    return {"state": state, "smart": on.get("smart")}
