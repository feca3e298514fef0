# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module zone_origin_info, from its arguments to its output."""

from __future__ import annotations

import itertools
import json
import socket
import types
import typing as t

import pytest
import yaml
from ansible_collections.edgecache.cloudflare.plugins.modules import zone_origin_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    RECORDS_PATH,
    RULES_PATH,
    TOKEN,
    ZONE_ID,
    ZONE_NAME,
    Wire,
    custom_hostname,
    dns_record,
    envelope,
    error_envelope,
    load_balancer,
    origin_rule,
    pool,
    zone_item,
)

RunModule = t.Callable[..., dict[str, t.Any]]

INCLUDE = ["dns_records", "load_balancers", "origin_rules", "custom_hostnames"]
ZONE = zone_item(id=ZONE_ID, name=ZONE_NAME)
NO_ORIGINS: dict[str, t.Any] = {
    "origins": [],
    "hostnames": [],
    "left_out": [],
    "unavailable": [],
    "complete": True,
    "zone_id": ZONE_ID,
    "zone": ZONE_NAME,
}
EMPTY: dict[str, t.Any] = {
    "zone": ZONE,
    "dns_records": [],
    "load_balancers": [],
    "origin_rules": {"rules": []},
    "custom_hostnames": [],
}
FULL: dict[str, t.Any] = {
    "zone": ZONE,
    "dns_records": [
        dns_record("www.example.com", "App.example.com"),
        dns_record("app.example.com", "192.0.2.10", proxied=False),
        dns_record("app.example.com", "192.0.2.9", proxied=False),
        dns_record("v6.example.com", "2001:DB8::0:1"),
        dns_record("lb.example.com", "192.0.2.99"),
        dns_record("cdn.example.com", "origin.example.org."),
        dns_record("home.example.com", "10.0.0.9"),
        dns_record("home.example.com", "10.0.0.10"),
        dns_record("intranet.example.com", "192.0.2.98", private_routing=True),
        dns_record("fallback.example.com", "192.0.2.20", proxied=False),
    ],
    "load_balancers": [load_balancer("lb.example.com", "p1")],
    "pools": [pool("p1", "192.0.2.9", {"address": "10.0.0.9", "virtual_network_id": "x"})],
    "origin_rules": {"rules": [origin_rule("app.example.com")]},
    "custom_hostnames": [custom_hostname("www.customer.example")],
    "fallback_origin": {"origin": "fallback.example.com", "status": "active"},
}
FAILURE = {
    "status": 403,
    "code": 10000,
    "message": "The API's own words.",
    "errors": [{"code": 10000, "message": "The API's own words."}],
}


def used_by(kind: str, name: str, hostname: str | None = None, pool: str | None = None) -> dict[str, t.Any]:
    return {"kind": kind, "name": name, "pool": pool, "hostname": hostname}


OF_WWW = used_by("dns_record", "www.example.com", "app.example.com")
OF_RULE = used_by("origin_rule", "A rule", "app.example.com")
OF_BALANCER = used_by("load_balancer", "lb.example.com", pool="name-of-p1")
OF_CDN = used_by("dns_record", "cdn.example.com", "origin.example.org")


@pytest.fixture
def module_under_test() -> types.ModuleType:
    return zone_origin_info


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses of each name that the resolver of the system knows."""
    known: dict[str, list[str]] = {}

    def getaddrinfo(host: bytes, *args: object, **settings: object) -> list[t.Any]:
        name = host.decode().rstrip(".")
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in known[name]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize("check", [True, False])
def test_each_source(run: RunModule, wire: Wire, check: bool) -> None:
    wire.zone_sources(**FULL)
    assert run(_ansible_check_mode=check) == {
        "origins": [
            {"origin_ip": "192.0.2.9", "used_by": [OF_WWW, OF_BALANCER, OF_RULE]},
            {"origin_ip": "192.0.2.10", "used_by": [OF_WWW, OF_RULE]},
            {
                "origin_ip": "192.0.2.20",
                "used_by": [used_by("custom_hostname", "www.customer.example", "fallback.example.com")],
            },
            {"origin_ip": "2001:db8::1", "used_by": [used_by("dns_record", "v6.example.com")]},
        ],
        "hostnames": [{"hostname": "origin.example.org", "used_by": [OF_CDN], "addresses": [], "error": None}],
        "left_out": [
            {"value": "10.0.0.9", "reason": "private", "used_by": [used_by("dns_record", "home.example.com")]},
            {"value": "10.0.0.9", "reason": "virtual_network_id", "used_by": [OF_BALANCER]},
            {"value": "10.0.0.10", "reason": "private", "used_by": [used_by("dns_record", "home.example.com")]},
            {
                "value": "192.0.2.98",
                "reason": "private_routing",
                "used_by": [used_by("dns_record", "intranet.example.com")],
            },
        ],
        "unavailable": [],
        "complete": False,
        "zone_id": ZONE_ID,
        "zone": ZONE_NAME,
    }
    assert len(wire.requests) == 7


def test_zone_without_origins_costs_5(run: RunModule, wire: Wire) -> None:
    wire.zone_sources(**EMPTY)
    assert run() == NO_ORIGINS
    assert len(wire.requests) == 5


def test_zone_by_name_costs_1_more(run_bare: RunModule, wire: Wire) -> None:
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": ZONE_NAME}]), query={"name": "Example.com"})
    wire.zone_sources(**EMPTY)
    assert run_bare(api_token=TOKEN, zone="Example.com") == NO_ORIGINS
    assert len(wire.requests) == 6


@pytest.mark.parametrize(
    ("include", "kinds", "names"),
    [
        (["dns_records"], {"dns_record"}, ["dns_records"]),
        (["load_balancers"], {"load_balancer"}, ["zone", "dns_records", "load_balancers", "pools"]),
        (["origin_rules"], {"origin_rule"}, ["dns_records", "origin_rules"]),
        (["custom_hostnames"], {"custom_hostname"}, ["dns_records", "custom_hostnames", "fallback_origin"]),
    ],
    ids=str,
)
def test_include(run: RunModule, wire: Wire, include: list[str], kinds: set[str], names: list[str]) -> None:
    wire.zone_sources(**{name: FULL[name] for name in names})
    result = run(include=include)
    assert {user["kind"] for origin in result["origins"] for user in origin["used_by"]} == kinds
    assert result["complete"] == (include != ["dns_records"])
    assert result["zone"] == (ZONE_NAME if "zone" in names else None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"include": []}, "include: the list is empty. It must have at least one of dns_records, "),
        ({"include": ["x"]}, "value of include must be one or more of"),
        ({"zone_id": "x"}, "is not a valid zone id"),
        ({"timeout": 0}, "timeout: 0.0 is not valid"),
    ],
    ids=str,
)
def test_options_are_checked_first(run: RunModule, options: dict[str, t.Any], message: str) -> None:
    assert message in run(**options)["msg"]


class TestUnavailable:
    """What the credential may not read is reported, and never counts as empty."""

    @pytest.mark.parametrize(
        "refused",
        [names for count in range(1, 4) for names in itertools.combinations(INCLUDE, count)],
        ids="+".join,
    )
    def test_every_combination(self, run: RunModule, wire: Wire, refused: tuple[str, ...]) -> None:
        wire.zone_sources(refused, **{name: result for name, result in EMPTY.items() if name not in refused})
        if "custom_hostnames" in refused:
            wire.zone_sources(fallback_origin={})
        unavailable = [{"include": name, "failure": FAILURE} for name in refused]
        assert run() == {**NO_ORIGINS, "unavailable": unavailable, "complete": False}

    @pytest.mark.parametrize("name", ["zone", "pools"])
    def test_pools(self, run: RunModule, wire: Wire, name: str) -> None:
        others = {other: result for other, result in FULL.items() if other not in (name, "pools")}
        wire.zone_sources([name], **others)
        result = run()
        assert result["unavailable"] == [{"include": "load_balancers", "failure": FAILURE}]
        assert not result["complete"]
        # The load balancer still takes the place of the record
        assert [origin["origin_ip"] for origin in result["origins"]] == [
            "192.0.2.9",
            "192.0.2.10",
            "192.0.2.20",
            "2001:db8::1",
        ]
        assert result["zone"] == (None if name == "zone" else ZONE_NAME)

    def test_fallback_origin(self, run: RunModule, wire: Wire) -> None:
        wire.zone_sources(
            ["fallback_origin"], **{name: result for name, result in FULL.items() if name != "fallback_origin"}
        )
        result = run(include=INCLUDE)
        assert result["unavailable"] == [{"include": "custom_hostnames", "failure": FAILURE}]
        assert "192.0.2.20" not in [origin["origin_ip"] for origin in result["origins"]]

    @pytest.mark.parametrize(("host", "is_needed"), [("192.0.2.1", False), ("app.example.com", True)])
    def test_records_that_only_others_need(self, run: RunModule, wire: Wire, host: str, is_needed: bool) -> None:
        wire.zone_sources(["dns_records"], origin_rules={"rules": [origin_rule(host)]})
        result = run(include=["origin_rules"])
        assert [one["include"] for one in result["unavailable"]] == (["dns_records"] if is_needed else [])
        assert result["complete"] != is_needed
        assert len(result["hostnames"]) == is_needed

    def test_nothing_can_be_read(self, run: RunModule, wire: Wire) -> None:
        wire.zone_sources(list(EMPTY))
        result = run()
        assert "check api_token" in result["msg"]
        assert result["failure"] == FAILURE
        assert result.keys() == {"failed", "msg", "failure"}

    @pytest.mark.parametrize(("status", "code"), [(401, 10000), (404, 7003), (500, 1140), (400, 1146)])
    def test_other_errors_fail(self, run: RunModule, wire: Wire, status: int, code: int) -> None:
        wire.may_stop_early()
        wire.zone_sources(dns_records=[])
        wire.get(RULES_PATH, error_envelope(code), status=status, is_concurrent=True)
        result = run(include=["origin_rules"])
        assert result["failure"]["code"] == code
        assert "origins" not in result

    def test_response_without_an_envelope(self, run: RunModule, wire: Wire) -> None:
        wire.may_stop_early()
        wire.zone_sources(origin_rules={"rules": []})
        query = {"order": "name", "page": 1, "per_page": 5_001}
        wire.get(RECORDS_PATH, "<html>", query=query, is_concurrent=True)
        assert run(include=["origin_rules"])["failure"]["status"] == 200


class TestComplete:
    """``complete`` is only true if no origin can be missing."""

    def test_all_addresses_are_known(self, run: RunModule, wire: Wire) -> None:
        records = [record for record in FULL["dns_records"] if record["name"] != "cdn.example.com"]
        wire.zone_sources(**{**FULL, "dns_records": records})
        result = run()
        assert result["complete"]
        assert len(result["origins"]) == 4

    def test_unknown_pool(self, run: RunModule, wire: Wire) -> None:
        wire.zone_sources(**{**EMPTY, "load_balancers": [load_balancer("lb.example.com", "p1")], "pools": []})
        result = run()
        assert [one["reason"] for one in result["left_out"]] == ["unknown_pool"]
        assert not result["complete"]

    def test_loop(self, run: RunModule, wire: Wire) -> None:
        wire.zone_sources(**{**EMPTY, "dns_records": [dns_record("a.example.com", "a.example.com")]})
        result = run()
        assert result["hostnames"][0]["error"] == "its records form a loop: change one of them"
        assert not result["complete"]


class TestResolve:
    """Names outside the zone are resolved, but no name of the zone whose address would be one of Cloudflare."""

    def test_addresses(self, run: RunModule, wire: Wire, resolver: dict[str, list[str]]) -> None:
        resolver["origin.example.org"] = ["198.51.100.7", "192.0.2.9", "10.0.0.1"]
        wire.zone_sources(**FULL)
        result = run(resolve=True)
        assert result["hostnames"] == [
            {
                "hostname": "origin.example.org",
                "used_by": [OF_CDN],
                "addresses": ["10.0.0.1", "192.0.2.9", "198.51.100.7"],
                "error": None,
            }
        ]
        users = {origin["origin_ip"]: origin["used_by"] for origin in result["origins"]}
        assert users["198.51.100.7"] == [OF_CDN]
        assert users["192.0.2.9"] == [OF_CDN, OF_WWW, OF_BALANCER, OF_RULE]
        assert {"value": "10.0.0.1", "reason": "private", "used_by": [OF_CDN]} in result["left_out"]
        assert result["complete"]
        assert len(wire.requests) == 7

    def test_error(self, run: RunModule, wire: Wire, resolver: dict[str, list[str]]) -> None:
        wire.zone_sources(**FULL)
        result = run(resolve=True)
        assert [(one["addresses"], one["error"]) for one in result["hostnames"]] == [
            ([], "cannot be resolved: Name or service not known")
        ]
        assert not result["complete"]

    @pytest.mark.parametrize("host", ["a..b", "127.1"])
    def test_no_host_name(self, run: RunModule, wire: Wire, resolver: dict[str, list[str]], host: str) -> None:
        resolver[host] = ["127.0.0.1"]
        wire.zone_sources(**{**EMPTY, "origin_rules": {"rules": [origin_rule(host)]}})
        assert run(resolve=True)["hostnames"][0]["error"] == (
            "not a valid host name: correct the record, the origin or the rule"
        )

    @pytest.mark.parametrize("unknown", ["dns_records", "load_balancers"])
    @pytest.mark.parametrize("has_zone", [True, False])
    def test_name_that_may_be_one_of_the_zone(
        self, run: RunModule, wire: Wire, resolver: dict[str, list[str]], unknown: str, has_zone: bool
    ) -> None:
        hosts = ["gone.example.com", "example.com", "notexample.com", "x.example.org"]
        resolver.update({host: ["192.0.2.1"] for host in hosts})
        refused = [unknown] if has_zone else [unknown, "zone"]
        sources = {**EMPTY, "origin_rules": {"rules": [origin_rule(host) for host in hosts]}}
        wire.zone_sources(refused, **{name: result for name, result in sources.items() if name not in refused})
        result = run(resolve=True)
        resolved = [one["hostname"] for one in result["hostnames"] if one["addresses"]]
        assert resolved == (["notexample.com", "x.example.org"] if has_zone else [])
        assert all(
            one["addresses"] or one["error"].startswith("not resolved, since it may be a name of the zone")
            for one in result["hostnames"]
        )

    def test_name_of_the_zone_without_a_record(
        self, run: RunModule, wire: Wire, resolver: dict[str, list[str]]
    ) -> None:
        """It may be in a part of the zone that other name servers serve."""
        resolver["x.delegated.example.com"] = ["192.0.2.1"]
        wire.zone_sources(**{**EMPTY, "origin_rules": {"rules": [origin_rule("x.delegated.example.com")]}})
        assert run(resolve=True)["complete"]

    @pytest.mark.parametrize(("zone", "requests"), [(None, 2), (ZONE_NAME, 2)])
    def test_zone_name_without_load_balancers(
        self, run_bare: RunModule, wire: Wire, resolver: dict[str, list[str]], zone: str | None, requests: int
    ) -> None:
        """The module reads the zone for its name, unless an option has it."""
        resolver["x.example.org"] = ["192.0.2.1"]
        options = {"zone_id": ZONE_ID} if zone is None else {"zone": zone}
        if zone:
            wire.get("/zones", envelope([{"id": ZONE_ID, "name": ZONE_NAME}]), query={"name": ZONE_NAME})
        else:
            wire.zone_sources(zone=ZONE)
        wire.zone_sources(dns_records=[dns_record("a.example.com", "x.example.org")])
        result = run_bare(api_token=TOKEN, include=["dns_records"], resolve=True, **options)
        assert result["complete"]
        assert result["zone"] == ZONE_NAME
        assert len(wire.requests) == requests


def test_hostile_texts(run: RunModule, wire: Wire) -> None:
    texts = ["x" * 100_000, "\ud800\udfff \x1b[31m", "a." * 50_000, "{{ lookup('pipe', 'id') }}"]
    records = [dns_record(text, "192.0.2.1", id=str(number)) for number, text in enumerate(texts)]
    rules = [origin_rule(text, description=text) for text in texts]
    hostnames = [custom_hostname(text, text) for text in texts]
    wire.zone_sources(
        **{**EMPTY, "dns_records": records, "origin_rules": {"rules": rules}, "custom_hostnames": hostnames}
    )
    result = run()
    assert len(json.dumps(result)) < 10_000
    assert {user["name"] for user in result["origins"][0]["used_by"]} >= {"{{ lookup('pipe', 'id') }}", "x" * 253 + "…"}


def test_result_is_as_documented(run: RunModule, wire: Wire) -> None:
    documented = yaml.safe_load(zone_origin_info.RETURN)
    of_failure = documented.pop("failure")
    wire.zone_sources(["origin_rules"], **{name: result for name, result in FULL.items() if name != "origin_rules"})
    result = run()
    assert set(result) == set(documented)
    for key in ("origins", "hostnames", "left_out", "unavailable"):
        assert list(documented[key]["contains"]) == list(result[key][0])
    users = documented["origins"]["contains"]["used_by"]["contains"]
    assert list(users) == list(result["origins"][0]["used_by"][0])
    assert list(of_failure["contains"]) == list(result["unavailable"][0]["failure"])
