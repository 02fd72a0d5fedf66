"""The tables that all firms share (closed ClOrdIDs, open orders, book nodes, positions): usage by firm, and an early warning for each firm.

A firm is guaranteed its share of a table, by its weight (`share` of a member). Beyond that it may use rows that no other firm needs. If a firm has too
many closed ids, its own oldest are forgotten first. If it would use too much of another table, only this firm's orders are refused
(R_ORDER_SHARE_FULL, R_NODE_SHARE_FULL, R_POSITION_SHARE_FULL).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import state
from ..core import layout as L
from .observe import Log, stamp

WARN_PER_CENT = 80
OVER_PER_CENT = 70  # below this a warning ends, and the next crossing is logged again
SHOWN = 10  # firms in the status, fullest first
HONEST_RATE = 10_000  # orders a second: the rate for which the start logs how long the table lasts
DAY_S = 86_400
IDS_EFFECT = "when its room is used up, the firm's own oldest closed ids are forgotten before the retention is over: a repeat of such an order is then a new order"
ORDERS_EFFECT = (
    "beyond that new orders of the firm are refused as R_ORDER_SHARE_FULL (safe to resend); other firms and all cancels are not affected"
)
IDS_TO_DO = (
    "give the firm a larger share, create the next data folder with a larger capacities.archive, or shorten server.clordid_retention"
)
ORDERS_TO_DO = "give the firm a larger share, or create the next data folder with larger capacities.orders"
NODES_EFFECT = "beyond that the firm's orders at prices far from all others are refused as R_NODE_SHARE_FULL (safe to resend); other firms and all cancels are not affected"
NODES_TO_DO = "give the firm a larger share, or create the next data folder with larger capacities.nodes"
POSITIONS_EFFECT = (
    "beyond that the first order of an account in an event is refused as R_POSITION_SHARE_FULL (safe to resend); "
    "other firms, and events in which the account has traded, are not affected"
)
POSITIONS_TO_DO = "give the firm a larger share, or create the next data folder with larger capacities.collateral_words"
# (table, pool, the firm's count: a column of state.Firms, effect, remedy)
TABLES = (
    ("closed_ids", L.P_ARCHIVE, "closed", IDS_EFFECT, IDS_TO_DO),
    ("open_orders", L.P_ORDER, "open", ORDERS_EFFECT, ORDERS_TO_DO),
    ("book_nodes", L.P_NODE, "nodes", NODES_EFFECT, NODES_TO_DO),
    ("positions", L.P_COLLATERAL, "positions", POSITIONS_EFFECT, POSITIONS_TO_DO),
)


class Shares:
    """Watches one engine's arena `m`; the housekeeping calls `look` several times a second. `name`: gives a firm's name by id."""

    def __init__(self, m: Any, log: Log, name: Callable[[int], str]) -> None:
        self.m = m
        self.log = log
        self.name = name
        self.warned: set[tuple[str, int]] = set()
        self.window_told: dict[int, int] = {}

    def _pool(self, pool: int) -> tuple[int, int]:
        """(rows, rows in use)"""
        table = state.table(self.m, pool)
        return table.capacity, table.used

    def _rooms(self, firms: state.Firms) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
        """For each table: (share, used, room) of each firm; room: the most the firm can have now if no other firm asks for more."""
        weights = max(state.Header(self.m).weights, 1)
        rooms = {}
        for table, pool, count, _, _ in TABLES:
            rows_of_all, used_by_all = self._pool(pool)
            own: NDArray[np.int64] = getattr(firms, count)
            share = rows_of_all * firms.weights // weights
            reach = own + rows_of_all - used_by_all  # including all free rows
            rooms[table] = (share, own, np.maximum(share, reach if table == "closed_ids" else (reach + 1) // 2))
        return rooms

    def look(self) -> None:
        """Warn once for each firm and table at 80 % of the firm's room; log when ids begin to be forgotten early, and when that gets worse."""
        firms = state.Firms(self.m)
        rooms = self._rooms(firms)
        for table, _, _, effect, to_do in TABLES:
            share, used, room = rooms[table]
            for i in np.flatnonzero(used * 100 >= room * WARN_PER_CENT).tolist():
                firm = int(firms.ids[i])
                if (table, firm) not in self.warned:
                    self.warned.add((table, firm))
                    numbers = {"firm": self.name(firm), "table": table, "used": int(used[i]), "room": int(room[i]), "share": int(share[i])}
                    self.log("warning", "firm_share", **numbers, **self._oldest(table, firms, i), effect=effect, what_to_do=to_do)
            for i in np.flatnonzero(used * 100 < room * OVER_PER_CENT).tolist():
                firm = int(firms.ids[i])
                if (table, firm) in self.warned:
                    self.warned.discard((table, firm))
                    self.log("info", "firm_share_over", firm=self.name(firm), table=table, used=int(used[i]), room=int(room[i]))
        for i in np.flatnonzero(firms.forgotten).tolist():
            firm, window = int(firms.ids[i]), int(firms.window[i])
            told = self.window_told.get(firm)
            if told is None or window * 2 < told:
                self.window_told[firm] = window
                numbers = {"firm": self.name(firm), "forgotten": int(firms.forgotten[i]), "window_s": window // 10**9}
                self.log("warning", "ids_forgotten_early", **numbers, effect=IDS_EFFECT, what_to_do=IDS_TO_DO)

    def _oldest(self, table: str, firms: state.Firms, i: int) -> dict[str, str]:
        closed_at = firms.oldest_closed_at(i) if table == "closed_ids" else 0
        return {"oldest_closed_at": stamp(closed_at)} if closed_at else {}

    def status(self) -> dict[str, Any]:
        """The part of `exos status` about shares: the tables as a whole, and the firms that use most of their room."""
        firms = state.Firms(self.m)
        rooms = self._rooms(firms)
        fullest = np.zeros(len(firms))
        for _, used, room in rooms.values():
            fullest = np.maximum(fullest, used / np.maximum(room, 1))
        told: dict[str, Any] = {}
        for i in np.argsort(-fullest, kind="stable")[:SHOWN].tolist():
            if fullest[i] == 0:
                break
            line: dict[str, Any] = {}
            for table, (share, used, room) in rooms.items():
                line[table] = {"used": int(used[i]), "share": int(share[i]), "room": int(room[i])}
            line["forgotten_early"] = int(firms.forgotten[i])
            if firms.forgotten[i]:
                line["window_s"] = int(firms.window[i]) // 10**9
            told[self.name(int(firms.ids[i]))] = line
        whole = {table: self._pool(pool) for table, pool, *_ in TABLES}
        return {
            **{table: {"used": used, "capacity": capacity} for table, (capacity, used) in whole.items()},
            "duplicate_window": self.window(),
            "warned": len(self.warned),
            "firms": told,
        }

    def window(self) -> str:
        """How long a ClOrdID stays used up, in a sentence."""
        ids, _ = self._pool(L.P_ARCHIVE)
        firms, header = state.Firms(self.m), state.Header(self.m)
        least = int((ids * firms.weights // max(header.weights, 1)).min()) if len(firms) else ids
        hours = header.retention_ns // 3_600_000_000_000
        return f"at least {hours} h or the firm's newest {least} closed ids, whichever ends first; up to {ids} ids while other firms leave room"

    def start_line(self) -> dict[str, Any]:
        """The log line at the start: how long the table lasts at HONEST_RATE."""
        ids, _ = self._pool(L.P_ARCHIVE)
        retention_s = state.Header(self.m).retention_ns // 10**9
        lasts = min(ids // HONEST_RATE, retention_s)
        return {
            "window": self.window(),
            "firms": len(state.Firms(self.m)),
            "at_10000_orders_per_s": f"ids are remembered for {lasts} s; {HONEST_RATE * min(DAY_S, retention_s)} rows of capacities.archive would hold "
            f"{min(DAY_S, retention_s) // 3600} h",
        }
