"""Who may trade where, as records: tags of firms, access rules, quotas and freezes of venues (docs/access-rules.md)."""

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from protocol import freeze

from .fields import Field
from .kinds import Count, Line, Name, OptionalName, Record

Jurisdiction = Annotated[str, Meta(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]  # ISO 3166-1 code of a country, or 3166-2 of a part of one
KycLevel = Annotated[int, Meta(ge=0, le=9)]
Tag = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Tags = Annotated[tuple[Tag, ...], Meta(max_length=64)]
Jurisdictions = Annotated[tuple[Jurisdiction, ...], Meta(max_length=300)]
JOURNAL_BYTES_MIN = 1_000  # a quota below what a few messages take would stop the venue

if TYPE_CHECKING:
    FreezeLevel = str
else:
    FreezeLevel = Literal[tuple(freeze.BY_NAME)]


class FirmTags(Record, tag="firm_tags", frozen=True, kw_only=True):
    """What is known of a firm; replaces what was known. No jurisdiction: not known."""

    firm: Name
    jurisdictions: Annotated[Jurisdictions, Field(live=True)] = ()
    kyc_level: Annotated[KycLevel, Field(live=True)] = 0
    institution: Annotated[bool, Field(live=True)] = False
    tags: Annotated[Tags, Field(live=True)] = ()


class AccessRule(Record, tag="access_rule", frozen=True, kw_only=True):
    """A rule of a venue or of a market. It matches the firms for which all of its conditions hold; without conditions, every firm. A firm is
    kept out if a deny rule matches it, or if there are allow rules and none matches it."""

    rule: Name
    venue: OptionalName = ""  # one of these two is named
    event: OptionalName = ""
    effect: Annotated[Literal["allow", "deny"], Field(live=True)]
    jurisdiction_in: Annotated[Jurisdictions, Field(live=True)] = ()
    jurisdiction_not_in: Annotated[Jurisdictions, Field(live=True)] = ()
    kyc_at_least: Annotated[KycLevel, Field(live=True)] = 0
    institution: Annotated[bool | None, Field(live=True)] = None  # None: no condition
    tags: Annotated[Tags, Field(live=True)] = ()  # all of them


class RemoveAccessRule(Record, tag="access_rule_remove", frozen=True, kw_only=True):
    rule: Name
    venue: OptionalName = ""
    event: OptionalName = ""


class Quota(Record, tag="quota", frozen=True, kw_only=True):
    """What the platform grants a venue. None: as it is; 0: no limit. A quota below what is used blocks increases and takes nothing away."""

    venue: Name
    sessions: Annotated[Count | None, Field(live=True)] = None
    instruments: Annotated[Count | None, Field(live=True)] = None
    listings: Annotated[Count | None, Field(live=True)] = None  # instruments that it offers, its own and those of others
    open_orders: Annotated[Count | None, Field(live=True)] = None
    messages_per_second: Annotated[Count | None, Field(live=True)] = None  # new orders and replaces
    journal_bytes_per_second: Annotated[Count | None, Field(live=True)] = None


class Freeze(Record, tag="freeze", frozen=True, kw_only=True):
    """Freeze a venue at a level, or end its freeze (none)."""

    venue: Name
    level: FreezeLevel
    reason: Line = ""
