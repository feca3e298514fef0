# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limit the time of one complete HTTP response, from the status line to the last byte.

Private to the collection: other code must not import this file. The timeout of requests limits the time between two bytes, so a
server that sends a byte now and then could block a task forever.
"""

from __future__ import annotations

import http.client
import io
import socket
import typing as t
from typing import TYPE_CHECKING

# At run time only where a session is made, since the import takes time: see requirements.py
if TYPE_CHECKING:
    import requests

TimeLeft = t.Callable[[], float]
"""Returns the seconds that the response to the request of this thread may still take."""


class _BoundedReader(io.RawIOBase):
    """The bytes of a socket. Raises ``socket.timeout`` when ``time_left`` is over."""

    def __init__(self, sock: socket.socket, raw: t.Any, time_left: TimeLeft) -> None:
        self._sock = sock
        self._raw = raw
        self._time_left = time_left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        left, timeout = self._time_left(), self._sock.gettimeout()
        if left <= 0:
            raise socket.timeout("timed out")
        if timeout is None or left < timeout:
            self._sock.settimeout(left)
        received: int | None = self._raw.readinto(buffer)
        return received

    def close(self) -> None:
        self._raw.close()
        super().close()


def make_adapter(time_left: TimeLeft) -> requests.adapters.HTTPAdapter:
    """Return an adapter for ``requests.Session.mount`` whose responses are limited in time, also those through a proxy."""
    import requests

    class BoundedResponse(http.client.HTTPResponse):
        fp: t.Any = None  # for the destructor, if a signal interrupts the constructor

        def __init__(self, sock: socket.socket, *args: t.Any, **settings: t.Any) -> None:
            super().__init__(sock, *args, **settings)
            self.fp = io.BufferedReader(_BoundedReader(sock, self.fp.detach(), time_left))

    def bound(manager: t.Any) -> None:
        """Make the connections of a pool manager of urllib3 read their responses as ``BoundedResponse``."""
        for scheme, pool in manager.pool_classes_by_scheme.items():
            connection = type("BoundedConnection", (pool.ConnectionCls,), {"response_class": BoundedResponse})
            manager.pool_classes_by_scheme = {
                **manager.pool_classes_by_scheme,
                scheme: type("BoundedPool", (pool,), {"ConnectionCls": connection}),
            }

    class BoundedAdapter(requests.adapters.HTTPAdapter):
        def init_poolmanager(self, *args: t.Any, **settings: t.Any) -> None:
            super().init_poolmanager(*args, **settings)
            bound(self.poolmanager)

        def proxy_manager_for(self, proxy: t.Any, **settings: t.Any) -> t.Any:
            is_known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **settings)
            if not is_known:
                bound(manager)
            return manager

    return BoundedAdapter()
