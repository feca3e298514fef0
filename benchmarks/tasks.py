# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks that playbooks are made of: ours, and those with what comes with ansible-core."""

from __future__ import annotations

import typing as t

from .commands import MEASURED

Task = dict[str, t.Any]

INFO = "edgecache.cloudflare.origin_cloud_region_info"
DECLARE = "edgecache.cloudflare.origin_cloud_regions"

OUR_LOOKUP = "lookup('edgecache.cloudflare.origin_cloud_region', {}).region"
URL_LOOKUP = (
    "(lookup('ansible.builtin.url', url ~ '/' ~ {}, headers=headers, split_lines=false) | from_json).result.region"
)


def measured(action: str, arguments: Task, **keywords: t.Any) -> Task:
    """A task whose seconds count. Its result is registered as ``result``."""
    return {"name": f"{MEASURED} {action}", action: arguments, "register": "result", **keywords}


def rendered(template: str) -> Task:
    """A template filled in, and nothing done with it: a task of the controller alone."""
    return measured("ansible.builtin.set_fact", {"text": template})


def for_each(expression: str) -> str:
    """A template with a line for each of ``addresses``."""
    return "{% for one in addresses %}{{ " + expression.format("one") + " }}\n{% endfor %}"


def uri(path: str = "", **options: t.Any) -> Task:
    """Arguments of ``ansible.builtin.uri`` for a request below the zone's mappings."""
    return {"url": "{{ url }}" + path, "headers": "{{ headers }}", "return_content": True, **options}


def put(path: str, body: str) -> Task:
    return uri(path, method="PUT", body_format="json", body=body)


def pages(count: int) -> Task:
    """The pages of so many mappings, in a loop."""
    numbers = list(range(1, -(-count // 100) + 1))
    return measured("ansible.builtin.uri", uri("?page={{ item }}&per_page=100"), loop=numbers)


def sure(*conditions: str) -> Task:
    """What must hold, or else the figures are worth nothing."""
    return {"ansible.builtin.assert": {"that": list(conditions), "quiet": True}}
