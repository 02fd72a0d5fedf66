"""`python -m exchange_server.web.reading`: reads one configuration that was sent over HTTP, in a process of its own, with bounds for its time and memory.

A short file can stand for very many definitions, and reading them would hold up everything else that the web process does. This process reads no other file than the
texts that it is given (config/sources.py), knows nothing of the exchange but what it is told, and ends with the request.

Frames on its stdin and stdout: four bytes of length, then JSON. First a `Given`, answered by {"record": ...}, {"refusals": [...]} or {"bytes": n} when the record is longer
than the exchange takes; then what the exchange answered, `Told`, which it answers with `lines`, `notes`, `warnings` and `refusals`.
"""

import os
import re
import resource
import sys
from typing import Any, BinaryIO

import msgspec

from config import asked, sources
from config.amounts import ConfigError
from protocol import codes

NICE = 10  # others go first
PROCESSOR_S = 20
MEMORY = 1 << 30  # bytes
RECORD_BYTES = (4 << 20) - (64 << 10)  # of a record as JSON: the port for principals takes lines of 4 MiB
FRAME_BYTES = 64 << 20
_TOML_LINE = re.compile(r"\(at line ([0-9]+), column [0-9]+\)")


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """`name`: of the file among `texts`; `running`: the answer of the question of that name."""

    name: str
    texts: dict[str, str]
    running: dict[str, Any]
    why: str = ""
    prune: bool = False
    base: int | None = None
    plan: str = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange answered: the result of a plan, or one refusal."""

    plan: dict[str, Any] | None = None
    refusal: dict[str, Any] | None = None


def place(error: ConfigError, code: int = codes.R_WIRE_FIELD) -> dict[str, Any]:
    """An error as the API shows it."""
    found = _TOML_LINE.search(error.sentence)
    line = error.line or (int(found[1]) if found else 0)
    return {"code": code, "detail": str(error), "file": error.file, "line": line or None, "key": error.path or None}


def read(given: Given) -> asked.Ask:
    """Raises ConfigError."""
    ask = asked.prepared(given.name, asked.Running(**given.running), given.why, given.prune)
    changed = {"base": given.base} if given.base is not None else {}
    return ask._replace(record=msgspec.structs.replace(ask.record, plan=given.plan, **changed))


def refused(ask: asked.Ask, refusal: dict[str, Any]) -> dict[str, Any]:
    """A refusal of the exchange with its place in the texts."""
    found = asked.placed(ask.content, refusal)
    if isinstance(found, ConfigError):
        return place(found, refusal["code"])
    return {"code": refusal["code"], "detail": found, "file": None, "line": None, "key": None}


def told(ask: asked.Ask, answer: Told) -> dict[str, Any]:
    """What the exchange's answer means for these texts."""
    if answer.refusal is not None:
        return {"refusals": [refused(ask, answer.refusal)]}
    if answer.plan is None:
        return {"notes": ask.notes}
    plan = answer.plan
    whole = any(one.get("record") is None for one in plan["refusals"])  # nothing of it was tried
    return {
        "lines": [] if whole else asked.lines(ask, plan),
        "notes": ask.notes,
        "warnings": asked.doubts(ask, plan),
        "refusals": [refused(ask, one) for one in plan["refusals"]],
        "unchanged": sum(change["kind"] == "same" for change in plan["changes"]),
    }


def _take(source: BinaryIO) -> bytes:
    """The next frame; b"": there is none."""
    size = int.from_bytes(source.read(4), "big")
    return source.read(size) if size else b""


def _say(target: BinaryIO, data: bytes) -> None:
    target.write(len(data).to_bytes(4, "big") + data)
    target.flush()


def serve(source: BinaryIO, target: BinaryIO) -> None:
    given = msgspec.json.decode(_take(source), type=Given)
    with sources.given(given.texts):
        try:
            ask = read(given)
        except ConfigError as error:
            _say(target, msgspec.json.encode({"refusals": [place(error)]}))
            return
        record = msgspec.json.encode(msgspec.to_builtins(ask.record))
        if len(record) > RECORD_BYTES:
            _say(target, msgspec.json.encode({"bytes": len(record)}))
            return
        _say(target, msgspec.json.encode({"record": msgspec.Raw(record)}))
        while data := _take(source):
            _say(target, msgspec.json.encode(told(ask, msgspec.json.decode(data, type=Told))))


def main() -> int:
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except (MemoryError, RecursionError):
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
