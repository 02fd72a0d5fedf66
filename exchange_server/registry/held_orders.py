"""Orders that wait for a person because of a budget: who sees and decides them. The core keeps them (core/risk/held.py); here they have names and units."""

from typing import Any

from config import admin_records as ar
from config import budget_records as br
from protocol import codes, numbers, units

from .. import state
from ..core import layout as L
from . import access, checks, scopes
from . import rows as rows_of
from .access import Sight
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused

TITLE = "an order above what its session's budget allows without a person"
SIDES = {codes.BUY: "buy", codes.SELL: "sell"}
TIFS = {codes.DAY: "day", codes.GTC: "gtc", codes.IOC: "ioc", codes.FOK: "fok", codes.GTD: "gtd"}


def is_one(id: int) -> bool:
    """Whether this number of an act that waits is that of an order."""
    return id > L.HELD_IDS


def may_see(sight: Sight, row: state.HeldOrder) -> bool:
    """Who may ask about acts that wait at the place of its session."""
    place = scopes.of_session(sight.registry, sight.registry.sessions[row.session])
    return sight.every_right or sight.may(lambda role: role.may_ask("pending"), place)


def decide(registry: Definitions, who: str, record: ar.Approve | ar.Refuse, engine: EngineLike) -> Act:
    """Approve or refuse an order that waits. Who may set the session's budget may; a session itself sends no such record. Raises Refused."""
    now_ns, id, passed = int(engine.time_ns), record.id, isinstance(record, ar.Approve)
    m: Words = getattr(engine, "real", engine.m)
    row = next((row for row in state.held_orders(m) if row.number == id), None)
    if row is None or not may_see(Sight(registry, who, now_ns), row):
        raise Refused(codes.R_UNKNOWN_PENDING, f"no act waits under {id}", "id", asked=id)
    session = registry.sessions[row.session].name
    access.authorise(registry, who, br.Budget(session=session), now_ns)
    if now_ns >= row.until_ns:
        text = f"{id} waited until {units.instant(row.until_ns)}, the time is {units.instant(now_ns)}: {session} may send the order again"
        raise Refused(codes.R_PENDING_EXPIRED, text, "id", row.until_ns, now_ns)
    if passed and row.passed:
        return checks.unchanged("order", str(id), id)
    told = _told(shown(registry, row))
    text = f"{session} may enter it once: {told}" if passed else f"order {id} of {session} is refused: {told}"
    result = {"pending": id, "session": session, ("approved_by" if passed else "refused_by"): who}
    return Act(f"order {id}", text, [rows_of.held(id, passed)], checks.nothing, result)


def shown(registry: Definitions, row: state.HeldOrder) -> dict[str, Any]:
    """The order for people: price, quantity and cost as decimal numbers of its market and asset."""
    instrument = registry.instruments[row.instrument]
    market = instrument.market
    asset = registry.assets.named(market.asset)
    assert asset is not None
    return {
        "type": "order", "session": registry.sessions[row.session].name, "account": registry.accounts[row.account].name, "symbol": instrument.name,
        "side": SIDES[row.side], "contract_side": "no" if row.contract_side == codes.NO else "yes", "tif": TIFS[row.tif],
        "price": numbers.unscaled(row.price, market.price_decimals) if row.price else "market",
        "quantity": numbers.unscaled(row.qty, market.qty_decimals), "cost": numbers.unscaled(row.cost, asset.record.decimals), "asset": market.asset,
        "id": row.key, "approved": row.passed, "post_only": bool(row.flags & codes.FLAG_POST_ONLY), "persist": bool(row.flags & codes.FLAG_PERSIST),
        "gtd_ns": row.expiry_ns,
    }  # fmt: skip


def _told(order: dict[str, Any]) -> str:
    no = " NO" if order["contract_side"] == "no" else ""
    return f"{order['side']}{no} {order['quantity']} {order['symbol']} @ {order['price']}, may cost {order['cost']} {order['asset']}, ClOrdID {order['id']}"


def view(registry: Definitions, m: Words, sight: Sight) -> list[dict[str, Any]]:
    """The orders that wait and that the asker may see, the oldest first, with the keys of access_view.pending_view."""
    return [
        {
            "id": row.number, "act": "held_order", "title": TITLE, "who": f"session {registry.sessions[row.session].name}", "at_ns": row.at_ns,
            "expires_ns": row.until_ns, "expired": sight.now_ns >= row.until_ns, "record": shown(registry, row),
        }
        for row in sorted(state.held_orders(m), key=lambda one: one.number)
        if may_see(sight, row)
    ]  # fmt: skip
