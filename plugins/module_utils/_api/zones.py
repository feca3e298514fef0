# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find a zone by its id or domain name. Private to the collection: other code must not import this file."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import (
    Client,
    unexpected_response,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError


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
