# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The frame of every module: options in, errors out. Private: no other collection may rely on this file."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.edgecache.cloudflare.plugins.module_utils._arguments import (
    ARGUMENT_SPEC,
    CREDENTIAL_OPTIONS,
    SECRET_OPTIONS,
    Layer,
    environment,
    is_url,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError, ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._libraries import missing_libraries
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import (
    MIN_SECRET_LENGTH,
    find_credentials,
    find_misplaced,
    is_signed_url,
    may_be_secret,
    texts_in,
    type_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._zones import is_domain_name

MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""What Ansible itself puts in place of a secret."""

PATH_OPTIONS = frozenset({"ca_path", "sources"})
"""Options with paths, whose names may be long and random without being secret."""


class Module(AnsibleModule):
    """A module that shows no credential, whatever the option is that it was given in, and whatever its type.

    Ansible masks the values of ``no_log`` options. It gives up collecting them at list elements of a wrong type, it does not
    mask the keys of a dictionary, and it knows nothing of a credential in another option.
    """

    type_errors: list[str]
    """The messages about secrets that are not strings. Such values are taken out before anything else sees them."""

    def _load_params(self) -> None:
        load: t.Callable[[], None] = super()._load_params  # Ansible's own has no types
        load()
        self.type_errors = []
        for name in CREDENTIAL_OPTIONS & self.params.keys():
            value = self.params[name]
            if value is not None and not isinstance(value, str):
                self.no_log_values.update(text for text in texts_in(value) if len(text) >= MIN_SECRET_LENGTH)
                self.type_errors.append(type_error(name, value))
                self.params[name] = MASK

    def _log_invocation(self) -> None:
        self._mask()
        log: t.Callable[[], None] = super()._log_invocation
        log()

    def _mask(self) -> None:
        """Have Ansible mask the credentials of the task, and what has the form of one."""
        self.no_log_values.update(str(self.params[name]) for name in SECRET_OPTIONS if self.params.get(name))
        variables = environment(os.environ)
        self.no_log_values.update(variables[name] for name in SECRET_OPTIONS if name in variables)
        for name, value in _without_hosts(self.params).items():
            for text in texts_in([name, value]):
                self.no_log_values.update(find_credentials(text))
            if name in CREDENTIAL_OPTIONS and "@" not in str(value) and len(str(value)) >= MIN_SECRET_LENGTH:
                self.no_log_values.add(str(value))

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        """Fail, and mask what may be a credential too, since it may be what was rejected."""
        self._mask()
        for name, value in _without_hosts(self.params).items():
            for text in texts_in([name, value]):
                is_path = name in PATH_OPTIONS and ("/" in text or "." in text)
                if is_signed_url(text) or (not is_path and _may_be_misplaced(text)):
                    self.no_log_values.add(text)
        self.params = _without_secret_keys(self.params)
        super().fail_json(msg, **kwargs)
        raise AssertionError  # fail_json has ended the process


def _without_hosts(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options but for the host of each mapping: a name of the inventory, which may be long and random."""
    mappings = params.get("mappings")
    if not isinstance(mappings, list):
        return {**params}
    items = [{key: item[key] for key in item if key != "host"} if isinstance(item, dict) else item for item in mappings]
    return {**params, "mappings": items}


def _may_be_misplaced(text: str) -> bool:
    return may_be_secret(text) and not is_domain_name(text.strip()) and not is_url(text)


def _without_secret_keys(value: t.Any) -> t.Any:
    """The value with its keys masked that may be a credential: Ansible masks values alone."""
    if isinstance(value, dict):
        return {MASK if may_be_secret(str(key)) else key: _without_secret_keys(item) for key, item in value.items()}
    return [_without_secret_keys(item) for item in value] if isinstance(value, list) else value


def run_module(
    argument_spec: dict[str, t.Any],
    run: t.Callable[[AnsibleModule, list[Layer]], dict[str, t.Any]],
    **rules: t.Any,
) -> None:
    """Run a module: ``run`` gets it with the layers of its options, and returns its result.

    ``argument_spec`` has the options beside the shared ones, ``rules`` what ``AnsibleModule`` has for their
    combinations. An error ends the module with ``msg`` and ``failure``, beside the result of the error.
    """
    make: t.Callable[..., Module] = Module  # Ansible's own constructor has no types
    module = make(argument_spec={**ARGUMENT_SPEC, **argument_spec}, supports_check_mode=True, **rules)
    for library in missing_libraries():
        module.fail_json(msg=missing_required_lib(library))
    given = {name: value for name, value in module.params.items() if value is not None}
    layers = [Layer(given), environment(os.environ)]
    end: t.Callable[..., None] = module.exit_json
    try:
        check_secrets(module, layers)
        result = run(module, layers)
    except CloudflareError as error:
        end, result = module.fail_json, dict(error.result, msg=str(error), failure=error.failure())
    end(**result)  # outside of `except`, where fail_json would add a traceback at -vvv


def check_secrets(module: Module, layers: list[Layer]) -> None:
    """Raise a ``ConfigurationError`` for a credential that is not a string, and for one in an option for something else."""
    if module.type_errors:
        raise ConfigurationError(" ".join(sorted(module.type_errors)))
    secrets = [layer[name] for layer in layers for name in SECRET_OPTIONS if name in layer]
    others = {name: value for name, value in _without_hosts(layers[0]).items() if name not in SECRET_OPTIONS}
    if message := find_misplaced(others, secrets):
        raise ConfigurationError(message)
