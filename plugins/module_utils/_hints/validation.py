# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate desired mappings: conflicts, capacity, vendors and regions.

Private to the collection: other code must not import this file. It sends no request.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import sort_addresses
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    MAX_MAPPINGS,
    VENDORS,
    OriginMapping,
    Vendors,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.reconcile import Change
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import join_truncated, sanitize_text


def find_conflicts(desired: t.Mapping[str, list[OriginMapping]]) -> list[str]:
    """Return one problem for each address with several desired mappings."""
    return [
        f"{address} is declared as {' and as '.join(mapping.format_region() for mapping in desired[address])}"
        for address in sort_addresses(address for address, mappings in desired.items() if len(mappings) > 1)
    ]


def check_capacity(changes: t.Sequence[Change], total: int) -> list[str]:
    """Return one problem if a zone that has ``total`` mappings would exceed ``MAX_MAPPINGS``."""
    created = sum(not change.before for change in changes)
    deleted = sum(not change.after for change in changes)
    after = total + created - deleted
    if not created or after <= MAX_MAPPINGS:
        return []
    counts = f"{total:,} now, {created:,} to create, {deleted:,} to delete"
    return [
        f"the zone would have {after:,} mappings ({counts}), but the maximum is {MAX_MAPPINGS:,}: delete some first"
    ]


def find_unsupported(mappings: t.Iterable[OriginMapping], vendors: Vendors | None) -> dict[str, list[str]]:
    """Return the problems with the vendors and regions of mappings, each with its addresses.

    If ``vendors`` is ``None``, regions are not validated.
    """
    regions: dict[str, list[str] | None] = dict.fromkeys(VENDORS)
    if vendors is not None:
        regions = {vendor: [region["name"] for region in vendors[vendor]] for vendor in vendors}
    addresses: dict[tuple[str, str], list[str]] = {}
    for mapping in mappings:
        addresses.setdefault(mapping.region_key, []).append(mapping.origin_ip)
    problems: dict[str, list[str]] = {}
    for (vendor, region), affected in addresses.items():
        problem = _find_problem(vendor, region, regions)
        if problem:
            problems.setdefault(problem, []).extend(affected)
    return problems


def format_problems(problems: dict[str, list[str]]) -> list[str]:
    """Return the problems of ``find_unsupported`` as a message shows them."""
    return [f"{problem} ({join_truncated(addresses)})" for problem, addresses in problems.items()]


def _find_problem(vendor: str, region: str, regions: dict[str, list[str] | None]) -> str:
    if vendor not in regions:
        return f"vendor {_quote(vendor)} is not supported{_suggest(vendor, regions)}"
    names = regions[vendor]
    if names is None or region in names:
        return ""
    owners = [other for other in regions if region in (regions[other] or ())]
    if owners:
        return f"region {_quote(region)} belongs to {' and '.join(owners)}, not to {vendor}"
    return f"region {_quote(region)} is not supported for {vendor}{_suggest(region, names)}"


def _quote(name: str) -> str:
    return f"'{sanitize_text(name, 60)}'"


def _suggest(name: str, supported: t.Iterable[str]) -> str:
    """Return a suggestion of the most similar supported name; empty if none is similar."""
    by_lower = {candidate.lower(): candidate for candidate in supported}
    similar = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"; did you mean {_quote(by_lower[similar[0]])}?" if similar else ""
