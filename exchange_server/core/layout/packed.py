"""Words that hold several things. Only the functions here put them together and take them apart; tests/core/test_packed.py holds the rest
of the sources to that. From Python they are called through `plain`.

The head of a command, the head of an event and the attributes of an order (O_ATTR, AR_ATTR) have what they share in the same bits:

    bits    command head    event head      attributes
    0-7     kind            kind            book side 0-3, was replaced 4
    8-15    extra rows      extra rows
    16-19   side            side            side
    20-23   contract side   contract side   contract side
    24-27   type            type            type
    28-31   tif             tif             tif
    32-35   stp             order status    order status
    36-47   row flags       reason          reason (AR_ATTR)
    48-62   FLAG_*          EF_*            FLAG_*

Sides: `side` is what the client asked for and `contract_side` in which contract (YES or NO); `book_side` is the same order in YES terms,
BUY or SELL. Words that lie side by side for bids and asks are found by adding `own_side` (where the order rests) or `other_side` (what it
trades with): 0 bid, 1 ask.
"""

from protocol import codes as C

from .. import layout as L
from ..kit.jit import leaf

KIND = 0, 8  # first bit, bits
EXTRA = 8, 8
SIDE = 16, 4
CONTRACT_SIDE = 20, 4
TYPE = 24, 4
TIF = 28, 4
STP = 32, 4
STATUS = 32, 4
REASON = 36, 12
ROW_FLAGS = 36, 12
FLAGS = 48, 15
FIELDS = {  # the parts of each head and of the attributes, for the test that they do not overlap
    "command": (KIND, EXTRA, SIDE, CONTRACT_SIDE, TYPE, TIF, STP, ROW_FLAGS, FLAGS),
    "event": (KIND, EXTRA, SIDE, CONTRACT_SIDE, TYPE, TIF, STATUS, REASON, FLAGS),
    "attributes": ((0, 4), (4, 1), SIDE, CONTRACT_SIDE, TYPE, TIF, STATUS, REASON, FLAGS),
}
HALF = 0xFFFFFFFF
TERMS = 0xFFFF << 16  # side, contract side, type and tif
END_MASK = 0xFFFF << 32  # status and reason
WAS_REPLACED = 1 << 4


# ---- heads and attributes -----------------------------------------------------------------------------------------


@leaf
def kind_of(head):
    return head & 255


@leaf
def extra_of(head):
    """Extra rows after a command or an event."""
    return (head >> 8) & 255


@leaf
def side_of(word):
    return (word >> 16) & 15


@leaf
def contract_side_of(word):
    return (word >> 20) & 15


@leaf
def type_of(word):
    return (word >> 24) & 15


@leaf
def tif_of(word):
    return (word >> 28) & 15


@leaf
def stp_of(command_head):
    return (command_head >> 32) & 15


@leaf
def status_of(word):
    return (word >> 32) & 15


@leaf
def reason_of(word):
    return (word >> 36) & 0xFFF


@leaf
def row_flags_of(command_head):
    """ROWFLAG_*"""
    return (command_head >> 36) & 0xFFF


@leaf
def flags_of(word):
    """EF_* of an event, FLAG_* of a command or order."""
    return (word >> 48) & 0x7FFF


@leaf
def book_side_of(attr):
    """BUY or SELL in YES terms."""
    return attr & 15


@leaf
def was_replaced(attr):
    return attr & WAS_REPLACED != 0


@leaf
def terms_of(word):
    """Side, contract side, type and tif where they lie: to be put into another head."""
    return word & TERMS


@leaf
def pack_terms(side, contract_side, order_type, tif):
    return (side << 16) | (contract_side << 20) | (order_type << 24) | (tif << 28)


@leaf
def pack_command(kind, extra, terms, stp, row_flags, flags):
    """Head of a command row; `terms`: of pack_terms."""
    return kind | (extra << 8) | terms | (stp << 32) | (row_flags << 36) | (flags << 48)


@leaf
def pack_event(kind, extra, terms, status, reason, flags):
    """Head of an event row; `terms`: of pack_terms or terms_of."""
    return kind | (extra << 8) | terms | (status << 32) | (reason << 36) | (flags << 48)


@leaf
def pack_attr(book_side, terms, flags, status):
    return book_side | terms | (status << 32) | (flags << 48)


@leaf
def with_extra(head, extra, flags):
    """The head of an event with an extra row count it did not have, or had already, and these flags beside its own."""
    return head | (extra << 8) | (flags << 48)


@leaf
def with_status(attr, status, reason):
    return (attr & ~END_MASK) | (status << 32) | (reason << 36)


@leaf
def set_status(m, o, status):
    m[o + L.O_ATTR] = (m[o + L.O_ATTR] & ~END_MASK) | (status << 32)


@leaf
def set_replaced(m, o):
    m[o + L.O_ATTR] |= WAS_REPLACED


# ---- sides --------------------------------------------------------------------------------------------------------


@leaf
def in_yes_terms(side, contract_side):
    """The book side: buying NO is selling YES."""
    if contract_side == C.NO:
        return C.SELL if side == C.BUY else C.BUY
    return side


@leaf
def own_side(book_side):
    """Side of the book where an order of this book side rests: 0 bid, 1 ask."""
    return 0 if book_side == C.BUY else 1


@leaf
def other_side(book_side):
    """Side of the book that an order of this book side trades with: 0 bid, 1 ask."""
    return 1 if book_side == C.BUY else 0


# ---- two things in one word ---------------------------------------------------------------------------------------


@leaf
def session_of(word):
    """CMD_SESSION_ACCOUNT, EVT_SESSION_ACCOUNT"""
    return word >> 32


@leaf
def firm_of(word):
    """AR_FIRM_ACCOUNT"""
    return word >> 32


@leaf
def account_of(word):
    """CMD_SESSION_ACCOUNT, EVT_SESSION_ACCOUNT, AR_FIRM_ACCOUNT"""
    return word & HALF


@leaf
def pack_session_account(session, account):
    return (session << 32) | account


@leaf
def pack_firm_account(firm, account):
    return (firm << 32) | account


@leaf
def instrument_of(word):
    """CMD_INSTRUMENT, EVT_INSTRUMENT, AR_INSTRUMENT"""
    return word >> 32


@leaf
def venue_of(word):
    """CMD_INSTRUMENT, EVT_INSTRUMENT, AR_INSTRUMENT, O_ENTRY"""
    return (word >> 16) & 0xFFFF


@leaf
def front_of(word):
    """Front end, of the same words as venue_of."""
    return word & 0xFFFF


@leaf
def pack_entry(venue, front):
    """O_ENTRY: what an order came through."""
    return (venue << 16) | front


@leaf
def pack_instrument(instrument, entry):
    """`entry`: of pack_entry, 0: not said."""
    return (instrument << 32) | entry


@leaf
def without_entry(word):
    return word & ~HALF


@leaf
def group_of(word):
    """CMD_GROUP_SEQ: the order group."""
    return word >> 32


@leaf
def sequence_of(word):
    """CMD_GROUP_SEQ: the incoming MsgSeqNum."""
    return word & HALF


@leaf
def pack_group(group, sequence):
    return (group << 32) | sequence


@leaf
def ref_of(word):
    """Reference of an entry in the table of ClOrdIDs."""
    return word & HALF


@leaf
def hash_of(word):
    return (word >> 32) & HALF


@leaf
def pack_ref(hashed, ref):
    return (hashed << 32) | ref


@leaf
def pack_touched(inst, ask):
    """Entry of the list of touched levels."""
    return (inst << 1) | ask


@leaf
def touched_instrument(word):
    """Pointer of the instrument."""
    return word >> 1


@leaf
def touched_side(word):
    return word & 1


# ---- fees, forms and options --------------------------------------------------------------------------------------


@leaf
def pack_fees(model, maker, taker):
    return (model << 40) | ((maker + 32768) << 20) | (taker + 32768)


@leaf
def fee_model(fees):
    return fees >> 40


@leaf
def maker_bps(fees):
    return ((fees >> 20) & 0xFFFFF) - 32768


@leaf
def taker_bps(fees):
    return (fees & 0xFFFFF) - 32768


@leaf
def time_form_of(form):
    """FORM_TIME_* of S_FORM."""
    return (form >> 8) & 3


@leaf
def defined_options(session_flags):
    """S_FLAGS: the options that the definition asks for, from the next logon on."""
    return (session_flags >> 2) & L.SF_OPTIONS


@leaf
def pack_options(now, defined):
    """S_FLAGS: what holds now, and the options that the definition asks for."""
    return now | (defined << 2)


@leaf
def has_own_fields(form):
    return form & L.FORM_OWN_FIELDS != 0


@leaf
def pack_form(own_fields, time_form):
    """`own_fields`: 0 or FORM_OWN_FIELDS."""
    return own_fields | (time_form << 8)
