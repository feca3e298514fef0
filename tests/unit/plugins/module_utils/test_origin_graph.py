# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what a zone sends requests with to its origins: names, wildcards, loops, pools, and what does not count."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zone_origins import (
    SOURCES,
    CustomHostname,
    DnsRecord,
    LoadBalancer,
    OriginRule,
    Pool,
    ZoneSources,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origins import graph as _graph
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origins.graph import (
    UsedBy,
    ZoneGraph,
    find_origins,
    is_host_name,
    normalize_name,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    custom_hostname,
    dns_record,
    load_balancer,
    origin_rule,
    pool,
)

Item = dict[str, t.Any]
IP = "192.0.2.1"
OTHER_IP = "192.0.2.2"


def find(
    records: t.Sequence[Item] = (),
    balancers: t.Sequence[Item] = (),
    pools: t.Sequence[Item] | None = (),
    rules: t.Sequence[Item] = (),
    hostnames: t.Sequence[Item] | None = (),
    fallback: str = "",
    include: t.Collection[str] = SOURCES,
    **changes: t.Any,
) -> ZoneGraph:
    """Return the graph of items in the form of the API."""
    sources = ZoneSources(
        dns_records=[DnsRecord.from_api(item) for item in records],
        load_balancers=[LoadBalancer.from_api(item) for item in balancers],
        pools=None if pools is None else [Pool.from_api(item) for item in pools],
        origin_rules=[OriginRule.from_api(item) for item in rules],
        custom_hostnames=None if hostnames is None else [CustomHostname.from_api(item) for item in hostnames],
        fallback_origin=fallback,
    )
    return find_origins(sources._replace(**changes), include)


def record(name: str, content: str, **more: t.Any) -> Item:
    return dns_record(f"{name}.example.com", content, **more)


def unproxied(name: str, content: str) -> Item:
    return record(name, content, proxied=False)


def of_record(name: str, pool: str | None = None, hostname: str | None = None) -> UsedBy:
    return UsedBy("dns_record", f"{name}.example.com", pool, hostname)


def of_rule(pool: str | None = None, hostname: str | None = None) -> UsedBy:
    return UsedBy("origin_rule", "A rule", pool, hostname)


class TestRecords:
    """Proxied records, and the names to which they lead."""

    def test_addresses(self) -> None:
        graph = find([record("a", IP), record("a", "2001:db8::1"), record("b", IP)])
        assert graph.origins == {IP: {of_record("a"), of_record("b")}, "2001:db8::1": {of_record("a")}}
        assert (graph.hostnames, graph.skipped, graph.errors) == ({}, {}, {})

    @pytest.mark.parametrize("more", [{"proxied": False}, {"type": "TXT"}, {"type": "MX"}, {"type": "NS"}], ids=str)
    def test_other_records_do_not_count(self, more: Item) -> None:
        assert find([record("a", IP, **more)]).origins == {}

    def test_not_included(self) -> None:
        assert find([record("a", IP)], include=["origin_rules"]).origins == {}

    def test_chain(self) -> None:
        graph = find([record("a", "b.example.com"), unproxied("b", "c.example.com"), unproxied("c", IP)])
        assert graph.origins == {IP: {of_record("a", hostname="c.example.com")}}

    @pytest.mark.parametrize("content", ["B.Example.COM", "b.example.com.", "B.example.com."])
    @pytest.mark.parametrize("name", ["b", "B"])
    def test_spelling_of_names(self, content: str, name: str) -> None:
        graph = find([record("A", content), unproxied(name, IP)])
        assert graph.origins == {IP: {of_record("a", hostname="b.example.com")}}

    def test_name_outside_the_zone(self) -> None:
        graph = find([record("a", "Origin.Example.org."), record("b", "a.example.com")])
        assert graph.hostnames == {
            "origin.example.org": {
                of_record("a", hostname="origin.example.org"),
                of_record("b", hostname="origin.example.org"),
            }
        }
        assert graph.errors == {}

    @pytest.mark.parametrize(
        "others", [[], [unproxied("b", "x")], [unproxied("c.b", IP)]], ids=["none", "TXT", "below"]
    )
    def test_name_without_an_address(self, others: list[Item]) -> None:
        graph = find([record("a", "b.example.com"), *({**one, "type": "TXT"} for one in others)])
        assert graph.hostnames == {"b.example.com": {of_record("a", hostname="b.example.com")}}

    @pytest.mark.parametrize(
        ("address", "reason"),
        [("10.0.0.1", "private"), ("127.0.0.1", "loopback"), ("fe80::1", "link-local"), ("fd00::1", "unique local")],
    )
    def test_unreachable_address(self, address: str, reason: str) -> None:
        graph = find([record("a", address), record("b", IP)])
        assert graph.skipped == {(address, reason): {of_record("a")}}
        assert graph.origins.keys() == {IP}

    @pytest.mark.parametrize("value", [IP, "10.0.0.1", "x.example.org"])
    def test_private_routing(self, value: str) -> None:
        graph = find([record("a", value, private_routing=True)])
        assert graph.skipped == {(value, "private_routing"): {of_record("a")}}
        assert (graph.origins, graph.hostnames) == ({}, {})

    def test_private_routing_of_a_followed_name(self) -> None:
        graph = find([record("a", "b.example.com"), {**unproxied("b", IP), "private_routing": True}])
        assert graph.skipped == {(IP, "private_routing"): {of_record("a", hostname="b.example.com")}}


class TestWildcards:
    """A wildcard answers as in DNS: directly below the closest name that exists."""

    @pytest.mark.parametrize(
        ("name", "is_answered"),
        [
            ("x", True),
            ("x.y.z", True),
            ("WWW.X", True),
            ("taken", False),  # a record of another type
            ("x.taken", False),  # its closest name is taken.example.com
            ("ent", False),  # exists, since a.ent.example.com does
            ("x.ent", False),
            ("x.sub", True),  # a wildcard of its own
            ("sub", False),
        ],
    )
    def test_closest_encloser(self, name: str, is_answered: bool) -> None:
        graph = find(
            [
                unproxied("*", IP),
                {**unproxied("taken", "x"), "type": "TXT"},
                unproxied("a.ent", OTHER_IP),
                unproxied("*.sub", IP),
            ],
            rules=[origin_rule(f"{name}.example.com")],
        )
        host = f"{name}.example.com".lower()
        assert graph.origins == ({IP: {of_rule(hostname=host)}} if is_answered else {})
        assert graph.hostnames.keys() == (set() if is_answered else {host})

    def test_record_takes_precedence(self) -> None:
        graph = find([unproxied("*", IP), unproxied("a", OTHER_IP)], rules=[origin_rule("a.example.com")])
        assert graph.origins.keys() == {OTHER_IP}

    def test_wildcard_itself_counts(self) -> None:
        assert find([record("*", IP)]).origins == {IP: {of_record("*")}}

    def test_other_zones(self) -> None:
        graph = find(
            [record("*", IP)], rules=[origin_rule("other.com"), origin_rule("com"), origin_rule("example.com")]
        )
        assert graph.hostnames.keys() == {"other.com", "com", "example.com"}

    @pytest.mark.parametrize("name", ["", "."])
    def test_empty_name_answers_for_no_other(self, name: str) -> None:
        graph = find([dns_record(name, IP, proxied=False)], rules=[origin_rule("x.example.org")])
        assert (graph.origins.keys(), graph.hostnames.keys()) == (set(), {"x.example.org"})

    def test_wildcard_that_leads_to_itself(self) -> None:
        graph = find([record("*", "x.example.com")])
        assert graph.errors == {"x.example.com": _graph.LOOP}


class TestLoops:
    """Loops end, and long chains."""

    @pytest.mark.parametrize("length", [1, 2, 3, 99])
    def test_loop(self, length: int) -> None:
        records = [unproxied(f"n{number}", f"n{(number + 1) % length}.example.com") for number in range(length)]
        graph = find([*records, record("a", "n0.example.com")])
        assert graph.hostnames == {"n0.example.com": {of_record("a", hostname="n0.example.com")}}
        assert graph.errors == {"n0.example.com": _graph.LOOP}

    @pytest.mark.parametrize("length", [_graph.MAX_CHAIN_LENGTH - 1, _graph.MAX_CHAIN_LENGTH])
    def test_long_chain(self, length: int) -> None:
        records = [unproxied(f"n{number}", f"n{number + 1}.example.com") for number in range(length)]
        graph = find([*records, unproxied(f"n{length}", IP), record("a", "n0.example.com")])
        if length < _graph.MAX_CHAIN_LENGTH:
            assert graph.origins == {IP: {of_record("a", hostname=f"n{length}.example.com")}}
        else:
            assert graph.errors == {f"n{length}.example.com": _graph.TOO_LONG}

    def test_load_balancer_that_leads_to_itself(self) -> None:
        graph = find(
            balancers=[load_balancer("lb.example.com", "p1", "p2")],
            pools=[pool("p1", "lb.example.com"), pool("p2", IP)],
        )
        users = graph.origins[IP]
        assert UsedBy("load_balancer", "lb.example.com", "name-of-p2", None) in users
        assert graph.errors == {}

    def test_load_balancer_without_anything_but_itself(self) -> None:
        graph = find(balancers=[load_balancer("lb.example.com", "p1")], pools=[pool("p1", "lb.example.com")])
        assert graph.errors == {"lb.example.com": _graph.LOOP}

    def test_same_dead_end_twice_is_no_loop(self) -> None:
        graph = find(
            balancers=[load_balancer("lb.example.com", "p1"), load_balancer("off.example.com", "p2")],
            pools=[pool("p1", "off.example.com", "off.example.com"), pool("p2", IP, enabled=False)],
            rules=[origin_rule("lb.example.com")],
        )
        assert (graph.origins, graph.hostnames) == ({}, {})

    def test_all_records_in_one_chain(self) -> None:
        count = 5_000
        records = [record(f"n{number}", f"n{number + 1}.example.com") for number in range(count)]
        started = time.process_time()
        graph = find([*records, record(f"n{count}", IP)])
        assert len(graph.origins[IP]) == _graph.MAX_CHAIN_LENGTH + 1
        assert time.process_time() - started < 60


class TestLoadBalancers:
    """Proxied and enabled load balancers, and all paths to their origins."""

    def test_pools(self) -> None:
        graph = find(
            balancers=[load_balancer("LB.example.com.", "p1", fallback_pool="p2")],
            pools=[pool("p1", IP, OTHER_IP), pool("p2", IP), pool("p3", "192.0.2.3")],
        )
        of_first, of_second = (
            UsedBy("load_balancer", "lb.example.com", name, None) for name in ("name-of-p1", "name-of-p2")
        )
        assert graph.origins == {IP: {of_first, of_second}, OTHER_IP: {of_first}}

    @pytest.mark.parametrize("more", [{"enabled": False}, {"proxied": False}], ids=str)
    def test_without_effect(self, more: Item) -> None:
        graph = find([record("lb", OTHER_IP)], [load_balancer("lb.example.com", "p1", **more)], [pool("p1", IP)])
        assert graph.origins == {OTHER_IP: {of_record("lb")}}

    def test_takes_the_place_of_a_record(self) -> None:
        graph = find(
            [record("LB", OTHER_IP), record("a", "lb.example.com")],
            [load_balancer("lb.example.com", "p1")],
            [pool("p1", IP)],
        )
        assert graph.origins == {
            IP: {
                UsedBy("load_balancer", "lb.example.com", "name-of-p1", None),
                of_record("a", "name-of-p1", "lb.example.com"),
            }
        }

    def test_takes_the_place_of_a_record_although_its_pools_are_unknown(self) -> None:
        graph = find([record("lb", OTHER_IP)], [load_balancer("lb.example.com", "p1")], None)
        assert (graph.origins, graph.skipped) == ({}, {})

    def test_unproxied_one_counts_where_a_rule_leads_to_it(self) -> None:
        graph = find(
            [unproxied("lb", OTHER_IP)],
            [load_balancer("lb.example.com", "p1", proxied=False)],
            [pool("p1", IP)],
            [origin_rule("lb.example.com")],
        )
        assert graph.origins == {IP: {of_rule("name-of-p1", "lb.example.com")}}

    def test_disabled_pool_and_origin(self) -> None:
        graph = find(
            balancers=[load_balancer("lb.example.com", "p1", "p2")],
            pools=[pool("p1", IP, {"address": OTHER_IP, "enabled": False}), pool("p2", "192.0.2.3", enabled=False)],
        )
        assert graph.origins.keys() == {IP}

    def test_unknown_pool(self) -> None:
        graph = find(balancers=[load_balancer("lb.example.com", "p1")])
        assert graph.skipped == {("p1", "unknown_pool"): {UsedBy("load_balancer", "lb.example.com", "p1", None)}}
        assert graph.has_unknown_pools

    def test_virtual_network(self) -> None:
        origins = [{"address": address, "virtual_network_id": "v"} for address in ("10.0.0.1", "App.example.com")]
        graph = find(
            [unproxied("app", IP)], [load_balancer("lb.example.com", "p1")], [pool("p1", *origins, "10.0.0.1")]
        )
        user = UsedBy("load_balancer", "lb.example.com", "name-of-p1", None)
        assert graph.skipped == {
            ("10.0.0.1", "virtual_network_id"): {user},
            ("app.example.com", "virtual_network_id"): {user},
            ("10.0.0.1", "private"): {user},
        }
        assert not graph.has_unknown_pools

    def test_origins_with_host_names(self) -> None:
        graph = find(
            [unproxied("app", "2001:DB8::0:1")],
            [load_balancer("lb.example.com", "p1")],
            [pool("p1", "App.example.com", "x.example.org.")],
        )
        assert graph.origins == {
            "2001:db8::1": {UsedBy("load_balancer", "lb.example.com", "name-of-p1", "app.example.com")}
        }
        assert graph.hostnames == {
            "x.example.org": {UsedBy("load_balancer", "lb.example.com", "name-of-p1", "x.example.org")}
        }

    def test_canonical_address(self) -> None:
        graph = find(balancers=[load_balancer("lb.example.com", "p1")], pools=[pool("p1", "2001:DB8::0:1")])
        assert graph.origins.keys() == {"2001:db8::1"}

    def test_wildcard(self) -> None:
        graph = find(
            [unproxied("a", OTHER_IP)],
            [load_balancer("*.example.com", "p1")],
            [pool("p1", IP)],
            [origin_rule("x.example.com"), origin_rule("a.example.com")],
        )
        assert of_rule("name-of-p1", "x.example.com") in graph.origins[IP]
        assert graph.origins[OTHER_IP] == {of_rule(hostname="a.example.com")}

    def test_last_pool_is_reported(self) -> None:
        graph = find(
            [unproxied("a", "inner.example.com")],
            [load_balancer("outer.example.com", "p1"), load_balancer("inner.example.com", "p2", proxied=False)],
            [pool("p1", "a.example.com"), pool("p2", IP)],
        )
        assert graph.origins == {IP: {UsedBy("load_balancer", "outer.example.com", "name-of-p2", "inner.example.com")}}


class TestRulesAndHostnames:
    """Origin rules and custom hostnames also lead to unproxied records."""

    def test_rule(self) -> None:
        graph = find([unproxied("a", IP)], rules=[origin_rule("a.example.com"), origin_rule(OTHER_IP)])
        assert graph.origins == {IP: {of_rule(hostname="a.example.com")}, OTHER_IP: {of_rule()}}

    @pytest.mark.parametrize("more", [{"enabled": False}, {"action": "skip"}], ids=str)
    def test_rule_without_effect(self, more: Item) -> None:
        graph = find([unproxied("a", IP)], rules=[origin_rule("a.example.com", **more)])
        assert (graph.origins, graph.hostnames) == ({}, {})

    def test_custom_hostnames(self) -> None:
        graph = find(
            [unproxied("a", IP), record("f", OTHER_IP)],
            hostnames=[custom_hostname("www.example.org", "a.example.com"), custom_hostname("Shop.example.org")],
            fallback="f.example.com",
        )
        assert graph.origins == {
            IP: {UsedBy("custom_hostname", "www.example.org", None, "a.example.com")},
            OTHER_IP: {UsedBy("custom_hostname", "shop.example.org", None, "f.example.com"), of_record("f")},
        }

    @pytest.mark.parametrize("hostnames", [[], [custom_hostname("www.example.org", "a.example.com")]], ids=["0", "1"])
    def test_fallback_that_nothing_uses(self, hostnames: list[Item]) -> None:
        graph = find([unproxied("a", IP), unproxied("f", OTHER_IP)], hostnames=hostnames, fallback="f.example.com")
        assert OTHER_IP not in graph.origins

    def test_no_fallback(self) -> None:
        graph = find(hostnames=[custom_hostname("www.example.org")])
        assert (graph.origins, graph.hostnames) == ({}, {})

    def test_fallback_of_unknown_hostnames(self) -> None:
        graph = find([unproxied("f", IP)], hostnames=None, fallback="f.example.com")
        assert graph.origins == {IP: {UsedBy("custom_hostname", "f.example.com", None, "f.example.com")}}

    def test_unknown_records(self) -> None:
        graph = find(rules=[origin_rule("a.example.com")], dns_records=None, load_balancers=None)
        assert graph.hostnames == {"a.example.com": {of_rule(hostname="a.example.com")}}


class TestHostileTexts:
    """Texts of the API are data: of limited length, printable, and never resolved if they are no host name."""

    @pytest.mark.parametrize(
        "text", ["a" * 1_000_000, "a." * 500_000, "\ud800", "a\nb.example", "\x00", " ", "", ".", "ä.example", "*.x"]
    )
    def test_host(self, text: str) -> None:
        graph = find(
            [record("a", text, type="CNAME"), record(text, IP), dns_record(text, IP, proxied=False)],
            [load_balancer("lb.example.com", text, "p1")],
            [pool("p1", text, name=text)],
            [origin_rule(text, description=text)],
            [custom_hostname(text, text)],
        )
        users = [graph.origins, graph.hostnames, graph.skipped]
        texts = [
            part or ""
            for found in users
            for value, used_by in found.items()
            for parts in ([value] if isinstance(value, str) else value, *used_by)
            for part in ([parts] if isinstance(parts, str) else parts)
        ]
        assert all(len(part) <= _graph.MAX_NAME_LENGTH + 1 and part.isprintable() for part in texts)
        assert graph.errors.keys() == graph.hostnames.keys()

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            *((name, True) for name in ("a", "a.example", "_x.a-b.example", "1.example", "x" * 63 + ".example")),
            *((name, False) for name in ("", "a..example", "a.", "x" * 64 + ".example", "a b.example", "a/b", "a:1")),
            *((name, False) for name in ("1.2.3", "10", "0x7f000001", "a.0x", "a.1", "192.0.2.1/32", "fe80::1%eth0")),
            ("a." * 126 + "a", True),
            ("a." * 127 + "a", False),
        ],
    )
    def test_is_host_name(self, name: str, expected: bool) -> None:
        assert is_host_name(name) == expected

    @pytest.mark.parametrize(
        ("text", "name"),
        [("A.Example.", "a.example"), ("a..", "a."), ("", ""), ("x" * 254, "x" * 253 + "…"), ("a\tb", "a b")],
    )
    def test_normalize_name(self, text: str, name: str) -> None:
        assert normalize_name(text) == name
