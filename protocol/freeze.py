"""What the freeze of a venue stops, as one constant table: the core, the registry, docs/access-rules.md and the tests read it.

A freeze has a level; each level stops what the one before it stops, and more. It holds for orders that come through the venue, and in all
markets that the venue owns, whoever lists them. What the server does by itself goes on at every level: expiry, cancel on disconnect, and
the cancels of a kill switch.
"""

from . import codes

NONE = 0
CANCEL_ONLY = 1
SETTLE_ONLY = 2
NOTHING = 3
NAMES = {NONE: "none", CANCEL_ONLY: "cancel_only", SETTLE_ONLY: "settle_only", NOTHING: "nothing"}
BY_NAME = {name: level for level, name in NAMES.items()}

ORDER = "order"  # new orders, replaces, splits and merges
CANCEL = "cancel"  # cancels and mass cancels by clients
PHASE = "phase"  # any change of a market's phase but closing it
SETTLE = "settle"  # close, determine, finalise, settle
ACTIONS = (ORDER, CANCEL, PHASE, SETTLE)

# The lowest level that stops an action.
STOPS = {ORDER: CANCEL_ONLY, CANCEL: SETTLE_ONLY, PHASE: SETTLE_ONLY, SETTLE: NOTHING}

# By level: the reason for refusing what it stops.
REFUSALS = (codes.OK, codes.R_VENUE_CANCEL_ONLY, codes.R_VENUE_SETTLE_ONLY, codes.R_VENUE_FROZEN)


def stops(level: int, action: str) -> bool:
    return level >= STOPS[action]
