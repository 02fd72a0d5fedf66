"""The budget of a session, as records: what it may lose, where and how much at once it may trade (docs/budgets.md)."""

from typing import Annotated

from msgspec import Meta

from .fields import ASSET, DURATION, MONEY, Field
from .kinds import Count, Name, OptionalName, Positive, Record

HOUR_NS = 3600 * 10**9

Names = Annotated[tuple[Name, ...], Meta(max_length=1_000)]


class Budget(Record, tag="budget", frozen=True, kw_only=True):
    """Gives a session and its default account a budget, or changes it. None: as it is; 0: no such limit. The session may act for that account only, and
    whoever trades in it keeps within the budget. Amounts are minor units of the asset."""

    session: Name
    asset: Annotated[OptionalName, Field(ASSET, live=True, about="Asset in which it may lose; the account trades markets in it only")] = (
        ""  # "": as it is
    )
    max_loss: Annotated[Count | None, Field(MONEY, live=True, about="Most that it may lose in all")] = None
    max_loss_per_day: Annotated[Count | None, Field(MONEY, live=True, about="Most that it may lose by what it enters on a day (UTC)")] = (
        None
    )
    max_quantity: Annotated[Count | None, Field(live=True, about="Most lots of an order")] = None
    max_cost: Annotated[Count | None, Field(MONEY, live=True, about="Most that an order may cost, fees included")] = None
    approve_above: Annotated[
        Count | None, Field(MONEY, live=True, about="An order that may cost more waits until a person approves it")
    ] = None
    approve_within_ns: Annotated[
        Positive | None, Field(DURATION, live=True, key="approve_within", about="How long it waits, and may be entered once approved")
    ] = None  # of a new budget: an hour
    markets: Annotated[Names | None, Field(live=True, about="Market in which it may trade")] = None  # these two: ()s: in all
    series: Annotated[Names | None, Field(live=True, about="Series in whose markets it may trade, those to come too")] = None
    anew: Annotated[bool, Field(about="What it lost so far does not count any more")] = False


class ClearBudget(Record, tag="budget_clear", frozen=True, kw_only=True):
    """Ends the budget of a session: it may lose all its account has, and act for all accounts of its firm."""

    session: Name
