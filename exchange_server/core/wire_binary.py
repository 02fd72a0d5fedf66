"""The binary wire's frequent messages: bytes to command rows, event rows to bytes.

The messages are those of protocol/messages.py; tests prove both directions equal to msgspec. A frame is a u32 little endian length and one
MessagePack array; the buffer carries loads.SLACK bytes behind its content. `decode` takes NewOrder, CancelOrder, ReplaceOrder, MassCancel and OrderStatusRequest; whatever it does not
know or like (also a number out of its range) it leaves to plain Python with DEC_SLOW, which then makes the precise refusal: it never
guesses, and bytes behind the frame never change an answer. `encode` writes every numbered event of a session of this wire.
"""

from typing import Any

import numpy as np

from protocol.codes import (
    C_CANCEL,
    C_MASS_CANCEL,
    C_NEW,
    C_REPLACE,
    C_STATUS,
    E_ACCEPTED,
    E_CANCEL_REJECT,
    E_CANCELED,
    E_EXPIRED,
    E_FILL,
    E_MASS_DONE,
    E_MOVED,
    E_REFUSED,
    E_REJECTED,
    E_REPLACED,
    E_SENT,
    E_SETTLED,
    E_STATUS,
    SCOPE_EVENT,
    WIRE_BINARY,
)

from .bits import bytes_of, lsr, words_of
from .jit import kernel, leaf
from .loads import load64, store64
from .msgpack import SLACK_BYTES, read_array, read_id, read_int, write_int, write_length
from .pools import pool_cap, session_at
from .records import (
    CMD_COST_CAP,
    CMD_DEADLINE,
    CMD_DISPLAY_QTY,
    CMD_EXPIRY,
    CMD_GROUP_SEQ,
    CMD_HEAD,
    CMD_ID_LO,
    CMD_INSTRUMENT,
    CMD_MIN_QTY,
    CMD_ORIG_LO,
    CMD_PRICE,
    CMD_QTY,
    CMD_SCOPE,
    CMD_SESSION_ACCOUNT,
    CMD_STOP_PRICE,
    CMD_WORDS,
    CN_BUDGET,
    CN_SESSION,
    DEC_FULL,
    DEC_NEED_MORE,
    DEC_SLOW,
    ENC_DONE,
    ENC_SPACE,
    EVT_ASKED,
    EVT_BODY_BYTES,
    EVT_CUM,
    EVT_EXPIRY,
    EVT_FEE,
    EVT_HEAD,
    EVT_ID_HI,
    EVT_ID_LO,
    EVT_INSTRUMENT,
    EVT_LAST_PRICE,
    EVT_LAST_QTY,
    EVT_LEAVES,
    EVT_LIMIT,
    EVT_NOTIONAL,
    EVT_NUMBER,
    EVT_ORDER,
    EVT_ORIG_HI,
    EVT_ORIG_LO,
    EVT_PRICE,
    EVT_QTY,
    EVT_SESSION_ACCOUNT,
    EVT_SESSION_NUMBER,
    EVT_SPARE,
    EVT_TIME,
    EVT_TRADE,
    EVT_USED,
    EVT_WORDS,
    INDEX_WORDS,
    IX_LENGTH,
    IX_OFFSET,
    IX_SESSION,
    P_SESSION,
    RES_BYTES,
    RES_COUNT,
    RES_INDEX,
    RES_MESSAGES,
    RES_OUT,
    RES_POS,
    S_WIRE,
)

# Tags of protocol/messages.py (a test compares them)
TAG_NEW = 10
TAG_CANCEL = 11
TAG_REPLACE = 12
TAG_MASS_CANCEL = 13
TAG_STATUS = 14
TAG_SENT = 65
TAG_ACCEPTED = 80
TAG_REJECTED = 81
TAG_FILL = 82
TAG_CANCELED = 83
TAG_REPLACED = 84
TAG_CANCEL_REJECTED = 85
TAG_EXPIRED = 86
TAG_ORDER_STATUS = 87
TAG_MASS_DONE = 88
TAG_MOVED = 89
TAG_SETTLED = 90
TAG_REFUSED = 91

MAX_PAYLOAD = 65536  # protocol/framing.py MAX_CLIENT_PAYLOAD
MESSAGE_BYTES = 224  # no report is longer: length, array16, 22 integers of at most 9 bytes; Sent has its body on top


@leaf
def _clear(out, o):
    for i in range(CMD_WORDS):
        out[o + i] = 0


@leaf
def _new(data, at, end, count, session, out, o):
    """Fields of NewOrder behind the tag into the row at `o`. False: not for this kernel."""
    if count < 11 or count > 21:
        return False
    key, at = read_id(data, at, end)
    account, at = read_int(data, at, end)
    instrument, at = read_int(data, at, end)
    five = load64(data, at) if at < end else np.int64(-1)
    if (five & 0x8080808080) == 0:  # five small integers, as always
        side = five & 255
        contract = (five >> 8) & 255
        kind = (five >> 16) & 255
        tif = (five >> 24) & 255
        flags = (five >> 32) & 255
        at += 5
    else:
        side, at = read_int(data, at, end)
        contract, at = read_int(data, at, end)
        kind, at = read_int(data, at, end)
        tif, at = read_int(data, at, end)
        flags, at = read_int(data, at, end)
    price, at = read_int(data, at, end)
    qty, at = read_int(data, at, end)
    if at > end or key < 1 or ((account | instrument) >> 31) != 0 or ((side | contract | kind | tif) >> 4) != 0 or (flags >> 7) != 0:
        return False
    _clear(out, o)
    stp = np.int64(0)
    venue = np.int64(0)
    front_end = np.int64(0)
    for i in range(11, count):
        value, at = read_int(data, at, end)
        if i == 11:
            out[o + CMD_EXPIRY] = value
        elif i == 12:
            out[o + CMD_MIN_QTY] = value
        elif i == 13:
            out[o + CMD_DISPLAY_QTY] = value
        elif i == 14:
            out[o + CMD_STOP_PRICE] = value
        elif i == 15:
            out[o + CMD_DEADLINE] = value
        elif i == 16:
            if (value >> 31) != 0:
                return False
            out[o + CMD_GROUP_SEQ] = value << 32
        elif i == 17:
            out[o + CMD_COST_CAP] = value
        elif i == 18:
            stp = value
        elif i == 19:
            venue = value
        else:
            front_end = value
    if at != end or (stp >> 4) != 0 or ((venue | front_end) >> 16) != 0:
        return False
    out[o + CMD_HEAD] = C_NEW | (side << 16) | (contract << 20) | (kind << 24) | (tif << 28) | (stp << 32) | (flags << 40)
    out[o + CMD_SESSION_ACCOUNT] = (session << 32) | account
    out[o + CMD_INSTRUMENT] = (instrument << 32) | (venue << 16) | front_end
    out[o + CMD_PRICE] = price
    out[o + CMD_QTY] = qty
    out[o + CMD_ID_LO] = key
    return True


@leaf
def _replace(data, at, end, count, session, out, o):
    """Fields of ReplaceOrder."""
    if count < 7 or count > 20:
        return False
    key, at = read_id(data, at, end)
    orig, at = read_id(data, at, end)
    account, at = read_int(data, at, end)
    instrument, at = read_int(data, at, end)
    price, at = read_int(data, at, end)
    qty, at = read_int(data, at, end)
    if at > end or key < 1 or orig < 1 or ((account | instrument) >> 31) != 0:
        return False
    _clear(out, o)
    head = np.int64(C_REPLACE)
    for i in range(7, count):
        value, at = read_int(data, at, end)
        if i <= 10:
            if (value >> 4) != 0:
                return False
            head |= value << (16 + 4 * (i - 7))
        elif i == 11:
            if (value >> 7) != 0:
                return False
            head |= value << 40
        elif i == 12:
            out[o + CMD_EXPIRY] = value
        elif i == 13:
            out[o + CMD_MIN_QTY] = value
        elif i == 14:
            out[o + CMD_DISPLAY_QTY] = value
        elif i == 15:
            out[o + CMD_STOP_PRICE] = value
        elif i == 16:
            out[o + CMD_DEADLINE] = value
        elif i == 17:
            if (value >> 31) != 0:
                return False
            out[o + CMD_GROUP_SEQ] = value << 32
        elif i == 18:
            out[o + CMD_COST_CAP] = value
        else:
            if (value >> 4) != 0:
                return False
            head |= value << 32
    if at != end:
        return False
    out[o + CMD_HEAD] = head
    out[o + CMD_SESSION_ACCOUNT] = (session << 32) | account
    out[o + CMD_INSTRUMENT] = instrument << 32
    out[o + CMD_PRICE] = price
    out[o + CMD_QTY] = qty
    out[o + CMD_ID_LO] = key
    out[o + CMD_ORIG_LO] = orig
    return True


@leaf
def _cancel(data, at, end, count, session, out, o):
    """Fields of CancelOrder."""
    if count < 3 or count > 5:
        return False
    key, at = read_id(data, at, end)
    orig, at = read_id(data, at, end)
    account = np.int64(0)
    instrument = np.int64(0)
    if count > 3:
        account, at = read_int(data, at, end)
    if count > 4:
        instrument, at = read_int(data, at, end)
    if at != end or key < 1 or orig < 1 or ((account | instrument) >> 31) != 0:
        return False
    _clear(out, o)
    out[o + CMD_HEAD] = C_CANCEL
    out[o + CMD_SESSION_ACCOUNT] = (session << 32) | account
    out[o + CMD_INSTRUMENT] = instrument << 32
    out[o + CMD_ID_LO] = key
    out[o + CMD_ORIG_LO] = orig
    return True


@leaf
def _status(data, at, end, count, session, out, o):
    """Fields of OrderStatusRequest. The order meant stands under both ids: the request has none of its own."""
    if count < 2 or count > 4:
        return False
    key, at = read_id(data, at, end)
    account = np.int64(0)
    instrument = np.int64(0)
    if count > 2:
        account, at = read_int(data, at, end)
    if count > 3:
        instrument, at = read_int(data, at, end)
    if at != end or key < 1 or ((account | instrument) >> 31) != 0:
        return False
    _clear(out, o)
    out[o + CMD_HEAD] = C_STATUS
    out[o + CMD_SESSION_ACCOUNT] = (session << 32) | account
    out[o + CMD_INSTRUMENT] = instrument << 32
    out[o + CMD_ID_LO] = key
    out[o + CMD_ORIG_LO] = key
    return True


@leaf
def _mass_cancel(data, at, end, count, session, out, o):
    """Fields of MassCancel."""
    if count < 3 or count > 7:
        return False
    key, at = read_id(data, at, end)
    scope, at = read_int(data, at, end)
    account = np.int64(0)
    instrument = np.int64(0)
    event = np.int64(0)
    side = np.int64(0)
    if count > 3:
        account, at = read_int(data, at, end)
    if count > 4:
        instrument, at = read_int(data, at, end)
    if count > 5:
        event, at = read_int(data, at, end)
    if count > 6:
        side, at = read_int(data, at, end)
    if at != end or key < 1 or ((account | instrument | event) >> 31) != 0 or ((scope | side) >> 4) != 0:
        return False
    _clear(out, o)
    out[o + CMD_HEAD] = C_MASS_CANCEL | (side << 16)
    out[o + CMD_SESSION_ACCOUNT] = (session << 32) | account
    out[o + CMD_INSTRUMENT] = (event if scope == SCOPE_EVENT else instrument) << 32
    out[o + CMD_SCOPE] = scope
    out[o + CMD_ID_LO] = key
    return True


@kernel("int64(int64[::1], uint8[::1], uint8[::1], int64, int64, int64[::1], int64[::1], int64, int64[::1])")
def decode(m, mb, buf, start, end, conn, out, pos, res):
    """Frames in buf[start:end] to command rows at out[pos:]. `buf` has loads.SLACK bytes behind `end`.

    conn: CN_SESSION is the session's id, CN_BUDGET the messages that may be taken (counted down); the caller sees to it that out has
    room for that many rows. res: RES_POS, RES_OUT, RES_COUNT. Answers DEC_NEED_MORE, DEC_FULL, or DEC_SLOW: the frame at res[RES_POS]
    (whole, or with a length that is 0 or above MAX_PAYLOAD) is for plain Python. `m` and `mb` are unused: the wires' kernels have one shape.
    """
    room = out.shape[0]
    buf = bytes_of(buf)
    conn = words_of(conn)
    out = words_of(out)
    res = words_of(res)
    session = conn[CN_SESSION]
    budget = conn[CN_BUDGET]
    status = np.int64(DEC_NEED_MORE)
    taken = np.int64(0)
    while start + 4 <= end:
        length = load64(buf, start) & 0xFFFFFFFF
        at = start + 4
        stop = at + length
        if length == 0 or length > MAX_PAYLOAD:
            status = DEC_SLOW
            break
        if stop > end:
            break
        if taken >= budget or pos + CMD_WORDS > room:
            status = DEC_FULL
            break
        first = np.int64(buf[at])
        if length > 1 and (first >> 4) == 9:
            count = first & 15
            tag = np.int64(buf[at + 1])
            at += 2
            if tag >= 128:
                tag, at = read_int(buf, at - 1, stop)
        else:
            count, at = read_array(buf, at, stop)
            tag, at = read_int(buf, at, stop)
        ok = False
        if at <= stop:
            if tag == TAG_NEW:
                ok = _new(buf, at, stop, count, session, out, pos)
            elif tag == TAG_CANCEL:
                ok = _cancel(buf, at, stop, count, session, out, pos)
            elif tag == TAG_REPLACE:
                ok = _replace(buf, at, stop, count, session, out, pos)
            elif tag == TAG_MASS_CANCEL:
                ok = _mass_cancel(buf, at, stop, count, session, out, pos)
            elif tag == TAG_STATUS:
                ok = _status(buf, at, stop, count, session, out, pos)
        if not ok:
            status = DEC_SLOW
            break
        pos += CMD_WORDS
        start = stop
        taken += 1
    conn[CN_BUDGET] = budget - taken
    res[RES_POS] = start
    res[RES_OUT] = pos
    res[RES_COUNT] = taken
    return status


# How a numbered event becomes a message. What begins all reports of orders is written field by field; the rest goes by this table:
# (word, shift, bits) of each field by its name.
_WHOLE = {
    "order": EVT_ORDER, "price": EVT_PRICE, "qty": EVT_QTY,
    "cum": EVT_CUM, "leaves": EVT_LEAVES, "last_price": EVT_LAST_PRICE, "last_qty": EVT_LAST_QTY, "notional": EVT_NOTIONAL,
    "fee": EVT_FEE, "trade": EVT_TRADE, "expiry": EVT_EXPIRY, "limit": EVT_LIMIT, "used": EVT_USED, "asked": EVT_ASKED,
    "scope": EVT_PRICE, "count": EVT_QTY, "asset": EVT_SPARE, "amount": EVT_PRICE, "balance": EVT_QTY, "sets": EVT_LAST_QTY,
    "payout": EVT_PRICE, "position": EVT_QTY, "settled": EVT_LAST_PRICE, "balance_after": EVT_LAST_QTY, "version": EVT_LEAVES,
}  # fmt: skip
_PARTS = {
    "account": (EVT_SESSION_ACCOUNT, 0, 32),
    "instrument": (EVT_INSTRUMENT, 32, 31),
    "status": (EVT_HEAD, 16, 4),
    "reason": (EVT_HEAD, 24, 16),
    "type": (EVT_HEAD, 48, 4),
    "tif": (EVT_HEAD, 52, 4),
    "flags": (EVT_HEAD, 56, 7),
}
_ALL = "number event time "
_ORDER = _ALL + "id order account instrument side contract_side "
PLANS: dict[int, tuple[int, str]] = {
    E_ACCEPTED: (TAG_ACCEPTED, _ORDER + "type tif price qty leaves expiry"),
    E_REJECTED: (TAG_REJECTED, _ORDER + "reason limit used asked price qty"),
    E_FILL: (TAG_FILL, _ORDER + "status flags price qty cum leaves last_price last_qty notional fee trade"),
    E_CANCELED: (TAG_CANCELED, _ORDER + "orig reason flags price qty cum notional"),
    E_REPLACED: (TAG_REPLACED, _ORDER + "orig status price qty cum leaves notional flags"),
    E_CANCEL_REJECT: (TAG_CANCEL_REJECTED, _ORDER + "orig status flags reason limit used asked"),
    E_EXPIRED: (TAG_EXPIRED, _ORDER + "reason price qty cum notional"),
    E_STATUS: (TAG_ORDER_STATUS, _ORDER + "orig status reason type tif price qty cum leaves notional expiry"),
    E_MASS_DONE: (TAG_MASS_DONE, _ALL + "id account instrument scope count reason"),
    E_MOVED: (TAG_MOVED, _ALL + "id account asset amount balance sets instrument"),
    E_SETTLED: (TAG_SETTLED, _ALL + "account instrument asset payout position settled balance_after version order"),
    E_REFUSED: (TAG_REFUSED, _ALL + "id account instrument reason limit used asked"),
    E_SENT: (TAG_SENT, _ALL + "body"),
}
PLAN_FIELDS = 16
PLAN_ORDER = 1
PLAN_ORIG = 2
PLAN_ID = 4


def _plan_tables() -> tuple[Any, Any, Any]:
    """(head, fields, masks) by event kind. head: first bytes 0-31 | their count 32-39 | fields in the table 40-47 | PLAN_* 48-, 0 when no
    client is told of the kind. fields: word 0-7 | shift 8-15."""
    heads = np.zeros(256, dtype=np.int64)
    fields = np.zeros(256 * PLAN_FIELDS, dtype=np.int64)
    masks = np.zeros(256 * PLAN_FIELDS, dtype=np.int64)
    for kind, (tag, text) in PLANS.items():
        names = text.split()
        count = 1 + len(names)
        first = bytes([0x90 | count, tag]) if count < 16 else bytes([0xDC, 0, count, tag])
        marks = PLAN_ORDER if text.startswith(_ORDER) else 0
        names = names[9 if marks else 3 :]
        if names[0] in ("orig", "id"):
            marks |= PLAN_ORIG if names[0] == "orig" else PLAN_ID
            del names[0]
        if names[-1] == "body":
            names.pop()
        for i, name in enumerate(names):
            word, shift, bits = _PARTS[name] if name in _PARTS else (_WHOLE[name], 0, 64)
            fields[kind * PLAN_FIELDS + i] = word | shift << 8
            masks[kind * PLAN_FIELDS + i] = -1 if bits == 64 else (1 << bits) - 1
        heads[kind] = int.from_bytes(first, "little") | len(first) << 32 | len(names) << 40 | marks << 48
    return heads, fields, masks


PLAN_HEAD, PLAN_FIELD, PLAN_MASK = _plan_tables()


@leaf
def _write(out, at, ev, e, head):
    """One numbered event as a frame at `at`; returns the position behind it (`at`: a kind that no client is told of).

    An order that has a text id of another wire (its key is below 0) has the id 0 here.
    """
    kind = head & 255
    plan = words_of(PLAN_HEAD)[kind]
    if plan == 0:
        return at
    store64(out, at + 4, plan)
    p = at + 4 + ((plan >> 32) & 255)
    p = write_int(out, p, ev[e + EVT_SESSION_NUMBER])
    p = write_int(out, p, ev[e + EVT_NUMBER])
    p = write_int(out, p, ev[e + EVT_TIME])
    if plan & (PLAN_ORDER << 48):
        p = write_int(out, p, ev[e + EVT_ID_LO] & ~(ev[e + EVT_ID_HI] >> 63))
        p = write_int(out, p, ev[e + EVT_ORDER])
        p = write_int(out, p, ev[e + EVT_SESSION_ACCOUNT] & 0xFFFFFFFF)
        p = write_int(out, p, lsr(ev[e + EVT_INSTRUMENT], 32))
        out[p] = (head >> 40) & 15
        out[p + 1] = (head >> 44) & 15
        p += 2
        if plan & (PLAN_ORIG << 48):
            p = write_int(out, p, ev[e + EVT_ORIG_LO] & ~(ev[e + EVT_ORIG_HI] >> 63))
    elif plan & (PLAN_ID << 48):
        p = write_int(out, p, ev[e + EVT_ID_LO] & ~(ev[e + EVT_ID_HI] >> 63))
    first = kind * PLAN_FIELDS
    fields = words_of(PLAN_FIELD)
    masks = words_of(PLAN_MASK)
    for i in range(first, first + ((plan >> 40) & 255)):
        field = fields[i]
        p = write_int(out, p, (ev[e + (field & 255)] >> (field >> 8)) & masks[i])
    if kind == E_SENT:
        p = _body(out, p, ev, e)
    write_length(out, at, p - at - 4)
    return p


@leaf
def _body(out, p, ev, e):
    """The bytes in the extra rows as they are."""
    size = min(ev[e + EVT_BODY_BYTES], ((ev[e + EVT_HEAD] >> 8) & 255) * EVT_WORDS * 8)
    for i in range((size + 7) >> 3):
        store64(out, p + 8 * i, ev[e + EVT_WORDS + i])
    return p + size


@kernel("int64(int64[::1], uint8[::1], int64[::1], int64, uint8[::1], int64[::1], int64[::1], int64)")
def encode(m, mb, ev, words, out, index, res, flags):
    """Event rows ev[:words] to frames in `out`, the messages of one session side by side.

    index: index_words(m) words, all 0 before the first call. Its first res[RES_INDEX] rows of INDEX_WORDS say
    (session, offset, length); the rest is the kernel's own and is left clean. res[RES_BYTES]: how much of `out` was laid out.
    ENC_SPACE: `out` is shorter than res[RES_BYTES]; nothing was done. E_SENT without a number is its body alone in a frame.
    `mb` and `flags` are unused: the wires' kernels have one shape.
    """
    room = out.shape[0]
    m = words_of(m)
    ev = words_of(ev)
    out = bytes_of(out)
    index = words_of(index)
    res = words_of(res)
    sessions = pool_cap(m, P_SESSION)
    slots = INDEX_WORDS * sessions  # by session: 0 not seen yet, n + 1 its index row n, -1 a session of another wire
    used = np.int64(0)
    others = np.int64(0)  # sessions of other wires: their ids lie in the index rows from the end on
    e = np.int64(0)
    while e < words:  # 1. room for each session
        head = ev[e + EVT_HEAD]
        session = lsr(ev[e + EVT_SESSION_ACCOUNT], 32)
        if 0 < session < sessions and (ev[e + EVT_SESSION_NUMBER] != 0 or (head & 255) == E_SENT):
            slot = index[slots + session]
            if slot == 0:
                row = session_at(m, session)
                if row != 0 and m[row + S_WIRE] == WIRE_BINARY:
                    used += 1
                    slot = used
                    r = (slot - 1) * INDEX_WORDS
                    index[r + IX_SESSION] = session
                    index[r + IX_LENGTH] = SLACK_BYTES
                else:
                    others += 1
                    slot = np.int64(-1)
                    index[slots - others * INDEX_WORDS] = session
                index[slots + session] = slot
            if slot > 0:
                index[(slot - 1) * INDEX_WORDS + IX_LENGTH] += MESSAGE_BYTES
                if (head & 255) == E_SENT:
                    index[(slot - 1) * INDEX_WORDS + IX_LENGTH] += ev[e + EVT_BODY_BYTES]
        e += EVT_WORDS * (1 + ((head >> 8) & 255))
    total = np.int64(0)
    for i in range(used):  # 2. where each begins
        r = i * INDEX_WORDS
        index[r + IX_OFFSET] = total
        total += index[r + IX_LENGTH]
        index[r + IX_LENGTH] = 0
    messages = np.int64(0)
    status = np.int64(ENC_SPACE)
    if total <= room:
        status = np.int64(ENC_DONE)
        e = np.int64(0)
        while e < words:  # 3. fill
            head = ev[e + EVT_HEAD]
            session = lsr(ev[e + EVT_SESSION_ACCOUNT], 32)
            number = ev[e + EVT_SESSION_NUMBER]
            if 0 < session < sessions and (number != 0 or (head & 255) == E_SENT):
                slot = index[slots + session]
                if slot > 0:
                    r = (slot - 1) * INDEX_WORDS
                    at = index[r + IX_OFFSET] + index[r + IX_LENGTH]
                    if number != 0:
                        p = _write(out, at, ev, e, head)
                    else:
                        p = _body(out, at + 4, ev, e)
                        write_length(out, at, p - at - 4)
                    index[r + IX_LENGTH] += p - at
                    messages += 1
            e += EVT_WORDS * (1 + ((head >> 8) & 255))
    for i in range(used):
        index[slots + index[i * INDEX_WORDS + IX_SESSION]] = 0
    for i in range(1, others + 1):
        index[slots + index[slots - i * INDEX_WORDS]] = 0
    res[RES_INDEX] = used
    res[RES_BYTES] = total
    res[RES_MESSAGES] = messages
    return status


def index_words(m: Any) -> int:
    """Length that the `index` of encode must have: it depends on the capacity for sessions."""
    return (INDEX_WORDS + 1) * int(pool_cap.py_func(m, P_SESSION))


def out_bytes(rows: int) -> int:
    """A size of `out` that is enough for this many event rows (an extra row carries at most its own bytes)."""
    return rows * (MESSAGE_BYTES + SLACK_BYTES)
