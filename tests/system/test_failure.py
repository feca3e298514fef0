# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result ``failure`` of a failed module: a play can read its four keys after any error, and Ansible prints it readably."""

from __future__ import annotations

import typing as t

import pytest

from tests.system.playbooks import Ansible

MODULE = "edgecache.cloudflare.origin_cloud_region_info"
DENIED = {"code": 10000, "message": "Authentication error"}


def failing_task(options: dict[str, t.Any], expected: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a task that fails, with a comparison of each key without ``default``."""
    failure = "ansible_failed_result.failure"
    return {
        "block": [{MODULE: {"max_wait": 0, **options}}],
        "rescue": [
            {"ansible.builtin.assert": {"that": [f"{failure}.{key} == expected.{key}" for key in expected]}},
            {"ansible.builtin.assert": {"that": f"{failure} | length == 4"}},
        ],
        "vars": {"expected": expected},
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"zone_id": "x"}, {"status": None, "code": None, "errors": []}),
        ({"api_url": "http://127.0.0.1:1"}, {"status": None, "code": None, "errors": []}),
        ({"api_token": "wrong"}, {"status": 401, "code": 10000, "message": DENIED["message"], "errors": [DENIED]}),
    ],
)
def test_each_key_is_readable(forked_ansible: Ansible, options: dict[str, t.Any], expected: dict[str, t.Any]) -> None:
    run = forked_ansible.play([failing_task(options, expected)])
    assert run.returncode == 0, run.stdout + run.stderr


def test_message_of_the_module_without_an_api_message(forked_ansible: Ansible) -> None:
    task = {MODULE: {"zone_id": "x"}, "register": "read", "ignore_errors": True}
    run = forked_ansible.play([task, {"ansible.builtin.assert": {"that": "read.failure.message == read.msg"}}])
    assert run.returncode == 0, run.stdout + run.stderr


def test_yaml_has_a_line_for_each_key(forked_ansible: Ansible) -> None:
    """The page of error messages recommends this format, since Ansible prints all keys of a result."""
    run = forked_ansible.play([{MODULE: {"zone_id": "x"}}], environment={"ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml"})
    lines = [line.strip() for line in run.stdout.splitlines()]
    assert {"status: null", "code: null", "errors: []", "failure:"} <= set(lines)
