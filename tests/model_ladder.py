"""The ladders of the naive exchange: one condition, one code, one line, in the order of domain.md section 9."""

from __future__ import annotations

from collections.abc import Callable

from protocol import codes as C
from tests.model_budget import FIRST_HELD, Budgets, order_cost
from tests.model_money import collar_range, protection_price, reference_price, requirement, under_other_terms
from tests.model_world import (
    RETENTION_NS,
    Account,
    Asset,
    Closed,
    Event,
    Firm,
    Instrument,
    Key,
    Limits,
    Listing,
    Order,
    Refused,
    Row,
    Session,
    Venue,
)
from tests.text_ids import own_text

WORD = 1 << 63
KNOWN_FLAGS = C.FLAG_POST_ONLY | C.FLAG_POST_SLIDE | C.FLAG_REDUCE_ONLY | C.FLAG_PERSIST
STOPS_ORDERS, STOPS_CANCELS = 1, 2  # the lowest level of a freeze that stops an order, a cancel
# Words of a command row whose feature is not there yet, with the number of the word that the refusal names.
UNBUILT_WORDS = (("front", 2), ("min_qty", 9), ("display_qty", 10), ("stop_price", 11), ("group", 14), ("cost_cap", 15))


class Ladder(Budgets):
    """State of the exchange and all its refusals. Nothing here changes state, except that a message is counted by its throttles."""

    def start(self, limits: Limits, retention_ns: int | None) -> None:
        self.limits = limits
        self.retention = RETENTION_NS if retention_ns is None else retention_ns
        self.now = self.turn = self.tick = 0
        self.event_seq = self.order_seq = self.trade_seq = 1
        self.rank_seq = 0
        self.held_seq = FIRST_HELD
        self.killed = 0
        self.refusing = 0  # a code with which this turn refuses all new orders and replaces (disk reserve, overload)
        self.assets: dict[int, Asset] = {}
        self.venues: dict[int, Venue] = {}
        self.firms: dict[int, Firm] = {}
        self.accounts: dict[int, Account] = {}
        self.sessions: dict[int, Session] = {}
        self.events: dict[int, Event] = {}
        self.instruments: dict[int, Instrument] = {}
        self.listings: dict[tuple[int, int], Listing] = {}
        self.open: list[Order] = []
        self.moving: dict[tuple[int, Key], Order] = {}  # of a venue that moves here: made, and not in any list yet
        self.start_ids()
        self.removed: list[Event] = []  # those with rows that are still to be freed
        self.spare: dict[int, int] = {}  # freed rows by their words
        self.high = 0  # collateral words ever used
        self.settling: list[Event] = []  # events that are being paid, first come first
        self.prices: dict[int, list[tuple[int, int, int]]] = {}  # contract: (from, to, twice its price), microseconds
        self.out: list[Row] = []
        self.command = Row()
        self.nodes: dict[
            tuple[int, int, int, int], int
        ] = {}  # (contract, side, height, price without its last digits) -> the firm that made it

    # ------------------------------------------------------------------------------------------------ lookups
    def event_named(self, number: int) -> Event:
        if number not in self.events:
            raise Refused(C.R_UNKNOWN_EVENT)
        return self.events[number]

    def commanded(self, number: int) -> Event:
        """The event of a command about its phase or result: none while it is being settled."""
        event = self.event_named(number)
        if event.steps is not None:
            raise Refused(C.R_SETTLING)
        if event.removed:
            raise Refused(C.R_MARKET_REMOVED)
        return event

    def behind(self, known: Order | Closed) -> Order | Closed:
        """What an id means now: for a replaced id the order that is open with another id, or how it ended."""
        if isinstance(known, Order) or known.status != C.ST_REPLACED:
            return known
        alive = [o for o in self.open if o.id == known.order]
        ended = [x for x in self.closed if x.order == known.order and x.status != C.ST_REPLACED]
        (one,) = alive + ended
        return one

    def open_order(self, firm: int, key: Key) -> Order:
        known = self.find(firm, key)
        if known is None:
            raise self.unknown(firm, key)
        now = self.behind(known)
        if isinstance(now, Closed):
            raise Refused(C.R_ORDER_CLOSED)
        if now is not known:
            raise Refused(C.R_ORDER_REPLACED)
        return now

    # ------------------------------------------------------------------------------------------------ shares
    def check_share(self, firm: int, rows: int, used: int, own: int, asked: int, code: int) -> None:
        """Room for so many rows more of a common table: one firm alone leaves the others as many as it has, or has no more than its
        share."""
        if asked > rows - used:
            raise Refused(C.R_TABLE_FULL, rows, used, asked)
        most = max(rows - used, self.share(firm, rows))
        if own + asked > most:
            raise Refused(code, most, own, asked)

    # A book side is a tree over the digits of the price in base 64: a node exists while an order rests anywhere beneath it.
    def way(self, instrument: int, book_side: int, price: int) -> list[tuple[int, int, int, int]]:
        """The nodes above a price, up to the root."""
        digits = 1
        while max(self.instruments[instrument].price_max, self.instruments[instrument].top) >= 64**digits:
            digits += 1
        return [(instrument, book_side, height, price // 64**height) for height in range(1, digits + 1)]

    def nodes_of(self, firm: int) -> int:
        return sum(f == firm for f in self.nodes.values())

    def check_nodes(self, firm: int, instrument: int, book_side: int, price: int) -> None:
        missing = sum(node not in self.nodes for node in self.way(instrument, book_side, price))
        if missing:
            self.check_share(firm, self.limits.nodes, len(self.nodes), self.nodes_of(firm), missing, C.R_NODE_SHARE_FULL)

    def make_nodes(self, order: Order) -> None:
        """Nodes that a resting order needs are created for its firm, and stay counted for it."""
        for node in self.way(order.instrument, order.book_side, order.price):
            self.nodes.setdefault(node, order.firm)

    def drop_nodes(self) -> None:
        needed = {node for o in self.open if o.resting for node in self.way(o.instrument, o.book_side, o.price)}
        self.nodes = {node: firm for node, firm in self.nodes.items() if node in needed}

    def row_words(self, event: Event) -> int:
        """Collateral words of one account in the event."""
        return 16 + 7 * event.room

    def words_of(self, firm: int | None = None) -> int:
        """Collateral words of a firm's accounts, or of all."""
        return sum(self.row_words(e) for e in self.events.values() for a in e.touched if firm in (None, self.accounts[a].firm))

    def check_first_position(self, account: Account, event: Event) -> None:
        if account.id not in event.touched:
            numbers = self.limits.words, self.words_of(), self.words_of(account.firm), self.row_words(event)
            self.check_share(account.firm, *numbers, C.R_POSITION_SHARE_FULL)
            if not self.spare.get(numbers[3]) and self.high + numbers[3] > numbers[0]:  # what was freed has other sizes
                raise Refused(C.R_TABLE_FULL, numbers[0], numbers[1], numbers[3])

    def entry_venue(self, c: Row) -> int:
        """The venue through which a command came: named, else the session's, else the instrument's owner."""
        session = self.sessions.get(c.session)
        venue = c.venue or (session.venue if session else 0)
        if venue == 0 and c.instrument in self.instruments:
            venue = self.events[self.instruments[c.instrument].event].owner_venue
        return venue

    def sees(self, session: Session, instrument: int) -> bool:
        """Does the session's venue list the instrument (for a session of the platform: does its owner)?"""
        if instrument not in self.instruments:
            return False
        return (session.venue or self.event_of(instrument).owner_venue, instrument) in self.listings

    def sees_event(self, session: Session, event: int) -> bool:
        """An event is listed as a whole: its first contract speaks for it."""
        return event in self.events and bool(self.events[event].contracts) and self.sees(session, self.events[event].contracts[0])

    def event_of(self, instrument: int) -> Event:
        return self.events[self.instruments[instrument].event]

    def pay(self, account: Account, asset: int, amount: int) -> None:
        account.cash[asset] = account.cash.get(asset, 0) + amount

    def touch(self, account: int, instrument: int) -> None:
        event = self.event_of(instrument)
        if account not in event.touched:
            event.touched.append(account)
            words = self.row_words(event)
            if self.spare.get(words):
                self.spare[words] -= 1
            else:
                self.high += words

    def free_removed(self) -> None:
        """Rows of removed events are free again, 256 in a turn."""
        for _ in range(256):
            if not self.removed:
                return
            event = self.removed[0]
            account = event.touched.pop(0)
            for contract in event.contracts:
                event.settled.pop((account, contract), None)
            words = self.row_words(event)
            self.spare[words] = self.spare.get(words, 0) + 1
            if not event.touched:
                self.removed.pop(0)

    # ------------------------------------------------------------------------------------------------ money held
    def power(self, account: Account, asset: int, orders: list[Order] | None = None) -> int:
        """Buying power, with all open orders or with those given instead."""
        return account.cash.get(asset, 0) - self.locked(account.id, asset, orders)

    def required(self, account: int, event: Event, orders: list[Order] | None = None) -> int:
        """Collateral of an account in one event, from all its open orders (or from the list given instead)."""
        contracts, k = self.undecided(event, account)
        positions = [self.accounts[account].position.get(i, 0) for i in contracts]
        mine = [o for o in (self.open if orders is None else orders) if o.account == account and o.instrument in event.contracts]
        return requirement(event, k, positions, [(contracts.index(o.instrument), o) for o in mine])

    def undecided(self, event: Event, account: int = 0) -> tuple[list[int], int]:
        """The contracts of an event that were not paid (to an account) ahead of the rest, and how many of them win."""
        gone = {i: a for i, a in event.ahead.items() if a.phase == C.PH_FINAL and account not in a.waiting}
        return [i for i in event.contracts if i not in gone], event.k - sum(a.payout == event.payout for a in gone.values())

    def phase_of(self, event: Event, contract: int) -> int:
        """The phase of one contract. While accounts are paid for one of them, the others stand still."""
        if contract in event.ahead:
            return event.ahead[contract].phase
        return C.PH_PAUSED if event.paying_ahead else event.phase

    def locked(self, account: int, asset: int, orders: list[Order] | None = None) -> int:
        """What an account may not spend of an asset: requirements, spot buys in quote, spot sells in base, debts, blocked credits."""
        total = sum(self.required(account, e, orders) for e in self.events.values() if e.asset == asset)
        total += sum(e.owed.get(account, 0) + e.blocked.get(account, 0) for e in self.events.values() if e.asset == asset)
        for o in self.open if orders is None else orders:
            event = self.event_of(o.instrument)
            if o.account == account and event.product == C.SPOT and event.base_asset == asset and o.book_side == C.SELL:
                total += o.leaves * event.lot_base
        return total

    def check_funds(self, account: Account, asset: int, orders: list[Order]) -> None:
        """Refused exactly when buying power would be negative and lower than before."""
        cash = account.cash.get(asset, 0)
        before, after = self.locked(account.id, asset), self.locked(account.id, asset, orders)
        power, then = cash - before, cash - after
        if then < 0 and then < power:
            raise Refused(C.R_COLLATERAL, power, before, power - then)

    # ------------------------------------------------------------------------------------------------ who
    def check_refusing(self) -> None:
        if self.refusing:
            raise Refused(self.refusing)

    def check_session(self, c: Row) -> Session:
        session = self.sessions.get(c.session)
        if session is None or not session.logged_on:
            raise Refused(C.R_NOT_LOGGED_ON)
        return session

    def check_access(self, c: Row) -> tuple[Session, Account]:
        session = self.check_session(c)
        account = self.check_account(session, c.account or session.account)
        if c.venue and c.venue != session.venue:
            raise Refused(C.R_VENUE_NOT_ALLOWED, session.venue, 0, c.venue)
        self.check_isolated(session, account)
        self.check_closed(session, account)
        return session, account

    def check_closed(self, session: Session, account: Account) -> None:
        """What is closed enters nothing any more; its cancels go on."""
        if self.firms[account.firm].closed:
            raise Refused(C.R_FIRM_CLOSED, 0, 0, account.firm)
        if account.closed:
            raise Refused(C.R_ACCOUNT_CLOSED, 0, 0, account.id)
        if session.closed:
            raise Refused(C.R_SESSION_CLOSED, 0, 0, session.id)
        if session.budget not in (0, account.id):
            raise Refused(C.R_BUDGET_ACCOUNT, session.budget, 0, account.id)

    def check_account(self, session: Session, number: int) -> Account:
        account = self.accounts.get(number)
        if account is None or account.firm != session.firm:  # what is another's answers like what is not there
            raise Refused(C.R_UNKNOWN_ACCOUNT, 0, 0, number)
        return account

    def check_isolated(self, session: Session, account: Account) -> None:
        if account.venue and account.venue != session.venue:
            raise Refused(C.R_VENUE_NOT_ALLOWED, account.venue, 0, session.venue)

    def check_named_account(self, c: Row, session: Session) -> None:
        """Cancels and replaces find their order by its id; an account that they give must be allowed for the session."""
        if c.account:
            self.check_isolated(session, self.check_account(session, c.account))

    # ------------------------------------------------------------------------------------------------ ids
    def check_id(self, key: Key) -> None:
        if not (isinstance(key, str) or (isinstance(key, int) and 1 <= key < WORD)):
            raise Refused(C.R_BAD_ID)

    def check_order_table(self, firm: int) -> None:
        """Room for one more open order. Beyond its share a firm may have as many as it leaves free for all."""
        free = self.limits.orders - len(self.open)
        if free < 1:
            raise Refused(C.R_ORDER_TABLE_FULL, self.limits.orders, self.limits.orders, 1)
        own = sum(o.firm == firm for o in self.open)
        most = max(free, self.share(firm, self.limits.orders))
        if own >= most:
            raise Refused(C.R_ORDER_SHARE_FULL, most, own, 1)

    # ------------------------------------------------------------------------------------------------ market and form
    def check_phase(self, phase: int) -> None:
        if phase in (C.PH_DRAFT, C.PH_LISTED):
            raise Refused(C.R_MARKET_NOT_OPEN, 0, 0, phase)
        if phase == C.PH_PAUSED:
            raise Refused(C.R_MARKET_PAUSED, 0, 0, phase)
        if phase == C.PH_CANCEL_ONLY:
            raise Refused(C.R_CANCEL_ONLY, 0, 0, phase)
        if phase not in (C.PH_OPEN, C.PH_LIVE):
            raise Refused(C.R_MARKET_CLOSED, 0, 0, phase)

    def check_form(self, c: Row, event: Event) -> None:
        if c.side not in (C.BUY, C.SELL):
            raise Refused(C.R_BAD_SIDE, asked=c.side)
        if c.contract_side not in (C.YES, C.NO):
            raise Refused(C.R_BAD_SIDE, asked=c.contract_side)
        if c.type not in (C.MARKET, C.LIMIT, C.STOP, C.STOP_LIMIT):
            raise Refused(C.R_BAD_TYPE, asked=c.type)
        if c.tif not in (C.DAY, C.GTC, C.AT_OPEN, C.IOC, C.FOK, C.GTD):
            raise Refused(C.R_BAD_TIF, asked=c.tif)
        if c.flags & ~KNOWN_FLAGS:
            raise Refused(C.R_BAD_FLAGS, asked=c.flags)
        if c.type in (C.STOP, C.STOP_LIMIT):
            raise Refused(C.R_FIELD_UNSUPPORTED, used=c.type, asked=C.FIELD_TYPE)
        if c.tif == C.AT_OPEN:
            raise Refused(C.R_FIELD_UNSUPPORTED, used=c.tif, asked=C.FIELD_TIF)
        if c.flags & ~(C.FLAG_POST_ONLY | C.FLAG_PERSIST):
            raise Refused(C.R_FIELD_UNSUPPORTED, C.FLAG_POST_ONLY | C.FLAG_PERSIST, c.flags, C.FIELD_FLAGS)
        if C.STP_CANCEL_INCOMING < c.stp <= C.STP_DECREMENT:
            raise Refused(C.R_FIELD_UNSUPPORTED, C.STP_CANCEL_INCOMING, c.stp, C.FIELD_STP)
        self.check_unbuilt(c)
        if c.tif == C.GTD and c.expiry <= self.now:
            raise Refused(C.R_EXPIRY_PAST, self.now, 0, c.expiry)
        if c.tif != C.GTD and c.expiry:
            raise Refused(C.R_EXPIRY_UNEXPECTED, 0, 0, c.expiry)
        if c.contract_side == C.NO and event.product == C.SPOT:
            raise Refused(C.R_NO_ON_SPOT)
        if c.stp > C.STP_DECREMENT:
            raise Refused(C.R_BAD_STP, C.STP_DECREMENT, 0, c.stp)
        if c.type == C.MARKET and c.price:
            raise Refused(C.R_PRICE_ON_MARKET, 0, 0, c.price)
        if c.flags & C.FLAG_POST_ONLY and (c.type == C.MARKET or c.tif in (C.IOC, C.FOK)):
            raise Refused(C.R_POST_ONLY_IMMEDIATE, 0, 0, c.tif)
        if c.type == C.MARKET and c.tif in (C.GTC, C.GTD):
            raise Refused(C.R_MARKET_NEEDS_IMMEDIATE, 0, 0, c.tif)

    def check_unbuilt(self, c: Row) -> None:
        for name, word in UNBUILT_WORDS:
            if c.get(name, 0):
                raise Refused(C.R_FIELD_UNSUPPORTED, asked=word)

    # ------------------------------------------------------------------------------------------------ switches and pace
    def check_killed(self, session: Session, account: Account, venue: int) -> None:
        if self.killed:
            raise Refused(C.R_KILLED_PLATFORM)
        if self.venues[venue].killed:
            raise Refused(C.R_KILLED_VENUE, 0, 0, venue)
        if self.firms[account.firm].killed:
            raise Refused(C.R_KILLED_FIRM, 0, 0, account.firm)
        if account.killed:
            raise Refused(C.R_KILLED_ACCOUNT, 0, 0, account.id)
        if session.killed:
            raise Refused(C.R_KILLED_SESSION, 0, 0, session.id)

    def check_throttle(self, session: Session, venue: int) -> None:
        """The one check that leaves a mark: what a throttle lets through is counted, whatever becomes of it further down."""
        v, texts = self.venues[venue], own_text(self.command.id) or own_text(self.command.orig)
        for throttle, code, more in (
            (session.throttle, C.R_THROTTLED_SESSION, 1), (v.throttle, C.R_THROTTLED_VENUE, 1), (v.messages, C.R_QUOTA_MESSAGES, 1),
            (v.journal, C.R_QUOTA_JOURNAL, 256 if texts else 128),
        ):  # fmt: skip
            if throttle.limit == 0:
                continue
            used = throttle.open_at(self.tick)
            if used + more > throttle.limit:
                raise Refused(code, throttle.limit, used, more)
            throttle.count(self.tick, more)

    def check_fresh(self, c: Row) -> None:
        if c.deadline and self.now > c.deadline:
            raise Refused(C.R_STALE, c.deadline, 0, self.now)

    def waiting(self, account: Account, instrument: Instrument, book_side: int, without: Order | None) -> int:
        """Lots of the account's open orders of one side in one contract."""
        same = [o for o in self.open if o.account == account.id and o.instrument == instrument.id and o.book_side == book_side]
        return sum(o.leaves for o in same if o is not without)

    def check_exposure(
        self, event: Event, venue: int, account: Account, instrument: Instrument, book_side: int, qty: int, instead: Order | None = None
    ) -> None:
        """Who has a conflict of interest, or is not admitted, may only bring its position nearer to flat, its open orders counted."""
        position = account.position.get(instrument.id, 0)
        waiting = self.waiting(account, instrument, book_side, None)
        more = qty - (instead.qty if instead else 0)
        if (position + waiting + more > 0) if book_side == C.BUY else (position - waiting - more < 0):
            if account.firm in event.restricted:
                raise Refused(C.R_CONFLICT, position, waiting, event.id)
            self.check_admitted(event, venue, account)

    def check_admitted(self, event: Event, venue: int, account: Account) -> None:
        """May the account take on exposure here? Asked of the venue, then of the event."""
        if self.venues[venue].isolated and account.venue != venue:
            raise Refused(C.R_ACCOUNT_NOT_ISOLATED, venue, 0, account.id)
        for where in (self.venues[venue], event):
            exception = where.exceptions.get(account.firm, 0)
            if where.admits and exception > 0:
                raise Refused(C.R_ACCESS_DENIED, exception, 0, where.id)
            if where.admits == 2 and exception == 0:
                raise Refused(C.R_NOT_ADMITTED, 0, 0, where.id)

    def frozen(self, instrument: int, venue: int) -> tuple[int, int]:
        """(level, venue) of the freeze that holds for an order: the owner's, or the venue's through which it comes if that is stricter."""
        owner = self.event_of(instrument).owner_venue
        return max((self.venues[v].freeze, v == owner, v) for v in (owner, venue))[::2]

    def check_frozen(self, instrument: int, venue: int, stops: int) -> None:
        level, frozen = self.frozen(instrument, venue)
        if level >= stops:
            raise Refused({1: C.R_VENUE_CANCEL_ONLY, 2: C.R_VENUE_SETTLE_ONLY, 3: C.R_VENUE_FROZEN}[level], 0, 0, frozen)

    def check_open_quota(self, venue: int) -> None:
        most, used = self.venues[venue].max_orders, sum(o.venue == venue for o in self.open)
        if most and used >= most:
            raise Refused(C.R_QUOTA_ORDERS, most, used, 1)

    # ------------------------------------------------------------------------------------------------ price and size
    def check_price(self, event: Event, instrument: Instrument, no: bool, price: int) -> None:
        """A limit price as the client wrote it."""
        low, high = instrument.price_min, instrument.price_max
        if no:
            low, high = event.payout - high, event.payout - low
        if not low <= price <= high:
            raise Refused(C.R_PRICE_OUT_OF_RANGE, low if price < low else high, 0, price)
        book = event.payout - price if no else price
        if not instrument.on_grid(book):
            raise Refused(C.R_PRICE_OFF_GRID, instrument.increment(book), 0, price)

    def check_size(self, instrument: Instrument, qty: int) -> None:
        if qty <= 0:
            raise Refused(C.R_QTY_NOT_POSITIVE, 1, 0, qty)
        if qty % instrument.lot:
            raise Refused(C.R_QTY_LOT, instrument.lot, 0, qty)
        if qty < instrument.min_qty:
            raise Refused(C.R_QTY_TOO_SMALL, instrument.min_qty, 0, qty)
        if qty > instrument.max_qty:
            raise Refused(C.R_QTY_TOO_LARGE, instrument.max_qty, 0, qty)

    def check_notional(self, event: Event, instrument: Instrument, price: int, qty: int) -> None:
        notional = price * qty * event.tick_value
        if instrument.max_notional and notional > instrument.max_notional:
            raise Refused(C.R_NOTIONAL_TOO_LARGE, instrument.max_notional, 0, notional)

    def check_collar(self, event: Event, instrument: Instrument, no: bool, price: int) -> None:
        """Judged in YES ticks, said in the client's."""
        around = collar_range(instrument)
        if around is None or around[0] <= price <= around[1]:
            return
        numbers = (around[0] if price < around[0] else around[1], reference_price(instrument), price)
        raise Refused(C.R_COLLAR, *(event.payout - x if no else x for x in numbers))

    def check_position(self, account: Account, instrument: Instrument, book_side: int, qty: int, without: Order | None) -> None:
        """Position when this order and all open ones of its side have filled; what brings it nearer to flat is never refused."""
        sign = 1 if book_side == C.BUY else -1
        before = account.position.get(instrument.id, 0) + sign * self.waiting(account, instrument, book_side, without)
        after = before + sign * qty
        if instrument.max_position and abs(after) > instrument.max_position and abs(after) > abs(before):
            raise Refused(C.R_POSITION_LIMIT, instrument.max_position, before, after)

    # ------------------------------------------------------------------------------------------------ the ladder of NEW
    def check_order(self, c: Row, session: Session, account: Account) -> Order:
        """All of section 9 after the duplicate check; returns the order, which is not open yet."""
        if not self.sees(session, c.instrument):
            raise Refused(C.R_UNKNOWN_INSTRUMENT, 0, 0, c.instrument)
        instrument = self.instruments[c.instrument]
        event = self.events[instrument.event]
        venue = self.entry_venue(c)
        listing = self.listings[(venue, instrument.id)]
        self.check_phase(self.phase_of(event, instrument.id))
        self.check_form(c, event)
        self.check_frozen(c.instrument, venue, STOPS_ORDERS)
        self.check_killed(session, account, venue)
        self.check_throttle(session, venue)
        self.check_fresh(c)
        no = c.contract_side == C.NO
        book_side = c.side if not no else C.BUY + C.SELL - c.side
        self.check_exposure(event, venue, account, instrument, book_side, c.qty)
        price = event.payout - c.price if no else c.price
        if c.type == C.LIMIT:
            self.check_price(event, instrument, no, c.price)
        self.check_size(instrument, c.qty)
        if c.type == C.MARKET:
            best = self.best(instrument.id, C.BUY + C.SELL - book_side)
            if best is None:
                raise Refused(C.R_NO_LIQUIDITY)
            price = protection_price(instrument, book_side, best)
        self.check_notional(event, instrument, event.payout - price if no else price, c.qty)
        self.check_collar(event, instrument, no, price)
        self.check_position(account, instrument, book_side, c.qty, None)
        if c.type == C.LIMIT and c.tif not in (C.IOC, C.FOK):
            self.check_open_quota(venue)
        expiry = {C.GTD: c.expiry, C.DAY: self.venues[venue].day_end(self.now)}.get(c.tif, 0)
        order = Order(
            self.order_seq, c.id, account.id, account.firm, session.id, venue, instrument.id, book_side, c.side, c.contract_side,
            c.type, c.tif, c.flags, price, c.qty, expiry, listing, event.payout,
        )  # fmt: skip
        self.check_first_position(account, event)
        self.touch(account.id, instrument.id)
        if c.type == C.LIMIT and c.tif not in (C.IOC, C.FOK):
            self.check_nodes(account.firm, instrument.id, book_side, price)
        self.check_budget(account, event, [*self.open, order], c.qty, order_cost(order, event))
        self.check_funds(account, self.paying_asset(event, book_side), [*self.open, order])
        self.check_post_only(order)
        self.check_approved(c, session, account, order_cost(order, event))
        return order

    def best(self, instrument: int, book_side: int) -> int | None:
        prices = [o.price for o in self.open if o.resting and o.instrument == instrument and o.book_side == book_side]
        if not prices:
            return None
        return max(prices) if book_side == C.BUY else min(prices)

    def paying_asset(self, event: Event, book_side: int) -> int:
        return event.base_asset if event.product == C.SPOT and book_side == C.SELL else event.asset

    def check_post_only(self, order: Order) -> None:
        best = self.best(order.instrument, C.BUY + C.SELL - order.book_side)
        if order.flags & C.FLAG_POST_ONLY and best is not None:
            if (best <= order.price) if order.book_side == C.BUY else (best >= order.price):
                raise Refused(C.R_POST_ONLY_WOULD_TRADE, order.client_price(best), 0, order.client_price(order.price))

    # ------------------------------------------------------------------------------------------------ cancel
    def check_same_order(self, c: Row, order: Order) -> None:
        """Fields of a cancel besides the id must be the order's; a missing field is 0."""
        for field, said, own in (
            (C.FIELD_ACCOUNT, c.account, order.account), (C.FIELD_INSTRUMENT, c.instrument, order.instrument), (C.FIELD_SIDE, c.side, order.side),
            (C.FIELD_CONTRACT_SIDE, c.contract_side, order.contract_side),
        ):  # fmt: skip
            if said and said != own:
                raise Refused(C.R_CANCEL_FIELD, own, said, field)

    # ------------------------------------------------------------------------------------------------ the ladder of REPLACE
    def check_unchanged(self, c: Row, order: Order) -> None:
        """Only price and total change. What a request does not say reads as 0; Day is 0 too and counts as said with `tif_said` alone."""
        for field, said, own in (
            (C.FIELD_ACCOUNT, c.account, order.account), (C.FIELD_INSTRUMENT, c.instrument, order.instrument), (C.FIELD_SIDE, c.side, order.side),
            (C.FIELD_CONTRACT_SIDE, c.contract_side, order.contract_side), (C.FIELD_TYPE, c.type, order.type), (C.FIELD_TIF, c.tif, order.tif),
            (C.FIELD_STP, c.stp, C.STP_CANCEL_INCOMING), (C.FIELD_FLAGS, c.flags, order.flags), (C.FIELD_EXPIRY, c.expiry, order.expiry),
        ):  # fmt: skip
            if said != own and (said or field == C.FIELD_TIF and c.tif_said):
                raise Refused(C.R_REPLACE_FIELD, own, said, field)

    def check_replace(self, c: Row, session: Session) -> tuple[Order, int, Listing]:
        """Returns the order, its new book price and the listing whose fees it has from now on."""
        if self.find(session.firm, c.id) is not None:
            raise Refused(C.R_ID_USED)
        self.check_unused(session.firm, c.id)
        order = self.open_order(session.firm, c.orig)
        self.check_unchanged(c, order)
        if not self.sees(session, order.instrument):
            raise Refused(C.R_UNKNOWN_INSTRUMENT, 0, 0, order.instrument)
        instrument = self.instruments[order.instrument]
        event = self.events[instrument.event]
        account = self.accounts[order.account]
        self.check_closed(session, account)
        listing = self.listings[(order.venue, instrument.id)]
        price = order.client_price(c.price)
        takes_away = price == order.price and c.qty < order.qty
        self.check_phase(self.phase_of(event, instrument.id))
        self.check_unbuilt(c)
        self.check_frozen(order.instrument, order.venue, STOPS_ORDERS)
        self.check_killed(session, account, order.venue)
        self.check_throttle(session, order.venue)
        self.check_fresh(c)
        if c.qty != order.cum and not takes_away:
            self.check_exposure(event, order.venue, account, instrument, order.book_side, c.qty, order)
        self.check_price(event, instrument, order.contract_side == C.NO, c.price)
        if c.qty == order.cum and c.qty:
            return order, price, listing
        self.check_size(instrument, c.qty)
        self.check_notional(event, instrument, c.price, c.qty)
        if c.qty < order.cum:
            raise Refused(C.R_QTY_BELOW_FILLED, order.cum, 0, c.qty)
        if price == order.price and c.qty == order.qty:
            raise Refused(C.R_NOTHING_CHANGED)
        if not takes_away:
            self.check_collar(event, instrument, order.contract_side == C.NO, price)
            self.check_position(account, instrument, order.book_side, c.qty - order.cum, order)
            self.check_nodes(order.firm, instrument.id, order.book_side, price)
        fee, _ = under_other_terms(order, listing)
        amended = Order(**{**order.__dict__, "price": price, "qty": c.qty, "listing": listing, "fee_numerator": fee, "resting": False})
        others = [o for o in self.open if o is not order]
        size = (0, 0) if takes_away else (c.qty, order_cost(amended, event))
        self.check_budget(account, event, [*others, amended], *size, amended=True)
        self.check_funds(account, self.paying_asset(event, order.book_side), [*others, amended])
        if not takes_away:
            self.check_post_only(amended)
        return order, price, listing

    # ------------------------------------------------------------------------------------------------ mass cancel, sets
    def check_scope(self, c: Row, session: Session) -> Callable[[Order], bool]:
        """Which of the firm's orders a mass cancel means."""
        if c.scope == C.SCOPE_SESSION:
            return lambda o: o.session == session.id
        if c.scope == C.SCOPE_ACCOUNT:
            account = self.check_account(session, c.account or session.account)
            self.check_isolated(session, account)
            return lambda o: o.account == account.id
        if c.scope == C.SCOPE_FIRM:
            return lambda o: True
        if c.scope == C.SCOPE_INSTRUMENT:
            if not self.sees(session, c.instrument):
                raise Refused(C.R_UNKNOWN_INSTRUMENT, 0, 0, c.instrument)
            self.check_frozen(c.instrument, session.venue or self.event_of(c.instrument).owner_venue, STOPS_CANCELS)
            return lambda o: o.instrument == c.instrument
        if c.scope == C.SCOPE_EVENT:
            if not self.sees_event(session, c.instrument):
                raise Refused(C.R_UNKNOWN_EVENT, 0, 0, c.instrument)
            event = self.events[c.instrument]
            self.check_frozen(event.contracts[0], session.venue or event.owner_venue, STOPS_CANCELS)
            return lambda o: self.instruments[o.instrument].event == c.instrument
        raise Refused(C.R_BAD_SCOPE, 0, 0, c.scope)

    def check_sets(self, c: Row, session: Session, account: Account, sign: int) -> Event:
        """Split (sign 1) or merge (sign -1) of c.sets sets of the event c.instrument."""
        if not self.sees_event(session, c.instrument):
            raise Refused(C.R_UNKNOWN_EVENT, 0, 0, c.instrument)
        event = self.events[c.instrument]
        if event.product != C.EXACTLY:
            raise Refused(C.R_NOT_SPLITTABLE, 0, 0, event.product)
        self.check_phase(C.PH_PAUSED if event.paying_ahead else event.phase)
        venue = session.venue or event.owner_venue
        self.check_frozen(event.contracts[0], venue, STOPS_ORDERS)
        self.check_killed(session, account, venue)
        if sign > 0 and account.firm in event.restricted:
            raise Refused(C.R_CONFLICT, 0, 0, event.id)
        if sign > 0:
            self.check_admitted(event, venue, account)
        if c.sets <= 0:
            raise Refused(C.R_QTY_NOT_POSITIVE, 1, 0, c.sets)
        most = self.instruments[event.contracts[0]].max_qty
        if c.sets > most:
            raise Refused(C.R_QTY_TOO_LARGE, most, 0, c.sets)
        contracts, k = self.undecided(event)
        for contract in contracts if sign > 0 else ():
            self.check_position(account, self.instruments[contract], C.BUY, c.sets, None)
        self.check_first_position(account, event)
        self.touch(account.id, event.contracts[0])
        least = min(account.position.get(i, 0) for i in contracts)
        if sign < 0 and least < c.sets:
            raise Refused(C.R_MERGE_TOO_MANY, max(least, 0), 0, c.sets)
        cash, locked = account.cash.get(event.asset, 0), self.locked(account.id, event.asset)
        cash_then = cash - sign * k * event.payout * event.tick_value * c.sets
        before = dict(account.position)
        for contract in contracts:
            account.position[contract] = account.position.get(contract, 0) + sign * c.sets
        power, then = cash - locked, cash_then - self.locked(account.id, event.asset)
        account.position = before
        if sign > 0:
            self.check_budgeted_split(account, event, c.sets, cash - cash_then, power, then)
        if then < 0 and then < power:
            raise Refused(C.R_COLLATERAL, power, locked, power - then)
        return event
