#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: origin_cloud_region_audit_info
short_description: Compare the cloud region hints of a zone with the ranges of the cloud vendors
version_added: 1.0.0
description:
  - Compares all cloud region mappings (cloud region hints) of a zone with what the ranges of addresses say that the cloud vendors
    publish, and with the regions that are supported. Changes nothing.
  - An address moves when a vendor takes it from one region to another, or when somebody else gets it. A hint that is wrong is worse
    than none.
  - Regions are compared by their names. Azure's file has short ones for some, such as V(germanywc), and a hint with another name for the
    same region counts as wrong.
  - Reading costs one request for each 100 mappings of the zone, and one for the supported regions. A zone that is given by its O(zone)
    name costs one more. Each URL among O(sources) costs one request to that vendor, and none to Cloudflare.
extends_documentation_fragment:
  - edgecache.cloudflare.api
  - edgecache.cloudflare.api.modules
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.info_module
  - edgecache.cloudflare.cloud_ranges
options:
  validate_regions:
    description:
      - Whether to compare the regions with those that are supported.
      - The API tells the supported regions only if Tiered Cache is on for the zone.
    type: bool
    default: true
seealso:
  - module: edgecache.cloudflare.cloud_region_info
    description: What the ranges say of any address.
  - module: edgecache.cloudflare.origin_cloud_regions
    description: Mends what is wrong.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Compare the hints of a zone with what AWS, Google and Oracle publish
  edgecache.cloudflare.origin_cloud_region_audit_info:
    zone: example.com
  register: audit

- name: Show what is wrong
  ansible.builtin.debug:
    msg: "{{ item.origin_ip }} is in {{ item.expected.vendor }}/{{ item.expected.region }}, and not in {{ item.vendor }}/{{ item.region }}"
  loop: "{{ audit.wrong }}"
  loop_control:
    label: "{{ item.origin_ip }}"

- name: Mend it
  edgecache.cloudflare.origin_cloud_regions:
    zone_id: "{{ audit.zone_id }}"
    mappings: "{{ audit.wrong | selectattr('supported') | map(attribute='expected') }}"
"""

RETURN = r"""
right:
  description:
    - The mappings whose vendor and region are those of the ranges. Each mapping of the zone is in RV(right), RV(wrong), RV(ambiguous)
      or RV(unknown). All lists are in the API's order.
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
      description: When the mapping was last changed, as the API says it; none where it does not.
      returned: always
      type: str
      sample: "2026-03-01T12:00:00Z"
    prefix: &prefix
      description: The prefix that says so, in canonical form.
      returned: always
      type: str
      sample: 2001:db8::/44
    source: &source
      description: The first of O(sources) that has it.
      returned: always
      type: str
      sample: https://www.gstatic.com/ipranges/cloud.json
wrong:
  description: The mappings of which the ranges name another vendor or region.
  returned: success
  type: list
  elements: dict
  contains:
    origin_ip: *origin_ip
    vendor: *vendor
    region: *region
    modified_on: *modified_on
    expected:
      description: The mapping that would be right, as M(edgecache.cloudflare.origin_cloud_regions) takes it.
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
          description: The region as the vendor's file has it.
          returned: always
          type: str
          sample: us-east-1
        prefix: *prefix
        source: *source
    supported:
      description: Whether a mapping may name that region; none without O(validate_regions).
      returned: always
      type: bool
      sample: true
ambiguous:
  description: The mappings whose addresses are, by the longest prefix, in several regions.
  returned: success
  type: list
  elements: dict
  contains:
    origin_ip: *origin_ip
    vendor: *vendor
    region: *region
    modified_on: *modified_on
    candidates:
      description: These regions.
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
    - The mappings whose addresses are in no range that names a region. That is no fault if the vendor's file is not among O(sources), or
      if the address is the user's own, announced by the vendor.
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
    - The mappings, whichever of the other lists they are in, whose vendor and region are not supported any more. Empty without
      O(validate_regions).
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
  description: What went wrong, for a play to branch on.
  returned: failure
  type: dict
  contains:
    status:
      description: The HTTP status of the API's answer; none where there was none.
      returned: always
      type: int
      sample: 403
    code:
      description: The first error code of the API; none where it gave none.
      returned: always
      type: int
      sample: 10000
    message:
      description: The API's words for that code; else what came instead, or the message of the module.
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
          description: The API's words.
          returned: always
          type: str
          sample: Authentication error
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import (
    Layer,
    check,
    patience,
    zone_client,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import TieredCacheOff
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origin_cloud_regions import (
    Mapping,
    OriginCloudRegions,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._range_sources import SOURCES, cloud_ranges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._run import run_module


def audit(module: AnsibleModule, layers: list[Layer]) -> dict[str, t.Any]:
    check(layers)
    waiting = patience(layers, module.warn)
    ranges = cloud_ranges(layers, module.warn, waiting)
    with zone_client(layers, module.warn, patience=waiting) as (client, zone_id):
        zone = OriginCloudRegions(client, zone_id)
        supported = supported_places(zone) if module.params["validate_regions"] else None
        mappings = zone.all()
    found: dict[str, list[dict[str, t.Any]]] = {name: [] for name in ("right", "wrong", "ambiguous", "unknown")}
    for mapping in mappings:
        places = ranges.place(mapping["origin_ip"])
        if not places:
            found["unknown"].append({**mapping})
        elif len(places) > 1:
            found["ambiguous"].append({**mapping, "candidates": [place._asdict() for place in places]})
        elif places[0][:2] == place_of(mapping):
            found["right"].append({**mapping, "prefix": places[0].prefix, "source": places[0].source})
        else:
            found["wrong"].append(
                {
                    **mapping,
                    "expected": {"origin_ip": mapping["origin_ip"], **places[0]._asdict()},
                    "supported": None if supported is None else places[0][:2] in supported,
                }
            )
    unsupported = [] if supported is None else [one for one in mappings if place_of(one) not in supported]
    return dict(found, unsupported=unsupported, zone_id=zone_id)


def place_of(mapping: Mapping) -> tuple[str, str]:
    return mapping["vendor"], mapping["region"]


def supported_places(zone: OriginCloudRegions) -> set[tuple[str, str]]:
    """All vendors with each of their regions."""
    try:
        vendors = zone.supported()["vendors"]
    except TieredCacheOff as error:
        raise error.add("or validate_regions: false does without them") from None
    return {(vendor, region["name"]) for vendor, regions in vendors.items() for region in regions}


def main() -> None:
    options = dict(
        sources=dict(type="list", elements="str", default=SOURCES),
        validate_regions=dict(type="bool", default=True),
    )
    run_module(options, audit)


if __name__ == "__main__":
    main()
