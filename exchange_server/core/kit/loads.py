"""Load and store eight bytes at any byte offset of a uint8 array (or of its bits.bytes_of), and compare or add up many, for the text wires.

Little endian (x86-64 and arm64). The caller guarantees that bytes at .. at + 7 are in the array: wire buffers have SLACK bytes after their
content. With bounds checks on, the bytes are read and written one by one and each is checked.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import BOUNDSCHECK, leaf

SLACK = 64  # bytes that a wire buffer must have after its content
LANES = 16  # bytes added at once


def _byte_at(context: Any, builder: Any, kind: Any, data: Any, at: Any) -> Any:
    """Pointer to byte `at` of a uint8 array or of a bare pointer to bytes."""
    if isinstance(kind, types.Array):
        data = context.make_array(kind)(context, builder, value=data).data
    return builder.gep(data, [at])


def _word_at(context: Any, builder: Any, kind: Any, data: Any, at: Any) -> Any:
    """Pointer to the word there."""
    return builder.bitcast(_byte_at(context, builder, kind, data, at), ir.IntType(64).as_pointer())


def _lanes_at(context: Any, builder: Any, kind: Any, data: Any, at: Any, count: int) -> Any:
    """The `count` bytes from byte `at` on as a vector."""
    found = builder.load(builder.bitcast(_byte_at(context, builder, kind, data, at), ir.VectorType(ir.IntType(8), count).as_pointer()))
    found.align = 1
    return found


def in_each(builder: Any, value: Any, count: int) -> Any:
    """A vector of a number, `count` times."""
    lanes, i32 = ir.VectorType(value.type, count), ir.IntType(32)
    none = ir.Constant(lanes, ir.Undefined)
    one = builder.insert_element(none, value, ir.Constant(i32, 0))
    return builder.shuffle_vector(one, none, ir.Constant(ir.VectorType(i32, count), [0] * count))


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


@intrinsic
def _sum64(typingctx: Any, data: Any, at: Any, count: Any) -> Any:
    """Sum modulo 256 of the first `count` of the 64 bytes at data[at]. Sixteen lanes of a byte each; what is not counted is a zero."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte = ir.IntType(8)
        lanes = ir.VectorType(byte, LANES)
        counts = in_each(builder, builder.trunc(args[2], byte), LANES)
        total = ir.Constant(lanes, [0] * LANES)
        for first in range(0, 64, LANES):
            some = _lanes_at(context, builder, signature.args[0], args[0], builder.add(args[1], ir.Constant(ir.IntType(64), first)), LANES)
            counted = builder.icmp_signed("<", ir.Constant(lanes, list(range(first, first + LANES))), counts)
            total = builder.add(total, builder.and_(some, builder.sext(counted, lanes)))
        add_up = cgutils.get_or_insert_function(builder.module, ir.FunctionType(byte, [lanes]), f"llvm.vector.reduce.add.v{LANES}i8")
        return builder.zext(builder.call(add_up, [total]), ir.IntType(64))

    return types.int64(data, types.int64, types.int64), codegen


@intrinsic
def _equal64(typingctx: Any, data: Any, at: Any, value: Any) -> Any:
    """Bit i: data[at + i] is `value`, of 64 bytes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        some = _lanes_at(context, builder, signature.args[0], args[0], args[1], 64)
        wanted = in_each(builder, builder.trunc(args[2], ir.IntType(8)), 64)
        return builder.bitcast(builder.icmp_unsigned("==", some, wanted), ir.IntType(64))

    return types.int64(data, types.int64, types.int64), codegen


if BOUNDSCHECK:

    @leaf
    def equal64(data, at, value):
        """Which of the 64 bytes at data[at] are `value`: bit i stands for data[at + i]."""
        found = np.int64(0)
        for i in range(64):
            if data[at + i] == value:
                found |= np.int64(1) << i
        return found

    @leaf
    def sum64(data, at, count):
        """Sum modulo 256 of `count` (0..64) bytes at data[at]; all 64 must be in the array."""
        total = np.int64(0)
        for i in range(64):
            byte = np.int64(data[at + i])  # read in any case, to be checked
            if i < count:
                total += byte
        return total & 255

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
    def equal64(data, at, value):
        """Which of the 64 bytes at data[at] are `value`: bit i stands for data[at + i]."""
        return _equal64(data, at, value)

    @leaf
    def sum64(data, at, count):
        """Sum modulo 256 of `count` (0..64) bytes at data[at]; all 64 must be in the array."""
        return _sum64(data, at, count)

    @leaf
    def load64(data, at):
        """data[at .. at+7] as a word."""
        return _load(data, at)

    @leaf
    def store64(data, at, value):
        """data[at .. at+7] = value."""
        _store(data, at, value)
