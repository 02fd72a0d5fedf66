"""Pressure: the measures when the disk does not keep up, or has little space left.

* Overload: held output above its limits in bytes or age, or a journal ring that is half full. First no socket is read, so TCP slows the
  peers down. If this lasts, sockets are read again and new orders are refused (R_OVERLOAD); cancels are always accepted.
* Disk reserve: with little space left new orders are refused in the same way (R_DISK_RESERVE), until free space is a quarter above the reserve.
"""

from collections.abc import Callable
from typing import Protocol

from protocol import codes

from .gate import Gate
from .limits import Limits
from .observe import Counters, Log

DO_NOT_READ = -1


class Ring(Protocol):
    """The rows that the journal has accepted but not yet written."""

    @property
    def backlog_bytes(self) -> int: ...

    @property
    def ring_bytes(self) -> int: ...


class Pressure:
    """choked_since: ns at which sockets stopped being read, or orders began to be refused; 0: no overload. refuse: R_DISK_RESERVE while space is short.

    later(seconds): request a turn after that time. free_bytes: free space on the disk; None: not checked.
    """

    __slots__ = ("_counters", "_free_bytes", "_gate", "_journal", "_later", "_limits", "_log", "choked_since", "free", "refuse")

    def __init__(
        self,
        gate: Gate,
        journal: Ring,
        limits: Limits,
        counters: Counters,
        log: Log,
        later: Callable[[float], object],
        free_bytes: Callable[[], int] | None,
    ) -> None:
        self._gate = gate
        self._journal = journal
        self._limits = limits
        self._counters = counters
        self._log = log
        self._later = later
        self._free_bytes = free_bytes
        self.choked_since = 0
        self.refuse = 0
        self.free = 0  # bytes on the disk, when the housekeeping looked last

    def look(self, now: int) -> int:
        """The reason with which this turn refuses new orders; 0: it accepts them; DO_NOT_READ: sockets are not read in this turn.
        now: ns, steady clock."""
        gate = self._gate
        if gate.held and self._overloaded(now):
            limits = self._limits
            if not self.choked_since:
                self.choked_since = now
                self._log("warning", "overload", held_bytes=gate.held_bytes, held_ns=now - gate.held[0].at)
            if now - self.choked_since < limits.shed_after_ns or gate.held_bytes > 2 * limits.held_bytes:
                self._counters.choked_turns += 1
                self._later(limits.shed_after_ns / 4e9)
                return DO_NOT_READ
            self._counters.shed_turns += 1
            return codes.R_OVERLOAD
        if self.choked_since:
            self.choked_since = 0
        if self.refuse:
            self._counters.disk_reserve_turns += 1
        return self.refuse

    def _overloaded(self, now: int) -> bool:
        gate, limits, journal = self._gate, self._limits, self._journal
        return (
            gate.held_bytes > limits.held_bytes or now - gate.held[0].at > limits.held_ns or journal.backlog_bytes > journal.ring_bytes >> 1
        )

    def look_at_the_disk(self) -> None:
        """Begin or end the refusal of new orders, depending on free disk space. Called by the housekeeping."""
        if self._free_bytes is None:
            return
        self.free = free = self._free_bytes()
        reserve = self._limits.disk_reserve_bytes
        if not self.refuse and free < reserve:
            self.refuse = codes.R_DISK_RESERVE
            effect = "new orders are refused, cancels are still accepted"
            self._log("error", "disk_reserve", free_bytes=free, reserve_bytes=reserve, effect=effect)
        elif self.refuse and free > reserve + (reserve >> 2):
            self.refuse = 0
            self._log("warning", "disk_reserve_over", free_bytes=free)
