#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: origin_cloud_region_audit_info
short_description: Compare the cloud region hints of a zone with the vendors' address ranges
version_added: 1.0.0
description:
  - Compares all cloud region mappings (cloud region hints) of a zone with the address ranges that the cloud vendors publish, and with
    the supported regions. Changes nothing.
  - A hint becomes wrong when a vendor moves the address to another region, or when the address gets another owner. A wrong hint is worse
    than no hint, since the upper tier is then far away.
  - The module compares the names of regions. Azure's file has short names for some regions, such as V(germanywc). If a hint has another
    name for the same region, the hint is in RV(wrong).
  - Costs one request for each 100 mappings of the zone, and one for the supported regions. A zone given by O(zone) costs one more. Each
    URL in O(sources) costs one request to that server, and none to Cloudflare.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.info_module
  - edgecache.cloudflare.cloud_ranges
options:
  validate_regions:
    description:
      - Whether to check that Cloudflare supports the regions of the hints.
      - The API lists the supported regions only while Tiered Cache is on for the zone.
    type: bool
    default: true
seealso:
  - module: edgecache.cloudflare.cloud_region_info
    description: Finds the region of any address.
  - module: edgecache.cloudflare.origin_cloud_regions
    description: Fixes wrong hints.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Compare the hints of a zone with the files of AWS, Google and Oracle
  edgecache.cloudflare.origin_cloud_region_audit_info:
    zone: example.com
  register: audit

- name: Show the wrong hints
  ansible.builtin.debug:
    msg: "{{ item.origin_ip }} is in {{ item.expected.vendor }}/{{ item.expected.region }}, and not in {{ item.vendor }}/{{ item.region }}"
  loop: "{{ audit.wrong }}"
  loop_control:
    label: "{{ item.origin_ip }}"

- name: Fix the wrong hints
  edgecache.cloudflare.origin_cloud_regions:
    zone_id: "{{ audit.zone_id }}"
    mappings: "{{ audit.wrong | selectattr('supported') | map(attribute='expected') }}"
"""

RETURN = r"""
right:
  description:
    - The mappings whose vendor and region agree with the ranges.
    - Each mapping of the zone is in exactly one of RV(right), RV(wrong), RV(ambiguous) and RV(unknown). All lists are in the API's order.
  returned: success
  type: list
  elements: dict
  contains:
    origin_ip: &origin_ip
      description: The address in canonical form (RFC 5952 for IPv6).
      returned: always
      type: str
      sample: 2001:db8::1
    vendor: &vendor
      description: The cloud vendor of the hint, V(aws), V(azure), V(gcp) or V(oci).
      returned: always
      type: str
      sample: gcp
    region: &region
      description: The region of the hint.
      returned: always
      type: str
      sample: us-central1
    modified_on: &modified_on
      description: The time of the last change, as the API gives it; null if the API gives none.
      returned: always
      type: str
      sample: "2026-03-01T12:00:00Z"
    prefix: &prefix
      description: The matching prefix, in canonical form.
      returned: always
      type: str
      sample: 2001:db8::/44
    source: &source
      description: The first of O(sources) that contains the prefix.
      returned: always
      type: str
      sample: https://www.gstatic.com/ipranges/cloud.json
wrong:
  description: The mappings for which the ranges have another vendor or region.
  returned: success
  type: list
  elements: dict
  contains:
    origin_ip: *origin_ip
    vendor: *vendor
    region: *region
    modified_on: *modified_on
    expected:
      description: The right mapping, in the form that M(edgecache.cloudflare.origin_cloud_regions) accepts.
      returned: always
      type: dict
      contains:
        origin_ip: *origin_ip
        vendor: &place_vendor
          description: The cloud vendor.
          returned: always
          type: str
          sample: aws
        region: &place_region
          description: The region, as the vendor's file names it.
          returned: always
          type: str
          sample: us-east-1
        prefix: *prefix
        source: *source
    supported:
      description: Whether Cloudflare supports the expected region; null without O(validate_regions).
      returned: always
      type: bool
      sample: true
ambiguous:
  description: The mappings whose address is in several regions, since its longest prefix belongs to all of them.
  returned: success
  type: list
  elements: dict
  contains:
    origin_ip: *origin_ip
    vendor: *vendor
    region: *region
    modified_on: *modified_on
    candidates:
      description: The possible regions.
      returned: always
      type: list
      elements: dict
      contains:
        vendor: *place_vendor
        region: *place_region
        prefix: *prefix
        source: *source
unknown:
  description:
    - The mappings whose address is in no range with a region.
    - Such a mapping may be right if the vendor's file is not among O(sources), or if you own the address and the
      vendor only announces its route (BYOIP).
  returned: success
  type: list
  elements: dict
  contains: &mapping
    origin_ip: *origin_ip
    vendor: *vendor
    region: *region
    modified_on: *modified_on
unsupported:
  description:
    - The mappings whose vendor and region are no longer supported. Each is also in one of the other lists.
    - Empty without O(validate_regions).
  returned: success
  type: list
  elements: dict
  contains: *mapping
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
    OriginCloudRegions,
    Vendors,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import TieredCacheDisabledError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.audit import audit_mappings
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    OptionSource,
    create_pacer,
    load_ranges,
    open_zone_client,
    validate_options,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import DEFAULT_SOURCES


def audit(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    validate_options(sources)
    pacer = create_pacer(sources, module.warn)  # one max_wait for the files and the zone
    ranges = load_ranges(sources, module.warn, pacer)
    with open_zone_client(sources, module.warn, pacer=pacer) as (client, zone_id):
        zone = OriginCloudRegions(client, zone_id)
        vendors = list_vendors(zone) if module.params["validate_regions"] else None
        mappings = zone.list_all()
    return dict(audit_mappings(mappings, ranges, vendors), zone_id=zone_id)


def list_vendors(zone: OriginCloudRegions) -> Vendors:
    """Return the supported regions by vendor."""
    try:
        vendors: Vendors = zone.list_supported_regions()["vendors"]
        return vendors
    except TieredCacheDisabledError as error:
        raise error.append_detail("or set validate_regions to false") from None


def main() -> None:
    options = dict(
        sources=dict(type="list", elements="str", default=DEFAULT_SOURCES),
        validate_regions=dict(type="bool", default=True),
    )
    run_module(options, audit)


if __name__ == "__main__":
    main()
