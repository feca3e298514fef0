# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans, the order of their batches, and the results after partial failures and unknown outcomes."""

from __future__ import annotations

import re
import typing as t

import pytest
import requests
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import OriginCloudRegions
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    ApiError,
    PermissionDeniedError,
    RateLimitError,
    RetryableTransportError,
    UnexpectedError,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._hints.reconcile import (
    ApplyResult,
    Change,
    Plan,
    apply_changes,
    build_diff,
    make_plan,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    BATCH_PATH,
    ZONE_ID,
    Wire,
    address,
    batch_response,
    envelope,
    error_envelope,
    page,
    request_item,
    to_json,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_mapping as mapping
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_mappings as mappings
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_new_mapping as new

ADDRESS_1, ADDRESS_2, IPV6_ADDRESS = "192.0.2.1", "192.0.2.2", "2001:db8::6"
NO_CONFIRMATION = "The API neither confirmed nor refused this change, and did not make it. Run the task again."
CONNECTION_ERROR = requests.ConnectionError("cut")


@pytest.fixture
def regions(client: Client) -> OriginCloudRegions:
    """The mappings of a zone, with a client that does not retry. A lost answer is verified by reading."""
    client._pacer._max_wait = 0.0
    return OriginCloudRegions(client, ZONE_ID)


@pytest.fixture
def retrying_regions(client: Client) -> OriginCloudRegions:
    return OriginCloudRegions(client, ZONE_ID)


def create(origin_ip: str) -> Change:
    return Change(origin_ip, None, new(origin_ip))


def update(origin_ip: str) -> Change:
    return Change(origin_ip, mapping(origin_ip, "gcp", "us-central1"), new(origin_ip))


def delete(origin_ip: str) -> Change:
    return Change(origin_ip, mapping(origin_ip), None)


def error_message(result: ApplyResult, planned: int) -> str:
    return str(result.error(planned))


class TestMakePlan:
    def test_empty(self) -> None:
        assert make_plan({}, {}) == Plan([], [])

    def test_all_kinds_of_changes(self) -> None:
        wanted = {
            IPV6_ADDRESS: new(IPV6_ADDRESS),
            "192.0.2.10": new("192.0.2.10"),
            "192.0.2.9": new("192.0.2.9"),
            ADDRESS_1: None,
            ADDRESS_2: None,
        }
        actual = {
            ADDRESS_1: mapping(ADDRESS_1),
            "192.0.2.9": mapping("192.0.2.9"),
            "192.0.2.10": mapping("192.0.2.10", region="us-west-2"),
            "192.0.2.99": mapping("192.0.2.99"),
        }
        assert make_plan(wanted, actual) == Plan(
            [
                Change(ADDRESS_1, mapping(ADDRESS_1), None),
                Change("192.0.2.10", mapping("192.0.2.10", region="us-west-2"), new("192.0.2.10")),
                Change(IPV6_ADDRESS, None, new(IPV6_ADDRESS)),
            ],
            [mapping("192.0.2.9")],
        )

    def test_purge_deletes_undeclared_mappings(self) -> None:
        actual = {one: mapping(one) for one in (IPV6_ADDRESS, "192.0.2.10", ADDRESS_2, ADDRESS_1)}
        assert make_plan({ADDRESS_2: new(ADDRESS_2), "192.0.2.3": new("192.0.2.3")}, actual, purge=True) == Plan(
            [delete(ADDRESS_1), create("192.0.2.3"), delete("192.0.2.10"), delete(IPV6_ADDRESS)], [mapping(ADDRESS_2)]
        )

    @pytest.mark.parametrize("region", [("aws", "us-west-2"), ("gcp", "us-east-1")])
    def test_vendor_and_region_are_compared(self, region: tuple[str, str]) -> None:
        plan = make_plan({ADDRESS_1: new(ADDRESS_1, *region)}, {ADDRESS_1: mapping(ADDRESS_1)})
        assert plan == Plan([Change(ADDRESS_1, mapping(ADDRESS_1), new(ADDRESS_1, *region))], [])

    def test_arguments_are_not_changed(self) -> None:
        wanted, actual = {ADDRESS_1: new(ADDRESS_1)}, {ADDRESS_2: mapping(ADDRESS_2)}
        make_plan(wanted, actual, purge=True)
        assert (wanted, actual) == ({ADDRESS_1: new(ADDRESS_1)}, {ADDRESS_2: mapping(ADDRESS_2)})


def test_build_diff() -> None:
    assert mapping(ADDRESS_1).format_region() == "aws/us-east-1"
    assert build_diff([]) == {"before": {}, "after": {}}
    assert build_diff(
        [create(ADDRESS_1), update(ADDRESS_2), delete(IPV6_ADDRESS), Change("192.0.2.4", None, None)]
    ) == {
        "before": {ADDRESS_2: "gcp/us-central1", IPV6_ADDRESS: "aws/us-east-1"},
        "after": {ADDRESS_1: "aws/us-east-1", ADDRESS_2: "aws/us-east-1"},
    }


class TestOrder:
    @staticmethod
    def batch_sizes(wire: Wire) -> list[tuple[str, int]]:
        return [(request.method, len(request.body.split(b"192.0.2.")) - 1) for request in wire.requests]

    def test_no_change_sends_nothing(self, regions: OriginCloudRegions, wire: Wire) -> None:
        result = apply_changes(regions, [], 3_500)
        assert result.error(0) is None
        assert wire.requests == []

    @pytest.mark.parametrize("count", [1, 100, 101, 250])
    @pytest.mark.parametrize("kind", [create, update, delete])
    def test_batches_of_100(
        self, regions: OriginCloudRegions, wire: Wire, kind: t.Callable[[str], Change], count: int
    ) -> None:
        changes = [kind(address(number)) for number in range(count)]
        for start in range(0, count, 100):
            part = [change.after or change.before for change in changes[start : start + 100]]
            (wire.delete_batch if kind is delete else wire.put_batch)(part)
        assert apply_changes(regions, changes, count).applied == changes
        assert len(wire.requests) == -(-count // 100)

    def test_updates_before_creations_before_deletions(self, regions: OriginCloudRegions, wire: Wire) -> None:
        changes = [
            delete(ADDRESS_1),
            create(ADDRESS_2),
            update("192.0.2.3"),
            create("192.0.2.4"),
            delete("192.0.2.5"),
            update(IPV6_ADDRESS),
        ]
        wire.put_batch([new("192.0.2.3"), new(IPV6_ADDRESS), new(ADDRESS_2), new("192.0.2.4")])
        wire.delete_batch([mapping(ADDRESS_1), mapping("192.0.2.5")])
        result = apply_changes(regions, changes, 6)
        assert result.applied == [changes[2], changes[5], changes[1], changes[3], changes[0], changes[4]]

    @pytest.mark.parametrize(
        ("total", "creates", "updates", "deletes", "order"),
        [
            # Enough room: deletions are last
            (3_400, 100, 0, 150, "PUT DELETE DELETE"),
            (3_500, 0, 100, 100, "PUT DELETE"),
            (3_499, 1, 99, 1, "PUT DELETE"),
            (3_400, 100, 150, 250, "PUT PUT PUT DELETE DELETE DELETE"),
            # Not enough room: only the necessary deletions are first
            (3_500, 1, 0, 250, "DELETE PUT DELETE DELETE"),
            (3_401, 100, 0, 250, "DELETE PUT DELETE DELETE"),
            (3_500, 100, 0, 250, "DELETE PUT DELETE DELETE"),
            (3_450, 200, 0, 250, "DELETE PUT DELETE PUT DELETE"),
            (3_500, 200, 0, 250, "DELETE PUT DELETE PUT DELETE"),
            (3_500, 101, 0, 101, "DELETE PUT DELETE PUT"),
            (3_500, 100, 100, 100, "PUT DELETE PUT"),
            (3_500, 50, 150, 60, "PUT DELETE PUT"),
            (3_400, 250, 0, 150, "PUT DELETE PUT DELETE PUT"),
            # More than the zone can have, which is never planned: the API rejects it
            (3_500, 300, 0, 100, "DELETE PUT PUT PUT"),
            (3_700, 1, 0, 250, "DELETE DELETE DELETE PUT"),
        ],
    )
    def test_deletions_first_only_in_a_full_zone(
        self,
        regions: OriginCloudRegions,
        wire: Wire,
        total: int,
        creates: int,
        updates: int,
        deletes: int,
        order: str,
    ) -> None:
        writes = [update(address(number)) for number in range(updates)]
        writes += [create(address(1_000 + number)) for number in range(creates)]
        gone = [delete(address(2_000 + number)) for number in range(deletes)]
        done, now = {"PUT": 0, "DELETE": 0}, total
        for method in order.split():
            part = (writes if method == "PUT" else gone)[done[method] : done[method] + 100]
            done[method] += 100
            if method == "PUT":
                wire.put_batch([change.after for change in part])
            else:
                wire.delete_batch([change.before for change in part])
            now += sum(not change.before for change in part) - sum(not change.after for change in part)
            assert method == "DELETE" or now <= 3_500 or total + creates - deletes > 3_500
        changes = [*gone, *writes]
        result = apply_changes(regions, changes, total)
        assert result.error(len(changes)) is None
        assert len(result.applied) == len(changes)
        assert [request.method for request in wire.requests] == order.split()


class TestBatchResult:
    def test_all_confirmed(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(IPV6_ADDRESS), new(ADDRESS_1)])
        wire.delete_batch([mapping(ADDRESS_2)])
        result = apply_changes(regions, [create(ADDRESS_1), delete(ADDRESS_2), update(IPV6_ADDRESS)], 2)
        assert result.error(3) is None
        assert result.to_result() == {
            "changed": True,
            "created": to_json([new(ADDRESS_1)]),
            "updated": to_json([new(IPV6_ADDRESS)]),
            "deleted": to_json([mapping(ADDRESS_2)]),
            "failed_items": [],
            "unconfirmed": [],
            "diff": {
                "before": {ADDRESS_2: "aws/us-east-1", IPV6_ADDRESS: "gcp/us-central1"},
                "after": {ADDRESS_1: "aws/us-east-1", IPV6_ADDRESS: "aws/us-east-1"},
            },
        }

    def test_rejected_write_stops_deletions_only(self, regions: OriginCloudRegions, wire: Wire) -> None:
        writes = [create(address(number)) for number in range(201)]
        sent_ones = [change.after for change in writes]
        wire.put_batch(
            sent_ones[:100],
            batch_response([request_item(one) for one in sent_ones[1:100]], **{address(0): "no such region"}),
        )
        wire.put_batch(sent_ones[100:200])
        wire.put_batch(sent_ones[200:])
        result = apply_changes(regions, [delete(ADDRESS_1), *writes], 1)
        assert result.applied == writes[1:]
        assert result.refused == {address(0): "no such region"}
        assert result.to_result()["changed"] is True
        assert result.to_result()["deleted"] == []
        assert result.to_result()["failed_items"] == [{"origin_ip": address(0), "error": "no such region"}]
        error = result.error(202)
        assert str(error) == (
            f"The API refused some changes: {address(0)}: no such region; "
            "changes made: 200 of 202, refused: 1 (see failed_items)"
        )
        assert error.failure() == {
            "status": 200,
            "code": None,
            "message": f"{address(0)}: no such region",
            "errors": [],
        }

    def test_rejected_deletion_stops_nothing(self, regions: OriginCloudRegions, wire: Wire) -> None:
        """A rejected deletion does not stop the others."""
        changes = [delete(one.origin_ip) for one in mappings(101)]
        wire.delete_batch(
            mappings(100),
            batch_response([request_item(one) for one in mappings(100)[1:]], **{address(0): "internal error"}),
        )
        wire.mapping(address(0))
        wire.delete_batch(mappings(101)[100:])
        result = apply_changes(regions, changes, 101)
        assert result.applied == changes[1:]
        assert result.refused == {address(0): "internal error"}

    def test_rejected_deletion_in_a_full_zone(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch(
            [mapping(ADDRESS_1), mapping(ADDRESS_2)],
            batch_response([request_item(mapping(ADDRESS_2))], **{ADDRESS_1: "internal error"}),
        )
        wire.mapping(ADDRESS_1)
        wire.put_batch([new(IPV6_ADDRESS)])
        result = apply_changes(regions, [delete(ADDRESS_1), delete(ADDRESS_2), create(IPV6_ADDRESS)], 3_500)
        assert result.applied == [delete(ADDRESS_2), create(IPV6_ADDRESS)]
        assert result.refused == {ADDRESS_1: "internal error"}

    def test_rejected_write_leaves_room_for_others(self, regions: OriginCloudRegions, wire: Wire) -> None:
        """A rejected write does not stop the other writes, but no mapping is deleted."""
        changes = [create(address(number)) for number in range(101)]
        wanted = [change.after for change in changes]
        wire.put_batch(wanted[:100], batch_response([request_item(one) for one in wanted[1:100]], **{address(0): "no"}))
        wire.put_batch(wanted[100:])
        result = apply_changes(regions, [*changes, delete(ADDRESS_1)], 3_400)
        assert result.applied == changes[1:]
        assert result.failure is None

    def test_full_zone_after_a_rejected_write(self, regions: OriginCloudRegions, wire: Wire) -> None:
        """Only the deletions that make room for the other writes are made."""
        writes = [create(address(number)) for number in range(300)]
        wanted = [change.after for change in writes]
        gone = [delete(address(1_000 + number)) for number in range(300)]
        present = [change.before for change in gone]
        wire.delete_batch(present[:100])
        wire.put_batch(wanted[:100], batch_response(map(request_item, wanted[1:100]), **{address(0): "no such region"}))
        wire.delete_batch(present[100:199])
        wire.put_batch(wanted[100:200])
        wire.delete_batch(present[199:299])
        wire.put_batch(wanted[200:])
        result = apply_changes(regions, [*writes, *gone], 3_500)
        assert sorted(result.applied) == sorted([*writes[1:], *gone[:299]])
        assert result.refused == {address(0): "no such region"}
        assert result.failure is None

    def test_full_zone_after_a_rejected_update(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(one.origin_ip) for one in mappings(100)], batch_response(**{address(0): "no"}))
        wire.page(1, page([mapping(address(number)) for number in range(1, 100)]))
        wire.delete_batch([mapping(ADDRESS_1)])
        wire.put_batch([new(IPV6_ADDRESS)])
        changes = [
            *(update(address(number)) for number in range(100)),
            create(IPV6_ADDRESS),
            delete(ADDRESS_1),
            delete(ADDRESS_2),
        ]
        result = apply_changes(regions, changes, 3_500)
        assert result.refused == {address(0): "no"}
        assert result.applied == [*changes[1:100], delete(ADDRESS_1), create(IPV6_ADDRESS)]

    def test_rejections_are_reported_in_order(self, regions: OriginCloudRegions, wire: Wire) -> None:
        addresses = ["192.0.2.9", "192.0.2.10", IPV6_ADDRESS, "192.0.2.1"]
        words = {one: f"no {number}" for number, one in enumerate(addresses)}
        wire.put_batch(list(map(new, addresses)), batch_response(**words))
        result = apply_changes(regions, list(map(create, addresses)), 0)
        assert error_message(result, 4) == (
            "The API refused some changes: 192.0.2.1: no 3; 192.0.2.9: no 0; 192.0.2.10: no 1; "
            "changes made: 0 of 4, refused: 4 (see failed_items)"
        )
        assert [item["origin_ip"] for item in result.to_result()["failed_items"]] == [
            "192.0.2.1",
            "192.0.2.9",
            "192.0.2.10",
            IPV6_ADDRESS,
        ]
        assert result.to_result()["changed"] is False
        assert result.to_result()["diff"] == {"before": {}, "after": {}}

    def test_other_spelling_in_the_answer(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(IPV6_ADDRESS)], batch_response([request_item(mapping("2001:DB8:0::6"))]))
        assert apply_changes(regions, [create(IPV6_ADDRESS)], 0).applied == [create(IPV6_ADDRESS)]

    def test_unrelated_items_in_the_answer_are_ignored(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch(
            [new(ADDRESS_1)],
            batch_response([request_item(new(ADDRESS_1)), request_item(new(ADDRESS_2))], **{IPV6_ADDRESS: "no"}),
        )
        result = apply_changes(regions, [create(ADDRESS_1)], 0)
        assert result.applied == [create(ADDRESS_1)]
        assert result.error(1) is None

    @pytest.mark.parametrize(
        "answer",
        [
            batch_response(),
            envelope({}),
            envelope([]),
            envelope("done"),
            envelope({"succeeded": None, "failed": {}}),
            batch_response([None, 1, "x", [], {}, {"origin_ip": None}, {"origin_ip": "x"}, {"origin_ip": ADDRESS_2}]),
            batch_response([{"origin_ip": ADDRESS_1}]),
            batch_response([{"origin_ip": ADDRESS_1, "vendor": "aws"}]),
            batch_response([request_item(mapping(ADDRESS_1, region="us-west-2"))]),
            batch_response([request_item(mapping(ADDRESS_1))], **{ADDRESS_1: "no"}),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("applied", [True, False])
    def test_missing_and_contradictory_items_are_verified(
        self, regions: OriginCloudRegions, wire: Wire, answer: t.Any, applied: bool
    ) -> None:
        wire.put_batch([new(ADDRESS_1)], answer)
        if applied:
            wire.mapping(ADDRESS_1)
        else:
            wire.no_mapping(ADDRESS_1)
        result = apply_changes(regions, [create(ADDRESS_1)], 0)
        assert result.applied == ([create(ADDRESS_1)] if applied else [])
        contradiction = answer == batch_response([request_item(mapping(ADDRESS_1))], **{ADDRESS_1: "no"})
        assert result.refused == ({} if applied else {ADDRESS_1: "no" if contradiction else NO_CONFIRMATION})
        assert result.failure is None

    def test_missing_item_of_an_update_that_was_not_made(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ADDRESS_1)], batch_response())
        wire.mapping(ADDRESS_1, envelope(mapping(ADDRESS_1, "gcp", "us-central1")))
        assert apply_changes(regions, [update(ADDRESS_1)], 1).refused == {ADDRESS_1: NO_CONFIRMATION}

    def test_only_unconfirmed_items_are_verified(self, regions: OriginCloudRegions, wire: Wire) -> None:
        changes = [create(address(number)) for number in range(100)]
        wanted = [change.after for change in changes]
        wire.put_batch(wanted, batch_response([request_item(one) for one in wanted[2:]]))
        wire.page(1, page([mapping(address(1))]))
        result = apply_changes(regions, changes, 0)
        assert sorted(result.applied) == sorted(changes[1:])
        assert result.refused == {address(0): NO_CONFIRMATION}

    @pytest.mark.parametrize(
        "answer",
        [
            batch_response(),
            batch_response(**{ADDRESS_1: "no"}),
            batch_response([{"origin_ip": ADDRESS_1}], **{ADDRESS_1: "no"}),
        ],
    )
    def test_deletion_without_effect(self, regions: OriginCloudRegions, wire: Wire, answer: dict[str, t.Any]) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], answer)
        wire.mapping(ADDRESS_1)
        result = apply_changes(regions, [delete(ADDRESS_1)], 1)
        assert result.applied == []
        assert result.refused == {ADDRESS_1: NO_CONFIRMATION if answer == batch_response() else "no"}

    def test_missing_item_of_a_deletion_that_was_made(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], batch_response())
        wire.no_mapping(ADDRESS_1)
        assert apply_changes(regions, [delete(ADDRESS_1)], 1).applied == [delete(ADDRESS_1)]

    def test_deletion_is_confirmed_by_its_address(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], batch_response([{"origin_ip": ADDRESS_1}]))
        assert apply_changes(regions, [delete(ADDRESS_1)], 1).applied == [delete(ADDRESS_1)]

    def test_deletion_by_another_client(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch(
            [mapping(ADDRESS_1), mapping(ADDRESS_2)],
            batch_response([request_item(mapping(ADDRESS_2))], **{ADDRESS_1: "does not exist"}),
        )
        wire.no_mapping(ADDRESS_1)
        result = apply_changes(regions, [delete(ADDRESS_1), delete(ADDRESS_2)], 2)
        assert result.error(2) is None
        assert result.to_result()["deleted"] == to_json([mapping(ADDRESS_2)])

    def test_deletions_by_another_client_are_no_change(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "does not exist"}))
        wire.no_mapping(ADDRESS_1)
        result = apply_changes(regions, [delete(ADDRESS_1)], 1)
        assert result.error(1) is None
        assert result.to_result()["changed"] is False
        assert result.to_result()["diff"] == {"before": {}, "after": {}}

    def test_emptied_zone_with_1142(self, regions: OriginCloudRegions, wire: Wire) -> None:
        """The API may return code 1142 for an empty zone: the mapping no longer exists."""
        wire.delete_batch([mapping(ADDRESS_1)], error_envelope(1142), status=404)
        wire.no_mapping(ADDRESS_1)
        result = apply_changes(regions, [delete(ADDRESS_1)], 1)
        assert result.failure is None
        assert (result.applied, result.refused, result.unconfirmed) == ([], {}, [])

    def test_deletion_by_another_client_stops_nothing(self, regions: OriginCloudRegions, wire: Wire) -> None:
        changes = [delete(one.origin_ip) for one in mappings(101)]
        wire.delete_batch(
            mappings(100), batch_response([request_item(one) for one in mappings(100)[1:]], **{address(0): "gone"})
        )
        wire.no_mapping(address(0))
        wire.delete_batch(mappings(101)[100:])
        assert apply_changes(regions, changes, 101).applied == changes[1:]


class TestRetriedBatch:
    """The first answer is lost, so the client sends the batch again."""

    def test_confirmed(self, retrying_regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ADDRESS_1)], CONNECTION_ERROR)
        wire.put_batch([new(ADDRESS_1)])
        assert apply_changes(retrying_regions, [create(ADDRESS_1)], 0).applied == [create(ADDRESS_1)]

    def test_rejected_deletion_of_a_missing_mapping_is_applied(
        self, retrying_regions: OriginCloudRegions, wire: Wire
    ) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], CONNECTION_ERROR)
        wire.delete_batch([mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "does not exist"}))
        wire.no_mapping(ADDRESS_1)
        assert apply_changes(retrying_regions, [delete(ADDRESS_1)], 1).applied == [delete(ADDRESS_1)]

    def test_rejected_deletion_after_a_rate_limit_is_not_applied(
        self, retrying_regions: OriginCloudRegions, wire: Wire
    ) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], error_envelope(971), status=429)
        wire.delete_batch([mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "does not exist"}))
        wire.no_mapping(ADDRESS_1)
        assert apply_changes(retrying_regions, [delete(ADDRESS_1)], 1).applied == []

    def test_rejected_deletion_without_effect(self, retrying_regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], "", status=502)
        wire.delete_batch([mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "internal error"}))
        wire.mapping(ADDRESS_1)
        result = apply_changes(retrying_regions, [delete(ADDRESS_1)], 1)
        assert (result.applied, result.refused) == ([], {ADDRESS_1: "internal error"})

    def test_rejected_deletion_that_cannot_be_verified(self, retrying_regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], CONNECTION_ERROR)
        wire.delete_batch([mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "does not exist"}))
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ADDRESS_1}", error_envelope(10000), status=403)
        result = apply_changes(retrying_regions, [delete(ADDRESS_1)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([], {}, [ADDRESS_1])

    def test_rejected_write_applied_by_the_first_try(self, retrying_regions: OriginCloudRegions, wire: Wire) -> None:
        """The API can check the region for the first try, but not for the second one (code 1156)."""
        wire.put_batch([new(ADDRESS_1)], CONNECTION_ERROR)
        wire.put_batch([new(ADDRESS_1)], batch_response(**{ADDRESS_1: "the region could not be validated"}))
        wire.mapping(ADDRESS_1)
        result = apply_changes(retrying_regions, [create(ADDRESS_1)], 0)
        assert (result.applied, result.refused) == ([create(ADDRESS_1)], {})

    def test_rejected_batch_applied_by_the_first_try(self, retrying_regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ADDRESS_1)], CONNECTION_ERROR)
        wire.put_batch([new(ADDRESS_1)], error_envelope(1164), status=403)
        wire.mapping(ADDRESS_1)
        result = apply_changes(retrying_regions, [create(ADDRESS_1)], 3_499)
        assert result.applied == [create(ADDRESS_1)]
        assert result.error(1) is None


class TestLostAnswer:
    """All answers are lost."""

    LOST: t.ClassVar[list[tuple[t.Any, int]]] = [
        (CONNECTION_ERROR, 200),
        ("", 503),
        (error_envelope(1140), 500),
        (error_envelope(1156), 500),
        ("<h1>OK</h1>", 200),
        (envelope(None), 200),
        (error_envelope(4711), 200),
        ("<h1>Forbidden</h1>", 403),
        ("", 302),
    ]

    @pytest.mark.parametrize(("answer", "status"), LOST, ids=str)
    def test_applied(self, regions: OriginCloudRegions, wire: Wire, answer: t.Any, status: int) -> None:
        wire.put_batch([new(ADDRESS_2), new(ADDRESS_1)], answer, status=status)
        wire.page(1, page([mapping(ADDRESS_1), mapping(ADDRESS_2)]))
        wire.delete_batch([mapping(IPV6_ADDRESS)], answer, status=status)
        wire.no_mapping(IPV6_ADDRESS)
        result = apply_changes(regions, [create(ADDRESS_1), update(ADDRESS_2), delete(IPV6_ADDRESS)], 2)
        assert result.error(3) is None
        assert result.to_result()["created"] == to_json([new(ADDRESS_1)])
        assert result.to_result()["updated"] == to_json([new(ADDRESS_2)])
        assert result.to_result()["deleted"] == to_json([mapping(IPV6_ADDRESS)])

    @pytest.mark.parametrize(("answer", "status"), LOST, ids=str)
    def test_not_applied(self, regions: OriginCloudRegions, wire: Wire, answer: t.Any, status: int) -> None:
        wire.put_batch([new(ADDRESS_1)], answer, status=status)
        wire.no_mapping(ADDRESS_1)
        result = apply_changes(regions, [create(ADDRESS_1), delete(IPV6_ADDRESS)], 2)
        assert result.failure is not None and result.failure.outcome_unknown
        assert error_message(result, 2).endswith("; changes made: 0 of 2")
        assert result.to_result()["changed"] is False
        assert result.to_result()["failed_items"] == []
        assert result.to_result()["unconfirmed"] == []

    def test_partly_applied(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ADDRESS_1), new(ADDRESS_2)], CONNECTION_ERROR)
        wire.page(1, page([mapping(ADDRESS_2)]))
        result = apply_changes(regions, [create(ADDRESS_1), create(ADDRESS_2), delete(IPV6_ADDRESS)], 1)
        assert result.applied == [create(ADDRESS_2)]
        assert isinstance(result.failure, RetryableTransportError)
        assert error_message(result, 3).endswith("; changes made: 1 of 3")

    def test_deletion_not_applied(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ADDRESS_1)])
        wire.delete_batch([mapping(ADDRESS_2)], CONNECTION_ERROR)
        wire.mapping(ADDRESS_2)
        result = apply_changes(regions, [create(ADDRESS_1), delete(ADDRESS_2)], 1)
        assert result.applied == [create(ADDRESS_1)]
        assert error_message(result, 2).endswith("; changes made: 1 of 2")

    @pytest.mark.parametrize("change", [create, update, delete])
    def test_outcome_unknown(self, regions: OriginCloudRegions, wire: Wire, change: t.Callable[[str], Change]) -> None:
        changes = [change(IPV6_ADDRESS), change(ADDRESS_1)]
        if change is delete:
            wire.delete_batch([mapping(IPV6_ADDRESS), mapping(ADDRESS_1)], CONNECTION_ERROR)
        else:
            wire.put_batch([new(IPV6_ADDRESS), new(ADDRESS_1)], CONNECTION_ERROR)
        wire.page(1, error_envelope(10000), status=403)
        outcome = apply_changes(regions, changes, 2)
        result = outcome.to_result()
        assert result["unconfirmed"] == [ADDRESS_1, IPV6_ADDRESS]
        assert result["changed"] is True
        assert result["created"] == result["updated"] == result["deleted"] == result["failed_items"] == []
        assert result["diff"] == {"before": {}, "after": {}}
        error = outcome.error(2)
        assert error.failure()["status"] is None, "the error of the write, not that of the reading"
        assert str(error).startswith("No answer from")
        assert str(error).endswith("; changes made: 0 of 2, unknown: 2 (see unconfirmed)")


class TestFailedVerification:
    """The answer does not confirm all items, and the zone cannot be read."""

    def test_missing_item(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ADDRESS_1), new(ADDRESS_2)], batch_response([request_item(new(ADDRESS_2))]))
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ADDRESS_1}", error_envelope(10000), status=403)
        result = apply_changes(regions, [create(ADDRESS_1), create(ADDRESS_2), delete(IPV6_ADDRESS)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([create(ADDRESS_2)], {}, [ADDRESS_1])
        assert isinstance(result.failure, PermissionDeniedError)
        assert error_message(result, 3).endswith("; changes made: 1 of 3, unknown: 1 (see unconfirmed)")

    def test_rejected_deletion(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ADDRESS_1)], batch_response(**{ADDRESS_1: "does not exist"}))
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ADDRESS_1}", error_envelope(10000), status=403)
        result = apply_changes(regions, [delete(ADDRESS_1)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([], {ADDRESS_1: "does not exist"}, [])
        assert error_message(result, 1).endswith("; changes made: 0 of 1, refused: 1 (see failed_items)")
        assert result.to_result()["changed"] is False

    @pytest.mark.parametrize("kind", [create, delete])
    def test_contradictory_item(self, regions: OriginCloudRegions, wire: Wire, kind: t.Callable[[str], Change]) -> None:
        """The same item is confirmed and rejected."""
        answer = batch_response([request_item(new(ADDRESS_1))], **{ADDRESS_1: "no"})
        if kind is create:
            wire.put_batch([new(ADDRESS_1)], answer)
        else:
            wire.delete_batch([mapping(ADDRESS_1)], answer)
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ADDRESS_1}", error_envelope(10000), status=403)
        result = apply_changes(regions, [kind(ADDRESS_1)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([], {}, [ADDRESS_1])


class TestUnexpectedError:
    """After any exception, the result has the applied changes."""

    def test_earlier_batches_are_in_the_result(
        self, regions: OriginCloudRegions, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changes = [create(one.origin_ip) for one in mappings(150)]
        wire.put_batch([change.after for change in changes[:100]])
        put_batch = regions.put_batch

        def fail_later(wanted: t.Sequence[dict[str, t.Any]]) -> t.Any:
            return put_batch(wanted) if len(wanted) == 100 else {}[7]

        monkeypatch.setattr(regions, "put_batch", fail_later)
        result = apply_changes(regions, [*changes, delete(ADDRESS_1)], 1)
        assert result.applied == changes[:100]
        assert result.to_result()["unconfirmed"] == [change.address for change in changes[100:]]
        assert result.to_result()["changed"] is True
        assert re.fullmatch(
            r"Unexpected error, a bug of edgecache\.cloudflare: KeyError\(7\) in test_reconcile\.py, line [0-9]+\. Report this message; "
            r"changes made: 100 of 151, unknown: 50 \(see unconfirmed\)",
            error_message(result, 151),
        )

    def test_confirmed_items_are_in_the_result(
        self, regions: OriginCloudRegions, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wire.put_batch(
            [new(ADDRESS_1), new(ADDRESS_2), new(IPV6_ADDRESS)],
            batch_response([request_item(new(ADDRESS_1))], **{ADDRESS_2: "no"}),
        )
        monkeypatch.setattr(regions, "get_many", lambda addresses: {}[7])
        result = apply_changes(regions, [create(ADDRESS_1), create(ADDRESS_2), create(IPV6_ADDRESS)], 0)
        assert (result.applied, result.refused, result.unconfirmed) == (
            [create(ADDRESS_1)],
            {ADDRESS_2: "no"},
            [IPV6_ADDRESS],
        )
        assert isinstance(result.failure, UnexpectedError)


class TestRejectedBatch:
    @pytest.mark.parametrize("status_and_code", [(403, 1164), (400, 1157), (403, 10000), (404, 7003)])
    def test_error_reports_applied_changes(
        self, regions: OriginCloudRegions, wire: Wire, status_and_code: tuple[int, int]
    ) -> None:
        status, code = status_and_code
        changes = [create(address(number)) for number in range(201)]
        wanted = [change.after for change in changes]
        wire.put_batch(wanted[:100])
        wire.put_batch(wanted[100:200], error_envelope(code), status=status)
        result = apply_changes(regions, [*changes, delete(ADDRESS_1)], 1)
        assert result.applied == changes[:100]
        assert (result.refused, result.unconfirmed) == ({}, [])
        error = result.error(1_202)
        assert str(error).endswith("; changes made: 100 of 1,202")
        assert (error.failure()["status"], error.failure()["code"]) == (status, code)

    def test_after_rejected_items(self, regions: OriginCloudRegions, wire: Wire) -> None:
        changes = [create(address(number)) for number in range(101)]
        wanted = [change.after for change in changes]
        wire.put_batch(
            wanted[:100], batch_response(map(request_item, wanted[2:100]), **{address(0): "no", address(1): "no"})
        )
        wire.put_batch(wanted[100:], error_envelope(1164), status=403)
        result = apply_changes(regions, changes, 0)
        assert error_message(result, 101).endswith(
            f"; refused before this error: {address(0)}: no; {address(1)}: no; changes made: 98 of 101, refused: 2 (see failed_items)"
        )
        assert result.error(101).failure()["code"] == 1164

    def test_rate_limit_is_not_a_lost_answer(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ADDRESS_1)], error_envelope(971), status=429)
        result = apply_changes(regions, [create(ADDRESS_1)], 0)
        assert isinstance(result.failure, RateLimitError)
        assert result.to_result()["changed"] is False

    def test_rate_limit_after_a_lost_answer(self, client: Client, wire: Wire) -> None:
        client._pacer._max_wait = 10.0
        wire.put_batch([new(ADDRESS_1)], CONNECTION_ERROR)
        wire.put_batch([new(ADDRESS_1)], error_envelope(971), status=429, headers={"Retry-After": "300"})
        wire.mapping(ADDRESS_1)
        result = apply_changes(OriginCloudRegions(client, ZONE_ID), [create(ADDRESS_1)], 0)
        assert result.applied == [create(ADDRESS_1)]
        assert result.error(1) is None

    def test_earlier_deletions_are_reported(self, regions: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ADDRESS_2)])
        wire.put_batch([new(ADDRESS_1)], error_envelope(1164), status=403)
        result = apply_changes(regions, [create(ADDRESS_1), delete(ADDRESS_2)], 3_500)
        assert result.to_result()["deleted"] == to_json([mapping(ADDRESS_2)])
        assert result.to_result()["changed"] is True
        assert result.to_result()["diff"] == {"before": {ADDRESS_2: "aws/us-east-1"}, "after": {}}


def test_check_mode_result_equals_success(regions: OriginCloudRegions) -> None:
    changes = [create(IPV6_ADDRESS), update(ADDRESS_2), delete(ADDRESS_1)]
    result = ApplyResult(changes)
    assert result.error(3) is None
    assert result.to_result() == {
        "changed": True,
        "created": to_json([new(IPV6_ADDRESS)]),
        "updated": to_json([new(ADDRESS_2)]),
        "deleted": to_json([mapping(ADDRESS_1)]),
        "failed_items": [],
        "unconfirmed": [],
        "diff": build_diff(changes[::-1]),
    }


def test_api_texts_are_sanitized(regions: OriginCloudRegions, wire: Wire) -> None:
    wire.put_batch([new(ADDRESS_1)], batch_response(**{ADDRESS_1: "\x1b[31mno\r\n" + "x" * 2_000}))
    result = apply_changes(regions, [create(ADDRESS_1)], 0)
    assert result.refused[ADDRESS_1].startswith(" [31mno x")
    assert len(result.refused[ADDRESS_1]) == 1_001
    assert isinstance(result.error(1), ApiError)
    assert str(result.error(1)).isprintable()


def test_batch_path(regions: OriginCloudRegions, wire: Wire) -> None:
    wire.put_batch([new(ADDRESS_1)])
    apply_changes(regions, [create(ADDRESS_1)], 0)
    assert wire.requests[0].url == wire.api + BATCH_PATH
