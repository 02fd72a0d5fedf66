"""The client's end of a binary session: handshake, heartbeats, and every report once and in order however they arrive."""

import random

import pytest

from protocol import binary_session as B
from protocol import codes
from protocol import messages as M
from protocol.framing import FrameReader, frame
from protocol.order_tracker import OrderTracker

CHALLENGE = bytes(range(32))
SECOND = 10**9


def wire(*messages: M.ServerMessage) -> bytes:
    return b"".join(frame(M.encode(m)) for m in messages)


def sent(session: B.ClientSession, now: int = 0) -> list[M.ClientMessage]:
    return [M.decode_client(p) for p in FrameReader().feed(session.take(now))]


def reply(number: int, heartbeat_ms: int = 5000) -> M.Sent:
    return M.Sent(number, number + 100, 7, M.LogonReply(3, 16, 7, heartbeat_ms, [(16, "MM1-A")]))


def report(number: int) -> M.Expired:
    return M.Expired(number, number + 100, 7, number, 1, 16, 1, 1, 1, 0, 0, 0, 0, 0)


def logged_on(next_number: int = 0, at: int = 1) -> B.ClientSession:
    session = B.ClientSession("MM1", "mm1-secret", next_number)
    hello = M.Hello(2, CHALLENGE, "exos", b"salt", 1)
    session.receive(wire(hello), 0)
    assert sent(session) == [M.Logon("MM1", B.Prover("MM1", "mm1-secret").prove(hello), 2, next_number, 0, 0)]
    session.receive(wire(reply(at)), 0)
    return session


def numbers(happenings: list[B.Happening]) -> list[int]:
    return [h.number for h in happenings if isinstance(h, M.Report | M.Sent)]


def test_handshake_without_a_past() -> None:
    session = B.ClientSession("MM1", "s")
    with pytest.raises(RuntimeError):
        session.send(M.CancelOrder(1, 2))
    assert session.receive(wire(M.Hello(2, CHALLENGE, "exos")), 5) == [] and session.server == "exos"
    session.take(5)
    happenings = session.receive(wire(reply(4), report(5)), 6)
    assert happenings == [B.LoggedOn(reply(4).body, 4, 0), reply(4), B.CaughtUp(5), report(5)]  # type: ignore[arg-type]
    assert session.next_number == 6 and session.state == B.ON
    session.send(M.CancelOrder(1, 2))
    assert sent(session) == [M.CancelOrder(1, 2)]


def test_what_was_missed_comes_first_whatever_the_order_on_the_wire() -> None:
    session = logged_on(next_number=3, at=6)
    happenings = session.receive(wire(report(7), report(3), report(8), report(4), report(5), M.ResumeDone(3, 6, 4), report(9)), 1)
    assert numbers(happenings) == [3, 4, 5, 6, 7, 8, 9]
    assert B.CaughtUp(9) in happenings and happenings.index(B.CaughtUp(9)) == len(happenings) - 2
    assert sent(session) == []


def test_a_resume_repeats_logon_replies_of_earlier_connections() -> None:
    """Later replies keep their numbers and change nothing: the first reply on a connection is its own."""
    session = B.ClientSession("MM1", "s", 1)
    session.receive(wire(M.Hello(2, CHALLENGE, "exos")), 0)
    happenings = session.receive(wire(reply(5, 9000), reply(1, 2000), report(2), reply(3, 3000), report(4), M.ResumeDone(1, 5, 5)), 1)
    assert [type(h) for h in happenings].count(B.LoggedOn) == 1 and happenings[0] == B.LoggedOn(reply(5, 9000).body, 5, 4)  # type: ignore[arg-type]
    assert numbers(happenings) == [1, 2, 3, 4, 5] and happenings[-1] == B.CaughtUp(6)
    assert session.state == B.ON and session.heartbeats.due(0, 0) == B.Heartbeats(9000).due(0, 0), "the heartbeat of this logon holds"
    tracker = OrderTracker()
    assert [tracker.apply(h) for h in happenings if isinstance(h, M.Sent)] == [None, None, None]


def test_nothing_missed_is_caught_up_when_the_server_says_so() -> None:
    session = logged_on(next_number=6, at=6)
    assert not session.caught_up
    assert session.receive(wire(M.ResumeDone(6, 6, 1)), 1) == [B.CaughtUp(7)]


@pytest.mark.parametrize("seed", range(20))
def test_every_report_once_in_order_under_any_shuffle(seed: int) -> None:
    rng = random.Random(seed)
    session = logged_on(next_number=1, at=20)
    old = [report(i) for i in range(1, 20)] + [reply(20)]
    live = [report(i) for i in range(21, 40)]
    stream: list[M.ServerMessage] = []
    twice = [*old, *rng.sample(live, 5)]
    while twice or live:
        source = twice if twice and (not live or rng.random() < 0.5) else live
        stream.append(source.pop(0))
    stream.append(M.ResumeDone(1, 25, 25))
    data = wire(*stream)
    found: list[int] = []
    while data:
        cut = rng.randrange(1, 200)
        found += numbers(session.receive(data[:cut], 1))
        data = data[cut:]
    assert found == list(range(1, 40)) and session.caught_up


def test_a_hole_in_the_live_stream_is_asked_for() -> None:
    session = logged_on()
    assert numbers(session.receive(wire(report(2), report(5), report(6)), 1)) == [2]
    assert sent(session) == [M.Resume(3, 4)]
    assert numbers(session.receive(wire(report(7), report(3), report(4), M.ResumeDone(3, 4, 2)), 1)) == [3, 4, 5, 6, 7]
    assert sent(session) == []


def test_reports_that_no_longer_exist_are_named() -> None:
    session = logged_on()
    session.receive(wire(report(4)), 1)
    assert session.receive(wire(M.ResumeDone(2, 3, 0)), 1) == [B.Missing(2, 3), report(4)]
    assert session.next_number == 5


def test_a_refused_logon_says_why() -> None:
    session = B.ClientSession("MM1", "wrong")
    session.receive(wire(M.Hello(2, CHALLENGE)), 0)
    assert session.receive(wire(M.Logout(codes.R_BAD_CREDENTIALS, "no")), 0) == [B.Ended(codes.R_BAD_CREDENTIALS, "no")]
    assert session.receive(wire(reply(1)), 0) == [] and session.lost() == []


def test_rubbish_from_the_server_ends_it_with_a_reason() -> None:
    for data, reason in (
        (b"\0\0\0\0", codes.R_WIRE_MALFORMED), (b"\xff\xff\xff\xff", codes.R_WIRE_TOO_LONG), (frame(b"\xc1"), codes.R_WIRE_MALFORMED),
        (frame(b"\x92\x09\x01"), codes.R_WIRE_UNKNOWN_MESSAGE), (wire(report(1)), codes.R_WIRE_MALFORMED),
        (wire(M.Hello(1, CHALLENGE)), codes.R_WIRE_FIELD), (wire(M.Hello(2, CHALLENGE), M.Hello(2, CHALLENGE)), codes.R_WIRE_MALFORMED),
    ):  # fmt: skip
        session = B.ClientSession("MM1", "s")
        happenings = session.receive(data, 0)
        assert isinstance(happenings[-1], B.Ended) and happenings[-1].reason == reason and session.state == B.ENDED


def test_heartbeats_go_out_and_their_absence_ends_it() -> None:
    session = logged_on()
    assert session.due() == 5 * SECOND and session.tick(5 * SECOND - 1) == []
    assert sent(session, 5 * SECOND) == []
    session.tick(5 * SECOND)
    assert sent(session, 5 * SECOND) == [M.Heartbeat()]
    assert session.due() == 10 * SECOND
    session.receive(wire(M.Heartbeat()), 11 * SECOND)
    session.tick(11 * SECOND)
    session.take(11 * SECOND)
    assert session.tick(23 * SECOND - 1) == []
    assert session.tick(23 * SECOND) == [B.Ended(codes.R_HEARTBEAT_LOST, session_text())]


def session_text() -> str:
    return "nothing was received for 12000 ms, the limit is 12000 ms"


def test_logout_waits_for_the_servers() -> None:
    session = logged_on()
    session.logout()
    assert sent(session) == [M.Logout()]
    assert numbers(session.receive(wire(report(2)), 1)) == [2]
    assert session.receive(wire(M.Logout()), 1) == [B.Ended(codes.OK, "")]


def test_a_lost_connection_is_told_once() -> None:
    session = logged_on()
    assert [h.reason for h in session.lost() if isinstance(h, B.Ended)] == [codes.R_NOT_LOGGED_ON]
    assert session.lost() == []


@pytest.mark.parametrize(
    ("logon", "reason"),
    [
        (M.Logon("k", b"x" * 32, 1), codes.R_WIRE_FIELD), (M.Logon("k", b"x" * 32, 2, 0, 999), codes.R_BAD_HEARTBEAT),
        (M.Logon("k", b"x" * 32, 2, 0, 60_001), codes.R_BAD_HEARTBEAT), (M.Logon("k", b"x" * 32, 2, 0, 0, 1), codes.R_WIRE_FIELD),
        (M.Logon("k", b"x" * 32, 2, 9, 60_000, 6), codes.OK), (M.Logon("k", b"x" * 32), codes.OK),
    ],
)  # fmt: skip
def test_what_the_server_asks_of_a_logon(logon: M.Logon, reason: int) -> None:
    assert B.check_logon(logon)[0] == reason
