# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Randomized differential test: the real ``main()`` of ``zone_origin_info`` against a reference model.

Hypothesis builds small zones in the form of the API: records that form chains and loops, wildcards, load balancers with every path to
a pool, origin rules, custom hostnames, and lists that the credential may not read. The test compares the whole result and the
requests. Only the connection to the API and the resolver are fake. Pages are so small that a few items fill several.

The model shares no code with the collection. It follows the documentation of the module, the contract of the API, and RFC 4592.

The random input is that of one seed; ``--hypothesis-seed=N`` tests the input of another.
"""

from __future__ import annotations

import io
import ipaddress
import json
import os
import socket
import tempfile
import typing as t
from collections import Counter
from dataclasses import dataclass
from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import urllib3
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import zone_origins as _zone_origins
from hypothesis import Phase, given, note, seed, settings
from hypothesis import strategies as st

from tests.system.in_process import run_module

Item = dict[str, t.Any]

API_URL = "http://127.0.0.1:1/client/v4"
TOKEN = "Token_0123456789-abcdefghijklmnopqrstuvw"
ZONE_ID = "023e105f4ecef8ad9ca31a8372d0c353"
ACCOUNT_ID = "01a7362d577a6c3019a474fd6f485823"
ZONE_NAME = "example.com"
RECORDS_PAGE_SIZE, HOSTNAMES_PAGE_SIZE = 4, 2

INCLUDE = ["dns_records", "load_balancers", "origin_rules", "custom_hostnames"]

CALLS = {
    "zone": f"/zones/{ZONE_ID}",
    "dns_records": f"/zones/{ZONE_ID}/dns_records",
    "load_balancers": f"/zones/{ZONE_ID}/load_balancers",
    "origin_rules": f"/zones/{ZONE_ID}/rulesets/phases/http_request_origin/entrypoint",
    "custom_hostnames": f"/zones/{ZONE_ID}/custom_hostnames",
    "pools": f"/accounts/{ACCOUNT_ID}/load_balancers/pools",
    "fallback_origin": f"/zones/{ZONE_ID}/custom_hostnames/fallback_origin",
}
"""The paths of all reads. The first five are sent at once, in any order."""

NEVER_SET = {"origin_rules": 10003, "fallback_origin": 1551}
"""The codes of the API for rules and a fallback origin that the zone never had."""


# The random input


OWNERS = [f"{label}example.com" for label in ("", "a.", "b.", "b.a.", "c.b.a.", "*.", "*.a.", "*.b.")]
NAMES = [*OWNERS[:5], "c.example.com", "d.c.b.example.com"]
OUTSIDE = ["cloud.example.org", "gone.example.org", "not valid.example.org", "example.net"]
RESOLVABLE = {
    "cloud.example.org": ["203.0.113.9", "192.0.2.1"],
    "example.net": ["2001:db8::1", "10.0.0.1"],
    "c.example.com": ["198.51.100.99"],  # an address of Cloudflare
}
"""What the resolver of the system knows."""

ADDRESSES = {
    "192.0.2.1": "192.0.2.1",
    "192.0.2.10": "192.0.2.10",
    "198.51.100.7": "198.51.100.7",
    "2001:DB8:0:0::1": "2001:db8::1",
    "2001:db8::10": "2001:db8::10",
    "10.0.0.1": "10.0.0.1",
    "FD00::1": "fd00::1",
}
"""Spellings of addresses, each with the canonical form."""

IPV4 = [address for address in ADDRESSES if ":" not in address]
IPV6 = [address for address in ADDRESSES if ":" in address]
UNREACHABLE = {"10.0.0.1": "private", "fd00::1": "unique local"}

POOL_IDS = ["p0", "p1", "p2"]


@dataclass(frozen=True)
class Case:
    """A zone and a task. ``lists`` has what each call reads; ``None`` is answered as never set. Calls in ``refused`` fail with 403."""

    lists: dict[str, t.Any]
    refused: list[str]
    has_counts: bool
    include: list[str]
    resolve: bool
    by_name: bool


def draw_case(random: Random) -> Case:
    zone = {"id": ZONE_ID, "name": ZONE_NAME, "account": {"id": ACCOUNT_ID}}
    rules = [{**draw_rule(random), "id": f"r{number}"} for number in range(random.randint(0, 2))]
    return Case(
        lists={
            "zone": zone,
            "dns_records": [{**draw_record(random), "id": str(number)} for number in range(random.randint(0, 9))],
            "load_balancers": [draw_balancer(random) for dummy in range(random.choice([0, 0, 1, 2, 3]))],
            "pools": [{**draw_pool(random), "id": pool_id} for pool_id in draw_some(random, POOL_IDS, 3)],
            "origin_rules": random.choice([None, {"rules": rules}, {"rules": rules}]),
            "custom_hostnames": [
                {
                    "hostname": f"Shop-{number}.example.org",
                    **draw_fields(random, custom_origin_server=draw_name(random)),
                }
                for number in range(random.choice([0, 1, 1, 2, 3, 4]))
            ],
            "fallback_origin": random.choice([None, draw_fields(random, origin=draw_name(random))]),
        },
        refused=random.choice([[], draw_some(random, list(CALLS), 5)]),
        has_counts=draw_bool(random),
        include=random.choice([INCLUDE, draw_some(random, INCLUDE, 3) or INCLUDE]),
        resolve=draw_bool(random),
        by_name=draw_bool(random, 0.2),
    )


def draw_record(random: Random) -> Item:
    kind = random.choice(["A", "AAAA", "CNAME", "CNAME", "CNAME", "TXT"])
    contents = {
        "A": random.choice(IPV4),
        "AAAA": random.choice(IPV6),
        "CNAME": draw_name(random),
        "TXT": "text",
    }
    flags = draw_fields(random, proxied=draw_bool(random), private_routing=draw_bool(random, 0.1))
    return {"name": draw_spelling(random, OWNERS), "type": kind, "content": contents[kind], **flags}


def draw_balancer(random: Random) -> Item:
    rules = [
        draw_fields(random, disabled=draw_bool(random), overrides=draw_paths(random), fixed_response={})
        for dummy in range(random.randint(0, 2))
    ]
    pool_set = {"pools": draw_pools(random), "fallback_pool": random.choice(POOL_IDS)}
    pool_sets = [draw_fields(random, disabled=draw_bool(random), overrides=draw_fields(random, **pool_set))]
    fields = {
        **draw_paths(random),
        "enabled": draw_bool(random, 0.8),
        "proxied": draw_bool(random, 0.8),
        "rules": rules,
        "pool_sets": random.choice([[], pool_sets]),
    }
    fields.pop("pools", None)  # only overrides have it
    return {"name": draw_spelling(random, OWNERS), **draw_fields(random, **fields)}


def draw_paths(random: Random) -> Item:
    """Draw the fields of a load balancer that lead to pools, most of them to none."""
    paths = {
        "default_pools": draw_pools(random),
        "pools": draw_pools(random),
        "fallback_pool": random.choice(POOL_IDS),
        "region_pools": {"ENAM": draw_pools(random)},
        "country_pools": {"US": draw_pools(random), "GB": draw_pools(random)},
        "pop_pools": {"LHR": draw_pools(random)},
    }
    return draw_fields(random, **{name: paths[name] for name in draw_some(random, list(paths), 3)})


def draw_pools(random: Random) -> list[str]:
    return draw_some(random, [*POOL_IDS, "unknown"], 1)


def draw_pool(random: Random) -> Item:
    origins = [
        {
            "address": draw_target(random),
            **draw_fields(
                random, enabled=draw_bool(random, 0.8), virtual_network_id=random.choice(["", "", "", "", "vnet"])
            ),
        }
        for dummy in range(random.randint(0, 3))
    ]
    return draw_fields(
        random, name=random.choice(["East", "West", ""]), enabled=draw_bool(random, 0.8), origins=origins
    )


def draw_rule(random: Random) -> Item:
    origin = draw_fields(random, host=draw_target(random), port=8443)
    return {
        "action": random.choice(["route", "route", "route", "skip"]),
        **draw_fields(
            random,
            description=random.choice(["", "A rule"]),
            enabled=draw_bool(random, 0.8),
            action_parameters=draw_fields(random, origin=origin, host_header="www.example.com"),
        ),
    }


def draw_target(random: Random) -> str:
    return random.choice([draw_name(random), draw_name(random), random.choice(IPV4 + IPV6)])


def draw_name(random: Random) -> str:
    return draw_spelling(random, random.choice([NAMES, NAMES, NAMES, OUTSIDE]))


def draw_spelling(random: Random, names: list[str]) -> str:
    """Draw a name as the API may give it."""
    name = random.choice(names)
    return random.choice([name, name, name.upper(), f"{name}."])


def draw_fields(random: Random, **fields: t.Any) -> Item:
    """Return these fields. Each may be absent or null instead, which both mean its default."""
    kept = {name: value for name, value in fields.items() if random.random() < 0.9}
    return {name: value if random.random() < 0.9 else None for name, value in kept.items()}


def draw_some(random: Random, items: list[str], maximum: int) -> list[str]:
    return random.sample(items, random.randint(0, maximum))


def draw_bool(random: Random, probability: float = 0.5) -> bool:
    return random.random() < probability


# The fake API and the fake resolver


class FakeApi(requests.adapters.HTTPAdapter):
    """Answers the reads of a case. ``calls`` counts them by name."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.case = case
        self.calls: Counter[str] = Counter()

    def send(self, request: requests.PreparedRequest, *args: t.Any, **settings: t.Any) -> requests.Response:
        url = urlsplit(t.cast(str, request.url))
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        status, body = self.answer(url.path.removeprefix("/client/v4"), query)
        stream = io.BytesIO(json.dumps(body).encode())
        return self.build_response(request, urllib3.HTTPResponse(body=stream, status=status, preload_content=False))

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Item]:
        if path == "/zones":
            self.calls["zone by name"] += 1
            return 200, envelope([{"id": ZONE_ID, "name": query["name"]}])
        call = next(name for name in CALLS if CALLS[name] == path)
        self.calls[call] += 1
        if call in self.case.refused:
            return 403, {**envelope(None), "success": False, "errors": refusal(call)["errors"]}
        found = self.case.lists[call]
        if found is None:
            errors = [{"code": NEVER_SET[call], "message": "not found"}]
            return 404, {**envelope(None), "success": False, "errors": errors}
        if "page" not in query:
            return 200, envelope(found)
        page, size = int(query["page"]), int(query["per_page"])
        counts = {"page": page, "per_page": size, "total_count": len(found), "total_pages": -(-len(found) // size)}
        return 200, {
            **envelope(found[size * (page - 1) : size * page]),
            "result_info": counts if self.case.has_counts else {},
        }


def envelope(result: t.Any) -> Item:
    return {"success": True, "errors": [], "messages": [], "result": result}


def refusal(call: str) -> Item:
    """Return the ``failure`` of a call that the credential may not send."""
    error = {"code": 10000, "message": f"not permitted: {call}"}
    return {"status": 403, **error, "errors": [error]}


def fake_getaddrinfo(host: bytes, *args: t.Any, **settings: t.Any) -> list[t.Any]:
    name = host.decode().removesuffix(".")
    if name not in RESOLVABLE:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return [(0, 0, 0, "", (address, 0)) for address in RESOLVABLE[name]]


# The reference model


class User(t.NamedTuple):
    """An entry of ``used_by``."""

    kind: str
    name: str
    pool: str | None
    hostname: str | None


class End(t.NamedTuple):
    """Where a target leads. ``result`` is the list of the module's result that gets ``value``; "loop" for a name met before."""

    result: str
    value: str
    pool: str | None
    hostname: str | None
    reason: str | None = None


class Path(t.NamedTuple):
    """The names from the first target to this one, and all names met from the first target on, each with the last pool before it.

    A name is followed again after another pool, since ``used_by`` has the pool.
    """

    names: tuple[tuple[str, str | None], ...]
    met: set[tuple[str, str | None]]


class Model:
    """What the module must return for a case, and the requests that it must send."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.sent = self.find_calls()
        self.records: list[Item] = self.read("dns_records", [])
        self.pools: dict[str, Item] | None = None
        if self.has("pools"):
            self.pools = {pool["id"]: pool for pool in self.read("pools", [])}
        self.balancers = [one for one in self.read("load_balancers", []) if get(one, "enabled", True)]
        self.existing = {
            ancestor
            for item in [*self.records, *self.balancers]
            for ancestor in with_ancestors(normalize(item["name"]))
        }

    # Requests

    def find_calls(self) -> Counter[str]:
        """Return the number of requests of each call."""
        case, lists = self.case, self.case.lists
        sent = Counter({"dns_records", *case.include})
        if "load_balancers" in case.include or (case.resolve and not case.by_name):
            sent["zone"] = 1
        if case.by_name:
            sent["zone by name"] = 1
        if all(call in case.refused for call in sent if call in INCLUDE):
            return sent
        if "load_balancers" in case.include and not set(case.refused) & {"zone", "load_balancers"}:
            sent["pools"] = int(any(map(pool_ids, lists["load_balancers"])))
        if "custom_hostnames" in case.include:
            hostnames = lists["custom_hostnames"]
            has_own_servers = all(get(item, "custom_origin_server", "") for item in hostnames)
            is_needed = "custom_hostnames" in case.refused or not has_own_servers
            sent["fallback_origin"] = int(is_needed or len(hostnames) >= HOSTNAMES_PAGE_SIZE)
        for call, size in (("dns_records", RECORDS_PAGE_SIZE), ("custom_hostnames", HOSTNAMES_PAGE_SIZE)):
            if sent[call] and call not in case.refused:
                sent[call] = len(lists[call]) // size + 1  # up to a page that is not full
        return +sent

    def has(self, call: str) -> bool:
        return self.sent[call] > 0 and call not in self.case.refused

    def read(self, call: str, default: t.Any) -> t.Any:
        """Return what a call reads; the default if it is not sent, refused or never set."""
        found = self.case.lists[call] if self.has(call) else None
        return default if found is None else found

    # From targets to ends. ``pool`` and ``hostname`` are the last ones before a target. Without a path, the target is the first one.

    def follow(
        self, target: str, pool: str | None = None, hostname: str | None = None, path: Path | None = None
    ) -> list[End]:
        """Return where an address or a host name leads."""
        if path is None:
            return self.start(target, pool)
        if target in ADDRESSES:
            return [end_of_address(normalize(target), pool, hostname)]
        name = normalize(target)
        if (name, pool) in path.names:
            return [End("loop", name, pool, hostname)]
        if (name, pool) in path.met:
            return []
        path.met.add((name, pool))
        path = path._replace(names=(*path.names, (name, pool)))
        owner = self.find_owner(name)
        balancers = [one for one in self.balancers if normalize(one["name"]) == owner]
        if balancers:
            return [end for one in balancers for end in self.follow_balancer(one, name, path)]
        records = [one for one in self.records if normalize(one["name"]) == owner and one["type"] != "TXT"]
        if not records:
            error = "not a valid host name: correct the record, the origin or the rule" if " " in name else None
            return [End("hostnames", name, pool, name, error)]
        return [end for one in records for end in self.follow_record(one, pool, name, path)]

    def follow_record(
        self, record: Item, pool: str | None = None, hostname: str | None = None, path: Path | None = None
    ) -> list[End]:
        content = record["content"]
        if get(record, "private_routing", False):
            value = normalize(content)
            return [End("left_out", value, pool, hostname, "private_routing")]
        return self.follow(content, pool, hostname, path)

    def follow_balancer(self, balancer: Item, hostname: str | None = None, path: Path | None = None) -> list[End]:
        if self.pools is None:
            return []
        ends: list[End] = []
        for pool_id in pool_ids(balancer):
            if pool_id not in self.pools:
                ends.append(End("left_out", pool_id, pool_id, hostname, "unknown_pool"))
                continue
            pool = self.pools[pool_id]
            name = get(pool, "name", "") or pool_id
            for origin in get(pool, "origins", []) if get(pool, "enabled", True) else ():
                if not get(origin, "enabled", True):
                    continue
                if get(origin, "virtual_network_id", ""):
                    value = normalize(origin["address"])
                    ends.append(End("left_out", value, name, hostname, "virtual_network_id"))
                else:
                    ends += self.follow(origin["address"], name, hostname, path)
        return ends

    def find_owner(self, name: str) -> str:
        """Return the name whose records answer for a name: itself, or a wildcard directly below the closest name that exists."""
        closest = next((ancestor for ancestor in with_ancestors(name) if ancestor in self.existing), None)
        return name if closest == name else f"*.{closest}"

    def start(self, target: str, pool: str | None) -> list[End]:
        """Return where a first target leads. A name that only leads into a loop is a name without addresses."""
        ends = self.follow(target, pool, None, Path((), set()))
        found = [end for end in ends if end.result != "loop"]
        if ends and not found:
            name = normalize(target)
            found = [End("hostnames", name, pool, name, "its records form a loop: change one of them")]
        return found

    # Everything that reaches the cache

    def find_ends(self) -> t.Iterator[tuple[str, str, End]]:
        """Yield kind, name and end of everything in ``include``."""
        balancers = [one for one in self.balancers if get(one, "proxied", False)]
        replaced = {normalize(one["name"]) for one in balancers}
        for record in self.records if "dns_records" in self.case.include else ():
            name = normalize(record["name"])
            if get(record, "proxied", False) and record["type"] != "TXT" and name not in replaced:
                for end in self.follow_record(record):
                    yield "dns_record", name, end
        for balancer in balancers:
            for end in self.follow_balancer(balancer):
                yield "load_balancer", normalize(balancer["name"]), end
        for rule in self.read("origin_rules", {"rules": []})["rules"]:
            host = get(get(get(rule, "action_parameters", {}), "origin", {}), "host", "")
            if rule["action"] == "route" and get(rule, "enabled", True) and host:
                for end in self.follow(host):
                    yield "origin_rule", get(rule, "description", "") or rule["id"], end
        fallback = get(self.read("fallback_origin", {}), "origin", "")
        hostnames = self.read("custom_hostnames", [])
        if self.sent["custom_hostnames"] and not self.has("custom_hostnames") and fallback:
            hostnames = [{"hostname": fallback}]  # it is all that is known of them
        for item in hostnames:
            if server := get(item, "custom_origin_server", fallback):
                for end in self.follow(server):
                    yield "custom_hostname", normalize(item["hostname"]), end

    # The result

    def result(self) -> Item:
        case = self.case
        needed = [call for call in CALLS if self.sent[call] and call in INCLUDE]
        if all(call in case.refused for call in needed):
            refused = [call for call in CALLS if self.sent[call] and call in case.refused]
            return {"failed": True, "failure": refusal(refused[0])}
        users: dict[str, dict[t.Any, set[User]]] = {"origins": {}, "hostnames": {}, "left_out": {}}
        errors: dict[str, str | None] = {}

        def add(end: End, kind: str, name: str) -> None:
            key = (end.value, end.reason) if end.result == "left_out" else end.value
            users[end.result].setdefault(key, set()).add(User(kind, name, end.pool, end.hostname))

        for kind, name, end in self.find_ends():
            add(end, kind, name)
            if end.result == "hostnames":
                errors[end.value] = end.reason
        resolved: dict[str, list[str]] = {}
        for hostname in list(users["hostnames"]) if case.resolve else ():
            if errors[hostname] is None:
                resolved[hostname], errors[hostname] = self.resolve(hostname)
            for address in resolved.get(hostname, ()):
                for user in users["hostnames"][hostname]:
                    add(end_of_address(address, user.pool, user.hostname), user.kind, user.name)
        unavailable = self.find_unavailable(bool(users["hostnames"]))
        return {
            "origins": [
                {"origin_ip": address, "used_by": list_users(users["origins"][address])}
                for address in sorted(users["origins"], key=sort_key)
            ],
            "hostnames": [
                {
                    "hostname": hostname,
                    "used_by": list_users(users["hostnames"][hostname]),
                    "addresses": resolved.get(hostname, []),
                    "error": errors[hostname],
                }
                for hostname in sorted(users["hostnames"])
            ],
            "left_out": [
                {"value": value, "reason": reason, "used_by": list_users(users["left_out"][value, reason])}
                for value, reason in sorted(users["left_out"], key=lambda key: (sort_key(key[0]), key[1]))
            ],
            "unavailable": unavailable,
            "complete": not unavailable
            and all(resolved.get(hostname) for hostname in users["hostnames"])
            and all(reason != "unknown_pool" for dummy, reason in users["left_out"]),
            "zone_id": ZONE_ID,
            "zone": ZONE_NAME if case.by_name or self.has("zone") else None,
        }

    def resolve(self, hostname: str) -> tuple[list[str], str | None]:
        """Return the addresses of a name, or the error. The resolver would return addresses of Cloudflare for names of the zone."""
        is_followed = self.has("dns_records") and self.has("load_balancers")
        is_zone_known = self.case.by_name or self.has("zone")
        if not is_followed and (not is_zone_known or ZONE_NAME in with_ancestors(hostname)):
            return [], (
                "not resolved, since it may be a name of the zone, whose address would be one of Cloudflare: see unavailable and include"
            )
        if hostname not in RESOLVABLE:
            return [], "cannot be resolved: Name or service not known"
        return sorted(RESOLVABLE[hostname], key=sort_key), None

    def find_unavailable(self, has_hostnames: bool) -> list[Item]:
        """Return the lists that the credential may not read, each with the first error about it."""
        has_pools = any(map(pool_ids, self.read("load_balancers", [])))
        calls_of = {
            "dns_records": ["dns_records"],
            "load_balancers": ["zone", "load_balancers", "pools"] if has_pools else ["load_balancers"],
            "origin_rules": ["origin_rules"],
            "custom_hostnames": ["custom_hostnames", "fallback_origin"],
        }
        wanted = {*self.case.include, *(["dns_records"] if has_hostnames else [])}
        found = []
        for name in INCLUDE:
            refused = [call for call in calls_of[name] if self.sent[call] and call in self.case.refused]
            if name in wanted and refused:
                found.append({"include": name, "failure": refusal(refused[0])})
        return found


def get(item: Item, field: str, default: t.Any) -> t.Any:
    """Return a field; the default if it is absent or null."""
    return default if item.get(field) is None else item[field]


def normalize(target: str) -> str:
    """Return the canonical form of an address or a host name."""
    return ADDRESSES.get(target) or target.lower().removesuffix(".")


def with_ancestors(name: str) -> list[str]:
    """Return a name and the names above it, such as a.example.com, example.com and com."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def pool_ids(balancer: Item) -> list[str]:
    """Return the ids of all pools to which a load balancer may send requests."""
    overriding = [
        one for one in get(balancer, "rules", []) + get(balancer, "pool_sets", []) if not get(one, "disabled", False)
    ]
    ids: list[str] = []
    for part in (balancer, *(get(one, "overrides", {}) for one in overriding)):
        ids += get(part, "default_pools", []) + get(part, "pools", [])
        for field in ("region_pools", "country_pools", "pop_pools"):
            for pools in get(part, field, {}).values():
                ids += pools
        ids += [part["fallback_pool"]] if get(part, "fallback_pool", "") else []
    return ids


def end_of_address(address: str, pool: str | None, hostname: str | None) -> End:
    kind = UNREACHABLE.get(address)
    return End("left_out" if kind else "origins", address, pool, hostname, kind)


def list_users(users: set[User]) -> list[Item]:
    return [user._asdict() for user in sorted(users, key=lambda user: [text or "" for text in user])]


def sort_key(value: str) -> tuple[t.Any, ...]:
    """Return the key that sorts addresses in numerical order, IPv4 before IPv6, and before other texts."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return 1, value
    return 0, address.version, int(address)


# The test


@pytest.fixture(scope="module", autouse=True)
def _small_pages_and_fake_resolver() -> t.Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("CLOUDFLARE_"):
                patch.delenv(name)
        patch.setattr(_zone_origins, "RECORDS_PAGE_SIZE", RECORDS_PAGE_SIZE)
        patch.setattr(_zone_origins, "HOSTNAMES_PAGE_SIZE", HOSTNAMES_PAGE_SIZE)
        patch.setattr(socket, "getaddrinfo", fake_getaddrinfo)
        yield


def check(random: Random) -> None:
    case = draw_case(random)
    note(f"{case}")
    api, model = FakeApi(case), Model(case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "get_adapter", lambda session, url: api)
        patch.setattr(tempfile, "tempdir", os.devnull)  # without a folder, no time is lost for a shared rate limit
        zone = {"zone": ZONE_NAME} if case.by_name else {"zone_id": ZONE_ID}
        options = {"include": case.include, "resolve": case.resolve}
        result = run_module("zone_origin_info", api_token=TOKEN, api_url=API_URL, **zone, **options)
    assert result.pop("warnings") == []
    if result.get("failed"):
        assert "not permitted" in result.pop("msg")
    assert result == model.result()
    assert api.calls == model.sent


@pytest.mark.parametrize(
    ("first_seed", "examples"),
    [pytest.param(0, 300, id="few"), pytest.param(1, 5_000, id="many", marks=pytest.mark.slow)],
)
def test_origins_of_any_zone(request: pytest.FixtureRequest, first_seed: int, examples: int) -> None:
    """The random input is the same in each run, and another one with ``--hypothesis-seed``."""
    limits = settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate, Phase.shrink])
    randoms = st.randoms(use_true_random=True)
    seed(int(request.config.getoption("--hypothesis-seed") or first_seed))(limits(given(randoms)(check)))()
