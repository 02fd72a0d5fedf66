"""The binary wire's frequent messages: bytes to command rows, event rows to bytes.

The messages are those of protocol/messages.py; tests prove both directions equal to msgspec. A frame is a u32 little endian length and one
MessagePack array; the buffer has loads.SLACK bytes after its content. `decode` handles NewOrder, CancelOrder, ReplaceOrder, MassCancel and
OrderStatusRequest. It stops with DEC_SLOW at any other message, and at one with an unusual or invalid field: plain Python then handles it
and makes the precise refusal. Bytes after the frame never change a result. `encode` writes every numbered event of a session of this wire.
"""

import numpy as np

from protocol import codes as C

from ..core import layout as L
from ..core.kit.bits import bytes_of, words_of
from ..core.kit.jit import kernel, leaf
from ..core.kit.loads import load64
from ..core.layout.packed import pack_command, pack_entry, pack_group, pack_instrument, pack_session_account, pack_terms
from .msgpack import read_array, read_id, read_int

# Tags of protocol/messages.py (a test compares them)
TAG_NEW = 10
TAG_CANCEL = 11
TAG_REPLACE = 12
TAG_MASS_CANCEL = 13
TAG_STATUS = 14

MAX_PAYLOAD = 65536  # protocol/framing.py MAX_CLIENT_PAYLOAD


@leaf
def _clear(out, o):
    for i in range(L.CMD_WORDS):
        out[o + i] = 0


@leaf
def _new(data, at, end, count, session, out, o):
    """Decode the fields of NewOrder after the tag into the row at `o`. False: leave it to plain Python."""
    if count < 11 or count > 21:
        return False
    key, at = read_id(data, at, end)
    account, at = read_int(data, at, end)
    instrument, at = read_int(data, at, end)
    five = load64(data, at) if at < end else np.int64(-1)
    if (five & 0x8080808080) == 0:  # five small integers, the usual case
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
            out[o + L.CMD_EXPIRY] = value
        elif i == 12:
            out[o + L.CMD_MIN_QTY] = value
        elif i == 13:
            out[o + L.CMD_DISPLAY_QTY] = value
        elif i == 14:
            out[o + L.CMD_STOP_PRICE] = value
        elif i == 15:
            out[o + L.CMD_DEADLINE] = value
        elif i == 16:
            if (value >> 31) != 0:
                return False
            out[o + L.CMD_GROUP_SEQ] = pack_group(value, 0)
        elif i == 17:
            out[o + L.CMD_COST_CAP] = value
        elif i == 18:
            stp = value
        elif i == 19:
            venue = value
        else:
            front_end = value
    if at != end or (stp >> 4) != 0 or ((venue | front_end) >> 16) != 0:
        return False
    out[o + L.CMD_HEAD] = pack_command(C.C_NEW, 0, pack_terms(side, contract, kind, tif), stp, 0, flags)
    out[o + L.CMD_SESSION_ACCOUNT] = pack_session_account(session, account)
    out[o + L.CMD_INSTRUMENT] = pack_instrument(instrument, pack_entry(venue, front_end))
    out[o + L.CMD_PRICE] = price
    out[o + L.CMD_QTY] = qty
    out[o + L.CMD_ID_LO] = key
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
    terms = np.int64(0)
    flags = np.int64(0)
    stp = np.int64(0)
    for i in range(7, count):
        value, at = read_int(data, at, end)
        if i <= 10:
            if (value >> 4) != 0:
                return False
            terms |= pack_terms(value, 0, 0, 0) << (4 * (i - 7))  # in the order in which they lie
        elif i == 11:
            if (value >> 7) != 0:
                return False
            flags = value
        elif i == 12:
            out[o + L.CMD_EXPIRY] = value
        elif i == 13:
            out[o + L.CMD_MIN_QTY] = value
        elif i == 14:
            out[o + L.CMD_DISPLAY_QTY] = value
        elif i == 15:
            out[o + L.CMD_STOP_PRICE] = value
        elif i == 16:
            out[o + L.CMD_DEADLINE] = value
        elif i == 17:
            if (value >> 31) != 0:
                return False
            out[o + L.CMD_GROUP_SEQ] = pack_group(value, 0)
        elif i == 18:
            out[o + L.CMD_COST_CAP] = value
        else:
            if (value >> 4) != 0:
                return False
            stp = value
    if at != end:
        return False
    out[o + L.CMD_HEAD] = pack_command(C.C_REPLACE, 0, terms, stp, 0, flags)
    out[o + L.CMD_SESSION_ACCOUNT] = pack_session_account(session, account)
    out[o + L.CMD_INSTRUMENT] = pack_instrument(instrument, 0)
    out[o + L.CMD_PRICE] = price
    out[o + L.CMD_QTY] = qty
    out[o + L.CMD_ID_LO] = key
    out[o + L.CMD_ORIG_LO] = orig
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
    out[o + L.CMD_HEAD] = C.C_CANCEL
    out[o + L.CMD_SESSION_ACCOUNT] = pack_session_account(session, account)
    out[o + L.CMD_INSTRUMENT] = pack_instrument(instrument, 0)
    out[o + L.CMD_ID_LO] = key
    out[o + L.CMD_ORIG_LO] = orig
    return True


@leaf
def _status(data, at, end, count, session, out, o):
    """Fields of OrderStatusRequest. Both ids are the order's: the request has no id of its own."""
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
    out[o + L.CMD_HEAD] = C.C_STATUS
    out[o + L.CMD_SESSION_ACCOUNT] = pack_session_account(session, account)
    out[o + L.CMD_INSTRUMENT] = pack_instrument(instrument, 0)
    out[o + L.CMD_ID_LO] = key
    out[o + L.CMD_ORIG_LO] = key
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
    out[o + L.CMD_HEAD] = pack_command(C.C_MASS_CANCEL, 0, pack_terms(side, 0, 0, 0), 0, 0, 0)
    out[o + L.CMD_SESSION_ACCOUNT] = pack_session_account(session, account)
    out[o + L.CMD_INSTRUMENT] = pack_instrument(event if scope == C.SCOPE_EVENT else instrument, 0)
    out[o + L.CMD_SCOPE] = scope
    out[o + L.CMD_ID_LO] = key
    return True


@kernel("int64(uint8[::1], int64, int64, int64[::1], int64[::1], int64, int64[::1])")
def decode(buf, start, end, conn, out, pos, res):
    """Frames in buf[start:end] to command rows at out[pos:]. `buf` has loads.SLACK bytes after `end`.

    conn: CN_SESSION is the session's id, CN_BUDGET the number of messages allowed (counted down); the caller makes sure that out has
    room for that many rows. res: RES_POS, RES_OUT, RES_COUNT. Answers DEC_NEED_MORE, DEC_FULL, or DEC_SLOW: plain Python must handle the
    frame at res[RES_POS] (whole, or with a length that is 0 or above MAX_PAYLOAD).
    """
    room = out.shape[0]
    buf = bytes_of(buf)
    conn = words_of(conn)
    out = words_of(out)
    res = words_of(res)
    session = conn[L.CN_SESSION]
    budget = conn[L.CN_BUDGET]
    status = np.int64(L.DEC_NEED_MORE)
    taken = np.int64(0)
    while start + 4 <= end:
        length = load64(buf, start) & 0xFFFFFFFF
        at = start + 4
        stop = at + length
        if length == 0 or length > MAX_PAYLOAD:
            status = L.DEC_SLOW
            break
        if stop > end:
            break
        if taken >= budget or pos + L.CMD_WORDS > room:
            status = L.DEC_FULL
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
            status = L.DEC_SLOW
            break
        pos += L.CMD_WORDS
        start = stop
        taken += 1
    conn[L.CN_BUDGET] = budget - taken
    res[L.RES_POS] = start
    res[L.RES_OUT] = pos
    res[L.RES_COUNT] = taken
    return status
