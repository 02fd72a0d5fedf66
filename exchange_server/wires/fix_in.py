"""The FIX wire's hot path: D, F and G out of a buffer into command rows.

The kernel handles only: FIX.4.4, an undamaged message with the session's CompIDs and exactly the next MsgSeqNum, SendingTime
within the tolerance, no field twice, all required fields, every value in its usual form. At anything else it stops with DEC_SLOW and the
message's position, and plain Python (gateway/fix/connection.py) handles that one message. Garbled parts are counted and dropped here.
The encoder is in fix_out.py.
"""

import numpy as np

from protocol import codes as C

from ..core import layout as L
from ..core.kit.bits import bytes_of, stack_words, text_key, touch, words_of
from ..core.kit.digits import number
from ..core.kit.jit import kernel, leaf, unlikely
from ..core.kit.loads import load64
from ..core.kit.names import name_slot, names_find_from, touch_name
from ..core.kit.pools import pool_base
from ..core.kit.rows import account_at
from ..core.kit.text_ids import pack_text
from ..core.layout.packed import pack_command, pack_instrument, pack_session_account, pack_terms
from ..core.risk.visibility import listing_for
from .fix_parse import (
    FIX_44,
    INCOMPLETE,
    NOTE_WORDS,
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
    WAYS,
    take_apart,
)
from .fix_values import TIME_WORDS, decimal, plain_id, same_text, timestamp

# conn: the common words of core/layout/calls.py, then
CN_LIMIT = L.CN_WORDS  # word of `out` from which on no message is started; 2 rows after it must be free
CN_TIME = L.CN_WORDS + 1  # fix_values.TIME_WORDS
CN_WAYS = CN_TIME + TIME_WORDS  # fix_parse.WAYS
FIX_CONN_WORDS = CN_WAYS + WAYS
HAND_OVER = -1  # in CN_NEXT_IN: leave every message to plain Python (before logon, while a gap is open)

# res: the common words, then
RES_LENGTH = 3  # DEC_SLOW: the message lies at RES_POS with this length
RES_GARBLED = 4  # += messages or byte ranges dropped
RES_TOO_LONG = 5  # BodyLength of the last one that was dropped because it is too long

# Messages are taken apart in groups, so that the memory waits for the names and rows of one go on while others are read. Of each is noted what
# take_apart notes, then
GROUP = 8
NT_SIZE = NOTE_WORDS  # bytes of the message
NT_SYMBOL = NOTE_WORDS + 1  # slot of its Symbol among the names; then the instrument's id
NT_ACCOUNT = NOTE_WORDS + 2  # the same of its Account; 0 where it has none
GROUP_WORDS = NOTE_WORDS + 3
NOTES = GROUP * GROUP_WORDS

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
def put_id(buf, at, n, out, word):
    """Key words of a ClOrdID to out[word], out[word+1]: 1 when it needs the text row, 0 when it does not, -1 when it is no ClOrdID."""
    plain = plain_id(buf, at, n)
    if plain:
        out[word] = 0
        out[word + 1] = plain
        return np.int64(0)
    hi, lo = pack_text(buf, at, n)
    if hi < 0:
        return np.int64(-1)
    if hi == 0:
        hi, lo = text_key(buf, at, n)
    out[word] = hi
    out[word + 1] = lo
    return np.int64(1 if hi < 0 else 0)


@unlikely
def _put_text_row(buf, own_at, own_n, orig_at, orig_n, out, pos):
    """The text row of the row at out[pos]: the texts of the ids whose key is a hash, of a length (0: there is none)."""
    put_text(buf, own_at, own_n if out[pos + L.CMD_ID_HI] < 0 else np.int64(0), out, pos + L.CMD_WORDS)
    put_text(buf, orig_at, orig_n if out[pos + L.CMD_ORIG_HI] < 0 else np.int64(0), out, pos + L.CMD_WORDS + 8)


@leaf
def _row(m, buf, conn, notes, o, out, pos):
    """The command row of the message noted at notes[o], at out[pos]: words written, or 0 when it is not for the kernel."""
    if notes[o] != 0 or conn[L.CN_NEXT_IN] < 0:
        return np.int64(0)
    mask = notes[o + 1]
    p = o + 2
    if notes[p + 2 * SLOT_TYPE + 1] != 1:
        return np.int64(0)
    msg_type = np.int64(buf[notes[p + 2 * SLOT_TYPE]])
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
    if not same_text(buf, notes[p + 2 * SLOT_SENDER], notes[p + 2 * SLOT_SENDER + 1], m, s + L.S_PEER, m[s + L.S_PEER_LEN]):
        return np.int64(0)
    if not same_text(buf, notes[p + 2 * SLOT_TARGET], notes[p + 2 * SLOT_TARGET + 1], m, s + L.S_OUR, m[s + L.S_OUR_LEN]):
        return np.int64(0)
    seq = number(buf, notes[p + 2 * SLOT_SEQ], notes[p + 2 * SLOT_SEQ + 1])
    if seq != conn[L.CN_NEXT_IN] or seq >= 1 << 32:
        return np.int64(0)
    sent = timestamp(buf, notes[p + 2 * SLOT_TIME], notes[p + 2 * SLOT_TIME + 1], conn, np.int64(CN_TIME))
    if sent < 0 or abs(sent - conn[L.CN_NOW]) > conn[L.CN_SKEW]:
        return np.int64(0)
    if timestamp(buf, notes[p + 2 * SLOT_TRANSACT], notes[p + 2 * SLOT_TRANSACT + 1], conn, np.int64(CN_TIME)) < 0:
        return np.int64(0)

    # ---- who and what
    account = m[s + L.S_ACCOUNT] if kind == C.C_NEW else np.int64(0)  # in a cancel or replace a missing value means the order's
    if mask & (1 << SLOT_ACCOUNT):
        account = notes[o + NT_ACCOUNT]
        if account == 0 or m[account_at(m, account) + L.AC_FIRM] != m[s + L.S_FIRM]:  # another firm's account is treated as unknown
            return np.int64(0)
    instrument = notes[o + NT_SYMBOL]
    if instrument == 0:
        return np.int64(0)
    i = m[L.H_POOLS + L.P_INSTRUMENT * L.POOL_WORDS + L.PL_BASE] + instrument * L.INSTRUMENT_WORDS
    if listing_for(m, s, i) == 0:  # the session does not see this symbol
        return np.int64(0)
    if notes[p + 2 * SLOT_SIDE + 1] != 1:
        return np.int64(0)
    side = np.int64(buf[notes[p + 2 * SLOT_SIDE]]) - 48
    if side != 1 and side != 2:
        return np.int64(0)
    contract = np.int64(1 if kind == C.C_NEW else 0)  # in a cancel or replace a missing side means the order's
    if mask & (1 << SLOT_CONTRACT):
        c = np.int64(buf[notes[p + 2 * SLOT_CONTRACT]])
        if notes[p + 2 * SLOT_CONTRACT + 1] != 1 or (c != 89 and c != 78):
            return np.int64(0)
        contract = np.int64(2 if c == 78 else 1)
    qty_decimals = m[i + L.I_QTY_DECIMALS]
    qty = np.int64(0)
    if mask & (1 << SLOT_QTY):
        qty = decimal(buf, notes[p + 2 * SLOT_QTY], notes[p + 2 * SLOT_QTY + 1], qty_decimals)
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
        if notes[p + 2 * SLOT_ORD_TYPE + 1] != 1:
            return np.int64(0)
        order_type = np.int64(buf[notes[p + 2 * SLOT_ORD_TYPE]]) - 48
        if order_type != 1 and order_type != 2:
            return np.int64(0)
        if mask & (1 << SLOT_PRICE):
            price = decimal(buf, notes[p + 2 * SLOT_PRICE], notes[p + 2 * SLOT_PRICE + 1], m[i + L.I_PRICE_DECIMALS])
            if price < 0:
                return np.int64(0)
        elif order_type == 2:
            return np.int64(0)
        if mask & (1 << SLOT_TIF):
            tif = np.int64(buf[notes[p + 2 * SLOT_TIF]]) - 48
            if notes[p + 2 * SLOT_TIF + 1] != 1 or tif < 0 or tif > 6 or tif == 5:
                return np.int64(0)
        if mask & (1 << SLOT_HANDL):
            c = np.int64(buf[notes[p + 2 * SLOT_HANDL]])
            if notes[p + 2 * SLOT_HANDL + 1] != 1 or (c != 49 and c != 50):
                return np.int64(0)
        if mask & (1 << SLOT_EXEC_INST):
            if notes[p + 2 * SLOT_EXEC_INST + 1] != 1 or buf[notes[p + 2 * SLOT_EXEC_INST]] != 54:
                return np.int64(0)
            flags = np.int64(1)
        if mask & (1 << SLOT_EXPIRE):
            expiry = timestamp(buf, notes[p + 2 * SLOT_EXPIRE], notes[p + 2 * SLOT_EXPIRE + 1], conn, np.int64(CN_TIME))
            if expiry < 0:
                return np.int64(0)

    # ---- the row, and after it the text row when the text of one of the ids does not fit into its key
    extra = put_id(buf, notes[p + 2 * SLOT_ID], notes[p + 2 * SLOT_ID + 1], out, pos + L.CMD_ID_HI)
    if extra < 0:
        return np.int64(0)
    out[pos + L.CMD_ORIG_HI] = 0
    out[pos + L.CMD_ORIG_LO] = 0
    if kind != C.C_NEW:
        orig = put_id(buf, notes[p + 2 * SLOT_ORIG], notes[p + 2 * SLOT_ORIG + 1], out, pos + L.CMD_ORIG_HI)
        if orig < 0:
            return np.int64(0)
        extra |= orig
    if extra:
        own = p + 2 * SLOT_ID
        orig = p + 2 * SLOT_ORIG
        _put_text_row(buf, notes[own], notes[own + 1], notes[orig], notes[orig + 1], out, pos)
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


@leaf
def _look_at_names(m, buf, notes, o):
    """Note where the search for the message's names begins, and fetch that."""
    p = o + 2
    slot = np.int64(-1)
    if notes[o + 1] & (1 << SLOT_SYMBOL):
        slot = name_slot(m, np.int64(L.NAME_INSTRUMENT), buf, notes[p + 2 * SLOT_SYMBOL], notes[p + 2 * SLOT_SYMBOL + 1])
        touch_name(m, slot)
    notes[o + NT_SYMBOL] = slot
    slot = np.int64(-1)
    if notes[o + 1] & (1 << SLOT_ACCOUNT):
        slot = name_slot(m, np.int64(L.NAME_ACCOUNT), buf, notes[p + 2 * SLOT_ACCOUNT], notes[p + 2 * SLOT_ACCOUNT + 1])
        touch_name(m, slot)
    notes[o + NT_ACCOUNT] = slot


@leaf
def _find_names(m, buf, notes, o):
    """Note the ids of the message's names, 0 for what is missing or unknown, and fetch what is asked about them."""
    p = o + 2
    slot = notes[o + NT_SYMBOL]
    found = names_find_from(m, slot, np.int64(L.NAME_INSTRUMENT), buf, notes[p + 2 * SLOT_SYMBOL], notes[p + 2 * SLOT_SYMBOL + 1])
    notes[o + NT_SYMBOL] = found
    slot = notes[o + NT_ACCOUNT]
    found = names_find_from(m, slot, np.int64(L.NAME_ACCOUNT), buf, notes[p + 2 * SLOT_ACCOUNT], notes[p + 2 * SLOT_ACCOUNT + 1])
    notes[o + NT_ACCOUNT] = found
    touch(m, pool_base(m, L.P_ACCOUNT) + found * L.ACCOUNT_WORDS + L.AC_FIRM)  # not through account_at, which would wait for the row


@leaf
def _take_group(m, buf, at, end, most, conn, notes):
    """Take apart the message at buf[at] and the whole and usual ones that follow it, up to `most` in all, and look up their names. Returns
    (how many are noted, what take_apart said of the last one)."""
    n = np.int64(0)
    while True:
        o = n * GROUP_WORDS
        size = take_apart(buf, at, end, conn, np.int64(CN_WAYS), notes, o)
        if size <= 0:
            break
        notes[o + NT_SIZE] = size
        _look_at_names(m, buf, notes, o)
        n += 1
        at += size
        if n >= most or notes[o] != 0 or end - at < 16 or load64(buf, at) != FIX_44:
            break
    for i in range(n):
        _find_names(m, buf, notes, i * GROUP_WORDS)
    return n, size


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
    notes = stack_words(NOTES)
    at = start
    count = np.int64(0)
    status = np.int64(L.DEC_NEED_MORE)
    res[RES_LENGTH] = 0
    i = np.int64(0)  # messages of the group that are done
    n = np.int64(0)  # messages in it
    while True:
        if conn[L.CN_BUDGET] <= 0 or pos >= conn[CN_LIMIT]:
            status = np.int64(L.DEC_FULL)
            break
        if i == n:
            begin = _next_begin(buf, at, end)
            if begin > at:
                res[RES_GARBLED] += 1
                at = begin
            if end - at < 16:
                break
            most = min(conn[L.CN_BUDGET], np.int64(GROUP if conn[L.CN_NEXT_IN] >= 0 else 1))
            n, size = _take_group(m, buf, at, end, most, conn, notes)
            i = np.int64(0)
            if n == 0:
                if size == INCOMPLETE:
                    break
                if size == TOO_LONG:
                    res[RES_TOO_LONG] = notes[0]
                at = _next_begin(buf, at + 1, end)
                res[RES_GARBLED] += 1
                continue
        size = notes[i * GROUP_WORDS + NT_SIZE]
        words = _row(m, buf, conn, notes, i * GROUP_WORDS, out, pos)
        if words == 0:
            status = np.int64(L.DEC_SLOW)
            res[RES_LENGTH] = size
            break
        conn[L.CN_NEXT_IN] += 1
        conn[L.CN_BUDGET] -= 1
        count += 1
        pos += words
        at += size
        i += 1
    res[L.RES_POS] = at
    res[L.RES_OUT] = pos
    res[L.RES_COUNT] = count
    return status


@kernel("int64(uint8[::1], int64, int64, int64[::1])")
def id_key(data, start, length, out):
    """For callers in Python: the key of a ClOrdID to out[0:2]; 1: it needs a text row, 0: not, -1: it is no ClOrdID. `data` with SLACK."""
    return put_id(bytes_of(data), start, length, words_of(out), np.int64(0))
