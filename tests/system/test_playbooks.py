# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks apply and report, run by their names with variables as a survey gives them: texts, often empty."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from tests.system.playbooks import Ansible, ForkedAnsible

APPLY = "edgecache.cloudflare.apply"
REPORT = "edgecache.cloudflare.report"
# Without an audit, which test_report.py has
NO_AUDIT = {"cloud_region_hints_audit": "false"}
EMPTY_ANSWERS = {"cloud_region_hints_zone": "", "cloud_region_hints_zone_id": ""}
ZONE_WITHOUT_TIERED_CACHE = {"cloud_region_hints_zone": "example.net"}


@pytest.fixture
def ansible(forked_ansible: ForkedAnsible) -> ForkedAnsible:
    return forked_ansible


def play(ansible: Ansible, playbook: str, *arguments: str, passes: bool = True, **answers: str) -> str:
    run = ansible.run(playbook, "-e", json.dumps({**EMPTY_ANSWERS, **answers}), *arguments)
    assert (run.returncode == 0) == passes, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    return run.stdout


def operations(ansible: Ansible) -> list[str]:
    found = [entry["operation"].replace("origin-cloud-regions-v2-", "") for entry in ansible.simulator.stats()["log"]]
    ansible.simulator.reset()
    return found


def test_report(ansible: Ansible) -> None:
    path = ansible.folder / "report.json"
    shown = play(ansible, REPORT, cloud_region_hints_report_path=str(path), **NO_AUDIT)
    for text in ("Tiered Cache: enabled, Smart Tiered Cache: on", "6 hints", "     1 azure/eastus"):
        assert text in shown
    assert "not used" not in shown and "No longer supported" not in shown
    report = json.loads(path.read_text())
    assert report["total"] == 6
    assert report["vendors"] == {"aws": 2, "azure": 1, "gcp": 2, "oci": 1}
    assert sum(report["places"].values()) == 6
    assert report["places"]["gcp/us-central1"] == 1
    assert report["unsupported"] == []
    assert sorted(mapping["origin_ip"] for mapping in report["origin_cloud_regions"]) == sorted(
        mapping["origin_ip"] for mapping in ansible.simulator.mappings()
    )
    assert operations(ansible) == ["tiered-caching-get", "smart-tiered-cache-get", "supported-regions", "list"]


def test_report_of_one_zone_after_another(ansible: Ansible) -> None:
    """What a workflow is told is that of the last one, and nothing of the first."""
    zones = [
        {"import_playbook": REPORT, "vars": {**NO_AUDIT, "cloud_region_hints_zone": zone}}
        for zone in ("example.com", "example.net")
    ]
    run = ansible.run(zones, environment={"ANSIBLE_SHOW_CUSTOM_STATS": "true"})
    assert run.returncode == 0, run.stdout + run.stderr
    told = run.stdout.partition("CUSTOM STATS:")[2]
    assert '"total": 0' in told and '"zone": "example.net"' in told
    assert "us-east-1" not in told


@pytest.mark.parametrize("playbook", [REPORT, APPLY])
def test_mistyped_url_is_not_a_path(ansible: Ansible, playbook: str) -> None:
    """It would be shown with all that is in it."""
    answers = {
        "cloud_region_hints_sources": "HTTPS:/example.com/ranges.json?sig=c2VjcmV0",
        "cloud_region_hints_mappings": '[{"origin_ip": "192.0.2.1"}]',
        "cloud_region_hints_derive": "true",
    }
    shown = play(ansible, playbook, passes=False, **answers)
    assert "is neither a path nor an http or https URL without credentials" in shown
    assert "c2VjcmV0" not in shown


def test_report_with_tiered_cache_off(ansible: Ansible) -> None:
    """In check mode, which writes no file."""
    path = ansible.folder / "report.json"
    shown = play(
        ansible, REPORT, "--check", cloud_region_hints_report_path=str(path), **NO_AUDIT, **ZONE_WITHOUT_TIERED_CACHE
    )
    assert "Tiered Cache: disabled, Smart Tiered Cache: off" in shown
    assert "The hints are not used: both must be on." in shown
    assert "0 hints" in shown
    assert operations(ansible) == ["zones-list", "tiered-caching-get", "smart-tiered-cache-get", "list"]
    assert not path.exists()


def test_report_of_unsupported_regions(ansible: Ansible) -> None:
    aws = [{"name": "us-east-1", "upper_tier_colos": []}]
    vendors = {"aws": aws, **{vendor: [] for vendor in ("azure", "gcp", "oci")}}
    answer = {"success": True, "errors": [], "messages": [], "result": {"obtained_codes": True, "vendors": vendors}}
    ansible.simulator.fault(
        kind="malformed", body=answer, operation="origin-cloud-regions-v2-supported-regions", times=1
    )
    shown = play(ansible, REPORT, cloud_region_hints_report_path="", **NO_AUDIT)
    assert "No longer supported: 2001:db8:0:1::25 aws/eu-west-1" in shown
    assert shown.count("No longer supported") == 5


def test_apply(ansible: Ansible) -> None:
    answers = {
        "cloud_region_hints_mappings": "- {origin_ip: 192.0.2.1, vendor: aws, region: us-west-2}\n",
        "cloud_region_hints_group": "",
        "cloud_region_hints_purge": "false",
        "cloud_region_hints_switch_on": "true",
    }
    assert "192.0.2.1: aws/us-east-1 -> aws/us-west-2" in play(ansible, APPLY, "--check", **answers)
    assert ansible.simulator.mappings()[0]["region"] == "us-east-1"
    assert "changed=1" in play(ansible, APPLY, **answers)
    assert ansible.simulator.mappings()[0]["region"] == "us-west-2"


def test_apply_by_group(ansible: Ansible) -> None:
    shown = play(
        ansible,
        APPLY,
        cloud_region_hints_mappings="",
        cloud_region_hints_group="origins",
        cloud_region_hints_vendor="gcp",
        cloud_region_hints_region="us-central1",
        cloud_region_hints_purge="true",
    )
    assert "deleted: 4" in shown
    assert {(mapping["origin_ip"], mapping["region"]) for mapping in ansible.simulator.mappings()} == {
        (address, "us-central1") for address in ("192.0.2.1", "2001:db8::1", "203.0.113.99")
    }
    # The switches, all mappings, the regions, and two batches: however many hosts
    assert len(operations(ansible)) == 6


def test_apply_with_hidden_hosts_does_not_purge(ansible: Ansible) -> None:
    shown = play(
        ansible,
        APPLY,
        *("--limit", "web1.example.com,localhost"),
        passes=False,
        cloud_region_hints_group="origins",
        cloud_region_hints_vendor="gcp",
        cloud_region_hints_region="us-central1",
        cloud_region_hints_purge="true",
    )
    assert "2 of 3 hosts of the group origins are not in this play" in " ".join(shown.split())
    assert operations(ansible) == []


class TestApplyWithExpressionsOfTheGroup:
    """An expression in the variables of all hosts, with a variable that only hosts of the group have."""

    VENDOR = "{{ vend }}"
    GROUP: t.ClassVar[dict[str, str]] = {
        "cloud_region_hints_group": "origins",
        "cloud_region_hints_region": "us-east-1",
    }

    @staticmethod
    def inventory(ansible: Ansible, text: str) -> None:
        path = ansible.folder / "inventory"
        path.write_text(path.read_text() + text)

    def test_only_hosts_of_the_group_are_evaluated(self, ansible: Ansible) -> None:
        self.inventory(ansible, "vend=aws\n")
        answers = {**self.GROUP, "cloud_region_hints_purge": "true", "cloud_region_hints_vendor": self.VENDOR}
        play(ansible, APPLY, **answers)
        assert {mapping["vendor"] for mapping in ansible.simulator.mappings()} == {"aws"}
        assert len(ansible.simulator.mappings()) == 3

    def test_failed_expression_fails_before_any_write(self, ansible: Ansible) -> None:
        """The expression is that of the inventory, which localhost has too."""
        self.inventory(ansible, f"\n[all:vars]\ncloud_region_hints_vendor={self.VENDOR}\n")
        path = ansible.folder / "inventory"
        path.write_text(path.read_text().replace("192.0.2.1\n", "192.0.2.1 vend=aws\n"))
        answers = {**self.GROUP, "cloud_region_hints_zone": "example.net"}  # where Tiered Cache is off
        shown = play(ansible, APPLY, passes=False, **answers)
        assert set(re.findall(r"fatal: \[(\S+)\]", shown)) == {"web2.example.com", "web3.example.com"}
        assert operations(ansible) == []

    def test_types_are_checked(self, ansible: Ansible) -> None:
        shown = play(ansible, APPLY, passes=False, cloud_region_hints_purge="maybe")
        assert "cloud_region_hints_purge" in shown and "unable to convert to bool" in shown
        assert operations(ansible) == []


@pytest.mark.parametrize("playbook", [APPLY, REPORT])
def test_limit_without_localhost_succeeds_without_doing_anything(ansible: Ansible, playbook: str) -> None:
    """As docs/reference/awx.md warns: a play that has no hosts runs no task, so the playbook cannot notice it."""
    assert "skipping: no hosts matched" in play(ansible, playbook, "--limit", "web1.example.com")
    assert operations(ansible) == []
