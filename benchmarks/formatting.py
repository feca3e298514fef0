# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers and tables as text."""

from __future__ import annotations

import statistics
import typing as t


def format_number(value: float) -> str:
    """Return a number with three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def format_seconds(times: t.Sequence[float]) -> str:
    """Return the median, and the range if there are several times."""
    middle = f"**{format_number(statistics.median(times))}**"
    return middle if len(times) == 1 else f"{middle} ({format_number(min(times))} to {format_number(max(times))})"


def format_megabytes(count: int) -> str:
    return f"{count / 1_000_000:.0f} MB"


def format_table(heads: t.Sequence[str], rows: t.Iterable[t.Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
