# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operations of the contract, by operationId. Each one changes the state and returns the response."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import dataclass, replace

from .credentials import get_usable_zone, list_visible_zones, require_permission, require_usable_account
from .errors import (
    ApiError,
    address_mismatch,
    envelope,
    fallback_origin_not_found,
    origin_rules_not_found,
    tiered_cache_disabled,
    zone_not_allowed,
)
from .state import Item, State, Token, Zone, parse_address

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

    def zone_with(self, permission: str) -> Zone:
        """Return the zone, if the token has the permission."""
        zone = self.zone
        require_permission(self.token, permission)
        return zone

    @property
    def origin_ip(self) -> str:
        return str(self.parameters["origin_ip"])


def paginate(items: list[t.Any], call: Call, total_count: int | None = None) -> Envelope:
    """Return the page that the request names. ``total_count`` replaces the number of items."""
    page, per_page = call.parameters["page"], call.parameters["per_page"]
    result = items[(page - 1) * per_page : page * per_page]
    result_info = {
        "page": page,
        "per_page": per_page,
        "count": len(result),
        "total_count": len(items) if total_count is None else total_count,
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


def list_dns_records(call: Call) -> Envelope:
    wanted = call.parameters
    records = call.zone_with("DNS Read").dns_records
    total_count = len(records)  # published as the number of records without any filter
    for name in wanted.keys() & {"proxied", "type"}:
        records = [record for record in records if record[name] == wanted[name]]
    if "order" in wanted:
        default = 1 if wanted["order"] == "ttl" else ""
        is_descending = wanted.get("direction") == "desc"
        records = sorted(records, key=lambda record: record.get(wanted["order"], default), reverse=is_descending)
    return paginate(records, call, total_count)


def list_load_balancers(call: Call) -> Envelope:
    return envelope(call.zone_with("Load Balancers Read").load_balancers)


def list_pools(call: Call) -> Envelope:
    account_id = call.parameters["account_id"]
    require_usable_account(account_id, call.path, call.token, call.state)
    require_permission(call.token, "Load Balancing: Monitors and Pools Read")
    return envelope(call.state.pools.get(account_id, []))


def get_origin_rules(call: Call) -> Envelope:
    rules = call.zone_with("Origin Read").origin_rules
    if rules is None:
        raise origin_rules_not_found()
    return envelope({"rules": rules})


def list_custom_hostnames(call: Call) -> Envelope:
    call.parameters.setdefault("per_page", 50)  # no default is published
    return paginate(call.zone_with("SSL and Certificates Read").custom_hostnames, call)


def get_fallback_origin(call: Call) -> Envelope:
    fallback_origin = call.zone_with("SSL and Certificates Read").fallback_origin
    if fallback_origin is None:
        raise fallback_origin_not_found()
    return envelope(fallback_origin)


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
    """Write to the zone as another client. Errors of the API are ignored.

    New DNS records are the first of their list, so that the records after them move.
    """
    with contextlib.suppress(ApiError):
        zone = call.zone
        new: list[Item] = body.get("put_records", [])
        replaced = {*(record["id"] for record in new), *body.get("delete_records", [])}
        zone.dns_records = [*new, *(record for record in zone.dns_records if record["id"] not in replaced)]
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
    "dns-records-list": list_dns_records,
    "load-balancers-list": list_load_balancers,
    "load-balancer-pools-list": list_pools,
    "origin-rules-get": get_origin_rules,
    "custom-hostnames-list": list_custom_hostnames,
    "fallback-origin-get": get_fallback_origin,
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
LIST_OPERATIONS = ("zones-list", "origin-cloud-regions-v2-list", "dns-records-list", "custom-hostnames-list")
"""The lists that have pages."""

OPERATIONS_WITHOUT_ZONE = ("zones-list", "load-balancer-pools-list")
