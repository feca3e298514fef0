# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the mappings of a zone with the ranges of the cloud vendors, and with the origins of the zone.

Private to the collection: other code must not import this file. It sends no request.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginMapping,
    RegionKey,
    Vendors,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges, RangeMatch


def audit_mappings(
    mappings: t.Sequence[OriginMapping], ranges: CloudRanges, vendors: Vendors | None
) -> dict[str, list[dict[str, t.Any]]]:
    """Return the lists ``right``, ``wrong``, ``ambiguous``, ``unknown`` and ``unsupported`` of the module.

    If ``vendors`` (the supported ones) is ``None``, regions are not checked.
    """
    supported = _list_supported(vendors)
    found: dict[str, list[dict[str, t.Any]]] = {name: [] for name in ("right", "wrong", "ambiguous", "unknown")}
    for mapping in mappings:
        result = mapping.to_result()
        matches = ranges.lookup(mapping.origin_ip)
        if not matches:
            found["unknown"].append(result)
        elif len(matches) > 1:
            found["ambiguous"].append({**result, "candidates": [match._asdict() for match in matches]})
        elif matches[0][:2] == mapping.region_key:
            found["right"].append({**result, "prefix": matches[0].prefix, "source": matches[0].source})
        else:
            found["wrong"].append({**result, **_expect(mapping.origin_ip, matches[0], supported)})
    unsupported = [mapping for mapping in mappings if supported is not None and mapping.region_key not in supported]
    return {**found, "unsupported": [mapping.to_result() for mapping in unsupported]}


def audit_origins(
    mappings: t.Sequence[OriginMapping], found: t.Mapping[str, t.Any], ranges: CloudRanges, vendors: Vendors | None
) -> dict[str, t.Any]:
    """Return the results of the module about the origins of the zone. ``found``: the result of ``zone_origin_info``.

    ``unused`` is ``None`` unless all origins are known: a hint could be that of an unknown origin. ``vendors`` is as in
    ``audit_mappings``.
    """
    supported = _list_supported(vendors)
    mapped = {mapping.origin_ip for mapping in mappings}
    # Those left out need no hint, but are the zone's own
    used = {origin["origin_ip"] for origin in found["origins"]}.union(item["value"] for item in found["left_out"])
    missing = []
    for origin in found["origins"]:
        matches = ranges.lookup(origin["origin_ip"]) if origin["origin_ip"] not in mapped else []
        if len(matches) == 1:
            missing.append({**origin, **_expect(origin["origin_ip"], matches[0], supported)})
    unused = [mapping.to_result() for mapping in mappings if mapping.origin_ip not in used]
    return {
        "missing": missing,
        "unused": unused if found["complete"] else None,
        "origins_complete": found["complete"],
        **{name: found[name] for name in ("hostnames", "left_out", "unavailable")},
    }


def _expect(address: str, match: RangeMatch, supported: t.Container[RegionKey] | None) -> dict[str, t.Any]:
    """Return the mapping that an address should have, and whether its region is supported."""
    is_supported = None if supported is None else match[:2] in supported
    return {"expected": {"origin_ip": address, **match._asdict()}, "supported": is_supported}


def _list_supported(vendors: Vendors | None) -> set[RegionKey] | None:
    if vendors is None:
        return None
    return {(vendor, region["name"]) for vendor, regions in vendors.items() for region in regions}
