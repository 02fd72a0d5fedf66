"""A book from snapshot and updates: order, gaps, resets."""

from protocol import codes
from protocol import messages as M
from protocol.book_builder import BookBuilder


def snap(seq: int = 5) -> M.BookSnapshot:
    return M.BookSnapshot(1, seq, 100, codes.PH_OPEN, 44, [(40, 10), (39, 5)], [(45, 7)])


def update(seq: int, *changes: tuple[int, int, int], trades: list[tuple[int, int, int, int]] | None = None) -> M.BookUpdate:
    return M.BookUpdate(1, seq, 100 + seq, list(changes), trades or [])


def test_snapshot_then_updates() -> None:
    book = BookBuilder(1)
    assert not book.valid and not book.update(update(5))
    book.snapshot(snap())
    assert (book.best_bid, book.best_ask, book.last, book.phase) == ((40, 10), (45, 7), 44, codes.PH_OPEN)
    assert book.update(update(6, (codes.BUY, 40, 0), (codes.SELL, 44, 3), trades=[(1, 40, 10, codes.SELL), (2, 41, 1, codes.BUY)]))
    assert book.depth() == ([(39, 5)], [(44, 3), (45, 7)])
    assert (book.last, book.last_qty, book.time, book.seq) == (41, 1, 106, 6)
    assert book.update(update(7, (codes.BUY, 39, 0), (codes.BUY, 12, 0)))
    assert book.best_bid is None and book.depth(1) == ([], [(44, 3)])


def test_a_trade_that_was_taken_back_is_no_last_trade() -> None:
    book = BookBuilder(1)
    book.snapshot(snap())
    assert book.update(update(6, trades=[(7, 41, 10, codes.BUY), (3, 60, -4, codes.SELL)]))
    assert (book.last, book.last_qty, book.taken_back) == (41, 10, {3: 4})


def test_updates_older_than_the_snapshot_are_passed_over() -> None:
    book = BookBuilder(1)
    book.snapshot(snap(5))
    assert not book.update(update(5, (codes.BUY, 40, 0)))
    assert book.best_bid == (40, 10) and book.valid


def test_a_gap_voids_the_book_and_asks_once() -> None:
    asked: list[int] = []
    book = BookBuilder(1, asked.append)
    book.snapshot(snap(5))
    assert not book.update(update(7, (codes.BUY, 1, 1)))
    assert (book.valid, book.gaps, book.best_bid, asked) == (False, 1, None, [1])
    assert not book.update(update(8)) and asked == [1]
    book.snapshot(snap(8))
    assert book.valid and book.update(update(9))


def test_a_reset_waits_for_the_next_snapshot() -> None:
    book = BookBuilder(1)
    book.snapshot(snap(5))
    book.reset()
    assert not book.valid and book.best_ask is None and not book.update(update(6))
    book.snapshot(snap(9))
    assert book.best_ask == (45, 7)
