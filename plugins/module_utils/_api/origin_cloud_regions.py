# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cloud region mappings of a zone, read with the fewest requests.

Private to the collection: other code must not import this file. Source of paths, fields and codes: Cloudflare's API
documentation of origin cloud regions, version 2, https://developers.cloudflare.com/api/
"""

from __future__ import annotations

import calendar
import datetime
import itertools
import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import normalize_address
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import (
    Client,
    Page,
    unexpected_response,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.settings import ZoneSettings
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    CloudflareError,
    InvalidAddressError,
    MappingNotFoundError,
    TieredCacheDisabledError,
    build_api_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._text import sanitize_text

RegionKey = tuple[str, str]
"""A vendor and its region."""

Vendors = dict[str, list[dict[str, t.Any]]]
"""By vendor, its regions as ``{name, upper_tier_colos}``."""

VENDORS = ("aws", "azure", "gcp", "oci")
"""The vendors of the API's contract."""

MAX_MAPPINGS = 3_500
"""Mappings that a zone can have."""

BATCH_SIZE = 100
"""Mappings or addresses in one batch: the maximum of the API."""

NO_MAPPINGS = Page([], total_pages=1, total_count=0)
"""The one page of a zone without mappings."""

MAX_SNAPSHOT_ATTEMPTS = 3
"""Attempts to read all pages, if they contradict each other because another client writes meanwhile."""


class OriginMapping(t.NamedTuple):
    """A cloud region hint. ``origin_ip`` is canonical.

    ``modified_on`` is the API's text, or ``None`` where the API gives none, and for a mapping that was not sent yet.
    """

    origin_ip: str
    vendor: str
    region: str
    modified_on: str | None = None

    @classmethod
    def from_api(cls, item: t.Any) -> OriginMapping:
        """Parse a mapping of a response. Raises ``ApiError`` if it breaks the API's contract."""
        try:
            origin_ip = normalize_address(item["origin_ip"])
            vendor, region, modified_on = item["vendor"], item["region"], item.get("modified_on")
        except (InvalidAddressError, KeyError, RecursionError, TypeError):
            raise unexpected_response("a mapping", item) from None
        if not (isinstance(vendor, str) and isinstance(region, str)):
            raise unexpected_response("a mapping", item)
        return cls(origin_ip, vendor, region, modified_on if isinstance(modified_on, str) else None)

    @property
    def region_key(self) -> RegionKey:
        return self.vendor, self.region

    def format_region(self) -> str:
        """Return ``vendor/region``."""
        return f"{self.vendor}/{self.region}"

    def to_request(self) -> dict[str, str]:
        """Return the body of a request."""
        return {"origin_ip": self.origin_ip, "vendor": self.vendor, "region": self.region}

    def to_result(self) -> dict[str, t.Any]:
        """Return the mapping as modules and plugins do. Each call returns a new dictionary."""
        return self._asdict()


class BatchResult(t.NamedTuple):
    """The API's response for each item of a batch, by address. The API may omit items.

    ``confirmed`` has the vendor and region that the API reports, ``refused`` its reason. ``was_retried``: the API may have
    carried out an earlier attempt of the same batch.
    """

    confirmed: t.Mapping[str, tuple[object, object]] = {}
    refused: t.Mapping[str, str] = {}
    was_retried: bool = False


class ZoneSnapshot:
    """The part of a zone that was read: by address its mapping, or ``None`` if it has none.

    ``complete``: the zone has no other mappings. ``page_count`` and ``total`` are the API's counts, ``None`` and 0 before the first
    page was read. ``request_count`` is the number of requests so far. ``zone_id`` is empty if it is not known.
    """

    def __init__(self) -> None:
        self.zone_id = ""
        self.mappings: dict[str, OriginMapping | None] = {}
        self.complete = False
        self.page_count: int | None = None
        self.total = 0
        self.request_count = 0

    def missing(self, addresses: t.Iterable[str]) -> list[str]:
        """Return the addresses that were not read, each once."""
        if self.complete:
            return []
        return [address for address in dict.fromkeys(addresses) if address not in self.mappings]

    def covers(self, addresses: t.Iterable[str] | None) -> bool:
        """Return whether these addresses were read; for ``None``, whether the whole zone was."""
        return self.complete if addresses is None else not self.missing(addresses)

    def select(self, addresses: t.Iterable[str] | None) -> dict[str, OriginMapping]:
        """Return the mappings of these addresses in their order; for ``None``, all mappings."""
        selected = self.mappings if addresses is None else addresses
        return {address: mapping for address in selected if (mapping := self.mappings.get(address))}

    def add_page(self, page: Page) -> None:
        self.page_count, self.total = page.total_pages, page.total_count
        self.request_count += 1
        found: dict[str, OriginMapping | None] = {
            mapping.origin_ip: mapping for mapping in map(OriginMapping.from_api, page.items)
        }
        if page.total_count == len(found):
            self.mappings, self.complete = found, True
        else:
            self.mappings.update(found)


class OriginCloudRegions:
    """The mappings of one zone. Its methods take canonical addresses."""

    def __init__(self, client: Client, zone_id: str) -> None:
        self._client = client
        self._path = f"/zones/{zone_id}/origin/cloud_regions"
        self._settings = ZoneSettings(client, zone_id)

    def get(self, address: str) -> OriginMapping | None:
        """Return the mapping of one address, or ``None``. One request."""
        try:
            mapping = OriginMapping.from_api(self._client.request("GET", f"{self._path}/{address}").result)
        except MappingNotFoundError:
            return None
        if mapping.origin_ip != address:
            raise unexpected_response(f"the mapping of {address}", mapping.to_result())
        return mapping

    def get_many(self, addresses: t.Collection[str]) -> dict[str, OriginMapping]:
        """Return the mappings of these addresses, by address in the given order; an address without a mapping is omitted.

        For K different addresses in a zone whose mappings fill P pages: 1 request if K is 1, otherwise at most min(K + 1, P).
        """
        snapshot = ZoneSnapshot()
        self.fetch_missing(snapshot, addresses)
        return snapshot.select(addresses)

    def get_many_with_total(self, addresses: t.Collection[str]) -> tuple[dict[str, OriginMapping], int]:
        """Return the result of ``get_many``, and the number of all mappings of the zone. 1 to min(K + 1, P) requests."""
        snapshot = ZoneSnapshot()
        pages = self._iter_pages()
        first = next(pages)
        snapshot.add_page(first)
        self.fetch_missing(snapshot, addresses, itertools.chain([first], pages))
        return snapshot.select(addresses), snapshot.total

    def list_all(self) -> list[OriginMapping]:
        """Return all mappings in the API's order. One request for each 100 mappings, at least one."""
        return list(self._read_consistently(self._iter_pages()).values())

    def fetch_missing(
        self, snapshot: ZoneSnapshot, addresses: t.Collection[str] | None, pages: t.Iterator[Page] | None = None
    ) -> None:
        """Add the missing mappings of these addresses to the snapshot; for ``None``, those of the whole zone.

        ``pages`` are the zone's pages. If the snapshot is empty, a single address is read alone. Any other call needs the first
        page, for the number of pages, P. Then each missing address is read alone, unless the requests of the snapshot would exceed
        P: in that case all pages are read. So a sequence of calls costs at most twice as much as one call for everything, which
        costs min(K, P) for K different addresses, and P for all mappings.
        """
        pages = pages or self._iter_pages()
        missing = snapshot.missing(addresses or ())
        if snapshot.page_count is None and (len(missing) > 1 or (missing and snapshot.request_count)):
            first = next(pages)
            snapshot.add_page(first)
            pages = itertools.chain([first], pages)
            missing = snapshot.missing(missing)
        if snapshot.covers(addresses):
            return
        if addresses is None or (
            snapshot.page_count is not None and snapshot.request_count + len(missing) > snapshot.page_count
        ):
            mappings = self._read_consistently(pages)
            snapshot.mappings, snapshot.complete, snapshot.total = {**mappings}, True, len(mappings)
        else:
            snapshot.mappings.update(zip(missing, self._client.map_concurrently(self.get, missing)))
            snapshot.request_count += len(missing)

    def put(self, mapping: OriginMapping) -> OriginMapping:
        """Create or replace one mapping. Return the written mapping. One request."""
        address = mapping.origin_ip

        def write() -> OriginMapping:
            response = self._client.request("PUT", f"{self._path}/{address}", body=mapping.to_request())
            written = OriginMapping.from_api(response.result)
            if written.origin_ip != address or not same_region(written, mapping):
                raise unexpected_response(f"the mapping of {address} that was sent", written.to_result())
            return written

        def verify() -> OriginMapping | None:
            found = self.get(address)
            return found if same_region(found, mapping) else None

        return self._client.write_or_verify(write, verify)

    def delete(self, address: str) -> bool:
        """Delete one mapping. Return whether this call deleted it, and not another client. One request."""

        def write() -> bool:
            try:
                self._client.request("DELETE", f"{self._path}/{address}")
            except MappingNotFoundError as error:
                return error.outcome_unknown  # deleted by an earlier attempt, or by another client
            return True

        return self._client.write_or_verify(write, lambda: None if self.get(address) else True)

    def put_batch(self, mappings: t.Sequence[OriginMapping]) -> BatchResult:
        """Create or replace up to ``BATCH_SIZE`` mappings. The API may reject each of them separately. One request."""
        return self._send_batch("PUT", [mapping.to_request() for mapping in mappings])

    def delete_batch(self, addresses: t.Sequence[str]) -> BatchResult:
        """Delete up to ``BATCH_SIZE`` mappings. The API rejects an address without a mapping. One request."""
        try:
            return self._send_batch("DELETE", list(addresses))
        except MappingNotFoundError as error:  # a possible answer for a zone without mappings
            return BatchResult(refused=dict.fromkeys(addresses, error.message), was_retried=error.outcome_unknown)

    def list_supported_regions(self, explain: bool = True) -> dict[str, t.Any]:
        """Return ``{vendors, obtained_codes}``: by vendor, its regions as ``{name, upper_tier_colos}``. One request.

        If the API refuses and ``explain`` is set, one more request reads whether Tiered Cache is off. If it is, raises
        ``TieredCacheDisabledError``.
        """
        try:
            body = self._client.request("GET", f"{self._path}/supported_regions").result
        except ApiError as error:
            # Cloudflare publishes no error code for this case
            if explain and error.is_rejected and self._is_tiered_cache_off():
                raise TieredCacheDisabledError(
                    "Tiered Cache is off for this zone, so the API does not list the supported regions: "
                    f"enable it with the module edgecache.cloudflare.tiered_cache ({error})",
                    error.status,
                    error.message,
                    error.errors,
                ) from None
            raise
        try:
            vendors = {vendor: _parse_regions(regions) for vendor, regions in body["vendors"].items()}
            return {"vendors": vendors, "obtained_codes": body["obtained_codes"] is True}
        except (AttributeError, KeyError, TypeError):
            raise unexpected_response("the supported regions", body) from None

    def _is_tiered_cache_off(self) -> bool:
        try:
            return not self._settings.get("state")
        except CloudflareError:
            return False

    def _send_batch(self, method: str, body: list[t.Any]) -> BatchResult:
        response = self._client.request(method, f"{self._path}/batch", body=body)
        confirmed = _batch_items(response.result, "succeeded")
        refused = _batch_items(response.result, "failed")
        return BatchResult(
            {address: (item.get("vendor"), item.get("region")) for address, item in confirmed},
            {address: sanitize_text(str(item.get("error") or "")) for address, item in refused},
            response.was_retried,
        )

    def _read_consistently(self, pages: t.Iterator[Page]) -> dict[str, OriginMapping]:
        """Return all mappings by address. Reads the pages again if another client wrote meanwhile.

        A client that deletes one mapping and creates another leaves the total as it is, but moves the mappings between them to
        other pages. The new mapping reveals this: its ``modified_on`` is not earlier than the ``Date`` of the first page. Both are
        from the API's clock, in whole seconds, so the mapping may also have been written just before the attempt. In that case
        the previous attempt contains it, too.
        """
        found: dict[str, OriginMapping] = {}
        for dummy in range(MAX_SNAPSHOT_ATTEMPTS):
            previous, found = found, {}
            counts: set[int] = set()
            date: float | None = None
            is_changing = False
            for page in pages:
                known = len(found)
                mappings = {mapping.origin_ip: mapping for mapping in map(OriginMapping.from_api, page.items)}
                found.update(mappings)
                if counts:
                    unseen = [mapping for address, mapping in mappings.items() if previous.get(address) != mapping]
                    is_changing = is_changing or any(_is_written_since(date, mapping) for mapping in unseen)
                else:
                    date = page.date
                counts.add(page.total_count)
                if len(found) == known:  # an empty or repeated page: further pages would not help
                    break
            is_complete = counts == {len(found)}
            if is_complete and not is_changing:
                return found
            pages = self._iter_pages()
        if is_complete:
            raise build_api_error(
                200,
                [],
                f"another client changed the zone during each of {MAX_SNAPSHOT_ATTEMPTS} reads: try again later",
            )
        totals = " or ".join(map(str, sorted(counts)))
        raise build_api_error(
            200,
            [],
            f"the pages report {totals} mappings but contain {len(found)}, in each of {MAX_SNAPSHOT_ATTEMPTS} reads: "
            "try again later",
        )

    def _iter_pages(self) -> t.Iterator[Page]:
        try:
            yield from self._client.iter_pages(self._path)
        except MappingNotFoundError:  # a possible answer for a zone without mappings
            yield NO_MAPPINGS


def same_region(one: OriginMapping | None, other: OriginMapping | None) -> bool:
    """Return whether both mappings have the same vendor and region, or both are ``None``."""
    return (one and one.region_key) == (other and other.region_key)


def _is_written_since(date: float | None, mapping: OriginMapping) -> bool:
    """Return whether the API wrote this mapping at ``date`` (in seconds since the epoch) or later; false if either is unknown."""
    if date is None or mapping.modified_on is None:
        return False
    try:
        # Python before 3.11 accepts neither the Z nor every fraction
        modified = datetime.datetime.fromisoformat(re.sub(r"[.][0-9]+", "", mapping.modified_on).replace("Z", "+00:00"))
    except ValueError:
        return False
    return calendar.timegm(modified.utctimetuple()) >= date


def _batch_items(body: t.Any, key: str) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Yield the well-formed items of one list of a batch's response, by address. The others count as omitted."""
    items = body.get(key) if isinstance(body, dict) else None
    for item in items if isinstance(items, list) else []:
        try:
            yield normalize_address(item["origin_ip"]), item
        except (InvalidAddressError, KeyError, RecursionError, TypeError):
            continue


def _parse_regions(items: t.Any) -> list[dict[str, t.Any]]:
    regions = [{"name": item["name"], "upper_tier_colos": item["upper_tier_colos"]} for item in items]
    colo_lists = [region["upper_tier_colos"] for region in regions]
    texts = [region["name"] for region in regions] + [colo for colos in colo_lists for colo in colos]
    are_valid = [isinstance(part, list) for part in [items, *colo_lists]] + [isinstance(text, str) for text in texts]
    if not all(are_valid):
        raise TypeError
    return regions
