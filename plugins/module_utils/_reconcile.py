# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the mappings that are wanted and those that there are: the changes, and what comes of them.

Private to the collection: no other collection may rely on this file. All but ``apply`` is pure.
"""

from __future__ import annotations

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import in_order
from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import printable
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    UnexpectedError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origin_cloud_regions import (
    BATCH_SIZE,
    MAX_MAPPINGS,
    Judged,
    Mapping,
    OriginCloudRegions,
    is_same,
)

_SHOWN = 3
"""Refusals that a message repeats."""


class Change(t.NamedTuple):
    """One address: its mapping before and after, of which one may be none."""

    address: str
    before: Mapping | None
    after: Mapping | None


class Plan(t.NamedTuple):
    """What to change, and the wanted mappings that stand already. Sorted by address."""

    changes: list[Change]
    unchanged: list[Mapping]


class Outcome:
    """What has come of the changes: those done, the API's words on those refused, and those of which nobody knows.

    ``failure`` is the error that ended it early. A deletion that somebody else was faster with is in none of them.
    """

    def __init__(self, done: t.Iterable[Change] = ()) -> None:
        self.done = list(done)
        self.refused: dict[str, str] = {}
        self.unconfirmed: list[str] = []
        self.failure: CloudflareError | None = None

    def error(self, planned: int) -> CloudflareError | None:
        """What went wrong, with how many of the ``planned`` changes were made all the same; none if nothing did."""
        error = self.failure
        words = "; ".join(f"{address}: {self.refused[address]}" for address in in_order(self.refused)[:_SHOWN])
        if error and words:
            error.add(f"refused before: {words}")
        elif words:
            error = ApiError(f"The API refused what it was sent: {words}", 200, words, [])
        if not error:
            return None
        counts = f"changes made: {len(self.done):,} of {planned:,}"
        if self.refused:
            counts += f", refused: {len(self.refused):,} (failed_items)"
        if self.unconfirmed:
            counts += f", unknown: {len(self.unconfirmed):,} (unconfirmed)"
        return error.add(counts)

    def result(self) -> dict[str, t.Any]:
        """What a module returns of it, each list sorted by address. What is not known counts as changed."""
        by_address = {change.address: change for change in self.done}
        done = [by_address[address] for address in in_order(by_address)]
        return dict(
            changed=bool(done or self.unconfirmed),
            created=[change.after for change in done if not change.before],
            updated=[change.after for change in done if change.before and change.after],
            deleted=[change.before for change in done if not change.after],
            failed_items=[dict(origin_ip=address, error=self.refused[address]) for address in in_order(self.refused)],
            unconfirmed=in_order(self.unconfirmed),
            diff=difference(done),
        )


def make_plan(
    wanted: t.Mapping[str, Mapping | None],
    actual: dict[str, Mapping],
    purge: bool = False,
    kept: t.Container[str] = (),
) -> Plan:
    """``wanted`` has, by address, the mapping that shall be, or none for one that shall not be.

    With ``purge``, there shall be no others but those of the addresses that are ``kept``.
    """
    others = [address for address in actual if address not in kept] if purge else []
    goal = {**dict.fromkeys(others), **wanted}
    plan = Plan([], [])
    for address in in_order(goal):
        before, after = actual.get(address), goal[address]
        if not is_same(before, after):
            plan.changes.append(Change(address, before, after))
        elif before:
            plan.unchanged.append(before)
    return plan


def apply(zone: OriginCloudRegions, changes: t.Sequence[Change], total: int) -> Outcome:
    """Make the changes in a zone that has ``total`` mappings now. One request for each 100 writes or deletions.

    If the API refuses some, the others are made, but after a refused write only those deletions that make room for writes. Any
    other failure ends it. Whatever is raised, the outcome has what was done before.
    """
    outcome = Outcome()
    for batch in _batches(changes, total, outcome):
        try:
            _apply_batch(zone, batch, outcome)
        except CloudflareError as error:
            outcome.failure = error
            break
        except Exception as error:
            outcome.failure = UnexpectedError.from_exception(error, printable)
            known = {*(change.address for change in outcome.done), *outcome.refused, *outcome.unconfirmed}
            outcome.unconfirmed += [change.address for change in batch if change.address not in known]
            break
    return outcome


def difference(changes: t.Iterable[Change]) -> dict[str, dict[str, str]]:
    """``{before, after}``, each the places by address. Addresses that do not change are left out."""
    before, after = {}, {}
    for change in changes:
        if change.before:
            before[change.address] = place(change.before)
        if change.after:
            after[change.address] = place(change.after)
    return {"before": before, "after": after}


def place(mapping: Mapping) -> str:
    """Vendor and region as one text."""
    return f"{mapping['vendor']}/{mapping['region']}"


def _batches(changes: t.Sequence[Change], total: int, outcome: Outcome) -> t.Iterator[list[Change]]:
    """Yield the batches in their order. ``outcome`` has what came of those before.

    Writes come first, so that an origin that moves is not without a hint meanwhile, and updates before them. Only where new
    mappings find no room, deletions make some before. After a refused write they make no more room than the others need.
    """
    writes = sorted((change for change in changes if change.after), key=lambda change: not change.before)
    deletions = [change for change in changes if not change.after]
    write_refused = False
    for batch in _chunks(writes):
        new = sum(not change.before for change in batch)
        while deletions and total + new > MAX_MAPPINGS:
            size = min(BATCH_SIZE, total + new - MAX_MAPPINGS) if write_refused else BATCH_SIZE
            making_room, deletions = deletions[:size], deletions[size:]
            yield making_room
            total -= sum(change.address not in outcome.refused for change in making_room)
        yield batch
        refused = [change for change in batch if change.address in outcome.refused]
        total += new - sum(not change.before for change in refused)
        write_refused = write_refused or bool(refused)
    if not write_refused:
        yield from _chunks(deletions)


def _chunks(changes: list[Change]) -> list[list[Change]]:
    return [changes[start : start + BATCH_SIZE] for start in range(0, len(changes), BATCH_SIZE)]


def _apply_batch(zone: OriginCloudRegions, batch: list[Change], outcome: Outcome) -> None:
    """Send writes, or deletions. What the answer leaves open, or an answer that is lost, is settled by reading again."""
    failure: CloudflareError | None = None
    try:
        judged = _send(zone, batch)
    except CloudflareError as error:
        if not error.lost:
            raise
        failure, judged = error, Judged()
    unsettled = []
    for change in batch:
        confirmed, refused = judged.confirmed.get(change.address), judged.refused.get(change.address)
        if confirmed and refused is None and (not change.after or is_same(confirmed, change.after)):
            outcome.done.append(change)
        elif change.after and refused is not None and not (confirmed or judged.repeated):
            outcome.refused[change.address] = refused
        else:  # a refused deletion too: the API refuses what is gone already
            unsettled.append(change)
    if unsettled:
        _settle(zone, unsettled, judged, failure, outcome)


def _send(zone: OriginCloudRegions, batch: list[Change]) -> Judged:
    writes = [change.after for change in batch if change.after]
    return zone.put_batch(writes) if writes else zone.delete_batch([change.address for change in batch])


def _settle(
    zone: OriginCloudRegions, changes: list[Change], judged: Judged, failure: CloudflareError | None, outcome: Outcome
) -> None:
    """Read what stands of these changes. ``failure`` is the error of the whole batch, if there was one."""
    try:
        actual = zone.find([change.address for change in changes])
    except CloudflareError as error:
        for change in changes:
            if change.address in judged.refused and not (change.address in judged.confirmed or judged.repeated):
                outcome.refused[change.address] = judged.refused[change.address]
            else:
                outcome.unconfirmed.append(change.address)
        raise failure or error from None
    missing = []
    for change in changes:
        if not is_same(actual.get(change.address), change.after):
            missing.append(change.address)
        elif change.after or judged.repeated or change.address not in judged.refused:
            outcome.done.append(change)
    if failure and missing:
        raise failure
    silence = "The API neither confirmed nor refused this, and it was not done."
    outcome.refused.update((address, judged.refused.get(address, silence)) for address in missing)
