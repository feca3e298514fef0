# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates, proxies and ~/.netrc, with real connections: the settings of the environment that requests uses, or not."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import typing as t
import warnings
from pathlib import Path

import pytest
import trustme
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client, Credential
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import TransportError
from urllib3.exceptions import InsecureRequestWarning

RESPONSE_BODY = json.dumps({"success": True, "errors": [], "messages": [], "result": []}).encode()


class ApiServer(http.server.ThreadingHTTPServer):
    """Sends the same response to each GET, and stores the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None]] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers["Authorization"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(RESPONSE_BODY)))
        self.end_headers()
        self.wfile.write(RESPONSE_BODY)

    def log_message(self, *arguments: object) -> None:
        """Do not log."""


@pytest.fixture
def server() -> t.Iterator[ApiServer]:
    with ApiServer() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_path(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def https(server: ApiServer, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URL of a server with a certificate of the test's own authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    return f"https://127.0.0.1:{server.server_port}"


def send_request(url: str, **options: t.Any) -> t.Any:
    """Send one request. A retry would be an error."""
    with Client(Credential.from_token("simulator-token"), url, max_wait=0, **options) as client:
        return client.request("GET", "/zones").result


def test_untrusted_certificate(https: str, server: ApiServer) -> None:
    with pytest.raises(TransportError, match="certificate.*ca_path") as raised:
        send_request(https)
    assert "max_wait" not in str(raised.value)  # a longer wait would not help
    assert server.requests == []


def test_ca_path(https: str, ca_path: str) -> None:
    assert send_request(https, verify=ca_path) == []


def test_validate_certs_false(https: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureRequestWarning)
        assert send_request(https, verify=False) == []


def test_proxy(server: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    assert send_request("http://api.example.com/client/v4") == []
    assert server.requests == [("http://api.example.com/client/v4/zones", "Bearer simulator-token")]


def test_unreachable_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with ApiServer() as closed:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed.server_port}")
    with pytest.raises(
        TransportError, match=r"through the proxy from the environment \(HTTPS_PROXY, HTTP_PROXY or ALL_PROXY\)"
    ):
        send_request("http://api.example.com/client/v4")


def test_wrong_protocol(server: ApiServer) -> None:
    with pytest.raises(TransportError, match="; check api_url$"):
        send_request(f"https://127.0.0.1:{server.server_port}")


def test_netrc(server: ApiServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert send_request(f"http://127.0.0.1:{server.server_port}") == []
    assert server.requests == [("/zones", "Bearer simulator-token")]
