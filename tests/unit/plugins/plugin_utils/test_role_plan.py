# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the role, from the variables of all hosts of a play."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.filter._plan_facts import FilterModule as FactsFilter
from ansible_collections.edgecache.cloudflare.plugins.filter._plan_origins import FilterModule as OriginsFilter
from ansible_collections.edgecache.cloudflare.plugins.filter._plan_role import FilterModule as RoleFilter
from ansible_collections.edgecache.cloudflare.plugins.filter._plan_zone import FilterModule as ZoneFilter
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import TOKEN

HOSTS = ["web2", "web1", "localhost"]
GROUPS = {"origins": ["web2", "web1"], "nobody": [], "all": HOSTS}
GIVEN = {"origin_ip": "192.0.2.9", "vendor": "aws", "region": "us-west-2"}
POLICY: dict[str, t.Any] = {
    "zone_id": "",
    "zone": "example.com",
    "group": "origins",
    "mappings_hash": "0",
    "purge": False,
    "allow_empty": False,
    "problems": [],
}

plan_role = RoleFilter().filters()["_plan_role"]
plan_zone = ZoneFilter().filters()["_plan_zone"]
plan_facts = FactsFilter().filters()["_plan_facts"]
plan_origins = OriginsFilter().filters()["_plan_origins"]


def host_variables(**policies: dict[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """The facts of the hosts of a play. ``policies``: what is different for a host."""
    return {
        host: {
            "__cloud_region_hints_host_policy": {**POLICY, **policies.get(host, {})},
            "__cloud_region_hints_host_mapping": {
                "host": host,
                "origin_ip": " 192.0.2.1 ",
                "vendor": None,
                "region": 7,
            },
        }
        for host in HOSTS
    }


def plan(
    hostvars: dict[str, t.Any] | None = None,
    hosts: t.Sequence[str] | None = None,
    mappings: t.Any = (),
    **policy: t.Any,
) -> dict[str, t.Any]:
    """The plan for hosts that all have this policy."""
    hostvars = hostvars or host_variables(**dict.fromkeys(HOSTS, policy))
    result: dict[str, t.Any] = plan_role(
        hostvars,
        HOSTS,
        HOSTS if hosts is None else hosts,
        GROUPS,
        {"mappings": list(mappings), "report": "y"},
        {"mappings": "Mappings"},
    )
    return result


def error(*arguments: t.Any, **options: t.Any) -> str:
    planned = plan(*arguments, **options)
    assert planned.keys() == {"error"}
    return str(planned["error"])


class TestPlan:
    def test_has_the_policy_and_all_mappings(self) -> None:
        """The hosts are sorted, and only they can be skipped."""
        planned = plan(mappings=[{**GIVEN, "host": "db"}])
        assert planned.items() >= {**POLICY, "error": "", "report": True}.items()
        text = {"origin_ip": "192.0.2.1", "vendor": "", "region": "7"}
        assert planned["mappings"] == [{**GIVEN, "host": ""}, {"host": "web1", **text}, {"host": "web2", **text}]

    def test_without_a_group_ignores_the_inventory(self) -> None:
        assert plan(group="", mappings=[GIVEN], purge=True)["mappings"] == [{**GIVEN, "host": ""}]


class TestMissingHosts:
    @pytest.mark.parametrize("host", HOSTS)
    def test_condition_is_false_for_a_host(self, host: str) -> None:
        hostvars = host_variables()
        del hostvars[host]["__cloud_region_hints_host_policy"]
        message = error(hostvars)
        assert message.startswith(
            "cloud_region_hints: the role runs once for all hosts of the play, but not all of them"
        )
        assert "Either a condition (when) of the role is true for some" in message
        assert "or the strategy of the play is free or host_pinned" in message
        assert message.endswith(f"Remove the condition, or set the strategy to linear. Missing: {host}.")

    def test_failed_since_the_role_began(self) -> None:
        assert "Missing: web2." in error(hosts=["web1", "localhost"])


class TestProblems:
    def test_those_of_all_variables(self) -> None:
        messages = error(problems=["cloud_region_hints_purge: 'x' is not a boolean."], mappings=[1])
        assert messages.startswith("cloud_region_hints_mappings: [1] is neither")
        assert messages.endswith(" cloud_region_hints_purge: 'x' is not a boolean.")

    def test_one_of_a_host_comes_before_a_difference(self) -> None:
        assert error(host_variables(web1={"problems": ["x"], "purge": True})) == "x"


class TestDifferences:
    def test_names_variables_and_hosts(self) -> None:
        hostvars = host_variables(web1={"zone": "example.net"}, localhost={"mappings_hash": "1", "purge": True})
        assert error(hostvars) == (
            "cloud_region_hints_zone, cloud_region_hints_mappings, cloud_region_hints_purge: not the same for all hosts of the play, "
            "and the role runs once for all of them. web2 and web1 differ. Set the same value for all: in the play, as an extra "
            "variable, or for the group all."
        )


class TestGroup:
    def test_missing(self) -> None:
        assert error(group="nowhere") == (
            "cloud_region_hints_group: the inventory has no group nowhere. Set it to a group of the inventory, or leave it "
            "empty."
        )

    @pytest.mark.parametrize("is_evaluated", [True, False])
    def test_host_hidden_from_purge(self, is_evaluated: bool) -> None:
        """A host whose expressions have failed is hidden too."""
        hostvars = host_variables(**{host: {"purge": True} for host in HOSTS})
        if is_evaluated:
            groups = {"origins": [*GROUPS["origins"], "web3"]}
        else:
            groups = GROUPS
            del hostvars["web1"]["__cloud_region_hints_host_mapping"]
        message = plan_role(hostvars, HOSTS, HOSTS, groups, {"mappings": [], "report": True}, {})["error"]
        assert message.startswith(
            f"cloud_region_hints_group: 1 of {len(groups['origins'])} hosts of the group origins are not in this play, and "
            "cloud_region_hints_purge would delete their hints. The play must name the group in its hosts; "
        )
        assert message.endswith("Leave out --limit and serial, and look for hosts that have failed.")

    def test_some_hosts_hidden_without_purge(self) -> None:
        hostvars = host_variables()
        del hostvars["web1"]["__cloud_region_hints_host_mapping"]
        assert [mapping["host"] for mapping in plan(hostvars)["mappings"]] == ["web2"]

    def test_all_hosts_hidden(self) -> None:
        hostvars = host_variables()
        for host in GROUPS["origins"]:
            hostvars[host]["__cloud_region_hints_host_mapping"] = {}
        assert "2 of 2 hosts of the group origins are not in this play. The play must" in error(hostvars)

    def test_empty(self) -> None:
        assert plan(group="nobody")["mappings"] == []
        assert plan(group="nobody", purge=True, allow_empty=True)["error"] == ""
        assert error(group="nobody", purge=True) == (
            "cloud_region_hints_group: the group nobody is empty, and cloud_region_hints_purge would delete the hints of its hosts. "
            "If that is meant, set cloud_region_hints_allow_empty to true."
        )


def plan_addresses(*addresses: t.Any, **zones: str) -> dict[str, t.Any]:
    """The plan of the entry point ``facts`` for hosts h0, h1, …. ``zones``: by host."""
    hostvars: dict[str, t.Any] = {
        f"h{number}": {
            "__cloud_region_hints_host_address": {
                "zone_id": "",
                "zone": zones.get(f"h{number}", ""),
                "origin_ip": address,
            }
        }
        for number, address in enumerate(addresses)
    }
    hostvars["skipped"] = {}
    result: dict[str, t.Any] = plan_facts(hostvars, list(hostvars))
    return result


@pytest.mark.parametrize("value", ["192.0.2.1", "255.99.100.0", "2001:DB8::1", "::ffff:192.0.2.1", "1:2"])
def test_facts_of_an_address(value: str) -> None:
    """The module validates it."""
    assert plan_addresses("www.example.com", value) == {"addresses": [value], "error": ""}


@pytest.mark.parametrize(
    "value", ["010.0.0.1", "1.2.3.4.", "1.2.3.256", "192.0.2.1/32", "10", "www.example.com", "", "192.0.2.1\n"]
)
def test_facts_of_a_host_without_an_address(value: str) -> None:
    """The module would refuse it."""
    assert plan_addresses("192.0.2.2", value) == {"addresses": ["192.0.2.2"], "error": ""}


@pytest.mark.parametrize("value", [10, True, ["192.0.2.1"]])
def test_facts_of_a_text_that_ansible_converts(value: t.Any) -> None:
    """Before 2.19, Ansible converts the text of a list or a boolean, and that of a number with jinja2_native."""
    assert plan_addresses(value) == {"addresses": [], "error": ""}


def test_facts_of_an_omitted_zone() -> None:
    """Ansible drops the keys of a fact whose value is ``omit``."""
    hostvars = {host: {"__cloud_region_hints_host_address": {"origin_ip": "192.0.2.1"}} for host in HOSTS}
    assert plan_facts(hostvars, HOSTS)["error"] == ""


def test_facts_without_hosts() -> None:
    """All hosts have skipped the role."""
    assert plan_addresses() == {"addresses": [], "error": ""}


def test_facts_of_several_zones() -> None:
    planned = plan_addresses("192.0.2.1", "192.0.2.2", h1="example.net")
    assert planned["addresses"] == []
    assert planned["error"].startswith("cloud_region_hints_zone: not the same for all hosts of the play")
    assert "h0 and h1 differ" in planned["error"]


class TestPlanOfAZone:
    """The zone is a host of the play, and its origins are not."""

    HOSTVARS: t.ClassVar[dict[str, dict[str, t.Any]]] = {
        "zone": {"cloud_region_hints_vendor": "aws", "cloud_region_hints_region": "us-east-1"},
        "web1": {"ansible_host": " 192.0.2.1", "cloud_region_hints_region": None},
        "web2": {
            "ansible_host": "192.0.2.2",
            "cloud_region_hints_origin_ip": "2001:db8::2",
            "cloud_region_hints_vendor": "gcp",
        },
    }

    def plan(self, hostvars: dict[str, t.Any] | None = None, mappings: t.Any = (), **policy: t.Any) -> dict[str, t.Any]:
        result: dict[str, t.Any] = plan_zone(
            *(hostvars or self.HOSTVARS, "zone", GROUPS, {**POLICY, **policy}, {"zone_id": "0" * 32, "zone": ""}),
            *({"mappings": mappings, "report": "y"}, {}),
        )
        return result

    def test_has_the_policy_and_all_mappings(self) -> None:
        planned = self.plan(mappings=[GIVEN], purge=True)
        assert (planned["zone_id"], planned["zone"], planned["purge"], planned["error"]) == ("0" * 32, "", True, "")
        assert planned["mappings"] == [
            {**GIVEN, "host": ""},
            {"host": "web1", "origin_ip": "192.0.2.1", "vendor": "aws", "region": ""},
            {"host": "web2", "origin_ip": "2001:db8::2", "vendor": "gcp", "region": "us-east-1"},
        ]

    def test_address_of_a_host_is_its_name_at_last(self) -> None:
        planned = self.plan({"zone": {}, "web1": {}, "web2": {}})
        assert [mapping["origin_ip"] for mapping in planned["mappings"]] == ["web1", "web2"]

    def test_without_a_group(self) -> None:
        assert self.plan(group="")["mappings"] == []

    @pytest.mark.parametrize(
        ("policy", "message"),
        [
            ({"group": "missing"}, "cloud_region_hints_group: the inventory has no group missing. Set it"),
            (
                {"group": TOKEN},
                "cloud_region_hints_group: the inventory has no group (not shown, since it may be a credential). Set",
            ),
            ({"group": "nobody", "purge": True}, "cloud_region_hints_group: the group nobody is empty, and"),
            ({"problems": ["A problem."]}, "A problem."),
            ({"mappings": 7}, "cloud_region_hints_mappings: 7 is neither a list"),
        ],
    )
    def test_errors(self, policy: dict[str, t.Any], message: str) -> None:
        planned = self.plan(**policy)
        assert planned.keys() == {"error"} and planned["error"].startswith(message)

    def test_expression_that_fails(self) -> None:
        class Undefined:
            def __str__(self) -> str:
                raise RuntimeError("'place' is undefined")

        for value, reason in ((Undefined(), "'place' is undefined"), ("{{ place }}", "{{ place }} has an undefined")):
            web1 = {"ansible_host": "192.0.2.1", "cloud_region_hints_region": value}
            message = self.plan({**self.HOSTVARS, "web1": web1})["error"]
            assert message.startswith(f"cloud_region_hints_group: the variables of web1 cannot be evaluated: {reason}")


class TestOrigins:
    """The origins that a zone has itself, as the module ``zone_origin_info`` returns them."""

    COMPLETE: t.ClassVar[dict[str, t.Any]] = {
        "origins": [],
        "hostnames": [],
        "left_out": [],
        "unavailable": [],
        "complete": True,
    }
    NAME: t.ClassVar[dict[str, t.Any]] = {"hostname": "origin.example.org", "addresses": [], "error": None}

    def used_by(self, *names: str) -> dict[str, t.Any]:
        return {"used_by": [{"kind": "dns_record", "name": name, "pool": None, "hostname": None} for name in names]}

    def plan(
        self, mappings: t.Sequence[dict[str, t.Any]] = (), purge: bool = False, strict: bool = False, **found: t.Any
    ) -> dict[str, t.Any]:
        policy = {"discover": True, "mappings": mappings, "purge": purge, "strict": strict}
        planned: dict[str, t.Any] = plan_origins(policy, {**self.COMPLETE, **found})
        return planned

    def left_out(self, **found: t.Any) -> dict[str, t.Any]:
        (item,) = self.plan(**found)["left_out"]
        return dict(item)

    def test_without_discover(self) -> None:
        assert plan_origins({"discover": False}, {"skipped": True}) == {
            "mappings": [],
            "left_out": [],
            "keep": [],
            "result": {},
            "error": "",
        }

    def test_failed_task(self) -> None:
        """Such as with ``ignore_errors`` at the role: a purge must not follow."""
        assert plan_origins({"discover": True}, {"failed": True, "msg": "No."})["error"] == "No."
        assert plan_origins({"discover": True}, {"failed": True})["error"]

    def test_each_origin_is_named_by_what_uses_it(self) -> None:
        origins = [
            {"origin_ip": "192.0.2.1", **self.used_by("a.example.com", "a.example.com", "b.example.com")},
            {"origin_ip": "192.0.2.2", **self.used_by("a", "b", "c", "d", "e")},
        ]
        assert self.plan(origins=origins) == {
            "mappings": [
                {"host": "a.example.com, b.example.com", "origin_ip": "192.0.2.1", "vendor": "", "region": ""},
                {"host": "a, b, c and 2 more", "origin_ip": "192.0.2.2", "vendor": "", "region": ""},
            ],
            "left_out": [],
            "keep": [],
            "result": {"origins_complete": True},
            "error": "",
        }

    def test_declared_addresses_take_precedence(self) -> None:
        origins = [{"origin_ip": address, **self.used_by("a")} for address in ("2001:db8::1", "192.0.2.1")]
        declared = [
            {"origin_ip": "2001:DB8:0::1", "vendor": "aws"},
            {"origin_ip": "web1.example.com"},
            {"origin_ip": 7},
            {},
        ]
        assert [item["origin_ip"] for item in self.plan(declared, origins=origins)["mappings"]] == ["192.0.2.1"]

    def test_name_outside_the_zone(self) -> None:
        assert self.left_out(hostnames=[{**self.NAME, **self.used_by("cdn")}], complete=False) == {
            "host": "cdn",
            "origin_ip": "origin.example.org",
            "vendor": "",
            "region": "",
            "reason": "the target has no record in the zone: set cloud_region_hints_resolve to true to resolve it",
        }

    def test_name_that_cannot_be_resolved(self) -> None:
        name = {**self.NAME, **self.used_by("cdn"), "error": "cannot be resolved: no address"}
        assert self.left_out(hostnames=[name], complete=False)["reason"] == "cannot be resolved: no address"

    def test_resolved_name(self) -> None:
        name = {**self.NAME, **self.used_by("cdn"), "addresses": ["192.0.2.1"]}
        assert self.plan(hostnames=[name])["left_out"] == []

    @pytest.mark.parametrize(
        ("reason", "text"),
        [
            ("private", "private address, which the internet does not reach"),
            ("private_routing", "in a private network (private_routing)"),
            ("virtual_network_id", "in a private network (virtual_network_id)"),
            ("unknown_pool", "the account does not list this pool"),
        ],
    )
    @pytest.mark.parametrize("purge", [False, True])
    def test_origin_that_needs_no_hint(self, reason: str, text: str, purge: bool) -> None:
        """Only an unknown pool may have origins that are not known."""
        is_complete = reason != "unknown_pool"
        found = [{"value": "10.0.0.1", "reason": reason, **self.used_by("lb")}]
        planned = self.plan(left_out=found, purge=purge, complete=is_complete)
        assert [(item["host"], item["origin_ip"], item["reason"]) for item in planned["left_out"]] == [
            ("lb", "10.0.0.1", text)
        ]
        assert bool(planned["error"]) == (purge and not is_complete)

    def test_purge_keeps_the_hints_of_origins_that_need_none(self) -> None:
        values = {"10.0.0.1": "private", "192.0.2.1": "virtual_network_id", "db.example.com": "private_routing"}
        found = [{"value": value, "reason": reason, **self.used_by("lb")} for value, reason in values.items()]
        assert self.plan(left_out=found)["keep"] == ["10.0.0.1", "192.0.2.1"]

    @pytest.mark.parametrize("option", ["purge", "strict"])
    def test_incomplete_origins_are_refused(self, option: str) -> None:
        failure = {"status": 403, "code": 10000, "message": "Authentication\nerror", "errors": []}
        found = {
            "hostnames": [{**self.NAME, **self.used_by("cdn")}],
            "unavailable": [{"include": "origin_rules", "failure": failure}],
            "complete": False,
        }
        planned = self.plan(**found)
        assert planned["error"] == ""
        assert planned["result"] == {"origins_complete": False}
        assert [item["host"] for item in planned["left_out"]] == ["cdn", "origin_rules"]
        error = self.plan(**found, **{option: True})["error"]
        assert error.startswith("cloud_region_hints_discover: not all origins of the zone are known, and ")
        assert "Not known: cdn (origin.example.org, the target has no record in the zone: " in error
        assert "origin_rules (the list cannot be read: Authentication error)" in error
        assert error.endswith(f"set cloud_region_hints_{option} to false.")

    def test_complete_is_believed(self) -> None:
        """Whatever the reason: a purge needs all origins."""
        assert self.plan(purge=True, complete=False)["error"]
