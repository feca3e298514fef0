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
    the supported regions. With O(origins), also with the origins that the zone uses. Changes nothing.
  - A hint becomes wrong when a vendor moves the address to another region, or when the address gets another owner. A wrong hint is worse
    than no hint, since the upper tier is then far away.
  - The module compares the names of regions. Azure's file has short names for some regions, such as V(germanywc). If a hint has another
    name for the same region, the hint is in RV(wrong).
  - Costs one request for each 100 mappings of the zone, and one for the supported regions. A zone given by O(zone) costs one more. Each
    URL in O(sources) costs one request to that server, and none to Cloudflare. O(origins) also costs the requests of
    M(edgecache.cloudflare.zone_origin_info).
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
  origins:
    description:
      - Whether to compare the mappings with the origins of the zone too, as M(edgecache.cloudflare.zone_origin_info) finds them. The
        module then also returns RV(missing) and RV(unused).
    type: bool
    default: false
    version_added: 1.1.0
  resolve:
    description:
      - Whether to resolve host names for which the zone itself has no address. Otherwise, one such name is enough for
        RV(unused) to be null. The option O(edgecache.cloudflare.zone_origin_info#module:resolve) describes the limits.
      - If the addresses of a name change often, a hint in RV(unused) may be that of an address that the name has at another time.
      - Needs O(origins=true).
    type: bool
    default: false
    version_added: 1.1.0
seealso:
  - module: edgecache.cloudflare.cloud_region_info
    description: Finds the region of any address.
  - module: edgecache.cloudflare.zone_origin_info
    description: Lists the origins of a zone, also those without a region.
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

- name: Compare the hints with the origins of the zone too
  edgecache.cloudflare.origin_cloud_region_audit_info:
    zone: example.com
    origins: true
    resolve: true
  register: audit

- name: Declare the missing hints
  edgecache.cloudflare.origin_cloud_regions:
    zone_id: "{{ audit.zone_id }}"
    mappings: "{{ audit.missing | selectattr('supported') | map(attribute='expected') }}"

- name: Delete the hints of addresses that the zone does not use
  edgecache.cloudflare.origin_cloud_regions:
    zone_id: "{{ audit.zone_id }}"
    state: absent
    mappings: "{{ audit.unused }}"
  when: audit.origins_complete
"""

RETURN = r"""
right:
  description:
    - The mappings whose vendor and region agree with the ranges.
    - Each mapping of the zone is in exactly one of RV(right), RV(wrong), RV(ambiguous) and RV(unknown). All lists of mappings are in the
      API's order.
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
    expected: &expected
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
    supported: &supported
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
missing:
  description:
    - The origins of the zone that have no mapping and whose address is in exactly one region of the ranges, in numerical order.
    - Origins in no region or in several regions are not in this list. The module M(edgecache.cloudflare.zone_origin_info) returns all
      origins.
  returned: success, with the option origins
  type: list
  elements: dict
  contains:
    origin_ip: *origin_ip
    used_by: &used_by
      description: What sends requests to it. Host names are in lower case. Texts with more than 253 characters are truncated.
      returned: always
      type: list
      elements: dict
      contains:
        kind:
          description: The kind, V(dns_record), V(load_balancer), V(origin_rule) or V(custom_hostname).
          returned: always
          type: str
          sample: dns_record
        name:
          description: The name of the DNS record, the load balancer or the custom hostname; the description of the origin rule, or its id.
          returned: always
          type: str
          sample: www.example.com
        pool:
          description: The name of the last pool of a load balancer, or its id if it is unknown; null without a pool.
          returned: always
          type: str
          sample: pool-us
        hostname:
          description: The last host name that was followed; null if no name was followed.
          returned: always
          type: str
          sample: app.example.com
    expected: *expected
    supported: *supported
unused:
  description:
    - The mappings of addresses that the zone does not use. Each is also in one of the other lists.
    - The value is null if RV(origins_complete) is false, since an unknown origin may use any of the mappings.
    - Does not have the addresses in RV(left_out), which the zone uses too.
    - Does not see what M(edgecache.cloudflare.zone_origin_info) does not see, such as the origins of Workers and Spectrum.
  returned: success, with the option origins
  type: list
  elements: dict
  contains: *mapping
origins_complete:
  description:
    - Whether all origins of the zone are known.
    - False if RV(unavailable) has an item, if an item of RV(hostnames) has no addresses, or if a load balancer uses an unknown pool.
  returned: success, with the option origins
  type: bool
  sample: true
hostnames:
  description:
    - The host names for which the zone itself has no address, sorted by name. Most are names outside the zone.
  returned: success, with the option origins
  type: list
  elements: dict
  contains:
    hostname:
      description: The host name.
      returned: always
      type: str
      sample: origin.example.org
    used_by: *used_by
    addresses:
      description: The canonical addresses of the name, in numerical order. Empty without O(resolve), or if there are none.
      returned: always
      type: list
      elements: str
      sample: [198.51.100.7]
    error:
      description: Why the name has no addresses; null if it has some, and for a name that would need O(resolve).
      returned: always
      type: str
      sample: "cannot be resolved: Name or service not known"
left_out:
  description: The origins that need no hint, since the internet does not reach them, and pools that are unknown.
  returned: success, with the option origins
  type: list
  elements: dict
  contains:
    value:
      description: The address in canonical form, the host name, or the id of the pool.
      returned: always
      type: str
      sample: 10.0.0.1
    reason:
      description: The reason, as the module M(edgecache.cloudflare.zone_origin_info) returns it, such as V(private) or V(unknown_pool).
      returned: always
      type: str
      sample: private
    used_by: *used_by
unavailable:
  description:
    - What the credential may not read, or the plan of the zone does not include, so that its origins are unknown. If no list at all can be
      read, the module fails.
  returned: success, with the option origins
  type: list
  elements: dict
  contains:
    include:
      description: The kind of the list, V(dns_records), V(load_balancers), V(origin_rules) or V(custom_hostnames).
      returned: always
      type: str
      sample: origin_rules
    failure:
      description: The first error of the API about this list, as in RV(failure).
      returned: always
      type: dict
      contains: &failure
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
zone_id:
  description: The id of the zone.
  returned: success
  type: str
  sample: 023e105f4ecef8ad9ca31a8372d0c353
failure:
  description: The error, as data that a play can evaluate.
  returned: failure
  type: dict
  contains: *failure
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginCloudRegions,
    Vendors,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zone_origins import SOURCES
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ConfigurationError,
    TieredCacheDisabledError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.audit import audit_mappings, audit_origins
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    OptionSource,
    create_pacer,
    load_ranges,
    open_zone_client,
    parse_zones,
    validate_options,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origins.discovery import discover_origins
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import DEFAULT_SOURCES


def audit(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    validate_options(sources)
    zone_name, resolve = parse_zones(sources)[0][1], module.params["resolve"]
    if resolve and not module.params["origins"]:
        raise ConfigurationError("resolve can only be used with origins=true.")
    pacer = create_pacer(sources, module.warn)  # one max_wait for the files and the zone
    ranges = load_ranges(sources, module.warn, pacer)
    with open_zone_client(sources, module.warn, pacer=pacer) as (client, zone_id):
        zone = OriginCloudRegions(client, zone_id)
        vendors = list_vendors(zone) if module.params["validate_regions"] else None
        mappings = zone.list_all()
        result = audit_mappings(mappings, ranges, vendors)
        if module.params["origins"]:
            found = discover_origins(client, zone_id, SOURCES, resolve, module.params["timeout"], zone_name)
            result.update(audit_origins(mappings, found.to_result(), ranges, vendors))
    return dict(result, zone_id=zone_id)


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
        origins=dict(type="bool", default=False),
        resolve=dict(type="bool", default=False),
    )
    run_module(options, audit)


if __name__ == "__main__":
    main()
