# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential shows nowhere: not on the screen, not in the log, not at the highest verbosity, whatever goes wrong."""

from __future__ import annotations

import typing as t

import pytest

from tests.system.playbooks import Ansible

SECRET = "Zm9vYmFyLXNlY3JldC1vZi1hLXRlc3Q"
SEED = {
    "tokens": [{"token": SECRET}],
    "keys": [{"email": "simulator@example.com", "key": SECRET}],
    "zones": [
        {
            "id": "023e105f4ecef8ad9ca31a8372d0c353",
            "name": "example.com",
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
ECHO = {"Authorization": f"Bearer {SECRET}", "X-Auth-Key": SECRET}
FAULTS: list[dict[str, t.Any]] = [
    {
        "kind": "status",
        "status": 403,
        "body": {
            "success": False,
            "errors": [{"code": 10000, "message": f"bad header {ECHO}"}],
            "messages": [],
            "result": None,
        },
    },
    {"kind": "html", "status": 403, "body": f"<html>{ECHO}</html>"},
    {
        "kind": "malformed",
        "body": {
            "success": True,
            "errors": [],
            "messages": [],
            "result": [{"origin_ip": "192.0.2.1", "vendor": SECRET, "region": "us-east-1"}],
            "result_info": {"page": 1, "per_page": 100, "count": 1, "total_count": 1, "total_pages": 1},
        },
    },
    {"kind": "redirect", "location": f"https://example.com/{SECRET}"},
    {"kind": "disconnect"},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "999"}},
]


@pytest.mark.parametrize("way", WAYS)
def test_no_credential_shows(ansible: Ansible, way: str) -> None:
    ansible.simulator.reset(SEED)
    for fault in FAULTS:
        ansible.simulator.fault(**fault, times=2)  # one request of the module, one of the lookup
    (ansible.folder / "secret.yml").write_text(f"cloudflare_api_token: {SECRET}\n")
    play = {**WAYS[way]}
    environment = play.pop("environment")
    tasks = [MODULE, LOOKUP] * (len(FAULTS) + 1)
    run = ansible.play(tasks, "-vvvv", environment=environment, vars={"cloudflare_max_wait": 0}, **play)
    assert "PLAY RECAP" in run.stdout, run.stdout + run.stderr
    assert ansible.simulator.stats()["requests"] == len(tasks)
    log = (ansible.folder / "ansible.log").read_text()
    for output in (run.stdout, run.stderr, log):
        assert SECRET not in output
    # What would show it, had anything gone wrong
    assert "us-east-1" in log
    assert "bad header" in log


def test_a_credential_that_no_header_can_carry(ansible: Ansible) -> None:
    run = ansible.play([MODULE, LOOKUP], "-vvvv", environment={"CLOUDFLARE_API_TOKEN": f"{SECRET}\nX-Other: {SECRET}"})
    assert run.stdout.count("CLOUDFLARE_API_TOKEN") >= 2
    assert SECRET not in run.stdout + run.stderr
    assert ansible.simulator.stats()["requests"] == 0
