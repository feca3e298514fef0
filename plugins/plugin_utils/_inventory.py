# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all inventories of the collection do alike. Private to the collection: other code must not import this file."""

from __future__ import annotations

import abc
import hashlib
import json
import re
import typing as t

from ansible import template
from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    API_URL,
    CREDENTIAL_OPTIONS,
    OptionSource,
    merge_options,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import iter_texts, redact
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._errors import translate_errors
from ansible_collections.edgecache.cloudflare.plugins.plugin_utils._options import collect_options, decrypt

trust_as_template: t.Callable[[str], str] = getattr(template, "trust_as_template", str)
"""Marks a text as safe. Before ansible-core 2.19, every text is safe that is not marked as unsafe."""

EXPRESSIONS = ("compose", "groups", "keyed_groups")
"""Options that are evaluated for each host."""


class CloudflareInventory(BaseInventoryPlugin, Constructable, Cacheable):
    """An inventory of hosts that are read from the API, or from the user's inventory cache.

    What is read, the data, is a list of items for JSON. A list, since caches do not keep the order of a dictionary.
    """

    NAME: str
    FILE_SUFFIX: str
    """The end of the file's name, without its extension."""

    # Attributes of Ansible that are set when parse begins
    inventory: t.Any
    _vars: t.Any

    @abc.abstractmethod
    def parse_query(self, sources: list[OptionSource]) -> t.Any:
        """Return what the options select, as a value for JSON. Raise ``ConfigurationError`` for invalid options."""

    @abc.abstractmethod
    def read(self, sources: list[OptionSource]) -> list[t.Any]:
        """Read the data from the API. Raise ``ConfigurationError`` for invalid options before any request."""

    @abc.abstractmethod
    def is_readable(self, item: t.Any) -> bool:
        """Return whether an item of a cache has the form of an item of ``read``, with lists for tuples."""

    @abc.abstractmethod
    def build_hosts(self, data: list[t.Any]) -> dict[str, dict[str, t.Any]]:
        """Return the variables of each host, by its name."""

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith((f"{self.FILE_SUFFIX}.yml", f"{self.FILE_SUFFIX}.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self.templar.available_variables = self._vars
        with translate_errors(AnsibleParserError) as self._secrets:
            self._read_config_data(path)
            data = self._get_data(path, self._sources, cache)
        for host, variables in self.build_hosts(data).items():
            self._add_host(host, variables)

    def set_options(self, task_keys: t.Any = None, var_options: t.Any = None, direct: t.Any = None) -> None:
        """Set the options of the file, with their templates evaluated, so that an option of any type can be a template.

        ``collect_options`` evaluates the variables. It is called first, since Ansible's own errors show the values that they
        reject.
        """
        given = {name: self._evaluate(name, value) for name, value in direct.items()}
        self._sources = collect_options(self, given, self._vars, self.templar, self._secrets)
        super().set_options(task_keys=task_keys, direct=given)

    def _evaluate(self, name: str, value: t.Any) -> t.Any:
        try:
            return value if name in EXPRESSIONS else decrypt(self.templar.template(value))
        except AnsibleError as error:
            # The message may repeat the template, and a credential in it
            text = redact(str(error), iter_texts(value)) if name in CREDENTIAL_OPTIONS else str(error)
            raise AnsibleParserError(f"{name} cannot be evaluated: {text}") from None

    def _get_data(self, path: str, sources: list[OptionSource], cache: bool) -> list[t.Any]:
        """Return the data from the user's inventory cache, or read and store them there."""
        if not self.get_option("cache"):
            return self.read(sources)
        option = merge_options(sources)
        verification = [option["validate_certs"], option.get("ca_path")]
        # Without the credential, since the cache outlives the run
        parts = [path, option.get("api_url", API_URL), verification, self.parse_query(sources)]
        # Ansible's own cache keys are short, so that two of them may be equal
        key = f"{self.NAME}_{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
        data = self._load_cached(key) if cache else []
        if not (isinstance(data, list) and data and all(map(self.is_readable, data))):
            self._cache[key] = data = self.read(sources)
        return data

    def _load_cached(self, key: str) -> t.Any:
        try:
            return self._cache.get(key)
        except Exception:  # any cache plugin may meet damaged or outdated data
            return None

    def _add_host(self, host: str, variables: dict[str, t.Any]) -> None:
        variables = {name: mark_trusted(value) for name, value in variables.items()}
        self.inventory.add_host(host)
        for name, value in variables.items():
            self.inventory.set_variable(host, name, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict)


def mark_trusted(value: t.Any) -> t.Any:
    """Return a value that Ansible will not evaluate, neither as a template nor as the expression of a ``when``.

    A text that can only be a name, a number or a time is marked as safe, where Ansible (2.19 and newer) requires it, since
    ansible-inventory and AWX show other texts as ``{"__ansible_unsafe": ...}``. Every other text is marked as unsafe.
    """
    if isinstance(value, list):
        return [mark_trusted(item) for item in value]
    if not isinstance(value, str):
        return value
    return trust_as_template(value) if re.fullmatch(r"[\w.:+-]*", value, re.ASCII) else wrap_var(value)
