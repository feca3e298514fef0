# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read where a zone may send requests: DNS records, load balancers with their pools, origin rules, custom hostnames.

Private to the collection: other code must not import this file. Texts are as the API gives them. Source of paths and fields:
Cloudflare's API documentation, https://developers.cloudflare.com/api/
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_address
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import (
    Client,
    OpenPage,
    collect_items,
    is_never_set,
    unexpected_response,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import Zone, fetch_zone, is_zone_id
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    InvalidAddressError,
    PermissionDeniedError,
    SettingUnavailableError,
)

T = t.TypeVar("T")

SOURCES = ("dns_records", "load_balancers", "origin_rules", "custom_hostnames")
"""What may send requests to an origin: the choices of the option ``include``."""

RECORDS_PAGE_SIZE = 5_001
"""Records of a page. Only a page that is not full ends the list, so 5,000 records need no second page."""

MAX_RECORDS_PAGES = 200
"""Pages of records that are accepted, which are a million records. Only a faulty API has more."""

HOSTNAMES_PAGE_SIZE = 1_000
"""Custom hostnames of a page: the maximum of the API."""

MAX_HOSTNAMES_PAGES = 1_000
"""Pages of custom hostnames that are accepted."""

ADDRESS_TYPES = ("A", "AAAA")

_POOL_MAPS = ("region_pools", "country_pools", "pop_pools")
"""The fields of a load balancer with lists of pools by region, country or data center."""

_SOURCE_OF_CALL = {"zone": "load_balancers", "pools": "load_balancers", "fallback_origin": "custom_hostnames"}
"""The source to which a call belongs, if it has another name than the source."""


class DnsRecord(t.NamedTuple):
    """A DNS record. ``content`` is a canonical address for A and AAAA, a host name for CNAME, and empty for other types."""

    id: str
    name: str
    type: str
    content: str
    proxied: bool
    private_routing: bool

    @classmethod
    def from_api(cls, item: t.Any) -> DnsRecord:
        with _parsing("a DNS record", item):
            record_id, name, kind = (_get_required(item, key) for key in ("id", "name", "type"))
            content = ""
            if kind in (*ADDRESS_TYPES, "CNAME"):
                content = _get_required(item, "content")
                content = content if kind == "CNAME" else normalize_address(content)
            flags = _get(item, "proxied", False), _get(item, "private_routing", False)
            return cls(record_id, name, kind, content, *flags)


class LoadBalancer(t.NamedTuple):
    """A load balancer. ``pools`` are the ids of the pools to which its fields, enabled rules and enabled pool sets lead."""

    name: str
    enabled: bool
    proxied: bool
    pools: tuple[str, ...]

    @classmethod
    def from_api(cls, item: t.Any) -> LoadBalancer:
        with _parsing("a load balancer", item):
            variants = [*_get(item, "rules", []), *_get(item, "pool_sets", [])]
            enabled = [variant for variant in variants if not _get(variant, "disabled", False)]
            parts = [item, *(_get(variant, "overrides", {}) for variant in enabled)]
            pools = dict.fromkeys(itertools.chain.from_iterable(map(_pools_in, parts)))
            return cls(
                _get_required(item, "name"), _get(item, "enabled", True), _get(item, "proxied", False), (*pools,)
            )


class PoolOrigin(t.NamedTuple):
    """An origin of a pool. ``address`` is an address or a host name. ``is_private``: it is in a virtual network."""

    address: str
    enabled: bool
    is_private: bool

    @classmethod
    def from_api(cls, item: t.Any) -> PoolOrigin:
        enabled, network = _get(item, "enabled", True), _get(item, "virtual_network_id", "")
        return cls(_get_required(item, "address"), enabled, bool(network))


class Pool(t.NamedTuple):
    """A pool of origins. ``name`` is its id if it has no name."""

    id: str
    name: str
    enabled: bool
    origins: tuple[PoolOrigin, ...]

    @classmethod
    def from_api(cls, item: t.Any) -> Pool:
        with _parsing("a pool", item):
            pool_id = _get_required(item, "id")
            origins = tuple(map(PoolOrigin.from_api, _get(item, "origins", [])))
            return cls(pool_id, _get(item, "name", "") or pool_id, _get(item, "enabled", True), origins)


class OriginRule(t.NamedTuple):
    """An origin rule. ``name`` is its description, or its id. ``host`` is empty if the rule sends requests to no other host."""

    name: str
    enabled: bool
    host: str

    @classmethod
    def from_api(cls, item: t.Any) -> OriginRule:
        with _parsing("an origin rule", item):
            name = _get(item, "description", "") or _get(item, "id", "")
            origin: dict[str, t.Any] = {}
            if _get(item, "action", "") == "route":
                origin = _get(_get(item, "action_parameters", {}), "origin", {})
            return cls(name, _get(item, "enabled", True), _get(origin, "host", ""))


class CustomHostname(t.NamedTuple):
    """A custom hostname. ``server`` is the host name of its origin; empty if its requests go to the fallback origin."""

    hostname: str
    server: str

    @classmethod
    def from_api(cls, item: t.Any) -> CustomHostname:
        with _parsing("a custom hostname", item):
            return cls(_get_required(item, "hostname"), _get(item, "custom_origin_server", ""))


class ZoneSources(t.NamedTuple):
    """What decides where a zone sends requests. A list is ``None`` if it was not read.

    ``fallback_origin`` is empty if it was not read, or if the zone has none. ``zone`` is ``None`` if it was not read.
    ``unavailable`` has by source the error of the first call that the credential or the plan does not allow.
    """

    dns_records: list[DnsRecord] | None = None
    load_balancers: list[LoadBalancer] | None = None
    pools: list[Pool] | None = None
    origin_rules: list[OriginRule] | None = None
    custom_hostnames: list[CustomHostname] | None = None
    fallback_origin: str = ""
    zone: Zone | None = None
    unavailable: t.Mapping[str, ApiError] = {}


def read_zone_sources(client: Client, zone_id: str, include: t.Collection[str], needs_zone: bool) -> ZoneSources:
    """Read the sources in ``include``, and always the DNS records, which lead from names to addresses.

    One request for each 5,000 records and each 1,000 custom hostnames, at least one each, and at most one for each other call: the zone
    (for load balancers, or with ``needs_zone``), load balancers, pools (if a load balancer has one), origin rules, and fallback
    origin (if a custom hostname may need it). Independent calls are concurrent. Raises the first error if the credential
    may read no list.
    """
    path = f"/zones/{zone_id}"
    read_pages = functools.partial(client.iter_open_pages, ends_by_counts=False)
    records = _PagedList(
        lambda: read_pages(f"{path}/dns_records", {"order": "name"}, RECORDS_PAGE_SIZE, MAX_RECORDS_PAGES),
        parse=DnsRecord.from_api,
        key=lambda record: record.id,
        subject="DNS records",
    )
    hostnames = _PagedList(
        lambda: read_pages(f"{path}/custom_hostnames", {}, HOSTNAMES_PAGE_SIZE, MAX_HOSTNAMES_PAGES),
        parse=CustomHostname.from_api,
        key=lambda hostname: hostname,
        subject="custom hostnames",
    )
    calls: dict[str, t.Callable[[], t.Any]] = {
        "zone": lambda: fetch_zone(client, zone_id),
        "dns_records": records.start,
        "load_balancers": lambda: _read_list(client, f"{path}/load_balancers", LoadBalancer.from_api),
        "origin_rules": lambda: _read_origin_rules(client, path),
        "custom_hostnames": hostnames.start,
    }
    needed = {"dns_records", *include, *(["zone"] if needs_zone or "load_balancers" in include else [])}
    found, refused = _read_permitted(client, {name: call for name, call in calls.items() if name in needed})
    if refused.keys() >= needed - {"zone"}:
        raise next(iter(refused.values()))

    calls = {}
    if not any(balancer.pools for balancer in found.get("load_balancers", ())):
        refused.pop("zone", None)  # only pools need its account
    elif "zone" in found:
        calls["pools"] = lambda: _read_pools(client, found["zone"])
    if "custom_hostnames" in include and ("custom_hostnames" in refused or _may_need_fallback(hostnames.first)):
        calls["fallback_origin"] = lambda: _read_fallback_origin(client, path)
    # Each list by itself, since its pages are concurrent
    finish: dict[str, t.Callable[[], t.Any]] = {"dns_records": records.finish, "custom_hostnames": hostnames.finish}
    for step in (calls, *({name: finish[name]} for name in finish if name in found)):
        more_found, more_refused = _read_permitted(client, step)
        found = {**{name: value for name, value in found.items() if name not in more_refused}, **more_found}
        refused.update(more_refused)

    unavailable: dict[str, ApiError] = {}
    for call, error in refused.items():
        unavailable.setdefault(_SOURCE_OF_CALL.get(call, call), error)
    return ZoneSources(**found, unavailable=unavailable)


class _PagedList(t.Generic[T]):
    """A list whose first page is read together with other lists, and its further pages later."""

    first: OpenPage

    def __init__(
        self,
        read_pages: t.Callable[[], t.Iterator[OpenPage]],
        parse: t.Callable[[t.Any], T],
        key: t.Callable[[T], t.Hashable],
        subject: str,
    ) -> None:
        """The parameters are those of ``collect_items``."""
        self._pages = read_pages()
        self._collect = functools.partial(collect_items, read_pages, parse, key, subject)

    def start(self) -> None:
        """Read the first page."""
        self.first = next(self._pages)

    def finish(self) -> list[T]:
        """Read the other pages. Return all items."""
        return self._collect(itertools.chain([self.first], self._pages))


def _read_permitted(
    client: Client, reads: t.Mapping[str, t.Callable[[], t.Any]]
) -> tuple[dict[str, t.Any], dict[str, ApiError]]:
    """Return by name what each call returns, and the error of each call that the credential or the plan does not allow."""

    def read(name: str) -> t.Any:
        try:
            return reads[name]()
        except SettingUnavailableError as error:
            return error
        except PermissionDeniedError as error:
            if error.status != 403:
                raise
            return error

    results = dict(zip(reads, client.map_concurrently(read, list(reads))))
    refused = {name: result for name, result in results.items() if isinstance(result, ApiError)}
    return {name: result for name, result in results.items() if name not in refused}, refused


def _read_pools(client: Client, zone: Zone) -> list[Pool]:
    if not is_zone_id(zone.account_id):  # an account id has the same form
        raise unexpected_response("a zone with the id of its account", zone.to_result())
    return _read_list(client, f"/accounts/{zone.account_id}/load_balancers/pools", Pool.from_api)


def _read_origin_rules(client: Client, path: str) -> list[OriginRule]:
    try:
        result = client.request("GET", f"{path}/rulesets/phases/http_request_origin/entrypoint").result
    except ApiError as error:
        if not is_never_set(error):
            raise
        return []
    with _parsing("the origin rules", result):
        return list(map(OriginRule.from_api, _get(result, "rules", [])))


def _may_need_fallback(page: OpenPage) -> bool:
    """Return whether a custom hostname of the first page, or of a later one, may have no server of its own."""
    return page.is_full or any(not CustomHostname.from_api(item).server for item in page.items)


def _read_fallback_origin(client: Client, path: str) -> str:
    try:
        result = client.request("GET", f"{path}/custom_hostnames/fallback_origin").result
    except ApiError as error:
        if not is_never_set(error):
            raise
        return ""
    with _parsing("the fallback origin", result):
        origin: str = _get(result, "origin", "")
        return origin


def _read_list(client: Client, path: str, parse: t.Callable[[t.Any], T]) -> list[T]:
    """Return a list that has no pages. One request."""
    items = client.request("GET", path).result
    if not isinstance(items, list):
        raise unexpected_response("a list", items)
    return list(map(parse, items))


@contextlib.contextmanager
def _parsing(expected: str, item: t.Any) -> t.Iterator[None]:
    """Raise an ``ApiError`` for an item that breaks the API's contract."""
    try:
        yield
    except (InvalidAddressError, RecursionError, TypeError):
        raise unexpected_response(expected, item) from None


def _get(item: t.Any, key: str, default: t.Any) -> t.Any:
    """Return a value that must have the type of the default, which replaces null."""
    if not isinstance(item, dict):
        raise TypeError
    value = item.get(key)
    if value is not None and not isinstance(value, type(default)):
        raise TypeError
    return default if value is None else value


def _get_required(item: t.Any, key: str) -> str:
    if not isinstance(item, dict) or not isinstance(item.get(key), str):
        raise TypeError
    return str(item[key])


def _pools_in(part: t.Any) -> t.Iterator[str]:
    """Yield the ids of the pools in a load balancer, or in the overrides of one of its rules or pool sets."""
    lists = [_get(part, "default_pools", []), _get(part, "pools", [])]
    for name in _POOL_MAPS:
        lists += [pools or [] for pools in _get(part, name, {}).values()]
    fallback_pool = _get(part, "fallback_pool", "")
    for pools in [*lists, [fallback_pool] if fallback_pool else []]:
        if not isinstance(pools, list) or not all(isinstance(pool, str) for pool in pools):
            raise TypeError
        yield from pools
