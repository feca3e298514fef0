# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recognizes credentials by their form, so that no message shows one that was pasted into another option.

Private to the collection: other code must not import this file. Source of the forms: Cloudflare's documentation,
https://developers.cloudflare.com/fundamentals/api/get-started/token-formats/
"""

from __future__ import annotations

import re
import typing as t

HIDDEN = "(not shown, since it may be a credential)"
"""Replaces a value that may be a credential in a message."""

MIN_SECRET_LENGTH = 8
"""Minimum length of a secret that is hidden wherever it appears. A shorter one may be a word of the message."""

MIN_RUN_LENGTH = 20
"""Minimum length of a run of letters, digits, hyphens and underscores that may be a credential. Cloudflare's have 37 or more."""

_RUN = re.compile(f"[A-Za-z0-9_-]{{{MIN_RUN_LENGTH},}}")

_CREDENTIAL = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:
        cf[a-z]{1,4}_[A-Za-z0-9_-]{20,}                                      # API token or key since 2026
        | (?=[a-z0-9_-]*[A-Z])(?=[A-Z0-9_-]*[a-z])[A-Za-z0-9_-]{40}          # older API token
        | [0-9a-f]{37}                                                       # older global API key
        | v1\.0-[0-9A-Fa-f-]{20,}                                            # Origin CA key
    )(?![A-Za-z0-9_-])""",
    re.VERBOSE,
)


def find_credentials(text: str) -> list[str]:
    """Return the parts of a text that have the form of a Cloudflare credential.

    The list is empty for a path or a URL, which may hold an id in this form.
    """
    return [] if "/" in text else _CREDENTIAL.findall(text)


def may_be_secret(text: str) -> bool:
    """Return whether a rejected value may be a credential, or hold a password.

    False for ids (up to 36 hexadecimal digits and hyphens), addresses, and names in lower case, also mistyped ones. The text may
    have "…" in place of a part that was removed.
    """
    return bool(
        _CREDENTIAL.search(text) or re.search(":(?!/*…@)[^@]*@", text) or any(map(_is_random, _RUN.findall(text)))
    )


def _is_random(run: str) -> bool:
    if re.fullmatch("[0-9]+|[0-9A-Fa-f-]{,36}", run):
        return False
    is_mixed = re.search("[A-Z]", run) and re.search("[a-z0-9]", run)
    has_global_key = re.search("[0-9a-f]{37}", run)  # also one with something before or after it
    return bool(len(run) == 40 or is_mixed or has_global_key)


def quote_unless_secret(value: object) -> str:
    """Return a rejected value quoted for a message, or ``HIDDEN`` if it may be a credential."""
    text = repr(str(value)) if isinstance(value, str) else repr(value)
    return HIDDEN if may_be_secret(text) else text


def is_signed_url(text: str) -> bool:
    """Return whether this may be a URL with a user name, a password, or a query, which often is a signature."""
    return bool(re.match("[A-Za-z]+:", text) and re.search("[?#@]", text)) and len(text) >= MIN_SECRET_LENGTH


def iter_texts(value: t.Any) -> t.Iterator[str]:
    """Yield all texts in a value, also those in lists and dictionaries, with the keys of dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, t.Mapping):
        for pair in value.items():
            yield from iter_texts(pair)
    elif isinstance(value, t.Collection):
        for item in value:
            yield from iter_texts(item)


def redact(text: str, secrets: t.Iterable[str]) -> str:
    """Return the text without these secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_SECRET_LENGTH:
            text = text.replace(secret, "********")
    return text


def format_type_error(name: str, value: object) -> str:
    """Return the message about a secret that is not a string."""
    kind, advice = f"of the type {type(value).__name__}", ""
    if isinstance(value, (list, tuple)):
        kind = "a list"
        advice = " query() returns a list: use lookup(), as in lookup('ansible.builtin.env', 'NAME')."
    elif isinstance(value, t.Mapping):
        kind = "a dictionary"
    elif isinstance(value, bool):
        kind = "a boolean"
    elif isinstance(value, (int, float)):
        kind, advice = "a number", " Write it in quotes."
    return f"{name} must be a string, but is {kind}. The value is not shown.{advice}"


def find_misplaced(options: t.Mapping[str, t.Any], secrets: t.Iterable[str]) -> str:
    """Return the message about the first unrelated option that holds a credential; empty without one.

    ``secrets`` are the credentials of the task.
    """
    known = [secret for secret in secrets if len(secret) >= MIN_SECRET_LENGTH]
    for name, value in options.items():
        for text in iter_texts(value):
            is_known = any(secret == text.strip() or (len(secret) > 36 and secret in text) for secret in known)
            if is_known or find_credentials(text):
                return (
                    f"{name}: the value contains a credential, and is not shown. Use api_token for a token, and api_key "
                    "for a global API key."
                )
    return ""
