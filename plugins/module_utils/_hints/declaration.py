# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declare many mappings of a zone: from the options of a task to the result of the module.

Private to the collection: other code must not import this file.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_addresses
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginCloudRegions,
    OriginMapping,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ConfigurationError,
    TieredCacheDisabledError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.desired import (
    SkippedItems,
    derive_regions,
    lacks_region,
    mark_unreachable,
    parse_mappings,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.reconcile import (
    ApplyResult,
    Plan,
    apply_changes,
    make_plan,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.validation import (
    check_capacity,
    find_conflicts,
    find_unsupported,
    format_problems,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import join_truncated


class Declaration:
    """What one task declares. ``params`` are the options of the module ``origin_cloud_regions``.

    Every method raises one ``ConfigurationError`` with all problems that it finds.
    """

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        self._params = params
        self._items: list[dict[str, t.Any]] = params["mappings"]
        self._is_present = params["state"] == "present"
        for option in ("purge", "leave_out", "derive"):
            if params[option] and not self._is_present:
                raise ConfigurationError(f"{option} can only be used with state=present.")
        if params["validate_addresses"] and self._is_present:
            self._items = mark_unreachable(self._items)

    @property
    def needs_ranges(self) -> bool:
        return self._params["derive"] and any(map(lacks_region, self._items))

    def validate_before_deriving(self) -> None:
        """Report what can be reported before the range files are loaded."""
        can_skip = self._params["leave_out"]
        skipped = SkippedItems(self._items, can_skip)
        items = [
            item for item in skipped.remaining() if not (can_skip and lacks_region(item) and "unreachable" in item)
        ]
        parse_mappings("mappings", items, allow_missing_region=True)
        self._refuse_unknown_addresses(skipped)

    def derive_regions(self, ranges: CloudRanges) -> None:
        self._items = derive_regions(self._items, ranges)

    def parse(self) -> None:
        """Parse the items into the desired mappings. No request is sent before it has succeeded."""
        self._skipped = SkippedItems(self._items, self._params["leave_out"])
        self._declared: dict[str, list[OriginMapping]] = {}
        self._desired: dict[str, OriginMapping | None]
        if self._is_present:
            self._declared = parse_mappings("mappings", self._skipped.remaining())
            self._desired = {address: mappings[0] for address, mappings in self._declared.items()}
        else:
            addresses = normalize_addresses("mappings", [item["origin_ip"] for item in self._items])
            self._desired = dict.fromkeys(addresses)
        self._kept = self._skipped.addresses().union(normalize_addresses("keep", self._params["keep"]))
        self._refuse_empty_purge(self._desired)
        self._refuse_unknown_addresses(self._skipped)

    def reconcile(self, zone: OriginCloudRegions, zone_id: str, check_mode: bool) -> dict[str, t.Any]:
        """Read the zone, validate the plan, and apply it. Return the result of the module.

        After a failed write, the error has this result.
        """
        if self._params["purge"]:
            actual = {mapping.origin_ip: mapping for mapping in zone.list_all()}
            total = len(actual)
        else:
            actual, total = zone.get_many_with_total(self._desired) if self._desired else ({}, 0)
        plan = self._validate(zone, make_plan(self._desired, actual, self._params["purge"], self._kept), total)
        outcome = ApplyResult(plan.changes) if check_mode else apply_changes(zone, plan.changes, total)
        result = dict(
            outcome.to_result(),
            unchanged=[mapping.to_result() for mapping in plan.unchanged],
            left_out=self._skipped.to_result(),
            zone_id=zone_id,
        )
        error = outcome.error(len(plan.changes))
        if error:
            error.result = result
            raise error
        return result

    def _validate(self, zone: OriginCloudRegions, plan: Plan, total: int) -> Plan:
        """Return the plan without the items that are skipped since their region is not supported."""
        unsupported = self._find_unsupported(zone, plan, total)
        problems = find_conflicts(self._declared)
        if not problems:
            added = self._skipped.skip_unsupported(unsupported)
            self._refuse_empty_purge(self._desired.keys() - added)
            plan = Plan([change for change in plan.changes if change.address not in added], plan.unchanged)
            unsupported = {
                problem: rest
                for problem, addresses in unsupported.items()
                if (rest := [address for address in addresses if address not in added])
            }
        problems += check_capacity(plan.changes, total) + format_problems(unsupported)
        if problems:
            raise ConfigurationError(f"mappings: {'; '.join(problems)}.")
        return plan

    def _find_unsupported(self, zone: OriginCloudRegions, plan: Plan, total: int) -> dict[str, list[str]]:
        """Return the problems with the vendors and regions to write. One request if there are any to validate."""
        changing = {change.address for change in plan.changes}
        written = [
            mapping
            for address, mappings in self._declared.items()
            if address in changing or len(mappings) > 1
            for mapping in mappings
        ]
        if not (written and self._params["validate_regions"]):
            return find_unsupported(written, None)
        try:
            return find_unsupported(written, zone.list_supported_regions()["vendors"])
        except TieredCacheDisabledError as error:
            problems = find_conflicts(self._declared) + check_capacity(plan.changes, total)
            problems += format_problems(find_unsupported(written, None))
            raise error.append_detail("; ".join(["or set validate_regions to false", *problems])) from None

    def _refuse_empty_purge(self, desired: t.Collection[str]) -> None:
        """Raise ``ConfigurationError`` if a purge would delete all mappings, unless ``allow_empty`` is set."""
        if desired or not self._params["purge"] or self._params["allow_empty"]:
            return
        given = self._params["mappings"]
        reason = f"all items are skipped ({len(given):,})" if given else "the list is empty"
        raise ConfigurationError(
            f"mappings: purge would delete all other mappings of the zone, since {reason}. If this is intended, set allow_empty to true."
        )

    def _refuse_unknown_addresses(self, skipped: SkippedItems) -> None:
        """Raise ``ConfigurationError`` if a purge may delete the mapping of a host whose address is not known."""
        labels = skipped.with_unknown_address()
        if self._params["purge"] and labels:
            raise ConfigurationError(
                f"mappings: purge would delete the mappings of hosts whose address is not known: {join_truncated(labels)}. "
                "Set origin_ip to the address of each host, or to an empty string if the host has no address."
            )
