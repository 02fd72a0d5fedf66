"""Orders: enter, replace, cancel, look at."""

from typing import Any

from protocol import codes, numbers
from protocol import messages as M
from protocol.account_messages import PART_ORDERS
from protocol.order_tracker import refusal as judge
from protocol.order_tracker import shown_with

from .. import schemas as S
from .. import words
from ..gateway import Gateway
from ..operation import Call, Made, Operation
from ..problems import Refusal, bad_field, of_report, refusal, unknown
from ..reports import order_of, order_state
from . import paging

MAX_ID = (1 << 63) - 1


def client_id(text: str, at: str) -> int:
    """A client order id. Raises Refusal."""
    try:
        return numbers.whole(text, "client order id", 1, MAX_ID)
    except numbers.NotANumber as error:
        raise bad_field(str(error), at) from None


def scaled(text: str, decimals: int, what: str) -> int:
    """A decimal of the body in its smallest unit. Raises Refusal."""
    try:
        return numbers.scaled(text, decimals, what)
    except numbers.NotANumber as error:
        raise bad_field(str(error), f"$.{what}") from None


def check(gateway: Gateway, answer: Any, symbol: str) -> None:
    """Raises Refusal for an answer that is no. symbol: of the contract asked for, "": none was named."""
    definition = gateway.feed.definitions.get(getattr(answer, "instrument", 0))
    reason, text = judge(answer, definition)
    if reason == codes.OK:
        return
    if reason in (codes.R_UNKNOWN_ORDER, codes.R_ORDER_FORGOTTEN):
        raise unknown_order(reason)
    if reason == codes.R_UNKNOWN_INSTRUMENT and symbol:
        raise unknown("contract", symbol)  # the same for one that this login does not see and for none
    if isinstance(answer, M.Rejected | M.CancelRejected | M.Refused):
        show = shown_with(definition, reason, getattr(answer, "side", codes.BUY))
        raise of_report(reason, answer.limit, answer.used, answer.asked, show)
    raise refusal(reason, text)


def message_of(call: Call) -> M.NewOrder:
    """The order of a body. Raises Refusal, naming the field."""
    body: S.NewOrder = call.body
    definition = call.gateway.definition(body.contract)
    market = body.type == "market"
    if market != (body.price is None):
        raise bad_field("a market order has no price" if market else "a limit order needs a price", "$.price")
    tif = body.time_in_force or ("ioc" if market else "gtc")
    if (tif == "gtd") != (body.expires_at is not None):
        raise bad_field("expires_at goes with time_in_force gtd, and only with it", "$.expires_at")
    try:
        expiry = words.time_ns(body.expires_at) if body.expires_at is not None else 0
    except ValueError as error:
        raise bad_field(str(error), "$.expires_at") from None
    flags = (codes.FLAG_POST_ONLY if body.post_only else 0) | (codes.FLAG_PERSIST if body.persist else 0)
    return M.NewOrder(
        client_id(body.client_order_id, "$.client_order_id"), call.session.trader.account(body.account), definition.instrument,
        words.code_of(words.SIDES, body.side), words.code_of(words.CONTRACT_SIDES, body.contract_side), words.code_of(words.TYPES, body.type),
        words.code_of(words.TIFS, tif), flags, scaled(body.price, definition.price_decimals, "price") if body.price is not None else 0,
        scaled(body.quantity, definition.qty_decimals, "quantity"), expiry,
    )  # fmt: skip


async def new(call: Call) -> Made:
    message = message_of(call)
    reports = await call.session.trader.request(message)
    check(call.gateway, reports[0], call.body.contract)
    again = isinstance(reports[0], M.OrderStatus)
    return Made(order_state(call.gateway, call.session.trader, reports, message), status=200 if again else 201)


async def _state(call: Call, id: int) -> M.OrderStatus:
    """The firm's order with a client id. Raises Refusal."""
    found = await call.session.trader.status(id)
    if found.status == codes.ST_NONE:
        raise unknown_order(found.reason)
    return found


def unknown_order(reason: int = codes.R_UNKNOWN_ORDER) -> Refusal:
    """The same for another firm's order and for none."""
    if reason == codes.R_ORDER_FORGOTTEN:
        return refusal(reason)
    return refusal(codes.R_UNKNOWN_ORDER, "your firm has no order with this id")


async def by_client_id(call: Call) -> S.Order:
    found = await _state(call, client_id(call.path["client_order_id"], "client_order_id"))
    return order_state(call.gateway, call.session.trader, [found])


async def by_id(call: Call) -> S.Order:
    """Open orders of the firm's accounts, and those that were reported since this process logged the session on."""
    trader = call.session.trader
    try:
        order = numbers.whole(call.path["order_id"], "order id", 1, MAX_ID)
    except numbers.NotANumber as error:
        raise bad_field(str(error), "order_id") from None
    if known := trader.client_id_of(order):
        found = await trader.status(known)
        if found.order == order:
            return order_state(call.gateway, trader, [found])
    state = await trader.own_state(parts=PART_ORDERS)
    for row in state.orders:
        if row.order == order:
            return order_of(call.gateway, trader, row, state.time)
    raise unknown_order()


async def open_orders(call: Call) -> S.Orders:
    trader, query = call.session.trader, call.query
    instrument = call.gateway.definition(query.contract).instrument if query.contract else 0
    state = await trader.own_state(query.account, PART_ORDERS, instrument)
    rows = sorted(state.orders, key=lambda row: row.order)
    page, cursor = paging.pages(rows, lambda row: row.order, paging.read_number(query.cursor), query.limit)
    return S.Orders(orders=[order_of(call.gateway, trader, row, state.time) for row in page], next_cursor=cursor)


async def replace(call: Call) -> S.Order:
    trader, body = call.session.trader, call.body
    id, new_id = client_id(call.path["client_order_id"], "client_order_id"), client_id(body.client_order_id, "$.client_order_id")
    found = await _state(call, id)
    definition = call.gateway.feed.definitions.get(found.instrument)
    if definition is None:
        raise unknown_order()
    price, total = scaled(body.price, definition.price_decimals, "price"), scaled(body.quantity, definition.qty_decimals, "quantity")
    reports = await trader.request(M.ReplaceOrder(new_id, id, 0, 0, price, total))
    check(call.gateway, reports[0], "")
    return order_state(call.gateway, trader, [found, *reports])


async def cancel(call: Call) -> S.Order:
    trader = call.session.trader
    id = client_id(call.path["client_order_id"], "client_order_id")
    reports = await trader.request(M.CancelOrder(trader.next_id(), id))
    check(call.gateway, reports[0], "")
    return order_state(call.gateway, trader, reports)


async def mass_cancel(call: Call) -> S.MassCanceled:
    gateway, trader, body = call.gateway, call.session.trader, call.body
    for name in ("account", "contract", "market"):
        if (body.scope == name) != bool(getattr(body, name)) and not (name == "account" and body.scope == "account"):
            raise bad_field(f"{name} goes with the scope {name}, and only with it", f"$.{name}")
    instrument = gateway.definition(body.contract).instrument if body.contract else 0
    market = gateway.reference.id_of.get(body.market, 0) if body.market else 0
    if body.market and not market:
        raise unknown("market", body.market)
    side = words.code_of(words.SIDES, body.side) if body.side else 0
    message = M.MassCancel(trader.next_id(), words.SCOPES[body.scope], trader.account(body.account), instrument, market, side)
    reports = await trader.request(message)
    check(gateway, reports[0], body.contract)
    return S.MassCanceled(canceled=reports[0].count)


_ONE = "/v1/orders/by-client-id/{client_order_id}"
OPERATIONS = (
    Operation(
        "new_order", "POST", "/v1/orders", "Enter an order; the same again is answered with its state (200)", S.Order, new, body=S.NewOrder, status=201,
        private=True, problems=(404, 409, 422, 504), also=(200,),
    ),
    Operation("list_open_orders", "GET", "/v1/orders", "Open orders, the oldest first", S.Orders, open_orders, query=S.OpenOrdersQuery, private=True, problems=(404,)),
    Operation("get_order", "GET", "/v1/orders/{order_id}", "An order by the exchange's id", S.Order, by_id, private=True, problems=(504,)),
    Operation("get_order_by_client_id", "GET", _ONE, "An order by the client's id", S.Order, by_client_id, private=True, problems=(504,)),
    Operation("replace_order", "PUT", _ONE, "Change price and total of an order", S.Order, replace, body=S.ReplaceOrder, private=True, problems=(422, 504)),
    Operation("cancel_order", "DELETE", _ONE, "Cancel an order", S.Order, cancel, private=True, problems=(422, 504)),
    Operation(
        "mass_cancel", "POST", "/v1/orders/mass-cancel", "Cancel all orders of a scope", S.MassCanceled, mass_cancel, body=S.MassCancel, private=True,
        problems=(404, 422, 504),
    ),
)  # fmt: skip
