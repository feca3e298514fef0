# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _plan_facts
short_description: "[INTERNAL] Plan a run of the entry point facts of the role"
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
description:
  - B(This filter is internal. Only the role of this collection may use it.)
  - Selects the addresses whose mappings the role reads for all hosts of the play.
positional: hosts
options:
  _input:
    description:
      - The variables of each host, C(hostvars).
    type: dict
    required: true
  hosts:
    description:
      - The hosts of the play, C(ansible_play_batch).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Plan for all hosts
  ansible.builtin.set_fact:
    plan: "{{ hostvars | edgecache.cloudflare._plan_facts(ansible_play_batch) }}"
"""

RETURN = r"""
_value:
  description:
    - The list C(addresses), and C(error), which is empty unless the hosts have different zones.
  type: dict
"""

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._role import plan_facts


class FilterModule:
    """The filter of the name of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_plan_facts": plan_facts}
