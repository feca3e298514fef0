# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the playbook report: the same data in all formats, for any response of the API, and the page in a browser."""

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
import yaml

from tests.simulator.testing import RunningSimulator
from tests.system.browser import BROWSER, Browser, LoadedPage, running_browser
from tests.system.expressions import PlayExpressions
from tests.system.in_process import run_module
from tests.system.playbooks import ROOT, Ansible, ForkedAnsible, ForkServer

RANGES = ROOT / "tests/integration/targets/setup_cloud_ranges/files"
SOURCES = [str(RANGES / f"{vendor}.json") for vendor in ("aws", "azure", "gcp", "oci")]
SUPPORTED = "origin-cloud-regions-v2-supported-regions"
LIST = "origin-cloud-regions-v2-list"
SWITCHES = ["tiered-caching-get", "smart-tiered-cache-get"]
FULL = 3_500
ENDINGS = ("html", "json", "csv", "yml")
TIME = '<time datetime=".*?">.*?</time>'
OLD_TIME = '<time datetime="2026-01-01T00:00:00Z">2026-01-01 00:00:00 UTC</time>'

# One hint of each kind, in addition to the right hints of the seed
WRONG = {"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-west-2"}
AMBIGUOUS = {"origin_ip": "198.51.100.200", "vendor": "aws", "region": "us-east-1"}
UNKNOWN = {"origin_ip": "203.0.113.200", "vendor": "gcp", "region": "asia-east1"}
# None is in a range. Backwards
UNSORTED = [
    {"origin_ip": address, "vendor": "aws", "region": "us-east-1"}
    for address in ("2001:db9:0:1::1", "2001:db9::10", "2001:db9::9", "10.0.0.10", "10.0.0.2", "9.9.9.9")
]
DRIFTED_VERDICT = "1 hint is wrong and 1 hint has an unsupported region"
EXPECTED = {"192.0.2.10": "wrong", "198.51.100.200": "ambiguous", "203.0.113.200": "unknown"}

MARKUP = "\"'><script>document.title='run'</script><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}&lt;"
# A byte order mark, a zero-width space, a word joiner, a no-break space, a filler, a variation selector: what is not seen
INVISIBLE = ("\ufeff", "\u200b", "\u2060", "\u00a0", "\u3164", "\ufe00", "\ufeff \ufeff")
FORMULAS = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", 'a","=1', "a\n=1"),
    *(f"{before}{sign}1" for before, sign in zip(INVISIBLE, "=+-@\uff1d\uff0b\uff20")),
)


def answer(result: t.Any, **keys: t.Any) -> dict[str, t.Any]:
    return {"success": True, "errors": [], "messages": [], "result": result, **keys}


class Report(t.NamedTuple):
    """What was written, as it was read again."""

    path: Path
    data: dict[str, t.Any]
    rows: list[dict[str, str]]
    page: t.Any
    corrections: str
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

    def notes(self) -> list[t.Any]:
        """The banners."""
        return [element for element in self.page.iter("p") if "note" in element.get("class", "").split()]

    def console(self) -> list[str]:
        """The lines of the report on the console."""
        message = self.shown.partition("TASK [Show the report]")[2].partition("=> ")[2].partition("\n}")[0]
        lines: list[str] = json.loads(f"{message}}}")["msg"]
        return lines


def text_of(element: t.Any) -> str:
    return " ".join("".join(element.itertext()).split())


def parse_page(page: str) -> t.Any:
    """Fails for whatever HTML has as an error."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


class Reports(t.NamedTuple):
    """The results of a run of ansible-playbook that writes one report after another."""

    folder: Path
    output: dict[str, str]
    """What each report shows, by its name in ``VARIABLES``."""
    operations: list[str]
    """The requests of all reports."""

    def read(self, name: str) -> Report:
        page, data, table, corrections = (
            (self.folder / f"{name}.{ending}").read_bytes().decode() for ending in ENDINGS
        )
        rows = list(csv.DictReader(io.StringIO(table, newline="")))
        return Report(
            self.folder / f"{name}.html", json.loads(data), rows, parse_page(page), corrections, self.output[name]
        )


def paths(name: str, *endings: str) -> list[str]:
    return [f"{name}.{ending}" for ending in endings or ENDINGS]


# In the order of the run. Relative paths are relative to the folder of the user, not to that of the playbook, where modules would look
VARIABLES: dict[str, dict[str, t.Any]] = {
    "hostile": {"zone_id": "a" * 32, "report_path": paths("hostile")},
    # As a survey gives answers. Without sources, the files would be downloaded
    "drifted": {
        "zone": "",
        "zone_id": "",
        "report_path": "".join(f"- {path}\n" for path in paths("drifted")),
        "audit": "",
        "sources": "\n" + "".join(f"- {source}\n" for source in SOURCES),
    },
    # No ranges are read: this path does not exist
    "unaudited": {
        "report_path": f"[{', '.join(paths('unaudited'))}]",
        "audit": " N ",
        "sources": ["/nowhere.json"],
    },
    "again": {"report_path": " again.html "},
    "large": {"zone_id": "b" * 32, "report_path": paths("large")},
    "off": {"zone": "off.example.com", "report_path": paths("off"), "sources": "ranges.json"},
    "empty": {"zone_id": "d" * 32, "report_path": paths("empty", "HTML", "json")},
}
OF_OTHERS = dict.fromkeys(("report", "hints", "audit", "states", "groups_", "tiles", "zone", "places", "most"), "x")
"""Variables of the user that the templates of the playbook might take for their own."""


@pytest.fixture(scope="module")
def reports(simulator: RunningSimulator, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Write all reports in one run of ansible-playbook. A page that is written again is made older before that."""
    simulator.reset()
    mappings = simulator.mappings()
    on = {"tiered_cache": "on", "smart_tiered_cache": "on"}
    simulator.reset(
        {
            "zones": [
                {
                    "id": simulator.zone_id,
                    "name": "example.com",
                    **on,
                    "mappings": [*mappings, WRONG, AMBIGUOUS, UNKNOWN],
                },
                {"id": "a" * 32, "name": "hostile.example.com", **on},
                {"id": "b" * 32, "name": "large.example.com", **on, "fill": FULL // 10},
                {
                    "id": "c" * 32,
                    "name": "off.example.com",
                    "mappings": [WRONG, *UNSORTED],
                    "smart_tiered_cache": "off",
                },
                {"id": "d" * 32, "name": "empty.example.com"},
            ]
        }
    )
    simulator.fault(*hostile_answers([MARKUP, *FORMULAS]), drifted_answer(3))
    ansible = ForkedAnsible(tmp_path_factory.mktemp("report"), simulator, fork_server)
    (ansible.folder / "ranges.json").write_bytes((RANGES / "aws.json").read_bytes())
    playbook: list[dict[str, t.Any]] = [
        {
            "import_playbook": "edgecache.cloudflare.report",
            "vars": {f"cloud_region_hints_{key}": value for key, value in {"sources": SOURCES, **variables}.items()},
        }
        for variables in VARIABLES.values()
    ]
    older = f"{{{{ lookup('file', 'drifted.html', rstrip=false) | regex_replace({TIME!r}, {OLD_TIME!r}) }}}}"
    copies = [
        {"ansible.builtin.copy": {"content": older, "dest": dest, "mode": "0644"}}
        for dest in ("again.html", "empty.HTML")
    ]
    playbook.insert(list(VARIABLES).index("again"), {"hosts": "localhost", "gather_facts": False, "tasks": copies})
    run = ansible.run(playbook, "-e", json.dumps(OF_OTHERS))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    output = run.stdout.split("PLAY [Report cloud region hints]")[1:]
    return Reports(ansible.folder, dict(zip(VARIABLES, output, strict=True)), operations(simulator))


def hostile_answers(texts: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """What the API may answer, were it not what it is: each text as vendor, as region and as time."""
    keys = ("vendor", "region", "modified_on")
    hints = [
        {"origin_ip": f"192.0.{place}.{number}", **dict.fromkeys(keys, "plain"), key: text}
        for place, key in enumerate(keys)
        for number, text in enumerate(texts, 1)
    ]
    pages = {"page": 1, "per_page": 100, "count": len(hints), "total_count": len(hints), "total_pages": 1}
    colos = [{"name": text, "upper_tier_colos": [text]} for text in texts]
    aws = [{"name": "us-east-1", "upper_tier_colos": []}]  # to which some of the hints are corrected
    vendors = {"aws": aws, **{vendor: [] for vendor in ("azure", "gcp", "oci")}, "plain": colos}
    regions = answer({"obtained_codes": True, "vendors": vendors})
    return [
        {"kind": "malformed", "operation": LIST, "body": answer(hints, result_info=pages)},
        {"kind": "malformed", "operation": SUPPORTED, "body": regions},
    ]


def drifted_answer(times: int) -> dict[str, t.Any]:
    """The supported regions, of which one that hints have is missing."""
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
    return {"kind": "malformed", "body": body, "operation": SUPPORTED, "times": times}


def operations(simulator: RunningSimulator) -> list[str]:
    return [entry["operation"] for entry in simulator.stats()["log"]]


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
        state, audited = states[row["origin_ip"]]
        places = {
            "right": [audited],
            "wrong": [audited.get("expected")],
            "ambiguous": audited.get("candidates", []),
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
        assert colos and colos[1] == (one["upper_tier_colos"].replace(" ", ", ") or "not listed")
        assert changed == (one["modified_on"].replace("T", " ").replace("Z", "") or "not given")
        assert state == one["audit"] + (" no longer supported" if one["supported"] == "no" else "")
        shown.append(address)
    assert shown == [row["origin_ip"] for row in rows]
    wrong = [[hint["origin_ip"], f"{hint['vendor']} {hint['region']}"] for hint in data["audit"]["wrong"]]
    assert not wrong or [row[:2] for row in found.section("wrong")] == wrong
    totals = [row for row in found.section("totals") if len(row) == 3]
    assert sorted((row[0], int(row[2].split()[0])) for row in totals) == sorted(
        (place.partition("/")[2], count) for place, count in data["places"].items()
    )


def test_requests(reports: Reports) -> None:
    all_on = [*SWITCHES, SUPPORTED, LIST]
    assert reports.operations == [
        *(all_on * 4),
        *SWITCHES,
        SUPPORTED,
        *([LIST] * 4),  # 350 hints
        *("zones-list", *SWITCHES, LIST),
        *(*SWITCHES, LIST),
    ]


def test_files_say_the_same(reports: Reports) -> None:
    found = reports.read("drifted")
    check_that_files_agree(found)
    audit = found.data["audit"]
    assert audit["counts"] == {"right": 6, "wrong": 1, "ambiguous": 1, "unknown": 1}
    assert {
        hint["origin_ip"]: state for state in ("wrong", "ambiguous", "unknown") for hint in audit[state]
    } == EXPECTED
    assert [hint["origin_ip"] for hint in found.data["unsupported"]] == ["203.0.113.200"]
    assert found.section("wrong") == [["192.0.2.10", "aws us-west-2", "aws us-east-1192.0.2.0/25 in aws.json"]]
    # The verdict leads on the page and on the console, the worst follows
    assert text_of(found.page.find(".//title")) == f"{found.data['zone_id']}: {DRIFTED_VERDICT}"
    assert text_of(found.page.find(".//h1")) == f"Cloud region hints of zone {found.data['zone_id']}: {DRIFTED_VERDICT}"
    assert [text_of(note) for note in found.notes()] == found.data["warnings"]
    lines = found.console()
    assert lines[:3] == [DRIFTED_VERDICT, *found.data["warnings"]]
    assert lines[-4:] == [
        "Wrong: 192.0.2.10 aws/us-west-2, expected aws/us-east-1 (192.0.2.0/25)",
        "Ambiguous: 198.51.100.200 aws/us-east-1, in aws/us-east-1 and azure/eastus (198.51.100.192/26)",
        "Unknown: 203.0.113.200 gcp/asia-east1, in no range",
        "No longer supported: 203.0.113.200 gcp/asia-east1",
    ]
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


def test_hints_are_sorted_by_the_value_of_their_numbers(reports: Reports) -> None:
    addresses = [row["origin_ip"] for row in reports.read("off").rows if row["region"] == "us-east-1"]
    assert addresses == [hint["origin_ip"] for hint in reversed(UNSORTED)]


def test_without_an_audit(reports: Reports) -> None:
    found = reports.read("unaudited")
    assert found.data["audit"] is None
    assert {row["audit"] for row in found.rows} == {""}
    assert "Not compared with the ranges" in found.console()
    text = text_of(found.page)
    assert "not compared, since cloud_region_hints_audit is false" in text
    assert "Wrong" not in text and "Result" not in text
    assert "No longer supported: 1" in text
    assert len(found.section("origins")) == len(found.rows) + len(found.data["places"])


def test_where_tiered_cache_is_off(reports: Reports) -> None:
    found = reports.read("off")
    assert found.data["audit"]["counts"] == {"right": 0, "wrong": 1, "ambiguous": 0, "unknown": len(UNSORTED)}
    assert (found.data["zone"], found.data["upper_tier_colos"], found.data["unsupported"]) == (
        "off.example.com",
        {},
        [],
    )
    text = text_of(found.page)
    assert (
        "Cloudflare does not use the hints, because Tiered Cache and Smart Tiered Cache are off. Enable both." in text
    )
    assert "no longer supported" not in text
    verdict = "1 hint is wrong and Tiered Cache is off"
    assert text_of(found.page.find(".//h1")) == f"Cloud region hints of off.example.com: {verdict}"
    assert text_of(found.page.find(".//title")) == f"off.example.com: {verdict}"
    assert {(row["supported"], row["upper_tier_colos"]) for row in found.rows} == {("", "")}
    assert found.section("origins")[-2] == ["aws us-west-2 1 origin, upper tier: not listed"]
    # The file of the ranges is in the folder of the user
    assert {row["audit_source"] for row in found.rows} == {"", str(reports.folder / "ranges.json")}


def test_zone_without_hints(reports: Reports) -> None:
    data = json.loads((reports.folder / "empty.json").read_text())
    assert (data["total"], data["origin_cloud_regions"], data["vendors"]) == (0, [], {})
    assert set(data["audit"]["counts"].values()) == {0}
    # The page of another zone was there before
    assert is_changed(reports.output["empty"])
    page = parse_page((reports.folder / "empty.HTML").read_text())
    assert "Enable both." in text_of(page)
    assert "no longer supported" not in text_of(page)


def is_changed(output: str) -> bool:
    """Return whether a report has changed one of its files at least."""
    results = output.partition("TASK [Write the report]")[2].partition("\n\n")[0]
    return "\nchanged: " in results


def test_corrections_are_in_the_page_and_in_a_file(reports: Reports) -> None:
    found = reports.read("drifted")
    mappings = [{"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-east-1"}]
    assert found.data["corrections"] == mappings
    assert yaml.safe_load(found.corrections) == {
        "cloud_region_hints_zone_id": found.data["zone_id"],
        "cloud_region_hints_zone": "",
        "cloud_region_hints_purge": False,
        "cloud_region_hints_mappings": mappings,
    }
    (block,) = found.page.iter("pre")
    assert block.text == found.corrections
    off = reports.read("off")
    assert yaml.safe_load(off.corrections)["cloud_region_hints_mappings"] == mappings
    assert yaml.safe_load(reports.read("unaudited").corrections)["cloud_region_hints_mappings"] == []
    assert not list(reports.read("unaudited").page.iter("pre"))


def test_corrections_can_be_applied(forked_ansible: ForkedAnsible) -> None:
    """By the playbook and by the module. No variable of the inventory makes them those of another zone, or deletes the others."""
    ansible, simulator = forked_ansible, forked_ansible.simulator
    zone = {"id": simulator.zone_id, "name": "example.com", "tiered_cache": "on", "smart_tiered_cache": "on"}
    simulator.reset({"zones": [{**zone, "mappings": [*simulator.mappings(), WRONG]}]})
    assert "1 hint is wrong" in run(ansible, True, sources=SOURCES, report_path="corrections.yml")
    inventory = ansible.folder / "inventory"
    others = "[all:vars]\ncloud_region_hints_zone=example.net\ncloud_region_hints_purge=true\n"
    inventory.write_text(inventory.read_text() + others)
    applied = ansible.run("edgecache.cloudflare.apply", "-e", "@corrections.yml")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "192.0.2.10: aws/us-west-2 -> aws/us-east-1" in applied.stdout
    options = {
        "zone_id": "{{ cloud_region_hints_zone_id }}",
        "mappings": "{{ cloud_region_hints_mappings }}",
    }
    applied = ansible.play([{"edgecache.cloudflare.origin_cloud_regions": options}], vars_files=["corrections.yml"])
    assert applied.returncode == 0 and "changed=0" in applied.stdout, applied.stdout + applied.stderr
    shown = run(ansible, True, zone="", zone_id=simulator.zone_id, sources=SOURCES, report_path="corrections.yaml")
    assert "All 7 hints match the ranges" in shown
    corrections = yaml.safe_load((ansible.folder / "corrections.yaml").read_text())
    assert corrections["cloud_region_hints_mappings"] == []


def test_second_run_changes_nothing_but_the_time(reports: Reports) -> None:
    assert is_changed(reports.output["drifted"])
    assert not is_changed(reports.output["again"])
    before, after = ((reports.folder / f"{name}.html").read_text() for name in ("drifted", "again"))
    assert re.search(TIME, after) and OLD_TIME not in after
    assert re.sub(TIME, "", before) == re.sub(TIME, "", after)


def test_check_mode_does_not_write(reports: Reports, forked_ansible: ForkedAnsible) -> None:
    """A difference of only the time is not a change, either."""
    zone_id = forked_ansible.simulator.empty_zone_id
    page = forked_ansible.folder / "page.html"
    page.write_text(re.sub(TIME, OLD_TIME, (reports.folder / "empty.HTML").read_text()).replace("d" * 32, zone_id))
    before = page.read_text()
    shown = run(
        *(forked_ansible, True, "--check"),
        sources=SOURCES,
        report_path=["page.html", "page.csv"],
        zone_id=zone_id,
    )
    (results,) = re.findall(r"TASK \[Write the report\] \*+\n(.*?)\n\n", shown, re.DOTALL)
    assert [line.split(":")[0] for line in results.splitlines()] == ["ok", "changed"]
    assert page.read_text() == before
    assert not (forked_ansible.folder / "page.csv").exists()


def run(
    ansible: Ansible, passes: bool, *arguments: str, environment: dict[str, str] | None = None, **variables: t.Any
) -> str:
    extra = json.dumps({f"cloud_region_hints_{name}": value for name, value in variables.items()})
    done = ansible.run("edgecache.cloudflare.report", "-e", extra, *arguments, environment=environment)
    assert (done.returncode == 0) == passes, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


def test_wrong_answers_are_refused_before_any_request(ansible: Ansible) -> None:
    wrong = {"report_path": "report.txt", "sources": {"aws": "a"}, "audit": "perhaps"}
    shown = " ".join(run(ansible, False, **wrong).replace('\\"', '"').split())
    for message in (
        "cloud_region_hints_report_path (File of the report in the survey of AWX): 'report.txt' is not a file whose name",
        "ends in .html, .json, .csv, .yml or .yaml. Set it to one, or to a list of them.",
        "cloud_region_hints_sources: {'aws': 'a'} is not a path or a URL. Set it to one, or to a list of them.",
        "cloud_region_hints_audit: 'perhaps' is not a boolean. Set it to true or false.",
    ):
        assert message in shown
    assert operations(ansible.simulator) == []


# The same expressions, with all kinds of answers


@pytest.fixture(scope="module")
def expressions() -> PlayExpressions:
    return PlayExpressions(ROOT / "playbooks/report.yml")


@pytest.mark.parametrize(
    ("answer", "is_audited"),
    [*((text, True) for text in ("y", " True ", "", None, True, 1)), *((text, False) for text in ("no", False, 0))],
)
def test_audit_as_an_answer(expressions: PlayExpressions, answer: t.Any, is_audited: bool) -> None:
    variables = expressions.variable("__cloud_region_hints_variables", {"cloud_region_hints_audit": answer})
    assert variables["audit"] == is_audited


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *((blank, []) for blank in ("", " ", None, [])),
        (" /a b.HTML ", ["/a b.HTML"]),
        ("[/1.csv, 1.json, /1.csv, ./1.csv]", ["/1.csv", "HERE/1.json", "HERE/./1.csv"]),
        ("- /2.csv\n- ~/2.json\n", ["/2.csv", "~/2.json"]),
        (["/3.csv", "3.csv"], ["/3.csv", "HERE/3.csv"]),
    ],
    ids=str,
)
def test_paths_as_answers(
    expressions: PlayExpressions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: t.Any, expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    loop = expressions.task("Read the previous files")["loop"]
    found = expressions.evaluate(loop, {"cloud_region_hints_report_path": answer})
    assert found == [path.replace("HERE", str(tmp_path)) for path in expected]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        *((blank, "omitted") for blank in ("", " ", None, [])),
        ("https://example.com/aws.json", ["https://example.com/aws.json"]),
        ("[/aws.json, oci.json]", ["/aws.json", "HERE/oci.json"]),
        ("\n- /aws.json\n- HTTP://example.com/\n", ["/aws.json", "HTTP://example.com/"]),
        (["aws.json"], ["HERE/aws.json"]),
    ],
    ids=str,
)
def test_sources_as_answers(
    expressions: PlayExpressions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: t.Any, expected: t.Any
) -> None:
    monkeypatch.chdir(tmp_path)
    task = expressions.task("Compare all hints with the address ranges")
    sources = task["edgecache.cloudflare.origin_cloud_region_audit_info"]["sources"]
    found = expressions.evaluate(sources, {"cloud_region_hints_sources": answer, "omit": "omitted"})
    assert found == (
        expected if isinstance(expected, str) else [path.replace("HERE", str(tmp_path)) for path in expected]
    )


def test_omitted_sources_are_on_the_internet(
    fresh_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sources cannot be reached in this test, so the error names the first source."""
    monkeypatch.setenv("HTTPS_PROXY", "nowhere://127.0.0.1")
    simulator = fresh_simulator
    credential = {"api_token": simulator.token, "zone_id": simulator.zone_id, "api_url": simulator.url}
    result = run_module("origin_cloud_region_audit_info", **credential)
    assert "https://ip-ranges.amazonaws.com/ip-ranges.json" in result["msg"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (
            {"report_path": "[a.html, report]"},
            "'report' is not a file whose name ends in .html, .json, .csv, .yml or .yaml. Set it to one, or to a",
        ),
        ({"report_path": "/tmp/.html"}, "'/tmp/.html' is not a file"),
        (
            {"report_path": "/missing/a.html"},
            "'/missing/a.html' cannot be written, because its folder does not exist. Create",
        ),
        ({"report_path": "a.html\nb.html\n.txt"}, "is not a file whose name ends in"),
        ({"report_path": {"a.html": 1}}, "is not a file whose name ends in"),
        ({"report_path": ["a.html", 3]}, "3 is not a file"),
        ({"report_path": 3}, "3 is not a file"),
        (
            {"sources": [["a", {"b": 1}]]},
            "cloud_region_hints_sources: {'b': 1} is not a path or a URL. Set it to one, or to a list of them.",
        ),
    ],
    ids=str,
)
def test_wrong_answers(expressions: PlayExpressions, answers: dict[str, t.Any], message: str) -> None:
    variables = {f"cloud_region_hints_{name}": value for name, value in answers.items()}
    assert message in str(expressions.failure("Check the variables", variables))


# What others have written


def test_markup_is_text(reports: Reports) -> None:
    found = reports.read("hostile")
    page = found.path.read_text()
    assert "<script" not in page and "<img" not in page and "{{ 7 * 7 }}" in page
    elements = {element.tag for element in found.page.iter() if isinstance(element.tag, str)}
    assert elements.isdisjoint({"script", "img", "iframe", "link", "object", "svg", "base", "form"})
    names = {name for element in found.page.iter() for name in element.attrib}
    assert names == {
        *("aria-label", "aria-labelledby", "charset", "class", "colspan", "content", "datetime", "href", "http-equiv"),
        *("id", "lang", "name", "open", "scope", "style", "tabindex"),
    }
    assert {element.get("href")[0] for element in found.page.iter("a")} == {"#"}
    assert MARKUP in [hint["region"] for hint in found.data["origin_cloud_regions"]]
    assert MARKUP in [row["region"] for row in found.rows]
    assert text_of(found.page).count(" ".join(MARKUP.split())) >= 6


def test_corrections_hold_no_templates(reports: Reports, fresh_simulator: RunningSimulator, tmp_path: Path) -> None:
    """Ansible evaluates templates in files of variables. No text of the API is in the file, and ranges have no such regions."""
    corrections = reports.read("hostile").corrections
    assert yaml.safe_load(corrections)["cloud_region_hints_mappings"]
    assert "{{" not in corrections and "{%" not in corrections
    ranges = json.loads((RANGES / "aws.json").read_text())
    ranges["prefixes"][0]["region"] = "{{ 7 * 7 }}"
    (tmp_path / "aws.json").write_text(json.dumps(ranges))
    simulator = fresh_simulator
    credential = {"api_token": simulator.token, "zone_id": simulator.zone_id, "api_url": simulator.url}
    result = run_module("origin_cloud_region_audit_info", sources=[str(tmp_path / "aws.json")], **credential)
    assert "not a valid region: '{{ 7 * 7 }}'" in result["msg"]


def test_formulas_are_text(reports: Reports) -> None:
    found = reports.read("hostile")
    cells = {row["region"] for row in found.rows}
    escaped = {text if text[0] == "a" else "'" + text for text in FORMULAS}
    assert cells == {"plain", MARKUP, *escaped}
    for row in found.rows:
        assert not any(value.lstrip()[:1] in "=+-@\uff1d" for value in row.values() if value.strip())
    # Nobody's reader takes another line for a row
    assert len(found.rows) == 3 * (len(FORMULAS) + 1) == found.data["total"]


def test_a_large_zone(reports: Reports) -> None:
    check_size(reports, "large", FULL // 10)


@pytest.mark.slow
def test_a_full_zone(fresh_simulator: RunningSimulator, fork_server: ForkServer, tmp_path: Path) -> None:
    """All hints that a zone may have: without a browser, but it takes as long."""
    seed = {"id": "b" * 32, "name": "full.example.com", "tiered_cache": "on", "smart_tiered_cache": "on", "fill": FULL}
    fresh_simulator.reset({"zones": [seed]})
    ansible = ForkedAnsible(tmp_path, fresh_simulator, fork_server)
    shown = run(ansible, True, sources=SOURCES, report_path=paths("full"), zone_id="b" * 32)
    check_size(Reports(tmp_path, {"full": shown}, []), "full", FULL)
    assert operations(fresh_simulator) == [*SWITCHES, SUPPORTED, *[LIST] * 35]


def check_size(reports: Reports, name: str, number: int) -> None:
    """Nearly all hints are wrong, so that the page has the most that it may have."""
    found = reports.read(name)
    assert len(found.rows) == number
    assert found.data["audit"]["counts"]["wrong"] > 0.8 * number
    sizes = {path.suffix: path.stat().st_size for path in reports.folder.glob(f"{name}.*")}
    for suffix in (".html", ".csv"):
        assert sizes[suffix] * FULL / number < 1_000_000, sizes
    assert sum(len(row) == 3 for row in found.section("origins")) == number


def luminance(color: str) -> float:
    """As WCAG has it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# PyPI has no browser, and the installation of Debian's package needs root, which a contributor may not have. CI installs it.
# Without a browser, every other test of the page runs, and the session "gaps" reports that these did not.
def in_browser(test: t.Any) -> t.Any:
    skipped = pytest.mark.skipif(not BROWSER, reason="NOT TESTED: the page in a browser, which is not here")
    return pytest.mark.slow(skipped(test))


# The words of region names that a line break divides: a region may be divided at its hyphens only
BROKEN_WORDS = """
[...document.querySelectorAll("td > b, th > a, dt > b")].flatMap(e => [...e.textContent.matchAll(/[^-]+-?/g)].filter(word => {
  const range = document.createRange();
  range.setStart(e.firstChild, word.index);
  range.setEnd(e.firstChild, word.index + word[0].length);
  return range.getClientRects().length > 1;
}).map(word => word[0]))
"""
# What reaches over the edge of the page
CUT_OFF = """
[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 80))
"""
# The color of each text, and what is behind it
COLORS = """
[...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())).map(e => {
  let behind = e;
  while (behind.parentElement && getComputedStyle(behind).backgroundColor == "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  return [e.outerHTML.slice(0, 80), getComputedStyle(e).color, getComputedStyle(behind).backgroundColor];
})
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@in_browser
def test_page_in_a_browser(reports: Reports, browser: Browser) -> None:
    page = reports.folder / "drifted.html"

    def look(**options: t.Any) -> LoadedPage:
        seen = browser.load(page, "document.documentElement.scrollWidth", "document.body.innerText", COLORS, **options)
        assert (seen.requests, seen.messages) == ([page.as_uri()], [])
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


@in_browser
@pytest.mark.parametrize("width", [360, 390])
def test_long_regions_on_a_phone(reports: Reports, browser: Browser, tmp_path: Path, width: int) -> None:
    page = tmp_path / "page.html"
    long_names = (reports.folder / "drifted.html").read_text().replace("us-west-2", "australiasoutheast")
    page.write_text(long_names.replace("asia-east1", "northamerica-northeast1").replace("eastus", "germanywestcentral"))
    seen = browser.load(page, BROKEN_WORDS, CUT_OFF, "document.documentElement.scrollWidth", width=width)
    assert seen.values == [[], [], width]


@in_browser
def test_markup_in_a_browser(reports: Reports, browser: Browser) -> None:
    page = reports.folder / "hostile.html"
    seen = browser.load(page, "[document.title, document.scripts.length, document.images.length]", width=360)
    assert (seen.requests, seen.messages) == ([page.as_uri()], [])
    assert seen.values == [[f"{'a' * 32}: {reports.read('hostile').data['verdict']}", 0, 0]]
