"""A client's view of its own orders: open orders, built from reports, and requests that are not answered yet. No I/O, no clock.

A request is answered by exactly one report. A report about a request of another session of the firm (codes.EF_UNSOLICITED) answers none.
After a reconnect, when all missed reports have arrived, a request that is still unanswered never took effect and is sent again with the
same id: the exchange answers a repeat of an order with its state and never creates a second order.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from . import codes, errors, numbers
from . import messages as M

OPEN = (codes.ST_NEW, codes.ST_PARTIAL, codes.ST_PENDING)

RequestMessage: TypeAlias = M.NewOrder | M.CancelOrder | M.ReplaceOrder | M.MassCancel | M.SplitSets | M.MergeSets | M.OrderStatusRequest
Answer: TypeAlias = (
    M.Accepted | M.Rejected | M.OrderStatus | M.Canceled | M.Replaced | M.CancelRejected | M.MassCancelDone | M.Moved | M.Refused
    | M.MessageRefused
)  # fmt: skip


def shown_with(definition: M.Definition | None, reason: int, side: int = codes.BUY) -> Callable[[int], str]:
    """How to write the numbers of a refusal: as decimals of the instrument or its asset. Without a definition, or where the reason has
    plain numbers, as they are. side: of the order, because a spot sell is paid in the base asset."""
    if definition is None:
        return str
    if reason in errors.PRICES:
        decimals = definition.price_decimals
    elif reason in errors.QUANTITIES:
        decimals = definition.qty_decimals
    elif reason in errors.MONEY and side == codes.SELL and definition.product == codes.SPOT:
        if str(definition.lot_base).strip("0") != "1":
            return str  # not a power of ten: the decimals of the base asset cannot be derived
        decimals = definition.qty_decimals + len(str(definition.lot_base)) - 1
    elif reason in errors.MONEY or reason in errors.NOTIONALS:
        decimals = definition.asset_decimals
    else:
        return str
    return lambda value: numbers.unscaled(value, decimals)


def refusal(answer: Answer, definition: M.Definition | None = None) -> tuple[int, str]:
    """(codes.OK, "") if the request succeeded, else (reason, the sentence for it with its numbers). definition: of the instrument that the
    answer is about; with it, prices, quantities and money are decimal numbers, without it ticks, lots and minor units."""
    if isinstance(answer, M.Rejected | M.CancelRejected | M.Refused):
        show = shown_with(definition, answer.reason, getattr(answer, "side", codes.BUY))
        return answer.reason, errors.text(answer.reason, answer.limit, answer.used, answer.asked, show)
    if isinstance(answer, M.MessageRefused):
        return answer.reason, answer.text
    if isinstance(answer, M.MassCancelDone) and answer.reason not in (codes.OK, codes.R_MASS_CANCEL):
        named = {codes.R_BAD_SCOPE: answer.scope, codes.R_UNKNOWN_ACCOUNT: answer.account}.get(answer.reason, answer.instrument)
        return answer.reason, errors.text(answer.reason, asked=named)
    if isinstance(answer, M.OrderStatus) and answer.status in (codes.ST_NONE, codes.ST_REJECTED):
        return answer.reason, errors.text(answer.reason)
    return codes.OK, ""


class Request:
    """One message that expects an answer. `answer` is None until it arrives; `done`, if set, is then called once."""

    __slots__ = ("answer", "done", "message", "sent")

    def __init__(self, message: RequestMessage) -> None:
        self.message = message
        self.answer: Answer | None = None
        self.done: Callable[[Request], None] | None = None
        self.sent = 0  # how often it was sent


class Order:
    """One order, as known from its reports. Prices in ticks of the client's side (NO ticks for a NO order), quantities in lots.

    id: the newest ClOrdID (a replace changes it), 0 if it was entered with a text id. order: the exchange's id, 0 until accepted.
    status: codes.ST_*, ST_NONE until the first report. reason: why it was refused, canceled or expired. fee: minor units so far.
    """

    __slots__ = (
        "account", "closed", "contract_side", "cum", "fee", "fills", "id", "instrument", "leaves", "notional", "order", "price", "qty",
        "reason", "request", "side", "status", "text", "tif", "type",
    )  # fmt: skip

    def __init__(self, id: int, account: int, instrument: int, side: int, contract_side: int, price: int, qty: int) -> None:
        self.id = id
        self.order = 0
        self.account = account
        self.instrument = instrument
        self.side = side
        self.contract_side = contract_side
        self.type = codes.LIMIT
        self.tif = codes.GTC
        self.price = price
        self.qty = qty
        self.cum = 0
        self.leaves = qty
        self.notional = 0
        self.fee = 0
        self.fills = 0
        self.status = codes.ST_NONE
        self.reason = codes.OK
        self.text = ""
        self.request: Request | None = None  # the NewOrder that created it; None: known only from reports
        self.closed: Callable[[Order], None] | None = None  # called once, when the order is no longer open

    @property
    def open(self) -> bool:
        """Whether it can still trade. An order without any report yet counts as open."""
        return self.status in OPEN or self.status == codes.ST_NONE

    @property
    def average_price(self) -> float:
        """Average price of its fills in ticks; 0.0 if there are none."""
        return self.notional / self.cum if self.cum else 0.0

    def __repr__(self) -> str:
        side = "buy" if self.side == codes.BUY else "sell"
        status = _STATUS.get(self.status, str(self.status))
        return f"<Order {self.id} {side} {self.qty} of {self.instrument} @ {self.price}: {status}, {self.cum} filled>"


_STATE = ("id", "order", "account", "type", "tif", "status", "price", "qty", "cum", "leaves", "notional", "fee")
_STATUS = {getattr(codes, name): name[3:].lower() for name in dir(codes) if name.startswith("ST_")}


class OrderTracker:
    """Unanswered requests and open orders of one session. Give it every numbered report, in order. definitions: of the instruments, by id;
    the texts of refused orders use their decimals."""

    def __init__(self, definitions: Mapping[int, M.Definition] = {}) -> None:
        self.definitions = definitions
        self.orders: dict[int, Order] = {}  # open orders by ClOrdID; an order with a text id (from FIX) by minus the exchange's id
        self._by_order: dict[int, Order] = {}  # by the exchange's id
        self._requests: dict[int, Request] = {}  # by request id, in order of sending
        self._status: dict[int, list[Request]] = {}  # status requests by the id they ask about

    def __len__(self) -> int:
        return len(self._requests) + sum(map(len, self._status.values()))

    def add(self, message: RequestMessage) -> Request:
        """Register a request that is about to be sent. Raises ValueError if another unanswered request has the same id."""
        request = Request(message)
        if isinstance(message, M.OrderStatusRequest):
            self._status.setdefault(message.id, []).append(request)
            return request
        if message.id in self._requests:
            raise ValueError(f"the id {message.id} belongs to a request that is not answered yet")
        self._requests[message.id] = request
        return request

    def new_order(self, message: M.NewOrder) -> Order:
        """Register a NewOrder that is about to be sent; the returned Order follows its reports. Raises ValueError if its id is in use."""
        if message.id in self.orders:
            raise ValueError(f"the id {message.id} belongs to an order that is open")
        request = self.add(message)
        order = Order(
            message.id, message.account, message.instrument, message.side, message.contract_side, message.price, message.qty
        )  # fmt: skip
        order.type, order.tif, order.request = message.type, message.tif, request
        self.orders[order.id] = order
        return order

    def restore(self, state: M.OpenOrder) -> Order:
        """Take in an open order of this session, as the exchange tells it in answer to an AccountRequest, that is not known here. The reports
        from the answer's number on then follow it."""
        order = Order(state.id, state.account, state.instrument, state.side, state.contract_side, state.price, state.qty)
        order.order, order.type, order.tif, order.status = state.order, state.type, state.tif, state.status
        order.cum, order.leaves, order.notional, order.fee = state.cum, state.leaves, state.notional, state.fee
        self.orders[self._place(order)] = self._by_order[order.order] = order
        return order

    def adopt(self, other: "OrderTracker") -> list[Order]:
        """Make the open orders those of `other`, which was rebuilt: objects that are known here stay and are put right. Returns those that
        were open here and are not there; what happened to them is not known. Orders that are not answered yet are left alone."""
        for theirs in list(other.orders.values()):
            ours = self._by_order.get(theirs.order) or self.orders.get(theirs.id)
            if ours is None:
                ours = theirs
            elif ours is not theirs:
                if self.orders.get(self._place(ours)) is ours:
                    del self.orders[self._place(ours)]
                for name in _STATE:
                    setattr(ours, name, getattr(theirs, name))
            self.orders[self._place(ours)] = self._by_order[ours.order] = ours
        return [order for order in self.orders.values() if order.order and order.order not in other._by_order]

    def forget(self, order: Order) -> None:
        """Close an order about which the exchange knows nothing any more."""
        order.leaves = 0
        self._close(order, codes.ST_CANCELED)

    def unanswered(self) -> Iterator[Request]:
        """Unanswered requests, in the order in which they were made; status requests last."""
        yield from list(self._requests.values())
        for waiting in list(self._status.values()):
            yield from waiting

    def apply(self, report: M.Numbered) -> Order | None:
        """Process one report; returns the order that it is about, if any."""
        order: Order | None = None
        if isinstance(report, M.OrderReport):
            order = self._order_report(report)
        if isinstance(report, M.OrderStatus):
            self._answer_status(report)
        if isinstance(report, M.Sent):
            if isinstance(report.body, M.MessageRefused):
                self._answer(report.body.id, report.body)
        elif isinstance(report, M.Canceled | M.Replaced) and report.flags & codes.EF_UNSOLICITED:
            pass  # not requested here: the id may be that of another session's request
        elif not isinstance(report, M.Fill | M.Expired | M.Settled | M.Reversed | M.Bust | M.TradeCorrected | M.PositionSplit):
            self._answer(report.id, report)
        return order

    # ------------------------------------------------------------------------------------------------------- inwards
    def _answer(self, id: int, answer: Answer) -> None:
        request = self._requests.get(id)
        if request is None:
            return
        message = request.message
        if isinstance(answer, M.OrderStatus) and (answer.status == codes.ST_NONE or not isinstance(message, M.NewOrder)):
            return  # the state of an order does not answer a cancel that has the same id; "there is none" answers a question from before the order
        del self._requests[id]
        if isinstance(answer, M.MessageRefused) and isinstance(message, M.NewOrder):
            order = self.orders.get(id)
            if order is not None:
                order.reason, order.text, order.leaves = answer.reason, answer.text, 0
                self._close(order, codes.ST_REJECTED)
        self._finish(request, answer)

    def _answer_status(self, report: M.OrderStatus) -> None:
        for id in {report.id, report.orig}:
            for request in self._status.pop(id, ()):
                self._finish(request, report)

    def _finish(self, request: Request, answer: Answer) -> None:
        request.answer = answer
        if request.done is not None:
            request.done(request)

    def _find(self, report: M.OrderReport) -> Order | None:
        order = self._by_order.get(report.order) if report.order else None
        return order or self.orders.get(report.id) or self.orders.get(getattr(report, "orig", 0))

    def _place(self, order: Order) -> int:
        return order.id or -order.order

    def _order_report(self, report: M.OrderReport) -> Order | None:
        order = self._find(report)
        if order is None:
            if not isinstance(report, M.Accepted | M.Replaced | M.Fill | M.OrderStatus) or report.status not in OPEN:
                return None
            if isinstance(report, M.Replaced) and report.flags & codes.EF_OTHER_SESSION:
                return None  # another session's order, replaced from here: its fills are reported there, so it cannot be followed
            order = Order(  # entered before this client started
                report.id, report.account, report.instrument, report.side, report.contract_side, report.price, report.qty
            )  # fmt: skip
            order.order = report.order
            self.orders[self._place(order)] = order
            self._by_order[report.order] = order
        if report.order and not order.order:
            order.order = report.order
            self._by_order[report.order] = order
        if report.account and not isinstance(report, M.CancelRejected):
            order.account = report.account
        if isinstance(report, M.Accepted):
            order.price, order.leaves, order.status = report.price, report.leaves, codes.ST_NEW
        elif isinstance(report, M.Fill):
            order.fills += 1
            order.fee += report.fee
            order.cum, order.leaves, order.notional = report.cum, report.leaves, report.notional
            self._close(order, report.status)
        elif isinstance(report, M.Replaced):
            if self.orders.get(self._place(order)) is order:
                del self.orders[self._place(order)]
            order.id, order.price, order.qty = report.id, report.price, report.qty
            order.cum, order.leaves, order.notional = report.cum, report.leaves, report.notional
            self.orders[self._place(order)] = order
            self._close(order, report.status)
        elif isinstance(report, M.Canceled | M.Expired):
            order.cum, order.notional, order.leaves, order.reason = report.cum, report.notional, 0, report.reason
            self._close(order, report.status)
        elif isinstance(report, M.Rejected):
            order.leaves, order.reason = 0, report.reason
            order.text = refusal(report, self.definitions.get(report.instrument))[1]
            self._close(order, codes.ST_REJECTED)
        elif isinstance(report, M.OrderStatus) and report.id == order.id:
            if report.status == codes.ST_NONE:
                return order  # unknown to the exchange, or not yet known: the answer to its NewOrder follows
            order.price, order.qty = report.price, report.qty
            order.cum, order.leaves, order.notional, order.reason = report.cum, report.leaves, report.notional, report.reason
            self._close(order, report.status)
        return order

    def _close(self, order: Order, status: int) -> None:
        """Set the status; an order that is no longer open leaves the tables."""
        order.status = status
        if status in OPEN:
            return
        if self.orders.get(self._place(order)) is order:
            del self.orders[self._place(order)]
        self._by_order.pop(order.order, None)
        if order.closed is not None:
            order.closed(order)
            order.closed = None
