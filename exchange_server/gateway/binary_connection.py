"""One binary session's end at the server: bytes to command rows, and everything of the session that is not an order.

The frequent messages are decoded by wires/binary_in.py; what it leaves (DEC_SLOW) is one message for plain Python. A
message that cannot be taken is answered by a numbered MessageRefused and has no effect; the session goes on. A frame whose length is
impossible, or anything but a Logon before logon, ends the connection with a Logout that says why.

Long answers (Resume, snapshots, definitions) are written in pieces while the peer takes them, so that others are not delayed.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocol import codes, errors
from protocol import messages as M
from protocol.binary_session import HEARTBEAT_MS_DEFAULT, HEARTBEAT_MS_MAX, HEARTBEAT_MS_MIN, MILLISECOND, Heartbeats, check_logon
from protocol.framing import MAX_CLIENT_PAYLOAD, MAX_LOGON_BYTES, PREFIX, check_length, frame

from .. import state
from ..core import layout as L
from ..core.layout import plain
from ..journal.event_store import EventsMissing
from ..wires import binary_in, binary_out
from .connection import Connection, Outlet, TurnInput
from .encoders import Router
from .market_data import MarketData

MESSAGES_PER_TURN = 8192  # of one session: then it is the others' turn
BACKLOG_BYTES = 256 * 1024  # long answers wait while more than this is not taken
RETRY_NS = 5 * MILLISECOND
PYTHON_WEIGHT = 16  # a message that plain Python takes counts as so many of the turn's budget
RESUME_EVENTS = 512  # per piece
LONG_ANSWERS = 32  # that may wait on one connection


class BinaryDirectory(Protocol):
    """What a binary connection needs of the directory (gateway/sessions.py)."""

    def authenticate_binary(self, key: str, challenge: bytes, mac: bytes) -> tuple[int, int]:
        """(session id, codes.OK), or (0, reason)."""

    def bind(self, session: int, connection: Connection) -> bool:
        """False: another connection has this session."""

    def unbind(self, session: int, connection: Connection) -> None: ...

    def admit(self, connection: Connection, who: str, now_ns: int) -> int: ...

    def leave(self, connection: Connection) -> None: ...

    def logged_on(self, connection: Connection, who: str, now_ns: int) -> None: ...

    def logon_refused(self, connection: Connection, who: str, reason: int, text: str, now_ns: int) -> None: ...


class BinaryEncoder:
    """Event rows to bytes for the sessions of this wire (the pipeline's Encoder). One per engine; grows its buffers as needed."""

    def __init__(self, engine: Any, event_rows: int = 4096) -> None:
        self.engine = engine
        self.messages = 0
        self._router = Router(engine, 64)  # of its own: a resume is encoded between turns
        self._out = np.zeros(binary_out.out_bytes(event_rows), dtype=np.uint8)
        self._index = np.zeros(binary_out.index_words(engine.m), dtype=np.int64)
        self._res = np.zeros(L.RES_WORDS, dtype=np.int64)
        self._res_words = self._res.data  # reading a word through these costs a third of numpy's way
        self._index_words = self._index.data

    def encode(self, events: NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """(session, its messages in order) for each session of this wire that has some in these whole event rows."""
        return self.write(events, self._router.route(events))

    def write(self, events: NDArray[np.int64], routes: NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """The same with the routes of these rows (wires/route.py)."""
        res = self._res
        while binary_out.encode(events, routes, self._out, self._index, res) == L.ENC_SPACE:
            self._out = np.zeros(int(res[L.RES_BYTES]) * 2, dtype=np.uint8)
        answer = self._res_words
        used = answer[L.RES_INDEX]
        if not used:
            return []
        self.messages += answer[L.RES_MESSAGES]
        out, index = self._out.data, self._index_words
        if used == 1:
            session, at, length = index[0], index[1], index[2]
            return [(session, bytes(out[at : at + length]))]
        rows = self._index[: used * L.INDEX_WORDS].tolist()
        return [(rows[i], bytes(out[rows[i + 1] : rows[i + 1] + rows[i + 2]])) for i in range(0, len(rows), L.INDEX_WORDS)]


class BinaryConnection(Connection):
    """One socket of the binary wire.

    engine: `m` (the arena). store: the event store (`chain`, `rows`). encoder: shared by all connections. challenge: 32 fresh random bytes
    per call. heartbeat_ms: what a Logon may ask for. `slow` counts frequent messages (orders) that plain Python had to take, and messages
    that cannot be read.
    """

    __slots__ = (
        "_challenge", "_conn", "_encoder", "_greeted", "_heartbeat_ms", "_heartbeats", "_knock", "_leaving", "_market", "_pieces", "_res", "_said_goodbye", "_store",
        "engine", "server_name", "slow",
    )  # fmt: skip

    def __init__(
        self,
        directory: BinaryDirectory,
        now_ns: int,
        outlet: Outlet | None,
        engine: Any,
        store: Any,
        encoder: BinaryEncoder,
        market: MarketData | None = None,
        server_name: str = "exos",
        challenge: Callable[[], bytes] = lambda: os.urandom(M.CHALLENGE_BYTES),
        heartbeat_ms: tuple[int, int] = (HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX),
    ) -> None:
        super().__init__(codes.WIRE_BINARY, directory, now_ns, outlet)
        self.engine = engine
        self.server_name = server_name
        self.slow = 0
        self._store = store
        self._encoder = encoder
        self._market = market
        self._challenge = challenge()
        self._knock: M.Logon | None = None  # a logon that waits
        self._heartbeat_ms = heartbeat_ms
        self._greeted = False
        self._leaving = False  # the client has sent a Logout
        self._said_goodbye = False
        self._heartbeats = Heartbeats(HEARTBEAT_MS_DEFAULT)
        self._pieces: deque[Iterator[bytes]] = deque()
        self._conn = np.zeros(L.CN_WORDS, dtype=np.int64)
        self._res = np.zeros(L.RES_WORDS, dtype=np.int64)

    # ------------------------------------------------------------------------------------------------------- the turn
    def gather(self, turn: TurnInput) -> bool:
        """See Connection. Handshake, orders, queries, heartbeats, pieces of long answers."""
        if self.closing:
            return False
        now = turn.tick_ns
        if not self._greeted:
            self._greeted = True
            self._write(M.Hello(M.PROTOCOL_VERSION, self._challenge, self.server_name), now)
        if self._leaving:  # the reports of what came before the Logout went out with the turn before
            self._write(M.Logout(), now)
            self.close(codes.OK, "logout")
            return False
        if not self.session:
            return self._handshake(turn)  # a resume begins in the next turn, after the logon reply
        more = self._decode(turn)
        if self.closing:
            return False
        if self._pieces:
            more |= self._pump(now)
        if self.next_due <= now:
            self._timers(now)
        return more

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        """See Connection. The Logout is unnumbered: the peer can request missed reports when it reconnects."""
        if not self.closing:
            self._write(M.Logout(reason, text[:1000]), turn.tick_ns)
            self.close(reason, text)

    def lost(self, turn: TurnInput) -> None:
        """See Connection."""
        if self._market is not None:
            self._market.drop(self)
        self._pieces.clear()
        self.directory.leave(self)  # type: ignore[attr-defined]
        super().lost(turn)

    def logoff_flags(self) -> int:
        return 1 if self._leaving else 0

    # --------------------------------------------------------------------------------------------------------- output
    def _write(self, message: Any, now_ns: int) -> None:
        """An unnumbered message."""
        self.outlet.write(frame(M.encode(message)))
        self.last_out_ns = now_ns

    def _send(self, turn: TurnInput, body: M.SessionBody) -> None:
        """A numbered session message: the kernel gives the number."""
        tag = type(body).__struct_config__.tag
        turn.add(codes.C_SEND, self.session, values={L.CMD_MSG_TYPE: tag}, body=M.encode(body))  # type: ignore[dict-item]

    def _end(self, reason: int, text: str, now_ns: int) -> None:
        self._write(M.Logout(reason, text[:1000]), now_ns)
        self.close(reason, text)

    def _pump(self, now_ns: int) -> bool:
        """Write pieces of long answers while the peer takes them. True: come again at once."""
        while self._pieces and self.outlet.backlog < BACKLOG_BYTES:
            piece = next(self._pieces[0], None)
            if piece is None:
                self._pieces.popleft()
            else:
                self.outlet.write(piece)
                self.last_out_ns = now_ns
                break  # one piece a turn: the others' orders come in between
        if not self._pieces:
            return False
        if self.outlet.backlog < BACKLOG_BYTES:
            return True
        self.next_due = now_ns + RETRY_NS
        return False

    def _timers(self, now_ns: int) -> None:
        beats = self._heartbeats
        if beats.dead(now_ns, self.last_in_ns):
            self._end(codes.R_HEARTBEAT_LOST, beats.lost_text(now_ns, self.last_in_ns), now_ns)
            return
        if beats.silent(now_ns, self.last_out_ns):
            self._write(M.Heartbeat(), now_ns)
        self.next_due = beats.due(self.last_in_ns, self.last_out_ns)
        if self._pieces:
            self.next_due = min(self.next_due, now_ns + RETRY_NS)

    # ---------------------------------------------------------------------------------------------------------- input
    def _payload(self, limit: int) -> bytes | None:
        """The next whole frame's payload, taken out of the buffer. None: not whole. Raises WireError for an impossible length."""
        start, end = self.start, self.end
        if end - start < PREFIX:
            return None
        length = int.from_bytes(self.view[start : start + PREFIX], "little")
        check_length(length, limit)
        stop = start + PREFIX + length
        if stop > end:
            return None
        self.start = stop
        return bytes(self.view[start + PREFIX : stop])

    def _handshake(self, turn: TurnInput) -> bool:
        """Before logon: one Logon and nothing else."""
        if self._knock is not None:
            return self._logon(self._knock, turn)
        try:
            payload = self._payload(MAX_LOGON_BYTES)
            if payload is None:
                return False
            message = M.decode_client(payload)
        except M.WireError as error:
            self._refuse("", error.reason, error.text, turn)
            return False
        if not isinstance(message, M.Logon):
            text = f"{type(message).__name__} before Logon: {errors.text(codes.R_NOT_LOGGED_ON)}"
            self._refuse("", codes.R_NOT_LOGGED_ON, text, turn)
            return False
        return self._logon(message, turn)

    def _refuse(self, who: str, reason: int, text: str, turn: TurnInput) -> None:
        self.directory.logon_refused(self, who, reason, text, turn.tick_ns)  # type: ignore[attr-defined]
        self._end(reason, text, turn.tick_ns)

    def _logon(self, message: M.Logon, turn: TurnInput) -> bool:
        reason, text = check_logon(message, self._heartbeat_ms)
        session = 0
        directory: Any = self.directory
        if reason == codes.OK:
            reason = directory.admit(self, message.key, turn.tick_ns)
            text = errors.text(codes.R_LOGON_DELAYED)
        if reason < 0:
            self._knock, self.next_due = message, self.held_until
            return False
        if reason == codes.OK:
            session, reason = directory.authenticate_binary(message.key, self._challenge, message.mac)
            text = errors.text(reason)
        if reason == codes.OK:
            row = state.Session.of(self.engine.m, session)
            next_out = row.next_out
            if message.next_number > next_out:
                reason = codes.R_RESUME_UNKNOWN
                text = f"report {message.next_number} was requested, but the next one of this session is {next_out}"
            elif not self.directory.bind(session, self):
                reason, text = codes.R_ALREADY_LOGGED_ON, errors.text(codes.R_ALREADY_LOGGED_ON)
        if reason != codes.OK:
            self._refuse(message.key, reason, text, turn)
            return False
        self.session = session
        self._knock = None
        directory.logged_on(self, message.key, turn.tick_ns)
        self.grow()
        self._conn[L.CN_SESSION] = session
        low, high = self._heartbeat_ms
        heartbeat_ms = message.heartbeat_ms or min(max(HEARTBEAT_MS_DEFAULT, low), high)
        self._heartbeats = Heartbeats(heartbeat_ms)
        self.next_due = 0
        turn.add(
            codes.C_LOGON,
            session,
            values={L.CMD_LOGON_FLAGS: message.flags, L.CMD_LOGON_HEARTBEAT_NS: heartbeat_ms * MILLISECOND},
        )
        self._send(turn, M.LogonReply(session, row.account, turn.now_ns, heartbeat_ms, self._accounts(row.firm, row.venue)))
        if message.next_number:
            self._pieces.append(self._resume(message.next_number, 0))
        return True  # what followed the Logon, and the resume, in the next turn

    def _accounts(self, firm: int, venue: int) -> list[tuple[int, str]]:
        """(id, name) of the firm's accounts for which a session of this venue may act, at most 100."""
        own = state.accounts_of(self.engine.m, firm) if firm else ()
        return [(account.id, account.name) for account in islice((one for one in own if one.venue in (0, venue)), 100)]

    def _decode(self, turn: TurnInput) -> bool:
        """Everything in the buffer, within the budget. True: there is more."""
        conn, res = self._conn, self._res
        budget = min(MESSAGES_PER_TURN, turn.share)
        while True:
            room = min(budget, (turn.limit - turn.words) // L.CMD_WORDS)
            if room <= 0:
                return True
            conn[L.CN_BUDGET] = room
            status = binary_in.decode(self.buf, self.start, self.end, conn, turn.inbox, turn.words, res)
            self.start, turn.words, taken = res[:3].tolist()
            if status == L.DEC_NEED_MORE:
                return False
            budget -= taken
            if status == L.DEC_FULL:
                continue
            budget -= PYTHON_WEIGHT
            try:
                payload = self._payload(MAX_CLIENT_PAYLOAD)
            except M.WireError as error:
                self._end(error.reason, error.text, turn.tick_ns)
                return False
            if payload is None:
                return False
            try:
                message = M.decode_client(payload)
            except M.WireError as error:
                self.slow += 1
                self._send(turn, M.MessageRefused(error.reason, error.tag, error.id, error.text[:500]))
                continue
            self._message(message, turn)
            if self._leaving:
                return True

    def _message(self, message: M.ClientMessage, turn: TurnInput) -> None:
        """One message that the kernel left to us."""
        if isinstance(message, M.NewOrder | M.CancelOrder | M.ReplaceOrder | M.MassCancel | M.OrderStatusRequest):
            self.slow += 1  # an unusual spelling of a frequent message
            add_request(turn, self.session, message)
        elif isinstance(message, M.SplitSets | M.MergeSets):
            kind = codes.C_SPLIT if isinstance(message, M.SplitSets) else codes.C_MERGE
            values = {L.CMD_ID_LO: message.id, L.CMD_SETS: message.sets}
            turn.add(kind, self.session, message.account, values, instrument=message.event)
        elif isinstance(message, M.Heartbeat):
            pass
        elif isinstance(message, M.Logout):
            self._leaving = True
            self.start = self.end  # nothing after it counts
        elif isinstance(message, M.Logon):
            self._send(turn, M.MessageRefused(codes.R_ALREADY_LOGGED_ON, 1, 0, errors.text(codes.R_ALREADY_LOGGED_ON)))
        else:
            self._query(message, turn.tick_ns)

    def _query(self, message: M.Resume | M.Subscribe | M.Unsubscribe | M.DefinitionsRequest, now_ns: int) -> None:
        """A request with a long, unnumbered answer."""
        tag = int(type(message).__struct_config__.tag)  # type: ignore[arg-type]
        if len(self._pieces) >= LONG_ANSWERS:
            text = f"{LONG_ANSWERS} long answers are already being sent: wait for one of them"
            self._write(M.RequestRefused(codes.R_OVERLOAD, tag, 0, text), now_ns)
        elif isinstance(message, M.Resume):
            self._pieces.append(self._resume(message.begin, message.end))
        elif self._market is None:
            self._write(M.RequestRefused(codes.R_WIRE_UNKNOWN_MESSAGE, tag, 0, "this port has no market data"), now_ns)
        elif isinstance(message, M.Subscribe):
            self._pieces.append(self._market.subscribe(self, message.instruments))
        elif isinstance(message, M.Unsubscribe):
            self._market.unsubscribe(self, message.instruments)
        else:
            self._pieces.append(self._market.definitions(self))

    def _resume(self, begin: int, end: int) -> Iterator[bytes]:
        """Reports begin..end (0: up to now) from the event store, as they were. All that is read here was written in turns before this
        one, so it is sent after them, through the same gate."""
        row = state.Session.of(self.engine.m, self.session)
        newest = row.next_out - 1
        last = min(end or newest, newest)
        if begin > newest + 1 or (end and end < begin - 1):
            yield frame(M.encode(M.ResumeDone(begin, end, 0, codes.R_RESUME_UNKNOWN)))
            return
        reason = codes.OK
        numbers: list[int] = []
        try:
            if begin <= last:
                numbers = self._store.chain(row.last_event, begin, last)[::-1].tolist()
        except EventsMissing as missing:
            if not missing.lost:
                yield frame(M.encode(M.ResumeDone(begin, begin - 1, 0, codes.R_REPORTS_REBUILDING)))
                return
            reason, numbers = codes.R_REPORTS_LOST, missing.found[::-1].tolist()
            first = int(self._store.rows(numbers[0], 1)[L.EVT_SESSION_NUMBER]) if numbers else last + 1
            text = f"reports {begin} to {first - 1} of this session are lost: {missing}"
            yield frame(M.encode(M.RequestRefused(reason, int(M.Resume.__struct_config__.tag), 0, text[:1000])))  # type: ignore[arg-type]
            begin = first
        sent = begin - 1
        for at in range(0, len(numbers), RESUME_EVENTS):
            rows = []
            try:
                for number in numbers[at : at + RESUME_EVENTS]:
                    head = self._store.rows(number, 1)
                    extra = plain.extra_of(int(head[L.EVT_HEAD]))
                    rows.append(self._store.rows(number, 1 + extra) if extra else head)
            except EventsMissing as missing:
                reason = codes.R_REPORTS_LOST if missing.lost else codes.R_REPORTS_REBUILDING
            if rows:
                for session, data in self._encoder.encode(np.concatenate(rows)):
                    if session == self.session:
                        yield data
                sent = int(rows[-1][L.EVT_SESSION_NUMBER])
            if reason and len(rows) < len(numbers[at : at + RESUME_EVENTS]):
                yield frame(M.encode(M.ResumeDone(begin, sent, at + len(rows), reason)))
                return
        yield frame(M.encode(M.ResumeDone(begin, max(last, begin - 1), len(numbers), reason)))


def add_request(
    turn: TurnInput, session: int, message: M.NewOrder | M.CancelOrder | M.ReplaceOrder | M.MassCancel | M.OrderStatusRequest
) -> None:
    """The command row of a request, exactly as the kernel would write it."""
    values = {L.CMD_ID_LO: message.id}
    if isinstance(message, M.MassCancel):
        target = message.event if message.scope == codes.SCOPE_EVENT else message.instrument
        values[L.CMD_SCOPE] = message.scope
        turn.add(codes.C_MASS_CANCEL, session, message.account, values, instrument=target, side=message.side)
        return
    if isinstance(message, M.CancelOrder | M.OrderStatusRequest):
        cancel = isinstance(message, M.CancelOrder)
        values[L.CMD_ORIG_LO] = message.orig if isinstance(message, M.CancelOrder) else message.id
        turn.add(codes.C_CANCEL if cancel else codes.C_STATUS, session, message.account, values, instrument=message.instrument)
        return
    values |= {
        L.CMD_PRICE: message.price, L.CMD_QTY: message.qty, L.CMD_EXPIRY: message.expiry, L.CMD_MIN_QTY: message.min_qty,
        L.CMD_DISPLAY_QTY: message.display_qty, L.CMD_STOP_PRICE: message.stop_price, L.CMD_DEADLINE: message.deadline,
        L.CMD_GROUP_SEQ: plain.pack_group(message.group, 0), L.CMD_COST_CAP: message.cost_cap,
    }  # fmt: skip
    venue = front_end = 0
    kind = codes.C_NEW
    if isinstance(message, M.ReplaceOrder):
        kind = codes.C_REPLACE
        values[L.CMD_ORIG_LO] = message.orig
    else:
        venue, front_end = message.venue, message.front_end
    turn.add(
        kind, session, message.account, values, instrument=message.instrument, venue=venue, front_end=front_end, side=message.side,
        contract_side=message.contract_side, type_=message.type, tif=message.tif, stp=message.stp, flags=message.flags,
    )  # fmt: skip
