"""What the journal has on the disk leaves the system's page cache, piece by piece, but for the newest part."""

import ctypes
from pathlib import Path
from typing import Any

import pytest

from exchange_server.disk import disk_writer as dw
from exchange_server.disk import native
from exchange_server.journal.recover import verify
from exchange_server.journal.runner import Inline

from .kit import Faulty, open_new, turn

ROWS = 4_000  # of a turn: half a megabyte
TURNS = 50
SEGMENT_BYTES = 14 << 20


class Advised(Faulty):
    """libc whose posix_fadvise notes what it is told, and how much of the segment was on the disk then."""

    def __init__(self, answer: int) -> None:
        super().__init__()
        self.told: list[tuple[int, int, int]] = []  # descriptor, begin, bytes
        self.beyond: list[tuple[int, int]] = []  # end of what was named, end of what was on the disk but for the newest part

        def advise(fd: int, begin: int, count: int, advice: int) -> int:
            assert advice == 4, "POSIX_FADV_DONTNEED"
            self.told.append((fd, begin, count))
            self.beyond.append((begin + count, self.synced(fd) - dw.CACHED_BYTES))
            return answer

        self._put(
            native.FN_ADVISE, ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_int32)(advise)
        )

    def synced(self, fd: int) -> int:
        """End of what was written to a descriptor before its last sync."""
        last = max(i for i, entry in enumerate(self.log) if entry[:2] == ("sync", fd))
        return max(offset + len(data) for kind, of, offset, data in self.log[:last] if (kind, of) == ("write", fd))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("answer", [0, 22], ids=["heard", "refused"])
def test_what_is_on_the_disk_leaves_the_page_cache(tmp_path: Path, mode: Any, answer: int) -> None:
    libc = Advised(answer)
    journal = open_new(tmp_path, fn=libc.fn, mode=mode, segment_bytes=SEGMENT_BYTES, sync_ns=1)
    part = turn(1, ROWS)
    for _ in range(TURNS):
        journal.wait(journal.append(part))
        journal.settle()
    segments = journal.settle().segment
    journal.close()
    assert libc.told and segments > 1
    begun: dict[int, int] = {}
    for fd, begin, count in libc.told:
        assert count == dw.LEAVE_BYTES and begin == begun.get(fd, 0), "each piece once, in order, from a segment's begin"
        begun[fd] = begin + count
    assert len(begun) > 1, "in each segment anew"
    assert all(end <= most for end, most in libc.beyond)
    found = verify(tmp_path)
    assert found.rows == TURNS * part.size // 16 and found.segments == segments


def test_a_short_journal_stays_there(tmp_path: Path) -> None:
    libc = Advised(0)
    journal = open_new(tmp_path, fn=libc.fn)
    journal.wait(journal.append(turn(1, 20)))
    journal.close()
    assert not libc.told


def test_who_commits_in_the_loop_does_not_wait_for_it(tmp_path: Path) -> None:
    """Only the writer's thread takes the time."""
    libc = Advised(0)
    journal = open_new(tmp_path, fn=libc.fn, runner=Inline(), segment_bytes=SEGMENT_BYTES)
    part = turn(1, ROWS)
    for _ in range(22):
        journal.append(part)
        assert journal.commit_inline()
    assert journal.position().offset > dw.CACHED_BYTES + dw.LEAVE_BYTES
    journal.close()
    assert not libc.told
