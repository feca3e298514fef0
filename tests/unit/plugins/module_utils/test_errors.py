# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented errors of the API: the exception, the result ``failure``, and the message."""

from __future__ import annotations

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    MappingNotFoundError,
    PermissionDeniedError,
    RateLimitError,
    SettingUnavailableError,
    ZoneNotFoundError,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import Wire, error_envelope

DOCUMENTED = [
    (404, 1142, MappingNotFoundError, "The zone has no mapping"),
    (400, 1146, ApiError, "check origin_ip"),
    (400, 1157, ApiError, "check vendor and region"),
    (403, 1164, ApiError, "already has 3,500 mappings"),
    (500, 1140, ApiError, "try again later"),
    (500, 1156, ApiError, "could not validate the region"),
    (400, 1135, SettingUnavailableError, "The plan of the zone does not include this setting"),
    (403, 1135, SettingUnavailableError, "The plan of the zone does not include this setting"),
    (400, 7003, ZoneNotFoundError, "check zone_id"),
    (404, 7003, ZoneNotFoundError, "check zone_id"),
    (404, 7000, ZoneNotFoundError, "check zone_id"),
    (400, 6003, PermissionDeniedError, "use api_token for an API token"),
    (400, 6103, PermissionDeniedError, "use api_token for an API token"),
    (400, 6111, PermissionDeniedError, "use api_token for an API token"),
    (401, 10000, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (403, 10000, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (403, 9109, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (403, 9106, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (400, 9106, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (400, 9109, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (400, 10000, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (401, 4711, PermissionDeniedError, "check api_token, or api_email and api_key"),
    (429, 971, RateLimitError, "1,200 requests in five minutes"),
    (429, 10000, RateLimitError, "1,200 requests in five minutes"),
    (404, 4711, ApiError, "HTTP 404: code 4711, The API's own words."),
]


@pytest.mark.parametrize(("status", "code", "kind", "advice"), DOCUMENTED)
def test_known_codes(client: Client, wire: Wire, status: int, code: int, kind: type[ApiError], advice: str) -> None:
    client._pacer._max_wait = 0.0
    wire.get("/zones", error_envelope(code), status=status)
    with pytest.raises(ApiError) as caught:
        client.request("GET", "/zones")
    api_error = {"code": code, "message": "The API's own words."}
    assert caught.value.__class__ is kind
    assert caught.value.failure() == {"status": status, **api_error, "errors": [api_error]}
    assert advice in str(caught.value)
    assert f"HTTP {status}: code {code}, The API's own words." in str(caught.value)


@pytest.mark.parametrize(
    ("status", "headers", "kind", "advice"),
    [
        (404, {}, ApiError, "HTTP 404: '<h1>Sorry</h1>'"),
        (400, {}, ApiError, "HTTP 400: '<h1>Sorry</h1>'"),
        (500, {}, ApiError, "HTTP 500: '<h1>Sorry</h1>'"),
        (401, {}, PermissionDeniedError, "check api_token"),
        (403, {}, PermissionDeniedError, "check api_token"),
        (
            403,
            {"cf-mitigated": "challenge"},
            ApiError,
            "Cloudflare's firewall blocked the request: run the task from another network, or ask Cloudflare to allow this one (HTTP 403",
        ),
        (429, {}, RateLimitError, "1,200 requests in five minutes"),
        (302, {"Location": "https://example.com/"}, ApiError, "check api_url"),
        (308, {}, ApiError, "check api_url"),
    ],
)
def test_gateway_page(
    client: Client, wire: Wire, status: int, headers: dict[str, str], kind: type[ApiError], advice: str
) -> None:
    client._pacer._max_wait = 0.0
    wire.get("/zones", "<h1>Sorry</h1>", status=status, headers=headers)
    with pytest.raises(ApiError) as caught:
        client.request("GET", "/zones")
    assert caught.value.__class__ is kind
    assert advice in str(caught.value)
    assert caught.value.failure() == {"status": status, "code": None, "message": "'<h1>Sorry</h1>'", "errors": []}


def test_first_known_code_determines_the_error(client: Client, wire: Wire) -> None:
    chain = [{"code": 6103, "message": "Invalid format for X-Auth-Key header"}, "no error"]
    answer = error_envelope(4711, 6003)
    answer["errors"][1]["error_chain"] = chain
    wire.get("/zones", answer, status=400)
    with pytest.raises(PermissionDeniedError) as caught:
        client.request("GET", "/zones")
    assert [error["code"] for error in caught.value.errors] == [4711, 6003, 6103]
    assert caught.value.errors[2] == chain[0]
    assert caught.value.code == 4711


def test_transport_error_has_the_same_keys() -> None:
    error = CloudflareError("one").append_detail("two")
    assert error.failure() == {"status": None, "code": None, "message": "one; two", "errors": []}
