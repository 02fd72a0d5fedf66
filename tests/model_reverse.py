"""The naive exchange puts a result right after it was paid: what accounts owe, who stands for it, what stays blocked (domain.md section 7).

`gap` is what an event's pool lacks for all claims on it to be money: the debts of accounts, less what bond and platform paid for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from protocol import codes as C
from tests.model_settle import REPORT, Settlement
from tests.model_world import Account, Event, Refused, Row

PLATFORM = 1


def largest_remainder(amount: int, weights: dict[int, int]) -> dict[int, int]:
    """`amount` in proportion to the weights, all of it; the first of equal remainders wins."""
    whole = sum(weights.values())
    parts = {key: amount * weight // whole for key, weight in weights.items()}
    order = sorted(weights, key=lambda key: -(amount * weights[key] % whole))
    for key in order[: amount - sum(parts.values())]:
        parts[key] += 1
    return parts


class Reversal(Settlement):
    def _reverse(self, c: Row) -> None:
        """A correction (with payouts) or a recovery (without)."""
        event = self.commanded(c.event)
        if event.product == C.SPOT:
            raise Refused(C.R_UNKNOWN_EVENT)
        if event.phase != C.PH_FINAL:
            raise Refused(C.R_NOT_FINAL)
        if c.payouts and event.elsewhere:
            raise Refused(C.R_PAID_ELSEWHERE)
        payouts = list(c.payouts or event.payouts)
        if c.payouts:
            self.check_payouts(event, c)
            differs = {i: new - old for i, new, old in zip(event.contracts, payouts, event.payouts)}
            total = sum(qty * differs[i] for (_, i), qty in event.settled.items())
            if event.product == C.EXACTLY and any(differs[i] for i in event.ahead) and total:
                raise Refused(C.R_AHEAD_DIFFERS)
            if payouts == event.payouts:
                raise Refused(C.R_SAME_RESULT)
            event.version += 1
        elif not sum(event.owed.values()):
            raise Refused(C.R_NOTHING_OWED)
        self.begin(event, self._correct(event, payouts, c.bond), c.slice)

    # ------------------------------------------------------------------------------------------------ pieces of a reversal
    def free(self, account: int, event: Event) -> int:
        """What an account can pay of its debts: cash that backs nothing else. Its blocked credit of the same event is for that."""
        cash = self.accounts[account].cash.get(event.asset, 0)
        debts = sum(e.owed.get(account, 0) for e in self.events.values() if e.asset == event.asset)
        return max(0, cash - (self.locked(account, event.asset) - debts - event.blocked.get(account, 0)))

    def owes(self, event: Event, account: Account, due: int, at_most: int) -> int:
        """The account owes `due` more; it pays of all it owes what it can, at most so much. Returns what it pays."""
        event.owed[account.id] = event.owed.get(account.id, 0) + due
        pays = min(event.owed[account.id], at_most, self.free(account.id, event))
        event.owed[account.id] -= pays
        event.blocked[account.id] = event.blocked.get(account.id, 0) - min(pays, event.blocked.get(account.id, 0))
        return pays

    def reversed_row(self, event: Event, account: Account, amount: int, why: int, contract: int = 0, **more: int) -> None:
        """The amount moves between the pool and the account, and is told."""
        self.pay(account, event.asset, amount)
        event.pool -= amount
        row = Row(kind=C.E_REVERSED, account=account.id, order=event.id, instrument=contract, leaves=event.version, last_price=amount)
        row.update(last_qty=account.cash.get(event.asset, 0), spare=event.asset, why=why)
        row.update(notional=event.owed.get(account.id, 0), fee=event.blocked.get(account.id, 0), **more)
        session = self.sessions.get(account.session)
        self.emit(session.id if session and session.settlement else 0, row)

    def worth(self, event: Event) -> int:
        return self.undecided(event)[1] * event.payout * event.tick_value * event.sets if event.product == C.EXACTLY else 0

    def cover(self, event: Event, gains: int, bond: int, kept: int = 0) -> int:
        """Bond and platform stand in for what the pool lacks, or get back what they paid. Returns what is to be blocked (negative: what of the
        blocked credits is money now)."""
        lacks = self.worth(event) + gains - event.pool - kept
        blocked = sum(event.blocked.values())
        if lacks >= 0:
            for number, side in ((bond, "from_bond"), (PLATFORM, "from_platform")):
                if number:
                    account = self.accounts[number]
                    part = min(lacks, max(0, account.cash.get(event.asset, 0)))
                    if part:
                        setattr(event, side, getattr(event, side) + part)
                        lacks -= part
                        self.reversed_row(event, account, -part, C.WHY_COVER)
            return lacks + kept - blocked
        rest = -lacks
        for number, side in ((PLATFORM, "from_platform"), (bond, "from_bond")):
            part = min(rest, getattr(event, side))
            if part:
                setattr(event, side, getattr(event, side) - part)
                rest -= part
                self.reversed_row(event, self.accounts[number], part, C.WHY_COVER)
        assert rest == 0
        return -blocked

    # ------------------------------------------------------------------------------------------------ the whole event
    def _correct(self, event: Event, payouts: list[int], bond: int) -> Iterator[int]:
        event.bond = bond or event.bond
        gains: dict[int, int] = {}
        for number in event.touched:  # who owes, pays
            account, total = self.accounts[number], sum(self.differences(event, payouts, number))
            if total > 0:
                repaid = min(total, event.owed.get(number, 0))
                event.owed[number] = event.owed.get(number, 0) - repaid
                gains[number] = total - repaid
            pays = self.owes(event, account, max(0, -total), 1 << 62)
            amount = -pays - min(total, 0)
            if amount:
                self.reversed_row(event, account, amount, C.WHY_OWED if amount > 0 else C.WHY_RECOVERY)
            steps = len(event.contracts) + (REPORT if amount else 0)
            yield steps + (self.rows(event, payouts, account) if total < 0 else 0)
        yield from self.give(event, payouts, gains, self.cover(event, sum(gains.values()), event.bond))
        assert event.pool == self.worth(event) - sum(event.blocked.values())
        if payouts != event.payouts:
            event.payouts = payouts
            self.emit(0, Row(kind=C.E_FINAL, order=event.id, qty=event.version))

    def differences(self, event: Event, payouts: list[int], number: int) -> list[int]:
        """What the account gets more, by contract."""
        change = [new - old for old, new in zip(event.payouts, payouts)]
        return [x * event.settled.get((number, c), 0) * event.tick_value for c, x in zip(event.contracts, change)]

    def rows(self, event: Event, payouts: list[int], account: Account) -> int:
        """Each contract's difference is booked; the steps."""
        steps = 0
        for contract, new, old, amount in zip(event.contracts, payouts, event.payouts, self.differences(event, payouts, account.id)):
            if amount:
                qty = event.settled[account.id, contract]
                self.reversed_row(event, account, amount, C.WHY_CORRECTION, contract, price=new, cum=old, qty=qty)
            steps += REPORT + 1 if amount else 1
        return steps

    def give(self, event: Event, payouts: list[int], gains: dict[int, int], left: int) -> Iterator[int]:
        """Who gains, is paid; `left` of it is blocked (negative: so much of the blocked credits is freed)."""
        weights = {number: gains.get(number, 0) if left > 0 else event.blocked.get(number, 0) for number in event.touched}
        shares = dict.fromkeys(weights, 0)
        if left:
            shares = largest_remainder(abs(left), weights)
            for _ in event.touched:
                yield 4
            floors = sum(abs(left) * weight // sum(weights.values()) for weight in weights.values())
            if floors != abs(left):
                for _ in range(sum(weights.values()).bit_length()):
                    for _ in event.touched:
                        yield 1
        for number in event.touched:
            account, total = self.accounts[number], sum(self.differences(event, payouts, number))
            told = shares[number] != 0
            if told:
                event.blocked[number] = event.blocked.get(number, 0) + (shares[number] if left > 0 else -shares[number])
                self.reversed_row(event, account, 0, C.WHY_RECOVERY if left < 0 else C.WHY_CORRECTION)
            repaid = total - gains.get(number, 0) if total > 0 else 0
            if repaid:
                self.reversed_row(event, account, -repaid, C.WHY_RECOVERY)
            steps = len(event.contracts) + (REPORT if told else 0) + (REPORT if repaid else 0)
            steps += self.rows(event, payouts, account) if total >= 0 else 0
            if told:
                self.note_shortage(account, event.asset)
            yield steps

    def note_shortage(self, account: Account, asset: int) -> None:
        """Whether it has less cash than is locked, other than by debts: only a bust leads to it, and money that comes in ends it."""
        debts = sum(e.owed.get(account.id, 0) for e in self.events.values() if e.asset == asset)
        account.short.discard(asset)
        if account.cash.get(asset, 0) < self.locked(account.id, asset) - debts:
            account.short.add(asset)

    # ------------------------------------------------------------------------------------------------ one trade
    def _bust(self, c: Row) -> None:
        """`legs`: the events of the trade's fills. All comes back: positions, money, fees, rebates, shares of fees. With `qty` the trade is booked
        again, at `price` (YES ticks)."""
        event = self.commanded(c.event)
        if event.phase == C.PH_FINAL:
            raise Refused(C.R_BUST_FINAL)
        if len(c.legs) < 2 or any(leg.trade != c.trade or leg.instrument not in event.contracts for leg in c.legs):
            raise Refused(C.R_UNKNOWN_TRADE)
        if any(leg.instrument in event.ahead and event.ahead[leg.instrument].phase == C.PH_FINAL for leg in c.legs):
            raise Refused(C.R_BUST_FINAL)
        if any(leg.instrument == source and leg.number < at for leg in c.legs for source, at in event.splits):
            raise Refused(C.R_BUST_SPLIT)
        again = self._booked_again(event, c) if c.qty else [None] * len(c.legs)
        if event.product == C.SPOT:
            self._check_spot_bust(event, c, again)
        event.bond = c.bond or event.bond
        event.busts += 1
        dues = []
        for sign, side in ((1, c.legs), (-1, again)):
            for leg in filter(None, side):
                self._move_back(event, leg, sign)
        for leg, new in zip(c.legs, again):
            dues.append(self._due(event, leg) - (self._due(event, new) if new else 0))
        nets = self._net_fees(c.legs), self._net_fees([new for new in again if new])
        for i, leg in enumerate(c.legs):
            change, now = nets[0][i], nets[1][i] if c.qty else 0
            owner, venue, before = leg.terms & 0x3FFF, leg.terms >> 14 & 0x3FFF, leg.terms >> 28
            parts = [(before + change) * share // 10_000 - (before + now) * share // 10_000 for share in (owner, venue)]
            change -= now
            for number, part in ((c.owner_account, parts[0]), (c.venue_account, parts[1]), (PLATFORM, change - sum(parts))):
                if part:
                    self.pay(self.accounts[number], event.asset, -part)
                    event.pool += part
        for leg, new, due in zip(c.legs, again, dues):
            if due < 0:
                account = self.accounts[leg.account]
                owed = -due - self.owes(event, account, -due, -due)
                if owed:
                    self.reversed_row(event, account, owed, C.WHY_OWED)
                self.bust_row(event, leg, due, new)
        gains = {i: max(due, 0) for i, due in enumerate(dues)}
        left = self.cover(event, sum(gains.values()), event.bond, sum(event.blocked.values()))
        shares = largest_remainder(left, gains) if left else dict.fromkeys(gains, 0)
        for i, (leg, new, due) in enumerate(zip(c.legs, again, dues)):
            account = self.accounts[leg.account]
            if due >= 0:
                if shares[i]:
                    event.blocked[account.id] = event.blocked.get(account.id, 0) + shares[i]
                    self.reversed_row(event, account, 0, C.WHY_CORRECTION)
                self.bust_row(event, leg, due, new)
            self.note_shortage(account, event.asset)

    def _buys(self, leg: Row) -> bool:
        return (leg.side == C.BUY) != (leg.contract_side == C.NO)

    def _yes_price(self, event: Event, leg: Row) -> int:
        return event.payout - leg.last_price if leg.contract_side == C.NO else leg.last_price

    def _due(self, event: Event, leg: Row) -> int:
        """What a fill took from its account."""
        return (1 if self._buys(leg) else -1) * self._yes_price(event, leg) * leg.last_qty * event.tick_value + leg.fee

    def _net_fees(self, legs: list[Row]) -> list[int]:
        """Of each leg what those who share its fee had to share: the taker's is without the rebates."""
        rebates = sum(min(leg.fee, 0) for leg in legs)
        return [max(leg.fee, 0) + (rebates if leg.flags & C.EF_TAKER else 0) for leg in legs]

    def _move_back(self, event: Event, leg: Row, sign: int) -> None:
        account, lots = self.accounts[leg.account], sign * (leg.last_qty if self._buys(leg) else -leg.last_qty)
        if event.product == C.SPOT:
            self.pay(account, event.base_asset, -lots * event.lot_base)
        else:
            account.position[leg.instrument] = account.position.get(leg.instrument, 0) - lots

    def _booked_again(self, event: Event, c: Row) -> list[Row]:
        """The legs as they would be at other terms."""
        first = c.legs[0]
        if len(c.legs) != 2 or first.instrument != c.legs[1].instrument:
            raise Refused(C.R_TRADE_CROSS)
        if not 0 < c.qty <= first.last_qty:
            raise Refused(C.R_QTY_TOO_LARGE)
        inst = self.instruments[first.instrument]
        if c.qty % inst.lot:
            raise Refused(C.R_QTY_LOT)
        was = self._yes_price(event, first)
        if c.price != was and not inst.on_grid(c.price):
            raise Refused(C.R_PRICE_OFF_GRID)
        if (c.price, c.qty) == (was, first.last_qty):
            raise Refused(C.R_TRADE_SAME)

        def charged(price: int, qty: int) -> int:
            per_lot = {C.FEE_NOTIONAL: price, C.FEE_QUADRATIC: price * (event.payout - price), C.FEE_MIN: min(price, event.payout - price)}
            return per_lot[c.model] * qty

        again = []
        for leg in c.legs:
            fee = abs(leg.fee) * charged(c.price, c.qty)
            whole = charged(was, leg.last_qty)
            price = event.payout - c.price if leg.contract_side == C.NO else c.price
            again.append(Row({**leg, "last_price": price, "last_qty": c.qty, "fee": -(-fee // whole) if leg.fee > 0 else -(fee // whole)}))
        return again

    def _check_spot_bust(self, event: Event, c: Row, again: list[Row | None]) -> None:
        """Who has to give something must have it free."""
        for leg, new in zip(c.legs, again):
            lots = leg.last_qty - (new.last_qty if new else 0)
            due, base = self._due(event, leg) - (self._due(event, new) if new else 0), -lots * event.lot_base if leg.side == C.BUY else 0
            for asset, amount in ((event.asset, due), (event.base_asset, base)):
                free = self.accounts[leg.account].cash.get(asset, 0) - self.locked(leg.account, asset)
                if amount < 0 and free < -amount:
                    raise Refused(C.R_BUST_SPENT)

    def bust_row(self, event: Event, leg: Row, due: int, new: Row | None) -> None:
        account = self.accounts[leg.account]
        self.pay(account, event.asset, due)
        event.pool -= due
        row = Row({name: value for name, value in leg.items() if name not in ("number", "session_number", "previous", "terms", "expiry")})
        row.update(kind=C.E_BUST, flags=leg.flags | C.EF_UNSOLICITED, due=due, bust_of=leg.number)
        row.update(balance=account.cash[event.asset])
        if new:
            row.update(kind=C.E_CORRECTED, last_price=new.last_price, last_qty=new.last_qty, fee=new.fee)
            row.update(was_price=leg.last_price, was_qty=leg.last_qty, cum=leg.cum - leg.last_qty + new.last_qty)
            row.update(notional=leg.notional - leg.last_price * leg.last_qty + new.last_price * new.last_qty)
        self.emit(leg.session, row)
