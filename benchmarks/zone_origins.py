# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The origins of zones with few and with many DNS records."""

from __future__ import annotations

import json

from .bench import Bench
from .commands import Playbook
from .formatting import format_megabytes, format_seconds, format_table
from .sizes import Sizes
from .tasks import assert_task, measured_task

LATENCY_MS = 50
MAX_ADDRESSES = 3_500
"""Different addresses with which the simulator fills a zone."""

RANGE = {"ipv6_prefix": "2001:db8:f::/48", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1"}
"""A range with all of these addresses, in the format of AWS."""


def measure_origins(bench: Bench, sizes: Sizes) -> str:
    """Return the table."""
    ranges = bench.folder / "ranges.json"
    ranges.write_text(json.dumps({"syncToken": "1", "prefixes": [], "ipv6_prefixes": [RANGE]}))
    rows = []
    for count in sizes.zone_records:
        origins = list_origins(count)
        hints = len(origins) // 2
        missing = [number for number in origins if number >= hints]
        audit_options = {"origins": True, "sources": [str(ranges)]}
        for name, module, options, condition in (
            ("`zone_origin_info`", "zone_origin_info", {}, f"result.origins | length == {len(origins)}"),
            (
                "`origin_cloud_region_audit_info` with `origins`",
                "origin_cloud_region_audit_info",
                audit_options,
                f"result.missing | length == {len(missing)}",
            ),
        ):
            task = measured_task(f"edgecache.cloudflare.{module}", options)
            playbook = Playbook([task, assert_task(condition)])
            rows.append([f"{name}, {count:,} records", *run(bench, playbook, sizes.runs, count, hints)])
    return format_table(["", "requests", f"seconds at {LATENCY_MS} ms, {sizes.runs} runs", "memory"], rows)


def list_origins(count: int) -> set[int]:
    """Return the numbers of the addresses in so many records. Each tenth record is a CNAME, and the addresses repeat."""
    return {number % MAX_ADDRESSES for number in range(count) if (number + 1) % 10}


def run(bench: Bench, playbook: Playbook, runs: int, records: int, hints: int) -> list[str]:
    """Return the cells of a row."""
    zone = {
        "id": bench.simulator.zone_id,
        "name": "example.com",
        "tiered_cache": "on",
        "fill_records": records,
        "fill": hints,
        "load_balancers": [{"name": "lb.example.com", "proxied": True, "default_pools": ["p"]}],
        "origin_rules": [{"action": "route", "action_parameters": {"origin": {"host": "host-000001.example.com"}}}],
        "custom_hostnames": [{"id": "c", "hostname": "www.example.org", "status": "active"}],
        "fallback_origin": {"origin": "host-000001.example.com", "status": "active"},
    }
    pools = [{"id": "p", "name": "p", "origins": [{"name": "o", "address": "host-000001.example.com"}]}]
    bench.simulator.reset({"zones": [zone], "pools": pools})
    measurements = [playbook.run(bench) for dummy in range(runs)]
    return [
        f"{bench.count_requests() // runs:,}",
        format_seconds([one.seconds[0] for one in measurements]),
        format_megabytes(max(one.peak_bytes for one in measurements)),
    ]
