# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of zones: its pages, with and without counts, and zones in the form of the API."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import zones as _zones
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import Zone, is_zone_result, list_zones
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ApiError, PermissionDeniedError
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    ACCOUNT_ID,
    Wire,
    envelope,
    error_envelope,
    nested_texts,
    page_of_zones,
    zone_id,
    zone_item,
)

NO_CONDITIONS: dict[str, str] = {}


def items(count: int) -> list[dict[str, t.Any]]:
    return [zone_item(number) for number in range(count)]


def numbers_of(zones: list[Zone]) -> list[int]:
    return [int(zone.id, 16) for zone in zones]


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (50, 1), (51, 2), (100, 2), (500, 10)])
def test_costs_1_request_for_each_50_zones(client: Client, wire: Wire, count: int, requests: int) -> None:
    wire.zones(items(count), NO_CONDITIONS)
    assert numbers_of(list_zones(client, NO_CONDITIONS)) == list(range(count))
    assert len(wire.requests) == requests


@pytest.mark.parametrize(
    "info",
    [
        {"total_pages": None},
        {"total_count": None},
        # The two contradict each other: the larger number counts
        {"total_pages": 1},
        {"total_count": 1},
        {"per_page": None, "page": None, "count": None},
        {"per_page": "50", "total_pages": "2", "total_count": 120},
    ],
    ids=str,
)
def test_one_count_is_enough(client: Client, wire: Wire, info: dict[str, t.Any]) -> None:
    for number in (1, 2, 3):
        wire.zones_page(number, page_of_zones(items(120), number, **info), NO_CONDITIONS)
    assert numbers_of(list_zones(client, NO_CONDITIONS)) == list(range(120))


@pytest.mark.parametrize("info", [{}, None, [], {"page": 1}, {"total_count": None, "total_pages": True}], ids=str)
@pytest.mark.parametrize(("count", "requests"), [(0, 1), (49, 1), (50, 2), (120, 3), (150, 4)])
def test_without_counts_a_page_that_is_not_full_is_the_last(
    client: Client, wire: Wire, count: int, requests: int, info: t.Any
) -> None:
    for number in range(1, requests + 1):
        answer = page_of_zones(items(count), number)
        wire.zones_page(number, {**answer, "result_info": info}, NO_CONDITIONS)
    assert numbers_of(list_zones(client, NO_CONDITIONS)) == list(range(count))


def test_counts_of_all_zones_of_the_credential(client: Client, wire: Wire) -> None:
    """The API may count zones that do not fulfil the conditions."""
    conditions = {"account.id": ACCOUNT_ID}
    counts = {"total_count": 900, "total_pages": 18}
    wire.zones_page(1, page_of_zones(items(20), **counts), conditions)
    assert len(list_zones(client, conditions)) == 20
    for number in range(1, 10):  # the first page, and one set of concurrent reads
        wire.zones_page(number, page_of_zones(items(70), number, **counts), conditions)
    assert len(list_zones(client, conditions)) == 70


def test_smaller_pages_than_requested(client: Client, wire: Wire) -> None:
    zones = items(70)
    for number in range(1, 5):
        part = zones[20 * (number - 1) : 20 * number]
        wire.zones_page(number, envelope(part, result_info={"per_page": 20, "total_count": 70}), NO_CONDITIONS)
    assert numbers_of(list_zones(client, NO_CONDITIONS)) == list(range(70))


@pytest.mark.parametrize(
    "info", [{"total_pages": 1_001}, {"total_count": 50_001}, {"total_pages": 10**9, "total_count": None}], ids=str
)
def test_too_many_pages(client: Client, wire: Wire, info: dict[str, t.Any]) -> None:
    wire.zones_page(1, page_of_zones(items(50), **info), NO_CONDITIONS)
    with pytest.raises(ApiError, match=r"the list has \d.* pages or more, but at most 1,000 are expected"):
        list_zones(client, NO_CONDITIONS)


def test_endless_list(client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_zones, "MAX_PAGES", 3)
    for number in range(1, 4):
        wire.zones_page(number, envelope(items(200)[50 * number : 50 * number + 50]), NO_CONDITIONS)
    with pytest.raises(ApiError, match="the list has 4 pages or more, but at most 3 are expected"):
        list_zones(client, NO_CONDITIONS)


@pytest.mark.parametrize("has_counts", [True, False])
def test_repeated_page(client: Client, wire: Wire, has_counts: bool) -> None:
    first = page_of_zones(items(120)) if has_counts else envelope(items(50))
    for dummy in range(3):
        for number in range(1, 4 if has_counts else 3):
            wire.zones_page(number, first, NO_CONDITIONS)
    with pytest.raises(ApiError, match="^HTTP 200: the pages of the zones contradict each other in each of 3 reads"):
        list_zones(client, NO_CONDITIONS)


def test_zone_that_is_deleted_meanwhile(client: Client, wire: Wire) -> None:
    """A zone of the second page moves to the first after that was read: without another read, it would be lost."""
    before, after = items(80), items(80)[1:]
    wire.zones_page(1, page_of_zones(before), NO_CONDITIONS)
    wire.zones_page(2, page_of_zones(after, 2), NO_CONDITIONS)
    wire.zones(after, NO_CONDITIONS)
    assert numbers_of(list_zones(client, NO_CONDITIONS)) == list(range(1, 80))


def test_zone_that_is_added_meanwhile(client: Client, wire: Wire) -> None:
    before, after = items(81)[1:], items(81)
    wire.zones_page(1, page_of_zones(before, total_count=None, total_pages=None), NO_CONDITIONS)
    wire.zones_page(2, page_of_zones(after, 2, total_count=None, total_pages=None), NO_CONDITIONS)
    wire.zones(after, NO_CONDITIONS)
    assert numbers_of(list_zones(client, NO_CONDITIONS)) == list(range(81))


def test_page_after_the_last(client: Client, wire: Wire) -> None:
    for dummy in range(3):
        wire.zones_page(1, page_of_zones(items(150)), NO_CONDITIONS)
        wire.zones_page(2, {**page_of_zones(items(150), 2), "result": items(90)[50:]}, NO_CONDITIONS)
        wire.zones_page(3, page_of_zones(items(150), 3), NO_CONDITIONS)
    with pytest.raises(ApiError, match="contradict each other"):
        list_zones(client, NO_CONDITIONS)


def test_counts_of_the_first_page_alone(client: Client, wire: Wire) -> None:
    wire.zones_page(1, page_of_zones(items(80)), NO_CONDITIONS)
    wire.zones_page(2, envelope(items(80)[50:]), NO_CONDITIONS)
    assert len(list_zones(client, NO_CONDITIONS)) == 80


@pytest.mark.parametrize("number", [1, 2])
def test_error_of_a_page(client: Client, wire: Wire, number: int) -> None:
    if number == 2:
        wire.zones_page(1, page_of_zones(items(80)), NO_CONDITIONS)
    wire.zones_page(number, error_envelope(9109), NO_CONDITIONS, status=403)
    with pytest.raises(PermissionDeniedError):
        list_zones(client, NO_CONDITIONS)


def test_zone_from_api() -> None:
    zone = Zone.from_api({**zone_item(1, "example.com"), "paused": True})
    assert zone == Zone(zone_id(1), "example.com", ACCOUNT_ID, "Example", "active", "full", "enterprise")
    assert zone.to_result() == {
        "zone_id": zone_id(1),
        "zone": "example.com",
        "account_id": ACCOUNT_ID,
        "account_name": "Example",
        "status": "active",
        "type": "full",
        "plan": "enterprise",
    }
    assert is_zone_result(zone.to_result())


@pytest.mark.parametrize(
    ("item", "missing"),
    [
        ({"account": {}}, ["account_id", "account_name"]),
        ({"account": None, "plan": None}, ["account_id", "account_name", "plan"]),
        ({"status": None, "type": None}, ["status", "type"]),
    ],
    ids=str,
)
def test_zone_with_missing_values(item: dict[str, t.Any], missing: list[str]) -> None:
    result = Zone.from_api({**zone_item(), **item}).to_result()
    assert [name for name, value in result.items() if value is None] == missing


def test_plan_without_a_short_name() -> None:
    assert Zone.from_api(zone_item(plan={"name": "Custom Plan"})).plan == "Custom Plan"


@pytest.mark.parametrize(
    "item",
    [
        None,
        "x",
        [],
        {},
        {"id": zone_id(1)},
        zone_item(id="x"),
        zone_item(id=None),
        {**zone_item(), "name": None},
        {**zone_item(), "name": ["x"]},
        zone_item(account="x"),
        zone_item(account={"id": 1}),
        zone_item(account={"name": {}}),
        zone_item(plan=[1]),
        zone_item(plan={"legacy_id": 1}),
        zone_item(status=1),
        zone_item(type=["full"]),
    ],
    ids=str,
)
def test_malformed_zone(client: Client, wire: Wire, item: t.Any) -> None:
    wire.zones_page(1, envelope([zone_item(2), item]), NO_CONDITIONS)
    with pytest.raises(ApiError, match="^HTTP 200: expected a zone, but the answer is "):
        list_zones(client, NO_CONDITIONS)


@pytest.mark.parametrize("result", [{}, "x", 1, True])
def test_malformed_page(client: Client, wire: Wire, result: t.Any) -> None:
    wire.zones_page(1, envelope(result), NO_CONDITIONS)
    with pytest.raises(ApiError, match="^HTTP 200: expected a page of a list, but the answer is "):
        list_zones(client, NO_CONDITIONS)


def test_deep_nesting(client: Client, wire: Wire) -> None:
    for answer in nested_texts(envelope([zone_item(name="?")])):
        wire.zones_page(1, answer, NO_CONDITIONS)
        with pytest.raises(ApiError):
            list_zones(client, NO_CONDITIONS)
