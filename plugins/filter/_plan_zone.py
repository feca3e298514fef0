# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _plan_zone
short_description: "[INTERNAL] Plan a run of the role for the zone of one host"
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
description:
  - B(This filter is internal. Only the role of this collection may use it.)
  - Joins the mappings of the variable with those of the hosts of a group, which need not be in the play.
positional: zone_host, groups, policy, zone, values, questions
options:
  _input:
    description:
      - The variables of each host, C(hostvars).
    type: dict
    required: true
  zone_host:
    description:
      - The host whose zone it is.
    type: str
    required: true
  groups:
    description:
      - The groups of the inventory, with their hosts.
    type: dict
    required: true
  policy:
    description:
      - The converted variables of the host, by name without the prefix C(cloud_region_hints_).
    type: dict
    required: true
  zone:
    description:
      - The zone, with C(zone_id) and C(zone), one of them empty.
    type: dict
    required: true
  values:
    description:
      - The values of the variables that the policy lacks, by the same names.
    type: dict
    required: true
  questions:
    description:
      - The questions of the AWX survey, by the same names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Plan for the zone of a host
  ansible.builtin.set_fact:
    plan: >-
      {{
        hostvars | edgecache.cloudflare._plan_zone(
          inventory_hostname,
          groups,
          {'group': '', 'problems': []},
          {'zone_id': '', 'zone': 'example.com'},
          {'mappings': []},
          {},
        )
      }}
"""

RETURN = r"""
_value:
  description:
    - The converted variables of the role, by name without the prefix C(cloud_region_hints_), and C(error), which is empty.
    - If the role must not run, only C(error).
  type: dict
"""

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._role import plan_zone


class FilterModule:
    """The filter of the name of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_plan_zone": plan_zone}
