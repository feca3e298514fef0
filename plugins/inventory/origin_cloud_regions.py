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

import hashlib
import json
import re
import typing as t

from ansible import template
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_address
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginCloudRegions,
    OriginMapping,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import is_zone_id
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import InvalidAddressError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    API_URL,
    CREDENTIAL_OPTIONS,
    OptionSource,
    merge_options,
    open_zones_client,
    parse_zones,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import iter_texts, redact
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import is_mapping_result
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._errors import translate_errors
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._options import collect_options, decrypt
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._warnings import warn_always

trust_as_template: t.Callable[[str], str] = getattr(template, "trust_as_template", str)
"""Marks a text as safe. Before ansible-core 2.19, every text is safe that is not marked as unsafe."""

EXPRESSIONS = ("compose", "groups", "keyed_groups")
"""Options that are evaluated for each host."""

Zones = list[tuple[str, list[dict[str, t.Any]]]]
"""The id and the mappings of each zone, in the order of the option. A list, since caches do not keep the order of a dict."""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "edgecache.cloudflare.origin_cloud_regions"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith(("cloudflare_origins.yml", "cloudflare_origins.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self.templar.available_variables = self._vars
        with translate_errors(AnsibleParserError) as self._secrets:
            self._read_config_data(path)
            zones = self._get_zones(path, self._sources, cache)
        for address, variables in build_hosts(zones).items():
            self._add_host(address, variables)

    def set_options(self, task_keys: t.Any = None, var_options: t.Any = None, direct: t.Any = None) -> None:
        """Set the options of the file, with their templates evaluated, so that an option of any type can be a template.

        ``collect_options`` evaluates the variables. It is called first, since Ansible's own errors show the values that they
        reject.
        """
        given = {name: self._evaluate(name, value) for name, value in direct.items()}
        self._sources = collect_options(self, given, self._vars, self.templar, self._secrets)
        super().set_options(task_keys=task_keys, direct=given)

    def _evaluate(self, name: str, value: t.Any) -> t.Any:
        try:
            return value if name in EXPRESSIONS else decrypt(self.templar.template(value))
        except AnsibleError as error:
            # The message may repeat the template, and a credential in it
            text = redact(str(error), iter_texts(value)) if name in CREDENTIAL_OPTIONS else str(error)
            raise AnsibleParserError(f"{name} cannot be evaluated: {text}") from None

    def _get_zones(self, path: str, sources: list[OptionSource], cache: bool) -> Zones:
        """Return the zones from the user's inventory cache, or read them and store them there."""
        if not self.get_option("cache"):
            return read_zones(sources)
        option = merge_options(sources)
        verification = [option["validate_certs"], option.get("ca_path")]
        # Without the credential, since the cache outlives the run
        parts = [path, option.get("api_url", API_URL), verification, parse_zones(sources)]
        # Ansible's own cache keys are short, so that two of them may be equal
        key = f"{self.NAME}_{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
        zones: Zones = self._load_cached(key) if cache else []
        if not is_zones(zones):
            self._cache[key] = zones = read_zones(sources)
        return zones

    def _load_cached(self, key: str) -> t.Any:
        try:
            return self._cache.get(key)
        except Exception:  # any cache plugin may meet damaged or outdated data
            return None

    def _add_host(self, address: str, variables: dict[str, t.Any]) -> None:
        variables = {name: mark_trusted(value) for name, value in variables.items()}
        self.inventory.add_host(address)
        for name, value in variables.items():
            self.inventory.set_variable(address, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, address, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, address, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, address, strict)


def read_zones(sources: list[OptionSource]) -> Zones:
    with open_zones_client(sources, Display().warning, warn_always) as (client, zone_ids):
        return [
            (zone_id, [mapping.to_result() for mapping in OriginCloudRegions(client, zone_id).list_all()])
            for zone_id in zone_ids
        ]


def build_hosts(zones: Zones) -> dict[str, dict[str, t.Any]]:
    """Return the variables of each host, by its address."""
    hosts: dict[str, dict[str, t.Any]] = {}
    regions: dict[str, str] = {}
    for zone_id, mappings in zones:
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


def mark_trusted(value: t.Any) -> t.Any:
    """Return a value that Ansible will not evaluate, neither as a template nor as the expression of a ``when``.

    A text that can only be a name, a number or a time is marked as safe, where Ansible (2.19 and newer) requires it, since
    ansible-inventory and AWX show other texts as ``{"__ansible_unsafe": ...}``. Every other text is marked as unsafe.
    """
    if isinstance(value, list):
        return [mark_trusted(item) for item in value]
    if not isinstance(value, str):
        return value
    return trust_as_template(value) if re.fullmatch(r"[\w.:+-]*", value, re.ASCII) else wrap_var(value)


def is_zones(value: t.Any) -> bool:
    """Return whether a value of a cache has the form of ``read_zones``, with lists for tuples. A file may hold any value."""
    try:
        return bool(value) and all(
            is_zone_id(zone_id)
            and isinstance(mappings, list)
            and all(
                is_mapping_result(mapping) and normalize_address(mapping["origin_ip"]) == mapping["origin_ip"]
                for mapping in mappings
            )
            for zone_id, mappings in value
        )
    except (InvalidAddressError, TypeError, ValueError):
        return False
