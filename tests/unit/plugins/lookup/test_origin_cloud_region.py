# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup origin_cloud_region, found by its name and run as a template runs it."""

from __future__ import annotations

import typing as t

import pytest
import requests
import yaml
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.lookup import origin_cloud_region
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    MAPPINGS,
    MODIFIED_ON,
    TOKEN,
    ZONE_ID,
    Clock,
    Wire,
    envelope,
    failed,
    mapping,
    mappings,
)

LookUp = t.Callable[..., list[t.Any]]


def causes(error: BaseException | None) -> t.Iterator[str]:
    """All that could be printed of an error and of what led to it."""
    while error:
        yield f"{error} {error!r}"
        error = error.__cause__ or error.__context__


@pytest.fixture
def error_of(look_up: LookUp) -> t.Callable[..., str]:
    def error_of(*terms: t.Any, **options: t.Any) -> str:
        with pytest.raises(AnsibleLookupError) as caught:
            look_up(*terms, **options)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        assert not any(TOKEN in text for text in causes(caught.value))
        return str(caught.value)

    return error_of


def test_one(look_up: LookUp, wire: Wire) -> None:
    wire.mapping("2001:db8::1")
    assert look_up("2001:DB8:0::1") == [
        {"origin_ip": "2001:db8::1", "vendor": "aws", "region": "us-east-1", "modified_on": MODIFIED_ON}
    ]


def test_one_mapping_for_each_term_in_their_order(look_up: LookUp, wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("2001:db8::1")])
    found = look_up("2001:DB8::1", "192.0.2.1", "2001:db8:0::1", "192.0.2.1")
    assert [item["origin_ip"] for item in found] == ["2001:db8::1", "192.0.2.1", "2001:db8::1", "192.0.2.1"]


def test_no_term_means_all(look_up: LookUp, wire: Wire) -> None:
    wire.zone(mappings(250))
    assert look_up() == mappings(250)


@pytest.mark.parametrize("default", ["no hint", None, False, {}, ["x"]], ids=repr)
def test_default_stands_in_for_a_missing_mapping(look_up: LookUp, wire: Wire, default: t.Any) -> None:
    wire.zone([mapping("192.0.2.2")])
    assert look_up("192.0.2.1", "192.0.2.2", "192.0.2.1", default=default) == [default, mapping("192.0.2.2"), default]


def test_missing_mapping_is_an_error_that_names_all(error_of: t.Callable[..., str], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.2")])
    assert error_of("2001:DB8::1", "192.0.2.2", "192.0.2.1", "2001:db8::1") == (
        f"The zone {ZONE_ID} has no mapping for 2001:db8::1, 192.0.2.1. With default=, that stands in its place."
    )


def test_no_such_zone_is_an_error_in_spite_of_default(error_of: t.Callable[..., str], wire: Wire) -> None:
    wire.get(f"{MAPPINGS}/192.0.2.1", failed(7003), status=404)
    assert "check zone_id" in error_of("192.0.2.1", default=None)


@pytest.mark.parametrize("term", ["", "010.0.0.1", "192.0.2.0/24", 10, None, ["192.0.2.1"], {"a": 1}], ids=repr)
def test_bad_term(error_of: t.Callable[..., str], term: t.Any) -> None:
    assert error_of("192.0.2.1", term).startswith(f"terms: not an IP address: {term!r}. ")


@pytest.mark.parametrize("name", ["defautl", "origin_ip", "token", "cloudflare_api_token"])
def test_unknown_keyword(error_of: t.Callable[..., str], name: str) -> None:
    told = error_of("192.0.2.1", **{name: "Secret-Part"})
    assert told.startswith(f"Unknown: {name}. The options are ")
    assert (
        "account_api_key, account_email, api_email, api_key, api_token, api_url, ca_path, default, max_wait, " in told
    )
    assert "Secret-Part" not in told


def test_terms_are_no_keyword(error_of: t.Callable[..., str]) -> None:
    assert error_of(_terms=["192.0.2.1"]).startswith("Unknown: _terms. The options are account_api_key, ")


def test_token_that_the_server_repeats(error_of: t.Callable[..., str], wire: Wire) -> None:
    wire.get(f"{MAPPINGS}/192.0.2.1", failed(4711, message=f"Bearer {TOKEN}"), status=400)
    assert "Bearer ********" in error_of("192.0.2.1")


def test_token_in_an_error_of_the_connection(error_of: t.Callable[..., str], wire: Wire) -> None:
    wire.get(f"{MAPPINGS}/192.0.2.1", requests.exceptions.InvalidHeader(f"Bearer {TOKEN}"))
    assert "Bearer ********" in error_of("192.0.2.1")


def test_each_wait_is_shown_before_it_begins(
    look_up: LookUp, wire: Wire, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    clock.before_sleep = lambda: shown.append(" ".join(capsys.readouterr().err.split()))
    Display()._warns.clear()
    for dummy in range(2):
        wire.get(f"{MAPPINGS}/192.0.2.1", failed(971), status=429, headers={"Retry-After": "60"})
    wire.mapping("192.0.2.1")
    look_up("192.0.2.1")
    assert len(shown) == 2
    assert all("[WARNING]: " in text and "60.0 seconds" in text and "HTTP 429" in text for text in shown)


def test_waits_of_two_calls_are_both_shown(
    look_up: LookUp, wire: Wire, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    Display()._warns.clear()
    for dummy in range(2):
        wire.get(f"{MAPPINGS}/192.0.2.1", failed(971), status=429, headers={"Retry-After": "60"})
        wire.mapping("192.0.2.1")
        look_up("192.0.2.1")
    assert capsys.readouterr().err.count("[WARNING]: ") == 2


def test_missing_tls_is_told_once(look_up: LookUp, wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    Display()._warns.clear()
    wire.api = "http://api.example.com"
    for dummy in range(2):
        wire.mapping("192.0.2.1")
        look_up("192.0.2.1", api_url=wire.api)
    assert capsys.readouterr().err.count("is not https") == 1


@pytest.mark.parametrize("closed_by", ["success", "failure"])
def test_one_session_for_all_terms_is_closed(
    look_up: LookUp, wire: Wire, monkeypatch: pytest.MonkeyPatch, closed: list[requests.Session], closed_by: str
) -> None:
    opened = []
    monkeypatch.setattr(
        requests.Session, "get_adapter", lambda session, url: opened.append(session) or requests.adapters.HTTPAdapter()
    )
    if closed_by == "success":
        wire.page(1, envelope([], result_info={"total_pages": 9, "total_count": 900}))
        wire.mapping("192.0.2.1")
        wire.mapping("192.0.2.2")
        look_up("192.0.2.1", "192.0.2.2")
    else:
        wire.page(1, failed(7003), status=404)
        with pytest.raises(AnsibleError):
            look_up("192.0.2.1", "192.0.2.2")
    assert closed == [opened[0]] and len(set(map(id, opened))) == 1


@pytest.mark.parametrize("library", ["requests", "netaddr"])
def test_missing_library(
    look_up: LookUp, without: t.Callable[[str], None], monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    without(library)
    monkeypatch.setattr(lookup_loader, "_module_cache", {})
    with pytest.raises(AnsibleLookupError, match=rf"Failed to import the required Python library \({library}\)"):
        look_up("192.0.2.1")


class TestTemplate:
    """Through Ansible's template engine, which adds options of its own."""

    @pytest.fixture
    def render(self) -> t.Callable[[str], t.Any]:
        def render(call: str) -> t.Any:
            import ansible.template

            variables = {"cloudflare_api_token": TOKEN, "cloudflare_zone_id": ZONE_ID}
            text = "{{ " + call + " }}"
            trusted = getattr(ansible.template, "trust_as_template", str)(text)
            return Templar(loader=DataLoader(), variables=variables).template(trusted)

        return render

    def test_query(self, render: t.Callable[[str], t.Any], wire: Wire) -> None:
        wire.mapping("192.0.2.1")
        assert render("query('edgecache.cloudflare.origin_cloud_region', '192.0.2.1')") == [mapping("192.0.2.1")]

    def test_lookup(self, render: t.Callable[[str], t.Any], wire: Wire) -> None:
        wire.mapping("192.0.2.1")
        assert render("lookup('edgecache.cloudflare.origin_cloud_region', '192.0.2.1').region") == "us-east-1"

    def test_errors_ignored(self, render: t.Callable[[str], t.Any], wire: Wire) -> None:
        wire.no_mapping("192.0.2.1")
        assert render("query('edgecache.cloudflare.origin_cloud_region', '192.0.2.1', errors='ignore')") == []

    def test_error(self, render: t.Callable[[str], t.Any], wire: Wire) -> None:
        wire.get(f"{MAPPINGS}/192.0.2.1", failed(10000, message=TOKEN), status=403)
        with pytest.raises(AnsibleError, match="check api_token") as caught:
            render("lookup('edgecache.cloudflare.origin_cloud_region', '192.0.2.1')")
        assert not any(TOKEN in text for text in causes(caught.value))


def test_loop_with_the_lookup(look_up: LookUp, wire: Wire) -> None:
    """``with_edgecache.cloudflare.origin_cloud_region``: up to ansible-core 2.18 it hands ``wantlist`` to the plugin."""
    wire.mapping("192.0.2.1")
    assert look_up("192.0.2.1", wantlist=True) == [mapping("192.0.2.1")]


def test_result_is_as_documented(look_up: LookUp, wire: Wire) -> None:
    wire.mapping("192.0.2.1")
    (found,) = look_up("192.0.2.1")
    assert list(yaml.safe_load(origin_cloud_region.RETURN)["_raw"]["contains"]) == list(found)


def test_short_name_with_the_collection_searched(wire: Wire) -> None:
    plugin = lookup_loader.get(
        "origin_cloud_region",
        loader=DataLoader(),
        templar=Templar(loader=DataLoader()),
        collection_list=["edgecache.cloudflare"],
    )
    wire.mapping("192.0.2.1")
    assert plugin.run(["192.0.2.1"], variables={}, api_token=TOKEN, zone_id=ZONE_ID) == [mapping("192.0.2.1")]
