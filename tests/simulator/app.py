# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server. It checks a request against the contract, applies faults and credentials, and runs the operation."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from aiohttp import web

from . import control, errors
from .contract import Contract, ContractViolationError, Operation
from .credentials import authenticate
from .fault_responses import respond_with_fault
from .faults import Fault, Faults
from .operations import OPERATIONS, Call, write_concurrently
from .rate_limit import RateLimit
from .seed import create_state
from .stats import Stats


@dataclass
class ParsedRequest:
    """A complete request. ``error`` is the reason why its operation is not run."""

    request: web.Request
    operation: Operation | None = None
    parameters: dict[str, t.Any] = field(default_factory=dict)
    body: t.Any = None
    error: errors.ApiError | None = None


class Simulator:
    """The state of one server. ``seed`` is the state after a reset."""

    def __init__(
        self,
        seed: dict[str, t.Any],
        latency: float = 0,
        check: bool = True,
        rate_limit: RateLimit | None = None,
    ) -> None:
        self.contract = Contract()
        self.seed = seed
        self.latency = latency
        self.check = check
        self.rate_limit = rate_limit
        self.faults = Faults()
        self.reset(seed)

    def reset(self, seed: dict[str, t.Any]) -> None:
        self.state = create_state(seed)
        self.stats = Stats()
        self.faults.clear()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        match = self.contract.find_operation(request.method, request.rel_url.raw_path)
        entry = self.stats.begin(request, match[0].id if match else None)
        parsed = self.parse_request(request, match, await request.read())
        is_refused, headers = self.rate_limit.count(request.headers) if self.rate_limit else (False, {})
        fault = self.faults.take(entry["operation"], match[1].get("zone_id") if match else None)
        if self.latency:
            await self.faults.wait(self.latency)
        response: web.StreamResponse
        if is_refused:
            refusal = errors.ApiError(429, 10000, "Rate limit exceeded")
            response = web.json_response(errors.envelope(errors=[refusal]), status=refusal.status, headers=headers)
        elif fault is None:
            response = self.respond(parsed)
            response.headers.update(headers)
        else:
            current = fault
            response = await respond_with_fault(fault, request, lambda: self.respond(parsed, current), self.faults)
        if request.transport is not None and not request.transport.is_closing():
            entry["status"] = response.status
        return response

    def parse_request(
        self, request: web.Request, match: tuple[Operation, dict[str, str]] | None, content: bytes
    ) -> ParsedRequest:
        """Parse and check a request. This comes before any fault, so that no fault hides a violation by the client."""
        if match is None:
            return ParsedRequest(request, error=errors.route_not_found())
        operation, path = match
        try:
            parameters = operation.read_parameters(path, request.query.items())
            body = operation.read_body(request.content_type, content, self.check)
        except ContractViolationError as violation:
            error = errors.ApiError(400, 0, f"request breaks the contract: {violation}")
            self.stats.add_violation(request, error.message)
            return ParsedRequest(request, operation, error=error)
        return ParsedRequest(request, operation, parameters, body)

    def respond(self, parsed: ParsedRequest, fault: Fault | None = None) -> web.Response:
        """Return the API's response, changed by the fault if there is one."""
        try:
            status, body = 200, self.run_operation(parsed, fault)
        except errors.ApiError as error:
            status, body = error.status, errors.envelope(errors=[error])
        if self.check and fault is None:
            try:
                self.contract.check_response(parsed.operation, status, body)
            except ContractViolationError as violation:
                own_error = errors.ApiError(500, 0, f"own answer breaks the contract: {violation}")
                self.stats.add_violation(parsed.request, own_error.message)
                status, body = own_error.status, errors.envelope(errors=[own_error])
        return web.json_response(body, status=status, headers=fault.headers if fault else None)

    def run_operation(self, parsed: ParsedRequest, fault: Fault | None) -> dict[str, t.Any]:
        if parsed.error or not parsed.operation:
            raise parsed.error or errors.route_not_found()
        request, parameters = parsed.request, parsed.parameters
        if fault and fault.kind == "stale_page":
            parameters["page"] = 1
        token = authenticate(request.headers, self.state)
        call = Call(self.state, token, self.contract.relative_path(request.path), parameters, parsed.body)
        if fault and fault.kind == "concurrent_write":
            write_concurrently(call, fault.body)
        if fault and fault.kind == "partial_batch":
            call.body = call.body[: len(call.body) // 2]
        body = OPERATIONS[parsed.operation.id](call)
        if fault and fault.kind == "wrong_total":
            if fault.body:
                body["result_info"].update(fault.body)
            else:
                del body["result_info"]
        return body


def create_application(simulator: Simulator) -> web.Application:
    app = web.Application()
    app.add_routes(control.routes(simulator))
    app.router.add_route("*", r"/{path:[\s\S]*}", simulator.handle)
    return app
