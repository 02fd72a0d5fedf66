"""The judge finds a lost report, a duplicated fill, a wrong sum: each check gets an error that it must find."""

from typing import Any

import pytest

from exchange_server.demo import judge
from exchange_server.demo.books import Books
from exchange_server.demo.reports import Contract, Report
from protocol import codes
from tests.demo.worldcup_rig import CUP, DEPOSIT, accepted, fill, pair, take, view


def all_of(books: list[Books], server: dict[str, Any]) -> list[str]:
    """Every check that can be made while orders rest."""
    found = [text for book in books for text in judge.client(book, server, "USD", {"USD": DEPOSIT}, {"USD": 4}, CUP)]
    found += judge.trades(books, server["trades"]) + judge.fills(books, server) + judge.executions(books)
    return found + judge.orders(books, server["orders"]) + judge.money(server, books, "USD", 4)


def test_what_agrees_is_right() -> None:
    assert all_of(pair(), view()) == []


def test_a_lost_fill() -> None:
    maker, _ = pair()
    taker = Books("CLIENT1", "CLIENT1-A", "fix")
    taker.ask(1002, 6, True)
    take(taker, accepted(4, 2, codes.BUY, 4200, 10))
    found = "\n".join(all_of([maker, taker], view()))
    assert "trade 1 has 1 sides" in found and "the clients have 1 fills, the server made 2" in found
    assert "CLIENT1: cash is 100.0000 USD here and 95.7993 USD at the server" in found
    assert "CLIENT1: 0 contracts of CUP-A here, 10 at the server" in found
    assert "CLIENT1: order 2 is open as 1002 with 10 left and 0 filled here and not open at the server" in found
    assert "CLIENT1: number 5 is expected next here, the server has sent up to 5" in found


def test_a_lost_report_on_the_binary_wire_shows_at_once() -> None:
    books = Books("MM1", "MM1-A", "binary")
    take(books, accepted(1, 1, codes.SELL, 4200, 15), fill(3, 501, 1, codes.SELL, 4200, 10, 10, 5))
    assert "MM1: report 3 came behind report 1" in books.faults


def test_a_doubled_fill() -> None:
    maker, taker = pair()
    take(maker, fill(3, 501, 1, codes.SELL, 4200, 10, 10, 5))
    found = "\n".join(all_of([maker, taker], view()))
    assert "execution id 501 came behind 501" in found and "1 execution ids came more than once: 501" in found
    assert "order 1 has 20 filled and -5 open here, the report says 10 and 5" in found
    assert "trade 1 has 3 sides" in found and "10 more" not in judge.trades([maker, taker], 1)[0]
    assert "-10 more contracts were bought than sold" in found


def test_a_report_that_comes_twice() -> None:
    maker, _ = pair()
    take(maker, fill(2, 501, 1, codes.SELL, 4200, 10, 10, 5))
    assert any("report 2 came again behind report 2" in text for text in maker.faults)


def test_an_order_accepted_twice_and_one_that_nobody_has() -> None:
    maker, taker = pair()
    take(maker, accepted(3, 1, codes.SELL, 4200, 15))
    assert any("order 1 was accepted twice" in text for text in maker.faults)
    assert any("under the ClOrdID 1001" in text for text in maker.faults)
    assert judge.orders([maker, taker], 3) == ["1 order ids of 1..3 were lost: 3", "1 order ids came more than once: 1"]
    assert judge.orders([taker], 1) == ["1 order ids of 1..1 were lost: 1", "1 order ids are not the server's: 2"]


def test_one_clordid_with_two_orders() -> None:
    maker, taker = pair()
    maker.ask(1003, 1, True)
    twin = accepted(3, 3, codes.SELL, 4300, 1)._replace(id=1001)
    take(maker, twin)
    assert judge.orders([maker, taker], 3) == ["MM1: ClOrdIDs with two open orders: 1001"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda v: v["accounts"][1]["cash"].update(USD=DEPOSIT + 41_999), "MM1: cash is 104.2000 USD here and 104.1999 USD at the server"),
        (lambda v: v["accounts"][0]["cash"].update(USD=8), "the accounts hold 200.0001 USD, 200.0000 USD were paid in"),
        (lambda v: v["accounts"][0]["cash"].update(USD=8), "the fee accounts hold 0.0008 USD, the 2 clients paid 0.0007 USD"),
        (lambda v: v["accounts"][2]["positions"].clear(), "CLIENT1: 10 contracts of CUP-A here, 0 at the server"),
        (lambda v: v["accounts"][1]["orders"].clear(), "MM1: order 1 is open as 1001 with 5 left and 10 filled here and not open"),
        (lambda v: v["accounts"][1]["orders"][0].update(leaves=4), "with 5 left and 10 filled here and open as 1001 with 4 left"),
        (lambda v: v["accounts"].pop(2), "the server has no account CLIENT1-A"),
        (lambda v: v["sessions"].pop(0), "MM1: the server does not know the session"),
        (lambda v: v.update(trades=2), "1 trades of 1..2 were lost: 2"),
        (lambda v: v.update(fills=4), "the clients have 2 fills, the server made 4"),
    ],
)
def test_a_server_that_says_otherwise(change: Any, sentence: str) -> None:
    server = view()
    change(server)
    assert sentence in "\n".join(all_of(pair(), server))


def test_sides_of_a_trade_that_do_not_fit() -> None:
    for change in ({"price": 4201}, {"qty": 9}, {"symbol": "CUP-B"}, {"side": codes.SELL}, {"taker": False}):
        maker, taker = pair()
        for name, value in change.items():
            setattr(taker.fills[0], name, value)
        assert "its two sides do not fit" in judge.trades([maker, taker], 1)[0], change


def test_a_request_without_an_answer() -> None:
    maker, _ = pair()
    maker.ask(77, 1, False)
    assert judge.client(maker, view(), "USD", {"USD": DEPOSIT}, {"USD": 4}, CUP) == ["MM1: 1 requests have no answer: 77"]


def settled(book: Books, symbol: str, position: int, amount: int) -> Books:
    number = book.last_number + 1
    return take(book, Report(codes.E_SETTLED, number, 900 + number, symbol=symbol, position=position, amount=amount))


def test_settlement() -> None:
    paid = {"CUP-A": 10_000, "CUP-B": 0}
    after = pair()
    after[0].open.clear()
    settled(after[0], "CUP-A", -10, -100_000), settled(after[1], "CUP-A", 10, 100_000)
    assert judge.settlements(after, paid, CUP) == []
    assert (after[0].cash, after[1].cash) == (42_000 - 100_000, -42_007 + 100_000)
    forgotten = judge.settlements(pair(), paid, CUP)
    assert forgotten[0] == "MM1: still holds {'CUP-A': -10} after the settlement" and "MM1: 1 orders are open after the close" in forgotten
    wrong = [after[0], settled(pair()[1], "CUP-A", 10, 99_999)]
    assert judge.settlements(wrong, paid, CUP) == ["CLIENT1: 10 of CUP-A pay 10.0000, the report says 9.9999"]
    early = judge.settlements([after[1]], {}, CUP)
    assert early == ["CLIENT1: 10 of CUP-A pay 0.0000, the report says 10.0000"], "it is not final"
    twice = settled(settled(pair()[1], "CUP-A", 10, 100_000), "CUP-A", 10, 100_000)
    assert any("CUP-A was settled twice" in text for text in twice.faults)
    assert any("10 contracts were settled, 0 are held" in text for text in twice.faults)
    extra = settled(settled(pair()[1], "CUP-A", 10, 100_000), "CUP-B", 1, 0)
    assert any("CUP-B: 1 contracts were settled, 0 are held" in text for text in extra.faults)


def test_results_against_the_facts() -> None:
    assert judge.results({"CUP-A": 10_000, "CUP-B": 0}, {"CUP-A": 10_000, "CUP-B": 0}) == []
    found = judge.results({"CUP-A": 9_999}, {"CUP-A": 10_000, "CUP-B": 0})
    assert found == ["CUP-A paid 9999 ticks, by the facts it pays 10000", "1 contracts were not paid: CUP-B"]


def test_a_spot_pair_moves_two_assets() -> None:
    pairs = {"X": Contract("X", 0, 1, 2, 4, "BTC", 10, 1_000_000)}
    books = Books("MM1", "MM1-A", "binary", positions={"X": 3}, cash=-30, next_number=3)
    account = {"name": "MM1-A", "cash": {"USD": 70, "BTC": 35}, "locked": {}, "positions": {}, "orders": []}
    server = {"accounts": [account], "sessions": [{"name": "MM1", "next_out": 3, "next_in": 1}]}
    assert judge.client(books, server, "USD", {"USD": 100, "BTC": 5}, {"USD": 4, "BTC": 8}, pairs) == []
    account["cash"]["BTC"] = 34  # type: ignore[index]
    found = judge.client(books, server, "USD", {"USD": 100, "BTC": 5}, {"USD": 4, "BTC": 8}, pairs)
    assert found == ["MM1: cash is 0.00000035 BTC here and 0.00000034 BTC at the server"]


def test_market_data_against_the_server() -> None:
    markets = [
        {"price_decimals": 4, "contracts": [{"symbol": "CUP-A", "bid": 41, "ask": None}, {"symbol": "CUP-B", "bid": None, "ask": None}]}
    ]
    assert judge.best_prices({"CUP-A": [41, None], "CUP-B": [None, None]}, markets) == []
    assert judge.best_prices({"CUP-A": [40, None]}, markets) == [
        "CUP-A: market data made bid 0.0040, ask none, the server has bid 0.0041, ask none"
    ]


def test_whole() -> None:
    assert judge.whole("ids", [3, 1, 2], 3) == []
    assert judge.whole("ids", [1, 1, 4], 3) == [
        "2 ids of 1..3 were lost: 2, 3",
        "1 ids came more than once: 1",
        "1 ids are not the server's: 4",
    ]
    assert judge.whole("ids", [], 9) == ["9 ids of 1..9 were lost: 1, 2, 3, 4, 5 and 4 more"]


# ---- what happens to a market beside its plain course
def payout(position: int, amount: int, number: int = 3, told: tuple[str, str, str] = ("r", "s", "ab")) -> Report:
    return Report(codes.E_SETTLED, number, 700, symbol="CUP-A", amount=amount, position=position, evidence=told)


def test_a_correction_reaches_who_was_paid_and_nobody_else() -> None:
    maker, taker = pair()
    take(
        maker, payout(-10, 0), Report(codes.E_REVERSED, 4, 701, symbol="CUP-A", reason=codes.WHY_CORRECTION, amount=-100_000, position=-10)
    )
    take(
        taker, payout(10, 0, 6), Report(codes.E_REVERSED, 7, 702, symbol="CUP-A", reason=codes.WHY_CORRECTION, amount=100_000, position=10)
    )
    assert judge.corrected([maker, taker], ["CUP-A"]) == [] and maker.faults == taker.faults == []
    assert judge.settlements([maker, taker], {"CUP-A": 10_000}, CUP) == ["MM1: 1 orders are open after the close"]
    assert "MM1: was told corrections of ['CUP-A'], it was paid for []" in judge.corrected([maker, taker], [])
    taker.corrected = []
    assert judge.corrected([maker, taker], ["CUP-A"]) == ["CLIENT1: was told corrections of [], it was paid for ['CUP-A']"]
    assert "no client was told" in judge.corrected(pair(), ["CUP-A"])[0]
    wrong = take(
        Books("MM2", "MM2-A", "binary"), Report(codes.E_REVERSED, 1, 1, symbol="CUP-A", reason=codes.WHY_CORRECTION, amount=5, position=2)
    )
    assert wrong.faults == ["MM2: CUP-A: the payout of 2 contracts was corrected, 0 were settled"]


def test_a_bust_is_told_to_both_sides() -> None:
    maker, taker = pair()
    back = Report(codes.E_BUST, 3, 700, symbol="CUP-A", side=codes.SELL, last_price=4200, last_qty=10, fee=0, trade=1)
    take(maker, back)
    assert judge.busts([maker, taker], [1]) == ["trade 1: 1 sides were taken back, expected 2"]
    take(taker, back._replace(number=6, side=codes.BUY, fee=7))
    assert judge.busts([maker, taker], [1]) == [] and maker.faults == taker.faults == []
    assert [(book.cash, book.positions, book.fees) for book in (maker, taker)] == [(0, {"CUP-A": 0}, 0)] * 2
    assert judge.busts([maker, taker], []) == ["trade 1: 2 sides were taken back, expected 0", "no trade was taken back"]
    take(maker, back._replace(number=4, exec=701))
    assert "trade 1 was taken back with 10 at 4200" in maker.faults[0]
    assert "trade 1 was taken back with 9 at 4200" in take(pair()[0], back._replace(last_qty=9)).faults[0]


def test_a_corrected_trade_is_booked_at_its_new_terms_and_can_still_be_taken_back() -> None:
    maker, taker = pair()
    told = Report(codes.E_CORRECTED, 3, 700, symbol="CUP-A", side=codes.SELL, last_price=4100, last_qty=8, fee=0, trade=1)
    take(maker, told)
    take(taker, told._replace(number=6, side=codes.BUY, fee=6))
    assert [(book.cash, book.positions, book.fees, book.faults) for book in (maker, taker)] == [
        (32_800, {"CUP-A": -8}, 0, []), (-32_806, {"CUP-A": 8}, 6, []),
    ]  # fmt: skip
    assert "trade 1 was corrected to 9" in take(pair()[0], told, told._replace(number=4, exec=701, last_qty=9)).faults[0]
    take(maker, told._replace(kind=codes.E_BUST, number=4, exec=701))
    assert (maker.cash, maker.positions, maker.faults) == (0, {"CUP-A": 0}, [])


def test_evidence_that_reaches_the_clients_is_that_of_the_facts() -> None:
    books = [take(pair()[0], payout(-10, 0))]
    assert judge.evidence(books, {"CUP-A": ("r", "s", "ab")}) == []
    assert "CUP-A was settled by ('r', 's', 'ab')" in judge.evidence(books, {"CUP-A": ("r", "s", "cd")})[0]
    assert "by the facts it is None" in judge.evidence(books, {})[0]
    assert judge.evidence(pair(), {}) == ["no settlement reached a client"]


def test_going_live_takes_what_is_not_marked_persist() -> None:
    def going_live(persist: bool) -> Books:
        books = Books("MM1", "MM1-A", "binary")
        for id in (1001, 1002):
            books.ask(id, 5, True)
        stays = accepted(1, 1, codes.BUY, 100, 5)._replace(persist=True)
        goes = accepted(2, 2, codes.BUY, 100, 5)._replace(persist=persist)
        return take(books, stays, goes, Report(codes.E_CANCELED, 3, 700, 0, 0, 2, "CUP-A", codes.BUY, reason=codes.R_LAPSED))

    right = going_live(False)
    assert judge.persisted([right]) == [] and right.faults == [] and right.stayed == {1} and right.lapsed == 1
    assert "MM1: order 2 lapsed when CUP-A went live, though it is marked persist" in going_live(True).faults
    assert judge.persisted(pair()) == ["no order lapsed when a market went live", "no order marked persist rested beside one that lapsed"]
