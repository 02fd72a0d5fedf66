"""ClOrdIDs that are no plain numbers: which bytes they may have, and which of them need a row for their text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_server.core.kit.loads import SLACK
from exchange_server.wires.fix_in import id_key
from tests.bridge import key_words, own_text

BEGINNINGS = ["", "A", "ORD-2026", "ORD-2026-06-12-", "ORD-2026-06-13-", "ORD-2026-06-12-DESK-7-", "ORD-2026-06-12-DESK-8-"]


def key(text: bytes) -> tuple[int, int, int]:
    data = np.full(len(text) + SLACK, 0xFF, np.uint8)  # whatever follows a text in the buffer
    data[: len(text)] = np.frombuffer(text, np.uint8)
    out = np.zeros(2, np.int64)
    kind = id_key(data, 0, len(text), out)
    return kind, int(out[0]), int(out[1])


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(BEGINNINGS), st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20))
def test_the_key_of_a_text(beginning: str, rest: str) -> None:
    text = beginning + rest
    if text.isdigit() and text[:1] != "0" and int(text) < 1 << 63:
        assert key(text.encode()) == (0, 0, int(text))
    else:
        assert key(text.encode()) == (int(bool(own_text(text))), *key_words(text))


@pytest.mark.parametrize("length", [1, 7, 8, 9, 16, 23, 63, 64])
def test_each_byte_is_looked_at(length: int) -> None:
    plain = b"x" * length
    for place in range(length):
        for byte in range(256):
            text = plain[:place] + bytes([byte]) + plain[place + 1 :]
            found = key(text)[0]
            if byte < 32 or byte > 126:
                assert found == -1, (place, byte)
            else:
                assert found == int(length > 20), (place, byte)


@pytest.mark.parametrize("text", [b"", b"x" * 65])
def test_a_length_that_no_id_has(text: bytes) -> None:
    assert key(text)[0] == -1
