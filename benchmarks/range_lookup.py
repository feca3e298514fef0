# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vendor and region of addresses, from the complete ranges of the four vendors, compared with a library."""

from __future__ import annotations

import json

from .bench import Bench
from .commands import Command, Measurement, Playbook, Script
from .formatting import format_megabytes, format_seconds, format_table
from .sizes import Sizes
from .tasks import assert_task, measured_task


def measure_range_lookup(bench: Bench, sizes: Sizes) -> str:
    """Return the table. Each measurement is a new process, and the approaches alternate."""
    # A separate process writes the input, since the peak memory of a child includes that of its parent
    job = {"job": "write_input", "folder": str(bench.folder), "count": sizes.zone, "library": sizes.use_library}
    Script("range_script", job).run(bench)
    data = json.loads((bench.folder / "ranges.json").read_text())
    options = {"origin_ip": data["addresses"], "sources": data["files"]}
    count = len(data["addresses"])
    condition = f"result.cloud_regions | length + result.unknown | length + result.ambiguous | length == {count}"
    commands: dict[str, Command] = {
        "the collection's code, without a task": Script("range_script", {"job": "ours", **data}),
        "the library py-cloudip": Script("range_script", {"job": "library", **data}),
        "a task with `cloud_region_info`": Playbook(
            [measured_task("edgecache.cloudflare.cloud_region_info", options), assert_task(condition)]
        ),
    }
    runs: dict[str, list[Measurement]] = {name: [] for name in [*commands][:: sizes.approach_step]}
    for dummy in range(sizes.runs):
        for name, measurements in runs.items():
            measurements.append(commands[name].run(bench))
    rows = []
    for name, measurements in runs.items():
        load_seconds = [one.seconds[0] for one in measurements if len(one.seconds) == 2]
        lookup_seconds = [one.seconds[1] for one in measurements if len(one.seconds) == 2]
        cells = [format_seconds(load_seconds), format_seconds(lookup_seconds)] if load_seconds else ["", ""]
        totals = [sum(one.seconds) for one in measurements]
        rows.append(
            [name, *cells, format_seconds(totals), format_megabytes(max(one.peak_bytes for one in measurements))]
        )
    heads = ["", "seconds to load", f"seconds to look up {count:,} addresses", f"sum, {sizes.runs} runs", "memory"]
    return format_table(heads, rows)
