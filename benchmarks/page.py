# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page with the tables. Each table is between two markers."""

from __future__ import annotations

import re
import statistics
import typing as t

from .formatting import format_megabytes, format_number, format_seconds, format_table
from .jobs import Cell, Job

TABLE_MARKERS = re.compile(
    r"^<!-- (?P<name>[^\n]+) -->\n(?P<table>.*?)\n?^<!-- end of (?P=name) -->$", re.MULTILINE | re.DOTALL
)


def parse_tables(page: str) -> dict[str, str]:
    """Return the tables of a page by the names of their markers."""
    return {match["name"]: match["table"] for match in TABLE_MARKERS.finditer(page)}


def fill_page(page: str, tables: t.Mapping[str, str]) -> str:
    """Return the page with these tables. The page must have markers for exactly these tables."""
    names = [match["name"] for match in TABLE_MARKERS.finditer(page)]
    if sorted(names) != sorted(tables):
        raise ValueError(f"the page has markers for {', '.join(names)}, not for {', '.join(tables)}")
    return TABLE_MARKERS.sub(
        lambda match: f"<!-- {match['name']} -->\n{tables[match['name']]}\n<!-- end of {match['name']} -->", page
    )


def format_job(job: Job, latencies: t.Sequence[int], columns: t.Sequence[list[Cell]]) -> str:
    """Return a table with a row for each approach and a column for each latency. ``columns`` has the cells of each latency."""
    heads = ["", "requests", *(f"seconds at {latency} ms" for latency in latencies), "memory"]
    rows = []
    for index, approach in enumerate(job.approaches):
        cells = [column[index] for column in columns]
        texts = [_format_cell(job, cell, column[0]) for cell, column in zip(cells, columns)]
        rows.append(
            [approach.name, _format_requests(cells), *texts, format_megabytes(max(cell.peak_bytes for cell in cells))]
        )
    return f"### {job.title}\n\n{job.text}\n\n{format_table(heads, rows)}"


def _format_requests(cells: list[Cell]) -> str:
    """Return the number of requests for the largest number of items at any latency."""
    max_items = max(cell.items for cell in cells)
    counts = set().union(*(cell.requests for cell in cells if cell.items == max_items))
    return f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"


def _format_cell(job: Job, cell: Cell, ours: Cell) -> str:
    if not cell.items:
        return "not measured"
    count = len(cell.seconds)
    notes = [f"{count} times" if count > 1 else "once"]
    if cell.items < job.items:
        notes.append(f"only {cell.items:,} of {job.items:,}")
    elif cell is not ours:
        notes.append(f"ratio {format_number(statistics.median(cell.seconds) / statistics.median(ours.seconds))}")
    return f"{format_seconds(cell.seconds)}, {', '.join(notes)}"
