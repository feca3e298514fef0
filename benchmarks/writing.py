# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing: many new mappings, and a few that changed among many."""

from __future__ import annotations

import typing as t

from .bench import Bench, Mapping, mappings
from .commands import Command, Playbook, Script
from .jobs import Job, Way
from .sizes import Sizes
from .tasks import DECLARE, measured, pages, put, sure

NEW_REGION = "us-west-2"


def jobs(sizes: Sizes) -> t.Iterator[Job]:
    yield new(sizes)
    yield changed(sizes)


def new(sizes: Sizes) -> Job:
    def uris(path: str, items: str) -> t.Callable[[int], Command]:
        task = measured("ansible.builtin.uri", put(path, "{{ item }}"), loop=f"{{{{ {items} }}}}")
        return lambda count: Playbook([task], {"wanted": mappings(count)})

    def sdk(job: str) -> t.Callable[[int], Command]:
        return lambda count: Script("sdk", {"job": job, "mappings": mappings(count), "expected": count})

    def check(bench: Bench, count: int) -> None:
        expect(bench, mappings(count)[-1])

    return Job(
        f"Write {sizes.new:,} new mappings",
        "Into an empty zone. The module reads the zone first, and checks the regions. The others do not: they know that all is new.",
        *(sizes.new, 0),
        [
            Way("`origin_cloud_regions`", lambda count: declare(mappings(count), "created", count)),
            Way("`ansible.builtin.uri` in a loop, a mapping each", uris("/{{ item.origin_ip }}", "wanted"), few),
            Way("`ansible.builtin.uri` in a loop, a batch of 100 each", uris("/batch", "wanted | batch(100) | list")),
            Way("SDK, `update` for each", sdk("update"), lambda latency: 100 if latency else sizes.new),
            Way("SDK, `bulk_update` for each 100", sdk("bulk")),
        ],
        check,
    )


def changed(sizes: Sizes) -> Job:
    wanted = mappings(sizes.zone)
    step = sizes.zone // sizes.changed
    for mapping in wanted[::step][: sizes.changed]:
        mapping["region"] = NEW_REGION

    def sdk(bulk: bool, **options: int) -> t.Callable[[int], Command]:
        job = {"job": "change", "mappings": wanted, "options": options, "bulk": bulk, "expected": sizes.changed}
        return lambda count: Script("sdk", job)

    def check(bench: Bench, count: int) -> None:
        expect(bench, wanted[0])
        expect(bench, wanted[step * (count - 1)])

    return Job(
        f"Write {sizes.changed} that changed among {sizes.zone:,}",
        f"All {sizes.zone:,} are given. Each way reads the zone, compares, and writes what differs.",
        *(sizes.changed, sizes.zone),
        [
            Way("`origin_cloud_regions`", lambda count: declare(wanted, "updated", count)),
            Way(
                "`ansible.builtin.uri` in two loops, a page of 100 and a mapping each",
                lambda count: uri_loops(wanted, count),
                lambda latency: 0 if latency == 20 else sizes.changed,
            ),
            Way("SDK, `list` as it is and `update` for each", sdk(False)),
            Way("SDK, `list` with `per_page=100` and `update` for each", sdk(False, per_page=100)),
            Way("SDK, `list` with `per_page=100` and `bulk_update`", sdk(True, per_page=100)),
        ],
        check,
    )


def few(latency: int) -> int:
    return 10


def declare(wanted: list[Mapping], result: str, count: int) -> Command:
    task = measured(DECLARE, {"mappings": "{{ wanted }}"})
    return Playbook([task, sure(f"result.{result} | length == {count}")], {"wanted": wanted})


def uri_loops(wanted: list[Mapping], count: int) -> Command:
    """What differs is found by lines of address and region, since of dicts, `difference` compares each with each."""

    def lines(name: str) -> str:
        return f"({name} | map(attribute='origin_ip') | zip({name} | map(attribute='region')) | map('join', ' '))"

    there = "{{ result.results | map(attribute='json.result') | flatten }}"
    differ = f"{{{{ {lines('wanted')} | difference({lines('there')}) }}}}"
    body = "{{ dict(origin_ip=item.split()[0], vendor='aws', region=item.split()[1]) }}"
    tasks = [
        pages(len(wanted)),
        measured("ansible.builtin.set_fact", {"there": there}, register="dummy"),
        measured("ansible.builtin.set_fact", {"differ": differ}, register="dummy"),
        measured("ansible.builtin.uri", put("/{{ item.split()[0] }}", body), loop="{{ differ }}"),
    ]
    return Playbook([*tasks, sure(f"differ | length == {count}")], {"wanted": wanted}, together=True)


def expect(bench: Bench, mapping: Mapping) -> None:
    """What was written is there."""
    found = bench.region(mapping["origin_ip"])
    if found != mapping["region"]:
        raise RuntimeError(f"{mapping['origin_ip']} is in {found}, not in {mapping['region']}")
