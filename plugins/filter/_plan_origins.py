# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _plan_origins
short_description: "[INTERNAL] Plan the hints of the origins that a zone has itself"
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
description:
  - B(This filter is internal. Only the role of this collection may use it.)
  - Converts the origins of a zone to mappings to declare, and lists those that cannot be declared.
positional: found
options:
  _input:
    description:
      - The plan of the role.
    type: dict
    required: true
  found:
    description:
      - The registered result of M(edgecache.cloudflare.zone_origin_info).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Plan the hints of the origins
  ansible.builtin.set_fact:
    planned: "{{ {'discover': true, 'mappings': [], 'purge': false, 'strict': false} | edgecache.cloudflare._plan_origins(found) }}"
  vars:
    found: {origins: [], hostnames: [], left_out: [], unavailable: [], complete: true}
"""

RETURN = r"""
_value:
  description:
    - The lists C(mappings), C(left_out) and C(keep), C(result) with what the fact of the role also has, and C(error), which is empty unless the role
      must not continue.
  type: dict
"""

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._role import plan_origins


class FilterModule:
    """The filter of the name of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_plan_origins": plan_origins}
