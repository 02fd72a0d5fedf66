"""The gate: output is held until the turn that made it is durable, and leaves in the order of the turns.

Guarantees
  * `Gate.durable` is the only place that decides which turns are safe. The inline path, where the loop writes itself, uses it too.
  * No output leaves before its turn is durable, nor before held output of an earlier turn.
  * After a writer has failed no more output leaves: `durable` raises.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from .clock import Clock
from .endpoint import Fan, Link
from .observe import Counters, Latency

# The kernel's thread that flushes the disk has so high a priority that a fair share is all that it gets after it ran: Linux then lets a busy loop on its core
# run for up to 10 ms before it, whatever the loop yields. Only a loop that sleeps lets it run. So output that has waited for longer than most syncs take
# makes the busy loop sleep.
PATIENCE_NS = 500_000
NAP_S = 10e-6  # Linux makes it about 60 us


class Writer(Protocol):
    """Makes turns durable. Tickets are row sequences: a turn's ticket is the sequence after its last row."""

    mode: str  # "sync": durable is on the disk; "async": with the operating system

    @property
    def written(self) -> int:
        """Highest ticket whose rows the operating system has."""

    def released(self) -> int:
        """Highest ticket whose rows are safe with this writer. Raises JournalFailed once the writer has failed."""

    def kick(self) -> None:
        """Make the writer's own thread write the appended rows. Raises JournalFailed."""

    def commit_inline(self) -> bool:
        """Write the rows in the caller's thread if nothing is pending elsewhere. False: the writer's thread does it. Raises JournalFailed."""


class Held:
    """One turn's output, waiting for its last row to be durable."""

    __slots__ = ("at", "bytes", "out", "ticket")

    def __init__(self, ticket: int, at: int, out: list[tuple[Link | Fan, Any]], size: int) -> None:
        self.ticket = ticket
        self.at = at  # ns of the steady clock: the turn's time
        self.out = out
        self.bytes = size


class Gate:
    """Holds output and releases it.

    outbox: (link, bytes; None: close) of the current turn; code that appends to it adds the length to `outbox_bytes`. held: turns that are not
    yet durable, oldest first. turning: a turn is in progress, so output put in now leaves with it; otherwise `wake` requests a turn.
    """

    __slots__ = (
        "_begun",
        "_clock",
        "_counters",
        "_journal",
        "_released",
        "_wake",
        "_written_is_safe",
        "held",
        "held_bytes",
        "latency",
        "outbox",
        "outbox_bytes",
        "released_at",
        "ticket",
        "turning",
    )

    def __init__(self, journal: Writer, clock: Clock, counters: Counters, wake: Callable[[], None]) -> None:
        self._journal = journal
        self._released = journal.released
        self._written_is_safe = journal.mode == "async"
        self._clock = clock
        self._counters = counters
        self._wake = wake
        self.outbox: list[tuple[Link | Fan, Any]] = []
        self.outbox_bytes = 0
        self.held: deque[Held] = deque()
        self.held_bytes = 0
        self._begun = 0  # ticket of the newest turn that the writer's thread has begun with
        self.ticket = 0  # of the newest turn that had rows
        self.latency = Latency()  # ns from the turn's time to its release
        self.released_at = 0  # when held output was last released
        self.turning = False

    def durable(self) -> int:
        """Highest ticket that is safe with all required writers. The journal is the only writer today; a replica that must
        confirm would be added here, as the lower of both. Raises JournalFailed."""
        return self._released()

    def put(self, link: Link | Fan, data: bytes) -> None:
        """Add output that a connection makes itself, for it alone or for several. It leaves with the current turn, or with the next one if none
        is in progress."""
        self.outbox.append((link, data))
        self.outbox_bytes += len(data)
        if type(link) is Fan:  # held once, sent to each
            self._counters.bytes_out += len(data) * (len(link.links) - 1)
        if not self.turning:
            self._wake()

    def begin(self, ticket: int) -> None:
        """Have the writer's thread write a long turn's rows now, while the loop carries them out. Raises JournalFailed."""
        self._begun = ticket
        self._journal.kick()

    def commit(self, ticket: int, small: bool, alone: bool, now: int) -> None:
        """Write a turn's rows, and send its reports if that makes them durable.

        small: the turn is short. alone: nothing else is going on, or the turn is one of a flood's (floods.py), which must end soon. The loop writes a
        small turn itself, without waking the writer's thread, in two cases: it is alone and no output is held; or a write without a sync is enough
        (`async` mode), where a sync in progress in the writer's thread does not matter. now: ns, the turn's time on the steady clock. Raises
        JournalFailed.
        """
        self.ticket = ticket
        if small and (self._written_is_safe or (alone and not self.held)):
            if self._journal.commit_inline():
                self._counters.turns_inline += 1
                if self.outbox:
                    if self.held:
                        self.release()
                    self.leave(now)  # reports first; the event store and market data follow
        elif self._begun != ticket:
            self._journal.kick()  # the writer thread writes everything appended; meanwhile input for the next turn arrives
            if self.held:
                os.sched_yield()  # on a shared core the thread would wait for the end of our time slice: 3 ms
        elif self.durable() >= ticket:
            if self.outbox and not self.held:
                self.leave(now)  # the thread was faster than the loop
        elif self._journal.written < ticket:
            os.sched_yield()  # it has not had the core yet: Linux before 6.12 lets it wait for the end of our time slice

    def passed(self, ticket: int, size: int, now: int) -> None:
        """A turn was written and is durable, and its `size` bytes of output were sent, in one crossing (crossing.py)."""
        self.ticket = ticket
        self._counters.turns_inline += 1
        if size:
            self._sent(size, now)

    def sends(self, ticket: int, send: Callable[[], int], now: int) -> bool:
        """Have a turn's output sent by `send` (which returns its bytes), if the turn is durable already and nothing is to leave before it. False: put it into the
        outbox. Raises JournalFailed."""
        if self.held:
            self.release()
        if self.outbox or self.held or self.durable() < ticket:
            return False
        self.ticket = ticket
        self._sent(send(), now)
        return True

    def _sent(self, size: int, now: int) -> None:
        self._counters.bytes_out += size
        self.latency.record(self._clock.tick_ns() - now)

    def leave(self, now: int) -> None:
        """Send the outbox if the turn is durable and no earlier output is held; otherwise hold it. Raises JournalFailed."""
        out, size = self.outbox, self.outbox_bytes
        self.outbox, self.outbox_bytes = [], 0
        if self.held or self.durable() < self.ticket:
            self.held.append(Held(self.ticket, now, out, size))
            self.held_bytes += size
            if self.held_bytes > self._counters.held_bytes_max:
                self._counters.held_bytes_max = self.held_bytes
            return
        self._sent(size, now)
        for link, data in out:
            link.send(data)

    def release(self) -> bool:
        """Send the held output that has become durable, in order. True: something was sent. Raises JournalFailed."""
        durable = self.durable()
        held = self.held
        if not held or held[0].ticket > durable:
            return False
        self.released_at = now = self._clock.tick_ns()
        while held and held[0].ticket <= durable:
            turn = held.popleft()
            self.held_bytes -= turn.bytes
            self._counters.bytes_out += turn.bytes
            self.latency.record(now - turn.at)
            for link, data in turn.out:
                link.send(data)
        return True

    def give_way(self) -> None:
        """Leave the core to the writer's thread, and to the kernel's thread that flushes the disk, for a moment: called by a busy loop while output is held."""
        if self._clock.tick_ns() - self.held[0].at < PATIENCE_NS:
            os.sched_yield()
        else:
            time.sleep(NAP_S)

    def first_for(self, link: Link) -> bytes:
        """The oldest held output of this link, b"" if there is none."""
        return next((data for turn in self.held for to, data in turn.out if to is link and data), b"")

    def drop(self) -> None:
        """Discard all held output: it must no longer be sent."""
        self.held.clear()
        self.outbox.clear()
        self.held_bytes = self.outbox_bytes = 0
