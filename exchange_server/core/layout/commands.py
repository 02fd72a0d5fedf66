"""Command rows: the gateways write them, the core reads them."""

# ================================================================================ command rows: 16 words, 128 bytes
CMD_WORDS = 16
# Only packed.py packs and unpacks words with several fields; it describes their bits.
CMD_HEAD = 0  # kind, count of extra rows, side, contract side, type, tif, stp, ROWFLAG_*, FLAG_*
CMD_SESSION_ACCOUNT = 1
CMD_INSTRUMENT = 2  # instrument, venue (0: the session's), front end
CMD_PRICE = 3  # client's terms (NO ticks for a NO order)
CMD_QTY = 4  # lots; a replace: the new total
CMD_ID_HI = 5  # ClOrdID key: (0, n) for the decimal n in 1..2^63-1; a text: kit/text_ids.py
CMD_ID_LO = 6
CMD_ORIG_HI = 7  # cancel, replace, status: key of the order to act on; (0, 0): none
CMD_ORIG_LO = 8
CMD_MIN_QTY = 9
CMD_DISPLAY_QTY = 10
CMD_STOP_PRICE = 11
CMD_EXPIRY = 12  # GTD: ns since the epoch
CMD_DEADLINE = 13  # ns: refused if the turn's time is later; 0: none
CMD_GROUP_SEQ = 14  # order group, and incoming MsgSeqNum of the message (0: not counted)
CMD_COST_CAP = 15
# Extra rows (the count is in the head) follow the row directly. With ROWFLAG_TEXT the first extra row holds the ClOrdID
# text (bytes 0-63) and the OrigClOrdID text (bytes 64-127), zero padded, each only if its key is a hash (hi < 0). On C_SEND and C_ADMIN they
# hold raw bytes.
ROWFLAG_TEXT = 1  # in the head: the first extra row holds texts
ROWFLAG_REFUSED = 4  # new, replace: the gateway could not read one of its numbers; the core refuses it with these words:
CMD_REFUSED_REASON = 9
CMD_REFUSED_LIMIT = 10
CMD_REFUSED_USED = 11
CMD_REFUSED_ASKED = 15
ROWFLAG_REQUEST_ID = 8  # status: the id of the request (FIX 790) is in place of the ClOrdID text; the answer repeats it
ROWFLAG_TIF = 2  # replace: the time in force is given, even if it is 0 (Day); without this flag 0 means not given
MAX_EXTRA_ROWS = 255

# Other commands use the same words under these names.
CMD_TIME_TURN = 1  # C_TIME: turn number
CMD_TIME_NS = 2  # C_TIME: ns since the epoch
CMD_TIME_REFUSE = 3  # C_TIME: reason to refuse every NEW and REPLACE of this turn (R_OVERLOAD, R_DISK_RESERVE, R_CLOCK_JUMP); 0: none
CMD_TIME_TICK = 4  # C_TIME: the steady clock, ns: not affected by changes of the time of day; throttle windows use it
CMD_TIME_OFFSET = 5  # C_TIME: believed difference of time of day and the machine's monotonic clock, ns; a restart compares with it
CMD_TIME_BOOT = 6  # C_TIME: identifies the boot of the machine since which that monotonic clock counts; 0: unknown
CMD_BODY_BYTES = 3  # C_SEND, C_ADMIN: bytes of body in the extra rows
CMD_MSG_TYPE = 4  # C_SEND: MsgType as little-endian ASCII (FIX) or message tag (binary)
CMD_SEND_FLAGS = 5  # C_SEND: 1 = takes no number (a frame outside the numbered stream)
CMD_MISSED = 6  # C_SEND, C_SET_IN: missed reports up to this event number have been sent under new numbers; 0: no change
CMD_SCOPE = 3  # C_MASS_CANCEL: SCOPE_*; account in word 1, instrument in word 2 (SCOPE_EVENT: event id there), side in the head (0 both)
CMD_LOGON_FLAGS = 3  # C_LOGON: LOGON_*
CMD_LOGON_NEXT_IN = 4  # C_LOGON: next expected incoming number after the logon message; 0: keep
CMD_LOGON_HEARTBEAT_NS = 5
CMD_LOGON_SENT = 6  # C_LOGON: SendingTime of the Logon, ns; 0: none
LOGON_RESET = 1  # 141=Y: both numbers start at 1 again
LOGON_CANCEL_ON_DISCONNECT = 2
LOGON_SETTLEMENT = 4  # this session requests settlement reports
LOGON_SKIP_MISSED = 8  # do not send the reports missed before a reset
LOGON_REFUSED = 16  # a known session is refused: the row only precedes the numbered Logout
CMD_NEXT_IN = 3  # C_SET_IN: next expected incoming number
CMD_TOLD_FROM = 4  # C_SET_IN: a resend of these numbers has been written to the connection; 0: none
CMD_TOLD_TO = 5
CMD_SLICE = 3  # C_CONTINUE (added by the turn while events are being settled): steps to take of the first of them; 0: all
CMD_LOGOFF_FLAGS = 3  # C_LOGOFF: 1 = by the peer's Logout, 0 = connection lost
CMD_LOGOFF_FROM = 4  # C_LOGOFF: first outgoing number that was not written to the connection; 0: all were
CMD_SETS = 4  # C_SPLIT, C_MERGE: number of sets; event id in the instrument half of word 2
