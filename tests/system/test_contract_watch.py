# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comparison of the contract with Cloudflare's SDK: the two agree, and each kind of difference is reported."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from tests.simulator.contract import CONTRACT_FILE

contract_watch = pytest.importorskip("tests.tools.contract_watch")  # which needs the SDK
SDK_VERSION = contract_watch.cloudflare.__version__

pytestmark = pytest.mark.slow

LIST = "origin-cloud-regions-v2-list"
GET = "origin-cloud-regions-v2-get"
PUT = "origin-cloud-regions-v2-upsert"
PUT_BATCH = "origin-cloud-regions-v2-batch-upsert"
SUPPORTED = "origin-cloud-regions-v2-supported-regions"
MAPPINGS = (f"{LIST}: result.*", f"{GET}: result", f"{PUT}: result")
"""Where an answer has a mapping."""
REGIONS = "/zones/{zone_id}/origin/cloud_regions"
TIERED_CACHING = "/zones/{zone_id}/argo/tiered_caching"

Document = dict[str, t.Any]


def find_differences(contract: Path, output: pytest.CaptureFixture[str]) -> list[str]:
    """Run the comparison with this contract, and return the differences that it prints."""
    code = contract_watch.main(["--contract", str(contract)])
    lines = output.readouterr().out.splitlines()
    found = [line.removeprefix("DIFFERENCE ") for line in lines if line.startswith("DIFFERENCE ")]
    assert code == (1 if found else 0)
    assert lines[-1] == f"{len(found)} differences between {contract.name} and cloudflare {SDK_VERSION}"
    return found


def test_contract_agrees_with_sdk(capsys: pytest.CaptureFixture[str]) -> None:
    assert contract_watch.main([]) == 0
    output, errors = capsys.readouterr()
    assert errors == "" and "DIFFERENCE" not in output
    assert "not compared: error codes" in output
    assert output.endswith(f"0 differences between openapi.yaml and cloudflare {SDK_VERSION}\n")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(
            lambda paths, schemas: schemas["origin_cloud_region"]["properties"].pop("modified_on"),
            [f"{one}.modified_on: only in the SDK: contract: none, SDK: date-time, optional" for one in MAPPINGS],
            id="removed field",
        ),
        pytest.param(
            lambda paths, schemas: schemas["origin_cloud_region"]["properties"].update(note={"type": "string"}),
            [f"{one}.note: only in the contract: contract: string, optional, SDK: none" for one in MAPPINGS],
            id="added field",
        ),
        pytest.param(
            lambda paths, schemas: schemas["vendor"]["enum"].append("acme"),
            [
                f"{one}.vendor: values: contract: acme, aws, azure, gcp, oci, SDK: aws, azure, gcp, oci"
                for one in (*MAPPINGS, f"{PUT}: body", f"{PUT_BATCH}: body.*")
            ],
            id="enumeration",
        ),
        pytest.param(
            lambda paths, schemas: schemas["supported_regions"]["required"].remove("obtained_codes"),
            [f"{SUPPORTED}: result.obtained_codes: required: contract: False, SDK: True"],
            id="optional field",
        ),
        pytest.param(
            lambda paths, schemas: schemas["supported_regions"]["properties"].update(obtained_codes={"type": "string"}),
            [f"{SUPPORTED}: result.obtained_codes: type: contract: string, SDK: boolean"],
            id="type",
        ),
        pytest.param(
            lambda paths, schemas: schemas["dns_record"]["properties"].update(proxied={"type": "string"}),
            ["dns-records-list: result.*.proxied: type: contract: string, SDK: boolean"],
            id="type of a value with several forms",
        ),
        pytest.param(
            lambda paths, schemas: schemas["origin_rule"]["properties"].update(host={"type": "string"}),
            ["origin-rules-get: result.rules.*.host: only in the contract: contract: string, optional, SDK: none"],
            id="added field of a value with several forms",
        ),
        pytest.param(
            lambda paths, schemas: schemas["pool"]["properties"].update(enabled={"type": "integer"}),
            ["load-balancer-pools-list: result.*.enabled: type: contract: integer, SDK: boolean"],
            id="type in a list without pages",
        ),
        pytest.param(
            lambda paths, schemas: schemas["message"]["properties"].pop("source"),
            ["errors: errors.*.source: only in the SDK: contract: none, SDK: object, optional"],
            id="field of an error",
        ),
        pytest.param(
            lambda paths, schemas: paths.update({f"{REGIONS}/all": paths.pop(f"{REGIONS}/supported_regions")}),
            [f"{SUPPORTED}: path: value: contract: {REGIONS}/all, SDK: {REGIONS}/supported_regions"],
            id="path",
        ),
        pytest.param(
            lambda paths, schemas: paths[REGIONS].update(put=paths[REGIONS].pop("get")),
            [f"{LIST}: method: value: contract: PUT, SDK: GET"],
            id="method",
        ),
        pytest.param(
            lambda paths, schemas: paths[REGIONS]["get"]["parameters"].pop(),
            [f"{LIST}: query.per_page: only in the SDK: contract: none, SDK: integer, optional"],
            id="parameter",
        ),
        pytest.param(
            lambda paths, schemas: json_body(paths[f"{REGIONS}/batch"]["put"]).update(maxItems=50),
            [f"{PUT_BATCH}: text: limits: contract: 50, SDK: 100"],
            id="limit of the body",
        ),
        pytest.param(
            lambda paths, schemas: paths[f"{REGIONS}/{{origin_ip}}"]["put"].update(description="Up to 3,000 of them."),
            [f"{PUT}: text: limits: contract: 3000, SDK: 1164, 3500"],
            id="limit in the text",
        ),
        pytest.param(
            lambda paths, schemas: paths[TIERED_CACHING]["get"].update(operationId="tiered-caching-read"),
            [
                "tiered-caching-read: operation: not in the table METHODS: contract: none, SDK: none",
                "tiered-caching-get: operation: only in the table METHODS: contract: none, SDK: none",
            ],
            id="operation",
        ),
        pytest.param(
            lambda paths, schemas: paths[f"{REGIONS}/batch"]["delete"].pop("requestBody"),
            ["*-batch-delete: body: only in the contract: accepted, but the difference no longer exists"],
            id="accepted difference that no longer exists",
        ),
    ],
)
def test_contract_differs(
    change: t.Callable[[Document, Document], object],
    expected: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = yaml.safe_load(CONTRACT_FILE.read_text(encoding="utf-8"))
    change(document["paths"], document["components"]["schemas"])
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert sorted(find_differences(changed, capsys)) == sorted(expected)


def json_body(operation: Document) -> Document:
    schema: Document = operation["requestBody"]["content"]["application/json"]["schema"]
    return schema


def test_sdk_lacks_a_method(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(contract_watch.METHODS, SUPPORTED, "cache.origin_cloud_regions.all")
    assert find_differences(CONTRACT_FILE, capsys) == [
        f"{SUPPORTED}: operation: only in the contract: contract: none, SDK: no method cache.origin_cloud_regions.all"
    ]
