"""Market data kernels: what subscribers build from snapshots and updates is the book, and the tape is what was traded."""

import random

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.wires import feeds as md
from protocol import codes
from protocol import messages as M
from protocol.book_builder import BookBuilder
from protocol.framing import FrameReader
from tests.core.binary_arena import Book, event


class Feed:
    """The gateway's part, as plainly as possible: arrays for the kernels, frames out."""

    def __init__(self, book: Book, wanted: set[int]) -> None:
        self.m = book.m
        capacity = int(self.m[L.H_POOLS + L.P_INSTRUMENT * L.POOL_WORDS + L.PL_CAP])
        self.wanted = np.zeros(capacity, dtype=np.uint8)
        for i in wanted:
            self.wanted[i] = 1
        self.index = np.zeros(md.md_index_words(self.m), dtype=np.int64)
        self.res = np.zeros(L.RES_WORDS, dtype=np.int64)
        self.tape = np.zeros(6 * 1000, dtype=np.int64)

    def updates(self, events: list[np.ndarray] | None = None, room: int = 1 << 16) -> dict[int, M.BookUpdate] | None:
        """One turn's messages by instrument; None when the room was too little."""
        used = 0
        if events:
            rows = np.concatenate(events)
            used = md.collect(self.m, rows, rows.size, self.tape, 0)
        out = np.full(room, 0xAA, dtype=np.uint8)
        status = md.updates(self.m, self.wanted, self.tape, used, out, self.index, self.res)
        slots = md.MD_INDEX_WORDS * self.wanted.size
        assert not self.index[slots:].any(), "the kernel left its marks"
        if status == L.ENC_SPACE:
            return None
        found = {}
        end = 0
        for i in range(int(self.res[L.RES_INDEX])):
            instrument, offset, length = self.index[i * md.MD_INDEX_WORDS :][:3].tolist()
            assert offset == end, "there is something between two messages"
            end += length
            (payload,) = FrameReader().feed(out[offset : offset + length].tobytes())
            message = M.decode_server(payload)
            assert isinstance(message, M.BookUpdate) and message.instrument == instrument
            found[instrument] = message
        assert end == self.res[L.RES_BYTES]
        return found

    def snapshot(self, instrument: int, depth: int = 1 << 20) -> M.BookSnapshot:
        out = np.zeros(100, dtype=np.uint8)
        if md.snapshot(self.m, instrument, depth, out, 0, self.res) == L.ENC_SPACE:
            out = np.zeros(int(self.res[L.RES_BYTES]), dtype=np.uint8)
            assert md.snapshot(self.m, instrument, depth, out, 0, self.res) == L.ENC_DONE
        (payload,) = FrameReader().feed(out[: int(self.res[L.RES_BYTES])].tobytes())
        message = M.decode_server(payload)
        assert isinstance(message, M.BookSnapshot)
        return message


def test_tags() -> None:
    assert M.BookSnapshot.__struct_config__.tag == md.TAG_SNAPSHOT  # type: ignore[attr-defined]
    assert M.BookUpdate.__struct_config__.tag == md.TAG_UPDATE  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(12))
def test_the_book_that_is_built_is_the_book(seed: int) -> None:
    rng = random.Random(seed)
    book = Book(n=3, dirty=256)
    feed = Feed(book, {1, 3})
    builders = {i: BookBuilder(i) for i in (1, 3)}
    for i, builder in builders.items():
        builder.snapshot(feed.snapshot(i))
    resting: list[tuple[int, int]] = []
    for turn in range(2, 80):
        book.m[L.H_TURN], book.m[L.H_TIME] = turn, turn * 1_000_000_007
        for _ in range(rng.randrange(12)):
            if resting and rng.random() < 0.5:
                o, ask = resting.pop(rng.randrange(len(resting)))
                part = rng.randrange(1, 30)
                if part < int(book.m[o + L.O_LEAVES]):
                    resting.append((o, ask))
                book.take(o, ask, part)
            else:
                ask = rng.randrange(2)
                price = rng.choice([1, 63, 64, 65, 4095, 4096, 9999, rng.randrange(1, 10_000)])
                resting.append((book.rest(rng.randrange(1, 4), ask, price, rng.choice([1, 127, 128, 300, 10**6])), ask))
        found = feed.updates()
        assert found is not None and 2 not in found
        for instrument, message in found.items():
            assert message.time == turn * 1_000_000_007
            assert builders[instrument].update(message)
        for i, builder in builders.items():
            bids, asks = book.want(i)
            assert (dict(builder.bids), dict(builder.asks)) == (bids, asks)
            snapshot = feed.snapshot(i)
            assert snapshot.seq == builder.seq
            assert snapshot.bids == sorted(bids.items(), reverse=True) and snapshot.asks == sorted(asks.items())
        assert book.m[L.H_DIRTY_COUNT] == 0


def test_updates_in_the_middle_of_a_turn_lose_nothing() -> None:
    """The core lists a level once a turn; the kernel puts it back on offer when it has told of it."""
    book = Book()
    feed = Feed(book, {1})
    book.rest(1, 0, 50, 5)
    first = feed.updates()
    book.rest(1, 0, 50, 6)
    second = feed.updates()
    assert first is not None and second is not None
    assert first[1].changes == [(codes.BUY, 50, 5)] and second[1].changes == [(codes.BUY, 50, 11)]
    assert second[1].seq == first[1].seq + 1


def test_an_empty_turn_says_nothing_and_counts_nothing() -> None:
    book = Book()
    feed = Feed(book, {1, 2, 3})
    assert feed.updates() == {}
    assert feed.snapshot(1).seq == 0


def fill(trade: int, price: int, qty: int, flags: int, instrument: int = 1, contract_side: int = codes.YES) -> np.ndarray:
    return event(
        codes.E_FILL, session=1, number=trade, session_number=trade, trade=trade, last_price=price, last_qty=qty, flags=flags,
        instrument=instrument, contract_side=contract_side,
    )  # fmt: skip


def test_the_tape_is_in_yes_terms_and_has_each_trade_once() -> None:
    book = Book()
    feed = Feed(book, {1, 2})
    book.rest(1, 1, 6200, 1)
    found = feed.updates([
        fill(7, 6200, 80, 0), fill(7, 6200, 80, codes.EF_TAKER),
        fill(8, 6100, 5, 0), fill(8, 3900, 5, codes.EF_TAKER | codes.EF_AGGRESSOR_SELL, contract_side=codes.NO),
        fill(9, 100, 1, codes.EF_TAKER, instrument=2), fill(10, 100, 1, codes.EF_TAKER, instrument=3),
    ])  # fmt: skip
    assert found is not None
    assert found[1].trades == [(7, 6200, 80, codes.BUY), (8, 6100, 5, codes.SELL)]
    assert found[1].changes == [(codes.SELL, 6200, 1)]
    assert found[2].trades == [(9, 100, 1, codes.BUY)] and found[2].changes == []
    assert 3 not in found


def test_a_trade_that_was_taken_back_comes_again_below_zero() -> None:
    book = Book()
    feed = Feed(book, {1})
    rows = [
        fill(7, 3800, 80, codes.EF_UNSOLICITED),
        fill(7, 3800, 80, codes.EF_TAKER | codes.EF_AGGRESSOR_SELL | codes.EF_UNSOLICITED, contract_side=codes.NO),
    ]
    for row in rows:
        row[L.EVT_HEAD] = row[L.EVT_HEAD] - codes.E_FILL + codes.E_BUST
    found = feed.updates(rows)
    assert found is not None and found[1].trades == [(7, 6200, -80, codes.SELL)] and found[1].seq == 1


def test_a_trade_that_was_corrected_comes_below_zero_and_then_as_it_is_now() -> None:
    feed = Feed(Book(), {1})
    rows = [
        fill(7, 3700, 50, codes.EF_UNSOLICITED),
        fill(7, 3700, 50, codes.EF_TAKER | codes.EF_AGGRESSOR_SELL | codes.EF_UNSOLICITED, contract_side=codes.NO),
    ]
    for row in rows:
        row[L.EVT_HEAD] = row[L.EVT_HEAD] - codes.E_FILL + codes.E_CORRECTED
        row[L.EVT_WAS_PRICE], row[L.EVT_WAS_QTY] = 3800, 80
    found = feed.updates(rows)
    assert found is not None and found[1].trades == [(7, 6200, -80, codes.SELL), (7, 6300, 50, codes.SELL)]


def test_news_are_collected_with_their_event() -> None:
    book = Book()
    feed = Feed(book, set())
    rows = np.concatenate([
        event(codes.E_ACCEPTED, session=1), event(codes.E_PHASE, order=1, price=codes.PH_OPEN, qty=codes.PH_PAUSED, time=5),
        event(codes.E_FINAL, order=1, qty=2, time=6, extra=2), event(codes.E_DETERMINED, order=1, price=7, qty=1, time=6),
        event(codes.E_DISPUTED, order=1, price=3, qty=1, time=6), event(codes.E_VOIDED, order=1, price=9, qty=2, time=7),
        event(codes.E_CONTRACT, order=1, price=2, qty=5, session=1, time=7),
    ])  # fmt: skip
    used = md.collect(feed.m, rows, rows.size, feed.tape, 0)
    assert feed.tape[:used].reshape(-1, 6).tolist() == [
        [codes.E_PHASE, 1, codes.PH_OPEN, codes.PH_PAUSED, 0, 5], [codes.E_FINAL, 1, 0, codes.PH_FINAL, 0, 6],
        [codes.E_DETERMINED, 1, 7, codes.PH_DETERMINED, 1, 6], [codes.E_DISPUTED, 1, 0, codes.PH_DISPUTED, 0, 6],
        [codes.E_VOIDED, 1, 9, codes.PH_VOIDED, 2, 7],
    ]  # fmt: skip


def test_too_little_room_changes_nothing() -> None:
    book = Book()
    feed = Feed(book, {1})
    book.rest(1, 0, 50, 5)
    assert feed.updates(room=10) is None
    need = int(feed.res[L.RES_BYTES])
    assert book.m[L.H_DIRTY_COUNT] == 1 and feed.snapshot(1).seq == 0
    found = feed.updates(room=need)
    assert found is not None and found[1].seq == 1


def test_a_list_that_overflowed_is_said() -> None:
    book = Book(dirty=4)
    feed = Feed(book, {1})
    for price in range(10, 20):
        book.rest(1, 0, price, 1)
    found = feed.updates([fill(3, 12, 1, codes.EF_TAKER)])
    assert feed.res[md.RES_LOST] == 1
    assert found is not None and found[1].changes == [] and found[1].trades == [(3, 12, 1, codes.BUY)]
    assert len(feed.snapshot(1).bids) == 10
    book.m[L.H_TURN] += 1
    book.rest(1, 0, 12, 1)
    assert feed.updates() == {1: M.BookUpdate(1, 2, 0, [(codes.BUY, 12, 2)], [])} and feed.res[md.RES_LOST] == 0


@pytest.mark.parametrize("levels", [0, 15, 16, 300])
def test_snapshots_of_any_depth(levels: int) -> None:
    book = Book()
    feed = Feed(book, {1})
    for price in range(1, levels + 1):
        book.rest(1, 0, price, price)
        book.rest(1, 1, 9_999 - price, price)
    assert feed.snapshot(1).bids == [(p, p) for p in range(levels, 0, -1)]
    assert feed.snapshot(1, depth=7).asks == [(9_999 - p, p) for p in range(levels, max(0, levels - 7), -1)]


def test_no_such_instrument() -> None:
    feed = Feed(Book(), set())
    out = np.zeros(10, dtype=np.uint8)
    for instrument in (0, -1, 5, 10**9):
        assert md.snapshot(feed.m, instrument, 5, out, 0, feed.res) == L.ENC_DONE and feed.res[L.RES_MESSAGES] == 0


def test_news_is_whatever_is_no_trade() -> None:
    tape = np.zeros(6 * md.TAPE_WORDS, dtype=np.int64)
    kinds = tape[md.TAPE_KIND :: md.TAPE_WORDS]
    kinds[:] = codes.E_FILL
    assert not md.has_news(tape, tape.size) and not md.has_news(tape, 0)
    for at in range(6):
        kinds[:] = codes.E_FILL
        kinds[at] = codes.E_PHASE
        for rows in range(7):
            assert md.has_news(tape, rows * md.TAPE_WORDS) == (at < rows)
