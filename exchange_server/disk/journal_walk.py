"""Reading frames back: every check of a frame, many frames a call, without the GIL.

`walk` goes from frame to frame and stops at the first one that fails a check, naming the check; `find_frame` looks for a later frame
header after damage; `gather` puts the rows of a walk into one array. `data` is a segment (uint8) and `words` the same
bytes as int64.
"""

from ..core.kit.jit import kernel, leaf
from .compact_rows import compact_size, unpack_rows
from .journal_layout import (
    FLAG_ASYNC,
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
    FR_VERSION,
    FRAME_HEADER_BYTES,
    FRAME_MAGIC,
    FRAME_WORDS,
    OLDEST_VERSION,
    PAYLOAD_UNIT,
    ROW_BYTES,
    ROWS_PER_MASK,
)  # fmt: skip
from .native import SHA_WORDS, crc32, sha256

WALK_FULL = 0  # the table or the byte budget is full: call again
WALK_END = 1  # zeros: nothing was written here
WALK_SEGMENT_END = 2  # too close to the segment's end for another frame
WALK_MAGIC = 3  # from here on: a bad frame, and why
WALK_CRC = 4
WALK_VERSION = 5
WALK_PLACE = 6
WALK_LENGTH = 7
WALK_EPOCH = 8
WALK_SEQUENCE = 9
WALK_PAYLOAD = 10
WALK_CHAIN = 11
WALK_ROWS = 12

# words of res: the caller sets position, sequence, epoch, segment, server; the walk advances them
WR_STATUS = 0
WR_POSITION = 1  # byte offset of the next frame
WR_SEQUENCE = 2  # its first row
WR_EPOCH = 3
WR_SEGMENT = 4
WR_SERVER = 5
WR_DURABLE = 6  # highest watermark seen in a header
WR_FRAMES = 7  # frames in the table
WR_WORDS_OUT = 8  # words of rows (unpacked) in the table
WR_LAST = 9  # byte offset of the last good frame; 0: none in this call
WR_HEADER_GOOD = 10  # bad frame: 1 if its header is valid, then WR_BAD_*
WR_BAD_FIRST = 11
WR_BAD_RECORDS = 12
WR_BAD_END = 13
WR_ASYNC = 14
WR_STOP = 15  # stop when the position reaches this byte offset; 0: do not
WR_SIZE = 16

SCAN_WORDS = 512  # tested together for zero
TABLE_WORDS = 4  # per frame: word of its payload, words of its rows (unpacked), first sequence, flags

# words of the walk's scratch: chain (4), copy of the header after it (24), digest (4), hash scratch
WS_CHAIN = 0
WS_HEADER = 4
WS_DIGEST = 28
WS_SHA = 32
WS_WORDS = WS_SHA + SHA_WORDS


@leaf
def _header_status(data, words, at, segment, server):
    """0, or the first check that the frame header at byte `at` fails."""
    w = at // 8
    if words[w + FR_MAGIC] != FRAME_MAGIC:
        return WALK_MAGIC
    if words[w + FR_CRC] != crc32(data, at, 8 * FR_CRC):
        return WALK_CRC
    version = words[w + FR_VERSION] & 0xFFFF
    if version < OLDEST_VERSION or version > FORMAT_VERSION or (words[w + FR_VERSION] >> 16) & 0xFFFF != FRAME_HEADER_BYTES:
        return WALK_VERSION
    if words[w + FR_SEGMENT] != segment or words[w + FR_OFFSET] != at or words[w + FR_SERVER] != server:
        return WALK_PLACE
    payload = words[w + FR_PAYLOAD]
    flags = (words[w + FR_VERSION] >> 32) & 0xFFFF
    records = words[w + FR_RECORDS]
    if payload <= 0 or payload > data.size - at - FRAME_HEADER_BYTES or payload % PAYLOAD_UNIT != 0:
        return WALK_LENGTH
    if flags & FLAG_COMPACT:  # only where it saves something, so a frame never takes more space than its plain rows
        if records <= 0 or records > payload * ROWS_PER_MASK // 8 or records * ROW_BYTES <= payload:
            return WALK_LENGTH
    elif payload % ROW_BYTES != 0 or records != (0 if flags & FLAG_MARK else payload // ROW_BYTES):
        return WALK_LENGTH
    return 0


@leaf
def _all_zero(words, begin, end):
    for i in range(begin, end):
        if words[i] != 0:
            return False
    return True


@kernel("int64(uint8[::1], int64[::1], int64)")
def last_nonzero(data, words, begin):
    """Byte offset just after the last non-zero byte at or after `begin` (a multiple of 8); `begin` if there is none."""
    first = begin // 8
    i = words.size - 1
    while i - first >= SCAN_WORDS:  # a block at a time: most of a segment is zeros after the journal's end
        seen = 0
        for w in range(i - SCAN_WORDS + 1, i + 1):
            seen |= words[w]
        if seen != 0:
            break
        i -= SCAN_WORDS
    while i >= first and words[i] == 0:
        i -= 1
    if i < first:
        return begin
    at = 8 * i + 7
    while data[at] == 0:
        at -= 1
    return at + 1


@kernel("int64(int64[::1], uint8[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64)")
def walk(fn, data, words, scratch, scratch8, res, table, budget_words):
    """Check frame after frame from res[WR_POSITION]; scratch[WS_CHAIN:] holds the chain value before it. Returns res[WR_STATUS].

    Good frames are listed in `table` (TABLE_WORDS each) until it is full or their rows exceed `budget_words` (one frame always fits).
    At a bad frame the state stays as it was before that frame, and res[WR_HEADER_GOOD..] describes its header.
    """
    frames = 0
    out = 0
    status = WALK_FULL
    res[WR_LAST] = 0
    res[WR_HEADER_GOOD] = 0
    while (frames + 1) * TABLE_WORDS <= table.size and (frames == 0 or out < budget_words):
        at = res[WR_POSITION]
        if at + FRAME_HEADER_BYTES + PAYLOAD_UNIT > data.size:
            status = WALK_SEGMENT_END
            break
        w = at // 8
        status = _header_status(data, words, at, res[WR_SEGMENT], res[WR_SERVER])
        if status != 0:
            if status == WALK_MAGIC and _all_zero(words, w, w + FRAME_WORDS):
                status = WALK_END
            break
        payload = words[w + FR_PAYLOAD]
        flags = (words[w + FR_VERSION] >> 32) & 0xFFFF
        res[WR_HEADER_GOOD] = 1
        res[WR_BAD_FIRST] = words[w + FR_FIRST]
        res[WR_BAD_RECORDS] = words[w + FR_RECORDS]
        res[WR_BAD_END] = at + FRAME_HEADER_BYTES + payload
        if words[w + FR_EPOCH] < res[WR_EPOCH]:
            status = WALK_EPOCH
            break
        if words[w + FR_FIRST] != res[WR_SEQUENCE]:
            status = WALK_SEQUENCE
            break
        sha256(fn, data, at + FRAME_HEADER_BYTES, payload, scratch8, 8 * WS_DIGEST, scratch, WS_SHA)
        for i in range(4):
            if scratch[WS_DIGEST + i] != words[w + FR_DIGEST + i]:
                status = WALK_PAYLOAD
        if status != 0:
            break
        for i in range(FR_CHAIN):
            scratch[WS_HEADER + i] = words[w + i]
        sha256(fn, scratch8, 8 * WS_CHAIN, 32 + 8 * FR_CHAIN, scratch8, 8 * WS_DIGEST, scratch, WS_SHA)
        for i in range(4):
            if scratch[WS_DIGEST + i] != words[w + FR_CHAIN + i]:
                status = WALK_CHAIN
        if status != 0:
            break
        size = payload // 8
        if flags & FLAG_COMPACT:
            if compact_size(words, w + FRAME_WORDS, w + FRAME_WORDS + size, words[w + FR_RECORDS]) != size:
                status = WALK_ROWS
                break
            size = words[w + FR_RECORDS] * ROW_BYTES // 8
        for i in range(4):
            scratch[WS_CHAIN + i] = scratch[WS_DIGEST + i]
        t = frames * TABLE_WORDS
        table[t] = w + FRAME_WORDS
        table[t + 1] = size
        table[t + 2] = words[w + FR_FIRST]
        table[t + 3] = flags
        frames += 1
        out += size
        res[WR_HEADER_GOOD] = 0
        res[WR_LAST] = at
        res[WR_EPOCH] = words[w + FR_EPOCH]
        res[WR_DURABLE] = max(res[WR_DURABLE], words[w + FR_DURABLE])
        res[WR_ASYNC] = flags & FLAG_ASYNC
        res[WR_SEQUENCE] += words[w + FR_RECORDS]
        res[WR_POSITION] = at + FRAME_HEADER_BYTES + payload
        if flags & FLAG_MARK:
            break  # a digest belongs exactly between the rows before and after it
        if res[WR_STOP] != 0 and res[WR_POSITION] >= res[WR_STOP]:
            break
    res[WR_FRAMES] = frames
    res[WR_WORDS_OUT] = out
    res[WR_STATUS] = status
    return status


@kernel("int64(uint8[::1], int64[::1], int64, int64, int64)")
def find_frame(data, words, begin, segment, server):
    """Byte offset of the first frame header at or after `begin` that passes its own checks; -1: there is none."""
    at = (begin + 63) // 64 * 64
    while at + FRAME_HEADER_BYTES <= data.size:
        if words[at // 8] == FRAME_MAGIC and _header_status(data, words, at, segment, server) == 0:
            return at
        at += 64
    return -1


@kernel("int64(int64[::1], int64[::1], int64, int64[::1])")
def gather(words, table, frames, out):
    """The rows of the table's first `frames` frames, one after the other; returns the number of words."""
    n = 0
    for f in range(frames):
        begin = table[f * TABLE_WORDS]
        count = table[f * TABLE_WORDS + 1]
        if table[f * TABLE_WORDS + 3] & FLAG_COMPACT:
            unpack_rows(words, begin, count * 8 // ROW_BYTES, out, n)
        else:
            for i in range(count):
                out[n + i] = words[begin + i]
        n += count
    return n
