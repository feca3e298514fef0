# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of the fork server equals a run of the command."""

from __future__ import annotations

import sys
import typing as t

import pytest
import yaml

from tests.system.fork_server import parse_module_environment
from tests.system.playbooks import Ansible, ForkedAnsible

INFO = "edgecache.cloudflare.origin_cloud_region_info"
TASKS: list[dict[str, t.Any]] = [
    {"ansible.builtin.command": "pwd", "register": "folder"},
    {
        "ansible.builtin.command": "printenv HOME GREETING",
        "environment": {"GREETING": "it's $me"},
        "register": "printed",
    },
    {INFO: {"origin_ip": "192.0.2.1"}, "register": "found"},
    {
        INFO: {"origin_ip": "192.0.2.1"},
        "environment": {"CLOUDFLARE_API_TOKEN": "wrong-token"},
        "register": "denied",
        "ignore_errors": True,
    },
    {"ansible.builtin.debug": {"msg": "{{ [folder.stdout, printed.stdout, found, denied.failure] }}"}},
    {"edgecache.cloudflare.origin_cloud_regions": {"mappings": [], "purge": True}},
]


@pytest.mark.slow
def test_output_and_exit_code_of_a_playbook(ansible: Ansible, forked_ansible: ForkedAnsible) -> None:
    """Modules run in the folder of the playbook, which is not that of the command."""
    (ansible.folder / "plays").mkdir()
    play = {"hosts": "localhost", "gather_facts": False, "environment": {"GREETING": "hello"}, "tasks": TASKS}
    (ansible.folder / "plays/playbook.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    real, forked = ansible.run("plays/playbook.yml"), forked_ansible.run("plays/playbook.yml")
    assert real.returncode == 2
    assert [
        text for text in (f"{ansible.folder}/plays", "it's $me", "192.0.2.1", "401") if text not in real.stdout
    ] == []
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        (f"/bin/sh -c {sys.executable}", {}),
        (f"/bin/sh -c '{sys.executable} && sleep 0'", {}),
        (f"""/bin/sh -c 'A=1 B='"'"'it is'"'"' {sys.executable}'""", {"A": "1", "B": "it is"}),
        ("/bin/sh -c /usr/bin/python", None),
        (f"/bin/sh -c '{sys.executable} module.py'", None),
        (f"sudo /bin/sh -c {sys.executable}", None),
        ("/bin/sh -c ''", None),
        ("", None),
    ],
)
def test_which_commands_run_a_module(command: str, environment: dict[str, str] | None) -> None:
    assert parse_module_environment(command) == environment
