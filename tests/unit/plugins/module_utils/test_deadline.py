# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time limit for a complete answer, with real connections to a slow server."""

from __future__ import annotations

import contextlib
import socketserver
import threading
import time
import typing as t

import pytest
import requests
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client, Credential
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import RetryableTransportError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.deadline import make_adapter
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import TOKEN

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODY = b'{"success": true, "result": [1]}'
RESPONSE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
PADDING = b"X-Padding: " + b"x" * 10_000 + b"\r\n"

BYTE_INTERVAL_SECONDS = 0.1
"""Seconds between two bytes of a slow server: less than the timeout, so that the timeout alone never ends it."""


class SlowServer(socketserver.ThreadingTCPServer):
    """Answers each request with the next response: bytes to send at once, and bytes to send one by one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.responses: list[tuple[bytes, bytes]] = []
        self.targets: list[bytes] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(socketserver.StreamRequestHandler):
    server: SlowServer

    def handle(self) -> None:
        self.server.connections += 1
        while line := self.rfile.readline():
            self.server.targets.append(line.split()[1])
            while self.rfile.readline().strip():
                pass
            immediate, delayed = self.server.responses.pop(0)
            with contextlib.suppress(OSError):  # the client has closed the connection
                self.wfile.write(immediate)
                for byte in delayed:
                    self.wfile.write(bytes([byte]))
                    time.sleep(BYTE_INTERVAL_SECONDS)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[SlowServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with SlowServer() as slow_server:
        threading.Thread(target=slow_server.serve_forever, args=(0.01,), daemon=True).start()
        yield slow_server
        slow_server.shutdown()


@pytest.fixture
def wire() -> None:
    """Disable the mocked transport: these tests use real connections."""


def create_client(url: str, **settings: t.Any) -> Client:
    return Client(Credential.from_token(TOKEN), url, **{"timeout": 0.4, "max_wait": 0.3, **settings})


@pytest.mark.parametrize(
    ("immediate", "delayed"),
    [
        (b"", RESPONSE),
        (HEAD, PADDING),
        (RESPONSE[: -len(BODY)], BODY),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n20\r\n", BODY),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n{\r\n" * 9),
        (HEAD + b"\r\n", BODY),
        (HEAD + b"Content-Encoding: gzip\r\n\r\n", bytes(9)),
    ],
    ids=["from the first byte", "headers", "body", "chunk", "many chunks", "body to the end", "compressed body"],
)
def test_slow_answer(server: SlowServer, immediate: bytes, delayed: bytes) -> None:
    server.responses = [(immediate, delayed)]
    with create_client(server.url) as client, pytest.raises(RetryableTransportError) as caught:
        client.request("GET", "/zones")
    assert server.url in str(caught.value)
    assert "(timeout: 0.4 seconds and the remaining 0.3 of max_wait, for the complete answer)" in str(caught.value)
    assert str(caught.value).endswith(
        "max_wait (0.3 seconds in total) has 0.0 left: raise max_wait, or try again later"
    )
    assert server.targets == [b"/zones"]


def test_time_is_over_before_the_answer(server: SlowServer) -> None:
    server.responses = [(RESPONSE, b"")]
    with requests.Session() as session:
        session.mount(server.url, make_adapter(lambda: 0.0))
        with pytest.raises(requests.exceptions.ReadTimeout):
            session.get(server.url)


def test_slow_answer_with_max_wait_0(server: SlowServer) -> None:
    server.responses = [(HEAD, PADDING)]
    with (
        create_client(server.url, max_wait=0.0) as client,
        pytest.raises(RetryableTransportError, match=r"\(timeout: 0.4 seconds\)"),
    ):
        client.request("GET", "/zones")


def test_slow_answer_through_a_proxy(server: SlowServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.responses = [(RESPONSE, b""), (HEAD, PADDING)]
    with create_client("http://api.example.com", timeout=1.0) as client:
        assert client.request("GET", "/zones").result == [1]
        with pytest.raises(RetryableTransportError, match="for the complete answer"):
            client.request("GET", "/zones")
    assert server.targets == [b"http://api.example.com/zones"] * 2


def test_connection_is_reused(server: SlowServer) -> None:
    server.responses = [(RESPONSE[:-1], RESPONSE[-1:]), (RESPONSE, b""), (RESPONSE, b"")]
    with create_client(server.url, timeout=30.0) as client:
        assert [client.request("GET", "/zones").result for dummy in range(3)] == [[1]] * 3
    assert server.connections == 1
