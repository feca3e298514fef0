# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shared options, tested with a real module: credential, zone, URL of the API, limits."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.module_utils import basic
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    API_URL,
    KEY,
    MAPPINGS_PATH,
    OTHER_ZONE_ID,
    TOKEN,
    UNRECOGNIZED_SECRET,
    ZONE_ID,
    Wire,
    envelope,
    error_envelope,
    mapping,
)

RunModule = t.Callable[..., dict[str, t.Any]]

EMAIL = "user@example.com"
TOKEN_HEADERS = {"Authorization": f"Bearer {TOKEN}"}
KEY_HEADERS = {"X-Auth-Email": EMAIL, "X-Auth-Key": KEY}
TOKEN_NAMES = "api_token (CLOUDFLARE_API_TOKEN or CLOUDFLARE_TOKEN in the environment)"
EMAIL_NAMES = "api_email (CLOUDFLARE_EMAIL in the environment)"
KEY_NAMES = "api_key (CLOUDFLARE_API_KEY in the environment)"


def set_environment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


class TestCredential:
    @pytest.mark.parametrize(
        ("options", "environment", "sent"),
        [
            ({"api_token": TOKEN}, {}, TOKEN_HEADERS),
            ({"api_email": EMAIL, "api_key": KEY}, {}, KEY_HEADERS),
            ({"account_email": EMAIL, "account_api_key": KEY}, {}, KEY_HEADERS),
            ({}, {"CLOUDFLARE_API_TOKEN": TOKEN}, TOKEN_HEADERS),
            ({}, {"CLOUDFLARE_TOKEN": TOKEN}, TOKEN_HEADERS),
            ({}, {"CLOUDFLARE_API_TOKEN": TOKEN, "CLOUDFLARE_TOKEN": "other"}, TOKEN_HEADERS),
            ({}, {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_TOKEN": TOKEN}, TOKEN_HEADERS),
            ({}, {"CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY}, KEY_HEADERS),
            ({}, {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY}, KEY_HEADERS),
            ({}, {"CLOUDFLARE_TOKEN": TOKEN, "CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY}, TOKEN_HEADERS),
            ({}, {"CLOUDFLARE_TOKEN": TOKEN, "CLOUDFLARE_EMAIL": EMAIL}, TOKEN_HEADERS),
            ({"api_token": TOKEN}, {"CLOUDFLARE_API_TOKEN": "other", "CLOUDFLARE_EMAIL": EMAIL}, TOKEN_HEADERS),
            ({"api_token": TOKEN}, {"CLOUDFLARE_EMAIL": EMAIL, "CLOUDFLARE_API_KEY": KEY}, TOKEN_HEADERS),
            ({"api_email": EMAIL, "api_key": KEY}, {"CLOUDFLARE_API_TOKEN": "other"}, KEY_HEADERS),
            ({"api_email": EMAIL, "api_key": KEY}, {"CLOUDFLARE_EMAIL": "x@example.com"}, KEY_HEADERS),
        ],
    )
    def test_sent(
        self,
        run_bare: RunModule,
        wire: Wire,
        monkeypatch: pytest.MonkeyPatch,
        options: dict[str, str],
        environment: dict[str, str],
        sent: dict[str, str],
    ) -> None:
        set_environment(monkeypatch, environment)
        wire.headers = sent
        wire.mapping("192.0.2.1")
        run_bare(origin_ip="192.0.2.1", zone_id=ZONE_ID, **options)
        (request,) = wire.requests
        assert {"Authorization", "X-Auth-Email", "X-Auth-Key"} & set(request.headers) == set(sent)

    @pytest.mark.parametrize(
        ("options", "environment", "message"),
        [
            ({}, {}, f"No credential is set. Set {TOKEN_NAMES}, or {EMAIL_NAMES} and {KEY_NAMES}."),
            ({}, {"CLOUDFLARE_API_TOKEN": "", "CLOUDFLARE_EMAIL": ""}, "No credential is set. "),
            ({"api_email": EMAIL}, {}, f"{KEY_NAMES} is missing: api_email and api_key must be set together."),
            ({"api_key": KEY}, {}, f"{EMAIL_NAMES} is missing: api_email and api_key must be set together."),
            ({"api_key": KEY}, {"CLOUDFLARE_EMAIL": EMAIL}, f"{EMAIL_NAMES} is missing: "),
            (
                {"api_email": EMAIL},
                {"CLOUDFLARE_API_KEY": KEY, "CLOUDFLARE_TOKEN": TOKEN},
                f"{KEY_NAMES} is missing: ",
            ),
            ({}, {"CLOUDFLARE_EMAIL": EMAIL}, f"{KEY_NAMES} is missing: "),
            ({}, {"CLOUDFLARE_API_KEY": KEY}, f"{EMAIL_NAMES} is missing: "),
            ({"api_token": TOKEN, "api_key": KEY}, {}, "api_token cannot be combined with api_email and api_key. "),
            ({"api_token": TOKEN, "api_email": EMAIL}, {}, "api_token cannot be combined with api_email and api_key. "),
            (
                {"api_token": TOKEN, "api_email": EMAIL, "api_key": KEY},
                {},
                "api_token cannot be combined with api_email and api_key. ",
            ),
            (
                {"api_token": ""},
                {"CLOUDFLARE_API_TOKEN": TOKEN},
                f"{TOKEN_NAMES} is empty, or contains a blank, a line break",
            ),
            ({"api_email": "", "api_key": KEY}, {}, f"{EMAIL_NAMES} is empty"),
            ({"api_email": EMAIL, "api_key": ""}, {}, f"{KEY_NAMES} is empty"),
        ],
    )
    def test_invalid_before_any_request(
        self,
        run_bare: RunModule,
        monkeypatch: pytest.MonkeyPatch,
        options: dict[str, str],
        environment: dict[str, str],
        message: str,
    ) -> None:
        set_environment(monkeypatch, environment)
        result = run_bare(zone_id=ZONE_ID, **options)
        assert result["msg"].startswith(message)
        assert result["failure"] == {"status": None, "code": None, "message": result["msg"], "errors": []}

    @pytest.mark.parametrize(
        "bad",
        ["\n{}", "{}\n", "{}\r\nX-Evil: 1", "{} ", "{}\t", "{}\x01", "{}\x7f", "{}\x1b[1m", "{}é", "{}\u2028", "{}１"],
    )
    @pytest.mark.parametrize("option", ["api_token", "api_key", "api_email"])
    @pytest.mark.parametrize("source", ["option", "environment"])
    def test_invalid_header_value_is_hidden(
        self, run_bare: RunModule, monkeypatch: pytest.MonkeyPatch, option: str, bad: str, source: str
    ) -> None:
        given = {} if option == "api_token" else {"api_email": EMAIL, "api_key": KEY}
        given[option] = bad.format("Secret-Part")
        if source == "environment":
            names = {
                "api_token": "CLOUDFLARE_API_TOKEN",
                "api_email": "CLOUDFLARE_EMAIL",
                "api_key": "CLOUDFLARE_API_KEY",
            }
            set_environment(monkeypatch, {names[name]: value for name, value in given.items()})
            given = {}
        result = run_bare(zone_id=ZONE_ID, **given)
        assert result["msg"].startswith(f"{option} (CLOUDFLARE_")
        assert "The value is not shown." in result["msg"]
        assert "Secret-Part" not in str(result)

    def test_message_lists_the_sources_of_modules(self, run_bare: RunModule) -> None:
        message = run_bare(zone_id=ZONE_ID)["msg"]
        assert "Variables such as cloudflare_api_token are only for lookups and inventories" in message
        assert "module_defaults" in message and "ansible.cfg" not in message

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (
                [UNRECOGNIZED_SECRET],
                "a list. The value is not shown. query() returns a list: use lookup(), as in lookup(",
            ),
            ([[{"a": UNRECOGNIZED_SECRET}]], "a list. "),
            ({"a": UNRECOGNIZED_SECRET}, "a dictionary. The value is not shown."),
            ({UNRECOGNIZED_SECRET: None}, "a dictionary. "),
            (17, "a number. The value is not shown. Write it in quotes."),
            (1.5, "a number. "),
            (True, "a boolean. "),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("option", ["api_token", "api_key", "account_api_key", "api_email", "account_email"])
    def test_wrong_type(self, run_bare: RunModule, option: str, value: t.Any, kind: str) -> None:
        result = run_bare(zone_id=ZONE_ID, **{option: value})
        assert result["msg"].startswith(f"{option} must be a string, but is {kind}")

    @pytest.mark.parametrize("more", [{}, {"state": "x"}, {"timeout": "soon"}], ids=str)
    def test_wrong_types_with_other_errors(self, run_bare: RunModule, more: dict[str, str]) -> None:
        """Ansible reports its own errors before the module validates options."""
        given = {
            "api_token": {UNRECOGNIZED_SECRET: [UNRECOGNIZED_SECRET]},
            "account_api_key": {UNRECOGNIZED_SECRET: None},
        }
        assert run_bare(zone_id=ZONE_ID, **given, **more)["failed"]

    @pytest.mark.parametrize("email", [KEY, UNRECOGNIZED_SECRET, TOKEN, f"user@example.com {KEY}"])
    @pytest.mark.parametrize("option", ["api_email", "account_email", "environment"])
    def test_key_in_the_email(
        self, run_bare: RunModule, monkeypatch: pytest.MonkeyPatch, option: str, email: str
    ) -> None:
        given = {option: email, "api_key": "key-of-the-test"}
        if option == "environment":
            set_environment(monkeypatch, {"CLOUDFLARE_EMAIL": email, "CLOUDFLARE_API_KEY": "key-of-the-test"})
            given = {}
        message = run_bare(zone_id=ZONE_ID, **given)["msg"]
        assert "_email" in message and "not shown" in message


class TestMisplacedCredential:
    """A credential in an option for another purpose."""

    @pytest.mark.parametrize("credential", [TOKEN, KEY, "cfut_0123456789-Token-of-the-test-0123456789abcdef"])
    @pytest.mark.parametrize("option", ["zone_id", "zone", "api_url", "ca_path", "origin_ip"])
    def test_known_form(self, run_bare: RunModule, option: str, credential: str) -> None:
        result = run_bare(api_token="x", **{option: f" {credential}\n"})
        assert result["msg"] == (
            f"{option}: the value contains a credential, and is not shown. Use api_token for a token, "
            "and api_key for a global API key."
        )
        assert credential not in str(result)

    @pytest.mark.parametrize("option", ["zone_id", "zone", "ca_path", "api_url"])
    def test_credential_of_the_same_task(
        self, run_bare: RunModule, monkeypatch: pytest.MonkeyPatch, option: str
    ) -> None:
        monkeypatch.setenv("CLOUDFLARE_TOKEN", "known-by-the-task")
        assert run_bare(**{option: "known-by-the-task"})["msg"].startswith(
            f"{option}: the value contains a credential, "
        )

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (
                {"zone_id": UNRECOGNIZED_SECRET},
                "zone_id: (not shown, since it may be a credential) is not a valid zone id",
            ),
            (
                {"zone": UNRECOGNIZED_SECRET},
                "zone: (not shown, since it may be a credential) is not a valid domain name.",
            ),
            ({"zone": f"{UNRECOGNIZED_SECRET}@x"}, "zone: (not shown, "),
            ({"zone": f"https://user:{UNRECOGNIZED_SECRET[:9]}@example.com"}, "zone: (not shown, "),
            (
                {"origin_ip": [UNRECOGNIZED_SECRET]},
                "origin_ip: not an IP address: (not shown, since it may be a credential). Each",
            ),
            ({"origin_ip": {UNRECOGNIZED_SECRET: UNRECOGNIZED_SECRET}}, ""),
            ({"timeout": UNRECOGNIZED_SECRET}, ""),
            ({"max_wait": [UNRECOGNIZED_SECRET]}, ""),
            ({"validate_certs": UNRECOGNIZED_SECRET}, ""),
            ({"validate_certs": {UNRECOGNIZED_SECRET: 1}}, ""),
            ({"ca_path": UNRECOGNIZED_SECRET}, "ca_path: (not shown, since it may be a credential) does not exist."),
            ({"api_url": UNRECOGNIZED_SECRET}, "api_url "),
            ({"api_url": f"https://user:{UNRECOGNIZED_SECRET}@example.com"}, "api_url "),
            ({"api_url": f"https://example.com?sig={UNRECOGNIZED_SECRET}"}, "api_url "),
            ({UNRECOGNIZED_SECRET: "x"}, ""),
        ],
        ids=str,
    )
    def test_possible_credential(self, run: RunModule, options: dict[str, t.Any], message: str) -> None:
        given = {"zone_id": None, **options} if "zone" in options else options
        result = run(**given)
        assert result["failed"] and result["msg"].startswith(message)

    def test_environment(self, run_bare: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CLOUDFLARE_ZONE_ID", TOKEN)
        message = run_bare(api_token="x")["msg"]
        assert message.startswith("zone_id (CLOUDFLARE_ZONE_ID in the environment): (not shown, since it may be a cred")

    def test_host_log_hides_it(self, run: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
        logged: list[str] = []
        monkeypatch.setattr(basic.AnsibleModule, "log", lambda self, *texts, **more: logged.append(f"{texts} {more}"))
        run(zone=TOKEN, api_email=KEY, ca_path=f"/{TOKEN}")
        assert "Invoked with" in logged[0]
        assert TOKEN not in logged[0].replace(f"/{TOKEN}", "") and KEY not in logged[0]


class TestZone:
    @pytest.mark.parametrize(
        ("options", "environment"),
        [
            ({"zone_id": ZONE_ID}, {}),
            ({"zone_id": f" {ZONE_ID}\n"}, {}),
            ({"zone_id": ZONE_ID}, {"CLOUDFLARE_ZONE_ID": OTHER_ZONE_ID}),
            ({}, {"CLOUDFLARE_ZONE_ID": ZONE_ID}),
        ],
    )
    def test_id(
        self,
        run_bare: RunModule,
        wire: Wire,
        monkeypatch: pytest.MonkeyPatch,
        options: dict[str, str],
        environment: dict[str, str],
    ) -> None:
        set_environment(monkeypatch, environment)
        wire.mapping("192.0.2.1")
        assert run_bare(api_token=TOKEN, origin_ip="192.0.2.1", **options)["zone_id"] == ZONE_ID

    @pytest.mark.parametrize(
        "name", ["example.com", " Example.COM ", "sub.example.com", "example.co.uk", "bücher.example"]
    )
    def test_name_costs_1_more_request(
        self, run_bare: RunModule, wire: Wire, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv("CLOUDFLARE_ZONE_ID", OTHER_ZONE_ID)
        others = [{"id": OTHER_ZONE_ID, "name": "other.example.com"}]
        wire.get(
            "/zones", envelope([*others, {"id": ZONE_ID, "name": name.strip().lower()}]), query={"name": name.strip()}
        )
        wire.mapping("192.0.2.1")
        result = run_bare(api_token=TOKEN, zone=name, origin_ip="192.0.2.1")
        assert (result["zone_id"], len(wire.requests)) == (ZONE_ID, 2)

    @pytest.mark.parametrize(
        ("result", "message"),
        [
            ([], "zone: 'example.com' was not found with this credential. "),
            ([{"id": ZONE_ID, "name": "sub.example.com"}], "zone: 'example.com' was not found with this credential. "),
            (
                [{"id": ZONE_ID, "name": "example.com"}, {"id": OTHER_ZONE_ID, "name": "example.com"}],
                f"zone: 2 zones are named 'example.com'. Set zone_id to one of {ZONE_ID}, {OTHER_ZONE_ID}.",
            ),
            ([{"id": "../x", "name": "example.com"}], "HTTP 200: expected a list of zones, but the answer is "),
            ([{"id": None, "name": "example.com"}], "HTTP 200: expected a list of zones, but the answer is "),
            ([{"name": "example.com"}], "HTTP 200: expected a list of zones, but the answer is "),
            ([{"id": ZONE_ID}], "HTTP 200: expected a list of zones, but the answer is "),
            ([{"id": ZONE_ID, "name": None}], "HTTP 200: expected a list of zones, but the answer is "),
            (["example.com"], "HTTP 200: expected a list of zones, but the answer is "),
            ({"id": ZONE_ID, "name": "example.com"}, "HTTP 200: expected a list of zones, but the answer is "),
            (7, "HTTP 200: expected a list of zones, but the answer is "),
            ("x", "HTTP 200: expected a list of zones, but the answer is "),
        ],
        ids=str,
    )
    def test_failed_zone_lookup(self, run_bare: RunModule, wire: Wire, result: t.Any, message: str) -> None:
        wire.get("/zones", envelope(result), query={"name": "example.com"})
        failure = run_bare(api_token=TOKEN, zone="example.com")
        assert failure["msg"].startswith(message)
        assert set(failure["failure"]) == {"status", "code", "message", "errors"}

    def test_token_without_permission_to_list_zones(self, run_bare: RunModule, wire: Wire) -> None:
        wire.get("/zones", error_envelope(9109), status=403, query={"name": "example.com"})
        failure = run_bare(api_token=TOKEN, zone="example.com")["failure"]
        assert (failure["status"], failure["code"]) == (403, 9109)

    @pytest.mark.parametrize(
        "zone_id",
        [
            "",
            " ",
            "x",
            ZONE_ID[1:],
            ZONE_ID + "0",
            ZONE_ID.upper(),
            "g" * 32,
            "٠" * 32,
            ZONE_ID[:-2] + "/.",
            f"../{ZONE_ID[3:]}",
        ],
    )
    def test_invalid_id(self, run_bare: RunModule, zone_id: str) -> None:
        message = run_bare(api_token=TOKEN, zone_id=zone_id)["msg"]
        assert message == (f"zone_id: {zone_id.strip()!r} is not a valid zone id, which has 32 digits of 0-9 and a-f.")

    @pytest.mark.parametrize("source", ["option", "environment"])
    def test_name_as_id(self, run_bare: RunModule, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
        if source == "environment":
            monkeypatch.setenv("CLOUDFLARE_ZONE_ID", "example.com")
        message = run_bare(api_token=TOKEN, **({"zone_id": "example.com"} if source == "option" else {}))["msg"]
        name = "zone_id" if source == "option" else "zone_id (CLOUDFLARE_ZONE_ID in the environment)"
        assert message == (
            f"{name}: 'example.com' is a domain name, not a zone id. Use the option zone: example.com instead."
        )

    def test_invalid_id_of_the_environment(self, run_bare: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CLOUDFLARE_ZONE_ID", ZONE_ID[1:])
        assert run_bare(api_token=TOKEN)["msg"] == (
            f"zone_id (CLOUDFLARE_ZONE_ID in the environment): {ZONE_ID[1:]!r} is not a valid zone id, "
            "which has 32 digits of 0-9 and a-f."
        )

    def test_id_as_name(self, run_bare: RunModule) -> None:
        assert run_bare(api_token=TOKEN, zone=ZONE_ID)["msg"] == (
            f"zone: {ZONE_ID!r} is a zone id, not a domain name. Use the option zone_id: {ZONE_ID} instead."
        )

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "example",
            "example.",
            ".example.com",
            "example..com",
            "https://example.com",
            "example.com/path",
            "example.com:443",
            "user@example.com",
            "a b.example.com",
            "example.com?page=2",
            "example.com#x",
            "%65xample.com",
            "example.com\x01",
            "exa\x1bmple.com",
            "a." * 126 + "ab",
        ],
    )
    def test_invalid_name(self, run_bare: RunModule, name: str) -> None:
        assert run_bare(api_token=TOKEN, zone=name)["msg"] == f"zone: {name!r} is not a valid domain name."

    def test_longest_name(self, run_bare: RunModule, wire: Wire) -> None:
        name = "a." * 126 + "a"
        wire.get("/zones", envelope([]), query={"name": name})
        assert "was not found with this credential" in run_bare(api_token=TOKEN, zone=name)["msg"]

    @pytest.mark.parametrize("options", [{}, {"zone_id": ZONE_ID, "zone": "example.com"}], ids=["none", "both"])
    def test_exactly_one(self, run_bare: RunModule, options: dict[str, str]) -> None:
        assert run_bare(api_token=TOKEN, **options)["msg"] == (
            "Specify exactly one of zone_id (CLOUDFLARE_ZONE_ID in the environment) and zone, which is the domain name."
        )


class TestApiUrl:
    @pytest.mark.parametrize(
        ("options", "environment", "base"),
        [
            ({}, {}, API_URL),
            ({"api_url": API_URL + "/"}, {}, API_URL),
            ({"api_url": "http://192.0.2.9:8080/client/v4//"}, {}, "http://192.0.2.9:8080/client/v4"),
            ({"api_url": "https://[2001:db8::9]:8443"}, {}, "https://[2001:db8::9]:8443"),
            ({}, {"CLOUDFLARE_BASE_URL": "https://api.example.com/v4/"}, "https://api.example.com/v4"),
            ({}, {"CLOUDFLARE_BASE_URL": ""}, API_URL),
            ({"api_url": API_URL}, {"CLOUDFLARE_BASE_URL": "https://api.example.com"}, API_URL),
        ],
    )
    def test_valid(
        self,
        run: RunModule,
        wire: Wire,
        monkeypatch: pytest.MonkeyPatch,
        options: dict[str, str],
        environment: dict[str, str],
        base: str,
    ) -> None:
        set_environment(monkeypatch, environment)
        wire.api = base
        wire.mapping("192.0.2.1")
        assert run(origin_ip="192.0.2.1", **options)["missing"] == []

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "api.example.com",
            "//api.example.com",
            "https://",
            "https:///client/v4",
            "https://user:Secret-Part@api.example.com",
            "https://Secret-Part@api.example.com",
            "https://@api.example.com",
            "ftp://api.example.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://api.example.com:0",
            "https://api.example.com:65536",
            "https://api.example.com:x",
            "https://[2001:db8::9",
            "https://api.example.com/?",
            "https://api.example.com/?key=Secret-Part",
            "https://api.example.com/#",
            "https://api.example.com/ x",
            "https://api.example.com\n",
            "https://api.example.com\x01",
            "https://bücher.example",
        ],
    )
    def test_invalid_is_hidden(self, run: RunModule, url: str) -> None:
        message = run(api_url=url)["msg"]
        assert message == (
            "api_url (CLOUDFLARE_BASE_URL in the environment) must be an http or https URL such as "
            "https://api.cloudflare.com/client/v4, without credentials, query or fragment."
        )

    @pytest.mark.parametrize(
        ("url", "warned"),
        [
            ("https://api.example.com", False),
            ("HTTPS://api.example.com", False),
            ("http://localhost:8080/client/v4", False),
            ("http://LOCALHOST", False),
            ("http://127.0.0.1:8080", False),
            ("http://[::1]", False),
            ("http://api.example.com", True),
            ("http://localhost.example.com", True),
            ("http://127.0.0.1.example.com", True),
            ("http://[::1:2]", True),
            ("http://api.example.com/localhost", True),
            ("http://api.example.com/https:", True),
            ("http://api.example.com/http://localhost", True),
        ],
    )
    def test_plain_http_warns(self, run: RunModule, wire: Wire, url: str, warned: bool) -> None:
        wire.api = url
        wire.mapping("192.0.2.1")
        message = [
            f"api_url: {url} does not use https, so others on the network can read the credential. Use an https URL."
        ]
        assert run(origin_ip="192.0.2.1", api_url=url).get("warnings", []) == (message if warned else [])


class TestLimits:
    @pytest.mark.parametrize("option", ["timeout", "max_wait"])
    @pytest.mark.parametrize("value", [-1, -0.001, 86_400.1, "inf", "-inf", "nan", 1e300])
    def test_out_of_range(self, run: RunModule, option: str, value: float | str) -> None:
        limits = {"timeout": "more than 0 and at most", "max_wait": "between 0 and"}[option]
        assert (
            run(**{option: value})["msg"]
            == f"{option}: {float(value)} is not valid. It must be {limits} 86400 seconds."
        )

    def test_timeout_0_is_invalid(self, run: RunModule) -> None:
        assert run(timeout=0)["msg"] == "timeout: 0.0 is not valid. It must be more than 0 and at most 86400 seconds."

    @pytest.mark.parametrize("value", ["x", "", [1]])
    def test_not_a_number(self, run: RunModule, value: t.Any) -> None:
        assert "timeout" in run(timeout=value)["msg"]

    @pytest.mark.parametrize("timeout", [0.001, 86_400])
    def test_timeout(self, run: RunModule, wire: Wire, timeout: float) -> None:
        wire.settings["timeout"] = timeout
        wire.mapping("192.0.2.1")
        assert "failed" not in run(origin_ip="192.0.2.1", timeout=timeout)

    @pytest.mark.parametrize(("max_wait", "failed"), [(0, True), (6.9, True), (7, False), (86_400, False)])
    def test_max_wait(self, run: RunModule, wire: Wire, max_wait: float, failed: bool) -> None:
        wire.get(f"{MAPPINGS_PATH}/192.0.2.1", "", status=429, headers={"Retry-After": "7"})
        if not failed:
            wire.mapping("192.0.2.1")
        assert run(origin_ip="192.0.2.1", max_wait=max_wait).get("failed", False) is failed

    @pytest.mark.parametrize(
        ("validate_certs", "with_path", "verify"),
        [(True, False, True), (True, True, "path"), (False, False, False), (False, True, False)],
    )
    def test_certificates(
        self,
        run: RunModule,
        wire: Wire,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        validate_certs: bool,
        with_path: bool,
        verify: bool | str,
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        if verify is not True:
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/bundle.pem")
        (tmp_path / "ca.pem").write_text("", encoding="utf-8")
        wire.settings["verify"] = str(tmp_path / "ca.pem") if verify == "path" else verify
        wire.mapping("192.0.2.1")
        ca_path = {"ca_path": "~/ca.pem"} if with_path else {}
        assert "failed" not in run(origin_ip="192.0.2.1", validate_certs=validate_certs, **ca_path)

    def test_ca_path_does_not_exist(self, run: RunModule, tmp_path: Path) -> None:
        assert (
            run(ca_path=f"{tmp_path}/none")["msg"]
            == f"ca_path: '{tmp_path}/none' does not exist. Set it to a file or directory."
        )


@pytest.mark.parametrize("library", ["requests", "netaddr"])
def test_missing_library(run: RunModule, hide_library: t.Callable[[str], None], library: str) -> None:
    hide_library(library)
    assert f"Failed to import the required Python library ({library})" in run()["msg"]


@pytest.mark.parametrize("token", [TOKEN, "Short_7"])
def test_token_of_the_environment_is_hidden_in_results(
    run_bare: RunModule, wire: Wire, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """Ansible hides a token that is an option, even a short one. The module does the same for the environment."""
    monkeypatch.setenv("CLOUDFLARE_TOKEN", token)
    wire.headers = {"Authorization": f"Bearer {token}"}
    wire.mapping("192.0.2.1", envelope(mapping("192.0.2.1", region=f"x{token}")))
    (found,) = run_bare(zone_id=ZONE_ID, origin_ip="192.0.2.1")["origin_cloud_regions"]
    assert found["region"] == "x********"
