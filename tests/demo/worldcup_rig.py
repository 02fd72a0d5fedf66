"""A small world for the tests of the main job: two clients, an event of two contracts, and a server's view that agrees with their books."""

from typing import Any

from exchange_server.demo.books import Books
from exchange_server.demo.reports import Contract, Report
from protocol import codes

CUP = {symbol: Contract(symbol, 10_000, 1, 4, 4) for symbol in ("CUP-A", "CUP-B")}
DEPOSIT = 1_000_000


def accepted(number: int, order: int, side: int, price: int, qty: int, symbol: str = "CUP-A", no: bool = False) -> Report:
    return Report(
        codes.E_ACCEPTED, number, 100 * order + 1, 1000 + order, 0, order, symbol, side, codes.NO if no else codes.YES, codes.ST_NEW,
        price=price, qty=qty, leaves=qty,
    )  # fmt: skip


def fill(
    number: int, exec: int, order: int, side: int, price: int, qty: int, cum: int, leaves: int, trade: int = 1, taker: bool = False, fee: int = 0,
    no: bool = False, symbol: str = "CUP-A",
) -> Report:  # fmt: skip
    return Report(
        codes.E_FILL, number, exec, 1000 + order, 0, order, symbol, side, codes.NO if no else codes.YES, codes.ST_PARTIAL if leaves else codes.ST_FILLED,
        price=price, qty=cum + leaves, cum=cum, leaves=leaves, last_price=price, last_qty=qty, fee=fee, trade=trade, taker=taker,
    )  # fmt: skip


def take(books: Books, *reports: Report) -> Books:
    for report in reports:
        books.apply(report, CUP.get(report.symbol))
    books.next_number = books.last_number + 1
    return books


def pair() -> list[Books]:
    """A maker sells 10 of 15 contracts at 0.42 to a taker, who pays a fee of 7."""
    maker, taker = Books("MM1", "MM1-A", "binary"), Books("CLIENT1", "CLIENT1-A", "fix")
    maker.ask(1001, 5, True)
    taker.ask(1002, 6, True)
    take(maker, accepted(1, 1, codes.SELL, 4200, 15), fill(2, 501, 1, codes.SELL, 4200, 10, 10, 5))
    take(taker, accepted(4, 2, codes.BUY, 4200, 10), fill(5, 502, 2, codes.BUY, 4200, 10, 10, 0, taker=True, fee=7))
    return [maker, taker]


def view() -> dict[str, Any]:
    """The server's view of `pair`."""
    return {
        "accounts": [
            {"name": "WC.FEES", "cash": {"USD": 7}, "locked": {"USD": 0}, "positions": {}, "orders": []},
            {"name": "MM1-A", "cash": {"USD": DEPOSIT + 42_000}, "locked": {"USD": 1}, "positions": {"CUP-A": -10},
             "orders": [{"order": 1, "id": 1001, "price": 4200, "leaves": 5, "cum": 10}]},
            {"name": "CLIENT1-A", "cash": {"USD": DEPOSIT - 42_007}, "locked": {"USD": 0}, "positions": {"CUP-A": 10}, "orders": []},
        ],
        "sessions": [{"name": "MM1", "next_out": 3, "next_in": 2}, {"name": "CLIENT1", "next_out": 6, "next_in": 2}],
        "external": {"USD": 2 * DEPOSIT}, "orders": 2, "trades": 1, "fills": 2, "open_orders": 1,
    }  # fmt: skip
