"""One routing pass for all wires: what each encoder writes from it is what it writes alone, and a wire without a session is not asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.gateway.encoders import Encoders, Router
from protocol import codes
from tests.core.binary_arena import event, sessions

WIRES = [codes.WIRE_BINARY, codes.WIRE_FIX, codes.WIRE_BINARY]


class Arena:
    m = sessions(WIRES)


class Wire:
    """Notes what it is asked."""

    def __init__(self, wire: int) -> None:
        self.wire = wire
        self.asked = 0

    def write(self, events: np.ndarray, routes: np.ndarray) -> list[tuple[int, bytes]]:
        self.asked += 1
        rows = routes[L.RO_WORDS : L.RO_WORDS + int(routes[L.RO_RECIPIENTS]) * L.RT_WORDS].reshape(-1, L.RT_WORDS)
        return [(int(r[L.RT_SESSION]), b"%d" % r[L.RT_MESSAGES]) for r in rows if r[L.RT_WIRE] == self.wire]


def chunk(count: int) -> np.ndarray:
    return np.concatenate([event(codes.E_FILL, session=1 + i % 3, session_number=1 + i // 3) for i in range(count)])


@pytest.mark.parametrize(
    ("bound", "asked", "got"),
    [
        ({codes.WIRE_BINARY: 1}, (1, 0), {1: b"2", 3: b"2"}),
        ({codes.WIRE_FIX: 2}, (0, 1), {2: b"2"}),
        ({codes.WIRE_BINARY: 1, codes.WIRE_FIX: 1}, (1, 1), {1: b"2", 2: b"2", 3: b"2"}),
        ({}, (0, 0), {}),
    ],
)
def test_a_wire_is_asked_while_one_of_its_sessions_is_there(bound: dict[int, int], asked: tuple[int, int], got: dict[int, bytes]) -> None:
    binary, fix = Wire(codes.WIRE_BINARY), Wire(codes.WIRE_FIX)
    encoders = Encoders(Arena, {codes.WIRE_BINARY: binary, codes.WIRE_FIX: fix})
    wires = [bound.get(wire, 0) for wire in range(3)]
    assert dict(encoders.encode(chunk(6), wires)) == got
    assert (binary.asked, fix.asked) == asked


def test_the_array_grows_with_the_chunks() -> None:
    router = Router(Arena, 2)
    before = router.routes.size
    for count in (1, 2, 3, 50, 7):
        routes: Any = router.route(chunk(count))
        assert routes[L.RO_MESSAGES] == count
    assert router.routes.size > before
