# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: origin_cloud_region
short_description: Look up the cloud region hints of a Cloudflare zone
version_added: 1.0.0
description:
  - Returns the cloud region mappings (cloud region hints) of a zone. A mapping names the cloud vendor and the region of an origin's IP
    address. The lookup runs on the controller.
  - Returns one mapping for each term. Without a term, returns all mappings of the zone.
  - The first lookup of a run costs one request for one address. One lookup of K addresses costs at most K + 1 requests, and never more than
    reading all mappings, which costs one request for each 100. A zone given by O(zone) costs one more request.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.connection.plugins
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.credential.plugins
  - edgecache.cloudflare.zone
  - edgecache.cloudflare.zone.plugins
options:
  _terms:
    description:
      - The IPv4 or IPv6 addresses to look up, in any spelling.
      - Each address is a separate term. Spread a list with C(*), as in V(query('edgecache.cloudflare.origin_cloud_region', *addresses\)).
      - If the list is empty, no term is left, and the lookup returns all mappings.
    type: list
    elements: str
  default:
    description:
      - The value to return for an address without a mapping. May be V(none).
      - Without this option, such an address is an error. C(errors=) applies as in every lookup.
    type: raw
  cache:
    description:
      - Whether the lookups of one run of Ansible share their data, so that the same lookup on other hosts and in other tasks costs no
        request.
      - The shared data are in the private temporary folder of the run, without any credential. Ansible deletes them at the end of the run.
    type: bool
    default: true
    ini:
      - section: edgecache_cloudflare
        key: cache
    vars:
      - name: cloudflare_cache
  cache_ttl:
    description:
      - The seconds after which shared data are read again. The default is the window of the rate limit.
      - Until then, lookups do not see changes by other clients. Changes by the modules of this collection in the same run are visible at
        once.
      - If a task writes with C(async) or is ended by its C(timeout), the lookups share no data for the rest of the run.
    type: float
    default: 300.0
    ini:
      - section: edgecache_cloudflare
        key: cache_ttl
    vars:
      - name: cloudflare_cache_ttl
seealso:
  - module: edgecache.cloudflare.origin_cloud_region_info
notes:
  - Ansible evaluates a lookup each time it evaluates the template. In a task for many hosts, it evaluates the lookup once for each host.
  - If the zone has P pages of 100 mappings, separate lookups of K different addresses cost in total at most 2 * K requests, and at most
    2 * P. The count starts again when O(cache_ttl) has passed, or when a task of the run has written a hint.
  - Lookups at the same time wait for the first lookup. If the first lookup fails, the waiting lookups fail, too.
  - Use C(query) instead of C(lookup) for a list, since C(lookup) turns a list with one element into that element.
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

- name: Count all mappings of a zone given by name
  ansible.builtin.debug:
    msg: "{{ query('edgecache.cloudflare.origin_cloud_region', zone='example.com') | length }}"
  vars:
    cloudflare_api_token: "{{ lookup('ansible.builtin.env', 'CLOUDFLARE_API_TOKEN') }}"
"""

RETURN = r"""
_raw:
  description:
    - One mapping for each term, in the order of the terms. Without a term, all mappings in the API's order.
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
"""

import time
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    normalize_address,
    normalize_addresses,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginCloudRegions,
    ZoneSnapshot,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError, ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    MAX_SECONDS,
    OptionSource,
    cache_key,
    merge_options,
    open_zone_client,
)
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import RunCache
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._errors import translate_errors
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._options import collect_options
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._warnings import warn_always


class LookupModule(LookupBase):
    def run(self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[t.Any]:
        kwargs.pop("wantlist", None)  # set by with_ loops, and not an option of this plugin
        with translate_errors(AnsibleLookupError) as secrets:
            sources = collect_options(self, kwargs, variables or {}, self._templar, secrets)
            addresses = normalize_addresses("terms", terms) if terms else None
            snapshot = get_snapshot(addresses, sources)
            found = snapshot.select(addresses)
            if addresses is None:
                return [mapping.to_result() for mapping in found.values()]
            missing = [address for address in addresses if address not in found]
            if missing and "default" not in kwargs:
                raise CloudflareError(
                    f"The zone {snapshot.zone_id} has no mapping for {', '.join(missing)}. Set default= to return a value instead."
                )
            return [
                found[address].to_result() if address in found else kwargs.get("default")
                for address in map(normalize_address, terms)
            ]


def get_snapshot(addresses: list[str] | None, sources: list[OptionSource]) -> ZoneSnapshot:
    """Return the snapshot of this run, and read what it lacks. The processes of a run read one after the other."""
    option = merge_options(sources)
    if not 0 <= option["cache_ttl"] <= MAX_SECONDS:
        raise ConfigurationError(
            f"cache_ttl: {option['cache_ttl']} is not valid. It must be between 0 and {MAX_SECONDS} seconds."
        )
    if not option["cache"]:
        return fetch(ZoneSnapshot(), addresses, sources)
    cache = RunCache(cache_key(sources), option["cache_ttl"])
    snapshot, since = cache.load(), time.monotonic()
    if snapshot.covers(addresses):
        return snapshot
    if not cache.is_usable:
        return fetch(snapshot, addresses, sources)
    with cache.lock():
        snapshot = cache.load()
        if not snapshot.covers(addresses):
            # Waiting processes fail with the first one: otherwise each would retry for as long as the first did
            if message := cache.recent_failure(since, option["max_wait"]):
                raise CloudflareError(message)
            try:
                cache.store(fetch(snapshot, addresses, sources))
            except CloudflareError as error:
                cache.record_failure(str(error), option["max_wait"])
                raise
    return snapshot


def fetch(snapshot: ZoneSnapshot, addresses: list[str] | None, sources: list[OptionSource]) -> ZoneSnapshot:
    """Return the snapshot with the missing mappings of these addresses, or of the whole zone."""
    with open_zone_client(sources, Display().warning, warn_always, snapshot.zone_id) as (client, snapshot.zone_id):
        OriginCloudRegions(client, snapshot.zone_id).fetch_missing(snapshot, addresses)
    return snapshot
