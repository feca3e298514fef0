# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs, the approaches to a job, and their measurement."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .bench import Bench
from .commands import Command

MAX_SECONDS = 5.0
"""An approach is not run again after this total time."""


@dataclass
class Cell:
    """The measurements of one approach at one latency. Each one covers ``items`` items of the job; with 0, there is none."""

    items: int
    seconds: list[float] = field(default_factory=list)
    requests: set[int] = field(default_factory=set)
    peak_bytes: int = 0


@dataclass
class Approach:
    """One way to do a job. ``command`` creates the command for a number of items.

    ``max_items`` limits the items by latency, if all would take minutes. With 0, the approach is not measured.
    """

    name: str
    command: t.Callable[[int], Command]
    max_items: t.Callable[[int], int] = lambda latency: 10_000
    repetitions: int = 1
    """The number of times that one run of the command does the job."""


@dataclass
class Job:
    """A job for ``items`` mappings of a zone with ``zone_size`` mappings. The first approach is that of the collection.

    ``verify`` raises an error if the given number of items was not done.
    """

    title: str
    text: str
    items: int
    zone_size: int
    approaches: list[Approach]
    verify: t.Callable[[Bench, int], None] = lambda bench, items: None

    def measure(self, bench: Bench, runs: int) -> list[Cell]:
        """Return a cell for each approach, after at most ``runs`` runs of each. An approach with fewer items runs once.

        The approaches alternate, so that other load of the machine affects all alike.
        """
        cells = [Cell(min(self.items, approach.max_items(bench.latency))) for approach in self.approaches]
        for dummy in range(runs):
            for approach, cell in zip(self.approaches, cells):
                is_done = sum(cell.seconds) >= MAX_SECONDS or len(cell.seconds) >= runs
                if cell.items and not (cell.seconds and (is_done or cell.items < self.items)):
                    self.run(bench, approach, cell)
        return cells

    def run(self, bench: Bench, approach: Approach, cell: Cell) -> None:
        bench.reset(self.zone_size)
        measurement = approach.command(cell.items).run(bench)
        if (count := len(measurement.seconds)) != approach.repetitions:
            raise RuntimeError(f"{self.title}, {approach.name}: {count} measurements, not {approach.repetitions}")
        cell.seconds += measurement.seconds
        cell.requests.add(bench.count_requests() // approach.repetitions)
        cell.peak_bytes = max(cell.peak_bytes, measurement.peak_bytes)
        self.verify(bench, cell.items)
