# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the vendor and region of an address in the range files that the cloud vendors publish.

Private to the collection: other code must not import this file. It opens no file. Source of the formats: the vendors'
documentation. Vendors have the names of Cloudflare's API.
"""

from __future__ import annotations

import json
import re
import reprlib
import socket
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import (
    format_address,
    quote_value,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Maximum size of a file: several times that of the largest, which is Azure's."""

MAX_PARSED_BYTES = 155_000_000
"""Maximum memory of a parsed file, as estimated before it is parsed: more than twice that of Azure's."""

BYTES_PER_VALUE = 320
"""Memory of one JSON value with its key and of the objects made of it, without the bytes of its texts: the maximum measured."""

MAX_REGIONS = 500
"""Maximum number of regions in a file: several times that of a vendor."""

MAX_TEXT_CHARS = 100
"""Characters of a region or a prefix that are read, more than a valid one has: a copy of a long text takes memory."""

NO_REGION = frozenset({"", "global"})
"""The region, in lower case, of a prefix that is used in several regions or in none."""

FAMILIES = {4: (socket.AF_INET, 32), 6: (socket.AF_INET6, 128)}
"""By IP version: the address family, and the bits of an address."""

LENGTHS = {str(length): length for length in range(1, 129)}
"""The valid lengths of a prefix, by their text. Length 0 is not valid, since it would match every address."""

Entries = t.Iterator[tuple[int, str, list[str]]]
"""IP version, region, and prefixes as the file writes them."""


class RangeMatch(t.NamedTuple):
    """The vendor and region of an address, with the matching prefix in canonical form and its file."""

    vendor: str
    region: str
    prefix: str
    source: str


class _Region(t.NamedTuple):
    vendor: str
    region: str
    source: str


_Table = dict[int, dict[int, dict[tuple[str, str], _Region]]]
"""By length (longest first) and bits of a prefix: its regions, by vendor and region."""


class CloudRanges:
    """All ranges of some files. ``contents`` has the content of each file, by the name that messages and results use.

    Raises ``ConfigurationError``, which names the file and the problem. Prefixes are parsed at the first lookup in their IP version,
    and those without a region never, since most tasks need only a part of the 130,000.
    """

    def __init__(self, contents: t.Mapping[str, bytes]) -> None:
        # By IP version and region. The prefixes are keys, since Azure's file repeats most of them
        self._texts: dict[int, dict[_Region, dict[str, None]]] = {4: {}, 6: {}}
        self._tables: dict[int, _Table] = {}
        for source, content in contents.items():
            try:
                self._add(source, content)
            except ConfigurationError as error:
                raise ConfigurationError(f"{source}: {error}") from None

    def lookup(self, address: str) -> list[RangeMatch]:
        """Return the matches of a canonical address: an empty list if no range has it, several if it is ambiguous.

        The longest prefix is used. An address is ambiguous if several vendors or regions publish this prefix.
        """
        version = 6 if ":" in address else 4
        family, bits = FAMILIES[version]
        value = int.from_bytes(socket.inet_pton(family, address), "big")
        for length, networks in self._table(version).items():
            network = value >> (bits - length)
            if network in networks:
                first = (network << (bits - length)).to_bytes(bits // 8, "big")
                prefix = f"{format_address(first)}/{length}"
                return [RangeMatch(key.vendor, key.region, prefix, key.source) for key in networks[network].values()]
        return []

    def _add(self, source: str, content: bytes) -> None:
        document = _parse_document(content)
        vendor = _detect_vendor(document)
        regions: set[str] = set()
        for version, text, prefixes in PARSERS[vendor](document):
            region = text[:MAX_TEXT_CHARS]
            if region.lower() in NO_REGION:
                continue
            known = self._texts[version].get(_Region(vendor, region, source))
            if known is None:
                if not re.fullmatch("[A-Za-z0-9-]{1,60}", region):
                    raise ConfigurationError(f"not a valid region: {quote_value(region)}")
                regions.add(region)
                if len(regions) > MAX_REGIONS:
                    raise ConfigurationError(
                        f"has more than {MAX_REGIONS} regions. Check that a cloud vendor publishes this file."
                    )
                known = self._texts[version][_Region(vendor, region, source)] = {}
            known.update(dict.fromkeys(prefixes))

    def _table(self, version: int) -> _Table:
        if version not in self._tables:
            table: _Table = {}
            for region, texts in self._texts[version].items():
                key = region[:2]
                single = {key: region}  # shared by all prefixes that are only in this region, which saves memory
                for text in texts:
                    length, network = _parse_prefix(version, region.source, text)
                    networks = table.setdefault(length, {})
                    regions = networks.setdefault(network, single)
                    if key not in regions:
                        if len(regions) == 1:
                            regions = networks[network] = regions.copy()
                        regions[key] = region
            self._texts[version].clear()
            self._tables[version] = dict(sorted(table.items(), reverse=True))
        return self._tables[version]


def _parse_prefix(version: int, source: str, text: str) -> tuple[int, int]:
    """Return the length of a prefix, and its bits as a number."""
    family, bits = FAMILIES[version]
    text = text[:MAX_TEXT_CHARS]
    address, dummy, length = text.partition("/")
    try:
        value = int.from_bytes(socket.inet_pton(family, address), "big")
        shift = bits - LENGTHS[length]
        network = value >> shift
    except (KeyError, OSError, ValueError):
        network = -1
    if network < 0 or network << shift != value:
        raise ConfigurationError(
            f"{source}: not a valid IPv{version} prefix: {quote_value(text)}. It must be an address, a slash and a length, without bits after "
            "that length. Fetch the file again."
        )
    return LENGTHS[length], network


def _parse_document(content: bytes) -> dict[str, t.Any]:
    """Return the JSON object. Numbers are not used, and become floats, since parsing an int of a million digits is slow."""
    # The maximum: each value but the first follows one of these characters, which texts may contain, too
    values = 1 + sum(map(content.count, (b"[", b"{", b",")))
    if _estimate_memory(content, values) > MAX_PARSED_BYTES:
        raise ConfigurationError(
            f"too large to parse: {len(content)} bytes with about {values} JSON values. Check that a cloud vendor publishes this file."
        )
    try:
        document = json.loads(
            content.decode("utf-8-sig"),
            parse_int=float,
            parse_constant=_reject_constant,
            object_pairs_hook=_build_object,
        )
    except (RecursionError, ValueError) as error:
        raise ConfigurationError(f"not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"not a JSON object: {_excerpt(document)}")
    return document


def _estimate_memory(content: bytes, values: int) -> int:
    """Return the maximum memory in bytes of this content, its text and its values.

    One character outside of ASCII, or one escape of it, can make all characters around it four times as wide.
    """
    width = 1 if content.isascii() and b"\\u" not in content else 4
    return len(content) * (1 + 2 * width) + values * BYTES_PER_VALUE


def _reject_constant(constant: str) -> t.NoReturn:
    raise ValueError(f"{constant} is not a valid number")


def _build_object(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"duplicate key in an object with the keys {_excerpt(list(found))}")
    return found


def _detect_vendor(document: dict[str, t.Any]) -> str:
    """Return the vendor, which is known from the keys of the file."""
    found = [vendor for vendor, keys in FORMAT_KEYS.items() if keys <= document.keys()]
    if len(found) != 1:
        raise ConfigurationError(
            "not one of the files that AWS (ip-ranges.json), Google (cloud.json), Azure (ServiceTags_*.json) and Oracle "
            f"(public_ip_ranges.json) publish. Its keys are {_excerpt(list(document))}."
        )
    return found[0]


def _parse_aws(document: dict[str, t.Any]) -> Entries:
    for version, entries, key in (4, "prefixes", "ip_prefix"), (6, "ipv6_prefixes", "ipv6_prefix"):
        for entry in _get(document, entries, list):
            yield version, _get(entry, "region", str), [_get(entry, key, str)]


def _parse_gcp(document: dict[str, t.Any]) -> Entries:
    for entry in _get(document, "prefixes", list):
        region = _get(entry, "scope", str)
        if "ipv6Prefix" in entry:
            yield 6, region, [_get(entry, "ipv6Prefix", str)]
        if "ipv4Prefix" in entry or "ipv6Prefix" not in entry:
            yield 4, region, [_get(entry, "ipv4Prefix", str)]


def _parse_azure(document: dict[str, t.Any]) -> Entries:
    for tag in _get(document, "values", list):
        properties = _get(tag, "properties", dict)
        yield from _split_by_version(_get(properties, "region", str), _get(properties, "addressPrefixes", list))


def _parse_oci(document: dict[str, t.Any]) -> Entries:
    for entry in _get(document, "regions", list):
        cidrs = [_get(item, "cidr", str) for item in _get(entry, "cidrs", list)]
        yield from _split_by_version(_get(entry, "region", str), cidrs)


def _split_by_version(region: str, prefixes: list[t.Any]) -> Entries:
    if not set(map(type, prefixes)) <= {str}:
        raise ConfigurationError(f"not a list of strings: {_excerpt(prefixes)}")
    yield 4, region, [prefix for prefix in prefixes if ":" not in prefix]
    yield 6, region, [prefix for prefix in prefixes if ":" in prefix]


def _get(entry: t.Any, key: str, kind: type) -> t.Any:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind):
        raise ConfigurationError(f"{key} is missing, or is not of the type {kind.__name__}, in {_excerpt(entry)}")
    return value


def _excerpt(value: t.Any) -> str:
    """Return the beginning of a value for a message."""
    text = reprlib.repr(value)
    return text if len(text) <= 120 else text[:120] + "…"


FORMAT_KEYS = {
    "aws": {"prefixes", "ipv6_prefixes"},
    "gcp": {"prefixes", "creationTime"},
    "azure": {"values", "changeNumber"},
    "oci": {"regions", "last_updated_timestamp"},
}
PARSERS = {"aws": _parse_aws, "gcp": _parse_gcp, "azure": _parse_azure, "oci": _parse_oci}
