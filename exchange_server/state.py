"""The arena as Python sees it: rows by id with named words, tables and their use, balances, counters.

Apart from engine.py, which passes the kernels their registers, the only file outside core, wires and disk that knows the offset of a word; a
test checks this. A view reads the arena at each access, so it may be kept as long as the arena; use it only in the thread that runs the
turns. Prices are ticks, quantities lots, amounts minor units, times ns since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from .core import layout as L
from .core.kit.pairs import PAIR_BALANCE, PAIR_COLLATERAL, PAIR_RESTRICT, PAIR_WORDS
from .core.kit.text_ids import PACKED
from .core.layout import definitions as d
from .core.layout import plain
from .core.order_terms import text_of_key

Words = NDArray[np.int64]
NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S
TEXT_WORDS = L.TEXT_WORDS  # of the text of a ClOrdID


def collateral_words(contracts: int) -> int:
    """Words of the collateral row of one account in an event of so many contracts."""
    return L.CO_COLUMNS + L.CO_COLUMN_COUNT * contracts


# ---- tables ------------------------------------------------------------------------------------------------------------


class Table(NamedTuple):
    """One pool of the arena. base, width: words; capacity, used: rows. ever: rows ever used, counted from the first."""

    base: int
    width: int
    capacity: int
    ever: int
    used: int


def table(m: Words, pool: int) -> Table:
    """The pool L.P_*."""
    base, width, capacity, _, ever, used = m[L.H_POOLS + pool * L.POOL_WORDS :][:6].tolist()
    return Table(base, width, capacity, ever, used)


def tables_in_use(m: Words) -> dict[str, list[int]]:
    """Table name -> [rows in use, capacity]."""
    return {name: [table(m, pool).used, table(m, pool).capacity] for pool, name in enumerate(L.POOL_NAMES)}


def tables_as_one(m: Words) -> tuple[list[int], list[int]]:
    """(rows in use, capacities) of all pools, in the order of L.POOL_NAMES, in one read: what is cheap enough to be asked often."""
    pools = m[L.H_POOLS : L.H_POOLS + L.POOL_COUNT * L.POOL_WORDS].reshape(L.POOL_COUNT, L.POOL_WORDS)
    return pools[:, L.PL_USED].tolist(), pools[:, L.PL_CAP].tolist()


def rows_left(m: Words, pool: int) -> tuple[int, int]:
    """(rows that can still be added, most rows). Hash tables are filled up to 7/8. Freed collateral words are not counted: they are rows of
    certain sizes."""
    _, _, capacity, ever, used = table(m, pool)
    limit = capacity - (capacity >> 3) if pool in (L.P_NAME_HASH, L.P_PAIR_HASH) else capacity
    if pool == L.P_COLLATERAL:
        limit -= max(ever - used, 0)
    return limit - used, limit


def header_copy(m: Words) -> Words:
    """A copy of the header with the counts of all tables, in which a trial counts its rows."""
    return m[: L.HEADER_WORDS].copy()


def empty_header(capacity: int) -> Words:
    """A header without an arena, with `capacity` rows for every table."""
    m = np.zeros(L.HEADER_WORDS, np.int64)
    for pool in range(L.POOL_COUNT):
        m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_CAP] = capacity
    return m


def has_rows(m: Words) -> bool:
    """False: it is a header alone."""
    return len(m) > L.HEADER_WORDS


def count_rows(m: Words, pool: int, rows: int) -> None:
    """Count `rows` more rows of a table as in use."""
    m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED] += rows


def count_events(m: Words, rows: int) -> None:
    """Count `rows` more event rows as written."""
    m[L.H_EVENT_SEQ] += rows


# ---- rows by id --------------------------------------------------------------------------------------------------------


class Word:
    """One word of a row, as an int."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __get__(self, row: Row, owner: type[Any]) -> int:
        return int(row.m[row.at + self.offset])


class Text:
    """A text of a row: its bytes are in `words` words, their number in a separate word."""

    def __init__(self, offset: int, length: int, words: int) -> None:
        self.offset, self.length, self.words = offset, length, words

    def __get__(self, row: Row, owner: type[Any]) -> str:
        first = row.at + self.offset
        return row.m[first : first + self.words].tobytes()[: int(row.m[row.at + self.length])].decode("utf-8", "replace")


class ThrottleWindow(NamedTuple):
    """limit: messages in a window, 0: none. window, left: ns of the steady clock, the latter until the count begins anew. used: messages of
    this window."""

    limit: int
    window: int
    used: int
    left: int


class Row:
    """A row at a known word offset of the arena; subclasses name its words."""

    __slots__ = ("at", "m")

    def __init__(self, m: Words, at: int) -> None:
        self.m, self.at = m, at


class Barred:
    """What has kill switches."""

    __slots__ = ()
    bars: Any  # the word with BAR_*

    @property
    def killed(self) -> bool:
        return bool(self.bars & L.BAR_KILLED)

    @property
    def closed(self) -> bool:
        return bool(self.bars & L.BAR_CLOSED)


class Throttled:
    """What has a throttle."""

    __slots__ = ()
    m: Words
    throttle_limit: Any
    throttle_window: Any
    throttle_start: Any
    throttle_used: Any

    @property
    def throttle(self) -> ThrottleWindow:
        """As it is at the newest turn."""
        left = self.throttle_start + self.throttle_window - int(self.m[L.H_TICK])
        over = not self.throttle_limit or left <= 0
        return ThrottleWindow(self.throttle_limit, self.throttle_window, 0 if over else self.throttle_used, 0 if over else left)


class RowById(Row):
    """The row of an id. `of`: the id is known to be defined; `find`: it may be undefined."""

    __slots__ = ()
    POOL: ClassVar[int]
    WORDS: ClassVar[int]
    COPIES: ClassVar[dict[int, int]] = {}  # word of the definition row -> word here
    id = Word(0)

    @classmethod
    def of(cls, m: Words, id: int) -> Self:
        """The row of an id that is known to be defined."""
        return cls(m, int(m[L.H_POOLS + cls.POOL * L.POOL_WORDS + L.PL_BASE]) + id * cls.WORDS)

    @classmethod
    def find(cls, m: Words, id: int) -> Self | None:
        """The row of an id, None if it is not defined."""
        if not 0 < id < table(m, cls.POOL).capacity:
            return None
        row = cls.of(m, id)
        return row if row.id == id else None

    def defined(self, word: int) -> int:
        """The present value of a word of the definition row (core/layout/definitions.py). Raises KeyError for a word that is not copied."""
        return int(self.m[self.at + self.COPIES[word]])


class Header(Barred, Row):
    """The words about the exchange as a whole: Header(m)."""

    __slots__ = ()
    event_seq = Word(L.H_EVENT_SEQ)  # number of the next event row

    def __init__(self, m: Words) -> None:
        super().__init__(m, 0)

    tick = Word(L.H_TICK)  # the steady clock of the newest turn
    clock_offset = Word(L.H_CLOCK_OFFSET)
    clock_boot = Word(L.H_CLOCK_BOOT)
    time = Word(L.H_TIME)
    next_event = Word(L.H_EVENT_SEQ)
    refusing = Word(L.H_REFUSE)  # reason with which this turn's new orders are refused, 0: none
    retention_ns = Word(L.H_RETENTION_NS)
    bars = Word(L.H_BARS)  # BAR_*
    weights = Word(L.H_WEIGHTS)
    orders = Word(L.H_ORDER_SEQ)
    trades = Word(L.H_TRADE_SEQ)
    fills = Word(L.H_FILLS)
    commands = Word(L.H_COMMANDS)
    refusals = Word(L.H_REFUSALS)
    open_orders = Word(L.H_OPEN_ORDERS)
    limit = Word(L.H_LIMIT)  # numbers of the latest refusal
    used = Word(L.H_USED)
    asked = Word(L.H_ASKED)


class Asset(RowById):
    __slots__ = ()
    POOL, WORDS = L.P_ASSET, L.ASSET_WORDS
    decimals = Word(L.A_DECIMALS)
    name = Text(L.A_NAME, L.A_NAME_LEN, 4)

    @property
    def external(self) -> int:
        """Deposits less withdrawals, minor units."""
        return -int(self.m[self.at + L.A_EXTERNAL])


class Venue(Barred, Throttled, RowById):
    __slots__ = ()
    POOL, WORDS = L.P_VENUE, L.VENUE_WORDS
    bars = Word(L.V_BARS)
    freeze = Word(L.V_FREEZE)  # protocol.freeze
    open_orders = Word(L.V_OPEN)
    throttle_limit = Word(L.V_THROTTLE + L.TH_LIMIT)
    throttle_window = Word(L.V_THROTTLE + L.TH_WINDOW)
    throttle_start = Word(L.V_THROTTLE + L.TH_START)
    throttle_used = Word(L.V_THROTTLE + L.TH_USED)

    def _this_second(self, throttle: int) -> int:
        started, used = (int(self.m[self.at + throttle + word]) for word in (L.TH_START, L.TH_USED))
        return used if int(self.m[L.H_TICK]) - started < NS_PER_S else 0

    @property
    def messages(self) -> int:
        """Counted against its quota in the second that runs; 0 without a quota."""
        return self._this_second(L.V_PACE)

    @property
    def journal_bytes(self) -> int:
        return self._this_second(L.V_BYTES)


class Firm(Barred, RowById):
    __slots__ = ()
    POOL, WORDS = L.P_FIRM, L.FIRM_WORDS
    bars = Word(L.F_BARS)
    open_orders = Word(L.F_OPEN)
    weight = Word(L.F_WEIGHT)
    nodes = Word(L.F_NODES)
    positions = Word(L.F_POSITIONS)
    accounts = Word(L.F_ACCOUNTS)  # pointer of the first: see accounts_of


class Account(Barred, RowById):
    __slots__ = ()
    POOL, WORDS = L.P_ACCOUNT, L.ACCOUNT_WORDS
    firm = Word(L.AC_FIRM)
    bars = Word(L.AC_BARS)
    open_orders = Word(L.AC_ORDER_COUNT)
    venue = Word(L.AC_VENUE)  # of an isolated account; 0: unified
    name = Text(L.AC_NAME, L.AC_NAME_LEN, 8)
    next_in_firm = Word(L.AC_NEXT_IN_FIRM)
    budget_asset = Word(L.AC_BUDGET_ASSET)
    budget_high = Word(L.AC_BUDGET_HIGH)
    budget_high_day = Word(L.AC_BUDGET_HIGH_DAY)
    budget_day = Word(L.AC_BUDGET_DAY)


class Session(Barred, Throttled, RowById):
    __slots__ = ()
    POOL, WORDS = L.P_SESSION, L.SESSION_WORDS
    firm = Word(L.S_FIRM)
    venue = Word(L.S_VENUE)
    account = Word(L.S_ACCOUNT)
    wire = Word(L.S_WIRE)
    bars = Word(L.S_BARS)
    throttle_limit = Word(L.S_THROTTLE + L.TH_LIMIT)
    throttle_window = Word(L.S_THROTTLE + L.TH_WINDOW)
    throttle_start = Word(L.S_THROTTLE + L.TH_START)
    throttle_used = Word(L.S_THROTTLE + L.TH_USED)
    flags = Word(L.S_FLAGS)
    next_out = Word(L.S_NEXT_OUT)
    next_in = Word(L.S_NEXT_IN)
    last_event = Word(L.S_LAST_EVENT)
    missed = Word(L.S_MISSED)
    missed_done = Word(L.S_MISSED_DONE)
    untold = Word(L.S_UNTOLD)
    form = Word(L.S_FORM)
    form_defined = Word(L.S_FORM_DEFINED)  # from the next reset of the numbers on
    logon_sent = Word(L.S_LOGON_SENT)

    @property
    def logged_on(self) -> bool:
        """Whether the session is logged on."""
        return bool(self.flags & L.SF_LOGGED_ON)


class Event(RowById):
    __slots__ = ()
    POOL, WORDS = L.P_EVENT, L.EVENT_WORDS
    COPIES: ClassVar = dict(d.EVENT_COPIES)
    product = Word(L.E_PRODUCT)
    k = Word(L.E_K)
    n = Word(L.E_N)
    asset = Word(L.E_ASSET)
    base_asset = Word(L.E_BASE_ASSET)
    lot_base = Word(L.E_LOT_BASE)
    phase = Word(L.E_PHASE_NOW)
    sets = Word(L.E_SETS)
    window_end = Word(L.E_WINDOW_END)
    settling = Word(L.E_SETTLING)  # SETTLE_*: closed to commands until all its accounts are paid; 0: not
    version = Word(L.E_VERSION)
    owed = Word(L.E_OWED)  # debts that corrections and busts left
    blocked = Word(L.E_BLOCKED)
    in_play = Word(L.E_IN_PLAY)  # 1: it has gone live before
    resting = Word(L.E_RESTING)  # codes.RESTING_*
    open_orders = Word(L.E_OPEN_ORDERS)

    @property
    def instruments(self) -> range:
        """Ids of its contracts."""
        first = int(self.m[int(self.m[self.at + L.E_FIRST]) + L.I_ID])
        return range(first, first + self.n)


class Paid(NamedTuple):
    """The last account has been paid for an event (id), or for one `contract` (id) of it ahead of the rest (0: all of it). `at_ns`: when."""

    event: int
    contract: int
    at_ns: int


def take_finals(m: Words) -> list[Paid]:
    """What has been paid to the last account since the last call."""
    found = []
    while at := int(m[L.H_FINALS]):
        m[L.H_FINALS], m[at + L.E_FINALS_NEXT] = m[at + L.E_FINALS_NEXT], 0
        paying, m[at + L.E_PAYING] = int(m[at + L.E_PAYING]), 0
        at_ns = m[L.H_TIME] if paying else m[at + L.E_FINAL_AT]
        found.append(Paid(int(m[at + L.E_ID]), int(m[paying + L.I_ID]) if paying else 0, int(at_ns)))
    return found


class Prices:
    """Prices of a contract over time (core/book/mids.py): sums at whole minutes. Times are microseconds since 1970."""

    def __init__(self, m: Words, at: int, instrument: Instrument) -> None:
        self.m, self.at, self.instrument = m, at, instrument
        self.since = int(m[at + L.MI_AT])
        first = at + L.MI_ENTRIES
        rows = m[first : first + L.MID_ENTRIES * L.MID_ENTRY_WORDS].reshape(-1, L.MID_ENTRY_WORDS)
        self.entries: list[list[int]] = sorted(row for row in rows.tolist() if row[L.MN_MINUTE])
        self.whole = int(m[at + L.MI_COUNT]) <= L.MID_ENTRIES  # nothing was forgotten

    def _twice_now(self) -> int:
        bid, ask = self.instrument.best_bid, self.instrument.best_ask
        return bid + ask if bid is not None and ask is not None else 2 * self.instrument.last

    def _sums(self, minute: int) -> tuple[int, int]:
        """(sum of twice the price times microseconds, microseconds with a price) up to a whole minute; the first modulo 2^64."""
        if minute >= self.since:
            total, weight = int(self.m[self.at + L.MI_SUM]), int(self.m[self.at + L.MI_WEIGHT])
            begin, twice = self.since, self._twice_now()
        else:
            earlier = [entry for entry in self.entries if entry[L.MN_MINUTE] <= minute]
            begin, total, weight, twice = earlier[-1] if earlier else (minute, 0, 0, 0)
        span = minute - begin
        return total + span * twice, weight + (span if twice else 0)

    def earliest(self, window_us: int) -> int:
        """The earliest whole minute before which the prices of a whole window are kept; 0: any."""
        return 0 if self.whole else self.entries[0][L.MN_MINUTE] + window_us

    def window(self, end: int, window_us: int) -> tuple[int, int]:
        """(sum of twice the price times microseconds, microseconds with a price) of the `window_us` before the whole minute `end`, both exact."""
        (late, late_weight), (early, early_weight) = self._sums(end), self._sums(end - window_us)
        return (late - early) % (1 << 64), late_weight - early_weight


class Instrument(RowById):
    __slots__ = ()
    POOL, WORDS = L.P_INSTRUMENT, L.INSTRUMENT_WORDS
    COPIES: ClassVar = dict((*d.INSTRUMENT_COPIES, *d.INSTRUMENT_LIVE_COPIES))
    index = Word(L.I_INDEX)
    payout = Word(L.I_PAYOUT)
    tick_value = Word(L.I_TICK_VALUE)
    price_decimals = Word(L.I_PRICE_DECIMALS)
    qty_decimals = Word(L.I_QTY_DECIMALS)
    price_min = Word(L.I_PRICE_MIN)
    price_max = Word(L.I_PRICE_MAX)
    lot = Word(L.I_LOT)
    min_qty = Word(L.I_MIN_QTY)
    max_qty = Word(L.I_MAX_QTY)
    phase = Word(L.I_PHASE)
    last = Word(L.I_LAST)
    volume = Word(L.I_VOLUME)
    open_interest = Word(L.I_OPEN_INTEREST)
    open_orders = Word(L.I_ORDERS_OPEN)
    paid = Word(L.I_PAID)
    ahead_version = Word(L.I_AHEAD_VERSION)
    ahead = Word(L.I_AHEAD)  # its own phase, ahead of its event; 0: it is with it
    symbol = Text(L.I_SYMBOL, L.I_SYMBOL_LEN, 8)

    @property
    def prices(self) -> Prices | None:
        """What is kept of its prices over time, for a void; None: nothing."""
        at = int(self.m[self.at + L.I_MIDS])
        return Prices(self.m, at, self) if at else None

    @property
    def event(self) -> Event:
        """The event of this contract."""
        return Event(self.m, int(self.m[self.at + L.I_EVENT]))

    @property
    def bands(self) -> list[tuple[int, int, int]]:
        """(from, to, increment) of each band of the price grid, in ticks."""
        first = self.at + L.I_BANDS
        rows = self.m[first : first + 3 * int(self.m[self.at + L.I_BAND_COUNT])].reshape(-1, 3)
        return [(a, b, c) for a, b, c in rows.tolist()]

    @property
    def best_bid(self) -> int | None:
        """Best bid in YES ticks, None without bids."""
        return self._best(L.BID)

    @property
    def best_ask(self) -> int | None:
        """Best ask in YES ticks, None without asks."""
        return self._best(L.ASK)

    def _best(self, side: int) -> int | None:
        level = int(self.m[self.at + L.I_BEST + side])
        return int(self.m[level + L.L_PRICE]) if level else None


def accounts_of(m: Words, firm: int) -> Iterator[Account]:
    """The accounts of a firm, in order of id."""
    at = Firm.of(m, firm).accounts
    while at:
        account = Account(m, at)
        yield account
        at = account.next_in_firm


# ---- all rows of a table ------------------------------------------------------------------------------------------------


def balance(m: Words, account: int, asset: int) -> tuple[int, int] | None:
    """(cash, locked) of account and asset (ids) in minor units, None without a balance."""
    at = int(_pairs(m, PAIR_BALANCE, account, [asset])[0])
    return (int(m[at + L.B_CASH]), int(m[at + L.B_LOCKED])) if at else None


def losses(m: Words, account: int) -> tuple[int, int]:
    """What an account (id) with a budget has lost of it in all, and by what it entered on this day (UTC), as an order would find it now: minor units."""
    row = Account.of(m, account)
    cash, locked = balance(m, account, row.budget_asset) or (0, 0)
    power = cash - locked
    today = row.budget_day == int(m[L.H_TIME]) // NS_PER_DAY
    return max(row.budget_high - power, 0), max(row.budget_high_day - power, 0) if today else 0


def lapsing_orders(m: Words, event: Event) -> int:
    """How many open orders of an event are not marked to persist. It looks at the whole table of orders: for a question of a person."""
    where = table(m, L.P_ORDER)
    rows = m[where.base : where.base + where.ever * L.ORDER_WORDS].reshape(where.ever, L.ORDER_WORDS)
    first = int(m[event.at + L.E_FIRST])
    there = (
        (rows[:, L.O_LEVEL] != 0) & (rows[:, L.O_INSTRUMENT] >= first) & (rows[:, L.O_INSTRUMENT] < first + event.n * L.INSTRUMENT_WORDS)
    )
    return sum(not plain.flags_of(attr) & codes.FLAG_PERSIST for attr in rows[there, L.O_ATTR].tolist())


class HeldOrder(NamedTuple):
    """An order that waits for a person. key: its ClOrdID; price: ticks of the client's side, 0 of a market order; passed: it may be entered once."""

    number: int
    account: int
    session: int
    key: int | str
    instrument: int
    side: int
    contract_side: int
    tif: int
    price: int
    qty: int
    cost: int
    at_ns: int
    until_ns: int
    passed: bool
    flags: int
    expiry_ns: int


def held_orders(m: Words) -> list[HeldOrder]:
    """All orders that wait, in any order; those that are too old as well, until their rows are used again."""
    where = table(m, L.P_HELD)
    found = []
    for at in range(where.base, where.base + where.ever * L.HELD_WORDS, L.HELD_WORDS):
        w = m[at : at + L.HELD_WORDS].tolist()
        if not w[L.HE_NUMBER]:
            continue
        attr, text = w[L.HE_ATTR], m[at + L.HE_TEXT : at + L.HE_TEXT + TEXT_WORDS].copy()
        if w[L.HE_KEY_HI] >= PACKED:
            text_of_key(w[L.HE_KEY_HI], w[L.HE_KEY_LO], text)
        found.append(HeldOrder(
            w[L.HE_NUMBER], w[L.HE_ACCOUNT], w[L.HE_SESSION], text.tobytes().rstrip(b"\0").decode() or w[L.HE_KEY_LO], w[L.HE_INSTRUMENT], plain.side_of(attr), plain.contract_side_of(attr),
            plain.tif_of(attr), w[L.HE_PRICE], w[L.HE_QTY], w[L.HE_COST], w[L.HE_AT], w[L.HE_UNTIL], bool(w[L.HE_PASSED]), plain.flags_of(attr),
            w[L.HE_EXPIRY],
        ))  # fmt: skip
    return found


def balance_rows(m: Words) -> Words:
    """A copy of all balances: (account, asset, cash, locked), in order of first use."""
    where = table(m, L.P_BALANCE)
    rows = m[where.base : where.base + where.ever * L.BALANCE_WORDS].reshape(where.ever, L.BALANCE_WORDS)
    return rows[:, [L.B_ACCOUNT, L.B_ASSET, L.B_CASH, L.B_LOCKED]]


def positions(m: Words, account: int, events: Sequence[int]) -> list[tuple[int, int, int]]:
    """(event id, index of the contract, YES contracts) of an account's positions in these events, without zeros."""
    found = []
    for event, row in zip(events, _pairs(m, PAIR_COLLATERAL, account, events).tolist()):
        if row:
            own = m[row + L.CO_COLUMNS : row + L.CO_COLUMNS + int(m[row + L.CO_N])]
            found += [(event, index, int(own[index])) for index in np.flatnonzero(own).tolist()]
    return found


def part_in(m: Words, firm: int, event: int) -> tuple[bool, bool, bool]:
    """What a firm has in an event (ids): a position, an open order, a conflict of interest that an operator set."""
    held = waiting = False
    for account in accounts_of(m, firm):
        at = int(_pairs(m, PAIR_COLLATERAL, account.id, [event])[0])
        if at:
            n = int(m[at + L.CO_N])
            columns = m[at + L.CO_COLUMNS : at + L.CO_COLUMNS + L.CO_COLUMN_COUNT * n].reshape(-1, n)
            row = int(m[at + L.CO_EVENT])
            # Of what has been paid, it keeps the positions where open buys were.
            whole = bool(m[row + L.E_SETTLING] not in (0, L.SETTLE_AHEAD) or m[row + L.E_SETTLE_ID])
            first, width = int(m[row + L.E_FIRST]), L.INSTRUMENT_WORDS
            paid = (m[first : first + n * width].reshape(n, width)[:, L.I_AHEAD] == codes.PH_FINAL) | whole
            held = held or bool(columns[L.COL_Q].any() or columns[L.SETTLED_POSITION][paid].any())
            waiting = waiting or bool(columns[L.COL_BQ][~paid].any() or columns[L.COL_SQ].any())
    return held, waiting, bool(_pairs(m, PAIR_RESTRICT, firm, [event])[0])


def _pairs(m: Words, kind: int, a: int, b: Sequence[int]) -> Words:
    """The words that the pair table has for (kind, a, each of b), 0 where it has none: core/kit/pairs.py for many at once."""
    where, second = table(m, L.P_PAIR_HASH), np.asarray(b, np.int64)
    first, mask = kind << 56 | a, where.capacity - 1
    with np.errstate(over="ignore"):  # core/kit/bits.py: mix2
        h = (np.uint64((first * _MIX[0] & _WORD) ^ first >> 32) + second.view(np.uint64)) * np.uint64(_MIX[1] & _WORD)
        h = (h ^ h >> np.uint64(29)) * np.uint64(_MIX[2] & _WORD)
    slots: Words = (h >> np.uint64(32)).astype(np.int64) & mask
    values = np.zeros(len(second), np.int64)
    left = np.arange(len(second))
    while len(left):
        at = where.base + slots[left] * PAIR_WORDS
        key = m[at]
        hit = (key == first) & (m[at + 1] == second[left])
        values[left[hit]] = m[at[hit] + 2]
        left = left[~hit & (key != 0)]
        slots[left] = slots[left] + 1 & mask
    return values


_WORD = (1 << 64) - 1
_MIX = (-7046029254386353131, -4417276706812531889, -7723592293110705685)


def balances(m: Words) -> list[tuple[int, int, int, int]]:
    """(account, asset, cash, locked) of every balance: ids and minor units."""
    where = table(m, L.P_BALANCE)
    rows = m[where.base : where.base + where.ever * L.BALANCE_WORDS].reshape(where.ever, L.BALANCE_WORDS)
    rows = rows[rows[:, L.B_ACCOUNT] != 0]
    return [tuple(row) for row in rows[:, [L.B_ACCOUNT, L.B_ASSET, L.B_CASH, L.B_LOCKED]].tolist()]


class Column:
    """One word of all firms, as an array."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __get__(self, firms: Firms, owner: type[Any]) -> Words:
        return firms.rows[:, self.offset]


class Firms:
    """All defined firms, column by column, as of its construction: numpy may copy, so make a new one for each use."""

    def __init__(self, m: Words) -> None:
        where = table(m, L.P_FIRM)
        rows = m[where.base : where.base + where.ever * where.width].reshape(-1, where.width)
        self.rows = rows[rows[:, L.F_ID] != 0]

    def __len__(self) -> int:
        return len(self.rows)

    ids = Column(L.F_ID)
    weights = Column(L.F_WEIGHT)
    closed = Column(L.F_CLOSED)  # closed ids of which it is known what became of their orders
    blocks = Column(L.F_BLOCKS)  # of ids of which only the use is known
    moved = Column(L.F_MOVED)  # ids that became so before their retention was over
    answered = Column(L.F_ANSWERED)  # age of the last of them, ns
    open = Column(L.F_OPEN)  # open orders
    nodes = Column(L.F_NODES)
    positions = Column(L.F_POSITIONS)
    forgotten = Column(L.F_FORGOTTEN)
    window = Column(L.F_WINDOW)


# ---- the list of touched levels ------------------------------------------------------------------------------------------


def levels_touched(m: Words) -> bool:
    """Whether the list of touched price levels has entries or has overflowed."""
    return bool(m[L.H_DIRTY_COUNT] or m[L.H_DIRTY_LOST])


def clear_touched(m: Words) -> None:
    """Empty the list of touched price levels."""
    m[L.H_DIRTY_COUNT] = 0
    m[L.H_DIRTY_LOST] = 0
