"""What a leaf takes for granted, stated where it relies on it.

With EXOS_BOUNDSCHECK=1 a statement that does not hold stops the core: H_ERROR says which invariant it was, and the kernel answers STEP_BROKEN after the row.
Without it nothing is compiled: `expect` is empty, and LLVM drops the loads that only its condition needed. So a condition reads a few words and
calls nothing that searches; what needs more asks EXPECTING first.
"""

from .. import layout as L
from .jit import BOUNDSCHECK, leaf

EXPECTING = BOUNDSCHECK

if EXPECTING:

    @leaf
    def expect(m, condition, invariant):
        if not condition and m[L.H_ERROR] == 0:
            m[L.H_ERROR] = invariant

else:

    @leaf
    def expect(m, condition, invariant):
        """The process must stop with `invariant` (INV_*) when the condition does not hold; the first that fails is kept."""
