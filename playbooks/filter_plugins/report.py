# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the playbook ``edgecache.cloudflare.report``: the data of the report, and parts of it in the form that a file needs.

Private to the playbooks of the collection: Ansible finds the filters in the folder next to the playbooks.
"""

from __future__ import annotations

import csv
import io
import ipaddress
import typing as t
from collections import Counter

Hint = dict[str, t.Any]
"""A cloud region mapping, as ``origin_cloud_region_info`` or ``origin_cloud_region_audit_info`` returns it."""

Report = dict[str, t.Any]
"""What ``cloud_region_hints_report`` returns."""

STATES = ("right", "wrong", "ambiguous", "unknown")
"""The lists of ``origin_cloud_region_audit_info``. Each hint is in one of them."""

MAPPING_KEYS = ("origin_ip", "vendor", "region", "modified_on")
CSV_COLUMNS = ("upper_tier_colos", "supported", "audit", "audit_places", "audit_prefix", "audit_source")
ORIGIN_CSV_COLUMNS = ("origin", "used_by")
"""The columns of a report with the origins of the zone."""

FORMULA_STARTS = " =+-@"
"""Characters of printable ASCII with which a cell may begin that a spreadsheet reads as a formula."""


def cloud_region_hints_report(
    settings: dict[str, t.Any], supported: dict[str, t.Any], hints: dict[str, t.Any], zone: str | None
) -> Report:
    """Return the data of the report. All its lists are sorted by vendor, region and address.

    ``settings``: result of ``tiered_cache_info``. ``supported``: that of ``supported_cloud_region_info``, without ``vendors`` if
    the task was skipped. ``hints``: that of ``origin_cloud_region_audit_info``, or of ``origin_cloud_region_info`` if the hints
    were not compared with the ranges. ``zone``: the name of the zone, or ``None``.
    """
    upper_tier_colos = {
        f"{vendor}/{region['name']}": region["upper_tier_colos"]
        for vendor, regions in supported.get("vendors", {}).items()
        for region in regions
    }
    is_audited = "right" in hints
    audit = {state: sorted(hints[state], key=_sort_key) for state in STATES} if is_audited else {}
    read = [hint for state in STATES for hint in hints[state]] if is_audited else hints["origin_cloud_regions"]
    mappings = [{key: hint[key] for key in MAPPING_KEYS} for hint in sorted(read, key=_sort_key)]

    def is_supported(hint: Hint) -> bool:
        return "vendors" not in supported or _format_region(hint) in upper_tier_colos

    origins = _build_origins(hints, is_supported) if "origins_complete" in hints else None
    report = {
        "zone_id": settings["zone_id"],
        "zone": zone,
        "tiered_cache": settings["tiered_cache"],
        "total": len(mappings),
        "vendors": dict(Counter(hint["vendor"] for hint in mappings)),
        "places": dict(Counter(map(_format_region, mappings))),
        "upper_tier_colos": upper_tier_colos,
        "unsupported": [hint for hint in mappings if not is_supported(hint)],
        "audit": {**audit, "counts": {state: len(audit[state]) for state in STATES}} if is_audited else None,
        "corrections": [
            {key: hint["expected"][key] for key in ("origin_ip", "vendor", "region")}
            for hint in [*audit.get("wrong", []), *(origins["missing"] if origins else [])]
            if is_supported(hint["expected"])
        ],
        "origins": origins,
        "origin_cloud_regions": mappings,
    }
    return {"verdict": _find_verdict(report), "warnings": _find_warnings(report), **report}


def _build_origins(hints: dict[str, t.Any], is_supported: t.Callable[[Hint], bool]) -> dict[str, t.Any]:
    """Return the part of the report about the origins of the zone. ``unused`` is ``None`` unless all origins are known.

    ``unsupported``: the origins without a hint whose region cannot have one, so that they do not count as missing.
    ``unknown``: what may have other origins, each with the names that use it and the reason.
    """
    unused = hints["unused"]
    unknown = [
        {
            "value": item["hostname"],
            "used_by": _list_names(item),
            "reason": item["error"] or "the zone has no record for it, and it was not resolved",
        }
        for item in hints["hostnames"]
        if not item["addresses"]
    ]
    unknown += [
        {"value": item["value"], "used_by": _list_names(item), "reason": "a pool that the account does not list"}
        for item in hints["left_out"]
        if item["reason"] == "unknown_pool"
    ]
    unknown += [
        {"value": item["include"], "used_by": [], "reason": f"cannot be read: {item['failure']['message']}"}
        for item in hints["unavailable"]
    ]
    without_hint = [
        {**origin, "used_by": _list_names(origin)}
        for origin in sorted(hints["missing"], key=lambda origin: _sort_key(origin["expected"]))
    ]
    missing = [origin for origin in without_hint if is_supported(origin["expected"])]
    return {
        "complete": hints["origins_complete"],
        "counts": {"missing": len(missing), "unused": None if unused is None else len(unused)},
        "missing": missing,
        "unsupported": [origin for origin in without_hint if origin not in missing],
        "unused": None if unused is None else sorted(unused, key=_sort_key),
        "unknown": unknown,
    }


def _list_names(item: t.Mapping[str, t.Any]) -> list[str]:
    """Return the names of what uses an origin, each once."""
    return list(dict.fromkeys(user["name"] for user in item["used_by"]))


def cloud_region_hints_groups(report: Report) -> dict[str, dict[str, list[Hint]]]:
    """Return all hints of a report by vendor and region, each with all that the report has on it.

    ``state``: the list of the audit, or ``None``. ``matches``: the prefixes that contain the address. ``supported``: whether
    Cloudflare supports the region, or ``None``. ``upper_tier_colos``: the data centers of the region.
    """
    audit = report["audit"] or {}
    states = {hint["origin_ip"]: (state, hint) for state in STATES for hint in audit.get(state, [])}
    unsupported = {hint["origin_ip"] for hint in report["unsupported"]}
    groups: dict[str, dict[str, list[Hint]]] = {}
    for hint in report["origin_cloud_regions"]:
        state, audited = states.get(hint["origin_ip"], (None, {}))
        groups.setdefault(hint["vendor"], {}).setdefault(hint["region"], []).append(
            {
                **hint,
                "state": state,
                "matches": _find_matches(state, audited),
                "supported": hint["origin_ip"] not in unsupported if report["upper_tier_colos"] else None,
                "upper_tier_colos": report["upper_tier_colos"].get(_format_region(hint), []),
            }
        )
    return groups


def cloud_region_hints_csv(report: Report) -> str:
    """Return the report as a table, with a line for each hint, then one for each missing hint."""
    origins = report["origins"]
    unused = {hint["origin_ip"] for hint in (origins or {}).get("unused") or ()}
    output = io.StringIO()
    print(*MAPPING_KEYS, *CSV_COLUMNS, *(ORIGIN_CSV_COLUMNS if origins else ()), sep=",", file=output)
    writer = csv.writer(output, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for regions in cloud_region_hints_groups(report).values():
        for hint in (hint for hints in regions.values() for hint in hints):
            cells = [
                *(hint[key] for key in MAPPING_KEYS),
                " ".join(hint["upper_tier_colos"]),
                {True: "yes", False: "no", None: ""}[hint["supported"]],
                hint["state"],
                " ".join(map(_format_region, hint["matches"])),
                hint["matches"][0]["prefix"] if hint["matches"] else "",
                " ".join(match["source"] for match in hint["matches"]),
            ]
            if origins:
                cells += ["unused" if hint["origin_ip"] in unused else "", ""]
            writer.writerow([mark_as_text(cell or "") for cell in cells])
    for origin in [*origins["missing"], *origins["unsupported"]] if origins else ():
        expected = origin["expected"]
        cells = [
            *(origin["origin_ip"], "", "", "", "", "", ""),
            *(
                _format_region(expected),
                expected["prefix"],
                expected["source"],
                "missing" if origin in origins["missing"] else "unsupported",
                ", ".join(origin["used_by"]),
            ),
        ]
        writer.writerow(map(mark_as_text, cells))
    return output.getvalue()


def _find_verdict(report: Report) -> str:
    """Return the result in one sentence, without a full stop."""
    total, audit, unsupported = report["total"], report["audit"], len(report["unsupported"])
    found = []
    if wrong := _count_wrong(report):
        found.append(describe_hints(wrong, "is wrong", "are wrong"))
    if unsupported:
        found.append(describe_hints(unsupported, "has an unsupported region", "have an unsupported region"))
    if not total:
        found.append("The zone has no hints")
    if missing := _count_origins(report, "missing"):
        found.append(f"{missing:,} {'origin lacks' if missing == 1 else 'origins lack'} a hint")
    if unused := _count_origins(report, "unused"):
        found.append(describe_hints(unused, "is unused", "are unused"))
    if not found:
        unchecked = total - audit["counts"]["right"] if audit else total
        if not unchecked:
            found.append("The only hint matches the ranges" if total == 1 else f"All {total:,} hints match the ranges")
        elif audit:
            found.append(f"No hint is wrong, but {unchecked:,} of {total:,} could not be checked")
        else:
            found.append(describe_hints(total, "was not compared with the ranges", "were not compared with the ranges"))
    if off := _list_disabled_settings(report):
        found.append(f"{off[0]} is off")
    if report["origins"] and not report["origins"]["complete"]:
        found.append("not all origins are known")
    return join_results(found)


def _find_warnings(report: Report) -> list[str]:
    """Return what is off in the zone, each with its consequence and the fix."""
    warnings = []
    if off := _list_disabled_settings(report):
        fix = "is off. Enable it." if len(off) == 1 else "are off. Enable both."
        warnings.append(f"Cloudflare does not use the hints, because {' and '.join(off)} {fix}")
    missing = {origin["origin_ip"] for origin in (report["origins"] or {}).get("missing", [])}
    corrected = sum(mapping["origin_ip"] not in missing for mapping in report["corrections"])
    if corrected:
        fix = "Apply the corrected mapping." if corrected == 1 else "Apply the corrected mappings."
        warnings.append(f"A wrong hint is worse than none: Cloudflare then picks a distant data center. {fix}")
    if uncorrected := _count_wrong(report) - corrected:
        hints = describe_hints(uncorrected, "is wrong and cannot be corrected", "are wrong and cannot be corrected")
        them = "it" if uncorrected == 1 else "them"
        warnings.append(
            f"{hints}, because Cloudflare does not support the expected region. Check {them}, then change or delete {them}."
        )
    if unsupported := len(report["unsupported"]):
        hints = describe_hints(unsupported, "has a region", "have a region")
        warnings.append(f"{hints} that Cloudflare no longer supports. Change the region, or delete the hint.")
    return warnings + _find_origin_warnings(report)


def _find_origin_warnings(report: Report) -> list[str]:
    """Return what the comparison with the origins of the zone found or could not find."""
    origins = report["origins"]
    if not origins:
        return []
    warnings = []
    if missing := origins["counts"]["missing"]:
        subject = "1 origin of the zone has" if missing == 1 else f"{missing:,} origins of the zone have"
        hints = "the missing hint" if missing == 1 else "the missing hints"
        warnings.append(f"{subject} no hint, although the ranges have the region. Declare {hints}.")
    if unsupported := len(origins["unsupported"]):
        subject = "1 origin" if unsupported == 1 else f"{unsupported:,} origins"
        regions = "its region" if unsupported == 1 else "their regions"
        warnings.append(f"{subject} of the zone can have no hint, since Cloudflare does not support {regions}.")
    if unused := origins["counts"]["unused"]:
        hints = describe_hints(unused, "has an address", "have addresses")
        addresses, them = ("the address", "the hint") if unused == 1 else ("the addresses", "the hints")
        warnings.append(
            f"{hints} that no origin of the zone has. Check that no other feature uses {addresses}, then delete {them}."
        )
    if not origins["complete"]:
        warnings.append(
            "Not all origins of the zone are known, so the report may lack missing hints, and cannot list unused ones. Give the credential the "
            "permissions that it lacks, set cloud_region_hints_resolve to true, and correct load balancers with unknown pools."
        )
    return warnings


def _count_origins(report: Report, result: str) -> int:
    return (report["origins"]["counts"][result] or 0) if report["origins"] else 0


def _count_wrong(report: Report) -> int:
    return report["audit"]["counts"]["wrong"] if report["audit"] else 0


def join_results(results: t.Sequence[str]) -> str:
    """Return the results as one phrase: ``a, b and c``."""
    *first, last = results
    return f"{', '.join(first)} and {last}" if first else last


def describe_hints(number: int, singular: str, plural: str) -> str:
    """Return a sentence without a full stop."""
    return f"1 hint {singular}" if number == 1 else f"{number:,} hints {plural}"


def _list_disabled_settings(report: Report) -> list[str]:
    """Return the names of the settings that are off, without which Cloudflare does not use the hints."""
    settings = report["tiered_cache"]
    is_on = {"Tiered Cache": settings["state"] == "enabled", "Smart Tiered Cache": settings["smart"]}
    return [name for name in is_on if not is_on[name]]


def _find_matches(state: str | None, hint: Hint) -> list[Hint]:
    """Return the regions in which the ranges have the address of an audited hint."""
    if state == "right":
        return [hint]
    return [hint["expected"]] if state == "wrong" else hint.get("candidates", [])


def _sort_key(hint: Hint) -> tuple[str, str, int, int]:
    address = ipaddress.ip_address(hint["origin_ip"])
    return hint["vendor"], hint["region"], address.version, int(address)


def _format_region(hint: Hint) -> str:
    return f"{hint['vendor']}/{hint['region']}"


def mark_as_text(cell: str) -> str:
    """Return a cell with an apostrophe in front if a spreadsheet could read it as a formula.

    Spreadsheets drop or accept more characters before the sign of a formula than a list could name. So a cell that begins outside
    printable ASCII is marked too.
    """
    first = cell[:1]
    is_text = not cell or (first not in FORMULA_STARTS and first.isascii() and first.isprintable())
    return cell if is_text else f"'{cell}"


class FilterModule:
    """The filters by name."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "cloud_region_hints_report": cloud_region_hints_report,
            "cloud_region_hints_groups": cloud_region_hints_groups,
            "cloud_region_hints_csv": cloud_region_hints_csv,
        }
