# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of the role and the playbooks, as texts and as what they mean."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.edgecache.cloudflare.plugins.filter._parse_variables import FilterModule
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import TOKEN

BOOLEANS = (
    *("audit", "switch_on", "purge", "allow_empty", "discover", "resolve", "derive", "strict"),
    *("validate_regions", "validate_addresses", "report", "report_regional", "report_origins"),
)
MAPPING = {"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-east-1"}
BLANK = ("", " ", None, [])

parse_variables = FilterModule().filters()["_parse_variables"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the job."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse(name: str, value: t.Any) -> t.Any:
    parsed = parse_variables({name: value})
    assert parsed["problems"] == []
    return parsed[name]


def problem(name: str, value: t.Any, question: str = "") -> str:
    """The only message about a value, which is not in the result."""
    parsed = parse_variables({name: value}, {name: question} if question else {})
    assert parsed.keys() == {"problems"}
    (message,) = parsed["problems"]
    return str(message)


@pytest.mark.parametrize("name", BOOLEANS)
class TestBooleans:
    @pytest.mark.parametrize("value", ["y", " TRUE ", "true", "t", "1", "on", "yes", 1, 1.0, True])
    def test_true(self, name: str, value: t.Any) -> None:
        assert parse(name, value) is True

    @pytest.mark.parametrize("value", ["n", " no ", "FALSE", "f", "0", "off", 0, 0.0, False])
    def test_false(self, name: str, value: t.Any) -> None:
        assert parse(name, value) is False

    @pytest.mark.parametrize("value", ["perhaps", 2, ["true"], {}])
    def test_invalid(self, name: str, value: t.Any) -> None:
        assert problem(name, value) == (
            f"cloud_region_hints_{name}: {value!r} is not a boolean. Set it to true or false."
        )


def test_blank_booleans() -> None:
    """A blank answer enables the audit of the report playbook. For the role, which has its own defaults, it is an error."""
    assert parse("audit", "") is parse("audit", " ") is parse("audit", None) is True
    assert "None is not a boolean" in problem("purge", None) and "'' is not a boolean" in problem("purge", "")


def test_discover_needs_derive() -> None:
    (message,) = parse_variables({"discover": "true", "derive": "no"})["problems"]
    assert message.startswith("cloud_region_hints_discover: ") and "Set cloud_region_hints_derive to true" in message
    assert parse_variables({"discover": "true", "derive": "true"})["problems"] == []
    assert parse_variables({"discover": False, "derive": False})["problems"] == []


def test_texts() -> None:
    assert parse("zone", None) == "" and parse("zone", "example.com") == "example.com" and parse("group", 7) == "7"


class TestMappings:
    @pytest.mark.parametrize("value", BLANK)
    def test_none(self, value: t.Any) -> None:
        assert parse("mappings", value) == []

    @pytest.mark.parametrize(
        "value",
        [
            [MAPPING],
            (MAPPING,),
            "- {origin_ip: 192.0.2.1, vendor: aws, region: us-east-1}",
            "---\n# all\n- origin_ip: 192.0.2.1\n  vendor: aws\n  region: us-east-1\n",
            '[{"origin_ip": "192.0.2.1", "vendor": "aws", "region": "us-east-1"}]',
        ],
    )
    def test_list_and_text(self, value: t.Any) -> None:
        assert parse("mappings", value) == [MAPPING]

    def test_text_of_ansible(self) -> None:
        assert parse("mappings", type("Text", (str,), {"__str__": lambda self: self})("[{region: us-east-1}]")) == [
            {"region": "us-east-1"}
        ]

    def test_type_that_json_lacks(self) -> None:
        """Otherwise, Ansible before 2.19 converts the complete result to a string."""
        assert parse("mappings", "[{region: 2026-01-01, 1: 2}]") == [{"region": "2026-01-01", "1": 2}]

    @pytest.mark.parametrize("value", ["x", "[192.0.2.1]", ["192.0.2.1"], "{a: b}", 7, MAPPING])
    def test_invalid(self, value: t.Any) -> None:
        message = problem("mappings", value)
        assert message.startswith("cloud_region_hints_mappings: ")
        assert (
            "is neither a list of mappings nor a string with such a list in YAML. Give each mapping an origin_ip"
            in message
        )


@pytest.mark.parametrize("name", ["sources", "report_path"])
class TestPaths:
    @pytest.mark.parametrize("value", BLANK)
    def test_none(self, name: str, value: t.Any) -> None:
        assert parse(name, value) == []

    @pytest.mark.parametrize(
        ("value", "paths"),
        [
            (" /a b #1.JSON ", ["/a b #1.JSON"]),
            ("a: b.json", ["HERE/a: b.json"]),
            ('"/a b.json"', ["/a b.json"]),
            ("[/1.csv, 1.json, ./1.csv]", ["/1.csv", "HERE/1.json", "HERE/./1.csv"]),
            ("\n- /2.csv\n- ~/2.json\n", ["/2.csv", "~/2.json"]),
            ("---\n- /2.csv\n", ["/2.csv"]),
            ("# mine\n- /2.csv\n", ["/2.csv"]),
            (["/3.csv", "3.csv"], ["/3.csv", "HERE/3.csv"]),
            (("/4.csv", "4.csv"), ["/4.csv", "HERE/4.csv"]),
        ],
    )
    def test_text_and_list(self, folder: Path, name: str, value: t.Any, paths: list[str]) -> None:
        assert parse(name, value) == [path.replace("HERE", str(folder)) for path in paths]


def test_nested_sources(folder: Path) -> None:
    """The role has always accepted lists in the list, and items without a value."""
    assert parse("sources", [["/1.json"], None, ("2.json", ["/3.json"])]) == ["/1.json", f"{folder}/2.json", "/3.json"]


@pytest.mark.parametrize("url", ["https://example.com/aws.json", "HTTP://example.com/", "https:/mistyped", "s3://a/b"])
def test_urls_have_no_folder(url: str) -> None:
    assert parse("sources", url) == [url]


@pytest.mark.parametrize("value", ["{a: b}", {"a": "b"}, ["/aws.json", {"a": "b"}]])
def test_invalid_sources(value: t.Any) -> None:
    expected = "cloud_region_hints_sources: {'a': 'b'} is not a path or a URL. Set it to one, or to a list of them."
    assert problem("sources", value) == expected


def test_credential_among_sources_is_not_shown() -> None:
    assert TOKEN not in problem("sources", {"token": TOKEN})
    expected = "cloud_region_hints_sources: the value contains a credential, and is not shown. Use paths and URLs."
    assert problem("sources", ["/aws.json", f" {TOKEN} "]) == expected


@pytest.mark.parametrize("name", ["zone_id", "zone"])
def test_credential_as_the_zone_is_not_shown(name: str) -> None:
    """The policy of a host is a fact, which ``-v`` shows."""
    expected = "the value contains a credential, and is not shown. Use a zone id or a domain name."
    assert problem(name, TOKEN) == f"cloud_region_hints_{name}: {expected}"
    for value in ("0" * 32, "example.com", "a-mistyped-name", f"{TOKEN}.example.com"):
        assert parse(name, value) == value


def test_report_path_has_each_file_once() -> None:
    assert parse("report_path", "[/1.csv, /2.csv, /1.csv]") == ["/1.csv", "/2.csv"]


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("report.txt", "'report.txt'"),
        ("[a.html, report]", "'report'"),
        ("/tmp/.html", "'/tmp/.html'"),
        ("a.html\nb.html\n.txt", r"'a.html\nb.html\n.txt'"),
        ({"a.html": 1}, "{'a.html': 1}"),
        (["a.html", 3], "3"),
        (3, "3"),
    ],
)
def test_invalid_report_path(value: t.Any, quoted: str) -> None:
    assert problem("report_path", value) == (
        f"cloud_region_hints_report_path: {quoted} is not a file whose name ends in .html, .json, .csv, .yml or "
        ".yaml. Set it to one, or to a list of them."
    )


class TestFolderOfAReport:
    """The report is written at the end: an unusable path must fail before any request."""

    @pytest.fixture(autouse=True)
    def home(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(folder))

    @pytest.mark.parametrize(
        "path", ["missing/report.html", "~/missing/report.html", "/missing/report.yml", "file/report.csv"]
    )
    def test_missing(self, folder: Path, path: str) -> None:
        (folder / "file").touch()
        message = problem("report_path", ["report.html", path], "File of the report")
        assert message == (
            f"cloud_region_hints_report_path: {path!r} cannot be written, because its folder does not exist. "
            "Create the folder, or set another path."
        )

    def test_folder_instead_of_a_file(self, folder: Path) -> None:
        (folder / "report.html").mkdir()
        assert problem("report_path", "report.html", "File of the report") == (
            "cloud_region_hints_report_path (File of the report in the survey of AWX): 'report.html' cannot be written, "
            "because it is a folder. Set the path of a file."
        )

    def test_folder_that_only_another_user_can_see(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The play may become this user. A real folder does not do here, since root can see every folder."""

        def stat(path: str) -> t.NoReturn:
            raise PermissionError(path)

        monkeypatch.setattr("os.stat", stat)
        assert parse("report_path", "/private/report.html") == ["/private/report.html"]

    def test_existing_files_and_folders(self, folder: Path) -> None:
        (folder / "a.yaml").touch()
        assert parse("report_path", ["a.yaml", "~/b.YML"]) == [f"{folder}/a.yaml", "~/b.YML"]


class TestFoldersOfAReport:
    """The report of many zones."""

    @staticmethod
    def parse(value: t.Any) -> dict[str, t.Any]:
        found: dict[str, t.Any] = parse_variables({"report_path": value, "zone_hosts": "zones"})
        return found

    def test_folders(self, folder: Path) -> None:
        (folder / "a").mkdir()
        assert self.parse(["a", str(folder)])["report_path"] == [f"{folder}/a", str(folder)]
        assert self.parse("a/")["report_path"] == [f"{folder}/a/"]
        assert self.parse("")["report_path"] == []

    @pytest.mark.parametrize("value", ["index.html", "missing", 3, {"a": 1}, ["file"]], ids=str)
    def test_invalid(self, folder: Path, value: t.Any) -> None:
        (folder / "file").touch()
        assert "is not a folder. With cloud_region_hints_zone_hosts, set it to an existing folder" in str(
            self.parse(value)["problems"]
        )


class TestResultsThatFailTheReport:
    @pytest.mark.parametrize("value", BLANK)
    def test_none(self, value: t.Any) -> None:
        assert parse("report_fail_on", value) == []

    @pytest.mark.parametrize(
        "value",
        [
            "wrong, unknown",
            " wrong unknown wrong",
            "wrong,unknown",
            "[wrong, unknown]",
            "- wrong\n- unknown\n",
            ["wrong", "unknown"],
        ],
    )
    def test_list_and_text(self, value: t.Any) -> None:
        assert parse("report_fail_on", value) == ["wrong", "unknown"]

    @pytest.mark.parametrize(
        ("value", "quoted"),
        [
            ("wrong, lost", "'lost'"),
            (["used"], "'used'"),
            ("Wrong", "'Wrong'"),
            (True, "True"),
            ([["wrong"]], "['wrong']"),
        ],
    )
    def test_invalid(self, value: t.Any, quoted: str) -> None:
        assert problem("report_fail_on", value) == (
            f"cloud_region_hints_report_fail_on: {quoted} is not a result that can fail the report. "
            "Set it to a list of wrong, unsupported, ambiguous, unknown, missing, unused."
        )

    def test_result_that_needs_an_audit(self) -> None:
        (message,) = parse_variables({"audit": "no", "report_fail_on": "unsupported, wrong"})["problems"]
        assert message == (
            "cloud_region_hints_report_fail_on: wrong cannot be found, because cloud_region_hints_audit is false. "
            "Set cloud_region_hints_audit to true, or remove the word."
        )
        assert parse_variables({"audit": "no", "report_fail_on": "unsupported"})["problems"] == []

    def test_result_that_needs_the_origins(self) -> None:
        variables = {"report_fail_on": "wrong, missing, unused"}
        (message,) = parse_variables({**variables, "report_origins": "no"})["problems"]
        assert message == (
            "cloud_region_hints_report_fail_on: missing, unused cannot be found, because cloud_region_hints_report_origins is false. "
            "Set cloud_region_hints_report_origins to true, or remove the word."
        )
        assert parse_variables({**variables, "report_origins": "yes", "audit": ""})["problems"] == []

    def test_origins_need_an_audit(self) -> None:
        (message,) = parse_variables({"report_origins": "yes", "audit": "no"})["problems"]
        assert message.startswith("cloud_region_hints_report_origins: the origins cannot be compared, because ")


class TestTextThatIsNotYaml:
    @pytest.mark.parametrize("name", ["mappings", "sources", "report_path"])
    def test_message_has_variable_question_and_place(self, name: str) -> None:
        assert problem(name, "- {a: b\n- [", "Files").startswith(
            f"cloud_region_hints_{name} (Files in the survey of AWX): not valid YAML: while parsing a flow mapping, "
        )
        assert " in line 2, column " in problem(name, "- {a: b\n- [")

    @pytest.mark.parametrize(
        "text",
        ["- 2026-13-45", "&a [*a]", "[" * 10_000, "- \x00", "- {2026-01-01: a}"],
        ids=["date", "loop", "depth", "character", "key"],
    )
    def test_other_errors(self, text: str) -> None:
        assert "cloud_region_hints_mappings: not valid YAML: " in problem("mappings", text)

    def test_question_is_that_of_a_text(self) -> None:
        """A list does not come from a survey."""
        assert problem("mappings", [1], "Mappings").startswith("cloud_region_hints_mappings: [1] is neither")


def test_all_problems_are_reported() -> None:
    parsed = parse_variables({"purge": "perhaps", "zone": "example.com", "sources": 7})
    assert parsed.keys() == {"zone", "problems"} and len(parsed["problems"]) == 2
