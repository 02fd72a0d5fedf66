"""Copies past the caches, through the kernel that puts events into the event store's ring."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.disk.event_rows import keep
from exchange_server.journal.event_writer import page_aligned

ROWS = 20


@pytest.mark.parametrize(("slot", "first", "count"), [(0, 0, 1), (3, 7, 17), (19, 20, 1), (0, 0, 20), (5, 5, 0)])
def test_rows_go_to_their_place_in_the_ring_and_nowhere_else(slot: int, first: int, count: int) -> None:
    rows = np.arange(1, 40 * L.EVT_WORDS + 1, dtype=np.int64)
    for unaligned in range(9):  # where the rows come from may begin anywhere in a cache line
        source = np.concatenate([np.zeros(unaligned, np.int64), rows])[unaligned:]
        ring = page_aligned(ROWS * L.EVT_WORDS)
        wanted = ring.copy()
        wanted[slot * L.EVT_WORDS : (slot + count) * L.EVT_WORDS] = rows[first * L.EVT_WORDS : (first + count) * L.EVT_WORDS]
        keep(ring, slot, source, first, count)
        assert np.array_equal(ring, wanted)
