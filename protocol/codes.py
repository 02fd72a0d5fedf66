"""Every enumeration shared by wires, core, journal and tests.

Plain integers only, because the jitted core compiles them in as constants and the wires send them.
Values follow FIX where FIX has the enumeration (Side 54, OrdType 40, TimeInForce 59). They are never renumbered:
journals and clients store them. Texts for the refusals are in protocol/errors.py.
"""

# ---- sides and contract sides (FIX 54; contract side is ours, tag 5010 on FIX) --------------------------------
BUY = 1
SELL = 2
YES = 1  # also what a spot order carries
NO = 2  # price in NO ticks: buying NO at p is selling YES at P - p

# ---- order types (FIX 40) and time in force (FIX 59) ---------------------------------------------------------
MARKET = 1
LIMIT = 2
STOP = 3
STOP_LIMIT = 4

DAY = 0
GTC = 1
AT_OPEN = 2
IOC = 3
FOK = 4
GTD = 6

# ---- order flags, one bit each (7 bits at most: they share a signed word) -------------------------------------
FLAG_POST_ONLY = 1  # refuse if it would take liquidity
FLAG_POST_SLIDE = 2
FLAG_REDUCE_ONLY = 4
FLAG_PERSIST = 8  # survives going live; others lapse

# ---- self-trade prevention, the incoming order's mode (0 means the default, cancel incoming) ------------------
STP_DEFAULT = 0
STP_CANCEL_INCOMING = 1
STP_CANCEL_RESTING = 2
STP_CANCEL_BOTH = 3
STP_DECREMENT = 4

# ---- order status (the FIX 39 character is in ORD_STATUS_FIX) -------------------------------------------------
ST_NONE = 0
ST_NEW = 1
ST_PARTIAL = 2
ST_FILLED = 3
ST_CANCELED = 4
ST_EXPIRED = 5
ST_REJECTED = 6
ST_REPLACED = 7  # this ClOrdID was replaced: the order is open with a newer one
ST_PENDING = 8  # waits in a speed bump
ORD_STATUS_FIX = {ST_NEW: "0", ST_PARTIAL: "1", ST_FILLED: "2", ST_CANCELED: "4", ST_EXPIRED: "C", ST_REJECTED: "8", ST_PENDING: "A"}

# ---- products (kind of event) ---------------------------------------------------------------------------------
SPOT = 0
EXACTLY = 1  # exactly k of n contracts pay P
AT_MOST = 2  # at most k of n; a lone binary is at most 1 of 1
SCALAR = 3

# ---- phases of a market (the rules: phases.py) ----------------------------------------------------------------
PH_DRAFT = 0
PH_LISTED = 1
PH_OPEN = 2
PH_PAUSED = 3
PH_CLOSED = 4
PH_DETERMINED = 5
PH_FINAL = 6
PH_CANCEL_ONLY = 7
PH_AUCTION = 8
PH_LIVE = 9
PH_DISPUTED = 10
PH_VOIDED = 11
PHASE_NAMES = {
    PH_DRAFT: "draft",
    PH_LISTED: "listed",
    PH_OPEN: "open",
    PH_PAUSED: "paused",
    PH_CLOSED: "closed",
    PH_DETERMINED: "determined",
    PH_FINAL: "final",
    PH_CANCEL_ONLY: "cancel_only",
    PH_AUCTION: "auction",
    PH_LIVE: "live",
    PH_DISPUTED: "disputed",
    PH_VOIDED: "voided",
}

# ---- what becomes of resting orders when a market changes its phase (bits; none: they stay; closing cancels all) -----------------------
RESTING_LIVE_CANCEL = 1  # going live cancels them
RESTING_LIVE_LAPSE = 2  # going live cancels those without FLAG_PERSIST
RESTING_PAUSE_CANCEL = 4  # a pause cancels them

# ---- account and session kinds ---------------------------------------------------------------------------------
ACCT_TRADING = 1
ACCT_FEES = 2
ACCT_HOLDS = 3  # the platform's: money of all holds (registry/holds.py)

WIRE_NONE = 0  # operator, internal
WIRE_FIX = 1
WIRE_BINARY = 2

# ---- fee models ------------------------------------------------------------------------------------------------
FEE_NOTIONAL = 0  # bps of price*qty (spot)
FEE_QUADRATIC = 1  # bps * p * (P-p) / P (event contracts)
FEE_MIN = 2  # bps of min(p, P-p) (event contracts)

# ---- mass cancel scopes ---------------------------------------------------------------------------------------
SCOPE_SESSION = 1
SCOPE_ACCOUNT = 2
SCOPE_FIRM = 3
SCOPE_INSTRUMENT = 4  # the firm's orders in one instrument
SCOPE_EVENT = 5  # the firm's orders in one event

# ---- what an access row is about -------------------------------------------------------------------------------
# C_AHEAD: what becomes of the contract
AHEAD_DETERMINE = 1
AHEAD_FINALISE = 2
AHEAD_WITHDRAW = 3
AHEAD_DISPUTE = 4
AHEAD_UPHOLD = 5
ACCESS_VENUE = 1
ACCESS_EVENT = 2

# ---- parts of a venue that moves here (C_OPENING, E_OPENING) -----------------------------------------------------
OPENING_MARKET = 1
OPENING_CONTRACT = 2
OPENING_POSITION = 3
OPENING_ORDER = 4  # with its terms, not in any list yet
OPENING_ENTER = 5  # the orders in order of entry: gets its OrderID, joins the lists of account and expiry
OPENING_REST = 6  # the orders in order of their queues

# ---- kill switch levels --------------------------------------------------------------------------------------
KILL_PLATFORM = 1
KILL_VENUE = 2
KILL_FIRM = 3
KILL_ACCOUNT = 4
KILL_SESSION = 5

# ---- command kinds (low byte of word 0 of a command row) ------------------------------------------------------
C_TIME = 1
C_NEW = 2
C_CANCEL = 3
C_REPLACE = 4
C_MASS_CANCEL = 5
C_SPLIT = 6
C_MERGE = 7
C_STATUS = 8
C_LOGON = 16
C_LOGOFF = 17
C_SEND = 18  # an outgoing session message encoded in plain Python; its body follows as data rows
C_SET_IN = 19  # SequenceReset from the peer: next expected incoming number
C_ADMIN = 32  # a msgspec record in data rows; the registry translates it into the rows below
# Rows that only the registry writes, while it applies an ADMIN record; a gateway must never send one.
C_DEF_ASSET = 40
C_DEF_VENUE = 41
C_DEF_FIRM = 42
C_DEF_ACCOUNT = 43
C_DEF_SESSION = 44
C_DEF_EVENT = 45
C_DEF_INSTRUMENT = 46
C_DEF_LISTING = 47
C_TRANSFER = 48
C_PHASE = 49
C_DETERMINE = 50
C_FINALISE = 51
C_KILL = 52
C_RESTRICT = 53
C_REFERENCE = 54  # operator's reference price and collar
C_FREEZE = 55
C_ACCESS = 56  # who is admitted to a venue or an event
C_CONTINUE = 57  # the next slice of settling; the turn itself adds it
C_REVERSE = 61  # correction of a final result, and recovery of the debts that it left
C_BUST = 62  # a trade is taken back or corrected
C_DISPUTE = 58  # a party contests a version of a result, or two sources differ
C_UPHOLD = 59
C_VOID = 60
C_OPENING = 65  # a part of a venue that moves here from another server
C_UNLIST = 66  # the end of a listing
C_REMOVE = 68  # a market is over for good
C_BANDS = 63  # another price grid for all contracts of an event
C_ADD_CONTRACT = 64  # one more outcome of an event
C_AHEAD = 67  # a contract of a group ahead of the rest
C_BUDGET = 69  # what an account may lose and do, or one line of its list of markets

# ---- event kinds (low byte of word 0 of an event row) ---------------------------------------------------------
E_ACCEPTED = 1  # FIX 150=0
E_REJECTED = 2  # 150=8
E_FILL = 3  # 150=F, one side of a trade
E_CANCELED = 4  # 150=4
E_REPLACED = 5  # 150=5
E_CANCEL_REJECT = 6  # 35=9
E_EXPIRED = 7  # 150=C
E_STATUS = 8  # 150=I
E_MASS_DONE = 9  # 35=r
E_SENT = 10  # a session message encoded in plain Python (C_SEND)
E_LOGON = 11  # a session logged on (marks a reset of its numbers); has no number itself
E_LOGOFF = 12
E_PHASE = 13  # phase of an event changed; session 0
E_MOVED = 14  # a ledger entry without a trade: transfer, split, merge
E_SETTLED = 15  # payout of one contract to one account
E_DETERMINED = 16
E_FINAL = 17
E_REFUSED = 18  # split or merge refused
E_REVERSED = 21  # an entry of a correction or bust for one account
E_BUST = 22  # 150=H, one side of a trade that was taken back
E_CORRECTED = 27  # 150=G, one side of a trade whose price or quantity was corrected
E_DISPUTED = 19
E_VOIDED = 20
E_OPENING = 25  # a market, position or order that came with its venue from another server; session 0
E_BANDS = 23  # the price grid of an event changed; session 0
E_AHEAD = 26  # a contract is determined, disputed or final ahead of its event, or again with it; session 0
E_CONTRACT = 24  # an event has one more outcome (session 0), or an account got its position in it

# ---- why money moves: every change of a balance, a pool or the world outside has one of these (core/money/ledger.py: post) ------------
# Each is told by an event row, so that statements need nothing else:
#   E_MOVED    EVT_MOVED_WHY says it: WHY_DEPOSIT, WHY_WITHDRAWAL, WHY_TRANSFER (a row for each of the two accounts), WHY_SPLIT, WHY_MERGE; amount in EVT_MOVED_AMOUNT
#   E_SETTLED  EVT_SETTLED_WHY is WHY_SETTLEMENT; amount in EVT_SETTLED_AMOUNT
#   E_REVERSED EVT_REVERSED_WHY says it: WHY_CORRECTION (the difference of a payout; with amount 0: so much of it is blocked), WHY_OWED (what the account
#              cannot pay is added back and owed), WHY_RECOVERY (a debt is paid; with amount 0: a blocked credit is freed), WHY_COVER (bond and platform)
#   E_BUST     EVT_BUST_AMOUNT: price times quantity of the fill, its fee or rebate, back; of a spot pair also the base. The fee's shares come back from those who got them.
#   E_CORRECTED EVT_BUST_AMOUNT: the same, less what the new terms move; WHY_BUST.
#   E_OPENING  EVT_OPENING_AMOUNT of its market: WHY_OPENING, from the world outside into the pool
#   E_FILL     the side, the fill and its fee say it: WHY_TRADE is the fill's price times quantity (of a spot pair also the base), WHY_FEE a positive EVT_FEE,
#              WHY_REBATE a negative one. A rebate comes out of the fee of the trade's other row. What is left of both fees goes to those who share them: the
#              cumulated net fee of each order times the shares of its listing.
WHY_DEPOSIT = 1
WHY_WITHDRAWAL = 2
WHY_TRANSFER = 3
WHY_TRADE = 4
WHY_FEE = 5
WHY_REBATE = 6
WHY_SPLIT = 7
WHY_MERGE = 8
WHY_SETTLEMENT = 9
WHY_CORRECTION = 10
WHY_OWED = 11
WHY_RECOVERY = 12
WHY_COVER = 13
WHY_BUST = 14
WHY_OPENING = 15

# ---- event flags (15 bits at most) ------------------------------------------------------------------------------
EF_TAKER = 1  # this side of the trade removed liquidity
EF_TEXT = 2  # the extra row holds the ClOrdID and OrigClOrdID texts, 64 bytes each
EF_REPLACE = 4  # on E_CANCEL_REJECT: the refused request was a replace (FIX 434=2)
EF_UNSOLICITED = 8  # the client did not request this
EF_AGGRESSOR_SELL = 16  # on E_FILL: the book side of the taker, in YES terms, was a sell
EF_REQUEST_ID = 64  # on E_STATUS: the extra row holds the name of the request (FIX 790) after the two ids
EF_COPY = 128  # a copy of another session's event; its number there is in the row
EF_PERSIST = 256  # the order has FLAG_PERSIST
EF_OTHER_SESSION = 32  # on the answer to a cancel or replace: another session of the firm entered the order and gets its later reports

# ---- what of a command a refusal names (`asked` of R_FIELD_UNSUPPORTED, R_REPLACE_FIELD): a word of its row, from 16 on a part of one ----
FIELD_ACCOUNT = 1
FIELD_EXPIRY = 12
FIELD_SIDE = 16
FIELD_CONTRACT_SIDE = 17
FIELD_TYPE = 18
FIELD_TIF = 19
FIELD_STP = 20
FIELD_FLAGS = 21
FIELD_INSTRUMENT = 22

# ---- reason codes: one condition, one code -------------------------------------------------------------------
OK = 0
# session and account
R_NOT_LOGGED_ON = 1
R_UNKNOWN_ACCOUNT = 2
R_ACCOUNT_NOT_ALLOWED = 3
R_VENUE_NOT_ALLOWED = 4
R_FIRM_CLOSED = 5
R_ACCOUNT_CLOSED = 6
R_SESSION_CLOSED = 7
# duplicate table
R_ID_USED = 10
R_ID_TABLE_FULL = 11  # retired: only servers before rules version 3 sent it
R_ORDER_TABLE_FULL = 12
R_BAD_ID = 13
R_TEXT_TABLE_FULL = 14  # retired like 11
R_ORDER_SHARE_FULL = 15
R_NODE_SHARE_FULL = 17
R_POSITION_SHARE_FULL = 18
R_ID_USED_BEFORE = 19  # nothing is known of it any more but that it was used
# venue, instrument, phase, order type
R_UNKNOWN_INSTRUMENT = 20
R_MARKET_NOT_OPEN = 22
R_MARKET_PAUSED = 23
R_MARKET_CLOSED = 24
R_CANCEL_ONLY = 25
R_BAD_SIDE = 26
R_BAD_TYPE = 27
R_BAD_TIF = 28
R_BAD_FLAGS = 29
R_FIELD_UNSUPPORTED = 30
R_EXPIRY_PAST = 31
R_EXPIRY_UNEXPECTED = 32
R_NO_ON_SPOT = 33
R_BAD_STP = 34
R_PRICE_ON_MARKET = 35
R_POST_ONLY_IMMEDIATE = 36
R_MARKET_NEEDS_IMMEDIATE = 37
# kill switch
R_KILLED_PLATFORM = 40
R_KILLED_VENUE = 41
R_KILLED_FIRM = 42
R_KILLED_ACCOUNT = 43
R_KILLED_SESSION = 44
R_VENUE_CANCEL_ONLY = 45
R_VENUE_SETTLE_ONLY = 46
R_VENUE_FROZEN = 47
# throttle, freshness, conflict
R_THROTTLED_SESSION = 50
R_THROTTLED_VENUE = 51
R_STALE = 52
R_CONFLICT = 53
R_ACCOUNT_NOT_ISOLATED = 54
R_ACCESS_DENIED = 55
R_NOT_ADMITTED = 56
R_QUOTA_MESSAGES = 57
R_QUOTA_JOURNAL = 58
# price and size
R_PRICE_OUT_OF_RANGE = 60
R_PRICE_OFF_GRID = 61
R_QTY_NOT_POSITIVE = 62
R_QTY_LOT = 63
R_QTY_TOO_SMALL = 64
R_QTY_TOO_LARGE = 65
R_NOTIONAL_TOO_LARGE = 66
R_NO_LIQUIDITY = 67
R_COLLAR = 68
R_POSITION_LIMIT = 69
R_QUOTA_ORDERS = 70
# collateral, matching
R_COLLATERAL = 80
R_POST_ONLY_WOULD_TRADE = 81
R_TABLE_FULL = 82  # book nodes, balances or position rows are used up
# cancel and replace
R_UNKNOWN_ORDER = 90
R_ORDER_CLOSED = 91
R_QTY_BELOW_FILLED = 92
R_REPLACE_FIELD = 93
R_NOTHING_CHANGED = 94
R_BAD_SCOPE = 95
R_ORDER_REPLACED = 96  # the id was replaced, the order is open with a newer one
R_CANCEL_FIELD = 97
R_ORDER_FORGOTTEN = 98  # as R_ID_USED_BEFORE, of the order asked for
# why an order was cancelled or expired (not refusals)
R_USER_CANCEL = 100
R_MASS_CANCEL = 101
R_IOC_REST = 102
R_FOK_NOT_FILLABLE = 103
R_SELF_TRADE = 104
R_EXPIRED = 105
R_DISCONNECT = 106
R_MARKET_CLOSING = 107
R_KILL_SWITCH = 108
R_REPLACED_TO_FILLED = 109  # a replace lowered the total to the filled quantity
R_MARKET_REST = 110
R_USER_REPLACE = 112
R_VENUE_FREEZE = 113
R_LAPSED = 230
R_GOING_LIVE = 231
R_MARKET_PAUSING = 232
R_OFF_NEW_GRID = 233
R_OUTCOME_SPLIT = 234
R_CONTRACT_DECIDED = 270
# split, merge, transfer, settlement (operator and client)
R_NOT_SPLITTABLE = 120
R_MERGE_TOO_MANY = 121
R_WITHDRAW_TOO_MUCH = 122
R_AMOUNT_NOT_POSITIVE = 123
R_UNKNOWN_ASSET = 124
R_BAD_TRANSITION = 125
R_PAYOUT_COUNT = 126
R_PAYOUT_RANGE = 127
R_PAYOUT_SUM = 128
R_NOT_DETERMINED = 129
R_CHALLENGE_WINDOW = 130
R_ALREADY_FINAL = 131
R_UNKNOWN_EVENT = 132
R_IDEMPOTENCY = 133
R_OVERFLOW = 134
R_BAD_DEFINITION = 135
R_NOT_CLOSED = 136
R_OPEN_ORDERS = 137
R_BAD_COMMAND = 138
R_SANDBOX = 139
R_WEAK_SECRET = 140
R_QUOTA = 141
R_UNKNOWN_HOLD = 142
R_HOLD_ENDED = 143
R_NOT_EMPTY = 144
R_SETTLING = 220
R_NOT_FINAL = 221
R_SAME_RESULT = 222
R_NOTHING_OWED = 223
R_UNKNOWN_TRADE = 224
R_ALREADY_BUST = 225
R_BUST_FINAL = 226
R_BUST_SPENT = 227
R_BUST_SPLIT = 228
R_PAID_ELSEWHERE = 229
# wires and gateway
R_WIRE_MALFORMED = 150
R_WIRE_TOO_LONG = 151
R_WIRE_UNKNOWN_MESSAGE = 152
R_WIRE_FIELD = 153
R_SLOW_READER = 154
R_LOGON_TIMEOUT = 155
R_BAD_CREDENTIALS = 156
R_ALREADY_LOGGED_ON = 157
R_CLOCK_SKEW = 158
R_SEQUENCE_LOW = 159
R_HEARTBEAT_LOST = 160
R_SHUTDOWN = 161
R_RESUME_UNKNOWN = 162
R_DISK_RESERVE = 163
R_OVERLOAD = 164
R_BAD_COMP_ID = 165
R_BAD_HEARTBEAT = 166
R_CLOCK_JUMP = 167  # the time of day jumped forward, and exchange time does not follow it
R_CLOCK_NOT_HELD = 168
R_REPORTS_REBUILDING = 169
R_REPORTS_LOST = 170
R_REPORTS_EXPIRED = 290
R_LOGON_REPEATED = 172
R_TOO_MANY_DECIMALS = 173
R_TOO_MANY_DIGITS = 174
R_NEXT_EXPECTED = 175
R_LOGON_DELAYED = 176
R_KEY_REVOKED = 177
R_KEY_EXPIRED = 178
R_KEY_ADDRESS = 179
R_KEY_SCOPE = 189
# roles and approvals
R_NOT_AUTHORISED = 180
R_FOREIGN_NAME = 181
R_GRANT_BEYOND = 182
R_UNKNOWN_PENDING = 183
R_PENDING_EXPIRED = 184
R_OWN_ACT = 185
# revisions of the configuration
R_REVISION_MOVED = 190
R_PLAN_DIFFERS = 191
R_UNKNOWN_REVISION = 192
R_CANNOT_UNDO = 193
# results: disputes, voids, sources
R_MARKET_VOIDED = 200  # why an order was cancelled
R_RESULT_VERSION = 201
R_NOT_DISPUTABLE = 202
R_DISPUTE_LATE = 203
R_NO_PARTY = 204
R_DISPUTED_BEFORE = 205
R_NOT_DISPUTED = 206
R_NOTHING_TO_UPHOLD = 207
R_NOT_VOIDABLE = 208
R_NO_VOID_POLICY = 209
R_VOID_POLICY = 210
R_VOID_TRIGGER = 211
R_VOID_HISTORY = 212
R_UNKNOWN_SOURCE = 213
R_TWO_SOURCES = 214
R_JUDGE_IS_PARTY = 215
R_NOT_CORRECTABLE = 216
R_ARBITER_DECIDES = 217
# acts in time
R_SCHEDULE_PAST = 240
R_UNKNOWN_SCHEDULE = 241
R_SCHEDULE_ENDED = 242
R_SCHEDULE_EARLY = 243
R_TIMES_ORDER = 244
R_SERIES_CLOSED = 245
# a venue that moves here from another server
R_OPENING_VENUE = 260
R_OPENING_SUM = 261
R_OPENING_MONEY = 262
R_OPENING_ID = 263
R_OPENING_MARKET = 264
R_OPENING_ORDER = 265
R_MARKET_REMOVED = 266
R_VENUE_UNSETTLED = 267
# changes of a live market
R_BANDS_TOO_HIGH = 235
R_NO_SPARE_CONTRACT = 236
R_OUTCOME_FIXED = 237
R_OUTCOME_UNKNOWN = 238
# a contract ahead of its group
R_NOT_AHEAD = 271
R_AHEAD_DECIDES = 272
R_AHEAD_DIFFERS = 273
R_AHEAD_UNCOVERED = 274
R_AHEAD_DISPUTED = 278
# a correction of a trade
R_TRADE_CROSS = 275
R_TRADE_SAME = 276
R_TRADE_CHANGED = 277
# the budget of an account
R_BUDGET_ACCOUNT = 279
R_BUDGET_ASSET = 280
R_BUDGET_MARKET = 281
R_BUDGET_QTY = 282
R_BUDGET_COST = 283
R_BUDGET_LOSS = 284
R_BUDGET_LOSS_DAY = 285
R_BUDGET_APPROVAL = 286
R_BUDGET_WAITING = 287
# ---- the HTTP gateway (exchange_server/web)
R_SERVER_DOWN = 305
R_ANSWER_UNKNOWN = 306
R_HTTP_THROTTLED = 307
R_NO_RESOURCE = 308
R_KEY_REUSED = 309
R_CSRF = 310
R_ORIGIN = 311
R_CHALLENGE_OVER = 312
R_REQUEST_LATE = 313
R_WEB_RIGHT = 314
R_NOT_OVER_HTTP = 315
