# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures as text, and tables of it."""

from __future__ import annotations

import statistics
import typing as t


def number(value: float) -> str:
    """Three digits of it."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def seconds(times: t.Sequence[float]) -> str:
    """The median, and the spread where there is one."""
    middle = f"**{number(statistics.median(times))}**"
    return middle if len(times) == 1 else f"{middle} ({number(min(times))} to {number(max(times))})"


def megabytes(count: int) -> str:
    return f"{count / 1_000_000:.0f} MB"


def table(heads: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
