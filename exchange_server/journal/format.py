"""The journal's bytes, in plain Python: an auditor can check what `disk/disk_writer.py` writes with this file alone.

All integers are little endian. A data folder holds

    lock                         held with flock by the one running server; its text is the owner's pid
    watermark                    8,192 bytes: two slots of 512, at 0 and at 4096
    00000001.seg, 00000002.seg   segments of one fixed size, zero-filled and synced before their first use
    spare.tmp                    a segment that is being prepared; contains no data
    cut/                         copies of torn tails that a recovery cut off
    fence                        one watermark slot: where another server took over (fence.py)

Segment header: 512 bytes used of 4096; the first frame is at 4096. A header of zeros: prepared, not started.

    offset  bytes  field
         0      8  magic "EXOSSEG1"
         8      4  format version (2)
        12      4  header bytes (4096)
        16      8  server id
        24      8  segment number, from 1
        32      8  first sequence: rows in all segments before
        40      8  epoch: raised at each start of a server
        48      8  bytes of the segment file
        56      8  logic version of the rules that read these rows
        64     32  chain value of the last frame before this segment
       504      8  CRC-32 of bytes 0-503

Frame: 192 bytes of header, then the payload; one group commit, at an offset divisible by 64. The payload is command rows of 128 bytes
exactly as the engine takes them, or the same rows packed (below): whole turns, each beginning with a C_TIME row.

    offset  bytes  field
         0      8  magic "EXOSFRM1"
         8      2  format version (2)
        10      2  header bytes (192)
        12      4  flags: 1 = written in async mode, 2 = a mark: no rows, 128 bytes of state digest (below), 4 = packed rows
        16      8  payload bytes
        24      8  rows in the payload (extra rows count; 0 in a mark)
        32      8  epoch
        40      8  sequence of the first row: rows in all frames before
        48      8  own segment number
        56      8  own offset in the segment
        64      8  time of its first turn, ns UTC (information only)
        72      8  durable-through: rows below this sequence were on the disk when this frame was built (the watermark)
        80      8  server id
        88      8  zero
        96     32  SHA-256 of the payload
       128     32  chain: SHA-256(previous chain, header bytes 0-127)
       160     24  zero
       184      8  CRC-32 of bytes 0-183

Packed rows: for each four rows a mask of 64 bits, then those of their words of 8 bytes that are not zero, in order. Bit 16 r + w of the mask
is set if word w of row r is not zero. After the last row zeros up to a multiple of 64 bytes. Rows are packed only where that is shorter.

Version 1 is the same without packed rows. It is still read; a journal may have frames of version 1 and, after them, of version 2.

The payload's own hash is in the hashed header, so the chain covers previous chain, header and payload, and can be followed by the headers
alone; a frame can be checked without the frames before it; and the length is protected by a CRC of its own, never trusted otherwise.
The first frame's previous chain is SHA-256("exos journal", server id as 8 bytes).

Mark payload: 32 bytes state digest (zero: none; only a clean stop takes one), 8 bytes sequence, 8 bytes next event number, 32 bytes digest
of the events so far and of the engine's counters (zero: none; journal/marks.py), 48 bytes zero.

Watermark slot: 512 bytes.

         0      8  magic "EXOSWMK1"
         8      8  format version
        16      8  server id
        24      8  epoch
        32      8  sequence: rows below it are on the disk
        40      8  segment number
        48      8  offset after the last frame that holds one of them
        64     32  chain value of that frame
       504      8  CRC-32 of bytes 0-503
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass

FORMAT_VERSION = 2
OLDEST_VERSION = 1
SEGMENT_MAGIC = b"EXOSSEG1"
FRAME_MAGIC = b"EXOSFRM1"
MARK_MAGIC = b"EXOSWMK1"
SEGMENT_HEADER_BYTES = 4096
SEGMENT_USED_BYTES = 512
FRAME_HEADER_BYTES = 192
FRAME_HASHED_BYTES = 128
ROW_BYTES = 128
WATERMARK_FILE_BYTES = 8192
SLOT_BYTES = 512
SLOT_OFFSETS = (0, 4096)
CRC_BYTES = 504
FLAG_ASYNC = 1
FLAG_MARK = 2
FLAG_COMPACT = 4
ROW_WORDS = ROW_BYTES // 8
ROWS_PER_MASK = 4
PAYLOAD_UNIT = 64

_SEGMENT = struct.Struct("<8sII6q32s")
_FRAME = struct.Struct("<8sHHI10q32s32s24sq")
_SLOT = struct.Struct("<8s7q32s")
_MARK = struct.Struct("<32sqq32s48x")


class BadBytes(ValueError):
    """Invalid bytes; the text names the failed check."""


@dataclass(frozen=True)
class SegmentHeader:
    server_id: int
    segment: int
    first_seq: int
    epoch: int
    segment_bytes: int
    logic: int
    chain: bytes  # 32


@dataclass(frozen=True)
class FrameHeader:
    flags: int
    payload_bytes: int
    records: int
    epoch: int
    first_seq: int
    segment: int
    offset: int
    time_ns: int
    durable_seq: int
    server_id: int
    digest: bytes  # 32: SHA-256 of the payload
    chain: bytes  # 32

    @property
    def end(self) -> int:
        """Offset of the first byte after the frame."""
        return self.offset + FRAME_HEADER_BYTES + self.payload_bytes


@dataclass(frozen=True)
class Watermark:
    server_id: int
    epoch: int
    seq: int
    segment: int
    offset: int
    chain: bytes  # 32


@dataclass(frozen=True)
class Mark:
    digest: bytes  # 32
    seq: int
    event_seq: int
    events: bytes = bytes(32)


def first_chain(server_id: int) -> bytes:
    """Chain value before the first frame."""
    return hashlib.sha256(b"exos journal" + server_id.to_bytes(8, "little")).digest()


def _sealed(body: bytes) -> bytes:
    """512 bytes: the body, zeros, CRC."""
    padded = body.ljust(CRC_BYTES, b"\0")
    return padded + zlib.crc32(padded).to_bytes(8, "little")


def _check_seal(data: bytes, what: str, magic: bytes) -> None:
    if len(data) < SLOT_BYTES:
        raise BadBytes(f"{what}: {len(data)} bytes where {SLOT_BYTES} are needed")
    if data[:8] != magic:
        raise BadBytes(f"{what}: magic is {bytes(data[:8])!r}, not {magic!r}")
    if int.from_bytes(data[CRC_BYTES:SLOT_BYTES], "little") != zlib.crc32(data[:CRC_BYTES]):
        raise BadBytes(f"{what}: wrong CRC")


def _check_version(version: int, what: str) -> None:
    if not OLDEST_VERSION <= version <= FORMAT_VERSION:
        raise BadBytes(f"{what}: format version {version}; this program reads {OLDEST_VERSION} to {FORMAT_VERSION}")


def pack_segment_header(h: SegmentHeader) -> bytes:
    """The 512 used bytes; the rest of the 4096 is zero."""
    return _sealed(
        _SEGMENT.pack(
            SEGMENT_MAGIC, FORMAT_VERSION, SEGMENT_HEADER_BYTES,
            h.server_id, h.segment, h.first_seq, h.epoch, h.segment_bytes, h.logic, h.chain,
        )
    )  # fmt: skip


def parse_segment_header(data: bytes) -> SegmentHeader:
    """Raises BadBytes naming the failed check."""
    _check_seal(data, "segment header", SEGMENT_MAGIC)
    _, version, size, *rest = _SEGMENT.unpack_from(data)
    _check_version(version, "segment header")
    if size != SEGMENT_HEADER_BYTES:
        raise BadBytes(f"segment header: says {size} header bytes, not {SEGMENT_HEADER_BYTES}")
    return SegmentHeader(*rest)


def pack_rows(rows: bytes) -> bytes:
    """Whole command rows in compact form, whether that is shorter or not."""
    words = [rows[at : at + 8] for at in range(0, len(rows), 8)]
    out = b""
    for first in range(0, len(words), ROWS_PER_MASK * ROW_WORDS):
        group = words[first : first + ROWS_PER_MASK * ROW_WORDS]
        out += sum(1 << i for i, word in enumerate(group) if any(word)).to_bytes(8, "little")
        out += b"".join(word for word in group if any(word))
    return out + bytes(-len(out) % PAYLOAD_UNIT)


def unpack_rows(payload: bytes, records: int) -> bytes:
    """The rows of a packed payload. Raises BadBytes if it does not hold exactly `records` rows."""
    out = []
    at = 0
    for first in range(0, records, ROWS_PER_MASK):
        mask = int.from_bytes(payload[at : at + 8], "little")
        at += 8
        words = min(ROWS_PER_MASK, records - first) * ROW_WORDS
        if mask >> words or at + 8 * mask.bit_count() > len(payload):
            raise BadBytes(f"a packed payload of {len(payload)} bytes does not hold {records} rows")
        for i in range(words):
            used = mask >> i & 1
            out.append(payload[at : at + 8] if used else bytes(8))
            at += 8 * used
    if at + -at % PAYLOAD_UNIT != len(payload) or any(payload[at:]):
        raise BadBytes(f"a packed payload of {len(payload)} bytes holds {records} rows in {at} bytes")
    return b"".join(out)


def frame_rows(h: FrameHeader, payload: bytes) -> bytes:
    """The command rows of a frame, 128 bytes each; none for a mark. Raises BadBytes."""
    if h.flags & FLAG_MARK:
        return b""
    return unpack_rows(payload, h.records) if h.flags & FLAG_COMPACT else payload


def pack_frame(h: FrameHeader, previous_chain: bytes, payload: bytes) -> bytes:
    """A whole frame with the payload as it is to be written. Digest and chain of `h` are computed here. The writer kernel must produce exactly
    these bytes."""
    if len(payload) != h.payload_bytes:
        raise ValueError(f"payload has {len(payload)} bytes, header says {h.payload_bytes}")
    fields = (h.payload_bytes, h.records, h.epoch, h.first_seq, h.segment, h.offset, h.time_ns, h.durable_seq, h.server_id, 0)
    digest = hashlib.sha256(payload).digest()
    head = _FRAME.pack(FRAME_MAGIC, FORMAT_VERSION, FRAME_HEADER_BYTES, h.flags, *fields, digest, bytes(32), bytes(24), 0)
    chain = hashlib.sha256(previous_chain + head[:FRAME_HASHED_BYTES]).digest()
    head = head[:FRAME_HASHED_BYTES] + chain + bytes(24)
    return head + zlib.crc32(head).to_bytes(8, "little") + payload


def parse_frame_header(data: bytes) -> FrameHeader:
    """Read the header alone, with its own checks (magic, CRC, version). Raises BadBytes."""
    if len(data) < FRAME_HEADER_BYTES:
        raise BadBytes(f"frame header: {len(data)} bytes where {FRAME_HEADER_BYTES} are needed")
    if data[:8] != FRAME_MAGIC:
        raise BadBytes(f"frame header: magic is {bytes(data[:8])!r}, not {FRAME_MAGIC!r}")
    if zlib.crc32(data[:184]) != int.from_bytes(data[184:192], "little"):
        raise BadBytes("frame header: wrong CRC")
    _, version, size, flags, *rest = _FRAME.unpack_from(data)
    _check_version(version, "frame header")
    if size != FRAME_HEADER_BYTES:
        raise BadBytes(f"frame header: says {size} header bytes, not {FRAME_HEADER_BYTES}")
    payload, records, epoch, first, segment, offset, time_ns, durable, server, _, digest, chain, _, _ = rest
    return FrameHeader(flags, payload, records, epoch, first, segment, offset, time_ns, durable, server, digest, chain)


def check_frame(data: bytes, previous_chain: bytes, segment: int, offset: int) -> FrameHeader:
    """Check everything about one frame that begins at data[0]. Raises BadBytes naming the first failed check."""
    h = parse_frame_header(data)
    if (h.segment, h.offset) != (segment, offset):
        raise BadBytes(f"frame belongs to segment {h.segment} offset {h.offset}, found in segment {segment} offset {offset}")
    unit = PAYLOAD_UNIT if h.flags & FLAG_COMPACT else ROW_BYTES
    if h.payload_bytes <= 0 or h.payload_bytes % unit or len(data) < FRAME_HEADER_BYTES + h.payload_bytes:
        raise BadBytes(f"a frame payload of {h.payload_bytes} bytes does not fit here")
    plain = 0 if h.flags & FLAG_MARK else h.payload_bytes // ROW_BYTES
    if not plain < h.records <= h.payload_bytes * ROWS_PER_MASK // 8 if h.flags & FLAG_COMPACT else h.records != plain:
        raise BadBytes(f"frame says {h.records} rows in {h.payload_bytes} bytes")
    payload = data[FRAME_HEADER_BYTES : FRAME_HEADER_BYTES + h.payload_bytes]
    if hashlib.sha256(payload).digest() != h.digest:
        raise BadBytes("frame payload does not match its SHA-256")
    frame_rows(h, payload)
    if hashlib.sha256(previous_chain + data[:FRAME_HASHED_BYTES]).digest() != h.chain:
        raise BadBytes("frame does not continue the chain")
    return h


def pack_watermark(w: Watermark) -> bytes:
    return _sealed(_SLOT.pack(MARK_MAGIC, FORMAT_VERSION, w.server_id, w.epoch, w.seq, w.segment, w.offset, 0, w.chain))


def parse_watermark(data: bytes) -> Watermark:
    """One slot. Raises BadBytes."""
    _check_seal(data, "watermark slot", MARK_MAGIC)
    _, version, server, epoch, seq, segment, offset, _, chain = _SLOT.unpack_from(data)
    _check_version(version, "watermark slot")
    return Watermark(server, epoch, seq, segment, offset, chain)


def newest_watermark(data: bytes) -> Watermark | None:
    """The newer valid slot of a watermark file, that of the later epoch first; None if neither is valid."""
    found = []
    for at in SLOT_OFFSETS:
        try:
            found.append(parse_watermark(data[at : at + SLOT_BYTES]))
        except BadBytes:
            continue  # one slot may be half written, so there are two
    return max(found, key=lambda w: (w.epoch, w.seq, w.segment, w.offset), default=None)


def pack_mark(m: Mark) -> bytes:
    return _MARK.pack(m.digest, m.seq, m.event_seq, m.events)


def parse_mark(payload: bytes) -> Mark:
    """Raises BadBytes."""
    if len(payload) != ROW_BYTES:
        raise BadBytes(f"mark of {len(payload)} bytes, not {ROW_BYTES}")
    return Mark(*_MARK.unpack(payload))


def segment_name(segment: int) -> str:
    return f"{segment:08d}.seg"


def segment_number(name: str) -> int:
    """0 for names that are not a segment's."""
    stem, dot, ext = name.partition(".")
    return int(stem) if dot and ext == "seg" and len(stem) == 8 and stem.isascii() and stem.isdigit() else 0
