"""The binary wire, out: event rows to MessagePack frames, one region per session and call. route.py says which rows are for whom."""

from typing import Any

import numpy as np

from protocol import codes as C

from ..core import layout as L
from ..core.kit.bits import bytes_of, words_of
from ..core.kit.jit import kernel, leaf
from ..core.kit.loads import store64
from ..core.kit.pools import pool_cap
from ..core.layout.packed import (
    CONTRACT_SIDE,
    FLAGS,
    REASON,
    SIDE,
    STATUS,
    TIF,
    TYPE,
    account_of,
    contract_side_of,
    extra_of,
    flags_of,
    instrument_of,
    kind_of,
    side_of,
)
from .evidence import EV_LONGEST, EW_EVENT, evidence_slot, put_evidence
from .msgpack import SLACK_BYTES, write_int, write_length
from .route import touch_event

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
TAG_REVERSED = 92
TAG_BUST = 93
TAG_TRADE_CORRECTED = 96
TAG_POSITION_SPLIT = 95
MESSAGE_BYTES = 224  # no report is longer: length, array16, 22 integers of at most 9 bytes; Sent has its body on top


# How a numbered event becomes a message. The common fields of order reports are written one by one; the other fields follow this table:
# (word, shift, bits) of each field by its name.
_WHOLE = {
    "order": L.EVT_ORDER, "price": L.EVT_PRICE, "qty": L.EVT_QTY,
    "cum": L.EVT_CUM, "leaves": L.EVT_LEAVES, "last_price": L.EVT_LAST_PRICE, "last_qty": L.EVT_LAST_QTY, "notional": L.EVT_NOTIONAL,
    "fee": L.EVT_FEE, "trade": L.EVT_TRADE, "expiry": L.EVT_EXPIRY, "limit": L.EVT_LIMIT, "used": L.EVT_USED, "asked": L.EVT_ASKED,
    "scope": L.EVT_MASS_SCOPE, "count": L.EVT_MASS_COUNT,
    "moved": L.EVT_MOVED_AMOUNT, "balance": L.EVT_MOVED_BALANCE, "sets": L.EVT_MOVED_SETS, "asset": L.EVT_MOVED_ASSET,
    "settled_event": L.EVT_SETTLED_EVENT, "payout": L.EVT_SETTLED_PAYOUT, "position": L.EVT_SETTLED_POSITION, "settled": L.EVT_SETTLED_AMOUNT,
    "was_price": L.EVT_WAS_PRICE, "was_qty": L.EVT_WAS_QTY, "bust_amount": L.EVT_BUST_AMOUNT, "bust_balance": L.EVT_BUST_BALANCE, "bust_of": L.EVT_BUST_OF,
    "reversed_event": L.EVT_REVERSED_EVENT, "new_payout": L.EVT_REVERSED_PAYOUT, "old_payout": L.EVT_REVERSED_OLD, "at_settlement": L.EVT_REVERSED_POSITION,
    "entry": L.EVT_REVERSED_AMOUNT, "entry_balance": L.EVT_REVERSED_BALANCE, "owed": L.EVT_REVERSED_OWED, "blocked": L.EVT_REVERSED_BLOCKED,
    "why": L.EVT_REVERSED_WHY, "entry_version": L.EVT_REVERSED_VERSION, "entry_asset": L.EVT_REVERSED_ASSET,
    "balance_after": L.EVT_SETTLED_BALANCE, "version": L.EVT_SETTLED_VERSION, "settled_asset": L.EVT_SETTLED_ASSET,
    "split_from": L.EVT_CONTRACT_FROM, "split_position": L.EVT_CONTRACT_POSITION, "split_event": L.EVT_CONTRACT_EVENT,
}  # fmt: skip
_PARTS = {
    "account": (L.EVT_SESSION_ACCOUNT, 0, 32),
    "instrument": (L.EVT_INSTRUMENT, 32, 31),
    "status": (L.EVT_HEAD, *STATUS),
    "reason": (L.EVT_HEAD, *REASON),
    "of_side": (L.EVT_HEAD, *SIDE),
    "of_contract_side": (L.EVT_HEAD, *CONTRACT_SIDE),
    "type": (L.EVT_HEAD, *TYPE),
    "tif": (L.EVT_HEAD, *TIF),
    "flags": (L.EVT_HEAD, *FLAGS),
}
_ALL = "number event time "
_ORDER = _ALL + "id order account instrument side contract_side "
PLANS: dict[int, tuple[int, str]] = {
    C.E_ACCEPTED: (TAG_ACCEPTED, _ORDER + "type tif price qty leaves expiry"),
    C.E_REJECTED: (TAG_REJECTED, _ORDER + "reason limit used asked price qty"),
    C.E_FILL: (TAG_FILL, _ORDER + "status flags price qty cum leaves last_price last_qty notional fee trade"),
    C.E_CANCELED: (TAG_CANCELED, _ORDER + "orig reason flags price qty cum notional"),
    C.E_REPLACED: (TAG_REPLACED, _ORDER + "orig status price qty cum leaves notional flags"),
    C.E_CANCEL_REJECT: (TAG_CANCEL_REJECTED, _ORDER + "orig status flags reason limit used asked"),
    C.E_EXPIRED: (TAG_EXPIRED, _ORDER + "reason price qty cum notional"),
    C.E_STATUS: (TAG_ORDER_STATUS, _ORDER + "orig status reason type tif price qty cum leaves notional expiry"),
    C.E_MASS_DONE: (TAG_MASS_DONE, _ALL + "id account instrument scope count reason"),
    C.E_MOVED: (TAG_MOVED, _ALL + "id account asset moved balance sets instrument"),
    C.E_SETTLED: (
        TAG_SETTLED,
        _ALL + "account instrument settled_asset payout position settled balance_after version settled_event evidence",
    ),
    C.E_REVERSED: (
        TAG_REVERSED,
        _ALL
        + "account instrument entry_asset why new_payout old_payout at_settlement entry entry_balance owed blocked entry_version reversed_event",
    ),
    C.E_BUST: (
        TAG_BUST,
        _ALL + "account instrument order of_side of_contract_side flags last_price last_qty fee trade bust_amount bust_balance bust_of",
    ),
    C.E_CORRECTED: (
        TAG_TRADE_CORRECTED,
        _ALL
        + "account instrument order of_side of_contract_side flags last_price last_qty was_price was_qty cum notional fee trade bust_amount bust_balance bust_of",
    ),
    C.E_REFUSED: (TAG_REFUSED, _ALL + "id account instrument reason limit used asked"),
    C.E_CONTRACT: (TAG_POSITION_SPLIT, _ALL + "account instrument split_from split_position split_event"),
    C.E_SENT: (TAG_SENT, _ALL + "body"),
}
# Of an order with EF_PERSIST: what only such orders say. Their rows in the tables follow those of all kinds.
MARKED_PLANS = {kind: (PLANS[kind][0], PLANS[kind][1] + " flags") for kind in (C.E_ACCEPTED, C.E_STATUS)}
MARKED = 128
PLAN_FIELDS = 20
PLAN_ORDER = 1
PLAN_ORIG = 2
PLAN_ID = 4
EVIDENCE_FIELDS = 6  # of Settled, from the table of evidence


def _plan_tables() -> tuple[Any, Any, Any]:
    """(head, fields, masks) by event kind. head: first bytes 0-31 | their count 32-39 | fields in the table 40-47 | PLAN_* 48-, 0 when no
    client is told of the kind. fields: word 0-7 | shift 8-15."""
    heads = np.zeros(256, dtype=np.int64)
    fields = np.zeros(256 * PLAN_FIELDS, dtype=np.int64)
    masks = np.zeros(256 * PLAN_FIELDS, dtype=np.int64)
    for kind, (tag, text) in [*PLANS.items(), *((MARKED + kind, plan) for kind, plan in {**PLANS, **MARKED_PLANS}.items())]:
        names = text.split()
        count = 1 + len(names) + (EVIDENCE_FIELDS - 1 if names[-1] == "evidence" else 0)
        first = bytes([0x90 | count, tag]) if count < 16 else bytes([0xDC, 0, count, tag])
        marks = PLAN_ORDER if text.startswith(_ORDER) else 0
        names = names[9 if marks else 3 :]
        if names[0] in ("orig", "id"):
            marks |= PLAN_ORIG if names[0] == "orig" else PLAN_ID
            del names[0]
        if names[-1] in ("body", "evidence"):
            names.pop()
        for i, name in enumerate(names):
            word, shift, bits = _PARTS[name] if name in _PARTS else (_WHOLE[name], 0, 64)
            fields[kind * PLAN_FIELDS + i] = word | shift << 8
            masks[kind * PLAN_FIELDS + i] = -1 if bits == 64 else (1 << bits) - 1
        heads[kind] = int.from_bytes(first, "little") | len(first) << 32 | len(names) << 40 | marks << 48
    return heads, fields, masks


PLAN_HEAD, PLAN_FIELD, PLAN_MASK = _plan_tables()


@leaf
def _integer_id(ev, key):
    """The integer id of a key at ev[key], 0 for a text."""
    return ev[key + 1] if ev[key] == 0 else np.int64(0)


@leaf
def _write(out, at, ev, e, head, evidence):
    """One numbered event as a frame at `at`; returns the position after it (`at`: a kind that is not sent to clients).

    An order with a text id from FIX has the id 0 here.
    """
    kind = kind_of(head)
    row = kind if flags_of(head) & C.EF_PERSIST == 0 else kind + MARKED
    plan = words_of(PLAN_HEAD)[row]
    if plan == 0:
        return at
    store64(out, at + 4, plan)
    p = at + 4 + ((plan >> 32) & 255)
    p = write_int(out, p, ev[e + L.EVT_SESSION_NUMBER])
    p = write_int(out, p, ev[e + L.EVT_NUMBER])
    p = write_int(out, p, ev[e + L.EVT_TIME])
    if plan & (PLAN_ORDER << 48):
        p = write_int(out, p, _integer_id(ev, e + L.EVT_ID_HI))
        p = write_int(out, p, ev[e + L.EVT_ORDER])
        p = write_int(out, p, account_of(ev[e + L.EVT_SESSION_ACCOUNT]))
        p = write_int(out, p, instrument_of(ev[e + L.EVT_INSTRUMENT]))
        out[p] = side_of(head)
        out[p + 1] = contract_side_of(head)
        p += 2
        if plan & (PLAN_ORIG << 48):
            p = write_int(out, p, _integer_id(ev, e + L.EVT_ORIG_HI))
    elif plan & (PLAN_ID << 48):
        p = write_int(out, p, _integer_id(ev, e + L.EVT_ID_HI))
    first = row * PLAN_FIELDS
    fields = words_of(PLAN_FIELD)
    masks = words_of(PLAN_MASK)
    for i in range(first, first + ((plan >> 40) & 255)):
        field = fields[i]
        p = write_int(out, p, (ev[e + (field & 255)] >> (field >> 8)) & masks[i])
    if kind == C.E_SENT:
        p = _body(out, p, ev, e)
    elif kind == C.E_SETTLED:
        p = put_evidence(out, p, evidence, evidence_slot(evidence, ev[e + L.EVT_SETTLED_EVENT], ev[e + L.EVT_SETTLED_VERSION]))
    write_length(out, at, p - at - 4)
    return p


@leaf
def _body(out, p, ev, e):
    """The bytes in the extra rows as they are."""
    size = min(ev[e + L.EVT_BODY_BYTES], extra_of(ev[e + L.EVT_HEAD]) * L.EVT_WORDS * 8)
    for i in range((size + 7) >> 3):
        store64(out, p + 8 * i, ev[e + L.EVT_WORDS + i])
    return p + size


@kernel("int64(int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1])")
def encode(ev, routes, out, index, res, evidence):
    """Event rows to frames in `out` for the recipients of this wire, the messages of one session side by side.

    routes: what route() made of `ev`. index: index_words(m) words; its first res[RES_INDEX] rows of INDEX_WORDS say (session, offset,
    length). res[RES_BYTES]: bytes written. ENC_SPACE: `out` is shorter than res[RES_BYTES]; nothing was done. E_SENT without a number is
    its body alone in a frame. evidence: see evidence.py; ENC_EVIDENCE: it lacks what a settlement needs, and nothing is to be used of `out`.
    """
    room = out.shape[0]
    ev = words_of(ev)
    routes = words_of(routes)
    out = bytes_of(out)
    index = words_of(index)
    res = words_of(res)
    evidence = words_of(evidence)
    end = L.RO_WORDS + routes[L.RO_RECIPIENTS] * L.RT_WORDS
    used = np.int64(0)
    messages = np.int64(0)
    most = np.int64(SLACK_BYTES)
    for r in range(L.RO_WORDS, end, L.RT_WORDS):
        if routes[r + L.RT_WIRE] == C.WIRE_BINARY:
            most += routes[r + L.RT_MESSAGES] * (MESSAGE_BYTES + evidence[EV_LONGEST]) + routes[r + L.RT_BODY_BYTES]
            used += 1
            messages += routes[r + L.RT_MESSAGES]
    res[L.RES_INDEX] = used
    res[L.RES_MESSAGES] = messages
    res[L.RES_BYTES] = most
    if most > room:
        return np.int64(L.ENC_SPACE)
    x = np.int64(0)
    p = np.int64(0)
    for r in range(L.RO_WORDS, end, L.RT_WORDS):
        if routes[r + L.RT_WIRE] != C.WIRE_BINARY:
            continue
        begin = p
        place = routes[r + L.RT_FIRST]
        count = routes[r + L.RT_MESSAGES]
        for i in range(count):
            e = routes[place]
            place = routes[place + 1]
            if i + 1 < count:
                touch_event(ev, routes[place])
            if ev[e + L.EVT_SESSION_NUMBER] != 0:
                head = ev[e + L.EVT_HEAD]
                if kind_of(head) == C.E_SETTLED:
                    event = ev[e + L.EVT_SETTLED_EVENT]
                    version = ev[e + L.EVT_SETTLED_VERSION]
                    if evidence[evidence_slot(evidence, event, version) + EW_EVENT] == 0:
                        res[L.RES_EVENT] = event
                        res[L.RES_VERSION] = version
                        return np.int64(L.ENC_EVIDENCE)
                p = _write(out, p, ev, e, head, evidence)
            else:
                at = p
                p = _body(out, at + 4, ev, e)
                write_length(out, at, p - at - 4)
        index[x + L.IX_SESSION] = routes[r + L.RT_SESSION]
        index[x + L.IX_OFFSET] = begin
        index[x + L.IX_LENGTH] = p - begin
        x += L.INDEX_WORDS
    res[L.RES_BYTES] = p
    return np.int64(L.ENC_DONE)


def index_words(m: Any) -> int:
    """Length that the `index` of encode must have: it depends on the capacity for sessions."""
    return L.INDEX_WORDS * int(pool_cap.py_func(m, L.P_SESSION))


def out_bytes(rows: int) -> int:
    """A size of `out` that is enough for this many event rows without evidence (an extra row adds at most its own bytes)."""
    return rows * MESSAGE_BYTES + SLACK_BYTES
