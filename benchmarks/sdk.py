# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a script with Cloudflare's SDK does. Times itself after the imports, which take long enough to be told apart.

Reads its job from standard input as JSON, and writes the seconds of each time that it was done.
"""

from __future__ import annotations

import json
import os
import sys
import time
import typing as t

import cloudflare

ZONE = os.environ["CLOUDFLARE_ZONE_ID"]
BATCH_SIZE = 100


def get(regions: t.Any, job: dict[str, t.Any]) -> int:
    """One request for each address."""
    return len([regions.get(address, zone_id=ZONE) for address in job["addresses"]])


def read(regions: t.Any, job: dict[str, t.Any]) -> int:
    """All of them, with the size of a page that the job says, if it does."""
    return len(list(regions.list(zone_id=ZONE, **job["options"])))


def update(regions: t.Any, job: dict[str, t.Any]) -> int:
    """One request for each mapping."""
    return len([put(regions, mapping) for mapping in job["mappings"]])


def bulk(regions: t.Any, job: dict[str, t.Any]) -> int:
    """One request for each 100."""
    return put_bulk(regions, job["mappings"])


def change(regions: t.Any, job: dict[str, t.Any]) -> int:
    """Reads all, and writes those that differ."""
    there = {one.origin_ip: (one.vendor, one.region) for one in regions.list(zone_id=ZONE, **job["options"])}
    changed = [one for one in job["mappings"] if there.get(one["origin_ip"]) != (one["vendor"], one["region"])]
    if job["bulk"]:
        return put_bulk(regions, changed)
    return len([put(regions, mapping) for mapping in changed])


def put(regions: t.Any, mapping: dict[str, str]) -> t.Any:
    address, rest = mapping["origin_ip"], {key: mapping[key] for key in ("vendor", "region")}
    return regions.update(address, zone_id=ZONE, body_origin_ip=address, **rest)


def put_bulk(regions: t.Any, mappings: list[dict[str, str]]) -> int:
    batches = [mappings[start : start + BATCH_SIZE] for start in range(0, len(mappings), BATCH_SIZE)]
    return sum(len(regions.bulk_update(zone_id=ZONE, body=batch).succeeded) for batch in batches)


JOBS = {function.__name__: function for function in (get, read, update, bulk, change)}


def main() -> None:
    job = json.load(sys.stdin)
    seconds = []
    for dummy in range(job.get("times", 1)):
        started = time.perf_counter()
        with cloudflare.Cloudflare() as client:
            count = JOBS[job["job"]](client.cache.origin_cloud_regions, job)
        seconds.append(time.perf_counter() - started)
        if count != job["expected"]:
            raise SystemExit(f"{count} instead of {job['expected']}")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
