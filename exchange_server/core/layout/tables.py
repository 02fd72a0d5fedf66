"""The state arena: header, pools, and the rows of definitions (assets to listings), balances and collateral."""

LOGIC_VERSION = 11  # a journal written under another version of the rules is refused unless it is sealed (durability.md)

# ===================================================================================================== state arena
# Header words, in groups with free words (shape.HEADER_GROUPS).
# settings and time
H_LOGIC = 1
H_ARENA_WORDS = 2
H_RETENTION_NS = 3  # ns: longest time that a ClOrdID stays used up
H_TURN = 4
H_TIME = 5
H_TICK = 6  # CMD_TIME_TICK of the newest turn, never decreasing
H_CLOCK_OFFSET = 7  # CMD_TIME_OFFSET and CMD_TIME_BOOT of the newest turn: only the next start reads them (net/clock.py)
H_CLOCK_BOOT = 8
H_REFUSE = 9  # this turn's CMD_TIME_REFUSE: the first check of NEW and REPLACE; safe to resend, uses up no ClOrdID
# progress and counters
H_CURSOR = 32  # word offset of the next row in the inbox
H_ROW_SEQ = 33  # command rows consumed since the beginning, extra rows included
H_EVENT_SEQ = 34  # next event number (starts at 1)
H_ORDER_SEQ = 35
H_TRADE_SEQ = 36
H_EVENT_USED = 37  # words written to the event buffer in this call
H_EVENT_ROOM = 38  # words of the event buffer in this call
H_LIMIT = 39  # numbers of the refusal being made
H_USED = 40
H_ASKED = 41
H_REFUSED = 42  # code of the first refused definition row since the engine cleared it
H_ERROR = 43  # INV_*: a broken invariant; the process must stop
H_DIRTY_COUNT = 44  # entries in this turn's list of touched price levels, for market data
H_DIRTY_LOST = 45  # 1: the list overflowed, all books count as touched
H_OPEN_ORDERS = 46
H_TIMERS = 47  # rows in the heap of timers
H_COMMANDS = 48  # counters for `exos status`
H_REFUSALS = 49
H_FILLS = 50
H_FORGET_LINE = 51  # home line (arena offset) of the closed id that is probably forgotten next: a hint for prefetching
# operators' switches, and shares
H_BARS = 64  # BAR_*
H_WEIGHTS = 65  # sum of all firms' weights
H_FORGETTING = 66  # firm at which the search continues for one that keeps more closed ids than its share
H_HELD = 73  # orders that have waited for a person; the next one's number is HELD_IDS + 1 + this
H_SETTLING = 67  # events that are being settled or corrected, in slices: the first (pointer), linked through E_SETTLE_NEXT; 0: none
H_SETTLING_LAST = 68
H_FINALS = 69  # events that were paid, whole or in one contract (E_PAYING), since the registry was told: the first (pointer), linked through E_FINALS_NEXT
H_REMOVED = 71  # removed events whose collateral rows are still to be freed: the first (pointer), linked through E_REMOVED_NEXT; 0: none
H_REMOVED_LAST = 72
H_DROPPING = 70  # as H_FORGETTING, for blocks of used ids
# interrupted work (work.py)
H_WORK_COUNT = 96  # pieces of work, the current one included
H_WORK_FIRST = 97  # row of the current one (pointer)
H_WORK = 112  # WORK_ROWS rows, a ring
# pools
H_POOLS = 256  # descriptors, POOL_WORDS each
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
P_COLLATERAL = 9  # rows of any number of columns, from P_SPARE or from the end; width 1
P_ORDER = 10
P_LEVEL = 11
P_NODE = 12
P_TEXT = 13
P_ARCHIVE = 14
P_TIMER = 15
P_HEAP = 16
P_ID_HASH = 17
P_PAIR_HASH = 18
P_NAME_HASH = 19
P_DIRTY = 20
P_SPECIAL = 21
P_MIDS = 22
P_USED = 23
P_USED_HASH = 24
P_SPARE = 25  # freed collateral rows: for each number of columns the first (pointer), linked through word 0; width 1
P_HELD = 26  # orders that wait for a person
POOL_COUNT = 27
POOL_NAMES = (
    "assets", "venues", "firms", "accounts", "sessions", "events", "instruments", "listings", "balances", "collateral_words",
    "orders", "levels", "nodes", "texts", "archive", "timers", "timer_heap", "id_hash", "pair_hash", "name_hash", "dirty",
    "special_orders", "mids", "used_blocks", "used_hash", "spare", "held_orders",
)  # fmt: skip

# Rows addressed by id (id i is at base + i * width; id 0 is never used): asset, venue, firm, account, session, event, instrument
ASSET_WORDS = 16
A_ID = 0
A_DECIMALS = 1
A_EXTERNAL = 2  # withdrawals - deposits, minor units; never above 0
A_NAME_LEN = 3
A_NAME = 4  # 4 words, 32 bytes

# What may stand in the way of an order, as bits of one word of the platform, a venue, a firm, an account, a session: where it is 0, an order pays nothing.
BAR_KILLED = 1  # a kill switch is on
BAR_CLOSED = 2  # firm, account, session: closed for good
BAR_FROZEN = 4  # venue: V_FREEZE says how far; platform: some venue is frozen
BAR_ISOLATED = 8  # venue: takes only accounts that are bound to it
BAR_ACCESS = 16  # venue: V_ACCESS says who is admitted
BAR_PACE = 32  # venue: a quota of messages or of journal bytes a second
BAR_ORDERS = 64  # venue: a quota of open orders
BAR_BUDGET = 128  # account: AC_BUDGET_* say what it may lose and do; session: S_BUDGET is the one account for which it may act
# Who is admitted to a venue or an event; the pair table has the exceptions (firm -> ACCESS_ADMITTED, or the number of the rule that keeps it out)
ACCESS_ALL = 0
ACCESS_EXCEPT = 1  # all but the exceptions
ACCESS_ONLY = 2  # nobody but the exceptions that are admitted
ACCESS_ADMITTED = -1
VENUE_WORDS = 32
V_ID = 0
V_BARS = 1  # BAR_*
V_CUTOFF = 2  # end of the trading day: ns after 00:00 UTC
V_FEE_ACCOUNT = 3
V_THROTTLE = 4  # TH_*
V_FREEZE = 8  # freeze.NAMES
V_CUTOFF_PERIOD = 9  # ns; 0: a day
V_OPEN = 10  # open orders that came through it
V_MAX_OPEN = 11  # quota of them; 0: none
V_ACCESS = 12  # ACCESS_*
V_PACE = 13  # TH_*: quota of messages
V_BYTES = 17  # TH_*: quota of journal bytes

THROTTLE_WORDS = 4  # within the rows of venues and sessions
TH_LIMIT = 0  # messages per window, 0: no limit
TH_WINDOW = 1  # ns
TH_START = 2
TH_USED = 3

FIRM_WORDS = 32
F_ID = 0
F_BARS = 1  # BAR_*
F_USED_FIRST = 2  # blocks of ids of which only the use is known (pointer), linked through U_NEXT; 0: none
F_WEIGHT = 3  # its share of a shared table is F_WEIGHT / H_WEIGHTS
F_OPEN = 4  # open orders
F_CLOSED = 5  # closed ids that are kept
F_OLDEST = 6  # the first of them (archive row pointer), linked through AR_NEXT
F_NEWEST = 7
F_NODES = 8  # book nodes that its orders created
F_WINDOW = 9  # age (ns) of the last id that was forgotten altogether before its retention was over
F_ACCOUNTS = 10  # first account of the firm (pointer)
F_POSITIONS = 11  # collateral words of its accounts
F_FORGOTTEN = 12  # ids that were forgotten altogether before their retention was over
F_USED_LAST = 13
F_BLOCKS = 14
F_FILLING = 15  # the block that takes its next single id (pointer); 0: none
F_MOVED = 16  # closed ids of which, before their retention was over, only the use was kept
F_ANSWERED = 17  # age of the last of them, ns
F_ACCOUNTS_LAST = 18  # the account with the highest id (pointer)

ACCOUNT_WORDS = 32
AC_ID = 0
AC_FIRM = 1
AC_KIND = 2
AC_SESSION = 3  # session that receives the account's own events (transfers, settlement); 0: none
AC_BARS = 4  # BAR_*
AC_ORDERS = 5  # newest open order (pointer), linked through O_ACCT_NEXT
AC_ORDER_COUNT = 6
AC_NEXT_IN_FIRM = 7
AC_VENUE = 8  # isolated accounts: the one venue; 0: unified
AC_NAME_LEN = 9
AC_NAME = 10  # 8 words, 64 bytes
# With BAR_BUDGET (risk/budget.py); amounts are minor units of the asset, a limit of 0 is none
AC_BUDGET_ASSET = 18
AC_BUDGET_LOSS = 19  # most that buying power may fall
AC_BUDGET_LOSS_DAY = 20  # most that it may fall on a UTC day
AC_BUDGET_QTY = 21  # most lots of an order
AC_BUDGET_COST = 22  # most that an order may cost by itself
AC_BUDGET_APPROVE = 23  # an order that may cost more waits for a person
AC_BUDGET_WAIT = 24  # ns: how long it waits, and how long it may be entered once it is approved
AC_BUDGET_LISTED = 25  # 1: only in the events that the pair table has
AC_BUDGET_MARKETS = 26  # how many those are
AC_BUDGET_HIGH = 27  # most buying power that an order found since the budget was set, less deposits, plus withdrawals
AC_BUDGET_HIGH_DAY = 28  # on AC_BUDGET_DAY
AC_BUDGET_DAY = 29  # UTC days since 1970
AC_HELD = 30  # its newest order that waits for a person (pointer), linked through HE_NEXT; 0: none

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
S_BARS = 10  # BAR_*
S_THROTTLE = 11  # TH_*
S_ABSENT_FROM = 15  # first number not written to the last connection: S_NEXT_OUT at the logoff, or lower
S_HEARTBEAT = 16
S_OUR_LEN = 18  # bytes of our CompID
S_PEER_LEN = 19
S_OUR = 20  # 8 words, 64 bytes
S_PEER = 28
S_MISSED = 36  # EVT_NUMBER of the E_LOGON (a reset); reports before it must be sent under new numbers; 0: none
S_MISSED_DONE = 37  # EVT_NUMBER up to which they have been sent
S_FORM = 56  # FORM_*: how FIX messages are written; fixed until the numbers restart, so that a resend has the same bytes
S_FORM_DEFINED = 57  # FORM_* of the definition, used from the next reset of the numbers on
S_UNTOLD = 58  # S_UNTOLD .. S_UNTOLD_TO: numbered while the session was away, and not resent since it came back without a reset; 0: none
S_UNTOLD_TO = 59
S_LOGON_SENT = 60  # newest SendingTime of an accepted logon, ns
S_BUDGET = 61  # with BAR_BUDGET: the one account (id) for which it may act
FORM_OWN_FIELDS = 1  # fields and values that FIX 4.4 does not have on these messages (5010, 5011, 380=8)
FORM_TIME_MILLIS = 0  # decimals of a timestamp, in the same word (packed.py: pack_form)
FORM_TIME_SECONDS = 1
FORM_TIME_MICROS = 2
FORM_TIME_NANOS = 3
SF_LOGGED_ON = 1
SF_CANCEL_ON_DISCONNECT = 2
SF_SETTLEMENT = 4
SF_OPTIONS = SF_CANCEL_ON_DISCONNECT | SF_SETTLEMENT  # in effect; S_FLAGS also has those of the definition (packed.py: pack_options)

EVENT_WORDS = 64
E_ID = 0
E_PRODUCT = 1
E_POOL = 2  # pool cash, minor units
E_N = 3
E_FIRST = 4  # pointer of the first instrument; the n instruments are contiguous
E_PHASE_NOW = 5
E_ASSET = 6  # collateral asset id (spot: quote)
E_BASE_ASSET = 7  # spot only
E_PAYOUT = 8  # P in ticks; 0 for spot
E_TICK_VALUE = 9  # minor units per tick per lot
E_SETS = 10  # number of complete sets
E_K = 11  # winners
E_COLL_HEAD = 12  # collateral rows of this event, linked through CO_NEXT_IN_EVENT
E_OWNER_VENUE = 13
E_VERSION = 14  # of the determination
E_WINDOW_END = 15  # end of the challenge window, ns
E_WINDOW_NS = 16
E_RESTRICTED = 17  # 1: some firm has a conflict of interest here
E_SETTLE_ID = 18
E_ACCESS = 20  # ACCESS_*
E_OPEN_ORDERS = 19
E_LOT_BASE = 21  # spot: base units (minor) per lot
E_COLL_TAIL = 22
E_SETTLING = 30  # SETTLE_*: what is being done in slices; 0: nothing
E_SETTLE_ROW = 31  # collateral row (pointer) at which the next slice begins
E_SETTLE_CONTRACT = 32  # and the contract there
E_SETTLE_NEXT = 33
E_FINALS_NEXT = 34
E_FINAL_AT = 35  # ns: when it became final under E_SETTLE_ID; 0: it came final from another server, without the positions that were paid
# Corrections and busts (markets/debts.py); minor units
E_OWED = 36  # debts of its accounts, sum of CO_OWED
E_BLOCKED = 37  # sum of CO_BLOCKED: what the pool lacks
E_FROM_BOND = 46  # paid for debts by the venue's bond, and not yet paid back
E_FROM_PLATFORM = 47
E_BOND = 48  # account (id) of the bond; 0: none
E_GAINS = 49  # of a correction: sum of CO_GAIN
E_SHARED = 50  # to be blocked (or, below 0: freed), in proportion to E_WEIGHTS
E_WEIGHTS = 51
E_PARTS = 52  # sum of the parts, rounded down
E_QUOTA = 53  # accounts at the threshold that get one unit more
E_BIT = 54  # of the threshold, being found
E_THRESHOLD = 55  # an account with a remainder above it gets one unit more
E_COUNTED = 56
E_ABOVE = 57
E_BUSTS = 58  # trades that were taken back or corrected
E_K_LEFT = 25  # winners among the contracts that are not paid yet
E_LEFT_OUT = 26  # contracts that were paid ahead of the rest
E_PAYING = 27  # the one (pointer) that is being paid, in SETTLE_AHEAD, and until the registry has been told
SETTLE_PAY = 1  # each account is paid
SETTLE_TAKE = 2  # correction: who owes, pays
SETTLE_SHARE = 3  # what is to be blocked or freed is divided, rounded down
SETTLE_ROUND = 4  # the largest remainders are found
SETTLE_GIVE = 5  # who gains, is paid
SETTLE_AHEAD = 6  # each account is paid for one contract of a group that goes on
E_REMOVED = 59  # 1: it takes no command any more
E_REMOVED_NEXT = 60
E_RESULT = 23  # PH_DETERMINED or PH_VOIDED: what the newest version makes of it; 0: no version yet
E_MIDS = 24  # 1: its contracts keep their prices (P_MIDS), because its void policy goes by them
E_RESTING = 38  # RESTING_*
E_IN_PLAY = 39  # 1: it has been live since it was last open
E_ADDING = 41  # 1: between the two rows of a new outcome
E_ROOM = 40  # contracts that it may have in the end: so many rows follow E_FIRST, and so many columns are in a collateral row

BID = 0  # index into two adjacent words (packed.py: own_side, other_side)
ASK = 1
INSTRUMENT_WORDS = 128
I_ID = 0
I_EVENT = 1  # pointer
I_INDEX = 2  # number within the event
I_PAYOUT = 3  # P in ticks, 0 for spot
I_BEST = 4  # + BID, + ASK: level pointer or 0
I_ROOT = 6  # + BID, + ASK: trie node pointer or 0
I_DEPTH_SHIFT = 8  # shift of the root node: 6 * (levels - 1)
I_LAST = 9  # last trade price, 0: none
I_PHASE = 10  # phase of its event, copied here so that a check touches one cache line
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
I_REFERENCE = 21  # operator's price, YES ticks; 0: the last trade
I_PROTECTION = 22
I_MAX_POSITION = 23  # 0: none
I_OPEN_INTEREST = 24
I_VOLUME = 25
I_PAID = 26  # determined payout in ticks
I_MD_SEQ = 27  # market data sequence
I_LEVEL_COUNT = 28
I_PRICE_DECIMALS = 29  # on text wires a price is ticks / 10^decimals
I_QTY_DECIMALS = 30
I_BAND_COUNT = 31
I_BANDS = 32  # up to 8 bands of (from, to, increment): 24 words
I_SYMBOL_LEN = 56
I_SYMBOL = 57  # 8 words, 64 bytes
I_ORDERS_OPEN = 65
I_PAID_NEXT = 100  # payout in ticks that a correction is changing to, or that it has or will have ahead of its event
I_AHEAD = 103  # PH_DETERMINED, PH_DISPUTED, PH_FINAL: its own phase, ahead of its event; 0: it is with it
I_AHEAD_VERSION = 104  # of the result, as E_VERSION
I_AHEAD_UNTIL = 105  # end of its challenge window, ns
I_SPLIT_FROM = 101  # id of the contract out of which it was split; 0: none
I_SPLIT_AT = 102  # EVT_NUMBER of the E_CONTRACT that told it
I_MIDS = 66  # pointer of its row in P_MIDS; 0: nobody wants its prices
MAX_BANDS = 8

# Prices over time of a contract, for a void: sums of twice the price times microseconds, and the same at whole minutes (book/mids.py). The row of
# an instrument has the instrument's id, in word 0.
MI_AT = 1  # microseconds since 1970: the sums are those of this time
MI_SUM = 2  # modulo 2^64; only differences are used
MI_WEIGHT = 3  # microseconds in which there was a price
MI_COUNT = 4  # entries ever written; the newest MID_ENTRIES are kept
MI_ENTRIES = 8
MID_ENTRIES = 242  # a minute with changes takes two at most: ten minutes, and the trigger up to 110 busy minutes ago
MID_ENTRY_WORDS = 4
MN_MINUTE = 0  # a whole minute, in microseconds
MN_SUM = 1  # MI_SUM and MI_WEIGHT at it
MN_WEIGHT = 2
MN_TWICE = 3  # twice the price from it on
MIDS_WORDS = 976
MINUTE_US = 60_000_000

LISTING_WORDS = 32
LI_VENUE = 0
LI_INSTRUMENT = 1
LI_FEE_MODEL = 2
LI_MAKER_BPS = 3  # may be negative: rebate
LI_TAKER_BPS = 4
LI_OWNER_SHARE = 5  # bps of the net fee
LI_VENUE_SHARE = 6
LI_OWNER_BALANCE = 7  # balances (pointers) of the recipients of fees; owner and venue: 0 without a share
LI_VENUE_BALANCE = 8
LI_ORDERS = 9  # open orders that were entered under these terms
LI_CURRENT = 10  # 0: superseded, released with its last order
LI_PLATFORM_BALANCE = 11

# The rows that hold money: balances, events (E_POOL) and assets (A_EXTERNAL). Only money/ledger.py writes the word.
MONEY = 2

BALANCE_WORDS = 8
B_ACCOUNT = 0
B_ASSET = 1
B_CASH = 2
B_LOCKED = 3  # sum of requirements, spot holds, debts and blocked credits
B_OWED = 4  # of this, debts (CO_OWED)
B_BUST = 5  # 1: a bust left less cash than is locked, and no deposit or settlement has made it good

# Collateral row of one account in one event: 16 words, then columns of CO_N words each:
# q (position), buy and sell (B_j, S_j), v (at-most-k: min(v, 0)), chosen (marks of the k smallest, money/smallest.py), bq and sq (open quantity)
CO_ACCOUNT = 0  # pointer
CO_EVENT = 1  # pointer
CO_CASH = 2  # balance pointer of the collateral (or quote) asset
CO_BASE = 3  # balance pointer of the base asset (spot), else 0
CO_REQUIRED = 4  # minor units that this row has locked in CO_CASH
CO_BUYS = 5  # B
CO_WORST = 6  # sum of the k smallest v; spot: unused
CO_NEXT_IN_EVENT = 7
CO_N = 8  # columns: E_ROOM
CO_K = 9  # winners among the contracts that are not left out, and how the sum of the k smallest is kept (packed.py)
CO_HELD_BASE = 10  # spot: base held by open sells
CO_OWED = 11  # corrections and busts: what the account still owes (minor units), locked in CO_CASH though it is not there
CO_BLOCKED = 12  # credited, and locked until it is covered
CO_GAIN = 13  # what it is paid by the settlement (kept until a correction), or by the correction that goes on
CO_PART = 14  # its part of E_SHARED, rounded down
CO_REST = 15  # and the remainder
CO_COLUMNS = 16
CO_COLUMN_COUNT = 7
COL_Q = 0
COL_BUY = 1
COL_SELL = 2
COL_V = 3
COL_CHOSEN = 4
COL_BQ = 5
COL_SQ = 6
SETTLED_POSITION = COL_BQ  # once the account has been paid: the position it was paid for (no order can be open any more)

NAME_WORDS = 12  # name hash entry: kind << 32 | length, id, spare, spare, 8 words of text
NAME_INSTRUMENT = 1
NAME_ACCOUNT = 2

DIRTY_WORDS = 2  # instrument pointer << 1 | (1 for ask), price
