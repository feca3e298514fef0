# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all modules and plugins share, and the sessions that they open.

Private to the collection: other code must not import this file. Options come from several sources, ordered by precedence: the
arguments of a task before the environment, for example.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import typing as t

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client, Credential
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import (
    MAX_TEXT_LENGTH,
    OPERATORS,
    fetch_zone_id,
    is_domain_name,
    is_zone_id,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.pacing import RequestPacer
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http.session import HttpSession
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.parsers import MAX_FILE_BYTES, CloudRanges
from ansible_collections.edgecache.cloudflare.plugins.module_utils._ranges.sources import (
    is_local_path,
    read_file,
    validate_sources,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import (
    HIDDEN,
    find_credentials,
    may_be_secret,
    quote_unless_secret,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._urls import is_encrypted_or_local, is_url

WarnCallback = t.Callable[[str], object]


class OptionSource(dict[str, t.Any]):
    """The options of one source: the arguments of a task, or the environment, for example.

    ``origins`` has the variable or the file that an option comes from, for messages. ``kind``: whether a ``module`` or a
    ``plugin`` takes the options.
    """

    def __init__(
        self, values: t.Mapping[str, t.Any], origins: t.Mapping[str, str] | None = None, kind: str = "module"
    ) -> None:
        super().__init__(values)
        self.origins = origins or {}
        self.kind = kind

    def name(self, option: str) -> str:
        """Return the option with its origin, for a message."""
        return f"{option} ({self.origins[option]})" if option in self.origins else option


ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = dict(
    api_token=dict(type="str", no_log=True),
    api_email=dict(type="str", aliases=["account_email"]),
    api_key=dict(type="str", no_log=True, aliases=["account_api_key"]),
    zone_id=dict(type="str"),
    zone=dict(type="str"),
    api_url=dict(type="str"),
    timeout=dict(type="float", default=30.0),
    max_wait=dict(type="float", default=330.0),
    validate_certs=dict(type="bool", default=True),
    ca_path=dict(type="path"),
)

ENVIRONMENT = {
    "api_token": ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_TOKEN"),
    "api_email": ("CLOUDFLARE_EMAIL",),
    "api_key": ("CLOUDFLARE_API_KEY",),
    "zone_id": ("CLOUDFLARE_ZONE_ID",),
    "api_url": ("CLOUDFLARE_BASE_URL",),
}
"""The environment variables of an option, ordered by precedence. Empty variables are ignored."""

API_URL = "https://api.cloudflare.com/client/v4"

MAX_SECONDS = 86_400
"""Maximum of every option in seconds: more than a day is a mistake, and not a valid timeout on every system."""

SECRET_OPTIONS = frozenset(
    name for option, spec in ARGUMENT_SPEC.items() if spec.get("no_log") for name in (option, *spec.get("aliases", ()))
)
"""Every name and alias of an option that holds a secret."""

CREDENTIAL_OPTIONS = SECRET_OPTIONS | {"api_email", *ARGUMENT_SPEC["api_email"]["aliases"]}
"""Every name and alias of an option that belongs to the credential. A key may be pasted into the e-mail option, too."""

_NO_CREDENTIAL = {
    "module": (
        "A module reads its options, also those of module_defaults, and the environment of the host that it runs on. Variables such "
        "as cloudflare_api_token are only for lookups and inventories: for modules, set api_token to "
        '"{{ cloudflare_api_token }}" in module_defaults.'
    ),
    "plugin": (
        "A lookup or an inventory reads its options, the variables cloudflare_api_token, cloudflare_api_email and "
        "cloudflare_api_key (an inventory: only those of --extra-vars), the environment of the controller, and "
        "ansible.cfg. module_defaults are only for modules."
    ),
}
"""Where modules and plugins look for a credential."""


def read_environment(environ: t.Mapping[str, str], kind: str = "module") -> OptionSource:
    """Return the options that the environment variables set."""
    names = {option: next((name for name in names if environ.get(name)), "") for option, names in ENVIRONMENT.items()}
    origins = {option: f"{name} in the environment" for option, name in names.items()}
    return drop_unset(OptionSource({option: environ.get(name) for option, name in names.items()}, origins, kind))


def drop_unset(source: OptionSource) -> OptionSource:
    """Return a source that belongs to no single task, without its empty values. A token takes precedence over a key."""
    given = {option: value for option, value in source.items() if value not in (None, "")}
    if "api_token" in given:
        given = {option: value for option, value in given.items() if option not in ("api_email", "api_key")}
    return OptionSource(given, source.origins, source.kind)


def create_pacer(sources: t.Sequence[OptionSource], before_sleep: WarnCallback) -> RequestPacer:
    """Return the pacer of a task that has several sessions, which share one ``max_wait``."""
    return RequestPacer(merge_options(sources)["max_wait"], before_sleep)


def validate_options(sources: t.Sequence[OptionSource]) -> None:
    """Raise the ``ConfigurationError`` of ``open_zone_client``, for a task that reads files before it opens the client."""
    _parse_zone(sources)
    _create_credential(sources)
    _validate_api_url(merge_options(sources).get("api_url", API_URL))


@contextlib.contextmanager
def open_zone_client(
    sources: t.Sequence[OptionSource],
    warn: WarnCallback,
    before_sleep: WarnCallback | None = None,
    known_id: str = "",
    pacer: RequestPacer | None = None,
) -> t.Iterator[tuple[Client, str]]:
    """Open the client of a zone. Yield it with the zone's id, and close it at the end.

    One request if the zone is given by name and ``known_id`` is empty, otherwise none. ``warn`` is called for questionable options,
    ``before_sleep`` (by default the same) with a sentence before each pause. Raises ``ConfigurationError`` before any request.
    """
    zone_id, name = _parse_zone(sources)
    with open_client(sources, warn, before_sleep or warn, pacer) as client:
        yield client, zone_id or known_id or fetch_zone_id(client, name)


@contextlib.contextmanager
def open_zones_client(
    sources: t.Sequence[OptionSource], warn: WarnCallback, before_sleep: WarnCallback
) -> t.Iterator[tuple[Client, list[str]]]:
    """Open the client of several zones. Yield it with the id of each zone, once."""
    zones = parse_zones(sources)
    with open_client(sources, warn, before_sleep) as client:
        yield client, list(dict.fromkeys(zone_id or fetch_zone_id(client, name) for zone_id, name in zones))


@contextlib.contextmanager
def open_download_session(
    sources: t.Sequence[OptionSource], before_sleep: WarnCallback, pacer: RequestPacer | None = None
) -> t.Iterator[HttpSession]:
    """Open a session without a credential, with the limits of the options. Close it at the end."""
    with HttpSession(**_session_limits(merge_options(sources)), before_sleep=before_sleep, pacer=pacer) as session:
        yield session


def load_ranges(
    sources: t.Sequence[OptionSource], warn: WarnCallback, pacer: RequestPacer | None = None
) -> CloudRanges:
    """Load all paths and URLs of the option ``sources``. One request for each URL, without a credential.

    ``warn`` is called for questionable sources, and with a sentence before each pause. Raises ``ConfigurationError`` for an invalid
    source before any request.
    """
    files = validate_sources(merge_options(sources)["sources"], warn)
    contents = {file: read_file(file, file) if is_local_path(file) else b"" for file in files}
    urls = [file for file in files if not is_local_path(file)]
    if urls:
        with open_download_session(sources, warn, pacer) as session:
            contents.update((url, session.download(url, MAX_FILE_BYTES)) for url in urls)
    return CloudRanges(contents)


def parse_zones(sources: t.Sequence[OptionSource]) -> list[tuple[str, str]]:
    """Return id and name, one of them empty, of each zone in the option ``zones``; without this option, of the one zone."""
    zones = merge_options(sources).get("zones")
    if zones is None:
        return [_parse_zone(sources)]
    if not zones or _first_source_with(sources[:1], "zone_id", "zone")[1]:
        raise ConfigurationError("Specify exactly one of zone_id, zone and zones, and at least one zone.")
    parsed = []
    for zone in zones:
        text = zone.strip() if isinstance(zone, str) else ""
        if not is_zone_id(text) and not is_domain_name(text):
            raise ConfigurationError(
                f"zones: {quote_unless_secret(zone)} is neither a zone id, which has 32 digits of 0-9 and a-f, nor a domain name."
            )
        parsed.append((text, "") if is_zone_id(text) else ("", text))
    return list(dict.fromkeys(parsed))


def parse_zone_conditions(sources: t.Sequence[OptionSource]) -> dict[str, str]:
    """Return the parameters of ``list_zones`` for the options ``account_id``, ``account_name``, ``name`` and ``status``."""
    option = merge_options(sources)
    conditions = {}
    if "account_id" in option:
        conditions["account.id"] = option["account_id"].strip()
        if not is_zone_id(conditions["account.id"]):
            raise ConfigurationError(
                f"account_id: {quote_unless_secret(option['account_id'])} is not a valid account id, which has 32 digits of 0-9 and a-f."
            )
    for name in ("account_name", "name"):
        if name in option:
            conditions[name.replace("_", ".")] = _parse_zone_text(name, option[name])
    if option["status"] != "all":
        conditions["status"] = option["status"]
    return conditions


def _parse_zone_text(option: str, value: str) -> str:
    """Return the text of a condition, which may begin with an operator and a colon."""
    operator, colon, text = value.strip().partition(":")
    if not (text if colon else operator).strip() or len(value.strip()) > MAX_TEXT_LENGTH:
        raise ConfigurationError(
            f"{option}: {quote_unless_secret(value)} is not valid. It must have 1 to {MAX_TEXT_LENGTH} characters, with the operator."
        )
    if colon and operator not in OPERATORS:
        raise ConfigurationError(
            f"{option}: {quote_unless_secret(operator)} is not a valid operator. It must be one of {', '.join(OPERATORS)}. For a text "
            "with a colon, add equal: before the text."
        )
    return value.strip()


def cache_key(sources: t.Sequence[OptionSource]) -> str:
    """Return a hash of API, verification, zone and credential: equal for tasks that can share what they read."""
    option = merge_options(sources)
    verification = [option["validate_certs"], option.get("ca_path")]
    parts = [
        _first_source_with(sources, "api_url")[1],
        verification,
        _parse_zone(sources),
        _create_credential(sources).headers,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def merge_options(sources: t.Sequence[OptionSource]) -> dict[str, t.Any]:
    """Return each option of the first source that has it. Raises ``ConfigurationError`` for invalid limits of requests."""
    option = {name: value for source in reversed(sources) for name, value in source.items()}
    if not 0 < option["timeout"] <= MAX_SECONDS:
        raise ConfigurationError(
            f"timeout: {option['timeout']} is not valid. It must be more than 0 and at most {MAX_SECONDS} seconds."
        )
    if not 0 <= option["max_wait"] <= MAX_SECONDS:
        raise ConfigurationError(
            f"max_wait: {option['max_wait']} is not valid. It must be between 0 and {MAX_SECONDS} seconds."
        )
    ca_path = option.get("ca_path")
    if ca_path is not None and not os.path.exists(ca_path):
        name = os.path.basename(ca_path)
        # A long file name may look random, but has a dot
        hidden = find_credentials(name) or ("." not in name and may_be_secret(name))
        raise ConfigurationError(
            f"ca_path: {HIDDEN if hidden else repr(ca_path)} does not exist. Set it to a file or directory."
        )
    return option


def open_client(
    sources: t.Sequence[OptionSource],
    warn: WarnCallback,
    before_sleep: WarnCallback,
    pacer: RequestPacer | None = None,
) -> Client:
    """Open the client of the API, which a ``with`` closes. ``warn`` and ``before_sleep`` are as in ``open_zone_client``."""
    option = merge_options(sources)
    credential, api_url = _create_credential(sources), _validate_api_url(option.get("api_url", API_URL))
    if not is_encrypted_or_local(api_url):
        warn(
            f"api_url: {api_url} does not use https, so others on the network can read the credential. Use an https URL."
        )
    # A few digits of a hash tell credentials apart, and nothing about them
    name = hashlib.sha256(json.dumps([api_url, credential.headers]).encode()).hexdigest()[:8]
    limits = _session_limits(option)
    return Client(credential, api_url, **limits, before_sleep=before_sleep, pacer=pacer, shared_limit=name)


def _session_limits(option: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "timeout": option["timeout"],
        "max_wait": option["max_wait"],
        "verify": option.get("ca_path", True) if option["validate_certs"] else False,
    }


def _create_credential(sources: t.Sequence[OptionSource]) -> Credential:
    source, given = _first_source_with(sources, "api_token", "api_email", "api_key")
    if not given:
        raise ConfigurationError(
            f"No credential is set. Set {_option_with_env('api_token')}, or {_option_with_env('api_email')} and {_option_with_env('api_key')}. "
            f"{_NO_CREDENTIAL[source.kind]}"
        )
    if "api_token" in given and len(given) > 1:
        raise ConfigurationError(
            "api_token cannot be combined with api_email and api_key. Set only one kind of credential."
        )
    if "api_token" not in given and len(given) == 1:
        missing = "api_key" if "api_email" in given else "api_email"
        raise ConfigurationError(f"{_option_with_env(missing)} is missing: api_email and api_key must be set together.")
    for name, value in given.items():
        if not re.fullmatch("[!-~]+", value):
            raise ConfigurationError(
                f"{_option_with_env(name)} is empty, or contains a blank, a line break or another character that is not allowed in "
                "an HTTP header. The value is not shown. The filter trim removes blanks and line breaks around a value."
            )
    if "api_token" in given:
        return Credential.from_token(given["api_token"])
    if "@" not in given["api_email"]:
        raise ConfigurationError(
            f"{source.name('api_email')}: not a valid e-mail address. The value is not shown. Set it to the address of the user "
            "whose global API key is api_key."
        )
    return Credential.from_global_key(given["api_email"], given["api_key"])


def _parse_zone(sources: t.Sequence[OptionSource]) -> tuple[str, str]:
    """Return the zone's id and name, one of them empty."""
    source, values = _first_source_with(sources, "zone_id", "zone")
    given = {option: value.strip() for option, value in values.items()}
    if len(given) != 1:
        raise ConfigurationError(
            f"Specify exactly one of {_option_with_env('zone_id')} and zone, which is the domain name."
        )
    zone_id, name = given.get("zone_id", ""), given.get("zone", "")
    if "zone_id" in given and not is_zone_id(zone_id):
        subject = f"{source.name('zone_id')}: {quote_unless_secret(zone_id)}"
        if is_domain_name(zone_id) and not may_be_secret(zone_id):
            raise ConfigurationError(
                f"{subject} is a domain name, not a zone id. Use {_correct_option(source, 'zone_id', 'zone', zone_id)} instead."
            )
        raise ConfigurationError(f"{subject} is not a valid zone id, which has 32 digits of 0-9 and a-f.")
    if "zone" in given and not is_domain_name(name):
        subject = f"{source.name('zone')}: {quote_unless_secret(name)}"
        if is_zone_id(name):
            raise ConfigurationError(
                f"{subject} is a zone id, not a domain name. Use {_correct_option(source, 'zone', 'zone_id', name)} instead."
            )
        raise ConfigurationError(f"{subject} is not a valid domain name.")
    return zone_id, name


def _correct_option(source: OptionSource, option: str, right: str, value: str) -> str:
    """Return how to set the option ``right``, to which the value of ``option`` belongs."""
    origin = source.origins.get(option, "")
    if origin.startswith("the variable "):
        return f"the variable cloudflare_{right}: {value}"
    if origin.startswith("the configuration file "):
        return f"{right} = {value}"
    return f"the option {right}: {value}"


def _validate_api_url(value: str) -> str:
    if not is_url(value) or "?" in value or "#" in value:
        raise ConfigurationError(
            f"{_option_with_env('api_url')} must be an http or https URL such as {API_URL}, without credentials, query or fragment."
        )
    return value.rstrip("/")


def _first_source_with(sources: t.Sequence[OptionSource], *options: str) -> tuple[OptionSource, dict[str, str]]:
    """Return the first source that has any of these options, and those that it has: sources are never mixed."""
    for source in sources:
        given = {option: source[option] for option in options if option in source}
        if given:
            return source, given
    return sources[0], {}


def _option_with_env(option: str) -> str:
    """Return an option with its environment variables, for a message."""
    return f"{option} ({' or '.join(ENVIRONMENT[option])} in the environment)"
