"""Calls of kernels by a kernel: each is an address and its arguments, laid out beforehand in an array of words.

Linking kernels into one more would compile each of them twice, and a call from Python costs half a microsecond to one and a half: it unpacks each array that
it passes. So a kernel that goes through a whole turn (small_turn.py, long_turn.py) calls the kernels of the stages through their addresses.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ..core.kit.jit import entry_of, leaf
from .native import load_seq

SMALL, LARGE = 48, 96  # words of arguments that a call passes. A kernel takes as many as it has parameters and does not see the others
CALL_WORDS = LARGE + 1  # of a call in the array: the address, then the arguments
ARRAY_WORDS = 7  # of an array among a kernel's arguments
# Arguments that change, of kernels that both turns call: word of the call, counted from its first argument
A_STEP_WORDS = 2 * ARRAY_WORDS  # step(m, rows, words, ev)
A_ROUTE_WORDS = 2 * ARRAY_WORDS  # route(m, ev, words, routes)

# Words of every such array; the others are its owner's
W_RESULT = 16  # scratch: where a kernel puts its result and its exception (none throws)
W_EXCEPTION = 17
FIRST_CALL = 24

_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


def _caller(count: int) -> Any:
    @intrinsic
    def call(typingctx: Any, base: Any, at: Any) -> Any:  # noqa: ARG001 (numba)
        """Call the kernel whose call is at word `at` of the array at address `base`; its result."""

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001 (numba)
            words = builder.inttoptr(args[0], _I64.as_pointer())
            one = builder.gep(words, [args[1]])
            function = ir.FunctionType(_I32, [_I64] * (count + 2))
            address = builder.inttoptr(builder.load(one), function.as_pointer())
            result = builder.gep(words, [ir.Constant(_I64, W_RESULT)])
            exception = builder.gep(words, [ir.Constant(_I64, W_EXCEPTION)])
            values = [builder.load(builder.gep(one, [ir.Constant(_I64, 1 + i)])) for i in range(count)]
            builder.call(address, [builder.ptrtoint(result, _I64), builder.ptrtoint(exception, _I64), *values])
            return builder.load(result)

        return types.int64(types.int64, types.int64), codegen

    return call


call = _caller(SMALL)
call_large = _caller(LARGE)


@leaf
def word_at(address, i):
    """Word i of the array at an address."""
    return load_seq(address + 8 * i)


def laid_out(arguments: Sequence[Any]) -> list[int]:
    """Arguments of a kernel as its machine code takes them: a number as one word, an array as seven (owner and parent, which no kernel uses, size,
    bytes of an item, address, length, stride)."""
    words: list[int] = []
    for one in arguments:
        if isinstance(one, np.ndarray):
            words += [0, 0, one.size, one.itemsize, one.ctypes.data, one.size, one.itemsize]
        else:
            words.append(int(one))
    return words


def lay_out(words: NDArray[np.int64], at: int, kernel: Any, arguments: Sequence[Any], most: int = SMALL) -> None:
    """Put the call of a kernel at word `at` of an array. It knows only the addresses of the arrays among the arguments: the caller keeps them. most: SMALL for
    `call`, LARGE for `call_large`."""
    one = [entry_of(kernel), *laid_out(arguments)]
    assert len(one) <= most + 1, f"{len(one) - 1} words of arguments, a call passes {most}"
    words[at : at + len(one)] = one
