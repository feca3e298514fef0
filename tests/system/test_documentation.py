# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation holds: each of its examples runs, and each result is as it says."""

from __future__ import annotations

import ast
import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.basic import missing_required_lib

from tests.system.playbooks import ROOT, Ansible

PLUGINS = [*ROOT.glob("plugins/modules/*.py"), *ROOT.glob("plugins/lookup/*.py")]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("roles/*/README.md")]
BLOCKS = [
    pytest.param(yaml.safe_load(block), id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL), 1)
]
TYPES: dict[str, t.Any] = {"str": str, "list": list, "dict": dict, "bool": bool, "int": int}
COMMON_KEYS = {"changed", "failed"}


def documented(plugin: Path, name: str, returned: str = "") -> t.Any:
    """What the plugin assigns to DOCUMENTATION, EXAMPLES or RETURN; of the last, what is ``returned`` then."""
    for node in ast.parse(plugin.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == name:
            text = yaml.safe_load(ast.literal_eval(node.value))
            return {key: entry for key, entry in text.items() if entry["returned"] == returned} if returned else text
    raise LookupError(f"{plugin} has no {name}")


def check_returned(documentation: dict[str, t.Any], result: dict[str, t.Any]) -> None:
    """Every documented key is there with its type, and no other."""
    assert set(result) == set(documentation)
    for key, entry in documentation.items():
        value = result[key]
        assert value is None or isinstance(value, TYPES[entry["type"]]), key
        for item in value if entry["type"] == "list" else []:
            assert isinstance(item, TYPES[entry["elements"]]), key
            if "contains" in entry:
                check_returned(entry["contains"], item)


@pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: f"{plugin.parent.name}-{plugin.stem}")
def test_examples_of_plugins(ansible: Ansible, plugin: Path) -> None:
    run = ansible.play(documented(plugin, "EXAMPLES"), vars={"cloudflare_api_token": ansible.simulator.token})
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr


@pytest.mark.parametrize("block", BLOCKS)
def test_examples_on_pages(ansible: Ansible, block: list[dict[str, t.Any]]) -> None:
    run = ansible.run(block) if "hosts" in block[0] else ansible.play(block)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr


def test_pages_have_examples() -> None:
    assert BLOCKS


def test_messages_in_troubleshooting() -> None:
    """Each heading that quotes a message quotes one that there is."""
    headings = re.findall(r"^### `(.*)`$", (ROOT / "docs/troubleshooting.md").read_text(), re.MULTILINE)
    messages = [missing_required_lib("requests")]
    for source in ROOT.glob("plugins/**/*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            messages.append(
                "…".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))
            )
    assert headings
    assert [heading for heading in headings if not any(heading in message for message in messages)] == []


@pytest.mark.parametrize("origin_ip", [["192.0.2.1", "2001:DB8::0:1", "203.0.113.99"], "192.0.2.1", None])
def test_results_of_the_module(ansible: Ansible, origin_ip: t.Any) -> None:
    module = "edgecache.cloudflare.origin_cloud_region_info"
    result = results(ansible, {module: {"origin_ip": origin_ip}, "register": "result"}, "result")
    assert result.keys() >= COMMON_KEYS
    check_returned(
        documented(ROOT / "plugins/modules/origin_cloud_region_info.py", "RETURN", "success"),
        {key: value for key, value in result.items() if key not in COMMON_KEYS},
    )


@pytest.mark.parametrize("options", [{"api_token": "wrong-token"}, {"origin_ip": "010.0.0.1"}], ids=str)
def test_failures_of_the_module(ansible: Ansible, options: dict[str, str]) -> None:
    task = {"edgecache.cloudflare.origin_cloud_region_info": options, "register": "result", "ignore_errors": True}
    result = results(ansible, task, "result")
    documentation = documented(ROOT / "plugins/modules/origin_cloud_region_info.py", "RETURN", "failure")
    check_returned(documentation, {key: result[key] for key in result if key not in (*COMMON_KEYS, "msg", "exception")})


def test_results_of_the_lookup(ansible: Ansible) -> None:
    result = results(ansible, {"ansible.builtin.meta": "noop"}, "query('edgecache.cloudflare.origin_cloud_region')")
    check_returned(documented(ROOT / "plugins/lookup/origin_cloud_region.py", "RETURN"), {"_raw": result})


def results(ansible: Ansible, task: dict[str, t.Any], expression: str) -> t.Any:
    """The value of an expression after a task, as a playbook has it."""
    save = {
        "ansible.builtin.copy": {"content": "{{ (" + expression + ") | to_json }}", "dest": "{{ playbook_dir }}/saved"}
    }
    run = ansible.play([task, save])
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads((ansible.folder / "saved").read_text())
