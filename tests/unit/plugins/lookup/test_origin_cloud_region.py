# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup origin_cloud_region, loaded by its name and called as in a template."""

from __future__ import annotations

import concurrent.futures
import threading
import time
import types
import typing as t
from pathlib import Path

import pytest
import requests
import yaml
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.plugins.lookup import origin_cloud_region
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils import _cache
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    API_URL,
    KEY,
    MAPPINGS_PATH,
    MODIFIED_ON,
    OTHER_ZONE_ID,
    TOKEN,
    ZONE_ID,
    ZONE_NAME,
    FakeClock,
    FakeZone,
    Wire,
    address,
    envelope,
    error_envelope,
    mapping,
    mappings,
)

Lookup = t.Callable[..., list[t.Any]]


def iter_error_texts(error: BaseException | None) -> t.Iterator[str]:
    """Yield all texts that could be printed of an error and of its causes."""
    while error:
        yield f"{error} {error!r}"
        error = error.__cause__ or error.__context__


@pytest.fixture
def get_error(look_up: Lookup) -> t.Callable[..., str]:
    def get_error(*terms: t.Any, **options: t.Any) -> str:
        with pytest.raises(AnsibleLookupError) as caught:
            look_up(*terms, **options)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        assert not any(TOKEN in text for text in iter_error_texts(caught.value))
        return str(caught.value)

    return get_error


def test_one_mapping(look_up: Lookup, wire: Wire) -> None:
    wire.mapping("2001:db8::1")
    assert look_up("2001:DB8:0::1") == [
        {"origin_ip": "2001:db8::1", "vendor": "aws", "region": "us-east-1", "modified_on": MODIFIED_ON}
    ]


def test_one_mapping_for_each_term_in_their_order(look_up: Lookup, wire: Wire) -> None:
    wire.zone([mapping("192.0.2.1"), mapping("2001:db8::1")])
    found = look_up("2001:DB8::1", "192.0.2.1", "2001:db8:0::1", "192.0.2.1")
    assert [item["origin_ip"] for item in found] == ["2001:db8::1", "192.0.2.1", "2001:db8::1", "192.0.2.1"]


def test_no_term_returns_all(look_up: Lookup, wire: Wire) -> None:
    wire.zone(mappings(250))
    assert look_up() == mappings(250)


@pytest.mark.parametrize("default", ["no hint", None, False, {}, ["x"]], ids=repr)
def test_default_for_a_missing_mapping(look_up: Lookup, wire: Wire, default: t.Any) -> None:
    wire.zone([mapping("192.0.2.2")])
    assert look_up("192.0.2.1", "192.0.2.2", "192.0.2.1", default=default) == [default, mapping("192.0.2.2"), default]


def test_missing_mappings_are_listed_in_the_error(get_error: t.Callable[..., str], wire: Wire) -> None:
    wire.zone([mapping("192.0.2.2")])
    assert get_error("2001:DB8::1", "192.0.2.2", "192.0.2.1", "2001:db8::1") == (
        f"The zone {ZONE_ID} has no mapping for 2001:db8::1, 192.0.2.1. Set default= to return a value instead."
    )


def test_unknown_zone_fails_despite_default(get_error: t.Callable[..., str], wire: Wire) -> None:
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(7003), status=404)
    assert "check zone_id" in get_error("192.0.2.1", default=None)


@pytest.mark.parametrize("term", ["", "010.0.0.1", "192.0.2.0/24", 10, None, ["192.0.2.1"], {"a": 1}], ids=repr)
def test_invalid_term(get_error: t.Callable[..., str], term: t.Any) -> None:
    assert get_error("192.0.2.1", term).startswith(f"terms: not an IP address: {term!r}. ")


@pytest.mark.parametrize("name", ["defautl", "origin_ip", "token", "cloudflare_api_token"])
def test_unknown_keyword(get_error: t.Callable[..., str], name: str) -> None:
    message = get_error("192.0.2.1", **{name: "Secret-Part"})
    assert message.startswith(f"Unknown option: {name}. The options are ")
    assert (
        "account_api_key, account_email, api_email, api_key, api_token, api_url, ca_path, cache, cache_ttl, " in message
    )
    assert "Secret-Part" not in message


def test_terms_are_not_a_keyword(get_error: t.Callable[..., str]) -> None:
    assert get_error(_terms=["192.0.2.1"]).startswith("Unknown option: _terms. The options are account_api_key, ")


def test_token_echoed_by_the_server(get_error: t.Callable[..., str], wire: Wire) -> None:
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(4711, message=f"Bearer {TOKEN}"), status=400)
    assert "Bearer ********" in get_error("192.0.2.1")


def test_token_in_a_connection_error(get_error: t.Callable[..., str], wire: Wire) -> None:
    wire.get(f"{MAPPINGS_PATH}/192.0.2.1", requests.exceptions.InvalidHeader(f"Bearer {TOKEN}"))
    assert "Bearer ********" in get_error("192.0.2.1")


def test_each_wait_is_announced(
    look_up: Lookup, wire: Wire, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[str] = []
    clock.before_sleep = lambda: shown.append(" ".join(capsys.readouterr().err.split()))
    Display()._warns.clear()
    for dummy in range(2):
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(971), status=429, headers={"Retry-After": "60"})
    wire.mapping("192.0.2.1")
    look_up("192.0.2.1")
    assert len(shown) == 2
    assert all("[WARNING]: " in text and "60.0 seconds" in text and "HTTP 429" in text for text in shown)


def test_waits_of_two_calls_are_announced(
    look_up: Lookup, wire: Wire, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    Display()._warns.clear()
    for dummy in range(2):
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(971), status=429, headers={"Retry-After": "60"})
        wire.mapping("192.0.2.1")
        look_up("192.0.2.1", cache=False)
    assert capsys.readouterr().err.count("[WARNING]: ") == 2


def test_plain_http_warns_once(look_up: Lookup, wire: Wire, capsys: pytest.CaptureFixture[str]) -> None:
    Display()._warns.clear()
    wire.api = "http://api.example.com"
    for dummy in range(2):
        wire.mapping("192.0.2.1")
        look_up("192.0.2.1", api_url=wire.api, cache=False)
    assert capsys.readouterr().err.count("does not use https") == 1


@pytest.mark.parametrize("closed_by", ["success", "failure"])
def test_one_session_for_all_terms_is_closed(
    look_up: Lookup,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    closed_sessions: list[requests.Session],
    closed_by: str,
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
        wire.page(1, error_envelope(7003), status=404)
        with pytest.raises(AnsibleError):
            look_up("192.0.2.1", "192.0.2.2")
    assert closed_sessions == [opened[0]] and len(set(map(id, opened))) == 1


@pytest.mark.parametrize("library", ["requests", "netaddr"])
def test_missing_library(
    look_up: Lookup, hide_library: t.Callable[[str], None], monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    hide_library(library)
    monkeypatch.setattr(lookup_loader, "_module_cache", {})
    with pytest.raises(AnsibleLookupError, match=rf"Failed to import the required Python library \({library}\)"):
        look_up("192.0.2.1")


class TestTemplate:
    """With Ansible's template engine, which adds its own options."""

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
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", error_envelope(10000, message=TOKEN), status=403)
        with pytest.raises(AnsibleError, match="check api_token") as caught:
            render("lookup('edgecache.cloudflare.origin_cloud_region', '192.0.2.1')")
        assert not any(TOKEN in text for text in iter_error_texts(caught.value))


def test_loop_with_the_lookup(look_up: Lookup, wire: Wire) -> None:
    """``with_edgecache.cloudflare.origin_cloud_region`` passes ``wantlist`` to the plugin up to ansible-core 2.18."""
    wire.mapping("192.0.2.1")
    assert look_up("192.0.2.1", wantlist=True) == [mapping("192.0.2.1")]


def test_result_is_as_documented(look_up: Lookup, wire: Wire) -> None:
    wire.mapping("192.0.2.1")
    (found,) = look_up("192.0.2.1")
    assert list(yaml.safe_load(origin_cloud_region.RETURN)["_raw"]["contains"]) == list(found)


def test_short_name_with_collections_keyword(wire: Wire) -> None:
    plugin = lookup_loader.get(
        "origin_cloud_region",
        loader=DataLoader(),
        templar=Templar(loader=DataLoader()),
        collection_list=["edgecache.cloudflare"],
    )
    wire.mapping("192.0.2.1")
    assert plugin.run(["192.0.2.1"], variables={}, api_token=TOKEN, zone_id=ZONE_ID) == [mapping("192.0.2.1")]


class TestCache:
    """The cache of a run."""

    @pytest.fixture(autouse=True)
    def zone(self, zone: FakeZone) -> FakeZone:
        zone.items = mappings(250)
        return zone

    @pytest.mark.parametrize(
        ("question", "cost"),
        [([address(1)], 1), (["192.0.2.1"], 1), ([address(1), address(240)], 2), ([], 3)],
        ids=["one", "one without a mapping", "several", "all"],
    )
    def test_repeated_lookup_is_free(self, look_up: Lookup, zone: FakeZone, question: list[str], cost: int) -> None:
        options = {"default": "none"} if question else {}
        first = look_up(*question, **options)
        for dummy in range(3):
            assert look_up(*question, **options) == first
        assert len(zone.requested) == cost

    def test_other_spelling_is_free(self, look_up: Lookup, zone: FakeZone) -> None:
        look_up(address(1))
        look_up(" 2001:DB8:0::1:0001 ")
        assert zone.requested == [address(1)]

    def test_missing_mapping_is_cached(self, get_error: t.Callable[..., str], zone: FakeZone) -> None:
        message = get_error("192.0.2.1")
        assert get_error("192.0.2.1") == message
        assert f"The zone {ZONE_ID} has no mapping for 192.0.2.1." in message
        assert zone.requested == ["192.0.2.1"]

    def test_many_lookups_cost_at_most_twice_the_pages(self, look_up: Lookup, zone: FakeZone) -> None:
        for number in range(0, 250, 5):
            assert look_up(address(number)) == [mapping(address(number))]
            assert len(zone.requested) <= 2 * min(number // 5 + 1, 3)

    @pytest.mark.parametrize("more", [[address(60)], ["192.0.2.1"], []], ids=["next", "unmapped", "all"])
    def test_60_addresses_of_one_page_cost_2(self, look_up: Lookup, zone: FakeZone, more: list[str]) -> None:
        zone.items = mappings(61)
        for number in range(60):
            look_up(address(number))
        look_up(*more, **({"default": None} if more else {}))
        assert len(zone.requested) == 2

    @pytest.mark.parametrize(
        "other",
        [
            {"api_token": TOKEN[::-1]},
            {"api_token": TOKEN + "x"},
            {"api_token": None, "api_email": "user@example.com", "api_key": KEY},
            {"zone_id": OTHER_ZONE_ID},
            {"zone_id": None, "zone": ZONE_NAME},
            {"api_url": "https://api.example.com/client/v4"},
            {"api_url": API_URL.replace("v4", "v5")},
            {"validate_certs": False},
            {"ca_path": "/"},
        ],
        ids=" ".join,
    )
    def test_entry_for_each_zone_and_credential(
        self, look_up_bare: Lookup, zone: FakeZone, other: dict[str, t.Any]
    ) -> None:
        one: dict[str, t.Any] = {"api_token": TOKEN, "zone_id": ZONE_ID}
        another = {name: value for name, value in {**one, **other}.items() if value is not None}
        look_up_bare(address(1), **one)
        zone.items = [mapping(address(1), vendor="gcp")]
        for dummy in range(2):
            assert look_up_bare(address(1), **another)[0]["vendor"] == "gcp"
            assert look_up_bare(address(1), **one)[0]["vendor"] == "aws"
        assert zone.requested.count(address(1)) == 2

    def test_entry_for_each_account_key(self, look_up_bare: Lookup, zone: FakeZone) -> None:
        for email in ("one@example.com", "two@example.com"):
            look_up_bare(address(1), zone_id=ZONE_ID, api_email=email, api_key=KEY)
        assert zone.requested == [address(1)] * 2

    def test_entry_is_independent_of_option_sources(
        self, look_up_bare: Lookup, zone: FakeZone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        look_up_bare(address(1), api_token=TOKEN, zone_id=ZONE_ID)
        monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
        look_up_bare(address(1), zone_id=ZONE_ID)
        look_up_bare(address(1), variables={"cloudflare_zone_id": ZONE_ID}, timeout=7, max_wait=0)
        assert zone.requested == [address(1)]

    def test_zone_by_name_is_looked_up_once(self, look_up_bare: Lookup, zone: FakeZone) -> None:
        for question in ([address(1)], [address(1)], [address(2)], [address(240)], []):
            look_up_bare(*question, api_token=TOKEN, zone=ZONE_NAME)
        assert zone.requested.count(ZONE_NAME) == 1
        assert len(zone.requested) <= 1 + 2 * 3

    def test_error_is_not_cached(self, look_up: Lookup, get_error: t.Callable[..., str], zone: FakeZone) -> None:
        zone.before = lambda requested: (403, {}, error_envelope(10000))
        for question in ([address(1)], [address(1), address(2)], []):
            assert "check api_token" in get_error(*question)
        zone.before = lambda requested: None
        assert look_up(address(1)) == [mapping(address(1))]
        assert look_up() == mappings(250)

    @pytest.mark.parametrize(
        "options",
        [
            {"cache": False},
            {"cache": "no"},
            {"variables": {"cloudflare_cache": False}},
            {"cache_ttl": 0},
            {"cache_ttl": "0.0"},
            {"variables": {"cloudflare_cache_ttl": 0}},
        ],
        ids=str,
    )
    def test_cache_false(self, look_up: Lookup, zone: FakeZone, options: dict[str, t.Any]) -> None:
        look_up(address(1))
        zone.items = [mapping(address(1), vendor="gcp")]
        for dummy in range(2):
            assert look_up(address(1), **options)[0]["vendor"] == "gcp"
        assert zone.requested == [address(1)] * 3

    def test_cache_false_writes_no_file(self, look_up: Lookup, tmp_path: Path) -> None:
        look_up(address(1), cache=False)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("ttl", [-1, -0.001, 86_401, float("nan"), float("inf"), -float("inf")])
    @pytest.mark.parametrize("cache", [True, False])
    def test_invalid_ttl(self, get_error: t.Callable[..., str], zone: FakeZone, ttl: float, cache: bool) -> None:
        assert get_error(address(1), cache_ttl=ttl, cache=cache).startswith("cache_ttl: ")
        assert zone.requested == []

    @pytest.mark.parametrize("option", ["timeout", "max_wait"])
    def test_invalid_option_fails_despite_cache(
        self, look_up: Lookup, get_error: t.Callable[..., str], option: str
    ) -> None:
        look_up(address(1))
        assert get_error(address(1), **{option: -1}).startswith(f"{option}: ")

    @pytest.mark.parametrize(
        ("seconds", "ttl", "cost"),
        [(299.0, None, 1), (300.0, None, 2), (-1.0, None, 2), (6.0, 7, 1), (7.0, 7, 2), (86_399.0, 86_400, 1)],
    )
    def test_entry_expires(
        self,
        look_up: Lookup,
        zone: FakeZone,
        monkeypatch: pytest.MonkeyPatch,
        seconds: float,
        ttl: float | None,
        cost: int,
    ) -> None:
        options = {} if ttl is None else {"cache_ttl": ttl}
        for now in (1_800_000_000.0, 1_800_000_000.0 + seconds):
            monkeypatch.setattr(_cache, "time", types.SimpleNamespace(monotonic=lambda now=now: now))
            look_up(address(1), **options)
        assert zone.requested == [address(1)] * cost

    def test_results_are_copies(self, look_up: Lookup) -> None:
        for question in ([address(1)], [address(1), address(2)], []):
            for dummy in range(2):
                for item in look_up(*question):
                    assert item["vendor"] == "aws" and len(item) == 4
                    item.update(vendor="changed", more=1)
                    del item["region"]

    def test_results_of_two_spellings_are_copies(self, look_up: Lookup) -> None:
        one, other = look_up(address(1), address(1).upper())
        one["vendor"] = "changed"
        assert other["vendor"] == "aws"

    def test_concurrent_write_invalidates(self, look_up: Lookup, zone: FakeZone) -> None:
        def before(requested: t.Any) -> tuple[int, dict[str, str], t.Any]:
            # another process writes before the answer arrives
            answer, zone.items = zone.items, [mapping(address(1), vendor="gcp")]
            _cache.invalidate()
            zone.before = lambda requested: None
            return 200, {}, envelope(answer[1])

        zone.before = before
        assert look_up(address(1))[0]["vendor"] == "aws"
        assert look_up(address(1))[0]["vendor"] == "gcp"
        assert look_up(address(1))[0]["vendor"] == "gcp"
        assert zone.requested == [address(1)] * 2

    def test_write_invalidates(self, look_up: Lookup, zone: FakeZone) -> None:
        look_up()
        zone.items = [mapping(address(1), vendor="gcp")]
        _cache.invalidate()
        assert look_up() == zone.items
        assert look_up(address(2), default=None) == [None]

    @pytest.mark.parametrize(
        "credential", [{"api_token": TOKEN}, {"api_email": "user@example.com", "api_key": KEY}], ids=len
    )
    @pytest.mark.parametrize("by", [{"zone_id": ZONE_ID}, {"zone": ZONE_NAME}], ids=str)
    def test_credential_is_not_cached(
        self, look_up_bare: Lookup, zone: FakeZone, tmp_path: Path, credential: dict[str, str], by: dict[str, str]
    ) -> None:
        """Even if the server echoes it."""
        secret = [*credential.values()][-1]
        zone.items += [{**mapping("192.0.2.1", region=secret), "modified_on": secret, secret: secret}]
        for question in (["192.0.2.1"], ["192.0.2.1", "192.0.2.2"], []):
            look_up_bare(*question, **credential, **by, **({"default": secret} if question else {}))
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert len(files) == 2
        for file in files:
            text = file.name.encode() + file.read_bytes()
            assert not any(value.encode() in text for value in credential.values())

    @pytest.mark.parametrize("folder", ["missing", "a file/folder"])
    def test_unwritable_folder(
        self, look_up: Lookup, zone: FakeZone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
    ) -> None:
        (tmp_path / "a file").touch()
        monkeypatch.setattr(_cache.C, "DEFAULT_LOCAL_TMP", str(tmp_path / folder))
        for dummy in range(2):
            assert look_up(address(1)) == [mapping(address(1))]
        assert zone.requested == [address(1)] * 2

    def test_another_lookup_reads_the_zone_first(
        self, look_up: Lookup, zone: FakeZone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock = _cache.RunCache.lock

        def lock_after_another_lookup(cache: _cache.RunCache) -> t.ContextManager[None]:
            monkeypatch.setattr(_cache.RunCache, "lock", lock)
            look_up(address(1))
            return lock(cache)

        monkeypatch.setattr(_cache.RunCache, "lock", lock_after_another_lookup)
        assert look_up(address(1)) == [mapping(address(1))]
        assert zone.requested == [address(1)]

    def test_waiting_lookups_share_a_failure(self, look_up: Lookup, zone: FakeZone) -> None:
        requested, answer = threading.Event(), threading.Event()

        def before(one: t.Any) -> tuple[int, dict[str, str], t.Any]:
            requested.set()
            assert answer.wait(10)
            return 403, {}, error_envelope(10000, message=f"for {one}")

        zone.before = before
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            first = pool.submit(look_up, address(1))
            assert requested.wait(10)
            others = [pool.submit(look_up, address(2)), pool.submit(look_up)]
            concurrent.futures.wait(others, 0.3)
            answer.set()
            messages = {str(one.exception(10)) for one in [first, *others]}
        assert len(messages) == 1 and f"for {address(1)}" in messages.pop()
        assert zone.requested == [address(1)]
        with pytest.raises(AnsibleLookupError, match=f"for {address(2)}"):
            look_up(address(2))

    @pytest.mark.parametrize(("max_wait", "requested"), [(0, 1), (5, 1), (6, 2)])
    def test_failure_with_a_shorter_max_wait_is_not_shared(
        self, look_up: Lookup, zone: FakeZone, monkeypatch: pytest.MonkeyPatch, max_wait: float, requested: int
    ) -> None:
        """The clock of the recorded failure is ahead, so that the second lookup does not need to wait for the first."""
        zone.before = lambda one: (403, {}, error_envelope(10000))
        with monkeypatch.context() as patch:
            patch.setattr(_cache, "time", types.SimpleNamespace(monotonic=lambda: time.monotonic() + 60))
            with pytest.raises(AnsibleLookupError):
                look_up(address(1), max_wait=5)
        with pytest.raises(AnsibleLookupError):
            look_up(address(1), max_wait=max_wait)
        assert len(zone.requested) == requested

    @pytest.mark.parametrize(
        "content", ["", "[]", "{}", "7", "[1e99, 1e99]", '["x", "y", "z"]', "[1e99, 1e99, 5]", "[" * 100_000, "\ud800"]
    )
    def test_invalid_failure_file(self, look_up: Lookup, zone: FakeZone, tmp_path: Path, content: str) -> None:
        look_up(address(1))
        (entry,) = (path for path in tmp_path.iterdir() if path.name.endswith(".lock"))
        entry.with_suffix(".failed").write_bytes(content.encode(errors="surrogatepass"))
        assert look_up(address(2)) == [mapping(address(2))]

    @pytest.mark.parametrize("ttl", [0, 300])
    def test_no_lock_without_caching(
        self, look_up: Lookup, zone: FakeZone, monkeypatch: pytest.MonkeyPatch, ttl: float
    ) -> None:
        if ttl:
            _cache.disable_for_run()
        monkeypatch.delattr(_cache.RunCache, "lock")
        for dummy in range(2):
            assert look_up(address(1), cache_ttl=ttl) == [mapping(address(1))]
        assert zone.requested == [address(1)] * 2

    def test_rate_limit_is_waited_for_once(self, look_up: Lookup, zone: FakeZone, clock: FakeClock) -> None:
        zone.before = lambda requested: (429, {"Retry-After": "300"}, error_envelope(971)) if clock.now < 300 else None
        for dummy in range(10):
            assert look_up(address(1)) == [mapping(address(1))]
        assert clock.pauses == [300.0]
        assert zone.requested == [address(1)] * 2

    @pytest.mark.parametrize("ended_by", ["error", "success"])
    def test_threads_end(self, look_up: Lookup, zone: FakeZone, ended_by: str) -> None:
        before = threading.enumerate()
        zone.items = mappings(3_500)
        if ended_by == "error":
            zone.before = lambda requested: (403, {}, error_envelope(10000)) if requested == 20 else None
            with pytest.raises(AnsibleLookupError, match="check api_token"):
                look_up()
        else:
            assert look_up() == mappings(3_500)
        assert threading.enumerate() == before

    def test_invalid_entry_is_read_again(self, look_up: Lookup, zone: FakeZone, tmp_path: Path) -> None:
        look_up(address(1))
        for file in filter(Path.is_file, tmp_path.iterdir()):
            file.write_bytes(file.read_bytes()[:-5])
        assert look_up(address(1)) == [mapping(address(1))]
        assert zone.requested == [address(1)] * 2
