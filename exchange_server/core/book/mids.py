"""Prices over time of a contract, for markets whose void policy goes by them: exact sums, no floats.

The price of a contract is the mid of its best bid and ask, or, where one of them is missing, its last trade; it is counted twice so that it is a
whole number. Sums are brought up to date just before a price changes (`note_price`); what they were at whole minutes stays in a ring. Times
are whole microseconds. How a void reads them: exchange_server/state.py.
"""

from .. import layout as L
from ..kit.jit import leaf


@leaf
def twice_the_price(m, inst):
    """Twice the price now in effect, in ticks; 0: there is none."""
    bid = m[inst + L.I_BEST + L.BID]
    ask = m[inst + L.I_BEST + L.ASK]
    if bid != 0 and ask != 0:
        return m[bid + L.L_PRICE] + m[ask + L.L_PRICE]
    return 2 * m[inst + L.I_LAST]


@leaf
def _keep(m, row, minute, twice):
    """Count the price up to a whole minute and keep the sums there."""
    span = minute - m[row + L.MI_AT]
    m[row + L.MI_SUM] += span * twice
    m[row + L.MI_WEIGHT] += span if twice != 0 else 0
    m[row + L.MI_AT] = minute
    e = row + L.MI_ENTRIES + (m[row + L.MI_COUNT] % L.MID_ENTRIES) * L.MID_ENTRY_WORDS
    m[e + L.MN_MINUTE] = minute
    m[e + L.MN_SUM] = m[row + L.MI_SUM]
    m[e + L.MN_WEIGHT] = m[row + L.MI_WEIGHT]
    m[e + L.MN_TWICE] = twice
    m[row + L.MI_COUNT] += 1


@leaf
def note_price(m, inst):
    """Count the price in effect up to now. To be called before the best bid, the best ask or the last trade of a contract with I_MIDS changes."""
    row = m[inst + L.I_MIDS]
    now = m[L.H_TIME] // 1_000
    if now <= m[row + L.MI_AT]:
        return
    twice = twice_the_price(m, inst)
    first = (m[row + L.MI_AT] // L.MINUTE_US + 1) * L.MINUTE_US
    if first <= now:
        _keep(m, row, first, twice)
        last = now // L.MINUTE_US * L.MINUTE_US
        if last > first:
            _keep(m, row, last, twice)
    span = now - m[row + L.MI_AT]
    m[row + L.MI_SUM] += span * twice
    m[row + L.MI_WEIGHT] += span if twice != 0 else 0
    m[row + L.MI_AT] = now
