"""The bytes: the plain Python of format.py and the kernels agree, and every damaged bit is named."""

import hashlib
import zlib
from pathlib import Path

import numpy as np
import pytest

from exchange_server.journal import format as fmt

from .kit import SERVER, orders, turn, write_turns


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_kernel_writes_what_format_packs(tmp_path: Path, mode: str) -> None:
    turns = [turn(i, orders=1 + i * 7 % 40) if i % 3 else orders(i, i) for i in range(1, 25)]
    turns += [np.concatenate([turn(25)[16:], turn(26)[16:]])]  # nothing to leave out
    places = write_turns(tmp_path, turns, mode=mode)
    chain, seq, segment = fmt.first_chain(SERVER), 0, 0
    packed = 0
    for (number, begin, end), rows in zip(places, turns):
        data = (tmp_path / fmt.segment_name(number)).read_bytes()
        if number != segment:
            head = fmt.parse_segment_header(data)
            assert (head.segment, head.server_id, head.first_seq, head.chain) == (number, SERVER, seq, chain)
            assert fmt.pack_segment_header(head) == data[:512] and not any(data[512:4096])
            segment = number
        header = fmt.check_frame(data[begin:end], chain, number, begin)
        assert header.first_seq == seq and header.time_ns == rows[2] and header.end == end
        short = fmt.pack_rows(rows.tobytes())
        payload = short if len(short) < rows.size * 8 else rows.tobytes()
        assert fmt.pack_frame(header, chain, payload) == data[begin:end]
        assert fmt.frame_rows(header, payload) == rows.tobytes()
        packed += header.flags & fmt.FLAG_COMPACT != 0
        chain, seq = header.chain, seq + header.records
    assert segment > 1, "the test must roll over"
    assert 0 < packed < len(turns), "both forms must be seen"
    mark = fmt.newest_watermark((tmp_path / "watermark").read_bytes())
    assert mark == fmt.Watermark(SERVER, 1, seq, segment, places[-1][2], chain)


@pytest.mark.parametrize("flags", [0, fmt.FLAG_COMPACT])
def test_every_flipped_bit_of_a_frame_is_seen(flags: int) -> None:
    rows = fmt.pack_rows(orders(5, 1).tobytes()) if flags else turn(5, 1).tobytes()
    h = fmt.FrameHeader(flags, len(rows), 2, 1, 10, 3, 4096, 99, 10, SERVER, b"", b"")
    before = hashlib.sha256(b"x").digest()
    frame = fmt.pack_frame(h, before, rows)
    assert fmt.check_frame(frame, before, 3, 4096).records == 2
    for bit in range(8 * len(frame)):
        broken = bytearray(frame)
        broken[bit >> 3] ^= 1 << (bit & 7)
        with pytest.raises(fmt.BadBytes):
            fmt.check_frame(bytes(broken), before, 3, 4096)
    for other in (dict(previous_chain=bytes(32)), dict(segment=4), dict(offset=4160)):
        with pytest.raises(fmt.BadBytes):
            fmt.check_frame(**{"data": frame, "previous_chain": before, "segment": 3, "offset": 4096, **other})
    for size in range(0, len(frame), 7):
        with pytest.raises(fmt.BadBytes):
            fmt.check_frame(frame[:size], before, 3, 4096)


def test_headers_that_lie_under_a_good_crc_are_named() -> None:
    rows = turn(5, 1).tobytes()
    h = fmt.FrameHeader(0, len(rows), 3, 1, 10, 3, 4096, 99, 10, SERVER, b"", b"")
    with pytest.raises(fmt.BadBytes, match="3 rows in 256 bytes"):
        fmt.check_frame(fmt.pack_frame(h, bytes(32), rows), bytes(32), 3, 4096)

    packed = fmt.pack_rows(orders(5, 4).tobytes())
    for records, why in ((1, "says 1 rows"), (200, "says 200 rows"), (4, "hold"), (120, "hold")):
        head = fmt.FrameHeader(fmt.FLAG_COMPACT, len(packed), records, 1, 10, 3, 4096, 99, 10, SERVER, b"", b"")
        with pytest.raises(fmt.BadBytes, match=why):
            fmt.check_frame(fmt.pack_frame(head, bytes(32), packed), bytes(32), 3, 4096)

    def resealed(data: bytes, at: int, value: bytes, crc_at: int) -> bytes:
        body = bytearray(data)
        body[at : at + len(value)] = value
        body[crc_at : crc_at + 8] = zlib.crc32(bytes(body[:crc_at])).to_bytes(8, "little")
        return bytes(body)

    frame = fmt.pack_frame(h, bytes(32), rows)
    with pytest.raises(fmt.BadBytes, match="format version 3; this program reads 1 to 2"):
        fmt.parse_frame_header(resealed(frame, 8, b"\x03\0", 184))
    assert fmt.parse_frame_header(resealed(frame, 8, b"\x01\0", 184)).payload_bytes == 256
    with pytest.raises(fmt.BadBytes, match="says 128 header bytes"):
        fmt.parse_frame_header(resealed(frame, 10, b"\x80\0", 184))
    segment = fmt.pack_segment_header(fmt.SegmentHeader(1, 2, 3, 4, 5, 6, bytes(32)))
    with pytest.raises(fmt.BadBytes, match="says 512 header bytes"):
        fmt.parse_segment_header(resealed(segment, 12, (512).to_bytes(4, "little"), 504))
    with pytest.raises(fmt.BadBytes, match="wrong CRC"):
        fmt.parse_segment_header(segment[:40] + b"\x09" + segment[41:])
    with pytest.raises(fmt.BadBytes, match="13 bytes where 512"):
        fmt.parse_watermark(bytes(13))
    with pytest.raises(fmt.BadBytes, match="mark of 64 bytes"):
        fmt.parse_mark(bytes(64))
    with pytest.raises(ValueError, match="payload has 128 bytes"):
        fmt.pack_frame(h, bytes(32), rows[:128])


def test_watermark_file_survives_the_loss_of_either_slot() -> None:
    old = fmt.Watermark(1, 1, 10, 1, 5000, bytes(32))
    new = fmt.Watermark(1, 1, 11, 1, 6000, bytes(range(32)))
    good = fmt.pack_watermark(old).ljust(4096, b"\0") + fmt.pack_watermark(new).ljust(4096, b"\0")
    assert fmt.newest_watermark(good) == new
    assert fmt.newest_watermark(good[:4100] + b"\xff" + good[4101:]) == old
    assert fmt.newest_watermark(bytes(512) + good[512:]) == new
    assert fmt.newest_watermark(bytes(8192)) is None and fmt.newest_watermark(b"") is None


def test_marks_and_names() -> None:
    mark = fmt.Mark(hashlib.sha256(b"state").digest(), 12, 34)
    assert fmt.parse_mark(fmt.pack_mark(mark)) == mark and len(fmt.pack_mark(mark)) == fmt.ROW_BYTES
    assert fmt.segment_name(12) == "00000012.seg" and fmt.segment_number("00000012.seg") == 12
    assert [fmt.segment_number(n) for n in ("spare.tmp", "12.seg", "0000001２.seg", "00000012", "00000012.seg.bak", "lock")] == [0] * 6
