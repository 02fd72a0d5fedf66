"""The naive exchange's results: determined and replaced, disputed, upheld, voided; and the prices that a void goes by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocol import codes as C
from tests.model_ladder import Ladder
from tests.model_world import Event, Refused, Row

MICROSECOND = 1_000
MINUTE = 60_000_000  # in microseconds, as all times of these prices
WINDOW = 10 * MINUTE
VOIDABLE = (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED, C.PH_DETERMINED, C.PH_DISPUTED)


class Results(Ladder):
    """Commands about a result. What becomes of the money is in model_operator.py."""

    _close: Callable[..., None]

    def result_handlers(self) -> dict[int, Callable[[Row], None]]:
        return {C.C_DETERMINE: self._determine, C.C_DISPUTE: self._dispute, C.C_UPHOLD: self._uphold, C.C_VOID: self._void}

    def contest(self, c: Row) -> Event:
        event = self.commanded(c.event)
        if event.product == C.SPOT:
            raise Refused(C.R_UNKNOWN_EVENT)
        return event

    def check_payouts(self, event: Event, c: Row) -> None:
        if len(c.payouts) != len(event.contracts):
            raise Refused(C.R_PAYOUT_COUNT)
        if c.version != event.version + 1:
            raise Refused(C.R_RESULT_VERSION)
        if not all(0 <= paid <= event.payout for paid in c.payouts):
            raise Refused(C.R_PAYOUT_RANGE)
        total, full = sum(c.payouts), event.k * event.payout
        if total != full if event.product == C.EXACTLY else total > full:
            raise Refused(C.R_PAYOUT_SUM)

    def _take(self, event: Event, c: Row) -> None:
        """The payouts of a new version, with its own window."""
        self.check_payouts(event, c)
        if any(a.phase == C.PH_FINAL and c.payouts[event.contracts.index(i)] != a.payout for i, a in event.ahead.items()):
            raise Refused(C.R_AHEAD_DIFFERS)
        event.ahead = {i: a for i, a in event.ahead.items() if a.phase == C.PH_FINAL}
        event.payouts = list(c.payouts)
        event.version += 1
        event.window_end = self.now + event.window

    def _determine(self, c: Row) -> None:
        """By the resolver of a market that is closed or determined, or by the arbiter instead of a result that is not final."""
        event = self.contest(c)
        if event.phase == C.PH_FINAL:
            raise Refused(C.R_ALREADY_FINAL)
        if event.phase not in (C.PH_CLOSED, C.PH_DETERMINED, C.PH_DISPUTED, C.PH_VOIDED):
            raise Refused(C.R_NOT_CLOSED)
        self._take(event, c)
        event.phase = event.result = C.PH_DETERMINED
        self.emit(0, Row(kind=C.E_DETERMINED, order=event.id, price=event.window_end, qty=event.version))

    def _dispute(self, c: Row) -> None:
        """By a firm with a position, while the window is open; firm 0: the two sources differ."""
        event = self.contest(c)
        could = (C.PH_CLOSED, C.PH_DETERMINED) if c.firm == 0 else (C.PH_DETERMINED, C.PH_VOIDED, C.PH_DISPUTED)
        if event.phase not in could or (c.firm and not event.result):
            raise Refused(C.R_NOT_DISPUTABLE)
        if c.version != event.version:
            raise Refused(C.R_RESULT_VERSION)
        if c.firm:
            if self.now >= event.window_end:
                raise Refused(C.R_DISPUTE_LATE)
            if not any(a.firm == c.firm and a.position.get(i) for a in self.accounts.values() for i in event.contracts):
                raise Refused(C.R_NO_PARTY)
        event.phase = C.PH_DISPUTED
        self.emit(0, Row(kind=C.E_DISPUTED, order=event.id, price=c.firm, qty=event.version))

    def _uphold(self, c: Row) -> None:
        """The disputed version stands, and its window ends now."""
        event = self.contest(c)
        if event.phase != C.PH_DISPUTED:
            raise Refused(C.R_NOT_DISPUTED)
        if not event.result:
            raise Refused(C.R_NOTHING_TO_UPHOLD)
        if c.version != event.version:
            raise Refused(C.R_RESULT_VERSION)
        event.window_end = self.now
        event.phase = event.result
        kind = C.E_VOIDED if event.result == C.PH_VOIDED else C.E_DETERMINED
        self.emit(0, Row(kind=kind, order=event.id, price=event.window_end, qty=event.version))

    def _void(self, c: Row) -> None:
        """No result: the payouts are those of the declared policy, and nothing rests any more."""
        event = self.contest(c)
        if event.phase not in VOIDABLE:
            raise Refused(C.R_NOT_VOIDABLE)
        self._take(event, c)
        event.phase = event.result = C.PH_VOIDED
        self.emit(0, Row(kind=C.E_VOIDED, order=event.id, price=event.window_end, qty=event.version, cum=c.trigger))
        for contract in event.contracts:
            for side in (C.BUY, C.SELL):
                sign = -1 if side == C.BUY else 1
                resting = [o for o in self.open if o.instrument == contract and o.book_side == side]
                for order in sorted(resting, key=lambda o: (sign * o.price, o.rank)):
                    self._close(order, C.E_CANCELED, C.ST_CANCELED, C.R_MARKET_VOIDED, C.EF_UNSOLICITED)

    # ------------------------------------------------------------------------------------------------ prices for a void
    def note_prices(self, now: int) -> None:
        """Time moves on to `now`: until then each contract had the price that it has at this moment."""
        for event in self.events.values():
            for contract in event.contracts if event.mids else ():
                self.prices.setdefault(contract, []).append((self.now // MICROSECOND, now // MICROSECOND, self.twice_the_price(contract)))

    def twice_the_price(self, contract: int) -> int:
        """Twice the mid; of a book without bids or without asks twice the last trade, 0: it never traded."""
        bid, ask = self.best(contract, C.BUY), self.best(contract, C.SELL)
        return bid + ask if bid is not None and ask is not None else 2 * self.instruments[contract].last

    def price_sums(self, contract: int, end: int) -> tuple[int, int]:
        """(sum of twice the price times microseconds, microseconds with a price) of the ten minutes before `end`."""
        total = weight = 0
        since = self.now // MICROSECOND
        for begin, until, twice in [*self.prices.get(contract, []), (since, max(since, end), self.twice_the_price(contract))]:
            span = min(until, end) - max(begin, end - WINDOW)
            if span > 0 and twice:
                total += span * twice
                weight += span
        return total, weight

    def price_state(self) -> dict[int, Any]:
        """The sums before each of the last three whole minutes, of contracts whose event keeps them."""
        last = self.now // MICROSECOND // MINUTE * MINUTE
        wanted = [contract for event in self.events.values() if event.mids for contract in event.contracts]
        return {contract: [self.price_sums(contract, last - i * MINUTE) for i in range(3)] for contract in wanted}
