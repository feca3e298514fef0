# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: origin_cloud_regions
short_description: Use origins with a cloud region hint as inventory hosts
version_added: 1.0.0
description:
  - Creates a host for each address that has a cloud region mapping (cloud region hint) in one or several zones of Cloudflare. Groups
    the hosts by vendor and region.
  - The name of the file must end in C(cloudflare_origins.yml) or C(cloudflare_origins.yaml).
  - The name of a host is its address in canonical form. Its variables are C(ansible_host) and C(origin_ip), both with the address,
    C(vendor), C(region), C(modified_on), C(zone_id) and C(zone_ids). C(zone_ids) lists all zones of this inventory with a mapping for
    the address.
  - Costs one request for each 100 mappings of each zone, at least one, and one more for each zone given by name. With O(cache), costs no
    request until O(cache_timeout) has passed.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.connection.plugins
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.credential.plugins
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.zone.plugins
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description:
      - The name of this plugin. Ansible uses it to recognize the file.
    type: str
    required: true
    choices:
      - edgecache.cloudflare.origin_cloud_regions
  zones:
    description:
      - Several zones, each by its id or its domain name, all with the same credential. Cannot be combined with O(zone_id) and O(zone).
      - An address with mappings in several zones is one host. C(vendor), C(region), C(modified_on) and C(zone_id) are those of the first
        zone in the list. If another zone has a different region, a warning reports it.
    type: list
    elements: str
  keyed_groups:
    description:
      - Adds hosts to groups by the value of a variable. The default creates a group for each vendor, such as C(vendor_aws), and in it
        a group for each region, such as C(region_aws_us_east_1).
    default:
      - key: vendor ~ '_' ~ region
        prefix: region
        parent_group: vendor_{{ vendor }}
seealso:
  - plugin: edgecache.cloudflare.origin_cloud_region
    plugin_type: lookup
  - module: edgecache.cloudflare.origin_cloud_region_info
notes:
  - The value of each option may be a template, even if the option is a number or a list. Templates can use only the variables of
    C(--extra-vars). O(compose), O(groups) and O(keyed_groups) are evaluated for each host instead.
  - An option may also be a string that C(ansible-vault encrypt_string) has encrypted. Ansible does not evaluate such a string as a
    template.
  - If the plugin cannot read a zone, Ansible shows a warning and continues without the hosts of this inventory file. To stop instead, set
    C(any_unparsed_is_failed=true) in the section C(inventory) of C(ansible.cfg).
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
# edge.cloudflare_origins.yml. With CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID in the environment, the first line is enough.
plugin: edgecache.cloudflare.origin_cloud_regions

# Two zones, with a token from another environment variable
api_token: "{{ lookup('ansible.builtin.env', 'EDGE_TOKEN') }}"
zones:
  - example.com
  - 9a7806061c88ada191ed06f989cc3dac

# Additional groups and variables
keyed_groups:
  - key: vendor
    prefix: cloud
groups:
  america: region is search('^us-?')
compose:
  ansible_user: "'ubuntu' if vendor == 'aws' else 'opc'"
strict: true

# Cache the result for ten minutes, in files
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/cloudflare-origins
cache_timeout: 600
"""

import typing as t

from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_address
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginCloudRegions,
    OriginMapping,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import is_zone_id
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import InvalidAddressError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    OptionSource,
    open_zones_client,
    parse_zones,
)
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import is_mapping_result
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._inventory import CloudflareInventory
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._warnings import warn_always


class InventoryModule(CloudflareInventory):
    """The data are the id and the mappings of each zone, in the order of the option ``zones``."""

    NAME = "edgecache.cloudflare.origin_cloud_regions"
    FILE_SUFFIX = "cloudflare_origins"

    def parse_query(self, sources: list[OptionSource]) -> list[tuple[str, str]]:
        return parse_zones(sources)

    def read(self, sources: list[OptionSource]) -> list[t.Any]:
        with open_zones_client(sources, Display().warning, warn_always) as (client, zone_ids):
            return [
                (zone_id, [mapping.to_result() for mapping in OriginCloudRegions(client, zone_id).list_all()])
                for zone_id in zone_ids
            ]

    def is_readable(self, item: t.Any) -> bool:
        try:
            zone_id, mappings = item
            return (
                is_zone_id(zone_id)
                and isinstance(mappings, list)
                and all(
                    is_mapping_result(mapping) and normalize_address(mapping["origin_ip"]) == mapping["origin_ip"]
                    for mapping in mappings
                )
            )
        except (InvalidAddressError, TypeError, ValueError):
            return False

    def build_hosts(self, data: list[t.Any]) -> dict[str, dict[str, t.Any]]:
        hosts: dict[str, dict[str, t.Any]] = {}
        regions: dict[str, str] = {}
        for zone_id, mappings in data:
            for mapping in [OriginMapping(**item) for item in mappings]:
                address, region = mapping.origin_ip, mapping.format_region()
                variables = {**mapping.to_result(), "ansible_host": address, "zone_id": zone_id, "zone_ids": []}
                host = hosts.setdefault(address, variables)
                host["zone_ids"].append(zone_id)
                if region != regions.setdefault(address, region):
                    Display().warning(
                        f"{address} is in {regions[address]} in the zone {host['zone_id']}, but in {region} in the zone {zone_id}. "
                        f"The host gets {regions[address]}, from the first zone."
                    )
        return hosts
