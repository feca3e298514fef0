# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of the cloud vendors' ranges: from where they are, what is in them.

Private to the collection: no other collection may rely on this file. Where the vendors publish them is a fact of their own
documentation.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import shown
from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import (
    Layer,
    Tell,
    downloads,
    is_private,
    is_url,
    merged,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._cloud_ranges import LIMIT, CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._patience import Patience

SOURCES = [
    "https://ip-ranges.amazonaws.com/ip-ranges.json",
    "https://www.gstatic.com/ipranges/cloud.json",
    "https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json",
]
"""Those that stay where they are. Azure's has another URL each week."""


def cloud_ranges(layers: t.Sequence[Layer], warn: Tell, patience: Patience | None = None) -> CloudRanges:
    """What is in all paths and URLs of the option ``sources``: one request for each URL, without any credential.

    ``warn`` gets what is questionable, and a sentence before each pause; ``patience`` is that of the task. Raises
    ``ConfigurationError`` before any request where a source can be none.
    """
    checked = checked_sources(merged(layers)["sources"], warn)
    contents = {source: read_file(source, source) if is_path(source) else b"" for source in checked}
    urls = [source for source in checked if not is_path(source)]
    if urls:
        with downloads(layers, warn, patience) as http:
            contents.update((url, http.download(url, LIMIT)) for url in urls)
    return CloudRanges(contents)


def checked_sources(sources: t.Sequence[t.Any], warn: Tell) -> list[str]:
    """The sources, each once."""
    if not sources:
        raise ConfigurationError("sources: give at least one file of ranges.")
    for source in sources:
        if not isinstance(source, str) or not source.strip() or not (is_path(source) or _is_plain(source)):
            raise ConfigurationError(
                "sources: neither a path nor an http or https URL without credentials, query and fragment: "
                f"{shown(_harmless(source))}. It is shown in messages and results, so it must hold no secret."
            )
        if not is_path(source) and not is_private(source):
            warn(f"sources: {source} is not https. Everyone between here and there can change what it says.")
    return list(dict.fromkeys(sources))


def _is_plain(url: str) -> bool:
    return is_url(url) and "?" not in url and "#" not in url


def _harmless(source: t.Any) -> t.Any:
    """What a message may say of a source that was refused."""
    if not isinstance(source, str):
        return source
    scheme, slashes, rest = source.partition("://")
    if not slashes:
        return re.sub("(?<=:).*", "…", source, flags=re.DOTALL)
    shown, *cut = re.split("[?#]", rest, maxsplit=1)
    if "@" in "".join(cut):  # all before it may be a password
        shown = "…"
    return scheme + slashes + re.sub(".*@", "…@", shown, flags=re.DOTALL)


def is_path(source: str) -> bool:
    """A mistyped URL is none, such as ``https:/example.com``: what a path is, is shown."""
    return "://" not in source and not re.match("https?:", source, re.IGNORECASE)


def read_file(source: str, path: str) -> bytes:
    """What is in a file, which messages call ``source``."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(LIMIT + 1)
    except (OSError, ValueError) as error:  # a null in a path is a ValueError
        raise ConfigurationError(f"{source}: cannot be read: {error}") from None
    if len(content) > LIMIT:
        raise ConfigurationError(f"{source}: has more than {LIMIT} bytes")
    return content
