"""An arena with nothing but sessions in it, for tests of the wire kernels, and event rows as msgspec would write them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.book.levels import queue_push, queue_reduce, queue_remove
from exchange_server.core.kit.pools import pool_alloc, pool_release
from exchange_server.core.layout import plain as W
from protocol import codes
from protocol import messages as M


def sessions(wires: list[int]) -> NDArray[np.int64]:
    """Session i + 1 speaks wires[i]."""
    capacity = len(wires) + 2
    base = L.HEADER_WORDS
    m = np.zeros(base + capacity * L.SESSION_WORDS, dtype=np.int64)
    pool = L.H_POOLS + L.P_SESSION * L.POOL_WORDS
    m[pool + L.PL_BASE], m[pool + L.PL_WIDTH], m[pool + L.PL_CAP] = base, L.SESSION_WORDS, capacity
    for i, wire in enumerate(wires, 1):
        row = base + i * L.SESSION_WORDS
        m[row + L.S_ID], m[row + L.S_WIRE] = i, wire
    return m


def event(kind: int, extra: int = 0, **fields: int) -> NDArray[np.int64]:
    """One event row (and `extra` empty ones) from fields by name; `session` and `account`, `instrument` are packed as the core does."""
    row = np.zeros(L.EVT_WORDS * (1 + extra), dtype=np.int64)
    get = fields.get
    row[L.EVT_HEAD] = (
        W.pack_event(
            kind, extra, W.pack_terms(get("side", 0), get("contract_side", 0), get("type", 0), get("tif", 0)), get("status", 0), get("reason", 0),
            get("flags", 0),
        )
    )  # fmt: skip
    row[L.EVT_SESSION_ACCOUNT] = get("session", 0) << 32 | get("account", 0)
    row[L.EVT_INSTRUMENT] = get("instrument", 0) << 32 | get("venue", 0) << 16 | get("front_end", 0)
    for name, value in fields.items():
        word = getattr(L, f"EVT_{name.upper()}", None)
        if word is not None and name not in ("head", "session_account", "instrument"):
            row[word] = value
    return row


def expected(row: NDArray[np.int64]) -> Any:
    """The message that plain Python would make of one event row: the reference for the kernel."""
    w = [int(x) for x in row[: L.EVT_WORDS]]
    head = w[L.EVT_HEAD]
    status, reason, flags = W.status_of(head), W.reason_of(head), W.flags_of(head)
    type_, tif = W.type_of(head), W.tif_of(head)
    id = w[L.EVT_ID_LO] if w[L.EVT_ID_HI] == 0 else 0
    orig = w[L.EVT_ORIG_LO] if w[L.EVT_ORIG_HI] == 0 else 0
    account, instrument = w[L.EVT_SESSION_ACCOUNT] & 0xFFFFFFFF, w[L.EVT_INSTRUMENT] >> 32
    price, qty, cum, leaves, notional = w[L.EVT_PRICE], w[L.EVT_QTY], w[L.EVT_CUM], w[L.EVT_LEAVES], w[L.EVT_NOTIONAL]
    limit, used, asked = w[L.EVT_LIMIT], w[L.EVT_USED], w[L.EVT_ASKED]
    last_price, last_qty, spare = w[L.EVT_LAST_PRICE], w[L.EVT_LAST_QTY], w[L.EVT_MOVED_ASSET]
    report = (w[L.EVT_SESSION_NUMBER], w[L.EVT_NUMBER], w[L.EVT_TIME])
    order = (*report, id, w[L.EVT_ORDER], account, instrument, W.side_of(head), W.contract_side_of(head))
    match head & 255:
        case codes.E_ACCEPTED:
            return M.Accepted(*order, type_, tif, price, qty, leaves, w[L.EVT_EXPIRY], flags & codes.EF_PERSIST and flags)
        case codes.E_REJECTED:
            return M.Rejected(*order, reason, limit, used, asked, price, qty)
        case codes.E_FILL:
            return M.Fill(
                *order, status, flags, price, qty, cum, leaves, last_price, last_qty, notional, w[L.EVT_FEE], w[L.EVT_TRADE]
            )  # fmt: skip
        case codes.E_CANCELED:
            return M.Canceled(*order, orig, reason, flags, price, qty, cum, notional)
        case codes.E_REPLACED:
            return M.Replaced(*order, orig, status, price, qty, cum, leaves, notional, flags)
        case codes.E_CANCEL_REJECT:
            return M.CancelRejected(*order, orig, status, flags, reason, limit, used, asked)
        case codes.E_EXPIRED:
            return M.Expired(*order, reason, price, qty, cum, notional)
        case codes.E_STATUS:
            return M.OrderStatus(
                *order,
                orig,
                status,
                reason,
                type_,
                tif,
                price,
                qty,
                cum,
                leaves,
                notional,
                w[L.EVT_EXPIRY],
                flags & codes.EF_PERSIST and flags,
            )
        case codes.E_MASS_DONE:
            return M.MassCancelDone(*report, id, account, instrument, price, qty, reason)
        case codes.E_MOVED:
            return M.Moved(*report, id, account, spare, price, qty, last_qty, instrument)
        case codes.E_SETTLED:
            return M.Settled(*report, account, instrument, spare, price, qty, last_price, last_qty, leaves, w[L.EVT_ORDER])
        case codes.E_BUST:
            return M.Bust(
                *report, account, instrument, w[L.EVT_ORDER], W.side_of(head), W.contract_side_of(head), flags, last_price, last_qty, w[L.EVT_FEE],
                w[L.EVT_TRADE], w[L.EVT_BUST_AMOUNT], w[L.EVT_BUST_BALANCE], w[L.EVT_BUST_OF],
            )  # fmt: skip
        case codes.E_CORRECTED:
            return M.TradeCorrected(
                *report, account, instrument, w[L.EVT_ORDER], W.side_of(head), W.contract_side_of(head), flags, last_price, last_qty, w[L.EVT_WAS_PRICE],
                w[L.EVT_WAS_QTY], cum, notional, w[L.EVT_FEE], w[L.EVT_TRADE], w[L.EVT_BUST_AMOUNT], w[L.EVT_BUST_BALANCE], w[L.EVT_BUST_OF],
            )  # fmt: skip
        case codes.E_REVERSED:
            return M.Reversed(
                *report, account, instrument, spare, w[L.EVT_REVERSED_WHY], price, w[L.EVT_REVERSED_OLD], qty, last_price, last_qty,
                w[L.EVT_REVERSED_OWED], w[L.EVT_REVERSED_BLOCKED], leaves, w[L.EVT_ORDER],
            )  # fmt: skip
        case codes.E_CONTRACT:
            return M.PositionSplit(*report, account, instrument, price, qty, w[L.EVT_ORDER])
        case codes.E_REFUSED:
            return M.Refused(*report, id, account, instrument, reason, limit, used, asked)
    raise AssertionError(head & 255)


class Book:
    """An arena with sessions, one event of `n` contracts and their books, filled by the core's own leaves; plain dicts hold the expected
    content."""

    def __init__(self, n: int = 3, dirty: int = 64, sessions: int = 4, payout: int = 10_000, wire: int = codes.WIRE_BINARY) -> None:
        pools = {
            L.P_SESSION: (L.SESSION_WORDS, sessions + 2), L.P_FIRM: (L.FIRM_WORDS, 4), L.P_ACCOUNT: (L.ACCOUNT_WORDS, 32),
            L.P_ASSET: (L.ASSET_WORDS, 4), L.P_EVENT: (L.EVENT_WORDS, 4), L.P_INSTRUMENT: (L.INSTRUMENT_WORDS, n + 3),
            L.P_ORDER: (L.ORDER_WORDS, 4096), L.P_LEVEL: (L.LEVEL_WORDS, 4096), L.P_NODE: (L.NODE_WORDS, 4096),
            L.P_DIRTY: (L.DIRTY_WORDS, dirty),
        }  # fmt: skip
        at = L.HEADER_WORDS
        m = self.m = np.zeros(at + sum(w * c for w, c in pools.values()), dtype=np.int64)
        for pool, (width, cap) in pools.items():
            d = L.H_POOLS + pool * L.POOL_WORDS
            m[d + L.PL_BASE], m[d + L.PL_WIDTH], m[d + L.PL_CAP] = at, width, cap
            at += width * cap
        m[L.H_TURN] = 1
        asset = self._row(L.P_ASSET, 1)
        m[asset + L.A_DECIMALS] = 6
        self._text(asset + L.A_NAME, asset + L.A_NAME_LEN, "USDC")
        event = self.event = self._row(L.P_EVENT, 1)
        m[event + L.E_PRODUCT], m[event + L.E_K], m[event + L.E_N], m[event + L.E_ASSET] = codes.EXACTLY, 1, n, 1
        m[event + L.E_PHASE_NOW] = codes.PH_OPEN
        for _ in range(n):
            self.add_instrument()
        m[event + L.E_FIRST] = self._at(L.P_INSTRUMENT, 1)
        firm = self._row(L.P_FIRM, 1)
        for account in (17, 16):
            row = self._row(L.P_ACCOUNT, account)
            self._text(row + L.AC_NAME, row + L.AC_NAME_LEN, f"MM1-{account}")
            m[row + L.AC_NEXT_IN_FIRM] = m[firm + L.F_ACCOUNTS]
            m[firm + L.F_ACCOUNTS] = row
        for i in range(1, sessions + 1):
            row = self._row(L.P_SESSION, i)
            m[row + L.S_WIRE], m[row + L.S_NEXT_OUT], m[row + L.S_FIRM], m[row + L.S_ACCOUNT] = wire, 1, 1, 16
        self.levels: dict[tuple[int, int], dict[int, int]] = {}

    def _at(self, pool: int, i: int) -> int:
        d = L.H_POOLS + pool * L.POOL_WORDS
        return int(self.m[d + L.PL_BASE] + i * self.m[d + L.PL_WIDTH])

    def _row(self, pool: int, i: int) -> int:
        self.m[self._at(pool, i)] = i
        return self._at(pool, i)

    def _text(self, at: int, length_at: int, text: str) -> None:
        self.m[length_at] = len(text)
        self.m[at:].view(np.uint8)[: len(text)] = np.frombuffer(text.encode(), dtype=np.uint8)

    def add_instrument(self) -> int:
        """One more contract of the event; its id."""
        m = self.m
        i = 1
        while m[self._at(L.P_INSTRUMENT, i)] == i:
            i += 1
        p = self._row(L.P_INSTRUMENT, i)
        m[p + L.I_EVENT], m[p + L.I_INDEX], m[p + L.I_PAYOUT], m[p + L.I_DEPTH_SHIFT] = self.event, i - 1, 10_000, 12
        m[p + L.I_PHASE], m[p + L.I_LOT], m[p + L.I_MAX_QTY], m[p + L.I_BAND_COUNT] = codes.PH_OPEN, 1, 10**6, 1
        m[p + L.I_BANDS : p + L.I_BANDS + 3] = 1, 9_999, 1
        self._text(p + L.I_SYMBOL, p + L.I_SYMBOL_LEN, f"WC26-WIN-{i}")
        return i

    def inst(self, instrument: int) -> int:
        return self._at(L.P_INSTRUMENT, instrument)

    def rest(self, instrument: int, ask: int, price: int, qty: int) -> int:
        """Rest an order; its pointer."""
        m = self.m
        o = int(pool_alloc(m, L.P_ORDER))
        m[o : o + L.ORDER_WORDS] = 0
        m[o + L.O_PRICE], m[o + L.O_LEAVES], m[o + L.O_INSTRUMENT] = price, qty, self.inst(instrument)
        queue_push(m, self.inst(instrument), ask, o)
        side = self.levels.setdefault((instrument, ask), {})
        side[price] = side.get(price, 0) + qty
        return o

    def take(self, o: int, ask: int, qty: int) -> None:
        """Lower a resting order by `qty`, out of the book when nothing is left."""
        m = self.m
        instrument, price, left = int(m[m[o + L.O_INSTRUMENT]]), int(m[o + L.O_PRICE]), int(m[o + L.O_LEAVES])
        if qty < left:
            queue_reduce(m, self.inst(instrument), ask, o, qty)
        else:
            queue_remove(m, self.inst(instrument), ask, o)
            pool_release(m, L.P_ORDER, o)
        side = self.levels[instrument, ask]
        side[price] -= min(qty, left)
        if not side[price]:
            del side[price]

    def want(self, instrument: int) -> tuple[dict[int, int], dict[int, int]]:
        """(bids, asks) as they must be."""
        return self.levels.get((instrument, 0), {}), self.levels.get((instrument, 1), {})
