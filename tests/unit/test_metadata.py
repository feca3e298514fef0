# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts that are in two places are equal: modules, action group, argument specs, documentation, versions."""

from __future__ import annotations

import importlib
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic
from ansible_collections.edgecache.cloudflare.plugins.module_utils import _version
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module import options as _options

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = "ansible_collections.edgecache.cloudflare.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))
SHARED_FRAGMENTS = ("connection", "credential", "zone")


def load_fragment(name: str) -> t.Any:
    """Return a fragment by its name without the collection: ``zone``, or ``zone.plugins``."""
    file, dummy, section = name.partition(".")
    fragment = importlib.import_module(f"{PLUGINS}.doc_fragments.{file}").ModuleDocFragment
    return yaml.safe_load(getattr(fragment, section.upper() or "DOCUMENTATION"))


SHARED_OPTIONS = {
    option: entry for name in SHARED_FRAGMENTS for option, entry in load_fragment(name)["options"].items()
}
PLUGIN_OPTIONS = {
    option: entry for name in SHARED_FRAGMENTS for option, entry in load_fragment(f"{name}.plugins")["options"].items()
}


def load(path: str) -> t.Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_version() -> None:
    assert load("galaxy.yml")["version"] == _version.VERSION


def test_action_group_has_every_module() -> None:
    assert load("meta/runtime.yml")["action_groups"] == {"cloudflare": MODULES}


def documented_options(module: t.Any) -> dict[str, t.Any]:
    """Return the documented options of a module, with those of its fragments."""
    documentation = yaml.safe_load(module.DOCUMENTATION)
    options: dict[str, t.Any] = {}
    for name in documentation["extends_documentation_fragment"]:
        options.update(load_fragment(name.removeprefix("edgecache.cloudflare."))["options"])
    return {**options, **(documentation.get("options") or {})}


@pytest.mark.parametrize("kind", ["module", "lookup", "inventory"])
def test_readme_lists_every_plugin(kind: str) -> None:
    text = (
        (ROOT / "README.md")
        .read_text(encoding="utf-8")
        .split("## Modules, plugins, role and playbooks")[1]
        .split("\n## ")[0]
    )
    rows = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| ")]
    listed = {name for kinds, names in rows if kind in kinds for name in re.findall(r"`(\w+)`", names)}
    folder = "modules" if kind == "module" else kind
    assert {path.stem for path in (ROOT / "plugins" / folder).glob("*.py")} <= listed


@pytest.mark.parametrize("name", MODULES)
def test_costs_of_every_module_are_listed(name: str) -> None:
    text = (ROOT / "docs/reference/requests.md").read_text(encoding="utf-8")
    table = text.split("## What each call costs")[1].split("\n## ")[0]
    assert any(f"`{name}`" in line.split("|")[1] for line in table.splitlines() if line.startswith("| "))


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_unit_and_integration_tests(name: str) -> None:
    assert (ROOT / f"tests/unit/plugins/modules/test_{name}.py").is_file()
    tasks = (ROOT / "tests/integration/targets").glob("*/tasks/*.yml")
    assert any(f" edgecache.cloudflare.{name}:" in file.read_text(encoding="utf-8") for file in tasks)


def test_permissions_of_every_call_are_listed() -> None:
    text = (ROOT / "docs/reference/credentials.md").read_text(encoding="utf-8")
    table = text.split("## Token permissions")[1].split("\n## ")[0]
    calls = [path.replace("/zones/{zone_id}", "ZONE") for path in load("tests/simulator/openapi.yaml")["paths"]]
    assert [call for call in calls if f" {call}`" not in table] == []


class ArgumentSpecReached(Exception):
    """Raised instead of the parsing of a module's arguments."""


@pytest.mark.parametrize("name", MODULES)
def test_argument_spec_is_as_documented(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def construct(self: object, argument_spec: dict[str, t.Any], **settings: t.Any) -> None:
        raise ArgumentSpecReached(argument_spec, settings)

    monkeypatch.setattr(basic.AnsibleModule, "__init__", construct)
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")
    with pytest.raises(ArgumentSpecReached) as caught:
        module.main()
    spec, settings = caught.value.args
    assert comparable_options(spec, "options") == comparable_options(documented_options(module), "suboptions")
    assert settings["supports_check_mode"]


def comparable_options(options: dict[str, t.Any], nested: str) -> dict[str, t.Any]:
    """Return the keys of options that both an argument spec and a documentation have, also for suboptions."""
    keys = ("type", "elements", "default", "choices", "required", "aliases")
    return {
        option: {
            **{key: entry[key] for key in keys if key in entry},
            **({"nested": comparable_options(entry[nested], nested)} if nested in entry else {}),
        }
        for option, entry in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("block", ["DOCUMENTATION", "EXAMPLES", "RETURN"])
def test_documentation_is_valid_yaml(name: str, block: str) -> None:
    assert yaml.safe_load(getattr(importlib.import_module(f"{PLUGINS}.modules.{name}"), block))


@pytest.mark.parametrize("name", MODULES)
def test_examples_have_documented_options_only(name: str) -> None:
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")
    documented = documented_options(module)
    given = [task.get(f"edgecache.cloudflare.{name}", {}) for task in yaml.safe_load(module.EXAMPLES)]
    assert any(given) or not documented.keys() - SHARED_OPTIONS.keys()
    assert {option for options in given for option in options or ()} <= documented.keys()


@pytest.mark.parametrize("name", MODULES)
def test_failure_documentation_is_equal(name: str) -> None:
    first, this = (
        yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{one}").RETURN)["failure"]
        for one in (MODULES[0], name)
    )
    assert this == first


def test_secrets_have_no_log() -> None:
    assert {option for option, entry in _options.ARGUMENT_SPEC.items() if entry.get("no_log")} == {
        "api_token",
        "api_key",
    }


def test_plugin_environment_equals_modules() -> None:
    # Ansible uses the last variable that is set
    documented = {
        option: tuple(entry["name"] for entry in reversed(PLUGIN_OPTIONS[option].get("env", [])))
        for option in PLUGIN_OPTIONS
    }
    assert {option: names for option, names in documented.items() if names} == _options.ENVIRONMENT
    assert _options.ENVIRONMENT == {
        "api_token": ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_TOKEN"),
        "api_email": ("CLOUDFLARE_EMAIL",),
        "api_key": ("CLOUDFLARE_API_KEY",),
        "zone_id": ("CLOUDFLARE_ZONE_ID",),
        "api_url": ("CLOUDFLARE_BASE_URL",),
    }


@pytest.mark.parametrize("option", SHARED_OPTIONS)
def test_plugins_have_vars_and_ini_for_shared_options(option: str) -> None:
    assert PLUGIN_OPTIONS[option]["vars"] == [{"name": f"cloudflare_{option}"}]
    assert PLUGIN_OPTIONS[option]["ini"] == [{"section": "edgecache_cloudflare", "key": option}]


def test_plugin_options_equal_modules() -> None:
    assert set(PLUGIN_OPTIONS) == set(SHARED_OPTIONS) == set(_options.ARGUMENT_SPEC)


@pytest.mark.parametrize("option", SHARED_OPTIONS)
def test_environment_is_documented(option: str) -> None:
    text = " ".join(SHARED_OPTIONS[option]["description"])
    assert all(f"E({name})" in text for name in _options.ENVIRONMENT.get(option, ()))


def test_requirements_are_documented() -> None:
    lines = (ROOT / "meta/ee-requirements.txt").read_text(encoding="utf-8").splitlines()
    required = sorted(line.split("#")[0].strip() for line in lines if not line.startswith("#"))
    documented = load_fragment("connection")["requirements"]
    assert sorted(line.replace(" ", "") for line in documented) == required


def test_role_defaults_equal_argument_spec() -> None:
    spec = load("roles/cloud_region_hints/meta/argument_specs.yml")["argument_specs"]
    options = {name: option for entry in spec.values() for name, option in entry["options"].items()}
    defaults = {name: option["default"] for name, option in options.items() if "default" in option}
    assert load("roles/cloud_region_hints/defaults/main.yml") == defaults
    readme = (ROOT / "roles/cloud_region_hints/README.md").read_text(encoding="utf-8")
    assert [name for name in options if f"| `{name}` | " not in readme] == []
