#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloud_region_info
short_description: Find the cloud vendor and region of IP addresses
version_added: 1.0.0
description:
  - Finds the cloud vendor and the region of IP addresses, from the address ranges that the vendors publish. A cloud region hint names
    the same vendor and region.
  - Of the prefixes that contain the address and have a region, the module uses the longest. Prefixes without a region are ignored.
  - Costs no request to Cloudflare, and one request for each URL in O(sources). With an empty list of addresses, costs no request.
  - Does not use a credential. The module accepts and ignores the options for the credential, the zone and the API. So C(module_defaults) of
    the action group can apply to all tasks of a play.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.info_module
  - edgecache.cloudflare.cloud_ranges
options:
  origin_ip:
    description:
      - The IPv4 or IPv6 addresses, in any spelling.
    type: list
    elements: str
    required: true
seealso:
  - plugin: edgecache.cloudflare.cloud_region
    plugin_type: lookup
    description: Finds the vendor and the region in templates.
  - module: edgecache.cloudflare.supported_cloud_region_info
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Find the region of two addresses, in the files of AWS, Google and Oracle
  edgecache.cloudflare.cloud_region_info:
    origin_ip:
      - 192.0.2.1
      - "2001:DB8:0:0::1"
  delegate_to: localhost
  register: found

- name: Show the regions
  ansible.builtin.debug:
    msg: "{{ item.origin_ip }} is in {{ item.vendor }}/{{ item.region }}"
  loop: "{{ found.cloud_regions }}"
  loop_control:
    label: "{{ item.origin_ip }}"

- name: Download Azure's file, whose URL is on Microsoft's download page 56519 and changes each week
  ansible.builtin.get_url:
    url: "{{ azure_ranges_url }}"
    dest: "{{ playbook_dir }}/azure.json"
    force: true # replace the file of another week
    mode: "0644"
  delegate_to: localhost

- name: Find the region of an address, in the files of all four vendors
  edgecache.cloudflare.cloud_region_info:
    origin_ip: 198.51.100.7
    sources:
      - https://ip-ranges.amazonaws.com/ip-ranges.json
      - https://www.gstatic.com/ipranges/cloud.json
      - https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json
      - "{{ playbook_dir }}/azure.json"
  delegate_to: localhost
  register: one

- name: Stop if the region is not known
  ansible.builtin.assert:
    that: one.cloud_regions | length == 1
    fail_msg: "In no range: {{ one.unknown }}. In several regions: {{ one.ambiguous }}"
"""

RETURN = r"""
cloud_regions:
  description:
    - The addresses that are in exactly one region, in the order of O(origin_ip), each once.
  returned: success
  type: list
  elements: dict
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
      description: The region, as the vendor's file names it.
      returned: always
      type: str
      sample: us-central1
    prefix:
      description: The matching prefix, in canonical form.
      returned: always
      type: str
      sample: 2001:db8::/44
    source:
      description: The first of O(sources) that contains the prefix.
      returned: always
      type: str
      sample: https://www.gstatic.com/ipranges/cloud.json
unknown:
  description:
    - The addresses that are in no range with a region, in canonical form.
  returned: success
  type: list
  elements: str
  sample: ["203.0.113.99"]
ambiguous:
  description:
    - The addresses whose longest prefix belongs to different vendors or regions.
  returned: success
  type: list
  elements: dict
  contains:
    origin_ip:
      description: The address in canonical form.
      returned: always
      type: str
      sample: 198.51.100.200
    candidates:
      description: The possible regions.
      returned: always
      type: list
      elements: dict
      contains:
        vendor:
          description: The cloud vendor.
          returned: always
          type: str
          sample: aws
        region:
          description: The region.
          returned: always
          type: str
          sample: us-east-1
        prefix:
          description: The matching prefix.
          returned: always
          type: str
          sample: 198.51.100.192/26
        source:
          description: The first of O(sources) that contains the prefix.
          returned: always
          type: str
          sample: https://ip-ranges.amazonaws.com/ip-ranges.json
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
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_addresses
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import OptionSource, load_ranges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import DEFAULT_SOURCES


def find_regions(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    addresses = normalize_addresses("origin_ip", module.params["origin_ip"])
    ranges = load_ranges(sources, module.warn) if addresses else None
    matches = {address: ranges.lookup(address) for address in addresses} if ranges else {}
    return dict(
        cloud_regions=[
            dict(origin_ip=address, **found[0]._asdict()) for address, found in matches.items() if len(found) == 1
        ],
        unknown=[address for address, found in matches.items() if not found],
        ambiguous=[
            dict(origin_ip=address, candidates=[match._asdict() for match in found])
            for address, found in matches.items()
            if len(found) > 1
        ],
    )


def main() -> None:
    options = dict(
        origin_ip=dict(type="list", elements="str", required=True),
        sources=dict(type="list", elements="str", default=DEFAULT_SOURCES),
    )
    run_module(options, find_regions)


if __name__ == "__main__":
    main()
