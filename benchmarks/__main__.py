# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m benchmarks``: measure, and write the tables to the page."""

from __future__ import annotations

import argparse
import contextlib
import functools
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from tests.simulator.testing import ROOT, running_simulator

from . import lookup_jobs, machine, paired_runs, range_lookup, rate_limit, read_jobs, startup, write_jobs, zone_origins
from .bench import Bench
from .jobs import Job
from .page import fill_page, format_job, parse_tables
from .sizes import FULL, QUICK, Sizes

PAGE = ROOT / "docs/explanation/performance.md"
COMMAND = ".venv/bin/nox -s benchmark"
JOBS = {"reading": read_jobs.jobs, "writing": write_jobs.jobs, "lookups": lookup_jobs.jobs}
STARTED = time.perf_counter()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help="the page with the markers of the tables")
    parser.add_argument(
        "--quick", action="store_true", help="test the benchmark with small sizes; the figures mean nothing"
    )
    parser.add_argument("--only", choices=PARTS, help="measure only this part, and keep the other tables")
    return parser.parse_args()


@contextlib.contextmanager
def open_bench(latency: int, *options: str) -> t.Iterator[Bench]:
    options = ("--no-contract-check", "--latency", str(latency / 1000), *options)
    with tempfile.TemporaryDirectory() as folder, running_simulator(*options) as simulator:
        yield Bench(simulator, latency, Path(folder))


def measure_range_lookup(sizes: Sizes) -> str:
    with open_bench(0) as bench:
        return range_lookup.measure_range_lookup(bench, sizes)


def measure_rate_limit(sizes: Sizes) -> str:
    return rate_limit.measure_rate_limit(open_bench, sizes)


def measure_origins(sizes: Sizes) -> str:
    with open_bench(zone_origins.LATENCY_MS) as bench:
        return zone_origins.measure_origins(bench, sizes)


def measure_jobs(name: str, sizes: Sizes) -> str:
    with contextlib.ExitStack() as stack:
        benches = [stack.enter_context(open_bench(latency)) for latency in sizes.latencies]
        return "\n\n".join(measure_job(job, benches, sizes) for job in [*JOBS[name](sizes)][-sizes.last_jobs :])


PARTS: dict[str, t.Callable[[Sizes], str]] = {
    **{name: functools.partial(measure_jobs, name) for name in JOBS},
    "range lookup": measure_range_lookup,
    "zone origins": measure_origins,
    "rate limit": measure_rate_limit,
}
"""Parts that can be measured alone, by the names of their markers."""


def measure_all(sizes: Sizes) -> dict[str, str]:
    """Return the tables by the names of their markers on the page."""
    tables = {"machine": machine.describe_machine(COMMAND)}
    log_progress("start")
    with open_bench(0) as bench:
        pairs = paired_runs.compare_module_with_uri(bench, sizes)
        tables["module and uri"] = paired_runs.format_pairs(
            pairs, "`origin_cloud_region_info`", "`ansible.builtin.uri`"
        )
        tables["start"] = startup.measure_starts(bench, sizes)
        tables["modules"] = startup.measure_modules(bench, sizes.repetitions)
    with open_bench(paired_runs.CONNECTIONS_LATENCY_MS) as bench:
        pairs = paired_runs.compare_connections(bench, sizes)
        tables["connections"] = paired_runs.format_pairs(pairs, "several connections in parallel", "one connection")
    for name in PARTS:
        tables[name] = measure_part(name, sizes)
    return tables


def measure_part(name: str, sizes: Sizes) -> str:
    log_progress(name)
    return PARTS[name](sizes)


def measure_job(job: Job, benches: list[Bench], sizes: Sizes) -> str:
    log_progress(job.title)
    job.approaches = job.approaches[:: sizes.approach_step]
    return format_job(job, [bench.latency for bench in benches], [job.measure(bench, sizes.runs) for bench in benches])


def log_progress(text: str) -> None:
    print(f"{time.perf_counter() - STARTED:4.0f} s: {text}", file=sys.stderr, flush=True)


def main() -> None:
    options = parse_arguments()
    page = options.page.read_text(encoding="utf-8")
    sizes = QUICK if options.quick else FULL
    only = options.only
    tables = parse_tables(page) | {only: measure_part(only, sizes)} if only else measure_all(sizes)
    options.page.write_text(fill_page(page, tables), encoding="utf-8")
    log_progress(f"the tables are in {options.page.name}")


if __name__ == "__main__":
    main()
