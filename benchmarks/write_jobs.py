# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs that write many new mappings, or a few changed mappings of many."""

from __future__ import annotations

import typing as t

from .bench import Bench, Mapping, create_mappings
from .commands import Command, Playbook, Script
from .jobs import Approach, Job
from .sizes import Sizes
from .tasks import DECLARE_MODULE, assert_task, measured_task, put_arguments, read_pages_task

NEW_REGION = "us-west-2"


def jobs(sizes: Sizes) -> t.Iterator[Job]:
    yield write_new(sizes)
    yield write_changed(sizes)


def write_new(sizes: Sizes) -> Job:
    def uris(path: str, items: str) -> t.Callable[[int], Command]:
        task = measured_task("ansible.builtin.uri", put_arguments(path, "{{ item }}"), loop=f"{{{{ {items} }}}}")
        return lambda count: Playbook([task], {"wanted": create_mappings(count)})

    def sdk(job: str) -> t.Callable[[int], Command]:
        return lambda count: Script("sdk_script", {"job": job, "mappings": create_mappings(count), "expected": count})

    def check(bench: Bench, count: int) -> None:
        check_region(bench, create_mappings(count)[-1])

    return Job(
        f"Write {sizes.new_mappings:,} new mappings",
        "The zone is empty. The module first reads the zone and checks the regions. The other methods do not, since all mappings are new.",
        *(sizes.new_mappings, 0),
        [
            Approach("`origin_cloud_regions`", lambda count: declare_command(create_mappings(count), "created", count)),
            Approach(
                "`ansible.builtin.uri` in a loop, one mapping each",
                uris("/{{ item.origin_ip }}", "wanted"),
                limit_to_10,
            ),
            Approach(
                "`ansible.builtin.uri` in a loop, one batch of 100 mappings each",
                uris("/batch", "wanted | batch(100) | list"),
            ),
            Approach(
                "SDK, `update` for each mapping", sdk("update"), lambda latency: 100 if latency else sizes.new_mappings
            ),
            Approach("SDK, `bulk_update` for each 100 mappings", sdk("bulk")),
        ],
        check,
    )


def write_changed(sizes: Sizes) -> Job:
    wanted = create_mappings(sizes.zone)
    step = sizes.zone // sizes.changed_mappings
    for mapping in wanted[::step][: sizes.changed_mappings]:
        mapping["region"] = NEW_REGION

    def sdk(bulk: bool, **options: int) -> t.Callable[[int], Command]:
        job = {
            "job": "change",
            "mappings": wanted,
            "options": options,
            "bulk": bulk,
            "expected": sizes.changed_mappings,
        }
        return lambda count: Script("sdk_script", job)

    def check(bench: Bench, count: int) -> None:
        check_region(bench, wanted[0])
        check_region(bench, wanted[step * (count - 1)])

    return Job(
        f"Write {sizes.changed_mappings} changed mappings in a zone with {sizes.zone:,}",
        f"The input of each method is the list of {sizes.zone:,} desired mappings. The method reads the zone, and writes the mappings that "
        "differ.",
        *(sizes.changed_mappings, sizes.zone),
        [
            Approach("`origin_cloud_regions`", lambda count: declare_command(wanted, "updated", count)),
            Approach(
                "`ansible.builtin.uri` in two loops: one page of 100 mappings each, and one mapping each",
                lambda count: uri_loops_command(wanted, count),
                lambda latency: 0 if latency == 20 else sizes.changed_mappings,
            ),
            Approach("SDK, `list` with its default of 20 mappings a page, and `update` for each mapping", sdk(False)),
            Approach("SDK, `list` with `per_page=100`, and `update` for each mapping", sdk(False, per_page=100)),
            Approach("SDK, `list` with `per_page=100`, and `bulk_update`", sdk(True, per_page=100)),
        ],
        check,
    )


def limit_to_10(latency: int) -> int:
    return 10


def declare_command(wanted: list[Mapping], result: str, count: int) -> Command:
    task = measured_task(DECLARE_MODULE, {"mappings": "{{ wanted }}"})
    return Playbook([task, assert_task(f"result.{result} | length == {count}")], {"wanted": wanted})


def uri_loops_command(wanted: list[Mapping], count: int) -> Command:
    """Return a playbook that compares lines of address and region, since `difference` of dicts compares each with each."""

    def lines(name: str) -> str:
        return f"({name} | map(attribute='origin_ip') | zip({name} | map(attribute='region')) | map('join', ' '))"

    actual = "{{ result.results | map(attribute='json.result') | flatten }}"
    differ = f"{{{{ {lines('wanted')} | difference({lines('actual')}) }}}}"
    body = "{{ dict(origin_ip=item.split()[0], vendor='aws', region=item.split()[1]) }}"
    tasks = [
        read_pages_task(len(wanted)),
        measured_task("ansible.builtin.set_fact", {"actual": actual}, register="dummy"),
        measured_task("ansible.builtin.set_fact", {"differ": differ}, register="dummy"),
        measured_task("ansible.builtin.uri", put_arguments("/{{ item.split()[0] }}", body), loop="{{ differ }}"),
    ]
    return Playbook([*tasks, assert_task(f"differ | length == {count}")], {"wanted": wanted}, is_one_job=True)


def check_region(bench: Bench, mapping: Mapping) -> None:
    """Raise ``RuntimeError`` if the zone does not have this mapping."""
    region = bench.get_region(mapping["origin_ip"])
    if region != mapping["region"]:
        raise RuntimeError(f"{mapping['origin_ip']} is in {region}, not in {mapping['region']}")
