"""Market data after a turn: touched levels and trades as one BookUpdate per instrument, and whole books as BookSnapshots.

Encoded once as frames of the binary wire (protocol/messages.py); all subscribers get the same bytes. Prices in YES ticks. `collect` is
called for every chunk of events of a turn, `updates` once at its end (the core marks a level as touched once per turn), `snapshot` after
it. The sequence of a book (I_MD_SEQ) counts its updates while there are subscribers; it is not part of the exchange's logical state.
"""

from typing import Any

import numpy as np

from protocol import codes as C

from ..core import layout as L
from ..core.book.levels import book_word, level_find, level_worse
from ..core.kit.bits import bytes_of, touch, words_of
from ..core.kit.jit import kernel, leaf
from ..core.kit.loads import load64, store64
from ..core.kit.pools import pool_base, pool_cap
from ..core.kit.rows import instrument_at
from ..core.layout.packed import contract_side_of, extra_of, flags_of, instrument_of, kind_of, touched_instrument, touched_side
from .msgpack import SLACK_BYTES, write_array, write_int, write_length

TAG_SNAPSHOT = 103  # of protocol/messages.py (a test compares them)
TAG_UPDATE = 104

# A collected row: a trade, or news of an event. kind 0-7 of word 0, the rest:
TAPE_WORDS = 6
TAPE_KIND = (
    0  # E_FILL (a trade, or one that was taken back), E_PHASE, E_DETERMINED, E_DISPUTED, E_VOIDED, E_FINAL, E_AHEAD, E_BANDS, E_CONTRACT
)
TAPE_ID = 1  # instrument id of a trade, event id else
TAPE_A = 2  # trade id | old phase | end of the challenge window | E_AHEAD: instrument id
TAPE_B = 3  # price in YES ticks | new phase
TAPE_C = 4  # quantity, below 0: taken back | version of the result
TAPE_D = 5  # side of the taker in YES terms | time

# Index rows of `updates`
MD_INDEX_WORDS = 5
MX_INSTRUMENT = 0
MX_OFFSET = 1
MX_LENGTH = 2
MX_CHANGES = 3
MX_TRADES = 4

RES_LOST = 3  # res of `updates`: 1 if the list of touched levels was too short: books must be sent again
HEAD_BYTES = 64
CHANGE_BYTES = 20
TRADE_BYTES = 30
LEVEL_BYTES = 19
# Touched levels ahead, for prefetching: the turn's events have driven levels and nodes out of the caches
FAR = 16  # the pointer to the level
NEAR = 8  # the level


@leaf
def _corrected(m, ev, e, tape, used):
    """The row of the taker of a corrected trade: the trade is taken back at its old terms, and is there again at the new ones."""
    head = ev[e + L.EVT_HEAD]
    if flags_of(head) & C.EF_TAKER == 0:
        return used
    instrument = instrument_of(ev[e + L.EVT_INSTRUMENT])
    inst = instrument_at(m, instrument)
    for new in range(2):
        price = ev[e + L.EVT_LAST_PRICE] if new else ev[e + L.EVT_WAS_PRICE]
        tape[used + TAPE_KIND] = C.E_FILL
        tape[used + TAPE_ID] = instrument
        tape[used + TAPE_A] = ev[e + L.EVT_TRADE]
        tape[used + TAPE_B] = m[inst + L.I_PAYOUT] - price if inst != 0 and contract_side_of(head) == C.NO else price
        tape[used + TAPE_C] = ev[e + L.EVT_LAST_QTY] if new else -ev[e + L.EVT_WAS_QTY]
        tape[used + TAPE_D] = C.SELL if flags_of(head) & C.EF_AGGRESSOR_SELL != 0 else C.BUY
        used += TAPE_WORDS
    return used


@kernel("int64(int64[::1], int64[::1], int64, int64[::1], int64)")
def collect(m, ev, words, tape, used):
    """Append the trades and the news of event rows ev[:words] to `tape` from word `used` on; returns the words then used.

    tape must have room for TAPE_WORDS words per event row, and once more: of a corrected trade one row gives two.
    """
    m = words_of(m)
    ev = words_of(ev)
    tape = words_of(tape)
    e = np.int64(0)
    while e < words:
        head = ev[e + L.EVT_HEAD]
        kind = kind_of(head)
        if kind == C.E_FILL or kind == C.E_BUST:
            flags = flags_of(head)
            if flags & (C.EF_TAKER | C.EF_COPY) == C.EF_TAKER:
                instrument = instrument_of(ev[e + L.EVT_INSTRUMENT])
                inst = instrument_at(m, instrument)
                price = ev[e + L.EVT_LAST_PRICE]
                if inst != 0 and contract_side_of(head) == C.NO:
                    price = m[inst + L.I_PAYOUT] - price
                tape[used + TAPE_KIND] = C.E_FILL
                tape[used + TAPE_ID] = instrument
                tape[used + TAPE_A] = ev[e + L.EVT_TRADE]
                tape[used + TAPE_B] = price
                tape[used + TAPE_C] = ev[e + L.EVT_LAST_QTY] if kind == C.E_FILL else -ev[e + L.EVT_LAST_QTY]
                tape[used + TAPE_D] = C.SELL if flags & C.EF_AGGRESSOR_SELL != 0 else C.BUY
                used += TAPE_WORDS
        elif kind == C.E_CORRECTED:
            used = _corrected(m, ev, e, tape, used)
        elif kind == C.E_PHASE or kind == C.E_DETERMINED or kind == C.E_DISPUTED or kind == C.E_VOIDED or kind == C.E_FINAL:
            tape[used + TAPE_KIND] = kind
            tape[used + TAPE_ID] = ev[e + L.EVT_PHASE_EVENT]  # in all of them it is the same word
            tape[used + TAPE_A] = 0
            tape[used + TAPE_C] = 0
            if kind == C.E_PHASE:
                tape[used + TAPE_A] = ev[e + L.EVT_PHASE_OLD]
                tape[used + TAPE_B] = ev[e + L.EVT_PHASE_NEW]
            elif kind == C.E_DETERMINED or kind == C.E_VOIDED:  # both have these words
                tape[used + TAPE_A] = ev[e + L.EVT_DETERMINED_UNTIL]
                tape[used + TAPE_B] = C.PH_VOIDED if kind == C.E_VOIDED else C.PH_DETERMINED
                tape[used + TAPE_C] = ev[e + L.EVT_DETERMINED_VERSION]
            elif kind == C.E_DISPUTED:
                tape[used + TAPE_B] = C.PH_DISPUTED
            else:
                tape[used + TAPE_B] = C.PH_FINAL
            tape[used + TAPE_D] = ev[e + L.EVT_TIME]
            used += TAPE_WORDS
        elif kind == C.E_AHEAD:
            tape[used + TAPE_KIND] = kind
            tape[used + TAPE_ID] = ev[e + L.EVT_AHEAD_EVENT]
            tape[used + TAPE_A] = instrument_of(ev[e + L.EVT_INSTRUMENT])
            tape[used + TAPE_B] = ev[e + L.EVT_AHEAD_PHASE]
            tape[used + TAPE_C] = ev[e + L.EVT_AHEAD_VERSION]
            tape[used + TAPE_D] = ev[e + L.EVT_TIME]
            used += TAPE_WORDS
        elif kind == C.E_BANDS or kind == C.E_CONTRACT and ev[e + L.EVT_CONTRACT_POSITION] == 0:
            tape[used + TAPE_KIND] = kind
            tape[used + TAPE_ID] = ev[e + L.EVT_BANDS_EVENT]  # in both it is the same word
            used += TAPE_WORDS
        e += L.EVT_WORDS * (1 + extra_of(head))
    return used


@leaf
def _slot(index, slots, instrument, used):
    """Index row number + 1 of an instrument, a new one when it has none; (row number + 1, rows used)."""
    slot = index[slots + instrument]
    if slot == 0:
        used += 1
        slot = used
        index[slots + instrument] = slot
        r = (slot - 1) * MD_INDEX_WORDS
        index[r + MX_INSTRUMENT] = instrument
        index[r + MX_CHANGES] = 0
        index[r + MX_TRADES] = 0
    return slot, used


@leaf
def _level_word(m, at):
    """Where the book has the level of an entry (arena offset) of the list of touched levels: place (arena offset) of its pointer, for a book of up to three
    nodes. 0: there is none."""
    entry = m[at]
    return book_word(m, touched_instrument(entry), touched_side(entry), m[at + 1], 3)


@kernel("boolean(int64[::1], int64)")
def has_news(tape, words):
    """Whether there is more than trades in tape[:words]."""
    tape = words_of(tape)
    for at in range(TAPE_KIND, words, TAPE_WORDS):
        if tape[at] != C.E_FILL:
            return True
    return False


@kernel("int64(int64[::1], uint8[::1], int64[::1], int64, uint8[::1], int64[::1], int64[::1])")
def updates(m, wanted, tape, tape_words, out, index, res):
    """The turn's BookUpdates of the instruments with wanted[id] != 0, one frame each, into `out`; empties the list of touched levels.

    index: md_index_words(m) words, all 0 before the first call; its first res[RES_INDEX] rows of MD_INDEX_WORDS say (instrument, offset,
    length, ...): one after the other, res[RES_BYTES] in all. res[RES_LOST]: 1 when the list had overflowed; then only trades are sent, and every book must
    be sent again. ENC_SPACE: `out` is shorter than res[RES_BYTES]; nothing was done.
    """
    room = out.shape[0]
    m = words_of(m)
    wanted = bytes_of(wanted)
    tape = words_of(tape)
    out = bytes_of(out)
    index = words_of(index)
    res = words_of(res)
    instruments = pool_cap(m, L.P_INSTRUMENT)
    slots = MD_INDEX_WORDS * instruments
    dirty = pool_base(m, L.P_DIRTY)
    lost = m[L.H_DIRTY_LOST]
    touched = m[L.H_DIRTY_COUNT] if lost == 0 else np.int64(0)
    used = np.int64(0)
    for i in range(touched):  # 1. what there is for each book
        instrument = m[touched_instrument(m[dirty + i * L.DIRTY_WORDS]) + L.I_ID]
        if wanted[instrument] != 0:
            slot, used = _slot(index, slots, instrument, used)
            index[(slot - 1) * MD_INDEX_WORDS + MX_CHANGES] += 1
    for t in range(0, tape_words, TAPE_WORDS):
        instrument = tape[t + TAPE_ID]
        if tape[t + TAPE_KIND] == C.E_FILL and 0 < instrument < instruments and wanted[instrument] != 0:
            slot, used = _slot(index, slots, instrument, used)
            index[(slot - 1) * MD_INDEX_WORDS + MX_TRADES] += 1
    total = np.int64(0)
    for i in range(used):
        r = i * MD_INDEX_WORDS
        index[r + MX_OFFSET] = total
        total += HEAD_BYTES + index[r + MX_CHANGES] * CHANGE_BYTES + index[r + MX_TRADES] * TRADE_BYTES + SLACK_BYTES
    res[L.RES_INDEX] = used
    res[L.RES_BYTES] = total
    res[L.RES_MESSAGES] = used
    res[RES_LOST] = lost
    status = np.int64(L.ENC_SPACE)
    if total <= room:
        status = np.int64(L.ENC_DONE)
        for i in range(used):  # 2. heads
            r = i * MD_INDEX_WORDS
            instrument = index[r + MX_INSTRUMENT]
            inst = instrument_at(m, instrument)
            m[inst + L.I_MD_SEQ] += 1
            p = index[r + MX_OFFSET] + 4
            out[p] = 0x96
            out[p + 1] = TAG_UPDATE
            p = write_int(out, p + 2, instrument)
            p = write_int(out, p, m[inst + L.I_MD_SEQ])
            p = write_int(out, p, m[L.H_TIME])
            index[r + MX_LENGTH] = write_array(out, p, index[r + MX_CHANGES])
        for i in range(touched):  # 3. levels
            if i + FAR < touched:
                touch(m, _level_word(m, dirty + (i + FAR) * L.DIRTY_WORDS))
            if i + NEAR < touched:
                touch(m, m[_level_word(m, dirty + (i + NEAR) * L.DIRTY_WORDS)])
            entry = m[dirty + i * L.DIRTY_WORDS]
            inst = touched_instrument(entry)
            ask = touched_side(entry)
            price = m[dirty + i * L.DIRTY_WORDS + 1]
            level = level_find(m, inst, ask, price)
            if level != 0:
                m[level + L.L_MARK] = 0
            slot = index[slots + m[inst + L.I_ID]]
            if slot > 0:
                r = (slot - 1) * MD_INDEX_WORDS
                p = index[r + MX_LENGTH]
                out[p] = 0x93
                out[p + 1] = C.SELL if ask != 0 else C.BUY
                p = write_int(out, p + 2, price)
                index[r + MX_LENGTH] = write_int(out, p, m[level + L.L_QTY] if level != 0 else np.int64(0))
        for i in range(used):
            r = i * MD_INDEX_WORDS
            index[r + MX_LENGTH] = write_array(out, index[r + MX_LENGTH], index[r + MX_TRADES])
        for t in range(0, tape_words, TAPE_WORDS):  # 4. trades
            instrument = tape[t + TAPE_ID]
            if tape[t + TAPE_KIND] == C.E_FILL and 0 < instrument < instruments and wanted[instrument] != 0:
                r = (index[slots + instrument] - 1) * MD_INDEX_WORDS
                p = index[r + MX_LENGTH]
                out[p] = 0x94
                p = write_int(out, p + 1, tape[t + TAPE_A])
                p = write_int(out, p, tape[t + TAPE_B])
                p = write_int(out, p, tape[t + TAPE_C])
                out[p] = tape[t + TAPE_D]
                index[r + MX_LENGTH] = p + 1
        end = np.int64(0)
        for i in range(used):  # 5. lengths; and there was more room for each than it took
            r = i * MD_INDEX_WORDS
            begin = index[r + MX_OFFSET]
            length = index[r + MX_LENGTH] - begin
            write_length(out, begin, length - 4)
            for b in range(0, length if end < begin else 0, 8):  # messages have SLACK_BYTES after them
                store64(out, end + b, load64(out, begin + b))
            index[r + MX_OFFSET] = end
            index[r + MX_LENGTH] = length
            end += length
        res[L.RES_BYTES] = end
        m[L.H_DIRTY_COUNT] = 0
        m[L.H_DIRTY_LOST] = 0
    for i in range(used):
        index[slots + index[i * MD_INDEX_WORDS + MX_INSTRUMENT]] = 0
    return status


@leaf
def _count(m, inst, ask, depth):
    level = m[inst + L.I_BEST + ask]
    n = np.int64(0)
    while level != 0 and n < depth:
        n += 1
        level = level_worse(m, level, ask)
    return n


@leaf
def _side(m, inst, ask, count, out, p):
    p = write_array(out, p, count)
    level = m[inst + L.I_BEST + ask]
    for _ in range(count):
        out[p] = 0x92
        p = write_int(out, p + 1, m[level + L.L_PRICE])
        p = write_int(out, p, m[level + L.L_QTY])
        level = level_worse(m, level, ask)
    return p


@kernel("int64(int64[::1], int64, int64, uint8[::1], int64, int64[::1])")
def snapshot(m, instrument, depth, out, at, res):
    """One BookSnapshot frame of at most `depth` levels a side at out[at:]; res[RES_BYTES] is the position after it.

    ENC_SPACE: `out` must be res[RES_BYTES] long; nothing was written. An instrument that does not exist writes nothing (res[RES_MESSAGES]
    0).
    """
    room = out.shape[0]
    m = words_of(m)
    out = bytes_of(out)
    res = words_of(res)
    inst = instrument_at(m, instrument)
    res[L.RES_MESSAGES] = 0
    res[L.RES_BYTES] = at
    if inst == 0:
        return L.ENC_DONE
    bids = _count(m, inst, 0, depth)
    asks = _count(m, inst, 1, depth)
    need = at + HEAD_BYTES + 16 + LEVEL_BYTES * (bids + asks) + SLACK_BYTES
    if need > room:
        res[L.RES_BYTES] = need
        return L.ENC_SPACE
    out[at + 4] = 0x98
    out[at + 5] = TAG_SNAPSHOT
    p = write_int(out, at + 6, instrument)
    p = write_int(out, p, m[inst + L.I_MD_SEQ])
    p = write_int(out, p, m[L.H_TIME])
    p = write_int(out, p, m[inst + L.I_PHASE])
    p = write_int(out, p, m[inst + L.I_LAST])
    p = _side(m, inst, 0, bids, out, p)
    p = _side(m, inst, 1, asks, out, p)
    write_length(out, at, p - at - 4)
    res[L.RES_BYTES] = p
    res[L.RES_MESSAGES] = 1
    return L.ENC_DONE


def md_index_words(m: Any) -> int:
    """Length that the `index` of updates must have."""
    return (MD_INDEX_WORDS + 1) * int(pool_cap.py_func(m, L.P_INSTRUMENT))
