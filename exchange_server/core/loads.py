"""Eight bytes at once at any byte offset of a uint8 array: how the text wires read and write in words.

Little endian (x86-64 and arm64). The caller guarantees that offset .. offset + 7 lies in the array: wire buffers carry
SLACK bytes behind their last byte of content. With bounds checks on, every byte is checked one by one instead.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import BOUNDSCHECK, leaf

SLACK = 64  # bytes that a wire buffer must have behind its content


@intrinsic
def _load(typingctx: Any, data: Any, at: Any) -> Any:
    """data[at .. at+7] as a little endian word, unaligned."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, value=args[0])
        pointer = builder.bitcast(cgutils.gep_inbounds(builder, array.data, args[1]), ir.IntType(64).as_pointer())
        word = builder.load(pointer)
        word.align = 1
        return word

    return types.int64(data, types.int64), codegen


@intrinsic
def _store(typingctx: Any, data: Any, at: Any, value: Any) -> Any:
    """data[at .. at+7] = value, unaligned."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, value=args[0])
        pointer = builder.bitcast(cgutils.gep_inbounds(builder, array.data, args[1]), ir.IntType(64).as_pointer())
        stored = builder.store(args[2], pointer)
        stored.align = 1
        return context.get_dummy_value()

    return types.void(data, types.int64, types.int64), codegen


if BOUNDSCHECK:

    @leaf
    def load64(data, at):
        if at < 0:
            at = data.shape[0]  # a negative index would wrap around unseen: make the check below fail
        word = np.int64(0)
        for i in range(8):
            word |= np.int64(data[at + i]) << (8 * i)
        return word

    @leaf
    def store64(data, at, value):
        if at < 0:
            at = data.shape[0]
        for i in range(8):
            data[at + i] = (value >> (8 * i)) & 255

else:

    @leaf
    def load64(data, at):
        return _load(data, at)

    @leaf
    def store64(data, at, value):
        _store(data, at, value)
