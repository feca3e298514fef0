# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _plan_role
short_description: "[INTERNAL] Plan a run of the role"
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
description:
  - B(This filter is internal. Only the role of this collection may use it.)
  - Compares the variables of all hosts of the play, and joins the mappings of the variable with those of the hosts.
positional: first_hosts, hosts, groups, values, questions
options:
  _input:
    description:
      - The variables of each host, C(hostvars).
    type: dict
    required: true
  first_hosts:
    description:
      - The hosts of the play when the role began.
    type: list
    elements: str
    required: true
  hosts:
    description:
      - Those of them that have not failed since, C(ansible_play_batch).
    type: list
    elements: str
    required: true
  groups:
    description:
      - The groups of the inventory, with their hosts.
    type: dict
    required: true
  values:
    description:
      - The values of the variables that only the first host evaluates, by name without the prefix C(cloud_region_hints_).
    type: dict
    required: true
  questions:
    description:
      - The questions of the AWX survey, by the same names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Plan for all hosts
  ansible.builtin.set_fact:
    plan: "{{ hostvars | edgecache.cloudflare._plan_role(ansible_play_batch, ansible_play_batch, groups, {'mappings': []}, {}) }}"
"""

RETURN = r"""
_value:
  description:
    - The converted variables of the role, by name without the prefix C(cloud_region_hints_), and C(error), which is empty.
    - If the role must not run, only C(error).
  type: dict
"""

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._role import plan_role


class FilterModule:
    """The filter of the name of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_plan_role": plan_role}
