# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Minimal range files in the formats of the vendors."""

from __future__ import annotations

import json
import typing as t


def aws(*prefixes: tuple[str, str]) -> bytes:
    """Return a file of AWS. Each argument is a prefix and its region, here and in the functions below."""
    document: dict[str, t.Any] = {"syncToken": "1", "createDate": "2026-10-26-00-31-04"}
    for name, key, version_6 in ("prefixes", "ip_prefix", False), ("ipv6_prefixes", "ipv6_prefix", True):
        document[name] = [
            {key: prefix, "region": region, "service": "AMAZON", "network_border_group": region}
            for prefix, region in prefixes
            if (":" in prefix) == version_6
        ]
    return json.dumps(document).encode()


def gcp(*prefixes: tuple[str, str]) -> bytes:
    entries = [
        {"ipv6Prefix" if ":" in prefix else "ipv4Prefix": prefix, "service": "Google Cloud", "scope": region}
        for prefix, region in prefixes
    ]
    return json.dumps({"syncToken": "1", "creationTime": "2026-10-26T00:31:04.000", "prefixes": entries}).encode()


def azure(*prefixes: tuple[str, str]) -> bytes:
    tags = [
        {"name": "x", "id": "x", "properties": {"region": region, "addressPrefixes": [prefix]}}
        for prefix, region in prefixes
    ]
    return json.dumps({"changeNumber": 400, "cloud": "Public", "values": tags}).encode()


def oci(*prefixes: tuple[str, str]) -> bytes:
    regions = [{"region": region, "cidrs": [{"cidr": prefix, "tags": ["OCI"]}]} for prefix, region in prefixes]
    return json.dumps({"last_updated_timestamp": "2026-10-26T00:31:04.0", "regions": regions}).encode()


FORMATS = {"aws": aws, "gcp": gcp, "azure": azure, "oci": oci}
