# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the origins of a zone: read its sources, follow them, resolve the names outside the zone.

Private to the collection: other code must not import this file.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import sort_addresses
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zone_origins import (
    SOURCES,
    ZoneSources,
    read_zone_sources,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origins.graph import (
    UsedBy,
    ZoneGraph,
    find_origins,
    normalize_name,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origins.resolver import Resolution, resolve_names

NOT_RESOLVED = "not resolved, since it may be a name of the zone, whose address would be one of Cloudflare: see unavailable and include"


class ZoneOrigins(t.NamedTuple):
    """The origins of a zone, with what could not be read or resolved."""

    sources: ZoneSources
    graph: ZoneGraph
    resolutions: t.Mapping[str, Resolution]
    unavailable: t.Sequence[str]
    zone_name: str

    @property
    def is_complete(self) -> bool:
        """Whether the zone has no other origins."""
        return (
            not self.unavailable
            and not self.graph.has_unknown_pools
            and all(self.resolutions[name].addresses for name in self.graph.hostnames)
        )

    def to_result(self) -> dict[str, t.Any]:
        graph = self.graph
        hostnames = sorted(graph.hostnames)
        return dict(
            origins=[
                dict(origin_ip=address, used_by=_list_users(graph.origins[address]))
                for address in sort_addresses(graph.origins)
            ],
            hostnames=[
                dict(hostname=name, used_by=_list_users(graph.hostnames[name]), **self.resolutions[name]._asdict())
                for name in hostnames
            ],
            # Not "skipped": Ansible takes a result with this key for that of a skipped task
            left_out=[
                dict(value=value, reason=reason, used_by=_list_users(graph.skipped[value, reason]))
                for value, reason in sorted(graph.skipped, key=_skipped_sort_key)
            ],
            unavailable=[
                dict(include=name, failure=self.sources.unavailable[name].failure()) for name in self.unavailable
            ],
            complete=self.is_complete,
            zone=self.zone_name or None,
        )


def validate_include(include: t.Collection[str]) -> None:
    if not include:
        raise ConfigurationError(f"include: the list is empty. It must have at least one of {', '.join(SOURCES)}.")


def discover_origins(
    client: Client, zone_id: str, include: t.Collection[str], resolve: bool, timeout: float, zone_name: str = ""
) -> ZoneOrigins:
    """Return the origins of a zone. The requests are those of ``read_zone_sources``.

    With ``resolve``, resolving all names outside the zone takes at most ``timeout`` seconds. ``zone_name`` is the domain name of the
    zone, if it is known.
    """
    sources = read_zone_sources(client, zone_id, include, needs_zone=resolve and not zone_name)
    zone_name = sources.zone.name if sources.zone else zone_name
    graph = find_origins(sources, include)
    resolutions = {name: Resolution([], graph.errors.get(name)) for name in graph.hostnames}
    names = [name for name in graph.hostnames if name not in graph.errors]
    if resolve:
        has_all_names = sources.dns_records is not None and sources.load_balancers is not None
        suffix = f".{normalize_name(zone_name)}"
        safe = [name for name in names if has_all_names or (zone_name and not f".{name}".endswith(suffix))]
        resolutions.update((name, Resolution([], NOT_RESOLVED)) for name in names)
        resolutions.update(resolve_names(safe, timeout))
        for name in safe:
            for address in resolutions[name].addresses:
                for used_by in graph.hostnames[name]:
                    graph.add_address(address, used_by)
    # Without the records, names were not followed
    needed = {*include, *(["dns_records"] if graph.hostnames else [])}
    unavailable = [name for name in SOURCES if name in sources.unavailable and name in needed]
    return ZoneOrigins(sources, graph, resolutions, unavailable, zone_name)


def _list_users(users: t.Iterable[UsedBy]) -> list[dict[str, t.Any]]:
    return [user._asdict() for user in sorted(users, key=UsedBy.sort_key)]


def _skipped_sort_key(item: tuple[str, str]) -> tuple[t.Any, ...]:
    """Sort addresses in numerical order before other values."""
    value, reason = item
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return 1, value, 0, reason
    return 0, address.version, int(address), reason
