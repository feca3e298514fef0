# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Share the data that plugins read between the processes of one run of Ansible.

Private to the collection: other code must not import this file. The files are in Ansible's own temporary folder of the run on
the controller, which only the user can access, and which Ansible removes at the end. They hold mappings, range files and error
messages, and no credential.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
import typing as t
import uuid

from ansible import constants
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import (
    OriginMapping,
    ZoneSnapshot,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import is_zone_id
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError

C: t.Any = constants  # most of its names are set at run time

_READ_ERRORS = (OSError, RecursionError, TypeError, ValueError)
"""Raised by reading a file of JSON with arbitrary content."""

_entries: dict[str, tuple[t.Any, dict[str, t.Any]]] = {}
"""By path, the version of the file and the entry that this process read last."""


class RunCache:
    """The cache of one zone or file. ``name`` identifies it, ``ttl`` is in seconds."""

    def __init__(self, name: str, ttl: float) -> None:
        self._path = _path(name)
        self._ttl = ttl
        self._read_at = 0.0
        self._generation = ""

    @contextlib.contextmanager
    def lock(self) -> t.Iterator[None]:
        """Make the other processes that need the same cache wait."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                file = stack.enter_context(open(f"{self._path}.lock", "a", opener=_open_private))
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def load(self) -> ZoneSnapshot:
        """Return what was stored. It has no mappings if the entry is missing, invalid, too old, or older than a write."""
        self._read_at, self._generation = time.monotonic(), _read_generation()
        snapshot = ZoneSnapshot()
        entry = _read_entry(self._path)
        if entry:
            snapshot.zone_id = entry["zone_id"]
        if (
            entry
            and self.is_usable
            and entry["generation"] == self._generation
            and 0 <= self._read_at - entry["read_at"] < self._ttl
        ):
            self._read_at = entry["read_at"]
            snapshot.page_count, snapshot.request_count = entry["page_count"], entry["request_count"]
            snapshot.complete = entry["complete"]
            snapshot.mappings = entry["mappings"].copy()
        return snapshot

    @property
    def is_usable(self) -> bool:
        """Whether what is stored can be loaded again."""
        return bool(self._generation) and self._ttl > 0

    def store(self, snapshot: ZoneSnapshot) -> None:
        """Store a snapshot, which is as old as its oldest part. If the folder is not writable, nothing is stored."""
        entry = {
            "read_at": self._read_at,
            "generation": self._generation,
            "zone_id": snapshot.zone_id,
            "page_count": snapshot.page_count,
            "request_count": snapshot.request_count,
            "complete": snapshot.complete,
            "mappings": {address: mapping and mapping.to_result() for address, mapping in snapshot.mappings.items()},
        }
        if self.is_usable:
            with contextlib.suppress(OSError):
                _replace(self._path, json.dumps(entry).encode())

    @property
    def file_path(self) -> str:
        """The path of the file of ``get_or_create_file``."""
        return f"{self._path}.file"

    def get_or_create_file(self, create: t.Callable[[], bytes], max_wait: float) -> bytes:
        """Return the content that one process of the run creates. The processes that wait for it fail with it."""
        since = time.monotonic()
        with self.lock():
            with contextlib.suppress(OSError), open(self.file_path, "rb") as file:
                return file.read()
            if message := self.recent_failure(since, max_wait):
                raise CloudflareError(message)
            try:
                content = create()
            except CloudflareError as error:
                self.record_failure(str(error), max_wait)
                raise
            with contextlib.suppress(OSError):
                _replace(self.file_path, content)
            return content

    def record_failure(self, message: str, max_wait: float) -> None:
        """Report a failure to the processes that wait for the lock."""
        with contextlib.suppress(OSError):
            _replace(f"{self._path}.failed", json.dumps([time.monotonic(), max_wait, message]).encode())

    def recent_failure(self, since: float, max_wait: float) -> str:
        """Return the message of a failure after ``since`` (of ``time.monotonic``) with at least this ``max_wait``; else empty."""
        try:
            with open(f"{self._path}.failed", encoding="utf-8") as file:
                failed_at, its_max_wait, message = json.load(file)
            is_recent = failed_at >= since and its_max_wait >= max_wait
            return message if is_recent and isinstance(message, str) else ""
        except _READ_ERRORS:
            return ""


def is_mapping_result(value: t.Any) -> bool:
    """Return whether a value of a cache has the form of ``OriginMapping.to_result``."""
    return (
        isinstance(value, dict)
        and value.keys() == set(OriginMapping._fields)
        and all(isinstance(value[key], str) for key in ("origin_ip", "vendor", "region"))
        and isinstance(value["modified_on"], (str, type(None)))
    )


def invalidate() -> None:
    """Make all stored entries invalid, since the zone has changed."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(_path("generation"))


def disable_for_run() -> None:
    """Invalidate, and store nothing in the rest of the run, since a write may happen at any time."""
    try:
        with open(_path("uncertain"), "wb", opener=_open_private):
            pass
    finally:
        invalidate()


def _read_generation() -> str:
    """Return a text that changes with each write; empty if the cache is disabled or not usable."""
    path = _path("generation")
    if os.path.lexists(_path("uncertain")):
        return ""
    # A link, since the system creates it atomically with its content and does not replace an existing link
    with contextlib.suppress(OSError):
        os.symlink(uuid.uuid4().hex, path)
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _path(name: str) -> str:
    return os.path.join(C.DEFAULT_LOCAL_TMP, f"edgecache.cloudflare-{name}")


def _replace(path: str, content: bytes) -> None:
    new = f"{path}.{os.getpid()}"
    with open(new, "wb", opener=_open_private) as file:
        file.write(content)
    os.replace(new, path)


def _open_private(path: str, flags: int) -> int:
    """Open a file that only the user can access. A pipe at this path causes an error, and does not block."""
    return os.open(path, flags | os.O_NONBLOCK, 0o600)


def _read_entry(path: str) -> dict[str, t.Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            version = status.st_ino, status.st_mtime_ns, status.st_size
            if path in _entries and _entries[path][0] == version:
                return _entries[path][1]
            entry = json.load(file)
    except _READ_ERRORS:
        return None
    if not _is_entry(entry):
        return None
    # Here and not in each load, since a template may load a full zone a thousand times
    mappings = {address: mapping and OriginMapping(**mapping) for address, mapping in entry["mappings"].items()}
    _entries[path] = (version, {**entry, "mappings": mappings})
    return _entries[path][1]


def _is_entry(entry: t.Any) -> bool:
    types: dict[str, t.Any] = {
        "read_at": float,
        "generation": str,
        "zone_id": str,
        "page_count": (int, type(None)),
        "request_count": int,
        "complete": bool,
        "mappings": dict,
    }
    return (
        isinstance(entry, dict)
        and entry.keys() == types.keys()
        and all(isinstance(entry[key], type_) for key, type_ in types.items())
        and (entry["zone_id"] == "" or is_zone_id(entry["zone_id"]))
        and all(
            mapping is None or (is_mapping_result(mapping) and mapping["origin_ip"] == address)
            for address, mapping in entry["mappings"].items()
        )
    )
