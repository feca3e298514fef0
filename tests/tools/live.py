# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the answers of the real API with the contract, ``tests/simulator/openapi.yaml``.

The environment names the credential and the zone: CLOUDFLARE_API_TOKEN or CLOUDFLARE_TOKEN (or CLOUDFLARE_EMAIL with
CLOUDFLARE_API_KEY), and CLOUDFLARE_ZONE_ID. CLOUDFLARE_BASE_URL names another API than Cloudflare's.

Without ``--write``, nothing is written. The program sends each operation that reads: zones-list again with the name of
the zone, if the credential lists the zone; the read of one mapping for an address without a mapping, and again for one
with a mapping, if the zone has one. What the zone does not have, or the credential may not read, is skipped among the
operations for the origins of the zone. ``--write`` adds 6 requests, which create and delete a mapping, alone and in a batch.
Its address is a random one of 2001:db8::/32, the range for documentation. The mapping is deleted in any case, with one
more request if a step fails or the program is interrupted. The client retries a request whose answer is lost; such
retries are not counted.

The operations that switch Tiered Cache are never sent: they would change how the zone works.

Exit code: 0 if all answers agree with the contract, 1 if an answer differs or could not be checked, 2 if the environment
has no usable credential and zone, 130 after Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ipaddress
import json
import os
import secrets
import signal
import sys
import typing as t
from urllib.parse import quote, urlencode

from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.client import Client
from ansible_collections.edgecache.cloudflare.plugins.module_utils._api.origin_cloud_regions import VENDORS
from ansible_collections.edgecache.cloudflare.plugins.module_utils._errors import (
    CloudflareError,
    ConfigurationError,
    PermissionDeniedError,
    ZoneNotFoundError,
    build_api_error,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._module.options import (
    ARGUMENT_SPEC,
    ENVIRONMENT,
    SECRET_OPTIONS,
    OptionSource,
    open_zone_client,
    read_environment,
    validate_options,
)
from ansible_collections.edgecache.cloudflare.plugins.module_utils._secrets import find_misplaced

from tests.simulator.contract import Contract, Schema

LIST = "origin-cloud-regions-v2-list"
GET = "origin-cloud-regions-v2-get"
PUT = "origin-cloud-regions-v2-upsert"
DELETE = "origin-cloud-regions-v2-delete"
PUT_BATCH = "origin-cloud-regions-v2-batch-upsert"
DELETE_BATCH = "origin-cloud-regions-v2-batch-delete"
SUPPORTED = "origin-cloud-regions-v2-supported-regions"

ORIGINS: dict[str, dict[str, int]] = {
    "dns-records-list": {"page": 1, "per_page": 5000},
    "load-balancers-list": {},
    "load-balancer-pools-list": {},
    "origin-rules-get": {},
    "custom-hostnames-list": {"page": 1, "per_page": 1000},
    "fallback-origin-get": {},
}
"""The operations that read the origins of a zone, with their queries."""

NONE_IN_ZONE = ("404/10003", "404/1551")
"""The status and the error code for a zone that never had an origin rule, and for one without a fallback origin."""

NOT_FOUND = "404/1142"
"""The status and the error code for a mapping or a setting that does not exist."""

NOT_IN_PLAN = "403/1135"
"""The status and the error code for a setting that the plan of the zone does not include."""


class LiveCheck:
    """Sends operations of the contract for one zone, and prints a line for each answer.

    ``counts`` has the number of lines by verdict: ok, differs, not checked, skipped, not removed.
    """

    def __init__(self, client: Client, zone_id: str, sources: list[OptionSource]) -> None:
        self._client = client
        self._zone_id = zone_id
        self._account_id = ""
        self._sources = sources
        self._operations = Contract().specifications()
        self.counts: collections.Counter[str] = collections.Counter()
        self.request_count = 0

    def check_reads(self) -> tuple[str, dict[str, str]]:
        """Send each operation that reads. Return an address without a mapping and a supported region, if they are known."""
        zones = self.send("zones-list", "200", "403", query={"page": 1, "per_page": 50})
        names = [zone["name"] for zone in _result(zones, []) if zone["id"] == self._zone_id]
        if names:
            self.send("zones-list", "200", query={"name": names[0]}, result=[{"id": self._zone_id}])
        else:
            self._report("skipped", "zones-list by name", ["the credential does not list the zone"])
        zone = self.send("zone-get", "200", "403", result={"id": self._zone_id})
        self._account_id = _result(zone, {}).get("account", {}).get("id", "")
        self.check_origins()

        mappings = self.send(LIST, "200", query={"page": 1, "per_page": 100})
        addresses = [mapping["origin_ip"] for mapping in _result(mappings, [])]
        if addresses:
            self.send(GET, "200", origin_ip=addresses[0], result={"origin_ip": addresses[0]})
        else:
            self._report("skipped", f"{GET} of a mapping", ["the list names none"])
        address = random_address()
        is_free = self.send(GET, NOT_FOUND, origin_ip=address) is not None

        setting = self.send("tiered-caching-get", "200", NOT_FOUND)
        is_off = setting is not None and _result(setting, {}).get("value") != "on"
        supported = self.send(SUPPORTED, "200", *(("4XX",) if is_off else ()))
        vendors = _result(supported, {}).get("vendors", {})
        if unknown := sorted(vendors.keys() - set(VENDORS)):
            self._report("differs", "vendors of mappings", [f"the API supports {', '.join(unknown)} too"])
        checked = {"zones-list", "zone-get", *ORIGINS, LIST, GET, "tiered-caching-get", SUPPORTED}
        for name, operation in self._operations.items():
            if operation.method == "GET" and name not in checked:
                self.send(name, "200", NOT_FOUND, *([NOT_IN_PLAN] if name == "regional-tiered-cache-get" else []))

        regions = [{"vendor": vendor, "region": one["name"]} for vendor in vendors for one in vendors[vendor]]
        return (address if is_free else ""), (regions[0] if regions else {})

    def check_origins(self) -> None:
        for name, query in ORIGINS.items():
            if name == "load-balancer-pools-list" and not self._account_id:
                self._report("skipped", name, ["the credential does not read the account of the zone"])
            else:
                self.send(name, "200", query=query, skipped=("403", *NONE_IN_ZONE))

    def check_writes(self, address: str, region: dict[str, str]) -> None:
        """Create and delete the mapping of an address that has none, alone and in a batch."""
        if not address or not region:
            missing = "a supported region" if address else "an address without a mapping"
            self._report("not checked", "operations that write", [f"the answers above do not show {missing}"])
            return
        mapping, unmapped = {"origin_ip": address, **region}, random_address()
        deleted = {"succeeded": [{"origin_ip": address}], "failed": [{"origin_ip": unmapped}]}
        steps: list[tuple[str, dict[str, t.Any]]] = [
            (PUT, {"origin_ip": address, "body": mapping, "result": mapping}),
            (GET, {"origin_ip": address, "result": mapping}),
            (DELETE, {"origin_ip": address, "result": {"origin_ip": address}}),
            (PUT_BATCH, {"body": [mapping], "result": {"succeeded": [{"origin_ip": address}], "failed": []}}),
            (DELETE_BATCH, {"body": [address, unmapped], "result": deleted}),
        ]
        is_removed = False
        print_lines(f"Writing: the mapping of {address} is created and deleted.")
        try:
            if all(self.send(operation, "200", **arguments) for operation, arguments in steps):
                is_removed = self.send(GET, NOT_FOUND, origin_ip=address) is not None
        finally:
            if not is_removed:
                self._remove(address)

    def send(
        self,
        operation_id: str,
        *expected: str,
        origin_ip: str = "",
        query: dict[str, t.Any] | None = None,
        body: t.Any = None,
        result: t.Any = None,
        skipped: t.Collection[str] = (),
    ) -> dict[str, t.Any] | None:
        """Return the answer if it is one of those expected and agrees with the contract, else ``None``.

        ``expected`` has forms such as ``200``, ``4XX``, ``404/1142``; so has ``skipped``, for answers that show that there is nothing to
        check. ``result`` is what a successful answer must contain.
        """
        operation = self._operations[operation_id]
        account_id = quote(self._account_id, safe="")
        path = operation.path.format(zone_id=self._zone_id, account_id=account_id, origin_ip=origin_ip)
        title = " ".join(filter(None, (operation_id, origin_ip, urlencode(query or {}))))
        self.request_count += 1
        try:
            # The complete answer, in which the client has checked that there is no credential.
            answer = self._client._request(operation.method, path, query, body, lambda answer: answer)
        except CloudflareError as error:
            self._report("not checked", title, [str(error)])
            return None
        status, document = answer.status, _parse_json(answer.text)
        schema = operation.responses.get(str(status)) or operation.responses.get(f"{status // 100}XX", {})
        verdict, lines = check_answer(schema, status, document, [*expected, *skipped], result)
        if verdict == "ok" and label_answer(status, document).isdisjoint(expected):
            verdict = "skipped"
            lines.append("the zone has none, or the credential may not read it")
        if verdict == "differs" and answer.was_retried:
            verdict = "not checked"
            lines.append("the request was sent more than once, since an answer was lost")
        if unknown := sorted(set(find_unknown(schema, document))):
            lines.append(f"note: not in the contract: {', '.join(unknown)}")
        codes = ""
        if verdict in ("ok", "skipped"):
            codes = "".join(f", code {error['code']}" for error in document["errors"])
        self._report(verdict, f"{title}: HTTP {status}{codes}", lines)
        return t.cast("dict[str, t.Any]", document) if verdict == "ok" else None

    def _remove(self, address: str) -> None:
        is_removed = False
        with contextlib.suppress(KeyboardInterrupt), open_zone_client(self._sources, print_lines) as (client, dummy):
            self._client = client  # the other client may have used up max_wait
            is_removed = self.send(DELETE, "200", NOT_FOUND, origin_ip=address) is not None
        if not is_removed:
            self._report("not removed", address, [f"delete the mapping of {address} in the zone {self._zone_id}"])

    def _report(self, verdict: str, title: str, lines: t.Sequence[str]) -> None:
        self.counts[verdict] += 1
        print_lines(f"{verdict:<12} {title}", *(f"{'':<12}   {line}" for line in lines))


def check_answer(
    schema: dict[str, t.Any], status: int, document: t.Any, expected: t.Collection[str], result: t.Any
) -> tuple[str, list[str]]:
    """Return the verdict on an answer, and the reasons. The schema is empty if the contract has none for the status."""
    if not schema:
        return "differs", [f"HTTP {status} is not in the contract"]
    if breaches := list(Schema(schema).find_violations(document, "answer")):
        return "differs", breaches
    if document["success"] is not (status < 400):
        return "differs", [f"answer.success is {document['success']} with HTTP {status}"]
    if label_answer(status, document).isdisjoint(expected):
        error = build_api_error(status, document["errors"], "no error")
        verdict = "not checked" if isinstance(error, (ZoneNotFoundError, PermissionDeniedError)) else "differs"
        return verdict, [f"expected was HTTP {' or '.join(expected)}: {error}"]
    mismatches = list(find_mismatches(result, document.get("result"), "answer.result")) if status < 400 else []
    return ("differs" if mismatches else "ok"), mismatches


def label_answer(status: int, document: dict[str, t.Any]) -> set[str]:
    """Return the forms of ``expected`` that match an answer."""
    return {str(status), f"{status // 100}XX", *(f"{status}/{error['code']}" for error in document["errors"])}


def find_mismatches(expected: t.Any, actual: t.Any, where: str) -> t.Iterator[str]:
    """Yield a message for each part of ``expected`` that ``actual`` does not have. ``None`` expects nothing."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, value in expected.items():
            yield from find_mismatches(value, actual.get(key), f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        for number, value in enumerate(expected):
            yield from find_mismatches(value, actual[number], f"{where}[{number}]")
    elif expected is not None and expected != actual:
        yield f"{where}: {str(actual)[:200]!r} instead of {str(expected)[:200]!r}"


def find_unknown(schema: dict[str, t.Any], value: t.Any, where: str = "answer") -> t.Iterator[str]:
    """Yield each field that the schema does not have; those of the items of a list once for all items."""
    if isinstance(value, list):
        for item in value:
            yield from find_unknown(schema.get("items", {}), item, f"{where}[]")
    if isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name in schema["properties"]:
                yield from find_unknown(schema["properties"][name], inner, f"{where}.{name}")
            elif (where, name, inner) != ("answer", "result", None):  # as every failure has it
                yield f"{where}.{name}"
    elif isinstance(value, dict):
        for inner in value.values():
            yield from find_unknown(schema.get("additionalProperties", {}), inner, f"{where}.*")


def random_address() -> str:
    """Return an address of the range for documentation, of which no zone has a mapping."""
    return str(ipaddress.IPv6Address((0x20010DB8 << 96) | secrets.randbits(96)))


def print_lines(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def read_options(max_wait: float) -> list[OptionSource]:
    """Return the options of the environment with the defaults of the modules. Raise ``ConfigurationError``."""
    variables = read_environment(os.environ)
    names = {option: " or ".join(variables) for option, variables in ENVIRONMENT.items()}
    missing = []
    if variables.keys().isdisjoint({"api_token", "api_email", "api_key"}):
        missing.append(f"the credential ({names['api_token']}; or {names['api_email']} with {names['api_key']})")
    if "zone_id" not in variables:
        missing.append(f"the zone ({names['zone_id']})")
    if missing:
        raise ConfigurationError(f"The environment does not have {' and '.join(missing)}.")
    others = {name: value for name, value in variables.items() if name not in SECRET_OPTIONS}
    if message := find_misplaced(others, [variables[name] for name in SECRET_OPTIONS & variables.keys()]):
        raise ConfigurationError(message)
    defaults = {name: spec["default"] for name, spec in ARGUMENT_SPEC.items() if "default" in spec}
    sources = [OptionSource({**defaults, "max_wait": max_wait}), variables]
    validate_options(sources)
    return sources


def _result(answer: dict[str, t.Any] | None, default: t.Any) -> t.Any:
    return (answer or {}).get("result") or default


def _parse_json(text: str) -> t.Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def main(arguments: t.Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.live", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="create and delete a mapping too")
    parser.add_argument(
        "--max-wait",
        type=float,
        default=ARGUMENT_SPEC["max_wait"]["default"],
        metavar="SECONDS",
        help="for all pauses together (%(default)g)",
    )
    options = parser.parse_args(arguments)
    try:
        sources = read_options(options.max_wait)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    with open_zone_client(sources, print_lines) as (client, zone_id):
        live = LiveCheck(client, zone_id, sources)
        try:
            found = live.check_reads()
            if options.write:
                live.check_writes(*found)
        except KeyboardInterrupt:
            print_lines("Interrupted.")
            return 130
    counted = ", ".join(f"{count} {verdict}" for verdict, count in live.counts.items())
    print_lines(f"{live.request_count} requests: {counted}")
    return 0 if live.counts.keys() <= {"ok", "skipped"} else 1


if __name__ == "__main__":
    # By default, Python raises KeyboardInterrupt only for SIGINT, and not if the parent process ignores SIGINT
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
