"""The naive exchange pays: each account in turn, a few steps at a time, the event closed to commands meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protocol import codes as C
from tests.model_results import Results
from tests.model_world import Account, Ahead, Event, Refused, Row

REPORT = 16  # steps of a report; looking at a contract of an account is one


class Settlement(Results):
    """An event that is being paid is a generator: each `next` is a piece of work, and gives its steps."""

    reversed_row: Callable[..., None]
    cover: Callable[..., int]
    note_shortage: Callable[..., None]
    sweep: Callable[..., None]
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

    # ------------------------------------------------------------------------------------------------ one contract ahead of its group
    def _ahead(self, c: Row) -> None:
        """A contract is determined (at 0 or P), withdrawn, or paid; the rest of the group goes on without it."""
        event = self.commanded(c.event)
        if event.product == C.SPOT:
            raise Refused(C.R_UNKNOWN_EVENT)
        if c.instrument not in event.contracts:
            raise Refused(C.R_OUTCOME_UNKNOWN)
        if event.phase not in (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED):
            raise Refused(C.R_NOT_AHEAD)
        known = event.ahead.get(c.instrument)
        if known and known.phase == C.PH_FINAL:
            raise Refused(C.R_ALREADY_FINAL)
        if c.act == C.AHEAD_DETERMINE:
            return self._determine_ahead(event, c)
        if not known or c.version != known.version:
            raise Refused(C.R_NOT_DETERMINED)
        if c.act == C.AHEAD_WITHDRAW:
            del event.ahead[c.instrument]
            self.tell_ahead(event, c.instrument, known, event.phase)
            return None
        if c.act in (C.AHEAD_DISPUTE, C.AHEAD_UPHOLD):
            return self._contest_ahead(event, c, known)
        if known.phase == C.PH_DISPUTED:
            raise Refused(C.R_AHEAD_DISPUTED)
        if self.now < known.until:
            raise Refused(C.R_CHALLENGE_WINDOW)
        if self._uncovered(event, c.instrument, known):
            raise Refused(C.R_AHEAD_UNCOVERED)
        known.phase, known.waiting, event.paying_ahead = C.PH_FINAL, set(event.touched), c.instrument
        return self.begin(event, self._pay_ahead(event, c.instrument, known), c.slice)

    def _contest_ahead(self, event: Event, c: Row, known: Ahead) -> None:
        if c.act == C.AHEAD_DISPUTE:
            if self.now >= known.until:
                raise Refused(C.R_DISPUTE_LATE)
            if not any(a.firm == c.firm and any(a.position.get(i) for i in event.contracts) for a in self.accounts.values() if a.firm):
                raise Refused(C.R_NO_PARTY)
            known.phase = C.PH_DISPUTED
        else:
            if known.phase != C.PH_DISPUTED:
                raise Refused(C.R_NOT_DISPUTED)
            known.phase, known.until = C.PH_DETERMINED, self.now
        self.tell_ahead(event, c.instrument, known, known.phase)

    def _uncovered(self, event: Event, contract: int, known: Ahead) -> bool:
        """Whether an account's buying power would fall: it is short in the winner, and the rest is worth something to it for certain."""
        before = {number: self.required(number, event) for number in event.touched}
        known.phase = C.PH_FINAL
        after = {number: self.required(number, event) for number in event.touched}
        known.phase = C.PH_DETERMINED
        gets = {n: self.accounts[n].position.get(contract, 0) * known.payout * event.tick_value for n in event.touched}
        return any(gets[n] < after[n] - before[n] for n in event.touched)

    def _determine_ahead(self, event: Event, c: Row) -> None:
        if c.version != event.version + 1:
            raise Refused(C.R_RESULT_VERSION)
        if c.payout not in (0, event.payout):
            raise Refused(C.R_PAYOUT_RANGE)
        paid = {i: a.payout for i, a in event.ahead.items()} | {c.instrument: c.payout}
        left, winners = len(event.contracts) - len(paid), event.k - sum(x == event.payout for x in paid.values())
        if not (0 < winners < left if event.product == C.EXACTLY else event.product == C.AT_MOST and winners > 0 and left > 0):
            raise Refused(C.R_AHEAD_DECIDES)
        event.version += 1
        known = event.ahead[c.instrument] = Ahead(C.PH_DETERMINED, c.payout, event.version, self.now + event.window)
        self.tell_ahead(event, c.instrument, known, C.PH_DETERMINED)
        self.sweep([c.instrument], C.R_CONTRACT_DECIDED)

    def tell_ahead(self, event: Event, contract: int, known: Ahead, phase: int) -> None:
        row = Row(kind=C.E_AHEAD, instrument=contract, order=event.id, price=known.until, qty=known.version, cum=known.payout, leaves=phase)
        self.emit(0, row)

    def _pay_ahead(self, event: Event, contract: int, known: Ahead) -> Iterator[int]:
        for number in event.touched:
            account = self.accounts[number]
            power = account.cash.get(event.asset, 0) - self.locked(number, event.asset)
            qty = account.position.pop(contract, 0)
            if qty:
                self._settle(event, account, contract, known.payout, qty, known.version)
            known.waiting.discard(number)
            assert account.cash.get(event.asset, 0) - self.locked(number, event.asset) >= power, "buying power fell"
            if event.asset in account.short:
                self.note_shortage(account, event.asset)
            yield len(event.contracts) + (REPORT if qty else 0)
        event.paying_ahead = 0
        self.tell_ahead(event, contract, known, C.PH_FINAL)

    # ------------------------------------------------------------------------------------------------ pieces of work
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
                    total += self._settle(event, account, contract, payout, qty, event.version)
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

    def _settle(self, event: Event, account: Account, contract: int, payout: int, qty: int, version: int) -> int:
        amount = payout * qty * event.tick_value
        self.pay(account, event.asset, amount)
        event.pool -= amount
        event.settled[account.id, contract] = qty
        row = Row(kind=C.E_SETTLED, account=account.id, instrument=contract, price=payout, qty=qty, last_price=amount)
        row.update(last_qty=account.cash[event.asset], leaves=version, order=event.id, spare=event.asset, why=C.WHY_SETTLEMENT)
        session = self.sessions.get(account.session)
        self.emit(session.id if session and session.settlement else 0, row)
        return amount
