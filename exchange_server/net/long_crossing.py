"""A long turn in one crossing into a kernel (disk/long_turn.py): its arguments laid out, its answers taken, its reports sent.

The turn (turn.py) decides when. What the kernel does not complete is completed by the same code as every other turn. Reports that are durable by the time
they are encoded go to the sockets from the encoders' buffers; otherwise they are copied, and the gate holds them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.step import step
from ..disk import long_turn as t
from ..disk.event_rows import keep
from ..disk.kernel_calls import LARGE, lay_out
from ..disk.socket_write import send_each
from ..gateway.connection import Connection, TurnInput
from ..wires import binary_out, fix_out
from ..wires.feeds import TAPE_WORDS, collect
from ..wires.route import route, route_words
from .sockets import SEND

MOST_ROWS = 1 << 14  # event rows of such a turn; the buffers take memory as they are used


class Wire:
    """What the kernel leaves of one wire: an index of (session, offset, length), and the messages."""

    def __init__(self, encoder: Any, index_words: int, out_bytes: int, res_words: int) -> None:
        self.encoder = encoder  # gateway.binary.encoder.BinaryEncoder or gateway.fix.encoder.FixEncoder
        self.index = np.zeros(index_words, np.int64)
        self.out = np.empty(out_bytes, np.uint8)
        self.res = np.zeros(res_words, np.int64)
        self.evidence: Any = None  # whose address is laid out
        self.fds = np.zeros(index_words // L.INDEX_WORDS, np.int64)
        self.sent = np.zeros(index_words // L.INDEX_WORDS, np.int64)
        self._res, self._data = self.res.data, self.out.data

    def rows(self) -> list[int]:
        """The index."""
        found: list[int] = self.index[: self._res[L.RES_INDEX] * L.INDEX_WORDS].tolist()
        return found

    def count(self) -> None:
        self.encoder.messages += self._res[L.RES_MESSAGES]

    def piece(self, offset: int, end: int) -> bytes:
        return bytes(self._data[offset:end])


class LongCrossing:
    """The long turns of one pipeline."""

    def __init__(self, engine: Any, binary: Any, fix: Any, inp: TurnInput, store: Any, market: Any) -> None:
        """binary, fix: the encoders. store: journal.event_store.EventStore. market: gateway.feeds.market_data.MarketData."""
        self._store, self._market = store, market
        self.words: NDArray[np.int64] = np.zeros(t.WORDS, np.int64)
        self._answers = self.words.data  # reading a word through it takes a third of a numpy read
        m, ev = engine.m, engine.events
        self._m, self._ev = m, ev
        self._routes = np.zeros(route_words(m, MOST_ROWS), np.int64)
        self.binary = Wire(binary, binary_out.index_words(m), binary_out.out_bytes(MOST_ROWS), L.RES_WORDS)
        self.fix = Wire(fix, fix_out.index_words(m), MOST_ROWS * fix_out.MESSAGE_BYTES, fix_out.FIX_RES_WORDS)
        self.fix.res[fix_out.RES_CACHED] = -1  # no time has been formatted yet
        self._tape: NDArray[np.int64] | None = None  # whose address is laid out
        lay_out(self.words, t.W_STEP, step, (m, inp.inbox, 0, ev))
        lay_out(self.words, t.W_ROUTE, route, (m, ev, 0, self._routes))
        lay_out(self.words, t.W_KEEP, keep, (store.ring, 0, ev, 0, 0))
        for word, array in (
            (t.W_ARENA, m),
            (t.W_EVENTS, ev),
            (t.W_ROUTES, self._routes),
            (t.W_FIX_TAKEN, self.fix.res[fix_out.RES_TAKEN :]),
        ):
            self.words[word] = array.ctypes.data
        self.words[t.W_MOST] = MOST_ROWS
        self._wires: list[Wire] = []  # with sessions logged on, in this turn

    def _lay_out_again(self) -> None:
        """What has been replaced by a larger one."""
        ev, routes, one, market = self._ev, self._routes, self.binary, self._market
        if one.evidence is not one.encoder.evidence.words:
            one.evidence = one.encoder.evidence.words
            lay_out(self.words, t.W_ENCODE, binary_out.encode, (ev, routes, one.out, one.index, one.res, one.evidence))
        one = self.fix
        if one.evidence is not one.encoder.evidence.words:
            one.evidence = one.encoder.evidence.words
            arguments = (self._m, ev, routes, 0, one.out, one.index, one.res, one.encoder.texts, 0, one.evidence)
            lay_out(self.words, t.W_FIX_ENCODE, fix_out.encode, arguments, LARGE)
        if market is not None and self._tape is not market.tape:
            self._tape = market.tape
            lay_out(self.words, t.W_COLLECT, collect, (self._m, ev, 0, self._tape, 0))

    def make(self, words: int, wires: Sequence[int]) -> int:
        """Carry out the first `words` words of the inbox; the stage that was reached. wires: sessions logged on, by codes.WIRE_*."""
        self._lay_out_again()
        w, store, market = self._answers, self._store, self._market
        w[t.W_BINARY] = binary = wires[codes.WIRE_BINARY] > 0
        w[t.W_FIX] = fix = wires[codes.WIRE_FIX] > 0
        w[t.W_NUMBER] = store.next_number
        w[t.W_KEEP + 1 + t.A_KEEP_SLOT], w[t.W_ROOM] = store.place()
        taken = market is not None and market.taken
        w[t.W_TAKEN] = taken
        if taken:
            w[t.W_TAPE_ROOM] = (market.tape.size - market.tape_used) // TAPE_WORDS - 1
            w[t.W_COLLECT + 1 + t.A_COLLECT_USED] = market.tape_used
        stage: int = t.long_turn(self.words, words)
        if stage == t.LT_STEPPED:
            return stage
        self._wires = [one for one, on in ((self.fix, fix), (self.binary, binary)) if on]
        for one in self._wires:
            one.count()
        if stage == t.LT_KEPT:
            store.kept(w[t.W_ROWS])
            if taken:
                market.tape_used = w[t.W_TAPE_USED]
        return stage

    @property
    def status(self) -> int:
        """step()'s answer."""
        return self._answers[t.W_STATUS]

    def output(self) -> Iterator[tuple[int, bytes]]:
        """(session, its messages in order) of a turn that was encoded."""
        for one in self._wires:
            rows = one.rows()
            for i in range(0, len(rows), L.INDEX_WORDS):
                yield rows[i], one.piece(rows[i + 1], rows[i + 1] + rows[i + 2])

    def send(self, bound: Mapping[int, Connection], now: int) -> int:
        """Send it to the sessions' sockets, which it may as soon as the turn is durable and nothing is held; returns the bytes. bound: connections by session.
        now: ns, steady clock."""
        return sum(self._send(one, bound, now) for one in self._wires)

    def _send(self, one: Wire, bound: Mapping[int, Connection], now: int) -> int:
        rows = one.rows()
        count = len(rows) // L.INDEX_WORDS
        links: list[Any] = []
        fds = []
        for session in rows[:: L.INDEX_WORDS]:
            connection = bound.get(session)
            link: Any = connection.pipe if connection is not None else None
            if link is None or link.closed:
                link = None
            else:
                connection.last_out_ns = now  # type: ignore[union-attr]
            links.append(link)
            fds.append(link.fd if link is not None and link.free() else -1)
        one.fds[:count] = fds
        send_each(SEND, one.index, count, one.out, one.fds, one.sent)
        total = 0
        for link, fd, at, length, sent in zip(links, fds, rows[1 :: L.INDEX_WORDS], rows[2 :: L.INDEX_WORDS], one.sent[:count].tolist()):
            if link is None:
                continue
            total += length
            if fd < 0:
                link.held += length
                link.send(one.piece(at, at + length))
            elif sent != length:
                link.transport.write(one.piece(at + max(sent, 0), at + length))
        return total
