# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs with lookups: many in one template, and one on each of many hosts."""

from __future__ import annotations

import typing as t

from .bench import spread_addresses
from .commands import Command, Playbook
from .jobs import Approach, Job
from .read_jobs import lookup_command, sdk_get_command
from .sizes import Sizes
from .tasks import OUR_LOOKUP, URL_LOOKUP, assert_task, measured_task, template_task, uri_arguments


def jobs(sizes: Sizes) -> t.Iterator[Job]:
    yield lookups_in_one_template(sizes)
    yield lookup_on_each_host(sizes, sizes.small_zone)
    yield lookup_on_each_host(sizes, sizes.zone)


def lookups_in_one_template(sizes: Sizes) -> Job:
    def query_command(count: int) -> Command:
        query = "query('edgecache.cloudflare.origin_cloud_region', *addresses)"
        tasks = [
            template_task("{% for one in " + query + " %}{{ one.region }} {% endfor %}"),
            assert_task(f"text.split() | length == {count}"),
        ]
        return Playbook(tasks, {"addresses": spread_addresses(sizes.zone, count)})

    def max_items(latency: int) -> int:
        return 100 if latency else sizes.lookups

    return Job(
        f"{sizes.lookups:,} lookups in one template",
        f"The mappings of {sizes.lookups:,} addresses, spread over a zone with {sizes.zone:,} mappings.",
        *(sizes.lookups, sizes.zone),
        [
            Approach("lookup `origin_cloud_region` for each address", lookup_command(OUR_LOOKUP, sizes.zone)),
            Approach("lookup `origin_cloud_region` once, with all addresses", query_command),
            Approach(
                "lookup `ansible.builtin.url` for each address", lookup_command(URL_LOOKUP, sizes.zone), max_items
            ),
            Approach("SDK, `get` for each address", sdk_get_command(sizes.zone), max_items),
        ],
    )


def lookup_on_each_host(sizes: Sizes, zone_size: int) -> Job:
    different = min(zone_size, sizes.hosts)

    def on_each(task: dict[str, t.Any], condition: str) -> t.Callable[[int], Command]:
        addresses = spread_addresses(zone_size, different)

        def create_command(count: int) -> Command:
            inventory = {f"host{n}": {"address": addresses[n % different]} for n in range(count)}
            return Playbook([task, assert_task(condition)], {}, inventory, sizes.forks)

        return create_command

    def debug(expression: str) -> t.Callable[[int], Command]:
        template = "{{ " + expression.format("address") + " }}"
        return on_each(measured_task("ansible.builtin.debug", {"msg": template}), "result.msg == 'us-east-1'")

    uri_task = on_each(measured_task("ansible.builtin.uri", uri_arguments("/{{ address }}")), "result.status == 200")
    return Job(
        f"A lookup on each of {sizes.hosts} hosts, in a zone with {zone_size:,} mappings",
        f"One task with {sizes.forks} forks, which looks up {different} different addresses.",
        *(sizes.hosts, zone_size),
        [
            Approach("lookup `origin_cloud_region`", debug(OUR_LOOKUP)),
            Approach("lookup `ansible.builtin.url`", debug(URL_LOOKUP)),
            Approach("`ansible.builtin.uri`", uri_task, lambda latency: 10),
        ],
    )
