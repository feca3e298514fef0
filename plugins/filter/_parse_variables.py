# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _parse_variables
short_description: "[INTERNAL] Convert the variables of the role and the playbooks"
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
description:
  - B(This filter is internal. Only the role and the playbooks of this collection may use it.)
  - Converts the values of variables, which an AWX survey returns as strings, to booleans, lists and absolute paths.
positional: questions
options:
  _input:
    description:
      - The values by the name of the variable, without the prefix C(cloud_region_hints_).
    type: dict
    required: true
  questions:
    description:
      - The questions of the AWX survey, by the same names. Error messages include them.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Convert a string in YAML to a list
  ansible.builtin.debug:
    msg: "{{ ({'sources': '[/aws.json, /gcp.json]'} | edgecache.cloudflare._parse_variables).sources }}"
"""

RETURN = r"""
_value:
  description:
    - The converted values, by the same names.
    - The list RV(ignore:problems) has a message for each value that is not valid, and whose name is missing in the result.
  type: dict
"""

import typing as t

from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._survey import parse_variables


class FilterModule:
    """The filter of the name of this file."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"_parse_variables": convert}


def convert(values: t.Mapping[str, t.Any], questions: t.Mapping[str, str] | None = None) -> dict[str, t.Any]:
    return parse_variables(values, questions or {})
