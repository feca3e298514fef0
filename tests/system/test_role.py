# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in plays of several hosts: errors before any request, and the mappings that the role writes."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from tests.simulator.testing import RunningSimulator
from tests.system.playbooks import ROOT, Ansible, ForkedAnsible, ForkServer

ROLE = "edgecache.cloudflare.cloud_region_hints"
POLICY: dict[str, t.Any] = {
    "cloud_region_hints_group": "origins",
    "cloud_region_hints_vendor": "gcp",
    "cloud_region_hints_region": "us-central1",
    "cloud_region_hints_switch_on": False,
    "cloud_region_hints_purge": True,
}
DEFAULTS: dict[str, t.Any] = {
    "cloud_region_hints_zone_id": "",
    "cloud_region_hints_zone": "",
    "cloud_region_hints_mappings": [],
    **yaml.safe_load((ROOT / "roles/cloud_region_hints/defaults/main.yml").read_text()),
}
RANGES_FOLDER = ROOT / "tests/integration/targets/setup_cloud_ranges/files"
HOST_ADDRESSES = {"192.0.2.1", "2001:db8::1", "203.0.113.99"}
OTHER_MAPPING = {"origin_ip": "192.0.2.9", "vendor": "aws", "region": "us-east-1"}
IS_WEB2 = "inventory_hostname == 'web2.example.com'"


@pytest.fixture
def ansible(forked_ansible: ForkedAnsible) -> ForkedAnsible:
    return forked_ansible


def run_role(
    ansible: Ansible,
    *arguments: str,
    hosts: str = "origins",
    succeeds: bool = False,
    tasks: t.Sequence[dict[str, t.Any]] = (),
    keywords: dict[str, t.Any] | None = None,
    **policy: t.Any,
) -> str:
    """Run a play that imports the role after ``tasks``. Return the output, with one space for each run of whitespace.

    ``keywords`` are those of the task that imports the role, such as ``when``.
    """
    run = ansible.play(
        [*tasks, {"import_role": {"name": ROLE}, **(keywords or {})}],
        *arguments,
        hosts=hosts,
        vars={**POLICY, **policy},
    )
    assert (run.returncode == 0) == succeeds, run.stdout + run.stderr
    return " ".join((run.stdout + run.stderr).split())


def pop_operations(ansible: Ansible) -> list[str]:
    """Return the operations since the reset of the simulator, without their common prefix, and reset the simulator."""
    operations = [
        entry["operation"].replace("origin-cloud-regions-v2-", "") for entry in ansible.simulator.stats()["log"]
    ]
    ansible.simulator.reset()
    return operations


def get_mapped_addresses(ansible: Ansible) -> set[str]:
    """Return the addresses that have a mapping in the zone."""
    return {mapping["origin_ip"] for mapping in ansible.simulator.mappings()}


def append_to_inventory(ansible: Ansible, text: str) -> None:
    """Append this text to the inventory."""
    path = ansible.folder / "inventory"
    path.write_text(path.read_text() + text)


class TestPurgeWithMissingHost:
    """If the role lacks the address of a host of the group, a purge would delete the hint of this host. The role sends no request."""

    def test_host_that_failed_before_the_role(self, ansible: Ansible) -> None:
        fail = {"ansible.builtin.fail": {"msg": "I am down"}, "when": IS_WEB2}
        assert "1 of 3 hosts of the group origins are not in this play, and cloud_region_hints_purge would" in run_role(
            ansible, tasks=[fail]
        )
        assert pop_operations(ansible) == []

    def test_host_that_fails_in_the_role(self, ansible: Ansible) -> None:
        assert "1 of 3 hosts" in run_role(
            ansible, cloud_region_hints_region=f"{{{{ {{}}.nowhere if {IS_WEB2} else 'us-central1' }}}}"
        )
        assert pop_operations(ansible) == []

    def test_host_without_ip_address(self, ansible: Ansible) -> None:
        append_to_inventory(ansible, "\n[origins]\nweb4.example.com\n")
        output = run_role(ansible)
        assert "whose address is not known: web4.example.com ('web4.example.com')" in output
        assert pop_operations(ansible) == []

    @pytest.mark.parametrize(
        ("policy", "keywords"),
        [
            ({"cloud_region_hints_zone": f"{{{{ '' if {IS_WEB2} else 'example.com' }}}}"}, {}),
            (
                {"cloud_region_hints_group": "", "cloud_region_hints_mappings": [OTHER_MAPPING]},
                {"when": f"not {IS_WEB2}"},
            ),
        ],
        ids=["zone", "condition"],
    )
    def test_inconsistent_host_with_ignore_errors(
        self, ansible: Ansible, policy: dict[str, t.Any], keywords: dict[str, t.Any]
    ) -> None:
        run_role(ansible, succeeds=True, keywords={**keywords, "ignore_errors": True}, **policy)
        assert pop_operations(ansible) == []

    def test_limit_with_ignore_errors(self, ansible: Ansible) -> None:
        output = run_role(ansible, "--limit", "!web2.example.com", keywords={"ignore_errors": True}, succeeds=True)
        assert "1 of 3 hosts" in output
        assert pop_operations(ansible) == []

    def test_start_at_task_in_the_role(self, ansible: Ansible) -> None:
        run_role(ansible, "--start-at-task", f"{ROLE} : Declare the hints", "--limit", "web1.example.com")
        assert pop_operations(ansible) == []

    def test_host_in_another_batch(self, ansible: Ansible) -> None:
        run = ansible.play([{"import_role": {"name": ROLE}}], hosts="origins", vars=POLICY, serial=2)
        assert run.returncode
        assert "of 3 hosts of the group origins are not in this play" in " ".join(run.stdout.split())
        assert pop_operations(ansible) == []


class TestPurgeWithEmptyGroup:
    def test_allow_empty_is_required(self, ansible: Ansible) -> None:
        append_to_inventory(ansible, "\n[nobody]\n")
        policy = {"cloud_region_hints_group": "nobody", "hosts": "localhost"}
        assert "the group nobody is empty, and cloud_region_hints_purge would" in run_role(
            ansible, cloud_region_hints_mappings=[OTHER_MAPPING], **policy
        )
        assert pop_operations(ansible) == []
        run_role(ansible, succeeds=True, **policy, cloud_region_hints_allow_empty=" Yes ")
        assert get_mapped_addresses(ansible) == set()


class TestInconsistentVariables:
    """The role uses the variables of the first host for all hosts, so each host must have the same values."""

    def test_error_names_each_inconsistent_variable(self, ansible: Ansible) -> None:
        other_values = {
            "zone_id": "0123456789abcdef0123456789abcdef",
            "zone": "example.net",
            "group": "all",
            "mappings": [OTHER_MAPPING],
            "switch_on": True,
            "purge": "no",
            "allow_empty": "y",
            "discover": "y",
            "resolve": "y",
            "derive": "y",
            "sources": ["aws.json"],
            "strict": "y",
            "validate_regions": "n",
            "validate_addresses": "n",
        }
        usual_values = {name: {**DEFAULTS, **POLICY}[f"cloud_region_hints_{name}"] for name in other_values}
        policy = {
            f"cloud_region_hints_{name}": f"{{{{ {json.dumps(other_values[name])} if {IS_WEB2} else {json.dumps(usual_values[name])} }}}}"
            for name in other_values
        }
        output = run_role(ansible, **policy)
        assert f"{', '.join(policy)}: not the same for all hosts of the play" in output
        assert pop_operations(ansible) == []

    def test_group_variable_that_localhost_lacks(self, ansible: Ansible) -> None:
        """The first host of the playbook apply is localhost, which does not have the variables of the group."""
        append_to_inventory(
            ansible, "\n[origins:vars]\ncloud_region_hints_zone=example.net\ncloud_region_hints_vendor=aws\n"
        )
        run = ansible.run("edgecache.cloudflare.apply", "-e", json.dumps({"cloud_region_hints_group": "origins"}))
        assert run.returncode
        assert "cloud_region_hints_zone: not the same for all hosts" in " ".join(run.stdout.split())
        assert pop_operations(ansible) == []

    def test_zone_of_the_entry_point_facts(self, ansible: Ansible) -> None:
        run = ansible.play(
            [{"import_role": {"name": ROLE, "tasks_from": "facts"}}],
            hosts="origins",
            vars={"cloud_region_hints_zone": f"{{{{ 'example.net' if {IS_WEB2} else 'example.com' }}}}"},
        )
        assert run.returncode
        assert "cloud_region_hints_zone: not the same for all hosts" in " ".join(run.stdout.split())
        assert pop_operations(ansible) == []


class TestConditionOfRole:
    """A ``when`` that is true only for some hosts is an error, since the role runs once for all hosts."""

    def test_false_for_the_first_host(self, ansible: Ansible) -> None:
        output = run_role(ansible, keywords={"when": IS_WEB2})
        assert "its condition is false for the first host of the play" in output
        assert pop_operations(ansible) == []

    def test_false_for_another_host(self, ansible: Ansible) -> None:
        output = run_role(ansible, keywords={"when": f"not {IS_WEB2}"})
        assert "true for some hosts of the play only" in output and "Missing: web2.example.com" in output
        assert pop_operations(ansible) == []

    @pytest.mark.parametrize("condition", [IS_WEB2, f"not {IS_WEB2}"])
    def test_include_role_with_condition(self, ansible: Ansible, condition: str) -> None:
        run = ansible.play([{"include_role": {"name": ROLE}, "when": condition}], hosts="origins", vars=POLICY)
        assert run.returncode
        assert "true for some hosts of the play only" in " ".join(run.stdout.split())
        assert pop_operations(ansible) == []

    def test_true_for_the_host_in_an_earlier_run(self, ansible: Ansible) -> None:
        """The role does not use the variables that a host has from the earlier run."""
        earlier_run = {"import_role": {"name": ROLE}}
        keywords = {"when": f"not {IS_WEB2}"}
        output = run_role(ansible, tasks=[earlier_run], keywords=keywords)
        assert "Missing: web2.example.com" in output
        assert pop_operations(ansible) == ["list", "supported-regions", "batch-upsert", "batch-delete"]

    def test_false_for_all_hosts_skips_the_role(self, ansible: Ansible) -> None:
        run_role(ansible, keywords={"when": False}, succeeds=True)
        assert pop_operations(ansible) == []


class TestStrategy:
    @pytest.mark.parametrize(("strategy", "forks"), [("free", "1"), ("free", "5"), ("host_pinned", "2")])
    def test_strategy_without_run_once_is_an_error(self, ansible: Ansible, strategy: str, forks: str) -> None:
        run = ansible.play(
            [{"import_role": {"name": ROLE}}],
            *("--forks", forks),
            hosts="origins",
            strategy=strategy,
            vars={**POLICY, "cloud_region_hints_purge": False},
        )
        assert run.returncode
        assert "the strategy of the play is free or host_pinned" in " ".join(run.stdout.split())
        assert pop_operations(ansible) == []


@pytest.mark.parametrize(
    ("values", "is_true"),
    [(("y", " TRUE ", " true ", "t", "y", " y "), True), (("n", " no ", 0, False, "off", "f"), False)],
    ids=["true", "false"],
)
def test_booleans_are_parsed_as_modules_parse_them(ansible: Ansible, values: t.Sequence[t.Any], is_true: bool) -> None:
    """Hosts may have different spellings of the same value."""
    append_to_inventory(ansible, "\n[origins]\nweb4.example.com ansible_host=10.1.2.3\n")
    seeded_addresses = get_mapped_addresses(ansible)
    purge, purge_of_web2, switch_on, report, validate_regions, validate_addresses = values
    output = run_role(
        ansible,
        succeeds=True,
        cloud_region_hints_purge=f"{{{{ '{purge_of_web2}' if {IS_WEB2} else '{purge}' }}}}",
        cloud_region_hints_switch_on=switch_on,
        cloud_region_hints_report=report,
        cloud_region_hints_validate_regions=validate_regions,
        cloud_region_hints_validate_addresses=validate_addresses,
    )
    assert ("unchanged: 1" in output) == is_true
    assert get_mapped_addresses(ansible) == (
        HOST_ADDRESSES if is_true else {*seeded_addresses, *HOST_ADDRESSES, "10.1.2.3"}
    )
    requested = pop_operations(ansible)
    assert ("tiered-caching-get" in requested) == ("supported-regions" in requested) == is_true


SKIPPED_HOSTS_INVENTORY = """
[origins]
web0.example.com ansible_host=192.0.2.77
web1.example.com ansible_host=192.0.2.1 origin_vendor=gpc
web2.example.com ansible_host=2001:DB8:0:0::1 origin_vendor=keys
web3.example.com ansible_host=203.0.113.99 origin_vendor=aws
web4.example.com
web5.example.com ansible_host=10.1.2.3
web6.example.com ansible_host=192.0.2.66
10

[origins:vars]
ansible_connection=local
"""
SKIPPED_HOSTS_POLICY: dict[str, t.Any] = {
    "cloud_region_hints_purge": False,
    "cloud_region_hints_vendor": "{{ origin_vendor | default('gcp') }}",
    "cloud_region_hints_region": "{{ regions[inventory_hostname] | default('us-central1') }}",
    "regions": {"web6.example.com": "us-east-1\n\u2028Zone deleted " + "x" * 1_000},
}


@pytest.fixture(scope="module")
def skipped_host_lines(
    simulator: RunningSimulator, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """Return the lines of the output about skipped hosts. The role skips all hosts of the inventory except the first.

    The play has the hosts in reverse order. The order must have no effect.
    """
    simulator.reset()
    ansible = ForkedAnsible(tmp_path_factory.mktemp("skipped_hosts"), simulator, fork_server)
    (ansible.folder / "inventory").write_text(SKIPPED_HOSTS_INVENTORY)
    seeded_addresses = get_mapped_addresses(ansible)
    run = ansible.play(
        [{"import_role": {"name": ROLE}}],
        hosts="origins",
        order="reverse_inventory",
        vars={**POLICY, **SKIPPED_HOSTS_POLICY},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert get_mapped_addresses(ansible) - seeded_addresses == {"192.0.2.77"}
    return [line for line in run.stdout.splitlines() if "is left out" in line]


class TestSkippedHosts:
    @pytest.mark.parametrize(
        ("host", "reason", "mapping"),
        [
            ("web1.example.com", "vendor 'gpc' is not supported; did you mean 'gcp'?", "192.0.2.1, gpc, us-central1"),
            ("web2.example.com", "vendor 'keys' is not supported", "2001:DB8:0:0::1, keys, us-central1"),
            ("web3.example.com", "region 'us-central1' belongs to gcp, not to aws", "203.0.113.99, aws, us-central1"),
            ("web4.example.com", "no IP address", "web4.example.com, gcp, us-central1"),
            ("web5.example.com", "private address, which the internet does not reach", "10.1.2.3, gcp, us-central1"),
            ("10", "no IP address", "10, gcp, us-central1"),
        ],
    )
    def test_line_has_the_reason(self, skipped_host_lines: list[str], host: str, reason: str, mapping: str) -> None:
        assert len(skipped_host_lines) == 7
        assert f"{host} is left out: {reason} ({mapping})" in "\n".join(skipped_host_lines)

    def test_line_breaks_and_long_values_are_removed(self, skipped_host_lines: list[str]) -> None:
        """A value of a host cannot look like another line of the report."""
        (line,) = (line for line in skipped_host_lines if "web6.example.com" in line)
        assert "Zone deleted" in line and len(line) < 400

    def test_strict_names_the_host_the_variable_and_the_fix(self, ansible: Ansible) -> None:
        append_to_inventory(ansible, "\n[origins]\nweb4.example.com\n")
        output = run_role(ansible, cloud_region_hints_strict="y", cloud_region_hints_purge=False)
        assert (
            "web4.example.com ('web4.example.com'). Set origin_ip (cloud_region_hints_origin_ip in the role) to the"
            in output
        )
        assert pop_operations(ansible) == []

    @pytest.mark.parametrize(
        ("derive", "problem"),
        [
            ("n", "vendor or region is missing for web1.example.com ('192.0.2.1')"),
            ("y", "in no range of the sources: web3.example.com ("),
        ],
    )
    def test_strict_names_the_host_without_a_region(self, ansible: Ansible, derive: str, problem: str) -> None:
        output = run_role(
            ansible,
            cloud_region_hints_strict="y",
            cloud_region_hints_derive=derive,
            cloud_region_hints_sources=[str(RANGES_FOLDER / "aws.json"), str(RANGES_FOLDER / "gcp.json")],
            cloud_region_hints_vendor="",
            cloud_region_hints_region="",
        )
        assert problem in output
        assert (
            "Set vendor (cloud_region_hints_vendor in the role) and region (cloud_region_hints_region in the role)"
            in output
        )
        assert pop_operations(ansible) == []

    def test_invalid_item_of_mappings_is_an_error(self, ansible: Ansible) -> None:
        """The role skips only hosts of the group, not items of a variable, even if an item names a host."""
        invalid_mapping = {"host": "db", "origin_ip": "198.51.100.l7", "vendor": "azure", "region": "eastus"}
        assert "not an IP address: '198.51.100.l7'" in run_role(ansible, cloud_region_hints_mappings=[invalid_mapping])
        assert pop_operations(ansible) == []


class TestDerive:
    SOURCES = tuple(str(RANGES_FOLDER / f"{vendor}.json") for vendor in ("aws", "gcp", "azure", "oci"))
    DERIVE_POLICY: t.ClassVar[dict[str, t.Any]] = {
        "cloud_region_hints_derive": " yes ",
        "cloud_region_hints_vendor": "",
        "cloud_region_hints_region": "",
    }

    def test_mappings_with_only_addresses(self, ansible: Ansible) -> None:
        ansible.simulator.reset(
            {"zones": [{"id": ansible.simulator.zone_id, "name": "example.com", "tiered_cache": "on"}]}
        )
        mappings = [
            {"origin_ip": "203.0.113.20"},
            {"origin_ip": "198.51.100.200"},
            {"origin_ip": "192.0.2.2", "vendor": "aws", "region": "us-west-2"},
        ]
        output = run_role(
            ansible,
            succeeds=True,
            **self.DERIVE_POLICY,
            cloud_region_hints_sources=json.dumps(self.SOURCES),
            cloud_region_hints_mappings=mappings,
        )
        assert "web3.example.com is left out: in no range of the sources (203.0.113.99, -, -)" in output
        assert "198.51.100.200 is left out: ambiguous (aws/us-east-1, azure/" in output
        assert {
            mapping["origin_ip"]: f"{mapping['vendor']}/{mapping['region']}" for mapping in ansible.simulator.mappings()
        } == {
            "192.0.2.1": "aws/us-east-1",
            "192.0.2.2": "aws/us-west-2",
            "2001:db8::1": "gcp/us-central1",
            "203.0.113.20": "oci/us-ashburn-1",
        }
        assert pop_operations(ansible) == ["list", "supported-regions", "batch-upsert"]

    def test_apply_resolves_sources_in_the_working_directory(self, ansible: Ansible) -> None:
        (ansible.folder / "ranges").symlink_to(RANGES_FOLDER)
        answers = {"cloud_region_hints_mappings": "[{origin_ip: 192.0.2.2}]", "cloud_region_hints_derive": "true"}
        extra_vars = json.dumps({**answers, "cloud_region_hints_sources": "ranges/aws.json"})
        run = ansible.run("edgecache.cloudflare.apply", "-e", extra_vars)
        assert run.returncode == 0, run.stdout + run.stderr
        assert {"192.0.2.2": "us-east-1"}.items() <= {
            mapping["origin_ip"]: mapping["region"] for mapping in ansible.simulator.mappings()
        }.items()

    def test_invalid_sources_are_an_error(self, ansible: Ansible) -> None:
        output = run_role(
            ansible,
            hosts="localhost",
            cloud_region_hints_group="",
            cloud_region_hints_sources="{a: b}",
            **self.DERIVE_POLICY,
        )
        assert (
            "cloud_region_hints_sources (Files of ranges in the survey of AWX): {'a': 'b'} is not a path or a URL"
            in output
        )
        assert pop_operations(ansible) == []


class TestDiscover:
    """The origins of the zone example.net of the seed, which has no hints."""

    ZONE_ID = "9a7806061c88ada191ed06f989cc3dac"
    DISCOVER_POLICY: t.ClassVar[dict[str, t.Any]] = {
        **TestDerive.DERIVE_POLICY,
        "cloud_region_hints_group": "",
        "cloud_region_hints_zone_id": ZONE_ID,
        "cloud_region_hints_discover": "true",
        "cloud_region_hints_purge": False,
        "cloud_region_hints_switch_on": True,
        "cloud_region_hints_sources": list(TestDerive.SOURCES),
    }
    HINTS: t.ClassVar[dict[str, str]] = {
        "192.0.2.21": "aws/us-east-1",
        "192.0.2.31": "aws/us-east-1",
        "198.51.100.5": "azure/eastus",
        "198.51.100.20": "gcp/europe-west1",
        "198.51.100.21": "gcp/europe-west1",
        "198.51.100.22": "gcp/europe-west1",
        "203.0.113.21": "oci/us-ashburn-1",
        "203.0.113.22": "oci/us-ashburn-1",
        "2001:db8:0:1::21": "aws/eu-west-1",
        "2001:db8:b::21": "azure/westeurope",
    }
    READS = ("dns-records-list", "load-balancers-list", "origin-rules-get", "custom-hostnames-list")

    def hints(self, ansible: Ansible) -> dict[str, str]:
        mappings = ansible.simulator.zones()[self.ZONE_ID]["mappings"]
        return {item["origin_ip"]: f"{item['vendor']}/{item['region']}" for item in mappings}

    def run(self, ansible: Ansible, *arguments: str, succeeds: bool = True, **policy: t.Any) -> str:
        return run_role(ansible, *arguments, hosts="localhost", succeeds=succeeds, **{**self.DISCOVER_POLICY, **policy})

    def seed_complete_zone(self, ansible: Ansible, *more: dict[str, t.Any], **permissions: t.Any) -> None:
        """Load a zone whose origins are all known, and that has the hints of ``more`` and of an address that the zone does not use."""
        ansible.simulator.reset(
            {
                "tokens": [{"token": ansible.simulator.token, **permissions}],
                "zones": [
                    {
                        "id": self.ZONE_ID,
                        "name": "example.net",
                        "tiered_cache": "on",
                        "smart_tiered_cache": "on",
                        "mappings": [{"origin_ip": "192.0.2.99", "vendor": "aws", "region": "us-east-1"}, *more],
                        "dns_records": [
                            {"name": "www.example.net", "type": "A", "content": "192.0.2.21", "proxied": True},
                            {"name": "own.example.net", "type": "A", "content": "203.0.113.71", "proxied": True},
                            {
                                "name": "vpn.example.net",
                                "type": "A",
                                "content": "192.0.2.98",
                                "proxied": True,
                                "private_routing": True,
                            },
                        ],
                    }
                ],
            }
        )

    def test_zone_goes_from_no_hints_to_all(self, ansible: Ansible) -> None:
        shown = self.run(ansible, "--check", "--diff")
        assert "created: 10" in shown and "192.0.2.31: no hint -> aws/us-east-1" in shown
        assert self.hints(ansible) == {}
        assert not [operation for operation in pop_operations(ansible) if "batch" in operation]
        output = self.run(ansible)
        assert self.hints(ansible) == self.HINTS
        assert set(self.READS) < {entry["operation"] for entry in ansible.simulator.stats()["log"]}
        assert "legacy.example.net is left out: in no range of the sources (203.0.113.71, -, -)" in output
        assert (
            "assets.example.net is left out: the target has no record in the zone: set cloud_region_hints_resolve"
            in output
        )
        assert "api.example.net is left out: in a private network (virtual_network_id) (10.30.0.8, -, -)" in output
        assert "changed=0" in self.run(ansible)

    def test_result(self, ansible: Ansible) -> None:
        run = ansible.play(
            [
                {"import_role": {"name": ROLE}},
                {"debug": {"msg": "{{ [cloud_region_hints_result.origins_complete, __left_out] }}"}},
            ],
            hosts="localhost",
            vars={
                **POLICY,
                **self.DISCOVER_POLICY,
                "__left_out": "{{ cloud_region_hints_result.left_out | map(attribute='host') | sort }}",
            },
        )
        assert run.returncode == 0, run.stdout
        names = ["api.example.net", "assets.example.net", "intranet.example.net", "legacy.example.net"]
        output = " ".join(run.stdout.split())
        assert f"false, {json.dumps(names).replace('[', '[ ').replace(']', ' ]')}" in output

    @pytest.mark.parametrize("option", ["purge", "strict"])
    def test_incomplete_origins_are_refused(self, ansible: Ansible, option: str) -> None:
        output = self.run(ansible, succeeds=False, **{f"cloud_region_hints_{option}": True})
        assert "not all origins of the zone are known" in output and "assets.example.net (example-net.storage" in output
        assert not [name for name in pop_operations(ansible) if name.endswith(("upsert", "delete", "patch", "edit"))]

    def test_incomplete_origins_with_ignore_errors_are_not_purged(self, ansible: Ansible) -> None:
        self.seed_complete_zone(ansible, permissions=["DNS Read"])
        self.run(ansible, cloud_region_hints_purge=True, keywords={"ignore_errors": True})
        assert self.hints(ansible) == {"192.0.2.99": "aws/us-east-1"}

    def test_failed_discovery_with_ignore_errors_does_not_purge(self, ansible: Ansible) -> None:
        self.seed_complete_zone(ansible)
        ansible.simulator.fault(kind="status", status=400, operation="dns-records-list")
        self.run(ansible, cloud_region_hints_purge=True, keywords={"ignore_errors": True})
        assert self.hints(ansible) == {"192.0.2.99": "aws/us-east-1"}

    def test_purge_keeps_the_hint_of_an_origin_without_a_region(self, ansible: Ansible) -> None:
        self.seed_complete_zone(
            ansible,
            {"origin_ip": "203.0.113.71", "vendor": "gcp", "region": "europe-west1"},
            {"origin_ip": "192.0.2.98", "vendor": "aws", "region": "us-west-2"},
        )
        shown = self.run(ansible, "--check", "--diff", cloud_region_hints_purge=True)
        assert "192.0.2.99: aws/us-east-1 -> no hint" in shown and "192.0.2.99" in self.hints(ansible)
        self.run(ansible, cloud_region_hints_purge=True)
        assert self.hints(ansible) == {
            "192.0.2.21": "aws/us-east-1",
            "192.0.2.98": "aws/us-west-2",
            "203.0.113.71": "gcp/europe-west1",
        }

    def test_mappings_and_hosts_take_precedence(self, ansible: Ansible) -> None:
        self.seed_complete_zone(ansible)
        own = {"origin_ip": "203.0.113.71", "vendor": "gcp", "region": "europe-west1"}
        other = {"origin_ip": "192.0.2.21", "vendor": "aws", "region": "us-west-2"}
        self.run(ansible, cloud_region_hints_mappings=[own, other], cloud_region_hints_purge=True)
        assert self.hints(ansible) == {"192.0.2.21": "aws/us-west-2", "203.0.113.71": "gcp/europe-west1"}

    def test_discover_without_derive_is_an_error(self, ansible: Ansible) -> None:
        output = self.run(ansible, succeeds=False, cloud_region_hints_derive=False)
        assert "cloud_region_hints_discover: the origins of a zone have no regions" in output
        assert pop_operations(ansible) == []

    def test_playbook(self, ansible: Ansible) -> None:
        answers = {
            "cloud_region_hints_zone": "example.net",
            "cloud_region_hints_discover": "true",
            "cloud_region_hints_derive": "true",
            "cloud_region_hints_sources": json.dumps(TestDerive.SOURCES),
        }
        run = ansible.run("edgecache.cloudflare.apply", "-e", json.dumps(answers))
        assert run.returncode == 0, run.stdout + run.stderr
        assert self.hints(ansible) == self.HINTS


@pytest.mark.parametrize(
    ("mappings", "label"),
    [
        ("[192.0.2.1]", " (Mappings in the survey of AWX)"),
        ([["192.0.2.1"]], ""),
        ("x", " (Mappings in the survey of AWX)"),
    ],
)
def test_mappings_of_invalid_type_are_an_error(ansible: Ansible, mappings: t.Any, label: str) -> None:
    output = run_role(ansible, hosts="localhost", cloud_region_hints_group="", cloud_region_hints_mappings=mappings)
    message = f"cloud_region_hints_mappings{label}: {mappings!r} is neither a list of mappings nor a string with such a list in YAML."
    assert message in output
    assert pop_operations(ansible) == []


@pytest.mark.parametrize(
    ("variable", "question"),
    [("cloud_region_hints_mappings", "Mappings"), ("cloud_region_hints_sources", "Files of ranges")],
)
def test_error_of_invalid_yaml_names_the_survey_question(ansible: Ansible, variable: str, question: str) -> None:
    output = run_role(
        ansible, hosts="localhost", **{"cloud_region_hints_group": "", variable: "- {origin_ip: 192.0.2.1\n- ["}
    )
    assert f"{variable} ({question} in the survey of AWX): not valid YAML: " in output
    assert "while parsing a flow mapping" in output.rpartition("not valid YAML: ")[2]
    assert pop_operations(ansible) == []


def test_facts_with_condition_false_for_the_first_host_fail(ansible: Ansible) -> None:
    facts = {"import_role": {"name": ROLE, "tasks_from": "facts"}, "when": IS_WEB2}
    run = ansible.play([facts], hosts="origins")
    assert run.returncode
    assert "its condition is false for the first host of the play" in " ".join((run.stdout + run.stderr).split())
    assert pop_operations(ansible) == []


def test_facts_of_hosts_without_ip_address_are_none(ansible: Ansible) -> None:
    append_to_inventory(ansible, "\n[origins]\nnamed.example.com\nblank ansible_host=''\n")
    mapped = "inventory_hostname in ['web1.example.com', 'web2.example.com']"
    run = ansible.play(
        [
            {"import_role": {"name": ROLE, "tasks_from": "facts"}},
            {"assert": {"that": f"(cloud_region_hint is none) != ({mapped})", "quiet": True}},
        ],
        hosts="origins",
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert pop_operations(ansible) == ["list"]


def test_credential_in_mappings_is_not_shown(ansible: Ansible) -> None:
    """The module hides the credential. No other task of the role may show the mappings, at any verbosity."""
    token = "cfut_abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    mapping = {**OTHER_MAPPING, "region": token}
    output = run_role(
        ansible, "-vvv", hosts="localhost", cloud_region_hints_group="", cloud_region_hints_mappings=[mapping]
    )
    assert "mappings: the value contains a credential, and is not shown" in output
    assert token not in output
    assert pop_operations(ansible) == []


@pytest.mark.parametrize("entry_point", ["main", "facts"])
def test_omitted_zone_defaults_to_the_environment(ansible: Ansible, entry_point: str) -> None:
    """The value ``omit`` is meant for modules. The filters of the role must not use it as a zone."""
    role = {"name": ROLE, "tasks_from": entry_point}
    zone = {f"cloud_region_hints_{name}": "{{ nowhere | default(omit) }}" for name in ("zone_id", "zone")}
    run = ansible.play([{"import_role": role}], hosts="origins", vars={**POLICY, **zone})
    assert run.returncode == 0, run.stdout + run.stderr
    assert pop_operations(ansible)[0] == "list"


def test_facts_ignore_an_earlier_run(ansible: Ansible) -> None:
    """The role does not use the zone and the addresses that other hosts have from the earlier run."""
    facts = {"import_role": {"name": ROLE, "tasks_from": "facts"}}
    other = {"cloud_region_hints_zone_id": ansible.simulator.empty_zone_id}
    only_first = {**facts, "when": "inventory_hostname == 'web1.example.com'", "vars": other}
    run = ansible.play(
        [facts, only_first], hosts="origins", environment={"CLOUDFLARE_ZONE_ID": ansible.simulator.zone_id}
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert pop_operations(ansible) == ["list", "get"]


def test_facts_and_main_in_one_play(ansible: Ansible) -> None:
    """The entry point main does not use the variables that the entry point facts has set."""
    facts = {
        "import_role": {"name": ROLE, "tasks_from": "facts"},
        "vars": {"cloud_region_hints_origin_ip": "192.0.2.77"},
    }
    show_fact = {"debug": {"msg": "{{ cloud_region_hint is none }}"}}
    run_role(ansible, succeeds=True, tasks=[facts, show_fact])
    assert get_mapped_addresses(ansible) == HOST_ADDRESSES
