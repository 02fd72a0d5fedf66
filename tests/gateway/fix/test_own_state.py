"""AF, AN and BB: what is answered, as of one event number; numbered, but not resent; bounded; and nothing that a stock dictionary rejects."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server.core import layout as L
from exchange_server.gateway.fix import own_state as fix_state
from exchange_server.own_state import take
from protocol import codes
from protocol.account_messages import OWN_ANSWERS
from protocol.fix_messages import FixMessage, format_scaled
from tests.gateway.fix.street import ESP, FixEnd, Street
from tests.protocol import fix44_standard as standard

DAY = (715, "20270115")
NOW = (60, "20270115-08:00:00")
PARTY: tuple[tuple[int, Any], ...] = ((453, 1), (448, "DESK"), (447, "D"), (452, 1))
MASS = ((584, "m1"), (585, 7))


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


def positions(account: str = "CLIENT1-A", *more: tuple[int, Any]) -> list[tuple[int, Any]]:
    return [(710, "p1"), (724, 0), *PARTY, (1, account), (581, 3), *more, DAY, NOW]


def ask(street: Street, end: FixEnd, kind: str, fields: Any, turns: int = 12) -> list[FixMessage]:
    end.take()
    end.client.send(kind, list(fields), street.now)
    street.turn(turns)
    return [m for m in end.take() if m.msg_type != "0"]


def traded(street: Street) -> tuple[FixEnd, FixEnd]:
    """CLIENT1 sold 4 of 10 at 0.40, bids for NO with a text as id; CLIENT2 has the other side."""
    one, two = street.up(1), street.up(2)
    two.client.new_order(street.now, 1, ESP, 1, 4, "0.4000")
    street.turn(2)
    one.client.new_order(street.now, 7, ESP, 2, 10, "0.3900")
    one.client.new_order(street.now, "a text", ESP, 1, 3, "0.2500", no=True, tif=codes.GTD, extra=((126, "20300101-00:00:00"),))
    street.turn(2)
    return one, two


def event_of(report_id: str) -> int:
    return int(report_id.split("-")[0])


def test_open_orders(street: Street) -> None:
    one, _ = traded(street)
    first, second = ask(street, one, "AF", MASS)
    assert [standard.wrong_with(m) for m in (first, second)] == [[], []]
    shown = {tag: first.text(tag) for tag in (584, 911, 912, 11, 150, 39, 1, 55, 54, 38, 44, 59, 151, 14, 6)}
    assert shown == {
        584: "m1", 911: "2", 912: "N", 11: "7", 150: "I", 39: "1", 1: "CLIENT1-A", 55: ESP, 54: "2", 38: "10", 44: "0.3900", 59: "1", 151: "6", 14: "4",
        6: "0.40000000",
    }  # fmt: skip
    assert (second.text(11), second.text(912), second.text(126), second.text(44)) == ("a text", "Y", "20300101-00:00:00.000", "0.2500")
    assert first.text(37).isdigit() and 5010 not in second and first.text(60) == second.text(60)
    event = event_of(first.text(17))
    assert event == event_of(second.text(17)) and first.text(17) != second.text(17)
    only = ask(street, one, "AF", [(584, "m2"), (585, 1), (55, ESP), (1, "CLIENT1-A")])
    assert [m.text(11) for m in only] == ["7", "a text"] and event_of(only[0].text(17)) >= event and only[0].text(17) != first.text(17)


def test_the_session_with_our_dictionary_sees_more(street: Street) -> None:
    one, _ = traded(street)
    street.write_as(one, own_fields=True, decimals=9)
    no = ask(street, one, "AF", MASS)[1]
    assert no.text(5010) == "N" and len(no.text(60)) == 27
    money = ask(street, one, "BB", [(909, "c")])[1:]
    usd = next(m for m in money if m.text(15) == "USD")
    assert float(usd.text(5107)) == pytest.approx(float(usd.text(901)) - float(usd.text(899)))


@pytest.mark.parametrize(
    ("fields", "reason", "text"),
    [
        (MASS, "5", "there are no open orders"),
        ((*MASS, (1, "CLIENT2-A")), "15", "Account(1) is unknown"),
        ((*MASS, (1, "NOBODY")), "15", "Account(1) is unknown"),
        (((584, "m1"), (585, 1), (55, "NOTHING")), "1", "Symbol(55) is unknown"),
        (((584, "m1"), (585, 1), (55, ESP)), "5", "there are no open orders"),
    ],
)
def test_no_orders(street: Street, fields: Any, reason: str, text: str) -> None:
    one = street.up(1)
    street.up(2)
    (answer,) = ask(street, one, "AF", fields)
    assert standard.wrong_with(answer) == []
    assert (answer.text(911), answer.text(912), answer.text(150), answer.text(39), answer.text(103), answer.text(58)) == (
        "0", "Y", "I", "8", reason, text,
    )  # fmt: skip


def test_positions(street: Street) -> None:
    one, two = traded(street)
    ack, report = ask(street, one, "AN", positions())
    assert (ack.msg_type, report.msg_type) == ("AO", "AP") and standard.wrong_with(ack) == standard.wrong_with(report) == []
    assert {tag: ack.text(tag) for tag in (710, 727, 728, 729, 448, 1, 581)} == {
        710: "p1", 727: "1", 728: "0", 729: "0", 448: "DESK", 1: "CLIENT1-A", 581: "3",
    }  # fmt: skip
    assert {tag: report.text(tag) for tag in (710, 727, 1, 55, 15, 730, 731, 703, 705)} == {
        710: "p1", 727: "1", 1: "CLIENT1-A", 55: ESP, 15: "USD", 730: "0.4000", 731: "2", 703: "TQ", 705: "4",
    }  # fmt: skip
    assert 704 not in report and event_of(ack.text(721)) == event_of(report.text(721)) and report.text(715).startswith("20")
    assert ask(street, two, "AN", positions("CLIENT2-A"))[1].text(704) == "4"
    (none,) = ask(street, one, "AN", positions("CLIENT1-A", (55, "BTC-USD")))
    assert (none.msg_type, none.text(727), none.text(728), none.text(729)) == ("AO", "0", "2", "0")


def test_collateral(street: Street) -> None:
    one, _ = traded(street)
    ack, *reports = ask(street, one, "BB", [(909, "c1"), *PARTY])
    assert (ack.msg_type, ack.text(909), ack.text(945), ack.text(946), ack.text(911)) == ("BG", "c1", "0", "0", str(len(reports)))
    assert [m.text(912) for m in reports] == ["N"] * (len(reports) - 1) + ["Y"]
    assert [what for m in (ack, *reports) for what in standard.wrong_with(m)] == []
    (account,) = take(street.engine.m, one.connection.session).accounts
    assets = {b.asset: state.Asset.of(street.engine.m, b.asset) for b in account.balances}
    want = {
        assets[b.asset].name: tuple(format_scaled(amount, assets[b.asset].decimals) for amount in (b.cash, b.cash - b.locked))
        for b in account.balances
    }
    assert {m.text(15): (m.text(901), m.text(899)) for m in reports} == want
    assert {m.text(15): m.text(910) for m in reports}["USD"] == "1"
    ack, *_ = ask(street, one, "BB", [])
    assert ack.text(909) == "NONE" and standard.wrong_with(ack) == []
    assert "; open orders of the firm: 2 of " in ack.text(58) and ack.text(58).endswith("stopped by kill switch: none")
    row = street.session_row(one)
    street.engine.m[row + L.S_THROTTLE + L.TH_LIMIT], street.engine.m[row + L.S_THROTTLE + L.TH_WINDOW] = 12, 10**15
    street.admin(ar.Kill(level="firm", target="CLIENT1", on=True))
    one.client.new_order(street.now, 900, ESP, 1, 4, "0.0400")
    text = next(m for m in ask(street, one, "BB", []) if m.msg_type == "BG").text(58)
    assert "session throttle: 2 of 12 messages in 1000000000 ms" in text and "stopped by kill switch: firm " in text


def test_whose_it_is_not(street: Street) -> None:
    street.admin(ar.DefineVenue(name="FAR"), ar.DefineAccount(name="CLIENT1-FAR", firm="CLIENT1", venue="FAR"))
    one, _ = traded(street)
    answers = []
    for account in ("CLIENT2-A", "NOBODY", "EXOS.FEES"):
        (ack,) = ask(street, one, "AN", positions(account))
        (money,) = ask(street, one, "BB", [(909, "c1"), (1, account)])
        assert (ack.msg_type, ack.text(728), ack.text(729), ack.text(727)) == ("AO", "99", "2", "0")
        assert (money.msg_type, money.text(945), money.text(946)) == ("BG", "4", "99")
        assert standard.wrong_with(ack) == standard.wrong_with(money) == []
        answers.append((ack.text(58), money.text(58)))
    assert set(answers) == {("Account(1) is unknown", "Account(1) is unknown")}, (
        "another firm's account is answered like a name that nobody has"
    )
    (far,) = ask(street, one, "AN", positions("CLIENT1-FAR"))
    assert far.text(729) == "2" and "isolated to another venue" in far.text(58)


@pytest.mark.parametrize(
    ("kind", "fields", "tag", "reason"),
    [
        ("AF", [(584, "x")], "585", "1"),
        ("AF", [(584, "x"), (585, 3)], "585", "5"),
        ("AF", [(584, "x" * 65), (585, 7)], "584", "5"),
        ("AN", positions()[:-1], "60", "1"),
        ("AN", [(710, "p"), (724, 1), *positions()[2:]], "724", "5"),
        ("AN", [(710, "p"), (724, 0), (263, 1), *positions()[2:]], "263", "5"),
        ("AN", [(710, "p"), (724, 0), (1, "X"), (581, 5), DAY, NOW], "581", "5"),
        ("AN", [(710, "p"), (724, 0), (1, "X"), (581, 1), (715, "today"), NOW], "715", "6"),
        ("BB", [(909, "c"), (453, 2), (448, "A"), (447, "D"), (452, 1)], "453", "16"),
        ("BB", [(909, "c"), (453, 1), (447, "D"), (448, "A"), (452, 1)], "447", "15"),
        ("BB", [(909, "c"), (448, "A")], "448", "15"),
        ("BB", [(909, "c"), (453, 1), (448, "A"), (448, "B")], "453", "16"),
        ("BB", [(909, "c"), (453, 1), (448, "A"), (447, "D"), (447, "D")], "447", "13"),
        ("BB", [(909, "c"), (453, 5), *[(448, "A")] * 5], "453", "5"),
        ("BB", [(909, "c"), (11, "x")], "11", "2"),
    ],
)
def test_damaged_requests(street: Street, kind: str, fields: Any, tag: str, reason: str) -> None:
    one = street.up(1)
    (reject,) = ask(street, one, kind, fields)
    assert (reject.msg_type, reject.text(371), reject.text(373)) == ("3", tag, reason) and tag in reject.text(58)
    assert ask(street, one, "AF", MASS)[0].msg_type == "8", "the session goes on"


def test_a_security_must_be_named(street: Street) -> None:
    one = street.up(1)
    (reject,) = ask(street, one, "AF", [(584, "x"), (585, 1)])
    assert (reject.msg_type, reject.text(380)) == ("j", "5") and "Symbol(55)" in reject.text(58)


def test_it_includes_what_was_sent_before_it(street: Street) -> None:
    """One packet: an order and the request. The answer has the order, and comes after its report."""
    one = street.up(1)
    one.take()
    one.client.new_order(street.now, 1, ESP, 1, 4, "0.0400")
    one.client.send("AF", list(MASS), street.now)
    one.client.new_order(street.now, 2, ESP, 1, 4, "0.0400")
    street.turn(6)
    reports = [m for m in one.take() if m.msg_type == "8"]
    states = [m for m in reports if m.text(150) == "I"]
    live = [m for m in reports if m.text(150) == "0"]
    event = event_of(states[0].text(17))
    assert {m.text(11) for m in states} == {m.text(11) for m in live if int(m.text(17)) <= event} >= {"1"}


@pytest.mark.parametrize("seed", range(6))
def test_a_rebuilt_client_equals_the_server(street: Street, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random trading of three firms; answers come in pieces of two between reports. From any answer, with the reports whose ExecID is above
    its number, whatever the order in which they came, the open orders are those of the server."""
    monkeypatch.setattr(fix_state, "PIECE", 2)
    rng = random.Random(seed)
    ends = [street.up(i) for i in (1, 2, 3)]
    for end in ends:
        end.take()
    ids: list[list[int]] = [[], [], []]
    number = 100
    for step in range(120):
        who = rng.randrange(3)
        client, now = ends[who].client, street.now
        number += 1
        what = rng.random()
        if what < 0.1 and step > 20:
            client.send("AF", [(584, f"q{number}"), (585, 7)], now)
        elif what < 0.25 and ids[who]:
            client.cancel(now, number, rng.choice(ids[who]), ESP, 1)
        elif what < 0.4 and ids[who]:
            client.replace(now, number, rng.choice(ids[who]), ESP, rng.choice((1, 2)), rng.randint(1, 30), f"0.{rng.randint(3950, 4050)}")
            ids[who].append(number)
        else:
            client.new_order(now, number, ESP, rng.choice((1, 2)), rng.randint(1, 20), f"0.{rng.randint(3950, 4050)}")
            ids[who].append(number)
        if rng.random() < 0.6:
            street.turn(rng.randint(1, 2))
    street.turn(1500)
    rebuilt = 0
    for end in ends:
        reports = [m for m in end.take() if m.msg_type == "8"]
        (account,) = take(street.engine.m, end.connection.session).accounts
        want = {str(o.order): (str(o.id), str(o.qty), str(o.cum), str(o.leaves), str(o.side)) for o in account.orders()}
        answers: dict[str, list[FixMessage]] = {}
        for m in reports:
            if 584 in m:
                answers.setdefault(m.text(584), []).append(m)
        for answer in answers.values():
            assert answer[-1].text(912) == "Y"
            event = event_of(answer[0].text(17))
            book = {m.text(37): m for m in answer if m.text(911) != "0"}
            assert len(book) == int(answer[0].text(911)) and {event_of(m.text(17)) for m in answer} == {event}
            for m in sorted((m for m in reports if 584 not in m and m.text(150) != "I"), key=lambda m: int(m.text(17))):
                if int(m.text(17)) > event and m.text(39) != "8":
                    book[m.text(37)] = m
            open_now = {k: m for k, m in book.items() if m.text(151) != "0"}
            assert {k: (m.text(11), m.text(14), m.text(151), m.text(54)) for k, m in open_now.items()} == {
                k: (id, cum, leaves, side) for k, (id, _, cum, leaves, side) in want.items()
            }
            rebuilt += 1
    assert rebuilt > 3


# ------------------------------------------------------------------------------------------------------- numbers and resends
def test_states_are_numbered_and_gap_filled_when_asked_for_again(street: Street) -> None:
    one, _ = traded(street)
    states = ask(street, one, "AF", MASS) + ask(street, one, "AN", positions()) + ask(street, one, "BB", [(909, "c")])
    one.client.new_order(street.now, 99, ESP, 1, 1, "0.0100")
    street.turn(2)
    numbers = [m.seq for m in states if m.seq]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "each has a number of its own"
    one.take()
    one.send_raw("2", one.client.next_out, f"7={numbers[0] - 1}|16=0|")
    one.client.next_out += 1
    street.turn(4)
    report, fill, later = one.take()
    assert (report.msg_type, report.seq, report.poss_dup) == ("8", numbers[0] - 1, True)
    assert (fill.msg_type, fill.seq, fill.text(36), fill.text(123)) == ("4", numbers[0], str(numbers[-1] + 1), "Y"), (
        "the state was of its moment"
    )
    assert (later.text(11), later.poss_dup) == ("99", True)


def test_a_state_that_was_missed_is_not_sent_after_a_reset(street: Street) -> None:
    one, two = traded(street)
    one.client.send("AF", list(MASS), street.now)
    street.begin()
    one.to_server()
    one.connection.gather(street.input)
    street.apply()
    one.outlet.written = bytearray()  # the connection breaks before the peer has read any of it
    one.connection.dropped(b"")
    one.close()
    two.client.new_order(street.now, 50, ESP, 1, 2, "0.4000")
    street.turn(3)
    again = one.again(reset=True)
    street.turn(10)
    missed = [m for m in again.take() if m.get(97) == b"Y"]
    assert missed and {m.text(150) for m in missed} == {"F"}, "reports are told, an answer about state is asked for again"


def test_a_session_whose_connection_ends_in_the_middle(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_state, "PIECE", 1)
    one, _ = traded(street)
    session = one.connection.session
    one.client.send("BB", [(909, "c")], street.now)
    street.turn(2)
    assert any(m.msg_type == "BG" for m in one.take())
    desk = street.directory.desk
    again = one.again()
    assert not desk.open(street.now - 4_000_000, session), "what was journaled counts, though it did not get to its end"
    answer = ask(street, again, "AF", MASS, turns=60)
    assert [m.msg_type for m in answer if m.msg_type == "8" and not m.poss_dup][-2:] == ["8", "8"]


def test_a_flood_is_bounded_and_told_the_numbers(street: Street) -> None:
    one = street.up(1)
    other = street.up(2)
    one.take()
    for number in range(40):
        one.client.send("AF", [(584, f"m{number}"), (585, 7)], street.now)
    other.client.send("AF", list(MASS), street.now)
    street.turn(60)
    got = one.take()
    refused = [m for m in got if m.msg_type == "j"]
    assert len(refused) + sum(m.msg_type == "8" for m in got) == 40 and len(refused) >= 30
    assert {m.text(380) for m in refused} == {"4"} and f"the limit is {OWN_ANSWERS}" in refused[0].text(58)
    assert [standard.wrong_with(m) for m in refused[:2]] == [[], []]
    assert any(m.msg_type == "8" for m in other.take())


def test_a_long_answer_waits_for_the_peer_and_for_its_turn(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fix_state, "PIECE", 8)
    one, two = street.up(1), street.up(2)
    for number in range(1, 101):
        one.client.new_order(street.now, number, ESP, 1, 1, f"0.{1000 + number}")
    street.turn(6)
    one.take()
    one.client.send("AF", list(MASS), street.now)
    street.turn(2)
    one.outlet.backlog = 1 << 20
    two.client.new_order(street.now, 1, ESP, 2, 1, "0.1100")
    street.turn(20)
    some = one.take()
    assert 0 < sum(584 in m for m in some) < 100 and sum(m.text(150) == "F" for m in some) == 1, "reports come between the pieces"
    one.outlet.backlog = 0
    street.turn(30)
    states = [m for m in some + one.take() if 584 in m]
    assert [m.text(11) for m in states] == [str(n) for n in range(1, 101)] and {m.text(14) for m in states} == {"0"}
    one.client.send("AF", list(MASS), street.now)
    street.turn(50)
    assert one.take() == [], "a hundred messages of state were journaled: the next answer comes 100 ms later"
    street.turn(60)
    assert sum(584 in m for m in one.take()) == 99
