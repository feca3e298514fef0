# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the playbooks ``edgecache.cloudflare.report`` and ``.apply``: the zones of the hosts, and the summary of all zones.

Private to the playbooks of the collection: Ansible finds them because they lie beside these.
"""

from __future__ import annotations

import csv
import io
import re
import typing as t
from collections import Counter

from ansible.errors import AnsibleFilterError
from ansible_collections.edgecache.cloudflare.playbooks.filter_plugins.report import (
    Report,
    describe_hints,
    join_results,
    mark_as_text,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._zones import (
    HostVars,
    find_range_files,
    find_zone_name,
    mark_as_data,
    plan_zones,
)

Summary = dict[str, t.Any]
"""The result of one zone: of ``cloud_region_hints_summary`` or ``cloud_region_hints_zone_failure``."""

SUMMARY = "__cloud_region_hints_summary"
"""The fact of a host with the summary of its zone."""

COUNT_TEXTS = {
    "right": ("is right", "are right"),
    "wrong": ("is wrong", "are wrong"),
    "unsupported": ("has an unsupported region", "have an unsupported region"),
    "ambiguous": ("is ambiguous", "are ambiguous"),
    "unknown": ("is unknown", "are unknown"),
    "missing": ("is missing", "are missing"),
    "unused": ("is unused", "are unused"),
}
"""The results of hints, each with its text for one hint and for several."""

DRIFT_RESULTS = {"wrong", "unsupported"}
"""The results that are drift in any case; those of ``cloud_region_hints_report_fail_on`` are drift too."""

STATES = ("drift", "failed", "warning", "ok")
"""The state of a zone, in the order of the index."""

CHANGES = ("created", "updated", "deleted", "unconfirmed")
"""The results of a task that wrote hints. An unknown outcome counts as a change."""

CSV_COLUMNS = ("zone", "zone_id", "host", "state", "verdict", "total", *COUNT_TEXTS, "page")


def cloud_region_hints_summary(report: Report, fail_on: t.Sequence[str], host: str) -> Summary:
    """Return the summary of a zone that was read. ``counts`` lacks the results that were not looked for."""
    audit, origins = report["audit"] or {}, report["origins"] or {}
    counts = {**audit.get("counts", {}), "unsupported": len(report["unsupported"])}
    counts.update((result, count) for result, count in origins.get("counts", {}).items() if count is not None)
    has_drift = any(counts.get(result) for result in DRIFT_RESULTS.union(fail_on))
    return {
        "host": host,
        **{key: report[key] for key in ("zone_id", "zone", "verdict", "warnings", "tiered_cache", "total")},
        "state": "drift" if has_drift else "warning" if report["warnings"] else "ok",
        "counts": counts,
        **{result: audit.get(result, []) for result in ("wrong", "ambiguous")},
        **{result: origins.get(result) or [] for result in ("missing", "unused")},
        **{key: report[key] for key in ("unsupported", "corrections")},
        "failure": _find_failure(report["zone"] or report["zone_id"], report, counts, fail_on),
    }


def cloud_region_hints_zone_failure(
    result: t.Mapping[str, t.Any], zone: t.Mapping[str, str], host: str, settings_enabled: bool | None = None
) -> Summary:
    """Return the summary of a zone for which a task failed. ``result``: of the task, which may have made some changes.

    ``settings_enabled``: whether an earlier task enabled settings of the zone; ``None`` for a report.
    """
    items = [item for item in result.get("results") or [] if isinstance(item, dict) and item.get("failed")]
    message = " ".join(str((items or [result])[0].get("msg") or "A task failed without a message.").split())
    return {
        "host": host,
        "zone_id": zone["zone_id"] or None,
        "zone": zone["name"] or None,
        "verdict": message,
        "warnings": [],
        "state": "failed",
        "total": None,
        "counts": {key: len(result[key]) for key in CHANGES if isinstance(result.get(key), list)},
        **({} if settings_enabled is None else {"settings_enabled": settings_enabled}),
        "failure": f"{zone['name'] or host}: {message}",
    }


def cloud_region_hints_index(hostvars: HostVars, hosts: t.Sequence[str]) -> dict[str, t.Any]:
    """Return the data of the index: zones with drift first, then failed ones, then those with a warning, each part by name."""
    zones = _collect_summaries(hostvars, hosts)
    zones.sort(key=lambda zone: (STATES.index(zone["state"]), _label(zone)))
    for zone, page in zip(zones, _choose_pages(zones)):
        zone["page"] = page
    states = Counter(zone["state"] for zone in zones)
    totals = {
        "zones": len(zones),
        **{state: states[state] for state in STATES},
        "hints": sum(zone["total"] or 0 for zone in zones),
        **{result: sum(zone["counts"].get(result, 0) for zone in zones) for result in COUNT_TEXTS},
    }
    warnings = [
        f"{_label(zone)}{' failed' if zone['state'] == 'failed' else ''}: {zone['verdict']}"
        for zone in zones
        if zone["state"] != "ok"
    ]
    index = {"verdict": _find_verdict(states, len(zones)), "warnings": warnings, "totals": totals, "zones": zones}
    return t.cast("dict[str, t.Any]", mark_as_data(index))  # texts of the API are no templates


def cloud_region_hints_stats(index: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the part of the index for the next jobs of a workflow: the totals, and the zones with drift and the failed ones."""
    keys = ("zone", "zone_id", "host", "verdict", "counts")
    by_state = {
        state: [{key: zone[key] for key in keys} for zone in index["zones"] if zone["state"] == state]
        for state in ("drift", "failed")
    }
    return {**{key: index[key] for key in ("verdict", "warnings", "totals")}, **by_state}


def cloud_region_hints_index_csv(index: dict[str, t.Any]) -> str:
    """Return the index as a table, with a line for each zone."""
    output = io.StringIO()
    writer = csv.writer(output, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for zone in index["zones"]:
        row = [zone["counts"].get(key) if key in COUNT_TEXTS else zone[key] for key in CSV_COLUMNS]
        writer.writerow([mark_as_text("" if cell is None else str(cell)) for cell in row])
    return output.getvalue()


def cloud_region_hints_range_files(sources: t.Sequence[str]) -> dict[str, str]:
    """Return the path of each range file by its source: see ``find_range_files``."""
    try:
        return find_range_files(sources)
    except CloudflareError as error:
        raise AnsibleFilterError(str(error)) from None


def cloud_region_hints_restore_sources(audit: dict[str, t.Any], files: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the result of an audit with the source of each range instead of the path of its file."""
    sources = {path: source for source, path in files.items()}

    def restore(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {key: sources.get(item, item) if key == "source" else restore(item) for key, item in value.items()}
        return [restore(item) for item in value] if isinstance(value, list) else value

    return {
        **audit,
        **{state: restore(audit[state]) for state in ("right", "wrong", "ambiguous", "missing") if state in audit},
    }


def cloud_region_hints_applied(hostvars: HostVars, hosts: t.Sequence[str]) -> dict[str, t.Any]:
    """Return what ``apply`` did in all zones: the ``verdict``, the ``totals``, and the ``zones`` with changes and the ``failed`` ones."""
    found = _collect_summaries(hostvars, hosts)
    failed = sorted((zone for zone in found if zone["failure"]), key=_label)
    changed = sorted((zone for zone in found if _has_changed(zone)), key=_label)
    totals = Counter({"zones": len(found), "failed": len(failed), "changed": len(changed)})
    for zone in found:
        totals.update(zone["counts"])
    verdict = f"{len(changed):,} of {_count_zones(len(found))} changed"
    if failed:
        verdict += f", {len(failed):,} failed"
    applied = {"verdict": verdict, "totals": dict(totals), "zones": changed, "failed": failed}
    return t.cast("dict[str, t.Any]", mark_as_data(applied))


def cloud_region_hints_applied_zone(
    result: dict[str, t.Any], zone: t.Mapping[str, str], host: str, settings_enabled: bool
) -> Summary:
    """Return the summary of a zone to which ``apply`` was applied. ``result``: the fact ``cloud_region_hints_result``."""
    return {
        "host": host,
        "zone_id": result["zone_id"],
        "zone": zone["name"] or None,
        "counts": {key: len(items) for key, items in result.items() if isinstance(items, list)},
        "settings_enabled": settings_enabled,
        "failure": "",
    }


def _collect_summaries(hostvars: HostVars, hosts: t.Sequence[str]) -> list[Summary]:
    """Return the summary of each host that has one."""
    found = (hostvars[host].get(SUMMARY) for host in hosts)
    return [{**summary} for summary in found if summary]


def _has_changed(zone: Summary) -> bool:
    return bool(zone.get("settings_enabled") or any(zone["counts"].get(key) for key in CHANGES))


def _find_failure(label: str, report: Report, counts: t.Mapping[str, int], fail_on: t.Sequence[str]) -> str:
    """Return the message of a zone that fails because of ``cloud_region_hints_report_fail_on``, or an empty text."""
    found = [describe_hints(counts[result], *COUNT_TEXTS[result]) for result in fail_on if counts.get(result)]
    fix = "Correct these hints"
    if "unused" in fail_on and report["origins"] and "unused" not in counts:
        found.append("unused hints cannot be found")
        fix = "Correct what the warnings of the report name"
    if not found:
        return ""
    return (
        f"{label}: {join_results(found)}, and cloud_region_hints_report_fail_on has {', '.join(fail_on)}. "
        f"{fix}, or remove the word from the list."
    )


def _find_verdict(states: t.Mapping[str, int], total: int) -> str:
    drift, failed = states.get("drift", 0), states.get("failed", 0)
    zones = _count_zones(total)
    found = [f"{drift:,} of {zones} {'has' if drift == 1 else 'have'} drift"] if drift else []
    if failed:
        found.append(f"{failed:,} failed" if drift else f"{failed:,} of {zones} failed")
    return " and ".join(found) or f"No drift in {zones}"


def _count_zones(count: int) -> str:
    return f"{count:,} {'zone' if count == 1 else 'zones'}"


def _label(zone: Summary) -> str:
    return str(zone["zone"] or zone["host"])


def _choose_pages(zones: t.Sequence[Summary]) -> list[str | None]:
    """Return the file name of each zone's page, ``None`` for a zone that failed: the zone's name, or else the host's, or else the id."""
    names = Counter(_label(zone).lower() for zone in zones)

    def choose(zone: Summary) -> str | None:
        if zone["state"] == "failed":
            return None
        label = _label(zone)
        is_file_name = (
            re.fullmatch(r"[\w-][\w.-]{,99}", label) and names[label.lower()] == 1 and label.lower() != "index"
        )
        return f"{label if is_file_name else zone['zone_id']}.html"

    return list(map(choose, zones))


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        filters = (
            cloud_region_hints_summary,
            cloud_region_hints_zone_failure,
            cloud_region_hints_index,
            cloud_region_hints_stats,
            cloud_region_hints_index_csv,
            cloud_region_hints_range_files,
            cloud_region_hints_restore_sources,
            cloud_region_hints_applied,
            cloud_region_hints_applied_zone,
        )
        return {
            **{function.__name__: function for function in filters},
            "cloud_region_hints_plan_zones": plan_zones,
            "cloud_region_hints_zone_name": find_zone_name,
        }
