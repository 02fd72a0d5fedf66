"""Event rows to FIX 4.4 messages: the encoder of both live output and resends.

One event row (with its extra row) and the definitions in the arena make one message; the bytes of its body (everything after the header)
depend on nothing else, so a resend is byte for byte the same. Times of a live message (52 and 60) are the event's time.
  E_ACCEPTED E_REJECTED E_FILL E_CANCELED E_REPLACED E_EXPIRED E_STATUS -> 8 · E_CANCEL_REJECT -> 9 · E_MASS_DONE -> r
  E_BUST -> 8 150=H · E_CORRECTED -> 8 150=G · E_CONTRACT -> UPS · E_SETTLED, E_REVERSED -> UMS · E_SENT -> its body under a header · refusals by a throttle -> j 380=8
  any other numbered event (a transfer, for example) -> SequenceReset-GapFill over its number, so that no number is missing
Prices have the instrument's decimals, AvgPx four more, rounded down; the commission is in the settlement asset.
"""

import numpy as np

from protocol import codes as C

from ..core import layout as L
from ..core.kit.bits import bytes_of, words_of
from ..core.kit.jit import kernel, leaf
from ..core.kit.loads import SLACK, store64
from ..core.layout.packed import (
    account_of,
    contract_side_of,
    flags_of,
    has_own_fields,
    instrument_of,
    kind_of,
    reason_of,
    session_of,
    side_of,
    status_of,
    tif_of,
    time_form_of,
    type_of,
)
from .evidence import EV_LONGEST, EW_EVENT, evidence_slot, put_evidence
from .fix_values import byte_sum
from .fix_write import digits_of, put_number, put_packed, put_padded, put_scaled, put_time, put_words, tag_word, time_words
from .route import touch_event

# res: the common words, then
RES_TAKEN = 3  # routed events that are done; less than there are: `out` was full, call again with it
RES_NOW = 4  # in: SendingTime (ns) of resent messages
RES_CACHED = 8  # time of the words below
RES_TIME = 9  # UTCTimestamp of the event, 4 words
RES_SENDING = 13  # UTCTimestamp of RES_NOW, 4 words
RES_EXPIRY = 17  # scratch
FIX_RES_WORDS = 24

FLAG_RESEND = 1  # 43=Y, 52 = RES_NOW, 122 = the event's time

MESSAGE_BYTES = 1536  # no message is longer; E_SENT has its body on top

# texts: TEXT_ROW words per reason code, then the texts themselves (gateway/fix/encoder.py makes it)
TEXT_ROW = 8
TX_OFFSET = 0  # word
TX_LENGTH = 1  # bytes
TX_103 = 2  # -1: none
TX_102 = 3
TX_378 = 4
TX_UNIT = 5
TEXT_CODES = 512
UNIT_RAW = 0
UNIT_PRICE = 1
UNIT_QTY = 2
UNIT_MONEY = 3
UNIT_TIME = 4
UNIT_ACCOUNT = 5
UNIT_WORD = 6  # a word of the command row, or a part of one (codes.FIELD_*): shown as the tag that fills it
UNIT_QUOTE = 7  # an amount of the asset that the prices are in, whatever the side
PLACE_LIMIT = 2  # bytes in a text that stand for a number
PLACE_USED = 3
PLACE_ASKED = 4

W1, W6, W7, W11, W12, W13, W14, W17 = (tag_word(t) for t in (1, 6, 7, 11, 12, 13, 14, 17))
W31, W32, W34, W36, W37, W38, W39, W40, W41, W44, W45 = (tag_word(t) for t in (31, 32, 34, 36, 37, 38, 39, 40, 41, 44, 45))
W49, W52, W54, W55, W56, W58, W59, W60 = (tag_word(t) for t in (49, 52, 54, 55, 56, 58, 59, 60))
W102, W103, W122, W123, W126, W150, W151, W378, W372, W379, W380 = (
    tag_word(t) for t in (102, 103, 122, 123, 126, 150, 151, 378, 372, 379, 380)
)
W434, W530, W531, W532, W533, W851, W527, W43 = (tag_word(t) for t in (434, 530, 531, 532, 533, 851, 527, 43))
W790, W5010, W5011, W5101, W5102, W5103, W5104, W5105, W5106 = (tag_word(t) for t in (790, 5010, 5011, 5101, 5102, 5103, 5104, 5105, 5106))
W19, W5130, W5131, W5132, W5133 = (tag_word(t) for t in (19, 5130, 5131, 5132, 5133))
W5018, W5120, W5121 = (tag_word(t) for t in (5018, 5120, 5121))


# word of a command row -> tag; words that no single tag fills: 18 (ExecInst and the flags beside it)
TAG_OF_WORD = np.array(
    [18, 1, 5012, 44, 38, 11, 11, 41, 41, 110, 1138, 99, 126, 5013, 5015, 5014, 54, 5010, 40, 59, 2964, 18, 55], np.int64
)


def _word(text: bytes) -> int:
    assert len(text) <= 8
    return int.from_bytes(text, "little")


BEGIN = _word(b"8=FIX.4.")
BEGIN_2 = _word(b"4\x019=000\x01")
TYPE_FIELD = _word(b"35=")
POSS_DUP = _word(b"\x0143=Y")
NONE_37 = _word(b"\x0137=NONE")
NO_SYMBOL = _word(b"[N/A]")
NO_TIME = _word(b"none")
GAP_FILL = _word(b"\x01123=Y")
COMM_TYPE = _word(b"\x0113=3")
STATUS_CHARS = _word(b"80124C80")  # order status 0..7 as 39; ST_NONE and ST_REJECTED: 8; ST_REPLACED is never sent by itself
TIME_SIZES = 21 | 17 << 8 | 24 << 16 | 27 << 24  # bytes of a timestamp by FORM_TIME_*
TYPE_8 = _word(b"8")
TYPE_9 = _word(b"9")
TYPE_R = _word(b"r")
TYPE_J = _word(b"j")
TYPE_4 = _word(b"4")
TYPE_UMS = _word(b"UMS")
TYPE_UPS = _word(b"UPS")
SCOPE_CHARS = _word(b"0SAFIE00")  # SCOPE_* as 5011


@leaf
def _put(out, p, word, n):
    store64(out, p, word)
    return p + n


@leaf
def time_size(form):
    """Bytes of a timestamp on a session of this form."""
    return (TIME_SIZES >> (8 * time_form_of(form))) & 255


@leaf
def _put_char(out, p, word, n, char):
    """A field of one character: `word` of n bytes (SOH tag =) and the character."""
    store64(out, p, word)
    out[p + n] = char
    return p + n + 1


@leaf
def _put_id(out, p, word, n, ev, e, key, text, has_text):
    """A ClOrdID field, `word` of n bytes (SOH tag =) and the id, from its key at ev[e + key]; nothing when there is none."""
    hi = ev[e + key]
    lo = ev[e + key + 1]
    if hi == 0:
        return put_number(out, _put(out, p, word, n), lo) if lo != 0 else p
    if hi > 0:
        return put_packed(out, _put(out, p, word, n), hi, lo)
    if has_text:
        return put_padded(out, _put(out, p, word, n), ev, e + L.EVT_WORDS + text)
    return p


@leaf
def _base(m, pool):
    return m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE]


@leaf
def _row_of(m, pool, ident, width):
    """Offset of the row `ident` of a pool, 0 when there is none."""
    if ident <= 0 or ident >= m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_CAP]:
        return np.int64(0)
    return _base(m, pool) + ident * width


@leaf
def _money_decimals(m, inst, side):
    """Decimals of the asset that an order of this side is paid in (a spot sell: the base)."""
    event = m[inst + L.I_EVENT] if inst != 0 else np.int64(0)
    if event == 0:
        return np.int64(0)
    asset = m[event + L.E_ASSET]
    if side == C.SELL and m[inst + L.I_PAYOUT] == 0 and m[event + L.E_BASE_ASSET] != 0:
        asset = m[event + L.E_BASE_ASSET]
    a = _row_of(m, np.int64(L.P_ASSET), asset, np.int64(L.ASSET_WORDS))
    return m[a + L.A_DECIMALS] if a != 0 else np.int64(0)


@leaf
def _put_account(m, out, p, account):
    a = _row_of(m, np.int64(L.P_ACCOUNT), account, np.int64(L.ACCOUNT_WORDS))
    if a == 0 or m[a + L.AC_NAME_LEN] == 0:
        return p
    return put_words(out, _put(out, p, W1, 3), m, a + L.AC_NAME, m[a + L.AC_NAME_LEN])


@leaf
def _put_symbol(m, out, p, inst):
    p = _put(out, p, W55, 4)
    if inst == 0 or m[inst + L.I_SYMBOL_LEN] == 0:
        return _put(out, p, NO_SYMBOL, 5)
    return put_words(out, p, m, inst + L.I_SYMBOL, m[inst + L.I_SYMBOL_LEN])


@leaf
def _put_text(m, out, p, ev, e, texts, reason, inst, side, res):
    """58 with the reason's text, its numbers in the units of the wire."""
    row = reason * TEXT_ROW
    if reason < 0 or reason >= TEXT_CODES or texts[row + TX_LENGTH] == 0:
        return put_number(out, _put(out, p, W58, 4), reason)
    p = _put(out, p, W58, 4)
    at = texts[row + TX_OFFSET]
    unit = texts[row + TX_UNIT]
    for i in range(texts[row + TX_LENGTH]):
        c = (texts[at + (i >> 3)] >> (8 * (i & 7))) & 255
        if c > PLACE_ASKED:
            out[p] = c
            p += 1
            continue
        v = ev[e + L.EVT_LIMIT]
        if c == PLACE_USED:
            v = ev[e + L.EVT_USED]
        elif c == PLACE_ASKED:
            v = ev[e + L.EVT_ASKED]
        if unit == UNIT_PRICE and inst != 0:
            p = put_scaled(out, p, v, m[inst + L.I_PRICE_DECIMALS])
        elif unit == UNIT_QTY and inst != 0:
            p = put_scaled(out, p, v, m[inst + L.I_QTY_DECIMALS])
        elif unit == UNIT_MONEY:
            p = put_scaled(out, p, v, _money_decimals(m, inst, side))
        elif unit == UNIT_QUOTE:
            p = put_scaled(out, p, v, _money_decimals(m, inst, np.int64(0)))
        elif unit == UNIT_TIME and v == 0:
            p = _put(out, p, NO_TIME, 4)
        elif unit == UNIT_TIME and v > 0:
            time_words(v, res, np.int64(RES_EXPIRY))
            p = put_time(out, p, res, np.int64(RES_EXPIRY), np.int64(27))
        elif unit == UNIT_WORD:
            p = put_number(out, p, TAG_OF_WORD[min(max(v, np.int64(0)), np.int64(C.FIELD_INSTRUMENT))])
        elif unit == UNIT_ACCOUNT:
            a = _row_of(m, np.int64(L.P_ACCOUNT), v, np.int64(L.ACCOUNT_WORDS))
            if a != 0:
                p = put_words(out, p, m, a + L.AC_NAME, m[a + L.AC_NAME_LEN])
            else:
                p = _put(out, p, NO_SYMBOL, 5)
        else:
            p = put_number(out, p, v)
    return p


@leaf
def _header(m, out, p, ev, e, s, msg_type, n, res, flags):
    """8 to 122; BodyLength stays 000 until _finish. Returns the offset after it."""
    form = m[s + L.S_FORM]
    store64(out, p, BEGIN)
    store64(out, p + 8, BEGIN_2)
    p = _put(out, p + 16, TYPE_FIELD, 3)
    p = _put(out, p, msg_type, n)
    p = put_words(out, _put(out, p, W49, 4), m, s + L.S_OUR, m[s + L.S_OUR_LEN])
    p = put_words(out, _put(out, p, W56, 4), m, s + L.S_PEER, m[s + L.S_PEER_LEN])
    p = put_number(out, _put(out, p, W34, 4), ev[e + L.EVT_SESSION_NUMBER])
    if res[RES_CACHED] != ev[e + L.EVT_TIME]:
        time_words(ev[e + L.EVT_TIME], res, np.int64(RES_TIME))
        res[RES_CACHED] = ev[e + L.EVT_TIME]
    if flags & FLAG_RESEND:
        p = _put(out, p, POSS_DUP, 5)
        p = put_time(out, _put(out, p, W52, 4), res, np.int64(RES_SENDING), time_size(form))
        return put_time(out, _put(out, p, W122, 5), res, np.int64(RES_TIME), time_size(form))
    return put_time(out, _put(out, p, W52, 4), res, np.int64(RES_TIME), time_size(form))


@leaf
def _finish(out, begin, p):
    """BodyLength and CheckSum of the message out[begin:p], whose last field has its SOH. Returns the offset after it."""
    length = p - begin - 16
    if length >= 100 and length <= 999:
        w = digits_of(length)
        out[begin + 12] = 48 + ((w >> 40) & 255)
        out[begin + 13] = 48 + ((w >> 48) & 255)
        out[begin + 14] = 48 + ((w >> 56) & 255)
    else:
        digits = np.int64(2) if length < 100 else (np.int64(4) if length < 10000 else np.int64(5))
        shift = digits - 3
        if shift < 0:
            for i in range(begin + 15, p):
                out[i + shift] = out[i]
        else:
            for i in range(p - 1, begin + 14, -1):
                out[i + shift] = out[i]
        p += shift
        left = length
        for i in range(digits - 1, -1, -1):
            out[begin + 12 + i] = 48 + left % 10
            left //= 10
    total = byte_sum(out, begin, p)
    out[p] = 49
    out[p + 1] = 48
    out[p + 2] = 61
    out[p + 3] = 48 + total // 100
    out[p + 4] = 48 + total // 10 % 10
    out[p + 5] = 48 + total % 10
    out[p + 6] = 1
    return p + 7


@leaf
def _execution(m, out, p, ev, e, head, res, texts, form):
    """Body of an ExecutionReport, without the last SOH."""
    kind = kind_of(head)
    status = status_of(head)
    reason = reason_of(head)
    side = side_of(head)
    contract = contract_side_of(head)
    order_type = type_of(head)
    tif = tif_of(head)
    flags = flags_of(head)
    has_text = flags & C.EF_TEXT != 0
    inst = _row_of(m, np.int64(L.P_INSTRUMENT), instrument_of(ev[e + L.EVT_INSTRUMENT]), np.int64(L.INSTRUMENT_WORDS))
    price_decimals = np.int64(0)
    qty_decimals = np.int64(0)
    if inst != 0:
        price_decimals = m[inst + L.I_PRICE_DECIMALS]
        qty_decimals = m[inst + L.I_QTY_DECIMALS]
    if ev[e + L.EVT_ORDER] == 0:
        p = _put(out, p, NONE_37, 8)
    else:
        p = put_number(out, _put(out, p, W37, 4), ev[e + L.EVT_ORDER])
    if (
        kind == C.E_STATUS and ev[e + L.EVT_ID_HI] == 0 and ev[e + L.EVT_ID_LO] == 0
    ):  # requested by OrigClOrdID alone, which is the order's id
        p = _put_id(out, p, W11, 4, ev, e, np.int64(L.EVT_ORIG_HI), np.int64(8), has_text)
    else:
        p = _put_id(out, p, W11, 4, ev, e, np.int64(L.EVT_ID_HI), np.int64(0), has_text)
        if kind != C.E_CORRECTED:  # there these words are the terms before
            p = _put_id(out, p, W41, 4, ev, e, np.int64(L.EVT_ORIG_HI), np.int64(8), has_text)
    if flags & C.EF_REQUEST_ID:
        p = put_padded(out, _put(out, p, W790, 5), ev, e + L.EVT_WORDS + 16)
    p = put_number(out, _put(out, p, W17, 4), ev[e + L.EVT_NUMBER])
    exec_type = np.int64(48)
    if kind == C.E_FILL:
        exec_type = np.int64(70)
    elif kind == C.E_CANCELED:
        exec_type = np.int64(52)
    elif kind == C.E_REJECTED:
        exec_type = np.int64(56)
    elif kind == C.E_REPLACED:
        exec_type = np.int64(53)
    elif kind == C.E_EXPIRED:
        exec_type = np.int64(67)
    elif kind == C.E_STATUS:
        exec_type = np.int64(73)
    elif kind == C.E_BUST:
        exec_type = np.int64(72)
    elif kind == C.E_CORRECTED:
        exec_type = np.int64(71)
    reverses = kind == C.E_BUST or kind == C.E_CORRECTED
    p = _put_char(out, p, W150, 5, exec_type)
    if reverses:
        p = put_number(out, _put(out, p, W19, 4), ev[e + L.EVT_BUST_OF])
    char = (STATUS_CHARS >> (8 * status)) & 255 if status < 8 else np.int64(65)
    if status == 7 and ev[e + L.EVT_CUM] > 0:
        char = np.int64(49)
    p = _put_char(out, p, W39, 4, char)
    row = reason * TEXT_ROW
    refused = char == 56
    if reason > 0 and reason < TEXT_CODES:
        if kind == C.E_CANCELED and texts[row + TX_378] >= 0:
            p = put_number(out, _put(out, p, W378, 5), texts[row + TX_378])
        if refused and texts[row + TX_103] >= 0:
            p = put_number(out, _put(out, p, W103, 5), texts[row + TX_103])
    p = _put_account(m, out, p, account_of(ev[e + L.EVT_SESSION_ACCOUNT]))
    p = _put_symbol(m, out, p, inst)
    p = _put_char(out, p, W54, 4, 48 + side)
    if contract == C.NO and has_own_fields(form):
        p = _put_char(out, p, W5010, 6, 78)
    p = put_scaled(out, _put(out, p, W38, 4), ev[e + L.EVT_QTY], qty_decimals)
    if order_type != 0:
        p = _put_char(out, p, W40, 4, 48 + order_type)
    if ev[e + L.EVT_PRICE] != 0 and inst != 0:
        p = put_scaled(out, _put(out, p, W44, 4), ev[e + L.EVT_PRICE], price_decimals)
    if order_type != 0:
        p = _put_char(out, p, W59, 4, 48 + tif)
    if ev[e + L.EVT_EXPIRY] > 0 and tif == 6 and not reverses:
        time_words(ev[e + L.EVT_EXPIRY], res, np.int64(RES_EXPIRY))
        p = put_time(out, _put(out, p, W126, 5), res, np.int64(RES_EXPIRY), time_size(form))
    if flags & C.EF_PERSIST != 0 and has_own_fields(form):
        p = _put_char(out, p, W5018, 6, 89)
    if kind == C.E_FILL or reverses:
        p = put_scaled(out, _put(out, p, W32, 4), ev[e + L.EVT_LAST_QTY], qty_decimals)
        p = put_scaled(out, _put(out, p, W31, 4), ev[e + L.EVT_LAST_PRICE], price_decimals)
    p = put_scaled(out, _put(out, p, W151, 5), ev[e + L.EVT_LEAVES], qty_decimals)
    cum = ev[e + L.EVT_CUM]
    p = put_scaled(out, _put(out, p, W14, 4), cum, qty_decimals)
    p = _put(out, p, W6, 3)
    if cum > 0:
        whole = ev[e + L.EVT_NOTIONAL] // cum
        rest = ev[e + L.EVT_NOTIONAL] - whole * cum
        p = put_scaled(out, p, whole * 10000 + rest * 10000 // cum, min(price_decimals + 4, np.int64(18)))
    else:
        out[p] = 48
        p += 1
    p = put_time(out, _put(out, p, W60, 4), res, np.int64(RES_TIME), time_size(form))
    if kind == C.E_FILL or reverses:
        p = put_scaled(out, _put(out, p, W12, 4), ev[e + L.EVT_FEE], _money_decimals(m, inst, np.int64(0)))
        p = _put(out, p, COMM_TYPE, 5)
        p = _put_char(out, p, W851, 5, 50 if flags & C.EF_TAKER else 49)
        p = put_number(out, _put(out, p, W527, 5), ev[e + L.EVT_TRADE])
    elif reason > 0 and (
        refused or kind == C.E_STATUS or flags & C.EF_UNSOLICITED or texts[min(row, (TEXT_CODES - 1) * TEXT_ROW) + TX_378] >= 0
    ):
        p = _put_text(m, out, p, ev, e, texts, reason, inst, side, res)
    return p


@leaf
def _cancel_reject(m, out, p, ev, e, head, res, texts, form):
    """Body of an OrderCancelReject, without the last SOH."""
    status = status_of(head)
    reason = reason_of(head)
    flags = flags_of(head)
    has_text = flags & C.EF_TEXT != 0
    inst = _row_of(m, np.int64(L.P_INSTRUMENT), instrument_of(ev[e + L.EVT_INSTRUMENT]), np.int64(L.INSTRUMENT_WORDS))
    if ev[e + L.EVT_ORDER] == 0:
        p = _put(out, p, NONE_37, 8)
    else:
        p = put_number(out, _put(out, p, W37, 4), ev[e + L.EVT_ORDER])
    p = _put_id(out, p, W11, 4, ev, e, np.int64(L.EVT_ID_HI), np.int64(0), has_text)
    p = _put_id(out, p, W41, 4, ev, e, np.int64(L.EVT_ORIG_HI), np.int64(8), has_text)
    char = (STATUS_CHARS >> (8 * status)) & 255 if status < 8 else np.int64(65)
    if status == 7 and ev[e + L.EVT_CUM] > 0:
        char = np.int64(49)
    p = _put_char(out, p, W39, 4, char)
    p = _put_account(m, out, p, account_of(ev[e + L.EVT_SESSION_ACCOUNT]))
    p = put_time(out, _put(out, p, W60, 4), res, np.int64(RES_TIME), time_size(form))
    p = _put_char(out, p, W434, 5, 50 if flags & C.EF_REPLACE else 49)
    if reason > 0 and reason < TEXT_CODES and texts[reason * TEXT_ROW + TX_102] >= 0:
        p = put_number(out, _put(out, p, W102, 5), texts[reason * TEXT_ROW + TX_102])
    return _put_text(m, out, p, ev, e, texts, reason, inst, side_of(head), res)


@leaf
def _mass_done(m, out, p, ev, e, head, res, texts, form):
    """Body of an OrderMassCancelReport, without the last SOH."""
    status = status_of(head)
    reason = reason_of(head)
    side = side_of(head)
    scope = ev[e + L.EVT_MASS_SCOPE]
    by_instrument = scope == C.SCOPE_INSTRUMENT
    p = _put_id(out, p, W11, 4, ev, e, np.int64(L.EVT_ID_HI), np.int64(0), flags_of(head) & C.EF_TEXT != 0)
    p = put_number(out, _put(out, p, W37, 4), ev[e + L.EVT_NUMBER])
    p = _put_char(out, p, W530, 5, 49 if by_instrument else 55)
    if status == C.ST_REJECTED:
        p = _put_char(out, p, W531, 5, 48)
        p = put_number(out, _put(out, p, W532, 5), 1 if reason == C.R_UNKNOWN_INSTRUMENT else 99)
    else:
        p = _put_char(out, p, W531, 5, 49 if by_instrument else 55)
    p = put_number(out, _put(out, p, W533, 5), ev[e + L.EVT_MASS_COUNT])
    inst = np.int64(0)
    if by_instrument:
        inst = _row_of(m, np.int64(L.P_INSTRUMENT), instrument_of(ev[e + L.EVT_INSTRUMENT]), np.int64(L.INSTRUMENT_WORDS))
        if inst != 0:
            p = _put_symbol(m, out, p, inst)
    if side != 0:
        p = _put_char(out, p, W54, 4, 48 + side)
    p = put_time(out, _put(out, p, W60, 4), res, np.int64(RES_TIME), time_size(form))
    if scope >= 1 and scope <= 5 and has_own_fields(form):
        p = _put_char(out, p, W5011, 6, (SCOPE_CHARS >> (8 * scope)) & 255)
    if reason > 0:
        p = _put_text(m, out, p, ev, e, texts, reason, inst, side, res)
    return p


@leaf
def _settled(m, out, p, ev, e, res, form, evidence):
    """Body of a MarketSettlement, without the last SOH. The evidence of its result is in the table."""
    inst = _row_of(m, np.int64(L.P_INSTRUMENT), instrument_of(ev[e + L.EVT_INSTRUMENT]), np.int64(L.INSTRUMENT_WORDS))
    a = _row_of(m, np.int64(L.P_ASSET), ev[e + L.EVT_SETTLED_ASSET], np.int64(L.ASSET_WORDS))
    decimals = m[a + L.A_DECIMALS] if a != 0 else np.int64(0)
    p = put_number(out, _put(out, p, W17, 4), ev[e + L.EVT_NUMBER])
    p = _put_account(m, out, p, account_of(ev[e + L.EVT_SESSION_ACCOUNT]))
    p = _put_symbol(m, out, p, inst)
    p = put_number(out, _put(out, p, W5101, 6), ev[e + L.EVT_SETTLED_EVENT])
    p = put_number(out, _put(out, p, W5106, 6), ev[e + L.EVT_SETTLED_VERSION])
    p = put_scaled(out, _put(out, p, W5102, 6), ev[e + L.EVT_SETTLED_PAYOUT], m[inst + L.I_PRICE_DECIMALS] if inst != 0 else np.int64(0))
    p = put_scaled(out, _put(out, p, W5103, 6), ev[e + L.EVT_SETTLED_POSITION], m[inst + L.I_QTY_DECIMALS] if inst != 0 else np.int64(0))
    p = put_scaled(out, _put(out, p, W5104, 6), ev[e + L.EVT_SETTLED_AMOUNT], decimals)
    p = put_scaled(out, _put(out, p, W5105, 6), ev[e + L.EVT_SETTLED_BALANCE], decimals)
    p = put_time(out, _put(out, p, W60, 4), res, np.int64(RES_TIME), time_size(form))
    return put_evidence(out, p, evidence, evidence_slot(evidence, ev[e + L.EVT_SETTLED_EVENT], ev[e + L.EVT_SETTLED_VERSION]))


@leaf
def _reversed(m, out, p, ev, e, res, form):
    """Body of a MarketSettlement that corrects, without the last SOH: the entry's amount, the payout before, what is owed and blocked."""
    inst = _row_of(m, np.int64(L.P_INSTRUMENT), instrument_of(ev[e + L.EVT_INSTRUMENT]), np.int64(L.INSTRUMENT_WORDS))
    a = _row_of(m, np.int64(L.P_ASSET), ev[e + L.EVT_REVERSED_ASSET], np.int64(L.ASSET_WORDS))
    decimals = m[a + L.A_DECIMALS] if a != 0 else np.int64(0)
    price_decimals = m[inst + L.I_PRICE_DECIMALS] if inst != 0 else np.int64(0)
    p = put_number(out, _put(out, p, W17, 4), ev[e + L.EVT_NUMBER])
    p = _put_account(m, out, p, account_of(ev[e + L.EVT_SESSION_ACCOUNT]))
    p = _put_symbol(m, out, p, inst)
    p = put_number(out, _put(out, p, W5101, 6), ev[e + L.EVT_REVERSED_EVENT])
    p = put_number(out, _put(out, p, W5106, 6), ev[e + L.EVT_REVERSED_VERSION])
    p = put_scaled(out, _put(out, p, W5102, 6), ev[e + L.EVT_REVERSED_PAYOUT], price_decimals)
    p = put_scaled(out, _put(out, p, W5103, 6), ev[e + L.EVT_REVERSED_POSITION], m[inst + L.I_QTY_DECIMALS] if inst != 0 else np.int64(0))
    p = put_scaled(out, _put(out, p, W5104, 6), ev[e + L.EVT_REVERSED_AMOUNT], decimals)
    p = put_scaled(out, _put(out, p, W5105, 6), ev[e + L.EVT_REVERSED_BALANCE], decimals)
    p = put_number(out, _put(out, p, W5130, 6), ev[e + L.EVT_REVERSED_WHY])
    p = put_scaled(out, _put(out, p, W5131, 6), ev[e + L.EVT_REVERSED_OLD], price_decimals)
    p = put_scaled(out, _put(out, p, W5132, 6), ev[e + L.EVT_REVERSED_OWED], decimals)
    p = put_scaled(out, _put(out, p, W5133, 6), ev[e + L.EVT_REVERSED_BLOCKED], decimals)
    return put_time(out, _put(out, p, W60, 4), res, np.int64(RES_TIME), time_size(form))


@leaf
def _split(m, out, p, ev, e, res, form):
    """Body of a PositionSplit, without the last SOH."""
    inst = _row_of(m, np.int64(L.P_INSTRUMENT), instrument_of(ev[e + L.EVT_INSTRUMENT]), np.int64(L.INSTRUMENT_WORDS))
    source = _row_of(m, np.int64(L.P_INSTRUMENT), ev[e + L.EVT_CONTRACT_FROM], np.int64(L.INSTRUMENT_WORDS))
    p = put_number(out, _put(out, p, W17, 4), ev[e + L.EVT_NUMBER])
    p = _put_account(m, out, p, account_of(ev[e + L.EVT_SESSION_ACCOUNT]))
    p = _put_symbol(m, out, p, inst)
    p = put_number(out, _put(out, p, W5101, 6), ev[e + L.EVT_CONTRACT_EVENT])
    if source != 0:
        p = put_words(out, _put(out, p, W5120, 6), m, source + L.I_SYMBOL, m[source + L.I_SYMBOL_LEN])
    p = put_scaled(out, _put(out, p, W5121, 6), ev[e + L.EVT_CONTRACT_POSITION], m[inst + L.I_QTY_DECIMALS] if inst != 0 else np.int64(0))
    return put_time(out, _put(out, p, W60, 4), res, np.int64(RES_TIME), time_size(form))


@leaf
def write_message(m, out, begin, ev, e, res, texts, flags, evidence):
    """Write the message of the numbered event row at ev[e] to out[begin]. Returns the offset after it."""
    head = ev[e + L.EVT_HEAD]
    kind = kind_of(head)
    reason = reason_of(head)
    s = _base(m, np.int64(L.P_SESSION)) + session_of(ev[e + L.EVT_SESSION_ACCOUNT]) * L.SESSION_WORDS
    form = m[s + L.S_FORM]
    throttled = (kind == C.E_REJECTED or kind == C.E_CANCEL_REJECT) and (reason == C.R_THROTTLED_SESSION or reason == C.R_THROTTLED_VENUE)
    if throttled:
        p = _header(m, out, begin, ev, e, s, TYPE_J, np.int64(1), res, flags)
        if ev[e + L.EVT_CLIENT_NUMBER] != 0:
            p = put_number(out, _put(out, p, W45, 4), ev[e + L.EVT_CLIENT_NUMBER])
        replace = kind == C.E_CANCEL_REJECT
        p = _put_char(out, p, W372, 5, 71 if replace else 68)
        p = _put_id(out, p, W379, 5, ev, e, np.int64(L.EVT_ID_HI), np.int64(0), flags_of(head) & C.EF_TEXT != 0)
        p = _put_char(
            out, p, W380, 5, 56 if has_own_fields(form) else 48
        )  # BusinessRejectReason of FIX 4.4 ends at 7: OTHER, and the text gives the limit
        p = _put_text(m, out, p, ev, e, texts, reason, np.int64(0), np.int64(0), res)
    elif (
        kind == C.E_ACCEPTED
        or kind == C.E_FILL
        or kind == C.E_BUST
        or kind == C.E_CORRECTED
        or kind == C.E_CANCELED
        or kind == C.E_REPLACED
        or kind == C.E_REJECTED
        or kind == C.E_EXPIRED
        or kind == C.E_STATUS
    ):
        p = _header(m, out, begin, ev, e, s, TYPE_8, np.int64(1), res, flags)
        p = _execution(m, out, p, ev, e, head, res, texts, form)
    elif kind == C.E_CANCEL_REJECT:
        p = _header(m, out, begin, ev, e, s, TYPE_9, np.int64(1), res, flags)
        p = _cancel_reject(m, out, p, ev, e, head, res, texts, form)
    elif kind == C.E_MASS_DONE:
        p = _header(m, out, begin, ev, e, s, TYPE_R, np.int64(1), res, flags)
        p = _mass_done(m, out, p, ev, e, head, res, texts, form)
    elif kind == C.E_SETTLED:
        p = _header(m, out, begin, ev, e, s, TYPE_UMS, np.int64(3), res, flags)
        p = _settled(m, out, p, ev, e, res, form, evidence)
    elif kind == C.E_REVERSED:
        p = _header(m, out, begin, ev, e, s, TYPE_UMS, np.int64(3), res, flags)
        p = _reversed(m, out, p, ev, e, res, form)
    elif kind == C.E_CONTRACT:
        p = _header(m, out, begin, ev, e, s, TYPE_UPS, np.int64(3), res, flags)
        p = _split(m, out, p, ev, e, res, form)
    elif kind == C.E_SENT:
        msg_type = ev[e + L.EVT_MSG_TYPE]
        n = np.int64(1)
        while n < 4 and (msg_type >> (8 * n)) & 255:
            n += 1
        p = _header(m, out, begin, ev, e, s, msg_type, n, res, flags)
        size = ev[e + L.EVT_BODY_BYTES]
        if size > 0:
            out[p] = 1
            p = put_words(out, p + 1, ev, e + L.EVT_WORDS, size) - 1  # the body ends with its own SOH
    else:
        p = _header(m, out, begin, ev, e, s, TYPE_4, np.int64(1), res, flags)
        p = _put(out, p, GAP_FILL, 6)
        p = put_number(out, _put(out, p, W36, 4), ev[e + L.EVT_SESSION_NUMBER] + 1)
    out[p] = 1
    return _finish(out, begin, p + 1)


@kernel("int64(int64[::1], int64[::1], int64[::1], int64, uint8[::1], int64[::1], int64[::1], int64[::1], int64, int64[::1])")
def encode(m, ev, routes, first, out, index, res, texts, flags, evidence):
    """Numbered event rows to messages in `out` for the recipients of this wire, those of one session side by side.

    routes: what route() made of `ev`. index: index_words(m) words; its first res[RES_INDEX] rows of INDEX_WORDS say (session, offset,
    length). first: routed events that are done, those of other wires counted; as many more are taken as surely fit into `out`,
    res[RES_TAKEN] are done then and the caller goes on until they are all. ENC_SPACE: not even one fits, res[RES_BYTES] says what it needs.
    flags: FLAG_RESEND with res[RES_NOW]. evidence: see evidence.py; ENC_EVIDENCE: it lacks what a settlement needs, and nothing was done.
    """
    space = out.shape[0] - SLACK
    m = words_of(m)
    ev = words_of(ev)
    routes = words_of(routes)
    out = bytes_of(out)
    index = words_of(index)
    res = words_of(res)
    texts = words_of(texts)
    evidence = words_of(evidence)
    if flags & FLAG_RESEND:
        time_words(res[RES_NOW], res, np.int64(RES_SENDING))
    used = np.int64(0)
    messages = np.int64(0)
    done = np.int64(0)
    p = np.int64(0)
    need = np.int64(0)  # of the message that does not fit
    for r in range(L.RO_WORDS, L.RO_WORDS + routes[L.RO_RECIPIENTS] * L.RT_WORDS, L.RT_WORDS):
        count = routes[r + L.RT_MESSAGES]
        if routes[r + L.RT_WIRE] == C.WIRE_FIX and done + count > first:
            begin = p
            place = routes[r + L.RT_FIRST]
            i = np.int64(0)
            while done + i < first:
                place = routes[place + 1]
                i += 1
            while i < count:
                e = routes[place]
                if i + 1 < count:
                    touch_event(ev, routes[routes[place + 1]])
                if ev[e + L.EVT_SESSION_NUMBER] != 0:
                    size = np.int64(MESSAGE_BYTES)
                    kind = kind_of(ev[e + L.EVT_HEAD])
                    if kind == C.E_SENT:
                        size += ev[e + L.EVT_BODY_BYTES]
                    elif kind == C.E_SETTLED:
                        size += evidence[EV_LONGEST]
                        event = ev[e + L.EVT_SETTLED_EVENT]
                        version = ev[e + L.EVT_SETTLED_VERSION]
                        if evidence[evidence_slot(evidence, event, version) + EW_EVENT] == 0:
                            res[L.RES_EVENT] = event
                            res[L.RES_VERSION] = version
                            return np.int64(L.ENC_EVIDENCE)
                    if p + size > space:
                        need = size
                        break
                    p = write_message(m, out, p, ev, e, res, texts, flags, evidence)
                    messages += 1
                place = routes[place + 1]
                i += 1
            if p > begin:
                x = used * L.INDEX_WORDS
                index[x + L.IX_SESSION] = routes[r + L.RT_SESSION]
                index[x + L.IX_OFFSET] = begin
                index[x + L.IX_LENGTH] = p - begin
                used += 1
            if need != 0:
                done += i
                break
        done += count
    res[L.RES_INDEX] = used
    res[L.RES_BYTES] = p
    res[L.RES_MESSAGES] = messages
    res[RES_TAKEN] = done
    if need != 0 and messages == 0:
        res[L.RES_BYTES] = need + SLACK
        return np.int64(L.ENC_SPACE)
    return np.int64(L.ENC_DONE)


def index_words(m: "np.ndarray") -> int:  # type: ignore[type-arg]
    """Length that the `index` of encode must have: it depends on the capacity for sessions."""
    return L.INDEX_WORDS * int(m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_CAP])
