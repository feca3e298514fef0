# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the playbook report: the data of the report, its verdict, its warnings, the corrections and the table."""

from __future__ import annotations

import csv
import io
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.playbooks.filter_plugins.report import FilterModule

FILTERS = FilterModule().filters()
ON = {"state": "enabled", "smart": True}
SMART_OFF = {"state": "enabled", "smart": False}
OFF = {"state": "disabled", "smart": False}
TIERED_OFF = {"state": "disabled", "smart": True}
VENDORS = {
    "aws": [{"name": "us-east-1", "upper_tier_colos": ["IAD", "EWR"]}, {"name": "us-west-2", "upper_tier_colos": []}]
}
PREFIX = {"prefix": "192.0.2.0/25", "source": "/aws.json"}
RANGE = {"vendor": "aws", "region": "us-east-1", **PREFIX}


def hint(address: str, region: str = "us-east-1", vendor: str = "aws", **keys: t.Any) -> dict[str, t.Any]:
    return {"origin_ip": address, "vendor": vendor, "region": region, "modified_on": None, **keys}


RIGHT = hint("192.0.2.1", **PREFIX)
WRONG = hint("192.0.2.10", "us-west-2", expected={"origin_ip": "192.0.2.10", **RANGE}, supported=None)
UNCORRECTABLE = hint("192.0.2.11", expected={"origin_ip": "192.0.2.11", **RANGE, "region": "mars-1"}, supported=None)
AMBIGUOUS = hint(
    "192.0.2.20", candidates=[RANGE, {**RANGE, "vendor": "azure", "region": "eastus", "source": "/azure.json"}]
)
UNKNOWN = hint("203.0.113.1")
UNSUPPORTED = hint("203.0.113.2", "asia-east1", "gcp")


def build(settings: t.Mapping[str, t.Any] | None = None, **states: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """Return the report of audited hints. The supported regions are read while Tiered Cache is on."""
    settings = settings or ON
    supported = {"vendors": VENDORS} if settings["state"] == "enabled" else {"skipped": True}
    hints = {**{state: [] for state in ("right", "wrong", "ambiguous", "unknown")}, **states}
    return call({"zone_id": "0" * 32, "tiered_cache": settings}, supported, hints)


def build_unaudited(*hints: dict[str, t.Any]) -> dict[str, t.Any]:
    supported = {"vendors": VENDORS}
    read = {"origin_cloud_regions": list(hints), "missing": [], "canonical": {}}  # of addresses that the task names
    return call({"zone_id": "0" * 32, "tiered_cache": ON}, supported, read)


def call(*arguments: t.Any, zone: str | None = "example.com") -> dict[str, t.Any]:
    report: dict[str, t.Any] = FILTERS["cloud_region_hints_report"](*arguments, zone)
    return report


def read_table(report: dict[str, t.Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILTERS["cloud_region_hints_csv"](report), newline="")))


def test_first_line_of_the_table() -> None:
    """As of 1.0.0, the names have no quotes, also for readers that split the line at commas."""
    assert FILTERS["cloud_region_hints_csv"](build(right=[RIGHT])).splitlines()[0] == (
        "origin_ip,vendor,region,modified_on,upper_tier_colos,supported,audit,audit_places,audit_prefix,audit_source"
    )


def test_data_of_a_report() -> None:
    report = build(right=[RIGHT], wrong=[WRONG], unknown=[UNSUPPORTED])
    mappings = [hint("192.0.2.1"), hint("192.0.2.10", "us-west-2"), UNSUPPORTED]
    assert report == {
        "verdict": report["verdict"],
        "warnings": report["warnings"],
        "zone_id": "0" * 32,
        "zone": "example.com",
        "tiered_cache": ON,
        "total": 3,
        "vendors": {"aws": 2, "gcp": 1},
        "places": {"aws/us-east-1": 1, "aws/us-west-2": 1, "gcp/asia-east1": 1},
        "upper_tier_colos": {"aws/us-east-1": ["IAD", "EWR"], "aws/us-west-2": []},
        "unsupported": [UNSUPPORTED],
        "audit": {
            "right": [RIGHT],
            "wrong": [WRONG],
            "ambiguous": [],
            "unknown": [UNSUPPORTED],
            "counts": {"right": 1, "wrong": 1, "ambiguous": 0, "unknown": 1},
        },
        "corrections": [{"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-east-1"}],
        "origins": None,
        "origin_cloud_regions": mappings,
    }


def test_hints_without_an_audit() -> None:
    report = build_unaudited(UNKNOWN, UNSUPPORTED)
    assert report["audit"] is report["origins"] is None
    assert report["corrections"] == []
    assert report["unsupported"] == [UNSUPPORTED]
    assert report["origin_cloud_regions"] == [UNKNOWN, UNSUPPORTED]


def test_all_lists_are_sorted_by_vendor_region_and_number() -> None:
    addresses = ["9.9.9.9", "10.0.0.2", "10.0.0.10", "2001:db9::9", "2001:db9::10", "2001:db9:0:1::1"]
    hints = [
        *map(hint, addresses),
        hint("1.1.1.1", "us-west-2"),
        hint("1.1.1.1", "a", "gcp"),
        hint("1.1.1.2", "a", "gcp"),
    ]
    report = build(unknown=hints[::-1])
    assert report["origin_cloud_regions"] == report["audit"]["unknown"] == hints
    assert report["unsupported"] == hints[-2:]


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ({}, "The zone has no hints"),
        ({"right": [RIGHT]}, "The only hint matches the ranges"),
        ({"right": [RIGHT, hint("192.0.2.2", **PREFIX)]}, "All 2 hints match the ranges"),
        ({"wrong": [WRONG], "right": [RIGHT]}, "1 hint is wrong"),
        ({"wrong": [WRONG, UNCORRECTABLE], "ambiguous": [AMBIGUOUS]}, "2 hints are wrong"),
        ({"right": [RIGHT], "ambiguous": [AMBIGUOUS], "unknown": [UNKNOWN]}, "No hint is wrong, but 2 of 3 could not be checked"),
        ({"unknown": [UNSUPPORTED]}, "1 hint has an unsupported region"),
        (
            {"wrong": [WRONG], "unknown": [UNSUPPORTED, hint("203.0.113.3", "asia-east1", "gcp")]},
            "1 hint is wrong and 2 hints have an unsupported region",
        ),
    ],
)  # fmt: skip
def test_verdict(states: dict[str, list[dict[str, t.Any]]], verdict: str) -> None:
    assert build(**states)["verdict"] == verdict


def test_verdict_on_thousands() -> None:
    hints = [hint(f"10.0.{number // 250}.{number % 250}", **PREFIX) for number in range(3_500)]
    assert build(right=hints)["verdict"] == "All 3,500 hints match the ranges"
    assert build(unknown=hints)["verdict"] == "No hint is wrong, but 3,500 of 3,500 could not be checked"
    assert build_unaudited(*hints)["verdict"] == "3,500 hints were not compared with the ranges"


def test_verdict_without_an_audit() -> None:
    assert build_unaudited()["verdict"] == "The zone has no hints"
    assert build_unaudited(UNKNOWN)["verdict"] == "1 hint was not compared with the ranges"
    assert build_unaudited(UNKNOWN, UNSUPPORTED)["verdict"] == "1 hint has an unsupported region"


@pytest.mark.parametrize(
    ("settings", "verdict", "warning"),
    [
        (OFF, "Tiered Cache is off", "Tiered Cache and Smart Tiered Cache are off. Enable both."),
        (TIERED_OFF, "Tiered Cache is off", "Tiered Cache is off. Enable it."),
        (SMART_OFF, "Smart Tiered Cache is off", "Smart Tiered Cache is off. Enable it."),
    ],
    ids=str,
)
def test_disabled_settings(settings: dict[str, t.Any], verdict: str, warning: str) -> None:
    report = build(settings, right=[RIGHT])
    assert report["verdict"] == f"The only hint matches the ranges and {verdict}"
    assert report["warnings"] == [f"Cloudflare does not use the hints, because {warning}"]


@pytest.mark.parametrize(
    ("states", "warnings"),
    [
        ({"right": [RIGHT], "ambiguous": [AMBIGUOUS], "unknown": [UNKNOWN]}, []),
        (
            {"wrong": [WRONG, UNCORRECTABLE]},
            [
                "A wrong hint is worse than none: Cloudflare then picks a distant data center. Apply the corrected mapping.",
                "1 hint is wrong and cannot be corrected, because Cloudflare does not support the expected region. Check it, then change or delete it.",
            ],
        ),
        (
            {"unknown": [UNSUPPORTED]},
            ["1 hint has a region that Cloudflare no longer supports. Change the region, or delete the hint."],
        ),
    ],
    ids=str,
)
def test_warnings(states: dict[str, list[dict[str, t.Any]]], warnings: list[str]) -> None:
    assert build(**states)["warnings"] == warnings


def test_corrections_if_the_supported_regions_are_not_known() -> None:
    """The module that applies them enables Tiered Cache first, and then checks the regions."""
    assert [one["region"] for one in build(OFF, wrong=[WRONG, UNCORRECTABLE])["corrections"]] == ["mars-1", "us-east-1"]


def test_groups() -> None:
    groups = FILTERS["cloud_region_hints_groups"](build(right=[RIGHT], wrong=[WRONG], unknown=[UNKNOWN, UNSUPPORTED]))
    known = {"supported": True, "upper_tier_colos": ["IAD", "EWR"]}
    assert groups == {
        "aws": {
            "us-east-1": [
                {**hint("192.0.2.1"), "state": "right", "matches": [RIGHT], **known},
                {**UNKNOWN, "state": "unknown", "matches": [], **known},
            ],
            "us-west-2": [
                {
                    **hint("192.0.2.10", "us-west-2"),
                    "state": "wrong",
                    "matches": [WRONG["expected"]],
                    "supported": True,
                    "upper_tier_colos": [],
                }
            ],
        },
        "gcp": {
            "asia-east1": [{**UNSUPPORTED, "state": "unknown", "matches": [], "supported": False, "upper_tier_colos": []}]
        },
    }  # fmt: skip


def test_table() -> None:
    report = build(
        right=[{**RIGHT, "modified_on": "2026-03-01T12:00:00Z"}], ambiguous=[AMBIGUOUS], unknown=[UNSUPPORTED]
    )
    columns = [
        *("origin_ip", "vendor", "region", "modified_on", "upper_tier_colos", "supported"),
        *("audit", "audit_places", "audit_prefix", "audit_source"),
    ]
    us_east = ["aws", "us-east-1"]
    places = ["aws/us-east-1 azure/eastus", "192.0.2.0/25", "/aws.json /azure.json"]
    assert [list(row.values()) for row in read_table(report)] == [
        ["192.0.2.1", *us_east, "2026-03-01T12:00:00Z", "IAD EWR", "yes", "right", "aws/us-east-1", *PREFIX.values()],
        ["192.0.2.20", *us_east, "", "IAD EWR", "yes", "ambiguous", *places],
        ["203.0.113.2", "gcp", "asia-east1", "", "", "no", "unknown", "", "", ""],
    ]
    assert list(read_table(report)[0]) == columns
    (row,) = read_table(build_unaudited(UNKNOWN))
    assert list(row.values()) == ["203.0.113.1", *us_east, "", "IAD EWR", "yes", "", "", "", ""]
    (row,) = read_table(build(OFF, unknown=[UNKNOWN]))
    assert row["supported"] == ""


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *((text, text) for text in ("a", 'a","=1', "a\n=1", "(=1)", "")),
        *((text, f"'{text}") for text in ("=1", "+1", "-1", "@A", " =1", "\t=1", "\uff1d1", "\u200b=1", "é")),
    ],
)
def test_cells_that_a_spreadsheet_may_read_as_a_formula(text: str, cell: str) -> None:
    (row,) = read_table(build(unknown=[hint("192.0.2.1", text)]))
    assert row["region"] == cell


USERS = [{"kind": "dns_record", "name": name, "pool": None, "hostname": None} for name in ("b", "a", "b")]
MISSING = {
    "origin_ip": "192.0.2.30",
    "used_by": USERS,
    "expected": {"origin_ip": "192.0.2.30", **RANGE},
    "supported": None,
}
MARS = {
    **MISSING,
    "origin_ip": "192.0.2.31",
    "expected": {**MISSING["expected"], "origin_ip": "192.0.2.31", "region": "mars-1"},
}
ORIGINS: dict[str, t.Any] = {
    "missing": [],
    "unused": [],
    "origins_complete": True,
    "hostnames": [],
    "left_out": [],
    "unavailable": [],
}
NAME = {"hostname": "origin.example.org", "used_by": USERS, "addresses": [], "error": None}
INCOMPLETE = {**ORIGINS, "origins_complete": False, "unused": None}
NOT_ALL_KNOWN = (
    "Not all origins of the zone are known, so the report may lack missing hints, and cannot list unused ones. Give the credential the "
    "permissions that it lacks, set cloud_region_hints_resolve to true, and correct load balancers with unknown pools."
)


def test_origins() -> None:
    report = build(right=[RIGHT], **{**ORIGINS, "missing": [MARS, MISSING], "unused": [RIGHT]})
    assert report["origins"] == {
        "complete": True,
        "counts": {"missing": 1, "unused": 1},
        "missing": [{**MISSING, "used_by": ["b", "a"]}],
        "unsupported": [{**MARS, "used_by": ["b", "a"]}],
        "unused": [RIGHT],
        "unknown": [],
    }
    assert report["corrections"] == [{"origin_ip": "192.0.2.30", "vendor": "aws", "region": "us-east-1"}]


def test_origins_that_are_not_known() -> None:
    failure = {"status": 403, "code": 10000, "message": "No.", "errors": []}
    names = [NAME, {**NAME, "error": "Gone."}, {**NAME, "addresses": ["192.0.2.1"]}]
    left_out = [
        {"value": value, "reason": reason, "used_by": USERS}
        for value, reason in (("10.0.0.1", "private"), ("p1", "unknown_pool"))
    ]
    unavailable = [{"include": "origin_rules", "failure": failure}]
    found = {**INCOMPLETE, "hostnames": names, "left_out": left_out, "unavailable": unavailable}
    origins = build(**found)["origins"]
    assert (origins["complete"], origins["unused"], origins["counts"]) == (False, None, {"missing": 0, "unused": None})
    assert origins["unknown"] == [
        {
            "value": "origin.example.org",
            "used_by": ["b", "a"],
            "reason": "the zone has no record for it, and it was not resolved",
        },
        {"value": "origin.example.org", "used_by": ["b", "a"], "reason": "Gone."},
        {"value": "p1", "used_by": ["b", "a"], "reason": "a pool that the account does not list"},
        {"value": "origin_rules", "used_by": [], "reason": "cannot be read: No."},
    ]


@pytest.mark.parametrize(
    ("found", "verdict", "warnings"),
    [
        (ORIGINS, "The only hint matches the ranges", []),
        (INCOMPLETE, "The only hint matches the ranges and not all origins are known", [NOT_ALL_KNOWN]),
        (
            {**ORIGINS, "missing": [MISSING]},
            "1 origin lacks a hint",
            ["1 origin of the zone has no hint, although the ranges have the region. Declare the missing hint."],
        ),
        (
            {**ORIGINS, "missing": [MISSING, MARS], "unused": [RIGHT]},
            "1 origin lacks a hint and 1 hint is unused",
            [
                "1 origin of the zone has no hint, although the ranges have the region. Declare the missing hint.",
                "1 origin of the zone can have no hint, since Cloudflare does not support its region.",
                "1 hint has an address that no origin of the zone has. Check that no other feature uses the address, then delete the hint.",
            ],
        ),
    ],
)
def test_verdict_with_origins(found: dict[str, t.Any], verdict: str, warnings: list[str]) -> None:
    report = build(right=[RIGHT], **found)
    assert (report["verdict"], report["warnings"]) == (verdict, warnings)


def test_verdict_of_an_empty_zone_with_origins() -> None:
    assert build(**ORIGINS)["verdict"] == "The zone has no hints"
    assert build(**{**ORIGINS, "missing": [MISSING]})["verdict"] == "The zone has no hints and 1 origin lacks a hint"


def test_corrections_of_wrong_and_missing_hints() -> None:
    """The warning about wrong hints does not count the missing ones."""
    report = build(wrong=[UNCORRECTABLE], **{**ORIGINS, "missing": [MISSING]})
    assert [mapping["origin_ip"] for mapping in report["corrections"]] == ["192.0.2.30"]
    assert report["warnings"][0].startswith("1 hint is wrong and cannot be corrected")


def test_table_with_origins() -> None:
    users = [{**USERS[0], "name": "=1"}]
    found = {**ORIGINS, "missing": [{**MISSING, "used_by": users}, MARS], "unused": [UNKNOWN]}
    report = build(right=[RIGHT], unknown=[UNKNOWN], **found)
    rows = read_table(report)
    assert [(row["origin_ip"], row["origin"], row["used_by"]) for row in rows] == [
        ("192.0.2.1", "", ""),
        ("203.0.113.1", "unused", ""),
        ("192.0.2.30", "missing", "'=1"),
        ("192.0.2.31", "unsupported", "b, a"),
    ]
    assert list(rows[2].values())[1:] == ["", "", "", "", "", "", "aws/us-east-1", *PREFIX.values(), "missing", "'=1"]
