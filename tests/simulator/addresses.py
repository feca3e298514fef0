# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canonical addresses, by another implementation than the collection's own, so that both can be compared."""

from __future__ import annotations

import ipaddress
import typing as t


def canonical(text: t.Any) -> str:
    """The address in canonical form (RFC 5952 for IPv6), or ``ValueError``."""
    if not isinstance(text, str) or "%" in text:
        raise ValueError(f"{text!r} is not an IP address")
    address = ipaddress.ip_address(text)
    # Python before 3.13 writes a mapped address in hexadecimal; RFC 5952, section 5, wants the dotted form.
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return f"::ffff:{address.ipv4_mapped}"
    return str(address)
