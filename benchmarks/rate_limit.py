# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forks that share a rate limit, compared with the same play without coordination."""

from __future__ import annotations

import math
import os
import re
import tempfile
import typing as t
from pathlib import Path

from .bench import Bench
from .commands import Playbook, read_output
from .formatting import format_number, format_table
from .sizes import Sizes, ZonesPlay
from .tasks import INFO_MODULE, Task, measured_task

OpenBench = t.Callable[..., t.ContextManager[Bench]]
"""Called with the latency, and with options of the simulator."""

SHARED_FOLDER = f"edgecache-cloudflare-{os.geteuid()}"
WAITING_TEXT = "the tasks of this host have used up the rate limit"
"""In the warning of a task that waits for its turn."""

API_WINDOW_SECONDS = 300
DEFAULT_MAX_WAIT = 330


def measure_rate_limit(open_bench: OpenBench, sizes: Sizes) -> str:
    """Return a table for each play, with one run of each approach."""
    return "\n\n".join(measure_play(open_bench, sizes.rate_limit, play) for play in sizes.rate_limit_plays)


def measure_play(open_bench: OpenBench, limit: tuple[int, int], play: ZonesPlay) -> str:
    max_requests, window_seconds = limit
    needed = play.zones * math.ceil(play.mappings / 100)
    ideal = (math.ceil(needed / max_requests) - 1) * window_seconds
    scaled_max_wait = DEFAULT_MAX_WAIT * window_seconds / API_WINDOW_SECONDS
    approaches: list[tuple[str, bool, Task]] = [
        ("tasks share the rate limit", True, {}),
        ("without coordination", False, {}),
        (f"without coordination, with `max_wait: {scaled_max_wait:g}`", False, {"max_wait": scaled_max_wait}),
    ]
    rows = []
    for name, is_coordinated, options in approaches:
        # A new simulator for each run, since the window of the last run may not have ended
        with open_bench(0, "--rate-limit", str(max_requests), str(window_seconds)) as bench:
            rows.append([name, *run_play(bench, play, ideal, is_coordinated, options)])
    heads = ["", "failed zones", "requests", "refused requests", "seconds", "ratio to the ideal"]
    return (
        f"### Read {play.zones} zones with {play.mappings:,} mappings each, with {play.forks} forks\n\n"
        f"The play needs {needed:,} requests, and the limit is {max_requests:,} in {window_seconds} seconds. The ideal is {ideal} "
        f"seconds, when the last window begins.\n\n{format_table(heads, rows)}"
    )


def run_play(bench: Bench, play: ZonesPlay, ideal: float, is_coordinated: bool, options: Task) -> list[str]:
    """Return the cells of a run. Each host of the play is a zone. ``options`` are those of the module."""
    ids = [f"{number:032x}" for number in range(1, play.zones + 1)]
    bench.simulator.reset({"zones": [{"id": one, "name": "example.com", "fill": play.mappings} for one in ids]})
    temporary = Path(tempfile.mkdtemp(dir=bench.folder))
    bench.environment["TMPDIR"] = str(temporary)
    if not is_coordinated:
        # A plain file instead of the folder through which the tasks share the limit
        (temporary / SHARED_FOLDER).touch()
    task = measured_task(
        INFO_MODULE,
        {"zone_id": "{{ zone_id }}", **options},
        failed_when=f"result is failed or result.origin_cloud_regions | length != {play.mappings}",
        ignore_errors=True,
    )
    hosts = {f"zone{number}": {"zone_id": one} for number, one in enumerate(ids, 1)}
    (seconds,) = Playbook([task], hosts=hosts, forks=play.forks).run(bench).seconds
    output = read_output(bench)
    if (WAITING_TEXT in " ".join(output.split())) != is_coordinated:
        raise RuntimeError(f"coordination: {not is_coordinated} instead of {is_coordinated}\n{output[-4000:]}")
    failed = len(re.findall(r"\bignored=[1-9]", output))
    statuses = [entry["status"] for entry in bench.simulator.stats()["log"]]
    refused = statuses.count(429)
    return [
        str(failed),
        f"{len(statuses):,}",
        f"{refused:,} ({refused / len(statuses):.1%})",
        f"**{format_number(seconds)}**",
        "" if failed else format_number(seconds / ideal),
    ]
