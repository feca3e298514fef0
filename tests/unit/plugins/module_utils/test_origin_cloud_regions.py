# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mappings of a zone: correct results with few requests, also from inconsistent pages."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import typing as t

import pytest
import requests
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    MAX_SNAPSHOT_ATTEMPTS,
    BatchResult,
    OriginCloudRegions,
    ZoneSnapshot,
    same_region,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    PermissionDeniedError,
    RateLimitError,
    RetryableTransportError,
    TieredCacheDisabledError,
    ZoneNotFoundError,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    BATCH_PATH,
    MAPPINGS_PATH,
    MODIFIED_ON,
    REGIONS_PATH,
    SUPPORTED_REGIONS,
    TIERED_CACHE_PATH,
    ZONE_ID,
    FakeZone,
    Wire,
    address,
    batch_response,
    envelope,
    error_envelope,
    nested_texts,
    page,
    page_count,
    request_item,
    setting_envelope,
    to_json,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_mapping as mapping
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_mappings as mappings
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_new_mapping as new

CONNECTION_ERROR = requests.ConnectionError("cut")


@pytest.fixture
def regions(client: Client) -> OriginCloudRegions:
    return OriginCloudRegions(client, ZONE_ID)


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250, 3_500])
def test_list_all_costs_1_request_for_each_100(regions: OriginCloudRegions, wire: Wire, count: int) -> None:
    wire.zone(mappings(count))
    assert regions.list_all() == mappings(count)
    assert len(wire.requests) == max(1, -(-count // 100))


def test_list_all_of_empty_zone_with_1142(regions: OriginCloudRegions, wire: Wire) -> None:
    wire.page(1, error_envelope(1142), status=404)
    assert regions.list_all() == []


@pytest.mark.parametrize(
    "fetch", [lambda regions: regions.list_all(), lambda regions: regions.get_many(["192.0.2.1", "192.0.2.2"])]
)
def test_list_all_of_unknown_zone_fails(
    regions: OriginCloudRegions, wire: Wire, fetch: t.Callable[[OriginCloudRegions], object]
) -> None:
    wire.page(1, error_envelope(7003), status=404)
    with pytest.raises(ZoneNotFoundError):
        fetch(regions)


class TestGet:
    def test_mapping(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.mapping("2001:db8::1")
        assert regions.get("2001:db8::1") == mapping("2001:db8::1")

    def test_missing_mapping(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.no_mapping("192.0.2.1")
        assert regions.get("192.0.2.1") is None

    @pytest.mark.parametrize(
        ("status", "answer"), [(404, error_envelope(7003)), (404, "<h1>Not found</h1>"), (404, error_envelope(4711))]
    )
    def test_other_404_is_an_error(self, regions: OriginCloudRegions, wire: Wire, status: int, answer: t.Any) -> None:
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", answer, status=status)
        with pytest.raises(ApiError):
            regions.get("192.0.2.1")

    @pytest.mark.parametrize("status", [200, 400, 403, 500])
    def test_1142_without_404_is_an_error(self, regions: OriginCloudRegions, wire: Wire, status: int) -> None:
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(1142), status=status)
        with pytest.raises(ApiError, match=f"HTTP {status}"):
            regions.get("192.0.2.1")

    @pytest.mark.parametrize(
        ("given", "modified_on"),
        [({}, None), ({"modified_on": None}, None), ({"modified_on": 7}, None), ({"modified_on": "x"}, "x")],
    )
    def test_mapping_has_four_keys(
        self, regions: OriginCloudRegions, wire: Wire, given: dict[str, t.Any], modified_on: str | None
    ) -> None:
        wire.mapping(
            "192.0.2.1", envelope({"origin_ip": "192.0.2.1", "vendor": "gcp", "region": "x", "new": 1, **given})
        )
        expected = {"origin_ip": "192.0.2.1", "vendor": "gcp", "region": "x", "modified_on": modified_on}
        assert to_json(regions.get("192.0.2.1")) == expected

    def test_other_spelling_in_the_answer(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.mapping("2001:db8::1", envelope(mapping("2001:DB8:0::1")))
        assert regions.get("2001:db8::1") == mapping("2001:db8::1")

    @pytest.mark.parametrize(
        "result",
        [
            {},
            [],
            "192.0.2.1",
            7,
            False,
            [mapping("192.0.2.1")],
            {**to_json(mapping("192.0.2.1")), "origin_ip": None},
            {**to_json(mapping("192.0.2.1")), "origin_ip": 3221225985},
            {**to_json(mapping("192.0.2.1")), "origin_ip": "192.0.2.1/32"},
            {**to_json(mapping("192.0.2.1")), "vendor": None},
            {**to_json(mapping("192.0.2.1")), "region": ["us-east-1"]},
            {"origin_ip": "192.0.2.1", "vendor": "aws"},
            {"origin_ip": "192.0.2.1", "region": "us-east-1"},
            mapping("192.0.2.2"),
        ],
        ids=str,
    )
    def test_malformed(self, regions: OriginCloudRegions, wire: Wire, result: t.Any) -> None:
        wire.mapping("192.0.2.1", envelope(result))
        with pytest.raises(
            ApiError, match=r"^HTTP 200: expected (a mapping|the mapping of 192\.0\.2\.1), but the answer is "
        ) as caught:
            regions.get("192.0.2.1")
        assert caught.value.__class__ is ApiError
        assert str(caught.value).endswith(repr(json.dumps(to_json(result))))

    def test_mapping_of_another_address_is_an_error(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.mapping("192.0.2.1", envelope(mapping("192.0.2.2")))
        with pytest.raises(ApiError, match=r"expected the mapping of 192\.0\.2\.1, but the answer is .*192\.0\.2\.2"):
            regions.get("192.0.2.1")

    @pytest.mark.parametrize("where", ["origin_ip", "vendor"])
    def test_deep_nesting(self, regions: OriginCloudRegions, wire: Wire, where: str) -> None:
        for answer in nested_texts(envelope({**to_json(mapping("192.0.2.1")), where: "?"})):
            wire.get(f"{MAPPINGS_PATH}/192.0.2.1", answer)
            with pytest.raises(ApiError):
                regions.get("192.0.2.1")


class TestGetMany:
    def test_no_address_costs_no_request(self, regions: OriginCloudRegions) -> None:
        assert regions.get_many([]) == {}

    @pytest.mark.parametrize("requested", [["2001:db8::1"], ["2001:db8::1"] * 3])
    def test_one_address_costs_1_request(self, regions: OriginCloudRegions, wire: Wire, requested: list[str]) -> None:
        wire.mapping("2001:db8::1")
        assert regions.get_many(requested) == {"2001:db8::1": mapping("2001:db8::1")}

    def test_one_address_without_a_mapping(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.no_mapping("192.0.2.1")
        assert regions.get_many(["192.0.2.1"]) == {}

    @pytest.mark.parametrize("count", [0, 1, 100, 101, 250, 500, 3_500])
    @pytest.mark.parametrize("requested", [2, 3, 5, 40])
    @pytest.mark.parametrize("position", ["first page", "elsewhere", "unmapped", "mixed"])
    def test_request_count_of_several_addresses(
        self, regions: OriginCloudRegions, wire: Wire, count: int, requested: int, position: str
    ) -> None:
        zone = mappings(count)
        step = {"first page": 1, "elsewhere": -1, "unmapped": 0, "mixed": max(1, count // requested)}[position]
        wanted = [
            address(number * step % max(count, requested)) if step else f"192.0.2.{number}"
            for number in range(1, requested + 1)
        ]
        pages = page_count(zone)
        known = {item.origin_ip: item for item in zone}
        later = [one for one in dict.fromkeys(wanted) if one not in {item.origin_ip for item in zone[:100]}]
        if len(later) < pages:
            wire.zone(zone, pages=1)
            for one in later:
                if one in known:
                    wire.mapping(one)
                else:
                    wire.no_mapping(one)
        else:
            wire.zone(zone)
        found = regions.get_many(wanted)
        assert list(found.items()) == [(one, known[one]) for one in dict.fromkeys(wanted) if one in known]
        assert len(wire.requests) <= min(len(set(wanted)), pages) + 1
        assert len(wire.requests) <= pages

    def test_empty_zone_with_1142(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, error_envelope(1142), status=404)
        assert regions.get_many(["192.0.2.1", "192.0.2.2"]) == {}

    def test_inconsistent_first_page_is_read_again(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(2), total_count=3))
        wire.zone(mappings(3))
        assert list(regions.get_many([address(2), address(0)])) == [address(2), address(0)]

    def test_addresses_of_the_first_page_need_no_other(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(150)))
        assert len(regions.get_many([address(1), address(2)])) == 2


class TestGetManyWithTotal:
    """``get_many``, with the total number of mappings."""

    @pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 3_500])
    @pytest.mark.parametrize("requested", [1, 2, 40])
    def test_total(self, regions: OriginCloudRegions, wire: Wire, count: int, requested: int) -> None:
        zone, wanted = mappings(count), [f"192.0.2.{number}" for number in range(requested)]
        if requested < page_count(zone):
            wire.zone(zone, pages=1)
            for one in wanted:
                wire.no_mapping(one)
        else:
            wire.zone(zone)
        assert regions.get_many_with_total(wanted) == ({}, count)
        assert len(wire.requests) <= min(requested + 1, page_count(zone))

    def test_address_of_the_first_page(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.zone(mappings(250), pages=1)
        assert regions.get_many_with_total([address(7)]) == ({address(7): mapping(address(7))}, 250)

    def test_total_of_the_last_read(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(2), total_count=3))
        wire.zone(mappings(4))
        assert regions.get_many_with_total(["192.0.2.1", address(1)]) == ({address(1): mapping(address(1))}, 4)

    @pytest.mark.parametrize("pages", [0, 1])
    def test_empty_zone(self, regions: OriginCloudRegions, wire: Wire, pages: int) -> None:
        wire.page(1, page([], total_pages=pages))
        assert regions.get_many_with_total(["192.0.2.1", "192.0.2.2"]) == ({}, 0)


class TestConcurrentWrite:
    """Another client deletes a mapping of a page that was read, and creates another mapping. The total stays the same."""

    FIRST, LATER = "Sun, 01 Mar 2026 12:30:00 GMT", "Sun, 01 Mar 2026 12:30:01 GMT"

    @staticmethod
    def written_mapping(modified_on: str | None) -> dict[str, t.Any]:
        return mapping("192.0.2.1")._replace(modified_on=modified_on)

    @staticmethod
    def expect_read(wire: Wire, zone: list[dict[str, t.Any]], date: str | None) -> None:
        for number in range(1, page_count(zone) + 1):
            wire.page(number, page(zone, number), headers={} if date is None else {"Date": date})

    def test_exchange_is_detected(self, regions: OriginCloudRegions, wire: Wire) -> None:
        before = mappings(350)
        after = [*before[1:], self.written_mapping("2026-03-01T12:30:00Z")]
        wire.page(1, page(before, 1), headers={"Date": self.FIRST})
        for number in (2, 3, 4):
            wire.page(number, page(after, number), headers={"Date": self.LATER})
        self.expect_read(wire, after, self.LATER)
        assert regions.list_all() == after
        assert len(wire.requests) == 8

    def test_exchange_is_detected_with_total(self, regions: OriginCloudRegions, wire: Wire) -> None:
        before = mappings(150)
        after = [*before[1:], self.written_mapping("2026-03-01T12:30:00Z")]
        wire.page(1, page(before, 1), headers={"Date": self.FIRST})
        wire.page(2, page(after, 2), headers={"Date": self.FIRST})
        self.expect_read(wire, after, self.LATER)
        assert regions.get_many_with_total([address(100), address(149)])[0] == {
            one: mapping(one) for one in (address(100), address(149))
        }

    @pytest.mark.parametrize(
        "modified_on",
        [
            "2026-03-01T12:30:00Z",
            "2026-03-01T12:30:00.000001Z",
            "2026-03-01T12:30:00.999999999+00:00",
            "2026-03-01T14:30:00+02:00",
            "2026-03-01T12:30:00",
            "2030-01-01T00:00:00Z",
        ],
    )
    def test_recent_write_is_read_twice(self, regions: OriginCloudRegions, wire: Wire, modified_on: str) -> None:
        zone = [*mappings(150), self.written_mapping(modified_on)]
        for dummy in range(2):
            self.expect_read(wire, zone, self.FIRST)
        assert regions.list_all() == zone

    @pytest.mark.parametrize(
        ("date", "modified_on"),
        [
            (FIRST, "2026-03-01T12:29:59Z"),
            (FIRST, "2026-03-01T12:29:59.999Z"),
            (FIRST, "2026-03-01T12:30:00+01:00"),
            (FIRST, None),
            (FIRST, "x"),
            (FIRST, ""),
            (None, "2030-01-01T00:00:00Z"),
            ("soon", "2030-01-01T00:00:00Z"),
        ],
    )
    def test_older_write_is_read_once(
        self, regions: OriginCloudRegions, wire: Wire, date: str | None, modified_on: str | None
    ) -> None:
        zone = [*mappings(150), self.written_mapping(modified_on)]
        self.expect_read(wire, zone, date)
        assert regions.list_all() == zone

    @pytest.mark.parametrize("count", [3, 150])
    def test_recent_write_on_the_first_page_is_read_once(
        self, regions: OriginCloudRegions, wire: Wire, count: int
    ) -> None:
        zone = [self.written_mapping("2026-03-01T12:30:00Z"), *mappings(count)]
        self.expect_read(wire, zone, self.FIRST)
        assert regions.list_all() == zone

    def test_inconsistent_read_then_consistent_read(self, regions: OriginCloudRegions, wire: Wire) -> None:
        zone = [*mappings(150), self.written_mapping("2026-03-01T12:30:00Z")]
        wire.page(1, page(zone, 1, total_count=150), headers={"Date": self.FIRST})
        wire.page(2, page(zone, 2))
        self.expect_read(wire, zone, self.FIRST)
        assert regions.list_all() == zone

    def test_exchange_in_the_second_read(self, regions: OriginCloudRegions, wire: Wire) -> None:
        once = [*mappings(150)[1:], self.written_mapping("2026-03-01T12:30:00Z")]
        twice = [*once[1:], mapping("192.0.2.2")._replace(modified_on="2026-03-01T12:30:00Z")]
        for before, after in ((mappings(150), once), (once, twice)):
            wire.page(1, page(before, 1), headers={"Date": self.FIRST})
            wire.page(2, page(after, 2))
        self.expect_read(wire, twice, self.FIRST)
        assert regions.list_all() == twice

    def test_writes_in_each_read_fail(self, regions: OriginCloudRegions, wire: Wire) -> None:
        for number in range(3):
            self.expect_read(wire, [*mappings(150), self.written_mapping(f"2026-03-01T12:30:0{number}Z")], self.FIRST)
        with pytest.raises(
            ApiError, match="^HTTP 200: another client changed the zone during each of 3 reads: try again later$"
        ):
            regions.list_all()


class TestInconsistentPages:
    """Inconsistent pages are read at most three times."""

    def test_zone_changes_between_pages(self, regions: OriginCloudRegions, wire: Wire) -> None:
        before, after = mappings(150), mappings(151)
        wire.page(1, page(before, 1))
        wire.page(2, page(after, 2))
        wire.zone(after)
        assert regions.list_all() == after

    def test_mapping_moves_to_another_page(self, regions: OriginCloudRegions, wire: Wire) -> None:
        before = mappings(150)
        after = [*before[1:], mapping("192.0.2.1")]
        wire.page(1, page(before, 1))
        wire.page(2, page([mapping("192.0.2.1"), *before], 2))
        wire.zone(after)
        assert regions.list_all() == after

    def test_zone_emptied_between_pages(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(150), 1))
        wire.page(2, error_envelope(1142), status=404)
        wire.page(1, error_envelope(1142), status=404)
        assert regions.list_all() == []

    def test_repeated_page(self, regions: OriginCloudRegions, wire: Wire) -> None:
        first = page(mappings(300), 1)
        for number in (1, 2, 3) * 3:
            wire.page(number, first)
        with pytest.raises(
            ApiError,
            match="^HTTP 200: the pages report 300 mappings but contain 100, in each of 3 reads: try again later$",
        ):
            regions.list_all()

    @pytest.mark.parametrize("total", [-1, 0, 1, 3, 10**30])
    def test_wrong_total(self, regions: OriginCloudRegions, wire: Wire, total: int) -> None:
        for dummy in range(3):
            wire.page(1, page(mappings(2), total_count=total))
        with pytest.raises(
            ApiError, match=f"the pages report {total} mappings but contain 2, in each of 3 reads"
        ) as caught:
            regions.list_all()
        assert caught.value.failure()["code"] is None

    @pytest.mark.parametrize("pages", [-7, 0, 1])
    def test_number_of_pages_too_small(self, regions: OriginCloudRegions, wire: Wire, pages: int) -> None:
        for dummy in range(3):
            wire.page(1, page(mappings(101), total_pages=pages))
        with pytest.raises(ApiError, match="the pages report 101 mappings but contain 100, in each of 3 reads"):
            regions.list_all()

    def test_number_of_pages_too_large(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(100), 1, total_pages=100))
        assert regions.list_all() == mappings(100)

    def test_error_has_both_totals(self, regions: OriginCloudRegions, wire: Wire) -> None:
        for dummy in range(3):
            wire.page(1, page(mappings(150), 1, total_count=149))
            wire.page(2, page(mappings(150), 2))
        with pytest.raises(ApiError, match="the pages report 149 or 150 mappings but contain 150, in each of 3 reads"):
            regions.list_all()

    def test_malformed_item(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page([mapping("192.0.2.1"), {"origin_ip": "192.0.2.2"}]))
        with pytest.raises(ApiError, match="expected a mapping, but the answer is"):
            regions.list_all()

    def test_endless_list(self, regions: OriginCloudRegions, wire: Wire) -> None:
        """A zone has at most 3,500 mappings. If the server claims more, the client does not request them all, or again."""
        wire.page(1, page(mappings(200), 1, total_pages=1_000, total_count=100_000))
        with pytest.raises(CloudflareError):
            regions.list_all()

    @pytest.mark.parametrize(
        "fetch", [lambda regions: regions.list_all(), lambda regions: regions.get_many([address(1)] * 9)]
    )
    def test_empty_first_page_ends_the_list(
        self, regions: OriginCloudRegions, zone: FakeZone, fetch: t.Callable[[OriginCloudRegions], object]
    ) -> None:
        zone.before = lambda requested: (200, {}, page([], total_pages=35, total_count=3_500))
        with pytest.raises(ApiError):
            fetch(regions)
        assert len(zone.requested) <= MAX_SNAPSHOT_ATTEMPTS

    @pytest.mark.parametrize("seed", range(10))
    def test_result_has_each_address_once(self, regions: OriginCloudRegions, zone: FakeZone, seed: int) -> None:
        rng, lock = random.Random(seed), threading.Lock()

        def before(requested: int) -> None:
            with lock:
                items = list(zone.items)
                if rng.random() < 0.3:
                    items.pop(rng.randrange(len(items)))
                if rng.random() < 0.3:
                    items.insert(rng.randrange(len(items)), mapping(f"192.0.2.{len(zone.requested)}"))
                zone.items = items

        zone.items = mappings(350)
        zone.before = before
        with contextlib.suppress(ApiError):
            found = [item.origin_ip for item in regions.list_all()]
            assert len(set(found)) == len(found)
        assert len(zone.requested) <= MAX_SNAPSHOT_ATTEMPTS * 5


UNMAPPED_ADDRESSES = [f"192.0.2.{number}" for number in range(256)]


class TestFetchMissing:
    """The snapshot grows with each fetch. Together, all fetches cost at most twice the requests of one fetch."""

    @pytest.fixture
    def fetch(self, regions: OriginCloudRegions, zone: FakeZone) -> t.Callable[..., dict[str, t.Any]]:
        """Return the mappings of these addresses, or of all, from the snapshot after it fetches what is missing."""
        snapshot = ZoneSnapshot()

        def fetch(*addresses: str) -> dict[str, t.Any]:
            requested = list(dict.fromkeys(addresses)) or None
            regions.fetch_missing(snapshot, requested)
            assert snapshot.covers(requested)
            return snapshot.select(requested)

        return fetch

    def check_answers(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]], questions: t.Iterable[t.Sequence[str]]
    ) -> None:
        """Check each answer, and the total number of requests after each one."""
        requested: set[str] = set()
        pages, complete = page_count(zone.items), False
        existing = {item.origin_ip: item for item in zone.items}
        for question in questions:
            assert list(fetch(*question).values()) == [existing[one] for one in question or existing if one in existing]
            requested.update(question)
            complete = complete or not question
            assert len(zone.requested) <= 2 * (pages if complete else min(len(requested), pages)), len(requested)
        single_requests = [one for one in zone.requested if isinstance(one, str)]
        assert len(set(single_requests)) == len(single_requests)

    @pytest.mark.parametrize("count", [0, 1, 60, 100, 101, 200, 201, 300, 1_000, 3_500])
    @pytest.mark.parametrize("order", ["first page first", "last page first", "unmapped", "mixed"])
    def test_single_addresses_in_sequence(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]], count: int, order: str
    ) -> None:
        zone.items = mappings(count)
        existing, limit = [item.origin_ip for item in zone.items], 3 * page_count(zone.items) + 3
        questions = {
            "first page first": existing[:limit],
            "last page first": existing[::-1][:limit],
            "unmapped": UNMAPPED_ADDRESSES[:limit],
            "mixed": random.Random(count).sample(existing + UNMAPPED_ADDRESSES, limit),
        }[order]
        self.check_answers(zone, fetch, [[one] for one in questions])

    def test_200_addresses_of_3500_cost_at_most_70(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]]
    ) -> None:
        zone.items = mappings(3_500)
        self.check_answers(zone, fetch, [[address(number * 17)] for number in range(200)])
        assert len(zone.requested) <= 70

    def test_60_addresses_of_60_cost_at_most_2(self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]]) -> None:
        zone.items = mappings(60)
        self.check_answers(zone, fetch, [[address(number)] for number in range(60)])
        assert len(zone.requested) <= 2

    @pytest.mark.parametrize(
        "more", [[UNMAPPED_ADDRESSES[0]], UNMAPPED_ADDRESSES[:3], []], ids=["unmapped", "several", "whole"]
    )
    def test_zone_of_one_page(self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]], more: list[str]) -> None:
        zone.items = mappings(60)
        self.check_answers(zone, fetch, [[address(1)], [address(2)], more])

    @pytest.mark.parametrize("count", [0, 1, 60, 100, 101, 250, 3_500])
    def test_complete_zone_costs_its_pages(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]], count: int
    ) -> None:
        zone.items = mappings(count)
        self.check_answers(
            zone, fetch, [[], [address(1)], [UNMAPPED_ADDRESSES[0]], [], [address(2), UNMAPPED_ADDRESSES[1]]]
        )
        assert sorted(zone.requested) == list(range(1, page_count(zone.items) + 1))

    @pytest.mark.parametrize("count", [0, 1, 60, 100, 101, 200, 250, 300, 500, 1_000, 3_500])
    @pytest.mark.parametrize("seed", range(7))
    def test_random_requests(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]], count: int, seed: int
    ) -> None:
        rng = random.Random(seed)
        zone.items = mappings(count)
        existing = [item.origin_ip for item in zone.items] + UNMAPPED_ADDRESSES
        max_batch = rng.choice([1, 2, 3, 40])
        limit = 2 * page_count(zone.items) + 5
        questions = [rng.sample(existing, rng.randint(1, max_batch)) for dummy in range(limit)]
        if rng.random() < 0.5:
            questions.insert(rng.randrange(limit), [])
        self.check_answers(zone, fetch, questions)

    def test_mappings_of_a_contradictory_first_page_are_not_read_again(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]]
    ) -> None:
        zone.before = lambda requested: (200, {}, page(mappings(2), total_count=3)) if requested == 1 else None
        fetch(UNMAPPED_ADDRESSES[0])
        assert len(fetch(address(0), address(1))) == 2
        assert zone.requested == [UNMAPPED_ADDRESSES[0], 1]

    def test_known_addresses_cost_no_request(self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]]) -> None:
        zone.items = mappings(3_500)
        for dummy in range(3):
            fetch(address(3_000))
            fetch(UNMAPPED_ADDRESSES[0])
        cost = len(zone.requested)
        fetch(UNMAPPED_ADDRESSES[0], address(3_000), address(0))
        assert len(zone.requested) == cost == 3

    @pytest.mark.parametrize("questions", [[[address(0)], [address(1), address(3_400)]], [[]]], ids=str)
    def test_fetched_mappings_stay(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]], questions: list[list[str]]
    ) -> None:
        zone.items = mappings(3_500)
        before = [fetch(*question) for question in questions]
        zone.items = []
        assert [fetch(*question) for question in questions] == before

    def test_zone_changes_between_fetches(self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]]) -> None:
        """The snapshot has the mappings at the time of the read."""
        zone.items = mappings(250)
        assert fetch(address(0)) and fetch(address(200))
        zone.items = [mapping(item.origin_ip, vendor="gcp") for item in mappings(249)]
        found = fetch()
        assert list(found.values()) == zone.items
        assert fetch(address(0))[address(0)].vendor == "gcp"
        assert fetch(address(249)) == {}
        assert fetch(UNMAPPED_ADDRESSES[0]) == {}

    @pytest.mark.parametrize(("before", "after"), [(0, 3_500), (60, 3_500), (3_500, 60), (3_500, 0), (250, 150)])
    def test_zone_grows_or_shrinks(
        self, zone: FakeZone, fetch: t.Callable[..., dict[str, t.Any]], before: int, after: int
    ) -> None:
        zone.items = mappings(before)
        for one in UNMAPPED_ADDRESSES[:2]:
            assert fetch(one) == {}
        zone.items = mappings(after)
        for one in UNMAPPED_ADDRESSES[2:200]:
            assert fetch(one) == {}
        assert list(fetch().values()) in (mappings(after), mappings(before))
        assert len(zone.requested) <= 2 * max(page_count(mappings(before)), page_count(mappings(after)))

    def test_error_keeps_the_snapshot(self, regions: OriginCloudRegions, zone: FakeZone) -> None:
        zone.items = mappings(3_500)
        snapshot = ZoneSnapshot()
        regions.fetch_missing(snapshot, [address(1)])
        zone.before = lambda requested: (403, {}, error_envelope(10000))
        for question in ([UNMAPPED_ADDRESSES[0]], [address(2), address(3)], None):
            with pytest.raises(ApiError):
                regions.fetch_missing(snapshot, question)
            assert not snapshot.covers(question)
        assert snapshot.select([address(1)]) == {address(1): mapping(address(1))}
        zone.before = lambda requested: None
        regions.fetch_missing(snapshot, None)
        assert list(snapshot.select(None).values()) == mappings(3_500)

    @pytest.mark.parametrize("count", [0, 60, 101, 3_500])
    @pytest.mark.parametrize("requested", [1, 2, 40])
    def test_total_of_all_mappings(
        self, regions: OriginCloudRegions, zone: FakeZone, count: int, requested: int
    ) -> None:
        zone.items = mappings(count)
        for wanted in ([address(3_000 + number) for number in range(requested)], UNMAPPED_ADDRESSES[:requested]):
            zone.requested.clear()
            existing = {item.origin_ip: item for item in zone.items if item.origin_ip in wanted}
            assert regions.get_many_with_total(wanted) == (existing, count)
            assert len(zone.requested) <= min(requested + 1, page_count(zone.items))


class TestPut:
    def test_costs_1_request(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.send(
            "PUT",
            f"{MAPPINGS_PATH}/2001:db8::1",
            envelope(mapping("2001:db8::1")),
            body=request_item(new("2001:db8::1")),
        )
        assert regions.put(new("2001:db8::1")) == mapping("2001:db8::1")

    def test_body_has_no_other_keys(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.send(
            "PUT", f"{MAPPINGS_PATH}/192.0.2.1", envelope(mapping("192.0.2.1")), body=request_item(new("192.0.2.1"))
        )
        regions.put(mapping("192.0.2.1"))
        assert MODIFIED_ON.encode() not in wire.requests[0].body

    @pytest.mark.parametrize(
        ("status", "code"), [(400, 1146), (400, 1157), (403, 1164), (403, 10000), (404, 7003), (404, 1142)]
    )
    def test_rejection_is_not_verified(self, regions: OriginCloudRegions, wire: Wire, status: int, code: int) -> None:
        wire.send(
            "PUT",
            f"{MAPPINGS_PATH}/192.0.2.1",
            error_envelope(code),
            body=request_item(new("192.0.2.1")),
            status=status,
        )
        with pytest.raises(ApiError) as caught:
            regions.put(new("192.0.2.1"))
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (error_envelope(1140), 500),
            (error_envelope(1156), 500),
            ("<h1>OK</h1>", 200),
            (envelope(None), 200),
            (envelope({"origin_ip": "192.0.2.1"}), 200),
            (envelope(mapping("192.0.2.1", region="us-west-2")), 200),
            (envelope(mapping("192.0.2.1", vendor="gcp")), 200),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("applied", [True, False])
    def test_unconfirmed_write_is_verified(
        self, regions: OriginCloudRegions, wire: Wire, answer: t.Any, status: int, applied: bool
    ) -> None:
        wire.send("PUT", f"{MAPPINGS_PATH}/192.0.2.1", answer, body=request_item(new("192.0.2.1")), status=status)
        if applied:
            wire.mapping("192.0.2.1")
            assert regions.put(new("192.0.2.1")) == mapping("192.0.2.1")
        else:
            wire.mapping("192.0.2.1", envelope(mapping("192.0.2.1", region="us-west-2")))
            with pytest.raises(ApiError, match=f"HTTP {status}") as caught:
                regions.put(new("192.0.2.1"))
            assert caught.value.result == {}

    def test_lost_answer_is_retried(self, regions: OriginCloudRegions, wire: Wire) -> None:
        for answer in (CONNECTION_ERROR, envelope(mapping("192.0.2.1"))):
            wire.send("PUT", f"{MAPPINGS_PATH}/192.0.2.1", answer, body=request_item(new("192.0.2.1")))
        assert regions.put(new("192.0.2.1")) == mapping("192.0.2.1")

    def test_rejection_after_a_lost_answer(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.send("PUT", f"{MAPPINGS_PATH}/192.0.2.1", CONNECTION_ERROR, body=request_item(new("192.0.2.1")))
        wire.send(
            "PUT", f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(1164), body=request_item(new("192.0.2.1")), status=403
        )
        wire.mapping("192.0.2.1")
        assert regions.put(new("192.0.2.1")) == mapping("192.0.2.1")

    def test_answer_for_another_address(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.send(
            "PUT", f"{MAPPINGS_PATH}/192.0.2.1", envelope(mapping("192.0.2.2")), body=request_item(new("192.0.2.1"))
        )
        wire.no_mapping("192.0.2.1")
        with pytest.raises(
            ApiError, match=r"expected the mapping of 192\.0\.2\.1 that was sent, but the answer is .*192\.0\.2\.2"
        ):
            regions.put(new("192.0.2.1"))

    def test_lost_write_that_was_not_made(self, regions: OriginCloudRegions, client: Client, wire: Wire) -> None:
        client._pacer._max_wait = 0.0
        for dummy in range(2):
            wire.send("PUT", f"{MAPPINGS_PATH}/192.0.2.1", CONNECTION_ERROR, body=request_item(new("192.0.2.1")))
            wire.no_mapping("192.0.2.1")
            with pytest.raises(RetryableTransportError) as caught:
                regions.put(new("192.0.2.1"))
            assert caught.value.result == {}

    def test_lost_write_that_cannot_be_verified(self, regions: OriginCloudRegions, client: Client, wire: Wire) -> None:
        client._pacer._max_wait = 0.0
        wire.send("PUT", f"{MAPPINGS_PATH}/192.0.2.1", CONNECTION_ERROR, body=request_item(new("192.0.2.1")))
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", CONNECTION_ERROR)
        with pytest.raises(RetryableTransportError, match="it is unknown whether the change was made") as caught:
            regions.put(new("192.0.2.1"))
        assert caught.value.result == {"changed": True}


class TestDelete:
    @pytest.mark.parametrize("result", [{"origin_ip": "192.0.2.1"}, {}, mapping("192.0.2.1")], ids=str)
    def test_costs_1_request(self, regions: OriginCloudRegions, wire: Wire, result: t.Any) -> None:
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", envelope(result))
        assert regions.delete("192.0.2.1") is True

    def test_missing_mapping(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(1142), status=404)
        assert regions.delete("192.0.2.1") is False

    def test_1142_after_a_lost_answer_is_a_deletion(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", "", status=502)
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(1142), status=404)
        assert regions.delete("192.0.2.1") is True

    def test_1142_after_a_rate_limit_is_not_a_deletion(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", "", status=429)
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(1142), status=404)
        assert regions.delete("192.0.2.1") is False

    @pytest.mark.parametrize(
        ("answer", "status"), [(error_envelope(1140), 500), (envelope(None), 200), ("", 200)], ids=str
    )
    @pytest.mark.parametrize("gone", [True, False])
    def test_unconfirmed_deletion_is_verified(
        self, regions: OriginCloudRegions, wire: Wire, answer: t.Any, status: int, gone: bool
    ) -> None:
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", answer, status=status)
        if gone:
            wire.no_mapping("192.0.2.1")
            assert regions.delete("192.0.2.1") is True
        else:
            wire.mapping("192.0.2.1")
            with pytest.raises(ApiError, match=f"HTTP {status}"):
                regions.delete("192.0.2.1")

    @pytest.mark.parametrize("code", [7003, 4711])
    def test_other_404_is_an_error(self, regions: OriginCloudRegions, wire: Wire, code: int) -> None:
        wire.send("DELETE", f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(code), status=404)
        with pytest.raises(ApiError):
            regions.delete("192.0.2.1")


class TestBatch:
    def test_put(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new("2001:db8::1"), new("192.0.2.1")])
        confirmed = {one: new(one).region_key for one in ("2001:db8::1", "192.0.2.1")}
        assert regions.put_batch([mapping("2001:db8::1"), mapping("192.0.2.1")]) == BatchResult(confirmed)

    def test_delete(self, regions: OriginCloudRegions, wire: Wire) -> None:
        answer = batch_response([{"origin_ip": "2001:DB8::1"}], **{"192.0.2.1": "does not exist"})
        wire.delete_batch([mapping("2001:db8::1"), mapping("192.0.2.1")], answer)
        assert regions.delete_batch(["2001:db8::1", "192.0.2.1"]) == BatchResult(
            {"2001:db8::1": (None, None)}, {"192.0.2.1": "does not exist"}
        )

    def test_unknown_zone(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping("192.0.2.1")], error_envelope(7003), status=404)
        with pytest.raises(ZoneNotFoundError):
            regions.delete_batch(["192.0.2.1"])

    @pytest.mark.parametrize(("before", "repeated"), [([], False), ([("", 429)], False), ([("", 502)], True)], ids=str)
    def test_deletion_in_an_empty_zone(
        self, regions: OriginCloudRegions, wire: Wire, before: list[tuple[str, int]], repeated: bool
    ) -> None:
        gone = [mapping("192.0.2.1"), mapping("192.0.2.2")]
        for answer, status in [*before, (error_envelope(1142), 404)]:
            wire.delete_batch(gone, answer, status=status)
        words = dict.fromkeys(["192.0.2.1", "192.0.2.2"], "The API's own words.")
        assert regions.delete_batch(list(words)) == BatchResult({}, words, repeated)

    @pytest.mark.parametrize(
        ("answer", "status", "repeated"), [("", 429, False), ("", 502, True), (CONNECTION_ERROR, 200, True)], ids=str
    )
    def test_was_retried(
        self, regions: OriginCloudRegions, wire: Wire, answer: t.Any, status: int, repeated: bool
    ) -> None:
        wire.put_batch([new("192.0.2.1")], answer, status=status)
        wire.put_batch([new("192.0.2.1")])
        wire.put_batch([new("192.0.2.1")])
        assert regions.put_batch([new("192.0.2.1")]).was_retried is repeated
        assert regions.put_batch([new("192.0.2.1")]).was_retried is False

    @pytest.mark.parametrize(
        ("error", "words"), [({}, ""), ({"error": ""}, ""), ({"error": ["x"]}, "['x']"), ({"error": None}, "")], ids=str
    )
    def test_failed_item_without_an_error_text(
        self, regions: OriginCloudRegions, wire: Wire, error: dict[str, t.Any], words: str
    ) -> None:
        """Items without a valid address are ignored."""
        items = [{"origin_ip": None}, "x", {"origin_ip": "192.0.2.1", **error}]
        wire.put_batch([new("192.0.2.1")], envelope({"failed": items}))
        assert regions.put_batch([new("192.0.2.1")]) == BatchResult({}, {"192.0.2.1": words})

    @pytest.mark.parametrize(("key", "where"), [("failed", "error"), ("failed", "origin_ip"), ("succeeded", "vendor")])
    def test_deep_nesting(self, regions: OriginCloudRegions, wire: Wire, key: str, where: str) -> None:
        """An item that cannot be parsed is treated as missing, without a traceback."""
        for answer in nested_texts(envelope({key: [{"origin_ip": "192.0.2.1", where: "?"}]})):
            wire.send("PUT", BATCH_PATH, answer, body=[request_item(new("192.0.2.1"))])
            with contextlib.suppress(ApiError):
                regions.put_batch([new("192.0.2.1")])

    def test_error_texts_hide_the_credential(self, regions: OriginCloudRegions, wire: Wire) -> None:
        token = wire.headers["Authorization"].split()[1]
        wire.put_batch([new("192.0.2.1")], batch_response(**{"192.0.2.1": f"{token} may not"}))
        assert regions.put_batch([new("192.0.2.1")]).refused == {"192.0.2.1": "******** may not"}


class TestListSupportedRegions:
    def test_costs_1_request(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.supported()
        assert regions.list_supported_regions() == SUPPORTED_REGIONS

    def test_unknown_keys_are_dropped(self, regions: OriginCloudRegions, wire: Wire) -> None:
        region = {"name": "x", "upper_tier_colos": []}
        wire.supported(
            envelope({"vendors": {"new": [{**region, "more": 1}], "aws": []}, "obtained_codes": False, "more": 1})
        )
        assert regions.list_supported_regions() == {"vendors": {"new": [region], "aws": []}, "obtained_codes": False}

    @pytest.mark.parametrize(
        "result",
        [
            [],
            "x",
            7,
            {},
            {"obtained_codes": True},
            {"vendors": {}},
            {"vendors": None, "obtained_codes": True},
            {"vendors": [], "obtained_codes": True},
            {"vendors": "", "obtained_codes": True},
            {"vendors": "aws", "obtained_codes": True},
            {"vendors": ["aws"], "obtained_codes": True},
            {"vendors": {"aws": None}, "obtained_codes": True},
            {"vendors": {"aws": {}}, "obtained_codes": True},
            {"vendors": {"aws": "us-east-1"}, "obtained_codes": True},
            {"vendors": {"aws": ["us-east-1"]}, "obtained_codes": True},
            {"vendors": {"aws": [{}]}, "obtained_codes": True},
            {"vendors": {"aws": [{"name": "x"}]}, "obtained_codes": True},
            {"vendors": {"aws": [{"name": None, "upper_tier_colos": []}]}, "obtained_codes": True},
            {"vendors": {"aws": [{"name": "x", "upper_tier_colos": None}]}, "obtained_codes": True},
            {"vendors": {"aws": [{"name": "x", "upper_tier_colos": "IAD"}]}, "obtained_codes": True},
            {"vendors": {"aws": [{"name": "x", "upper_tier_colos": [1]}]}, "obtained_codes": True},
        ],
        ids=str,
    )
    def test_malformed(self, regions: OriginCloudRegions, wire: Wire, result: t.Any) -> None:
        wire.supported(envelope(result))
        with pytest.raises(ApiError, match="^HTTP 200: expected the supported regions, but the answer is ") as caught:
            regions.list_supported_regions()
        assert str(caught.value).endswith(repr(json.dumps(to_json(result))))

    def test_deep_nesting(self, regions: OriginCloudRegions, wire: Wire) -> None:
        for answer in nested_texts(envelope({"vendors": {"aws": [{"name": "?"}]}, "obtained_codes": True})):
            wire.supported(answer)
            with pytest.raises(ApiError):
                regions.list_supported_regions()

    @pytest.mark.parametrize("status", [400, 403, 404])
    @pytest.mark.parametrize("off", [setting_envelope(False), error_envelope(1142)], ids=["off", "never set"])
    def test_tiered_cache_off(
        self, regions: OriginCloudRegions, wire: Wire, status: int, off: dict[str, t.Any]
    ) -> None:
        wire.supported(error_envelope(4711), status=status)
        wire.get(TIERED_CACHE_PATH, off, status=200 if off["success"] else 404)
        with pytest.raises(TieredCacheDisabledError) as caught:
            regions.list_supported_regions()
        assert str(caught.value).startswith("Tiered Cache is off for this zone")
        assert "edgecache.cloudflare.tiered_cache " in str(caught.value)
        assert f"HTTP {status}: code 4711, The API's own words." in str(caught.value)
        own = {"code": 4711, "message": "The API's own words."}
        assert caught.value.failure() == {"status": status, **own, "errors": [own]}

    def test_tiered_cache_off_without_an_error_text(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.supported("no", status=403)
        wire.get(TIERED_CACHE_PATH, setting_envelope(False))
        with pytest.raises(TieredCacheDisabledError) as caught:
            regions.list_supported_regions()
        assert caught.value.failure() == {"status": 403, "code": None, "message": "'no'", "errors": []}

    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (setting_envelope(True), 200),
            (error_envelope(10000), 403),
            (error_envelope(7003), 404),
            (envelope({}), 200),
            ("", 500),
        ],
        ids=str,
    )
    def test_other_error_with_tiered_cache_on(
        self, regions: OriginCloudRegions, wire: Wire, answer: t.Any, status: int
    ) -> None:
        wire.supported(error_envelope(10000), status=403)
        wire.get(TIERED_CACHE_PATH, answer, status=status)
        with pytest.raises(PermissionDeniedError) as caught:
            regions.list_supported_regions()
        assert caught.value.status == 403

    @pytest.mark.parametrize(("status", "kind"), [(429, RateLimitError), (500, ApiError), (503, ApiError)])
    def test_server_error_does_not_check_tiered_cache(
        self, regions: OriginCloudRegions, client: Client, wire: Wire, status: int, kind: type[ApiError]
    ) -> None:
        client._pacer._max_wait = 0.0
        wire.supported(error_envelope(4711), status=status)
        with pytest.raises(kind):
            regions.list_supported_regions()
        assert [request.url for request in wire.requests] == [wire.api + REGIONS_PATH]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, None, True),
        (None, mapping("192.0.2.1"), False),
        (mapping("192.0.2.1"), None, False),
        (mapping("192.0.2.1"), new("192.0.2.1"), True),
        (mapping("192.0.2.1"), mapping("192.0.2.1", region="x"), False),
        (mapping("192.0.2.1"), mapping("192.0.2.1", vendor="gcp"), False),
    ],
)
def test_same_region(one: dict[str, t.Any] | None, other: dict[str, t.Any] | None, same: bool) -> None:
    assert same_region(one, other) is same
