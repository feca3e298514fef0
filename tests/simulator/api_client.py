# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A minimal client for tests of the simulator: one connection, no retries, no interpretation of responses."""

from __future__ import annotations

import http.client
import json
import typing as t
from dataclasses import dataclass

from .testing import RunningSimulator


@dataclass
class ApiResponse:
    """Status, headers and body of a response."""

    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def body(self) -> dict[str, t.Any]:
        parsed: dict[str, t.Any] = json.loads(self.content)
        return parsed

    @property
    def result(self) -> t.Any:
        assert self.status == 200 and self.body["success"], self.content
        return self.body["result"]

    @property
    def error(self) -> tuple[int, int]:
        """Return the HTTP status and the first error code of the envelope."""
        assert self.body["success"] is False and self.body["result"] is None, self.content
        return self.status, self.body["errors"][0]["code"]


class ApiClient:
    """A client of the API. ``mappings`` is the path of the mappings of the default zone."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self.credentials = {"Authorization": f"Bearer {simulator.token}"}
        self.mappings = f"/zones/{simulator.zone_id}/origin/cloud_regions"
        self.connection = http.client.HTTPConnection(simulator.url.split("/")[2], timeout=120)

    def __enter__(self) -> ApiClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: t.Any = None, headers: dict[str, str] | None = None) -> None:
        sent = dict(self.credentials if headers is None else headers)
        if body is not None:
            sent["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body)
        self.connection.request(method, "/client/v4" + path, body, sent)

    def call(self, method: str, path: str, body: t.Any = None, headers: dict[str, str] | None = None) -> ApiResponse:
        self.send(method, path, body, headers)
        response = self.connection.getresponse()
        return ApiResponse(response.status, response.headers, response.read())

    def get(self, path: str, headers: dict[str, str] | None = None) -> ApiResponse:
        return self.call("GET", path, headers=headers)
