"""Money that is set aside: one row for each hold, and for each withdrawal that was requested.

The money of all open holds lies in one account of the platform (HOLDS_ACCOUNT), which nobody can name: a hold is a transfer into it, the end of a
hold one out of it. So the ledger's proofs cover held money like any other, and an order or withdrawal cannot reach it. To its owner it is still
part of the balance.
"""

from collections.abc import Iterator
from typing import Literal

import msgspec
from sortedcontainers import SortedList

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
        self._rows: dict[int, Hold] = {}
        self._open: dict[int, dict[int, Hold]] = {}  # account id: its open holds by number
        self._due: SortedList = SortedList()  # (until_ns, number) of open holds that end by themselves

    def put(self, hold: Hold) -> None:
        """Add a hold, or replace the one with the same number."""
        old = self._rows.get(hold.id)
        if old is not None and not old.ended:
            self._forget(old)
        self._rows[hold.id] = hold
        if not hold.ended:
            self._open.setdefault(hold.account, {})[hold.id] = hold
            if hold.until_ns:
                self._due.add((hold.until_ns, hold.id))

    def _forget(self, hold: Hold) -> None:
        del self._open[hold.account][hold.id]
        if not self._open[hold.account]:
            del self._open[hold.account]
        self._due.discard((hold.until_ns, hold.id))

    def copy(self) -> "Holds":
        other = Holds()
        other._rows, other._due = dict(self._rows), self._due.copy()
        other._open = {account: dict(rows) for account, rows in self._open.items()}
        return other

    @property
    def next_id(self) -> int:
        return len(self._rows) + 1

    def get(self, id: int) -> Hold | None:
        return self._rows.get(id)

    def of(self, account: int) -> list[Hold]:
        """The open holds of an account, oldest first."""
        return list(self._open.get(account, {}).values())

    def held(self, account: int, asset: int) -> int:
        """What is set aside of an account's asset, in minor units."""
        return sum(hold.amount for hold in self._open.get(account, {}).values() if hold.asset == asset)

    def due(self, now_ns: int, count: int) -> list[int]:
        """Numbers of up to `count` open holds whose time has come, the earliest first."""
        return [id for _, id in self._due.irange(maximum=(now_ns, 1 << 62))][:count]

    @property
    def next_due(self) -> int:
        """When the next open hold ends by itself, ns; 0: none does."""
        return int(self._due[0][0]) if self._due else 0

    def __iter__(self) -> Iterator[Hold]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)
