"""A small arena with sessions, accounts and instruments for the FIX wire tests and benches: definitions only, no engine."""

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core.kit.loads import SLACK
from exchange_server.core.kit.names import add_name

OUR = "EXOS-OE"
# (symbol, price decimals, quantity decimals)
INSTRUMENTS = [("WC26-WIN-ESP", 4, 0), ("WC26-WIN-FRA", 4, 0), ("BTC-USD", 2, 8), ("A", 0, 0), ("X" * 64, 6, 3)]
SESSIONS = 8
WIRE_OF = {session: 1 for session in range(1, SESSIONS + 1)}


def put_text(m, at, text):
    raw = np.zeros(64, np.uint8)
    raw[: len(text)] = np.frombuffer(text.encode(), np.uint8)
    m[at : at + 8] = raw.view(np.int64)


def world(sessions=SESSIONS, binary=()):
    """An arena: sessions 1..n (peer CLIENT<i>, default account i), accounts 1..n (CLIENT<i>-A), instruments 1.. as in INSTRUMENTS."""
    pools = [
        (L.P_ASSET, L.ASSET_WORDS, 4), (L.P_ACCOUNT, L.ACCOUNT_WORDS, sessions + 2), (L.P_SESSION, L.SESSION_WORDS, sessions + 2), (L.P_EVENT, L.EVENT_WORDS, 4),
        (L.P_INSTRUMENT, L.INSTRUMENT_WORDS, len(INSTRUMENTS) + 2), (L.P_NAME_HASH, L.NAME_WORDS, 1024),
    ]  # fmt: skip
    size = L.HEADER_WORDS + sum(width * count for _, width, count in pools)
    m = np.zeros(size, np.int64)
    at = L.HEADER_WORDS
    for pool, width, count in pools:
        d = L.H_POOLS + pool * L.POOL_WORDS
        m[d + L.PL_BASE], m[d + L.PL_WIDTH], m[d + L.PL_CAP] = at, width, count
        at += width * count

    def base(pool):
        return int(m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE])

    def name(kind, text, ident):
        data = np.frombuffer(text.encode() + bytes(SLACK), np.uint8).copy()
        assert add_name(m, kind, data, 0, len(text.encode()), ident) == 0

    m[base(L.P_ASSET) + L.ASSET_WORDS + L.A_DECIMALS] = 4
    event = base(L.P_EVENT) + L.EVENT_WORDS
    m[event + L.E_ID], m[event + L.E_ASSET] = 1, 1
    for i, (symbol, price_decimals, qty_decimals) in enumerate(INSTRUMENTS, 1):
        o = base(L.P_INSTRUMENT) + i * L.INSTRUMENT_WORDS
        m[o + L.I_ID], m[o + L.I_EVENT], m[o + L.I_PRICE_DECIMALS], m[o + L.I_QTY_DECIMALS] = i, event, price_decimals, qty_decimals
        m[o + L.I_OWNER_VENUE], m[o + L.I_LISTING] = 1, 1  # listed: any pointer but 0
        m[o + L.I_SYMBOL_LEN] = len(symbol)
        put_text(m, o + L.I_SYMBOL, symbol)
        name(L.NAME_INSTRUMENT, symbol, i)
    for i in range(1, sessions + 1):
        s = base(L.P_SESSION) + i * L.SESSION_WORDS
        m[s + L.S_ID], m[s + L.S_FIRM], m[s + L.S_ACCOUNT], m[s + L.S_WIRE] = i, i, i, 2 if i in binary else 1
        m[s + L.S_NEXT_OUT], m[s + L.S_NEXT_IN] = 1, 1
        peer = f"CLIENT{i}"
        m[s + L.S_OUR_LEN], m[s + L.S_PEER_LEN] = len(OUR), len(peer)
        put_text(m, s + L.S_OUR, OUR)
        put_text(m, s + L.S_PEER, peer)
        a = base(L.P_ACCOUNT) + i * L.ACCOUNT_WORDS
        account = f"CLIENT{i}-A"
        m[a + L.AC_ID], m[a + L.AC_FIRM], m[a + L.AC_NAME_LEN] = i, i, len(account)
        put_text(m, a + L.AC_NAME, account)
        name(L.NAME_ACCOUNT, account, i)
    return m
