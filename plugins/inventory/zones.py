# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: zones
short_description: Use the zones of an account as inventory hosts
version_added: 1.1.0
description:
  - Creates a host for each zone of Cloudflare that the credential may list. Groups the hosts by account, plan and status.
  - The name of the file must end in C(cloudflare_zones.yml) or C(cloudflare_zones.yaml).
  - The name of a host is the domain name of its zone. Its variables are C(zone_id), C(zone) (the domain name), C(account_id),
    C(account_name), C(status), C(type) (V(full), V(partial), V(secondary)) and C(plan) (such as V(free) or V(enterprise)). A variable is
    null if the API does not report it.
  - If several zones have the same name, such as in several accounts, each is a host. The active one, else the one with the lowest id,
    has the name of the zone. The names of the others end in C(_) and the id. A warning lists them.
  - If the name of a zone is not a domain name, its id is the name of the host, and a warning reports it.
  - Costs one request for each 50 zones, at least one. With O(cache), costs no request until O(cache_timeout) has passed.
extends_documentation_fragment:
  - edgecache.cloudflare.connection
  - edgecache.cloudflare.connection.plugins
  - edgecache.cloudflare.credential
  - edgecache.cloudflare.credential.plugins
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description:
      - The name of this plugin. Ansible uses it to recognize the file.
    type: str
    required: true
    choices:
      - edgecache.cloudflare.zones
  account_id:
    description:
      - Only zones of the account with this id, 32 hexadecimal digits.
    type: str
  account_name:
    description:
      - Only zones of accounts with this name. An operator and a colon may be before the name, as in V(contains:Example). The operators are
        V(equal) (the default), V(not_equal), V(starts_with), V(ends_with), V(contains), V(starts_with_case_sensitive),
        V(ends_with_case_sensitive) and V(contains_case_sensitive).
    type: str
  name:
    description:
      - Only zones with this domain name. The operators are those of O(account_name), as in V(ends_with:.example.com).
    type: str
  status:
    description:
      - Only zones with this status. V(all) selects zones of any status.
    type: str
    default: active
    choices:
      - initializing
      - pending
      - active
      - moved
      - all
  keyed_groups:
    description:
      - Adds hosts to groups by the value of a variable. The default creates a group for each account, plan and status, such as
        C(account_Example_Inc_), C(plan_enterprise) and C(status_active). Accounts with the same name share a group.
    default:
      - key: account_name | default([], true)
        prefix: account
      - key: plan | default([], true)
        prefix: plan
      - key: status | default([], true)
        prefix: status
seealso:
  - plugin: edgecache.cloudflare.origin_cloud_regions
    plugin_type: inventory
notes:
  - A host is a zone, not a machine. Run tasks for it on the controller, with C(connection=local) or C(delegate_to=localhost).
  - The value of each option may be a template, even if the option is a number or a list. Templates can use only the variables of
    C(--extra-vars). O(compose), O(groups) and O(keyed_groups) are evaluated for each host instead.
  - An option may also be a string that C(ansible-vault encrypt_string) has encrypted. Ansible does not evaluate such a string as a
    template.
  - The token needs the permission Zone Read. A token that is limited to certain zones lists at most these zones. Without any zone,
    the inventory is empty, and a warning reports it.
  - A credential for more than 500 accounts must select one with O(account_id) or O(account_name).
  - If the zones cannot be read, Ansible shows a warning and continues without them. To stop instead, set C(any_unparsed_is_failed=true)
    in the section C(inventory) of C(ansible.cfg).
author:
  - Contributors to the edgecache.cloudflare collection (!UNKNOWN)
"""

EXAMPLES = r"""
# account.cloudflare_zones.yml. With CLOUDFLARE_API_TOKEN in the environment, the first line is enough.
plugin: edgecache.cloudflare.zones

# The zones of one account whose names end in .com, with a token from another environment variable
api_token: "{{ lookup('ansible.builtin.env', 'EDGE_TOKEN') }}"
account_name: contains:example
name: ends_with:.com
status: all

# Additional groups and variables
keyed_groups:
  - key: type
    prefix: type
groups:
  hints: plan != 'free'
compose:
  ansible_connection: "'local'"
strict: true

# Cache the result for an hour, in files
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/cloudflare-zones
cache_timeout: 3600
"""

import re
import typing as t

from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import is_zone_result, list_zones
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    OptionSource,
    open_client,
    parse_zone_conditions,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import join_truncated, sanitize_text
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._inventory import CloudflareInventory
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._warnings import warn_always


class InventoryModule(CloudflareInventory):
    """The data are the zones, in the form of ``Zone.to_result``."""

    NAME = "edgecache.cloudflare.zones"
    FILE_SUFFIX = "cloudflare_zones"

    def parse_query(self, sources: list[OptionSource]) -> dict[str, str]:
        return parse_zone_conditions(sources)

    def read(self, sources: list[OptionSource]) -> list[dict[str, t.Any]]:
        conditions = parse_zone_conditions(sources)
        with open_client(sources, Display().warning, warn_always) as client:
            return [zone.to_result() for zone in list_zones(client, conditions)]

    def is_readable(self, item: t.Any) -> bool:
        return is_zone_result(item)

    def build_hosts(self, data: list[dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
        if not data:
            Display().warning(
                "No zone was found with this credential and these options. The token needs the permission Zone Read, and lists only the "
                "zones that it is limited to."
            )
        by_name: dict[str, list[dict[str, t.Any]]] = {}
        for zone in data:
            by_name.setdefault(zone["zone"], []).append(zone)
        return {host: zone for name, zones in by_name.items() for host, zone in name_hosts(name, zones).items()}


def name_hosts(name: str, zones: list[dict[str, t.Any]]) -> dict[str, dict[str, t.Any]]:
    """Return the zones with the same name by the names of their hosts."""
    zones = sorted(zones, key=lambda zone: (zone["status"] != "active", zone["zone_id"]))
    if not is_host_name(name):
        hosts = {zone["zone_id"]: zone for zone in zones}
        Display().warning(
            f"{sanitize_text(name, 100)!r} is not a domain name. The zone is the host {join_truncated(list(hosts))}."
        )
        return hosts
    hosts = {name: zones[0], **{f"{name}_{zone['zone_id']}": zone for zone in zones[1:]}}
    if len(zones) > 1:
        described = join_truncated([f"{zone['zone_id']} is the host {host}" for host, zone in hosts.items()])
        Display().warning(f"{len(zones)} zones are named {name}: {described}.")
    return hosts


def is_host_name(name: str) -> bool:
    """Return whether a name can be that of a host, which Ansible might evaluate as a template."""
    return len(name) <= 253 and re.fullmatch(r"[\w-]+(\.[\w-]+)+", name) is not None
