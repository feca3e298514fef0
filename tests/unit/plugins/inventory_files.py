# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of inventories, and what Ansible makes of them."""

from __future__ import annotations

import typing as t

import yaml
from ansible import template
from ansible.parsing import vault

VAULT = vault.VaultLib([("default", vault.VaultSecret(b"password"))])


def is_unsafe(value: t.Any) -> bool:
    """Return whether Ansible does not template the value, and ansible-inventory shows it as unsafe."""
    is_trusted = getattr(template, "is_trusted_as_template", lambda text: not hasattr(text, "__UNSAFE__"))
    return isinstance(value, str) and not is_trusted(value)


class Inventory(t.NamedTuple):
    """A parsed inventory: the variables of each host, the hosts of each group, and the child groups of each group."""

    hosts: dict[str, dict[str, t.Any]]
    groups: dict[str, set[str]]
    children: dict[str, set[str]]


class VaultedText(str):
    """A text that the inventory file has in encrypted form."""


class VaultDumper(yaml.SafeDumper):
    pass


VaultDumper.add_representer(
    VaultedText, lambda dumper, text: dumper.represent_scalar("!vault", VAULT.encrypt(text).decode(), style="|")
)
