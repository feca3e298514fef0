# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One HTTP session with Cloudflare's API: credential, envelope, time-outs, waiting, pages. And one for files of others.

Private to the collection: no other collection may rely on this file. Knows no resource, and nothing of Ansible. The
envelope, the limits and the meaning of a status are facts of Cloudflare's API documentation.
"""

from __future__ import annotations

import calendar
import concurrent.futures
import email.utils
import json
import random
import re
import socket
import ssl
import threading
import time
import typing as t
from typing import TYPE_CHECKING

from ansible_collections.edgecache.cloudflare.plugins.module_utils._deadline import make_adapter
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    ConnectionBroken,
    ConnectionFailed,
    DownloadFailed,
    UnexpectedError,
    api_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._patience import Patience, Stopped
from ansible_collections.edgecache.cloudflare.plugins.module_utils._version import VERSION

# At run time only where a client is made, since it takes its time: see _libraries.py
if TYPE_CHECKING:
    import requests

S = t.TypeVar("S")
T = t.TypeVar("T")

PAGE_SIZE = 100
"""Items a page: the most that the API gives."""

CONNECTIONS = 8
"""Reads side by side: 3,500 mappings take 6 round trips instead of 35, and twice as many connections would save but 2."""

MAX_PAGES = 100
"""Pages that are believed. A zone holds at most 3,500 mappings, so 35: a thousand would be a lie."""

MAX_BODY = 16 * 1024 * 1024
"""Bytes of an answer of the API that are read. A page of 100 mappings has about 15,000."""

MAX_REPEATS = 5
"""Times that one request is repeated after broken answers. A rate limit is waited for longer: its end is known."""

LONGEST_BACKOFF = 60.0
"""Seconds between two tries at which the pause, doubled each time, stops growing."""

SHORTEST_SECRET = 8
"""Characters from which a credential is looked for in what comes back. Cloudflare's have 37 and more."""

_PASSING = frozenset({429, 502, 503, 504, *range(520, 530)})
"""Statuses worth another try: the rate limit, and what a gateway says while the API behind it is out of reach.

Any method may be repeated: every call of this API is idempotent.
"""


class Credential:
    """An API token, or an e-mail address with its global API key. Printed, it shows neither."""

    def __init__(self, secret: str, headers: dict[str, str]) -> None:
        self.secret = secret
        self.headers = headers

    @classmethod
    def from_token(cls, token: str) -> Credential:
        return cls(token, {"Authorization": f"Bearer {token}"})

    @classmethod
    def from_key(cls, address: str, key: str) -> Credential:
        return cls(key, {"X-Auth-Email": address, "X-Auth-Key": key})


class Page(t.NamedTuple):
    """One page of a list, and what it says of the whole: pages and items, all counted.

    ``date`` is the second in which the server made the page, on its own clock, since the epoch; ``None`` where it does not say.
    """

    items: list[t.Any]
    total_pages: int
    total_count: int
    date: float | None = None


class _Answer(t.NamedTuple):
    """One whole HTTP answer. ``text`` does not hold the credential, even if the server repeated it.

    ``content`` is the file, where one was asked for.
    """

    status: int
    headers: t.Mapping[str, str]
    text: str
    content: bytes = b""


class Http:
    """A session with any server, for which no credential is known; to be closed, as a context manager.

    ``timeout``: seconds to connect, and between two bytes. ``max_wait``: seconds that all waiting may take together:
    pauses, tries that failed, and what an answer takes beyond ``timeout``. One answer, to its last byte, takes at most
    ``timeout`` and what is left of ``max_wait``. ``verify``: whether certificates are checked, or the path of the
    CA certificates to check them with. ``tell`` gets a sentence before each pause. ``patience`` is that of another
    session with which this one shares what all waiting may take, instead of one of its own.

    ``repeated`` tells whether the last request was tried again though the server may have done it already.
    """

    server = "the server"
    option = "sources"
    """The one that says where the server is."""

    def __init__(
        self,
        timeout: float = 30.0,
        max_wait: float = 330.0,
        verify: bool | str = True,
        tell: t.Callable[[str], object] = lambda text: None,
        session: requests.Session | None = None,
        clock: t.Callable[[], float] = time.monotonic,
        sleep: t.Callable[[float], object] | None = None,
        patience: Patience | None = None,
    ) -> None:
        import requests

        self._timeout = timeout
        self._local = threading.local()
        self._verify = verify
        self._patience = patience or Patience(max_wait, tell, clock, sleep)
        self.repeated = False
        self._where = self.server
        self._session = session or requests.Session()
        if not session:
            for scheme in ("http://", "https://"):
                self._session.mount(scheme, make_adapter(lambda: self._local.deadline - self._patience.now()))
        self._session.headers.update({"Accept": "application/json", "User-Agent": f"edgecache.cloudflare/{VERSION}"})
        # `auth`, since requests replaces an Authorization header by what ~/.netrc has for the host where none is set
        self._session.auth = self._sign

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._session.close()

    def download(self, url: str, limit: int) -> bytes:
        """The file at this URL, of at most so many bytes. No redirect is followed.

        Tries again as ``Client.request`` does. Raises ``DownloadFailed`` or ``ConnectionFailed``, which name the URL.
        """

        def exchange() -> _Answer:
            try:
                status, headers, content = self._fetch("GET", url, None, None, limit)
                return _Answer(status, headers, content[:1_000].decode("utf-8", "replace"), content)
            except ConnectionFailed as error:
                error.args = (f"{url}: {error}",)
                raise

        def read(answer: _Answer) -> bytes:
            if answer.status != 200:
                raise failed(answer)
            return answer.content

        def failed(answer: _Answer) -> DownloadFailed:
            came = _came(answer.text)
            if 300 <= answer.status < 400:
                target = re.split("[?#]", answer.headers.get("Location", ""))[0]  # a query often is a signature
                came = f"a redirect to {printable(target)!r}, which is not followed: check {self.option}"
            return DownloadFailed(f"{url}: HTTP {answer.status}: {came}")

        return self._patiently(exchange, read, failed)

    def _patiently(
        self,
        exchange: t.Callable[[], _Answer],
        read: t.Callable[[_Answer], T],
        failed: t.Callable[[_Answer], CloudflareError],
    ) -> T:
        """What ``read`` makes of the first answer that is worth no other try; ``failed`` has the error of the others."""
        tries = broken = 0
        while True:
            started = self._patience.start()
            self._local.deadline = started + self._timeout + self._patience.left
            failure: CloudflareError
            asked, limited = 0.0, False
            try:
                answer = exchange()
                if answer.status not in _PASSING:
                    result = read(answer)
                    self._patience.count_slow(started + self._timeout)
                    return result
                failure, asked, limited = failed(answer), _retry_after(answer.headers), answer.status == 429
            except ConnectionBroken as error:
                failure = error
            except CloudflareError:
                raise
            except Exception as error:
                failure = UnexpectedError.from_exception(error, lambda text: printable(self._without_secret(text)))
            if isinstance(failure, UnexpectedError):
                raise failure  # outside of `except`: the chain of causes may hold headers
            self.repeated = self.repeated or failure.lost
            tries += 1
            broken += not limited
            if broken > MAX_REPEATS:
                raise failure.add(f"given up after {tries} tries")
            why = f"{self.server} asks for" if asked else "next would be"
            self._patience.wait(started, failure, asked or _backoff(tries), why)

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request

    def _fetch(
        self, method: str, url: str, params: t.Mapping[str, t.Any] | None, body: object, limit: int
    ) -> tuple[int, t.Mapping[str, str], bytes]:
        """Send one request and read the answer to its end, whatever its status."""
        import requests

        failure: ConnectionFailed
        try:
            request = self._session.prepare_request(requests.Request(method, url, params=params, json=body))
            url = request.url or ""
            # Proxies of the environment. `verify` is for the request: else REQUESTS_CA_BUNDLE would win over it
            settings: dict[str, t.Any] = {**self._session.merge_environment_settings(url, {}, True, self._verify, None)}
            # Not through the session, which reads the body of a redirect without a limit, even if not to follow it
            with self._session.get_adapter(url).send(request, timeout=self._timeout, **settings) as response:
                return response.status_code, response.headers, _content(response, limit)
        except (OSError, ValueError) as error:  # requests' own are OSErrors; urllib3 lets a few ValueErrors through
            failure = self._connection_error(error)
        raise failure  # outside of `except`: the chain of causes may hold headers

    def _connection_error(self, error: Exception) -> ConnectionFailed:
        import requests

        root = _root(error)
        reason = printable(self._without_secret(str(root))) or type(root).__name__
        via = (
            " through the proxy that the environment names" if isinstance(error, requests.exceptions.ProxyError) else ""
        )
        text = f"No answer from {self._where}{via}: {reason}"
        if isinstance(root, socket.timeout):
            bound = f"timeout: {self._timeout:g} seconds"
            if self._patience.left and self._patience.now() >= self._local.deadline:
                bound += f" and the {self._patience.left:.1f} that max_wait had left, for the whole answer"
            return ConnectionBroken(f"{text} ({bound})")
        cut = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError)
        if isinstance(error, requests.exceptions.SSLError) and not isinstance(root, cut):
            advice = "ca_path names the CA certificates to trust" if "certificate" in reason else f"check {self.option}"
            return ConnectionFailed(f"{text}; {advice}")
        passing = (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        )
        return ConnectionBroken(text) if isinstance(error, passing) else ConnectionFailed(text)

    def _without_secret(self, text: str) -> str:
        return text


class Client(Http):
    """The session with the API at ``base_url`` (without a slash at its end)."""

    server = "the API"
    option = "api_url"

    def __init__(self, credential: Credential, base_url: str, *args: t.Any, **settings: t.Any) -> None:
        super().__init__(*args, **settings)
        self._credential = credential
        self._base_url = self._where = base_url

    def request(
        self, method: str, path: str, params: t.Mapping[str, t.Any] | None = None, body: object = None
    ) -> dict[str, t.Any]:
        """The envelope of a successful answer: an object whose ``result`` is not null.

        Tries again after rate limits, gateway errors and broken connections while ``max_wait`` lasts. Raises
        ``ApiError`` and its kinds, or ``ConnectionFailed``; ``lost`` if any of the tries was.
        """
        return self._request(method, path, params, body, _envelope)

    def _request(
        self,
        method: str,
        path: str,
        params: t.Mapping[str, t.Any] | None,
        body: object,
        parse: t.Callable[[_Answer], T],
    ) -> T:
        self.repeated = False
        try:
            return self._patiently(lambda: self._exchange(method, path, params, body), parse, _failed)
        except CloudflareError as error:
            error.lost = error.lost or self.repeated
            raise

    def pages(self, path: str) -> t.Iterator[Page]:
        """The pages of a list, ``PAGE_SIZE`` items each: one request a page, to the last page that the API tells.

        The first comes alone. Those after it are read side by side; an error in one ends them all.
        """

        def read(number: int) -> Page:
            return self._request("GET", path, {"page": number, "per_page": PAGE_SIZE}, None, _page)

        first = read(1)
        yield first
        # That the API does not say the one thing in two ways is not taken for granted
        needed = -(-first.total_count // max(1, len(first.items)))
        yield from self.side_by_side(read, range(2, min(first.total_pages, needed) + 1))

    def side_by_side(self, read: t.Callable[[S], T], items: t.Sequence[S]) -> list[T]:
        """What ``read`` gives for each item, in their order, over up to ``CONNECTIONS`` connections.

        An error of one ends the others: the first of them in the order of the items is raised, and no thread is left.
        """
        if len(items) < 2:
            return list(map(read, items))

        def read_or_stop(item: S) -> T:
            try:
                return read(item)
            except BaseException:
                self._patience.stop()
                raise

        with concurrent.futures.ThreadPoolExecutor(min(len(items), CONNECTIONS)) as pool:
            try:
                reads = [pool.submit(read_or_stop, item) for item in items]
                pending = set(reads)
                while pending:
                    # By the second, since a signal does not always wake a thread that waits without end
                    pending = concurrent.futures.wait(pending, 1.0).not_done
            except BaseException:
                self._patience.stop()
                raise
        # Not after an interruption: a second one may leave threads behind, which must not go on
        self._patience.resume()
        for failure in [one.exception() for one in reads]:
            if failure and not isinstance(failure, Stopped):
                raise failure
        return [one.result() for one in reads]

    def sure(self, write: t.Callable[[], T], read: t.Callable[[], T | None]) -> T:
        """What ``write`` gives; where its answer is lost for good, what ``read`` does, with none for "not done".

        Raises the error of ``write`` if it was not done, or if that cannot be read either: ``changed`` in its result
        is true then.
        """
        failure: CloudflareError
        try:
            return write()
        except CloudflareError as error:
            if not error.lost:
                raise
            failure = error
        except Exception as error:
            failure = UnexpectedError.from_exception(error, printable)
        try:
            found = read()
        except Exception:
            failure.result["changed"] = True
            raise failure.add("it is not known whether this was done, since the zone cannot be read either") from None
        if found is None:
            raise failure
        return found

    def _exchange(self, method: str, path: str, params: t.Mapping[str, t.Any] | None, body: object) -> _Answer:
        status, headers, content = self._fetch(method, self._base_url + path, params, body, MAX_BODY)
        self._patience.heed(headers.get("Ratelimit", ""))
        return _Answer(status, headers, self._without_secret(_unescaped(content.decode("utf-8", "replace"))))

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._credential.headers)
        return request

    def _without_secret(self, text: str) -> str:
        # What is shorter is no real credential, but may be a word of the answer
        secret = self._credential.secret
        for form in (secret, json.dumps(secret)[1:-1]) if len(secret) >= SHORTEST_SECRET else ():
            text = text.replace(form, "********")
        return text


def _root(error: BaseException) -> BaseException:
    """Return the first of the errors that led to this one.

    Not a ``TypeError``: urllib3 before 2 first tries an argument of Python 2, and whatever comes next has that as its context.
    """
    cause = error.__cause__ or error.__context__
    return _root(cause) if cause and not isinstance(cause, TypeError) else error


def _content(response: requests.Response, limit: int) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(65_536):
        content += chunk
        if len(content) > limit:
            raise ConnectionFailed(f"HTTP {response.status_code}: the answer has more than {limit} bytes")
    length = response.headers.get("Content-Length", "")
    # urllib3 before 2 does not notice
    if length.isdecimal() and response.raw.tell() < int(length):
        raise ConnectionBroken(f"HTTP {response.status_code}: {response.raw.tell()} of the {length} bytes came")
    return bytes(content)


def _unescaped(text: str) -> str:
    """The same JSON without escapes, in which a repeated credential would not be found."""
    if "\\" in text:
        try:
            return json.dumps(json.loads(text), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return text


def _envelope(answer: _Answer) -> dict[str, t.Any]:
    document = _document(answer)
    if not 200 <= answer.status < 300 or document.get("success") is not True or document.get("errors"):
        raise _failed(answer)
    if document.get("result") is None:
        raise malformed("a result", document)
    return document


def _failed(answer: _Answer) -> ApiError:
    advice = ""
    if 300 <= answer.status < 400:
        advice = "A redirect, which is not followed, since it would carry the credential along: check api_url"
    elif "cf-mitigated" in answer.headers:
        advice = "Cloudflare's firewall stopped the request before the API: ask from another network, or allow this one"
    document = _document(answer)
    has_envelope = document.get("success") is False and isinstance(document.get("errors"), list)
    return api_error(answer.status, _errors(document), _came(answer.text), advice, has_envelope)


def _errors(document: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The well-formed errors of an envelope, each followed by the chain of its causes."""
    found = []
    for error in _objects(document.get("errors")):
        for one in [error, *_objects(error.get("error_chain"))]:
            if _int(one.get("code")) is not None:
                found.append({"code": one["code"], "message": printable(str(one.get("message") or ""))})
    return found


def _objects(value: object) -> list[dict[str, t.Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _document(answer: _Answer) -> dict[str, t.Any]:
    """The JSON object of an answer; an empty one where it is none."""
    try:
        document = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _page(answer: _Answer) -> Page:
    envelope = _envelope(answer)
    items, info = envelope["result"], envelope.get("result_info")
    if isinstance(items, list) and isinstance(info, dict):
        pages, count = _int(info.get("total_pages")), _int(info.get("total_count"))
        if pages is not None and count is not None and pages <= MAX_PAGES:
            return Page(items, pages, count, _seconds(answer.headers.get("Date", "")))
    raise malformed("a page of a list", envelope)


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def malformed(expected: str, came: object) -> ApiError:
    """The error for a successful answer that is not what the API's contract says."""
    return api_error(200, [], f"an answer that is not {expected}: {_came(json.dumps(came))}")


def _came(text: str) -> str:
    """The first words of an answer, for a message."""
    return repr(printable(text, 150)) if text.strip() else "an empty answer"


def printable(text: str, most: int = 1_000) -> str:
    """One line of ``text`` that a terminal can show: no control characters, not without end."""
    words = "".join(char if char.isprintable() else " " for char in " ".join(text[: 2 * most].split()))
    return words if len(words) <= most else words[:most] + "…"


def _retry_after(headers: t.Mapping[str, str]) -> float:
    """Seconds that the server asks to wait (RFC 9110: a number or a date); 0 where it does not say."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,9}", value):
        return float(value)
    until = _seconds(value)
    return 0.0 if until is None else max(0.0, until - time.time())


def _seconds(date: str) -> float | None:
    """Return the seconds since the epoch of a date as HTTP writes it (RFC 9110); ``None`` where it is not valid."""
    try:
        # utctimetuple: a date without a time zone is in UTC
        return float(calendar.timegm(email.utils.parsedate_to_datetime(date).utctimetuple()))
    except (IndexError, OverflowError, TypeError, ValueError):  # IndexError: Python 3.9, at "Oct 1 , 1"
        return None


def _backoff(tries: int) -> float:
    """Seconds to wait after so many tries: doubled each time, less a random part, so that clients do not meet again."""
    return min(LONGEST_BACKOFF, 2.0 ** min(tries - 1, 10)) * random.uniform(0.5, 1.0)
