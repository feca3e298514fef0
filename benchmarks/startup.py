# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The startup costs of Ansible, of the SDK, and of a module (its size and its imports)."""

from __future__ import annotations

import json
import re
import sys
import typing as t

from .bench import Bench, spread_addresses
from .commands import Playbook, WholeCommand, execute, read_output
from .formatting import format_number, format_seconds, format_table
from .sizes import Sizes
from .tasks import INFO_MODULE, measured_task, uri_arguments

TIMED_PACKAGES = ("ansible.module_utils.basic", "requests", "netaddr", "concurrent.futures")
# The module imports the libraries when it uses them, which is in each call that reads
INFO_IMPORTS = "ansible_collections.edgecache.cloudflare.plugins.modules.origin_cloud_region_info, netaddr, requests"


class Imports(t.NamedTuple):
    """The total milliseconds of all imports, the number of modules, and the milliseconds of some packages with their imports."""

    total: float
    modules: int
    parts: dict[str, float]


def measure_starts(bench: Bench, sizes: Sizes) -> str:
    """Return a table of commands that do nothing."""
    (bench.folder / "nothing.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": []}]))
    python = (sys.executable, "-c")
    commands = {
        "`ansible-playbook` with a playbook without tasks": ("ansible-playbook", "nothing.yml"),
        "Python with a script that imports the SDK and creates a client": (
            *python,
            "import cloudflare; cloudflare.Cloudflare().cache",
        ),
        "Python with an empty script": (*python, ""),
    }
    times_of: dict[str, list[float]] = {name: [] for name in [*commands][:: sizes.approach_step]}
    for dummy in range(sizes.runs):
        for name, times in times_of.items():
            times += WholeCommand(commands[name]).run(bench).seconds
    return format_table(
        ["", f"seconds, {sizes.runs} runs"], [[name, format_seconds(times)] for name, times in times_of.items()]
    )


def measure_modules(bench: Bench, times: int) -> str:
    ours, other = measure_packed_bytes(bench)
    found: dict[str, list[Imports]] = {INFO_IMPORTS: [], "ansible.modules.uri": []}
    for dummy in range(times):
        for name, measurements in found.items():
            measurements.append(measure_imports(bench, name))
    # The fastest, since other load of the machine only adds time
    fastest = [min(measurements, key=lambda one: one.total) for measurements in found.values()]
    rows = [
        ["`origin_cloud_region_info`", f"{ours:,}", *_format_imports(fastest[0])],
        ["`ansible.builtin.uri`", f"{other:,}", *_format_imports(fastest[1])],
    ]
    heads = [
        "",
        "size in bytes",
        "imported Python modules",
        "milliseconds",
        "selected imports with their dependencies, in milliseconds",
    ]
    return format_table(heads, rows)


def measure_packed_bytes(bench: Bench) -> list[int]:
    """Return the size of the file that Ansible sends to a host, for our module and for ``uri``."""
    sent = bench.folder / "sent"
    (address,) = spread_addresses(1, 1)
    tasks = [
        measured_task(INFO_MODULE, {"origin_ip": address}),
        measured_task("ansible.builtin.uri", uri_arguments(f"/{address}")),
    ]
    bench.reset(1)
    bench.environment.update(ANSIBLE_KEEP_REMOTE_FILES="true", ANSIBLE_REMOTE_TMP=str(sent))
    Playbook(tasks).run(bench)
    del bench.environment["ANSIBLE_KEEP_REMOTE_FILES"], bench.environment["ANSIBLE_REMOTE_TMP"]
    return [next(sent.glob(f"*/AnsiballZ_{name}.py")).stat().st_size for name in ("origin_cloud_region_info", "uri")]


def measure_imports(bench: Bench, modules: str) -> Imports:
    """Measure the imports of these modules with ``-X importtime``."""
    execute(bench, (sys.executable, "-X", "importtime", "-c", f"import {modules}"), PYTHONPATH=bench.python_path)
    lines = re.findall(r"^import time: +(\d+) \| +(\d+) \| +(\S+)$", read_output(bench), re.MULTILINE)
    # The imports up to `site` are those of the interpreter
    names = [name for dummy, dummy_too, name in lines]
    lines = lines[names.index("site") + 1 :]
    parts = {name: int(cumulative) / 1000 for dummy, cumulative, name in lines if name in TIMED_PACKAGES}
    return Imports(sum(int(own) for own, *dummy in lines) / 1000, len(lines), parts)


def _format_imports(imports: Imports) -> list[str]:
    parts = (f"`{name}` {format_number(milliseconds)}" for name, milliseconds in imports.parts.items())
    return [str(imports.modules), format_number(imports.total), ", ".join(parts)]
