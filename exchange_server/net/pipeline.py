"""The turn: everything that has arrived, once through the street, and nothing out before it is durable.

gather → TIME row → journal → engine, encode → commit (or hold) → event store, market data → release in order

Guarantees
  * Output leaves in the order of the turns, and only when the journal says that the turn's last row is safe. What a connection writes by
    itself, answers of the admin socket and market data pass the same gate.
  * A turn is made when some connection has input or something is due, never otherwise. Python's work is per session and turn, not per order.
  * Held output is bounded in bytes and age: over the bound sockets are not read (the peers feel TCP); when that lasts, they are read again
    and new orders are refused (R_OVERLOAD), cancels never. Little disk space refuses new orders in the same way (R_DISK_RESERVE).
  * A journal that failed, or a broken invariant, ends the process: nothing more is released, `done` gets the exit code.
  * A fault in one connection's Python costs that connection only: its rows of this turn are taken back.

Timers are entries of a sorted calendar, one per link and moved lazily; nothing is scanned.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sortedcontainers import SortedList

from protocol import codes, errors

from ..core import layout as L
from ..core.layout import plain
from ..exits import Exit
from ..gateway.connection import WHOLE_TURN, TurnInput
from ..gateway.sessions import before_logon
from ..journal.store import JournalFailed
from .clock import Clock, seconds
from .endpoint import Link
from .fairness import Fairness
from .housekeeping import Housekeeping
from .limits import MILLION, Limits
from .observe import Counters, Latency, Log


class Encoder(Protocol):
    """Makes bytes of event rows for the sessions of one wire."""

    def encode(self, events: NDArray[np.int64]) -> Iterable[tuple[int, bytes]]:
        """(session, its messages in order) for each session that has some in this chunk of whole event rows."""


class Held:
    """One turn's output, waiting for its last row to be durable."""

    __slots__ = ("at", "bytes", "out", "ticket")

    def __init__(self, ticket: int, at: int, out: list[tuple[Link, bytes | None]], size: int) -> None:
        self.ticket = ticket
        self.at = at
        self.out = out
        self.bytes = size


class Pipeline:
    """Joins links, journal, engine, event store and encoders. One per process, on one loop.

    journal: journal.store.Journal. engine: engine.Engine. store: journal.event_store.EventStore. directory: gateway.sessions.Directory.
    encoders: by wire (codes.WIRE_*); one is asked only while a session of its wire is logged on. market: gateway.market_data.MarketData.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Any,
        journal: Any,
        store: Any,
        directory: Any,
        clock: Clock,
        encoders: dict[int, Encoder],
        market: Any = None,
        limits: Limits | None = None,
        log: Log | None = None,
        spin: bool = False,
        free_bytes: Callable[[], int] | None = None,
    ) -> None:
        self.loop = loop
        self.engine = engine
        self.journal = journal
        self.store = store
        self.directory = directory
        self.clock = clock
        self.encoders = list(encoders.items())
        self.market = market
        self.limits = limits if limits is not None else Limits()
        self.log = log if log is not None else Log(level="error")
        self.spin = spin
        self.free_bytes = free_bytes
        self.counters = Counters()
        self.watches: list[Callable[[], None]] = []  # called by the housekeeping
        self.held_latency = Latency()  # turn made → released
        self.input = TurnInput(self.limits.inbox_rows)
        self._inline_words = self.limits.inline_rows * L.CMD_WORDS
        self.done: asyncio.Future[int] = loop.create_future()
        self.fairness = Fairness(self.limits)
        self.links: dict[int, Link] = {}
        self.refuse = 0  # R_DISK_RESERVE while space is short
        self.admin: dict[int, Callable[[Any], None]] = {}  # AdminAnswer.row_seq → who gets it
        self._admin_rows: list[tuple[int, Callable[[Any], None]]] = []
        self._ready: list[Link] = []
        self._gone: list[Link] = []
        self._expel: list[tuple[Link, int, str]] = []
        self._closing: list[Link] = []
        self._calendar: SortedList = SortedList()
        self._outbox: list[tuple[Link, bytes | None]] = []
        self._outbox_bytes = 0
        self._held: deque[Held] = deque()
        self.held_bytes = 0
        self._ticket = 0
        self._row_seq = engine.row_seq
        self._calendar_first = 0  # earliest entry of the calendar, 0: none
        self._expiry = int(engine.next_due)
        self._alone = True  # at most one link had input in this turn
        self._scheduled = False
        self._unkept: NDArray[np.int64] | None = None
        self._turning = False  # output made now leaves with this turn
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0
        self._next_id = 1
        self._choked_since = 0
        self._stopped = False
        self._accepting = True
        self._now = clock.tick
        self._quiet_until = 0  # after the process stood still: peers are judged once their bytes have been read
        self._turn_no = engine.turn
        self._slow_gone = 0

    # ---------------------------------------------------------------------------------------------- links call these
    def attach(self, link: Link) -> None:
        """A peer has connected."""
        if not self._accepting or len(self.links) >= self.limits.connections:
            self.counters.refused_connections += 1
            link.lost = True
            link.transport.abort()
            return
        now = self.clock.tick_ns()
        link.id = self._next_id
        self._next_id += 1
        self.links[link.id] = link
        self.counters.connections += 1
        try:
            link.connection = connection = link.make(now, link)
        except Exception as error:
            self.counters.gateway_faults += 1
            self.log("error", "gateway_fault", peer=link.peer, exc_info=error)
            self.links.pop(link.id)
            link.lost = True
            link.transport.abort()
            return
        connection.outlet = connection.pipe = link
        link.deadline = now + self.limits.logon_ns if link.connection.wire != codes.WIRE_NONE else 0
        self.mark(link)
        self.arm(link)

    def detach(self, link: Link) -> None:
        """The socket is gone."""
        self._unarm(link)
        if link.logged_off:
            self.links.pop(link.id, None)
        else:
            if link.connection is not None:
                link.connection.dropped(self._unsent(link))
            self._gone.append(link)
            self.wake()

    def _unsent(self, link: Link) -> bytes:
        """The first output made for this link that was not written to its socket, b"": there is none."""
        if link.queue:
            return link.queue[0]
        return next((data for turn in self._held for to, data in turn.out if to is link and data), b"") if link.held else b""

    def mark(self, link: Link) -> None:
        """The link has something for the next turn."""
        if not link.ready and not link.stalled and link.connection is not None:
            link.ready = True
            self._ready.append(link)
            if not self._scheduled:
                self.wake()

    def wake(self) -> None:
        """Make a turn as soon as the loop has read what is there."""
        if not self._scheduled and not self._stopped:
            self._scheduled = True
            if not self.spin:
                self.loop.call_soon(self.turn)

    def hold(self, link: Link, data: bytes) -> None:
        """Output that leaves with the turn that is being made."""
        self._outbox.append((link, data))
        self._outbox_bytes += len(data)
        if not self._scheduled and not self._turning:
            self.wake()

    def close_after_turn(self, link: Link) -> None:
        """Close behind everything that the turn being made still has for this link (its goodbye may be an event)."""
        self._closing.append(link)
        if not self._scheduled:
            self.wake()

    def slow(self, link: Link) -> None:
        """The peer lets too much pile up."""
        if link.closing is None and not link.expelled:
            self.counters.slow_readers += 1
            text = (
                f"slow reader: {link.queued} bytes not taken (limit {self.limits.slow_bytes} bytes or {self.limits.slow_ns // MILLION} ms)"
            )
            link.connection.dropped(link.queue[0] if link.queue else b"")
            link.queue.clear()
            link.queued = 0
            self.expel(link, codes.R_SLOW_READER, text)

    def expel(self, link: Link, reason: int, text: str) -> None:
        """End a session from our side in the next turn, with its wire's goodbye."""
        if not link.expelled:
            link.expelled = True
            self._expel.append((link, reason, text))
            self.wake()

    # -------------------------------------------------------------------------------------------------------- timers
    def arm(self, link: Link) -> None:
        """Put the link's next timer into the calendar when it is earlier than the one that stands there."""
        due = link.next_timer()
        if due and (not link.timer_at or due < link.timer_at):
            self._unarm(link)
            link.timer_at = due
            self._calendar.add((due, link.id))
            if not self._calendar_first or due < self._calendar_first:
                self._calendar_first = due
                self._set_timer()

    def _unarm(self, link: Link) -> None:
        if link.timer_at:
            self._calendar.discard((link.timer_at, link.id))
            link.timer_at = 0
            self._calendar_first = self._calendar[0][0] if self._calendar else 0

    def _set_timer(self) -> None:
        """Have the loop wake us for what is due next. A timer that turns out to be early is set again when it fires."""
        due, tick = self._calendar_first, self.clock.tick_ns()
        if due and due < self._quiet_until:
            due = self._quiet_until
        if self._expiry:  # in exchange time, which may run slower
            expiry = tick + self.clock.wait_ns(self._expiry)
            if not due or expiry < due:
                due = expiry
        if not due or (self._timer is not None and self._timer_at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self.loop.call_later(max(0.0, (due - tick) / 1e9), self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self._timer_at = 0
        self.wake()
        if not self._scheduled:
            self._set_timer()

    def _fire(self, now: int) -> None:
        """Take what is due out of the calendar."""
        calendar = self._calendar
        limits = self.limits
        if now < self._quiet_until:
            return
        if now - self._calendar_first > limits.frozen_ns and not self._quiet_until:
            self._quiet_until = now + limits.thaw_ns
            self.counters.freezes += 1
            text = "the process or its machine stood still; peers are judged once what they sent meanwhile has been read"
            self.log("warning", "stood_still", late_s=seconds(now - self._calendar_first), effect=text)
            return
        self._quiet_until = 0
        due = []
        while calendar and calendar[0][0] <= now:
            due.append(calendar.pop(0)[1])
        self._calendar_first = calendar[0][0] if calendar else 0
        for number in due:
            link = self.links.get(number)
            if link is None:
                continue
            link.timer_at = 0
            connection = link.connection
            if link.deadline and (connection.session or connection.held_until):
                link.deadline = 0
            if link.deadline and link.deadline <= now:
                link.deadline = 0
                self.counters.logon_timeouts += 1
                self.expel(link, codes.R_LOGON_TIMEOUT, f"no logon within {limits.logon_ns // MILLION} ms")
            elif link.paused_at and link.paused_at + limits.slow_ns <= now:
                self.slow(link)
            if connection.next_due and connection.next_due <= now and not link.ready:
                link.ready = True
                self._ready.append(link)
            elif not link.ready:
                self.arm(link)

    # ---------------------------------------------------------------------------------------------------------- turn
    def turn(self) -> None:
        """One turn. Called by the loop; an error in here is a broken invariant and ends the process."""
        self._scheduled = False
        if self._stopped:
            return
        self._turning = True
        try:
            self._turn()
        except JournalFailed as error:
            self.fail(Exit.JOURNAL, "journal_failed", error)
        except Exception as error:
            self.fail(Exit.BROKEN, "broken", error)
        finally:
            self._turning = False

    def _turn(self) -> None:
        clock = self.clock
        time_ns = clock.now_ns()
        self._now = now = clock.tick  # of the steady clock, as all times here but `time_ns`
        if clock.news:
            self.log_clock()
        held = codes.R_CLOCK_JUMP if clock.jump_ns else 0
        inp = self.input
        inp.begin(self._turn_no + 1, time_ns, now, clock.real, clock.line, clock.boot, held)
        if self._calendar_first and self._calendar_first <= now:
            self._fire(now)
        if self._expel:
            self._say_goodbye(inp)
        if self._ready:
            refuse = self._pressure(now)
            if refuse >= 0:
                if refuse and not held:
                    inp.inbox[L.CMD_TIME_REFUSE] = refuse
                self._gather(inp, now)
        if self._gone:
            self._log_off(inp)
        words = inp.words
        applied = words > L.CMD_WORDS or (self._expiry != 0 and self._expiry <= time_ns)
        if applied:
            self._apply(inp, words)
        if self._closing:
            for link in self._closing:
                link.closed = True
                self._outbox.append((link, None))
                self._gone.append(link)  # logged off in the next turn: its session is free before the peer has taken the goodbye
            self._closing.clear()
        safe = False
        if applied:
            if self._held or not self._alone or self._ready or words > self._inline_words:
                self.journal.kick()  # the writer thread takes all that is there; meanwhile the next turn comes together
            elif self.journal.commit_inline():
                safe = True  # small, and nothing else is going on: the loop writes it itself, no thread has to wake up
                self.counters.turns_inline += 1
                if self._outbox:
                    self._send_now(now)  # who asked hears first
            if self._unkept is not None:
                self._keep(self._unkept)
                self._unkept = None
            if self.market is not None:
                self.market.turn(inp)
        if self._outbox:
            if safe:
                self._send_now(now)
            else:
                self._hold_turn(now)
        if self._held:
            self.release()
        if (self._ready or self._expel or self._gone) and not self._choked_since:
            self.wake()
        if self._expiry or (self._calendar_first and self._timer is None):
            self._set_timer()

    def log_clock(self) -> None:
        """What the clock has to say: one line for each step of the time of day."""
        news, self.clock.news = self.clock.news, []
        for level, event, fields in news:
            self.log(level, event, **fields)

    @property
    def stopped(self) -> bool:
        return self._stopped

    def _pressure(self, now: int) -> int:
        """Reason with which this turn refuses new orders; 0: none; -1: sockets are not read in this turn."""
        limits = self.limits
        if self._held and (
            self.held_bytes > limits.held_bytes
            or now - self._held[0].at > limits.held_ns
            or self.journal.backlog_bytes > self.journal.ring_bytes >> 1
        ):
            if not self._choked_since:
                self._choked_since = now
                self.log("warning", "overload", held_bytes=self.held_bytes, held_ns=now - self._held[0].at)
            if now - self._choked_since < limits.shed_after_ns or self.held_bytes > 2 * limits.held_bytes:
                self.counters.choked_turns += 1
                self.loop.call_later(limits.shed_after_ns / 4e9, self.wake)
                return -1
            self.counters.shed_turns += 1
            return codes.R_OVERLOAD
        if self._choked_since:
            self._choked_since = 0
        if self.refuse:
            self.counters.disk_reserve_turns += 1
        return self.refuse

    def _gather(self, inp: TurnInput, now: int) -> None:
        ready = self._ready
        self._ready = again = []
        self._alone = len(ready) == 1
        limits, fairness = self.limits, self.fairness
        short = fairness.begin(ready, now)
        for i, link in enumerate(ready):
            if inp.full:
                again.extend(ready[i:])
                break
            link.ready = False
            connection = link.connection
            if connection is None or (link.closing is not None and not link.lost):
                if connection is not None:
                    connection.start = connection.end = 0  # a closing peer's further bytes are nobody's
                continue
            if link.held + link.queued > limits.read_stop_bytes and not link.lost:
                link.stalled = True
                continue
            words, acts = inp.words, len(self._admin_rows)
            due = connection.next_due
            if connection.end != connection.start:
                connection.last_in_ns = now
            inp.share = fairness.share if short and link is not fairness.modest else WHOLE_TURN
            try:
                link.wants = wants = connection.gather(inp)
            except Exception as error:
                inp.words = words
                del self._admin_rows[acts:]
                link.wants = wants = False
                self.counters.gateway_faults += 1
                self.log("error", "gateway_fault", peer=link.peer, session=connection.session, exc_info=error)
                link.transport.abort()
                continue
            fairness.note(link, inp.words - words, wants, now)
            if wants:
                link.ready = True
                again.append(link)
            elif link.eof and link.closing is None and not link.lost:
                connection.dropped(self._unsent(link))  # gone without a goodbye: it may not read what is still to come
                connection.close(codes.OK, "end of input")
            if not link.reading and not link.lost and connection.end - connection.start < connection.capacity >> 1:
                link.resume()
            if not connection.session and not connection.held_until and link.received > limits.logon_bytes and link.deadline:
                self.counters.logon_timeouts += 1
                link.deadline = 0
                self.expel(link, codes.R_LOGON_TIMEOUT, f"no logon within {limits.logon_bytes} bytes")
            if connection.next_due != due or not link.timer_at:
                self.arm(link)

    def _say_goodbye(self, inp: TurnInput) -> None:
        expel, self._expel = self._expel, []
        for link, reason, text in expel:
            if link.lost or link.closing is not None or link.connection is None:
                continue
            self.counters.cut += 1
            self.log("info", "cut", peer=link.peer, session=link.connection.session, reason=reason, text=text)
            link.connection.expel(inp, reason, text)

    def _log_off(self, inp: TurnInput) -> None:
        gone, self._gone = self._gone, []
        for link in gone:
            if inp.full or (link.closing is None and (link.wants or link.ready)):
                self._gone.append(link)  # what it sent before it went is carried out first
                continue
            connection = link.connection
            if link.lost:
                self.links.pop(link.id, None)
            if connection is not None and not link.logged_off:
                link.logged_off = True
                if connection.session:
                    self.log("info", "session_off", peer=link.peer, session=connection.session, closing=link.closing)
                connection.lost(inp)
                self._slow_gone += getattr(connection, "slow", 0)

    def _apply(self, inp: TurnInput, words: int) -> None:
        inbox = inp.inbox
        first = self._row_seq
        rows = words // L.CMD_WORDS
        self._ticket = self.journal.append_turn(inbox, words)
        if self._admin_rows:
            for offset, callback in self._admin_rows:  # the answer carries the count of rows up to and with its own
                self.admin[first + offset // L.CMD_WORDS + 1 + plain.extra_of(int(inbox[offset]))] = callback
            self._admin_rows.clear()
        engine = self.engine
        answers = engine.apply(inbox, words, self._sink)
        self._turn_no = inp.turn
        self._row_seq = first + rows
        self._expiry = int(engine.next_due)
        for answer in answers:
            if answer.row_seq in self.admin:
                self.admin.pop(answer.row_seq)(answer)
        if self.directory.fresh:
            self.directory.fresh.clear()
        counters = self.counters
        counters.turns += 1
        counters.rows += rows

    def expect(self, offset: int, callback: Callable[[Any], None]) -> None:
        """The ADMIN row that was just added at word `offset` of the turn's inbox: `callback` gets its AdminAnswer, in the same turn."""
        self._admin_rows.append((offset, callback))

    def _sink(self, events: NDArray[np.int64]) -> None:
        """A chunk of event rows from the engine; the view is valid during the call, that of the last chunk until the next turn."""
        if self.engine.last_chunk:
            self._unkept = events  # kept once the turn's reports are on their way
        else:
            self._keep(events)
        directory = self.directory
        if directory.fresh:
            events = before_logon(events, directory.fresh)
        bound, wires = directory.bound, directory.wires
        outbox = self._outbox
        now = self._now
        for wire, encoder in self.encoders:
            if not wires[wire]:
                continue
            for session, data in encoder.encode(events):
                connection = bound.get(session)
                if connection is None:
                    continue
                link = connection.pipe
                if not link.closed:
                    size = len(data)
                    link.held += size
                    self._outbox_bytes += size
                    outbox.append((link, data))
                    connection.last_out_ns = now

    def _keep(self, events: NDArray[np.int64]) -> None:
        """What nobody waits for in this turn: the rows into the event store, their trades and news to market data."""
        self.store.append(events)
        market = self.market
        if market is not None and (market.by_instrument or market.watchers or market.everything):
            market.encode(events)

    # ------------------------------------------------------------------------------------------------ hold, release
    def _hold_turn(self, now: int) -> None:
        self._held.append(Held(self._ticket, now, self._outbox, self._outbox_bytes))
        self.held_bytes += self._outbox_bytes
        if self.held_bytes > self.counters.held_bytes_max:
            self.counters.held_bytes_max = self.held_bytes
        self._outbox = []
        self._outbox_bytes = 0

    def _send_now(self, now: int) -> None:
        """The turn is durable already and nothing waits before it."""
        out, self._outbox = self._outbox, []
        self.counters.bytes_out += self._outbox_bytes
        self._outbox_bytes = 0
        self.held_latency.record(self.clock.tick_ns() - now)
        for link, data in out:
            link.send(data)

    def release(self) -> None:
        """Send what has become safe, in order."""
        if self._stopped:
            return
        held = self._held
        journal = self.journal
        if journal.failed is not None:
            raise JournalFailed(journal.failed.text)
        released = journal.durable
        if not held or held[0].ticket > released:
            return
        now = self.clock.tick_ns()
        while held and held[0].ticket <= released:
            turn = held.popleft()
            self.held_bytes -= turn.bytes
            self.counters.bytes_out += turn.bytes
            self.held_latency.record(now - turn.at)
            for link, data in turn.out:
                link.send(data)
        if self._choked_since and self._ready:
            self.wake()

    def journal_moved(self) -> None:
        """The writer's eventfd is readable."""
        try:
            self.journal.acknowledge()
            self.release()
        except JournalFailed as error:
            self.fail(Exit.JOURNAL, "journal_failed", error)

    def run_spinning(self) -> None:
        """One round of the busy loop; puts itself back."""
        if self._stopped:
            return
        held = self._held
        try:
            if held and (held[0].ticket <= self.journal.durable or self.journal.failed is not None):
                self.release()
        except JournalFailed as error:
            self.fail(Exit.JOURNAL, "journal_failed", error)
            return
        if self._scheduled:
            self.turn()
        self.loop.call_soon(self.run_spinning)

    # ------------------------------------------------------------------------------------------------- life and end
    def start(self) -> None:
        """Watch the journal, begin to spin (when asked to) and to keep house."""
        self.loop.add_reader(self.journal.fileno(), self.journal_moved)
        if self.spin:
            self.loop.call_soon(self.run_spinning)
        Housekeeping(self).round()
        self._set_timer()

    async def shutdown(self) -> None:
        """Announce the end, flush, log every session off, wait until all of it is durable and sent."""
        self._accepting = False
        text = errors.text(codes.R_SHUTDOWN)
        for link in list(self.links.values()):
            self.expel(link, codes.R_SHUTDOWN, text)
        deadline = self.loop.time() + self.limits.farewell_s
        while (self.links or self._held or self._expel) and self.loop.time() < deadline and not self._stopped:
            self.wake()
            await asyncio.sleep(0.01)
        for link in list(self.links.values()):
            link.transport.abort()
        deadline = self.loop.time() + self.limits.farewell_s
        while (self.links or self._gone or self._held) and self.loop.time() < deadline and not self._stopped:
            self.wake()
            await asyncio.sleep(0.005)
        self._stopped = True
        if not self.done.done():
            self.done.set_result(Exit.OK)

    def hurry(self) -> None:
        """The operator asked a second time: drop the peers that are still there."""
        for link in list(self.links.values()):
            if not link.lost:
                link.transport.abort()

    def slow_path_messages(self) -> int:
        """Messages of logged-on peers that plain Python had to take, of connections that are gone too."""
        return self._slow_gone + sum(getattr(link.connection, "slow", 0) for link in self.links.values() if not link.logged_off)

    def fail(self, code: int, event: str, error: BaseException) -> None:
        """Stop at once: nothing that is held goes out, every socket is dropped."""
        if self._stopped:
            return
        self._stopped = True
        self._held.clear()
        self._outbox.clear()
        self.log("error", event, exit_code=int(code), exc_info=error)
        for link in self.links.values():
            if not link.lost:
                link.transport.abort()
        if not self.done.done():
            self.done.set_result(int(code))

    def status(self) -> dict[str, Any]:
        """The pipeline's part of `exos status`."""
        return {
            **self.counters.summary(),
            "links": len(self.links),
            "sessions": len(self.directory.bound),
            "held_bytes": self.held_bytes,
            "held_turns": len(self._held),
            "journal_ns": self.held_latency.summary(),
            "refusing_new_orders": codes.R_CLOCK_JUMP if self.clock.jump_ns else self.refuse,
        }
