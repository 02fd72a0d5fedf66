"""The evidence of results, by event and version, as the encoders put it into the reports of settlements.

The table is words: the number of slots less one, the length of the longest text, then slots of EVIDENCE_WORDS (open addressing), then the texts, each
at a whole word. gateway/evidence.py fills it, one table for each wire, with what is asked for.
"""

from ..core.kit.jit import leaf
from .fix_write import put_words

EV_MASK = 0
EV_LONGEST = 1  # bytes
EV_SLOTS = 2
EVIDENCE_WORDS = 4
EW_EVENT = 0  # ~ of its id; 0: the slot is free
EW_VERSION = 1
EW_AT = 2  # word of the text
EW_BYTES = 3


@leaf
def evidence_slot(table, event, version):
    """Word of the slot with the evidence of a version of an event's result, or of the free slot where it belongs. One slot is always free."""
    i = ((event & 0xFFFFFF) * 31 + (version & 0xFFFFFF)) & table[EV_MASK]
    while True:
        slot = EV_SLOTS + i * EVIDENCE_WORDS
        if table[slot + EW_EVENT] == 0 or table[slot + EW_EVENT] == ~event and table[slot + EW_VERSION] == version:
            return slot
        i = (i + 1) & table[EV_MASK]


@leaf
def put_evidence(out, p, table, slot):
    """Write the text of a slot. Returns the position after it; up to 7 bytes more may be overwritten."""
    return put_words(out, p, table, table[slot + EW_AT], table[slot + EW_BYTES])
