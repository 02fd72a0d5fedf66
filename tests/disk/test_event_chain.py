"""A session's messages, found by walking backwards from its newest event."""

from pathlib import Path

import numpy as np
import pytest

from exchange_server.core.records import EVT_NUMBER, EVT_PREVIOUS, EVT_QTY, EVT_SESSION_NUMBER, EVT_WORDS, LOGON_RESET
from exchange_server.journal.event_store import EventStore, EventStoreError
from protocol.codes import E_ACCEPTED, E_LOGON


class Sessions:
    """A stream of events of several sessions, as the engine chains them."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.last = [0, 0, 0]
        self.numbers: list[list[tuple[int, int]]] = [[], [], []]  # (session number, event number) since the last reset
        next_out = [1, 1, 1]
        rows = []
        number = 1
        for _ in range(400):
            s = int(rng.integers(3))
            row = np.zeros(EVT_WORDS, dtype=np.int64)
            row[EVT_NUMBER], row[EVT_PREVIOUS] = number, self.last[s]
            kind = rng.integers(20)
            extra = 0
            if kind == 0:  # the numbers begin anew
                row[0] = E_LOGON
                row[EVT_QTY] = LOGON_RESET | 2
                next_out[s] = 1
                self.numbers[s] = []
            elif kind == 3:  # it came back and went on
                row[0] = E_LOGON
                row[EVT_QTY] = 2
            else:
                extra = int(kind == 1)
                row[0] = E_ACCEPTED | extra << 8
                row[EVT_SESSION_NUMBER] = next_out[s]
                self.numbers[s].append((next_out[s], number))
                next_out[s] += 1 + int(kind == 2) * 3  # a gap fill took some
            self.last[s] = number
            rows.append(row)
            number += 1
            if extra:
                payload = np.full(EVT_WORDS, -1, dtype=np.int64)  # pure payload: its words mean nothing
                payload[EVT_NUMBER] = -77
                rows.append(payload)
                number += 1
        self.rows = np.concatenate(rows)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("per_file", [5, 10_000])
def test_chains_find_exactly_the_messages_of_a_session(tmp_path: Path, seed: int, per_file: int) -> None:
    world = Sessions(seed)
    store = EventStore(tmp_path, per_file)
    store.append(world.rows)
    for s in range(3):
        top = world.numbers[s][-1][0] if world.numbers[s] else 0
        for begin, end in ((1, 0), (1, 1), (top, top), (2, max(2, top - 3)), (top + 1, 0), (5, 9)):
            wanted = [e for n, e in world.numbers[s] if n >= begin and (end == 0 or n <= end)]
            assert store.chain(world.last[s], begin, end).tolist() == wanted[::-1], (s, begin, end)
            sizes = [r.size // EVT_WORDS for r in store.chain_rows(world.last[s], begin, end)]
            assert sizes == [1 + (int(store.row(e)[0]) >> 8 & 255) for e in wanted]
    assert store.chain(0, 1, 0).size == 0


def test_a_long_chain_and_a_broken_one(tmp_path: Path) -> None:
    rows = np.zeros((10_000, EVT_WORDS), dtype=np.int64)
    rows[:, EVT_NUMBER] = np.arange(1, 10_001)
    rows[:, EVT_PREVIOUS] = np.arange(0, 10_000)
    rows[:, EVT_SESSION_NUMBER] = np.arange(1, 10_001)
    store = EventStore(tmp_path, 4000)
    store.append(rows.reshape(-1))
    assert store.chain(10_000, 1, 0).tolist() == list(range(10_000, 0, -1))
    with pytest.raises(EventStoreError, match="event 10001 of a session's chain is not here"):
        store.chain(10_001, 1, 0)
    store.rows(5000, 1)[EVT_NUMBER] = 1
    with pytest.raises(EventStoreError, match="event 5000 is not in its place"):
        store.chain(10_000, 1, 0)
    store.rows(6000, 1)[EVT_PREVIOUS] = 6000
    with pytest.raises(EventStoreError, match="is not in its place"):
        store.chain(10_000, 1, 0)
