# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each example of the documentation runs without errors, and each result has the documented keys and types."""

from __future__ import annotations

import ast
import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.basic import missing_required_lib

from tests.system.playbooks import ROOT, Ansible, ForkedAnsible

PLUGINS = [*ROOT.glob("plugins/modules/*.py"), *ROOT.glob("plugins/lookup/*.py")]


@pytest.fixture
def ansible(forked_ansible: ForkedAnsible) -> ForkedAnsible:
    return forked_ansible


def read_assignment(plugin: Path, name: str) -> str:
    """Return the text that the plugin assigns to this name."""
    for node in ast.parse(plugin.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            return str(ast.literal_eval(node.value))
    raise LookupError(f"{plugin} has no {name}")


def load_documentation(plugin: Path, name: str) -> t.Any:
    """Return DOCUMENTATION, EXAMPLES or RETURN of a plugin as data."""
    return yaml.safe_load(read_assignment(plugin, name))


MODULES_WITH_SOURCES = [
    plugin.stem
    for plugin in ROOT.glob("plugins/modules/*.py")
    if "edgecache.cloudflare.cloud_ranges"
    in load_documentation(plugin, "DOCUMENTATION")["extends_documentation_fragment"]
]
INVENTORY_PLUGINS = [*ROOT.glob("plugins/inventory/*.py")]
RANGES_FOLDER = ROOT / "tests/integration/targets/setup_cloud_ranges/files"
# Local files that replace files on the internet
LOCAL_FILES = {
    "https://ip-ranges.amazonaws.com/ip-ranges.json": str(RANGES_FOLDER / "aws.json"),
    "https://www.gstatic.com/ipranges/cloud.json": str(RANGES_FOLDER / "gcp.json"),
    "https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json": str(RANGES_FOLDER / "oci.json"),
    "files/ServiceTags_Public_20261123.json": str(RANGES_FOLDER / "azure.json"),
}
CLOUDS = ROOT / "tests/integration/targets/role_cloud_region_hints/clouds"
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")]


def find_code_blocks(language: str) -> list[t.Any]:
    """Return the fenced code blocks with this language of all pages, each with a test id."""
    return [
        pytest.param(yaml.safe_load(block), id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, block in enumerate(
            re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL), 1
        )
    ]


def use_local_files(play: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a play that uses local range files, also instead of the default sources."""
    text = json.dumps(play)
    for name, local_file in LOCAL_FILES.items():
        text = text.replace(name, local_file)
    local_play: dict[str, t.Any] = json.loads(text)
    if "ansible.builtin.import_playbook" in play:
        return local_play
    sources = list(LOCAL_FILES.values())[:3]
    defaults = {f"edgecache.cloudflare.{module}": {"sources": sources} for module in MODULES_WITH_SOURCES}
    variables = {
        "cloudflare_cloud_range_sources": sources,
        "cloud_region_hints_sources": sources,
        "azure_ranges_url": (RANGES_FOLDER / "azure.json").as_uri(),
    }
    return {
        **local_play,
        "module_defaults": {**defaults, **local_play.get("module_defaults", {})},
        "vars": {**variables, **local_play.get("vars", {})},
    }


PLAY_BLOCKS = find_code_blocks("yaml")
INVENTORIES = [
    *find_code_blocks("yaml inventory"),
    *(pytest.param(load_documentation(plugin, "EXAMPLES"), id=plugin.stem) for plugin in INVENTORY_PLUGINS),
]
TYPES: dict[str, t.Any] = {"str": str, "list": list, "dict": dict, "bool": bool, "int": int}
# Keys that Ansible itself adds to results
COMMON_KEYS = {"changed", "failed", "msg", "exception"}
FAILED_WRITE = "success, or if a write has failed"
WITH_ORIGINS = "success, with the option origins"
# For each outcome, the values of `returned` of the keys that the result has
RETURNED_BY_OUTCOME = {
    "success": {"success", WITH_ORIGINS, FAILED_WRITE},
    "failure": {"failure"},
    "failed write": {"failure", FAILED_WRITE},
}


class Case(t.NamedTuple):
    """The expected outcome of a task with these options, and with these faults of the simulator."""

    outcome: str
    options: dict[str, t.Any]
    faults: t.Sequence[dict[str, t.Any]] = ()


UNKNOWN_URL = "{api_url}/nothing"
WRONG_TOKEN = Case("failure", {"api_token": "wrong-token"})
MOVED_MAPPING = {"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-west-2"}
NEW_MAPPING = {"origin_ip": "2001:DB8::99", "vendor": "gcp", "region": "us-central1"}
UNCHANGED_MAPPING = {"origin_ip": "198.51.100.7", "vendor": "azure", "region": "eastus"}
UNSUPPORTED_MAPPING = {"origin_ip": "192.0.2.99", "vendor": "aws", "region": "us-east1"}
RANGE_FILES = list(LOCAL_FILES.values())
DRIFT_PAGE = {
    "success": True,
    "errors": [],
    "messages": [],
    "result": [
        {"origin_ip": origin_ip, "vendor": "aws", "region": region, "modified_on": "2026-03-01T12:00:00Z"}
        for origin_ip, region in (
            ("192.0.2.1", "us-east-1"),
            ("198.51.100.7", "us-east-1"),
            ("198.51.100.200", "us-east-1"),
            ("203.0.113.99", "us-gone-1"),
        )
    ],
    "result_info": {"page": 1, "per_page": 100, "count": 4, "total_count": 4, "total_pages": 1},
}
"""A page with a right mapping, a wrong one, an ambiguous one, and one whose address is in no range."""
RECORDS_WITHOUT_HINT = {
    "success": True,
    "errors": [],
    "messages": [],
    "result": [{"id": "r1", "name": "www.example.com", "type": "A", "content": "192.0.2.77", "proxied": True}],
}
"""A list with one record, whose address has no hint, but is in a range."""
POOLS_WITH_HOST_NAMES = {
    "success": True,
    "errors": [],
    "messages": [],
    "result": [
        {
            "id": "17b5962d775c646f3f9725cbc7a53df4",
            "name": "america",
            "origins": [{"address": "origin.example.org"}, {"address": "intranet.example.net"}],
        }
    ],
}
"""Pools with a host name outside the zone, and one that leads to a private network."""
CASES = {
    "cloud_region_info": [
        Case(
            "success",
            {
                "origin_ip": ["2001:DB8::1", "198.51.100.200", "203.0.113.99"],
                "sources": RANGE_FILES,
            },
        ),
        Case("success", {"origin_ip": []}),
        Case("failure", {"origin_ip": "192.0.2.1", "sources": UNKNOWN_URL}),
        Case("failure", {"origin_ip": "010.0.0.1"}),
    ],
    "origin_cloud_region": [
        Case("success", MOVED_MAPPING),
        Case("success", UNCHANGED_MAPPING),
        Case("success", {"origin_ip": "192.0.2.1", "state": "absent"}),
        Case("failure", {**MOVED_MAPPING, "origin_ip": "010.0.0.1"}),
        Case(
            "failure", MOVED_MAPPING, [{"kind": "status", "status": 403, "operation": "origin-cloud-regions-v2-upsert"}]
        ),
        Case(
            "failure",
            {**MOVED_MAPPING, "max_wait": 0},
            [
                {"kind": "disconnect_after", "operation": "origin-cloud-regions-v2-upsert"},
                {"kind": "disconnect", "operation": "origin-cloud-regions-v2-get", "after": 1},
            ],
        ),
    ],
    "origin_cloud_region_info": [
        Case("success", {"origin_ip": ["192.0.2.1", "2001:DB8::0:1", "203.0.113.99"]}),
        Case("success", {"origin_ip": "192.0.2.1"}),
        Case("success", {}),
        Case("failure", {"origin_ip": "010.0.0.1"}),
        WRONG_TOKEN,
    ],
    "origin_cloud_regions": [
        Case("success", {"mappings": [MOVED_MAPPING, NEW_MAPPING, UNCHANGED_MAPPING], "purge": True}),
        Case("success", {"mappings": [{"host": "web-1", **UNSUPPORTED_MAPPING}], "leave_out": True}),
        Case("success", {"mappings": [{"origin_ip": "192.0.2.1"}], "state": "absent"}),
        Case("failure", {"mappings": [], "purge": True}),
        Case("failure", {"mappings": [MOVED_MAPPING, UNSUPPORTED_MAPPING]}),
        Case("failure", {**WRONG_TOKEN.options, "mappings": [MOVED_MAPPING]}),
        Case(
            "failed write", {"mappings": [MOVED_MAPPING, UNSUPPORTED_MAPPING], "purge": True, "validate_regions": False}
        ),
        Case(
            "failed write",
            {"mappings": [MOVED_MAPPING, UNCHANGED_MAPPING], "purge": True},
            [{"kind": "status", "status": 403, "operation": "origin-cloud-regions-v2-batch-delete"}],
        ),
        Case(
            "failed write",
            {"mappings": [MOVED_MAPPING], "max_wait": 0},
            [
                {"kind": "disconnect_after", "operation": "origin-cloud-regions-v2-batch-upsert"},
                {"kind": "disconnect", "operation": "origin-cloud-regions-v2-list", "after": 1},
                {"kind": "disconnect", "operation": "origin-cloud-regions-v2-get"},
            ],
        ),
    ],
    "origin_cloud_region_audit_info": [
        Case(
            "success",
            {"sources": RANGE_FILES},
            [{"kind": "malformed", "operation": "origin-cloud-regions-v2-list", "body": DRIFT_PAGE}],
        ),
        Case("success", {"sources": RANGE_FILES, "zone": "example.net", "validate_regions": False}),
        Case(
            "success",
            {"sources": RANGE_FILES, "origins": True},
            [{"kind": "malformed", "operation": "dns-records-list", "body": RECORDS_WITHOUT_HINT}],
        ),
        Case(
            "success",
            {"sources": RANGE_FILES, "zone": "example.net", "validate_regions": False, "origins": True},
            [{"kind": "status", "status": 403, "operation": "origin-rules-get"}],
        ),
        Case(
            "success",
            {
                "sources": RANGE_FILES,
                "zone": "example.net",
                "validate_regions": False,
                "origins": True,
                "resolve": True,
            },
            [{"kind": "malformed", "operation": "load-balancer-pools-list", "body": POOLS_WITH_HOST_NAMES}],
        ),
        Case("failure", {"sources": RANGE_FILES, "zone": "example.net"}),
        Case("failure", {"sources": [UNKNOWN_URL]}),
    ],
    "supported_cloud_region_info": [
        Case("success", {}),
        Case("success", {"vendor": "aws"}),
        Case("failure", {"zone": "example.net"}),
        WRONG_TOKEN,
    ],
    "tiered_cache": [
        Case("success", {"state": "enabled", "smart": True}),
        Case("success", {"smart": False}),
        Case("success", {"state": "disabled"}),
        Case("success", {"regional": True}),
        Case("failure", {"regional": True, "zone": "example.net"}),
        Case("failure", {**WRONG_TOKEN.options, "smart": False}),
        Case(
            "failed write",
            {"state": "disabled", "smart": False},
            [{"kind": "status", "status": 403, "operation": "smart-tiered-cache-patch"}],
        ),
        Case(
            "failed write",
            {"state": "disabled", "max_wait": 0},
            [
                {"kind": "disconnect_after", "operation": "tiered-caching-patch"},
                {"kind": "disconnect", "operation": "tiered-caching-get", "after": 1},
            ],
        ),
    ],
    "tiered_cache_info": [
        Case("success", {}),
        Case("success", {"regional": True, "zone": "example.net"}),
        Case("success", {"regional": True}),
        WRONG_TOKEN,
    ],
    "zone_origin_info": [
        Case(
            "success",
            {"zone": "example.net"},
            [{"kind": "malformed", "operation": "load-balancer-pools-list", "body": POOLS_WITH_HOST_NAMES}],
        ),
        Case("success", {"zone": "example.net", "resolve": True}),
        Case("success", {"include": ["origin_rules"]}),
        Case("success", {}, [{"kind": "status", "status": 403, "operation": "origin-rules-get"}]),
        Case("failure", {"include": []}),
        WRONG_TOKEN,
    ],
}


UNCHECKED_KEYS = {
    # Keys of `failure` for errors of the API. This module sends no request to the API.
    "cloud_region_info": ["status", "code", "code", "message"],
    # The simulator's host names have no addresses. Unit tests replace the resolver.
    "zone_origin_info": ["addresses"],
    "origin_cloud_region_audit_info": ["addresses"],
}


def check_returned(documentation: dict[str, t.Any], result: dict[str, t.Any]) -> None:
    """Check that the result has exactly the documented keys and types. Only a value that is documented as null may be null.

    A key that is only returned with an option may be missing.
    """
    conditional = {key for key, entry in documentation.items() if "with the option " in entry.get("returned", "")}
    assert set(documentation) - conditional <= set(result) <= set(documentation)
    for key, entry in documentation.items():
        if key not in result:
            continue
        value = result[key]
        if value is None:
            assert re.search(r"\b(none|null)\b", str(entry["description"])), key
            continue
        assert has_type(value, entry["type"]), key
        for item in value if entry["type"] == "list" else []:
            assert has_type(item, entry["elements"]), key
        if "contains" in entry:
            for part in list_contained_dicts(value):
                check_returned(entry["contains"], part)


def has_type(value: t.Any, kind: str) -> bool:
    """Return whether the value has this type. Unlike in Python, a bool is not an int."""
    return isinstance(value, TYPES[kind]) and isinstance(value, bool) == (kind == "bool")


def list_contained_dicts(value: t.Any) -> list[dict[str, t.Any]]:
    """Return the dicts whose keys `contains` documents: the items of a list, or the value itself."""
    return value if isinstance(value, list) else [value]


def find_unchecked(documentation: dict[str, t.Any], results: list[dict[str, t.Any]]) -> t.Iterator[str]:
    """Yield the documented keys with a sample that are blank in each result, so that no test checks their values."""
    for key, entry in documentation.items():
        values = [result[key] for result in results if result.get(key) not in (None, "", [], {})]
        if entry.get("sample") and not values:
            yield key
        yield from find_unchecked(
            entry.get("contains", {}), [part for value in values for part in list_contained_dicts(value)]
        )


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: f"{plugin.parent.name}-{plugin.stem}")
def test_examples_of_plugins_run(ansible: Ansible, plugin: Path) -> None:
    variables = {"cloudflare_api_token": ansible.simulator.token}
    run = ansible.play(**use_local_files({"tasks": load_documentation(plugin, "EXAMPLES"), "vars": variables}))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr


@pytest.mark.parametrize("block", PLAY_BLOCKS)
def test_examples_on_pages_run(ansible: Ansible, block: list[dict[str, t.Any]]) -> None:
    is_playbook = not {"hosts", "ansible.builtin.import_playbook"}.isdisjoint(block[0])
    run = (
        ansible.run(list(map(use_local_files, block)))
        if is_playbook
        else ansible.play(**use_local_files({"tasks": block}))
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr


@pytest.mark.parametrize(
    "plugin", [*PLUGINS, *INVENTORY_PLUGINS], ids=lambda plugin: f"{plugin.parent.name}-{plugin.stem}"
)
def test_ansible_doc_is_complete(ansible: Ansible, plugin: Path) -> None:
    run = ansible.doc(plugin.parent.name.rstrip("s"), plugin.stem)
    assert run.returncode == 0, run.stderr
    documentation = load_documentation(plugin, "DOCUMENTATION")
    options = {*documentation.get("options", {})}
    for fragment in documentation.get("extends_documentation_fragment", []):
        collection, dummy, name = fragment.rpartition(".")
        if collection == "edgecache.cloudflare":
            source = (ROOT / f"plugins/doc_fragments/{name}.py").read_text()
            options.update(yaml.safe_load(source.split('r"""')[1].split('"""')[0])["options"])
    assert [option for option in options if option not in run.stdout] == []
    assert "EXAMPLES:" in run.stdout and "edgecache.cloudflare." in run.stdout.partition("EXAMPLES:")[2]
    assert ("RETURN VALUES:" in run.stdout) == (plugin not in INVENTORY_PLUGINS)


def test_ansible_doc_of_the_role_is_complete(ansible: Ansible) -> None:
    run = ansible.doc("role", "cloud_region_hints")
    assert run.returncode == 0, run.stderr
    spec = yaml.safe_load((ROOT / "roles/cloud_region_hints/meta/argument_specs.yml").read_text())["argument_specs"]
    for entry_point, entry in spec.items():
        page = re.split(rf"ENTRY POINT: \W*{entry_point}\b", run.stdout)[-1]
        assert page != run.stdout
        assert [option for option in entry["options"] if option not in page] == []


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_example_inventories_are_loaded(ansible: Ansible, inventory: dict[str, t.Any]) -> None:
    run = ansible.inventory(inventory, environment={"EDGE_TOKEN": ansible.simulator.token})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    if "plugin" in inventory:
        hosts = json.loads(run.stdout)["_meta"]["hostvars"]
        if inventory["plugin"] == "edgecache.cloudflare.zones":
            assert hosts["example.com"]["zone_id"] == ansible.simulator.zone_id
        else:
            assert hosts["192.0.2.1"]["region"] == "us-east-1"


def test_graph_of_zones(ansible: Ansible) -> None:
    """The page shows what ansible-inventory prints."""
    (shown,) = re.findall(
        r"^\$ ansible-inventory -i account.cloudflare_zones.yml --graph\n(.*?)^```$",
        (ROOT / "docs/how-to/many-zones.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert ansible.inventory_graph({"plugin": "edgecache.cloudflare.zones"}).stdout == shown


@pytest.mark.parametrize("block", find_code_blocks("yaml zones"))
def test_plays_of_zones(ansible: Ansible, block: list[dict[str, t.Any]]) -> None:
    """A play whose hosts are the zones of the account."""
    ansible.write_inventory({"plugin": "edgecache.cloudflare.zones"})
    run = ansible.run(block, "-i", "test.cloudflare_zones.yml")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    assert re.search(r"^example.com +: ok=1 +changed=0", run.stdout, re.MULTILINE)


def test_pages_have_examples() -> None:
    assert PLAY_BLOCKS and INVENTORIES


def test_cloud_inventories_match_the_integration_tests() -> None:
    (documented,) = (block.values[0] for block in find_code_blocks("yaml inventory") if "origins" in block.values[0])
    assert yaml.safe_load((CLOUDS / "origins.yml").read_text()) == documented


YAML_WITH_MESSAGES = [*ROOT.glob("roles/*/t*/*"), *ROOT.glob("playbooks/tasks/*")]


def test_documented_messages_are_in_the_code() -> None:
    """Each message that is a heading of docs/reference/error-messages.md is in the code."""
    headings = re.findall(r"^### `(.*)`$", (ROOT / "docs/reference/error-messages.md").read_text(), re.MULTILINE)
    messages = [missing_required_lib("requests"), *(path.read_text() for path in YAML_WITH_MESSAGES)]
    for source in (*ROOT.glob("plugins/**/*.py"), *ROOT.glob("playbooks/**/*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            messages.append(
                "…".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
            )
    assert headings
    assert [heading for heading in headings if not any(heading in message for message in messages)] == []


@pytest.mark.parametrize("module", CASES)
def test_results_of_modules_are_as_documented(ansible: ForkedAnsible, module: str) -> None:
    documentation = load_documentation(ROOT / f"plugins/modules/{module}.py", "RETURN")
    assert all(entry["returned"] in set.union(*RETURNED_BY_OUTCOME.values()) for entry in documentation.values())
    results = []
    for case in CASES[module]:
        ansible.simulator.reset()
        if case.faults:
            ansible.simulator.fault(*case.faults)
        options = json.loads(json.dumps(case.options).replace("{api_url}", ansible.simulator.url))
        result = ansible.module(module, options)
        assert result.get("failed", False) == (case.outcome != "success"), (case, result)
        returned = {key: value for key, value in result.items() if key not in COMMON_KEYS}
        expected = {
            key: entry for key, entry in documentation.items() if entry["returned"] in RETURNED_BY_OUTCOME[case.outcome]
        }
        check_returned(expected, returned)
        results.append(returned)
    assert list(find_unchecked(documentation, results)) == UNCHECKED_KEYS.get(module, [])


def test_every_module_has_cases_of_every_outcome() -> None:
    missing = {
        (plugin.stem, outcome)
        for plugin in ROOT.glob("plugins/modules/*.py")
        for outcome in RETURNED_BY_OUTCOME
        if outcome not in [case.outcome for case in CASES.get(plugin.stem, [])]
        and (outcome != "failed write" or FAILED_WRITE in plugin.read_text())
    }
    assert missing == set()


@pytest.mark.parametrize(
    ("lookup", "arguments"),
    [("origin_cloud_region", ""), ("cloud_region", f", '192.0.2.1', '2001:DB8::1', sources={[*LOCAL_FILES.values()]}")],
)
def test_results_of_lookups_are_as_documented(ansible: Ansible, lookup: str, arguments: str) -> None:
    expression = f"query('edgecache.cloudflare.{lookup}'{arguments}) | to_json"
    run = ansible.play([{"ansible.builtin.copy": {"content": f"{{{{ {expression} }}}}", "dest": "saved"}}])
    assert run.returncode == 0, run.stdout + run.stderr
    result = json.loads((ansible.folder / "saved").read_text())
    check_returned(load_documentation(ROOT / f"plugins/lookup/{lookup}.py", "RETURN"), {"_raw": result})
