"""A client's own books: every report, checked against earlier reports. No I/O, no clock.

Reports of both wires are one kind here (reports.py), so a maker on the binary wire and a taker on FIX keep the same books and the judge can
compare them. Nothing here asks the server: positions and cash follow from fills and fees alone. Every inconsistency is added to `faults` at
once.

Units: prices in ticks, quantities in lots, money in minor units. A position counts YES contracts; buying NO at p is selling YES at P - p. The
"position" of a spot pair is what was bought more than sold.
"""

import msgspec

from protocol import codes

from .reports import Contract, Report

FAULTS_MAX = 50  # sentences kept; further ones are only counted
OPEN = (codes.ST_NEW, codes.ST_PARTIAL)


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
    persist: bool = False


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
    settled: dict[str, tuple[int, int]] = {}  # symbol: position, amount paid, corrections after it included
    evidence: dict[str, tuple[str, str, str]] = {}  # symbol: rule, source and SHA-256 with which it was settled
    corrected: list[str] = []  # symbols of which a settlement was corrected
    busts: list[int] = []  # trades that were taken back
    lapsed: int = 0  # orders that going live cancelled
    stayed: set[int] = set()  # orders marked persist that rested beside one that going live cancelled
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
        elif kind == codes.E_REVERSED:
            self._reversed(report)
        elif kind == codes.E_BUST and contract is not None:
            self._bust(report, contract)
        elif kind == codes.E_CORRECTED and contract is not None:
            self._corrected(report, contract)
        elif kind == codes.E_STATUS:
            self._status(report)
        return 0

    def _accepted(self, report: Report) -> int:
        if report.order in self.open:
            self.fault(f"order {report.order} was accepted twice")
        self.orders.append(report.order)
        self.open[report.order] = OpenOrder(
            report.order,
            report.id,
            report.symbol,
            report.side,
            report.contract_side,
            report.price,
            report.qty,
            0,
            report.leaves,
            report.persist,
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
        side = codes.BUY if buys else codes.SELL
        self.fills.append(Fill(report.trade, report.exec, report.symbol, side, price, report.last_qty, report.fee, report.taker))
        self._book(self.fills[-1], contract, 1)

    def _closed(self, report: Report) -> None:
        order = self.open.pop(report.order, None)
        if order is None:
            self.fault(f"order {report.order} was taken out, but it is not open")
        elif order.cum != report.cum:
            self.fault(f"order {report.order} was taken out with {report.cum} filled, here {order.cum}")
        if order is not None and report.reason == codes.R_LAPSED:
            if order.persist:
                self.fault(f"order {report.order} lapsed when {report.symbol} went live, though it is marked persist")
            self.lapsed += 1
            self.stayed |= {other.order for other in self.open.values() if other.symbol == report.symbol and other.persist}

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
        self.evidence[report.symbol] = report.evidence
        self.cash += report.amount

    def _reversed(self, report: Report) -> None:
        """An entry of a correction after a result was final."""
        self.cash += report.amount
        if report.reason != codes.WHY_CORRECTION:
            return
        position, amount = self.settled.get(report.symbol, (0, 0))
        if position != report.position:
            self.fault(f"{report.symbol}: the payout of {report.position} contracts was corrected, {position} were settled")
        self.settled[report.symbol] = (position, amount + report.amount)
        self.corrected.append(report.symbol)

    def _bust(self, report: Report, contract: Contract) -> None:
        """A fill is taken back: position, money and fee as before it. The order stays as it is."""
        fill = next((fill for fill in self.fills if fill.trade == report.trade), None)
        yes = report.contract_side != codes.NO
        price = report.last_price if yes else contract.payout - report.last_price
        if fill is None or report.trade in self.busts or (fill.price, fill.qty, fill.fee) != (price, report.last_qty, report.fee):
            self.fault(f"trade {report.trade} was taken back with {report.last_qty} at {price} and fee {report.fee}, here it is {fill}")
            return
        self.busts.append(report.trade)
        self._book(fill, contract, -1)

    def _corrected(self, report: Report, contract: Contract) -> None:
        """A fill has other terms: it is taken back, and booked again. The order stays as it is."""
        at = next((i for i, fill in enumerate(self.fills) if fill.trade == report.trade), -1)
        if at < 0 or report.trade in self.busts or not 0 < report.last_qty <= self.fills[at].qty:
            self.fault(f"trade {report.trade} was corrected to {report.last_qty}, here it is {self.fills[at] if at >= 0 else None}")
            return
        old = self.fills[at]
        price = report.last_price if report.contract_side != codes.NO else contract.payout - report.last_price
        self.fills[at] = msgspec.structs.replace(old, exec=report.exec, price=price, qty=report.last_qty, fee=report.fee)
        self._book(old, contract, -1)
        self._book(self.fills[at], contract, 1)

    def _book(self, fill: Fill, contract: Contract, times: int) -> None:
        """Position, money and fee of a fill; times -1: taken back."""
        sign = times if fill.side == codes.BUY else -times
        self.positions[fill.symbol] = self.positions.get(fill.symbol, 0) + sign * fill.qty
        self.cash -= sign * fill.price * fill.qty * contract.tick_value + times * fill.fee
        self.fees += times * fill.fee

    def lost(self) -> None:
        """The connection was lost: unanswered requests are in doubt. Their times are discarded (no latency is measured from them)."""
        self.in_doubt += sum(when > 0 for when in self.pending.values())
        for id in self.pending:
            self.pending[id] = 0
