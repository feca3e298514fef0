# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find zones: one by its domain name, or all that match some conditions.

Private to the collection: other code must not import this file. Source of the parameters and their values: Cloudflare's API
documentation, https://developers.cloudflare.com/api/resources/zones/methods/list/
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import (
    Client,
    OpenPage,
    collect_items,
    unexpected_response,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError

PAGE_SIZE = 50
"""Zones of a page: the maximum of the API."""

MAX_PAGES = 1_000
"""Pages of zones that are accepted, which are 50,000 zones. Only a faulty API has more."""

OPERATORS = (
    *("equal", "not_equal", "starts_with", "ends_with", "contains"),
    *("starts_with_case_sensitive", "ends_with_case_sensitive", "contains_case_sensitive"),
)
"""What may be before a colon in the parameters ``name`` and ``account.name``. Without it, the API compares for equality."""

STATUSES = ("initializing", "pending", "active", "moved")

MAX_TEXT_LENGTH = 253
"""Characters of the parameters ``name`` and ``account.name``: the maximum of the API."""


class Zone(t.NamedTuple):
    """A zone. A value other than id and name is ``None`` where the API gives none. ``plan`` is the plan's short name, as in ``free``."""

    id: str
    name: str
    account_id: str | None
    account_name: str | None
    status: str | None
    type: str | None
    plan: str | None

    @classmethod
    def from_api(cls, item: t.Any) -> Zone:
        """Return the zone of an item of the API. Raises ``ApiError`` for anything else."""
        try:
            account, plan = item.get("account") or {}, item.get("plan") or {}
            others = [
                *(account.get("id"), account.get("name"), item.get("status"), item.get("type")),
                plan.get("legacy_id") or plan.get("name"),
            ]
            zone = cls(item["id"], item["name"], *others)
        except (AttributeError, KeyError, TypeError):
            raise unexpected_response("a zone", item) from None
        if not is_zone_result(zone.to_result()):
            raise unexpected_response("a zone", item)
        return zone

    def to_result(self) -> dict[str, t.Any]:
        """Return the zone with the names that playbooks use: ``id`` is ``zone_id``, and ``name`` is ``zone``."""
        others = self._asdict()
        return {"zone_id": others.pop("id"), "zone": others.pop("name"), **others}


def is_zone_result(value: t.Any) -> bool:
    """Return whether a value, such as one of a cache, has the form of ``Zone.to_result``."""
    return (
        isinstance(value, dict)
        and value.keys() == {"zone_id", "zone", *Zone._fields[2:]}
        and is_zone_id(value["zone_id"])
        and isinstance(value["zone"], str)
        and all(isinstance(value[name], (str, type(None))) for name in Zone._fields[2:])
    )


def is_zone_id(value: object) -> bool:
    """Return whether the value has the form of a zone id: 32 lower-case hexadecimal digits."""
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value) is not None


def is_domain_name(value: str) -> bool:
    """Return whether the value has the form of a domain name: at least two labels, no blanks, no URL."""
    return (
        len(value) <= 253
        and re.fullmatch(r"[^\s./:?#@%]+(\.[^\s./:?#@%]+)+", value) is not None
        and value.isprintable()
    )


def fetch_zone_id(client: Client, name: str) -> str:
    """Return the id of the zone with this domain name. One request."""
    zones: t.Any = client.request("GET", "/zones", params={"name": name}).result
    try:
        ids = [zone["id"] for zone in zones if zone["name"].lower() == name.lower()]
    except (TypeError, KeyError, AttributeError):
        ids = [None]
    if not all(map(is_zone_id, ids)):
        raise unexpected_response("a list of zones", zones)
    if not ids:
        raise ConfigurationError(
            f"zone: {name!r} was not found with this credential. Check the name. A token that is limited to certain zones "
            "often cannot list zones: set zone_id instead, the 32 digits on the zone's overview page."
        )
    if len(ids) > 1:
        raise ConfigurationError(f"zone: {len(ids)} zones are named {name!r}. Set zone_id to one of {', '.join(ids)}.")
    return str(ids[0])


def fetch_zone_name(client: Client, zone_id: str) -> str:
    """Return the domain name of the zone with this id. One request."""
    zone: t.Any = client.request("GET", f"/zones/{zone_id}").result
    if not isinstance(zone, dict) or not isinstance(zone.get("name"), str) or not is_domain_name(zone["name"]):
        raise unexpected_response("a zone with its name", zone)
    return str(zone["name"])


def fetch_zone(client: Client, zone_id: str) -> Zone:
    """Return the zone with this id. One request."""
    zone = Zone.from_api(client.request("GET", f"/zones/{zone_id}").result)
    if zone.id != zone_id or not is_domain_name(zone.name):
        raise unexpected_response("the zone with its name", zone.to_result())
    return zone


def list_zones(client: Client, conditions: t.Mapping[str, str]) -> list[Zone]:
    """Return the zones that fulfil ``conditions``, parameters of the call, by name. One request for each 50 zones, at least one."""

    def read_pages() -> t.Iterator[OpenPage]:
        return client.iter_open_pages("/zones", {**conditions, "order": "name"}, PAGE_SIZE, MAX_PAGES)

    return collect_items(read_pages, Zone.from_api, lambda zone: zone.id, "zones")
