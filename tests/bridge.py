"""Between the words of the core and the named Rows of tests/model.py: command Row -> words, event words -> Rows.

Row names are those of tests/model.py. Nothing here knows a rule, only the position of words (core/layout/, core/layout/definitions.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from exchange_server.core.layout import plain as W
from exchange_server.core.layout import shape
from protocol import codes as C
from tests.model_world import Key, Row
from tests.text_ids import own_text, packed_key, packed_text, signed

Words = NDArray[np.int64]
MASK = (1 << 64) - 1
REFUSALS = (C.E_REJECTED, C.E_CANCEL_REJECT, C.E_REFUSED, C.E_MASS_DONE)


def text_key(text: bytes) -> tuple[int, int]:
    """The 128-bit key of a ClOrdID text (core/kit/bits.py: text_key) in plain Python."""
    h1, h2 = -3750763034362895579 & MASK, 7809847782465536322
    for byte in text:
        c = byte + 1
        h1 = (h1 ^ c) * 1099511628211 & MASK
        h1 ^= h1 >> 31
        h2 = (h2 + c) * -7046029254386353131 & MASK
        h2 ^= h2 >> 29
    h1 = (h1 ^ len(text)) * -4417276706812531889 & MASK
    h1 ^= h1 >> 30
    h2 = (h2 ^ len(text)) * -7723592293110705685 & MASK
    h2 ^= h2 >> 32
    return signed(h1 | 1 << 63), signed(h2)


def used_word(key: Key) -> int:
    """The word of an id of which only the use is remembered (core/life/used.py), in plain Python."""
    if isinstance(key, int):
        return key
    text = str(key).encode()
    digits = min(len(text) - len(text.rstrip(b"0123456789")), 18)
    digits = digits if digits >= 4 else 0
    number, before = int(text[len(text) - digits :] or b"0") if digits else 0, text[: len(text) - digits]
    h = len(before) ^ digits << 8
    for i in range(0, len(before), 8):
        h = (h ^ int.from_bytes(before[i : i + 8], "little")) * -7046029254386353131 & MASK
        h ^= h >> 29
    h = (h ^ number >> 20) * -4417276706812531889 & MASK
    h ^= h >> 32
    h = h * -7723592293110705685 & MASK
    h ^= h >> 29
    return signed(1 << 63 | (h << 20 | number & 0xFFFFF if digits else h) & MASK)


def key_words(key: Key) -> tuple[int, int]:
    if isinstance(key, tuple):
        return key
    return packed_key(key) or text_key(key.encode()) if isinstance(key, str) else (0, key)


def text_words(text: Key, words: int) -> Words:
    data = text.encode() if isinstance(text, str) else b""
    return np.frombuffer(data.ljust(words * 8, b"\0"), np.int64)


def new_words(kind: int, extra: int) -> Words:
    words = np.zeros((1 + extra) * L.CMD_WORDS, np.int64)
    words[0] = kind | extra << 8
    return words


def _client_words(c: Row) -> Words:
    texts = bool(own_text(c.id) or own_text(c.orig))
    w = new_words(c.kind, int(texts))
    rowflags = (L.ROWFLAG_TEXT if texts else 0) | (L.ROWFLAG_TIF if c.tif_said else 0)
    w[L.CMD_HEAD] |= W.pack_command(0, 0, W.pack_terms(c.side, c.contract_side, c.type, c.tif), c.stp, rowflags, c.flags)
    w[L.CMD_SESSION_ACCOUNT] = c.session << 32 | c.account
    w[L.CMD_INSTRUMENT] = c.instrument << 32 | c.venue << 16 | c.front
    w[L.CMD_PRICE], w[L.CMD_QTY] = c.price, c.qty
    w[L.CMD_ID_HI], w[L.CMD_ID_LO] = key_words(c.id)
    w[L.CMD_ORIG_HI], w[L.CMD_ORIG_LO] = key_words(c.orig)
    w[L.CMD_MIN_QTY], w[L.CMD_DISPLAY_QTY], w[L.CMD_STOP_PRICE] = c.min_qty, c.display_qty, c.stop_price
    w[L.CMD_EXPIRY], w[L.CMD_DEADLINE] = c.expiry, c.deadline
    w[L.CMD_GROUP_SEQ] = c.group << 32 | c.client_number
    w[L.CMD_COST_CAP] = c.cost_cap
    if c.kind == C.C_MASS_CANCEL:
        w[L.CMD_SCOPE] = c.scope
    if c.kind in (C.C_SPLIT, C.C_MERGE):
        w[L.CMD_SETS] = c.sets
    if texts:
        w[16:24], w[24:32] = text_words(own_text(c.id), 8), text_words(own_text(c.orig), 8)
    return w


def _session_words(c: Row) -> Words:
    body: bytes = c.body or b""
    w = new_words(c.kind, -(-len(body) // 128))
    w[L.CMD_SESSION_ACCOUNT] = c.session << 32
    w[L.CMD_GROUP_SEQ] = c.client_number
    if c.kind == C.C_LOGON:
        w[L.CMD_LOGON_FLAGS], w[L.CMD_LOGON_NEXT_IN], w[L.CMD_LOGON_HEARTBEAT_NS] = c.logon_flags, c.next_in, c.heartbeat
    elif c.kind == C.C_LOGOFF:
        w[L.CMD_LOGOFF_FLAGS], w[L.CMD_LOGOFF_FROM] = c.logoff_flags, c.unsent_from
    elif c.kind == C.C_SET_IN:
        w[L.CMD_NEXT_IN], w[L.CMD_MISSED], w[L.CMD_TOLD_FROM], w[L.CMD_TOLD_TO] = c.next_in, c.missed, c.told_from, c.told_to
    else:
        w[L.CMD_BODY_BYTES], w[L.CMD_MSG_TYPE], w[L.CMD_SEND_FLAGS] = len(body), c.msg_type, int(bool(c.unnumbered))
        w[L.CMD_MISSED] = c.missed
        w[16:] = np.frombuffer(body.ljust((len(w) - 16) * 8, b"\0"), np.int64)
    return w


def _event_words(c: Row) -> Words:
    w = new_words(c.kind, d.DE_EXTRA)
    for word, name in (
        (d.DE_ID, "id"), (d.DE_PRODUCT, "product"), (d.DE_K, "k"), (d.DE_N, "n"), (d.DE_ASSET, "asset"), (d.DE_BASE_ASSET, "base_asset"),
        (d.DE_PAYOUT, "payout"), (d.DE_TICK_VALUE, "tick_value"), (d.DE_OWNER_VENUE, "owner_venue"), (d.DE_WINDOW_NS, "window"),
        (d.DE_LOT_BASE, "lot_base"), (d.DE_PHASE, "phase"), (d.DE_MIDS, "mids"), (d.DE_RESTING, "resting"),
    ):  # fmt: skip
        w[word] = getattr(c, name)
    w[d.DE_ROOM] = c.room or c.n
    return w


def _instrument_words(c: Row) -> Words:
    w = new_words(c.kind, d.DI_EXTRA)
    for word, name in (
        (d.DI_ID, "id"), (d.DI_EVENT, "event"), (d.DI_INDEX, "index"), (d.DI_MIN_QTY, "min_qty"), (d.DI_MAX_QTY, "max_qty"),
        (d.DI_LOT, "lot"), (d.DI_MAX_NOTIONAL, "max_notional"), (d.DI_PRICE_MIN, "price_min"), (d.DI_PRICE_MAX, "price_max"),
        (d.DI_COLLAR, "collar"), (d.DI_REFERENCE, "reference"), (d.DI_PROTECTION, "protection"), (d.DI_MAX_POSITION, "max_position"),
    ):  # fmt: skip
        w[word] = getattr(c, name)
    symbol = f"I{c.id}"
    w[d.DI_BAND_COUNT], w[d.DI_SYMBOL_LEN] = len(c.bands), len(symbol)
    w[d.DI_SYMBOL : d.DI_SYMBOL + 8] = text_words(symbol, 8)
    for i, band in enumerate(c.bands):
        w[d.DI_BANDS + 3 * i : d.DI_BANDS + 3 * i + 3] = band
    return w


def _contract_words(c: Row) -> Words:
    """The rows of a new outcome, as the registry makes them."""
    rows = [new_words(c.kind, d.DW_EXTRA), *(command_words(row) for row in (c.contract, *c.listings)), new_words(c.kind, d.DW_EXTRA)]
    for w in (rows[0], rows[-1]):
        w[d.DW_EVENT], w[d.DW_FROM] = c.event, c.source
    rows[-1][d.DW_DONE] = 1
    return np.concatenate(rows)


def _operator_words(c: Row) -> Words:
    k = c.kind
    if k == C.C_BANDS:
        w = new_words(k, d.DB_EXTRA)
        w[d.DB_EVENT], w[d.DB_COUNT] = c.event, len(c.bands)
        for i, band in enumerate(c.bands[:8]):
            w[d.DB_BANDS + 3 * i : d.DB_BANDS + 3 * i + 3] = band
        return w
    if k == C.C_ADD_CONTRACT:
        return _contract_words(c)
    if k in (C.C_DETERMINE, C.C_VOID):
        w = new_words(k, -(-len(c.payouts) // 16))
        w[d.DD_EVENT], w[d.DD_VERSION], w[d.DD_COUNT], w[d.DD_TRIGGER] = c.event, c.version, len(c.payouts), c.trigger
        w[d.DD_PAYOUTS : d.DD_PAYOUTS + len(c.payouts)] = c.payouts
        return w
    if k == C.C_REVERSE:
        payouts = c.payouts or []
        w = new_words(k, -(-len(payouts) // 16))
        w[d.DD_EVENT], w[d.DD_VERSION], w[d.DD_COUNT], w[d.DY_BOND], w[d.DY_SLICE] = c.event, c.version, len(payouts), c.bond, c.slice
        w[d.DD_PAYOUTS : d.DD_PAYOUTS + len(payouts)] = payouts
        return w
    if k == C.C_BUST:
        w = new_words(k, 4 * len(c.legs))
        w[d.DJ_PRICE], w[d.DJ_QTY] = c.price, c.qty
        w[d.DJ_EVENT], w[d.DJ_TRADE], w[d.DJ_LEGS], w[d.DJ_BOND], w[d.DJ_OWNER_ACCOUNT] = (
            c.event,
            c.trade,
            len(c.legs),
            c.bond,
            c.owner_account,
        )
        for i, leg in enumerate(c.legs):
            at = d.DJ_FIRST_LEG + i * d.BUST_LEG_WORDS
            w[at : at + L.EVT_WORDS] = fill_words(leg)
            if isinstance(leg.id, str):
                w[at + d.LEG_TEXTS : at + d.LEG_TEXTS + 8] = text_words(own_text(leg.id), 8)
            w[at + d.LEG_VENUE_ACCOUNT], w[at + d.LEG_FEE_MODEL] = c.venue_account, c.model
        return w
    fields: dict[int, dict[int, int]] = {
        C.C_DEF_VENUE: {
            d.DV_ID: c.id, d.DV_FEE_ACCOUNT: c.fee_account, d.DV_CUTOFF_PERIOD: c.cutoff_period, d.DV_CUTOFF_OFFSET: c.cutoff_offset,
            d.DV_THROTTLE_LIMIT: c.throttle_limit, d.DV_THROTTLE_WINDOW: c.throttle_window, d.DV_ISOLATED: c.isolated,
            d.DV_MAX_ORDERS: c.max_orders, d.DV_MAX_MESSAGES: c.max_messages, d.DV_MAX_JOURNAL: c.max_journal,
        },
        C.C_DEF_FIRM: {d.DF_ID: c.id, d.DF_WEIGHT: c.weight, d.DF_CLOSED: c.closed},
        C.C_DEF_LISTING: {
            d.DL_VENUE: c.venue, d.DL_INSTRUMENT: c.instrument, d.DL_FEE_MODEL: c.model, d.DL_MAKER_BPS: c.maker, d.DL_TAKER_BPS: c.taker,
            d.DL_OWNER_SHARE: c.owner_share, d.DL_VENUE_SHARE: c.venue_share, d.DL_OWNER_ACCOUNT: c.owner_account,
            d.DL_VENUE_ACCOUNT: c.venue_account,
        },
        C.C_TRANSFER: {d.DT_FROM: c.source, d.DT_TO: c.target, d.DT_ASSET: c.asset, d.DT_AMOUNT: c.amount},
        C.C_PHASE: {d.DP_EVENT: c.event, d.DP_PHASE: c.phase},
        C.C_FINALISE: {d.DX_EVENT: c.event, d.DX_VERSION: c.version, d.DX_SLICE: c.slice},
        C.C_CONTINUE: {L.CMD_SLICE: c.slice},
        C.C_DISPUTE: {d.DQ_EVENT: c.event, d.DQ_VERSION: c.version, d.DQ_FIRM: c.firm},
        C.C_AHEAD: {
            d.DH_EVENT: c.event, d.DH_INSTRUMENT: c.instrument, d.DH_ACT: c.act, d.DH_VERSION: c.version, d.DH_PAYOUT: c.payout, d.DH_SLICE: c.slice,
            d.DH_FIRM: c.firm,
        },
        C.C_UPHOLD: {d.DX_EVENT: c.event, d.DX_VERSION: c.version},
        C.C_REMOVE: {d.DX_EVENT: c.event},
        C.C_KILL: {d.DK_LEVEL: c.level, d.DK_TARGET: c.target, d.DK_ON: c.on, d.DK_CANCEL: c.cancel},
        C.C_RESTRICT: {d.DR_EVENT: c.event, d.DR_FIRM: c.firm, d.DR_ON: c.on},
        C.C_FREEZE: {d.DZ_VENUE: c.venue, d.DZ_LEVEL: c.level},
        C.C_ACCESS: {d.DG_ABOUT: c.about, d.DG_TARGET: c.target, d.DG_FIRM: c.firm, d.DG_VALUE: c.value},
        C.C_OPENING: {
            d.DO_PART: c.part, d.DO_TARGET: c.target, d.DO_ACCOUNT: c.account, d.DO_QTY: c.qty, d.DO_PRICE: c.price, d.DO_PAID: c.paid,
            d.DO_PHASE: c.phase, d.DO_VERSION: c.version, d.DO_UNTIL: c.until, d.DO_IN_PLAY: c.in_play, d.DO_SESSION: c.session, d.DO_VENUE: c.venue,
            d.DO_CUM: c.cum, d.DO_NOTIONAL: c.notional, d.DO_FEE_NUM: c.fee_num, d.DO_FEE_PAID: c.fee_paid,
            d.DO_REBATE_NUM: c.rebate_num, d.DO_REBATE_PAID: c.rebate_paid, d.DO_NET_FEE: c.net_fee,
            d.DO_FEES: W.pack_fees(c.model, c.maker, c.taker),
            d.DO_ATTR: W.pack_attr(c.book_side, W.pack_terms(c.side, c.contract_side, c.type, c.tif), c.flags, C.ST_PARTIAL if c.cum else C.ST_NEW),
        },
        C.C_BUDGET: {
            d.DM_ACCOUNT: c.account, d.DM_SESSION: c.session, d.DM_ASSET: c.asset, d.DM_LOSS: c.loss, d.DM_LOSS_DAY: c.loss_day, d.DM_QTY: c.most_qty,
            d.DM_COST: c.cost, d.DM_APPROVE: c.approve, d.DM_WAIT: c.wait, d.DM_LISTED: c.listed, d.DM_ANEW: c.anew, d.DM_EVENT: c.event, d.DM_ON: c.on, d.DM_HELD: c.held,
        },
        C.C_UNLIST: {d.DU_VENUE: c.venue, d.DU_INSTRUMENT: c.instrument},
        C.C_REFERENCE: {d.DN_INSTRUMENT: c.instrument, d.DN_REFERENCE: c.reference, d.DN_COLLAR: c.collar},
    }  # fmt: skip
    w = new_words(k, d.DO_EXTRA if k == C.C_OPENING else 0)
    for word, value in fields[k].items():
        w[word] = value
    if k == C.C_OPENING:
        w[d.DO_KEY_HI], w[d.DO_KEY_LO] = key_words(c.id)
        w[d.DO_TEXT : d.DO_TEXT + 8] = text_words(own_text(c.id), 8)
    return w


def fill_words(leg: Row) -> Words:
    """The words of an E_FILL as the event store has them."""
    w = np.zeros(L.EVT_WORDS, np.int64)
    text = bool(own_text(leg.id))
    terms = W.pack_terms(leg.side, leg.contract_side, leg.type, leg.tif)
    w[L.EVT_HEAD] = W.pack_event(C.E_FILL, int(text), terms, leg.status, 0, leg.flags | (C.EF_TEXT if text else 0))
    w[L.EVT_NUMBER], w[L.EVT_SESSION_ACCOUNT] = leg.number, leg.session << 32 | leg.account
    w[L.EVT_INSTRUMENT] = leg.instrument << 32 | leg.venue << 16 | leg.front
    w[L.EVT_ID_HI], w[L.EVT_ID_LO] = key_words(leg.id)
    for word, name in (
        (L.EVT_ORDER, "order"), (L.EVT_PRICE, "price"), (L.EVT_QTY, "qty"), (L.EVT_CUM, "cum"), (L.EVT_LEAVES, "leaves"), (L.EVT_FEE, "fee"),
        (L.EVT_LAST_PRICE, "last_price"), (L.EVT_LAST_QTY, "last_qty"), (L.EVT_NOTIONAL, "notional"), (L.EVT_TRADE, "trade"),
        (L.EVT_FILL_TERMS, "terms"),
    ):  # fmt: skip
        w[word] = getattr(leg, name)
    return w


def _named_words(c: Row) -> Words:
    """Assets, accounts, sessions: one extra row with a name."""
    w = new_words(c.kind, 1)
    name = f"N{c.kind}-{c.id}"
    if c.kind == C.C_DEF_ASSET:
        w[d.DA_ID], w[d.DA_DECIMALS], w[d.DA_NAME_LEN] = c.id, 2, len(name)
        w[d.DA_NAME : d.DA_NAME + 4] = text_words(name, 4)
    elif c.kind == C.C_DEF_ACCOUNT:
        w[d.DC_ID], w[d.DC_FIRM], w[d.DC_KIND], w[d.DC_SESSION], w[d.DC_VENUE] = c.id, c.firm, c.account_kind, c.session, c.venue
        w[d.DC_NAME_LEN], w[d.DC_CLOSED] = len(name), c.closed
        w[d.DC_NAME : d.DC_NAME + 8] = text_words(name, 8)
    else:
        w[d.DS_ID], w[d.DS_FIRM], w[d.DS_VENUE], w[d.DS_ACCOUNT], w[d.DS_WIRE] = c.id, c.firm, c.venue, c.account, C.WIRE_BINARY
        w[d.DS_FLAGS] = (L.SF_CANCEL_ON_DISCONNECT if c.cancel_on_disconnect else 0) | (L.SF_SETTLEMENT if c.settlement else 0)
        w[d.DS_THROTTLE_LIMIT], w[d.DS_THROTTLE_WINDOW], w[d.DS_PEER_LEN] = c.throttle_limit, c.throttle_window, len(name)
        w[d.DS_CLOSED] = c.closed
        w[d.DS_PEER : d.DS_PEER + 8] = text_words(name, 8)
    return w


def command_words(c: Row) -> Words:
    """The command row of a Row, with its extra rows."""
    k = c.kind
    if k == C.C_TIME:
        w = new_words(k, 0)
        w[L.CMD_TIME_TURN], w[L.CMD_TIME_NS], w[L.CMD_TIME_REFUSE], w[L.CMD_TIME_TICK] = c.turn, c.now, c.refuse, c.tick
        return w
    if C.C_NEW <= k <= C.C_STATUS:
        return _client_words(c)
    if C.C_LOGON <= k <= C.C_SET_IN:
        return _session_words(c)
    if k in (C.C_DEF_ASSET, C.C_DEF_ACCOUNT, C.C_DEF_SESSION):
        return _named_words(c)
    if k == C.C_DEF_EVENT:
        return _event_words(c)
    if k == C.C_DEF_INSTRUMENT:
        return _instrument_words(c)
    return _operator_words(c)


def command_row(words: Words) -> Row:
    """A NEW, CANCEL or REPLACE without texts, or a TIME row, back from its words."""
    w = [int(x) for x in words]
    head = w[L.CMD_HEAD]
    if head & 255 == C.C_TIME:
        return Row(kind=C.C_TIME, turn=w[L.CMD_TIME_TURN], now=w[L.CMD_TIME_NS], refuse=w[L.CMD_TIME_REFUSE], tick=w[L.CMD_TIME_TICK])
    return plain(Row(
        kind=W.kind_of(head), side=W.side_of(head), contract_side=W.contract_side_of(head), type=W.type_of(head), tif=W.tif_of(head), flags=W.flags_of(head),
        session=w[L.CMD_SESSION_ACCOUNT] >> 32, account=w[L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF, instrument=w[L.CMD_INSTRUMENT] >> 32,
        price=w[L.CMD_PRICE], qty=w[L.CMD_QTY], id=w[L.CMD_ID_LO], orig=w[L.CMD_ORIG_LO], expiry=w[L.CMD_EXPIRY],
        client_number=w[L.CMD_GROUP_SEQ] & 0xFFFFFFFF,
    ))  # fmt: skip


def _key(hi: int, lo: int, text: bytes) -> Key:
    if hi == 0:
        return lo
    name = packed_text(hi, lo) if hi >= 1 << 61 else text.rstrip(b"\0").decode()
    return name if name and key_words(name) == (hi, lo) else (hi, lo)


def _other_words() -> dict[int, list[int]]:
    """Words of an event for which its kind has no name, by kind."""
    declared = {getattr(C, kind): {getattr(L, name) for name in (*shape.COMMON_EVENT, *names)} for kind, names in shape.EVENTS.items()}
    return {kind: [word for word in range(L.EVT_WORDS) if word not in words] for kind, words in declared.items()}


OTHER_WORDS = _other_words()


def event_rows(words: Words) -> list[Row]:
    """Named events from event words; names whose word is 0 are left out, except kind. Each word is one of its kind (layout/shape.py), or
    0."""
    out = []
    at = 0
    while at < len(words):
        w = [int(x) for x in words[at : at + L.EVT_WORDS]]
        head = w[L.EVT_HEAD]
        extra = W.extra_of(head)
        assert not any(w[word] for word in OTHER_WORDS[W.kind_of(head)]), f"kind {W.kind_of(head)} has a word that shape.py does not know"
        payload = words[at + L.EVT_WORDS : at + (1 + extra) * L.EVT_WORDS].tobytes()
        texts = payload if W.flags_of(head) & C.EF_TEXT else b""
        row = Row(
            kind=W.kind_of(head), status=W.status_of(head), reason=W.reason_of(head), side=W.side_of(head), contract_side=W.contract_side_of(head),
            type=W.type_of(head), tif=W.tif_of(head), flags=W.flags_of(head) & ~C.EF_TEXT, number=w[L.EVT_NUMBER], time=w[L.EVT_TIME],
            session=w[L.EVT_SESSION_ACCOUNT] >> 32, account=w[L.EVT_SESSION_ACCOUNT] & 0xFFFFFFFF, session_number=w[L.EVT_SESSION_NUMBER],
            previous=w[L.EVT_PREVIOUS], instrument=w[L.EVT_INSTRUMENT] >> 32, venue=w[L.EVT_INSTRUMENT] >> 16 & 0xFFFF,
            front=w[L.EVT_INSTRUMENT] & 0xFFFF, order=w[L.EVT_ORDER], id=_key(w[L.EVT_ID_HI], w[L.EVT_ID_LO], texts[:64]),
            orig=_key(w[L.EVT_ORIG_HI], w[L.EVT_ORIG_LO], texts[64:128]), price=w[L.EVT_PRICE], qty=w[L.EVT_QTY], cum=w[L.EVT_CUM],
            leaves=w[L.EVT_LEAVES], notional=w[L.EVT_NOTIONAL], trade=w[L.EVT_TRADE], expiry=w[L.EVT_EXPIRY],
            client_number=w[L.EVT_CLIENT_NUMBER], spare=w[L.EVT_MOVED_ASSET],
        )  # fmt: skip
        names = ("limit", "used", "asked") if row.kind in REFUSALS or row.kind == C.E_STATUS else ("last_price", "last_qty", "fee")
        row.update(zip(names, (w[L.EVT_LAST_PRICE], w[L.EVT_LAST_QTY], w[L.EVT_FEE])))
        if row.kind in (C.E_MOVED, C.E_SETTLED, C.E_REVERSED):
            row.update(trade=0, why=w[L.EVT_MOVED_WHY])
        if row.kind == C.E_BANDS:
            bands = words[at + L.EVT_WORDS : at + L.EVT_WORDS + 3 * row.price].reshape(-1, 3)
            row.update(bands=[tuple(int(x) for x in band) for band in bands])
        if row.kind == C.E_FILL:
            row.update(client_number=0, terms=w[L.EVT_FILL_TERMS])
        if row.kind == C.E_CORRECTED:
            row.update(orig=0, was_price=w[L.EVT_WAS_PRICE], was_qty=w[L.EVT_WAS_QTY])
        if row.kind in (C.E_BUST, C.E_CORRECTED):
            row.update(
                client_number=0, expiry=0, spare=0, due=w[L.EVT_BUST_AMOUNT], balance=w[L.EVT_BUST_BALANCE], bust_of=w[L.EVT_BUST_OF]
            )
        if row.kind == C.E_SENT:
            row.update(price=0, qty=0, msg_type=w[L.EVT_MSG_TYPE], body_bytes=w[L.EVT_BODY_BYTES], body=payload[: w[L.EVT_BODY_BYTES]])
        out.append(plain(row))
        at += (1 + extra) * L.EVT_WORDS
    return out


def plain(row: Row) -> Row:
    """Without the names that read as 0 anyway."""
    return Row({k: v for k, v in row.items() if v or k == "kind"})
