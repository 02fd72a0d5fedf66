"""Answers to operators, beside the bodies that acts.py makes from the records. What an operator sees of a thing: its definition as its act has it, and how
it is now."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from config import admin_records as ar

from . import acts
from .schemas import Amount, Answer, Body, Decimal, Duration, Id, Limit, Name, OptionalName, Page, Query, Role, Sum, Time
from .schemas import ResultVersion as ResultVersion

Firm: Any = acts.form_of(ar.DefineFirm).body
Account: Any = acts.form_of(ar.DefineAccount).body
Session: Any = acts.form_of(ar.DefineSession).body
Venue: Any = acts.form_of(ar.DefineVenue).body
Asset: Any = acts.form_of(ar.DefineAsset).body
Market: Any = acts.form_of(ar.DefineMarket).body
Listing: Any = acts.form_of(ar.DefineListing).body
Principal: Any = acts.form_of(ar.DefinePrincipal).body
Series: Any = acts.form_of(ar.DefineSeries).body
UserName = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
FileName = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
FileText = Annotated[str, Meta(max_length=1 << 20)]
Anything = Annotated[dict[str, Any], Meta(description="The body of the act of that name")]


class ActQuery(Query, frozen=True):
    """`preview`: only say what would be done, or refused."""

    preview: bool = False


class Act(Answer, frozen=True):
    """`outcome` pending: it waits for a second person, as `pending_id` until `expires_at`. unchanged: it was so already. done_before: this key was carried
    out. preview: nothing was done; `text` is what would be answered, `fields` what would change, `waits` whether a second person would be needed, `cancels` how many open orders a phase would cancel now.
    `secret` was made by the exchange for a key: it is told once."""

    act: str
    outcome: Literal["done", "unchanged", "done_before", "pending", "preview"]
    text: str
    pending_id: Id | None = None
    expires_at: Time | None = None
    result: dict[str, str] = {}
    warnings: list[str] = []
    fields: list[str] = []
    waits: bool = False
    cancels: Sum | None = None
    secret: str | None = None


class ConfigurationGiven(Body, frozen=True):
    """A configuration file as `exos config apply` takes it. `toml`: its text; `name`: what it is called, which also says what `prune` may end; `files`: the texts of those
    that it includes or takes data from, by the names that it has for them. `base`: the revision for which it is meant; another one runs: refused. `plan`: of the answer of a
    preview; something else would be done now: refused. `prune`: end what the file of this name made and no longer names. `why` is kept with the revision."""

    name: FileName
    toml: FileText
    files: dict[str, FileText] = {}
    why: Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    prune: bool = False
    base: Id | None = None
    plan: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$", description="64 hexadecimal digits")] = ""


class Configured(Answer, frozen=True):
    """`outcome` done: `revision` runs now. unchanged: everything was so already. preview: nothing was changed; `lines` say what would be (+ new, ~ changed, - ended), and `base` and
    `plan` make sure that nothing else is when they are sent with it. `notes`: what of the file takes no effect now. Nothing that a file can hold waits for a second person."""

    outcome: Literal["done", "unchanged", "preview"]
    text: str
    act: str = "configuration"
    revision: Id | None = None
    base: Id | None = None
    plan: str | None = None
    lines: list[str] = []
    notes: list[str] = []
    warnings: list[str] = []
    unchanged: Sum = 0


class Operator(Answer, frozen=True):
    """Who is logged on, and what it may do."""

    principal: str
    roles: list[Role]
    acts: list[str]
    questions: list[str]


class PendingAct(Answer, frozen=True):
    id: Id
    act: str
    title: str
    proposed_by: str
    proposed_at: Time
    expires_at: Time
    expired: bool
    type: str
    record: Anything


class Pending(Answer, frozen=True):
    """The oldest first."""

    pending: list[PendingAct]


class FirmRow(Answer, frozen=True):
    firm: str
    definition: Firm
    accounts: Sum
    sessions: Sum
    open_orders: Sum
    killed: bool
    closed: str | None


class Firms(Answer, frozen=True):
    firms: list[FirmRow]
    next_cursor: str | None


class Held(Answer, frozen=True):
    """`cash` is all of it; `locked` is held by requirements, `on_hold` by holds; `free` is the rest."""

    asset: str
    cash: Decimal
    locked: Decimal
    on_hold: Decimal
    free: Decimal


class Hold(Answer, frozen=True):
    id: Id
    kind: str
    asset: str
    amount: Decimal
    until: Time | None
    since: Time
    note: str
    by: str


class AccountRow(Answer, frozen=True):
    """`definition` is None for an account of the platform or a venue."""

    account: str
    definition: Account | None
    firm: str
    venue: str
    session: str
    open_orders: Sum
    killed: bool
    closed: str | None
    balances: list[Held]
    holds: list[Hold]


class Accounts(Answer, frozen=True):
    accounts: list[AccountRow]
    next_cursor: str | None


class SessionRow(Answer, frozen=True):
    session: str
    definition: Session
    firm: str
    logged_on: bool
    killed: bool
    closed: str | None


class SessionRows(Answer, frozen=True):
    sessions: list[SessionRow]
    next_cursor: str | None


class VenueRow(Answer, frozen=True):
    venue: str
    definition: Venue
    fee_account: str
    markets: Sum
    killed: bool
    freeze: str


class VenueRows(Answer, frozen=True):
    venues: list[VenueRow]
    next_cursor: str | None


class AssetRow(Answer, frozen=True):
    """`external`: deposits less withdrawals of the whole exchange; None: not shown to you."""

    asset: str
    definition: Asset
    external: Decimal | None


class AssetRows(Answer, frozen=True):
    assets: list[AssetRow]
    next_cursor: str | None


class KeyRow(Answer, frozen=True):
    key: str
    holder: str
    name: str
    kind: str
    public_key: str
    scopes: list[str]
    until: Time | None
    addresses: list[str]
    title: str
    made_at: Time | None
    revoked: bool
    revoked_at: Time | None
    reason: str


class Keys(Answer, frozen=True):
    keys: list[KeyRow]
    next_cursor: str | None


class ListingRow(Answer, frozen=True):
    venue: str
    market: str
    owner: bool
    definition: Listing


class Listings(Answer, frozen=True):
    listings: list[ListingRow]
    next_cursor: str | None


class ContractNow(Answer, frozen=True):
    """Of one contract of a market: best prices, and what there is of it. `paid`: what it paid, None: nothing yet. `decided_ahead`: of the rest."""

    contract: str
    outcome: str
    code: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    volume: Decimal
    open_interest: Decimal
    paid: Decimal | None
    decided_ahead: bool


class MarketNow(Answer, frozen=True):
    """A market as its operators see it, drafts too. `may_set`: phases that can follow by hand; `may_do`: acts that its phase allows."""

    market: str
    title: str
    venue: str
    product: str
    asset: str
    payout: Decimal | None
    phase: str
    may_set: list[str]
    may_do: list[str]
    settling: bool
    overdue_since: Time | None
    result_version: Sum
    window_ends_at: Time | None
    final_at: Time | None
    resting_live: str
    resting_pause: str
    versions: list[ResultVersion]
    contracts: list[ContractNow]


class MarketsNow(Answer, frozen=True):
    markets: list[MarketNow]
    next_cursor: str | None


class MarketTerms(Answer, frozen=True):
    market: str
    definition: Market


class Freeze(Answer, frozen=True):
    venue: str
    level: str
    reason: str


class Switch(Answer, frozen=True):
    level: str
    target: str


class Restriction(Answer, frozen=True):
    market: str
    firm: str


class Throttle(Answer, frozen=True):
    level: str
    target: str
    limit: Sum
    window: Duration
    used: Sum


class Risk(Answer, frozen=True):
    freezes: list[Freeze]
    kills: list[Switch]
    restrictions: list[Restriction]
    throttles: list[Throttle]


class QuotaUse(Answer, frozen=True):
    """`limit` 0: none."""

    quota: str
    limit: Sum
    used: Sum


class VenueRules(Answer, frozen=True):
    venue: str
    freeze: str
    freeze_reason: str
    isolated_accounts: bool
    rules: list[Anything]
    quotas: list[QuotaUse]


class Rules(Answer, frozen=True):
    venues: list[VenueRules]


class KeptOut(Answer, frozen=True):
    """By which rule of a venue or market; 0: no rule admits the firm."""

    venue: str | None
    market: str | None
    rule: Sum


class FirmTags(Answer, frozen=True):
    firm: str
    jurisdictions: list[str]
    kyc_level: Sum
    institution: bool
    tags: list[str]
    kept_out: list[KeptOut]


class Tags(Answer, frozen=True):
    firms: list[FirmTags]
    next_cursor: str | None


class PrincipalRow(Answer, frozen=True):
    principal: str
    definition: Principal
    roles: list[Role]


class Principals(Answer, frozen=True):
    principals: list[PrincipalRow]
    next_cursor: str | None


class ScheduledRow(Answer, frozen=True):
    id: Id
    at: Time
    text: str
    type: str
    about: str
    by: str
    note: str
    made_at: Time
    ended: str
    ended_at: Time | None
    reason: str
    waits_for: str
    record: Anything


class ScheduleRows(Answer, frozen=True):
    schedule: list[ScheduledRow]
    next_cursor: str | None


class SeriesRow(Answer, frozen=True):
    series: str
    definition: Series
    closed: bool
    next_listing_at: Time | None
    markets: list[str]


class SeriesRows(Answer, frozen=True):
    series: list[SeriesRow]
    next_cursor: str | None


class LedgerEntry(Answer, frozen=True):
    """One change of a balance. `held`: of what is on hold. `details` by kind: docs/money.md."""

    event: Id
    time: Time
    kind: str
    amount: Decimal
    held: Decimal
    balance: Decimal
    held_after: Decimal
    details: dict[str, str]


class LedgerTotal(Answer, frozen=True):
    kind: str
    count: Sum
    amount: Decimal


class Ledger(Answer, frozen=True):
    """The sums are on the first page: opening balance plus all totals is the closing balance."""

    account: str
    asset: str
    as_of_event: Id
    opening: Decimal | None
    closing: Decimal | None
    held_opening: Decimal | None
    held_closing: Decimal | None
    totals: list[LedgerTotal]
    entries: list[LedgerEntry]
    next_cursor: str | None


class NamedPage(Page, frozen=True):
    """`name`: only the one of that name."""

    name: OptionalName = ""


class KeysQuery(Page, frozen=True):
    holder: Literal["session", "principal", ""] = ""
    name: OptionalName = ""


class ListingsQuery(Page, frozen=True):
    venue: OptionalName = ""
    market: OptionalName = ""


class OperatorMarketsQuery(Page, frozen=True):
    phase: OptionalName = ""
    venue: OptionalName = ""


class ScheduleQuery(Page, frozen=True):
    """`ended`: those too that have ended."""

    market: OptionalName = ""
    ended: bool = False


class LedgerQuery(Query, frozen=True):
    account: Name
    asset: Name
    start: Annotated[str, Meta(max_length=40)] = ""
    end: Annotated[str, Meta(max_length=40)] = ""
    limit: Limit = 100
    cursor: Annotated[str, Meta(max_length=100, pattern=r"^[0-9.-]*$")] = ""


class FirstDeposit(Body, frozen=True):
    """`key`: your reference, which the ledger remembers."""

    key: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]*$")]
    asset: Name
    amount: Amount


class NewUser(Body, frozen=True):
    """`user` begins with the venue's name and a point. Its account is USER-A, its login USER with the key USER-K: an Ed25519 key of `public_key`, or one whose secret
    the exchange makes. `login` false: only the venue's own login trades for it. `isolated`: the account trades at this venue only."""

    user: UserName
    venue: Name
    title: Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x1f]*$")] = ""
    isolated: bool = True
    login: bool = True
    public_key: acts.PublicKey = ""
    deposit: FirstDeposit | None = None


class User(Answer, frozen=True):
    """`secret` is told once; None: it has a public key, or was there already."""

    user: str
    account: str
    login: str | None
    key_id: str | None
    secret: str | None
    outcome: Literal["done", "unchanged"]


class CloseUser(Body, frozen=True):
    reason: Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]*$")]


class UserClosed(Answer, frozen=True):
    """`closed`: what was closed now."""

    user: str
    closed: list[str]


class NewChallenge(Body, frozen=True):
    """Of a binary session's key (`login`; `key_id` "": its own secret), or of a principal's key (`principal`)."""

    login: OptionalName = ""
    principal: OptionalName = ""
    key_id: OptionalName = ""


class ChallengeGiven(Answer, frozen=True):
    """Sign `challenge` as docs/credentials.md says, and send the proof with `challenge_id` before `expires_at`. `salt` and `work`: for a proof by a shared
    secret."""

    challenge_id: str
    challenge: Annotated[str, Meta(pattern=r"^[0-9a-f]+$")]
    salt: str | None
    work: Sum | None
    expires_at: Time
