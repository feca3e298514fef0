# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pacer: a pause of one request pauses all, has a message, and fits into max_wait."""

from __future__ import annotations

import concurrent.futures
import itertools
import threading
import typing as t

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    RateLimitError,
    RetryableTransportError,
    build_api_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.pacing import PACING_THRESHOLD, RequestPacer
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import FakeClock

REASON = "the API asks for"


def rate_limit_error() -> CloudflareError:
    return build_api_error(429, [], "nothing")


@pytest.fixture
def create_pacer(clock: FakeClock, messages: list[str]) -> t.Callable[..., RequestPacer]:
    def create_pacer(max_wait: float = 330.0) -> RequestPacer:
        return RequestPacer(max_wait, messages.append, clock, clock.sleep)

    return create_pacer


@pytest.fixture
def pacer(create_pacer: t.Callable[..., RequestPacer]) -> RequestPacer:
    return create_pacer()


def remaining_wait(pacer: RequestPacer) -> str:
    """Return the remaining seconds of max_wait (1,000) from the error message."""
    with pytest.raises(CloudflareError) as caught:
        pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 86_400.0, REASON)
    message = str(caught.value)
    assert "max_wait (1000 seconds in total) has " in message
    return message.split("in total) has ")[1].split(" left")[0]


class BlockingSleep:
    """A sleep that lasts until the test ends it. Other threads add to ``events``, too."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.started = threading.Event()
        self.wake = threading.Event()

    def __call__(self, seconds: float) -> None:
        self.started.set()
        assert self.wake.wait(30)
        self.events.append("slept")


Futures = list["concurrent.futures.Future[object]"]


def start_threads(*targets: t.Callable[[], object]) -> Futures:
    """Call each target in a separate thread."""
    pool = concurrent.futures.ThreadPoolExecutor(len(targets))
    futures: Futures = [pool.submit(target) for target in targets]
    pool.shutdown(wait=False)
    return futures


def join_threads(futures: Futures) -> None:
    for future in futures:
        future.result(30)


class TestPause:
    def test_no_pause_without_a_failure(self, pacer: RequestPacer, clock: FakeClock, messages: list[str]) -> None:
        clock.now = 7.0
        assert [pacer.acquire() for dummy in range(1_000)] == [7.0] * 1_000
        assert (clock.pauses, messages) == ([], [])

    def test_pause_blocks_other_requests(self, clock: FakeClock) -> None:
        blocking_sleep = BlockingSleep()
        pacer = RequestPacer(330.0, lambda text: None, clock, blocking_sleep)

        def start() -> None:
            pacer.acquire()
            blocking_sleep.events.append("started")

        threads = start_threads(lambda: pacer.sleep_before_retry(0.0, rate_limit_error(), 300.0, REASON))
        assert blocking_sleep.started.wait(30)
        threads += start_threads(start, start, start)
        concurrent.futures.wait(threads[1:], 0.05)
        blocking_sleep.wake.set()
        join_threads(threads)
        assert blocking_sleep.events == ["slept", "started", "started", "started"]

    def test_slowdown_blocks_other_requests(self, clock: FakeClock) -> None:
        blocking_sleep = BlockingSleep()
        pacer = RequestPacer(330.0, lambda text: None, clock, blocking_sleep)

        def start() -> None:
            pacer.acquire()
            blocking_sleep.events.append("started")

        pacer.update_rate_limit('"default";r=0;t=30')
        threads = start_threads(start)
        assert blocking_sleep.started.wait(30)
        clock.now = 30.0
        threads += start_threads(start, start)
        concurrent.futures.wait(threads[1:], 0.05)
        blocking_sleep.wake.set()
        join_threads(threads)
        assert blocking_sleep.events == ["slept", "started", "started", "started"]

    @pytest.mark.parametrize(
        ("pause", "slept", "times"),
        [
            (300.0, [300.0], 1),
            (1.0, [300.0], 1),
            (310.0, [300.0, 10.0], 2),
            (301.0, [300.0, 1.0], 2),
            # the rest is too short for a message
            (300.5, [300.0, 0.5], 1),
        ],
    )
    def test_concurrent_failures_share_a_pause(
        self, clock: FakeClock, messages: list[str], pause: float, slept: list[float], times: int
    ) -> None:
        blocking_sleep = BlockingSleep()

        def sleep(seconds: float) -> None:
            if not clock.pauses:
                blocking_sleep(seconds)
            clock.sleep(seconds)

        pacer = RequestPacer(330.0, messages.append, clock, sleep)
        threads = start_threads(lambda: pacer.sleep_before_retry(0.0, rate_limit_error(), 300.0, REASON))
        assert blocking_sleep.started.wait(30)
        threads += start_threads(*[lambda: pacer.sleep_before_retry(0.0, rate_limit_error(), pause, REASON)] * 7)
        concurrent.futures.wait(threads[1:], 0.1)
        blocking_sleep.wake.set()
        join_threads(threads)
        assert clock.pauses == slept
        assert len(messages) == times

    def test_later_failure_pauses_again(self, pacer: RequestPacer, clock: FakeClock, messages: list[str]) -> None:
        for dummy in range(3):
            pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 7.0, REASON)
        assert clock.pauses == [7.0, 7.0, 7.0]
        assert len(set(messages)) == 3

    def test_longer_pause_wins(self, pacer: RequestPacer, clock: FakeClock) -> None:
        """After a concurrent gateway error and rate limit, no request is sent until the longer pause ends."""
        one, other = pacer.acquire(), pacer.acquire()
        pacer.sleep_before_retry(one, RetryableTransportError("cut"), 1.0, "the next attempt needs")
        pacer.sleep_before_retry(other, rate_limit_error(), 300.0, REASON)
        assert pacer.acquire() >= 300.0

    def test_slowdown_does_not_replace_a_pause(self, pacer: RequestPacer, clock: FakeClock) -> None:
        one, other = pacer.acquire(), pacer.acquire()
        pacer.update_rate_limit('"default";r=4;t=10')
        assert pacer.acquire() == 2.0  # a slowdown
        pacer.sleep_before_retry(other, rate_limit_error(), 300.0, REASON)
        assert pacer.acquire() >= 300.0
        assert one == 0.0

    def test_message(self, pacer: RequestPacer, clock: FakeClock, messages: list[str]) -> None:
        started = pacer.acquire()
        clock.now = 2.0
        pacer.sleep_before_retry(started, rate_limit_error(), 60.0, REASON)
        (text,) = messages
        assert text.startswith("Retrying in 60.0 seconds (waited 2.0 of at most 330): Rate limit exceeded: ")

    def test_short_pause_has_a_message(self, messages: list[str]) -> None:
        """With a clock that advances between the calls."""
        pacer = RequestPacer(330.0, messages.append, itertools.count(0.0, 0.001).__next__, lambda seconds: None)
        pacer.sleep_before_retry(pacer.acquire(), RetryableTransportError("cut"), 0.5, "the next attempt needs")
        assert len(messages) == 1

    def test_short_pause_at_the_start_has_a_message(self, pacer: RequestPacer, messages: list[str]) -> None:
        pacer.sleep_before_retry(0.0, RetryableTransportError("cut"), 0.5, "the next attempt needs")
        assert len(messages) == 1

    def test_message_comes_before_the_pause(self, clock: FakeClock) -> None:
        events: list[str] = []
        pacer = RequestPacer(330.0, events.append, clock, lambda seconds: events.append("sleep"))
        pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 60.0, REASON)
        pacer.update_rate_limit('"default";r=0;t=30')
        pacer.acquire()
        assert events[1::2] == ["sleep", "sleep"] and len(events) == 4


class TestMaxWait:
    def test_pauses_may_use_all(self, pacer: RequestPacer, clock: FakeClock) -> None:
        pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 300.0, REASON)
        pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 30.0, REASON)
        assert clock.now == 330.0

    @pytest.mark.parametrize(("max_wait", "pause"), [(0.0, 0.1), (60.0, 60.1), (330.0, 999_999_999.0)])
    def test_longer_pause_fails_at_once(
        self,
        create_pacer: t.Callable[..., RequestPacer],
        clock: FakeClock,
        messages: list[str],
        max_wait: float,
        pause: float,
    ) -> None:
        failure, pacer = rate_limit_error(), create_pacer(max_wait)
        with pytest.raises(RateLimitError) as caught:
            pacer.sleep_before_retry(pacer.acquire(), failure, pause, REASON)
        assert caught.value is failure
        assert str(failure).endswith(
            f"; the API asks for a pause of {pause:.1f} seconds, but max_wait ({max_wait:g} seconds in total) "
            f"has {max_wait:.1f} left: raise max_wait, or try again later"
        )
        assert (clock.pauses, messages) == ([], [])

    def test_requests_continue_after_an_error(self, pacer: RequestPacer) -> None:
        with pytest.raises(RateLimitError):
            pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 999.0, REASON)
        pacer.acquire()

    def test_pauses_of_all_kinds_add_up(self, create_pacer: t.Callable[..., RequestPacer], clock: FakeClock) -> None:
        pacer = create_pacer(1_000.0)
        pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 100.0, REASON)
        pacer.update_rate_limit('"default";r=4;t=10')
        pacer.acquire()
        started = pacer.acquire()
        clock.now += 5.0
        pacer.sleep_before_retry(started, RetryableTransportError("cut"), 10.0, REASON)
        pacer.update_rate_limit('"default";r=50;t=300')
        assert remaining_wait(pacer) == f"{1_000 - 100 - 2 - 2 - 5 - 10:.1f}"

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
    def test_overlapping_failed_tries_count_once(
        self, create_pacer: t.Callable[..., RequestPacer], clock: FakeClock, tries: list[tuple[int, int]], waited: int
    ) -> None:
        pacer = create_pacer(1_000.0)
        for began, ended in tries:
            clock.now = float(ended)
            pacer.sleep_before_retry(float(began), RetryableTransportError("cut"), 0.0, REASON)
        assert remaining_wait(pacer) == f"{1_000 - waited:.1f}"

    def test_failed_try_longer_than_the_pause(
        self, create_pacer: t.Callable[..., RequestPacer], clock: FakeClock
    ) -> None:
        pacer = create_pacer(1_000.0)
        one, other = pacer.acquire(), pacer.acquire()
        clock.now = 1.0
        pacer.sleep_before_retry(one, RetryableTransportError("cut"), 4.0, REASON)
        assert clock.now == 5.0
        clock.now = 30.0
        pacer.sleep_before_retry(other, RetryableTransportError("cut"), 4.0, REASON)
        assert remaining_wait(pacer) == "966.0"

    def test_try_that_fails_in_another_pause(self, clock: FakeClock) -> None:
        blocking_sleep = BlockingSleep()

        def sleep(seconds: float) -> None:
            blocking_sleep(seconds)
            clock.now += seconds

        pacer = RequestPacer(13.0, lambda text: None, clock, sleep)
        clock.now = 5.0
        threads = start_threads(lambda: pacer.sleep_before_retry(5.0, rate_limit_error(), 5.0, REASON))
        assert blocking_sleep.started.wait(30)
        clock.now = 7.0
        threads += start_threads(lambda: pacer.sleep_before_retry(0.0, RetryableTransportError("cut"), 6.0, REASON))
        concurrent.futures.wait(threads[1:], 0.1)
        blocking_sleep.wake.set()
        join_threads(threads)
        # 7 seconds of the try, of which 2 are in the other pause until second 12, and 1 more
        assert clock.now == 13.0

    def test_successful_tries_do_not_count(self, create_pacer: t.Callable[..., RequestPacer], clock: FakeClock) -> None:
        pacer = create_pacer(1_000.0)
        for dummy in range(3):
            pacer.acquire()
            clock.now += 500.0
        assert remaining_wait(pacer) == "1000.0"


class TestCancel:
    @pytest.fixture
    def pacer(self, messages: list[str]) -> RequestPacer:
        """A pacer that really sleeps."""
        return RequestPacer(7_200.0, messages.append)

    def test_ends_all_pauses(self, pacer: RequestPacer, messages: list[str]) -> None:
        errors: list[BaseException] = []
        telling = threading.Event()
        pacer._before_sleep = lambda text: telling.set()

        def caught(call: t.Callable[[], object]) -> t.Callable[[], None]:
            def target() -> None:
                with pytest.raises(CloudflareError, match="Another request of the task has failed") as caught:
                    call()
                errors.append(caught.value)

            return target

        started = pacer.acquire()
        threads = start_threads(caught(lambda: pacer.sleep_before_retry(started, rate_limit_error(), 40.0, REASON)))
        assert telling.wait(30)
        threads += start_threads(
            caught(pacer.acquire), caught(lambda: pacer.sleep_before_retry(started, rate_limit_error(), 40.0, REASON))
        )
        pacer.cancel()
        join_threads(threads)
        assert len(errors) == 3
        assert not any(isinstance(error, RateLimitError) for error in errors)

    def test_ends_a_slowdown(self, pacer: RequestPacer) -> None:
        pacer.update_rate_limit('"default";r=0;t=40')
        pacer._before_sleep = lambda text: pacer.cancel()
        with pytest.raises(CloudflareError, match="Another request of the task has failed"):
            pacer.acquire()

    def test_no_request_until_reset(self, pacer: RequestPacer, messages: list[str]) -> None:
        pacer.cancel()
        for dummy in range(2):
            with pytest.raises(CloudflareError, match="Another request of the task has failed"):
                pacer.acquire()
            with pytest.raises(CloudflareError, match="Another request of the task has failed"):
                pacer.sleep_before_retry(0.0, rate_limit_error(), 40.0, REASON)
        pacer.reset()
        pacer.acquire()
        assert messages == []


class TestRateLimitHeader:
    """The header Ratelimit, which has the remaining requests."""

    @pytest.mark.parametrize(
        ("header", "pauses"),
        [
            ('"default";r=50;t=30', []),
            (f'"default";r={PACING_THRESHOLD + 1};t=30', []),
            (f'"default";r={PACING_THRESHOLD};t=42', [42 / (PACING_THRESHOLD + 1)]),
            ('"default";r=4;t=10', [2.0]),
            ('"default"; r=4; t=10', [2.0]),
            ('"default" ;r=4 ;t=10', [2.0]),
            ("default;r=4;t=10", [2.0]),
            ('"default";r=0;t=30', [30.0]),
            ('"default";r=0;t=330', [330.0]),
            ('"default";r=0;t=0', []),
            # several rate limits
            ('"burst";r=50;t=5, "default";r=4;t=10', [2.0]),
            ('"default";r=4;t=10, "burst";r=50;t=5', [2.0]),
            ('"burst";r=30;t=5,"default";r=50;t=10', []),
            ('"burst";r=5;t=60, "default";r=4;t=10', [10.0]),
            ('"default";r=4;t=10, "burst";r=5;t=60', [10.0]),
            ('"burst";r=3;t=2, "default";r=4;t=150', [30.0]),
            # more than max_wait allows besides a block
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
            # invalid
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
    def test_slowdown(self, pacer: RequestPacer, clock: FakeClock, header: str, pauses: list[float]) -> None:
        pacer.update_rate_limit(header)
        pacer.acquire()
        assert clock.pauses == pytest.approx(pauses)

    def test_last_requests_are_spread_over_the_window(self, pacer: RequestPacer, clock: FakeClock) -> None:
        pacer.update_rate_limit('"default";r=4;t=10')
        assert [pacer.acquire() for dummy in range(7)] == pytest.approx([2.0, 4.0, 6.0, 8.0, 10.0, 10.0, 10.0])

    def test_elapsed_time_of_the_window_counts(self, pacer: RequestPacer, clock: FakeClock) -> None:
        """The window of the header starts when the answer arrives, not at the next request."""
        pacer.update_rate_limit('"default";r=4;t=10')
        clock.now = 5.0
        assert pacer.acquire() == 6.0

    def test_no_slowdown_after_the_window(self, pacer: RequestPacer, clock: FakeClock) -> None:
        pacer.update_rate_limit('"default";r=0;t=10')
        clock.now = 10.0
        assert pacer.acquire() == 10.0
        clock.now = 9.0
        pacer.update_rate_limit('"default";r=0;t=10')
        clock.now = 1_000.0
        assert pacer.acquire() == 1_000.0

    def test_newest_header_wins(self, pacer: RequestPacer, clock: FakeClock) -> None:
        pacer.update_rate_limit('"default";r=0;t=10')
        pacer.update_rate_limit('"default";r=100;t=300')
        assert pacer.acquire() == 0.0
        pacer.update_rate_limit('"default";r=0;t=10')
        assert pacer.acquire() == 10.0

    @pytest.mark.parametrize(("header", "pauses"), [("r=100;t=300", [2.0]), ("r=9;t=10", [2.0, 0.8])])
    def test_header_that_arrives_in_a_pause_wins(
        self, pacer: RequestPacer, clock: FakeClock, header: str, pauses: list[float]
    ) -> None:
        pacer.update_rate_limit('"default";r=4;t=10')

        def answered() -> None:
            clock.before_sleep = lambda: None
            pacer.update_rate_limit(f'"default";{header}')

        clock.before_sleep = answered
        for dummy in range(2):
            pacer.acquire()
        assert clock.pauses == pytest.approx(pauses)

    def test_missing_header_changes_nothing(self, pacer: RequestPacer, clock: FakeClock) -> None:
        pacer.update_rate_limit('"default";r=0;t=10')
        pacer.update_rate_limit("")
        assert pacer.acquire() == 10.0

    def test_slowdown_stays_within_max_wait(
        self, create_pacer: t.Callable[..., RequestPacer], clock: FakeClock
    ) -> None:
        """A slowdown leaves enough of max_wait for a block. Without any remaining request, the pause may use all of it."""
        pacer = create_pacer(305.0)
        pacer.update_rate_limit('"default";r=4;t=10')
        assert [pacer.acquire() for dummy in range(6)] == [2.0, 4.0, 4.0, 4.0, 10.0, 10.0]
        assert clock.pauses == [2.0, 2.0, 6.0]
        with pytest.raises(RateLimitError, match=r" has 295\.0 left"):
            pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 296.0, REASON)

    def test_slowdown_leaves_max_wait_for_a_block(self, pacer: RequestPacer, clock: FakeClock) -> None:
        pacer.update_rate_limit('"default";r=20;t=300')
        for dummy in range(10):
            pacer.acquire()
        pacer.sleep_before_retry(pacer.acquire(), rate_limit_error(), 300.0, REASON)
        assert clock.now == pytest.approx(2 * 300 / 21 + 300, abs=0.1)

    @pytest.mark.parametrize("requests_left", range(PACING_THRESHOLD + 2))
    def test_no_slowdown_with_max_wait_0(
        self, create_pacer: t.Callable[..., RequestPacer], clock: FakeClock, messages: list[str], requests_left: int
    ) -> None:
        pacer = create_pacer(0.0)
        for dummy in range(3):
            pacer.update_rate_limit(f'"default";r={requests_left};t=30')
            pacer.acquire()
        assert (clock.pauses, messages) == ([], [])

    def test_one_message_for_each_window(self, pacer: RequestPacer, clock: FakeClock, messages: list[str]) -> None:
        pacer.update_rate_limit('"default";r=4;t=10')
        for dummy in range(5):
            pacer.acquire()
        text = "Waiting 2.0 seconds before each request: the rate limit allows only 4 more in the next 10.0 seconds"
        assert messages == [text]
        pacer.update_rate_limit('"default";r=4;t=10')
        pacer.acquire()
        assert messages == [text] * 2

    def test_429_with_both_headers_pauses_once(self, pacer: RequestPacer, clock: FakeClock) -> None:
        """The 429 has both headers."""
        started = pacer.acquire()
        pacer.update_rate_limit('"default";r=0;t=300')
        pacer.sleep_before_retry(started, rate_limit_error(), 300.0, REASON)
        pacer.acquire()
        assert clock.pauses == [300.0]
