"""The writer's kernels: failures of the operating system, idle times, and the ring's limits."""

import errno
import select
import threading
from pathlib import Path

import pytest

from exchange_server.disk import disk_writer as dw
from exchange_server.journal import format as fmt
from exchange_server.journal.recover import verify
from exchange_server.journal.store import JournalError, JournalFailed
from tests.journal.kit import SEGMENT, Faulty, commit, open_new, turn


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    "error, words",
    [(errno.EIO, r"\[EIO\] Input/output error"), (errno.ENOSPC, "the disk is full"), (errno.EDQUOT, r"\[EDQUOT\]")],
)
@pytest.mark.parametrize("what", ["write", "sync"])
def test_a_failed_call_is_never_made_again(tmp_path: Path, inline: bool, error: int, words: str, what: str) -> None:
    faulty = Faulty(
        on_write=lambda n, size: -error if what == "write" and n == 3 else None,
        on_sync=lambda n: -error if what == "sync" and n == 3 else None,
    )
    journal = open_new(tmp_path, fn=faulty.fn, idle_ms=60_000)
    for number in (1, 2):
        journal.append(turn(number))
        commit(journal)
    ticket = journal.append(turn(3))
    with pytest.raises(JournalFailed, match=words):
        if inline:
            commit(journal)
        else:
            journal.wait(ticket)
    assert journal.durable == 4 < ticket
    failure = journal.failed
    assert failure is not None and failure.errno == error and "Rows from 4 on were not acknowledged" in failure.text
    assert ("write failed" if what == "write" else "fdatasync failed") in failure.text and "00000001.seg at byte" in failure.text
    calls = faulty.writes, faulty.syncs
    for again in (lambda: journal.append(turn(4)), journal.kick, journal.commit_inline, lambda: journal.commit_mark(bytes(32), 1)):
        with pytest.raises(JournalFailed, match=words):
            again()
    with pytest.raises(JournalFailed, match=words):
        journal.close()
    assert (faulty.writes, faulty.syncs) == calls == (3, 3 if what == "sync" else 2)


@pytest.mark.parametrize("inline", [True, False])
def test_a_short_write_is_a_failure(tmp_path: Path, inline: bool) -> None:
    faulty = Faulty(on_write=lambda n, size: 100 if n == 2 else None)
    journal = open_new(tmp_path, fn=faulty.fn)
    journal.append(turn(1))
    commit(journal)
    ticket = journal.append(turn(2))
    with pytest.raises(JournalFailed, match="short write: .*wrote 100 of 384 bytes"):
        if inline:
            journal.commit_inline()
        journal.wait(ticket)
    with pytest.raises(JournalFailed):
        journal.close()
    found = verify(tmp_path)
    assert found.rows == 2 and found.torn_bytes > 0


def test_a_signal_before_the_first_byte_repeats_the_write_but_never_the_sync(tmp_path: Path) -> None:
    faulty = Faulty(on_write=lambda n, size: -errno.EINTR if n in (1, 2) else None)
    journal = open_new(tmp_path / "a", fn=faulty.fn)
    journal.append(turn(1))
    commit(journal)
    assert faulty.writes == 3
    journal.close()
    assert verify(tmp_path / "a").rows == 2
    faulty = Faulty(on_sync=lambda n: -errno.EINTR if n == 1 else None)
    journal = open_new(tmp_path / "b", fn=faulty.fn)
    journal.append(turn(1))
    with pytest.raises(JournalFailed, match="EINTR"):
        journal.commit_inline()
    assert faulty.syncs == 1
    with pytest.raises(JournalFailed):
        journal.close()


def test_the_idle_watermark_is_synced_and_its_failure_counts(tmp_path: Path) -> None:
    faulty = Faulty(on_sync=lambda n: -errno.EIO if n == 2 else None)
    journal = open_new(tmp_path, fn=faulty.fn, idle_ms=1)
    journal.append(turn(1))
    commit(journal)
    poll = select.poll()
    poll.register(journal.fileno(), select.POLLIN)
    assert poll.poll(10_000), "the thread must sync the watermark of an inline commit by itself"
    failure = journal.failed
    assert failure is not None and "fdatasync of the watermark failed" in failure.text
    with pytest.raises(JournalFailed):
        journal.close()


def test_async_releases_after_the_write_and_syncs_soon(tmp_path: Path) -> None:
    faulty = Faulty()
    journal = open_new(tmp_path, fn=faulty.fn, mode="async", sync_ns=3_000_000_000)
    journal.append(turn(1))
    commit(journal)
    journal.append(turn(2))
    commit(journal)
    assert journal.durable == 4
    kinds = [kind for kind, *_ in faulty.log]
    assert kinds.count("write") == 2 and "sync" not in kinds[:1]
    journal.close()  # a stop does not wait for the timer
    assert faulty.log[-1][0] == "sync" and journal.counters()["synced_seq"] == 4
    assert verify(tmp_path).rows == 4


def test_async_syncs_by_itself_while_idle_and_while_busy(tmp_path: Path) -> None:
    synced = threading.Event()
    faulty = Faulty(on_sync=lambda n: synced.set())
    journal = open_new(tmp_path, fn=faulty.fn, mode="async", sync_ns=5_000_000)
    journal.append(turn(1))
    commit(journal)
    assert synced.wait(10)
    synced.clear()
    journal.append(turn(2))
    journal.kick()
    assert synced.wait(10)
    position = journal.settle()
    mark = fmt.newest_watermark((tmp_path / "watermark").read_bytes())
    assert mark is not None and (mark.seq, mark.offset) == (4, position.offset)
    journal.close()


def test_async_sync_failure_stops_it(tmp_path: Path) -> None:
    faulty = Faulty(on_sync=lambda n: -errno.EIO)
    journal = open_new(tmp_path, fn=faulty.fn, mode="async", sync_ns=1_000_000)
    journal.append(turn(1))
    journal.commit_inline()
    with pytest.raises(JournalError):
        journal.settle(10_000)
    with pytest.raises(JournalFailed, match="fdatasync failed"):
        journal.close()


def test_ring_wraps_on_every_boundary(tmp_path: Path) -> None:
    """Fill the ring to its last byte, so that the next turn begins at its first one without a gap."""
    journal = open_new(tmp_path, ring_bytes=1024)
    total = 0
    for number in range(1, 60):
        for orders in (3, 3, 1, 2, 4):
            ticket = journal.append(turn(number, orders))
            total += orders + 1
        if number % 3 == 0:
            journal.commit_inline()
    journal.wait(ticket)
    journal.close()
    assert verify(tmp_path).rows == total == ticket


def test_a_new_page_is_written_to_its_end(tmp_path: Path) -> None:
    """Its rest need not be read from the disk first. No byte of another frame is touched, and nothing is written beyond the segment."""
    faulty = Faulty()
    journal = open_new(tmp_path, fn=faulty.fn)
    for number in range(1, 60):
        journal.append(turn(number, number % 13))
        commit(journal)
    journal.close()
    ends: dict[int, int] = {}
    seen = set()
    for kind, fd, offset, data in faulty.log:
        if kind == "sync":
            continue
        end = offset + len(data)
        if offset:
            h = fmt.parse_frame_header(data)
            assert h.offset == offset and h.end <= end <= SEGMENT and not any(data[h.end - offset :])
            assert end == (h.end if h.end <= -(-offset // 4096) * 4096 else -(-h.end // 4096) * 4096)
            seen.add((end > h.end, h.end % 4096 == 0))
        else:
            assert len(data) == 4096, "the header's page"
        assert offset % 4096 == 0 or offset < ends[fd] or offset == ends[fd], "a page is begun at its start"
        ends[fd] = max(ends.get(fd, 4096), end)
    assert {(True, False), (False, False)} <= seen
    assert verify(tmp_path).rows == sum(1 + n % 13 for n in range(1, 60))


def test_kernel_answers_are_all_known() -> None:
    assert {dw.APPENDED, dw.RING_FULL, dw.BAD_TURN} == {0, 1, 2}
    assert len({dw.COMMIT_FAILED, dw.COMMIT_NOTHING, dw.COMMIT_DONE, dw.COMMIT_ROLL}) == 4
