# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cloud region mappings of a zone, and how to answer a question about them with the fewest requests.

Private to the collection: no other collection may rely on this file. Paths, fields and codes are facts of Cloudflare's
API documentation (origin cloud regions, version 2).

A mapping is ``{origin_ip, vendor, region, modified_on}``: ``origin_ip`` canonical, ``modified_on`` the API's own text,
or none where the API gives none. One that is declared, and not yet sent, has none either.
"""

from __future__ import annotations

import calendar
import datetime
import itertools
import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import canonical
from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import (
    Client,
    Page,
    malformed,
    printable,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    AddressError,
    ApiError,
    CloudflareError,
    NoMapping,
    TieredCacheOff,
    api_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._tiered_cache import Switches

Mapping = dict[str, t.Any]

Vendors = dict[str, list[dict[str, t.Any]]]

VENDORS = ("aws", "azure", "gcp", "oci")
"""The vendors that the API's contract knows."""

MAX_MAPPINGS = 3_500
"""Mappings that a zone can have."""

BATCH_SIZE = 100
"""Mappings or addresses in one batch: the most that the API takes."""

MAX_READS = 3
"""Times that all pages are read, if they contradict each other since somebody writes meanwhile."""


class Judged(t.NamedTuple):
    """What the API says of the items of a batch, by address: the mappings that it confirms, its words on what it refuses.

    It may leave some out. ``repeated``: the batch was sent before, and may have been carried out then.
    """

    confirmed: t.Mapping[str, Mapping] = {}
    refused: t.Mapping[str, str] = {}
    repeated: bool = False


class Known:
    """What has been read of a zone: by address the mapping, or none where there is none.

    ``whole``: there are no other mappings. ``pages`` and ``total`` are those of the zone, none and 0 as long as no page was
    read; ``spent`` is the number of requests. ``zone_id`` is empty where it is not known either.
    """

    def __init__(self) -> None:
        self.zone_id = ""
        self.mappings: dict[str, Mapping | None] = {}
        self.whole = False
        self.pages: int | None = None
        self.total = 0
        self.spent = 0

    def unknown(self, addresses: t.Iterable[str]) -> list[str]:
        """Those of which it is not known whether they have a mapping, each once."""
        return [] if self.whole else [one for one in dict.fromkeys(addresses) if one not in self.mappings]

    def answers(self, addresses: t.Iterable[str] | None) -> bool:
        """Whether these addresses are known; whether the whole zone is, for none."""
        return self.whole if addresses is None else not self.unknown(addresses)

    def found(self, addresses: t.Iterable[str] | None) -> dict[str, Mapping]:
        """The mappings of these addresses, in their order, or all."""
        wanted = self.mappings if addresses is None else addresses
        return {address: mapping for address in wanted if (mapping := self.mappings.get(address))}

    def add(self, page: Page) -> None:
        self.pages, self.total = page.total_pages, page.total_count
        self.spent += 1
        found: dict[str, Mapping | None] = {mapping["origin_ip"]: mapping for mapping in map(_mapping, page.items)}
        if page.total_count == len(found):
            self.mappings, self.whole = found, True
        else:
            self.mappings.update(found)


class OriginCloudRegions:
    """The mappings of one zone. Addresses that go in are canonical already."""

    def __init__(self, client: Client, zone_id: str) -> None:
        self._client = client
        self._path = f"/zones/{zone_id}/origin/cloud_regions"
        self._switches = Switches(client, zone_id)

    def get(self, address: str) -> Mapping | None:
        """The mapping of one address, or none. One request."""
        try:
            mapping = _mapping(self._client.request("GET", f"{self._path}/{address}")["result"])
        except NoMapping:
            return None
        if mapping["origin_ip"] != address:
            raise malformed(f"the mapping of {address}", mapping)
        return mapping

    def find(self, addresses: t.Collection[str]) -> dict[str, Mapping]:
        """The mappings of these addresses, by address, in the order given; an address without one is left out.

        K different addresses, in a zone whose mappings fill P pages: 1 request if K is 1, else at most min(K + 1, P).
        """
        known = Known()
        self.learn(known, addresses)
        return known.found(addresses)

    def survey(self, addresses: t.Collection[str]) -> tuple[dict[str, Mapping], int]:
        """The same, with the number of all mappings that the zone has. At most min(K + 1, P) requests, at least 1."""
        known = Known()
        pages = self._pages()
        first = next(pages)
        known.add(first)
        self.learn(known, addresses, itertools.chain([first], pages))
        return known.found(addresses), known.total

    def all(self) -> list[Mapping]:
        """All mappings, in the API's order. One request for each 100 of them, at least one."""
        return list(self._whole(self._pages()).values())

    def learn(self, known: Known, addresses: t.Collection[str] | None, pages: t.Iterator[Page] | None = None) -> None:
        """Read what ``known`` lacks of these addresses, or of the whole zone. ``pages`` are those of the zone.

        The first address is asked for alone, then the first page is read, then each address is asked for alone, until
        that has cost, or would cost, more than all P pages: then these are read. So whatever is asked, one after the
        other or together, costs at most twice as much as if it had been known from the start that it will be: K
        different addresses could cost min(K, P), and all mappings P.
        """
        pages = pages or self._pages()
        left = known.unknown(addresses or ())
        if known.pages is None and (len(left) > 1 or (left and known.spent)):
            first = next(pages)
            known.add(first)
            pages = itertools.chain([first], pages)
            left = known.unknown(left)
        if known.answers(addresses):
            return
        if addresses is None or (known.pages is not None and known.spent + len(left) > known.pages):
            mappings = self._whole(pages)
            known.mappings, known.whole, known.total = {**mappings}, True, len(mappings)
        else:
            known.mappings.update(zip(left, self._client.side_by_side(self.get, left)))
            known.spent += len(left)

    def put(self, wanted: Mapping) -> Mapping:
        """Create or replace one mapping; as it is then. One request."""

        def write() -> Mapping:
            written = _mapping(self._client.request("PUT", f"{self._path}/{address}", body=_sent(wanted))["result"])
            if written["origin_ip"] != address or not is_same(written, wanted):
                raise malformed(f"the mapping of {address} that was sent", written)
            return written

        def read() -> Mapping | None:
            found = self.get(address)
            return found if is_same(found, wanted) else None

        address = wanted["origin_ip"]
        return self._client.sure(write, read)

    def delete(self, address: str) -> bool:
        """Delete one mapping; false if somebody else has done so. One request."""

        def write() -> bool:
            try:
                self._client.request("DELETE", f"{self._path}/{address}")
            except NoMapping as error:
                return error.lost  # by an earlier try, or by somebody else
            return True

        return self._client.sure(write, lambda: None if self.get(address) else True)

    def put_batch(self, wanted: t.Sequence[Mapping]) -> Judged:
        """Create or replace up to ``BATCH_SIZE`` mappings, each judged alone. One request."""
        return self._batch("PUT", [_sent(mapping) for mapping in wanted])

    def delete_batch(self, addresses: t.Sequence[str]) -> Judged:
        """Delete up to ``BATCH_SIZE`` mappings, each judged alone; one that is not there is refused. One request."""
        try:
            return self._batch("DELETE", list(addresses))
        except NoMapping as error:  # how the API may say that the zone has none at all
            return Judged(refused=dict.fromkeys(addresses, error.message), repeated=error.lost)

    def supported(self, explain: bool = True) -> dict[str, t.Any]:
        """``{vendors, obtained_codes}``: by vendor, its regions as ``{name, upper_tier_colos}``. One request.

        If it is refused, ``explain`` asks with a second one whether Tiered Cache is on: ``TieredCacheOff`` if not.
        """
        try:
            result = self._client.request("GET", f"{self._path}/supported_regions")["result"]
        except ApiError as error:
            # No code is published for this
            if explain and error.is_rejected and self._tiered_cache_is_off():
                raise TieredCacheOff(
                    "Tiered Cache is off for this zone, and without it the API does not tell the supported regions: "
                    f"the module edgecache.cloudflare.tiered_cache switches it on ({error})",
                    error.status,
                    error.message,
                    error.errors,
                ) from None
            raise
        try:
            vendors = {vendor: _regions(regions) for vendor, regions in result["vendors"].items()}
            return {"vendors": vendors, "obtained_codes": result["obtained_codes"] is True}
        except (AttributeError, KeyError, TypeError):
            raise malformed("the supported regions", result) from None

    def _tiered_cache_is_off(self) -> bool:
        try:
            return not self._switches.get("state")
        except CloudflareError:
            return False

    def _batch(self, method: str, body: list[t.Any]) -> Judged:
        result = self._client.request(method, f"{self._path}/batch", body=body)["result"]
        refused = {address: printable(str(item.get("error") or "")) for address, item in _items(result, "failed")}
        return Judged(dict(_items(result, "succeeded")), refused, self._client.repeated)

    def _whole(self, pages: t.Iterator[Page]) -> dict[str, Mapping]:
        """All mappings by address. The pages are read again if they contradict each other, or if somebody wrote meanwhile.

        Somebody who deletes one mapping and creates another leaves the total as it is, but moves those between them to other
        pages. The new one shows: its ``modified_on`` is not earlier than the ``Date`` of the first page. Both are of the API's
        clock, in whole seconds, so it may also have been written just before. It was, if the reading before has it, too.
        """
        found: dict[str, Mapping] = {}
        for dummy in range(MAX_READS):
            before, found = found, {}
            counts: set[int] = set()
            date: float | None = None
            is_changing = False
            for page in pages:
                known = len(found)
                mappings = {mapping["origin_ip"]: mapping for mapping in map(_mapping, page.items)}
                found.update(mappings)
                if counts:
                    unseen = [mapping for address, mapping in mappings.items() if before.get(address) != mapping]
                    is_changing = is_changing or any(_is_written_since(date, mapping) for mapping in unseen)
                else:
                    date = page.date
                counts.add(page.total_count)
                if len(found) == known:  # an empty page, or a repeated one: no use in asking for more
                    break
            is_complete = counts == {len(found)}
            if is_complete and not is_changing:
                return found
            pages = self._pages()
        if is_complete:
            raise api_error(200, [], f"somebody changed the zone while it was read, {MAX_READS} times: try again later")
        told = " or ".join(map(str, sorted(counts)))
        raise api_error(
            200, [], f"the pages say that the zone has {told} mappings and hold {len(found)}, {MAX_READS} times"
        )

    def _pages(self) -> t.Iterator[Page]:
        try:
            yield from self._client.pages(self._path)
        except NoMapping:  # how the API may say of a zone that it has none
            yield Page([], 1, 0)


def is_same(one: Mapping | None, other: Mapping | None) -> bool:
    """Whether both name the same place, or neither any."""
    places = [mapping and (mapping.get("vendor"), mapping.get("region")) for mapping in (one, other)]
    return places[0] == places[1]


def _is_written_since(date: float | None, mapping: Mapping) -> bool:
    """Whether the API wrote this mapping in the second ``date`` (since the epoch) or later, as far as both are known."""
    if date is None or mapping["modified_on"] is None:
        return False
    try:
        # Python before 3.11 takes neither the Z nor every fraction
        modified = datetime.datetime.fromisoformat(
            re.sub(r"[.][0-9]+", "", mapping["modified_on"]).replace("Z", "+00:00")
        )
    except ValueError:
        return False
    return calendar.timegm(modified.utctimetuple()) >= date


def _sent(mapping: Mapping) -> Mapping:
    return {key: mapping[key] for key in ("origin_ip", "vendor", "region")}


def _items(result: t.Any, key: str) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """The well-formed items of one list of a batch's result, by address: what it is silent on is read again."""
    items = result.get(key) if isinstance(result, dict) else None
    for item in items if isinstance(items, list) else []:
        try:
            yield canonical(item["origin_ip"]), item
        except (AddressError, KeyError, TypeError):
            continue


def _regions(items: t.Any) -> list[dict[str, t.Any]]:
    regions = [{"name": item["name"], "upper_tier_colos": item["upper_tier_colos"]} for item in items]
    colos = [region["upper_tier_colos"] for region in regions]
    texts = [region["name"] for region in regions] + [colo for some in colos for colo in some]
    if not all(isinstance(one, list) for one in [items, *colos]) or not all(isinstance(one, str) for one in texts):
        raise TypeError
    return regions


def _mapping(item: t.Any) -> Mapping:
    try:
        mapping = {"origin_ip": canonical(item["origin_ip"]), "vendor": item["vendor"], "region": item["region"]}
        modified_on = item.get("modified_on")
    except (AddressError, KeyError, TypeError):
        raise malformed("a mapping", item) from None
    if not (isinstance(mapping["vendor"], str) and isinstance(mapping["region"], str)):
        raise malformed("a mapping", item)
    return {**mapping, "modified_on": modified_on if isinstance(modified_on, str) else None}
