# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is declared, and what is said of declarations that cannot be."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._declaration import (
    conflicts,
    declare,
    declare_all,
    in_words,
    too_many,
    unsupported,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._reconcile import Change
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import SUPPORTED, address, mapping, new

VENDORS = SUPPORTED["vendors"]


def item(origin_ip: t.Any, vendor: t.Any = "aws", region: t.Any = "us-east-1") -> dict[str, t.Any]:
    return {"origin_ip": origin_ip, "vendor": vendor, "region": region, "modified_on": None, "host": None}


def test_declare() -> None:
    assert declare("192.0.2.1", "aws", "us-east-1") == new("192.0.2.1")


class TestDeclareAll:
    def test_none(self) -> None:
        assert declare_all("mappings", []) == {}

    def test_spellings_and_repeats_are_one(self) -> None:
        items = [item("2001:DB8:0::1"), item("192.0.2.1"), item(" 2001:db8::1 "), item("192.0.2.1")]
        assert declare_all("mappings", items) == {
            "2001:db8::1": [new("2001:db8::1")],
            "192.0.2.1": [new("192.0.2.1")],
        }

    def test_time_of_change_makes_no_difference(self) -> None:
        items = [{**mapping("192.0.2.1"), "host": None}, item("192.0.2.1")]
        assert declare_all("mappings", items) == {"192.0.2.1": [new("192.0.2.1")]}

    def test_different_places_are_all_kept(self) -> None:
        items = [item("192.0.2.1"), item("192.0.2.1", "gcp", "x"), item("192.0.2.1"), item("192.0.2.1", region="y")]
        assert declare_all("mappings", items) == {
            "192.0.2.1": [new("192.0.2.1"), new("192.0.2.1", "gcp", "x"), new("192.0.2.1", region="y")]
        }

    def test_all_bad_addresses_are_named(self) -> None:
        items = [item("192.0.2.0/24"), item("192.0.2.1"), item(""), item(None), item("fe80::1%eth0")]
        with pytest.raises(ConfigurationError) as caught:
            declare_all("mappings", items)
        assert str(caught.value).startswith(
            "mappings: not an IP address: '192.0.2.0/24', '', None, 'fe80::1%eth0'. Each must be one plain"
        )

    @pytest.mark.parametrize(
        ("vendor", "region"), [(None, "x"), ("aws", None), ("", "x"), ("aws", ""), ("aws", "  "), (None, None)]
    )
    def test_incomplete(self, vendor: str | None, region: str | None) -> None:
        with pytest.raises(ConfigurationError) as caught:
            declare_all("mappings", [item("192.0.2.1"), item("2001:DB8::2", vendor, region)])
        assert str(caught.value) == "mappings: vendor or region is missing for '2001:DB8::2'."

    @pytest.mark.parametrize(
        ("count", "told"),
        [
            (3, "'192.0.2.0', '192.0.2.1', '192.0.2.2'."),
            (4, "'192.0.2.0', '192.0.2.1', '192.0.2.2' and 1 more."),
        ],
    )
    def test_many_incomplete(self, count: int, told: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            declare_all("mappings", [item(f"192.0.2.{number}", region=None) for number in range(count)])
        assert str(caught.value) == f"mappings: vendor or region is missing for {told}"

    def test_both_mistakes_are_told_at_once(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            declare_all("mappings", [item("x", region=None), item("192.0.2.1", ""), item("y")])
        assert "not an IP address: 'x', 'y'. Each" in str(caught.value)
        assert str(caught.value).endswith(" mappings: vendor or region is missing for 'x', '192.0.2.1'.")


def test_conflicts() -> None:
    declared = declare_all(
        "mappings",
        [
            item("2001:db8::1"),
            item("192.0.2.10"),
            item("192.0.2.9"),
            item("192.0.2.9", region="us-west-2"),
            item("192.0.2.10", "gcp", "us-central1"),
            item("192.0.2.10", "oci", "x"),
        ],
    )
    assert conflicts(declared) == [
        "192.0.2.9 is declared as aws/us-east-1 and as aws/us-west-2",
        "192.0.2.10 is declared as aws/us-east-1 and as gcp/us-central1 and as oci/x",
    ]


class TestTooMany:
    @staticmethod
    def changes(new_ones: int, gone: int, updates: int = 0) -> list[Change]:
        one = mapping("192.0.2.1")
        return (
            [Change(address(number), None, one) for number in range(new_ones)]
            + [Change(address(number), one, None) for number in range(gone)]
            + [Change(address(number), one, one) for number in range(updates)]
        )

    @pytest.mark.parametrize(
        ("total", "new_ones", "gone", "updates"),
        [(0, 3_500, 0, 0), (3_500, 1, 1, 0), (3_499, 1, 0, 9), (3_500, 0, 0, 9), (3_600, 0, 1, 0), (0, 0, 0, 0)],
    )
    def test_room(self, total: int, new_ones: int, gone: int, updates: int) -> None:
        assert too_many(self.changes(new_ones, gone, updates), total) == []

    @pytest.mark.parametrize(
        ("total", "new_ones", "gone", "told"),
        [
            (0, 3_501, 0, "3,501 mappings (0 now, 3,501 to create, 0 to delete)"),
            (3_500, 2, 1, "3,501 mappings (3,500 now, 2 to create, 1 to delete)"),
            (3_400, 1_200, 5, "4,595 mappings (3,400 now, 1,200 to create, 5 to delete)"),
        ],
    )
    def test_no_room(self, total: int, new_ones: int, gone: int, told: str) -> None:
        assert too_many(self.changes(new_ones, gone), total) == [f"the zone would have {told}, and can have 3,500"]


def test_blank_place_is_no_conflict() -> None:
    with pytest.raises(ConfigurationError) as raised:
        declare_all("mappings", [item("192.0.2.1"), item("192.0.2.1", " ", "")])
    assert str(raised.value) == "mappings: vendor or region is missing for '192.0.2.1'."


class TestUnsupported:
    @pytest.mark.parametrize(("vendor", "region"), [("aws", "us-west-2"), ("azure", "eastus"), ("gcp", "us-central1")])
    def test_supported(self, vendor: str, region: str) -> None:
        assert unsupported([new("192.0.2.1", vendor, region)], VENDORS) == {}

    @pytest.mark.parametrize(
        ("vendor", "region", "told"),
        [
            ("aws", "us-east1", "aws has no region us-east1: did you mean us-east-1?"),
            ("aws", "US-EAST-1", "aws has no region US-EAST-1: did you mean us-east-1?"),
            ("aws", "qqq", "aws has no region qqq"),
            ("aws", "q" * 70, f"aws has no region {'q' * 60}…"),
            ("aws", "東京", "aws has no region 東京"),
            ("aws", "\x1b[31mq\r\nq", "aws has no region  [31mq q"),
            ("azure", "us-central1", "us-central1 is a region of gcp, not of azure"),
            ("aw", "us-east-1", "there is no vendor aw: did you mean aws?"),
            ("AZURE", "eastus", "there is no vendor AZURE: did you mean azure?"),
            ("qqq", "us-east-1", "there is no vendor qqq"),
            ("oci", "x", "there is no vendor oci"),
        ],
    )
    def test_nearest(self, vendor: str, region: str, told: str) -> None:
        assert in_words(unsupported([new("192.0.2.1", vendor, region)], VENDORS)) == [f"{told} (192.0.2.1)"]

    def test_blanks_around_are_ignored_or_shown(self) -> None:
        declared = declare_all("mappings", [item("192.0.2.1", "aws", " us-west-2 ")])["192.0.2.1"]
        for told in unsupported(declared, VENDORS):
            assert not told.startswith("aws has no region us-west-2: did you mean us-west-2?")

    def test_region_of_several_others(self) -> None:
        vendors = {**VENDORS, "oci": [{"name": "eastus", "upper_tier_colos": []}]}
        assert in_words(unsupported([new("192.0.2.1", "aws", "eastus")], vendors)) == [
            "eastus is a region of azure and oci, not of aws (192.0.2.1)"
        ]

    def test_nearest_of_no_names(self) -> None:
        assert in_words(unsupported([new("192.0.2.1", "gcp", "x")], {"gcp": []})) == ["gcp has no region x (192.0.2.1)"]

    def test_one_mistake_is_told_once(self) -> None:
        wanted = [new(f"192.0.2.{number}", region="us-east1") for number in range(5)] + [new("192.0.2.9", "xyz")]
        assert in_words(unsupported(wanted, VENDORS)) == [
            "aws has no region us-east1: did you mean us-east-1? (192.0.2.0, 192.0.2.1, 192.0.2.2 and 2 more)",
            "there is no vendor xyz (192.0.2.9)",
        ]

    @pytest.mark.parametrize("vendor", ["aws", "azure", "gcp", "oci"])
    def test_regions_are_not_judged_without_a_list(self, vendor: str) -> None:
        assert unsupported([new("192.0.2.1", vendor, "qqq")], None) == {}

    def test_vendors_are_judged_without_a_list(self) -> None:
        assert in_words(unsupported([new("192.0.2.1", "amazon", "qqq"), new("192.0.2.2", "gpc", "x")], None)) == [
            "there is no vendor amazon (192.0.2.1)",
            "there is no vendor gpc: did you mean gcp? (192.0.2.2)",
        ]
