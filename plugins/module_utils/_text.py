# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts in messages. Private to the collection: other code must not import this file."""

from __future__ import annotations

import typing as t

MAX_LISTED = 3
"""Values that a message lists for one mistake."""


def sanitize_text(text: str, max_length: int = 1_000) -> str:
    """Return the text as one printable line of at most ``max_length`` characters, then an ellipsis."""
    line = "".join(char if char.isprintable() else " " for char in " ".join(text[: 2 * max_length].split()))
    return line if len(line) <= max_length else line[:max_length] + "…"


def join_truncated(values: t.Sequence[str]) -> str:
    """Join the first ``MAX_LISTED`` values with commas, then the number of the others."""
    hidden = len(values) - MAX_LISTED
    return ", ".join(values[:MAX_LISTED]) + (f" and {hidden:,} more" if hidden > 0 else "")
