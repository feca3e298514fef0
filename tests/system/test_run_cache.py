# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lookups of one run of Ansible share: over hosts, forks and tasks, and what they never do.

One run is enough for all: each test looks at what it has shown of a zone of its own.
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

NAME = "edgecache.cloudflare.origin_cloud_region"
SECRET = "Zm9vYmFyLXNlY3JldC1vZi1hLXRlc3Q"
ADDRESS = "192.0.2.1"
MAPPING = {"origin_ip": ADDRESS, "vendor": "aws"}
HOSTS = 8
STEP = 25
LONG = 600
"""Seconds: more than the run takes."""

# The zones that the run has to do with
ONE_PAGE = f"{1:032x}"
THREE_PAGES = f"{2:032x}"
WRITTEN = f"{3:032x}"
OTHERS = f"{4:032x}"
TWO_RUNS = f"{5:032x}"
BACKGROUND = f"{6:032x}"
ON_DISK = f"{7:032x}"
GIVEN_UP = f"{8:032x}"
FILLED = {ONE_PAGE: HOSTS, THREE_PAGES: STEP * HOSTS + 1}
REGIONS = {ON_DISK: "eu-central-1"}

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


def show(label: str, expression: str, **keywords: t.Any) -> Task:
    return {"ansible.builtin.debug": {"msg": f"<{label}|{{{{ {expression} }}}}>"}, **keywords}


def look_up(zone_id: str, **options: t.Any) -> Task:
    """Show the region of the address in this zone, with the zone for a label."""
    arguments = "".join(f", {name}={value!r}" for name, value in {"zone_id": zone_id, **options}.items())
    return show(zone_id, f"lookup('{NAME}', '{ADDRESS}'{arguments}).region")


def command(*words: str, output: str = "/dev/null") -> Task:
    """Run a command on the controller, which takes less time than a module."""
    line = f"{shlex.join(words)} > {shlex.quote(output)}"
    return show("", "lookup('ansible.builtin.pipe', line)", vars={"line": line})


def hold_back(zone_id: str) -> dict[str, t.Any]:
    """The fault that holds back a module which reads the zone before it writes; lookups of one address read nothing but that."""
    return {
        "kind": "latency",
        "seconds": LONG,
        "operation": "origin-cloud-regions-v2-list",
        "zone": zone_id,
        "times": None,
    }


class Run:
    """The run of Ansible, its end, and what the simulator tells of it."""

    def __init__(self, folder: Path, simulator: RunningSimulator) -> None:
        self.simulator = simulator
        self.ansible = Ansible(folder, simulator)
        self.folder = folder
        self.temporary, self.saved, remote = folder / "temporary", folder / "saved", folder / "remote"
        remote.mkdir()
        self.ansible.environment.update(
            ANSIBLE_ASYNC_DIR=str(folder / "async"),
            ANSIBLE_LOCAL_TEMP=str(self.temporary),
            ANSIBLE_PIPELINING="true",
            ANSIBLE_REMOTE_TEMP=str(remote),
        )
        (folder / "inventory").write_text(INVENTORY)
        (folder / "request.py").write_text(REQUEST_SCRIPT)
        (folder / "other.yml").write_text(yaml.safe_dump([self.play(self.second_run())]))
        zones = [
            {
                "id": zone_id,
                "name": f"{zone_id}.example.com",
                "tiered_cache": "on",
                "mappings": [{**MAPPING, "region": REGIONS.get(zone_id, "us-east-1")}],
                "fill": FILLED.get(zone_id, 0),
            }
            for zone_id in (ONE_PAGE, THREE_PAGES, WRITTEN, OTHERS, TWO_RUNS, BACKGROUND, ON_DISK, GIVEN_UP)
        ]
        tokens = [{"token": simulator.token}, {"token": SECRET}]
        simulator.reset({"tokens": tokens, "zones": zones, "faults": [hold_back(BACKGROUND)]})
        self.process = self.ansible.run(
            [
                self.play(self.crowd(), hosts="crowd"),
                self.play(self.writers(), hosts="writers"),
                self.play([*self.others(), *self.two_runs(), *self.on_disk(), *self.given_up()]),
                self.play([{"ansible.builtin.fail": {"msg": "The end."}}]),
            ],
            *("--forks", "10"),
        )
        self.report = simulator.report()
        simulator.clear_faults()
        other = folder / "other.txt"
        output = self.process.stdout + (other.read_text() if other.exists() else "")
        self.shown: dict[str, list[str]] = {}
        for label, value in re.findall(r"<(\w+)\|(.*?)>", output):
            self.shown.setdefault(label, []).append(value)

    def play(self, tasks: list[Task], hosts: str = "localhost") -> dict[str, t.Any]:
        return {"hosts": hosts, "gather_facts": False, "tasks": tasks}

    def request(self, method: str, path: str, body: t.Any = None) -> Task:
        """Send a request that the run knows nothing of."""
        server = self.simulator.url.split("/")[2]
        words = (server, method, path, self.simulator.token, json.dumps(body))
        return command(sys.executable, "-SE", "request.py", *words)

    def somebody_else_writes(self, zone_id: str, region: str) -> Task:
        path = f"/client/v4/zones/{zone_id}/origin/cloud_regions/{ADDRESS}"
        return self.request("PUT", path, {**MAPPING, "region": region})

    def requests(self, zone_id: str) -> int:
        return sum(request["path"].split("/")[4:5] == [zone_id] for request in self.report["log"])

    # What is done

    def crowd(self) -> list[Task]:
        """Each host looks up an address of its own, in two zones."""
        number = "inventory_hostname | regex_search('[0-9]+') | int"
        return [
            show(
                zone_id,
                f"({number}) ~ ' ' ~ "
                f"lookup('{NAME}', '2001:db8:f::%x' | format({step} * ({number})), zone_id='{zone_id}').origin_ip",
            )
            for zone_id, step in ((ONE_PAGE, 1), (THREE_PAGES, STEP))
        ]

    def writers(self) -> list[Task]:
        several = {"zone_id": WRITTEN, "mappings": [{**MAPPING, "region": "eu-west-1"}]}
        return [
            look_up(WRITTEN),
            {NAME: {"zone_id": WRITTEN, **MAPPING, "region": "us-west-2"}, "run_once": True},
            look_up(WRITTEN),
            {f"{NAME}s": several, "run_once": True},
            look_up(WRITTEN),
        ]

    def others(self) -> list[Task]:
        return [
            look_up(OTHERS),
            self.somebody_else_writes(OTHERS, "us-west-2"),
            look_up(OTHERS),
            look_up(OTHERS, cache=False),
            look_up(OTHERS),  # which that did not change
            look_up(OTHERS, cache_ttl=0),
            look_up(OTHERS),  # nor did that
        ]

    def two_runs(self) -> list[Task]:
        return [
            look_up(TWO_RUNS),
            self.somebody_else_writes(TWO_RUNS, "us-west-2"),
            command("ansible-playbook", "-i", "inventory", "other.yml", output="other.txt"),
            look_up(TWO_RUNS),
        ]

    def second_run(self) -> list[Task]:
        """What is done in it: a lookup, and a write in the background that the API holds back at first."""
        write = {"zone_id": BACKGROUND, "mappings": [{**MAPPING, "region": "us-west-2"}], "timeout": LONG}
        return [
            look_up(TWO_RUNS),
            look_up(BACKGROUND),
            {f"{NAME}s": write, "async": LONG, "poll": 0, "register": "job"},
            look_up(BACKGROUND),
            self.request("DELETE", "/_simulator/faults"),
            {
                "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
                "register": "state",
                "until": "state.finished",
                "retries": LONG,
                "delay": 1,
            },
            look_up(BACKGROUND),
        ]

    def on_disk(self) -> list[Task]:
        return [
            look_up(ON_DISK),
            look_up(ON_DISK, api_token=SECRET),
            command("cp", "-rp", str(self.temporary), str(self.saved)),
        ]

    def given_up(self) -> list[Task]:
        """A write that the API holds back until the task is given up."""
        absent = {"mappings": [{"origin_ip": "192.0.2.2"}], "state": "absent"}
        return [
            look_up(GIVEN_UP),
            self.request("POST", "/_simulator/faults", hold_back(GIVEN_UP)),
            {
                f"{NAME}s": {"zone_id": GIVEN_UP, **absent, "timeout": LONG},
                "timeout": 1,
                "ignore_errors": True,
                "register": "result",
            },
            show(GIVEN_UP, "'given up: ' ~ (result.timedout is defined)"),
            look_up(GIVEN_UP),
            self.somebody_else_writes(GIVEN_UP, "us-west-2"),
            look_up(GIVEN_UP),
        ]


@pytest.fixture(scope="module")
def run(simulator: RunningSimulator, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("run_cache"), simulator)


def test_the_run_ends_as_it_should(run: Run) -> None:
    assert run.process.returncode == 2 and "The end." in run.process.stdout, run.process.stdout + run.process.stderr
    assert "WARNING" not in run.process.stderr
    assert run.report["contract_violations"] == []


@pytest.mark.parametrize(("zone_id", "factor", "most"), [(ONE_PAGE, 1, 2), (THREE_PAGES, STEP, 6)])
def test_a_lookup_for_each_host(run: Run, zone_id: str, factor: int, most: int) -> None:
    """Together they cost at most twice the pages of the zone, which are less than the hosts."""
    assert sorted(run.shown[zone_id]) == sorted(
        f"{number} 2001:db8:f::{factor * number:x}" for number in range(1, HOSTS + 1)
    )
    assert 1 <= run.requests(zone_id) <= most


def test_what_the_run_writes_is_seen_at_once(run: Run) -> None:
    """By all hosts, whichever of them has written."""
    assert run.shown[WRITTEN] == ["us-east-1"] * 2 + ["us-west-2"] * 2 + ["eu-west-1"] * 2
    # One for the first lookup, and for the first after each write; two to write one, three to write several
    assert run.requests(WRITTEN) == 3 + 2 + 3


def test_what_somebody_else_writes(run: Run) -> None:
    old, new = "us-east-1", "us-west-2"
    assert run.shown[OTHERS] == [old, old, new, old, new, old]
    assert run.requests(OTHERS) == 3 + 1


def test_two_runs_share_nothing(run: Run) -> None:
    """The second begins and ends while the first goes on, in the same temporary folder."""
    assert run.shown[TWO_RUNS] == ["us-east-1", "us-east-1", "us-west-2"]  # the second run's is the last
    assert run.requests(TWO_RUNS) == 2 + 1


def test_a_write_in_the_background(run: Run) -> None:
    """The zone is looked up before the write, which is under way, and after its end is known."""
    assert run.shown[BACKGROUND] == ["us-east-1", "us-east-1", "us-west-2"]


def test_a_write_after_the_time_of_its_task(run: Run) -> None:
    """The module may go on, so nothing is kept any more."""
    assert run.shown[GIVEN_UP] == ["us-east-1", "given up: True", "us-east-1", "us-west-2"]


def test_what_lies_on_the_disk(run: Run) -> None:
    """During the run no credential, and nothing that others may read; after it nothing, even if it has failed."""
    assert run.shown[ON_DISK] == [REGIONS[ON_DISK]] * 2
    assert run.requests(ON_DISK) == 2  # another credential may see something else
    files = {path: path.read_bytes() for path in run.saved.rglob("*") if path.is_file()}
    kept = {
        path for path, content in files.items() if REGIONS[ON_DISK].encode() in content and ON_DISK.encode() in content
    }
    assert len(kept) == 2
    assert {path.parent.stat().st_mode & 0o777 for path in kept} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    for path, content in files.items():
        for secret in (SECRET, run.simulator.token):
            assert secret.encode() not in content and secret not in str(path)
    assert list(run.temporary.iterdir()) == []
    left_over = [path for path in run.folder.rglob("*edgecache.cloudflare*") if run.saved not in path.parents]
    assert left_over == []


def test_switched_off_for_all(
    fresh_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In the configuration file, and on again in a variable, which is stronger."""
    (tmp_path / "ansible.cfg").write_text("[edgecache_cloudflare]\ncache = false\n")
    monkeypatch.setattr(constants.config, "_config_file", str(tmp_path / "ansible.cfg"))
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    simulator = fresh_simulator
    options = {"api_token": simulator.token, "zone_id": simulator.zone_id, "api_url": simulator.url}
    for variables in ({}, {}, {}, {"cloudflare_cache": True}, {"cloudflare_cache": True}):
        (found,) = run_lookup("origin_cloud_region", ADDRESS, variables=variables, **options)
        assert found["region"] == "us-east-1"
    assert simulator.stats()["requests"] == 4


def test_loading_the_lookup_loads_no_library(simulator: RunningSimulator, tmp_path: Path) -> None:
    """Each fork loads it anew, and what the run knows already is answered without requests."""
    script = (
        "import sys; from ansible.plugins.loader import init_plugin_loader; init_plugin_loader();"
        "import ansible_collections.edgecache.cloudflare.plugins.lookup.origin_cloud_region;"
        "print({'netaddr', 'requests', 'urllib3'} & sys.modules.keys())"
    )
    command = [sys.executable, "-c", script]
    environment = Ansible(tmp_path, simulator).environment
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("set()\n", "")
