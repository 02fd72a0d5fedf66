"""Bit tricks and hashing on int64 words: count zeros, multiply-mix, text keys."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import BOUNDSCHECK, leaf


@intrinsic
def ctz(typingctx: Any, x: Any) -> Any:
    """Index of the lowest set bit of a word other than 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
def clz(typingctx: Any, x: Any) -> Any:
    """Number of leading zeros of a word other than 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), codegen


@intrinsic
def lsr(typingctx: Any, x: Any, n: Any) -> Any:
    """Logical shift right by n bits (int64 >> keeps the sign)."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.lshr(args[0], args[1])

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def _pointer(typingctx: Any, array: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, value=args[0]).data

    return types.CPointer(array.dtype)(array), codegen


if BOUNDSCHECK:

    @leaf
    def words_of(array):
        """The array itself, so that its bounds are checked."""
        return array

    @leaf
    def bytes_of(array):
        """The array itself, so that its bounds are checked."""
        return array

else:

    @leaf
    def words_of(array):
        """The words of an int64 array as a bare pointer: as an argument it takes one register instead of seven words, and indexes are not
        checked for being negative. With bounds checks on: the array itself."""
        return _pointer(array)

    @leaf
    def bytes_of(array):
        """The bytes of a uint8 array as a bare pointer. With bounds checks on: the array itself."""
        return _pointer(array)


@intrinsic
def touch(typingctx: Any, m: Any, at: Any) -> Any:
    """Prefetch the cache line of m[at] for writing. Any offset is allowed: a prefetch never faults."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base = args[0]
        if isinstance(signature.args[0], types.Array):
            base = context.make_array(signature.args[0])(context, builder, value=base).data
        pointer = builder.bitcast(cgutils.gep(builder, base, args[1]), ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        hint = ir.FunctionType(ir.VoidType(), [pointer.type, i32, i32, i32])
        function = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], hint)
        builder.call(function, [pointer, ir.Constant(i32, 1), ir.Constant(i32, 3), ir.Constant(i32, 1)])
        return context.get_dummy_value()

    return types.void(m, types.int64), codegen


@leaf
def touch_row(m, at, lines):
    """Prefetch so many cache lines of a row that begins at m[at]."""
    for line in range(lines):
        touch(m, at + 8 * line)


@intrinsic(prefer_literal=True)
def stack_words(typingctx: Any, count: Any) -> Any:
    """A pointer to so many words (a constant) on the stack of the function that calls it, with any content."""
    words = count.literal_value

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return cgutils.alloca_once(builder, ir.IntType(64), size=words)

    return types.CPointer(types.int64)(count), codegen


@leaf
def mix2(a, b):
    """Hash of two words: 32 bits, never negative. The multiplication wraps on purpose."""
    h = (a * -7046029254386353131) ^ lsr(a, 32)
    h = (h + b) * -4417276706812531889
    h ^= lsr(h, 29)
    h *= -7723592293110705685
    return lsr(h, 32)


@leaf
def mix3(a, b, c):
    """Hash of three words: 32 bits, never negative."""
    return mix2(a ^ (b * -3335678366873096957), c)


@leaf
def text_key(data, start, length):
    """128-bit hash of a ClOrdID text: (hi, lo) with hi < 0. `data` is a uint8 array. Two independent 64-bit lanes."""
    h1 = -3750763034362895579
    h2 = 7809847782465536322
    for i in range(start, start + length):
        c = data[i] + 1
        h1 = (h1 ^ c) * 1099511628211
        h1 ^= lsr(h1, 31)
        h2 = (h2 + c) * -7046029254386353131
        h2 ^= lsr(h2, 29)
    h1 = (h1 ^ length) * -4417276706812531889
    h1 ^= lsr(h1, 30)
    h2 = (h2 ^ length) * -7723592293110705685
    h2 ^= lsr(h2, 32)
    return h1 | (-9223372036854775807 - 1), h2
