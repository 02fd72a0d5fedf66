"""Event rows: the core writes them, the wires read them. shape.py lists the words of each kind of event; all other words are 0."""

# ================================================================================== event rows: 24 words, 192 bytes
EVT_WORDS = 24
# every event
EVT_HEAD = 0  # kind, count of extra rows, side, contract side, type, tif, order status, reason, EF_* (packed.py)
EVT_NUMBER = 1  # global, +1 per row (extra rows count), never reused: the ExecID
EVT_TIME = 2  # ns, the turn's time
EVT_SESSION_ACCOUNT = 3  # session (0: sent to no session) and account
EVT_SESSION_NUMBER = 4  # outgoing number on that session (FIX MsgSeqNum); 0: unnumbered
EVT_PREVIOUS = 5  # EVT_NUMBER of that session's event before this one; 0: none
# answers to requests, reports of orders
EVT_INSTRUMENT = 6  # instrument (splits and merges: the event), listing venue, front end
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
EVT_COPY_OF = 23  # EF_COPY: EVT_NUMBER of the event that this one repeats for another session
# refusals: the numbers in their text, 0 if the reason has none
EVT_LIMIT = 16  # the limit's value
EVT_USED = 17  # amount of it in use
EVT_ASKED = 19  # amount or value in the request
# E_MASS_DONE
EVT_MASS_SCOPE = 12
EVT_MASS_COUNT = 13  # cancelled orders
# E_SENT: bytes of body follow in extra rows
EVT_BODY_BYTES = 12
EVT_MSG_TYPE = 13
# E_LOGON: the state before it
EVT_LOGON_MISSED = 7  # S_MISSED
EVT_LOGON_NEXT_OUT = 12
EVT_LOGON_FLAGS = 13  # LOGON_*
EVT_LOGON_UNTOLD = 14  # S_UNTOLD
EVT_LOGON_UNTOLD_TO = 15
EVT_LOGON_ABSENT_FROM = 17  # S_ABSENT_FROM
# E_LOGOFF
EVT_LOGOFF_NEXT_OUT = 12
EVT_LOGOFF_FLAGS = 13  # CMD_LOGOFF_FLAGS
# E_MOVED
EVT_MOVED_AMOUNT = 12  # signed
EVT_MOVED_BALANCE = 13  # after it
EVT_MOVED_SETS = 17  # signed
EVT_MOVED_WHY = 20  # WHY_*
EVT_MOVED_ASSET = 23
# E_SETTLED
EVT_SETTLED_EVENT = 7  # event id
EVT_SETTLED_PAYOUT = 12  # per contract, ticks
EVT_SETTLED_POSITION = 13  # signed
EVT_SETTLED_VERSION = 15  # of the determination
EVT_SETTLED_AMOUNT = 16
EVT_SETTLED_BALANCE = 17  # after it
EVT_SETTLED_WHY = 20  # WHY_*
EVT_SETTLED_ASSET = 23
# E_FILL: terms under which its fee was shared (packed.py), for a bust
EVT_FILL_TERMS = 22
# E_BUST: the words of its E_FILL, and
EVT_BUST_BALANCE = 21  # after it
EVT_BUST_AMOUNT = 22  # signed, minor units
EVT_BUST_OF = 23  # EVT_NUMBER of its E_FILL
# E_CORRECTED: the words of its E_FILL with the new terms, those of E_BUST, and
EVT_WAS_PRICE = 10  # client's terms
EVT_WAS_QTY = 11
# E_REVERSED: a correction's or a bust's entry for one account
EVT_REVERSED_EVENT = 7  # event id
EVT_REVERSED_PAYOUT = 12  # per contract, ticks: the new one; 0 without an instrument
EVT_REVERSED_POSITION = 13  # at settlement, signed
EVT_REVERSED_OLD = 14  # the payout before
EVT_REVERSED_VERSION = 15  # of the determination
EVT_REVERSED_AMOUNT = 16  # signed
EVT_REVERSED_BALANCE = 17  # after it
EVT_REVERSED_OWED = 18  # what the account owes in this event after it
EVT_REVERSED_BLOCKED = 19  # its blocked credit in this event after it
EVT_REVERSED_WHY = 20  # WHY_*
EVT_REVERSED_ASSET = 23
# E_PHASE
EVT_PHASE_EVENT = 7  # event id
EVT_PHASE_OLD = 12
EVT_PHASE_NEW = 13
# E_BANDS: an extra row has the bands, as DI_BANDS
EVT_BANDS_EVENT = 7
EVT_BANDS_COUNT = 12
# E_CONTRACT
EVT_CONTRACT_EVENT = 7
EVT_CONTRACT_FROM = 12  # instrument id of the outcome from which it was split; 0: from none
EVT_CONTRACT_POSITION = 13  # of the account, signed lots; 0 in the row of the market
# E_AHEAD: a contract ahead of its event
EVT_AHEAD_EVENT = 7
EVT_AHEAD_UNTIL = 12  # end of its challenge window, ns
EVT_AHEAD_VERSION = 13
EVT_AHEAD_PAYOUT = 14  # ticks
EVT_AHEAD_PHASE = 15  # PH_DETERMINED, PH_DISPUTED, PH_FINAL; or that of its event: it was withdrawn
# E_DETERMINED, E_VOIDED
EVT_DETERMINED_EVENT = 7
EVT_DETERMINED_UNTIL = 12  # end of the challenge window, ns
EVT_DETERMINED_VERSION = 13
# E_FINAL
EVT_FINAL_EVENT = 7
EVT_FINAL_VERSION = 13
# E_DISPUTED
EVT_DISPUTED_EVENT = 7
EVT_DISPUTED_FIRM = 12  # id; 0: two sources differ
EVT_DISPUTED_VERSION = 13
# E_VOIDED only
EVT_VOIDED_TRIGGER = 14  # ns; 0: an earlier void was upheld
# E_OPENING: an order has the words of its reports as well
EVT_OPENING_EVENT = 16  # market: event id
EVT_OPENING_QTY = 17  # market: sets; position: YES contracts
EVT_OPENING_AMOUNT = 19  # market: money of its pool
EVT_OPENING_PART = 20  # OPENING_*
# Extra rows of an event hold its texts (EF_TEXT: 64 bytes ClOrdID, 64 bytes OrigClOrdID, each if its key is a hash; EF_REQUEST_ID: then 64 bytes id of a status
# request) or raw bytes. An extra row has no head: all its EVT_WORDS words are payload. It uses up one event number.
