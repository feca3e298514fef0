# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a lookup finds its options: arguments, variables, environment, configuration file, in this order."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible import constants
from ansible.errors import AnsibleError
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    API,
    KEY,
    OTHER_ZONE_ID,
    TOKEN,
    ZONE_ID,
    Wire,
    envelope,
)

LookUp = t.Callable[..., list[t.Any]]

MAIL = "user@example.com"
BY_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
BY_KEY = {"X-Auth-Email": MAIL, "X-Auth-Key": KEY}


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> t.Callable[[dict[str, t.Any], dict[str, str]], None]:
    """Write the collection's section of a configuration file, and set environment variables."""

    def configure(ini: dict[str, t.Any], environment: dict[str, str]) -> None:
        file = tmp_path / "ansible.cfg"
        lines = ["[edgecache_cloudflare]", *(f"{key} = {value}" for key, value in ini.items())]
        file.write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.setattr(constants.config, "_config_file", str(file))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return configure


PAIR_INI = {"api_email": MAIL, "api_key": KEY}
PAIR_VARS = {"cloudflare_api_email": MAIL, "cloudflare_api_key": KEY}
PAIR_ENV = {"CLOUDFLARE_EMAIL": MAIL, "CLOUDFLARE_API_KEY": KEY}


@pytest.mark.parametrize(
    ("direct", "variables", "environment", "ini", "sent"),
    [
        ({"api_token": TOKEN}, {}, {}, {}, BY_TOKEN),
        ({"api_email": MAIL, "api_key": KEY}, {}, {}, {}, BY_KEY),
        ({"account_email": MAIL, "account_api_key": KEY}, {}, {}, {}, BY_KEY),
        ({}, {"cloudflare_api_token": TOKEN}, {}, {}, BY_TOKEN),
        ({}, {"cloudflare_api_token": "{{ one }}{{ two }}", "one": TOKEN[:9], "two": TOKEN[9:]}, {}, {}, BY_TOKEN),
        ({}, PAIR_VARS, {}, {}, BY_KEY),
        ({}, {}, {"CLOUDFLARE_TOKEN": TOKEN}, {}, BY_TOKEN),
        ({}, {}, {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_TOKEN": "other"}, {}, BY_TOKEN),
        ({}, {}, {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_TOKEN": TOKEN}, {}, BY_TOKEN),
        ({}, {}, {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_TOKEN": ""}, {}, BY_TOKEN),
        ({}, {}, PAIR_ENV, {}, BY_KEY),
        ({}, {}, {}, {"api_token": TOKEN}, BY_TOKEN),
        ({}, {}, {}, PAIR_INI, BY_KEY),
        ({"api_token": TOKEN}, {"cloudflare_api_token": "other"}, {"CLOUDFLARE_API_TOKEN": "other"}, {}, BY_TOKEN),
        ({"api_token": TOKEN}, PAIR_VARS, PAIR_ENV, PAIR_INI, BY_TOKEN),
        (
            {"api_email": MAIL, "api_key": KEY},
            {"cloudflare_api_token": "other"},
            {"CLOUDFLARE_TOKEN": "other"},
            {},
            BY_KEY,
        ),
        ({}, {"cloudflare_api_token": TOKEN}, {"CLOUDFLARE_API_TOKEN": "other"}, {"api_token": "other"}, BY_TOKEN),
        ({}, PAIR_VARS, {"CLOUDFLARE_API_TOKEN": "other"}, {"api_token": "other"}, BY_KEY),
        ({}, {}, {"CLOUDFLARE_TOKEN": TOKEN}, {"api_token": "other"}, BY_TOKEN),
        ({}, {}, {"CLOUDFLARE_TOKEN": TOKEN}, PAIR_INI, BY_TOKEN),
        ({}, {}, PAIR_ENV, {"api_token": ""}, BY_KEY),
        ({}, {}, {}, {**PAIR_INI, "api_token": ""}, BY_KEY),
    ],
)
def test_credential(
    look_up_bare: LookUp,
    wire: Wire,
    configure: t.Callable[..., None],
    direct: dict[str, str],
    variables: dict[str, str],
    environment: dict[str, str],
    ini: dict[str, str],
    sent: dict[str, str],
) -> None:
    configure(ini, environment)
    wire.headers = sent
    wire.mapping("192.0.2.1")
    look_up_bare("192.0.2.1", zone_id=ZONE_ID, variables=variables, **direct)
    (request,) = wire.requests
    assert {"Authorization", "X-Auth-Email", "X-Auth-Key"} & set(request.headers) == set(sent)
    assert {type(request.headers[name]) for name in sent} == {
        str
    }  # not Ansible's own kind, which requests 2.28 refuses


@pytest.mark.parametrize(
    ("environment", "ini", "sent"),
    [
        (PAIR_ENV, {"api_token": "other"}, BY_KEY),
        ({"CLOUDFLARE_API_TOKEN": ""}, {"api_token": TOKEN}, BY_TOKEN),
        ({"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_TOKEN": ""}, {"api_token": TOKEN}, BY_TOKEN),
        ({"CLOUDFLARE_EMAIL": "", "CLOUDFLARE_API_KEY": ""}, PAIR_INI, BY_KEY),
    ],
)
def test_environment_wins_whole_over_the_configuration_file_unless_empty(
    look_up_bare: LookUp,
    wire: Wire,
    configure: t.Callable[..., None],
    environment: dict[str, str],
    ini: dict[str, str],
    sent: dict[str, str],
) -> None:
    configure(ini, environment)
    wire.headers = sent
    wire.mapping("192.0.2.1")
    look_up_bare("192.0.2.1", zone_id=ZONE_ID)
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("direct", "variables", "environment", "ini"),
    [
        ({"api_key": KEY}, {"cloudflare_api_email": MAIL}, {}, {}),
        ({"api_key": KEY}, {}, {"CLOUDFLARE_EMAIL": MAIL}, {}),
        ({}, {"cloudflare_api_key": KEY}, {"CLOUDFLARE_EMAIL": MAIL}, {}),
        ({}, {}, {"CLOUDFLARE_EMAIL": MAIL}, {"api_key": KEY}),
    ],
)
def test_pair_is_never_mixed(
    look_up_bare: LookUp,
    configure: t.Callable[..., None],
    direct: dict[str, str],
    variables: dict[str, str],
    environment: dict[str, str],
    ini: dict[str, str],
) -> None:
    configure(ini, environment)
    with pytest.raises(AnsibleError, match="go together. One of them is missing"):
        look_up_bare("192.0.2.1", zone_id=ZONE_ID, variables=variables, **direct)


@pytest.mark.parametrize(
    ("direct", "variables", "environment", "ini", "named"),
    [
        ({"zone_id": ZONE_ID}, {"cloudflare_zone_id": OTHER_ZONE_ID}, {}, {}, False),
        ({"zone_id": ZONE_ID}, {"cloudflare_zone": "example.com"}, {}, {"zone": "example.com"}, False),
        ({}, {"cloudflare_zone_id": "{{ id }}", "id": ZONE_ID}, {"CLOUDFLARE_ZONE_ID": OTHER_ZONE_ID}, {}, False),
        ({}, {}, {"CLOUDFLARE_ZONE_ID": ZONE_ID}, {"zone_id": OTHER_ZONE_ID}, False),
        ({}, {}, {}, {"zone_id": ZONE_ID}, False),
        ({}, {}, {"CLOUDFLARE_ZONE_ID": ZONE_ID}, {"zone": "example.com"}, False),
        ({}, {}, {"CLOUDFLARE_ZONE_ID": ""}, {"zone_id": ZONE_ID}, False),
        ({"zone": "example.com"}, {"cloudflare_zone_id": OTHER_ZONE_ID}, {}, {}, True),
        ({"zone": "example.com"}, {}, {"CLOUDFLARE_ZONE_ID": OTHER_ZONE_ID}, {"zone_id": OTHER_ZONE_ID}, True),
        ({}, {"cloudflare_zone": "example.com"}, {"CLOUDFLARE_ZONE_ID": OTHER_ZONE_ID}, {}, True),
        ({}, {}, {}, {"zone": "example.com"}, True),
    ],
)
def test_zone(
    look_up_bare: LookUp,
    wire: Wire,
    configure: t.Callable[..., None],
    direct: dict[str, str],
    variables: dict[str, str],
    environment: dict[str, str],
    ini: dict[str, str],
    named: bool,
) -> None:
    configure(ini, environment)
    if named:
        wire.get("/zones", envelope([{"id": ZONE_ID, "name": "example.com"}]), query={"name": "example.com"})
    wire.mapping("192.0.2.1")
    look_up_bare("192.0.2.1", api_token=TOKEN, variables=variables, **direct)


@pytest.mark.parametrize("name", ["api_url", "timeout", "validate_certs", "ca_path"])
@pytest.mark.parametrize("source", ["direct", "variable", "template", "ini"])
def test_other_options(
    look_up: LookUp, wire: Wire, configure: t.Callable[..., None], tmp_path: Path, name: str, source: str
) -> None:
    ca_path = tmp_path / "ca.pem"
    ca_path.touch()
    value, setting = {
        "api_url": ("https://api.example.com/v4", {}),
        "timeout": (7, {"timeout": 7.0}),
        "validate_certs": (False, {"verify": False}),
        "ca_path": (str(ca_path), {"verify": str(ca_path)}),
    }[name]
    wire.settings.update(setting)
    wire.api = value if name == "api_url" else API
    configure({name: value} if source == "ini" else {}, {})
    variables = {"variable": {f"cloudflare_{name}": value}, "template": {f"cloudflare_{name}": "{{ x }}", "x": value}}
    wire.mapping("192.0.2.1")
    look_up("192.0.2.1", variables=variables.get(source), **({name: value} if source == "direct" else {}))


@pytest.mark.parametrize(
    ("variables", "environment", "ini"),
    [
        ({}, {"CLOUDFLARE_BASE_URL": "https://api.example.com/"}, {}),
        ({}, {"CLOUDFLARE_BASE_URL": "https://api.example.com/"}, {"api_url": API}),
        ({"cloudflare_api_url": "https://api.example.com"}, {"CLOUDFLARE_BASE_URL": API}, {"api_url": API}),
        ({}, {"CLOUDFLARE_BASE_URL": ""}, {"api_url": "https://api.example.com"}),
    ],
)
def test_api_url(
    look_up: LookUp,
    wire: Wire,
    configure: t.Callable[..., None],
    variables: dict[str, str],
    environment: dict[str, str],
    ini: dict[str, str],
) -> None:
    configure(ini, environment)
    wire.api = "https://api.example.com"
    wire.mapping("192.0.2.1")
    look_up("192.0.2.1", variables=variables)


def test_max_wait(look_up: LookUp, wire: Wire) -> None:
    wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/192.0.2.1", "", status=429)
    with pytest.raises(AnsibleError, match="raise max_wait"):
        look_up("192.0.2.1", variables={"cloudflare_max_wait": "{{ 5 - 5 }}"})


@pytest.mark.parametrize("name", ["timeout", "max_wait"])
def test_no_number(look_up: LookUp, name: str) -> None:
    with pytest.raises(AnsibleError, match=name):
        look_up("192.0.2.1", **{name: "soon"})


def test_no_options_at_all(look_up_bare: LookUp) -> None:
    with pytest.raises(AnsibleError, match="Give the zone, as either zone_id"):
        look_up_bare("192.0.2.1", variables=None)
