"""The journal's files while the server runs: append, commit, roll over, fail.

    journal = Journal.open(directory, server_id, runner)  # a new one; recover.py opens an existing one
    ticket = journal.append(rows)                         # whole turns; copies, never blocks on the disk
    journal.kick()                                        # the writer thread writes everything there as one frame ...
    journal.commit_inline()                               # ... or the caller writes and syncs itself, when nothing else is pending
    journal.durable >= ticket                             # output of these rows may be sent
    journal.fileno()                                      # an eventfd, readable when `durable` or `failed` changed

Guarantees: `durable` never covers a row that is not on the disk (mode "sync") or not with the operating system (mode "async", synced
every 10 ms). After any failed or short write or sync nothing more is written, `failed` says why, `append` raises, and the owner must
stop the process; what was not covered by `durable` is unknown and must not be acknowledged. Not handled: two writers on one journal
(the lock refuses the second), network file systems.
"""

import errno
import mmap
import os
import select  # tidy: allow asyncio because poll() waits for the writer at start and stop, and serves the preparer; no loop runs here
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..core.kit.lines import zeros_on_lines
from ..disk import disk_writer as dw
from ..disk.journal_layout import compact_room
from . import format as fmt
from .files import (
    SMALLEST_SEGMENT,
    DirectoryLock,
    JournalError,
    JournalFailed,
    JournalLocked,
    JournalNoSpace,
    Position,
    create,
    prepare_segment,
    replaced,
    sync_directory,
)
from .runner import Runner
from .system import FUNCTIONS

__all__ = [
    "DirectoryLock", "Failure", "Journal", "JournalError", "JournalFailed", "JournalLocked", "JournalNoSpace", "Position", "create", "sync_directory",
]  # fmt: skip

SEGMENT_BYTES = 256 << 20
RING_BYTES = 16 << 20
MARK_WAIT_MS = 10_000  # a clean stop waits this long for a segment for its digest; else the digest is left out
PREPARE_PAUSE_S = 0.004  # after a piece of the next segment
PREPARE_PAUSES = 12  # at most: a segment is made in a quarter of a minute where nothing is written
RETRY_S = 1.0  # interval for retrying a segment that could not be prepared

Mode = Literal["sync", "async"]


@dataclass(frozen=True)
class Failure:
    kind: int  # dw.FAIL_*
    errno: int
    segment: int
    offset: int
    text: str


class Journal:
    """One open journal. append, kick, commit_inline, commit_mark and close belong to one thread (the event loop's)."""

    def __init__(
        self,
        lock: DirectoryLock,
        server_id: int,
        runner: Runner,
        position: Position,
        segment_bytes: int,
        mode: Mode,
        ring_bytes: int,
        reserve_bytes: int,
        fn: NDArray[np.int64],
        sync_ns: int,
        idle_ms: int,
        logic: int,
        skip_epochs: int,
    ) -> None:
        self.directory = lock.directory
        self.server_id = server_id
        self.epoch = position.epoch + 1 + skip_epochs
        self.mode = mode
        self.reserve_bytes = reserve_bytes
        self._lock = lock
        self._segment_bytes = segment_bytes
        self._closed = False
        self._stop = threading.Event()
        self._st = st = zeros_on_lines(dw.ST_WORDS)
        self._words = memoryview(st.data)  # reading a word through it takes half as long as through numpy
        self._fn = fn.copy()
        self._ring = zeros_on_lines(ring_bytes // 8)
        pack = zeros_on_lines(compact_room(ring_bytes // fmt.ROW_BYTES))
        for words in (self._ring, pack):
            words |= 0  # pre-faulted now: a huge page allocated during a turn took 5 ms
        self._tmp = zeros_on_lines(dw.TMP_WORDS)
        fd = os.open(self.directory / fmt.segment_name(position.segment), os.O_RDWR | os.O_CLOEXEC)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._done = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._prepare = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._mark_fd = os.open(self.directory / "watermark", os.O_RDWR | os.O_CLOEXEC)
        os.posix_fallocate(self._mark_fd, 0, fmt.WATERMARK_FILE_BYTES)  # a store into a page without disk space would kill the process
        self._mark_map = mmap.mmap(self._mark_fd, fmt.WATERMARK_FILE_BYTES)
        marks = np.frombuffer(self._mark_map, dtype=np.int64)
        st[dw.ST_GAP] = -1
        for word in (dw.ST_NEXT_ROW, dw.ST_RELEASED, dw.ST_SYNCED, dw.ST_WRITTEN):
            st[word] = position.seq
        st[dw.ST_FD] = fd
        st[dw.ST_SEGMENT] = position.segment
        st[dw.ST_OFFSET] = position.offset
        st[dw.ST_SEGMENT_BYTES] = os.fstat(fd).st_size
        st[dw.ST_EPOCH] = self.epoch
        st[dw.ST_SERVER] = server_id
        st[dw.ST_LOGIC] = logic
        st[dw.ST_ASYNC] = 1 if mode == "async" else 0
        st[dw.ST_FRAME_FLAGS] = fmt.FLAG_ASYNC if mode == "async" else 0
        st[dw.ST_SYNC_NS] = sync_ns
        st[dw.ST_IDLE_MS] = idle_ms
        st[dw.ST_MARK_FD] = self._mark_fd
        st[dw.ST_WAKE_FD] = self._wake
        st[dw.ST_DONE_FD] = self._done
        st[dw.ST_PREPARE_FD] = self._prepare
        st[dw.ST_NEXT_FD] = -1
        st[dw.ST_OLD_FD] = -1
        st[dw.ST_ONE] = 1
        st[dw.ST_MARK_AT] = -1
        self._tmp[dw.TMP_CHAIN : dw.TMP_CHAIN + 4] = np.frombuffer(position.chain, dtype=np.int64)
        self._begin_epoch(position)
        both = (self._tmp, self._tmp.view(np.uint8), marks, marks.view(np.uint8))
        rows = (self._ring, self._ring.view(np.uint8), pack, pack.view(np.uint8))
        self._arguments: tuple[NDArray[Any], ...] = (st, self._fn, *rows, *both)
        self._mark_arguments: tuple[NDArray[Any], ...] = both
        self._writer = runner.service("exos-journal-writer", self._write_forever, self._write_round, prompt=True)
        self._preparer = runner.service("exos-journal-prepare", self._prepare_forever, self._prepare_round, anywhere=True)

    @classmethod
    def open(
        cls,
        directory: str | Path,
        server_id: int,
        runner: Runner,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        mode: Mode = "sync",
        ring_bytes: int = 0,
        reserve_bytes: int = 0,
        position: Position | None = None,
        lock: DirectoryLock | None = None,
        fn: NDArray[np.int64] = FUNCTIONS,
        sync_ns: int = 10_000_000,
        idle_ms: int = 50,
        logic: int = L.LOGIC_VERSION,
        skip_epochs: int = 0,
    ) -> "Journal":
        """Open for writing: a new journal in an empty folder, or (position, lock: from recover.py) an existing one at its end.

        runner: runs the writer and the preparer of segments. segment_bytes: multiple of 4096, at least 32 KiB. ring_bytes: room for waiting
        rows, also the longest turn (0: 16 MiB, or the capacity of a segment if that is less). reserve_bytes: space_low() is True when the next
        segment cannot be made and less than this is left (0: a quarter). skip_epochs: by how much more than one the epoch is raised.
        Raises JournalLocked, JournalError (folder not empty, no space), ValueError (settings).
        """
        if segment_bytes < SMALLEST_SEGMENT or segment_bytes % 4096:
            raise ValueError(f"segment_bytes is {segment_bytes}: it must be a multiple of 4096 and at least {SMALLEST_SEGMENT}")
        if mode not in ("sync", "async"):
            raise ValueError(f'mode is {mode!r}: it must be "sync" or "async"')
        if not 0 <= server_id < 1 << 63:
            raise ValueError(f"server_id is {server_id}: it must be 0..2^63-1")
        folder = Path(directory)
        lock = lock or DirectoryLock(folder)
        try:
            if position is None:
                position = create(folder, server_id, segment_bytes, logic)
            size = min(segment_bytes, (folder / fmt.segment_name(position.segment)).stat().st_size)
            most = (size - fmt.SEGMENT_HEADER_BYTES - fmt.FRAME_HEADER_BYTES) // fmt.ROW_BYTES * fmt.ROW_BYTES
            ring = min(ring_bytes or RING_BYTES, most) // fmt.ROW_BYTES * fmt.ROW_BYTES
            reserve = reserve_bytes or segment_bytes // 4
            return cls(lock, server_id, runner, position, segment_bytes, mode, ring, reserve, fn, sync_ns, idle_ms, logic, skip_epochs)
        except OSError as e:
            lock.release()
            what = e.filename or "while preparing a segment"
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise JournalNoSpace(
                    f"journal folder {folder}: no space left on the disk for a segment of {segment_bytes} bytes ({what})"
                ) from e
            raise JournalError(f"journal folder {folder}: {e.strerror} ({what})") from e
        except BaseException:
            lock.release()
            raise

    # ---- the hot path -----------------------------------------------------------------------------------------------
    def append(self, rows: NDArray[np.int64] | memoryview | bytes, first_seq: int = -1) -> int:
        """Append whole turns (each begins with a C_TIME row). Returns the ticket: the rows are durable once `durable` >= ticket.

        rows: int64 words, a multiple of 16, or the same bytes. first_seq: the sequence that the caller expects next (-1: not
        given). Waits for the writer only if the ring is full (see backlog_bytes). Raises JournalFailed; ValueError when the rows are
        not whole rows, longer than the ring, or out of sequence: an error of the caller.
        """
        words = rows if isinstance(rows, np.ndarray) else np.frombuffer(rows, dtype=np.int64)
        if words.dtype != np.int64 or words.ndim != 1 or not words.flags.writeable or not words.flags.c_contiguous:
            words = np.array(words, dtype=np.int64).reshape(-1)
        if first_seq >= 0 and first_seq != self._words[dw.ST_NEXT_ROW]:
            raise ValueError(f"journal: rows begin at sequence {first_seq}, the next one is {self._words[dw.ST_NEXT_ROW]}")
        return self.append_turn(words, words.size)

    def append_turn(self, inbox: NDArray[np.int64], words: int) -> int:
        """`append` without checks, for the pipeline: the first `words` words of a contiguous, writable int64 array, in sequence."""
        if self._words[dw.ST_FAIL] or self._closed:
            raise JournalFailed(self._refusal())
        while True:
            answer = dw.ring_append(self._st, self._ring, inbox, words)
            if answer == dw.APPENDED:
                return self._words[dw.ST_NEXT_ROW]
            if answer == dw.BAD_TURN:
                longest = self._ring.size * 8
                raise ValueError(
                    f"journal: {words * 8} bytes of rows; a turn must be 1 to {longest} bytes in whole rows of {fmt.ROW_BYTES}"
                )
            self.wait(self._words[dw.ST_NEXT_ROW])

    def append_call(self, inbox: NDArray[np.int64]) -> tuple[Any, tuple[Any, ...]]:
        """The kernel of `append_turn` and its arguments, the last of which is the number of words; for a kernel that calls it
        (disk/small_turn.py)."""
        return dw.ring_append, (self._st, self._ring, inbox, 0)

    def commit_call(self) -> tuple[Any, tuple[Any, ...]]:
        """The kernel of `commit_inline` and its arguments."""
        return dw.commit_inline, (*self._arguments, 0)

    @property
    def words(self) -> NDArray[np.int64]:
        """The state that the kernels share (disk_writer.ST_*)."""
        return self._st

    def fenced(self) -> bool:
        """Whether another process has taken this folder: the lock or the watermark that it has now is not the one that was opened here."""
        return self._lock.lost() or replaced(self._mark_fd, self.directory / "watermark")

    @property
    def usable(self) -> bool:
        """Has nothing failed, and is it open?"""
        return not (self._words[dw.ST_FAIL] or self._closed)

    def kick(self) -> None:
        """Make the writer thread write what was appended. Makes a system call only if the thread sleeps. Raises JournalFailed."""
        if dw.wake_writer(self._st, self._fn) == dw.COMMIT_FAILED:
            raise JournalFailed(self._refusal())

    def commit_inline(self) -> bool:
        """Write (sync mode: and sync) in this thread if nothing is pending elsewhere. True: everything appended is durable now.

        False: the writer thread has it, wait for fileno(). Raises JournalFailed.
        """
        answer = dw.commit_inline(*self._arguments, 0) if not self._closed else dw.COMMIT_FAILED
        if answer == dw.COMMIT_DONE:
            return True
        if answer == dw.COMMIT_FAILED:
            raise JournalFailed(self._refusal())
        if answer == dw.COMMIT_NOTHING:
            self.kick()  # the thread may have checked just before our rows were appended
        return self.durable == self.next_seq

    def request_mark(self, events: bytes, event_seq: int) -> bool:
        """Request that a digest of the events (32 bytes) is written after everything appended so far; replay compares it. Never waits.

        False: the previous one is not written yet, or the journal has failed. A mark is left out if there is no room for it.
        """
        payload = np.frombuffer(bytearray(fmt.pack_mark(fmt.Mark(bytes(32), self.next_seq, event_seq, events))), dtype=np.int64)
        if self._closed or dw.ask_mark(self._st, payload, self._tmp) != dw.COMMIT_DONE:
            return False
        return bool(dw.wake_writer(self._st, self._fn) != dw.COMMIT_FAILED)

    def commit_mark(self, digest: bytes, event_seq: int, wait_ms: int = 0, events: bytes = bytes(32)) -> bool:
        """Write a state digest (32 bytes) after everything appended; recovery compares it.

        False: rows are still pending, or the segment is full and the next one was not ready within wait_ms (at 0 the segment is never
        changed here: try later). Raises JournalFailed.
        """
        if self._closed:
            raise JournalFailed(self._refusal())
        payload = np.frombuffer(bytearray(fmt.pack_mark(fmt.Mark(digest, self.next_seq, event_seq, events))), dtype=np.int64)
        while True:
            answer = dw.commit_mark(self._st, self._fn, payload.view(np.uint8), *self._mark_arguments, int(wait_ms > 0))
            if answer != dw.COMMIT_ROLL or wait_ms <= 0:
                break
            wait_ms = 0 if self._words[dw.ST_PREPARE_ERRNO] else wait_ms - 5  # no disk space for a next segment: do not wait
            self._preparer.step()
            self._stop.wait(0.005)
        if answer == dw.COMMIT_FAILED:
            raise JournalFailed(self._refusal())
        return answer == dw.COMMIT_DONE

    @property
    def durable(self) -> int:
        """Highest ticket whose rows may be answered."""
        return self._words[dw.ST_RELEASED]

    def released(self) -> int:
        """`durable`, for the gate: raises JournalFailed once anything has failed."""
        words = self._words
        if words[dw.ST_FAIL]:
            raise JournalFailed(self._refusal())
        return words[dw.ST_RELEASED]

    @property
    def written(self) -> int:
        """Highest ticket whose rows the operating system has."""
        return self._words[dw.ST_WRITTEN]

    @property
    def next_seq(self) -> int:
        """Sequence of the next row to be appended: the ticket of the last append."""
        return self._words[dw.ST_NEXT_ROW]

    @property
    def backlog_bytes(self) -> int:
        """Bytes of rows that are appended but not written yet. Stop reading sockets well before ring_bytes."""
        return self._words[dw.ST_HEAD] - self._words[dw.ST_TAIL]

    @property
    def ring_bytes(self) -> int:
        return self._ring.size * 8

    def fileno(self) -> int:
        """Descriptor (eventfd) that becomes readable when the writer thread has made something durable, or failed."""
        return self._done

    def acknowledge(self) -> int:
        """Reset fileno(); returns `durable`. Call it first, then check `failed` and the held output."""
        try:
            os.eventfd_read(self._done)
        except BlockingIOError:
            pass  # no event was pending: the caller checked without one
        return self._words[dw.ST_RELEASED]

    # ---- failure and free space ------------------------------------------------------------------------------
    @property
    def failed(self) -> Failure | None:
        """None, or the failure: from then on nothing is written and the process must stop."""
        w = self._words
        kind = w[dw.ST_FAIL]
        if kind == 0:
            return None
        code = w[dw.ST_FAIL_ERRNO]
        why = f"[{errno.errorcode.get(code, code)}] {os.strerror(code)}"
        if kind == dw.FAIL_SHORT:
            why = f"wrote {w[dw.ST_FAIL_GOT]} of {w[dw.ST_FAIL_WANT]} bytes"
        if kind == dw.FAIL_SPACE or code == errno.ENOSPC:
            why = f"the disk is full ({why}); free space on it, then start again"
        what = {
            dw.FAIL_WRITE: "write failed",
            dw.FAIL_SHORT: "short write",
            dw.FAIL_SYNC: "fdatasync failed",
            dw.FAIL_WAIT: "waiting for work failed",
            dw.FAIL_SPACE: "no next segment",
            dw.FAIL_MARK: "fdatasync of the watermark failed",
            dw.FAIL_NOTIFY: "eventfd write failed",
        }[kind]
        segment, offset = w[dw.ST_FAIL_SEGMENT], w[dw.ST_FAIL_OFFSET]
        where = f"{self.directory / fmt.segment_name(segment)} at byte {offset}"
        text = f"journal: {what}: {where}: {why}. Rows from {self.durable} on were not acknowledged; the write is not retried"
        return Failure(kind, code, segment, offset, text)

    def space_low(self) -> bool:
        """True: no further segment can be created and the open one is in its reserve. Refuse new orders, keep accepting cancels.

        The preparer tries again every second, so it becomes False by itself when there is space again.
        """
        w = self._words
        if w[dw.ST_PREPARE_ERRNO] == 0 or w[dw.ST_NEXT_FD] >= 0:
            return False
        return w[dw.ST_SEGMENT_BYTES] - w[dw.ST_OFFSET] - self.backlog_bytes < self.reserve_bytes

    def position(self) -> Position:
        """Where the next frame will go. Only meaningful while nothing is pending."""
        chain = self._tmp[dw.TMP_CHAIN : dw.TMP_CHAIN + 4].tobytes()
        w = self._words
        return Position(w[dw.ST_SEGMENT], w[dw.ST_OFFSET], w[dw.ST_WRITTEN], chain, self.epoch)

    def counters(self) -> dict[str, int]:
        """For the status page: frames, syncs, bytes written, segment, offset, rows durable and synced."""
        w = self._words
        return {
            "frames": w[dw.ST_COMMITS],
            "syncs": w[dw.ST_SYNCS],
            "bytes": w[dw.ST_BYTES],
            "segment": w[dw.ST_SEGMENT],
            "offset": w[dw.ST_OFFSET],
            "durable_seq": w[dw.ST_RELEASED],
            "synced_seq": w[dw.ST_SYNCED],
        }

    def wait(self, ticket: int, timeout_ms: int = 60_000) -> None:
        """Block until `ticket` is durable: for start, stop and tests, never on a live loop. Raises JournalFailed, JournalError."""
        poll = select.poll()
        poll.register(self._done, select.POLLIN)
        while self.durable < ticket:
            self.kick()
            self._writer.step()
            if not poll.poll(timeout_ms) and self.durable < ticket:
                raise JournalError(f"journal: row {ticket} is not durable after {timeout_ms} ms")
            if self.failed is not None:
                raise JournalFailed(self._refusal())
            self.acknowledge()

    def settle(self, timeout_ms: int = 60_000) -> Position:
        """Block until everything appended is on the disk, also in async mode; returns where the next frame will go.

        For a clean stop, before a snapshot. Raises JournalFailed, JournalError.
        """
        self.wait(self.next_seq, timeout_ms)
        w = self._words
        left = timeout_ms
        while w[dw.ST_MARK_AT] >= 0 or (self.mode == "async" and w[dw.ST_SYNCED_COMMITS] != w[dw.ST_COMMITS]):
            self.kick()
            self._writer.step()
            self._stop.wait(0.002)
            left -= 2
            if left < 0:
                raise JournalError(f"journal: not synced after {timeout_ms} ms")
        return self.position()

    def close(self, digest: bytes | None = None, event_seq: int = 0) -> None:
        """Write and sync everything, with `digest` a mark after it, and release the folder. Safe to call twice.

        Raises JournalFailed when the last rows could not be made durable; the folder is released all the same.
        """
        if self._closed:
            return
        try:
            if self.failed is None:
                self.wait(self.next_seq)
                self._writer.step()  # writes a waiting mark
                if digest is not None:
                    self.commit_mark(digest, event_seq, MARK_WAIT_MS)
        finally:
            self._closed = True
            self._st[dw.ST_STOP] = 1
            self._stop.set()
            os.eventfd_write(self._wake, 1)
            self._writer.join()
            os.eventfd_write(self._prepare, 1)
            self._preparer.join()
            # A set: a roll-over that failed half-way leaves the same descriptor in two words.
            for fd in {self._words[word] for word in (dw.ST_FD, dw.ST_NEXT_FD, dw.ST_OLD_FD)} - {-1}:
                os.close(fd)
            for fd in (self._wake, self._done, self._prepare, self._mark_fd):
                os.close(fd)
            self._arguments = self._mark_arguments = ()  # the last views of the mapped watermark
            self._mark_map.close()
            self._lock.release()
        failure = self.failed
        if failure is not None:
            raise JournalFailed(failure.text)

    # ---- inside -------------------------------------------------------------------------------------------------------
    def _refusal(self) -> str:
        failure = self.failed
        return failure.text if failure is not None else f"journal {self.directory} is closed"

    def _begin_epoch(self, position: Position) -> None:
        """Write the new epoch to the disk before any frame has it, and the watermark at the end found by recovery."""
        w = fmt.Watermark(self.server_id, self.epoch, position.seq, position.segment, position.offset, position.chain)
        slot = fmt.pack_watermark(w)
        for at in fmt.SLOT_OFFSETS:
            self._mark_map[at : at + fmt.SLOT_BYTES] = slot
            os.fdatasync(self._mark_fd)

    def _write_forever(self) -> None:
        dw.writer_thread(*self._arguments)

    def _write_round(self) -> None:
        """One round of the writer, for a runner without threads: writes and syncs everything appended, and the watermark."""
        st = self._st
        if self._closed and st[dw.ST_STOP]:
            if st[dw.ST_FAIL] == 0:
                os.fdatasync(self._mark_fd)
            return
        before = self.durable, st[dw.ST_FAIL]
        while dw.commit_inline(*self._arguments, 1) == dw.COMMIT_ROLL:
            self._prepare_round()
            if st[dw.ST_NEXT_FD] < 0:
                break  # no disk space for a next segment: tried again in the next round
        if self.mode == "async" and st[dw.ST_FAIL] == 0 and st[dw.ST_SYNCED_COMMITS] != st[dw.ST_COMMITS]:
            tmp, _, marks, marks8 = self._mark_arguments
            dw.sync_written(st, self._fn, tmp, marks, marks8)
        if before != (self.durable, st[dw.ST_FAIL]):
            os.eventfd_write(self._done, 1)

    def _prepare_forever(self) -> None:
        """Keep one segment ready; close the previous one."""
        st = self._st
        poll = select.poll()
        poll.register(self._prepare, select.POLLIN)
        while not self._stop.is_set():
            self._prepare_round(self._make_room)
            poll.poll(RETRY_S * 1000 if st[dw.ST_NEXT_FD] < 0 else None)
            try:
                os.eventfd_read(self._prepare)
            except BlockingIOError:
                continue  # timed out without a request

    def _make_room(self, done: int) -> bool:
        """Between two pieces of the next segment: pauses while it is a quarter ahead of the open one, so that the disk's work is spread over the time that it
        takes to fill that. True: the journal is closed."""
        st = self._st
        for _ in range(PREPARE_PAUSES):
            ahead = done < self._segment_bytes and 4 * done * int(st[dw.ST_SEGMENT_BYTES]) > 5 * int(st[dw.ST_OFFSET]) * self._segment_bytes
            if not ahead or self._stop.wait(PREPARE_PAUSE_S):
                break
        return self._stop.is_set()

    def _prepare_round(self, wait: Callable[[int], bool] | None = None) -> None:
        """Close the previous segment and prepare the next one. wait: called between its pieces."""
        st = self._st
        if st[dw.ST_OLD_FD] >= 0:
            old, st[dw.ST_OLD_FD] = int(st[dw.ST_OLD_FD]), -1
            os.close(old)
        if st[dw.ST_NEXT_FD] < 0 and st[dw.ST_FAIL] == 0 and not self._closed:
            try:
                fd = prepare_segment(self.directory, int(st[dw.ST_SEGMENT]) + 1, self._segment_bytes, wait)
                st[dw.ST_NEXT_BYTES] = os.fstat(fd).st_size
                st[dw.ST_PREPARE_ERRNO] = 0
                st[dw.ST_NEXT_FD] = fd
            except OSError as e:
                st[dw.ST_PREPARE_ERRNO] = e.errno or errno.EIO
            os.eventfd_write(self._wake, 1)
