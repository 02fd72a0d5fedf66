"""Removing events that are older than their retention: whole files, told before they go, and moved back where they are made again."""

from pathlib import Path

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.core.layout import plain
from exchange_server.journal import retention
from exchange_server.journal.event_store import EventsMissing, EventStore
from exchange_server.journal.retention import retire
from protocol import codes

SIZE = 8


def events(count: int, extra: int = 0, first: int = 1) -> np.ndarray:
    """Events with `extra` extra rows each; the time of an event is its number."""
    rows = np.zeros((count, L.EVT_WORDS), np.int64)
    for i in range(count):
        if i % (1 + extra) == 0:
            rows[i, L.EVT_HEAD] = plain.pack_event(codes.E_ACCEPTED, min(extra, count - 1 - i), 0, 0, 0, 0)
            rows[i, L.EVT_NUMBER] = rows[i, L.EVT_TIME] = first + i
        else:
            rows[i] = first + i  # a payload that looks like an event of its own
            rows[i, L.EVT_TIME] = 1
    return rows.reshape(-1)


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    store = EventStore(tmp_path, SIZE)
    store.go_to(1)
    store.append(events(50))
    store.flush()
    return store


def names(folder: Path) -> list[int]:
    return sorted(int(p.stem) for p in folder.glob("*.evt"))


def test_only_whole_files_that_are_old_and_covered(tmp_path: Path, store: EventStore) -> None:
    assert retire(tmp_path, 8, 51, SIZE) == (1, 0, 0), "event 8 is not older than 8"
    assert retire(tmp_path, 1 << 62, 8, SIZE) == (1, 0, 0), "event 8 is not covered"
    first, last, size = retire(tmp_path, 18, 1 << 62, SIZE)
    assert (first, last) == (1, 16) and size == 2 * store.files.file_bytes and names(tmp_path)[0] == 2
    assert retire(tmp_path, 18, 1 << 62, SIZE)[1:] == (16, 0), "nothing more"
    assert retire(tmp_path, 1 << 62, 30, SIZE)[:2] == (17, 24)


@pytest.mark.parametrize("extra", [1, 3, 7, 20])
def test_extra_rows_have_no_time(tmp_path: Path, extra: int) -> None:
    """Their payload is not believed: an event counts by the row that begins it."""
    store = EventStore(tmp_path, SIZE)
    store.go_to(1)
    store.append(events(100, extra))
    store.flush()
    for border in range(2, 90):
        before = retention.read(tmp_path)
        retire(tmp_path, border, 1 << 62, SIZE)
        kept = retention.read(tmp_path)
        assert kept >= before and (kept == 1 or (kept - 2) // (1 + extra) * (1 + extra) + 1 < border)
    assert retention.read(tmp_path) > 60


def test_readers_are_told_at_once_or_at_the_next_look(tmp_path: Path, store: EventStore) -> None:
    assert store.rows(1, 16).size == 16 * L.EVT_WORDS
    version = store.version
    retire(tmp_path, 18, 51, SIZE)
    store.files.close()  # descriptors that are open go on reading
    store._window = (0, store._window[1][:0], store._window[2][:0])
    with pytest.raises(EventsMissing, match="events 1 to 16 are older than the exchange keeps them") as missing:
        store.rows(3, 1)
    assert missing.value.retired and missing.value.lost and missing.value.reason == codes.R_REPORTS_EXPIRED
    assert store.kept_from == 17 and not store.holes and store.version > version and not store.look_retired()
    with pytest.raises(EventsMissing):
        store.rows(16, 2)
    assert store.rows(17, 34).size == 34 * L.EVT_WORDS and store.status()["kept_from"] == 17
    assert store.rows(1, 0).size == 0


def test_a_start_does_not_rebuild_them(tmp_path: Path, store: EventStore) -> None:
    store.sync()
    store.close()
    retire(tmp_path, 18, 51, SIZE)
    again = EventStore(tmp_path, SIZE)
    again.go_to(51)
    assert not again.holes and not again.suspects and again.kept_from == 17
    again.go_to(9)  # from an older snapshot: they are made again
    assert again.kept_from == 9 == retention.read(tmp_path) and not again.holes
    again.append(events(42, first=9))
    again.flush()
    assert again.rows(9, 42).size and names(tmp_path)[0] == 1
    again.close()


@pytest.mark.parametrize("content", [b"", b"x" * 24, b"EXOSRET1" + bytes(16)])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / retention.NAME).write_bytes(content)
    assert retention.read(tmp_path) == 1


def test_a_damaged_row_at_the_border_stays(tmp_path: Path, store: EventStore) -> None:
    path = store.files.path(1)
    data = bytearray(path.read_bytes())
    data[(SIZE - 1) * L.EVT_WORDS * 8 + 30] ^= 1
    path.write_bytes(bytes(data))
    assert retire(tmp_path, 1 << 62, 51, SIZE)[:2] == (1, 8)
