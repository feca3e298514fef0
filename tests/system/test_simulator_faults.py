# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each kind of fault has the documented effect on the response."""

from __future__ import annotations

import http.client
import time

import pytest

from tests.simulator.api_client import ApiClient
from tests.simulator.testing import ControlError, RunningSimulator

FIRST_PATH = "/192.0.2.1"


def mapping(address: str, region: str = "us-east-1") -> dict[str, str]:
    return {"origin_ip": address, "vendor": "aws", "region": region}


def mapped_addresses(simulator: RunningSimulator) -> list[str]:
    return [mapping["origin_ip"] for mapping in simulator.mappings()]


def test_status(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="status", status=429, headers={"Retry-After": "7"})
    fresh_simulator.fault(kind="status", status=429, body={"any": "thing"})
    fresh_simulator.fault(kind="status", status=520, body="text", headers={"Content-Type": "text/plain"})
    first, second, third, fourth = (api.get("/zones") for _number in range(4))
    assert (first.status, first.headers["Retry-After"], first.body["success"]) == (429, "7", False)
    assert (second.status, second.headers["Retry-After"], second.body) == (429, None, {"any": "thing"})
    assert (third.status, third.headers["Content-Type"], third.content) == (520, "text/plain", b"text")
    assert fourth.status == 200
    stats = fresh_simulator.stats()
    assert [entry["status"] for entry in stats["log"]] == [429, 429, 520, 200]
    assert (stats["connections"], stats["contract_violations"]) == (1, [])


def test_html(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="html")
    fresh_simulator.fault(kind="html", status=403, headers={"cf-mitigated": "challenge"})
    first, second = api.get("/zones"), api.get("/zones")
    assert (first.status, first.headers["Content-Type"]) == (502, "text/html")
    assert first.content.startswith(b"<html>")
    assert (second.status, second.headers["cf-mitigated"]) == (403, "challenge")


def test_malformed(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    for fault in ({}, {"body": "null"}, {"body": [1]}):
        fresh_simulator.fault(kind="malformed", **fault)
    answers = [api.get("/zones") for _number in range(3)]
    assert [answer.content for answer in answers] == [b"not json", b"null", b"[1]"]
    assert {answer.status for answer in answers} == {200}


@pytest.mark.parametrize("kind", ["status", "html", "malformed"])
def test_applied_despite_the_error(api: ApiClient, fresh_simulator: RunningSimulator, kind: str) -> None:
    fresh_simulator.fault(kind=kind, status=502, applied=True)
    assert api.call("DELETE", api.mappings + FIRST_PATH).status == 502
    assert "192.0.2.1" not in mapped_addresses(fresh_simulator)


def test_redirect(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="redirect", location="http://127.0.0.1:9/elsewhere")
    answer = api.get("/zones")
    assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:9/elsewhere")


def test_disconnect(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="disconnect")
    with pytest.raises(http.client.RemoteDisconnected):
        api.call("DELETE", api.mappings + FIRST_PATH)
    assert fresh_simulator.stats()["log"][0]["status"] is None
    assert api.get(api.mappings + FIRST_PATH).status == 200


def test_disconnect_after(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="disconnect_after")
    with pytest.raises(http.client.RemoteDisconnected):
        api.call("DELETE", api.mappings + FIRST_PATH)
    assert api.get(api.mappings + FIRST_PATH).error == (404, 1142)


def test_truncate(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    complete = api.get(api.mappings).content
    fresh_simulator.fault(kind="truncate")
    with pytest.raises(http.client.IncompleteRead) as raised:
        api.get(api.mappings)
    assert raised.value.partial == complete[: len(complete) // 2]
    assert raised.value.expected == len(complete) - len(complete) // 2


def test_hang_then_close(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="hang", seconds=0.2)
    start = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        api.get("/zones")
    assert time.monotonic() - start >= 0.2


def test_hang_until_the_client_gives_up(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="hang")
    api.connection.timeout = 0.2
    with pytest.raises(TimeoutError):
        api.get("/zones")


@pytest.mark.parametrize("kind", ["hang", "hang_body"])
def test_silent_ports(api: ApiClient, fresh_simulator: RunningSimulator, kind: str) -> None:
    fresh_simulator.fault(kind=kind)
    api.send("GET", "/zones")
    while not fresh_simulator.silent_ports():
        time.sleep(0.01)
    assert fresh_simulator.silent_ports() == [api.connection.sock.getsockname()[1]]
    fresh_simulator.clear_faults()
    with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead)):
        api.connection.getresponse().read()
    assert fresh_simulator.silent_ports() == []


def test_reset_ends_hanging_requests(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="hang")
    api.send("GET", "/zones")
    while not fresh_simulator.stats()["requests"]:
        time.sleep(0.01)
    fresh_simulator.reset()
    with pytest.raises(http.client.RemoteDisconnected):
        api.connection.getresponse()


def test_hang_body(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="hang_body")
    api.send("GET", api.mappings)
    connection = api.connection.sock
    response = api.connection.getresponse()
    connection.settimeout(0.2)
    assert response.status == 200
    half = int(response.headers["Content-Length"]) // 2
    assert len(response.read(half)) == half
    with pytest.raises(TimeoutError):
        response.read()


def test_latency(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="latency", seconds=0.2, headers={"Ratelimit": '"default";r=50;t=30'})
    start = time.monotonic()
    answer = api.get("/zones")
    assert time.monotonic() - start >= 0.2
    assert answer.status == 200
    assert answer.headers["Ratelimit"] == '"default";r=50;t=30'


def test_stale_page(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    first = api.get(f"{api.mappings}?per_page=2")
    fresh_simulator.fault(kind="stale_page")
    # Not a list, so the fault waits for the next one.
    assert api.get(api.mappings + FIRST_PATH).status == 200
    assert api.get(f"{api.mappings}?per_page=2&page=2").body == first.body
    assert api.get(f"{api.mappings}?per_page=2&page=2").body != first.body


def test_wrong_total(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="wrong_total", body={"total_count": 9000, "total_pages": None})
    answer = api.get(api.mappings)
    assert answer.body["result_info"].items() >= {"count": 6, "total_count": 9000, "total_pages": None}.items()
    assert not fresh_simulator.stats()["contract_violations"]


def test_missing_result_info(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    records = f"/zones/{fresh_simulator.zone_id}/dns_records"
    fresh_simulator.fault(kind="wrong_total", body={}, operation="dns-records-list")
    assert "result_info" not in api.get(records).body
    assert api.get(records).body["result_info"]["count"] == 2
    assert not fresh_simulator.stats()["contract_violations"]


def test_records_that_move_between_pages(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.reset({"zones": [{"id": fresh_simulator.zone_id, "name": "example.com", "fill_records": 4}]})
    pages = [f"/zones/{fresh_simulator.zone_id}/dns_records?per_page=2&page={number}" for number in (1, 2)]
    before = [api.get(page).result for page in pages]
    new = {"id": "1", "name": "new.example.com", "type": "A", "content": "192.0.2.1", "proxied": True}
    fresh_simulator.fault(kind="concurrent_write", body={"put_records": [new]}, after=1)
    # Both pages have the second record
    assert api.get(pages[0]).result == before[0]
    assert api.get(pages[1]).result == [before[0][1], before[1][0]]
    assert api.get(pages[0]).result == [new, before[0][0]]
    fresh_simulator.fault(kind="concurrent_write", body={"delete_records": ["1", before[0][0]["id"]]}, after=1)
    # Neither page has the second record
    assert api.get(pages[0]).result == [new, before[0][0]]
    assert api.get(pages[1]).result == [before[1][1]]


@pytest.mark.parametrize("kind", ["stale_page", "wrong_total", "concurrent_write"])
def test_faults_of_lists_that_pools_do_not_have(api: ApiClient, fresh_simulator: RunningSimulator, kind: str) -> None:
    fresh_simulator.fault(kind=kind, body={})
    assert api.get(f"/accounts/{fresh_simulator.account_id}/load_balancers/pools").status == 200
    assert len(fresh_simulator.faults()) == 1


def test_partial_batch(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    before = mapped_addresses(fresh_simulator)
    fresh_simulator.fault(kind="partial_batch", times=2)
    # No batch, so the fault waits for the next one.
    assert api.call("DELETE", api.mappings + FIRST_PATH).status == 200
    for method, items in (
        ("PUT", [mapping("192.0.2.2"), mapping("192.0.2.3"), mapping("192.0.2.4")]),
        ("DELETE", before),
    ):
        with pytest.raises(http.client.RemoteDisconnected):
            api.call(method, f"{api.mappings}/batch", items)
    assert mapped_addresses(fresh_simulator) == [*before[3:], "192.0.2.2"]


def test_concurrent_write(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    before = mapped_addresses(fresh_simulator)
    body = {"put": [mapping("192.0.2.2"), mapping("192.0.2.3", "moon-1")], "delete": ["2001:DB8::1", "192.0.2.99"]}
    fresh_simulator.fault(kind="concurrent_write", body=body, after=1)
    fresh_simulator.fault(kind="concurrent_write", body={"delete": ["192.0.2.1"]})
    # No zone, so the faults wait for the next one.
    assert api.get("/zones").status == 200
    assert api.call("DELETE", api.mappings + FIRST_PATH).error == (404, 1142)
    assert api.call("PUT", api.mappings + FIRST_PATH, mapping("192.0.2.1")).status == 200
    assert mapped_addresses(fresh_simulator) == [
        *(one for one in before[1:] if one != "2001:db8::1"),
        "192.0.2.2",
        "192.0.2.1",
    ]
    zone = fresh_simulator.zones()[fresh_simulator.zone_id]
    assert [(one["origin_ip"], one["mapping"], one["concurrent"]) for one in zone["history"]] == [
        ("192.0.2.1", None, True),
        ("192.0.2.2", zone["mappings"][-2], True),
        ("2001:db8::1", None, True),
        ("192.0.2.1", zone["mappings"][-1], False),
    ]
    assert fresh_simulator.stats()["requests"] == 3


def test_concurrent_write_in_a_full_zone(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    zone = {"id": fresh_simulator.zone_id, "name": "example.com", "fill": 3, "limit": 3}
    fresh_simulator.reset({"zones": [zone]})
    body = {"put": [mapping("192.0.2.2")], "delete": ["2001:db8:f::1"]}
    fresh_simulator.fault(kind="concurrent_write", body=body)
    assert api.call("PUT", f"{api.mappings}/batch", [mapping("192.0.2.3"), mapping("192.0.2.4")]).error == (403, 1164)
    assert mapped_addresses(fresh_simulator) == ["2001:db8:f::2", "2001:db8:f::3"]


def test_fault_for_an_operation(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="status", status=503, after=1, times=2, operation="zones-list")
    paths = ["/zones", api.mappings, "/zones", "/zones", "/zones"]
    assert [api.get(path).status for path in paths] == [200, 200, 503, 503, 200]
    assert fresh_simulator.faults() == []


def test_fault_for_a_zone(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="status", status=503, zone=fresh_simulator.empty_zone_id)
    empty = f"/zones/{fresh_simulator.empty_zone_id}/origin/cloud_regions"
    paths = [api.mappings, "/zones", empty, empty]
    assert [api.get(path).status for path in paths] == [200, 200, 503, 200]


def test_order_of_faults(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="status", status=500)
    fresh_simulator.fault(kind="status", status=503, times=None)
    assert [api.get("/zones").status for _number in range(4)] == [500, 503, 503, 503]
    assert [fault["status"] for fault in fresh_simulator.faults()] == [503]
    fresh_simulator.clear_faults()
    assert api.get("/zones").status == 200


def test_violation_is_recorded_despite_a_fault(api: ApiClient, fresh_simulator: RunningSimulator) -> None:
    fresh_simulator.fault(kind="status", status=429)
    assert api.get("/zones?per_page=1").status == 429
    assert len(fresh_simulator.stats()["contract_violations"]) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "earthquake"}, "unknown kind 'earthquake'"),
        ({"kind": "hang", "operation": "dig"}, "unknown operation 'dig'"),
        ({"kind": "hang", "times": 0}, "times is a number from 1"),
        ({"kind": "hang", "after": "x"}, "after is a number"),
        ({"kind": "hang", "unknown": 1}, "a fault is an object with a kind"),
        ({"kind": "wrong_total"}, "wrong_total needs a body"),
        ({"kind": "concurrent_write"}, "concurrent_write needs a body"),
        ({"kind": "concurrent_write", "body": {"patch": []}}, "concurrent_write needs a body"),
        ({"kind": "concurrent_write", "body": {"delete": "192.0.2.1"}}, "concurrent_write needs a body"),
        ({"kind": "concurrent_write", "body": {"delete_records": "1"}}, "concurrent_write needs a body"),
        ({}, "a fault is an object with a kind"),
    ],
)
def test_invalid_fault(fresh_simulator: RunningSimulator, fault: dict[str, object], error: str) -> None:
    with pytest.raises(ControlError, match=f"^{error}"):
        fresh_simulator.fault(**fault)
    assert fresh_simulator.faults() == []
