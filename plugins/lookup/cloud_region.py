# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cloud_region
short_description: Look up which cloud vendor and region host an address
version_added: 1.0.0
description:
  - Returns the cloud vendor and the region of IP addresses, from the address ranges that the vendors publish. A cloud region hint
    names the same vendor and region.
  - Returns one result for each term. The lookup runs on the controller.
  - Of the prefixes that contain the address and have a region, the lookup uses the longest. Prefixes without a region are ignored.
  - Costs no request to Cloudflare, and one request for each URL in O(sources), once in a run. Needs and sends no credential.
extends_documentation_fragment:
  - edgecache.cloudflare.cloud_ranges
  - edgecache.cloudflare.cloud_ranges.plugins
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.connection.plugins
options:
  _terms:
    description:
      - The IPv4 or IPv6 addresses to look up, in any spelling.
      - Each address is a separate term. Spread a list with C(*), as in V(query('edgecache.cloudflare.cloud_region', *addresses\)).
    type: list
    elements: str
  default:
    description:
      - The value to return for an address that is in no range. May be V(none).
      - Without this option, such an address is an error. C(errors=) applies as in every lookup.
      - The option does not apply to an ambiguous address, which is always an error.
    type: raw
  max_wait:
    description:
      - The seconds that the download of one file may wait in total for a server or connection to recover. A warning reports each wait.
seealso:
  - module: edgecache.cloudflare.cloud_region_info
  - plugin: edgecache.cloudflare.origin_cloud_region
    plugin_type: lookup
    description: The hint that a zone has for an address.
notes:
  - An address is ambiguous if its longest prefix belongs to different vendors or regions. The error message lists these regions.
  - All lookups of a run share the file that the first lookup has downloaded from a URL, even if the file changes meanwhile. A lookup reads
    a local file again when the file has changed.
  - Each host of a task has its own process, which needs some tenths of a second to parse the files. So pass all addresses to one lookup if
    possible.
  - Use C(query) instead of C(lookup) for a list, since C(lookup) turns a list with one element into that element.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Show the vendor and the region of an address, from the files of AWS, Google and Oracle
  ansible.builtin.debug:
    msg: "{{ found.vendor }}/{{ found.region }}"
  vars:
    found: "{{ lookup('edgecache.cloudflare.cloud_region', '192.0.2.1') }}"

- name: Show the vendor and the region of several addresses, and skip addresses in no range
  ansible.builtin.debug:
    msg: "{{ item.origin_ip }} is in {{ item.vendor }}/{{ item.region }}"
  loop: "{{ query('edgecache.cloudflare.cloud_region', *addresses, default=none) | select }}"
  loop_control:
    label: "{{ item.origin_ip }}"
  vars:
    addresses:
      - 192.0.2.1
      - "2001:DB8:0:0::1"
      - 203.0.113.99

- name: Look an address up in Azure's file, fetched before
  ansible.builtin.debug:
    msg: "{{ lookup('edgecache.cloudflare.cloud_region', '198.51.100.7', sources=['files/ServiceTags_Public_20261123.json']).region }}"
"""

RETURN = r"""
_raw:
  description:
    - One result for each term, in the order of the terms.
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
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    normalize_address,
    normalize_addresses,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import join_truncated
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._errors import translate_errors
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._options import collect_options
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._ranges import load_shared_ranges
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._warnings import warn_always


class LookupModule(LookupBase):
    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        kwargs.pop("wantlist", None)  # set by with_ loops, and not an option of this plugin
        with translate_errors(AnsibleLookupError) as secrets:
            sources = collect_options(self, kwargs, variables or {}, self._templar, secrets)
            addresses = normalize_addresses("terms", terms)

            def find_path(source: str) -> str:
                found = self.find_file_in_search_path(variables or {}, "files", source, ignore_missing=True)
                return str(found or source)

            if not addresses:
                return []
            ranges = load_shared_ranges(sources, find_path, Display().warning, warn_always)
            matches = {address: ranges.lookup(address) for address in addresses}
            for address, candidates in matches.items():
                if len(candidates) > 1:
                    named = join_truncated(
                        [f"{match.vendor}/{match.region} ({match.prefix} in {match.source})" for match in candidates]
                    )
                    raise CloudflareError(
                        f"{address} is ambiguous: {named}. Check whether a file in sources is outdated."
                    )
            unknown = [address for address in addresses if not matches[address]]
            if unknown and "default" not in kwargs:
                raise CloudflareError(
                    f"No range of the sources contains {', '.join(unknown)}. Set default= to return a value instead."
                )
            return [
                dict(origin_ip=address, **matches[address][0]._asdict()) if matches[address] else kwargs.get("default")
                for address in map(normalize_address, terms)
            ]
