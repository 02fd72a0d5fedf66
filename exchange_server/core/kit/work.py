"""The queue of interrupted work, first in, first out. One row for each piece (layout/work.py); the first is the current one.

A leaf that may need more event rows than are left starts a piece and continues it until it ends; pieces that it causes meanwhile are queued
after it.
"""

from .. import layout as L
from .jit import leaf


@leaf
def begin_work(m, kind):
    """Append a piece of work; returns the pointer to its row, and the caller sets its registers. A full queue breaks the invariant
    INV_WORK."""
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
    """Pointer to the current piece. There must be one."""
    return m[L.H_WORK_FIRST]


@leaf
def end_work(m):
    """Remove the current piece, which is finished."""
    w = m[L.H_WORK_FIRST] + L.WORK_WORDS
    m[L.H_WORK_FIRST] = w if w < L.H_WORK + L.WORK_ROWS * L.WORK_WORDS else L.H_WORK
    m[L.H_WORK_COUNT] -= 1
