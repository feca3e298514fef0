# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One simulator for all tests of this folder, reset for each test that asks for a fresh one."""

from __future__ import annotations

import signal
import typing as t
from pathlib import Path

import pytest

from tests.simulator.plain_client import Api
from tests.simulator.testing import RunningSimulator, running_simulator
from tests.system.playbooks import Ansible

HANGS = 180
"""Seconds after which a test is taken to hang."""


@pytest.fixture(scope="session")
def simulator() -> t.Iterator[RunningSimulator]:
    with running_simulator() as running:
        yield running


@pytest.fixture
def fresh_simulator(simulator: RunningSimulator) -> RunningSimulator:
    simulator.reset()
    return simulator


@pytest.fixture
def api(fresh_simulator: RunningSimulator) -> t.Iterator[Api]:
    with Api(fresh_simulator) as client:
        yield client


@pytest.fixture
def ansible(fresh_simulator: RunningSimulator, tmp_path: Path) -> Ansible:
    return Ansible(tmp_path, fresh_simulator)


@pytest.fixture
def bounded() -> t.Iterator[None]:
    """No test goes on for ever."""

    def end(*dummy: object) -> t.NoReturn:
        pytest.fail(f"hangs for more than {HANGS} seconds")

    previous = signal.signal(signal.SIGALRM, end)
    signal.alarm(HANGS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)
