"""What may stand in a configuration file (TOML): frozen structs, one per table; a key that is not here is refused.

Amounts are written as people write them, in text: prices "0.0001" in units of the asset, money "1000000.00", quantities "0.01".
Whole numbers may stand without quotes; a number with a point must be quoted, because a float cannot hold it exactly.
Durations are a number with ns, us, ms, s, m, h or d: "72h". How all of it becomes ticks, lots and minor units: load.py.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .admin_records import Bps, Decimals, FilePhase, ShareBps

Amount = str | int
Duration = str
Port = Annotated[int, Meta(ge=0, le=65535)]
Rows = Annotated[int, Meta(ge=2, le=1 << 32)]
Repeat = Annotated[int, Meta(ge=1, le=100_000)]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Server(_Table, frozen=True, kw_only=True):
    """How the server itself runs; the command line wins over these."""

    host: str = "127.0.0.1"
    fix_port: Port = 9880
    binary_port: Port = 9890
    mode: Literal["sync", "async"] = "sync"
    sending_time_tolerance: Duration = "120s"
    heartbeat_min: Duration = "2s"
    heartbeat_max: Duration = "60s"
    clordid_retention: Duration = "72h"
    clock_jump: Duration = "5s"  # the time of day may jump forward by so much while the server runs,
    clock_jump_at_start: Duration = "60s"  # by so much while it was down, measured against its machine's monotonic clock,
    clock_absence: Duration = "30d"  # and lie so far ahead of the journal when the machine itself was started anew
    session_throttle: Annotated[int, Meta(ge=0)] = 10_000  # new orders and replaces per window, of each session not told otherwise; 0: none
    session_throttle_window: Duration = "1s"


class Capacities(_Table, frozen=True, kw_only=True):
    """Rows of the core's tables, given once at the start of a data folder; a table that is not named takes the engine's default."""

    assets: Rows | None = None
    venues: Rows | None = None
    firms: Rows | None = None
    accounts: Rows | None = None
    sessions: Rows | None = None
    events: Rows | None = None
    instruments: Rows | None = None
    listings: Rows | None = None
    balances: Rows | None = None
    collateral_words: Rows | None = None
    orders: Rows | None = None
    nodes: Rows | None = None
    archive: Rows | None = None


class Asset(_Table, frozen=True, kw_only=True):
    name: str
    decimals: Decimals
    title: str = ""


class Venue(_Table, frozen=True, kw_only=True):
    name: str
    title: str = ""
    trading_day: Duration = "24h"
    trading_day_ends: Duration = "0s"  # after 00:00 UTC
    throttle: Annotated[int, Meta(ge=0)] = 0  # messages per window
    throttle_window: Duration = "0s"


class Session(_Table, frozen=True, kw_only=True):
    """A login of a member. FIX: our_comp_id, peer_comp_id, username, secret; binary: key, secret."""

    name: str
    wire: Literal["fix", "binary"]
    secret: str
    account: str = ""
    venue: str = ""
    our_comp_id: str = ""
    peer_comp_id: str = ""
    username: str = ""
    key: str = ""
    cancel_on_disconnect: bool = False
    settlement_reports: bool = False
    standard_dictionary: bool = True
    timestamp_decimals: Literal[0, 3, 6, 9] = 3
    throttle: Annotated[int, Meta(ge=0)] | None = None  # new orders and replaces per window; not said: server.session_throttle; 0: none
    throttle_window: Duration | None = None


class Account(_Table, frozen=True, kw_only=True):
    """An account of a member, and what it is given once, when it is made: asset to amount."""

    name: str
    venue: str = ""
    deposit: dict[str, Amount] = {}


class Member(_Table, frozen=True, kw_only=True):
    """A firm with its accounts and logins. With count = 64 it stands for 64 of them: {n} in any text is 1 to 64."""

    firm: str
    title: str = ""
    share: Annotated[int, Meta(ge=1, le=1000)] = 1  # its part of the tables that all firms share, in proportion to the others'
    count: Repeat | None = None
    account: tuple[Account, ...] = ()
    session: tuple[Session, ...] = ()


class Fees(_Table, frozen=True, kw_only=True):
    model: Literal["notional", "quadratic", "minimum"]
    maker_bps: Bps = 0
    taker_bps: Bps = 0
    owner_share_bps: ShareBps = 0
    venue_share_bps: ShareBps = 0


class Band(_Table, frozen=True, kw_only=True):
    """A stretch of the price grid, both ends on it."""

    low: Amount
    high: Amount
    step: Amount


class Contract(_Table, frozen=True, kw_only=True):
    symbol: str
    outcome: str = ""
    code: str = ""


class ContractsFrom(_Table, frozen=True, kw_only=True):
    """Contracts made from a table of the data file, one per row (of those where every named column has that value)."""

    table: str
    symbol: str
    outcome: str = ""
    code: str = ""
    where: dict[str, str] = {}


class Each(_Table, frozen=True, kw_only=True):
    """The market stands for one per row of a table of the data file: {column} in any text is that row's value."""

    table: str


class Void(_Table, frozen=True, kw_only=True):
    who: str
    trigger: str
    prices: Literal["time_weighted_mid", "fixed", "entry_price"] = "time_weighted_mid"


class Market(_Table, frozen=True, kw_only=True):
    """An event with its contracts, or a spot pair."""

    event: str
    title: str = ""
    product: Literal["spot", "exactly", "at_most"]
    winners: Annotated[int, Meta(ge=0, le=4080)] = 0  # k
    each: Each | None = None
    contract: tuple[Contract, ...] = ()
    contracts_from: ContractsFrom | None = None
    owner_venue: str
    asset: str
    base_asset: str = ""
    payout: Amount = 0
    price_decimals: Annotated[int, Meta(ge=0, le=9)] = 4
    qty_decimals: Annotated[int, Meta(ge=0, le=9)] = 0
    band: tuple[Band, ...] = ()
    min_qty: Amount = 0  # 0: one lot
    max_qty: Amount
    lot: Amount = 0  # 0: the smallest quantity that qty_decimals can write
    max_notional: Amount = 0
    max_position: Amount = 0
    collar: Amount = 0
    protection: Amount = 0
    fees: Fees
    challenge_window: Duration = "0s"
    rules: str = ""
    source: str = ""
    sharing: Literal["segmented", "shared"] = "segmented"
    admits: tuple[str, ...] = ()
    void: Void | None = None
    phase: FilePhase = "listed"  # what it is brought to when it is new


class Listing(_Table, frozen=True, kw_only=True):
    venue: str
    event: str
    fees: Fees


class File(_Table, frozen=True, kw_only=True):
    """One configuration file. `sandbox`: its passwords are published, and what includes it is a sandbox too. `include`: other files, read first, beside this one; `data`: a TOML file with tables for each and contracts_from."""

    include: tuple[str, ...] = ()
    data: str = ""
    sandbox: bool = False
    server: Server | None = None
    capacities: Capacities | None = None
    asset: tuple[Asset, ...] = ()
    venue: tuple[Venue, ...] = ()
    member: tuple[Member, ...] = ()
    market: tuple[Market, ...] = ()
    listing: tuple[Listing, ...] = ()
