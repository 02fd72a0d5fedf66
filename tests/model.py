"""The judge: a naive exchange. Commands in, events out, every rule written as domain.md says it, nothing made fast.

It imports nothing of exos but protocol.codes. Books are lists that are sorted when they are read; collateral, locked
money and open interest are computed from all open orders whenever they are needed; money is integers and fractions.

    model = Model(); events = model.apply(Row(kind=C.C_NEW, session=1, account=16, instrument=1, side=1, price=40, qty=10, id=7, ...))

Commands and events are Rows (dicts where a missing name reads as 0). Command names are those of core/layout/commands.py in lower case
without prefix; word 1 and 2 are taken apart (session, account, instrument, venue, front), `client_number` is the incoming
sequence number, `group` the order group; definition rows use the names of core/layout/definitions.py. ClOrdIDs are ints or texts.
Refusals carry limit, used and asked. Where the rules leave something open, the decision is in tests/model_decisions.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocol import codes as C
from tests.model_ladder import STOPS_CANCELS, Ladder
from tests.model_money import charge, reserved_fee, under_other_terms
from tests.model_operator import Operator
from tests.model_world import Account, Closed, Event, Key, Limits, Order, Refused, Row
from tests.text_ids import own_text

SAFE_TO_RESEND = frozenset({
    C.R_NOT_LOGGED_ON, C.R_ORDER_TABLE_FULL, C.R_ORDER_SHARE_FULL, C.R_NODE_SHARE_FULL, C.R_POSITION_SHARE_FULL, C.R_THROTTLED_SESSION, C.R_THROTTLED_VENUE,
    C.R_KILLED_PLATFORM, C.R_KILLED_VENUE, C.R_KILLED_FIRM, C.R_KILLED_ACCOUNT, C.R_KILLED_SESSION, C.R_TABLE_FULL, C.R_STALE,
    C.R_MARKET_PAUSED, C.R_VENUE_CANCEL_ONLY, C.R_VENUE_SETTLE_ONLY, C.R_VENUE_FROZEN, C.R_QUOTA_MESSAGES, C.R_QUOTA_JOURNAL, C.R_QUOTA_ORDERS,
    C.R_BUDGET_APPROVAL, C.R_BUDGET_WAITING,
})  # fmt: skip
PLATFORM_FEES = 1


class Model(Operator, Ladder):
    """One exchange. `apply` is the only way in."""

    def __init__(self, limits: Limits | None = None, retention_ns: int | None = None) -> None:
        self.start(limits or Limits(), retention_ns)

    def apply(self, command: Row) -> list[Row]:
        """Carry out one command; returns its events in order."""
        self.out = []
        self.command = command
        if command.kind != C.C_TIME and command.client_number and command.session in self.sessions:
            self.sessions[command.session].next_in = command.client_number + 1
        handlers: dict[int, Callable[[Row], None]] = {
            C.C_TIME: self._time, C.C_NEW: self._new, C.C_CANCEL: self._cancel, C.C_REPLACE: self._replace,
            C.C_MASS_CANCEL: self._mass_cancel, C.C_STATUS: self._status, C.C_SPLIT: self._split_merge, C.C_MERGE: self._split_merge,
        }  # fmt: skip
        handler = handlers.get(command.kind) or self.operator_handlers()[command.kind]
        self.refused = 0
        try:
            handler(command)
        except Refused as r:  # only the operator's rows let it through; client rows answer it themselves
            self.refused = r.reason
        return self.out

    # ------------------------------------------------------------------------------------------------ events
    def emit(self, session: int, event: Row, numbered: bool = True, extra_rows: int = 0) -> None:
        """Give an event its numbers and put it out. Texts that do not fit into a key take one further row, and every row one number."""
        event["number"] = self.event_seq
        event["time"] = self.now
        texts = 1 if own_text(event.id) or own_text(event.orig) else 0
        self.event_seq += 1 + texts + extra_rows
        receiver = self.sessions.get(session)
        if receiver is not None:
            event["session"] = session
            event["previous"] = receiver.last_event
            receiver.last_event = event["number"]
            if numbered:
                event["session_number"] = receiver.next_out
                receiver.next_out += 1
        self.out.append(event)

    def order_event(self, kind: int, order: Order, status: int, reason: int = 0, session: int | None = None, **more: int | str) -> None:
        """An event with the whole state of an order, to the session that entered it unless another is named."""
        leaves = order.leaves if status in (C.ST_NEW, C.ST_PARTIAL) else 0
        event = Row(
            kind=kind, status=status, reason=reason, side=order.side, contract_side=order.contract_side, type=order.type, tif=order.tif,
            account=order.account, instrument=order.instrument, venue=order.venue, order=order.id, id=order.key,
            price=order.client_price(order.price), qty=order.qty, cum=order.cum, leaves=leaves, notional=order.notional,
            expiry=order.expiry,
        )  # fmt: skip
        event.update(more)
        if order.flags & C.FLAG_PERSIST:
            event.update(flags=event.flags | C.EF_PERSIST)
        self.emit(order.session if session is None else session, event)

    def request_event(self, kind: int, status: int, reason: int, account: int, **more: Key) -> None:
        """The answer to a command for which there is no order: what the command said, back to its session."""
        c = self.command
        event = Row(
            kind=kind, status=status, reason=reason, side=c.side, contract_side=c.contract_side, type=c.type, tif=c.tif, account=account,
            instrument=c.instrument, id=c.id, orig=c.orig, price=c.price, qty=c.qty, client_number=c.client_number,
        )  # fmt: skip
        event.update(more)
        self.emit(c.session, event)

    def closed_event(self, kind: int, closed: Closed, session: int, reason: int, **more: int | str) -> None:
        event = Row(
            kind=kind, status=closed.status, reason=reason, side=closed.side, contract_side=closed.contract_side, type=closed.type,
            tif=closed.tif, account=closed.account, instrument=closed.instrument, venue=closed.venue, order=closed.order, id=closed.key,
            price=closed.price, qty=closed.qty, cum=closed.cum, notional=closed.notional,
        )  # fmt: skip
        event.update(more)
        self.emit(session, event)

    # ------------------------------------------------------------------------------------------------ new
    def _new(self, c: Row) -> None:
        order_id = firm = 0
        account_id = c.account or (self.sessions[c.session].account if c.session in self.sessions else 0)
        try:
            self.check_refusing()
            session, account = self.check_access(c)
            firm = account.firm
            self.check_id(c.id)
            self.forget_due(firm)
            earlier = self.find(firm, c.id)
            if earlier is not None:
                self.check_repeat(c, account, earlier)
                return self._tell_status(earlier, c.session)
            self.check_unused(firm, c.id)
            self.check_order_table(firm)
            order_id = self.order_seq
            order = self.check_order(c, session, account)
        except Refused as r:
            if r.reason in SAFE_TO_RESEND:
                order_id = 0
            if order_id:
                self.order_seq += 1
                self.remember(Closed(
                    firm, c.id, C.ST_REJECTED, r.reason, order_id, account_id, c.instrument, 0, c.session, c.side, c.contract_side, c.type,
                    c.tif, c.price, c.qty, 0, 0, self.now, (r.limit, r.used, r.asked),
                ))  # fmt: skip
            numbers = {"limit": r.limit, "used": r.used, "asked": r.asked}
            return self.request_event(C.E_REJECTED, C.ST_REJECTED, r.reason, account_id, order=order_id, **numbers)
        self.order_seq += 1
        self.open.append(order)
        self.order_event(C.E_ACCEPTED, order, C.ST_NEW, client_number=c.client_number)
        self._match(order)

    def check_repeat(self, c: Row, account: Account, earlier: Order | Closed) -> None:
        """The id is known: only the same order again is answered with its state (a market order's price is not the client's)."""
        first = self._as_closed(earlier, 0, 0)
        asked = (account.id, c.instrument, c.side, c.contract_side, c.qty, c.type)
        if asked != (first.account, first.instrument, first.side, first.contract_side, first.qty, first.type):
            raise Refused(C.R_ID_USED)
        if c.type != C.MARKET and c.price != first.price:
            raise Refused(C.R_ID_USED)

    # ------------------------------------------------------------------------------------------------ matching
    def opposite(self, order: Order) -> list[Order]:
        """Resting orders the order could meet, by price, then time in the queue, within its limit."""
        sign = 1 if order.book_side == C.BUY else -1
        book = [o for o in self.open if o.resting and o.instrument == order.instrument and o.book_side != order.book_side]
        return sorted((o for o in book if sign * o.price <= sign * order.price), key=lambda o: (sign * o.price, o.rank))

    def fillable(self, order: Order) -> bool:
        """Whether the whole order trades now: other firms' orders ahead of the first own one suffice."""
        got = 0
        for o in self.opposite(order):
            if got >= order.leaves or o.firm == order.firm:
                break
            got += o.leaves
        return got >= order.leaves

    def _match(self, order: Order) -> None:
        """Trade an incoming order (open, not resting), then rest or cancel what is left."""
        if order.tif == C.FOK and not self.fillable(order):
            return self._close(order, C.E_CANCELED, C.ST_CANCELED, C.R_FOK_NOT_FILLABLE)
        while order.leaves:
            meets = self.opposite(order)
            if not meets:
                break
            if meets[0].firm == order.firm:
                return self._close(order, C.E_CANCELED, C.ST_CANCELED, C.R_SELF_TRADE)
            self._trade(order, meets[0])
        if order.leaves == 0:
            return
        if order.type == C.MARKET:
            return self._close(order, C.E_CANCELED, C.ST_CANCELED, C.R_MARKET_REST)
        if order.tif == C.IOC:
            return self._close(order, C.E_CANCELED, C.ST_CANCELED, C.R_IOC_REST)
        self.rank_seq += 1
        order.rank = self.rank_seq
        order.resting = True
        self.make_nodes(order)

    def _trade(self, taker: Order, maker: Order) -> None:
        instrument = self.instruments[maker.instrument]
        event = self.events[instrument.event]
        price, qty = maker.price, min(taker.leaves, maker.leaves)
        buyer, seller = (taker, maker) if taker.book_side == C.BUY else (maker, taker)
        paying, selling = self.accounts[buyer.account], self.accounts[seller.account]
        amount = price * qty * event.tick_value
        self.pay(paying, event.asset, -amount)
        self.pay(selling, event.asset, amount)
        if event.product == C.SPOT:
            self.pay(paying, event.base_asset, qty * event.lot_base)
            self.pay(selling, event.base_asset, -qty * event.lot_base)
        else:
            paying.position[instrument.id] = paying.position.get(instrument.id, 0) + qty
            selling.position[instrument.id] = selling.position.get(instrument.id, 0) - qty
        trade = self.trade_seq
        self.trade_seq += 1
        instrument.last = price
        fees = {}
        for order in (maker, taker):
            order.cum += qty
            order.notional += order.client_price(price) * qty
            fees[order.id] = charge(order, event, price, qty, order is maker, taker.listing)
            self.pay(self.accounts[order.account], event.asset, -fees[order.id])
        terms = self._share_fees(event, taker, maker, fees[taker.id], fees[maker.id])
        direction = C.EF_AGGRESSOR_SELL if taker.book_side == C.SELL else 0
        for order in (maker, taker):
            status = C.ST_PARTIAL if order.leaves else C.ST_FILLED
            if order.leaves == 0:
                self._forget(order, C.ST_FILLED, 0)
            self.order_event(
                C.E_FILL, order, status, flags=direction | (C.EF_TAKER if order is taker else 0), last_price=order.client_price(price),
                last_qty=qty, fee=fees[order.id], trade=trade, terms=terms[order.id],
            )  # fmt: skip

    def _share_fees(self, event: Event, taker: Order, maker: Order, taker_fee: int, maker_fee: int) -> dict[int, int]:
        """The taker's order finances the rebate. Owner and listing venue hold floor(net fee of the order * share), the platform the
        rest."""
        platform = taker_fee + maker_fee
        terms = {}
        for order, change in ((maker, max(maker_fee, 0)), (taker, taker_fee + min(maker_fee, 0))):
            before, order.net_fee = order.net_fee, order.net_fee + change
            listing = order.listing
            terms[order.id] = listing.owner_share | listing.venue_share << 14 | before % 10_000 << 28 if change else 0
            for account, share in ((listing.owner_account, listing.owner_share), (listing.venue_account, listing.venue_share)):
                part = order.net_fee * share // 10_000 - before * share // 10_000
                if part:
                    self.pay(self.accounts[account], event.asset, part)
                    platform -= part
        if platform:
            self.pay(self.accounts[PLATFORM_FEES], event.asset, platform)
        return terms

    # ------------------------------------------------------------------------------------------------ closing
    def _as_closed(self, order: Order | Closed, status: int, reason: int) -> Closed:
        if isinstance(order, Closed):
            return order
        return Closed(
            order.firm, order.key, status, reason, order.id, order.account, order.instrument, order.venue, order.session, order.side,
            order.contract_side, order.type, order.tif, order.client_price(order.price), order.qty, order.cum, order.notional, self.now,
        )  # fmt: skip

    def _forget(self, order: Order, status: int, reason: int) -> None:
        """Take an order out of the books; its id stays used up."""
        self.open.remove(order)
        self.drop_nodes()
        self.remember(self._as_closed(order, status, reason))

    def _close(self, order: Order, kind: int, status: int, reason: int, flags: int = 0, **more: Key) -> None:
        self._forget(order, status, reason)
        self.order_event(kind, order, status, reason, flags=flags, **more)

    def _close_as_asked(self, order: Order, c: Row, reason: int) -> None:
        """The requesting session is answered; if another session entered the order, it gets an unsolicited cancel."""
        self._forget(order, C.ST_CANCELED, reason)
        foreign = order.session != c.session
        self.order_event(
            C.E_CANCELED, order, C.ST_CANCELED, reason, session=c.session, id=c.id, orig=order.key, client_number=c.client_number,
            flags=C.EF_OTHER_SESSION if foreign else 0,
        )  # fmt: skip
        if foreign:
            self.order_event(C.E_CANCELED, order, C.ST_CANCELED, reason, flags=C.EF_UNSOLICITED)

    # ------------------------------------------------------------------------------------------------ cancel, status
    def _cancel(self, c: Row) -> None:
        known = None
        try:
            session = self.check_session(c)
            self.check_named_account(c, session)
            self.check_id(c.id)
            known = self.find(session.firm, c.orig)
            order = self.open_order(session.firm, c.orig)
            self.check_same_order(c, order)
            self.check_frozen(order.instrument, order.venue, STOPS_CANCELS)
        except Refused as r:
            return self._cancel_rejected(c, r, known, 0)
        self._close_as_asked(order, c, C.R_USER_CANCEL)

    def _cancel_rejected(self, c: Row, r: Refused, known: Order | Closed | None, flags: int) -> None:
        """The answer names the order and its status when there is one, a replaced one under the id it lives or ended with."""
        more: dict[str, Key] = {"flags": flags, "limit": r.limit, "used": r.used, "asked": r.asked, "client_number": c.client_number}
        if known is None:
            return self.request_event(C.E_CANCEL_REJECT, C.ST_NONE, r.reason, c.account, **more)
        known = self.behind(known)
        more.update(id=c.id, orig=known.key)
        if isinstance(known, Order):
            self.order_event(C.E_CANCEL_REJECT, known, self.status_of(known), r.reason, session=c.session, **more)
        else:
            self.closed_event(C.E_CANCEL_REJECT, known, c.session, r.reason, **more)

    def status_of(self, order: Order) -> int:
        return C.ST_PARTIAL if order.cum else C.ST_NEW

    def _status(self, c: Row) -> None:
        try:
            session = self.check_session(c)
        except Refused as r:
            return self.request_event(C.E_STATUS, C.ST_NONE, r.reason, c.account)
        known = self.find(session.firm, c.orig)
        if known is None:
            return self.request_event(C.E_STATUS, C.ST_NONE, self.unknown(session.firm, c.orig).reason, c.account)
        self._tell_status(known, c.session)

    def _tell_status(self, known: Order | Closed, session: int) -> None:
        """Of a replaced id: the order under the id that it lives or ended with, the id asked for as the original."""
        order = self.behind(known)
        more: dict[str, Key] = {"client_number": self.command.client_number, "orig": 0 if order is known else known.key}
        if isinstance(order, Order):
            return self.order_event(C.E_STATUS, order, self.status_of(order), session=session, **more)
        more.update(zip(("limit", "used", "asked"), order.numbers))
        self.closed_event(C.E_STATUS, order, session, order.reason, **more)

    def cancel_many(self, orders: list[Order], reason: int, asker: int) -> int:
        """Firms, then their accounts in order of id, each account's orders newest first. Unsolicited for all sessions except the requesting
        one (0: none)."""
        for order in sorted(orders, key=lambda o: (o.firm, o.account, -o.id)):
            self._close(order, C.E_CANCELED, C.ST_CANCELED, reason, 0 if order.session == asker else C.EF_UNSOLICITED)
        return len(orders)

    def _mass_cancel(self, c: Row) -> None:
        try:
            session = self.check_session(c)
            wanted = self.check_scope(c, session)
        except Refused as r:
            numbers = {"limit": r.limit, "used": r.used, "asked": r.asked}
            return self.request_event(C.E_MASS_DONE, C.ST_REJECTED, r.reason, c.account, price=c.scope, qty=0, **numbers)
        orders = [o for o in self.open if o.firm == session.firm and wanted(o) and c.side in (0, o.side)]
        orders = [o for o in orders if self.frozen(o.instrument, o.venue)[0] < STOPS_CANCELS]
        count = self.cancel_many(orders, C.R_MASS_CANCEL, c.session)
        self.request_event(C.E_MASS_DONE, C.ST_NONE, 0, c.account, price=c.scope, qty=count)

    # ------------------------------------------------------------------------------------------------ replace
    def _replace(self, c: Row) -> None:
        known = None
        try:
            self.check_refusing()
            session = self.check_session(c)
            self.check_named_account(c, session)
            self.check_id(c.id)
            self.forget_due(session.firm)
            known = self.find(session.firm, c.orig)
            order, price, listing = self.check_replace(c, session)
        except Refused as r:
            return self._cancel_rejected(c, r, known, C.EF_REPLACE)
        old_key = order.key
        if c.qty == order.cum:
            return self._close_as_asked(order, c, C.R_REPLACED_TO_FILLED)
        self.remember(self._as_closed(order, C.ST_REPLACED, 0))
        keeps_place = price == order.price and c.qty < order.qty
        order.fee_numerator, order.rebate_numerator = under_other_terms(order, listing)
        order.key, order.price, order.qty, order.listing = c.id, price, c.qty, listing
        foreign = order.session != c.session
        self.order_event(
            C.E_REPLACED, order, self.status_of(order), session=c.session, orig=old_key, client_number=c.client_number,
            flags=C.EF_OTHER_SESSION if foreign else 0,
        )  # fmt: skip
        if foreign:
            self.order_event(C.E_REPLACED, order, self.status_of(order), C.R_USER_REPLACE, orig=old_key, flags=C.EF_UNSOLICITED)
        if not keeps_place:
            order.resting = False
            self.drop_nodes()
            self._match(order)

    # ------------------------------------------------------------------------------------------------ sets
    def _split_merge(self, c: Row) -> None:
        sign = 1 if c.kind == C.C_SPLIT else -1
        account_id = c.account or (self.sessions[c.session].account if c.session in self.sessions else 0)
        try:
            session, account = self.check_access(c)
            event = self.check_sets(c, session, account, sign)
        except Refused as r:
            numbers = {"limit": r.limit, "used": r.used, "asked": r.asked}
            return self.request_event(C.E_REFUSED, C.ST_REJECTED, r.reason, account_id, qty=c.sets, **numbers)
        contracts, k = self.undecided(event)
        amount = sign * k * event.payout * event.tick_value * c.sets
        self.pay(account, event.asset, -amount)
        event.pool += amount
        event.sets += sign * c.sets
        for contract in contracts:
            account.position[contract] = account.position.get(contract, 0) + sign * c.sets
        self.request_event(
            C.E_MOVED, C.ST_NONE, 0, account.id, price=-amount, qty=account.cash[event.asset], last_qty=sign * c.sets, spare=event.asset,
            why=C.WHY_SPLIT if sign > 0 else C.WHY_MERGE,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------------ time
    def _time(self, c: Row) -> None:
        self.note_prices(max(self.now, c.now))
        self.turn, self.now, self.tick = c.turn, max(self.now, c.now), max(self.tick, c.tick)
        self.refusing = c.refuse
        self.free_removed()
        due = [o for o in self.open if o.expiry and o.expiry <= self.now]
        for order in sorted(due, key=lambda o: (o.expiry, o.id)):
            self._close(order, C.E_EXPIRED, C.ST_EXPIRED, C.R_EXPIRED, C.EF_UNSOLICITED)

    # ------------------------------------------------------------------------------------------------ state
    def state(self) -> dict[str, Any]:
        """All that the exchange is, in one comparable shape; empty rows are left out."""
        balances = {}
        for account in self.accounts.values():
            for asset in self.assets:
                row = (account.cash.get(asset, 0), self.locked(account.id, asset))
                if row != (0, 0):
                    balances[account.id, asset] = row
        queues: dict[tuple[int, int], list[int]] = {}
        for order in sorted(self.open, key=lambda o: (o.price if o.book_side == C.SELL else -o.price, o.rank)):
            queues.setdefault((order.instrument, order.book_side), []).append(order.id)
        return {
            "seq": (self.now, self.turn, self.event_seq, self.order_seq, self.trade_seq),
            "balances": balances,
            "external": {a.id: a.external for a in self.assets.values()},
            "positions": {(a.id, i): q for a in self.accounts.values() for i, q in a.position.items() if q},
            "open": {o.id: self.order_state(o) for o in self.open},
            "queues": queues,
            "closed": [
                (x.firm, x.key, x.status, x.reason, x.order, x.account, x.instrument, x.price, x.qty, x.cum, x.numbers)
                for x in sorted(self.closed, key=lambda x: x.firm)
            ],
            "used": self.used_state(),
            "firms": {
                f.id: (
                    f.killed,
                    f.closed,
                    f.weight,
                    f.moved,
                    f.answered,
                    f.forgotten,
                    f.window,
                    self.nodes_of(f.id),
                    self.words_of(f.id),
                )
                for f in self.firms.values()
            },
            "venues": {
                v.id: (
                    v.killed,
                    v.freeze,
                    v.isolated,
                    sum(o.venue == v.id for o in self.open),
                    v.max_orders,
                    v.messages.limit,
                    v.journal.limit,
                )
                for v in self.venues.values()
            },
            "admits": {
                (about, row.id, firm): value
                for about, rows in ((C.ACCESS_VENUE, self.venues), (C.ACCESS_EVENT, self.events))
                for row in rows.values()
                for firm, value in {0: row.admits, **row.exceptions}.items()
                if value
            },
            "accounts": {a.id: (a.killed, a.closed) for a in self.accounts.values()},
            "budgets": {
                a.id: (
                    b.asset,
                    b.loss,
                    b.loss_day,
                    b.qty,
                    b.cost,
                    b.approve,
                    b.wait,
                    int(b.listed),
                    sorted(b.markets),
                    b.high,
                    b.high_day,
                    b.day,
                )
                for a in self.accounts.values()
                if (b := a.budget) is not None
            },
            "held": {
                one.number: (a.id, one.session, one.key, *one.terms, one.cost, one.at, one.until, one.passed)
                for a in self.accounts.values()
                for one in a.held
            },
            "held seq": self.held_seq,
            "bound": {s.id: s.budget for s in self.sessions.values() if s.budget},
            "short": {(a.id, asset) for a in self.accounts.values() for asset in a.short},
            "nodes": dict(self.nodes),
            "spare": {words: rows for words, rows in self.spare.items() if rows},
            "settled": {key: qty for e in self.events.values() for key, qty in e.settled.items()},
            "debts": {
                (e.id, a): row
                for e in self.events.values()
                for a in e.touched
                if (row := (e.owed.get(a, 0), e.blocked.get(a, 0))) != (0, 0)
            },
            "stood in": {e.id: (e.from_bond, e.from_platform) for e in self.events.values()},
            "settling": [e.id for e in self.settling],
            "events": {
                e.id: (e.phase, e.sets, e.pool, e.version, e.window_end, e.result, e.in_play, e.removed) for e in self.events.values()
            },
            "ahead": {
                i: (a.phase, a.version, a.until, a.payout if a.phase != C.PH_FINAL else 0)
                for e in self.events.values()
                for i, a in e.ahead.items()
            },
            "prices": self.price_state(),
            "instruments": {
                i.id: (i.last, self.open_interest(i.id), i.reference, i.collar, tuple(i.bands)) for i in self.instruments.values()
            },
            "sessions": {
                s.id: (
                    s.next_out,
                    s.next_in,
                    s.last_event,
                    s.generation,
                    s.logged_on,
                    s.absent_from,
                    s.killed,
                    s.closed,
                    s.missed,
                    s.missed_done,
                    s.cancel_on_disconnect,
                    s.settlement,
                    s.heartbeat,
                    s.untold,
                )  # fmt: skip
                for s in self.sessions.values()
            },
        }

    def order_state(self, o: Order) -> tuple[Any, ...]:
        held = reserved_fee(o, self.event_of(o.instrument))
        return (
            o.firm, o.key, o.account, o.session, o.venue, o.instrument, o.book_side, o.side, o.contract_side, o.type, o.tif, o.price, o.qty,
            o.cum, o.leaves, self.status_of(o), o.notional, o.expiry, held, o.fee_paid, o.rebate_paid, o.net_fee,
        )  # fmt: skip

    def open_interest(self, instrument: int) -> int:
        return sum(max(a.position.get(instrument, 0), 0) for a in self.accounts.values())

    def check_invariants(self) -> None:
        """Check the ledger's sums (domain.md section 8) and that no account owes more than it has: AssertionError names the error."""
        for asset in self.assets.values():
            cash = sum(a.cash.get(asset.id, 0) for a in self.accounts.values())
            pools = sum(e.pool for e in self.events.values() if e.asset == asset.id)
            assert cash + pools == asset.external, ("ledger", asset.id, cash, pools, asset.external)
        for account in self.accounts.values():
            if account.kind == C.ACCT_TRADING:
                for asset_id, cash in account.cash.items():
                    debts = sum(e.owed.get(account.id, 0) for e in self.events.values() if e.asset == asset_id)
                    assert asset_id in account.short or cash >= self.locked(account.id, asset_id) - debts, (
                        "negative buying power",
                        account.id,
                        asset_id,
                        cash,
                    )
        for event in self.events.values():
            if event.steps is not None:  # half of its accounts have been paid
                continue
            blocked, owed = sum(event.blocked.values()), sum(event.owed.values())
            contracts, k = self.undecided(event)
            assert event.pool == k * event.payout * event.tick_value * event.sets - blocked, ("pool", event.id)
            assert owed == blocked + event.from_bond + event.from_platform, ("debts", event.id)
            for contract in event.contracts:
                net = sum(a.position.get(contract, 0) for a in self.accounts.values())
                assert net == (event.sets if contract in contracts else 0), ("long - short", contract, net, event.sets)
        for order in self.open:
            assert order.resting and order.leaves > 0, ("open order", order.id)
        for contract in self.instruments:
            bid, ask = self.best(contract, C.BUY), self.best(contract, C.SELL)
            assert bid is None or ask is None or bid < ask, ("crossed book", contract, bid, ask)
