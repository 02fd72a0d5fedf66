"""Texts, shares and keys of open orders, for a venue that leaves."""

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core.kit.loads import SLACK
from exchange_server.core.order_terms import TERMS_WORDS, dump_terms, id_used, key_of_text
from protocol import codes as C
from tests.bridge import key_words, text_words
from tests.core_rig import PairStory
from tests.model_opening import listing_row
from tests.model_world import Row


def test_the_terms_of_each_order_in_the_order_of_the_books() -> None:
    s = PairStory(product=C.AT_MOST, taker=300, owner_share=1000)
    s.new(1, C.BUY, 7, 40, id="a text: not in its key")
    s.apply(Row(listing_row(s.model.listings[1, 1]), owner_share=2000, venue_share=30))
    s.new(2, C.BUY, 7, 41, id=5)
    s.new(2, C.SELL, 7, 60, id="x" * 64)
    s.new(2, C.SELL, 7, 60, id="in-its-key-1")
    m, out = s.pair.core.m, np.zeros(100, np.int64)
    assert dump_terms(m, 1, out[:9]) == -1 - 4 * TERMS_WORDS and dump_terms(m, 2, out) == 0
    assert dump_terms(m, 1, out) == 4 * TERMS_WORDS
    rows = out[: 4 * TERMS_WORDS].reshape(4, TERMS_WORDS)
    assert rows[:, :2].tolist() == [[2000, 30], [1000, 0], [2000, 30], [2000, 30]]
    assert [row[2:].tobytes().rstrip(b"\0").decode() for row in rows] == ["", "a text: not in its key", "x" * 64, "in-its-key-1"]


def test_a_key_and_whether_it_is_used() -> None:
    s = PairStory()
    s.new(1, C.BUY, 7, 40, id="a text: not in its key")
    s.new(1, C.BUY, 7, 40, id=5)
    s.do(C.C_CANCEL, session=1, orig=5, id=6)
    m, out = s.pair.core.m, np.zeros(2, np.int64)
    for text in ("a text: not in its key", "b", "a1", "\u00fc1", "\u00fc" * 32):
        key_of_text(np.frombuffer(text.encode() + bytes(SLACK), np.uint8).copy(), out)
        assert tuple(out.tolist()) == key_words(text)
    none = np.zeros(L.TEXT_WORDS, np.int64)
    assert [id_used(m, 1, 0, number, none) for number in (4, 5, 6)] == [0, 1, 0], "a closed one is used as well"
    assert id_used(m, 1, *key_words("a text: not in its key"), text_words("a text: not in its key", 8).copy()) == 1
    assert id_used(m, 1, *key_words("a text: not in its key"), text_words("another", 8).copy()) == 0, "texts are compared in full"
    s.new(1, C.BUY, 7, 40, id="in-its-key-2")
    assert [id_used(m, 1, *key_words(f"in-its-key-{n}"), none) for n in (1, 2)] == [0, 1]
    assert id_used(m, 2, *key_words("a text: not in its key"), text_words("a text: not in its key", 8).copy()) == 0
