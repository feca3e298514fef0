# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seeds: a YAML file, or the same structure as JSON, with the content of the simulated account.

Omitted top-level keys are those of the default seed, so that a test specifies only what it needs. A zone without a name is the
zone of the default seed with the same id, changed by its other keys.
"""

from __future__ import annotations

import functools
import ipaddress
import typing as t
from pathlib import Path

import yaml

from . import errors
from .addresses import normalize_address
from .state import MAX_MAPPINGS, PERMISSIONS, Item, Mapping, Setting, State, Token, Zone, parse_address
from .yaml_files import read_yaml

DEFAULT_SEED = Path(__file__).with_name("seed.yml")
ENTERPRISE = "enterprise"
"""The only plan with Regional Tiered Cache."""

DEFAULT_ACCOUNT = {"id": "01a7362d577a6c3019a474fd6f485823", "name": "Example Inc."}
FILL_START = int(ipaddress.IPv6Address("2001:db8:f::"))


class SeedError(ValueError):
    """The seed is not valid."""


@functools.cache
def read_seed(path: Path) -> dict[str, t.Any]:
    try:
        seed = read_yaml(path)
    except yaml.YAMLError as error:
        raise SeedError(f"{path.name} is not YAML: {error}") from None
    if not isinstance(seed, dict):
        raise SeedError(f"{path.name} is not a mapping")
    return seed


def create_state(overrides: dict[str, t.Any]) -> State:
    seed = {**read_seed(DEFAULT_SEED), **overrides}
    try:
        state = State(
            tokens={item["token"]: _parse_token(item) for item in seed["tokens"]},
            keys={pair["email"]: pair["key"] for pair in seed["keys"]},
            zones={},
            supported_regions=seed["supported_regions"],
        )
        defaults = {item["id"]: item for item in read_seed(DEFAULT_SEED)["zones"]}
        for item in seed["zones"]:
            state.zones[item["id"]] = _parse_zone(item if "name" in item else {**defaults[item["id"]], **item}, state)
        for pool in _number(seed["pools"]):
            state.pools.setdefault(pool.pop("account_id", DEFAULT_ACCOUNT["id"]), []).append(pool)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SeedError(f"wrong seed: {type(error).__name__}: {error}") from error
    except errors.ApiError as error:
        raise SeedError(f"wrong seed: {error.message}") from error
    return state


def _parse_token(item: dict[str, t.Any]) -> Token:
    zones, permissions = item.get("zones"), item.get("permissions")
    if unknown := set(permissions or ()) - set(PERMISSIONS):
        raise SeedError(f"unknown permissions: {', '.join(sorted(unknown))}; known are {', '.join(PERMISSIONS)}")
    return Token(
        item["token"],
        None if zones is None else tuple(zones),
        item.get("list_zones", True),
        None if permissions is None else tuple(permissions),
    )


def _parse_zone(item: dict[str, t.Any], state: State) -> Zone:
    plan = item.get("plan", ENTERPRISE)
    zone = Zone(
        id=item["id"],
        name=item["name"],
        tiered_cache=Setting("tiered_caching", _parse_setting(item.get("tiered_cache", "off"))),
        smart_tiered_cache=Setting(
            "tiered_cache_smart_topology_enable", _parse_setting(item.get("smart_tiered_cache"))
        ),
        regional_tiered_cache=Setting(
            "tc_regional", _parse_setting(item.get("regional_tiered_cache")), is_in_plan=plan == ENTERPRISE
        ),
        description={
            "id": item["id"],
            "name": item["name"],
            "status": item.get("status", "active"),
            "type": item.get("type", "full"),
            "account": item.get("account", DEFAULT_ACCOUNT),
            "plan": {"name": f"{plan.title()} Website", "legacy_id": plan},
        },
        limit=item.get("limit", MAX_MAPPINGS),
        dns_records=[
            *(_parse_record(record) for record in _number(item.get("dns_records", []))),
            *_generate_records(item.get("fill_records", 0), item["name"]),
        ],
        load_balancers=_number(item.get("load_balancers", [])),
        origin_rules=_number(item["origin_rules"]) if "origin_rules" in item else None,
        custom_hostnames=item.get("custom_hostnames", []),
        fallback_origin=item.get("fallback_origin"),
    )
    zone.put(_parse_mapping(mapping, state) for mapping in item.get("mappings", []))
    zone.put(_generate_mappings(item.get("fill", 0), state))
    zone.history.clear()
    return zone


def _parse_setting(value: t.Any) -> str | None:
    """Return ``on``, ``off`` or ``None``. YAML parses a bare ``on`` as true."""
    value = {True: "on", False: "off"}.get(value, value)
    if value not in ("on", "off", None):
        raise SeedError(f"a switch is on or off, not {value!r}")
    return value and str(value)


def _parse_mapping(item: dict[str, t.Any], state: State) -> Mapping:
    if item.get("retired"):
        mapping = {"origin_ip": parse_address(item["origin_ip"]), "vendor": item["vendor"], "region": item["region"]}
    else:
        mapping = state.create_mapping(item)
        del mapping["modified_on"]
    if "modified_on" in item:
        if not isinstance(item["modified_on"], str):
            raise SeedError(f"modified_on of {mapping['origin_ip']} needs quotes")
        mapping["modified_on"] = item["modified_on"]
    return mapping


def _number(items: list[Item]) -> list[Item]:
    """Return copies with an id each, unless they have one."""
    return [{"id": f"{number:032x}", **item} for number, item in enumerate(items, 1)]


def _parse_record(item: Item) -> Item:
    return {"name": item["name"], "type": item["type"], "proxied": False, **item}


def _generate_records(count: int, zone: str) -> t.Iterator[Item]:
    """Yield proxied records. Each tenth is a CNAME of the one before, the others have the addresses of ``_generate_mappings``."""
    for number in range(1, count + 1):
        name, alias_of = (f"host-{host:06}.{zone}" for host in (number, number - 1))
        address = str(ipaddress.IPv6Address(FILL_START + 1 + (number - 1) % MAX_MAPPINGS))
        data = {"type": "AAAA", "content": address} if number % 10 else {"type": "CNAME", "content": alias_of}
        yield {"id": f"f{number:031x}", "name": name, **data, "proxied": True}


def _generate_mappings(count: int, state: State) -> t.Iterator[Mapping]:
    if count > MAX_MAPPINGS:
        raise errors.too_many_mappings()
    vendor_regions = [
        (vendor, region["name"]) for vendor, regions in state.supported_regions["vendors"].items() for region in regions
    ]
    for number in range(1, count + 1):
        vendor, region = vendor_regions[number % len(vendor_regions)]
        origin_ip = normalize_address(str(ipaddress.IPv6Address(FILL_START + number)))
        yield {"origin_ip": origin_ip, "vendor": vendor, "region": region, "modified_on": "2026-03-01T12:00:00Z"}
