"""Acts in time: what is to be done, when, and in whose name. A row becomes due, and the turn in which that happens carries it out (gateway/timers.py).
A row about an event that is being settled then waits until its accounts are paid.

Every change of the table is made by a journaled record, so a replay has the same rows and carries them out at the same places.
"""

import bisect
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Literal

import msgspec

from config import admin_records as ar

from .layer import Layer, fold

ENDED_KEPT = 1_000  # rows that have ended; the oldest beyond them are forgotten
MOST = 100_000  # rows that wait
MOST_OF_ONE = 10_000  # of them, put by one asker with `exos schedule add`

How = Literal["", "done", "failed", "cancelled"]


class Scheduled(msgspec.Struct, frozen=True):
    """`at_ns`: when it is due. `who`: in whose name it is done; the rights are judged then. `about`: what it belongs to ("event:NAME"), `kind`: what
    it is for that ("finalise", "open_at", "phase"). `fields`: of the definition in `record` only these change. `ended`: how, "" while it waits;
    `reason`: why it failed or who cancelled it. `waits_for`: the event (id) that was being settled when the row came due, 0: none; the row is
    due again as soon as that is over."""

    id: int
    at_ns: int
    record: ar.AnyRecord
    who: str
    about: str = ""
    kind: str = ""
    note: str = ""
    made_ns: int = 0
    fields: tuple[str, ...] = ()
    ended: How = ""
    ended_ns: int = 0
    reason: str = ""
    waits_for: int = 0


Settling = Callable[[int], bool]  # whether an event (id) is being settled


class Schedule:
    """All rows by number; numbers are never given again. Iteration is in order of number."""

    def __init__(self) -> None:
        self.next_id = 1
        self._rows: MutableMapping[int, Scheduled] = {}
        self._timed: MutableMapping[int, int] = {}  # number of a row that waits: when
        self._about: MutableMapping[str, tuple[int, ...]] = {}  # what rows that wait belong to: their numbers
        self._of: MutableMapping[str, int] = {}  # asker: how many rows wait in its name
        self._held: MutableMapping[int, int] = {}  # number of a row that waits for an event to be settled: which
        self._ended: MutableMapping[int, None] = {}  # numbers of rows that have ended, in that order
        self._order: list[tuple[int, int]] | None = []  # (time, number) of rows that wait for their time, sorted; None: to be made

    # ---- changes: in the commit of an act only
    def put(
        self,
        at_ns: int,
        record: ar.AnyRecord,
        who: str,
        about: str = "",
        kind: str = "",
        note: str = "",
        made_ns: int = 0,
        fields: tuple[str, ...] = (),
    ) -> int:
        """Add a row; returns its number. at_ns: exchange time, ns since the epoch."""
        id, self.next_id = self.next_id, self.next_id + 1
        self._wait(Scheduled(id, at_ns, record, who, about, kind, note, made_ns, fields))
        return id

    def _wait(self, row: Scheduled) -> None:
        self._rows[row.id] = row
        self._timed[row.id] = row.at_ns
        self._about[row.about] = (*self._about.get(row.about, ()), row.id)
        self._of[row.who] = self._of.get(row.who, 0) + 1
        if row.waits_for:
            self._held[row.id] = row.waits_for
        elif self._order is not None:
            bisect.insort(self._order, (row.at_ns, row.id))

    def hold(self, id: int, event: int) -> None:
        """The row is due, and its event (id) is being settled: it is due again when that is over."""
        row = self._rows[id]
        if self._order is not None and not row.waits_for:
            del self._order[bisect.bisect_left(self._order, (row.at_ns, id))]
        self._rows[id] = msgspec.structs.replace(row, waits_for=event)
        self._held[id] = event

    def end(self, id: int, how: How, now_ns: int, reason: str = "") -> None:
        """The row is done, has failed or is cancelled. A row that has ended already gets the new end."""
        row = self._rows[id]
        if not row.ended:
            del self._timed[id]
            others = tuple(other for other in self._about[row.about] if other != id)
            if others:
                self._about[row.about] = others
            else:
                del self._about[row.about]
            self._of[row.who] -= 1
            if not self._of[row.who]:
                del self._of[row.who]
            if row.waits_for:
                del self._held[id]
            elif self._order is not None:
                del self._order[bisect.bisect_left(self._order, (row.at_ns, id))]
        self._rows[id] = msgspec.structs.replace(row, ended=how, ended_ns=now_ns, reason=reason, waits_for=0)
        self._ended[id] = None
        if len(self._ended) > ENDED_KEPT:
            oldest = next(iter(self._ended))
            del self._ended[oldest], self._rows[oldest]

    def cancel_for(self, about: str, kind: str = "", now_ns: int = 0, reason: str = "") -> list[int]:
        """Cancel the rows that wait for a thing: those of one kind, or all; returns their numbers."""
        ids = [row.id for row in self.waiting_for(about) if kind in ("", row.kind)]
        for id in ids:
            self.end(id, "cancelled", now_ns, reason)
        return ids

    # ---- look-ups
    def get(self, id: int) -> Scheduled | None:
        return self._rows.get(id)

    def waiting_for(self, about: str) -> list[Scheduled]:
        """The rows that wait for a thing, by (time, number)."""
        return sorted((self._rows[id] for id in self._about.get(about, ())), key=lambda row: (row.at_ns, row.id))

    def all_waiting(self) -> list[Scheduled]:
        """The rows that wait, by (time, number)."""
        return [self._rows[id] for _, id in sorted((at, id) for id, at in self._timed.items())]

    def of(self, who: str) -> int:
        """How many rows wait in somebody's name."""
        return self._of.get(who, 0)

    def waiting(self) -> int:
        return len(self._timed)

    def _ordered(self) -> list[tuple[int, int]]:
        if self._order is None:
            self._order = sorted((at, id) for id, at in self._timed.items() if id not in self._held)
        return self._order

    @property
    def held(self) -> bool:
        """Whether a row waits for its event to be settled."""
        return bool(self._held)

    def free(self, settling: Settling) -> list[tuple[int, int]]:
        """(time, number) of the rows that waited for an event that is settled by now, the earliest first."""
        closed = {event for event in set(self._held.values()) if settling(event)}
        return sorted((self._timed[id], id) for id, event in self._held.items() if event not in closed)

    def due(self, now_ns: int, count: int) -> list[tuple[int, int]]:
        """(time, number) of up to `count` rows whose time has come, the earliest first; without those that wait for an event."""
        order = self._ordered()
        return order[: min(count, bisect.bisect_right(order, (now_ns, self.next_id)))]

    @property
    def next_due(self) -> int:
        """When the next row is due, ns; 0: none waits for its time."""
        order = self._ordered()
        return order[0][0] if order else 0

    def __iter__(self) -> Iterator[Scheduled]:
        return iter(sorted(self._rows.values(), key=lambda row: row.id))

    def __len__(self) -> int:
        return len(self._rows)

    # ---- trials (layer.py) and snapshots
    def over(self) -> "Schedule":
        """Another one with the same rows; what is put there is not put here."""
        other = Schedule()
        other.next_id, other._order = self.next_id, None
        other._rows, other._timed, other._about = Layer(self._rows), Layer(self._timed), Layer(self._about)
        other._of, other._held, other._ended = Layer(self._of), Layer(self._held), Layer(self._ended)
        return other

    def fold(self, other: "Schedule") -> None:
        """Take over what was done to one that `over` gave."""
        assert isinstance(other._timed, Layer)
        assert isinstance(other._held, Layer)
        if other._timed.own or other._timed.gone or other._held.own:
            self._order = None
        fold(self._rows, other._rows)
        fold(self._timed, other._timed)
        fold(self._about, other._about)
        fold(self._of, other._of)
        fold(self._held, other._held)
        fold(self._ended, other._ended)
        self.next_id = other.next_id

    def to_list(self) -> list[Scheduled]:
        """All rows, for a snapshot: those that have ended in that order, then those that wait by number."""
        return [*(self._rows[id] for id in self._ended), *(self._rows[id] for id in sorted(self._timed))]

    @classmethod
    def from_list(cls, rows: Iterable[Scheduled], next_id: int) -> "Schedule":
        made = cls()
        made.next_id = next_id
        for row in rows:
            if row.ended:
                made._rows[row.id] = row
                made._ended[row.id] = None
            else:
                made._wait(row)
        return made
