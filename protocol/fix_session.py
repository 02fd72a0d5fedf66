"""The FIX 4.4 session layer, sans-IO, for both ends of a connection.

Input: whole undamaged messages (fix_messages.Framer or the decode kernel) and times. Output: lists of actions for the host to carry out in
order. The host numbers what is sent (`Send`), keeps the numbers, answers resends from its own store and checks credentials. No clock, no
bytes and no I/O here.

Order of checks for a message on a live session: BeginString, MsgSeqNum, CompIDs, SendingTime, then the number (not for a
SequenceReset-Reset, nor for a Logon with 141=Y on a live session, which restarts the numbers), then the table (fix_messages.check), then
the message itself. docs/fix.md describes the answers.

"Test case" in the comments below means FIX 4.4 volume 2, "FIX Session-level Test Cases and Expected Behaviors"; names in quotes are
sections of the same volume.
"""

from collections.abc import Callable
from dataclasses import dataclass

from . import codes, fix_logon
from .fix_messages import FixMessage, Problem, check, encode_fields, parse_timestamp, parse_uint
from .fix_tables import FIX44, HEARTBEAT_MAX_S, HEARTBEAT_MIN_S, MAX_MESSAGE_BYTES

SECOND = 1_000_000_000
QUEUE_MAX = 2048  # messages kept while a gap is open; more are dropped and are resent after the next ResendRequest
ASK_AGAIN_MAX = 3  # repeats of a ResendRequest without progress
LOGOUT_WAIT_NS = 3 * SECOND  # wait for the answer to our Logout, and for the messages missing before the peer's Logout
LOGON_WAIT_NS = 10 * SECOND  # initiator: wait for the reply


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message of this type; the host adds the number and the header. `body`: encoded fields."""

    msg_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Deliver:
    """An application message in sequence, checked against the table."""

    message: FixMessage


@dataclass(frozen=True, slots=True)
class Resend:
    """Resend our messages begin..end (end is never beyond the last number sent; 0: up to the newest when the answer begins): application
    messages and Rejects with PossDupFlag, everything else gap-filled, nothing outside the range ("Resend Request", "Sequence Reset": other
    administrative messages are not resent)."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class SetNextIn:
    """A SequenceReset changed the next expected number."""

    number: int


@dataclass(frozen=True, slots=True)
class LogonAsked:
    """Acceptor: a well-formed Logon arrived. The host checks CompIDs and credentials, then calls `accept` or refuses it itself."""

    message: FixMessage


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """The session is live (acceptor: the host must handle this before it numbers what follows). reset: both numbers restarted at 1.
    next_in: next expected number, 0: unchanged. This action also comes, with live False, when a logon with right credentials is refused,
    because the Logout uses a number."""

    reset: bool
    next_in: int
    heartbeat_ns: int
    live: bool = True


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection after everything was sent; reason: codes.R_* or OK."""

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

    next_in: next expected MsgSeqNum (the host may advance it when it has handled in-sequence messages itself). last_in_ns, last_out_ns: set
    by the host when bytes were received and sent; heartbeats are timed from them. last_sent(): highest number sent so far.
    """

    def __init__(self, last_sent: Callable[[], int], skew_ns: int = 0, begin_string: str = FIX44, initiator: bool = False) -> None:
        self.begin_string = begin_string.encode()
        self.last_sent = last_sent
        self.skew_ns = skew_ns  # 0: SendingTime is not checked
        self.initiator = initiator
        self.own_fields = True
        self.heartbeat_s = HEARTBEAT_MIN_S, HEARTBEAT_MAX_S  # acceptor: the range that a Logon may request
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
        self._asked_upto = 0  # number of the message that showed the gap: everything before it was requested
        self._asked_at_ns = 0
        self._asked_next_in = 0
        self._asked_again = 0  # repeats without progress
        self._now_ns = 0
        self.real_ns: int | None = None  # the time of day, for comparison with SendingTime; None: the times given are times of day
        self._test_sent_ns = 0
        self._test_number = 0
        self._deadline_ns = 0
        self._logon: FixMessage | None = None
        self._wants_reset = False
        self._late_logout: FixMessage | None = None  # the peer's Logout, received beyond a gap
        self._too_long_at = 0  # expected number when a message was dropped because of its length

    # ------------------------------------------------------------------------------------------------ state
    @property
    def gap_open(self) -> bool:
        """True while messages are missing: every message must then go through `receive`."""
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
        """Actions due by time: Heartbeat after an interval in which we sent nothing (test case 4), TestRequest after 1.2 intervals in which
        nothing was received (test case 6: "HeartBtInt + reasonable period of time"), and the end after 2.4."""
        if self.state in (LOGON_SENT, LOGOUT_SENT):
            if now_ns < self._deadline_ns:
                return []
            waited = "Logon reply" if self.state == LOGON_SENT else "Logout reply"
            self.state = CLOSED
            return [Close(codes.R_LOGON_TIMEOUT, f"no {waited} in time")]
        if self.state != ACTIVE:
            return []
        if self._late_logout is not None:  # after its Logout the peer is neither checked for silence nor sent anything but the answer
            return self._bye(self._late_logout) if now_ns >= self._deadline_ns else []
        silent = now_ns - self.last_in_ns
        if silent <= 0 or self._test_sent_ns and self.last_in_ns > self._test_sent_ns:
            self._test_sent_ns = 0
        if self._test_sent_ns and silent >= self.heartbeat_ns * 24 // 10:
            text = f"nothing was received for {silent // 1_000_000} ms, also after a TestRequest"
            return self._end(codes.R_HEARTBEAT_LOST, text)
        actions: list[Action] = []
        if self._asked_from and now_ns - self._asked_at_ns >= self.heartbeat_ns:
            # A ResendRequest that was damaged on the way is never answered: repeat it, but only a few times.
            self._now_ns = now_ns
            self._asked_again = self._asked_again + 1 if self.next_in == self._asked_next_in else 0
            if self._asked_again > ASK_AGAIN_MAX:
                return self._end(
                    codes.R_SEQUENCE_LOW, f"MsgSeqNum {self.next_in} was not received after {ASK_AGAIN_MAX + 1} ResendRequests"
                )
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

    # ------------------------------------------------------------------------------------------------ own actions
    def start(
        self, now_ns: int, our: str, peer: str, heartbeat_s: int, fields: list[tuple[int, bytes | str | int]], reset: bool
    ) -> list[Action]:
        """Initiator: send the Logon. `fields` follow 98, 108 and 141 (553, 554, 5001 ...)."""
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
        """Send a Logout and wait for the peer's (test case 12)."""
        if self.state != ACTIVE:
            return []
        self.state = LOGOUT_SENT
        self._deadline_ns = now_ns + LOGOUT_WAIT_NS
        return [Send("5", encode_fields([(58, text)] if text else []))]

    def expel(self, reason: int, text: str) -> list[Action]:
        """Logout with a reason and close, without waiting."""
        return self._end(reason, text) if self.live else [Close(reason, text)]

    def reject(self, message: FixMessage, problem: Problem) -> list[Action]:
        """Reject (3) or BusinessMessageReject (j) of a message. A Reject is never answered (test case 7: it only counts as received)."""
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
        """Logout with the reason, then close without waiting for the answer ("Logout": on a serious error the sender may disconnect at
        once)."""
        self.state = CLOSED
        return [Send("5", encode_fields([(58, text)])), Close(reason, text)]

    # ------------------------------------------------------------------------------------------------ logon
    def accept(self, message: FixMessage, now_ns: int, next_in: int, own_fields: bool = True) -> list[Action]:
        """Acceptor: CompIDs and credentials of the Logon are right. next_in: the number expected before any reset; own_fields: the peer
        knows our dictionary, so the reply may echo 5001 to 5003. Order of the checks: SendingTime, HeartBtInt, then MsgSeqNum, which must
        be 1 with ResetSeqNumFlag ("Logon": both sides restart at 1) and else not below the expected one (test case 1S)."""
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
            refused = codes.R_SEQUENCE_LOW, f"ResetSeqNumFlag(141)=Y requires MsgSeqNum(34) 1, found {seq}"
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
        # NextExpectedMsgSeqNum ("Logon"): missing messages are sent as if the peer had requested them.
        resend: list[Action] = [Resend(has, 0)] if has and not reset and has <= last else []
        if reset or seq == next_in:
            self.next_in = seq + 1
            return [LoggedOn(reset, self.next_in, self.heartbeat_ns), self._logon_reply(message, seconds, reset), *resend]
        self._queue[seq] = None  # the Logon itself has been handled; its number counts when the gap is closed
        ask = self._ask(seq)
        if has:  # our reply's 789 tells the peer which messages are missing, so no ResendRequest is sent ("Logon")
            ask = []
        return [LoggedOn(False, 0, self.heartbeat_ns), self._logon_reply(message, seconds, reset), *resend, *ask]

    def _logon_reply(self, message: FixMessage, seconds: int, reset: bool) -> Send:
        return Send("A", fix_logon.reply(message, seconds, reset, self.next_in, self.own_fields))

    def _first(self, message: FixMessage) -> list[Action]:
        """The first message on an acceptor's connection. Anything but a Logon ends it (test case 1S)."""
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
        """A message was dropped because its BodyLength is above the limit. This may be damage, which a resend repairs. If it happens again
        at the same number, the peer really sends a message of that length, and the session ends."""
        text = f"BodyLength(9): found {length}, a message may have {MAX_MESSAGE_BYTES} bytes in all"
        if self.state == WAIT_LOGON:
            self.state = CLOSED
            return [Send("5", encode_fields([(58, text)])), Close(codes.R_WIRE_TOO_LONG, text)]
        if not self.live:
            return []
        if self._too_long_at == self.next_in:
            return self._end(codes.R_WIRE_TOO_LONG, f"{text}: MsgSeqNum {self.next_in} cannot be accepted")
        self._too_long_at = self.next_in
        return []

    # ------------------------------------------------------------------------------------------------ messages in
    def receive(self, message: FixMessage, now_ns: int) -> list[Action]:
        """Handle one whole undamaged message (test case 2)."""
        if self.state == CLOSED:
            return []
        self._now_ns = self.last_in_ns = now_ns
        self._test_sent_ns = 0
        if self.state == WAIT_LOGON:
            return self._first(message)
        if message.get(8) != self.begin_string:  # test case 2i: Logout, disconnect
            return self._end(codes.R_WIRE_FIELD, f"BeginString(8): found {message.text(8)}, expected {self.begin_string.decode()}")
        seq = message.seq
        reset = message.msg_type == "4" and message.get(123) != b"Y"  # test case 11: MsgSeqNum is ignored, it may even be 0
        if not seq and not (reset and seq == 0):  # "Sequence Numbers": without MsgSeqNum, end the session
            found = "is missing" if 34 not in message else f"found {message.text(34)[:24]!r}, expected a number from 1 on"
            return self._end(codes.R_WIRE_FIELD, f"MsgSeqNum(34) {found}")
        for tag, name, expected in ((49, "SenderCompID", self.peer_comp_id), (56, "TargetCompID", self.our_comp_id)):
            if message.get(tag) and message.get(tag) != expected:  # test case 2k; `_check` finds a missing or empty one in sequence
                self._count(seq)
                text = f"{name}({tag}): found {message.text(tag)[:40]!r}, expected {expected.decode()!r}"
                return self.reject(message, Problem(9, tag, text)) + self._end(codes.R_BAD_COMP_ID, text)
        if (skew := self._skew(message, now_ns)) is not None:  # test case 2o: Reject 373=10, Logout
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
            return None  # a format error, which `check` reports
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
        """Test case 2b: request the missing messages. "Ordered Message Processing": later messages wait until the gap is closed."""
        actions: list[Action] = []
        kept: FixMessage | None = message
        if message.msg_type == "5":
            if self.state == LOGOUT_SENT:  # the answer to our Logout: the missing messages are requested at the next logon
                self._queue.clear()
                return self._bye(message)
            self._late_logout = message  # "Logout": request the missing messages first, and wait for them for a limited time
            self._deadline_ns = self._now_ns + LOGOUT_WAIT_NS
        if (
            message.msg_type == "2" and check(message, self.initiator) is None
        ):  # test case 20: answer the peer's request first, then send ours
            actions += self._resend(message)
            kept = None
        if seq not in self._queue and (len(self._queue) < QUEUE_MAX or message is self._late_logout):
            self._queue[seq] = kept
        # One request per gap. A resent message beyond the expected number shows that a resent one was lost: request again from there.
        if not self._asked_from or message.poss_dup and self._asked_from != self.next_in:
            actions += self._ask(seq)
        return actions

    def _too_low(self, message: FixMessage, seq: int) -> list[Action]:
        """Test case 2c: Logout without PossDupFlag. Test cases 2e to 2g: a possible duplicate is ignored if its OrigSendingTime is
        valid."""
        if not message.poss_dup:
            return self._end(codes.R_SEQUENCE_LOW, f"MsgSeqNum(34) too low: expected {self.next_in}, found {seq}")
        problem = self._dup_problem(message)
        if problem is None:
            return []
        return self.reject(message, problem) + (self._end(codes.R_CLOCK_SKEW, problem.text) if problem.reason == 10 else [])

    def _dup_problem(self, message: FixMessage) -> Problem | None:
        """Test cases 2g (OrigSendingTime missing) and 2f (later than SendingTime)."""
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
        if kind == "1":  # "Test Request": a Heartbeat with the same TestReqID
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
        """Check against the table, then for the required header fields (test case 14b)."""
        problem = check(message, self.initiator)
        if problem is None:
            for tag, name in ((49, "SenderCompID"), (56, "TargetCompID"), (52, "SendingTime")):
                if tag not in message:
                    return Problem(1, tag, f"{name}({tag}) is required")
        return problem

    def _resend(self, message: FixMessage) -> list[Action]:
        """A ResendRequest ("Resend Request": EndSeqNo 0 means up to the last message sent)."""
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
        """SequenceReset-GapFill in sequence (test case 10b); NewSeqNo must not lower the number (test case 10e)."""
        new = parse_uint(message.get(36)) or 0
        if new <= seq:
            return self.reject(message, Problem(5, 36, f"NewSeqNo(36): found {new}, expected more than MsgSeqNum(34) {seq}"))
        actions = self._move_to(new)
        if self._asked_from and self._queue and new > self._asked_upto and new not in self._queue:
            # The fill reaches beyond the gap, and our request had no end: the remaining messages are on their way.
            self._asked_upto = min(self._queue)
        return actions

    def _reset(self, message: FixMessage) -> list[Action]:
        """SequenceReset-Reset, whatever its own number. Test case 11: a higher NewSeqNo is adopted, an equal one changes nothing, a lower
        one is rejected and counts no number."""
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
        """Acceptor: a Logon with 141=Y on a live session ("Logon": ResetSeqNumFlag may be used during a session). Both numbers restart at
        1; open gaps and a pending Logout are dropped."""
        problem = check(message, self.initiator)
        seconds = fix_logon.heartbeat(message)
        text = problem.text if problem is not None else fix_logon.refused_option(message)
        if text:
            return self._end(codes.R_WIRE_FIELD, text)
        if (wrong := fix_logon.wrong_heartbeat(seconds, self.heartbeat_s)) is not None:
            return self._end(codes.R_BAD_HEARTBEAT, wrong)
        if seq != 1:
            return self._end(codes.R_SEQUENCE_LOW, f"ResetSeqNumFlag(141)=Y requires MsgSeqNum(34) 1, found {seq}")
        self._queue.clear()
        self._asked_from = self._asked_again = 0
        self._late_logout = None
        self.heartbeat_ns = seconds * SECOND
        self.next_in = 2
        return [LoggedOn(True, 2, self.heartbeat_ns), self._logon_reply(message, seconds, True)]

    def _move_to(self, number: int) -> list[Action]:
        """Advance to `number`. The peer has given up the skipped messages. A skipped TestRequest or Logout is answered all the same:
        administrative messages are gap-filled as a rule, and this one was received."""
        self.next_in = number
        actions: list[Action] = [SetNextIn(number)]
        for seq in sorted(seq for seq in self._queue if seq < number):
            message = self._queue.pop(seq)
            if message is not None and self.state != CLOSED and message.msg_type in ("1", "5") and self._check(message) is None:
                actions += self._bye(message) if message.msg_type == "5" else [Send("0", encode_fields([(112, message.get(112))]))]
        return actions

    def _bye(self, message: FixMessage) -> list[Action]:
        """Answer the peer's Logout, unless it answers ours, and close (test case 13)."""
        self.peer_logged_out = True
        answer: list[Action] = [] if self.state == LOGOUT_SENT else [Send("5", b"")]
        self.state = CLOSED
        return [*answer, Close(codes.OK, message.text(58) or "logged out")]

    def _drain(self) -> list[Action]:
        """Handle queued messages that are now in sequence; send another ResendRequest if another gap follows."""
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
        elif self._asked_from and self.next_in >= self._asked_upto:  # all requested messages were received
            self._asked_from = 0
            if self._queue:  # another gap follows
                actions += self._ask(min(self._queue))
        return actions
