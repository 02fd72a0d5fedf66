"""The functions of packed.py as plain Python: for ints and for arrays, the same as in kernels."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from exchange_server.core.layout import packed, plain

READERS = sorted(
    name for name, value in vars(packed).items() if hasattr(value, "py_func") and len(inspect.signature(value.py_func).parameters) == 1
)
BRANCHES = {"own_side", "other_side"}  # of one side, not of arrays


@pytest.mark.parametrize("name", READERS)
def test_readers_are_the_same_in_kernels_in_python_and_for_arrays(name: str) -> None:
    words = np.random.default_rng(3).integers(0, 1 << 62, 5)
    compiled, python = getattr(packed, name), getattr(plain, name)
    want = [int(compiled(word)) for word in words]
    assert [int(python(int(word))) for word in words] == want
    if name not in BRANCHES:
        assert [int(x) for x in python(words)] == want


def test_there_is_one_for_each() -> None:
    assert len(READERS) > 25 and all(hasattr(plain, name) for name, value in vars(packed).items() if hasattr(value, "py_func"))
