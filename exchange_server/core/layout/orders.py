"""The state arena: rows of orders and their side rows, price levels, texts, closed ids and timers."""

ORDER_WORDS = 32
# first cache line: touched by matching
O_NEXT = 0  # in the level queue
O_PREV = 1
O_LEVEL = 2  # 0: not resting
O_PRICE = 3  # YES ticks
O_LEAVES = 4
O_FIRM = 5  # self-trade group
O_COLL = 6  # collateral row pointer
O_FEES = 7  # model, maker and taker rate
# second line
O_ATTR = 8  # book side, side, contract side, type, tif, FLAG_*, status, was replaced (packed.py)
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
O_NET_FEE = 22  # fee paid less rebates financed: the amount that the recipients share
O_TEXT = 23  # text row pointer or 0
# fourth line
O_ACCT_NEXT = 24
O_ACCT_PREV = 25
O_SPECIAL = 26  # side row (SP_*); 0: a plain order
O_LISTING = 27
O_ENTRY = 28  # venue and front end

# Side rows: fields that only special orders have
SPECIAL_WORDS = 16
SP_ORDER = 0  # pointer
SP_EXPIRY = 1  # ns; 0: none
SP_TIMER = 2  # timer row of the expiry; 0: none
SP_TIMER_NEXT = 3  # side rows of the same expiry, in order of entry
SP_TIMER_PREV = 4

# New orders that wait for a person (risk/held.py)
HELD_WORDS = 32
HE_NEXT = 0  # the account's next older one (pointer)
HE_NUMBER = 1
HE_ACCOUNT = 2  # id
HE_SESSION = 3  # id
HE_KEY_HI = 4
HE_KEY_LO = 5
HE_INSTRUMENT = 6  # id
HE_ATTR = 7  # side, contract side, type, time in force, flags (packed.py)
HE_PRICE = 8  # client's terms
HE_QTY = 9
HE_EXPIRY = 10
HE_COST = 11  # minor units of the budget's asset
HE_AT = 12  # ns
HE_UNTIL = 13
HE_PASSED = 14  # 1: approved, it may be entered once
HE_TEXT = 16  # 8 words, of a text id
HELD_IDS = 100_000_000  # numbers are above it, so that none is that of another act that waits
HELD_ROWS = 1024
MOST_HELD = 8  # of an account

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
N_FIRM = 3  # firm whose order created it; it counts for that firm as long as it exists
N_CHILD = 8  # 64 children: nodes, or levels in a leaf

TEXT_WORDS = 8

ARCHIVE_WORDS = 16
AR_KEY_HI = 0
AR_KEY_LO = 1
AR_FIRM_ACCOUNT = 2
AR_INSTRUMENT = 3  # instrument, venue, front end
AR_PRICE = 4  # client's terms
AR_QTY = 5
AR_CUM = 6
AR_ATTR = 7  # as O_ATTR, with the reason
AR_ORDER = 8
AR_CLOSED_AT = 9
AR_NOTIONAL = 10
AR_TEXT = 11
AR_NEXT = 12  # the firm's next younger row (pointer)
AR_LIMIT = 13  # ST_REJECTED only: the numbers of the refusal
AR_USED = 14
AR_ASKED = 15

# A block of ids of which it is only known that they were used (life/used.py)
USED_WORDS = 72
U_NEXT = 0  # the firm's next block, by the time of the newest id
U_PREV = 1
U_FIRM = 2
U_AT = 3  # ns: when its newest id was closed
U_RANGE = 4  # of a range: its ids' words without the lowest 12 bits
U_COUNT = 5  # ids
U_FILLED = 6  # USED_RANGE, or of a list: places that have been used
U_IDS = 8  # of a range: 4,096 bits; of a list: the ids' words, 0 where one was taken out
USED_RANGE = -1

TIMER_WORDS = 8
TM_TIME = 0  # ns
TM_KIND = 1  # TIMER_*
TM_TARGET = 2  # id, 0: none
TM_PLACE = 3  # position in the heap
TM_HEAD = 4  # TIMER_EXPIRY: list of the side rows of the orders that expire then
TM_TAIL = 5
TM_COUNT = 6
TIMER_EXPIRY = 1
