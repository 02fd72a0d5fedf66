"""ClOrdIDs that are no plain numbers: which bytes they may have, and that a key does not depend on the ids that came before it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_server.core.kit.loads import SLACK
from exchange_server.wires.fix_in import FIX_CONN_WORDS, id_key
from tests.bridge import text_key

BEGINNINGS = ["", "A", "ORD-2026", "ORD-2026-06-12-", "ORD-2026-06-13-", "ORD-2026-06-12-DESK-7-", "ORD-2026-06-12-DESK-8-"]


def key(text: bytes, conn: np.ndarray) -> tuple[int, int, int]:
    data = np.full(len(text) + SLACK, 0xFF, np.uint8)  # whatever follows a text in the buffer
    data[: len(text)] = np.frombuffer(text, np.uint8)
    out = np.zeros(2, np.int64)
    kind = id_key(data, 0, len(text), conn, out)
    return kind, int(out[0]), int(out[1])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(BEGINNINGS), st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)),
        min_size=1,
        max_size=30,
    )
)
def test_a_key_is_that_of_the_text_alone(ids: list[tuple[str, str]]) -> None:
    conn = np.zeros(FIX_CONN_WORDS, np.int64)
    for beginning, rest in ids:
        text = (beginning + rest).encode()
        kind, hi, lo = key(text, conn)
        if text.isdigit() and text[:1] != b"0" and int(text) < 1 << 63:
            assert (kind, hi, lo) == (0, 0, int(text))
        else:
            assert (kind, hi, lo) == (1, *text_key(text))


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 23, 63, 64])
def test_each_byte_is_looked_at(length: int) -> None:
    conn = np.zeros(FIX_CONN_WORDS, np.int64)
    plain = b"x" * length
    for place in range(length):
        for byte in range(256):
            text = plain[:place] + bytes([byte]) + plain[place + 1 :]
            found = key(text, conn)[0]
            assert found == (-1 if byte < 32 or byte > 126 else 0 if length == 1 and 49 <= byte <= 57 else 1), (place, byte)


@pytest.mark.parametrize("text", [b"", b"x" * 65])
def test_a_length_that_no_id_has(text: bytes) -> None:
    assert key(text, np.zeros(FIX_CONN_WORDS, np.int64))[0] == -1
