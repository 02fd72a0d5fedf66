"""Checksums of rows, and a session's messages found by walking backwards from its newest event."""

from pathlib import Path

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.disk import event_rows as er
from exchange_server.journal.event_files import NO_TALLY, EventSum
from exchange_server.journal.event_store import EventsMissing, EventStore, EventStoreError
from protocol import codes
from protocol.codes import E_ACCEPTED, E_LOGON
from tests.journal.kit import patch


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
            row = np.zeros(L.EVT_WORDS, dtype=np.int64)
            row[L.EVT_NUMBER], row[L.EVT_PREVIOUS] = number, self.last[s]
            kind = rng.integers(20)
            extra = 0
            if kind == 0:  # the numbers restart
                row[0] = E_LOGON
                row[L.EVT_QTY] = L.LOGON_RESET | 2
                next_out[s] = 1
                self.numbers[s] = []
            elif kind == 3:  # it came back and went on
                row[0] = E_LOGON
                row[L.EVT_QTY] = 2
            else:
                extra = int(kind == 1)
                row[0] = E_ACCEPTED | extra << 8
                row[L.EVT_SESSION_NUMBER] = next_out[s]
                self.numbers[s].append((next_out[s], number))
                next_out[s] += 1 + int(kind == 2) * 3  # a gap fill took some
            self.last[s] = number
            rows.append(row)
            number += 1
            if extra:
                payload = np.full(L.EVT_WORDS, -1, dtype=np.int64)  # payload only: its words have no meaning
                payload[L.EVT_NUMBER] = -77
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
            sizes = [r.size // L.EVT_WORDS for r in store.chain_rows(world.last[s], begin, end)]
            assert sizes == [1 + (int(store.row(e)[0]) >> 8 & 255) for e in wanted]
    assert store.chain(0, 1, 0).size == 0
    store.close()


def test_a_long_chain_and_a_broken_one(tmp_path: Path) -> None:
    rows = np.zeros((10_000, L.EVT_WORDS), dtype=np.int64)
    rows[:, L.EVT_NUMBER] = np.arange(1, 10_001)
    rows[:, L.EVT_PREVIOUS] = np.arange(0, 10_000)
    rows[:, L.EVT_SESSION_NUMBER] = np.arange(1, 10_001)
    store = EventStore(tmp_path, 4000)
    store.append(rows.reshape(-1))
    assert store.chain(10_000, 1, 0).tolist() == list(range(10_000, 0, -1))
    with pytest.raises(EventStoreError, match="event 10001 of a session's chain is not here"):
        store.chain(10_001, 1, 0)
    store.flush()
    patch(tmp_path / "00000001.evt", 999 * er.ROW_BYTES + 8 * L.EVT_PREVIOUS, b"\xff")
    with pytest.raises(EventsMissing) as missing:
        store.chain(10_000, 1, 0)
    assert (missing.value.first, missing.value.last, missing.value.lost) == (5000, 5000, False)
    assert missing.value.found.tolist() == list(range(10_000, 5000, -1))
    store.close()


def test_a_chain_that_the_program_itself_wrote_wrong_is_named_and_ends(tmp_path: Path) -> None:
    for words in ((L.EVT_PREVIOUS, 60), (L.EVT_NUMBER, 61)):
        rows = np.zeros((100, L.EVT_WORDS), dtype=np.int64)
        rows[:, L.EVT_NUMBER] = np.arange(1, 101)
        rows[:, L.EVT_PREVIOUS] = np.arange(0, 100)
        rows[:, L.EVT_SESSION_NUMBER] = np.arange(1, 101)
        rows[59, words[0]] = words[1]
        store = EventStore(tmp_path / str(words[0]), 4000)
        store.append(rows.reshape(-1))
        for _ in range(2):  # in memory, in the file
            with pytest.raises(EventStoreError, match="event 60 is as it was written, but does not belong into a chain"):
                store.chain(100, 1, 0)
            store.flush()
        store.close()


def _sealed(rows: np.ndarray, first: int = 1) -> tuple[np.ndarray, bytes]:
    count = rows.size // L.EVT_WORDS
    sums, running = np.zeros(count, dtype=np.int64), np.zeros(2, dtype=np.int64)
    er.seal_rows(rows.view(np.uint8), rows.reshape(-1), count, first, sums, 0, running, NO_TALLY)
    return sums, running.tobytes()


def test_every_bit_of_a_row_its_place_and_its_checksum_counts() -> None:
    rng = np.random.default_rng(5)
    for rows in (
        np.zeros(L.EVT_WORDS, dtype=np.int64),
        np.full(L.EVT_WORDS, -1, dtype=np.int64),
        rng.integers(-(2**62), 2**62, L.EVT_WORDS),
    ):
        sums, running = _sealed(rows)
        data = rows.view(np.uint8)
        assert er.first_bad(data, 1, 1, sums) == 1
        for bit in range(64 * L.EVT_WORDS):
            data[bit // 8] ^= 1 << (bit % 8)
            assert er.first_bad(data, 1, 1, sums) == 0
            assert _sealed(rows)[1] != running
            data[bit // 8] ^= 1 << (bit % 8)
        for bit in range(64):
            sums ^= np.int64(1 << bit if bit < 63 else -(2**63))
            assert er.first_bad(data, 1, 1, sums) == 0
            sums ^= np.int64(1 << bit if bit < 63 else -(2**63))
        assert er.first_bad(data, 1, 2, sums) == 0, "a row in another's place"
    assert er.first_bad(np.zeros(er.ROW_BYTES, np.uint8), 1, 7, np.zeros(1, np.int64)) == 0, "zeros with a checksum of zero"


def test_two_changed_bits_are_seen_too() -> None:
    """Also errors that a sum of products would miss: the same high bit of two words."""
    rows = np.arange(L.EVT_WORDS, dtype=np.int64)
    sums, _ = _sealed(rows)
    for bit in (0, 31, 32, 62, 63):
        for i in range(L.EVT_WORDS):
            for j in range(i):
                changed = rows.copy()
                changed.view(np.uint64)[[i, j]] ^= np.uint64(1 << bit)
                assert er.first_bad(changed.view(np.uint8), 1, 1, sums) == 0, (bit, i, j)


def test_the_running_value_depends_on_order_and_not_on_pieces() -> None:
    rows = np.random.default_rng(3).integers(-(2**62), 2**62, 60 * L.EVT_WORDS)
    _, whole = _sealed(rows)
    running = np.zeros(2, dtype=np.int64)
    sums = np.zeros(60, dtype=np.int64)
    for at, count in ((0, 1), (1, 30), (31, 29)):
        piece = rows[at * L.EVT_WORDS : (at + count) * L.EVT_WORDS]
        er.seal_rows(piece.view(np.uint8), piece, count, 1 + at, sums, at, running, NO_TALLY)
    assert running.tobytes() == whole and np.array_equal(sums, _sealed(rows)[0])
    assert _sealed(rows.reshape(60, L.EVT_WORDS)[::-1].reshape(-1).copy())[1] != whole


def test_stretches_of_bad_rows_and_who_follows_them() -> None:
    rows = np.arange(20 * L.EVT_WORDS, dtype=np.int64)
    sums, _ = _sealed(rows, 101)
    for i in (0, 1, 7, 19):
        rows[i * L.EVT_WORDS + 3] ^= 1
    out = np.zeros(8, dtype=np.int64)
    assert er.bad_rows(rows.view(np.uint8), 20, 101, sums, out) == 3
    assert out[:6].tolist() == [101, 102, 108, 108, 120, 120]
    assert er.bad_rows(rows.view(np.uint8), 20, 101, sums, out[:4]) == 3 and out[:4].tolist() == [101, 102, 108, 108]
    world = Sessions(3)
    table = world.rows.reshape(-1, L.EVT_WORDS)
    found = np.zeros(1000, dtype=np.int64)
    count = er.rows_after(world.rows, len(table), 1, 10, 60, found)
    heads = [i for i in range(len(table)) if table[i, L.EVT_NUMBER] == i + 1]
    assert found[:count].tolist() == [i for i in heads if 10 <= table[i, L.EVT_PREVIOUS] <= 60] and count > 10


def test_refusals_are_counted_by_reason_and_extra_rows_are_not_read_as_heads() -> None:
    rows = np.zeros((8, L.EVT_WORDS), dtype=np.int64)
    rows[:, L.EVT_NUMBER] = np.arange(101, 109)
    rows[0, L.EVT_HEAD] = codes.E_REJECTED | 7 << 36
    rows[1, L.EVT_HEAD] = codes.E_ACCEPTED | 7 << 36  # a reason, but no refusal
    rows[2, L.EVT_HEAD] = codes.E_CANCEL_REJECT | 2 << 8 | 9 << 36  # two extra rows: payload that looks like a refusal
    rows[3, L.EVT_HEAD] = rows[4, L.EVT_HEAD] = codes.E_REJECTED | 7 << 36
    rows[5, L.EVT_HEAD] = codes.E_REFUSED | 7 << 36
    rows[6, L.EVT_HEAD] = codes.E_REJECTED | 4000 << 36
    rows[7, L.EVT_HEAD] = codes.E_CANCEL_REJECT | 1 << 8 | 9 << 36  # its extra row is in the next piece
    tally, sealed = np.zeros(16, dtype=np.int64), np.zeros(16, dtype=np.int64)
    total = EventSum(next_number=101)
    er.count_refusals(rows.reshape(-1), 8, 101, tally)
    total.add(rows.reshape(-1), sealed)
    assert np.array_equal(tally, sealed)
    assert {i: n for i, n in enumerate(tally.tolist()) if n} == {7: 2, 9: 2, 15: 1}
    rest = np.zeros((2, L.EVT_WORDS), dtype=np.int64)
    rest[0] = codes.E_REJECTED | 7 << 36  # payload of the row before
    rest[1, L.EVT_HEAD], rest[1, L.EVT_NUMBER] = codes.E_REFUSED | 3 << 36, 110
    er.count_refusals(rest.reshape(-1), 2, 109, tally)
    total.add(rest.reshape(-1), sealed)
    assert np.array_equal(tally, sealed)
    assert {i: n for i, n in enumerate(tally.tolist()) if n} == {3: 1, 7: 2, 9: 2, 15: 1}
