"""The session layer according to the FIX session-level test cases: one role against scripted messages, and two ends against each other."""

import random

import pytest

from protocol import codes
from protocol.fix_client import FixClient, NotLoggedOn
from protocol.fix_messages import FixMessage, build, format_timestamp, parse, parse_timestamp
from protocol.fix_session import (
    ACTIVE,
    CLOSED,
    Close,
    Deliver,
    FixSession,
    LoggedOn,
    LogonAsked,
    Resend,
    Send,
    SetNextIn,
)

NOW = parse_timestamp(b"20260101-12:00:00")
SECOND = 10**9
ORDER = "11=1|55=A|54=1|60=20260101-00:00:00|38=10|40=2|44=0.5|"


def msg(msg_type, seq, body="", header="", time=NOW, sender="C", target="S", begin="FIX.4.4") -> FixMessage:
    body, header = (part.replace("|", "\x01").encode() for part in (body, header))
    return parse(build(begin, msg_type, sender, target, seq, format_timestamp(time, 3), body, header))


def dup(msg_type, seq, body="", time=NOW, orig=NOW - SECOND) -> FixMessage:
    return msg(msg_type, seq, body, f"43=Y|122={format_timestamp(orig, 3).decode()}|", time)


class Server:
    """An acceptor controlled by a test; `sent` is the highest number sent."""

    def __init__(self, logged_on=True, next_in=1, sent=9):
        self.sent = sent
        self.session = FixSession(lambda: self.sent, skew_ns=10 * SECOND)
        if logged_on:
            self.logon(msg("A", next_in, "98=0|108=30|"), next_in)
            assert self.session.state == ACTIVE

    def logon(self, message, next_in=1):
        asked = self.session.receive(message, NOW)
        if asked != [LogonAsked(message)]:
            return asked
        return self.session.accept(message, NOW, next_in)

    def get(self, message, now=NOW):
        return self.session.receive(message, now)


def sends(actions):
    """(type, {tag: value}) of what is sent."""
    return [(a.msg_type, parse(b"8=x\x01" + a.body)._first) for a in actions if isinstance(a, Send)]


def body_of(action):
    return {tag: value.decode() for tag, value in parse(b"8=x\x01" + action.body).fields if tag != 8}


# ---------------------------------------------------------------------------------------------------- logon
def test_logon_and_its_reply():
    s = Server(False)
    up, reply = s.logon(msg("A", 1, "98=0|108=30|5001=Y|"))
    assert up == LoggedOn(False, 2, 30 * SECOND)
    assert (reply.msg_type, body_of(reply)) == ("A", {98: "0", 108: "30", 5001: "Y"})
    assert s.session.next_in == 2


def test_logon_with_reset_begins_both_numbers_anew_and_asks_for_nothing():
    s = Server(False)
    up, reply = s.logon(msg("A", 1, "98=0|108=30|141=Y|"), next_in=57)
    assert up == LoggedOn(True, 2, 30 * SECOND)
    assert body_of(reply)[141] == "Y" and s.session.next_in == 2 and not s.session.gap_open


def test_logon_with_a_gap_is_answered_first_then_the_gap_is_asked_for_once():
    s = Server(False)
    up, reply, ask = s.logon(msg("A", 9, "98=0|108=30|"), next_in=5)
    assert up == LoggedOn(False, 0, 30 * SECOND) and reply.msg_type == "A"
    assert (ask.msg_type, body_of(ask)) == ("2", {7: "5", 16: "0"})
    assert s.get(msg("0", 10)) == [] and s.get(msg("0", 11)) == []
    assert s.get(msg("4", 5, "123=Y|36=10|", "43=Y|122=20260101-11:59:59|")) == [SetNextIn(10)]
    assert s.session.next_in == 12 and not s.session.gap_open


@pytest.mark.parametrize(
    ("message", "next_in", "reason", "says"),
    [
        (
            msg("A", 1, "98=0|108=30|", time=NOW - 11 * SECOND),
            1,
            codes.R_CLOCK_SKEW,
            "11000 ms behind the server's clock, the limit is 10000 ms",
        ),
        (msg("A", 1, "98=0|108=30|", time=NOW + 10 * SECOND + 10**6), 1, codes.R_CLOCK_SKEW, "10001 ms ahead of"),
        (msg("A", 1, "98=0|108=1|"), 1, codes.R_BAD_HEARTBEAT, "found 1, expected 2 to 60"),
        (msg("A", 1, "98=0|108=61|"), 1, codes.R_BAD_HEARTBEAT, "found 61"),
        (msg("A", 1, "98=0|108=-30|"), 1, codes.R_BAD_HEARTBEAT, "found -30"),
        (msg("A", 2, "98=0|108=30|141=Y|"), 9, codes.R_SEQUENCE_LOW, "141)=Y requires MsgSeqNum(34) 1, found 2"),
        (msg("A", 4, "98=0|108=30|"), 9, codes.R_SEQUENCE_LOW, "too low: expected 9, found 4"),
    ],
)
def test_a_logon_refused_behind_the_credentials_never_obeys_the_reset(message, next_in, reason, says):
    s = Server(False)
    up, bye, close = s.logon(message, next_in)
    assert isinstance(up, LoggedOn) and not up.reset and not up.live
    assert up.next_in == (next_in + 1 if message.seq == next_in else 0), "the number counts only when it was the expected one"
    assert bye.msg_type == "5" and says in body_of(bye)[58]
    assert isinstance(close, Close) and close.reason == reason and s.session.state == CLOSED


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (msg("A", 1, "98=0|"), "HeartBtInt(108) is required"),
        (msg("A", 1, "98=1|108=30|"), "EncryptMethod(98)"),
        (msg("A", 1, "98=0|108=30|", begin="FIX.4.2"), "BeginString(8): found FIX.4.2, only FIX.4.4 is spoken here"),
        (msg("A", 0, "98=0|108=30|"), "MsgSeqNum(34): found 0"),
    ],
)
def test_a_malformed_logon_gets_a_logout_with_the_reason(message, says):
    bye, close = Server(False).logon(message)
    assert bye.msg_type == "5" and says in body_of(bye)[58] and isinstance(close, Close)


@pytest.mark.parametrize("kind", ["0", "D", "5", "2"])
def test_anything_but_a_logon_first_is_closed_without_a_word(kind):
    s = Server(False)
    (close,) = s.get(msg(kind, 1))
    assert close.reason == codes.R_NOT_LOGGED_ON
    assert s.get(msg("A", 1, "98=0|108=30|")) == [], "and nothing behind it is heard"


def test_a_second_logon_on_the_session_ends_it():
    bye, close = Server().get(msg("A", 2, "98=0|108=30|"))
    assert bye.msg_type == "5" and close.reason == codes.R_ALREADY_LOGGED_ON


def test_a_logon_with_reset_on_the_session_begins_the_numbers_anew():
    s = Server(next_in=5)
    s.get(msg("0", 9))
    assert s.session.gap_open
    up, reply = s.get(msg("A", 1, "98=0|108=20|141=Y|5002=Y|"))
    assert up == LoggedOn(True, 2, 20 * SECOND)
    assert (reply.msg_type, body_of(reply)) == ("A", {98: "0", 108: "20", 141: "Y", 5002: "Y"})
    assert s.session.next_in == 2 and not s.session.gap_open and s.session.state == ACTIVE
    assert s.get(msg("0", 2)) == [] and s.session.next_in == 3, "what was kept behind the old gap is not remembered"


@pytest.mark.parametrize(
    ("message", "reason", "says"),
    [
        (msg("A", 6, "98=0|108=30|141=Y|"), codes.R_SEQUENCE_LOW, "141)=Y requires MsgSeqNum(34) 1, found 6"),
        (msg("A", 1, "98=0|108=61|141=Y|"), codes.R_BAD_HEARTBEAT, "found 61, expected 2 to 60"),
        (msg("A", 1, "98=0|141=Y|"), codes.R_WIRE_FIELD, "HeartBtInt(108) is required"),
        (msg("A", 6, "98=0|108=30|"), codes.R_ALREADY_LOGGED_ON, "only with ResetSeqNumFlag(141)=Y"),
        (msg("A", 1, "98=0|108=30|"), codes.R_SEQUENCE_LOW, "too low: expected 6, found 1"),
    ],
)
def test_a_reset_that_is_not_sound_ends_the_session(message, reason, says):
    bye, close = Server(next_in=5).get(message)
    assert bye.msg_type == "5" and says in body_of(bye)[58] and close.reason == reason


def test_a_duplicate_of_an_old_logon_resets_nothing():
    s = Server(next_in=5)
    assert s.get(dup("A", 1, "98=0|108=30|141=Y|")) == [] and s.session.next_in == 6


# ---------------------------------------------------------------------------------------------------- numbers
def test_too_high_is_asked_for_once_and_what_came_meanwhile_is_handled_in_order():
    s = Server()
    (ask,) = s.get(msg("D", 5, ORDER))
    assert body_of(ask) == {7: "2", 16: "0"}
    assert s.get(msg("1", 6, "112=x|")) == [] and s.get(msg("D", 7, ORDER)) == []
    assert [type(a) for a in s.get(dup("D", 2, ORDER))] == [Deliver]
    assert s.get(msg("4", 3, "123=Y|36=4|", "43=Y|122=20260101-11:00:00|")) == [SetNextIn(4)]
    actions = s.get(dup("D", 4, ORDER))
    assert [a.message.seq if isinstance(a, Deliver) else a.msg_type for a in actions] == [4, 5, "0", 7]
    assert s.get(dup("D", 5, ORDER)) == [], "the resent copy of what was queued is an old one"
    assert s.session.next_in == 8 and not s.session.gap_open


def test_a_resent_message_that_is_lost_again_is_asked_for_again_and_only_then():
    s = Server()
    s.get(msg("0", 9))
    assert s.get(dup("0", 2)) == [] and s.get(msg("0", 10)) == []
    (ask,) = s.get(dup("0", 5))
    assert body_of(ask) == {7: "3", 16: "0"}
    assert s.get(dup("0", 6)) == []


def test_a_gap_behind_the_gap_is_asked_for_when_the_first_is_closed():
    s = Server()
    s.get(msg("0", 4))
    assert s.get(msg("0", 7)) == []
    assert s.get(dup("0", 2)) == []
    (ask,) = s.get(dup("0", 3))
    assert body_of(ask) == {7: "5", 16: "0"} and s.session.next_in == 5
    s.get(dup("0", 5))
    assert s.get(dup("0", 6)) == [] and s.session.next_in == 8 and not s.session.gap_open


def test_too_low_ends_the_session_once_naming_both_numbers():
    s = Server(next_in=5)
    bye, close = s.get(msg("D", 3, ORDER))
    assert body_of(bye)[58] == "MsgSeqNum(34) too low: expected 6, found 3" and close.reason == codes.R_SEQUENCE_LOW
    assert [s.get(msg("D", 3, ORDER)) for _ in range(5)] == [[]] * 5, "a burst of stale messages is not answered one by one"


def test_duplicates():
    s = Server(next_in=5)
    assert s.get(dup("D", 3, ORDER)) == []
    (reject,) = s.get(msg("D", 3, ORDER, "43=Y|"))
    assert body_of(reject) == {45: "3", 371: "122", 372: "D", 373: "1", 58: "OrigSendingTime(122) is required with PossDupFlag(43)=Y"}
    reject, bye, close = s.get(dup("D", 3, ORDER, orig=NOW + SECOND))
    assert body_of(reject)[373] == "10" and bye.msg_type == "5" and close.reason == codes.R_CLOCK_SKEW


def test_a_missing_or_silly_number_ends_the_session():
    for seq in (b"", b"34=x\x01", b"34=0\x01", b"34=-5\x01", b"34=9999999999999999999\x01"):
        s = Server()
        bye, close = s.get(parse(b"8=FIX.4.4\x0135=0\x01" + seq))
        assert "MsgSeqNum(34)" in body_of(bye)[58] and isinstance(close, Close)


def test_leading_zeros_in_the_number_are_read():
    s = Server()
    raw = parse(msg("0", 2).raw.replace(b"34=2", b"34=0002"))
    assert s.get(raw) == [] and s.session.next_in == 3


# ---------------------------------------------------------------------------------------------------- header
@pytest.mark.parametrize(
    ("message", "tag", "says"),
    [
        (msg("0", 2, sender="X"), "49", "SenderCompID(49): found 'X', expected 'C'"),
        (msg("0", 2, target="X"), "56", "TargetCompID(56): found 'X', expected 'S'"),
    ],
)
def test_wrong_comp_ids_are_rejected_and_the_session_ended(message, tag, says):
    reject, bye, close = Server().get(message)
    assert (reject.msg_type, body_of(reject)[371], body_of(reject)[373], body_of(reject)[58]) == ("3", tag, "9", says)
    assert bye.msg_type == "5" and close.reason == codes.R_BAD_COMP_ID


def test_sending_time_out_of_tolerance():
    s = Server()
    assert s.get(msg("0", 2, time=NOW + 10 * SECOND)) == []
    reject, bye, close = s.get(msg("0", 3, time=NOW - 10 * SECOND - 10**6))
    assert body_of(reject)[373] == "10" and "10001 ms behind" in body_of(reject)[58] and close.reason == codes.R_CLOCK_SKEW
    assert bye.msg_type == "5" and s.session.next_in == 4


def test_another_begin_string_ends_the_session():
    bye, close = Server().get(msg("0", 2, begin="FIX.4.2"))
    assert "found FIX.4.2, expected FIX.4.4" in body_of(bye)[58] and isinstance(close, Close)


# ---------------------------------------------------------------------------------------------------- single messages
def test_rejects_count_and_name_everything():
    s = Server()
    (reject,) = s.get(msg("D", 2, ORDER + "999=1|"))
    assert body_of(reject) == {45: "2", 371: "999", 372: "D", 373: "0", 58: "tag 999 is unknown: found '1'"}
    assert s.session.next_in == 3
    (business,) = s.get(msg("E", 3))
    assert (business.msg_type, body_of(business)) == ("j", {45: "3", 372: "E", 380: "3", 58: "MsgType E is not accepted on this session"})
    (unknown,) = s.get(msg("ZZ", 4))
    assert body_of(unknown)[373] == "11"
    assert s.session.next_in == 5


def test_a_reject_is_never_answered():
    s = Server()
    assert s.get(msg("3", 2, "45=1|58=why|")) == []
    assert s.get(msg("3", 3, "45=x|999=1|")) == [], "not even a malformed one"
    assert s.get(msg("j", 4, "372=8|380=0|")) == []
    assert s.session.next_in == 5


def test_test_request_is_answered_with_its_id():
    (beat,) = Server().get(msg("1", 2, "112=HELLO|"))
    assert (beat.msg_type, body_of(beat)) == ("0", {112: "HELLO"})


@pytest.mark.parametrize(
    ("begin", "end", "answer"),
    [
        (1, 0, (1, 9)), (3, 5, (3, 5)), (9, 9, (9, 9)), (1, 999, (1, 9)), (9, 0, (9, 9)),
        (10, 0, "found 10, the last number sent is 9"), (5, 4, "EndSeqNo(16): found 4, expected 0 or at least BeginSeqNo(7) 5"),
        (0, 0, "BeginSeqNo(7): found 0"), (12, 15, "found 12"),
    ],
)  # fmt: skip
def test_resend_requests(begin, end, answer):
    (action,) = Server().get(msg("2", 2, f"7={begin}|16={end}|"))
    if isinstance(answer, tuple):
        assert action == Resend(*answer)
    else:
        assert body_of(action)[373] == "5" and answer in body_of(action)[58]


def test_a_resend_request_beyond_a_gap_is_answered_before_the_own_gap_is_asked_for_and_not_again():
    s = Server()
    resend, ask = s.get(msg("2", 5, "7=1|16=0|"))
    assert resend == Resend(1, 9) and body_of(ask) == {7: "2", 16: "0"}
    actions = s.get(msg("4", 2, "123=Y|36=5|", "43=Y|122=20260101-11:00:00|"))
    assert actions == [SetNextIn(5)] and s.session.next_in == 6 and not s.session.gap_open


def test_gap_fills():
    s = Server()
    assert s.get(msg("4", 2, "123=Y|36=20|")) == [SetNextIn(20)]
    (reject,) = s.get(msg("4", 20, "123=Y|36=20|"))
    assert body_of(reject)[373] == "5" and "found 20, expected more than MsgSeqNum(34) 20" in body_of(reject)[58]
    (ask,) = s.get(msg("4", 30, "123=Y|36=40|"))
    assert ask.msg_type == "2" and s.session.next_in == 21, "a gap fill beyond a gap waits"
    bye, _ = s.get(msg("4", 3, "123=Y|36=50|"))
    assert "too low" in body_of(bye)[58]


def test_reset_ignores_its_own_number():
    s = Server(next_in=5)
    assert s.get(msg("4", 1, "36=6|")) == [], "the same number: nothing to do"
    assert s.get(msg("4", 99, "123=N|36=50|")) == [SetNextIn(50)] and s.session.next_in == 50
    (reject,) = s.get(msg("4", 50, "36=7|"))
    assert (body_of(reject)[371], body_of(reject)[373]) == ("36", "5") and s.session.next_in == 50, "down is refused and not counted"
    assert not s.session.gap_open


def test_logout_is_answered_once():
    s = Server()
    bye, close = s.get(msg("5", 2, "58=good night|"))
    assert bye.msg_type == "5" and close == Close(codes.OK, "good night") and s.session.peer_logged_out


def test_own_logout_waits_for_the_answer():
    s = Server()
    (bye,) = s.session.logout(NOW, "maintenance")
    assert body_of(bye) == {58: "maintenance"}
    assert [type(a) for a in s.get(msg("D", 2, ORDER))] == [Deliver], "what was under way is still taken"
    assert s.get(msg("5", 3)) == [Close(codes.OK, "logged out")]
    s = Server()
    s.session.logout(NOW)
    assert s.session.on_time(NOW + 2 * SECOND) == []
    (close,) = s.session.on_time(s.session.due())
    assert "no Logout reply" in close.text


# ---------------------------------------------------------------------------------------------------- time
def test_heartbeat_test_request_and_end_by_own_and_peers_silence():
    s = Server()
    s.session.last_out_ns = NOW + 10 * SECOND
    assert s.session.on_time(NOW + 35 * SECOND) == []
    assert s.session.due() == NOW + 36 * SECOND
    (test,) = s.session.on_time(NOW + 36 * SECOND)
    assert test.msg_type == "1"
    s.get(msg("0", 2, "112=TEST1|", time=NOW + 40 * SECOND), NOW + 40 * SECOND)
    (beat,) = s.session.on_time(NOW + 66 * SECOND)
    assert beat.msg_type == "0" and beat.body == b""
    (test,) = s.session.on_time(NOW + 76 * SECOND)
    assert body_of(test) == {112: "TEST2"}
    assert s.session.on_time(NOW + 80 * SECOND) == []
    bye, close = s.session.on_time(NOW + 112 * SECOND)
    assert close.reason == codes.R_HEARTBEAT_LOST and "72000 ms" in body_of(bye)[58]
    assert s.session.due() == 0 and s.session.on_time(NOW + 999 * SECOND) == []


def test_a_resend_request_that_stays_unanswered_is_repeated_a_few_times_only():
    s = Server()
    s.get(msg("0", 5))
    for i in range(1, 4):
        now = NOW + i * 30 * SECOND
        s.session.last_in_ns = s.session.last_out_ns = now
        assert s.session.due() <= now
        (ask,) = s.session.on_time(now)
        assert body_of(ask) == {7: "2", 16: "0"}
    s.session.last_in_ns = NOW + 120 * SECOND
    bye, close = s.session.on_time(NOW + 120 * SECOND)
    assert "MsgSeqNum 2 was not received after 4 ResendRequests" in body_of(bye)[58] and isinstance(close, Close)


def test_any_message_counts_as_a_sign_of_life():
    s = Server()
    for i in range(20):
        now = NOW + (i + 1) * 20 * SECOND
        s.session.last_out_ns = now
        assert s.session.on_time(now) == []
        s.get(msg("0", i + 2, time=now), now)


# ---------------------------------------------------------------------------------------------------- two ends
class Loop:
    """A FixClient and a naive server connected by a line that loses whole messages on demand."""

    def __init__(self, seed=0):
        self.rng = random.Random(seed)
        self.client = FixClient("C", "S", "u", "p")
        self.sent: dict[int, tuple[str, bytes]] = {}
        self.next_out, self.next_in = 1, 1
        self.server = FixSession(lambda: self.next_out - 1)
        self.orders: list[bytes] = []
        self.reports: list[bytes] = []
        self.out = b""
        self.lose = 0.0
        self.now = NOW

    def connect(self, **options):
        self.next_in = self.server.next_in
        self.server = FixSession(lambda: self.next_out - 1)
        self.out = b""
        self.to_server(self.client.connect(self.now, **options))

    def to_server(self, data):
        from protocol.fix_messages import Framer

        framer = Framer()
        framer.feed(data)
        for raw in framer:
            if self.rng.random() >= self.lose or b"\x0135=A\x01" in raw:
                self.act(self.server.receive(parse(raw), self.now))

    def act(self, actions):
        for action in actions:
            if isinstance(action, LogonAsked):
                self.act(self.server.accept(action.message, self.now, self.next_in))
            elif isinstance(action, LoggedOn) and action.reset:
                self.next_out = 1
            elif isinstance(action, Send):
                self.send(action.msg_type, action.body)
            elif isinstance(action, Deliver):
                self.orders.append(action.message.get(11))
                self.send("9", b"37=NONE\x0111=%s\x0141=1\x0139=8\x01434=1\x01" % action.message.get(11))
            elif isinstance(action, Resend):
                for seq in range(action.begin, action.end + 1):
                    kind, body = self.sent[seq]
                    header = b"43=Y\x01122=20260101-11:00:00\x01"
                    if kind == "9":
                        self.out += build("FIX.4.4", kind, "S", "C", seq, format_timestamp(self.now), body, header)
                    else:
                        self.out += build(
                            "FIX.4.4", "4", "S", "C", seq, format_timestamp(self.now), b"123=Y\x0136=%d\x01" % (seq + 1), header
                        )

    def send(self, kind, body):
        self.sent[self.next_out] = kind, body
        self.out += build("FIX.4.4", kind, "S", "C", self.next_out, format_timestamp(self.now), body)
        self.next_out += 1

    def step(self):
        data, self.out = self.out, b""
        from protocol.fix_messages import Framer

        framer = Framer()
        framer.feed(data)
        for raw in framer:
            if self.rng.random() >= self.lose or b"\x0135=A\x01" in raw:
                self.reports += [m.get(11) for m in self.client.receive(raw, self.now) if m.msg_type == "9"]
        self.to_server(self.client.take())

    def wait(self, seconds):
        self.now += seconds * SECOND
        self.server.last_out_ns = self.client.session.last_out_ns = self.now  # only actions about gaps matter here
        self.act(self.server.on_time(self.now))
        self.to_server(self.client.on_time(self.now))
        for _ in range(4):
            self.step()


@pytest.mark.parametrize("seed", range(12))
def test_both_ends_heal_whatever_is_lost(seed):
    loop = Loop(seed)
    loop.connect()
    loop.step()
    assert loop.client.live
    loop.lose = 0.3
    want = []
    for i in range(60):
        if loop.rng.random() < 0.05:
            loop.connect()
            while not loop.client.live:
                loop.step()
        loop.client.new_order(loop.now, i, "A", 1, 10, "0.5")
        want.append(str(i).encode())
        loop.to_server(loop.client.take())
        if loop.rng.random() < 0.5:
            loop.step()
    loop.lose = 0.0
    for i in range(30):
        loop.client.send("H", [(11, f"end{i}"), (55, "A"), (54, 1)], loop.now)
        want.append(f"end{i}".encode())
        loop.to_server(loop.client.take())
        loop.step()
    for _ in range(6):
        loop.wait(31)
    assert loop.orders == want, "every order once, in order"
    assert loop.reports == want, "every report once, in order"
    assert not loop.client.session.gap_open and not loop.server.gap_open


def test_the_client_refuses_orders_while_it_is_not_logged_on():
    client = FixClient("C", "S", "u", "p")
    with pytest.raises(NotLoggedOn):
        client.new_order(NOW, 1, "A", 1, 1, "0.5")
    assert client.next_out == 1 and client.take() == b""


def test_the_client_hears_why_its_logon_was_refused():
    client = FixClient("C", "S", "u", "p")
    client.connect(NOW)
    client.receive(build("FIX.4.4", "5", "S", "C", 1, format_timestamp(NOW), b"58=wrong credentials\x01"), NOW)
    assert client.closed == (codes.R_BAD_CREDENTIALS, "wrong credentials") and not client.live
