# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical addresses. The implementation differs from that of the collection, so that tests compare the two."""

from __future__ import annotations

import ipaddress
import typing as t


def normalize_address(text: t.Any) -> str:
    """Return the address in canonical form (RFC 5952 for IPv6). Raise ``ValueError`` if it is not valid."""
    if not isinstance(text, str) or "%" in text:
        raise ValueError(f"{text!r} is not an IP address")
    address = ipaddress.ip_address(text)
    # Python before 3.13 writes an IPv4-mapped address in hexadecimal; RFC 5952, section 5, recommends the dotted form.
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return f"::ffff:{address.ipv4_mapped}"
    return str(address)
