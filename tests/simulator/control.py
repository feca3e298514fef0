# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control API under ``/_simulator/``. Its requests are not counted.

- ``GET stats``: requests, connections, operations, log, contract_violations.
- ``GET zones``: by zone id, the mappings and the history since the reset, in the form of ``state.Zone``.
- ``GET report``: the statistics, with the zones under the key ``zones``.
- ``POST reset``: load the first seed, or the seed in the body. Clear statistics and faults, then queue the ``faults`` of the body.
- ``POST faults``: queue one fault or a list of faults; ``GET`` lists the queue, ``DELETE`` clears it.
- ``GET silent_ports``: the ports of the clients whose request hangs because of a fault.
"""

from __future__ import annotations

import json
import typing as t

from aiohttp import web

if t.TYPE_CHECKING:
    from .app import Simulator


def routes(simulator: Simulator) -> list[web.RouteDef]:
    async def stats(request: web.Request) -> web.Response:
        return web.json_response(simulator.stats.report())

    async def zones(request: web.Request) -> web.Response:
        return web.json_response(simulator.state.report())

    async def report(request: web.Request) -> web.Response:
        return web.json_response({**simulator.stats.report(), "zones": simulator.state.report()})

    async def reset(request: web.Request) -> web.Response:
        try:
            seed = await _json(request) if request.can_read_body else simulator.seed
            if not isinstance(seed, dict):
                raise ValueError("a seed is an object")
            simulator.reset(seed)
            simulator.faults.add(seed.get("faults", []))
        except ValueError as error:
            return _bad_request(error)
        return web.json_response({})

    async def list_faults(request: web.Request) -> web.Response:
        return web.json_response(simulator.faults.report())

    async def add_faults(request: web.Request) -> web.Response:
        try:
            simulator.faults.add(await _json(request))
        except ValueError as error:
            return _bad_request(error)
        return web.json_response(simulator.faults.report())

    async def clear_faults(request: web.Request) -> web.Response:
        simulator.faults.clear()
        return web.json_response([])

    async def silent_ports(request: web.Request) -> web.Response:
        return web.json_response(sorted(simulator.faults.silent_ports))

    async def not_found(request: web.Request) -> web.Response:
        return web.json_response({"error": "no such control"}, status=404)

    return [
        web.get("/_simulator/stats", stats),
        web.get("/_simulator/zones", zones),
        web.get("/_simulator/report", report),
        web.post("/_simulator/reset", reset),
        web.get("/_simulator/faults", list_faults),
        web.post("/_simulator/faults", add_faults),
        web.delete("/_simulator/faults", clear_faults),
        web.get("/_simulator/silent_ports", silent_ports),
        web.route("*", "/_simulator/{path:.*}", not_found),
    ]


async def _json(request: web.Request) -> t.Any:
    return json.loads(await request.read())


def _bad_request(error: Exception) -> web.Response:
    return web.json_response({"error": str(error)}, status=400)
