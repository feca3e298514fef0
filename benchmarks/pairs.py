# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two ways that take turns in one command, so that each time of the one has a time of the other beside it."""

from __future__ import annotations

import statistics
import typing as t

from .bench import Bench, spread
from .commands import Playbook, Script
from .sizes import Sizes
from .tasks import INFO, measured, uri
from .text import seconds, table

CONNECTIONS_LATENCY = 50


class Pairs(t.NamedTuple):
    ours: list[float]
    other: list[float]

    @property
    def ratio(self) -> float:
        """The median of what each pair gives."""
        return statistics.median(ours / other for ours, other in zip(self.ours, self.other))


def module_beside_uri(bench: Bench, sizes: Sizes) -> Pairs:
    """One playbook, in which first the one is first and then the other."""
    (address,) = spread(sizes.zone, 1)
    both = [measured(INFO, {"origin_ip": address}), measured("ansible.builtin.uri", uri(f"/{address}"))]
    count = sizes.warm_up + sizes.pairs
    tasks = [task for number in range(count) for task in (both[::-1] if number % 2 else both)]
    bench.reset(sizes.zone)
    times = Playbook(tasks).run(bench).seconds
    if bench.requests() != 2 * count:
        raise RuntimeError(f"{bench.requests()} requests instead of {2 * count}")
    pairs = [sorted_pair(times[2 * number : 2 * number + 2], number) for number in range(sizes.warm_up, count)]
    return Pairs([ours for ours, dummy in pairs], [other for dummy, other in pairs])


def sorted_pair(times: list[float], number: int) -> tuple[float, float]:
    first, second = times
    return (second, first) if number % 2 else (first, second)


def many_connections_beside_one(bench: Bench, sizes: Sizes) -> Pairs:
    bench.reset(sizes.zone)
    job = {"times": sizes.runs, "expected": sizes.zone}
    times = Script("connections", job).run(bench).seconds
    return Pairs(times[::2], times[1::2])


def pairs_table(pairs: Pairs, ours: str, other: str) -> str:
    rows = [[ours, seconds(pairs.ours), f"{pairs.ratio:.2f}"], [other, seconds(pairs.other), "1"]]
    return table(["", f"seconds, {len(pairs.ours)} pairs", "ratio, median of the pairs"], rows)
