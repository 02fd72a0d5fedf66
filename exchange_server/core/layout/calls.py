"""What kernels return, and what they are given besides rows."""

# step() answers
STEP_DONE = 0
STEP_MORE = 1  # event buffer full: drain it and call again
STEP_PYTHON = 2  # the row at H_CURSOR is an ADMIN record: apply it, then call again
STEP_BROKEN = 3  # H_ERROR says what; stop the process
STEP_OPERATE = 4  # the row at H_CURSOR is the other kernel's

# H_ERROR: which invariant is broken, 0: none
INV_LEDGER = 2  # money, its rows and its reasons
INV_TABLE = 4
INV_ROW = 5  # a row no gateway may write
INV_WORK = 10  # more interrupted work than can wait
# Only found with EXOS_BOUNDSCHECK=1 (kit/expect.py):
INV_BOOK = 6
INV_COLLATERAL = 7
INV_FEE = 8
INV_ORDER = 9

# ================================================================== what wire kernels and gateways say to each other
# `conn`: what a decode kernel must know of the connection, CN_WORDS words
CN_SESSION = 0
CN_NEXT_IN = 1  # next expected incoming number (FIX), moved on by the kernel
CN_NOW = 2  # the turn's time, ns
CN_SKEW = 3  # tolerance of SendingTime, ns (FIX)
CN_BUDGET = 4  # messages that may still be decoded in this turn, counted down by the kernel
CN_WORDS = 16
# decode() answers
DEC_NEED_MORE = 0  # no whole message is left
DEC_FULL = 1  # inbox or budget used up: continue in the next turn
DEC_SLOW = 2  # the message at res[RES_POS] is for plain Python
# `res` of decode
RES_POS = 0  # first byte not consumed
RES_OUT = 1  # word offset in `out` after the last row written
RES_COUNT = 2  # messages decoded
# what route() leaves for the encoders: a head, a row for each recipient, then the places of the events
RO_WORDS = 4
RO_RECIPIENTS = 0
RO_MESSAGES = 1
RT_WORDS = 8
RT_SESSION = 0
RT_WIRE = 1  # WIRE_*; -1: no such session
RT_FIRST = 2  # where the places of its events begin
RT_MESSAGES = 3
RT_BODY_BYTES = 4  # of E_SENT
# encode() answers
ENC_DONE = 0
ENC_SPACE = 1  # `out` or `index` is too small, nothing was written: res[RES_BYTES] and res[RES_INDEX] say what is wanted
# `res` of encode
RES_INDEX = 0  # index rows written
RES_BYTES = 1  # bytes of `out` in use
RES_MESSAGES = 2
# index rows of encode: one session's messages of this call, in order
INDEX_WORDS = 3
IX_SESSION = 0
IX_OFFSET = 1
IX_LENGTH = 2
RES_WORDS = 8
