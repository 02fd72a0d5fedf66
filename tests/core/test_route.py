"""The routing pass: each numbered event once, with its recipient, in order; nothing else."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.wires.route import route, route_words
from protocol import codes
from tests.core.binary_arena import event, sessions

WIRES = [codes.WIRE_BINARY, codes.WIRE_FIX, codes.WIRE_BINARY, codes.WIRE_FIX, codes.WIRE_BINARY]


def routed(m: Any, rows: list[np.ndarray], room: int | None = None) -> tuple[int, list[tuple[int, int, int, list[int]]]]:
    """(status, (session, wire, bytes of bodies, offsets of its events) of each recipient)."""
    ev = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    routes = np.zeros(route_words(m, ev.size // L.EVT_WORDS) if room is None else room, np.int64)
    status = int(route(m, ev, ev.size, routes))
    if status != L.ENC_DONE:
        assert not routes.any(), "nothing was done"
        return status, []
    found = []
    for i in range(int(routes[L.RO_RECIPIENTS])):
        r = routes[L.RO_WORDS + i * L.RT_WORDS :][: L.RT_WORDS]
        first, count = int(r[L.RT_FIRST]), int(r[L.RT_MESSAGES])
        found.append((int(r[L.RT_SESSION]), int(r[L.RT_WIRE]), int(r[L.RT_BODY_BYTES]), routes[first : first + count].tolist()))
    assert sum(len(offsets) for *_, offsets in found) == routes[L.RO_MESSAGES]
    slots = L.RO_WORDS + L.RT_WORDS * int(m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_CAP])
    assert not routes[slots : slots + len(WIRES) + 2].any(), "the kernel left its marks"
    return status, found


@pytest.mark.parametrize("seed", range(8))
def test_against_a_plain_walk(seed: int) -> None:
    rng = random.Random(seed)
    m = sessions(WIRES)
    rows, want, at = [], dict[int, list[int]](), 0
    bodies = dict[int, int]()
    for number in range(rng.randrange(60)):
        session = rng.randrange(len(WIRES) + 3)  # 0: nobody; beyond the table: a row that no wire may read
        kind = rng.choice((codes.E_FILL, codes.E_ACCEPTED, codes.E_PHASE, codes.E_LOGON, codes.E_SENT))
        extra = rng.choice((0, 0, 1, 2))
        numbered = rng.random() < 0.7
        body = rng.randrange(300) if kind == codes.E_SENT else 0
        fields = {"body_bytes": body} if body else {}
        row = event(kind, extra, session=session, session_number=number + 1 if numbered else 0, **fields)
        row[L.EVT_WORDS :] = rng.randrange(1, 1 << 40)  # payload that looks like anything
        rows.append(row)
        if 0 < session <= len(WIRES) + 1 and (numbered or kind == codes.E_SENT):
            want.setdefault(session, []).append(at)
            bodies[session] = bodies.get(session, 0) + body
        at += row.size
    status, found = routed(m, rows)
    assert status == L.ENC_DONE and {s: offsets for s, _, _, offsets in found} == want
    assert [s for s, *_ in found] == [*want], "recipients come in the order in which they were met"
    assert {s: size for s, _, size, _ in found} == bodies
    assert all(wire == (WIRES[s - 1] if s <= len(WIRES) else -1) for s, wire, _, _ in found)


def test_an_array_that_is_too_short_is_refused() -> None:
    m = sessions(WIRES)
    rows = [event(codes.E_FILL, session=1, session_number=1), event(codes.E_FILL, session=2, session_number=1)]
    assert routed(m, rows, route_words(m, 2) - 1) == (L.ENC_SPACE, [])
    assert routed(m, rows, route_words(m, 2))[0] == L.ENC_DONE


def test_no_rows_go_to_nobody() -> None:
    assert routed(sessions(WIRES), []) == (L.ENC_DONE, [])
