# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that the playbook report writes: that they say the same, whatever the API has said, and what a browser makes of the page."""

from __future__ import annotations

import csv
import io
import json
import re
import typing as t
from collections import Counter
from pathlib import Path

import html5lib
import pytest

from tests.system.browser import View, view
from tests.system.playbooks import ROOT, Ansible

RANGES = ROOT / "tests/integration/targets/setup_cloud_ranges/files"
SOURCES = [str(RANGES / f"{vendor}.json") for vendor in ("aws", "azure", "gcp", "oci")]
SUPPORTED = "origin-cloud-regions-v2-supported-regions"
LIST = "origin-cloud-regions-v2-list"
SWITCHES = ["tiered-caching-get", "smart-tiered-cache-get"]
NUMBER_OF_HINTS = 3_500

# One of each kind, beside those of the seed that are right
WRONG = {"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-west-2"}
AMBIGUOUS = {"origin_ip": "198.51.100.200", "vendor": "aws", "region": "us-east-1"}
UNKNOWN = {"origin_ip": "203.0.113.200", "vendor": "gcp", "region": "asia-east1"}
EXPECTED = {"192.0.2.10": "wrong", "198.51.100.200": "ambiguous", "203.0.113.200": "unknown"}

MARKUP = "\"'><script>document.title='run'</script><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}&lt;"
# A byte order mark, a zero-width space, a word joiner, a no-break space, a filler, a variation selector: what is not seen
INVISIBLE = ("\ufeff", "\u200b", "\u2060", "\u00a0", "\u3164", "\ufe00", "\ufeff \ufeff")
FORMULAS = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", 'a","=1', "a\n=1"),
    *(f"{before}{sign}1" for before, sign in zip(INVISIBLE, "=+-@\uff1d\uff0b\uff20")),
)


@pytest.fixture
def ansible(forked_ansible: Ansible) -> Ansible:
    return forked_ansible


def answer(result: t.Any, **keys: t.Any) -> dict[str, t.Any]:
    return {"success": True, "errors": [], "messages": [], "result": result, **keys}


class Report(t.NamedTuple):
    """What was written, as it was read again."""

    path: Path
    data: dict[str, t.Any]
    rows: list[dict[str, str]]
    page: t.Any
    shown: str

    def rows_of_page(self, number: int) -> list[list[str]]:
        """The texts of the cells in the table that has this number, without those of its head."""
        table = self.page.findall(".//table")[number]
        return [[text_of(cell) for cell in row] for body in table.findall("tbody") for row in body.findall("tr")]

    def section(self, name: str) -> list[list[str]]:
        """The rows of the table under the heading that has this id."""
        headings = [one for one in self.page.iter() if one.tag in ("h2", "h3", "table")]
        place = [one.get("id") for one in headings].index(name)
        return self.rows_of_page(sum(one.tag == "table" for one in headings[:place]))


def text_of(element: t.Any) -> str:
    return " ".join("".join(element.itertext()).split())


def parsed(page: str) -> t.Any:
    """Fails for whatever HTML has as an error."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


def run(ansible: Ansible, passes: bool = True, **variables: t.Any) -> str:
    done = ansible.run(
        "edgecache.cloudflare.report", "-e", json.dumps({"cloud_region_hints_sources": SOURCES, **variables})
    )
    assert (done.returncode == 0) == passes, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


def report(ansible: Ansible, **variables: t.Any) -> Report:
    paths = [str(ansible.folder / f"report.{ending}") for ending in ("html", "json", "csv")]
    shown = run(ansible, cloud_region_hints_report_path=paths, **variables)
    page, data, table = (Path(path).read_bytes().decode() for path in paths)
    return Report(
        Path(paths[0]), json.loads(data), list(csv.DictReader(io.StringIO(table, newline=""))), parsed(page), shown
    )


def seed(ansible: Ansible, **zone: t.Any) -> None:
    """The zone has what is given here, and both switches on unless it is said."""
    switches = {"tiered_cache": "on", "smart_tiered_cache": "on"}
    ansible.simulator.reset({"zones": [{"id": ansible.simulator.zone_id, "name": "example.com", **switches, **zone}]})


@pytest.fixture
def drifted(ansible: Ansible) -> Ansible:
    """A zone with hints of each kind, one of whose regions is no longer supported."""
    seed(ansible, mappings=[*ansible.simulator.mappings(), WRONG, AMBIGUOUS, UNKNOWN])
    vendors = {
        "aws": [
            {"name": name, "upper_tier_colos": [name[:2].upper(), "IAD"]}
            for name in ("us-east-1", "us-west-2", "eu-west-1")
        ],
        "azure": [{"name": "eastus", "upper_tier_colos": []}],
        "gcp": [{"name": name, "upper_tier_colos": ["AMS"]} for name in ("us-central1", "europe-west1")],
        "oci": [{"name": "us-ashburn-1", "upper_tier_colos": ["IAD"]}],
    }
    body = answer({"obtained_codes": True, "vendors": vendors})
    ansible.simulator.fault(kind="malformed", body=body, operation=SUPPORTED, times=None)
    return ansible


def operations(ansible: Ansible) -> list[str]:
    return [entry["operation"] for entry in ansible.simulator.stats()["log"]]


def check_that_files_agree(found: Report) -> None:
    """Every fact of the JSON is in the table and on the page, and the other way round."""
    data, rows = found.data, found.rows
    assert [row["origin_ip"] for row in rows] == [hint["origin_ip"] for hint in data["origin_cloud_regions"]]
    unsupported = [hint["origin_ip"] for hint in data["unsupported"]]
    states = {
        hint["origin_ip"]: (state, hint)
        for state, hints in data["audit"].items()
        if state != "counts"
        for hint in hints
    }
    assert data["audit"]["counts"] == dict(
        dict.fromkeys(data["audit"]["counts"], 0), **Counter(state for state, _hint in states.values())
    )
    assert data["total"] == len(rows) == sum(data["vendors"].values()) == sum(data["places"].values())
    assert data["vendors"] == Counter(row["vendor"] for row in rows)
    for row, hint in zip(rows, data["origin_cloud_regions"]):
        state, said = states[row["origin_ip"]]
        places = {
            "right": [said],
            "wrong": [said.get("expected")],
            "ambiguous": said.get("candidates", []),
            "unknown": [],
        }[state]
        assert row == {
            **{key: value or "" for key, value in hint.items()},
            "upper_tier_colos": " ".join(data["upper_tier_colos"].get(f"{row['vendor']}/{row['region']}", [])),
            "supported": "no" if row["origin_ip"] in unsupported else "yes",
            "audit": state,
            "audit_places": " ".join(f"{place['vendor']}/{place['region']}" for place in places),
            "audit_prefix": places[0]["prefix"] if places else "",
            "audit_source": " ".join(place["source"] for place in places),
        }
    # The page
    tiles = [text_of(tile) for tile in found.page.findall(".//ul")[0]]
    assert tiles[0] == f"{data['total']} hints"
    assert tiles[1:] == [f"{data['audit']['counts'][name]} {name}" for name in ("right", "wrong", "ambiguous")] + [
        f"{len(unsupported)} no longer supported",
        f"{data['audit']['counts']['unknown']} unknown",
    ]
    shown = []
    for row in found.section("origins"):
        if len(row) == 1:
            place = row[0]
            colos = re.search("upper tier: (.*)$", place)
            continue
        address, changed, state = row
        (one,) = (row for row in rows if row["origin_ip"] == address)
        assert place.startswith(f"{one['vendor']} {one['region']} ")
        assert colos and colos[1] == (one["upper_tier_colos"].replace(" ", ", ") or "not told")
        assert changed == (one["modified_on"].replace("T", " ").replace("Z", "") or "not told")
        assert state == one["audit"] + (" no longer supported" if one["supported"] == "no" else "")
        shown.append(address)
    assert shown == [row["origin_ip"] for row in rows]
    wrong = [[hint["origin_ip"], f"{hint['vendor']} {hint['region']}"] for hint in data["audit"]["wrong"]]
    assert not wrong or [row[:2] for row in found.section("wrong")] == wrong
    totals = [row for row in found.section("totals") if len(row) == 3]
    assert sorted((row[0], int(row[2].split()[0])) for row in totals) == sorted(
        (place.partition("/")[2], count) for place, count in data["places"].items()
    )


def test_files_say_the_same(drifted: Ansible) -> None:
    found = report(drifted)
    check_that_files_agree(found)
    assert operations(drifted) == [*SWITCHES, SUPPORTED, LIST]
    audit = found.data["audit"]
    assert audit["counts"] == {"right": 6, "wrong": 1, "ambiguous": 1, "unknown": 1}
    assert {
        hint["origin_ip"]: state for state in ("wrong", "ambiguous", "unknown") for hint in audit[state]
    } == EXPECTED
    assert [hint["origin_ip"] for hint in found.data["unsupported"]] == ["203.0.113.200"]
    assert found.section("wrong") == [["192.0.2.10", "aws us-west-2", "aws us-east-1192.0.2.0/25 in aws.json"]]
    assert "Wrong: 192.0.2.10 aws/us-west-2, but by 192.0.2.0/25 it is in aws/us-east-1" in found.shown
    assert (
        "Ambiguous: 198.51.100.200 aws/us-east-1, and by 198.51.100.192/26 it is in aws/us-east-1 and azure/eastus"
        in found.shown
    )
    assert "No longer supported: 203.0.113.200 gcp/asia-east1" in found.shown
    # What is worst comes first
    text = text_of(found.page)
    headings = [
        "Wrong: 1",
        "Ambiguous: 1",
        "No longer supported: 1",
        "Unknown: 1",
        "By vendor and region",
        "All origins",
    ]
    assert sorted(headings, key=text.index) == headings
    assert "Tiered Cache and Smart Tiered Cache are on, so Cloudflare uses the hints." in text


def test_hints_are_sorted_by_the_value_of_their_numbers(ansible: Ansible) -> None:
    addresses = ["9.9.9.9", "10.0.0.2", "10.0.0.10", "2001:db8::9", "2001:db8::10", "2001:db8:0:1::1"]
    place = {"vendor": "aws", "region": "us-east-1"}
    seed(ansible, mappings=[{"origin_ip": address, **place} for address in reversed(addresses)])
    assert [row["origin_ip"] for row in report(ansible).rows] == addresses


def test_without_an_audit(drifted: Ansible) -> None:
    """No ranges are read: there are none at this place."""
    found = report(drifted, cloud_region_hints_audit=" N ", cloud_region_hints_sources=["/nowhere.json"])
    assert operations(drifted) == [*SWITCHES, SUPPORTED, LIST]
    assert found.data["audit"] is None
    assert {row["audit"] for row in found.rows} == {""}
    assert "Not compared with the ranges of the vendors" in found.shown
    text = text_of(found.page)
    assert "The hints were not compared with the ranges" in text
    assert "Wrong" not in text and "By the ranges" not in text
    assert "No longer supported: 1" in text
    assert len(found.section("origins")) == len(found.rows) + len(found.data["places"])


@pytest.mark.parametrize("hints", [1, 0])
def test_where_tiered_cache_is_off(ansible: Ansible, hints: int) -> None:
    seed(ansible, mappings=[WRONG][:hints], tiered_cache="off", smart_tiered_cache="off")
    found = report(ansible, cloud_region_hints_zone="example.com")
    assert operations(ansible) == ["zones-list", *SWITCHES, LIST]
    assert (found.data["audit"]["counts"]["wrong"], len(found.rows)) == (hints, hints)
    assert (found.data["zone"], found.data["upper_tier_colos"], found.data["unsupported"]) == ("example.com", {}, [])
    text = text_of(found.page)
    assert "Tiered Cache is off, and Smart Tiered Cache is off. Both must be on." in text
    assert "no longer supported" not in text
    assert text_of(found.page.find(".//h1")) == "Cloud region hints of example.com"
    if hints:
        assert found.rows[0]["supported"] == found.rows[0]["upper_tier_colos"] == ""
        assert found.section("origins")[0] == ["aws us-west-2 1 origin, upper tier: not told"]


def test_a_second_run_changes_nothing_but_the_time(drifted: Ansible) -> None:
    first = report(drifted)
    assert "changed=1" in first.shown
    before = first.path.read_text()
    for arguments in ([], ["--check"]):
        done = drifted.run(
            "edgecache.cloudflare.report",
            *arguments,
            "-e",
            json.dumps({"cloud_region_hints_sources": SOURCES, "cloud_region_hints_report_path": str(first.path)}),
        )
        assert "changed=0" in done.stdout, done.stdout
    after = first.path.read_text()
    times = [re.findall('<time datetime="(.*)">(.*) UTC</time>', page) for page in (before, after)]
    assert before != after and times[0] < times[1]
    assert re.sub("<time.*", "", before) == re.sub("<time.*", "", after)
    drifted.simulator.clear_faults()
    assert "changed=1" in run(drifted, cloud_region_hints_report_path=str(first.path))


@pytest.mark.parametrize("audit", ["y", " True ", "", None, True, 1])
def test_blank_answers_and_booleans_as_texts(ansible: Ansible, audit: t.Any) -> None:
    """As a survey gives them. Only the sources have an answer, for else they are fetched."""
    blank = dict.fromkeys(
        ["cloud_region_hints_zone", "cloud_region_hints_zone_id", "cloud_region_hints_report_path"], ""
    )
    sources = f"\n- {SOURCES[0]}\n- {SOURCES[1]}\n"
    shown = run(ansible, **blank, cloud_region_hints_audit=audit, cloud_region_hints_sources=sources)
    assert "3 right, 0 wrong, 0 ambiguous, 3 unknown" in shown
    assert "changed=0" in shown


@pytest.mark.parametrize("sources", ["", None])
def test_blank_sources_are_those_of_the_module(ansible: Ansible, sources: t.Any) -> None:
    """There is no way to them here, so the first one is what fails."""
    environment = {"HTTPS_PROXY": "nowhere://127.0.0.1", "NO_PROXY": "127.0.0.1"}
    answers = json.dumps({"cloud_region_hints_sources": sources})
    done = ansible.run("edgecache.cloudflare.report", "-e", answers, environment=environment)
    assert done.returncode != 0
    assert "https://ip-ranges.amazonaws.com/ip-ranges.json" in done.stdout


def test_paths_as_answers(ansible: Ansible) -> None:
    folder = ansible.folder
    for number, paths in enumerate(
        (
            f" {folder}/a b.HTML ",
            f"[{folder}/1.csv, {folder}/1.json, {folder}/1.csv]",
            f"- {folder}/2.csv\n- {folder}/2.json\n",
            [f"{folder}/3.csv"],
        )
    ):
        run(ansible, cloud_region_hints_audit=False, cloud_region_hints_report_path=paths)
        assert number or (folder / "a b.HTML").read_text().startswith("<!doctype html>")
    assert sorted(path.name for path in folder.glob("[0-9].*")) == ["1.csv", "1.json", "2.csv", "2.json", "3.csv"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {"report_path": "report.txt"},
            "cloud_region_hints_report_path: must be a file whose name ends in .html, .json or .csv",
        ),
        ({"report_path": "[a.html, report]"}, "or a list of such files, not: report."),
        ({"report_path": "/tmp/.html"}, "not: /tmp/.html."),
        ({"report_path": "a.html\nb.html\n.txt"}, "must be a file whose name ends in"),
        ({"report_path": {"a.html": 1}}, "must be a file whose name ends in"),
        ({"report_path": ["a.html", 3]}, "not: 3."),
        ({"report_path": 3}, "not: 3."),
        ({"sources": [["a"]]}, "cloud_region_hints_sources: must be a path or a URL, or a list of these, not: ['a']."),
        ({"sources": {"aws": "a"}}, "cloud_region_hints_sources: must be a path or a URL"),
        (
            {"report_path": "[a.html, {"},
            "cloud_region_hints_report_path (File of the report in the survey of AWX): not valid YAML: while parsing ",
        ),
        (
            {"sources": "- [x: {"},
            "cloud_region_hints_sources (Files of the ranges in the survey of AWX): not valid YAML: while parsing ",
        ),
        ({"audit": "perhaps"}, "cloud_region_hints_audit: must be true or false, not: perhaps."),
    ],
    ids=str,
)
def test_wrong_answers_are_refused_before_any_request(
    ansible: Ansible, answers: dict[str, t.Any], message: str
) -> None:
    shown = run(ansible, passes=False, **{f"cloud_region_hints_{name}": value for name, value in answers.items()})
    assert message in " ".join(shown.replace('\\"', '"').split())
    assert operations(ansible) == []


def test_variables_of_others_do_not_get_in_the_way(ansible: Ansible) -> None:
    others = dict.fromkeys(("report", "hints", "audit", "states", "groups_", "tiles", "zone", "places", "most"), "x")
    check_that_files_agree(report(ansible, **others))


def hostile(texts: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """What the API may answer, were it not what it is: each text as vendor, as region and as time."""
    keys = ("vendor", "region", "modified_on")
    return [
        {"origin_ip": f"192.0.{place}.{number}", **dict.fromkeys(keys, "plain"), key: text}
        for place, key in enumerate(keys)
        for number, text in enumerate(texts, 1)
    ]


def hostile_report(ansible: Ansible, texts: t.Sequence[str]) -> Report:
    hints = hostile(texts)
    pages = {"page": 1, "per_page": 100, "count": len(hints), "total_count": len(hints), "total_pages": 1}
    colos = [{"name": text, "upper_tier_colos": [text]} for text in texts]
    ansible.simulator.fault(
        {"kind": "malformed", "operation": LIST, "body": answer(hints, result_info=pages)},
        {
            "kind": "malformed",
            "operation": SUPPORTED,
            "body": answer(
                {
                    "obtained_codes": True,
                    "vendors": {**{vendor: [] for vendor in ("aws", "azure", "gcp", "oci")}, "plain": colos},
                }
            ),
        },
    )
    return report(ansible)


def test_markup_is_text(ansible: Ansible) -> None:
    found = hostile_report(ansible, [MARKUP])
    page = found.path.read_text()
    assert "<script" not in page and "<img" not in page and "{{ 7 * 7 }}" in page
    elements = {element.tag for element in found.page.iter() if isinstance(element.tag, str)}
    assert elements.isdisjoint({"script", "img", "iframe", "link", "object", "svg", "base", "form"})
    names = {name for element in found.page.iter() for name in element.attrib}
    assert names == {
        *("aria-label", "aria-labelledby", "charset", "class", "colspan", "content", "datetime", "href", "http-equiv"),
        *("id", "lang", "name", "open", "scope", "style"),
    }
    assert {element.get("href")[0] for element in found.page.iter("a")} == {"#"}
    assert [hint["region"] for hint in found.data["origin_cloud_regions"] if hint["region"] != "plain"] == [MARKUP]
    assert {row["region"] for row in found.rows} == {"plain", MARKUP}
    assert text_of(found.page).count(" ".join(MARKUP.split())) >= 6


def test_formulas_are_text(ansible: Ansible) -> None:
    found = hostile_report(ansible, FORMULAS)
    cells = {row["region"] for row in found.rows}
    escaped = {text if text[0] == "a" else "'" + text for text in FORMULAS}
    assert cells == {"plain", *escaped}
    for row in found.rows:
        assert not any(value.lstrip()[:1] in "=+-@\uff1d" for value in row.values() if value.strip())
    # Nobody's reader takes another line for a row
    assert len(found.rows) == 3 * len(FORMULAS) == found.data["total"]


def test_a_full_zone(ansible: Ansible) -> None:
    """All hints that a zone may have, nearly all of them wrong: the most that a page may have."""
    seed(ansible, fill=NUMBER_OF_HINTS)
    found = report(ansible)
    assert len(found.rows) == NUMBER_OF_HINTS
    assert operations(ansible) == [*SWITCHES, SUPPORTED, *[LIST] * 35]
    assert found.data["audit"]["counts"]["wrong"] > 3_000
    sizes = {path.suffix: path.stat().st_size for path in found.path.parent.glob("report.*")}
    assert sizes[".html"] < 1_000_000 and sizes[".csv"] < 1_000_000, sizes
    assert sum(len(row) == 3 for row in found.section("origins")) == NUMBER_OF_HINTS


def luminance(color: str) -> float:
    """As WCAG has it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# The color of each text, and what is behind it
COLORS = """
[...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())).map(e => {
  let behind = e;
  while (behind.parentElement && getComputedStyle(behind).backgroundColor == "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  return [e.outerHTML.slice(0, 80), getComputedStyle(e).color, getComputedStyle(behind).backgroundColor];
})
"""


@pytest.mark.browser
def test_page_in_a_browser(drifted: Ansible) -> None:
    found = report(drifted)

    def look(*expressions: str, **options: t.Any) -> View:
        seen = view(
            found.path,
            drifted.folder,
            "document.documentElement.scrollWidth",
            "document.body.innerText",
            COLORS,
            **options,
        )
        assert (seen.requests, seen.complaints) == ([found.path.as_uri()], [])
        for part, color, behind in seen.values[2]:
            light, dark = sorted((luminance(color), luminance(behind)), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (part, color, behind)
        return seen

    seen = look(width=360)
    assert seen.values[0] == 360
    for text in (
        "Wrong: 1",
        "Ambiguous: 1",
        "No longer supported: 1",
        "Unknown: 1",
        "192.0.2.10",
        "192.0.2.0/25 in aws.json",
    ):
        assert text in seen.values[1]
    assert max(luminance(behind) for dummy, dummy, behind in seen.values[2]) == 1
    dark = look(scheme="dark")
    assert dark.values[0] <= 1280
    assert max(luminance(behind) for dummy, dummy, behind in dark.values[2]) < 0.1
    printed = look(scheme="dark", media="print")
    assert {color for dummy, color, dummy in printed.values[2]} == {"rgb(0, 0, 0)", "rgb(68, 68, 68)"}


@pytest.mark.browser
def test_markup_in_a_browser(ansible: Ansible) -> None:
    found = hostile_report(ansible, [MARKUP])
    seen = view(
        found.path, ansible.folder, "[document.title, document.scripts.length, document.images.length]", width=360
    )
    assert (seen.requests, seen.complaints) == ([found.path.as_uri()], [])
    assert seen.values == [[f"Cloud region hints of {ansible.simulator.zone_id}", 0, 0]]


def test_relative_paths_are_in_the_folder_of_the_user(ansible: Ansible) -> None:
    """Not in that of the playbook, where modules would look."""
    (ansible.folder / "ranges.json").write_bytes((RANGES / "aws.json").read_bytes())
    run(ansible, cloud_region_hints_sources="ranges.json", cloud_region_hints_report_path="report.csv")
    rows = list(csv.DictReader((ansible.folder / "report.csv").open(newline="")))
    assert {row["audit_source"] for row in rows} == {"", str(ansible.folder / "ranges.json")}
