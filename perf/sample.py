"""The reports to the first commands of a run, compared with the model's (tests/model.py), field by field.

The load generator keeps what each session received; the journal says in which order the server took the commands. The model takes the same
commands in that order. Numbers of events and times are the server's own and are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.journal.recover import iterate
from protocol import codes as C
from protocol import messages as M
from protocol.framing import FrameReader
from tests.bridge import command_row
from tests.flows import START_NS, world
from tests.model import Model
from tests.model_world import Row

from .rig import AnswerWrong
from .server import account_name, symbol
from .stream import TEXT_DIGITS, Stream

RESTING, MIXED = 200, 600  # commands of the sample: the model takes milliseconds for each
WANTED = (C.C_NEW, C.C_CANCEL, C.C_REPLACE)

_ORDER = ("id", "order", "account", "instrument", "side", "contract_side")
_SAID = ("limit", "used", "asked")
BINARY: dict[type, tuple[int, tuple[str, ...]]] = {
    M.Accepted: (C.E_ACCEPTED, (*_ORDER, "type", "tif", "price", "qty", "leaves")),
    M.Rejected: (C.E_REJECTED, (*_ORDER, "reason", *_SAID, "price", "qty")),
    M.Fill: (C.E_FILL, (*_ORDER, "status", "price", "qty", "cum", "leaves", "last_price", "last_qty", "notional", "fee", "trade")),
    M.Canceled: (C.E_CANCELED, (*_ORDER, "orig", "reason", "price", "qty", "cum", "notional")),
    M.Replaced: (C.E_REPLACED, (*_ORDER, "orig", "status", "price", "qty", "cum", "leaves", "notional")),
    M.CancelRejected: (C.E_CANCEL_REJECT, ("id", "orig", "status", "reason", *_SAID)),
}
NAMES = dict(BINARY.values())
EXEC_TYPE = {C.E_ACCEPTED: "0", C.E_REJECTED: "8", C.E_FILL: "F", C.E_CANCELED: "4", C.E_REPLACED: "5", C.E_CANCEL_REJECT: ""}


class Sampled(msgspec.Struct):
    """What the load generator reports of its sample. accounts: the server's account ids by the flow's (binary)."""

    seed: int
    first_id: int
    prefix: str
    accounts: list[int]


def take_sample(stream: Stream) -> Iterator[tuple[int, bool]]:
    """The stream's first calls of `take`, as (count, resting)."""
    yield RESTING, True
    yield MIXED, False


def journaled(journal: Path, sessions: int, count: int) -> list[tuple[int, NDArray[np.int64]]]:
    """(session, row) of the first `count` client commands of these sessions, in the order in which the server took them."""
    found: list[tuple[int, NDArray[np.int64]]] = []
    for flat in iterate(journal):
        rows = flat.reshape(-1, L.CMD_WORDS)
        at = 0
        while at < len(rows):
            head = int(rows[at, L.CMD_HEAD])
            session = int(rows[at, L.CMD_SESSION_ACCOUNT]) >> 32
            if W.kind_of(head) in WANTED and session <= sessions:
                found.append((session, rows[at].copy()))
                if len(found) == count:
                    return found
            at += 1 + W.extra_of(head)
    raise AnswerWrong(f"the journal has {len(found)} of the sample's {count} commands")


def expected(sessions: int, own: list[list[Row]], order: Sequence[int]) -> list[list[Row]]:
    """The model's events for each session. own: each session's commands; order: the sessions as the server took them."""
    model = Model()
    for row in world(100, (1, 48), 1000, sessions, (-50, 100)):
        model.apply(row)
        if model.refused:
            raise AnswerWrong(f"the model refuses {row}: {model.refused}")
    model.apply(Row(kind=C.C_TIME, turn=2, now=START_NS + 1))
    queues = [iter(rows) for rows in own]
    found: list[list[Row]] = [[] for _ in own]
    for session in order:
        for event in model.apply(next(queues[session - 1])):
            if event.session_number:
                found[event.session - 1].append(event)
    return found


def of_binary(data: bytes, accounts: dict[int, int]) -> list[tuple[Any, ...]]:
    """The reports in a session's bytes. accounts: the flow's account ids by the server's."""
    found = []
    for payload in FrameReader().feed(data):
        message = M.decode_server(payload)
        if type(message) in BINARY:
            kind, names = BINARY[type(message)]
            values = {name: getattr(message, name) for name in names}
            if "account" in values:
                values["account"] = accounts.get(values["account"], values["account"])
            found.append((kind, *values.values()))
    return found


def of_fix(data: bytes) -> list[tuple[Any, ...]]:
    """The reports in a session's bytes."""
    found = []
    for text in data.decode().split("\x018=FIX"):
        fields = dict(part.split("=", 1) for part in text.split("\x01") if "=" in part)
        if fields.get("35") in ("8", "9"):
            found.append((fields.get("150", ""), *(fields.get(tag, "") for tag in ("11", "41", "1", "55", "54", "38", "14", "151", "32"))))
    return found


def of_model(event: Row) -> tuple[Any, ...]:
    return (event.kind, *(getattr(event, name) for name in NAMES[event.kind]))


def of_model_on_fix(event: Row, sessions: int, prefix: str) -> tuple[Any, ...]:
    """The same fields as of_fix."""

    def id_of(key: int) -> str:
        return (f"{prefix}{key:0{TEXT_DIGITS}}" if prefix else str(key)) if key else ""

    rejected = event.kind == C.E_CANCEL_REJECT
    numbers = ("", "", "") if rejected else (event.qty, event.cum, event.leaves)
    return (
        EXEC_TYPE[event.kind], id_of(event.id), id_of(event.orig), account_name(event.account, sessions), "" if rejected else symbol(event.instrument),
        "" if rejected else str(event.side), *map(str, numbers), str(event.last_qty) if event.kind == C.E_FILL else "",
    )  # fmt: skip


def check(wire: str, sessions: int, sampled: Sampled, journal: Path, received: list[bytes]) -> int:
    """Compare; returns how many reports were equal. Raises AnswerWrong at the first difference."""
    stream = Stream(sampled.seed, sessions, first_id=sampled.first_id)
    rows = np.concatenate([stream.take(count, resting).words for count, resting in take_sample(stream)])
    own: list[list[Row]] = [[] for _ in range(sessions)]
    for row in rows:
        own[int(row[L.CMD_SESSION_ACCOUNT] >> 32) - 1].append(command_row(row))
    order = [session for session, _ in journaled(journal, sessions, len(rows))]
    wanted = expected(sessions, own, order)
    accounts = {server: flow for flow, server in enumerate(sampled.accounts) if server}
    count = 0
    for session, (events, data) in enumerate(zip(wanted, received), 1):
        want = [of_model(e) if wire == "binary" else of_model_on_fix(e, sessions, sampled.prefix) for e in events]
        got = of_binary(data, accounts) if wire == "binary" else of_fix(data)
        for n, pair in enumerate(zip(want, got)):
            if pair[0] != pair[1]:
                raise AnswerWrong(f"report {n + 1} of session {session} differs\n  model:  {pair[0]}\n  server: {pair[1]}")
        if len(want) != len(got):
            raise AnswerWrong(f"session {session}: {len(got)} reports, the model has {len(want)}")
        count += len(want)
    return count
