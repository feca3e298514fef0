# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One session with Cloudflare's API: credential, envelope, pages, concurrent reads, and writes with a known outcome.

Private to the collection: other code must not import this file. It is independent of Ansible and of the API's resources. Source
of the envelope and the limits: Cloudflare's API documentation, https://developers.cloudflare.com/api/
"""

from __future__ import annotations

import concurrent.futures
import functools
import json
import math
import typing as t
from typing import TYPE_CHECKING

from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    PermissionDeniedError,
    SettingUnavailableError,
    TransportError,
    UnexpectedError,
    ZoneNotFoundError,
    build_api_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.pacing import RequestCancelledError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.session import (
    HttpSession,
    Response,
    body_excerpt,
    parse_http_date,
    retry_after,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import MIN_SECRET_LENGTH
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import sanitize_text

if TYPE_CHECKING:
    import requests

S = t.TypeVar("S")
T = t.TypeVar("T")

PAGE_SIZE = 100
"""Items of a page: the maximum of the API."""

MAX_PAGES = 100
"""Pages that are accepted. A zone holds at most 3,500 mappings, which are 35 pages."""

MAX_LIST_ATTEMPTS = 3
"""Attempts to read a list, if its pages contradict each other because items are added or deleted meanwhile."""

MAX_CONNECTIONS = 8
"""Concurrent reads: 3,500 mappings take 6 round trips instead of 35. Twice as many connections would save only 2 more."""

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""Bytes of a response of the API that are read. A page of 100 mappings has about 15,000."""


class Credential:
    """An API token, or an e-mail address with its global API key. ``repr`` shows neither."""

    def __init__(self, secret: str, headers: dict[str, str]) -> None:
        self.secret = secret
        self.headers = headers

    @classmethod
    def from_token(cls, token: str) -> Credential:
        return cls(token, {"Authorization": f"Bearer {token}"})

    @classmethod
    def from_global_key(cls, email: str, key: str) -> Credential:
        return cls(key, {"X-Auth-Email": email, "X-Auth-Key": key})


class Page(t.NamedTuple):
    """One page of a list, with the API's counts of all pages and items.

    ``date`` is the API's time of the page, in whole seconds since the epoch; ``None`` if the response has none.
    """

    items: list[t.Any]
    total_pages: int
    total_count: int
    date: float | None = None


class OpenPage(t.NamedTuple):
    """One page of a list whose counts the API may omit. ``total_count`` and ``page_count`` are ``None`` where it does.

    ``is_full``: further pages may follow.
    """

    items: list[t.Any]
    is_full: bool
    total_count: int | None
    page_count: int | None


class ApiResult(t.NamedTuple):
    """The ``result`` of a successful response, which is not null.

    ``was_retried``: the API may have carried out an earlier attempt of the same request.
    """

    result: t.Any
    was_retried: bool = False


class Client(HttpSession):
    """A session with the API at ``base_url``, which has no slash at its end."""

    server = "the API"
    option = "api_url"

    def __init__(self, credential: Credential, base_url: str, **settings: t.Any) -> None:
        super().__init__(**settings)
        self._credential = credential
        self._base_url = self._address = base_url

    def request(
        self, method: str, path: str, params: t.Mapping[str, t.Any] | None = None, body: object = None
    ) -> ApiResult:
        """Send one request, and return the result of a successful response.

        Retries after rate limits, gateway errors and broken connections as long as ``max_wait`` allows. Raises ``ApiError`` and its
        subclasses, or ``TransportError``.
        """
        return self._request(method, path, params, body, _parse_result)

    def _request(
        self,
        method: str,
        path: str,
        params: t.Mapping[str, t.Any] | None,
        body: object,
        parse: t.Callable[[Response], T],
    ) -> T:
        def send() -> Response:
            try:
                status, headers, content = self._send(method, self._base_url + path, params, body, MAX_RESPONSE_BYTES)
            except TransportError:
                if self._shared_limit:
                    self._shared_limit.stop_waiting_for_response()
                raise
            response = Response(status, headers, self._redact(_unescape(content.decode(errors="replace"))))
            self._update_rate_limit(response)
            return response

        return self._request_with_retry(send, parse, _error_from_response)

    def _update_rate_limit(self, response: Response) -> None:
        header = response.header("Ratelimit")
        refused_seconds = retry_after(response.headers) if response.status == 429 else None
        if not self._shared_limit or not self._shared_limit.update(header, refused_seconds):
            self._pacer.update_rate_limit(header)

    def iter_pages(self, path: str) -> t.Iterator[Page]:
        """Yield the pages of a list, ``PAGE_SIZE`` items each. One request for each page.

        Reads the first page alone, the others concurrently. An error in one page cancels the others.
        """

        def fetch_page(number: int) -> Page:
            return self._request("GET", path, {"page": number, "per_page": PAGE_SIZE}, None, _parse_page)

        first = fetch_page(1)
        yield first
        # The two counts of the API may contradict each other
        needed = -(-first.total_count // max(1, len(first.items)))
        yield from self.map_concurrently(fetch_page, range(2, min(first.total_pages, needed) + 1))

    def iter_open_pages(
        self,
        path: str,
        params: t.Mapping[str, t.Any],
        page_size: int,
        max_pages: int,
        ends_by_counts: bool = True,
    ) -> t.Iterator[OpenPage]:
        """Yield the pages of a list whose counts the API may omit. One request for each page.

        The list ends with a page that is not full; with ``ends_by_counts``, also with the last page that the counts announce.
        Announced pages are read concurrently, ``MAX_CONNECTIONS`` at a time, others one by one. Raises ``ApiError`` for more than
        ``max_pages``.
        """
        parse_page = functools.partial(_parse_open_page, page_size)

        def fetch_page(number: int) -> OpenPage:
            return self._request("GET", path, {**params, "page": number, "per_page": page_size}, None, parse_page)

        numbers = range(1, 2)
        while numbers:
            pages = self.map_concurrently(fetch_page, numbers)
            yield from pages
            if not all(page.is_full for page in pages):
                return
            next_number = numbers.stop
            announced = max((page.page_count for page in pages if page.page_count is not None), default=next_number)
            if not ends_by_counts:
                announced = max(next_number, min(announced, max_pages))
            if announced > max_pages:
                raise build_api_error(
                    200, [], f"the list has {announced:,} pages or more, but at most {max_pages:,} are expected"
                )
            numbers = range(next_number, min(announced, next_number + MAX_CONNECTIONS - 1) + 1)

    def map_concurrently(self, fetch: t.Callable[[S], T], items: t.Sequence[S]) -> list[T]:
        """Return ``fetch(item)`` for each item, in their order, over up to ``MAX_CONNECTIONS`` connections.

        An error of one call cancels the others. After all threads have ended, the first error in the order of the items is raised.
        """
        if len(items) < 2:
            return list(map(fetch, items))

        def fetch_or_cancel(item: S) -> T:
            try:
                return fetch(item)
            except BaseException:
                self._pacer.cancel()
                raise

        with concurrent.futures.ThreadPoolExecutor(min(len(items), MAX_CONNECTIONS)) as pool:
            try:
                futures = [pool.submit(fetch_or_cancel, item) for item in items]
                pending = set(futures)
                while pending:
                    # Wakes each second, since a signal does not always wake a thread that waits without a timeout
                    pending = concurrent.futures.wait(pending, 1.0).not_done
            except BaseException:
                self._pacer.cancel()
                raise
        # Not after an interruption: a second interruption may leave threads running, which must stay cancelled
        self._pacer.reset()
        for failure in [future.exception() for future in futures]:
            if failure and not isinstance(failure, RequestCancelledError):
                raise failure
        return [future.result() for future in futures]

    def write_or_verify(self, write: t.Callable[[], T], verify: t.Callable[[], T | None]) -> T:
        """Return the result of ``write``. If its outcome is unknown, return the result of ``verify``: ``None`` means not done.

        Raises the error of ``write`` if the write was not done, or if ``verify`` fails too; then ``changed`` in its result is true.
        """
        failure: CloudflareError
        try:
            return write()
        except CloudflareError as error:
            if not error.outcome_unknown:
                raise
            failure = error
        except Exception as error:
            failure = UnexpectedError.from_exception(error, sanitize_text)
        try:
            found = verify()
        except Exception:
            failure.result["changed"] = True
            raise failure.append_detail(
                "it is unknown whether the change was made, since the zone cannot be read either: run the task again"
            ) from None
        if found is None:
            raise failure
        return found

    def _authenticate(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(self._credential.headers)
        return request

    def _redact(self, text: str) -> str:
        # A shorter secret is not a real credential, and may be a word of the response
        secret = self._credential.secret
        for form in (secret, json.dumps(secret)[1:-1]) if len(secret) >= MIN_SECRET_LENGTH else ():
            text = text.replace(form, "********")
        return text


def unexpected_response(expected: str, body: object) -> ApiError:
    """Return the error for a successful response that breaks the API's contract."""
    try:
        excerpt = body_excerpt(json.dumps(body))
    except RecursionError:  # JSON that Python can parse may be nested too deeply to serialize
        excerpt = "JSON that is nested too deeply to show"
    return build_api_error(200, [], f"expected {expected}, but the answer is {excerpt}")


def collect_items(
    read_pages: t.Callable[[], t.Iterator[OpenPage]],
    parse: t.Callable[[t.Any], T],
    key: t.Callable[[T], t.Hashable],
    subject: str,
    first_read: t.Iterator[OpenPage] | None = None,
) -> list[T]:
    """Return the items of all pages. Reads the pages again if they contradict each other.

    ``first_read`` are the pages of the first attempt. ``key`` returns what is different for each item, ``subject`` names the items.
    """
    for dummy in range(MAX_LIST_ATTEMPTS):
        items: dict[t.Hashable, T] = {}
        counts: set[int | None] = set()
        is_last = is_torn = False
        for page in first_read or read_pages():
            more = {key(item): item for item in map(parse, page.items)}
            counts.add(page.total_count)
            # An item in two pages, or an item after the last page
            is_torn = is_torn or not items.keys().isdisjoint(more) or (is_last and bool(more))
            items.update(more)
            is_last = not page.is_full
            if is_torn:
                break
        if not is_torn and len(counts - {None}) < 2:
            return list(items.values())
        first_read = None
    raise build_api_error(
        200,
        [],
        f"the pages of the {subject} contradict each other in each of {MAX_LIST_ATTEMPTS} reads: try again later",
    )


def is_never_set(error: ApiError) -> bool:
    """Return whether the API reports that the zone exists, but not the requested setting or rules."""
    # The contract has no code that all of these calls share, only those for a missing zone, permission or plan
    return (
        error.status == 404
        and error.code is not None
        and not isinstance(error, (ZoneNotFoundError, PermissionDeniedError, SettingUnavailableError))
    )


def _unescape(text: str) -> str:
    """Return the same JSON without escapes, which would hide a repeated credential."""
    if "\\" in text:
        try:
            return json.dumps(json.loads(text), ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    return text


def _parse_result(response: Response) -> ApiResult:
    return ApiResult(_parse_envelope(response)["result"], response.was_retried)


def _parse_envelope(response: Response) -> dict[str, t.Any]:
    document = _parse_document(response)
    if not 200 <= response.status < 300 or document.get("success") is not True or document.get("errors"):
        raise _error_from_response(response)
    if document.get("result") is None:
        raise unexpected_response("a result", document)
    return document


def _parse_page(response: Response) -> Page:
    envelope = _parse_envelope(response)
    items, info = envelope["result"], envelope.get("result_info")
    if isinstance(items, list) and isinstance(info, dict):
        pages, count = _int_or_none(info.get("total_pages")), _int_or_none(info.get("total_count"))
        if pages is not None and count is not None and pages <= MAX_PAGES:
            return Page(items, pages, count, parse_http_date(response.header("Date")))
    raise unexpected_response("a page of a list", envelope)


def _parse_open_page(page_size: int, response: Response) -> OpenPage:
    envelope = _parse_envelope(response)
    items, info = envelope["result"], envelope.get("result_info")
    if not isinstance(items, list):
        raise unexpected_response("a page of a list", envelope)
    if not isinstance(info, dict):
        info = {}
    # The API may return smaller pages than requested
    size = min(page_size, max(1, _int_or_none(info.get("per_page")) or page_size))
    count = _int_or_none(info.get("total_count"))
    page_counts = [_int_or_none(info.get("total_pages")), None if count is None else math.ceil(count / size)]
    # The list is complete with the larger number, even if the two contradict each other
    page_count = max((number for number in page_counts if number is not None), default=None)
    return OpenPage(items, len(items) >= size, count, page_count)


def _error_from_response(response: Response) -> ApiError:
    advice = ""
    if 300 <= response.status < 400:
        advice = "The answer is a redirect, which is not followed, since it would forward the credential: check api_url"
    elif "cf-mitigated" in response.headers:
        advice = "Cloudflare's firewall blocked the request: run the task from another network, or ask Cloudflare to allow this one"
    document = _parse_document(response)
    has_envelope = document.get("success") is False and isinstance(document.get("errors"), list)
    return build_api_error(response.status, _parse_errors(document), body_excerpt(response.text), advice, has_envelope)


def _parse_errors(document: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the well-formed errors of an envelope, each followed by its ``error_chain``."""
    found = []
    for error in _dicts_in(document.get("errors")):
        for item in [error, *_dicts_in(error.get("error_chain"))]:
            if _int_or_none(item.get("code")) is not None:
                found.append({"code": item["code"], "message": sanitize_text(str(item.get("message") or ""))})
    return found


def _parse_document(response: Response) -> dict[str, t.Any]:
    """Return the JSON object of a response; an empty one if the body is not a JSON object."""
    try:
        document = json.loads(response.text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _dicts_in(value: object) -> list[dict[str, t.Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _int_or_none(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
