"""Load and store eight bytes at any byte offset of a uint8 array (or of its bits.bytes_of), for the text wires.

Little endian (x86-64 and arm64). The caller guarantees that bytes at .. at + 7 are in the array: wire buffers have SLACK bytes after their
content. With bounds checks on, the bytes are read and written one by one and each is checked.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import BOUNDSCHECK, leaf

SLACK = 64  # bytes that a wire buffer must have after its content


def _word_at(context: Any, builder: Any, kind: Any, data: Any, at: Any) -> Any:
    """Pointer to the word at byte `at` of a uint8 array or of a bare pointer to bytes."""
    if isinstance(kind, types.Array):
        data = context.make_array(kind)(context, builder, value=data).data
    return builder.bitcast(builder.gep(data, [at]), ir.IntType(64).as_pointer())


@intrinsic
def _load(typingctx: Any, data: Any, at: Any) -> Any:
    """data[at .. at+7] as a little endian word, unaligned."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = builder.load(_word_at(context, builder, signature.args[0], args[0], args[1]))
        word.align = 1
        return word

    return types.int64(data, types.int64), codegen


@intrinsic
def _store(typingctx: Any, data: Any, at: Any, value: Any) -> Any:
    """data[at .. at+7] = value, unaligned."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        stored = builder.store(args[2], _word_at(context, builder, signature.args[0], args[0], args[1]))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(data, types.int64, types.int64), codegen


if BOUNDSCHECK:

    @leaf
    def load64(data, at):
        """data[at .. at+7] as a word."""
        if at < 0:
            at = data.shape[0]  # a negative index would wrap around: make the check below fail
        word = np.int64(0)
        for i in range(8):
            word |= np.int64(data[at + i]) << (8 * i)
        return word

    @leaf
    def store64(data, at, value):
        """data[at .. at+7] = value."""
        if at < 0:
            at = data.shape[0]
        for i in range(8):
            data[at + i] = (value >> (8 * i)) & 255

else:

    @leaf
    def load64(data, at):
        """data[at .. at+7] as a word."""
        return _load(data, at)

    @leaf
    def store64(data, at, value):
        """data[at .. at+7] = value."""
        _store(data, at, value)
