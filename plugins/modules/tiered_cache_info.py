#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tiered_cache_info
short_description: Read the Tiered Cache settings of a Cloudflare zone
version_added: 1.0.0
description:
  - Reads whether Tiered Cache and Smart Tiered Cache are on for a zone; with O(regional), also Regional Tiered Cache. Changes nothing.
  - Unless Tiered Cache and Smart Tiered Cache are on, cloud region hints have no effect. A setting that was never set is off.
  - Costs two requests, and one more with O(regional). A zone given by O(zone) costs one more.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.info_module
options:
  regional:
    description:
      - Whether to read Regional Tiered Cache too, which only the plan Enterprise includes.
    type: bool
    default: false
    version_added: 1.1.0
seealso:
  - module: edgecache.cloudflare.tiered_cache
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the settings, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment
  edgecache.cloudflare.tiered_cache_info:
  register: settings

- name: Stop if hints would have no effect
  ansible.builtin.assert:
    that:
      - settings.tiered_cache.state == 'enabled'
      - settings.tiered_cache.smart
    fail_msg: Tiered Cache and Smart Tiered Cache must be on.

- name: Read Regional Tiered Cache too
  edgecache.cloudflare.tiered_cache_info:
    regional: true
"""

RETURN = r"""
tiered_cache:
  description: The settings, in the form of the options of M(edgecache.cloudflare.tiered_cache).
  returned: success
  type: dict
  contains:
    state:
      description: Tiered Cache, V(enabled) or V(disabled).
      returned: always
      type: str
      sample: enabled
    smart:
      description: Whether Smart Tiered Cache is on.
      returned: always
      type: bool
      sample: true
    regional:
      description: Whether Regional Tiered Cache is on; null if the plan of the zone does not include it.
      returned: with the option regional
      type: bool
      sample: true
      version_added: 1.1.0
zone_id:
  description: The id of the zone that was read.
  returned: success
  type: str
  sample: 023e105f4ecef8ad9ca31a8372d0c353
failure:
  description: The error, as data that a play can evaluate.
  returned: failure
  type: dict
  contains:
    status:
      description: The HTTP status of the API's response; null without a response.
      returned: always
      type: int
      sample: 403
    code:
      description: The first error code of the API; null without one.
      returned: always
      type: int
      sample: 10000
    message:
      description: The API's message for this code. Without a message, the beginning of the response, or C(msg) of the module.
      returned: always
      type: str
      sample: Authentication error
    errors:
      description: All errors of the API.
      returned: always
      type: list
      elements: dict
      contains:
        code:
          description: The error code.
          returned: always
          type: int
          sample: 10000
        message:
          description: The API's message.
          returned: always
          type: str
          sample: Authentication error
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.settings import ZoneSettings, settings_to_result
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import SettingUnavailableError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import OptionSource, open_zone_client


def read_settings(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    with open_zone_client(sources, module.warn) as (client, zone_id):
        settings = ZoneSettings(client, zone_id)
        is_on: dict[str, bool | None] = {option: settings.get(option) for option in ("state", "smart")}
        if module.params["regional"]:
            try:
                is_on["regional"] = settings.get("regional")
            except SettingUnavailableError:
                is_on["regional"] = None
    return dict(tiered_cache=settings_to_result(is_on), zone_id=zone_id)


def main() -> None:
    run_module(dict(regional=dict(type="bool", default=False)), read_settings)


if __name__ == "__main__":
    main()
