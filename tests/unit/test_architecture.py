# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The layers of the code: the allowed imports, and the table of files in CONTRIBUTING.md."""

from __future__ import annotations

import ast
import re
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
MODULE_UTILS = PLUGINS / "module_utils"
PACKAGE = "ansible_collections.edgecache.cloudflare."

LAYERS = ("_module", "_hints", "_origins", "_ranges", "_api", "_http", "")
"""The folders of ``module_utils`` from top to bottom. The last entry is for the files in no folder."""

BASE_FILES = {"_addresses.py", "_errors.py", "_secrets.py", "_text.py", "_urls.py", "_version.py"}

ALLOWED_IMPORTS = {
    "action": {"action", "plugin_utils", "module_utils"},
    "doc_fragments": set(),
    "filter": {"plugin_utils"},
    "inventory": {"plugin_utils", "module_utils"},
    "lookup": {"plugin_utils", "module_utils"},
    "module_utils": {"module_utils"},
    "modules": {"module_utils"},
    "plugin_utils": {"plugin_utils", "module_utils"},
}
"""For each folder of ``plugins``, the folders that it may import from."""

DOCUMENTATION = ("DOCUMENTATION", "EXAMPLES", "RETURN")
MAX_MODULE_LINES = 40


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def label(path: Path) -> str:
    return path.relative_to(PLUGINS).as_posix()


def layer_of(path: Path) -> str:
    """Return the layer of a file of ``module_utils``."""
    return path.relative_to(MODULE_UTILS).parts[0] if path.parent != MODULE_UTILS else ""


def imports_of(path: Path) -> t.Iterator[str]:
    """Yield the full name of everything that a file imports, also within functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import in line {node.lineno}"
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def imported_files(path: Path) -> t.Iterator[Path]:
    """Yield the files of the collection that a file imports."""
    for name in imports_of(path):
        if not name.startswith(PACKAGE):
            continue
        module = ROOT.joinpath(*name[len(PACKAGE) :].split("."))
        found = [one.with_suffix(".py") for one in (module, module.parent) if one.with_suffix(".py").is_file()]
        assert found, f"{path}: {name} is not in a file of the collection"
        yield found[0]


def top_folder(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "plugins" else parts[0]


@pytest.mark.parametrize("path", files_in(PLUGINS), ids=label)
def test_folder_imports(path: Path) -> None:
    assert {top_folder(imported) for imported in imported_files(path)} <= ALLOWED_IMPORTS[top_folder(path)]


@pytest.mark.parametrize("path", files_in(MODULE_UTILS), ids=label)
def test_room_imports(path: Path) -> None:
    allowed = LAYERS[LAYERS.index(layer_of(path)) :]
    violations = [label(imported) for imported in imported_files(path) if layer_of(imported) not in allowed]
    assert not violations


@pytest.mark.parametrize("path", files_in(MODULE_UTILS), ids=label)
def test_only_module_base_imports_ansible(path: Path) -> None:
    uses_ansible = any(name.split(".")[0] == "ansible" for name in imports_of(path))
    assert uses_ansible == (path == MODULE_UTILS / "_module/base.py")


def test_layer_names() -> None:
    assert {layer_of(path) for path in files_in(MODULE_UTILS)} == set(LAYERS)
    assert {path.name for path in MODULE_UTILS.glob("*.py")} - {"__init__.py"} == BASE_FILES
    assert all(len(path.relative_to(MODULE_UTILS).parts) <= 2 for path in files_in(MODULE_UTILS))


def test_contributing_table() -> None:
    """The table has a row for each file, layer by layer from top to bottom."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## Architecture")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(_[\w/]+\.py)` \| \S", section, re.MULTILINE)
    paths = [path for path in files_in(MODULE_UTILS) if path.name != "__init__.py"]
    paths.sort(key=lambda path: LAYERS.index(layer_of(path)))
    assert rows == [path.relative_to(MODULE_UTILS).as_posix() for path in paths]


def test_module_size() -> None:
    """The logic of ``origin_cloud_regions`` is in ``_hints``."""
    assert len(lines_of_code(PLUGINS / "modules/origin_cloud_regions.py")) <= MAX_MODULE_LINES


def lines_of_code(path: Path) -> set[int]:
    """Return the numbers of the lines that are neither blank, nor a comment, the documentation or the argument spec."""
    text = path.read_text(encoding="utf-8")
    lines = {
        number for number, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in DOCUMENTATION:
            lines -= lines_of(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "run_module":
            lines -= lines_of(node.args[0])
    return lines


def lines_of(node: t.Any) -> set[int]:
    return set(range(node.lineno, node.end_lineno + 1))
