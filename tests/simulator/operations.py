# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of the contract, by operationId. Each one changes the state and returns the response."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, replace

from .credentials import get_usable_zone, list_visible_zones
from .errors import ApiError, address_mismatch, envelope, tiered_cache_disabled, zone_not_allowed
from .state import State, Token, Zone, parse_address

Envelope = dict[str, t.Any]


@dataclass
class Call:
    """One authenticated request, with typed parameters and its parsed body."""

    state: State
    token: Token
    path: str
    parameters: dict[str, t.Any]
    body: t.Any

    @property
    def zone(self) -> Zone:
        return get_usable_zone(self.parameters["zone_id"], self.path, self.token, self.state)

    @property
    def origin_ip(self) -> str:
        return str(self.parameters["origin_ip"])


def paginate(items: list[t.Any], call: Call) -> Envelope:
    page, per_page = call.parameters["page"], call.parameters["per_page"]
    result = items[(page - 1) * per_page : page * per_page]
    result_info = {
        "page": page,
        "per_page": per_page,
        "count": len(result),
        "total_count": len(items),
        "total_pages": -(-len(items) // per_page),
    }
    return envelope(result, result_info=result_info)


def apply_each(items: list[t.Any], apply: t.Callable[[t.Any], t.Any]) -> tuple[list[t.Any], list[t.Any]]:
    """Return the results of the valid items, and the failed items with their errors."""
    succeeded, failed = [], []
    for item in items:
        try:
            succeeded.append(apply(item))
        except ApiError as error:
            origin_ip = item.get("origin_ip") if isinstance(item, dict) else item
            failed.append({"origin_ip": str(origin_ip), "error": error.message})
    return succeeded, failed


def batch_result(mappings: list[t.Any], failed: list[t.Any]) -> Envelope:
    succeeded = [{name: mapping[name] for name in ("origin_ip", "vendor", "region")} for mapping in mappings]
    return envelope({"succeeded": succeeded, "failed": failed})


OPERATORS: dict[str, t.Callable[[str, str], bool]] = {
    "equal": lambda value, wanted: value.lower() == wanted.lower(),
    "not_equal": lambda value, wanted: value.lower() != wanted.lower(),
    "starts_with": lambda value, wanted: value.lower().startswith(wanted.lower()),
    "ends_with": lambda value, wanted: value.lower().endswith(wanted.lower()),
    "contains": lambda value, wanted: wanted.lower() in value.lower(),
    "starts_with_case_sensitive": str.startswith,
    "ends_with_case_sensitive": str.endswith,
    "contains_case_sensitive": str.__contains__,
}
"""The operators before a colon in the parameters ``name`` and ``account.name`` of the list of zones."""


def has_text(value: str, wanted: str) -> bool:
    """Return whether a text is as a parameter demands, which may begin with an operator and a colon."""
    operator, colon, rest = wanted.partition(":")
    return OPERATORS[operator](value, rest) if colon and operator in OPERATORS else OPERATORS["equal"](value, wanted)


def list_zones(call: Call) -> Envelope:
    wanted = call.parameters
    zones = [zone.description for zone in list_visible_zones(call.token, call.state)]
    types = wanted["type"].split(",") if "type" in wanted else ["full", "partial", "secondary"]
    zones = [zone for zone in zones if zone["type"] in types]
    conditions: list[tuple[str, t.Callable[[Envelope], bool]]] = [
        ("name", lambda zone: has_text(zone["name"], wanted["name"])),
        ("account.id", lambda zone: zone["account"]["id"] == wanted["account.id"]),
        ("account.name", lambda zone: has_text(zone["account"]["name"], wanted["account.name"])),
        ("status", lambda zone: zone["status"] == wanted["status"]),
    ]
    given = [condition for name, condition in conditions if name in wanted]
    if given:
        combine = any if wanted["match"] == "any" else all
        zones = [zone for zone in zones if combine(condition(zone) for condition in given)]
    if "order" in wanted:
        keys: dict[str, t.Callable[[Envelope], str]] = {
            "account.id": lambda zone: zone["account"]["id"],
            "account.name": lambda zone: zone["account"]["name"],
            "plan.id": lambda zone: zone["plan"]["legacy_id"],
        }
        order = wanted["order"]
        zones.sort(key=keys.get(order, lambda zone: zone[order]), reverse=wanted.get("direction") == "desc")
    return paginate(zones, call)


def get_zone(call: Call) -> Envelope:
    zone = call.zone
    if not call.token.list_zones:
        raise zone_not_allowed()
    return envelope(zone.description)


def list_mappings(call: Call) -> Envelope:
    return paginate(list(call.zone.mappings.values()), call)


def get_mapping(call: Call) -> Envelope:
    return envelope(call.zone.get(call.origin_ip))


def upsert_mapping(call: Call) -> Envelope:
    zone, origin_ip = call.zone, parse_address(call.origin_ip)
    mapping = call.state.create_mapping(call.body)
    if mapping["origin_ip"] != origin_ip:
        raise address_mismatch()
    zone.put([mapping])
    return envelope(mapping)


def delete_mapping(call: Call) -> Envelope:
    return envelope({"origin_ip": call.zone.delete(call.origin_ip)["origin_ip"]})


def batch_upsert(call: Call) -> Envelope:
    zone = call.zone
    mappings, failed = apply_each(call.body, call.state.create_mapping)
    zone.put(mappings)
    return batch_result(mappings, failed)


def batch_delete(call: Call) -> Envelope:
    return batch_result(*apply_each(call.body, call.zone.delete))


def write_concurrently(call: Call, body: dict[str, list[t.Any]]) -> None:
    """Write to the zone as another client. Errors of the API are ignored."""
    with contextlib.suppress(ApiError):
        zone = call.zone
        start = len(zone.history)
        for operation, items in ((batch_upsert, body.get("put", [])), (batch_delete, body.get("delete", []))):
            with contextlib.suppress(ApiError):
                operation(replace(call, body=items))
        for written in zone.history[start:]:
            written["concurrent"] = True


def get_supported_regions(call: Call) -> Envelope:
    if call.zone.tiered_cache.value != "on":
        raise tiered_cache_disabled()
    return envelope(call.state.supported_regions)


def get_tiered_cache(call: Call) -> Envelope:
    return envelope(call.zone.tiered_cache.to_result())


def set_tiered_cache(call: Call) -> Envelope:
    setting = call.zone.tiered_cache
    setting.set(call.body["value"])
    return envelope(setting.to_result())


def get_smart_tiered_cache(call: Call) -> Envelope:
    return envelope(call.zone.smart_tiered_cache.to_result())


def set_smart_tiered_cache(call: Call) -> Envelope:
    setting = call.zone.smart_tiered_cache
    setting.set(call.body["value"])
    return envelope(setting.to_result())


def get_regional_tiered_cache(call: Call) -> Envelope:
    return envelope(call.zone.regional_tiered_cache.to_result())


def set_regional_tiered_cache(call: Call) -> Envelope:
    setting = call.zone.regional_tiered_cache
    setting.set(call.body["value"])
    return envelope(setting.to_result())


OPERATIONS: dict[str, t.Callable[[Call], Envelope]] = {
    "zones-list": list_zones,
    "zone-get": get_zone,
    "origin-cloud-regions-v2-list": list_mappings,
    "origin-cloud-regions-v2-get": get_mapping,
    "origin-cloud-regions-v2-upsert": upsert_mapping,
    "origin-cloud-regions-v2-delete": delete_mapping,
    "origin-cloud-regions-v2-batch-upsert": batch_upsert,
    "origin-cloud-regions-v2-batch-delete": batch_delete,
    "origin-cloud-regions-v2-supported-regions": get_supported_regions,
    "tiered-caching-get": get_tiered_cache,
    "tiered-caching-patch": set_tiered_cache,
    "smart-tiered-cache-get": get_smart_tiered_cache,
    "smart-tiered-cache-patch": set_smart_tiered_cache,
    "regional-tiered-cache-get": get_regional_tiered_cache,
    "regional-tiered-cache-patch": set_regional_tiered_cache,
}
BATCH_OPERATIONS = ("origin-cloud-regions-v2-batch-upsert", "origin-cloud-regions-v2-batch-delete")
LIST_OPERATIONS = ("zones-list", "origin-cloud-regions-v2-list")
