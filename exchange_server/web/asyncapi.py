"""The AsyncAPI 3 document of the WebSocket, made from the structs of stream_schemas.py."""

from typing import Any, get_args

import msgspec

from . import stream_schemas as F

TEMPLATE = "#/components/schemas/{name}"


def document(version: str) -> dict[str, Any]:
    """The whole document as builtins."""
    inwards, outwards = list(get_args(F.FromClient)), list(F.FRAMES)
    _, schemas = msgspec.json.schema_components([*inwards, *outwards], ref_template=TEMPLATE)
    messages = {
        kind.__name__: {"payload": {"$ref": TEMPLATE.format(name=kind.__name__)}, "summary": _summary(kind)}
        for kind in (*inwards, *outwards)
    }

    def named(kinds: list[Any]) -> list[dict[str, str]]:
        return [{"$ref": f"#/channels/stream/messages/{kind.__name__}"} for kind in kinds]

    return {
        "asyncapi": "3.0.0",
        "info": {"title": "exos stream", "version": version},
        "defaultContentType": "application/json",
        "channels": {
            "stream": {"address": "/v1/stream", "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages}},
        },
        "operations": {
            "ask": {"action": "receive", "channel": {"$ref": "#/channels/stream"}, "messages": named(inwards)},
            "tell": {"action": "send", "channel": {"$ref": "#/channels/stream"}, "messages": named(outwards)},
        },
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _summary(kind: Any) -> str:
    return " ".join((kind.__doc__ or "").split())
