# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read all mappings with the collection's client, alternately over many connections and over one, and measure it.

The input is a job as JSON. The output has the seconds of each repetition: many, one, many, one.
"""

from __future__ import annotations

import json
import os
import sys
import time

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import client as _client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import OriginCloudRegions


def count_mappings() -> int:
    credential = _client.Credential.from_token(os.environ["CLOUDFLARE_API_TOKEN"])
    with _client.Client(credential, os.environ["CLOUDFLARE_BASE_URL"]) as client:
        return len(OriginCloudRegions(client, os.environ["CLOUDFLARE_ZONE_ID"]).list_all())


def main() -> None:
    job = json.load(sys.stdin)
    many = _client.MAX_CONNECTIONS
    seconds = []
    for number in range(2 * job["repetitions"]):
        _client.MAX_CONNECTIONS = 1 if number % 2 else many
        started = time.perf_counter()
        count = count_mappings()
        seconds.append(time.perf_counter() - started)
        if count != job["expected"]:
            raise SystemExit(f"{count} instead of {job['expected']}")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
