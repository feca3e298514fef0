# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Load the range files of the cloud vendors from paths and URLs.

Private to the collection: other code must not import this file. Source of the URLs: the vendors' documentation.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import quote_value
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import MAX_FILE_BYTES
from ansible_collections.edgecache.cloudflare.plugins.module_utils._urls import is_encrypted_or_local, is_url

DEFAULT_SOURCES = [
    "https://ip-ranges.amazonaws.com/ip-ranges.json",
    "https://www.gstatic.com/ipranges/cloud.json",
    "https://docs.oracle.com/en-us/iaas/tools/public_ip_ranges.json",
]
"""The stable URLs. Azure's file has another URL each week."""


def validate_sources(sources: t.Sequence[t.Any], warn: t.Callable[[str], object]) -> list[str]:
    """Return the sources, each once. Raises ``ConfigurationError`` for one that is neither a path nor a URL."""
    if not sources:
        raise ConfigurationError("sources: the list is empty. Specify at least one range file.")
    for source in sources:
        if not isinstance(source, str) or not source.strip() or not (is_local_path(source) or _is_plain_url(source)):
            raise ConfigurationError(
                f"sources: {quote_value(_without_secrets(source))} is neither a path nor an http or https URL without credentials, "
                "query and fragment. Messages and results show each source, so it must not contain a secret."
            )
        if not is_local_path(source) and not is_encrypted_or_local(source):
            warn(
                f"sources: {source} does not use https, so others on the network can change the file. Use an https URL."
            )
    return list(dict.fromkeys(sources))


def is_local_path(source: str) -> bool:
    """Return whether a source is a path. A mistyped URL such as ``https:/example.com`` is not, since paths are shown."""
    return "://" not in source and not re.match("https?:", source, re.IGNORECASE)


def read_file(source: str, path: str) -> bytes:
    """Return the content of a file, which messages call ``source``."""
    try:
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # a null character in a path is a ValueError
        raise ConfigurationError(f"{source}: cannot be read: {error}") from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(
            f"{source}: has more than {MAX_FILE_BYTES} bytes. Check that a cloud vendor publishes this file."
        )
    return content


def _is_plain_url(url: str) -> bool:
    return is_url(url) and "?" not in url and "#" not in url


def _without_secrets(source: t.Any) -> t.Any:
    """Return the part of a rejected source that a message may show: no password and no query."""
    if not isinstance(source, str):
        return source
    scheme, slashes, rest = source.partition("://")
    if not slashes:
        return re.sub("(?<=:).*", "…", source, flags=re.DOTALL)
    visible, *cut = re.split("[?#]", rest, maxsplit=1)
    if "@" in "".join(cut):  # everything before it may be a password
        visible = "…"
    return scheme + slashes + re.sub(".*@", "…@", visible, flags=re.DOTALL)
