# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mappings of a zone: the right ones, with the fewest requests, whatever the pages say."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ApiError, CloudflareError, NotFound
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origin_cloud_regions import OriginCloudRegions
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    MAPPINGS,
    ZONE_ID,
    Wire,
    address,
    envelope,
    failed,
    mapping,
    mappings,
    nested,
    page,
    page_count,
)


@pytest.fixture
def regions(client: Client) -> OriginCloudRegions:
    return OriginCloudRegions(client, ZONE_ID)


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250, 3_500])
def test_all_costs_one_request_for_each_100(regions: OriginCloudRegions, wire: Wire, count: int) -> None:
    wire.zone(mappings(count))
    assert regions.all() == mappings(count)
    assert len(wire.requests) == max(1, -(-count // 100))


def test_zone_without_mappings_may_be_not_found(regions: OriginCloudRegions, wire: Wire) -> None:
    wire.page(1, failed(1142), status=404)
    assert regions.all() == []


@pytest.mark.parametrize(
    "ask", [lambda regions: regions.all(), lambda regions: regions.find(["192.0.2.1", "192.0.2.2"])]
)
def test_no_such_zone_is_not_an_empty_one(
    regions: OriginCloudRegions, wire: Wire, ask: t.Callable[[OriginCloudRegions], object]
) -> None:
    wire.page(1, failed(7003), status=404)
    with pytest.raises(NotFound):
        ask(regions)


class TestGet:
    def test_mapping(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.mapping("2001:db8::1")
        assert regions.get("2001:db8::1") == mapping("2001:db8::1")

    def test_no_mapping(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.no_mapping("192.0.2.1")
        assert regions.get("192.0.2.1") is None

    @pytest.mark.parametrize(
        ("status", "answer"), [(404, failed(7003)), (404, "<h1>Not found</h1>"), (404, failed(4711))]
    )
    def test_other_404_is_an_error(self, regions: OriginCloudRegions, wire: Wire, status: int, answer: t.Any) -> None:
        wire.get(f"{MAPPINGS}/192.0.2.1", answer, status=status)
        with pytest.raises(ApiError):
            regions.get("192.0.2.1")

    @pytest.mark.parametrize("status", [200, 400, 403, 500])
    def test_1142_means_no_mapping_with_404_only(self, regions: OriginCloudRegions, wire: Wire, status: int) -> None:
        wire.get(f"{MAPPINGS}/192.0.2.1", failed(1142), status=status)
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
        assert regions.get("192.0.2.1") == expected

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
            {**mapping("192.0.2.1"), "origin_ip": None},
            {**mapping("192.0.2.1"), "origin_ip": 3221225985},
            {**mapping("192.0.2.1"), "origin_ip": "192.0.2.1/32"},
            {**mapping("192.0.2.1"), "vendor": None},
            {**mapping("192.0.2.1"), "region": ["us-east-1"]},
            {"origin_ip": "192.0.2.1", "vendor": "aws"},
            {"origin_ip": "192.0.2.1", "region": "us-east-1"},
            mapping("192.0.2.2"),
        ],
        ids=str,
    )
    def test_malformed(self, regions: OriginCloudRegions, wire: Wire, result: t.Any) -> None:
        wire.mapping("192.0.2.1", envelope(result))
        with pytest.raises(
            ApiError, match=r"^HTTP 200: an answer that is not (a mapping|the mapping of 192\.0\.2\.1): "
        ) as caught:
            regions.get("192.0.2.1")
        assert caught.value.__class__ is ApiError

    @pytest.mark.parametrize("where", ["origin_ip", "vendor"])
    def test_deep_nesting_is_malformed(self, regions: OriginCloudRegions, wire: Wire, where: str) -> None:
        for answer in nested(envelope({**mapping("192.0.2.1"), where: "?"})):
            wire.get(f"{MAPPINGS}/192.0.2.1", answer)
            with pytest.raises(ApiError):
                regions.get("192.0.2.1")


class TestFind:
    def test_nothing_asked_nothing_sent(self, regions: OriginCloudRegions) -> None:
        assert regions.find([]) == {}

    @pytest.mark.parametrize("asked", [["2001:db8::1"], ["2001:db8::1"] * 3])
    def test_one_address_costs_one_request(self, regions: OriginCloudRegions, wire: Wire, asked: list[str]) -> None:
        wire.mapping("2001:db8::1")
        assert regions.find(asked) == {"2001:db8::1": mapping("2001:db8::1")}

    def test_one_address_without_a_mapping(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.no_mapping("192.0.2.1")
        assert regions.find(["192.0.2.1"]) == {}

    @pytest.mark.parametrize("count", [0, 1, 100, 101, 250, 500, 3_500])
    @pytest.mark.parametrize("asked", [2, 3, 5, 40])
    @pytest.mark.parametrize("place", ["first page", "elsewhere", "unmapped", "mixed"])
    def test_several_cost_at_most_min_of_their_number_and_the_pages_and_one(
        self, regions: OriginCloudRegions, wire: Wire, count: int, asked: int, place: str
    ) -> None:
        zone = mappings(count)
        step = {"first page": 1, "elsewhere": -1, "unmapped": 0, "mixed": max(1, count // asked)}[place]
        wanted = [
            address(number * step % max(count, asked)) if step else f"192.0.2.{number}"
            for number in range(1, asked + 1)
        ]
        pages = page_count(zone)
        known = {item["origin_ip"]: item for item in zone}
        later = [one for one in dict.fromkeys(wanted) if one not in {item["origin_ip"] for item in zone[:100]}]
        if len(later) < pages:
            wire.zone(zone, pages=1)
            for one in later:
                if one in known:
                    wire.mapping(one)
                else:
                    wire.no_mapping(one)
        else:
            wire.zone(zone)
        found = regions.find(wanted)
        assert list(found.items()) == [(one, known[one]) for one in dict.fromkeys(wanted) if one in known]
        assert len(wire.requests) <= min(len(set(wanted)), pages) + 1
        assert len(wire.requests) <= pages

    def test_zone_without_mappings_may_be_not_found(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, failed(1142), status=404)
        assert regions.find(["192.0.2.1", "192.0.2.2"]) == {}

    def test_first_page_that_contradicts_itself_is_read_again(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(2), total_count=3))
        wire.zone(mappings(3))
        assert list(regions.find([address(2), address(0)])) == [address(2), address(0)]

    def test_later_page_is_not_needed(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(150)))
        assert len(regions.find([address(1), address(2)])) == 2


class TestPagesThatContradictEachOther:
    """They are read three times at the most."""

    def test_zone_that_changes_while_it_is_read(self, regions: OriginCloudRegions, wire: Wire) -> None:
        before, after = mappings(150), mappings(151)
        wire.page(1, page(before, 1))
        wire.page(2, page(after, 2))
        wire.zone(after)
        assert regions.all() == after

    def test_mapping_that_moves_to_the_other_page(self, regions: OriginCloudRegions, wire: Wire) -> None:
        before = mappings(150)
        after = [*before[1:], mapping("192.0.2.1")]
        wire.page(1, page(before, 1))
        wire.page(2, page([mapping("192.0.2.1"), *before], 2))
        wire.zone(after)
        assert regions.all() == after

    def test_zone_emptied_meanwhile(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(150), 1))
        wire.page(2, failed(1142), status=404)
        wire.page(1, failed(1142), status=404)
        assert regions.all() == []

    def test_page_that_repeats(self, regions: OriginCloudRegions, wire: Wire) -> None:
        first = page(mappings(300), 1)
        for number in (1, 2) * 3:
            wire.page(number, first)
        with pytest.raises(
            ApiError, match="^HTTP 200: the pages say that the zone has 300 mappings and hold 100, 3 times$"
        ):
            regions.all()

    @pytest.mark.parametrize("total", [-1, 0, 1, 3, 10**30])
    def test_total_that_lies(self, regions: OriginCloudRegions, wire: Wire, total: int) -> None:
        for dummy in range(3):
            wire.page(1, page(mappings(2), total_count=total))
        with pytest.raises(ApiError, match=f"the zone has {total} mappings and hold 2, 3 times") as caught:
            regions.all()
        assert caught.value.failure()["code"] is None

    @pytest.mark.parametrize("pages", [-7, 0, 1])
    def test_number_of_pages_too_small(self, regions: OriginCloudRegions, wire: Wire, pages: int) -> None:
        for dummy in range(3):
            wire.page(1, page(mappings(101), total_pages=pages))
        with pytest.raises(ApiError, match="the zone has 101 mappings and hold 100, 3 times"):
            regions.all()

    def test_number_of_pages_too_large(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page(mappings(100), 1, total_pages=100))
        wire.page(2, page(mappings(100), 2, total_pages=100))
        assert regions.all() == mappings(100)

    def test_both_totals_are_told(self, regions: OriginCloudRegions, wire: Wire) -> None:
        for dummy in range(3):
            wire.page(1, page(mappings(150), 1, total_count=149))
            wire.page(2, page(mappings(150), 2))
        with pytest.raises(ApiError, match="the zone has 149 or 150 mappings and hold 150, 3 times"):
            regions.all()

    def test_malformed_item(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.page(1, page([mapping("192.0.2.1"), {"origin_ip": "192.0.2.2"}]))
        with pytest.raises(ApiError, match="not a mapping"):
            regions.all()

    def test_without_end(self, regions: OriginCloudRegions, wire: Wire) -> None:
        """A zone holds 3,500 mappings: a server that says more is not asked for them all, let alone three times."""
        wire.page(1, page(mappings(200), 1, total_pages=1_000, total_count=100_000))
        with pytest.raises(CloudflareError):
            regions.all()
