# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookups: many in one template, and one on each of many hosts."""

from __future__ import annotations

import typing as t

from .bench import spread
from .commands import Command, Playbook
from .jobs import Job, Way
from .reading import lookups, sdk_get
from .sizes import Sizes
from .tasks import OUR_LOOKUP, URL_LOOKUP, measured, rendered, sure, uri


def jobs(sizes: Sizes) -> t.Iterator[Job]:
    yield template(sizes)
    yield hosts(sizes, sizes.small_zone)
    yield hosts(sizes, sizes.zone)


def template(sizes: Sizes) -> Job:
    def at_once(count: int) -> Command:
        query = "query('edgecache.cloudflare.origin_cloud_region', *addresses)"
        tasks = [
            rendered("{% for one in " + query + " %}{{ one.region }} {% endfor %}"),
            sure(f"text.split() | length == {count}"),
        ]
        return Playbook(tasks, {"addresses": spread(sizes.zone, count)})

    def most(latency: int) -> int:
        return 100 if latency else sizes.lookups

    return Job(
        f"{sizes.lookups:,} lookups in one template",
        f"Of as many addresses, spread over a zone with {sizes.zone:,} mappings.",
        *(sizes.lookups, sizes.zone),
        [
            Way("lookup `origin_cloud_region` for each address", lookups(OUR_LOOKUP, sizes.zone)),
            Way("lookup `origin_cloud_region` once, with all addresses", at_once),
            Way("lookup `ansible.builtin.url` for each address", lookups(URL_LOOKUP, sizes.zone), most),
            Way("SDK, `get` for each address", sdk_get(sizes.zone), most),
        ],
    )


def hosts(sizes: Sizes, there: int) -> Job:
    different = min(there, sizes.hosts)

    def on_each(task: dict[str, t.Any], condition: str) -> t.Callable[[int], Command]:
        addresses = spread(there, different)

        def make(count: int) -> Command:
            inventory = {f"host{n}": {"address": addresses[n % different]} for n in range(count)}
            return Playbook([task, sure(condition)], {}, inventory, sizes.forks)

        return make

    def debug(expression: str) -> t.Callable[[int], Command]:
        shown = "{{ " + expression.format("address") + " }}"
        return on_each(measured("ansible.builtin.debug", {"msg": shown}), "result.msg == 'us-east-1'")

    asked = on_each(measured("ansible.builtin.uri", uri("/{{ address }}")), "result.status == 200")
    return Job(
        f"A lookup on each of {sizes.hosts} hosts, in a zone with {there:,} mappings",
        f"One task with {sizes.forks} forks, which asks for {different} different addresses.",
        *(sizes.hosts, there),
        [
            Way("lookup `origin_cloud_region`", debug(OUR_LOOKUP)),
            Way("lookup `ansible.builtin.url`", debug(URL_LOOKUP)),
            Way("`ansible.builtin.uri`", asked, lambda latency: 10),
        ],
    )
