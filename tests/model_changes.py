"""What changes in a market while it trades, in the naive exchange: its phase, its price grid, its outcomes; and what becomes of resting orders."""

from __future__ import annotations

from collections.abc import Callable

from protocol import codes as C
from tests.model_ladder import Ladder
from tests.model_world import Order, Refused, Row

# From each phase, the phases that C_PHASE may go to (determined, disputed, voided and final are reached by their own commands).
TRANSITIONS = {
    C.PH_DRAFT: (C.PH_LISTED,),
    C.PH_LISTED: (C.PH_OPEN,),
    C.PH_OPEN: (C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED),
    C.PH_LIVE: (C.PH_OPEN, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED),
    C.PH_PAUSED: (C.PH_OPEN, C.PH_LIVE, C.PH_CANCEL_ONLY, C.PH_CLOSED),
    C.PH_CANCEL_ONLY: (C.PH_OPEN, C.PH_PAUSED, C.PH_CLOSED),
}


CHANGES = (C.PH_DRAFT, C.PH_LISTED, *list(TRANSITIONS)[2:])  # phases in which grid and outcomes may change


class Changes(Ladder):
    def sweep(self, contracts: list[int], reason: int, goes: Callable[[Order], bool] = lambda order: True) -> None:
        """Cancel resting orders, contract by contract, bids first, best first."""
        for contract in contracts:
            for side in (C.BUY, C.SELL):
                sign = -1 if side == C.BUY else 1
                resting = [o for o in self.open if o.instrument == contract and o.book_side == side and goes(o)]
                for order in sorted(resting, key=lambda o: (sign * o.price, o.rank)):
                    self._close(order, C.E_CANCELED, C.ST_CANCELED, reason, C.EF_UNSOLICITED)

    def _phase(self, c: Row) -> None:
        event = self.commanded(c.event)
        if c.phase not in TRANSITIONS.get(event.phase, ()):
            raise Refused(C.R_BAD_TRANSITION)
        before, event.phase = event.phase, c.phase
        self.emit(0, Row(kind=C.E_PHASE, order=event.id, price=before, qty=c.phase))
        if c.phase == C.PH_CLOSED:
            self.sweep(event.contracts, C.R_MARKET_CLOSING)
        if c.phase == C.PH_PAUSED and event.resting & C.RESTING_PAUSE_CANCEL:
            self.sweep(event.contracts, C.R_MARKET_PAUSING)
        if c.phase == C.PH_LIVE and not event.in_play:
            if event.resting & C.RESTING_LIVE_CANCEL:
                self.sweep(event.contracts, C.R_GOING_LIVE)
            elif event.resting & C.RESTING_LIVE_LAPSE:
                self.sweep(event.contracts, C.R_LAPSED, lambda o: not o.flags & C.FLAG_PERSIST)
        if c.phase in (C.PH_OPEN, C.PH_LIVE):
            event.in_play = c.phase == C.PH_LIVE

    def _bands(self, c: Row) -> None:
        event = self.commanded(c.event)
        if event.phase not in CHANGES:
            raise Refused(C.R_MARKET_CLOSED)
        if not 1 <= len(c.bands) <= 8:
            raise Refused(C.R_BAD_DEFINITION)
        old, new = dict(self.nodes), {}
        for contract in event.contracts:
            instrument = self.instruments[contract]
            top = max(instrument.top, instrument.price_max, c.bands[-1][1])
            digits = next(n for n in range(1, 12) if top < 64**n)
            for side in (C.BUY, C.SELL):
                heights = [height for i, s, height, _ in old if (i, s) == (contract, side)]
                if heights:
                    firm = old[(contract, side, max(heights), 0)]
                    new |= {(contract, side, height, 0): firm for height in range(max(heights) + 1, digits + 1)}
        if len(new) > self.limits.nodes - len(old):
            raise Refused(C.R_BANDS_TOO_HIGH)
        self.nodes.update(new)
        for contract in event.contracts:
            instrument = self.instruments[contract]
            instrument.top = max(instrument.top, instrument.price_max)
            instrument.bands, instrument.price_min, instrument.price_max = list(c.bands), c.bands[0][0], c.bands[-1][1]
        self.emit(0, Row(kind=C.E_BANDS, order=event.id, price=len(c.bands), bands=list(c.bands)), True, 1)
        self.sweep(event.contracts, C.R_OFF_NEW_GRID, lambda o: not self.instruments[o.instrument].on_grid(o.price))

    def _add_contract(self, c: Row) -> None:
        """`source`: the outcome from which it is split, 0: none; `contract`, `listings`: the definitions of the new one."""
        event = self.commanded(c.event)
        if event.phase not in CHANGES:
            raise Refused(C.R_MARKET_CLOSED)
        if event.product != (C.EXACTLY if c.source else C.AT_MOST):
            raise Refused(C.R_OUTCOME_FIXED)
        if len(event.contracts) >= event.room:
            raise Refused(C.R_NO_SPARE_CONTRACT)
        if c.source and c.source not in event.contracts:
            raise Refused(C.R_OUTCOME_UNKNOWN)
        if c.source in event.ahead:
            raise Refused(C.R_MARKET_CLOSED)
        if c.source:
            self.sweep([c.source], C.R_OUTCOME_SPLIT)
        for row in (c.contract, *c.listings):
            self.operator_handlers()[row.kind](row)
        event.n += 1
        joined = Row(kind=C.E_CONTRACT, instrument=c.contract.id, order=event.id, price=c.source)
        self.emit(0, joined)
        if c.source:
            event.splits.append((c.source, joined.number))
        for number in event.touched if c.source else ():
            account = self.accounts[number]
            qty = account.position.get(c.source, 0)
            if qty:
                before = self.required(number, event)
                account.position[c.contract.id] = qty
                assert self.required(number, event) <= before, "a new outcome raised a requirement"
                row = Row(kind=C.E_CONTRACT, account=number, instrument=c.contract.id, order=event.id, price=c.source, qty=qty)
                session = self.sessions.get(account.session)
                self.emit(session.id if session and session.settlement else 0, row)

    def operator_handlers(self) -> dict[int, Callable[[Row], None]]:
        raise NotImplementedError
