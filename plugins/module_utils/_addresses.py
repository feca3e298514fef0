# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses in canonical form. Private to the collection: other code must not import this file."""

from __future__ import annotations

import ipaddress
import socket
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import InvalidAddressError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import quote_unless_secret

_MAX_QUOTED_CHARS = 60
"""Characters of a rejected value that a message repeats: more than any address has."""

_IPV4_MAPPED = bytes(10) + b"\xff\xff"
"""The first twelve bytes of an IPv4-mapped IPv6 address, ``::ffff:0:0/96``."""

_UNREACHABLE = [
    (ipaddress.ip_network(network), kind)
    for network, kind in (
        ("0.0.0.0/32", "unspecified"),
        ("0.0.0.0/8", "reserved"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "CGNAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
    )
]
"""Networks that the internet does not reach, each with its kind. The first network that contains an address has its kind.

From https://www.iana.org/assignments/iana-ipv4-special-registry and https://www.iana.org/assignments/iana-ipv6-special-registry,
limited to those that an origin has by mistake: networks for documentation and benchmarks are allowed. This table is explicit, since
the properties of netaddr and of ipaddress differ between their versions.
"""


def normalize_address(value: object) -> str:
    """Return the canonical form of an IPv4 or IPv6 address (RFC 5952), without blanks around it.

    Raises ``InvalidAddressError``.
    """
    import netaddr  # here, since the import takes time: see requirements.py

    try:
        if not isinstance(value, str):
            raise ValueError("not a string")
        # INET_PTON only: without it, netaddr before 1.0 reads 010.0.0.1 as 8.0.0.1, and 10 as 0.0.0.10
        return format_address(netaddr.IPAddress(value.strip(), flags=netaddr.INET_PTON).packed)
    except (netaddr.AddrFormatError, ValueError):
        raise InvalidAddressError(f"not an IP address: {quote_value(value)}") from None


def format_address(packed: bytes) -> str:
    """Return the canonical text of an address of 4 or 16 bytes.

    The system writes all addresses of ``::/96`` with dots, as in ``::1.2.3.4``. RFC 5952, section 5, recommends dots only under
    a well-known prefix, and Python and Go use them for IPv4-mapped addresses alone: ``::102:304``, but ``::ffff:1.2.3.4``.
    """
    if len(packed) == 4:
        return socket.inet_ntop(socket.AF_INET, packed)
    text = socket.inet_ntop(socket.AF_INET6, packed)
    if "." in text and not packed.startswith(_IPV4_MAPPED):
        return str(ipaddress.IPv6Address(packed))
    return text


def normalize_addresses(option: str, values: t.Iterable[object]) -> list[str]:
    """Return the canonical addresses in the given order, each once.

    Raises one ``InvalidAddressError`` that names the option and all invalid values.
    """
    addresses: dict[str, None] = {}
    invalid: dict[str, None] = {}
    for value in values:
        try:
            addresses[normalize_address(value)] = None
        except InvalidAddressError:
            invalid[quote_value(value)] = None
    if invalid:
        raise InvalidAddressError(
            f"{option}: not an IP address: {', '.join(invalid)}. Each must be one plain IPv4 or IPv6 address: no list, no prefix length, "
            "no zone index, no port, no host name, no leading zeros."
        )
    return list(addresses)


def unreachable_kind(address: str) -> str | None:
    """Return the kind of an address (canonical) that the internet does not reach, such as ``private``; else ``None``.

    The kind of an IPv4-mapped IPv6 address is that of its IPv4 address.
    """
    parsed = ipaddress.ip_address(address)
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return next((kind for network, kind in _UNREACHABLE if parsed in network), None)


def sort_addresses(addresses: t.Iterable[str]) -> list[str]:
    """Return the addresses in numerical order, IPv4 before IPv6."""
    import netaddr

    return sorted(addresses, key=netaddr.IPAddress)


def quote_value(value: object) -> str:
    """Return a rejected value as a message quotes it, truncated; a possible credential is not shown."""
    text = quote_unless_secret(value)
    return text if len(text) <= _MAX_QUOTED_CHARS else text[:_MAX_QUOTED_CHARS] + "…"
