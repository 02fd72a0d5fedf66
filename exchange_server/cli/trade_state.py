"""`exos trade account|positions|orders|fills`: a session's own state, as of one moment. The verbs of trade.py that only look."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from protocol import account_messages as parts
from protocol import codes, freeze
from protocol import messages as M
from protocol.client import Client
from protocol.own_state import OwnState

from .command import Noun
from .common import decimal
from .output import Result, pairs, say, table

Session = Callable[[Callable[[Client], Awaitable[Result]]], Result]
TABLES = {parts.TABLE_ORDERS: "open orders", parts.TABLE_NODES: "book nodes", parts.TABLE_POSITIONS: "position words"}
TIFS = {codes.DAY: "DAY", codes.GTC: "GTC", codes.GTD: "GTD"}
ACCOUNT_HELP = "One account of the firm by name (default: all that the session may act for)."


def add(trade: Noun, session_options: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Add the verbs to the noun."""
    account_option = click.option("--account", metavar="NAME", default="", help=ACCOUNT_HELP)

    @trade.verb(
        "account",
        "show balances, requirements and limits of the session's accounts",
        examples=("exos trade account", "exos trade account --account MM2-A --key MM2 --json"),
    )
    @account_option
    @session_options
    def account(session: Session, account: str) -> Result:
        return session(lambda client: _account(client, account))

    @trade.verb("positions", "show the contracts that the session's accounts hold", examples=("exos trade positions --key MM2",))
    @account_option
    @session_options
    def positions(session: Session, account: str) -> Result:
        return session(lambda client: _positions(client, account))

    @trade.verb(
        "orders",
        "show the open orders of the session's accounts",
        examples=("exos trade orders", "exos trade orders WC26-WIN-ESP --key MM2"),
    )
    @click.argument("symbol", required=False)
    @account_option
    @session_options
    def orders(session: Session, symbol: str | None, account: str) -> Result:
        return session(lambda client: _orders(client, symbol, account))

    @trade.verb("fills", "show the session's fills, oldest first", examples=("exos trade fills", "exos trade fills --after-trade 1200"))
    @click.option("--after-trade", type=click.IntRange(0), metavar="ID", default=0, help="Only trades after this one.")
    @session_options
    def fills(session: Session, after_trade: int) -> Result:
        return session(lambda client: _fills(client, after_trade))


def _as_of(state: OwnState) -> dict[str, int]:
    return {"report": state.number, "event": state.event, "time_ns": state.time}


async def _account(client: Client, name: str) -> Result:
    state = await client.account(name or 0)
    balances, requirements = [], []
    for account in state.accounts.values():
        for asset in account.balances:
            balances.append((account.name, asset, account.cash(asset), account.locked(asset), account.available(asset)))
        for need in account.requirements.values():
            requirements.append(_requirement(state, account.name, need))
    table(("account", "asset", ">cash", ">locked", ">available"), balances)
    if requirements:
        say()
        table(("account", "market", ">required", ">buys", ">worst case", "asset"), requirements)
    limits = _limits(state)
    say()
    pairs([*limits.items(), ("as of", f"event {state.event}, before report {state.number}")])
    return Result(
        {
            "balances": [dict(zip(("account", "asset", "cash", "locked", "available"), row)) for row in balances],
            "requirements": [dict(zip(("account", "market", "required", "buys", "worst_case", "asset"), row)) for row in requirements],
            "limits": limits,
            "as_of": _as_of(state),
        }
    )


def _requirement(state: OwnState, account: str, need: M.Requirement) -> tuple[str, str, str, str, str, str]:
    """A row of the table of requirements: why so much is locked."""
    known = next((one for one in state.definitions.values() if one.market == need.market), None)
    symbol = known.symbol if known is not None else f"#{need.market}"
    places, asset = (known.asset_decimals, known.asset) if known is not None else (0, f"#{need.asset}")
    return account, symbol, *(decimal(amount, places) for amount in (need.required, need.buys, need.worst)), asset  # type: ignore[return-value]


def _limits(state: OwnState) -> dict[str, str]:
    """Names and sentences of what bounds the session."""
    limits = state.limits
    if limits is None:
        return {}
    found = {}
    for name, (most, window, used, left) in (("throttle", limits.session), ("venue's throttle", limits.venue)):
        if most:
            found[name] = f"{used} of {most} messages in {decimal(window, 9).rstrip('0').rstrip('.')} s, anew in {left / 1e9:.1f} s"
    for number, used, sure, most in limits.shares:
        found[TABLES.get(number, str(number))] = f"{used} used, {sure} are sure, {most} possible now"
    found["stopped by"] = ", ".join(state.stopped()) or "nothing"
    if limits.freeze:
        found["venue is frozen"] = freeze.NAMES.get(limits.freeze, str(limits.freeze))
    found["cancel on disconnect"] = "yes" if limits.cancel_on_disconnect else "no"
    return found


async def _positions(client: Client, name: str) -> Result:
    state = await client.account(name or 0, parts=parts.PART_POSITIONS)
    rows = []
    for account in state.accounts.values():
        for symbol, one in account.positions.items():
            definition = state.definitions.get(one.instrument)
            places = definition.qty_decimals if definition is not None else 0
            if one.position:
                rows.append((account.name, symbol, account.position(symbol), decimal(one.open_buy, places), decimal(one.open_sell, places)))
    if rows:
        table(("account", "symbol", ">position", ">open buys", ">open sells"), rows)
    else:
        say("no positions")
    names = ("account", "symbol", "position", "open_buy", "open_sell")
    return Result({"positions": [dict(zip(names, row)) for row in rows], "as_of": _as_of(state)})


async def _orders(client: Client, symbol: str | None, name: str) -> Result:
    state = await client.account(name or 0, parts=parts.PART_ORDERS, instrument=symbol or 0)
    rows = []
    for account in state.accounts.values():
        for order in account.orders:
            definition = state.definitions.get(order.instrument)
            price, qty = (definition.price_decimals, definition.qty_decimals) if definition is not None else (0, 0)
            side = ("buy" if order.side == codes.BUY else "sell") + (" NO" if order.contract_side == codes.NO else "")
            rows.append(
                (
                    order.text or str(order.id), account.name, state.symbol(order.instrument), side, decimal(order.price, price),
                    *(decimal(lots, qty) for lots in (order.qty, order.cum, order.leaves)), TIFS.get(order.tif, str(order.tif)),
                    "yes" if order.session == client.session_id else "no",
                )
            )  # fmt: skip
    if rows:
        table(("id", "account", "symbol", "side", ">price", ">qty", ">filled", ">open", "tif", "this session"), rows)
    else:
        say("no open orders")
    names = ("id", "account", "symbol", "side", "price", "qty", "filled", "open", "tif", "this_session")
    return Result({"orders": [dict(zip(names, row)) for row in rows], "as_of": _as_of(state)})


async def _fills(client: Client, after_trade: int) -> Result:
    found = await client.fills(after_trade=after_trade)
    rows = []
    for fill in found:
        definition = client.definitions.get(fill.instrument)
        price, qty, money = (definition.price_decimals, definition.qty_decimals, definition.asset_decimals) if definition else (0, 0, 0)
        side = ("buy" if fill.side == codes.BUY else "sell") + (" NO" if fill.contract_side == codes.NO else "")
        symbol = definition.symbol if definition else f"#{fill.instrument}"
        rows.append(
            (
                str(fill.trade),
                str(fill.id),
                symbol,
                side,
                decimal(fill.last_qty, qty),
                decimal(fill.last_price, price),
                decimal(fill.fee, money),
            )
        )
    if rows:
        table((">trade", "order", "symbol", "side", ">qty", ">price", ">fee"), rows)
    else:
        say("no fills")
    return Result({"fills": [dict(zip(("trade", "order", "symbol", "side", "qty", "price", "fee"), row)) for row in rows]})
