"""The server's side of one binary session: logon, heartbeats, resends. The purpose of the session is its kind (kinds.py).

wires/binary_in.py decodes the frequent messages of the kind; it leaves any other message (DEC_SLOW) to plain Python, one at a time. An
invalid message is answered by a numbered MessageRefused and has no effect; the session continues. A frame with an impossible length, or
anything other than a Logon before logon, ends the connection with a Logout that gives the reason.

Long answers (Resume, snapshots, definitions) are written in pieces as the peer reads them, so that other sessions are not delayed.
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
from protocol.account_messages import OWN_ANSWERS
from protocol.binary_session import HEARTBEAT_MS_DEFAULT, HEARTBEAT_MS_MAX, HEARTBEAT_MS_MIN, MILLISECOND, Heartbeats, check_logon
from protocol.framing import MAX_CLIENT_PAYLOAD, MAX_LOGON_BYTES, PREFIX, check_length, frame

from ... import state
from ...core import layout as L
from ...wires import binary_in
from ..connection import MARKET_DATA, Connection, Outlet, SessionTable, TurnInput
from ..credentials import Verdict
from ..feeds.market_data import MarketData
from ..own_state import NOT_YET, Desk
from .encoder import BinaryEncoder
from .fills import fills
from .kinds import KINDS, LIMITED, Kind
from .own_state import account_state
from .resume import reports

MESSAGES_PER_TURN = 8192  # of one session; the rest waits for the next turn
BACKLOG_BYTES = 256 * 1024  # long answers pause while the peer has more than this unread
RETRY_NS = 5 * MILLISECOND
PYTHON_WEIGHT = 16  # a message handled in plain Python counts as this many in the turn's budget
LONG_ANSWERS = 32  # that may be pending on one connection


class BinaryDirectory(SessionTable, Protocol):
    """What a binary session needs from the directory (gateway/sessions.py)."""

    desk: Desk  # spaces the copies of own state

    def authenticate_binary(self, connection: Connection, login: str, key_id: str, challenge: bytes, proof: bytes, now_ns: int) -> Verdict:
        """The session and OK, or why not."""

    def recipe(self) -> tuple[bytes, int]:
        """Salt and work for proofs of a shared secret (Hello)."""


class BinaryConnection(Connection):
    """One socket of the binary wire.

    engine: `m` (the arena). store: the event store (`chain`, `rows`). encoder: shared by all connections. challenge: 32 fresh random bytes
    per call. heartbeat_ms: what a Logon may ask for. `slow` counts frequent messages (orders) that plain Python had to decode, and messages
    that cannot be decoded.
    """

    __slots__ = (
        "_apart", "_asked_in", "_challenge", "_conn", "_encoder", "_greeted", "_heartbeat_ms", "_heartbeats", "_kind", "_knock", "_leaving", "_market", "_own", "_pieces", "_res", "_said_goodbye", "_store", "_tick_ns",
        "engine", "server_name", "slow",
    )  # fmt: skip

    directory: BinaryDirectory

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
        self._kind: Kind | None = None  # set after a successful logon
        self._knock: M.Logon | None = None  # a waiting logon
        self._heartbeat_ms = heartbeat_ms
        self._greeted = False
        self._apart = False  # it has market data and nothing else of its session, whose place another connection may have
        self._leaving = False  # the client has sent a Logout
        self._said_goodbye = False
        self._heartbeats = Heartbeats(HEARTBEAT_MS_DEFAULT)
        self._pieces: deque[Iterator[bytes]] = deque()
        self._own: set[Iterator[bytes]] = set()  # those of them that are about own state
        self._asked_in = 0  # turn with rows of before a request for own state: the copy is taken after it
        self._tick_ns = now_ns
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
            self._write(M.Hello(M.PROTOCOL_VERSION, self._challenge, self.server_name, *self.directory.recipe()), now)
        if self._leaving:  # the reports on the messages before the Logout went out with the previous turn
            self._write(M.Logout(), now)
            self.close(codes.OK, "logout")
            return False
        if not self.session:
            return self._handshake(turn)  # a resume begins in the next turn, after the logon reply
        more = self._decode(turn)
        if self.closing:
            return False
        if self._pieces:
            more |= self._asked_in == turn.turn or self._pump(now)
        if self.next_due <= now:
            self._timers(now)
        return more

    @property
    def decoder(self) -> NDArray[np.int64]:
        """The state of the decode kernel (wires/binary_in.py: conn)."""
        return self._conn

    def plain(self) -> bool:
        """Is decoding all that `gather` has to do? Timers not counted."""
        kind = self._kind
        return kind is not None and kind.hot and not (self._leaving or self.closing or self._pieces) and self.session != 0

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        """See Connection. The Logout is unnumbered: the peer can request missed reports when it reconnects."""
        if not self.closing:
            self._write(M.Logout(reason, text[:1000]), turn.tick_ns)
            self.close(reason, text)

    def lost(self, turn: TurnInput) -> None:
        """See Connection."""
        if self._kind is not None:
            self._kind.lost()
        self._pieces.clear()
        self._own.clear()
        self.directory.leave(self)
        if self._apart:
            self.session = 0  # the session was never this connection's
        super().lost(turn)

    def logoff_flags(self) -> int:
        return 1 if self._leaving else 0

    # --------------------------------------------------------------------------------------------------------- output
    def _write(self, message: Any, now_ns: int) -> None:
        """Write an unnumbered message."""
        self.outlet.write(frame(M.encode(message)))
        self.last_out_ns = now_ns

    def _send(self, turn: TurnInput, body: M.SessionBody) -> None:
        """Send a numbered session message: the kernel assigns the number."""
        tag = type(body).__struct_config__.tag
        turn.add(codes.C_SEND, self.session, values={L.CMD_MSG_TYPE: tag}, body=M.encode(body))  # type: ignore[dict-item]

    def _end(self, reason: int, text: str, now_ns: int) -> None:
        self._write(M.Logout(reason, text[:1000]), now_ns)
        self.close(reason, text)

    def _pump(self, now_ns: int) -> bool:
        """Write pieces of long answers as the peer reads them. True: call again in the next turn, at once."""
        self._tick_ns = now_ns
        while self._pieces and self.outlet.backlog < BACKLOG_BYTES:
            piece = next(self._pieces[0], None)
            if piece is None:
                self._own.discard(self._pieces.popleft())
            elif piece == NOT_YET:
                self.next_due = now_ns + RETRY_NS
                return False
            else:
                self.outlet.write(piece)
                self.last_out_ns = now_ns
                break  # one piece per turn, so that other sessions' orders are handled in between
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
        """The payload of the next frame, removed from the buffer. None: the frame is incomplete. Raises WireError for an impossible length."""
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
        """Before logon: accept one Logon and nothing else."""
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
        self.directory.logon_refused(self, who, reason, text, turn.tick_ns)
        self._end(reason, text, turn.tick_ns)

    def _logon(self, message: M.Logon, turn: TurnInput) -> bool:
        reason, text = check_logon(message, self._heartbeat_ms)
        session = 0
        directory = self.directory
        if reason == codes.OK:
            reason = directory.admit(self, message.key, turn.tick_ns)
            text = errors.text(codes.R_LOGON_DELAYED)
        if reason < 0:
            self._knock, self.next_due = message, self.held_until
            return False
        if reason == codes.OK:
            session, reason, text = directory.authenticate_binary(
                self, message.key, message.key_id, self._challenge, message.proof, turn.now_ns
            )
        if reason == codes.OK:
            kind = directory.kind_of(session, self)
            row = state.Session.of(self.engine.m, session)
            next_out = row.next_out
            self._apart = kind == MARKET_DATA
            if kind in LIMITED and message.flags & M.LOGON_CANCEL_ON_DISCONNECT:
                reason, text = codes.R_KEY_SCOPE, f"Logon.flags: a key with the scope {kind} does not cancel orders"
            elif self._apart and message.next_number:
                reason, text = codes.R_KEY_SCOPE, "Logon.next_number: a key with the scope market_data has no reports"
            elif message.next_number > next_out:
                reason = codes.R_RESUME_UNKNOWN
                text = f"report {message.next_number} was requested, but the next one of this session is {next_out}"
            elif not self._apart and not self.directory.bind(session, self):
                reason, text = codes.R_ALREADY_LOGGED_ON, errors.text(codes.R_ALREADY_LOGGED_ON)
        if reason != codes.OK:
            self._refuse(message.key, reason, text, turn)
            return False
        self.session = session
        self._kind = KINDS[kind](self, session, self._market)
        self._knock = None
        directory.logged_on(self, message.key, turn.tick_ns)
        self.grow()
        self._conn[L.CN_SESSION] = session
        low, high = self._heartbeat_ms
        heartbeat_ms = message.heartbeat_ms or min(max(HEARTBEAT_MS_DEFAULT, low), high)
        self._heartbeats = Heartbeats(heartbeat_ms)
        self.next_due = 0
        if self._apart:  # nothing of this changes the session: its number is that of the last report
            reply = M.LogonReply(session, 0, turn.now_ns, heartbeat_ms)
            self._write(M.Sent(max(1, next_out - 1), max(1, row.last_event), turn.now_ns, reply), turn.tick_ns)
            return True
        turn.add(
            codes.C_LOGON,
            session,
            values={L.CMD_LOGON_FLAGS: message.flags, L.CMD_LOGON_HEARTBEAT_NS: heartbeat_ms * MILLISECOND},
        )
        self._send(turn, M.LogonReply(session, row.account, turn.now_ns, heartbeat_ms, self._accounts(row.firm, row.venue)))
        if message.next_number:
            self._pieces.append(self._resume(message.next_number, 0))
        return True  # messages after the Logon, and the resume, are handled in the next turn

    def _accounts(self, firm: int, venue: int) -> list[tuple[int, str]]:
        """(id, name) of the firm's accounts for which a session of this venue may act, at most 100."""
        own = state.accounts_of(self.engine.m, firm) if firm else ()
        return [(account.id, account.name) for account in islice((one for one in own if one.venue in (0, venue)), 100)]

    def _decode(self, turn: TurnInput) -> bool:
        """Decode everything in the buffer, within the budget. True: there is more."""
        conn, res, kind = self._conn, self._res, self._kind
        assert kind is not None
        budget = min(MESSAGES_PER_TURN, turn.share)
        while True:
            room = min(budget, (turn.limit - turn.words) // L.CMD_WORDS)
            if room <= 0:
                return True
            if kind.hot:
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
                self._refuse_message(turn, error.reason, error.tag, error.id, error.text)
                continue
            self._message(message, turn, kind)
            if self._leaving:
                return True

    def _message(self, message: M.ClientMessage, turn: TurnInput, kind: Kind) -> None:
        """Handle one message that the kernel did not decode."""
        if isinstance(message, M.Heartbeat):
            pass
        elif isinstance(message, M.Logout):
            self._leaving = True
            self.start = self.end  # bytes after it are discarded
        elif isinstance(message, M.Logon):
            self._refuse_message(turn, codes.R_ALREADY_LOGGED_ON, 1, 0, errors.text(codes.R_ALREADY_LOGGED_ON))
        elif isinstance(message, kind.forbidden):
            tag = int(type(message).__struct_config__.tag)  # type: ignore[arg-type]
            text = f"{errors.text(codes.R_KEY_SCOPE)}: {type(message).__name__} needs a key with another scope"
            self._refuse_message(turn, codes.R_KEY_SCOPE, tag, getattr(message, "id", 0) or getattr(message, "request", 0), text)
        elif kind.take(message, turn):
            self.slow += kind.frequent(message)  # an unusual encoding of a frequent message
        else:
            self._query(message, turn, kind)

    def _refuse_message(self, turn: TurnInput, reason: int, tag: int, id: int, text: str) -> None:
        """A message that has no effect: a report says so, or where there are none an unnumbered answer."""
        if self._apart:
            self._write(M.RequestRefused(reason, tag, id, text[:500]), turn.tick_ns)
        else:
            self._send(turn, M.MessageRefused(reason, tag, id, text[:500]))

    def _query(self, message: M.ClientMessage, turn: TurnInput, kind: Kind) -> None:
        """Handle a request with a long, unnumbered answer."""
        tag = int(type(message).__struct_config__.tag)  # type: ignore[arg-type]
        own = isinstance(message, M.AccountRequest | M.FillsRequest)
        item = message.request if isinstance(message, M.AccountRequest | M.FillsRequest) else 0
        waiting, limit = (len(self._own), OWN_ANSWERS) if own else (len(self._pieces), LONG_ANSWERS)
        if waiting >= limit:
            text = f"{waiting} answers of this kind are waiting on this connection, the limit is {limit}: wait for one of them"
            self._write(M.RequestRefused(codes.R_OVERLOAD, tag, item, text), turn.tick_ns)
            return
        answer: Iterator[bytes] | str | None
        if isinstance(message, M.Resume):
            answer = self._resume(message.begin, message.end)
        elif isinstance(message, M.AccountRequest):
            answer = account_state(self.engine.m, self.directory.desk, self.session, message, lambda: self._tick_ns)
        elif isinstance(message, M.FillsRequest):
            answer = fills(state.Session.of(self.engine.m, self.session), self._store, self._encoder, message)
        else:
            answer = kind.answer(message)
        if isinstance(answer, str):
            self._write(M.RequestRefused(codes.R_WIRE_UNKNOWN_MESSAGE, tag, 0, answer), turn.tick_ns)
        elif answer is not None:
            self._pieces.append(answer)
            if own:
                self._own.add(answer)
                if turn.words > L.CMD_WORDS:
                    self._asked_in = turn.turn  # what the session sent before the request is in this turn

    def _resume(self, begin: int, end: int) -> Iterator[bytes]:
        return reports(state.Session.of(self.engine.m, self.session), self._store, self._encoder, begin, end)
