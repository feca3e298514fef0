# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs that read one mapping, several mappings, or all mappings."""

from __future__ import annotations

import typing as t

from .bench import spread_addresses
from .commands import Command, Playbook, Script
from .jobs import Approach, Job
from .sizes import Sizes
from .tasks import (
    INFO_MODULE,
    OUR_LOOKUP,
    URL_LOOKUP,
    assert_task,
    for_each_address,
    measured_task,
    read_pages_task,
    template_task,
    uri_arguments,
)

CommandFactory = t.Callable[[int], Command]


def jobs(sizes: Sizes) -> t.Iterator[Job]:
    yield read_one(sizes)
    yield read_several(sizes)
    yield read_all(sizes)


def read_one(sizes: Sizes) -> Job:
    total, times = sizes.zone, sizes.repetitions
    fresh = OUR_LOOKUP.replace("{}", "{}, cache=false")
    commands: dict[str, CommandFactory] = {
        "`origin_cloud_region_info`": info_command(total, times),
        "lookup `origin_cloud_region`, with `cache=false`": lookup_command(fresh, total, times),
        "`ansible.builtin.uri`": uri_command(total, times),
        "lookup `ansible.builtin.url`": lookup_command(URL_LOOKUP, total, times),
        "SDK, `get`": sdk_get_command(total, times),
    }
    return Job(
        "Read one mapping",
        f"The mapping of one address, in a zone with {total:,} mappings.",
        *(1, total),
        [Approach(name, create_command, repetitions=times) for name, create_command in commands.items()],
    )


def read_several(sizes: Sizes) -> Job:
    total = sizes.zone
    return Job(
        f"Read {sizes.several_mappings} mappings",
        f"The mappings of {sizes.several_mappings} addresses, spread over a zone with {total:,} mappings.",
        *(sizes.several_mappings, total),
        [
            Approach("`origin_cloud_region_info`", info_command(total)),
            Approach("`ansible.builtin.uri` in a loop, one address each", uri_command(total), lambda latency: 10),
            Approach("lookup `ansible.builtin.url` for each address", lookup_command(URL_LOOKUP, total)),
            Approach("SDK, `get` for each address", sdk_get_command(total)),
            Approach("SDK, `list` of all mappings with `per_page=100`", sdk_list_command(total, per_page=100)),
        ],
    )


def read_all(sizes: Sizes) -> Job:
    total = sizes.zone

    def info_all(count: int) -> Command:
        return Playbook(
            [measured_task(INFO_MODULE, {}), assert_task(f"result.origin_cloud_regions | length == {count}")]
        )

    def our_query(count: int) -> Command:
        template = "{{ query('edgecache.cloudflare.origin_cloud_region') }}"
        return Playbook([template_task(template), assert_task(f"text | length == {count}")])

    def uri_pages(count: int) -> Command:
        found = "result.results | map(attribute='json.result') | flatten"
        return Playbook([read_pages_task(count), assert_task(f"{found} | length == {count}")])

    return Job(
        f"Read all {total:,} mappings",
        "The loop with `uri` gets the number of pages as a variable.",
        *(total, total),
        [
            Approach("`origin_cloud_region_info`", info_all),
            Approach("lookup `origin_cloud_region`", our_query),
            Approach(
                "`ansible.builtin.uri` in a loop, one page of 100 mappings each",
                uri_pages,
                lambda latency: 1_000 if latency else total,
            ),
            Approach("SDK, `list` with its default of 20 mappings a page", sdk_list_command(total)),
            Approach("SDK, `list` with `per_page=100`", sdk_list_command(total, per_page=100)),
        ],
    )


def info_command(total: int, times: int = 1) -> CommandFactory:
    def create_command(count: int) -> Command:
        task = measured_task(INFO_MODULE, {"origin_ip": spread_addresses(total, count)})
        return Playbook([task, assert_task(f"result.origin_cloud_regions | length == {count}")] * times)

    return create_command


def uri_command(total: int, times: int = 1) -> CommandFactory:
    def create_command(count: int) -> Command:
        addresses = spread_addresses(total, count)
        if count == 1:
            return Playbook([measured_task("ansible.builtin.uri", uri_arguments(f"/{addresses[0]}"))] * times)
        task = measured_task("ansible.builtin.uri", uri_arguments("/{{ item }}"), loop=addresses)
        return Playbook([task, assert_task(f"result.results | length == {count}")] * times)

    return create_command


def lookup_command(expression: str, total: int, times: int = 1) -> CommandFactory:
    """Return a factory of playbooks with a lookup for each address, in one template."""

    def create_command(count: int) -> Command:
        tasks = [template_task(for_each_address(expression)), assert_task(f"text.split() | length == {count}")]
        return Playbook(tasks * times, {"addresses": spread_addresses(total, count)})

    return create_command


def sdk_get_command(total: int, times: int = 1) -> CommandFactory:
    return lambda count: Script(
        "sdk_script",
        {"job": "get", "addresses": spread_addresses(total, count), "expected": count, "repetitions": times},
    )


def sdk_list_command(total: int, **options: int) -> CommandFactory:
    return lambda count: Script("sdk_script", {"job": "read", "options": options, "expected": total})
