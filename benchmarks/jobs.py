# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a job is, and how the ways to do it are run."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .bench import Bench
from .commands import Command

ENOUGH = 5.0
"""Seconds after which a way is not run again."""


@dataclass
class Cell:
    """What was measured of one way at one latency: ``items`` of the job's were done each time, or none."""

    items: int
    seconds: list[float] = field(default_factory=list)
    requests: set[int] = field(default_factory=set)
    peak: int = 0


@dataclass
class Way:
    """``command`` makes the command for a number of items. ``most`` items where all would take minutes, by latency; none at all is 0."""

    name: str
    command: t.Callable[[int], Command]
    most: t.Callable[[int], int] = lambda latency: 10_000
    times: int = 1
    """How often one run of the command does the job."""


@dataclass
class Job:
    """Something to do with ``items`` mappings of a zone that has ``there`` before. The first way is ours.

    ``check`` gets the number of items that were done, and raises if they were not.
    """

    title: str
    text: str
    items: int
    there: int
    ways: list[Way]
    check: t.Callable[[Bench, int], None] = lambda bench, items: None

    def measure(self, bench: Bench, runs: int) -> list[Cell]:
        """A cell for each way, run up to so often, and once where it does only a part.

        They take turns: what else the machine does falls on all alike.
        """
        cells = [Cell(min(self.items, way.most(bench.latency))) for way in self.ways]
        for dummy in range(runs):
            for way, cell in zip(self.ways, cells):
                enough = sum(cell.seconds) >= ENOUGH or len(cell.seconds) >= runs
                if cell.items and not (cell.seconds and (enough or cell.items < self.items)):
                    self.run(bench, way, cell)
        return cells

    def run(self, bench: Bench, way: Way, cell: Cell) -> None:
        bench.reset(self.there)
        ran = way.command(cell.items).run(bench)
        if len(ran.seconds) != way.times:
            raise RuntimeError(f"{self.title}, {way.name}: {len(ran.seconds)} times measured, not {way.times}")
        cell.seconds += ran.seconds
        cell.requests.add(bench.requests() // way.times)
        cell.peak = max(cell.peak, ran.peak)
        self.check(bench, cell.items)
