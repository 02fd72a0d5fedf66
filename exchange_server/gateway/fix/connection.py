"""The server's side of one FIX session: logon, sequence numbers, heartbeats, resends. The purpose of the session is its kind (kinds.py).

The hot path (D, F, G of an order entry session, in sequence) is one call of the decode kernel per turn over the whole buffer. Any other message
goes through protocol.fix_session in plain Python and results in C_LOGON, C_SEND, C_SET_IN ... rows, or in rows of the kind, so every number
is assigned inside the turn.
Written directly to the outlet: the Logout that refuses a logon before a session is known (number 1; it uses no session's number), and
resends, whose numbers are old.
"""

import re
from collections import deque
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocol import codes, errors, fix_logon, fix_session
from protocol.fix_messages import FixMessage, Problem, build, format_timestamp, parse, parse_uint
from protocol.fix_queries import QUERIES
from protocol.fix_tables import HEARTBEAT_MAX_S, HEARTBEAT_MIN_S

from ... import state
from ...core import layout as L
from ...core.layout import plain
from ...wires.fix_in import CN_LIMIT, FIX_CONN_WORDS, HAND_OVER, RES_GARBLED, RES_LENGTH, RES_TOO_LONG, decode
from ..connection import Connection, Outlet, SessionTable, TurnInput
from ..credentials import WAIT, FixProof, Verdict
from ..feeds.market_data import MarketData
from ..own_state import Desk
from .encoder import FixEncoder
from .kinds import KINDS, Kind
from .logons import LogonMemory, proof_of, sent
from .missed import Missed
from .order_entry import COUNTED_MAX
from .own_state import GO_ON, LATER, RETRY_NS, Answers
from .resend import Resends, ResendStore
from .status import Statuses

STATUS_REQUEST = "e"
SLOW_WEIGHT = 64  # a message handled in plain Python counts as this many in the turn's budget, to limit the delay of other sessions
SKEW_NS = 120_000_000_000
BUDGET = 4096
DECIMALS = (3, 0, 6, 9)  # of a timestamp, by FORM_TIME_*
RESEND_BACKLOG = 256 * 1024  # bytes waiting for the peer above which a resend pauses


class FixDirectory(SessionTable, Protocol):
    """What a FIX session needs from gateway/sessions.py."""

    logons: LogonMemory
    desk: Desk

    def authenticate_fix(self, connection: Connection, proof: FixProof, tick_ns: int, now_ns: int) -> Verdict:
        """The session and OK; or why not, or that the connection is given a turn when it is known (WAIT)."""


class FixConnection(Connection):
    """One socket of the FIX wire. Nothing is decoded after `close`.

    engine: `m` (the arena). store: the event store. encoder, market: shared by all connections. skew_ns: tolerance of SendingTime.
    budget: messages at most per turn. heartbeat_s: what a Logon may ask for. `slow` counts D, F and G that plain Python had to handle,
    `garbled` the messages dropped as garbled.
    """

    __slots__ = (
        "_answers", "_budget", "_conn", "_conn_words", "_encoder", "_kind", "_logon_turn", "_missed", "_res", "_res_words", "_resends", "_statuses", "_store", "_todo", "_told",
        "_unsent_from", "_up", "engine", "fix", "garbled",
        "python_messages", "slow",
    )  # fmt: skip

    directory: FixDirectory

    def __init__(
        self,
        directory: FixDirectory,
        now_ns: int,
        outlet: Outlet | None,
        engine: Any,
        store: ResendStore,
        encoder: FixEncoder,
        market: MarketData,
        skew_ns: int = SKEW_NS,
        budget: int = BUDGET,
        heartbeat_s: tuple[int, int] = (HEARTBEAT_MIN_S, HEARTBEAT_MAX_S),
    ) -> None:
        super().__init__(codes.WIRE_FIX, directory, now_ns, outlet)
        self.engine = engine
        self._store = store
        self._encoder = encoder
        self._budget = budget
        self._kind: Kind | None = None  # set after a successful logon
        self.slow = 0
        self.garbled = 0
        self.python_messages = 0
        self.fix = fix_session.FixSession(self._last_sent, skew_ns)
        self.fix.heartbeat_s = heartbeat_s
        self._conn: NDArray[np.int64] = np.zeros(FIX_CONN_WORDS, np.int64)
        self._res: NDArray[np.int64] = np.zeros(L.RES_WORDS, np.int64)
        # The same words: one of them is read and written through these in a third of the time that numpy takes.
        self._conn_words, self._res_words = self._conn.data, self._res.data
        self._conn_words[L.CN_SKEW] = skew_ns
        self._resends = Resends(store, encoder)
        self._told: tuple[int, int] | None = None  # numbers resent, perhaps not yet written to the socket
        self._todo: deque[tuple[fix_session.Action, FixMessage | None]] = deque()  # actions that did not fit into the turn
        self._missed = Missed(store, encoder)
        self._answers = Answers()
        self._statuses = Statuses(engine.m, market, self)
        self._logon_turn = 0
        self._unsent_from = 0
        self._up = False  # a logon has succeeded

    def gather(self, turn: TurnInput) -> bool:
        if self.closing:
            return False
        conn, res, fix = self._conn_words, self._res_words, self.fix
        m = self.engine.m
        kernel = self._kind is not None and bool(self._kind.hot)
        conn[L.CN_NOW] = fix.real_ns = turn.real_ns
        conn[L.CN_BUDGET] = min(self._budget, turn.share)
        conn[CN_LIMIT] = turn.limit
        fix.last_in_ns = max(fix.last_in_ns, self.last_in_ns)
        fix.last_out_ns = max(fix.last_out_ns, self.last_out_ns)
        more = False
        if self._todo:
            self._do([], turn, None)  # what did not fit into the previous turn
        while self.start < self.end and not self._todo and not self._resends.many:
            hot = kernel and fix.state == fix_session.ACTIVE and not fix.gap_open
            conn[L.CN_NEXT_IN] = fix.next_in if hot else HAND_OVER
            res[RES_GARBLED] = res[RES_TOO_LONG] = 0
            status = decode(m, self.buf, self.start, self.end, self._conn, turn.inbox, turn.words, self._res)
            self.start = res[L.RES_POS]
            turn.words = res[L.RES_OUT]
            self.garbled += res[RES_GARBLED]
            if hot:
                fix.next_in = conn[L.CN_NEXT_IN]
            if res[RES_TOO_LONG]:
                self._too_long(res[RES_TOO_LONG], turn)
                if self.closing:
                    return False
            if status == L.DEC_SLOW:
                begin = self.start
                self.start = begin + res[RES_LENGTH]
                self._slow(bytes(self.view[begin : self.start]), turn)
                conn[L.CN_BUDGET] -= SLOW_WEIGHT
                if self.closing:
                    return False
                continue
            more = status == L.DEC_FULL
            break
        if not self._todo and (actions := fix.on_time(turn.tick_ns)):
            self._do(actions, turn, None)
        if (self._resends or self._told or self._resends.notice) and not self.closing:
            # Output written here is sent before the turn's events, and nothing may come before the logon reply.
            more = turn.turn == self._logon_turn or self._resend_some(turn) or more
        if self._missed.due and not self.closing:
            more = self._send_missed(turn) or more
        again = 0
        if self._answers.waiting and not self.closing:
            status = self._answer(turn)
            more, again = more or status == GO_ON, turn.tick_ns + RETRY_NS if status == LATER else 0
        if self._statuses.waiting and not self.closing:
            status = self._tell_statuses(turn)
            more, again = more or status == GO_ON, turn.tick_ns + RETRY_NS if status == LATER else again
        if self.closing:
            self.next_due = 0
            return False
        if self.held_until:
            self.next_due = self.held_until
            return False
        self.next_due = min(fix.due(), again) if again else fix.due()
        return more or bool(self._todo)

    def _slow(self, raw: bytes, turn: TurnInput) -> None:
        try:
            message = parse(raw)
        except ValueError:  # the kernel's tokeniser has the same rules; if they ever differ, the message is dropped as garbled
            self.garbled += 1
            return
        self.python_messages += 1
        if self._kind is not None and message.msg_type in self._kind.hot:
            self.slow += 1
        self._do(self.fix.receive(message, turn.tick_ns), turn, message)

    def _too_long(self, length: int, turn: TurnInput) -> None:
        """Reject a message that is too long, in order: after the messages before it, before those that follow."""
        seen = bytes(self.view[: self.end])
        names = {tag: re.search(rb"\x01%d=([\x20-\x7e]{1,64})\x01" % tag, seen) for tag in (49, 56)}
        known = [(8, self.fix.begin_string)] + [(tag, found[1]) for tag, found in names.items() if found]
        self._do(self.fix.too_long(length), turn, FixMessage(known))

    # ------------------------------------------------------------------------------------------------ actions
    def _do(self, actions: list[fix_session.Action], turn: TurnInput, cause: FixMessage | None) -> None:
        """Do these in order, after the remaining earlier ones. A closed gap can release thousands at once: actions that do not fit into the
        turn wait for the next one, and nothing more is decoded until they are done."""
        todo = self._todo
        todo.extend((action, cause) for action in actions)
        joined = False  # the reply goes into the same turn as its C_LOGON (there is room): a report in between would take its number
        while todo and (joined or not turn.full and self._conn_words[L.CN_BUDGET] > 0):
            action, cause = todo.popleft()
            joined = False
            if isinstance(action, fix_session.Deliver):
                self._conn_words[L.CN_BUDGET] -= SLOW_WEIGHT
                self._first(self._deliver(action.message, turn), action.message)
            elif isinstance(action, fix_session.Send):
                self._send(action.msg_type, action.body, turn, cause)
            elif isinstance(action, fix_session.Resend):
                self._resends.ask(action.begin, action.end)
            elif isinstance(action, fix_session.SetNextIn):
                turn.add(codes.C_SET_IN, self.session, values={L.CMD_NEXT_IN: action.number})
            elif isinstance(action, fix_session.LogonAsked):
                code = self.directory.admit(self, action.message.text(49), turn.tick_ns)
                answer = self._logon(action.message, turn, code) if code >= 0 else None
                if answer is None:  # asked again at `held_until`, or when its password has been checked
                    todo.appendleft((action, cause))
                    return
                self._first(answer, action.message)
            elif isinstance(action, fix_session.LoggedOn):
                self._logged_on(action, turn, cause)
                joined = True
            else:
                if not self._up:
                    who = cause.text(49) if cause is not None else ""
                    self.directory.logon_refused(self, who, action.reason, action.text, turn.tick_ns)
                self.close(action.reason, action.text)
                todo.clear()

    def _first(self, actions: list[fix_session.Action], cause: FixMessage | None) -> None:
        """Do these before the waiting actions."""
        self._todo.extendleft((action, cause) for action in reversed(actions))

    def _send(self, msg_type: str, body: bytes, turn: TurnInput, cause: FixMessage | None) -> None:
        if self.session:
            used = self.fix.next_in - 1
            # Every answer also journals the incoming numbers used so far, but not while earlier orders still wait for room.
            values = {
                L.CMD_MSG_TYPE: int.from_bytes(msg_type.encode(), "little"),
                L.CMD_GROUP_SEQ: 0 if self._waiting() or used >= COUNTED_MAX else used,
            }
            if used >= COUNTED_MAX and not self._waiting():
                turn.add(codes.C_SET_IN, self.session, values={L.CMD_NEXT_IN: used + 1})
            turn.add(codes.C_SEND, self.session, values=values, body=body)
        elif cause is not None:  # no session yet: a logon is refused
            our, peer = cause.text(56)[:64] or "UNKNOWN", cause.text(49)[:64] or "UNKNOWN"
            self.outlet.write(build(fix_logon.version_of(cause), msg_type, our, peer, 1, format_timestamp(turn.now_ns, 3), body))

    def _logon(self, message: FixMessage, turn: TurnInput, code: int) -> list[fix_session.Action] | None:
        """What follows from a Logon; None: not known yet."""
        if code == codes.R_LOGON_DELAYED:
            text = errors.text(code)
            return [fix_session.Send("5", b"58=%s\x01" % text.encode()), fix_session.Close(code, text)]
        directory = self.directory
        session, code, text = directory.authenticate_fix(self, proof_of(message), turn.tick_ns, turn.now_ns)
        if code == WAIT:
            return None
        if code == codes.R_ALREADY_LOGGED_ON:
            return [fix_session.Close(code, "the session is logged on already: this connection is closed, the first continues")]
        row = self._row(session)
        unjudged = 96 in message and not self.fix.skew_ns  # a signature is good for ever where SendingTime is not compared with a clock
        old = unjudged and sent(message) <= row.logon_sent
        if code == codes.OK and (old or directory.logons.repeated(session, message, row.logon_sent, turn.real_ns)):
            code = codes.R_LOGON_REPEATED
        if code != codes.OK or not self.directory.bind(session, self):
            if code in (codes.R_BAD_CREDENTIALS, codes.R_BAD_COMP_ID):
                text = "unknown CompIDs or wrong credentials"
            elif code == codes.OK:
                text = "the session is in use"
            if code == codes.R_LOGON_REPEATED:
                text = "this Logon was accepted before (SendingTime 52, MsgSeqNum 34 and CheckSum 10 are the same, or 52 is not newer): send a new one"
            return [fix_session.Send("5", b"58=%s\x01" % text.encode()), fix_session.Close(code or codes.R_ALREADY_LOGGED_ON, text)]
        self.session = session
        self._kind = KINDS[directory.kind_of(session, self)](self.engine, session)
        self._conn_words[L.CN_SESSION] = session
        form = row.form_defined if message.get(141) == b"Y" else row.form
        return self.fix.accept(message, turn.tick_ns, row.next_in, plain.has_own_fields(form))

    def _logged_on(self, action: fix_session.LoggedOn, turn: TurnInput, cause: FixMessage | None) -> None:
        flags = L.LOGON_RESET if action.reset else 0
        if not action.live:
            flags |= L.LOGON_REFUSED
        elif cause is not None:
            flags |= self._kind.logon_flags(cause) if self._kind is not None else 0
            flags |= L.LOGON_SKIP_MISSED if cause.get(5003) == b"Y" else 0
        values = {L.CMD_LOGON_FLAGS: flags, L.CMD_LOGON_NEXT_IN: action.next_in, L.CMD_LOGON_HEARTBEAT_NS: action.heartbeat_ns}
        if action.live and cause is not None:
            directory = self.directory
            values[L.CMD_LOGON_SENT] = sent(cause)
            directory.logons.took(self.session, cause, self._conn_words[L.CN_SKEW], turn.real_ns)
            if not action.reset and (has := parse_uint(cause.get(789)) or 0) > 1:
                self._told = 1, has - 1
        turn.add(codes.C_LOGON, self.session, values=values)
        if action.reset:
            self._answers.clear()
            self._statuses.clear()
            self._resends.clear()  # the messages being resent now have other numbers
        if action.live:
            if not self._up:
                self._up = True
                self.directory.logged_on(self, self.fix.peer_comp_id.decode("utf-8", "surrogateescape"), turn.tick_ns)
            self._missed.after = self._logon_turn = turn.turn
            self.grow()

    def _row(self, session: int = 0) -> state.Session:
        """The session's row in the arena."""
        return state.Session.of(self.engine.m, session or self.session)

    def _last_sent(self) -> int:
        return self._row().next_out - 1 if self.session else 0

    def _deliver(self, message: FixMessage, turn: TurnInput) -> list[fix_session.Action]:
        problem: Problem | None = None
        if message.msg_type == STATUS_REQUEST:
            problem = self._statuses.ask(self.session, message, turn.now_ns)
        elif message.msg_type in QUERIES:
            problem = self._answers.ask(self.engine.m, self.directory.desk, self.session, message, turn)
        elif self._kind is not None:
            problem = self._kind.take(message, turn)
        return self.fix.reject(message, problem) if problem is not None else []

    def _must_wait(self) -> bool:
        """Whether the peer does not read, or something of before waits for room."""
        return self.fix.state != fix_session.ACTIVE or bool(self._todo) or self.outlet.backlog > RESEND_BACKLOG

    def _answer(self, turn: TurnInput) -> int:
        """Answers about own state: a piece in a turn."""
        if self._must_wait():
            return LATER
        return self._answers.pump(turn, lambda msg_type, body: self._send(msg_type, body, turn, None))

    def phase_changed(self, event: int, phase: int, time_ns: int) -> None:
        """An event that this session follows is in another phase: it is told in the next turn."""
        self._statuses.phase_changed(event, phase, time_ns)
        self.outlet.ask_turn()

    def _tell_statuses(self, turn: TurnInput) -> int:
        """Phases that were asked for or followed: a piece in a turn."""
        if self._must_wait():
            return LATER
        return self._statuses.pump(self.session, turn, lambda msg_type, body: self._send(msg_type, body, turn, None))

    # ------------------------------------------------------------------------------------------------ resend
    def _resend_some(self, turn: TurnInput) -> bool:
        """Send a piece of the oldest resend; True while there is more to do and the peer keeps up."""
        if self._told and self.outlet.backlog == 0:  # everything has been written to the socket
            self._add_told(turn)
        if self._resends and self.outlet.backlog <= RESEND_BACKLOG:
            row = self._row()
            names = self.fix.our_comp_id.decode(), self.fix.peer_comp_id.decode()
            decimals = DECIMALS[plain.time_form_of(row.form)]
            data = self._resends.piece(turn.now_ns, row.last_event, self._last_sent(), *names, decimals)
            if data:
                self.outlet.write(data)
                self.fix.last_out_ns = turn.tick_ns
            told, self._resends.told = self._resends.told, None
            if told is not None and row.untold:
                first = min(told[0], self._told[0]) if self._told else told[0]
                self._told = first, told[1]
        if self._resends.notice and not turn.full:
            self._tell("Resend", self._resends.notice, turn)
            self._resends.notice = ""
        if self._resends.waiting and self._told is None and not self._resends.notice:
            return False  # a turn is requested when the event store has it again
        return bool(self._resends) or self._told is not None or bool(self._resends.notice)

    def _add_told(self, turn: TurnInput) -> None:
        told, self._told = self._told, None
        if told is not None and told[0] <= self._row().untold <= told[1]:
            turn.add(codes.C_SET_IN, self.session, values={L.CMD_NEXT_IN: self._used(), L.CMD_TOLD_FROM: told[0], L.CMD_TOLD_TO: told[1]})

    def _used(self) -> int:
        """Next expected incoming number, as far as all messages before it are journaled."""
        return self._row().next_in if self._waiting() else self.fix.next_in

    def _tell(self, headline: str, text: str, turn: TurnInput) -> None:
        """Send News: for notices that have no session-level message."""
        self._send("B", b"148=%s\x0133=1\x0158=%s\x01" % (headline.encode(), text.encode("ascii", "backslashreplace")[:1000]), turn, None)

    def _send_missed(self, turn: TurnInput) -> bool:
        """After the logon reply: send a piece of what the session missed before a reset of its numbers; True while there is more."""
        if self._todo:
            return True
        ready = self.outlet.backlog <= RESEND_BACKLOG
        return self._missed.go_on(self._row(), self.fix.next_in, turn, ready, lambda text: self._tell("Missed reports", text, turn))

    # ------------------------------------------------------------------------------------------------ the end
    def dropped(self, data: bytes) -> None:
        if self.session and not self._unsent_from:
            found = re.match(rb"8=FIX[^\x01]*\x01.*?\x0134=([0-9]{1,18})\x01", data)
            self._unsent_from = int(found[1]) if found else self._last_sent() + 1

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        if reason == codes.R_SHUTDOWN and self.fix.live and self.session:
            self._send(
                "B",
                b"148=The server is going down\x0133=1\x0158=%s\x01" % (text.encode("ascii", "backslashreplace") or b"maintenance"),
                turn,
                None,
            )
        waits = reason == codes.R_SHUTDOWN and self.fix.state == fix_session.ACTIVE and self.session
        for action in self.fix.logout(turn.tick_ns, text) if waits else self.fix.expel(reason, text):
            if isinstance(action, fix_session.Send):
                self._send(action.msg_type, action.body, turn, None)
        if waits:
            self.next_due = self.fix.due()  # wait for the peer's Logout; the pipeline drops a peer that does not answer in time
        else:
            self.close(reason, text)

    def lost(self, turn: TurnInput) -> None:
        if self.session and not self._waiting():  # heartbeats have no row: without this the next logon would request them again
            turn.add(codes.C_SET_IN, self.session, values={L.CMD_NEXT_IN: self.fix.next_in})
        if self.session and self._told and not self._unsent_from:
            self._add_told(turn)
        self._answers.clear()
        self._statuses.clear()
        self.directory.leave(self)
        self.dropped(b"")  # further output of this turn is not written
        super().lost(turn)

    def _waiting(self) -> bool:
        """Are there orders in sequence that have not been journaled yet?"""
        return any(isinstance(action, fix_session.Deliver) for action, _ in self._todo)

    def logoff_flags(self) -> int:
        return 1 if self.fix.peer_logged_out else 0

    def unsent_from(self) -> int:
        return self._unsent_from
