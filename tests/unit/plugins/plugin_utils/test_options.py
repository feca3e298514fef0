# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sources of a lookup's options: arguments, variables, environment, configuration file, in this order."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible import constants
from ansible.errors import AnsibleError
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    API_URL,
    KEY,
    OTHER_ZONE_ID,
    TOKEN,
    UNRECOGNIZED_SECRET,
    ZONE_ID,
    Wire,
    envelope,
)

Lookup = t.Callable[..., list[t.Any]]

EMAIL = "user@example.com"
TOKEN_HEADERS = {"Authorization": f"Bearer {TOKEN}"}
KEY_HEADERS = {"X-Auth-Email": EMAIL, "X-Auth-Key": KEY}


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


PAIR_INI = {"api_email": EMAIL, "api_key": KEY}
PAIR_VARS = {"cloudflare_api_email": EMAIL, "cloudflare_api_key": KEY}
PAIR_ENV = {"CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY}


@pytest.mark.parametrize(
    ("direct", "variables", "environment", "ini", "sent"),
    [
        ({"api_token": TOKEN}, {}, {}, {}, TOKEN_HEADERS),
        ({"api_email": EMAIL, "api_key": KEY}, {}, {}, {}, KEY_HEADERS),
        ({"account_email": EMAIL, "account_api_key": KEY}, {}, {}, {}, KEY_HEADERS),
        ({}, {"cloudflare_api_token": TOKEN}, {}, {}, TOKEN_HEADERS),
        ({}, {"cloudflare_api_token": "{{ one }}{{ two }}", "one": TOKEN[:9], "two": TOKEN[9:]}, {}, {}, TOKEN_HEADERS),
        ({}, PAIR_VARS, {}, {}, KEY_HEADERS),
        ({}, {}, {"CLOUDFLARE_TOKEN": TOKEN}, {}, TOKEN_HEADERS),
        ({}, {}, {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_TOKEN": "other"}, {}, TOKEN_HEADERS),
        ({}, {}, {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_TOKEN": TOKEN}, {}, TOKEN_HEADERS),
        ({}, {}, {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_TOKEN": ""}, {}, TOKEN_HEADERS),
        ({}, {}, PAIR_ENV, {}, KEY_HEADERS),
        ({}, {}, {}, {"api_token": TOKEN}, TOKEN_HEADERS),
        ({}, {}, {}, PAIR_INI, KEY_HEADERS),
        ({"api_token": TOKEN}, {"cloudflare_api_token": "other"}, {"CLOUDFLARE_API_TOKEN": "other"}, {}, TOKEN_HEADERS),
        ({"api_token": TOKEN}, PAIR_VARS, PAIR_ENV, PAIR_INI, TOKEN_HEADERS),
        (
            {"api_email": EMAIL, "api_key": KEY},
            {"cloudflare_api_token": "other"},
            {"CLOUDFLARE_TOKEN": "other"},
            {},
            KEY_HEADERS,
        ),
        ({}, {"cloudflare_api_token": TOKEN}, {"CLOUDFLARE_API_TOKEN": "other"}, {"api_token": "other"}, TOKEN_HEADERS),
        ({}, PAIR_VARS, {"CLOUDFLARE_API_TOKEN": "other"}, {"api_token": "other"}, KEY_HEADERS),
        ({}, {}, {"CLOUDFLARE_TOKEN": TOKEN}, {"api_token": "other"}, TOKEN_HEADERS),
        ({}, {}, {"CLOUDFLARE_TOKEN": TOKEN}, PAIR_INI, TOKEN_HEADERS),
        ({}, {}, PAIR_ENV, {"api_token": ""}, KEY_HEADERS),
        ({}, {}, {}, {**PAIR_INI, "api_token": ""}, KEY_HEADERS),
    ],
)
def test_credential(
    look_up_bare: Lookup,
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
        (PAIR_ENV, {"api_token": "other"}, KEY_HEADERS),
        ({"CLOUDFLARE_API_TOKEN": ""}, {"api_token": TOKEN}, TOKEN_HEADERS),
        ({"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_TOKEN": ""}, {"api_token": TOKEN}, TOKEN_HEADERS),
        ({"CLOUDFLARE_EMAIL": "", "CLOUDFLARE_API_KEY": ""}, PAIR_INI, KEY_HEADERS),
    ],
)
def test_environment_overrides_configuration_file_unless_empty(
    look_up_bare: Lookup,
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
        ({"api_key": KEY}, {"cloudflare_api_email": EMAIL}, {}, {}),
        ({"api_key": KEY}, {}, {"CLOUDFLARE_EMAIL": EMAIL}, {}),
        ({}, {"cloudflare_api_key": KEY}, {"CLOUDFLARE_EMAIL": EMAIL}, {}),
        ({}, {}, {"CLOUDFLARE_EMAIL": EMAIL}, {"api_key": KEY}),
    ],
)
def test_email_and_key_come_from_one_source(
    look_up_bare: Lookup,
    configure: t.Callable[..., None],
    direct: dict[str, str],
    variables: dict[str, str],
    environment: dict[str, str],
    ini: dict[str, str],
) -> None:
    configure(ini, environment)
    with pytest.raises(AnsibleError, match="is missing: api_email and api_key must be set together"):
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
    look_up_bare: Lookup,
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
    look_up: Lookup, wire: Wire, configure: t.Callable[..., None], tmp_path: Path, name: str, source: str
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
    wire.api = value if name == "api_url" else API_URL
    configure({name: value} if source == "ini" else {}, {})
    variables = {"variable": {f"cloudflare_{name}": value}, "template": {f"cloudflare_{name}": "{{ x }}", "x": value}}
    wire.mapping("192.0.2.1")
    look_up("192.0.2.1", variables=variables.get(source), **({name: value} if source == "direct" else {}))


@pytest.mark.parametrize(
    ("variables", "environment", "ini"),
    [
        ({}, {"CLOUDFLARE_BASE_URL": "https://api.example.com/"}, {}),
        ({}, {"CLOUDFLARE_BASE_URL": "https://api.example.com/"}, {"api_url": API_URL}),
        ({"cloudflare_api_url": "https://api.example.com"}, {"CLOUDFLARE_BASE_URL": API_URL}, {"api_url": API_URL}),
        ({}, {"CLOUDFLARE_BASE_URL": ""}, {"api_url": "https://api.example.com"}),
    ],
)
def test_api_url(
    look_up: Lookup,
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


def test_max_wait(look_up: Lookup, wire: Wire) -> None:
    wire.get(f"/zones/{ZONE_ID}/origin/cloud_regions/192.0.2.1", "", status=429)
    with pytest.raises(AnsibleError, match="raise max_wait"):
        look_up("192.0.2.1", variables={"cloudflare_max_wait": "{{ 5 - 5 }}"})


@pytest.fixture
def get_error(look_up_bare: Lookup) -> t.Callable[..., str]:
    """Return the error message of the lookup. It never has a secret."""

    def get_error(*terms: str, **options: t.Any) -> str:
        with pytest.raises(AnsibleError) as caught:
            look_up_bare(*(terms or ["192.0.2.1"]), **options)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        message = str(caught.value)
        assert not any(secret in message for secret in (TOKEN, KEY, UNRECOGNIZED_SECRET))
        return message

    return get_error


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (
            [UNRECOGNIZED_SECRET],
            "a list. The value is not shown. query() returns a list: use lookup(), as in lookup('ansible.builtin.en",
        ),
        ([[{"a": UNRECOGNIZED_SECRET}]], "a list. "),
        ({"a": UNRECOGNIZED_SECRET}, "a dictionary. The value is not shown."),
        ({UNRECOGNIZED_SECRET: None}, "a dictionary. "),
        (17, "a number. The value is not shown. Write it in quotes."),
        (True, "a boolean. "),
        (UNRECOGNIZED_SECRET.encode(), "of the type bytes. "),
    ],
    ids=str,
)
@pytest.mark.parametrize("option", ["api_token", "api_key", "account_api_key", "api_email", "account_email"])
@pytest.mark.parametrize("source", ["argument", "variable"])
def test_credential_of_wrong_type(
    get_error: t.Callable[..., str], option: str, value: t.Any, kind: str, source: str
) -> None:
    options = {option: value}
    name = option
    if source == "variable":
        option = option.replace("account_", "api_").replace("api_api_", "api_")
        options = {"variables": {f"cloudflare_{option}": value}}
        name = f"{option} (the variable cloudflare_{option})"
    assert get_error(zone_id=ZONE_ID, **options).startswith(f"{name} must be a string, but is {kind}")


def test_credential_template_that_gives_a_list(get_error: t.Callable[..., str]) -> None:
    variables = {"cloudflare_api_token": "{{ [mine] }}", "mine": UNRECOGNIZED_SECRET}
    message = get_error(zone_id=ZONE_ID, variables=variables)
    assert message.startswith("api_token (the variable cloudflare_api_token) must be a string, but is a list. ")


@pytest.mark.parametrize(
    "value", [UNRECOGNIZED_SECRET, TOKEN, [UNRECOGNIZED_SECRET], {UNRECOGNIZED_SECRET: UNRECOGNIZED_SECRET}], ids=str
)
@pytest.mark.parametrize(
    "option", ["timeout", "max_wait", "cache_ttl", "zone_id", "zone", "api_url", UNRECOGNIZED_SECRET]
)
@pytest.mark.parametrize("source", ["argument", "variable", "ini"])
def test_credential_in_another_option(
    get_error: t.Callable[..., str], configure: t.Callable[..., None], option: str, value: t.Any, source: str
) -> None:
    if source == "ini" and isinstance(value, str):
        configure({option: value}, {})
    given = {option: value} if source == "argument" else {}
    variables = {f"cloudflare_{option}": value} if source == "variable" else {}
    message = get_error(variables=variables, **{"api_token": TOKEN, **given})
    # otherwise, no such variable exists, or a file cannot contain such a value
    assert (
        message.startswith((option, "Unknown option: (not shown). The options are account_api_key"))
        or "zone_id" in message
    )


@pytest.mark.parametrize("option", ["zone_id", "zone", "ca_path", "api_url", "timeout", "terms"])
def test_credential_of_the_task_in_another_option(get_error: t.Callable[..., str], option: str) -> None:
    terms = ["known-by-the-task"] if option == "terms" else ["192.0.2.1"]
    options = {} if option == "terms" else {option: "known-by-the-task"}
    message = get_error(*terms, **{"api_token": "known-by-the-task", "zone_id": ZONE_ID, **options})
    assert message.startswith(f"{option}: ") and "known-by-the-task" not in message


@pytest.mark.parametrize(
    ("options", "environment", "ini", "message"),
    [
        ({"zone_id": "x"}, {}, {}, "zone_id: 'x' is not a valid zone id, "),
        (
            {"variables": {"cloudflare_zone_id": "x"}},
            {},
            {},
            "zone_id (the variable cloudflare_zone_id): 'x' is not a ",
        ),
        ({}, {"CLOUDFLARE_ZONE_ID": "x"}, {}, "zone_id (CLOUDFLARE_ZONE_ID in the environment): 'x' is not a "),
        ({}, {}, {"zone_id": "x"}, "zone_id (the configuration file ansible.cfg): 'x' is not a valid zone id, "),
        (
            {"variables": {"cloudflare_zone_id": "example.com"}},
            {},
            {},
            (
                "zone_id (the variable cloudflare_zone_id): 'example.com' is a domain name, not a zone id. "
                "Use the variable cloudflare_zone: example.com instead."
            ),
        ),
        (
            {},
            {},
            {"zone_id": "example.com"},
            (
                "zone_id (the configuration file ansible.cfg): 'example.com' is a domain name, not a zone id. "
                "Use zone = example.com instead."
            ),
        ),
        (
            {"variables": {"cloudflare_zone": ZONE_ID}},
            {},
            {},
            (
                f"zone (the variable cloudflare_zone): {ZONE_ID!r} is a zone id, not a domain name. "
                f"Use the variable cloudflare_zone_id: {ZONE_ID} instead."
            ),
        ),
    ],
)
def test_invalid_zone_names_its_source(
    get_error: t.Callable[..., str],
    configure: t.Callable[..., None],
    options: dict[str, t.Any],
    environment: dict[str, str],
    ini: dict[str, str],
    message: str,
) -> None:
    configure(ini, environment)
    assert get_error(api_token=TOKEN, **options).startswith(message)


def test_no_credential_lists_the_sources_of_plugins(get_error: t.Callable[..., str]) -> None:
    message = get_error(zone_id=ZONE_ID)
    assert message.startswith(
        "No credential is set. Set api_token (CLOUDFLARE_API_TOKEN or CLOUDFLARE_TOKEN in the environment), "
    )
    assert "the variables cloudflare_api_token, cloudflare_api_email and cloudflare_api_key" in message
    assert "ansible.cfg. module_defaults are only for modules." in message


@pytest.mark.parametrize("name", ["timeout", "max_wait"])
def test_not_a_number(look_up: Lookup, name: str) -> None:
    with pytest.raises(AnsibleError, match=name):
        look_up("192.0.2.1", **{name: "soon"})


def test_no_options(look_up_bare: Lookup) -> None:
    with pytest.raises(AnsibleError, match="Specify exactly one of zone_id"):
        look_up_bare("192.0.2.1", variables=None)
