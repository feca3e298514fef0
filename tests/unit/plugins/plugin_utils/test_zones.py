# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zone of each host, the name of a zone, and the range files that all zones share."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible import constants
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._zones import (
    find_range_files,
    find_zone_name,
    plan_zones,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    OTHER_ZONE_ID,
    TOKEN,
    ZONE_ID,
    Wire,
    envelope,
    error_envelope,
)

NAMES = ("cloud_region_hints_zone_id", "cloud_region_hints_zone", "zone_id", "zone")
PASTED = "Aa0_" * 10
"""A value in the form of a token, in place of a zone."""

AWS = "https://ip-ranges.amazonaws.com/ip-ranges.json"


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)


class TestZoneOfAHost:
    @pytest.mark.parametrize(
        ("variables", "zone"),
        [
            (("", "", ZONE_ID, "example.com"), (ZONE_ID, "", "example.com")),
            (("", None, "", "example.com"), ("", "example.com", "example.com")),
            (("", "", ZONE_ID, None), (ZONE_ID, "", "")),
            (("", "", ZONE_ID, "two\nlines\x1b!"), (ZONE_ID, "", "two lines !")),
            # The collection's own variables come first. The inventory's name is that of its id
            ((OTHER_ZONE_ID, "", "Z3AADJGX6KTTL2", "example.com"), (OTHER_ZONE_ID, "", "")),
            ((ZONE_ID, "", ZONE_ID, "example.com"), (ZONE_ID, "", "example.com")),
            ((" ", " Example.com ", ZONE_ID, "example.com"), ("", "Example.com", "Example.com")),
            ((" ", " example.net ", "", "example.com"), ("", "example.net", "example.net")),
            # The module refuses both
            ((ZONE_ID, "example.com", "", ""), (ZONE_ID, "example.com", "example.com")),
        ],
    )
    def test_variables(self, variables: t.Sequence[t.Any], zone: tuple[str, ...]) -> None:
        planned = plan_zones({"a": dict(zip(NAMES, variables))}, ["a"], ["a"])
        assert planned == {
            "zones": {"a": {**dict(zip(("zone_id", "zone", "name"), zone)), "problem": ""}},
            "error": "",
        }

    def test_none(self) -> None:
        planned = plan_zones({"a": {}, "b": {"zone_id": ""}, "c": {"zone": "example.com"}}, ["a", "b"], ["a", "b"])
        assert planned["error"] == "" and planned["zones"].keys() == {"a", "b"}
        assert planned["zones"]["b"]["problem"].startswith("b has no zone. Set zone_id, ")

    @pytest.mark.parametrize(
        "variables", [(OTHER_ZONE_ID, "", ZONE_ID, ""), ("", "example.net", ZONE_ID, "example.com")]
    )
    def test_another_zone_than_that_of_the_inventory(self, variables: t.Sequence[str]) -> None:
        """Such as that of an extra variable, with a host in each slice of a job."""
        problem = plan_zones({"a": dict(zip(NAMES, variables))}, ["a"], ["a"])["zones"]["a"]["problem"]
        other = variables[0] or variables[1]
        assert problem.startswith(f"a has two zones: zone_id is {ZONE_ID}, but ")
        assert problem.endswith(f" is {other}. Remove one of the variables.")

    def test_no_host_matches(self) -> None:
        """The playbooks run on localhost then."""
        variables = {"localhost": {"zone_id": ZONE_ID}}
        error = plan_zones(variables, ["localhost"], [])["error"]
        assert error.startswith("cloud_region_hints_zone_hosts: no host of the inventory matches the pattern. ")
        assert plan_zones(variables, ["localhost"], ["localhost"])["error"] == ""

    def test_expression_that_fails(self) -> None:
        class Variables(dict[str, t.Any]):
            def get(self, name: str, default: t.Any = None) -> t.Any:
                raise RuntimeError("'nowhere' is undefined")

        zone = plan_zones({"a": Variables()}, ["a"], ["a"])["zones"]["a"]
        assert zone["problem"] == "The zone of a cannot be evaluated: 'nowhere' is undefined"

    @pytest.mark.parametrize("variables", [{"zone_id": ZONE_ID}, {"zone": "Example.com"}, {"zone": "example.com"}])
    def test_zone_of_two_hosts(self, variables: dict[str, str]) -> None:
        hosts = {
            "a": {"zone_id": OTHER_ZONE_ID},
            "b": variables,
            "c": {name: variables[name].lower() for name in variables},
        }
        error = plan_zones(hosts, list(hosts), list(hosts))["error"]
        assert error.startswith("cloud_region_hints_zone_hosts: b and c have the same zone ")

    def test_zone_of_a_host_outside_the_limit(self) -> None:
        """Such as the zone of an extra variable, to which the policy of another zone would be applied."""
        hosts = {host: {"zone_id": OTHER_ZONE_ID, "cloud_region_hints_zone_id": ZONE_ID} for host in "abc"}
        planned = plan_zones(hosts, ["b"], ["a", "b", "c"])
        assert "b and a have the same zone " in planned["error"] and planned["zones"].keys() == {"b"}
        hosts["b"] = {"zone_id": OTHER_ZONE_ID}
        assert plan_zones(hosts, ["b"], ["a", "b", "c"])["error"] == ""

    def test_zone_of_two_hosts_by_id_and_by_name(self) -> None:
        with_id = {"zone_id": ZONE_ID, "zone": "example.com"}
        hosts: dict[str, dict[str, str]] = {"a": with_id, "b": {"zone": "Example.com"}}
        for names in (["a", "b"], ["b", "a"]):
            error = plan_zones({name: hosts[name] for name in names}, names, names)["error"]
            assert f"{names[0]} and {names[1]} have the same zone example.com. " in error
        hosts["b"] = {"zone_id": OTHER_ZONE_ID, "zone": "example.com"}  # in another account
        assert plan_zones(hosts, ["a", "b"], ["a", "b"])["error"] == ""

    @pytest.mark.parametrize("name", NAMES)
    def test_credential_is_not_shown(self, name: str) -> None:
        hosts = {host: {name: PASTED} for host in "ab"}
        planned = plan_zones(hosts, list(hosts), list(hosts))
        assert PASTED not in str(planned) and planned["error"] == ""
        assert planned["zones"]["b"]["problem"].startswith(
            "The zone of b: the value contains a credential, and is not shown. "
        )


class TestNameOfAZone:
    def test_is_read_once_a_run(self, wire: Wire) -> None:
        wire.get(f"/zones/{ZONE_ID}", envelope({"id": ZONE_ID, "name": "example.com", "plan": {}}))
        assert find_zone_name(ZONE_ID) == find_zone_name(ZONE_ID) == "example.com"

    @pytest.mark.parametrize("answer", [{}, [], {"name": None}, {"name": "{{ 7 * 7 }}"}, {"name": "<b>"}])
    def test_unexpected_answer(self, wire: Wire, answer: t.Any) -> None:
        wire.get(f"/zones/{ZONE_ID}", envelope(answer))
        assert find_zone_name(ZONE_ID) is None

    def test_error_is_not_tried_again(self, wire: Wire) -> None:
        wire.get(f"/zones/{ZONE_ID}", error_envelope(9109), status=403)
        assert find_zone_name(ZONE_ID) is find_zone_name(ZONE_ID) is None

    def test_without_a_request(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert find_zone_name("example.com") is None
        monkeypatch.delenv("CLOUDFLARE_API_TOKEN")
        assert find_zone_name(ZONE_ID) is None


class TestRangeFiles:
    def test_each_url_is_downloaded_once_a_run(self, wire: Wire) -> None:
        wire.file(AWS, "{}")
        found = [find_range_files([AWS, "/gcp.json"]) for dummy in range(2)]
        assert found[0] == found[1] and found[0]["/gcp.json"] == "/gcp.json"
        path = Path(found[0][AWS])
        assert path.read_text() == "{}" and path.parent == Path(constants.DEFAULT_LOCAL_TMP)

    def test_default_sources(self, wire: Wire) -> None:
        wire.file(AWS, "", status=404)
        with pytest.raises(CloudflareError, match=f"^{AWS}: HTTP 404"):
            find_range_files([])
