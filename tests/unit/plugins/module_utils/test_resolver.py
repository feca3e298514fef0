# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The resolver: addresses, errors, concurrency, and its time limit."""

from __future__ import annotations

import socket
import threading
import time
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origins.resolver import (
    MAX_THREADS,
    Resolution,
    resolve_names,
)

Resolve = t.Callable[[str], t.Sequence[str]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[Resolve], list[str]]:
    """Replace the resolver of the system. Return the names that it is asked for."""
    asked: list[str] = []

    def replace(resolve: Resolve) -> list[str]:
        def getaddrinfo(host: bytes, port: None, type: int) -> list[t.Any]:
            asked.append(host.decode())
            assert (port, type) == (None, socket.SOCK_STREAM)
            found = resolve(host.decode())
            return [(socket.AF_INET, type, 6, "", (address, 0)) for address in found]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return replace


def test_addresses_are_canonical_and_sorted(resolver: t.Callable[[Resolve], list[str]]) -> None:
    found = ["2001:DB8::0:1", "198.51.100.7", "192.0.2.10", "192.0.2.9", "192.0.2.9", "fe80::1%eth0", "x"]
    asked = resolver(lambda name: found)
    assert resolve_names(["a.example"], 5.0) == {
        "a.example": Resolution(["192.0.2.9", "192.0.2.10", "198.51.100.7", "2001:db8::1", "fe80::1"], None)
    }
    assert asked == ["a.example."]  # absolute: not within a search domain of the host


def test_no_names(resolver: t.Callable[[Resolve], list[str]]) -> None:
    assert resolve_names([], 5.0) == {}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (OSError("broken\nresolver"), "broken resolver"),
        (UnicodeError(), "UnicodeError"),
    ],
)
def test_error_of_one_name(resolver: t.Callable[[Resolve], list[str]], error: Exception, text: str) -> None:
    def resolve(name: str) -> list[str]:
        if name == "bad.example.":
            raise error
        return ["192.0.2.1"]

    resolver(resolve)
    assert resolve_names(["bad.example", "good.example"], 5.0) == {
        "bad.example": Resolution([], f"cannot be resolved: {text}"),
        "good.example": Resolution(["192.0.2.1"]),
    }


@pytest.mark.parametrize("found", [[], ["x"]], ids=str)
def test_no_address(resolver: t.Callable[[Resolve], list[str]], found: list[str]) -> None:
    resolver(lambda name: found)
    assert resolve_names(["a.example"], 5.0)["a.example"] == Resolution([], "cannot be resolved: no address")


def test_names_are_resolved_side_by_side(resolver: t.Callable[[Resolve], list[str]]) -> None:
    together = threading.Barrier(MAX_THREADS, timeout=30)

    def resolve(name: str) -> list[str]:
        together.wait()
        return ["192.0.2.1"]

    resolver(resolve)
    names = [f"{number}.example" for number in range(2 * MAX_THREADS)]
    resolutions = resolve_names(names, 60.0)
    assert list(resolutions) == names
    assert all(resolution.addresses for resolution in resolutions.values())


def test_time_limit(resolver: t.Callable[[Resolve], list[str]]) -> None:
    """Names that are late have an error. No further name is resolved, and the other names keep their addresses."""
    release = threading.Event()

    def resolve(name: str) -> list[str]:
        if name != "fast.example.":
            release.wait(30)
        return ["192.0.2.1"]

    asked = resolver(resolve)
    names = ["fast.example", *(f"{number}.example" for number in range(2 * MAX_THREADS))]
    started = time.monotonic()
    try:
        resolutions = resolve_names(names, 0.5)
        assert time.monotonic() - started < 10
    finally:
        release.set()
    assert resolutions.pop("fast.example") == Resolution(["192.0.2.1"])
    assert {resolution.error for resolution in resolutions.values()} == {
        "no answer within the timeout of 0.5 seconds: raise timeout, or check the resolver"
    }
    assert len(asked) <= MAX_THREADS + 1
