"""Event rows in files: a checksum for each row, a running value over all of them, and reading one session's chain with every row checked.

A row's checksum (64 bits) covers its 24 words and its number, so a flipped bit, a page of zeros, a row in the wrong place and a checksum
that was itself damaged are detected, except for about one in 2^64 random errors. Words are processed in pairs, each pair with its own keys
through one 64 x 64 bit multiplication of which both halves are used. (The library's CRC-32 takes four times as long.)

The running value (two words) is computed from all checksums so far: equal values mean equal event streams.
"""

from protocol.codes import E_CANCEL_REJECT, E_LOGON, E_REFUSED, E_REJECTED

from ..core import layout as L
from ..core.kit.copies import copy_past
from ..core.kit.jit import kernel, leaf
from ..core.kit.loads import load64
from ..core.layout.packed import extra_of, kind_of, reason_of
from .native import FN_PREAD, address_of, call_pread, mix

ROW_BYTES = 8 * L.EVT_WORDS

CHAIN_DONE = 0
CHAIN_FILE = 1  # the next event is in an earlier piece
CHAIN_FULL = 2  # `out` is full: call again
CHAIN_BAD = 3  # the row is damaged or cannot be read

# words of res: next event number, session number that the next one must be below, count in out
CR_NEXT = 0
CR_BELOW = 1
CR_COUNT = 2
CR_FIRST = 3  # number of the first event in the window; 0: empty
CR_HELD = 4  # rows in the window
CR_SIZE = 8

P0 = 0x9E3779B97F4A7C15 - (1 << 64)
P1 = 0xC2B2AE3D27D4EB4F - (1 << 64)
P2 = 0x165667B19E3779F9
P3 = 0xD6E8FEB86659FD93 - (1 << 64)
HALF = 0xFFFFFFFF


@leaf
def row_sum(data, at, number):
    """Checksum of the row at byte `at` (uint8) as event `number`. Does not depend on the array's address."""
    h = mix(number ^ P0, P1)
    key = P2
    for i in range(0, ROW_BYTES, 16):
        h += mix(load64(data, at + i) ^ key, load64(data, at + i + 8) ^ (key + P3))
        key += P0
    return h ^ ((h >> 32) & HALF)


@leaf
def _counted(rows, i, first, tally):
    """Count row i (of events `first` and on) in tally if it is a refusal, by reason; the last word also counts reasons above it. Returns its rows, the
    extra ones included."""
    at = i * L.EVT_WORDS
    if rows[at + L.EVT_NUMBER] != first + i:  # payload of a row before this piece
        return 1
    head = rows[at + L.EVT_HEAD]
    kind = kind_of(head)
    if kind == E_REJECTED or kind == E_CANCEL_REJECT or kind == E_REFUSED:
        tally[min(reason_of(head), tally.size - 1)] += 1
    return 1 + extra_of(head)


@kernel("void(uint8[::1], int64[::1], int64, int64, int64[::1], int64, int64[::1], int64[::1])")
def seal_rows(data, rows, count, first, sums, at, chain, tally):
    """Checksums of `count` rows (event `first` and on; data and rows: the same memory) into sums[at:]; the running value in chain[0:2] is advanced over
    them. Their refusals are counted in tally, if it has words, while the rows are in the cache: they were written past it."""
    x = chain[0]
    y = chain[1]
    head = 0 if tally.size > 0 else count
    for i in range(count):
        if i == head:
            head += _counted(rows, i, first, tally)
        s = row_sum(data, i * ROW_BYTES, first + i)
        sums[at + i] = s
        x = (x ^ s) * P1
        x ^= (x >> 32) & HALF
        y = (y + s) * P3
        y ^= (y >> 32) & HALF
    chain[0] = x
    chain[1] = y


@kernel("void(int64[::1], int64, int64[::1], int64, int64)")
def keep(ring, slot, rows, first, count):
    """ring[slot ..] = rows[first ..], in rows. The ring begins a page, so each of its rows begins a cache line."""
    copy_past(ring, slot * L.EVT_WORDS, rows, first * L.EVT_WORDS, count * L.EVT_WORDS)


@kernel("void(int64[::1], int64, int64, int64[::1])")
def count_refusals(rows, count, first, tally):
    """Count the refusals among `count` rows (event `first` and on) in tally, as seal_rows does."""
    i = 0
    while i < count:
        i += _counted(rows, i, first, tally)


@kernel("int64(uint8[::1], int64, int64, int64[::1])")
def first_bad(data, count, first, sums):
    """Index of the first of `count` rows that does not match its checksum; `count` if all match."""
    for i in range(count):
        if sums[i] != row_sum(data, i * ROW_BYTES, first + i):
            return i
    return count


@kernel("int64(uint8[::1], int64, int64, int64[::1], int64[::1])")
def bad_rows(data, count, first, sums, out):
    """Write (first, last) of every range of rows that do not match their checksums to `out`, as far as it has room; returns the number of
    ranges."""
    found = 0
    begin = -1
    for i in range(count + 1):
        bad = i < count and sums[i] != row_sum(data, i * ROW_BYTES, first + i)
        if bad and begin < 0:
            begin = i
        elif not bad and begin >= 0:
            if 2 * found + 1 < out.size:
                out[2 * found] = first + begin
                out[2 * found + 1] = first + i - 1
            found += 1
            begin = -1
    return found


@kernel("int64(int64[::1], int64, int64, int64, int64, int64[::1])")
def rows_after(rows, count, first, begin, end, out):
    """Indices of rows (event `first` and on) whose predecessor in their session's chain is an event begin .. end: their sessions have
    reports there. Returns their number."""
    found = 0
    i = 0
    while i < count:
        at = i * L.EVT_WORDS
        if rows[at + L.EVT_NUMBER] != first + i:  # payload of a row before this piece, or damaged
            i += 1
            continue
        previous = rows[at + L.EVT_PREVIOUS]
        if begin <= previous and previous <= end and found < out.size:
            out[found] = i
            found += 1
        i += 1 + extra_of(rows[at + L.EVT_HEAD])
    return found


@leaf
def _read(fn, fd, address, count, offset):
    """Read all `count` bytes at `offset`; False if that fails."""
    done = 0
    while done < count:
        got = call_pread(fn[FN_PREAD], fd, address + done, count - done, offset + done)
        if got <= 0:
            return False
        done += got
    return True


@leaf
def _have_window(fn, fd, before, rows_in_file, number, data, sums, res):
    """Read the window of rows that ends with event `number` from the file that begins after event `before`. False: it cannot be read."""
    if res[CR_FIRST] > 0 and res[CR_FIRST] <= number and number < res[CR_FIRST] + res[CR_HELD]:
        return True
    count = min(data.size // ROW_BYTES, number - before)
    first = number - count + 1
    res[CR_FIRST] = 0
    if not _read(fn, fd, address_of(data), count * ROW_BYTES, (first - before - 1) * ROW_BYTES):
        return False
    if not _read(fn, fd, address_of(sums), count * 8, rows_in_file * ROW_BYTES + (first - before - 1) * 8):
        return False
    res[CR_FIRST] = first
    res[CR_HELD] = count
    return True


@kernel("int64(int64[::1], int64, int64, int64, uint8[::1], int64[::1], int64[::1], int64, int64, int64[::1], int64[::1])")
def walk_chain(fn, fd, before, rows_in_file, data, rows, sums, begin, end, out, res):
    """Event numbers with session numbers begin..end (end 0: no bound), newest first, into `out`.

    fd -1: `rows` (and `data`, the same bytes) holds the events before + 1 ... in memory; else they lie in that file, and `data`, `rows`,
    `sums` are a window on it: each row that is used is checked. Continues from res[CR_NEXT]; ends where the session numbers stop falling or
    at the border that a reset leaves (an E_LOGON row, which has no number, with LOGON_RESET in its quantity).
    """
    count = 0
    status = CHAIN_DONE
    number = res[CR_NEXT]
    below = res[CR_BELOW]
    while number > 0:
        if number <= before:
            status = CHAIN_FILE
            break
        if fd < 0:
            at = (number - before - 1) * L.EVT_WORDS
            if at + L.EVT_WORDS > rows.size or rows[at + L.EVT_NUMBER] != number:
                status = CHAIN_BAD
                break
        else:
            if not _have_window(fn, fd, before, rows_in_file, number, data, sums, res):
                status = CHAIN_BAD
                break
            at = (number - res[CR_FIRST]) * L.EVT_WORDS
            if sums[number - res[CR_FIRST]] != row_sum(data, at * 8, number) or rows[at + L.EVT_NUMBER] != number:
                status = CHAIN_BAD
                break
        previous = rows[at + L.EVT_PREVIOUS]
        if previous >= number:
            status = CHAIN_BAD
            break
        own = rows[at + L.EVT_SESSION_NUMBER]
        if own == 0:
            if kind_of(rows[at + L.EVT_HEAD]) == E_LOGON and rows[at + L.EVT_LOGON_FLAGS] & L.LOGON_RESET != 0:
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
        number = previous
    res[CR_NEXT] = number
    res[CR_BELOW] = below
    res[CR_COUNT] = count
    return status
