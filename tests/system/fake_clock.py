# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fake clock, and timeouts that expire at once."""

from __future__ import annotations

import select
import socket
import typing as t

import pytest
import urllib3.util.connection

from tests.simulator.testing import RunningSimulator

POLL_SECONDS = 0.05


class FakeClock:
    """The clock and the sleep function of a client. A sleep only advances the clock, and nothing else advances it."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Advance the clock without a pause."""
        self._now += seconds


def expire_timeouts_at_once(patch: pytest.MonkeyPatch, simulator: RunningSimulator, clock: FakeClock) -> None:
    """Let reads from the simulator time out at once if a fault makes the request hang, and never otherwise.

    So a timeout takes no time, and a late answer of a busy machine causes none.
    """
    create_connection = urllib3.util.connection.create_connection

    class Socket(socket.socket):
        def recv_into(self, *arguments: t.Any) -> int:
            while not is_readable(self, POLL_SECONDS):
                if self.getsockname()[1] in simulator.silent_ports() and not is_readable(self):
                    clock.advance(self.gettimeout() or 0.0)
                    raise socket.timeout("timed out")
            return super().recv_into(*arguments)

    def create_own_connection(*arguments: t.Any, **options: t.Any) -> socket.socket:
        connection = create_connection(*arguments, **options)
        timeout = connection.gettimeout()
        patched = Socket(fileno=connection.detach())
        patched.settimeout(timeout)
        return patched

    patch.setattr(urllib3.util.connection, "create_connection", create_own_connection)


def is_readable(connection: socket.socket, seconds: float = 0.0) -> bool:
    """Return whether there is data to read within this number of seconds."""
    return bool(select.select([connection], [], [], seconds)[0])
