"""Keys of ClOrdIDs that are texts, against plain Python: which texts are in their key, that each has one key, and that it comes back from it."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange_server.core.kit.bits import bytes_of, words_of
from exchange_server.core.kit.jit import kernel
from exchange_server.core.kit.loads import SLACK
from exchange_server.core.kit.text_ids import pack_text
from exchange_server.core.life.used import used_word
from exchange_server.core.order_terms import key_of_text, text_of_key
from exchange_server.wires.fix_write import put_packed
from tests.bridge import key_words, packed_key, packed_text, text_words
from tests.bridge import used_word as plain_used_word


@kernel("i8(u1[::1], i8, i8[::1])")
def _pack(data, n, out):  # type: ignore[no-untyped-def]
    out[0], out[1] = pack_text(bytes_of(data), np.int64(0), n)
    return 0


@kernel("i8(i8, i8, i8[::1])")
def _used(hi, lo, words):  # type: ignore[no-untyped-def]
    return used_word(hi, lo, words_of(words), np.int64(0))


@kernel("i8(i8, i8, u1[::1])")
def _write(hi, lo, out):  # type: ignore[no-untyped-def]
    return put_packed(bytes_of(out), np.int64(0), hi, lo)


def padded(text: str) -> np.ndarray:
    """Its bytes, and after them what may follow a text in a buffer."""
    data = np.full(len(text) + SLACK, 0xFF, np.uint8)
    data[: len(text)] = np.frombuffer(text.encode(), np.uint8)
    return data


def packed(text: str) -> tuple[int, int]:
    out = np.zeros(2, np.int64)
    _pack(padded(text), len(text), out)
    return int(out[0]), int(out[1])


def written(hi: int, lo: int) -> str:
    out = np.zeros(64 + SLACK, np.uint8)
    return out[: _write(hi, lo, out)].tobytes().decode()


def check(text: str) -> None:
    want = packed_key(text)
    hi, lo = packed(text)
    assert (hi, lo) == (want or (0, 0)), text
    out = np.zeros(8, np.int64)
    key_of_text(padded(text), out)
    assert (int(out[0]), int(out[1])) == key_words(text)
    if want is None:
        return
    assert packed_text(hi, lo) == text
    text_of_key(hi, lo, out)
    assert out.tobytes().rstrip(b"\0").decode() == text and written(hi, lo) == text
    assert _used(hi, lo, np.zeros(8, np.int64)) == plain_used_word(text) == _used(-1, 0, text_words(text, 8).copy())


# text, whether it is in its key: the rows say which form takes what
TABLE = [
    ("DESK-7F-000000000000001", True),  # 8 characters and 15 digits
    ("DESK-7F-999999999999999999", True),  # and 18
    ("DESK-7F-9999999999999999999", False),  # 19: the first would be a ninth character, and it is 27 long
    ("DESK/7F#/000001234567", False),  # a ninth character before them, and not all are simple
    ("A1", True),
    ("007", True),  # no integer id: it begins with 0
    ("0", True),
    ("99999999999999999999999999", True),  # 26 digits, the last 18 of them the number
    ("999999999999999999999999999", False),
    ("ABC", True),
    ("~", True),
    (" 1 ", True),
    ("A B/C#D$E%F&G(H)I", True),  # 17 of any
    ("A B/C#D$E%F&G(H)IJ", False),
    ("ABCDEFGHIJ-abcdefghi", True),  # 20 simple ones
    ("ABCDEFGHIJ-abcdefghij", False),
    ("ABCDEFGHIJ_abcdefghi", False),
    ("20261130-DESK7-00012345", True),  # 15 simple ones and 8 digits
    ("20261130-DESK7-000123456", False),
    ("20261130-DESK77-0001234", False),
    ("20261130-DESK7a1234567", True),
    ("20261130/DESK7-00012345", False),
    ("123e4567-e89b-42d3-a456-426614174000", True),  # UUIDs, version 4 and 7
    ("123E4567-E89B-72D3-B456-42661417400F", True),
    ("123e4567-e89b-12d3-a456-426614174000", False),  # another version
    ("123e4567-e89b-42d3-c456-426614174000", False),  # another variant
    ("123e4567-E89B-42d3-a456-426614174000", False),  # small and capital letters
    ("123e4567-e89b-42d3-a456_426614174000", False),
    ("12345678-1234-4234-8234-123456789012", True),
    ("x" * 64, False),
]


@pytest.mark.parametrize(("text", "fits"), TABLE)
def test_which_texts_are_in_their_key(text: str, fits: bool) -> None:
    assert (packed_key(text) is not None) == fits
    check(text)


TEXTS = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64),
    st.builds(
        "{}{}".format,
        st.text(st.sampled_from("AZaz09-/ ~"), max_size=17),
        st.integers(0, 10**19).flatmap(lambda n: st.integers(1, 20).map(lambda width: str(n).zfill(width))),
    ),
    st.text(st.sampled_from("AZaz09-"), min_size=1, max_size=24),
    st.uuids(version=4).map(str),
    st.builds(
        lambda n, upper: str(uuid.UUID(int=n)).upper() if upper else str(uuid.UUID(int=n)), st.integers(0, (1 << 128) - 1), st.booleans()
    ),
)


@settings(max_examples=600, deadline=None)
@example("0" * 26)
@example("-" * 20)
@example(" " * 17)
@given(TEXTS)
def test_a_text_comes_back_from_its_key(text: str) -> None:
    check(text)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=40, unique=True))
def test_no_two_texts_have_one_key(texts: list[str]) -> None:
    assert len({packed_key(text) for text in texts if packed_key(text)}) == sum(packed_key(text) is not None for text in texts)
