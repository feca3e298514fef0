# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ``cloud_region_hints``: one plan for the zone, from the variables of all hosts of the play.

Private to the collection: other code must not import this file.
"""

from __future__ import annotations

import re
import typing as t

from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_address
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ConfigurationError,
    InvalidAddressError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import HIDDEN, may_be_secret
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import join_truncated, sanitize_text
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._survey import parse_variables
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._zones import HostVars, mark_as_data

POLICY = "__cloud_region_hints_host_policy"
"""The fact of a host with the variables that must be the same for all hosts, by name without the prefix ``cloud_region_hints_``."""

MAPPING = "__cloud_region_hints_host_mapping"
"""The fact of a host with its ``host``, ``origin_ip``, ``vendor`` and ``region``; empty for a host outside the group."""

ADDRESS = "__cloud_region_hints_host_address"
"""The fact of a host, set by the entry point ``facts``, with its ``zone_id``, ``zone`` and ``origin_ip``."""

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_ADDRESS_FORM = re.compile(rf"({_OCTET}[.]){{3}}{_OCTET}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
"""Matches an address, and no host name. The module validates it."""


def plan_role(
    hostvars: HostVars,
    first_hosts: t.Sequence[str],
    hosts: t.Sequence[str],
    groups: t.Mapping[str, t.Sequence[str]],
    values: t.Mapping[str, t.Any],
    questions: t.Mapping[str, str],
) -> dict[str, t.Any]:
    """Return the plan of the role: its variables, converted, with the ``mappings`` to declare; or only an ``error``.

    ``first_hosts``: the hosts of the play when the role began. ``hosts``: those that have not failed since. ``values``: the variables
    that only the first host evaluates. ``questions``: as in ``parse_variables``.
    """
    policies, mappings = _collect_facts(hostvars, hosts, POLICY, MAPPING)
    parsed = parse_variables(values, questions)
    try:
        _refuse_missing_hosts(first_hosts, policies)
        _refuse_problems([parsed, *policies.values()])
        _refuse_difference(policies)
        policy = policies[first_hosts[0]]
        origins = _find_origins(policy, groups, mappings) if policy["group"] else []
    except ConfigurationError as error:
        return {"error": str(error)}
    return _build_plan(policy, parsed, [mappings[host] for host in origins])


def plan_zone(
    hostvars: HostVars,
    zone_host: str,
    groups: t.Mapping[str, t.Sequence[str]],
    policy: t.Mapping[str, t.Any],
    zone: t.Mapping[str, str],
    values: t.Mapping[str, t.Any],
    questions: t.Mapping[str, str],
) -> dict[str, t.Any]:
    """Return the plan for the zone of a host, as ``plan_role`` does. The hosts of the zone's group need not be in the play.

    ``policy``: the converted variables of the host. ``zone``: its ``zone_id`` and ``zone``. ``values``, ``questions``: as in
    ``plan_role``.
    """
    parsed = parse_variables(values, questions)
    try:
        _refuse_problems([parsed, policy])
        origins = _find_origins(policy, groups, groups.get(policy["group"], ())) if policy["group"] else []
        mappings = [_evaluate_mapping(hostvars, host, zone_host) for host in origins]
    except ConfigurationError as error:
        return {"error": wrap_var(str(error))}
    return _build_plan({**policy, "zone_id": zone["zone_id"], "zone": zone["zone"]}, parsed, mappings)


def _build_plan(
    policy: t.Mapping[str, t.Any], parsed: t.Mapping[str, t.Any], mappings: t.Iterable[t.Mapping[str, t.Any]]
) -> dict[str, t.Any]:
    """Return a plan without an error. ``mappings``: of the hosts of the group."""
    # The module skips only items with a host
    declared = [{**mapping, "host": ""} for mapping in parsed["mappings"]]
    declared += [{name: _to_text(value) for name, value in mapping.items()} for mapping in mappings]
    return {**policy, **parsed, "mappings": declared, "error": ""}


def _evaluate_mapping(hostvars: HostVars, host: str, zone_host: str) -> dict[str, t.Any]:
    """Return the mapping of a host of the group. The variables of the zone are the defaults of vendor and region."""
    variables, defaults = hostvars[host], hostvars[zone_host]
    try:
        mapping = {
            "host": host,
            "origin_ip": variables.get("cloud_region_hints_origin_ip", variables.get("ansible_host", host)),
            **{
                name: variables.get(f"cloud_region_hints_{name}", defaults.get(f"cloud_region_hints_{name}", ""))
                for name in ("vendor", "region")
            },
        }
        mapping = {name: _to_text(value) for name, value in mapping.items()}
    except Exception as error:
        raise ConfigurationError(
            f"cloud_region_hints_group: the variables of {host} cannot be evaluated: {error}"
        ) from None
    # ansible-core before 2.19 returns an expression with an undefined variable as it is
    if unevaluated := [value for value in mapping.values() if "{{" in value or "{%" in value]:
        raise ConfigurationError(
            f"cloud_region_hints_group: the variables of {host} cannot be evaluated: {', '.join(unevaluated)} has an undefined variable. "
            "End the expression with default('')."
        )
    return mapping


def plan_origins(plan: t.Mapping[str, t.Any], found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the ``mappings`` of the origins of the zone to declare, those ``left_out``, the ``result`` to add, and an ``error``.

    ``keep``: the addresses of those left out, whose hints a purge keeps. ``found``: the registered result of ``zone_origin_info``. The
    mappings have no region: the module derives it. Addresses that the plan declares already have no second mapping.
    """
    nothing = {"mappings": [], "left_out": [], "keep": [], "result": {}, "error": ""}
    if not plan["discover"]:
        return nothing
    if "origins" not in found:  # the task has failed, and ignore_errors is set
        return {**nothing, "error": str(found.get("msg"))}
    declared = set(_iter_addresses(plan["mappings"]))
    unknown = [
        _left_out(_list_names(item), item["hostname"], item["error"] or _UNRESOLVED)
        for item in found["hostnames"]
        if not item["addresses"]
    ]
    unknown += [
        _left_out(_list_names(item), item["value"], _LEFT_OUT_REASONS["unknown_pool"])
        for item in found["left_out"]
        if item["reason"] == "unknown_pool"
    ]
    unknown += [
        _left_out(item["include"], "", f"the list cannot be read: {sanitize_text(item['failure']['message'])}")
        for item in found["unavailable"]
    ]
    needless = [
        _left_out(
            _list_names(item),
            item["value"],
            _LEFT_OUT_REASONS.get(item["reason"], f"{item['reason']} address, which the internet does not reach"),
        )
        for item in found["left_out"]
        if item["reason"] != "unknown_pool"
    ]
    planned = {
        "mappings": [
            {"host": _list_names(item), "origin_ip": item["origin_ip"], "vendor": "", "region": ""}
            for item in found["origins"]
            if item["origin_ip"] not in declared
        ],
        "left_out": unknown + needless,
        "keep": list(_iter_addresses(needless)),
        "result": {"origins_complete": found["complete"]},
        "error": "" if found["complete"] else _refuse_incomplete(plan, unknown),
    }
    return t.cast("dict[str, t.Any]", mark_as_data(planned))  # texts of the API are no templates


_UNRESOLVED = "the target has no record in the zone: set cloud_region_hints_resolve to true to resolve it"

_LEFT_OUT_REASONS = {
    "private_routing": "in a private network (private_routing)",
    "virtual_network_id": "in a private network (virtual_network_id)",
    "unknown_pool": "the account does not list this pool",
}


def _refuse_incomplete(plan: t.Mapping[str, t.Any], unknown: t.Iterable[t.Mapping[str, str]]) -> str:
    """Return an error if a purge could delete the hint of an unknown origin, or if the policy needs all origins."""
    if plan["purge"]:
        consequence = "cloud_region_hints_purge would delete the hints of the unknown ones"
    elif plan["strict"]:
        consequence = "cloud_region_hints_strict needs all of them"
    else:
        return ""
    labels = [f"{item['host']} ({', '.join(filter(None, (item['origin_ip'], item['reason'])))})" for item in unknown]
    return (
        f"cloud_region_hints_discover: not all origins of the zone are known, and {consequence}. Not known: {join_truncated(labels)}. "
        f"Correct the causes, or set cloud_region_hints_{'purge' if plan['purge'] else 'strict'} to false."
    )


def _left_out(host: str, value: str, reason: str) -> dict[str, str]:
    """Return an item in the form of the result ``left_out`` of the module ``origin_cloud_regions``."""
    return {"host": host, "origin_ip": value, "vendor": "", "region": "", "reason": reason}


def _list_names(item: t.Mapping[str, t.Any]) -> str:
    return join_truncated(list(dict.fromkeys(user["name"] for user in item["used_by"])))


def _iter_addresses(mappings: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    """Yield the canonical addresses of the mappings that have one. The module reports the others."""
    for mapping in mappings:
        try:
            yield normalize_address(str(mapping.get("origin_ip")))
        except InvalidAddressError:
            continue


def plan_facts(hostvars: HostVars, hosts: t.Sequence[str]) -> dict[str, t.Any]:
    """Return the ``addresses`` whose mappings the entry point ``facts`` reads, and an ``error``, empty without one."""
    (given,) = _collect_facts(hostvars, hosts, ADDRESS)
    try:
        # Ansible drops the keys whose value is "omit"
        _refuse_difference(
            {host: {name: fact.get(name, "") for name in ("zone_id", "zone")} for host, fact in given.items()}
        )
    except ConfigurationError as error:
        return {"addresses": [], "error": str(error)}
    # Ansible before 2.19 converts the text of a list, a boolean or a number
    addresses = [str(fact["origin_ip"]) for fact in given.values()]
    return {"addresses": list(filter(_ADDRESS_FORM.fullmatch, addresses)), "error": ""}


def _collect_facts(hostvars: HostVars, hosts: t.Iterable[str], *names: str) -> list[dict[str, t.Any]]:
    """Return the values of each fact by host, for the hosts where it is not empty."""
    variables = {
        host: hostvars[host] for host in hosts
    }  # once, since Ansible collects the variables of a host each time
    return [{host: found[name] for host, found in variables.items() if found.get(name)} for name in names]


def _refuse_missing_hosts(first_hosts: t.Sequence[str], policies: t.Container[str]) -> None:
    if missing := [host for host in first_hosts if host not in policies]:
        raise ConfigurationError(
            "cloud_region_hints: the role runs once for all hosts of the play, but not all of them take part. "
            "Either a condition (when) of the role is true for some hosts of the play only, or the strategy of the play is free or "
            "host_pinned, where Ansible ignores run_once. Remove the condition, or set the strategy to linear. "
            f"Missing: {', '.join(missing)}."
        )


def _refuse_problems(parsed: t.Iterable[t.Mapping[str, t.Any]]) -> None:
    """Raise one error with the problems of all hosts, each once. ``parsed``: as of ``parse_variables``."""
    if problems := dict.fromkeys(problem for variables in parsed for problem in variables["problems"]):
        raise ConfigurationError(" ".join(problems))


def _refuse_difference(policies: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    hosts = list(policies)
    different: dict[str, str] = {}
    for host in hosts[1:]:
        for name, value in policies[hosts[0]].items():
            if policies[host].get(name) != value:
                different.setdefault(f"cloud_region_hints_{name.removesuffix('_hash')}", host)
    if different:
        raise ConfigurationError(
            f"{', '.join(different)}: not the same for all hosts of the play, and the role runs once for all of them. "
            f"{hosts[0]} and {next(iter(different.values()))} differ. "
            "Set the same value for all: in the play, as an extra variable, or for the group all."
        )


def _find_origins(
    policy: t.Mapping[str, t.Any], groups: t.Mapping[str, t.Sequence[str]], hosts: t.Container[str]
) -> list[str]:
    """Return the hosts of the group that are in the play, sorted. Purge needs all of them, since it deletes all other hints."""
    group = policy["group"]
    if group not in groups:
        raise ConfigurationError(
            f"cloud_region_hints_group: the inventory has no group {_hide_secret(group)}. Set it to a group of the inventory, or leave it "
            "empty."
        )
    origins = sorted(host for host in groups[group] if host in hosts)
    hidden = len(groups[group]) - len(origins)
    if hidden and (policy["purge"] or not origins):
        deleted = ", and cloud_region_hints_purge would delete their hints" if policy["purge"] else ""
        raise ConfigurationError(
            f"cloud_region_hints_group: {hidden} of {len(groups[group])} hosts of the group {group} are not in this play{deleted}. "
            "The play must name the group in its hosts; the playbook edgecache.cloudflare.apply does, if the group is an extra variable "
            "or an answer of a survey. Leave out --limit and serial, and look for hosts that have failed."
        )
    if not origins and policy["purge"] and not policy["allow_empty"]:
        raise ConfigurationError(
            f"cloud_region_hints_group: the group {group} is empty, and cloud_region_hints_purge would delete the hints of its hosts. "
            "If that is meant, set cloud_region_hints_allow_empty to true."
        )
    return origins


def _hide_secret(text: str) -> str:
    return HIDDEN if may_be_secret(text) else text


def _to_text(value: t.Any) -> str:
    return str(value or "").strip()
