"""The OpenAPI 3.1 document, made from the table of operations and the structs of schemas.py."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from .operation import Operation
from .problems import MEDIA_TYPE
from .schemas import Problem

TEMPLATE = "#/components/schemas/{name}"
RATE_HEADERS = {
    name: {"description": text, "schema": {"type": "string"}}
    for name, text in (
        ("RateLimit-Limit", "Requests that may come at once"),
        ("RateLimit-Remaining", "How many of them are left"),
        ("RateLimit-Reset", "Seconds until all are left again"),
    )
}
ABOUT = (
    "Prices, quantities and money are decimal strings, times RFC 3339 in UTC with nanoseconds, ids strings. Refusals are application/problem+json "
    "with the numbers of docs/errors.md. A client logs on with its own credentials (POST /v1/sessions) and sends the token as a bearer, or uses the cookie "
    "and X-CSRF-Token."
)


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The whole document as builtins."""
    operations = list(operations)
    kinds: list[Any] = [Problem]
    for operation in operations:
        kinds += [operation.answer, *([operation.body] if operation.body is not None else [])]
    unique = list(dict.fromkeys(kinds))
    shown, schemas = msgspec.json.schema_components(unique, ref_template=TEMPLATE)
    refs = dict(zip(unique, shown))
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, refs)
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "exos", "version": version, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "exos_session"},
            },
        },
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(whole))  # defaults may be tuples
    return plain


def _operation(operation: Operation, refs: dict[Any, Any]) -> dict[str, Any]:
    answer = {"content": {"application/json": {"schema": refs[operation.answer]}}, "headers": RATE_HEADERS}
    statuses = {operation.status, *operation.also}
    out: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[2] if operation.path.startswith("/v1/") else "documents"],
        "parameters": [*_path(operation), *_query(operation)],
        "responses": {str(status): {"description": HTTPStatus(status).phrase, **answer} for status in sorted(statuses)},
    }
    for status in problems_of(operation):
        out["responses"][str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": refs[Problem]}},
        }
    if operation.body is not None:
        out["requestBody"] = {"required": True, "content": {"application/json": {"schema": refs[operation.body]}}}
    if operation.private:
        out["security"] = [{"bearer": []}, {"cookie": []}]
        if operation.changes:
            out["parameters"].append(_header("X-CSRF-Token", "With the cookie: the session's csrf_token"))
    if operation.changes and operation.private:
        out["parameters"].append(_header("Idempotency-Key", "The same key and body again get the same answer"))
    return out


def problems_of(operation: Operation) -> list[int]:
    """The statuses of the problems that an operation may answer."""
    found = {400, 429, *operation.problems}
    if operation.server:
        found.add(503)
    if operation.private:
        found.add(401)
        if operation.changes:
            found |= {403, 409}
    if operation.body is not None:
        found |= {408, 413, 415}
    if operation.path_names:
        found.add(404)
    return sorted(found)


def _header(name: str, text: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string", "maxLength": 128}}


def _path(operation: Operation) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in operation.path_names]


def _query(operation: Operation) -> list[dict[str, Any]]:
    (_,), components = msgspec.json.schema_components([operation.query], ref_template=TEMPLATE)
    found = components[operation.query.__name__]
    return [
        {"name": name, "in": "query", "required": name in found.get("required", ()), "schema": schema}
        for name, schema in found.get("properties", {}).items()
    ]
