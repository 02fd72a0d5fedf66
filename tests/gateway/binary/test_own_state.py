"""Own state over the binary wire: what is asked and answered, as of one report number, for whom, how much at once, and cut anywhere."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.gateway.binary import connection as C
from exchange_server.gateway.binary import own_state as pieces
from exchange_server.gateway.own_state import Desk
from exchange_server.own_state import take
from protocol import account_messages as AM
from protocol import codes
from protocol import messages as M
from protocol.framing import frame
from protocol.holdings import Holdings
from tests.gateway.binary import world as world_module
from tests.gateway.binary.world import End, World, limit

SPAIN = "WC26-WIN-ESP"
OWN = (M.AccountState, M.Balance, M.Position, M.Requirement, M.OpenOrder, M.Limits, M.AccountStateDone)


def asked(world: World, end: End, turns: int = 12, **fields: Any) -> list[Any]:
    """The whole answer to one AccountRequest."""
    end.session.send(M.AccountRequest(fields.pop("request", 7), **fields))
    world.turn(turns)
    return [m for m in end.take() if isinstance(m, (*OWN, M.RequestRefused))]


def test_everything_that_there_is(world: World) -> None:
    one, two = world.logged_on("MM1"), world.logged_on("MM2")
    spain = world.instrument(SPAIN)
    two.session.send(limit(1, spain, codes.BUY, 4000, 5))
    world.turn(2)
    one.session.send(limit(1, spain, codes.SELL, 3900, 8))
    one.session.send(bid_for_no(2, spain + 1))
    world.turn(2)
    one.take()
    answer = asked(world, one, request=9)
    begin, *rows, done = answer
    assert [type(m) for m in answer] == [
        M.AccountState, *[M.Balance] * (len(rows) - 6), M.Position, M.Position, M.Requirement, M.OpenOrder, M.OpenOrder, M.Limits, M.AccountStateDone,
    ]  # fmt: skip
    assert {m.request for m in answer} == {9} and done.count == len(rows)
    assert begin.number == one.session.next_number and [name for _, name in begin.accounts] == ["MM1-A"]
    assert begin.event == world.engine.event_seq - 1 and begin.parts == AM.PARTS_ALL
    usd = next(m for m in rows if isinstance(m, M.Balance) and m.name == "USD")
    need = next(m for m in rows if isinstance(m, M.Requirement))
    assert usd.available == usd.cash - usd.locked and usd.locked == need.required == need.buys - min(0, need.worst) > 0
    first, second = (m for m in rows if isinstance(m, M.Position))
    assert (first.instrument, first.position, first.open_sell) == (spain, -5, 3)
    assert (second.instrument, second.position, second.open_buy, second.open_sell) == (spain + 1, 0, 0, 2), "buying NO is selling YES"
    sold, no = (m for m in rows if isinstance(m, M.OpenOrder))
    assert (sold.id, sold.qty, sold.cum, sold.leaves, sold.price, sold.notional, sold.status) == (
        1,
        8,
        5,
        3,
        3900,
        5 * 4000,
        codes.ST_PARTIAL,
    )
    assert (no.id, no.contract_side, no.side, no.price, no.session) == (2, codes.NO, codes.BUY, 100, one.connection.session)


def bid_for_no(id: int, instrument: int) -> M.NewOrder:
    """A bid for NO that rests."""
    return M.NewOrder(id, 0, instrument, codes.BUY, codes.NO, codes.LIMIT, codes.GTC, 0, 100, 2)


def test_parts_and_one_instrument(world: World) -> None:
    end = world.logged_on()
    spain = world.instrument(SPAIN)
    for id in range(1, 7):
        end.session.send(limit(id, spain + id % 2, codes.BUY, 100 + id, 1))
    world.turn(2)
    end.take()
    for part, kind in (
        (AM.PART_BALANCES, M.Balance),
        (AM.PART_POSITIONS, M.Position),
        (AM.PART_REQUIREMENTS, M.Requirement),
        (AM.PART_LIMITS, M.Limits),
    ):
        begin, *rows, done = asked(world, end, parts=part)
        assert {type(m) for m in rows} == {kind} and begin.parts == part and done.count == len(rows)
    rows = asked(world, end, parts=AM.PART_ORDERS | AM.PART_POSITIONS, instrument=spain)[1:-1]
    assert [(type(m), m.instrument) for m in rows] == [(M.Position, spain)] + [(M.OpenOrder, spain)] * 3
    assert asked(world, end, parts=AM.PART_ORDERS, instrument=149)[1:-1] == [], "an instrument that is not there has nothing"


def test_nothing_at_all(world: World) -> None:
    """An account that was never used."""
    world.admin(ar.DefineAccount(name="MM2-NEW", firm="MM2"))
    end = world.logged_on("MM2")
    (account,) = (row.id for row in world.engine.registry.accounts if row.name == "MM2-NEW")
    begin, limits, done = asked(world, end, account=account)
    assert isinstance(limits, M.Limits) and done.count == 1 and begin.accounts == [(account, "MM2-NEW")]
    assert limits.shares[0][:2] == (AM.TABLE_ORDERS, 0) and limits.stopped == []
    begin = asked(world, end)[0]
    assert [name for _, name in begin.accounts] == ["MM2-A", "MM2-NEW"], "without a number: all of the firm's"


def test_whose_it_is_not(world: World) -> None:
    world.admin(ar.DefineFirm(name="LONE"), ar.DefineAccount(name="LONE-A", firm="LONE"))
    world.admin(ar.DefineVenue(name="FAR", title="Far"))
    world.admin(ar.DefineAccount(name="MM1-FAR", firm="MM1", venue="FAR"))
    one, two = world.logged_on("MM1"), world.logged_on("MM2")
    names = {row.name: row.id for row in world.engine.registry.accounts}
    answers = []
    for account in (names["MM2-A"], names["LONE-A"], 1, 250, 2**31 - 1):
        (refused,) = asked(world, one, account=account)
        assert (
            isinstance(refused, M.RequestRefused) and refused.reason == codes.R_UNKNOWN_ACCOUNT and refused.item == 7 and refused.tag == 23
        )
        answers.append(refused.text.replace(str(account), "N"))
    assert len(set(answers)) == 1, "another firm's account is answered like one that does not exist"
    assert asked(world, two, account=names["MM2-A"])[0].accounts == [(names["MM2-A"], "MM2-A")]
    (refused,) = asked(world, one, account=names["MM1-FAR"])
    assert refused.reason == codes.R_VENUE_NOT_ALLOWED and "another venue" in refused.text
    assert "MM1-FAR" not in {name for _, name in asked(world, one)[0].accounts}


def test_it_includes_what_was_sent_before_it_and_nothing_after(world: World) -> None:
    """One packet: an order, the request, an order. The answer has the first and not the second, and says where the reports go on."""
    end = world.logged_on()
    spain = world.instrument(SPAIN)
    end.session.send(limit(1, spain, codes.BUY, 4000, 5))
    end.session.send(M.AccountRequest(5))
    world.turn(3)
    end.session.send(limit(2, spain, codes.BUY, 4000, 5))
    world.turn(2)
    seen = end.take()
    kinds = [type(m) for m in seen if isinstance(m, M.Accepted | M.AccountState | M.AccountStateDone)]
    assert kinds == [M.Accepted, M.AccountState, M.AccountStateDone, M.Accepted]
    begin = next(m for m in seen if isinstance(m, M.AccountState))
    first, second = (m for m in seen if isinstance(m, M.Accepted))
    assert first.number < begin.number == second.number and [m.id for m in seen if isinstance(m, M.OpenOrder)] == [1]


@pytest.mark.parametrize("seed", range(6))
def test_a_rebuilt_client_equals_one_that_saw_everything(world: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random trading of three firms, answers in the smallest pieces. Whoever asks at any time, and then follows the reports from the number
    that the answer names, has the same orders, positions and money as the server at the end."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1)
    rng = random.Random(seed)
    ends = [world.logged_on(f"MM{i}") for i in (1, 2, 3)]
    spain, spot = world.instrument(SPAIN), world.instrument("BTC-USD")
    definitions = {d.instrument: d for i in world.instruments() for d in [world.market.definition(i)]}
    reports: dict[int, list[Any]] = {i: [] for i in range(3)}
    answers: dict[int, list[list[Any]]] = {i: [] for i in range(3)}
    own: dict[int, list[int]] = {i: [] for i in range(3)}
    next_id = 1000

    def keep() -> None:
        for i, end in enumerate(ends):
            for m in end.take():
                if isinstance(m, M.Report):
                    reports[i].append(m)
                elif isinstance(m, M.AccountState):
                    answers[i].append([m])
                elif isinstance(m, OWN):
                    answers[i][-1].append(m)

    for _ in range(150):
        who = rng.randrange(3)
        end = ends[who]
        next_id += 1
        what = rng.random()
        if what < 0.08:
            end.session.send(M.AccountRequest(next_id))
        elif what < 0.2 and own[who]:
            end.session.send(M.CancelOrder(next_id, rng.choice(own[who])))
        elif what < 0.35 and own[who]:
            end.session.send(M.ReplaceOrder(next_id, rng.choice(own[who]), 0, 0, rng.randint(3950, 4050), rng.randint(1, 40)))
            own[who].append(next_id)
        elif what < 0.4:
            end.session.send(M.SplitSets(next_id, definitions[spain].market, rng.randint(1, 3)))
        elif what < 0.5:
            end.session.send(limit(next_id, spot, rng.choice((1, 2)), rng.choice((6_400_000, 6_400_050, 6_399_950)), rng.randint(1, 5)))
            own[who].append(next_id)
        else:
            no = rng.random() < 0.3
            price = rng.randint(3950, 4050)
            order = limit(next_id, spain + rng.randrange(2), rng.choice((1, 2)), 10_000 - price if no else price, rng.randint(1, 30))
            end.session.send(msgspec.structs.replace(order, contract_side=codes.NO) if no else order)
            own[who].append(next_id)
        if rng.random() < 0.7:
            world.turn(rng.randint(1, 3))
            keep()
    world.turn(700)
    keep()
    assert sum(map(len, answers.values())) > 3
    checked = 0
    for i, end in enumerate(ends):
        (account,) = take(world.engine.m, end.connection.session).accounts
        money = {b.asset: b.cash for b in account.balances}
        positions = {p.instrument: p.position for p in account.positions if p.position}
        orders = {o.id: (o.order, o.price, o.qty, o.cum, o.leaves, o.notional, o.fee, o.side, o.contract_side) for o in account.orders()}
        for answer in answers[i]:
            done = answer[-1]
            assert isinstance(done, M.AccountStateDone) and done.count == len(answer) - 2
            book = Holdings(definitions)
            book.begin(answer)
            for report in reports[i]:
                book.apply(report)
            assert book.next_number == end.session.next_number
            assert {
                o.id: (o.order, o.price, o.qty, o.cum, o.leaves, o.notional, o.fee, o.side, o.contract_side) for o in book.orders.values()
            } == orders
            assert {k[1]: v for k, v in book.positions.items() if v} == positions
            assert {k[1]: v for k, v in book.cash.items()} == money
            checked += 1
    assert checked > 3


# ------------------------------------------------------------------------------------------------------------------- how much
def test_many_orders_with_a_peer_that_reads_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred orders in pieces: the copy is of one moment though orders go on between the pieces, and a full peer is waited for."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1000)
    world = World(tmp_path, rows=2048)
    end = world.logged_on()
    spain = world.instrument(SPAIN)
    for id in range(1, 201):
        end.session.send(limit(id, spain, codes.BUY, 100 + id, 1))
    world.turn(4)
    end.take()
    end.session.send(M.AccountRequest(1))
    world.turn()
    end.outlet.backlog = C.BACKLOG_BYTES
    for id in range(201, 211):
        end.session.send(limit(id, spain, codes.BUY, 100, 1))
        world.turn()
    seen = end.take()
    assert not [m for m in seen if isinstance(m, M.AccountStateDone)], "it waits for the peer"
    end.outlet.backlog = 0
    world.turn(30)
    rows = [m for m in seen + end.take() if isinstance(m, OWN)]
    assert isinstance(rows[-1], M.AccountStateDone) and [m.id for m in rows if isinstance(m, M.OpenOrder)] == list(range(1, 201))
    world.store.close()


def test_ten_thousand_orders_through_the_smallest_buffers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Event buffer of 64 rows, inbox of 256, pieces of one order, a peer that stops reading now and then, and orders in between."""
    monkeypatch.setattr(world_module, "SMALL", dataclasses.replace(world_module.SMALL, orders=24_000, nodes=4096, archive=24_000))
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1)
    world = World(tmp_path)
    end = world.logged_on()
    spain = world.instrument(SPAIN)
    for id in range(1, 10_001):
        end.session.send(limit(id, spain, codes.BUY, 1 + id % 3000, 1))
    while end.raw or not end.seen or len([1 for m in end.seen if isinstance(m, M.Accepted)]) < 10_000:
        world.turn(20)
    end.take()
    end.session.send(M.AccountRequest(1))
    found: list[int] = []
    done = None
    turns = 0
    while done is None:
        turns += 1
        end.outlet.backlog = C.BACKLOG_BYTES if turns % 50 < 5 else 0
        if turns % 500 == 0:
            end.session.send(limit(20_000 + turns, spain, codes.BUY, 1, 1))
        world.turn()
        for m in end.take():
            if isinstance(m, M.OpenOrder):
                found.append(m.id)
            elif isinstance(m, M.AccountStateDone):
                done = m
        assert turns < 20_000
    assert found == list(range(1, 10_001)) and done.count > 10_000 and turns > 10_000
    assert world.engine.check() == []
    world.store.close()


def test_the_connection_ends_in_the_middle_of_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1)
    end = world.logged_on()
    for id in range(1, 20):
        end.session.send(limit(id, world.instrument(SPAIN), codes.BUY, 100 + id, 1))
    end.session.send(M.AccountRequest(1))
    world.turn(5)
    seen = end.take()
    assert any(isinstance(m, M.AccountState) for m in seen) and not any(isinstance(m, M.AccountStateDone) for m in seen)
    world.drop(end)
    world.turn(3)
    again = world.logged_on()
    answer = asked(world, again, turns=40)
    assert isinstance(answer[-1], M.AccountStateDone) and sum(isinstance(m, M.OpenOrder) for m in answer) == 19


def test_a_flood_of_requests_is_bounded_and_told_the_numbers(world: World) -> None:
    end, other = world.logged_on("MM1"), world.logged_on("MM2")
    taken = world.directory.desk.taken
    for number in range(1, 101):
        end.session.send(M.AccountRequest(number))
    other.session.send(M.AccountRequest(1))
    world.turn(60)
    seen = end.take()
    refused = [m for m in seen if isinstance(m, M.RequestRefused)]
    assert len(refused) == 100 - AM.OWN_ANSWERS and {m.reason for m in refused} == {codes.R_OVERLOAD}
    assert f"the limit is {AM.OWN_ANSWERS}" in refused[0].text and [m.item for m in refused] == list(range(AM.OWN_ANSWERS + 1, 101))
    assert sum(isinstance(m, M.AccountStateDone) for m in seen) == AM.OWN_ANSWERS
    assert any(isinstance(m, M.AccountStateDone) for m in other.take()), "another session gets its answer"
    assert world.directory.desk.taken == taken + AM.OWN_ANSWERS + 1


def test_a_request_weighs_as_much_of_the_turn_as_any_message_in_plain_python(world: World) -> None:
    end = world.logged_on()
    world.input.share = C.PYTHON_WEIGHT * 3
    for number in range(1, 9):
        end.session.send(M.AccountRequest(number))
    end.to_server()
    world.begin()
    world.input.share = C.PYTHON_WEIGHT * 3
    assert end.connection.gather(world.input) and end.connection.pending, "the rest comes in the next turns"
    world.apply()


def test_copies_are_spaced() -> None:
    desk = Desk()
    assert desk.open(0)

    class Copy:
        cost_ns = 1000

    desk.took(Copy, 50)  # type: ignore[arg-type]
    assert not desk.open(50 + 8999) and desk.open(50 + 9000)


# ---------------------------------------------------------------------------------------------------------------------- fills
def test_fills_again(world: World) -> None:
    one, two = world.logged_on("MM1"), world.logged_on("MM2")
    spain = world.instrument(SPAIN)
    for id in range(1, 8):
        two.session.send(limit(id, spain, codes.BUY, 4000, 3))
        one.session.send(limit(id, spain, codes.SELL, 4000, 3))
        world.turn(2)
    fills = [m for m in one.take() if isinstance(m, M.Fill)]
    assert len(fills) == 7

    def again(**fields: Any) -> list[Any]:
        one.messages.clear()
        one.session.send(M.FillsRequest(3, **fields))
        world.turn(10)
        return [m for m in one.messages if isinstance(m, M.Fill | M.FillsDone | M.RequestRefused)]

    *got, done = again()
    newest = one.session.next_number - 1
    assert got == fills and done == M.FillsDone(3, 1, newest, 7)
    *got, done = again(begin=fills[3].number, end=fills[5].number)
    assert got == fills[3:6] and (done.begin, done.end, done.count) == (fills[3].number, fills[5].number, 3)
    *got, done = again(after_trade=fills[4].trade)
    assert got == fills[5:] and done.count == 2
    assert again(after_trade=fills[-1].trade) == [M.FillsDone(3, 1, newest, 0)]
    assert again(begin=newest + 1) == [M.FillsDone(3, newest + 1, newest, 0)]
    assert again(begin=newest + 5)[0].reason == codes.R_RESUME_UNKNOWN
    assert one.session.next_number == newest + 1, "a fill that comes again is not a new report"


# ---------------------------------------------------------------------------------------------------------------- damaged
@pytest.mark.parametrize(
    "payload",
    [
        b"\x91\x17",
        b"\x92\x17\x00",
        b"\x92\x17\xa1x",
        b"\x93\x17\x01\xff",
        b"\x94\x17\x01\x00\x20",
        b"\x94\x17\x01\x00\xcc\xff",
        b"\x91\x18",
        b"\x93\x18\x01\x00",
    ],
)
def test_damaged_requests_are_refused_and_the_session_goes_on(world: World, payload: bytes) -> None:
    end = world.logged_on()
    end.raw = frame(payload)
    world.turn(3)
    (refused,) = [m.body for m in end.take() if isinstance(m, M.Sent)]
    assert refused.reason in (codes.R_WIRE_FIELD, codes.R_WIRE_MALFORMED) and refused.tag in (0x17, 0x18)
    assert isinstance(asked(world, end)[-1], M.AccountStateDone)


def test_any_bytes_after_the_tag(world: World) -> None:
    """Whatever follows the tag: an answer, or a refusal; never a fault."""
    rng = random.Random(5)
    end = world.logged_on()
    for _ in range(200):
        tag = rng.choice((0x17, 0x18))
        values = [rng.choice((0, 1, 5, 31, 2**31 - 1, 2**63 - 1, -1, "x", None, 2.5, [], {}, b"z")) for _ in range(rng.randint(0, 6))]
        end.raw = frame(msgspec.msgpack.encode([tag, *values]))
        world.turn(2)
        assert end.outlet.closed is None
    world.turn(60)
    end.take()
    assert isinstance(asked(world, end)[-1], M.AccountStateDone)
