# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading: one mapping, several, all."""

from __future__ import annotations

import typing as t

from .bench import spread
from .commands import Command, Playbook, Script
from .jobs import Job, Way
from .sizes import Sizes
from .tasks import INFO, OUR_LOOKUP, URL_LOOKUP, for_each, measured, pages, rendered, sure, uri

Make = t.Callable[[int], Command]


def jobs(sizes: Sizes) -> t.Iterator[Job]:
    yield one(sizes)
    yield several(sizes)
    yield everything(sizes)


def one(sizes: Sizes) -> Job:
    total, times = sizes.zone, sizes.times
    fresh = OUR_LOOKUP.replace("{}", "{}, cache=false")
    ways: dict[str, Make] = {
        "`origin_cloud_region_info`": info(total, times),
        "lookup `origin_cloud_region`, with `cache=false`": lookups(fresh, total, times),
        "`ansible.builtin.uri`": uris(total, times),
        "lookup `ansible.builtin.url`": lookups(URL_LOOKUP, total, times),
        "SDK, `get`": sdk_get(total, times),
    }
    return Job(
        "Read one mapping",
        f"One address is given, in a zone with {total:,} mappings.",
        *(1, total),
        [Way(name, make, times=times) for name, make in ways.items()],
    )


def several(sizes: Sizes) -> Job:
    total = sizes.zone
    return Job(
        f"Read {sizes.several} mappings",
        f"{sizes.several} addresses are given, spread over a zone with {total:,} mappings.",
        *(sizes.several, total),
        [
            Way("`origin_cloud_region_info`", info(total)),
            Way("`ansible.builtin.uri` in a loop, an address each", uris(total), lambda latency: 10),
            Way("lookup `ansible.builtin.url` for each address", lookups(URL_LOOKUP, total)),
            Way("SDK, `get` for each address", sdk_get(total)),
            Way("SDK, `list` of all with `per_page=100`", sdk_list(total, per_page=100)),
        ],
    )


def everything(sizes: Sizes) -> Job:
    total = sizes.zone

    def info_all(count: int) -> Command:
        return Playbook([measured(INFO, {}), sure(f"result.origin_cloud_regions | length == {count}")])

    def our_query(count: int) -> Command:
        template = "{{ query('edgecache.cloudflare.origin_cloud_region') }}"
        return Playbook([rendered(template), sure(f"text | length == {count}")])

    def uri_pages(count: int) -> Command:
        found = "result.results | map(attribute='json.result') | flatten"
        return Playbook([pages(count), sure(f"{found} | length == {count}")])

    return Job(
        f"Read all {total:,} mappings",
        "The loop with `uri` is told how many pages there are.",
        *(total, total),
        [
            Way("`origin_cloud_region_info`", info_all),
            Way("lookup `origin_cloud_region`", our_query),
            Way(
                "`ansible.builtin.uri` in a loop, a page of 100 each",
                uri_pages,
                lambda latency: 1_000 if latency else total,
            ),
            Way("SDK, `list` as it is", sdk_list(total)),
            Way("SDK, `list` with `per_page=100`", sdk_list(total, per_page=100)),
        ],
    )


def info(total: int, times: int = 1) -> Make:
    def make(count: int) -> Command:
        task = measured(INFO, {"origin_ip": spread(total, count)})
        return Playbook([task, sure(f"result.origin_cloud_regions | length == {count}")] * times)

    return make


def uris(total: int, times: int = 1) -> Make:
    def make(count: int) -> Command:
        addresses = spread(total, count)
        if count == 1:
            return Playbook([measured("ansible.builtin.uri", uri(f"/{addresses[0]}"))] * times)
        task = measured("ansible.builtin.uri", uri("/{{ item }}"), loop=addresses)
        return Playbook([task, sure(f"result.results | length == {count}")] * times)

    return make


def lookups(expression: str, total: int, times: int = 1) -> Make:
    """A lookup for each address, in one template."""

    def make(count: int) -> Command:
        tasks = [rendered(for_each(expression)), sure(f"text.split() | length == {count}")]
        return Playbook(tasks * times, {"addresses": spread(total, count)})

    return make


def sdk_get(total: int, times: int = 1) -> Make:
    return lambda count: Script(
        "sdk", {"job": "get", "addresses": spread(total, count), "expected": count, "times": times}
    )


def sdk_list(total: int, **options: int) -> Make:
    return lambda count: Script("sdk", {"job": "read", "options": options, "expected": total})
