# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs to start: Ansible, the SDK, and a module, by size and by its imports."""

from __future__ import annotations

import json
import re
import sys
import typing as t

from .bench import Bench, spread
from .commands import Playbook, Whole, execute, output
from .sizes import Sizes
from .tasks import INFO, measured, uri
from .text import number, seconds, table

PARTS = ("ansible.module_utils.basic", "requests", "netaddr", "concurrent.futures")
# The libraries are imported by what uses them, which is every call that reads
OURS = "ansible_collections.edgecache.cloudflare.plugins.modules.origin_cloud_region_info, netaddr, requests"


class Imports(t.NamedTuple):
    """Milliseconds of all imports together, how many modules there are, and the milliseconds of some with what they import."""

    total: float
    modules: int
    parts: dict[str, float]


def starts_table(bench: Bench, sizes: Sizes) -> str:
    """Whole commands that do nothing."""
    (bench.folder / "nothing.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": []}]))
    python = (sys.executable, "-c")
    commands = {
        "`ansible-playbook` with a playbook that has no task": ("ansible-playbook", "nothing.yml"),
        "Python that imports the SDK and makes a client": (*python, "import cloudflare; cloudflare.Cloudflare().cache"),
        "Python that does nothing": (*python, ""),
    }
    times_of: dict[str, list[float]] = {name: [] for name in [*commands][:: sizes.every]}
    for dummy in range(sizes.runs):
        for name, times in times_of.items():
            times += Whole(commands[name]).run(bench).seconds
    return table(["", f"seconds, {sizes.runs} times"], [[name, seconds(times)] for name, times in times_of.items()])


def modules_table(bench: Bench, times: int) -> str:
    ours, other = packed_sizes(bench)
    found: dict[str, list[Imports]] = {OURS: [], "ansible.modules.uri": []}
    for dummy in range(times):
        for name, several in found.items():
            several.append(imports(bench, name))
    # The quickest, since what else the machine does can only add
    best = [min(several, key=lambda one: one.total) for several in found.values()]
    rows = [
        ["`origin_cloud_region_info`", f"{ours:,}", *_imported(best[0])],
        ["`ansible.builtin.uri`", f"{other:,}", *_imported(best[1])],
    ]
    heads = ["", "packed, bytes", "modules imported", "milliseconds", "of these, with what is first imported by each"]
    return table(heads, rows)


def packed_sizes(bench: Bench) -> list[int]:
    """What Ansible sends to a host for our module, and for ``uri``."""
    sent = bench.folder / "sent"
    (address,) = spread(1, 1)
    tasks = [measured(INFO, {"origin_ip": address}), measured("ansible.builtin.uri", uri(f"/{address}"))]
    bench.reset(1)
    bench.environment.update(ANSIBLE_KEEP_REMOTE_FILES="true", ANSIBLE_REMOTE_TMP=str(sent))
    Playbook(tasks).run(bench)
    del bench.environment["ANSIBLE_KEEP_REMOTE_FILES"], bench.environment["ANSIBLE_REMOTE_TMP"]
    return [next(sent.glob(f"*/AnsiballZ_{name}.py")).stat().st_size for name in ("origin_cloud_region_info", "uri")]


def imports(bench: Bench, modules: str) -> Imports:
    """What ``-X importtime`` says of importing these modules."""
    execute(bench, (sys.executable, "-X", "importtime", "-c", f"import {modules}"), PYTHONPATH=bench.python_path)
    lines = re.findall(r"^import time: +(\d+) \| +(\d+) \| +(\S+)$", output(bench), re.MULTILINE)
    # Up to `site`, it is the interpreter's own start
    names = [name for dummy, dummy_too, name in lines]
    lines = lines[names.index("site") + 1 :]
    parts = {name: int(whole) / 1000 for dummy, whole, name in lines if name in PARTS}
    return Imports(sum(int(own) for own, *dummy in lines) / 1000, len(lines), parts)


def _imported(imports: Imports) -> list[str]:
    parts = (f"`{name}` {number(milliseconds)}" for name, milliseconds in imports.parts.items())
    return [str(imports.modules), number(imports.total), ", ".join(parts)]
