# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Patience: a pause of one request is a pause of all, is told, and fits into max_wait."""

from __future__ import annotations

import concurrent.futures
import itertools
import threading
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    ConnectionBroken,
    RateLimited,
    api_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._patience import FEW, Patience
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import Clock

WHY = "the API asks for"


def limited() -> CloudflareError:
    return api_error(429, [], "nothing")


@pytest.fixture
def make(clock: Clock, told: list[str]) -> t.Callable[..., Patience]:
    def make(max_wait: float = 330.0) -> Patience:
        return Patience(max_wait, told.append, clock, clock.sleep)

    return make


@pytest.fixture
def patience(make: t.Callable[..., Patience]) -> Patience:
    return make()


def left(patience: Patience) -> str:
    """How much of 1,000 seconds it says that is left."""
    with pytest.raises(CloudflareError) as caught:
        patience.wait(patience.start(), limited(), 86_400.0, WHY)
    told = str(caught.value)
    assert "max_wait (1000 seconds in all) has " in told
    return told.split("in all) has ")[1].split(" left")[0]


class Asleep:
    """A sleep that lasts until the test ends it. ``events`` is shared with those that wait meanwhile."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.begun = threading.Event()
        self.end = threading.Event()

    def __call__(self, seconds: float) -> None:
        self.begun.set()
        assert self.end.wait(30)
        self.events.append("slept")


Futures = list["concurrent.futures.Future[object]"]


def run(*targets: t.Callable[[], object]) -> Futures:
    """Call each in a thread of its own."""
    pool = concurrent.futures.ThreadPoolExecutor(len(targets))
    futures: Futures = [pool.submit(target) for target in targets]
    pool.shutdown(wait=False)
    return futures


def join(futures: Futures) -> None:
    for future in futures:
        future.result(30)


class TestPause:
    def test_without_a_failure_nothing_is_waited_for(self, patience: Patience, clock: Clock, told: list[str]) -> None:
        clock.now = 7.0
        assert [patience.start() for dummy in range(1_000)] == [7.0] * 1_000
        assert (clock.pauses, told) == ([], [])

    def test_while_one_waits_none_starts(self, clock: Clock) -> None:
        asleep = Asleep()
        patience = Patience(330.0, lambda text: None, clock, asleep)

        def start() -> None:
            patience.start()
            asleep.events.append("started")

        threads = run(lambda: patience.wait(0.0, limited(), 300.0, WHY))
        assert asleep.begun.wait(30)
        threads += run(start, start, start)
        concurrent.futures.wait(threads[1:], 0.05)
        asleep.end.set()
        join(threads)
        assert asleep.events == ["slept", "started", "started", "started"]

    def test_while_one_is_slowed_down_none_starts(self, clock: Clock) -> None:
        asleep = Asleep()
        patience = Patience(330.0, lambda text: None, clock, asleep)

        def start() -> None:
            patience.start()
            asleep.events.append("started")

        patience.heed('"default";r=0;t=30')
        threads = run(start)
        assert asleep.begun.wait(30)
        clock.now = 30.0
        threads += run(start, start)
        concurrent.futures.wait(threads[1:], 0.05)
        asleep.end.set()
        join(threads)
        assert asleep.events == ["slept", "started", "started", "started"]

    @pytest.mark.parametrize(
        ("pause", "slept", "times"),
        [
            (300.0, [300.0], 1),
            (1.0, [300.0], 1),
            (310.0, [300.0, 10.0], 2),
            (301.0, [300.0, 1.0], 2),
            # too short a rest to be told
            (300.5, [300.0, 0.5], 1),
        ],
    )
    def test_those_that_fail_meanwhile_share_it(
        self, clock: Clock, told: list[str], pause: float, slept: list[float], times: int
    ) -> None:
        asleep = Asleep()

        def sleep(seconds: float) -> None:
            if not clock.pauses:
                asleep(seconds)
            clock.sleep(seconds)

        patience = Patience(330.0, told.append, clock, sleep)
        threads = run(lambda: patience.wait(0.0, limited(), 300.0, WHY))
        assert asleep.begun.wait(30)
        threads += run(*[lambda: patience.wait(0.0, limited(), pause, WHY)] * 7)
        concurrent.futures.wait(threads[1:], 0.1)
        asleep.end.set()
        join(threads)
        assert clock.pauses == slept
        assert len(told) == times

    def test_one_that_failed_after_it_waits_again(self, patience: Patience, clock: Clock, told: list[str]) -> None:
        for dummy in range(3):
            patience.wait(patience.start(), limited(), 7.0, WHY)
        assert clock.pauses == [7.0, 7.0, 7.0]
        assert len(set(told)) == 3

    def test_a_shorter_one_does_not_stand_in_for_it(self, patience: Patience, clock: Clock) -> None:
        """A gateway error and a rate limit, side by side: until the end of the block nothing is sent."""
        one, other = patience.start(), patience.start()
        patience.wait(one, ConnectionBroken("cut"), 1.0, "next would be")
        patience.wait(other, limited(), 300.0, WHY)
        assert patience.start() >= 300.0

    def test_slowing_down_does_not_stand_in_for_it(self, patience: Patience, clock: Clock) -> None:
        one, other = patience.start(), patience.start()
        patience.heed('"default";r=4;t=10')
        assert patience.start() == 2.0  # one that is slowed down
        patience.wait(other, limited(), 300.0, WHY)
        assert patience.start() >= 300.0
        assert one == 0.0

    def test_told(self, patience: Patience, clock: Clock, told: list[str]) -> None:
        started = patience.start()
        clock.now = 2.0
        patience.wait(started, limited(), 60.0, WHY)
        (text,) = told
        assert text.startswith("Waiting 60.0 seconds (after 2.0 of 330), then trying again: Rate limited: ")

    def test_short_one_is_told(self, told: list[str]) -> None:
        """On a clock that goes on meanwhile."""
        patience = Patience(330.0, told.append, itertools.count(0.0, 0.001).__next__, lambda seconds: None)
        patience.wait(patience.start(), ConnectionBroken("cut"), 0.5, "next would be")
        assert len(told) == 1

    def test_short_one_at_the_very_start_is_told(self, patience: Patience, told: list[str]) -> None:
        patience.wait(0.0, ConnectionBroken("cut"), 0.5, "next would be")
        assert len(told) == 1

    def test_told_before_it_begins(self, clock: Clock) -> None:
        events: list[str] = []
        patience = Patience(330.0, events.append, clock, lambda seconds: events.append("sleep"))
        patience.wait(patience.start(), limited(), 60.0, WHY)
        patience.heed('"default";r=0;t=30')
        patience.start()
        assert events[1::2] == ["sleep", "sleep"] and len(events) == 4


class TestMaxWait:
    def test_all_of_it_may_be_used(self, patience: Patience, clock: Clock) -> None:
        patience.wait(patience.start(), limited(), 300.0, WHY)
        patience.wait(patience.start(), limited(), 30.0, WHY)
        assert clock.now == 330.0

    @pytest.mark.parametrize(("max_wait", "pause"), [(0.0, 0.1), (60.0, 60.1), (330.0, 999_999_999.0)])
    def test_more_is_an_error_at_once(
        self, make: t.Callable[..., Patience], clock: Clock, told: list[str], max_wait: float, pause: float
    ) -> None:
        failure, patience = limited(), make(max_wait)
        with pytest.raises(RateLimited) as caught:
            patience.wait(patience.start(), failure, pause, WHY)
        assert caught.value is failure
        assert str(failure).endswith(
            f"; the API asks for a pause of {pause:.1f} seconds, and max_wait ({max_wait:g} seconds in all) "
            f"has {max_wait:.1f} left: raise max_wait, or try again later"
        )
        assert (clock.pauses, told) == ([], [])

    def test_after_an_error_requests_may_go_on(self, patience: Patience) -> None:
        with pytest.raises(RateLimited):
            patience.wait(patience.start(), limited(), 999.0, WHY)
        patience.start()

    def test_pauses_of_all_kinds_add_up(self, make: t.Callable[..., Patience], clock: Clock) -> None:
        patience = make(1_000.0)
        patience.wait(patience.start(), limited(), 100.0, WHY)
        patience.heed('"default";r=4;t=10')
        patience.start()
        started = patience.start()
        clock.now += 5.0
        patience.wait(started, ConnectionBroken("cut"), 10.0, WHY)
        patience.heed('"default";r=50;t=300')
        assert left(patience) == f"{1_000 - 100 - 2 - 2 - 5 - 10:.1f}"

    @pytest.mark.parametrize(
        ("tries", "waited"),
        [
            ([(0, 10)], 10),
            ([(0, 10)] * 8, 10),
            ([(0, 10), (5, 12)], 12),
            ([(0, 3), (5, 8)], 6),
            ([(0, 3), (3, 8)], 8),
            ([(5, 8), (0, 9)], 9),
            ([(6, 7), (3, 8), (0, 9)], 9),
            ([(6, 7), (0, 9), (8, 12)], 12),
        ],
        ids=str,
    )
    def test_time_of_failed_tries_that_overlap_counts_once(
        self, make: t.Callable[..., Patience], clock: Clock, tries: list[tuple[int, int]], waited: int
    ) -> None:
        patience = make(1_000.0)
        for began, ended in tries:
            clock.now = float(ended)
            patience.wait(float(began), ConnectionBroken("cut"), 0.0, WHY)
        assert left(patience) == f"{1_000 - waited:.1f}"

    def test_time_of_a_failed_try_that_lasts_longer_than_the_pause(
        self, make: t.Callable[..., Patience], clock: Clock
    ) -> None:
        patience = make(1_000.0)
        one, other = patience.start(), patience.start()
        clock.now = 1.0
        patience.wait(one, ConnectionBroken("cut"), 4.0, WHY)
        assert clock.now == 5.0
        clock.now = 30.0
        patience.wait(other, ConnectionBroken("cut"), 4.0, WHY)
        assert left(patience) == "966.0"

    def test_time_of_a_try_that_failed_in_a_pause_of_another(self, clock: Clock) -> None:
        asleep = Asleep()

        def sleep(seconds: float) -> None:
            asleep(seconds)
            clock.now += seconds

        patience = Patience(13.0, lambda text: None, clock, sleep)
        clock.now = 5.0
        threads = run(lambda: patience.wait(5.0, limited(), 5.0, WHY))
        assert asleep.begun.wait(30)
        clock.now = 7.0
        threads += run(lambda: patience.wait(0.0, ConnectionBroken("cut"), 6.0, WHY))
        concurrent.futures.wait(threads[1:], 0.1)
        asleep.end.set()
        join(threads)
        # All of it: 7 seconds of the try, of which 2 are in the pause of the other to second 12, and 1 more
        assert clock.now == 13.0

    def test_time_of_tries_that_succeed_does_not_count(self, make: t.Callable[..., Patience], clock: Clock) -> None:
        patience = make(1_000.0)
        for dummy in range(3):
            patience.start()
            clock.now += 500.0
        assert left(patience) == "1000.0"


class TestStop:
    @pytest.fixture
    def patience(self, told: list[str]) -> Patience:
        """One that really sleeps."""
        return Patience(7_200.0, told.append)

    def test_wakes_all_at_once(self, patience: Patience, told: list[str]) -> None:
        errors: list[BaseException] = []
        telling = threading.Event()
        patience._tell = lambda text: telling.set()

        def caught(call: t.Callable[[], object]) -> t.Callable[[], None]:
            def target() -> None:
                with pytest.raises(CloudflareError, match="Another request of the task has failed") as caught:
                    call()
                errors.append(caught.value)

            return target

        started = patience.start()
        threads = run(caught(lambda: patience.wait(started, limited(), 40.0, WHY)))
        assert telling.wait(30)
        threads += run(caught(patience.start), caught(lambda: patience.wait(started, limited(), 40.0, WHY)))
        patience.stop()
        join(threads)
        assert len(errors) == 3
        assert not any(isinstance(error, RateLimited) for error in errors)

    def test_wakes_one_that_is_slowed_down(self, patience: Patience) -> None:
        patience.heed('"default";r=0;t=40')
        patience._tell = lambda text: patience.stop()
        with pytest.raises(CloudflareError, match="Another request of the task has failed"):
            patience.start()

    def test_nothing_starts_until_resume(self, patience: Patience, told: list[str]) -> None:
        patience.stop()
        for dummy in range(2):
            with pytest.raises(CloudflareError, match="Another request of the task has failed"):
                patience.start()
            with pytest.raises(CloudflareError, match="Another request of the task has failed"):
                patience.wait(0.0, limited(), 40.0, WHY)
        patience.resume()
        patience.start()
        assert told == []


class TestRatelimit:
    """What is left of the rate limit, by the header of that name."""

    @pytest.mark.parametrize(
        ("header", "pauses"),
        [
            ('"default";r=50;t=30', []),
            (f'"default";r={FEW + 1};t=30', []),
            (f'"default";r={FEW};t=42', [42 / (FEW + 1)]),
            ('"default";r=4;t=10', [2.0]),
            ('"default"; r=4; t=10', [2.0]),
            ('"default" ;r=4 ;t=10', [2.0]),
            ("default;r=4;t=10", [2.0]),
            ('"default";r=0;t=30', [30.0]),
            ('"default";r=0;t=330', [330.0]),
            ('"default";r=0;t=0', []),
            # several policies
            ('"burst";r=50;t=5, "default";r=4;t=10', [2.0]),
            ('"default";r=4;t=10, "burst";r=50;t=5', [2.0]),
            ('"burst";r=30;t=5,"default";r=50;t=10', []),
            ('"burst";r=5;t=60, "default";r=4;t=10', [10.0]),
            ('"default";r=4;t=10, "burst";r=5;t=60', [10.0]),
            ('"burst";r=3;t=2, "default";r=4;t=150', [30.0]),
            # more than what max_wait leaves beside a block
            ('"default";r=4;t=150.1', [30.0]),
            ('"default";r=4;t=151', []),
            ('"default";r=1;t=300', []),
            ('"default";r=4;t=100, "burst";r=4;t=10', [20.0]),
            ('"default";r=19;t=60, "burst";r=4;t=50', [10.0]),
            ('"default";r=9;t=70, "burst";r=0;t=10', [10.0]),
            ('"burst";r=0;t=0, "default";r=4;t=10', [2.0]),
            # longer than max_wait
            ('"default";r=0;t=331', []),
            ('"default";r=0;t=999999999', []),
            # huge
            (f'"default";r=0;t={10**50}', []),
            (f'"default";r={10**50};t=30', []),
            (f'"default";r={"9" * 5_000};t={"9" * 5_000}', []),
            # garbage
            ("", []),
            (",;=", []),
            ('"default"', []),
            ('"default";r=0', []),
            ('"default";t=30', []),
            ('"default";r=;t=', []),
            ('"default";r=-1;t=30', []),
            ('"default";r=0;t=-30', []),
            ('"default";r=0.5;t=30', []),
            ('"default";r=none;t=30', []),
            ('"default";r=٠;t=٣٠', []),
            ('"default";pr=0;t=30', []),
            ('"default";r=0;pt=30', []),
            ("0;30", []),
            ('r=0;t="30"', []),
            ("\x00\xff" * 10_000, []),
            (";r=1" * 10_000, []),
        ],
        ids=lambda value: str(value)[:50],
    )
    def test_slows_down(self, patience: Patience, clock: Clock, header: str, pauses: list[float]) -> None:
        patience.heed(header)
        patience.start()
        assert clock.pauses == pytest.approx(pauses)

    def test_the_last_requests_are_spread_over_the_window(self, patience: Patience, clock: Clock) -> None:
        patience.heed('"default";r=4;t=10')
        assert [patience.start() for dummy in range(7)] == pytest.approx([2.0, 4.0, 6.0, 8.0, 10.0, 10.0, 10.0])

    def test_what_is_left_already_is_used_up_by_those_under_way(self, patience: Patience, clock: Clock) -> None:
        """The header is from when the answer was sent: time passes, and the window does not begin anew."""
        patience.heed('"default";r=4;t=10')
        clock.now = 5.0
        assert patience.start() == 6.0

    def test_after_the_window_all_is_as_before(self, patience: Patience, clock: Clock) -> None:
        patience.heed('"default";r=0;t=10')
        clock.now = 10.0
        assert patience.start() == 10.0
        clock.now = 9.0
        patience.heed('"default";r=0;t=10')
        clock.now = 1_000.0
        assert patience.start() == 1_000.0

    def test_the_newest_answer_counts(self, patience: Patience, clock: Clock) -> None:
        patience.heed('"default";r=0;t=10')
        patience.heed('"default";r=100;t=300')
        assert patience.start() == 0.0
        patience.heed('"default";r=0;t=10')
        assert patience.start() == 10.0

    @pytest.mark.parametrize(("header", "pauses"), [("r=100;t=300", [2.0]), ("r=9;t=10", [2.0, 0.8])])
    def test_the_newest_answer_counts_that_comes_in_a_pause(
        self, patience: Patience, clock: Clock, header: str, pauses: list[float]
    ) -> None:
        patience.heed('"default";r=4;t=10')

        def answered() -> None:
            clock.before_sleep = lambda: None
            patience.heed(f'"default";{header}')

        clock.before_sleep = answered
        for dummy in range(2):
            patience.start()
        assert clock.pauses == pytest.approx(pauses)

    def test_an_answer_without_the_header_changes_nothing(self, patience: Patience, clock: Clock) -> None:
        patience.heed('"default";r=0;t=10')
        patience.heed("")
        assert patience.start() == 10.0

    def test_within_max_wait(self, make: t.Callable[..., Patience], clock: Clock) -> None:
        """Slowing down leaves enough of it for a block; when no request is left, all of it may be waited."""
        patience = make(305.0)
        patience.heed('"default";r=4;t=10')
        assert [patience.start() for dummy in range(6)] == [2.0, 4.0, 4.0, 4.0, 10.0, 10.0]
        assert clock.pauses == [2.0, 2.0, 6.0]
        with pytest.raises(RateLimited, match=r" has 295\.0 left"):
            patience.wait(patience.start(), limited(), 296.0, WHY)

    def test_leaves_enough_for_a_block(self, patience: Patience, clock: Clock) -> None:
        patience.heed('"default";r=20;t=300')
        for dummy in range(10):
            patience.start()
        patience.wait(patience.start(), limited(), 300.0, WHY)
        assert clock.now == pytest.approx(2 * 300 / 21 + 300, abs=0.1)

    @pytest.mark.parametrize("requests_left", range(FEW + 2))
    def test_never_without_max_wait(
        self, make: t.Callable[..., Patience], clock: Clock, told: list[str], requests_left: int
    ) -> None:
        patience = make(0.0)
        for dummy in range(3):
            patience.heed(f'"default";r={requests_left};t=30')
            patience.start()
        assert (clock.pauses, told) == ([], [])

    def test_told_once_for_a_window(self, patience: Patience, clock: Clock, told: list[str]) -> None:
        patience.heed('"default";r=4;t=10')
        for dummy in range(5):
            patience.start()
        text = "Waiting 2.0 seconds before each request: the rate limit leaves 4 for the next 10.0 seconds"
        assert told == [text]
        patience.heed('"default";r=4;t=10')
        patience.start()
        assert told == [text] * 2

    def test_a_block_is_not_waited_out_twice(self, patience: Patience, clock: Clock) -> None:
        """The 429 says it in both headers."""
        started = patience.start()
        patience.heed('"default";r=0;t=300')
        patience.wait(started, limited(), 300.0, WHY)
        patience.start()
        assert clock.pauses == [300.0]
