"""A client's own books: every report, checked against earlier reports. No I/O, no clock.

Reports of both wires become one `Report`, so that a maker on the binary wire and a taker on FIX keep the same books and the judge can
compare them. Nothing here asks the server: positions and cash follow from fills and fees alone. Every inconsistency is added to `faults` at
once.

Units: prices in ticks, quantities in lots, money in minor units. A position counts YES contracts; buying NO at p is selling YES at P - p. The
"position" of a spot pair is what was bought more than sold.
"""

from collections.abc import Container
from typing import NamedTuple

import msgspec

from protocol import codes
from protocol import messages as M
from protocol.fix_messages import FixMessage, scale

FAULTS_MAX = 50  # sentences kept; further ones are only counted
OPEN = (codes.ST_NEW, codes.ST_PARTIAL)


class Contract(NamedTuple):
    """What a client must know about an instrument."""

    symbol: str
    payout: int  # P in ticks; spot: 0
    tick_value: int  # minor units per tick and lot
    price_decimals: int
    asset_decimals: int
    base: str = ""  # spot: the asset that is bought and sold
    lot_base: int = 0  # spot: its minor units per lot
    high: int = 0  # the highest price, ticks


class Report(NamedTuple):
    """One report of either wire. kind: codes.E_*; number: of the session; exec: the execution id; id, orig: ClOrdIDs (0: none)."""

    kind: int
    number: int
    exec: int
    id: int = 0
    orig: int = 0
    order: int = 0
    symbol: str = ""
    side: int = 0
    contract_side: int = codes.YES
    status: int = 0
    reason: int = 0
    price: int = 0
    qty: int = 0
    cum: int = 0
    leaves: int = 0
    last_price: int = 0
    last_qty: int = 0
    fee: int = 0
    trade: int = 0
    taker: bool = False
    amount: int = 0  # settlement: amount paid, and the position it was paid for
    position: int = 0


class Fill(msgspec.Struct, array_like=True):
    """One side of a trade, in YES terms."""

    trade: int
    exec: int
    symbol: str
    side: int  # codes.BUY or SELL of YES
    price: int
    qty: int
    fee: int
    taker: bool


class OpenOrder(msgspec.Struct, array_like=True):
    """An order as known from its reports; price in the client's terms."""

    order: int
    id: int
    symbol: str
    side: int
    contract_side: int
    price: int
    qty: int
    cum: int
    leaves: int


class Books(msgspec.Struct):
    """The books of one session with one account. `cash`: change since the beginning, minor units."""

    session: str
    account: str
    wire: str
    cash: int = 0
    fees: int = 0
    positions: dict[str, int] = {}
    open: dict[int, OpenOrder] = {}  # by the exchange's order id
    orders: list[int] = []  # every order id ever assigned to this session
    fills: list[Fill] = []
    settled: dict[str, tuple[int, int]] = {}  # symbol: position, amount paid
    last_number: int = 0
    next_number: int = 1  # the next number that the session layer expects
    last_exec: int = 0
    execs: list[int] = []
    sent: int = 0  # requests
    answered: int = 0
    new_orders: int = 0
    refused: int = 0
    sees: int = 0  # instruments that the server shows to the session (binary wire)
    in_doubt: int = 0  # requests that were unanswered when the connection was lost
    sent_again: int = 0
    pending: dict[int, int] = {}  # id of an unanswered request: when it was sent
    faults: list[str] = []
    fault_count: int = 0

    def fault(self, text: str) -> None:
        self.fault_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(f"{self.session}: {text}")

    # ---------------------------------------------------------------------------------------------------- requests
    def ask(self, id: int, now_ns: int, new: bool) -> None:
        """Register a request with this `id` that is about to be sent."""
        if id in self.pending:
            self.fault(f"the request {id} was made twice")
        self.pending[id] = now_ns
        self.sent += 1
        self.new_orders += new

    def _answer(self, id: int) -> int:
        """The request is answered. Returns when it was sent, 0 if it was not waiting."""
        when = self.pending.pop(id, -1)
        if when < 0:
            self.fault(f"a second answer, or one to nothing, under the ClOrdID {id}")
            return 0
        self.answered += 1
        return when

    # ---------------------------------------------------------------------------------------------------- reports
    def apply(self, report: Report, contract: Contract | None = None) -> int:
        """Process one report. `contract`: that of report.symbol, for fills and settlements. If the report is the first answer to a request,
        returns when that was sent, else 0."""
        if report.number != self.last_number + 1 and self.wire == "binary":
            self.fault(f"report {report.number} came behind report {self.last_number}")
        if report.number <= self.last_number:
            self.fault(f"report {report.number} came again behind report {self.last_number}")
        self.last_number = max(report.number, self.last_number)
        if report.exec:
            if report.exec <= self.last_exec:
                self.fault(f"execution id {report.exec} came behind {self.last_exec}")
            self.last_exec = max(report.exec, self.last_exec)
            self.execs.append(report.exec)
        kind = report.kind
        if kind == codes.E_ACCEPTED:
            return self._accepted(report)
        if kind == codes.E_FILL and contract is not None:
            self._fill(report, contract)
        elif kind == codes.E_CANCELED or kind == codes.E_EXPIRED:
            self._closed(report)
            return self._answer(report.id) if report.orig else 0
        elif kind == codes.E_REPLACED:
            self._replaced(report)
            return self._answer(report.id)
        elif kind == codes.E_CANCEL_REJECT:
            return self._answer(report.id)
        elif kind == codes.E_REJECTED:
            self.refused += 1
            if report.order:
                self.orders.append(report.order)
            return self._answer(report.id)
        elif kind == codes.E_SETTLED and contract is not None:
            self._settle(report)
        elif kind == codes.E_STATUS:
            self._status(report)
        return 0

    def _accepted(self, report: Report) -> int:
        if report.order in self.open:
            self.fault(f"order {report.order} was accepted twice")
        self.orders.append(report.order)
        self.open[report.order] = OpenOrder(
            report.order, report.id, report.symbol, report.side, report.contract_side, report.price, report.qty, 0, report.leaves
        )
        if report.leaves != report.qty:
            self.fault(f"order {report.order} was accepted with {report.leaves} of {report.qty} open")
        return self._answer(report.id)

    def _fill(self, report: Report, contract: Contract) -> None:
        order = self.open.get(report.order)
        if order is None:
            self.fault(f"a fill of order {report.order}, which is not open (trade {report.trade})")
        else:
            order.cum += report.last_qty
            order.leaves -= report.last_qty
            if (order.cum, order.leaves) != (report.cum, report.leaves):
                self.fault(
                    f"trade {report.trade}: order {report.order} has {order.cum} filled and {order.leaves} open here, "
                    f"the report says {report.cum} and {report.leaves}"
                )
                order.cum, order.leaves = report.cum, report.leaves
            better = report.last_price <= order.price if order.side == codes.BUY else report.last_price >= order.price
            if not better:
                self.fault(f"trade {report.trade}: order {report.order} was filled at {report.last_price}, its limit is {order.price}")
            if report.leaves == 0:
                del self.open[report.order]
        yes = report.contract_side != codes.NO
        price = report.last_price if yes else contract.payout - report.last_price
        buys = (report.side == codes.BUY) == yes
        self.positions[report.symbol] = self.positions.get(report.symbol, 0) + (report.last_qty if buys else -report.last_qty)
        value = price * report.last_qty * contract.tick_value
        self.cash += (-value if buys else value) - report.fee
        self.fees += report.fee
        self.fills.append(
            Fill(
                report.trade,
                report.exec,
                report.symbol,
                codes.BUY if buys else codes.SELL,
                price,
                report.last_qty,
                report.fee,
                report.taker,
            )  # fmt: skip
        )

    def _closed(self, report: Report) -> None:
        order = self.open.pop(report.order, None)
        if order is None:
            self.fault(f"order {report.order} was taken out, but it is not open")
        elif order.cum != report.cum:
            self.fault(f"order {report.order} was taken out with {report.cum} filled, here {order.cum}")

    def _replaced(self, report: Report) -> None:
        order = self.open.get(report.order)
        if order is None:
            self.fault(f"order {report.order} was replaced, but it is not open")
            return
        if order.id != report.orig:
            self.fault(f"order {report.order} was replaced as {report.orig}, here it is called {order.id}")
        if report.cum != order.cum or report.leaves != report.qty - report.cum:
            self.fault(
                f"order {report.order} was replaced with {report.cum} filled and {report.leaves} of {report.qty} open, here {order.cum}"
            )
        order.id, order.price, order.qty, order.leaves = report.id, report.price, report.qty, report.leaves

    def _status(self, report: Report) -> None:
        """The state of an order that we requested, or the answer to a repeat: it must agree with our books."""
        order = self.open.get(report.order)
        if order is not None and (report.cum, report.leaves) != (order.cum, order.leaves):
            self.fault(f"order {report.order} has {report.cum} filled and {report.leaves} open there, {order.cum} and {order.leaves} here")

    def _settle(self, report: Report) -> None:
        if report.symbol in self.settled:
            self.fault(f"{report.symbol} was settled twice")
        held = self.positions.pop(report.symbol, 0)
        if held != report.position:
            self.fault(f"{report.symbol}: {report.position} contracts were settled, {held} are held")
        self.settled[report.symbol] = (report.position, report.amount)
        self.cash += report.amount

    def lost(self) -> None:
        """The connection was lost: unanswered requests are in doubt. Their times are discarded (no latency is measured from them)."""
        self.in_doubt += sum(when > 0 for when in self.pending.values())
        for id in self.pending:
            self.pending[id] = 0


# ------------------------------------------------------------------------------------------------------------ the two wires
_KINDS: dict[type, int] = {
    M.Accepted: codes.E_ACCEPTED,
    M.Rejected: codes.E_REJECTED,
    M.Fill: codes.E_FILL,
    M.Canceled: codes.E_CANCELED,
    M.Replaced: codes.E_REPLACED,
    M.CancelRejected: codes.E_CANCEL_REJECT,
    M.Expired: codes.E_EXPIRED,
    M.OrderStatus: codes.E_STATUS,
}


def from_binary(message: M.Numbered, symbols: dict[int, str]) -> Report:
    """A numbered message of the binary wire; `symbols` by instrument id."""
    m = message
    kind = _KINDS.get(type(m))
    if isinstance(m, M.Fill):
        return Report(
            codes.E_FILL, m.number, m.event, m.id, 0, m.order, symbols[m.instrument], m.side, m.contract_side, m.status, 0, m.price, m.qty,
            m.cum, m.leaves, m.last_price, m.last_qty, m.fee, m.trade, bool(m.flags & codes.EF_TAKER),
        )  # fmt: skip
    if kind is not None:
        assert isinstance(m, M.OrderReport)
        return Report(
            kind, m.number, m.event, m.id, getattr(m, "orig", 0), m.order, symbols.get(m.instrument, ""), m.side, m.contract_side, m.status,  # type: ignore[attr-defined]
            getattr(m, "reason", 0), getattr(m, "price", 0), getattr(m, "qty", 0), getattr(m, "cum", 0), getattr(m, "leaves", 0),
        )  # fmt: skip
    if isinstance(m, M.Settled):
        return Report(codes.E_SETTLED, m.number, m.event, symbol=symbols[m.instrument], amount=m.amount, position=m.position)
    return Report(codes.E_SENT, m.number, m.event)


_EXEC_TYPES = {b"0": codes.E_ACCEPTED, b"8": codes.E_REJECTED, b"F": codes.E_FILL, b"4": codes.E_CANCELED, b"5": codes.E_REPLACED}
_EXEC_TYPES |= {b"C": codes.E_EXPIRED, b"I": codes.E_STATUS}
_STATUS = {text.encode(): status for status, text in codes.ORD_STATUS_FIX.items()}


def from_fix(message: FixMessage, contracts: dict[str, Contract], no: Container[int] = ()) -> Report:
    """A FIX application message. Our ClOrdIDs are numbers, so that the books are those of the binary wire. `no`: our orders for NO
    contracts; reports with standard fields only do not contain the contract side, so the client must remember it."""
    number = message.seq or 0
    kind = message.msg_type
    get = message.get
    if kind == "9":
        return Report(codes.E_CANCEL_REJECT, number, 0, int(get(11)), int(get(41, b"0")), _number(get(37)), status=_STATUS.get(get(39), 0))
    if kind not in ("8", "UMS"):
        return Report(codes.E_SENT, number, 0)
    symbol = message.text(55)
    contract = contracts.get(symbol)
    places = contract.price_decimals if contract else 0
    money = contract.asset_decimals if contract else 0

    def amount(tag: int, decimals: int) -> int:
        value = get(tag)
        return scale(value, decimals)[0] if value else 0

    if kind == "UMS":
        return Report(codes.E_SETTLED, number, int(get(17)), symbol=symbol, amount=amount(5104, money), position=amount(5103, 0))
    id, orig = _number(get(11)), _number(get(41))
    return Report(
        _EXEC_TYPES[get(150)], number, int(get(17)), id, orig, _number(get(37)), symbol, int(get(54)),
        codes.NO if id in no or orig in no else codes.YES, _STATUS.get(get(39), 0), _number(get(103)), amount(44, places), amount(38, 0),
        amount(14, 0), amount(151, 0), amount(31, places), amount(32, 0), amount(12, money), _number(get(527)), get(851) == b"2",
    )  # fmt: skip


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0
