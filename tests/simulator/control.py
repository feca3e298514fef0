# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control API under ``/_simulator/``. Its own requests are never counted.

- ``GET stats``: requests, connections, operations, log, contract_violations.
- ``GET zones``: by id, the mappings of each zone, and its history since the reset, as ``state.Zone`` has both.
- ``GET report``: both at once, with the zones as ``zones`` beside the statistics.
- ``POST reset``: back to the first seed, or to the one in the body; statistics and faults are forgotten, and those queued that
  the body has as ``faults``.
- ``POST faults``: queue one fault or a list of them; ``GET`` shows what is queued, ``DELETE`` forgets it.
- ``GET silent_ports``: the ports of the clients that a fault keeps waiting without a word.
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
            return _refused(error)
        return web.json_response({})

    async def list_faults(request: web.Request) -> web.Response:
        return web.json_response(simulator.faults.report())

    async def add_faults(request: web.Request) -> web.Response:
        try:
            simulator.faults.add(await _json(request))
        except ValueError as error:
            return _refused(error)
        return web.json_response(simulator.faults.report())

    async def clear_faults(request: web.Request) -> web.Response:
        simulator.faults.clear()
        return web.json_response([])

    async def silent_ports(request: web.Request) -> web.Response:
        return web.json_response(sorted(simulator.faults.silent_ports))

    async def unknown(request: web.Request) -> web.Response:
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
        web.route("*", "/_simulator/{path:.*}", unknown),
    ]


async def _json(request: web.Request) -> t.Any:
    return json.loads(await request.read())


def _refused(error: Exception) -> web.Response:
    return web.json_response({"error": str(error)}, status=400)
