# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cloud ranges that the plugins of one run share. Private to the collection: other code must not import this file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    OptionSource,
    WarnCallback,
    merge_options,
    open_download_session,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import MAX_FILE_BYTES, CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import (
    is_local_path,
    read_file,
    validate_sources,
)
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import RunCache

_last_ranges: dict[str, CloudRanges] = {}
"""The ranges that this process read last, by a hash of their files and versions."""


def load_shared_ranges(
    sources: t.Sequence[OptionSource], find_path: t.Callable[[str], str], warn: WarnCallback, before_sleep: WarnCallback
) -> CloudRanges:
    """Load all files of the option ``sources``: each URL once in a run, a path again after a change.

    ``find_path`` returns the full path of a relative one. ``warn`` is called for questionable sources, ``before_sleep`` with a
    sentence before each pause.
    """
    files = validate_sources(merge_options(sources)["sources"], warn)
    paths = {file: find_path(file) for file in files if is_local_path(file)}
    key = _hash([files, _verification(sources), *([path, _file_version(path)] for path in paths.values())])
    if key not in _last_ranges:
        contents = {file: read_file(file, paths[file]) if file in paths else b"" for file in files}
        for url in [file for file in files if file not in paths]:
            contents[url] = _download_once(url, sources, before_sleep)[0]
        _last_ranges.clear()
        _last_ranges[key] = CloudRanges(contents)
    return _last_ranges[key]


def share_range_files(sources: t.Sequence[OptionSource], warn: WarnCallback) -> dict[str, str]:
    """Return the path of each file of the option ``sources``, by its source. Each URL is downloaded once in a run."""
    files = validate_sources(merge_options(sources)["sources"], warn)
    return {file: file if is_local_path(file) else _download_once(file, sources, warn)[1] for file in files}


def _download_once(url: str, sources: t.Sequence[OptionSource], before_sleep: WarnCallback) -> tuple[bytes, str]:
    """Return the content of a URL, and the path of the file that all processes of the run share."""

    def download() -> bytes:
        with open_download_session(sources, before_sleep) as session:
            return session.download(url, MAX_FILE_BYTES)

    cache = RunCache(_hash([url, _verification(sources)]), 0.0)
    return cache.get_or_create_file(download, merge_options(sources)["max_wait"]), cache.file_path


def _verification(sources: t.Sequence[OptionSource]) -> list[t.Any]:
    option = merge_options(sources)
    return [option["validate_certs"], option.get("ca_path")]


def _hash(value: t.Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _file_version(path: str) -> tuple[int, ...]:
    """Return a value that changes with the file; empty if it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        status = os.stat(path)
        return status.st_ino, status.st_mtime_ns, status.st_size
    return ()
