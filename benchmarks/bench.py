# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The environment of a measurement: a simulator with one zone, and a folder."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path

from tests.simulator.api_client import ApiClient
from tests.simulator.testing import ROOT, RunningSimulator

Mapping = dict[str, str]

CALLBACKS = Path(__file__).with_name("callback_plugins")


def create_mappings(count: int, region: str = "us-east-1") -> list[Mapping]:
    """Return the first mappings of the measured zone."""
    return [{"origin_ip": f"2001:db8::{n:x}", "vendor": "aws", "region": region} for n in range(1, count + 1)]


def spread_addresses(total: int, count: int) -> list[str]:
    """Return some addresses of a zone, spread evenly over its pages."""
    return [mapping["origin_ip"] for mapping in create_mappings(total)[:: total // count][:count]]


class Bench:
    """A simulator and the environment of the measured commands. ``latency`` is in milliseconds for each request."""

    def __init__(self, simulator: RunningSimulator, latency: int, folder: Path) -> None:
        self.simulator = simulator
        self.latency = latency
        self.folder = folder
        self.request_variables = {
            "url": f"{simulator.url}/zones/{simulator.zone_id}/origin/cloud_regions",
            "headers": {"Authorization": f"Bearer {simulator.token}"},
        }
        collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or str(ROOT.parents[2])
        self.environment = {
            "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
            "ANSIBLE_CALLBACKS_ENABLED": "seconds",
            "ANSIBLE_COLLECTIONS_PATH": collections,
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "BENCHMARK_SECONDS": str(folder / "seconds"),
            "CLOUDFLARE_API_TOKEN": simulator.token,
            "CLOUDFLARE_BASE_URL": simulator.url,
            "CLOUDFLARE_ZONE_ID": simulator.zone_id,
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        }
        self.python_path = os.pathsep.join([str(ROOT), *collections.split(os.pathsep)])

    def reset(self, count: int) -> None:
        """Reset the zone to this number of mappings, and the request count to zero."""
        zone = {
            "id": self.simulator.zone_id,
            "name": "example.com",
            "tiered_cache": "on",
            "mappings": create_mappings(count),
        }
        self.simulator.reset({"zones": [zone]})

    def count_requests(self) -> int:
        """Return the number of requests since the last reset."""
        count: int = self.simulator.stats()["requests"]
        return count

    def get_region(self, address: str) -> t.Any:
        with ApiClient(self.simulator) as api:
            return api.get(f"{api.mappings}/{address}").result["region"]
