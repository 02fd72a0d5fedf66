"""Interrupted work: work that a full event buffer stopped waits in rows of the header (kit/work.py). Each kind has names for its
registers."""

WORK_ROWS = 8  # so many may wait at once
WORK_WORDS = 16
W_KIND = 0  # WORK_*
WORK_MATCH = 1
WORK_MASS = 2
WORK_CLOSE = 3
WORK_TIMERS = 4
WORK_SETTLE = 5

# WORK_MATCH: an order against the book
WM_ORDER = 1  # pointer
WM_FILLABLE = 2  # 1: a fill-or-kill order that was found fillable

# WORK_MASS: the orders of one account, one firm or all
WC_ORDER = 1  # next order (pointer)
WC_ACCOUNT = 2  # whose list it is in (pointer)
WC_SCOPE = 3
WC_TARGET = 4  # id of what the scope names
WC_SIDE = 5  # 0: both
WC_COUNT = 6  # cancelled so far
WC_COMMAND = 7  # word offset of the command that asked; -1: none
WC_REASON = 8
WC_FLAGS = 9  # EF_*
WC_WHOLE_FIRM = 10  # 1: continue with the firm's next account
WC_FIRM = 11  # id of the firm at work when all are meant, else 0

# WORK_CLOSE: what rests in an event
WX_EVENT = 1  # pointer
WX_CONTRACT = 2

# WORK_SETTLE: an event is paid
WS_EVENT = 1  # pointer
WS_ROW = 2  # collateral row being paid
WS_CONTRACT = 3
