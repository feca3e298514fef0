# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for tests of plugins: the mocked HTTP transport (the wire), the clock, and runs of a module or a lookup."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import os
import sys
import tempfile
import types
import typing as t
from pathlib import Path

import pytest
import requests
import responses
from ansible.module_utils import basic
from ansible.module_utils.common import parameters, warnings
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api import client as _client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http import pacing as _pacing
from ansible_collections.edgecache.cloudflare.plugins.module_utils._http import session as _session
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module import options as _options
from ansible_collections.edgecache.cloudflare.plugins.modules import origin_cloud_region_info
from ansible_collections.edgecache.cloudflare.tests.unit.plugins.wire import (
    API_URL,
    KEY,
    TOKEN,
    UNRECOGNIZED_SECRET,
    ZONE_ID,
    ExpectedResponses,
    FakeClock,
    FakeZone,
    Wire,
)


@pytest.fixture(scope="session")
def _new_folders(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Path]:
    folder = tmp_path_factory.mktemp("tests")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture
def tmp_path(_new_folders: t.Iterator[Path]) -> Path:
    """Return a new folder. The fixture of pytest lists the folders of all earlier tests for each test, which takes seconds."""
    path = next(_new_folders)
    path.mkdir()
    return path


@pytest.fixture(autouse=True)
def shared_folder(monkeypatch: pytest.MonkeyPatch, _new_folders: t.Iterator[Path]) -> Path:
    """Return the folder of the files that all processes of this user share."""
    path = next(_new_folders)
    path.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path / f"edgecache-cloudflare-{os.geteuid()}"


@pytest.fixture(autouse=True)
def _isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if "ansible.constants" in sys.modules:  # not imported where ansible-test runs tests of modules
        # Each test is one run of Ansible
        monkeypatch.setattr(sys.modules["ansible.constants"], "DEFAULT_LOCAL_TMP", str(tmp_path))
    for name in list(os.environ):
        if name.startswith("CLOUDFLARE_") or name.lower().endswith(("_proxy", "_ca_bundle")) or name == "NETRC":
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The clock of each client. Pauses between tries have no jitter."""

    def full(low: float, high: float) -> float:
        assert (low, high) == (0.5, 1.0)
        return high

    fake = FakeClock()
    for session in (_client.Client, _session.HttpSession, _pacing.RequestPacer):
        monkeypatch.setattr(_options, session.__name__, functools.partial(session, clock=fake, sleep=fake.sleep))
    monkeypatch.setattr(_session.random, "uniform", full)
    return fake


@pytest.fixture(autouse=True)
def wire(clock: FakeClock) -> t.Iterator[Wire]:
    with responses.RequestsMock(registry=ExpectedResponses) as mock:
        yield Wire(mock, clock)
        refused = [str(call.response) for call in mock.calls if "refused by Responses" in str(call.response)]
    assert not refused


@pytest.fixture
def messages() -> list[str]:
    """The messages of the client of this test."""
    return []


@pytest.fixture
def client(clock: FakeClock, messages: list[str]) -> _client.Client:
    credential = _client.Credential.from_token(TOKEN)
    return _client.Client(credential, API_URL, before_sleep=messages.append, clock=clock, sleep=clock.sleep)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> FakeZone:
    """The fake API of each client of this test."""
    fake = FakeZone()
    monkeypatch.setattr(requests.Session, "get_adapter", lambda session, url: fake)
    return fake


@pytest.fixture
def module_under_test() -> types.ModuleType:
    """The module to run. A test file of another module overrides this fixture."""
    return origin_cloud_region_info


@pytest.fixture
def run_bare(
    module_under_test: types.ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> t.Callable[..., dict[str, t.Any]]:
    """Run the module as a script with these options, and return its result."""
    spec = importlib.util.spec_from_file_location("__main__", module_under_test.__file__)

    def run(**options: t.Any) -> dict[str, t.Any]:
        if "inject_invocation" in parameters.PASS_VARS:  # else the invocation is always part of the result
            options["_ansible_inject_invocation"] = True
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        if "ansible.module_utils._internal" in sys.modules:  # as in the process of a module, since ansible-core 2.19
            monkeypatch.setattr(sys.modules["ansible.module_utils._internal"], "is_controller", False, raising=False)
        warnings._global_warnings.clear()
        with pytest.raises(SystemExit) as exit_info:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        output = capsys.readouterr()
        result: dict[str, t.Any] = json.loads(output.out)
        assert output.err == ""
        assert not any(secret in output.out for secret in (TOKEN, KEY, UNRECOGNIZED_SECRET))
        assert (exit_info.value.code != 0) == result.get("failed", False)
        result.pop("invocation", None)
        if "warnings" in result:
            result["warnings"] = [one if isinstance(one, str) else one["event"]["msg"] for one in result["warnings"]]
        return result

    return run


@pytest.fixture
def run(run_bare: t.Callable[..., dict[str, t.Any]]) -> t.Callable[..., dict[str, t.Any]]:
    """As ``run_bare``, with a token and a zone."""
    return functools.partial(run_bare, api_token=TOKEN, zone_id=ZONE_ID)


@pytest.fixture
def closed_sessions(monkeypatch: pytest.MonkeyPatch) -> list[requests.Session]:
    """The sessions that have been closed."""
    sessions: list[requests.Session] = []

    def close(session: requests.Session) -> None:
        sessions.append(session)

    monkeypatch.setattr(requests.Session, "close", close)
    return sessions


@pytest.fixture
def hide_library(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], None]:
    """Hide a library, as if it were not installed, and forget the imported collection."""

    def hide_library(library: str) -> None:
        for name in list(sys.modules):
            if name.startswith("ansible_collections.edgecache.cloudflare.plugins."):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, library, None)

    return hide_library


@pytest.fixture
def lookup_name() -> str:
    """The lookup to call. A test file of another lookup overrides this fixture."""
    return "origin_cloud_region"


@pytest.fixture
def look_up_bare(lookup_name: str) -> t.Callable[..., list[t.Any]]:
    """Call the lookup with these terms, options and variables of the play."""
    # Not installed where ansible-test runs tests of modules
    from ansible import template
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import lookup_loader

    trusted = getattr(template, "trust_as_template", str)

    def look_up(*terms: t.Any, variables: dict[str, t.Any] | None = None, **options: t.Any) -> list[t.Any]:
        template_variables = {
            name: trusted(value) if isinstance(value, str) else value for name, value in (variables or {}).items()
        }
        loader = DataLoader()
        plugin = lookup_loader.get(
            f"edgecache.cloudflare.{lookup_name}",
            loader=loader,
            templar=template.Templar(loader=loader, variables=template_variables),
        )
        return plugin.run(list(terms), variables=template_variables, **options)

    return look_up


@pytest.fixture
def look_up(look_up_bare: t.Callable[..., list[t.Any]]) -> t.Callable[..., list[t.Any]]:
    """As ``look_up_bare``, with a token and a zone."""
    return functools.partial(look_up_bare, api_token=TOKEN, zone_id=ZONE_ID)
