# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seeds: a YAML file, or the same as JSON, that says what the simulated account holds.

Top-level keys that a seed leaves out are those of the default seed, so a test names only what it is about.
"""

from __future__ import annotations

import functools
import ipaddress
import typing as t
from pathlib import Path

import yaml

from . import errors
from .addresses import canonical
from .documents import read_yaml
from .state import MAX_MAPPINGS, Mapping, Setting, State, Token, Zone, address

DEFAULT_SEED = Path(__file__).with_name("seed.yml")
FIRST_FILLED = int(ipaddress.IPv6Address("2001:db8:f::"))


class SeedError(ValueError):
    """The seed does not say what it should."""


@functools.cache
def read(path: Path) -> dict[str, t.Any]:
    try:
        seed = read_yaml(path)
    except yaml.YAMLError as error:
        raise SeedError(f"{path.name} is not YAML: {error}") from None
    if not isinstance(seed, dict):
        raise SeedError(f"{path.name} is not a mapping")
    return seed


def load(given: dict[str, t.Any]) -> State:
    seed = {**read(DEFAULT_SEED), **given}
    try:
        state = State(
            tokens={item["token"]: _token(item) for item in seed["tokens"]},
            keys={pair["email"]: pair["key"] for pair in seed["keys"]},
            zones={},
            supported=seed["supported_regions"],
        )
        for item in seed["zones"]:
            state.zones[item["id"]] = _zone(item, state)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SeedError(f"wrong seed: {type(error).__name__}: {error}") from error
    except errors.ApiError as error:
        raise SeedError(f"wrong seed: {error.message}") from error
    return state


def _token(item: dict[str, t.Any]) -> Token:
    zones = item.get("zones")
    return Token(item["token"], None if zones is None else tuple(zones), item.get("list_zones", True))


def _zone(item: dict[str, t.Any], state: State) -> Zone:
    zone = Zone(
        id=item["id"],
        name=item["name"],
        tiered_cache=Setting("tiered_caching", _switch(item.get("tiered_cache", "off"))),
        smart_tiered_cache=Setting("tiered_cache_smart_topology_enable", _switch(item.get("smart_tiered_cache"))),
        limit=item.get("limit", MAX_MAPPINGS),
    )
    zone.put(_mapping(mapping, state) for mapping in item.get("mappings", []))
    zone.put(_filled(item.get("fill", 0), state))
    zone.history.clear()
    return zone


def _switch(value: t.Any) -> str | None:
    """YAML reads a bare ``on`` as true."""
    value = {True: "on", False: "off"}.get(value, value)
    if value not in ("on", "off", None):
        raise SeedError(f"a switch is on or off, not {value!r}")
    return value and str(value)


def _mapping(item: dict[str, t.Any], state: State) -> Mapping:
    if item.get("retired"):
        mapping = {"origin_ip": address(item["origin_ip"]), "vendor": item["vendor"], "region": item["region"]}
    else:
        mapping = state.mapping(item)
        del mapping["modified_on"]
    if "modified_on" in item:
        if not isinstance(item["modified_on"], str):
            raise SeedError(f"modified_on of {mapping['origin_ip']} needs quotes")
        mapping["modified_on"] = item["modified_on"]
    return mapping


def _filled(count: int, state: State) -> t.Iterator[Mapping]:
    if count > MAX_MAPPINGS:
        raise errors.too_many_mappings()
    places = [(vendor, region["name"]) for vendor, regions in state.supported["vendors"].items() for region in regions]
    for number in range(1, count + 1):
        vendor, region = places[number % len(places)]
        origin_ip = canonical(str(ipaddress.IPv6Address(FIRST_FILLED + number)))
        yield {"origin_ip": origin_ip, "vendor": vendor, "region": region, "modified_on": "2026-03-01T12:00:00Z"}
