"""Reading the event store's files beside the server that writes them: events with extra rows, borders of files, damage, times."""

from pathlib import Path

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.core.layout import plain
from exchange_server.hooks.source import PIECE_ROWS, Rows
from exchange_server.journal.event_store import EventStore
from protocol import codes


def written(folder: Path, extras: list[int]) -> tuple[EventStore, list[int]]:
    """A store with an event for each of `extras`, which is how many extra rows it has; the numbers of the events. Event k comes at time 1000 k."""
    rows, numbers, at = [], [], 1
    rng = np.random.default_rng(1)
    for k, extra in enumerate(extras, 1):
        row = np.zeros((1 + extra, L.EVT_WORDS), dtype=np.int64)
        row[0, L.EVT_HEAD] = plain.pack_event(codes.E_FILL if k % 2 else codes.E_ACCEPTED, extra, 0, 0, 0, 0)
        row[0, L.EVT_NUMBER], row[0, L.EVT_TIME] = at, 1000 * k
        row[1:] = rng.integers(-(1 << 62), 1 << 62, (extra, L.EVT_WORDS))
        rows.append(row)
        numbers.append(at)
        at += 1 + extra
    store = EventStore(folder / "events")
    store.append(np.concatenate(rows).reshape(-1))
    store.flush()
    return store, numbers


def all_of(rows: Rows, last: int, first: int = 1) -> list[int]:
    found = []
    while first <= last:
        piece = rows.piece(first, last)
        assert piece.next > first
        found += [row[L.EVT_NUMBER] for row in piece.rows]
        first = piece.next
    return found


@pytest.mark.parametrize("step", [1, 3])
def test_every_wanted_event_comes_once_whatever_its_extra_rows(tmp_path, step: int):
    store, numbers = written(tmp_path, [k % step * 2 for k in range(2500)])
    rows = Rows(tmp_path)
    assert all_of(rows, store.next_number - 1) == numbers[::2]
    at = numbers[1001]
    assert all_of(rows, store.next_number - 1, at) == [n for n in numbers[::2] if n >= at]
    assert rows.piece(1, 10**9).next >= PIECE_ROWS
    rows.close()
    store.close()


def test_rows_that_are_damaged_or_not_there_yet_end_a_piece(tmp_path):
    store, numbers = written(tmp_path, [0] * 50)
    rows = Rows(tmp_path)
    assert rows.piece(51, 60).next == 51  # nothing there yet
    with open(store.files.path(0), "r+b") as file:
        file.seek(9 * 192 + 40)
        file.write(b"\xff")
    assert rows.piece(1, 50).next == 10 and rows.piece(10, 50) == (10, 10, []) and all_of(rows, 50, 11) == numbers[10::2]
    rows.close()
    store.close()


def test_heads_and_times(tmp_path):
    store, numbers = written(tmp_path, [k % 4 * 3 for k in range(400)])
    rows, last = Rows(tmp_path), store.next_number - 1
    for number in range(1, last + 1, 7):
        head, time_ns = rows.head_from(number, last)
        wanted = next((k for k, n in enumerate(numbers) if n >= number), None)
        assert (head, time_ns) == ((numbers[wanted], 1000 * (wanted + 1)) if wanted is not None else (last + 1, 0))
    for k in (1, 2, 57, 399, 400):
        assert rows.at_time(1000 * k, 1, last) == numbers[k - 1]
        assert rows.at_time(1000 * k - 1, 1, last) == numbers[k - 1]
    assert rows.at_time(0, 1, last) == 1 and rows.at_time(10**9, 1, last) == last + 1
    rows.close()
    store.close()
