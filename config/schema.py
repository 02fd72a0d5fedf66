"""The content of a configuration file (TOML): frozen structs, one per table; unknown keys are refused. The tables of assets,
venues, sessions and markets are derived from the records (admin_records.py).

Amounts are decimal numbers in quotes: prices "0.0001" in units of the asset, money "1000000.00", quantities "0.01".
Whole numbers need no quotes; a number with a decimal point must be quoted, because a float cannot hold it exactly.
Durations are a number with ns, us, ms, s, m, h or d: "72h". load.py converts them to ticks, lots and minor units.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from protocol import phases

from . import admin_records as ar
from .fields import AMOUNTS, ASSET, DURATION, INSTANT, TEXT, VENUE, duration_text, fields_of
from .key_records import SCOPES
from .schema_types import Amount, Blocks, Duration, Instant, Repeat, Rows
from .settings import Settings


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Capacities(_Table, frozen=True, kw_only=True):
    """Rows of the core's tables, fixed when a data folder is created; a table that is not named has the engine's default."""

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
    used_blocks: Blocks | None = None


class ContractsFrom(_Table, frozen=True, kw_only=True):
    """Contracts made from a table of the data file, one per row (of those where every named column has that value)."""

    table: str
    symbol: str
    outcome: str = ""
    code: str = ""
    where: dict[str, str] = {}


class Each(_Table, frozen=True, kw_only=True):
    """One market per row of a table of the data file: {column} in any text is that row's value."""

    table: str


def table(record: type, optional: bool = False, **own: Any) -> Any:
    """The table of a file in which a record is written: its fields with the keys and units of a file. `own`: keys that the file has instead of
    a field or in addition, as (type, default) or only a type. `optional`: a key that the file does not have is None."""
    fields: list[Any] = []
    for field in fields_of(record):
        if field.key is None or field.key in own:
            continue
        kind: Any = field.type
        default = field.default
        if field.unit in AMOUNTS:
            kind, default = Amount, 0
        elif field.unit == DURATION:
            kind, default = Duration, duration_text(field.default)
        elif field.unit == INSTANT:
            kind, default = Instant, ""
        elif field.unit in (TEXT, VENUE, ASSET):
            kind = str
        if optional:
            kind, default = kind | None, None
        fields.append((field.key, kind) if field.required else (field.key, kind, default))
    fields += [(key, *spec) if isinstance(spec, tuple) else (key, spec) for key, spec in own.items()]
    return msgspec.defstruct(record.__name__.removeprefix("Define"), fields, frozen=True, forbid_unknown_fields=True, kw_only=True)


if TYPE_CHECKING:  # at run time these are made from the records' fields
    Server = Any
    Asset = Any
    Venue = Any
    Account = Any
    Member = Any
    Session = Any
    Band = Any
    Contract = Any
    Market = Any
    Listing = Any
    Tags = Any
    Quota = Any
    Rule = Any
    Series = Any
else:
    Server = table(Settings, optional=True)  # what is not set is as the data folder has it, in a new one the default
    Asset = table(ar.DefineAsset)
    Venue = table(ar.DefineVenue)
    # A secret is a text that becomes a verifier before anything is journaled. A session without its own throttle has that of [server].
    Session = table(
        ar.DefineSession,
        secret=(str | None, None),
        throttle=(Annotated[int, Meta(ge=0)] | None, None),
        throttle_window=(Duration | None, None),
    )
    # The first deposits (asset to amount) are made once, when the account is created.
    Account = table(ar.DefineAccount, deposit=(dict[str, Amount], {}))
    # A firm with its accounts and logins. With count = 64 it defines 64 of them: {n} in any text is 1 to 64.
    Member = table(ar.DefineFirm, count=(Repeat | None, None), account=(tuple[Account, ...], ()), session=(tuple[Session, ...], ()))
    Band = table(ar.Band)
    Contract = table(ar.Contract)
    Market = table(
        ar.DefineMarket,
        each=(Each | None, None),
        contract=(tuple[Contract, ...], ()),
        contracts_from=(ContractsFrom | None, None),
        band=(tuple[Band, ...], ()),
        phase=(ar.FilePhase, phases.name(phases.FIRST[-1])),  # its phase when it is new
    )
    Listing = table(ar.DefineListing)
    Tags = table(ar.FirmTags)
    Quota = table(ar.Quota)
    Rule = table(ar.AccessRule)
    # Its market is a [[market]] table, usually with a template: the day of the listing is {date} or {day} in it, times are counted from the listing.
    Series = table(ar.DefineSeries, market=(dict[str, Any] | None, None))


class Key(_Table, frozen=True, kw_only=True):
    """An Ed25519 key with which a session may log on: its public half, as `exos key create` prints it. `until`: 2027-01-31T00:00:00Z."""

    id: str
    session: str
    public: str
    scopes: tuple[str, ...] = SCOPES
    addresses: tuple[str, ...] = ()
    until: datetime | None = None
    title: str = ""


class Remove(_Table, frozen=True, kw_only=True):
    """A tombstone: one of session, account, firm, market, listing (of a market, at `venue`) and rule (of `venue`, or of `event`) ends for good, if it has
    not ended yet."""

    session: str = ""
    account: str = ""
    firm: str = ""
    market: str = ""
    listing: str = ""
    rule: str = ""
    venue: str = ""
    event: str = ""
    why: str = "removed by the configuration"


class File(_Table, frozen=True, kw_only=True):
    """One configuration file. `sandbox`: its passwords are published, and files that include it are sandboxes too. `include`: other files
    in the same folder, read first; `data`: a TOML file with tables for each and contracts_from."""

    include: tuple[str, ...] = ()
    data: str = ""
    sandbox: bool = False
    server: Server | None = None
    capacities: Capacities | None = None
    asset: tuple[Asset, ...] = ()
    venue: tuple[Venue, ...] = ()
    member: tuple[Member, ...] = ()
    key: tuple[Key, ...] = ()
    market: tuple[Market, ...] = ()
    listing: tuple[Listing, ...] = ()
    tags: tuple[Tags, ...] = ()
    quota: tuple[Quota, ...] = ()
    rule: tuple[Rule, ...] = ()
    series: tuple[Series, ...] = ()
    remove: tuple[Remove, ...] = ()
    template: tuple[dict[str, Any], ...] = ()


class ReadFile(File, frozen=True, kw_only=True):
    """A file in which the markets made from templates are written out. `origin`: for each market the number of its [[market]] table in the file."""

    origin: tuple[int, ...] = ()
