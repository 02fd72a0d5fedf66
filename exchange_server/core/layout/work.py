"""Interrupted work: a full event buffer stops it, and its state is kept in rows of the header (kit/work.py). Each kind names its registers."""

WORK_ROWS = 8  # most pieces of work at once
WORK_WORDS = 16
W_KIND = 0  # WORK_*
WORK_MATCH = 1
WORK_MASS = 2
WORK_CLOSE = 3
WORK_TIMERS = 4
WORK_SETTLE = 5
WORK_GRANT = 7

# WORK_MATCH: match an order against the book
WM_ORDER = 1  # pointer
WM_FILLABLE = 2  # 1: a fill-or-kill order that was found fillable

# WORK_MASS: cancel orders of one account, one firm or all firms
WC_ORDER = 1  # next order (pointer)
WC_ACCOUNT = 2  # account (pointer) whose list it is in
WC_SCOPE = 3
WC_TARGET = 4  # id that the scope refers to
WC_SIDE = 5  # 0: both
WC_COUNT = 6  # cancelled so far
WC_COMMAND = 7  # word offset of the client's command; -1: none
WC_REASON = 8
WC_FLAGS = 9  # EF_*
WC_WHOLE_FIRM = 10  # 1: continue with the firm's next account
WC_FIRM = 11  # all firms: id of the next firm; else 0

# WORK_CLOSE: cancel resting orders of an event: all, or those to which a rule applies
WX_EVENT = 1  # pointer
WX_CONTRACT = 2  # index of the contract
WX_REASON = 3
WX_RULE = 4  # RULE_*
WX_END = 5  # index after the last contract
WX_SIDE = 6  # 0 bids, 1 asks
WX_ORDER = 7  # next order (pointer); -1: the side has not begun, 0: it has ended
RULE_ALL = 0
RULE_LAPSE = 1  # not those with FLAG_PERSIST
RULE_OFF_GRID = 2  # those whose price is not on the grid

# WORK_GRANT: give each account the position in a new outcome that it has in the one from which it was split
WG_EVENT = 1  # pointer
WG_ROW = 2  # collateral row (pointer)
WG_FROM = 3  # index of the contract from which it was split

# WORK_SETTLE: pay an event
WS_EVENT = 1  # pointer
WS_ROW = 2  # collateral row being paid
WS_CONTRACT = 3
