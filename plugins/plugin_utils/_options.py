# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a plugin. Private to the collection: other code must not import this file."""

from __future__ import annotations

import os
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._addresses import quote_value
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    ARGUMENT_SPEC,
    CREDENTIAL_OPTIONS,
    ENVIRONMENT,
    SECRET_OPTIONS,
    OptionSource,
    drop_unset,
    read_environment,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import (
    find_misplaced,
    format_type_error,
    iter_texts,
    may_be_secret,
)

_NEVER_SECRET = {*ARGUMENT_SPEC, "zones", "sources", "account_id", "account_name", "name", "status"} - SECRET_OPTIONS
"""Options that must not hold a credential. Others, such as ``default`` or Ansible's own, may hold any value."""

_TYPE_NAMES = {
    "bool": "boolean",
    "boolean": "boolean",
    "dict": "dictionary",
    "float": "number",
    "int": "whole number",
    "integer": "whole number",
    "list": "list",
}


def collect_options(
    plugin: t.Any, direct: dict[str, t.Any], variables: dict[str, t.Any], templar: t.Any, secrets: set[str]
) -> list[OptionSource]:
    """Return the options of a plugin by source: arguments, variables, environment, configuration file, defaults.

    ``direct`` are the arguments. An unknown one is an error, which Ansible itself ignores. Every credential is added to
    ``secrets``. Values are validated before Ansible converts them, since its own errors show them.
    """
    definitions = C.config.get_configuration_definitions(plugin.plugin_type, plugin._load_name)
    options = {name: definition for name, definition in definitions.items() if not name.startswith("_")}
    environ = read_environment(os.environ, "plugin")
    secrets.update(environ[name] for name in SECRET_OPTIONS & environ.keys())
    secrets.update(text for name in SECRET_OPTIONS & direct.keys() for text in iter_texts(decrypt(direct[name])))
    _reject_unknown(direct, options)
    # Ansible passes variables to plugins with their templates
    names = [entry["name"] for definition in options.values() for entry in definition.get("vars", [])]
    templated = {name: decrypt(templar.template(variables[name])) for name in names if name in variables}
    given = _find_given(options, direct, templated)
    secrets.update(text for name in SECRET_OPTIONS & given.keys() for text in iter_texts(given[name][1]))
    _reject_misplaced_secrets(given, secrets)
    # `read_environment` reads these variables. Ansible would use the last one that is set, even an empty one, and then ignore the
    # configuration file.
    for option in ENVIRONMENT.keys() & options.keys():
        options[option]["env"] = []
    sources = {kind: OptionSource({}, {}, "plugin") for kind in ("Direct", "var", "env", "file", "default")}
    for option, definition in options.items():
        try:
            value, origin = C.config.get_config_value_and_origin(
                option,
                plugin_type=plugin.plugin_type,
                plugin_name=plugin._load_name,
                variables=templated,
                direct=direct,
            )
        except (AnsibleError, TypeError, ValueError):
            raise ConfigurationError(_conversion_error(option, definition, given)) from None
        if value is not None:
            sources.get(origin.split(":")[0], sources["file"])[option] = _untag(value)
    sources["var"].origins = {option: f"the variable {options[option]['vars'][0]['name']}" for option in sources["var"]}
    sources["file"].origins = dict.fromkeys(sources["file"], "the configuration file ansible.cfg")
    secrets.update(sources["file"][name] for name in SECRET_OPTIONS & sources["file"].keys())
    return [sources["Direct"], sources["var"], environ, drop_unset(sources["file"]), sources["default"]]


def _reject_unknown(direct: t.Mapping[str, t.Any], options: dict[str, dict[str, t.Any]]) -> None:
    known = {alias for option, definition in options.items() for alias in (option, *definition.get("aliases", []))}
    if unknown := sorted(direct.keys() - known):
        named = ", ".join("(not shown)" if may_be_secret(name) else name for name in unknown)
        raise ConfigurationError(f"Unknown option: {named}. The options are {', '.join(sorted(known))}.")


def _reject_misplaced_secrets(given: dict[str, tuple[str, t.Any]], secrets: set[str]) -> None:
    """Raise a ``ConfigurationError`` for a credential that is not a string, and for one in an unrelated option."""
    for option in CREDENTIAL_OPTIONS & given.keys():
        name, value = given[option]
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(format_type_error(name, value))
    if message := find_misplaced(dict(given[option] for option in _NEVER_SECRET & given.keys()), secrets):
        raise ConfigurationError(message)


def _find_given(
    options: dict[str, dict[str, t.Any]], direct: dict[str, t.Any], variables: dict[str, t.Any]
) -> dict[str, tuple[str, t.Any]]:
    """Return, by option, name and value of the argument, or else of the variable, that Ansible uses."""
    given = {}
    for option, definition in options.items():
        arguments = [name for name in (option, *definition.get("aliases", [])) if name in direct]
        if arguments and direct[arguments[0]] is not None:
            given[option] = arguments[0], decrypt(direct[arguments[0]])
            continue
        for entry in definition.get("vars", []):
            if entry["name"] in variables:
                given[option] = f"{option} (the variable {entry['name']})", variables[entry["name"]]
    return given


def _conversion_error(option: str, definition: dict[str, t.Any], given: dict[str, tuple[str, t.Any]]) -> str:
    """Return the message about a value that Ansible cannot convert, or that is not one of the choices."""
    variables = [entry["name"] for entry in definition.get("env", []) if entry["name"] in os.environ]
    origin = f"{variables[-1]} in the environment" if variables else "the configuration file ansible.cfg"
    name, value = given.get(option, (f"{option} ({origin})", None))
    what = "a value that is" if value is None else f"{quote_value(value)} is"
    if "choices" in definition:
        return f"{name}: {what} not valid. It must be one of {', '.join(definition['choices'])}."
    return f"{name}: {what} not a valid {_TYPE_NAMES.get(definition.get('type', 'str'), 'string')}."


def decrypt(value: t.Any) -> t.Any:
    """Return an encrypted text, or each in a list, as a text: ansible-core 2.16 passes it as an object."""
    if isinstance(value, list):
        return [decrypt(item) for item in value]
    return str(value) if hasattr(value, "__ENCRYPTED__") else value


def _untag(value: t.Any) -> t.Any:
    """Return a text without the tags of Ansible (where it comes from): requests rejects a tagged text as a header."""
    if isinstance(value, list):
        return [_untag(item) for item in value]
    return "".join(value) if isinstance(value, str) else value
