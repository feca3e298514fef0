# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The client: requests, validation of answers, retries and pauses, concurrent pages."""

from __future__ import annotations

import email.utils
import functools
import io
import json
import signal
import socket
import ssl
import threading
import time
import typing as t
from pathlib import Path

import pytest
import requests
import responses
import urllib3
import yaml
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import client as _client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client, Credential
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    PermissionDeniedError,
    RateLimitError,
    TransportError,
    UnexpectedError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http import session as _session
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    API_URL,
    KEY,
    MAPPINGS_PATH,
    TOKEN,
    FakeClock,
    FakeZone,
    Wire,
    envelope,
    error_envelope,
    mappings,
    nested_texts,
    page,
)

ROOT = Path(__file__).resolve().parents[4]


def request_error(client: Client) -> CloudflareError:
    with pytest.raises(CloudflareError) as caught:
        client.request("GET", "/zones")
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert str(caught.value).isprintable()
    assert TOKEN not in str(caught.value)
    return caught.value


def chain_errors(outer: Exception, *causes: BaseException) -> Exception:
    """Return ``outer`` with a chain of causes, in the form of requests and urllib3."""
    error: BaseException = outer
    for cause in causes:
        error.__context__ = cause
        error = cause
    return outer


class TestRequest:
    def test_token(self, client: Client, wire: Wire) -> None:
        wire.get("/zones", envelope([1]), query={"name": "a b&c"})
        assert client.request("GET", "/zones", params={"name": "a b&c"}).result == [1]
        (request,) = wire.requests
        assert not {"X-Auth-Email", "X-Auth-Key"} & set(request.headers)

    def test_key(self, wire: Wire) -> None:
        wire.headers = {"X-Auth-Email": "user@example.com", "X-Auth-Key": KEY}
        wire.get("/zones", envelope([1]))
        Client(Credential.from_global_key("user@example.com", KEY), API_URL).request("GET", "/zones")
        (request,) = wire.requests
        assert "Authorization" not in request.headers

    def test_settings(self, wire: Wire) -> None:
        wire.settings.update(timeout=2.5, verify="/etc/ca.pem")
        wire.api = "http://192.0.2.9:8080/base"
        wire.get("/zones", envelope([1]))
        Client(Credential.from_token(TOKEN), wire.api, timeout=2.5, verify="/etc/ca.pem").request("GET", "/zones")

    def test_version(self, client: Client, wire: Wire) -> None:
        galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
        wire.headers["User-Agent"] = f"edgecache.cloudflare/{galaxy['version']}"
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")

    def test_body(self, client: Client) -> None:
        with responses.RequestsMock() as mock:
            mock.put(f"{API_URL}/x", json=envelope([1]), match=[responses.matchers.json_params_matcher([{"a": 1}])])
            client.request("PUT", "/x", body=[{"a": 1}])

    def test_netrc_does_not_replace_the_credential(
        self, client: Client, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine api.cloudflare.com login user password secret\n", encoding="utf-8")
        monkeypatch.setenv("NETRC", str(netrc))
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")

    @pytest.mark.parametrize(("verify", "sent"), [(True, "/bundle.pem"), (False, False), ("/own.pem", "/own.pem")])
    def test_option_overrides_certificates_of_environment(
        self, wire: Wire, monkeypatch: pytest.MonkeyPatch, verify: bool | str, sent: bool | str
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/bundle.pem")
        wire.settings["verify"] = sent
        wire.get("/zones", envelope([1]))
        Client(Credential.from_token(TOKEN), API_URL, verify=verify).request("GET", "/zones")

    def test_given_session_is_used_and_closed(self, wire: Wire, closed_sessions: list[requests.Session]) -> None:
        own = requests.Session()
        for dummy in range(2):
            wire.get("/zones", envelope([1]))
        with Client(Credential.from_token(TOKEN), API_URL, session=own) as client:
            client.request("GET", "/zones")
            client.request("GET", "/zones")
            assert closed_sessions == []
        assert closed_sessions == [own]

    @pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399])
    def test_redirects_are_not_followed(self, client: Client, wire: Wire, status: int) -> None:
        wire.get("/zones", "", status=status, headers={"Location": "https://example.com/"})
        assert str(request_error(client)) == (
            "The answer is a redirect, which is not followed, since it would forward the credential: check api_url "
            f"(HTTP {status}: an empty answer)"
        )

    @pytest.mark.parametrize("location", ["http://[", "http://[::1]:x/", "//", "\x7f", "https://" + "a" * 70])
    def test_invalid_redirect(self, client: Client, wire: Wire, location: str) -> None:
        wire.get("/zones", "", status=302, headers={"Location": location})
        request_error(client)


def test_error_excerpt_of_deep_nesting() -> None:
    body: list[t.Any] = []
    for dummy in range(200_000):
        body = [body]
    error = _client.unexpected_response("a mapping", body)
    assert str(error) == "HTTP 200: expected a mapping, but the answer is JSON that is nested too deeply to show"
    while body:  # built without json.dumps, which would exceed the recursion limit
        body = body[0]


class TestEnvelope:
    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ("", "HTTP 200: an empty answer"),
            (" \r\n", "HTTP 200: an empty answer"),
            ("<html>\r\n <h1>It works</h1>", "HTTP 200: '<html> <h1>It works</h1>'"),
            ("{", "HTTP 200: '{'"),
            ('{"info": "caf\\u00e9"}', 'HTTP 200: \'{"info": "café"}\''),
            ('{"\\u0041', "HTTP 200: '{\"\\\\u0041'"),
            ('"\\u0041"' + "[" * 200_000, "HTTP 200: "),
            ("[" * 200_000 + '"\\u0041"', "HTTP 200: '[[[["),
            ("[]", "HTTP 200: '[]'"),
            ('"success"', "HTTP 200: '\"success\"'"),
            ("null", "HTTP 200: 'null'"),
            ("NaN", "HTTP 200: 'NaN'"),
            (b"\xff\xfe\x00", "HTTP 200: '�� '"),
            ("{}", "HTTP 200: '{}'"),
            ('{"result": [1]}', "HTTP 200: '{\"result\": [1]}'"),
            ('{"success": false}', "HTTP 200: '{\"success\": false}'"),
            ('{"success": 1, "result": [1]}', "HTTP 200: "),
            ('{"success": "true", "result": [1]}', "HTTP 200: "),
            ('{"success": true}', "HTTP 200: expected a result, but the answer is '{\"success\": true}'"),
            ('{"success": true, "result": null}', "HTTP 200: expected a result, but the answer is "),
            ('{"success": false, "errors": "no list"}', "HTTP 200: "),
            ('{"success": false, "errors": {"code": 1}}', "HTTP 200: "),
            ('{"success": false, "errors": [null, 1, "x", [], {}]}', "HTTP 200: "),
            ('{"success": false, "errors": [{"code": "1142"}]}', "HTTP 200: "),
            ('{"success": false, "errors": [{"code": true}]}', "HTTP 200: '{"),
            ('{"success": false, "errors": [{"code": 1, "message": null}]}', "HTTP 200: code 1, "),
            ('{"success": false, "errors": [{"code": 1}]}', "HTTP 200: code 1, "),
            ('{"success": false, "errors": [{"code": 1, "error_chain": 5}]}', "HTTP 200: code 1, "),
            ('{"success": true, "errors": [{"code": 7, "message": "x"}], "result": [1]}', "HTTP 200: code 7, x"),
            ("[" * 200_000 + "]" * 200_000, "HTTP 200: '[[[["),
            ('{"a":' * 200_000, 'HTTP 200: \'{"a":{"a":'),
            ("9" * 5_000, "HTTP 200: '999"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_invalid_answer_is_quoted(self, client: Client, wire: Wire, body: str | bytes, text: str) -> None:
        wire.get("/zones", body)
        error = request_error(client)
        assert error.__class__ is ApiError
        assert str(error).startswith(text)
        assert len(str(error)) < 400
        assert set(error.failure()) == {"status", "code", "message", "errors"}

    @pytest.mark.parametrize("message", [{}, {"message": None}, {"message": ""}], ids=str)
    def test_code_without_a_message(self, client: Client, wire: Wire, message: dict[str, t.Any]) -> None:
        wire.get("/zones", {"success": False, "errors": [{"code": 1142, **message}]}, status=404)
        assert request_error(client).failure()["errors"] == [{"code": 1142, "message": ""}]

    @pytest.mark.parametrize(
        "answer",
        [error_envelope(4711, message="?"), envelope(None, more="?"), {"success": False, "errors": "?"}, {"more": "?"}],
        ids=str,
    )
    def test_deep_nesting(self, client: Client, wire: Wire, answer: t.Any) -> None:
        for body in nested_texts(answer):
            wire.get("/zones", body)
            assert request_error(client).__class__ is ApiError

    @pytest.mark.parametrize("status", [200, 201, 202, 206])
    def test_success(self, client: Client, wire: Wire, status: int) -> None:
        wire.get("/zones", envelope([1], extra=True), status=status)
        assert client.request("GET", "/zones").result == [1]

    @pytest.mark.parametrize("status", [300, 400, 404, 500, 501, 505, 519, 530, 599])
    def test_error_status_overrides_success(self, client: Client, wire: Wire, clock: FakeClock, status: int) -> None:
        wire.get("/zones", envelope([1]), status=status)
        assert f"HTTP {status}: " in str(request_error(client))
        assert clock.pauses == []

    def test_quote_is_truncated(self, client: Client, wire: Wire) -> None:
        for body in ("x" * 150, "x" * 151):
            wire.get("/zones", body)
        assert str(request_error(client)) == f"HTTP 200: '{'x' * 150}'"
        assert str(request_error(client)) == f"HTTP 200: '{'x' * 150}…'"

    def test_long_message_of_the_api(self, client: Client, wire: Wire) -> None:
        wire.get("/zones", error_envelope(4711, message="x" * 1_000), status=400)
        wire.get("/zones", error_envelope(4711, message="x" * 1_001), status=400)
        assert request_error(client).failure()["message"] == "x" * 1_000
        assert request_error(client).failure()["message"] == "x" * 1_000 + "…"

    def test_terminal_escapes_are_removed(self, client: Client, wire: Wire) -> None:
        wire.get("/zones", error_envelope(4711, message="\x1b[31mred\x07\r\nnext\u202eline\x9b1m \ud800"), status=400)
        error = request_error(client)
        assert error.failure()["message"] == " [31mred  next line 1m  "
        assert error.failure()["errors"] == [{"code": 4711, "message": " [31mred  next line 1m  "}]

    def test_answer_over_the_size_limit(
        self, client: Client, wire: Wire, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_client, "MAX_RESPONSE_BYTES", 100_000)
        wire.get("/zones", json.dumps(envelope("x")) + " " * (100_000 - len(json.dumps(envelope("x")))))
        wire.get("/zones", "x" * 100_001)
        assert client.request("GET", "/zones").result == "x"
        error = request_error(client)
        assert str(error) == "HTTP 200: the answer has more than 100000 bytes"
        assert error.__class__ is TransportError
        assert clock.pauses == []

    def test_endless_redirect_body(self, client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        """requests reads the body of a redirect, even if redirects are not followed."""
        read = []

        class Endless(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, buffer: memoryview) -> int:
                read.append(len(buffer))
                return len(buffer) if len(read) < 100 else 0

        monkeypatch.setattr(_client, "MAX_RESPONSE_BYTES", 100_000)
        wire.get(
            "/zones", io.BufferedReader(Endless(), 65_536), status=302, headers={"Location": "https://example.com/"}
        )
        assert str(request_error(client)) == "HTTP 302: the answer has more than 100000 bytes"
        assert len(read) < 10

    @pytest.mark.parametrize("where", ["message", "errors", "result", "page", "body"])
    def test_echoed_credential_is_hidden(self, client: Client, wire: Wire, where: str) -> None:
        echo = f"you sent Bearer {TOKEN}."
        answer = {
            "message": error_envelope(4711, message=echo),
            "errors": {"success": False, "errors": [echo]},
            "result": envelope(None, info=echo),
            "page": f"<h1>{echo}</h1>",
            "body": {echo: echo},
        }[where]
        wire.get("/zones", answer)
        assert "you sent Bearer ********." in str(request_error(client))

    def test_echoed_credential_with_escapes_is_hidden(self, client: Client, wire: Wire) -> None:
        escaped = "".join(f"\\u{ord(char):04x}" for char in TOKEN)
        wire.get("/zones", '{"success": false, "errors": [{"code": 4711, "message": "' + escaped + '"}]}', status=400)
        assert TOKEN not in str(request_error(client).failure())

    def test_echoed_credential_with_escaped_slash_is_hidden(self, wire: Wire) -> None:
        secret = TOKEN.replace("-", "/")
        wire.headers = {"Authorization": f"Bearer {secret}"}
        wire.get("/zones", json.dumps(error_envelope(4711, message=secret)).replace("/", "\\/"), status=400)
        error = request_error(Client(Credential.from_token(secret), API_URL))
        assert secret not in str(error.failure()) and secret not in str(error)

    @pytest.mark.parametrize("secret", ['"' + TOKEN + '"', TOKEN.replace("-", "\\"), TOKEN[:8]])
    def test_echoed_unusual_credential_is_hidden(self, wire: Wire, secret: str) -> None:
        wire.headers = {"Authorization": f"Bearer {secret}"}
        wire.get("/zones", error_envelope(4711, message=f"<{secret}>"), status=400)
        error = request_error(Client(Credential.from_token(secret), API_URL))
        assert error.failure()["message"] == "<********>"

    def test_short_credential_does_not_change_results(self, wire: Wire) -> None:
        wire.headers = {"Authorization": "Bearer aws"}
        wire.get("/zones", envelope({"vendor": "aws"}))
        assert Client(Credential.from_token("aws"), API_URL).request("GET", "/zones").result == {"vendor": "aws"}

    def test_echoed_key_is_hidden(self, wire: Wire) -> None:
        wire.headers = {}
        wire.get("/zones", error_envelope(4711, message=f"{KEY} of user@example.com"), status=400)
        message = request_error(Client(Credential.from_global_key("user@example.com", KEY), API_URL)).failure()[
            "message"
        ]
        assert message == "******** of user@example.com"

    @pytest.mark.parametrize("secret", [TOKEN, KEY])
    def test_repr_hides_the_credential(self, secret: str) -> None:
        credential = Credential.from_token(secret)
        assert secret not in f"{credential} {credential!r} {[credential]}"


class TestConnection:
    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (requests.ConnectionError("reset"), "reset"),
            (requests.ConnectionError(), "ConnectionError"),
            (requests.Timeout("slow"), "slow"),
            (requests.exceptions.ChunkedEncodingError("cut"), "cut"),
            (requests.exceptions.ContentDecodingError("no gzip"), "no gzip"),
            (chain_errors(requests.ConnectionError("outer"), OSError("middle"), OSError("root")), "root"),
            (
                chain_errors(requests.ReadTimeout("outer"), socket.timeout("timed out")),
                "timed out (timeout: 30 seconds)",
            ),
            (chain_errors(requests.exceptions.SSLError("outer"), ssl.SSLEOFError(8, "cut off")), "cut off"),
            (chain_errors(requests.exceptions.SSLError("outer"), ssl.SSLZeroReturnError(6, "closed")), "closed"),
            (chain_errors(requests.exceptions.SSLError("outer"), ConnectionResetError("reset")), "reset"),
            (requests.ConnectionError(f"Bearer {TOKEN}"), "Bearer ********"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_broken_connection_is_retried(
        self, client: Client, wire: Wire, clock: FakeClock, messages: list[str], error: Exception, reason: str
    ) -> None:
        wire.get("/zones", error)
        wire.get("/zones", envelope([1]))
        assert client.request("GET", "/zones").result == [1]
        assert clock.pauses == [1.0]
        (message,) = messages
        assert "1.0 seconds" in message and f"No answer from {API_URL}: {reason}" in message

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (requests.exceptions.InvalidURL("no host"), "no host"),
            (requests.exceptions.InvalidSchema("no adapter"), "no adapter"),
            (OSError("no such file"), "no such file"),
            (ValueError("label too long"), "label too long"),
            (
                chain_errors(
                    requests.exceptions.SSLError("outer"),
                    urllib3.exceptions.SSLError("middle"),
                    ssl.SSLCertVerificationError(1, "self-signed certificate"),
                ),
                "self-signed certificate; check api_url, or set ca_path to the CA certificates to trust",
            ),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_permanent_error_is_not_retried(
        self, client: Client, wire: Wire, clock: FakeClock, error: Exception, reason: str
    ) -> None:
        wire.get("/zones", error)
        failure = request_error(client)
        assert str(failure) == f"No answer from {API_URL}: {reason}"
        assert failure.__class__ is TransportError
        assert failure.failure() == {"status": None, "code": None, "message": str(failure), "errors": []}
        assert clock.pauses == []

    def test_wrong_host_with_old_urllib3_is_not_retried(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        mismatch = urllib3.util.ssl_match_hostname.CertificateError("hostname 'api.example.com' doesn't match")
        wire.get("/zones", chain_errors(requests.exceptions.SSLError("outer"), mismatch))
        assert "doesn't match" in str(request_error(client))
        assert clock.pauses == []

    def test_unreadable_ca_path_is_not_retried(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        unreadable = ssl.SSLError(136, "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found")
        wire.get("/zones", chain_errors(requests.exceptions.SSLError("outer"), unreadable))
        assert "ca_path" in str(request_error(client))
        assert clock.pauses == []

    def test_token_in_a_reason_is_hidden(self, client: Client, wire: Wire) -> None:
        wire.get("/zones", requests.exceptions.InvalidHeader(f"Invalid header value b'Bearer {TOKEN}'"))
        assert "Bearer ********" in str(request_error(client))

    def test_wrong_protocol_advises_api_url(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        wrong = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
        wire.get("/zones", chain_errors(requests.exceptions.SSLError("outer"), wrong))
        assert str(request_error(client)).endswith("wrong version number; check api_url")
        assert clock.pauses == []

    @pytest.mark.parametrize(("hide_library", "proxies"), [("", True), ("api.cloudflare.com", False)])
    def test_proxy_of_the_environment(
        self, client: Client, wire: Wire, monkeypatch: pytest.MonkeyPatch, hide_library: str, proxies: bool
    ) -> None:
        proxy = "http://proxy.example.com:3128"
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", hide_library)
        wire.settings["proxies"] = {"https": proxy} if proxies else {}
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")

    def test_proxy_is_named(self, client: Client, wire: Wire) -> None:
        for dummy in range(6):
            wire.get("/zones", chain_errors(requests.exceptions.ProxyError("outer"), ConnectionRefusedError("refused")))
        message = str(request_error(client))
        assert message.startswith(
            f"No answer from {API_URL} through the proxy from the environment (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY): refused"
        )

    def test_terminal_escapes_in_a_reason_are_removed(self, client: Client, wire: Wire) -> None:
        wire.get("/zones", OSError("Tunnel connection failed: 407 \x1b[31mred\r\nnext"))
        assert str(request_error(client)) == f"No answer from {API_URL}: Tunnel connection failed: 407  [31mred next"

    @pytest.mark.parametrize("length", ["100", "9" * 30])
    def test_truncated_body_is_retried(self, client: Client, wire: Wire, clock: FakeClock, length: str) -> None:
        wire.get("/zones", envelope([1]), headers={"Content-Length": length})
        wire.get("/zones", envelope([1]))
        assert client.request("GET", "/zones").result == [1]
        assert clock.pauses == [1.0]

    def test_truncated_body_with_old_urllib3_is_retried(
        self, client: Client, wire: Wire, messages: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lenient = functools.partialmethod(urllib3.HTTPResponse.__init__, enforce_content_length=False)
        monkeypatch.setattr(urllib3.HTTPResponse, "__init__", lenient)
        wire.get("/zones", "{", headers={"Content-Length": "2"})
        wire.get("/zones", "{}", headers={"Content-Length": "2"}, status=404)
        assert str(request_error(client)) == "HTTP 404: '{}'"
        (message,) = messages
        assert "HTTP 200: the answer ended after 1 of 2 bytes" in message

    @pytest.mark.parametrize("length", ["", "x", "-1", "²"])
    def test_invalid_content_length(self, client: Client, wire: Wire, length: str) -> None:
        wire.get("/zones", envelope([1]), headers={"Content-Length": length})
        assert client.request("GET", "/zones").result == [1]


class TestWaiting:
    @pytest.fixture(autouse=True)
    def _wall_clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_session.time, "time", lambda: 1_800_000_000.0)

    @pytest.mark.parametrize("status", [429, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 529])
    def test_retry_status(self, client: Client, wire: Wire, clock: FakeClock, messages: list[str], status: int) -> None:
        wire.get("/zones", "<h1>later</h1>", status=status)
        wire.get("/zones", envelope([1]))
        assert client.request("GET", "/zones").result == [1]
        assert clock.pauses == [1.0]
        (message,) = messages
        assert "1.0 seconds" in message
        assert f"HTTP {status}: '<h1>later</h1>'" in message

    def test_429_of_the_firewall_is_a_rate_limit(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        client._pacer._max_wait = 0.0
        wire.get("/zones", "", status=429, headers={"cf-mitigated": "challenge"})
        assert request_error(client).__class__ is RateLimitError

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(
        ("value", "pause"),
        [
            ("7", 7.0),
            (" 7 ", 7.0),
            ("007", 7.0),
            ("300", 300.0),
            (email.utils.formatdate(1_800_000_060, usegmt=True), 60.0),
            (email.utils.formatdate(1_800_000_060, localtime=False), 60.0),
            (email.utils.formatdate(1_799_999_940, usegmt=True), None),
            ("0", None),
            ("-7", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("٧", None),
            ("7, 8", None),
            ("1" * 10, None),
            ("Fri, 99 Foo 2027 08:01:00 GMT", None),
            ("Oct 1 , 1", None),  # an IndexError of Python 3.9
        ],
    )
    def test_retry_after(
        self, client: Client, wire: Wire, clock: FakeClock, status: int, value: str, pause: float | None
    ) -> None:
        client._pacer._max_wait = 1_000.0
        for dummy in range(2):
            wire.get("/zones", "", status=status, headers={"Retry-After": value})
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert clock.pauses == ([pause, pause] if pause else [1.0, 2.0])

    @pytest.mark.parametrize("local", ["UTC", "America/New_York", "Asia/Tokyo"])
    @pytest.mark.parametrize("zone", ["GMT", "-0000", "", "+0000"])
    def test_retry_after_ignores_the_local_time_zone(
        self, client: Client, wire: Wire, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, local: str, zone: str
    ) -> None:
        monkeypatch.setenv("TZ", local)
        time.tzset()
        try:
            wire.get("/zones", "", status=429, headers={"Retry-After": f"Fri, 15 Jan 2027 08:01:00 {zone}"})
            wire.get("/zones", envelope([1]))
            client.request("GET", "/zones")
        finally:
            monkeypatch.undo()
            time.tzset()
        assert clock.pauses == [60.0]

    @pytest.mark.parametrize("zone", ["+99999999999999999999", "-99999999999999999999"])
    def test_retry_after_out_of_range(self, client: Client, wire: Wire, clock: FakeClock, zone: str) -> None:
        wire.get("/zones", "", status=429, headers={"Retry-After": f"Fri, 15 Jan 2027 08:01:00 {zone}"})
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert clock.pauses == [1.0]

    def test_retry_after_beyond_max_wait_fails_at_once(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        wire.get("/zones", error_envelope(971), status=429, headers={"Retry-After": "331"})
        error = request_error(client)
        assert error.__class__ is RateLimitError
        assert str(error).endswith(
            "; the API asks for a pause of 331.0 seconds, but max_wait (330 seconds in total) has 330.0 left: "
            "raise max_wait, or try again later"
        )
        assert error.failure()["message"] == "The API's own words."
        assert clock.pauses == []

    def test_pause_may_use_all_of_max_wait(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        wire.get("/zones", "", status=429, headers={"Retry-After": "330"})
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert clock.pauses == [330.0]

    @pytest.mark.parametrize("answer", [("", 429), ("", 503), (requests.ConnectionError("reset"), 200)], ids=str)
    def test_max_wait_0_fails_at_once(
        self, client: Client, wire: Wire, clock: FakeClock, answer: tuple[t.Any, int]
    ) -> None:
        client._pacer._max_wait = 0.0
        wire.get("/zones", answer[0], status=answer[1])
        assert str(request_error(client)).endswith(
            "; the next attempt needs a pause of 1.0 seconds, but max_wait (0 seconds in total) has 0.0 left: "
            "raise max_wait, or try again later"
        )
        assert clock.pauses == []

    def test_max_wait_is_for_all_requests_together(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        for pause in ("100", "200"):
            wire.get("/zones", "", status=429, headers={"Retry-After": pause})
            wire.get("/zones", envelope([1]))
            client.request("GET", "/zones")
        wire.get("/zones", "", status=503, headers={"Retry-After": "31"})
        assert "a pause of 31.0 seconds, but max_wait (330 seconds in total) has 30.0 left" in str(
            request_error(client)
        )
        assert clock.pauses == [100.0, 200.0]

    def test_timeout_counts_towards_max_wait(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        client._pacer._max_wait = 100.0
        for dummy in range(3):
            wire.get("/zones", requests.ReadTimeout("timed out"), seconds=30.0)
        wire.get("/zones", "", status=502, seconds=30.0)
        assert "a pause of 8.0 seconds, but max_wait (100 seconds in total) has 0.0 left" in str(request_error(client))
        assert clock.pauses == [1.0, 2.0, 4.0]

    def test_answer_that_ends_with_the_last_second_of_max_wait(
        self, client: Client, wire: Wire, clock: FakeClock
    ) -> None:
        wire.get("/zones", chain_errors(requests.ReadTimeout("outer"), socket.timeout("timed out")), seconds=360.0)
        limit = "timeout: 30 seconds and the remaining 330.0 of max_wait, for the complete answer"
        assert f"timed out ({limit})" in str(request_error(client))

    def test_slow_answer_counts_beyond_timeout(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        for seconds in (30.0, 30.0, 41.0):
            wire.get("/zones", envelope([1]), seconds=seconds)
            client.request("GET", "/zones")
        wire.get("/zones", "", status=429, headers={"Retry-After": "319"})
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert clock.pauses == [319.0]
        wire.get("/zones", "", status=429, headers={"Retry-After": "1"})
        assert "has 0.0 left" in str(request_error(client))

    def test_slow_error_counts_towards_max_wait(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        client._pacer._max_wait = 100.0
        for dummy in range(4):
            wire.get("/zones", "", status=429, headers={"Retry-After": "1"}, seconds=29.0)
        assert "max_wait (100 seconds" in str(request_error(client))

    @pytest.mark.parametrize("answer", [("", 503), ("", 521), (requests.ConnectionError("reset"), 200)], ids=str)
    def test_broken_server_fails_after_6_tries(
        self, client: Client, wire: Wire, clock: FakeClock, answer: tuple[t.Any, int]
    ) -> None:
        for dummy in range(6):
            wire.get("/zones", answer[0], status=answer[1])
        assert str(request_error(client)).endswith("; gave up after 6 attempts")
        assert clock.pauses == [1.0, 2.0, 4.0, 8.0, 16.0]

    def test_pauses_have_jitter(
        self, client: Client, wire: Wire, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_session.random, "uniform", lambda low, high: low)
        for dummy in range(6):
            wire.get("/zones", "", status=503)
        request_error(client)
        assert clock.pauses == [0.5, 1.0, 2.0, 4.0, 8.0]

    def test_tries_are_counted_for_each_request(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        for status in [503, 503, 503, 503, 200] * 2:
            wire.get("/zones", envelope([1]), status=status)
        for dummy in range(2):
            client.request("GET", "/zones")
        assert clock.pauses == [1.0, 2.0, 4.0, 8.0] * 2

    def test_rate_limit_is_retried_until_max_wait(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        for dummy in range(11):
            wire.get("/zones", "", status=429)
        assert "a pause of 60.0 seconds, but max_wait (330 seconds in total) has 27.0 left" in str(
            request_error(client)
        )
        assert clock.pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]

    def test_pauses_are_capped(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        client._pacer._max_wait = 86_400.0
        for dummy in range(1_100):
            wire.get("/zones", "", status=429, headers={"Retry-After": "1"})
        wire.get("/zones", "", status=429)
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert clock.pauses == [1.0] * 1_100 + [60.0]

    def test_rate_limit_between_server_errors(self, client: Client, wire: Wire, clock: FakeClock) -> None:
        for status in (503, 429, 502):
            wire.get("/zones", "", status=status)
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert clock.pauses == [1.0, 2.0, 4.0]

    def test_each_pause_has_its_own_message(self, client: Client, wire: Wire, messages: list[str]) -> None:
        for dummy in range(3):
            wire.get("/zones", "", status=429, headers={"Retry-After": "1"})
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert len(set(messages)) == 3

    def test_message_comes_before_the_pause(self, wire: Wire, clock: FakeClock) -> None:
        events: list[str] = []
        client = Client(
            Credential.from_token(TOKEN),
            API_URL,
            before_sleep=events.append,
            clock=clock,
            sleep=lambda pause: events.append("sleep"),
        )
        wire.get("/zones", "", status=429)
        wire.get("/zones", envelope([1]))
        client.request("GET", "/zones")
        assert len(events) == 2 and events[1] == "sleep"

    def test_defaults(self) -> None:
        client = Client(Credential.from_token(TOKEN), API_URL)
        assert client._pacer._clock is time.monotonic
        assert client._pacer._sleep == client._pacer._cancelled.wait
        assert client._pacer._before_sleep("nothing to see") is None


class TestPages:
    @pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 3_500])
    def test_all_pages(self, client: Client, wire: Wire, count: int) -> None:
        items = mappings(count)
        wire.zone(items)
        pages = list(client.iter_pages("/zones/023e105f4ecef8ad9ca31a8372d0c353/origin/cloud_regions"))
        assert [item for page in pages for item in page.items] == items
        assert {page.total_count for page in pages} == {count}

    def test_first_page_is_read_alone(self, client: Client, wire: Wire) -> None:
        wire.get("/x", page([1], total_pages=9), query={"page": 1, "per_page": 100})
        assert next(client.iter_pages("/x")) == ([1], 9, 1, None)

    @pytest.mark.parametrize(
        "answer",
        [
            envelope([1]),
            envelope([1], result_info=None),
            envelope([1], result_info=[]),
            envelope({}, result_info={"total_pages": 1, "total_count": 0}),
            envelope("x", result_info={"total_pages": 1, "total_count": 1}),
            page([1], total_pages=None),
            page([1], total_pages="1"),
            page([1], total_pages=1.0),
            page([1], total_pages=True),
            page([1], total_pages=101),
            page([1], total_pages=10**400),
            page([1], total_count=None),
            page([1], total_count="1"),
            page([1], total_count=True),
        ],
        ids=str,
    )
    def test_malformed(self, client: Client, wire: Wire, answer: t.Any) -> None:
        wire.get("/x", answer, query={"page": 1, "per_page": 100})
        with pytest.raises(ApiError, match="^HTTP 200: expected a page of a list, but the answer is '") as caught:
            list(client.iter_pages("/x"))
        assert caught.value.failure()["status"] == 200
        assert json.dumps(answer)[:140] in str(caught.value)

    def test_100_pages_are_accepted(self, client: Client, wire: Wire) -> None:
        wire.get("/x", page([1], total_pages=100), query={"page": 1, "per_page": 100})
        assert next(client.iter_pages("/x")).total_pages == 100

    @pytest.mark.parametrize(
        ("requested", "info", "count"),
        [
            # the smaller number of pages wins if total_pages and total_count differ
            (1, {"total_pages": 100, "total_count": 100}, 100),
            (1, {"total_pages": 100, "total_count": 0}, 100),
            (1, {"total_pages": 100, "total_count": -1}, 100),
            (2, {"total_pages": 100, "total_count": 200}, 100),
            (1, {"total_pages": 1, "total_count": 3_500}, 100),
            (1, {"total_pages": 0, "total_count": 3_500}, 100),
            (3, {"total_pages": 3, "total_count": 3}, 1),
            (1, {"total_pages": -1, "total_count": 3_500}, 100),
            (3, {"total_pages": 3, "total_count": 10**30}, 100),
            (100, {"total_pages": 100, "total_count": 10**30}, 100),
            # a short first page means a smaller page size
            (3, {"total_pages": 3, "total_count": 120}, 50),
            (2, {"total_pages": 2, "total_count": 120}, 50),
            (3, {"total_pages": 100, "total_count": 120}, 50),
            # an empty first page
            (1, {"total_pages": 1, "total_count": 0}, 0),
            (1, {"total_pages": 100, "total_count": 0}, 0),
        ],
        ids=str,
    )
    def test_contradictory_totals_limit_the_pages(
        self, client: Client, zone: FakeZone, requested: int, info: dict[str, int], count: int
    ) -> None:
        zone.before = lambda number: (200, {}, envelope(mappings(count), result_info=info))
        assert len(list(client.iter_pages(MAPPINGS_PATH))) == requested
        assert sorted(zone.requested) == list(range(1, requested + 1))


class TestConcurrentPages:
    """The first page is read alone, the others are read concurrently."""

    @pytest.fixture(autouse=True)
    def _no_threads_are_left(self) -> t.Iterator[None]:
        before = threading.enumerate()
        yield
        # A signal within ThreadPoolExecutor.submit may hide a new thread from the pool, which then does not wait for its end
        for thread in set(threading.enumerate()).difference(before):
            thread.join(10)
        assert threading.enumerate() == before

    @pytest.fixture
    def woken_early(self) -> list[bool]:
        """For each pause, whether it ended early."""
        return []

    @pytest.fixture
    def client(self, woken_early: list[bool], messages: list[str]) -> Client:
        """A client that really sleeps, but not for long."""
        client = Client(Credential.from_token(TOKEN), API_URL, before_sleep=messages.append)
        client._pacer._sleep = lambda seconds: woken_early.append(client._pacer._cancelled.wait(min(seconds, 5)))
        return client

    @pytest.fixture
    def fail_pages(self, zone: FakeZone) -> t.Callable[..., None]:
        """Answer some pages with errors. The answers to the pages 2 to 9 wait until all of these are requested."""

        def fail_pages(
            answers: dict[int, tuple[int, dict[str, str], t.Any]],
            others: tuple[int, dict[str, str], t.Any] | None = None,
        ) -> None:
            together = threading.Barrier(8)

            def before(number: int) -> tuple[int, dict[str, str], t.Any] | None:
                if number == 1:
                    return None
                if number < 10 and zone.requested.count(number) == 1:
                    together.wait(10)
                return answers.get(number, others)

            zone.items = mappings(3_500)
            zone.before = before

        return fail_pages

    def test_pages_keep_their_order(self, client: Client, zone: FakeZone) -> None:
        zone.items = mappings(850)
        answered = {number: threading.Event() for number in range(1, 11)}
        answered[10].set()

        def before(number: int) -> None:
            if number > 1:
                assert answered[number + 1].wait(10)
            answered[number].set()

        zone.before = before
        assert [item for page in client.iter_pages(MAPPINGS_PATH) for item in page.items] == mappings(850)

    @pytest.mark.parametrize(("pages", "at_once"), [(1, 1), (2, 1), (3, 2), (9, 8), (17, 8), (33, 8)])
    def test_concurrency_is_max_connections(self, client: Client, zone: FakeZone, pages: int, at_once: int) -> None:
        zone.items = mappings(100 * pages)
        together = threading.Barrier(at_once)

        def before(number: int) -> None:
            if number > 1:
                together.wait(10)

        zone.before = before
        assert len(list(client.iter_pages(MAPPINGS_PATH))) == pages
        assert zone.max_concurrent == at_once <= _client.MAX_CONNECTIONS
        assert sorted(zone.requested) == list(range(1, pages + 1))

    def test_unused_pages_are_not_requested(self, client: Client, zone: FakeZone) -> None:
        zone.items = mappings(3_500)
        pages = client.iter_pages(MAPPINGS_PATH)
        next(pages)
        pages.close()
        assert zone.requested == [1]

    @pytest.mark.parametrize("number", [2, 5, 9])
    def test_error_of_the_failed_page(
        self, client: Client, zone: FakeZone, fail_pages: t.Callable[..., None], number: int
    ) -> None:
        fail_pages({number: (403, {}, error_envelope(10000, message=f"of page {number}"))})
        with pytest.raises(PermissionDeniedError, match=f"of page {number}") as caught:
            list(client.iter_pages(MAPPINGS_PATH))
        assert caught.value.__cause__ is None and caught.value.__context__ is None

    def test_error_ends_pauses(
        self,
        client: Client,
        zone: FakeZone,
        fail_pages: t.Callable[..., None],
        woken_early: list[bool],
        messages: list[str],
    ) -> None:
        limited = (429, {"Retry-After": "300"}, error_envelope(971))
        fail_pages({5: (403, {}, error_envelope(10000, message="of page 5"))}, limited)
        with pytest.raises(PermissionDeniedError, match="of page 5"):
            list(client.iter_pages(MAPPINGS_PATH))
        assert woken_early in ([], [True])
        assert len(messages) == len(woken_early)
        assert sorted(zone.requested) == list(range(1, 10))

    def test_error_with_rate_limit_header_ends_pauses(
        self, client: Client, zone: FakeZone, woken_early: list[bool]
    ) -> None:
        paused, together = threading.Event(), threading.Barrier(2)
        client._pacer._before_sleep = lambda text: paused.set()

        def before(number: int) -> tuple[int, dict[str, str], t.Any] | None:
            if number == 1:
                return None
            together.wait(10)
            if number == 2:
                return 429, {"Retry-After": "300"}, error_envelope(971)
            assert paused.wait(10)
            return 403, {"Ratelimit": '"default";r=9;t=300'}, error_envelope(10000)

        zone.items = mappings(300)
        zone.before = before
        with pytest.raises(PermissionDeniedError):
            list(client.iter_pages(MAPPINGS_PATH))
        assert woken_early == [True]

    def test_no_request_after_an_error(
        self, client: Client, zone: FakeZone, fail_pages: t.Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Even if the waiting thread learns of the error late."""

        def late(*args: t.Any, **options: t.Any) -> t.Any:
            result = wait(*args, **options)
            time.sleep(0.2)
            return result

        wait = _client.concurrent.futures.wait
        monkeypatch.setattr(_client.concurrent.futures, "wait", late)
        fail_pages({number: (403, {}, error_envelope(10000)) for number in range(2, 10)})
        with pytest.raises(PermissionDeniedError):
            list(client.iter_pages(MAPPINGS_PATH))
        assert sorted(zone.requested) == list(range(1, 10))

    @pytest.mark.parametrize(
        "answer",
        [(200, {}, envelope("x")), (200, {}, envelope([], result_info={})), (404, {}, error_envelope(7003))],
        ids=str,
    )
    def test_any_error_ends_the_list(self, client: Client, fail_pages: t.Callable[..., None], answer: t.Any) -> None:
        fail_pages({7: answer})
        with pytest.raises(ApiError):
            list(client.iter_pages(MAPPINGS_PATH))

    def test_unexpected_error_ends_the_list(self, client: Client, zone: FakeZone) -> None:
        def before(number: int) -> None:
            if number == 3:
                raise ZeroDivisionError

        zone.items = mappings(3_500)
        zone.before = before
        with pytest.raises(UnexpectedError, match="ZeroDivisionError"):
            list(client.iter_pages(MAPPINGS_PATH))

    def test_client_works_after_an_error(
        self, client: Client, zone: FakeZone, fail_pages: t.Callable[..., None]
    ) -> None:
        fail_pages({5: (403, {}, error_envelope(10000))})
        with pytest.raises(PermissionDeniedError):
            list(client.iter_pages(MAPPINGS_PATH))
        zone.before = lambda number: None
        assert [item for page in client.iter_pages(MAPPINGS_PATH) for item in page.items] == mappings(3_500)

    def test_broken_connections_are_retried(
        self, client: Client, zone: FakeZone, woken_early: list[bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def before(number: int) -> None:
            if zone.requested.count(number) == 1:
                raise requests.ConnectionError("cut")

        client._pacer._sleep = woken_early.append
        zone.items = mappings(3_500)
        zone.before = before
        assert [item for page in client.iter_pages(MAPPINGS_PATH) for item in page.items] == mappings(3_500)
        assert len(zone.requested) == 70

    @pytest.fixture
    def _interruptible(self) -> t.Iterator[None]:
        handler = signal.signal(signal.SIGINT, signal.default_int_handler)
        yield
        signal.signal(signal.SIGINT, handler)

    @pytest.mark.usefixtures("_interruptible")
    @pytest.mark.parametrize("thread", [threading.main_thread, threading.current_thread], ids=["main", "another"])
    def test_keyboard_interrupt(
        self, client: Client, zone: FakeZone, woken_early: list[bool], thread: t.Callable[[], threading.Thread]
    ) -> None:
        """The system delivers the signal to any thread, and one that is not the main thread does not wake that one."""
        waiting = threading.Event()
        client._pacer._before_sleep = lambda text: waiting.set()

        def interrupt() -> None:
            waiting.wait(10)
            signal.pthread_kill(thread().ident, signal.SIGINT)

        zone.items = mappings(3_500)
        zone.before = lambda number: None if number == 1 else (429, {"Retry-After": "300"}, error_envelope(971))
        user = threading.Timer(0.2, interrupt)
        user.start()
        with pytest.raises(KeyboardInterrupt):
            list(client.iter_pages(MAPPINGS_PATH))
        user.join()
        assert woken_early == [True]
        assert len(zone.requested) <= 9

    def test_keyboard_interrupt_while_submitting(
        self, client: Client, zone: FakeZone, woken_early: list[bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pools = _client.concurrent.futures.ThreadPoolExecutor
        submit = pools.submit
        waiting = threading.Event()
        client._pacer._before_sleep = lambda text: waiting.set()

        def interrupted(pool: t.Any, call: t.Any, number: int) -> t.Any:
            if number == 9:
                assert waiting.wait(10)
                raise KeyboardInterrupt
            return submit(pool, call, number)

        monkeypatch.setattr(pools, "submit", interrupted)
        zone.items = mappings(3_500)
        zone.before = lambda number: None if number == 1 else (429, {"Retry-After": "300"}, error_envelope(971))
        with pytest.raises(KeyboardInterrupt):
            list(client.iter_pages(MAPPINGS_PATH))
        assert woken_early == [True]

    def test_rate_limit_is_waited_for_once(
        self, zone: FakeZone, clock: FakeClock, messages: list[str], fail_pages: t.Callable[..., None]
    ) -> None:
        client = Client(
            Credential.from_token(TOKEN), API_URL, before_sleep=messages.append, clock=clock, sleep=clock.sleep
        )
        fail_pages({})
        unblocked, block = (
            zone.before,
            (429, {"Retry-After": "300", "Ratelimit": '"default";r=0;t=300'}, error_envelope(971)),
        )

        def before(number: int) -> tuple[int, dict[str, str], t.Any] | None:
            blocked = number > 1 and clock.now < 300
            unblocked(number)
            return block if blocked else None

        entered = threading.Barrier(8)
        sleep_before_retry = client._pacer.sleep_before_retry

        def enter(*args: t.Any) -> None:
            entered.wait(10)
            sleep_before_retry(*args)

        # Unlike the clock, the real time passes while eight answers arrive
        client._pacer.sleep_before_retry = enter
        clock.before_sleep = lambda: time.sleep(0.5)
        zone.before = before
        assert [item for page in client.iter_pages(MAPPINGS_PATH) for item in page.items] == mappings(3_500)
        assert clock.pauses == [300.0]
        assert (
            len(messages) == 1
            and "Retrying in 300.0 seconds (waited 0.0 of at most 330): Rate limit exceeded" in messages[0]
        )
        assert len(zone.requested) == 35 + 8

    def test_longer_pause_wins(
        self, zone: FakeZone, clock: FakeClock, messages: list[str], fail_pages: t.Callable[..., None]
    ) -> None:
        """A gateway error comes before the 429 of another page, whose Retry-After is longer."""
        client = Client(
            Credential.from_token(TOKEN), API_URL, before_sleep=messages.append, clock=clock, sleep=clock.sleep
        )
        zone.items = mappings(300)
        paused, started = threading.Event(), threading.Barrier(2)
        clock.before_sleep = paused.set
        sent: list[float] = []

        def before(number: int) -> tuple[int, dict[str, str], t.Any] | None:
            sent.append(clock.now)
            if number == 1 or zone.requested.count(number) > 1:
                return None
            started.wait(10)
            if number == 2:
                return 502, {}, ""
            assert paused.wait(10)
            return 429, {"Retry-After": "300"}, error_envelope(971)

        zone.before = before
        assert len(list(client.iter_pages(MAPPINGS_PATH))) == 3
        # Page 2 may be requested again before the 429 arrives, but page 3 is not requested before its pause ends
        assert max(sent) >= 300.0

    def test_last_requests_of_the_window_are_spread(
        self, zone: FakeZone, clock: FakeClock, messages: list[str]
    ) -> None:
        client = Client(
            Credential.from_token(TOKEN), API_URL, before_sleep=messages.append, clock=clock, sleep=clock.sleep
        )
        zone.items = mappings(900)
        zone.before = lambda number: (
            (200, {"Ratelimit": '"default";r=7;t=24'}, page(mappings(900))) if number == 1 else None
        )
        assert [item for page in client.iter_pages(MAPPINGS_PATH) for item in page.items] == mappings(900)
        assert clock.pauses == [3.0] * 8
        assert len(messages) == 1


class TestOutcomeUnknown:
    """Whether a failed write may have been made."""

    @pytest.mark.parametrize(
        ("answer", "status", "lost"),
        [
            (requests.ConnectionError("cut"), 200, True),
            (requests.ReadTimeout("slow"), 200, True),
            ("x" * 100_001, 200, True),
            ("<h1>OK</h1>", 200, True),
            (envelope(None), 200, True),
            (error_envelope(4711), 200, True),
            (error_envelope(1140), 500, True),
            (error_envelope(1156), 599, True),
            ("", 503, True),
            ("", 302, True),
            ("<h1>Forbidden</h1>", 403, True),
            ("", 404, True),
            ([error_envelope(10000)], 403, True),
            ({"errors": error_envelope(10000)["errors"]}, 403, True),
            (envelope({}), 403, True),
            (error_envelope(), 400, False),
            (error_envelope(4711), 400, False),
            (error_envelope(10000), 403, False),
            (error_envelope(1142), 404, False),
            (error_envelope(4711), 499, False),
            (error_envelope(971), 429, False),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_one_try(
        self,
        client: Client,
        wire: Wire,
        monkeypatch: pytest.MonkeyPatch,
        answer: t.Any,
        status: int,
        lost: bool,
    ) -> None:
        monkeypatch.setattr(_client, "MAX_RESPONSE_BYTES", 100_000)
        client._pacer._max_wait = 0.0
        wire.get("/zones", answer, status=status)
        assert request_error(client).outcome_unknown is lost

    @pytest.mark.parametrize(
        ("first", "lost"),
        [((requests.ConnectionError("cut"), 200), True), (("", 502), True), (("", 429), False)],
        ids=str,
    )
    def test_several_tries(self, client: Client, wire: Wire, first: tuple[t.Any, int], lost: bool) -> None:
        wire.get("/zones", first[0], status=first[1])
        wire.get("/zones", "", status=429)
        wire.get("/zones", error_envelope(10000), status=403)
        assert request_error(client).outcome_unknown is lost
        wire.get("/zones", first[0], status=first[1])
        wire.get("/zones", "", status=429)
        wire.get("/zones", envelope([1]))
        assert client.request("GET", "/zones").was_retried is lost

    def test_state_is_not_shared_by_requests(self, client: Client, wire: Wire) -> None:
        wire.get("/zones", envelope([1]))
        assert client.request("GET", "/zones").was_retried is False
        wire.get("/zones", "", status=502)
        wire.get("/zones", envelope([1]))
        wire.get("/zones", envelope([1]))
        wire.get("/zones", "", status=502)
        wire.get("/zones", error_envelope(4711), status=400)
        wire.get("/zones", error_envelope(4711), status=400)
        assert client.request("GET", "/zones").was_retried
        assert not client.request("GET", "/zones").was_retried
        assert request_error(client).outcome_unknown
        assert not request_error(client).outcome_unknown


class TestWriteOrVerify:
    @staticmethod
    def unknown_outcome() -> CloudflareError:
        error = TransportError("the write is lost")
        assert error.outcome_unknown
        return error

    @staticmethod
    def raising(error: Exception) -> t.Callable[[], t.Any]:
        def fail() -> None:
            raise error

        return fail

    def test_answered_write_is_not_verified(self, client: Client) -> None:
        assert client.write_or_verify(lambda: "written", self.raising(AssertionError())) == "written"

    @pytest.mark.parametrize("written", [None, False, 0, ""])
    def test_falsy_answer_is_not_verified(self, client: Client, written: t.Any) -> None:
        assert client.write_or_verify(lambda: written, self.raising(AssertionError())) is written

    def test_rejected_write_is_not_verified(self, client: Client) -> None:
        error = ApiError("no", 403, "no", [])
        with pytest.raises(ApiError) as caught:
            client.write_or_verify(self.raising(error), self.raising(AssertionError()))
        assert caught.value is error
        assert error.result == {}

    @pytest.mark.parametrize("found", ["found", False, 0, ""])
    def test_lost_answer_is_verified(self, client: Client, found: t.Any) -> None:
        assert client.write_or_verify(self.raising(self.unknown_outcome()), lambda: found) is found

    def test_write_that_was_not_made_fails(self, client: Client) -> None:
        error = self.unknown_outcome()
        with pytest.raises(CloudflareError) as caught:
            client.write_or_verify(self.raising(error), lambda: None)
        assert caught.value is error
        assert (str(error), error.result, error.__context__) == ("the write is lost", {}, None)

    def test_failed_verification_is_reported_as_changed(self, client: Client) -> None:
        error = self.unknown_outcome()
        with pytest.raises(CloudflareError) as caught:
            client.write_or_verify(self.raising(error), self.raising(ApiError("no", 403, "no", [])))
        assert caught.value is error
        assert str(error) == (
            "the write is lost; it is unknown whether the change was made, since the zone cannot be read either: run the task again"
        )
        assert error.result == {"changed": True}
        assert error.__cause__ is None

    def test_unexpected_error_is_verified(self, client: Client) -> None:
        assert client.write_or_verify(self.raising(KeyError(7)), lambda: "found") == "found"
        with pytest.raises(
            UnexpectedError, match=r"KeyError\(7\) in test_client\.py, line [0-9]+\. Report this message$"
        ):
            client.write_or_verify(self.raising(KeyError(7)), lambda: None)

    def test_unexpected_error_of_the_verification(self, client: Client) -> None:
        error = self.unknown_outcome()
        with pytest.raises(TransportError, match="the zone cannot be read either"):
            client.write_or_verify(self.raising(error), self.raising(KeyError()))
        assert error.result == {"changed": True}


class TestUnexpectedError:
    """An unexpected error, which is a defect of the collection or of a library."""

    def test_credential_is_hidden(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def defect(*args: object) -> None:
            raise IndexError(f"Bearer {TOKEN}")

        monkeypatch.setattr(client, "_send", defect)
        error = request_error(client)
        assert isinstance(error, UnexpectedError)
        assert error.outcome_unknown
        assert "IndexError('Bearer ********') in test_client.py, line" in str(error)
        assert error.__cause__ is error.__context__ is None

    def test_download(self, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
        def defect(*args: object) -> None:
            raise IndexError("x")

        http = _session.HttpSession(clock=clock, sleep=clock.sleep)
        monkeypatch.setattr(http, "_send", defect)
        with pytest.raises(UnexpectedError, match="IndexError"):
            http.download("https://example.com/ranges.json", 1_000)
