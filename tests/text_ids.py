"""Keys of ClOrdIDs that are texts (core/kit/text_ids.py) in plain Python: which texts fit, and take no row of their own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from tests.model_world import Key

MASK = (1 << 64) - 1
SIMPLE = "\0" + "0123456789" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz" + "-"
NUMBERED_TEXT = re.compile(r"(.{0,8}?)([0-9]{1,18})", re.ASCII)
LONG_TEXT = re.compile(r"([A-Za-z0-9-]{13,15}?)([0-9]{1,8})", re.ASCII)
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[47][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def signed(x: int) -> int:
    x &= MASK
    return x - (1 << 64) if x >> 63 else x


def packed_key(text: str) -> tuple[int, int] | None:
    """The key that is the text itself (core/kit/text_ids.py), in plain Python; None: it does not fit."""

    def bits(values: Sequence[int], size: int) -> int:
        return sum(value << size * i for i, value in enumerate(values))

    if not (text.isascii() and text.isprintable()):
        return None
    simple = [SIMPLE.find(letter) for letter in text]
    if parts := NUMBERED_TEXT.fullmatch(text):
        return 1 << 61 | len(parts[2]) << 56 | bits(parts[1].encode(), 7), int(parts[2])
    if len(text) <= 17:
        return 2 << 61 | bits(text[8:16].encode(), 7), bits(text[:8].encode(), 7) | bits(text[16:].encode(), 7) << 56
    if len(text) <= 20 and min(simple) > 0:
        return 5 << 60 | bits(simple[10:], 6), bits(simple[:10], 6)
    if parts := LONG_TEXT.fullmatch(text):
        return 7 << 60 | (len(parts[2]) - 1) << 57 | int(parts[2]) << 30 | bits(simple[10 : len(parts[1])], 6), bits(simple[:10], 6)
    if UUID_TEXT.fullmatch(text) or text == text.upper() and UUID_TEXT.fullmatch(text.lower()):
        number = uuid.UUID(text).int
        rest = number >> 80 << 12 | number >> 64 & 0xFFF
        hi = 3 << 61 | (text[14] == "7") << 58 | (text != text.lower()) << 59 | rest >> 2
        return hi, signed((rest & 3) << 62 | number & (1 << 62) - 1)
    return None


def packed_text(hi: int, lo: int) -> str:
    """The text that a key >= 1 << 61 is, in plain Python."""

    def values(word: int, size: int, count: int) -> list[int]:
        return [word >> size * i & (1 << size) - 1 for i in range(count)]

    form = hi >> 60
    if form in (2, 3):
        return bytes(values(hi, 7, 8)).rstrip(b"\0").decode() + str(lo).zfill(hi >> 56 & 31)
    if form == 4:
        return bytes(values(lo, 7, 8) + values(hi, 7, 8) + [lo >> 56]).rstrip(b"\0").decode()
    if form == 6:
        rest = (hi & (1 << 58) - 1) << 2 | (lo & MASK) >> 62
        text = str(uuid.UUID(int=rest >> 12 << 80 | (7 if hi >> 58 & 1 else 4) << 76 | (rest & 0xFFF) << 64 | 2 << 62 | lo & (1 << 62) - 1))
        return text.upper() if hi >> 59 & 1 else text
    letters = "".join(SIMPLE[six] for six in values(lo, 6, 10) + values(hi, 6, 10 if form == 5 else 5)).rstrip("\0")
    return letters if form == 5 else letters + str(hi >> 30 & (1 << 27) - 1).zfill((hi >> 57 & 7) + 1)


def own_text(key: Key) -> str | int:
    """The text of an id that needs a row for it; 0: another id."""
    return key if isinstance(key, str) and packed_key(key) is None else 0
