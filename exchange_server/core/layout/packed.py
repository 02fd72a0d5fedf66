"""Words with several fields. Only the functions here pack and unpack them; tests/core/test_packed.py checks that no other source does.
Python calls them through `plain`.

The head of a command, the head of an event and the attributes of an order (O_ATTR, AR_ATTR) keep the fields they share in the same bits:

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

Sides: `side` is the client's side (BUY or SELL) in the contract `contract_side` (YES or NO); `book_side` is the same order in YES terms, BUY
or SELL. Adjacent words for bids and asks are indexed by `own_side` (where the order rests) or `other_side` (with which it trades): 0 bid,
1 ask.
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
    """Head of a command or event: C_* or E_*."""
    return head & 255


@leaf
def row_bytes(head):
    """Head of a command: bytes of its row and the extra rows after it."""
    return (1 + ((head >> 8) & 255)) * 8 * L.CMD_WORDS  # not by extra_of: plain.py takes each of these functions by itself


@leaf
def extra_of(head):
    """Head of a command or event: number of extra rows after it."""
    return (head >> 8) & 255


@leaf
def side_of(word):
    """Head or attributes: BUY or SELL, the client's side; 0: none."""
    return (word >> 16) & 15


@leaf
def contract_side_of(word):
    """Head or attributes: YES or NO; 0: none."""
    return (word >> 20) & 15


@leaf
def type_of(word):
    """Head or attributes: order type."""
    return (word >> 24) & 15


@leaf
def tif_of(word):
    """Head or attributes: time in force."""
    return (word >> 28) & 15


@leaf
def stp_of(command_head):
    """Head of a command: self-trade prevention, STP_*."""
    return (command_head >> 32) & 15


@leaf
def status_of(word):
    """Head of an event or attributes: order status, ST_*."""
    return (word >> 32) & 15


@leaf
def reason_of(word):
    """Head of an event or AR_ATTR: reason, R_*."""
    return (word >> 36) & 0xFFF


@leaf
def row_flags_of(command_head):
    """Head of a command: ROWFLAG_*."""
    return (command_head >> 36) & 0xFFF


@leaf
def flags_of(word):
    """Head or attributes: EF_* of an event, FLAG_* of a command or order."""
    return (word >> 48) & 0x7FFF


@leaf
def book_side_of(attr):
    """Attributes: BUY or SELL in YES terms."""
    return attr & 15


@leaf
def was_replaced(attr):
    """Attributes: whether the order's ClOrdID was ever replaced."""
    return attr & WAS_REPLACED != 0


@leaf
def terms_of(word):
    """Side, contract side, type and tif, in their bits, for another head."""
    return word & TERMS


@leaf
def pack_terms(side, contract_side, order_type, tif):
    """Side, contract side, type and tif, in their bits."""
    return (side << 16) | (contract_side << 20) | (order_type << 24) | (tif << 28)


@leaf
def pack_command(kind, extra, terms, stp, row_flags, flags):
    """Head of a command row. terms: of pack_terms."""
    return kind | (extra << 8) | terms | (stp << 32) | (row_flags << 36) | (flags << 48)


@leaf
def pack_event(kind, extra, terms, status, reason, flags):
    """Head of an event row. terms: of pack_terms or terms_of."""
    return kind | (extra << 8) | terms | (status << 32) | (reason << 36) | (flags << 48)


@leaf
def pack_attr(book_side, terms, flags, status):
    """Attributes of an order (O_ATTR). terms: of pack_terms or terms_of."""
    return book_side | terms | (status << 32) | (flags << 48)


@leaf
def with_extra(head, extra, flags):
    """Head of an event with these flags added, and with an extra row count; it must have had none, or the same."""
    return head | (extra << 8) | (flags << 48)


@leaf
def with_status(attr, status, reason):
    """Attributes with another status and reason."""
    return (attr & ~END_MASK) | (status << 32) | (reason << 36)


@leaf
def set_status(m, o, status):
    """Set the status of order `o` (pointer)."""
    m[o + L.O_ATTR] = (m[o + L.O_ATTR] & ~END_MASK) | (status << 32)


@leaf
def set_replaced(m, o):
    """Mark order `o` (pointer) as replaced."""
    m[o + L.O_ATTR] |= WAS_REPLACED


# ---- sides --------------------------------------------------------------------------------------------------------


@leaf
def in_yes_terms(side, contract_side):
    """Book side, BUY or SELL: buying NO is selling YES."""
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
    """Session id of CMD_SESSION_ACCOUNT, EVT_SESSION_ACCOUNT."""
    return word >> 32


@leaf
def firm_of(word):
    """Firm id of AR_FIRM_ACCOUNT."""
    return word >> 32


@leaf
def account_of(word):
    """Account id of CMD_SESSION_ACCOUNT, EVT_SESSION_ACCOUNT, AR_FIRM_ACCOUNT."""
    return word & HALF


@leaf
def pack_session_account(session, account):
    """CMD_SESSION_ACCOUNT, EVT_SESSION_ACCOUNT, of ids."""
    return (session << 32) | account


@leaf
def pack_firm_account(firm, account):
    """AR_FIRM_ACCOUNT, of ids."""
    return (firm << 32) | account


@leaf
def instrument_of(word):
    """Instrument id of CMD_INSTRUMENT, EVT_INSTRUMENT, AR_INSTRUMENT."""
    return word >> 32


@leaf
def venue_of(word):
    """Venue id of CMD_INSTRUMENT, EVT_INSTRUMENT, AR_INSTRUMENT, O_ENTRY."""
    return (word >> 16) & 0xFFFF


@leaf
def front_of(word):
    """Front end of the same words as venue_of."""
    return word & 0xFFFF


@leaf
def pack_entry(venue, front):
    """O_ENTRY: the venue (id) and front end through which an order came."""
    return (venue << 16) | front


@leaf
def pack_instrument(instrument, entry):
    """CMD_INSTRUMENT, EVT_INSTRUMENT, AR_INSTRUMENT. entry: of pack_entry, 0: none."""
    return (instrument << 32) | entry


@leaf
def without_entry(word):
    """The same word with the instrument only."""
    return word & ~HALF


@leaf
def group_of(word):
    """Order group of CMD_GROUP_SEQ."""
    return word >> 32


@leaf
def sequence_of(word):
    """Incoming MsgSeqNum of CMD_GROUP_SEQ."""
    return word & HALF


@leaf
def pack_group(group, sequence):
    """CMD_GROUP_SEQ."""
    return (group << 32) | sequence


@leaf
def ref_of(word):
    """Reference in an entry of the ClOrdID table."""
    return word & HALF


@leaf
def hash_of(word):
    """Hash (32 bits) in an entry of the ClOrdID table."""
    return (word >> 32) & HALF


@leaf
def pack_ref(hashed, ref):
    """Entry of the ClOrdID table."""
    return (hashed << 32) | ref


@leaf
def pack_touched(inst, ask):
    """Entry of the list of touched levels, of an instrument pointer and a side (0 bid, 1 ask)."""
    return (inst << 1) | ask


@leaf
def touched_instrument(word):
    """Instrument (pointer) of an entry of the list of touched levels."""
    return word >> 1


@leaf
def touched_side(word):
    """Side of an entry of the list of touched levels: 0 bid, 1 ask."""
    return word & 1


# ---- fees --------------------------------------------------------------------------------------


@leaf
def pack_fees(model, maker, taker):
    """O_FEES: fee model (FEE_*), maker and taker rate in basis points (-32768 or more)."""
    return (model << 40) | ((maker + 32768) << 20) | (taker + 32768)


@leaf
def fee_model(fees):
    """Fee model (FEE_*) of O_FEES."""
    return fees >> 40


@leaf
def maker_bps(fees):
    """Maker rate of O_FEES in basis points; negative: rebate."""
    return ((fees >> 20) & 0xFFFFF) - 32768


@leaf
def taker_bps(fees):
    """Taker rate of O_FEES in basis points."""
    return (fees & 0xFFFFF) - 32768


@leaf
def pack_shares(owner, venue, before):
    """EVT_FILL_TERMS: shares of owner and listing venue in the order's net fee (basis points), and the net fee before this fill; only its
    rest by 10,000 matters to how the shares of this fill were rounded."""
    return owner | (venue << 14) | ((before % 10_000) << 28)


@leaf
def owner_share_of(terms):
    """Basis points of EVT_FILL_TERMS that the owner got."""
    return terms & 0x3FFF


@leaf
def venue_share_of(terms):
    """Basis points of EVT_FILL_TERMS that the listing venue got."""
    return (terms >> 14) & 0x3FFF


@leaf
def fee_before(terms):
    """The order's net fee before the fill, modulo 10,000, of EVT_FILL_TERMS."""
    return (terms >> 28) & 0x3FFF


# ---- a collateral row ----------------------------------------------------------------------------------------------


@leaf
def pack_counts(winners, below, above, sign):
    """CO_K: winners; contracts whose v is below and above 0, each at most MAX_CONTRACTS; sign: the sum of the smallest is that of those below 0."""
    return winners | (below << 16) | (above << 32) | (1 << 48) | ((1 << 49) if sign else 0)


@leaf
def winners_of(counts):
    """k of CO_K."""
    return counts & 0xFFFF


@leaf
def below_of(counts):
    """Contracts whose v is below 0, of CO_K."""
    return (counts >> 16) & 0xFFFF


@leaf
def above_of(counts):
    """Contracts whose v is above 0, of CO_K."""
    return (counts >> 32) & 0xFFFF


@leaf
def is_counted(counts):
    """Whether CO_K has counts: a row of a program that had none does not."""
    return (counts >> 48) & 1 != 0


@leaf
def by_sign(counts):
    """Whether the sum of the smallest is kept by sign (money/smallest.py)."""
    return (counts >> 49) & 1 != 0


@leaf
def changed_counts(counts, old, new):
    """CO_K after one v has changed from `old` to `new`."""
    below = (1 if new < 0 else 0) - (1 if old < 0 else 0)
    above = (1 if new > 0 else 0) - (1 if old > 0 else 0)
    return counts + (below << 16) + (above << 32)


# ---- forms and options ---------------------------------------------------------------------------------------------


@leaf
def time_form_of(form):
    """FORM_TIME_* of S_FORM."""
    return (form >> 8) & 3


@leaf
def defined_options(session_flags):
    """Options (SF_*) of the definition in S_FLAGS, in effect from the next logon on."""
    return (session_flags >> 2) & L.SF_OPTIONS


@leaf
def pack_options(now, defined):
    """S_FLAGS: now: the flags in effect; defined: options of the definition."""
    return now | (defined << 2)


@leaf
def has_own_fields(form):
    """Whether S_FORM has FORM_OWN_FIELDS."""
    return form & L.FORM_OWN_FIELDS != 0


@leaf
def pack_form(own_fields, time_form):
    """S_FORM. own_fields: 0 or FORM_OWN_FIELDS; time_form: FORM_TIME_*."""
    return own_fields | (time_form << 8)
