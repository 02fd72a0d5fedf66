"""Records that change a market that is listed: price grid, outcomes, other venues' listings, phase, reference price, conflicts of interest."""

from typing import Annotated

from msgspec import Meta

from .fields import Field
from .kinds import Count, Name, Record, SettablePhase
from .market import Band, Contract, Fees


class SetBands(Record, tag="bands", frozen=True, kw_only=True):
    """Another price grid for all contracts of a market. Orders that no longer fit are cancelled."""

    event: Name
    bands: Annotated[tuple[Band, ...], Meta(min_length=1)]


class AddOutcome(Record, tag="add_outcome", frozen=True, kw_only=True):
    """One more outcome of an at-most group."""

    event: Name
    contract: Contract


class SplitOutcome(Record, tag="split_outcome", frozen=True, kw_only=True):
    """One more outcome of an exactly-1 group, out of the one that stands for all others: who holds that, long or short, gets as much of the new one."""

    event: Name
    source: Name  # symbol
    contract: Contract


class DefineListing(Record, tag="listing", frozen=True, kw_only=True):
    """Another venue's offer of a shared market, with its own fees."""

    venue: Name
    event: Name
    fees: Annotated[Fees, Field(live=True)]


class SetPhase(Record, tag="phase", frozen=True, kw_only=True):
    event: Name
    phase: SettablePhase


class Restrict(Record, tag="restrict", frozen=True, kw_only=True):
    """A firm's conflict of interest in an event, on or off."""

    event: Name
    firm: Name
    on: bool = True


class SetReference(Record, tag="reference", frozen=True, kw_only=True):
    """The operator's reference price (0: back to the last trade), and the collar around it (None: unchanged)."""

    symbol: Name
    reference: Count
    collar: Count | None = None
