#!/usr/bin/python

# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zone_origin_info
short_description: List the origins of a Cloudflare zone
version_added: 1.1.0
description:
  - Lists the addresses to which a zone sends requests, from its own configuration (DNS records, load balancers, origin rules and custom
    hostnames), with what uses each address. Changes nothing.
  - Lists only origins behind Cloudflare's cache. These are the origins of proxied DNS records, of proxied and enabled load balancers, of
    enabled origin rules, and of custom hostnames. A load balancer takes the place of the DNS records of its name. Disabled pools,
    origins, rules and pool sets do not count.
  - Follows host names through the DNS records and load balancers of the zone, proxied or not. The module always reads the DNS records
    for this purpose, even if O(include) does not have V(dns_records).
  - Does not see origins that are configured elsewhere, such as in Workers, Spectrum or the configuration of a tunnel.
  - Costs one request for each 5,000 DNS records, at least one. For load balancers, it costs up to three more (the zone, the load
    balancers, and the pools if a load balancer has any). Origin rules cost one more. Custom hostnames cost one more for each 1,000,
    at least one, and one for the fallback origin if a custom hostname may use it. A zone given by O(zone) costs one more.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.attributes
  - edgecache.cloudflare.attributes.info_module
options:
  include:
    description:
      - The parts of the zone whose origins to list.
      - Without V(load_balancers), the origins of a DNS record count even if a load balancer takes the place of the record.
    type: list
    elements: str
    choices: [dns_records, load_balancers, origin_rules, custom_hostnames]
    default: [dns_records, load_balancers, origin_rules, custom_hostnames]
  resolve:
    description:
      - Whether to resolve host names for which the zone itself has no address, such as the name of a load balancer of a cloud vendor.
        Their addresses are then also in RV(origins). Without this option, the names are only listed in RV(hostnames).
      - The module uses the resolver of the host that it runs on. All names together take at most O(timeout) seconds. Like Cloudflare,
        the module does not use search domains. On most systems, it does not use the hosts file either.
      - The addresses of a name may change at any time, especially those of a load balancer of a cloud vendor. A resolver elsewhere may
        get other addresses. If you know the region of the name, declare hints for the addresses that its owner publishes instead.
      - If the DNS records or the load balancers were not read, the module does not resolve names that may belong to the zone. The
        resolver would return the addresses of Cloudflare. To recognize such names, the module reads the zone, with one request if nothing else
        needs it.
    type: bool
    default: false
seealso:
  - module: edgecache.cloudflare.cloud_region_info
    description: Finds the regions of the addresses.
  - module: edgecache.cloudflare.origin_cloud_regions
    description: Declares hints for the addresses.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: List all origins of a zone
  edgecache.cloudflare.zone_origin_info:
    zone: example.com
  register: zone

- name: Show the origins, each with the names that use it
  ansible.builtin.debug:
    msg: "{{ item.origin_ip }} is used by {{ item.used_by | map(attribute='name') | unique | join(', ') }}"
  loop: "{{ zone.origins }}"
  loop_control:
    label: "{{ item.origin_ip }}"

- name: Show whether these are all origins
  ansible.builtin.debug:
    msg: "{{ 'complete' if zone.complete else zone.unavailable + zone.hostnames | rejectattr('addresses') | list }}"

- name: List the origins of load balancers, and resolve host names
  edgecache.cloudflare.zone_origin_info:
    zone: example.com
    include: [load_balancers]
    resolve: true
"""

RETURN = r"""
origins:
  description: The addresses of the origins, each once, in numerical order, IPv4 before IPv6.
  returned: success
  type: list
  elements: dict
  contains:
    origin_ip:
      description: The address in canonical form (RFC 5952 for IPv6).
      returned: always
      type: str
      sample: 192.0.2.1
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
hostnames:
  description:
    - The host names for which the zone itself has no address, sorted by name. Most are names outside the zone.
    - The list also has names of the zone without an address, such as a name without a record.
  returned: success
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
  returned: success
  type: list
  elements: dict
  contains:
    value:
      description: The address in canonical form, the host name, or the id of the pool.
      returned: always
      type: str
      sample: 10.0.0.1
    reason:
      description:
        - The kind of the address, such as V(private), V(loopback), V(link-local), V(CGNAT) or V(unique local).
        - V(private_routing) if the DNS record sends requests to a private network, and V(virtual_network_id) if the origin of the pool
          is in one.
        - V(unknown_pool) if the account does not list a pool that a load balancer uses.
      returned: always
      type: str
      sample: private
    used_by: *used_by
unavailable:
  description:
    - What the credential may not read, or the plan of the zone does not include, so that its origins are unknown. If no list at all can be
      read, the module fails.
    - Has V(dns_records) also if only other values of O(include) need them, to follow a host name.
  returned: success
  type: list
  elements: dict
  contains:
    include:
      description: The value of O(include).
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
complete:
  description:
    - Whether RV(origins) and RV(left_out) have all origins of what O(include) lists.
    - False if something is unavailable, if a host name has no addresses, or if a pool is unknown.
  returned: success
  type: bool
  sample: true
zone_id:
  description: The id of the zone.
  returned: success
  type: str
  sample: 023e105f4ecef8ad9ca31a8372d0c353
zone:
  description: The domain name of the zone; null if neither O(zone) nor a response has it.
  returned: success
  type: str
  sample: example.com
failure:
  description: The error, as data that a play can evaluate.
  returned: failure
  type: dict
  contains: *failure
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zone_origins import SOURCES
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.base import run_module
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    OptionSource,
    open_zone_client,
    parse_zones,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origins.discovery import (
    discover_origins,
    validate_include,
)


def list_origins(module: AnsibleModule, sources: list[OptionSource]) -> dict[str, t.Any]:
    include, resolve, timeout = (module.params[option] for option in ("include", "resolve", "timeout"))
    validate_include(include)
    zone_name = parse_zones(sources)[0][1]
    with open_zone_client(sources, module.warn) as (client, zone_id):
        found = discover_origins(client, zone_id, include, resolve, timeout, zone_name)
    return dict(found.to_result(), zone_id=zone_id)


def main() -> None:
    options = dict(
        include=dict(type="list", elements="str", choices=list(SOURCES), default=list(SOURCES)),
        resolve=dict(type="bool", default=False),
    )
    run_module(options, list_origins)


if __name__ == "__main__":
    main()
