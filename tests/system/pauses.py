# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pauses for those who have no time."""

from __future__ import annotations

import time


class Pauses:
    """The clock and the sleep of a client: pauses take no time, but have passed on the clock."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._ahead = 0.0

    def clock(self) -> float:
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._ahead += seconds
