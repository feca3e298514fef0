# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role refuses in plays of several hosts, where an integration test cannot go on, and what it does to a zone nearby."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from tests.system.playbooks import ROOT, Ansible

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
        assert "whose address is not known would be deleted: web4.example.com ('web4.example.com')" in shown
        assert operations(ansible) == []
        assert "web4.example.com is left out: no IP address" in apply(
            ansible, passes=True, cloud_region_hints_purge=False
        )

    @pytest.mark.parametrize(
        ("policy", "task"),
        [
            ({"cloud_region_hints_purge": f"{{{{ 'n' if {WEB2} else 'y' }}}}"}, {}),
            ({"cloud_region_hints_zone": f"{{{{ '' if {WEB2} else 'example.com' }}}}"}, {}),
            ({"cloud_region_hints_group": "", "cloud_region_hints_mappings": [ANOTHER]}, {"when": f"not {WEB2}"}),
        ],
        ids=["purge", "zone", "condition"],
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

    @pytest.mark.parametrize("task", ["Declare the hints", f"{ROLE} : Declare the hints"])
    def test_started_in_the_middle(self, ansible: Ansible, task: str) -> None:
        apply(ansible, "--start-at-task", task, "--limit", "web1.example.com")
        assert operations(ansible) == []

    @pytest.mark.parametrize("how", [{"serial": 2}, {"serial": 1}], ids=str)
    def test_in_another_batch(self, ansible: Ansible, how: dict[str, int]) -> None:
        run = ansible.play([{"import_role": {"name": ROLE}}], hosts="origins", vars=POLICY, **how)
        assert run.returncode
        assert "of 3 hosts of the group origins are not in this play" in " ".join(run.stdout.split())
        assert operations(ansible) == []


class TestPurgeOfNothing:
    def test_empty_group(self, ansible: Ansible) -> None:
        inventory(ansible, "\n[nobody]\n")
        mapping = [{"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-east-1"}]
        policy = {"cloud_region_hints_group": "nobody", "cloud_region_hints_mappings": mapping, "hosts": "localhost"}
        assert "the group nobody is empty, and cloud_region_hints_purge would" in apply(ansible, **policy)
        assert operations(ansible) == []
        apply(ansible, passes=True, **policy, cloud_region_hints_allow_empty=" Yes ")
        assert addresses(ansible) == {"192.0.2.1"}

    def test_no_host_can_be_placed(self, ansible: Ansible) -> None:
        assert "allow_empty" in apply(ansible, cloud_region_hints_vendor="")
        assert operations(ansible) == []
        apply(ansible, cloud_region_hints_vendor="", cloud_region_hints_allow_empty="y", passes=True)
        assert addresses(ansible) == {"192.0.2.1", "2001:db8::1"}


class TestHostsThatDisagree:
    """The role runs once, so that what the first host says must hold for all."""

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("zone_id", "0123456789abcdef0123456789abcdef"),
            ("zone", "example.net"),
            ("group", "all"),
            ("mappings", [ANOTHER]),
            ("switch_on", True),
            ("purge", "no"),
            ("allow_empty", "y"),
            ("derive", "y"),
            ("sources", ["aws.json"]),
            ("strict", "y"),
            ("validate_regions", "n"),
            ("validate_addresses", "n"),
        ],
    )
    def test_option(self, ansible: Ansible, name: str, value: t.Any) -> None:
        usual = {**DEFAULTS, **POLICY}[f"cloud_region_hints_{name}"]
        shown = apply(
            ansible,
            **{f"cloud_region_hints_{name}": f"{{{{ {json.dumps(value)} if {WEB2} else {json.dumps(usual)} }}}}"},
        )
        assert f"cloud_region_hints_{name}: not the same for all hosts of the play" in shown
        assert operations(ansible) == []

    def test_those_of_a_group_and_localhost(self, ansible: Ansible) -> None:
        """With the playbook apply, whose first host is localhost."""
        inventory(ansible, "\n[origins:vars]\ncloud_region_hints_zone=example.net\ncloud_region_hints_vendor=aws\n")
        run = ansible.run("edgecache.cloudflare.apply", "-e", json.dumps({"cloud_region_hints_group": "origins"}))
        assert run.returncode
        assert "cloud_region_hints_zone: not the same for all hosts" in " ".join(run.stdout.split())
        assert operations(ansible) == []

    def test_same_in_other_words(self, ansible: Ansible) -> None:
        apply(ansible, passes=True, cloud_region_hints_purge=f"{{{{ 'y' if {WEB2} else ' TRUE ' }}}}")
        assert addresses(ansible) == HOSTS

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

    def test_false_for_all(self, ansible: Ansible) -> None:
        apply(ansible, task={"when": False}, passes=True)
        assert operations(ansible) == []


class TestStrategy:
    @pytest.mark.parametrize("forks", ["1", "2", "5"])
    @pytest.mark.parametrize("strategy", ["free", "host_pinned"])
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

    @pytest.mark.parametrize("order", ["reverse_inventory", "reverse_sorted", "shuffle"])
    def test_order_of_hosts_makes_no_difference(self, ansible: Ansible, order: str) -> None:
        run = ansible.play([{"import_role": {"name": ROLE}}], hosts="origins", order=order, vars=POLICY)
        assert run.returncode == 0, run.stdout + run.stderr
        assert addresses(ansible) == HOSTS


@pytest.mark.parametrize(("said", "switched"), [("y", True), (" true ", True), ("n", False), (False, False), (1, True)])
def test_booleans_are_read_as_modules_do(ansible: Ansible, said: t.Any, switched: bool) -> None:
    policy = {"cloud_region_hints_switch_on": said, "cloud_region_hints_report": said}
    shown = apply(ansible, passes=True, **policy, cloud_region_hints_purge=" no ")
    assert ("unchanged: 1" in shown) == switched
    assert ("tiered-caching-get" in operations(ansible)) == switched


class TestHostsThatAreLeftOut:
    @pytest.mark.parametrize(
        ("vendor", "reason"),
        [
            ("gpc", "there is no vendor gpc: did you mean gcp?"),
            ("keys", "there is no vendor keys"),
            ("aws", "us-central1 is a region of gcp, not of aws"),
        ],
    )
    def test_nearest_name_is_told(self, ansible: Ansible, vendor: str, reason: str) -> None:
        policy = {"cloud_region_hints_purge": False, "cloud_region_hints_vendor": vendor}
        assert f"web1.example.com is left out: {reason} (192.0.2.1, {vendor}, us-central1)" in apply(
            ansible, passes=True, **policy
        )
        assert "batch-upsert" not in operations(ansible)
        assert reason in apply(ansible, **policy, cloud_region_hints_strict="y")
        assert "batch-upsert" not in operations(ansible)

    def test_name_that_looks_like_an_address_of_old(self, ansible: Ansible) -> None:
        inventory(ansible, "\n[origins]\n10\n")
        shown = apply(ansible, passes=True, cloud_region_hints_purge=False)
        assert "10 is left out: no IP address (10, gcp, us-central1)" in shown
        assert addresses(ansible) >= HOSTS

    def test_strict_names_the_host_the_variable_and_the_fix(self, ansible: Ansible) -> None:
        inventory(ansible, "\n[origins]\nweb4.example.com\n")
        shown = apply(ansible, cloud_region_hints_strict=True, cloud_region_hints_purge=False)
        assert (
            "web4.example.com ('web4.example.com'). Set origin_ip (cloud_region_hints_origin_ip in the role) to the"
            in shown
        )
        assert operations(ansible) == []

    def test_private_address(self, ansible: Ansible) -> None:
        """Its hint stays under purge, and is declared only where that is asked for."""
        inventory(ansible, "\n[origins]\nweb4.example.com ansible_host=10.1.2.3\n")
        shown = apply(ansible, passes=True)
        assert (
            "web4.example.com is left out: private address, which the internet does not reach (10.1.2.3, gcp, us-central1)"
            in shown
        )
        assert addresses(ansible) == HOSTS
        apply(ansible, passes=True, cloud_region_hints_validate_addresses=" No ")
        assert addresses(ansible) == {*HOSTS, "10.1.2.3"}
        apply(ansible, passes=True)
        assert addresses(ansible) == {*HOSTS, "10.1.2.3"}

    def test_values_are_on_one_line(self, ansible: Ansible) -> None:
        """So that none of them looks like another line of the report."""
        region = "us-east-1\n\u2028Zone deleted " + "x" * 1_000
        run = ansible.play(
            [{"import_role": {"name": ROLE}}],
            hosts="origins",
            vars={**POLICY, "cloud_region_hints_purge": False, "cloud_region_hints_region": region},
        )
        assert run.returncode == 0, run.stdout
        (line,) = (line for line in run.stdout.splitlines() if "web1.example.com is left out" in line)
        assert "Zone deleted" in line and len(line) < 400

    def test_those_of_variables_are_an_error_whatever_they_say(self, ansible: Ansible) -> None:
        bad = {"host": "db", "origin_ip": "198.51.100.l7", "vendor": "azure", "region": "eastus"}
        assert "not an IP address: '198.51.100.l7'" in apply(ansible, cloud_region_hints_mappings=[bad])
        assert operations(ansible) == []

    def test_what_a_variable_declares_for_their_address_holds(self, ansible: Ansible) -> None:
        mapping = {"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-west-2"}
        apply(ansible, passes=True, cloud_region_hints_region="", cloud_region_hints_mappings=[mapping])
        assert {(one["origin_ip"], one["region"]) for one in ansible.simulator.mappings()} == {
            ("192.0.2.1", "us-west-2"),
            ("2001:db8::1", "us-central1"),
        }


class TestDerive:
    FILES = tuple(str(RANGES / f"{vendor}.json") for vendor in ("aws", "gcp", "azure", "oci"))
    POLICY: t.ClassVar[dict[str, t.Any]] = {
        "cloud_region_hints_derive": " yes ",
        "cloud_region_hints_vendor": "",
        "cloud_region_hints_region": "",
    }

    @pytest.mark.parametrize("files", [list(FILES), json.dumps(FILES)], ids=["list", "text"])
    def test_addresses_alone(self, ansible: Ansible, files: t.Any) -> None:
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
            cloud_region_hints_sources=files,
            cloud_region_hints_mappings=mappings,
        )
        assert "web3.example.com is left out: in no range (203.0.113.99, -, -)" in shown
        assert "198.51.100.200 is left out: ambiguous, aws/us-east-1, azure/" in shown
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

    def test_strictly(self, ansible: Ansible) -> None:
        policy = {**self.POLICY, "cloud_region_hints_sources": list(self.FILES), "cloud_region_hints_strict": True}
        assert "mappings: in no range: web3.example.com ('203.0.113.99')" in apply(ansible, **policy)
        assert operations(ansible) == []

    def test_files_that_are_none(self, ansible: Ansible) -> None:
        shown = apply(ansible, **self.POLICY, cloud_region_hints_sources="{a: b}")
        assert "cloud_region_hints_sources: neither a path or URL nor a list of them: {a: b}" in shown
        assert operations(ansible) == []


@pytest.mark.parametrize("mappings", ["[192.0.2.1]", [["192.0.2.1"]], "{a: b}", "x"])
def test_mappings_that_are_none(ansible: Ansible, mappings: t.Any) -> None:
    shown = apply(ansible, cloud_region_hints_mappings=mappings)
    assert "cloud_region_hints_mappings: neither a list of mappings nor a text with one in YAML" in shown
    assert operations(ansible) == []


@pytest.mark.parametrize(
    ("variable", "question"),
    [("cloud_region_hints_mappings", "Mappings"), ("cloud_region_hints_sources", "Files of ranges")],
)
def test_text_that_is_no_yaml_names_the_question(ansible: Ansible, variable: str, question: str) -> None:
    shown = apply(ansible, **{variable: "- {origin_ip: 192.0.2.1\n- ["})
    assert f"{variable} ({question} in the survey of AWX): not valid YAML: " in shown
    assert "while parsing a flow mapping" in shown.rpartition("not valid YAML: ")[2]
    assert operations(ansible) == []


def test_facts_under_a_condition_that_is_false_for_the_first(ansible: Ansible) -> None:
    facts = {"import_role": {"name": ROLE, "tasks_from": "facts"}, "when": WEB2}
    run = ansible.play([facts], hosts="origins")
    assert run.returncode
    assert "its condition is false for the first host of the play" in " ".join((run.stdout + run.stderr).split())
    assert operations(ansible) == []


@pytest.mark.parametrize("value", ["010.0.0.1", "1.2.3.4.", "1.2.3.256", "192.0.2.1/32", "10", "www.example.com", ""])
def test_facts_of_a_host_without_an_address(ansible: Ansible, value: str) -> None:
    run = ansible.play(
        [
            {"import_role": {"name": ROLE, "tasks_from": "facts"}},
            {
                "assert": {
                    "that": f"(cloud_region_hint is none) == ({WEB2} or inventory_hostname == 'web3.example.com')"
                }
            },
        ],
        hosts="origins",
        vars={"cloud_region_hints_origin_ip": f"{{{{ '{value}' if {WEB2} else ansible_host }}}}"},
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_facts_and_policy_in_one_play(ansible: Ansible) -> None:
    """Neither takes what the other has left behind."""
    for_facts = {
        "import_role": {"name": ROLE, "tasks_from": "facts"},
        "vars": {"cloud_region_hints_origin_ip": "192.0.2.77"},
    }
    again = {"debug": {"msg": "{{ cloud_region_hint is none }}"}}
    apply(ansible, passes=True, tasks=[for_facts, again])
    assert addresses(ansible) == HOSTS
