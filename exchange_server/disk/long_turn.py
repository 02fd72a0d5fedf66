"""The middle of a long turn in one crossing from Python: step, route, encode for both wires, the event store's ring, the trades for market data.

The kernels that it calls (kernel_calls.py) are those that every other turn is made with; net/long_crossing.py lays their arguments out. Whatever is unusual ends
the crossing after the last stage that was completed: `long_turn` returns that stage, and Python goes on from there.
"""

from ..core import layout as L
from ..core.kit.jit import kernel
from .kernel_calls import A_ROUTE_WORDS, A_STEP_WORDS, ARRAY_WORDS, CALL_WORDS, FIRST_CALL, call, call_large, word_at
from .native import address_of, load_seq, store_seq

# Stages: what has been done when the kernel returns
LT_STEPPED = 1  # with W_STATUS as step()'s answer; its events are not encoded
LT_ENCODED = 2  # also encoded: the index of each wire has a row for each recipient
LT_KEPT = 3  # also copied to the event store, W_ROWS of them, and collected for market data up to word W_TAPE_USED

# Words of the array. Of the caller:
W_ARENA = 0  # addresses: the arena, the event rows, the routes, the word that says how many routed events the FIX encoder has done
W_EVENTS = 1
W_ROUTES = 2
W_FIX_TAKEN = 3
W_BINARY = 4  # 1: sessions of that wire are logged on
W_FIX = 5
W_MOST = 6  # event rows that can be encoded
W_NUMBER = 7  # number that the event store expects next
W_ROOM = 8  # event rows that its ring takes in one piece
W_TAPE_ROOM = 9  # event rows for which the tape has room
W_TAKEN = 10  # 1: somebody takes market data
# Answers:
W_STATUS = 11
W_ROWS = 12
W_TAPE_USED = 13
# Calls
W_STEP = FIRST_CALL
W_ROUTE = W_STEP + CALL_WORDS
W_ENCODE = W_ROUTE + CALL_WORDS
W_FIX_ENCODE = W_ENCODE + CALL_WORDS
W_KEEP = W_FIX_ENCODE + CALL_WORDS
W_COLLECT = W_KEEP + CALL_WORDS
WORDS = W_COLLECT + CALL_WORDS

# Arguments that change: word of a call, counted from its first argument
A_KEEP_SLOT = ARRAY_WORDS  # keep(ring, slot, rows, first, count)
A_KEEP_COUNT = 2 * ARRAY_WORDS + 2
A_COLLECT_WORDS = 2 * ARRAY_WORDS  # collect(m, ev, words, tape, used)
A_COLLECT_USED = 3 * ARRAY_WORDS + 1


@kernel("int64(int64[::1], int64)")
def long_turn(w, words):
    """Carry out the first `words` words of the inbox; the last stage that was completed."""
    base = address_of(w)
    # 1. core
    w[W_STEP + 1 + A_STEP_WORDS] = words
    store_seq(w[W_ARENA] + 8 * L.H_CURSOR, 0)
    w[W_STATUS] = call(base, W_STEP)
    used = word_at(w[W_ARENA], L.H_EVENT_USED)
    rows = used // L.EVT_WORDS
    if w[W_STATUS] != L.STEP_DONE or rows > w[W_MOST]:
        return LT_STEPPED
    # 2. reports
    w[W_ROUTE + 1 + A_ROUTE_WORDS] = used
    if call(base, W_ROUTE) != L.ENC_DONE:
        return LT_STEPPED
    if w[W_BINARY] != 0 and call(base, W_ENCODE) != L.ENC_DONE:
        return LT_STEPPED
    if w[W_FIX] != 0:
        if call_large(base, W_FIX_ENCODE) != L.ENC_DONE or load_seq(w[W_FIX_TAKEN]) != word_at(w[W_ROUTES], L.RO_MESSAGES):
            return LT_STEPPED
    # 3. event store, market data
    if rows == 0 or rows > w[W_ROOM] or word_at(w[W_EVENTS], L.EVT_NUMBER) != w[W_NUMBER] or (w[W_TAKEN] != 0 and rows > w[W_TAPE_ROOM]):
        return LT_ENCODED
    w[W_KEEP + 1 + A_KEEP_COUNT] = rows
    call(base, W_KEEP)
    w[W_ROWS] = rows
    if w[W_TAKEN] != 0:
        w[W_COLLECT + 1 + A_COLLECT_WORDS] = used
        w[W_TAPE_USED] = call(base, W_COLLECT)
    return LT_KEPT
