"""What of a venue moves beside its definitions: markets as they stand, positions, open orders. Prices YES ticks, quantities lots, money minor units."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import Meta

from protocol import phases

from .budget_records import Budget
from .kinds import MAX_AMOUNT, Count, Line, Name, OptionalName, Part, Positive
from .market import Fees
from .schedule_records import Schedulable
from .series_records import DefineSeries

Signed = Annotated[int, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
ClientId = Annotated[int, Meta(ge=1, le=(1 << 63) - 1)] | Annotated[str, Meta(min_length=1, max_length=64)]

if TYPE_CHECKING:
    Phase = str
else:
    Phase = Literal[tuple(phases.BY_NAME)]


class OpeningMarket(Part, frozen=True, kw_only=True):
    """`window_end_ns`: of the challenge of its result; `in_play`: it has been live since it was last open; `results`: fields of the registry's event beside its definition (its determinations)."""

    event: Name
    phase: Phase
    sets: Count = 0
    window_end_ns: Count = 0
    in_play: bool = False
    results: dict[str, Any] = {}


class OpeningPrice(Part, frozen=True, kw_only=True):
    """Last trade (0: none) and volume of a contract."""

    symbol: Name
    last: Count
    volume: Count


class OpeningPosition(Part, frozen=True, kw_only=True):
    """`quantity`: YES contracts, negative: short."""

    symbol: Name
    account: Name
    quantity: Signed


class OpeningPlace(Part, frozen=True, kw_only=True):
    """That an account has traded in a market: their order is that in which results are paid."""

    event: Name
    account: Name


class OpeningOrder(Part, frozen=True, kw_only=True):
    """An open order. `quantity`: total; `filled` of it, for `notional` (client's ticks times lots). `terms`: fees under which it was entered; what of them it
    was charged: exact numerators and minor units (core/money/fees.py). `entered`: its place among the venue's open orders by time of entry, from 1."""

    symbol: Name
    account: Name
    session: OptionalName = ""
    venue: Name
    side: Literal["buy", "sell"]
    contract_side: Literal["yes", "no"]
    price: Positive
    quantity: Positive
    filled: Count
    notional: Count
    tif: Literal["day", "gtc", "gtd"]
    expiry_ns: Count
    flags: Annotated[int, Meta(ge=0, le=127)]
    client_id: ClientId
    terms: Fees
    fee_numerator: Count
    fee_paid: Count
    rebate_numerator: Count
    rebate_paid: Count
    net_fee: Signed
    entered: Positive


class OpeningSeries(Part, frozen=True, kw_only=True):
    """A series. `who`: the principal in whose name its next listing is made, "": the one who imports. `closed`: the reason why it has ended, "": it goes on."""

    record: DefineSeries
    who: OptionalName = ""
    closed: Line = ""


class OpeningScheduled(Part, frozen=True, kw_only=True):
    """An act that waits for its time. `who` as of a series; `fields`: of the definition in `act` only these change."""

    at_ns: Positive
    act: Schedulable
    who: OptionalName = ""
    note: Line = ""
    fields: tuple[Name, ...] = ()


class OpeningBudget(Part, frozen=True, kw_only=True):
    """A session's budget, complete, and the account that it is for. Names on its lists that are not there yet begin to count when they are."""

    account: Name
    record: Budget
