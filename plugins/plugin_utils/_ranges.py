# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cloud ranges that the plugins of one run use. Private to the collection: no other collection may rely on this file."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import Layer, Tell, downloads, merged
from ansible_collections.edgecache.cloudflare.plugins.module_utils._cloud_ranges import LIMIT, CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._range_sources import (
    checked_sources,
    is_path,
    read_file,
)
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._cache import RunCache

_kept: dict[str, CloudRanges] = {}
"""What this process has read last, by its sources and what tells whether they are still the same."""


def shared_ranges(layers: t.Sequence[Layer], find: t.Callable[[str], str], warn: Tell, tell: Tell) -> CloudRanges:
    """What is in the sources that the layers name: a URL is read once in a run, a file again when it has changed.

    ``find`` has the path of a source that is one. ``warn`` gets what is questionable, ``tell`` a sentence before each pause.
    """
    option = merged(layers)
    verified = [option["validate_certs"], option.get("ca_path")]
    sources = checked_sources(option["sources"], warn)
    paths = {source: find(source) for source in sources if is_path(source)}
    name = _digest([sources, verified, *([path, _version(path)] for path in paths.values())])
    if name not in _kept:
        contents = {source: read_file(source, paths[source]) if source in paths else b"" for source in sources}
        for url in [source for source in sources if source not in paths]:

            def read(url: str = url) -> bytes:
                with downloads(layers, tell) as http:
                    return http.download(url, LIMIT)

            contents[url] = RunCache(_digest([url, verified]), 0.0).file(read, option["max_wait"])
        _kept.clear()
        _kept[name] = CloudRanges(contents)
    return _kept[name]


def _digest(value: t.Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _version(path: str) -> tuple[int, ...]:
    """What tells whether a file is still the same."""
    with contextlib.suppress(OSError, ValueError):
        status = os.stat(path)
        return status.st_ino, status.st_mtime_ns, status.st_size
    return ()
