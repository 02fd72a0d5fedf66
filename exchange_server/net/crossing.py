"""A small turn of one connection in one crossing into a kernel (disk/small_turn.py): its arguments laid out, its answers taken.

The turn (turn.py) decides when: one connection has input, nothing else is due. What the kernel does not complete is completed by the same code as
every other turn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.step import step
from ..disk import small_turn as t
from ..disk.kernel_calls import LARGE, lay_out
from ..gateway.binary.encoder import evidence_text
from ..gateway.connection import TurnInput
from ..gateway.evidence import Evidence
from ..wires import binary_in, binary_out
from ..wires.route import route, route_words
from .endpoint import Link
from .limits import Limits
from .sockets import RECV, SEND

EVENT_ROWS = 256  # of a small turn: with more, Python encodes
ASKS = 8  # times that an idle, spinning loop asks a socket directly before it looks at all others


class Crossing:
    """The small turns of one pipeline. answers: words of the kernel's array (small_turn.W_*)."""

    def __init__(self, engine: Any, journal: Any, binary: Any, inp: TurnInput, limits: Limits) -> None:
        """journal: journal.store.Journal. binary: gateway.binary.encoder.BinaryEncoder."""
        self.binary = binary
        self.inp = inp
        self.words: NDArray[np.int64] = np.zeros(t.WORDS, np.int64)
        self.answers = self.words.data  # reading a word through it takes a third of a numpy read
        self._connection: Any = None  # of the last turn; its arguments are still laid out
        self._buf: Any = None
        self._conn: Any = None
        self._decoded = np.zeros(L.RES_WORDS, np.int64)
        self._encoded = np.zeros(L.RES_WORDS, np.int64)
        self.decoded, self.encoded = self._decoded.data, self._encoded.data
        self._routes = np.zeros(route_words(engine.m, EVENT_ROWS), np.int64)
        self._index = np.zeros(binary_out.index_words(engine.m), np.int64)
        self._out = np.zeros(binary_out.out_bytes(EVENT_ROWS), np.uint8)
        evidence = Evidence(engine, evidence_text).words  # empty: settlements are encoded in Python
        append, rows = journal.append_call(inp.inbox)
        commit, commit_arguments = journal.commit_call()
        m, ev = engine.m, engine.events
        self._kept = (
            m,
            ev,
            evidence,
        )  # the kernel knows only their addresses; the journal keeps its own, and is not called once it is closed
        lay_out(self.words, t.W_APPEND, append, rows)
        lay_out(self.words, t.W_STEP, step, (m, inp.inbox, 0, ev))
        lay_out(self.words, t.W_ROUTE, route, (m, ev, 0, self._routes))
        lay_out(self.words, t.W_ENCODE, binary_out.encode, (ev, self._routes, self._out, self._index, self._encoded, evidence))
        lay_out(self.words, t.W_COMMIT, commit, commit_arguments, LARGE)
        for word, array in (
            (t.W_ARENA, m), (t.W_JOURNAL, journal.words), (t.W_DECODE_RES, self._decoded), (t.W_ENCODE_RES, self._encoded), (t.W_ROUTES, self._routes),
            (t.W_INDEX, self._index), (t.W_OUT, self._out),
        ):  # fmt: skip
            self.words[word] = array.ctypes.data
        self.words[t.W_SEND] = SEND
        self.words[t.W_MOST] = limits.inline_rows * L.CMD_WORDS
        self._budget = limits.inline_rows

    def make(self, link: Link, fix: bool) -> int:
        """Make the turn from the input of a link; the stage that was reached. fix: FIX sessions are logged on."""
        connection = link.connection
        if connection is not self._connection or connection.buf is not self._buf:
            self._connection, self._buf, self._conn = connection, connection.buf, connection.decoder.data
            lay_out(self.words, t.W_DECODE, binary_in.decode, (connection.buf, 0, 0, connection.decoder, self.inp.inbox, 0, self._decoded))
        words = self.answers
        self._conn[L.CN_BUDGET] = self._budget
        words[t.W_DECODE + 1 + t.A_DECODE_START] = connection.start
        words[t.W_DECODE + 1 + t.A_DECODE_END] = connection.end
        words[t.W_DECODE + 1 + t.A_DECODE_POS] = self.inp.words
        words[t.W_FD] = link.fd if not link.held and link.free() else -1
        words[t.W_SESSION] = connection.session
        words[t.W_FIX] = fix
        stage: int = t.small_turn(self.words)
        connection.start = self.decoded[L.RES_POS]
        self.inp.words = self.decoded[L.RES_OUT]
        if stage >= t.ST_ENCODED:
            self.binary.messages += self.encoded[L.RES_MESSAGES]
        return stage

    def output(self) -> list[tuple[int, bytes]]:
        """(session, its messages) of a turn that was encoded."""
        found, data, index = [], self._out.data, self._index.data
        for i in range(0, self.answers[t.W_RECIPIENTS] * L.INDEX_WORDS, L.INDEX_WORDS):
            at = index[i + L.IX_OFFSET]
            found.append((index[i + L.IX_SESSION], bytes(data[at : at + index[i + L.IX_LENGTH]])))
        return found

    def unsent(self) -> bytes:
        """What the socket did not take of a turn that was sent."""
        sent = max(self.answers[t.W_SENT], 0)
        if sent == self.answers[t.W_LENGTH]:
            return b""
        at = self._index.data[L.IX_OFFSET]
        return bytes(self._out.data[at + sent : at + self.answers[t.W_LENGTH]])


def receive(link: Link) -> int:
    """Ask the socket of an idle link directly, a few times; the bytes that were read into its connection's buffer, 0: none."""
    connection = link.connection
    if connection.start == connection.end:
        connection.start = connection.end = 0
    n = int(t.receive(RECV, link.fd, connection.buf, connection.end, connection.capacity, ASKS))
    return max(n, 0)  # the end of the input and errors are left to the event loop, which sees them too


def takes_bytes(link: Link) -> bool:
    """May bytes be read from its socket past the event loop?"""
    connection = link.connection
    return (
        link.fd >= 0
        and not (link.lost or link.eof or link.finishing or link.closing or link.expelled)
        and link.reading
        and connection.end < connection.capacity >> 1
    )


def small(link: Link, now: int) -> bool:
    """Can a kernel alone make a turn of this link's input? now: ns, steady clock."""
    connection = link.connection
    return (
        connection is not None
        and connection.wire == codes.WIRE_BINARY
        and connection.end > connection.start
        and connection.next_due > now
        and link.timer_at != 0
        and connection.plain()
        and not (link.eof or link.expelled or link.closing or link.lost or link.stalled or link.queued)
        and link.reading
    )
