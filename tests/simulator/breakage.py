# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each kind of fault does on the wire."""

from __future__ import annotations

import http
import json
import typing as t

from aiohttp import web

from . import errors
from .faults import Fault, Faults

GATEWAY_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"

Perform = t.Callable[[], web.Response]


async def broken(fault: Fault, request: web.Request, perform: Perform, faults: Faults) -> web.StreamResponse:
    """The answer of a request that the fault hits. ``perform`` does what was asked and gives the true answer."""
    kind = fault.kind
    if kind in ("lying_total", "meanwhile", "stale_page"):
        return perform()
    if kind == "latency":
        response = perform()
        await faults.wait(fault.seconds or 0)
        return response
    if fault.done:
        perform()
    if kind == "status":
        return refused(fault)
    if kind == "html":
        title = titled(fault.status or 502)
        return text_answer(fault, 502, GATEWAY_PAGE.format(title), "text/html")
    if kind == "malformed":
        return text_answer(fault, 200, "not json" if fault.body is None else fault.body)
    if kind == "redirect":
        return web.Response(status=fault.status or 302, headers={**fault.headers, "Location": fault.location})
    if kind == "disconnect":
        return closed(request, web.Response())
    if kind in ("disconnect_after", "half"):
        return closed(request, perform())
    if kind == "hang":
        await faults.keep_silent(port_of(request), fault.seconds)
        return closed(request, web.Response())
    whole = perform()
    body = t.cast(bytes, whole.body)
    cut = web.StreamResponse(status=whole.status, headers={**whole.headers, "Content-Length": str(len(body))})
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    if kind == "hang_body":
        await faults.keep_silent(port_of(request), fault.seconds)
    return closed(request, cut)


def port_of(request: web.Request) -> int:
    """The client's port; 0 if its connection is closed."""
    return request.transport.get_extra_info("peername")[1] if request.transport else 0


def closed(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Ends the connection; the response is only for the framework, which has nowhere left to send it."""
    if request.transport is not None:
        request.transport.close()
    return response


def titled(status: int) -> str:
    known = {one.value: one.phrase for one in http.HTTPStatus}
    return f"{status} {known.get(status, '')}".strip()


def refused(fault: Fault) -> web.Response:
    status = fault.status or 500
    error = errors.ApiError(status, 0, f"injected fault: {titled(status)}")
    return text_answer(fault, status, errors.envelope(errors=[error]) if fault.body is None else fault.body)


def text_answer(fault: Fault, status: int, body: t.Any, content_type: str = "application/json") -> web.Response:
    """Text goes out as it is, all else as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Content-Type": content_type, **fault.headers}
    return web.Response(status=fault.status or status, body=text.encode(), headers=headers)
