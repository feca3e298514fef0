# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vendor and region of an address from range files, and invalid range files."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import time
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges import parsers as _parsers
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges, RangeMatch
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.range_files import FORMATS, aws, azure, gcp, oci
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import nested_texts
from hypothesis import given
from hypothesis import strategies as st

IPV4_ADDRESS, IPV6_ADDRESS = "192.0.2.1", "2001:db8::1"


def parse_error(content: bytes, *addresses: str) -> str:
    """Return the error message for a file, without the name of the file at its start."""

    def read() -> None:
        ranges = CloudRanges({"the file": content})
        for address in addresses:
            ranges.lookup(address)

    with pytest.raises(ConfigurationError) as caught:
        read()
    assert caught.value.__cause__ is None
    message = str(caught.value)
    assert len(message) < 400
    assert message.startswith("the file: ")
    return message[10:]


def look_up(address: str, *contents: bytes) -> list[tuple[str, str, str]]:
    """Return vendor, region and prefix of each match."""
    return [match[:3] for match in CloudRanges(dict(zip("abcd", contents))).lookup(address)]


@pytest.mark.parametrize("vendor", FORMATS)
@pytest.mark.parametrize(("address", "prefix"), [(IPV4_ADDRESS, "192.0.2.0/24"), (IPV6_ADDRESS, "2001:db8::/32")])
def test_lookup_for_each_vendor(vendor: str, address: str, prefix: str) -> None:
    ranges = CloudRanges(
        {"x": FORMATS[vendor]((prefix, "us-east-1"), ("198.51.100.0/24", "b"), ("2001:db9::/32", "b"))}
    )
    assert ranges.lookup(address) == [RangeMatch(vendor, "us-east-1", prefix, "x")]
    assert ranges.lookup("203.0.113.1") == ranges.lookup("2001:dba::1") == []


@pytest.mark.parametrize("none", ["", "global", "GLOBAL", "Global"], ids=repr)
@pytest.mark.parametrize("file", FORMATS.values())
def test_prefix_without_a_region_is_ignored(file: t.Any, none: str) -> None:
    assert look_up(IPV4_ADDRESS, file(("192.0.2.0/24", none))) == []
    assert look_up(IPV4_ADDRESS, file(("192.0.2.0/24", "a"), ("192.0.2.0/28", none))) == [
        (vendor_of(file), "a", "192.0.2.0/24")
    ]
    assert len(look_up(IPV4_ADDRESS, file(("192.0.2.0/24", none), ("192.0.2.0/24", "a")))) == 1
    assert look_up(IPV4_ADDRESS, file(("192.0.2.0/24", f"{none}-1"))) == [
        (vendor_of(file), f"{none}-1", "192.0.2.0/24")
    ]


@pytest.mark.parametrize("file", FORMATS.values())
def test_too_many_regions(file: t.Any) -> None:
    """The limit is for each file. Regions are counted once for both IP versions, without prefixes that have no region."""
    regions = [f"r{number}" for number in range(500)]
    some = [(prefix, region) for region in [*regions, "", "global"] for prefix in ("192.0.2.0/24", "2001:db8::/32")]
    assert len(look_up(IPV4_ADDRESS, file(*some))) == len(look_up(IPV6_ADDRESS, file(*some))) == 500
    for prefix in ("192.0.2.0/24", "2001:db8::/32"):
        assert (
            parse_error(file(*some, (prefix, "one-more")))
            == "has more than 500 regions. Check that a cloud vendor publishes this file."
        )
    assert len(look_up(IPV4_ADDRESS, file(*some), file(("192.0.2.0/24", "one-more")))) == 501


def vendor_of(file: t.Any) -> str:
    return next(vendor for vendor, one in FORMATS.items() if one is file)


def test_longest_prefix_of_all_files_wins() -> None:
    contents = [aws(("192.0.2.0/24", "a")), gcp(("192.0.2.0/30", "b")), azure(("192.0.2.0/28", "c"))]
    assert look_up(IPV4_ADDRESS, *contents) == [("gcp", "b", "192.0.2.0/30")]
    assert look_up("192.0.2.7", *contents) == [("azure", "c", "192.0.2.0/28")]
    assert look_up("192.0.2.77", *contents) == [("aws", "a", "192.0.2.0/24")]


def test_single_address_and_first_and_last() -> None:
    content = aws(("192.0.2.1/32", "a"), ("2001:db8::1/128", "b"), ("192.0.2.64/26", "c"))
    assert [len(look_up(address, content)) for address in ("192.0.2.0", IPV4_ADDRESS, "192.0.2.2")] == [0, 1, 0]
    assert [len(look_up(address, content)) for address in ("2001:db8::", IPV6_ADDRESS, "2001:db8::2")] == [0, 1, 0]
    edges = ("192.0.2.63", "192.0.2.64", "192.0.2.127", "192.0.2.128")
    assert [len(look_up(address, content)) for address in edges] == [0, 1, 1, 0]


def test_ambiguous_between_vendors_and_between_regions() -> None:
    contents = {
        "one": aws(("192.0.2.0/24", "a")),
        "two": azure(("192.0.2.0/24", "b"), ("192.0.2.0/24", "c"), ("192.0.2.0/24", "b")),
        "three": aws(("192.0.2.0/24", "a"), ("192.0.2.0/24", "b")),
    }
    assert CloudRanges(contents).lookup(IPV4_ADDRESS) == [
        RangeMatch("aws", "a", "192.0.2.0/24", "one"),
        RangeMatch("azure", "b", "192.0.2.0/24", "two"),
        RangeMatch("azure", "c", "192.0.2.0/24", "two"),
        RangeMatch("aws", "b", "192.0.2.0/24", "three"),
    ]


def test_two_files_of_one_vendor_are_merged() -> None:
    contents = {"old": oci(("192.0.2.0/24", "a")), "new": oci(("192.0.2.0/24", "a"), ("198.51.100.0/24", "b"))}
    ranges = CloudRanges(contents)
    assert ranges.lookup(IPV4_ADDRESS) == [RangeMatch("oci", "a", "192.0.2.0/24", "old")]
    assert ranges.lookup("198.51.100.1") == [RangeMatch("oci", "b", "198.51.100.0/24", "new")]


def test_prefix_is_canonical() -> None:
    assert look_up(IPV6_ADDRESS, gcp(("2001:0DB8:0::/32", "a"), ("2001:db8::/32", "a"))) == [
        ("gcp", "a", "2001:db8::/32")
    ]
    assert look_up("::102:304", gcp(("::1.2.3.0/120", "a"))) == [("gcp", "a", "::102:300/120")]


def test_only_matching_prefixes_are_parsed() -> None:
    ranges = CloudRanges({"x": aws(("192.0.2.0/24", "a"), ("2001:db8::/999", "b"), ("bad", "GLOBAL"))})
    assert len(ranges.lookup(IPV4_ADDRESS)) == 1
    for dummy in range(2):
        with pytest.raises(ConfigurationError, match="^x: not a valid IPv6 prefix: '2001:db8::/999'"):
            ranges.lookup(IPV6_ADDRESS)
    assert len(ranges.lookup(IPV4_ADDRESS)) == 1


@pytest.mark.parametrize(
    ("text", "version"),
    [
        *(
            (text, 4)
            for text in ("192.0.2.1/24", "192.0.2.0", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/024", "0.0.0.0/0")
        ),
        *((text, 4) for text in ("192.0.2.0/+24", "192.0.2.0/2_4", "192.0.2.0/２４", " 192.0.2.0/24", "192.0.2.0/24 ")),
        *((text, 4) for text in ("192.0.2/24", "010.0.0.0/8", "192.0.2.0/24/24", "", "/", "example", "192.0.2.0\0/24")),
        *((text, 4) for text in ("\ud800/24", "9" * 100_000, "192.0.2.0/-1", "192.0.2.0/1e1")),
        *((text, 6) for text in ("2001:db8::1/32", "2001:db8::", "2001:db8::/129", "::/0", "fe80::%eth0/64", ":::/8")),
    ],
)
@pytest.mark.parametrize("file", [azure, oci])
def test_invalid_prefix(file: t.Any, text: str, version: int) -> None:
    message = parse_error(file((text, "a")), IPV4_ADDRESS, IPV6_ADDRESS)
    assert message.startswith(f"not a valid IPv{version} prefix: {text[:50]!r}"[:60].rstrip("'"))
    assert "an address, a slash and a length, without bits after that length. Fetch the file again." in message


@pytest.mark.parametrize("key", ["prefixes", "ipv6_prefixes"])
def test_prefix_of_the_wrong_family(key: str) -> None:
    document = json.loads(aws(("192.0.2.0/24", "a"), ("2001:db8::/32", "a")))
    texts = document["prefixes"][0], document["ipv6_prefixes"][0]
    texts[0]["ip_prefix"], texts[1]["ipv6_prefix"] = texts[1]["ipv6_prefix"], texts[0]["ip_prefix"]
    address = {"prefixes": IPV4_ADDRESS, "ipv6_prefixes": IPV6_ADDRESS}[key]
    assert parse_error(json.dumps(document).encode(), address).startswith("not a valid IPv")
    entry = {"scope": "a", "ipv4Prefix": "2001:db8::/32"}
    assert "'2001:db8::/32'" in parse_error(
        json.dumps({"creationTime": "", "prefixes": [entry]}).encode(), IPV4_ADDRESS
    )


def test_entry_with_both_families() -> None:
    entry = {"scope": "a", "ipv4Prefix": "192.0.2.0/24", "ipv6Prefix": "2001:db8::/32"}
    content = json.dumps({"creationTime": "", "prefixes": [entry]}).encode()
    assert len(look_up(IPV4_ADDRESS, content)) == len(look_up(IPV6_ADDRESS, content)) == 1


def test_entry_without_a_prefix_is_an_error() -> None:
    content = json.dumps({"creationTime": "", "prefixes": [{"scope": "a", "prefix": "192.0.2.0/24"}]}).encode()
    assert (
        parse_error(content)
        == "ipv4Prefix is missing, or is not of the type str, in {'prefix': '192.0.2.0/24', 'scope': 'a'}"
    )


def test_ipv4_mapped_address_is_ipv6() -> None:
    content = azure(("192.0.2.0/24", "a"), ("::ffff:0:0/96", "b"))
    assert look_up("::ffff:192.0.2.1", content) == [("azure", "b", "::ffff:0.0.0.0/96")]


def test_byte_order_mark_is_ignored() -> None:
    assert len(look_up(IPV4_ADDRESS, b"\xef\xbb\xbf" + aws(("192.0.2.0/24", "a")))) == 1


NOT_JSON = {
    "empty": b"",
    "page": b"<!DOCTYPE html><html>",
    "truncated": aws(("192.0.2.0/24", "a"))[:-9],
    "followed": aws() + b"{}",
    "latin": '{"changeNumber": "é"}'.encode("latin-1"),
    "utf-16": aws().decode().encode("utf-16"),
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00",
    "NaN": azure().replace(b"400", b"NaN"),
    "infinity": azure().replace(b"400", b"-Infinity"),
    "null": b"\0" * 100,
}


@pytest.mark.parametrize("content", NOT_JSON.values(), ids=NOT_JSON)
def test_not_json(content: bytes) -> None:
    assert parse_error(content).startswith("not valid JSON: ")


def test_duplicate_key() -> None:
    assert parse_error(b'{"values": [], "changeNumber": 1, "values": []}').startswith(
        "not valid JSON: duplicate key in an object"
    )
    content = azure(("192.0.2.0/24", "a")).replace(b'"region"', b'"region": "b", "region"')
    assert "['region', 'addressPrefixes']" in parse_error(content)


def test_deep_nesting() -> None:
    for text in nested_texts({"changeNumber": "?", "values": []}):
        with contextlib.suppress(ConfigurationError):
            assert look_up(IPV4_ADDRESS, text.encode()) == []
    assert parse_error(b"[" * 100_000).startswith("not valid JSON: ")
    assert parse_error(b'{"a":' * 100_000).startswith("not valid JSON: ")
    for text in nested_texts(
        {"changeNumber": 1, "values": [{"properties": {"region": "a", "addressPrefixes": ["?"]}}]}
    ):
        assert parse_error(text.encode()).startswith(("not a list of strings", "not valid JSON: "))


@pytest.mark.parametrize("values", [b"[", b"[],", b'{"a":', b"{},", b"1,", b'"a",'])
def test_too_many_values(values: bytes) -> None:
    """Values are counted before the file is parsed, since parsing would take hundreds of megabytes."""
    message = parse_error(b"[" + values * 1_000_000)
    assert re.match(
        r"too large to parse: \d+ bytes with about [12]00000[12] JSON values\. Check that a cloud ", message
    )


@pytest.mark.parametrize("wide", ["é".encode(), b"\\u00e9"])
def test_wide_characters_lower_the_limit(wide: bytes) -> None:
    values = b'"a",' * 250_000
    assert parse_error(b"[" + values + b" " * 10_000_000 + b'"a"]').startswith("not a JSON object: ")
    assert parse_error(b"[" + values + b" " * 10_000_000 + b'"' + wide + b'"]').startswith("too large to parse: ")


def test_number_with_a_million_digits() -> None:
    started = time.process_time()
    digits = b"9" * 1_000_000
    assert look_up(IPV4_ADDRESS, azure().replace(b"400", digits)) == []
    assert look_up(IPV4_ADDRESS, azure().replace(b"400", digits + b"." + digits)) == []
    assert "inf" in parse_error(b'{"changeNumber": 1, "values": ' + digits + b"}")
    assert time.process_time() - started < 5


@pytest.mark.parametrize("content", [b"[]", b'"prefixes"', b"1", b"null", b"true"])
def test_not_an_object(content: bytes) -> None:
    assert parse_error(content).startswith("not a JSON object: ")


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"prefixes": []}',
        b'{"values": []}',
        b'{"regions": []}',
        b'{"prefixes": [], "ipv6_prefixes": [], "creationTime": ""}',
        b'{"values": [], "changeNumber": 1, "regions": [], "last_updated_timestamp": ""}',
    ],
)
def test_unknown_format(content: bytes) -> None:
    message = parse_error(content)
    assert message.startswith("not one of the files that AWS (ip-ranges.json), Google (cloud.json), Azure ")
    assert all(key in message for key in list(json.loads(content))[:4])


WRONG_TYPES = [None, 5, True, 1.5, [], {}, ["a"], {"a": "b"}]


def replace_value(document: t.Any, path: tuple[t.Any, ...], value: t.Any) -> bytes:
    match = document
    for key in path[:-1]:
        match = match[key]
    match[path[-1]] = value
    return json.dumps(document).encode()


REGION_PATHS: dict[t.Any, list[tuple[t.Any, ...]]] = {
    aws: [("prefixes", 0), ("prefixes", 0, "region"), ("prefixes", 0, "ip_prefix"), ("ipv6_prefixes", 0)],
    gcp: [("prefixes", 0), ("prefixes", 0, "scope"), ("prefixes", 0, "ipv4Prefix")],
    azure: [
        ("values", 0),
        ("values", 0, "properties"),
        ("values", 0, "properties", "region"),
        ("values", 0, "properties", "addressPrefixes", 0),
    ],
    oci: [("regions", 0), ("regions", 0, "region"), ("regions", 0, "cidrs", 0), ("regions", 0, "cidrs", 0, "cidr")],
}


@pytest.mark.parametrize("value", WRONG_TYPES, ids=repr)
@pytest.mark.parametrize(
    ("file", "path"),
    [(file, path) for file, paths in REGION_PATHS.items() for path in paths],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_wrong_type_is_an_error_not_skipped(file: t.Any, path: tuple[t.Any, ...], value: t.Any) -> None:
    document = json.loads(file(("192.0.2.0/24", "a"), ("2001:db8::/32", "a")))
    message = parse_error(replace_value(document, path, value))
    assert re.match(r"\w+ is missing, or is not of the type \w+, in |not a list of strings: ", message)


@pytest.mark.parametrize("value", [None, 5, "x", {"a": []}], ids=repr)
@pytest.mark.parametrize(
    ("file", "path"),
    [
        *((aws, (key,)) for key in ("prefixes", "ipv6_prefixes")),
        (gcp, ("prefixes",)),
        (azure, ("values",)),
        (azure, ("values", 0, "properties", "addressPrefixes")),
        *((oci, path) for path in [("regions",), ("regions", 0, "cidrs")]),
    ],
    ids=lambda one: getattr(one, "__name__", str(one)),
)
def test_wrong_type_of_list(file: t.Any, path: tuple[t.Any, ...], value: t.Any) -> None:
    message = parse_error(replace_value(json.loads(file(("192.0.2.0/24", "a"))), path, value))
    assert message.startswith(f"{path[-1]} is missing, or is not of the type list, in {{")


def test_region_of_wrong_type_is_shown_with_its_entry() -> None:
    content = aws(("192.0.2.0/24", "a")).replace(b'"region": "a"', b'"region": 5')
    message = parse_error(content)
    assert message.startswith("region is missing, or is not of the type str, in {'ip_prefix': '192.0.2.0/24', ")


@pytest.mark.parametrize("region", ["us east", "a\n", "é", "a" * 61, "\ud800", "us_east", "../a"])
def test_invalid_region_name(region: str) -> None:
    assert parse_error(aws(("192.0.2.0/24", region))).startswith("not a valid region: ")


def test_error_excerpt_of_a_large_file() -> None:
    assert "..." in parse_error(json.dumps({str(number): "x" * 1_000 for number in range(1_000)}).encode())
    assert parse_error(json.dumps([["x" * 100_000] * 100] * 3).encode()).endswith("…")


NETWORKS = st.lists(
    st.tuples(
        st.integers(0, 0xFF),
        st.integers(1, 32),
        st.sampled_from(["a", "b", "", "global"]),
        st.sampled_from(sorted(FORMATS)),
    ),
    max_size=12,
)


@given(NETWORKS, st.integers(0, 0xFF))
def test_lookup_agrees_with_ipaddress(entries: list[tuple[int, int, str, str]], last: int) -> None:
    """The expected result is the longest prefix with a region, found with ``ipaddress``."""
    address = ipaddress.ip_address(0xC0000200 + last)
    networks = [
        (ipaddress.ip_network((0xC0000200 + start, length), strict=False), region, vendor)
        for start, length, region, vendor in entries
    ]
    found = [
        (network, region, vendor)
        for network, region, vendor in networks
        if address in network and region in "ab" and region
    ]
    longest = max((network.prefixlen for network, *dummy in found), default=0)
    expected = {(vendor, region, str(network)) for network, region, vendor in found if network.prefixlen == longest}
    contents = {
        vendor: FORMATS[vendor](*((str(network), region) for network, region, whose in networks if whose == vendor))
        for vendor in FORMATS
    }
    matches = CloudRanges(contents).lookup(str(address))
    assert {match[:3] for match in matches} == expected
    assert len(matches) == len(expected)
    assert all(match.source == match.vendor for match in matches)


def test_limit_is_documented() -> None:
    assert (_parsers.MAX_FILE_BYTES, _parsers.MAX_REGIONS) == (16777216, 500)
