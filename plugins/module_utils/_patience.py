# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the requests of a task may be sent, and how long all its waiting may take.

Private to the collection: no other collection may rely on this file. ``Ratelimit`` and its fields are facts of
Cloudflare's API documentation.
"""

from __future__ import annotations

import re
import threading
import time
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError

BLOCK = 300.0
"""Seconds for which the API refuses all requests after too many."""

FEW = 20
"""Requests left from which on they are spread: more than one task has under way, since others may share the token."""


class Stopped(CloudflareError):
    """Another request of the task has failed, so that this one is of no use any more."""


class Patience:
    """One for all requests of a task, which may run side by side: when one waits, all do.

    ``max_wait``: seconds that all waiting may take together: pauses, tries that failed, and slow answers. ``tell`` gets a sentence
    before each pause.
    """

    def __init__(
        self,
        max_wait: float,
        tell: t.Callable[[str], object],
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], object] | None = None,
    ) -> None:
        self._max_wait = max_wait
        self._tell = tell
        self._clock = clock
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        # Held for as long as a pause lasts, so that nothing is sent meanwhile
        self._lock = threading.Lock()
        self._spans: list[tuple[float, float]] = []
        # Requests left, and when there are more. Noted without the lock, for an answer must not wait for the end of a pause
        self._scarce: tuple[int, float] | None = None
        self._told = self._woke = clock()

    def start(self) -> float:
        """Wait until a request may be sent, and say when that is, on the clock."""
        with self._lock:
            self._check()
            self._spread()
            return self._clock()

    def heed(self, header: str) -> None:
        """Take note of the ``Ratelimit`` header of an answer: by policy, how many requests are left for how many seconds."""
        policies = re.findall(r"\br=([0-9]{1,9})\s*;\s*t=([0-9]{1,9})", header)
        scarce = [(int(left), int(seconds)) for left, seconds in policies if int(left) <= FEW]
        if scarce:
            left, seconds = max(scarce, key=lambda policy: policy[1] / (policy[0] + 1))
            self._scarce = (left, self._clock() + seconds)
        elif policies:
            self._scarce = None

    def wait(self, started: float, failure: CloudflareError, pause: float, why: str) -> None:
        """After the failure of a request that was sent at ``started``, wait until ``pause`` seconds have passed.

        Raises ``failure`` where ``max_wait`` does not allow so many more. What has passed while another one waited counts.
        """
        came = self._clock()
        until = came + pause
        with self._lock:
            self._check()
            self._count(started, came)
            left = until - self._clock()
            if left <= 0:
                return
            if left > self.left:
                raise failure.add(
                    f"{why} a pause of {left:.1f} seconds, and max_wait ({self._max_wait:g} seconds in all) has "
                    f"{self.left:.1f} left: raise max_wait, or try again later"
                )
            # Not of the rest of a pause that another one has told of
            if self._woke <= came or left >= 1:
                # With the time so far, for Ansible shows the same warning only once
                self._tell(
                    f"Waiting {left:.1f} seconds (after {self._waited:.1f} of {self._max_wait:g}), then trying again: "
                    f"{failure}"
                )
            self._pause(left)

    def now(self) -> float:
        """Return the time on the clock of this object, in seconds."""
        return self._clock()

    @property
    def left(self) -> float:
        """Seconds of ``max_wait`` that are left."""
        return max(0.0, self._max_wait - self._waited)

    def count_slow(self, since: float) -> None:
        """Count the time from ``since`` to now, if any: an answer took that long beyond its timeout."""
        now = self._clock()
        if now > since:
            with self._lock:
                self._count(since, now)

    def stop(self) -> None:
        """End all waiting with ``Stopped``, until ``resume``."""
        self._stopped.set()

    def resume(self) -> None:
        self._stopped.clear()

    @property
    def _waited(self) -> float:
        return sum(end - start for start, end in self._spans)

    def _count(self, start: float, end: float) -> None:
        """Count this time, of which a part may be counted already."""
        apart = []
        for span in self._spans:
            if span[1] < start or end < span[0]:
                apart.append(span)
            else:
                start, end = min(start, span[0]), max(end, span[1])
        self._spans = [*apart, (start, end)]

    def _spread(self) -> None:
        """Spread the last requests over the time until there are more, and wait for it when none is left.

        As far as ``max_wait`` allows, of which spreading leaves enough for a block that others may cause.
        """
        scarce, now = self._scarce, self._clock()
        if scarce is None or scarce[1] <= now:
            return
        left, reset = scarce
        pause = (reset - now) / (left + 1)
        if pause <= self.left - (BLOCK if left else 0.0):
            if now >= self._told:
                self._told = reset
                self._tell(
                    f"Waiting {pause:.1f} seconds before each request: the rate limit leaves {left} for the next "
                    f"{reset - now:.1f} seconds"
                )
            self._pause(pause)
        if self._scarce is scarce:  # else an answer has told of more meanwhile
            self._scarce = (max(0, left - 1), reset)

    def _pause(self, seconds: float) -> None:
        started = self._clock()
        self._sleep(seconds)
        self._woke = self._clock()
        self._count(started, self._woke)
        self._check()

    def _check(self) -> None:
        if self._stopped.is_set():
            raise Stopped("Another request of the task has failed")
