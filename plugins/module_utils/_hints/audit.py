# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the mappings of a zone with the ranges of the cloud vendors.

Private to the collection: other code must not import this file. It sends no request.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginMapping,
    RegionKey,
    Vendors,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges


def audit_mappings(
    mappings: t.Sequence[OriginMapping], ranges: CloudRanges, vendors: Vendors | None
) -> dict[str, list[dict[str, t.Any]]]:
    """Return the lists ``right``, ``wrong``, ``ambiguous``, ``unknown`` and ``unsupported`` of the module.

    If ``vendors`` (the supported ones) is ``None``, regions are not checked.
    """
    supported: set[RegionKey] | None = None
    if vendors is not None:
        supported = {(vendor, region["name"]) for vendor, regions in vendors.items() for region in regions}
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
            expected = {"origin_ip": mapping.origin_ip, **matches[0]._asdict()}
            is_supported = None if supported is None else matches[0][:2] in supported
            found["wrong"].append({**result, "expected": expected, "supported": is_supported})
    unsupported = [mapping for mapping in mappings if supported is not None and mapping.region_key not in supported]
    return {**found, "unsupported": [mapping.to_result() for mapping in unsupported]}
