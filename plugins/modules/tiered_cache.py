#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tiered_cache
short_description: Enable or disable Tiered Cache, Smart and Regional Tiered Cache of a Cloudflare zone
version_added: 1.0.0
description:
  - Enables or disables Tiered Cache, Smart Tiered Cache and Regional Tiered Cache. Unless the first two are on, cloud region hints have
    no effect.
  - A setting that was never set is off. A setting without its option is neither read nor changed.
  - Costs one request for each specified option, and one for each setting that differs. A zone given by O(zone) costs one more.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.state_module
options:
  state:
    description:
      - Whether Tiered Cache is on. At least one of O(state), O(smart) and O(regional) is required.
    type: str
    choices:
      - enabled
      - disabled
  smart:
    description:
      - Whether Smart Tiered Cache is on. Smart Tiered Cache chooses the upper tier for each origin, and uses the hints for the choice.
    type: bool
  regional:
    description:
      - Whether Regional Tiered Cache is on. It puts another tier between the data centers of a region and the upper tier.
      - Only the plan Enterprise includes this setting. For a zone with another plan, V(true) is an error before any change, and
        V(false) changes nothing.
    type: bool
    version_added: 1.1.0
notes:
  - The module writes a setting even if the API marks the setting as not editable, since the API may accept the write anyway. If the API
    rejects the write, the module fails with the API's message.
  - If the response to a write is lost, the module sends the write again, or reads the setting. If the outcome stays unknown, the module
    fails with a message about the unknown outcome, and returns RV(ignore:changed=true).
seealso:
  - module: edgecache.cloudflare.tiered_cache_info
  - name: Tiered Cache
    description: Cloudflare's description of the settings.
    link: https://developers.cloudflare.com/cache/how-to/tiered-cache/
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Enable what hints need, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment
  edgecache.cloudflare.tiered_cache:
    state: enabled
    smart: true

- name: Disable Smart Tiered Cache, and keep Tiered Cache as it is
  edgecache.cloudflare.tiered_cache:
    smart: false

- name: Enable Regional Tiered Cache of an Enterprise zone
  edgecache.cloudflare.tiered_cache:
    regional: true
"""

RETURN = r"""
tiered_cache:
  description: The settings after the task, or as they would be in check mode.
  returned: success, or if a write has failed
  type: dict
  contains:
    state:
      description: Tiered Cache, V(enabled) or V(disabled); null if the option O(state) is not set.
      returned: always
      type: str
      sample: enabled
    smart:
      description: Whether Smart Tiered Cache is on; null if the option O(smart) is not set.
      returned: always
      type: bool
      sample: true
    regional:
      description: Whether Regional Tiered Cache is on.
      returned: with the option regional
      type: bool
      sample: true
      version_added: 1.1.0
diff:
  description: The settings whose options are specified, before and after the task.
  returned: success, or if a write has failed
  type: dict
  contains:
    before:
      description: The settings before the task, in the form of RV(tiered_cache).
      returned: always
      type: dict
      sample: {state: disabled, smart: null}
    after:
      description: The settings after the task, or as they would be in check mode.
      returned: always
      type: dict
      sample: {state: enabled, smart: null}
zone_id:
  description: The id of the zone.
  returned: success, or if a write has failed
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
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    ConfigurationError,
    SettingUnavailableError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import OptionSource, open_zone_client


def reconcile(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    state = module.params["state"]
    given = {
        "state": state and state == "enabled",
        "smart": module.params["smart"],
        "regional": module.params["regional"],
    }
    desired = {option: on for option, on in given.items() if on is not None}
    if not desired:
        raise ConfigurationError("Specify at least one of state, smart and regional.")
    with open_zone_client(sources, module.warn) as (client, zone_id):
        settings = ZoneSettings(client, zone_id)
        before = {option: get_setting(settings, option, desired[option]) for option in desired}
        after = dict(before)
        for option in [option for option in desired if desired[option] != before[option]]:
            if not module.check_mode:
                try:
                    settings.set(option, desired[option])
                except CloudflareError as error:
                    error.result = {**build_result(before, after, zone_id), **error.result}
                    raise
            after[option] = desired[option]
    return build_result(before, after, zone_id)


def get_setting(settings: ZoneSettings, option: str, desired: bool) -> bool:
    """Return whether a setting is on. If the plan does not include it, it is off, and an error if it is desired."""
    try:
        return settings.get(option)
    except SettingUnavailableError as error:
        if desired:
            raise error.append_detail(f"remove the option {option}") from None
        return False


def build_result(before: dict[str, bool], after: dict[str, bool], zone_id: str) -> dict[str, t.Any]:
    return dict(
        changed=before != after,
        tiered_cache=settings_to_result(after),
        diff=dict(before=settings_to_result(before), after=settings_to_result(after)),
        zone_id=zone_id,
    )


def main() -> None:
    run_module(
        dict(
            state=dict(type="str", choices=["enabled", "disabled"]),
            smart=dict(type="bool"),
            regional=dict(type="bool"),
        ),
        reconcile,
        required_one_of=[("state", "smart", "regional")],
    )


if __name__ == "__main__":
    main()
