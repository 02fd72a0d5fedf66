"""Walking one session's events backwards through a piece of the event store."""

from protocol.codes import E_LOGON

from ..core.jit import kernel
from ..core.records import EVT_HEAD, EVT_NUMBER, EVT_PREVIOUS, EVT_QTY, EVT_SESSION_NUMBER, EVT_WORDS, LOGON_RESET

CHAIN_DONE = 0
CHAIN_FILE = 1  # the next event lies in an earlier piece
CHAIN_FULL = 2  # `out` is full: call again
CHAIN_BROKEN = 3  # the row at its place has another number

# words of res: next event number, session number that the next one must be below, count in out
CR_NEXT = 0
CR_BELOW = 1
CR_COUNT = 2


@kernel("int64(int64[::1], int64, int64, int64, int64[::1], int64[::1])")
def walk_chain(rows, before, begin, end, out, res):
    """Event numbers with session numbers begin..end (end 0: no bound), newest first, into `out`.

    `rows` holds the events before + 1 ... . Goes on from res[CR_NEXT]; ends where a session number stops falling or at the border
    that a reset leaves (an E_LOGON row, which has no number, with LOGON_RESET in its quantity).
    """
    count = 0
    status = CHAIN_DONE
    number = res[CR_NEXT]
    below = res[CR_BELOW]
    while number > 0:
        if number <= before:
            status = CHAIN_FILE
            break
        at = (number - before - 1) * EVT_WORDS
        if at + EVT_WORDS > rows.size or rows[at + EVT_NUMBER] != number:
            status = CHAIN_BROKEN
            break
        own = rows[at + EVT_SESSION_NUMBER]
        if own == 0:
            if rows[at + EVT_HEAD] & 0xFF == E_LOGON and rows[at + EVT_QTY] & LOGON_RESET != 0:
                break
        else:
            if own >= below or own < begin:
                break
            if end == 0 or own <= end:
                if count == out.size:
                    status = CHAIN_FULL
                    break
                out[count] = number
                count += 1
            below = own
        previous = rows[at + EVT_PREVIOUS]
        if previous >= number:
            status = CHAIN_BROKEN
            break
        number = previous
    res[CR_NEXT] = number
    res[CR_BELOW] = below
    res[CR_COUNT] = count
    return status
