# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow the sources of a zone to the addresses of its origins, and to host names outside the zone.

Private to the collection: other code must not import this file. It sends no request and resolves no name. Source of the rules for
wildcards: RFC 4592, https://www.rfc-editor.org/rfc/rfc4592
"""

from __future__ import annotations

import itertools
import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    normalize_address,
    unreachable_kind,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zone_origins import (
    ADDRESS_TYPES,
    DnsRecord,
    LoadBalancer,
    ZoneSources,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import InvalidAddressError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import sanitize_text

MAX_NAME_LENGTH = 253
"""Characters of a host name. Longer texts of the API are truncated in the result."""

MAX_CHAIN_LENGTH = 100
"""Names that are followed one after the other. Resolvers follow far fewer."""

LOOP = "its records form a loop: change one of them"
TOO_LONG = f"it leads through more than {MAX_CHAIN_LENGTH} other names: shorten the chain of records"
INVALID_NAME = "not a valid host name: correct the record, the origin or the rule"

PRIVATE_ROUTING = "private_routing"
VIRTUAL_NETWORK = "virtual_network_id"
UNKNOWN_POOL = "unknown_pool"
"""The reason to skip a pool that the account's list does not have."""

_Name = tuple[str, t.Optional[str]]
"""A host name, and the last pool that led to it."""


class UsedBy(t.NamedTuple):
    """What sends requests to an address or a name. ``hostname`` is the last name that was followed, or ``None``."""

    kind: str
    name: str
    pool: str | None
    hostname: str | None

    def sort_key(self) -> tuple[str, ...]:
        return self.kind, self.name, self.pool or "", self.hostname or ""


class ZoneGraph:
    """The origins of a zone by address, and the host names for which the zone itself has no address, with what uses them.

    ``skipped`` has values with the reason. ``errors`` has the names that no resolver can resolve either, with the reason.
    """

    def __init__(self) -> None:
        self.origins: dict[str, set[UsedBy]] = {}
        self.hostnames: dict[str, set[UsedBy]] = {}
        self.skipped: dict[tuple[str, str], set[UsedBy]] = {}
        self.errors: dict[str, str] = {}

    @property
    def has_unknown_pools(self) -> bool:
        return any(reason == UNKNOWN_POOL for dummy, reason in self.skipped)

    def add_address(self, address: str, used_by: UsedBy) -> None:
        """Add a canonical address: as an origin, or as skipped if the internet does not reach it."""
        if kind := unreachable_kind(address):
            self.skipped.setdefault((address, kind), set()).add(used_by)
        else:
            self.origins.setdefault(address, set()).add(used_by)


class _Target(t.NamedTuple):
    """An address, a host name, or a value that is skipped for a reason. ``pool`` and ``hostname`` are as in ``UsedBy``.

    ``is_unknown``: the zone has no answer for the host name, so that it leads no further. ``error`` is the reason, if a resolver
    has none either.
    """

    value: str
    pool: str | None = None
    hostname: str | None = None
    skip_reason: str = ""
    error: str = ""
    is_address: bool = False
    is_unknown: bool = False

    @property
    def is_end(self) -> bool:
        return self.is_address or self.is_unknown or bool(self.skip_reason)


def find_origins(sources: ZoneSources, include: t.Container[str]) -> ZoneGraph:
    """Return the origins of the sources in ``include``, which lead through all DNS records and load balancers."""
    graph, names = ZoneGraph(), _Names(sources)
    for kind, name, start in _iter_starts(sources, include, names):
        for target in names.follow(start):
            used_by = UsedBy(kind, name, target.pool, target.hostname)
            if target.skip_reason:
                graph.skipped.setdefault((target.value, target.skip_reason), set()).add(used_by)
            elif target.is_address:
                graph.add_address(target.value, used_by)
            else:
                graph.hostnames.setdefault(target.value, set()).add(used_by)
                if target.error:
                    graph.errors[target.value] = target.error
    return graph


def _iter_starts(
    sources: ZoneSources, include: t.Container[str], names: _Names
) -> t.Iterator[tuple[str, str, _Target]]:
    """Yield kind, name and first target of everything that reaches the cache."""
    balancers = [item for item in sources.load_balancers or () if item.enabled and item.proxied]
    balancer_names = {normalize_name(item.name) for item in balancers}
    if "dns_records" in include:
        for record in sources.dns_records or ():
            name = normalize_name(record.name)
            if record.proxied and name not in balancer_names:
                for target in names.targets_of_record(record):
                    yield "dns_record", name, target
    for balancer in balancers:
        for target in names.targets_of_balancer(balancer):
            yield "load_balancer", normalize_name(balancer.name), target
    for rule in sources.origin_rules or ():
        if rule.enabled and rule.host:
            yield "origin_rule", sanitize_text(rule.name, MAX_NAME_LENGTH), parse_target(rule.host)
    fallback = sources.fallback_origin
    for hostname in sources.custom_hostnames or ():
        if server := hostname.server or fallback:
            yield "custom_hostname", normalize_name(hostname.hostname), parse_target(server)
    if fallback and sources.custom_hostnames is None:
        yield "custom_hostname", normalize_name(fallback), parse_target(fallback)


class _Names:
    """The names of a zone, each with its records or its load balancer, in lower case and without a dot at the end."""

    def __init__(self, sources: ZoneSources) -> None:
        self._pools = None if sources.pools is None else {pool.id: pool for pool in sources.pools}
        self._balancers: dict[str, list[LoadBalancer]] = {}
        self._records: dict[str, list[DnsRecord]] = {}
        self._existing: set[str] = set()
        self._ends: dict[str, list[_Target]] = {}
        for balancer in sources.load_balancers or ():
            if balancer.enabled:
                self._balancers.setdefault(normalize_name(balancer.name), []).append(balancer)
        for record in sources.dns_records or ():
            self._records.setdefault(normalize_name(record.name), []).append(record)
        for name in (*self._balancers, *self._records):
            while name and name not in self._existing:
                self._existing.add(name)
                name = name.partition(".")[2]

    def follow(self, start: _Target) -> list[_Target]:
        """Return the addresses, the skipped values and the names without a record to which a target leads."""
        if start.is_end:
            return [start]
        if start.value not in self._ends:
            self._ends[start.value] = self._find_ends(start.value)
        return [end._replace(pool=end.pool or start.pool) for end in self._ends[start.value]]

    @staticmethod
    def targets_of_record(record: DnsRecord, pool: str | None = None, hostname: str | None = None) -> list[_Target]:
        """Return the target of a record; none if it has another type than A, AAAA or CNAME."""
        is_address = record.type in ADDRESS_TYPES
        if not is_address and record.type != "CNAME":
            return []
        value = record.content if is_address else normalize_name(record.content)
        skip_reason = PRIVATE_ROUTING if record.private_routing else ""
        return [_Target(value, pool, hostname, skip_reason, is_address=is_address)]

    def targets_of_balancer(self, balancer: LoadBalancer, hostname: str | None = None) -> t.Iterator[_Target]:
        """Yield the target of each enabled origin in an enabled pool; none if the pools could not be read."""
        if self._pools is None:
            return
        for pool_id in balancer.pools:
            pool = self._pools.get(pool_id)
            if not pool:
                name = sanitize_text(pool_id, MAX_NAME_LENGTH)
                yield _Target(name, name, hostname, UNKNOWN_POOL)
            elif pool.enabled:
                name = sanitize_text(pool.name, MAX_NAME_LENGTH)
                for origin in pool.origins:
                    if origin.enabled:
                        skip_reason = VIRTUAL_NETWORK if origin.is_private else ""
                        yield parse_target(origin.address)._replace(
                            pool=name, hostname=hostname, skip_reason=skip_reason
                        )

    def _targets_of_name(self, name: str, pool: str | None) -> list[_Target]:
        """Return the targets of the load balancer or of the records that answer for a name.

        Without an answer of the zone, that is the name itself, as an end.
        """
        owner = self._find_owner(name)
        if owner in self._balancers:
            return [target for item in self._balancers[owner] for target in self.targets_of_balancer(item, name)]
        targets: list[_Target] = []
        if owner in self._records:
            targets = [target for item in self._records[owner] for target in self.targets_of_record(item, pool, name)]
        return targets or [_Target(name, pool, name, error="" if is_host_name(name) else INVALID_NAME, is_unknown=True)]

    def _find_owner(self, name: str) -> str | None:
        """Return the name whose records answer for a name: itself or a wildcard, which may have none. ``None`` outside the zone."""
        encloser = name
        while encloser not in self._existing:
            encloser = encloser.partition(".")[2]
            if not encloser:
                return None
        # As in DNS, a wildcard only answers directly below the closest name that exists
        return name if encloser == name else f"*.{encloser}"

    def _find_ends(self, start: str) -> list[_Target]:
        ends: dict[_Target, None] = {}
        links: dict[_Name, set[_Name]] = {}
        names: list[_Name] = [(start, None)]
        for dummy in range(MAX_CHAIN_LENGTH):
            for name in names:
                targets = self._targets_of_name(*name)
                ends.update((target, None) for target in targets if target.is_end)
                links[name] = {(target.value, target.pool) for target in targets if not target.is_end}
            found = dict.fromkeys(itertools.chain.from_iterable(links[name] for name in names))
            names = [name for name in found if name not in links]
        ends.update((_Target(*name, name[0], error=TOO_LONG, is_unknown=True), None) for name in names)
        if not ends and _has_loop(links):
            ends[_Target(start, None, start, error=LOOP, is_unknown=True)] = None
        return list(ends)


def _has_loop(links: t.Mapping[_Name, set[_Name]]) -> bool:
    """Return whether some links lead back to their start: whether names remain after all dead ends are removed."""
    dead_ends: set[_Name] = set()
    while more := {name for name in links if name not in dead_ends and links[name] <= dead_ends}:
        dead_ends |= more
    return dead_ends != links.keys()


def parse_target(text: str) -> _Target:
    """Return an address or a host name as a target."""
    try:
        return _Target(normalize_address(text), is_address=True)
    except InvalidAddressError:
        return _Target(normalize_name(text))


def normalize_name(text: str) -> str:
    """Return a host name in lower case, without a dot at its end, and of limited length."""
    name = text.lower().removesuffix(".")
    return name if len(name) <= MAX_NAME_LENGTH and name.isprintable() else sanitize_text(name, MAX_NAME_LENGTH)


def is_host_name(name: str) -> bool:
    """Return whether a normalized name can be resolved. A resolver would read one that ends in a number as an address."""
    labels = name.split(".")
    return (
        len(name) <= MAX_NAME_LENGTH
        and all(re.fullmatch("[a-z0-9_-]{1,63}", label) for label in labels)
        and not re.fullmatch("[0-9]+|0x[0-9a-f]*", labels[-1])
    )
