"""A Story on a real engine whose every answer is written on both wires: the same event rows as FIX and as binary messages."""

from typing import Any

import numpy as np

from exchange_server.core import layout as L
from exchange_server.gateway.binary.encoder import BinaryEncoder
from exchange_server.gateway.fix.encoder import FixEncoder
from protocol import codes as C
from protocol import messages as M
from protocol.fix_messages import FixMessage, Framer, parse
from protocol.framing import FrameReader
from tests.bridge import command_words, event_rows
from tests.core.fix_world import put_text
from tests.core_rig import Core, tiny
from tests.model_world import RETENTION_NS, Limits, Row
from tests.model_worlds import NOW, SECOND, Story

DECIMALS = 2  # of every price, quantity and amount of money: a tick, a lot and a minor unit are 0.01
BASE_DECIMALS = 4  # of the asset that a spot pair trades
BINARY, FIX = 2, 1


class WireStory(Story):
    """`wires`: for every event with a reason (event, its FIX messages, its binary messages), oldest first."""

    def start(self, limits: Limits | None, retention_ns: int | None) -> None:
        limits = limits or Limits(256, 2048)
        self.core = Core(tiny(limits), RETENTION_NS if retention_ns is None else retention_ns)
        self.engine = self.core.engine
        self.fix, self.binary = FixEncoder(self.engine), BinaryEncoder(self.engine)
        self.wires: list[tuple[Row, FixMessage | None, Any]] = []
        self.turn = 1
        self.now = NOW

    def pool_row(self, pool: int, width: int, ident: int) -> int:
        return int(self.engine.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE]) + ident * width

    def names(self) -> None:
        """What the model's world leaves out and the wires need: names and decimals."""
        m = self.engine.m
        for ident in (1, 2):
            m[self.pool_row(L.P_ASSET, L.ASSET_WORDS, ident) + L.A_DECIMALS] = DECIMALS if ident == 1 else BASE_DECIMALS
            s = self.pool_row(L.P_SESSION, L.SESSION_WORDS, ident)
            m[s + L.S_OUR_LEN], m[s + L.S_PEER_LEN] = 4, 2
            put_text(m, s + L.S_OUR, "EXOS")
            put_text(m, s + L.S_PEER, f"C{ident}")
            a = self.pool_row(L.P_ACCOUNT, L.ACCOUNT_WORDS, 15 + ident)
            m[a + L.AC_NAME_LEN] = 4
            put_text(m, a + L.AC_NAME, f"C{ident}-A")
            i = self.pool_row(L.P_INSTRUMENT, L.INSTRUMENT_WORDS, ident)
            m[i + L.I_PRICE_DECIMALS] = m[i + L.I_QTY_DECIMALS] = DECIMALS
            m[i + L.I_SYMBOL_LEN] = 2
            put_text(m, i + L.I_SYMBOL, f"I{ident}")

    def speak(self, wire: int) -> None:
        for ident in (1, 2):
            self.engine.m[self.pool_row(L.P_SESSION, L.SESSION_WORDS, ident) + L.S_WIRE] = wire

    def apply(self, row: Row) -> list[Row]:
        self.commands.append(row)
        words = self.core.step(command_words(row))
        events = event_rows(words)
        self.names()
        at = 0
        for event in events:
            size = L.EVT_WORDS * (1 + (int(words[at]) >> 8 & 255))
            if event.reason and event.session:
                self.wires.append((event, self.on_fix(words[at : at + size]), self.on_binary(words[at : at + size])))
            at += size
        return events

    def time(self, refuse: int = 0, seconds: int = 0) -> list[Row]:
        """The next turn; `refuse`: what it answers to every new order and replace."""
        self.turn += 1
        self.now += seconds * SECOND
        return self.do(C.C_TIME, turn=self.turn, now=self.now, tick=self.now, refuse=refuse)

    def on_fix(self, words: "np.ndarray[Any, np.dtype[np.int64]]") -> FixMessage | None:
        self.speak(FIX)
        framer = Framer()
        framer.feed(b"".join(data for _, data in self.fix.encode(words)))
        return next((parse(raw) for raw in framer), None)

    def on_binary(self, words: "np.ndarray[Any, np.dtype[np.int64]]") -> Any:
        self.speak(BINARY)
        payloads = FrameReader().feed(b"".join(data for _, data in self.binary.encode(words)))
        return next((M.decode_server(p) for p in payloads), None)
