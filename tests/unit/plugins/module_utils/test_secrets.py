# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which values are treated as credentials, and which values messages show."""

from __future__ import annotations

import pytest
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import (
    find_credentials,
    may_be_secret,
    redact,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import KEY, TOKEN, UNRECOGNIZED_SECRET, ZONE_ID

ORIGIN_CA_KEY = f"v1.0-{'0a' * 12}-{'1b' * 73}"
BODY = "Ab3" * 13 + "x"


@pytest.mark.parametrize(
    "credential", [TOKEN, KEY, ORIGIN_CA_KEY, *(f"{prefix}_{BODY}0123abcd" for prefix in ("cfut", "cfat", "cfk"))]
)
@pytest.mark.parametrize("text", ["{}", " {}\n", "Bearer {}", "['{}']", "x@example.com:{}", "{},192.0.2.1"])
def test_form_of_a_credential(credential: str, text: str) -> None:
    assert find_credentials(text.format(credential)) == [credential]
    assert may_be_secret(text.format(credential))


@pytest.mark.parametrize(
    "text",
    [
        UNRECOGNIZED_SECRET,
        "a" * 40,
        "ab-12" * 8,
        "ABCDEFGH0123456789XY",
        "0123456789abcdef" * 4,
        f"x{KEY}",
        f"{KEY}-copy",
        "https://user:password@example.com",
        "user:password@example.com",
        f"https://example.com/{UNRECOGNIZED_SECRET}",
    ],
)
def test_may_be_a_credential(text: str) -> None:
    assert may_be_secret(text)


@pytest.mark.parametrize(
    "text",
    [
        ZONE_ID,
        ZONE_ID[1:],
        ZONE_ID + "0123",
        ZONE_ID.upper(),
        "9a780606-1c88-ada1-91ed-06f989cc3dac",
        "example",
        "https://example.com/path?page=2",
        "https://…@example.com/",
        "user@example.com",
        "production-web-frontend-01.eu-west-1.example.com",
        "internal-" + "ab1-" * 10 + "1.us-east-1.elb.example.com",
        "WIN-0123456789A",
        "2001:db8:0:0:0:0:0:10000",
        "192.0.2.0/24",
        "999999999999999999999999",
        "us-east-1",
        "/etc/ssl/certs/ca.pem",
    ],
)
def test_names_ids_and_addresses_are_not_hidden(text: str) -> None:
    assert not may_be_secret(text)
    assert find_credentials(text) == []


def test_path_in_the_form_of_a_credential() -> None:
    assert find_credentials(f"/srv/{TOKEN}/azure.json") == []


def test_redact_ignores_short_words() -> None:
    assert redact("12345678, 1234567 and 123456789", ["1234567", "12345678", "123456789"]) == (
        "********, 1234567 and ********"
    )
