# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many zones: the zone of each host of a play, the names of zones, and the range files that all zones of a run share.

Private to the collection: other code must not import this file.
"""

from __future__ import annotations

import os
import typing as t

from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import fetch_zone_name, is_zone_id
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    ARGUMENT_SPEC,
    OptionSource,
    cache_key,
    open_zone_client,
    read_environment,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import DEFAULT_SOURCES
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import find_credentials, redact
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import sanitize_text
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import RunCache
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._ranges import share_range_files
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._survey import is_misplaced_secret

HostVars = t.Mapping[str, t.Mapping[str, t.Any]]
"""The variables of each host."""

_DEFAULTS = {option: spec["default"] for option, spec in ARGUMENT_SPEC.items() if "default" in spec}


def plan_zones(hostvars: HostVars, hosts: t.Sequence[str], matching: t.Sequence[str]) -> dict[str, t.Any]:
    """Return the ``zones`` by host, and an ``error``, empty unless two hosts have the same zone, or no host matches.

    ``hosts``: those of the play. ``matching``: those that match the pattern of the user, also those outside ``--limit``. A zone has
    its ``zone_id`` or ``zone``, as modules take them, its ``name`` as far as it is known, and a ``problem``.
    """
    known = {host: _find_zone(host, hostvars[host]) for host in dict.fromkeys([*hosts, *matching])}
    zones = {host: known[host] for host in hosts}
    error = _find_duplicate(known, hosts)
    if list(hosts) == ["localhost"] and "localhost" not in matching:
        error = (
            "cloud_region_hints_zone_hosts: no host of the inventory matches the pattern. Check the pattern and the inventory, and set "
            "the variable as an extra variable, as an answer of a survey, or for import_playbook."
        )
    plan = {"zones": zones, "error": error}
    return t.cast("dict[str, t.Any]", mark_as_data(plan))  # an inventory may have the names from the API


def mark_as_data(value: t.Any) -> t.Any:
    """Return a copy of a value whose strings Ansible does not evaluate as templates, also before ansible-core 2.19."""
    if isinstance(value, t.Mapping):
        return {key: mark_as_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mark_as_data(item) for item in value]
    return wrap_var(value) if isinstance(value, str) else value


def _find_duplicate(zones: t.Mapping[str, t.Mapping[str, str]], hosts: t.Container[str]) -> str:
    """Return a message about two hosts with the same zone, of which ``hosts`` has at least one, or an empty string.

    With ``--limit``, ``hosts`` may have a single host, for which a zone that is an extra variable would go unnoticed. A zone without
    an id is also that of an id whose host has the name of the zone. Two ids may have the same name.
    """
    first: dict[str, str] = {}
    without_id = {zone["zone"].lower() for zone in zones.values() if not zone["zone_id"]}
    for host, zone in zones.items():
        name = zone["name"].lower()
        for key in filter(None, (zone["zone_id"], name if name in without_id else "")):
            if first.setdefault(key, host) != host and (first[key] in hosts or host in hosts):
                return (
                    f"cloud_region_hints_zone_hosts: {first[key]} and {host} have the same zone {key}. Give each host a zone of its own. "
                    "Extra variables and answers of a survey are the same for all hosts: leave the zone blank there."
                )
    return ""


def _find_zone(host: str, variables: t.Mapping[str, t.Any]) -> dict[str, str]:
    """Return the zone of a host. The variables of the collection take precedence over those of the inventory ``zones``."""

    def find(name: str) -> str:
        value = variables.get(name)
        return "" if value is None else str(value).strip()

    unknown = {"zone_id": "", "zone": "", "name": ""}
    try:
        zone_id, zone = find("cloud_region_hints_zone_id"), find("cloud_region_hints_zone")
        inventory_id, inventory_name = find("zone_id"), find("zone")
    except Exception as error:
        reason = redact(str(error), find_credentials(str(error)))
        return {**unknown, "problem": f"The zone of {host} cannot be evaluated: {reason}"}
    if not zone_id and not zone:
        zone_id, zone = inventory_id, "" if inventory_id else inventory_name
    name = zone or (inventory_name if inventory_id in ("", zone_id) else "")
    if any(map(is_misplaced_secret, (zone_id, zone, name))):  # facts and messages would show it
        problem = (
            f"The zone of {host}: the value contains a credential, and is not shown. Use a zone id or a domain name."
        )
        return {**unknown, "problem": problem}
    problem = ""
    if not zone_id and not zone:
        problem = (
            f"{host} has no zone. Set zone_id, cloud_region_hints_zone_id or cloud_region_hints_zone for the host."
        )
    elif is_zone_id(inventory_id) and (
        zone_id not in ("", inventory_id) or (zone and inventory_name and zone.lower() != inventory_name.lower())
    ):  # otherwise a forgotten extra variable would apply the policy of one zone to another
        problem = (
            f"{host} has two zones: zone_id is {inventory_id}, but cloud_region_hints_zone_id or cloud_region_hints_zone "
            f"is {zone_id or zone}. Remove one of the variables."
        )
    return {"zone_id": zone_id, "zone": zone, "name": sanitize_text(name), "problem": problem}


def find_zone_name(zone_id: str) -> str | None:
    """Return the name of a zone, or ``None`` if it cannot be read. One request, once a run and zone.

    The credential comes from the environment of the controller, as for a module on it.
    """
    sources = [OptionSource({**_DEFAULTS, "zone_id": zone_id}, kind="plugin"), read_environment(os.environ)]

    def fetch() -> bytes:
        try:
            with open_zone_client(sources, _ignore) as (client, _zone_id):
                return fetch_zone_name(client, zone_id).encode()
        except Exception:  # such as a token that may not read the zone
            return b""

    try:
        cache = RunCache(f"{cache_key(sources)}-name", 0.0)
        name: str | None = wrap_var(cache.get_or_create_file(fetch, _DEFAULTS["max_wait"]).decode() or None)
        return name
    except Exception:
        return None


def find_range_files(sources: t.Sequence[str]) -> dict[str, str]:
    """Return the path of each range file by its source, or by each default source. Each URL is downloaded once a run."""
    return share_range_files([OptionSource({**_DEFAULTS, "sources": list(sources) or DEFAULT_SOURCES})], _ignore)


def _ignore(message: str) -> None:
    """Ignore a warning: the modules of the same run have the same options, and show it."""
