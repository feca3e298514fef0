# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``normalize_address`` and ``normalize_addresses``: canonical forms and invalid addresses."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    normalize_address,
    normalize_addresses,
    unreachable_kind,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import InvalidAddressError
from hypothesis import given
from hypothesis import strategies as st

INVALID_ADDRESSES: list[t.Any] = [
    "",
    " ",
    "010.0.0.1",
    "192.0.2.01",
    "0300.0.2.1",
    "0xc0.0.2.1",
    "10",
    "192.0.2",
    "3221225985",
    "192.0.2.256",
    "192.0.2.1.",
    "192.0.2.1 192.0.2.2",
    "192.0.2.1,192.0.2.2",
    "192.0.2.1/32",
    "2001:db8::1/128",
    "fe80::1%eth0",
    "fe80::1%25eth0",
    "[2001:db8::1]",
    "192.0.2.1:443",
    "2001:db8:::1",
    "2001:db8::1::2",
    "1:2:3:4:5:6:7:8:9",
    "2001:db8::12345",
    "localhost",
    "origin.example.com",
    "https://192.0.2.1/",
    "192.0.2.1/../../zones",
    "../192.0.2.1",
    "192.0.2.1?x=1",
    "192.0.2.1#",
    "192.0.2.1\x00",
    "192.0.2\n.1",
    "\x1b[31m192.0.2.1",
    "١٩٢.0.2.1",
    "１９２.0.2.1",
    "192。0。2。1",
    "\ud800",
    "None",
    b"192.0.2.1",
    10,
    3221225985,
    192.0,
    True,
    None,
    [],
    ["192.0.2.1"],
    {"origin_ip": "192.0.2.1"},
]


@pytest.mark.parametrize("value", INVALID_ADDRESSES, ids=repr)
def test_invalid_address(value: object) -> None:
    with pytest.raises(InvalidAddressError, match="^not an IP address: ") as caught:
        normalize_address(value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" \t192.0.2.1\n", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::0:1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("::FFFF:C000:201", "::ffff:192.0.2.1"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
        ("::", "::"),
    ],
)
def test_canonical_form(spelling: str, address: str) -> None:
    assert normalize_address(spelling) == address


ALMOST_ADDRESSES = st.text("0123456789abcdefABCDEF:./%x \n١", max_size=45)
DOTTED_NUMBERS = st.lists(st.integers(0, 300), min_size=3, max_size=5).map(lambda parts: ".".join(map(str, parts)))


@given(st.one_of(st.text(), ALMOST_ADDRESSES, DOTTED_NUMBERS, st.ip_addresses().map(str)))
def test_any_text_agrees_with_ipaddress(text: str) -> None:
    try:
        address = normalize_address(text)
    except InvalidAddressError:
        if "%" not in text:  # a zone index, which Python accepts
            with pytest.raises(ValueError, match="does not appear to be"):
                ipaddress.ip_address(text.strip())
    else:
        assert ipaddress.ip_address(address) == ipaddress.ip_address(text.strip())
        assert normalize_address(address) == address
        assert set(address) <= set("0123456789abcdef:.")


@given(st.ip_addresses())
def test_all_spellings_have_one_form(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    spellings = [str(address), address.exploded, address.exploded.upper(), f"\n {address}\t"]
    assert len(normalize_addresses("origin_ip", spellings)) == 1


def test_duplicates_are_removed_in_order() -> None:
    values = ["2001:DB8::1", "192.0.2.1", "2001:db8:0::1", "192.0.2.1"]
    assert normalize_addresses("origin_ip", iter(values)) == ["2001:db8::1", "192.0.2.1"]
    assert normalize_addresses("origin_ip", []) == []


def test_one_message_for_all_invalid_values() -> None:
    values = ["192.0.2.1", "", "010.0.0.1", 10, ["192.0.2.1"], "010.0.0.1", "x" * 100]
    with pytest.raises(InvalidAddressError) as caught:
        normalize_addresses("origin_ip", values)
    assert str(caught.value).startswith(
        f"origin_ip: not an IP address: '', '010.0.0.1', 10, ['192.0.2.1'], '{'x' * 59}…. "
    )


@pytest.mark.parametrize(
    ("spelling", "address"),
    [
        ("::102:304", "::102:304"),
        ("::1.2.3.4", "::102:304"),
        ("::0.2.0.0", "::2:0"),
        ("::ffff:0:0", "::ffff:0.0.0.0"),
        ("::ffff:0:1.2.3.4", "::ffff:0:102:304"),
        ("::0.0.0.1", "::1"),
    ],
)
def test_dotted_form_only_if_ipv4_mapped(spelling: str, address: str) -> None:
    assert normalize_address(spelling) == address


@given(
    st.one_of(
        st.ip_addresses(v=6),
        st.integers(0, 2**33).map(ipaddress.IPv6Address),
        st.integers(0, 2**33).map(lambda number: ipaddress.IPv6Address(0xFFFF00000000 + number)),
    )
)
def test_ipv6_form_agrees_with_ipaddress(address: ipaddress.IPv6Address) -> None:
    # Python before 3.13 writes an IPv4-mapped address without dots. RFC 5952, section 5, recommends them.
    written = f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else address.compressed
    assert normalize_address(address.exploded) == written


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("0.0.0.0", "unspecified"),
        ("0.0.0.1", "reserved"),
        ("0.255.255.255", "reserved"),
        ("1.0.0.0", None),
        ("9.255.255.255", None),
        ("10.0.0.0", "private"),
        ("10.255.255.255", "private"),
        ("11.0.0.0", None),
        ("100.63.255.255", None),
        ("100.64.0.0", "CGNAT"),
        ("100.127.255.255", "CGNAT"),
        ("100.128.0.0", None),
        ("126.255.255.255", None),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("128.0.0.0", None),
        ("169.253.255.255", None),
        ("169.254.169.254", "link-local"),
        ("169.255.0.0", None),
        ("172.15.255.255", None),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", None),
        ("192.0.2.1", None),
        ("192.167.255.255", None),
        ("192.168.0.1", "private"),
        ("192.169.0.0", None),
        ("198.51.100.1", None),
        ("203.0.113.1", None),
        ("223.255.255.255", None),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.0", "reserved"),
        ("255.255.255.254", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::2", None),
        ("::102:304", None),
        ("::ffff:1.2.3.4", None),
        ("::ffff:10.1.2.3", "private"),
        ("::ffff:100.64.0.0", "CGNAT"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:192.0.2.1", None),
        ("64:ff9b::102:304", None),
        ("2001:db8::1", None),
        ("2600:1f00::1", None),
        ("fbff:ffff::", None),
        ("fc00::", "unique local"),
        ("fdff:ffff::1", "unique local"),
        ("fe00::", None),
        ("fe80::1", "link-local"),
        ("febf:ffff::", "link-local"),
        ("fec0::", None),
        ("feff:ffff::", None),
        ("ff02::1", "multicast"),
    ],
)
def test_kind_of_unreachable_address(address: str, kind: str | None) -> None:
    assert unreachable_kind(address) == kind
