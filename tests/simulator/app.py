# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server: takes a request through contract, faults, credentials and operation to its answer."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from aiohttp import web

from . import control, errors
from .breakage import broken
from .contract import Contract, ContractBreach, Operation
from .credentials import authenticate
from .faults import Fault, Faults
from .operations import OPERATIONS, Call, somebody_else
from .seed import load
from .stats import Stats


@dataclass
class Received:
    """A request that was read to its end; ``refusal`` says why it goes no further."""

    request: web.Request
    operation: Operation | None = None
    parameters: dict[str, t.Any] = field(default_factory=dict)
    body: t.Any = None
    refusal: errors.ApiError | None = None


class Simulator:
    """All that one server holds. ``seed`` is what a reset goes back to."""

    def __init__(self, seed: dict[str, t.Any], latency: float = 0, check: bool = True) -> None:
        self.contract = Contract()
        self.seed = seed
        self.latency = latency
        self.check = check
        self.faults = Faults()
        self.reset(seed)

    def reset(self, seed: dict[str, t.Any]) -> None:
        self.state = load(seed)
        self.stats = Stats()
        self.faults.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        route = self.contract.route(request.method, request.rel_url.raw_path)
        entry = self.stats.begin(request, route[0].id if route else None)
        received = self.read(request, route, await request.read())
        fault = self.faults.take(entry["operation"], route[1].get("zone_id") if route else None)
        if self.latency:
            await self.faults.wait(self.latency)
        response: web.StreamResponse
        if fault is None:
            response = self.perform(received)
        else:
            performing = fault
            response = await broken(fault, request, lambda: self.perform(received, performing), self.faults)
        if request.transport is not None and not request.transport.is_closing():
            entry["status"] = response.status
        return response

    def read(self, request: web.Request, route: tuple[Operation, dict[str, str]] | None, content: bytes) -> Received:
        """Checked whatever comes next, so that no fault hides a client's mistake."""
        if route is None:
            return Received(request, refusal=errors.no_route())
        operation, path = route
        try:
            parameters = operation.read_parameters(path, request.query.items())
            body = operation.read_body(request.content_type, content, self.check)
        except ContractBreach as breach:
            refusal = errors.ApiError(400, 0, f"request breaks the contract: {breach}")
            self.stats.violation(request, refusal.message)
            return Received(request, operation, refusal=refusal)
        return Received(request, operation, parameters, body)

    def perform(self, received: Received, fault: Fault | None = None) -> web.Response:
        """The API's own answer, bent where a fault wants that."""
        try:
            status, body = 200, self.result(received, fault)
        except errors.ApiError as error:
            status, body = error.status, errors.envelope(errors=[error])
        if self.check and fault is None:
            try:
                self.contract.check_response(received.operation, status, body)
            except ContractBreach as breach:
                own = errors.ApiError(500, 0, f"own answer breaks the contract: {breach}")
                self.stats.violation(received.request, own.message)
                status, body = own.status, errors.envelope(errors=[own])
        return web.json_response(body, status=status, headers=fault.headers if fault else None)

    def result(self, received: Received, fault: Fault | None) -> dict[str, t.Any]:
        if received.refusal or not received.operation:
            raise received.refusal or errors.no_route()
        request, parameters = received.request, received.parameters
        if fault and fault.kind == "stale_page":
            parameters["page"] = 1
        token = authenticate(request.headers, self.state)
        call = Call(self.state, token, self.contract.inner_path(request.path), parameters, received.body)
        if fault and fault.kind == "meanwhile":
            somebody_else(call, fault.body)
        if fault and fault.kind == "half":
            call.body = call.body[: len(call.body) // 2]
        body = OPERATIONS[received.operation.id](call)
        if fault and fault.kind == "lying_total":
            body["result_info"].update(fault.body)
        return body


def application(simulator: Simulator) -> web.Application:
    app = web.Application()
    app.add_routes(control.routes(simulator))
    app.router.add_route("*", r"/{path:[\s\S]*}", simulator.answer)
    return app
