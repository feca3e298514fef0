# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The response for each kind of fault."""

from __future__ import annotations

import http
import json
import typing as t

from aiohttp import web

from . import errors
from .faults import Fault, Faults

GATEWAY_PAGE = "<html>\r\n<head><title>{0}</title></head>\r\n<body><center><h1>{0}</h1></center></body>\r\n</html>\r\n"

Respond = t.Callable[[], web.Response]


async def respond_with_fault(
    fault: Fault, request: web.Request, respond: Respond, faults: Faults
) -> web.StreamResponse:
    """Respond to a request with a fault. ``respond`` runs the operation and returns the API's response."""
    kind = fault.kind
    if kind in ("wrong_total", "concurrent_write", "stale_page"):
        return respond()
    if kind == "latency":
        response = respond()
        await faults.wait(fault.seconds or 0)
        return response
    if fault.applied:
        respond()
    if kind == "status":
        return error_response(fault)
    if kind == "html":
        title = format_status(fault.status or 502)
        return text_response(fault, 502, GATEWAY_PAGE.format(title), "text/html")
    if kind == "malformed":
        return text_response(fault, 200, "not json" if fault.body is None else fault.body)
    if kind == "redirect":
        return web.Response(status=fault.status or 302, headers={**fault.headers, "Location": fault.location})
    if kind == "disconnect":
        return close_connection(request, web.Response())
    if kind in ("disconnect_after", "partial_batch"):
        return close_connection(request, respond())
    if kind == "hang":
        await faults.wait_silently(client_port(request), fault.seconds)
        return close_connection(request, web.Response())
    complete = respond()
    body = t.cast(bytes, complete.body)
    headers = {**complete.headers, "Content-Length": str(len(body))}
    truncated = web.StreamResponse(status=complete.status, headers=headers)
    await truncated.prepare(request)
    await truncated.write(body[: len(body) // 2])
    if kind == "hang_body":
        await faults.wait_silently(client_port(request), fault.seconds)
    return close_connection(request, truncated)


def client_port(request: web.Request) -> int:
    """Return the client's port, or 0 if its connection is closed."""
    return request.transport.get_extra_info("peername")[1] if request.transport else 0


def close_connection(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection. Return a response, since aiohttp requires one, although it can no longer be sent."""
    if request.transport is not None:
        request.transport.close()
    return response


def format_status(status: int) -> str:
    phrases = {known.value: known.phrase for known in http.HTTPStatus}
    return f"{status} {phrases.get(status, '')}".strip()


def error_response(fault: Fault) -> web.Response:
    status = fault.status or 500
    error = errors.ApiError(status, 0, f"injected fault: {format_status(status)}")
    return text_response(fault, status, errors.envelope(errors=[error]) if fault.body is None else fault.body)


def text_response(fault: Fault, status: int, body: t.Any, content_type: str = "application/json") -> web.Response:
    """Return a response with a text as it is, or with any other body as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Content-Type": content_type, **fault.headers}
    return web.Response(status=fault.status or status, body=text.encode(), headers=headers)
