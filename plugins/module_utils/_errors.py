# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the collection. Private to the collection: other code must not import this file.

Source of the codes and their meaning: Cloudflare's API documentation, https://developers.cloudflare.com/api/
"""

from __future__ import annotations

import os
import traceback
import typing as t


class CloudflareError(Exception):
    """Base of every error that ends a task. Its text is the complete message for the user and holds no credential.

    ``result`` is what a module returns in addition to the message, such as the changes that were applied before.
    ``outcome_unknown``: the API may have carried out the request although it failed.
    """

    outcome_unknown = False

    def __init__(self, text: str, result: dict[str, t.Any] | None = None) -> None:
        super().__init__(text)
        self.result = result or {}

    def append_detail(self, text: str) -> CloudflareError:
        """Append a detail to the message, and return this error."""
        self.args = (f"{self}; {text}",)
        return self

    def failure(self) -> dict[str, t.Any]:
        """Return the result ``failure``, on which a play can branch: ``{status, code, message, errors}``."""
        return {"status": None, "code": None, "message": str(self), "errors": []}


class UnexpectedError(CloudflareError):
    """A defect of the collection. Its text names the exception and its location, for a bug report."""

    outcome_unknown = True

    @classmethod
    def from_exception(cls, error: Exception, redact: t.Callable[[str], str]) -> UnexpectedError:
        """Convert an exception. ``redact`` removes credentials from its text."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(frame.filename)}, line {frame.lineno}"
        return cls(
            f"Unexpected error, a bug of edgecache.cloudflare: {redact(repr(error))} in {where}. Report this message"
        )


class ConfigurationError(CloudflareError):
    """An option or an environment variable is not valid. Almost always raised before any request."""


class InvalidAddressError(ConfigurationError):
    """One or more values are not an IP address."""


class TransportError(CloudflareError):
    """The server sent no readable HTTP response."""

    outcome_unknown = True


class RetryableTransportError(TransportError):
    """The connection was refused, closed or timed out before a complete HTTP response."""


class DownloadError(CloudflareError):
    """A server other than the API did not return the file. ``failure`` has no status, which is only for the API."""


class ApiError(CloudflareError):
    """The API answered with an error, or with something other than its envelope. Created by ``build_api_error``.

    ``status`` is the HTTP status, ``errors`` the API's list of ``{code, message}``, ``code`` and ``message`` those of its first
    item. For an empty list, ``code`` is ``None`` and ``message`` describes the response. ``is_rejected``: the same request will
    fail again. Only the API's envelope (``has_envelope``) proves that the API has not carried out a rejected request: a gateway
    may answer 403 with a page of HTML after a write.
    """

    def __init__(
        self, text: str, status: int, message: str, errors: list[dict[str, t.Any]], has_envelope: bool = True
    ) -> None:
        super().__init__(text)
        self.status = status
        self.errors = errors
        self.is_rejected = 300 <= status < 500 and status != 429
        self.outcome_unknown = not (self.is_rejected and has_envelope) and status != 429
        self.code: int | None = errors[0]["code"] if errors else None
        self.message: str = errors[0]["message"] if errors else message

    def failure(self) -> dict[str, t.Any]:
        return {"status": self.status, "code": self.code, "message": self.message, "errors": self.errors}


class TieredCacheDisabledError(ApiError):
    """Tiered Cache is off for the zone, and without it the API does not list the supported regions."""


class ZoneNotFoundError(ApiError):
    """The zone does not exist, or this credential has no access to it."""


class MappingNotFoundError(ApiError):
    """The zone has no mapping for the address, or none at all."""


class SettingUnavailableError(ApiError):
    """The plan of the zone does not include the setting."""


class PermissionDeniedError(ApiError):
    """The credential is not valid, has expired or lacks a permission."""


class RateLimitError(ApiError):
    """The clients of this user or token have sent too many requests in the last minutes."""


UNSUPPORTED_REGION = 1157
"""The code for an unsupported vendor or region."""

_NO_ZONE = "The zone does not exist, or the credential has no access to it: check zone_id"
_DENIED = (
    "The credential is not valid, has expired, or lacks a permission for this zone: check api_token, or api_email and "
    "api_key. Cloudflare's API reference lists the permissions of each call: https://developers.cloudflare.com/api/"
)
_WRONG_KIND = (
    "The option does not match the kind of the credential: use api_token for an API token, "
    "and api_key with api_email for a global API key"
)
_RATE_LIMIT = "Rate limit exceeded: all clients of a user or token together may send 1,200 requests in five minutes"
_INTERNAL = "The API had an internal error: try again later"

_BY_CODE: dict[int, tuple[type[ApiError], str]] = {
    1142: (MappingNotFoundError, "The zone has no mapping for this address, or none at all"),
    1146: (ApiError, "The API does not accept this address: check origin_ip"),
    UNSUPPORTED_REGION: (ApiError, "The vendor or the region is not supported: check vendor and region"),
    1164: (ApiError, "The zone already has 3,500 mappings, which is the maximum: delete some first"),
    1140: (ApiError, _INTERNAL),
    1156: (ApiError, "The API could not validate the region: try again later"),
    1135: (
        SettingUnavailableError,
        "The plan of the zone does not include this setting: change the plan, or do not change the setting",
    ),
    7003: (ZoneNotFoundError, _NO_ZONE),
    7000: (ZoneNotFoundError, _NO_ZONE),
    6003: (PermissionDeniedError, _WRONG_KIND),
    6103: (PermissionDeniedError, _WRONG_KIND),
    6111: (PermissionDeniedError, _WRONG_KIND),
    10000: (PermissionDeniedError, _DENIED),
    9109: (PermissionDeniedError, _DENIED),
    9106: (PermissionDeniedError, _DENIED),
}
_BY_STATUS: dict[int, tuple[type[ApiError], str]] = {
    401: (PermissionDeniedError, _DENIED),
    403: (PermissionDeniedError, _DENIED),
    429: (RateLimitError, _RATE_LIMIT),
}


def build_api_error(
    status: int, errors: list[dict[str, t.Any]], excerpt: str, advice: str = "", has_envelope: bool = True
) -> ApiError:
    """Return the error for a response with the HTTP status ``status``.

    ``errors`` is the API's list of errors. If it is empty, ``excerpt`` describes the response in the message. ``advice``
    replaces the advice for the codes and for the status. ``has_envelope``: the response is the API's error envelope.
    """
    error_class, meaning = next(
        (_BY_CODE[error["code"]] for error in errors if error["code"] in _BY_CODE), (ApiError, "")
    )
    if error_class is MappingNotFoundError and status != 404:
        error_class = ApiError
    if status in _BY_STATUS and (status == 429 or not meaning):
        error_class, meaning = _BY_STATUS[status]
    if advice and status != 429:
        error_class, meaning = ApiError, advice
    detail = f"code {errors[0]['code']}, {errors[0]['message']}" if errors else excerpt
    text = f"{meaning} (HTTP {status}: {detail})" if meaning else f"HTTP {status}: {detail}"
    return error_class(text, status, excerpt, errors, has_envelope)
