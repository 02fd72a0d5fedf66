"""An arena with nothing but sessions in it, for tests of the wire kernels, and event rows as msgspec would write them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import records as R
from protocol import codes
from protocol import messages as M


def sessions(wires: list[int]) -> NDArray[np.int64]:
    """Session i + 1 speaks wires[i]."""
    capacity = len(wires) + 2
    base = R.HEADER_WORDS
    m = np.zeros(base + capacity * R.SESSION_WORDS, dtype=np.int64)
    pool = R.H_POOLS + R.P_SESSION * R.POOL_WORDS
    m[pool + R.PL_BASE], m[pool + R.PL_WIDTH], m[pool + R.PL_CAP] = base, R.SESSION_WORDS, capacity
    for i, wire in enumerate(wires, 1):
        row = base + i * R.SESSION_WORDS
        m[row + R.S_ID], m[row + R.S_WIRE] = i, wire
    return m


def event(kind: int, extra: int = 0, **fields: int) -> NDArray[np.int64]:
    """One event row (and `extra` empty ones) from fields by name; `session` and `account`, `instrument` are packed as the core does."""
    row = np.zeros(R.EVT_WORDS * (1 + extra), dtype=np.int64)
    get = fields.get
    row[R.EVT_HEAD] = (
        kind | extra << 8 | get("status", 0) << 16 | get("reason", 0) << 24 | get("side", 0) << 40 | get("contract_side", 0) << 44
        | get("type", 0) << 48 | get("tif", 0) << 52 | get("flags", 0) << 56
    )  # fmt: skip
    row[R.EVT_SESSION_ACCOUNT] = get("session", 0) << 32 | get("account", 0)
    row[R.EVT_INSTRUMENT] = get("instrument", 0) << 32 | get("venue", 0) << 16 | get("front_end", 0)
    for name, value in fields.items():
        word = getattr(R, f"EVT_{name.upper()}", None)
        if word is not None and name not in ("head", "session_account", "instrument"):
            row[word] = value
    return row


def expected(row: NDArray[np.int64]) -> Any:
    """The message that plain Python would make of one event row: the reference for the kernel."""
    w = [int(x) for x in row[: R.EVT_WORDS]]
    head = w[R.EVT_HEAD]
    status, reason, flags = head >> 16 & 15, head >> 24 & 0xFFFF, head >> 56 & 127
    type_, tif = head >> 48 & 15, head >> 52 & 15
    id = w[R.EVT_ID_LO] if w[R.EVT_ID_HI] == 0 else 0
    orig = w[R.EVT_ORIG_LO] if w[R.EVT_ORIG_HI] == 0 else 0
    account, instrument = w[R.EVT_SESSION_ACCOUNT] & 0xFFFFFFFF, w[R.EVT_INSTRUMENT] >> 32
    price, qty, cum, leaves, notional = w[R.EVT_PRICE], w[R.EVT_QTY], w[R.EVT_CUM], w[R.EVT_LEAVES], w[R.EVT_NOTIONAL]
    limit, used, asked = w[R.EVT_LIMIT], w[R.EVT_USED], w[R.EVT_ASKED]
    last_price, last_qty, spare = w[R.EVT_LAST_PRICE], w[R.EVT_LAST_QTY], w[R.EVT_SPARE]
    report = (w[R.EVT_SESSION_NUMBER], w[R.EVT_NUMBER], w[R.EVT_TIME])
    order = (*report, id, w[R.EVT_ORDER], account, instrument, head >> 40 & 15, head >> 44 & 15)
    match head & 255:
        case codes.E_ACCEPTED:
            return M.Accepted(*order, type_, tif, price, qty, leaves, w[R.EVT_EXPIRY])
        case codes.E_REJECTED:
            return M.Rejected(*order, reason, limit, used, asked, price, qty)
        case codes.E_FILL:
            return M.Fill(
                *order, status, flags, price, qty, cum, leaves, last_price, last_qty, notional, w[R.EVT_FEE], w[R.EVT_TRADE]
            )  # fmt: skip
        case codes.E_CANCELED:
            return M.Canceled(*order, orig, reason, flags, price, qty, cum, notional)
        case codes.E_REPLACED:
            return M.Replaced(*order, orig, status, price, qty, cum, leaves, notional)
        case codes.E_CANCEL_REJECT:
            return M.CancelRejected(*order, orig, status, flags, reason, limit, used, asked)
        case codes.E_EXPIRED:
            return M.Expired(*order, reason, price, qty, cum, notional)
        case codes.E_STATUS:
            return M.OrderStatus(*order, orig, status, reason, type_, tif, price, qty, cum, leaves, notional, w[R.EVT_EXPIRY])
        case codes.E_MASS_DONE:
            return M.MassCancelDone(*report, id, account, instrument, price, qty, reason)
        case codes.E_MOVED:
            return M.Moved(*report, id, account, spare, price, qty, last_qty, instrument)
        case codes.E_SETTLED:
            return M.Settled(*report, account, instrument, spare, price, qty, last_price, last_qty, leaves, w[R.EVT_ORDER])
        case codes.E_REFUSED:
            return M.Refused(*report, id, account, instrument, reason, limit, used, asked)
    raise AssertionError(head & 255)
