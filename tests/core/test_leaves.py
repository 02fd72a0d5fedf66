"""Leaves and kernels: each leaf is compiled once for its callers, without code of its own, and can still be called from Python."""

from __future__ import annotations

import numba
import numpy as np

from exchange_server.core.kit.jit import FLAGS, kernel, leaf


@leaf
def inner(m, i):
    return m[i] * 3 if i > 0 else -1


@leaf
def outer(m, i):
    return inner(m, i) + inner(m, 0)


@leaf
def never_called(m, i):
    return m[i]


@kernel("i8(i8[::1], i8)")
def entry(m, i):
    return outer(m, i) * 100 + inner(m, i + 1)


def test_a_kernel_calls_leaves_through_leaves() -> None:
    assert entry(np.array([0, 5, 7], np.int64), 1) == (15 - 1) * 100 + 21


def test_a_leaf_that_a_kernel_compiled_can_be_called_from_python() -> None:
    assert outer(np.array([0, 5, 7], np.int64), 2) == 20
    assert never_called(np.array([0, 5, 7], np.int64), 2) == 7


def test_a_leaf_for_kernels_has_no_machine_code_of_its_own() -> None:
    fresh = numba.njit("i8(i8[::1], i8)", **FLAGS)(entry.py_func)  # not from the cache
    (result,) = inner.overloads.values()
    assert result.library.exos_leaf and not never_called.overloads
    module = fresh.overloads[fresh.signatures[0]].library._final_module
    names = [function.name for function in module.functions if not function.is_declaration]
    assert names and not [name for name in names if "inner" in name], "LLVM did not take the leaves for the kernel's own"
