# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Comparisons of two approaches that alternate in one command. The ratio is the median of the ratios of the pairs."""

from __future__ import annotations

import statistics
import typing as t

from .bench import Bench, spread_addresses
from .commands import Playbook, Script
from .formatting import format_seconds, format_table
from .sizes import Sizes
from .tasks import INFO_MODULE, measured_task, uri_arguments

CONNECTIONS_LATENCY_MS = 50


class Pairs(t.NamedTuple):
    ours: list[float]
    other: list[float]

    @property
    def ratio(self) -> float:
        """Return the median of the ratios of the pairs."""
        return statistics.median(ours / other for ours, other in zip(self.ours, self.other))


def compare_module_with_uri(bench: Bench, sizes: Sizes) -> Pairs:
    """Compare the module with ``ansible.builtin.uri`` in one playbook. The order alternates."""
    (address,) = spread_addresses(sizes.zone, 1)
    tasks_of_pair = [
        measured_task(INFO_MODULE, {"origin_ip": address}),
        measured_task("ansible.builtin.uri", uri_arguments(f"/{address}")),
    ]
    count = sizes.warm_up + sizes.pairs
    tasks = [task for number in range(count) for task in (tasks_of_pair[::-1] if number % 2 else tasks_of_pair)]
    bench.reset(sizes.zone)
    times = Playbook(tasks).run(bench).seconds
    if bench.count_requests() != 2 * count:
        raise RuntimeError(f"{bench.count_requests()} requests instead of {2 * count}")
    pairs = [ours_first(times[2 * number : 2 * number + 2], number) for number in range(sizes.warm_up, count)]
    return Pairs([ours for ours, dummy in pairs], [other for dummy, other in pairs])


def ours_first(times: list[float], number: int) -> tuple[float, float]:
    first, second = times
    return (second, first) if number % 2 else (first, second)


def compare_connections(bench: Bench, sizes: Sizes) -> Pairs:
    bench.reset(sizes.zone)
    job = {"repetitions": sizes.runs, "expected": sizes.zone}
    times = Script("connection_script", job).run(bench).seconds
    return Pairs(times[::2], times[1::2])


def format_pairs(pairs: Pairs, ours: str, other: str) -> str:
    rows = [[ours, format_seconds(pairs.ours), f"{pairs.ratio:.2f}"], [other, format_seconds(pairs.other), "1"]]
    return format_table(["", f"seconds, {len(pairs.ours)} pairs", "ratio, median of the pairs"], rows)
