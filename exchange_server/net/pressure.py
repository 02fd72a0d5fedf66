"""Pressure: what is done when the disk does not keep up, or has little room left.

* Overload: held output over its bounds in bytes or age, or a journal ring that is half full. First no socket is read, so the peers feel TCP.
  When that lasts, they are read again and new orders are refused (R_OVERLOAD); cancels never are.
* Disk reserve: with little space left new orders are refused in the same way (R_DISK_RESERVE), until there is a quarter more than the reserve.
"""

from collections.abc import Callable
from typing import Protocol

from protocol import codes

from .gate import Gate
from .limits import Limits
from .observe import Counters, Log

DO_NOT_READ = -1


class Ring(Protocol):
    """What the journal has taken and not written yet."""

    @property
    def backlog_bytes(self) -> int: ...

    @property
    def ring_bytes(self) -> int: ...


class Pressure:
    """choked_since: ns since which the sockets were not read, or orders were refused; 0: no overload. refuse: R_DISK_RESERVE while space is short.

    later(seconds): ask for a turn after so long. free_bytes: room on the disk; None: nobody looks.
    """

    __slots__ = ("_counters", "_free_bytes", "_gate", "_journal", "_later", "_limits", "_log", "choked_since", "refuse")

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

    def look(self, now: int) -> int:
        """With which reason this turn refuses new orders; 0: none; DO_NOT_READ: sockets are not read in this turn. now: ns, steady clock."""
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
        """Begin or end the refusal of new orders by the room that is left. Called by the housekeeping."""
        if self._free_bytes is None:
            return
        free, reserve = self._free_bytes(), self._limits.disk_reserve_bytes
        if not self.refuse and free < reserve:
            self.refuse = codes.R_DISK_RESERVE
            effect = "new orders are refused, cancels are still accepted"
            self._log("error", "disk_reserve", free_bytes=free, reserve_bytes=reserve, effect=effect)
        elif self.refuse and free > reserve + (reserve >> 2):
            self.refuse = 0
            self._log("warning", "disk_reserve_over", free_bytes=free)
