#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: origin_cloud_region
short_description: Set or delete the cloud region hint of one origin
version_added: 1.0.0
description:
  - Ensures that a zone has a cloud region mapping (cloud region hint) for an origin's IP address, or with O(state=absent) that it has none.
  - Costs one request if nothing changes, else two. A zone given by O(zone) costs one more.
  - If the API rejects the region, one more request finds the most similar name for the error message.
  - For many origins, M(edgecache.cloudflare.origin_cloud_regions) costs far fewer requests.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.state_module
options:
  origin_ip:
    description:
      - The IPv4 or IPv6 address of the origin, in any spelling.
    type: str
    required: true
  vendor:
    description:
      - The cloud vendor that hosts the origin. Required for O(state=present).
    type: str
    choices:
      - aws
      - azure
      - gcp
      - oci
  region:
    description:
      - The region, as the vendor names it. Required for O(state=present).
      - M(edgecache.cloudflare.supported_cloud_region_info) lists the regions.
      - In check mode, the module reads this list instead of writing, so that it also fails for a wrong region.
        While Tiered Cache is off, check mode cannot validate the region, and shows a warning.
    type: str
  state:
    description:
      - V(present) creates the mapping, or changes it to O(vendor) and O(region).
      - V(absent) deletes the mapping of the address, with any vendor and region.
    type: str
    choices:
      - present
      - absent
    default: present
  validate_addresses:
    description:
      - Whether to reject addresses that the internet does not reach, before any request.
      - These are private, CGNAT (V(100.64.0.0/10)), loopback, link-local, unique local, multicast, unspecified, broadcast and reserved
        addresses, also as IPv4-mapped IPv6 addresses. Addresses for documentation, such as V(192.0.2.1), are accepted.
      - Applies to O(state=present) only. O(state=absent) deletes the mapping of any address.
    type: bool
    default: true
    version_added: 1.1.0
notes:
  - If the response to a write is lost, the module sends the write again, or reads the mapping. If the outcome stays unknown, the module
    fails with a message about the unknown outcome, and returns RV(ignore:changed=true).
seealso:
  - module: edgecache.cloudflare.origin_cloud_regions
  - module: edgecache.cloudflare.origin_cloud_region_info
  - module: edgecache.cloudflare.supported_cloud_region_info
  - module: edgecache.cloudflare.tiered_cache
    description: The settings without which a hint has no effect.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Declare where an origin is, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment
  edgecache.cloudflare.origin_cloud_region:
    origin_ip: 192.0.2.10
    vendor: aws
    region: eu-central-1

- name: Delete the hint of an origin that no longer exists
  edgecache.cloudflare.origin_cloud_region:
    origin_ip: "2001:DB8:0:0::1"
    state: absent
"""

RETURN = r"""
origin_cloud_region:
  description: The mapping after the task, or as it would be in check mode; null if the address has no mapping.
  returned: success
  type: dict
  contains:
    origin_ip:
      description: The address in canonical form (RFC 5952 for IPv6).
      returned: always
      type: str
      sample: 2001:db8::1
    vendor:
      description: The cloud vendor, V(aws), V(azure), V(gcp) or V(oci).
      returned: always
      type: str
      sample: gcp
    region:
      description: The region, as the vendor names it.
      returned: always
      type: str
      sample: us-central1
    modified_on:
      description: The time of the last change, as the API gives it; null if the API gives none.
      returned: always
      type: str
      sample: "2026-03-01T12:00:00Z"
diff:
  description: The mappings before and after the task, as V(vendor/region) by address. Empty if the address has no mapping.
  returned: success
  type: dict
  contains:
    before:
      description: The mapping before the task.
      returned: always
      type: dict
      sample: {}
    after:
      description: The mapping after the task, or as it would be in check mode.
      returned: always
      type: dict
      sample: {"192.0.2.10": aws/eu-central-1}
zone_id:
  description: The id of the zone.
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

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_addresses
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    VENDORS,
    OriginCloudRegions,
    OriginMapping,
    same_region,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    UNSUPPORTED_REGION,
    ApiError,
    CloudflareError,
    ConfigurationError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.desired import (
    find_unreachable,
    is_blank,
    mark_unreachable,
    parse_mapping,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.reconcile import Change, build_diff
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.validation import (
    find_unsupported,
    format_problems,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import OptionSource, open_zone_client


def reconcile(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    (address,) = normalize_addresses("origin_ip", [module.params["origin_ip"]])
    desired = parse_options(module, address) if module.params["state"] == "present" else None
    with open_zone_client(sources, module.warn) as (client, zone_id):
        zone = OriginCloudRegions(client, zone_id)
        before = zone.get(address)
        after = before
        if not same_region(before, desired):
            after = desired
            if module.check_mode:
                validate_region(module, zone, desired)
            elif desired:
                after = write(zone, desired)
            elif not zone.delete(address):  # another client deleted it first
                before = None
    return dict(
        changed=not same_region(before, after),
        origin_cloud_region=after and after.to_result(),
        diff=build_diff([Change(address, before, after)]),
        zone_id=zone_id,
    )


def parse_options(module: AnsibleModule, address: str) -> OriginMapping:
    """Return the desired mapping."""
    vendor, region, item = module.params["vendor"], module.params["region"], dict(module.params, host=None)
    problems = find_unreachable("origin_ip", mark_unreachable([item])) if module.params["validate_addresses"] else []
    if is_blank(vendor) or is_blank(region):
        problems.append("vendor and region must not be empty.")
    if problems:
        raise ConfigurationError(" ".join(problems))
    return parse_mapping(address, vendor, region)


def write(zone: OriginCloudRegions, desired: OriginMapping) -> OriginMapping:
    """Write the mapping. If the API rejects its region, one more request finds the most similar one for the error."""
    try:
        return zone.put(desired)
    except ApiError as error:
        if error.code == UNSUPPORTED_REGION:
            with contextlib.suppress(CloudflareError):
                vendors = zone.list_supported_regions(explain=False)["vendors"]
                for problem in format_problems(find_unsupported([desired], vendors)):
                    error.append_detail(problem)
        raise


def validate_region(module: AnsibleModule, zone: OriginCloudRegions, desired: OriginMapping | None) -> None:
    """Raise the error that the write would raise, as far as the supported regions are known."""
    if not desired:
        return
    try:
        problems = find_unsupported([desired], zone.list_supported_regions(explain=False)["vendors"])
    except ApiError as error:
        if not error.is_rejected:
            raise
        module.warn(f"The region was not validated, since the API does not list the supported regions: {error}")
        return
    if problems:
        raise ConfigurationError(f"{format_problems(problems)[0]}.")


def main() -> None:
    run_module(
        dict(
            origin_ip=dict(type="str", required=True),
            vendor=dict(type="str", choices=list(VENDORS)),
            region=dict(type="str"),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            validate_addresses=dict(type="bool", default=True),
        ),
        reconcile,
        required_if=[("state", "present", ("vendor", "region"))],
    )


if __name__ == "__main__":
    main()
