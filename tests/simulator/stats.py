# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts of requests, connections and operations, for tests of request costs."""

from __future__ import annotations

import asyncio
import collections
import typing as t
import weakref

from aiohttp import web

from . import credentials


class Stats:
    """Counts of API requests. Requests to the control API are not counted."""

    def __init__(self) -> None:
        self.log: list[dict[str, t.Any]] = []
        self.operations: collections.Counter[str] = collections.Counter()
        self.violations: list[dict[str, str]] = []
        self.connections = 0
        self._transports: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    def begin(self, request: web.Request, operation_id: str | None) -> dict[str, t.Any]:
        """Add a request to the log and return its entry. The caller sets the status after the response."""
        if request.transport is not None and request.transport not in self._transports:
            self._transports.add(request.transport)
            self.connections += 1
        if operation_id:
            self.operations[operation_id] += 1
        entry: dict[str, t.Any] = {
            "method": request.method,
            "path": request.rel_url.raw_path,
            "query": dict(request.query),
            "status": None,
            "operation": operation_id,
            "headers": {
                "user-agent": request.headers.get("User-Agent"),
                "authentication": credentials.describe_scheme(request.headers),
            },
        }
        self.log.append(entry)
        return entry

    def add_violation(self, request: web.Request, text: str) -> None:
        self.violations.append({"method": request.method, "path": request.rel_url.raw_path, "message": text})

    def report(self) -> dict[str, t.Any]:
        return {
            "requests": len(self.log),
            "connections": self.connections,
            "operations": dict(self.operations),
            "log": self.log,
            "contract_violations": self.violations,
        }
