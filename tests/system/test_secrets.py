# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No credential is in the output or in the log, at the highest verbosity and after any error.

Ansible only shows the result of a module and the error of a lookup, so most of them run in the process of the tests. One run of
ansible-playbook and one of ansible-inventory have each kind of failure, with the complete output.
"""

from __future__ import annotations

import itertools
import json
import re
import traceback
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar

from tests.simulator.testing import RunningSimulator
from tests.system.in_process import print_result
from tests.system.playbooks import Ansible

SECRET = "Zm9vYmFyLXNlY3JldC1vZi1hLXRlc3Q"
OTHER_SECRET = "c2Vjb25kLXNlY3JldC1vZi1hLXRlc3Q"
EMAIL = "simulator@example.com"
MODULE = "edgecache.cloudflare.origin_cloud_region_info"
LOOKUP = "edgecache.cloudflare.origin_cloud_region"


def escape(secret: str) -> str:
    return "".join(f"\\u{ord(character):04x}" for character in secret)


def check_hidden(*outputs: str) -> None:
    for output in outputs:
        for secret in (SECRET, OTHER_SECRET):
            assert secret not in output
            assert escape(secret) not in output


def envelope(result: t.Any = None, errors: t.Sequence[dict[str, t.Any]] = ()) -> dict[str, t.Any]:
    return {"success": not errors, "errors": list(errors), "messages": [], "result": result}


SEED: dict[str, t.Any] = {
    "zones": [
        {
            "id": "023e105f4ecef8ad9ca31a8372d0c353",
            "name": "example.com",
            "tiered_cache": "on",
            "smart_tiered_cache": "off",
            "regional_tiered_cache": "off",
            "mappings": [{"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-east-1"}],
            "load_balancers": [{"name": "lb.example.com", "proxied": True, "default_pools": ["p1"]}],
            "origin_rules": [],
            "custom_hostnames": [{"hostname": "www.example.org"}],
            "fallback_origin": {"origin": "origin.example.com"},
        }
    ],
    "pools": [{"id": "p1", "origins": [{"address": "192.0.2.1"}]}],
}
# The sources of a credential: the environment, the options of a module, and the credentials of the simulator
CREDENTIAL_SOURCES: dict[str, tuple[dict[str, str], dict[str, str], dict[str, t.Any]]] = {
    "token in the environment": ({"CLOUDFLARE_API_TOKEN": SECRET}, {}, {"tokens": [{"token": SECRET}]}),
    "key in the environment": (
        {"CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": SECRET},
        {},
        {"keys": [{"email": EMAIL, "key": SECRET}]},
    ),
    "token as an option": ({}, {"api_token": SECRET}, {"tokens": [{"token": SECRET}]}),
}


def echo_faults(secret: str) -> list[dict[str, t.Any]]:
    """Return faults for any operation. The API echoes the credential wherever it can."""
    echo = {"Authorization": f"Bearer {secret}", "X-Auth-Key": secret}
    return [
        {
            "kind": "status",
            "status": 403,
            "body": envelope(errors=[{"code": 10000, "message": f"bad header {echo}"}]),
        },
        {"kind": "html", "status": 403, "body": f"<html>{echo}</html>"},
        {
            "kind": "malformed",
            "body": {
                **envelope([{"origin_ip": "192.0.2.1", "vendor": secret, "region": "us-east-1"}]),
                "result_info": {"page": 1, "per_page": 100, "count": 1, "total_count": 1, "total_pages": 1},
            },
        },
        {"kind": "redirect", "location": f"https://example.com/{secret}"},
        {"kind": "disconnect"},
        {"kind": "status", "status": 429, "headers": {"Retry-After": "999"}},
    ]


MAPPING = {"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-west-2"}
# By operation, a task that needs it in any state of the zone
TASKS: dict[str, tuple[str, dict[str, t.Any]]] = {
    "origin-cloud-regions-v2-upsert": ("origin_cloud_region", MAPPING),
    "origin-cloud-regions-v2-delete": ("origin_cloud_region", {"origin_ip": "192.0.2.1", "state": "absent"}),
    "origin-cloud-regions-v2-list": ("origin_cloud_regions", {"mappings": [], "purge": True, "allow_empty": True}),
    "origin-cloud-regions-v2-batch-upsert": ("origin_cloud_regions", {"mappings": [MAPPING]}),
    "origin-cloud-regions-v2-batch-delete": ("origin_cloud_regions", {"mappings": [MAPPING], "state": "absent"}),
    "origin-cloud-regions-v2-supported-regions": ("supported_cloud_region_info", {}),
    "tiered-caching-patch": ("tiered_cache", {"state": "disabled"}),
    "smart-tiered-cache-patch": ("tiered_cache", {"smart": True}),
    "smart-tiered-cache-get": ("tiered_cache_info", {}),
    "regional-tiered-cache-get": ("tiered_cache_info", {"regional": True}),
    "regional-tiered-cache-patch": ("tiered_cache", {"regional": True}),
    "dns-records-list": ("zone_origin_info", {"include": ["dns_records"]}),
    "load-balancers-list": ("zone_origin_info", {"include": ["load_balancers"]}),
    "load-balancer-pools-list": ("zone_origin_info", {"include": ["load_balancers"]}),
    "origin-rules-get": ("zone_origin_info", {"include": ["origin_rules"]}),
    "custom-hostnames-list": ("zone_origin_info", {"include": ["custom_hostnames"]}),
    "fallback-origin-get": ("zone_origin_info", {"include": ["custom_hostnames"]}),
}


def echo_answers(secret: str) -> list[dict[str, t.Any]]:
    """Return faults for any operation, with all kinds of answers that have the credential."""
    echo = f"bad item {{'Authorization': 'Bearer {secret}'}}"
    parts = {"vendor": secret, "region": secret, "id": secret, "value": secret, "error": echo}
    results: list[t.Any] = [
        {"origin_ip": "192.0.2.1", **parts},
        {"succeeded": [], "failed": [{"origin_ip": "192.0.2.1", **parts}]},
        {"succeeded": [{"origin_ip": "192.0.2.1", **parts}], "failed": [{"origin_ip": secret, **parts}]},
        {"vendors": {secret: [{"name": secret, "upper_tier_colos": [secret]}]}, "obtained_codes": True},
        secret,
    ]
    escaped = [(200, envelope(results[1])), (500, envelope(errors=[{"code": 1140, "message": secret}]))]
    return [
        *echo_faults(secret),
        *({"kind": "malformed", "body": envelope(result)} for result in results),
        *(
            {"kind": "status", "status": status, "body": json.dumps(body).replace(secret, escape(secret))}
            for status, body in escaped
        ),
    ]


def echo_write_answers(secret: str) -> list[dict[str, t.Any]]:
    """Return an answer for each kind of error: of the request, of an item, and with escapes. The others only differ for the module."""
    answers = echo_answers(secret)
    denied, failed_item, escaped = answers[0], answers[7], answers[-1]
    return [denied, failed_item, escaped]


RunModule = t.Callable[..., str]


@pytest.fixture
def run_module(fresh_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> RunModule:
    """Run a module in this process, and return its result as text. The result must not have a credential."""
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", fresh_simulator.zone_id)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", fresh_simulator.url)

    def run_module(name: str, /, **options: t.Any) -> str:
        # With all output of -vvvv
        shown = {"_ansible_diff": True, "_ansible_inject_invocation": True, "_ansible_verbosity": 4}
        printed = print_result(name, max_wait=0, **shown, **options)
        check_hidden(printed)
        return printed

    return run_module


# Each with another source than its neighbors
@pytest.mark.parametrize(("operation", "source"), list(zip(TASKS, itertools.cycle(CREDENTIAL_SOURCES))))
def test_results_hide_credentials(
    simulator: RunningSimulator, run_module: RunModule, monkeypatch: pytest.MonkeyPatch, operation: str, source: str
) -> None:
    environment, credential, seed = CREDENTIAL_SOURCES[source]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    simulator.reset({**SEED, **seed})
    simulator.fault(*({**answer, "operation": operation} for answer in echo_answers(SECRET)))
    module, options = TASKS[operation]
    results = [run_module(module, **credential, **options) for dummy in range(len(echo_answers(SECRET)) + 1)]
    assert simulator.faults() == []
    assert simulator.stats()["log"][-1]["status"] == 200
    # The texts that would have it after an error
    assert any("bad header" in result for result in results)
    assert any("bad item" in result for result in results) or "batch" not in operation
    assert not json.loads(results[-1]).get("failed")


@pytest.fixture
def call_lookup(fresh_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., str]:
    """Call the lookup in this process. Return its result, or its error with the causes, which Ansible shows, too."""
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", fresh_simulator.zone_id)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", fresh_simulator.url)

    def call_lookup(**options: t.Any) -> str:
        loader = DataLoader()
        lookup = lookup_loader.get(LOOKUP, loader=loader, templar=Templar(loader, {}))
        try:
            text = repr(lookup.run([], variables={}, max_wait=0, cache=False, **options))
        except AnsibleLookupError as error:
            text = "".join(traceback.format_exception(error))
        check_hidden(text)
        return text

    return call_lookup


@pytest.mark.parametrize("source", CREDENTIAL_SOURCES)
def test_lookups_hide_credentials(
    simulator: RunningSimulator, call_lookup: t.Callable[..., str], monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    environment, credential, seed = CREDENTIAL_SOURCES[source]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    simulator.reset({**SEED, **seed})
    simulator.fault(*echo_answers(SECRET))
    results = [call_lookup(**credential) for dummy in range(len(echo_answers(SECRET)) + 1)]
    assert simulator.faults() == []
    assert any("bad header" in result for result in results)
    assert "us-east-1" in results[-1]


def test_invalid_header_value_of_the_environment(
    fresh_simulator: RunningSimulator,
    run_module: RunModule,
    call_lookup: t.Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", f"{SECRET}\nX-Other: {SECRET}")
    assert "CLOUDFLARE_API_TOKEN" in run_module("origin_cloud_region_info")
    assert "CLOUDFLARE_API_TOKEN" in call_lookup()
    assert fresh_simulator.stats()["requests"] == 0


# Each has a secret in a wrong option, or a secret of wrong type
MISPLACED_IN_MODULES: list[tuple[str, dict[str, t.Any]]] = [
    *(
        ("origin_cloud_region_info", {"api_token": None, option: value})
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
        for value in ([SECRET], {SECRET: [SECRET]})
    ),
    *(
        ("origin_cloud_region_info", {option: SECRET})
        for option in ("api_email", "zone_id", "zone", "api_url", "ca_path", "timeout", "validate_certs", "origin_ip")
    ),
    ("origin_cloud_region_info", {"api_url": f"https://user:{SECRET}@example.com/"}),
    ("origin_cloud_region_info", {"api_token": None, "api_key": "x", "account_email": SECRET}),
    *(
        ("origin_cloud_region", {**MAPPING, "api_token": "short", option: SECRET})
        for option in ("vendor", "region", "state")
    ),
    ("origin_cloud_regions", {"mappings": [{SECRET: SECRET}]}),
    ("origin_cloud_regions", {"mappings": [{**MAPPING, "origin_ip": SECRET}]}),
    ("cloud_region_info", {"origin_ip": "192.0.2.1", "sources": [f"https://example.com/x?sig={SECRET}"]}),
    ("cloud_region_info", {"origin_ip": "192.0.2.1", "sources": [f"https://user:{SECRET}@example.com/x"]}),
]


@pytest.mark.parametrize("is_known", [False, True])
def test_misplaced_secret_in_modules(
    simulator: RunningSimulator, run_module: RunModule, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """The secret may also be the token of the task."""
    messages = []
    for module, misplaced in MISPLACED_IN_MODULES:
        options = {**({"api_token": SECRET} if is_known else {}), **misplaced}
        # None: the option is omitted
        result = json.loads(run_module(module, **{name: value for name, value in options.items() if value is not None}))
        assert result["failed"], options
        messages.append(result["msg"])
    assert any("must be a string, but is a list" in message for message in messages)


# Runs of Ansible

MISPLACED_IN_LOOKUPS = [
    "api_token=[secret]",
    "api_token=query('env', 'SECRET')",
    "account_api_key={secret: [secret]}",
    "api_email=[[secret]]",
    *(f"{option}=secret" for option in ("zone_id", "zone", "api_url", "ca_path", "timeout", "cache_ttl", "api_email")),
    *(f"{option}={{'a': secret}}" for option in ("zone_id", "ca_path", "timeout")),
    "secret",
]


def look_up_task(arguments: str = "", **variables: t.Any) -> dict[str, t.Any]:
    call = f"query('{LOOKUP}'{arguments and ', '}{arguments})"
    return {"ansible.builtin.debug": {"msg": f"{{{{ {call} }}}}"}, "vars": variables}


def create_play(tasks: list[dict[str, t.Any]], **keywords: t.Any) -> dict[str, t.Any]:
    tasks = [{**task, "ignore_errors": True} for task in tasks]
    return {"hosts": "localhost", "gather_facts": False, "tasks": tasks, **keywords}


# One of the faults is a valid answer, with the credential as the vendor
FAILED_LOOKUPS = len(echo_faults("")) - 1
NO_RETRIES = {"cloudflare_max_wait": 0, "cloudflare_cache": False}
# One more than the number of answers, so that the last one is right
LOOKUP_TASKS = [look_up_task()] * (len(echo_faults("")) + 1)
READ_TASK: dict[str, t.Any] = {MODULE: {"max_wait": 0}}
WRITE_TASKS = [{"edgecache.cloudflare.origin_cloud_regions": {"mappings": [MAPPING], "max_wait": 0}}] * (
    len(echo_write_answers("")) + 1
)
# Without pipelining, Ansible shows more output
UNPIPELINED_TASK = {**READ_TASK, "vars": {"ansible_pipelining": False}}


class Output(t.NamedTuple):
    """The output of a run of ansible-playbook, and the statuses of its requests."""

    stdout: str
    log: str
    statuses: list[int]


def run_playbook(ansible: Ansible, plays: list[dict[str, t.Any]], environment: dict[str, str]) -> Output:
    (ansible.folder / "secret.yml").write_text(f"secret: {SECRET}\n")
    run_module = ansible.run(plays, "-vvvv", "--diff", environment=environment)
    log = (ansible.folder / "ansible.log").read_text()
    assert run_module.returncode == 0, run_module.stdout + run_module.stderr
    check_hidden(run_module.stdout, run_module.stderr, log)
    return Output(run_module.stdout, log, [entry["status"] for entry in ansible.simulator.stats()["log"]])


def test_playbook_output_hides_tokens(ansible: Ansible) -> None:
    """One token is in the environment, the other one in an option, in variables, and in wrong options."""
    ansible.simulator.reset({**SEED, "tokens": [{"token": SECRET}, {"token": OTHER_SECRET}]})
    denied, *others = echo_faults(SECRET)
    ansible.simulator.fault(
        {**denied, "times": 2},
        *others,
        *(
            {**answer, "operation": "origin-cloud-regions-v2-batch-upsert"}
            for answer in echo_write_answers(OTHER_SECRET)
        ),
    )
    as_option = create_play(
        [READ_TASK, *LOOKUP_TASKS],
        vars={**NO_RETRIES, "cloudflare_api_token": "{{ secret }}"},
        module_defaults={"group/edgecache.cloudflare.cloudflare": {"api_token": "{{ secret }}"}},
        vars_files=["secret.yml"],
    )
    of_environment = create_play([*WRITE_TASKS, UNPIPELINED_TASK])
    misplaced = [
        *(look_up_task(arguments) for arguments in MISPLACED_IN_LOOKUPS),
        look_up_task(cloudflare_api_token="{{ [secret] }}"),
        look_up_task(cloudflare_timeout="{{ secret }}"),
        look_up_task(cloudflare_api_token="{{ secret }}\nX-Other: {{ secret }}"),
        {MODULE: {"api_token": "{{ secret }}\nX-Other: {{ secret }}"}},
        {MODULE: {"api_token": ["{{ secret }}"]}},
        {MODULE: {"api_email": "{{ secret }}"}},
        {MODULE: {"api_url": "https://user:{{ secret }}@example.com/"}},
        {"edgecache.cloudflare.origin_cloud_region": {**MAPPING, "vendor": "{{ secret }}"}},
        # Ansible stops collecting secrets there
        {"edgecache.cloudflare.origin_cloud_regions": {"mappings": ["192.0.2.1"], "api_token": "{{ secret }}"}},
    ]
    plays = [as_option, of_environment, create_play(misplaced, vars_files=["secret.yml"])]
    environment = {"ANSIBLE_PIPELINING": "true", "CLOUDFLARE_API_TOKEN": OTHER_SECRET, "SECRET": SECRET}
    output = run_playbook(ansible, plays, environment)
    assert ansible.simulator.faults() == []
    assert output.statuses[-2:] == [200, 200]  # the last write, and UNPIPELINED
    outputs = output.stdout.split("PLAY [localhost]")[1:]
    assert [text.count("FAILED!") for text in outputs] == [1 + FAILED_LOOKUPS, len(WRITE_TASKS) - 1, len(misplaced)]
    assert "us-east-1" in outputs[0] and "bad header" in outputs[0]
    for text in ("bad header", "bad item", "+++ after", "EXEC /bin/sh"):
        assert text in outputs[1]
    assert "api_token (the variable cloudflare_api_token) must be a string, but is a list." in output.log
    assert "must be a string, but is a list" in outputs[2] and "dict" in outputs[2]


MISPLACED_IN_INVENTORIES: list[dict[str, t.Any]] = [
    {"api_token": [SECRET]},
    {"api_token": {SECRET: [SECRET]}},
    {"account_api_key": f"{{{{ ['{SECRET}'] }}}}", "api_email": "x@example.com"},
    {"zones": [SECRET]},
    {"timeout": SECRET},
    {SECRET: SECRET},
]


def test_inventory_output_hides_credentials(ansible: Ansible) -> None:
    """With the token in the environment, with another one in the file, and with a token in wrong options."""
    ansible.simulator.reset({**SEED, "tokens": [{"token": SECRET}, {"token": OTHER_SECRET}]})
    ansible.simulator.fault(*echo_faults(OTHER_SECRET), *({**fault, "after": 1} for fault in echo_faults(SECRET)))
    cache = {"cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(ansible.folder / "cache")}
    sources: list[dict[str, t.Any]] = [
        {**cache, **credential, **last}
        for credential in ({}, {"api_token": SECRET})
        for last in [*[{}] * len(echo_faults("")), {"cache": True}]
    ]
    requests = len(sources)
    run_module = ansible.inventories(
        [*sources, *MISPLACED_IN_INVENTORIES],
        *("-e", "cloudflare_max_wait=0", "-vvvv"),
        environment={"CLOUDFLARE_API_TOKEN": OTHER_SECRET},
    )
    assert ansible.simulator.faults() == []
    assert len(ansible.simulator.stats()["log"]) == requests
    assert "us-east-1" in run_module.stdout
    cached = [path.read_text() for path in Path(ansible.folder / "cache").iterdir()]
    assert len(cached) == 2 and all("us-east-1" in text for text in cached)
    log = (ansible.folder / "ansible.log").read_text()
    failures = re.findall("Failed to parse inventory with 'auto' plugin: ", " ".join(log.split()))
    assert len(failures) == 2 * FAILED_LOOKUPS + len(MISPLACED_IN_INVENTORIES)
    assert log.count("bad header") >= 2
    check_hidden(run_module.stdout, run_module.stderr, log, *cached)
