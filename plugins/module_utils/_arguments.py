# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options that all modules and plugins share, and the client that they make.

Private to the collection: no other collection may rely on this file.

Options come in layers, the strongest first: what a task says before the environment, say.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.edgecache.cloudflare.plugins.module_utils._client import Client, Credential, Http
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._patience import Patience
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import (
    HIDDEN,
    find_credentials,
    may_be_secret,
    reveal,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._zones import is_domain_name, is_zone_id, zone_id_of

Tell = t.Callable[[str], object]


class Layer(dict[str, t.Any]):
    """The options that one source gives: the arguments of a task, or the environment, say.

    ``sources`` has, by option, the variable or the file that it comes from, for messages; without an entry, it is the
    option itself. ``reader`` says whose options they are: those of a module or of a plugin.
    """

    def __init__(
        self, values: t.Mapping[str, t.Any], sources: t.Mapping[str, str] | None = None, reader: str = "module"
    ) -> None:
        super().__init__(values)
        self.sources = sources or {}
        self.reader = reader

    def name(self, option: str) -> str:
        """The option as a message names it: with its source."""
        return f"{option} ({self.sources[option]})" if option in self.sources else option


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
"""The variables that stand in for an option, the strongest first. An empty one counts as not set."""

API_URL = "https://api.cloudflare.com/client/v4"

LONGEST = 86_400
"""Seconds: more than a day is a mistake, and not every system takes it for a time-out."""


SECRET_OPTIONS = frozenset(
    name for option, spec in ARGUMENT_SPEC.items() if spec.get("no_log") for name in (option, *spec.get("aliases", ()))
)
"""Every name of an option that holds a secret."""

CREDENTIAL_OPTIONS = SECRET_OPTIONS | {"api_email", *ARGUMENT_SPEC["api_email"]["aliases"]}
"""Every name of an option that is a part of the credential. People paste keys into that for the e-mail address, too."""

_NO_CREDENTIAL = {
    "module": (
        "A module reads its options, also those of module_defaults, and the environment of the host that it runs on. Variables such "
        "as cloudflare_api_token are for lookups and inventories alone: for modules, set api_token to "
        '"{{ cloudflare_api_token }}" in module_defaults.'
    ),
    "plugin": (
        "A lookup or an inventory reads its options, the variables cloudflare_api_token, cloudflare_api_email and "
        "cloudflare_api_key (an inventory: those of --extra-vars alone), the environment of the controller, and "
        "ansible.cfg. module_defaults are for modules alone."
    ),
}
"""Where a reader of options looks for a credential."""


def environment(environ: t.Mapping[str, str], reader: str = "module") -> Layer:
    """The layer of the environment variables."""
    names = {option: next((name for name in names if environ.get(name)), "") for option, names in ENVIRONMENT.items()}
    sources = {option: f"{name} in the environment" for option, name in names.items()}
    return ambient(Layer({option: environ.get(name) for option, name in names.items()}, sources, reader))


def ambient(layer: Layer) -> Layer:
    """A layer that was not written for one task: empty values do not count, and a token is preferred to a key."""
    given = {option: value for option, value in layer.items() if value not in (None, "")}
    if "api_token" in given:
        given = {option: value for option, value in given.items() if option not in ("api_email", "api_key")}
    return Layer(given, layer.sources, layer.reader)


def patience(layers: t.Sequence[Layer], tell: Tell) -> Patience:
    """What all waiting of a task is taken from, where it has several sessions."""
    return Patience(merged(layers)["max_wait"], tell)


def check(layers: t.Sequence[Layer]) -> None:
    """Raise the ``ConfigurationError`` that ``zone_client`` would, for a task that does something else before."""
    _zone(layers)
    _credential(layers)
    _api_url(merged(layers).get("api_url", API_URL))


@contextlib.contextmanager
def zone_client(
    layers: t.Sequence[Layer],
    warn: Tell,
    tell: Tell | None = None,
    known_id: str = "",
    patience: Patience | None = None,
) -> t.Iterator[tuple[Client, str]]:
    """The client and the zone id that the layers ask for; the client is closed at the end.

    One request where the zone is given by name and its id is not known, else none. ``warn`` gets what is questionable
    about the options, ``tell`` (by default the same) a sentence before each pause. Raises ``ConfigurationError`` before
    any request.
    """
    zone_id, name = _zone(layers)
    with _client(layers, warn, tell or warn, patience) as client:
        yield client, zone_id or known_id or zone_id_of(client, name)


@contextlib.contextmanager
def zones_client(layers: t.Sequence[Layer], warn: Tell, tell: Tell) -> t.Iterator[tuple[Client, list[str]]]:
    """The same for the zones that the layers ask for, each of them once."""
    named = named_zones(layers)
    with _client(layers, warn, tell) as client:
        yield client, list(dict.fromkeys(zone_id or zone_id_of(client, name) for zone_id, name in named))


@contextlib.contextmanager
def downloads(layers: t.Sequence[Layer], tell: Tell, patience: Patience | None = None) -> t.Iterator[Http]:
    """A session without any credential, bounded as the layers ask for; closed at the end."""
    with Http(**_bounds(merged(layers)), tell=tell, patience=patience) as http:
        yield http


def named_zones(layers: t.Sequence[Layer]) -> list[tuple[str, str]]:
    """The id and the name, of which one is empty, of each zone of the option ``zones``, once; without it, of the one zone."""
    zones = merged(layers).get("zones")
    if zones is None:
        return [_zone(layers)]
    if not zones or _strongest(layers[:1], "zone_id", "zone")[1]:
        raise ConfigurationError("Give the zones either as zone_id or zone, or as zones, with at least one.")
    named = []
    for zone in zones:
        text = zone.strip() if isinstance(zone, str) else ""
        if not is_zone_id(text) and not is_domain_name(text):
            raise ConfigurationError(
                f"zones: {reveal(zone)} is neither a zone id, which has 32 digits of 0-9 and a-f, nor a domain name."
            )
        named.append((text, "") if is_zone_id(text) else ("", text))
    return list(dict.fromkeys(named))


def digest(layers: t.Sequence[Layer]) -> str:
    """A name for what the layers ask for (the API and how it is verified, the zone, the credential) that shows none of it."""
    option = merged(layers)
    verified = [option["validate_certs"], option.get("ca_path")]
    named = [_strongest(layers, "api_url")[1], verified, _zone(layers), _credential(layers).headers]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def merged(layers: t.Sequence[Layer]) -> dict[str, t.Any]:
    """Each option as the strongest layer has it. Those that bound a request are checked."""
    option = {name: value for layer in reversed(layers) for name, value in layer.items()}
    if not 0 < option["timeout"] <= LONGEST:
        raise ConfigurationError(f"timeout: {option['timeout']} is not between 0 and {LONGEST} seconds.")
    if not 0 <= option["max_wait"] <= LONGEST:
        raise ConfigurationError(f"max_wait: {option['max_wait']} is not between 0 and {LONGEST} seconds.")
    ca_path = option.get("ca_path")
    if ca_path is not None and not os.path.exists(ca_path):
        name = os.path.basename(ca_path)
        # A long name of a file may look random, but has a dot
        hidden = find_credentials(name) or ("." not in name and may_be_secret(name))
        raise ConfigurationError(f"ca_path: there is no {HIDDEN if hidden else repr(ca_path)}.")
    return option


def _client(layers: t.Sequence[Layer], warn: Tell, tell: Tell, patience: Patience | None = None) -> Client:
    option = merged(layers)
    credential, api_url = _credential(layers), _api_url(option.get("api_url", API_URL))
    if not is_private(api_url):
        warn(f"api_url: {api_url} is not https. Everyone between here and there can read the credential.")
    return Client(credential, api_url, **_bounds(option), tell=tell, patience=patience)


def _bounds(option: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "timeout": option["timeout"],
        "max_wait": option["max_wait"],
        "verify": option.get("ca_path", True) if option["validate_certs"] else False,
    }


def is_private(url: str) -> bool:
    """Whether nobody between here and there can read or change what is sent."""
    return bool(re.match(r"https:|http://(localhost|127\.[0-9.]+|\[::1\])[:/]", f"{url}/", re.IGNORECASE))


def is_url(value: str) -> bool:
    """Whether this is an http or https URL without a user name, a password or a blank."""
    try:
        url = urlsplit(value)
        plain = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0 and "@" not in url.netloc
    except ValueError:
        return False
    return plain and re.fullmatch("[!-~]+", value) is not None


def _credential(layers: t.Sequence[Layer]) -> Credential:
    layer, given = _strongest(layers, "api_token", "api_email", "api_key")
    if not given:
        raise ConfigurationError(
            f"No credential. Give {_said('api_token')}, or {_said('api_email')} and {_said('api_key')}. "
            f"{_NO_CREDENTIAL[layer.reader]}"
        )
    if "api_token" in given and len(given) > 1:
        raise ConfigurationError("api_token excludes api_email and api_key. Give one kind of credential.")
    if "api_token" not in given and len(given) == 1:
        raise ConfigurationError(f"{_said('api_email')} and {_said('api_key')} go together. One of them is missing.")
    for name, value in given.items():
        if not re.fullmatch("[!-~]+", value):
            raise ConfigurationError(
                f"{_said(name)} is empty, or has a blank, a line break or another character in it that no HTTP header "
                "can carry. The value is not shown here."
            )
    if "api_token" in given:
        return Credential.from_token(given["api_token"])
    if "@" not in given["api_email"]:
        raise ConfigurationError(
            f"{layer.name('api_email')}: not a valid e-mail address. The value is not shown. It must be the address of the user "
            "whose global API key is api_key."
        )
    return Credential.from_key(given["api_email"], given["api_key"])


def _zone(layers: t.Sequence[Layer]) -> tuple[str, str]:
    """The zone's id and its name, of which one is empty."""
    layer, values = _strongest(layers, "zone_id", "zone")
    given = {option: value.strip() for option, value in values.items()}
    if len(given) != 1:
        raise ConfigurationError(f"Give the zone, as either {_said('zone_id')}, or zone, its domain name.")
    zone_id, name = given.get("zone_id", ""), given.get("zone", "")
    if "zone_id" in given and not is_zone_id(zone_id):
        what = f"{layer.name('zone_id')}: {reveal(zone_id)}"
        if is_domain_name(zone_id) and not may_be_secret(zone_id):
            raise ConfigurationError(
                f"{what} is a domain name, not a zone id. Give {_instead(layer, 'zone_id', 'zone', zone_id)} instead."
            )
        raise ConfigurationError(f"{what} is not a valid zone id, which has 32 digits of 0-9 and a-f.")
    if "zone" in given and not is_domain_name(name):
        what = f"{layer.name('zone')}: {reveal(name)}"
        if is_zone_id(name):
            raise ConfigurationError(
                f"{what} is a zone id, not a domain name. Give {_instead(layer, 'zone', 'zone_id', name)} instead."
            )
        raise ConfigurationError(f"{what} is not a valid domain name.")
    return zone_id, name


def _instead(layer: Layer, option: str, right: str, value: str) -> str:
    """What to write instead of an option whose value is for the option ``right``."""
    source = layer.sources.get(option, "")
    if source.startswith("the variable "):
        return f"the variable cloudflare_{right}: {value}"
    if source.startswith("the configuration file "):
        return f"{right} = {value}"
    return f"the option {right}: {value}"  # which no environment variable stands in for


def _api_url(value: str) -> str:
    if not is_url(value) or "?" in value or "#" in value:
        raise ConfigurationError(
            f"{_said('api_url')} must be an http or https URL such as {API_URL}, without credentials, query or fragment."
        )
    return value.rstrip("/")


def _strongest(layers: t.Sequence[Layer], *options: str) -> tuple[Layer, dict[str, str]]:
    """The first layer that gives any of these options, and what it gives of them: layers are never mixed."""
    for layer in layers:
        given = {option: layer[option] for option in options if option in layer}
        if given:
            return layer, given
    return layers[0], {}


def _said(option: str) -> str:
    """An option and the variables that stand in for it."""
    return f"{option} ({' or '.join(ENVIRONMENT[option])} in the environment)"
