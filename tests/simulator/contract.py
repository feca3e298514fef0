# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract, ``openapi.yaml``, compiled once. It finds the operation of a request, and validates requests and responses.

``openapi-schema-validator`` validates the values. A page of 100 mappings takes some milliseconds, so each schema caches the
results of recent JSON texts. A validator of complete HTTP messages (openapi-core) takes some 3 ms more for each request.

The validation is stricter than the document in one way: an unknown or repeated query parameter is a violation.
"""

from __future__ import annotations

import functools
import json
import re
import typing as t
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator, oas30_format_checker

from .yaml_files import read_yaml

CONTRACT_FILE = Path(__file__).with_name("openapi.yaml")
METHODS = ("get", "put", "post", "patch", "delete")
SCHEMA_CACHE_SIZE = 256
"""The number of JSON texts whose validation result a schema caches."""


class ContractViolationError(Exception):
    """A request or response violates the contract."""


class Schema:
    def __init__(self, schema: dict[str, t.Any]) -> None:
        self._validator = OAS30Validator(schema, format_checker=oas30_format_checker)
        self._find_cached = functools.lru_cache(SCHEMA_CACHE_SIZE)(self._validate)

    def check(self, value: t.Any, what: str) -> None:
        for violation in self.find_violations(value, what):
            raise ContractViolationError(violation)

    def find_violations(self, value: t.Any, what: str) -> list[str]:
        """Return a message for each part of the value that violates the schema."""
        return [what + violation for violation in self._find_cached(json.dumps(value))]

    def _validate(self, text: str) -> tuple[str, ...]:
        """Return the path and the message of each violation in a JSON text."""
        errors = self._validator.iter_errors(json.loads(text))
        return tuple(f"{error.json_path[1:]}: {error.message[:200]}" for error in errors)


@dataclass
class Parameter:
    """One path or query parameter."""

    name: str
    type: str
    default: t.Any
    schema: Schema

    def read(self, text: str) -> t.Any:
        value: t.Any = text
        if self.type == "integer":
            # Python's int() accepts blanks and underscores, which JSON integers do not have.
            if not re.fullmatch(r"-?[0-9]{1,1000}", text):
                raise ContractViolationError(f"{self.name}: {text[:50]!r} is not an integer")
            value = int(text)
        elif self.type == "boolean":
            value = {"true": True, "false": False}.get(text, text)
        self.schema.check(value, self.name)
        return value


class Specification(t.NamedTuple):
    """One operation as the document describes it. Its schemas have neither references nor ``allOf``.

    ``text`` is the summary with the description. ``responses`` has a schema for each status, such as ``200`` or ``4XX``.
    """

    method: str
    path: str
    text: str
    parameters: list[dict[str, t.Any]]
    body: dict[str, t.Any] | None
    responses: dict[str, dict[str, t.Any]]


@dataclass
class Operation:
    """One method of one path, with its compiled schemas."""

    id: str
    path: dict[str, Parameter]
    query: dict[str, Parameter]
    body: Schema | None
    responses: dict[str, Schema]

    def read_parameters(self, path: dict[str, str], query: t.Iterable[tuple[str, str]]) -> dict[str, t.Any]:
        """Return all parameters with their types and defaults. Raise ``ContractViolationError``."""
        values = {name: parameter.default for name, parameter in self.query.items() if parameter.default is not None}
        seen: set[str] = set()
        for name, text in query:
            if name not in self.query or name in seen:
                raise ContractViolationError(f"query parameter {name!r} is unknown or given twice")
            seen.add(name)
            values[name] = self.query[name].read(text)
        return {**values, **{name: self.path[name].read(text) for name, text in path.items()}}

    def read_body(self, content_type: str, content: bytes, check: bool) -> t.Any:
        if self.body is None:
            return None
        if content_type != "application/json":
            raise ContractViolationError(f"the body is {content_type}, not application/json")
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            raise ContractViolationError("the body is not JSON") from None
        if check:
            self.body.check(value, "body")
        return value


class Contract:
    def __init__(self, path: Path = CONTRACT_FILE) -> None:
        self._document = read_yaml(path)
        self._routes = [
            (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)), self._create_operations(item))
            for template, item in self._document["paths"].items()
        ]
        # OpenAPI's own rule: a literal path matches before one with a variable in the same position.
        self._routes.sort(key=lambda route: route[0].groups)
        self._prefix = re.sub(r"^\w+://[^/]+", "", self._document["servers"][0]["url"])
        self._failure = _create_schema(self._resolve_refs(self._document["components"]["responses"]["failure"]))

    def find_operation(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """Return the operation of a request and its path parameters. ``raw_path`` is percent-encoded, which keeps encoded slashes."""
        if not raw_path.startswith(self._prefix):
            return None
        for pattern, operations in self._routes:
            match = pattern.fullmatch(self.relative_path(raw_path))
            if match and method.lower() in operations:
                return operations[method.lower()], {name: unquote(text) for name, text in match.groupdict().items()}
            if match:
                return None
        return None

    def relative_path(self, path: str) -> str:
        """Return the path below the base path of the API."""
        return path[len(self._prefix) :]

    def check_response(self, operation: Operation | None, status: int, body: t.Any) -> None:
        """Validate a response. Without an operation, only the schema of failures applies."""
        schema = self._failure
        if operation:
            responses = operation.responses
            found = responses.get(str(status)) or responses.get(f"{status // 100}XX")
            if found is None:
                raise ContractViolationError(f"status {status} is not in the contract of {operation.id}")
            schema = found
        schema.check(body, "body")

    def specifications(self) -> dict[str, Specification]:
        """Return the operations by their operationId."""
        found = {}
        for path, item in self._document["paths"].items():
            resolved = _merge_all_of(self._resolve_refs(item))
            for method in filter(resolved.__contains__, METHODS):
                spec = resolved[method]
                found[spec["operationId"]] = Specification(
                    method.upper(),
                    path,
                    f"{spec['summary']} {spec.get('description', '')}",
                    [*resolved.get("parameters", []), *spec.get("parameters", [])],
                    _raw_schema(spec["requestBody"]) if "requestBody" in spec else None,
                    {str(status): _raw_schema(response) for status, response in spec["responses"].items()},
                )
        return found

    def _create_operations(self, item: dict[str, t.Any]) -> dict[str, Operation]:
        return {
            method: self._create_operation(
                self._resolve_refs(item[method]), self._resolve_refs(item.get("parameters", []))
            )
            for method in METHODS
            if method in item
        }

    def _create_operation(self, spec: dict[str, t.Any], shared: list[t.Any]) -> Operation:
        parameters = [*shared, *spec.get("parameters", [])]
        body = spec.get("requestBody")
        return Operation(
            id=spec["operationId"],
            path={one["name"]: _create_parameter(one) for one in parameters if one["in"] == "path"},
            query={one["name"]: _create_parameter(one) for one in parameters if one["in"] == "query"},
            body=_create_schema(body) if body else None,
            responses={str(status): _create_schema(response) for status, response in spec["responses"].items()},
        )

    def _resolve_refs(self, node: t.Any) -> t.Any:
        """Return a copy with each reference replaced by its target. No schema of this document is recursive."""
        if isinstance(node, list):
            return [self._resolve_refs(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return self._resolve_refs(target)
        return {key: self._resolve_refs(value) for key, value in node.items()}


def _raw_schema(message: dict[str, t.Any]) -> t.Any:
    return message["content"]["application/json"]["schema"]


def _create_schema(message: dict[str, t.Any]) -> Schema:
    return Schema(_raw_schema(message))


def _merge_all_of(node: t.Any) -> t.Any:
    """Return a copy with each ``allOf`` replaced by one object schema with all its properties."""
    if isinstance(node, list):
        return [_merge_all_of(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "allOf" not in node:
        return {key: _merge_all_of(value) for key, value in node.items()}
    parts = [_merge_all_of(part) for part in node["allOf"]]
    return {
        "type": "object",
        "required": [name for part in parts for name in part.get("required", [])],
        "properties": {name: schema for part in parts for name, schema in part["properties"].items()},
    }


def _create_parameter(spec: dict[str, t.Any]) -> Parameter:
    schema = spec["schema"]
    return Parameter(spec["name"], schema["type"], schema.get("default"), Schema(schema))
