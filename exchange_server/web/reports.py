"""Reports of the binary wire as the API shows them: orders, fills, and entries of a statement."""

from typing import Any

from protocol import codes, numbers
from protocol import messages as M
from protocol.own_state import OwnState

from . import schemas as S
from . import words
from .gateway import Gateway
from .trader import Trader


def definition_of(gateway: Gateway, instrument: int) -> M.Definition:
    """Of an instrument; one that this process does not see is shown as `#` and its number, in lots and ticks."""
    found = gateway.feed.definitions.get(instrument)
    if found is not None:
        return found
    return M.Definition(
        instrument, f"#{instrument}", 0, 0, codes.SPOT, 0, 0, 0, 1, "", 0, "", 0, 0, 0, 0, 0, 1, 0, 0, [], codes.PH_OPEN,
    )  # fmt: skip


def order_state(gateway: Gateway, trader: Trader, reports: list[Any], sent: M.NewOrder | None = None) -> S.Order:
    """An order after these reports about it, in their order. sent: what was sent, for the type of an order that an OrderStatus does not tell."""
    now: dict[str, Any] = {"type": 0, "tif": None, "cum": 0, "notional": 0, "expiry": 0, "reason": 0, "leaves": 0}
    if sent is not None:
        now |= {"type": sent.type, "tif": sent.tif, "expiry": sent.expiry}
    id = 0
    for report in reports:
        for name in ("order", "instrument", "side", "contract_side", "account"):
            now[name] = getattr(report, name) or now.get(name, 0)
        for name in ("type", "tif", "price", "qty", "cum", "leaves", "notional", "expiry"):
            if hasattr(report, name):
                now[name] = getattr(report, name)
        if isinstance(report, M.Accepted):
            now["cum"] = report.qty - report.leaves
        if isinstance(report, M.Canceled | M.Expired):
            now["leaves"] = 0
        now |= {"status": report.status, "reason": getattr(report, "reason", 0), "time": report.time}
        id = (getattr(report, "orig", 0) if isinstance(report, M.Canceled) else 0) or report.id
    return _shown(gateway, trader, id, "", now)


def order_of(gateway: Gateway, trader: Trader, row: M.OpenOrder, time: int) -> S.Order:
    """An open order of an answer about own state, as of `time`."""
    names = (
        "order",
        "instrument",
        "side",
        "contract_side",
        "account",
        "type",
        "tif",
        "price",
        "qty",
        "cum",
        "leaves",
        "notional",
        "expiry",
        "status",
    )
    return _shown(gateway, trader, row.id, row.text, {name: getattr(row, name) for name in names} | {"reason": 0, "time": time})


def _shown(gateway: Gateway, trader: Trader, id: int, text: str, now: dict[str, Any]) -> S.Order:
    definition = definition_of(gateway, now["instrument"])
    return S.Order(
        order_id=str(now["order"]), client_order_id=str(id) if id else None, client_text=text or None, account=trader.account_name(now["account"]),
        contract=definition.symbol, side="buy" if now["side"] == codes.BUY else "sell", contract_side="no" if now["contract_side"] == codes.NO else "yes",
        type=words.TYPES.get(now["type"]), time_in_force=words.TIFS.get(now["tif"]), status=words.STATUSES[now["status"]],
        reason=words.reason(now["reason"]), price=words.price(definition, now["price"]), quantity=words.quantity(definition, now["qty"]),
        filled=words.quantity(definition, now["cum"]), open=words.quantity(definition, now["leaves"]),
        average_price=words.average(definition, now["notional"], now["cum"]), expires_at=words.maybe_time(now["expiry"]), time=words.time_text(now["time"]),
    )  # fmt: skip


def fill_of(gateway: Gateway, trader: Trader, fill: M.Fill) -> S.Fill:
    definition = definition_of(gateway, fill.instrument)
    return S.Fill(
        fill_id=str(fill.event), time=words.time_text(fill.time), order_id=str(fill.order), client_order_id=str(fill.id) if fill.id else None,
        account=trader.account_name(fill.account), contract=definition.symbol, side="buy" if fill.side == codes.BUY else "sell",
        contract_side="no" if fill.contract_side == codes.NO else "yes", price=words.price(definition, fill.last_price),
        quantity=words.quantity(definition, fill.last_qty), fee=words.money(definition, fill.fee), asset=definition.asset,
        liquidity="taker" if fill.flags & codes.EF_TAKER else "maker", trade_id=str(fill.trade), order_filled=words.quantity(definition, fill.cum),
        order_open=words.quantity(definition, fill.leaves),
    )  # fmt: skip


def entry_of(gateway: Gateway, trader: Trader, report: Any) -> S.Entry | None:
    """What a report changed in an account's money; None: nothing."""
    if isinstance(report, M.Fill):
        return _fill_entry(gateway, trader, report)
    kinds: tuple[tuple[type, str], ...] = (
        (M.Moved, "moved"),
        (M.Settled, "settled"),
        (M.Reversed, "reversed"),
        (M.Bust, "bust"),
        (M.TradeCorrected, "trade_correction"),
    )
    kind: Any = next((name for struct, name in kinds if isinstance(report, struct)), None)
    if kind is None:
        return None
    instrument = getattr(report, "instrument", 0)
    definition = definition_of(gateway, instrument) if instrument else None
    asset, decimals = _asset(gateway, getattr(report, "asset", 0), definition)
    market = gateway.reference.name_of.get(getattr(report, "market", 0))
    return S.Entry(
        number=str(report.number), time=words.time_text(report.time), kind=kind, account=trader.account_name(report.account), asset=asset,
        amount=numbers.unscaled(report.amount, decimals), balance=numbers.unscaled(report.balance, decimals),
        contract=definition.symbol if definition else None, market=market, trade_id=str(report.trade) if isinstance(report, M.Bust | M.TradeCorrected) else None,
    )  # fmt: skip


def balances_of(state: OwnState) -> list[S.Balance]:
    """The money of all accounts of an answer about own state."""
    return [
        S.Balance(
            account=account.name, asset=name, cash=numbers.unscaled(one.cash, one.decimals), locked=numbers.unscaled(one.locked, one.decimals),
            available=numbers.unscaled(one.available, one.decimals),
        )
        for account in state.accounts.values() for name, one in account.balances.items()
    ]  # fmt: skip


def _fill_entry(gateway: Gateway, trader: Trader, fill: M.Fill) -> S.Entry:
    """The cash that a fill moved, its fee included. As protocol/holdings.py reckons it."""
    definition = definition_of(gateway, fill.instrument)
    no = fill.contract_side == codes.NO
    price = definition.payout - fill.last_price if no else fill.last_price
    sign = 1 if (fill.side == codes.BUY) != no else -1
    amount = -sign * price * fill.last_qty * definition.tick_value - fill.fee
    return S.Entry(
        number=str(fill.number), time=words.time_text(fill.time), kind="fill", account=trader.account_name(fill.account), asset=definition.asset,
        amount=words.money(definition, amount), balance=None, contract=definition.symbol, market=gateway.reference.market_of.get(definition.symbol),
        trade_id=str(fill.trade),
    )  # fmt: skip


def _asset(gateway: Gateway, id: int, definition: M.Definition | None) -> tuple[str, int]:
    """(name, decimals) of an asset. The wire names it where a contract is in it."""
    rows = [definition] if definition is not None else gateway.feed.definitions.values()
    for one in rows:
        if one.asset_id == id or not id:
            return one.asset, one.asset_decimals
        if one.base_asset_id == id:
            return one.base_asset, one.qty_decimals + len(str(one.lot_base)) - 1
    return f"#{id}", 0
