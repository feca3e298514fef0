# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cloud region mappings of a zone, and how to answer a question about them with the fewest requests.

Private to the collection: no other collection may rely on this file. Paths, fields and codes are facts of Cloudflare's
API documentation (origin cloud regions, version 2).

A mapping is ``{origin_ip, vendor, region, modified_on}``: ``origin_ip`` canonical, ``modified_on`` the API's own text,
or none where the API gives none.
"""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import canonical
from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import Client, Page, malformed
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import AddressError, NoMapping, api_error

Mapping = dict[str, t.Any]

MAX_READS = 3
"""Times that all pages are read, if they contradict each other since somebody writes meanwhile."""


class OriginCloudRegions:
    """The mappings of one zone. Addresses that go in are canonical already."""

    def __init__(self, client: Client, zone_id: str) -> None:
        self._client = client
        self._path = f"/zones/{zone_id}/origin/cloud_regions"

    def get(self, address: str) -> Mapping | None:
        """The mapping of one address, or none. One request."""
        try:
            mapping = _mapping(self._client.request("GET", f"{self._path}/{address}")["result"])
        except NoMapping:
            return None
        if mapping["origin_ip"] != address:
            raise malformed(f"the mapping of {address}", mapping)
        return mapping

    def find(self, addresses: t.Iterable[str]) -> dict[str, Mapping]:
        """The mappings of these addresses, by address, in the order given; an address without one is left out.

        K different addresses, in a zone whose mappings fill P pages: 1 request if K is 1, else at most min(K + 1, P).
        """
        wanted = list(dict.fromkeys(addresses))
        found: dict[str, Mapping | None]
        if len(wanted) < 2:
            found = {address: self.get(address) for address in wanted}
        else:
            pages = self._pages()
            first = next(pages)
            found = {mapping["origin_ip"]: mapping for mapping in map(_mapping, first.items)}
            left = [address for address in wanted if address not in found]
            if len(left) < first.total_pages:
                found.update({address: self.get(address) for address in left})
            else:
                found = {**self._whole(itertools.chain([first], pages))}
        return {address: mapping for address in wanted if (mapping := found.get(address))}

    def all(self) -> list[Mapping]:
        """All mappings, in the API's order. One request for each 100 of them, at least one."""
        return list(self._whole(self._pages()).values())

    def _whole(self, pages: t.Iterator[Page]) -> dict[str, Mapping]:
        """All mappings by address. Pages that contradict each other are read again from the first."""
        for dummy in range(MAX_READS):
            found: dict[str, Mapping] = {}
            counts = set()
            for page in pages:
                known = len(found)
                found.update((mapping["origin_ip"], mapping) for mapping in map(_mapping, page.items))
                counts.add(page.total_count)
                if len(found) == known:  # an empty page, or a repeated one: no use in asking for more
                    break
            if counts == {len(found)}:
                return found
            pages = self._pages()
        told = " or ".join(map(str, sorted(counts)))
        raise api_error(
            200, [], f"the pages say that the zone has {told} mappings and hold {len(found)}, {MAX_READS} times"
        )

    def _pages(self) -> t.Iterator[Page]:
        try:
            yield from self._client.pages(self._path)
        except NoMapping:  # how the API may say of a zone that it has none
            yield Page([], 1, 0)


def _mapping(item: t.Any) -> Mapping:
    try:
        mapping = {"origin_ip": canonical(item["origin_ip"]), "vendor": item["vendor"], "region": item["region"]}
        modified_on = item.get("modified_on")
    except (AddressError, KeyError, TypeError):
        raise malformed("a mapping", item) from None
    if not (isinstance(mapping["vendor"], str) and isinstance(mapping["region"], str)):
        raise malformed("a mapping", item)
    return {**mapping, "modified_on": modified_on if isinstance(modified_on, str) else None}
