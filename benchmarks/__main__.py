# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m benchmarks``: measures, and writes the tables into the page."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from tests.simulator.testing import ROOT, running_simulator

from . import looking, machine, pairs, placing, reading, startup, writing
from .bench import Bench
from .jobs import Job
from .page import filled, job_table, tables_of
from .sizes import FULL, QUICK, Sizes

PAGE = ROOT / "docs/explanation/performance.md"
COMMAND = ".venv/bin/nox -s benchmark"
JOBS = {"reading": reading.jobs, "writing": writing.jobs, "lookups": looking.jobs}
STARTED = time.perf_counter()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE, help="the page with the places for the tables")
    parser.add_argument("--quick", action="store_true", help="only see that it works: the figures are worth nothing")
    parser.add_argument(
        "--only-place", action="store_true", help="measure the part on placing addresses, which takes seconds"
    )
    return parser.parse_args()


@contextlib.contextmanager
def bench(latency: int) -> t.Iterator[Bench]:
    options = ("--no-contract-check", "--latency", str(latency / 1000))
    with tempfile.TemporaryDirectory() as folder, running_simulator(*options) as simulator:
        yield Bench(simulator, latency, Path(folder))


def measure(sizes: Sizes) -> dict[str, str]:
    """The tables, by their places on the page."""
    tables = {"machine": machine.described(COMMAND)}
    tell("start")
    with bench(0) as at:
        beside = pairs.module_beside_uri(at, sizes)
        tables["module beside uri"] = pairs.pairs_table(beside, "`origin_cloud_region_info`", "`ansible.builtin.uri`")
        tables["start"] = startup.starts_table(at, sizes)
        tables["modules"] = startup.modules_table(at, sizes.times)
        tell("place")
        tables["place"] = placing.place_table(at, sizes)
    with bench(pairs.CONNECTIONS_LATENCY) as at:
        beside = pairs.many_connections_beside_one(at, sizes)
        tables["connections"] = pairs.pairs_table(beside, "side by side", "over one connection")
    with contextlib.ExitStack() as stack:
        benches = [stack.enter_context(bench(latency)) for latency in sizes.latencies]
        for name, jobs in JOBS.items():
            tables[name] = "\n\n".join(measure_job(job, benches, sizes) for job in [*jobs(sizes)][-sizes.last_jobs :])
    return tables


def measure_job(job: Job, benches: list[Bench], sizes: Sizes) -> str:
    tell(job.title)
    job.ways = job.ways[:: sizes.every]
    return job_table(job, [at.latency for at in benches], [job.measure(at, sizes.runs) for at in benches])


def tell(what: str) -> None:
    print(f"{time.perf_counter() - STARTED:4.0f} s: {what}", file=sys.stderr, flush=True)


def main() -> None:
    options = arguments()
    page = options.page.read_text(encoding="utf-8")
    sizes = QUICK if options.quick else FULL
    if options.only_place:
        with bench(0) as at:
            tables = {**tables_of(page), "place": placing.place_table(at, sizes)}
    else:
        tables = measure(sizes)
    options.page.write_text(filled(page, tables), encoding="utf-8")
    tell(f"the tables are in {options.page.name}")


if __name__ == "__main__":
    main()
