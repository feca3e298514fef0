# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate limit of the API: so many requests of a credential in a window, then a block as long as the window."""

from __future__ import annotations

import math
import time
import typing as t
from dataclasses import dataclass


@dataclass
class Window:
    """``left``: the remaining requests. ``blocked_until`` is 0 without a block. Times are those of the clock."""

    ends: float
    left: int
    blocked_until: float = 0


class RateLimit:
    """``requests`` in ``seconds`` for each credential. Cloudflare allows 1,200 in 300."""

    def __init__(self, requests: int, seconds: float, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._requests = requests
        self._seconds = seconds
        self._clock = clock
        self._windows: dict[str, Window] = {}

    def count(self, headers: t.Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        """Count a request. Return whether it is refused, and the headers of its response."""
        credential, now = headers.get("Authorization") or headers.get("X-Auth-Key", ""), self._clock()
        window = self._windows.get(credential)
        if not window or now >= max(window.ends, window.blocked_until):
            window = self._windows[credential] = Window(now + self._seconds, self._requests)
        if not window.blocked_until and window.left == 0:
            window.blocked_until = now + self._seconds
        if window.blocked_until:
            return True, {"Retry-After": str(math.ceil(window.blocked_until - now))}
        window.left -= 1
        return False, {"Ratelimit": f'"default";r={window.left};t={math.ceil(window.ends - now)}'}
