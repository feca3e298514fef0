# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queue of injected faults, and the requests that each fault applies to."""

from __future__ import annotations

import asyncio
import contextlib
import typing as t
from dataclasses import asdict, dataclass, field, fields

from .operations import BATCH_OPERATIONS, LIST_OPERATIONS, OPERATIONS, OPERATIONS_WITHOUT_ZONE

KINDS = {
    "latency": "the API's response, `seconds` later",
    "status": "`status` with `headers` and `body`, by default an error envelope",
    "html": "a gateway's HTML page, by default with 502",
    "malformed": "200 with `body`, which is `not json` by default",
    "redirect": "302 to `location`",
    "disconnect": "the connection is closed before the operation, without a response",
    "disconnect_after": "the connection is closed after the operation, without a response",
    "truncate": "the connection is closed after the operation, the headers and half of the body",
    "hang": "no operation and no response for `seconds` (by default forever), then the connection is closed",
    "hang_body": "as `truncate`, but the connection is closed `seconds` later",
    "stale_page": "a list returns its first page, whichever page is requested",
    "wrong_total": "the `result_info` of a list has the values of `body`, and is absent if `body` is empty",
    "partial_batch": "a batch is applied to the first half of its items, then the connection is closed without a response",
    "concurrent_write": "the API's response, after another client writes to the zone: `body` has `put` (mappings), `delete` (addresses), "
    "`put_records` (DNS records, each with an id) and `delete_records` (ids)",
}
OPERATIONS_BY_KIND = {
    "wrong_total": LIST_OPERATIONS,
    "stale_page": LIST_OPERATIONS,
    "partial_batch": BATCH_OPERATIONS,
    "concurrent_write": tuple(operation for operation in OPERATIONS if operation not in OPERATIONS_WITHOUT_ZONE),
}
"""The operations that a kind applies to, if not to all."""


@dataclass
class Fault:
    """An injected fault. ``times`` is the number of requests that it applies to (``None``: forever), after ``after`` other requests.

    ``operation`` and ``zone`` (an id) limit the requests that the fault applies to and counts.
    ``applied``: with the kinds ``status``, ``html`` and ``malformed``, whether the operation is run nevertheless.
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
    applied: bool = False
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
        if self.kind == "wrong_total" and not isinstance(self.body, dict):
            raise ValueError("wrong_total needs a body with the fields of result_info to replace")
        if self.kind == "concurrent_write" and not _is_concurrent_write(self.body):
            raise ValueError(
                "concurrent_write needs a body with put, a list of mappings, delete, a list of addresses, put_records, "
                "a list of DNS records, or delete_records, a list of ids"
            )

    def matches(self, operation_id: str | None, zone_id: str | None) -> bool:
        if operation_id not in OPERATIONS_BY_KIND.get(self.kind, (operation_id,)):
            return False
        return self.operation in (None, operation_id) and self.zone in (None, zone_id)


def _is_concurrent_write(body: t.Any) -> bool:
    return (
        isinstance(body, dict)
        and body.keys() <= {"put", "delete", "put_records", "delete_records"}
        and all(isinstance(items, list) for items in body.values())
    )


class Faults:
    def __init__(self) -> None:
        self._queue: list[Fault] = []
        self._released = asyncio.Event()
        self.silent_ports: set[int] = set()
        """The ports of the clients whose requests hang: the kinds ``hang`` and ``hang_body``."""

    def add(self, items: t.Any) -> None:
        """Queue one fault or a list of faults. Raise ``ValueError``, and queue nothing, if one is not valid."""
        items = items if isinstance(items, list) else [items]
        known = {one.name for one in fields(Fault)}
        if not all(isinstance(item, dict) and "kind" in item and item.keys() <= known for item in items):
            raise ValueError(f"a fault is an object with a kind, and has no keys but {', '.join(sorted(known))}")
        self._queue += [Fault(**item) for item in items]

    def take(self, operation_id: str | None, zone_id: str | None) -> Fault | None:
        """Return the first fault that applies to this request, and count the request."""
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
        """Clear the queue, and end all waits of earlier faults."""
        self._queue.clear()
        self._released.set()
        self._released = asyncio.Event()

    async def wait(self, seconds: float | None) -> None:
        """Wait some seconds, or forever if ``seconds`` is ``None``. ``clear`` ends the wait."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._released.wait(), seconds)

    async def wait_silently(self, port: int, seconds: float | None) -> None:
        """Wait as ``wait`` does. The client's port is in ``silent_ports`` during the wait."""
        self.silent_ports.add(port)
        try:
            await self.wait(seconds)
        finally:
            self.silent_ports.discard(port)
