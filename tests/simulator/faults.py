# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults that a test asks for, and which request each of them hits."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t
from dataclasses import asdict, dataclass, field, fields

from .operations import BATCHES, OPERATIONS, PAGED

KINDS = {
    "latency": "the true answer, `seconds` later",
    "status": "`status` with `headers` and `body`, by default an error envelope",
    "html": "a gateway's page, by default with 502",
    "malformed": "200 with `body`, by default `not json`",
    "redirect": "302 to `location`",
    "disconnect": "nothing done, the connection closed without an answer",
    "disconnect_after": "all done, the connection closed without an answer",
    "truncate": "all done, headers and half of the body, then closed",
    "hang": "nothing done, no answer for `seconds` (by default for ever), then closed",
    "hang_body": "all done, headers and half of the body, then no more for `seconds`, then closed",
    "stale_page": "a list answers its first page, whatever page was asked",
    "lying_total": "a list's `result_info` says what `body` says",
    "half": "a batch done for the first half of its items, the connection closed without an answer",
    "meanwhile": "the true answer, after somebody else does to the zone what `body` says: `put` mappings, `delete` addresses",
}
ONLY = {
    "lying_total": PAGED,
    "stale_page": PAGED,
    "half": BATCHES,
    "meanwhile": tuple(operation for operation in OPERATIONS if operation != "zones-list"),
}
"""The operations that a kind is for, where it is not for all."""


@dataclass
class Fault:
    """``times`` counts the requests still to hit (none: for ever), ``after`` those still to pass before.

    ``operation`` and ``zone``, the id of one, narrow which requests are hit or counted.
    ``done``: for the kinds ``status``, ``html`` and ``malformed``, whether what was asked is done all the same.
    """

    kind: str
    times: int | None = 1
    after: int = 0
    operation: str | None = None
    zone: str | None = None
    seconds: float | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: t.Any = None
    done: bool = False
    location: str = "https://redirected.invalid/"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}, known are {', '.join(KINDS)}")
        if self.operation is not None and self.operation not in OPERATIONS:
            raise ValueError(f"unknown operation {self.operation!r}, known are {', '.join(OPERATIONS)}")
        if not (self.times is None or (isinstance(self.times, int) and self.times > 0)):
            raise ValueError(f"times is a number from 1, or none, not {self.times!r}")
        if not isinstance(self.after, int) or not isinstance(self.headers, dict):
            raise ValueError("after is a number, and headers an object")
        if self.kind == "lying_total" and not isinstance(self.body, dict):
            raise ValueError("lying_total needs a body with what result_info shall say")
        if self.kind == "meanwhile" and not _is_meanwhile(self.body):
            raise ValueError("meanwhile needs a body with put, a list of mappings, or delete, a list of addresses")

    def matches(self, operation_id: str | None, zone_id: str | None) -> bool:
        if operation_id not in ONLY.get(self.kind, (operation_id,)):
            return False
        return self.operation in (None, operation_id) and self.zone in (None, zone_id)


def _is_meanwhile(body: t.Any) -> bool:
    return (
        isinstance(body, dict)
        and body.keys() <= {"put", "delete"}
        and all(isinstance(items, list) for items in body.values())
    )


class Faults:
    def __init__(self) -> None:
        self._queue: list[Fault] = []
        self._released = asyncio.Event()
        self.silent_ports: set[int] = set()
        """Ports of the clients that the kinds ``hang`` and ``hang_body`` keep waiting."""

    def add(self, items: t.Any) -> None:
        """All of them, or none with ``ValueError``."""
        items = items if isinstance(items, list) else [items]
        known = {one.name for one in fields(Fault)}
        if not all(isinstance(item, dict) and "kind" in item and item.keys() <= known for item in items):
            raise ValueError(f"a fault is an object with a kind, and has no keys but {', '.join(sorted(known))}")
        self._queue += [Fault(**item) for item in items]

    def take(self, operation_id: str | None, zone_id: str | None) -> Fault | None:
        """The first fault that hits this request."""
        for fault in self._queue:
            if not fault.matches(operation_id, zone_id):
                continue
            if fault.after:
                fault.after -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self._queue.remove(fault)
            return fault
        return None

    def report(self) -> list[dict[str, t.Any]]:
        return [asdict(fault) for fault in self._queue]

    def clear(self) -> None:
        """Forgets the faults, and lets go every request that one of them holds."""
        self._queue.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def wait(self, seconds: float | None) -> None:
        """So many seconds, or without a number for ever, but never past ``clear``."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._released.wait(), seconds)

    async def keep_silent(self, port: int, seconds: float | None) -> None:
        """Wait as ``wait`` does, with the client's port among ``silent_ports`` meanwhile."""
        self.silent_ports.add(port)
        try:
            await self.wait(seconds)
        finally:
            self.silent_ports.discard(port)
