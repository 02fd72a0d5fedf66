"""Eight words, a cache line of them, looked through at once.

The caller guarantees that words at .. at + 7 are in the array (an arena, or its bits.words_of). With bounds checks on, they are read one by one and each
is checked.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .jit import BOUNDSCHECK, leaf
from .lines import LINE
from .loads import in_each


@intrinsic
def _equal8(typingctx: Any, m: Any, at: Any, value: Any, mask: Any) -> Any:
    """Bit i: m[at + i] is `value` in the bits of `mask`."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        base, at, value, mask = args
        if isinstance(signature.args[0], types.Array):
            base = context.make_array(signature.args[0])(context, builder, value=base).data
        words = ir.VectorType(ir.IntType(64), LINE)
        line = builder.load(builder.bitcast(cgutils.gep(builder, base, at), words.as_pointer()))
        line.align = 8
        differs = builder.and_(builder.xor(line, in_each(builder, value, LINE)), in_each(builder, mask, LINE))
        found = builder.icmp_unsigned("==", differs, ir.Constant(words, [0] * LINE))
        return builder.zext(builder.bitcast(found, ir.IntType(LINE)), ir.IntType(64))

    return types.int64(m, types.int64, types.int64, types.int64), codegen


if BOUNDSCHECK:

    @leaf
    def equal8(m, at, value, mask):
        """Which of the eight words at m[at] are `value` in the bits of `mask`: bit i stands for m[at + i]."""
        found = np.int64(0)
        for i in range(LINE):
            if (m[at + i] ^ value) & mask == 0:
                found |= np.int64(1) << i
        return found

else:

    @leaf
    def equal8(m, at, value, mask):
        """Which of the eight words at m[at] are `value` in the bits of `mask`: bit i stands for m[at + i]."""
        return _equal8(m, at, value, mask)
