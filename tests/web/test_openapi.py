"""Every operation of the document, with bodies made from its schemas, valid and broken: statuses and answers are those of the document."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange_server.web.openapi import document
from exchange_server.web.routes import ALL

from . import schema
from .rig import Web, new_id

DOCUMENT = document(ALL, "test")
OPERATIONS = [(path, method, one) for path, methods in DOCUMENT["paths"].items() for method, one in methods.items()]
NAMES = [one["operationId"] for _, _, one in OPERATIONS]
ENDS = ("log_on", "log_out", "new_challenge")  # tested in test_sessions.py: each costs a logon
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

FEW = settings(QUICK, max_examples=4)


def paths(path: str) -> st.SearchStrategy[str]:
    """Addresses of an operation: with names that are there, and with others."""
    likely = {
        "market": ["CUP", "W.TIE"],
        "contract": ["CUP-A", "CUP-B"],
        "order_id": ["1", "999999"],
        "client_order_id": ["1", "12345"],
        "series": ["S"],
        "user": ["W.nobody"],
    }
    parts: dict[str, st.SearchStrategy[str]] = {}
    for name, words in likely.items():
        if "{" + name + "}" in path:
            other = st.text(
                st.characters(codec="utf-8", exclude_characters="?#\\.", exclude_categories=["C", "Z"]), min_size=1, max_size=80
            )
            parts[name] = st.one_of(st.sampled_from(words), other).map(lambda text: quote(text, safe=""))
    return st.fixed_dictionaries(parts).map(lambda given: path.format(**given))


def judge(answer: httpx.Response, operation: dict[str, Any]) -> None:
    assert str(answer.status_code) in operation["responses"], (answer.status_code, answer.text)
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    content = operation["responses"][str(answer.status_code)]["content"]
    (media, about), *_ = content.items()
    assert answer.headers["content-type"] == media
    assert schema.wrong(answer.json(), about["schema"], DOCUMENT) == "", answer.text
    assert answer.headers["x-content-type-options"] == "nosniff" and "content-security-policy" in answer.headers
    assert answer.headers["cache-control"] == ("no-store" if "security" in operation or answer.request.method != "GET" else "no-cache")


def how_many(path: str) -> settings:
    """The acts of operators have one way in common."""
    return FEW if path.startswith("/v1/operator/acts") else QUICK


def body_of(operation: dict[str, Any]) -> dict[str, Any] | None:
    found = operation.get("requestBody")
    return found["content"]["application/json"]["schema"] if found else None


def test_the_served_document_is_this_one(web: Web) -> None:
    with web.api() as api:
        served = api.get("/openapi.json").json()
    assert served["openapi"] == "3.1.0" and served["paths"] == DOCUMENT["paths"] and served["components"] == DOCUMENT["components"]
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    [one for one in OPERATIONS if one[2]["operationId"] not in ENDS],
    ids=[n for n in NAMES if n not in ENDS],
)
def test_valid_requests_get_what_the_document_says(
    mm1: httpx.Client, willy: httpx.Client, path: str, method: str, operation: dict[str, Any]
) -> None:
    asker = willy if path.startswith("/v1/operator") else mm1
    body = body_of(operation)
    query = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "query"}
    queries = st.fixed_dictionaries({}, optional={name: schema.values(one, DOCUMENT) for name, one in query.items()})

    @how_many(path)
    @given(paths(path), queries, schema.values(body, DOCUMENT) if body else st.none())
    def run(address: str, asked: dict[str, Any], content: Any) -> None:
        if isinstance(content, dict) and "contract" in content and operation["operationId"] == "new_order" and len(content["contract"]) % 2:
            content = content | {"contract": "CUP-B", "client_order_id": new_id()}
        answer = asker.request(method, address, params=asked, **({"json": content} if body else {}))
        judge(answer, operation)
        if "security" in operation:
            naked = asker.request(method, address, headers={"Authorization": "Bearer no-such-token"}, **({"json": content} if body else {}))
            assert naked.status_code == 401, naked.text
            judge(naked, operation)

    run()


def has_fields(operation: dict[str, Any]) -> bool:
    found = body_of(operation)
    return found is not None and bool(schema.resolved(found, DOCUMENT).get("properties"))


BODIES = [one for one in OPERATIONS if has_fields(one[2]) and one[2]["operationId"] not in ENDS]


@pytest.mark.parametrize(
    ("path", "method", "operation"),
    BODIES,
    ids=[one["operationId"] for _, _, one in BODIES],
)
def test_broken_bodies_are_refused_with_the_place(
    mm1: httpx.Client, willy: httpx.Client, path: str, method: str, operation: dict[str, Any]
) -> None:
    asker = willy if path.startswith("/v1/operator") else mm1
    body = schema.resolved(body_of(operation), DOCUMENT)  # type: ignore[arg-type]
    address = path.format(client_order_id="77", order_id="77", user="W.nobody")
    names = sorted(body["properties"])

    @how_many(path)
    @given(schema.values(body, DOCUMENT), st.sampled_from(names), st.sampled_from(["type", "unknown", "missing", "list", "syntax"]))
    def run(content: dict[str, Any], name: str, how: str) -> None:
        at = f"$.{name}"
        if how == "type":
            given = schema.resolved(body["properties"][name], DOCUMENT)
            kinds = [schema.resolved(one, DOCUMENT).get("type") for one in given.get("anyOf", [given])]
            content = content | {name: {"x": 1.5} if "array" in kinds else [1.5]}
        elif how == "unknown":
            content, at = content | {"colour": "red"}, "$.colour"
        elif how == "missing":
            if name not in body["required" if "required" in body else "properties"] or name not in body.get("required", ()):
                return
            content = {key: value for key, value in content.items() if key != name}
        if how in ("list", "syntax"):
            answer = asker.request(method, address, content=b"[1]" if how == "list" else b"{", headers={"Content-Type": "application/json"})
            at = "$" if how == "list" else ""
        else:
            answer = asker.request(method, address, json=content)
        judge(answer, operation)
        found = answer.json()
        assert answer.status_code == 400, found
        assert (found["at"] or "") == at, found

    run()
