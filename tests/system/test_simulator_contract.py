# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""schemathesis, another reader of the contract, finds no response of the simulator that violates it."""

from __future__ import annotations

import typing as t

import hypothesis
import pytest

from tests.simulator.testing import ROOT, RunningSimulator

# It needs a newer Python than the simulator.
schemathesis = pytest.importorskip("schemathesis")

CONFIG = schemathesis.Config.from_dict(
    {
        # Random ids would only test "no route".
        "parameters": {"path.zone_id": RunningSimulator.zone_id, "path.account_id": RunningSimulator.account_id},
        "checks": {
            # The API treats an undeclared method as an unknown route.
            "unsupported_method": {"enabled": False},
            # The API validates addresses and regions beyond their schemas; the test below has a stricter rule.
            "positive_data_acceptance": {"enabled": False},
            # This costs two more requests for each operation. All operations share the authentication, which test_simulator.py tests.
            "ignored_auth": {"enabled": False},
        },
    }
)
schema = schemathesis.openapi.from_path(ROOT / "tests" / "simulator" / "openapi.yaml", config=CONFIG)


tested: set[str] = set()
"""The operations whose test has run."""


@pytest.fixture(scope="module")
def contract_simulator(simulator: RunningSimulator, request: pytest.FixtureRequest) -> t.Iterator[RunningSimulator]:
    simulator.reset()
    yield simulator
    # If all tests have the same id, pytest-xdist runs only one of them
    assert tested == {item.operation_label for item in request.session.items if hasattr(item, "operation_label")}
    own = [entry for entry in simulator.stats()["contract_violations"] if "own answer" in entry["message"]]
    assert own == []


@schema.parametrize()
@hypothesis.settings(
    derandomize=True, database=None, max_examples=10, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_conformance(contract_simulator: RunningSimulator, case: t.Any) -> None:
    tested.add(case.operation.label)
    response = case.call_and_validate(
        base_url=contract_simulator.url, headers={"Authorization": f"Bearer {contract_simulator.token}"}
    )
    if case.meta.generation.mode.is_positive:
        assert "request breaks the contract" not in response.text
