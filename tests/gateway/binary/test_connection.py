"""Binary connections on the real engine: logon, orders, refusals of bytes, resume, logout, heartbeats, market data."""

import re

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.gateway.connection import TurnInput
from protocol import binary_session as B
from protocol import codes
from protocol import messages as M
from protocol.book_builder import BookBuilder
from protocol.framing import MAX_CLIENT_PAYLOAD, frame
from tests.gateway.binary.world import SECOND, End, World, limit

SPAIN = "WC26-WIN-ESP"


# ------------------------------------------------------------------------------------------------------------------ logon
def test_logon_tells_session_accounts_and_where_the_stream_stands(world: World) -> None:
    end = world.end(heartbeat_ms=2000)
    world.turn(3)
    on, sent, caught_up = end.take()
    assert isinstance(on, B.LoggedOn) and on.number == 1 and on.reply.heartbeat_ms == 2000
    assert [name for _, name in on.reply.accounts] == ["MM1-A"] and on.reply.account == on.reply.accounts[0][0]
    assert isinstance(sent, M.Sent) and isinstance(caught_up, B.CaughtUp)
    row = world.session_row(end)
    assert world.engine.m[row + L.S_FLAGS] & L.SF_LOGGED_ON and world.engine.m[row + L.S_HEARTBEAT] == 2 * SECOND


@pytest.mark.parametrize(
    ("key", "options", "reason", "words"),
    [
        ("MM1", {"secret": "wrong"}, codes.R_BAD_CREDENTIALS, ""),
        ("NOBODY", {}, codes.R_BAD_CREDENTIALS, ""),
        ("MM1", {"next_number": 2}, codes.R_RESUME_UNKNOWN, "report 2"),
        ("MM1", {"heartbeat_ms": 5}, codes.R_BAD_HEARTBEAT, "2000 to 60000"),
        ("MM1", {"flags": 64}, codes.R_WIRE_FIELD, "flags"),
    ],
)
def test_a_refused_logon_says_why_and_closes(world: World, key: str, options: dict, reason: int, words: str) -> None:
    end = world.end(key, **options)
    world.turn(3)
    (ended,) = end.take()
    assert isinstance(ended, B.Ended) and ended.reason == reason and words in ended.text
    assert end.outlet.closed is not None and end.outlet.closed[0] == reason
    assert end.connection.session == 0 and world.directory.bound == {}


def test_a_second_connection_is_refused_and_the_first_goes_on(world: World) -> None:
    first = world.logged_on()
    second = world.end()
    world.turn(2)
    assert [h.reason for h in second.take() if isinstance(h, B.Ended)] == [codes.R_ALREADY_LOGGED_ON]
    world.drop(second)
    first.session.send(M.OrderStatusRequest(5))
    world.turn()
    assert [type(h) for h in first.take()] == [M.OrderStatus]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame(M.encode(M.CancelOrder(1, 2))), codes.R_NOT_LOGGED_ON),
        (frame(M.encode(M.Logon("MM1", b"x" * 32, 9))), codes.R_WIRE_FIELD),
        (frame(b"\xc1"), codes.R_WIRE_MALFORMED),
        (frame(b"\x92\x63\x01"), codes.R_WIRE_UNKNOWN_MESSAGE),
        (b"\0\0\0\0", codes.R_WIRE_MALFORMED),
        (b"GET / HTTP/1.1\r\n\r\n", codes.R_WIRE_TOO_LONG),
        ((4097).to_bytes(4, "little"), codes.R_WIRE_TOO_LONG),
    ],
)
def test_anything_but_a_logon_ends_it_with_a_named_reason(world: World, data: bytes, reason: int) -> None:
    end = world.end(plain=True)
    end.raw = data
    rows = world.engine.row_seq
    world.turn(2)
    hello, logout = end.messages
    assert isinstance(hello, M.Hello) and isinstance(logout, M.Logout) and logout.reason == reason and logout.text
    assert end.outlet.closed is not None
    world.drop(end)
    assert world.engine.row_seq == rows + 3  # TIME rows alone: nothing of it reached the exchange


def test_logon_and_orders_in_one_packet_byte_by_byte(world: World) -> None:
    spain = world.instrument(SPAIN)
    logon = M.Logon("MM1", B.Prover("MM1", "mm1-secret").prove(M.Hello(2, b"c" * 32, "", *world.directory.recipe())))
    stream = frame(M.encode(logon)) + frame(M.encode(limit(1, spain, codes.BUY, 4000, 10))) + frame(M.encode(M.CancelOrder(2, 1)))
    for pieces in (1, len(stream)):
        end = world.end(plain=True)
        size = len(stream) // pieces
        for at in range(0, len(stream), size):
            end.raw += stream[at : at + size]
            world.turn()
        world.turn(2)
        kinds = [type(m) for m in end.messages]
        assert kinds == [M.Hello, M.Sent, M.Accepted, M.Canceled] or kinds == [M.Hello, M.Sent, M.OrderStatus, M.CancelRejected]
        world.drop(end)


# ----------------------------------------------------------------------------------------------------------------- orders
def test_orders_and_their_reports(world: World) -> None:
    maker, taker = world.logged_on("MM1"), world.logged_on("MM2")
    spain = world.instrument(SPAIN)
    maker.session.send(limit(1, spain, codes.SELL, 4200, 100))
    world.turn()
    (accepted,) = maker.take()
    assert isinstance(accepted, M.Accepted) and (accepted.id, accepted.price, accepted.leaves, accepted.number) == (1, 4200, 100, 2)
    taker.session.send(M.NewOrder(7, 0, spain, codes.SELL, codes.NO, codes.LIMIT, codes.IOC, 0, 5700, 30))  # = buy YES at 4300
    world.turn()
    mine, theirs = taker.take(), maker.take()
    assert [type(m) for m in mine] == [M.Accepted, M.Fill] and [type(m) for m in theirs] == [M.Fill]
    assert (mine[1].last_price, mine[1].last_qty, mine[1].cum, mine[1].leaves) == (5800, 30, 30, 0)
    assert (theirs[0].last_price, theirs[0].leaves, theirs[0].trade) == (4200, 70, mine[1].trade)
    assert mine[1].flags & codes.EF_TAKER and not theirs[0].flags & codes.EF_TAKER
    maker.session.send(M.ReplaceOrder(2, 1, 0, 0, 4100, 90))
    maker.session.send(M.OrderStatusRequest(2))
    maker.session.send(M.CancelOrder(3, 2))
    maker.session.send(M.CancelOrder(4, 2))
    maker.session.send(M.MassCancel(5, codes.SCOPE_SESSION))
    world.turn()
    replaced, status, canceled, refused, done = maker.take()
    assert isinstance(replaced, M.Replaced) and (replaced.id, replaced.orig, replaced.leaves) == (2, 1, 60)
    assert isinstance(status, M.OrderStatus) and (status.id, status.status, status.cum) == (2, codes.ST_PARTIAL, 30)
    assert isinstance(canceled, M.Canceled) and (canceled.id, canceled.orig, canceled.reason) == (3, 2, codes.R_USER_CANCEL)
    assert isinstance(refused, M.CancelRejected) and (refused.reason, refused.status) == (codes.R_ORDER_CLOSED, codes.ST_CANCELED)
    assert isinstance(done, M.MassCancelDone) and (done.id, done.count) == (5, 0)
    assert maker.connection.slow == taker.connection.slow == 0


def test_a_refusal_names_limit_used_and_asked(world: World) -> None:
    end = world.logged_on()
    end.session.send(limit(1, world.instrument(SPAIN), codes.BUY, 10_000, 5))
    end.session.send(limit(2, 9999, codes.BUY, 1, 5))
    end.session.send(limit(3, world.instrument(SPAIN), codes.BUY, 5, M.I64_MAX))
    end.session.send(limit(4, world.instrument(SPAIN), codes.BUY, M.I64_MIN, -1))
    world.turn()
    a, b, c, d = end.take(M.Rejected)
    assert a.reason == codes.R_PRICE_OUT_OF_RANGE and a.asked == 10_000
    assert b.reason == codes.R_UNKNOWN_INSTRUMENT and b.asked == 9999
    assert c.reason == codes.R_QTY_TOO_LARGE and c.asked == M.I64_MAX and c.limit > 0
    assert d.reason == codes.R_PRICE_OUT_OF_RANGE


def test_every_attribute_travels_and_what_is_not_built_is_refused_by_its_word(world: World) -> None:
    end = world.logged_on()
    spain = world.instrument(SPAIN)
    fields = {"min_qty": 1, "display_qty": 1, "stop_price": 1, "group": 1, "cost_cap": 1}
    for i, (name, value) in enumerate(fields.items(), 1):
        end.session.send(limit(i, spain, codes.BUY, 4000, 10, **{name: value}))
    world.turn()
    words = [L.CMD_MIN_QTY, L.CMD_DISPLAY_QTY, L.CMD_STOP_PRICE, L.CMD_GROUP_SEQ, L.CMD_COST_CAP]
    assert [(r.reason, r.asked) for r in end.take(M.Rejected)] == [(codes.R_FIELD_UNSUPPORTED, w) for w in words]


def test_split_and_merge(world: World) -> None:
    end = world.logged_on()
    market = world.market.definition(world.instrument(SPAIN)).market
    end.session.send(M.SplitSets(1, market, 5))
    end.session.send(M.MergeSets(2, market, 6))
    end.session.send(M.MergeSets(3, market, 5))
    world.turn()
    moved, refused, back = end.take()
    assert isinstance(moved, M.Moved) and (moved.id, moved.sets, moved.market) == (1, 5, market) and moved.amount == -back.amount < 0
    assert isinstance(refused, M.Refused) and (refused.id, refused.reason) == (2, codes.R_MERGE_TOO_MANY)


# -------------------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("payload", "reason", "tag", "id"),
    [
        (b"\xc1", codes.R_WIRE_MALFORMED, 0, 0),
        (b"\x92\x63\x07", codes.R_WIRE_UNKNOWN_MESSAGE, 99, 7),
        (msgspec.msgpack.encode([10, 2**63, 0, 1, 1, 1, 2, 1, 0, 4000, 10]), codes.R_WIRE_FIELD, 10, 0),
        (msgspec.msgpack.encode([10, 5, 0, 1, 16, 1, 2, 1, 0, 4000, 10]), codes.R_WIRE_FIELD, 10, 5),
        (msgspec.msgpack.encode([11, 5]), codes.R_WIRE_FIELD, 11, 5),
        (M.encode(M.Logon("MM1", b"x" * 32)), codes.R_ALREADY_LOGGED_ON, 1, 0),
        (b"\x00" * MAX_CLIENT_PAYLOAD, codes.R_WIRE_MALFORMED, 0, 0),
    ],
)
def test_a_bad_message_is_refused_numbered_and_the_session_goes_on(world: World, payload: bytes, reason: int, tag: int, id: int) -> None:
    end = world.logged_on()
    end.session.send_raw(frame(payload) + frame(M.encode(M.OrderStatusRequest(5))))
    world.turn()
    sent, status = end.take()
    assert isinstance(sent, M.Sent) and isinstance(sent.body, M.MessageRefused) and sent.number == 2
    assert (sent.body.reason, sent.body.tag, sent.body.id) == (reason, tag, id) and sent.body.text
    assert isinstance(status, M.OrderStatus)


@pytest.mark.parametrize(("length", "reason"), [(0, codes.R_WIRE_MALFORMED), (MAX_CLIENT_PAYLOAD + 1, codes.R_WIRE_TOO_LONG)])
def test_an_impossible_length_ends_the_session_behind_the_good_ones(world: World, length: int, reason: int) -> None:
    end = world.logged_on()
    end.session.send_raw(frame(M.encode(M.OrderStatusRequest(5))) + length.to_bytes(4, "little") + b"x" * 50)
    world.turn()
    assert end.outlet.closed is not None and end.outlet.closed[0] == reason
    assert [h.reason for h in end.take(B.Ended)] == [reason]
    world.drop(end)
    assert world.directory.bound == {}
    again = world.logged_on(next_number=2)  # the answer to the good one is not lost
    assert any(isinstance(m, M.OrderStatus) for m in again.messages)


def test_rubbish_gives_documented_answers_only(world: World) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.binary(min_size=1, max_size=40), max_size=8))
    def run(junk: list[bytes]) -> None:
        end = world.logged_on()
        for payload in junk:
            end.session.send_raw(frame(payload))
        world.turn(2)
        for happening in end.take():
            body = happening.body if isinstance(happening, M.Sent) else None
            if isinstance(body, M.MessageRefused):
                assert body.reason in (codes.R_WIRE_MALFORMED, codes.R_WIRE_FIELD, codes.R_WIRE_UNKNOWN_MESSAGE)
        world.drop(end)

    run()


def test_the_turn_is_shared(world: World) -> None:
    """A full inbox stops the decoding and loses nothing."""
    end = world.logged_on()
    for i in range(1, 400):
        end.session.send(M.OrderStatusRequest(i))
    world.turn(6)
    assert [h.id for h in end.take(M.OrderStatus)] == list(range(1, 400))


# ----------------------------------------------------------------------------------------------------- resume and logout
def test_what_was_missed_comes_again_byte_for_byte(world: World) -> None:
    maker, taker = world.logged_on("MM1"), world.logged_on("MM2")
    spain = world.instrument(SPAIN)
    for i in range(1, 30):
        maker.session.send(limit(i, spain, codes.SELL, 4000 + i, 10))
    world.turn(2)
    shown = [M.encode(m) for m in maker.messages if isinstance(m, M.Report | M.Sent)]
    world.drop(maker)
    taker.session.send(limit(1, spain, codes.BUY, 4030, 200))
    world.turn()
    assert len(taker.take(M.Fill)) == 20
    for begin in (1, 5, 31, 50):
        again = world.end("MM1", next_number=begin)
        world.turn(8)
        numbered = [h for h in again.seen if isinstance(h, M.Report | M.Sent)]
        assert [h.number for h in numbered] == list(range(begin, again.session.next_number))
        assert [M.encode(h) for h in numbered if h.number <= len(shown)] == shown[begin - 1 :]
        assert len([h for h in again.take(B.CaughtUp)]) == 1
        world.drop(again)


def test_resume_while_new_reports_come(world: World) -> None:
    maker, taker = world.logged_on("MM1"), world.logged_on("MM2")
    spain = world.instrument(SPAIN)
    for i in range(1, 101):
        maker.session.send(limit(i, spain, codes.SELL, 4000 + i % 7, 10))
    world.turn(3)
    world.drop(maker)
    maker = world.end("MM1", next_number=1)
    for i in range(1, 12):
        taker.session.send(limit(i, spain, codes.BUY, 4010, 15))
        world.turn()
    world.turn(3)
    numbers = [h.number for h in maker.seen if isinstance(h, M.Report | M.Sent)]
    assert numbers == list(range(1, maker.session.next_number)) and maker.session.caught_up
    assert len([h for h in maker.take(M.Fill)]) == 22


def test_explicit_resume_and_its_ranges(world: World) -> None:
    end = world.logged_on(plain=False)
    for i in range(1, 6):
        end.session.send(M.OrderStatusRequest(i))
    world.turn()
    for begin, end_, want in ((2, 4, [2, 3, 4]), (3, 0, [3, 4, 5, 6]), (6, 99, [6]), (7, 0, [])):
        end.messages.clear()
        end.session.send(M.Resume(begin, end_))
        world.turn(3)
        *reports, done = [m for m in end.messages if not isinstance(m, M.Heartbeat)]
        assert [m.number for m in reports] == want
        assert isinstance(done, M.ResumeDone) and (done.begin, done.count, done.reason) == (begin, len(want), 0)
    end.messages.clear()
    end.session.send(M.Resume(8, 0))
    end.session.send(M.Resume(5, 3))
    world.turn(4)
    assert [m.reason for m in end.messages if isinstance(m, M.ResumeDone)] == [codes.R_RESUME_UNKNOWN] * 2


def test_logout_comes_behind_all_reports(world: World) -> None:
    end = world.logged_on(flags=M.LOGON_CANCEL_ON_DISCONNECT)
    end.session.send(limit(1, world.instrument(SPAIN), codes.BUY, 4000, 10))
    end.session.logout()
    world.turn(2)
    accepted, ended = end.take()
    assert isinstance(accepted, M.Accepted) and ended == B.Ended(codes.OK, "")
    assert end.outlet.closed == (codes.OK, "logout") and end.connection.logoff_flags() == 1
    world.drop(end)
    again = world.logged_on(next_number=3)
    reports = [m for m in again.messages if isinstance(m, M.Canceled)]
    assert [(m.reason, m.number) for m in reports] == [(codes.R_DISCONNECT, 3)]


def test_a_lost_connection_leaves_orders_unless_asked(world: World) -> None:
    spain = world.instrument(SPAIN)
    for flags, count in ((0, 1), (M.LOGON_CANCEL_ON_DISCONNECT, 0)):
        end = world.logged_on(flags=flags)
        end.session.send(limit(10 + flags, spain, codes.BUY, 4000, 10))
        world.turn()
        world.drop(end)
        assert len(BookOf(world, spain).bids) == count
        killer = world.logged_on()
        killer.session.send(M.MassCancel(99 + flags, codes.SCOPE_FIRM))
        world.turn()
        world.drop(killer)


def BookOf(world: World, instrument: int) -> M.BookSnapshot:
    message = M.decode_server(world.market.snapshot(instrument)[4:])
    assert isinstance(message, M.BookSnapshot)
    return message


def test_the_server_ends_a_session_with_a_reason(world: World) -> None:
    end = world.logged_on()
    end.connection.expel(TurnInput(4), codes.R_SLOW_READER, "slow reader: 5000000 bytes not read")
    end.to_client()
    (ended,) = end.take()
    assert ended == B.Ended(codes.R_SLOW_READER, "slow reader: 5000000 bytes not read")
    assert end.outlet.closed is not None


def test_heartbeats_both_ways(world: World) -> None:
    end = world.logged_on(heartbeat_ms=2000)
    assert 0 < end.connection.next_due <= world.now + 2 * SECOND
    start = world.now
    while world.now < start + 20 * SECOND:
        world.now += SECOND // 4
        end.session.tick(world.now)
        world.turn()
    assert end.take() == [] and end.outlet.closed is None
    beats = [m for m in end.messages if isinstance(m, M.Heartbeat)]
    assert 7 <= len(beats) <= 11
    silent_since = world.now
    while end.outlet.closed is None and world.now < silent_since + 10 * SECOND:
        assert end.connection.next_due
        world.now = max(world.now, end.connection.next_due)
        world.turn()
    (ended,) = end.take(B.Ended)
    silent_ms = (world.now - silent_since) // 1_000_000
    found = re.fullmatch(r"nothing was received for (\d+) ms, the limit is 4800 ms", ended.text)
    assert ended.reason == codes.R_HEARTBEAT_LOST and found and 4800 <= int(found[1]) <= silent_ms + 1000, ended
    assert 4.6 * SECOND < world.now - silent_since < 5.4 * SECOND


# ------------------------------------------------------------------------------------------------------------ market data
class Follower:
    """Builds books from what an end is sent."""

    def __init__(self, end: End) -> None:
        self.end = end
        self.books: dict[int, BookBuilder] = {}
        self.at = 0

    def follow(self) -> list[M.ServerMessage]:
        fresh = self.end.messages[self.at :]
        self.at = len(self.end.messages)
        for m in fresh:
            if isinstance(m, M.BookSnapshot):
                self.books.setdefault(m.instrument, BookBuilder(m.instrument)).snapshot(m)
            elif isinstance(m, M.BookUpdate):
                assert self.books[m.instrument].update(m), "a gap"
            elif isinstance(m, M.BookReset):
                for book in self.books.values():
                    book.reset()
        return fresh


def test_definitions_then_books_then_updates(world: World) -> None:
    watcher, trader = world.logged_on("MM1"), world.logged_on("MM2")
    watcher.session.send(M.DefinitionsRequest())
    world.turn(3)
    definitions = [m for m in watcher.take() if isinstance(m, M.Definition)]
    assert [d.instrument for d in definitions] == world.instruments()
    spain = next(d for d in definitions if d.symbol == SPAIN)
    assert (spain.product, spain.k, spain.n, spain.payout, spain.phase) == (codes.EXACTLY, 1, 48, 10_000, codes.PH_OPEN)
    assert spain.bands and spain.asset and spain.max_qty > 0
    trader.session.send(limit(1, spain.instrument, codes.BUY, 4000, 10))
    world.turn()
    follower = Follower(watcher)
    watcher.session.send(M.Subscribe([spain.instrument, 9999]))
    trader.session.send(limit(2, spain.instrument, codes.SELL, 4100, 5))  # in the same turn as the subscription
    world.turn()
    fresh = follower.follow()
    refused = [m for m in fresh if isinstance(m, M.RequestRefused)]
    assert [(m.reason, m.item) for m in refused] == [(codes.R_UNKNOWN_INSTRUMENT, 9999)]
    book = follower.books[spain.instrument]
    assert (book.best_bid, book.best_ask) == ((4000, 10), (4100, 5))
    trader.session.send(
        limit(
            3,
            spain.instrument,
            codes.SELL,
            4000,
            4,
        )
    )
    world.turn()
    trader.session.send(M.CancelOrder(4, 2))
    world.turn()
    follower.follow()
    assert book.best_ask is None or book.best_ask[0] != 4100
    watcher.session.send(M.Unsubscribe())
    world.turn()
    trader.session.send(limit(5, spain.instrument, codes.BUY, 3000, 4))
    follower.follow()
    world.turn()
    assert follower.follow() == [] and not world.market.books.wanted.any()


def test_trades_and_phases_are_told(world: World) -> None:
    watcher, maker, taker = world.logged_on("MM1"), world.logged_on("MM2"), world.logged_on("MM3")
    spain = world.instrument(SPAIN)
    watcher.session.send(M.Subscribe([spain]))
    world.turn(2)
    maker.session.send(limit(1, spain, codes.BUY, 4000, 10))
    world.turn()
    taker.session.send(limit(2, spain, codes.SELL, 3900, 4))
    world.turn()
    updates = [h for h in watcher.take() if isinstance(h, M.BookUpdate)]
    assert updates[-1].trades[0][1:] == (4000, 4, codes.SELL) and updates[-1].changes == [(codes.BUY, 4000, 6)]
    world.admin(ar.SetPhase(event="WC26-WIN", phase="paused"))
    for end in world.ends:
        end.to_client()
    (phase,) = watcher.take(M.PhaseChange)
    assert (phase.old, phase.phase) == (codes.PH_OPEN, codes.PH_PAUSED)


def test_an_overflow_of_touched_levels_resets_the_books(world: World) -> None:
    watcher, trader = world.logged_on("MM1"), world.logged_on("MM2")
    spain = world.instrument(SPAIN)
    watcher.session.send(M.Subscribe())
    world.turn(3)
    follower = Follower(watcher)
    follower.at = 0
    follower.follow()
    for i in range(1, 200):
        trader.session.send(limit(i, spain, codes.BUY, 10 * i, 1))
    world.turn(2)
    fresh = follower.follow()
    assert any(isinstance(m, M.BookReset) for m in fresh) and world.market.resets >= 1
    assert follower.books[spain].depth(500)[0] == [(10 * i, 1) for i in range(199, 0, -1)]
    trader.session.send(M.MassCancel(999, codes.SCOPE_FIRM))
    world.turn(3)
    follower.follow()
    assert follower.books[spain].best_bid is None


def test_subscribers_to_everything_get_what_is_listed_later(world: World) -> None:
    watcher = world.logged_on()
    watcher.session.send(M.Subscribe())
    watcher.session.send(M.DefinitionsRequest())
    world.turn(4)
    before = len(world.instruments())
    records = [item.record for item in __import__("config").load.load("sandbox").items]
    market = next(r for r in records if isinstance(r, ar.DefineMarket) and r.event == "WC26-FINAL")
    contracts = tuple(msgspec.structs.replace(c, symbol=c.symbol.replace("WC26", "EU28")) for c in market.contracts)
    watcher.take()
    world.admin(msgspec.structs.replace(market, event="EU28-FINAL", contracts=contracts))
    watcher.to_client()
    fresh = watcher.take()
    names = [m.symbol for m in fresh if isinstance(m, M.Definition)]
    assert len(names) == len(contracts) and all(name.startswith("EU28") for name in names)
    assert [m.instrument for m in fresh if isinstance(m, M.BookSnapshot)] == list(range(before + 1, before + 1 + len(contracts)))


def test_long_answers_wait_for_a_peer_that_does_not_read(world: World) -> None:
    end = world.logged_on()
    end.outlet.backlog = 10**6
    end.session.send(M.Subscribe())
    world.turn(3)
    assert not [m for m in end.messages if isinstance(m, M.BookSnapshot)]
    assert end.connection.next_due <= world.now + B.MILLISECOND * 5
    end.outlet.backlog = 0
    world.turn(3)
    assert len([m for m in end.messages if isinstance(m, M.BookSnapshot)]) == len(world.instruments())


def test_long_answers_are_bounded(world: World) -> None:
    end = world.logged_on()
    end.outlet.backlog = 10**6
    for _ in range(40):
        end.session.send(M.Resume(1))
    world.turn()
    assert [m.reason for m in end.messages if isinstance(m, M.RequestRefused)] == [codes.R_OVERLOAD] * 8
    end.outlet.backlog = 0
    world.turn(80)
    assert len([m for m in end.messages if isinstance(m, M.ResumeDone)]) == 32


def test_a_lost_subscriber_is_forgotten(world: World) -> None:
    end = world.logged_on()
    end.session.send(M.Subscribe())
    end.session.send(M.DefinitionsRequest())
    world.turn(3)
    assert world.market.status()["subscribers"] == 1
    world.drop(end)
    assert world.market.status() == {"subscribers": 0, "books_watched": 0, "updates": world.market.updates, "resets": 0}
    assert not world.market.watchers and not world.market.everything
