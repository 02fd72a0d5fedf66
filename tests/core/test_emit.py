"""Copies of events for other sessions: whole rows with numbers of their recipient, which every reader takes as any other event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.core.emit import copy_event
from exchange_server.core.layout import plain as W
from exchange_server.gateway.binary.encoder import BinaryEncoder
from exchange_server.gateway.fix.encoder import FixEncoder
from exchange_server.wires import feeds
from protocol import codes as C
from protocol import messages as M
from protocol.fix_messages import Framer, parse
from protocol.framing import FrameReader
from tests.bridge import command_words
from tests.core_rig import PairStory
from tests.model_world import Row

ASIDE = 2  # the session that gets the copies


class Copied:
    """A trade between firms 1 and 2; each report of firm 1's order copied to ASIDE right after it, as a drop copy will be."""

    def __init__(self, wire: int, id: Any = 7) -> None:
        s = PairStory()
        s.new(1, C.BUY, 10, 40, id=id)
        self.engine = engine = s.pair.core.engine
        m = self.m = engine.m
        for session in (1, 2):
            m[m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE] + session * L.SESSION_WORDS + L.S_WIRE] = wire
        self.next_out = self.out_of(ASIDE)
        chunks: list[np.ndarray] = []
        words = command_words(
            Row(kind=C.C_NEW, session=2, instrument=1, side=C.SELL, contract_side=C.YES, type=C.LIMIT, tif=C.GTC, price=40, qty=4, id=9)
        )
        engine.apply(words, len(words), lambda ev: chunks.append(ev.copy()))
        whole = np.concatenate(chunks)
        ev = self.ev = np.concatenate([whole, np.zeros(64 * L.EVT_WORDS, np.int64)])
        m[L.H_EVENT_USED], m[L.H_EVENT_ROOM] = len(whole), len(ev)
        self.originals, self.copies, at = [], [], 0
        while at < len(whole):
            if W.session_of(ev[at + L.EVT_SESSION_ACCOUNT]) == 1:
                self.originals.append(at)
                self.copies.append(int(copy_event(m, ev, at, ASIDE)))
            at += L.EVT_WORDS * (1 + int(W.extra_of(ev[at + L.EVT_HEAD])))
        self.events = ev[: int(m[L.H_EVENT_USED])]

    def out_of(self, session: int) -> int:
        base = int(self.m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE])
        return int(self.m[base + session * L.SESSION_WORDS + L.S_NEXT_OUT])


@pytest.mark.parametrize("id", [7, "a text id that does not fit"])
def test_a_copy_is_a_whole_event_with_a_number_of_its_recipient(id: Any) -> None:
    x = Copied(C.WIRE_BINARY, id)
    assert len(x.copies) == 1, "the maker's fill"
    (e,), (c,) = x.originals, x.copies
    head, copied = int(x.ev[e + L.EVT_HEAD]), int(x.ev[c + L.EVT_HEAD])
    assert copied == W.with_extra(head, W.extra_of(head), C.EF_COPY) and W.extra_of(head) == (id != 7)
    assert x.ev[c + L.EVT_COPY_OF] == x.ev[e + L.EVT_NUMBER] < x.ev[c + L.EVT_NUMBER]
    assert W.session_of(x.ev[c + L.EVT_SESSION_ACCOUNT]) == ASIDE
    assert W.account_of(x.ev[c + L.EVT_SESSION_ACCOUNT]) == W.account_of(x.ev[e + L.EVT_SESSION_ACCOUNT])
    end = (1 + W.extra_of(head)) * L.EVT_WORDS
    same = [i for i in range(L.EVT_INSTRUMENT, end) if i != L.EVT_COPY_OF]
    assert (x.ev[c + np.array(same)] == x.ev[e + np.array(same)]).all()
    assert x.out_of(ASIDE) == int(x.ev[c + L.EVT_SESSION_NUMBER]) + 1, "the recipient's numbers go on without a gap"


def test_copies_hang_in_their_recipients_chain() -> None:
    x = Copied(C.WIRE_BINARY)
    own = [e for e in range(0, x.events.size, L.EVT_WORDS) if W.session_of(x.ev[e + L.EVT_SESSION_ACCOUNT]) == ASIDE]
    assert x.copies[0] in own
    for before, after in zip(own, own[1:]):
        assert x.ev[after + L.EVT_PREVIOUS] == x.ev[before + L.EVT_NUMBER]
        assert x.ev[after + L.EVT_SESSION_NUMBER] == x.ev[before + L.EVT_SESSION_NUMBER] + 1


def test_the_binary_encoder_writes_a_copy_as_it_writes_the_original() -> None:
    x = Copied(C.WIRE_BINARY)
    sent = {session: [M.decode_server(p) for p in FrameReader().feed(data)] for session, data in BinaryEncoder(x.engine).encode(x.events)}
    (fill,) = [r for r in sent[1] if isinstance(r, M.Fill)]
    copy = sent[ASIDE][-1]
    assert isinstance(copy, M.Fill) and copy.flags == fill.flags | C.EF_COPY
    own = ("number", "event", "flags")
    assert {f: getattr(copy, f) for f in M.Fill.__struct_fields__ if f not in own} == {
        f: getattr(fill, f) for f in M.Fill.__struct_fields__ if f not in own
    }


def test_the_fix_encoder_writes_a_copy_and_can_resend_it() -> None:
    x = Copied(C.WIRE_FIX, "a text id that does not fit")
    encoder = FixEncoder(x.engine)
    data = dict(encoder.encode(x.events))
    copy = x.ev[x.copies[0] : x.copies[0] + 2 * L.EVT_WORDS]
    again = encoder.resend(np.ascontiguousarray(copy), int(copy[L.EVT_TIME]) + 5)

    def last(raw: bytes) -> dict[str, str]:
        framer = Framer()
        framer.feed(raw)
        return {str(tag): value for tag, value in parse([*framer][-1]).fields}

    fill, live, resent = last(data[1]), last(data[ASIDE]), last(again)
    header = {"8", "9", "34", "49", "52", "56", "10", "17", "43", "122"}
    assert {t: v for t, v in live.items() if t not in header} == {t: v for t, v in fill.items() if t not in header}
    assert live["34"] == resent["34"] and {t: v for t, v in live.items() if t not in header} == {
        t: v for t, v in resent.items() if t not in header
    }


def test_a_copied_trade_is_one_trade_to_market_data() -> None:
    x = Copied(C.WIRE_BINARY)
    (taker,) = [e for e in range(0, x.events.size, L.EVT_WORDS) if W.flags_of(x.ev[e + L.EVT_HEAD]) & C.EF_TAKER]
    x.m[L.H_EVENT_USED] = x.events.size
    copy_event(x.m, x.ev, taker, 1)
    events = x.ev[: int(x.m[L.H_EVENT_USED])]
    tape = np.zeros(feeds.TAPE_WORDS * events.size // L.EVT_WORDS, np.int64)
    assert feeds.collect(x.m, events, events.size, tape, 0) == feeds.TAPE_WORDS
