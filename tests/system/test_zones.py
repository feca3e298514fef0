# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks report and apply for many zones, each of which is a host of the play."""

from __future__ import annotations

import csv
import http.server
import io
import json
import re
import threading
import typing as t
from collections import Counter
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.edgecache.cloudflare.playbooks.filter_plugins.zones import FilterModule

from tests.simulator.testing import RunningSimulator
from tests.system.browser import running_browser
from tests.system.playbooks import ROOT, ForkedAnsible, ForkServer
from tests.system.test_report import CUT_OFF_ELEMENTS, get_text, parse_page, requires_browser

AWS = str(ROOT / "tests/integration/targets/setup_cloud_ranges/files/aws.json")
RIGHT = {"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-east-1"}
WRONG = {"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-west-2"}
TOKEN = "token-of-some-zones"
DRIFTED, FORBIDDEN, OFF, UNNAMED = 2, 3, 4, 5
"""The numbers of the zone with a wrong hint, of the one that the token may not read, of the one without Tiered Cache, and of the one
whose name the inventory lacks."""


def zone_id(number: int) -> str:
    return f"{number:032x}"


def zone_name(number: int) -> str:
    return f"z{number:02}.example.com"


def create_zone(number: int, **keys: t.Any) -> dict[str, t.Any]:
    on = {"tiered_cache": "on", "smart_tiered_cache": "on"}
    return {"id": zone_id(number), "name": zone_name(number), **on, "mappings": [RIGHT], **keys}


def write_inventory(ansible: ForkedAnsible, hosts: dict[str, dict[str, t.Any]], **groups: t.Any) -> None:
    """Write an inventory with the group ``zones`` and other groups. No host can be connected to."""
    nowhere = {"ansible_connection": "ssh", "ansible_host": "192.0.2.254"}
    zones = {"hosts": hosts, "vars": nowhere}
    (ansible.folder / "zones.yml").write_text(yaml.safe_dump({"zones": zones, **groups}))


def run(ansible: ForkedAnsible, playbook: str, *arguments: str, code: int = 0, **variables: t.Any) -> str:
    extra = {f"cloud_region_hints_{name}": value for name, value in variables.items()}
    done = ansible.run(
        f"edgecache.cloudflare.{playbook}",
        *("-i", "zones.yml", "-e", json.dumps(extra), *arguments),
        environment={"ANSIBLE_SHOW_CUSTOM_STATS": "true", "CLOUDFLARE_API_TOKEN": TOKEN},
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return done.stdout


def lines_of(output: str, task: str) -> list[str]:
    """Return the lines that a debug task shows."""
    message = output.partition(f"TASK [{task}]")[2].partition("=> ")[2].partition("\n}")[0]
    lines: list[str] = json.loads(f"{message}}}")["msg"]
    return lines


def recap_of(output: str) -> dict[str, str]:
    """Return the counts of each host, such as ``ok=9 … failed=1 …``."""
    recap = output.partition("PLAY RECAP")[2].partition("CUSTOM STATS")[0]
    return dict(re.findall(r"^(\S+) +: (.*?) *$", recap, re.MULTILINE))


def stats_of(output: str) -> t.Any:
    return json.loads("{" + output.partition("CUSTOM STATS")[2].partition("{")[2])


class Reported(t.NamedTuple):
    """A report of many zones."""

    count: int
    folder: Path
    output: str
    operations: list[tuple[str, str]]
    """Each request, with the id of its zone."""

    def index(self) -> t.Any:
        return json.loads((self.folder / "index.json").read_text())


@pytest.fixture(scope="module", params=[6, pytest.param(30, marks=pytest.mark.slow)])
def reported(
    request: pytest.FixtureRequest,
    simulator: RunningSimulator,
    fork_server: ForkServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Reported:
    count: int = request.param
    special = {DRIFTED: {"mappings": [RIGHT, WRONG]}, OFF: {"tiered_cache": "off", "smart_tiered_cache": "off"}}
    zones = [create_zone(number, **special.get(number, {})) for number in range(1, count + 1)]
    allowed = [zone["id"] for zone in zones if zone["id"] != zone_id(FORBIDDEN)]
    simulator.reset({"zones": zones, "tokens": [{"token": TOKEN, "zones": allowed}]})
    ansible = ForkedAnsible(tmp_path_factory.mktemp("zones"), simulator, fork_server)
    hosts = {zone["name"]: {"zone_id": zone["id"], "zone": zone["name"]} for zone in zones}
    del hosts[zone_name(UNNAMED)]["zone"]
    write_inventory(ansible, hosts)
    (ansible.folder / "reports").mkdir()
    output = run(
        *(ansible, "report", "--forks", "10"),
        code=2,
        zone_hosts="zones",
        report_path="reports",
        sources=AWS,
        report_fail_on="wrong",
        zone="",
        zone_id="",
        audit="true",  # as a survey gives them
    )
    requests = [(entry["operation"], entry["path"].split("/zones/")[1][:32]) for entry in simulator.stats()["log"]]
    return Reported(count, ansible.folder / "reports", output, requests)


def test_drift_fails_its_host_and_the_job(reported: Reported) -> None:
    recap = recap_of(reported.output)
    assert len(recap) == reported.count
    failed = {host for host, counts in recap.items() if "failed=0" not in counts}
    assert failed == {zone_name(DRIFTED), zone_name(FORBIDDEN)}
    assert all("changed=1 " in counts for host, counts in recap.items() if host not in (zone_name(1), *failed))
    assert f"fatal: [{zone_name(DRIFTED)}]" in reported.output
    assert f"{zone_name(DRIFTED)}: 1 hint is wrong, and cloud_region_hints_report_fail_on has wrong." in reported.output


def test_console_begins_with_drift_and_failures(reported: Reported) -> None:
    verdict, drift, failure, *rest = lines_of(reported.output, "Show the report")
    assert verdict == f"1 of {reported.count} zones has drift and 1 failed"
    assert drift == f"{zone_name(DRIFTED)}: 1 hint is wrong"
    assert failure.startswith(f"{zone_name(FORBIDDEN)} failed: ") and "9109" in failure
    read = reported.count - 1
    assert rest == [
        f"{zone_name(OFF)}: The only hint matches the ranges and Tiered Cache is off",
        f"{reported.count} hints in {read} zones: {read} right, 1 wrong, 0 unsupported, 0 ambiguous, 0 unknown",
    ]


def test_workflow_gets_the_totals_and_the_zones_with_drift(reported: Reported) -> None:
    found = stats_of(reported.output)["cloud_region_hints_report"]
    assert found["totals"]["zones"] == reported.count and found["totals"]["wrong"] == 1
    assert [zone["zone"] for zone in found["drift"]] == [zone_name(DRIFTED)]
    assert [zone["zone"] for zone in found["failed"]] == [zone_name(FORBIDDEN)]
    assert found["verdict"] == reported.index()["verdict"]
    assert "z01.example.com" not in json.dumps(found)


def test_requests_are_those_of_each_zone(reported: Reported) -> None:
    """One more for the zone without a name in the inventory, none but the first for the forbidden one."""
    count = Counter(zone for dummy, zone in reported.operations)
    expected = {zone_id(number): 4 for number in range(1, reported.count + 1)}
    expected.update({zone_id(FORBIDDEN): 1, zone_id(OFF): 3, zone_id(UNNAMED): 5})
    assert count == expected


def test_pages(reported: Reported) -> None:
    names = {zone_name(number) for number in range(1, reported.count + 1)} - {zone_name(FORBIDDEN)}
    assert {path.name for path in reported.folder.iterdir()} == {
        *("index.html", "index.json", "index.csv"),
        *(f"{name}.html" for name in names),
    }
    index = parse_page((reported.folder / "index.html").read_text())
    links = [link.get("href") for link in index.iter("a") if not link.get("href").startswith("#")]
    assert set(links) == {*("index.json", "index.csv"), *(f"{name}.html" for name in names)}
    assert [get_text(heading) for heading in index.iter("h2")] == [
        *("Zones with drift: 1", "Zones that failed: 1", "Zones with a warning: 1"),
        f"Other zones: {reported.count - 3}",
    ]
    text = get_text(index)
    assert text.index(zone_name(DRIFTED)) < text.index(zone_name(FORBIDDEN)) < text.index(zone_name(OFF))
    assert text.index(zone_name(OFF)) < text.index(zone_name(1))
    page = parse_page((reported.folder / f"{zone_name(UNNAMED)}.html").read_text())
    assert get_text(page.find(".//title")).startswith(f"{zone_name(UNNAMED)}: ")
    assert "index.html" in [link.get("href") for link in page.iter("a")]


def test_data_of_all_zones(reported: Reported) -> None:
    index = reported.index()
    (drifted,) = (zone for zone in index["zones"] if zone["state"] == "drift")
    assert drifted["corrections"] == [{"origin_ip": "192.0.2.10", "vendor": "aws", "region": "us-east-1"}]
    rows = list(csv.DictReader(io.StringIO((reported.folder / "index.csv").read_text())))
    assert [row["zone"] for row in rows] == [zone["zone"] for zone in index["zones"]]
    assert (rows[0]["state"], rows[0]["wrong"], rows[0]["right"]) == ("drift", "1", "1")
    assert (rows[1]["state"], rows[1]["wrong"], rows[1]["page"]) == ("failed", "", "")


def render_index(count: int) -> str:
    """Return the index page of so many zones, of all states, with long names."""
    filters = FilterModule().filters()
    hosts = {}
    for number in range(count):
        name = f"shop-{number}.{'long-' * (number % 7)}name.example.com"
        drift, warnings = 12 if number % 9 == 1 else 0, ["Off."] if number % 9 == 2 else []
        counts = {"right": 300 - drift, "wrong": drift, "ambiguous": 0, "unknown": 0}
        verdict = (
            f"{drift} hints are wrong"
            if drift
            else "Tiered Cache is off"
            if warnings
            else "All 300 hints match the ranges"
        )
        report = {
            "zone_id": zone_id(number),
            "zone": name,
            "verdict": verdict,
            "warnings": warnings,
            "tiered_cache": {},
            "total": 300,
            "audit": {"counts": counts},
            "unsupported": [],
            "corrections": [],
            "origins": None,
        }
        summary = filters["cloud_region_hints_summary"](report, [], name)
        if number % 9 == 3:
            result = {"msg": f"HTTP 403: <b>no access</b> to {zone_id(number)} {{{{ 7 * 7 }}}}"}
            summary = filters["cloud_region_hints_zone_failure"](
                result, {"zone_id": zone_id(number), "name": name}, name
            )
        hosts[name] = {"__cloud_region_hints_summary": summary}
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ROOT / "playbooks/templates"), trim_blocks=True)
    return environment.get_template("index.html.j2").render(
        __cloud_region_hints_index=filters["cloud_region_hints_index"](hosts, list(hosts)),
        __cloud_region_hints_created_at="2026-01-01T00:00:00Z",
    )


def test_index_of_500_zones() -> None:
    page = render_index(500)
    assert len(page) < 200_000
    index = parse_page(page)
    assert get_text(index.find(".//title")) == "Cloud region hints: 56 of 500 zones have drift and 56 failed"
    headings = [get_text(heading) for heading in index.iter("h2")]
    assert headings == ["Zones with drift: 56", "Zones that failed: 56", "Zones with a warning: 56", "Other zones: 332"]
    assert len(index.findall(".//tbody/tr")) == 500
    assert "<b>no access" not in page and "{{ 7 * 7 }}" in page


@requires_browser
@pytest.mark.parametrize("width", [360, 390, 1280])
def test_index_is_readable_in_a_browser(tmp_path: Path, width: int) -> None:
    page = tmp_path / "index.html"
    page.write_text(render_index(50))
    with running_browser(tmp_path) as browser:
        loaded = browser.load(page, CUT_OFF_ELEMENTS, "document.documentElement.scrollWidth <= innerWidth", width=width)
    assert (loaded.requests, loaded.messages, loaded.values) == ([page.as_uri()], [], [[], True])


@pytest.fixture
def ansible(forked_ansible: ForkedAnsible) -> ForkedAnsible:
    return forked_ansible


def reset(ansible: ForkedAnsible, *zones: dict[str, t.Any]) -> None:
    ansible.simulator.reset({"zones": list(zones), "tokens": [{"token": TOKEN}]})


def mappings_of(ansible: ForkedAnsible) -> dict[str, list[str]]:
    """Return the addresses of each zone, with their regions."""
    return {
        zone: [f"{mapping['origin_ip']} {mapping['region']}" for mapping in content["mappings"]]
        for zone, content in ansible.simulator.zones().items()
    }


def test_apply_each_zone_its_own_policy(ansible: ForkedAnsible) -> None:
    """Of the mappings of the zone, or of a group of hosts that are not in the play; with and without purge, by id and by name."""
    reset(ansible, *(create_zone(number, mappings=[WRONG]) for number in (1, 2, 3, 4)))
    origins = {
        "hosts": {"web1": {"ansible_host": "192.0.2.2"}, "web2": {"place": "us-west-2"}},
        "vars": {"cloud_region_hints_region": "{{ place | default('us-east-1') }}"},
    }
    origins["hosts"]["web2"]["cloud_region_hints_origin_ip"] = "192.0.2.3"
    hosts = {
        "z01.example.com": {
            "zone_id": zone_id(1),
            "cloud_region_hints_mappings": [RIGHT],
            "cloud_region_hints_purge": True,
        },
        "z02": {"cloud_region_hints_zone": "z02.example.com", "cloud_region_hints_mappings": [RIGHT]},
        "z03": {
            "cloud_region_hints_zone_id": zone_id(3),
            "cloud_region_hints_group": "cloud",
            "cloud_region_hints_vendor": "aws",
        },
        "z04": {"zone_id": zone_id(9), "cloud_region_hints_mappings": [RIGHT]},
    }
    write_inventory(ansible, hosts, cloud=origins)
    expected = {
        zone_id(1): ["192.0.2.1 us-east-1"],
        zone_id(2): ["192.0.2.10 us-west-2", "192.0.2.1 us-east-1"],
        zone_id(3): ["192.0.2.10 us-west-2", "192.0.2.2 us-east-1", "192.0.2.3 us-west-2"],
        zone_id(4): ["192.0.2.10 us-west-2"],
    }
    before = mappings_of(ansible)
    arguments = {"code": 2, "zone_hosts": "zones"}
    would = run(ansible, "apply", "--check", **arguments)
    assert mappings_of(ansible) == before
    did = run(ansible, "apply", **arguments)
    assert {zone: sorted(found) for zone, found in mappings_of(ansible).items()} == {
        zone: sorted(found) for zone, found in expected.items()
    }
    again = run(ansible, "apply", **arguments)
    for output in (would, did):
        lines = lines_of(output, "Show what was done in all zones")
        assert lines[0] == "3 of 4 zones changed, 1 failed"
        assert lines[1].startswith("z04 failed: ") and "z04" not in " ".join(lines[2:])
        assert stats_of(output)["cloud_region_hints"]["totals"]["created"] == 4
        assert [host for host, counts in recap_of(output).items() if "failed=1" in counts] == ["z04"]
    assert lines_of(again, "Show what was done in all zones")[0] == "0 of 4 zones changed, 1 failed"
    assert all("changed=0" in counts for counts in recap_of(again).values())


@pytest.mark.parametrize("playbook", ["report", "apply"])
def test_a_zone_in_two_hosts_is_refused(ansible: ForkedAnsible, playbook: str) -> None:
    write_inventory(ansible, {"z01": {"zone_id": zone_id(1)}, "z02": {"zone_id": zone_id(2)}})
    output = " ".join(run(ansible, playbook, code=2, zone_hosts="zones", zone="example.com").split())
    assert "cloud_region_hints_zone_hosts: z01 and z02 have the same zone example.com." in output
    assert ansible.simulator.stats()["log"] == []


@pytest.mark.parametrize("playbook", ["report", "apply"])
def test_list_of_hosts_and_blank_answer(ansible: ForkedAnsible, playbook: str) -> None:
    write_inventory(ansible, {f"z{number:02}": {"zone_id": zone_id(number)} for number in (1, 2, 3)})
    output = " ".join(run(ansible, playbook, code=2, zone_hosts=["z01", "z02"], zone="example.com").split())
    assert "z01 and z02 have the same zone example.com." in output
    for blank in (" ", [], False):
        output = run(ansible, playbook, code=2, zone_hosts=blank, zone="not a zone")
        assert f"tasks/{playbook}_zone.yml for localhost" in output
    assert ansible.simulator.stats()["log"] == []


@pytest.mark.parametrize("playbook", ["report", "apply"])
def test_pattern_without_a_host_fails(ansible: ForkedAnsible, playbook: str) -> None:
    """Ansible itself would skip the play, and the job would succeed."""
    write_inventory(ansible, {"z01": {"zone_id": zone_id(1)}})
    output = " ".join(run(ansible, playbook, code=2, zone_hosts="zones:!zones", zone="example.com").split())
    assert "cloud_region_hints_zone_hosts: no host of the inventory matches the pattern." in output
    assert ansible.simulator.stats()["log"] == []


@pytest.mark.parametrize("playbook", ["report", "apply"])
def test_host_without_a_zone(ansible: ForkedAnsible, playbook: str) -> None:
    """The zone of the environment is not that of a host."""
    reset(ansible, create_zone(1))
    write_inventory(ansible, {"z01": {"zone_id": zone_id(1)}, "web1": {}, "web2": {"zone_id": "{{ nowhere }}"}})
    output = run(
        ansible,
        playbook,
        "--limit",
        "zones",
        code=2,
        zone_hosts="zones",
        **({"audit": False} if playbook == "report" else {}),
    )
    assert (
        "web1 has no zone. Set zone_id, cloud_region_hints_zone_id or cloud_region_hints_zone for the host." in output
    )
    assert "failed=0" in recap_of(output)["z01"] and "failed=1" in recap_of(output)["web1"]
    assert "failed=1" in recap_of(output)["web2"] and "nowhere" in output


def test_reason_that_may_contain_a_credential_is_hidden(ansible: ForkedAnsible) -> None:
    """ansible-core before 2.19 repeats the mappings in the message. Newer ones name the variable."""
    mappings = [{"origin_ip": "{{ nowhere }}", "vendor": "aws", "region": "us-east-1"}]
    write_inventory(ansible, {"z01": {"zone_id": zone_id(1), "cloud_region_hints_mappings": mappings}})
    output = " ".join(run(ansible, "apply", "-v", code=2, zone_hosts="zones").split())
    assert "z01: A variable of the zone cannot be evaluated. The reason is hidden" in output
    assert "'nowhere' is undefined\"" not in output
    assert ansible.simulator.stats()["log"] == []


def test_wrong_answers_are_refused_before_any_request(ansible: ForkedAnsible) -> None:
    write_inventory(ansible, {"z01": {"zone_id": zone_id(1)}, "z02": {"zone_id": zone_id(2)}})
    wrong = {"report_path": "index.html", "report_fail_on": "lost"}
    output = " ".join(run(ansible, "report", code=2, zone_hosts="zones", **wrong).split())
    assert "'lost' is not a result that can fail the report. Set it to a list of wrong, unsupported" in output
    assert "'index.html' is not a folder. With cloud_region_hints_zone_hosts, set it to an existing" in output
    assert ansible.simulator.stats()["log"] == []


def test_one_zone_fails_for_drift_after_the_report_is_written(ansible: ForkedAnsible) -> None:
    reset(ansible, create_zone(1, mappings=[RIGHT, WRONG]))
    write_inventory(ansible, {})
    arguments = {"sources": AWS, "report_path": "report.json", "report_fail_on": "unsupported, wrong"}
    output = run(ansible, "report", code=2, zone_id=zone_id(1), **arguments)
    assert f"{zone_name(1)}: 1 hint is wrong, and cloud_region_hints_report_fail_on has unsupported, wrong." in output
    assert json.loads((ansible.folder / "report.json").read_text())["zone"] == zone_name(1)


def test_zone_that_the_token_may_not_read_has_no_name(ansible: ForkedAnsible) -> None:
    ansible.simulator.reset({"zones": [create_zone(1)], "tokens": [{"token": TOKEN, "list_zones": False}]})
    write_inventory(ansible, {})
    output = run(ansible, "report", zone_id=zone_id(1), audit=False, report_path="report.json")
    assert json.loads((ansible.folder / "report.json").read_text())["zone"] is None
    assert f"Zone {zone_id(1)}" in output


@pytest.fixture
def webhook() -> t.Iterator[tuple[str, list[t.Any]]]:
    """A server of the user: its URL, and what it receives."""
    received: list[t.Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", received
        server.shutdown()
        thread.join()


def test_documented_alert(ansible: ForkedAnsible, webhook: tuple[str, list[t.Any]]) -> None:
    """Without drift, the example runs with those of all other pages."""
    page = (ROOT / "docs/how-to/awx-alert.md").read_text()
    (block,) = (
        text for text in re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) if "webhook" in text
    )
    simulator = ansible.simulator
    simulator.reset({"zones": [create_zone(1, id=simulator.zone_id, mappings=[RIGHT, WRONG])]})
    url, received = webhook
    playbook = yaml.safe_load(block.replace("https://ip-ranges.amazonaws.com/ip-ranges.json", AWS))
    done = ansible.run(playbook, "-e", f"webhook_url={url}")
    assert done.returncode == 2 and "Fail if there is a warning" in done.stdout, done.stdout + done.stderr
    assert received == [
        {
            "text": "1 hint is wrong\nA wrong hint is worse than none: Cloudflare then picks a distant data center. "
            "Apply the corrected mapping."
        }
    ]
