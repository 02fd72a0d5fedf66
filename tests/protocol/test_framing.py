"""Frames: whole, byte by byte, and with impossible lengths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import codes
from protocol.framing import MAX_CLIENT_PAYLOAD, FrameReader, frame
from protocol.messages import WireError


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8), st.lists(st.integers(1, 30), min_size=1))
def test_any_pieces_give_the_same_payloads(payloads: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(frame(p) for p in payloads)
    reader = FrameReader(100)
    found: list[bytes] = []
    at = i = 0
    while at < len(stream):
        size = sizes[i % len(sizes)]
        found += reader.feed(stream[at : at + size])
        at, i = at + size, i + 1
    assert found == payloads and reader.pending == 0


def test_byte_by_byte_with_a_tail() -> None:
    reader = FrameReader()
    found = [p for b in frame(b"abc") + frame(b"d") + b"\x05\0\0\0xy" for p in reader.feed(bytes([b]))]
    assert found == [b"abc", b"d"] and reader.pending == 6


@pytest.mark.parametrize(
    ("length", "reason"), [(0, codes.R_WIRE_MALFORMED), (MAX_CLIENT_PAYLOAD + 1, codes.R_WIRE_TOO_LONG), (2**32 - 1, codes.R_WIRE_TOO_LONG)]
)
def test_an_impossible_length_ends_it_behind_the_last_good_frame(length: int, reason: int) -> None:
    reader = FrameReader(MAX_CLIENT_PAYLOAD)
    pieces = reader.feed(frame(b"good") + length.to_bytes(4, "little") + frame(b"never"))
    assert next(pieces) == b"good"
    with pytest.raises(WireError) as caught:
        next(pieces)
    assert caught.value.reason == reason
    with pytest.raises(WireError):
        list(reader.feed(frame(b"never")))


def test_the_limit_itself_is_allowed() -> None:
    assert list(FrameReader(5).feed(frame(b"12345"))) == [b"12345"]
