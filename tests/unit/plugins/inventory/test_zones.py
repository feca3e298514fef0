# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory zones. What it has in common with origin_cloud_regions is tested there."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible import template
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.inventory_files import (
    Inventory,
    VaultedText,
    is_unsafe,
)
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    ACCOUNT_ID,
    TOKEN,
    UNRECOGNIZED_SECRET,
    Wire,
    envelope,
    error_envelope,
    page_of_zones,
    zone_id,
    zone_item,
)

trust_template = getattr(template, "trust_as_template", str)
LoadInventory = t.Callable[..., Inventory]
OTHER_ACCOUNT = {"id": "9a7806061c88ada191ed06f989cc3dac", "name": "Other, Inc."}


@pytest.fixture
def inventory_name() -> str:
    return "edgecache.cloudflare.zones"


@pytest.fixture
def file_suffix() -> str:
    return "cloudflare_zones.yml"


@pytest.fixture
def load(load_inventory: LoadInventory) -> LoadInventory:
    """As ``load_inventory``, with a token."""
    return lambda **options: load_inventory(**{"api_token": TOKEN, **options})


def test_hosts(load: LoadInventory, wire: Wire, messages: list[str]) -> None:
    wire.zones([zone_item(1, "example.com"), zone_item(2, "example.net", plan=None, account={}, type="partial")])
    assert load().hosts == {
        "example.com": {
            "zone_id": zone_id(1),
            "zone": "example.com",
            "account_id": ACCOUNT_ID,
            "account_name": "Example",
            "status": "active",
            "type": "full",
            "plan": "enterprise",
        },
        "example.net": {
            "zone_id": zone_id(2),
            "zone": "example.net",
            "account_id": None,
            "account_name": None,
            "status": "active",
            "type": "partial",
            "plan": None,
        },
    }
    assert messages == []


@pytest.mark.parametrize("strict", [False, True])
def test_groups_by_account_plan_and_status(load: LoadInventory, wire: Wire, strict: bool) -> None:
    wire.zones(
        [
            zone_item(1, "example.com"),
            zone_item(2, "example.net", account=OTHER_ACCOUNT, plan={"legacy_id": "free"}),
            zone_item(3, "example.org", account={}, plan=None, status=None),
            zone_item(4, "example.edu", account={"name": ""}),
        ]
    )
    assert load(strict=strict).groups == {
        "account_Example": {"example.com"},
        "account_Other__Inc_": {"example.net"},
        "plan_enterprise": {"example.com", "example.edu"},
        "plan_free": {"example.net"},
        "status_active": {"example.com", "example.net", "example.edu"},
    }


def test_constructed(load: LoadInventory, wire: Wire) -> None:
    wire.zones([zone_item(1, "example.com"), zone_item(2, "example.net", plan={"legacy_id": "free"})])
    found = load(
        keyed_groups=[{"key": "type", "prefix": "type"}],
        groups={"paid": "plan != 'free'"},
        compose={"ansible_connection": "'local'", "label": "zone ~ '/' ~ account_name"},
        strict=True,
    )
    assert found.groups == {"type_full": {"example.com", "example.net"}, "paid": {"example.com"}}
    assert found.hosts["example.com"]["ansible_connection"] == "local"
    assert found.hosts["example.net"]["label"] == "example.net/Example"


def test_500_zones_in_10_requests(load: LoadInventory, wire: Wire) -> None:
    wire.zones([zone_item(number) for number in range(500)])
    assert len(load().hosts) == 500
    assert len(wire.requests) == 10


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({"account_id": f" {ACCOUNT_ID} "}, {"account.id": ACCOUNT_ID, "status": "active"}),
        ({"account_name": "Example, Inc."}, {"account.name": "Example, Inc.", "status": "active"}),
        ({"account_name": "starts_with:Ex", "status": "all"}, {"account.name": "starts_with:Ex"}),
        ({"name": " ends_with_case_sensitive:.com ", "status": "all"}, {"name": "ends_with_case_sensitive:.com"}),
        ({"account_name": "equal:a:b", "status": "moved"}, {"account.name": "equal:a:b", "status": "moved"}),
        ({"status": "{{ 'pend' ~ 'ing' }}"}, {"status": "pending"}),
        ({"name": "x" * 253}, {"name": "x" * 253, "status": "active"}),
        ({"status": None, "name": None}, {"status": "active"}),
        ({"account_id": VaultedText(ACCOUNT_ID)}, {"account.id": ACCOUNT_ID, "status": "active"}),
    ],
    ids=str,
)
def test_conditions(
    parse_file: t.Callable[..., None], wire: Wire, options: dict[str, t.Any], query: dict[str, str]
) -> None:
    wire.zones([zone_item()], query)
    parse_file(api_token=TOKEN, **options)
    assert len(wire.requests) == 1


OPERATORS = (
    "equal, not_equal, starts_with, ends_with, contains, starts_with_case_sensitive, ends_with_case_sensitive, "
    "contains_case_sensitive"
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"account_id": "Example"},
            "account_id: 'Example' is not a valid account id, which has 32 digits of 0-9 and a-f.",
        ),
        ({"account_id": ""}, "account_id: '' is not a valid account id, "),
        (
            {"account_name": "begins_with:Ex"},
            (
                f"account_name: 'begins_with' is not a valid operator. It must be one of {OPERATORS}. For a text with a colon, "
                "add equal: before the text."
            ),
        ),
        ({"name": "https://example.com"}, "name: 'https' is not a valid operator. "),
        ({"name": ":x"}, "name: '' is not a valid operator. "),
        ({"name": " "}, "name: ' ' is not valid. It must have 1 to 253 characters, with the operator."),
        ({"account_name": "contains: "}, "account_name: 'contains: ' is not valid. It must have 1 to 253 characters"),
        ({"name": "x" * 254}, "name: 'xxx"),
        (
            {"status": "deleted"},
            "status: 'deleted' is not valid. It must be one of initializing, pending, active, moved, all.",
        ),
        ({"status": ["active"]}, "status: ['active'] is not valid. It must be one of "),
        ({"name": ["x"]}, "name: ['x'] is not a valid string."),
        ({"timeout": 0}, "timeout: 0.0 is not valid. "),
        ({"zone": "example.com"}, "Unknown option: zone. The options are account_api_key, account_email, account_id, "),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_cached", [False, True])
def test_invalid_options(
    get_error: t.Callable[..., str],
    cache_options: dict[str, t.Any],
    options: dict[str, t.Any],
    message: str,
    is_cached: bool,
) -> None:
    assert get_error(api_token=TOKEN, **(cache_options if is_cached else {}), **options).startswith(message)


@pytest.mark.parametrize("value", [UNRECOGNIZED_SECRET, TOKEN], ids=str)
@pytest.mark.parametrize("option", ["account_id", "account_name", "name"])
def test_secret_in_a_wrong_option(get_error: t.Callable[..., str], option: str, value: str) -> None:
    assert get_error(api_token=value, **{option: value}).startswith(f"{option}: the value contains a credential")


def test_no_credential(get_error: t.Callable[..., str]) -> None:
    assert get_error().startswith("No credential is set. Set api_token")


def test_environment(load_inventory: LoadInventory, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """The zone of the environment is for other plugins."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    monkeypatch.setenv("CLOUDFLARE_ZONE_ID", "none")
    wire.zones([zone_item(1, "example.com")])
    assert list(load_inventory().hosts) == ["example.com"]


def test_api_url_without_encryption(load: LoadInventory, wire: Wire, messages: list[str]) -> None:
    wire.api = "http://example.com"
    wire.zones([zone_item(1, "example.com")])
    load(api_url="http://example.com")
    assert [message for message in messages if "does not use https" in message]


def test_error_of_the_api(get_error: t.Callable[..., str], wire: Wire) -> None:
    wire.zones_page(1, error_envelope(9109, message=f"no, Bearer {TOKEN}"), status=403)
    assert "Bearer ********" in get_error(api_token=TOKEN)


def test_no_zone(load: LoadInventory, wire: Wire, messages: list[str]) -> None:
    wire.zones([])
    assert load() == Inventory({}, {}, {})
    (message,) = messages
    assert message == (
        "No zone was found with this credential and these options. The token needs the permission Zone Read, and lists only the zones "
        "that it is limited to."
    )


def test_zones_with_one_name(load: LoadInventory, wire: Wire, messages: list[str]) -> None:
    """The names of the hosts do not depend on the order of the API."""
    zones = [
        zone_item(1, "example.com", status="pending"),
        zone_item(4, "example.com", account=OTHER_ACCOUNT),
        zone_item(3, "example.com"),
        zone_item(5, "example.net"),
    ]
    expected = {"example.com": 3, f"example.com_{zone_id(4)}": 4, f"example.com_{zone_id(1)}": 1, "example.net": 5}
    for order in (zones, zones[::-1]):
        messages.clear()
        wire.zones(order, {})
        found = load(status="all").hosts
        assert {host: int(variables["zone_id"], 16) for host, variables in found.items()} == expected
        assert {host.split("_")[0] for host in found} == {variables["zone"] for variables in found.values()}
        (message,) = messages
        assert message == (
            f"3 zones are named example.com: {zone_id(3)} is the host example.com, {zone_id(4)} is the host example.com_{zone_id(4)}, "
            f"{zone_id(1)} is the host example.com_{zone_id(1)}."
        )


HOSTILE = "{{ lookup('ansible.builtin.pipe', 'exit 1') }}"


@pytest.mark.parametrize(
    "name", [HOSTILE, "{{x}}.example.com", "{%if(x)%}.example", "", "localhost", "a b.example", "x." * 200 + "example"]
)
def test_name_that_is_not_a_domain_name(load: LoadInventory, wire: Wire, messages: list[str], name: str) -> None:
    wire.zones([zone_item(1, name), zone_item(2, name), zone_item(3, "example.com")])
    found = load().hosts
    assert set(found) == {zone_id(1), zone_id(2), "example.com"}
    assert found[zone_id(1)]["zone"] == name
    (message,) = messages
    assert message.endswith(f" is not a domain name. The zone is the host {zone_id(1)}, {zone_id(2)}.")
    assert len(message) < 300


@pytest.mark.parametrize("name", ["example.com", "xn--bcher-kva.example", "b\u00fccher.example", "_dmarc.a-b.example"])
def test_domain_names(load: LoadInventory, wire: Wire, messages: list[str], name: str) -> None:
    wire.zones([zone_item(1, name)])
    assert list(load().hosts) == [name]
    assert messages == []


def test_api_text_is_not_templated(load: LoadInventory, wire: Wire) -> None:
    account = {"id": HOSTILE, "name": HOSTILE}
    wire.zones(
        [zone_item(1, "example.com", account=account, plan={"legacy_id": HOSTILE}, type=HOSTILE, status=HOSTILE)]
    )
    found = load(compose={"copy": "account_name", "longer": "account_name ~ '!'"}, strict=True)
    host = found.hosts["example.com"]
    assert {name for name, value in host.items() if is_unsafe(value)} >= {"account_id", "account_name", "plan", "type"}
    templar = Templar(DataLoader(), variables=host)
    for name, expected in (("account_name", HOSTILE), ("plan", HOSTILE), ("copy", HOSTILE), ("longer", f"{HOSTILE}!")):
        assert templar.template(trust_template("{{ " + name + " }}")) == expected
    assert not any("{" in name or "(" in name for name in found.groups)


def test_usual_values_are_not_unsafe(load: LoadInventory, wire: Wire) -> None:
    wire.zones([zone_item(1, "example.com")])
    assert not any(map(is_unsafe, load().hosts["example.com"].values()))


def test_cache(load: LoadInventory, wire: Wire, cache_options: dict[str, t.Any], tmp_path: Path) -> None:
    zones = [zone_item(number, f"{number}.example") for number in (3, 1, 2)]
    wire.zones(zones)
    assert load(**cache_options) == load(**cache_options)
    assert list(load(**cache_options, api_token="other").hosts) == ["3.example", "1.example", "2.example"]
    (file,) = (tmp_path / "cache").iterdir()
    assert TOKEN not in file.read_text()


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ({"account_id": ACCOUNT_ID}, {"account.id": ACCOUNT_ID, "status": "active"}),
        ({"account_name": "x"}, {"account.name": "x", "status": "active"}),
        ({"name": "x"}, {"name": "x", "status": "active"}),
        ({"status": "all"}, {}),
    ],
    ids=str,
)
def test_cache_key_depends_on_the_options(
    load: LoadInventory,
    wire: Wire,
    cache_options: dict[str, t.Any],
    options: dict[str, t.Any],
    query: dict[str, str],
) -> None:
    wire.zones([zone_item(1, "example.com")])
    assert list(load(**cache_options).hosts) == ["example.com"]
    wire.zones([zone_item(2, "example.net")], query)
    for dummy in range(2):
        assert list(load(**cache_options, **options).hosts) == ["example.net"]


@pytest.mark.parametrize(
    "cached",
    [
        None,
        1,
        [],
        {},
        ["x"],
        [{}],
        [{"zone_id": zone_id(1), "zone": "example.com"}],
        [
            {
                **dict.fromkeys(("account_id", "account_name", "status", "type", "plan")),
                "zone_id": "x",
                "zone": "x.example",
            }
        ],
        [
            {
                **dict.fromkeys(("account_id", "account_name", "status", "type", "plan")),
                "zone_id": zone_id(1),
                "zone": None,
            }
        ],
        [
            {
                **dict.fromkeys(("account_id", "account_name", "status", "type")),
                "plan": 1,
                "zone_id": zone_id(1),
                "zone": "x",
            }
        ],
    ],
    ids=str,
)
def test_cache_with_other_content(
    load: LoadInventory, wire: Wire, cache_options: dict[str, t.Any], tmp_path: Path, cached: t.Any
) -> None:
    wire.zones([zone_item(1, "example.com")])
    load(**cache_options)
    (file,) = (tmp_path / "cache").iterdir()
    entry = json.loads(file.read_text())
    file.write_text(json.dumps({**entry, "__payload__": json.dumps(cached)} if "__payload__" in entry else cached))
    wire.zones([zone_item(2, "example.net")])
    assert list(load(**cache_options).hosts) == ["example.net"]


@pytest.mark.parametrize("file", ["cloudflare_zones.yml", "a.cloudflare_zones.yaml"])
def test_file_names(load: LoadInventory, wire: Wire, file: str) -> None:
    wire.zones([zone_item(1, "example.com")])
    assert list(load(file=file).hosts) == ["example.com"]


@pytest.mark.parametrize("file", ["zones.yml", "cloudflare_zones.json", "cloudflare_origins.yml"])
def test_other_file_names(load: LoadInventory, file: str) -> None:
    assert load(file=file).hosts == {}


def test_strict(parse_file: t.Callable[..., None], wire: Wire) -> None:
    wire.zones([zone_item(1, "example.com")])
    with pytest.raises(AnsibleError, match="example.com"):
        parse_file(api_token=TOKEN, strict=True, compose={"x": "nothing"})


def test_empty_page_without_counts(load: LoadInventory, wire: Wire) -> None:
    wire.zones_page(1, envelope([]))
    assert load().hosts == {}


def test_page_with_a_malformed_zone(get_error: t.Callable[..., str], wire: Wire) -> None:
    wire.zones_page(1, page_of_zones([zone_item(1), {"id": "x"}]))
    assert "expected a zone" in get_error(api_token=TOKEN)
