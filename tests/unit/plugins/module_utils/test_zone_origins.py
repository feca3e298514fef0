# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls that read what a zone sends requests with: their number, pages, permissions, and the form of their responses."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import zone_origins as _zone_origins
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zone_origins import (
    SOURCES,
    CustomHostname,
    DnsRecord,
    LoadBalancer,
    OriginRule,
    Pool,
    PoolOrigin,
    ZoneSources,
    read_zone_sources,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    PermissionDeniedError,
    ZoneNotFoundError,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    ACCOUNT_ID,
    BALANCERS_PATH,
    FALLBACK_PATH,
    HOSTNAMES_PATH,
    RECORDS_PATH,
    RULES_PATH,
    SOURCE_PATHS,
    ZONE_ID,
    FakeClock,
    Wire,
    custom_hostname,
    dns_record,
    envelope,
    error_envelope,
    load_balancer,
    nested_texts,
    origin_rule,
    pool,
    zone_item,
)

ZONE = zone_item(id=ZONE_ID, name="example.com")
EMPTY: dict[str, t.Any] = {
    "zone": ZONE,
    "dns_records": [],
    "load_balancers": [],
    "origin_rules": {"rules": []},
    "custom_hostnames": [],
}
"""The responses of a zone without origins, which needs neither the pools nor the fallback origin."""
FULL: dict[str, t.Any] = {
    "zone": ZONE,
    "dns_records": [dns_record("www.example.com", "192.0.2.1")],
    "load_balancers": [load_balancer("lb.example.com", "p1")],
    "pools": [pool("p1", "192.0.2.2")],
    "origin_rules": {"rules": [origin_rule("origin.example.com")]},
    "custom_hostnames": [custom_hostname("www.example.org")],
    "fallback_origin": {"origin": "fallback.example.com"},
}


RECORD = dns_record("www.example.com", "192.0.2.1")
PARSERS: t.Any = (DnsRecord, LoadBalancer, Pool, OriginRule, CustomHostname)


def read(client: Client, include: t.Collection[str] = SOURCES, needs_zone: bool = False) -> ZoneSources:
    return read_zone_sources(client, ZONE_ID, include, needs_zone)


def records(count: int) -> list[dict[str, t.Any]]:
    return [dns_record(f"{number}.example.com", "192.0.2.1") for number in range(count)]


def records_page(wire: Wire, number: int, items: list[dict[str, t.Any]], **more: t.Any) -> None:
    query = {"order": "name", "page": number, "per_page": _zone_origins.RECORDS_PAGE_SIZE}
    wire.get(RECORDS_PATH, envelope(items, **more), query=query, is_concurrent=True)


class TestRequests:
    """The number of requests, and what they depend on."""

    def test_full_zone_costs_7(self, client: Client, wire: Wire) -> None:
        wire.zone_sources(**FULL)
        assert read(client) == ZoneSources(
            dns_records=[DnsRecord("www.example.com A 192.0.2.1", "www.example.com", "A", "192.0.2.1", True, False)],
            load_balancers=[LoadBalancer("lb.example.com", True, True, ("p1",))],
            pools=[Pool("p1", "name-of-p1", True, (PoolOrigin("192.0.2.2", True, False),))],
            origin_rules=[OriginRule("A rule", True, "origin.example.com")],
            custom_hostnames=[CustomHostname("www.example.org", "")],
            fallback_origin="fallback.example.com",
            zone=_zone_origins.Zone.from_api(ZONE),
            unavailable={},
        )
        assert len(wire.requests) == 7

    def test_empty_zone_costs_5(self, client: Client, wire: Wire) -> None:
        wire.zone_sources(**EMPTY)
        sources = read(client)
        assert sources[:6] == ([], [], None, [], [], "")
        assert len(wire.requests) == 5

    @pytest.mark.parametrize(
        ("include", "names"),
        [
            (["dns_records"], ["dns_records"]),
            (["load_balancers"], ["zone", "dns_records", "load_balancers", "pools"]),
            (["origin_rules"], ["dns_records", "origin_rules"]),
            (["custom_hostnames"], ["dns_records", "custom_hostnames", "fallback_origin"]),
            (
                ["origin_rules", "custom_hostnames"],
                ["dns_records", "origin_rules", "custom_hostnames", "fallback_origin"],
            ),
        ],
        ids=str,
    )
    def test_include(self, client: Client, wire: Wire, include: list[str], names: list[str]) -> None:
        wire.zone_sources(**{name: FULL[name] for name in names})
        sources = read(client, include)
        assert [name for name in FULL if getattr(sources, name)] == names

    def test_zone_for_its_name(self, client: Client, wire: Wire) -> None:
        wire.zone_sources(zone=ZONE, dns_records=[])
        assert read(client, ["dns_records"], needs_zone=True).zone is not None

    def test_load_balancers_without_pools(self, client: Client, wire: Wire) -> None:
        wire.zone_sources(**{**EMPTY, "load_balancers": [load_balancer("lb.example.com")]})
        assert read(client).pools is None

    def test_custom_hostnames_with_their_own_servers(self, client: Client, wire: Wire) -> None:
        wire.zone_sources(**{**EMPTY, "custom_hostnames": [custom_hostname("www.example.org", "o.example.com")]})
        assert read(client).fallback_origin == ""

    @pytest.mark.parametrize("path", [RULES_PATH, FALLBACK_PATH])
    @pytest.mark.parametrize("code", [10003, 1551])
    def test_never_set(self, client: Client, wire: Wire, path: str, code: int) -> None:
        name = {RULES_PATH: "origin_rules", FALLBACK_PATH: "fallback_origin"}[path]
        wire.zone_sources(**{source: result for source, result in FULL.items() if source != name})
        wire.get(path, error_envelope(code), status=404, is_concurrent=True)
        sources = read(client)
        assert not getattr(sources, name)
        assert sources.unavailable == {}

    @pytest.mark.parametrize("path", [RULES_PATH, FALLBACK_PATH])
    def test_missing_zone_is_not_an_empty_list(self, client: Client, wire: Wire, path: str) -> None:
        wire.may_stop_early()
        name = {RULES_PATH: "origin_rules", FALLBACK_PATH: "fallback_origin"}[path]
        wire.zone_sources(**{source: result for source, result in FULL.items() if source != name})
        wire.get(path, error_envelope(7003), status=404, is_concurrent=True)
        with pytest.raises(ZoneNotFoundError):
            read(client)


class TestPages:
    """``result_info`` never ends a list; a page that is not full does."""

    @pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (5_000, 1), (5_001, 2), (10_000, 2)])
    @pytest.mark.parametrize("info", [None, {"page": 1, "total_pages": 1, "total_count": 0}], ids=str)
    def test_costs_1_for_each_5000_records(
        self, client: Client, wire: Wire, count: int, requests: int, info: t.Any
    ) -> None:
        items = records(count)
        for number in range(requests):
            records_page(wire, number + 1, items[5_001 * number : 5_001 * number + 5_001], result_info=info)
        found = read(client, ["dns_records"]).dns_records
        assert found is not None
        assert len(found) == count
        assert len(wire.requests) == requests

    @pytest.mark.parametrize("total", [3, 7, 10**9, None])
    def test_counts_only_make_pages_concurrent(
        self, client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch, total: int | None
    ) -> None:
        monkeypatch.setattr(_zone_origins, "RECORDS_PAGE_SIZE", 3)
        monkeypatch.setattr(_zone_origins, "MAX_RECORDS_PAGES", 4)
        items, info = records(7), {"total_count": total, "per_page": 3}
        for number in range(4 if total == 10**9 else 3):  # with too large a count, one request is in vain
            records_page(wire, number + 1, items[3 * number : 3 * number + 3], result_info=info)
        assert len(read(client, ["dns_records"]).dns_records or ()) == 7

    def test_too_many_pages(self, client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_zone_origins, "RECORDS_PAGE_SIZE", 3)
        monkeypatch.setattr(_zone_origins, "MAX_RECORDS_PAGES", 2)
        for number in range(2):
            records_page(wire, number + 1, records(9)[3 * number : 3 * number + 3])
        with pytest.raises(ApiError, match="the list has 3 pages or more, but at most 2 are expected"):
            read(client, ["dns_records"])

    def test_record_that_moves_to_the_next_page(
        self, client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_zone_origins, "RECORDS_PAGE_SIZE", 3)
        after = records(5)
        records_page(wire, 1, after[1:4])
        for number, part in ((2, after[3:]), (1, after[:3]), (2, after[3:])):
            records_page(wire, number, part)
        assert [record.name for record in read(client, ["dns_records"]).dns_records or ()] == [
            record["name"] for record in after
        ]

    def test_pages_that_contradict_each_other(
        self, client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_zone_origins, "RECORDS_PAGE_SIZE", 3)
        for number in (1, 2) * 3:
            records_page(wire, number, records(3))
        with pytest.raises(ApiError, match="the pages of the DNS records contradict each other in each of 3 reads"):
            read(client, ["dns_records"])

    def test_custom_hostnames(self, client: Client, wire: Wire) -> None:
        items = [custom_hostname(f"{number}.example.org", "o.example.com") for number in range(1_500)]
        wire.zone_sources(dns_records=[], custom_hostnames=items[:1_000], fallback_origin={"origin": "f.example.com"})
        wire.get(HOSTNAMES_PATH, envelope(items[1_000:]), query={"page": 2, "per_page": 1_000}, is_concurrent=True)
        assert len(read(client, ["custom_hostnames"]).custom_hostnames or ()) == 1_500

    def test_same_custom_hostname_twice(self, client: Client, wire: Wire) -> None:
        """Such as a moved one and its successor. One page cannot contradict itself."""
        items = [custom_hostname("www.example.org", "o.example.com", status=status) for status in ("moved", "active")]
        wire.zone_sources(dns_records=[], custom_hostnames=items)
        assert read(client, ["custom_hostnames"]).custom_hostnames == [
            CustomHostname("www.example.org", "o.example.com")
        ]


class TestPermissions:
    """A list that the credential may not read is unavailable. It hides no other list, and is not empty."""

    @pytest.mark.parametrize(
        "refused",
        [
            names
            for count in range(1, 6)
            for names in itertools.combinations(EMPTY, count)
            if not set(names) >= set(EMPTY) - {"zone"}
        ],
        ids="+".join,
    )
    def test_every_combination(self, client: Client, wire: Wire, refused: tuple[str, ...]) -> None:
        unread = {*refused, *(["pools"] if {"zone", "load_balancers"} & {*refused} else [])}
        wire.zone_sources(refused, **{name: result for name, result in FULL.items() if name not in unread})
        sources = read(client)
        for name in SOURCES:
            assert (getattr(sources, name) is None) == (name in refused)
        assert (sources.pools is None) == ("pools" in unread)
        assert sources.fallback_origin == "fallback.example.com"
        assert sources.unavailable.keys() == {{"zone": "load_balancers"}.get(name, name) for name in refused}
        assert all(error.code == 10000 for error in sources.unavailable.values())

    @pytest.mark.parametrize(("name", "source"), [("pools", "load_balancers"), ("fallback_origin", "custom_hostnames")])
    def test_second_step(self, client: Client, wire: Wire, name: str, source: str) -> None:
        wire.zone_sources([name], **{other: result for other, result in FULL.items() if other != name})
        sources = read(client)
        assert not getattr(sources, name)
        assert getattr(sources, source) is not None
        assert sources.unavailable.keys() == {source}

    def test_later_page(self, client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_zone_origins, "RECORDS_PAGE_SIZE", 3)
        records_page(wire, 1, records(3))
        wire.zone_sources(origin_rules={"rules": []})
        query = {"order": "name", "page": 2, "per_page": 3}
        wire.get(RECORDS_PATH, error_envelope(10000), query=query, status=403)
        sources = read(client, ["origin_rules"])
        assert sources.dns_records is None
        assert sources.unavailable.keys() == {"dns_records"}

    def test_zone_for_its_name_only(self, client: Client, wire: Wire) -> None:
        wire.zone_sources(["zone"], dns_records=[])
        assert read(client, ["dns_records"], needs_zone=True).unavailable == {}

    def test_zone_for_the_pools_only(self, client: Client, wire: Wire) -> None:
        """Only the pools need the account of the zone, and no load balancer has one."""
        results = {**EMPTY, "load_balancers": [load_balancer("lb.example.com")]}
        wire.zone_sources(["zone"], **{name: result for name, result in results.items() if name != "zone"})
        assert read(client).unavailable == {}

    @pytest.mark.parametrize("status", [400, 403, 404])
    @pytest.mark.parametrize("name", ["load_balancers", "origin_rules", "custom_hostnames", "fallback_origin"])
    def test_plan(self, client: Client, wire: Wire, name: str, status: int) -> None:
        """What the plan does not include fails no other list. It is not empty either: other products may use the code otherwise."""
        wire.zone_sources(**{other: result for other, result in FULL.items() if other not in (name, "pools")})
        if name != "load_balancers":
            wire.zone_sources(pools=FULL["pools"])
        query = {"page": 1, "per_page": 1_000} if name == "custom_hostnames" else None
        wire.get(SOURCE_PATHS[name], error_envelope(1135), query=query, status=status, is_concurrent=True)
        sources = read(client)
        assert not getattr(sources, name)
        assert sources.unavailable.keys() == {{"fallback_origin": "custom_hostnames"}.get(name, name)}

    @pytest.mark.parametrize("refused", [[*EMPTY], [name for name in EMPTY if name != "zone"]], ids="+".join)
    def test_nothing_can_be_read(self, client: Client, wire: Wire, refused: list[str]) -> None:
        wire.zone_sources(refused, **({} if "zone" in refused else {"zone": ZONE}))
        with pytest.raises(PermissionDeniedError):
            read(client)

    @pytest.mark.parametrize(
        ("status", "code", "headers"), [(401, 10000, {}), (400, 6003, {}), (403, 0, {"cf-mitigated": "challenge"})]
    )
    def test_other_errors_fail(
        self, client: Client, wire: Wire, status: int, code: int, headers: dict[str, str]
    ) -> None:
        wire.may_stop_early()
        wire.zone_sources(dns_records=[])
        wire.get(RULES_PATH, error_envelope(code), status=status, headers=headers, is_concurrent=True)
        with pytest.raises(ApiError):
            read(client, ["origin_rules"])

    @pytest.mark.parametrize(
        "account", [None, {}, {"id": None}, {"id": "../../x"}, {"id": ACCOUNT_ID.upper()}], ids=str
    )
    def test_account_without_a_valid_id(self, client: Client, wire: Wire, account: t.Any) -> None:
        wire.zone_sources(
            zone={**ZONE, "account": account}, dns_records=[], load_balancers=[load_balancer("lb.example.com", "p1")]
        )
        with pytest.raises(ApiError, match="expected a zone with the id of its account"):
            read(client, ["load_balancers"])

    def test_error_of_one_call_ends_the_others(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        wire.may_stop_early()
        wire.zone_sources(dns_records=[])
        wire.get(RULES_PATH, error_envelope(7003), status=404, is_concurrent=True)
        with pytest.raises(ZoneNotFoundError):
            read(client, ["origin_rules"])
        assert clock.pauses == []


class TestParsing:
    """Items in the form of the API, and what breaks its contract."""

    def test_defaults(self) -> None:
        assert DnsRecord.from_api({"id": "1", "name": "x", "type": "TXT"}) == ("1", "x", "TXT", "", False, False)
        assert LoadBalancer.from_api({"name": "x"}) == ("x", True, False, ())
        assert Pool.from_api({"id": "p"}) == ("p", "p", True, ())
        assert PoolOrigin.from_api({"address": "x"}) == ("x", True, False)
        assert OriginRule.from_api({"id": "r"}) == ("r", True, "")
        assert CustomHostname.from_api({"hostname": "x"}) == ("x", "")

    def test_null_is_the_default(self) -> None:
        record = {"id": "1", "name": "x", "type": "TXT", "content": None, "proxied": None, "private_routing": None}
        assert DnsRecord.from_api(record) == ("1", "x", "TXT", "", False, False)
        nulls = dict.fromkeys(["enabled", "proxied", "default_pools", "fallback_pool", "region_pools", "rules"])
        assert LoadBalancer.from_api({"name": "x", **nulls, "pop_pools": {"LAX": None}}) == ("x", True, False, ())
        assert Pool.from_api({"id": "p", "name": None, "origins": None}) == ("p", "p", True, ())

    def test_canonical_address(self) -> None:
        assert DnsRecord.from_api(dns_record("x", "2001:DB8:0::1")).content == "2001:db8::1"

    @pytest.mark.parametrize("key", ["default_pools", "pools"])
    def test_list_of_pools(self, key: str) -> None:
        assert LoadBalancer.from_api({"name": "x", key: ["a", "b", "a"]}).pools == ("a", "b")

    @pytest.mark.parametrize("key", ["region_pools", "country_pools", "pop_pools"])
    def test_map_of_pools(self, key: str) -> None:
        assert LoadBalancer.from_api({"name": "x", key: {"X": ["a"], "Y": ["b"]}}).pools == ("a", "b")

    @pytest.mark.parametrize("part", ["rules", "pool_sets"])
    @pytest.mark.parametrize(
        "overrides",
        [
            {"default_pools": ["b"]},
            {"pools": ["b"]},
            {"fallback_pool": "b"},
            {"region_pools": {"X": ["b"]}},
            {"country_pools": {"X": ["b"]}},
            {"pop_pools": {"X": ["b"]}},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("disabled", [True, False, None])
    def test_overrides(self, part: str, overrides: dict[str, t.Any], disabled: bool | None) -> None:
        item = load_balancer("x", fallback_pool="a", **{part: [{"disabled": disabled, "overrides": overrides}, {}]})
        assert LoadBalancer.from_api(item).pools == (("a",) if disabled else ("a", "b"))

    @pytest.mark.parametrize(
        ("item", "host"),
        [
            (origin_rule("x"), "x"),
            (origin_rule("x", action="skip"), ""),
            (origin_rule(None), ""),
            (origin_rule("x", action_parameters={}), ""),
            (origin_rule("x", action_parameters={"origin": None}), ""),
        ],
        ids=str,
    )
    def test_host_of_a_rule(self, item: dict[str, t.Any], host: str) -> None:
        assert OriginRule.from_api(item).host == host

    @pytest.mark.parametrize("network", ["x", "", None])
    def test_virtual_network(self, network: str | None) -> None:
        assert PoolOrigin.from_api({"address": "x", "virtual_network_id": network}).is_private == bool(network)

    @pytest.mark.parametrize(
        ("parse", "item"),
        [
            *((parse.from_api, item) for parse in PARSERS for item in (None, "x", 1, [], {})),
            *((DnsRecord.from_api, {**RECORD, key: "x"}) for key in ("proxied", "private_routing")),
            *((DnsRecord.from_api, {**RECORD, key: 1}) for key in ("id", "name", "type")),
            *((DnsRecord.from_api, {**RECORD, "content": value}) for value in (None, 1, "", "x", "192.0.2.1/32")),
            (DnsRecord.from_api, {**RECORD, "type": "CNAME", "content": ["x"]}),
            (LoadBalancer.from_api, load_balancer("x", enabled="yes")),
            (LoadBalancer.from_api, load_balancer("x", proxied=1)),
            (LoadBalancer.from_api, load_balancer("x", default_pools="p")),
            (LoadBalancer.from_api, load_balancer("x", default_pools=[1])),
            (LoadBalancer.from_api, load_balancer("x", fallback_pool=["p"])),
            (LoadBalancer.from_api, load_balancer("x", region_pools=["p"])),
            (LoadBalancer.from_api, load_balancer("x", region_pools={"X": "p"})),
            (LoadBalancer.from_api, load_balancer("x", rules={})),
            (LoadBalancer.from_api, load_balancer("x", rules=[None])),
            (LoadBalancer.from_api, load_balancer("x", rules=[{"disabled": 0}])),
            (LoadBalancer.from_api, load_balancer("x", pool_sets=[{"overrides": []}])),
            (Pool.from_api, pool("p", {})),
            (Pool.from_api, pool("p", {"address": 1})),
            (Pool.from_api, pool("p", origins={})),
            (Pool.from_api, pool("p", {"address": "x", "virtual_network_id": 1})),
            (OriginRule.from_api, origin_rule("x", enabled="no")),
            (OriginRule.from_api, origin_rule("x", action_parameters=["x"])),
            (OriginRule.from_api, origin_rule("x", description=1)),
            (CustomHostname.from_api, custom_hostname("x", custom_origin_server=["y"])),
        ],
        ids=str,
    )
    def test_malformed_item(self, parse: t.Callable[[t.Any], object], item: t.Any) -> None:
        # Every field of a rule is optional
        if item == {} and parse == OriginRule.from_api:
            assert parse(item) == ("", True, "")
            return
        with pytest.raises(ApiError, match="^HTTP 200: expected an? .*, but the answer is "):
            parse(item)

    @pytest.mark.parametrize(
        ("name", "result"),
        [
            *((name, result) for name in FULL for result in ("x", 1, True)),
            *((name, {}) for name in ("zone", "dns_records", "load_balancers", "pools", "custom_hostnames")),
            *((name, []) for name in ("zone", "origin_rules", "fallback_origin")),
            *(
                ("zone", {**ZONE, "name": text})
                for text in ("", "com", "{{ 1 }}.com", "\ud800.com", "x." * 500_000 + "com")
            ),
            ("zone", {**ZONE, "id": ACCOUNT_ID}),
            ("origin_rules", {"rules": {}}),
            ("fallback_origin", {"origin": 1}),
        ],
        ids=lambda value: ascii(value)[:80],
    )
    def test_malformed_response(self, client: Client, wire: Wire, name: str, result: t.Any) -> None:
        wire.may_stop_early()
        second_step = ("pools", "fallback_origin")
        names = [one for one in FULL if one not in second_step or name in second_step]
        wire.zone_sources(**{**{one: FULL[one] for one in names}, name: result})
        with pytest.raises(ApiError, match="^HTTP 200: expected an? |^HTTP 200: expected the "):
            read(client)

    def test_deep_nesting(self, client: Client, wire: Wire) -> None:
        wire.may_stop_early()
        for answer in nested_texts(envelope([load_balancer("x", default_pools="?")])):
            wire.zone_sources(zone=ZONE, dns_records=[])
            wire.get(BALANCERS_PATH, answer, is_concurrent=True)
            with pytest.raises(ApiError):
                read(client, ["load_balancers"])
