#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: origin_cloud_regions
short_description: Declare the cloud region hints of many origins at once
version_added: 1.0.0
description:
  - Ensures that a zone has the specified cloud region mappings (cloud region hints). With O(purge), also deletes all other mappings. With
    O(state=absent), deletes the mappings of the specified addresses.
  - Reads the zone and writes only what differs, in batches of up to 100.
  - Reports all invalid items in one message, before any request. Reports all unsupported regions and conflicts in one message, before
    anything is written.
  - Reading costs one request for each 100 mappings of the zone. Without O(purge), reading K addresses costs at most K + 1 requests, and
    never more than reading all mappings.
  - Writing costs one request for the supported regions, one for each 100 mappings to create or change, and one for each 100 to delete.
  - For example, 3,400 mappings in an empty zone cost 36 requests, and a second run 34. A zone given by O(zone) costs one more request. If a
    response is lost or unclear, the module may send more requests.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.state_module
  - edgecache.cloudflare.cloud_ranges
options:
  mappings:
    description:
      - The mappings. An empty list declares nothing, and without O(purge) costs no request.
      - Different spellings of an address are one address. An address may occur twice only with the same vendor and region.
    type: list
    elements: dict
    required: true
    suboptions:
      origin_ip:
        description:
          - The IPv4 or IPv6 address of the origin, in any spelling.
        type: str
        required: true
      vendor:
        description:
          - The cloud vendor that hosts the origin, V(aws), V(azure), V(gcp) or V(oci).
          - Required for O(state=present) without O(derive). Ignored for O(state=absent).
        type: str
      region:
        description:
          - The region, as the vendor names it.
          - Required for O(state=present) without O(derive). Ignored for O(state=absent).
        type: str
      host:
        description:
          - The host of your inventory that the mapping is for. The module does not send the name to Cloudflare, but returns it in
            RV(left_out).
        type: str
      modified_on:
        description:
          - Ignored. Accepted so that mappings can be given as M(edgecache.cloudflare.origin_cloud_region_info) returns them.
        type: str
      prefix:
        description:
          - Ignored. Accepted so that mappings can be given as M(edgecache.cloudflare.cloud_region_info) returns them.
        type: str
      source:
        description:
          - Ignored, like O(mappings[].prefix).
        type: str
  state:
    description:
      - V(present) creates missing mappings, and changes mappings with another vendor or region.
      - V(absent) deletes the mappings of the addresses, with any vendor and region.
    type: str
    choices:
      - present
      - absent
    default: present
  purge:
    description:
      - Whether to delete all mappings of the zone that are neither in O(mappings) nor in O(keep).
      - Applies to O(state=present) only.
    type: bool
    default: false
  keep:
    description:
      - The addresses of mappings that O(purge) does not delete, such as origins whose region you do not know.
      - If O(mappings) has such an address too, the mapping is declared.
    type: list
    elements: str
    default: []
    version_added: 1.1.0
  allow_empty:
    description:
      - Whether O(purge) may delete all mappings of the zone if O(mappings) is empty.
      - Without this option, O(purge) with an empty list is an error, since most often a variable is empty by mistake.
    type: bool
    default: false
  validate_regions:
    description:
      - Whether to check that Cloudflare supports the vendors and regions to write, before anything is written.
      - The API lists the supported regions only while Tiered Cache is on for the zone. With V(false), the API rejects each mapping with a
        wrong region and writes the others.
    type: bool
    default: true
  validate_addresses:
    description:
      - Whether to reject addresses that the internet does not reach, before any request.
      - These are private, CGNAT (V(100.64.0.0/10)), loopback, link-local, unique local, multicast, unspecified, broadcast and reserved
        addresses, also as IPv4-mapped IPv6 addresses. Addresses for documentation, such as V(192.0.2.1), are accepted.
      - Applies to O(state=present) only. O(state=absent) and O(purge) delete the mapping of any address.
    type: bool
    default: true
    version_added: 1.1.0
  leave_out:
    description:
      - Whether to skip items of O(mappings) that cannot be declared, and return them as RV(left_out), instead of failing.
      - An item with O(mappings[].host) is skipped if its address is not valid or rejected by O(validate_addresses), if the vendor or the
        region is missing, or if Cloudflare does not support the region.
      - With O(derive), any item without a vendor and a region is skipped if no supported region is found, or if O(validate_addresses)
        rejects its address.
      - All other invalid items are errors, and so are different regions for one address.
      - If a skipped address has a mapping, the mapping stays, even with O(purge).
      - If O(mappings[].origin_ip) of a skipped host is a name, O(purge) is an error, since the module does not know which mapping to keep.
        If the host has no address, specify an empty string.
    type: bool
    default: false
  derive:
    description:
      - Whether to find the vendor and the region of O(mappings) that have neither, as M(edgecache.cloudflare.cloud_region_info) does.
      - Costs no request to Cloudflare. If a mapping has no vendor and no region, each URL in O(sources) costs one request to that server.
      - An address in no range, or in ranges of several regions, is an error unless O(leave_out) is set.
    type: bool
    default: false
notes:
  - Mappings are created and changed first, and deleted last, so that an origin that moves to another address is never without a hint.
    If the zone has no room for new mappings, deletions come first.
  - The API accepts or rejects each mapping of a batch separately. If the API rejects some mappings, the module writes the others, and fails
    with RV(failed_items). After a rejection, the module deletes mappings only to make room for new ones.
  - If the API rejects a complete batch, the module stops. RV(created), RV(updated), RV(deleted) and RV(diff) list the changes made before.
    A second run makes the remaining changes.
  - If the response to a batch is lost, the module sends the batch again, or reads its mappings. If the outcome stays unknown, the addresses
    are in RV(unconfirmed).
  - Check mode also reads the supported regions, and fails like a real run.
seealso:
  - module: edgecache.cloudflare.origin_cloud_region
    description: For one origin.
  - module: edgecache.cloudflare.origin_cloud_region_info
  - module: edgecache.cloudflare.supported_cloud_region_info
  - module: edgecache.cloudflare.tiered_cache
    description: The settings without which a hint has no effect.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Declare where some origins are, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment
  edgecache.cloudflare.origin_cloud_regions:
    mappings:
      - {origin_ip: 192.0.2.10, vendor: aws, region: eu-central-1}
      - {origin_ip: 192.0.2.11, vendor: aws, region: us-west-2}
      - {origin_ip: "2001:db8::11", vendor: gcp, region: europe-west1}

- name: Show what would change if the zone had exactly these hints
  edgecache.cloudflare.origin_cloud_regions:
    mappings: "{{ origins }}"
    purge: true
  check_mode: true
  diff: true
  vars:
    origins:
      - origin_ip: 192.0.2.10
        vendor: aws
        region: eu-central-1
      - origin_ip: 198.51.100.7
        vendor: azure
        region: eastus

- name: Declare hosts of the inventory, and skip those without an address
  edgecache.cloudflare.origin_cloud_regions:
    leave_out: true
    mappings:
      - {host: web-1, origin_ip: 192.0.2.10, vendor: aws, region: eu-central-1}
      - {host: web-2, origin_ip: "", vendor: aws, region: eu-central-1}
  register: declared

- name: Show the skipped hosts
  ansible.builtin.debug:
    msg: "{{ declared.left_out | map(attribute='host') }}"

- name: Declare origins, with the regions from the vendors' files
  edgecache.cloudflare.origin_cloud_regions:
    derive: true
    mappings:
      - origin_ip: 192.0.2.1
      - origin_ip: "2001:db8::1"

- name: Delete the hints of origins that no longer exist
  edgecache.cloudflare.origin_cloud_regions:
    state: absent
    mappings:
      - origin_ip: 192.0.2.10
      - origin_ip: 192.0.2.11

- name: Read the hints of a zone
  edgecache.cloudflare.origin_cloud_region_info:
    zone: example.com
  register: source

- name: Copy the hints to another zone whose Tiered Cache is still off
  edgecache.cloudflare.origin_cloud_regions:
    zone: example.net
    mappings: "{{ source.origin_cloud_regions }}"
    purge: true
    validate_regions: false
"""

RETURN = r"""
created:
  description: The mappings that were created, or would be in check mode. All lists are sorted by address.
  returned: success, or if a write has failed
  type: list
  elements: dict
  contains: &written
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
      description: Always null, since the API does not return the time for a batch.
      returned: always
      type: str
updated:
  description: The mappings that were changed, or would be in check mode, with their new values.
  returned: success, or if a write has failed
  type: list
  elements: dict
  contains: *written
deleted:
  description: The mappings that were deleted, or would be in check mode, with their old values.
  returned: success, or if a write has failed
  type: list
  elements: dict
  contains: &read
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
unchanged:
  description: The declared mappings that already existed. Empty for O(state=absent).
  returned: success, or if a write has failed
  type: list
  elements: dict
  contains: *read
left_out:
  description: The items that O(leave_out) has skipped, in the order of O(mappings).
  returned: success, or if a write has failed
  type: list
  elements: dict
  contains:
    host:
      description: The host of the item; null without a host.
      returned: always
      type: str
      sample: web-1.example.com
    origin_ip:
      description: The address in the item.
      returned: always
      type: str
      sample: 192.0.2.10
    vendor:
      description: The vendor in the item.
      returned: always
      type: str
      sample: aws
    region:
      description: The region in the item.
      returned: always
      type: str
      sample: us-east1
    reason:
      description: The reason why the item was skipped.
      returned: always
      type: str
      sample: "region 'us-east1' is not supported for aws; did you mean 'us-east-1'?"
failed_items:
  description: The mappings that the API has rejected. Empty on success.
  returned: success, or if a write has failed
  type: list
  elements: dict
  contains:
    origin_ip:
      description: The address in canonical form.
      returned: always
      type: str
      sample: 192.0.2.10
    error:
      description: The API's message.
      returned: always
      type: str
      sample: vendor does not exist or has no such region
unconfirmed:
  description:
    - The addresses of changes whose outcome is unknown. The API did not respond, and the module could not read the zone afterwards.
    - Empty on success. If the list has addresses, RV(ignore:changed) is true.
  returned: success, or if a write has failed
  type: list
  elements: str
  sample: []
diff:
  description: The changed mappings before and after the task, as V(vendor/region) by address.
  returned: success, or if a write has failed
  type: dict
  contains:
    before:
      description: The mappings before the task.
      returned: always
      type: dict
      sample: {"192.0.2.10": aws/us-east-1}
    after:
      description: The mappings after the task, or as they would be in check mode.
      returned: always
      type: dict
      sample: {"192.0.2.10": aws/eu-central-1}
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
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import OriginCloudRegions
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.declaration import Declaration
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    OptionSource,
    create_pacer,
    load_ranges,
    open_zone_client,
    validate_options,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import DEFAULT_SOURCES


def reconcile(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    declaration = Declaration(module.params)
    pacer = None
    if declaration.needs_ranges:
        validate_options(sources)
        pacer = create_pacer(sources, module.warn)  # one max_wait for the files and the zone
        declaration.validate_before_deriving()
        declaration.derive_regions(load_ranges(sources, module.warn, pacer))
    declaration.parse()
    with open_zone_client(sources, module.warn, pacer=pacer) as (client, zone_id):
        return declaration.reconcile(OriginCloudRegions(client, zone_id), zone_id, module.check_mode)


def main() -> None:
    run_module(
        dict(
            mappings=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    host=dict(type="str"),
                    origin_ip=dict(type="str", required=True),
                    vendor=dict(type="str"),
                    region=dict(type="str"),
                    modified_on=dict(type="str"),
                    prefix=dict(type="str"),
                    source=dict(type="str"),
                ),
            ),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            purge=dict(type="bool", default=False),
            keep=dict(type="list", elements="str", default=[]),
            allow_empty=dict(type="bool", default=False),
            validate_regions=dict(type="bool", default=True),
            validate_addresses=dict(type="bool", default=True),
            leave_out=dict(type="bool", default=False),
            derive=dict(type="bool", default=False),
            sources=dict(type="list", elements="str", default=DEFAULT_SOURCES),
        ),
        reconcile,
    )


if __name__ == "__main__":
    main()
