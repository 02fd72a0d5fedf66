"""A layer behaves like a copy, leaves what is below alone, and can be folded into it."""

import random
from typing import Any

import pytest

from exchange_server.registry.layer import Layer, fold


def test_random_changes_against_a_copy() -> None:
    r = random.Random(5)
    for _ in range(300):
        below = {key: r.random() for key in r.sample(range(12), r.randrange(12))}
        before, copy, layer = dict(below), dict(below), Layer(below)
        for _ in range(r.randrange(30)):
            key = r.randrange(12)
            if r.random() < 0.3:
                assert layer.pop(key, None) == copy.pop(key, None)
            else:
                layer[key] = copy[key] = r.random()
            assert dict(layer) == copy and len(layer) == len(copy) and below == before
            assert all((key in layer) == (key in copy) and layer.get(key) == copy.get(key) for key in range(12))
        fold(below, layer)
        assert below == copy


def test_a_changed_value_keeps_its_place_and_new_ones_come_last() -> None:
    layer: Layer[str, int] = Layer({"a": 1, "b": 2})
    layer["c"], layer["a"] = 3, 4
    assert list(layer.items()) == [("a", 4), ("b", 2), ("c", 3)]
    on_top: Layer[str, int] = Layer(layer)
    del on_top["b"]
    on_top["b"] = 5
    assert list(on_top.items()) == [("a", 4), ("c", 3), ("b", 5)] and list(layer.items())[1] == ("b", 2)
    with pytest.raises(KeyError):
        del on_top["x"]


def test_a_layer_is_folded_only_into_what_it_lies_on() -> None:
    below: dict[str, Any] = {}
    with pytest.raises(AssertionError):
        fold({}, Layer(below))
    with pytest.raises(AssertionError):
        fold(below, {})
