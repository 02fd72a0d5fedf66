"""The journal's writer: frames built, written and synced by kernels that never hold the GIL.

Three kernels share one word array `st` and one ring of command rows:

* `ring_append` (event loop): copies a turn into the ring and publishes it;
* `commit_inline` (event loop): writes and syncs what is in the ring, if no other writer is active;
* `writer_thread` (a thread of its own, inside this kernel for the whole life of the journal): waits on an eventfd, takes everything
  that is in the ring as ONE frame, one write, one fdatasync, raises the counters, and writes a second eventfd that the loop watches.

The writer holds `ST_OWNER` (compare and swap), so at most one frame is being written at a time. System calls go through
addresses in `fn`: libc's in production, ctypes callbacks in tests that make the n-th call fail. Nothing is retried after an
error: ST_FAIL records it, and every kernel refuses from then on. (After a failed fdatasync the kernel may have dropped the page.)

Positions in the ring are virtual byte counts that only grow; the position in memory is the count modulo the ring's size. A turn never
wraps: if it does not fit before the ring's end, the appender leaves a gap (which begins at ST_GAP) and continues at the start. So a frame's
rows are always contiguous. Only the appender writes ST_HEAD, ST_GAP; only the owner writes ST_TAIL.

Before it hashes and writes a frame, the owner packs its rows into `pack` (compact_rows.py).

The bytes written here are described in journal/format.py; tests compare these kernels with its plain Python.
"""

from ..core import layout as L
from ..core.kit.bits import touch
from ..core.kit.copies import LINE_WORDS
from ..core.kit.jit import kernel, leaf
from .compact_rows import pack_rows
from .journal_layout import (
    FLAG_COMPACT,
    FLAG_MARK,
    FORMAT_VERSION,
    FR_CHAIN,
    FR_CRC,
    FR_DIGEST,
    FR_DURABLE,
    FR_EPOCH,
    FR_FIRST,
    FR_MAGIC,
    FR_OFFSET,
    FR_PAYLOAD,
    FR_RECORDS,
    FR_SEGMENT,
    FR_SERVER,
    FR_TIME,
    FR_VERSION,
    FRAME_HEADER_BYTES,
    FRAME_MAGIC,
    FRAME_WORDS,
    MARK_CRC_BYTES,
    MARK_MAGIC,
    MARK_SLOT_WORDS,
    MK_CHAIN,
    MK_CRC,
    MK_EPOCH,
    MK_MAGIC,
    MK_OFFSET,
    MK_SEGMENT,
    MK_SEQ,
    MK_SERVER,
    MK_VERSION,
    ROW_BYTES,
    SEGMENT_HEADER_BYTES,
    SEGMENT_MAGIC,
    SEGMENT_USED_BYTES,
    SG_BYTES,
    SG_CHAIN,
    SG_CRC,
    SG_EPOCH,
    SG_FIRST,
    SG_LOGIC,
    SG_MAGIC,
    SG_SEGMENT,
    SG_SERVER,
    SG_VERSION,
)
from .native import (
    FN_ADVISE,
    FN_CLOCK,
    FN_FDATASYNC,
    FN_POLL,
    FN_PWRITEV,
    FN_READ,
    FN_WRITE,
    address_of,
    call_advise,
    call_clock,
    call_fd,
    call_fd_buffer,
    call_poll,
    call_pwritev,
    crc32,
    errno_of,
    load_seq,
    sha256,
    store_seq,
    swap_seq,
)  # fmt: skip

# ---- words of st. Each party's words lie in cache lines of their own ------------------------------------------------
ST_HEAD = 0  # appender: virtual bytes published
ST_GAP = 1  # appender: start of the newest gap; -1: none yet
ST_NEXT_ROW = 2  # appender: sequence of the next row
ST_TAIL = 8  # owner: virtual bytes in written frames; their space is free again
ST_RELEASED = 9  # rows below this sequence may be answered (sync: synced; async: written)
ST_SYNCED = 10  # rows below this sequence are on the disk
ST_WRITTEN = 11  # rows below this sequence were given to the operating system
ST_COMMITS = 12  # frames written
ST_SYNCS = 13
ST_BYTES = 14  # bytes of frames written
ST_SYNCED_COMMITS = 15  # async: frames on the disk
ST_OWNER = 16  # 0 nobody, 1 the thread, 2 inline
ST_SLEEP = 24  # 0 the thread is awake, 1 it sleeps with a timeout, 2 it sleeps until woken
ST_STOP = 25  # 1: write the rest and end
ST_FAIL = 32  # FAIL_*; 0: no failure
ST_FAIL_ERRNO = 33
ST_FAIL_GOT = 34
ST_FAIL_WANT = 35
ST_FAIL_OFFSET = 36
ST_FAIL_SEGMENT = 37
ST_FD = 40  # the open segment
ST_SEGMENT = 41  # its number
ST_OFFSET = 42  # offset of the next frame
ST_SEGMENT_BYTES = 43
ST_EPOCH = 44
ST_SERVER = 45
ST_LOGIC = 46
ST_FRAME_FLAGS = 47
ST_ASYNC = 48  # 1: released after the write, synced every ST_SYNC_NS
ST_SYNC_NS = 49
ST_IDLE_MS = 50  # the watermark file is synced after this long without a frame
ST_MARK_SLOT = 51  # watermark slot written last, 0 or 1
ST_MARK_FD = 52
ST_WAKE_FD = 53  # eventfd: to the thread
ST_DONE_FD = 54  # eventfd: to the loop
ST_PREPARE_FD = 55  # eventfd: to the preparer of segments
ST_NEXT_FD = 56  # preparer: descriptor of the next segment, zero-filled and synced; -1: not ready
ST_OLD_FD = 57  # owner: the segment left last; the preparer closes it
ST_PREPARE_ERRNO = 58  # preparer: errno if there is no next segment
ST_NEXT_BYTES = 59  # preparer: bytes of the next segment
ST_CACHED = 60  # offset in the open segment before which nothing written has to be in the page cache
ST_POLL = 64
ST_EVENT = 65
ST_ONE = 66
ST_MARK_AT = 67  # a digest waits in tmp until everything before this byte count is written; -1: none
ST_CLOCK = 68  # timespec
ST_IOV = 72  # three iovecs: header, payload, zeros up to the page's end
ST_TIMED = 80  # timespec of the sync that is measured
ST_SYNC_TOTAL = 82  # ns that all syncs of segments took
ST_SYNC_TIMES = 88  # SYNC_BUCKETS counts of these syncs by the time they took, log-linear with 2^SYNC_SUB buckets per octave
SYNC_SUB = 2
SYNC_BUCKETS = 144  # the last one also has everything above, from about a minute on
ST_WORDS = ST_SYNC_TIMES + SYNC_BUCKETS

PAGE_BYTES = 4096
CACHED_BYTES = 8 << 20  # of the newest frames stay in the page cache, for a follower and for whoever else reads along
LEAVE_BYTES = 1 << 20  # leave it at once
FADV_DONTNEED = 4  # of <fcntl.h>

# ---- words of tmp ------------------------------------------------------------------------------------------------------
TMP_CHAIN = 0  # 4 words: chain value of the newest frame, directly before the header because both are hashed together
TMP_HEADER = 4  # 24 words
TMP_SEGMENT = 32  # 64 words: segment header
TMP_MARK = 96  # 8 words: the watermark's content once the current sync has ended: sequence, segment, offset, frames, chain
TMP_SHA = 104  # SHA_WORDS words
TMP_DIGEST = 192  # 16 words: payload of the requested mark
TMP_ZEROS = 208  # a page of zeros
TMP_WORDS = TMP_ZEROS + PAGE_BYTES // 8
MARK_BYTES = 128

FAIL_WRITE = 1
FAIL_SHORT = 2
FAIL_SYNC = 3
FAIL_WAIT = 4
FAIL_SPACE = 5
FAIL_MARK = 6
FAIL_NOTIFY = 7

# ---- answers of the kernels -------------------------------------------------------------------------------------------
APPENDED = 0
RING_FULL = 1
BAD_TURN = 2  # not whole rows, or longer than the ring can hold
COMMIT_FAILED = -1
COMMIT_NOTHING = 0
COMMIT_DONE = 1
COMMIT_ROLL = 2  # the frame goes into the next segment, which is the thread's work

POLLIN_WORD = 1 << 32
ERRNO_EINTR = 4
ERRNO_EAGAIN = 11
ERRNO_ENOSPC = 28
CLOCK_MONOTONIC = 1
AHEAD_WORDS = 32 * LINE_WORDS  # the ring is larger than the caches: what is stored to next is fetched while this is copied


@leaf
def _fail(st, kind, error, got, want):
    """Record a failure. Only the first is kept: later ones are its consequences."""
    if st[ST_FAIL] == 0:
        st[ST_FAIL_ERRNO] = error
        st[ST_FAIL_GOT] = got
        st[ST_FAIL_WANT] = want
        st[ST_FAIL_OFFSET] = st[ST_OFFSET]
        st[ST_FAIL_SEGMENT] = st[ST_SEGMENT]
        store_seq(address_of(st) + 8 * ST_FAIL, kind)
    return COMMIT_FAILED


@leaf
def _signal(st, fn, fd):
    """Add one to an eventfd. A full counter (EAGAIN) means that the reader has already been notified."""
    if call_fd_buffer(fn[FN_WRITE], fd, address_of(st) + 8 * ST_ONE, 8) == 8:
        return 0
    error = errno_of(fn)
    if error == ERRNO_EAGAIN:
        return 0
    return _fail(st, FAIL_NOTIFY, error, 0, 8)


@leaf
def _write(st, fn, parts, offset, want):
    """One write. It is repeated only after EINTR, because a signal before the first byte has changed nothing."""
    while True:
        got = call_pwritev(fn[FN_PWRITEV], st[ST_FD], address_of(st) + 8 * ST_IOV, parts, offset)
        if got == want:
            return 0
        if got >= 0:
            return _fail(st, FAIL_SHORT, 0, got, want)
        error = errno_of(fn)
        if error != ERRNO_EINTR:
            return _fail(st, FAIL_WRITE, error, got, want)


@leaf
def _sync(st, fn, fd, kind):
    """One fdatasync, never repeated, not even after EINTR: the state of the pages is then unknown."""
    began = _timed_ns(st, fn) if kind == FAIL_SYNC else 0
    if call_fd(fn[FN_FDATASYNC], fd) != 0:
        return _fail(st, kind, errno_of(fn), -1, 0)
    st[ST_SYNCS] += 1
    if kind == FAIL_SYNC:
        took = max(_timed_ns(st, fn) - began, 0)
        shift = 0
        while took >> shift >= 2 << SYNC_SUB:
            shift += 1
        st[ST_SYNC_TOTAL] += took
        st[ST_SYNC_TIMES + min((shift << SYNC_SUB) + (took >> shift), SYNC_BUCKETS - 1)] += 1
    return 0


@leaf
def _timed_ns(st, fn):
    """The monotonic clock, around syncs of segments: one at a time, by the owner or in async mode by the thread, so that they can share a timespec."""
    call_clock(fn[FN_CLOCK], CLOCK_MONOTONIC, address_of(st) + 8 * ST_TIMED)
    return st[ST_TIMED] * 1_000_000_000 + st[ST_TIMED + 1]


@leaf
def _note_position(st, tmp):
    """Record what will be on the disk when the sync that starts now has ended."""
    tmp[TMP_MARK] = st[ST_WRITTEN]
    tmp[TMP_MARK + 1] = st[ST_SEGMENT]
    tmp[TMP_MARK + 2] = st[ST_OFFSET]
    tmp[TMP_MARK + 3] = st[ST_COMMITS]
    for i in range(4):
        tmp[TMP_MARK + 4 + i] = tmp[TMP_CHAIN + i]


@leaf
def _write_mark(st, tmp, marks, marks8):
    """Write it to the watermark file: a store into mapped memory, which survives the process; synced when idle."""
    slot = 1 - st[ST_MARK_SLOT]
    w = slot * MARK_SLOT_WORDS
    marks[w + MK_CRC] = -1  # a half-written slot is invalid; the other one is still valid
    marks[w + MK_MAGIC] = MARK_MAGIC
    marks[w + MK_VERSION] = FORMAT_VERSION
    marks[w + MK_SERVER] = st[ST_SERVER]
    marks[w + MK_EPOCH] = st[ST_EPOCH]
    marks[w + MK_SEQ] = tmp[TMP_MARK]
    marks[w + MK_SEGMENT] = tmp[TMP_MARK + 1]
    marks[w + MK_OFFSET] = tmp[TMP_MARK + 2]
    for i in range(4):
        marks[w + MK_CHAIN + i] = tmp[TMP_MARK + 4 + i]
    marks[w + MK_CRC] = crc32(marks8, w * 8, MARK_CRC_BYTES)
    st[ST_MARK_SLOT] = slot


@leaf
def _roll(st, fn, tmp, tmp8):
    """Change to the next segment: its header is on the disk before the first frame in it is written.

    Returns COMMIT_DONE; COMMIT_ROLL while the next segment is not ready; COMMIT_FAILED.
    """
    base = address_of(st)
    fd = load_seq(base + 8 * ST_NEXT_FD)
    if fd < 0:
        error = load_seq(base + 8 * ST_PREPARE_ERRNO)
        if error != 0:
            return _fail(st, FAIL_SPACE if error == ERRNO_ENOSPC else FAIL_WRITE, error, -1, st[ST_SEGMENT_BYTES])
        return COMMIT_ROLL
    if st[ST_ASYNC] != 0:
        if st[ST_SYNCED_COMMITS] != st[ST_COMMITS] and _sync(st, fn, st[ST_FD], FAIL_SYNC) != 0:
            return COMMIT_FAILED
        st[ST_SYNCED] = st[ST_WRITTEN]
        store_seq(base + 8 * ST_SYNCED_COMMITS, st[ST_COMMITS])
    h = TMP_SEGMENT
    for i in range(SEGMENT_USED_BYTES // 8):
        tmp[h + i] = 0
    tmp[h + SG_MAGIC] = SEGMENT_MAGIC
    tmp[h + SG_VERSION] = FORMAT_VERSION | (SEGMENT_HEADER_BYTES << 32)
    tmp[h + SG_SERVER] = st[ST_SERVER]
    tmp[h + SG_SEGMENT] = st[ST_SEGMENT] + 1
    tmp[h + SG_FIRST] = st[ST_WRITTEN]
    tmp[h + SG_EPOCH] = st[ST_EPOCH]
    tmp[h + SG_BYTES] = st[ST_NEXT_BYTES]
    tmp[h + SG_LOGIC] = st[ST_LOGIC]
    for i in range(4):
        tmp[h + SG_CHAIN + i] = tmp[TMP_CHAIN + i]
    tmp[h + SG_CRC] = crc32(tmp8, h * 8, 504)
    st[ST_OLD_FD] = st[ST_FD]
    st[ST_FD] = fd
    st[ST_SEGMENT_BYTES] = st[ST_NEXT_BYTES]
    st[ST_SEGMENT] += 1
    st[ST_OFFSET] = st[ST_CACHED] = 0
    st[ST_IOV] = address_of(tmp) + 8 * h
    st[ST_IOV + 1] = SEGMENT_USED_BYTES
    st[ST_IOV + 2] = address_of(tmp) + 8 * TMP_ZEROS
    st[ST_IOV + 3] = SEGMENT_HEADER_BYTES - SEGMENT_USED_BYTES
    if _write(st, fn, 2, 0, SEGMENT_HEADER_BYTES) != 0 or _sync(st, fn, fd, FAIL_SYNC) != 0:
        return COMMIT_FAILED
    st[ST_OFFSET] = SEGMENT_HEADER_BYTES
    store_seq(base + 8 * ST_NEXT_FD, -1)
    if _signal(st, fn, st[ST_PREPARE_FD]) != 0:
        return COMMIT_FAILED
    return COMMIT_DONE


@leaf
def _zeros_after(offset, total):
    """How many zeros to write after a frame: if it ends in a page that nothing was written to yet, up to that page's end.

    They are there already, but not in memory: of a page that is written only in part, the operating system would first read the rest.
    """
    end = offset + total
    if end <= (offset + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES:
        return 0
    return (PAGE_BYTES - end % PAGE_BYTES) % PAGE_BYTES


@leaf
def _write_frame(st, fn, data8, place, payload, records, time, flags, tmp, tmp8, marks, marks8, may_roll):
    """One frame with the payload data8[place : place + payload]; in sync mode it is durable afterwards. The caller owns ST_OWNER."""
    total = FRAME_HEADER_BYTES + payload
    if st[ST_OFFSET] + total > st[ST_SEGMENT_BYTES]:
        if not may_roll:
            return COMMIT_ROLL
        rolled = _roll(st, fn, tmp, tmp8)
        if rolled != COMMIT_DONE:
            return rolled
    h = TMP_HEADER
    for i in range(FRAME_WORDS):
        tmp[h + i] = 0
    tmp[h + FR_MAGIC] = FRAME_MAGIC
    tmp[h + FR_VERSION] = FORMAT_VERSION | (FRAME_HEADER_BYTES << 16) | (flags << 32)
    tmp[h + FR_PAYLOAD] = payload
    tmp[h + FR_RECORDS] = records
    tmp[h + FR_EPOCH] = st[ST_EPOCH]
    tmp[h + FR_FIRST] = st[ST_WRITTEN]
    tmp[h + FR_SEGMENT] = st[ST_SEGMENT]
    tmp[h + FR_OFFSET] = st[ST_OFFSET]
    tmp[h + FR_TIME] = time
    tmp[h + FR_DURABLE] = st[ST_SYNCED]
    tmp[h + FR_SERVER] = st[ST_SERVER]
    sha256(fn, data8, place, payload, tmp8, 8 * (h + FR_DIGEST), tmp, TMP_SHA)
    sha256(fn, tmp8, 8 * TMP_CHAIN, 32 + 8 * FR_CHAIN, tmp8, 8 * (h + FR_CHAIN), tmp, TMP_SHA)
    tmp[h + FR_CRC] = crc32(tmp8, 8 * h, 8 * FR_CRC)
    st[ST_IOV] = address_of(tmp) + 8 * h
    st[ST_IOV + 1] = FRAME_HEADER_BYTES
    st[ST_IOV + 2] = address_of(data8) + place
    st[ST_IOV + 3] = payload
    zeros = _zeros_after(st[ST_OFFSET], total)
    st[ST_IOV + 4] = address_of(tmp) + 8 * TMP_ZEROS
    st[ST_IOV + 5] = zeros
    if _write(st, fn, 3 if zeros > 0 else 2, st[ST_OFFSET], total + zeros) != 0:
        return COMMIT_FAILED
    for i in range(4):
        tmp[TMP_CHAIN + i] = tmp[h + FR_CHAIN + i]
    st[ST_OFFSET] += total
    st[ST_WRITTEN] += records
    if st[ST_ASYNC] == 0:
        _note_position(st, tmp)
        if _sync(st, fn, st[ST_FD], FAIL_SYNC) != 0:
            return COMMIT_FAILED
        st[ST_SYNCED] = st[ST_WRITTEN]
        _write_mark(st, tmp, marks, marks8)
    st[ST_BYTES] += total
    store_seq(address_of(st) + 8 * ST_COMMITS, st[ST_COMMITS] + 1)
    return COMMIT_DONE


@leaf
def _write_mark_frame(st, fn, tmp, tmp8, marks, marks8, may_roll):
    """Write the requested digest as a frame of its own. Skipped (COMMIT_NOTHING) if there is no room: it must never stop the journal."""
    base = address_of(st)
    answer = COMMIT_NOTHING
    full = st[ST_OFFSET] + FRAME_HEADER_BYTES + MARK_BYTES > st[ST_SEGMENT_BYTES]
    if not full or load_seq(base + 8 * ST_NEXT_FD) >= 0:
        flags = st[ST_FRAME_FLAGS] | FLAG_MARK
        answer = _write_frame(st, fn, tmp8, 8 * TMP_DIGEST, MARK_BYTES, 0, 0, flags, tmp, tmp8, marks, marks8, may_roll)
    if answer != COMMIT_ROLL:
        store_seq(base + 8 * ST_MARK_AT, -1)
    return answer


@leaf
def _commit_one(st, fn, ring, ring8, pack, pack8, tmp, tmp8, marks, marks8, may_roll):
    """Write what is in the ring (up to a gap) as one frame, packed if that makes it shorter. The caller owns ST_OWNER."""
    base = address_of(st)
    tail = st[ST_TAIL]
    mark = load_seq(base + 8 * ST_MARK_AT)
    if mark == tail:
        answer = _write_mark_frame(st, fn, tmp, tmp8, marks, marks8, may_roll)
        if answer != COMMIT_NOTHING:
            return answer
        mark = -1
    head = load_seq(base + 8 * ST_HEAD)
    if head == tail:
        return COMMIT_NOTHING
    size = ring.size * 8
    gap = st[ST_GAP]
    if tail == gap:
        tail = (tail // size + 1) * size
        store_seq(base + 8 * ST_TAIL, tail)
    end = min(gap if tail < gap < head else head, (tail // size + 1) * size)  # never past the ring's end, gap or not
    if mark > tail:
        end = min(end, mark)
    place = tail % size
    payload = end - tail
    records = payload // ROW_BYTES
    time = ring[place // 8 + L.CMD_TIME_NS]
    flags = st[ST_FRAME_FLAGS]
    short = 8 * pack_rows(ring, place // 8, records, pack)
    if short < payload:
        answer = _write_frame(st, fn, pack8, 0, short, records, time, flags | FLAG_COMPACT, tmp, tmp8, marks, marks8, may_roll)
    else:
        answer = _write_frame(st, fn, ring8, place, payload, records, time, flags, tmp, tmp8, marks, marks8, may_roll)
    if answer == COMMIT_DONE:
        store_seq(base + 8 * ST_TAIL, end)
        store_seq(base + 8 * ST_RELEASED, st[ST_WRITTEN])
    return answer


@kernel("int64(int64[::1], int64[::1], int64[::1], int64)")
def ring_append(st, ring, rows, words):
    """Copy whole command rows (int64 words) into the ring. APPENDED, RING_FULL (nothing was done), BAD_TURN."""
    base = address_of(st)
    size = ring.size * 8
    need = words * 8
    if words <= 0 or words > rows.size or need % ROW_BYTES != 0 or need > size:
        return BAD_TURN
    head = st[ST_HEAD]
    tail = load_seq(base + 8 * ST_TAIL)
    place = head % size
    start = head
    if place + need > size:
        start = (head // size + 1) * size
    if start + need - tail > size:
        if tail != head:  # an empty ring has room for any turn: everything before `start` has been written
            return RING_FULL
    if start != head:
        st[ST_GAP] = head
    at = (start % size) // 8
    # Whole lines, as rows are; not a slice: assigning slices needs reference counts, which are off (jit.py).
    for i in range(0, words, LINE_WORDS):
        touch(ring, at + i + AHEAD_WORDS)
        for j in range(i, i + LINE_WORDS):
            ring[at + j] = rows[j]
    st[ST_NEXT_ROW] += need // ROW_BYTES
    store_seq(base + 8 * ST_HEAD, start + need)
    return APPENDED


@kernel("int64(int64[::1], int64[::1], int64[::1])")
def ask_mark(st, payload, tmp):
    """Request that `payload` (MARK_BYTES) is written after everything appended so far. COMMIT_NOTHING: an earlier one is still waiting."""
    base = address_of(st)
    if load_seq(base + 8 * ST_FAIL) != 0 or st[ST_STOP] != 0:
        return COMMIT_FAILED
    if load_seq(base + 8 * ST_MARK_AT) >= 0:
        return COMMIT_NOTHING
    for i in range(MARK_BYTES // 8):
        tmp[TMP_DIGEST + i] = payload[i]
    store_seq(base + 8 * ST_MARK_AT, st[ST_HEAD])
    return COMMIT_DONE


@kernel("int64(int64[::1], int64[::1])")
def wake_writer(st, fn):
    """Wake the thread if it sleeps. Returns COMMIT_NOTHING, or COMMIT_FAILED if that fails."""
    base = address_of(st)
    if load_seq(base + 8 * ST_FAIL) != 0 or st[ST_STOP] != 0:
        return COMMIT_FAILED
    if load_seq(base + 8 * ST_SLEEP) != 0:
        return _signal(st, fn, st[ST_WAKE_FD])
    return COMMIT_NOTHING


@kernel(
    "int64(int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64)"
)
def commit_inline(st, fn, ring, ring8, pack, pack8, tmp, tmp8, marks, marks8, may_roll):
    """Write (and in sync mode sync) all that is in the ring, in the caller's thread. may_roll 1: also begin the next segment, when it is ready.

    COMMIT_DONE; COMMIT_NOTHING: the thread is writing, or there is nothing to write; COMMIT_ROLL: the thread has been woken because a new
    segment is due; COMMIT_FAILED.
    """
    base = address_of(st)
    if load_seq(base + 8 * ST_FAIL) != 0 or st[ST_STOP] != 0:
        return COMMIT_FAILED
    if swap_seq(base + 8 * ST_OWNER, 0, 2) == 0:
        return COMMIT_NOTHING
    done = COMMIT_NOTHING
    while True:
        answer = _commit_one(st, fn, ring, ring8, pack, pack8, tmp, tmp8, marks, marks8, may_roll != 0)
        if answer != COMMIT_DONE:
            break
        done = COMMIT_DONE
    store_seq(base + 8 * ST_OWNER, 0)
    if answer == COMMIT_FAILED:
        return COMMIT_FAILED
    asleep = load_seq(base + 8 * ST_SLEEP)
    # A thread that sleeps without a timeout is woken once after a pause, so that it syncs the watermark (async: the data) in time.
    if (answer == COMMIT_ROLL and asleep != 0) or (done == COMMIT_DONE and asleep == 2):
        if _signal(st, fn, st[ST_WAKE_FD]) != 0:
            return COMMIT_FAILED
    return COMMIT_ROLL if answer == COMMIT_ROLL else done


@kernel("int64(int64[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64)")
def commit_mark(st, fn, data8, tmp, tmp8, marks, marks8, may_roll):
    """Write `data8` (a state digest, no rows) as a frame of its own. Results as for commit_inline; also COMMIT_NOTHING while rows wait.

    may_roll 1: change to the next segment if necessary and ready (COMMIT_ROLL: it is not ready).
    """
    base = address_of(st)
    if load_seq(base + 8 * ST_FAIL) != 0 or st[ST_STOP] != 0:
        return COMMIT_FAILED
    if st[ST_HEAD] != load_seq(base + 8 * ST_TAIL) or swap_seq(base + 8 * ST_OWNER, 0, 2) == 0:
        return COMMIT_NOTHING
    if may_roll != 0 and st[ST_OFFSET] + FRAME_HEADER_BYTES + data8.size > st[ST_SEGMENT_BYTES] and load_seq(base + 8 * ST_NEXT_FD) < 0:
        store_seq(base + 8 * ST_OWNER, 0)  # no room and no next segment: not a failure for a mark
        return COMMIT_ROLL
    flags = st[ST_FRAME_FLAGS] | FLAG_MARK
    answer = _write_frame(st, fn, data8, 0, data8.size, 0, 0, flags, tmp, tmp8, marks, marks8, may_roll != 0)
    store_seq(base + 8 * ST_OWNER, 0)
    if answer == COMMIT_DONE and load_seq(base + 8 * ST_SLEEP) == 2 and _signal(st, fn, st[ST_WAKE_FD]) != 0:
        return COMMIT_FAILED
    return answer


@leaf
def _clock_ns(st, fn):
    call_clock(fn[FN_CLOCK], CLOCK_MONOTONIC, address_of(st) + 8 * ST_CLOCK)
    return st[ST_CLOCK] * 1_000_000_000 + st[ST_CLOCK + 1]


@leaf
def _sync_async(st, fn, tmp, marks, marks8):
    """Async mode: sync what was written so far, without holding the ownership meanwhile. Returns 1 if another writer holds it now."""
    base = address_of(st)
    if swap_seq(base + 8 * ST_OWNER, 0, 1) == 0:
        return 1
    _note_position(st, tmp)
    fd = st[ST_FD]
    store_seq(base + 8 * ST_OWNER, 0)
    if _sync(st, fn, fd, FAIL_SYNC) != 0:
        return COMMIT_FAILED
    st[ST_SYNCED] = tmp[TMP_MARK]
    _write_mark(st, tmp, marks, marks8)
    store_seq(base + 8 * ST_SYNCED_COMMITS, tmp[TMP_MARK + 3])
    return 0


@kernel("int64(int64[::1], int64[::1], int64[::1], int64[::1], uint8[::1])")
def sync_written(st, fn, tmp, marks, marks8):
    """Async mode, for a journal without a writer's thread: sync what was written so far. 0, or COMMIT_FAILED."""
    return _sync_async(st, fn, tmp, marks, marks8)


@leaf
def _leave_cache(st, fn, tmp):
    """Have the system drop what is on the disk, but for the newest part, from its page cache: the memory then takes what is written next. Otherwise each
    frame is written to memory that is in no processor's cache, and that a virtual machine may first have to get from its host."""
    if st[ST_OFFSET] - st[ST_CACHED] < CACHED_BYTES + LEAVE_BYTES or swap_seq(address_of(st) + 8 * ST_OWNER, 0, 1) == 0:
        return
    synced = tmp[TMP_MARK + 2] if tmp[TMP_MARK + 1] == st[ST_SEGMENT] else 0
    if synced - st[ST_CACHED] >= CACHED_BYTES + LEAVE_BYTES:
        call_advise(fn[FN_ADVISE], st[ST_FD], st[ST_CACHED], LEAVE_BYTES, FADV_DONTNEED)  # if that fails it stays there
        st[ST_CACHED] += LEAVE_BYTES
    store_seq(address_of(st) + 8 * ST_OWNER, 0)


@leaf
def _work(base):
    """Whether there is anything to write."""
    return load_seq(base + 8 * ST_HEAD) != load_seq(base + 8 * ST_TAIL) or load_seq(base + 8 * ST_MARK_AT) >= 0


@leaf
def _wait(st, fn, timeout):
    """Sleep until woken or for `timeout` ms (-1: no limit). Returns 1: woken, 0: timeout, or COMMIT_FAILED."""
    st[ST_POLL] = st[ST_WAKE_FD] | POLLIN_WORD
    ready = call_poll(fn[FN_POLL], address_of(st) + 8 * ST_POLL, 1, timeout)
    if ready < 0:
        error = errno_of(fn)
        return 1 if error == ERRNO_EINTR else _fail(st, FAIL_WAIT, error, 0, 0)
    if ready == 0:
        return 0
    if call_fd_buffer(fn[FN_READ], st[ST_WAKE_FD], address_of(st) + 8 * ST_EVENT, 8) != 8:
        error = errno_of(fn)
        if error != ERRNO_EAGAIN and error != ERRNO_EINTR:
            return _fail(st, FAIL_WAIT, error, 0, 8)
    return 1


@kernel("int64(int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], uint8[::1], int64[::1], uint8[::1])")
def writer_thread(st, fn, ring, ring8, pack, pack8, tmp, tmp8, marks, marks8):
    """The writer thread's main loop. Returns 0 after ST_STOP with everything written and synced, COMMIT_FAILED after a failure."""
    base = address_of(st)
    clean_commits = st[ST_COMMITS]  # the watermark file is synced up to this frame
    seen_commits = clean_commits
    last_sync = _clock_ns(st, fn)
    answer = COMMIT_NOTHING
    while True:
        answer = COMMIT_NOTHING
        if load_seq(base + 8 * ST_FAIL) != 0:
            answer = COMMIT_FAILED
        elif _work(base) and swap_seq(base + 8 * ST_OWNER, 0, 1) == 1:
            answer = _commit_one(st, fn, ring, ring8, pack, pack8, tmp, tmp8, marks, marks8, True)
            store_seq(base + 8 * ST_OWNER, 0)
        if answer == COMMIT_DONE and _signal(st, fn, st[ST_DONE_FD]) != 0:
            answer = COMMIT_FAILED
        if answer == COMMIT_DONE:
            _leave_cache(st, fn, tmp)
        dirty = st[ST_ASYNC] != 0 and st[ST_SYNCED_COMMITS] != load_seq(base + 8 * ST_COMMITS)
        if dirty and answer != COMMIT_FAILED:
            now = _clock_ns(st, fn)
            if now - last_sync >= st[ST_SYNC_NS] or (load_seq(base + 8 * ST_STOP) != 0 and answer == COMMIT_NOTHING):
                done = _sync_async(st, fn, tmp, marks, marks8)
                if done == 0:
                    last_sync = _clock_ns(st, fn)
                    continue
                if done < 0:
                    answer = COMMIT_FAILED
        if answer == COMMIT_FAILED:
            _signal(st, fn, st[ST_DONE_FD])
            _signal(st, fn, st[ST_PREPARE_FD])
            return COMMIT_FAILED
        if answer == COMMIT_DONE:
            continue
        commits = st[ST_COMMITS]
        if load_seq(base + 8 * ST_STOP) != 0 and answer == COMMIT_NOTHING and not dirty and not _work(base):
            return _sync(st, fn, st[ST_MARK_FD], FAIL_MARK)
        timeout = -1
        if dirty or commits != clean_commits:
            timeout = st[ST_IDLE_MS] if st[ST_ASYNC] == 0 else 1 + st[ST_SYNC_NS] // 1_000_000
        store_seq(base + 8 * ST_SLEEP, 2 if timeout < 0 else 1)
        woken = 1
        # Check again: from now on a thread that adds work sees us asleep and wakes us.
        nothing = not _work(base) or load_seq(base + 8 * ST_OWNER) != 0
        nothing = nothing and load_seq(base + 8 * ST_COMMITS) == commits and load_seq(base + 8 * ST_STOP) == 0
        if nothing or answer == COMMIT_ROLL:  # without a next segment there is nothing to do until the preparer wakes us
            woken = _wait(st, fn, timeout)
        store_seq(base + 8 * ST_SLEEP, 0)
        if woken == 0 and not dirty:
            if commits == seen_commits and st[ST_COMMITS] == commits and commits != clean_commits:
                if _sync(st, fn, st[ST_MARK_FD], FAIL_MARK) == 0:
                    clean_commits = commits
            seen_commits = st[ST_COMMITS]
