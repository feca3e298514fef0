# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the requests of a task may be sent, and how long all its waiting may take.

Private to the collection: other code must not import this file. Source of ``Ratelimit`` and its fields: Cloudflare's API
documentation, https://developers.cloudflare.com/fundamentals/api/reference/limits/
"""

from __future__ import annotations

import threading
import time
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.rate_limit import (
    SharedRateLimit,
    parse_rate_limit,
)

RATE_LIMIT_BLOCK_SECONDS = 300.0
"""Seconds for which the API refuses all requests after too many."""

PACING_THRESHOLD = 20
"""Remaining requests at which pacing begins: more than one task sends concurrently, since other tasks may share the token."""


MIN_ANNOUNCED_SECONDS = 0.5
"""A shorter wait for the shared rate limit has no message."""


class RequestCancelledError(CloudflareError):
    """Another request of the task has failed, so the result of this one is not needed."""


class RequestPacer:
    """Schedules all requests of a task. They may run concurrently: when one waits, all wait.

    ``max_wait``: seconds that all waiting may take together: pauses, failed attempts and slow responses. ``before_sleep`` is called
    with a sentence before each pause.
    """

    def __init__(
        self,
        max_wait: float,
        before_sleep: t.Callable[[str], object],
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], object] | None = None,
    ) -> None:
        self._max_wait = max_wait
        self._before_sleep = before_sleep
        self._clock = clock
        self._cancelled = threading.Event()
        self._sleep = sleep or self._cancelled.wait
        # Held during a pause, so that no request is sent meanwhile
        self._lock = threading.Lock()
        self._spans: list[tuple[float, float]] = []
        # While few requests remain: their number, and the time of the reset. Set without the lock, since a response must not wait
        # for the end of a pause
        self._rate_limit: tuple[int, float] | None = None
        # Until when the message about pacing holds, and when the last pause ended
        self._announced_until = self._last_pause_end = clock()

    def acquire(self, shared_limit: SharedRateLimit | None = None) -> float:
        """Wait until a request may be sent. Return that time on the clock of this object, in seconds.

        Raises ``RequestCancelledError``. ``shared_limit`` is that of the server, if several processes share it.
        """
        with self._lock:
            self._raise_if_cancelled()
            if shared_limit:
                self._wait_for_turn(shared_limit)
            self._pace()
            return self._clock()

    def update_rate_limit(self, header: str) -> None:
        """Apply the ``Ratelimit`` header of a response: for each policy, the remaining requests and the seconds to the reset."""
        limits = parse_rate_limit(header)
        scarce = [limit for limit in limits if limit[0] <= PACING_THRESHOLD]
        if limits:
            self._rate_limit = (scarce[0][0], self._clock() + scarce[0][1]) if scarce else None

    def sleep_before_retry(self, started: float, failure: CloudflareError, pause: float, reason: str) -> None:
        """Wait ``pause`` seconds after the failure of a request that was sent at ``started``.

        Raises ``failure`` if ``max_wait`` does not allow the pause. Time in which another request has waited is part of the pause.
        ``reason`` begins the message about the pause.
        """
        failed_at = self._clock()
        until = failed_at + pause
        with self._lock:
            self._raise_if_cancelled()
            self._count_waiting(started, failed_at)
            left = until - self._clock()
            if left <= 0:
                return
            if left > self.left:
                raise failure.append_detail(
                    f"{reason} a pause of {left:.1f} seconds, but max_wait ({self._max_wait:g} seconds in total) has "
                    f"{self.left:.1f} left: raise max_wait, or try again later"
                )
            # The message of another request covers the rest of its pause
            if self._last_pause_end <= failed_at or left >= 1:
                # The total makes each message different: Ansible shows equal warnings only once
                self._before_sleep(
                    f"Retrying in {left:.1f} seconds (waited {self._waited:.1f} of at most {self._max_wait:g}): {failure}"
                )
            self._pause(left)

    def now(self) -> float:
        """Return the time on the clock of this object, in seconds."""
        return self._clock()

    @property
    def left(self) -> float:
        """Return the seconds of ``max_wait`` that are left."""
        return max(0.0, self._max_wait - self._waited)

    def count_slow_response(self, since: float) -> None:
        """Count the time since ``since`` as waiting, if it is in the past: a response took longer than its timeout."""
        now = self._clock()
        if now > since:
            with self._lock:
                self._count_waiting(since, now)

    def cancel(self) -> None:
        """End all waiting with ``RequestCancelledError``, until ``reset``."""
        self._cancelled.set()

    def reset(self) -> None:
        """Allow requests again after ``cancel``."""
        self._cancelled.clear()

    @property
    def _waited(self) -> float:
        return sum(end - start for start, end in self._spans)

    def _count_waiting(self, start: float, end: float) -> None:
        """Count this time as waiting, except for the parts that were counted before."""
        others = []
        for span in self._spans:
            if span[1] < start or end < span[0]:
                others.append(span)
            else:
                start, end = min(start, span[0]), max(end, span[1])
        self._spans = [*others, (start, end)]

    def _wait_for_turn(self, shared_limit: SharedRateLimit) -> None:
        """Wait until the processes that share the limit leave a request to this one.

        Only a pause that the API asks for counts as waiting, as long as any of them gets a response within ``max_wait``. If
        ``max_wait`` does not allow the pause, the request is sent, and the API decides.
        """
        started = self._clock()
        while turn := shared_limit.take():
            now = self._clock()
            if now + turn.seconds - max(started, turn.progress) > self._max_wait or (
                turn.is_block and turn.seconds > self.left
            ):
                return
            if turn.seconds >= MIN_ANNOUNCED_SECONDS:
                cause = (
                    "the API rejects all requests"
                    if turn.is_block
                    else "the tasks of this host have used up the rate limit"
                )
                self._before_sleep(f"Waiting up to {turn.seconds:.1f} seconds: {cause} of the credential")
            self._sleep(turn.seconds)
            self._raise_if_cancelled()
            if turn.is_block:
                self._count_waiting(now, self._clock())

    def _pace(self) -> None:
        """Spread the remaining requests over the time to the reset, or wait for the reset if none remains.

        ``max_wait`` limits the pauses, and pacing leaves enough of it for a block that other clients may cause.
        """
        rate_limit, now = self._rate_limit, self._clock()
        if rate_limit is None or rate_limit[1] <= now:
            return
        left, reset = rate_limit
        pause = (reset - now) / (left + 1)
        if pause <= self.left - (RATE_LIMIT_BLOCK_SECONDS if left else 0.0):
            if now >= self._announced_until:
                self._announced_until = reset
                self._before_sleep(
                    f"Waiting {pause:.1f} seconds before each request: the rate limit allows only {left} more in the "
                    f"next {reset - now:.1f} seconds"
                )
            self._pause(pause)
        if self._rate_limit is rate_limit:  # a response may have updated it during the pause
            self._rate_limit = (max(0, left - 1), reset)

    def _pause(self, seconds: float) -> None:
        started = self._clock()
        self._sleep(seconds)
        self._last_pause_end = self._clock()
        self._count_waiting(started, self._last_pause_end)
        self._raise_if_cancelled()

    def _raise_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise RequestCancelledError("Another request of the task has failed")
