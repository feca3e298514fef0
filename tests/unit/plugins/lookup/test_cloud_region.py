# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup cloud_region, and the cache that the lookups of one run share."""

from __future__ import annotations

import multiprocessing
import os
import stat
import typing as t
from pathlib import Path

import pytest
import requests
import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader
from ansible_collections.edgecache.cloudflare.plugins.lookup import cloud_region
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges import parsers as _parsers
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges import sources as _sources
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils import _ranges
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.range_files import aws, azure, gcp, oci
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import TOKEN, Wire

Lookup = t.Callable[..., list[t.Any]]

AWS, GCP, OCI = _sources.DEFAULT_SOURCES
CHECK = "Check whether a file in sources is outdated."
AWS_FILE = aws(("192.0.2.0/24", "us-east-1"), ("2001:db8::/32", "eu-west-1"))


@pytest.fixture
def lookup_name() -> str:
    return "cloud_region"


@pytest.fixture(autouse=True)
def _vendor_server(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.api = ""
    wire.headers = {}
    monkeypatch.setattr(_ranges, "_last_ranges", {})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "aws.json"
    path.write_bytes(AWS_FILE)
    return path


@pytest.fixture
def clear_memory() -> t.Callable[[], None]:
    """Clear the ranges in the memory of this process, as in another process."""
    return _ranges._last_ranges.clear


def expected_result(address: str, region: str, prefix: str, source: object) -> dict[str, str]:
    return {"origin_ip": address, "vendor": "aws", "region": region, "prefix": prefix, "source": str(source)}


IPV4_RESULT = ("192.0.2.1", "us-east-1", "192.0.2.0/24")
IPV6_RESULT = ("2001:db8::1", "eu-west-1", "2001:db8::/32")


def test_one_result_for_each_term(look_up_bare: Lookup, file: Path) -> None:
    terms = ("2001:DB8:0::1", "192.0.2.1", " 2001:db8::1")
    assert look_up_bare(*terms, sources=[str(file)]) == [
        expected_result(*IPV6_RESULT, file),
        expected_result(*IPV4_RESULT, file),
        expected_result(*IPV6_RESULT, file),
    ]
    assert look_up_bare(sources=[str(file)]) == []


def test_results_are_copies(look_up_bare: Lookup, file: Path) -> None:
    first, second = look_up_bare("192.0.2.1", "192.0.2.1", sources=[str(file)])
    first["region"] = "changed"
    assert second == look_up_bare("192.0.2.1", sources=[str(file)])[0] == expected_result(*IPV4_RESULT, file)


def test_defaults_need_no_credential(look_up_bare: Lookup, wire: Wire) -> None:
    for url, content in (AWS, AWS_FILE), (GCP, gcp()), (OCI, oci()):
        wire.get(url, content)
    assert look_up_bare("192.0.2.1") == [expected_result(*IPV4_RESULT, AWS)]
    assert [request.headers.get("Authorization") for request in wire.requests] == [None] * 3


def test_unknown(look_up_bare: Lookup, file: Path) -> None:
    with pytest.raises(
        AnsibleError,
        match=r"No range of the sources contains 203\.0\.113\.1, ::1\. Set default= to return a value instead\.",
    ):
        look_up_bare("203.0.113.1", "192.0.2.1", "0::1", sources=str(file))
    for default in (None, "nowhere", {"region": "?"}):
        both = look_up_bare("203.0.113.1", "192.0.2.1", sources=str(file), default=default)
        assert both == [default, expected_result(*IPV4_RESULT, file)]


@pytest.mark.parametrize("options", [{}, {"default": None}])
def test_ambiguous_lists_candidates(look_up_bare: Lookup, file: Path, options: dict[str, t.Any]) -> None:
    other = file.with_name("azure.json")
    other.write_bytes(azure(("192.0.2.0/24", "eastus")))
    message = f"192.0.2.1 is ambiguous: aws/us-east-1 (192.0.2.0/24 in {file}), azure/eastus (192.0.2.0/24 in {other}). {CHECK}"
    with pytest.raises(AnsibleError) as caught:
        look_up_bare("192.0.2.1", sources=[str(file), str(other)], **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(("regions", "more"), [(3, ""), (4, " and 1 more"), (500, " and 497 more")])
def test_ambiguous_truncates_candidates(look_up_bare: Lookup, file: Path, regions: int, more: str) -> None:
    file.write_bytes(aws(*(("192.0.2.0/24", f"r-{number}") for number in range(regions))))
    named = ", ".join(f"aws/r-{number} (192.0.2.0/24 in {file})" for number in range(3))
    with pytest.raises(AnsibleError) as caught:
        look_up_bare("192.0.2.1", sources=str(file))
    assert str(caught.value) == f"192.0.2.1 is ambiguous: {named}{more}. {CHECK}"


@pytest.mark.parametrize("term", ["010.0.0.1", 10, ["192.0.2.1"], "", None, "192.0.2.0/24"])
def test_invalid_address(look_up_bare: Lookup, wire: Wire, term: t.Any) -> None:
    with pytest.raises(AnsibleError, match="terms: not an IP address"):
        look_up_bare("192.0.2.1", term, default=None)
    assert wire.requests == []


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"sources": []}, "sources: the list is empty"),
        ({"sources": [AWS, "ftp://example.com/"]}, "sources: 'ftp://example.com/' is neither a path nor"),
        ({"sources": [5]}, "sources: 5 is neither a path nor"),
        ({"sources": [AWS, "no-such.json"]}, "no-such.json: cannot be read"),
        ({"timeout": 0}, "timeout: 0.0 is not valid. It must be more than 0"),
        (
            {"source": "x"},
            "Unknown option: source. The options are ca_path, default, max_wait, sources, timeout, validate_certs",
        ),
        ({"zone": "x"}, "Unknown option: zone"),
    ],
)
def test_invalid_options_before_any_request(
    look_up_bare: Lookup, wire: Wire, options: dict[str, t.Any], named: str
) -> None:
    with pytest.raises(AnsibleError) as caught:
        look_up_bare("192.0.2.1", **options)
    assert named in str(caught.value)
    assert wire.requests == []


def test_sources_of_a_variable_with_a_template(look_up_bare: Lookup, file: Path) -> None:
    variables = {"cloudflare_cloud_range_sources": "{{ [where ~ '.json'] }}", "where": str(file)[:-5]}
    (one,) = look_up_bare("192.0.2.1", variables=variables)
    assert one == expected_result(*IPV4_RESULT, file)
    assert {type(one["source"])} == {str}  # not Ansible's own kind


def test_sources_of_the_configuration_file(
    look_up_bare: Lookup, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "ansible.cfg"
    config.write_text(f"[edgecache_cloudflare]\ncloud_range_sources = {file}, {file}\n")
    monkeypatch.setattr(constants.config, "_config_file", str(config))
    assert look_up_bare("192.0.2.1") == [expected_result(*IPV4_RESULT, file)]


def test_paths_use_the_lookup_search_path(
    look_up_bare: Lookup, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    file.rename(tmp_path / "files/aws.json")
    variables = {"ansible_search_path": [str(tmp_path)]}
    assert look_up_bare("192.0.2.1", sources="aws.json", variables=variables) == [
        expected_result(*IPV4_RESULT, "aws.json")
    ]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert look_up_bare("192.0.2.1", sources="~/files/aws.json") == [expected_result(*IPV4_RESULT, "~/files/aws.json")]


@pytest.mark.parametrize("name", ["timeout", "validate_certs", "ca_path"])
def test_connection_options_of_variables(look_up_bare: Lookup, wire: Wire, file: Path, name: str) -> None:
    value, setting = {
        "timeout": (7, {"timeout": 7.0}),
        "validate_certs": (False, {"verify": False}),
        "ca_path": (str(file), {"verify": str(file)}),
    }[name]
    wire.settings.update(setting)
    wire.get(AWS, AWS_FILE)
    look_up_bare("192.0.2.1", sources=AWS, variables={f"cloudflare_{name}": value})


class TestSharing:
    def test_file_is_read_once_until_it_changes(
        self, look_up_bare: Lookup, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []
        monkeypatch.setattr(_ranges, "read_file", lambda *args: read.append(args[0]) or _sources.read_file(*args))
        for address in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
            look_up_bare(address, sources=[str(file)])
        assert len(read) == 1
        file.write_bytes(aws(("192.0.2.0/25", "us-west-2")))
        assert look_up_bare("192.0.2.1", sources=[str(file)]) == [
            expected_result("192.0.2.1", "us-west-2", "192.0.2.0/25", file)
        ]
        assert len(read) == 2

    def test_url_is_read_once_in_a_run(
        self, look_up_bare: Lookup, wire: Wire, clear_memory: t.Callable[[], None]
    ) -> None:
        wire.get(AWS, AWS_FILE)
        for dummy in range(3):
            assert look_up_bare("192.0.2.1", sources=[AWS]) == [expected_result(*IPV4_RESULT, AWS)]
            clear_memory()
        assert len(wire.requests) == 1

    def test_concurrent_processes_read_once(
        self, look_up_bare: Lookup, wire: Wire, clear_memory: t.Callable[[], None], tmp_path: Path
    ) -> None:
        def in_child() -> None:
            os._exit(0 if look_up_bare("192.0.2.1", sources=[AWS]) == [expected_result(*IPV4_RESULT, AWS)] else 1)

        wire.get(AWS, AWS_FILE)
        look_up_bare("192.0.2.1", sources=[AWS])
        clear_memory()
        children = [multiprocessing.get_context("fork").Process(target=in_child) for dummy in range(3)]
        for child in children:
            child.start()
        for child in children:
            child.join(30)
        assert [child.exitcode for child in children] == [0, 0, 0]

    def test_cache_files_are_private(self, look_up_bare: Lookup, wire: Wire, tmp_path: Path) -> None:
        wire.get(AWS, AWS_FILE)
        look_up_bare("192.0.2.1", sources=[AWS], variables={"cloudflare_api_token": TOKEN})
        kept = [path for path in tmp_path.iterdir() if path.name.startswith("edgecache.cloudflare-")]
        assert len(kept) == 2  # and its lock
        assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
        assert all(TOKEN.encode() not in path.read_bytes() for path in kept)

    def test_validate_certs_is_part_of_the_key(
        self, look_up_bare: Lookup, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wire.settings["verify"] = False
        wire.get(AWS, AWS_FILE)
        look_up_bare("192.0.2.1", sources=[AWS], validate_certs=False)
        wire.settings["verify"] = True
        wire.get(AWS, AWS_FILE)
        look_up_bare("192.0.2.1", sources=[AWS])
        assert len(wire.requests) == 2

    def test_failure_is_not_cached(self, look_up_bare: Lookup, wire: Wire) -> None:
        wire.get(AWS, "", status=404)
        with pytest.raises(AnsibleError, match=f"^{AWS}: HTTP 404: an empty answer$"):
            look_up_bare("192.0.2.1", sources=[AWS])
        wire.get(AWS, AWS_FILE)
        assert look_up_bare("192.0.2.1", sources=[AWS]) == [expected_result(*IPV4_RESULT, AWS)]

    def test_waiting_lookups_share_a_failure(
        self, look_up_bare: Lookup, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_ranges.RunCache, "recent_failure", lambda *args: "It failed meanwhile")
        with pytest.raises(AnsibleError, match="^It failed meanwhile$"):
            look_up_bare("192.0.2.1", sources=[AWS])
        assert wire.requests == []

    def test_no_temporary_folder(
        self, look_up_bare: Lookup, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "none"))
        wire.get(AWS, AWS_FILE)
        assert len(look_up_bare("192.0.2.1", sources=[AWS])) == 1

    def test_invalid_file_fails_each_time(self, look_up_bare: Lookup, file: Path) -> None:
        file.write_bytes(aws(("192.0.2.0/24", "a"), ("2001:db8::1/32", "a")))
        assert len(look_up_bare("192.0.2.1", sources=str(file))) == 1
        for dummy in range(2):
            with pytest.raises(AnsibleError, match="not a valid IPv6 prefix: '2001:db8::1/32'"):
                look_up_bare("2001:db8::1", sources=str(file))

    def test_connection_error_is_not_chained(self, look_up_bare: Lookup, wire: Wire) -> None:
        wire.get(AWS, requests.ConnectionError("refused"))
        with pytest.raises(AnsibleError) as caught:
            look_up_bare("192.0.2.1", sources=[AWS], max_wait=0)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        assert str(caught.value).startswith(
            f"{AWS}: No answer from the server: refused; the next attempt needs a pause of 1.0"
        )


def definitions(lookup: str) -> dict[str, dict[str, t.Any]]:
    """Return the options of a lookup as Ansible reads them, with those of its fragments."""
    plugin = lookup_loader.get(f"edgecache.cloudflare.{lookup}")
    return constants.config.get_configuration_definitions("lookup", plugin._load_name)


class TestDocumentation:
    def test_defaults(self) -> None:
        assert definitions("cloud_region")["sources"]["default"] == _sources.DEFAULT_SOURCES

    def test_return(self, look_up_bare: Lookup, file: Path) -> None:
        (result,) = look_up_bare("192.0.2.1", sources=str(file))
        assert list(result) == list(yaml.safe_load(cloud_region.RETURN)["_raw"]["contains"])

    @pytest.mark.parametrize("name", ["timeout", "max_wait", "validate_certs", "ca_path"])
    def test_connection_options_are_those_of_the_other_plugins(self, name: str) -> None:
        this, other = (
            {key: value for key, value in definitions(lookup)[name].items() if key != "description"}
            for lookup in ("cloud_region", "origin_cloud_region")
        )
        assert this == other and {"type", "ini", "vars"} <= this.keys()

    def test_options(self) -> None:
        assert definitions("cloud_region").keys() == {
            *("_terms", "ca_path", "default", "max_wait", "sources", "timeout", "validate_certs")
        }

    def test_limits(self) -> None:
        limits = f"{_parsers.MAX_FILE_BYTES} bytes (16 MiB) and {_parsers.MAX_REGIONS} regions"
        assert limits in str(definitions("cloud_region")["sources"]["description"])
