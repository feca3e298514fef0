# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: origin_cloud_region
short_description: Look up the cloud region hints of a Cloudflare zone
version_added: 0.1.0
description:
  - Looks up the cloud region mappings (cloud region hints) of a zone, on the controller. For an origin IP address, a mapping names the
    cloud vendor and the region that host it.
  - Returns one mapping for each term. Without a term, returns all mappings of the zone.
  - All terms of one call share a connection. One address costs one request. More of them cost at most one request for each and
    one more, and never more than all mappings do, which is one request for each 100. A zone that is given by its O(zone) name costs
    one request more.
extends_documentation_fragment:
  - edgecache.cloudflare.api
  - edgecache.cloudflare.api.plugins
options:
  _terms:
    description:
      - The IPv4 or IPv6 addresses to look up, in any spelling.
      - Each address is a term of its own. Spread a list with C(*), as in C(query('edgecache.cloudflare.origin_cloud_region', *addresses)).
      - Mind that a list that may be empty, spread, leaves no term and so asks for all mappings.
    type: list
    elements: str
  default:
    description:
      - What to return for an address without a mapping. May be V(none).
      - Without this option, such an address is an error, to which C(errors=) applies as for every lookup.
    type: raw
seealso:
  - module: edgecache.cloudflare.origin_cloud_region_info
notes:
  - A lookup is evaluated each time that its template is. In a task that runs for many hosts, that is once for each of them. Where
    many hosts need mappings, read them once with M(edgecache.cloudflare.origin_cloud_region_info) and C(run_once).
  - Use C(query) rather than C(lookup) where a list is wanted, since C(lookup) turns a list with one element into that element.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Show the region of an origin, with CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment
  ansible.builtin.debug:
    msg: "{{ lookup('edgecache.cloudflare.origin_cloud_region', '192.0.2.1').region }}"

- name: Show the mapping of an address that may have none
  ansible.builtin.debug:
    msg: "{{ lookup('edgecache.cloudflare.origin_cloud_region', '203.0.113.9', default='no hint') }}"

- name: Show the mappings of several addresses
  ansible.builtin.debug:
    msg: "{{ item.origin_ip }} is in {{ item.vendor }}/{{ item.region }}"
  loop: "{{ query('edgecache.cloudflare.origin_cloud_region', *addresses) }}"
  loop_control:
    label: "{{ item.origin_ip }}"
  vars:
    addresses:
      - 192.0.2.1
      - "2001:DB8:0:0::1"

- name: Count all mappings of a zone that is given by name
  ansible.builtin.debug:
    msg: "{{ query('edgecache.cloudflare.origin_cloud_region', zone='example.com') | length }}"
  vars:
    cloudflare_api_token: "{{ lookup('ansible.builtin.env', 'CLOUDFLARE_API_TOKEN') }}"
"""

RETURN = r"""
_raw:
  description:
    - One mapping for each term, in their order. Without a term, all mappings in the API's order.
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
      description: The vendor's name of the region.
      returned: always
      type: str
      sample: us-central1
    modified_on:
      description: When the mapping was last changed, as the API says it; none where it does not.
      returned: always
      type: str
      sample: "2026-03-01T12:00:00Z"
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import canonical, canonical_all
from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import zone_client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origin_cloud_regions import OriginCloudRegions
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._errors import errors_as
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._options import option_layers
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._warnings import tell


class LookupModule(LookupBase):
    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        kwargs.pop("wantlist", None)  # from with_ loops, which are none of this plugin's business
        with errors_as(AnsibleLookupError):
            addresses = canonical_all("terms", terms)
            layers = option_layers(self, kwargs, variables or {}, self._templar)
            with zone_client(layers, Display().warning, tell) as (client, zone_id):
                zone = OriginCloudRegions(client, zone_id)
                if not terms:
                    return zone.all()
                mappings = zone.find(addresses)
            missing = [address for address in addresses if address not in mappings]
            if missing and "default" not in kwargs:
                raise CloudflareError(
                    f"The zone {zone_id} has no mapping for {', '.join(missing)}. With default=, that stands in its place."
                )
            return [mappings.get(canonical(term), kwargs.get("default")) for term in terms]
