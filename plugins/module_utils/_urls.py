# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validate URLs in options. Private to the collection: other code must not import this file."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def is_url(value: str) -> bool:
    """Return whether this is an http or https URL without a user name, a password or a blank."""
    try:
        url = urlsplit(value)
        is_plain = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and "@" not in url.netloc
    except ValueError:
        return False
    return is_plain and re.fullmatch("[!-~]+", value) is not None


def is_encrypted_or_local(url: str) -> bool:
    """Return whether a URL is https or leads to this machine, so that others on the network cannot read or change the traffic."""
    return bool(re.match(r"https:|http://(localhost|127\.[0-9.]+|\[::1\])[:/]", f"{url}/", re.IGNORECASE))
