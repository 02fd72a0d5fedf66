"""What a session missed follows the reply to its logon with 141=Y: new numbers, 97=Y, the same ExecIDs; once, in pieces, across broken
connections."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.gateway.fix import missed as fix_missed
from protocol import codes
from protocol.fix_messages import FixMessage, parse
from tests.gateway.fix.street import ESP, FixEnd, Street


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


def order(end: FixEnd, ident: int, side: int, qty: int = 10, price: str = "0.0500") -> None:
    end.client.new_order(end.world.now, ident, ESP, side, qty, price)
    end.world.turn()


def fills_while_away(street: Street, count: int, first: int = 1) -> FixEnd:
    """CLIENT1 with one resting order that CLIENT2 hits `count` times after CLIENT1 has gone."""
    end, other = street.up(1), street.up(2)
    order(end, first, codes.BUY, 1000)
    end.close()
    for i in range(count):
        order(other, first * 1000 + i, codes.SELL, 1)
    other.close()
    return end


def word(street: Street, which: int, session: str = "CLIENT1") -> int:
    """A word of the session's row."""
    ident = next(s.id for s in street.engine.registry.sessions if s.name == session)
    return int(street.engine.m[int(street.engine.m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE]) + ident * L.SESSION_WORDS + which])


def resent(messages: list[FixMessage]) -> list[FixMessage]:
    return [m for m in messages if m.text(97) == "Y"]


def body(message: FixMessage) -> list[bytes]:
    """The fields between the header and the trailer."""
    header = (b"8=", b"9=", b"35=", b"49=", b"56=", b"34=", b"52=", b"43=", b"122=", b"97=", b"10=")
    return [part for part in message.raw.split(b"\x01")[:-1] if not part.startswith(header)]


def until(street: Street, done: Callable[[], bool]) -> None:
    for _ in range(200):
        if done():
            return
        street.turn()
    raise AssertionError("it never came")


def test_the_same_reports_with_new_numbers_behind_the_reply(street: Street) -> None:
    end = fills_while_away(street, 5)
    plain = end.again()
    by_resend = [m for m in plain.take() if m.msg_type == "8" and m.text(150) == "F"]
    assert len(by_resend) == 5 and resent(by_resend) == []
    plain.close()

    other = street.up(3)
    for i in range(5, 8):
        order(other, 1000 + i, codes.SELL, 1)
    back = plain.again(reset=True)
    until(street, lambda: len(back.messages) >= 4)
    messages = back.take()
    assert [(m.msg_type, m.seq, m.text(97)) for m in messages] == [("A", 1, ""), ("8", 2, "Y"), ("8", 3, "Y"), ("8", 4, "Y")]
    assert [m.text(43) + m.text(122) for m in messages[1:]] == ["", "", ""]
    assert [(m.text(150), m.text(11), m.text(14), m.text(151)) for m in messages[1:]] == [
        ("F", "1", str(n), str(1000 - n)) for n in (6, 7, 8)
    ]
    assert not {m.text(17) for m in messages[1:]} & {m.text(17) for m in by_resend}, "what a resend has brought is not missed"
    assert back.client.live and [m.text(17) for m in back.seen] == [m.text(17) for m in messages[1:]], "the client takes them in order"
    assert word(street, L.S_MISSED) == 0


def test_the_body_is_that_of_the_report_that_was_missed(street: Street) -> None:
    end = fills_while_away(street, 3)
    rows = [street.store.rows(n, 1) for n in range(1, street.engine.event_seq)]
    assert street.fix is not None
    session = next(s.id for s in street.engine.registry.sessions if s.name == "CLIENT1")
    missed = [r for r in rows if int(r[L.EVT_HEAD]) & 255 == codes.E_FILL and int(r[L.EVT_SESSION_ACCOUNT]) >> 32 == session]
    as_they_were = [parse(data) for row in missed for _, data in street.fix.encode(row.copy())]
    back = end.again(reset=True)
    until(street, lambda: len(resent(back.messages)) >= 3)
    again = resent(back.take())
    assert [body(m) for m in again] == [body(m) for m in as_they_were]
    back.client.send("2", [(7, 1), (16, 0)], street.now)
    street.turn(4)
    once_more = resent(back.take())
    assert [(m.seq, body(m), m.text(43)) for m in once_more] == [(m.seq, body(m), "Y") for m in again]


def test_not_twice_and_not_when_unwanted(street: Street) -> None:
    end = fills_while_away(street, 2)
    back = end.again(reset=True)
    street.write_as(back, own_fields=True)
    until(street, lambda: len(resent(back.messages)) >= 2)
    once_more = back.again(reset=True)
    street.turn(4)
    assert once_more.types() == ["A"]
    once_more.close()
    other = street.up(3)
    order(other, 77, codes.SELL, 1)
    unwanted = once_more.again(reset=True, skip_pending=True)
    street.turn(4)
    (reply,) = unwanted.take()
    assert reply.msg_type == "A" and reply.text(5003) == "Y" and word(street, L.S_MISSED) == 0
    wanted = unwanted.again(reset=True)
    street.turn(4)
    assert wanted.types() == ["A"], "skipped is skipped for good"


def test_a_refused_logon_does_not_count_as_having_been_here(street: Street) -> None:
    end = fills_while_away(street, 2)
    low = street.fix_end(1, plain=True)
    low.logon_raw(1)
    street.turn(2)
    (goodbye,) = low.take()
    assert goodbye.msg_type == "5" and goodbye.text(58).startswith("MsgSeqNum(34) too low: expected 3, found 1")
    street.drop(low)
    back = end.again(reset=True)
    until(street, lambda: len(resent(back.messages)) >= 2)
    street.turn(2)
    assert [m.msg_type for m in resent(back.take())] == ["8", "8"], "the fills, and not the goodbye of the logon that was refused"


def test_in_pieces_with_orders_between(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_missed, "PIECE", 4)
    end = fills_while_away(street, 30)
    back = end.again(reset=True)
    order(back, 5, codes.BUY, 1, "0.0100")
    until(street, lambda: word(street, L.S_MISSED) == 0)
    street.turn()
    messages = back.take()
    assert [m.seq for m in messages] == list(range(1, 33)), "no number is missing"
    assert len({m.text(17) for m in resent(messages)}) == 30
    live = [m.seq for m in messages if m.text(150) == "0"]
    assert len(live) == 1 and live[0] < 32, "the new order did not wait for the last piece"


def test_a_broken_connection_goes_on_where_it_stopped(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_missed, "PIECE", 4)
    end = fills_while_away(street, 30)
    first = end.again(reset=True)
    street.turn()
    got = resent(first.take())
    assert 0 < len(got) < 30 and word(street, L.S_MISSED)
    other = street.up(3)
    order(other, 9999, codes.SELL, 1)  # missed by the connection that is still there: nothing; by the one that breaks now: see below
    first.close()
    order(other, 9998, codes.SELL, 1)
    second = first.again(reset=True)
    until(street, lambda: word(street, L.S_MISSED) == 0)
    street.turn(2)
    more = resent(second.take())
    all_of = [m.text(17) for m in got + resent(first.messages) + more]
    assert len(all_of) == len(set(all_of)), "none came twice"
    assert [m.text(14) for m in more][-1] == "32" and second.client.live
    live = [m.text(17) for m in first.messages if m.text(150) == "F" and m.text(97) != "Y"]
    assert len(set(all_of)) + len(live) == 32


def test_without_a_reset_the_rest_still_comes_with_new_numbers(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_missed, "PIECE", 4)
    end = fills_while_away(street, 30)
    first = end.again(reset=True)
    street.turn()
    second = first.again()
    until(street, lambda: word(street, L.S_MISSED) == 0)
    street.turn(4)
    assert len({m.text(17) for m in resent(first.messages + second.messages)}) == 30


def test_a_small_turn_is_no_reason_to_lose_one(tmp_path: Path) -> None:
    street = Street(tmp_path, rows=12)
    end = fills_while_away(street, 20)
    back = end.again(reset=True)
    until(street, lambda: word(street, L.S_MISSED) == 0)
    street.turn()
    assert [m.text(14) for m in resent(back.take())] == [str(n) for n in range(1, 21)]


def test_only_reports_are_missed(street: Street) -> None:
    """A transfer to the account takes a number but is nothing that order entry shows: nothing comes, and it is not looked for again."""
    end = street.up(1)
    end.close()
    street.admin(ar.Transfer(key="k1", asset="USD", amount=500, target="CLIENT1-A"))
    back = end.again(reset=True)
    street.turn(4)
    assert back.types() == ["A"] and word(street, L.S_MISSED) == 0


def test_what_was_never_written_to_the_socket_is_missed_too(street: Street) -> None:
    end = street.up(1)
    order(end, 1, codes.BUY, 10)
    end.take()
    order(end, 2, codes.BUY, 10)
    (report,) = end.take()
    end.connection.dropped(report.raw)  # the pipeline: held when the socket went away
    end.connection.dropped(b"")
    end.close()
    back = end.again(reset=True)
    street.turn(4)
    assert [(m.text(11), m.text(17)) for m in resent(back.take())] == [("2", report.text(17))]


# ---------------------------------------------------------------------------------------------------- a return that was cut before it asked
def fills(messages: list[FixMessage]) -> list[str]:
    return [m.text(17) for m in messages if m.msg_type == "8" and m.text(150) == "F"]


def plain_return(street: Street, end: FixEnd, reset: bool) -> FixEnd:
    """CLIENT1 on a new connection, by hand: it asks for nothing unless the test does."""
    back = street.fix_end(1, plain=True)
    back.logon_raw(1 if reset else end.client.next_out, "98=0|108=30|141=Y|" if reset else "98=0|108=30|")
    street.turn(4)
    return back


def test_cut_after_a_plain_logon_and_before_the_resend_request_the_fill_still_comes(street: Street) -> None:
    """A fill while away, a logon without 141 that shows the gap, cut before asking, then 141=Y: what was never told is missed."""
    end = fills_while_away(street, 3)
    shown = plain_return(street, end, reset=False)
    assert fills(shown.take()) == [] and word(street, L.S_UNTOLD) == 3 and word(street, L.S_UNTOLD_TO) == 5
    end.client.next_out += 1
    shown.close()
    back = plain_return(street, end, reset=True)
    until(street, lambda: len(resent(back.messages)) >= 3)
    got = back.take()
    assert len(set(fills(got))) == 3 and len(fills(got)) == 3 and all(m.text(97) == "Y" for m in got[1:])
    assert word(street, L.S_UNTOLD) == word(street, L.S_MISSED) == 0
    back.close()
    again = plain_return(street, end, reset=True)
    assert fills(again.take()) == [], "and once only"


def test_what_was_resent_before_the_cut_is_told(street: Street) -> None:
    end = fills_while_away(street, 4)
    shown = plain_return(street, end, reset=False)
    shown.take()
    shown.send_raw("2", end.client.next_out + 1, "7=3|16=4|")
    street.turn(4)
    told = fills(shown.take())
    assert len(told) == 2 and word(street, L.S_UNTOLD) == 5
    shown.close()
    back = plain_return(street, end, reset=True)
    until(street, lambda: len(resent(back.messages)) >= 2)
    rest = fills(back.take())
    assert len(rest) == 2 and not set(rest) & set(told)


def test_a_resend_that_the_socket_did_not_take_is_not_told(street: Street) -> None:
    end = fills_while_away(street, 4)
    shown = plain_return(street, end, reset=False)
    shown.outlet.backlog = 1
    shown.send_raw("2", end.client.next_out + 1, "7=3|16=0|")
    street.turn(4)
    assert word(street, L.S_UNTOLD) == 3, "written, but still waiting"
    shown.outlet.backlog = 0
    street.turn()
    assert word(street, L.S_UNTOLD) == 0


def test_a_reset_on_the_live_session_brings_what_was_never_asked_for(street: Street) -> None:
    end = fills_while_away(street, 2)
    shown = plain_return(street, end, reset=False)
    shown.take()
    shown.logon_raw(1, "98=0|108=30|141=Y|")
    until(street, lambda: len(resent(shown.messages)) >= 2)
    assert len(fills(shown.take())) == 2


def test_789_says_what_the_peer_has(street: Street) -> None:
    end = fills_while_away(street, 3)
    shown = street.fix_end(1, plain=True)
    shown.logon_raw(end.client.next_out, "98=0|108=30|789=6|")  # it has them all, however
    street.turn(4)
    assert shown.types() == ["A"] and word(street, L.S_UNTOLD) == 0


def test_after_a_crash_what_was_made_in_the_last_moments_may_not_have_been_written(street: Street) -> None:
    end, other = street.up(1), street.up(2)
    order(end, 1, codes.BUY, 1000)
    order(other, 1, codes.SELL, 1)
    street.wait(60 * 10**9)
    order(other, 2, codes.SELL, 1)
    order(other, 3, codes.SELL, 1)
    row = street.session_row(end)
    last = int(street.engine.m[row + L.S_LAST_EVENT])
    since = street.engine.time_ns - fix_missed_window()
    first = fix_missed.unsure_from(street.store, last, since)
    late = [m.seq for m in end.messages if m.text(150) == "F"][-2:]
    assert first and first <= late[0] and first > [m.seq for m in end.messages if m.text(150) == "F"][0]
    assert fix_missed.unsure_from(street.store, last, street.engine.time_ns + 1) == 0
    assert fix_missed.unsure_from(street.store, 0, 0) == 0


def fix_missed_window() -> int:
    from exchange_server.app import UNSURE_NS

    return UNSURE_NS
