# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolve host names with the resolver of the system. Private to the collection: other code must not import this file."""

from __future__ import annotations

import queue
import socket
import threading
import time
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_address, sort_addresses
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import InvalidAddressError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import sanitize_text

MAX_THREADS = 32
"""Names that are resolved at once."""


class Resolution(t.NamedTuple):
    """The canonical addresses of a name in numerical order, or the reason why it has none."""

    addresses: list[str]
    error: str | None = None


def resolve_names(names: t.Collection[str], timeout: float) -> dict[str, Resolution]:
    """Return the resolution of each name. All names together take at most ``timeout`` seconds."""
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[str, Resolution]] = queue.SimpleQueue()
    is_over = threading.Event()
    for name in names:
        waiting.put(name)

    def work() -> None:
        while not is_over.is_set():
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            done.put((name, _resolve(name)))

    deadline = time.monotonic() + timeout
    for dummy in range(min(len(names), MAX_THREADS)):
        # A daemon, since nothing can end a call of the resolver, and the task must not wait for it
        threading.Thread(target=work, daemon=True).start()
    resolutions: dict[str, Resolution] = {}
    try:
        while len(resolutions) < len(names):
            name, resolution = done.get(timeout=max(0.0, deadline - time.monotonic()))
            resolutions[name] = resolution
    except queue.Empty:
        pass
    finally:
        is_over.set()
    late = Resolution([], f"no answer within the timeout of {timeout:g} seconds: raise timeout, or check the resolver")
    return {name: resolutions.get(name, late) for name in names}


def _resolve(name: str) -> Resolution:
    try:
        # The dot at the end: otherwise the resolver would also try the name within the search domains of the host
        found = socket.getaddrinfo(f"{name}.".encode("ascii"), None, type=socket.SOCK_STREAM)
    except Exception as error:  # an error in a thread would be lost
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Resolution([], f"cannot be resolved: {sanitize_text(reason)}")
    addresses = set()
    for item in found:
        try:
            addresses.add(normalize_address(str(item[4][0]).partition("%")[0]))  # without the zone index
        except InvalidAddressError:  # Python without IPv6
            continue
    return Resolution(sort_addresses(addresses), None if addresses else "cannot be resolved: no address")
