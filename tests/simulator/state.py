# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of the simulated account: zones with mappings and settings, credentials, supported regions."""

from __future__ import annotations

import datetime
import typing as t
from dataclasses import dataclass, field

from . import errors
from .addresses import normalize_address

MAX_MAPPINGS = 3500

PERMISSIONS = (
    "DNS Read",
    "Load Balancers Read",
    "Load Balancing: Monitors and Pools Read",
    "Origin Read",
    "SSL and Certificates Read",
)
"""The permissions of a token that a seed may withhold."""

Mapping = dict[str, str]
Item = dict[str, t.Any]
"""A DNS record, load balancer, pool, origin rule or custom hostname in the form of the API."""


def format_now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Setting:
    """A setting that is ``on`` or ``off``. ``value`` is ``None`` if it was never set."""

    id: str
    value: str | None = None
    modified_on: str | None = None
    is_in_plan: bool = True

    def set(self, value: str) -> None:
        self._require_plan()
        self.value, self.modified_on = value, format_now()

    def _require_plan(self) -> None:
        if not self.is_in_plan:
            raise errors.setting_not_in_plan(self.id)

    def to_result(self) -> dict[str, t.Any]:
        self._require_plan()
        if self.value is None:
            raise errors.setting_not_found(self.id)
        return {"id": self.id, "editable": True, "value": self.value, "modified_on": self.modified_on}


@dataclass
class Zone:
    """``mappings`` is keyed by canonical address and keeps the order of first insertion.

    ``description`` is the zone in the form of a list of zones. ``limit`` is the maximum number. ``history`` has each write since
    the reset, as ``{origin_ip, mapping, concurrent}``: the mapping after the write (``None`` if deleted), and whether the fault
    ``concurrent_write`` made it. ``origin_rules`` and ``fallback_origin`` are ``None`` in a zone that never had them.
    """

    id: str
    name: str
    tiered_cache: Setting
    smart_tiered_cache: Setting
    regional_tiered_cache: Setting
    description: dict[str, t.Any]
    limit: int = MAX_MAPPINGS
    mappings: dict[str, Mapping] = field(default_factory=dict)
    history: list[dict[str, t.Any]] = field(default_factory=list)
    dns_records: list[Item] = field(default_factory=list)
    load_balancers: list[Item] = field(default_factory=list)
    origin_rules: list[Item] | None = None
    custom_hostnames: list[Item] = field(default_factory=list)
    fallback_origin: Item | None = None

    @property
    def account_id(self) -> str | None:
        account_id: str | None = self.description["account"].get("id")
        return account_id

    def get(self, origin_ip: str) -> Mapping:
        mapping = self.mappings.get(parse_address(origin_ip))
        if mapping is None:
            raise errors.setting_not_found()
        return mapping

    def put(self, mappings: t.Iterable[Mapping]) -> None:
        """Write all mappings. Raise ``ApiError``, and write nothing, if they exceed the limit."""
        changes = {mapping["origin_ip"]: mapping for mapping in mappings}
        if len(self.mappings.keys() | changes.keys()) > self.limit:
            raise errors.too_many_mappings()
        self.mappings.update(changes)
        for origin_ip in changes:
            self._record(origin_ip)

    def delete(self, origin_ip: str) -> Mapping:
        mapping = self.mappings.pop(self.get(origin_ip)["origin_ip"])
        self._record(mapping["origin_ip"])
        return mapping

    def _record(self, origin_ip: str) -> None:
        self.history.append({"origin_ip": origin_ip, "mapping": self.mappings.get(origin_ip), "concurrent": False})


@dataclass(frozen=True)
class Token:
    """An API token. ``zones``, ``list_zones`` and ``permissions`` limit what it may do; ``None`` is no limit."""

    token: str
    zones: tuple[str, ...] | None = None
    list_zones: bool = True
    permissions: tuple[str, ...] | None = None


@dataclass
class State:
    """The complete state, which a seed defines and a reset restores."""

    tokens: dict[str, Token]
    keys: dict[str, str]  # key by e-mail
    zones: dict[str, Zone]
    supported_regions: dict[str, t.Any]
    pools: dict[str, list[Item]] = field(default_factory=dict)  # by account id

    def create_mapping(self, item: dict[str, t.Any]) -> Mapping:
        """Return a mapping, modified now, from an item of a request. Raise ``ApiError`` if it is not valid."""
        origin_ip = parse_address(item.get("origin_ip"))
        vendor, region = str(item.get("vendor")), str(item.get("region"))
        if region not in [known["name"] for known in self.supported_regions["vendors"].get(vendor, ())]:
            raise errors.unsupported_region(vendor, region)
        return {"origin_ip": origin_ip, "vendor": vendor, "region": region, "modified_on": format_now()}

    def report(self) -> dict[str, t.Any]:
        """Return, by id, the mappings and the history of each zone."""
        return {
            zone.id: {"mappings": list(zone.mappings.values()), "history": zone.history} for zone in self.zones.values()
        }


def parse_address(text: t.Any) -> str:
    try:
        return normalize_address(text)
    except ValueError:
        raise errors.invalid_address() from None
