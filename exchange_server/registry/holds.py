"""Money that is set aside: one row for each hold, and for each withdrawal that was requested.

The money of all open holds lies in one account of the platform (HOLDS_ACCOUNT), which nobody can name: a hold is a transfer into it, the end of a
hold one out of it. So the ledger's proofs cover held money like any other, and an order or withdrawal cannot reach it. To its owner it is still
part of the balance.
"""

from collections.abc import Iterator, MutableMapping
from typing import Literal

import msgspec

from .layer import Layer, fold

HOLDS_ACCOUNT = 2  # defined together with the platform's fee account

HOLD, WITHDRAWAL = "hold", "withdrawal"
RELEASED, EXPIRED, PAID, CANCELLED = "released", "expired", "paid", "cancelled"


class Hold(msgspec.Struct, frozen=True):
    """account, asset: ids. `until_ns`: released by itself then, 0: never. `ended`: how, "" while the money is set aside."""

    id: int
    kind: Literal["hold", "withdrawal"]
    account: int
    asset: int
    amount: int
    key: str
    note: str
    who: str
    at_ns: int
    until_ns: int = 0
    ended: Literal["", "released", "expired", "paid", "cancelled"] = ""
    ended_ns: int = 0


class Holds:
    """All holds by number, from 1 without gaps; iteration is in this order."""

    def __init__(self) -> None:
        self._rows: MutableMapping[int, Hold] = {}
        self._open: MutableMapping[int, tuple[int, ...]] = {}  # account id: numbers of its open holds
        self._timed: MutableMapping[int, int] = {}  # number of an open hold that ends by itself: when
        self._first: int | None = 0  # the earliest of these, 0: none; None: to be looked for

    def put(self, hold: Hold) -> None:
        """Add a hold, or replace the one with the same number."""
        others = tuple(id for id in self._open.get(hold.account, ()) if id != hold.id)
        self._rows[hold.id] = hold
        self._open[hold.account] = others if hold.ended else (*others, hold.id)
        self._first = None
        if hold.until_ns and not hold.ended:
            self._timed[hold.id] = hold.until_ns
        elif hold.id in self._timed:
            del self._timed[hold.id]

    def over(self) -> "Holds":
        """Others with the same rows; what is put there is not put here (layer.py)."""
        other = Holds()
        other._rows, other._open, other._timed, other._first = Layer(self._rows), Layer(self._open), Layer(self._timed), None
        return other

    def fold(self, other: "Holds") -> None:
        """Take over what was put into those that `over` gave."""
        fold(self._rows, other._rows)
        fold(self._open, other._open)
        fold(self._timed, other._timed)
        self._first = None

    @property
    def next_id(self) -> int:
        return len(self._rows) + 1

    def get(self, id: int) -> Hold | None:
        return self._rows.get(id)

    def of(self, account: int) -> list[Hold]:
        """The open holds of an account, oldest first."""
        return [self._rows[id] for id in self._open.get(account, ())]

    def held(self, account: int, asset: int) -> int:
        """What is set aside of an account's asset, in minor units."""
        return sum(hold.amount for hold in self.of(account) if hold.asset == asset)

    def due(self, now_ns: int, count: int) -> list[int]:
        """Numbers of up to `count` open holds whose time has come, the earliest first."""
        return sorted((id for id, at in self._timed.items() if at <= now_ns), key=lambda id: (self._timed[id], id))[:count]

    def ends(self, id: int) -> int:
        """When an open hold ends by itself, ns."""
        return self._timed[id]

    @property
    def next_due(self) -> int:
        """When the next open hold ends by itself, ns; 0: none does."""
        if self._first is None:
            self._first = min(self._timed.values(), default=0)
        return self._first

    def __iter__(self) -> Iterator[Hold]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)
