"""The queue of interrupted work: first begun, first ended. A row for each piece (layout/work.py), the first is the one at work.

A leaf that may need more event rows than are left begins a piece, and goes on with it until it ends; what it causes meanwhile is begun behind it.
"""

from .. import layout as L
from .jit import leaf


@leaf
def begin_work(m, kind):
    """The row of a new piece of work, last in the queue; the caller sets its registers. A full queue is a broken invariant: INV_WORK."""
    count = m[L.H_WORK_COUNT]
    if count == 0:
        m[L.H_WORK_FIRST] = L.H_WORK
    w = m[L.H_WORK_FIRST] + count * L.WORK_WORDS
    if w >= L.H_WORK + L.WORK_ROWS * L.WORK_WORDS:
        w -= L.WORK_ROWS * L.WORK_WORDS
    if count == L.WORK_ROWS:
        m[L.H_ERROR] = L.INV_WORK
        return w
    m[L.H_WORK_COUNT] = count + 1
    m[w + L.W_KIND] = kind
    return w


@leaf
def work_row(m):
    """Row of the piece at work. There is one."""
    return m[L.H_WORK_FIRST]


@leaf
def end_work(m):
    """The piece at work is done."""
    w = m[L.H_WORK_FIRST] + L.WORK_WORDS
    m[L.H_WORK_FIRST] = w if w < L.H_WORK + L.WORK_ROWS * L.WORK_WORDS else L.H_WORK
    m[L.H_WORK_COUNT] -= 1
