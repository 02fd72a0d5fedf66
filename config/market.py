"""A market's record, the one table of its fields (see fields.py), and the records of its fees, contracts and price grid."""

from typing import Annotated, Literal

from msgspec import Meta

from protocol import codes, phases

from .fields import ASSET, CODE, DURATION, INSTANT, MONEY, PLAIN, PRICE, QUANTITY, TEXT, VENUE, Field
from .kinds import AssetName, Bps, Count, FirstPhase, Line, Name, OptionalName, Part, Positive, Record, ShareBps, Text

MAX_CONTRACTS = 4080  # core/layout/definitions.py; a test compares the two
PRODUCTS = (("spot", codes.SPOT), ("exactly", codes.EXACTLY), ("at_most", codes.AT_MOST), ("scalar", codes.SCALAR))
FEE_MODELS = (("notional", codes.FEE_NOTIONAL), ("quadratic", codes.FEE_QUADRATIC), ("minimum", codes.FEE_MIN))
PHASES = tuple(phases.BY_NAME.items())  # the record has the first phase, the core the current one


NumberText = Annotated[str, Meta(max_length=32, pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$")]


class Band(Part, frozen=True, kw_only=True):
    """A stretch of the price grid: `low`, `low + step`, ... up to `high`, both ends on the grid. Ticks."""

    low: Annotated[Positive, Field(PRICE)]
    high: Annotated[Positive, Field(PRICE)]
    step: Annotated[Positive, Field(PRICE)]


class Fees(Part, frozen=True, kw_only=True):
    """Fees of a listing: basis points for maker (negative: rebate) and taker, and who shares the earnings."""

    model: Annotated[
        Literal["notional", "quadratic", "minimum"], Field(CODE, "DL_FEE_MODEL", codes=FEE_MODELS, about="How fees are computed")
    ]
    maker_bps: Annotated[Bps, Field(PLAIN, "DL_MAKER_BPS", about="Fee of the maker in basis points; negative: a rebate")] = 0
    taker_bps: Annotated[Bps, Field(PLAIN, "DL_TAKER_BPS", about="Fee of the taker in basis points")] = 0
    owner_share_bps: Annotated[ShareBps, Field(PLAIN, "DL_OWNER_SHARE", about="The owner's share of what is earned")] = 0
    venue_share_bps: Annotated[ShareBps, Field(PLAIN, "DL_VENUE_SHARE", about="The venue's share of what is earned")] = 0


class Contract(Part, frozen=True, kw_only=True):
    """One outcome of an event (or the one instrument of a spot pair)."""

    symbol: Annotated[Name, Field(TEXT)]
    outcome: Annotated[Line, Field(TEXT)] = ""
    code: Annotated[OptionalName, Field(TEXT)] = (
        ""  # short name of the outcome, as `exos market settle --winner` takes it; default: the symbol's last part
    )


PriceText = Annotated[str, Meta(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?$")]  # as a file has it: "0.50"


class VoidRule(Part, frozen=True, kw_only=True):
    """Written before listing: who may void, on what trigger, at what prices."""

    who: Annotated[Line, Field(about="Who may void it")]
    trigger: Annotated[Line, Field(about="On what")]
    prices: Annotated[Literal["time_weighted_mid", "fixed", "entry_price"], Field(about="At what prices")] = "time_weighted_mid"
    fixed: Annotated[tuple[PriceText, ...], Field(about="The price of a contract, with fixed prices, in the order of the contracts")] = ()


class Scalar(Part, frozen=True, kw_only=True):
    """Where a contract on a number begins to pay, and from where on it pays in full: P x (value - low) / (high - low), rounded down to a tick."""

    low: Annotated[NumberText, Field(about="The value up to which it pays nothing")]
    high: Annotated[NumberText, Field(about="The value from which on it pays in full")]
    decimals: Annotated[int, Meta(ge=0, le=9), Field(about="Digits after the point of the value")] = 0


class Resting(Part, frozen=True, kw_only=True):
    """What becomes of resting orders when the market changes its phase. Closing cancels all."""

    live: Annotated[
        Literal["keep", "cancel", "lapse"], Field(about="When it goes live; lapse: those that are not marked persist are cancelled")
    ] = "keep"
    pause: Annotated[Literal["keep", "cancel"], Field(about="When it pauses")] = "keep"

    def bits(self) -> int:
        """As the core has it: RESTING_*."""
        live = {"keep": 0, "cancel": codes.RESTING_LIVE_CANCEL, "lapse": codes.RESTING_LIVE_LAPSE}[self.live]
        return live | (codes.RESTING_PAUSE_CANCEL if self.pause == "cancel" else 0)


class DefineMarket(Record, tag="market", frozen=True, kw_only=True):
    """An event with its contracts, or a spot pair (product "spot", one contract). The owner's listing comes with it."""

    event: Annotated[Name, Field(TEXT)]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is about")] = ""
    product: Annotated[
        Literal["spot", "exactly", "at_most", "scalar"],
        Field(CODE, "DE_PRODUCT", codes=PRODUCTS, about="exactly k winners, at most k, a number, or a spot pair"),
    ]
    k: Annotated[int, Meta(ge=0, le=MAX_CONTRACTS), Field(PLAIN, "DE_K", key="winners", about="Number of winners (k)")] = (
        0  # winners; spot: 0
    )
    contracts: Annotated[tuple[Contract, ...], Meta(min_length=1), Field(key="contract")]
    owner_venue: Annotated[Name, Field(VENUE, "DE_OWNER_VENUE", about="The venue that owns it")]
    asset: Annotated[AssetName, Field(ASSET, "DE_ASSET", about="What is paid with")]  # collateral; spot: quote
    base_asset: Annotated[str, Meta(max_length=32), Field(ASSET, "DE_BASE_ASSET", about="spot: what is bought and sold")] = ""  # spot
    lot_base: Annotated[Count, Field(PLAIN, "DE_LOT_BASE", key=None, follows="qty_decimals")] = (
        0  # spot: minor units of the base asset per lot, from qty_decimals
    )
    payout: Annotated[Count, Field(PRICE, "DE_PAYOUT", about="What a winning contract pays")] = 0  # P in ticks; spot: 0
    tick_value: Annotated[Positive, Field(PLAIN, "DE_TICK_VALUE", key=None, follows="price_decimals")] = (
        1  # minor units of `asset` per tick and lot, from the decimals
    )
    price_decimals: Annotated[int, Meta(ge=0, le=9), Field(PLAIN, "DI_PRICE_DECIMALS", about="Digits after the point of a price")] = 4
    qty_decimals: Annotated[int, Meta(ge=0, le=9), Field(PLAIN, "DI_QTY_DECIMALS", about="Digits after the point of a quantity")] = 0
    bands: Annotated[tuple[Band, ...], Meta(min_length=1), Field(live=True, key="band")]
    min_qty: Annotated[Positive, Field(QUANTITY, "DI_MIN_QTY", live=True, about="Smallest order")] = 1  # in a file 0: one lot
    max_qty: Annotated[Positive, Field(QUANTITY, "DI_MAX_QTY", live=True, about="Largest order")]
    lot: Annotated[Positive, Field(QUANTITY, "DI_LOT", about="Quantities are multiples of it")] = (
        1  # in a file 0: the smallest quantity that qty_decimals can write
    )
    max_notional: Annotated[Count, Field(MONEY, "DI_MAX_NOTIONAL", live=True, about="Largest value of an order; 0: no limit")] = (
        0  # 0: none
    )
    max_position: Annotated[Count, Field(QUANTITY, "DI_MAX_POSITION", live=True, about="Largest position of an account")] = (
        0  # 0: none, spot only
    )
    collar: Annotated[Count, Field(PRICE, "DI_COLLAR", live=True, about="Orders must be this near to the reference price; 0: anywhere")] = (
        0  # around the reference, 0: none
    )
    protection: Annotated[Count, Field(PRICE, "DI_PROTECTION", live=True, about="How far a market order may go; 0: the usual")] = (
        0  # 0: 5 % of P for event contracts, else 100 ticks
    )
    fees: Annotated[Fees, Field(live=True)]
    challenge_window_ns: Annotated[
        Count, Field(DURATION, "DE_WINDOW_NS", key="challenge_window", about="How long a result can be challenged")
    ] = 0
    rules: Annotated[Text, Field(TEXT, about="How it is decided")] = ""
    cut_off: Annotated[Line, Field(TEXT, about="What counts: until when, extra time, penalties")] = ""
    exhaustive: Annotated[Line, Field(TEXT, about="Why the outcomes are all there can be, when there is no Other")] = ""
    source: Annotated[Line, Field(TEXT, about="Who decides the result")] = ""  # who decides the result
    sources: Annotated[
        tuple[Line, ...], Meta(max_length=2), Field(about="A source that a result must be from; of two both must agree")
    ] = ()
    auto_finalise: Annotated[bool, Field(live=True, about="Pay by itself at the end of the challenge window")] = True
    sharing: Annotated[Literal["segmented", "shared"], Field(about="Whether other venues may list it")] = "segmented"
    admits: Annotated[tuple[Name, ...], Field(about="A venue that may list it, when shared")] = ()  # venues that may list it, when shared
    open_at_ns: Annotated[Count, Field(INSTANT, live=True, key="open_at", about="When it opens by itself")] = 0
    live_at_ns: Annotated[Count, Field(INSTANT, live=True, key="live_at", about="When it goes live by itself")] = 0
    close_at_ns: Annotated[Count, Field(INSTANT, live=True, key="close_at", about="When it closes by itself")] = 0
    determine_by_ns: Annotated[
        Count, Field(INSTANT, live=True, key="determine_by", about="When a market without a result is marked as overdue")
    ] = 0
    series: Annotated[OptionalName, Field(TEXT, about="The series that it belongs to")] = ""
    template: Annotated[OptionalName, Field(key="made_from", about="The template that it was made from")] = ""
    void: VoidRule | None = None
    scalar: Scalar | None = None
    resting: Resting = Resting()
    max_contracts: Annotated[
        int, Meta(ge=0, le=MAX_CONTRACTS), Field(about="Contracts that it may have in the end, with outcomes added later; 0: those it has")
    ] = 0
    other: Annotated[OptionalName, Field(TEXT, about="Code of the outcome that stands for all others: new ones are split out of it")] = ""
    phase: Annotated[FirstPhase, Field(CODE, "DE_PHASE", codes=PHASES)] = "listed"


def outcome_code(contract: Contract) -> str:
    """The short name of the outcome: the record's, else the last part of the symbol ("WC26-WIN-ESP" -> "ESP")."""
    return contract.code or contract.symbol.rpartition("-")[2]
