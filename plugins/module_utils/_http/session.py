# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP session with a server: connections, retries, time, size and redaction.

Private to the collection: other code must not import this file. It is independent of Cloudflare's API and of Ansible.
"""

from __future__ import annotations

import calendar
import email.utils
import random
import re
import socket
import ssl
import threading
import time
import typing as t
from typing import TYPE_CHECKING

from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    DownloadError,
    RetryableTransportError,
    TransportError,
    UnexpectedError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.deadline import make_adapter
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.pacing import RequestPacer
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.rate_limit import SharedRateLimit
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import sanitize_text
from ansible_collections.edgecache.cloudflare.plugins.module_utils._version import VERSION

# At run time only where a session is made, since the import takes time: see requirements.py
if TYPE_CHECKING:
    import requests

T = t.TypeVar("T")

MAX_RETRIES = 5
"""Retries of one request after broken responses. A rate limit may take more retries, since its end is known."""

MAX_BACKOFF = 60.0
"""Seconds between two attempts at which the pause, doubled each time, stops growing."""

CHUNK_BYTES = 65_536
"""Bytes of a body that are read, and unpacked, at once."""

HEADERS = {"Accept": "application/json", "User-Agent": f"edgecache.cloudflare/{VERSION}"}
"""Headers of every request."""

RETRY_STATUSES = frozenset({429, 502, 503, 504, *range(520, 530)})
"""Statuses that are retried: the rate limit, and the responses of a gateway that cannot reach the API.

Every method is retried: every call of this API is idempotent.
"""


class Response(t.NamedTuple):
    """One complete HTTP response.

    ``text`` does not hold the credential, even if the server repeated it. ``content`` is the body of a download.
    ``was_retried``: the server may have carried out an earlier attempt of the same request.
    """

    status: int
    headers: t.Mapping[str, str]
    text: str
    content: bytes = b""
    was_retried: bool = False

    def header(self, name: str) -> str:
        """Return the value of a header; an empty string if the response does not have it."""
        return self.headers.get(name, "")


class HttpSession:
    """A session with any server, without a credential. A context manager, which closes it.

    ``timeout``: seconds to connect, and between two bytes. ``max_wait``: seconds that all waiting may take together: pauses, failed
    attempts, and the time of responses beyond ``timeout``. One response takes at most ``timeout`` and the rest of ``max_wait``.
    ``verify``: whether certificates are validated, or the path of the CA certificates. ``before_sleep`` is called with a sentence
    before each pause. ``pacer`` is that of another session, if both share one ``max_wait``. ``shared_limit`` is the
    name of the server's rate limit, if several processes share it.
    """

    server = "the server"
    option = "sources"
    """The option that names the server."""

    def __init__(
        self,
        timeout: float = 30.0,
        max_wait: float = 330.0,
        verify: bool | str = True,
        before_sleep: t.Callable[[str], object] = lambda text: None,
        session: requests.Session | None = None,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], object] | None = None,
        pacer: RequestPacer | None = None,
        shared_limit: str = "",
    ) -> None:
        import requests

        self._timeout = timeout
        self._local = threading.local()
        self._verify = verify
        self._pacer = pacer or RequestPacer(max_wait, before_sleep, clock, sleep)
        self._shared_limit = SharedRateLimit(shared_limit, clock) if shared_limit else None
        self._address = self.server
        self._session = session or requests.Session()
        if not session:
            for scheme in list(self._session.adapters):
                self._session.mount(scheme, make_adapter(lambda: self._local.deadline - self._pacer.now()))
        self._session.headers.update(HEADERS)
        # `auth`: without it, requests replaces the Authorization header with the credential that ~/.netrc has for the host
        self._session.auth = self._authenticate

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()

    def download(self, url: str, max_bytes: int) -> bytes:
        """Return the file at this URL. Redirects are not followed.

        Raises ``DownloadError`` or ``TransportError``, which name the URL. Retries as every request of a session does.
        """

        def send() -> Response:
            try:
                status, headers, content = self._send("GET", url, None, None, max_bytes)
                return Response(status, headers, content[:1_000].decode(errors="replace"), content)
            except TransportError as error:
                error.args = (f"{url}: {error}",)
                raise

        def parse(response: Response) -> bytes:
            if response.status != 200:
                raise error_from_response(response)
            return response.content

        def error_from_response(response: Response) -> DownloadError:
            excerpt = body_excerpt(response.text)
            if 300 <= response.status < 400:
                target = re.split("[?#]", response.header("Location"))[0]  # a query often is a signature
                excerpt = f"a redirect to {sanitize_text(target)!r}, which is not followed: check {self.option}"
            return DownloadError(f"{url}: HTTP {response.status}: {excerpt}")

        return self._request_with_retry(send, parse, error_from_response)

    def _request_with_retry(
        self,
        send: t.Callable[[], Response],
        parse: t.Callable[[Response], T],
        error_from_response: t.Callable[[Response], CloudflareError],
    ) -> T:
        """Return what ``parse`` makes of the first response whose status is not in ``RETRY_STATUSES``.

        ``error_from_response`` creates the error for the others. ``outcome_unknown`` of a raised error covers all attempts.
        """
        attempts = broken = 0
        was_retried = False
        try:
            while True:
                started = self._pacer.acquire(self._shared_limit)
                self._local.deadline = started + self._timeout + self._pacer.left
                failure: CloudflareError
                pause, is_rate_limited = 0.0, False
                try:
                    response = send()._replace(was_retried=was_retried)
                    if response.status not in RETRY_STATUSES:
                        parsed = parse(response)
                        self._pacer.count_slow_response(started + self._timeout)
                        return parsed
                    failure = error_from_response(response)
                    pause, is_rate_limited = retry_after(response.headers), response.status == 429
                except RetryableTransportError as error:
                    failure = error
                except CloudflareError:
                    raise
                except Exception as error:
                    failure = UnexpectedError.from_exception(error, lambda text: sanitize_text(self._redact(text)))
                if isinstance(failure, UnexpectedError):
                    raise failure  # outside of `except`, since the chain of causes may hold headers
                was_retried = was_retried or failure.outcome_unknown
                attempts += 1
                broken += not is_rate_limited
                if broken > MAX_RETRIES:
                    raise failure.append_detail(f"gave up after {attempts} attempts")
                reason = f"{self.server} asks for" if pause else "the next attempt needs"
                self._pacer.sleep_before_retry(started, failure, pause or _backoff(attempts), reason)
        except CloudflareError as error:
            error.outcome_unknown = error.outcome_unknown or was_retried
            raise

    def _authenticate(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request

    def _send(
        self, method: str, url: str, params: t.Mapping[str, t.Any] | None, body: object, max_bytes: int
    ) -> tuple[int, t.Mapping[str, str], bytes]:
        """Send one request and read the response to its end. Return status, headers and body."""
        import requests

        failure: TransportError
        try:
            request = self._session.prepare_request(requests.Request(method, url, params=params, json=body))
            url = str(request.url)
            # Proxies of the environment. `verify` here: otherwise REQUESTS_CA_BUNDLE takes precedence over it
            settings: dict[str, t.Any] = {**self._session.merge_environment_settings(url, {}, True, self._verify, None)}
            # The adapter sends it, since the session reads the whole body of a redirect even if it does not follow it
            with self._session.get_adapter(url).send(request, timeout=self._timeout, **settings) as response:
                return response.status_code, response.headers, _read_body(response, max_bytes)
        except (OSError, ValueError) as error:  # the errors of requests are OSErrors; urllib3 also raises ValueErrors
            failure = self._transport_error(error)
        raise failure  # outside of `except`, since the chain of causes may hold headers

    def _transport_error(self, error: Exception) -> TransportError:
        import requests

        root = _root_cause(error)
        reason = sanitize_text(self._redact(str(root))) or type(root).__name__
        is_proxy_error = isinstance(error, requests.exceptions.ProxyError)
        via = " through the proxy from the environment (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY)" if is_proxy_error else ""
        text = f"No answer from {self._address}{via}: {reason}"
        if isinstance(root, socket.timeout):
            limit = f"timeout: {self._timeout:g} seconds"
            if self._pacer.left and self._pacer.now() >= self._local.deadline:
                limit += f" and the remaining {self._pacer.left:.1f} of max_wait, for the complete answer"
            return RetryableTransportError(f"{text} ({limit})")
        cut = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)
        if isinstance(error, requests.exceptions.SSLError) and not isinstance(root, cut):
            advice = ", or set ca_path to the CA certificates to trust" if "certificate" in reason else ""
            return TransportError(f"{text}; check {self.option}{advice}")
        retryable = (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        )
        return RetryableTransportError(text) if isinstance(error, retryable) else TransportError(text)

    def _redact(self, text: str) -> str:
        """Return the text without the credential of this session."""
        return text


def body_excerpt(text: str) -> str:
    """Return the beginning of a response body, quoted for a message."""
    return repr(sanitize_text(text, 150)) if text.strip() else "an empty answer"


def parse_http_date(date: str) -> float | None:
    """Return the seconds since the epoch of a date in an HTTP header (RFC 9110); ``None`` if it is not valid."""
    try:
        # utctimetuple: a date without a time zone is in UTC
        return float(calendar.timegm(email.utils.parsedate_to_datetime(date).utctimetuple()))
    except (IndexError, OverflowError, TypeError, ValueError):  # IndexError: Python 3.9, at "Oct 1 , 1"
        return None


def _root_cause(error: BaseException) -> BaseException:
    """Return the first error of the chain of causes.

    A ``TypeError`` ends the chain: urllib3 before 2 first tries an argument of Python 2, and every later error has that context.
    """
    cause = error.__cause__ or error.__context__
    return _root_cause(cause) if cause and not isinstance(cause, TypeError) else error


def _read_body(response: requests.Response, max_bytes: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise TransportError(f"HTTP {response.status_code}: the answer has more than {max_bytes} bytes")
    length = response.headers.get("Content-Length", "")
    # urllib3 before 2 does not check this
    if length.isdecimal() and response.raw.tell() < int(length):
        raise RetryableTransportError(
            f"HTTP {response.status_code}: the answer ended after {response.raw.tell()} of {length} bytes"
        )
    return bytes(content)


def retry_after(headers: t.Mapping[str, str]) -> float:
    """Return the seconds of the ``Retry-After`` header (RFC 9110: a number or a date); 0 without a valid one.

    The parser of urllib3 would cut the seconds at six hours, and older ones read a date in the local time zone.
    """
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,9}", value):
        return float(value)
    until = parse_http_date(value)
    return 0.0 if until is None else max(0.0, until - time.time())


def _backoff(attempts: int) -> float:
    """Return the seconds to wait after so many attempts: doubled each time, less a random part, so that clients spread."""
    return min(MAX_BACKOFF, 1 << (attempts - 1)) * random.uniform(0.5, 1.0)
