"""Copies past the caches: of what is written now and read much later, or on another core.

An ordinary copy reads each line of its target first and leaves it in the caches, from which it drives out what the core needs next. Kept events cost
the named flow a tenth less this way.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .jit import BOUNDSCHECK, leaf

LINE_WORDS = 8


@intrinsic
def _copy_line(typingctx: Any, out: Any, to: Any, source: Any, at: Any) -> Any:
    """out[to .. to+7] = source[at .. at+7], by a store that does not go into the caches."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        line = ir.VectorType(ir.IntType(64), LINE_WORDS)

        def pointer(kind: Any, array: Any, index: Any) -> Any:
            base = context.make_array(kind)(context, builder, value=array).data
            return builder.bitcast(builder.gep(base, [index]), line.as_pointer())

        words = builder.load(pointer(signature.args[2], args[2], args[3]))
        words.align = 8
        stored = builder.store(words, pointer(signature.args[0], args[0], args[1]))
        stored.align = 8 * LINE_WORDS
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    return types.void(out, types.int64, source, types.int64), codegen


@intrinsic
def _fence(typingctx: Any) -> Any:
    """Other cores see what was stored before this ahead of what is stored after it: such stores are not in order by themselves."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


if BOUNDSCHECK:

    @leaf
    def copy_past(out, to, source, at, words):
        """The same with every index checked."""
        for i in range(words):
            out[to + i] = source[at + i]

else:

    @leaf
    def copy_past(out, to, source, at, words):
        """out[to ..] = source[at ..], of int64 arrays. words: a multiple of LINE_WORDS. The caller guarantees that both arrays have them, and that out[to]
        begins a cache line."""
        for i in range(0, words, LINE_WORDS):
            _copy_line(out, to + i, source, at + i)
        _fence()
