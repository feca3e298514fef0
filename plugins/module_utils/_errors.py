# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors of the collection. Private to it: no other collection may rely on this file.

Codes and their meaning are facts of Cloudflare's API documentation.
"""

from __future__ import annotations

import os
import traceback
import typing as t


class CloudflareError(Exception):
    """Anything that ends a task. Its text is a whole message for the user and holds no credential.

    ``result`` is what a module returns beside it, such as what was done before. ``lost`` tells whether the API may have
    done what was asked all the same.
    """

    lost = False

    def __init__(self, text: str, result: dict[str, t.Any] | None = None) -> None:
        super().__init__(text)
        self.result = result or {}

    def add(self, text: str) -> CloudflareError:
        """This error, with more said at the end of its message."""
        self.args = (f"{self}; {text}",)
        return self

    def failure(self) -> dict[str, t.Any]:
        """What a play can branch on: ``{status, code, message, errors}``."""
        return {"status": None, "code": None, "message": str(self), "errors": []}


class UnexpectedError(CloudflareError):
    """A defect of the collection. Its text names the error and where it was raised, for a report."""

    lost = True

    @classmethod
    def from_exception(cls, error: Exception, redact: t.Callable[[str], str]) -> UnexpectedError:
        """Convert any exception. ``redact`` makes its text fit for a message."""
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(place.filename)}, line {place.lineno}"
        return cls(
            f"Unexpected error, which is a defect of edgecache.cloudflare: {redact(repr(error))} in {where}. Report it"
        )


class ConfigurationError(CloudflareError):
    """An option or an environment variable is wrong, which almost always shows before any request."""


class AddressError(ConfigurationError):
    """One or more values are no IP address."""


class ConnectionFailed(CloudflareError):
    """No HTTP answer that could be read."""

    lost = True


class ConnectionBroken(ConnectionFailed):
    """No whole HTTP answer: refused, cut or timed out. Worth another try."""


class DownloadFailed(CloudflareError):
    """Another server than the API answered with something else than the file. ``failure`` is for the API's status alone."""


class ApiError(CloudflareError):
    """The API answered with an error, or with something that is not its envelope. Made by ``api_error``.

    ``status`` is the HTTP status, ``errors`` the API's own list of ``{code, message}``, ``code`` and ``message`` those
    of the first of them. Without any, ``code`` is none and ``message`` says what came instead. ``is_rejected``: the same
    request will fail the next time, too. Whether the API has carried it out, only its own envelope (``has_envelope``) proves:
    a gateway may answer 403 with a page of HTML after a write.
    """

    def __init__(
        self, text: str, status: int, message: str, errors: list[dict[str, t.Any]], has_envelope: bool = True
    ) -> None:
        super().__init__(text)
        self.status = status
        self.errors = errors
        self.is_rejected = 300 <= status < 500 and status != 429
        self.lost = not (self.is_rejected and has_envelope) and status != 429
        self.code: int | None = errors[0]["code"] if errors else None
        self.message: str = errors[0]["message"] if errors else message

    def failure(self) -> dict[str, t.Any]:
        return {"status": self.status, "code": self.code, "message": self.message, "errors": self.errors}


class TieredCacheOff(ApiError):
    """Tiered Cache is off for the zone, and without it the API does not tell the supported regions."""


class NotFound(ApiError):
    """The zone does not exist, or not for this credential."""


class NoMapping(ApiError):
    """The zone has no mapping for the address, or none at all."""


class PermissionDenied(ApiError):
    """The credential is wrong, expired or too narrow."""


class RateLimited(ApiError):
    """Too many requests in the last minutes."""


UNSUPPORTED_REGION = 1157
"""The code for a vendor that does not exist or has no such region."""

_NO_ZONE = "There is no such zone for this credential: check zone_id"
_DENIED = (
    "The credential is wrong, expired, or lacks a permission for this zone: check api_token, or api_email and api_key; "
    "which permissions a call accepts is in Cloudflare's API reference, https://developers.cloudflare.com/api/"
)
_WRONG_KIND = (
    "The credential is of another kind than said: an API token goes into api_token, "
    "a global API key into api_key with api_email beside it"
)
_RATE_LIMIT = "Rate limited: 1,200 requests in five minutes are what all clients of a user or token have together"
_INTERNAL = "An internal error of the API: try again later"

_BY_CODE: dict[int, tuple[type[ApiError], str]] = {
    1142: (NoMapping, "The zone has no mapping for this address, or none at all"),
    1146: (ApiError, "The API does not take this address: check origin_ip"),
    UNSUPPORTED_REGION: (ApiError, "The vendor does not exist or has no such region: check vendor and region"),
    1164: (ApiError, "The zone already has 3,500 mappings, the most that a zone can have: delete some first"),
    1140: (ApiError, _INTERNAL),
    1156: (ApiError, "The API could not check the region with the vendor: try again later"),
    1135: (ApiError, "The plan of the zone does not include this setting"),
    7003: (NotFound, _NO_ZONE),
    7000: (NotFound, _NO_ZONE),
    6003: (PermissionDenied, _WRONG_KIND),
    6103: (PermissionDenied, _WRONG_KIND),
    6111: (PermissionDenied, _WRONG_KIND),
    10000: (PermissionDenied, _DENIED),
    9109: (PermissionDenied, _DENIED),
    9106: (PermissionDenied, _DENIED),
}
_BY_STATUS: dict[int, tuple[type[ApiError], str]] = {
    401: (PermissionDenied, _DENIED),
    403: (PermissionDenied, _DENIED),
    429: (RateLimited, _RATE_LIMIT),
}


def api_error(
    status: int, errors: list[dict[str, t.Any]], came: str, advice: str = "", has_envelope: bool = True
) -> ApiError:
    """Return the error for an answer with HTTP ``status``.

    ``errors`` is the API's own list, ``came`` describes the answer where that list is empty. ``advice`` replaces the advice
    for the codes and for the status. ``has_envelope``: whether the answer is the API's error envelope.
    """
    kind, known = next((_BY_CODE[error["code"]] for error in errors if error["code"] in _BY_CODE), (ApiError, ""))
    if kind is NoMapping and status != 404:
        kind = ApiError
    if status in _BY_STATUS and (status == 429 or not known):
        kind, known = _BY_STATUS[status]
    if advice and status != 429:
        kind, known = ApiError, advice
    told = f"code {errors[0]['code']}, {errors[0]['message']}" if errors else came
    text = f"{known} (HTTP {status}: {told})" if known else f"HTTP {status}: {told}"
    return kind(text, status, came, errors, has_envelope)
