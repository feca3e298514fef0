# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mappings that a task declares, and all that is wrong with them.

Private to the collection: no other collection may rely on this file. Knows no request.
"""

from __future__ import annotations

import difflib
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    canonical,
    canonical_all,
    in_order,
    shown,
    unreachable_kind,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import printable
from ansible_collections.edgecache.cloudflare.plugins.module_utils._cloud_ranges import CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import AddressError, ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origin_cloud_regions import (
    MAX_MAPPINGS,
    VENDORS,
    Mapping,
    Vendors,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._reconcile import Change, place

_SHOWN = 3
"""Addresses that a message names for one mistake that many have."""


_NO_ADDRESS = "no IP address"

Item = dict[str, t.Any]
"""One of the option's mappings, as Ansible has checked it."""


def declare(address: str, vendor: str, region: str) -> Mapping:
    """A mapping that is not sent yet. The address is canonical already; blanks around the others are ignored."""
    return {"origin_ip": address, "vendor": vendor.strip(), "region": region.strip(), "modified_on": None}


def is_blank(text: str | None) -> bool:
    return not text or text.isspace()


def mark_unreachable(items: t.Sequence[Item]) -> list[Item]:
    """Return the items, with the kind of the address as ``unreachable`` where the internet does not reach it."""
    kinds = [
        unreachable_kind(canonical(item["origin_ip"])) if _is_address(item["origin_ip"]) else None for item in items
    ]
    return [{**item, "unreachable": kind} if kind else item for item, kind in zip(items, kinds)]


def unreachable_problems(option: str, items: t.Iterable[Item]) -> list[str]:
    """Return one message that names all items that are marked ``unreachable``, and the fix; or none."""
    found = [item for item in items if "unreachable" in item]
    labels = [
        f"{item['host']} ({shown(item['origin_ip'])}, {item['unreachable']})"
        if has_host(item)
        else f"{shown(item['origin_ip'])} ({item['unreachable']})"
        for item in found
    ]
    if not labels:
        return []
    switch = _with_variable("validate_addresses") if any(map(has_host, found)) else "validate_addresses"
    problem = f"{option}: the internet does not reach {', '.join(dict.fromkeys(labels))}."
    return [f"{problem} Specify addresses that it reaches, or set {switch} to false."]


def _with_variable(option: str) -> str:
    """Name an option, and the role's variable for it: the role is what most mappings with a host come from."""
    return f"{option} (cloud_region_hints_{option} in the role)"


def check_before_deriving(option: str, items: t.Sequence[Item], leave_out: bool) -> None:
    """Raise one ``ConfigurationError`` for all that is wrong with the items before regions are derived."""
    others = LeftOut(items, leave_out).others()
    declare_all(
        option,
        [item for item in others if not (leave_out and is_unplaced(item) and "unreachable" in item)],
        deriving=True,
    )


def declare_all(option: str, items: t.Sequence[Item], deriving: bool = False) -> dict[str, list[Mapping]]:
    """By canonical address, the different mappings that ``items`` declare for it: more than one is a conflict.

    One ``ConfigurationError`` tells of all items that are none, and of the conflicts of the others. With ``deriving``, an item may
    have neither a vendor nor a region.
    """
    problems = []
    nameless = [_label(item) for item in items if has_host(item) and not _is_address(item["origin_ip"])]
    if nameless:
        problems.append(
            f"{option}: origin_ip is not an IP address: {some(nameless)}. Set {_with_variable('origin_ip')} to the IPv4 or IPv6 address of "
            "each host. To leave out hosts that have none, set leave_out to true (cloud_region_hints_strict to false in the role)."
        )
    try:
        canonical_all(option, [item["origin_ip"] for item in items if not has_host(item)])
    except AddressError as error:
        problems.append(str(error))
    problems += unreachable_problems(option, items)
    incomplete: dict[str, list[str]] = {}
    for item in items:
        if deriving and is_unplaced(item):
            continue
        if is_blank(item["vendor"]) or is_blank(item["region"]):
            what = f"{item['reason']}:" if "reason" in item else "vendor or region is missing for"
            incomplete.setdefault(what, []).append(_label(item))
    problems += [f"{option}: {what} {some(values)}." for what, values in incomplete.items()]
    declared: dict[str, list[Mapping]] = {}
    for item in items:
        if _flaw(item):  # which is told already
            continue
        mapping = declare(canonical(item["origin_ip"]), item["vendor"], item["region"])
        mappings = declared.setdefault(mapping["origin_ip"], [])
        if mapping not in mappings:
            mappings.append(mapping)
    if problems:
        problems += [f"{option}: {conflict}." for conflict in conflicts(declared)]
        raise ConfigurationError(" ".join(problems))
    return declared


def has_host(item: Item) -> bool:
    return not is_blank(item["host"])


def _label(item: Item) -> str:
    """What a message calls an item."""
    return f"{item['host']} ({shown(item['origin_ip'])})" if has_host(item) else shown(item["origin_ip"])


def _is_address(value: str) -> bool:
    try:
        canonical(value)
    except AddressError:
        return False
    return True


def is_unplaced(item: Item) -> bool:
    return is_blank(item["vendor"]) and is_blank(item["region"])


def derive(items: t.Sequence[Item], ranges: CloudRanges) -> list[Item]:
    """The items. Those without a vendor and a region are ``derived``: they have the ranges', or the ``reason`` why not."""
    return [
        {**item, "derived": True, **_derived(item["origin_ip"], ranges)} if is_unplaced(item) else item
        for item in items
    ]


def _derived(value: str, ranges: CloudRanges) -> dict[str, str]:
    places = ranges.place(canonical(value)) if _is_address(value) else []
    if not places:
        return {"reason": "in no range"}
    if len(places) > 1:
        return {"reason": f"ambiguous, {some([f'{one.vendor}/{one.region}' for one in places])}"}
    return {"vendor": places[0].vendor, "region": places[0].region}


class LeftOut:
    """The items that declare no mapping and are left out instead of being an error.

    That is none, or some of those with a host, or that were derived.
    """

    def __init__(self, items: t.Sequence[Item], wanted: bool) -> None:
        self._items = items
        self._may = [wanted and (has_host(item) or "derived" in item) for item in items]
        self._reasons = {index: _flaw(item) for index, item in enumerate(items) if self._may[index] and _flaw(item)}

    def others(self) -> list[Item]:
        return [item for index, item in enumerate(self._items) if index not in self._reasons]

    def addresses(self) -> set[str]:
        """The canonical addresses of those that have one."""
        values = [self._items[index]["origin_ip"] for index in self._reasons]
        return {canonical(value) for value in values if _is_address(value)}

    def unaddressed(self) -> list[str]:
        """Those that have an address, as it seems, but none that is known: such as a host's name."""
        items = [self._items[index] for index, reason in self._reasons.items() if reason == _NO_ADDRESS]
        return [_label(item) for item in items if not is_blank(item["origin_ip"])]

    def add(self, complaints: dict[str, list[str]]) -> set[str]:
        """Leave out, too, of what ``unsupported`` complains, where that is hosts alone; which are these addresses?"""
        items: dict[str, list[int]] = {}
        for index, item in enumerate(self._items):
            if index not in self._reasons:
                items.setdefault(canonical(item["origin_ip"]), []).append(index)
        added = set()
        for complaint, addresses in complaints.items():
            for address in addresses:
                if all(self._may[index] for index in items[address]):
                    self._reasons.update(dict.fromkeys(items[address], complaint))
                    added.add(address)
        return added

    def result(self) -> list[dict[str, t.Any]]:
        """What a module returns of them, in the order of the items."""
        return [
            {**{key: self._items[index][key] for key in ("host", "origin_ip", "vendor", "region")}, "reason": reason}
            for index, reason in sorted(self._reasons.items())
        ]


def _flaw(item: Item) -> str:
    """Why an item declares no mapping; empty if it does, whatever its vendor and region are."""
    if not _is_address(item["origin_ip"]):
        return _NO_ADDRESS
    if "unreachable" in item:
        return f"{item['unreachable']} address, which the internet does not reach"
    missing = "no vendor or no region" if is_blank(item["vendor"]) or is_blank(item["region"]) else ""
    return str(item.get("reason", missing))


def conflicts(declared: t.Mapping[str, list[Mapping]]) -> list[str]:
    """The addresses that are declared in several ways."""
    return [
        f"{address} is declared as {' and as '.join(map(place, declared[address]))}"
        for address in in_order(address for address, mappings in declared.items() if len(mappings) > 1)
    ]


def too_many(changes: t.Sequence[Change], total: int) -> list[str]:
    """Whether a zone that has ``total`` mappings would have more than it can."""
    new = sum(not change.before for change in changes)
    gone = sum(not change.after for change in changes)
    after = total + new - gone
    if not new or after <= MAX_MAPPINGS:
        return []
    counts = f"{total:,} now, {new:,} to create, {gone:,} to delete"
    return [f"the zone would have {after:,} mappings ({counts}), and can have {MAX_MAPPINGS:,}"]


def unsupported(mappings: t.Iterable[Mapping], vendors: Vendors | None) -> dict[str, list[str]]:
    """What is wrong with the places of these mappings, and the addresses of each mistake.

    Without ``vendors``, regions are not judged.
    """
    regions: dict[str, list[str] | None] = dict.fromkeys(VENDORS)
    if vendors is not None:
        regions = {vendor: [region["name"] for region in vendors[vendor]] for vendor in vendors}
    addresses: dict[tuple[str, str], list[str]] = {}
    for mapping in mappings:
        addresses.setdefault((mapping["vendor"], mapping["region"]), []).append(mapping["origin_ip"])
    complaints: dict[str, list[str]] = {}
    for (vendor, region), theirs in addresses.items():
        complaint = _complaint(vendor, region, regions)
        if complaint:
            complaints.setdefault(complaint, []).extend(theirs)
    return complaints


def in_words(complaints: dict[str, list[str]]) -> list[str]:
    """What ``unsupported`` has found, as a message says it."""
    return [f"{complaint} ({some(addresses)})" for complaint, addresses in complaints.items()]


def _complaint(vendor: str, region: str, regions: dict[str, list[str] | None]) -> str:
    if vendor not in regions:
        return f"there is no vendor {_nearest(vendor, regions)}"
    names = regions[vendor]
    if names is None or region in names:
        return ""
    owners = [other for other in regions if region in (regions[other] or ())]
    if owners:
        return f"{region} is a region of {' and '.join(owners)}, not of {vendor}"
    return f"{vendor} has no region {_nearest(region, names)}"


def _nearest(name: str, names: t.Iterable[str]) -> str:
    """A name that is not among ``names``, and the most similar of those."""
    by_lower = {one.lower(): one for one in names}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return printable(name, 60) + (f": did you mean {by_lower[found[0]]}?" if found else "")


def some(addresses: list[str]) -> str:
    more = len(addresses) - _SHOWN
    return ", ".join(addresses[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
