# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process that imports Ansible once and forks for each run of ansible-playbook, ansible-inventory, ansible-doc or a module.

A run does what the command does, from its arguments to its exit code. Without a fork, each command, each module and each worker
process of ansible-playbook imports the same code again, which takes most of the time of a short playbook.

``playbooks.ForkServer`` starts this file. Each request is a line with a JSON object on standard input; the answer is the exit code on
standard output.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import shlex
import sys
import tempfile
import traceback
import typing as t
import warnings

if t.TYPE_CHECKING:
    from ansible.plugins.connection.local import Connection

COLLECTION = "ansible_collections.edgecache.cloudflare"
COMMANDS = ("doc", "inventory", "playbook")
LIBRARIES = (
    *("ansible.executor.playbook_executor", "ansible.module_utils.urls", "netaddr", "requests"),
    # Imported by the first task, or by each module
    *("ansible.playbook.handler_task_include", "multiprocessing.popen_fork", "multiprocessing.synchronize"),
    *(f"ansible.module_utils._internal._json._profiles._module_legacy_{direction}" for direction in ("c2m", "m2c")),
    "encodings.cp437",
    f"{COLLECTION}.playbooks.filter_plugins.report",
)
INVENTORY = os.path.join(os.path.dirname(__file__), "../integration/targets/role_cloud_region_hints/inventory.ini")
PLUGIN_KINDS = (
    *("action", "become", "cache", "callback", "connection", "filter"),
    *("inventory", "lookup", "shell", "strategy", "test", "vars"),
)


def import_ansible() -> None:
    """Import the commands, the plugins of ansible-core and of the collection, and the shared code of the collection."""
    from ansible._internal._task import UnifiedTaskResult
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins import loader
    from ansible.template import Templar, trust_as_template

    loader.init_plugin_loader()
    for name in (*(f"ansible.cli.{command}" for command in COMMANDS), *LIBRARIES):
        importlib.import_module(name)
    for kind in PLUGIN_KINDS:
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    plugins = importlib.import_module(f"{COLLECTION}.plugins")
    for module in pkgutil.walk_packages(plugins.__path__, f"{plugins.__name__}."):
        kind, dummy, name = module.name.removeprefix(f"{plugins.__name__}.").partition(".")
        if kind in PLUGIN_KINDS and name:
            getattr(loader, f"{kind}_loader").get(f"edgecache.cloudflare.{name}", class_only=True)
        elif kind in ("module_utils", "plugin_utils"):
            importlib.import_module(module.name)
    Templar(DataLoader()).template(trust_as_template("{{ [1] | map('string') | list }}"))
    InventoryManager(DataLoader(), [INVENTORY])  # compiles regular expressions
    for source_is_module in (False, True):  # fill its cache
        UnifiedTaskResult.get_result_key_to_resolved_field_mapping(source_is_module=source_is_module)
    # Each run of a command configures the plugin loader, which is configured already.
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")


def run_in_fork(function: t.Callable[[], object], output: str, errors: str) -> int:
    """Call a function in a child process, with these files as standard output and standard error. Return its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    returncode = 1
    try:
        for number, path in enumerate((os.devnull, output, errors)):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, number)
            os.close(file)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, closefd=False) for number, mode in enumerate("rww")
        )
        function()
        returncode = 0
    except SystemExit as stopped:
        returncode = int(stopped.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            # The fork must never return: it would answer the next request too.
            os._exit(returncode)


def handle_request(request: dict[str, t.Any]) -> int:
    """Run a command or a module, and return its exit code.

    A request has ``command``, or ``module`` and ``options``; and ``folder``, ``environment``, ``stdout`` and ``stderr``.
    """

    def run() -> None:
        from ansible import constants

        # As in a process of its own, where the plugins of a run share data, but not those of several runs
        folder = tempfile.mkdtemp(dir=constants.DEFAULT_LOCAL_TMP)
        # A packed module depends only on files that no test changes, and packing takes longer than most modules.
        packed = os.path.join(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache")
        os.makedirs(packed, exist_ok=True)
        os.symlink(packed, os.path.join(folder, "ansiballz_cache"))
        constants.DEFAULT_LOCAL_TMP = folder
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        tempfile.tempdir = None  # read the environment again
        if "module" in request:
            run_module(request["module"], request["options"])
        else:
            command = request["command"]
            importlib.import_module(f"ansible.cli.{command[0].removeprefix('ansible-')}").main(command)

    return run_in_fork(run, request["stdout"], request["stderr"])


def run_module(name: str, options: dict[str, t.Any]) -> None:
    """Run a module of the collection as a script."""
    from ansible.module_utils import _internal, basic

    _internal.is_controller = False
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    runpy.run_module(f"{COLLECTION}.plugins.modules.{name}", run_name="__main__", alter_sys=True)


def fork_modules_of_playbooks() -> None:
    """Let worker processes of ansible-playbook fork for a module on this machine, instead of starting another Python."""
    from ansible.plugins.connection import local

    execute = local.Connection.exec_command

    def exec_command(
        self: Connection, cmd: str, in_data: bytes | None = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        environment = parse_module_environment(cmd)
        if in_data is None or environment is None:
            result: tuple[int, bytes, bytes] = execute(self, cmd, in_data, sudoable)
            return result
        return run_payload(in_data, environment, self.cwd)

    local.Connection.exec_command = exec_command


def parse_module_environment(command: str) -> dict[str, str] | None:
    """Return the variables that a command sets, or ``None`` unless it only runs a module from standard input with this Python."""
    words = shlex.split(command)
    if words[:2] != ["/bin/sh", "-c"] or len(words) != 3:
        return None
    *assignments, python = shlex.split(words[2].removesuffix(" && sleep 0")) or [""]
    if python != sys.executable or not all("=" in word for word in assignments):
        return None
    return dict(word.split("=", 1) for word in assignments)


def run_payload(payload: bytes, environment: dict[str, str], folder: str | None) -> tuple[int, bytes, bytes]:
    """Run a module that ansible-playbook has packed. Return its exit code, standard output and standard error."""
    from ansible import constants
    from ansible.module_utils import _internal

    def run() -> None:
        os.chdir(folder or ".")
        os.environ.update(environment)
        sys.argv = [""]
        _internal.is_controller = False
        exec(compile(payload, "<stdin>", "exec"), {"__name__": "__main__"})

    paths = [os.path.join(constants.DEFAULT_LOCAL_TMP, f"{os.getpid()}.{name}") for name in ("stdout", "stderr")]
    returncode = run_in_fork(run, *paths)
    contents = []
    for path in paths:
        with open(path, "rb") as file:
            contents.append(file.read())
        os.unlink(path)
    return returncode, contents[0], contents[1]


def main() -> None:
    from ansible import constants

    import_ansible()
    fork_modules_of_playbooks()
    # ansible-playbook polls its workers. By default, it polls each millisecond, which takes much of the time of a run that waits.
    constants.DEFAULT_INTERNAL_POLL_INTERVAL = 0.01
    # The garbage collector would write to the pages that the forks share with the server, and so copy them.
    gc.collect()
    gc.disable()
    gc.freeze()
    requests, answers = sys.stdin, sys.stdout
    for line in requests:
        print(handle_request(json.loads(line)), file=answers, flush=True)


if __name__ == "__main__":
    main()
