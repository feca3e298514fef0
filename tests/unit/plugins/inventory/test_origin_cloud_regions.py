# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory origin_cloud_regions."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest
from ansible import constants, template
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.inventory_files import (
    Inventory,
    VaultedText,
    is_unsafe,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    KEY,
    MODIFIED_ON,
    OTHER_ZONE_ID,
    TOKEN,
    UNRECOGNIZED_SECRET,
    ZONE_ID,
    ZONE_NAME,
    Wire,
    envelope,
    error_envelope,
    mapping,
    mappings,
    page,
)

trust_template = getattr(template, "trust_as_template", str)
OTHER_MAPPINGS_PATH = f"/zones/{OTHER_ZONE_ID}/origin/cloud_regions"
TOKEN_HEADERS = {"Authorization": f"Bearer {TOKEN}"}
KEY_HEADERS = {"X-Auth-Email": "user@example.com", "X-Auth-Key": KEY}
FIRST_PAGE_QUERY = {"page": 1, "per_page": 100}


@pytest.fixture
def cache_file(
    load_zone: t.Callable[..., Inventory], wire: Wire, cache_options: dict[str, t.Any], tmp_path: Path
) -> Path:
    """The cache file with ``192.0.2.1``."""
    wire.zone([mapping("192.0.2.1")])
    assert list(load_zone(**cache_options).hosts) == ["192.0.2.1"]
    (file,) = (tmp_path / "cache").iterdir()
    return file


@pytest.fixture
def load_zone(load_inventory: t.Callable[..., Inventory]) -> t.Callable[..., Inventory]:
    """As ``load_inventory``, with a token and a zone."""
    return lambda **options: load_inventory(**{"api_token": TOKEN, "zone_id": ZONE_ID, **options})


def test_hosts(load_zone: t.Callable[..., Inventory], wire: Wire, messages: list[str]) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("2001:DB8:0::1", "gcp", "us-central1")])
    assert load_zone().hosts == {
        "192.0.2.1": {
            "ansible_host": "192.0.2.1",
            "origin_ip": "192.0.2.1",
            "vendor": "aws",
            "region": "us-east-1",
            "modified_on": MODIFIED_ON,
            "zone_id": ZONE_ID,
            "zone_ids": [ZONE_ID],
        },
        "2001:db8::1": {
            "ansible_host": "2001:db8::1",
            "origin_ip": "2001:db8::1",
            "vendor": "gcp",
            "region": "us-central1",
            "modified_on": MODIFIED_ON,
            "zone_id": ZONE_ID,
            "zone_ids": [ZONE_ID],
        },
    }
    assert messages == []


def test_groups_by_vendor_and_region(load_zone: t.Callable[..., Inventory], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2", "aws", "us-west-2"), mapping("192.0.2.3", "azure", "eastus")])
    found = load_zone()
    assert found.groups == {
        "vendor_aws": {"192.0.2.1", "192.0.2.2"},
        "region_aws_us_east_1": {"192.0.2.1"},
        "region_aws_us_west_2": {"192.0.2.2"},
        "vendor_azure": {"192.0.2.3"},
        "region_azure_eastus": {"192.0.2.3"},
    }
    assert found.children == {
        "vendor_aws": {"region_aws_us_east_1", "region_aws_us_west_2"},
        "vendor_azure": {"region_azure_eastus"},
    }


def test_constructed(load_zone: t.Callable[..., Inventory], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2", "gcp", "us-central1")])
    found = load_zone(
        keyed_groups=[{"key": "zone_ids", "prefix": "zone"}, {"key": "site", "separator": "", "prefix": ""}],
        groups={"amazon": "vendor == 'aws'"},
        compose={"site": "vendor ~ '_' ~ region", "ansible_host": "'gateway.example.com'"},
    )
    assert found.groups == {
        f"zone_{ZONE_ID}": {"192.0.2.1", "192.0.2.2"},
        "aws_us_east_1": {"192.0.2.1"},
        "gcp_us_central1": {"192.0.2.2"},
        "amazon": {"192.0.2.1"},
    }
    assert found.hosts["192.0.2.2"]["site"] == "gcp_us-central1"
    assert found.hosts["192.0.2.2"]["ansible_host"] == "gateway.example.com"


@pytest.mark.parametrize("option", ["compose", "groups"])
def test_expressions_are_not_templated_with_the_file(
    load_zone: t.Callable[..., Inventory], wire: Wire, option: str
) -> None:
    wire.zone([mapping("192.0.2.1")])
    assert list(load_zone(**{option: {"x": "'{{ nothing }}' ~ nothing"}}).hosts) == ["192.0.2.1"]


def test_parent_group_is_a_template(load_zone: t.Callable[..., Inventory], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2", "gcp", "us-central1")])
    found = load_zone(keyed_groups=[{"key": "region", "separator": "", "parent_group": "cloud_{{ vendor }}"}])
    assert found.children == {"cloud_aws": {"us_east_1"}, "cloud_gcp": {"us_central1"}}


@pytest.mark.parametrize(
    "options", [{"compose": {"x": "nothing"}}, {"groups": {"x": "nothing"}}, {"keyed_groups": [{"key": "nothing"}]}]
)
def test_strict(
    load_zone: t.Callable[..., Inventory], parse_file: t.Callable[..., None], wire: Wire, options: dict[str, t.Any]
) -> None:
    wire.zone([mapping("192.0.2.1")])
    assert "x" not in load_zone(**options).hosts["192.0.2.1"]
    wire.zone([mapping("192.0.2.1")])
    with pytest.raises(AnsibleError, match="192.0.2.1"):
        parse_file(api_token=TOKEN, zone_id=ZONE_ID, strict=True, **options)


def test_all_pages(load_zone: t.Callable[..., Inventory], wire: Wire) -> None:
    wire.zone(mappings(250))
    assert len(load_zone().hosts) == 250


def test_zone_without_mappings(load_zone: t.Callable[..., Inventory], wire: Wire, messages: list[str]) -> None:
    wire.zone([])
    assert load_zone() == Inventory({}, {}, {})
    assert messages == []


def test_several_zones(load_inventory: t.Callable[..., Inventory], wire: Wire, messages: list[str]) -> None:
    wire.get("/zones", envelope([{"id": OTHER_ZONE_ID, "name": ZONE_NAME}]), query={"name": ZONE_NAME})
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2")])
    wire.get(OTHER_MAPPINGS_PATH, page([mapping("192.0.2.2"), mapping("192.0.2.3")]), query=FIRST_PAGE_QUERY)
    # Each zone is read once, even if it is listed twice or in two forms, and each name is looked up once
    found = load_inventory(api_token=TOKEN, zones=[ZONE_ID, ZONE_NAME, f" {OTHER_ZONE_ID} ", f"{ZONE_NAME} "]).hosts
    assert {address: (host["zone_id"], host["zone_ids"]) for address, host in found.items()} == {
        "192.0.2.1": (ZONE_ID, [ZONE_ID]),
        "192.0.2.2": (ZONE_ID, [ZONE_ID, OTHER_ZONE_ID]),
        "192.0.2.3": (OTHER_ZONE_ID, [OTHER_ZONE_ID]),
    }
    assert messages == []


def test_zones_override_zone_of_environment(
    load_inventory: t.Callable[..., Inventory],
    wire: Wire,
    extra_vars: dict[str, t.Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", OTHER_ZONE_ID)
    extra_vars["cloudflare_zone"] = ZONE_NAME
    wire.zone([mapping("192.0.2.1")])
    assert list(load_inventory(api_token=TOKEN, zones=[ZONE_ID]).hosts) == ["192.0.2.1"]


def test_zones_with_different_regions_warn(
    load_inventory: t.Callable[..., Inventory], wire: Wire, messages: list[str]
) -> None:
    wire.zone([mapping("192.0.2.1")])
    wire.get(OTHER_MAPPINGS_PATH, page([mapping("192.0.2.1", "gcp", "us-central1")]), query=FIRST_PAGE_QUERY)
    found = load_inventory(api_token=TOKEN, zones=[ZONE_ID, OTHER_ZONE_ID])
    assert found.hosts["192.0.2.1"]["vendor"] == "aws"
    assert set(found.groups) == {"vendor_aws", "region_aws_us_east_1"}
    (message,) = messages
    assert message == (
        f"192.0.2.1 is in aws/us-east-1 in the zone {ZONE_ID}, but in gcp/us-central1 in the zone {OTHER_ZONE_ID}. The host gets "
        "aws/us-east-1, from the first zone."
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"zones": []}, "Specify exactly one of zone_id, zone and zones, and at least one zone."),
        ({"zones": [ZONE_NAME], "zone": ZONE_NAME}, "Specify exactly one of zone_id, zone and zones, "),
        ({"zones": [ZONE_NAME, "no name"]}, "zones: 'no name' is neither a zone id, "),
        ({"zones": [ZONE_NAME, 17]}, "zones: 17 is neither a zone id, "),
        (
            {},
            "Specify exactly one of zone_id (CLOUDFLARE_ZONE_ID in the environment) and zone, which is the domain name.",
        ),
        ({"zone_id": "17"}, "zone_id: '17' is not a valid zone id, "),
        (
            {"zone": ZONE_NAME, "timeout": 0},
            "timeout: 0.0 is not valid. It must be more than 0 and at most 86400 seconds.",
        ),
        (
            {"zone": ZONE_NAME, "zoens": [ZONE_NAME]},
            "Unknown option: zoens. The options are account_api_key, account_email, api_email, ",
        ),
    ],
)
def test_invalid_options(get_error: t.Callable[..., str], options: dict[str, t.Any], message: str) -> None:
    assert get_error(api_token=TOKEN, **options).startswith(message)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([UNRECOGNIZED_SECRET], "a list. The value is not shown. query() returns a list: use lookup(), as in lookup("),
        ([VaultedText(UNRECOGNIZED_SECRET)], "a list. "),
        (["{{ mine }}"], "a list. "),
        ("{{ [mine] }}", "a list. "),
        ({"a": UNRECOGNIZED_SECRET}, "a dictionary. The value is not shown."),
        ({UNRECOGNIZED_SECRET: [VaultedText(UNRECOGNIZED_SECRET)]}, "a dictionary. "),
        (17, "a number. "),
    ],
    ids=str,
)
@pytest.mark.parametrize("option", ["api_token", "api_key", "account_api_key", "api_email", "account_email"])
def test_credential_of_wrong_type(
    get_error: t.Callable[..., str], extra_vars: dict[str, t.Any], option: str, value: t.Any, kind: str
) -> None:
    extra_vars["mine"] = UNRECOGNIZED_SECRET
    assert get_error(zone_id=ZONE_ID, **{option: value}).startswith(f"{option} must be a string, but is {kind}")


@pytest.mark.parametrize(
    "value", [UNRECOGNIZED_SECRET, TOKEN, [UNRECOGNIZED_SECRET], {UNRECOGNIZED_SECRET: UNRECOGNIZED_SECRET}], ids=str
)
@pytest.mark.parametrize(
    "option",
    [
        "zone_id",
        "zone",
        "zones",
        "timeout",
        "api_url",
        "ca_path",
        "cache_timeout",
        "compose",
        "groups",
        UNRECOGNIZED_SECRET,
    ],
)
def test_credential_in_another_option(get_error: t.Callable[..., str], option: str, value: t.Any) -> None:
    if option in ("compose", "groups") and isinstance(value, dict):
        value = [value]  # other options accept a string
    zone = {} if option in ("zone", "zones") else {"zone_id": ZONE_ID}
    message = get_error(**{"api_token": "known-by-the-task", **zone, option: value})
    assert message.startswith((option, "Unknown option: (not shown). The options are account_api_key"))


def test_credential_in_a_template_that_fails(get_error: t.Callable[..., str]) -> None:
    assert get_error(zone_id=ZONE_ID, api_token=UNRECOGNIZED_SECRET + "{{").startswith(
        "api_token cannot be evaluated: "
    )


def test_no_credential(get_error: t.Callable[..., str]) -> None:
    assert get_error(zone=ZONE_NAME).startswith("No credential is set. Set api_token")


def test_error_of_the_api(get_error: t.Callable[..., str], wire: Wire) -> None:
    wire.page(1, error_envelope(10000, message=f"Authentication error, Bearer {TOKEN}"), status=403)
    assert "Bearer ********" in get_error(api_token=TOKEN, zone_id=ZONE_ID)


def test_ansible_shows_the_error(
    load_zone: t.Callable[..., Inventory], wire: Wire, messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    wire.page(1, error_envelope(10000), status=403)
    assert load_zone().hosts == {}
    shown = " ".join([*messages, *capsys.readouterr().err.split()])
    assert "The API's own words." in shown and "edge.cloudflare_origins.yml" in shown
    assert TOKEN not in shown


def test_environment(load_inventory: t.Callable[..., Inventory], wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_TOKEN", "weaker")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", ZONE_ID)
    wire.zone([mapping("192.0.2.1")])
    assert list(load_inventory().hosts) == ["192.0.2.1"]


def test_cache_from_the_environment(
    load_zone: t.Callable[..., Inventory], wire: Wire, monkeypatch: pytest.MonkeyPatch, cache_options: dict[str, t.Any]
) -> None:
    """Ansible still reads the environment variables of Ansible's cache options."""
    for option, value in cache_options.items():
        monkeypatch.setenv(f"ANSIBLE_INVENTORY_{option.upper()}", str(value))
    wire.zone([mapping("192.0.2.1")])
    assert list(load_zone().hosts) == list(load_zone().hosts) == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("ini", "headers"),
    [
        (
            {"api_token": TOKEN, "api_email": "user@example.com", "api_key": KEY, "zone_id": ZONE_ID, "zone": ""},
            TOKEN_HEADERS,
        ),
        ({"api_token": "", "api_email": "user@example.com", "api_key": KEY, "zone_id": ZONE_ID}, KEY_HEADERS),
    ],
)
def test_configuration_file_precedence(
    load_inventory: t.Callable[..., Inventory],
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    ini: dict[str, str],
    headers: dict[str, str],
) -> None:
    lines = ["[edgecache_cloudflare]", *(f"{key} = {value}" for key, value in ini.items())]
    (tmp_path / "ansible.cfg").write_text("\n".join(lines))
    monkeypatch.setattr(constants.config, "_config_file", str(tmp_path / "ansible.cfg"))
    wire.headers = headers
    wire.zone([mapping("192.0.2.1")])
    assert list(load_inventory().hosts) == ["192.0.2.1"]


def test_extra_variables_and_templates(
    load_inventory: t.Callable[..., Inventory], wire: Wire, extra_vars: dict[str, t.Any]
) -> None:
    extra_vars.update(cloudflare_api_token=trust_template("{{ mine }}"), mine=TOKEN, name="example")
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": ZONE_NAME}]), query={"name": ZONE_NAME})
    wire.zone([mapping("192.0.2.1")])
    assert list(load_inventory(zones=["{{ name }}.com"]).hosts) == ["192.0.2.1"]


def test_templates_in_options_of_other_types(
    parse_file: t.Callable[..., None],
    wire: Wire,
    extra_vars: dict[str, t.Any],
    cache_options: dict[str, t.Any],
    tmp_path: Path,
) -> None:
    extra_vars.update(
        seconds=trust_template("{{ 2 + 3 }}"), cloudflare_max_wait=trust_template("{{ seconds }}"), yes=True
    )
    extra_vars.update(folder=str(tmp_path / "elsewhere"), zones_of_mine=[ZONE_ID])
    wire.settings["timeout"] = 5.0
    wire.page(1, error_envelope(10000), status=429, headers={"Retry-After": "6"})
    options = {
        "api_token": TOKEN,
        "zones": "{{ zones_of_mine }}",
        "timeout": "{{ seconds }}",
        "validate_certs": "{{ yes }}",
        **cache_options,
        "cache": "{{ yes }}",
        "cache_connection": "{{ folder }}",
    }
    with pytest.raises(AnsibleParserError, match="max_wait .5 seconds in total. has 5.0 left"):
        parse_file(**options)
    wire.zone([mapping("192.0.2.1")])
    parse_file(**options)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1


def test_template_that_fails(get_error: t.Callable[..., str]) -> None:
    message = get_error(api_token=TOKEN, zone_id=ZONE_ID, timeout="{{ nothing }}")
    assert message.startswith("timeout cannot be evaluated: ") and "nothing" in message


def test_option_of_another_type(parse_file: t.Callable[..., None]) -> None:
    with pytest.raises(AnsibleError, match=r"timeout.*soon"):
        parse_file(api_token=TOKEN, zone_id=ZONE_ID, timeout="{{ 'soon' }}")


def test_invalid_environment_variable_of_ansible_is_named(
    get_error: t.Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_INVENTORY_CACHE_TIMEOUT", "soon")
    message = get_error(api_token=TOKEN, zone_id=ZONE_ID)
    assert message.startswith(
        "cache_timeout (ANSIBLE_INVENTORY_CACHE_TIMEOUT in the environment): a value that is not a "
    )


@pytest.mark.parametrize(
    "options",
    [
        {"zone_id": VaultedText(ZONE_ID)},
        {"zones": [VaultedText(ZONE_ID)]},
        {"zones": VaultedText(ZONE_ID)},
        {"zone_id": ZONE_ID, "timeout": VaultedText("30"), "validate_certs": VaultedText("true")},
    ],
    ids=str,
)
def test_vault(parse_file: t.Callable[..., None], wire: Wire, options: dict[str, t.Any]) -> None:
    wire.zone([mapping("192.0.2.1")])
    parse_file(api_token=VaultedText(TOKEN), **options)
    assert len(wire.requests) == 1


def test_vaulted_text_is_not_templated(parse_file: t.Callable[..., None], wire: Wire) -> None:
    wire.headers = {"Authorization": "Bearer {{token}}"}
    wire.zone([mapping("192.0.2.1")])
    parse_file(api_token=VaultedText("{{token}}"), zone_id=ZONE_ID)
    assert len(wire.requests) == 1


def test_key_by_its_aliases(load_inventory: t.Callable[..., Inventory], wire: Wire) -> None:
    wire.headers = KEY_HEADERS
    wire.zone([mapping("192.0.2.1")])
    assert list(load_inventory(account_email="user@example.com", account_api_key=KEY, zone_id=ZONE_ID).hosts) == [
        "192.0.2.1"
    ]


@pytest.mark.parametrize("file", ["cloudflare_origins.yml", "a.cloudflare_origins.yaml"])
def test_file_names(load_zone: t.Callable[..., Inventory], wire: Wire, file: str) -> None:
    wire.zone([mapping("192.0.2.1")])
    assert list(load_zone(file=file).hosts) == ["192.0.2.1"]


@pytest.mark.parametrize("file", ["origins.yml", "cloudflare_origins.json"])
def test_other_file_names(load_zone: t.Callable[..., Inventory], file: str) -> None:
    assert load_zone(file=file).hosts == {}


def test_api_text_is_not_templated(load_zone: t.Callable[..., Inventory], wire: Wire) -> None:
    region = "{{ lookup('ansible.builtin.pipe', 'exit 1') }}"
    wire.zone([mapping("192.0.2.1", "aws", region)])
    host = load_zone(compose={"copy": "region", "longer": "region ~ '!'"}, strict=True).hosts["192.0.2.1"]
    templar = Templar(DataLoader(), variables=host)
    for name, expected in (("region", region), ("copy", region), ("longer", f"{region}!")):
        assert templar.template(trust_template("{{ " + name + " }}")) == expected


@pytest.mark.parametrize(
    "region",
    [
        "{{ 1 }}",
        "lookup('ansible.builtin.pipe', 'exit 1')",
        "1 in [1]",
        "9**9",
        "x|length",
        "x['y']",
        "us-east-1\n",
        "us\u2010east",
        "r\u00e9gion",
        "\u0661",
    ],
)
def test_unusual_names_are_unsafe(load_zone: t.Callable[..., Inventory], wire: Wire, region: str) -> None:
    wire.zone([mapping("192.0.2.1", region, region)])
    host = load_zone().hosts["192.0.2.1"]
    assert {name for name, value in host.items() if is_unsafe(value)} == {"vendor", "region"}
    assert host["vendor"] == host["region"] == region


@pytest.mark.parametrize("modified_on", [MODIFIED_ON, "2026-03-01T12:00:00.123456+00:00", "", None])
def test_usual_values_are_not_unsafe(
    load_zone: t.Callable[..., Inventory], wire: Wire, modified_on: str | None
) -> None:
    wire.zone([{**mapping("2001:db8::1", "gcp", "us_Central.1-a"), "modified_on": modified_on}])
    host = load_zone().hosts["2001:db8::1"]
    assert not any(map(is_unsafe, [*host.values(), *host["zone_ids"]]))
    assert host["modified_on"] == modified_on


def test_cache(
    load_zone: t.Callable[..., Inventory], wire: Wire, cache_options: dict[str, t.Any], tmp_path: Path
) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("2001:db8::1")])
    assert load_zone(**cache_options) == load_zone(**cache_options)
    files = list((tmp_path / "cache").iterdir())
    assert len(files) == 1
    assert TOKEN not in files[0].read_text()
    # Another token uses the same entry
    assert set(load_zone(**cache_options, api_token="other").hosts) == {"192.0.2.1", "2001:db8::1"}


@pytest.mark.parametrize(
    "options",
    [
        {"file": "other.cloudflare_origins.yml"},
        {"api_url": "https://example.com/v4"},
        {"zone_id": OTHER_ZONE_ID},
        {"zone_id": None, "zones": [ZONE_ID, OTHER_ZONE_ID]},
        {"validate_certs": False},
        {"ca_path": "/"},
    ],
    ids=lambda options: ascii(list(options)),
)
def test_cache_key_depends_on_the_options(
    load_zone: t.Callable[..., Inventory],
    wire: Wire,
    cache_options: dict[str, t.Any],
    cache_file: Path,
    options: dict[str, t.Any],
) -> None:
    wire.api = options.get("api_url", wire.api)
    wire.settings["verify"] = options.get("ca_path", options.get("validate_certs", True))
    if options.get("zone_id", "") != OTHER_ZONE_ID:
        wire.zone([mapping("192.0.2.2")])
    if OTHER_ZONE_ID in str(options):
        wire.get(OTHER_MAPPINGS_PATH, page([mapping("192.0.2.2")]), query=FIRST_PAGE_QUERY)
    for dummy in range(2):
        assert list(load_zone(**cache_options, **options).hosts) == ["192.0.2.2"]
    # The other entry stays
    assert list(load_zone(**cache_options).hosts) == ["192.0.2.1"]


def test_cache_key_is_a_whole_hash(cache_file: Path) -> None:
    assert re.search("_[0-9a-f]{64}$", cache_file.name)


def test_cache_refresh(
    load_zone: t.Callable[..., Inventory],
    parse_file: t.Callable[..., None],
    wire: Wire,
    cache_options: dict[str, t.Any],
) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        wire.zone([mapping(address)])
        parse_file(refresh=True, api_token=TOKEN, zone_id=ZONE_ID, **cache_options)
    assert list(load_zone(**cache_options, file="cloudflare_origins.yml").hosts) == ["192.0.2.2"]


@pytest.mark.parametrize(
    "cached",
    [
        None,
        1,
        "x",
        [],
        {},
        {ZONE_ID: []},
        [ZONE_ID],
        [["x", []]],
        [[ZONE_ID, None]],
        [[ZONE_ID, ""]],
        [[ZONE_ID, {}]],
        [[ZONE_ID, [{}]]],
        [[ZONE_ID, [], []]],
        [[ZONE_ID, [{**mapping("192.0.2.1"), "origin_ip": 1}]]],
        [[ZONE_ID, [{**mapping("192.0.2.1"), "region": None}]]],
        [[ZONE_ID, [mapping("localhost")]]],
        [[ZONE_ID, [mapping("2001:DB8::1")]]],
        [[ZONE_ID, [mapping("192.0.2.9"), mapping(" 192.0.2.1")]]],
    ],
    ids=str,
)
def test_cache_with_other_content(
    load_zone: t.Callable[..., Inventory],
    wire: Wire,
    cache_options: dict[str, t.Any],
    messages: list[str],
    cache_file: Path,
    cached: t.Any,
) -> None:
    entry = json.loads(cache_file.read_text())
    cache_file.write_text(
        json.dumps({**entry, "__payload__": json.dumps(cached)} if "__payload__" in entry else cached)
    )
    wire.zone([mapping("192.0.2.2")])
    assert list(load_zone(**cache_options).hosts) == ["192.0.2.2"]
    assert messages == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"x"',
        "1",
        "{}",
        "{",
        "\0",
        "\udcff",
        '{"__payload__": null}',
        '{"__payload__": "{"}',
        "[" * 100_000,
    ],
    ids=lambda text: ascii(text[:30]),
)
def test_damaged_cache(
    load_zone: t.Callable[..., Inventory], wire: Wire, cache_options: dict[str, t.Any], cache_file: Path, text: str
) -> None:
    cache_file.write_text(text, errors="surrogateescape")
    wire.zone([mapping("192.0.2.2")])
    assert list(load_zone(**cache_options).hosts) == ["192.0.2.2"]
    # Written again
    assert list(load_zone(**cache_options).hosts) == ["192.0.2.2"]
