"""Flows that end: markets trade for a while, are closed, paid in slices, corrected again and again, and their debts recovered, while accounts
take their money away. The same shape as tests/random_world.py: `late_flow(seed, length)`."""

from __future__ import annotations

import random

from protocol import codes as C
from tests.bridge import plain
from tests.model import Model
from tests.model_world import Row
from tests.random_world import BOND, OWNER_FEES, VENUE_FEES, Generator, World, make_world

TRADING_PART = 0.45  # of a flow


class Late(Generator):
    """After its first part it closes what is open, pays, and puts right."""

    late = False

    def __init__(self, rng: random.Random, model: Model) -> None:
        super().__init__(rng, model)
        self.trades: dict[int, list[Row]] = {}
        self.taken: set[int] = set()

    def note(self, events: list[Row]) -> None:
        """Remember the fills of each trade, as they were told."""
        for event in events:
            if event.kind == C.E_FILL:
                self.trades.setdefault(event.trade, []).append(plain(event))
            if event.kind == C.E_CORRECTED:  # the fill as it is now: it may be corrected again, or taken back
                legs = self.trades[event.trade]
                i = next(i for i, leg in enumerate(legs) if leg.number == event.bust_of)
                now = {name: event[name] for name in ("number", "last_price", "last_qty", "fee", "cum", "notional") if event[name]}
                legs[i] = plain(Row({**legs[i], "fee": 0, **now}))
                self.taken.discard(event.trade)

    def command(self) -> Row:
        rng, m = self.rng, self.model
        if m.settling and rng.random() < 0.5:
            return self.go_on()
        if not self.late and self.trades and rng.random() < 0.06:
            return self.bust()
        if not self.late:
            return self.sets() if rng.random() < 0.1 else self.new() if rng.random() < 0.85 else super().command()
        going = [e for e in m.events.values() if e.phase in (C.PH_OPEN, C.PH_PAUSED, C.PH_CANCEL_ONLY) and e.product != C.SPOT]
        if going and rng.random() < 0.3:
            return Row(kind=C.C_PHASE, event=rng.choice(going).id, phase=C.PH_CLOSED)
        if (
            any(e.phase in (C.PH_CLOSED, C.PH_DETERMINED, C.PH_VOIDED, C.PH_DISPUTED) and e.product != C.SPOT for e in m.events.values())
            and rng.random() < 0.5
        ):
            return self.settle() if rng.random() < 0.8 else self.time()
        return rng.choices((self.reverse, self.drain, self.bust, self.transfer, self.new, super().command), (8, 6, 2, 1, 1, 2))[0]()

    def bust(self) -> Row:
        """A trade is taken back, mostly one that happened and was not taken back yet."""
        rng = self.rng
        fresh = [trade for trade in self.trades if trade not in self.taken]
        trade = rng.choice(fresh[-12:]) if fresh and rng.random() < 0.95 else rng.randint(0, 5)
        legs = self.trades.get(trade, [])
        self.taken.add(trade)
        event = self.model.event_of(legs[0].instrument).id if legs else 1
        terms = {}
        if legs and rng.random() < 0.4:
            first = legs[0]
            price = self.model.events[event].payout - first.last_price if first.contract_side == C.NO else first.last_price
            terms = {"price": price + rng.choice((0, 0, 1, -1, 7)), "qty": max(1, first.last_qty - rng.choice((0, 0, 1, 3, -1)))}
            terms["model"] = C.FEE_NOTIONAL if self.model.events[event].product == C.SPOT else C.FEE_QUADRATIC
        return Row(
            **terms,
            kind=C.C_BUST,
            event=event,
            trade=trade,
            legs=legs,
            bond=rng.choice((0, BOND)),
            owner_account=OWNER_FEES,
            venue_account=VENUE_FEES,
        )

    def drain(self) -> Row:
        """An account, or one that stands in for others, takes all or most of its money away; sometimes a debtor gets new money."""
        rng, m = self.rng, self.model
        debtors = [a for e in m.events.values() for a, owed in e.owed.items() if owed]
        if debtors and rng.random() < 0.3:
            return Row(kind=C.C_TRANSFER, target=rng.choice(debtors), asset=1, amount=rng.choice((1, 50, 3000)))
        number = rng.choice([a.id for a in m.accounts.values() if a.kind == C.ACCT_TRADING] + [1, BOND])
        free = m.accounts[number].cash.get(1, 0) - m.locked(number, 1)
        return Row(kind=C.C_TRANSFER, source=number, asset=1, amount=max(1, free - rng.choice((0, 0, 0, 3, 40))))


def late_flow(seed: int, length: int) -> tuple[World, list[Row]]:
    """The world of a seed and `length` commands."""
    rng = random.Random(seed)
    world = make_world(rng)
    model = Model(world.limits, world.retention_ns)
    for row in world.rows:
        model.apply(row)
    generator = Late(rng, model)
    commands = []
    for i in range(length):
        generator.late = i >= TRADING_PART * length
        command = generator.command()
        commands.append(command)
        generator.note(model.apply(command))
    return world, commands
