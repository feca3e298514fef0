# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the lookups of one run of Ansible share: over hosts, forks and tasks, and what they never do."""

from __future__ import annotations

import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.simulator.testing import RunningSimulator
from tests.system.playbooks import Ansible

NAME = "edgecache.cloudflare.origin_cloud_region"
SECRET = "Zm9vYmFyLXNlY3JldC1vZi1hLXRlc3Q"
HOSTS = 200
FORKS = ("--forks", "10")
ADDRESS = "192.0.2.1"


def address(number: int) -> str:
    """The address of a mapping of the zone, from 1."""
    return f"2001:db8:f::{number:x}"


def fill(simulator: RunningSimulator, count: int) -> None:
    zone = {"id": simulator.zone_id, "name": "example.com", "tiered_cache": "on"}
    mapping = {"origin_ip": ADDRESS, "vendor": "aws", "region": "us-east-1"}
    zones = [{**zone, "fill": count}, {**zone, "id": simulator.empty_zone_id, "mappings": [mapping]}]
    simulator.reset({"tokens": [{"token": simulator.token}, {"token": SECRET}], "zones": zones})


@pytest.fixture
def crowd(ansible: Ansible) -> Ansible:
    """The same with 200 hosts, each with the number of an address."""
    hosts = "".join(f"host{number} number={number}\n" for number in range(1, HOSTS + 1))
    (ansible.folder / "inventory").write_text(f"[all:vars]\nansible_connection=local\n[origins]\n{hosts}")
    return ansible


@pytest.fixture
def small(ansible: Ansible) -> Ansible:
    """The zone with one mapping."""
    fill(ansible.simulator, 0)
    ansible.environment["CLOUDFLARE_ZONE_ID"] = ansible.simulator.empty_zone_id
    return ansible


def debug(expression: str) -> dict[str, t.Any]:
    return {"ansible.builtin.debug": {"msg": f"<{{{{ {expression} }}}}>"}}


def look_up(*terms: str, **options: t.Any) -> dict[str, t.Any]:
    """Show the region of an address."""
    arguments = [repr(NAME), *map(repr, terms or (ADDRESS,)), *(f"{name}={options[name]!r}" for name in options)]
    return debug(f"lookup({', '.join(arguments)}).region")


def shown(run: subprocess.CompletedProcess[str]) -> list[str]:
    """What the tasks have shown, in their order."""
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    return re.findall("<(.*?)>", run.stdout)


def requests(ansible: Ansible) -> int:
    stats = ansible.simulator.stats()
    assert stats["contract_violations"] == []
    return int(stats["requests"])


def written_by_somebody_else(ansible: Ansible, region: str) -> dict[str, t.Any]:
    return {
        "ansible.builtin.uri": {
            "url": f"{ansible.simulator.url}/zones/{ansible.simulator.empty_zone_id}/origin/cloud_regions/{ADDRESS}",
            "method": "PUT",
            "headers": {"Authorization": f"Bearer {ansible.simulator.token}"},
            "body": {"origin_ip": ADDRESS, "vendor": "aws", "region": region},
            "body_format": "json",
        }
    }


def ask_all(ansible: Ansible, addresses: int) -> dict[str, str]:
    """Let each host look up its address: by host, what it gave."""
    task = debug(f"lookup('{NAME}', '2001:db8:f::%x' | format((number | int - 1) % {addresses} + 1)).origin_ip")
    run = ansible.play([task], *FORKS, hosts="origins")
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    return dict(re.findall(r'^ok: \[(\w+)\] => \{\n *"msg": "<(.*?)>"', run.stdout, re.MULTILINE))


@pytest.mark.parametrize(("mappings", "addresses", "most"), [(60, 60, 2), (3_500, HOSTS, 70)])
def test_a_lookup_for_each_host(crowd: Ansible, mappings: int, addresses: int, most: int) -> None:
    fill(crowd.simulator, mappings)
    given = ask_all(crowd, addresses)
    assert given == {f"host{number}": address((number - 1) % addresses + 1) for number in range(1, HOSTS + 1)}
    assert 1 <= requests(crowd) <= most


def test_what_the_run_writes_is_seen_at_once(small: Ansible) -> None:
    """By all hosts, whichever of them has written."""
    (small.folder / "inventory").write_text(
        "[origins]\nweb[1:3]\n[origins:vars]\nansible_connection=local\n"
        "ansible_python_interpreter={{ ansible_playbook_python }}\n"
    )
    mapping = {"origin_ip": ADDRESS, "vendor": "aws"}
    tasks = [
        look_up(),
        look_up(),
        {NAME: {**mapping, "region": "us-west-2"}, "run_once": True},
        look_up(),
        look_up(),
        {f"{NAME}s": {"mappings": [{**mapping, "region": "eu-west-1"}]}, "run_once": True},
        look_up(),
        look_up(),
        {NAME: {"origin_ip": ADDRESS, "state": "absent"}, "run_once": True},
        debug(f"lookup('{NAME}', '{ADDRESS}', default='none')"),
    ]
    seen = shown(small.play(tasks, *FORKS, hosts="origins"))
    assert seen == ["us-east-1"] * 6 + ["us-west-2"] * 6 + ["eu-west-1"] * 6 + ["none"] * 3
    # One for the first lookup, and for the first after each write; two to write one, three to write several
    assert requests(small) == 4 + 2 + 3 + 2


def test_a_write_that_fails_is_no_reason_to_trust_what_was_read(small: Ansible) -> None:
    """It was carried out, and nobody knows."""
    small.simulator.fault(kind="disconnect_after", operation="origin-cloud-regions-v2-upsert")
    # The lookup before the write, and its reading before and after it
    small.simulator.fault(kind="status", status=403, operation="origin-cloud-regions-v2-get", after=2)
    write = {NAME: {"origin_ip": ADDRESS, "vendor": "aws", "region": "us-west-2", "max_wait": 0}, "ignore_errors": True}
    run = small.play([look_up(), write, look_up()])
    assert shown(run) == ["us-east-1", "us-west-2"]
    assert "it is not known whether this was done" in run.stdout


def test_a_write_in_the_background(small: Ansible) -> None:
    """The zone is looked up while the write is under way, and after its end is known."""
    small.simulator.fault(kind="latency", seconds=3, operation="origin-cloud-regions-v2-get", after=1)
    tasks = [
        look_up(),
        {
            NAME: {"origin_ip": ADDRESS, "vendor": "aws", "region": "us-west-2"},
            "async": 60,
            "poll": 0,
            "register": "job",
        },
        look_up(),
        {
            "ansible.builtin.async_status": {"jid": "{{ job.ansible_job_id }}"},
            "register": "state",
            "until": "state.finished",
            "retries": 60,
            "delay": 1,
        },
        look_up(),
    ]
    first, during, after = shown(small.play(tasks, environment={"ANSIBLE_ASYNC_DIR": str(small.folder / "async")}))
    assert first == "us-east-1" and during in ("us-east-1", "us-west-2")
    assert after == "us-west-2"


def test_a_write_after_the_time_of_its_task(small: Ansible) -> None:
    """The task is given up while the API keeps the module waiting. That goes on, and what it writes is seen."""
    # The reading of the module, before it writes
    small.simulator.fault(kind="latency", seconds=60, operation="origin-cloud-regions-v2-get", after=1)
    api, control = small.simulator.url, small.simulator.url.replace("/client/v4", "/_simulator")
    written = {
        "url": f"{api}/zones/{small.simulator.empty_zone_id}/origin/cloud_regions/{ADDRESS}",
        "headers": {"Authorization": f"Bearer {small.simulator.token}"},
    }
    tasks = [
        look_up(),
        {
            NAME: {"origin_ip": ADDRESS, "vendor": "aws", "region": "us-west-2", "timeout": 60},
            "timeout": 6,
            "ignore_errors": True,
        },
        look_up(),
        {"ansible.builtin.uri": {"url": f"{control}/faults", "method": "DELETE"}},
        {
            "ansible.builtin.uri": written,
            "register": "zone",
            "until": "zone.json.result.region == 'us-west-2'",
            "retries": 60,
            "delay": 1,
        },
        look_up(),
    ]
    assert shown(small.play(tasks)) == ["us-east-1", "us-east-1", "us-west-2"]


def test_a_check_is_no_write(small: Ansible) -> None:
    write = {NAME: {"origin_ip": ADDRESS, "vendor": "aws", "region": "us-west-2"}, "check_mode": True}
    assert shown(small.play([look_up(), write, look_up()])) == ["us-east-1"] * 2
    stats = small.simulator.stats()["operations"]
    assert stats == {"origin-cloud-regions-v2-get": 2, "origin-cloud-regions-v2-supported-regions": 1}


def test_what_somebody_else_writes(small: Ansible) -> None:
    tasks = [
        look_up(),
        written_by_somebody_else(small, "us-west-2"),
        look_up(),
        look_up(cache_ttl=3600),
        look_up(cache=False),
        look_up(),  # which that did not change
        look_up(cache_ttl=0),
        look_up(),  # nor did that
        written_by_somebody_else(small, "eu-west-1"),
        {"ansible.builtin.pause": {"seconds": 2}},
        look_up(cache_ttl=3600),
        look_up(cache_ttl=1),
        look_up(cache_ttl=3600),
    ]
    old, new, newest = "us-east-1", "us-west-2", "eu-west-1"
    assert shown(small.play(tasks)) == [old, old, old, new, old, new, old, old, newest, newest]
    assert requests(small) == 4 + 2


def test_switched_off_for_all(small: Ansible) -> None:
    """In the configuration file, and in a variable, which is stronger."""
    (small.folder / "ansible.cfg").write_text("[edgecache_cloudflare]\ncache = false\n")
    tasks = [look_up()] * 3 + [{**look_up(), "vars": {"cloudflare_cache": True}}] * 2
    assert shown(small.play(tasks)) == ["us-east-1"] * 5
    assert requests(small) == 4


def test_what_lies_on_the_disk(small: Ansible) -> None:
    """During the run no credential, and nothing that others may read; after it nothing, even if it has failed."""
    temporary, saved = small.folder / "temporary", small.folder / "saved"
    tasks = [
        look_up(),
        look_up(api_token=SECRET),
        debug(f"lookup('ansible.builtin.pipe', 'cp -rp {temporary} {saved}')"),
        {"ansible.builtin.fail": {"msg": "The end."}},
    ]
    run = small.play(tasks, environment={"ANSIBLE_LOCAL_TEMP": str(temporary)})
    assert re.findall("<(.*?)>", run.stdout) == ["us-east-1", "us-east-1", ""], run.stdout + run.stderr
    assert run.returncode == 2 and "The end." in run.stdout
    assert requests(small) == 2  # another credential may see something else
    files = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}
    kept = {path for path, content in files.items() if b"us-east-1" in content}
    assert len(kept) == 2
    assert {path.parent.stat().st_mode & 0o777 for path in kept} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
    for path, content in files.items():
        for secret in (SECRET, small.simulator.token):
            assert secret.encode() not in content and secret not in str(path)
    assert list(temporary.iterdir()) == []
    assert left_over(small.folder) == []


def left_over(folder: Path) -> list[Path]:
    """What lies in a folder by the name of the collection."""
    return [path for path in folder.rglob("*edgecache.cloudflare*") if "saved" not in path.parts]


def test_two_runs_share_nothing(small: Ansible) -> None:
    """The second begins and ends while the first goes on, in the same temporary folder."""
    tasks = [{"hosts": "localhost", "gather_facts": False, "tasks": [look_up()]}]
    (small.folder / "other.yml").write_text(yaml.safe_dump(tasks))
    run = small.play(
        [
            look_up(),
            written_by_somebody_else(small, "us-west-2"),
            {"ansible.builtin.command": "ansible-playbook -i inventory other.yml", "register": "other"},
            debug("'us-west-2' in other.stdout"),
            look_up(),
        ]
    )
    assert shown(run) == ["us-east-1", "True", "us-east-1"]
    assert requests(small) == 3
    assert left_over(small.folder) == []


def test_loading_the_lookup_loads_no_library(ansible: Ansible) -> None:
    """Each fork loads it anew, and what the run knows already is answered without requests."""
    script = (
        "import sys; from ansible.plugins.loader import init_plugin_loader; init_plugin_loader();"
        "import ansible_collections.edgecache.cloudflare.plugins.lookup.origin_cloud_region;"
        "print({'netaddr', 'requests', 'urllib3'} & sys.modules.keys())"
    )
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, env=ansible.environment, capture_output=True, text=True, check=False)
    assert (run.stdout, run.stderr) == ("set()\n", "")
