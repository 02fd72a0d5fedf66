"""A small arena with sessions, accounts and instruments for the FIX wire tests and benches: definitions only, no engine."""

import numpy as np

from exchange_server.core.loads import SLACK
from exchange_server.core.names import add_name
from exchange_server.core.records import (
    A_DECIMALS,
    AC_FIRM,
    AC_ID,
    AC_NAME,
    AC_NAME_LEN,
    ACCOUNT_WORDS,
    ASSET_WORDS,
    E_ASSET,
    E_ID,
    EVENT_WORDS,
    H_POOLS,
    HEADER_WORDS,
    I_EVENT,
    I_ID,
    I_LISTING,
    I_OWNER_VENUE,
    I_PRICE_DECIMALS,
    I_QTY_DECIMALS,
    I_SYMBOL,
    I_SYMBOL_LEN,
    INSTRUMENT_WORDS,
    NAME_ACCOUNT,
    NAME_INSTRUMENT,
    NAME_WORDS,
    P_ACCOUNT,
    P_ASSET,
    P_EVENT,
    P_INSTRUMENT,
    P_NAME_HASH,
    P_SESSION,
    PL_BASE,
    PL_CAP,
    PL_WIDTH,
    POOL_WORDS,
    S_ACCOUNT,
    S_FIRM,
    S_ID,
    S_NEXT_IN,
    S_NEXT_OUT,
    S_OUR,
    S_OUR_LEN,
    S_PEER,
    S_PEER_LEN,
    S_WIRE,
    SESSION_WORDS,
)

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
    """(m, mb): sessions 1..n (peer CLIENT<i>, default account i), accounts 1..n (CLIENT<i>-A), instruments 1.. as in INSTRUMENTS."""
    pools = [
        (P_ASSET, ASSET_WORDS, 4), (P_ACCOUNT, ACCOUNT_WORDS, sessions + 2), (P_SESSION, SESSION_WORDS, sessions + 2), (P_EVENT, EVENT_WORDS, 4),
        (P_INSTRUMENT, INSTRUMENT_WORDS, len(INSTRUMENTS) + 2), (P_NAME_HASH, NAME_WORDS, 1024),
    ]  # fmt: skip
    size = HEADER_WORDS + sum(width * count for _, width, count in pools)
    m = np.zeros(size, np.int64)
    at = HEADER_WORDS
    for pool, width, count in pools:
        d = H_POOLS + pool * POOL_WORDS
        m[d + PL_BASE], m[d + PL_WIDTH], m[d + PL_CAP] = at, width, count
        at += width * count
    mb = m.view(np.uint8)

    def base(pool):
        return int(m[H_POOLS + pool * POOL_WORDS + PL_BASE])

    def name(kind, text, ident):
        data = np.frombuffer(text.encode() + bytes(SLACK), np.uint8).copy()
        assert add_name(m, mb, kind, data, 0, len(text.encode()), ident) == 0

    m[base(P_ASSET) + ASSET_WORDS + A_DECIMALS] = 4
    event = base(P_EVENT) + EVENT_WORDS
    m[event + E_ID], m[event + E_ASSET] = 1, 1
    for i, (symbol, price_decimals, qty_decimals) in enumerate(INSTRUMENTS, 1):
        o = base(P_INSTRUMENT) + i * INSTRUMENT_WORDS
        m[o + I_ID], m[o + I_EVENT], m[o + I_PRICE_DECIMALS], m[o + I_QTY_DECIMALS] = i, event, price_decimals, qty_decimals
        m[o + I_OWNER_VENUE], m[o + I_LISTING] = 1, 1  # listed: any pointer but 0
        m[o + I_SYMBOL_LEN] = len(symbol)
        put_text(m, o + I_SYMBOL, symbol)
        name(NAME_INSTRUMENT, symbol, i)
    for i in range(1, sessions + 1):
        s = base(P_SESSION) + i * SESSION_WORDS
        m[s + S_ID], m[s + S_FIRM], m[s + S_ACCOUNT], m[s + S_WIRE] = i, i, i, 2 if i in binary else 1
        m[s + S_NEXT_OUT], m[s + S_NEXT_IN] = 1, 1
        peer = f"CLIENT{i}"
        m[s + S_OUR_LEN], m[s + S_PEER_LEN] = len(OUR), len(peer)
        put_text(m, s + S_OUR, OUR)
        put_text(m, s + S_PEER, peer)
        a = base(P_ACCOUNT) + i * ACCOUNT_WORDS
        account = f"CLIENT{i}-A"
        m[a + AC_ID], m[a + AC_FIRM], m[a + AC_NAME_LEN] = i, i, len(account)
        put_text(m, a + AC_NAME, account)
        name(NAME_ACCOUNT, account, i)
    return m, mb
