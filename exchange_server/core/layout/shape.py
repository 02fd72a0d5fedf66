"""What the layout says of itself: how wide each row is, which words are longer than one, which names share a word on purpose, and which words lie
side by side because code counts on it. tests/core/test_layout.py holds every name of the layout against these tables.
"""

from . import calls, commands, events, orders, tables

# Rows: (prefix of their words, words of a row, first word that may be used)
ROWS = (
    ("H_", tables.HEADER_WORDS, 1),  # word 0 is where the null pointer points
    ("PL_", tables.POOL_WORDS, 0),
    ("A_", tables.ASSET_WORDS, 0),
    ("V_", tables.VENUE_WORDS, 0),
    ("F_", tables.FIRM_WORDS, 0),
    ("AC_", tables.ACCOUNT_WORDS, 0),
    ("S_", tables.SESSION_WORDS, 0),
    ("E_", tables.EVENT_WORDS, 0),
    ("I_", tables.INSTRUMENT_WORDS, 0),
    ("LI_", tables.LISTING_WORDS, 0),
    ("B_", tables.BALANCE_WORDS, 0),
    ("CO_", tables.CO_COLUMNS, 0),
    ("COL_", tables.CO_COLUMN_COUNT, 0),
    ("O_", orders.ORDER_WORDS, 0),
    ("L_", orders.LEVEL_WORDS, 0),
    ("N_", orders.NODE_WORDS, 0),
    ("AR_", orders.ARCHIVE_WORDS, 0),
    ("BK_", orders.BUCKET_WORDS, 0),
    ("CN_", calls.CN_WORDS, 0),
    ("IX_", calls.INDEX_WORDS, 0),
)
NO_WORDS = {"CO_COLUMNS", "CO_COLUMN_COUNT", "CN_WORDS"}  # sizes that carry the prefix of what they measure

# Words longer than one.
WIDE = {
    "H_R0": 11, "H_POOLS": tables.POOL_COUNT * tables.POOL_WORDS,
    "A_NAME": 4, "AC_NAME": 8, "S_OUR": 8, "S_PEER": 8, "I_BANDS": 3 * tables.MAX_BANDS, "I_SYMBOL": 8, "N_CHILD": 64,
}  # fmt: skip

# Side by side, in this order: code adds an index to the first.
ADJACENT = (
    ("I_BEST_BID", "I_BEST_ASK"),  # I_BEST_BID + ask
    ("I_BID_ROOT", "I_ASK_ROOT"),
    ("COL_BUY", "COL_SELL"),
    ("COL_BQ", "COL_SQ"),
    ("S_THROTTLE_LIMIT", "S_THROTTLE_WINDOW", "S_THROTTLE_START", "S_THROTTLE_USED"),
    ("V_THROTTLE_LIMIT", "V_THROTTLE_WINDOW", "V_THROTTLE_START", "V_THROTTLE_USED"),
    ("CMD_ID_HI", "CMD_ID_LO", "CMD_ORIG_HI", "CMD_ORIG_LO"),
    ("EVT_ID_HI", "EVT_ID_LO", "EVT_ORIG_HI", "EVT_ORIG_LO"),
)

# One word under several names: the rows that hold money have it in the same place.
SAME = (("MONEY", "B_CASH", "E_POOL", "A_EXTERNAL"),)

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
    "logoff": ("CMD_SESSION_ACCOUNT", "CMD_LOGOFF_FLAGS", "CMD_LOGOFF_FROM"),
    "sets": ("CMD_SESSION_ACCOUNT", "CMD_INSTRUMENT", "CMD_SETS"),
}  # fmt: skip
COMMON_EVENT = (
    "EVT_HEAD", "EVT_NUMBER", "EVT_TIME", "EVT_SESSION_ACCOUNT", "EVT_SESSION_NUMBER", "EVT_PREVIOUS", "EVT_INSTRUMENT", "EVT_ORDER",
    "EVT_ID_HI", "EVT_ID_LO", "EVT_ORIG_HI", "EVT_ORIG_LO", "EVT_PRICE", "EVT_QTY", "EVT_CUM", "EVT_LEAVES", "EVT_EXPIRY", "EVT_CLIENT_NUMBER",
)  # fmt: skip
EVENTS = {
    "fill": ("EVT_LAST_PRICE", "EVT_LAST_QTY", "EVT_NOTIONAL", "EVT_FEE", "EVT_TRADE", "EVT_SPARE"),
    "refusal": ("EVT_LIMIT", "EVT_USED", "EVT_ASKED", "EVT_NOTIONAL"),
}
EVENT_ALIASES = {"EVT_BODY_BYTES": "EVT_PRICE", "EVT_MSG_TYPE": "EVT_QTY", "EVT_WHY": "EVT_TRADE"}  # of E_SENT; of E_MOVED and E_SETTLED
COMMAND_WORDS, EVENT_ROW_WORDS = commands.CMD_WORDS, events.EVT_WORDS
