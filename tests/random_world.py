"""Seeded small worlds and command flows for the judge: every product, fees with rebates, several venues, firms, accounts, sessions.

`flow(seed, length)` gives the definitions and the commands as Rows (tests/model.py). The generator walks a Model along, so that it
asks for what matters (ids of open orders, prices near the touch), but the flow it returns is plain data: any part of it can be run.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from protocol import codes as C
from tests.model import Model
from tests.model_world import Account, Closed, Event, Firm, Instrument, Key, Limits, Order, Row

START_NS = 1_700_000_000_000_000_000
SECOND = 1_000_000_000
EDGES = (0, -1, 1, (1 << 63) - 1, -(1 << 63), 1 << 62, -(1 << 62), (1 << 32) + 1)
PLATFORM, VENUE_FEES, OWNER_FEES, BOND = 1, 2, 3, 4
TRADING = 16
ENDED = (C.PH_CLOSED, C.PH_DETERMINED, C.PH_DISPUTED, C.PH_VOIDED)
TRADES = (C.PH_OPEN, C.PH_LIVE)


@dataclass
class World:
    """What the flow needs to be run: capacities, retention, definitions."""

    limits: Limits
    retention_ns: int
    rows: list[Row] = field(default_factory=list)


def make_bands(rng: random.Random, payout: int) -> list[tuple[int, int, int]]:
    """A price grid; for event contracts symmetric, so that p is on it exactly when P - p is."""
    if payout == 0:
        return rng.choice([[(1, 60, 1)], [(5, 50, 5)], [(2, 20, 2), (20, 60, 10), (61, 64, 1)], [(1, 130, 1)]])
    if payout == 100:
        return rng.choice([[(1, 99, 1)], [(1, 10, 1), (10, 90, 5), (90, 99, 1)], [(5, 95, 5)]])
    return [(1, payout - 1, 1)]


def make_event(rng: random.Random, number: int, instruments: int, rows: list[Row]) -> int:
    """Definition rows of one event with its contracts and listings; returns the next free instrument id."""
    product = rng.choices((C.SPOT, C.EXACTLY, C.AT_MOST, C.SCALAR), (2, 5, 4, 1))[0]
    n = 1 if product in (C.SPOT, C.SCALAR) else rng.randint(1, 6)
    k = {C.SPOT: 0, C.SCALAR: 1}.get(product, rng.randint(1, n))
    payout = 0 if product == C.SPOT else rng.choice((10, 100, 100, 7))
    room = rng.choice((0, 1, 2)) if product == C.AT_MOST or product == C.EXACTLY and k == 1 else 0
    rows.append(Row(
        kind=C.C_DEF_EVENT, id=number, product=product, k=k, n=n, asset=1, base_asset=2 if product == C.SPOT else 0, payout=payout,
        tick_value=rng.choice((1, 1, 3)), owner_venue=1, window=rng.choice((0, 5 * SECOND)), lot_base=rng.choice((1, 7)) if product == C.SPOT else 0,
        phase=C.PH_LISTED, mids=int(product != C.SPOT and rng.random() < 0.6), resting=rng.choice((0, 0, 1, 2, 2, 4, 6)), room=n + room,
    ))  # fmt: skip
    bands = make_bands(rng, payout)
    lot = rng.choice((1, 1, 2, 5))
    shared = dict(
        min_qty=lot * rng.choice((1, 1, 2)), max_qty=lot * rng.choice((20, 50)), lot=lot, max_notional=rng.choice((0, 0, 3000)), price_min=bands[0][0],
        price_max=bands[-1][1], collar=rng.choice((0, 0, 0, 15)), reference=rng.choice((0, 0, 0, 50)), protection=rng.choice((1, 2, 5)),
        max_position=0 if product == C.SPOT else lot * rng.choice((15, 60, 1000)), bands=bands,
    )  # fmt: skip
    model = C.FEE_NOTIONAL if product == C.SPOT else rng.choice((C.FEE_QUADRATIC, C.FEE_MIN))
    for index in range(n):
        rows.append(Row(shared, kind=C.C_DEF_INSTRUMENT, id=instruments + index, event=number, index=index))
    for index in range(n):
        for venue in (1, 2) if rng.random() < 0.7 else (1,):
            rows.append(make_listing(rng, venue, instruments + index, model))
    rows.append(Row(kind=C.C_PHASE, event=number, phase=C.PH_OPEN))
    return instruments + n + room


def make_listing(rng: random.Random, venue: int, instrument: int, model: int) -> Row:
    taker = rng.choice((0, 0, 10, 150, 700))
    return Row(
        kind=C.C_DEF_LISTING, venue=venue, instrument=instrument, model=model, taker=taker, maker=rng.choice((0, taker // 2, -taker // 2, -taker)),
        owner_share=rng.choice((0, 3333)), venue_share=rng.choice((0, 2500)), owner_account=OWNER_FEES, venue_account=VENUE_FEES,
    )  # fmt: skip


def make_world(rng: random.Random) -> World:
    limits = Limits(rng.choice((8, 40, 80)), rng.choice((9, 60, 400)))
    world = World(limits, rng.choice((40 * SECOND, 100_000 * SECOND)))
    limits.used = {8: 2, 40: 1, 80: 8}[limits.orders]
    limits.nodes, limits.words = rng.choice(((14, 400), (80, 20_000), (80, 20_000)))
    rows = world.rows
    rows.append(Row(kind=C.C_TIME, turn=1, now=START_NS, tick=START_NS))
    rows.extend(Row(kind=C.C_DEF_ASSET, id=i) for i in (1, 2))
    for number in (1, 2):
        rows.append(Row(
            kind=C.C_DEF_VENUE, id=number, fee_account=VENUE_FEES, cutoff_period=rng.choice((0, 30 * SECOND)), cutoff_offset=rng.choice((0, 7 * SECOND)),
            throttle_limit=rng.choice((0, 0, 0, 20)), throttle_window=3 * SECOND,
        ))  # fmt: skip
    rows.extend(Row(kind=C.C_DEF_ACCOUNT, id=i, account_kind=C.ACCT_FEES) for i in (PLATFORM, VENUE_FEES, OWNER_FEES, BOND))
    rows.append(Row(kind=C.C_TRANSFER, target=BOND, asset=1, amount=rng.choice((1, 100, 5000))))
    firms = rng.randint(2, 5)
    rows.extend(Row(kind=C.C_DEF_FIRM, id=i, weight=rng.choice((0, 1, 1, 3))) for i in range(1, firms + 1))
    accounts = [(TRADING + i, i % firms + 1) for i in range(firms + rng.randint(0, 2))]
    rng.shuffle(accounts)
    for number, firm in accounts:
        venue = 1 if rng.random() < 0.1 else 0
        rows.append(Row(kind=C.C_DEF_ACCOUNT, id=number, firm=firm, account_kind=C.ACCT_TRADING, session=firm, venue=venue))
    for number in range(1, firms + rng.randint(1, firms + 1)):  # many firms have two sessions, which act on each other's orders
        firm = (number - 1) % firms + 1
        own = [a for a, f in accounts if f == firm]
        rows.append(Row(
            kind=C.C_DEF_SESSION, id=number, firm=firm, venue=rng.choice((0, 1, 1, 2)), account=rng.choice((*own, 0)),
            throttle_limit=rng.choice((0, 0, 0, 0, 8)), throttle_window=2 * SECOND, settlement=rng.random() < 0.3,
            cancel_on_disconnect=rng.random() < 0.2,
        ))  # fmt: skip
        rows.append(Row(kind=C.C_LOGON, session=number, logon_flags=rng.choice((0, 2, 4, 7)), next_in=2, heartbeat=30 * SECOND))
    free = 1
    for number in range(1, rng.randint(1, 3) + 1):
        free = make_event(rng, number, free, rows)
    for number, _ in accounts:
        for asset in (1, 2):
            rows.append(Row(kind=C.C_TRANSFER, target=number, asset=asset, amount=rng.choice((800, 20_000, 1_000_000, 1_000_000))))
    return world


class Generator:
    """Draws the next command from the state of the model."""

    def __init__(self, rng: random.Random, model: Model) -> None:
        self.rng, self.model = rng, model
        self.ids: list[Key] = []
        self.turn = 1
        self.incoming: dict[int, int] = {}

    # ------------------------------------------------------------------------------------------------ pieces
    def session(self) -> int:
        on = [s.id for s in self.model.sessions.values() if s.logged_on]
        return self.rng.choice(on if on and self.rng.random() < 0.98 else list(self.model.sessions))

    def account(self, session: int) -> int:
        """An account that the session may act for (0 when it is the default one), rarely any."""
        if self.rng.random() < 0.03:
            return self.rng.choice((*self.model.accounts, 999, 0))
        s = self.model.sessions[session]
        own = [a.id for a in self.model.accounts.values() if a.firm == s.firm and a.venue in (0, s.venue)]
        if s.account in own and self.rng.random() < 0.5:
            return 0
        return self.rng.choice(own) if own else 0

    def key(self) -> Key:
        """Mostly a new id, sometimes one that was used, sometimes a bad one."""
        roll = self.rng.random()
        if roll < 0.06 and self.ids:
            return self.rng.choice(self.ids[-12:] if len(self.ids) % 4 else self.ids)
        if roll < 0.07:
            return self.rng.choice((0, -5, (3, 4)))
        number = len(self.ids) + 1
        key: Key = number
        if self.rng.random() < 0.3:  # a text: two of three fit into their keys
            forms = (
                f"ord-{number:0{2 + number % 3}d}",
                f"number {number:0{2 + number % 3}d} of this desk",
                f"{number}-ord",
                f"an order: {number:0{2 + number % 3}d}",
            )
            key = forms[number % 4]
        self.ids.append(key)
        return key

    def instrument(self, session: int) -> int:
        """Mostly one that the session can trade now."""
        if self.rng.random() < 0.01:
            return 999
        m = self.model
        venue = m.sessions[session].venue or 1
        good = [i.id for i in m.instruments.values() if (venue, i.id) in m.listings and m.events[i.event].phase in TRADES]
        if good and self.rng.random() < 0.6:
            return good[0]  # one busy book
        return self.rng.choice(good if good and self.rng.random() < 0.95 else list(m.instruments))

    def event(self) -> Event:
        return self.rng.choice(list(self.model.events.values()))

    def price(self, instrument: Instrument, event: Event, book_side: int) -> int:
        """In YES ticks: near the touch, so that a good part of the orders trades."""
        rng = self.rng
        bid, ask = self.model.best(instrument.id, C.BUY), self.model.best(instrument.id, C.SELL)
        middle = (instrument.price_min + instrument.price_max) // 2
        near = rng.choice([p for p in (bid, ask, middle) if p is not None])
        step = instrument.bands[len(instrument.bands) // 2][2]
        away = rng.choice((0, 0, 1, 1, 2, 3)) * step * (-1 if book_side == C.BUY else 1)
        price = near + (away if rng.random() < 0.6 else -away)
        if rng.random() < 0.95:
            grid = [p for p in range(instrument.price_min, instrument.price_max + 1) if instrument.on_grid(p)]
            return min(grid, key=lambda p: (abs(p - price), p))
        return price + rng.choice((-1, 1))

    def qty(self, instrument: Instrument) -> int:
        if self.rng.random() < 0.03:
            return self.rng.randint(-1, 3 * instrument.lot)
        return max(instrument.min_qty, instrument.lot * self.rng.choice((1, 1, 2, 3, 4, 7, 10)))

    def known(self, session: int) -> Order | Closed | None:
        """An order of the session's firm: mostly open, sometimes closed."""
        firm = self.model.sessions[session].firm
        own = [o for o in self.model.open if o.firm == firm]
        others = [o for o in own if o.session != session]
        if others and self.rng.random() < 0.35:  # the firm's, entered by another session
            return self.rng.choice(others)
        gone = [x for x in self.model.closed[-10:] if x.firm == firm]
        pool: list[Order | Closed] = [*own, *own, *own, *own, *gone] if own else [*gone]
        return self.rng.choice(pool) if pool and self.rng.random() < 0.97 else None

    def counted(self, row: Row) -> Row:
        """Give the message its incoming number, as a wire session would."""
        session = row.session
        if self.rng.random() < 0.8:
            row["client_number"] = self.incoming.get(session, 2)
            self.incoming[session] = row.client_number + 1
        return row

    # ------------------------------------------------------------------------------------------------ commands
    def new(self) -> Row:
        rng = self.rng
        session = self.session()
        number = self.instrument(session)
        known = self.model.instruments.get(number) or next(iter(self.model.instruments.values()))
        event = self.model.events[known.event]
        side = rng.choice((C.BUY, C.SELL))
        no = rng.random() < (0.4 if event.product != C.SPOT else 0.01)
        book_side = 3 - side if no else side
        price = self.price(known, event, book_side)
        kind = C.MARKET if rng.random() < 0.08 else C.LIMIT
        tif = rng.choices((C.DAY, C.GTC, C.IOC, C.FOK, C.GTD), (3, 10, 2, 1, 2))[0]
        if kind == C.MARKET:
            tif = rng.choices((C.DAY, C.IOC, C.FOK, C.GTC), (2, 4, 2, 0.3))[0]
        row = Row(
            kind=C.C_NEW, session=session, account=self.account(session), instrument=number, side=side, contract_side=C.NO if no else C.YES,
            type=kind, tif=tif, price=0 if kind == C.MARKET else event.payout - price if no else price, qty=self.qty(known), id=self.key(),
        )  # fmt: skip
        if tif == C.GTD:
            row["expiry"] = self.model.now + rng.choice((-1, 0, 1, 4, 4, 20, 50)) * SECOND
        if rng.random() < 0.08 and tif not in (C.IOC, C.FOK) and kind == C.LIMIT:
            row["flags"] = C.FLAG_POST_ONLY
        if rng.random() < 0.2:
            row["flags"] = row.flags | C.FLAG_PERSIST
        if rng.random() < 0.04:
            row["deadline"] = self.model.now + rng.choice((-1, 0, 1))
        if rng.random() < 0.02:
            row["venue"] = rng.choice((1, 2, 9))
        if rng.random() < 0.03:
            self.spoil(row)
        return self.counted(row)

    def spoil(self, row: Row) -> None:
        """One field of an order goes wrong."""
        rng = self.rng
        name, values = rng.choice((
            ("side", (0, 3)), ("contract_side", (0, 3)), ("type", (0, 3, 4, 7)), ("tif", (2, 5, 7)), ("flags", (2, 4, 6, 64, 1)), ("stp", (1, 2, 4, 9)),
            ("min_qty", (1, -1)), ("display_qty", (5,)), ("stop_price", (7,)), ("group", (1,)), ("cost_cap", (3,)), ("front", (1,)),
            ("expiry", EDGES), ("price", EDGES), ("qty", EDGES), ("price", EDGES), ("qty", EDGES), ("deadline", (1,)), ("account", (1, 2, 77)),
        ))  # fmt: skip
        row[name] = rng.choice(values)

    def cancel(self) -> Row:
        session = self.session()
        rng = self.rng
        order = self.known(session)
        account = self.account(session) if order is None or rng.random() < 0.1 else rng.choice((0, order.account))
        row = Row(kind=C.C_CANCEL, session=session, account=account, id=self.key())
        stranger = rng.choice((0, 12345, "nobody", (1, 1), *self.ids[:9]))
        row["orig"] = order.key if order and rng.random() < 0.95 else stranger
        for name, values in (("instrument", (1, 2, 99)), ("side", (1, 2)), ("contract_side", (1, 2))):
            if rng.random() < 0.2:
                row[name] = getattr(order, name) if order and rng.random() < 0.8 else rng.choice(values)
        return self.counted(row)

    def status(self) -> Row:
        row = self.cancel()
        row["kind"] = C.C_STATUS
        return row

    def replace(self) -> Row:
        rng = self.rng
        session = self.session()
        order = self.known(session)
        account = order.account if order and rng.random() < 0.7 else self.account(session)
        row = Row(kind=C.C_REPLACE, session=session, account=account, id=self.key(), orig=order.key if order else "nobody", price=5, qty=5)
        if order is not None and order.instrument in self.model.instruments:
            instrument = self.model.instruments[order.instrument]
            event = self.model.events[instrument.event]
            open_order = isinstance(order, Order)
            price = order.price if open_order else instrument.price_min
            book_side = order.book_side if open_order else C.BUY
            if rng.random() < 0.55:
                price = self.price(instrument, event, book_side)
            row["price"] = event.payout - price if order.contract_side == C.NO else price
            near = rng.choice((order.qty, order.cum)) + rng.choice((0, instrument.lot, -instrument.lot))
            row["qty"] = min(max(near, EDGES[4]), EDGES[3])  # a refused order may have had any quantity
            for name, value in (
                ("side", order.side),
                ("contract_side", order.contract_side),
                ("type", order.type),
                ("tif", order.tif),
                ("flags", order.flags if isinstance(order, Order) else 0),
                ("expiry", order.expiry if isinstance(order, Order) else 0),
            ):
                if rng.random() < 0.3:
                    row[name] = value
            if rng.random() < 0.1:
                row["tif_said"] = 1
            if rng.random() < 0.3:
                row["instrument"] = order.instrument
        if rng.random() < 0.05:
            name, values = rng.choice((
                ("side", (1, 2)), ("account", (16, 17, 18, 99)), ("instrument", (1, 2, 99)), ("type", (1,)), ("price", EDGES), ("qty", EDGES),
                ("min_qty", (2,)), ("contract_side", (1, 2)), ("deadline", (1,)), ("tif", (1, 3, 6, 7)), ("tif_said", (1,)), ("flags", (1, 2, 8, 64)),
                ("expiry", EDGES), ("stp", (1, 2, 4, 9)),
            ))  # fmt: skip
            row[name] = rng.choice(values)
        return self.counted(row)

    def mass_cancel(self) -> Row:
        rng = self.rng
        session = self.session()
        scope = rng.choice((1, 2, 3, 4, 5, 0, 9)) if rng.random() < 0.2 else rng.choice((1, 2, 4, 5))
        instrument = rng.choice((*self.model.instruments, 999)) if scope == C.SCOPE_INSTRUMENT else rng.choice((*self.model.events, 99))
        row = Row(kind=C.C_MASS_CANCEL, session=session, scope=scope, side=rng.choice((0, 0, 1, 2)), id=self.key())
        if scope in (C.SCOPE_INSTRUMENT, C.SCOPE_EVENT):
            row["instrument"] = instrument
        if scope == C.SCOPE_ACCOUNT:
            row["account"] = self.account(session)
        return self.counted(row)

    def sets(self) -> Row:
        rng = self.rng
        session = self.session()
        count = rng.choice((1, 2, 3, 8, 30)) if rng.random() < 0.93 else rng.choice(EDGES)
        row = Row(kind=rng.choice((C.C_SPLIT, C.C_MERGE)), session=session, account=self.account(session), id=self.key(), sets=count)
        row["instrument"] = rng.choice((*self.model.events, *self.model.events, 99))
        return self.counted(row)

    def time(self) -> Row:
        self.turn += 1
        step = self.rng.choice((0, 1, SECOND // 2, SECOND, 2 * SECOND, 10 * SECOND, 45 * SECOND, 200 * SECOND))
        refuse = self.rng.choice((C.R_OVERLOAD, C.R_DISK_RESERVE, C.R_CLOCK_JUMP)) if self.rng.random() < 0.03 else 0
        tick = self.rng.choice((step, step, 0, SECOND, 5 * SECOND))  # the two clocks are apart when the time of day is set
        return Row(kind=C.C_TIME, turn=self.turn, now=self.model.now + step, refuse=refuse, tick=self.model.tick + tick)

    def phase(self) -> Row:
        """Markets that are not open mostly open again."""
        rng = self.rng
        shut = [e for e in self.model.events.values() if e.phase in (C.PH_LISTED, C.PH_PAUSED, C.PH_CANCEL_ONLY)]
        if shut and rng.random() < 0.8:
            return Row(kind=C.C_PHASE, event=rng.choice(shut).id, phase=C.PH_OPEN)
        event = self.event()
        wanted = rng.choice((C.PH_OPEN, C.PH_LIVE, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_LISTED))
        if rng.random() < 0.2:
            wanted = C.PH_CLOSED
        return Row(kind=C.C_PHASE, event=event.id if rng.random() < 0.97 else 99, phase=wanted)

    def bands(self) -> Row:
        """Another grid, mostly a possible one, for a market."""
        event = self.event()
        bands = make_bands(self.rng, event.payout) if self.rng.random() < 0.97 else [(1, 1, 1)] * self.rng.choice((0, 9))
        return Row(kind=C.C_BANDS, event=event.id if self.rng.random() < 0.97 else 99, bands=bands)

    def add_contract(self) -> Row:
        """One more outcome, mostly where there is room; from another one in exactly-1 groups."""
        rng, m = self.rng, self.model
        events = [e for e in m.events.values() if len(e.contracts) < e.room]
        event = rng.choice(events) if events and rng.random() < 0.9 else self.event()
        source = rng.choice(event.contracts) if (event.product == C.EXACTLY) == (rng.random() < 0.95) else 0
        like = m.instruments[event.contracts[0]]
        number = event.contracts[0] + len(event.contracts) if len(event.contracts) < event.room else 9999
        fields = {name: getattr(like, name) for name in vars(like) if name not in ("last", "top")}
        contract = Row(fields, kind=C.C_DEF_INSTRUMENT, id=number, index=len(event.contracts))
        listings = [Row(vars(row), kind=C.C_DEF_LISTING, instrument=number) for row in m.listings.values() if row.instrument == like.id]
        return Row(
            kind=C.C_ADD_CONTRACT, event=event.id, source=source if rng.random() < 0.95 else 999, contract=contract, listings=listings
        )

    def kill(self) -> Row:
        rng = self.rng
        level = rng.randint(1, 5)
        targets = {1: [0], 2: self.model.venues, 3: self.model.firms, 4: self.model.accounts, 5: self.model.sessions}[level]
        on = 1 if rng.random() < 0.35 else 0
        return Row(
            kind=C.C_KILL, level=level, target=rng.choice(list(targets)) if rng.random() < 0.97 else 99, on=on, cancel=rng.choice((0, 1))
        )

    def release(self) -> Row:
        """Undo a kill switch, so that the flow continues."""
        m = self.model
        held = [(1, 0)] if m.killed else []
        for level, rows in ((2, m.venues), (3, m.firms), (4, m.accounts), (5, m.sessions)):
            held.extend((level, x.id) for x in rows.values() if x.killed)
        level, target = self.rng.choice(held) if held else (1, 0)
        return Row(kind=C.C_KILL, level=level, target=target, on=0, cancel=0)

    def restrict(self) -> Row:
        return Row(kind=C.C_RESTRICT, event=self.event().id, firm=self.rng.choice((*self.model.firms, 99)), on=self.rng.choice((0, 0, 1)))

    def reference(self) -> Row:
        rng = self.rng
        instrument = self.model.instruments[rng.choice(list(self.model.instruments))]
        price = rng.choice((0, instrument.last, (instrument.price_min + instrument.price_max) // 2))
        return Row(kind=C.C_REFERENCE, instrument=instrument.id, reference=price, collar=rng.choice((-1, 0, 10, 30)))

    def transfer(self) -> Row:
        rng = self.rng
        source, target = rng.choice((0, *self.model.accounts)), rng.choice((0, *self.model.accounts))
        amount = rng.choice((1, 100, 5000)) if rng.random() < 0.9 else rng.choice((0, -1, -(1 << 63)))
        if rng.random() < 0.3 and source:
            amount = max(1, self.model.accounts[source].cash.get(1, 0) - self.model.locked(source, 1) + rng.choice((0, 1)))
        return Row(kind=C.C_TRANSFER, source=source, target=target, asset=rng.choice((1, 1, 2, 9)), amount=amount)

    def session_row(self) -> Row:
        rng = self.rng
        session = self.session()
        off = [s.id for s in self.model.sessions.values() if not s.logged_on]
        if off and rng.random() < 0.7:
            session = rng.choice(off)
        if not self.model.sessions[session].logged_on:
            self.incoming[session] = 2
            flags = rng.choice((0, 1, 2, 4, 6, 7)) | (rng.choice((8, 16)) if rng.random() < 0.15 else 0)
            return Row(kind=C.C_LOGON, session=session, logon_flags=flags, next_in=rng.choice((0, 2)), heartbeat=SECOND)
        roll = rng.random()
        if roll < 0.35:
            unsent = max(0, self.model.sessions[session].next_out - rng.choice((-1, 0, 1, 3)))
            return Row(kind=C.C_LOGOFF, session=session, logoff_flags=rng.choice((0, 1)), unsent_from=rng.choice((0, unsent)))
        if roll < 0.5:
            return Row(kind=C.C_SET_IN, session=session, next_in=rng.randint(1, 50), missed=self.missed(session), **self.told(session))
        body = bytes(rng.randint(1, 255) for _ in range(rng.choice((1, 8, 100, 192, 300))))
        return self.counted(
            Row(
                kind=C.C_SEND,
                session=session,
                msg_type=rng.randint(48, 90),
                unnumbered=rng.choice((0, 0, 1)),
                body=body,
                missed=self.missed(session),
            )
        )

    def told(self, session: int) -> dict[str, int]:
        """A resend that was written: nothing, all that was numbered while the session was away, a part of it, or something else."""
        untold = self.model.sessions[session].untold
        if untold is None or self.rng.random() < 0.3:
            return {}
        begin, end = self.rng.choice((untold, (1, untold[0]), (untold[0], untold[1] + 5), (untold[0] + 1, untold[1])))
        return {"told_from": begin, "told_to": end}

    def missed(self, session: int) -> int:
        """How far the missed reports of the session have been sent, according to a row: nothing said, somewhere, all."""
        due = self.model.sessions[session].missed
        return self.rng.choice((0, self.rng.randint(1, due), due)) if due else 0

    def redefine(self) -> Row:
        """The operator redefines a session, mostly while it is logged on."""
        rng = self.rng
        s = self.model.sessions[self.session()]
        return Row(
            kind=C.C_DEF_SESSION, id=s.id, firm=s.firm, venue=s.venue, account=s.account, throttle_limit=s.throttle.limit,
            throttle_window=s.throttle.window, settlement=rng.random() < 0.5, cancel_on_disconnect=rng.random() < 0.5, closed=s.closed,
        )  # fmt: skip

    def venue(self) -> Row:
        """Quotas and the demand of isolated accounts come and go."""
        rng, v = self.rng, self.rng.choice(list(self.model.venues.values()))
        return Row(
            kind=C.C_DEF_VENUE, id=v.id, fee_account=v.fee_account, throttle_limit=v.throttle.limit, throttle_window=v.throttle.window,
            isolated=rng.random() < 0.15, max_orders=rng.choice((0, 0, 2, 5, 12)), max_messages=rng.choice((0, 0, 0, 2, 5)),
            max_journal=rng.choice((0, 0, 0, 384, 1000)),
        )  # fmt: skip

    def freeze(self) -> Row:
        """A venue is frozen, or, mostly, no longer, so that the flow continues."""
        frozen = [v.id for v in self.model.venues.values() if v.freeze]
        if frozen and self.rng.random() < 0.7:
            return Row(kind=C.C_FREEZE, venue=self.rng.choice(frozen), level=0)
        return Row(kind=C.C_FREEZE, venue=self.rng.choice((1, 2, 2, 3)), level=self.rng.choice((1, 1, 2, 3, 0, 4)))

    def access(self) -> Row:
        """How a venue or an event admits firms, or what holds for one."""
        rng = self.rng
        about = rng.choice((C.ACCESS_VENUE, C.ACCESS_EVENT)) if rng.random() < 0.97 else 3
        target = rng.choice(list(self.model.venues if about == C.ACCESS_VENUE else self.model.events)) if rng.random() < 0.97 else 99
        if rng.random() < 0.4:
            return Row(kind=C.C_ACCESS, about=about, target=target, value=rng.choice((0, 0, 0, 1, 1, 2, 3)))
        value = rng.choice((0, -1, -1, -1, 1, 1, 7, 7, -2))
        return Row(kind=C.C_ACCESS, about=about, target=target, firm=rng.choice((*self.model.firms, 99)), value=value)

    def close(self) -> Row:
        """A firm, an account or a session is closed, or, mostly, open again, so that the flow continues."""
        rng, m = self.rng, self.model
        shut = [x for x in (*m.firms.values(), *m.accounts.values(), *m.sessions.values()) if x.closed]
        row = (
            rng.choice(shut) if shut and rng.random() < 0.7 else rng.choice((*m.firms.values(), *m.accounts.values(), *m.sessions.values()))
        )
        closed = 0 if row.closed else 1
        if isinstance(row, Firm):
            return Row(kind=C.C_DEF_FIRM, id=row.id, weight=row.weight, closed=closed)
        if isinstance(row, Account):
            return Row(
                kind=C.C_DEF_ACCOUNT, id=row.id, firm=row.firm, account_kind=row.kind, session=row.session, venue=row.venue, closed=closed
            )
        return Row(
            kind=C.C_DEF_SESSION, id=row.id, firm=row.firm, venue=row.venue, account=row.account, throttle_limit=row.throttle.limit,
            throttle_window=row.throttle.window, settlement=int(row.always_settlement), cancel_on_disconnect=int(row.always_cancel), closed=closed,
        )  # fmt: skip

    def listing(self) -> Row:
        old = self.rng.choice(list(self.model.listings.values()))
        return make_listing(self.rng, old.venue, old.instrument, old.model)

    def settle(self) -> Row:
        """A step in the life of a result: of a market that has ended if there is one."""
        rng = self.rng
        ended = [e for e in self.model.events.values() if e.phase in ENDED]
        event = rng.choice(ended) if ended and rng.random() < 0.9 else self.event()
        wrong = rng.random() >= 0.95
        if event.phase in (C.PH_DETERMINED, C.PH_VOIDED, C.PH_DISPUTED) and rng.random() < 0.8:
            act = rng.choices((C.C_FINALISE, C.C_DISPUTE, C.C_UPHOLD), (5, 3, 1) if event.phase != C.PH_DISPUTED else (1, 2, 6))[0]
            firm = rng.choice((*self.model.firms, *self.model.firms, 0, 99))
            row = Row(kind=act, event=event.id, version=event.version + wrong, firm=firm if act == C.C_DISPUTE else 0)
            if act == C.C_FINALISE:
                row["slice"] = rng.choice((0, 1, 1, 18, 40))
            return row
        if event.phase == C.PH_CLOSED and rng.random() < 0.1:
            return Row(kind=C.C_DISPUTE, event=event.id, version=event.version)
        payouts = self.payouts(event)
        void = rng.random() < (0.3 if event.phase in ENDED else 0.6)
        kind, trigger = (C.C_VOID, self.model.now - rng.choice((0, SECOND))) if void else (C.C_DETERMINE, 0)
        return Row(kind=kind, event=event.id, version=event.version + (2 if wrong else 1), payouts=payouts, trigger=trigger)

    def remove(self) -> Row:
        """A market is over for good, mostly one that is final."""
        over = [e.id for e in self.model.events.values() if e.phase == C.PH_FINAL]
        return Row(kind=C.C_REMOVE, event=self.rng.choice(over) if over and self.rng.random() < 0.9 else self.rng.choice((1, 2, 99)))

    def payouts(self, event: Event) -> list[int]:
        rng = self.rng
        n = len(event.contracts)
        payouts = [0] * n
        winners = rng.sample(range(n), min(event.k, n)) if event.k else []
        for j in winners:
            payouts[j] = event.payout if rng.random() < 0.8 else event.payout // 2
        if event.product == C.EXACTLY and rng.random() < 0.9:
            payouts = [event.payout if j in winners else 0 for j in range(n)]
            if n > event.k and event.payout > 1:  # a void: one winner shares with a loser
                loser = next(j for j in range(n) if j not in winners)
                payouts[winners[0]] -= 1
                payouts[loser] += 1
        if rng.random() < 0.05:
            payouts[0] = rng.choice((-1, event.payout + 1))
        return payouts

    def reverse(self) -> Row:
        """A correction of a market that has been paid, mostly of the whole result, or a recovery of what it left."""
        rng = self.rng
        paid = [e for e in self.model.events.values() if e.phase == C.PH_FINAL]
        event = rng.choice(paid) if paid and rng.random() < 0.97 else self.event()
        row = Row(kind=C.C_REVERSE, event=event.id, bond=rng.choice((0, BOND, BOND)), slice=rng.choice((0, 0, 1, 20, 60)))
        if rng.random() < 0.35:
            return row
        payouts = list(event.payouts or [0] * len(event.contracts))
        rng.shuffle(payouts)
        if rng.random() < 0.4:  # another split between two contracts, or another value
            i, j = rng.randrange(len(payouts)), rng.randrange(len(payouts))
            amount = rng.randint(0, max(payouts[i], 1))
            payouts[i] -= amount
            if i != j or rng.random() < 0.5:
                payouts[j] += amount
        if rng.random() < 0.03:
            payouts.append(0)
        row.update(version=event.version + (1 if rng.random() < 0.97 else 2), payouts=payouts)
        return row

    def go_on(self) -> Row:
        """The next slice, of any size, or a row that finds nothing to do."""
        return Row(kind=C.C_CONTINUE, slice=self.rng.choice((0, 1, 17, 20, 50)))

    def command(self) -> Row:
        if self.model.settling and self.rng.random() < 0.2:
            return self.go_on()
        if any(e.phase in ENDED and e.product != C.SPOT for e in self.model.events.values()) and self.rng.random() < 0.05:
            return self.settle()
        shut = not any(e.phase in TRADES for e in self.model.events.values())
        if shut and self.rng.random() < 0.3:
            return self.phase()
        if any(v.freeze for v in self.model.venues.values()) and self.rng.random() < 0.15:
            return self.freeze()
        stuck = self.model.killed or any(v.killed for v in self.model.venues.values()) or any(f.killed for f in self.model.firms.values())
        if stuck and self.rng.random() < 0.3:
            return self.release()
        makers = (
            (self.new, 60), (self.cancel, 7), (self.replace, 12), (self.mass_cancel, 2), (self.status, 2.5), (self.sets, 5), (self.time, 7),
            (self.phase, 2.5), (self.kill, 1), (self.release, 0.7), (self.restrict, 0.7), (self.reference, 1), (self.transfer, 3), (self.session_row, 2.5),
            (self.listing, 1), (self.settle, 1.2), (self.redefine, 0.7), (self.close, 1),
            (self.venue, 1), (self.freeze, 1), (self.access, 3), (self.bands, 1), (self.add_contract, 1), (self.go_on, 0.2), (self.remove, 0.3), (self.reverse, 2.5 if any(e.phase == C.PH_FINAL for e in self.model.events.values()) else 0.1),
        )  # fmt: skip
        return self.rng.choices([m for m, _ in makers], [w for _, w in makers])[0]()


class AheadGenerator(Generator):
    """Often determines single contracts ahead of their groups. A generator of its own, so that the other flows stay what they are."""

    def command(self) -> Row:
        groups = [e for e in self.model.events.values() if len(e.contracts) > 1 and e.phase not in (C.PH_DETERMINED, C.PH_FINAL)]
        return self.ahead(self.rng.choice(groups)) if groups and self.rng.random() < 0.06 else super().command()

    def ahead(self, event: Event) -> Row:
        rng = self.rng
        waiting = [i for i, one in event.ahead.items() if one.phase != C.PH_FINAL]
        acts = (C.AHEAD_DETERMINE, C.AHEAD_FINALISE, C.AHEAD_WITHDRAW, C.AHEAD_DISPUTE, C.AHEAD_UPHOLD)
        act = rng.choices(acts, (5, 9, 1, 3, 3) if waiting else (20, 1, 1, 1, 1))[0]
        contract = rng.choice(event.contracts if act == C.AHEAD_DETERMINE or not waiting else waiting) if rng.random() < 0.97 else 99
        known = event.ahead.get(contract)
        version = event.version + 1 if act == C.AHEAD_DETERMINE or known is None else known.version
        payout = event.payout if rng.random() < 0.3 else rng.choice((0, 0, 0, 0, 0, 0, 0, 1))
        return Row(
            kind=C.C_AHEAD, event=event.id, instrument=contract, act=act, version=version + (rng.random() < 0.03), payout=payout,
            slice=rng.choice((0, 0, 1, 20, 40)), firm=rng.randint(1, 3) if act == C.AHEAD_DISPUTE else 0,
        )  # fmt: skip

    def payouts(self, event: Event) -> list[int]:
        """Mostly in agreement with what was paid ahead."""
        paid = {event.contracts.index(i): one.payout for i, one in event.ahead.items() if one.phase == C.PH_FINAL}
        if not paid or self.rng.random() < 0.1:
            return super().payouts(event)
        open_ones = [j for j in range(len(event.contracts)) if j not in paid]
        winners = (
            self.rng.sample(open_ones, event.k - sum(x == event.payout for x in paid.values()))
            if event.product == C.EXACTLY
            else open_ones[:1]
        )
        return [paid.get(j, event.payout if j in winners else 0) for j in range(len(event.contracts))]


def flow(seed: int, length: int, draws: type[Generator] = Generator) -> tuple[World, list[Row]]:
    """The world of a seed and `length` commands."""
    rng = random.Random(seed)
    world = make_world(rng)
    model = Model(world.limits, world.retention_ns)
    for row in world.rows:
        model.apply(row)
    generator = draws(rng, model)
    commands = []
    for _ in range(length):
        command = generator.command()
        commands.append(command)
        model.apply(command)
    return world, commands
