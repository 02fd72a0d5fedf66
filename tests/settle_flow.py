"""Flows that end: markets trade for a while, are closed, paid in slices, corrected again and again, and their debts recovered, while accounts
take their money away. The same shape as tests/random_world.py: `late_flow(seed, length)`."""

from __future__ import annotations

import random

from protocol import codes as C
from tests.model import Model
from tests.model_world import Row
from tests.random_world import BOND, Generator, World, make_world

TRADING_PART = 0.45  # of a flow


class Late(Generator):
    """After its first part it closes what is open, pays, and puts right."""

    late = False

    def command(self) -> Row:
        rng, m = self.rng, self.model
        if m.settling and rng.random() < 0.5:
            return self.go_on()
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
        return rng.choices((self.reverse, self.drain, self.transfer, self.new, super().command), (8, 6, 1, 1, 2))[0]()

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
        model.apply(command)
    return world, commands
