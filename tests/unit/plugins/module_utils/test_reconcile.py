# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans, the order of their batches, and what is said of them when only a part was done, or when nobody knows."""

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
    BATCH,
    ZONE_ID,
    Wire,
    address,
    batch_response,
    envelope,
    failed,
    page,
    plain,
    sent,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_mapping as mapping
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_mappings as mappings
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import typed_new as new

ONE, TWO, SIX = "192.0.2.1", "192.0.2.2", "2001:db8::6"
SILENCE = "The API neither confirmed nor refused this change, and did not make it. Run the task again."
BROKEN = requests.ConnectionError("cut")


@pytest.fixture
def zone(client: Client) -> OriginCloudRegions:
    """A zone whose client does not wait: a lost answer is not asked for again, but its mappings are read."""
    client._pacer._max_wait = 0.0
    return OriginCloudRegions(client, ZONE_ID)


@pytest.fixture
def patient_zone(client: Client) -> OriginCloudRegions:
    return OriginCloudRegions(client, ZONE_ID)


def create(origin_ip: str) -> Change:
    return Change(origin_ip, None, new(origin_ip))


def update(origin_ip: str) -> Change:
    return Change(origin_ip, mapping(origin_ip, "gcp", "us-central1"), new(origin_ip))


def delete(origin_ip: str) -> Change:
    return Change(origin_ip, mapping(origin_ip), None)


def message_of(result: ApplyResult, planned: int) -> str:
    return str(result.error(planned))


class TestMakePlan:
    def test_nothing(self) -> None:
        assert make_plan({}, {}) == Plan([], [])

    def test_all_kinds(self) -> None:
        wanted = {
            SIX: new(SIX),
            "192.0.2.10": new("192.0.2.10"),
            "192.0.2.9": new("192.0.2.9"),
            ONE: None,
            TWO: None,
        }
        actual = {
            ONE: mapping(ONE),
            "192.0.2.9": mapping("192.0.2.9"),
            "192.0.2.10": mapping("192.0.2.10", region="us-west-2"),
            "192.0.2.99": mapping("192.0.2.99"),
        }
        assert make_plan(wanted, actual) == Plan(
            [
                Change(ONE, mapping(ONE), None),
                Change("192.0.2.10", mapping("192.0.2.10", region="us-west-2"), new("192.0.2.10")),
                Change(SIX, None, new(SIX)),
            ],
            [mapping("192.0.2.9")],
        )

    def test_purge_deletes_the_others(self) -> None:
        actual = {one: mapping(one) for one in (SIX, "192.0.2.10", TWO, ONE)}
        assert make_plan({TWO: new(TWO), "192.0.2.3": new("192.0.2.3")}, actual, purge=True) == Plan(
            [delete(ONE), create("192.0.2.3"), delete("192.0.2.10"), delete(SIX)], [mapping(TWO)]
        )

    @pytest.mark.parametrize("place", [("aws", "us-west-2"), ("gcp", "us-east-1")])
    def test_vendor_and_region_both_count(self, place: tuple[str, str]) -> None:
        plan = make_plan({ONE: new(ONE, *place)}, {ONE: mapping(ONE)})
        assert plan == Plan([Change(ONE, mapping(ONE), new(ONE, *place))], [])

    def test_arguments_are_left_alone(self) -> None:
        wanted, actual = {ONE: new(ONE)}, {TWO: mapping(TWO)}
        make_plan(wanted, actual, purge=True)
        assert (wanted, actual) == ({ONE: new(ONE)}, {TWO: mapping(TWO)})


def test_difference() -> None:
    assert mapping(ONE).format_region() == "aws/us-east-1"
    assert build_diff([]) == {"before": {}, "after": {}}
    assert build_diff([create(ONE), update(TWO), delete(SIX), Change("192.0.2.4", None, None)]) == {
        "before": {TWO: "gcp/us-central1", SIX: "aws/us-east-1"},
        "after": {ONE: "aws/us-east-1", TWO: "aws/us-east-1"},
    }


class TestOrder:
    @staticmethod
    def sizes(wire: Wire) -> list[tuple[str, int]]:
        return [(request.method, len(request.body.split(b"192.0.2.")) - 1) for request in wire.requests]

    def test_nothing_to_do_nothing_sent(self, zone: OriginCloudRegions, wire: Wire) -> None:
        result = apply_changes(zone, [], 3_500)
        assert result.error(0) is None
        assert wire.requests == []

    @pytest.mark.parametrize("count", [1, 100, 101, 250])
    @pytest.mark.parametrize("kind", [create, update, delete])
    def test_batches_of_100(
        self, zone: OriginCloudRegions, wire: Wire, kind: t.Callable[[str], Change], count: int
    ) -> None:
        changes = [kind(address(number)) for number in range(count)]
        for start in range(0, count, 100):
            part = [change.after or change.before for change in changes[start : start + 100]]
            (wire.delete_batch if kind is delete else wire.put_batch)(part)
        assert apply_changes(zone, changes, count).applied == changes
        assert len(wire.requests) == -(-count // 100)

    def test_updates_then_creates_then_deletes(self, zone: OriginCloudRegions, wire: Wire) -> None:
        changes = [delete(ONE), create(TWO), update("192.0.2.3"), create("192.0.2.4"), delete("192.0.2.5"), update(SIX)]
        wire.put_batch([new("192.0.2.3"), new(SIX), new(TWO), new("192.0.2.4")])
        wire.delete_batch([mapping(ONE), mapping("192.0.2.5")])
        result = apply_changes(zone, changes, 6)
        assert result.applied == [changes[2], changes[5], changes[1], changes[3], changes[0], changes[4]]

    @pytest.mark.parametrize(
        ("total", "creates", "updates", "deletes", "order"),
        [
            # Room to the last mapping: deletions stay last
            (3_400, 100, 0, 150, "PUT DELETE DELETE"),
            (3_500, 0, 100, 100, "PUT DELETE"),
            (3_499, 1, 99, 1, "PUT DELETE"),
            (3_400, 100, 150, 250, "PUT PUT PUT DELETE DELETE DELETE"),
            # No room: only as many deletions as are needed come before
            (3_500, 1, 0, 250, "DELETE PUT DELETE DELETE"),
            (3_401, 100, 0, 250, "DELETE PUT DELETE DELETE"),
            (3_500, 100, 0, 250, "DELETE PUT DELETE DELETE"),
            (3_450, 200, 0, 250, "DELETE PUT DELETE PUT DELETE"),
            (3_500, 200, 0, 250, "DELETE PUT DELETE PUT DELETE"),
            (3_500, 101, 0, 101, "DELETE PUT DELETE PUT"),
            (3_500, 100, 100, 100, "PUT DELETE PUT"),
            (3_500, 50, 150, 60, "PUT DELETE PUT"),
            (3_400, 250, 0, 150, "PUT DELETE PUT DELETE PUT"),
            # More than the zone can have, which nobody plans: the API says so
            (3_500, 300, 0, 100, "DELETE PUT PUT PUT"),
            (3_700, 1, 0, 250, "DELETE DELETE DELETE PUT"),
        ],
    )
    def test_deletions_before_only_where_there_is_no_room(
        self,
        zone: OriginCloudRegions,
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
        result = apply_changes(zone, changes, total)
        assert result.error(len(changes)) is None
        assert len(result.applied) == len(changes)
        assert [request.method for request in wire.requests] == order.split()


class TestBatchResult:
    def test_all_confirmed(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(SIX), new(ONE)])
        wire.delete_batch([mapping(TWO)])
        result = apply_changes(zone, [create(ONE), delete(TWO), update(SIX)], 2)
        assert result.error(3) is None
        assert result.to_result() == {
            "changed": True,
            "created": plain([new(ONE)]),
            "updated": plain([new(SIX)]),
            "deleted": plain([mapping(TWO)]),
            "failed_items": [],
            "unconfirmed": [],
            "diff": {
                "before": {TWO: "aws/us-east-1", SIX: "gcp/us-central1"},
                "after": {ONE: "aws/us-east-1", SIX: "aws/us-east-1"},
            },
        }

    def test_refused_ones_stop_no_write_but_every_deletion(self, zone: OriginCloudRegions, wire: Wire) -> None:
        writes = [create(address(number)) for number in range(201)]
        sent_ones = [change.after for change in writes]
        wire.put_batch(
            sent_ones[:100], batch_response([sent(one) for one in sent_ones[1:100]], **{address(0): "no such region"})
        )
        wire.put_batch(sent_ones[100:200])
        wire.put_batch(sent_ones[200:])
        result = apply_changes(zone, [delete(ONE), *writes], 1)
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

    def test_refused_deletion_stops_no_deletion(self, zone: OriginCloudRegions, wire: Wire) -> None:
        """``apply_changes``: if one is refused, the others are made all the same."""
        changes = [delete(one.origin_ip) for one in mappings(101)]
        wire.delete_batch(
            mappings(100), batch_response([sent(one) for one in mappings(100)[1:]], **{address(0): "internal error"})
        )
        wire.mapping(address(0))
        wire.delete_batch(mappings(101)[100:])
        result = apply_changes(zone, changes, 101)
        assert result.applied == changes[1:]
        assert result.refused == {address(0): "internal error"}

    def test_refused_deletion_that_makes_room_stops_no_write(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE), mapping(TWO)], batch_response([sent(mapping(TWO))], **{ONE: "internal error"}))
        wire.mapping(ONE)
        wire.put_batch([new(SIX)])
        result = apply_changes(zone, [delete(ONE), delete(TWO), create(SIX)], 3_500)
        assert result.applied == [delete(TWO), create(SIX)]
        assert result.refused == {ONE: "internal error"}

    def test_room_that_a_refused_write_leaves_is_for_the_others(self, zone: OriginCloudRegions, wire: Wire) -> None:
        """``apply_changes``: if one is refused, the others are made all the same, but nothing is deleted."""
        changes = [create(address(number)) for number in range(101)]
        wanted = [change.after for change in changes]
        wire.put_batch(wanted[:100], batch_response([sent(one) for one in wanted[1:100]], **{address(0): "no"}))
        wire.put_batch(wanted[100:])
        result = apply_changes(zone, [*changes, delete(ONE)], 3_400)
        assert result.applied == changes[1:]
        assert result.failure is None

    def test_full_zone_after_a_refused_write(self, zone: OriginCloudRegions, wire: Wire) -> None:
        """Deletions make room for the other writes, and no more than they need."""
        writes = [create(address(number)) for number in range(300)]
        wanted = [change.after for change in writes]
        gone = [delete(address(1_000 + number)) for number in range(300)]
        present = [change.before for change in gone]
        wire.delete_batch(present[:100])
        wire.put_batch(wanted[:100], batch_response(map(sent, wanted[1:100]), **{address(0): "no such region"}))
        wire.delete_batch(present[100:199])
        wire.put_batch(wanted[100:200])
        wire.delete_batch(present[199:299])
        wire.put_batch(wanted[200:])
        result = apply_changes(zone, [*writes, *gone], 3_500)
        assert sorted(result.applied) == sorted([*writes[1:], *gone[:299]])
        assert result.refused == {address(0): "no such region"}
        assert result.failure is None

    def test_full_zone_after_a_refused_update(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(one.origin_ip) for one in mappings(100)], batch_response(**{address(0): "no"}))
        wire.page(1, page([mapping(address(number)) for number in range(1, 100)]))
        wire.delete_batch([mapping(ONE)])
        wire.put_batch([new(SIX)])
        changes = [*(update(address(number)) for number in range(100)), create(SIX), delete(ONE), delete(TWO)]
        result = apply_changes(zone, changes, 3_500)
        assert result.refused == {address(0): "no"}
        assert result.applied == [*changes[1:100], delete(ONE), create(SIX)]

    def test_three_refusals_are_told_in_order(self, zone: OriginCloudRegions, wire: Wire) -> None:
        addresses = ["192.0.2.9", "192.0.2.10", SIX, "192.0.2.1"]
        words = {one: f"no {number}" for number, one in enumerate(addresses)}
        wire.put_batch(list(map(new, addresses)), batch_response(**words))
        result = apply_changes(zone, list(map(create, addresses)), 0)
        assert message_of(result, 4) == (
            "The API refused some changes: 192.0.2.1: no 3; 192.0.2.9: no 0; 192.0.2.10: no 1; "
            "changes made: 0 of 4, refused: 4 (see failed_items)"
        )
        assert [item["origin_ip"] for item in result.to_result()["failed_items"]] == [
            "192.0.2.1",
            "192.0.2.9",
            "192.0.2.10",
            SIX,
        ]
        assert result.to_result()["changed"] is False
        assert result.to_result()["diff"] == {"before": {}, "after": {}}

    def test_other_spelling_in_the_answer(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(SIX)], batch_response([sent(mapping("2001:DB8:0::6"))]))
        assert apply_changes(zone, [create(SIX)], 0).applied == [create(SIX)]

    def test_others_in_the_answer_are_none_of_ours(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ONE)], batch_response([sent(new(ONE)), sent(new(TWO))], **{SIX: "no"}))
        result = apply_changes(zone, [create(ONE)], 0)
        assert result.applied == [create(ONE)]
        assert result.error(1) is None

    @pytest.mark.parametrize(
        "answer",
        [
            batch_response(),
            envelope({}),
            envelope([]),
            envelope("done"),
            envelope({"succeeded": None, "failed": {}}),
            batch_response([None, 1, "x", [], {}, {"origin_ip": None}, {"origin_ip": "x"}, {"origin_ip": TWO}]),
            batch_response([{"origin_ip": ONE}]),
            batch_response([{"origin_ip": ONE, "vendor": "aws"}]),
            batch_response([sent(mapping(ONE, region="us-west-2"))]),
            batch_response([sent(mapping(ONE))], **{ONE: "no"}),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("stands", [True, False])
    def test_silence_and_contradiction_are_settled_by_reading(
        self, zone: OriginCloudRegions, wire: Wire, answer: t.Any, stands: bool
    ) -> None:
        wire.put_batch([new(ONE)], answer)
        if stands:
            wire.mapping(ONE)
        else:
            wire.no_mapping(ONE)
        result = apply_changes(zone, [create(ONE)], 0)
        assert result.applied == ([create(ONE)] if stands else [])
        contradiction = answer == batch_response([sent(mapping(ONE))], **{ONE: "no"})
        assert result.refused == ({} if stands else {ONE: "no" if contradiction else SILENCE})
        assert result.failure is None

    def test_silence_on_an_update_that_was_not_done(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ONE)], batch_response())
        wire.mapping(ONE, envelope(mapping(ONE, "gcp", "us-central1")))
        assert apply_changes(zone, [update(ONE)], 1).refused == {ONE: SILENCE}

    def test_only_what_is_open_is_read(self, zone: OriginCloudRegions, wire: Wire) -> None:
        changes = [create(address(number)) for number in range(100)]
        wanted = [change.after for change in changes]
        wire.put_batch(wanted, batch_response([sent(one) for one in wanted[2:]]))
        wire.page(1, page([mapping(address(1))]))
        result = apply_changes(zone, changes, 0)
        assert sorted(result.applied) == sorted(changes[1:])
        assert result.refused == {address(0): SILENCE}

    @pytest.mark.parametrize(
        "answer", [batch_response(), batch_response(**{ONE: "no"}), batch_response([{"origin_ip": ONE}], **{ONE: "no"})]
    )
    def test_deletion_that_is_still_there(self, zone: OriginCloudRegions, wire: Wire, answer: dict[str, t.Any]) -> None:
        wire.delete_batch([mapping(ONE)], answer)
        wire.mapping(ONE)
        result = apply_changes(zone, [delete(ONE)], 1)
        assert result.applied == []
        assert result.refused == {ONE: SILENCE if answer == batch_response() else "no"}

    def test_deletion_in_silence_that_is_gone(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE)], batch_response())
        wire.no_mapping(ONE)
        assert apply_changes(zone, [delete(ONE)], 1).applied == [delete(ONE)]

    def test_deletion_is_confirmed_by_its_address_alone(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE)], batch_response([{"origin_ip": ONE}]))
        assert apply_changes(zone, [delete(ONE)], 1).applied == [delete(ONE)]

    def test_deletion_that_somebody_else_was_faster_with(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE), mapping(TWO)], batch_response([sent(mapping(TWO))], **{ONE: "does not exist"}))
        wire.no_mapping(ONE)
        result = apply_changes(zone, [delete(ONE), delete(TWO)], 2)
        assert result.error(2) is None
        assert result.to_result()["deleted"] == plain([mapping(TWO)])

    def test_only_vanished_deletions_are_no_change(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE)], batch_response(**{ONE: "does not exist"}))
        wire.no_mapping(ONE)
        result = apply_changes(zone, [delete(ONE)], 1)
        assert result.error(1) is None
        assert result.to_result()["changed"] is False
        assert result.to_result()["diff"] == {"before": {}, "after": {}}

    def test_zone_emptied_meanwhile_may_be_not_found(self, zone: OriginCloudRegions, wire: Wire) -> None:
        """As the lists and the single calls may say it: what was to be deleted is gone."""
        wire.delete_batch([mapping(ONE)], failed(1142), status=404)
        wire.no_mapping(ONE)
        result = apply_changes(zone, [delete(ONE)], 1)
        assert result.failure is None
        assert (result.applied, result.refused, result.unconfirmed) == ([], {}, [])

    def test_vanished_deletions_do_not_stop_deletions(self, zone: OriginCloudRegions, wire: Wire) -> None:
        changes = [delete(one.origin_ip) for one in mappings(101)]
        wire.delete_batch(
            mappings(100), batch_response([sent(one) for one in mappings(100)[1:]], **{address(0): "gone"})
        )
        wire.no_mapping(address(0))
        wire.delete_batch(mappings(101)[100:])
        assert apply_changes(zone, changes, 101).applied == changes[1:]


class TestRepeated:
    """The first answer was lost, so the batch was sent again."""

    def test_confirmed(self, patient_zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ONE)], BROKEN)
        wire.put_batch([new(ONE)])
        assert apply_changes(patient_zone, [create(ONE)], 0).applied == [create(ONE)]

    def test_refused_deletion_that_is_gone_is_ours(self, patient_zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE)], BROKEN)
        wire.delete_batch([mapping(ONE)], batch_response(**{ONE: "does not exist"}))
        wire.no_mapping(ONE)
        assert apply_changes(patient_zone, [delete(ONE)], 1).applied == [delete(ONE)]

    def test_refused_deletion_after_a_rate_limit_is_not_ours(
        self, patient_zone: OriginCloudRegions, wire: Wire
    ) -> None:
        wire.delete_batch([mapping(ONE)], failed(971), status=429)
        wire.delete_batch([mapping(ONE)], batch_response(**{ONE: "does not exist"}))
        wire.no_mapping(ONE)
        assert apply_changes(patient_zone, [delete(ONE)], 1).applied == []

    def test_refused_deletion_that_is_still_there(self, patient_zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE)], "", status=502)
        wire.delete_batch([mapping(ONE)], batch_response(**{ONE: "internal error"}))
        wire.mapping(ONE)
        result = apply_changes(patient_zone, [delete(ONE)], 1)
        assert (result.applied, result.refused) == ([], {ONE: "internal error"})

    def test_refused_deletion_whose_fate_cannot_be_read(self, patient_zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE)], BROKEN)
        wire.delete_batch([mapping(ONE)], batch_response(**{ONE: "does not exist"}))
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ONE}", failed(10000), status=403)
        result = apply_changes(patient_zone, [delete(ONE)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([], {}, [ONE])

    def test_refused_write_may_have_been_done_by_the_first_try(
        self, patient_zone: OriginCloudRegions, wire: Wire
    ) -> None:
        """The API could check the region when it was sent first, but not when it was sent again (code 1156)."""
        wire.put_batch([new(ONE)], BROKEN)
        wire.put_batch([new(ONE)], batch_response(**{ONE: "the region could not be validated"}))
        wire.mapping(ONE)
        result = apply_changes(patient_zone, [create(ONE)], 0)
        assert (result.applied, result.refused) == ([create(ONE)], {})

    def test_batch_that_is_refused_as_a_whole_may_have_been_done(
        self, patient_zone: OriginCloudRegions, wire: Wire
    ) -> None:
        wire.put_batch([new(ONE)], BROKEN)
        wire.put_batch([new(ONE)], failed(1164), status=403)
        wire.mapping(ONE)
        result = apply_changes(patient_zone, [create(ONE)], 3_499)
        assert result.applied == [create(ONE)]
        assert result.error(1) is None


class TestLost:
    """The answer is lost for good."""

    LOST: t.ClassVar[list[tuple[t.Any, int]]] = [
        (BROKEN, 200),
        ("", 503),
        (failed(1140), 500),
        (failed(1156), 500),
        ("<h1>OK</h1>", 200),
        (envelope(None), 200),
        (failed(4711), 200),
        ("<h1>Forbidden</h1>", 403),
        ("", 302),
    ]

    @pytest.mark.parametrize(("answer", "status"), LOST, ids=str)
    def test_done_all_the_same(self, zone: OriginCloudRegions, wire: Wire, answer: t.Any, status: int) -> None:
        wire.put_batch([new(TWO), new(ONE)], answer, status=status)
        wire.page(1, page([mapping(ONE), mapping(TWO)]))
        wire.delete_batch([mapping(SIX)], answer, status=status)
        wire.no_mapping(SIX)
        result = apply_changes(zone, [create(ONE), update(TWO), delete(SIX)], 2)
        assert result.error(3) is None
        assert result.to_result()["created"] == plain([new(ONE)])
        assert result.to_result()["updated"] == plain([new(TWO)])
        assert result.to_result()["deleted"] == plain([mapping(SIX)])

    @pytest.mark.parametrize(("answer", "status"), LOST, ids=str)
    def test_not_done(self, zone: OriginCloudRegions, wire: Wire, answer: t.Any, status: int) -> None:
        wire.put_batch([new(ONE)], answer, status=status)
        wire.no_mapping(ONE)
        result = apply_changes(zone, [create(ONE), delete(SIX)], 2)
        assert result.failure is not None and result.failure.outcome_unknown
        assert message_of(result, 2).endswith("; changes made: 0 of 2")
        assert result.to_result()["changed"] is False
        assert result.to_result()["failed_items"] == []
        assert result.to_result()["unconfirmed"] == []

    def test_done_in_part(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ONE), new(TWO)], BROKEN)
        wire.page(1, page([mapping(TWO)]))
        result = apply_changes(zone, [create(ONE), create(TWO), delete(SIX)], 1)
        assert result.applied == [create(TWO)]
        assert isinstance(result.failure, RetryableTransportError)
        assert message_of(result, 3).endswith("; changes made: 1 of 3")

    def test_deletion_not_done(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ONE)])
        wire.delete_batch([mapping(TWO)], BROKEN)
        wire.mapping(TWO)
        result = apply_changes(zone, [create(ONE), delete(TWO)], 1)
        assert result.applied == [create(ONE)]
        assert message_of(result, 2).endswith("; changes made: 1 of 2")

    @pytest.mark.parametrize("change", [create, update, delete])
    def test_nobody_knows(self, zone: OriginCloudRegions, wire: Wire, change: t.Callable[[str], Change]) -> None:
        changes = [change(SIX), change(ONE)]
        if change is delete:
            wire.delete_batch([mapping(SIX), mapping(ONE)], BROKEN)
        else:
            wire.put_batch([new(SIX), new(ONE)], BROKEN)
        wire.page(1, failed(10000), status=403)
        outcome = apply_changes(zone, changes, 2)
        result = outcome.to_result()
        assert result["unconfirmed"] == [ONE, SIX]
        assert result["changed"] is True
        assert result["created"] == result["updated"] == result["deleted"] == result["failed_items"] == []
        assert result["diff"] == {"before": {}, "after": {}}
        error = outcome.error(2)
        assert error.failure()["status"] is None, "the error of the write, not that of the reading"
        assert str(error).startswith("No answer from")
        assert str(error).endswith("; changes made: 0 of 2, unknown: 2 (see unconfirmed)")


class TestNotRead:
    """The answer is there, but what it leaves open cannot be read."""

    def test_silence(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ONE), new(TWO)], batch_response([sent(new(TWO))]))
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ONE}", failed(10000), status=403)
        result = apply_changes(zone, [create(ONE), create(TWO), delete(SIX)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([create(TWO)], {}, [ONE])
        assert isinstance(result.failure, PermissionDeniedError)
        assert message_of(result, 3).endswith("; changes made: 1 of 3, unknown: 1 (see unconfirmed)")

    def test_refused_deletion(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(ONE)], batch_response(**{ONE: "does not exist"}))
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ONE}", failed(10000), status=403)
        result = apply_changes(zone, [delete(ONE)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([], {ONE: "does not exist"}, [])
        assert message_of(result, 1).endswith("; changes made: 0 of 1, refused: 1 (see failed_items)")
        assert result.to_result()["changed"] is False

    @pytest.mark.parametrize("kind", [create, delete])
    def test_contradiction(self, zone: OriginCloudRegions, wire: Wire, kind: t.Callable[[str], Change]) -> None:
        """Confirmed and refused: nobody knows which is true."""
        answer = batch_response([sent(new(ONE))], **{ONE: "no"})
        if kind is create:
            wire.put_batch([new(ONE)], answer)
        else:
            wire.delete_batch([mapping(ONE)], answer)
        wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/{ONE}", failed(10000), status=403)
        result = apply_changes(zone, [kind(ONE)], 1)
        assert (result.applied, result.refused, result.unconfirmed) == ([], {}, [ONE])


class TestUnexpected:
    """Whatever is raised, the result has what was done before."""

    def test_what_was_done_before_is_in_the_result(
        self, zone: OriginCloudRegions, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        changes = [create(one.origin_ip) for one in mappings(150)]
        wire.put_batch([change.after for change in changes[:100]])
        put_batch = zone.put_batch

        def fail_later(wanted: t.Sequence[dict[str, t.Any]]) -> t.Any:
            return put_batch(wanted) if len(wanted) == 100 else {}[7]

        monkeypatch.setattr(zone, "put_batch", fail_later)
        result = apply_changes(zone, [*changes, delete(ONE)], 1)
        assert result.applied == changes[:100]
        assert result.to_result()["unconfirmed"] == [change.address for change in changes[100:]]
        assert result.to_result()["changed"] is True
        assert re.fullmatch(
            r"Unexpected error, a bug of edgecache\.cloudflare: KeyError\(7\) in test_reconcile\.py, line [0-9]+\. Report this message; "
            r"changes made: 100 of 151, unknown: 50 \(see unconfirmed\)",
            message_of(result, 151),
        )

    def test_what_is_known_of_the_batch_stays(
        self, zone: OriginCloudRegions, wire: Wire, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wire.put_batch([new(ONE), new(TWO), new(SIX)], batch_response([sent(new(ONE))], **{TWO: "no"}))
        monkeypatch.setattr(zone, "get_many", lambda addresses: {}[7])
        result = apply_changes(zone, [create(ONE), create(TWO), create(SIX)], 0)
        assert (result.applied, result.refused, result.unconfirmed) == ([create(ONE)], {TWO: "no"}, [SIX])
        assert isinstance(result.failure, UnexpectedError)


class TestRefusedAsAWhole:
    @pytest.mark.parametrize("status_and_code", [(403, 1164), (400, 1157), (403, 10000), (404, 7003)])
    def test_ends_it_and_says_what_was_done(
        self, zone: OriginCloudRegions, wire: Wire, status_and_code: tuple[int, int]
    ) -> None:
        status, code = status_and_code
        changes = [create(address(number)) for number in range(201)]
        wanted = [change.after for change in changes]
        wire.put_batch(wanted[:100])
        wire.put_batch(wanted[100:200], failed(code), status=status)
        result = apply_changes(zone, [*changes, delete(ONE)], 1)
        assert result.applied == changes[:100]
        assert (result.refused, result.unconfirmed) == ({}, [])
        error = result.error(1_202)
        assert str(error).endswith("; changes made: 100 of 1,202")
        assert (error.failure()["status"], error.failure()["code"]) == (status, code)

    def test_after_refused_items(self, zone: OriginCloudRegions, wire: Wire) -> None:
        changes = [create(address(number)) for number in range(101)]
        wanted = [change.after for change in changes]
        wire.put_batch(wanted[:100], batch_response(map(sent, wanted[2:100]), **{address(0): "no", address(1): "no"}))
        wire.put_batch(wanted[100:], failed(1164), status=403)
        result = apply_changes(zone, changes, 0)
        assert message_of(result, 101).endswith(
            f"; refused before this error: {address(0)}: no; {address(1)}: no; changes made: 98 of 101, refused: 2 (see failed_items)"
        )
        assert result.error(101).failure()["code"] == 1164

    def test_rate_limit_is_no_lost_answer(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.put_batch([new(ONE)], failed(971), status=429)
        result = apply_changes(zone, [create(ONE)], 0)
        assert isinstance(result.failure, RateLimitError)
        assert result.to_result()["changed"] is False

    def test_rate_limit_after_a_lost_answer_is_one(self, client: Client, wire: Wire) -> None:
        client._pacer._max_wait = 10.0
        wire.put_batch([new(ONE)], BROKEN)
        wire.put_batch([new(ONE)], failed(971), status=429, headers={"Retry-After": "300"})
        wire.mapping(ONE)
        result = apply_changes(OriginCloudRegions(client, ZONE_ID), [create(ONE)], 0)
        assert result.applied == [create(ONE)]
        assert result.error(1) is None

    def test_deletions_made_before_for_room_are_told(self, zone: OriginCloudRegions, wire: Wire) -> None:
        wire.delete_batch([mapping(TWO)])
        wire.put_batch([new(ONE)], failed(1164), status=403)
        result = apply_changes(zone, [create(ONE), delete(TWO)], 3_500)
        assert result.to_result()["deleted"] == plain([mapping(TWO)])
        assert result.to_result()["changed"] is True
        assert result.to_result()["diff"] == {"before": {TWO: "aws/us-east-1"}, "after": {}}


def test_outcome_of_check_mode_is_that_of_success(zone: OriginCloudRegions) -> None:
    changes = [create(SIX), update(TWO), delete(ONE)]
    result = ApplyResult(changes)
    assert result.error(3) is None
    assert result.to_result() == {
        "changed": True,
        "created": plain([new(SIX)]),
        "updated": plain([new(TWO)]),
        "deleted": plain([mapping(ONE)]),
        "failed_items": [],
        "unconfirmed": [],
        "diff": build_diff(changes[::-1]),
    }


def test_words_of_the_api_can_be_printed(zone: OriginCloudRegions, wire: Wire) -> None:
    wire.put_batch([new(ONE)], batch_response(**{ONE: "\x1b[31mno\r\n" + "x" * 2_000}))
    result = apply_changes(zone, [create(ONE)], 0)
    assert result.refused[ONE].startswith(" [31mno x")
    assert len(result.refused[ONE]) == 1_001
    assert isinstance(result.error(1), ApiError)
    assert str(result.error(1)).isprintable()


def test_batch_path(zone: OriginCloudRegions, wire: Wire) -> None:
    wire.put_batch([new(ONE)])
    apply_changes(zone, [create(ONE)], 0)
    assert wire.requests[0].url == wire.api + BATCH
