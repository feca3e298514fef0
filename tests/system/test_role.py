# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in plays of several hosts: what it refuses before any request, and what it writes."""

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
RANGES = ROOT / "tests/integration/targets/setup_cloud_ranges/files"
HOSTS = {"192.0.2.1", "2001:db8::1", "203.0.113.99"}
ANOTHER = {"origin_ip": "192.0.2.9", "vendor": "aws", "region": "us-east-1"}
WEB2 = "inventory_hostname == 'web2.example.com'"


@pytest.fixture
def ansible(forked_ansible: ForkedAnsible) -> ForkedAnsible:
    return forked_ansible


def apply(
    ansible: Ansible,
    *arguments: str,
    hosts: str = "origins",
    passes: bool = False,
    tasks: t.Sequence[dict[str, t.Any]] = (),
    task: dict[str, t.Any] | None = None,
    **policy: t.Any,
) -> str:
    """The output of a play that imports the role after ``tasks``, blanks made one. It has warned of nothing."""
    run = ansible.play(
        [*tasks, {"import_role": {"name": ROLE}, **(task or {})}], *arguments, hosts=hosts, vars={**POLICY, **policy}
    )
    assert (run.returncode == 0) == passes, run.stdout + run.stderr
    return " ".join((run.stdout + run.stderr).split())


def operations(ansible: Ansible) -> list[str]:
    found = [entry["operation"].replace("origin-cloud-regions-v2-", "") for entry in ansible.simulator.stats()["log"]]
    ansible.simulator.reset()
    return found


def addresses(ansible: Ansible) -> set[str]:
    return {mapping["origin_ip"] for mapping in ansible.simulator.mappings()}


def inventory(ansible: Ansible, text: str) -> None:
    path = ansible.folder / "inventory"
    path.write_text(path.read_text() + text)


class TestPurgeWithoutAHost:
    """Its hint would be deleted."""

    def test_that_has_failed(self, ansible: Ansible) -> None:
        failing = {"ansible.builtin.fail": {"msg": "I am down"}, "when": WEB2}
        assert "1 of 3 hosts of the group origins are not in this play, and cloud_region_hints_purge would" in apply(
            ansible, tasks=[failing]
        )
        assert operations(ansible) == []

    def test_that_fails_in_the_role(self, ansible: Ansible) -> None:
        assert "1 of 3 hosts" in apply(
            ansible, cloud_region_hints_region=f"{{{{ {{}}.nowhere if {WEB2} else 'us-central1' }}}}"
        )
        assert operations(ansible) == []

    def test_whose_address_is_a_name(self, ansible: Ansible) -> None:
        inventory(ansible, "\n[origins]\nweb4.example.com\n")
        shown = apply(ansible)
        assert "whose address is not known: web4.example.com ('web4.example.com')" in shown
        assert operations(ansible) == []

    @pytest.mark.parametrize(
        ("policy", "task"),
        [
            ({"cloud_region_hints_zone": f"{{{{ '' if {WEB2} else 'example.com' }}}}"}, {}),
            ({"cloud_region_hints_group": "", "cloud_region_hints_mappings": [ANOTHER]}, {"when": f"not {WEB2}"}),
        ],
        ids=["zone", "condition"],
    )
    def test_that_disagrees_and_errors_ignored(
        self, ansible: Ansible, policy: dict[str, t.Any], task: dict[str, t.Any]
    ) -> None:
        apply(ansible, passes=True, task={**task, "ignore_errors": True}, **policy)
        assert operations(ansible) == []

    def test_errors_ignored(self, ansible: Ansible) -> None:
        shown = apply(ansible, "--limit", "!web2.example.com", task={"ignore_errors": True}, passes=True)
        assert "1 of 3 hosts" in shown
        assert operations(ansible) == []

    def test_started_in_the_middle(self, ansible: Ansible) -> None:
        apply(ansible, "--start-at-task", f"{ROLE} : Declare the hints", "--limit", "web1.example.com")
        assert operations(ansible) == []

    def test_in_another_batch(self, ansible: Ansible) -> None:
        run = ansible.play([{"import_role": {"name": ROLE}}], hosts="origins", vars=POLICY, serial=2)
        assert run.returncode
        assert "of 3 hosts of the group origins are not in this play" in " ".join(run.stdout.split())
        assert operations(ansible) == []


class TestPurgeOfNothing:
    def test_empty_group(self, ansible: Ansible) -> None:
        inventory(ansible, "\n[nobody]\n")
        policy = {"cloud_region_hints_group": "nobody", "hosts": "localhost"}
        assert "the group nobody is empty, and cloud_region_hints_purge would" in apply(
            ansible, cloud_region_hints_mappings=[ANOTHER], **policy
        )
        assert operations(ansible) == []
        apply(ansible, passes=True, **policy, cloud_region_hints_allow_empty=" Yes ")
        assert addresses(ansible) == set()


class TestHostsThatDisagree:
    """The role runs once, so the variables of the first host must be the same for all hosts."""

    def test_each_option_that_differs_is_named(self, ansible: Ansible) -> None:
        others = {
            "zone_id": "0123456789abcdef0123456789abcdef",
            "zone": "example.net",
            "group": "all",
            "mappings": [ANOTHER],
            "switch_on": True,
            "purge": "no",
            "allow_empty": "y",
            "derive": "y",
            "sources": ["aws.json"],
            "strict": "y",
            "validate_regions": "n",
            "validate_addresses": "n",
        }
        usual = {name: {**DEFAULTS, **POLICY}[f"cloud_region_hints_{name}"] for name in others}
        policy = {
            f"cloud_region_hints_{name}": f"{{{{ {json.dumps(others[name])} if {WEB2} else {json.dumps(usual[name])} }}}}"
            for name in others
        }
        shown = apply(ansible, **policy)
        assert f"{', '.join(policy)}: not the same for all hosts of the play" in shown
        assert operations(ansible) == []

    def test_those_of_a_group_and_localhost(self, ansible: Ansible) -> None:
        """With the playbook apply, whose first host is localhost."""
        inventory(ansible, "\n[origins:vars]\ncloud_region_hints_zone=example.net\ncloud_region_hints_vendor=aws\n")
        run = ansible.run("edgecache.cloudflare.apply", "-e", json.dumps({"cloud_region_hints_group": "origins"}))
        assert run.returncode
        assert "cloud_region_hints_zone: not the same for all hosts" in " ".join(run.stdout.split())
        assert operations(ansible) == []

    def test_facts(self, ansible: Ansible) -> None:
        run = ansible.play(
            [{"import_role": {"name": ROLE, "tasks_from": "facts"}}],
            hosts="origins",
            vars={"cloud_region_hints_zone": f"{{{{ 'example.net' if {WEB2} else 'example.com' }}}}"},
        )
        assert run.returncode
        assert "cloud_region_hints_zone: not the same for all hosts" in " ".join(run.stdout.split())
        assert operations(ansible) == []


class TestCondition:
    """One that is not the same for all hosts."""

    def test_false_for_the_first(self, ansible: Ansible) -> None:
        shown = apply(ansible, task={"when": WEB2})
        assert "its condition is false for the first host of the play" in shown
        assert operations(ansible) == []

    def test_true_for_the_first(self, ansible: Ansible) -> None:
        shown = apply(ansible, task={"when": f"not {WEB2}"})
        assert "true for some hosts of the play only" in shown and "Missing: web2.example.com" in shown
        assert operations(ansible) == []

    @pytest.mark.parametrize("condition", [WEB2, f"not {WEB2}"])
    def test_of_an_include(self, ansible: Ansible, condition: str) -> None:
        run = ansible.play([{"include_role": {"name": ROLE}, "when": condition}], hosts="origins", vars=POLICY)
        assert run.returncode
        assert "true for some hosts of the play only" in " ".join(run.stdout.split())
        assert operations(ansible) == []

    def test_that_was_true_in_an_earlier_run(self, ansible: Ansible) -> None:
        """The role does not take the variables that a host had then."""
        role = {"import_role": {"name": ROLE}}
        task = {"when": f"not {WEB2}"}
        shown = apply(ansible, tasks=[role], task=task)
        assert "Missing: web2.example.com" in shown
        assert operations(ansible) == ["list", "supported-regions", "batch-upsert", "batch-delete"]

    def test_false_for_all(self, ansible: Ansible) -> None:
        apply(ansible, task={"when": False}, passes=True)
        assert operations(ansible) == []


class TestStrategy:
    @pytest.mark.parametrize(("strategy", "forks"), [("free", "1"), ("free", "5"), ("host_pinned", "2")])
    def test_without_run_once_is_named(self, ansible: Ansible, strategy: str, forks: str) -> None:
        run = ansible.play(
            [{"import_role": {"name": ROLE}}],
            *("--forks", forks),
            hosts="origins",
            strategy=strategy,
            vars={**POLICY, "cloud_region_hints_purge": False},
        )
        assert run.returncode
        assert "the strategy of the play is free or host_pinned" in " ".join(run.stdout.split())
        assert operations(ansible) == []


@pytest.mark.parametrize(
    ("words", "is_true"),
    [(("y", " TRUE ", " true ", "t", "y", " y "), True), (("n", " no ", 0, False, "off", "f"), False)],
    ids=["true", "false"],
)
def test_booleans_are_parsed_as_modules_parse_them(ansible: Ansible, words: t.Sequence[t.Any], is_true: bool) -> None:
    """Two hosts that spell the same value in two ways agree."""
    inventory(ansible, "\n[origins]\nweb4.example.com ansible_host=10.1.2.3\n")
    seeded = addresses(ansible)
    purge, purge_of_web2, switch_on, report, validate_regions, validate_addresses = words
    shown = apply(
        ansible,
        passes=True,
        cloud_region_hints_purge=f"{{{{ '{purge_of_web2}' if {WEB2} else '{purge}' }}}}",
        cloud_region_hints_switch_on=switch_on,
        cloud_region_hints_report=report,
        cloud_region_hints_validate_regions=validate_regions,
        cloud_region_hints_validate_addresses=validate_addresses,
    )
    assert ("unchanged: 1" in shown) == is_true
    assert addresses(ansible) == (HOSTS if is_true else {*seeded, *HOSTS, "10.1.2.3"})
    read = operations(ansible)
    assert ("tiered-caching-get" in read) == ("supported-regions" in read) == is_true


LEFT_OUT_INVENTORY = """
[origins]
web0.example.com ansible_host=192.0.2.77
web1.example.com ansible_host=192.0.2.1 its_vendor=gpc
web2.example.com ansible_host=2001:DB8:0:0::1 its_vendor=keys
web3.example.com ansible_host=203.0.113.99 its_vendor=aws
web4.example.com
web5.example.com ansible_host=10.1.2.3
web6.example.com ansible_host=192.0.2.66
10

[origins:vars]
ansible_connection=local
"""
LEFT_OUT_POLICY: dict[str, t.Any] = {
    "cloud_region_hints_purge": False,
    "cloud_region_hints_vendor": "{{ its_vendor | default('gcp') }}",
    "cloud_region_hints_region": "{{ regions[inventory_hostname] | default('us-central1') }}",
    "regions": {"web6.example.com": "us-east-1\n\u2028Zone deleted " + "x" * 1_000},
}


@pytest.fixture(scope="module")
def left_out(
    simulator: RunningSimulator, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The lines of the report on the hosts that are left out: all but the first one, which is declared.

    The play goes through the hosts from the last one to the first one, which makes no difference.
    """
    simulator.reset()
    ansible = ForkedAnsible(tmp_path_factory.mktemp("left_out"), simulator, fork_server)
    (ansible.folder / "inventory").write_text(LEFT_OUT_INVENTORY)
    seeded = addresses(ansible)
    run = ansible.play(
        [{"import_role": {"name": ROLE}}],
        hosts="origins",
        order="reverse_inventory",
        vars={**POLICY, **LEFT_OUT_POLICY},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert addresses(ansible) - seeded == {"192.0.2.77"}
    return [line for line in run.stdout.splitlines() if "is left out" in line]


class TestHostsThatAreLeftOut:
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
    def test_report_has_the_reason(self, left_out: list[str], host: str, reason: str, mapping: str) -> None:
        assert len(left_out) == 7
        assert f"{host} is left out: {reason} ({mapping})" in "\n".join(left_out)

    def test_report_has_each_host_on_one_line(self, left_out: list[str]) -> None:
        """No value of a host looks like another line of the report."""
        (line,) = (line for line in left_out if "web6.example.com" in line)
        assert "Zone deleted" in line and len(line) < 400

    def test_strict_names_the_host_the_variable_and_the_fix(self, ansible: Ansible) -> None:
        inventory(ansible, "\n[origins]\nweb4.example.com\n")
        shown = apply(ansible, cloud_region_hints_strict="y", cloud_region_hints_purge=False)
        assert (
            "web4.example.com ('web4.example.com'). Set origin_ip (cloud_region_hints_origin_ip in the role) to the"
            in shown
        )
        assert operations(ansible) == []

    @pytest.mark.parametrize(
        ("derive", "problem"),
        [
            ("n", "vendor or region is missing for web1.example.com ('192.0.2.1')"),
            ("y", "in no range of the sources: web3.example.com ("),
        ],
    )
    def test_strict_names_the_host_without_a_region(self, ansible: Ansible, derive: str, problem: str) -> None:
        shown = apply(
            ansible,
            cloud_region_hints_strict="y",
            cloud_region_hints_derive=derive,
            cloud_region_hints_sources=[str(RANGES / "aws.json"), str(RANGES / "gcp.json")],
            cloud_region_hints_vendor="",
            cloud_region_hints_region="",
        )
        assert problem in shown
        assert (
            "Set vendor (cloud_region_hints_vendor in the role) and region (cloud_region_hints_region in the role)"
            in shown
        )
        assert operations(ansible) == []

    def test_those_of_variables_are_an_error_whatever_they_say(self, ansible: Ansible) -> None:
        bad = {"host": "db", "origin_ip": "198.51.100.l7", "vendor": "azure", "region": "eastus"}
        assert "not an IP address: '198.51.100.l7'" in apply(ansible, cloud_region_hints_mappings=[bad])
        assert operations(ansible) == []


class TestDerive:
    FILES = tuple(str(RANGES / f"{vendor}.json") for vendor in ("aws", "gcp", "azure", "oci"))
    POLICY: t.ClassVar[dict[str, t.Any]] = {
        "cloud_region_hints_derive": " yes ",
        "cloud_region_hints_vendor": "",
        "cloud_region_hints_region": "",
    }

    def test_addresses_alone(self, ansible: Ansible) -> None:
        ansible.simulator.reset(
            {"zones": [{"id": ansible.simulator.zone_id, "name": "example.com", "tiered_cache": "on"}]}
        )
        mappings = [
            {"origin_ip": "203.0.113.20"},
            {"origin_ip": "198.51.100.200"},
            {"origin_ip": "192.0.2.2", "vendor": "aws", "region": "us-west-2"},
        ]
        shown = apply(
            ansible,
            passes=True,
            **self.POLICY,
            cloud_region_hints_sources=json.dumps(self.FILES),
            cloud_region_hints_mappings=mappings,
        )
        assert "web3.example.com is left out: in no range of the sources (203.0.113.99, -, -)" in shown
        assert "198.51.100.200 is left out: ambiguous (aws/us-east-1, azure/" in shown
        assert {one["origin_ip"]: f"{one['vendor']}/{one['region']}" for one in ansible.simulator.mappings()} == {
            "192.0.2.1": "aws/us-east-1",
            "192.0.2.2": "aws/us-west-2",
            "2001:db8::1": "gcp/us-central1",
            "203.0.113.20": "oci/us-ashburn-1",
        }
        assert operations(ansible) == ["list", "supported-regions", "batch-upsert"]

    def test_apply_in_the_folder_of_the_user(self, ansible: Ansible) -> None:
        (ansible.folder / "ranges").symlink_to(RANGES)
        answers = {"cloud_region_hints_mappings": "[{origin_ip: 192.0.2.2}]", "cloud_region_hints_derive": "true"}
        extra = json.dumps({**answers, "cloud_region_hints_sources": "ranges/aws.json"})
        run = ansible.run("edgecache.cloudflare.apply", "-e", extra)
        assert run.returncode == 0, run.stdout + run.stderr
        assert {"192.0.2.2": "us-east-1"}.items() <= {
            one["origin_ip"]: one["region"] for one in ansible.simulator.mappings()
        }.items()

    def test_files_that_are_none(self, ansible: Ansible) -> None:
        shown = apply(
            ansible, hosts="localhost", cloud_region_hints_group="", cloud_region_hints_sources="{a: b}", **self.POLICY
        )
        assert (
            "cloud_region_hints_sources (Files of ranges in the survey of AWX): {'a': 'b'} is not a path or a URL"
            in shown
        )
        assert operations(ansible) == []


@pytest.mark.parametrize(
    ("mappings", "label"),
    [
        ("[192.0.2.1]", " (Mappings in the survey of AWX)"),
        ([["192.0.2.1"]], ""),
        ("x", " (Mappings in the survey of AWX)"),
    ],
)
def test_mappings_that_are_no_list_of_mappings(ansible: Ansible, mappings: t.Any, label: str) -> None:
    shown = apply(ansible, hosts="localhost", cloud_region_hints_group="", cloud_region_hints_mappings=mappings)
    message = f"cloud_region_hints_mappings{label}: {mappings!r} is neither a list of mappings nor a string with such a list in YAML."
    assert message in shown
    assert operations(ansible) == []


@pytest.mark.parametrize(
    ("variable", "question"),
    [("cloud_region_hints_mappings", "Mappings"), ("cloud_region_hints_sources", "Files of ranges")],
)
def test_text_that_is_no_yaml_names_the_question(ansible: Ansible, variable: str, question: str) -> None:
    shown = apply(
        ansible, hosts="localhost", **{"cloud_region_hints_group": "", variable: "- {origin_ip: 192.0.2.1\n- ["}
    )
    assert f"{variable} ({question} in the survey of AWX): not valid YAML: " in shown
    assert "while parsing a flow mapping" in shown.rpartition("not valid YAML: ")[2]
    assert operations(ansible) == []


def test_facts_under_a_condition_that_is_false_for_the_first(ansible: Ansible) -> None:
    facts = {"import_role": {"name": ROLE, "tasks_from": "facts"}, "when": WEB2}
    run = ansible.play([facts], hosts="origins")
    assert run.returncode
    assert "its condition is false for the first host of the play" in " ".join((run.stdout + run.stderr).split())
    assert operations(ansible) == []


def test_facts_of_hosts_without_an_address(ansible: Ansible) -> None:
    inventory(ansible, "\n[origins]\nnamed.example.com\nblank ansible_host=''\n")
    mapped = "inventory_hostname in ['web1.example.com', 'web2.example.com']"
    run = ansible.play(
        [
            {"import_role": {"name": ROLE, "tasks_from": "facts"}},
            {"assert": {"that": f"(cloud_region_hint is none) != ({mapped})", "quiet": True}},
        ],
        hosts="origins",
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert operations(ansible) == ["list"]


def test_credential_among_the_mappings_is_not_shown(ansible: Ansible) -> None:
    """The module hides it. No other task of the role may show the mappings, at any verbosity."""
    token = "cfut_abcdefghijklmnopqrstuvwxyz0123456789ABCD"
    mapping = {**ANOTHER, "region": token}
    shown = apply(
        ansible, "-vvv", hosts="localhost", cloud_region_hints_group="", cloud_region_hints_mappings=[mapping]
    )
    assert "mappings: the value contains a credential, and is not shown" in shown
    assert token not in shown
    assert operations(ansible) == []


@pytest.mark.parametrize("name", ["zone_id", "zone"])
@pytest.mark.parametrize("entry_point", ["main", "facts"])
def test_omitted_zone(ansible: Ansible, name: str, entry_point: str) -> None:
    """A role must not hand the value ``omit`` to its own Python."""
    role = {"name": ROLE, "tasks_from": entry_point}
    zone = {f"cloud_region_hints_{name}": "{{ nowhere | default(omit) }}"}
    run = ansible.play([{"import_role": role}], hosts="origins", vars={**POLICY, **zone})
    assert run.returncode == 0, run.stdout + run.stderr
    assert operations(ansible)[0] == "list"


def test_facts_forget_an_earlier_run(ansible: Ansible) -> None:
    """The role does not take the zone and the addresses that other hosts had then."""
    facts = {"import_role": {"name": ROLE, "tasks_from": "facts"}}
    other = {"cloud_region_hints_zone_id": ansible.simulator.empty_zone_id}
    only_first = {**facts, "when": "inventory_hostname == 'web1.example.com'", "vars": other}
    run = ansible.play(
        [facts, only_first], hosts="origins", environment={"CLOUDFLARE_ZONE_ID": ansible.simulator.zone_id}
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert operations(ansible) == ["list", "get"]


def test_facts_and_policy_in_one_play(ansible: Ansible) -> None:
    """Neither takes what the other has left behind."""
    for_facts = {
        "import_role": {"name": ROLE, "tasks_from": "facts"},
        "vars": {"cloud_region_hints_origin_ip": "192.0.2.77"},
    }
    again = {"debug": {"msg": "{{ cloud_region_hint is none }}"}}
    apply(ansible, passes=True, tasks=[for_facts, again])
    assert addresses(ansible) == HOSTS
