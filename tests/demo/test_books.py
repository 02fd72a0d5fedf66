"""A client's own books: what follows from reports, what is inconsistent, and that both wires give the same report."""

from exchange_server.demo.books import FAULTS_MAX, Books
from exchange_server.demo.reports import Report, from_binary, from_fix
from protocol import codes
from protocol import messages as M
from protocol.fix_messages import FixMessage
from tests.demo.worldcup_rig import CUP, accepted, fill, pair, take


def test_cash_positions_and_fees_follow_from_fills() -> None:
    maker, taker = pair()
    assert (maker.cash, maker.positions, maker.fees) == (42_000, {"CUP-A": -10}, 0)
    assert (taker.cash, taker.positions, taker.fees) == (-42_007, {"CUP-A": 10}, 7)
    assert maker.open[1].leaves == 5 and not taker.open
    assert (maker.answered, maker.pending, maker.faults) == (1, {}, [])


def test_buying_no_is_selling_yes() -> None:
    books = Books("C", "C-A", "fix")
    books.ask(1003, 1, True)
    take(books, accepted(1, 3, codes.BUY, 5800, 4, no=True), fill(2, 600, 3, codes.BUY, 5700, 4, 4, 0, no=True))
    assert (books.cash, books.positions) == (4 * 4300, {"CUP-A": -4})
    assert (books.fills[0].side, books.fills[0].price) == (codes.SELL, 4300)


def test_what_does_not_fit_is_a_fault() -> None:
    def faults(*reports: Report) -> str:
        maker, _ = pair()
        return "\n".join(take(maker, *reports).faults)

    gone = Report(codes.E_CANCELED, 3, 700, 1001, 0, 1, "CUP-A", codes.SELL, cum=10)
    assert faults(gone) == ""
    assert "order 1 was taken out with 9 filled, here 10" in faults(gone._replace(cum=9))
    assert "order 8 was taken out, but it is not open" in faults(gone._replace(order=8))
    assert "a fill of order 1, which is not open (trade 2)" in faults(gone, fill(4, 701, 1, codes.SELL, 4200, 5, 15, 0, trade=2))
    assert "was filled at 4199, its limit is 4200" in faults(fill(3, 701, 1, codes.SELL, 4199, 5, 15, 0, trade=2))
    assert "a second answer, or one to nothing, under the ClOrdID 5" in faults(Report(codes.E_CANCEL_REJECT, 3, 700, 5, 1001, 1))
    status = Report(codes.E_STATUS, 3, 700, 1001, 0, 1, cum=10, leaves=5)
    assert faults(status) == "" and "has 10 filled and 4 open there, 10 and 5 here" in faults(status._replace(leaves=4))


def test_a_replace_moves_the_id_and_the_rest() -> None:
    maker, _ = pair()
    maker.ask(1009, 3, False)
    replaced = Report(codes.E_REPLACED, 3, 700, 1009, 1001, 1, "CUP-A", codes.SELL, price=4300, qty=20, cum=10, leaves=10)
    assert maker.apply(replaced) == 3 and maker.faults == []
    assert (maker.open[1].id, maker.open[1].price, maker.open[1].leaves) == (1009, 4300, 10)
    maker.ask(1010, 4, False)
    maker.apply(replaced._replace(number=4, exec=701, id=1010, orig=1001, leaves=9))
    assert "was replaced as 1001, here it is called 1009" in maker.faults[0] and "9 of 20 open" in maker.faults[1]


def test_doubt_takes_the_time_out_of_the_latency() -> None:
    books = Books("MM1", "MM1-A", "binary")
    books.ask(1001, 5, True)
    books.lost()
    books.lost()
    assert books.in_doubt == 1 and books.apply(accepted(1, 1, codes.SELL, 4200, 15)) == 0 and books.faults == []


def test_faults_are_counted_beyond_what_is_kept() -> None:
    books = Books("MM1", "MM1-A", "binary")
    for _ in range(FAULTS_MAX + 5):
        books.fault("x")
    assert (len(books.faults), books.fault_count) == (FAULTS_MAX, FAULTS_MAX + 5)


def fix(text: str) -> FixMessage:
    return FixMessage([(int(tag), value.encode()) for tag, _, value in (part.partition("=") for part in text.split("|"))])


def test_both_wires_make_the_same_reports() -> None:
    symbols = {7: "CUP-A"}
    binary = M.Fill(
        5, 502, 9, 1002, 2, 3, 7, codes.BUY, codes.YES, codes.ST_FILLED, codes.EF_TAKER, 4300, 10, 10, 0, 4200, 10, 42_000, 7, 1
    )
    told = fix(
        "35=8|34=5|37=2|11=1002|17=502|150=F|39=2|1=X|55=CUP-A|54=1|38=10|40=2|44=0.4300|59=1|32=10|31=0.4200|151=0|14=10|6=0.42|12=0.0007|13=3|851=2|527=1"
    )
    assert from_fix(told, CUP) == from_binary(binary, symbols)
    canceled = M.Canceled(6, 503, 9, 1004, 2, 3, 7, codes.SELL, codes.NO, 1002, codes.R_USER_CANCEL, 0, 4300, 10, 4, 0)
    told = fix("35=8|34=6|37=2|11=1004|41=1002|17=503|150=4|39=4|55=CUP-A|54=2|38=10|40=2|44=0.43|151=0|14=4|6=0")
    assert from_fix(told, CUP, {1002}) == from_binary(canceled, symbols)._replace(reason=0)
    settled = M.Settled(7, 504, 9, 3, 7, 1, 10_000, -10, -100_000, 5, 1, 1)
    told = fix("35=UMS|34=7|17=504|1=X|55=CUP-A|5101=1|5106=1|5102=1.0000|5103=-10|5104=-10.0000|5105=0.0005|60=x")
    assert from_fix(told, CUP) == from_binary(settled, symbols)
    refused = M.CancelRejected(8, 505, 9, 1005, 2, 3, 7, codes.BUY, codes.YES, 1002, codes.ST_FILLED, 0, codes.R_ORDER_CLOSED, 0, 0, 0)
    told = fix("35=9|34=8|37=2|11=1005|41=1002|39=2|434=1|102=0")
    a, b = from_fix(told, CUP), from_binary(refused, symbols)
    assert (a.kind, a.number, a.id, a.orig, a.order, a.status) == (b.kind, b.number, b.id, b.orig, b.order, b.status)
    sent = M.Sent(9, 506, 9, M.LogonReply(1, 1, 1, 1000))
    assert from_binary(sent, symbols).kind == codes.E_SENT


def test_corrections_and_busts_of_both_wires_are_the_same_reports() -> None:
    bust = M.Bust(9, 31, 0, 18, 1, 5, codes.SELL, codes.YES, 0, 4200, 10, 7, 3, -41_993, 1, 12)
    report = from_binary(bust, {1: "CUP-A"})
    assert (report.kind, report.order, report.symbol, report.last_price, report.last_qty, report.fee, report.trade) == (
        codes.E_BUST,
        5,
        "CUP-A",
        4200,
        10,
        7,
        3,
    )
    said = "17=31|11=1005|37=5|55=CUP-A|54=2|150=H|39=1|31=0.4200|32=10|12=0.0007|527=3"
    other = from_fix(fix("35=8|" + said), CUP)
    assert other._replace(number=9, id=0, status=0) == report
    corrected = M.TradeCorrected(9, 32, 0, 18, 1, 5, codes.SELL, codes.YES, 0, 4100, 8, 4200, 10, 8, 32_800, 6, 3, -9_199, 1, 12)
    report = from_binary(corrected, {1: "CUP-A"})
    assert report == from_binary(bust, {1: "CUP-A"})._replace(kind=codes.E_CORRECTED, exec=32, last_price=4100, last_qty=8, fee=6)
    said = "17=32|19=31|11=1005|37=5|55=CUP-A|54=2|150=G|39=1|31=0.4100|32=8|12=0.0006|527=3"
    assert from_fix(fix("35=8|" + said), CUP)._replace(number=9, id=0, status=0) == report
    reversed_ = M.Reversed(9, 31, 0, 18, 1, 1, codes.WHY_CORRECTION, 10_000, 0, -10, -100_000, 5, 0, 0, 2, 1)
    report = from_binary(reversed_, {1: "CUP-A"})
    assert (report.kind, report.reason, report.amount, report.position) == (codes.E_REVERSED, codes.WHY_CORRECTION, -100_000, -10)
    assert from_fix(fix("35=UMS|17=31|55=CUP-A|5130=10|5103=-10|5104=-10.0000"), CUP)._replace(number=9) == report
    paid = M.Settled(9, 31, 0, 18, 1, 1, 10_000, 10, 100_000, 5, 1, 1, "r", "s", "v", 0, "ab", "f")
    said = "17=31|55=CUP-A|5103=10|5104=10.0000|5108=r|5109=s|5112=ab"
    assert from_binary(paid, {1: "CUP-A"}) == from_fix(fix("35=UMS|" + said), CUP)._replace(number=9)
