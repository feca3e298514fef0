# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documented use in AWX: the credential type, jobs and surveys, an inventory source, the import, the image."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.galaxy.collection import build_collection
from ansible.plugins.loader import filter_loader
from ansible.template import trust_as_template
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import ENV_BLOCKLIST, inject_credential
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.simulator.testing import RunningSimulator
from tests.system.awx import (
    CREDENTIAL_TYPE,
    Controller,
    Item,
    Job,
    Jobs,
    Store,
    managed_credential_type,
    running_controller,
)
from tests.system.expressions import PlayExpressions
from tests.system.playbooks import ROOT, Ansible, ForkedAnsible, ForkServer

FOLDER = ROOT / "extensions/patterns/cloud_region_hints"
PATTERN: dict[str, t.Any] = json.loads((FOLDER / "meta/pattern.json").read_text())
RANGES = sorted(map(str, (ROOT / "tests/integration/targets/setup_cloud_ranges/files").iterdir()))
TEMPLATES: dict[str, dict[str, t.Any]] = {
    Path(template["playbook"]).stem: template for template in PATTERN["aap_resources"]["controller_job_templates"]
}
DEFINITION = ROOT / "extensions/awx/execution-environment.yml"
SOURCE = ROOT / "extensions/awx/origins.cloudflare_origins.yml"
PAGE = "".join(
    (ROOT / f"docs/{page}.md").read_text() for page in ("how-to/awx-image", "how-to/awx-by-hand", "reference/awx")
)
IMAGE = "registry.example.com/cloudflare-ee:1"

# The inputs of credentials. Some are omitted, some are blank
CREDENTIALS: dict[str, t.Callable[[Ansible], dict[str, t.Any]]] = {
    "token": lambda ansible: {"api_token": ansible.simulator.token, **common_inputs(ansible)},
    "key": lambda ansible: {
        "api_token": "",
        "api_email": ansible.simulator.email,
        "api_key": ansible.simulator.key,
        **common_inputs(ansible),
    },
}
NEW_MAPPING = {"origin_ip": "192.0.2.99", "vendor": "aws", "region": "us-west-2"}


def common_inputs(ansible: Ansible) -> dict[str, str]:
    return {"zone_id": ansible.simulator.zone_id, "api_url": ansible.simulator.url}


@pytest.fixture
def jobs(ansible: Ansible) -> Jobs:
    return Jobs(ansible)


@pytest.fixture
def token(ansible: Ansible) -> dict[str, t.Any]:
    return CREDENTIALS["token"](ansible)


def questions(template: str) -> dict[str, dict[str, t.Any]]:
    return {question["variable"]: question for question in TEMPLATES[template]["survey"]["spec"]}


def launch(
    jobs: Jobs,
    template: str,
    credential: dict[str, t.Any],
    *arguments: str,
    answers: dict[str, str] | None = None,
    **inventory: Item,
) -> Job:
    """Run a job template with the default answers of its survey, as AWX does. The range files are local ones."""
    assert set(answers or {}) <= set(questions(template))
    values = {name: question["default"] for name, question in questions(template).items() if "default" in question}
    if template == "report":
        values["cloud_region_hints_sources"] = yaml.safe_dump(RANGES)
    playbook = f"extensions/patterns/{PATTERN['name']}/playbooks/{TEMPLATES[template]['playbook']}"
    return jobs.run(playbook, credential, *arguments, answers={**values, **(answers or {})}, inventory=inventory)


def mapped_regions(ansible: Ansible) -> dict[str, str]:
    return {
        mapping["origin_ip"]: f"{mapping['vendor']}/{mapping['region']}" for mapping in ansible.simulator.mappings()
    }


def check_secrets_hidden(ansible: Ansible, job: Job) -> None:
    """Check that no secret is in the job, or in any file but that with ansible-runner's command."""
    secrets = [ansible.simulator.token, ansible.simulator.key]
    assert not any(secret in json.dumps([job.events, job.shown_environment]) for secret in secrets)
    files = [path for folder in job.folders for path in folder.rglob("*") if path.is_file()]
    having = [path for path in files if any(secret in path.read_text() for secret in secrets)]
    assert {path.relative_to(path.parents[1]) for path in having} == {Path("42/command")}
    assert {path.stat().st_mode & 0o777 for path in having} == {0o600}


# AWX's own validation of a credential type


def test_credential_inputs_are_valid() -> None:
    assert CREDENTIAL_TYPE["kind"] in ("cloud", "net")
    assert set(CREDENTIAL_TYPE["inputs"]) <= {"fields", "required"}
    fields = CREDENTIAL_TYPE["inputs"]["fields"]
    ids = [field["id"] for field in fields]
    assert len(set(ids)) == len(ids)
    for field in fields:
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", field["id"]) and field["id"] != "tower"
        assert field["type"] == "string" and field["label"] and field["help_text"]
        assert set(field) <= {"id", "type", "label", "help_text", "secret"}
    assert [field["id"] for field in fields if field.get("secret")] == ["api_token", "api_key"]


def test_credential_injectors_are_valid() -> None:
    assert set(CREDENTIAL_TYPE["injectors"]) == {"env"}
    names = {field["id"]: "EXAMPLE" for field in CREDENTIAL_TYPE["inputs"]["fields"]}
    for variable, template in CREDENTIAL_TYPE["injectors"]["env"].items():
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", variable) and not variable.startswith("ANSIBLE_")
        assert variable not in ENV_BLOCKLIST
        assert template.isascii()
        assert ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(names) == "EXAMPLE"


def test_inputs_become_environment_variables(ansible: Ansible) -> None:
    values = {field["id"]: f"of {field['id']}" for field in CREDENTIAL_TYPE["inputs"]["fields"]}
    environment: dict[str, t.Any] = {}
    displayed: dict[str, t.Any] = {}
    inject_credential(managed_credential_type(), Credential(values), environment, displayed, [], str(ansible.folder))
    assert environment == {
        "CLOUDFLARE_API_TOKEN": "of api_token",
        "CLOUDFLARE_EMAIL": "of api_email",
        "CLOUDFLARE_API_KEY": "of api_key",
        "CLOUDFLARE_ZONE_ID": "of zone_id",
        "CLOUDFLARE_BASE_URL": "of api_url",
    }
    assert displayed == {**environment, "CLOUDFLARE_API_TOKEN": "*" * 10, "CLOUDFLARE_API_KEY": "*" * 10}


# Jobs


def test_report(ansible: Ansible, jobs: Jobs) -> None:
    """The credential has a key and no zone, which is an answer. The other answers are blank."""
    blank = {question["variable"]: "" for question in questions("report").values() if "choices" not in question}
    del blank["cloud_region_hints_sources"]  # if blank, they are read from the internet
    credential = {**CREDENTIALS["key"](ansible), "zone_id": ""}
    job = launch(jobs, "report", credential, "-vvvv", answers={**blank, "cloud_region_hints_zone": "example.com"})
    assert job.status == "successful", job.output
    assert job.artifacts["cloud_region_hints_report"]["total"] == len(ansible.simulator.mappings()) == 6
    assert ansible.simulator.stats()["requests"] == 5
    check_secrets_hidden(ansible, job)


# An inventory in AWX's form
INVENTORY: dict[str, t.Any] = {
    "all": {"children": ["origins"]},
    "origins": {
        "hosts": ["web1.example.com", "web2.example.com"],
        "vars": {"cloud_region_hints_vendor": "aws", "cloud_region_hints_region": "{{ placement }}"},
    },
    "_meta": {
        "hostvars": {
            "web1.example.com": {"ansible_host": "192.0.2.97", "placement": "us-west-2", "remote_tower_id": 1},
            "web2.example.com": {"ansible_host": "192.0.2.98", "placement": "eu-west-1", "remote_tower_id": 2},
        }
    },
}
APPLIED_MAPPINGS = {"192.0.2.97": "aws/us-west-2", "192.0.2.98": "aws/eu-west-1", "192.0.2.99": "aws/us-west-2"}


def test_apply(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    """The answers have a group of hosts and mappings. The zone is that of the credential, since its answer is blank."""
    before = mapped_regions(ansible)
    answers = {
        **{question["variable"]: "" for question in questions("apply").values() if "choices" not in question},
        "cloud_region_hints_group": "origins",
        "cloud_region_hints_mappings": yaml.safe_dump([NEW_MAPPING]),
        "cloud_region_hints_purge": "true",
    }
    # Two requests for the settings, one to read the mappings, one for the supported regions, one to write, and one to delete
    for arguments, requests in ((("--check", "--diff", "-vvvv"), 4), (("--diff", "-vvvv"), 6)):
        sent = ansible.simulator.stats()["requests"]
        job = launch(jobs, "apply", token, *arguments, answers=answers, **INVENTORY)
        assert job.status == "successful", job.output
        result = job.artifacts["cloud_region_hints"]
        assert [len(result[key]) for key in ("created", "deleted", "unchanged")] == [3, 6, 0]
        assert ansible.simulator.stats()["requests"] - sent == requests
        assert mapped_regions(ansible) == (before if "--check" in arguments else APPLIED_MAPPINGS)
        check_secrets_hidden(ansible, job)


def test_answer_is_not_templated(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    text = yaml.safe_dump([{**NEW_MAPPING, "region": "{{ lookup('ansible.builtin.env', 'CLOUDFLARE_API_TOKEN') }}"}])
    job = launch(jobs, "apply", token, answers={"cloud_region_hints_mappings": text})
    assert job.status == "failed"
    assert "region '{{ lookup(" in job.output
    check_secrets_hidden(ansible, job)


def test_failed_job(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    ansible.simulator.fault(**denied(token["api_token"]))
    job = launch(jobs, "report", token, "-vvvv")
    assert job.status == "failed"
    assert "bad ***" in job.output
    check_secrets_hidden(ansible, job)


@pytest.mark.slow
def test_report_of_many_zones_that_fails(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    """The zones are those of the inventory, and the credential's own zone does not count. The failed job has artifacts, too."""
    simulator = ansible.simulator
    hostvars = {"first": {"zone_id": simulator.zone_id}, "second": {"zone_id": simulator.empty_zone_id}}
    zones = {"all": {"children": ["zones"]}, "zones": {"hosts": list(hostvars)}, "_meta": {"hostvars": hostvars}}
    wrong = {"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-west-2"}
    on = {"tiered_cache": "on", "smart_tiered_cache": "on"}
    seeds = [("example.com", simulator.zone_id, [wrong]), ("example.net", simulator.empty_zone_id, [])]
    simulator.reset({"zones": [{"id": key, "name": name, "mappings": hints, **on} for name, key, hints in seeds]})
    answers = {"cloud_region_hints_zone_hosts": "zones", "cloud_region_hints_report_fail_on": "wrong, unsupported"}
    job = launch(jobs, "report", token, answers={**answers, "cloud_region_hints_zone": ""}, **zones)
    assert job.status == "failed", job.output
    assert job.artifacts["cloud_region_hints_report"]["verdict"] == "1 of 2 zones has drift"
    assert "example.com: 1 hint is wrong, and cloud_region_hints_report_fail_on has wrong, unsupported." in job.output
    check_secrets_hidden(ansible, job)


def denied(secret: str) -> dict[str, t.Any]:
    """Return a fault whose answer has the credential."""
    errors = [{"code": 10000, "message": f"bad {secret}"}]
    body = {"success": False, "errors": errors, "messages": [], "result": None}
    return {"kind": "status", "status": 403, "body": body, "times": 9}


def test_inventory_source(ansible: Ansible, jobs: Jobs) -> None:
    job, inventory = jobs.update_inventory(str(SOURCE.relative_to(ROOT)), CREDENTIALS["key"](ansible), "-vvvvv")
    assert job.status == "successful", job.output
    assert set(inventory["_meta"]["hostvars"]) == set(mapped_regions(ansible))
    assert inventory["region_aws_us_east_1"]["hosts"] == ["192.0.2.1"]
    assert inventory["_meta"]["hostvars"]["192.0.2.1"]["vendor"] == "aws"
    assert ansible.simulator.stats()["requests"] == 1
    check_secrets_hidden(ansible, job)


def test_unreadable_inventory_source_fails(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    """The update fails, so that AWX keeps its hosts."""
    ansible.simulator.fault(**denied(token["api_token"]))
    job, inventory = jobs.update_inventory(str(SOURCE.relative_to(ROOT)), token, "-vvvvv")
    assert (job.status, inventory) == ("failed", None)
    check_secrets_hidden(ansible, job)


# The pattern


def test_pattern_matches_its_schema() -> None:
    """Only facts that no linter checks."""
    assert PATTERN["name"] == FOLDER.name
    assert len(PATTERN["title"]) <= 64 and not PATTERN["short_description"].endswith(".")
    resources = PATTERN["aap_resources"]
    assert [name for name, template in TEMPLATES.items() if template.get("primary")] == ["apply"]
    for template in TEMPLATES.values():
        assert template["execution_environment"] == resources["controller_execution_environment"]["name"]
        assert set(template["labels"]) <= set(resources["controller_labels"])
    assert set(TEMPLATES) == {path.stem for path in FOLDER.glob("playbooks/*.yml") if not path.stem.endswith(".meta")}


@pytest.mark.parametrize("name", TEMPLATES)
def test_survey_is_valid(name: str) -> None:
    survey = TEMPLATES[name]["survey"]
    assert TEMPLATES[name]["survey_enabled"] and {"name", "description"} < set(survey)
    variables = [question["variable"] for question in survey["spec"]]
    assert len(set(variables)) == len(variables)
    # Each question is for a variable of the playbook
    assert set(variables) <= set(options(name))
    for question in survey["spec"]:
        assert question["required"] is False
        assert question["question_name"] and question["question_description"]
        assert question["type"] in ("text", "textarea", "multiplechoice")
        if question["type"] == "multiplechoice":
            assert sorted(question["choices"]) == ["false", "true"] and question["default"] in question["choices"]
            assert options(name)[question["variable"]]["type"] == "bool"
        else:
            # A default would override the variables of the job template
            assert "default" not in question


@pytest.mark.parametrize("name", TEMPLATES)
def test_playbook_is_found_by_awx(name: str) -> None:
    """AWX searches for such lines."""
    assert re.search(
        r"^[ -]*(hosts|ansible\.builtin\.import_playbook):",
        (FOLDER / f"playbooks/{name}.yml").read_text(),
        re.MULTILINE,
    )


def options(name: str) -> dict[str, t.Any]:
    """Return the options of the pattern's playbook."""
    found: dict[str, t.Any] = yaml.safe_load((FOLDER / f"playbooks/{name}.meta.yml").read_text())["argument_specs"][
        name
    ]["options"]
    return found


def test_playbook_options_equal_role() -> None:
    specs = yaml.safe_load((ROOT / "roles/cloud_region_hints/meta/argument_specs.yml").read_text())["argument_specs"]
    of_role = {name: {"type": option["type"]} for name, option in specs["main"]["options"].items()}
    assert options("apply") == {**of_role, "cloud_region_hints_zone_hosts": {"type": "str"}}


# The import


PLAYBOOK = ROOT / "playbooks/awx.yml"
PLAY: dict[str, t.Any] = yaml.safe_load(PLAYBOOK.read_text())[0]
ANSWERS = {"cloud_region_hints_mappings": yaml.safe_dump([NEW_MAPPING])}
# Instead of the values of the environment
OTHER_ZONE_INPUTS = {"api_token": "another-token", "api_email": "", "api_key": "", "zone_id": "f" * 32, "api_url": ""}
CHANGED_VARIABLES = {
    "awx_answers": {"cloud_region_hints_purge": "true"},
    "awx_check_rrule": "DTSTART;TZID=Europe/Berlin:20260101T060000 RRULE:FREQ=DAILY;INTERVAL=1",
    "awx_apply_rrule": "DTSTART:20260101T230000Z RRULE:FREQ=DAILY;INTERVAL=1",
    "awx_apply_enabled": True,
    "awx_project_url": "git@git.example.com:edgecache.cloudflare.git",
    "awx_project_branch": "2.0.0",
}
LATER_RRULE = "DTSTART:20270101T230000Z RRULE:FREQ=DAILY;INTERVAL=1"


class Import(t.NamedTuple):
    """The result of an import."""

    output: str
    store: Store
    requests: list[tuple[str, str]]

    @property
    def changed(self) -> list[str]:
        """Return the names of the tasks with a change."""
        tasks = [task.split("]", 1) for task in self.output.split("\nTASK [")[1:]]
        return [name for name, results in tasks if re.search("^changed: ", results, re.MULTILINE)]

    def items(self, kind: str) -> list[Item]:
        return self.store[0][kind]

    def item(self, kind: str, name: str | None = None) -> Item:
        """Return the only item of this kind, or the only one with this name."""
        (found,) = [item for item in self.items(kind) if name in (None, item["name"])]
        return found


def run_imports(
    ansible: Ansible,
    controller: Controller,
    imports: dict[str, tuple[t.Callable[[], None], dict[str, t.Any]]],
    *arguments: str,
) -> dict[str, Import]:
    """Import several times in one run of ansible-playbook. Each import has variables, and a function to call before it.

    The first import is the complete playbook. The others have its variables and its last task. After a failure, the next one runs.
    """
    step = f"{{{{ lookup('ansible.builtin.url', '{ansible.environment['TEST_CONTROLLER']}{Controller.STEP}') }}}}"
    last = {"ansible.builtin.include_tasks": str(ROOT / "playbooks/tasks/awx.yml")}
    failure = {"ansible.builtin.debug": {"msg": "{{ ansible_failed_result.msg }}"}}
    playbook: list[dict[str, t.Any]] = []
    stores: list[tuple[Store, list[tuple[str, str]]]] = []

    def record() -> None:
        stores.append((controller.copy(), list(controller.requests)))
        controller.requests.clear()

    for name, (prepare, variables) in imports.items():
        controller.steps += [record, prepare]
        steps = [{"ansible.builtin.debug": {"msg": step}}] * 2
        playbook.append({"name": f"Import {name}", "hosts": "localhost", "gather_facts": False, "tasks": steps})
        if len(playbook) == 1:
            playbook.append({"import_playbook": "edgecache.cloudflare.awx", "vars": variables})
        else:
            playbook[-1]["vars"] = {**PLAY["vars"], **variables}
            playbook[-1]["tasks"] = [*steps, {"block": [last], "rescue": [failure]}]
    folder = ansible.folder / "project"
    (folder / "playbooks").mkdir(parents=True, exist_ok=True)
    for name in ("extensions", "playbooks/filter_plugins"):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(ROOT / name)
    (folder / "playbooks/imports.yml").write_text(yaml.safe_dump(playbook, sort_keys=False))
    run = ansible.run("project/playbooks/imports.yml", "-e", f"awx_image={IMAGE}", *arguments)
    assert run.returncode == 0, run.stdout + run.stderr
    assert ansible.simulator.token not in run.stdout + run.stderr
    record()
    outputs = re.split(r"^PLAY \[Import .*\].*$", run.stdout, flags=re.MULTILINE)[1:]
    return {name: Import(text, *store) for name, text, store in zip(imports, outputs, stores[1:], strict=True)}


# The imports take half a minute.
@pytest.fixture(scope="module", params=[pytest.param("all", marks=pytest.mark.slow)])
def imports(
    simulator: RunningSimulator, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> t.Iterator[dict[str, Import]]:
    with running_controller() as (url, controller):
        ansible = ForkedAnsible(tmp_path_factory.mktemp("awx"), simulator, fork_server)
        ansible.environment |= {
            "TEST_CONTROLLER": url,
            "CONTROLLER_HOST": url,
            "CONTROLLER_OAUTH_TOKEN": controller.token,
            # Loading the certificates takes longer than a request
            "SSL_CERT_FILE": os.devnull,
        }

        def nothing() -> None:
            pass

        def lose_the_project() -> None:
            controller.revision = None
            for kind in ("projects", "inventory_sources", "job_templates", "schedules"):
                controller.items[kind].clear()
            controller.surveys.clear()
            controller.associated.clear()
            for name in ("Registry", "Repository"):
                controller.create("credentials", {"name": name})
            controller.items["credentials"][0]["inputs"]["api_key"] = "entered in AWX"

        def get_a_commit() -> None:
            controller.revision = "first"

        def switch_off_in_awx() -> None:
            controller.items["schedules"][0]["enabled"] = False

        def get_another_commit() -> None:
            controller.revision = "second"

        other = {"awx_inputs": OTHER_ZONE_INPUTS}
        with_credentials = {"awx_image_credential": "Registry", "awx_project_credential": "Repository"}
        emptied = {
            "awx_answers": {},
            "awx_apply_enabled": False,
            "awx_project_branch": "",
            "awx_apply_rrule": LATER_RRULE,
        }
        done = run_imports(
            ansible,
            controller,
            {
                "first": (nothing, {"awx_answers": ANSWERS}),
                "failed": (lose_the_project, {**other, **with_credentials, "awx_project_branch": "1.0.0"}),
                "failed again": (nothing, other),
                "given": (get_a_commit, {**other, **CHANGED_VARIABLES}),
                "kept": (switch_off_in_awx, other),
                "emptied": (get_another_commit, {**other, **emptied, "awx_replace_secrets": True}),
            },
            "-vvvv",
        )
        complete = controller.copy()

        def lose_the_inventory() -> None:
            controller.load(complete)
            controller.items["inventories"].clear()

        def lose_the_schedules() -> None:
            controller.load(complete)
            controller.items["schedules"].clear()

        # The file that awx.awx reads if the environment has no settings
        del ansible.environment["CONTROLLER_HOST"], ansible.environment["CONTROLLER_OAUTH_TOKEN"]
        settings = f"[general]\nhost = {url}\noauth_token = {controller.token}\n"
        (ansible.folder / ".tower_cli.cfg").write_text(settings)
        controller.load(Controller().copy())
        checked = run_imports(
            ansible,
            controller,
            {
                "checked without anything": (nothing, {}),
                "checked without an inventory": (lose_the_inventory, other),
                "checked without schedules": (lose_the_schedules, other),
            },
            "--check",
        )
        yield {**done, **checked}


def test_import(simulator: RunningSimulator, imports: dict[str, Import]) -> None:
    done = imports["first"]
    credential_type = done.item("credential_types")
    assert {key: credential_type[key] for key in CREDENTIAL_TYPE} == CREDENTIAL_TYPE
    credential = done.item("credentials")
    assert credential["inputs"] == {
        "api_token": simulator.token,
        "zone_id": simulator.zone_id,
        "api_url": simulator.url,
    }
    assert done.item("execution_environments")["image"] == IMAGE
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert done.item("projects")["scm_url"] == f"{galaxy['repository']}.git"
    source = done.item("inventory_sources")
    assert source["source_path"] == str(SOURCE.relative_to(ROOT))
    assert {source[key] for key in ("credential", "source_project", "execution_environment", "inventory")} == {1}
    templates, schedules = done.items("job_templates"), done.items("schedules")
    assert [template["name"] for template in templates] == [template["name"] for template in TEMPLATES.values()]
    dummy, surveys, associated = done.store
    for template in templates:
        assert (ROOT / template["playbook"]).is_file()
        assert {template[key] for key in ("project", "inventory", "execution_environment")} == {1}
        assert associated[f"{template['url']}credentials/"] == [credential]
    assert surveys == {template["name"]: template["survey"] for template in TEMPLATES.values()}
    assert [(schedule["job_type"], schedule["enabled"]) for schedule in schedules] == [("check", True), ("run", False)]
    for schedule in schedules:
        (scheduled,) = (item for item in templates if item["id"] == schedule["unified_job_template"])
        assert scheduled["name"] == TEMPLATES["apply"]["name"] and scheduled["ask_job_type_on_launch"]
        assert schedule["extra_data"] == ANSWERS
        assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=DAILY;INTERVAL=1", schedule["rrule"])


def test_page_lists_everything_imported(imports: dict[str, Import]) -> None:
    """The page is for users who create the objects by hand."""
    imported_values = {
        item[key]
        for items in imports["first"].store[0].values()
        for item in items
        for key in ("name", "kind", "source_path", "scm_url", "playbook")
        if item.get(key)
    }
    assert {value for value in imported_values if f"`{value}`" not in PAGE} == set()
    for template in TEMPLATES.values():
        for question in template["survey"]["spec"]:
            assert f"\n| {question['question_name']} | `{question['variable']}` |" in PAGE


def test_import_of_another_zone_keeps_the_secret(simulator: RunningSimulator, imports: dict[str, Import]) -> None:
    """awx.awx sends all inputs if one differs. Omitted inputs stay, too."""
    done = imports["failed"]
    assert "Inputs of the credential" in done.changed
    assert done.item("credentials", "Cloudflare")["inputs"] == {
        "api_token": simulator.token,
        "api_key": "entered in AWX",
        "zone_id": "f" * 32,
        "api_url": simulator.url,
    }
    for name in ("failed again", "given", "kept"):
        assert "Inputs of the credential" not in imports[name].changed
        assert imports[name].item("credentials", "Cloudflare") == done.item("credentials", "Cloudflare")


def test_import_replaces_the_secret_on_request(simulator: RunningSimulator, imports: dict[str, Import]) -> None:
    """The key belongs to the credential that the token replaces."""
    inputs = imports["emptied"].item("credentials", "Cloudflare")["inputs"]
    assert inputs == {"api_token": "another-token", "zone_id": "f" * 32, "api_url": simulator.url}


@pytest.mark.parametrize("name", ["failed", "failed again"])
def test_import_with_a_failed_project_update(imports: dict[str, Import], name: str) -> None:
    """The project is created, but it has no playbooks."""
    done = imports[name]
    assert re.search("project Cloud region hints: .*failed.* under Jobs in AWX.* awx_project_url", done.output)
    assert done.item("projects")["scm_revision"] == ""
    assert done.items("job_templates") == []


def test_import_of_a_version_with_credentials(imports: dict[str, Import]) -> None:
    """The image and the project are private. Their credentials stay after the first import."""
    for name in ("failed", "failed again", "given", "emptied"):
        assert imports[name].item("execution_environments")["credential"] == 2
        assert imports[name].item("projects")["credential"] == 3
    branches = [imports[name].item("projects")["scm_branch"] for name in ("failed", "failed again", "given")]
    assert branches == ["1.0.0", "1.0.0", "2.0.0"]


def test_import_after_a_failed_update(imports: dict[str, Import]) -> None:
    done = imports["given"]
    assert len(done.items("job_templates")) == len(TEMPLATES)
    assert done.item("projects")["scm_url"] == CHANGED_VARIABLES["awx_project_url"]
    assert [
        (schedule["rrule"], schedule["enabled"], schedule["extra_data"]) for schedule in done.items("schedules")
    ] == [
        (CHANGED_VARIABLES[f"awx_{name}_rrule"], True, CHANGED_VARIABLES["awx_answers"]) for name in ("check", "apply")
    ]


def test_import_keeps_omitted_values(imports: dict[str, Import]) -> None:
    before, after = imports["given"], imports["kept"]
    assert after.changed == []
    assert after.items("projects") == before.items("projects")
    check, apply = before.items("schedules")
    assert after.items("schedules") == [{**check, "enabled": False}, apply]


def test_import_changes_given_values(imports: dict[str, Import]) -> None:
    done = imports["emptied"]
    project = done.item("projects")
    assert (project["scm_branch"], project["scm_url"]) == ("", CHANGED_VARIABLES["awx_project_url"])
    assert [
        (schedule["rrule"], schedule["enabled"], schedule["extra_data"]) for schedule in done.items("schedules")
    ] == [(CHANGED_VARIABLES["awx_check_rrule"], False, {}), (LATER_RRULE, False, {})]


def test_import_gets_the_newest_commit(imports: dict[str, Import]) -> None:
    assert "Newest commit of the project" in imports["emptied"].changed
    revisions = [imports[name].item("projects")["scm_revision"] for name in ("given", "kept", "emptied")]
    assert revisions == ["first", "first", "second"]


OF_INVENTORY = (
    "Source of the inventory Cloud region hints",
    "Job template Apply cloud region hints",
    "Job template Report cloud region hints",
    "Schedule Check cloud region hints every day",
    "Schedule Apply cloud region hints every day",
)
WITHOUT_INVENTORY = ["Inventory", "Objects that check mode cannot check"]


@pytest.mark.parametrize(
    ("lacking", "changed", "unchecked"),
    [
        (
            "anything",
            ["Execution environment", "Credential type", "Project", *WITHOUT_INVENTORY],
            ("Credential Cloudflare", *OF_INVENTORY),
        ),
        ("an inventory", WITHOUT_INVENTORY, OF_INVENTORY),
        # All other objects exist, and do not change
        ("schedules", ["Schedules"], ()),
    ],
)
def test_import_in_check_mode(
    imports: dict[str, Import], lacking: str, changed: list[str], unchecked: tuple[str, ...]
) -> None:
    done = imports[f"checked without {lacking}"]
    assert {method for method, path in done.requests} == {"GET"}
    assert done.changed == changed
    assert re.findall('([^"]*) would be created or changed', done.output) == list(unchecked)


@pytest.fixture
def failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., list[str]]:
    """Return the messages of the playbook's failed checks. All checks come before any request to AWX."""
    expressions = PlayExpressions(PLAYBOOK)
    filter_loader.add_directory(str(PLAYBOOK.parent / "filter_plugins"))
    *others, import_task = PLAY["tasks"]
    assert "ansible.builtin.include_tasks" in import_task
    checks = [task["name"] for task in others if "ansible.builtin.assert" in task]
    assert len(checks) == len(others) - 1
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("CONTROLLER_HOST", "CONTROLLER_OAUTH_TOKEN"):
        monkeypatch.setenv(name, "x")

    def failures(**variables: t.Any) -> list[str]:
        variables = {"awx_image": IMAGE, "awx_found": {"stdout": '{"awx.awx": {}}'}, **variables}
        return [message for name in checks if (message := expressions.failure(name, variables))]

    return failures


def test_import_without_awx_awx(ansible: Ansible, failures: t.Callable[..., list[str]]) -> None:
    collections = ansible.folder / "ansible_collections"
    (collections / "edgecache").mkdir(parents=True)
    (collections / "edgecache/cloudflare").symlink_to(ROOT)
    (task,) = (task for task in PLAY["tasks"] if task.get("register") == "awx_found")
    arguments = task["ansible.builtin.command"]["argv"]
    command = PlayExpressions(PLAYBOOK).evaluate(
        trust_as_template(arguments), {"ansible_playbook_python": sys.executable}
    )
    environment = {**ansible.environment, "ANSIBLE_COLLECTIONS_PATH": str(ansible.folder)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    (message,) = failures(awx_found={"stdout": run.stdout})
    assert message.startswith("The collection awx.awx is not installed. ")


@pytest.mark.parametrize("image", ["", None])
def test_import_without_an_image(failures: t.Callable[..., list[str]], image: str | None) -> None:
    (message,) = failures(awx_image=image)
    assert message.startswith("awx_image, the image of the execution environment, is not set. ")


def test_import_with_wrong_answers(failures: t.Callable[..., list[str]]) -> None:
    (message,) = failures(awx_answers={"cloud_region_hints_purge": False, "cloud_region_hints_mappings": [NEW_MAPPING]})
    assert "awx_answers: cloud_region_hints_mappings must be a string, not [{'origin_ip': '192.0.2.99', " in message
    assert "cloud_region_hints_purge must be 'false' or 'true', as a string in quotes, not False" in message
    assert failures(awx_answers=None) == failures(awx_answers=ANSWERS) == []


@pytest.mark.parametrize("lacking", ["CONTROLLER_HOST", "CONTROLLER_OAUTH_TOKEN"])
def test_import_without_a_controller(
    failures: t.Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str
) -> None:
    assert failures() == []
    monkeypatch.delenv(lacking)
    (message,) = failures()
    assert message.startswith(f"{lacking}, ") and " is not set. " in message
    # Other variables, or a file of awx.awx
    monkeypatch.setenv(lacking.replace("CONTROLLER", "TOWER"), "x")
    assert failures() == []
    monkeypatch.delenv(lacking.replace("CONTROLLER", "TOWER"))
    (tmp_path / ".tower_cli.cfg").touch()
    assert failures() == []


def test_import_with_a_password(failures: t.Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTROLLER_OAUTH_TOKEN")
    monkeypatch.setenv("CONTROLLER_USERNAME", "admin")
    (message,) = failures()
    assert message.startswith("CONTROLLER_OAUTH_TOKEN, a token of AWX with the scope Write, is not set. ")
    monkeypatch.setenv("CONTROLLER_PASSWORD", "EXAMPLE")
    assert failures() == []


def test_page_lists_import_variables() -> None:
    (heading,) = re.findall(
        r"^#   (awx_\w+ .*?)^- name", (ROOT / "playbooks/awx.yml").read_text(), re.MULTILINE | re.DOTALL
    )
    listed = re.findall(r"\bawx_\w+", heading)
    assert listed and [name for name in listed if not re.search(rf"^\| .*`{name}`.* \|", PAGE, re.MULTILINE)] == []


def test_page_shows_the_files() -> None:
    displayed = [yaml.safe_load(block) for block in re.findall(r"^```yml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
    files = [yaml.safe_load(path.read_text()) for path in (DEFINITION, SOURCE)]
    assert displayed == [files[0], CREDENTIAL_TYPE["inputs"], CREDENTIAL_TYPE["injectors"], files[1]]


# The image of the execution environment


def builder(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "ansible_builder", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_image_definition(ansible: Ansible) -> None:
    builder("create", "-f", str(DEFINITION), "-c", str(ansible.folder), "--output-filename", "Containerfile")
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    (collection,) = yaml.safe_load((ansible.folder / "_build/requirements.yml").read_text())["collections"]
    assert collection == {"name": f"{galaxy['repository']}.git", "type": "git"}
    assert "registry.example.com/awx-ee:latest" in (ansible.folder / "Containerfile").read_text()


def test_image_from_a_file(ansible: Ansible) -> None:
    """The definition for a checkout, as on the page."""
    artifact = Path(build_collection(str(ROOT), str(ansible.folder), False))
    (block,) = re.findall(r"^```text\n(additional_build_files:\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    changed = yaml.safe_load(re.sub(r"edgecache-cloudflare-[\d.]+\.tar\.gz", artifact.name, block))
    definition = ansible.folder / "execution-environment.yml"
    definition.write_text(yaml.safe_dump({**yaml.safe_load(DEFINITION.read_text()), **changed}))
    context = ansible.folder / "context"
    builder("create", "-f", str(definition), "-c", str(context), "--output-filename", "Containerfile")
    # The build copies this folder, and installs into it
    lines = (context / "Containerfile").read_text().splitlines()
    assert {"COPY _build /build", "WORKDIR /build"} <= set(lines)
    subprocess.run(
        [sys.executable, "-m", "ansible", "galaxy", "collection", "install", "-r", "requirements.yml"],
        check=True,
        capture_output=True,
        cwd=context / "_build",
        env={**ansible.environment, "ANSIBLE_COLLECTIONS_PATH": str(ansible.folder)},
    )
    assert (ansible.folder / "ansible_collections/edgecache/cloudflare/MANIFEST.json").is_file()


def test_image_has_the_libraries(ansible: Ansible) -> None:
    (folder,) = (
        path for path in ansible.environment["ANSIBLE_COLLECTIONS_PATH"].split(":") if ROOT.is_relative_to(path)
    )
    found = yaml.safe_load(builder("introspect", "--sanitize", folder))["python"]
    ours = [line.split()[0] for line in found if "edgecache.cloudflare" in line]
    wanted = re.findall(r"^\w+>=[\d.]+", (ROOT / "meta/ee-requirements.txt").read_text(), re.MULTILINE)
    assert sorted(ours) == sorted(wanted)
