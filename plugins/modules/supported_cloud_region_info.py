#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: supported_cloud_region_info
short_description: Read the cloud vendors and regions that a hint may name
version_added: 1.0.0
description:
  - Reads the vendors and regions that a cloud region mapping of the zone may name, and the upper-tier data centers that Cloudflare uses
    for each region. Changes nothing.
  - Tiered Cache must be on for the zone. M(edgecache.cloudflare.tiered_cache) enables it.
  - Costs one request. If the API rejects the request, a second request checks whether Tiered Cache is off. A zone given by O(zone) costs
    one more.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.info_module
options:
  vendor:
    description:
      - The vendor whose regions to return. Without this option, the module returns those of all vendors.
    type: str
    choices:
      - aws
      - azure
      - gcp
      - oci
seealso:
  - module: edgecache.cloudflare.origin_cloud_regions
  - module: edgecache.cloudflare.tiered_cache
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read the supported regions, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment
  edgecache.cloudflare.supported_cloud_region_info:
  register: supported

- name: Show the regions of each vendor
  ansible.builtin.debug:
    msg: "{{ item.key }}: {{ item.value | map(attribute='name') | join(', ') }}"
  loop: "{{ supported.vendors | dict2items }}"
  loop_control:
    label: "{{ item.key }}"

- name: Read the regions of one vendor
  edgecache.cloudflare.supported_cloud_region_info:
    vendor: aws
  register: aws

- name: Stop if a region is not supported
  ansible.builtin.assert:
    that: "'us-east-1' in aws.vendors.aws | map(attribute='name')"
"""

RETURN = r"""
vendors:
  description:
    - The regions of each vendor, by the vendor's name, in the API's order. A region has a C(name), and in C(upper_tier_colos) the codes of
      its upper-tier data centers.
    - With O(vendor), only this vendor. The list is empty if Cloudflare does not support the vendor.
  returned: success
  type: dict
  sample:
    aws:
      - name: us-east-1
        upper_tier_colos: [IAD, EWR]
obtained_codes:
  description: Whether the API returned the codes of the data centers. If V(false), C(upper_tier_colos) may be empty or incomplete.
  returned: success
  type: bool
  sample: true
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

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    VENDORS,
    OriginCloudRegions,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import OptionSource, open_zone_client


def read_regions(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    vendor = module.params["vendor"]
    with open_zone_client(sources, module.warn) as (client, zone_id):
        supported = OriginCloudRegions(client, zone_id).list_supported_regions()
    if vendor:
        supported["vendors"] = {vendor: supported["vendors"].get(vendor, [])}
    return dict(supported, zone_id=zone_id)


def main() -> None:
    run_module(dict(vendor=dict(type="str", choices=list(VENDORS))), read_regions)


if __name__ == "__main__":
    main()
