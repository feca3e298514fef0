#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: origin_cloud_region_info
short_description: Read the cloud region hints of a Cloudflare zone
version_added: 1.0.0
description:
  - Reads one, several or all cloud region mappings (cloud region hints) of a zone. Changes nothing.
  - A mapping names the cloud vendor and the region of an origin's IP address, so that Smart Tiered Cache can choose an upper tier close to
    the origin.
  - One address costs one request. K addresses cost at most K + 1 requests, and never more than reading all mappings, which costs one
    request for each 100. A zone given by O(zone) costs one more request.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.info_module
options:
  origin_ip:
    description:
      - The IPv4 or IPv6 addresses whose mappings to read, in any spelling.
      - Without this option, the module reads all mappings of the zone. With an empty list, it reads none.
    type: list
    elements: str
seealso:
  - plugin: edgecache.cloudflare.origin_cloud_region
    plugin_type: lookup
    description: Reads the hints in templates.
  - name: Smart Tiered Cache
    description: The setting that uses the hints.
    link: https://developers.cloudflare.com/cache/how-to/tiered-cache/
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Read one mapping, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment
  edgecache.cloudflare.origin_cloud_region_info:
    origin_ip: 192.0.2.1
  register: one

- name: Show the region
  ansible.builtin.debug:
    msg: "{{ one.origin_cloud_regions[0].vendor }} {{ one.origin_cloud_regions[0].region }}"

- name: Read two mappings of a zone given by name
  edgecache.cloudflare.origin_cloud_region_info:
    api_token: "{{ cloudflare_api_token }}"
    zone: example.com
    origin_ip:
      - 192.0.2.1
      - "2001:DB8:0:0::1"
  register: two

- name: Stop if an origin has no hint
  ansible.builtin.assert:
    that: two.missing == []
    fail_msg: "Without a cloud region hint: {{ two.missing | join(', ') }}"

- name: Read all mappings of the zone
  edgecache.cloudflare.origin_cloud_region_info:
    zone_id: 023e105f4ecef8ad9ca31a8372d0c353
  register: all

- name: Count the origins of each vendor
  ansible.builtin.debug:
    msg: "{{ item[0] }}: {{ item[1] | length }}"
  loop: "{{ all.origin_cloud_regions | groupby('vendor') | map('list') }}"
"""

RETURN = r"""
origin_cloud_regions:
  description:
    - The mappings in the order of O(origin_ip), without duplicates. Without O(origin_ip), in the API's order.
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
      description: The region, as the vendor names it.
      returned: always
      type: str
      sample: us-central1
    modified_on:
      description: The time of the last change, as the API gives it; null if the API gives none.
      returned: always
      type: str
      sample: "2026-03-01T12:00:00Z"
missing:
  description:
    - The addresses of O(origin_ip) without a mapping, in canonical form. Empty without O(origin_ip).
  returned: success
  type: list
  elements: str
  sample: ["203.0.113.9"]
canonical:
  description:
    - The canonical form of each address, by its spelling in O(origin_ip). Empty without O(origin_ip).
    - Use this dictionary to find the mapping of an address in an unknown spelling.
  returned: success
  type: dict
  sample:
    "2001:DB8:0:0::1": "2001:db8::1"
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
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    normalize_address,
    normalize_addresses,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import OriginCloudRegions
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import OptionSource, open_zone_client


def read_mappings(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    spellings = module.params["origin_ip"]
    addresses = normalize_addresses("origin_ip", spellings or [])
    with open_zone_client(sources, module.warn) as (client, zone_id):
        zone = OriginCloudRegions(client, zone_id)
        mappings = zone.list_all() if spellings is None else list(zone.get_many(addresses).values())
    mapped = {mapping.origin_ip for mapping in mappings}
    return dict(
        origin_cloud_regions=[mapping.to_result() for mapping in mappings],
        missing=[address for address in addresses if address not in mapped],
        canonical={spelling: normalize_address(spelling) for spelling in spellings or []},
        zone_id=zone_id,
    )


def main() -> None:
    run_module(dict(origin_ip=dict(type="list", elements="str")), read_mappings)


if __name__ == "__main__":
    main()
