"""Many bytes read or written at once: sums, comparisons, decimal numbers."""

import random
import re

import numpy as np

from exchange_server.core.kit.bits import bytes_of
from exchange_server.core.kit.jit import kernel
from exchange_server.core.kit.loads import SLACK, equal64
from exchange_server.wires.fix_values import byte_sum, decimal
from exchange_server.wires.fix_write import put_scaled
from protocol.fix_messages import format_scaled


@kernel("int64(uint8[::1], int64, int64)")
def total(buf, at, stop):
    return byte_sum(bytes_of(buf), at, stop)


@kernel("int64(uint8[::1], int64, int64)")
def equal(buf, at, value):
    return equal64(bytes_of(buf), at, value)


@kernel("int64(uint8[::1], int64, int64, int64)")
def number_of(buf, at, n, decimals):
    return decimal(bytes_of(buf), at, n, decimals)


def test_the_sum_of_any_number_of_bytes_at_any_place():
    data = np.random.default_rng(1).integers(0, 256, 400 + SLACK).astype(np.uint8)
    data[:100] = 255
    for at in range(0, 70, 3):
        for length in (*range(200), 255, 256, 257, 319, 320, 321):
            assert total(data, at, at + length) == int(data[at : at + length].sum()) & 255, (at, length)


def test_where_a_byte_is_among_64():
    rng = np.random.default_rng(2)
    for value in (0, 1, 61, 127, 128, 255):
        for most in (2, 3, 256):
            data = (rng.integers(0, most, 200) + value).astype(np.uint8)
            for at in (0, 1, 7, 63, 100, 136):
                bits = np.packbits(data[at : at + 64] == value, bitorder="little").view(np.int64)[0]
                assert equal(data, at, value) == bits


def test_decimal_numbers_of_any_form():
    """Against the rule in words: digits with at most one point, no more decimals than allowed, at most 18 digits in all."""
    rng = random.Random(3)
    texts = {
        "",
        ".",
        "..",
        "1..",
        ".1.",
        "0.",
        ".0",
        "00000000",
        "0000000.",
        ".0000000",
        "1.234567",
        "12345678",
        "123456789",
        "1234567.8",
        "999999999999999999",
        "9" * 19,
    }
    texts |= {
        "".join(rng.choice("0123456789." if rng.random() < 0.9 else "0123456789.-/+:e \x01\x00") for _ in range(rng.randint(1, 20)))
        for _ in range(3000)
    }
    texts |= {
        f"{rng.choice(['', '0', '00'])}{rng.randrange(10 ** rng.randint(0, 7))}.{rng.randrange(10 ** rng.randint(0, 7))}"
        for _ in range(1000)
    }
    for text in sorted(texts):
        data = np.frombuffer(text.encode() + b"9.9" + bytes(SLACK), np.uint8).copy()
        for decimals in (0, 1, 2, 4, 8, 17, 18):
            expected = -1
            found = re.fullmatch(r"([0-9]*)(?:\.([0-9]*))?", text)
            if found and len(text) <= 19:
                whole, part = found[1], found[2] or ""
                if whole + part and len(part) <= decimals and len(whole) + decimals <= 18:
                    expected = int(whole + part + "0" * (decimals - len(part)))
            assert number_of(data, 0, len(text), decimals) == expected, (text, decimals)


@kernel("int64(uint8[::1], int64, int64)")
def written(buf, v, decimals):
    return put_scaled(bytes_of(buf), np.int64(0), v, decimals)


def test_numbers_with_any_decimals_are_written_as_plain_python_writes_them():
    rng = random.Random(4)
    values = {0, 1, 9, 10, 99, 100, 9999, 10000, 99_999_999, 100_000_000, 10**16 - 1, 10**16, 10**18, 2**63 - 1}
    values |= {rng.randrange(10 ** rng.randint(1, 18)) for _ in range(2000)}
    buf = np.zeros(128, np.uint8)
    for value in sorted(values | {-v for v in values}):
        for decimals in range(19):
            n = written(buf, value, decimals)
            assert bytes(buf[:n]).decode() == format_scaled(value, decimals), (value, decimals)
