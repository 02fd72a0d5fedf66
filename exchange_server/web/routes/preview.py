"""What an order would cost and tie up, before it is sent."""

from protocol import codes, numbers
from protocol import messages as M
from protocol.account_messages import PART_BALANCES, PART_POSITIONS, PART_REQUIREMENTS

from .. import schemas as S
from .. import words
from ..operation import Call, Operation
from ..preview import at_market, preview
from ..problems import bad_field, refusal, server_down
from .orders import scaled


def _price(call: Call, definition: M.Definition) -> int:
    """In ticks of the order's contract side. Raises Refusal."""
    body: S.PreviewOrder = call.body
    market, no = body.type == "market", body.contract_side == "no"
    if market != (body.price is None):
        raise bad_field("a market order has no price" if market else "a limit order needs a price", "$.price")
    if body.price is not None:
        price = scaled(body.price, definition.price_decimals, "price")
        low, high = (
            (definition.payout - definition.price_max, definition.payout - definition.price_min)
            if no
            else (definition.price_min, definition.price_max)
        )
        if not low <= price <= high:
            bounds = f"{words.price(definition, low)} to {words.price(definition, high)}"
            raise refusal(codes.R_PRICE_OUT_OF_RANGE, f"the price is {body.price}, allowed are {bounds}", asked=body.price, at="$.price")
        return price
    book = call.gateway.feed.books.get(definition.instrument)
    if book is None or not book.valid:
        raise server_down("the book is being fetched")
    buys = (body.side == "buy") != no
    bid, ask = (level[0] if level else None for level in (book.best_bid, book.best_ask))
    found = at_market(definition, call.gateway.reference.terms_of(definition.symbol), buys, bid, ask)
    if found is None:
        raise refusal(codes.R_NO_LIQUIDITY, "a market order needs somebody on the other side; there is nobody")
    return definition.payout - found if no else found


async def preview_order(call: Call) -> S.Preview:
    gateway, trader, body = call.gateway, call.session.trader, call.body
    definition = gateway.definition(body.contract)
    spot, buys, no = definition.product == codes.SPOT, body.side == "buy", body.contract_side == "no"
    if spot and no:
        raise bad_field("a spot pair has no contract side no", "$.contract_side")
    price, lots = _price(call, definition), scaled(body.quantity, definition.qty_decimals, "quantity")
    if not lots:
        raise bad_field("the quantity is 0", "$.quantity")
    account_id = trader.account(body.account) or trader.default_account
    if not account_id:
        raise bad_field("this session has no default account: name one", "$.account")
    account = trader.account_name(account_id)
    state = await trader.own_state(account, PART_BALANCES | PART_POSITIONS | PART_REQUIREMENTS)
    held = state.accounts[account]
    siblings = {one.instrument for one in gateway.feed.of_market.get(definition.market, ())}
    paid = {one for one in siblings if gateway.feed.ahead.get(one) == codes.PH_FINAL}
    rows = {row.instrument: row for row in held.positions.values() if row.instrument in siblings and row.instrument not in paid}
    made = preview(
        definition,
        gateway.reference.fees_of(definition.symbol, await gateway.entry_of(call.session)),
        buys,
        no,
        price,
        lots,
        held.requirements.get(definition.market),
        rows,
        len(paid),
    )
    base = spot and not buys
    asset = definition.base_asset if base else definition.asset
    balance = held.balances.get(asset)
    decimals = definition.qty_decimals + len(str(definition.lot_base)) - 1 if base else definition.asset_decimals
    available = balance.available if balance is not None else 0
    after = available - (made.tied_after - made.tied_before)
    fits = after >= 0 or after >= available

    def money(minor: int | None) -> str | None:
        return None if minor is None else words.money(definition, minor)

    return S.Preview(
        account=account, contract=definition.symbol, price=words.price(definition, price), asset=definition.asset, notional=words.money(definition, made.notional),
        fee=words.money(definition, made.fee), total=words.money(definition, made.total), payout=None if spot else money(made.payout),
        if_yes=money(made.if_yes), if_no=money(made.if_no), required_asset=asset, required_before=numbers.unscaled(made.tied_before, decimals),
        required_after=numbers.unscaled(made.tied_after, decimals) if made.known else None, available=numbers.unscaled(available, decimals),
        available_after=numbers.unscaled(after, decimals) if made.known else None, enough=fits if made.known else None, time=words.time_text(state.time),
    )  # fmt: skip


OPERATIONS = (
    Operation(
        "preview_order", "POST", "/v1/orders/preview", "What an order would cost, pay and tie up; nothing is sent", S.Preview, preview_order,
        body=S.PreviewOrder, private=True, problems=(404, 422),
    ),
)  # fmt: skip
