# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate limit of one credential, shared by all processes of a user on one host.

Private to the collection: other code must not import this file. Source of ``Ratelimit`` and its fields: Cloudflare's API
documentation, https://developers.cloudflare.com/fundamentals/api/reference/limits/

Before a process sends a request, it takes one from a file. The file holds what the API last reported, less what was taken
since. If the file is missing, damaged or not accessible, the limit is unknown, and no process waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import stat
import tempfile
import threading
import time
import typing as t

MAX_WINDOW_SECONDS = 600.0
"""The end of a window that is further away is not valid. The API's windows and blocks last up to 300 seconds."""

RESET_MARGIN_SECONDS = 1.0
"""Added to the time of a reset, which the API reports in whole seconds."""

PROBE_SECONDS = 2.0
"""Seconds that all processes wait at most for the first response of a window, which reports the limit."""

UNLIMITED_SECONDS = 30.0
"""Seconds for which no process waits after a response that reports no limit."""

PROBE_POLL_SECONDS = 0.05
LOCK_POLL_SECONDS = 0.01
MAX_LOCK_SECONDS = 0.5


class Turn(t.NamedTuple):
    """When a process that has to wait may try again.

    ``seconds``: from now. ``progress``: the time of the last response that was not a refusal, on the clock of the limit.
    ``is_block``: whether the API has refused a request and asks for a pause.
    """

    seconds: float
    progress: float
    is_block: bool = False


class _State(t.NamedTuple):
    """The content of the file. Times are those of the clock, which all processes share.

    ``window``: the number of the window. ``left``: requests that may be taken until ``ends``; ``None`` without a limit.
    ``probe_ends``: until when the first response of the window is awaited; 0 if none is. ``progress`` and ``is_block``: see ``Turn``.
    """

    window: int = 1
    left: int | None = None
    ends: float = 0.0
    probe_ends: float = 0.0
    progress: float = 0.0
    is_block: bool = False


class SharedRateLimit:
    """``name`` identifies API and credential, and holds no part of either. All errors of the file are ignored.

    ``clock`` is one that all processes of the host share.
    """

    def __init__(self, name: str, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._local = threading.local()

    def take(self) -> Turn | None:
        """Take one request for this thread, and return ``None``. If none is left, return when to try again."""
        self._local.window = 0
        try:
            with _open(self._name) as file:
                now = self._clock()
                state = _read(file, now)
                if now < state.ends:
                    if state.left == 0:
                        return Turn(state.ends - now, state.progress, state.is_block)
                    state = state._replace(left=state.left and state.left - 1)
                elif now < state.probe_ends:
                    return Turn(PROBE_POLL_SECONDS, state.progress)
                elif state.probe_ends:  # no response came in time
                    state = state._replace(left=None, ends=now + UNLIMITED_SECONDS, probe_ends=0.0)
                else:
                    state = _State(state.window + 1, probe_ends=now + PROBE_SECONDS, progress=state.progress)
                _write(file, state)
                self._local.window = state.window
        except OSError:
            pass
        return None

    def update(self, ratelimit: str, refused_seconds: float | None = None) -> bool:
        """Store what the response to the request of this thread reports. Return whether this was possible.

        ``ratelimit`` is the header ``Ratelimit``. ``refused_seconds``: for how long the API refuses all requests (429), 0 if it does not
        report that.
        """
        window = getattr(self._local, "window", 0)
        if not window:
            return False
        limits = parse_rate_limit(ratelimit)
        try:
            with _open(self._name) as file:
                now = self._clock()
                state = _read(file, now)
                if refused_seconds is None:
                    state = state._replace(progress=now)
                if refused_seconds:
                    # In a new window, since what was taken before reports nothing about the time after the refusal
                    ends = now + min(refused_seconds, MAX_WINDOW_SECONDS)
                    state = _State(state.window + 1, left=0, ends=ends, progress=state.progress, is_block=True)
                elif window == state.window and limits:
                    left, seconds = limits[0]
                    # Other hosts may use the credential, too
                    left = left if state.left is None else min(left, state.left)
                    ends = now + min(seconds + RESET_MARGIN_SECONDS, MAX_WINDOW_SECONDS)
                    state = state._replace(left=left, ends=ends, probe_ends=0.0)
                elif window == state.window and now >= state.ends:
                    state = state._replace(left=None, ends=now + UNLIMITED_SECONDS, probe_ends=0.0)
                _write(file, state)
        except OSError:
            return False
        return True

    def stop_waiting_for_response(self) -> None:
        """Let another request be the first one of the window, since no response came to the one of this thread."""
        with contextlib.suppress(OSError), _open(self._name) as file:
            state = _read(file, self._clock())
            if state.window == getattr(self._local, "window", 0):
                _write(file, state._replace(probe_ends=0.0))


def parse_rate_limit(header: str) -> list[tuple[int, int]]:
    """Return the remaining requests and the seconds to the reset of each policy in a ``Ratelimit`` header, the scarcest first."""
    policies = re.findall(r"\br=([0-9]{1,9})\s*;\s*t=([0-9]{1,9})", header)
    limits = [(int(left), int(seconds)) for left, seconds in policies]
    return sorted(limits, key=lambda limit: limit[1] / (limit[0] + 1), reverse=True)


@contextlib.contextmanager
def _open(name: str) -> t.Iterator[int]:
    """Open and lock a file in a folder that only this user can access. Raises ``OSError`` if it is not accessible or stays locked."""
    folder = os.path.join(tempfile.gettempdir(), f"edgecache-cloudflare-{os.geteuid()}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError(folder)
    file = os.open(os.path.join(folder, name), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        gives_up = time.monotonic() + MAX_LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > gives_up:
                    raise
                time.sleep(LOCK_POLL_SECONDS)
        yield file
    finally:
        os.close(file)


def _read(file: int, now: float) -> _State:
    """Return the content of the file; that of a new one if it is not valid."""
    try:
        state = _State(*json.loads(os.read(file, 1_000)))
        times = (state.ends, state.probe_ends, state.progress)
        if (
            _is_count(state.window)
            and (state.left is None or _is_count(state.left))
            and all(isinstance(moment, float) for moment in times)
            and 0 <= state.ends <= now + MAX_WINDOW_SECONDS
            and 0 <= state.probe_ends <= now + PROBE_SECONDS
            and 0 <= state.progress <= now
            and isinstance(state.is_block, bool)
        ):
            return state
    except (RecursionError, TypeError, ValueError):
        pass
    return _State()


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _write(file: int, state: _State) -> None:
    content = json.dumps(state).encode()
    os.ftruncate(file, 0)
    os.pwrite(file, content, 0)
