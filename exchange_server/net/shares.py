"""The tables that all firms share (closed ClOrdIDs, open orders, book nodes, positions): usage by firm, and an early warning for each firm.

A firm is guaranteed its share of a table, by its weight (`share` of a member). Beyond that it may use rows that no other firm needs. If a firm has too
many closed ids, of its own oldest only their use stays known (used ids, in blocks); if it has too many of these, its own oldest are forgotten. If it
would use too much of another table, only this firm's orders are refused (R_ORDER_SHARE_FULL, R_NODE_SHARE_FULL, R_POSITION_SHARE_FULL).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import state
from ..core import layout as L
from .observe import Log

WARN_PER_CENT = 80
OVER_PER_CENT = 70  # below this a warning ends, and the next crossing is logged again
SHOWN = 10  # firms in the status, fullest first
HONEST_RATE = 10_000  # orders a second: the rate for which the start logs how long the table lasts
IDS_EFFECT = "when its room is used up, the firm's own oldest used ids are forgotten before the retention is over: a repeat of such an order is then a new order"
ORDERS_EFFECT = (
    "beyond that new orders of the firm are refused as R_ORDER_SHARE_FULL (safe to resend); other firms and all cancels are not affected"
)
IDS_TO_DO = (
    "let the firm use ClOrdIDs that count up, give it a larger share, start with a larger capacities.used_blocks in the configuration, "
    "or shorten server.clordid_retention"
)
ORDERS_TO_DO = "give the firm a larger share, or start with a larger capacities.orders in the configuration"
NODES_EFFECT = "beyond that the firm's orders at prices far from all others are refused as R_NODE_SHARE_FULL (safe to resend); other firms and all cancels are not affected"
NODES_TO_DO = "give the firm a larger share, or start with a larger capacities.nodes in the configuration"
POSITIONS_EFFECT = (
    "beyond that the first order of an account in an event is refused as R_POSITION_SHARE_FULL (safe to resend); "
    "other firms, and events in which the account has traded, are not affected"
)
POSITIONS_TO_DO = "give the firm a larger share, or start with a larger capacities.collateral_words in the configuration"
# (table, pool, the firm's count: a column of state.Firms, effect, remedy); without an effect it is normal that the table is full
TABLES = (
    ("closed_ids", L.P_ARCHIVE, "closed", "", ""),
    ("used_blocks", L.P_USED, "blocks", IDS_EFFECT, IDS_TO_DO),
    ("open_orders", L.P_ORDER, "open", ORDERS_EFFECT, ORDERS_TO_DO),
    ("book_nodes", L.P_NODE, "nodes", NODES_EFFECT, NODES_TO_DO),
    ("positions", L.P_COLLATERAL, "positions", POSITIONS_EFFECT, POSITIONS_TO_DO),
)
FORGETTING = ("closed_ids", "used_blocks")  # a firm may use all that others leave, because it gives it back
# Tables that may be full, as capacities of the configuration. `archive` and `used_blocks` are not among them: full is what they normally are.
GROWING = (
    "assets", "venues", "firms", "accounts", "sessions", "events", "instruments", "listings", "balances", "collateral_words", "orders", "nodes",
)  # fmt: skip
RANGE_IDS, LIST_IDS = 4096, 64  # ids in a block of used ids: of numbers that count up, of others


def nearly_full(m: Any, per_cent: int = WARN_PER_CENT) -> dict[str, tuple[int, int, str]]:
    """Tables of which so much is used: name -> (rows used, capacity, what to do)."""
    found = {}
    for name, (used, rows) in state.tables_in_use(m).items():
        capacity = rows - 1 if name in GROWING[:7] else rows  # id 0 is never used
        if name in GROWING and used * 100 >= capacity * per_cent:
            what = f"set {name} = {2 * capacity} under [capacities] in the configuration, stop, and start with it: exos serve --config FILE"
            found[name] = used, capacity, what
    return found


def table_sentences(m: Any) -> list[str]:
    """The same for people."""
    return [
        f"table {name}: {used:,} of {capacity:,} rows are used ({100 * used // capacity} %): {what}"
        for name, (used, capacity, what) in nearly_full(m).items()
    ]


class Shares:
    """Watches one engine's arena `m`; the housekeeping calls `look` several times a second. `name`: gives a firm's name by id."""

    def __init__(self, m: Any, log: Log, name: Callable[[int], str]) -> None:
        self.m = m
        self.log = log
        self.name = name
        self.warned: set[tuple[str, int]] = set()
        self.window_told: dict[int, int] = {}
        self.tables_warned: set[str] = set()

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
            rooms[table] = (share, own, np.maximum(share, reach if table in FORGETTING else (reach + 1) // 2))
        return rooms

    def look(self) -> None:
        """Warn once for each table at 80 %, and for each firm and table at 80 % of the firm's room; log when ids begin to be forgotten early, and when
        that gets worse."""
        self._look_at_tables()
        firms = state.Firms(self.m)
        rooms = self._rooms(firms)
        for table, _, _, effect, to_do in TABLES:
            share, used, room = rooms[table]
            if not effect:
                continue
            for i in np.flatnonzero(used * 100 >= room * WARN_PER_CENT).tolist():
                firm = int(firms.ids[i])
                if (table, firm) not in self.warned:
                    self.warned.add((table, firm))
                    numbers = {"firm": self.name(firm), "table": table, "used": int(used[i]), "room": int(room[i]), "share": int(share[i])}
                    self.log("warning", "firm_share", **numbers, effect=effect, what_to_do=to_do)
            warned = [firm for name, firm in self.warned if name == table]  # few; the firms may be a hundred thousand
            for i in np.flatnonzero(np.isin(firms.ids, warned) & (used * 100 < room * OVER_PER_CENT)).tolist() if warned else ():
                firm = int(firms.ids[i])
                self.warned.discard((table, firm))
                self.log("info", "firm_share_over", firm=self.name(firm), table=table, used=int(used[i]), room=int(room[i]))
        for i in np.flatnonzero(firms.forgotten).tolist():
            firm, window = int(firms.ids[i]), int(firms.window[i])
            told = self.window_told.get(firm)
            if told is None or window * 2 < told:
                self.window_told[firm] = window
                numbers = {"firm": self.name(firm), "forgotten": int(firms.forgotten[i]), "window_s": window // 10**9}
                self.log("warning", "ids_forgotten_early", **numbers, effect=IDS_EFFECT, what_to_do=IDS_TO_DO)

    def _look_at_tables(self) -> None:
        full = nearly_full(self.m)
        for name in full.keys() - self.tables_warned:
            used, capacity, what = full[name]
            self.tables_warned.add(name)
            self.log("warning", "table_nearly_full", table=name, used=used, capacity=capacity, what_to_do=what)
        self.tables_warned &= nearly_full(self.m, OVER_PER_CENT).keys()

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
            line["answers_forgotten_early"] = int(firms.moved[i])
            if firms.moved[i]:
                line["answers_window_s"] = int(firms.answered[i]) // 10**9
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
        blocks, _ = self._pool(L.P_USED)
        firms, header = state.Firms(self.m), state.Header(self.m)
        part = int(firms.weights.min()) if len(firms) else 1
        whole = max(header.weights, 1)
        least, least_blocks = ids * part // whole, blocks * part // whole
        hours = header.retention_ns // 3_600_000_000_000
        return (
            f"{hours} h. What became of the order is known of the firm's newest {least} closed ids at least (up to {ids} while other firms leave room); "
            f"of older ones it is known that they were used, of at least {RANGE_IDS * least_blocks} that count up or {LIST_IDS * least_blocks} others"
        )

    def start_line(self) -> dict[str, Any]:
        """The log line at the start: how long the tables last at HONEST_RATE."""
        ids, _ = self._pool(L.P_ARCHIVE)
        blocks, _ = self._pool(L.P_USED)
        retention_s = state.Header(self.m).retention_ns // 10**9
        answers, growing, others = (min(n // HONEST_RATE, retention_s) for n in (ids, ids + RANGE_IDS * blocks, ids + LIST_IDS * blocks))
        return {
            "window": self.window(),
            "firms": len(state.Firms(self.m)),
            "at_10000_orders_per_s": f"what became of an order is known for {answers} s; that its id was used for {growing // 3600} h if ids count up, "
            f"else for {others} s",
        }
