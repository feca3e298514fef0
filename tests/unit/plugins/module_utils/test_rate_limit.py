# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate limit that the processes of a host share through a file."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client, Credential
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http import rate_limit as _rate_limit
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.pacing import (
    RequestCancelledError,
    RequestPacer,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.rate_limit import (
    MAX_WINDOW_SECONDS,
    PROBE_POLL_SECONDS,
    PROBE_SECONDS,
    RESET_MARGIN_SECONDS,
    UNLIMITED_SECONDS,
    SharedRateLimit,
    Turn,
    parse_rate_limit,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    API_URL,
    MAPPINGS_PATH,
    TOKEN,
    FakeClock,
    FakeZone,
    error_envelope,
    mappings,
    page,
)


@pytest.fixture
def make(clock: FakeClock) -> t.Callable[[], SharedRateLimit]:
    """Return the limit as another process has it."""
    return lambda: SharedRateLimit("0123abcd", clock)


@pytest.fixture
def limit(make: t.Callable[[], SharedRateLimit]) -> SharedRateLimit:
    return make()


def header(left: int, seconds: int) -> str:
    return f'"default";r={left};t={seconds}'


def begin(limit: SharedRateLimit, left: int, seconds: int) -> None:
    """Begin a window with the first request, whose response reports these."""
    assert limit.take() is None
    assert limit.update(header(left, seconds))


class TestWindow:
    def test_requests_of_all_processes_are_those_that_are_left(
        self, make: t.Callable[[], SharedRateLimit], clock: FakeClock
    ) -> None:
        first, second = make(), make()
        begin(first, 3, 60)
        assert [first.take(), second.take(), first.take()] == [None, None, None]
        clock.sleep(20)
        turn = second.take()
        assert turn
        assert turn.seconds == 40 + RESET_MARGIN_SECONDS

    def test_other_hosts_use_the_limit_too(self, limit: SharedRateLimit) -> None:
        begin(limit, 100, 60)
        assert limit.take() is None
        assert limit.update(header(1, 50))
        assert limit.take() is None
        assert limit.take()

    def test_responses_in_another_order(self, make: t.Callable[[], SharedRateLimit]) -> None:
        early, late = make(), make()
        begin(early, 2, 60)
        assert early.take() is None
        assert late.take() is None
        late.update(header(0, 60))
        early.update(header(1, 60))
        assert early.take()

    def test_next_window_begins_with_one_request(self, make: t.Callable[[], SharedRateLimit], clock: FakeClock) -> None:
        first, second = make(), make()
        begin(first, 0, 60)
        clock.sleep(60 + RESET_MARGIN_SECONDS)
        assert first.take() is None
        turn = second.take()
        assert turn
        assert turn.seconds == PROBE_POLL_SECONDS
        first.update(header(1, 60))
        assert second.take() is None
        assert second.take()

    def test_late_response_reports_nothing_about_the_next_window(
        self, make: t.Callable[[], SharedRateLimit], clock: FakeClock
    ) -> None:
        late, prompt = make(), make()
        begin(late, 1, 60)
        assert late.take() is None
        clock.sleep(60 + RESET_MARGIN_SECONDS)
        begin(prompt, 1, 60)
        assert late.update(header(0, 1))
        assert prompt.take() is None

    def test_first_response_does_not_come(self, make: t.Callable[[], SharedRateLimit], clock: FakeClock) -> None:
        first, second = make(), make()
        assert first.take() is None
        clock.sleep(PROBE_SECONDS)
        assert [second.take() for _request in range(5)] == [None] * 5

    def test_first_request_breaks(self, make: t.Callable[[], SharedRateLimit]) -> None:
        first, second = make(), make()
        assert first.take() is None
        assert second.take()
        second.stop_waiting_for_response()  # only the process that sent the first request can know
        assert second.take()
        first.stop_waiting_for_response()
        assert second.take() is None
        assert first.take()

    def test_scarcest_policy_counts(self, limit: SharedRateLimit) -> None:
        assert limit.take() is None
        limit.update('"default";r=1000;t=200, "burst";r=0;t=5')
        turn = limit.take()
        assert turn
        assert turn.seconds == 5 + RESET_MARGIN_SECONDS

    def test_no_reported_limit(self, limit: SharedRateLimit, clock: FakeClock) -> None:
        assert limit.take() is None
        assert limit.update("")
        assert [limit.take() for _request in range(5)] == [None] * 5
        clock.sleep(UNLIMITED_SECONDS)
        begin(limit, 0, 60)
        assert limit.take()

    def test_response_without_a_report_leaves_the_limit(self, limit: SharedRateLimit) -> None:
        begin(limit, 1, 60)
        assert limit.take() is None
        limit.update("")
        assert limit.take()

    def test_absurd_window_is_cut(self, limit: SharedRateLimit) -> None:
        begin(limit, 0, 999_999_999)
        turn = limit.take()
        assert turn
        assert turn.seconds == MAX_WINDOW_SECONDS


class TestRefusal:
    def test_refusal_of_one_stops_all(self, make: t.Callable[[], SharedRateLimit], clock: FakeClock) -> None:
        first, second = make(), make()
        begin(first, 50, 60)
        assert first.take() is None
        assert second.take() is None
        assert first.update("", 300.0)
        second.update(header(40, 60))  # sent before the refusal
        turn = second.take()
        assert turn
        assert turn.seconds == 300
        clock.sleep(300)
        assert second.take() is None

    def test_refusal_without_a_time_changes_nothing(self, limit: SharedRateLimit) -> None:
        begin(limit, 50, 60)
        assert limit.take() is None
        assert limit.update("", 0.0)
        assert limit.take() is None

    def test_refusal_is_no_progress(self, limit: SharedRateLimit, clock: FakeClock) -> None:
        begin(limit, 50, 60)
        answered = clock()
        clock.sleep(10)
        assert limit.take() is None
        limit.update("", 300.0)
        assert limit.take() == Turn(300.0, answered, is_block=True)


class TestFile:
    def test_only_the_user_can_access_it(self, limit: SharedRateLimit, shared_folder: Path) -> None:
        begin(limit, 1, 60)
        assert stat.S_IMODE(shared_folder.stat().st_mode) == 0o700
        assert [stat.S_IMODE(path.stat().st_mode) for path in shared_folder.iterdir()] == [0o600]

    @pytest.mark.parametrize("mode", [0o710, 0o702, 0o707])
    def test_folder_that_others_can_access(self, limit: SharedRateLimit, shared_folder: Path, mode: int) -> None:
        shared_folder.mkdir()
        shared_folder.chmod(mode)
        assert limit.take() is None
        assert not limit.update(header(0, 60))
        assert not list(shared_folder.iterdir())

    def test_folder_that_others_can_access_later(self, limit: SharedRateLimit, shared_folder: Path) -> None:
        assert limit.take() is None
        shared_folder.chmod(0o707)
        assert not limit.update(header(0, 60))

    def test_folder_of_another_user(
        self, limit: SharedRateLimit, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin(limit, 0, 60)
        user = os.geteuid()
        shared_folder.rename(shared_folder.with_name(f"edgecache-cloudflare-{user + 1}"))
        monkeypatch.setattr(os, "geteuid", lambda: user + 1)
        assert limit.take() is None

    def test_link_for_the_folder(self, limit: SharedRateLimit, shared_folder: Path, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir(0o700)
        shared_folder.symlink_to(tmp_path / "other")
        assert limit.take() is None
        assert not list((tmp_path / "other").iterdir())

    def test_no_writable_folder(self, limit: SharedRateLimit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        assert limit.take() is None
        assert not limit.update(header(0, 60))

    def test_pipe_for_the_file(self, limit: SharedRateLimit, shared_folder: Path) -> None:
        shared_folder.mkdir(0o700)
        os.mkfifo(shared_folder / "0123abcd")
        assert limit.take() is None
        assert not limit.update(header(0, 60))

    def test_lock_that_is_never_free(
        self, limit: SharedRateLimit, shared_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin(limit, 0, 60)
        monkeypatch.setattr(_rate_limit, "MAX_LOCK_SECONDS", 0.0)
        with (shared_folder / "0123abcd").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            assert limit.take() is None
        assert limit.take()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff",
            b"null",
            b"[" * 1_000,
            b"[2, 0, 1e999, 0.0, 0.0, false]",
            b"[2, 0, NaN, 0.0, 0.0, false]",
            b"[2, 0, 10000.0, 0.0, 0.0, false]",
            b"[2, -1, 160.0, 0.0, 0.0, false]",
            b"[2, true, 160.0, 0.0, 0.0, false]",
            b"[2, 0, true, 0.0, 0.0, false]",
            b'["2", 0, 160.0, 0.0, 0.0, false]',
            b"[2, null, 0.0, 10000.0, 0.0, false]",
            b"[2, 0, 160.0, 0.0, 10000.0, false]",
            b"[2, 0, 160.0, 0.0, 0.0, 0]",
        ],
    )
    def test_damaged_content(
        self, limit: SharedRateLimit, shared_folder: Path, clock: FakeClock, content: bytes
    ) -> None:
        shared_folder.mkdir(0o700)
        (shared_folder / "0123abcd").write_bytes(content)
        assert limit.take() is None
        limit.update(header(7, 60))
        assert json.loads((shared_folder / "0123abcd").read_bytes())[1] == 7

    def test_valid_content(self, limit: SharedRateLimit, shared_folder: Path, clock: FakeClock) -> None:
        """Shows that the damaged contents above are rejected for what is damaged in them."""
        shared_folder.mkdir(0o700)
        (shared_folder / "0123abcd").write_text(f"[2, 0, {clock() + 60}, 0.0, 0.0]")
        assert limit.take() == Turn(60.0, 0.0)

    def test_threads_of_a_process(self, limit: SharedRateLimit) -> None:
        begin(limit, 50, 60)
        turns: list[Turn | None] = []
        threads = [threading.Thread(target=lambda: turns.append(limit.take())) for _thread in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert turns.count(None) == 50


class TestPacer:
    """Waiting for one's turn."""

    @pytest.fixture
    def pacer(self, clock: FakeClock, messages: list[str]) -> RequestPacer:
        return RequestPacer(330.0, messages.append, clock, clock.sleep)

    def test_waits_for_the_reset_and_announces_it(
        self, pacer: RequestPacer, limit: SharedRateLimit, clock: FakeClock, messages: list[str]
    ) -> None:
        begin(limit, 0, 60)
        started = clock()
        assert pacer.acquire(limit) == started + 60 + RESET_MARGIN_SECONDS
        assert messages == [
            "Waiting up to 61.0 seconds: the tasks of this host have used up the rate limit of the credential"
        ]
        assert pacer.left == 330

    def test_waits_longer_than_max_wait_while_others_make_progress(
        self, limit: SharedRateLimit, make: t.Callable[[], SharedRateLimit], clock: FakeClock
    ) -> None:
        other = make()

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            if clock() - started < 900:
                begin(other, 0, 299)

        begin(limit, 0, 299)
        started = clock()
        RequestPacer(330.0, lambda text: None, clock, sleep).acquire(limit)
        assert clock() - started == 900

    @pytest.mark.parametrize(("max_wait", "waited"), [(300.0, 300.0), (299.0, 0.0), (0.0, 0.0)])
    def test_lets_the_api_decide_where_max_wait_is_too_short(
        self, limit: SharedRateLimit, clock: FakeClock, max_wait: float, waited: float
    ) -> None:
        begin(limit, 0, 299)
        RequestPacer(max_wait, lambda text: None, clock, clock.sleep).acquire(limit)
        assert clock() == waited

    def test_block_counts_as_waiting(
        self, pacer: RequestPacer, limit: SharedRateLimit, clock: FakeClock, messages: list[str]
    ) -> None:
        assert limit.take() is None
        limit.update("", 300.0)
        assert pacer.acquire(limit) == clock() == 300
        assert pacer.left == 30
        assert messages == ["Waiting up to 300.0 seconds: the API rejects all requests of the credential"]
        limit.update("", 31.0)
        assert pacer.acquire(limit) == 300  # max_wait does not allow the pause, so the API decides

    def test_cancelled_while_it_waits(self, limit: SharedRateLimit, clock: FakeClock) -> None:
        def sleep(seconds: float) -> None:
            pacer.cancel()

        pacer = RequestPacer(330.0, lambda text: None, clock, sleep)
        begin(limit, 0, 60)
        with pytest.raises(RequestCancelledError):
            pacer.acquire(limit)


class TestClient:
    """What a client stores for the other processes."""

    @pytest.fixture
    def client(self, clock: FakeClock) -> Client:
        credential = Credential.from_token(TOKEN)
        return Client(credential, API_URL, clock=clock, sleep=clock.sleep, shared_limit="0123abcd")

    @pytest.mark.parametrize(("status", "is_block"), [(429, True), (503, False)])
    def test_only_a_rate_limit_stops_the_others(
        self, client: Client, zone: FakeZone, clock: FakeClock, limit: SharedRateLimit, status: int, is_block: bool
    ) -> None:
        turns: list[Turn | None] = []
        clock.before_sleep = lambda: turns.append(limit.take())
        zone.before = lambda number: None if turns else (status, {"Retry-After": "30"}, error_envelope(971))
        assert len(list(client.iter_pages(MAPPINGS_PATH))) == 1
        assert [turn is not None and turn.is_block for turn in turns] == [is_block]

    @pytest.mark.parametrize(("is_shared", "pauses"), [(True, []), (False, [3.0] * 8)])
    def test_slows_down_only_without_a_shared_limit(
        self,
        client: Client,
        zone: FakeZone,
        clock: FakeClock,
        shared_folder: Path,
        is_shared: bool,
        pauses: list[float],
    ) -> None:
        if not is_shared:
            shared_folder.mkdir(0o707)
            shared_folder.chmod(0o707)
        zone.items = mappings(900)
        first = (200, {"Ratelimit": header(8, 27)}, page(mappings(900)))
        zone.before = lambda number: first if number == 1 else None
        assert len(list(client.iter_pages(MAPPINGS_PATH))) == 9
        assert clock.pauses == pauses


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("", []),
        ('"default";r=50;t=30', [(50, 30)]),
        ('"default"; r=50 ; t=30', [(50, 30)]),
        ('"default";r=50;t=30, "burst";r=2;t=10', [(2, 10), (50, 30)]),
        ('"default";r=-1;t=30', []),
        ('"default";r=1e9;t=30', []),
    ],
)
def test_parse_rate_limit(text: str, limits: list[tuple[int, int]]) -> None:
    assert parse_rate_limit(text) == limits
