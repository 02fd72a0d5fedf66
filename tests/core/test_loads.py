"""Many bytes added at once."""

import numpy as np

from exchange_server.core.kit.bits import bytes_of
from exchange_server.core.kit.jit import kernel
from exchange_server.core.kit.loads import SLACK
from exchange_server.wires.fix_parse import byte_sum


@kernel("int64(uint8[::1], int64, int64)")
def total(buf, at, stop):
    return byte_sum(bytes_of(buf), at, stop)


def test_the_sum_of_any_number_of_bytes_at_any_place():
    data = np.random.default_rng(1).integers(0, 256, 400 + SLACK).astype(np.uint8)
    data[:100] = 255
    for at in range(0, 70, 3):
        for length in (*range(200), 255, 256, 257, 319, 320, 321):
            assert total(data, at, at + length) == int(data[at : at + length].sum()) & 255, (at, length)
