# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages on AWX say holds: the credential type, jobs and their surveys, the source of an inventory, the import, the image."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from awx_plugins.interfaces._temporary_private_credential_api import Credential
from awx_plugins.interfaces._temporary_private_inject_api import ENV_BLOCKLIST, inject_credential
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from tests.system.awx import CREDENTIAL_TYPE, Controller, Item, Job, Jobs, awx_type, running_controller
from tests.system.playbooks import ROOT, Ansible

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

# By name, the inputs of a credential, of which some are left out and some are left blank
CREDENTIALS: dict[str, t.Callable[[Ansible], dict[str, t.Any]]] = {
    "token": lambda ansible: {"api_token": ansible.simulator.token, **common(ansible)},
    "key": lambda ansible: {
        "api_token": "",
        "api_email": ansible.simulator.email,
        "api_key": ansible.simulator.key,
        **common(ansible),
    },
}
NEW = {"origin_ip": "192.0.2.99", "vendor": "aws", "region": "us-west-2"}


def common(ansible: Ansible) -> dict[str, str]:
    return {"zone_id": ansible.simulator.zone_id, "api_url": ansible.simulator.url}


@pytest.fixture
def jobs(ansible: Ansible) -> Jobs:
    return Jobs(ansible)


@pytest.fixture
def token(ansible: Ansible) -> dict[str, t.Any]:
    return CREDENTIALS["token"](ansible)


def launch(
    jobs: Jobs,
    template: str,
    credential: dict[str, t.Any],
    *arguments: str,
    answers: dict[str, str] | None = None,
    **inventory: Item,
) -> Job:
    """As AWX does: where a question has no answer, its default is taken. Files of ranges are some that are here."""
    questions = {question["variable"]: question for question in TEMPLATES[template]["survey"]["spec"]}
    assert set(answers or {}) <= set(questions)
    values = {name: question["default"] for name, question in questions.items() if "default" in question}
    if template == "report":
        values["cloud_region_hints_sources"] = yaml.safe_dump(RANGES)
    playbook = f"extensions/patterns/{PATTERN['name']}/playbooks/{TEMPLATES[template]['playbook']}"
    return jobs.run(playbook, credential, *arguments, answers={**values, **(answers or {})}, inventory=inventory)


def places(ansible: Ansible) -> dict[str, str]:
    return {
        mapping["origin_ip"]: f"{mapping['vendor']}/{mapping['region']}" for mapping in ansible.simulator.mappings()
    }


def check_secret(ansible: Ansible, job: Job) -> None:
    """No secret shows in the job, nor in any file but the one where ansible-runner notes how it starts Ansible."""
    secrets = [ansible.simulator.token, ansible.simulator.key]
    assert not any(secret in json.dumps([job.events, job.shown_environment]) for secret in secrets)
    files = [path for folder in job.folders for path in folder.rglob("*") if path.is_file()]
    having = [path for path in files if any(secret in path.read_text() for secret in secrets)]
    assert {path.relative_to(path.parents[1]) for path in having} == {Path("42/command")}
    assert {path.stat().st_mode & 0o777 for path in having} == {0o600}


# What AWX itself checks when a credential type is made


def test_the_inputs_are_such_as_awx_takes() -> None:
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


def test_the_injectors_are_such_as_awx_takes() -> None:
    assert set(CREDENTIAL_TYPE["injectors"]) == {"env"}
    names = {field["id"]: "EXAMPLE" for field in CREDENTIAL_TYPE["inputs"]["fields"]}
    for variable, template in CREDENTIAL_TYPE["injectors"]["env"].items():
        assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", variable) and not variable.startswith("ANSIBLE_")
        assert variable not in ENV_BLOCKLIST
        assert template.isascii()
        assert ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(names) == "EXAMPLE"


def test_each_input_gets_where_it_is_read(ansible: Ansible) -> None:
    values = {field["id"]: f"of {field['id']}" for field in CREDENTIAL_TYPE["inputs"]["fields"]}
    environment: dict[str, t.Any] = {}
    shown: dict[str, t.Any] = {}
    inject_credential(awx_type(), Credential(values), environment, shown, [], str(ansible.folder))
    assert environment == {
        "CLOUDFLARE_API_TOKEN": "of api_token",
        "CLOUDFLARE_EMAIL": "of api_email",
        "CLOUDFLARE_API_KEY": "of api_key",
        "CLOUDFLARE_ZONE_ID": "of zone_id",
        "CLOUDFLARE_BASE_URL": "of api_url",
    }
    assert shown == {**environment, "CLOUDFLARE_API_TOKEN": "*" * 10, "CLOUDFLARE_API_KEY": "*" * 10}


# Jobs


@pytest.mark.parametrize("way", CREDENTIALS)
def test_report(ansible: Ansible, jobs: Jobs, way: str) -> None:
    job = launch(jobs, "report", CREDENTIALS[way](ansible), "-vvvv")
    assert job.status == "successful", job.output
    assert job.artifacts["cloud_region_hints_report"]["total"] == len(ansible.simulator.mappings()) == 6
    assert ansible.simulator.stats()["requests"] == 4
    check_secret(ansible, job)


@pytest.mark.parametrize("way", CREDENTIALS)
def test_apply(ansible: Ansible, jobs: Jobs, way: str) -> None:
    credential = CREDENTIALS[way](ansible)
    before = places(ansible)
    answers = {"cloud_region_hints_mappings": yaml.safe_dump([NEW]), "cloud_region_hints_purge": "true"}
    # What is created, deleted and left as it is, and the requests: two for the switches, one to read the mappings, one for the
    # supported regions, one to write and one to delete
    for arguments, counts, requests in (
        (("--check", "--diff", "-vvvv"), [1, 6, 0], 4),
        (("--diff", "-vvvv"), [1, 6, 0], 6),
        ((), [0, 0, 1], 3),
    ):
        sent = ansible.simulator.stats()["requests"]
        job = launch(jobs, "apply", credential, *arguments, answers=answers)
        assert job.status == "successful", job.output
        result = job.artifacts["cloud_region_hints"]
        assert [len(result[key]) for key in ("created", "deleted", "unchanged")] == counts
        assert ansible.simulator.stats()["requests"] - sent == requests
        assert places(ansible) == (before if "--check" in arguments else {"192.0.2.99": "aws/us-west-2"})
        check_secret(ansible, job)


def test_answers_that_are_blank(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    """Also for the zone, which the credential has."""
    before = places(ansible)
    for name, template in TEMPLATES.items():
        blank = {question["variable"]: "" for question in template["survey"]["spec"] if "choices" not in question}
        if name == "report":
            del blank["cloud_region_hints_sources"]  # blank, they are read from the internet
        job = launch(jobs, name, token, answers=blank)
        assert job.status == "successful", job.output
    assert places(ansible) == before
    assert ansible.simulator.stats()["requests"] == 2 + 4


def test_a_zone_by_name_without_one_in_the_credential(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    for name in TEMPLATES:
        job = launch(jobs, name, {**token, "zone_id": ""}, answers={"cloud_region_hints_zone": "example.com"})
        assert job.status == "successful", job.output


def test_hosts_of_a_group(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    """In an inventory as AWX gives it, whose variables say where they are. The other answers are blank."""
    inventory: dict[str, t.Any] = {
        "all": {"children": ["origins"]},
        "origins": {
            "hosts": ["web1.example.com", "web2.example.com"],
            "vars": {"cloud_region_hints_vendor": "aws", "cloud_region_hints_region": "{{ placement }}"},
        },
        "_meta": {
            "hostvars": {
                "web1.example.com": {"ansible_host": "192.0.2.99", "placement": "us-west-2", "remote_tower_id": 1},
                "web2.example.com": {"ansible_host": "192.0.2.98", "placement": "eu-west-1", "remote_tower_id": 2},
            }
        },
    }
    answers = {"cloud_region_hints_group": "origins", "cloud_region_hints_mappings": "", "cloud_region_hints_zone": ""}
    job = launch(jobs, "apply", token, answers=answers, **inventory)
    assert job.status == "successful", job.output
    assert {"192.0.2.98": "aws/eu-west-1", "192.0.2.99": "aws/us-west-2"}.items() <= places(ansible).items()


def test_an_answer_is_no_template(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    text = yaml.safe_dump([{**NEW, "region": "{{ lookup('ansible.builtin.env', 'CLOUDFLARE_API_TOKEN') }}"}])
    job = launch(jobs, "apply", token, answers={"cloud_region_hints_mappings": text})
    assert job.status == "failed"
    assert "aws has no region {{ lookup(" in job.output
    check_secret(ansible, job)


def test_a_job_that_fails(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    body = {
        "success": False,
        "errors": [{"code": 10000, "message": f"bad {token['api_token']}"}],
        "messages": [],
        "result": None,
    }
    ansible.simulator.fault(kind="status", status=403, body=body, times=9)
    job = launch(jobs, "report", token, "-vvvv")
    assert job.status == "failed"
    assert "bad ***" in job.output
    check_secret(ansible, job)


def test_tasks_with_nothing_but_the_environment(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    modules: dict[str, dict[str, t.Any]] = {
        "origin_cloud_region_info": {},
        "supported_cloud_region_info": {},
        "tiered_cache_info": {},
        "tiered_cache": {"smart": True},
        "origin_cloud_region": NEW,
        "origin_cloud_regions": {"mappings": [NEW]},
    }
    query = "{{ query('edgecache.cloudflare.origin_cloud_region') | length }}"
    tasks = [{f"edgecache.cloudflare.{name}": options} for name, options in modules.items()]
    tasks.append({"ansible.builtin.assert": {"that": "found | int == 7"}, "vars": {"found": query}})
    job = jobs.run([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}], token)
    assert job.status == "successful", job.output
    assert places(ansible)["192.0.2.99"] == "aws/us-west-2"


@pytest.mark.parametrize("way", CREDENTIALS)
def test_the_source_of_an_inventory(ansible: Ansible, jobs: Jobs, way: str) -> None:
    job, inventory = jobs.update_inventory(str(SOURCE.relative_to(ROOT)), CREDENTIALS[way](ansible), "-vvvvv")
    assert job.status == "successful", job.output
    assert set(inventory["_meta"]["hostvars"]) == set(places(ansible))
    assert inventory["region_aws_us_east_1"]["hosts"] == ["192.0.2.1"]
    assert inventory["_meta"]["hostvars"]["192.0.2.1"]["vendor"] == "aws"
    assert ansible.simulator.stats()["requests"] == 1
    check_secret(ansible, job)


def test_the_source_of_an_inventory_that_cannot_be_read(ansible: Ansible, jobs: Jobs, token: dict[str, t.Any]) -> None:
    """It fails, so that AWX keeps the hosts that it has."""
    ansible.simulator.fault(kind="status", status=403, times=9)
    job, inventory = jobs.update_inventory(str(SOURCE.relative_to(ROOT)), token, "-vvvvv")
    assert (job.status, inventory) == ("failed", None)
    check_secret(ansible, job)


# The pattern


def test_the_pattern_is_such_as_its_schema_wants() -> None:
    """In what no linter looks at."""
    assert PATTERN["name"] == FOLDER.name
    assert len(PATTERN["title"]) <= 64 and not PATTERN["short_description"].endswith(".")
    resources = PATTERN["aap_resources"]
    assert [name for name, template in TEMPLATES.items() if template.get("primary")] == ["apply"]
    for template in TEMPLATES.values():
        assert template["execution_environment"] == resources["controller_execution_environment"]["name"]
        assert set(template["labels"]) <= set(resources["controller_labels"])
    assert set(TEMPLATES) == {path.stem for path in FOLDER.glob("playbooks/*.yml") if not path.stem.endswith(".meta")}


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_survey_is_such_as_awx_takes(name: str) -> None:
    survey = TEMPLATES[name]["survey"]
    assert TEMPLATES[name]["survey_enabled"] and {"name", "description"} < set(survey)
    variables = [question["variable"] for question in survey["spec"]]
    assert len(set(variables)) == len(variables)
    # It has a question for no variable but those that the playbook has
    assert set(variables) <= set(options(name))
    for question in survey["spec"]:
        assert question["required"] is False
        assert question["question_name"] and question["question_description"]
        assert question["type"] in ("text", "textarea", "multiplechoice")
        if question["type"] == "multiplechoice":
            assert sorted(question["choices"]) == ["false", "true"] and question["default"] in question["choices"]
            assert options(name)[question["variable"]]["type"] == "bool"
        else:
            # A default would win over the variables of the job template
            assert "default" not in question


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_playbook_is_found_by_awx(name: str) -> None:
    """It looks for lines like these."""
    assert re.search(
        r"^[ -]*(hosts|ansible\.builtin\.import_playbook):",
        (FOLDER / f"playbooks/{name}.yml").read_text(),
        re.MULTILINE,
    )


def options(name: str) -> dict[str, t.Any]:
    """Those of the pattern's playbook."""
    found: dict[str, t.Any] = yaml.safe_load((FOLDER / f"playbooks/{name}.meta.yml").read_text())["argument_specs"][
        name
    ]["options"]
    return found


def test_the_playbook_has_the_options_of_the_role() -> None:
    specs = yaml.safe_load((ROOT / "roles/cloud_region_hints/meta/argument_specs.yml").read_text())["argument_specs"]
    assert options("apply") == {name: {"type": option["type"]} for name, option in specs["main"]["options"].items()}


# The import


@pytest.fixture
def controller(ansible: Ansible) -> t.Iterator[Controller]:
    with running_controller() as (url, running):
        ansible.environment |= {"CONTROLLER_HOST": url, "CONTROLLER_OAUTH_TOKEN": running.token}
        yield running


def import_all(ansible: Ansible, *arguments: str, passes: bool = True, **environment: str) -> str:
    run = ansible.run("edgecache.cloudflare.awx", "-e", f"awx_image={IMAGE}", *arguments, environment=environment)
    assert (run.returncode == 0) == passes, run.stdout + run.stderr
    assert ansible.simulator.token not in run.stdout + run.stderr
    return run.stdout


def test_import(ansible: Ansible, controller: Controller) -> None:
    answers = json.dumps({"awx_answers": {"cloud_region_hints_mappings": yaml.safe_dump([NEW])}})
    import_all(ansible, "-vvvv", "-e", answers)
    items = controller.items
    (credential_type,) = items["credential_types"]
    assert {key: credential_type[key] for key in CREDENTIAL_TYPE} == CREDENTIAL_TYPE
    (credential,) = items["credentials"]
    assert credential["inputs"] == CREDENTIALS["token"](ansible)
    (image,) = items["execution_environments"]
    assert image["image"] == IMAGE
    (project,) = items["projects"]
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert project["scm_url"] == f"{galaxy['repository']}.git"
    (source,) = items["inventory_sources"]
    assert source["source_path"] == str(SOURCE.relative_to(ROOT))
    assert {source[key] for key in ("credential", "source_project", "execution_environment", "inventory")} == {1}
    assert [template["name"] for template in items["job_templates"]] == [
        template["name"] for template in TEMPLATES.values()
    ]
    for template in items["job_templates"]:
        assert (ROOT / template["playbook"]).is_file()
        assert {template[key] for key in ("project", "inventory", "execution_environment")} == {1}
        assert controller.associated[f"{template['url']}credentials/"] == [credential]
    assert controller.surveys == {template["name"]: template["survey"] for template in TEMPLATES.values()}
    assert [(schedule["job_type"], schedule["enabled"]) for schedule in items["schedules"]] == [
        ("check", True),
        ("run", False),
    ]
    for schedule in items["schedules"]:
        (scheduled,) = (item for item in items["job_templates"] if item["id"] == schedule["unified_job_template"])
        assert scheduled["name"] == TEMPLATES["apply"]["name"] and scheduled["ask_job_type_on_launch"]
        assert schedule["extra_data"] == {"cloud_region_hints_mappings": yaml.safe_dump([NEW])}
        assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=DAILY;INTERVAL=1", schedule["rrule"])

    check_page(controller)

    # Again, nothing changes, whatever secret is at hand or none, unless it is wanted
    other = {"CLOUDFLARE_API_TOKEN": "another-token"}
    for environment in (other, {"CLOUDFLARE_API_TOKEN": ""}):
        assert re.search("changed=0 .*failed=0", import_all(ansible, "-e", answers, **environment))
        assert credential["inputs"] == CREDENTIALS["token"](ansible)
    assert "changed=1 " in import_all(ansible, "-e", answers, "-e", "awx_replace_secrets=true", **other)
    assert credential["inputs"] == {**CREDENTIALS["token"](ansible), "api_token": "another-token"}


def test_import_of_another_zone_keeps_the_secret(ansible: Ansible, controller: Controller) -> None:
    """awx.awx sends all inputs where one differs. What the environment lacks stays as well."""
    import_all(ansible)
    (credential,) = controller.items["credentials"]
    credential["inputs"]["api_key"] = "entered in AWX"
    before = dict(credential["inputs"])
    other = {"CLOUDFLARE_API_TOKEN": "another-token", "CLOUDFLARE_ZONE_ID": "f" * 32, "CLOUDFLARE_BASE_URL": ""}
    assert "changed=1 " in import_all(ansible, **other)
    assert credential["inputs"] == {**before, "zone_id": "f" * 32}
    assert "changed=0 " in import_all(ansible, **other)
    # The key belongs to the credential that the token replaces
    import_all(ansible, "-e", "awx_replace_secrets=true", **other)
    assert credential["inputs"] == {**common(ansible), "zone_id": "f" * 32, "api_token": "another-token"}


def test_import_without_a_secret(ansible: Ansible, controller: Controller) -> None:
    """Who enters it in AWX then has it kept."""
    import_all(ansible, CLOUDFLARE_API_TOKEN="")
    (credential,) = controller.items["credentials"]
    assert credential["inputs"] == common(ansible)
    credential["inputs"]["api_token"] = "entered in AWX"
    assert "changed=0 " in import_all(ansible)
    assert credential["inputs"] == {**common(ansible), "api_token": "entered in AWX"}


def test_import_after_an_update_that_failed(ansible: Ansible, controller: Controller) -> None:
    """The project is there, but without playbooks."""
    controller.revision = None
    for dummy in range(2):
        shown = import_all(ansible, passes=False)
        assert re.search("project Cloud region hints: .*failed.* under Jobs in AWX.* awx_project_url", shown)
    controller.revision = "first"
    import_all(ansible)
    assert len(controller.items["schedules"]) == 2


def test_import_gets_the_newest_commit(ansible: Ansible, controller: Controller) -> None:
    import_all(ansible)
    controller.revision = "second"
    assert "changed=1 " in import_all(ansible)
    assert controller.items["projects"][0]["scm_revision"] == "second"


def test_import_keeps_what_it_is_not_given(ansible: Ansible, controller: Controller) -> None:
    given = {
        "awx_answers": {"cloud_region_hints_purge": "true"},
        "awx_check_rrule": "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1",
        "awx_apply_rrule": "DTSTART:20260101T230000Z RRULE:FREQ=DAILY;INTERVAL=1",
        "awx_apply_enabled": True,
        "awx_project_url": "https://git.example.com/edgecache.cloudflare.git",
        "awx_project_branch": "1.0.0",
    }
    import_all(ansible, "-e", json.dumps(given))
    check, apply = controller.items["schedules"]
    check["enabled"] = False  # in AWX
    before = json.dumps(controller.items)
    assert "changed=0 " in import_all(ansible)
    assert json.dumps(controller.items["schedules"]) in before and json.dumps(controller.items["projects"]) in before

    nothing = {"awx_answers": {}, "awx_apply_enabled": False, "awx_project_branch": ""}
    import_all(ansible, "-e", json.dumps(nothing))
    (project,) = controller.items["projects"]
    assert (check["extra_data"], apply["extra_data"], apply["enabled"], project["scm_branch"]) == ({}, {}, False, "")
    assert (check["enabled"], check["rrule"]) == (False, given["awx_check_rrule"])
    assert project["scm_url"] == given["awx_project_url"]


def test_import_in_check_mode(ansible: Ansible, controller: Controller) -> None:
    """On an AWX that has nothing of it, some of it, or all."""

    def check() -> str:
        controller.requests.clear()
        shown = import_all(ansible, "--check")
        assert {method for method, path in controller.requests} == {"GET"}
        return shown

    wanted = [
        *(
            "Credential Cloudflare",
            "Source of the inventory Cloud region hints",
            "Job template Apply cloud region hints",
        ),
        *("Job template Report cloud region hints", "Schedule Check cloud region hints every day"),
        "Schedule Apply cloud region hints every day",
    ]
    shown = check()
    assert [text for text in wanted if f"{text} would be made" not in shown] == []
    for task in ("Execution environment", "Credential type", "Project", "Inventory"):
        assert re.search(rf"TASK \[{task}\] \*+\nchanged: ", shown)
    import_all(ansible)
    assert "changed=0 " in check()
    inventories, controller.items["inventories"] = controller.items["inventories"], []
    assert "Job template Apply cloud region hints would be made or changed" in check()
    controller.items["inventories"] = inventories
    controller.items["schedules"].clear()
    assert "changed=1 " in check()


def test_import_with_wrong_answers(ansible: Ansible, controller: Controller) -> None:
    """They are checked before AWX is asked for anything."""
    answers = json.dumps({"awx_answers": {"cloud_region_hints_purge": False, "cloud_region_hints_mappings": [NEW]}})
    shown = " ".join(import_all(ansible, "-e", answers, passes=False).split())
    assert "awx_answers: cloud_region_hints_mappings must be a text, not [{'origin_ip': '192.0.2.99', " in shown
    assert "cloud_region_hints_purge must be 'false' or 'true', as a text in quotes, not False" in shown
    assert controller.requests == []


def test_import_of_a_version_with_credentials(ansible: Ansible, controller: Controller) -> None:
    """From a private registry and a private repository, at other times."""
    for name in ("Registry", "Repository"):
        controller.create("credentials", {"name": name})
    rrule = "DTSTART;TZID=Europe/Berlin:20260101T060000 RRULE:FREQ=DAILY;INTERVAL=1"
    given = {
        "awx_image_credential": "Registry",
        "awx_project_credential": "Repository",
        "awx_project_branch": "1.0.0",
        "awx_project_url": "git@git.example.com:edgecache.cloudflare.git",
        "awx_check_rrule": rrule,
        "awx_apply_rrule": rrule,
    }
    import_all(ansible, "-e", json.dumps(given))
    (image,) = controller.items["execution_environments"]
    assert image["credential"] == 1
    (project,) = controller.items["projects"]
    assert project["credential"] == 2
    assert (project["scm_branch"], project["scm_url"]) == ("1.0.0", given["awx_project_url"])
    assert [schedule["rrule"] for schedule in controller.items["schedules"]] == [rrule, rrule]


@pytest.mark.parametrize("lacking", ["awx.awx", "awx_image", "CONTROLLER_HOST", "CONTROLLER_OAUTH_TOKEN"])
def test_import_without(ansible: Ansible, controller: Controller, lacking: str) -> None:
    """It says what is missing, before it asks AWX for anything."""
    image = "" if lacking == "awx_image" else IMAGE
    environment = {lacking: ""} if lacking.isupper() else {}
    if lacking == "awx.awx":
        collections = ansible.folder / "ansible_collections"
        (collections / "edgecache").mkdir(parents=True)
        (collections / "edgecache/cloudflare").symlink_to(ROOT)
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(ansible.folder)
    run = ansible.run("edgecache.cloudflare.awx", "-e", f"awx_image={image}", environment=environment)
    assert run.returncode == 2, run.stdout + run.stderr
    (message,) = re.findall(r'"msg": "(.*)"', run.stdout)
    assert re.match(rf"(The collection )?{re.escape(lacking)} is (not|missing)", message)
    assert controller.requests == []


def test_import_with_a_file_of_awx_awx(ansible: Ansible, controller: Controller) -> None:
    url = ansible.environment.pop("CONTROLLER_HOST")
    token = ansible.environment.pop("CONTROLLER_OAUTH_TOKEN")
    (ansible.folder / ".tower_cli.cfg").write_text(f"[general]\nhost = {url}\noauth_token = {token}\n")
    import_all(ansible)
    assert controller.items["schedules"]
    # The second run reads the credential that AWX has
    assert "changed=0 " in import_all(ansible)


def test_import_with_a_password(ansible: Ansible, controller: Controller) -> None:
    """It gets as far as asking AWX, which here takes none."""
    user = {"CONTROLLER_OAUTH_TOKEN": "", "CONTROLLER_USERNAME": "admin", "CONTROLLER_PASSWORD": "EXAMPLE"}
    run = ansible.run("edgecache.cloudflare.awx", "-e", f"awx_image={IMAGE}", environment=user)
    assert "Failed to get token: HTTP Error 401" in run.stdout


def test_the_page_lists_the_variables_of_the_import() -> None:
    (heading,) = re.findall(
        r"^#   (awx_\w+ .*?)^- name", (ROOT / "playbooks/awx.yml").read_text(), re.MULTILINE | re.DOTALL
    )
    listed = re.findall(r"\bawx_\w+", heading)
    assert listed and [name for name in listed if not re.search(rf"^\| .*`{name}`.* \|", PAGE, re.MULTILINE)] == []


def check_page(controller: Controller) -> None:
    """All that is imported stands there for those who enter it by hand."""
    said = {
        item[key]
        for items in controller.items.values()
        for item in items
        for key in ("name", "kind", "source_path", "scm_url", "playbook")
        if item.get(key)
    }
    assert {value for value in said if f"`{value}`" not in PAGE} == set()
    for template in TEMPLATES.values():
        for question in template["survey"]["spec"]:
            assert f"\n| {question['question_name']} | `{question['variable']}` |" in PAGE


def test_the_page_shows_the_files() -> None:
    shown = [yaml.safe_load(block) for block in re.findall(r"^```yml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)]
    files = [yaml.safe_load(path.read_text()) for path in (DEFINITION, SOURCE)]
    assert shown == [files[0], CREDENTIAL_TYPE["inputs"], CREDENTIAL_TYPE["injectors"], files[1]]


# The image of the execution environment


def builder(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "ansible_builder", *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_the_definition_of_the_image(ansible: Ansible) -> None:
    builder("create", "-f", str(DEFINITION), "-c", str(ansible.folder), "--output-filename", "Containerfile")
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    (collection,) = yaml.safe_load((ansible.folder / "_build/requirements.yml").read_text())["collections"]
    assert collection == {"name": f"{galaxy['repository']}.git", "type": "git"}
    assert "registry.example.com/awx-ee:latest" in (ansible.folder / "Containerfile").read_text()


def test_the_image_from_a_file(ansible: Ansible) -> None:
    """As the page changes the definition for a checkout."""
    galaxy = [sys.executable, "-m", "ansible", "galaxy", "collection"]
    common: dict[str, t.Any] = {"capture_output": True, "env": ansible.environment}
    subprocess.run([*galaxy, "build", str(ROOT)], check=True, cwd=ansible.folder, **common)
    (artifact,) = ansible.folder.glob("*.tar.gz")
    (block,) = re.findall(r"^```text\n(additional_build_files:\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    changed = yaml.safe_load(re.sub(r"edgecache-cloudflare-[\d.]+\.tar\.gz", artifact.name, block))
    definition = ansible.folder / "execution-environment.yml"
    definition.write_text(yaml.safe_dump({**yaml.safe_load(DEFINITION.read_text()), **changed}))
    context = ansible.folder / "context"
    builder("create", "-f", str(definition), "-c", str(context), "--output-filename", "Containerfile")
    # The build copies this folder, and installs in it
    lines = (context / "Containerfile").read_text().splitlines()
    assert {"COPY _build /build", "WORKDIR /build"} <= set(lines)
    common["env"] = {**ansible.environment, "ANSIBLE_COLLECTIONS_PATH": str(ansible.folder)}
    subprocess.run([*galaxy, "install", "-r", "requirements.yml"], check=True, cwd=context / "_build", **common)
    assert (ansible.folder / "ansible_collections/edgecache/cloudflare/MANIFEST.json").is_file()


def test_the_image_gets_the_libraries(ansible: Ansible) -> None:
    (folder,) = (
        path for path in ansible.environment["ANSIBLE_COLLECTIONS_PATH"].split(":") if ROOT.is_relative_to(path)
    )
    found = yaml.safe_load(builder("introspect", "--sanitize", folder))["python"]
    ours = [line.split()[0] for line in found if "edgecache.cloudflare" in line]
    wanted = re.findall(r"^\w+>=[\d.]+", (ROOT / "meta/ee-requirements.txt").read_text(), re.MULTILINE)
    assert sorted(ours) == sorted(wanted)
