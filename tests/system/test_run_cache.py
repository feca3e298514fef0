# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache that the lookups of one run of Ansible share, over hosts, forks and tasks.

All tests use the same run. Each test checks its output for a separate zone.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible import constants

from tests.simulator.testing import RunningSimulator
from tests.system.in_process import run_lookup
from tests.system.playbooks import Ansible

pytestmark = pytest.mark.slow

LOOKUP = "edgecache.cloudflare.origin_cloud_region"
SECRET = "Zm9vYmFyLXNlY3JldC1vZi1hLXRlc3Q"
ADDRESS = "192.0.2.1"
MAPPING = {"origin_ip": ADDRESS, "vendor": "aws"}
HOSTS = 8
ADDRESS_STEP = 25
LONG_SECONDS = 600
"""Longer than the run."""

# The zones of the run
ONE_PAGE = f"{1:032x}"
THREE_PAGES = f"{2:032x}"
OWN_WRITES = f"{3:032x}"
EXTERNAL_WRITES = f"{4:032x}"
TWO_RUNS = f"{5:032x}"
BACKGROUND = f"{6:032x}"
ON_DISK = f"{7:032x}"
GIVEN_UP = f"{8:032x}"
FILL_BY_ZONE = {ONE_PAGE: HOSTS, THREE_PAGES: ADDRESS_STEP * HOSTS + 1}
REGION_BY_ZONE = {ON_DISK: "eu-central-1"}

INVENTORY = f"""
[crowd]
host[1:{HOSTS}]

[writers]
web[1:2]

[all:vars]
ansible_connection=local
ansible_python_interpreter={{{{ ansible_playbook_python }}}}
"""
REQUEST_SCRIPT = """
import http.client, sys
server, method, path, token, body = sys.argv[1:]
connection = http.client.HTTPConnection(server)
connection.request(method, path, body, {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
if connection.getresponse().status != 200:
    sys.exit("failed: " + method + " " + path)
"""

Task = dict[str, t.Any]


def show_task(label: str, expression: str, **keywords: t.Any) -> Task:
    return {"ansible.builtin.debug": {"msg": f"<{label}|{{{{ {expression} }}}}>"}, **keywords}


def look_up_task(zone_id: str, **options: t.Any) -> Task:
    """Return a task that shows the region of the address in this zone. The label is the zone."""
    arguments = "".join(f", {name}={value!r}" for name, value in {"zone_id": zone_id, **options}.items())
    return show_task(zone_id, f"lookup('{LOOKUP}', '{ADDRESS}'{arguments}).region")


def command_task(*words: str, output: str = "/dev/null") -> Task:
    """Return a task that runs a command on the controller, which is faster than a module."""
    line = f"{shlex.join(words)} > {shlex.quote(output)}"
    return show_task("", "lookup('ansible.builtin.pipe', line)", vars={"line": line})


def delay_list(zone_id: str) -> dict[str, t.Any]:
    """Return a fault that delays lists. A module lists the zone before it writes; a lookup of one address does not."""
    return {
        "kind": "latency",
        "seconds": LONG_SECONDS,
        "operation": "origin-cloud-regions-v2-list",
        "zone": zone_id,
        "times": None,
    }


class CacheRun:
    """The run of Ansible, its output, and the report of the simulator."""

    def __init__(self, folder: Path, simulator: RunningSimulator) -> None:
        self.simulator = simulator
        self.ansible = Ansible(folder, simulator)
        self.folder = folder
        self.temporary, self.saved_temporary, remote = folder / "temporary", folder / "saved", folder / "remote"
        remote.mkdir()
        self.ansible.environment.update(
            ANSIBLE_ASYNC_DIR=str(folder / "async"),
            ANSIBLE_LOCAL_TEMP=str(self.temporary),
            ANSIBLE_PIPELINING="true",
            ANSIBLE_REMOTE_TEMP=str(remote),
        )
        (folder / "inventory").write_text(INVENTORY)
        (folder / "request.py").write_text(REQUEST_SCRIPT)
        (folder / "other.yml").write_text(yaml.safe_dump([self.play(self.second_run_tasks())]))
        zones = [
            {
                "id": zone_id,
                "name": f"{zone_id}.example.com",
                "tiered_cache": "on",
                "mappings": [{**MAPPING, "region": REGION_BY_ZONE.get(zone_id, "us-east-1")}],
                "fill": FILL_BY_ZONE.get(zone_id, 0),
            }
            for zone_id in (ONE_PAGE, THREE_PAGES, OWN_WRITES, EXTERNAL_WRITES, TWO_RUNS, BACKGROUND, ON_DISK, GIVEN_UP)
        ]
        tokens = [{"token": simulator.token}, {"token": SECRET}]
        simulator.reset({"tokens": tokens, "zones": zones, "faults": [delay_list(BACKGROUND)]})
        self.process = self.ansible.run(
            [
                self.play(self.crowd_tasks(), hosts="crowd"),
                self.play(self.writer_tasks(), hosts="writers"),
                self.play(
                    [*self.external_write_tasks(), *self.first_run_tasks(), *self.disk_tasks(), *self.timeout_tasks()]
                ),
                self.play([{"ansible.builtin.fail": {"msg": "The end."}}]),
            ],
            *("--forks", "10"),
        )
        self.report = simulator.report()
        simulator.clear_faults()
        other = folder / "other.txt"
        output = self.process.stdout + (other.read_text() if other.exists() else "")
        self.outputs: dict[str, list[str]] = {}
        for label, value in re.findall(r"<(\w+)\|(.*?)>", output):
            self.outputs.setdefault(label, []).append(value)

    def play(self, tasks: list[Task], hosts: str = "localhost") -> dict[str, t.Any]:
        return {"hosts": hosts, "gather_facts": False, "tasks": tasks}

    def request(self, method: str, path: str, body: t.Any = None) -> Task:
        """Return a task that sends a request without the collection."""
        server = self.simulator.url.split("/")[2]
        words = (server, method, path, self.simulator.token, json.dumps(body))
        return command_task(sys.executable, "-SE", "request.py", *words)

    def external_write(self, zone_id: str, region: str) -> Task:
        path = f"/client/v4/zones/{zone_id}/origin/cloud_regions/{ADDRESS}"
        return self.request("PUT", path, {**MAPPING, "region": region})

    def request_count(self, zone_id: str) -> int:
        return sum(request["path"].split("/")[4:5] == [zone_id] for request in self.report["log"])

    # The tasks

    def crowd_tasks(self) -> list[Task]:
        """Each host looks up a different address, in two zones."""
        number = "inventory_hostname | regex_search('[0-9]+') | int"
        return [
            show_task(
                zone_id,
                f"({number}) ~ ' ' ~ "
                f"lookup('{LOOKUP}', '2001:db8:f::%x' | format({step} * ({number})), zone_id='{zone_id}').origin_ip",
            )
            for zone_id, step in ((ONE_PAGE, 1), (THREE_PAGES, ADDRESS_STEP))
        ]

    def writer_tasks(self) -> list[Task]:
        several = {"zone_id": OWN_WRITES, "mappings": [{**MAPPING, "region": "eu-west-1"}]}
        return [
            look_up_task(OWN_WRITES),
            {LOOKUP: {"zone_id": OWN_WRITES, **MAPPING, "region": "us-west-2"}, "run_once": True},
            look_up_task(OWN_WRITES),
            {f"{LOOKUP}s": several, "run_once": True},
            look_up_task(OWN_WRITES),
        ]

    def external_write_tasks(self) -> list[Task]:
        return [
            look_up_task(EXTERNAL_WRITES),
            self.external_write(EXTERNAL_WRITES, "us-west-2"),
            look_up_task(EXTERNAL_WRITES),
            look_up_task(EXTERNAL_WRITES, cache=False),
            look_up_task(EXTERNAL_WRITES),  # cache=False has not changed the entry
            look_up_task(EXTERNAL_WRITES, cache_ttl=0),
            look_up_task(EXTERNAL_WRITES),  # nor has cache_ttl=0
        ]

    def first_run_tasks(self) -> list[Task]:
        return [
            look_up_task(TWO_RUNS),
            self.external_write(TWO_RUNS, "us-west-2"),
            command_task("ansible-playbook", "-i", "inventory", "other.yml", output="other.txt"),
            look_up_task(TWO_RUNS),
        ]

    def second_run_tasks(self) -> list[Task]:
        """The tasks of the second run: lookups, and an async write that the API delays at first."""
        write = {"zone_id": BACKGROUND, "mappings": [{**MAPPING, "region": "us-west-2"}], "timeout": LONG_SECONDS}
        return [
            look_up_task(TWO_RUNS),
            look_up_task(BACKGROUND),
            {f"{LOOKUP}s": write, "async": LONG_SECONDS, "poll": 0, "register": "job"},
            look_up_task(BACKGROUND),
            self.request("DELETE", "/_simulator/faults"),
            {
                "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
                "register": "state",
                "until": "state.finished",
                "retries": LONG_SECONDS,
                "delay": 1,
            },
            look_up_task(BACKGROUND),
        ]

    def disk_tasks(self) -> list[Task]:
        return [
            look_up_task(ON_DISK),
            look_up_task(ON_DISK, api_token=SECRET),
            command_task("cp", "-rp", str(self.temporary), str(self.saved_temporary)),
        ]

    def timeout_tasks(self) -> list[Task]:
        """A write that the API delays until the timeout of the task."""
        absent = {"mappings": [{"origin_ip": "192.0.2.2"}], "state": "absent"}
        return [
            look_up_task(GIVEN_UP),
            self.request("POST", "/_simulator/faults", delay_list(GIVEN_UP)),
            {
                f"{LOOKUP}s": {"zone_id": GIVEN_UP, **absent, "timeout": LONG_SECONDS},
                "timeout": 1,
                "ignore_errors": True,
                "register": "result",
            },
            show_task(GIVEN_UP, "'given up: ' ~ (result.timedout is defined)"),
            look_up_task(GIVEN_UP),
            self.external_write(GIVEN_UP, "us-west-2"),
            look_up_task(GIVEN_UP),
        ]


@pytest.fixture(scope="module")
def run(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> CacheRun:
    return CacheRun(tmp_path_factory.mktemp("run_cache"), simulator)


def test_run_ends_as_expected(run: CacheRun) -> None:
    assert run.process.returncode == 2 and "The end." in run.process.stdout, run.process.stdout + run.process.stderr
    assert "WARNING" not in run.process.stderr
    assert run.report["contract_violations"] == []


@pytest.mark.parametrize(("zone_id", "factor", "most"), [(ONE_PAGE, 1, 2), (THREE_PAGES, ADDRESS_STEP, 6)])
def test_lookup_for_each_host(run: CacheRun, zone_id: str, factor: int, most: int) -> None:
    """All lookups together cost at most twice the pages of the zone, which are fewer than the hosts."""
    assert sorted(run.outputs[zone_id]) == sorted(
        f"{number} 2001:db8:f::{factor * number:x}" for number in range(1, HOSTS + 1)
    )
    assert 1 <= run.request_count(zone_id) <= most


def test_own_write_is_seen_at_once(run: CacheRun) -> None:
    """All hosts see a write by one of them."""
    assert run.outputs[OWN_WRITES] == ["us-east-1"] * 2 + ["us-west-2"] * 2 + ["eu-west-1"] * 2
    # 1 request for the first lookup, and for the first one after each write; 2 to write one mapping, 3 to write several
    assert run.request_count(OWN_WRITES) == 3 + 2 + 3


def test_external_write(run: CacheRun) -> None:
    old, new = "us-east-1", "us-west-2"
    assert run.outputs[EXTERNAL_WRITES] == [old, old, new, old, new, old]
    assert run.request_count(EXTERNAL_WRITES) == 3 + 1


def test_two_runs_share_nothing(run: CacheRun) -> None:
    """The second run starts and ends during the first one, with the same temporary folder."""
    assert run.outputs[TWO_RUNS] == ["us-east-1", "us-east-1", "us-west-2"]  # the last output is that of the second run
    assert run.request_count(TWO_RUNS) == 2 + 1


def test_async_write(run: CacheRun) -> None:
    """The zone is looked up before the write, during it, and after its end."""
    assert run.outputs[BACKGROUND] == ["us-east-1", "us-east-1", "us-west-2"]


def test_write_after_a_task_timeout(run: CacheRun) -> None:
    """The module may still write, so the run no longer caches data."""
    assert run.outputs[GIVEN_UP] == ["us-east-1", "given up: True", "us-east-1", "us-west-2"]


def test_files_on_disk(run: CacheRun) -> None:
    """During the run, no credential is on the disk, and no file is readable by others. After the run, even a failed one, no file is left."""
    assert run.outputs[ON_DISK] == [REGION_BY_ZONE[ON_DISK]] * 2
    assert run.request_count(ON_DISK) == 2  # another credential may see other mappings
    files = {path: path.read_bytes() for path in run.saved_temporary.rglob("*") if path.is_file()}
    cache_files = {
        path
        for path, content in files.items()
        if REGION_BY_ZONE[ON_DISK].encode() in content and ON_DISK.encode() in content
    }
    assert len(cache_files) == 2
    assert {path.parent.stat().st_mode & 0o777 for path in cache_files} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in cache_files} == {0o600}
    for path, content in files.items():
        for secret in (SECRET, run.simulator.token):
            assert secret.encode() not in content and secret not in str(path)
    assert list(run.temporary.iterdir()) == []
    left_over = [path for path in run.folder.rglob("edgecache.cloudflare*") if run.saved_temporary not in path.parents]
    assert left_over == []


def test_cache_disabled_in_configuration(
    fresh_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The configuration file disables the cache, and a variable, which has priority, enables it."""
    (tmp_path / "ansible.cfg").write_text("[edgecache_cloudflare]\ncache = false\n")
    monkeypatch.setattr(constants.config, "_config_file", str(tmp_path / "ansible.cfg"))
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    simulator = fresh_simulator
    options = {"api_token": simulator.token, "zone_id": simulator.zone_id, "api_url": simulator.url}
    for variables in ({}, {}, {}, {"cloudflare_cache": True}, {"cloudflare_cache": True}):
        (found,) = run_lookup("origin_cloud_region", ADDRESS, variables=variables, **options)
        assert found["region"] == "us-east-1"
    assert simulator.stats()["requests"] == 4


def test_lookup_imports_no_library(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Each fork loads the lookup again, and a cached result needs no library."""
    script = (
        "import sys; from ansible.plugins.loader import init_plugin_loader; init_plugin_loader();"
        "import ansible_collections.edgecache.cloudflare.plugins.lookup.origin_cloud_region;"
        "print({'netaddr', 'requests', 'urllib3'} & sys.modules.keys())"
    )
    command = [sys.executable, "-c", script]
    environment = Ansible(tmp_path, simulator).environment
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("set()\n", "")
