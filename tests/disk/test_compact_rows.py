"""Packing and unpacking rows, against the plain Python of format.py."""

import numpy as np
import pytest
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.kit.jit import kernel
from exchange_server.disk.compact_rows import compact_size, pack_rows, unpack_rows
from exchange_server.disk.journal_layout import compact_room
from exchange_server.journal import format as fmt

GUARD = 0x5A5A5A5A5A5A5A5A


@kernel("int64(int64[::1], int64, int64, int64[::1])")
def pack(rows, at, count, out):
    return pack_rows(rows, at, count, out)


@kernel("int64(int64[::1], int64, int64, int64)")
def size(words, at, end, count):
    return compact_size(words, at, end, count)


@kernel("void(int64[::1], int64, int64, int64[::1], int64)")
def unpack(words, at, count, out, to):
    unpack_rows(words, at, count, out, to)


def random_rows(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Rows of any density, all zeros and none included; values of both signs, and such with only their highest or lowest bit."""
    rows = rng.integers(-(1 << 63), (1 << 63) - 1, (count, L.CMD_WORDS))
    rows[rng.random(rows.shape) < 0.1] = -(1 << 63)
    rows[rng.random(rows.shape) < 0.1] = 1
    rows[rng.random(rows.shape) < rng.choice([0.0, 0.3, 0.6, 1.0], (count, 1))] = 0
    return rows.reshape(-1)


def test_the_kernel_and_the_plain_python_agree() -> None:
    rng = np.random.default_rng(3)
    for count in [*range(1, 40), 257]:
        rows = random_rows(rng, count + 2)
        mine = rows[L.CMD_WORDS : -L.CMD_WORDS]
        out = np.full(compact_room(count) + 1, GUARD)
        words = pack(rows, L.CMD_WORDS, count, out)
        assert out[-1] == GUARD, "it must not write past its room"
        payload = out[:words].tobytes()
        assert payload == fmt.pack_rows(mine.tobytes()) and words % 8 == 0
        assert fmt.unpack_rows(payload, count) == mine.tobytes()
        data = np.concatenate([[GUARD], out[:words], [GUARD]])
        assert size(data, 1, 1 + words, count) == words
        back = np.full(count * L.CMD_WORDS + 2, GUARD)
        unpack(data, 1, count, back, 1)
        assert np.array_equal(back[1:-1], mine) and back[0] == back[-1] == GUARD


def test_a_payload_that_holds_other_rows_is_seen_before_it_is_unpacked() -> None:
    """Whatever the words are: never a size beyond the end, and the plain Python judges the same."""
    rng = np.random.default_rng(4)
    refused = 0
    for _ in range(2_000):
        count = int(rng.integers(1, 12))
        payload = np.frombuffer(bytearray(fmt.pack_rows(random_rows(rng, count).tobytes())), dtype=np.int64)
        said = count + int(rng.integers(-1, 2))
        if rng.random() < 0.5:
            payload[rng.integers(payload.size)] ^= 1 << int(rng.integers(63))
        if rng.random() < 0.2:
            payload = payload[: max(8, payload.size - 8)].copy()
        words = size(payload, 0, payload.size, said)
        assert words <= payload.size
        try:
            fmt.unpack_rows(payload.tobytes(), said)
            good = True
        except fmt.BadBytes:
            good = False
        assert good == (words == payload.size)
        refused += not good
    assert 200 < refused < 1_900


def test_orders_take_half() -> None:
    rows = np.zeros((64, L.CMD_WORDS), dtype=np.int64)
    rows[:, [L.CMD_HEAD, L.CMD_SESSION_ACCOUNT, L.CMD_INSTRUMENT, L.CMD_PRICE, L.CMD_QTY, L.CMD_ID_LO, L.CMD_GROUP_SEQ]] = 7
    assert len(fmt.pack_rows(rows.tobytes())) == 64 * 58


@pytest.mark.parametrize("count", [1, 3, 4, 5])
def test_rows_of_zeros(count: int) -> None:
    assert fmt.pack_rows(bytes(128 * count)) == bytes(64)
    assert fmt.unpack_rows(bytes(64), count) == bytes(128 * count)
