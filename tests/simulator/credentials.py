# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authentication and authorization: a bearer token, or an e-mail address with its key."""

from __future__ import annotations

import typing as t

from . import errors
from .state import State, Token, Zone

Headers = t.Mapping[str, str]


def describe_scheme(headers: Headers) -> str:
    """Return how the credentials were sent, for the log. The log never has the credentials."""
    sent = [name for name in ("Authorization", "X-Auth-Email", "X-Auth-Key") if name in headers]
    known = {(): "none", ("Authorization",): "token", ("X-Auth-Email", "X-Auth-Key"): "key"}
    return known.get(tuple(sent), " and ".join(sent))


def authenticate(headers: Headers, state: State) -> Token:
    if "Authorization" in headers:
        kind, _blank, token = headers["Authorization"].partition(" ")
        if kind.lower() != "bearer" or not token or token in state.keys.values():
            raise errors.invalid_headers()
        if token not in state.tokens:
            raise errors.wrong_credentials()
        return state.tokens[token]
    if "X-Auth-Email" not in headers or "X-Auth-Key" not in headers:
        raise errors.missing_credentials()
    if headers["X-Auth-Key"] in state.tokens:
        raise errors.invalid_headers()
    if state.keys.get(headers["X-Auth-Email"]) != headers["X-Auth-Key"]:
        raise errors.wrong_credentials()
    return Token("")


def list_visible_zones(token: Token, state: State) -> list[Zone]:
    if not token.list_zones:
        return []
    return list_usable_zones(token, state)


def list_usable_zones(token: Token, state: State) -> list[Zone]:
    return [zone for zone in state.zones.values() if token.zones is None or zone.id in token.zones]


def get_usable_zone(zone_id: str, path: str, token: Token, state: State) -> Zone:
    if zone_id not in state.zones:
        raise errors.zone_not_found(path)
    if token.zones is not None and zone_id not in token.zones:
        raise errors.zone_not_allowed()
    return state.zones[zone_id]


def require_usable_account(account_id: str, path: str, token: Token, state: State) -> None:
    """Raise ``ApiError`` if the account does not exist, or if the token may use none of its zones."""
    if account_id not in {zone.account_id for zone in state.zones.values()}:
        raise errors.zone_not_found(path)
    if account_id not in {zone.account_id for zone in list_usable_zones(token, state)}:
        raise errors.zone_not_allowed()


def require_permission(token: Token, permission: str) -> None:
    if token.permissions is not None and permission not in token.permissions:
        raise errors.permission_missing()
