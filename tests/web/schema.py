"""As much of JSON Schema as the OpenAPI document uses: checks values, and makes bodies."""

import re
from typing import Any

from hypothesis import strategies as st

PLAIN: dict[str, Any] = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}
KNOWN = {
    "$ref", "type", "properties", "required", "additionalProperties", "items", "prefixItems", "anyOf", "enum", "const", "pattern", "maxLength", "minLength",
    "minimum", "maximum", "title", "description", "default", "minItems", "maxItems",
}  # fmt: skip


def resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    assert schema.keys() <= KNOWN, schema
    return schema


def wrong(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str = "$") -> str:
    """What is wrong with a value, "" when nothing is."""
    schema = resolved(schema, document)
    if "anyOf" in schema:
        found = [wrong(value, one, document, at) for one in schema["anyOf"]]
        return "" if "" in found else " and ".join(found)
    if "enum" in schema and value not in schema["enum"]:
        return f"{at}: {value!r} is not one of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        return f"{at}: {value!r} is not {schema['const']!r}"
    kind = schema.get("type")
    if kind == "integer":
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{at}: {value!r} is no integer"
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            return f"{at}: {value} is out of range"
    elif kind is not None and not isinstance(value, PLAIN[kind]):
        return f"{at}: {value!r} is no {kind}"
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return f"{at}: {value!r} does not match {schema['pattern']}"
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return f"{at}: {value!r} has a wrong length"
    if isinstance(value, list):
        parts = schema.get("prefixItems") or [schema["items"]] * len(value)
        if len(parts) != len(value):
            return f"{at}: {len(value)} items"
        return next((text for i, one in enumerate(value) if (text := wrong(one, parts[i], document, f"{at}[{i}]"))), "")
    if isinstance(value, dict):
        return _wrong_object(value, schema, document, at)
    return ""


def _wrong_object(value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any], at: str) -> str:
    properties = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    if isinstance(rest, dict):
        return next((text for name, one in value.items() if (text := wrong(one, rest, document, f"{at}.{name}"))), "")
    if missing := set(schema.get("required", ())) - value.keys():
        return f"{at}: {missing} are missing"
    if unknown := value.keys() - properties.keys():
        return f"{at}: {unknown} are unknown"
    return next((text for name, one in value.items() if (text := wrong(one, properties[name], document, f"{at}.{name}"))), "")


def values(schema: dict[str, Any], document: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the schema allows."""
    schema = resolved(schema, document)
    if "anyOf" in schema:
        return st.one_of([values(one, document) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    kind = schema.get("type")
    if kind == "integer":
        return st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63))
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if kind == "string":
        low, high = schema.get("minLength", 0), schema.get("maxLength", 1000 if "pattern" in schema else 40)
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True).filter(lambda text: low <= len(text) <= high)
        return st.text(st.characters(codec="utf-8"), min_size=low, max_size=high)
    if kind == "array":
        low = schema.get("minItems", 0)
        return st.lists(values(schema["items"], document), min_size=low, max_size=max(low, min(schema.get("maxItems", 3), 3)))
    assert kind == "object", schema
    if isinstance(rest := schema.get("additionalProperties"), dict):
        return st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=20), values(rest, document), max_size=3)
    required = set(schema.get("required", ()))
    found = {name: values(one, document) for name, one in schema["properties"].items()}
    return st.fixed_dictionaries(
        {name: one for name, one in found.items() if name in required},
        optional={name: one for name, one in found.items() if name not in required},
    )
