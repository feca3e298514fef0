# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory origin_cloud_regions, found by the name of its file and read as Ansible reads inventories."""

from __future__ import annotations

import contextlib
import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible import constants, template
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing import vault
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    KEY,
    MODIFIED_ON,
    NAME,
    OTHER_ZONE_ID,
    RANDOM,
    TOKEN,
    ZONE_ID,
    Wire,
    envelope,
    failed,
    mapping,
    mappings,
    page,
)

trusted = getattr(template, "trust_as_template", str)
PLUGIN = "edgecache.cloudflare.origin_cloud_regions"
OTHER = f"/zones/{OTHER_ZONE_ID}/origin/cloud_regions"
VAULT = vault.VaultLib([("default", vault.VaultSecret(b"password"))])
BY_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
BY_KEY = {"X-Auth-Email": "user@example.com", "X-Auth-Key": KEY}
PAGE = {"page": 1, "per_page": 100}


def is_marked(value: t.Any) -> bool:
    """Whether Ansible evaluates nothing of it, and ansible-inventory shows it as unsafe."""
    is_trusted = getattr(template, "is_trusted_as_template", lambda text: not hasattr(text, "__UNSAFE__"))
    return isinstance(value, str) and not is_trusted(value)


class Read(t.NamedTuple):
    """An inventory that was read: what it says of each host, the hosts in each group, and the groups in each group."""

    hosts: dict[str, dict[str, t.Any]]
    groups: dict[str, set[str]]
    children: dict[str, set[str]]


class Secret(str):
    """A text that a file has encrypted."""


class Dumper(yaml.SafeDumper):
    pass


Dumper.add_representer(
    Secret, lambda dumper, text: dumper.represent_scalar("!vault", VAULT.encrypt(text).decode(), style="|")
)


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> DataLoader:
    """Knows the password of the vault."""
    if hasattr(vault, "VaultSecretsContext"):  # ansible-core 2.19 and newer
        monkeypatch.setattr(vault.VaultSecretsContext, "_current", vault.VaultSecretsContext(VAULT.secrets))
    loader = DataLoader()
    loader.set_vault_secrets(VAULT.secrets)
    return loader


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda self, msg, **more: texts.append(" ".join(str(msg).split())))
    return texts


@pytest.fixture
def extra(monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    """What the user gives with --extra-vars."""
    given: dict[str, t.Any] = {}
    monkeypatch.setattr("ansible.plugins.inventory.load_extra_vars", lambda loader: given)
    return given


@pytest.fixture
def write(tmp_path: Path) -> t.Callable[..., str]:
    def write(file: str = "cloudflare_origins.yml", **options: t.Any) -> str:
        (tmp_path / file).write_text(yaml.dump({"plugin": PLUGIN, **options}, Dumper=Dumper))
        return str(tmp_path / file)

    return write


@pytest.fixture
def read(write: t.Callable[..., str], messages: list[str], extra: dict[str, t.Any]) -> t.Callable[..., Read]:
    """What Ansible makes of a file with these options."""

    def read(file: str = "edge.cloudflare_origins.yml", **options: t.Any) -> Read:
        inventory = InventoryManager(DataLoader(), sources=[write(file, **options)])
        groups = {name: group for name, group in inventory.groups.items() if name not in ("all", "ungrouped")}
        return Read(
            {
                host.name: {name: value for name, value in host.vars.items() if not name.startswith("inventory_")}
                for host in inventory.get_hosts()
            },
            {name: {host.name for host in group.get_hosts()} for name, group in groups.items()},
            {
                name: {child.name for child in group.child_groups}
                for name, group in groups.items()
                if group.child_groups
            },
        )

    return read


@pytest.fixture
def cached(tmp_path: Path) -> dict[str, t.Any]:
    """The options of a cache in files."""
    return {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}


@pytest.fixture
def kept_file(own: t.Callable[..., Read], wire: Wire, cached: dict[str, t.Any], tmp_path: Path) -> Path:
    """The file in which ``192.0.2.1`` was kept."""
    wire.zone([mapping("192.0.2.1")])
    assert list(own(**cached).hosts) == ["192.0.2.1"]
    (file,) = (tmp_path / "cache").iterdir()
    return file


@pytest.fixture
def own(read: t.Callable[..., Read]) -> t.Callable[..., Read]:
    """The same with a token and a zone."""
    return lambda **options: read(**{"api_token": TOKEN, "zone_id": ZONE_ID, **options})


@pytest.fixture
def parse(write: t.Callable[..., str], loader: DataLoader, extra: dict[str, t.Any]) -> t.Callable[..., None]:
    """Have the plugin alone read a file with these options."""

    def parse(anew: bool = False, **options: t.Any) -> None:
        plugin = inventory_loader.get(PLUGIN)
        plugin.parse(InventoryData(), loader, write(**options), cache=not anew)
        with contextlib.suppress(AttributeError):  # without a cache
            plugin.update_cache_if_changed()

    return parse


@pytest.fixture
def error_of(parse: t.Callable[..., None]) -> t.Callable[..., str]:
    def error_of(**options: t.Any) -> str:
        with pytest.raises(AnsibleParserError) as caught:
            parse(**options)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        assert not any(secret in str(caught.value) for secret in (TOKEN, KEY, RANDOM))
        return str(caught.value)

    return error_of


def test_hosts(own: t.Callable[..., Read], wire: Wire, messages: list[str]) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("2001:DB8:0::1", "gcp", "us-central1")])
    assert own().hosts == {
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


def test_groups_by_vendor_and_in_them_by_region(own: t.Callable[..., Read], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2", "aws", "us-west-2"), mapping("192.0.2.3", "azure", "eastus")])
    found = own()
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


def test_constructed(own: t.Callable[..., Read], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2", "gcp", "us-central1")])
    found = own(
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
def test_expressions_are_for_each_host_and_no_templates_of_the_file(
    own: t.Callable[..., Read], wire: Wire, option: str
) -> None:
    wire.zone([mapping("192.0.2.1")])
    assert list(own(**{option: {"x": "'{{ nothing }}' ~ nothing"}}).hosts) == ["192.0.2.1"]


def test_parent_group_is_a_template(own: t.Callable[..., Read], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2", "gcp", "us-central1")])
    found = own(keyed_groups=[{"key": "region", "separator": "", "parent_group": "cloud_{{ vendor }}"}])
    assert found.children == {"cloud_aws": {"us_east_1"}, "cloud_gcp": {"us_central1"}}


@pytest.mark.parametrize(
    "options", [{"compose": {"x": "nothing"}}, {"groups": {"x": "nothing"}}, {"keyed_groups": [{"key": "nothing"}]}]
)
def test_strict(
    own: t.Callable[..., Read], parse: t.Callable[..., None], wire: Wire, options: dict[str, t.Any]
) -> None:
    wire.zone([mapping("192.0.2.1")])
    assert "x" not in own(**options).hosts["192.0.2.1"]
    wire.zone([mapping("192.0.2.1")])
    with pytest.raises(AnsibleError, match="192.0.2.1"):
        parse(api_token=TOKEN, zone_id=ZONE_ID, strict=True, **options)


def test_all_pages(own: t.Callable[..., Read], wire: Wire) -> None:
    wire.zone(mappings(250))
    assert len(own().hosts) == 250


def test_zone_without_mappings(own: t.Callable[..., Read], wire: Wire, messages: list[str]) -> None:
    wire.zone([])
    assert own() == Read({}, {}, {})
    assert messages == []


def test_several_zones(read: t.Callable[..., Read], wire: Wire, messages: list[str]) -> None:
    wire.get("/zones", envelope([{"id": OTHER_ZONE_ID, "name": NAME}]), query={"name": NAME})
    wire.zone([mapping("192.0.2.1"), mapping("192.0.2.2")])
    wire.get(OTHER, page([mapping("192.0.2.2"), mapping("192.0.2.3")]), query=PAGE)
    # Each zone once, however often and in whatever way it is named, and each name looked up once
    found = read(api_token=TOKEN, zones=[ZONE_ID, NAME, f" {OTHER_ZONE_ID} ", f"{NAME} "]).hosts
    assert {address: (host["zone_id"], host["zone_ids"]) for address, host in found.items()} == {
        "192.0.2.1": (ZONE_ID, [ZONE_ID]),
        "192.0.2.2": (ZONE_ID, [ZONE_ID, OTHER_ZONE_ID]),
        "192.0.2.3": (OTHER_ZONE_ID, [OTHER_ZONE_ID]),
    }
    assert messages == []


def test_zones_win_over_a_zone_from_elsewhere(
    read: t.Callable[..., Read], wire: Wire, extra: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", OTHER_ZONE_ID)
    extra["cloudflare_zone"] = NAME
    wire.zone([mapping("192.0.2.1")])
    assert list(read(api_token=TOKEN, zones=[ZONE_ID]).hosts) == ["192.0.2.1"]


def test_zones_that_disagree(read: t.Callable[..., Read], wire: Wire, messages: list[str]) -> None:
    wire.zone([mapping("192.0.2.1")])
    wire.get(OTHER, page([mapping("192.0.2.1", "gcp", "us-central1")]), query=PAGE)
    found = read(api_token=TOKEN, zones=[ZONE_ID, OTHER_ZONE_ID])
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
        ({"zones": [NAME], "zone": NAME}, "Specify exactly one of zone_id, zone and zones, "),
        ({"zones": [NAME, "no name"]}, "zones: 'no name' is neither a zone id, "),
        ({"zones": [NAME, 17]}, "zones: 17 is neither a zone id, "),
        (
            {},
            "Specify exactly one of zone_id (CLOUDFLARE_ZONE_ID in the environment) and zone, which is the domain name.",
        ),
        ({"zone_id": "17"}, "zone_id: '17' is not a valid zone id, "),
        ({"zone": NAME, "timeout": 0}, "timeout: 0.0 is not valid. It must be more than 0 and at most 86400 seconds."),
        (
            {"zone": NAME, "zoens": [NAME]},
            "Unknown option: zoens. The options are account_api_key, account_email, api_email, ",
        ),
    ],
)
def test_bad_options(error_of: t.Callable[..., str], options: dict[str, t.Any], message: str) -> None:
    assert error_of(api_token=TOKEN, **options).startswith(message)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([RANDOM], "a list. The value is not shown. query() returns a list: use lookup(), as in lookup("),
        ([Secret(RANDOM)], "a list. "),
        (["{{ mine }}"], "a list. "),
        ("{{ [mine] }}", "a list. "),
        ({"a": RANDOM}, "a dictionary. The value is not shown."),
        ({RANDOM: [Secret(RANDOM)]}, "a dictionary. "),
        (17, "a number. "),
    ],
    ids=str,
)
@pytest.mark.parametrize("option", ["api_token", "api_key", "account_api_key", "api_email", "account_email"])
def test_credential_of_the_wrong_type(
    error_of: t.Callable[..., str], extra: dict[str, t.Any], option: str, value: t.Any, kind: str
) -> None:
    extra["mine"] = RANDOM
    assert error_of(zone_id=ZONE_ID, **{option: value}).startswith(f"{option} must be a string, but is {kind}")


@pytest.mark.parametrize("value", [RANDOM, TOKEN, [RANDOM], {RANDOM: RANDOM}], ids=str)
@pytest.mark.parametrize(
    "option",
    ["zone_id", "zone", "zones", "timeout", "api_url", "ca_path", "cache_timeout", "compose", "groups", RANDOM],
)
def test_credential_in_another_option(error_of: t.Callable[..., str], option: str, value: t.Any) -> None:
    if option in ("compose", "groups") and isinstance(value, dict):
        value = [value]  # else it is of the right type
    zone = {} if option in ("zone", "zones") else {"zone_id": ZONE_ID}
    message = error_of(**{"api_token": "known-by-the-task", **zone, option: value})
    assert message.startswith((option, "Unknown option: (not shown). The options are account_api_key"))


def test_credential_in_a_template_that_fails(error_of: t.Callable[..., str]) -> None:
    assert error_of(zone_id=ZONE_ID, api_token=RANDOM + "{{").startswith("api_token cannot be evaluated: ")


def test_no_credential(error_of: t.Callable[..., str]) -> None:
    assert error_of(zone=NAME).startswith("No credential is set. Set api_token")


def test_error_of_the_api(error_of: t.Callable[..., str], wire: Wire) -> None:
    wire.page(1, failed(10000, message=f"Authentication error, Bearer {TOKEN}"), status=403)
    assert "Bearer ********" in error_of(api_token=TOKEN, zone_id=ZONE_ID)


def test_ansible_tells_the_error(
    own: t.Callable[..., Read], wire: Wire, messages: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    wire.page(1, failed(10000), status=403)
    assert own().hosts == {}
    shown = " ".join([*messages, *capsys.readouterr().err.split()])
    assert "The API's own words." in shown and "edge.cloudflare_origins.yml" in shown
    assert TOKEN not in shown


def test_environment(read: t.Callable[..., Read], wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_TOKEN", "weaker")
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", ZONE_ID)
    wire.zone([mapping("192.0.2.1")])
    assert list(read().hosts) == ["192.0.2.1"]


def test_cache_from_the_environment(
    own: t.Callable[..., Read], wire: Wire, monkeypatch: pytest.MonkeyPatch, cached: dict[str, t.Any]
) -> None:
    """Ansible still reads the environment variables of its own options."""
    for option, value in cached.items():
        monkeypatch.setenv(f"ANSIBLE_INVENTORY_{option.upper()}", str(value))
    wire.zone([mapping("192.0.2.1")])
    assert list(own().hosts) == list(own().hosts) == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("ini", "headers"),
    [
        (
            {"api_token": TOKEN, "api_email": "user@example.com", "api_key": KEY, "zone_id": ZONE_ID, "zone": ""},
            BY_TOKEN,
        ),
        ({"api_token": "", "api_email": "user@example.com", "api_key": KEY, "zone_id": ZONE_ID}, BY_KEY),
    ],
)
def test_configuration_file_counts_where_it_says_something_and_a_token_before_a_key(
    read: t.Callable[..., Read],
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
    assert list(read().hosts) == ["192.0.2.1"]


def test_extra_variables_and_templates(read: t.Callable[..., Read], wire: Wire, extra: dict[str, t.Any]) -> None:
    extra.update(cloudflare_api_token=trusted("{{ mine }}"), mine=TOKEN, name="example")
    wire.get("/zones", envelope([{"id": ZONE_ID, "name": NAME}]), query={"name": NAME})
    wire.zone([mapping("192.0.2.1")])
    assert list(read(zones=["{{ name }}.com"]).hosts) == ["192.0.2.1"]


def test_templates_in_options_that_are_no_texts(
    parse: t.Callable[..., None], wire: Wire, extra: dict[str, t.Any], cached: dict[str, t.Any], tmp_path: Path
) -> None:
    extra.update(seconds=trusted("{{ 2 + 3 }}"), cloudflare_max_wait=trusted("{{ seconds }}"), yes=True)
    extra.update(folder=str(tmp_path / "elsewhere"), zones_of_mine=[ZONE_ID])
    wire.settings["timeout"] = 5.0
    wire.page(1, failed(10000), status=429, headers={"Retry-After": "6"})
    options = {
        "api_token": TOKEN,
        "zones": "{{ zones_of_mine }}",
        "timeout": "{{ seconds }}",
        "validate_certs": "{{ yes }}",
        **cached,
        "cache": "{{ yes }}",
        "cache_connection": "{{ folder }}",
    }
    with pytest.raises(AnsibleParserError, match="max_wait .5 seconds in total. has 5.0 left"):
        parse(**options)
    wire.zone([mapping("192.0.2.1")])
    parse(**options)
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1


def test_template_that_fails(error_of: t.Callable[..., str]) -> None:
    message = error_of(api_token=TOKEN, zone_id=ZONE_ID, timeout="{{ nothing }}")
    assert message.startswith("timeout cannot be evaluated: ") and "nothing" in message


def test_option_of_another_type(parse: t.Callable[..., None]) -> None:
    with pytest.raises(AnsibleError, match=r"timeout.*soon"):
        parse(api_token=TOKEN, zone_id=ZONE_ID, timeout="{{ 'soon' }}")


def test_invalid_environment_variable_of_ansible_is_named(
    error_of: t.Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANSIBLE_INVENTORY_CACHE_TIMEOUT", "soon")
    message = error_of(api_token=TOKEN, zone_id=ZONE_ID)
    assert message.startswith(
        "cache_timeout (ANSIBLE_INVENTORY_CACHE_TIMEOUT in the environment): a value that is not a "
    )


@pytest.mark.parametrize(
    "options",
    [
        {"zone_id": Secret(ZONE_ID)},
        {"zones": [Secret(ZONE_ID)]},
        {"zones": Secret(ZONE_ID)},
        {"zone_id": ZONE_ID, "timeout": Secret("30"), "validate_certs": Secret("true")},
    ],
    ids=str,
)
def test_vault(parse: t.Callable[..., None], wire: Wire, options: dict[str, t.Any]) -> None:
    wire.zone([mapping("192.0.2.1")])
    parse(api_token=Secret(TOKEN), **options)
    assert len(wire.requests) == 1


def test_what_was_encrypted_is_no_template(parse: t.Callable[..., None], wire: Wire) -> None:
    wire.headers = {"Authorization": "Bearer {{token}}"}
    wire.zone([mapping("192.0.2.1")])
    parse(api_token=Secret("{{token}}"), zone_id=ZONE_ID)
    assert len(wire.requests) == 1


def test_older_credential_by_its_other_names(read: t.Callable[..., Read], wire: Wire) -> None:
    wire.headers = BY_KEY
    wire.zone([mapping("192.0.2.1")])
    assert list(read(account_email="user@example.com", account_api_key=KEY, zone_id=ZONE_ID).hosts) == ["192.0.2.1"]


@pytest.mark.parametrize("file", ["cloudflare_origins.yml", "a.cloudflare_origins.yaml"])
def test_file_names(own: t.Callable[..., Read], wire: Wire, file: str) -> None:
    wire.zone([mapping("192.0.2.1")])
    assert list(own(file=file).hosts) == ["192.0.2.1"]


@pytest.mark.parametrize("file", ["origins.yml", "cloudflare_origins.json"])
def test_other_file_names(own: t.Callable[..., Read], file: str) -> None:
    assert own(file=file).hosts == {}


def test_what_the_api_says_is_no_template(own: t.Callable[..., Read], wire: Wire) -> None:
    region = "{{ lookup('ansible.builtin.pipe', 'exit 1') }}"
    wire.zone([mapping("192.0.2.1", "aws", region)])
    host = own(compose={"copy": "region", "longer": "region ~ '!'"}, strict=True).hosts["192.0.2.1"]
    templar = Templar(DataLoader(), variables=host)
    for name, expected in (("region", region), ("copy", region), ("longer", f"{region}!")):
        assert templar.template(trusted("{{ " + name + " }}")) == expected


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
def test_what_could_be_more_than_a_name_is_marked(own: t.Callable[..., Read], wire: Wire, region: str) -> None:
    wire.zone([mapping("192.0.2.1", region, region)])
    host = own().hosts["192.0.2.1"]
    assert {name for name, value in host.items() if is_marked(value)} == {"vendor", "region"}
    assert host["vendor"] == host["region"] == region


@pytest.mark.parametrize("modified_on", [MODIFIED_ON, "2026-03-01T12:00:00.123456+00:00", "", None])
def test_all_else_is_not(own: t.Callable[..., Read], wire: Wire, modified_on: str | None) -> None:
    wire.zone([{**mapping("2001:db8::1", "gcp", "us_Central.1-a"), "modified_on": modified_on}])
    host = own().hosts["2001:db8::1"]
    assert not any(map(is_marked, [*host.values(), *host["zone_ids"]]))
    assert host["modified_on"] == modified_on


def test_cache(own: t.Callable[..., Read], wire: Wire, cached: dict[str, t.Any], tmp_path: Path) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("2001:db8::1")])
    assert own(**cached) == own(**cached)
    files = list((tmp_path / "cache").iterdir())
    assert len(files) == 1
    assert TOKEN not in files[0].read_text()
    # Another token sees the same
    assert set(own(**cached, api_token="other").hosts) == {"192.0.2.1", "2001:db8::1"}


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
def test_cache_is_for_what_is_asked(
    own: t.Callable[..., Read], wire: Wire, cached: dict[str, t.Any], kept_file: Path, options: dict[str, t.Any]
) -> None:
    wire.api = options.get("api_url", wire.api)
    wire.settings["verify"] = options.get("ca_path", options.get("validate_certs", True))
    if options.get("zone_id", "") != OTHER_ZONE_ID:
        wire.zone([mapping("192.0.2.2")])
    if OTHER_ZONE_ID in str(options):
        wire.get(OTHER, page([mapping("192.0.2.2")]), query=PAGE)
    for dummy in range(2):
        assert list(own(**cached, **options).hosts) == ["192.0.2.2"]
    # The other one stays
    assert list(own(**cached).hosts) == ["192.0.2.1"]


def test_key_of_the_cache_has_all_digits(kept_file: Path) -> None:
    assert re.search("_[0-9a-f]{64}$", kept_file.name)


def test_cache_that_is_to_be_filled_anew(
    own: t.Callable[..., Read], parse: t.Callable[..., None], wire: Wire, cached: dict[str, t.Any]
) -> None:
    for address in ("192.0.2.1", "192.0.2.2"):
        wire.zone([mapping(address)])
        parse(anew=True, api_token=TOKEN, zone_id=ZONE_ID, **cached)
    assert list(own(**cached, file="cloudflare_origins.yml").hosts) == ["192.0.2.2"]


@pytest.mark.parametrize(
    "kept",
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
def test_cache_with_something_else_in_it(
    own: t.Callable[..., Read], wire: Wire, cached: dict[str, t.Any], messages: list[str], kept_file: Path, kept: t.Any
) -> None:
    entry = json.loads(kept_file.read_text())
    kept_file.write_text(json.dumps({**entry, "__payload__": json.dumps(kept)} if "__payload__" in entry else kept))
    wire.zone([mapping("192.0.2.2")])
    assert list(own(**cached).hosts) == ["192.0.2.2"]
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
def test_cache_that_is_damaged(
    own: t.Callable[..., Read], wire: Wire, cached: dict[str, t.Any], kept_file: Path, text: str
) -> None:
    kept_file.write_text(text, errors="surrogateescape")
    wire.zone([mapping("192.0.2.2")])
    assert list(own(**cached).hosts) == ["192.0.2.2"]
    # Written anew
    assert list(own(**cached).hosts) == ["192.0.2.2"]
