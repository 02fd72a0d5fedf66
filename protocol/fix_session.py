"""The FIX 4.4 session layer, sans-IO, for both ends of a connection.

In: whole undamaged messages (fix_messages.Framer or the decode kernel) and times. Out: lists of actions, to be done in order by the host:
it numbers what is sent (`Send`), keeps the numbers, answers resends from its own store, checks credentials. No clock, no bytes, no I/O here.

Order of checks for a message on a live session: BeginString, MsgSeqNum, CompIDs, SendingTime, then by number (a SequenceReset-Reset has none, a
Logon with 141=Y on a session that is up makes its own),
then the table (fix_messages.check), then the message itself. What is answered how is in docs/fix.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from . import codes, fix_logon
from .fix_messages import FixMessage, Problem, check, encode_fields, parse_timestamp, parse_uint
from .fix_tables import FIX44, HEARTBEAT_MAX_S, HEARTBEAT_MIN_S, MAX_MESSAGE_BYTES

SECOND = 1_000_000_000
QUEUE_MAX = 2048  # messages kept while a gap is open; more are dropped and come again with the next ResendRequest
ASK_AGAIN_MAX = 3
LOGOUT_WAIT_NS = 3 * SECOND  # for the answer to ours, and for what is missing before the peer's
LOGON_WAIT_NS = 10 * SECOND  # initiator: for the reply


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message of this type; the host gives the number and the header. `body`: encoded fields."""

    msg_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """An application message in sequence, checked against the table."""

    message: FixMessage


@dataclass(frozen=True, slots=True)
class Resend:
    """The peer asks for our messages begin..end again (end is never beyond what was sent; 0: up to the newest one when the answer begins):
    application messages and Rejects with PossDupFlag, all else gap-filled, nothing outside the range."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class SetNextIn:
    """A SequenceReset moved the next expected number."""

    number: int


@dataclass(frozen=True, slots=True)
class LogonAsked:
    """Acceptor: a well-formed Logon. The host checks CompIDs and credentials, then calls `accept`, or refuses on its own."""

    message: FixMessage


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """The session is up (acceptor: the host must know this before it numbers what follows). reset: both numbers began anew.
    next_in: next expected number, 0: unchanged. When the logon is refused after the credentials were right, this comes too (the Logout takes
    a number), with live False."""

    reset: bool
    next_in: int
    heartbeat_ns: int
    live: bool = True


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection behind everything sent; reason: codes.R_* or OK."""

    reason: int
    text: str


Action = Send | Deliver | Resend | SetNextIn | LogonAsked | LoggedOn | Close

WAIT_LOGON = "wait_logon"
LOGON_SENT = "logon_sent"
ACTIVE = "active"
LOGOUT_SENT = "logout_sent"
CLOSED = "closed"


class FixSession:
    """One end of one connection.

    next_in: next expected MsgSeqNum (the host may move it on when it has handled in-sequence messages by itself). last_in_ns, last_out_ns: set
    by the host when bytes came and went; heartbeats are counted from them. last_sent(): highest number sent so far.
    """

    def __init__(self, last_sent: Callable[[], int], skew_ns: int = 0, begin_string: str = FIX44, initiator: bool = False) -> None:
        self.begin_string = begin_string.encode()
        self.last_sent = last_sent
        self.skew_ns = skew_ns  # 0: SendingTime is not judged
        self.initiator = initiator
        self.own_fields = True
        self.heartbeat_s = HEARTBEAT_MIN_S, HEARTBEAT_MAX_S  # acceptor: what a Logon may ask for
        self.state = WAIT_LOGON
        self.our_comp_id = b""
        self.peer_comp_id = b""
        self.next_in = 1
        self.heartbeat_ns = 0
        self.last_in_ns = 0
        self.last_out_ns = 0
        self.peer_logged_out = False
        self._queue: dict[int, FixMessage | None] = {}
        self._asked_from = 0  # BeginSeqNo of the open ResendRequest, 0: none is open
        self._asked_upto = 0  # the message that showed the gap: what lies before it was asked for
        self._asked_at_ns = 0
        self._asked_next_in = 0
        self._asked_again = 0  # times in a row without progress
        self._now_ns = 0
        self.real_ns: int | None = None  # the time of day, which SendingTime is compared with; None: the times given are of it
        self._test_sent_ns = 0
        self._test_number = 0
        self._deadline_ns = 0
        self._logon: FixMessage | None = None
        self._wants_reset = False
        self._late_logout: FixMessage | None = None  # the peer's Logout, behind a gap
        self._too_long_at = 0  # expected number when a message was dropped for its length

    # ------------------------------------------------------------------------------------------------ state
    @property
    def gap_open(self) -> bool:
        """True while messages are missing: each one must then come through `receive`."""
        return bool(self._queue) or self._asked_from > 0

    @property
    def live(self) -> bool:
        return self.state == ACTIVE or self.state == LOGOUT_SENT

    def due(self) -> int:
        """When `on_time` must be called at the latest, ns; 0: never."""
        if self.state in (LOGON_SENT, LOGOUT_SENT):
            return self._deadline_ns
        if self.state != ACTIVE:
            return 0
        if self._late_logout is not None:
            return self._deadline_ns
        ours = self.last_out_ns + self.heartbeat_ns
        silent = self.heartbeat_ns * 24 // 10 if self._test_sent_ns else self.heartbeat_ns * 12 // 10
        due = min(ours, self.last_in_ns + silent)
        return min(due, self._asked_at_ns + self.heartbeat_ns) if self._asked_from else due

    def on_time(self, now_ns: int) -> list[Action]:
        """What is due: Heartbeat after own silence, TestRequest after 1.2 and the end after 2.4 intervals of the peer's."""
        if self.state in (LOGON_SENT, LOGOUT_SENT):
            if now_ns < self._deadline_ns:
                return []
            waited = "Logon reply" if self.state == LOGON_SENT else "Logout reply"
            self.state = CLOSED
            return [Close(codes.R_LOGON_TIMEOUT, f"no {waited} in time")]
        if self.state != ACTIVE:
            return []
        if self._late_logout is not None:  # it has said goodbye: neither is it silent, nor is it asked for anything more
            return self._bye(self._late_logout) if now_ns >= self._deadline_ns else []
        silent = now_ns - self.last_in_ns
        if silent <= 0 or self._test_sent_ns and self.last_in_ns > self._test_sent_ns:
            self._test_sent_ns = 0
        if self._test_sent_ns and silent >= self.heartbeat_ns * 24 // 10:
            text = f"nothing was received for {silent // 1_000_000} ms, also after a TestRequest"
            return self._end(codes.R_HEARTBEAT_LOST, text)
        actions: list[Action] = []
        if self._asked_from and now_ns - self._asked_at_ns >= self.heartbeat_ns:
            # Nobody answers a ResendRequest that was itself damaged on the way: ask again, a few times, never in a loop.
            self._now_ns = now_ns
            self._asked_again = self._asked_again + 1 if self.next_in == self._asked_next_in else 0
            if self._asked_again > ASK_AGAIN_MAX:
                return self._end(codes.R_SEQUENCE_LOW, f"MsgSeqNum {self.next_in} did not come, though asked for {ASK_AGAIN_MAX + 1} times")
            actions += self._ask(self._asked_upto)
        if not self._test_sent_ns and silent >= self.heartbeat_ns * 12 // 10:
            self._test_sent_ns = now_ns
            self._test_number += 1
            self.last_out_ns = now_ns
            actions.append(Send("1", encode_fields([(112, f"TEST{self._test_number}")])))
        elif now_ns - self.last_out_ns >= self.heartbeat_ns:
            self.last_out_ns = now_ns
            actions.append(Send("0", b""))
        return actions

    # ------------------------------------------------------------------------------------------------ own acts
    def start(
        self, now_ns: int, our: str, peer: str, heartbeat_s: int, fields: list[tuple[int, bytes | str | int]], reset: bool
    ) -> list[Action]:
        """Initiator: send the Logon. `fields`: behind 98, 108, 141 (553, 554, 5001 ...)."""
        self.our_comp_id, self.peer_comp_id = our.encode(), peer.encode()
        self.heartbeat_ns = heartbeat_s * SECOND
        self.state = LOGON_SENT
        self._wants_reset = reset
        self._deadline_ns = now_ns + LOGON_WAIT_NS
        self.last_in_ns = self.last_out_ns = now_ns
        head: list[tuple[int, bytes | str | int]] = [(98, 0), (108, heartbeat_s)]
        if reset:
            self.next_in = 1
            head.append((141, "Y"))
        return [Send("A", encode_fields(head + fields))]

    def logout(self, now_ns: int, text: str = "") -> list[Action]:
        """Say goodbye and wait for the peer's."""
        if self.state != ACTIVE:
            return []
        self.state = LOGOUT_SENT
        self._deadline_ns = now_ns + LOGOUT_WAIT_NS
        return [Send("5", encode_fields([(58, text)] if text else []))]

    def expel(self, reason: int, text: str) -> list[Action]:
        """Logout with a reason and close, without waiting."""
        return self._end(reason, text) if self.live else [Close(reason, text)]

    def reject(self, message: FixMessage, problem: Problem) -> list[Action]:
        """Reject (3) or BusinessMessageReject (j) of a message. A Reject is never answered."""
        if message.msg_type in ("3", "j"):
            return []
        ref_type = message.get(35)
        head: list[tuple[int, bytes | str | int]] = [(45, message.seq or 0)]
        if problem.business:
            head.append((372, ref_type))
            if 11 in message and message.get(11):
                head.append((379, message.get(11)))
            head += [(380, problem.business), (58, problem.text)]
            return [Send("j", encode_fields(head))]
        if problem.tag is not None:
            head.append((371, problem.tag))
        if ref_type:
            head.append((372, ref_type))
        head += [(373, problem.reason), (58, problem.text)]
        return [Send("3", encode_fields(head))]

    def _end(self, reason: int, text: str) -> list[Action]:
        """Logout with the reason, then close without waiting for the answer: the peer cannot be talked to any more."""
        self.state = CLOSED
        return [Send("5", encode_fields([(58, text)])), Close(reason, text)]

    # ------------------------------------------------------------------------------------------------ logon
    def accept(self, message: FixMessage, now_ns: int, next_in: int, own_fields: bool = True) -> list[Action]:
        """Acceptor: CompIDs and credentials of the asked Logon are right; next_in: expected before any reset; own_fields: the peer knows our
        dictionary, so the reply may echo 5001 to 5003."""
        self.our_comp_id, self.peer_comp_id = message.get(56), message.get(49)
        self.next_in = next_in
        self.own_fields = own_fields
        self._now_ns = self.last_in_ns = self.last_out_ns = now_ns
        seq = message.seq or 0
        reset = message.get(141) == b"Y"
        seconds = fix_logon.heartbeat(message)
        has, last = fix_logon.next_expected(message), self.last_sent()
        skew = self._skew(message, now_ns)
        refused: tuple[int, str] | None = None
        if skew is not None:
            refused = codes.R_CLOCK_SKEW, skew
        elif (wrong := fix_logon.wrong_heartbeat(seconds, self.heartbeat_s)) is not None:
            refused = codes.R_BAD_HEARTBEAT, wrong
        elif reset and seq != 1:
            refused = codes.R_SEQUENCE_LOW, f"ResetSeqNumFlag(141)=Y goes only with MsgSeqNum(34) 1, found {seq}"
        elif not reset and seq < next_in:
            refused = codes.R_SEQUENCE_LOW, f"MsgSeqNum(34) too low: expected {next_in}, found {seq}"
        elif not reset and has > last + 1:
            refused = codes.R_NEXT_EXPECTED, f"NextExpectedMsgSeqNum(789): found {has}, the last number sent is {last}"
        if refused is not None:
            counted = 0
            if not reset and seq == next_in:
                counted = self.next_in = next_in + 1
            return [LoggedOn(False, counted, self.heartbeat_s[0] * SECOND, live=False), *self._end(*refused)]
        self.state = ACTIVE
        self.heartbeat_ns = seconds * SECOND
        resend: list[Action] = [Resend(has, 0)] if has and not reset and has <= last else []  # as if it had asked
        if reset or seq == next_in:
            self.next_in = seq + 1
            return [LoggedOn(reset, self.next_in, self.heartbeat_ns), self._logon_reply(message, seconds, reset), *resend]
        self._queue[seq] = None  # the Logon itself has been dealt with; its number counts when the gap is closed
        ask = self._ask(seq)
        if has:  # the peer reads in our 789 what is missing, and sends it without being asked
            ask = []
        return [LoggedOn(False, 0, self.heartbeat_ns), self._logon_reply(message, seconds, reset), *resend, *ask]

    def _logon_reply(self, message: FixMessage, seconds: int, reset: bool) -> Send:
        return Send("A", fix_logon.reply(message, seconds, reset, self.next_in, self.own_fields))

    def _first(self, message: FixMessage) -> list[Action]:
        """The first message on an acceptor's connection."""
        if message.msg_type != "A":
            self.state = CLOSED
            return [Close(codes.R_NOT_LOGGED_ON, f"the first message must be a Logon, found MsgType {message.text(35)[:8]}")]
        text = fix_logon.wrong_version(message, self.begin_string.decode())
        if not text:
            problem = check(message, self.initiator)
            text = problem.text if problem else fix_logon.missing(message) or fix_logon.refused_option(message)
        if text:
            self.state = CLOSED
            return [Send("5", encode_fields([(58, text)])), Close(codes.R_WIRE_FIELD, text)]
        return [LogonAsked(message)]

    def _reply(self, message: FixMessage, now_ns: int) -> list[Action]:
        """Initiator: the first answer to our Logon."""
        if message.msg_type == "5":
            self.state = CLOSED
            return [Close(codes.R_BAD_CREDENTIALS, message.text(58) or "the logon was refused")]
        if message.msg_type != "A":
            return self._end(codes.R_NOT_LOGGED_ON, "the first message must be a Logon")
        seq = message.seq or 0
        self.state = ACTIVE
        self.last_in_ns = now_ns
        reset = message.get(141) == b"Y"
        if reset:
            self.next_in = 1
        if seq < self.next_in:
            return self._end(codes.R_SEQUENCE_LOW, f"MsgSeqNum(34) too low: expected {self.next_in}, found {seq}")
        up = LoggedOn(reset, 0, self.heartbeat_ns)
        if seq == self.next_in:
            self.next_in += 1
            return [up]
        self._queue[seq] = None
        return [up, *self._ask(seq)]

    def too_long(self, length: int) -> list[Action]:
        """A message was dropped because its BodyLength is more than what is taken. It may be damage, which a resend heals; when the same number
        comes so again, it is what the peer means to send."""
        text = f"BodyLength(9): found {length}, a message may have {MAX_MESSAGE_BYTES} bytes in all"
        if self.state == WAIT_LOGON:
            self.state = CLOSED
            return [Send("5", encode_fields([(58, text)])), Close(codes.R_WIRE_TOO_LONG, text)]
        if not self.live:
            return []
        if self._too_long_at == self.next_in:
            return self._end(codes.R_WIRE_TOO_LONG, f"{text}: MsgSeqNum {self.next_in} cannot be taken")
        self._too_long_at = self.next_in
        return []

    # ------------------------------------------------------------------------------------------------ messages in
    def receive(self, message: FixMessage, now_ns: int) -> list[Action]:
        """One whole undamaged message."""
        if self.state == CLOSED:
            return []
        self._now_ns = self.last_in_ns = now_ns
        self._test_sent_ns = 0
        if self.state == WAIT_LOGON:
            return self._first(message)
        if message.get(8) != self.begin_string:
            return self._end(codes.R_WIRE_FIELD, f"BeginString(8): found {message.text(8)}, expected {self.begin_string.decode()}")
        seq = message.seq
        reset = message.msg_type == "4" and message.get(123) != b"Y"  # its own number, which may be 0, says nothing
        if not seq and not (reset and seq == 0):
            found = "is missing" if 34 not in message else f"found {message.text(34)[:24]!r}, expected a number from 1 on"
            return self._end(codes.R_WIRE_FIELD, f"MsgSeqNum(34) {found}")
        for tag, name, expected in ((49, "SenderCompID", self.peer_comp_id), (56, "TargetCompID", self.our_comp_id)):
            if message.get(tag) and message.get(tag) != expected:  # one that is missing or empty is found when its turn comes
                self._count(seq)
                text = f"{name}({tag}): found {message.text(tag)[:40]!r}, expected {expected.decode()!r}"
                return self.reject(message, Problem(9, tag, text)) + self._end(codes.R_BAD_COMP_ID, text)
        if (skew := self._skew(message, now_ns)) is not None:
            self._count(seq)
            return self.reject(message, Problem(10, 52, skew)) + self._end(codes.R_CLOCK_SKEW, skew)
        if self.state == LOGON_SENT:
            return self._reply(message, now_ns)
        if reset:
            return self._reset(message)
        assert seq is not None
        if message.msg_type == "A" and message.get(141) == b"Y" and not self.initiator and self.state == ACTIVE and not message.poss_dup:
            return self._begin_anew(message, seq)
        if seq > self.next_in:
            return self._too_high(message, seq)
        if seq < self.next_in:
            return self._too_low(message, seq)
        actions = self._in_sequence(message, seq)
        return actions + self._drain()

    def _count(self, seq: int) -> None:
        if seq == self.next_in:
            self.next_in += 1

    def _skew(self, message: FixMessage, now_ns: int) -> str | None:
        if not self.skew_ns or 52 not in message:
            return None
        sent = parse_timestamp(message.get(52))
        if sent is None:
            return None  # a format problem, which `check` words
        real_ns = now_ns if self.real_ns is None else self.real_ns
        difference = (sent - real_ns) // 1_000_000
        if abs(sent - real_ns) <= self.skew_ns:
            return None
        side = "ahead of" if difference > 0 else "behind"
        return f"SendingTime(52) is {abs(difference)} ms {side} the server's clock, the limit is {self.skew_ns // 1_000_000} ms"

    def _ask(self, upto: int) -> list[Action]:
        self._asked_from = self._asked_next_in = self.next_in
        self._asked_upto = upto
        self._asked_at_ns = self._now_ns
        return [Send("2", encode_fields([(7, self.next_in), (16, 0)]))]

    def _too_high(self, message: FixMessage, seq: int) -> list[Action]:
        actions: list[Action] = []
        kept: FixMessage | None = message
        if message.msg_type == "5":
            if self.state == LOGOUT_SENT:  # it answers ours: what is missing is asked for at the next logon
                self._queue.clear()
                return self._bye(message)
            self._late_logout = message  # first what is missing, for a while
            self._deadline_ns = self._now_ns + LOGOUT_WAIT_NS
        if message.msg_type == "2" and check(message, self.initiator) is None:  # first the peer's gap, then our own
            actions += self._resend(message)
            kept = None
        if seq not in self._queue and (len(self._queue) < QUEUE_MAX or message is self._late_logout):
            self._queue[seq] = kept
        # One request per gap. A resent message beyond the expected number shows that one of the resent ones was lost: ask again from there.
        if not self._asked_from or message.poss_dup and self._asked_from != self.next_in:
            actions += self._ask(seq)
        return actions

    def _too_low(self, message: FixMessage, seq: int) -> list[Action]:
        if not message.poss_dup:
            return self._end(codes.R_SEQUENCE_LOW, f"MsgSeqNum(34) too low: expected {self.next_in}, found {seq}")
        problem = self._dup_problem(message)
        if problem is None:
            return []
        return self.reject(message, problem) + (self._end(codes.R_CLOCK_SKEW, problem.text) if problem.reason == 10 else [])

    def _dup_problem(self, message: FixMessage) -> Problem | None:
        if 122 not in message:
            return Problem(1, 122, "OrigSendingTime(122) is required with PossDupFlag(43)=Y")
        original, sent = parse_timestamp(message.get(122)), parse_timestamp(message.get(52))
        if original is not None and sent is not None and original > sent:
            return Problem(10, 122, f"OrigSendingTime(122) {message.text(122)} is later than SendingTime(52) {message.text(52)}")
        return None

    def _in_sequence(self, message: FixMessage, seq: int) -> list[Action]:
        self.next_in = seq + 1
        problem = self._check(message)
        if problem is None and message.poss_dup:
            problem = self._dup_problem(message)
            if problem is not None and problem.reason == 10:
                return self.reject(message, problem) + self._end(codes.R_CLOCK_SKEW, problem.text)
        if problem is not None:
            if message.msg_type == "A":
                return self._end(codes.R_WIRE_FIELD, problem.text)
            return self.reject(message, problem)
        kind = message.msg_type
        if kind == "0":
            return []
        if kind == "3" or kind == "j":
            return [Deliver(message)] if self.initiator else []
        if kind == "1":
            return [Send("0", encode_fields([(112, message.get(112))]))]
        if kind == "2":
            return self._resend(message)
        if kind == "4":
            return self._gap_fill(message, seq)
        if kind == "5":
            return self._bye(message)
        if kind == "A":
            return self._end(
                codes.R_ALREADY_LOGGED_ON, "Logon on a session that is logged on: only with ResetSeqNumFlag(141)=Y, or log out first"
            )
        return [Deliver(message)]

    def _check(self, message: FixMessage) -> Problem | None:
        """By the table; the fields of the header that every message must have come last."""
        problem = check(message, self.initiator)
        if problem is None:
            for tag, name in ((49, "SenderCompID"), (56, "TargetCompID"), (52, "SendingTime")):
                if tag not in message:
                    return Problem(1, tag, f"{name}({tag}) is required")
        return problem

    def _resend(self, message: FixMessage) -> list[Action]:
        begin, end = parse_uint(message.get(7)) or 0, parse_uint(message.get(16)) or 0
        last = self.last_sent()
        if begin < 1:
            return self.reject(message, Problem(5, 7, f"BeginSeqNo(7): found {begin}, expected 1 or more"))
        if end and end < begin:
            return self.reject(message, Problem(5, 16, f"EndSeqNo(16): found {end}, expected 0 or at least BeginSeqNo(7) {begin}"))
        if begin > last:
            return self.reject(message, Problem(5, 7, f"BeginSeqNo(7): found {begin}, the last number sent is {last}"))
        return [Resend(begin, min(end, last) if end else last)]

    def _gap_fill(self, message: FixMessage, seq: int) -> list[Action]:
        new = parse_uint(message.get(36)) or 0
        if new <= seq:
            return self.reject(message, Problem(5, 36, f"NewSeqNo(36): found {new}, expected more than MsgSeqNum(34) {seq}"))
        actions = self._move_to(new)
        if self._asked_from and self._queue and new > self._asked_upto and new not in self._queue:
            # The peer fills beyond the gap that was asked for, and the request was for all that follows: the rest is on its way.
            self._asked_upto = min(self._queue)
        return actions

    def _reset(self, message: FixMessage) -> list[Action]:
        """SequenceReset-Reset: its own number does not matter."""
        problem = self._check(message)
        new = parse_uint(message.get(36)) or 0
        if problem is None and new < self.next_in:
            problem = Problem(5, 36, f"NewSeqNo(36): found {new}, expected at least {self.next_in}")
        if problem is not None:
            return self.reject(message, problem)
        if new == self.next_in:
            return []
        return self._move_to(new) + self._drain()

    def _begin_anew(self, message: FixMessage, seq: int) -> list[Action]:
        """Acceptor: a Logon with 141=Y on a session that is up. Both numbers begin at 1 again; whatever was open before is over."""
        problem = check(message, self.initiator)
        seconds = fix_logon.heartbeat(message)
        text = problem.text if problem is not None else fix_logon.refused_option(message)
        if text:
            return self._end(codes.R_WIRE_FIELD, text)
        if (wrong := fix_logon.wrong_heartbeat(seconds, self.heartbeat_s)) is not None:
            return self._end(codes.R_BAD_HEARTBEAT, wrong)
        if seq != 1:
            return self._end(codes.R_SEQUENCE_LOW, f"ResetSeqNumFlag(141)=Y goes only with MsgSeqNum(34) 1, found {seq}")
        self._queue.clear()
        self._asked_from = self._asked_again = 0
        self._late_logout = None
        self.heartbeat_ns = seconds * SECOND
        self.next_in = 2
        return [LoggedOn(True, 2, self.heartbeat_ns), self._logon_reply(message, seconds, True)]

    def _move_to(self, number: int) -> list[Action]:
        """What is skipped was given up by the peer. A TestRequest or Logout among it was only passed over, as what is administrative is:
        it has come, and is answered."""
        self.next_in = number
        actions: list[Action] = [SetNextIn(number)]
        for seq in sorted(seq for seq in self._queue if seq < number):
            message = self._queue.pop(seq)
            if message is not None and self.state != CLOSED and message.msg_type in ("1", "5") and self._check(message) is None:
                actions += self._bye(message) if message.msg_type == "5" else [Send("0", encode_fields([(112, message.get(112))]))]
        return actions

    def _bye(self, message: FixMessage) -> list[Action]:
        self.peer_logged_out = True
        answer: list[Action] = [] if self.state == LOGOUT_SENT else [Send("5", b"")]
        self.state = CLOSED
        return [*answer, Close(codes.OK, message.text(58) or "logged out")]

    def _drain(self) -> list[Action]:
        """Handle what was queued and is now in sequence; ask anew when another gap lies behind it."""
        actions: list[Action] = []
        while self.state != CLOSED and self.next_in in self._queue:
            seq = self.next_in
            message = self._queue.pop(seq)
            if message is None:
                self.next_in = seq + 1
            else:
                actions += self._in_sequence(message, seq)
        if self.state == CLOSED:
            self._queue.clear()
        elif self._asked_from and self.next_in >= self._asked_upto:  # what was asked for has come
            self._asked_from = 0
            if self._queue:  # and behind it another gap begins
                actions += self._ask(min(self._queue))
        return actions
