# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the playbooks for many zones: summaries, the index and its table, failures, pages, and what apply did."""

from __future__ import annotations

import csv
import io
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.playbooks.filter_plugins.zones import FilterModule

FILTERS = FilterModule().filters()
ON = {"state": "enabled", "smart": True}
SUMMARY = "__cloud_region_hints_summary"
HINT = {"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-east-1", "modified_on": None}
EXPECTED = {
    "origin_ip": "192.0.2.1",
    "vendor": "aws",
    "region": "us-west-2",
    "prefix": "192.0.2.0/24",
    "source": "/a.json",
}
WRONG = {**HINT, "expected": EXPECTED, "supported": None}


def call(name: str, *arguments: t.Any) -> t.Any:
    return FILTERS[f"cloud_region_hints_{name}"](*arguments)


def origins(missing: int, unused: int | None = None) -> dict[str, t.Any]:
    """Return the part of a report about the origins with so many results; without ``unused``, not all origins are known."""
    return {
        "complete": unused is not None,
        "counts": {"missing": missing, "unused": unused},
        "missing": [{"origin_ip": "192.0.2.9", "used_by": ["www"], "expected": EXPECTED}] * missing,
        "unused": None if unused is None else [HINT] * unused,
        "unknown": [],
    }


def report(
    name: str | None = "example.com",
    unsupported: int = 0,
    warnings: t.Sequence[str] = (),
    origins: dict[str, t.Any] | None = None,
    **counts: int,
) -> dict[str, t.Any]:
    """Return a report in which each result of the audit has so many hints; without any, there is no audit."""
    audit = {result: [HINT] * counts.get(result, 0) for result in ("right", "wrong", "ambiguous", "unknown")}
    numbers = {result: len(hints) for result, hints in audit.items()}
    return {
        "zone_id": "0" * 32,
        "zone": name,
        "verdict": "A verdict",
        "warnings": list(warnings),
        "tiered_cache": ON,
        "total": sum(counts.values()),
        "audit": {**audit, "counts": numbers} if counts else None,
        "unsupported": [HINT] * unsupported,
        "corrections": [],
        "origins": origins,
    }


def summary(
    name: str | None = "example.com", host: str = "", fail_on: t.Sequence[str] = (), **values: t.Any
) -> dict[str, t.Any]:
    found: dict[str, t.Any] = call("summary", report(name, **values), fail_on, host or name)
    return found


def failed(name: str = "", host: str = "web1", **result: t.Any) -> dict[str, t.Any]:
    found: dict[str, t.Any] = call("zone_failure", result, {"zone_id": "1" * 32, "zone": "", "name": name}, host)
    return found


def index(*summaries: dict[str, t.Any]) -> dict[str, t.Any]:
    hostvars = {str(number): {SUMMARY: one} for number, one in enumerate(summaries)}
    found: dict[str, t.Any] = call("index", {**hostvars, "gone": {}}, [*hostvars, "gone"])
    return found


@pytest.mark.parametrize(
    ("values", "fail_on", "state", "failure"),
    [
        ({"right": 1}, ["wrong", "unknown"], "ok", ""),
        ({"right": 1, "warnings": ["Off."]}, [], "warning", ""),
        ({"wrong": 1}, [], "drift", ""),
        ({"unsupported": 1}, ["wrong"], "drift", ""),
        ({"unknown": 2, "right": 1}, ["wrong"], "ok", ""),
        ({"unknown": 2, "wrong": 1}, ["wrong", "unknown"], "drift", "1 hint is wrong and 2 hints are unknown"),
        ({"ambiguous": 2}, ["ambiguous"], "drift", "2 hints are ambiguous"),
        (
            {"unknown": 2, "wrong": 1, "ambiguous": 1},
            ["wrong", "ambiguous", "unknown"],
            "drift",
            "1 hint is wrong, 1 hint is ambiguous and 2 hints are unknown",
        ),
        ({"unsupported": 1, "right": 1}, ["unsupported"], "drift", "1 hint has an unsupported region"),
    ],
)
def test_summary(values: dict[str, t.Any], fail_on: list[str], state: str, failure: str) -> None:
    found = summary(fail_on=fail_on, **values)
    assert found["state"] == state
    assert (found["failure"] == failure and not failure) or found["failure"] == (
        f"example.com: {failure}, and cloud_region_hints_report_fail_on has {', '.join(fail_on)}. "
        "Correct these hints, or remove the word from the list."
    )


@pytest.mark.parametrize(
    ("missing", "unused", "fail_on", "failure"),
    [
        (1, 2, [], ""),
        (1, 2, ["wrong"], ""),
        (0, 0, ["missing", "unused"], ""),
        (0, None, ["missing"], ""),
        (1, None, ["missing"], "1 hint is missing"),
        (2, 1, ["missing", "unused"], "2 hints are missing and 1 hint is unused"),
    ],
)
def test_fail_on_origins(missing: int, unused: int | None, fail_on: list[str], failure: str) -> None:
    found = summary(fail_on=fail_on, origins=origins(missing, unused))
    assert found["state"] == ("drift" if failure else "ok")
    assert found["failure"].partition(", and ")[0] == (f"example.com: {failure}" if failure else "")


def test_fail_on_unused_fails_if_it_cannot_be_known() -> None:
    found = summary(fail_on=["missing", "unused"], origins=origins(1, None))
    assert found["failure"] == (
        "example.com: 1 hint is missing and unused hints cannot be found, and cloud_region_hints_report_fail_on has missing, unused. "
        "Correct what the warnings of the report name, or remove the word from the list."
    )
    assert summary(fail_on=["unused"])["failure"] == ""


def test_failure_has_the_id_of_a_zone_without_a_name() -> None:
    assert summary(None, "web1", ["wrong"], wrong=1)["failure"].startswith(f"{'0' * 32}: 1 hint is wrong, ")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"msg": "No\n access."}, "No access."),
        ({"msg": "One or more items failed", "results": [{"msg": "fine"}, {"failed": True, "msg": "Full."}]}, "Full."),
        ({}, "A task failed without a message."),
    ],
)
def test_failed_zone(result: dict[str, t.Any], message: str) -> None:
    assert failed(**result)["failure"] == f"web1: {message}"
    found = failed("example.com", **result)
    assert (found["state"], found["verdict"], found["failure"]) == ("failed", message, f"example.com: {message}")


class TestIndex:
    ZONES = (
        *(summary(f"{name}.example.com", right=2) for name in "ba"),
        failed("f.example.com", msg="No access."),
        summary("w.example.com", warnings=["Off."], right=1),
        summary("d.example.com", wrong=1, right=3, unsupported=1),
    )

    def test_order_and_totals(self) -> None:
        found = index(*self.ZONES)
        assert [zone["zone"][0] for zone in found["zones"]] == list("dfwab")
        assert found["totals"] == {
            "zones": 5,
            "drift": 1,
            "failed": 1,
            "warning": 1,
            "ok": 2,
            "hints": 9,
            "right": 8,
            "wrong": 1,
            "unsupported": 1,
            "ambiguous": 0,
            "unknown": 0,
            "missing": 0,
            "unused": 0,
        }
        assert found["warnings"] == [
            *("d.example.com: A verdict", "f.example.com failed: No access.", "w.example.com: A verdict")
        ]
        stats = call("stats", found)
        assert stats.keys() == {"verdict", "warnings", "totals", "drift", "failed"}
        assert [zone["zone"] for zone in stats["drift"] + stats["failed"]] == ["d.example.com", "f.example.com"]

    @pytest.mark.parametrize(
        ("states", "verdict"),
        [
            ("", "No drift in 0 zones"),
            ("o", "No drift in 1 zone"),
            ("oo", "No drift in 2 zones"),
            ("d", "1 of 1 zone has drift"),
            ("ddo", "2 of 3 zones have drift"),
            ("fo", "1 of 2 zones failed"),
            ("dffo", "1 of 4 zones has drift and 2 failed"),
        ],
    )
    def test_verdict(self, states: str, verdict: str) -> None:
        kinds = {"o": summary(right=1), "d": summary(wrong=1), "f": failed()}
        assert index(*(kinds[state] for state in states))["verdict"] == verdict

    def test_pages(self) -> None:
        """The name of the zone, or that of its host; the id where the name is not unique, or is no name of a file."""
        zones = [summary("example.com", "a", right=1), summary("Twin.example.com", "b", right=1)]
        zones += [
            summary("twin.example.com", "c", right=1),
            summary(None, "prod shop", right=1),
            summary(None, "shop", right=1),
        ]
        zones += [summary(None, "Index", right=1)]  # the index has this name
        zones += [summary(f"{'x' * 120}.com", "d", right=1), summary("a/../../b.com", "e", right=1), failed()]
        pages = {zone["host"]: zone["page"] for zone in index(*zones)["zones"]}
        by_id = f"{'0' * 32}.html"
        assert pages == {
            "a": "example.com.html",
            "shop": "shop.html",
            "web1": None,
            **dict.fromkeys(("b", "c", "prod shop", "Index", "d", "e"), by_id),
        }

    def test_table(self) -> None:
        zones = [*self.ZONES, summary(None, "=1+1"), summary("n.example.com", total=0)]
        rows = list(csv.DictReader(io.StringIO(call("index_csv", index(*zones)), newline="")))
        assert (rows[0]["zone"], rows[0]["state"], rows[0]["total"], rows[0]["wrong"]) == (
            "d.example.com",
            "drift",
            "4",
            "1",
        )
        assert (rows[0]["page"], rows[1]["page"], rows[1]["verdict"]) == ("d.example.com.html", "", "No access.")
        hosts = {row["host"] for row in rows}
        assert "'=1+1" in hosts and "=1+1" not in hosts

    def test_zone_with_origins(self) -> None:
        """A zone whose unused hints are not known does not count as one without unused hints."""
        known, unknown = summary("x.example.com", origins=origins(2, 1)), summary("y.example.com", origins=origins(1))
        found = index(known, unknown, *self.ZONES)
        assert (found["totals"]["missing"], found["totals"]["unused"]) == (3, 1)
        rows = {row["zone"]: row for row in csv.DictReader(io.StringIO(call("index_csv", found), newline=""))}
        assert [rows[name]["missing"] for name in ("x.example.com", "y.example.com")] == ["2", "1"]
        assert [rows[name]["unused"] for name in ("x.example.com", "y.example.com")] == ["1", ""]
        assert len(known["missing"]) == 2 and len(known["unused"]) == 1 and unknown["unused"] == []

    def test_zone_without_an_audit(self) -> None:
        (zone,) = index(summary())["zones"]
        assert zone["counts"] == {"unsupported": 0} and zone["state"] == "ok"


def test_sources_instead_of_downloaded_files() -> None:
    right = {**HINT, "prefix": "192.0.2.0/24", "source": "/tmp/1"}
    wrong = {**WRONG, "expected": {**EXPECTED, "source": "/tmp/1"}}
    ambiguous = {**HINT, "candidates": [{**EXPECTED, "source": "/tmp/1"}, {**EXPECTED, "source": "/b.json"}]}
    audit = {"right": [right], "wrong": [wrong], "ambiguous": [ambiguous], "unknown": [HINT], "zone_id": "0"}
    files = {"https://example.com/a.json": "/tmp/1", "/b.json": "/b.json"}
    missing = [{"origin_ip": "192.0.2.9", "expected": {**EXPECTED, "source": "/tmp/1"}}]
    restored = call("restore_sources", {**audit, "missing": missing}, files)["missing"]
    assert restored[0]["expected"]["source"] == "https://example.com/a.json"
    found = call("restore_sources", audit, files)
    assert "missing" not in found
    assert found["right"][0]["source"] == found["wrong"][0]["expected"]["source"] == "https://example.com/a.json"
    assert [match["source"] for match in found["ambiguous"][0]["candidates"]] == [
        "https://example.com/a.json",
        "/b.json",
    ]
    assert found["unknown"] == [HINT]


def test_what_apply_did() -> None:
    def applied(host: str, created: int, deleted: int) -> dict[str, t.Any]:
        result = {
            "zone_id": "0" * 32,
            "created": [HINT] * created,
            "updated": [],
            "deleted": [HINT] * deleted,
            "unchanged": [HINT],
        }
        found: dict[str, t.Any] = call("applied_zone", result, {"name": f"{host}.example.com"}, host, False)
        return found

    summaries = [applied("b", 1, 0), applied("a", 0, 2), applied("c", 0, 0), failed(msg="No access.")]
    found = call("applied", {str(number): {SUMMARY: one} for number, one in enumerate(summaries)}, list("0123"))
    assert found["verdict"] == "2 of 4 zones changed, 1 failed"
    assert [zone["zone"] for zone in found["zones"]] == ["a.example.com", "b.example.com"]
    assert [zone["verdict"] for zone in found["failed"]] == ["No access."]
    assert found["totals"] == {
        "zones": 4,
        "failed": 1,
        "changed": 2,
        "created": 1,
        "updated": 0,
        "deleted": 2,
        "unchanged": 3,
    }
    assert call("applied", {"0": {SUMMARY: summaries[2]}}, ["0"])["verdict"] == "0 of 1 zone changed"


@pytest.mark.parametrize("changes", [{"created": [HINT]}, {"created": [], "unconfirmed": ["192.0.2.1"]}])
def test_what_apply_did_before_it_failed(changes: dict[str, t.Any]) -> None:
    zone = failed(msg="No access.", **changes)
    found = call("applied", {"0": {SUMMARY: zone}}, ["0"])
    assert found["verdict"] == "1 of 1 zone changed, 1 failed"
    assert found["zones"] == found["failed"] == [zone]
    assert found["totals"]["created"] == len(changes["created"])


def test_settings_that_apply_enabled() -> None:
    zone = call("applied_zone", {"zone_id": "0" * 32, "created": []}, {"name": ""}, "a", True)
    assert call("applied", {"0": {SUMMARY: zone}}, ["0"])["verdict"] == "1 of 1 zone changed"
    zone = call("zone_failure", {"msg": "No access."}, {"name": "", "zone_id": ""}, "a", True)
    assert call("applied", {"0": {SUMMARY: zone}}, ["0"])["verdict"] == "1 of 1 zone changed, 1 failed"
