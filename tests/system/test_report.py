# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that the playbook report writes: the same data in all formats, escaped texts of the API, and the page in a browser."""

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

RANGES_FOLDER = ROOT / "tests/integration/targets/setup_cloud_ranges/files"
SOURCES = [str(RANGES_FOLDER / f"{vendor}.json") for vendor in ("aws", "azure", "gcp", "oci")]
LIST_REGIONS = "origin-cloud-regions-v2-supported-regions"
LIST_MAPPINGS = "origin-cloud-regions-v2-list"
GET_NAME = "zone-get"
GET_REGIONAL = "regional-tiered-cache-get"
GET_SETTINGS = ["tiered-caching-get", "smart-tiered-cache-get"]
GET_ORIGINS = [
    "zone-get",
    "dns-records-list",
    "load-balancers-list",
    "load-balancer-pools-list",
    "origin-rules-get",
    "custom-hostnames-list",
    "fallback-origin-get",
]
MAX_HINTS = 3_500
EXTENSIONS = ("html", "json", "csv", "yml")
TIME_PATTERN = '<time datetime=".*?">.*?</time>'
OLD_TIME = '<time datetime="2026-01-01T00:00:00Z">2026-01-01 00:00:00 UTC</time>'

# One hint of each state, in addition to the right hints of the seed
WRONG_HINT = {"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-west-2"}
AMBIGUOUS_HINT = {"origin_ip": "198.51.100.200", "vendor": "aws", "region": "us-east-1"}
UNKNOWN_HINT = {"origin_ip": "203.0.113.200", "vendor": "gcp", "region": "asia-east1"}
# In descending order of the addresses. No range contains any of them.
UNSORTED_HINTS = [
    {"origin_ip": address, "vendor": "aws", "region": "us-east-1"}
    for address in ("2001:db9:0:1::1", "2001:db9::10", "2001:db9::9", "10.0.0.10", "10.0.0.2", "9.9.9.9")
]
DRIFTED_VERDICT = "1 hint is wrong and 1 hint has an unsupported region"
EXPECTED_STATES = {"192.0.2.10": "wrong", "198.51.100.200": "ambiguous", "203.0.113.200": "unknown"}

MARKUP = "\"'><script>document.title='run'</script><img src=x onerror=alert(1)>{{ 7 * 7 }}{% raw %}&lt;"
# Invisible characters: byte order mark, zero-width space, word joiner, no-break space, Hangul filler, variation selector
INVISIBLE_TEXTS = ("\ufeff", "\u200b", "\u2060", "\u00a0", "\u3164", "\ufe00", "\ufeff \ufeff")
FORMULAS = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", 'a","=1', "a\n=1"),
    *(f"{prefix}{sign}1" for prefix, sign in zip(INVISIBLE_TEXTS, "=+-@\uff1d\uff0b\uff20")),
)


def build_response(result: t.Any, **extra: t.Any) -> dict[str, t.Any]:
    """Return the body of a successful response of the API."""
    return {"success": True, "errors": [], "messages": [], "result": result, **extra}


class Report(t.NamedTuple):
    """The parsed files of one report, and the output of ansible-playbook."""

    path: Path
    data: dict[str, t.Any]
    rows: list[dict[str, str]]
    page: t.Any
    corrections: str
    output: str

    def read_table(self, index: int) -> list[list[str]]:
        """Return the texts of the cells in the table with this index, without its head."""
        table = self.page.findall(".//table")[index]
        return [[get_text(cell) for cell in row] for body in table.findall("tbody") for row in body.findall("tr")]

    def read_section(self, heading_id: str) -> list[list[str]]:
        """Return the rows of the first table after the heading with this id."""
        elements = [element for element in self.page.iter() if element.tag in ("h2", "h3", "table")]
        heading_index = [element.get("id") for element in elements].index(heading_id)
        return self.read_table(sum(element.tag == "table" for element in elements[:heading_index]))

    def find_banners(self) -> list[t.Any]:
        """Return the banners of the page."""
        return [element for element in self.page.iter("p") if "note" in element.get("class", "").split()]

    def read_console(self) -> list[str]:
        """Return the lines of the task "Show the report"."""
        message = self.output.partition("TASK [Show the report]")[2].partition("=> ")[2].partition("\n}")[0]
        lines: list[str] = json.loads(f"{message}}}")["msg"]
        return lines


def get_text(element: t.Any) -> str:
    """Return the text of an element, with one space for each run of whitespace."""
    return " ".join("".join(element.itertext()).split())


def parse_page(page: str) -> t.Any:
    """Parse HTML. Any parse error of the HTML standard raises an exception."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


class Reports(t.NamedTuple):
    """The results of a run of ansible-playbook that writes one report after another."""

    folder: Path
    outputs: dict[str, str]
    """The output of each report, by its name in ``VARIABLES``."""
    operations: list[str]
    """The operations that all reports requested, in order."""

    def read(self, name: str) -> Report:
        """Parse the files of this report."""
        page, data, table, corrections = (
            (self.folder / f"{name}.{extension}").read_bytes().decode() for extension in EXTENSIONS
        )
        rows = list(csv.DictReader(io.StringIO(table, newline="")))
        return Report(
            self.folder / f"{name}.html", json.loads(data), rows, parse_page(page), corrections, self.outputs[name]
        )


def build_paths(name: str, *extensions: str) -> list[str]:
    """Return file names with these extensions, by default one for each format."""
    return [f"{name}.{extension}" for extension in extensions or EXTENSIONS]


# The variables of each report, in the order of the run. The playbook resolves relative paths in the working directory of the user, but a
# module would resolve them in the folder of the playbook.
VARIABLES: dict[str, dict[str, t.Any]] = {
    "hostile": {"zone_id": "a" * 32, "report_path": build_paths("hostile")},
    # Strings, as a survey of AWX sets them. Without sources, the playbook would download the range files.
    "drifted": {
        "zone": "",
        "zone_id": "",
        "report_path": "".join(f"- {path}\n" for path in build_paths("drifted")),
        "audit": "",
        "sources": "\n" + "".join(f"- {source}\n" for source in SOURCES),
    },
    # Without an audit, the playbook reads no range file, so the missing file is not an error.
    "unaudited": {
        "report_path": f"[{', '.join(build_paths('unaudited'))}]",
        "audit": " N ",
        "report_regional": "y",
        "sources": ["/nowhere.json"],
    },
    "again": {"report_path": " again.html "},
    "large": {"zone_id": "b" * 32, "report_path": build_paths("large")},
    "off": {
        "zone": "off.example.com",
        "report_path": build_paths("off"),
        "sources": "ranges.json",
        "report_regional": True,
    },
    "empty": {"zone_id": "d" * 32, "report_path": build_paths("empty", "HTML", "json"), "report_regional": ""},
}
USER_VARIABLES = dict.fromkeys(
    ("report", "hints", "audit", "origins", "states", "groups_", "tiles", "zone", "places", "most"), "x"
)
"""Variables of a user, which have the same names as variables in the templates of the playbook."""


@pytest.fixture(scope="module")
def reports(simulator: RunningSimulator, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Reports:
    """Write all reports in one run of ansible-playbook. Before ``again`` and ``empty``, their pages exist with an older time."""
    simulator.reset()
    mappings = simulator.mappings()
    enabled = {"tiered_cache": "on", "smart_tiered_cache": "on"}
    simulator.reset(
        {
            "zones": [
                {
                    "id": simulator.zone_id,
                    "name": "example.com",
                    **enabled,
                    "regional_tiered_cache": "on",
                    "mappings": [*mappings, WRONG_HINT, AMBIGUOUS_HINT, UNKNOWN_HINT],
                },
                {"id": "a" * 32, "name": "hostile.example.com", **enabled},
                {"id": "b" * 32, "name": "large.example.com", **enabled, "fill": MAX_HINTS // 10},
                {
                    "id": "c" * 32,
                    "name": "off.example.com",
                    "mappings": [WRONG_HINT, *UNSORTED_HINTS],
                    "smart_tiered_cache": "off",
                    "plan": "free",
                },
                {"id": "d" * 32, "name": "empty.example.com"},
            ]
        }
    )
    simulator.fault(*build_hostile_faults([MARKUP, *FORMULAS]), build_drifted_fault(3))
    ansible = ForkedAnsible(tmp_path_factory.mktemp("report"), simulator, fork_server)
    (ansible.folder / "ranges.json").write_bytes((RANGES_FOLDER / "aws.json").read_bytes())
    playbook: list[dict[str, t.Any]] = [
        {
            "import_playbook": "edgecache.cloudflare.report",
            "vars": {f"cloud_region_hints_{key}": value for key, value in {"sources": SOURCES, **variables}.items()},
        }
        for variables in VARIABLES.values()
    ]
    older_page = (
        f"{{{{ lookup('file', 'drifted.html', rstrip=false) | regex_replace({TIME_PATTERN!r}, {OLD_TIME!r}) }}}}"
    )
    copies = [
        {"ansible.builtin.copy": {"content": older_page, "dest": dest, "mode": "0644"}}
        for dest in ("again.html", "empty.HTML")
    ]
    playbook.insert(list(VARIABLES).index("again"), {"hosts": "localhost", "gather_facts": False, "tasks": copies})
    run = ansible.run(playbook, "-e", json.dumps(USER_VARIABLES))
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    output = run.stdout.split("PLAY [Report cloud region hints]")[1:]
    return Reports(ansible.folder, dict(zip(VARIABLES, output, strict=True)), list_operations(simulator))


def build_hostile_faults(texts: t.Sequence[str]) -> list[dict[str, t.Any]]:
    """Return faults with which the API returns each text as a vendor, a region, a time, and the code of a data center."""
    keys = ("vendor", "region", "modified_on")
    hints = [
        {"origin_ip": f"192.0.{index}.{number}", **dict.fromkeys(keys, "plain"), key: text}
        for index, key in enumerate(keys)
        for number, text in enumerate(texts, 1)
    ]
    result_info = {"page": 1, "per_page": 100, "count": len(hints), "total_count": len(hints), "total_pages": 1}
    colos = [{"name": text, "upper_tier_colos": [text]} for text in texts]
    aws = [{"name": "us-east-1", "upper_tier_colos": []}]  # the right region of some hints
    vendors = {"aws": aws, **{vendor: [] for vendor in ("azure", "gcp", "oci")}, "plain": colos}
    regions = build_response({"obtained_codes": True, "vendors": vendors})
    return [
        {"kind": "malformed", "operation": LIST_MAPPINGS, "body": build_response(hints, result_info=result_info)},
        {"kind": "malformed", "operation": LIST_REGIONS, "body": regions},
    ]


def build_drifted_fault(times: int) -> dict[str, t.Any]:
    """Return a fault with which the supported regions lack a region that a hint has."""
    vendors = {
        "aws": [
            {"name": name, "upper_tier_colos": [name[:2].upper(), "IAD"]}
            for name in ("us-east-1", "us-west-2", "eu-west-1")
        ],
        "azure": [{"name": "eastus", "upper_tier_colos": []}],
        "gcp": [{"name": name, "upper_tier_colos": ["AMS"]} for name in ("us-central1", "europe-west1")],
        "oci": [{"name": "us-ashburn-1", "upper_tier_colos": ["IAD"]}],
    }
    body = build_response({"obtained_codes": True, "vendors": vendors})
    return {"kind": "malformed", "body": body, "operation": LIST_REGIONS, "times": times}


def list_operations(simulator: RunningSimulator) -> list[str]:
    """Return the operations since the reset of the simulator, in order."""
    return [entry["operation"] for entry in simulator.stats()["log"]]


def check_files_agree(report: Report) -> None:
    """Check that the JSON, the CSV and the page have the same data."""
    data, rows = report.data, report.rows
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
        matches = {
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
            "audit_places": " ".join(f"{match['vendor']}/{match['region']}" for match in matches),
            "audit_prefix": matches[0]["prefix"] if matches else "",
            "audit_source": " ".join(match["source"] for match in matches),
        }
    tiles = [get_text(tile) for tile in report.page.findall(".//ul")[0]]
    assert tiles[0] == f"{data['total']} hints"
    assert tiles[1:] == [f"{data['audit']['counts'][name]} {name}" for name in ("right", "wrong", "ambiguous")] + [
        f"{len(unsupported)} no longer supported",
        f"{data['audit']['counts']['unknown']} unknown",
    ]
    addresses = []
    for cells in report.read_section("origins"):
        if len(cells) == 1:
            region_title = cells[0]
            colos = re.search("upper tier: (.*)$", region_title)
            continue
        address, changed, state = cells
        (row,) = (row for row in rows if row["origin_ip"] == address)
        assert region_title.startswith(f"{row['vendor']} {row['region']} ")
        assert colos and colos[1] == (row["upper_tier_colos"].replace(" ", ", ") or "not listed")
        assert changed == (row["modified_on"].replace("T", " ").replace("Z", "") or "not given")
        assert state == row["audit"] + (" no longer supported" if row["supported"] == "no" else "")
        addresses.append(address)
    assert addresses == [row["origin_ip"] for row in rows]
    wrong_rows = [[hint["origin_ip"], f"{hint['vendor']} {hint['region']}"] for hint in data["audit"]["wrong"]]
    assert not wrong_rows or [cells[:2] for cells in report.read_section("wrong")] == wrong_rows
    totals = [cells for cells in report.read_section("totals") if len(cells) == 3]
    assert sorted((cells[0], int(cells[2].split()[0])) for cells in totals) == sorted(
        (vendor_region.partition("/")[2], count) for vendor_region, count in data["places"].items()
    )


def test_reports_send_the_expected_requests(reports: Reports) -> None:
    """The name of a zone is read once, and not where the name is given."""
    enabled = [*GET_SETTINGS, LIST_REGIONS, LIST_MAPPINGS]
    assert reports.operations == [
        *(*enabled, GET_NAME),
        *(*enabled, GET_NAME),
        *(*GET_SETTINGS, GET_REGIONAL, LIST_REGIONS, LIST_MAPPINGS),
        *enabled,
        *GET_SETTINGS,
        LIST_REGIONS,
        *([LIST_MAPPINGS] * 4),  # 350 hints
        GET_NAME,
        *("zones-list", *GET_SETTINGS, GET_REGIONAL, LIST_MAPPINGS),
        *(*GET_SETTINGS, LIST_MAPPINGS, GET_NAME),
    ]


def test_files_have_the_same_data(reports: Reports) -> None:
    report = reports.read("drifted")
    check_files_agree(report)
    audit = report.data["audit"]
    assert audit["counts"] == {"right": 6, "wrong": 1, "ambiguous": 1, "unknown": 1}
    assert {
        hint["origin_ip"]: state for state in ("wrong", "ambiguous", "unknown") for hint in audit[state]
    } == EXPECTED_STATES
    assert [hint["origin_ip"] for hint in report.data["unsupported"]] == ["203.0.113.200"]
    assert report.read_section("wrong") == [["192.0.2.10", "aws us-west-2", "aws us-east-1192.0.2.0/25 in aws.json"]]
    # The page and the console begin with the verdict.
    assert get_text(report.page.find(".//title")) == f"example.com: {DRIFTED_VERDICT}"
    assert get_text(report.page.find(".//h1")) == f"Cloud region hints of example.com: {DRIFTED_VERDICT}"
    assert [get_text(banner) for banner in report.find_banners()] == report.data["warnings"]
    lines = report.read_console()
    assert lines[:3] == [DRIFTED_VERDICT, *report.data["warnings"]]
    assert lines[-4:] == [
        "Wrong: 192.0.2.10 aws/us-west-2, expected aws/us-east-1 (192.0.2.0/25)",
        "Ambiguous: 198.51.100.200 aws/us-east-1, in aws/us-east-1 and azure/eastus (198.51.100.192/26)",
        "Unknown: 203.0.113.200 gcp/asia-east1, in no range",
        "No longer supported: 203.0.113.200 gcp/asia-east1",
    ]
    text = get_text(report.page)
    headings = [
        "Wrong: 1",
        "Ambiguous: 1",
        "No longer supported: 1",
        "Unknown: 1",
        "By vendor and region",
        "All origins",
    ]
    assert sorted(headings, key=text.index) == headings


def test_hints_are_sorted_by_numeric_address(reports: Reports) -> None:
    addresses = [row["origin_ip"] for row in reports.read("off").rows if row["region"] == "us-east-1"]
    assert addresses == [hint["origin_ip"] for hint in reversed(UNSORTED_HINTS)]


def test_report_without_an_audit(reports: Reports) -> None:
    report = reports.read("unaudited")
    assert report.data["audit"] is None
    assert {row["audit"] for row in report.rows} == {""}
    assert "Not compared with the ranges" in report.read_console()
    text = get_text(report.page)
    assert "not compared, since cloud_region_hints_audit is false" in text
    assert "Wrong" not in text and "Result" not in text
    assert "No longer supported: 1" in text
    assert len(report.read_section("origins")) == len(report.rows) + len(report.data["places"])


def test_regional_tiered_cache(reports: Reports) -> None:
    for name, value, text in (("unaudited", True, "on"), ("off", None, "not in the plan")):
        report = reports.read(name)
        assert report.data["tiered_cache"]["regional"] is value
        assert f"Regional Tiered Cache: {text}" in report.read_console()
        assert f"Regional Tiered Cache{text} Compared" in get_text(report.page.find(".//dl"))
    report = reports.read("drifted")
    assert set(report.data["tiered_cache"]) == {"state", "smart"}
    assert not any("Regional" in line for line in report.read_console())


def test_report_with_tiered_cache_off(reports: Reports) -> None:
    report = reports.read("off")
    assert report.data["audit"]["counts"] == {"right": 0, "wrong": 1, "ambiguous": 0, "unknown": len(UNSORTED_HINTS)}
    assert (report.data["zone"], report.data["upper_tier_colos"], report.data["unsupported"]) == (
        "off.example.com",
        {},
        [],
    )
    text = get_text(report.page)
    assert (
        "Cloudflare does not use the hints, because Tiered Cache and Smart Tiered Cache are off. Enable both." in text
    )
    assert "no longer supported" not in text
    verdict = "1 hint is wrong and Tiered Cache is off"
    assert get_text(report.page.find(".//h1")) == f"Cloud region hints of off.example.com: {verdict}"
    assert get_text(report.page.find(".//title")) == f"off.example.com: {verdict}"
    assert {(row["supported"], row["upper_tier_colos"]) for row in report.rows} == {("", "")}
    assert report.read_section("origins")[-2] == ["aws us-west-2 1 origin, upper tier: not listed"]
    # The file is in the working directory of the user.
    assert {row["audit_source"] for row in report.rows} == {"", str(reports.folder / "ranges.json")}


def test_report_of_a_zone_without_hints(reports: Reports) -> None:
    data = json.loads((reports.folder / "empty.json").read_text())
    assert (data["total"], data["origin_cloud_regions"], data["vendors"]) == (0, [], {})
    assert set(data["audit"]["counts"].values()) == {0}
    # The report replaces the page of another zone.
    assert is_changed(reports.outputs["empty"])
    page = parse_page((reports.folder / "empty.HTML").read_text())
    assert "Enable both." in get_text(page)
    assert "no longer supported" not in get_text(page)


def is_changed(output: str) -> bool:
    """Return whether a report has changed at least one of its files."""
    results = output.partition("TASK [Write the report]")[2].partition("\n\n")[0]
    return "\nchanged: " in results


def test_corrections_are_on_the_page_and_in_a_file(reports: Reports) -> None:
    report = reports.read("drifted")
    mappings = [{"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-east-1"}]
    assert report.data["corrections"] == mappings
    assert yaml.safe_load(report.corrections) == {
        "cloud_region_hints_zone_id": report.data["zone_id"],
        "cloud_region_hints_zone": "",
        "cloud_region_hints_purge": False,
        "cloud_region_hints_mappings": mappings,
    }
    (block,) = report.page.iter("pre")
    assert block.text == report.corrections
    off = reports.read("off")
    assert yaml.safe_load(off.corrections)["cloud_region_hints_mappings"] == mappings
    assert yaml.safe_load(reports.read("unaudited").corrections)["cloud_region_hints_mappings"] == []
    assert not list(reports.read("unaudited").page.iter("pre"))


def test_corrections_can_be_applied(forked_ansible: ForkedAnsible) -> None:
    """The playbook apply and the module accept the file. It overrides the zone and the purge that the inventory sets."""
    ansible, simulator = forked_ansible, forked_ansible.simulator
    zone = {"id": simulator.zone_id, "name": "example.com", "tiered_cache": "on", "smart_tiered_cache": "on"}
    simulator.reset({"zones": [{**zone, "mappings": [*simulator.mappings(), WRONG_HINT]}]})
    assert "1 hint is wrong" in run_report(ansible, True, sources=SOURCES, report_path="corrections.yml")
    inventory = ansible.folder / "inventory"
    conflicting_variables = "[all:vars]\ncloud_region_hints_zone=example.net\ncloud_region_hints_purge=true\n"
    inventory.write_text(inventory.read_text() + conflicting_variables)
    applied = ansible.run("edgecache.cloudflare.apply", "-e", "@corrections.yml")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "192.0.2.10: aws/us-west-2 -> aws/us-east-1" in applied.stdout
    options = {
        "zone_id": "{{ cloud_region_hints_zone_id }}",
        "mappings": "{{ cloud_region_hints_mappings }}",
    }
    applied = ansible.play([{"edgecache.cloudflare.origin_cloud_regions": options}], vars_files=["corrections.yml"])
    assert applied.returncode == 0 and "changed=0" in applied.stdout, applied.stdout + applied.stderr
    output = run_report(
        ansible, True, zone="", zone_id=simulator.zone_id, sources=SOURCES, report_path="corrections.yaml"
    )
    assert "All 7 hints match the ranges" in output
    corrections = yaml.safe_load((ansible.folder / "corrections.yaml").read_text())
    assert corrections["cloud_region_hints_mappings"] == []


class TestOrigins:
    """A report with the origins of the zone."""

    ZONE_ID = "9a7806061c88ada191ed06f989cc3dac"
    MISSING_COUNT = 10

    @staticmethod
    def report(ansible: ForkedAnsible, succeeds: bool = True, **variables: t.Any) -> Report:
        """Write and parse the report of a zone."""
        defaults = {"zone": "", "sources": SOURCES, "report_origins": "true"}
        output = run_report(ansible, succeeds, report_path=build_paths("origins"), **{**defaults, **variables})
        return Reports(ansible.folder, {"origins": output}, []).read("origins")

    @pytest.fixture(scope="class")
    @classmethod
    def failed(
        cls, simulator: RunningSimulator, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
    ) -> dict[str, Report]:
        """The report of a zone without hints, and of the zone of the seed, by the id. Both fail after their files are written."""
        simulator.reset()
        return {
            zone_id: cls.report(
                ForkedAnsible(tmp_path_factory.mktemp("origins"), simulator, fork_server),
                succeeds=False,
                zone_id=zone_id,
                report_fail_on=["missing", "unused"],
            )
            for zone_id in (cls.ZONE_ID, simulator.zone_id)
        }

    @pytest.fixture(scope="class")
    @classmethod
    def hostile(
        cls, simulator: RunningSimulator, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
    ) -> Report:
        """A report with texts of the API that need escapes, without the list of origin rules, which cannot be read."""
        records = [
            {"id": str(number), "name": name, "type": "A", "content": f"192.0.2.{number}", "proxied": True}
            for number, name in enumerate([MARKUP, *FORMULAS], 60)
        ]
        records.append({"id": "x", "name": "cname", "type": "CNAME", "content": MARKUP, "proxied": True})
        simulator.reset()
        simulator.fault(
            {"kind": "malformed", "operation": "dns-records-list", "body": build_response(records)},
            {"kind": "status", "status": 403, "operation": "origin-rules-get"},
        )
        ansible = ForkedAnsible(tmp_path_factory.mktemp("hostile_origins"), simulator, fork_server)
        return cls.report(ansible, zone_id=simulator.zone_id)

    def test_zone_without_hints(self, failed: dict[str, Report]) -> None:
        report = failed[self.ZONE_ID]
        origins = report.data["origins"]
        assert report.data["verdict"].startswith("The zone has no hints, 10 origins lack a hint, ")
        assert report.data["verdict"].endswith(" and not all origins are known")
        assert "? unused" in [get_text(tile) for tile in report.page.findall(".//ul")[0]]
        assert origins["counts"] == {"missing": self.MISSING_COUNT, "unused": None}
        assert [item["value"] for item in origins["unknown"]] == ["example-net.storage.example"]
        rows = report.read_section("missing")
        assert ["192.0.2.31", "api.example.net", "aws us-east-1192.0.2.0/25 in aws.json"] in rows
        assert [cells[0] for cells in rows] == [origin["origin_ip"] for origin in origins["missing"]]
        assert [row["origin_ip"] for row in report.rows if row["origin"] == "missing"] == [cells[0] for cells in rows]
        (unknown,) = report.read_section("unknown-origins")
        assert unknown == [
            *(
                "example-net.storage.example",
                "assets.example.net",
                "the zone has no record for it, and it was not resolved",
            )
        ]
        console = report.read_console()
        assert "Compared with the origins of the zone: 10 missing, unused not known" in console
        assert "Missing: 192.0.2.31 aws/us-east-1 (192.0.2.0/25), used by api.example.net" in console
        assert (
            "Origins not known: example-net.storage.example (the zone has no record for it, and it was not resolved), used by assets.example.net"
            in console
        )

    def test_corrections_declare_missing_hints(self, failed: dict[str, Report], forked_ansible: ForkedAnsible) -> None:
        report = failed[self.ZONE_ID]
        (block,) = report.page.iter("pre")
        assert block.text == report.corrections and "declares the missing ones" in report.corrections
        run = forked_ansible.run("edgecache.cloudflare.apply", "-e", f"@{report.path.with_suffix('.yml')}")
        assert run.returncode == 0, run.stdout + run.stderr
        assert len(forked_ansible.simulator.zones()[self.ZONE_ID]["mappings"]) == self.MISSING_COUNT
        operations = len(list_operations(forked_ansible.simulator))
        report = self.report(forked_ansible, zone_id=self.ZONE_ID, report_fail_on="missing")
        assert report.data["origins"]["counts"]["missing"] == 0
        sent = [*GET_SETTINGS, LIST_REGIONS, LIST_MAPPINGS, GET_NAME, *GET_ORIGINS]
        assert sorted(list_operations(forked_ansible.simulator)[operations:]) == sorted(sent)

    def test_unused_hints(self, failed: dict[str, Report]) -> None:
        report = failed[RunningSimulator.zone_id]
        unused = report.data["origins"]["unused"]
        assert len(unused) == 5 and report.data["origins"]["complete"]
        assert "5 hints are unused" in report.data["verdict"]
        addresses = [hint["origin_ip"] for hint in unused]
        assert [cells[0] for cells in report.read_section("unused")] == addresses
        assert [row["origin_ip"] for row in report.rows if row["origin"] == "unused"] == addresses
        assert [line.split()[1] for line in report.read_console() if line.startswith("Unused: ")] == addresses

    @pytest.mark.parametrize(
        ("zone_id", "failure", "other"),
        [
            (ZONE_ID, "10 hints are missing and unused hints cannot be found", "unused"),
            (RunningSimulator.zone_id, "5 hints are unused", "missing"),
        ],
    )
    def test_fail_on(self, failed: dict[str, Report], zone_id: str, failure: str, other: str) -> None:
        message = failed[zone_id].output.partition("fatal: ")[2]
        assert f"{failure}, and cloud_region_hints_report_fail_on has missing, unused." in message
        assert f"are {other}" not in message

    def test_list_that_cannot_be_read(self, hostile: Report) -> None:
        assert hostile.data["origins"]["unused"] is None
        assert [cells[0] for cells in hostile.read_section("unknown-origins")] == ["www.example.com", "origin_rules"]

    def test_texts_of_the_api_are_escaped(self, hostile: Report) -> None:
        page = hostile.path.read_text()
        assert "<script" not in page and "<img" not in page and "{{ 7 * 7 }}" in page
        for row in hostile.rows:
            assert not any(value.lstrip()[:1] in "=+-@\uff1d" for value in row.values() if value.strip())
        assert "{{" not in hostile.corrections and "{%" not in hostile.corrections


def test_second_report_differs_only_in_the_time(reports: Reports) -> None:
    assert is_changed(reports.outputs["drifted"])
    assert not is_changed(reports.outputs["again"])
    before, after = ((reports.folder / f"{name}.html").read_text() for name in ("drifted", "again"))
    assert re.search(TIME_PATTERN, after) and OLD_TIME not in after
    assert re.sub(TIME_PATTERN, "", before) == re.sub(TIME_PATTERN, "", after)


def test_check_mode_writes_no_file(reports: Reports, forked_ansible: ForkedAnsible) -> None:
    """A page in which only the time differs does not count as changed."""
    zone_id = forked_ansible.simulator.empty_zone_id
    page = forked_ansible.folder / "page.html"
    page.write_text(
        re.sub(TIME_PATTERN, OLD_TIME, (reports.folder / "empty.HTML").read_text()).replace("d" * 32, zone_id)
    )
    page.write_text(page.read_text().replace("empty.example.com", "example.net"))
    before = page.read_text()
    output = run_report(
        *(forked_ansible, True, "--check"),
        sources=SOURCES,
        report_path=["page.html", "page.csv"],
        zone_id=zone_id,
    )
    (results,) = re.findall(r"TASK \[Write the report\] \*+\n(.*?)\n\n", output, re.DOTALL)
    assert [line.split(":")[0] for line in results.splitlines()] == ["ok", "changed"]
    assert page.read_text() == before
    assert not (forked_ansible.folder / "page.csv").exists()


def run_report(
    ansible: Ansible, succeeds: bool, *arguments: str, environment: dict[str, str] | None = None, **variables: t.Any
) -> str:
    """Run the playbook report with variables, named without the prefix ``cloud_region_hints_``. Return its output."""
    extra_vars = json.dumps({f"cloud_region_hints_{name}": value for name, value in variables.items()})
    run = ansible.run("edgecache.cloudflare.report", "-e", extra_vars, *arguments, environment=environment)
    assert (run.returncode == 0) == succeeds, run.stdout + run.stderr
    assert "WARNING" not in run.stderr
    return run.stdout


def test_invalid_variables_fail_before_any_request(ansible: Ansible) -> None:
    invalid = {"report_path": "report.txt", "sources": {"aws": "a"}, "audit": "perhaps"}
    output = " ".join(run_report(ansible, False, **invalid).replace('\\"', '"').split())
    for message in (
        "cloud_region_hints_report_path (File of the report in the survey of AWX): 'report.txt' is not a file whose name",
        "ends in .html, .json, .csv, .yml or .yaml. Set it to one, or to a list of them.",
        "cloud_region_hints_sources: {'aws': 'a'} is not a path or a URL. Set it to one, or to a list of them.",
        "cloud_region_hints_audit: 'perhaps' is not a boolean. Set it to true or false.",
    ):
        assert message in output
    assert list_operations(ansible.simulator) == []


# The expressions of the playbook, with values of all types that a survey or a user may set


@pytest.fixture(scope="module")
def expressions() -> PlayExpressions:
    tasks = ROOT / "playbooks/tasks"
    return PlayExpressions(ROOT / "playbooks/report.yml", tasks / "report_read.yml", tasks / "report_zone.yml")


@pytest.mark.parametrize(
    ("value", "is_audited"),
    [*((text, True) for text in ("y", " True ", "", None, True, 1)), *((text, False) for text in ("no", False, 0))],
)
def test_audit_is_parsed_as_a_boolean(expressions: PlayExpressions, value: t.Any, is_audited: bool) -> None:
    variables = expressions.variable("__cloud_region_hints_variables", {"cloud_region_hints_audit": value})
    assert variables["audit"] == is_audited


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((blank, []) for blank in ("", " ", None, [])),
        (" /a b.HTML ", ["/a b.HTML"]),
        ("[/1.csv, 1.json, /1.csv, ./1.csv]", ["/1.csv", "HERE/1.json", "HERE/./1.csv"]),
        ("- /2.csv\n- ~/2.json\n", ["/2.csv", "~/2.json"]),
        (["/3.csv", "3.csv"], ["/3.csv", "HERE/3.csv"]),
    ],
    ids=str,
)
def test_report_path_is_parsed_as_paths(
    expressions: PlayExpressions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: t.Any, expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = expressions.task("Write the files")["vars"]["__cloud_region_hints_files"]
    paths = expressions.evaluate(files, {"cloud_region_hints_report_path": value})
    assert paths == [path.replace("HERE", str(tmp_path)) for path in expected]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((blank, "omitted") for blank in ("", " ", None, [])),
        ("https://example.com/aws.json", ["https://example.com/aws.json"]),
        ("[/aws.json, oci.json]", ["/aws.json", "HERE/oci.json"]),
        ("\n- /aws.json\n- HTTP://example.com/\n", ["/aws.json", "HTTP://example.com/"]),
        (["aws.json"], ["HERE/aws.json"]),
    ],
    ids=str,
)
def test_sources_are_parsed_as_paths_and_urls(
    expressions: PlayExpressions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: t.Any, expected: t.Any
) -> None:
    monkeypatch.chdir(tmp_path)
    task = expressions.task("Compare all hints with the address ranges")
    sources = task["edgecache.cloudflare.origin_cloud_region_audit_info"]["sources"]
    evaluated = expressions.evaluate(sources, {"cloud_region_hints_sources": value, "omit": "omitted"})
    assert evaluated == (
        expected if isinstance(expected, str) else [path.replace("HERE", str(tmp_path)) for path in expected]
    )


def test_default_sources_are_urls_of_the_vendors(
    fresh_simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an invalid proxy, the module cannot download the ranges, and the error names the first URL."""
    monkeypatch.setenv("HTTPS_PROXY", "nowhere://127.0.0.1")
    simulator = fresh_simulator
    credential = {"api_token": simulator.token, "zone_id": simulator.zone_id, "api_url": simulator.url}
    result = run_module("origin_cloud_region_audit_info", **credential)
    assert "https://ip-ranges.amazonaws.com/ip-ranges.json" in result["msg"]


@pytest.mark.parametrize(
    ("values", "message"),
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
def test_error_of_an_invalid_variable(expressions: PlayExpressions, values: dict[str, t.Any], message: str) -> None:
    variables = {f"cloud_region_hints_{name}": value for name, value in values.items()}
    assert message in str(expressions.failure("Check the variables", variables))


# Texts of the API that could be markup, templates or formulas


def test_markup_is_escaped(reports: Reports) -> None:
    report = reports.read("hostile")
    page = report.path.read_text()
    assert "<script" not in page and "<img" not in page and "{{ 7 * 7 }}" in page
    elements = {element.tag for element in report.page.iter() if isinstance(element.tag, str)}
    assert elements.isdisjoint({"script", "img", "iframe", "link", "object", "svg", "base", "form"})
    names = {name for element in report.page.iter() for name in element.attrib}
    assert names == {
        *("aria-label", "aria-labelledby", "charset", "class", "colspan", "content", "datetime", "href", "http-equiv"),
        *("id", "lang", "name", "open", "scope", "style", "tabindex"),
    }
    assert {element.get("href")[0] for element in report.page.iter("a")} == {"#"}
    assert MARKUP in [hint["region"] for hint in report.data["origin_cloud_regions"]]
    assert MARKUP in [row["region"] for row in report.rows]
    assert get_text(report.page).count(" ".join(MARKUP.split())) >= 6


def test_corrections_contain_no_templates(reports: Reports, fresh_simulator: RunningSimulator, tmp_path: Path) -> None:
    """Ansible evaluates templates in variable files. The corrections have regions of the ranges only, which must be valid names."""
    corrections = reports.read("hostile").corrections
    assert yaml.safe_load(corrections)["cloud_region_hints_mappings"]
    assert "{{" not in corrections and "{%" not in corrections
    ranges = json.loads((RANGES_FOLDER / "aws.json").read_text())
    ranges["prefixes"][0]["region"] = "{{ 7 * 7 }}"
    (tmp_path / "aws.json").write_text(json.dumps(ranges))
    simulator = fresh_simulator
    credential = {"api_token": simulator.token, "zone_id": simulator.zone_id, "api_url": simulator.url}
    result = run_module("origin_cloud_region_audit_info", sources=[str(tmp_path / "aws.json")], **credential)
    assert "not a valid region: '{{ 7 * 7 }}'" in result["msg"]


def test_formulas_are_escaped(reports: Reports) -> None:
    report = reports.read("hostile")
    cells = {row["region"] for row in report.rows}
    escaped = {text if text[0] == "a" else "'" + text for text in FORMULAS}
    assert cells == {"plain", MARKUP, *escaped}
    for row in report.rows:
        assert not any(value.lstrip()[:1] in "=+-@\uff1d" for value in row.values() if value.strip())
    # A line break in a text does not start a row.
    assert len(report.rows) == 3 * (len(FORMULAS) + 1) == report.data["total"]


def test_files_of_a_large_zone(reports: Reports) -> None:
    check_size(reports, "large", MAX_HINTS // 10)


@pytest.mark.slow
def test_files_of_a_full_zone(fresh_simulator: RunningSimulator, fork_server: ForkServer, tmp_path: Path) -> None:
    """The zone has the maximum number of hints, which makes this test slow."""
    seed = {
        "id": "b" * 32,
        "name": "full.example.com",
        "tiered_cache": "on",
        "smart_tiered_cache": "on",
        "fill": MAX_HINTS,
    }
    fresh_simulator.reset({"zones": [seed]})
    ansible = ForkedAnsible(tmp_path, fresh_simulator, fork_server)
    output = run_report(ansible, True, sources=SOURCES, report_path=build_paths("full"), zone_id="b" * 32)
    check_size(Reports(tmp_path, {"full": output}, []), "full", MAX_HINTS)
    assert list_operations(fresh_simulator) == [*GET_SETTINGS, LIST_REGIONS, *[LIST_MAPPINGS] * 35, GET_NAME]


def check_size(reports: Reports, name: str, hint_count: int) -> None:
    """Check the number of rows and the size of the files. Most hints are wrong, so that the page is nearly as large as possible."""
    report = reports.read(name)
    assert len(report.rows) == hint_count
    assert report.data["audit"]["counts"]["wrong"] > 0.8 * hint_count
    sizes = {path.suffix: path.stat().st_size for path in reports.folder.glob(f"{name}.*")}
    for suffix in (".html", ".csv"):
        assert sizes[suffix] * MAX_HINTS / hint_count < 1_000_000, sizes
    assert sum(len(cells) == 3 for cells in report.read_section("origins")) == hint_count


def compute_luminance(color: str) -> float:
    """Return the relative luminance of an RGB color: see https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# PyPI has no browser, and contributors may lack the root permissions that Debian's package needs. CI installs the package.
# Without a browser, pytest skips these tests only, and the session "gaps" reports this.
def requires_browser(test: t.Any) -> t.Any:
    """Mark a test as slow, and skip the test if no browser is installed."""
    skipped = pytest.mark.skipif(not BROWSER, reason="NOT TESTED: the page in a browser, since no browser is installed")
    return pytest.mark.slow(skipped(test))


# JavaScript: the words of region names that a line break divides. Line breaks are allowed after hyphens only.
BROKEN_WORDS = """
[...document.querySelectorAll("td > b, th > a, dt > b")].flatMap(e => [...e.textContent.matchAll(/[^-]+-?/g)].filter(word => {
  const range = document.createRange();
  range.setStart(e.firstChild, word.index);
  range.setEnd(e.firstChild, word.index + word[0].length);
  return range.getClientRects().length > 1;
}).map(word => word[0]))
"""
# JavaScript: the elements that extend beyond the right edge of the page
CUT_OFF_ELEMENTS = """
[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 80))
"""
# JavaScript: each element with text, the color of the text, and the background color
COLORS = """
[...document.querySelectorAll("body *")].filter(e => [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())).map(e => {
  let box = e;
  while (box.parentElement && getComputedStyle(box).backgroundColor == "rgba(0, 0, 0, 0)") box = box.parentElement;
  return [e.outerHTML.slice(0, 80), getComputedStyle(e).color, getComputedStyle(box).backgroundColor];
})
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


@requires_browser
def test_page_is_readable_in_light_dark_and_print(reports: Reports, browser: Browser) -> None:
    page = reports.folder / "drifted.html"

    def load_page(**options: t.Any) -> LoadedPage:
        """Load the page, and check its requests, its messages, and the contrast of each text."""
        loaded = browser.load(
            page, "document.documentElement.scrollWidth", "document.body.innerText", COLORS, **options
        )
        assert (loaded.requests, loaded.messages) == ([page.as_uri()], [])
        for element, color, background in loaded.values[2]:
            lighter, darker = sorted((compute_luminance(color), compute_luminance(background)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (element, color, background)
        return loaded

    light = load_page(width=360)
    assert light.values[0] == 360
    for text in (
        "Wrong: 1",
        "Ambiguous: 1",
        "No longer supported: 1",
        "Unknown: 1",
        "192.0.2.10",
        "192.0.2.0/25 in aws.json",
    ):
        assert text in light.values[1]
    assert max(compute_luminance(background) for dummy, dummy, background in light.values[2]) == 1
    dark = load_page(scheme="dark")
    assert dark.values[0] <= 1280
    assert max(compute_luminance(background) for dummy, dummy, background in dark.values[2]) < 0.1
    printed = load_page(scheme="dark", media="print")
    assert {color for dummy, color, dummy in printed.values[2]} == {"rgb(0, 0, 0)", "rgb(68, 68, 68)"}


@requires_browser
@pytest.mark.parametrize("width", [360, 390])
def test_long_regions_fit_on_a_phone(reports: Reports, browser: Browser, tmp_path: Path, width: int) -> None:
    page = tmp_path / "page.html"
    long_names = (reports.folder / "drifted.html").read_text().replace("us-west-2", "australiasoutheast")
    page.write_text(long_names.replace("asia-east1", "northamerica-northeast1").replace("eastus", "germanywestcentral"))
    loaded = browser.load(page, BROKEN_WORDS, CUT_OFF_ELEMENTS, "document.documentElement.scrollWidth", width=width)
    assert loaded.values == [[], [], width]


@requires_browser
def test_markup_has_no_effect_in_a_browser(reports: Reports, browser: Browser) -> None:
    page = reports.folder / "hostile.html"
    loaded = browser.load(page, "[document.title, document.scripts.length, document.images.length]", width=360)
    assert (loaded.requests, loaded.messages) == ([page.as_uri()], [])
    assert loaded.values == [[f"hostile.example.com: {reports.read('hostile').data['verdict']}", 0, 0]]
