# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cloud_region
short_description: Look up which cloud vendor and region host an address
version_added: 1.0.0
description:
  - Looks up, on the controller, which cloud vendor and which of its regions host an IP address, by the ranges of addresses that the
    vendors themselves publish.
  - Returns one result for each term, of which the vendor and the region are what a cloud region hint names.
  - The longest prefix that names a region and has the address in it counts. A prefix without a region answers nothing.
  - Costs no request to Cloudflare, and one request for each URL among O(sources), once in a run. No credential is sent, nor is one
    needed.
options:
  _terms:
    description:
      - The IPv4 or IPv6 addresses to look up, in any spelling.
      - Each address is a term of its own. Spread a list with C(*), as in V(query('edgecache.cloudflare.cloud_region', *addresses\)).
    type: list
    elements: str
  sources:
    description:
      - The files with the ranges, each a path or an http or https URL. They are told apart by what is in them, and may be several of one
        vendor.
      - AWS publishes C(ip-ranges.json), Google C(cloud.json) and Oracle C(public_ip_ranges.json) at the URLs of the default. Azure
        publishes C(ServiceTags_Public_*.json), with another URL each week, so that file has to be given beside them.
      - A relative path is looked for as usual for lookups, in C(files) of the role and beside the playbook. C(~) is expanded.
      - A URL is shown in messages and results, so one with a user name, a password or a query, which may be a secret, is refused. Fetch
        such a file before.
      - A file may have up to 16777216 bytes (16 MiB), and name up to 500 regions. A file that would take more than some 150 MB of memory
        is refused before it is parsed. The largest of the vendors' files takes less than half of that.
    type: list
    elements: str
    default:
      - https://ip-ranges.amazonaws.com/ip-ranges.json
      - https://www.gstatic.com/ipranges/cloud.json
      - https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json
    ini:
      - section: edgecache_cloudflare
        key: cloud_range_sources
    vars:
      - name: cloudflare_cloud_range_sources
  default:
    description:
      - What to return for an address that is in no range. May be V(none).
      - Without this option, such an address is an error, to which C(errors=) applies as for every lookup.
      - It does not stand for an address that is ambiguous, which always is an error.
    type: raw
  timeout:
    description:
      - Seconds that one request may take to connect, and that may pass between two bytes of its answer.
    type: float
    default: 30.0
    ini:
      - section: edgecache_cloudflare
        key: timeout
    vars:
      - name: cloudflare_timeout
  max_wait:
    description:
      - Seconds that one read of a URL may spend in all on waiting for a broken server or connection to recover. Each wait is told in a
        warning.
    type: float
    default: 330.0
    ini:
      - section: edgecache_cloudflare
        key: max_wait
    vars:
      - name: cloudflare_max_wait
  validate_certs:
    description:
      - Whether to check the certificates of the URLs. Switch off for tests only.
    type: bool
    default: true
    ini:
      - section: edgecache_cloudflare
        key: validate_certs
    vars:
      - name: cloudflare_validate_certs
  ca_path:
    description:
      - A file or a directory with the CA certificates to trust, instead of those that requests finds by itself.
    type: path
    ini:
      - section: edgecache_cloudflare
        key: ca_path
    vars:
      - name: cloudflare_ca_path
requirements:
  - requests >= 2.29
  - netaddr >= 1.0.0
seealso:
  - module: edgecache.cloudflare.cloud_region_info
  - plugin: edgecache.cloudflare.origin_cloud_region
    plugin_type: lookup
    description: What Cloudflare was told of an address.
notes:
  - If different vendors, or different regions of one, have the longest prefix in common, the address is ambiguous. That is an
    error, which names them. It is never guessed.
  - All lookups of a run share what they have read from a URL, even if it changes meanwhile. A file at a path is read again when it has
    changed. Each host of a task has a process of its own, which takes some tenths of a second to go through the files, so ask
    once with all addresses where you can.
  - The usual proxy variables, such as E(HTTPS_PROXY), are heeded. Redirects are not followed.
  - Use C(query) rather than C(lookup) where a list is wanted, since C(lookup) turns a list with one element into that element.
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Show where an address is, by what AWS, Google and Oracle publish
  ansible.builtin.debug:
    msg: "{{ found.vendor }}/{{ found.region }}"
  vars:
    found: "{{ lookup('edgecache.cloudflare.cloud_region', '192.0.2.1') }}"

- name: Show where several are, which may be outside of these clouds
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

- name: Look one up in Azure's file, which was fetched before
  ansible.builtin.debug:
    msg: "{{ lookup('edgecache.cloudflare.cloud_region', '198.51.100.7', sources=['files/ServiceTags_Public_20261123.json']).region }}"
"""

RETURN = r"""
_raw:
  description:
    - One result for each term, in their order.
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
      description: The region as the vendor's file has it.
      returned: always
      type: str
      sample: us-central1
    prefix:
      description: The prefix that says so, in canonical form.
      returned: always
      type: str
      sample: 2001:db8::/44
    source:
      description: The first of O(sources) that has it.
      returned: always
      type: str
      sample: https://www.gstatic.com/ipranges/cloud.json
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import canonical, canonical_all
from ansible_collections.edgecache.cloudflare.plugins.module_utils._declaration import some
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._errors import errors_as
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._options import option_layers
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._ranges import shared_ranges
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._warnings import tell


class LookupModule(LookupBase):
    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        kwargs.pop("wantlist", None)  # from with_ loops, which are none of this plugin's business
        with errors_as(AnsibleLookupError) as secrets:
            layers = option_layers(self, kwargs, variables or {}, self._templar, secrets)
            addresses = canonical_all("terms", terms)

            def find(source: str) -> str:
                found = self.find_file_in_search_path(variables or {}, "files", source, ignore_missing=True)
                return str(found or source)

            if not addresses:
                return []
            ranges = shared_ranges(layers, find, Display().warning, tell)
            places = {address: ranges.place(address) for address in addresses}
            for address, candidates in places.items():
                if len(candidates) > 1:
                    named = some([f"{one.vendor}/{one.region} ({one.prefix} in {one.source})" for one in candidates])
                    raise CloudflareError(f"{address} is ambiguous: {named}")
            unknown = [address for address in addresses if not places[address]]
            if unknown and "default" not in kwargs:
                raise CloudflareError(
                    f"No range of the sources has {', '.join(unknown)}. With default=, that stands in its place."
                )
            return [
                dict(origin_ip=address, **places[address][0]._asdict()) if places[address] else kwargs.get("default")
                for address in map(canonical, terms)
            ]
