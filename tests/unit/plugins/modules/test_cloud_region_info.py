# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module cloud_region_info, from its arguments to its output."""

from __future__ import annotations

import base64
import gzip
import io
import os
import types
import typing as t
from pathlib import Path

import pytest
import requests
import yaml
from ansible_collections.edgecache.cloudflare.plugins.doc_fragments import cloud_ranges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http import session as _session
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module import options as _options
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges import parsers as _parsers
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges import sources as _sources
from ansible_collections.edgecache.cloudflare.plugins.modules import cloud_region_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.range_files import aws, azure, gcp, oci
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import KEY, TOKEN, ZONE_ID, Wire

RunModule = t.Callable[..., dict[str, t.Any]]

AWS, GCP, OCI = _sources.DEFAULT_SOURCES
URL = "https://ranges.example.com/aws.json"
AWS_FILE = aws(("192.0.2.0/24", "us-east-1"))
EXPECTED_REGION = {"vendor": "aws", "region": "us-east-1", "prefix": "192.0.2.0/24"}
CHECK = "Check that a cloud vendor publishes this file."


@pytest.fixture
def module_under_test() -> types.ModuleType:
    return cloud_region_info


@pytest.fixture(autouse=True)
def _vendor_server(wire: Wire) -> None:
    """Requests go to the complete URL of a source, without a credential."""
    wire.api = ""
    wire.headers = {}


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "aws.json"
    path.write_bytes(AWS_FILE)
    return str(path)


def failure_message(result: dict[str, t.Any]) -> str:
    assert result["failed"]
    assert result["failure"]["message"]
    return str(result["msg"])


@pytest.mark.parametrize("check", [False, True])
def test_default_sources(run_bare: RunModule, wire: Wire, check: bool) -> None:
    """Each source is read once, in this order, without a credential or a zone."""
    wire.get(AWS, aws(("192.0.2.0/24", "us-east-1"), ("198.51.100.0/24", "eu-west-1")))
    wire.get(GCP, gcp(("198.51.100.0/24", "us-central1"), ("2001:db8::/32", "europe-west1")))
    wire.get(OCI, oci(("192.0.2.128/25", "us-ashburn-1")))
    requested = ["2001:DB8:0::1", "192.0.2.200", "203.0.113.1", "198.51.100.1", "192.0.2.1", " 2001:db8::1 "]
    assert run_bare(origin_ip=requested, _ansible_check_mode=check) == {
        "cloud_regions": [
            {
                "origin_ip": "2001:db8::1",
                "vendor": "gcp",
                "region": "europe-west1",
                "prefix": "2001:db8::/32",
                "source": GCP,
            },
            {
                "origin_ip": "192.0.2.200",
                "vendor": "oci",
                "region": "us-ashburn-1",
                "prefix": "192.0.2.128/25",
                "source": OCI,
            },
            {"origin_ip": "192.0.2.1", **EXPECTED_REGION, "source": AWS},
        ],
        "unknown": ["203.0.113.1"],
        "ambiguous": [
            {
                "origin_ip": "198.51.100.1",
                "candidates": [
                    {"vendor": "aws", "region": "eu-west-1", "prefix": "198.51.100.0/24", "source": AWS},
                    {"vendor": "gcp", "region": "us-central1", "prefix": "198.51.100.0/24", "source": GCP},
                ],
            }
        ],
    }
    assert [request.url for request in wire.requests] == [AWS, GCP, OCI]


def test_file_costs_no_request(run_bare: RunModule, file: str, wire: Wire) -> None:
    result = run_bare(origin_ip="192.0.2.1", sources=[file, file])
    expected = [{"origin_ip": "192.0.2.1", **EXPECTED_REGION, "source": file}]
    assert result == {"cloud_regions": expected, "unknown": [], "ambiguous": []}
    assert wire.requests == []


def test_duplicate_url_is_read_once(run_bare: RunModule, wire: Wire) -> None:
    wire.get(URL, AWS_FILE)
    assert len(run_bare(origin_ip="192.0.2.1", sources=[URL, URL])["cloud_regions"]) == 1


def test_home_and_relative_paths(run_bare: RunModule, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", os.path.dirname(file))
    monkeypatch.chdir(os.path.dirname(file))
    for source in ("~/aws.json", "aws.json", "./aws.json"):
        result = run_bare(origin_ip="192.0.2.1", sources=source)
        assert result["cloud_regions"] == [{"origin_ip": "192.0.2.1", **EXPECTED_REGION, "source": source}]


def test_no_address_reads_no_source(run_bare: RunModule) -> None:
    assert run_bare(origin_ip=[]) == {"cloud_regions": [], "unknown": [], "ambiguous": []}


def test_shared_options_are_accepted_and_not_used(run_bare: RunModule, wire: Wire, tmp_path: Path) -> None:
    """The defaults of the action group may set them, even to values that other modules reject."""
    wire.get(URL, AWS_FILE)
    given = dict(api_token=TOKEN, api_key=KEY, zone_id=ZONE_ID, zone="example.com", api_url="nonsense")
    assert len(run_bare(origin_ip="192.0.2.1", sources=URL, **given)["cloud_regions"]) == 1


def test_no_credential_is_sent_to_a_vendor(
    run_bare: RunModule, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from options and environment, nor from ~/.netrc, which requests uses by default."""
    (tmp_path / "netrc").write_text("default login user password secret-of-netrc\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setenv("CLOUDFLARE_API_KEY", KEY)
    wire.get(URL, "", status=503)
    wire.get(URL, AWS_FILE)
    run_bare(origin_ip="192.0.2.1", sources=URL, api_token=TOKEN, zone_id=ZONE_ID)
    assert len(wire.requests) == 2
    for request in wire.requests:
        assert sorted(request.headers) == ["Accept", "Accept-Encoding", "Connection", "User-Agent"]
        sent = f"{request.url} {request.headers} {request.body}"
        hidden = [TOKEN, KEY, "secret-of-netrc", base64.b64encode(b"user:secret-of-netrc").decode()]
        assert [secret for secret in hidden if secret in sent] == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["https://elsewhere.example.com/x", "http://127.0.0.1/\x1b[31m"])
def test_redirect_is_not_followed(run_bare: RunModule, wire: Wire, status: int, location: str) -> None:
    wire.get(URL, "", status=status, headers={"Location": location})
    result = run_bare(origin_ip="192.0.2.1", sources=URL)
    shown = location.replace("\x1b", " ")
    assert failure_message(result) == (
        f"{URL}: HTTP {status}: a redirect to {shown!r}, which is not followed: check sources"
    )
    assert result["failure"]["status"] is None
    assert len(wire.requests) == 1


def test_redirect_without_a_target(run_bare: RunModule, wire: Wire) -> None:
    wire.file(URL, "", status=300)
    error = failure_message(run_bare(origin_ip="192.0.2.1", sources=URL))
    assert error == f"{URL}: HTTP 300: a redirect to '', which is not followed: check sources"


def test_error_page_not_utf_8(run_bare: RunModule, wire: Wire) -> None:
    wire.file(URL, b"\xff gone", status=410)
    assert failure_message(run_bare(origin_ip="192.0.2.1", sources=URL)) == f"{URL}: HTTP 410: '\ufffd gone'"


@pytest.mark.parametrize("location", ["https://cdn.example.com/x?sig=secret", "/x?sig=secret#y", "/x#secret"])
def test_query_of_a_redirect_is_hidden(run_bare: RunModule, wire: Wire, location: str) -> None:
    """The query is often a signature."""
    wire.get(URL, "", status=302, headers={"Location": location})
    shown = location.split("secret")[0].split("sig=")[0].rstrip("?#")
    assert f"a redirect to '{shown}', which" in failure_message(run_bare(origin_ip="192.0.2.1", sources=URL))


@pytest.mark.parametrize("status", [206, 400, 401, 403, 404, 500])
def test_server_error(run_bare: RunModule, wire: Wire, status: int) -> None:
    wire.get(URL, "<b>No\n such\x1bfile</b>", status=status)
    result = run_bare(origin_ip="192.0.2.1", sources=URL)
    message = f"{URL}: HTTP {status}: '<b>No such file</b>'"
    assert failure_message(result) == message
    assert result["failure"] == {"status": None, "code": None, "message": message, "errors": []}
    assert "api_token" not in result["msg"]


def test_retries_as_for_the_api(run_bare: RunModule, wire: Wire, clock: t.Any) -> None:
    wire.get(URL, "", status=429, headers={"Retry-After": "300"})
    wire.get(URL, "", status=503)
    wire.get(URL, requests.ConnectionError("refused"))
    wire.get(URL, AWS_FILE, headers={"Ratelimit": '"x";r=0;t=60'})
    wire.get(GCP, gcp())
    result = run_bare(origin_ip="192.0.2.1", sources=[URL, GCP])
    assert clock.pauses == [300.0, 2.0, 4.0]
    assert all(URL in warning for warning in result["warnings"])
    assert len(result["cloud_regions"]) == 1


def test_rate_limit_is_waited_for_within_max_wait(run_bare: RunModule, wire: Wire, clock: t.Any) -> None:
    for dummy in range(8):
        wire.get(URL, "", status=429, headers={"Retry-After": "1"})
    wire.get(URL, AWS_FILE)
    assert len(run_bare(origin_ip="192.0.2.1", sources=URL)["cloud_regions"]) == 1
    assert clock.pauses == [1.0] * 8


def test_max_wait_is_for_all_sources_together(run_bare: RunModule, wire: Wire, clock: t.Any) -> None:
    wire.get(AWS, "", status=429, headers={"Retry-After": "20"})
    wire.get(AWS, AWS_FILE)
    wire.get(GCP, "", status=429, headers={"Retry-After": "20"})
    result = run_bare(origin_ip="192.0.2.1", sources=[AWS, GCP], max_wait=30)
    assert clock.pauses == [20.0]
    assert failure_message(result).startswith(
        f"{GCP}: HTTP 429: an empty answer; the server asks for a pause of 20.0 seconds, but max_wait (30 seconds in total) has 10.0 left"
    )


@pytest.mark.parametrize("status", [429, 503])
def test_status_is_null_if_the_wait_is_too_long(run_bare: RunModule, wire: Wire, status: int) -> None:
    wire.get(URL, "", status=status)
    result = run_bare(origin_ip="192.0.2.1", sources=URL, max_wait=0)
    assert failure_message(result).startswith(
        f"{URL}: HTTP {status}: an empty answer; the next attempt needs a pause of 1.0 seconds"
    )
    assert result["failure"] == {"status": None, "code": None, "message": result["msg"], "errors": []}


def test_permanent_connection_error(run_bare: RunModule, wire: Wire, clock: t.Any) -> None:
    for dummy in range(6):
        wire.get(URL, requests.ConnectionError("refused"))
    message = failure_message(run_bare(origin_ip="192.0.2.1", sources=URL))
    assert message == f"{URL}: No answer from the server: refused; gave up after 6 attempts"


def test_certificate(run_bare: RunModule, wire: Wire) -> None:
    wire.get(URL, requests.exceptions.SSLError("certificate verify failed"))
    assert failure_message(run_bare(origin_ip="192.0.2.1", sources=URL)) == (
        f"{URL}: No answer from the server: certificate verify failed; check sources, or set ca_path to the CA certificates to trust"
    )
    wire.get(URL, requests.exceptions.SSLError("wrong version number"))
    assert failure_message(run_bare(origin_ip="192.0.2.1", sources=URL)).endswith("wrong version number; check sources")


@pytest.mark.parametrize("options", [{"timeout": 7.0}, {"validate_certs": False}, {"ca_path": "."}])
def test_connection_options(run_bare: RunModule, wire: Wire, options: dict[str, t.Any]) -> None:
    names = {"validate_certs": "verify", "ca_path": "verify"}
    wire.settings.update({names.get(name, name): value for name, value in options.items()})
    wire.get(URL, AWS_FILE)
    run_bare(origin_ip="192.0.2.1", sources=URL, **options)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"timeout": 0}, "timeout: 0.0 is not valid. It must be more than 0 and at most 86400 seconds."),
        ({"max_wait": -1}, "max_wait: -1.0 is not valid. It must be between 0 and 86400 seconds."),
        ({"ca_path": "/no/such"}, "ca_path: '/no/such' does not exist"),
        ({"sources": []}, "sources: the list is empty"),
        (
            {"sources": ["", AWS]},
            "sources: '' is neither a path nor an http or https URL without credentials, query and fragment.",
        ),
        (
            {"sources": [AWS, "ftp://example.com/x"]},
            "sources: 'ftp://example.com/x' is neither a path nor an http or https URL without credentials, query and fragment.",
        ),
        (
            {"sources": ["https://user:word@example.com/x"]},
            "sources: 'https://…@example.com/x' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https://example.com/x?sig=secret"]},
            "sources: 'https://example.com/x' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https://example.com/x?sig=secret@x"]},
            "sources: 'https://…' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["HTTPS:/example.com/x?sig=secret"]},
            "sources: 'HTTPS:…' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["http:user:word@example.com"]},
            "sources: 'http:…' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https://user:a/b@c@example.com/x#secret"]},
            "sources: 'https://…@example.com/x' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https://user:a?b@example.com/x"]},
            "sources: 'https://…' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https://user:a#b@example.com/x"]},
            "sources: 'https://…' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https://user:a/b?c@example.com/x"]},
            "sources: 'https://…' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https://user:a\nb@example.com/x"]},
            "sources: 'https://…@example.com/x' is neither a path nor an http or https URL without credentials, query and fragment. Messages",
        ),
        (
            {"sources": ["https:///x"]},
            "sources: 'https:///x' is neither a path nor an http or https URL without credentials, query and fragment.",
        ),
        (
            {"sources": ["https://example.com/a b"]},
            "sources: 'https://example.com/a b' is neither a path nor an http or https URL without credentials, query and fragment.",
        ),
        ({"sources": [AWS, "/no/such"]}, "/no/such: cannot be read: [Errno 2]"),
        ({"sources": [AWS, "/"]}, "/: cannot be read: [Errno 21]"),
        ({"sources": [AWS, "a\0b"]}, "cannot be read: embedded null byte"),
        ({"origin_ip": ["192.0.2.1", "010.0.0.1", "10", "192.0.2.0/24"]}, "'010.0.0.1', '10', '192.0.2.0/24'"),
    ],
)
def test_invalid_options_before_any_request(
    run_bare: RunModule, wire: Wire, options: dict[str, t.Any], named: str
) -> None:
    assert named in failure_message(run_bare(**{"origin_ip": ["192.0.2.1"], **options}))
    assert wire.requests == []


def test_addresses_are_required(run_bare: RunModule) -> None:
    assert "missing required arguments: origin_ip" in run_bare()["msg"]


@pytest.mark.parametrize(
    ("url", "warned"),
    [("http://ranges.example.com/x", True), ("http://127.0.0.1:80/x", False), ("HTTPS://ranges.example.com/x", False)],
)
def test_plain_http_warns(run_bare: RunModule, wire: Wire, url: str, warned: bool) -> None:
    wire.get(url, AWS_FILE)
    result = run_bare(origin_ip="192.0.2.1", sources=url)
    assert [f"sources: {url} does not use https" in warning for warning in result.get("warnings", [])] == [
        True
    ] * warned


@pytest.mark.parametrize("content", [b"<html>", b"{}", azure(("192.0.2.1/24", "a"))])
def test_invalid_file_is_named(run_bare: RunModule, wire: Wire, file: str, content: bytes) -> None:
    wire.get(URL, content)
    assert failure_message(run_bare(origin_ip="192.0.2.1", sources=[file, URL])).startswith(f"{URL}: not ")
    Path(file).write_bytes(content)
    assert failure_message(run_bare(origin_ip="192.0.2.1", sources=file)).startswith(f"{file}: not ")


class TestSize:
    @pytest.fixture(autouse=True)
    def _small_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (_options, _sources):
            monkeypatch.setattr(module, "MAX_FILE_BYTES", 100_000)

    @pytest.mark.parametrize("more", [0, 1])
    def test_file(self, run_bare: RunModule, file: str, more: int) -> None:
        Path(file).write_bytes(AWS_FILE.ljust(100_000 + more))
        result = run_bare(origin_ip="192.0.2.1", sources=file)
        assert result.get("msg") == (f"{file}: has more than 100000 bytes. {CHECK}" if more else None)

    @pytest.mark.parametrize("more", [0, 1])
    def test_answer(self, run_bare: RunModule, wire: Wire, more: int) -> None:
        wire.get(URL, AWS_FILE.ljust(100_000 + more))
        result = run_bare(origin_ip="192.0.2.1", sources=URL)
        assert result.get("msg") == (f"{URL}: HTTP 200: the answer has more than 100000 bytes" if more else None)

    def test_compressed_answer_over_the_limit(self, run_bare: RunModule, wire: Wire) -> None:
        """The limit also stops the decompression: 100 MB are not decompressed completely."""
        bomb = gzip.compress(bytes(100_000_000))
        assert len(bomb) < 100_000
        wire.get(URL, bomb, headers={"Content-Encoding": "gzip"})
        assert failure_message(run_bare(origin_ip="192.0.2.1", sources=URL)).endswith(
            "the answer has more than 100000 bytes"
        )

    def test_endless_file(self, run_bare: RunModule) -> None:
        assert failure_message(run_bare(origin_ip="192.0.2.1", sources="/dev/zero")).endswith(
            f"has more than 100000 bytes. {CHECK}"
        )


def test_compressed_answer(run_bare: RunModule, wire: Wire) -> None:
    wire.get(URL, gzip.compress(AWS_FILE), headers={"Content-Encoding": "gzip"})
    assert len(run_bare(origin_ip="192.0.2.1", sources=URL)["cloud_regions"]) == 1


def test_sessions_are_closed(run_bare: RunModule, wire: Wire, closed_sessions: list[requests.Session]) -> None:
    wire.get(URL, AWS_FILE)
    run_bare(origin_ip="192.0.2.1", sources=URL)
    wire.get(URL, "", status=404)
    run_bare(origin_ip="192.0.2.1", sources=URL)
    assert len(closed_sessions) == 2


@pytest.mark.parametrize("library", ["requests", "netaddr"])
def test_missing_library(run_bare: RunModule, hide_library: t.Callable[[str], None], library: str) -> None:
    hide_library(library)
    assert library in run_bare(origin_ip="192.0.2.1")["msg"]


def test_result_is_as_documented(run_bare: RunModule, wire: Wire) -> None:
    documented = yaml.safe_load(cloud_region_info.RETURN)
    of_failure = documented.pop("failure")
    wire.get(URL, aws(("192.0.2.0/24", "a"), ("198.51.100.0/24", "a"), ("198.51.100.0/24", "b")))
    result = run_bare(origin_ip=["192.0.2.1", "198.51.100.1"], sources=URL)
    assert set(result) == set(documented)
    for name in ("cloud_regions", "ambiguous"):
        assert list(result[name][0]) == list(documented[name]["contains"])
    candidates = documented["ambiguous"]["contains"]["candidates"]
    assert list(result["ambiguous"][0]["candidates"][0]) == list(candidates["contains"])
    wire.get(URL, "", status=404)
    result = run_bare(origin_ip="192.0.2.1", sources=URL)
    assert set(result) == {"failed", "msg", "failure"}
    assert list(of_failure["contains"]) == list(result["failure"])


def test_limits_are_documented() -> None:
    limits = f"{_parsers.MAX_FILE_BYTES} bytes (16 MiB) and {_parsers.MAX_REGIONS} regions"
    assert limits in cloud_ranges.ModuleDocFragment.DOCUMENTATION


def test_truncated_answer_is_retried(run_bare: RunModule, wire: Wire, clock: t.Any) -> None:
    wire.get(URL, io.BufferedReader(io.BytesIO(AWS_FILE[:9])), headers={"Content-Length": str(len(AWS_FILE))})
    wire.get(URL, AWS_FILE)
    assert len(run_bare(origin_ip="192.0.2.1", sources=URL)["cloud_regions"]) == 1
    assert clock.pauses == [1.0]
    assert _session.MAX_RETRIES == 5
