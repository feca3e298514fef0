# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan the changes from desired and actual mappings, and apply them.

Private to the collection: other code must not import this file. Only ``apply_changes`` sends requests.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import sort_addresses
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    BATCH_SIZE,
    MAX_MAPPINGS,
    BatchResult,
    OriginCloudRegions,
    OriginMapping,
    same_region,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    UnexpectedError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import MAX_LISTED, sanitize_text


class Change(t.NamedTuple):
    """The mapping of one address before and after. ``None``: the address has no mapping."""

    address: str
    before: OriginMapping | None
    after: OriginMapping | None


class Plan(t.NamedTuple):
    """The changes to make, and the desired mappings that exist already. Both sorted by address."""

    changes: list[Change]
    unchanged: list[OriginMapping]


class ApplyResult:
    """The outcome of changes: ``applied``, ``refused`` (the API's reason by address), and ``unconfirmed`` addresses.

    ``failure`` is the error that ended the run early. A deletion that another client made first is in none of them.
    """

    def __init__(self, applied: t.Iterable[Change] = ()) -> None:
        self.applied = list(applied)
        self.refused: dict[str, str] = {}
        self.unconfirmed: list[str] = []
        self.failure: CloudflareError | None = None

    def error(self, planned: int) -> CloudflareError | None:
        """Return the error of the run, with how many of the ``planned`` changes were made; ``None`` after a success."""
        error = self.failure
        reasons = "; ".join(
            f"{address}: {self.refused[address]}" for address in sort_addresses(self.refused)[:MAX_LISTED]
        )
        if error and reasons:
            error.append_detail(f"refused before this error: {reasons}")
        elif reasons:
            error = ApiError(f"The API refused some changes: {reasons}", 200, reasons, [])
        if not error:
            return None
        counts = f"changes made: {len(self.applied):,} of {planned:,}"
        if self.refused:
            counts += f", refused: {len(self.refused):,} (see failed_items)"
        if self.unconfirmed:
            counts += f", unknown: {len(self.unconfirmed):,} (see unconfirmed)"
        return error.append_detail(counts)

    def to_result(self) -> dict[str, t.Any]:
        """Return the result of a module, each list sorted by address. An unknown outcome counts as changed."""
        by_address = {change.address: change for change in self.applied}
        applied = [by_address[address] for address in sort_addresses(by_address)]
        return dict(
            changed=bool(applied or self.unconfirmed),
            created=[change.after.to_result() for change in applied if change.after and not change.before],
            updated=[change.after.to_result() for change in applied if change.before and change.after],
            deleted=[change.before.to_result() for change in applied if change.before and not change.after],
            failed_items=[
                dict(origin_ip=address, error=self.refused[address]) for address in sort_addresses(self.refused)
            ],
            unconfirmed=sort_addresses(self.unconfirmed),
            diff=build_diff(applied),
        )


def make_plan(
    desired: t.Mapping[str, OriginMapping | None],
    actual: dict[str, OriginMapping],
    purge: bool = False,
    kept: t.Container[str] = (),
) -> Plan:
    """Return the plan. ``desired`` has the mapping of each address, ``None`` for an address that must have none.

    With ``purge``, no other address keeps its mapping, except those in ``kept``.
    """
    others = [address for address in actual if address not in kept] if purge else []
    goal = {**dict.fromkeys(others), **desired}
    plan = Plan([], [])
    for address in sort_addresses(goal):
        before, after = actual.get(address), goal[address]
        if not same_region(before, after):
            plan.changes.append(Change(address, before, after))
        elif before:
            plan.unchanged.append(before)
    return plan


def apply_changes(zone: OriginCloudRegions, changes: t.Sequence[Change], total: int) -> ApplyResult:
    """Make the changes in a zone that has ``total`` mappings now. One request for each 100 writes or deletions.

    If the API rejects some changes, the others are made. After a rejected write, only those deletions are made that make room for
    the other writes. Any other failure ends the run. The outcome has the applied changes in any case.
    """
    outcome = ApplyResult()
    for batch in _order_batches(changes, total, outcome):
        try:
            _apply_batch(zone, batch, outcome)
        except CloudflareError as error:
            outcome.failure = error
            break
        except Exception as error:
            outcome.failure = UnexpectedError.from_exception(error, sanitize_text)
            known = {*(change.address for change in outcome.applied), *outcome.refused}
            outcome.unconfirmed = [change.address for change in batch if change.address not in known]
            break
    return outcome


def build_diff(changes: t.Iterable[Change]) -> dict[str, dict[str, str]]:
    """Return ``{before, after}``, each ``vendor/region`` by address. Addresses that do not change are left out."""
    before, after = {}, {}
    for change in changes:
        if change.before:
            before[change.address] = change.before.format_region()
        if change.after:
            after[change.address] = change.after.format_region()
    return {"before": before, "after": after}


def _order_batches(changes: t.Sequence[Change], total: int, outcome: ApplyResult) -> t.Iterator[list[Change]]:
    """Yield the batches in their order. ``outcome`` is that of the earlier batches.

    Writes come first, so that an origin that moves always has a hint, and updates before new mappings. Deletions come first only
    where new mappings need their room. After a rejected write, they make no more room than the others need.
    """
    writes = sorted((change for change in changes if change.after), key=lambda change: not change.before)
    deletions = [change for change in changes if not change.after]
    is_write_refused = False
    for batch in _split_into_batches(writes):
        created = sum(not change.before for change in batch)
        while deletions and total + created > MAX_MAPPINGS:
            size = min(BATCH_SIZE, total + created - MAX_MAPPINGS) if is_write_refused else BATCH_SIZE
            making_room, deletions = deletions[:size], deletions[size:]
            yield making_room
            total -= sum(change.address not in outcome.refused for change in making_room)
        yield batch
        refused = [change for change in batch if change.address in outcome.refused]
        total += created - sum(not change.before for change in refused)
        is_write_refused = is_write_refused or bool(refused)
    if not is_write_refused:
        yield from _split_into_batches(deletions)


def _split_into_batches(changes: list[Change]) -> list[list[Change]]:
    return [changes[start : start + BATCH_SIZE] for start in range(0, len(changes), BATCH_SIZE)]


def _apply_batch(zone: OriginCloudRegions, batch: list[Change], outcome: ApplyResult) -> None:
    """Send one batch of writes or deletions. If the response is lost or omits an item, read the zone to learn the outcome."""
    failure: CloudflareError | None = None
    try:
        response = _send_batch(zone, batch)
    except CloudflareError as error:
        if not error.outcome_unknown:
            raise
        failure, response = error, BatchResult()
    unknown = []
    for change in batch:
        confirmed, refused = response.confirmed.get(change.address), response.refused.get(change.address)
        if confirmed and refused is None and (not change.after or confirmed == change.after.region_key):
            outcome.applied.append(change)
        elif change.after and refused is not None and not (confirmed or response.was_retried):
            outcome.refused[change.address] = refused
        else:  # also a rejected deletion: the API rejects the deletion of a mapping that no longer exists
            unknown.append(change)
    if unknown:
        _verify_by_reading(zone, unknown, response, failure, outcome)


def _send_batch(zone: OriginCloudRegions, batch: list[Change]) -> BatchResult:
    writes = [change.after for change in batch if change.after]
    return zone.put_batch(writes) if writes else zone.delete_batch([change.address for change in batch])


def _verify_by_reading(
    zone: OriginCloudRegions,
    changes: list[Change],
    response: BatchResult,
    failure: CloudflareError | None,
    outcome: ApplyResult,
) -> None:
    """Read the mappings of these changes to learn their outcome. ``failure`` is the error of the whole batch, if any."""
    try:
        actual = zone.get_many([change.address for change in changes])
    except CloudflareError as error:
        for change in changes:
            if change.address in response.refused and not (
                change.address in response.confirmed or response.was_retried
            ):
                outcome.refused[change.address] = response.refused[change.address]
            else:
                outcome.unconfirmed.append(change.address)
        raise failure or error from None
    not_applied = []
    for change in changes:
        if not same_region(actual.get(change.address), change.after):
            not_applied.append(change.address)
        elif change.after or response.was_retried or change.address not in response.refused:
            outcome.applied.append(change)
    if failure and not_applied:
        raise failure
    omitted = "The API neither confirmed nor refused this change, and did not make it. Run the task again."
    outcome.refused.update((address, response.refused.get(address, omitted)) for address in not_applied)
