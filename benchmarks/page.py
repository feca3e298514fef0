# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page that the tables go into, each between its markers."""

from __future__ import annotations

import re
import statistics
import typing as t

from .jobs import Cell, Job
from .text import megabytes, number, seconds, table

PLACE = re.compile(
    r"^<!-- (?P<name>[^\n]+) -->\n(?P<table>.*?)\n?^<!-- end of (?P=name) -->$", re.MULTILINE | re.DOTALL
)


def tables_of(page: str) -> dict[str, str]:
    """The tables that it has, by their places."""
    return {match["name"]: match["table"] for match in PLACE.finditer(page)}


def filled(page: str, tables: t.Mapping[str, str]) -> str:
    """The page with these tables in place of those that it has; it must have a place for each, and no other."""
    places = [match["name"] for match in PLACE.finditer(page)]
    if sorted(places) != sorted(tables):
        raise ValueError(f"the page has places for {', '.join(places)}, and not for {', '.join(tables)}")
    return PLACE.sub(
        lambda match: f"<!-- {match['name']} -->\n{tables[match['name']]}\n<!-- end of {match['name']} -->", page
    )


def job_table(job: Job, latencies: t.Sequence[int], columns: t.Sequence[list[Cell]]) -> str:
    """A row for each way, with a column for each latency. ``columns`` has the cells of each latency."""
    heads = ["", "requests", *(f"seconds at {latency} ms" for latency in latencies), "memory"]
    rows = []
    for place, way in enumerate(job.ways):
        cells = [column[place] for column in columns]
        texts = [_cell(job, cell, column[0]) for cell, column in zip(cells, columns)]
        rows.append([way.name, _requests(cells), *texts, megabytes(max(cell.peak for cell in cells))])
    return f"### {job.title}\n\n{job.text}\n\n{table(heads, rows)}"


def _requests(cells: list[Cell]) -> str:
    """Those for most items that were done at any latency."""
    most = max(cell.items for cell in cells)
    counts = set().union(*(cell.requests for cell in cells if cell.items == most))
    return f"{min(counts):,}" if len(counts) == 1 else f"{min(counts):,} to {max(counts):,}"


def _cell(job: Job, cell: Cell, ours: Cell) -> str:
    if not cell.items:
        return "not measured"
    count = len(cell.seconds)
    notes = [f"{count} times" if count > 1 else "once"]
    if cell.items < job.items:
        notes.append(f"only {cell.items:,} of {job.items:,}")
    elif cell is not ours:
        notes.append(f"ratio {number(statistics.median(cell.seconds) / statistics.median(ours.seconds))}")
    return f"{seconds(cell.seconds)}, {', '.join(notes)}"
