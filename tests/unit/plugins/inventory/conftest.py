# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for tests of inventories. Ansible selects the plugin by the name of the inventory file."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing import vault
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.utils.display import Display
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.inventory_files import VAULT, Inventory, VaultDumper
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import KEY, TOKEN, UNRECOGNIZED_SECRET


@pytest.fixture
def loader(monkeypatch: pytest.MonkeyPatch) -> DataLoader:
    """A loader with the password of the vault."""
    if hasattr(vault, "VaultSecretsContext"):  # ansible-core 2.19 and newer
        monkeypatch.setattr(vault.VaultSecretsContext, "_current", vault.VaultSecretsContext(VAULT.secrets))
    loader = DataLoader()
    loader.set_vault_secrets(VAULT.secrets)
    return loader


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda self, msg, **more: texts.append(" ".join(str(msg).split())))
    return texts


@pytest.fixture
def extra_vars(monkeypatch: pytest.MonkeyPatch) -> dict[str, t.Any]:
    """The extra variables of the command line."""
    given: dict[str, t.Any] = {}
    monkeypatch.setattr("ansible.plugins.inventory.load_extra_vars", lambda loader: given)
    return given


@pytest.fixture
def inventory_name() -> str:
    """The inventory plugin to load. A test file of another inventory overrides this fixture."""
    return "edgecache.cloudflare.origin_cloud_regions"


@pytest.fixture
def file_suffix() -> str:
    """The end of the name of its files."""
    return "cloudflare_origins.yml"


@pytest.fixture
def write_file(tmp_path: Path, inventory_name: str, file_suffix: str) -> t.Callable[..., str]:
    def write_file(file: str = file_suffix, **options: t.Any) -> str:
        (tmp_path / file).write_text(yaml.dump({"plugin": inventory_name, **options}, Dumper=VaultDumper))
        return str(tmp_path / file)

    return write_file


@pytest.fixture
def load_inventory(
    write_file: t.Callable[..., str], file_suffix: str, messages: list[str], extra_vars: dict[str, t.Any]
) -> t.Callable[..., Inventory]:
    """Return the inventory of a file with these options."""

    def load_inventory(file: str = f"edge.{file_suffix}", **options: t.Any) -> Inventory:
        inventory = InventoryManager(DataLoader(), sources=[write_file(file, **options)])
        groups = {name: group for name, group in inventory.groups.items() if name not in ("all", "ungrouped")}
        return Inventory(
            {
                host.name: {name: value for name, value in host.vars.items() if not name.startswith("inventory_")}
                for host in inventory.get_hosts()
            },
            {name: {host.name for host in group.get_hosts()} for name, group in groups.items()},
            {
                name: {child.name for child in group.child_groups}
                for name, group in groups.items()
                if group.child_groups
            },
        )

    return load_inventory


@pytest.fixture
def cache_options(tmp_path: Path) -> dict[str, t.Any]:
    """The options for a cache in files."""
    return {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}


@pytest.fixture
def parse_file(
    write_file: t.Callable[..., str], inventory_name: str, loader: DataLoader, extra_vars: dict[str, t.Any]
) -> t.Callable[..., None]:
    """Parse a file with these options, by the plugin alone."""

    def parse_file(refresh: bool = False, **options: t.Any) -> None:
        plugin = inventory_loader.get(inventory_name)
        plugin.parse(InventoryData(), loader, write_file(**options), cache=not refresh)
        with contextlib.suppress(AttributeError):  # there is no cache
            plugin.update_cache_if_changed()

    return parse_file


@pytest.fixture
def get_error(parse_file: t.Callable[..., None]) -> t.Callable[..., str]:
    def get_error(**options: t.Any) -> str:
        with pytest.raises(AnsibleParserError) as caught:
            parse_file(**options)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
        assert not any(secret in str(caught.value) for secret in (TOKEN, KEY, UNRECOGNIZED_SECRET))
        return str(caught.value)

    return get_error
