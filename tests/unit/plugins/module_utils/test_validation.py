# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""The validation of desired mappings: conflicts, capacity, vendors and regions."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.desired import parse_mappings
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.reconcile import Change
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.validation import (
    check_capacity,
    find_conflicts,
    find_unsupported,
    format_problems,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    SUPPORTED_REGIONS,
    address,
    typed_mapping,
    typed_new_mapping,
)

VENDORS = SUPPORTED_REGIONS["vendors"]


def item(origin_ip: t.Any, vendor: t.Any = "aws", region: t.Any = "us-east-1") -> dict[str, t.Any]:
    return {"origin_ip": origin_ip, "vendor": vendor, "region": region, "modified_on": None, "host": None}


def test_conflicts() -> None:
    declared = parse_mappings(
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
    assert find_conflicts(declared) == [
        "192.0.2.9 is declared as aws/us-east-1 and as aws/us-west-2",
        "192.0.2.10 is declared as aws/us-east-1 and as gcp/us-central1 and as oci/x",
    ]


class TestCapacity:
    @staticmethod
    def changes(new_ones: int, gone: int, updates: int = 0) -> list[Change]:
        one = typed_mapping("192.0.2.1")
        return (
            [Change(address(number), None, one) for number in range(new_ones)]
            + [Change(address(number), one, None) for number in range(gone)]
            + [Change(address(number), one, one) for number in range(updates)]
        )

    @pytest.mark.parametrize(
        ("total", "new_ones", "gone", "updates"),
        [(0, 3_500, 0, 0), (3_500, 1, 1, 0), (3_499, 1, 0, 9), (3_500, 0, 0, 9), (3_600, 0, 1, 0), (0, 0, 0, 0)],
    )
    def test_enough_room(self, total: int, new_ones: int, gone: int, updates: int) -> None:
        assert check_capacity(self.changes(new_ones, gone, updates), total) == []

    @pytest.mark.parametrize(
        ("total", "new_ones", "gone", "message"),
        [
            (0, 3_501, 0, "3,501 mappings (0 now, 3,501 to create, 0 to delete)"),
            (3_500, 2, 1, "3,501 mappings (3,500 now, 2 to create, 1 to delete)"),
            (3_400, 1_200, 5, "4,595 mappings (3,400 now, 1,200 to create, 5 to delete)"),
        ],
    )
    def test_too_many_mappings(self, total: int, new_ones: int, gone: int, message: str) -> None:
        assert check_capacity(self.changes(new_ones, gone), total) == [
            f"the zone would have {message}, but the maximum is 3,500: delete some first"
        ]


class TestUnsupported:
    @pytest.mark.parametrize(("vendor", "region"), [("aws", "us-west-2"), ("azure", "eastus"), ("gcp", "us-central1")])
    def test_supported(self, vendor: str, region: str) -> None:
        assert find_unsupported([typed_new_mapping("192.0.2.1", vendor, region)], VENDORS) == {}

    @pytest.mark.parametrize(
        ("vendor", "region", "message"),
        [
            ("aws", "us-east1", "region 'us-east1' is not supported for aws; did you mean 'us-east-1'?"),
            ("aws", "US-EAST-1", "region 'US-EAST-1' is not supported for aws; did you mean 'us-east-1'?"),
            ("aws", "qqq", "region 'qqq' is not supported for aws"),
            ("aws", "q" * 70, f"region '{'q' * 60}…' is not supported for aws"),
            ("aws", "東京", "region '東京' is not supported for aws"),
            ("aws", "\x1b[31mq\r\nq", "region ' [31mq q' is not supported for aws"),
            ("azure", "us-central1", "region 'us-central1' belongs to gcp, not to azure"),
            ("aw", "us-east-1", "vendor 'aw' is not supported; did you mean 'aws'?"),
            ("AZURE", "eastus", "vendor 'AZURE' is not supported; did you mean 'azure'?"),
            ("qqq", "us-east-1", "vendor 'qqq' is not supported"),
            ("oci", "x", "vendor 'oci' is not supported"),
        ],
    )
    def test_suggestion(self, vendor: str, region: str, message: str) -> None:
        assert format_problems(find_unsupported([typed_new_mapping("192.0.2.1", vendor, region)], VENDORS)) == [
            f"{message} (192.0.2.1)"
        ]

    def test_surrounding_blanks(self) -> None:
        declared = parse_mappings("mappings", [item("192.0.2.1", "aws", " us-west-2 ")])["192.0.2.1"]
        for message in find_unsupported(declared, VENDORS):
            assert not message.startswith("region 'us-west-2' is not supported for aws; did you mean 'us-west-2'?")

    def test_region_of_several_other_vendors(self) -> None:
        vendors = {**VENDORS, "oci": [{"name": "eastus", "upper_tier_colos": []}]}
        assert format_problems(find_unsupported([typed_new_mapping("192.0.2.1", "aws", "eastus")], vendors)) == [
            "region 'eastus' belongs to azure and oci, not to aws (192.0.2.1)"
        ]

    def test_no_suggestion_without_regions(self) -> None:
        assert format_problems(find_unsupported([typed_new_mapping("192.0.2.1", "gcp", "x")], {"gcp": []})) == [
            "region 'x' is not supported for gcp (192.0.2.1)"
        ]

    def test_equal_problems_are_merged(self) -> None:
        wanted = [typed_new_mapping(f"192.0.2.{number}", region="us-east1") for number in range(5)] + [
            typed_new_mapping("192.0.2.9", "xyz")
        ]
        assert format_problems(find_unsupported(wanted, VENDORS)) == [
            "region 'us-east1' is not supported for aws; did you mean 'us-east-1'? (192.0.2.0, 192.0.2.1, 192.0.2.2 and 2 more)",
            "vendor 'xyz' is not supported (192.0.2.9)",
        ]

    @pytest.mark.parametrize("vendor", ["aws", "azure", "gcp", "oci"])
    def test_regions_are_not_checked_without_a_list(self, vendor: str) -> None:
        assert find_unsupported([typed_new_mapping("192.0.2.1", vendor, "qqq")], None) == {}

    def test_vendors_are_checked_without_a_list(self) -> None:
        assert format_problems(
            find_unsupported(
                [typed_new_mapping("192.0.2.1", "amazon", "qqq"), typed_new_mapping("192.0.2.2", "gpc", "x")], None
            )
        ) == [
            "vendor 'amazon' is not supported (192.0.2.1)",
            "vendor 'gpc' is not supported; did you mean 'gcp'? (192.0.2.2)",
        ]
