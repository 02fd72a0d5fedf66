"""Records that change a market while it trades: its price grid, its outcomes."""

from typing import Annotated

from msgspec import Meta

from .kinds import Name, Record
from .market import Band, Contract


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
