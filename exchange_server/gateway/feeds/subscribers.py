"""Who takes which books. Connections with the same subscription form a group, so that a turn's bytes are put together once for all of them.

A connection whose subscription is changing has a group of its own. `settle`, called once a turn, puts it into the group of its equals in the
first turn in which it has not changed; so the snapshots of a large subscription, which take several turns, cost nothing extra.
"""

from collections.abc import Iterator

import numpy as np

from ..connection import Connection


class Group:
    """Connections with the same instruments. While `settled`, `instruments` does not change, only `members` do."""

    __slots__ = ("changed", "instruments", "members", "settled")

    def __init__(self, members: dict[Connection, None], instruments: set[int]) -> None:
        self.members = members
        self.instruments = instruments
        self.settled = False
        self.changed = True  # since the last `settle`


class Subscribers:
    """Subscriptions to books. wanted: by instrument, 1 if anyone takes it (for wires/feeds.py: updates)."""

    def __init__(self, capacity: int) -> None:
        """capacity: rows of the table of instruments."""
        self.wanted = np.zeros(capacity, dtype=np.uint8)
        self._groups: dict[int, dict[Group, None]] = {}  # by instrument
        self._group_of: dict[Connection, Group] = {}
        self._settled: dict[frozenset[int], Group] = {}
        self._loose: dict[Group, None] = {}

    def __bool__(self) -> bool:
        """Does anyone take a book?"""
        return bool(self._groups)

    @property
    def books(self) -> int:
        """Books that someone takes."""
        return len(self._groups)

    def __len__(self) -> int:
        """Connections that take at least one book."""
        return len(self._group_of)

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._group_of

    def of(self, connection: Connection) -> set[int]:
        """Its instruments; not to be changed."""
        group = self._group_of.get(connection)
        return group.instruments if group is not None else set()

    def groups(self, instrument: int) -> dict[Group, None]:
        """The groups that take this book."""
        return self._groups.get(instrument, {})

    @property
    def only(self) -> Group | None:
        """The group that takes all books that anyone takes, if there is no other."""
        return next(iter(self._settled.values())) if len(self._settled) == 1 and not self._loose else None

    def takers(self, instrument: int) -> Iterator[Connection]:
        """The connections that take this book."""
        for group in self.groups(instrument):
            yield from group.members

    def all(self) -> list[tuple[Connection, set[int]]]:
        """Every connection with its instruments."""
        return [(connection, group.instruments) for connection, group in self._group_of.items()]

    def add(self, connection: Connection, instrument: int) -> None:
        """It takes this book from now on."""
        group = self._group_of.get(connection)
        if group is None:
            group = self._group_of[connection] = Group({connection: None}, set())
            self._loose[group] = None
        elif instrument in group.instruments:
            return
        else:
            group = self._alone(connection, group)
        group.changed = True
        group.instruments.add(instrument)
        self._groups.setdefault(instrument, {})[group] = None
        self.wanted[instrument] = 1

    def remove(self, connection: Connection, instruments: list[int]) -> None:
        """It no longer takes these books; those that it did not take are ignored."""
        group = self._group_of.get(connection)
        if group is None or group.instruments.isdisjoint(instruments):
            return
        group = self._alone(connection, group)
        group.changed = True
        for instrument in group.instruments.intersection(instruments):
            group.instruments.discard(instrument)
            self._leave(group, instrument)
        if not group.instruments:
            del self._group_of[connection]
            del self._loose[group]

    def drop(self, connection: Connection) -> None:
        """It has closed."""
        group = self._group_of.get(connection)
        if group is not None and len(group.members) > 1:
            del group.members[connection], self._group_of[connection]
        elif group is not None:
            self.remove(connection, list(group.instruments))

    def settle(self) -> None:
        """Once a turn: connections whose subscription has not changed since the last call join their equals."""
        if not self._loose:
            return
        for group in list(self._loose):
            if group.changed:
                group.changed = False
                continue
            del self._loose[group]
            equals = self._settled.setdefault(frozenset(group.instruments), group)
            if equals is group:
                group.settled = True
                continue
            for instrument in group.instruments:
                del self._groups[instrument][group]
            equals.members.update(group.members)
            for connection in group.members:
                self._group_of[connection] = equals

    def _alone(self, connection: Connection, group: Group) -> Group:
        """A group of the connection's own, whose instruments may change."""
        if not group.settled:
            return group
        if len(group.members) == 1:
            del self._settled[frozenset(group.instruments)]
            group.settled = False
        else:
            del group.members[connection]
            group = self._group_of[connection] = Group({connection: None}, set(group.instruments))
            for instrument in group.instruments:
                self._groups[instrument][group] = None
        self._loose[group] = None
        return group

    def _leave(self, group: Group, instrument: int) -> None:
        groups = self._groups[instrument]
        del groups[group]
        if not groups:
            del self._groups[instrument]
            self.wanted[instrument] = 0
