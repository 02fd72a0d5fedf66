"""Turns a chunk of event rows into the bytes of each session: one routing pass, then each wire's encoder over its own events."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..wires.route import route, route_words

Words = NDArray[np.int64]


class Router:
    """The routing kernel with its array, which grows as needed. `engine`: its arena `m`."""

    def __init__(self, engine: Any, event_rows: int = 4096) -> None:
        self.m: Words = engine.m
        self.routes: Words = np.zeros(route_words(self.m, event_rows), np.int64)

    def route(self, events: Words) -> Words:
        """The routes of whole event rows, valid until the next call (format: wires/route.py)."""
        if route(self.m, events, events.size, self.routes) == L.ENC_SPACE:
            self.routes = np.zeros(route_words(self.m, 2 * (events.size // L.EVT_WORDS)), np.int64)
            route(self.m, events, events.size, self.routes)
        return self.routes


class WireEncoder(Protocol):
    """Encodes event rows for the sessions of one wire."""

    def write(self, events: Words, routes: Words) -> Iterable[tuple[int, bytes]]:
        """(session, its messages in order) for each session of the wire that has any; a session may occur more than once."""


class Encoders:
    """Encodes the output of a turn. by_wire: codes.WIRE_* to the encoder of that wire."""

    def __init__(self, engine: Any, by_wire: Mapping[int, WireEncoder]) -> None:
        self.router = Router(engine)
        self.by_wire = list(by_wire.items())

    def encode(self, events: Words, wires: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        """(session, its messages in order) for the sessions of each wire with sessions logged on (`wires`: their number, by codes.WIRE_*)."""
        routes = None
        for wire, encoder in self.by_wire:
            if wires[wire]:
                if routes is None:
                    routes = self.router.route(events)
                yield from encoder.write(events, routes)
