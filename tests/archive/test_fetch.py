"""Which segments a request means."""

from typing import Any

import pytest

from exchange_server.archive.fetch import wanted, wanted_by_time
from exchange_server.archive.segments import ArchiveProblem, Entry


def entry(segment: int) -> Entry:
    """Times 10 * segment to 10 * segment + 5."""
    rest: dict[str, Any] = {name: "" for name in ("chain_begin", "chain_end", "name", "raw_sha256", "sha256")}
    rest |= {
        name: 0 for name in ("server_id", "first_row", "rows", "first_epoch", "last_epoch", "end", "format", "logic", "raw_bytes", "bytes")
    }
    return Entry(segment=segment, first_ns=10 * segment, last_ns=10 * segment + 5, **rest)


ALL = [entry(n) for n in range(3, 8)]


def test_by_number() -> None:
    assert [e.segment for e in wanted(ALL, 4, 6)] == [4, 5, 6]
    for first, last in ((2, 4), (7, 8), (5, 4), (9, 9)):
        with pytest.raises(ArchiveProblem, match=f"the archive has segments 3 to 7; asked for {first} to {last}"):
            wanted(ALL, first, last)
    with pytest.raises(ArchiveProblem, match="the archive is empty"):
        wanted([], 1, 1)


def test_by_time() -> None:
    for begin, end, found in ((45, 50, [4, 5]), (46, 49, []), (0, 1 << 62, [3, 4, 5, 6, 7]), (55, 55, [5]), (76, 100, []), (70, 70, [7])):
        if found:
            assert [e.segment for e in wanted_by_time(ALL, begin, end)] == found
        else:
            with pytest.raises(ArchiveProblem, match="no rows of that time"):
                wanted_by_time(ALL, begin, end)
    with pytest.raises(ArchiveProblem, match="the archive is empty"):
        wanted_by_time([], 1, 1)
