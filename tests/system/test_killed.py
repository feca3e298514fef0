# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module is killed before or after one of its writes. The next run makes the zone as declared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from tests.simulator.testing import RunningSimulator
from tests.system.in_process import run_module
from tests.system.playbooks import ROOT

pytestmark = pytest.mark.usefixtures("time_limit")

UPDATED, CREATED, DELETED = 60, 50, 20
PUT, DELETE = "origin-cloud-regions-v2-batch-upsert", "origin-cloud-regions-v2-batch-delete"
BATCHES = [(PUT, 100), (PUT, 10), (DELETE, 20)]
"""The batches of the complete plan, with their sizes."""


def mapping(number: int, region: str) -> dict[str, str]:
    vendor, name = region.split("/")
    return {"origin_ip": f"2001:db8::{number:x}", "vendor": vendor, "region": name}


BEFORE = [mapping(number, "aws/us-east-1") for number in range(1, 1 + UPDATED + DELETED)]
DECLARED = [mapping(number, "gcp/us-central1") for number in [*range(1, 1 + UPDATED), *range(1000, 1000 + CREATED)]]


class ModuleRun:
    """The module origin_cloud_regions with DECLARED and purge."""

    def __init__(self, folder: Path, simulator: RunningSimulator) -> None:
        self.simulator = simulator
        self.folder = folder
        self.options = {
            "api_token": simulator.token,
            "api_url": simulator.url,
            "zone_id": simulator.zone_id,
            "mappings": DECLARED,
            "purge": True,
        }

    def start(self) -> subprocess.Popen[str]:
        """Start the module as a separate process."""
        arguments = self.folder / "arguments.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": self.options}))
        collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH") or str(ROOT.parents[2])
        return subprocess.Popen(
            [sys.executable, str(ROOT / "plugins/modules/origin_cloud_regions.py"), str(arguments)],
            env={"PYTHONPATH": collections, "HOME": str(self.folder), "NO_PROXY": "127.0.0.1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self) -> dict[str, t.Any]:
        return run_module("origin_cloud_regions", **self.options)

    def progress(self) -> tuple[int, int]:
        """Return the number of write requests, and the number of mappings that were written or deleted."""
        report = self.simulator.report()
        operations, zone = report["operations"], report["zones"][self.simulator.zone_id]
        return operations.get(PUT, 0) + operations.get(DELETE, 0), len(zone["history"])


@pytest.fixture
def module(simulator: RunningSimulator, tmp_path: Path) -> ModuleRun:
    zone = {"id": simulator.zone_id, "name": "example.com", "tiered_cache": "on", "mappings": BEFORE}
    simulator.reset({"zones": [zone]})
    return ModuleRun(tmp_path, simulator)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(0, "hang"), (0, "hang_body"), (1, "hang_body"), (2, "hang")],
    ids=["before the first write", "after the first", "after the last", "before the deletion"],
)
def test_rerun_after_a_kill(module: ModuleRun, simulator: RunningSimulator, number: int, kind: str) -> None:
    operation = BATCHES[number][0]
    earlier = [one for one, _size in BATCHES[:number]]
    simulator.fault(kind=kind, operation=operation, after=earlier.count(operation))
    done = sum(size for _operation, size in BATCHES[: number + (kind == "hang_body")])
    with module.start() as process:
        try:
            while module.progress() != (number + 1, done):
                assert process.poll() is None
                time.sleep(0.02)
        finally:
            process.kill()
        assert process.communicate()[0] == ""
    simulator.clear_faults()
    assert module.progress() == (number + 1, done)

    second = module.run()
    remaining = UPDATED + CREATED + DELETED - done
    assert sum(len(second[key]) for key in ("created", "updated", "deleted")) == remaining
    assert second["changed"] == bool(remaining)
    assert read_zone(simulator) == {one["origin_ip"]: one for one in DECLARED}

    sent = module.progress()
    third = module.run()
    assert third["changed"] is False
    assert len(third["unchanged"]) == len(DECLARED)
    assert module.progress() == sent
    assert simulator.stats()["contract_violations"] == []


def read_zone(simulator: RunningSimulator) -> dict[str, dict[str, str]]:
    """Return the mappings of the zone by address, without the times."""
    return {
        one["origin_ip"]: {key: one[key] for key in ("origin_ip", "vendor", "region")} for one in simulator.mappings()
    }
