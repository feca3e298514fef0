# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulated account holds: zones with their mappings and switches, credentials, supported regions."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field

from . import errors
from .addresses import canonical

MAX_MAPPINGS = 3500

Mapping = dict[str, str]


def now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Setting:
    """A switch; without a value it was never set."""

    id: str
    value: str | None = None
    modified_on: str | None = None

    def set(self, value: str) -> None:
        self.value, self.modified_on = value, now()

    def result(self) -> dict[str, t.Any]:
        if self.value is None:
            raise errors.no_setting(self.id)
        return {"id": self.id, "editable": True, "value": self.value, "modified_on": self.modified_on}


@dataclass
class Zone:
    """``mappings`` is keyed by canonical address and keeps the order of first insertion.

    ``limit`` is how many it can hold. ``history`` has what was done since the start, as ``{origin_ip, mapping, meanwhile}``:
    the mapping since then, or none, and whether the fault of that name did it.
    """

    id: str
    name: str
    tiered_cache: Setting
    smart_tiered_cache: Setting
    limit: int = MAX_MAPPINGS
    mappings: dict[str, Mapping] = field(default_factory=dict)
    history: list[dict[str, t.Any]] = field(default_factory=list)

    def get(self, origin_ip: str) -> Mapping:
        mapping = self.mappings.get(address(origin_ip))
        if mapping is None:
            raise errors.no_setting()
        return mapping

    def put(self, mappings: t.Iterable[Mapping]) -> None:
        """All of them, or none when the zone would hold too many."""
        changes = {mapping["origin_ip"]: mapping for mapping in mappings}
        if len(self.mappings.keys() | changes.keys()) > self.limit:
            raise errors.too_many_mappings()
        self.mappings.update(changes)
        for origin_ip in changes:
            self._note(origin_ip)

    def delete(self, origin_ip: str) -> Mapping:
        mapping = self.mappings.pop(self.get(origin_ip)["origin_ip"])
        self._note(mapping["origin_ip"])
        return mapping

    def _note(self, origin_ip: str) -> None:
        self.history.append({"origin_ip": origin_ip, "mapping": self.mappings.get(origin_ip), "meanwhile": False})


@dataclass(frozen=True)
class Token:
    """``zones`` and ``list_zones`` narrow what it may use."""

    token: str
    zones: tuple[str, ...] | None = None
    list_zones: bool = True


@dataclass
class State:
    """Everything that a seed fills and a reset forgets."""

    tokens: dict[str, Token]
    keys: dict[str, str]  # key by e-mail
    zones: dict[str, Zone]
    supported: dict[str, t.Any]

    def mapping(self, item: dict[str, t.Any]) -> Mapping:
        """A valid mapping, modified now, made from what a client sent."""
        origin_ip = address(item.get("origin_ip"))
        vendor, region = str(item.get("vendor")), str(item.get("region"))
        if region not in [known["name"] for known in self.supported["vendors"].get(vendor, ())]:
            raise errors.unsupported_region(vendor, region)
        return {"origin_ip": origin_ip, "vendor": vendor, "region": region, "modified_on": now()}

    def report(self) -> dict[str, t.Any]:
        """Return, by id, the mappings and the history of each zone."""
        return {
            zone.id: {"mappings": list(zone.mappings.values()), "history": zone.history} for zone in self.zones.values()
        }


def address(text: t.Any) -> str:
    try:
        return canonical(text)
    except ValueError:
        raise errors.invalid_address() from None
