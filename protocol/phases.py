"""What each phase of a market allows, and which phases may follow it: two constant tables.

The core's checks, the registry, the command line, docs/phases.md and the tests read them; there are no rules about phases anywhere else.
The core is compiled with the bit masks below: bit p of a mask is for phase p.
"""

from . import codes

# ---- what can be done in a market -------------------------------------------------------------------------------
NEW = "new"  # a new order
REPLACE = "replace"
CANCEL = "cancel"  # also mass cancel, cancel on disconnect, expiry and kill switches
MATCH = "match"  # orders trade
REST = "rest"  # orders stay in the book: when a market changes to a phase without it, they are cancelled
SPLIT = "split"  # money into a complete set
MERGE = "merge"
CHANGE = "change"  # price bands, one more outcome
AHEAD = "ahead"  # determine, pay or withdraw one contract of a group that goes on
DETERMINE = "determine"  # record the result, or replace one that is not final
DISPUTE = "dispute"  # a party contests a version of the result
UPHOLD = "uphold"  # the arbiter confirms a disputed version
CORRECT = "correct"  # the arbiter records another result; after final by reversing entries
VOID = "void"  # end without a result: payouts by the declared policy
FINALISE = "finalise"  # pay it
SETTLE = "settle"  # close if necessary, determine and pay in one step
ACTIONS = (NEW, REPLACE, CANCEL, MATCH, REST, SPLIT, MERGE, CHANGE, AHEAD, DETERMINE, DISPUTE, UPHOLD, CORRECT, VOID, FINALISE, SETTLE)

_IDLE = frozenset((CANCEL,))  # a cancel is never refused because of the phase
_NEW = frozenset((CANCEL, CHANGE))
_HALTED = frozenset((CANCEL, REST, CHANGE, AHEAD, VOID, SETTLE))
_TRADING = _HALTED | {NEW, REPLACE, MATCH, SPLIT, MERGE}

ALLOWED = {
    codes.PH_DRAFT: _NEW,
    codes.PH_LISTED: _NEW,
    codes.PH_OPEN: _TRADING,
    codes.PH_PAUSED: _HALTED,
    codes.PH_CLOSED: frozenset((CANCEL, AHEAD, DETERMINE, VOID, SETTLE)),
    codes.PH_DETERMINED: frozenset((CANCEL, DETERMINE, DISPUTE, CORRECT, VOID, FINALISE)),
    codes.PH_FINAL: frozenset((CANCEL, CORRECT)),
    codes.PH_CANCEL_ONLY: _HALTED,
    codes.PH_AUCTION: _IDLE,  # not used yet
    codes.PH_LIVE: _TRADING,
    codes.PH_DISPUTED: frozenset((CANCEL, DISPUTE, UPHOLD, CORRECT, VOID)),
    codes.PH_VOIDED: frozenset((CANCEL, DISPUTE, CORRECT, FINALISE)),
}


def leaves_open(product: int, winners: int, left: int) -> bool:
    """Whether a group of which so many contracts are left, so many of them winners (at most), is still undecided: else its whole result is known.
    The core compiles it."""
    if product == codes.EXACTLY:
        return 0 < winners < left
    return product == codes.AT_MOST and winners > 0 and left > 0


# A phase that may follow itself: a determination is replaced by a new version, with a new window.
NEXT: dict[int, tuple[int, ...]] = {
    codes.PH_DRAFT: (codes.PH_LISTED,),
    codes.PH_LISTED: (codes.PH_OPEN,),
    codes.PH_OPEN: (codes.PH_LIVE, codes.PH_PAUSED, codes.PH_CANCEL_ONLY, codes.PH_CLOSED, codes.PH_VOIDED),
    codes.PH_PAUSED: (codes.PH_OPEN, codes.PH_LIVE, codes.PH_CANCEL_ONLY, codes.PH_CLOSED, codes.PH_VOIDED),
    codes.PH_CLOSED: (codes.PH_DETERMINED, codes.PH_DISPUTED, codes.PH_VOIDED),
    codes.PH_DETERMINED: (codes.PH_DETERMINED, codes.PH_DISPUTED, codes.PH_VOIDED, codes.PH_FINAL),
    codes.PH_FINAL: (),  # a correction after final changes what was paid, not the phase
    codes.PH_CANCEL_ONLY: (codes.PH_OPEN, codes.PH_PAUSED, codes.PH_CLOSED, codes.PH_VOIDED),
    codes.PH_AUCTION: (),
    codes.PH_LIVE: (codes.PH_OPEN, codes.PH_PAUSED, codes.PH_CANCEL_ONLY, codes.PH_CLOSED, codes.PH_VOIDED),
    codes.PH_DISPUTED: (codes.PH_DISPUTED, codes.PH_DETERMINED, codes.PH_VOIDED),
    codes.PH_VOIDED: (codes.PH_DETERMINED, codes.PH_DISPUTED, codes.PH_FINAL),
}

FIRST = (codes.PH_DRAFT, codes.PH_LISTED)  # in which a market is created
IN_FILES = (*FIRST, *NEXT[FIRST[-1]])  # which a configuration may give a new market
# By action, the phases it may lead to, each only where NEXT has it. An operator sets all other phases by name.
LEADS_TO: dict[str, tuple[int, ...]] = {
    DETERMINE: (codes.PH_DETERMINED, codes.PH_DISPUTED),  # disputed: two sources differ
    DISPUTE: (codes.PH_DISPUTED,),
    UPHOLD: (codes.PH_DETERMINED, codes.PH_VOIDED),  # what it was when it was disputed
    CORRECT: (codes.PH_DETERMINED,),
    VOID: (codes.PH_VOIDED,),
    FINALISE: (codes.PH_FINAL,),
}
BY_ACTION = frozenset(phase for leads_to in LEADS_TO.values() for phase in leads_to)

# ---- what follows from the tables -------------------------------------------------------------------------------
COUNT = len(ALLOWED)
NAMES = codes.PHASE_NAMES
BY_NAME = {name: phase for phase, name in NAMES.items()}
SET_BY_NAME = tuple(dict.fromkeys(new for after in NEXT.values() for new in after if new not in BY_ACTION))
SETTABLE = tuple(NAMES[phase] for phase in SET_BY_NAME)


def allows(phase: int, action: str) -> bool:
    return action in ALLOWED[phase]


def mask(action: str) -> int:
    """The phases that allow `action`, as a bit mask."""
    return sum(1 << phase for phase in range(COUNT) if action in ALLOWED[phase])


def actions_to(old: int, new: int) -> tuple[str, ...]:
    """The actions that may change a market from phase `old` to `new`."""
    return tuple(action for action, leads_to in LEADS_TO.items() if new in leads_to and new in NEXT[old] and allows(old, action))


def may_set(old: int, new: int) -> bool:
    """Whether an operator may change a market from phase `old` to `new`. Phases in BY_ACTION cannot be set."""
    return new in NEXT[old] and new in SET_BY_NAME


# By phase: the phases that an operator may set from it, as a bit mask.
SET_MASKS = tuple(sum(1 << new for new in range(COUNT) if may_set(old, new)) for old in range(COUNT))


def _refusals(others: int, **named: int) -> tuple[int, ...]:
    """The reason by phase; `named`: phases with a reason of their own."""
    return tuple(named.get(NAMES[phase], others) for phase in range(COUNT))


# By phase: the reason for refusing an action that the phase does not allow.
ORDER_REFUSALS = _refusals(
    codes.R_MARKET_CLOSED,
    draft=codes.R_MARKET_NOT_OPEN,
    listed=codes.R_MARKET_NOT_OPEN,
    paused=codes.R_MARKET_PAUSED,
    cancel_only=codes.R_CANCEL_ONLY,
)
DETERMINE_REFUSALS = _refusals(codes.R_NOT_CLOSED, final=codes.R_ALREADY_FINAL)
FINALISE_REFUSALS = _refusals(codes.R_NOT_DETERMINED, final=codes.R_ALREADY_FINAL)


def name(phase: int) -> str:
    return NAMES.get(phase, f"phase {phase}")


def names(of: tuple[int, ...]) -> str:
    """Phases for a sentence: "open, paused"; "nothing" if there are none."""
    return ", ".join(name(phase) for phase in of) or "nothing"


def in_which(action: str) -> str:
    """The phases that allow `action`, for a sentence: "open, paused or closed"."""
    *most, last = (name(phase) for phase in range(COUNT) if action in ALLOWED[phase])
    return f"{', '.join(most)} or {last}" if most else last
