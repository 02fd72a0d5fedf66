"""The naive exchange: a venue that moves here. Rows by OPENING_*; an order's words are those of its Row.

`opening` makes the rows of a whole exchange from its state, so that a test can move it.
"""

from __future__ import annotations

from fractions import Fraction

from protocol import codes as C
from tests.model_ladder import Ladder
from tests.model_world import Ahead, Listing, Order, Refused, Row


def denominator(model: int, payout: int) -> int:
    """An order's exact fee is an integer of this part of a minor unit."""
    return 10_000 * payout if model == C.FEE_QUADRATIC else 10_000


class Opening(Ladder):
    """Adds the command to the exchange."""

    def emit(self, session: int, event: Row, numbered: bool = True, extra_rows: int = 0) -> None:
        raise NotImplementedError

    def order_event(self, kind: int, order: Order, status: int, reason: int = 0, session: int | None = None, **more: int | str) -> None:
        raise NotImplementedError

    def opening(self, c: Row) -> None:
        part = {
            C.OPENING_MARKET: self._market, C.OPENING_CONTRACT: self._contract, C.OPENING_POSITION: self._position,
            C.OPENING_ORDER: self._made, C.OPENING_ENTER: self._enter, C.OPENING_REST: self._rest,
        }  # fmt: skip
        if c.part not in part:
            raise Refused(C.R_BAD_DEFINITION)
        part[c.part](c)

    def _market(self, c: Row) -> None:
        event = self.events.get(c.target)
        if event is None:
            raise Refused(C.R_UNKNOWN_EVENT)
        if event.touched or event.sets or event.version or c.qty and event.product != C.EXACTLY:
            raise Refused(C.R_BAD_DEFINITION)
        event.sets = c.qty
        event.pool = c.qty * self.undecided(event)[1] * event.payout * event.tick_value
        self.assets[event.asset].external += event.pool
        event.phase, event.version, event.window_end, event.result, event.in_play = c.phase, c.version, c.until, c.paid, c.in_play
        event.payouts = event.payouts or [0] * event.n
        event.elsewhere = c.phase == C.PH_FINAL
        row = Row(kind=C.E_OPENING, trade=C.OPENING_MARKET, last_price=event.id, last_qty=event.sets, fee=event.pool)
        self.emit(0, row)

    def _contract(self, c: Row) -> None:
        if c.target not in self.instruments:
            raise Refused(C.R_UNKNOWN_INSTRUMENT)
        instrument = self.instruments[c.target]
        event = self.events[instrument.event]
        if c.phase:
            decided = [a.payout for a in event.ahead.values()] + [c.paid]
            left, winners = event.n - len(decided), event.k - sum(x == event.payout for x in decided)
            if (
                c.phase not in (C.PH_DETERMINED, C.PH_DISPUTED, C.PH_FINAL) or event.touched or event.version or c.target in event.ahead
                or c.paid not in (0, event.payout) or left < 1 or winners < 1 or event.product == C.EXACTLY and winners >= left or event.product == C.SPOT
            ):  # fmt: skip
                raise Refused(C.R_BAD_DEFINITION)
            event.ahead[c.target] = Ahead(c.phase, c.paid, c.version, c.until)
        instrument.last = c.price
        event.payouts = event.payouts or [0] * event.n
        event.payouts[instrument.index] = c.paid if c.phase in (0, C.PH_FINAL) else 0

    def _position(self, c: Row) -> None:
        if c.target not in self.instruments:
            raise Refused(C.R_UNKNOWN_INSTRUMENT)
        if c.account not in self.accounts or not self.accounts[c.account].firm:
            raise Refused(C.R_UNKNOWN_ACCOUNT)
        self.touch(c.account, c.target)
        event = self.event_of(c.target)
        if c.target in event.ahead and event.ahead[c.target].phase == C.PH_FINAL:
            event.settled |= {(c.account, c.target): c.qty} if c.qty else {}
        elif c.qty:
            position = self.accounts[c.account].position
            position[c.target] = position.get(c.target, 0) + c.qty
            self.emit(0, Row(kind=C.E_OPENING, trade=C.OPENING_POSITION, account=c.account, instrument=c.target, last_qty=c.qty))

    def _made(self, c: Row) -> None:
        listing = self.listings[(c.venue, c.target)]
        event = self.event_of(c.target)
        account = self.accounts[c.account]
        if self.find(account.firm, c.id) is not None or (account.firm, c.id) in self.moving or self.was_used(account.firm, c.id):
            raise Refused(C.R_ID_USED)
        part = denominator(listing.model, event.payout)
        self.touch(c.account, c.target)
        self.moving[account.firm, c.id] = Order(
            0, c.id, c.account, account.firm, c.session, c.venue, c.target, c.book_side, c.side, c.contract_side, c.type, c.tif, c.flags, c.price,
            c.qty, 0, listing, event.payout, cum=c.cum, notional=c.notional, fee_numerator=Fraction(c.fee_num, part), fee_paid=c.fee_paid,
            rebate_numerator=Fraction(c.rebate_num, part), rebate_paid=c.rebate_paid, net_fee=c.net_fee,
        )  # fmt: skip

    def _enter(self, c: Row) -> None:
        firm = self.accounts[c.account].firm
        if (firm, c.id) not in self.moving:
            raise Refused(C.R_UNKNOWN_ORDER)
        order = self.moving.pop((firm, c.id))
        order.id, order.expiry = self.order_seq, c.until
        self.order_seq += 1
        self.open.append(order)
        self.order_event(C.E_OPENING, order, C.ST_PARTIAL if order.cum else C.ST_NEW, session=0, trade=C.OPENING_ORDER)

    def _rest(self, c: Row) -> None:
        order = self.find(self.accounts[c.account].firm, c.id)
        if not isinstance(order, Order) or order.resting:
            raise Refused(C.R_UNKNOWN_ORDER)
        self.rank_seq += 1
        order.rank, order.resting = self.rank_seq, True
        self.make_nodes(order)


def listing_row(x: Listing) -> Row:
    return Row(
        kind=C.C_DEF_LISTING, venue=x.venue, instrument=x.instrument, model=x.model, maker=x.maker, taker=x.taker, owner_share=x.owner_share,
        venue_share=x.venue_share, owner_account=x.owner_account, venue_account=x.venue_account,
    )  # fmt: skip


def _part(kind: int, order: Order, **more: int) -> Row:
    return Row(kind=C.C_OPENING, part=kind, account=order.account, id=order.key, **more)


def opening(model: Ladder) -> list[Row]:
    """The rows that open the markets of an exchange elsewhere, where they are defined and the accounts have their money."""
    rows = []
    for event in model.events.values():
        ahead = event.ahead if event.phase != C.PH_FINAL else {}
        for i, a in ahead.items():
            rows.append(Row(
                kind=C.C_OPENING, part=C.OPENING_CONTRACT, target=i, price=model.instruments[i].last, paid=a.payout, phase=a.phase, version=a.version, until=a.until,
            ))  # fmt: skip
        rows.append(Row(
            kind=C.C_OPENING, part=C.OPENING_MARKET, target=event.id, qty=event.sets, phase=event.phase, version=event.version,
            until=event.window_end, in_play=event.in_play, paid=event.result,
        ))  # fmt: skip
        for i, paid in zip(event.contracts, event.payouts or [0] * event.n):
            if i not in ahead:
                rows.append(Row(kind=C.C_OPENING, part=C.OPENING_CONTRACT, target=i, price=model.instruments[i].last, paid=paid))
        for account in event.touched:
            held = {i: q for i in event.contracts if (q := model.accounts[account].position.get(i, 0))}
            if ahead:
                held |= {i: q for (number, i), q in event.settled.items() if number == account}
            held = held or {event.contracts[0]: 0}
            rows += [Row(kind=C.C_OPENING, part=C.OPENING_POSITION, target=i, account=account, qty=q) for i, q in held.items()]
    for o in sorted(model.open, key=lambda o: o.listing is not model.listings[(o.venue, o.instrument)]):
        part, now = denominator(o.listing.model, o.payout), model.listings[(o.venue, o.instrument)]
        if o.listing is not now:
            rows.append(listing_row(o.listing))
        rows.append(_part(
            C.OPENING_ORDER, o, target=o.instrument, session=o.session, venue=o.venue, book_side=o.book_side, side=o.side, contract_side=o.contract_side,
            type=o.type, tif=o.tif, flags=o.flags, price=o.price, qty=o.qty, cum=o.cum, notional=o.notional, fee_num=int(o.fee_numerator * part),
            fee_paid=o.fee_paid, rebate_num=int(o.rebate_numerator * part), rebate_paid=o.rebate_paid, net_fee=o.net_fee, model=o.listing.model,
            maker=o.listing.maker, taker=o.listing.taker,
        ))  # fmt: skip
        if o.listing is not now:
            rows.append(listing_row(now))
    rows += [_part(C.OPENING_ENTER, o, until=o.expiry) for o in sorted(model.open, key=lambda o: o.id)]
    return rows + [_part(C.OPENING_REST, o) for o in sorted(model.open, key=lambda o: o.rank)]
