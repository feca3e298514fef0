# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plugins of one run of Ansible have read, so that its processes read it once.

Private to the collection: no other collection may rely on this file. It lies in Ansible's own temporary folder of the
run on the controller, which is private to the user and removed at the end. It holds mappings, files of ranges and what errors
say, and no credential.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import time
import typing as t
import uuid

from ansible import constants
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._origin_cloud_regions import Known
from ansible_collections.edgecache.cloudflare.plugins.module_utils._zones import is_zone_id

C: t.Any = constants  # sets most of its names at run time

_KEYS = {"origin_ip", "vendor", "region", "modified_on"}

_UNREADABLE = (OSError, RecursionError, TypeError, ValueError)
"""What reading a file of JSON may raise, whatever is in it."""

_entries: dict[str, tuple[t.Any, dict[str, t.Any]]] = {}
"""By path, the entry that this process has last read, with what tells whether the file is still the same."""


class RunCache:
    """What is known of one zone. ``name`` tells it from others, ``ttl`` is in seconds."""

    def __init__(self, name: str, ttl: float) -> None:
        self._path = _path(name)
        self._ttl = ttl
        self._read = 0.0
        self._generation = ""

    @contextlib.contextmanager
    def lock(self) -> t.Iterator[None]:
        """Keep other processes waiting that want the same."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                file = stack.enter_context(open(f"{self._path}.lock", "a", opener=_private))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def load(self) -> Known:
        """What is known: no mappings if the entry is not there, not as it should be, too old, or from before a write."""
        self._read, self._generation = time.monotonic(), _generation()
        known = Known()
        entry = _entry(self._path)
        if entry:
            known.zone_id = entry["zone_id"]
        if (
            entry
            and self.keeps
            and entry["generation"] == self._generation
            and 0 <= self._read - entry["read"] < self._ttl
        ):
            self._read = entry["read"]
            known.pages, known.spent = entry["pages"], entry["spent"]
            known.mappings, known.whole = dict(entry["mappings"]), entry["whole"]
        return known

    @property
    def keeps(self) -> bool:
        """Whether what is stored could be loaded again."""
        return bool(self._generation) and self._ttl > 0

    def store(self, known: Known) -> None:
        """Keep what is known, which is as old as the oldest part of it. A folder that cannot be written to is no error."""
        entry = {
            "read": self._read,
            "generation": self._generation,
            "zone_id": known.zone_id,
            "pages": known.pages,
            "spent": known.spent,
            "whole": known.whole,
            "mappings": known.mappings,
        }
        if self.keeps:
            with contextlib.suppress(OSError):
                _replace(self._path, json.dumps(entry).encode())

    def file(self, read: t.Callable[[], bytes], max_wait: float) -> bytes:
        """What ``read`` gives, which one process of the run calls. Those who wait for it fail with it."""
        since = time.monotonic()
        with self.lock():
            with contextlib.suppress(OSError), _own(f"{self._path}.file") as (file, dummy):
                return file.buffer.read()
            if message := self.failure(since, max_wait):
                raise CloudflareError(message)
            try:
                content = read()
            except CloudflareError as error:
                self.fail(str(error), max_wait)
                raise
            with contextlib.suppress(OSError):
                _replace(f"{self._path}.file", content)
            return content

    def fail(self, message: str, max_wait: float) -> None:
        """Tell those who wait for the lock that it was in vain."""
        with contextlib.suppress(OSError):
            _replace(f"{self._path}.failed", json.dumps([time.monotonic(), max_wait, message]).encode())

    def failure(self, since: float, max_wait: float) -> str:
        """The message of a failure after ``since`` (of ``time.monotonic``) of one with so much patience; else empty."""
        try:
            with _own(f"{self._path}.failed") as (file, dummy):
                at, patience, message = json.load(file)
            return message if at >= since and patience >= max_wait and isinstance(message, str) else ""
        except _UNREADABLE:
            return ""


def is_mapping(value: t.Any) -> bool:
    """Whether this looks as a mapping does that was kept."""
    return (
        isinstance(value, dict)
        and value.keys() == _KEYS
        and isinstance(value["origin_ip"], str)
        and isinstance(value["vendor"], str)
        and isinstance(value["region"], str)
        and isinstance(value["modified_on"], (str, type(None)))
    )


def forget() -> None:
    """Let everything that is known be from before a write."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(_path("generation"))


def forget_for_good() -> None:
    """The same, and let nothing be kept in the rest of the run: there may be a write at any time."""
    try:
        os.close(_private(_path("uncertain"), os.O_CREAT | os.O_WRONLY))
    finally:
        forget()


def _generation() -> str:
    """What changes with each write; empty if nothing can be relied on."""
    path = _path("generation")
    if os.path.lexists(_path("uncertain")):
        return ""
    # A link, since it is there as a whole or not at all, and the first one stays
    with contextlib.suppress(OSError):
        os.symlink(uuid.uuid4().hex, path)
    try:
        return os.readlink(path) if os.lstat(path).st_uid == os.geteuid() else ""
    except OSError:
        return ""


def _path(name: str) -> str:
    return os.path.join(C.DEFAULT_LOCAL_TMP, f"edgecache.cloudflare-{name}")


def _replace(path: str, content: bytes) -> None:
    new = f"{path}.{os.getpid()}"
    with open(new, "wb", opener=_private) as file:
        file.write(content)
    os.replace(new, path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)


@contextlib.contextmanager
def _own(path: str) -> t.Iterator[tuple[t.TextIO, t.Any]]:
    """A file of this user, and what tells whether it is still the same; anything else is an ``OSError``."""
    with open(path, encoding="utf-8", opener=_private) as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode):
            raise OSError
        yield file, (status.st_ino, status.st_mtime_ns, status.st_size)


def _entry(path: str) -> dict[str, t.Any] | None:
    try:
        with _own(path) as (file, version):
            if path in _entries and _entries[path][0] == version:
                return _entries[path][1]
            entry = json.load(file)
    except _UNREADABLE:
        return None
    if not _is_entry(entry):
        return None
    found: dict[str, t.Any] = entry
    _entries[path] = (version, found)
    return found


def _is_entry(entry: t.Any) -> bool:
    kinds: dict[str, t.Any] = {
        "read": float,
        "generation": str,
        "zone_id": str,
        "pages": (int, type(None)),
        "spent": int,
        "whole": bool,
        "mappings": dict,
    }
    return (
        isinstance(entry, dict)
        and entry.keys() == kinds.keys()
        and all(isinstance(entry[key], kind) for key, kind in kinds.items())
        and (entry["zone_id"] == "" or is_zone_id(entry["zone_id"]))
        and all(
            mapping is None or (is_mapping(mapping) and mapping["origin_ip"] == address)
            for address, mapping in entry["mappings"].items()
        )
    )
