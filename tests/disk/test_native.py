"""SHA-256, CRC-32 and atomic words of the kernels against Python's own."""

import hashlib
import threading
import zlib

import numpy as np

from exchange_server.core.kit.jit import kernel
from exchange_server.disk import native
from exchange_server.journal.system import FUNCTIONS


def test_hash_of_the_kernel_with_and_without_the_library() -> None:
    data = np.frombuffer(bytearray(np.random.default_rng(1).bytes(1000)), dtype=np.uint8)
    out = np.zeros(32, dtype=np.uint8)
    scratch = np.zeros(native.SHA_WORDS, dtype=np.int64)
    alone = FUNCTIONS.copy()
    alone[native.FN_SHA_INIT] = 0
    for fn in (alone, FUNCTIONS):
        for size in (0, 1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 160, 997):
            native.sha256_kernel(fn, data, 3, size, out, scratch)
            assert out.tobytes() == hashlib.sha256(data[3 : 3 + size].tobytes()).digest(), size


@kernel("int64(uint8[::1], int64, int64)")
def crc(data, start, count):
    return native.crc32(data, start, count)


@kernel("int64(int64[::1], int64)")
def climb(words, times):
    """Add one to words[1], `times` times, under a lock made of words[0]; no GIL holds the threads apart."""
    base = native.address_of(words)
    for _ in range(times):
        while native.swap_seq(base, 0, 1) == 0:
            pass
        words[1] += 1
        native.store_seq(base, 0)
    return native.load_seq(base + 8)


def test_crc_is_that_of_zlib() -> None:
    data = np.frombuffer(bytearray(np.random.default_rng(2).bytes(3000)), dtype=np.uint8)
    for start, count in ((0, 0), (0, 1), (5, 184), (1, 504), (0, 3000)):
        assert crc(data, start, count) == zlib.crc32(data[start : start + count].tobytes())


def test_compare_and_swap_keeps_threads_apart() -> None:
    words = np.zeros(2, dtype=np.int64)
    threads = [threading.Thread(target=climb, args=(words, 20_000)) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert words.tolist() == [0, 60_000]
