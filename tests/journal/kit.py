"""Shared by the journal's tests: rows, a small engine with the real one's interface, folders, libc functions that fail on purpose."""

import ctypes
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.disk import native
from exchange_server.journal import format as fmt
from exchange_server.journal.runner import Threads
from exchange_server.journal.store import Journal
from exchange_server.journal.system import FUNCTIONS
from protocol.codes import C_NEW, C_TIME

SERVER = 7
SEGMENT = 32 << 10
LONG = os.environ.get("EXOS_LONG", "0") == "1"


def turn(number: int, orders: int = 1, seed: int = 0) -> NDArray[np.int64]:
    """A TIME row and `orders` rows whose words all depend on (seed, number, row)."""
    rows = np.zeros((1 + orders, L.CMD_WORDS), dtype=np.int64)
    rows[0, 0] = C_TIME
    rows[0, 1] = number
    rows[0, 2] = 1_750_000_000_000_000_000 + number
    for i in range(1, 1 + orders):
        rows[i] = (seed * 1_000_003 + number * 10_007 + i) * np.arange(1, L.CMD_WORDS + 1, dtype=np.int64) * 2_654_435_761
        rows[i, 0] = C_NEW
    return rows.reshape(-1)


def orders(number: int, count: int) -> NDArray[np.int64]:
    """A TIME row and `count` rows like orders: a few words of each are not zero, some rows are zero altogether (as texts can be)."""
    rows = np.zeros((1 + count, L.CMD_WORDS), dtype=np.int64)
    rows[0, :3] = C_TIME, number, 1_750_000_000_000_000_000 + number
    for i in range(1, 1 + count):
        words = (number * 31 + i * 7) % (L.CMD_WORDS - 1)
        rows[i, 1 : 1 + words : 1 + i % 3] = -number * 1_000 - i
        rows[i, 0] = C_NEW if words else 0
    return rows.reshape(-1)


class FakeEngine:
    """Digest = a hash over all rows in order, whatever the batches; one event for each row that is no TIME row."""

    def __init__(self, chunks: Iterator[bytes] | None = None) -> None:
        self.state = bytes(32)
        self.row_seq = 0
        self.event_seq = 1
        self.time_ns = 0
        self.restored = chunks is not None
        if chunks is not None:
            body = b"".join(chunks)
            self.state = body[:32]
            self.row_seq = int.from_bytes(body[32:40], "little")
            self.event_seq = int.from_bytes(body[40:48], "little")
            self.time_ns = int.from_bytes(body[48:56], "little")

    def apply(self, rows: NDArray[np.int64], words: int, sink: Callable[[NDArray[np.int64]], None]) -> list[Any]:
        assert words % L.CMD_WORDS == 0 and rows[0] == C_TIME
        for at in range(0, words, L.CMD_WORDS):
            row = rows[at : at + L.CMD_WORDS]
            self.state = hashlib.sha256(self.state + row.tobytes()).digest()
            self.row_seq += 1
            if row[0] == C_TIME:
                self.time_ns = int(row[2])
            if row[0] != C_TIME:
                event = np.zeros(L.EVT_WORDS, dtype=np.int64)
                event[0] = 1
                event[L.EVT_NUMBER] = self.event_seq
                event[L.EVT_SESSION_NUMBER] = self.event_seq
                event[L.EVT_PREVIOUS] = self.event_seq - 1
                event[6:] = row[6]
                self.event_seq += 1
                sink(event)
        return []

    as_written = False

    def counters(self) -> bytes:
        return self.state + self.row_seq.to_bytes(8, "little")

    def digest(self) -> bytes:
        return hashlib.sha256(self.state + self.row_seq.to_bytes(8, "little")).digest()

    def snapshot(self) -> Iterator[bytes]:
        yield self.state
        yield b"".join(n.to_bytes(8, "little") for n in (self.row_seq, self.event_seq, self.time_ns))


def digest_of(turns: list[NDArray[np.int64]]) -> bytes:
    engine = FakeEngine()
    for rows in turns:
        engine.apply(rows, rows.size, lambda e: None)
    return engine.digest()


def open_new(folder: Path, **options: Any) -> Journal:
    return Journal.open(folder, SERVER, options.pop("runner", None) or Threads(), **{"segment_bytes": SEGMENT, "idle_ms": 5, **options})


def commit(journal: Journal) -> None:
    """Inline if possible; the thread may be faster."""
    if not journal.commit_inline():
        journal.wait(journal.next_seq)


def write_turns(folder: Path, turns: list[NDArray[np.int64]], **options: Any) -> list[tuple[int, int, int]]:
    """A journal of one frame a turn, closed cleanly. Returns (segment, offset, end) of each frame."""
    journal = open_new(folder, **options)
    places = []
    before = journal.position()
    for rows in turns:
        journal.append(rows)
        commit(journal)
        p = journal.settle()
        places.append((p.segment, before.offset if before.segment == p.segment else fmt.SEGMENT_HEADER_BYTES, p.offset))
        before = p
    journal.close()
    return places


def copy_folder(source: Path, target: Path) -> Path:
    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("spare.tmp"))  # created and removed while a journal runs
    return target


def patch(path: Path, at: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


class Faulty:
    """libc for the writer kernel, with the n-th write and the n-th sync controlled by the test. Keep it referenced while it is used.

    on_write(call number, bytes requested) and on_sync(call number) return None (do it), a negative errno (fail with it), or for a write a
    number of bytes: write only that many and return it.
    """

    def __init__(
        self,
        on_write: Callable[[int, int], int | None] = lambda n, size: None,
        on_sync: Callable[[int], int | None] = lambda n: None,
    ) -> None:
        self.writes = 0
        self.syncs = 0
        self.log: list[tuple[str, int, int, bytes]] = []  # ("write", fd, offset, data), ("sync", fd, 0, b"")
        self.observe: Callable[[str, str, int, bytes], None] = lambda kind, name, offset, data: None  # after the log, before the call
        self._errno = ctypes.c_int(0)
        self.fn = FUNCTIONS.copy()
        self._keep: list[Any] = []

        def pwritev(fd: int, iov: int, count: int, offset: int) -> int:
            self.writes += 1
            parts = (ctypes.c_int64 * (2 * count)).from_address(iov)
            data = b"".join(ctypes.string_at(parts[2 * i], parts[2 * i + 1]) for i in range(count))
            told = on_write(self.writes, len(data))
            if told is not None and told < 0:
                self._errno.value = -told
                return -1
            piece = data if told is None else data[:told]
            self.log.append(("write", fd, offset, piece))
            self.observe("write", os.path.basename(os.readlink(f"/proc/self/fd/{fd}")), offset, piece)
            return os.pwrite(fd, piece, offset)

        def fdatasync(fd: int) -> int:
            self.syncs += 1
            told = on_sync(self.syncs)
            if told is not None and told < 0:
                self._errno.value = -told
                return -1
            self.log.append(("sync", fd, 0, b""))
            self.observe("sync", os.path.basename(os.readlink(f"/proc/self/fd/{fd}")), 0, b"")
            if told is None:
                os.fdatasync(fd)
            return 0

        i32, i64 = ctypes.c_int32, ctypes.c_int64
        self._put(native.FN_PWRITEV, ctypes.CFUNCTYPE(i64, i32, i64, i32, i64)(pwritev))
        self._put(native.FN_FDATASYNC, ctypes.CFUNCTYPE(i32, i32)(fdatasync))
        self._put(native.FN_ERRNO, ctypes.CFUNCTYPE(i64)(lambda: ctypes.addressof(self._errno)))

    def _put(self, word: int, callback: Any) -> None:
        self._keep.append(callback)
        self.fn[word] = ctypes.cast(callback, ctypes.c_void_p).value
