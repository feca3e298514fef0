# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare the contract, ``tests/simulator/openapi.yaml``, with the installed Cloudflare SDK, the package cloudflare.

The program calls each method of ``METHODS`` once, over a transport that sends nothing. The recorded request shows the
HTTP method, the path, and the names in query and body. Types, optional fields and enumerations come from the type hints
of the method and of the model that it returns, limits from its docstring.

Exit code: 0 if all differences are in ``ACCEPTED``, else 1.
"""

from __future__ import annotations

import argparse
import collections.abc
import datetime
import fnmatch
import inspect
import json
import operator
import re
import sys
import types
import typing as t
from pathlib import Path

import cloudflare
import httpx  # a requirement of the SDK, as is typing_extensions
import typing_extensions

from tests.simulator.contract import CONTRACT_FILE, Contract, Specification

METHODS = {
    "zones-list": "zones.list",
    "zone-get": "zones.get",
    "dns-records-list": "dns.records.list",
    "load-balancers-list": "load_balancers.list",
    "load-balancer-pools-list": "load_balancers.pools.list",
    "origin-rules-get": "rulesets.phases.get",
    "custom-hostnames-list": "custom_hostnames.list",
    "fallback-origin-get": "custom_hostnames.fallback_origin.get",
    "origin-cloud-regions-v2-list": "cache.origin_cloud_regions.list",
    "origin-cloud-regions-v2-get": "cache.origin_cloud_regions.get",
    "origin-cloud-regions-v2-upsert": "cache.origin_cloud_regions.update",
    "origin-cloud-regions-v2-delete": "cache.origin_cloud_regions.delete",
    "origin-cloud-regions-v2-batch-upsert": "cache.origin_cloud_regions.bulk_update",
    "origin-cloud-regions-v2-batch-delete": "cache.origin_cloud_regions.bulk_delete",
    "origin-cloud-regions-v2-supported-regions": "cache.origin_cloud_regions.supported_regions",
    "tiered-caching-get": "argo.tiered_caching.get",
    "tiered-caching-patch": "argo.tiered_caching.edit",
    "smart-tiered-cache-get": "cache.smart_tiered_cache.get",
    "smart-tiered-cache-patch": "cache.smart_tiered_cache.edit",
    "regional-tiered-cache-get": "cache.regional_tiered_cache.get",
    "regional-tiered-cache-patch": "cache.regional_tiered_cache.edit",
}
"""The method of the SDK for each operation of the contract. The type that the method returns is the response model."""

ARGUMENTS = {"ruleset_phase": "http_request_origin"}
"""The arguments of the SDK that the path of the contract has as they are."""

ACCEPTED = (
    ("zones-list", "query.account", "only in the SDK", "the SDK has account.id and account.name in an object"),
    ("zones-list", "query.type", "type", "the SDK repeats the parameter for each type"),
    ("zones-list", "query.type.*", "only in the SDK", "the contract has all types in one text"),
    ("*s-list", "query.*page", "type", "the SDK has every number as a float, and page numbers are integers"),
    ("zone*", "result.*", "only in the SDK", "the collection does not read these fields"),
    ("zone*", "result*.plan", "required", "the collection accepts a zone without a plan"),
    ("dns-records-list", "query.*", "only in the SDK", "the collection reads all records"),
    ("dns-records-list", "*.type", "values", "the collection ignores records of other types"),
    ("dns-records-list", "result.*", "only in the SDK", "the collection does not read these fields"),
    ("load-balancer*-list", "result.*", "only in the SDK", "the collection does not read these fields"),
    ("load-balancer-pools-list", "query.monitor", "only in the SDK", "the collection reads all pools"),
    ("origin-rules-get", "result.*", "only in the SDK", "the collection does not read these fields"),
    ("origin-rules-get", "result.*", "required", "the contract requires no field of a rule"),
    ("origin-rules-get", "result.*.action_parameters", "type", "the SDK has any value for actions other than route"),
    ("custom-hostnames-list", "query.*", "only in the SDK", "the collection reads all custom hostnames"),
    ("custom-hostnames-list", "result.*", "only in the SDK", "the collection does not read these fields"),
    ("custom-hostnames-list", "result.*", "required", "the contract requires no field of a custom hostname"),
    ("custom-hostnames-list", "result.*.status", "values", "the collection does not compare the status"),
    ("fallback-origin-get", "result.*", "only in the SDK", "the collection does not read these fields"),
    ("fallback-origin-get", "result.status", "values", "the collection does not compare the status"),
    ("*-list", "result_info.*", "only in the contract", "the SDK has only the fields that its own paging reads"),
    ("*-list", "result_info*", "required", "the SDK has these fields as optional"),
    ("*-batch-delete", "body", "only in the contract", "the SDK cannot send the body of this DELETE"),
    ("*-cach*", "result.id", "values", "the collection does not read the id of a setting"),
    ("errors", "errors.*", "required", "the SDK has each field of an error as optional"),
)
"""The known differences: patterns of operation, field and kind, and the reason why the difference may stay."""

NOT_COMPARED = (
    "error codes, but for those that a docstring of the SDK names",
    "the statuses of an operation",
    "minimum, maximum and default of page and per_page, and maxLength of strings",
    "whether a value may be null",
    "success and messages of the envelope",
)

SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", datetime.datetime: "date-time"}


class Field(t.NamedTuple):
    """A parameter, or a field of a body. ``values`` is its enumeration; empty without one."""

    type: str
    required: bool
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.type}, {'required' if self.required else 'optional'}"


Fields = dict[str, Field]
"""By position and path, such as ``query.page`` or ``result.*.vendor``: ``*`` is any item of a list, or any key of an object."""


class Operation(t.NamedTuple):
    """An operation of the contract or of the SDK.

    ``limits`` are the numbers that both must have. ``numbers`` has these and whatever else the text mentions.
    """

    method: str
    path: str
    fields: Fields
    limits: set[str]
    numbers: set[str]


class Difference(t.NamedTuple):
    operation: str
    field: str
    kind: str
    ours: str = "none"
    theirs: str = "none"

    def __str__(self) -> str:
        return f"{self.operation}: {self.field}: {self.kind}: contract: {self.ours}, SDK: {self.theirs}"


def read_contract(specification: Specification) -> Operation:
    fields: Fields = {}
    for parameter in specification.parameters:
        name = f"{parameter['in']}.{parameter['name']}"
        fields.update(flatten_schema(parameter["schema"], name, parameter.get("required", False)))
    limits = set()
    if specification.body:
        fields.update(flatten_schema(specification.body, "body", True))
        if "maxItems" in specification.body:
            limits.add(str(specification.body["maxItems"]))
    answer = specification.responses["200"]["properties"]
    for name in sorted(answer.keys() & {"result", "result_info"}):
        fields.update(flatten_schema(answer[name], name, True))
    return Operation(
        specification.method, specification.path, fields, limits, limits | find_numbers(r"([\d,]+)", specification.text)
    )


def flatten_schema(schema: dict[str, t.Any], where: str, required: bool) -> t.Iterator[tuple[str, Field]]:
    """Yield name and description of a value, and of each value in it."""
    yield where, Field(schema.get("format") or schema["type"], required, tuple(sorted(schema.get("enum", ()))))
    for name, inner in schema.get("properties", {}).items():
        yield from flatten_schema(inner, f"{where}.{name}", name in schema.get("required", ()))
    for inner in filter(None, (schema.get("items"), schema.get("additionalProperties"))):
        yield from flatten_schema(inner, f"{where}.*", True)


class Sdk:
    """The installed SDK, over a transport that answers each request with an empty result."""

    def __init__(self) -> None:
        self._requests: list[httpx.Request] = []
        self._client = cloudflare.Cloudflare(
            api_token="none",
            base_url="https://sdk.invalid",
            http_client=httpx.Client(transport=httpx.MockTransport(self._record)),
        )

    def _record(self, request: httpx.Request) -> httpx.Response:
        self._requests.append(request)
        return httpx.Response(200, json={"success": True, "errors": [], "messages": [], "result": None})

    def find(self, method: str) -> t.Callable[..., object] | None:
        """Return the method of this name; ``None`` if the SDK does not have it."""
        try:
            found: t.Callable[..., object] = operator.attrgetter(method)(self._client)
        except AttributeError:
            return None
        return found

    def read(self, function: t.Callable[..., object]) -> Operation:
        """Describe the operation of a method."""
        hints = typing_extensions.get_type_hints(function, include_extras=True)
        parameters = {
            name: parameter.default is parameter.empty
            for name, parameter in inspect.signature(function).parameters.items()
            if name not in ("extra_headers", "extra_query", "extra_body", "timeout")
        }
        arguments = {name: ARGUMENTS[name] for name in parameters.keys() & ARGUMENTS.keys()}
        for name in arguments:
            del parameters[name]
        if {"account_id", "zone_id"} <= parameters.keys():  # The SDK requires one of the two
            del parameters["account_id"]
            parameters["zone_id"] = True
        # The value of each argument is its name, which shows where the SDK puts it. Only the body of a batch is a list.
        arguments.update({name: [] if is_list(hints[name]) else name for name in parameters})
        function(**arguments)
        request = self._requests.pop()
        body = json.loads(request.content or "null")
        positions = {argument: f"query.{name}" for name, argument in request.url.params.items()}
        if isinstance(body, dict):
            positions.update((argument, f"body.{name}") for name, argument in body.items())
        fields: Fields = {} if body is None else {"body": Field("object", True)}
        path = request.url.path
        for name, is_required in parameters.items():
            where = positions.get(name)
            if where is None and is_list(hints[name]):
                where = "body"
            elif where is None:
                # The SDK has path_origin_ip where the body has an origin_ip, too
                where = f"path.{name.removeprefix('path_')}"
                path = re.sub(f"/{name}(?=/|$)", f"/{{{name.removeprefix('path_')}}}", path)
            fields.update(flatten_type(hints[name], where, is_required))
        answer = dict(flatten_type(hints["return"], "result", True))
        if "result.result" in answer:  # A page of a list is the complete envelope
            del answer["result"]
            answer = {name.removeprefix("result."): field for name, field in answer.items()}
        limits = find_numbers(r"(?:[Uu]p\s+to|limit\s+of|code)\s+([\d,]+)", function.__doc__ or "")
        return Operation(request.method, path, {**fields, **answer}, limits, limits)


def is_list(annotation: t.Any) -> bool:
    origin = t.get_origin(annotation)
    return (
        isinstance(origin, type)
        and issubclass(origin, collections.abc.Iterable)
        and not issubclass(origin, collections.abc.Mapping)
    )


def flatten_type(annotation: t.Any, where: str, required: bool) -> t.Iterator[tuple[str, Field]]:
    """Yield name and description of a value with this type hint, and of each value in it, as ``flatten_schema`` does."""
    origin, arguments = t.get_origin(annotation), t.get_args(annotation)
    present = [one for one in arguments if one not in (type(None), cloudflare.NotGiven, cloudflare.Omit)]
    if origin in (t.Union, types.UnionType, t.Annotated, typing_extensions.Required) and (
        len(present) == 1 or origin is t.Annotated
    ):
        yield from flatten_type(present[0], where, required or origin is typing_extensions.Required)
    elif origin in (t.Union, types.UnionType) and any(hasattr(one, "model_fields") for one in present):
        yield from merge_variants([dict(flatten_type(one, where, required)) for one in present])
    elif origin is t.Literal:
        yield where, Field("string", required, tuple(sorted(arguments)))
    elif is_list(annotation):
        yield where, Field("array", required)
        yield from flatten_type(arguments[0], f"{where}.*", True)
    elif origin is dict:
        yield where, Field("object", required)
        yield from flatten_type(arguments[1], f"{where}.*", True)
    elif hasattr(annotation, "model_fields"):
        yield where, Field("object", required)
        for name, field in annotation.model_fields.items():
            yield from flatten_type(field.annotation, f"{where}.{field.alias or name}", field.is_required())
    elif typing_extensions.is_typeddict(annotation):
        yield where, Field("object", required)
        for name, hint in typing_extensions.get_type_hints(annotation, include_extras=True).items():
            yield from flatten_type(hint, f"{where}.{name}", False)
    else:
        yield where, Field(SCALARS.get(annotation, str(annotation)), required)


def merge_variants(variants: list[Fields]) -> t.Iterator[tuple[str, Field]]:
    """Yield the fields of a value that has one of several forms. A field is required if all forms require it."""
    for name in {name: None for fields in variants for name in fields}:
        found = [fields[name] for fields in variants if name in fields]
        kinds = " or ".join(sorted({field.type for field in found}))
        is_required = len(found) == len(variants) and all(field.required for field in found)
        values = {value for field in found for value in field.values} if all(field.values for field in found) else ()
        yield name, Field(kinds, is_required, tuple(sorted(values)))


def find_numbers(pattern: str, text: str) -> set[str]:
    return {number.replace(",", "") for number in re.findall(pattern, text)} - {""}


def compare(operation: str, ours: Operation, theirs: Operation) -> t.Iterator[Difference]:
    for name in ("method", "path"):
        if getattr(ours, name) != getattr(theirs, name):
            yield Difference(operation, name, "value", getattr(ours, name), getattr(theirs, name))
    yield from compare_fields(operation, ours.fields, theirs.fields)
    # A docstring without limits is not compared. One with limits may omit those that only our text has
    if theirs.limits and not ours.limits <= theirs.limits <= ours.numbers:
        limits = [", ".join(sorted(numbers)) for numbers in (ours.limits or ours.numbers, theirs.limits)]
        yield Difference(operation, "text", "limits", *limits)


def compare_fields(operation: str, ours: Fields, theirs: Fields) -> t.Iterator[Difference]:
    for kind, these, others in (("only in the contract", ours, theirs), ("only in the SDK", theirs, ours)):
        only = these.keys() - others.keys()
        for name in sorted(only):
            if name.rpartition(".")[0] not in only:  # without its parts
                texts = [str(fields.get(name, "none")) for fields in (ours, theirs)]
                yield Difference(operation, name, kind, *texts)
    for name in sorted(ours.keys() & theirs.keys()):
        if ours[name].type != theirs[name].type:
            yield Difference(operation, name, "type", ours[name].type, theirs[name].type)
        if ours[name].required != theirs[name].required:
            yield Difference(operation, name, "required", str(ours[name].required), str(theirs[name].required))
        if ours[name].values != theirs[name].values:
            values = [", ".join(fields[name].values) or "any" for fields in (ours, theirs)]
            yield Difference(operation, name, "values", *values)


def find_differences(contract: Path) -> t.Iterator[Difference]:
    specifications = Contract(contract).specifications()
    sdk = Sdk()
    for name, specification in specifications.items():
        if name not in METHODS:
            yield Difference(name, "operation", "not in the table METHODS")
            continue
        function = sdk.find(METHODS[name])
        if function is None:
            yield Difference(name, "operation", "only in the contract", theirs=f"no method {METHODS[name]}")
            continue
        yield from compare(name, read_contract(specification), sdk.read(function))
        failure = specification.responses["4XX"]
    for name in METHODS.keys() - specifications.keys():
        yield Difference(name, "operation", "only in the table METHODS")
    ours = flatten_schema(failure["properties"]["errors"], "errors", True)
    theirs = flatten_type(list[cloudflare.types.ErrorData], "errors", True)
    yield from compare_fields("errors", dict(ours), dict(theirs))


def main(arguments: t.Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.tools.contract_watch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--contract", type=Path, default=CONTRACT_FILE, help="another file (%(default)s)")
    options = parser.parse_args(arguments)
    accepted: set[tuple[str, ...]] = set()
    count = 0
    for difference in find_differences(options.contract):
        matching = [one for one in ACCEPTED if all(map(fnmatch.fnmatchcase, difference[:3], one))]
        accepted.update(matching)
        if not matching:
            count += 1
            print(f"DIFFERENCE {difference}")
    for entry in ACCEPTED:
        if entry in accepted:
            print(f"accepted   {': '.join(entry[:3])}, since {entry[3]}")
        else:
            count += 1
            print(f"DIFFERENCE {': '.join(entry[:3])}: accepted, but the difference no longer exists")
    print(*(f"not compared: {text}" for text in NOT_COMPARED), sep="\n")
    print(f"{count} differences between {options.contract.name} and cloudflare {cloudflare.__version__}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
