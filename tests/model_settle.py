"""The naive exchange pays: each account in turn, a few steps at a time, the event closed to commands meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocol import codes as C
from tests.model_results import Results
from tests.model_world import Account, Event, Refused, Row

REPORT = 16  # steps of a report; looking at a contract of an account is one


class Settlement(Results):
    """An event that is being paid is a generator: each `next` is a piece of work, and gives its steps."""

    reversed_row: Callable[..., None]
    cover: Callable[..., int]
    note_shortage: Callable[..., None]
    give: Callable[..., Iterator[int]]

    def _finalise(self, c: Row) -> None:
        event = self.commanded(c.event)
        if event.phase == C.PH_FINAL:
            raise Refused(C.R_ALREADY_FINAL)
        if event.phase not in (C.PH_DETERMINED, C.PH_VOIDED) or c.version != event.version:
            raise Refused(C.R_NOT_DETERMINED)
        if self.now < event.window_end:
            raise Refused(C.R_CHALLENGE_WINDOW)
        self.begin(event, self._pay(event), c.slice)

    def _continue(self, c: Row) -> None:
        if self.settling:
            self.go_on(self.settling[0], c.slice)

    def begin(self, event: Event, steps: Iterator[int], budget: int) -> None:
        event.steps = steps
        self.settling.append(event)
        self.go_on(event, budget)

    def go_on(self, event: Event, budget: int) -> None:
        """Pieces of work until the budget (0: without end) is used up; the last one may exceed it."""
        left = budget or 1 << 62
        while left > 0:
            steps = next(event.steps, None)
            if steps is None:
                event.steps = None
                self.settling.remove(event)
                return
            left -= steps

    def _pay(self, event: Event) -> Iterator[int]:
        gains = {}
        for number in event.touched:
            account, total, steps = self.accounts[number], 0, 0
            for contract, payout in zip(event.contracts, event.payouts):
                qty = account.position.pop(contract, 0)
                steps += REPORT + 1 if qty else 1
                if qty:
                    total += self._settle(event, account, contract, payout, qty)
            gains[number] = max(total, 0)
            short = -account.cash.get(event.asset, 0)
            if short > 0:  # after a bust an account may have to pay more than it has
                event.owed[number] = event.owed.get(number, 0) + short
                self.reversed_row(event, account, short, C.WHY_OWED)
                steps += REPORT
            if event.asset in account.short:
                self.note_shortage(account, event.asset)
            yield steps
        event.sets = 0
        if sum(event.owed.values()) != sum(event.blocked.values()) + event.from_bond + event.from_platform:
            yield from self.give(event, event.payouts, gains, self.cover(event, 0, event.bond))
        assert event.pool == -sum(event.blocked.values()), "the pool ends at 0, but for what is blocked"
        event.phase = C.PH_FINAL
        self.emit(0, Row(kind=C.E_FINAL, order=event.id, qty=event.version))

    def _settle(self, event: Event, account: Account, contract: int, payout: int, qty: int) -> int:
        amount = payout * qty * event.tick_value
        self.pay(account, event.asset, amount)
        event.pool -= amount
        event.settled[account.id, contract] = qty
        row = Row(kind=C.E_SETTLED, account=account.id, instrument=contract, price=payout, qty=qty, last_price=amount)
        row.update(last_qty=account.cash[event.asset], leaves=event.version, order=event.id, spare=event.asset, why=C.WHY_SETTLEMENT)
        session = self.sessions.get(account.session)
        self.emit(session.id if session and session.settlement else 0, row)
        return amount
