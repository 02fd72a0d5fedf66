"""The shape of the layout: the width of each row, names that stand for several words, names that share a word on purpose, and words that must
be adjacent because code relies on it. tests/core/test_layout.py checks every name of the layout against these tables.
"""

from . import calls, commands, events, orders, tables, work

# Rows: (prefix of their words, words per row, first word that may be used)
ROWS = (
    ("H_", tables.HEADER_WORDS, 1),  # the null pointer points to word 0
    ("PL_", tables.POOL_WORDS, 0),
    ("TH_", tables.THROTTLE_WORDS, 0),
    ("A_", tables.ASSET_WORDS, 0),
    ("V_", tables.VENUE_WORDS, 0),
    ("F_", tables.FIRM_WORDS, 0),
    ("AC_", tables.ACCOUNT_WORDS, 0),
    ("S_", tables.SESSION_WORDS, 0),
    ("E_", tables.EVENT_WORDS, 0),
    ("I_", tables.INSTRUMENT_WORDS, 0),
    ("MI_", tables.MIDS_WORDS, 0),
    ("MN_", tables.MID_ENTRY_WORDS, 0),
    ("LI_", tables.LISTING_WORDS, 0),
    ("B_", tables.BALANCE_WORDS, 0),
    ("CO_", tables.CO_COLUMNS, 0),
    ("COL_", tables.CO_COLUMN_COUNT, 0),
    ("O_", orders.ORDER_WORDS, 0),
    ("L_", orders.LEVEL_WORDS, 0),
    ("N_", orders.NODE_WORDS, 0),
    ("AR_", orders.ARCHIVE_WORDS, 0),
    ("U_", orders.USED_WORDS, 0),
    ("SP_", orders.SPECIAL_WORDS, 0),
    ("HE_", orders.HELD_WORDS, 0),
    ("TM_", orders.TIMER_WORDS, 0),
    ("W_", work.WORK_WORDS, 0),
    ("WM_", work.WORK_WORDS, 1),  # word 0 is W_KIND
    ("WC_", work.WORK_WORDS, 1),
    ("WX_", work.WORK_WORDS, 1),
    ("WS_", work.WORK_WORDS, 1),
    ("WB_", work.WORK_WORDS, 1),
    ("WG_", work.WORK_WORDS, 1),
    ("CN_", calls.CN_WORDS, 0),
    ("IX_", calls.INDEX_WORDS, 0),
    ("RO_", calls.RO_WORDS, 0),
    ("RT_", calls.RT_WORDS, 0),
)
NO_WORDS = {"CO_COLUMNS", "CO_COLUMN_COUNT", "CN_WORDS", "RO_WORDS", "RT_WORDS"}  # sizes with the prefix of the row they measure, not words

# Names that stand for several words. Code adds an index only to these, and to the first of ADJACENT.
WIDE = {
    "H_WORK": work.WORK_ROWS * work.WORK_WORDS, "H_POOLS": tables.POOL_COUNT * tables.POOL_WORDS,
    "A_NAME": 4, "AC_NAME": 8, "S_OUR": 8, "S_PEER": 8, "N_CHILD": 64, "U_IDS": 64, "HE_TEXT": 8,
    "V_THROTTLE": tables.THROTTLE_WORDS, "V_PACE": tables.THROTTLE_WORDS, "V_BYTES": tables.THROTTLE_WORDS, "S_THROTTLE": tables.THROTTLE_WORDS,
    "I_BEST": 2, "I_ROOT": 2, "I_BANDS": 3 * tables.MAX_BANDS, "I_SYMBOL": 8,
    "MI_ENTRIES": tables.MID_ENTRIES * tables.MID_ENTRY_WORDS,
}  # fmt: skip
HEADER_GROUPS = {
    "where it stands": (1, 32),
    "rows": (32, 64),
    "operators and shares": (64, 96),
    "work": (96, 256),
    "pools": (256, tables.HEADER_WORDS),
}
GROUP_ROOM = 6  # words that stay free in each group of the header
SIZES = ("CO_COLUMNS",)  # after the words of such a row come columns, one entry per contract of the event

# Adjacent, in this order: leaves get the offset of the first and read the next.
ADJACENT = (
    ("CMD_ID_HI", "CMD_ID_LO", "CMD_ORIG_HI", "CMD_ORIG_LO"),
    ("EVT_ID_HI", "EVT_ID_LO", "EVT_ORIG_HI", "EVT_ORIG_LO"),
)

# One word under several names: every row that holds money has it in the same word; a settled position takes the place of an open quantity.
SAME = (("MONEY", "B_CASH", "E_POOL", "A_EXTERNAL"), ("COL_BQ", "SETTLED_POSITION"))

# Words with several fields: only packed.py packs and unpacks them.
PACKED = (
    "CMD_HEAD", "CMD_SESSION_ACCOUNT", "CMD_INSTRUMENT", "CMD_GROUP_SEQ", "EVT_HEAD", "EVT_SESSION_ACCOUNT", "EVT_INSTRUMENT",
    "O_ATTR", "HE_ATTR", "O_FEES", "O_ENTRY", "AR_ATTR", "AR_FIRM_ACCOUNT", "AR_INSTRUMENT", "S_FORM", "CO_K",
)  # fmt: skip

# Commands and events: the words of each kind of row. Within a kind no two names may share a word; across kinds they do.
COMMON_COMMAND = ("CMD_HEAD",)
COMMANDS = {
    "order": (
        "CMD_SESSION_ACCOUNT", "CMD_INSTRUMENT", "CMD_PRICE", "CMD_QTY", "CMD_ID_HI", "CMD_ID_LO", "CMD_ORIG_HI", "CMD_ORIG_LO", "CMD_MIN_QTY",
        "CMD_DISPLAY_QTY", "CMD_STOP_PRICE", "CMD_EXPIRY", "CMD_DEADLINE", "CMD_GROUP_SEQ", "CMD_COST_CAP",
    ),
    "unread order": (
        "CMD_SESSION_ACCOUNT", "CMD_INSTRUMENT", "CMD_PRICE", "CMD_QTY", "CMD_ID_HI", "CMD_ID_LO", "CMD_ORIG_HI", "CMD_ORIG_LO", "CMD_REFUSED_REASON",
        "CMD_REFUSED_LIMIT", "CMD_REFUSED_USED", "CMD_EXPIRY", "CMD_DEADLINE", "CMD_GROUP_SEQ", "CMD_REFUSED_ASKED",
    ),
    "time": ("CMD_TIME_TURN", "CMD_TIME_NS", "CMD_TIME_REFUSE", "CMD_TIME_TICK", "CMD_TIME_OFFSET", "CMD_TIME_BOOT"),
    "body": ("CMD_SESSION_ACCOUNT", "CMD_BODY_BYTES", "CMD_MSG_TYPE", "CMD_SEND_FLAGS", "CMD_MISSED"),
    "mass cancel": ("CMD_SESSION_ACCOUNT", "CMD_INSTRUMENT", "CMD_SCOPE"),
    "logon": ("CMD_SESSION_ACCOUNT", "CMD_LOGON_FLAGS", "CMD_LOGON_NEXT_IN", "CMD_LOGON_HEARTBEAT_NS", "CMD_LOGON_SENT", "CMD_GROUP_SEQ"),
    "set in": ("CMD_SESSION_ACCOUNT", "CMD_NEXT_IN", "CMD_TOLD_FROM", "CMD_TOLD_TO", "CMD_MISSED"),
    "continue": ("CMD_SLICE",),
    "logoff": ("CMD_SESSION_ACCOUNT", "CMD_LOGOFF_FLAGS", "CMD_LOGOFF_FROM"),
    "sets": ("CMD_SESSION_ACCOUNT", "CMD_INSTRUMENT", "CMD_SETS"),
}  # fmt: skip
COMMON_EVENT = ("EVT_HEAD", "EVT_NUMBER", "EVT_TIME", "EVT_SESSION_ACCOUNT", "EVT_SESSION_NUMBER", "EVT_PREVIOUS")
_REQUEST = ("EVT_INSTRUMENT", "EVT_ID_HI", "EVT_ID_LO", "EVT_ORIG_HI", "EVT_ORIG_LO", "EVT_CLIENT_NUMBER")
_ORDER = (*_REQUEST, "EVT_ORDER", "EVT_PRICE", "EVT_QTY", "EVT_CUM", "EVT_LEAVES", "EVT_NOTIONAL", "EVT_EXPIRY", "EVT_COPY_OF")
_FILL = (
    *(name for name in _ORDER if name not in ("EVT_CLIENT_NUMBER", "EVT_EXPIRY", "EVT_COPY_OF")),
    "EVT_LAST_PRICE", "EVT_LAST_QTY", "EVT_FEE", "EVT_TRADE",
)  # fmt: skip
_REFUSAL = ("EVT_LIMIT", "EVT_USED", "EVT_ASKED")
EVENTS = {  # all other words of an event of the kind are 0
    "E_ACCEPTED": _ORDER,
    "E_REJECTED": (*_ORDER, *_REFUSAL),
    "E_FILL": (*_FILL, "EVT_EXPIRY", "EVT_FILL_TERMS", "EVT_COPY_OF"),
    "E_BUST": (*_FILL, "EVT_BUST_BALANCE", "EVT_BUST_AMOUNT", "EVT_BUST_OF"),
    "E_CORRECTED": (
        *(name for name in _FILL if name not in ("EVT_ORIG_HI", "EVT_ORIG_LO")), "EVT_BUST_BALANCE", "EVT_BUST_AMOUNT", "EVT_BUST_OF", "EVT_WAS_PRICE",
        "EVT_WAS_QTY",
    ),
    "E_CANCELED": _ORDER,
    "E_REPLACED": _ORDER,
    "E_CANCEL_REJECT": (*_ORDER, *_REFUSAL),
    "E_EXPIRED": _ORDER,
    "E_STATUS": (*_ORDER, *_REFUSAL),
    "E_MASS_DONE": (*_REQUEST, *_REFUSAL, "EVT_MASS_SCOPE", "EVT_MASS_COUNT"),
    "E_SENT": ("EVT_BODY_BYTES", "EVT_MSG_TYPE"),
    "E_LOGON": (
        "EVT_LOGON_MISSED", "EVT_LOGON_NEXT_OUT", "EVT_LOGON_FLAGS", "EVT_LOGON_UNTOLD", "EVT_LOGON_UNTOLD_TO", "EVT_LOGON_ABSENT_FROM",
    ),
    "E_LOGOFF": ("EVT_LOGOFF_NEXT_OUT", "EVT_LOGOFF_FLAGS"),
    "E_PHASE": ("EVT_PHASE_EVENT", "EVT_PHASE_OLD", "EVT_PHASE_NEW"),
    "E_MOVED": (*_REQUEST, "EVT_MOVED_AMOUNT", "EVT_MOVED_BALANCE", "EVT_MOVED_SETS", "EVT_MOVED_WHY", "EVT_MOVED_ASSET"),
    "E_SETTLED": (
        "EVT_INSTRUMENT", "EVT_SETTLED_EVENT", "EVT_SETTLED_PAYOUT", "EVT_SETTLED_POSITION", "EVT_SETTLED_VERSION", "EVT_SETTLED_AMOUNT",
        "EVT_SETTLED_BALANCE", "EVT_SETTLED_WHY", "EVT_SETTLED_ASSET",
    ),
    "E_REVERSED": (
        "EVT_INSTRUMENT", "EVT_REVERSED_EVENT", "EVT_REVERSED_PAYOUT", "EVT_REVERSED_POSITION", "EVT_REVERSED_OLD", "EVT_REVERSED_VERSION",
        "EVT_REVERSED_AMOUNT", "EVT_REVERSED_BALANCE", "EVT_REVERSED_OWED", "EVT_REVERSED_BLOCKED", "EVT_REVERSED_WHY", "EVT_REVERSED_ASSET",
    ),
    "E_BANDS": ("EVT_BANDS_EVENT", "EVT_BANDS_COUNT"),
    "E_CONTRACT": ("EVT_INSTRUMENT", "EVT_CONTRACT_EVENT", "EVT_CONTRACT_FROM", "EVT_CONTRACT_POSITION"),
    "E_AHEAD": ("EVT_INSTRUMENT", "EVT_AHEAD_EVENT", "EVT_AHEAD_UNTIL", "EVT_AHEAD_VERSION", "EVT_AHEAD_PAYOUT", "EVT_AHEAD_PHASE"),
    "E_DETERMINED": ("EVT_DETERMINED_EVENT", "EVT_DETERMINED_UNTIL", "EVT_DETERMINED_VERSION"),
    "E_FINAL": ("EVT_FINAL_EVENT", "EVT_FINAL_VERSION"),
    "E_DISPUTED": ("EVT_DISPUTED_EVENT", "EVT_DISPUTED_FIRM", "EVT_DISPUTED_VERSION"),
    "E_VOIDED": ("EVT_DETERMINED_EVENT", "EVT_DETERMINED_UNTIL", "EVT_DETERMINED_VERSION", "EVT_VOIDED_TRIGGER"),
    "E_OPENING": (*_ORDER, "EVT_OPENING_EVENT", "EVT_OPENING_QTY", "EVT_OPENING_AMOUNT", "EVT_OPENING_PART"),
    "E_REFUSED": (*_REQUEST, *_REFUSAL, "EVT_PRICE", "EVT_QTY"),
}  # fmt: skip
COMMAND_WORDS, EVENT_ROW_WORDS = commands.CMD_WORDS, events.EVT_WORDS
