"""Accounts and sessions as shown to an operator or an audit: money, positions, open orders, session numbers. Read only.

Made from the same canonical dump as the state digest (core/audit.py), so the figures compared with clients' books are those that a replay
verifies.
"""

from typing import Any

import numpy as np

from .. import state
from ..core import audit
from .definitions import Definitions
from .engine_like import Words
from .holds import HOLDS_ACCOUNT


def account_view(registry: Definitions, m: Words) -> dict[str, Any]:
    """Accounts that are not empty, sessions that were ever used, and totals. Money in minor units, prices in YES ticks, quantities in lots.

    Keys: accounts: list of name, cash (with what is on hold), locked and held (by asset), positions (by symbol, without zeros), orders (list of order, id (0: a text),
    price, leaves, cum); sessions: list of name, next_out, next_in; external: deposits minus withdrawals, by asset; orders: order ids
    assigned so far (including refused orders), trades: how many there were, fills: both sides of them, open_orders."""
    accounts: dict[int, dict[str, Any]] = {}

    def of(id: int) -> dict[str, Any]:
        if id not in accounts:
            account = registry.accounts.get(id)
            name = account.name if account else f"#{id}"
            accounts[id] = {"name": name, "cash": {}, "locked": {}, "held": {}, "positions": {}, "orders": []}
        return accounts[id]

    small = grown(audit.dump_small, m)
    balances = int(small[9])
    at = audit.HEADER_DUMP
    for id, asset, cash, locked, *_ in small[at : at + balances * audit.BALANCE_DUMP].reshape(-1, audit.BALANCE_DUMP).tolist():
        name = registry.assets[asset].name
        if id == HOLDS_ACCOUNT:
            continue  # shown with its owners
        of(id)["cash"][name], of(id)["locked"][name] = cash, locked
    for hold in registry.holds:
        if not hold.ended:
            own, name = of(hold.account), registry.assets[hold.asset].name
            own["cash"][name] = own["cash"].get(name, 0) + hold.amount
            own["held"][name] = own["held"].get(name, 0) + hold.amount
    rows = small[at + balances * audit.BALANCE_DUMP :].reshape(-1, audit.SESSION_DUMP).tolist()
    sessions = [
        {"name": registry.sessions[row[0]].name, "next_out": row[2], "next_in": row[3]}
        for row in rows
        if registry.sessions.get(row[0]) and (row[2] > 1 or row[3] > 1)
    ]
    for event in registry.events:
        _event(registry, grown(audit.dump_event, m, event.id), of)
    external = {row.name: state.Asset.of(m, row.id).external for row in registry.assets}
    counted = state.Header(m)
    return {
        "accounts": [accounts[id] for id in sorted(accounts)],
        "sessions": sessions,
        "external": external,
        "orders": counted.orders,
        "trades": counted.trades,
        "fills": counted.fills,
        "open_orders": counted.open_orders,
    }


def _event(registry: Definitions, dump: Words, of: Any) -> None:
    """Positions and open orders from the dump of one event."""
    if not len(dump):
        return
    event_id, n, rows = int(dump[0]), int(dump[7]), int(dump[8])
    event = registry.events[event_id]
    symbols = [registry.instruments[event.first_instrument + j].symbol for j in range(n)]
    at = audit.EVENT_DUMP + n * audit.CONTRACT_DUMP
    width = audit.COLLATERAL_DUMP + 5 * n
    for row in dump[at : at + rows * width].reshape(-1, width):
        q = row[audit.COLLATERAL_DUMP : audit.COLLATERAL_DUMP + n]
        for j in np.flatnonzero(q).tolist():
            of(int(row[0]))["positions"][symbols[j]] = int(q[j])
    for order in dump[at + rows * width :].reshape(-1, audit.ORDER_DUMP).tolist():
        found = {"order": order[0], "id": order[2] if order[1] == 0 else 0, "price": order[3], "leaves": order[6], "cum": order[5]}
        of(order[9])["orders"].append(found)


def grown(kernel: Any, *args: Any) -> Words:
    """Call a dump kernel with an array that is large enough."""
    out = np.zeros(4096, np.int64)
    words = int(kernel(*args, out))
    if words < 0:
        out = np.zeros(-1 - words, np.int64)
        words = int(kernel(*args, out))
    return out[:words]
