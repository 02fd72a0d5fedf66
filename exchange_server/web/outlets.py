"""Sockets to which a frame for many readers goes at once: one native call writes it to a slice of them (native.py), and no object of a reader is touched.

A reader has a row while it is in a group. The row's word is its socket's descriptor while everything that was written before is with the system and frames
may go straight out; else -1, and then the reader itself is asked (`Member.put`). Whoever leaves something waiting for the socket, or closes it, sets the word to -1
first (wire.py), so a frame never comes between others, into the middle of one, or to another connection that got the same descriptor.

Few readers are asked one by one: a process that has no large group does not make the native call.
"""

from array import array
from typing import Protocol

from .native import Write, write_listed

ROWS = 64  # at first
LARGE = 100  # readers of a group, from which on the native call is made and used
FEW = 8  # of a slice, that are asked one by one


class Member(Protocol):
    """A reader of frames."""

    def put(self, frame: bytes, of: tuple[str, int] | None = None) -> None: ...
    def rest(self, data: bytes) -> None:
        """Send the end of a frame whose beginning was taken."""

    def straight(self, row: int) -> int:
        """The descriptor to which frames may be written; -1: none at the moment. row: where to set -1 when that ends."""


class Outlets:
    """The rows of all readers of the process."""

    def __init__(self, large: int = LARGE, few: int = FEW) -> None:
        self.fds = array("q", [-1]) * ROWS
        self.members: list[Member | None] = [None] * ROWS
        self._large, self._few = large, few
        self._free = list(range(ROWS - 1, -1, -1))
        self._of: dict[Member, tuple[int, int]] = {}  # row, groups
        self._counts = array("q", [0]) * 256
        self._write: Write | None = None
        self._failed = False  # it cannot be made here

    def join(self, member: Member) -> int:
        """The row of a reader that joins a group."""
        row, groups = self._of.get(member, (-1, 0))
        if row < 0:
            if not self._free:
                size = len(self.fds)
                self.fds.extend(array("q", [-1]) * size)
                self.members += [None] * size
                self._free = list(range(2 * size - 1, size - 1, -1))
            row = self._free.pop()
            self.members[row] = member
        self._of[member] = row, groups + 1
        return row

    def leave(self, member: Member) -> None:
        """A reader leaves a group; with its last one its row is another's."""
        row, groups = self._of[member]
        if groups > 1:
            self._of[member] = row, groups - 1
            return
        del self._of[member]
        self.fds[row], self.members[row] = -1, None
        self._free.append(row)

    def row_of(self, member: Member) -> int:
        """-1: it is in no group."""
        return self._of.get(member, (-1, 0))[0]

    def shut(self, row: int) -> None:
        """Nothing goes straight to this reader any more; with the next frame it is asked."""
        self.fds[row] = -1

    def large(self, readers: int) -> None:
        """A group has so many readers."""
        if readers < self._large or self._write is not None or self._failed:
            return
        try:
            self._write = write_listed()
        except (ImportError, OSError, RuntimeError):
            self._failed = True

    def give(self, rows: "array[int]", begin: int, end: int, frame: bytes, of: tuple[str, int]) -> None:
        """The frame to rows[begin:end]; rows that are -1 are passed over."""
        if self._write is None or end - begin < self._few:
            for row in rows[begin:end]:
                if row >= 0 and (member := self.members[row]) is not None:
                    member.put(frame, of)
            return
        count, size = end - begin, len(frame)
        if count > len(self._counts):
            self._counts = array("q", [0]) * (2 * count)
        # The addresses are good for this call: nothing else runs meanwhile that changes these arrays.
        addresses = [one.buffer_info()[0] for one in (self.fds, rows, self._counts)]
        if not self._write(addresses[0], addresses[1], begin, end, frame, size, addresses[2]):
            return
        for row, taken in zip(rows[begin:end], self._counts):
            if row < 0 or taken == size or (member := self.members[row]) is None:
                continue
            self.shut(row)
            if taken > 0:
                member.rest(frame[taken:])
                continue
            member.put(frame, of)
            if self.members[row] is member and (fd := member.straight(row)) >= 0:
                self.fds[row] = fd
