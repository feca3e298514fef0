# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parser of the option ``mappings``."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.desired import parse_mapping, parse_mappings
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import mapping, typed_new_mapping


def item(origin_ip: t.Any, vendor: t.Any = "aws", region: t.Any = "us-east-1") -> dict[str, t.Any]:
    return {"origin_ip": origin_ip, "vendor": vendor, "region": region, "modified_on": None, "host": None}


def test_parse_mapping() -> None:
    assert parse_mapping("192.0.2.1", "aws", "us-east-1") == typed_new_mapping("192.0.2.1")


class TestParseMappings:
    def test_empty_list(self) -> None:
        assert parse_mappings("mappings", []) == {}

    def test_duplicates_are_merged(self) -> None:
        items = [item("2001:DB8:0::1"), item("192.0.2.1"), item(" 2001:db8::1 "), item("192.0.2.1")]
        assert parse_mappings("mappings", items) == {
            "2001:db8::1": [typed_new_mapping("2001:db8::1")],
            "192.0.2.1": [typed_new_mapping("192.0.2.1")],
        }

    def test_modified_on_is_ignored(self) -> None:
        items = [{**mapping("192.0.2.1"), "host": None}, item("192.0.2.1")]
        assert parse_mappings("mappings", items) == {"192.0.2.1": [typed_new_mapping("192.0.2.1")]}

    def test_different_regions_are_kept(self) -> None:
        items = [item("192.0.2.1"), item("192.0.2.1", "gcp", "x"), item("192.0.2.1"), item("192.0.2.1", region="y")]
        assert parse_mappings("mappings", items) == {
            "192.0.2.1": [
                typed_new_mapping("192.0.2.1"),
                typed_new_mapping("192.0.2.1", "gcp", "x"),
                typed_new_mapping("192.0.2.1", region="y"),
            ]
        }

    def test_all_invalid_addresses_are_listed(self) -> None:
        items = [item("192.0.2.0/24"), item("192.0.2.1"), item(""), item(None), item("fe80::1%eth0")]
        with pytest.raises(ConfigurationError) as caught:
            parse_mappings("mappings", items)
        assert str(caught.value).startswith(
            "mappings: not an IP address: '192.0.2.0/24', '', None, 'fe80::1%eth0'. Each must be one plain"
        )

    @pytest.mark.parametrize(
        ("vendor", "region"), [(None, "x"), ("aws", None), ("", "x"), ("aws", ""), ("aws", "  "), (None, None)]
    )
    def test_missing_vendor_or_region(self, vendor: str | None, region: str | None) -> None:
        with pytest.raises(ConfigurationError) as caught:
            parse_mappings("mappings", [item("192.0.2.1"), item("2001:DB8::2", vendor, region)])
        assert str(caught.value) == "mappings: vendor or region is missing for '2001:DB8::2'."

    @pytest.mark.parametrize(
        ("count", "message"),
        [
            (3, "'192.0.2.0', '192.0.2.1', '192.0.2.2'."),
            (4, "'192.0.2.0', '192.0.2.1', '192.0.2.2' and 1 more."),
        ],
    )
    def test_many_missing_regions_are_truncated(self, count: int, message: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            parse_mappings("mappings", [item(f"192.0.2.{number}", region=None) for number in range(count)])
        assert str(caught.value) == f"mappings: vendor or region is missing for {message}"

    def test_both_problems_in_one_message(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            parse_mappings("mappings", [item("x", region=None), item("192.0.2.1", ""), item("y")])
        assert "not an IP address: 'x', 'y'. Each" in str(caught.value)
        assert str(caught.value).endswith(" mappings: vendor or region is missing for 'x', '192.0.2.1'.")


def test_blank_region_is_not_a_conflict() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_mappings("mappings", [item("192.0.2.1"), item("192.0.2.1", " ", "")])
    assert str(raised.value) == "mappings: vendor or region is missing for '192.0.2.1'."
