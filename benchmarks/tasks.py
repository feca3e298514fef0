# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of the measured playbooks, with the collection and with ansible-core alone."""

from __future__ import annotations

import typing as t

from .commands import MEASURED_PREFIX

Task = dict[str, t.Any]

INFO_MODULE = "edgecache.cloudflare.origin_cloud_region_info"
DECLARE_MODULE = "edgecache.cloudflare.origin_cloud_regions"

OUR_LOOKUP = "lookup('edgecache.cloudflare.origin_cloud_region', {}).region"
URL_LOOKUP = (
    "(lookup('ansible.builtin.url', url ~ '/' ~ {}, headers=headers, split_lines=false) | from_json).result.region"
)


def measured_task(action: str, arguments: Task, **keywords: t.Any) -> Task:
    """Return a measured task. Its result is registered as ``result``."""
    return {"name": f"{MEASURED_PREFIX} {action}", action: arguments, "register": "result", **keywords}


def template_task(template: str) -> Task:
    """Return a task that only evaluates a template, on the controller."""
    return measured_task("ansible.builtin.set_fact", {"text": template})


def for_each_address(expression: str) -> str:
    """Return a template with a line for each of ``addresses``."""
    return "{% for one in addresses %}{{ " + expression.format("one") + " }}\n{% endfor %}"


def uri_arguments(path: str = "", **options: t.Any) -> Task:
    """Return the arguments of ``ansible.builtin.uri`` for a path below the zone's mappings."""
    return {"url": "{{ url }}" + path, "headers": "{{ headers }}", "return_content": True, **options}


def put_arguments(path: str, body: str) -> Task:
    return uri_arguments(path, method="PUT", body_format="json", body=body)


def read_pages_task(count: int) -> Task:
    """Return a task that reads all pages of this number of mappings, in a loop."""
    numbers = list(range(1, -(-count // 100) + 1))
    return measured_task("ansible.builtin.uri", uri_arguments("?page={{ item }}&per_page=100"), loop=numbers)


def assert_task(*conditions: str) -> Task:
    """Return a task that fails if a condition is false, since the measurement would mean nothing."""
    return {"ansible.builtin.assert": {"that": list(conditions), "quiet": True}}
