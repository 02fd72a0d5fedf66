"""What an open order has beyond its dump (audit.py), for a venue that leaves: how its fees are shared, and the text of its ClOrdID. And keys of
ClOrdIDs, and whether one is used.
"""

from . import layout as L
from .book.levels import level_worse
from .kit.bits import words_of
from .kit.jit import kernel
from .kit.loads import SLACK
from .kit.rows import event_at
from .kit.text_ids import key_of, unpack_text
from .life.ids import id_find, order_text
from .life.used import used_before

TERMS_WORDS = 2 + L.TEXT_WORDS  # the owner's and the venue's share (bps), then the text, 0 for an integer id


@kernel("i8(i8[::1], i8, i8[::1])")
def dump_terms(m, event_id, out):
    """TERMS_WORDS for each open order of an event (id), in the order of audit.dump_event. Returns the words, or -1 - the number needed."""
    event = event_at(m, event_id)
    if event == 0:
        return 0
    want = m[event + L.E_OPEN_ORDERS] * TERMS_WORDS
    if out.shape[0] < want:
        return -1 - want
    at = 0
    for j in range(m[event + L.E_N]):
        inst = m[event + L.E_FIRST] + j * L.INSTRUMENT_WORDS
        for ask in range(2):
            level = m[inst + L.I_BEST + ask]
            while level != 0:
                o = m[level + L.L_HEAD]
                while o != 0:
                    listing = m[o + L.O_LISTING]
                    out[at] = m[listing + L.LI_OWNER_SHARE]
                    out[at + 1] = m[listing + L.LI_VENUE_SHARE]
                    order_text(m, o, out, at + 2)
                    at += TERMS_WORDS
                    o = m[o + L.O_NEXT]
                level = level_worse(m, level, ask)
    return at


@kernel("i8(u1[::1], i8[::1])")
def key_of_text(data, out):
    """The key (hi, lo) of a ClOrdID's text (kit/text_ids.py), to out[0] and out[1]; `data` has loads.SLACK bytes after it. 0."""
    out[0], out[1] = key_of(data, 0, data.shape[0] - SLACK)
    return 0


@kernel("i8(i8, i8, i8[::1])")
def text_of_key(hi, lo, out):
    """The text that a key is (hi >= text_ids.PACKED), to the TEXT_WORDS of out. 0."""
    unpack_text(hi, lo, out, 0)
    return 0


@kernel("i8(i8[::1], i8, i8, i8, i8[::1])")
def id_used(m, firm, hi, lo, text):
    """1 if the firm (id) has used this ClOrdID key and it is not free again (life/used.py); text: its 8 words if hi < 0."""
    m = words_of(m)
    text = words_of(text)
    at = 0 if hi < 0 else -1
    return 1 if id_find(m, text, firm, hi, lo, at) != 0 or used_before(m, text, firm, hi, lo, at) else 0
