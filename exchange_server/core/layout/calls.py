"""Results of kernels, and their arguments other than rows."""

# results of step() and operate()
STEP_DONE = 0
STEP_MORE = 1  # event buffer full: drain it and call again
STEP_PYTHON = 2  # the row at H_CURSOR is an ADMIN record: apply it, then call again
STEP_BROKEN = 3  # H_ERROR has the invariant; stop the process
STEP_OPERATE = 4  # the row at H_CURSOR is for the other kernel

# H_ERROR: which invariant is broken, 0: none
INV_LEDGER = 2  # money, its rows and its reasons
INV_TABLE = 4
INV_ROW = 5  # a row that no gateway may write
INV_WORK = 10  # more interrupted work than the queue holds
# Only found with EXOS_BOUNDSCHECK=1 (kit/expect.py):
INV_BOOK = 6
INV_COLLATERAL = 7
INV_FEE = 8
INV_ORDER = 9

# ================================================================== arguments and results of wire kernels
# `conn`: the state of a connection for its decode kernel, CN_WORDS words
CN_SESSION = 0
CN_NEXT_IN = 1  # next expected incoming number (FIX), updated by the kernel
CN_NOW = 2  # the turn's time, ns
CN_SKEW = 3  # tolerance of SendingTime, ns (FIX)
CN_BUDGET = 4  # messages that may still be decoded in this turn, counted down by the kernel
CN_WORDS = 16
# results of decode()
DEC_NEED_MORE = 0  # no complete message is left
DEC_FULL = 1  # inbox or budget used up: continue in the next turn
DEC_SLOW = 2  # the message at res[RES_POS] is to be handled in Python
# `res` of decode
RES_POS = 0  # first byte not consumed
RES_OUT = 1  # word offset in `out` after the last row written
RES_COUNT = 2  # messages decoded
# output of route() for the encoders: a head, a row for each recipient, then the chains of their events
RO_WORDS = 4
RO_RECIPIENTS = 0
RO_MESSAGES = 1
RT_WORDS = 8
RT_SESSION = 0
RT_WIRE = 1  # WIRE_*; -1: no such session
RT_FIRST = 2  # start of the chain of its events
RT_MESSAGES = 3
RT_BODY_BYTES = 4  # of E_SENT
RT_LAST = 5  # end of the chain
# results of encode()
ENC_DONE = 0
ENC_EVIDENCE = 2  # the evidence of event res[RES_EVENT], version res[RES_VERSION], is not in the table; nothing was written
ENC_SPACE = 1  # `out` or `index` is too small, nothing was written: res[RES_BYTES] and res[RES_INDEX] have the sizes needed
# `res` of encode
RES_INDEX = 0  # index rows written
RES_BYTES = 1  # bytes of `out` in use
RES_MESSAGES = 2
RES_EVENT = 5
RES_VERSION = 6
# index rows of encode: one session's messages of this call, in order
INDEX_WORDS = 3
IX_SESSION = 0
IX_OFFSET = 1
IX_LENGTH = 2
RES_WORDS = 8
