# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential shows nowhere: not on the screen, not in the log, not at the highest verbosity, whatever goes wrong."""

from __future__ import annotations

import itertools
import json
import typing as t

import pytest

from tests.system.playbooks import Ansible

SECRET = "Zm9vYmFyLXNlY3JldC1vZi1hLXRlc3Q"
ESCAPED = "".join(f"\\u{ord(character):04x}" for character in SECRET)


def envelope(result: t.Any = None, errors: t.Sequence[dict[str, t.Any]] = ()) -> dict[str, t.Any]:
    return {"success": not errors, "errors": list(errors), "messages": [], "result": result}


SEED: dict[str, t.Any] = {
    "zones": [
        {
            "id": "023e105f4ecef8ad9ca31a8372d0c353",
            "name": "example.com",
            "tiered_cache": "on",
            "smart_tiered_cache": "off",
            "mappings": [{"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-east-1"}],
        }
    ],
}
MODULE = {"edgecache.cloudflare.origin_cloud_region_info": {"max_wait": 0}, "ignore_errors": True}
LOOKUP = {
    "ansible.builtin.debug": {"msg": "{{ query('edgecache.cloudflare.origin_cloud_region') }}"},
    "ignore_errors": True,
}
WAYS: dict[str, dict[str, t.Any]] = {
    "token in the environment": {"environment": {"CLOUDFLARE_API_TOKEN": SECRET}},
    "key in the environment": {
        "environment": {
            "CLOUDFLARE_API_TOKEN": "",
            "CLOUDFLARE_EMAIL": "simulator@example.com",
            "CLOUDFLARE_API_KEY": SECRET,
        }
    },
    "token as an option": {
        "environment": {"CLOUDFLARE_API_TOKEN": ""},
        "module_defaults": {"group/edgecache.cloudflare.cloudflare": {"api_token": "{{ cloudflare_api_token }}"}},
        "vars_files": ["secret.yml"],
    },
}
# The simulator takes no token that is a key too
CREDENTIALS: dict[str, dict[str, t.Any]] = {
    way: {"keys": [{"email": "simulator@example.com", "key": SECRET}]}
    if "key" in way
    else {"tokens": [{"token": SECRET}]}
    for way in WAYS
}
ECHO = {"Authorization": f"Bearer {SECRET}", "X-Auth-Key": SECRET}
FAULTS: list[dict[str, t.Any]] = [
    {
        "kind": "status",
        "status": 403,
        "body": envelope(errors=[{"code": 10000, "message": f"bad header {ECHO}"}]),
    },
    {"kind": "html", "status": 403, "body": f"<html>{ECHO}</html>"},
    {
        "kind": "malformed",
        "body": {
            **envelope([{"origin_ip": "192.0.2.1", "vendor": SECRET, "region": "us-east-1"}]),
            "result_info": {"page": 1, "per_page": 100, "count": 1, "total_count": 1, "total_pages": 1},
        },
    },
    {"kind": "redirect", "location": f"https://example.com/{SECRET}"},
    {"kind": "disconnect"},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "999"}},
]


MAPPING = {"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-west-2"}
# By operation, a task that needs it, whether or not it succeeded before
TASKS: dict[str, dict[str, t.Any]] = {
    "origin-cloud-regions-v2-upsert": {"origin_cloud_region": MAPPING},
    "origin-cloud-regions-v2-delete": {"origin_cloud_region": {"origin_ip": "192.0.2.1", "state": "absent"}},
    "origin-cloud-regions-v2-list": {"origin_cloud_regions": {"mappings": [], "purge": True, "allow_empty": True}},
    "origin-cloud-regions-v2-batch-upsert": {"origin_cloud_regions": {"mappings": [MAPPING]}},
    "origin-cloud-regions-v2-batch-delete": {"origin_cloud_regions": {"mappings": [MAPPING], "state": "absent"}},
    "origin-cloud-regions-v2-supported-regions": {"supported_cloud_region_info": {}},
    "tiered-caching-patch": {"tiered_cache": {"state": "disabled"}},
    "smart-tiered-cache-patch": {"tiered_cache": {"smart": True}},
    "smart-tiered-cache-get": {"tiered_cache_info": {}},
}
PARTS = {"vendor": SECRET, "region": SECRET, "id": SECRET, "value": SECRET, "error": f"bad item {ECHO}"}
RESULTS: list[t.Any] = [
    {"origin_ip": "192.0.2.1", **PARTS},
    {"succeeded": [], "failed": [{"origin_ip": "192.0.2.1", **PARTS}]},
    {"succeeded": [{"origin_ip": "192.0.2.1", **PARTS}], "failed": [{"origin_ip": SECRET, **PARTS}]},
    {"vendors": {SECRET: [{"name": SECRET, "upper_tier_colos": [SECRET]}]}, "obtained_codes": True},
    SECRET,
]
ANSWERS = [
    *FAULTS[:3],
    *({"kind": "malformed", "body": envelope(result)} for result in RESULTS),
    *(
        {"kind": "status", "status": status, "body": json.dumps(body).replace(SECRET, ESCAPED)}
        for status, body in [(200, envelope(RESULTS[1])), (500, envelope(errors=[{"code": 1140, "message": SECRET}]))]
    ),
]


@pytest.mark.parametrize("way", WAYS)
def test_no_credential_shows(ansible: Ansible, way: str) -> None:
    ansible.simulator.reset({**SEED, **CREDENTIALS[way]})
    for fault in FAULTS:
        ansible.simulator.fault(**fault, times=2)  # one request of the module, one of the lookup
    tasks = [MODULE, LOOKUP] * (len(FAULTS) + 1)
    log = check_play(ansible, way, tasks, "-vvvv", vars={"cloudflare_max_wait": 0, "cloudflare_cache": False})
    assert ansible.simulator.stats()["requests"] == len(tasks)
    assert ansible.simulator.stats()["log"][-1]["status"] == 200
    # What would show it, had anything gone wrong
    assert "us-east-1" in log
    assert "bad header" in log


# Each with another way than its neighbours
@pytest.mark.parametrize(("operation", "way"), list(zip(TASKS, itertools.cycle(WAYS))))
def test_no_credential_shows_in_modules(ansible: Ansible, operation: str, way: str) -> None:
    ansible.simulator.reset({**SEED, **CREDENTIALS[way]})
    for answer in ANSWERS:
        ansible.simulator.fault(**answer, operation=operation)
    ((module, options),) = TASKS[operation].items()
    task = {f"edgecache.cloudflare.{module}": {**options, "max_wait": 0}, "ignore_errors": True}
    log = check_play(ansible, way, [task] * (len(ANSWERS) + 1), "-vvvv", "--diff")
    assert ansible.simulator.faults() == []
    assert ansible.simulator.stats()["log"][-1]["status"] == 200
    assert "bad header" in log
    assert "bad item" in log or "batch" not in operation


@pytest.mark.parametrize("way", ["in the environment", "in the file"])
def test_no_credential_shows_in_inventories(ansible: Ansible, way: str) -> None:
    ansible.simulator.reset({**SEED, "tokens": [{"token": SECRET}]})
    ansible.simulator.fault(*FAULTS)
    in_file = way == "in the file"
    options = {
        "plugin": "edgecache.cloudflare.origin_cloud_regions",
        **({"api_token": SECRET} if in_file else {}),
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(ansible.folder / "cache"),
    }
    extra = ("-e", "cloudflare_max_wait=0", "-vvvv")
    environment = {"CLOUDFLARE_API_TOKEN": "" if in_file else SECRET}
    runs = [ansible.inventory(options, *extra, environment=environment) for dummy in FAULTS]
    runs.append(ansible.inventory({**options, "cache": True}, *extra, environment=environment))
    assert ansible.simulator.stats()["requests"] == len(runs)
    assert "us-east-1" in runs[-1].stdout
    outputs = [output for run in runs for output in (run.stdout, run.stderr)]
    outputs += [
        (ansible.folder / "ansible.log").read_text(),
        *(f.read_text() for f in (ansible.folder / "cache").iterdir()),
    ]
    assert any("bad header" in output for output in outputs)
    assert not any(SECRET in output or ESCAPED in output for output in outputs)


# Each has the secret in a place where it does not belong, or in a type that it must not have
MISPLACED_IN_MODULES: list[tuple[str, dict[str, t.Any]]] = [
    *(
        ("origin_cloud_region_info", {"api_token": "{{ omit }}", option: value})
        for option in (
            "api_token",
            "account_api_key",
            "api_email",
            "zone_id",
            "zone",
            "ca_path",
            "api_url",
            "origin_ip",
        )
        for value in ("{{ [secret] }}", "{{ {secret: [secret]} }}")
    ),
    *(
        ("origin_cloud_region_info", {option: "{{ secret }}"})
        for option in ("api_email", "zone_id", "zone", "api_url", "ca_path", "timeout", "validate_certs", "origin_ip")
    ),
    ("origin_cloud_region_info", {"api_url": "https://user:{{ secret }}@example.com/"}),
    ("origin_cloud_region_info", {"api_token": "{{ omit }}", "api_key": "x", "account_email": "{{ secret }}"}),
    *(
        ("origin_cloud_region", {**MAPPING, "api_token": "short", option: "{{ secret }}"})
        for option in ("vendor", "region", "state")
    ),
    ("origin_cloud_regions", {"mappings": ["{{ {secret: secret} }}"]}),
    ("origin_cloud_regions", {"mappings": [{**MAPPING, "origin_ip": "{{ secret }}"}]}),
    ("cloud_region_info", {"origin_ip": "192.0.2.1", "sources": ["https://example.com/x?sig={{ secret }}"]}),
    ("cloud_region_info", {"origin_ip": "192.0.2.1", "sources": ["https://user:{{ secret }}@example.com/x"]}),
]
MISPLACED_IN_LOOKUPS = [
    "api_token=[secret]",
    "api_token=query('env', 'SECRET')",
    "account_api_key={secret: [secret]}",
    "api_email=[[secret]]",
    *(f"{option}=secret" for option in ("zone_id", "zone", "api_url", "ca_path", "timeout", "cache_ttl", "api_email")),
    *(f"{option}={{'a': secret}}" for option in ("zone_id", "ca_path", "timeout")),
    "secret",
]


@pytest.mark.parametrize("is_known", [False, True])
def test_a_secret_that_is_misplaced_in_modules(ansible: Ansible, is_known: bool) -> None:
    """Whether or not it is the token of the task, too."""
    tasks = [
        {
            f"edgecache.cloudflare.{module}": {
                "max_wait": 0,
                **({"api_token": "{{ secret }}"} if is_known else {}),
                **options,
            },
            "ignore_errors": True,
        }
        for module, options in MISPLACED_IN_MODULES
    ]
    log = check_play(ansible, "token as an option", tasks, "-vvvv", vars={"secret": "{{ cloudflare_api_token }}"})
    assert log.count("FAILED!") == len(tasks)
    assert "must be a string, but is a list" in log


def test_a_secret_that_is_misplaced_in_lookups(ansible: Ansible) -> None:
    tasks = [
        {
            "ansible.builtin.debug": {
                "msg": f"{{{{ query('edgecache.cloudflare.origin_cloud_region', {arguments}) }}}}"
            },
            "ignore_errors": True,
        }
        for arguments in MISPLACED_IN_LOOKUPS
    ]
    wrong = {"cloudflare_api_token": "{{ [secret] }}"}
    tasks += [{**LOOKUP, "vars": wrong}, {**LOOKUP, "vars": {"cloudflare_timeout": "{{ secret }}"}}]
    (ansible.folder / "other.yml").write_text(f"secret: {SECRET}\n")
    run = ansible.play(tasks, "-vvvv", environment={"SECRET": SECRET}, vars_files=["other.yml"])
    log = (ansible.folder / "ansible.log").read_text()
    assert run.stdout.count("FAILED!") == len(tasks)
    assert "api_token (the variable cloudflare_api_token) must be a string, but is a list." in log
    assert not any(SECRET in output for output in (run.stdout, run.stderr, log))
    assert ansible.simulator.stats()["requests"] == 0


@pytest.mark.parametrize(
    "options",
    [
        {"api_token": [SECRET]},
        {"api_token": {SECRET: [SECRET]}},
        {"account_api_key": f"{{{{ ['{SECRET}'] }}}}", "api_email": "x@example.com"},
        {"zones": [SECRET]},
        {"timeout": SECRET},
        {SECRET: SECRET},
    ],
    ids=str,
)
def test_a_secret_that_is_misplaced_in_inventories(ansible: Ansible, options: dict[str, t.Any]) -> None:
    run = ansible.inventory({"plugin": "edgecache.cloudflare.origin_cloud_regions", **options}, "-vvvv")
    log = (ansible.folder / "ansible.log").read_text()
    assert "Failed to parse" in run.stderr
    assert not any(SECRET in output for output in (run.stdout, run.stderr, log))
    assert ansible.simulator.stats()["requests"] == 0


def test_a_token_beside_elements_of_a_wrong_type(ansible: Ansible) -> None:
    """Ansible gives up collecting secrets there."""
    task = {"edgecache.cloudflare.origin_cloud_regions": {"mappings": ["192.0.2.1"]}, "ignore_errors": True}
    log = check_play(ansible, "token as an option", [task], "-vvvv")
    assert "dict" in log
    assert ansible.simulator.stats()["requests"] == 0


def check_play(ansible: Ansible, way: str, tasks: list[dict[str, t.Any]], *arguments: str, **keywords: t.Any) -> str:
    """Run these tasks with the secret given in this way, and see that it shows nowhere; the log."""
    (ansible.folder / "secret.yml").write_text(f"cloudflare_api_token: {SECRET}\n")
    play = {**WAYS[way], **keywords}
    run = ansible.play(tasks, *arguments, environment=play.pop("environment"), **play)
    assert "PLAY RECAP" in run.stdout, run.stdout + run.stderr
    log = (ansible.folder / "ansible.log").read_text()
    for output in (run.stdout, run.stderr, log):
        assert SECRET not in output
        assert ESCAPED not in output
    return log


def test_a_credential_that_no_header_can_carry(ansible: Ansible) -> None:
    run = ansible.play([MODULE, LOOKUP], "-vvvv", environment={"CLOUDFLARE_API_TOKEN": f"{SECRET}\nX-Other: {SECRET}"})
    assert run.stdout.count("CLOUDFLARE_API_TOKEN") >= 2
    assert SECRET not in run.stdout + run.stderr
    assert ansible.simulator.stats()["requests"] == 0
