"""Definition rows: the registry writes them while it applies an ADMIN record, the core reads them.

A definition row is a command row: word 0 is the head (kind in bits 0-7, count of extra rows in bits 8-15, the rest 0), the fields start at
word 1, and extra rows of CMD_WORDS words follow directly. Offsets are counted from the first word of the head row, so word 16 is the first
word of the first extra row. Texts are bytes, little endian in their words, zero padded; a separate word has their length. Unused words are 0.

The registry assigns ids, dense, from 1 (accounts: the registry defines the platform's fee account as id 1 first;
2..15 are reserved; trading accounts begin at 16). A definition row whose id does not exist creates the row; one whose
id exists overwrites the fields marked [live] and leaves the others unchanged (an event's row is then refused: no field
of an event is live). Times, counts and ids are words as in commands.py; money is in minor units of its asset; prices are ticks; quantities are lots.
"""

from . import tables as T

# C_DEF_ASSET: 1 extra row
DA_ID = 1
DA_DECIMALS = 2
DA_NAME_LEN = 3  # bytes, 1..32
DA_NAME = 16  # 4 words
DA_EXTRA = 1

# C_DEF_VENUE: no extra row (only the registry has its name)
DV_ID = 1
DV_FEE_ACCOUNT = 2  # [live] an account id, 0: none
DV_CUTOFF_OFFSET = 3  # end of the trading day: ns after 00:00 UTC (after a multiple of the period)
DV_CUTOFF_PERIOD = 4  # ns; 0: a day
DV_THROTTLE_LIMIT = 5  # [live] messages per window, 0: none
DV_THROTTLE_WINDOW = 6  # [live] ns
DV_ISOLATED = 7  # [live] 1: takes only accounts that are bound to it
DV_MAX_ORDERS = 8  # [live] quota of open orders, 0: none
DV_MAX_MESSAGES = 9  # [live] quota of messages a second, 0: none
DV_MAX_JOURNAL = 10  # [live] quota of journal bytes a second, 0: none
DV_EXTRA = 0

# C_DEF_FIRM: no extra row
DF_ID = 1
DF_WEIGHT = 2  # [live] weight of its share of the tables that all firms share; 0 counts as 1
DF_CLOSED = 3  # [live] 1: closed
DF_EXTRA = 0

# C_DEF_ACCOUNT: 1 extra row
DC_ID = 1
DC_FIRM = 2  # 0: an account of the platform or of a venue (fees)
DC_KIND = 3  # ACCT_*
DC_SESSION = 4  # [live] session that receives the account's own events, 0: none
DC_VENUE = 5  # isolated accounts: the one venue; 0: unified
DC_NAME_LEN = 6  # bytes, 1..64
DC_CLOSED = 7  # [live] 1: closed
DC_NAME = 16  # 8 words
DC_EXTRA = 1

# C_DEF_SESSION: 1 extra row
DS_ID = 1
DS_FIRM = 2
DS_VENUE = 3  # the venue through which it trades; 0: the instrument's owner
DS_ACCOUNT = 4  # [live] default account, 0: each message must name one
DS_WIRE = 5  # WIRE_*
DS_FLAGS = 6  # [live, from the next logon on] SF_CANCEL_ON_DISCONNECT, SF_SETTLEMENT for every logon; a client may request more
DS_THROTTLE_LIMIT = 7  # [live]
DS_THROTTLE_WINDOW = 8  # [live] ns
DS_OUR_LEN = 9  # bytes of our CompID (binary: 0), 0..64
DS_PEER_LEN = 10  # bytes of the peer's CompID, or of the binary key, 1..64
DS_FORM = 11  # [live, from the next reset of the numbers on] FORM_*
DS_CLOSED = 12  # [live] 1: closed
DS_OUR = 16  # 8 words
DS_PEER = 24  # 8 words
DS_EXTRA = 1

# C_DEF_EVENT: no extra row. Its E_N instrument rows follow in the same step_rows call, in order of index, right after it.
DE_ID = 1
DE_PRODUCT = 2
DE_K = 3  # winners; spot: 0
DE_N = 4  # contracts; spot: 1
DE_ASSET = 5  # collateral asset; spot: quote
DE_BASE_ASSET = 6  # spot only, else 0
DE_PAYOUT = 7  # P in ticks; spot: 0
DE_TICK_VALUE = 8  # minor units of the (quote) asset per tick per lot, >= 1
DE_OWNER_VENUE = 9
DE_WINDOW_NS = 10  # challenge window after a determination
DE_LOT_BASE = 11  # spot: minor units of the base asset per lot, else 0
DE_PHASE = 12  # first phase: PH_DRAFT or PH_LISTED
DE_MIDS = 13  # 1: its contracts keep their prices, for a void
DE_RESTING = 14  # RESTING_*
DE_ROOM = 15  # contracts that the event may have in the end, >= n; its instruments have that many ids
DE_EXTRA = 0

# C_DEF_INSTRUMENT: 3 extra rows
DI_ID = 1
DI_EVENT = 2  # event id
DI_INDEX = 3  # 0..n-1
DI_MIN_QTY = 4  # [live]
DI_MAX_QTY = 5  # [live]
DI_LOT = 6  # quantities are multiples of this many lots, >= 1
DI_MAX_NOTIONAL = 7  # [live] minor units, 0: none
DI_PRICE_MIN = 8
DI_PRICE_MAX = 9
DI_COLLAR = 10  # [live] ticks around the reference, 0: none
DI_REFERENCE = 11  # [live] operator's price, 0: the last trade
DI_PROTECTION = 12  # [live] ticks, >= 1
DI_MAX_POSITION = 13  # [live] lots, 0: none (spot only)
DI_PRICE_DECIMALS = 14
DI_QTY_DECIMALS = 15
DI_BAND_COUNT = 16  # 1..8
DI_SYMBOL_LEN = 17  # bytes, 1..64
DI_SYMBOL = 20  # 8 words
DI_BANDS = 32  # 8 x (from, to, increment): 24 words; both ends belong to the band, `from` is on the grid
DI_EXTRA = 3

# C_DEF_LISTING: no extra row. All fields but the first two are [live]: they apply to orders entered or amended afterwards.
DL_VENUE = 1
DL_INSTRUMENT = 2
DL_FEE_MODEL = 3  # FEE_*
DL_MAKER_BPS = 4  # negative: rebate, never more than the taker's rate
DL_TAKER_BPS = 5
DL_OWNER_SHARE = 6  # bps of the net fee
DL_VENUE_SHARE = 7
DL_OWNER_ACCOUNT = 8
DL_VENUE_ACCOUNT = 9
DL_EXTRA = 0

# C_UNLIST: no extra row. Nobody sees the instrument through the venue any more.
DU_VENUE = 1
DU_INSTRUMENT = 2
DU_EXTRA = 0

# C_TRANSFER: no extra row. From 0: a deposit; to 0: a withdrawal; both: a transfer between accounts of one firm.
# The registry makes it idempotent.
DT_FROM = 1  # account id
DT_TO = 2
DT_ASSET = 3
DT_AMOUNT = 4  # minor units, > 0
DT_EXTRA = 0

# C_PHASE: no extra row
DP_EVENT = 1
DP_PHASE = 2
DP_EXTRA = 0

# C_BANDS: 2 extra rows
DB_EVENT = 1
DB_COUNT = 2  # 1..8
DB_BANDS = 16  # as DI_BANDS
DB_EXTRA = 2

# C_ADD_CONTRACT: no extra row. Two of them: the first checks and cancels what rests in the outcome from which the new one is split; then come the
# row of the instrument (index n) and those of its listings; the second makes it a contract of the event.
DW_EVENT = 1
DW_FROM = 2  # instrument id of the outcome from which it is split; 0: an at-most group gets one more
DW_DONE = 3  # 0: the first row, 1: the second
DW_EXTRA = 0

# C_DETERMINE, C_VOID: ceil(n / 16) extra rows, one word for each contract's payout in ticks, in order of index
DD_EVENT = 1
DD_VERSION = 2  # must be E_VERSION + 1
DD_COUNT = 3  # n
DD_TRIGGER = 4  # C_VOID: ns
DD_PAYOUTS = 16

# C_DISPUTE: no extra row
DQ_EVENT = 1
DQ_VERSION = 2  # must be E_VERSION
DQ_FIRM = 3  # id; 0: the two sources differ
DQ_EXTRA = 0

# C_FINALISE, C_UPHOLD, C_REMOVE (the event only): no extra row
DX_EVENT = 1
DX_VERSION = 2  # must be E_VERSION
DX_SLICE = 3  # steps to take at once; 0: all
DX_EXTRA = 0

# C_AHEAD: no extra row. A contract of a group ahead of the rest.
DH_EVENT = 1
DH_INSTRUMENT = 2
DH_ACT = 3  # AHEAD_*
DH_VERSION = 4  # determine: E_VERSION + 1; else: I_AHEAD_VERSION
DH_PAYOUT = 5  # determine: 0 or P, ticks
DH_SLICE = 6  # finalise: as DX_SLICE
DH_FIRM = 7  # dispute: id
DH_EXTRA = 0

# C_REVERSE: of a final event. The words of C_DETERMINE: with payouts a correction, with a count of 0 a recovery of the debts that can be paid; also:
DY_BOND = 5  # account (id) of the owner venue's bond, 0: none
DY_SLICE = 6  # as DX_SLICE

# C_BUST: BUST_LEG_WORDS words (4 extra rows) for each leg, that is each E_FILL of the trade as it was written
DJ_EVENT = 1
DJ_TRADE = 2
DJ_LEGS = 3  # 2 or more
DJ_BOND = 4  # as DY_BOND
DJ_OWNER_ACCOUNT = 5  # fee account of the event's owner
DJ_PRICE = 6  # a correction: the new price, YES ticks
DJ_QTY = 7  # a correction: the new quantity, lots; 0: the trade is taken back
DJ_FIRST_LEG = 16
BUST_LEG_WORDS = 64
LEG_TEXTS = 24  # of a leg: the extra row of the E_FILL, if it had one
LEG_VENUE_ACCOUNT = 48  # of a leg: fee account of the venue through which the order came
LEG_FEE_MODEL = 49  # of a leg: FEE_* of that venue's listing
MOST_LEGS = 63

# Steps: looking at one contract of an account's row is one, writing a report STEPS_PER_REPORT more (it takes about as much longer).
STEPS_PER_REPORT = 16
SLICE = 256 * (1 + STEPS_PER_REPORT)  # of the act itself, and of each C_CONTINUE: so short that the orders of others hardly wait

# C_KILL: no extra row
DK_LEVEL = 1  # KILL_*
DK_TARGET = 2  # id at that level; platform: 0
DK_ON = 3  # 1: killed, 0: released
DK_CANCEL = 4  # 1: open orders of the target are cancelled (R_KILL_SWITCH, EF_UNSOLICITED)
DK_EXTRA = 0

# C_RESTRICT: no extra row
DR_EVENT = 1
DR_FIRM = 2
DR_ON = 3
DR_EXTRA = 0

# C_FREEZE: no extra row
DZ_VENUE = 1
DZ_LEVEL = 2  # freeze.NAMES
DZ_EXTRA = 0

# C_ACCESS: no extra row. For firm 0 the value is how a venue or an event admits (T.ACCESS_ALL ..); for a firm it is its exception.
DG_ABOUT = 1  # ACCESS_VENUE, ACCESS_EVENT
DG_TARGET = 2  # id
DG_FIRM = 3
DG_VALUE = 4  # of a firm: T.ACCESS_ADMITTED, the number of the rule that keeps it out, or 0: no exception
DG_EXTRA = 0

# C_BUDGET: no extra row. With the number of an order that waits: what a person says to it. With an event: a line of the account's list of markets. Else
# the budget: an asset of 0 ends it.
DM_ACCOUNT = 1
DM_SESSION = 2  # it may act for this account only
DM_ASSET = 3
DM_LOSS = 4  # minor units; of all limits: 0: none
DM_LOSS_DAY = 5
DM_QTY = 6  # lots
DM_COST = 7
DM_APPROVE = 8
DM_WAIT = 9  # ns
DM_LISTED = 10  # 1: only in the events of the list
DM_ANEW = 11  # 1: what was lost so far does not count any more
DM_EVENT = 12
DM_ON = 13  # with an event: 1: on the list, 0: not any more; of an order: 1: approved, 0: refused
DM_HELD = 14
DM_EXTRA = 0

# C_REFERENCE: no extra row
DN_INSTRUMENT = 1
DN_REFERENCE = 2  # ticks, 0: back to the last trade
DN_COLLAR = 3  # ticks, 0: none, -1: unchanged
DN_EXTRA = 0

# C_OPENING: a part of a venue that moves here. For each market OPENING_MARKET, then its contracts and positions; then all orders, three times.
# OPENING_ENTER and OPENING_REST name an order by account and ClOrdID.
DO_PART = 1  # OPENING_*
DO_TARGET = 2  # market: event id; contract, position, order: instrument id
DO_ACCOUNT = 3  # position, order, enter, rest
DO_QTY = 4  # market: sets; contract: volume; position: YES contracts, 0: the account only takes its place; order: total, lots
DO_PRICE = 5  # contract: last trade; order: its price; YES ticks
DO_PAID = 6  # contract: determined payout, ticks; market: as E_RESULT
DO_PHASE = 7  # market; contract: its own ahead of the market, 0: it is with it
DO_VERSION = 8  # market: of the newest result; contract ahead: of its own
DO_UNTIL = 9  # market, contract ahead: end of the challenge window; enter: expiry, 0: none; ns
DO_SESSION = 10  # order; 0: none
DO_VENUE = 11  # order: through which it came
DO_KEY_HI = 12  # order, enter, rest: ClOrdID key; hi < 0: its text is in DO_TEXT
DO_KEY_LO = 13
DO_ATTR = 14  # order: as O_ATTR
DO_IN_PLAY = 15  # market: as E_IN_PLAY
DO_TEXT = 16  # 8 words
DO_CUM = 24  # order: as the words of an order
DO_NOTIONAL = 25
DO_FEES = 26  # of the venue's present listing
DO_FEE_NUM = 27
DO_FEE_PAID = 28
DO_REBATE_NUM = 29
DO_REBATE_PAID = 30
DO_NET_FEE = 31
DO_EXTRA = 1

# Pairs (word of the definition row, word of the core's row): the core copies by them, and views for operators read by them.
EVENT_COPIES = (
    (DE_PRODUCT, T.E_PRODUCT), (DE_K, T.E_K), (DE_N, T.E_N), (DE_ASSET, T.E_ASSET), (DE_BASE_ASSET, T.E_BASE_ASSET), (DE_PAYOUT, T.E_PAYOUT),
    (DE_TICK_VALUE, T.E_TICK_VALUE), (DE_OWNER_VENUE, T.E_OWNER_VENUE), (DE_WINDOW_NS, T.E_WINDOW_NS), (DE_LOT_BASE, T.E_LOT_BASE),
    (DE_PHASE, T.E_PHASE_NOW), (DE_MIDS, T.E_MIDS), (DE_RESTING, T.E_RESTING), (DE_ROOM, T.E_ROOM),
)  # fmt: skip
INSTRUMENT_COPIES = (
    (DI_LOT, T.I_LOT), (DI_PRICE_MIN, T.I_PRICE_MIN), (DI_PRICE_MAX, T.I_PRICE_MAX), (DI_PRICE_DECIMALS, T.I_PRICE_DECIMALS),
    (DI_QTY_DECIMALS, T.I_QTY_DECIMALS), (DI_BAND_COUNT, T.I_BAND_COUNT), (DI_SYMBOL_LEN, T.I_SYMBOL_LEN),
)  # fmt: skip
INSTRUMENT_LIVE_COPIES = (  # [live]: also copied if the instrument exists
    (DI_MIN_QTY, T.I_MIN_QTY), (DI_MAX_QTY, T.I_MAX_QTY), (DI_MAX_NOTIONAL, T.I_MAX_NOTIONAL), (DI_COLLAR, T.I_COLLAR),
    (DI_REFERENCE, T.I_REFERENCE), (DI_PROTECTION, T.I_PROTECTION), (DI_MAX_POSITION, T.I_MAX_POSITION),
)  # fmt: skip

FIRST_TRADING_ACCOUNT = 16
PLATFORM_FEE_ACCOUNT = 1
MAX_CONTRACTS = 4080  # payouts of one event fit the 255 extra rows of one C_DETERMINE
