# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The forks of a play share the rate limit of their credential, against a simulator that enforces one."""

from __future__ import annotations

import collections
import json
from pathlib import Path

from tests.simulator.rate_limit import RateLimit
from tests.simulator.testing import running_simulator
from tests.system.playbooks import ForkedAnsible, ForkServer

MAX_REQUESTS = 10
WINDOW_SECONDS = 2
ZONE_IDS = [f"{number:032x}" for number in range(1, 7)]
READ_ALL = {
    "edgecache.cloudflare.origin_cloud_region_info": {"zone_id": "{{ zone_id }}", "max_wait": 20},
    "register": "read",
    "failed_when": "read is failed or read.origin_cloud_regions | length != 250",
}


def test_forks_use_the_limit_and_are_not_refused(tmp_path: Path, fork_server: ForkServer) -> None:
    with running_simulator("--rate-limit", str(MAX_REQUESTS), str(WINDOW_SECONDS)) as simulator:
        simulator.reset({"zones": [{"id": zone_id, "name": "example.com", "fill": 250} for zone_id in ZONE_IDS]})
        ansible = ForkedAnsible(tmp_path, simulator, fork_server)
        hosts = {f"zone{number}": {"zone_id": zone_id} for number, zone_id in enumerate(ZONE_IDS)}
        inventory = {"all": {"hosts": hosts, "vars": {"ansible_connection": "local"}}}
        (tmp_path / "inventory").write_text(json.dumps(inventory))
        run = ansible.play([READ_ALL], "--forks", str(len(ZONE_IDS)), hosts="all")
        assert run.returncode == 0, run.stdout + run.stderr
        statuses = collections.Counter(entry["status"] for entry in simulator.stats()["log"])
        assert statuses == {200: 3 * len(ZONE_IDS)}
        assert "the tasks of this host have used up the rate limit of the credential" in " ".join(run.stderr.split())


def test_simulator_blocks_after_too_many_requests() -> None:
    time = [0.0]
    limit = RateLimit(2, 300, lambda: time[0])
    one, other = {"Authorization": "Bearer one"}, {"X-Auth-Key": "other"}
    assert limit.count(one) == (False, {"Ratelimit": '"default";r=1;t=300'})
    time[0] = 100.5
    assert limit.count(one) == (False, {"Ratelimit": '"default";r=0;t=200'})
    assert limit.count(one) == (True, {"Retry-After": "300"})
    assert limit.count(other) == (False, {"Ratelimit": '"default";r=1;t=300'})
    time[0] = 400
    assert limit.count(one) == (True, {"Retry-After": "1"})
    time[0] = 401
    assert limit.count(one) == (False, {"Ratelimit": '"default";r=1;t=300'})
