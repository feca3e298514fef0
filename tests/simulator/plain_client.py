# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client without any wits of its own, for the simulator's own tests: one connection, no retry, nothing hidden."""

from __future__ import annotations

import http.client
import json
import typing as t
from dataclasses import dataclass

from .testing import RunningSimulator


@dataclass
class Answer:
    """Status, headers and body as they came."""

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
        """HTTP status and the envelope's code."""
        assert self.body["success"] is False and self.body["result"] is None, self.content
        return self.status, self.body["errors"][0]["code"]


class Api:
    """``mappings`` is the path of the seeded zone's mappings."""

    def __init__(self, simulator: RunningSimulator) -> None:
        self.credentials = {"Authorization": f"Bearer {simulator.token}"}
        self.mappings = f"/zones/{simulator.zone_id}/origin/cloud_regions"
        self.connection = http.client.HTTPConnection(simulator.url.split("/")[2], timeout=120)

    def __enter__(self) -> Api:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.connection.close()

    def send(self, method: str, path: str, body: t.Any = None, headers: dict[str, str] | None = None) -> None:
        sent = dict(self.credentials if headers is None else headers)
        if body is not None:
            sent["Content-Type"] = "application/json"
            body = body if isinstance(body, bytes) else json.dumps(body)
        self.connection.request(method, "/client/v4" + path, body, sent)

    def call(self, method: str, path: str, body: t.Any = None, headers: dict[str, str] | None = None) -> Answer:
        self.send(method, path, body, headers)
        response = self.connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        return self.call("GET", path, headers=headers)
