# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs modules and lookups of the collection in the process of the tests, where a process of their own would add nothing but time."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import typing as t

import pytest
from ansible import template
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader


def print_result(name: str, /, **options: t.Any) -> str:
    """Return what the ``main()`` of a module prints with these options."""
    module = importlib.import_module(f"ansible_collections.edgecache.cloudflare.plugins.modules.{name}")
    stdout, stderr = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        patch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        if "ansible.module_utils._internal" in sys.modules:  # ansible-core 2.19 and newer: as in a module's own process
            patch.setattr(sys.modules["ansible.module_utils._internal"], "is_controller", False)
        warnings._global_warnings.clear()
        with (
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            pytest.raises(SystemExit) as ended,
        ):
            module.main()
    assert stderr.getvalue() == ""
    assert (ended.value.code != 0) == json.loads(stdout.getvalue()).get("failed", False)
    return stdout.getvalue()


def run_module(name: str, /, **options: t.Any) -> dict[str, t.Any]:
    """Return the result of a module with these options, its warnings as texts, without the invocation."""
    result: dict[str, t.Any] = json.loads(print_result(name, **options))
    result.pop("invocation", None)
    result["warnings"] = [one if isinstance(one, str) else one["event"]["msg"] for one in result.get("warnings", [])]
    return result


def run_lookup(name: str, /, *terms: str, variables: dict[str, t.Any] | None = None, **options: t.Any) -> list[t.Any]:
    """Return the results of a lookup with these terms and variables, or raise its error. Warnings go to standard error."""
    loader = DataLoader()
    templar = template.Templar(loader=loader, variables=variables or {})
    plugin = lookup_loader.get(f"edgecache.cloudflare.{name}", loader=loader, templar=templar)
    found: list[t.Any] = plugin.run(list(terms), variables=variables or {}, **options)
    return found
