"""Assumptions of leaves, stated where a leaf relies on them.

With EXOS_BOUNDSCHECK=1 a condition that does not hold stops the core: H_ERROR is set to the invariant, and the kernel returns STEP_BROKEN
after the row. Without it nothing is compiled: `expect` is empty, and LLVM drops the loads that only its condition needed. So a condition
reads a few words and calls nothing that searches; more expensive checks test EXPECTING first.
"""

from .. import layout as L
from .jit import BOUNDSCHECK, leaf

EXPECTING = BOUNDSCHECK

if EXPECTING:

    @leaf
    def expect(m, condition, invariant):
        """Stop the process with `invariant` (INV_*) if the condition is false; the first failure is kept."""
        if not condition and m[L.H_ERROR] == 0:
            m[L.H_ERROR] = invariant

else:

    @leaf
    def expect(m, condition, invariant):
        """Nothing: conditions are checked with EXOS_BOUNDSCHECK=1 only."""
