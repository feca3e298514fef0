# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the items of the option ``mappings`` to the desired mappings.

Private to the collection: other code must not import this file. It sends no request.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    normalize_address,
    normalize_addresses,
    quote_value,
    unreachable_kind,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import OriginMapping
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ConfigurationError,
    InvalidAddressError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.validation import find_conflicts
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import join_truncated

_NO_ADDRESS = "no IP address"

_HOST_REGION_FIX = (
    "Set vendor (cloud_region_hints_vendor in the role) and region (cloud_region_hints_region in the role) of each host. To leave out "
    "hosts that have none, set leave_out to true (cloud_region_hints_strict to false in the role)."
)

Item = dict[str, t.Any]
"""One item of the option, as Ansible has validated it: ``origin_ip``, and ``vendor``, ``region`` and ``host`` or ``None``.

``mark_unreachable`` and ``derive_regions`` add ``unreachable``, ``derived`` and ``reason``.
"""


def parse_mapping(address: str, vendor: str, region: str) -> OriginMapping:
    """Return a desired mapping of a canonical address, without blanks around vendor and region."""
    return OriginMapping(address, vendor.strip(), region.strip())


def is_blank(text: str | None) -> bool:
    return not text or text.isspace()


def lacks_region(item: Item) -> bool:
    """Return whether an item has neither a vendor nor a region."""
    return is_blank(item["vendor"]) and is_blank(item["region"])


def has_host(item: Item) -> bool:
    return not is_blank(item["host"])


def mark_unreachable(items: t.Sequence[Item]) -> list[Item]:
    """Return the items, with ``unreachable`` (the kind of the address) where the internet does not reach the address."""
    kinds = [
        unreachable_kind(normalize_address(item["origin_ip"])) if _is_address(item["origin_ip"]) else None
        for item in items
    ]
    return [{**item, "unreachable": kind} if kind else item for item, kind in zip(items, kinds)]


def find_unreachable(option: str, items: t.Iterable[Item]) -> list[str]:
    """Return one problem that names all items that are marked ``unreachable``, and the fix; an empty list without one."""
    found = [item for item in items if "unreachable" in item]
    labels = [
        f"{item['host']} ({quote_value(item['origin_ip'])}, {item['unreachable']})"
        if has_host(item)
        else f"{quote_value(item['origin_ip'])} ({item['unreachable']})"
        for item in found
    ]
    if not labels:
        return []
    switch = _with_role_variable("validate_addresses") if any(map(has_host, found)) else "validate_addresses"
    problem = f"{option}: the internet does not reach {', '.join(dict.fromkeys(labels))}."
    return [f"{problem} Specify addresses that it reaches, or set {switch} to false."]


def derive_regions(items: t.Sequence[Item], ranges: CloudRanges) -> list[Item]:
    """Return the items. Those without a vendor and a region are ``derived``: with both, or with the ``reason`` why not."""
    return [
        {**item, "derived": True, **_derive_region(item["origin_ip"], ranges)} if lacks_region(item) else item
        for item in items
    ]


def parse_mappings(
    option: str, items: t.Sequence[Item], allow_missing_region: bool = False
) -> dict[str, list[OriginMapping]]:
    """Return, by canonical address, the different mappings of the items: more than one is a conflict.

    Raises one ``ConfigurationError`` that names all invalid items, and the conflicts of the others. ``allow_missing_region``: an
    item may have neither a vendor nor a region.
    """
    problems = _find_invalid_addresses(option, items)
    problems += find_unreachable(option, items)
    incomplete: dict[str, list[str]] = {}
    is_host_incomplete = False
    for item in items:
        if allow_missing_region and lacks_region(item):
            continue
        if is_blank(item["vendor"]) or is_blank(item["region"]):
            incomplete.setdefault(item.get("reason", ""), []).append(_item_label(item))
            is_host_incomplete |= has_host(item)
    problems += [
        f"{option}: {reason}: {join_truncated(labels)}. Specify vendor and region."
        if reason
        else f"{option}: vendor or region is missing for {join_truncated(labels)}."
        for reason, labels in incomplete.items()
    ]
    problems += [_HOST_REGION_FIX] if is_host_incomplete else []
    desired: dict[str, list[OriginMapping]] = {}
    for item in items:
        if _reason_to_skip(item):
            continue
        mapping = parse_mapping(normalize_address(item["origin_ip"]), item["vendor"], item["region"])
        mappings = desired.setdefault(mapping.origin_ip, [])
        if mapping not in mappings:
            mappings.append(mapping)
    if problems:
        problems += [f"{option}: {conflict}." for conflict in find_conflicts(desired)]
        raise ConfigurationError(" ".join(problems))
    return desired


class SkippedItems:
    """The items that are skipped instead of being an error.

    Only an item with a host, or one that was derived, can be skipped, and only if the option ``leave_out`` is set (``enabled``).
    """

    def __init__(self, items: t.Sequence[Item], enabled: bool) -> None:
        self._items = items
        self._can_skip = [enabled and (has_host(item) or "derived" in item) for item in items]
        self._reasons = {
            index: _reason_to_skip(item)
            for index, item in enumerate(items)
            if self._can_skip[index] and _reason_to_skip(item)
        }

    def remaining(self) -> list[Item]:
        """Return the items that are not skipped."""
        return [item for index, item in enumerate(self._items) if index not in self._reasons]

    def addresses(self) -> set[str]:
        """Return the canonical addresses of the skipped items that have one."""
        values = [self._items[index]["origin_ip"] for index in self._reasons]
        return {normalize_address(value) for value in values if _is_address(value)}

    def with_unknown_address(self) -> list[str]:
        """Return the labels of the skipped items that have an unusable address, such as the host's name."""
        items = [self._items[index] for index, reason in self._reasons.items() if reason == _NO_ADDRESS]
        return [_item_label(item) for item in items if not is_blank(item["origin_ip"])]

    def skip_unsupported(self, problems: dict[str, list[str]]) -> set[str]:
        """Skip also the addresses of ``find_unsupported``, where all their items can be skipped. Return these addresses."""
        indexes: dict[str, list[int]] = {}
        for index, item in enumerate(self._items):
            if index not in self._reasons:
                indexes.setdefault(normalize_address(item["origin_ip"]), []).append(index)
        added = set()
        for problem, addresses in problems.items():
            for address in addresses:
                if all(self._can_skip[index] for index in indexes[address]):
                    self._reasons.update(dict.fromkeys(indexes[address], problem))
                    added.add(address)
        return added

    def to_result(self) -> list[dict[str, t.Any]]:
        """Return the result ``left_out``, in the order of the items."""
        return [
            {**{key: self._items[index][key] for key in ("host", "origin_ip", "vendor", "region")}, "reason": reason}
            for index, reason in sorted(self._reasons.items())
        ]


def _find_invalid_addresses(option: str, items: t.Sequence[Item]) -> list[str]:
    problems = []
    labels = [_item_label(item) for item in items if has_host(item) and not _is_address(item["origin_ip"])]
    if labels:
        problems.append(
            f"{option}: origin_ip is not an IP address: {join_truncated(labels)}. Set {_with_role_variable('origin_ip')} to the IPv4 "
            "or IPv6 address of each host. To leave out hosts that have none, set leave_out to true (cloud_region_hints_strict to "
            "false in the role)."
        )
    try:
        normalize_addresses(option, [item["origin_ip"] for item in items if not has_host(item)])
    except InvalidAddressError as error:
        problems.append(str(error))
    return problems


def _with_role_variable(option: str) -> str:
    """Name an option and the role's variable for it, since most items with a host come from the role."""
    return f"{option} (cloud_region_hints_{option} in the role)"


def _item_label(item: Item) -> str:
    """Return an item as messages name it: the host, if any, and the address."""
    return f"{item['host']} ({quote_value(item['origin_ip'])})" if has_host(item) else quote_value(item["origin_ip"])


def _is_address(value: str) -> bool:
    try:
        normalize_address(value)
    except InvalidAddressError:
        return False
    return True


def _derive_region(value: str, ranges: CloudRanges) -> dict[str, str]:
    matches = ranges.lookup(normalize_address(value)) if _is_address(value) else []
    if not matches:
        return {"reason": "in no range of the sources"}
    if len(matches) > 1:
        return {"reason": f"ambiguous ({join_truncated([f'{match.vendor}/{match.region}' for match in matches])})"}
    return {"vendor": matches[0].vendor, "region": matches[0].region}


def _reason_to_skip(item: Item) -> str:
    """Return why an item cannot be declared; empty if it can, whether its region is supported or not."""
    if not _is_address(item["origin_ip"]):
        return _NO_ADDRESS
    if "unreachable" in item:
        return f"{item['unreachable']} address, which the internet does not reach"
    missing = "no vendor or no region" if is_blank(item["vendor"]) or is_blank(item["region"]) else ""
    return str(item.get("reason", missing))
