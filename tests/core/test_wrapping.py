"""Integers in kernels wrap like two's complement, everywhere: without it hash tables lose rows (ARCHITECTURE.md, Jit).

numba marks int64 arithmetic `nsw` unless core/kit/jit.py takes the mark away; the optimiser may then do anything at an overflow.
"""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from exchange_server.core.kit import bits
from exchange_server.core.kit.jit import FLAGS
from tests.bridge import signed, text_key

WORDS = st.integers(-(1 << 63), (1 << 63) - 1)


@njit(**FLAGS)
def _arithmetic(a, b, c):  # type: ignore[no-untyped-def]
    return (a * 7046029254386353131 + b) * c - a


@njit(**FLAGS)
def _mix2(a, b):  # type: ignore[no-untyped-def]
    return bits.mix2(a, b)


@njit(**FLAGS)
def _text_key(data, length):  # type: ignore[no-untyped-def]
    return bits.text_key(data, 0, length)


def mix2(a: int, b: int) -> int:
    """core/kit/bits.py: mix2 in plain Python."""
    mask = (1 << 64) - 1
    h = (a * -7046029254386353131 & mask) ^ ((a & mask) >> 32)
    h = (h + b) * -4417276706812531889 & mask
    h ^= h >> 29
    h = h * -7723592293110705685 & mask
    return h >> 32


def test_no_arithmetic_is_marked_as_never_overflowing() -> None:
    """`shl nsw` and the like may be derived by the optimiser where it is true; a multiplication by an odd constant is never so."""
    _arithmetic(1, 2, 3)
    for code in _arithmetic.inspect_llvm().values():
        assert not re.search(r"mul (?:nuw )?nsw i64 [^\n]*7046029254386353131", code), (
            "core/kit/jit.py leaves the nsw mark on int64 arithmetic"
        )


@settings(deadline=None)
@given(WORDS, WORDS, WORDS)
def test_arithmetic_wraps(a: int, b: int, c: int) -> None:
    assert _arithmetic(a, b, c) == signed(signed(signed(signed(a * 7046029254386353131) + b) * c) - a)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_mix2_is_what_it_says(a: int, b: int) -> None:
    assert _mix2(a, b) == mix2(a, b)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=64))
def test_text_key_is_what_it_says(text: bytes) -> None:
    data = np.frombuffer(text, np.uint8).copy()
    assert _text_key(data, len(text)) == text_key(text)
