# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks apply and report, run by their names with variables as a survey of AWX sets them: strings, often empty."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from tests.system.playbooks import Ansible, ForkedAnsible

APPLY = "edgecache.cloudflare.apply"
REPORT = "edgecache.cloudflare.report"
# The audit is tested in test_report.py
NO_AUDIT = {"cloud_region_hints_audit": "false"}
EMPTY_ANSWERS = {"cloud_region_hints_zone": "", "cloud_region_hints_zone_id": ""}
ZONE_WITHOUT_TIERED_CACHE = {"cloud_region_hints_zone": "example.net"}


@pytest.fixture
def ansible(forked_ansible: ForkedAnsible) -> ForkedAnsible:
    return forked_ansible


def run_playbook(ansible: Ansible, playbook: str, *arguments: str, succeeds: bool = True, **answers: str) -> str:
    """Run a playbook with these answers of a survey as extra variables. Return the output."""
    run = ansible.run(playbook, "-e", json.dumps({**EMPTY_ANSWERS, **answers}), *arguments)
    assert (run.returncode == 0) == succeeds, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    return run.stdout


def pop_operations(ansible: Ansible) -> list[str]:
    """Return the operations since the reset of the simulator, without their common prefix, and reset the simulator."""
    operations = [
        entry["operation"].replace("origin-cloud-regions-v2-", "") for entry in ansible.simulator.stats()["log"]
    ]
    ansible.simulator.reset()
    return operations


def test_report_shows_and_writes_all_hints(ansible: Ansible) -> None:
    path = ansible.folder / "report.json"
    output = run_playbook(ansible, REPORT, cloud_region_hints_report_path=str(path), **NO_AUDIT)
    for text in ("Tiered Cache: enabled, Smart Tiered Cache: on", "6 hints", "     1 azure/eastus"):
        assert text in output
    assert "does not use the hints" not in output and "No longer supported" not in output
    report = json.loads(path.read_text())
    assert report["total"] == 6
    assert report["vendors"] == {"aws": 2, "azure": 1, "gcp": 2, "oci": 1}
    assert sum(report["places"].values()) == 6
    assert report["places"]["gcp/us-central1"] == 1
    assert report["unsupported"] == []
    assert sorted(mapping["origin_ip"] for mapping in report["origin_cloud_regions"]) == sorted(
        mapping["origin_ip"] for mapping in ansible.simulator.mappings()
    )
    assert pop_operations(ansible) == [
        "tiered-caching-get",
        "smart-tiered-cache-get",
        "supported-regions",
        "list",
        "zone-get",
    ]


def test_workflow_data_is_the_report_of_the_last_zone(ansible: Ansible) -> None:
    """After reports of two zones, the next jobs of a workflow get only the second report."""
    zones = [
        {"import_playbook": REPORT, "vars": {**NO_AUDIT, "cloud_region_hints_zone": zone}}
        for zone in ("example.com", "example.net")
    ]
    run = ansible.run(zones, environment={"ANSIBLE_SHOW_CUSTOM_STATS": "true"})
    assert run.returncode == 0, run.stdout + run.stderr
    custom_stats = run.stdout.partition("CUSTOM STATS:")[2]
    assert '"total": 0' in custom_stats and '"zone": "example.net"' in custom_stats
    assert "us-east-1" not in custom_stats


@pytest.mark.parametrize("playbook", [REPORT, APPLY])
def test_mistyped_url_is_not_shown_as_a_path(ansible: Ansible, playbook: str) -> None:
    """An error shows a path, but must not show this value: a URL may contain a credential."""
    answers = {
        "cloud_region_hints_sources": "HTTPS:/example.com/ranges.json?sig=c2VjcmV0",
        "cloud_region_hints_mappings": '[{"origin_ip": "192.0.2.1"}]',
        "cloud_region_hints_derive": "true",
    }
    output = run_playbook(ansible, playbook, succeeds=False, **answers)
    assert "is neither a path nor an http or https URL without credentials" in output
    assert "c2VjcmV0" not in output


def test_report_with_tiered_cache_off(ansible: Ansible) -> None:
    """The playbook runs in check mode, so it must not write the file."""
    path = ansible.folder / "report.json"
    output = run_playbook(
        ansible, REPORT, "--check", cloud_region_hints_report_path=str(path), **NO_AUDIT, **ZONE_WITHOUT_TIERED_CACHE
    )
    assert "Tiered Cache: disabled, Smart Tiered Cache: off" in output
    assert "Cloudflare does not use the hints, because Tiered Cache and Smart Tiered Cache are off." in output
    assert "0 hints" in output
    assert pop_operations(ansible) == ["zones-list", "tiered-caching-get", "smart-tiered-cache-get", "list"]
    assert not path.exists()


def test_report_of_unsupported_regions(ansible: Ansible) -> None:
    aws = [{"name": "us-east-1", "upper_tier_colos": []}]
    vendors = {"aws": aws, **{vendor: [] for vendor in ("azure", "gcp", "oci")}}
    response = {"success": True, "errors": [], "messages": [], "result": {"obtained_codes": True, "vendors": vendors}}
    ansible.simulator.fault(
        kind="malformed", body=response, operation="origin-cloud-regions-v2-supported-regions", times=1
    )
    output = run_playbook(ansible, REPORT, cloud_region_hints_report_path="", **NO_AUDIT)
    assert "No longer supported: 2001:db8:0:1::25 aws/eu-west-1" in output
    assert output.count("No longer supported") == 5


def test_apply_changes_a_mapping(ansible: Ansible) -> None:
    answers = {
        "cloud_region_hints_mappings": "- {origin_ip: 192.0.2.1, vendor: aws, region: us-west-2}\n",
        "cloud_region_hints_group": "",
        "cloud_region_hints_purge": "false",
        "cloud_region_hints_switch_on": "true",
    }
    assert "192.0.2.1: aws/us-east-1 -> aws/us-west-2" in run_playbook(ansible, APPLY, "--check", **answers)
    assert ansible.simulator.mappings()[0]["region"] == "us-east-1"
    assert "changed=1" in run_playbook(ansible, APPLY, **answers)
    assert ansible.simulator.mappings()[0]["region"] == "us-west-2"


def test_apply_purges_all_but_the_group(ansible: Ansible) -> None:
    """Again, it changes nothing, and only reads the two settings and all mappings."""
    answers = {
        "cloud_region_hints_mappings": "",
        "cloud_region_hints_group": "origins",
        "cloud_region_hints_vendor": "gcp",
        "cloud_region_hints_region": "us-central1",
        "cloud_region_hints_purge": "true",
    }
    output = run_playbook(ansible, APPLY, **answers)
    assert "deleted: 4" in output
    assert {(mapping["origin_ip"], mapping["region"]) for mapping in ansible.simulator.mappings()} == {
        (address, "us-central1") for address in ("192.0.2.1", "2001:db8::1", "203.0.113.99")
    }
    # Two settings, all mappings, the regions, and two batches: the same number of requests for any number of hosts
    assert ansible.simulator.stats()["requests"] == 6
    assert "unchanged: 3" in run_playbook(ansible, APPLY, **answers)
    assert ansible.simulator.stats()["requests"] == 6 + 3


def test_apply_with_limit_does_not_purge(ansible: Ansible) -> None:
    output = run_playbook(
        ansible,
        APPLY,
        *("--limit", "web1.example.com,localhost"),
        succeeds=False,
        cloud_region_hints_group="origins",
        cloud_region_hints_vendor="gcp",
        cloud_region_hints_region="us-central1",
        cloud_region_hints_purge="true",
    )
    assert "2 of 3 hosts of the group origins are not in this play" in " ".join(output.split())
    assert pop_operations(ansible) == []


class TestApplyWithTemplatedVendor:
    """All hosts have the same template as vendor. It uses a variable that only hosts of the group have."""

    VENDOR_TEMPLATE = "{{ origin_vendor }}"
    GROUP_ANSWERS: t.ClassVar[dict[str, str]] = {
        "cloud_region_hints_group": "origins",
        "cloud_region_hints_region": "us-east-1",
    }

    @staticmethod
    def append_to_inventory(ansible: Ansible, text: str) -> None:
        """Append this text to the inventory."""
        path = ansible.folder / "inventory"
        path.write_text(path.read_text() + text)

    def test_template_is_evaluated_only_for_the_group(self, ansible: Ansible) -> None:
        self.append_to_inventory(ansible, "origin_vendor=aws\n")
        answers = {
            **self.GROUP_ANSWERS,
            "cloud_region_hints_purge": "true",
            "cloud_region_hints_vendor": self.VENDOR_TEMPLATE,
        }
        run_playbook(ansible, APPLY, **answers)
        assert {mapping["vendor"] for mapping in ansible.simulator.mappings()} == {"aws"}
        assert len(ansible.simulator.mappings()) == 3

    def test_undefined_variable_fails_before_any_request(self, ansible: Ansible) -> None:
        """The inventory sets the template for all hosts, also for localhost. Two hosts of the group lack its variable."""
        self.append_to_inventory(ansible, f"\n[all:vars]\ncloud_region_hints_vendor={self.VENDOR_TEMPLATE}\n")
        path = ansible.folder / "inventory"
        path.write_text(path.read_text().replace("192.0.2.1\n", "192.0.2.1 origin_vendor=aws\n"))
        answers = {**self.GROUP_ANSWERS, "cloud_region_hints_zone": "example.net"}  # where Tiered Cache is off
        output = run_playbook(ansible, APPLY, succeeds=False, **answers)
        assert set(re.findall(r"fatal: \[(\S+)\]", output)) == {"web2.example.com", "web3.example.com"}
        assert pop_operations(ansible) == []

    def test_invalid_boolean_fails_before_any_request(self, ansible: Ansible) -> None:
        output = run_playbook(ansible, APPLY, succeeds=False, cloud_region_hints_purge="maybe")
        assert "cloud_region_hints_purge: 'maybe' is not a boolean. Set it to true or false." in " ".join(
            output.split()
        )
        assert pop_operations(ansible) == []


@pytest.mark.parametrize("playbook", [APPLY, REPORT])
def test_limit_without_localhost_runs_no_task(ansible: Ansible, playbook: str) -> None:
    """Without hosts, a play runs no task, so the playbook cannot report an error. docs/reference/awx.md warns about this."""
    assert "skipping: no hosts matched" in run_playbook(ansible, playbook, "--limit", "web1.example.com")
    assert pop_operations(ansible) == []
