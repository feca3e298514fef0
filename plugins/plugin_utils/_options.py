# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a plugin, in layers. Private to the collection: no other collection may rely on this file."""

from __future__ import annotations

import os
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import shown
from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import (
    ARGUMENT_SPEC,
    CREDENTIAL_OPTIONS,
    SECRET_OPTIONS,
    Layer,
    ambient,
    environment,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import (
    find_misplaced,
    may_be_secret,
    texts_in,
    type_error,
)

_NEVER_SECRET = {*ARGUMENT_SPEC, "zones", "sources"} - SECRET_OPTIONS
"""Options that must not hold a credential. Others, such as a default or Ansible's own, may hold anything."""

_TYPE_NAMES = {
    "bool": "boolean",
    "boolean": "boolean",
    "dict": "dictionary",
    "float": "number",
    "int": "whole number",
    "integer": "whole number",
    "list": "list",
}


def option_layers(
    plugin: t.Any, direct: dict[str, t.Any], variables: dict[str, t.Any], templar: t.Any, secrets: set[str]
) -> list[Layer]:
    """The options of a plugin: its arguments, then variables, the environment, the configuration file, the defaults.

    ``direct`` are the arguments: one that the plugin does not know is an error, where Ansible itself says nothing.
    ``secrets`` gets the credentials that there are. Values are checked before Ansible converts them, since its own errors
    show them.
    """
    definitions = C.config.get_configuration_definitions(plugin.plugin_type, plugin._load_name)
    known = {name for name in definitions if not name.startswith("_")}
    known.update(alias for option in definitions.values() for alias in option.get("aliases", []))
    environ = environment(os.environ, "plugin")
    secrets.update(environ[name] for name in SECRET_OPTIONS if name in environ)
    for name in SECRET_OPTIONS & direct.keys():
        secrets.update(texts_in(decrypted(direct[name])))
    if unknown := sorted(set(direct) - known):
        named = ", ".join("(not shown)" if may_be_secret(name) else name for name in unknown)
        raise ConfigurationError(f"Unknown: {named}. The options are {', '.join(sorted(known))}.")
    options = [name for name in definitions if not name.startswith("_")]
    # Ansible hands variables to plugins as they were written, with their templates
    names = [entry["name"] for option in options for entry in definitions[option].get("vars", [])]
    templated = {name: decrypted(templar.template(variables[name])) for name in names if name in variables}
    given = _find_given(definitions, direct, templated)
    secrets.update(text for name in SECRET_OPTIONS & given.keys() for text in texts_in(given[name][1]))
    for option in CREDENTIAL_OPTIONS & given.keys():
        name, value = given[option]
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(type_error(name, value))
    if message := find_misplaced(dict(given[option] for option in _NEVER_SECRET & given.keys()), secrets):
        raise ConfigurationError(message)
    # The environment is read as modules read it. Ansible would take the last of several variables, even an empty one, and
    # then not look into the file.
    without_environment = f"{plugin._load_name} without environment"
    C.config.initialize_plugin_configuration_definitions(
        plugin.plugin_type,
        without_environment,
        {option: {**definitions[option], "env": []} for option in options},
    )
    layers = {kind: Layer({}, {}, "plugin") for kind in ("Direct", "var", "file", "default")}
    for option in options:
        try:
            value, origin = C.config.get_config_value_and_origin(
                option,
                plugin_type=plugin.plugin_type,
                plugin_name=without_environment,
                variables=templated,
                direct=direct,
            )
        except (AnsibleError, TypeError, ValueError):
            raise ConfigurationError(_conversion_error(option, definitions[option], given)) from None
        if value is not None:
            layer = layers.get(origin.split(":")[0], layers["file"])
            layer[option] = _plain(value)
    layers["var"].sources = {
        option: f"the variable {definitions[option]['vars'][0]['name']}" for option in layers["var"]
    }
    layers["file"].sources = dict.fromkeys(layers["file"], "the configuration file ansible.cfg")
    secrets.update(layers["file"][name] for name in SECRET_OPTIONS & layers["file"].keys())
    return [layers["Direct"], layers["var"], environ, ambient(layers["file"]), layers["default"]]


def _find_given(
    definitions: dict[str, dict[str, t.Any]], direct: dict[str, t.Any], variables: dict[str, t.Any]
) -> dict[str, tuple[str, t.Any]]:
    """By option, the name and the value of the argument, or else of the variable, that Ansible takes."""
    given = {}
    for option, definition in definitions.items():
        arguments = [name for name in (option, *definition.get("aliases", [])) if name in direct]
        if arguments and direct[arguments[0]] is not None:
            given[option] = arguments[0], decrypted(direct[arguments[0]])
            continue
        for entry in definition.get("vars", []):
            if entry["name"] in variables:
                given[option] = f"{option} (the variable {entry['name']})", variables[entry["name"]]
    return given


def _conversion_error(option: str, definition: dict[str, t.Any], given: dict[str, tuple[str, t.Any]]) -> str:
    """The message about a value that Ansible cannot convert, or that is not among the choices."""
    name, value = given.get(option, (f"{option} (the configuration file ansible.cfg)", None))
    what = "a value that is" if value is None else f"{shown(value)} is"
    if definition.get("choices"):
        return f"{name}: {what} not one of {', '.join(map(str, definition['choices']))}."
    return f"{name}: {what} not a valid {_TYPE_NAMES.get(definition.get('type', 'str'), 'string')}."


def decrypted(value: t.Any) -> t.Any:
    """A text that was encrypted, and each in a list, as a text, which it is not yet for ansible-core 2.16."""
    if isinstance(value, list):
        return [decrypted(item) for item in value]
    return str(value) if hasattr(value, "__ENCRYPTED__") else value


def _plain(value: t.Any) -> t.Any:
    """A text without what Ansible ties to it (where it comes from): requests refuses such a text as a header."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return "".join(value) if isinstance(value, str) else value
