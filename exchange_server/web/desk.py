"""A principal's connection to the exchange's port for remote administration: passes on its logon, its questions and its acts, and nothing of its own.

The web process learns a token while it passes it on, and keeps none; of an Ed25519 key it sees one signature. So a connection that is lost is not made
again from here: the principal logs on again. Every right is judged by the exchange, which knows the connection as the principal's.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from protocol import codes, errors

from .problems import Refusal, refusal, server_down

ANSWER_S = 30.0
HELLO_S = 5.0
LINE_BYTES = 64 * 1024 * 1024  # of an answer: a whole list


class Door(NamedTuple):
    """Where principals log on. connect: opens the connection (blocks, raises OSError); tls: the client's side of it, for that host; None: a Unix socket."""

    connect: Callable[[], socket.socket]
    tls: ssl.SSLContext | None = None
    host: str = ""


class Said(NamedTuple):
    """An answer of the exchange. `refusal`: what is wrong, as data (exchange_server/registry/refused.py)."""

    ok: bool
    code: int
    text: str
    result: Any
    refusal: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()


class Desk:
    """One connection. `on_end` is called once when it is over, with a sentence."""

    def __init__(self, local: bool) -> None:
        self.local = local  # the exchange believes what we say about where a logon comes from
        self.challenge = b""
        self.ended = ""  # why it is over; "": it is not
        self.on_end: Callable[[str], None] = lambda why: None
        self._next_id = 0
        self._waiting: dict[int, asyncio.Future[Said]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, door: Door) -> None:
        """Connect, and read the challenge. Raises Refusal."""
        raw: socket.socket | None = None
        try:
            raw = await asyncio.to_thread(door.connect)
            if door.tls is None:
                opened = asyncio.open_unix_connection(sock=raw, limit=LINE_BYTES)
            else:
                opened = asyncio.open_connection(sock=raw, ssl=door.tls, server_hostname=door.host, limit=LINE_BYTES)
            reader, self._writer = await asyncio.wait_for(opened, HELLO_S)
            hello = json.loads(await asyncio.wait_for(reader.readline(), HELLO_S))
            self.challenge = bytes.fromhex(hello["challenge"])
        except (OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
            if self._writer is None and raw is not None:
                raw.close()
            self.close()
            if isinstance(error, OSError | TimeoutError):
                raise server_down(f"its port for principals does not answer ({error or 'no answer in time'})") from None
            raise server_down("its port for principals does not speak as it should") from None
        self._reading = asyncio.create_task(self._read(reader))

    async def log_on(self, principal: str, key: str, address: str, **proof: str) -> Any:
        """What the principal may do (`whoami`). proof: token, or signature in hexadecimal digits. Raises Refusal with the exchange's reason."""
        fields: dict[str, Any] = {"principal": principal, "key": key, **proof}
        if self.local and address:
            fields["address"] = address
        said = await self.ask("logon", **fields)
        if not said.ok:
            self.close()
            raise refusal(said.code, said.text)
        return said.result

    async def ask(self, verb: str, record: ar.AnyRecord | msgspec.Raw | None = None, seconds: float = ANSWER_S, **fields: Any) -> Said:
        """One question or act; `record` may be JSON already. Raises Refusal when nothing was sent, or when it is not known what became of it."""
        if self.ended or self._writer is None:
            raise refusal(codes.R_NOT_LOGGED_ON, "the connection of this session to the exchange was lost: log on again")
        self._next_id += 1
        number = self._next_id
        request = {"id": number, "verb": verb, **fields}
        if record is not None:
            request["record"] = record if isinstance(record, msgspec.Raw) else msgspec.to_builtins(record)
        future: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._writer.write(msgspec.json.encode(request) + b"\n")
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            raise unknown_act(seconds) from None
        finally:
            self._waiting.pop(number, None)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        why = "the exchange closed the connection"
        try:
            while line := await reader.readline():
                self._take(json.loads(line))
        except (OSError, ValueError) as error:
            why = f"the connection to the exchange was lost: {error}"
        self._end(why)

    def _take(self, answer: dict[str, Any]) -> None:
        future = self._waiting.get(answer.get("id") or 0)
        if answer.get("id") is None and not answer.get("ok"):  # the exchange ends the connection
            self._end(str(answer.get("text", "")))
        if future is None or future.done() or answer.get("more"):
            return
        future.set_result(
            Said(
                bool(answer["ok"]), answer["code"], answer["text"], answer.get("result"), answer.get("refusal"), tuple(answer.get("warnings", ()))
            )
        )  # fmt: skip

    def _end(self, why: str) -> None:
        if self.ended:
            return
        self.ended = why
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(unknown_act())
                future.exception()  # nobody may be waiting any more
        if self._writer is not None:
            self._writer.close()
        self.on_end(why)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._end("closed")


def unknown_act(seconds: float = ANSWER_S) -> Refusal:
    limit = int(seconds * 1000)
    text = f"{errors.text(codes.R_ANSWER_UNKNOWN, limit=limit)}: look at what it would have changed, or send it again with the same key"
    return refusal(codes.R_ANSWER_UNKNOWN, text, limit=limit)
