"""The reading kernels one by one; test_walk.py and test_recover.py test them on whole journals."""

from pathlib import Path

import numpy as np

from exchange_server.disk import journal_walk as jw
from exchange_server.journal import format as fmt
from exchange_server.journal.system import FUNCTIONS
from tests.journal.kit import SERVER, orders, turn, write_turns


def test_last_nonzero_finds_the_byte() -> None:
    data = np.zeros(4096, dtype=np.uint8)
    words = data.view(np.int64)
    assert jw.last_nonzero(data, words, 0) == 0 and jw.last_nonzero(data, words, 1024) == 1024
    for at in (0, 7, 8, 1023, 1024, 1025, 4095):
        data[:] = 0
        data[at] = 128
        assert jw.last_nonzero(data, words, 0) == at + 1
        assert jw.last_nonzero(data, words, 1024) == (at + 1 if at >= 1024 else 1024)


def test_walk_stops_at_table_budget_and_stop(tmp_path: Path) -> None:
    turns = [turn(i, 3) if i % 2 else orders(i, 3) for i in range(1, 21)]
    places = write_turns(tmp_path, turns)
    data = np.fromfile(tmp_path / fmt.segment_name(1), dtype=np.uint8)
    words = data.view(np.int64)

    def walk(table_frames: int, budget: int, stop: int) -> tuple[int, int, int]:
        res = np.zeros(jw.WR_SIZE, dtype=np.int64)
        res[jw.WR_POSITION], res[jw.WR_SEGMENT], res[jw.WR_SERVER], res[jw.WR_STOP] = 4096, 1, SERVER, stop
        scratch = np.zeros(jw.WS_WORDS, dtype=np.int64)
        scratch[:4] = np.frombuffer(fmt.first_chain(SERVER), dtype=np.int64)
        table = np.zeros(table_frames * jw.TABLE_WORDS, dtype=np.int64)
        status = jw.walk(FUNCTIONS, data, words, scratch, scratch.view(np.uint8), res, table, budget)
        out = np.zeros(int(res[jw.WR_WORDS_OUT]), dtype=np.int64)
        frames = int(res[jw.WR_FRAMES])
        assert jw.gather(words, table, frames, out) == out.size
        assert np.array_equal(out, np.concatenate(turns[:frames]))
        return status, frames, int(res[jw.WR_POSITION])

    assert walk(100, 1 << 20, 0) == (jw.WALK_END, 20, places[-1][2])
    assert walk(7, 1 << 20, 0) == (jw.WALK_FULL, 7, places[6][2])
    assert walk(100, 64 * 5 - 1, 0) == (jw.WALK_FULL, 5, places[4][2])
    assert walk(100, 1, 0) == (jw.WALK_FULL, 1, places[0][2])  # one frame always
    assert walk(100, 1 << 20, places[8][2]) == (jw.WALK_FULL, 9, places[8][2])


def test_find_frame_takes_only_headers_in_their_own_place(tmp_path: Path) -> None:
    places = write_turns(tmp_path, [turn(i, 3) for i in range(1, 6)])
    data = np.fromfile(tmp_path / fmt.segment_name(1), dtype=np.uint8)
    words = data.view(np.int64)
    begins = [begin for _, begin, _ in places]
    assert jw.find_frame(data, words, 0, 1, SERVER) == begins[0]
    assert jw.find_frame(data, words, begins[0] + 1, 1, SERVER) == begins[1]
    assert jw.find_frame(data, words, begins[-1] + 1, 1, SERVER) == -1
    assert jw.find_frame(data, words, 0, 2, SERVER) == -1 and jw.find_frame(data, words, 0, 1, SERVER + 1) == -1
    data[begins[1] + 50] ^= 1
    assert jw.find_frame(data, words, begins[0] + 1, 1, SERVER) == begins[2]
    data[:192] = data[begins[2] : begins[2] + 192]  # a good header where it does not belong
    assert jw.find_frame(data, words, 0, 1, SERVER) == begins[0]


def test_a_frame_whose_packed_rows_are_not_those_it_counts_is_refused() -> None:
    """Its hashes and its CRC are right: only a faulty or a hostile writer makes it. The rows before it are good."""
    rows = orders(3, 5)
    chain = fmt.first_chain(SERVER)
    for records, status in (
        (6, jw.WALK_END),
        (5, jw.WALK_ROWS),
        (80, jw.WALK_ROWS),
        (2, jw.WALK_LENGTH),
        (0, jw.WALK_LENGTH),
        (500, jw.WALK_LENGTH),
    ):
        payload = fmt.pack_rows(rows.tobytes())
        head = fmt.FrameHeader(fmt.FLAG_COMPACT, len(payload), records, 1, 0, 1, 4096, 0, 0, SERVER, b"", b"")
        data = np.zeros(8192, dtype=np.uint8)
        frame = fmt.pack_frame(head, chain, payload)
        data[4096 : 4096 + len(frame)] = np.frombuffer(frame, dtype=np.uint8)
        res = np.zeros(jw.WR_SIZE, dtype=np.int64)
        res[jw.WR_POSITION], res[jw.WR_SEGMENT], res[jw.WR_SERVER] = 4096, 1, SERVER
        scratch = np.zeros(jw.WS_WORDS, dtype=np.int64)
        scratch[:4] = np.frombuffer(chain, dtype=np.int64)
        table = np.zeros(8 * jw.TABLE_WORDS, dtype=np.int64)
        words = data.view(np.int64)
        assert jw.walk(FUNCTIONS, data, words, scratch, scratch.view(np.uint8), res, table, 1 << 20) == status, records
        good = status == jw.WALK_END
        assert (res[jw.WR_FRAMES], res[jw.WR_SEQUENCE]) == (good, 6 * good)
        assert (scratch[:4].tobytes() == chain) != good, "a refused frame leaves the chain as it was"
