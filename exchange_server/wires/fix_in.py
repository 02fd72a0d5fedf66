"""The FIX wire's hot path: D, F and G out of a buffer into command rows.

The kernel handles only: FIX.4.4, an undamaged message with the session's CompIDs and exactly the next MsgSeqNum, SendingTime
within the tolerance, no field twice, all required fields, every value in its usual form. At anything else it stops with DEC_SLOW and the
message's position, and plain Python (gateway/fix/connection.py) handles that one message. Garbled parts are counted and dropped here.
The encoder is in fix_out.py.
"""

import numpy as np

from protocol import codes as C

from ..core import layout as L
from ..core.kit.bits import TEXT_LANES, bytes_of, lanes_key, text_lanes, words_of
from ..core.kit.jit import kernel, leaf
from ..core.kit.loads import load64
from ..core.kit.names import names_find
from ..core.kit.rows import account_at
from ..core.layout.packed import pack_command, pack_instrument, pack_session_account, pack_terms
from ..core.risk.visibility import listing_for
from .fix_parse import (
    GARBLED,
    INCOMPLETE,
    SCRATCH_WORDS,
    SLOT_ACCOUNT,
    SLOT_CONTRACT,
    SLOT_EXEC_INST,
    SLOT_EXPIRE,
    SLOT_HANDL,
    SLOT_ID,
    SLOT_ORD_TYPE,
    SLOT_ORDER_ID,
    SLOT_ORIG,
    SLOT_PRICE,
    SLOT_QTY,
    SLOT_SENDER,
    SLOT_SENDER_SUB,
    SLOT_SEQ,
    SLOT_SIDE,
    SLOT_SYMBOL,
    SLOT_TARGET,
    SLOT_TARGET_SUB,
    SLOT_TEXT,
    SLOT_TIF,
    SLOT_TIME,
    SLOT_TRANSACT,
    SLOT_TYPE,
    TOO_LONG,
    decimal,
    number,
    plain_id,
    printable,
    same_text,
    take_apart,
    timestamp,
)

# conn: the common words of core/layout/calls.py, then
CN_LIMIT = L.CN_WORDS  # word of `out` from which on no message is started; 2 rows after it must be free
CN_DAY = L.CN_WORDS + 1  # cache of the last date: its text, its ns
CN_DAY_NS = L.CN_WORDS + 2
CN_SCRATCH = L.CN_WORDS + 4  # fix_parse.SCRATCH_WORDS
CN_PREFIX = CN_SCRATCH + SCRATCH_WORDS  # 3 words for each of the first words of the last text id: the word, the lanes of its key after it
PREFIX_WORDS = 3
FIX_CONN_WORDS = 128
HAND_OVER = -1  # in CN_NEXT_IN: leave every message to plain Python (before logon, while a gap is open)

# res: the common words, then
RES_LENGTH = 3  # DEC_SLOW: the message lies at RES_POS with this length
RES_GARBLED = 4  # += messages or byte ranges dropped
RES_TOO_LONG = 5  # BodyLength of the last one that was dropped because it is too long

_HEADER = (1 << SLOT_TYPE) | (1 << SLOT_SENDER) | (1 << SLOT_TARGET) | (1 << SLOT_SEQ) | (1 << SLOT_TIME)
_HEADER_MAY = _HEADER | (1 << SLOT_SENDER_SUB) | (1 << SLOT_TARGET_SUB)
_COMMON = _HEADER | (1 << SLOT_ID) | (1 << SLOT_SYMBOL) | (1 << SLOT_SIDE) | (1 << SLOT_TRANSACT)
_ORDER = (1 << SLOT_QTY) | (1 << SLOT_ORD_TYPE)
_ORDER_MAY = (
    _HEADER_MAY | _COMMON | _ORDER | (1 << SLOT_ACCOUNT) | (1 << SLOT_PRICE) | (1 << SLOT_TIF) | (1 << SLOT_HANDL) | (1 << SLOT_EXEC_INST)
    | (1 << SLOT_EXPIRE) | (1 << SLOT_CONTRACT) | (1 << SLOT_TEXT)
)  # fmt: skip
MUST_NEW = _COMMON | _ORDER
MAY_NEW = _ORDER_MAY
MUST_REPLACE = MUST_NEW | (1 << SLOT_ORIG)
MAY_REPLACE = _ORDER_MAY | (1 << SLOT_ORIG) | (1 << SLOT_ORDER_ID)
MUST_CANCEL = _COMMON | (1 << SLOT_ORIG)
MAY_CANCEL = (
    _HEADER_MAY | MUST_CANCEL | (1 << SLOT_ORDER_ID) | (1 << SLOT_ACCOUNT) | (1 << SLOT_QTY) | (1 << SLOT_TEXT) | (1 << SLOT_CONTRACT)
)  # fmt: skip


@leaf
def _next_begin(buf, at, end):
    """Offset of the next `8=FIX` at or behind `at`, or of its possible beginning at the end, or end."""
    while at < end:
        if (
            buf[at] == 56
            and (at + 1 >= end or buf[at + 1] == 61)
            and (at + 2 >= end or buf[at + 2] == 70)
            and (at + 3 >= end or buf[at + 3] == 73)
            and (at + 4 >= end or buf[at + 4] == 88)
        ):
            return at
        at += 1
    return at


@leaf
def put_text(buf, at, n, out, text):
    """The n <= 64 bytes at buf[at] to the eight words from out[text] on, zero padded."""
    for i in range(8):
        left = n - 8 * i
        w = np.int64(0)
        if left >= 8:
            w = load64(buf, at + 8 * i)
        elif left > 0:
            w = load64(buf, at + 8 * i) & ((np.int64(1) << (8 * left)) - 1)
        out[text + i] = w


@leaf
def _key_of(buf, at, n, conn):
    """text_key of the n bytes at buf[at]. The lanes after the first words are kept in conn, because a sender's ids mostly begin alike."""
    h1 = np.int64(TEXT_LANES[0])
    h2 = np.int64(TEXT_LANES[1])
    known = True
    i = np.int64(0)
    while i < PREFIX_WORDS and n - 8 * i >= 8:
        w = load64(buf, at + 8 * i)
        p = CN_PREFIX + 3 * i
        if known and conn[p] == w:
            h1 = conn[p + 1]
            h2 = conn[p + 2]
        else:
            known = False
            h1, h2 = text_lanes(buf, at + 8 * i, np.int64(8), h1, h2)
            conn[p] = w
            conn[p + 1] = h1
            conn[p + 2] = h2
            if i + 1 < PREFIX_WORDS:
                conn[p + 3] = 0  # no word of a text: what is there is of another beginning
        i += 1
    h1, h2 = text_lanes(buf, at + 8 * i, n - 8 * i, h1, h2)
    return lanes_key(h1, h2, n)


@leaf
def put_id(buf, at, n, conn, out, word):
    """Key words of a ClOrdID to out[word], out[word+1]: 1 when it needs the text row, 0 when it does not, -1 when it is no ClOrdID."""
    plain = plain_id(buf, at, n)
    if plain:
        out[word] = 0
        out[word + 1] = plain
        return np.int64(0)
    if not printable(buf, at, n):
        return np.int64(-1)
    hi, lo = _key_of(buf, at, n, conn)
    out[word] = hi
    out[word + 1] = lo
    return np.int64(1)


@leaf
def _row(m, buf, conn, out, pos):
    """The command row of the message noted in conn's scratch, at out[pos]: words written, or 0 when it is not for the kernel."""
    sc = CN_SCRATCH
    if conn[sc] != 0 or conn[L.CN_NEXT_IN] < 0:
        return np.int64(0)
    mask = conn[sc + 1]
    p = sc + 2
    if conn[p + 2 * SLOT_TYPE + 1] != 1:
        return np.int64(0)
    msg_type = np.int64(buf[conn[p + 2 * SLOT_TYPE]])
    if msg_type == 68:
        kind = np.int64(C.C_NEW)
        must = np.int64(MUST_NEW)
        may = np.int64(MAY_NEW)
    elif msg_type == 70:
        kind = np.int64(C.C_CANCEL)
        must = np.int64(MUST_CANCEL)
        may = np.int64(MAY_CANCEL)
    elif msg_type == 71:
        kind = np.int64(C.C_REPLACE)
        must = np.int64(MUST_REPLACE)
        may = np.int64(MAY_REPLACE)
    else:
        return np.int64(0)
    if mask & must != must or mask & ~may != 0:
        return np.int64(0)

    # ---- header
    session = conn[L.CN_SESSION]
    s = m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE] + session * L.SESSION_WORDS
    if not same_text(buf, conn[p + 2 * SLOT_SENDER], conn[p + 2 * SLOT_SENDER + 1], m, s + L.S_PEER, m[s + L.S_PEER_LEN]):
        return np.int64(0)
    if not same_text(buf, conn[p + 2 * SLOT_TARGET], conn[p + 2 * SLOT_TARGET + 1], m, s + L.S_OUR, m[s + L.S_OUR_LEN]):
        return np.int64(0)
    seq = number(buf, conn[p + 2 * SLOT_SEQ], conn[p + 2 * SLOT_SEQ + 1])
    if seq != conn[L.CN_NEXT_IN] or seq >= 1 << 32:
        return np.int64(0)
    sent = timestamp(buf, conn[p + 2 * SLOT_TIME], conn[p + 2 * SLOT_TIME + 1], conn, np.int64(CN_DAY))
    if sent < 0 or abs(sent - conn[L.CN_NOW]) > conn[L.CN_SKEW]:
        return np.int64(0)
    if timestamp(buf, conn[p + 2 * SLOT_TRANSACT], conn[p + 2 * SLOT_TRANSACT + 1], conn, np.int64(CN_DAY)) < 0:
        return np.int64(0)

    # ---- who and what
    account = m[s + L.S_ACCOUNT] if kind == C.C_NEW else np.int64(0)  # in a cancel or replace a missing value means the order's
    if mask & (1 << SLOT_ACCOUNT):
        account = names_find(m, np.int64(L.NAME_ACCOUNT), buf, conn[p + 2 * SLOT_ACCOUNT], conn[p + 2 * SLOT_ACCOUNT + 1])
        if account == 0 or m[account_at(m, account) + L.AC_FIRM] != m[s + L.S_FIRM]:  # another firm's account is treated as unknown
            return np.int64(0)
    instrument = names_find(m, np.int64(L.NAME_INSTRUMENT), buf, conn[p + 2 * SLOT_SYMBOL], conn[p + 2 * SLOT_SYMBOL + 1])
    if instrument == 0:
        return np.int64(0)
    i = m[L.H_POOLS + L.P_INSTRUMENT * L.POOL_WORDS + L.PL_BASE] + instrument * L.INSTRUMENT_WORDS
    if listing_for(m, s, i) == 0:  # the session does not see this symbol
        return np.int64(0)
    if conn[p + 2 * SLOT_SIDE + 1] != 1:
        return np.int64(0)
    side = np.int64(buf[conn[p + 2 * SLOT_SIDE]]) - 48
    if side != 1 and side != 2:
        return np.int64(0)
    contract = np.int64(1 if kind == C.C_NEW else 0)  # in a cancel or replace a missing side means the order's
    if mask & (1 << SLOT_CONTRACT):
        c = np.int64(buf[conn[p + 2 * SLOT_CONTRACT]])
        if conn[p + 2 * SLOT_CONTRACT + 1] != 1 or (c != 89 and c != 78):
            return np.int64(0)
        contract = np.int64(2 if c == 78 else 1)
    qty_decimals = m[i + L.I_QTY_DECIMALS]
    qty = np.int64(0)
    if mask & (1 << SLOT_QTY):
        qty = decimal(buf, conn[p + 2 * SLOT_QTY], conn[p + 2 * SLOT_QTY + 1], qty_decimals)
        if qty < 0:
            return np.int64(0)
    price = np.int64(0)
    order_type = np.int64(0)
    tif = np.int64(0)
    flags = np.int64(0)
    expiry = np.int64(0)
    if kind == C.C_CANCEL:
        qty = np.int64(0)
    else:
        if conn[p + 2 * SLOT_ORD_TYPE + 1] != 1:
            return np.int64(0)
        order_type = np.int64(buf[conn[p + 2 * SLOT_ORD_TYPE]]) - 48
        if order_type != 1 and order_type != 2:
            return np.int64(0)
        if mask & (1 << SLOT_PRICE):
            price = decimal(buf, conn[p + 2 * SLOT_PRICE], conn[p + 2 * SLOT_PRICE + 1], m[i + L.I_PRICE_DECIMALS])
            if price < 0:
                return np.int64(0)
        elif order_type == 2:
            return np.int64(0)
        if mask & (1 << SLOT_TIF):
            tif = np.int64(buf[conn[p + 2 * SLOT_TIF]]) - 48
            if conn[p + 2 * SLOT_TIF + 1] != 1 or tif < 0 or tif > 6 or tif == 5:
                return np.int64(0)
        if mask & (1 << SLOT_HANDL):
            c = np.int64(buf[conn[p + 2 * SLOT_HANDL]])
            if conn[p + 2 * SLOT_HANDL + 1] != 1 or (c != 49 and c != 50):
                return np.int64(0)
        if mask & (1 << SLOT_EXEC_INST):
            if conn[p + 2 * SLOT_EXEC_INST + 1] != 1 or buf[conn[p + 2 * SLOT_EXEC_INST]] != 54:
                return np.int64(0)
            flags = np.int64(1)
        if mask & (1 << SLOT_EXPIRE):
            expiry = timestamp(buf, conn[p + 2 * SLOT_EXPIRE], conn[p + 2 * SLOT_EXPIRE + 1], conn, np.int64(CN_DAY))
            if expiry < 0:
                return np.int64(0)

    # ---- the row, and behind it the text row when one of the ids is no plain number
    extra = put_id(buf, conn[p + 2 * SLOT_ID], conn[p + 2 * SLOT_ID + 1], conn, out, pos + L.CMD_ID_HI)
    if extra < 0:
        return np.int64(0)
    out[pos + L.CMD_ORIG_HI] = 0
    out[pos + L.CMD_ORIG_LO] = 0
    if kind != C.C_NEW:
        orig = put_id(buf, conn[p + 2 * SLOT_ORIG], conn[p + 2 * SLOT_ORIG + 1], conn, out, pos + L.CMD_ORIG_HI)
        if orig < 0:
            return np.int64(0)
        extra |= orig
    if extra:
        put_text(buf, conn[p + 2 * SLOT_ID], conn[p + 2 * SLOT_ID + 1], out, pos + L.CMD_WORDS)
        if kind != C.C_NEW:
            put_text(buf, conn[p + 2 * SLOT_ORIG], conn[p + 2 * SLOT_ORIG + 1], out, pos + L.CMD_WORDS + 8)
        else:
            for w in range(8):
                out[pos + L.CMD_WORDS + 8 + w] = 0
    row_flags = extra * L.ROWFLAG_TEXT
    if kind == C.C_REPLACE and mask & (1 << SLOT_TIF):
        row_flags |= L.ROWFLAG_TIF  # Day is 0 in the row: 59=0 is not the same as no 59
    out[pos + L.CMD_HEAD] = pack_command(kind, extra, pack_terms(side, contract, order_type, tif), 0, row_flags, flags)
    out[pos + L.CMD_SESSION_ACCOUNT] = pack_session_account(session, account)
    out[pos + L.CMD_INSTRUMENT] = pack_instrument(instrument, 0)
    out[pos + L.CMD_PRICE] = price
    out[pos + L.CMD_QTY] = qty
    for w in range(L.CMD_ORIG_LO + 1, L.CMD_WORDS):
        out[pos + w] = 0
    out[pos + L.CMD_EXPIRY] = expiry
    out[pos + L.CMD_GROUP_SEQ] = seq
    return np.int64(L.CMD_WORDS) * (1 + extra)


@kernel("int64(int64[::1], uint8[::1], int64, int64, int64[::1], int64[::1], int64, int64[::1])")
def decode(m, buf, start, end, conn, out, pos, res):
    """Command rows from buf[start:end] to out[pos:]. `buf` has loads.SLACK bytes after `end`.

    Returns DEC_NEED_MORE (all whole messages are used up), DEC_FULL (budget or CN_LIMIT) or DEC_SLOW (the message at res[RES_POS],
    res[RES_LENGTH] bytes long, is for the Python path, which continues after it and sets CN_NEXT_IN). res[RES_POS], res[RES_OUT],
    res[RES_COUNT] are set.
    """
    m = words_of(m)
    buf = bytes_of(buf)
    conn = words_of(conn)
    out = words_of(out)
    res = words_of(res)
    at = start
    count = np.int64(0)
    status = np.int64(L.DEC_NEED_MORE)
    res[RES_LENGTH] = 0
    while True:
        if conn[L.CN_BUDGET] <= 0 or pos >= conn[CN_LIMIT]:
            status = np.int64(L.DEC_FULL)
            break
        begin = _next_begin(buf, at, end)
        if begin > at:
            res[RES_GARBLED] += 1
            at = begin
        if end - at < 16:
            break
        size = take_apart(buf, at, end, conn, np.int64(CN_SCRATCH))
        if size == INCOMPLETE:
            break
        if size == GARBLED or size == TOO_LONG:
            if size == TOO_LONG:
                res[RES_TOO_LONG] = conn[CN_SCRATCH]
            at = _next_begin(buf, at + 1, end)
            res[RES_GARBLED] += 1
            continue
        words = _row(m, buf, conn, out, pos)
        if words == 0:
            status = np.int64(L.DEC_SLOW)
            res[RES_LENGTH] = size
            break
        conn[L.CN_NEXT_IN] += 1
        conn[L.CN_BUDGET] -= 1
        count += 1
        pos += words
        at += size
    res[L.RES_POS] = at
    res[L.RES_OUT] = pos
    res[L.RES_COUNT] = count
    return status


@kernel("int64(uint8[::1], int64, int64, int64[::1], int64[::1])")
def id_key(data, start, length, conn, out):
    """For callers in Python: the key of a ClOrdID to out[0:2]; 1: it needs a text row, 0: not, -1: it is no ClOrdID. `data` with SLACK; conn:
    FIX_CONN_WORDS words."""
    return put_id(bytes_of(data), start, length, words_of(conn), words_of(out), np.int64(0))
