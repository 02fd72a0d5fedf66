"""An engine that takes every definition row, or refuses the one it is told to; for tests of the registry alone."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from protocol import codes

POOL_ROOM = 8192  # words
CAPACITIES = {"assets": 32, "venues": 16, "firms": 256, "accounts": 512, "sessions": 256, "events": 64, "instruments": 256, "listings": 256}


class FakeEngine:
    """Keeps the rows it was given in `seen`; `refuse`: row number within the next step_rows call -> code."""

    def __init__(self, **capacities: int) -> None:
        self.capacities: Any = SimpleNamespace(**{**CAPACITIES, **capacities})
        self.row_seq = 100
        self.time_ns = 1_000_000_000_000
        self.seen: list[Any] = []
        self.refuse: dict[int, int] = {}
        self.m = np.zeros(L.HEADER_WORDS + L.POOL_COUNT * POOL_ROOM, np.int64)
        for pool in range(L.POOL_COUNT):
            self.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE] = L.HEADER_WORDS + pool * POOL_ROOM
            self.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_CAP] = 1024

    def step_rows(self, rows: Any, words: int, sink: Callable[[Any], None]) -> int:
        assert len(rows) == words and rows.dtype == np.int64 and words % L.CMD_WORDS == 0
        at = number = 0
        while at < words:
            extra = int(rows[at]) >> 8 & 0xFF
            event = np.zeros(L.EVT_WORDS, np.int64)
            if number in self.refuse:
                return self.refuse.pop(number)
            self.seen.append(rows[at : at + (1 + extra) * L.CMD_WORDS].copy())
            corrects = int(rows[at]) & 0xFF == codes.C_REVERSE and rows[at + d.DD_COUNT] != 0
            if int(rows[at]) & 0xFF == codes.C_FINALISE or corrects:
                self._pay(int(rows[at + d.DX_EVENT]))
            if int(rows[at]) & 0xFF == codes.C_AHEAD and rows[at + d.DH_ACT] == codes.AHEAD_FINALISE:
                self._pay(int(rows[at + d.DH_EVENT]), int(rows[at + d.DH_INSTRUMENT]))
            event[0] = codes.E_PHASE
            sink(event)
            at += (1 + extra) * L.CMD_WORDS
            number += 1
        assert at == words, "a row's count of extra rows runs beyond the rows given"
        return 0

    def _pay(self, event: int, contract: int = 0) -> None:
        """All accounts at once: the event is final, or a contract of it."""
        row = int(self.m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE]) + event * L.EVENT_WORDS
        self.m[row], self.m[row + L.E_FINAL_AT], self.m[L.H_FINALS], self.m[L.H_TIME] = event, self.time_ns, row, self.time_ns
        if contract:
            paying = int(self.m[L.H_POOLS + L.P_INSTRUMENT * L.POOL_WORDS + L.PL_BASE]) + contract * L.INSTRUMENT_WORDS
            self.m[row + L.E_PAYING], self.m[paying + L.I_ID] = paying, contract

    def kinds(self) -> list[int]:
        return [int(row[0]) & 0xFF for row in self.seen]
