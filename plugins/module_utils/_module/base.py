# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module: options, libraries, redaction, errors. Private to the collection: other code must not import this file."""

from __future__ import annotations

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.zones import is_domain_name
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import CloudflareError, ConfigurationError
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    ARGUMENT_SPEC,
    CREDENTIAL_OPTIONS,
    SECRET_OPTIONS,
    OptionSource,
    read_environment,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.requirements import missing_libraries
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import (
    MIN_SECRET_LENGTH,
    find_credentials,
    find_misplaced,
    format_type_error,
    is_signed_url,
    iter_texts,
    may_be_secret,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._urls import is_url

MASK = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""The text that Ansible itself shows instead of a secret."""

PATH_OPTIONS = frozenset({"ca_path", "sources"})
"""Options with paths, which may be long and look random without being secret."""


class Module(AnsibleModule):
    """A module that shows no credential, in any option and of any type.

    Ansible masks the values of ``no_log`` options. It stops collecting them at a list element of a wrong type, and masks
    neither the keys of a dictionary nor a credential in another option.
    """

    type_errors: list[str]
    """The messages about secrets that are not strings. Such values are removed before any other code sees them."""

    def _load_params(self) -> None:
        load: t.Callable[[], None] = super()._load_params  # Ansible's method has no type annotations
        load()
        self.type_errors = []
        for name in CREDENTIAL_OPTIONS & self.params.keys():
            value = self.params[name]
            if value is not None and not isinstance(value, str):
                self.no_log_values.update(text for text in iter_texts(value) if len(text) >= MIN_SECRET_LENGTH)
                self.type_errors.append(format_type_error(name, value))
                self.params[name] = MASK

    def _log_invocation(self) -> None:
        self._mask()
        log: t.Callable[[], None] = super()._log_invocation
        log()

    def _mask(self) -> None:
        """Make Ansible mask the credentials of the task, and every text that has the form of one."""
        self.no_log_values.update(str(self.params[name]) for name in SECRET_OPTIONS if self.params.get(name))
        variables = read_environment(os.environ)
        self.no_log_values.update(variables[name] for name in SECRET_OPTIONS if name in variables)
        for name, value in _without_hosts(self.params).items():
            for text in iter_texts([name, value]):
                self.no_log_values.update(find_credentials(text))
            if name in CREDENTIAL_OPTIONS and "@" not in str(value) and len(str(value)) >= MIN_SECRET_LENGTH:
                self.no_log_values.add(str(value))

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        """Fail, and also mask values that may be credentials, since the message may quote the rejected value."""
        self._mask()
        for name, value in _without_hosts(self.params).items():
            for text in iter_texts([name, value]):
                is_path = name in PATH_OPTIONS and ("/" in text or "." in text)
                if is_signed_url(text) or (not is_path and _may_be_misplaced(text)):
                    self.no_log_values.add(text)
        self.params = _without_secret_keys(self.params)
        fail: t.Callable[..., t.NoReturn] = super().fail_json  # Ansible's method has no type annotations
        fail(msg, **kwargs)


def _without_hosts(params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the options without the host of each mapping: an inventory name, which may be long and look random."""
    mappings = params.get("mappings")
    if not isinstance(mappings, list):
        return {**params}
    items = [{key: item[key] for key in item if key != "host"} if isinstance(item, dict) else item for item in mappings]
    return {**params, "mappings": items}


def _may_be_misplaced(text: str) -> bool:
    return may_be_secret(text) and not is_domain_name(text.strip()) and not is_url(text)


def _without_secret_keys(value: t.Any) -> t.Any:
    """Return the value with those keys masked that may be a credential, since Ansible masks only values."""
    if isinstance(value, dict):
        return {MASK if may_be_secret(str(key)) else key: _without_secret_keys(item) for key, item in value.items()}
    return [_without_secret_keys(item) for item in value] if isinstance(value, list) else value


def run_module(
    argument_spec: dict[str, t.Any],
    run: t.Callable[[AnsibleModule, list[OptionSource]], dict[str, t.Any]],
    **rules: t.Any,
) -> None:
    """Run a module: ``run`` gets the module and the sources of its options, and returns the result.

    ``argument_spec`` has the options of this module without the shared ones, ``rules`` the rules of ``AnsibleModule`` for their
    combinations. An error ends the module with ``msg``, ``failure`` and the result of the error.
    """
    make: t.Callable[..., Module] = Module  # Ansible's constructor has no type annotations
    module = make(argument_spec={**ARGUMENT_SPEC, **argument_spec}, supports_check_mode=True, **rules)
    for library in missing_libraries():
        module.fail_json(msg=missing_required_lib(library))
    given = {name: value for name, value in module.params.items() if value is not None}
    sources = [OptionSource(given), read_environment(os.environ)]
    end: t.Callable[..., None] = module.exit_json
    try:
        reject_misplaced_secrets(module, sources)
        result = run(module, sources)
    except CloudflareError as error:
        end, result = module.fail_json, dict(error.result, msg=str(error), failure=error.failure())
    end(**result)  # outside of `except`, since fail_json would add a traceback at -vvv


def reject_misplaced_secrets(module: Module, sources: list[OptionSource]) -> None:
    """Raise a ``ConfigurationError`` for a credential that is not a string, and for one in an unrelated option."""
    if module.type_errors:
        raise ConfigurationError(" ".join(sorted(module.type_errors)))
    secrets = [source[name] for source in sources for name in SECRET_OPTIONS if name in source]
    others = {name: value for name, value in _without_hosts(sources[0]).items() if name not in SECRET_OPTIONS}
    if message := find_misplaced(others, secrets):
        raise ConfigurationError(message)
