"""Reading a journal's frames and deciding about its end: clean, torn, or refused. Changes nothing on the disk.

X is the position of the first bad frame. **Refused** if anything proves that X was once durable: the watermark file or a later frame's
watermark is beyond X, a valid later frame exists (in async mode: one whose watermark covers X), or a later segment has been started.
Otherwise the bytes from X on are a torn tail: they were never acknowledged. A refusal names file, offset, the rows affected and what to do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..disk import journal_walk as jw
from . import format as fmt
from . import recycled
from .fence import newest_mark
from .runner import Inline, Reader, Result, Runner
from .store import JournalError, Position
from .system import FUNCTIONS

BATCH_WORDS = 1 << 18  # 2 MiB of rows per step: they stay in the cache between the reader and the engine
TABLE_FRAMES = 4096
Progress = Callable[[int, int], None]  # rows done, rows in all (0: not known)

_WHY = {
    jw.WALK_END: "zeros where a frame should begin, with data after them",
    jw.WALK_SEGMENT_END: "data in the unused end of the segment",
    jw.WALK_MAGIC: "no frame begins here",
    jw.WALK_CRC: "the frame header's CRC is wrong",
    jw.WALK_VERSION: "the frame has a different format version",
    jw.WALK_PLACE: "the frame belongs to another position or another server",
    jw.WALK_LENGTH: "the frame's length is impossible",
    jw.WALK_EPOCH: "the frame is from an earlier epoch",
    jw.WALK_SEQUENCE: "the frame's first row does not follow",
    jw.WALK_PAYLOAD: "the payload does not match its SHA-256",
    jw.WALK_CHAIN: "the frame does not continue the chain",
    jw.WALK_ROWS: "the payload does not hold the rows that its header counts",
}


class JournalRefused(JournalError):
    """The journal cannot be trusted. The text names file, offset, rows and what to do."""

    def __init__(self, file: Path, offset: int, rows: str, why: str, ways_out: str) -> None:
        self.file = file
        self.offset = offset
        self.rows = rows
        self.why = why
        super().__init__(f"journal refused: {file} at byte {offset}: {why}. Rows affected: {rows}. What to do: {ways_out}")


class OtherRules(JournalError):
    """A segment of another version of the rules."""

    def __init__(self, path: Path, theirs: int, ours: int) -> None:
        data = path.parent.parent
        way = f"see what changes with exos upgrade check {data}, then exos upgrade apply {data} (docs/upgrade.md); or start the version that wrote it"
        if theirs > ours:
            way = "start the version that wrote it (docs/upgrade.md says how to go back)"
        super().__init__(f"journal segment {path} was written for rules version {theirs}, this program has {ours}: {way}")


WAYS_OUT = (
    "restore the segment from a copy and start again; or compare with a standby; or, if these rows are known to be worthless, "
    "cut here: exos journal cut {data} --segment {segment} --offset {offset}"
)


@dataclass(frozen=True)
class Batch:
    """Whole frames. `rows` is reused two batches later: apply or copy it before."""

    rows: NDArray[np.int64]  # flat, whole turns; empty for a mark alone
    first_seq: int
    frames: int
    mark: fmt.Mark | None  # the state digest after these rows
    end: Position


@dataclass
class Tail:
    """How the journal ended."""

    position: Position  # where writing continues
    segments: list[Path]  # started segments, oldest first
    torn: list[tuple[Path, int, int]] = field(default_factory=list)  # (file, from byte, to byte) to be cut
    short: list[tuple[Path, int]] = field(default_factory=list)  # (file, bytes it should have)
    cut_bytes: int = 0
    why: str = ""  # what was wrong with the torn frame
    lost_async: int = 0  # frames after a torn one that async mode never synced


def list_segments(directory: Path) -> list[tuple[int, Path]]:
    return sorted((number, path) for path in directory.iterdir() if (number := fmt.segment_number(path.name)))


class Walk:
    """One pass over a journal; iterate to get batches, then look at `tail`."""

    def __init__(
        self,
        directory: Path,
        *,
        start: Position | None = None,
        server_id: int | None = None,
        logic: int | None = L.LOGIC_VERSION,
        accept: tuple[int, int] | None = None,
        live: bool = False,
        watermark: fmt.Watermark | None = None,
        batch_words: int = BATCH_WORDS,
        fn: NDArray[np.int64] = FUNCTIONS,
        runner: Runner | None = None,
        progress: Progress | None = None,
    ) -> None:
        """start: position after a snapshot (None: the first segment). logic: rules version of all segments; None: any, for who does not apply the
        rows. accept: (segment, offset) that an operator agreed to cut at.

        runner: reads ahead (None: no reading ahead). live: a server is writing: read up to the watermark and check nothing after it; watermark: as the
        caller has read it (None: read here). Raises JournalError when there is no journal, JournalRefused.
        """
        self.directory = directory
        self.frames = 0
        self.rows = 0
        self.tail: Tail | None = None
        self._logic = logic
        self._accept = accept
        self._live = live
        self._batch_words = batch_words
        self._fn = fn
        self._runner: Runner = runner if runner is not None else Inline()
        self._start = start
        self._progress = progress
        segments = list_segments(directory) if directory.is_dir() else []
        if not segments:
            raise JournalError(f"journal folder {directory} holds no segments")
        self._paths = dict(segments)
        try:
            self.watermark = watermark or newest_mark(directory)
        except FileNotFoundError:
            self.watermark = None
        self._last_begun = next((n for n, p in reversed(segments) if self._head(p).strip(b"\0")), 0)
        first = start.segment if start is not None else segments[0][0]
        if self._last_begun == 0:
            raise JournalError(f"journal folder {directory} holds only prepared segments: no server ever wrote to it")
        self.server_id = server_id
        if self.watermark is None and accept is None:
            raise JournalRefused(
                directory / "watermark", 0, "unknown: the file records how far the journal was durable", "both slots are damaged or the file is missing",
                "restore the file from a copy; or accept the end that the frames show: exos journal cut (docs/journal.md)",
            )  # fmt: skip
        for number in range(first, self._last_begun + 1):
            if number not in self._paths:
                raise self._missing(number)
        self._res = np.zeros(jw.WR_SIZE, dtype=np.int64)
        self._table = np.zeros(TABLE_FRAMES * jw.TABLE_WORDS, dtype=np.int64)
        self._scratch = np.zeros(jw.WS_WORDS, dtype=np.int64)
        self._buffers = [np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)]
        self._segment = first
        self._words = np.zeros(0, dtype=np.int64)
        self._data = self._words.view(np.uint8)
        self._short: list[tuple[Path, int]] = []
        if start is not None:
            self._res[jw.WR_SEQUENCE] = start.seq
            self._res[jw.WR_EPOCH] = start.epoch
            self._set_chain(start.chain)
        self._opened = False
        self._ended = False
        self._mark_seen = False
        self._end_before = -1  # where the frames of the segment before this one end
        self._content_end: Result | None = None

    # ---- stepping ------------------------------------------------------------------------------------------------------
    def __iter__(self) -> Iterator[Batch]:
        """Batches in order; with threads the next one is read and checked (without the GIL) while the caller works on this one."""
        with self._runner.reader("exos-journal-read") as pool:
            self._pool: Reader = pool
            turn = 0
            ahead = pool.submit(self._step, turn)
            while (batch := ahead.result()) is not None:
                turn ^= 1
                ahead = pool.submit(self._step, turn)
                yield batch
                if self._progress is not None:
                    self._progress(self.rows, self._expected())

    def _expected(self) -> int:
        """How many rows there are in all, as the watermark says; 0: not known."""
        return 0 if self.watermark is None else self.watermark.seq - (self._start.seq if self._start is not None else 0)

    def _step(self, buffer: int) -> Batch | None:
        while not self._ended:
            if not self._opened and not self._open():
                return None
            res = self._res
            mark = self.watermark
            at_mark = mark is not None and mark.segment == self._segment
            res[jw.WR_STOP] = mark.offset if mark is not None and at_mark and res[jw.WR_POSITION] < mark.offset else 0
            scratch8 = self._scratch.view(np.uint8)
            if mark is not None and at_mark and res[jw.WR_POSITION] >= mark.offset and not self._mark_seen:
                self._check_watermark(mark)
                if self._live:
                    self._finish(Tail(self._position(), self._begun()))
                    return None
            status = jw.walk(self._fn, self._data, self._words, self._scratch, scratch8, res, self._table, self._batch_words)
            batch = self._batch(buffer) if res[jw.WR_FRAMES] else None
            if status != jw.WALK_FULL and batch is None:
                self._end_of_segment(status)
            if batch is not None:
                return batch
        return None

    def _batch(self, buffer: int) -> Batch:
        res = self._res
        frames = int(res[jw.WR_FRAMES])
        t = (frames - 1) * jw.TABLE_WORDS
        mark = None
        count = frames
        if self._table[t + 3] & fmt.FLAG_MARK:
            begin = int(self._table[t])
            mark = fmt.parse_mark(self._words[begin : begin + fmt.ROW_BYTES // 8].tobytes())
            count -= 1
        total = int(res[jw.WR_WORDS_OUT]) - (fmt.ROW_BYTES // 8 if mark is not None else 0)
        if self._buffers[buffer].size < total:
            self._buffers[buffer] = np.zeros(max(total, 2 * self._batch_words), dtype=np.int64)
        out = self._buffers[buffer]
        jw.gather(self._words, self._table, count, out)
        self.frames += frames
        self.rows += total * 8 // fmt.ROW_BYTES
        return Batch(out[:total], int(self._table[2]), frames, mark, self._position())

    # ---- segments -----------------------------------------------------------------------------------------------------
    def _head(self, path: Path) -> bytes:
        with open(path, "rb") as file:
            return file.read(fmt.SEGMENT_USED_BYTES)

    def _load(self, number: int, wanted: int) -> None:
        """Map a segment; one that is too short is read as if zeros followed."""
        path = self._paths[number]
        size = path.stat().st_size
        wanted = wanted or max(size, fmt.SEGMENT_HEADER_BYTES)
        wanted = -(-wanted // 64) * 64
        if size >= wanted:
            self._data = np.memmap(path, dtype=np.uint8, mode="c", shape=(wanted,)).view(np.ndarray)
        else:
            self._data = np.zeros(wanted, dtype=np.uint8)
            with open(path, "rb") as file:
                file.readinto(memoryview(self._data)[:size])  # type: ignore[arg-type]
            self._short.append((path, wanted))
        self._words = self._data.view(np.int64)

    def _open(self) -> bool:
        """Load the next segment and check its header. False: the journal has ended."""
        number = self._segment
        res = self._res
        path = self._paths[number]
        try:
            header = fmt.parse_segment_header(self._head(path))
        except FileNotFoundError:
            raise self._missing(number) from None
        except fmt.BadBytes as e:
            self._load(number, 0)
            res[jw.WR_POSITION] = 0
            res[jw.WR_HEADER_GOOD] = 0
            self._bad(str(e))
            return False
        if self._logic is not None and header.logic != self._logic:
            raise OtherRules(path, header.logic, self._logic)
        at_start = self._start is not None and number == self._start.segment
        first_of_all = self._start is None and self.frames == 0 and res[jw.WR_POSITION] == 0
        if self.server_id is None:
            self.server_id = header.server_id
        if first_of_all:
            if header.segment == 1 and (header.first_seq != 0 or header.chain != fmt.first_chain(header.server_id)):
                raise self._refuse(number, 0, 0, "the first segment does not begin the chain")
            res[jw.WR_SEQUENCE] = header.first_seq
            self._set_chain(header.chain)
        wrong = ""
        if header.segment != number:
            wrong = f"the file holds segment {header.segment}"
        elif header.server_id != self.server_id:
            wrong = f"the segment is from server {header.server_id}, not {self.server_id}"
        elif not at_start and header.first_seq != res[jw.WR_SEQUENCE]:
            wrong = f"the segment begins with row {header.first_seq}, the previous one ended with row {res[jw.WR_SEQUENCE]}"
        elif not at_start and header.chain != self._chain():
            wrong = "the segment does not continue the chain of the previous one (an old copy, or swapped segments)"
        elif not at_start and header.epoch < res[jw.WR_EPOCH]:
            wrong = f"the segment is from epoch {header.epoch}, before {res[jw.WR_EPOCH]}"
        if wrong:
            raise self._refuse(number, 0, int(res[jw.WR_SEQUENCE]), wrong)
        self._load(number, header.segment_bytes)
        if not at_start:
            res[jw.WR_EPOCH] = max(int(res[jw.WR_EPOCH]), header.epoch if header.segment > 1 else 0)
        res[jw.WR_POSITION] = self._start.offset if at_start and self._start is not None else fmt.SEGMENT_HEADER_BYTES
        res[jw.WR_SEGMENT] = number
        res[jw.WR_SERVER] = header.server_id
        self._opened = True
        if number == self._last_begun and not self._live:  # find the start of its zeros while its frames are read and processed
            self._content_end = self._pool.submit(jw.last_nonzero, self._data, self._words, 0)
        return True

    def _end_of_segment(self, status: int) -> None:
        """The walk found no further good frame in this segment."""
        position = int(self._res[jw.WR_POSITION])
        clean = status in (jw.WALK_END, jw.WALK_SEGMENT_END)
        if clean and self._segment < self._last_begun:
            self._check_passed_watermark()
            self._segment += 1
            self._opened = False
            return
        if clean and self._end_of_content(position) == position:
            self._check_passed_watermark()
            self._finish(Tail(self._position(), self._begun()))
            return
        self._bad(_WHY[status])

    def _end_of_content(self, position: int) -> int:
        """Byte offset after the last non-zero byte at or after `position`; `position` if there is none."""
        if self._content_end is not None and self._segment == self._last_begun:
            return max(position, int(self._content_end.result()))
        return int(jw.last_nonzero(self._data, self._words, position))

    # ---- judging ------------------------------------------------------------------------------------------------------
    def _bad(self, why: str) -> None:
        """At the first bad frame: refuse, or find the torn tail."""
        res = self._res
        at, seq, number = int(res[jw.WR_POSITION]), int(res[jw.WR_SEQUENCE]), self._segment
        accepted = self._accept == (number, at)
        mark = self.watermark
        if not accepted and mark is not None and (number, at) < (mark.segment, mark.offset):
            beyond = f"segment {mark.segment} offset {mark.offset}"
            raise self._refuse(
                number, at, seq, f"{why}, but the watermark shows that everything before {beyond} (row {mark.seq}) was on the disk"
            )
        if self._live:
            self._finish(Tail(self._position(), self._begun()))
            return
        trusted = res[jw.WR_HEADER_GOOD] and res[jw.WR_BAD_END] > at
        later = int(res[jw.WR_BAD_END]) if trusted else at + 64
        lost = 0
        while not accepted and (found := jw.find_frame(self._data, self._words, later, number, self.server_id or 0)) >= 0:
            header = fmt.parse_frame_header(self._data[found : found + fmt.FRAME_HEADER_BYTES].tobytes())
            if not header.flags & fmt.FLAG_ASYNC or header.durable_seq > seq:
                raise self._refuse(number, at, seq, f"{why}, but a valid frame (row {header.first_seq}) follows at byte {found}")
            lost += 1
            later = max(header.end, found + 64)
        if not accepted and number < self._last_begun:
            raise self._refuse(number, at, seq, f"{why}, but segment {self._last_begun} was started after it")
        end = int(jw.last_nonzero(self._data, self._words, at))
        torn = [(self._paths[number], at, end)]
        for n in range(number + 1, self._last_begun + 1):  # only with an operator's consent
            torn.append((self._paths[n], 0, self._paths[n].stat().st_size))
        begun = [p for p in self._begun() if p <= self._paths[number]]
        if at == 0:  # the header of a segment just started: it contains nothing yet
            begun = begun[:-1]
            if not begun or self._end_before < 0:
                raise self._refuse(number, at, seq, why)
            number -= 1
            at = self._end_before
        position = Position(number, at, seq, self._chain(), int(res[jw.WR_EPOCH]))
        cut = sum(e - b for _, b, e in torn)
        self._finish(Tail(position, begun, torn, [], cut, why, lost))

    def _check_watermark(self, mark: fmt.Watermark) -> None:
        self._mark_seen = True
        start = self._start
        if start is not None and (start.segment, start.offset) > (mark.segment, mark.offset) and start.epoch >= mark.epoch:
            return  # what a snapshot is of was durable as well: after a power cut the watermark's file may be older
        seq = int(self._res[jw.WR_SEQUENCE])
        if self._res[jw.WR_POSITION] == mark.offset and self._accept == (self._segment, mark.offset):
            return
        if mark.chain != self._chain() or mark.seq != seq:
            why = f"the frames before it do not have the watermark's chain value (it counts {mark.seq} rows, here are {seq})"
            raise self._refuse(self._segment, int(self._res[jw.WR_POSITION]), seq, why)
        self._res[jw.WR_EPOCH] = max(int(self._res[jw.WR_EPOCH]), mark.epoch if not self._live else 0)

    def _check_passed_watermark(self) -> None:
        """At the clean end of a segment: the watermark must not lie beyond it."""
        mark = self.watermark
        position = int(self._res[jw.WR_POSITION])
        self._end_before = position
        if mark is None or self._accept == (self._segment, position):
            return
        beyond = mark.segment == self._segment and mark.offset > position
        if beyond or (mark.segment > self._segment and self._segment == self._last_begun):
            seq = int(self._res[jw.WR_SEQUENCE])
            why = f"the journal ends here, but the watermark shows that row {mark.seq} was on the disk (segment {mark.segment} offset {mark.offset})"
            raise self._refuse(self._segment, position, seq, why)

    def _missing(self, segment: int) -> JournalRefused:
        refused = self._refuse(segment, 0, -1, "the segment is missing")
        found = recycled.where(self.directory, segment, segment)
        return JournalRefused(refused.file, 0, refused.rows, refused.why, found) if found else refused

    def _refuse(self, segment: int, offset: int, seq: int, why: str) -> JournalRefused:
        path = self._paths.get(segment, self.directory / fmt.segment_name(segment))
        last = self.watermark.seq if self.watermark is not None else 0
        rows = f"{seq} to {last - 1}" if 0 <= seq < last else (f"{seq} and after" if seq >= 0 else "unknown")
        return JournalRefused(path, offset, rows, why, WAYS_OUT.format(data=self.directory.parent, segment=segment, offset=offset))

    # ---- helpers -------------------------------------------------------------------------------------------------
    def _finish(self, tail: Tail) -> None:
        tail.short = self._short
        self.tail = tail
        self._ended = True

    def _begun(self) -> list[Path]:
        return [p for n, p in sorted(self._paths.items()) if n <= self._last_begun]

    def _chain(self) -> bytes:
        return self._scratch[jw.WS_CHAIN : jw.WS_CHAIN + 4].tobytes()

    def _set_chain(self, chain: bytes) -> None:
        self._scratch[jw.WS_CHAIN : jw.WS_CHAIN + 4] = np.frombuffer(chain, dtype=np.int64)

    def _position(self) -> Position:
        res = self._res
        return Position(self._segment, int(res[jw.WR_POSITION]), int(res[jw.WR_SEQUENCE]), self._chain(), int(res[jw.WR_EPOCH]))
