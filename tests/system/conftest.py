# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One simulator for all tests of this folder. The fixture ``fresh_simulator`` resets it."""

from __future__ import annotations

import signal
import tempfile
import typing as t
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader
from ansible.utils.collection_loader import AnsibleCollectionConfig

from tests.simulator.api_client import ApiClient
from tests.simulator.testing import RunningSimulator, running_simulator
from tests.system.playbooks import Ansible, ForkedAnsible, ForkServer

MAX_TEST_SECONDS = 180
"""A test that takes longer fails as hanging."""


# A worker of pytest-xdist is a separate process, which needs its own loader.
if AnsibleCollectionConfig.collection_finder is None:
    init_plugin_loader()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: not part of make test, but of make test-all")


@pytest.fixture(autouse=True)
def _rate_limit_of_this_test(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep a block by the rate limit from the next test, whose credential is the same."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("shared")))


@pytest.fixture(scope="session")
def simulator() -> t.Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture
def fresh_simulator(simulator: RunningSimulator) -> RunningSimulator:
    simulator.reset()
    return simulator


@pytest.fixture
def api(fresh_simulator: RunningSimulator) -> t.Iterator[ApiClient]:
    with ApiClient(fresh_simulator) as client:
        yield client


@pytest.fixture
def ansible(fresh_simulator: RunningSimulator, tmp_path: Path) -> Ansible:
    return Ansible(tmp_path, fresh_simulator)


@pytest.fixture(scope="session")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ForkServer]:
    with ForkServer(tmp_path_factory.mktemp("fork_server")) as server:
        yield server


@pytest.fixture
def forked_ansible(fresh_simulator: RunningSimulator, tmp_path: Path, fork_server: ForkServer) -> ForkedAnsible:
    return ForkedAnsible(tmp_path, fresh_simulator, fork_server)


@pytest.fixture
def time_limit() -> t.Iterator[None]:
    """Fail a test that hangs."""

    def end(*dummy: object) -> t.NoReturn:
        pytest.fail(f"hangs for more than {MAX_TEST_SECONDS} seconds")

    previous = signal.signal(signal.SIGALRM, end)
    signal.alarm(MAX_TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)
