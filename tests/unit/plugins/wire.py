# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mocked HTTP transport: ``Wire`` expects requests in order, each with its answer; ``FakeZone`` answers any request.

The clock is fake, too.
"""

from __future__ import annotations

import io
import json
import math
import threading
import typing as t
from urllib.parse import parse_qs, urlsplit

import requests
import responses
import urllib3
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import OriginMapping
from responses import matchers
from responses.registries import OrderedRegistry

API_URL = "https://api.cloudflare.com/client/v4"
ZONE_ID = "023e105f4ecef8ad9ca31a8372d0c353"
OTHER_ZONE_ID = "9a7806061c88ada191ed06f989cc3dac"
ZONE_NAME = "example.com"
ACCOUNT_ID = "01a7362d577a6c3019a474fd6f485823"
MAPPINGS_PATH = f"/zones/{ZONE_ID}/origin/cloud_regions"
TOKEN = "Token_0123456789-abcdefghijklmnopqrstuvw"
KEY = "0123456789abcdef0123456789abcdef01234"
UNRECOGNIZED_SECRET = "Zm9vYmFyLXNlY3JldC1vZi1hLXRlc3Q"
"""A secret without the known form of a credential."""
MODIFIED_ON = "2026-03-01T12:00:00Z"
BATCH_PATH = f"{MAPPINGS_PATH}/batch"
REGIONS_PATH = f"{MAPPINGS_PATH}/supported_regions"
TIERED_CACHE_PATH = f"/zones/{ZONE_ID}/argo/tiered_caching"
SMART_TIERED_CACHE_PATH = f"/zones/{ZONE_ID}/cache/tiered_cache_smart_topology_enable"
REGIONAL_TIERED_CACHE_PATH = f"/zones/{ZONE_ID}/cache/regional_tiered_cache"
ZONE_PATH = f"/zones/{ZONE_ID}"
RECORDS_PATH = f"{ZONE_PATH}/dns_records"
BALANCERS_PATH = f"{ZONE_PATH}/load_balancers"
POOLS_PATH = f"/accounts/{ACCOUNT_ID}/load_balancers/pools"
RULES_PATH = f"{ZONE_PATH}/rulesets/phases/http_request_origin/entrypoint"
HOSTNAMES_PATH = f"{ZONE_PATH}/custom_hostnames"
FALLBACK_PATH = f"{HOSTNAMES_PATH}/fallback_origin"
SUPPORTED_REGIONS: dict[str, t.Any] = {
    "obtained_codes": True,
    "vendors": {
        "aws": [
            {"name": "us-east-1", "upper_tier_colos": ["IAD", "EWR"]},
            {"name": "us-west-2", "upper_tier_colos": ["SEA"]},
        ],
        "azure": [{"name": "eastus", "upper_tier_colos": []}],
        "gcp": [{"name": "us-central1", "upper_tier_colos": ["ORD"]}],
    },
}


SOURCE_PATHS = {
    "zone": ZONE_PATH,
    "dns_records": RECORDS_PATH,
    "load_balancers": BALANCERS_PATH,
    "pools": POOLS_PATH,
    "origin_rules": RULES_PATH,
    "custom_hostnames": HOSTNAMES_PATH,
    "fallback_origin": FALLBACK_PATH,
}
"""The path of each read of a zone's origins."""


class FakeClock:
    """A clock that only advances by sleeping, and by the seconds of an answer."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.before_sleep: t.Callable[[], object] = lambda: None

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.before_sleep()
        self.pauses.append(seconds)
        self.now += seconds


class ExpectedResponses(OrderedRegistry):
    """Answers in their order. Only concurrent reads (single mappings, pages after the first) may come in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def find(self, request: requests.PreparedRequest) -> tuple[responses.BaseResponse | None, list[str]]:
        with self._lock:
            for index, answer in enumerate(self.registered):
                if not getattr(answer, "is_concurrent", False):
                    break
                if answer.matches(request)[0]:
                    return self.registered.pop(index), []
            return super().find(request)


class Wire:
    """The expected requests, in this order and no others, and their answers."""

    def __init__(self, mock: responses.RequestsMock, clock: FakeClock) -> None:
        self._mock = mock
        self._clock = clock
        self.api = API_URL
        self.headers = {"Authorization": f"Bearer {TOKEN}"}
        self.settings: dict[str, t.Any] = {"timeout": 30.0, "verify": True, "stream": True}

    @property
    def requests(self) -> list[requests.PreparedRequest]:
        return [call.request for call in self._mock.calls]

    def may_stop_early(self) -> None:
        """Allow that an error cancels expected requests."""
        self._mock.assert_all_requests_are_fired = False

    def get(self, path: str, answer: t.Any = "", **more: t.Any) -> None:
        self.send("GET", path, answer, **more)

    def file(self, url: str, answer: str | bytes, **more: t.Any) -> None:
        """Expect the download of a file from a server other than the API."""
        before = self.api, self.headers
        self.api, self.headers = "", {}
        self.get(url, answer, **more)
        self.api, self.headers = before

    def send(
        self,
        method: str,
        path: str,
        answer: t.Any = "",
        body: t.Any = None,
        query: dict[str, t.Any] | None = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        seconds: float = 0.0,
        is_concurrent: bool = False,
    ) -> None:
        """Expect a request with this JSON body, or without a body.

        ``answer`` is a value for JSON, or a text, bytes, a stream or an exception. ``is_concurrent``: the request may come before
        earlier ones that are concurrent, too.
        """

        def takes_its_time(request: requests.PreparedRequest) -> tuple[bool, str]:
            self._clock.now += seconds
            sent = None if request.body is None else json.loads(request.body)
            return sent == body, f"the body {body} is expected, not {sent}"

        later_page = (query or {}).get("page", 1) > 1
        self._mock.add(
            method,
            self.api + path,
            body=answer
            if isinstance(answer, (str, bytes, io.BufferedReader, Exception))
            else json.dumps(to_json(answer)).encode(),  # bytes, since responses inspects each character of a text
            status=status,
            headers=headers,
            match=[
                # A copy, since responses before 0.25 changes the numbers in it to strings
                matchers.query_param_matcher(dict(query or {})),
                matchers.header_matcher({"Accept": "application/json", **self.headers}),
                matchers.request_kwargs_matcher(self.settings),
                takes_its_time,
            ],
        ).is_concurrent = is_concurrent or (
            method == "GET" and (later_page or (path.startswith(f"{MAPPINGS_PATH}/") and path != REGIONS_PATH))
        )

    def page(self, number: int, answer: t.Any, **more: t.Any) -> None:
        self.get(MAPPINGS_PATH, answer, query={"page": number, "per_page": 100}, **more)

    def zone(self, mappings: t.Sequence[dict[str, t.Any]], pages: int | None = None) -> None:
        """Expect reads of the first ``pages`` pages (by default all) of a zone with these mappings."""
        for number in range(1, (pages or page_count(mappings)) + 1):
            self.page(number, page(mappings, number))

    def zones_page(self, number: int, answer: t.Any, query: dict[str, t.Any] | None = None, **more: t.Any) -> None:
        """Expect the read of one page of the active zones; with ``query``, of those that fulfil these conditions."""
        conditions = {"status": "active"} if query is None else query
        self.get("/zones", answer, query={**conditions, "order": "name", "page": number, "per_page": 50}, **more)

    def zones(self, zones: t.Sequence[dict[str, t.Any]], query: dict[str, t.Any] | None = None) -> None:
        """Expect the reads of all pages of these zones, with their counts."""
        for number in range(1, max(1, math.ceil(len(zones) / 50)) + 1):
            self.zones_page(number, page_of_zones(zones, number), query)

    def zone_sources(self, refused: t.Collection[str] = (), **results: t.Any) -> None:
        """Expect the reads of these sources of a zone's origins, in any order. Those in ``refused`` are answered with 403."""
        queries = {
            "dns_records": {"order": "name", "page": 1, "per_page": 5_001},
            "custom_hostnames": {"page": 1, "per_page": 1_000},
        }
        for name in (*results, *refused):
            path, query = SOURCE_PATHS[name], queries.get(name)
            if name in refused:
                self.get(path, error_envelope(10000), query=query, status=403, is_concurrent=True)
            else:
                self.get(path, envelope(results[name]), query=query, is_concurrent=True)

    def mapping(self, address: str, answer: t.Any = None) -> None:
        self.get(f"{MAPPINGS_PATH}/{address}", envelope(mapping(address)) if answer is None else answer)

    def no_mapping(self, address: str) -> None:
        self.get(f"{MAPPINGS_PATH}/{address}", error_envelope(1142), status=404)

    def supported(self, answer: t.Any = None, **more: t.Any) -> None:
        self.get(REGIONS_PATH, envelope(SUPPORTED_REGIONS) if answer is None else answer, **more)

    def put_batch(self, wanted: t.Sequence[dict[str, t.Any]], answer: t.Any = None, **more: t.Any) -> None:
        """Expect a batch with these mappings. By default, the answer confirms all of them."""
        body = [request_item(one) for one in wanted]
        self.send("PUT", BATCH_PATH, batch_response(body) if answer is None else answer, body=body, **more)

    def delete_batch(self, removed: t.Sequence[dict[str, t.Any]], answer: t.Any = None, **more: t.Any) -> None:
        """Expect a batch that deletes these mappings. By default, the answer confirms all of them."""
        confirmed = batch_response([request_item(one) for one in removed]) if answer is None else answer
        self.send("DELETE", BATCH_PATH, confirmed, body=[to_json(one)["origin_ip"] for one in removed], **more)


class FakeZone(requests.adapters.HTTPAdapter):
    """A fake API with one zone, which answers any request, also concurrently.

    ``requested`` has the page numbers, addresses and zone names in the order of the requests; ``max_concurrent`` is the largest
    number of concurrent requests. ``before`` is called with each of them. It may wait, raise an error, change the zone, or
    return another answer: status, headers and body.
    """

    def __init__(self, items: t.Sequence[dict[str, t.Any]] = ()) -> None:
        super().__init__()
        self.items = list(items)
        self.requested: list[int | str] = []
        self.max_concurrent = 0
        self.before: t.Callable[[t.Any], tuple[int, dict[str, str], t.Any] | None] = lambda requested: None
        self._active = 0
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, *args: t.Any, **settings: t.Any) -> requests.Response:
        url = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        requested = int(query["page"]) if "page" in query else query.get("name", url.path.split("/")[-1])
        with self._lock:
            self.requested.append(requested)
            self._active += 1
            self.max_concurrent = max(self.max_concurrent, self._active)
        try:
            status, headers, body = self.before(requested) or (200, {}, None)
            if body is None:
                status, body = self._answer(requested)
        finally:
            with self._lock:
                self._active -= 1
        stream = io.BytesIO(json.dumps(to_json(body)).encode())
        raw = urllib3.HTTPResponse(body=stream, headers=headers, status=status, preload_content=False)
        return self.build_response(request, raw)

    def _answer(self, requested: int | str) -> tuple[int, dict[str, t.Any]]:
        if isinstance(requested, int):
            return 200, page(self.items, requested)
        if requested == ZONE_NAME:
            return 200, envelope([{"id": ZONE_ID, "name": ZONE_NAME}])
        found = next((item for item in self.items if to_json(item)["origin_ip"] == requested), None)
        return (200, envelope(found)) if found else (404, error_envelope(1142))


def to_json(value: t.Any) -> t.Any:
    """Return the value with each mapping as a dictionary, as in JSON."""
    if isinstance(value, OriginMapping):
        return value.to_result()
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def envelope(result: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"success": True, "errors": [], "messages": [], "result": result, **more}


def error_envelope(*codes: int, message: str = "The API's own words.") -> dict[str, t.Any]:
    return {
        "success": False,
        "errors": [{"code": code, "message": message} for code in codes],
        "messages": [],
        "result": None,
    }


def mapping(address: str, vendor: str = "aws", region: str = "us-east-1") -> dict[str, t.Any]:
    return {"origin_ip": address, "vendor": vendor, "region": region, "modified_on": MODIFIED_ON}


def zone_item(number: int = 1, name: str | None = None, **more: t.Any) -> dict[str, t.Any]:
    """Return a zone in the form of the API. ``more`` overrides its values."""
    return {
        "id": zone_id(number),
        "name": f"zone-{number:04}.example" if name is None else name,
        "status": "active",
        "type": "full",
        "account": {"id": ACCOUNT_ID, "name": "Example"},
        "plan": {"name": "Enterprise Website", "legacy_id": "enterprise"},
        **more,
    }


def dns_record(name: str, content: str, **more: t.Any) -> dict[str, t.Any]:
    """Return a proxied record in the form of the API. Its type fits the content, unless ``more`` overrides it."""
    kind = "AAAA" if ":" in content else "A" if content.replace(".", "").isdigit() else "CNAME"
    record = {"name": name, "type": kind, "content": content, "proxied": True, **more}
    return {"id": f"{name} {record['type']} {content}", **record}


def load_balancer(name: str, *pools: str, **more: t.Any) -> dict[str, t.Any]:
    """Return a proxied load balancer in the form of the API."""
    return {"id": name, "name": name, "enabled": True, "proxied": True, "default_pools": list(pools), **more}


def pool(pool_id: str, *origins: str | dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    """Return a pool in the form of the API. Each origin is an address, or has its fields."""
    items = [{"address": origin} if isinstance(origin, str) else origin for origin in origins]
    return {"id": pool_id, "name": f"name-of-{pool_id}", "enabled": True, "origins": items, **more}


def origin_rule(host: str | None, **more: t.Any) -> dict[str, t.Any]:
    """Return an origin rule in the form of the API."""
    rule = {"id": "r1", "description": "A rule", "enabled": True, "action": "route"}
    return {**rule, "action_parameters": {"origin": {"host": host, "port": 8443}}, **more}


def custom_hostname(hostname: str, server: str | None = None, **more: t.Any) -> dict[str, t.Any]:
    """Return a custom hostname in the form of the API."""
    own = {} if server is None else {"custom_origin_server": server}
    return {"id": hostname, "hostname": hostname, "status": "active", **own, **more}


def zone_id(number: int) -> str:
    return f"{number:032x}"


def page_of_zones(zones: t.Sequence[dict[str, t.Any]], number: int = 1, **info: t.Any) -> dict[str, t.Any]:
    """Return page ``number`` of all ``zones``. ``info`` overrides values of its ``result_info``."""
    part = zones[50 * (number - 1) : 50 * number]
    counts = {"count": len(part), "total_count": len(zones), "total_pages": math.ceil(len(zones) / 50)}
    return envelope(part, result_info={"page": number, "per_page": 50, **counts, **info})


def request_item(mapping: t.Any) -> dict[str, t.Any]:
    """Return a mapping in the form of a request, and of a confirmation in a batch."""
    return {key: to_json(mapping)[key] for key in ("origin_ip", "vendor", "region")}


def new_mapping(address: str, vendor: str = "aws", region: str = "us-east-1") -> dict[str, t.Any]:
    """Return a mapping without a time of change, as it is before the API has it."""
    return {**mapping(address, vendor, region), "modified_on": None}


def typed_mapping(*args: str, **settings: str) -> OriginMapping:
    """Return ``mapping(...)`` as an ``OriginMapping``."""
    return OriginMapping(**mapping(*args, **settings))


def typed_new_mapping(*args: str, **settings: str) -> OriginMapping:
    """Return ``new_mapping(...)`` as an ``OriginMapping``."""
    return OriginMapping(**new_mapping(*args, **settings))


def batch_response(succeeded: t.Sequence[t.Any] = (), **refused: str) -> dict[str, t.Any]:
    """Return the response to a batch. ``refused`` has the failed items as ``**{address: reason}``."""
    items = [{"origin_ip": address, "error": reason} for address, reason in refused.items()]
    return envelope({"succeeded": list(succeeded), "failed": items})


def setting_envelope(on: bool, **more: t.Any) -> dict[str, t.Any]:
    return envelope({"id": "x", "editable": True, "value": "on" if on else "off", "modified_on": None, **more})


def address(number: int) -> str:
    return f"2001:db8::1:{number:x}"


def mappings(count: int) -> list[dict[str, t.Any]]:
    return [mapping(address(number)) for number in range(count)]


def typed_mappings(count: int) -> list[OriginMapping]:
    """Return ``mappings(count)`` as ``OriginMapping`` objects."""
    return [OriginMapping(**item) for item in mappings(count)]


def page_count(items: t.Sequence[t.Any]) -> int:
    return max(1, math.ceil(len(items) / 100))


def page(items: t.Sequence[t.Any], number: int = 1, **info: t.Any) -> dict[str, t.Any]:
    """Return page ``number`` of all ``items``. ``info`` overrides values of its ``result_info``."""
    part = items[100 * (number - 1) : 100 * number]
    truth = {
        "page": number,
        "per_page": 100,
        "count": len(part),
        "total_count": len(items),
        "total_pages": page_count(items),
    }
    return envelope(part, result_info={**truth, **info})


def nested_texts(answer: t.Any) -> t.Iterator[str]:
    """Yield ``answer`` as JSON with its "?" replaced by nested lists. Their depths are just below the limit of Python's parser."""

    def text(depth: int) -> str:
        return json.dumps(answer).replace('"?"', "[" * depth + "]" * depth)

    readable, unreadable = 1, 200_000
    while unreadable - readable > 1:
        middle = (readable + unreadable) // 2
        try:
            json.loads(text(middle))
            readable = middle
        except RecursionError:
            unreadable = middle
    return map(text, range(max(1, readable - 60), readable + 1, 3))
