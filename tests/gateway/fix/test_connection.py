"""FIX connections over a whole exchange without sockets: logon, orders, gaps, resends, hostile bytes."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange_server.core import layout as L
from protocol import codes
from protocol.fix_messages import Framer, format_timestamp, parse
from tests.core.test_wire_fix import mutate
from tests.gateway.fix.street import ESP, FixEnd, Street, order_body, show

SECOND = 10**9


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    world = Street(tmp_path)
    yield world
    assert world.engine.check() == []
    world.store.close()


def numbers(street: Street, end: FixEnd) -> tuple[int, int]:
    """(S_NEXT_OUT, S_NEXT_IN) of a logged-on end's session."""
    row = street.session_row(end)
    return int(street.engine.m[row + L.S_NEXT_OUT]), int(street.engine.m[row + L.S_NEXT_IN])


def brief(messages) -> list[tuple[str, str]]:
    """(MsgType, ExecType or Text) of reports."""
    return [(m.msg_type, m.text(150) or m.text(58)) for m in messages]


def bodies(messages) -> dict[int, tuple]:
    head = {8, 9, 49, 56, 34, 52, 43, 122, 10}
    return {m.seq: tuple(f for f in m.fields if f[0] not in head) for m in messages}


# ---------------------------------------------------------------------------------------------------- orders
def test_orders_and_their_reports(street):
    a, b = street.up(1), street.up(2)
    street.write_as(b, own_fields=True)
    a.take(), b.take()
    a.client.new_order(street.now, 1, ESP, codes.BUY, 10, "0.0500")
    a.client.new_order(street.now, "text id", ESP, codes.BUY, 10, "0.0600", account="CLIENT1-A")
    street.turn()
    b.client.new_order(street.now, 1, ESP, codes.BUY, 15, "0.9550", tif=codes.IOC, no=True)
    street.turn()
    one, two, fill, rest = a.take()
    assert [m.text(150) for m in (one, two, fill, rest)] == ["0", "0", "F", "F"]
    assert [m.text(11) for m in (one, two, fill, rest)] == ["1", "text id", "text id", "1"]
    assert [(m.text(31), m.text(32), m.text(151), m.text(39), m.text(851)) for m in (fill, rest)] == [
        ("0.0600", "10", "0", "2", "1"), ("0.0500", "5", "5", "1", "1"),
    ]  # fmt: skip
    accepted, first, second = b.take()
    assert [m.text(5010) for m in (accepted, first, second)] == ["N"] * 3
    assert [(m.text(31), m.text(6), m.text(44), m.text(54)) for m in (first, second)] == [
        ("0.9400", "0.94000000", "0.9550", "1"), ("0.9500", "0.94333333", "0.9550", "1"),
    ]  # fmt: skip
    assert first.get(527) == fill.get(527) != b"" and first.get(17) != fill.get(17)
    assert a.connection.slow == b.connection.slow == 0, "plain orders never touch plain Python"


def test_a_replace_that_does_not_say_keeps_the_contract_side(street):
    end = street.up()
    street.write_as(end, own_fields=True)
    end.take()
    end.client.new_order(street.now, 1, ESP, codes.BUY, 10, "0.9000", no=True)
    end.client.replace(street.now, 2, 1, ESP, codes.BUY, 10, "0.9100")
    street.turn()
    assert [(m.text(150), m.text(5010), m.text(44)) for m in end.take()] == [("0", "N", "0.9000"), ("5", "N", "0.9100")]


def test_cancel_replace_status_and_mass_cancel(street):
    end = street.up()
    client, now = end.client, street.now
    end.take()
    client.new_order(now, "a", ESP, 1, 10, "0.0500")
    client.replace(now, "b", "a", ESP, 1, 20, "0.0500")
    client.status(now, "b", ESP, 1)
    client.status(now, "nobody", ESP, 1)
    client.cancel(now, "c", "nobody", ESP, 1)
    client.cancel(now, "d", "b", ESP, 1)
    client.cancel(now, "e", "b", ESP, 1)
    client.new_order(now, 5, ESP, 1, 10, "0.0500")
    client.mass_cancel(now, "m", symbol=ESP)
    client.mass_cancel(now, 7, symbol="NOTHING")
    client.mass_cancel(now, 8, symbol=ESP, scope="E")
    street.turn()
    got = end.take()
    assert [(m.msg_type, m.text(150), m.text(11), m.text(41), m.text(39)) for m in got] == [
        ("8", "0", "a", "", "0"), ("8", "5", "b", "a", "0"), ("8", "I", "b", "", "0"), ("8", "I", "nobody", "", "8"), ("9", "", "c", "nobody", "8"),
        ("8", "4", "d", "b", "4"), ("9", "", "e", "b", "4"), ("8", "0", "5", "", "0"), ("8", "4", "5", "", "4"), ("r", "", "m", "", ""),
        ("r", "", "7", "", ""), ("r", "", "8", "", ""),
    ]  # fmt: skip
    assert got[3].text(37) == "NONE" and got[3].text(103) == "5"
    assert (got[4].text(102), got[6].text(102)) == ("1", "0")
    assert [(m.text(530), m.text(531), m.text(533), m.text(532)) for m in got[-3:]] == [
        ("1", "1", "1", ""),
        ("1", "0", "0", "1"),
        ("7", "7", "0", ""),
    ]


def test_a_repeat_answers_with_the_state_and_makes_no_second_order(street):
    end = street.up()
    for _ in range(2):
        end.client.new_order(street.now, "same", ESP, 1, 10, "0.0500")
    end.client.new_order(street.now, "same", ESP, 1, 11, "0.0500")
    street.turn()
    assert brief(end.take()[1:]) == [("8", "0"), ("8", "I"), ("8", "8")]


def test_what_no_order_may_be_is_said_in_the_clients_terms(street):
    end = street.up()
    end.take()
    cases = {
        order_body("1", price="0.05005"): "tag 44 has 5 decimals, at most 4 are allowed for this Symbol(55)",
        order_body("2", qty="1.5"): "tag 38 has 1 decimals, at most 0 are allowed for this Symbol(55)",
        order_body("3", qty="9" * 19): "tag 38 has 19 digits before the point, at most 18 are allowed",
        order_body("4", symbol="NOPE"): "Symbol(55) is unknown",
        order_body("5", extra="1=NOBODY|"): "Account(1) is unknown, or missing although the session has no default account",
        order_body("6", extra="110=5|"): "tag 110 is not supported yet, or not with this value (18: also the flags 5016 and 5017)",
        order_body("7", price="1.0000"): "price 1.0000 is beyond the limit 0.9999",
        order_body("8", qty="0"): "quantity 0 must be at least 1",
        order_body("9", qty="-5"): "quantity -5 must be at least 1",
        order_body("10").replace("44=0.0500|", ""): "Price(44) is required with OrdType(40) 2",
        order_body("12").replace("40=2", "40=3"): "tag 40 is not supported yet, or not with this value (18: also the flags 5016 and 5017)",
        order_body("11").replace("54=1", "54=3"): "Side(54): found '3', expected one of 1, 2",
    }
    for seq, body in enumerate(cases, end.client.next_out):
        end.send_raw("D", seq, body)
    street.turn()
    got = end.take()
    assert [m.text(58) for m in got] == list(cases.values())
    assert {(m.text(35), m.text(150), m.text(11)) for m in got[:3]} == {("8", "8", "1"), ("8", "8", "2"), ("8", "8", "3")}, "order refusals"
    assert numbers(street, end)[1] == end.client.next_out + len(cases), "every one of them used up its number"


# ---------------------------------------------------------------------------------------------------- logon
def test_wrong_credentials_get_a_logout_and_obey_nothing(street):
    end = street.up()
    end.client.new_order(street.now, 1, ESP, 1, 1, "0.0500")
    street.turn()
    before = numbers(street, end)
    row = street.session_row(end)
    end.close()
    for login in ("553=client1|554=wrong|", "553=CLIENT1|554=client1-secret|", "553=client2|554=client2-secret|"):
        bad = street.fix_end(1, plain=True)
        bad.logon_raw(1, "98=0|108=30|141=Y|", login)
        street.turn()
        (bye,) = bad.take()
        assert (bye.msg_type, bye.text(58), bye.text(34)) == ("5", "unknown CompIDs or wrong credentials", "1")
        assert bad.outlet.closed == (codes.R_BAD_CREDENTIALS, "unknown CompIDs or wrong credentials")
        street.drop(bad)
    assert (int(street.engine.m[row + L.S_NEXT_OUT]), int(street.engine.m[row + L.S_NEXT_IN])) == before
    stranger = street.fix_end(1, plain=True)
    stranger.logon_raw(1, our="NOBODY")
    street.turn()
    assert stranger.take()[0].text(58) == "unknown CompIDs or wrong credentials", "which of the two is not told"


def test_a_second_connection_is_closed_without_a_word_and_the_first_goes_on(street):
    end = street.up()
    second = street.fix_end(1, plain=True)
    second.logon_raw(1)
    street.turn()
    assert second.take() == [] and second.outlet.closed[0] == codes.R_ALREADY_LOGGED_ON
    street.drop(second)
    end.take()
    end.client.new_order(street.now, 1, ESP, 1, 1, "0.0500")
    street.turn()
    assert brief(end.take()) == [("8", "0")]


def test_a_refused_logon_with_right_credentials_says_why_and_the_next_one_works(street):
    end = street.fix_end(1, plain=True)
    end.logon_raw(1, time_ns=street.now - 300 * SECOND)
    street.turn()
    (bye,) = end.take()
    assert bye.msg_type == "5" and "behind the server's clock, the limit is 120000 ms" in bye.text(58)
    assert end.outlet.closed[0] == codes.R_CLOCK_SKEW
    street.drop(end)
    good = street.fix_end(1, plain=True)
    good.logon_raw(2)
    street.turn()
    assert [(m.msg_type, m.text(34)) for m in good.take()] == [("A", "2")]


def test_the_first_message_must_be_a_logon(street):
    end = street.fix_end(1, plain=True)
    end.order_raw(1, "1")
    street.turn()
    assert end.take() == [] and end.outlet.closed[0] == codes.R_NOT_LOGGED_ON


def test_orders_right_behind_the_logon_in_one_read(street):
    end = street.fix_end(1, plain=True)
    end.logon_raw(1)
    for seq in range(2, 6):
        end.order_raw(seq, str(seq))
    street.turn()
    assert brief(end.take()) == [("A", ""), ("8", "0"), ("8", "0"), ("8", "0"), ("8", "0")]


def test_byte_by_byte(street):
    end = street.fix_end(1, plain=True, piece=1)
    end.logon_raw(1)
    end.order_raw(2, "7")
    end.send_raw("0", 3)
    end.order_raw(4, "8")
    while end.raw:
        street.turn()
    assert brief(end.take()) == [("A", ""), ("8", "0"), ("8", "0")]
    assert end.connection.garbled == 0


# ---------------------------------------------------------------------------------------------------- numbers
def test_a_gap_is_asked_for_and_what_lies_behind_it_waits(street):
    end = street.fix_end(1, plain=True)
    end.logon_raw(1)
    end.order_raw(4, "four")
    end.order_raw(5, "five")
    street.turn()
    assert [(m.msg_type, m.text(7), m.text(16)) for m in end.take()[1:]] == [("2", "2", "0")]
    assert numbers(street, end)[1] == 2
    dup = f"43=Y|122={format_timestamp(street.now, 3).decode()}|"
    end.order_raw(2, "two", header=dup)
    street.turn()
    end.send_raw("4", 3, "123=Y|36=4|", dup)
    end.order_raw(4, "four", header=dup)
    end.order_raw(6, "six")
    street.turn()
    assert [m.text(11) for m in end.take()] == ["two", "four", "five", "six"]
    assert numbers(street, end)[1] == 7 and not end.connection.fix.gap_open


def test_too_low_names_both_numbers_and_ends(street):
    end = street.fix_end(1, plain=True)
    end.logon_raw(1)
    end.order_raw(2, "1")
    for _ in range(3):
        end.order_raw(2, "1")
    street.turn(2)
    got = end.take()
    assert brief(got) == [("A", ""), ("8", "0"), ("5", "MsgSeqNum(34) too low: expected 3, found 2")]
    assert end.outlet.closed[0] == codes.R_SEQUENCE_LOW


def test_a_released_gap_larger_than_the_turn_is_done_in_pieces_and_in_order(tmp_path):
    street = Street(tmp_path, rows=64)
    end = street.fix_end(1, plain=True)
    end.logon_raw(1)
    for seq in range(3, 303):
        end.send_raw("1", seq, f"112=T{seq}|") if seq % 10 == 0 else end.order_raw(seq, f"o{seq}")
    street.turn(40)
    assert brief(end.take()) == [("A", ""), ("2", "")]
    end.order_raw(2, "o2", header=f"43=Y|122={format_timestamp(street.now, 3).decode()}|")
    end.order_raw(303, "o303")
    lowest = 0
    for _ in range(60):
        street.turn()
        journaled = numbers(street, end)[1]
        assert journaled >= lowest, "the journaled number never falls, and counts nothing that was not journaled"
        lowest = journaled
    got = end.take()
    assert [m.text(11) or m.text(112) for m in got] == [f"T{s}" if s % 10 == 0 and s > 2 else f"o{s}" for s in range(2, 304)]
    assert lowest == 304


def test_sequence_reset_and_test_request(street):
    end = street.up()
    end.take()
    end.send_raw("4", 99, "36=50|")
    end.send_raw("1", 50, "112=are you there|")
    street.turn()
    (beat,) = end.take()
    assert (beat.msg_type, beat.text(112)) == ("0", "are you there") and numbers(street, end)[1] == 51


def test_heartbeats_and_the_end_of_a_silent_peer(street):
    end = street.fix_end(1, plain=True)
    end.logon_raw(1)
    street.turn()
    end.take()
    assert 0 < end.connection.next_due <= street.now + 30 * SECOND
    street.wait(31 * SECOND)
    assert end.types() == ["0"]
    street.wait(6 * SECOND)
    assert end.types() == ["1"]
    street.wait(36 * SECOND)
    (bye,) = end.take()
    assert bye.msg_type == "5" and "nothing was received for" in bye.text(58) and end.outlet.closed[0] == codes.R_HEARTBEAT_LOST


def test_logout_keeps_both_numbers(street):
    end = street.up()
    end.client.new_order(street.now, 1, ESP, 1, 1, "0.0500")
    street.turn()
    before = end.client.next_out, end.client.next_in
    end.raw = end.client.logout(street.now, "bye")
    street.turn()
    assert end.take()[-1].msg_type == "5" and end.outlet.closed == (codes.OK, "bye") and end.client.closed == (codes.OK, "logged out")
    end = end.again()
    assert end.client.live and (end.client.next_out, end.client.next_in) == (before[0] + 2, before[1] + 2)
    assert [m.msg_type for m in end.take()] == ["A"]


# ---------------------------------------------------------------------------------------------------- resend
def trade(street: Street) -> tuple[FixEnd, FixEnd]:
    """Two ends with a history: reports, rejects, heartbeats, fills, texts."""
    a, b = street.up(1), street.up(2)
    for i in range(1, 6):
        a.client.new_order(street.now, i if i % 2 else f"id {i}", ESP, 1, 10, f"0.0{i}00")
        a.client.send("D", [(11, "bad")], street.now)
        street.turn()
        b.client.new_order(street.now, i, ESP, 2, 5, "0.0100", tif=codes.IOC)
        a.client.send("1", [(112, f"t{i}")], street.now)
        street.turn()
    return a, b


def ask(street: Street, end: FixEnd, begin: int, stop: int) -> list:
    end.take()
    end.client.send("2", [(7, begin), (16, stop)], street.now)
    street.turn(3)
    return end.take()


def test_a_resend_is_byte_for_byte_the_same_and_fills_what_is_administrative(street):
    a, _ = trade(street)
    live = {m.seq: m for m in a.messages}
    got = ask(street, a, 1, 0)
    at = 1
    for m in got:
        assert m.seq == at and m.poss_dup and m.get(122), show(m)
        if m.msg_type == "4":
            assert m.text(123) == "Y"
            at = int(m.get(36))
            assert all(live[seq].msg_type in "A0" for seq in range(m.seq, at) if seq in live)
        else:
            original = live[m.seq]
            assert bodies([m]) == bodies([original]) and m.get(122) == original.get(52)
            tail = original.raw[original.raw.index(b"\x0152=") + 31 : -7]
            assert m.raw[:-7].endswith(tail)
            at += 1
    assert at == numbers(street, a)[0] and {m.msg_type for m in got} == {"8", "3", "4"}


def test_ranges_of_resend_requests(street):
    a, _ = trade(street)
    live = {m.seq: m.msg_type for m in a.messages}
    last = max(live)
    rng = random.Random(3)
    for _ in range(25):
        begin = rng.randint(1, last)
        stop = rng.randint(begin, last + 3)
        covered = []
        for m in ask(street, a, begin, stop):
            upto = int(m.get(36)) if m.msg_type == "4" else m.seq + 1
            covered += range(m.seq, upto)
        top = numbers(street, a)[0] - 1
        assert covered == list(range(begin, min(stop, top) + 1)), "nothing missing, nothing twice, nothing outside"
    (reject,) = ask(street, a, 9, 4)
    assert reject.msg_type == "3" and "EndSeqNo(16): found 4" in reject.text(58)


def test_reports_for_an_absent_session_are_fetched_on_return(street):
    a, b = trade(street)
    a.close()
    b.client.new_order(street.now, 99, ESP, 2, 5, "0.0100", tif=codes.IOC)
    street.turn()
    a.seen.clear()
    a = a.again()
    assert [(m.text(150), m.poss_dup) for m in a.seen] == [("F", True)]
    assert a.client.live and not a.client.session.gap_open
    assert a.client.next_in == numbers(street, a)[0]


def test_after_a_reset_nothing_of_before_is_resent(street):
    a, _ = trade(street)
    a = a.again(reset=True)
    assert [m.text(34) for m in a.take()] == ["1"]
    a.client.new_order(street.now, "new", ESP, 1, 10, "0.0500")
    street.turn()
    got = ask(street, a, 1, 0)
    assert [(m.msg_type, m.seq, m.text(11) or m.text(36)) for m in got] == [("4", 1, "2"), ("8", 2, "new")]


def test_a_long_resend_comes_in_pieces_while_others_trade_on(street):
    a, b = street.up(1), street.up(2)
    for i in range(900):
        a.client.new_order(street.now, i + 1, ESP, 1, 1, "0.0500", tif=codes.IOC)
    street.turn(4)
    a.take()
    a.client.send("2", [(7, 1), (16, 0)], street.now)
    street.turn()
    first = len(a.take())
    assert 0 < first < 900
    a.outlet.backlog = 1 << 20
    street.turn()
    assert a.take() == [], "a peer that does not read is not fed"
    a.outlet.backlog = 0
    a.client.new_order(street.now, 5000, ESP, 1, 1, "0.0500")
    street.turn(9)
    assert sum(m.poss_dup for m in a.messages) + first >= 1800
    assert [m.text(11) for m in a.messages if not m.poss_dup] == ["5000"]
    for i in range(6):
        b.send_raw("2", b.client.next_out + i, "7=1|16=0|")
    street.turn(3)
    assert b.outlet.closed is None, "overlapping requests are merged"


# ---------------------------------------------------------------------------------------------------- ends, hostile bytes
def test_the_server_going_down_says_so(street):
    end = street.up()
    end.take()
    street.begin()
    end.connection.expel(street.input, codes.R_SHUTDOWN, "maintenance until 06:00")
    street.apply()
    end.to_client()
    news, bye = end.take()
    assert (news.msg_type, news.text(58), bye.msg_type, bye.text(58)) == ("B", "maintenance until 06:00", "5", "maintenance until 06:00")
    assert end.outlet.closed is None, "the peer's Logout is awaited"
    street.turn(2)
    assert end.outlet.closed is not None and end.outlet.closed[0] == codes.OK and end.client.closed is not None


def test_a_peer_that_does_not_answer_our_logout_is_awaited_for_three_seconds(street):
    end = street.up()
    street.begin()
    end.connection.expel(street.input, codes.R_SHUTDOWN, "maintenance")
    street.apply()
    end.plain = True
    end.to_client()
    street.wait(2_900_000_000)
    assert end.outlet.closed is None and end.connection.next_due <= street.now + 100_000_000
    street.wait(100_000_000)
    assert end.outlet.closed is not None and "Logout reply" in end.outlet.closed[1]


def test_the_servers_own_heartbeat_range(street):
    end = street.fix_end(1, heartbeat_s=(20, 40))
    end.logon_raw(1, "98=0|108=10|")
    street.turn(2)
    assert "HeartBtInt(108): found 10, expected 20 to 40" in end.take()[-1].text(58)
    again = street.fix_end(2, heartbeat_s=(10, 10))
    again.logon_raw(1, "98=0|108=10|")
    street.turn(2)
    assert again.types() == ["A"]


def test_cancel_on_disconnect(street):
    end = street.up(1, cancel_on_disconnect=True)
    end.client.new_order(street.now, 1, ESP, 1, 10, "0.0500")
    street.turn()
    end.close()
    end = end.again()
    assert [(m.text(150), m.text(378), m.text(58)) for m in end.seen] == [
        ("4", "4", "cancelled, because the session's connection was lost")
    ]


@pytest.mark.parametrize("junk", [b"\x00" * 500, b"GET / HTTP/1.1\r\n\r\n", b"8=FIX.4.4\x019=4000\x0135=D\x01" + b"x" * 200])
def test_junk_between_messages_costs_only_itself(street, junk):
    end = street.fix_end(1, plain=True)
    end.raw = junk
    end.logon_raw(1)
    end.raw += junk
    end.order_raw(2, "1")
    end.raw += junk
    for i in range(30):
        end.order_raw(3 + i, str(2 + i))
    street.turn(3)
    assert brief(end.take()) == [("A", "")] + [("8", "0")] * 31
    assert end.connection.garbled >= 3


def test_hostile_bytes_never_break_the_street(street):
    rng = random.Random(1)
    honest = street.up(2)
    for round_ in range(60):
        end = street.fix_end(1, plain=True)
        end.logon_raw(1, "98=0|108=30|141=Y|")
        good, end.raw = end.raw, b""
        for seq in range(2, 12):
            end.send_raw(rng.choice(["D", "F", "G", "H", "q", "0", "1", "2", "4", "3", "j", "A"]), seq,
                         rng.choice([order_body(str(seq)), "112=x|", "7=1|16=0|", "123=Y|36=20|", "36=3|", "11=1|530=7|60=20260101-00:00:00|"]))  # fmt: skip
        end.raw = good + mutate(rng, end.raw)
        street.turn(2)
        framer = Framer()
        framer.feed(bytes(end.received))
        for raw in framer:
            parse(raw)
        assert framer.garbled == 0
        street.drop(end)
        honest.client.new_order(street.now, round_ + 1, ESP, 1, 1, "0.0500", tif=codes.IOC)
        street.turn()
    assert [m.text(150) for m in honest.seen].count("0") == 60 and honest.client.live


def test_heartbeats_before_a_lost_connection_leave_no_gap(street):
    end = street.up()
    for _ in range(3):
        end.client.send("0", [], street.now)
    street.turn()
    end = end.again()
    assert [m.msg_type for m in end.take()] == ["A"], "nothing is asked for again"


def test_plain_python_takes_its_share_of_a_turn_only(street):
    end = street.fix_end(1, plain=True)
    end.logon_raw(1)
    street.turn()
    end.take()
    for seq in range(2, 502):
        end.send_raw("1", seq, f"112=T{seq}|")
    street.begin()
    end.to_server()
    assert end.connection.gather(street.input) is True
    street.apply()
    end.to_client()
    assert 10 < len(end.take()) < 100
    street.turn(12)
    assert end.take()[-1].text(112) == "T501"


def test_a_reset_on_a_live_session(street: Street) -> None:
    """Numbers restart after the reply, orders stay, the old numbers can no longer be resent."""
    end = street.up(1)
    for i in range(1, 4):
        end.client.new_order(street.now, i, ESP, 1, 10, "0.0500")
    street.turn()
    end.take()
    end.plain = True
    end.logon_raw(1, "98=0|108=30|141=Y|")
    end.order_raw(2, "77")
    street.turn(2)
    assert [(m.msg_type, m.seq, m.text(11)) for m in end.take()] == [("A", 1, ""), ("8", 2, "77")]
    end.send_raw("2", 3, "7=1|16=0|")
    end.send_raw("H", 4, f"11=1|55={ESP}|54=1|")
    street.turn(3)
    again = end.take()
    assert [(m.msg_type, m.seq, m.text(43)) for m in again if m.text(150) != "I"] == [("4", 1, "Y"), ("8", 2, "Y")]
    assert [(m.seq, m.text(39)) for m in again if m.text(150) == "I"] == [(3, "0")], "its orders are where they were"
    assert end.connection.session and end.outlet.closed is None
