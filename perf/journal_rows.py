"""Benchmark rows of the journal and the event store: commit latency, frame cost, replay reading. `python -m perf.journal_rows` prints
them."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from exchange_server.core import layout as L
from exchange_server.disk import native
from exchange_server.journal import format as fmt
from exchange_server.journal.event_store import EventStore
from exchange_server.journal.runner import Threads
from exchange_server.journal.store import Journal
from exchange_server.journal.system import FUNCTIONS, sha_addresses
from exchange_server.journal.walk import Walk
from protocol.codes import C_NEW, C_TIME

SERVER = 1
SEGMENT = 64 << 20
COMMITS = 1500
Row = dict[str, Any]


def _row(name: str, figure: float, unit: str, aim: float | None, note: str) -> Row:
    return {"name": name, "figure": round(figure, 3), "unit": unit, "aim": aim, "note": note}


def turn(number: int, rows: int) -> np.ndarray:
    """A turn of `rows` rows: a TIME row, then realistic orders (most words small)."""
    out = np.zeros((rows, L.CMD_WORDS), dtype=np.int64)
    out[:, 0] = C_NEW
    out[:, 1] = np.arange(rows) % 1000 << 32 | 17
    out[:, 3] = 5000 + np.arange(rows) * 7919 % 1000
    out[:, 4] = 1 + np.arange(rows) % 100
    out[:, 6] = number * 100_003 + np.arange(rows)
    out[0, :] = 0
    out[0, 0], out[0, 1], out[0, 2] = C_TIME, number, 1_750_000_000_000_000_000 + number
    return out.reshape(-1)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on the disk under test: in the working directory, because the temporary folder may be in memory."""
    path = Path(tempfile.mkdtemp(prefix="exos-bench-", dir=Path.cwd()))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def file_system(path: Path) -> str:
    """Type of the file system that holds `path`. Raises ValueError for one in memory, where a sync costs nothing."""
    best, kind = "", "unknown"
    with open("/proc/self/mounts") as file:
        for line in file:
            _, where, name, *_ = line.split()
            if f"{path.resolve()}/".startswith(where.rstrip("/") + "/"):
                if len(where) >= len(best):
                    best, kind = where, name
    if kind in ("tmpfs", "ramfs"):
        raise ValueError(f"{path} lies on {kind}: fdatasync is free there, measure on a real disk")
    return kind


def _sorted_us(work: Callable[[int], None], times: int) -> list[float]:
    taken = []
    for i in range(times):
        began = time.perf_counter()
        work(i)
        taken.append((time.perf_counter() - began) * 1e6)
    return sorted(taken)


def _percentiles(name: str, taken: list[float], note: str, aim: float | None = None) -> list[Row]:
    return [
        _row(f"{name} p50", taken[len(taken) // 2], "us", aim, note),
        _row(f"{name} p99", taken[len(taken) * 99 // 100], "us", None, note),
    ]


def commit_rows() -> list[Row]:
    """One small turn, from append until it is durable: inline, by the thread next to a spinning loop, and async."""
    import os

    out: list[Row] = []
    with folder() as path:
        kind = file_system(path)
        data = turn(1, 2)
        fd = os.open(path / "bare", os.O_RDWR | os.O_CREAT)
        os.pwrite(fd, bytes(SEGMENT), 0)
        os.fsync(fd)
        block = bytes(448)

        def bare(i: int) -> None:
            os.pwrite(fd, block, i * 448)
            os.fdatasync(fd)

        out += _percentiles("write + fdatasync alone", _sorted_us(bare, COMMITS), f"{kind}, 448 bytes, preallocated")
        os.close(fd)
        for mode in ("sync", "async"):
            journal = Journal.open(path / mode, SERVER, Threads(), segment_bytes=SEGMENT, mode=mode)
            time.sleep(1.0)  # the preparer's writes would be measured otherwise

            def inline(i: int, journal: Journal = journal) -> None:
                journal.append(data)
                if not journal.commit_inline():
                    journal.wait(journal.next_seq)

            aim = 1.5 * out[0]["figure"] if mode == "sync" else None
            out += _percentiles(f"journal commit {mode} inline", _sorted_us(inline, COMMITS), "append to durable, 2 rows", aim)
            if mode == "sync":

                def thread(i: int, journal: Journal = journal) -> None:
                    ticket = journal.append(data)
                    journal.kick()
                    while journal.durable < ticket:
                        pass
                    journal.acknowledge()

                out += _percentiles(
                    "journal commit sync by thread", _sorted_us(thread, COMMITS), "the loop spins and holds the GIL meanwhile"
                )
            journal.close()
    return out


def frame_rows() -> list[Row]:
    """Cost of a batch of 256 KiB: the loop's copy, the writer's hash, and the whole path to the disk."""
    out: list[Row] = []
    data = turn(1, 2048)
    scratch = np.zeros(native.SHA_WORDS, dtype=np.int64)
    digest = np.zeros(32, dtype=np.uint8)
    data8 = data.view(np.uint8)
    taken = _sorted_us(lambda i: native.sha256_kernel(FUNCTIONS, data8, 0, data8.size, digest, scratch), 200)
    by = "libcrypto" if sha_addresses() else "the kernel's own code"
    out.append(
        _row(
            "frame build 256 KiB (writer thread, no GIL)",
            taken[len(taken) // 2],
            "us",
            150.0,
            f"SHA-256 by {by}, of rows that cannot be packed",
        )
    )
    with folder() as path:
        journal = Journal.open(path, SERVER, Threads(), segment_bytes=SEGMENT)
        time.sleep(1.0)
        appends = []
        began = time.perf_counter()
        for _ in range(300):
            start = time.perf_counter()
            ticket = journal.append(data)
            appends.append((time.perf_counter() - start) * 1e6)
            journal.kick()
            while journal.backlog_bytes > 4 << 20:
                journal.wait(journal.durable + 1)
        journal.wait(ticket)
        seconds = time.perf_counter() - began
        frames = journal.counters()["frames"]
        journal.close()
    appends.sort()
    out.append(_row("journal append 256 KiB (loop)", appends[len(appends) // 2], "us", 150.0, "a copy into the ring"))
    out.append(
        _row("journal throughput sync", 300 * 2048 / seconds / 1e6, "million rows/s", 1.0, f"{frames} frames for 300 turns of 2048 rows")
    )
    return out


def read_rows() -> list[Row]:
    """Reading a journal back: every check of every frame, rows gathered; frames of 2,048 rows and of 2."""
    out: list[Row] = []
    for rows, turns in ((2048, 200), (2, 20_000)):
        with folder() as path:
            journal = Journal.open(path, SERVER, Threads(), segment_bytes=SEGMENT, mode="async")
            data = turn(1, rows)
            for _ in range(turns):
                journal.append(data)
                if not journal.commit_inline():
                    journal.wait(journal.next_seq)
            journal.close()
            began, used = time.perf_counter(), time.process_time()
            walk = Walk(path, runner=Threads())
            for _ in walk:
                pass
            seconds, used = time.perf_counter() - began, time.process_time() - used
            assert walk.rows == rows * turns
            note = f"{walk.frames} frames; {walk.rows / used / 1e6:.1f} million a second of processor time; runs ahead of the engine in a thread"
            figure = walk.rows / seconds / 1e6
            out.append(_row(f"journal reading, frames of {rows} rows", figure, "million rows/s", 2.0 if rows > 2 else None, note))
    return out


def event_store_rows() -> list[Row]:
    """Appending event rows, per MB, compared with a plain copy of the same bytes."""
    count = (1 << 20) // (8 * L.EVT_WORDS)
    chunk = np.ones((count, L.EVT_WORDS), dtype=np.int64)
    target = np.zeros(chunk.size, dtype=np.int64)
    flat = chunk.reshape(-1)
    with folder() as path:
        store = EventStore(path, runner=Threads())

        def append(i: int) -> None:
            chunk[:, L.EVT_NUMBER] = np.arange(store.next_number, store.next_number + count)
            began = time.perf_counter()
            store.append(flat)
            appends.append((time.perf_counter() - began) * 1e6)

        appends: list[float] = []
        _sorted_us(append, 120)
        store.close()
    copies = _sorted_us(lambda i: target.__setitem__(slice(None), flat), 120)
    appends.sort()
    note = f"a plain copy: {copies[60]:.0f} us"
    return [
        _row("event store append per MB p50", appends[60], "us", 4 * copies[60], note),
        _row("event store append per MB p99", appends[118], "us", None, "a new file is begun every 48 MB"),
    ]


def rows() -> list[Row]:
    """All rows of this file: dicts of name, figure, unit, aim (None: informative), note. Takes about 15 s."""
    return [*commit_rows(), *frame_rows(), *read_rows(), *event_store_rows()]


if __name__ == "__main__":
    for row in rows():
        aim = "" if row["aim"] is None else f"aim {row['aim']:.0f}"
        sys.stdout.write(f"{row['name']:48} {row['figure']:>12} {row['unit']:16} {aim:10} {row['note']}\n")
    sys.stdout.write(f"frame header {fmt.FRAME_HEADER_BYTES} bytes, row {fmt.ROW_BYTES} bytes\n")
