# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vendor and region of an address, by the ranges that the cloud vendors publish.

Private to the collection: no other collection may rely on this file. Pure: what is in the files is given. Their formats are
facts of the vendors' documentation. Vendors are spelled as Cloudflare's API spells them.
"""

from __future__ import annotations

import json
import re
import reprlib
import socket
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    format_address,
    shown,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError

LIMIT = 16 * 1024 * 1024
"""Bytes of a file that are read: several times what the largest has, which is Azure's."""

MAX_PARSED_BYTES = 155_000_000
"""Bytes that a file may take in memory, as estimated before it is parsed: more than twice what Azure's takes."""

BYTES_OF_VALUE = 320
"""Bytes in memory of one JSON value with its key, and of what is made of it, less the bytes of its texts: the most measured."""

MAX_REGIONS = 500
"""Regions that a file may name: several times what a vendor has."""

MAX_TEXT = 100
"""Characters of a region or a prefix that are looked at, which is more than a valid one has: a copy of a long text takes memory."""

NO_REGION = frozenset({"", "global"})
"""What stands where a region would, in lower case, for a prefix that is used in several or in none."""

FAMILIES = {4: (socket.AF_INET, 32), 6: (socket.AF_INET6, 128)}
"""By the version of IP: its number for the system, and the bits of an address."""

LENGTHS = {str(length): length for length in range(1, 129)}
"""By its only spelling, each length that a prefix may have. One of length 0 would place every address."""

Entries = t.Iterator[tuple[int, str, list[str]]]
"""Prefixes as they are written, each list with the version of IP and the region."""


class Place(t.NamedTuple):
    """Where an address is, and by which prefix (canonical) of which file."""

    vendor: str
    region: str
    prefix: str
    source: str


class _Region(t.NamedTuple):
    vendor: str
    region: str
    source: str


_Table = dict[int, dict[int, dict[tuple[str, str], _Region]]]
"""By length, the longest first, and by the bits of the prefix: its regions, by vendor and region."""


class CloudRanges:
    """All ranges of some files. ``contents``: by the name that messages and places give it, what is in each file.

    Raises ``ConfigurationError``, which names the file and what is wrong. Prefixes are parsed when the first address of their
    family is placed, and those without a region never: most questions need a part of the 130,000.
    """

    def __init__(self, contents: t.Mapping[str, bytes]) -> None:
        # By version of IP and region, as keys, since Azure has most prefixes several times
        self._texts: dict[int, dict[_Region, dict[str, None]]] = {4: {}, 6: {}}
        self._tables: dict[int, _Table] = {}
        for source, content in contents.items():
            try:
                self._add(source, content)
            except ConfigurationError as error:
                raise ConfigurationError(f"{source}: {error}") from None

    def place(self, address: str) -> list[Place]:
        """The places of a canonical address: none if it is in no range, several if it is ambiguous.

        The longest prefix counts. Several places are those of different vendors or regions that have the very same one.
        """
        version = 6 if ":" in address else 4
        family, bits = FAMILIES[version]
        value = int.from_bytes(socket.inet_pton(family, address), "big")
        for length, networks in self._table(version).items():
            network = value >> (bits - length)
            if network in networks:
                first = (network << (bits - length)).to_bytes(bits // 8, "big")
                prefix = f"{format_address(first)}/{length}"
                return [Place(one.vendor, one.region, prefix, one.source) for one in networks[network].values()]
        return []

    def _add(self, source: str, content: bytes) -> None:
        document = _document(content)
        vendor = _vendor(document)
        regions: set[str] = set()
        for version, text, prefixes in READERS[vendor](document):
            region = text[:MAX_TEXT]
            if region.lower() in NO_REGION:
                continue
            known = self._texts[version].get(_Region(vendor, region, source))
            if known is None:
                if not re.fullmatch("[A-Za-z0-9-]{1,60}", region):
                    raise ConfigurationError(f"not a region: {shown(region)}")
                regions.add(region)
                if len(regions) > MAX_REGIONS:
                    raise ConfigurationError(f"has more than {MAX_REGIONS} regions")
                known = self._texts[version][_Region(vendor, region, source)] = {}
            known.update(dict.fromkeys(prefixes))

    def _table(self, version: int) -> _Table:
        if version not in self._tables:
            table: _Table = {}
            for region, texts in self._texts[version].items():
                place = region[:2]
                alone = {place: region}  # of all prefixes that are in this region alone, which are most
                for text in texts:
                    length, network = _prefix(version, region.source, text)
                    networks = table.setdefault(length, {})
                    there = networks.setdefault(network, alone)
                    if place not in there:
                        if len(there) == 1:
                            there = networks[network] = there.copy()
                        there[place] = region
            self._texts[version].clear()
            self._tables[version] = dict(sorted(table.items(), reverse=True))
        return self._tables[version]


def _prefix(version: int, source: str, text: str) -> tuple[int, int]:
    """The length of a prefix, and its bits as a number."""
    family, bits = FAMILIES[version]
    text = text[:MAX_TEXT]
    address, dummy, length = text.partition("/")
    try:
        value = int.from_bytes(socket.inet_pton(family, address), "big")
        shift = bits - LENGTHS[length]
        network = value >> shift
    except (KeyError, OSError, ValueError):
        network = -1
    if network < 0 or network << shift != value:
        raise ConfigurationError(
            f"{source}: not a prefix of IPv{version}: {shown(text)}. It must be an address, a slash and a length, with no bits behind it."
        )
    return LENGTHS[length], network


def _document(content: bytes) -> dict[str, t.Any]:
    """The JSON object. Numbers are not needed, and become floats: an int of a million digits takes its time."""
    # At the most: each value but the first follows one of these, which texts may hold too
    values = 1 + sum(map(content.count, (b"[", b"{", b",")))
    if _parsed_bytes(content, values) > MAX_PARSED_BYTES:
        raise ConfigurationError(
            f"too large to parse: {len(content)} bytes with about {values} JSON values. Check that a cloud vendor publishes this file."
        )
    try:
        document = json.loads(
            content.decode("utf-8-sig"), parse_int=float, parse_constant=_refuse, object_pairs_hook=_object
        )
    except (RecursionError, ValueError) as error:
        raise ConfigurationError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"not a JSON object: {_brief(document)}")
    return document


def _parsed_bytes(content: bytes, values: int) -> int:
    """The bytes of memory that this content, its text and its values take at the most.

    One character outside of ASCII, or one escape of it, can make all characters around it four times as wide.
    """
    width = 1 if content.isascii() and b"\\u" not in content else 4
    return len(content) * (1 + 2 * width) + values * BYTES_OF_VALUE


def _refuse(constant: str) -> t.NoReturn:
    raise ValueError(f"{constant} is no number")


def _object(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key is there twice in an object with {_brief(list(found))}")
    return found


def _vendor(document: dict[str, t.Any]) -> str:
    """Whose file this is, by the keys that no other's has."""
    found = [vendor for vendor, keys in MARKS.items() if keys <= document.keys()]
    if len(found) != 1:
        raise ConfigurationError(
            "not one of the files that AWS (ip-ranges.json), Google (cloud.json), Azure (ServiceTags_*.json) and Oracle "
            f"(public_ip_ranges.json) publish. Its keys are {_brief(list(document))}."
        )
    return found[0]


def _aws(document: dict[str, t.Any]) -> Entries:
    for version, entries, key in (4, "prefixes", "ip_prefix"), (6, "ipv6_prefixes", "ipv6_prefix"):
        for entry in _get(document, entries, list):
            yield version, _get(entry, "region", str), [_get(entry, key, str)]


def _gcp(document: dict[str, t.Any]) -> Entries:
    for entry in _get(document, "prefixes", list):
        region = _get(entry, "scope", str)
        if "ipv6Prefix" in entry:
            yield 6, region, [_get(entry, "ipv6Prefix", str)]
        if "ipv4Prefix" in entry or "ipv6Prefix" not in entry:
            yield 4, region, [_get(entry, "ipv4Prefix", str)]


def _azure(document: dict[str, t.Any]) -> Entries:
    for tag in _get(document, "values", list):
        properties = _get(tag, "properties", dict)
        yield from _mixed(_get(properties, "region", str), _get(properties, "addressPrefixes", list))


def _oci(document: dict[str, t.Any]) -> Entries:
    for entry in _get(document, "regions", list):
        cidrs = [_get(one, "cidr", str) for one in _get(entry, "cidrs", list)]
        yield from _mixed(_get(entry, "region", str), cidrs)


def _mixed(region: str, prefixes: list[t.Any]) -> Entries:
    if not set(map(type, prefixes)) <= {str}:
        raise ConfigurationError(f"not a list of texts: {_brief(prefixes)}")
    yield 4, region, [prefix for prefix in prefixes if ":" not in prefix]
    yield 6, region, [prefix for prefix in prefixes if ":" in prefix]


def _get(entry: t.Any, key: str, kind: type) -> t.Any:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind):
        raise ConfigurationError(f"no {key} ({kind.__name__}) in {_brief(entry)}")
    return value


def _brief(value: t.Any) -> str:
    """A part of a document, as a message repeats it, however large it is."""
    text = reprlib.repr(value)
    return text if len(text) <= 120 else text[:120] + "…"


MARKS = {
    "aws": {"prefixes", "ipv6_prefixes"},
    "gcp": {"prefixes", "creationTime"},
    "azure": {"values", "changeNumber"},
    "oci": {"regions", "last_updated_timestamp"},
}
READERS = {"aws": _aws, "gcp": _gcp, "azure": _azure, "oci": _oci}
