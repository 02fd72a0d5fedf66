"""The operations of the API: one table of them makes the routes, the checks of what comes in, and the OpenAPI document."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from protocol import codes

from . import wrong
from .problems import MEDIA_TYPE, Refusal, bad_field, body_of, refusal
from .schemas import Answer, NoQuery

BODY_MAX = 64 * 1024
BODY_S = 15.0  # until a body is complete
_PLACE = re.compile(r" - at `(\$[^`]*)`$")
_FIELD = re.compile(r"(?:unknown|required) field `([^`]*)`")


@dataclass(frozen=True)
class Made:
    """An answer with another status or with headers."""

    answer: Answer
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Call:
    """One request as its handler gets it: checked. gateway: the process's Gateway; login: who asks, a WebSession of sessions.py, where the operation is
    private."""

    gateway: Any
    request: Request
    path: dict[str, str]
    query: Any
    body: Any
    login: Any = None

    @property
    def session(self) -> Any:
        assert self.login is not None
        return self.login


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Operation:
    """private: needs a logon; `by`: of a client, an operator (a principal), or any. server: needs the exchange. rate: the bucket (a name of limits.Rates) it
    is taken from. also: other statuses with the same answer. admit: called before the body is read; what it refuses is refused."""

    name: str
    method: str
    path: str
    summary: str
    answer: type[Answer]
    handler: Handler
    body: Any = None
    query: Any = NoQuery
    status: int = 200
    private: bool = False
    by: Literal["client", "operator", "any"] = "client"
    server: bool = True
    rate: str = "public"
    problems: tuple[int, ...] = ()
    also: tuple[int, ...] = ()
    body_max: int = BODY_MAX
    admit: Callable[[Call], Awaitable[Any]] | None = None

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    @cached_property
    def path_names(self) -> list[str]:
        return re.findall(r"\{(\w+)\}", self.path)


def place_of(text: str) -> tuple[str, str]:
    """(sentence, place) of msgspec's message: what is wrong, and where it is in the body."""
    match = _PLACE.search(text)
    place = match[1] if match else "$"
    sentence = text[: match.start()] if match else text
    if named := _FIELD.search(sentence):
        place = f"{place}.{named[1][:64]}"
    return sentence[:300], place


async def read_body(request: Request, most: int = BODY_MAX) -> bytes:
    """The whole body. Raises Refusal above `most` bytes, before it is read where its length is told, and when it is not whole after BODY_S."""
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and (len(told) > 9 or int(told) > most):
        raise _too_long(told[:20], most)
    parts, size = [], 0
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.stream():
                size += len(part)
                if size > most:
                    raise _too_long(f"{size} or more", most)
                parts.append(part)
    except ClientDisconnect:
        raise refusal(codes.R_WIRE_MALFORMED, "the connection ended before the body did") from None
    except TimeoutError:
        limit = f"{BODY_S:g}"
        raise refusal(
            codes.R_REQUEST_LATE, f"the body was not complete after {limit} s", limit=limit, headers={"Connection": "close"}
        ) from None
    return b"".join(parts)


def _too_long(size: str, most: int) -> Refusal:
    return refusal(
        codes.R_WIRE_TOO_LONG, f"the body has {size} bytes, the limit is {most}", limit=most, asked=size, headers={"Connection": "close"}
    )


def read(kind: Any, data: bytes, content_type: str) -> Any:
    """A body as its struct. Raises Refusal that names the field and what was expected."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise refusal(codes.R_WIRE_FIELD, "the body must be JSON: Content-Type: application/json", at="Content-Type", status=415)
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        sentence, place = place_of(str(error))
        raise bad_field(wrong.of_body(kind, data, sentence, place), place) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(codes.R_WIRE_MALFORMED, f"the body is not JSON: {error}"[:300]) from None


def read_query(kind: Any, request: Request) -> Any:
    """The parameters of the address as their struct. Raises Refusal that names the parameter."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items() if request.scope["query_string"] else ():
        if name in given:
            raise bad_field(f"the parameter {name[:64]} is given twice", f"?{name[:64]}")
        given[name] = value
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        sentence, place = place_of(str(error))
        name = place.removeprefix("$").removeprefix(".")
        raise bad_field(wrong.of_query(kind, given, sentence, name), f"?{name}") from None


def json_answer(answer: Any, status: int, headers: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(answer), status, headers, "application/json")


def problem_answer(error: Refusal, headers: dict[str, str]) -> Response:
    return Response(body_of(error.problem), error.problem.status, {**headers, **error.headers}, MEDIA_TYPE)
