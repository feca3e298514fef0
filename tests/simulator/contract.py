# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The contract, ``openapi.yaml``, compiled once: which operation a request is, and whether both sides keep to it.

The schemas are checked by ``openapi-schema-validator`` on the values as JSON writes them. A page of 100 mappings takes it
some milliseconds, so each schema remembers its verdict on the texts of late. A validator of whole HTTP messages
(openapi-core) reads the same document, but takes some 3 ms more for each request.

Stricter than the document in one way: a query parameter that it does not name, or one given twice, breaks it.
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

from .documents import read_yaml

CONTRACT = Path(__file__).with_name("openapi.yaml")
METHODS = ("get", "put", "post", "patch", "delete")
REMEMBERED_TEXTS = 256
"""Texts whose verdict a schema remembers."""


class ContractBreach(Exception):
    """A message does not keep to the contract."""


class Schema:
    def __init__(self, schema: dict[str, t.Any]) -> None:
        self._validator = OAS30Validator(schema, format_checker=oas30_format_checker)
        self._breaches = functools.lru_cache(REMEMBERED_TEXTS)(self._validate)

    def check(self, value: t.Any, what: str) -> None:
        for breach in self.find_breaches(value, what):
            raise ContractBreach(breach)

    def find_breaches(self, value: t.Any, what: str) -> list[str]:
        """Return a message for each part of the value that does not keep to the schema."""
        return [what + breach for breach in self._breaches(json.dumps(value))]

    def _validate(self, text: str) -> tuple[str, ...]:
        """Return where a JSON text breaks the schema, and how."""
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
            # Python's int() reads blanks and underscores too; JSON's integers are not that lax.
            if not re.fullmatch(r"-?[0-9]{1,1000}", text):
                raise ContractBreach(f"{self.name}: {text[:50]!r} is not an integer")
            value = int(text)
        self.schema.check(value, self.name)
        return value


class Specification(t.NamedTuple):
    """One operation as the document describes it. Its schemas hold neither references nor ``allOf``.

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
    """One method of one path."""

    id: str
    path: dict[str, Parameter]
    query: dict[str, Parameter]
    body: Schema | None
    responses: dict[str, Schema]

    def read_parameters(self, path: dict[str, str], query: t.Iterable[tuple[str, str]]) -> dict[str, t.Any]:
        """All parameters, typed, defaults filled in."""
        values = {name: parameter.default for name, parameter in self.query.items() if parameter.default is not None}
        seen: set[str] = set()
        for name, text in query:
            if name not in self.query or name in seen:
                raise ContractBreach(f"query parameter {name!r} is unknown or given twice")
            seen.add(name)
            values[name] = self.query[name].read(text)
        return {**values, **{name: self.path[name].read(text) for name, text in path.items()}}

    def read_body(self, content_type: str, content: bytes, check: bool) -> t.Any:
        if self.body is None:
            return None
        if content_type != "application/json":
            raise ContractBreach(f"the body is {content_type}, not application/json")
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            raise ContractBreach("the body is not JSON") from None
        if check:
            self.body.check(value, "body")
        return value


class Contract:
    def __init__(self, path: Path = CONTRACT) -> None:
        self._document = read_yaml(path)
        self._routes = [
            (re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)), self._operations(item))
            for template, item in self._document["paths"].items()
        ]
        # A plain path goes before one with a variable in the same place: OpenAPI's own rule.
        self._routes.sort(key=lambda route: route[0].groups)
        self._prefix = re.sub(r"^\w+://[^/]+", "", self._document["servers"][0]["url"])
        self._failure = _schema(self._resolved(self._document["components"]["responses"]["failure"]))

    def route(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]] | None:
        """``raw_path`` is still percent-encoded, so that an encoded slash stays inside its piece of the path."""
        if not raw_path.startswith(self._prefix):
            return None
        for pattern, operations in self._routes:
            match = pattern.fullmatch(self.inner_path(raw_path))
            if match and method.lower() in operations:
                return operations[method.lower()], {name: unquote(text) for name, text in match.groupdict().items()}
            if match:
                return None
        return None

    def inner_path(self, path: str) -> str:
        """The path as the contract writes it, below the base of the API."""
        return path[len(self._prefix) :]

    def check_response(self, operation: Operation | None, status: int, body: t.Any) -> None:
        """Without an operation only a failure is right."""
        schema = self._failure
        if operation:
            responses = operation.responses
            found = responses.get(str(status)) or responses.get(f"{status // 100}XX")
            if found is None:
                raise ContractBreach(f"status {status} is not in the contract of {operation.id}")
            schema = found
        schema.check(body, "body")

    def specifications(self) -> dict[str, Specification]:
        """Return the operations by their operationId."""
        found = {}
        for path, item in self._document["paths"].items():
            resolved = _merged(self._resolved(item))
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

    def _operations(self, item: dict[str, t.Any]) -> dict[str, Operation]:
        return {
            method: self._operation(self._resolved(item[method]), self._resolved(item.get("parameters", [])))
            for method in METHODS
            if method in item
        }

    def _operation(self, spec: dict[str, t.Any], shared: list[t.Any]) -> Operation:
        parameters = [*shared, *spec.get("parameters", [])]
        body = spec.get("requestBody")
        return Operation(
            id=spec["operationId"],
            path={one["name"]: _parameter(one) for one in parameters if one["in"] == "path"},
            query={one["name"]: _parameter(one) for one in parameters if one["in"] == "query"},
            body=_schema(body) if body else None,
            responses={str(status): _schema(response) for status, response in spec["responses"].items()},
        )

    def _resolved(self, node: t.Any) -> t.Any:
        """The same with every reference replaced by what it names; no schema of this document holds itself."""
        if isinstance(node, list):
            return [self._resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            target = self._document
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return self._resolved(target)
        return {key: self._resolved(value) for key, value in node.items()}


def _raw_schema(message: dict[str, t.Any]) -> t.Any:
    return message["content"]["application/json"]["schema"]


def _schema(message: dict[str, t.Any]) -> Schema:
    return Schema(_raw_schema(message))


def _merged(node: t.Any) -> t.Any:
    """The same with each ``allOf`` replaced by one object schema with all its properties."""
    if isinstance(node, list):
        return [_merged(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "allOf" not in node:
        return {key: _merged(value) for key, value in node.items()}
    parts = [_merged(part) for part in node["allOf"]]
    return {
        "type": "object",
        "required": [name for part in parts for name in part.get("required", [])],
        "properties": {name: schema for part in parts for name, schema in part["properties"].items()},
    }


def _parameter(spec: dict[str, t.Any]) -> Parameter:
    schema = spec["schema"]
    return Parameter(spec["name"], schema["type"], schema.get("default"), Schema(schema))
