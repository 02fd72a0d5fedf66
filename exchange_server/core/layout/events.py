"""Event rows: what the core writes and the wires read."""

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
EVT_WHY = 20  # E_MOVED, E_SETTLED: WHY_*
# Refusals (E_REJECTED, E_CANCEL_REJECT, E_REFUSED) use these words for the numbers of their text; 0 where without meaning:
EVT_LIMIT = 16  # the limit's value
EVT_USED = 17  # what was used of it
EVT_ASKED = 19  # what was asked
# E_SENT: bytes of body follow in extra rows
EVT_BODY_BYTES = 12
EVT_MSG_TYPE = 13
