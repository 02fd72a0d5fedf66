"""Row layouts: where each word lies in a command row, an event row and the state arena.

Everything is a signed 64-bit word. The arena is ONE int64 array `m`; a "pointer" is the absolute word offset of a
row in it, so `m[o + O_LEAVES]` is the open quantity of the order at `o`, and 0 is the null pointer (the header lies
there). Commands and events are flat int64 arrays of whole rows. Packed words are built and taken apart only by the
helpers at the end of this file's sections; everything else is one field, one word.
"""

LOGIC_VERSION = 2  # a journal written by another version of the rules is refused unless sealed (durability.md)

# ================================================================================ command rows: 16 words, 128 bytes
CMD_WORDS = 16
# word 0, packed: kind 0-7 | extra rows 8-15 | side 16-19 | contract side 20-23 | type 24-27 | tif 28-31 | stp 32-35
#                 | flags 40-46 | row flags 48-54
CMD_HEAD = 0
CMD_SESSION_ACCOUNT = 1  # session << 32 | account
CMD_INSTRUMENT = 2  # instrument << 32 | venue (0: the session's) << 16 | front end
CMD_PRICE = 3  # client's terms (NO ticks for a NO order)
CMD_QTY = 4  # lots; a replace: the new total
CMD_ID_HI = 5  # ClOrdID key: (0, n) for the decimal n in 1..2^63-1, else a 128-bit hash with hi < 0
CMD_ID_LO = 6
CMD_ORIG_HI = 7  # cancel, replace, status: the order meant. (0, 0): none
CMD_ORIG_LO = 8
CMD_MIN_QTY = 9
CMD_DISPLAY_QTY = 10
CMD_STOP_PRICE = 11
CMD_EXPIRY = 12  # GTD: ns since the epoch
CMD_DEADLINE = 13  # refused when the turn's time is later; 0: none
CMD_GROUP_SEQ = 14  # order group << 32 | incoming MsgSeqNum of the message (0: not counted)
CMD_COST_CAP = 15
# Extra rows (the count is in the head) follow the row at once. With ROWFLAG_TEXT the first extra row holds the ClOrdID
# text (bytes 0-63) and the OrigClOrdID text (bytes 64-127), zero padded. On C_SEND and C_ADMIN they hold raw bytes.
ROWFLAG_TEXT = 1  # in bits 48-54 of the head: the first extra row holds texts
ROWFLAG_REFUSED = 4  # new, replace: the gateway could not read a number of it; the core refuses it by these words:
CMD_REFUSED_REASON = 9
CMD_REFUSED_LIMIT = 10
CMD_REFUSED_USED = 11
CMD_REFUSED_ASKED = 15
ROWFLAG_REQUEST_ID = 8  # status: where the ClOrdID text would lie there is the name of the request (FIX 790); the answer repeats it
ROWFLAG_TIF = 2  # replace: the time in force is said, also when it is 0 (Day); without it 0 means not said
MAX_EXTRA_ROWS = 255

# Other commands use the same words under these names.
CMD_TIME_TURN = 1  # C_TIME: turn number
CMD_TIME_NS = 2  # C_TIME: ns since the epoch
CMD_TIME_REFUSE = 3  # C_TIME: reason with which every NEW and REPLACE of this turn is refused (R_OVERLOAD, R_DISK_RESERVE, R_CLOCK_JUMP); 0: none
CMD_TIME_TICK = 4  # C_TIME: the steady clock, ns: runs on whatever is done to the time of day; throttle windows are counted in it
CMD_TIME_OFFSET = 5  # C_TIME: time of day minus the machine's monotonic clock, as far as believed: what a restart compares with
CMD_TIME_BOOT = 6  # C_TIME: which start of the machine that monotonic clock counts from; 0: not known
CMD_BODY_BYTES = 3  # C_SEND, C_ADMIN: bytes of body in the extra rows
CMD_MSG_TYPE = 4  # C_SEND: MsgType as little-endian ASCII (FIX) or message tag (binary)
CMD_SEND_FLAGS = 5  # C_SEND: 1 = does not take a number (a frame outside the numbered stream)
CMD_MISSED = 6  # C_SEND, C_SET_IN: missed reports up to this event number have got new numbers (0: says nothing)
CMD_SCOPE = 3  # C_MASS_CANCEL: SCOPE_*; account in word 1, instrument in word 2 (SCOPE_EVENT: event id there), side in the head (0 both)
CMD_LOGON_FLAGS = 3  # C_LOGON: LOGON_*
CMD_LOGON_NEXT_IN = 4  # C_LOGON: next expected incoming number after the logon message; 0: keep
CMD_LOGON_HEARTBEAT_NS = 5
CMD_LOGON_SENT = 6  # C_LOGON: SendingTime of the Logon, ns; 0: not said
LOGON_RESET = 1  # 141=Y: both numbers start at 1 again
LOGON_CANCEL_ON_DISCONNECT = 2
LOGON_SETTLEMENT = 4  # settlement reports wanted on this session
LOGON_SKIP_MISSED = 8  # what was missed before a reset is not wanted
LOGON_REFUSED = 16  # known but not let in: the row only makes room for the numbered goodbye
CMD_NEXT_IN = 3  # C_SET_IN
CMD_TOLD_FROM = 4  # C_SET_IN: a resend of these numbers has been written to the connection; 0: says nothing
CMD_TOLD_TO = 5
CMD_LOGOFF_FLAGS = 3  # C_LOGOFF: 1 = by the peer's Logout, 0 = connection lost
CMD_LOGOFF_FROM = 4  # C_LOGOFF: first outgoing number that was never handed to the connection; 0: all were
CMD_SETS = 4  # C_SPLIT, C_MERGE: number of sets; event id in the instrument half of word 2

# ================================================================================== event rows: 24 words, 192 bytes
EVT_WORDS = 24
# word 0, packed: kind 0-7 | extra rows 8-15 | order status 16-23 | reason 24-39 | side 40-43 | contract side 44-47
#                 | type 48-51 | tif 52-55 | flags 56-62
EVT_HEAD = 0
EVT_NUMBER = 1  # global, +1 per row (extra rows count), never reused: the ExecID
EVT_TIME = 2  # ns, the turn's time
EVT_SESSION_ACCOUNT = 3  # session << 32 | account; session 0: to nobody
EVT_SESSION_NUMBER = 4  # outgoing number on that session (FIX MsgSeqNum); 0: unnumbered
EVT_PREVIOUS = 5  # EVT_NUMBER of that session's event before this one; 0: none
EVT_INSTRUMENT = 6  # instrument << 32 | listing venue << 16 | front end
EVT_ORDER = 7  # order id (OrderID 37)
EVT_ID_HI = 8
EVT_ID_LO = 9
EVT_ORIG_HI = 10
EVT_ORIG_LO = 11
EVT_PRICE = 12  # client's terms
EVT_QTY = 13
EVT_CUM = 14
EVT_LEAVES = 15
EVT_LAST_PRICE = 16  # fills: client's terms
EVT_LAST_QTY = 17
EVT_NOTIONAL = 18  # sum of last price * last qty of the order in the client's terms: AvgPx = this / cum
EVT_FEE = 19  # fills: minor units charged on this fill; negative: rebate
EVT_TRADE = 20  # trade id
EVT_EXPIRY = 21
EVT_CLIENT_NUMBER = 22  # incoming MsgSeqNum that caused it (0: none)
EVT_SPARE = 23  # E_MOVED, E_SETTLED: asset
# Refusals (E_REJECTED, E_CANCEL_REJECT, E_REFUSED) use these words for the numbers of their text; 0 where without meaning:
EVT_LIMIT = 16  # the limit's value
EVT_USED = 17  # what was used of it
EVT_ASKED = 19  # what was asked
# E_SENT: bytes of body follow in extra rows
EVT_BODY_BYTES = 12
EVT_MSG_TYPE = 13
# E_LOGON: next outgoing number before it in price, LOGON_* in qty, S_ABSENT_FROM in last qty, S_MISSED before it in order,
#          S_UNTOLD and S_UNTOLD_TO before it in cum and leaves
# E_MASS_DONE: scope in price, count of cancelled orders in qty
# E_MOVED: signed amount in price, balance after in qty, quantity of sets in last qty, event id in instrument half
# E_SETTLED: payout per contract in price, signed position in qty, amount in last price, balance after in last qty,
#            version in leaves, provenance (event id) in order
# E_PHASE: event id in order, old phase in price, new phase in qty
# E_DETERMINED / E_FINAL: event id in order, version in qty
# Extra rows of an event carry its texts (EF_TEXT: 64 bytes ClOrdID, 64 bytes OrigClOrdID; EF_REQUEST_ID: behind these 64 bytes with
# the name of a status request) or raw bytes, nothing else:
# an extra row is pure payload, EVT_WORDS words, and uses up one event number.

# ===================================================================================================== state arena
# Header words
H_LOGIC = 1
H_TIME = 2
H_TURN = 3
H_ROW_SEQ = 4  # command rows consumed since the beginning, extra rows included
H_EVENT_SEQ = 5  # next event number (starts at 1)
H_ORDER_SEQ = 6
H_TRADE_SEQ = 7
H_RESUME = 8  # RES_*: what was interrupted by a full event buffer
H_R0 = 9  # registers of the interrupted work, H_R0 .. H_R0+10
H_REFUSED = 20  # code of the first refused definition row since the engine cleared it
H_CURSOR = 21  # word offset in the inbox of the next row
H_KILLED = 22
H_OPEN_ORDERS = 23
H_ARCHIVE_TAIL = 24  # index of the oldest archived id
H_ARCHIVE_HEAD = 25  # index of the next free archive row
H_ARCHIVE_USED = 26
H_RETENTION_NS = 27  # how long a ClOrdID stays used up
H_HEAP_SIZE = 28
H_EVENT_USED = 29  # words written to the event buffer in this call
H_ARENA_WORDS = 30
H_DIRTY_COUNT = 31  # touched price levels of this turn, for market data
H_DIRTY_LOST = 32  # 1: the list overflowed, all books count as touched
H_ERROR = 33  # INV_*: a broken invariant; the process must stop
H_COMMANDS = 34  # counters for `exos status`
H_REFUSALS = 35
H_FILLS = 36
H_REFUSE = 42  # this turn's CMD_TIME_REFUSE: checked first of all in NEW and REPLACE; safe to resend, uses up no ClOrdID
H_EVENT_ROOM = 43  # words of the event buffer in this call
H_TICK = 37  # CMD_TIME_TICK of the newest turn, never falling
H_CLOCK_OFFSET = 38  # CMD_TIME_OFFSET and CMD_TIME_BOOT of the newest turn: kept for the next start (net/clock.py), nothing here reads them
H_CLOCK_BOOT = 44
H_LIMIT = 39  # numbers of the refusal being made
H_USED = 40
H_ASKED = 41
H_POOLS = 64  # descriptors, POOL_WORDS each
POOL_WORDS = 8
PL_BASE = 0
PL_WIDTH = 1
PL_CAP = 2
PL_FREE = 3  # first free row (pointer), linked through word 0
PL_NEXT = 4  # rows ever used (high water)
PL_USED = 5
HEADER_WORDS = 512

P_ASSET = 0
P_VENUE = 1
P_FIRM = 2
P_ACCOUNT = 3
P_SESSION = 4
P_EVENT = 5
P_INSTRUMENT = 6
P_LISTING = 7
P_BALANCE = 8
P_COLLATERAL = 9  # variable rows, bump allocated; width 1
P_ORDER = 10
P_LEVEL = 11
P_NODE = 12
P_TEXT = 13
P_ARCHIVE = 14
P_BUCKET = 15
P_HEAP = 16
P_ID_HASH = 17
P_PAIR_HASH = 18
P_NAME_HASH = 19
P_DIRTY = 20
POOL_COUNT = 21
POOL_NAMES = (
    "assets", "venues", "firms", "accounts", "sessions", "events", "instruments", "listings", "balances", "collateral_words",
    "orders", "levels", "nodes", "texts", "archive", "timer_buckets", "timer_heap", "id_hash", "pair_hash", "name_hash", "dirty",
)  # fmt: skip

# Rows addressed by id (id i lies at base + i * width; id 0 is never used): asset, venue, firm, account, session, event, instrument
ASSET_WORDS = 16
A_ID = 0
A_DECIMALS = 1
A_EXTERNAL = 2  # signed: deposits - withdrawals
A_NAME_LEN = 3
A_NAME = 4  # 4 words, 32 bytes

VENUE_WORDS = 32
V_ID = 0
V_KILLED = 1
V_CUTOFF = 2  # end of the trading day: ns after 00:00 UTC
V_FEE_ACCOUNT = 3
V_THROTTLE_LIMIT = 4
V_THROTTLE_WINDOW = 5
V_THROTTLE_START = 6
V_THROTTLE_USED = 7
V_FROZEN = 8
V_CUTOFF_PERIOD = 9  # ns; 0: a day

FIRM_WORDS = 16
F_ID = 0
F_KILLED = 1
F_ACCOUNTS = 2  # first account of the firm (pointer)

ACCOUNT_WORDS = 32
AC_ID = 0
AC_FIRM = 1
AC_KIND = 2
AC_SESSION = 3  # session that receives the account's own events (transfers, settlement); 0: none
AC_KILLED = 4
AC_ORDERS = 5  # newest open order (pointer), linked through O_ACCT_NEXT
AC_ORDER_COUNT = 6
AC_NEXT_IN_FIRM = 7
AC_VENUE = 8  # isolated accounts: the one venue; 0: unified
AC_NAME_LEN = 9
AC_NAME = 10  # 8 words, 64 bytes

SESSION_WORDS = 64
S_ID = 0
S_FIRM = 1
S_VENUE = 2
S_ACCOUNT = 3  # default account id, used when a message names none
S_WIRE = 4
S_FLAGS = 5  # SF_*
S_NEXT_OUT = 6
S_NEXT_IN = 7
S_LAST_EVENT = 8  # EVT_NUMBER of this session's newest event
S_GENERATION = 9  # +1 at each reset of the numbers
S_KILLED = 10
S_THROTTLE_LIMIT = 11  # 0: none
S_THROTTLE_WINDOW = 12
S_THROTTLE_START = 13
S_THROTTLE_USED = 14
S_ABSENT_FROM = 15  # first number that the last connection was not given: S_NEXT_OUT at the logoff, or below it
S_HEARTBEAT = 16
S_OUR_LEN = 18  # bytes of our CompID
S_PEER_LEN = 19
S_OUR = 20  # 8 words, 64 bytes
S_PEER = 28
S_MISSED = 36  # EVT_NUMBER of the E_LOGON (a reset) before which reports lie that must be sent under new numbers; 0: none
S_MISSED_DONE = 37  # EVT_NUMBER up to which they have been
S_FORM = 56  # FORM_*: how FIX messages of these numbers are written; it holds until the numbers begin anew, so that a resend has the same bytes
S_FORM_DEFINED = 57  # what the definition asks for, from the next reset of the numbers on
S_UNTOLD = 58  # S_UNTOLD .. S_UNTOLD_TO: numbered while the session was away, and not resent since it came back without a reset; 0: none
S_UNTOLD_TO = 59
S_LOGON_SENT = 60  # newest SendingTime of a logon that was let in, ns
FORM_OWN_FIELDS = 1  # fields and values that FIX 4.4 does not have on these messages (5010, 5011, 380=8)
FORM_TIME_SHIFT = 8  # decimals of a timestamp: FORM_TIME_* << FORM_TIME_SHIFT
FORM_TIME_MILLIS = 0
FORM_TIME_SECONDS = 1
FORM_TIME_MICROS = 2
FORM_TIME_NANOS = 3
SF_LOGGED_ON = 1
SF_CANCEL_ON_DISCONNECT = 2
SF_SETTLEMENT = 4
SF_OPTIONS = SF_CANCEL_ON_DISCONNECT | SF_SETTLEMENT  # what holds now: chosen at the logon, or defined
SF_DEFINED_SHIFT = 2  # the same two bits, shifted by this: what the definition asks for, from the next logon on

EVENT_WORDS = 64
E_ID = 0
E_PRODUCT = 1
E_K = 2
E_N = 3
E_FIRST = 4  # pointer of the first instrument; the n instruments lie side by side
E_PHASE_NOW = 5
E_ASSET = 6  # collateral asset id (spot: quote)
E_BASE_ASSET = 7  # spot only
E_PAYOUT = 8  # P in ticks; 0 for spot
E_TICK_VALUE = 9  # minor units per tick per lot
E_SETS = 10  # s
E_POOL = 11  # pool cash, minor units
E_COLL_HEAD = 12  # collateral rows of this event, linked through CO_NEXT_IN_EVENT
E_OWNER_VENUE = 13
E_VERSION = 14  # of the determination
E_WINDOW_END = 15  # end of the challenge window, ns
E_WINDOW_NS = 16
E_RESTRICTED = 17  # 1: some firm has a conflict of interest here
E_SETTLE_ID = 18
E_OPEN_ORDERS = 19
E_LOT_BASE = 21  # spot: base units (minor) per lot
E_COLL_TAIL = 22

INSTRUMENT_WORDS = 128
I_ID = 0
I_EVENT = 1  # pointer
I_INDEX = 2  # number within the event
I_PAYOUT = 3  # P in ticks, 0 for spot
I_BEST_BID = 4  # level pointer or 0
I_BEST_ASK = 5
I_BID_ROOT = 6  # trie node pointer or 0
I_ASK_ROOT = 7
I_DEPTH_SHIFT = 8  # shift of the root node: 6 * (levels - 1)
I_LAST = 9  # last trade price, 0: none
I_PHASE = 10  # phase of its event, kept here so that a check touches one line
I_TICK_VALUE = 11
I_OWNER_VENUE = 12
I_LISTING = 13  # pointer of the owner's listing
I_MIN_QTY = 14
I_MAX_QTY = 15
I_LOT = 16
I_MAX_NOTIONAL = 17  # 0: none
I_PRICE_MIN = 18
I_PRICE_MAX = 19
I_COLLAR = 20  # ticks around the reference; 0: none
I_REFERENCE = 21  # operator's price; 0: the last trade
I_PROTECTION = 22
I_MAX_POSITION = 23  # 0: none
I_OPEN_INTEREST = 24
I_VOLUME = 25
I_PAID = 26  # determined payout in ticks
I_MD_SEQ = 27  # market data sequence
I_LEVEL_COUNT = 28
I_PRICE_DECIMALS = 29  # how prices are written on text wires: ticks / 10^decimals
I_QTY_DECIMALS = 30
I_BAND_COUNT = 31
I_BANDS = 32  # up to 8 bands of (from, to, increment): 24 words
I_SYMBOL_LEN = 56
I_SYMBOL = 57  # 8 words, 64 bytes
I_ORDERS_OPEN = 65
I_FROZEN = 66
MAX_BANDS = 8

LISTING_WORDS = 32
LI_VENUE = 0
LI_INSTRUMENT = 1
LI_FEE_MODEL = 2
LI_MAKER_BPS = 3  # may be negative: rebate
LI_TAKER_BPS = 4
LI_OWNER_SHARE = 5  # bps of the net fee
LI_VENUE_SHARE = 6
LI_OWNER_ACCOUNT = 7
LI_VENUE_ACCOUNT = 8
LI_ORDERS = 9  # open orders that were entered under these terms
LI_CURRENT = 10  # 0: superseded, released with its last order

BALANCE_WORDS = 8
B_ACCOUNT = 0
B_ASSET = 1
B_CASH = 2
B_LOCKED = 3  # sum of requirements and spot holds

# Collateral row of one account in one event: 16 words, then columns of n words each:
# q (position), buy and sell (B_j, S_j), v (at-most-k: min(v, 0)), chosen (among the k smallest), bq and sq (open quantity)
CO_ACCOUNT = 0  # pointer
CO_EVENT = 1  # pointer
CO_CASH = 2  # balance pointer of the collateral (or quote) asset
CO_BASE = 3  # balance pointer of the base asset (spot), else 0
CO_REQUIRED = 4  # what this row has locked in CO_CASH
CO_BUYS = 5  # B
CO_WORST = 6  # sum of the chosen (k smallest); spot: unused
CO_NEXT_IN_EVENT = 7
CO_N = 8
CO_K = 9
CO_HELD_BASE = 10  # spot: base held by open sells
CO_COLUMNS = 16
CO_COLUMN_COUNT = 7
COL_Q = 0
COL_BUY = 1
COL_SELL = 2
COL_V = 3
COL_CHOSEN = 4
COL_BQ = 5
COL_SQ = 6

ORDER_WORDS = 32
# first line: what matching touches
O_NEXT = 0  # in the level queue
O_PREV = 1
O_LEVEL = 2  # 0: not resting
O_PRICE = 3  # YES ticks
O_LEAVES = 4
O_FIRM = 5  # self-trade group
O_COLL = 6  # collateral row pointer
O_FEES = 7  # packed: model << 40 | (maker + 32768) << 20 | (taker + 32768)
# second line
O_ATTR = 8  # packed: book side 0-3 | side 4-7 | contract side 8-11 | type 12-15 | tif 16-19 | flags 20-26 | status 28-35
O_ID = 9
O_QTY = 10  # total
O_CUM = 11
O_NOTIONAL = 12  # client's terms
O_RESERVED_FEE = 13
O_FEE_NUM = 14  # cumulated numerator of fees (positive rates)
O_FEE_PAID = 15
# third line
O_KEY_HI = 16
O_KEY_LO = 17
O_SESSION = 18
O_INSTRUMENT = 19  # pointer
O_REBATE_NUM = 20
O_REBATE_PAID = 21
O_NET_FEE = 22  # fee paid - rebates financed: what the recipients share
O_TEXT = 23  # text row pointer or 0
# fourth line
O_ACCT_NEXT = 24
O_ACCT_PREV = 25
O_BUCKET = 26
O_TIMER_NEXT = 27
O_TIMER_PREV = 28
O_LISTING = 29
O_ENTRY = 30  # venue << 16 | front end
O_EXPIRY = 31

LEVEL_WORDS = 8
L_PRICE = 0
L_HEAD = 1
L_TAIL = 2
L_QTY = 3
L_COUNT = 4
L_NODE = 5  # leaf node
L_MARK = 6  # turn in which it was last put on the dirty list

NODE_WORDS = 72
N_MASK = 0
N_PARENT = 1
N_SLOT = 2  # own position in the parent
N_CHILD = 8  # 64 children: nodes, or levels in a leaf

TEXT_WORDS = 8

ARCHIVE_WORDS = 16
AR_KEY_HI = 0
AR_KEY_LO = 1
AR_FIRM_ACCOUNT = 2
AR_INSTRUMENT = 3  # instrument id << 32 | venue << 16 | front end
AR_PRICE = 4  # client's terms
AR_QTY = 5
AR_CUM = 6
AR_ATTR = 7  # as O_ATTR, with the reason in bits 36-51
AR_ORDER = 8
AR_CLOSED_AT = 9
AR_NOTIONAL = 10
AR_TEXT = 11
AR_SESSION = 13
AR_ORIG_HI = 14  # a replaced request's OrigClOrdID
AR_ORIG_LO = 15

BUCKET_WORDS = 8
BK_TIME = 0
BK_HEAD = 1
BK_TAIL = 2
BK_COUNT = 3
BK_POS = 4  # place in the heap

NAME_WORDS = 12  # name hash entry: kind << 32 | length, id, spare, spare, 8 words of text
NAME_INSTRUMENT = 1
NAME_ACCOUNT = 2

DIRTY_WORDS = 2  # instrument pointer << 1 | (1 for ask), price

# What interrupted work a full event buffer leaves behind (H_RESUME)
RES_NONE = 0
RES_MATCH = 1
RES_MASS = 2
RES_CLOSE = 3
RES_EXPIRE = 4
RES_SETTLE = 5

# step() answers
STEP_DONE = 0
STEP_MORE = 1  # event buffer full: drain it and call again
STEP_PYTHON = 2  # the row at H_CURSOR is an ADMIN record: apply it, then call again
STEP_BROKEN = 3  # H_ERROR says what; stop the process

INV_NONE = 0
INV_BOOK = 1
INV_LEDGER = 2
INV_COLLATERAL = 3
INV_TABLE = 4
INV_ROW = 5  # a row no gateway may write

# ================================================================== what wire kernels and gateways say to each other
# `conn`: what a decode kernel must know of the connection, CN_WORDS words
CN_SESSION = 0
CN_NEXT_IN = 1  # next expected incoming number (FIX), moved on by the kernel
CN_NOW = 2  # the turn's time, ns
CN_SKEW = 3  # tolerance of SendingTime, ns (FIX)
CN_BUDGET = 4  # messages that may still be decoded in this turn, counted down by the kernel
CN_WORDS = 16
# decode() answers
DEC_NEED_MORE = 0  # no whole message is left
DEC_FULL = 1  # inbox or budget used up: go on in the next turn
DEC_SLOW = 2  # the message at res[RES_POS] is for plain Python
# `res` of decode
RES_POS = 0  # first byte not consumed
RES_OUT = 1  # word offset in `out` behind the last row written
RES_COUNT = 2  # messages decoded
# encode() answers
ENC_DONE = 0
ENC_SPACE = 1  # `out` or `index` is too small, nothing was written: res[RES_BYTES] and res[RES_INDEX] say what is wanted
# `res` of encode
RES_INDEX = 0  # index rows written
RES_BYTES = 1  # bytes of `out` in use
RES_MESSAGES = 2
# index rows of encode: one session's messages of this call, in order
INDEX_WORDS = 3
IX_SESSION = 0
IX_OFFSET = 1
IX_LENGTH = 2
RES_WORDS = 8
