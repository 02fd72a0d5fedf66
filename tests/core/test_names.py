"""The name table: what was put in is found, nothing else is, full is said and never loops."""

import random

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.core.kit.loads import SLACK
from exchange_server.core.kit.names import NAMES_BAD_LENGTH, NAMES_FULL, add_name, find_name

POOL = L.H_POOLS + L.P_NAME_HASH * L.POOL_WORDS


def arena(entries):
    m = np.zeros(L.HEADER_WORDS + entries * L.NAME_WORDS, np.int64)
    m[POOL + L.PL_BASE] = L.HEADER_WORDS
    m[POOL + L.PL_CAP] = entries
    return m


def data(text, before=b"", behind=b""):
    return np.frombuffer(before + text + behind + b"\x5a" * SLACK, np.uint8).copy(), len(before), len(text)


def find(m, kind, text, before=b"", behind=b""):
    return find_name(m, kind, *data(text, before, behind))


def add(m, kind, text, ident):
    return add_name(m, kind, *data(text), ident)


def test_found_at_any_offset_and_with_any_bytes_around():
    m = arena(64)
    for length in range(1, 65):
        text = bytes(48 + (i * 7 + length) % 70 for i in range(length))
        if length <= 40:
            assert add(m, 1, text, length) == 0
    for length in range(1, 65):
        text = bytes(48 + (i * 7 + length) % 70 for i in range(length))
        for before, behind in ((b"", b""), (b"55=", b"\x01"), (b"xxxxxxx", b"y" * 9)):
            assert find(m, 1, text, before, behind) == (length if length <= 40 else 0)


def test_kinds_are_apart_and_a_prefix_is_another_name():
    m = arena(16)
    assert add(m, 1, b"BTC-USD", 7) == 0
    assert add(m, 2, b"BTC-USD", 9) == 0
    assert (find(m, 1, b"BTC-USD"), find(m, 2, b"BTC-USD")) == (7, 9)
    assert find(m, 1, b"BTC-US") == find(m, 1, b"BTC-USDT") == find(m, 1, b"BTC-USD\0") == find(m, 3, b"BTC-USD") == 0


def test_putting_in_again_moves_the_name_to_the_new_id():
    m = arena(16)
    assert add(m, 1, b"A", 1) == 0
    assert add(m, 1, b"A", 2) == 0
    assert find(m, 1, b"A") == 2
    assert m[POOL + L.PL_USED] == 1


@pytest.mark.parametrize("text", [b"", b"x" * 65])
def test_lengths_out_of_range(text):
    m = arena(16)
    assert add(m, 1, text, 5) == NAMES_BAD_LENGTH
    assert find(m, 1, text) == 0


def test_full_is_said_and_a_search_in_a_full_table_ends():
    m = arena(16)
    answers = [add(m, 1, b"N%d" % i, i + 1) for i in range(20)]
    assert answers == [0] * 14 + [NAMES_FULL] * 6
    assert [find(m, 1, b"N%d" % i) for i in range(20)] == [*range(1, 15), 0, 0, 0, 0, 0, 0]
    assert find(arena(0), 1, b"N1") == 0
    assert add(arena(0), 1, b"N1", 1) == NAMES_FULL


def test_against_a_dictionary():
    rng = random.Random(7)
    m = arena(1024)
    truth = {}
    for i in range(800):
        key = (rng.randint(1, 2), bytes(rng.choices(b"AB01-", k=rng.randint(1, 20))))
        truth[key] = i + 1
        assert add(m, *key, i + 1) == 0
    for _ in range(3000):
        key = (rng.randint(1, 2), bytes(rng.choices(b"AB01-", k=rng.randint(1, 20))))
        assert find(m, *key) == truth.get(key, 0)
    for key, ident in truth.items():
        assert find(m, *key) == ident
