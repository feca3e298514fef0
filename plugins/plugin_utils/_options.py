# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a plugin, in layers. Private to the collection: no other collection may rely on this file."""

from __future__ import annotations

import os
import typing as t

from ansible import constants as C
from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import (
    Layer,
    ambient,
    environment,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import ConfigurationError


def option_layers(plugin: t.Any, direct: dict[str, t.Any], variables: dict[str, t.Any], templar: t.Any) -> list[Layer]:
    """The options of a plugin: its arguments, then variables, the environment, the configuration file, the defaults.

    ``direct`` are the arguments: one that the plugin does not know is an error, where Ansible itself says nothing.
    """
    definitions = C.config.get_configuration_definitions(plugin.plugin_type, plugin._load_name)
    known = {name for name in definitions if not name.startswith("_")}
    known.update(alias for option in definitions.values() for alias in option.get("aliases", []))
    if unknown := sorted(set(direct) - known):
        raise ConfigurationError(f"Unknown: {', '.join(unknown)}. The options are {', '.join(sorted(known))}.")
    options = [name for name in definitions if not name.startswith("_")]
    # Ansible hands variables to plugins as they were written, with their templates
    names = [entry["name"] for option in options for entry in definitions[option].get("vars", [])]
    templated = {name: templar.template(variables[name]) for name in names if name in variables}
    # The environment is read as modules read it. Ansible would take the last of several variables, even an empty one, and
    # then not look into the file.
    without_environment = f"{plugin._load_name} without environment"
    C.config.initialize_plugin_configuration_definitions(
        plugin.plugin_type,
        without_environment,
        {option: {**definitions[option], "env": []} for option in options},
    )
    layers: dict[str, dict[str, t.Any]] = {"Direct": {}, "var": {}, "file": {}, "default": {}}
    for option in options:
        value, origin = C.config.get_config_value_and_origin(
            option, plugin_type=plugin.plugin_type, plugin_name=without_environment, variables=templated, direct=direct
        )
        if value is not None:
            layers.get(origin.split(":")[0], layers["file"])[option] = _plain(value)
    return [
        layers["Direct"],
        layers["var"],
        environment(os.environ),
        ambient(layers["file"]),
        layers["default"],
    ]


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
