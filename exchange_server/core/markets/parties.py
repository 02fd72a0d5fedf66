"""Who is a party in an event: a firm of which an account holds a position there."""

from .. import layout as L
from ..kit.jit import leaf
from ..money.collateral import collateral_find


@leaf
def has_position(m, event, firm):
    """Whether an account of a firm (pointer) holds a position in an event (pointer)."""
    account = m[firm + L.F_ACCOUNTS]
    while account != 0:
        co = collateral_find(m, account, event)
        if co != 0:
            for j in range(m[event + L.E_N]):
                if m[co + L.CO_COLUMNS + j] != 0:
                    return True
        account = m[account + L.AC_NEXT_IN_FIRM]
    return False
