# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the API, one function for each row of its table of codes."""

from __future__ import annotations

import typing as t


class ApiError(Exception):
    """An error envelope with its HTTP status."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def envelope(result: t.Any = None, errors: t.Sequence[ApiError] = (), **more: t.Any) -> dict[str, t.Any]:
    return {
        "success": not errors,
        "errors": [{"code": error.code, "message": error.message} for error in errors],
        "messages": [],
        "result": result,
        **more,
    }


def setting_not_found(name: str = "origin_public_cloud_region") -> ApiError:
    return ApiError(404, 1142, f"Unable to retrieve {name} setting value. The zone setting does not exist.")


def invalid_address() -> ApiError:
    return ApiError(400, 1146, "invalid or missing origin address")


def address_mismatch() -> ApiError:
    return ApiError(400, 1146, "body origin_ip does not match URL")


def unsupported_region(vendor: str, region: str) -> ApiError:
    return ApiError(400, 1157, f"vendor {vendor!r} does not exist or has no region {region!r}")


def too_many_mappings() -> ApiError:
    return ApiError(403, 1164, "Maximum number of IP mappings configured for zone.")


def route_not_found() -> ApiError:
    return ApiError(404, 7003, "No route for the URI")


def zone_not_found(path: str) -> ApiError:
    return ApiError(404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?")


def invalid_headers() -> ApiError:
    return ApiError(400, 6003, "Invalid request headers")


def missing_credentials() -> ApiError:
    return ApiError(401, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")


def wrong_credentials() -> ApiError:
    return ApiError(401, 10000, "Authentication error")


def zone_not_allowed() -> ApiError:
    return ApiError(403, 9109, "Unauthorized to access requested resource")


def permission_missing() -> ApiError:
    return ApiError(403, 10000, "Authentication error")


def origin_rules_not_found() -> ApiError:
    return ApiError(404, 10003, "could not find entrypoint ruleset in the http_request_origin phase")


def fallback_origin_not_found() -> ApiError:
    # Published is no response for a zone without one; users of the API report this one.
    return ApiError(404, 1551, "Resource not found.")


def setting_not_in_plan(name: str) -> ApiError:
    return ApiError(403, 1135, f"The setting {name} is not available on the plan of the zone")


def tiered_cache_disabled() -> ApiError:
    # No code is published for this error. With zero, no client relies on one.
    return ApiError(400, 0, "Tiered Cache must be enabled for the zone")
