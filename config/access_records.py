"""Records about who may do what: principals, the roles they hold, and acts that a second person approves."""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from .fields import DURATION, TEXT, VENUE, Field
from .kinds import AssetName, Count, Line, Name, OptionalName, Positive, Record

ROLE_NAMES = (
    "platform_operator",
    "venue_operator",
    "market_creator",
    "resolver",
    "arbiter",
    "risk_officer",
    "treasurer",
    "auditor",
    "support",
)
DEFAULT_DUAL = ("kill_release", "platform_grant", "approvals", "withdrawal", "correct", "bust", "void", "budget", "rollback")
DUAL_CONTROL = (*DEFAULT_DUAL, "venue_grant", "principal_key")  # the last two: who may do these could make a second person

if TYPE_CHECKING:
    RoleName = str
    DualName = str
else:
    RoleName = Literal[ROLE_NAMES]
    DualName = Literal[DUAL_CONTROL]

Scope = Annotated[
    str,
    Meta(max_length=104, pattern=r"^(platform|venue:[A-Za-z0-9][A-Za-z0-9_-]{0,31}|series:[A-Za-z0-9][A-Za-z0-9_-]{0,31}/[A-Za-z0-9._:/-]{1,64})$"),
]  # fmt: skip
PendingId = Annotated[int, Meta(ge=1, le=(1 << 62) - 1)]


class DefinePrincipal(Record, tag="principal", frozen=True, kw_only=True):
    """Somebody who may act: a person or a program of an operator. What it may do, its grants say; how it logs on, its keys. `venue`: its home,
    "" the platform. `firm`: the firm for which it works; it decides no result of a market in which that firm is a party. A closed one may do nothing
    and cannot log on."""

    name: Name
    title: Annotated[Line, Field(TEXT, live=True)] = ""
    venue: Annotated[OptionalName, Field(VENUE)] = ""
    firm: Annotated[
        OptionalName, Field(live=True, about="The firm for which it works: it decides nothing in markets where that firm is a party")
    ] = ""
    closed: Annotated[bool, Field(live=True)] = False


class Grant(Record, tag="grant", frozen=True, kw_only=True):
    """A role for a principal. `scope`: "platform", "venue:NAME", or "series:NAME/PREFIX" (the events of that venue whose names begin so).
    `until_ns`: ns since the epoch, 0: until it is revoked. Granted again, the newest end holds."""

    principal: Name
    role: RoleName
    scope: Scope
    until_ns: Count = 0


class Revoke(Record, tag="revoke", frozen=True, kw_only=True):
    """Takes a grant back."""

    principal: Name
    role: RoleName
    scope: Scope


class Approvals(Record, tag="approvals", frozen=True, kw_only=True):
    """Which acts wait until a second person approves them, and for how long. `withdrawals`: of each asset the amount (minor units) above which
    a withdrawal waits; assets that are not named have no limit."""

    acts: tuple[DualName, ...] = DEFAULT_DUAL
    withdrawals: dict[AssetName, Count] = {}
    expires_ns: Annotated[Positive, Field(DURATION)] = 86_400_000_000_000


class Approve(Record, tag="approve", frozen=True, kw_only=True):
    """Carries out an act that waits, as its second person."""

    id: PendingId


class Refuse(Record, tag="refuse", frozen=True, kw_only=True):
    """Ends an act that waits; its proposer may do so too."""

    id: PendingId
    note: Line = ""
