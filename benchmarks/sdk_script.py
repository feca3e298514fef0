# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Do a job with Cloudflare's SDK, and measure it without the imports, which are measured separately.

The input is a job as JSON. The output has the seconds of each repetition.
"""

from __future__ import annotations

import json
import os
import sys
import time
import typing as t

import cloudflare

ZONE_ID = os.environ["CLOUDFLARE_ZONE_ID"]
BATCH_SIZE = 100


def get(regions: t.Any, job: dict[str, t.Any]) -> int:
    """Get the mapping of each address, with one request for each."""
    return len([regions.get(address, zone_id=ZONE_ID) for address in job["addresses"]])


def read(regions: t.Any, job: dict[str, t.Any]) -> int:
    """List all mappings. The options of the job may have the page size."""
    return len(list(regions.list(zone_id=ZONE_ID, **job["options"])))


def update(regions: t.Any, job: dict[str, t.Any]) -> int:
    """Write each mapping with its own request."""
    return len([put_mapping(regions, mapping) for mapping in job["mappings"]])


def bulk(regions: t.Any, job: dict[str, t.Any]) -> int:
    """Write the mappings with one request for each 100."""
    return put_bulk(regions, job["mappings"])


def change(regions: t.Any, job: dict[str, t.Any]) -> int:
    """Read all mappings, and write those that differ."""
    actual = {one.origin_ip: (one.vendor, one.region) for one in regions.list(zone_id=ZONE_ID, **job["options"])}
    changed = [one for one in job["mappings"] if actual.get(one["origin_ip"]) != (one["vendor"], one["region"])]
    if job["bulk"]:
        return put_bulk(regions, changed)
    return len([put_mapping(regions, mapping) for mapping in changed])


def put_mapping(regions: t.Any, mapping: dict[str, str]) -> t.Any:
    address, rest = mapping["origin_ip"], {key: mapping[key] for key in ("vendor", "region")}
    return regions.update(address, zone_id=ZONE_ID, body_origin_ip=address, **rest)


def put_bulk(regions: t.Any, mappings: list[dict[str, str]]) -> int:
    batches = [mappings[start : start + BATCH_SIZE] for start in range(0, len(mappings), BATCH_SIZE)]
    return sum(len(regions.bulk_update(zone_id=ZONE_ID, body=batch).succeeded) for batch in batches)


JOBS = {function.__name__: function for function in (get, read, update, bulk, change)}


def main() -> None:
    job = json.load(sys.stdin)
    seconds = []
    for dummy in range(job.get("repetitions", 1)):
        started = time.perf_counter()
        with cloudflare.Cloudflare() as client:
            count = JOBS[job["job"]](client.cache.origin_cloud_regions, job)
        seconds.append(time.perf_counter() - started)
        if count != job["expected"]:
            raise SystemExit(f"{count} instead of {job['expected']}")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
