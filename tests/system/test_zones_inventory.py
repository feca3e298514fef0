# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory zones, as ansible-inventory shows it: an account of 500 zones, hostile names, and faults of the list."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from tests.simulator.testing import RunningSimulator
from tests.system.playbooks import ForkedAnsible

PLUGIN = {"plugin": "edgecache.cloudflare.zones"}
HOSTILE = "{{ lookup('ansible.builtin.pipe', 'touch hostile') }}"
NO_COUNTS = {"page": None, "per_page": None, "count": None, "total_count": None, "total_pages": None}


@pytest.fixture
def ansible(forked_ansible: ForkedAnsible) -> ForkedAnsible:
    return forked_ansible


def create_zones(count: int) -> list[dict[str, t.Any]]:
    """Return zones of two accounts, in which the plan of every third zone is free."""
    return [
        {
            "id": f"{number:032x}",
            "name": f"zone-{number:03}.example",
            "account": {"id": f"{number % 2:032x}", "name": f"Account {number % 2}"},
            "plan": "free" if number % 3 == 0 else "enterprise",
        }
        for number in range(count)
    ]


def list_hosts(ansible: ForkedAnsible, **options: t.Any) -> dict[str, dict[str, t.Any]]:
    """Return the variables of each host that ansible-inventory lists without a warning."""
    run = ansible.inventory({**PLUGIN, **options})
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr
    hosts: dict[str, dict[str, t.Any]] = json.loads(run.stdout)["_meta"]["hostvars"]
    return hosts


def request_count(simulator: RunningSimulator) -> int:
    stats = simulator.stats()
    assert stats["contract_violations"] == []
    assert stats["operations"].keys() == {"zones-list"}
    return int(stats["requests"])


def test_500_zones_in_10_requests(ansible: ForkedAnsible) -> None:
    ansible.simulator.reset({"zones": create_zones(500)})
    run = ansible.inventory_graph(PLUGIN)
    assert (run.returncode, run.stderr) == (0, "")
    assert request_count(ansible.simulator) == 10
    groups = {
        name: len(re.findall(r"^  \|  \|--zone-\d{3}\.example$", part, re.MULTILINE))
        for name, part in re.findall(r"^  \|--@(\w+):\n((?:  \|  .*\n)*)", run.stdout, re.MULTILINE)
    }
    assert groups == {
        "ungrouped": 0,
        "account_Account_0": 250,
        "account_Account_1": 250,
        "plan_free": 167,
        "plan_enterprise": 333,
        "status_active": 500,
    }


@pytest.mark.parametrize(
    "body", [NO_COUNTS, pytest.param({**NO_COUNTS, "per_page": 50}, marks=pytest.mark.slow)], ids=str
)
def test_500_zones_without_counts(ansible: ForkedAnsible, body: dict[str, None]) -> None:
    """The last page is full, so an empty one ends the list."""
    ansible.simulator.reset({"zones": create_zones(500)})
    ansible.simulator.fault(kind="wrong_total", times=None, body=body)
    assert len(list_hosts(ansible)) == 500
    assert request_count(ansible.simulator) == 11


def test_filters(ansible: ForkedAnsible) -> None:
    zones = [*create_zones(60), {"id": "f" * 32, "name": "old.example", "status": "moved"}]
    ansible.simulator.reset({"zones": zones})
    assert len(list_hosts(ansible, account_id=f"{1:032x}")) == 30
    assert len(list_hosts(ansible, account_name="ends_with:0", name="starts_with:zone-00")) == 5
    assert list(list_hosts(ansible, status="moved")) == ["old.example"]
    assert len(list_hosts(ansible, status="all")) == 61


def test_cache(ansible: ForkedAnsible) -> None:
    options = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": "cache"}
    assert list_hosts(ansible, **options) == list_hosts(ansible, **options)
    assert request_count(ansible.simulator) == 1


def test_report_of_an_account(ansible: ForkedAnsible) -> None:
    """The hosts of the inventory are the zones of the report, which needs no further request for their names."""
    ansible.simulator.reset({"zones": create_zones(3)})
    name = ansible.write_inventory(PLUGIN)
    variables = {"cloud_region_hints_zone_hosts": "status_active", "cloud_region_hints_audit": False}
    run = ansible.run("edgecache.cloudflare.report", "-i", name, "-e", json.dumps(variables))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    for number in range(3):
        assert re.search(rf"^zone-00{number}.example +: .* failed=0 ", run.stdout, re.MULTILINE)
    operations = ansible.simulator.stats()["operations"]
    assert operations["zones-list"] == 1 and operations["origin-cloud-regions-v2-list"] == 3
    assert "zone-get" not in operations


def test_hostile_names(ansible: ForkedAnsible) -> None:
    zones: list[dict[str, t.Any]] = [
        {"id": "1" * 32, "name": HOSTILE},
        {"id": "2" * 32, "name": "x." * 1_000 + "example"},
        {"id": "3" * 32, "name": "example.com", "account": {"id": "1", "name": HOSTILE}},
        {"id": "4" * 32, "name": "example.com", "account": {"id": "2", "name": "x" * 1_000}},
    ]
    ansible.simulator.reset({"zones": zones})
    run = ansible.inventory({**PLUGIN, "compose": {"label": "zone ~ account_name"}, "strict": True})
    assert run.returncode == 0, run.stderr
    hosts = json.loads(run.stdout)["_meta"]["hostvars"]
    assert set(hosts) == {"1" * 32, "2" * 32, "example.com", f"example.com_{'4' * 32}"}
    assert {variables["zone_id"] for variables in hosts.values()} == {zone["id"] for zone in zones}
    warnings = " ".join(run.stderr.split())
    assert (
        f"2 zones are named example.com: {'3' * 32} is the host example.com, {'4' * 32} is the host example.com_"
        in warnings
    )
    assert warnings.count("is not a domain name") == 2

    # Each text is shown as it is, in a play too
    task = {"ansible.builtin.debug": {"msg": "{{ zone }} {{ account_name }} {{ label }} {{ group_names | length }}"}}
    (ansible.folder / "playbook.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    play = ansible.run("playbook.yml", "-i", "test.cloudflare_zones.yml", "--limit", "!web*")
    assert play.returncode == 0, play.stdout + play.stderr
    assert not (ansible.folder / "hostile").exists()
    assert HOSTILE in play.stdout


@pytest.mark.parametrize(
    ("fault", "message", "requests"),
    [
        ({"kind": "status", "status": 403}, "The credential is not valid, has expired, or lacks a permission", 1),
        ({"kind": "status", "status": 403, "after": 2}, "The credential is not valid", None),
        (
            {"kind": "stale_page", "times": None},
            "the pages of the zones contradict each other in each of 3 reads",
            None,
        ),
        (
            {"kind": "wrong_total", "times": None, "body": {"total_pages": 10**9}},
            "the list has 1,000,000,000 pages or more, but at most 1,000 are expected",
            1,
        ),
        ({"kind": "malformed"}, "HTTP 200: 'not json'", 1),
    ],
    ids=str,
)
def test_faults(ansible: ForkedAnsible, fault: dict[str, t.Any], message: str, requests: int | None) -> None:
    """One clear error, and no host."""
    ansible.simulator.reset({"zones": create_zones(130)})
    ansible.simulator.fault(**fault)
    run = ansible.inventory(PLUGIN)
    warnings = " ".join(run.stderr.split())
    assert message in warnings
    assert "No inventory was parsed" in warnings
    assert "zone-" not in run.stdout
    assert requests is None or ansible.simulator.stats()["requests"] == requests


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        ({"kind": "disconnect", "after": 1}, 4),
        ({"kind": "status", "status": 503}, 4),
        ({"kind": "stale_page", "after": 1}, 6),
        ({"kind": "wrong_total", "times": None, "body": {"total_pages": 1}}, 3),
        ({"kind": "wrong_total", "times": None, "body": {"total_count": 1}}, 3),
        ({"kind": "wrong_total", "times": None, "body": {"total_count": 450, "total_pages": 9}}, 9),
    ],
    ids=str,
)
def test_survived_faults(ansible: ForkedAnsible, fault: dict[str, t.Any], requests: int) -> None:
    ansible.simulator.reset({"zones": create_zones(130)})
    ansible.simulator.fault(**fault)
    run = ansible.inventory(PLUGIN)
    assert run.returncode == 0, run.stderr
    assert len(json.loads(run.stdout)["_meta"]["hostvars"]) == 130
    assert ansible.simulator.stats()["requests"] == requests


def test_output_hides_the_credential(ansible: ForkedAnsible) -> None:
    token = ansible.simulator.token
    errors = [{"code": 9109, "message": f"Bearer {token}"}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    ansible.simulator.fault(kind="status", status=403, body=body)
    run = ansible.inventory({**PLUGIN, "api_token": token}, "-vvvv")
    assert "Bearer ********" in run.stderr
    assert token not in run.stdout + run.stderr
