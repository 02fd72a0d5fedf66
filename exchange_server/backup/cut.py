"""Ends a restored journal at a row or a time: at the last whole turn up to there.

Turns are what the engine takes at once, so a state exists only between two of them. Where the end falls into a frame, the frame is written anew
with its first turns.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.layout import plain
from ..journal import format as fmt
from ..journal.files import Position, sync_directory
from ..journal.walk import Walk, list_segments


@dataclass(frozen=True)
class Target:
    """Up to so many rows, or up to this exchange time (ns UTC); -1: not asked for."""

    row: int = -1
    time_ns: int = -1


def cut(journal: Path, start: Position | None, target: Target, server_id: int, logic: int) -> Position:
    """Cut the journal of a folder that no server uses; returns its new end. start: the position of the snapshot. Raises JournalRefused, OSError."""
    before = start
    for batch_words in (1 << 18, 1):  # whole stretches first, then frame by frame
        for batch in Walk(journal, start=before, server_id=server_id, logic=logic, batch_words=batch_words):
            if _turns_up_to(batch.rows, batch.first_seq, target) < batch.rows.size:
                break
            before = batch.end
        else:
            break  # all of it lies before the target
    if before is None:
        before = _at_begin(*list_segments(journal)[0])
    elif (following := journal / fmt.segment_name(before.segment + 1)).exists() and not _frame_at(journal, before):
        before = replace(_at_begin(before.segment + 1, following), epoch=before.epoch)  # the target lies in the next segment's first frame
    return _end_here(journal, before, target)


def _frame_at(journal: Path, at: Position) -> bool:
    with open(journal / fmt.segment_name(at.segment), "rb") as file:
        file.seek(at.offset)
        return file.read(8) == fmt.FRAME_MAGIC


def _at_begin(number: int, path: Path) -> Position:
    """The place of a segment's first frame."""
    with open(path, "rb") as file:
        head = fmt.parse_segment_header(file.read(fmt.SEGMENT_USED_BYTES))
    return Position(number, fmt.SEGMENT_HEADER_BYTES, head.first_seq, head.chain, head.epoch)


def _turns_up_to(rows: NDArray[np.int64], first_seq: int, target: Target) -> int:
    """How many words of these whole turns the target allows."""
    at = good = 0
    while at < rows.size:
        kind, extra = plain.kind_of(int(rows[at])), plain.extra_of(int(rows[at]))
        if kind == codes.C_TIME:
            good = at
            if target.time_ns >= 0 and int(rows[at + L.CMD_TIME_NS]) > target.time_ns:
                return good
        at += (1 + extra) * L.CMD_WORDS
        if target.row >= 0 and first_seq + at // L.CMD_WORDS > target.row:
            return good
    return int(rows.size)


def _end_here(journal: Path, before: Position, target: Target) -> Position:
    """Cut after `before`, or in the frame that follows it."""
    path = journal / fmt.segment_name(before.segment)
    end = before
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        frame = _shorter(fd, before, target, size)
        if frame:
            header = fmt.parse_frame_header(frame)
            end = Position(before.segment, header.end, before.seq + header.records, header.chain, header.epoch)
        os.ftruncate(fd, before.offset)
        os.posix_fallocate(fd, 0, size)  # zeros
        if frame:
            os.pwrite(fd, frame, before.offset)
        os.fsync(fd)
    finally:
        os.close(fd)
    for number, later in list_segments(journal):
        if number > before.segment:
            os.unlink(later)
    sync_directory(journal)
    return end


def _shorter(fd: int, before: Position, target: Target, size: int) -> bytes:
    """The frame at `before` with its turns up to the target; empty: none of them."""
    data = os.pread(fd, fmt.FRAME_HEADER_BYTES, before.offset) if before.offset + fmt.FRAME_HEADER_BYTES <= size else b""
    if data[:8] != fmt.FRAME_MAGIC:
        return b""
    header = fmt.parse_frame_header(data)
    if header.flags & fmt.FLAG_MARK:
        return b""
    payload = os.pread(fd, header.payload_bytes, before.offset + fmt.FRAME_HEADER_BYTES)
    rows = np.frombuffer(fmt.frame_rows(header, payload), dtype=np.int64)
    words = _turns_up_to(rows, before.seq, target)
    if not words:
        return b""
    kept = rows[:words].tobytes()
    packed = fmt.pack_rows(kept)
    flags = header.flags & ~fmt.FLAG_COMPACT
    if len(packed) < len(kept):
        kept, flags = packed, flags | fmt.FLAG_COMPACT
    shorter = replace(header, flags=flags, payload_bytes=len(kept), records=words // L.CMD_WORDS)
    return fmt.pack_frame(shorter, before.chain, kept)
