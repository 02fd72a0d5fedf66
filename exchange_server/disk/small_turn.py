"""A small turn of one connection in one crossing from Python: decode, append to the journal, step, route, encode, write, send.

The kernels that it calls (kernel_calls.py) are those that every other turn is made with; net/crossing.py lays their arguments out.

Whatever is unusual ends the crossing after the last stage that was completed: `small_turn` returns that stage, and Python goes on from there.
"""

from protocol import codes as C

from ..core import layout as L
from ..core.kit.jit import kernel
from .disk_writer import APPENDED, COMMIT_DONE, ST_NEXT_ROW, ST_RELEASED
from .kernel_calls import A_ROUTE_WORDS, A_STEP_WORDS, ARRAY_WORDS, CALL_WORDS, FIRST_CALL, call, call_large, word_at
from .native import address_of, call_send, store_seq
from .socket_write import DONTWAIT_NOSIGNAL

# Stages: what has been done when the kernel returns
ST_NONE = 0  # some messages may be decoded, but not all can be: Python decodes the others
ST_DECODED = 1  # everything that had arrived is decoded; nothing is journaled
ST_STEPPED = 2  # journaled and stepped, with W_STATUS as step()'s answer; its events are not encoded
ST_ENCODED = 3  # also encoded: the index has a row for each recipient
ST_COMMITTED = 4  # also written and (in `sync` mode) synced
ST_SENT = 5  # also sent to the connection that asked: W_SENT of W_LENGTH bytes

# Words of the array. Of the caller:
W_FD = 0  # socket to which the reports of W_SESSION may be sent directly; -1: none
W_SESSION = 1  # the session whose messages are decoded
W_SEND = 2  # address of libc's send()
W_MOST = 3  # words of the turn that are still a small turn
W_FIX = 4  # 1: FIX sessions are logged on, so a report to one must be encoded in Python
W_ARENA = 5  # addresses: the arena, the journal's words, `res` of decode and of encode, routes, index, out
W_JOURNAL = 6
W_DECODE_RES = 7
W_ENCODE_RES = 8
W_ROUTES = 9
W_INDEX = 10
W_OUT = 11
# Answers:
W_STATUS = 12
W_SENT = 13
W_LENGTH = 14
W_RECIPIENTS = 15
# Calls
W_DECODE = FIRST_CALL
W_APPEND = W_DECODE + CALL_WORDS
W_STEP = W_APPEND + CALL_WORDS
W_ROUTE = W_STEP + CALL_WORDS
W_ENCODE = W_ROUTE + CALL_WORDS
W_COMMIT = W_ENCODE + CALL_WORDS
WORDS = W_COMMIT + CALL_WORDS

# Arguments that change: word of a call, counted from its first argument
A_DECODE_START = ARRAY_WORDS  # decode(buf, start, end, conn, out, pos, res)
A_DECODE_END = ARRAY_WORDS + 1
A_DECODE_POS = 3 * ARRAY_WORDS + 2
A_APPEND_WORDS = 3 * ARRAY_WORDS  # ring_append(st, ring, rows, words)


@kernel("int64(int64[::1])")
def small_turn(w):
    """Make the turn described in `w`; the last stage that was completed."""
    base = address_of(w)
    # 1. decode everything that has arrived
    if call(base, W_DECODE) != L.DEC_NEED_MORE or word_at(w[W_DECODE_RES], L.RES_COUNT) == 0:
        return ST_NONE
    words = word_at(w[W_DECODE_RES], L.RES_OUT)
    if words > w[W_MOST]:
        return ST_DECODED
    # 2. journal, core
    w[W_APPEND + 1 + A_APPEND_WORDS] = words
    if call(base, W_APPEND) != APPENDED:
        return ST_DECODED
    w[W_STEP + 1 + A_STEP_WORDS] = words
    store_seq(w[W_ARENA] + 8 * L.H_CURSOR, 0)
    w[W_STATUS] = call(base, W_STEP)
    if w[W_STATUS] != L.STEP_DONE:
        return ST_STEPPED
    # 3. reports
    w[W_ROUTE + 1 + A_ROUTE_WORDS] = word_at(w[W_ARENA], L.H_EVENT_USED)
    if call(base, W_ROUTE) != L.ENC_DONE:
        return ST_STEPPED
    recipients = word_at(w[W_ROUTES], L.RO_RECIPIENTS)
    if w[W_FIX] != 0:
        for i in range(recipients):
            if word_at(w[W_ROUTES], L.RO_WORDS + i * L.RT_WORDS + L.RT_WIRE) == C.WIRE_FIX:
                return ST_STEPPED
    if call(base, W_ENCODE) != L.ENC_DONE:
        return ST_STEPPED
    w[W_RECIPIENTS] = word_at(w[W_ENCODE_RES], L.RES_INDEX)
    # 4. durable, and out
    if call_large(base, W_COMMIT) != COMMIT_DONE or word_at(w[W_JOURNAL], ST_RELEASED) != word_at(w[W_JOURNAL], ST_NEXT_ROW):
        return ST_ENCODED
    if w[W_FD] < 0 or w[W_RECIPIENTS] != 1 or word_at(w[W_INDEX], L.IX_SESSION) != w[W_SESSION]:
        return ST_COMMITTED
    w[W_LENGTH] = word_at(w[W_INDEX], L.IX_LENGTH)
    w[W_SENT] = call_send(w[W_SEND], w[W_FD], w[W_OUT] + word_at(w[W_INDEX], L.IX_OFFSET), w[W_LENGTH], DONTWAIT_NOSIGNAL)
    return ST_SENT


@kernel("int64(int64, int64, uint8[::1], int64, int64, int64)")
def receive(recv, fd, buf, start, end, times):
    """Read what has arrived at a socket into buf[start:end], asking up to `times` times; the bytes read, 0: the peer has sent its last, -1:
    nothing."""
    begin = address_of(buf) + start
    for _ in range(times):
        n = call_send(recv, fd, begin, end - start, DONTWAIT_NOSIGNAL)  # recv() has the same parameters
        if n >= 0:
            return n
    return -1
