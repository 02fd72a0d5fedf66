"""The turn: takes all input that has arrived once through the whole chain; no output leaves before its turn is durable.

gather → TIME row → journal → engine, encode → commit (or hold) → event store, market data → release in order

Guarantees
  * A turn is made only if a connection has input or something is due. Python's work is per session and turn, not per order.
  * All output passes the gate (gate.py): encoded events, output that a connection writes itself, answers of the admin socket, market data.
  * A journal that failed, or a broken invariant, ends the process: nothing more is released, `done` gets the exit code.
  * An error in one connection's Python code ends only that connection: its rows of this turn are removed.

This file defines the order of the steps; the steps themselves are in intake.py, links.py, calendar.py, gate.py, pressure.py, fairness.py, floods.py, crossing.py,
long_crossing.py, housekeeping.py.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocol import codes, errors

from ..core import layout as L
from ..core.layout import definitions as d
from ..core.layout import plain
from ..disk import long_turn, small_turn
from ..exits import Exit
from ..gateway.connection import TurnInput
from ..gateway.sessions import before_logon
from ..journal.store import JournalFailed
from .calendar import Calendar
from .clock import Clock
from .crossing import Crossing, receive, small, takes_bytes
from .endpoint import Fan, Link
from .fairness import Fairness
from .floods import Floods
from .gate import Gate
from .housekeeping import Housekeeping
from .intake import Intake
from .limits import Limits
from .links import Links
from .long_crossing import LongCrossing
from .observe import Counters, Log
from .pressure import Pressure


class Encoders(Protocol):
    """Encodes event rows (gateway/encoders.py)."""

    def encode(self, events: NDArray[np.int64], wires: Sequence[int]) -> Iterable[tuple[int, bytes]]:
        """(session, its messages in order) for the sessions of the wires with sessions logged on; `events`: whole rows."""


class Pipeline:
    """Joins links, journal, engine, event store and encoders. One per process, on one loop.

    journal: journal.store.Journal. engine: engine.Engine. store: journal.event_store.EventStore. directory: gateway.sessions.Directory.
    encoders: gateway.encoders.Encoders. market: gateway.feeds.market_data.MarketData.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        engine: Any,
        journal: Any,
        store: Any,
        directory: Any,
        clock: Clock,
        encoders: Encoders,
        market: Any = None,
        limits: Limits | None = None,
        log: Log | None = None,
        spin: bool = False,
        free_bytes: Callable[[], int] | None = None,
        timers: Any = None,
        binary: Any = None,
        fix: Any = None,
    ) -> None:
        """timers: gateway.timers.Timers, acts that come due without a client. binary: gateway.binary.encoder.BinaryEncoder; with it, small turns
        are made in one crossing (crossing.py). fix: gateway.fix.encoder.FixEncoder; with both, so is the middle of long ones (long_crossing.py)."""
        self.loop = loop
        self.engine = engine
        self.journal = journal
        self.store = store
        self.directory = directory
        self.clock = clock
        self.encoders = encoders
        self.market = market
        self.limits = limits = limits if limits is not None else Limits()
        self.log = log = log if log is not None else Log(level="error")
        self.spin = spin
        self.counters = counters = Counters()
        self.watches: list[Callable[[], None]] = []  # called by the housekeeping
        self.input = TurnInput(limits.inbox_rows)
        self._inline_words = limits.inline_rows * L.CMD_WORDS
        self.done: asyncio.Future[int] = loop.create_future()
        self.fairness = fairness = Fairness(limits, directory.owners)
        self.gate = gate = Gate(journal, clock, counters, self.wake)
        self.floods = Floods(limits, gate, clock.tick_ns, engine.paces, lambda: counters.rows, loop.call_later, self.wake)
        self.calendar = calendar = Calendar(loop, clock, limits, counters, log, self.wake)
        self.links = links = Links(gate, calendar, clock, limits, counters, log, self.mark, self.wake)
        self.pressure = Pressure(gate, journal, limits, counters, log, lambda seconds: loop.call_later(seconds, self.wake), free_bytes)
        # The functions of endpoint.Hub are those of the parts themselves, without a call in between.
        self.attach: Callable[[Link], None] = links.attach
        self.detach: Callable[[Link], None] = links.detach
        self.slow: Callable[[Link], None] = links.slow
        self.close_after_turn: Callable[[Link], None] = links.close_after_turn
        self.arm: Callable[[Link], None] = calendar.arm
        self.hold: Callable[[Link | Fan, bytes], None] = gate.put
        self.intake = Intake(links, fairness, limits, counters, log, calendar.arm)
        self.admin: dict[int, Callable[[Any], None]] = {}  # AdminAnswer.row_seq → its callback
        self._ready: list[Link] = []
        self._row_seq = engine.row_seq
        self._turn_no = engine.turn
        self._ticket = 0
        self._scheduled = False
        self._stopped = False
        self._unkept: NDArray[np.int64] | None = None
        self._now = clock.tick
        self.timers = timers
        self._crossing = Crossing(engine, journal, binary, self.input, limits) if binary is not None else None
        self._long = LongCrossing(engine, binary, fix, self.input, store, market) if binary is not None and fix is not None else None
        self._slice_owed = False  # the turn before left out its slice of a settlement
        self._store_behind = False  # a settlement waits for the event store
        self._favourite: Link | None = None  # the link of the last turn, if that was a crossing
        self._plan_next()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def mark(self, link: Link) -> None:
        """Put the link on the list of the next turn."""
        if not link.ready and not link.stalled and link.connection is not None:
            link.ready = True
            self._ready.append(link)
            if not self._scheduled:
                self.wake()

    def wake(self) -> None:
        """Make a turn as soon as the loop has read all available input."""
        if not self._scheduled and not self._stopped:
            self._scheduled = True
            if not self.spin:
                self.loop.call_soon(self.turn)

    def _store_has_room(self) -> None:
        """Called by the event store's helper: a settlement may go on."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the store is being flushed
            self.loop.call_soon_threadsafe(self._go_on_settling)

    def _go_on_settling(self) -> None:
        self._store_behind = False
        self.wake()

    def expect(self, offset: int, callback: Callable[[Any], None]) -> None:
        """`callback` gets the AdminAnswer to the ADMIN row just added at word `offset` of the turn's inbox, in the same turn."""
        self.intake.asked.append((offset, callback))

    # ---------------------------------------------------------------------------------------------------------- turn
    def turn(self) -> None:
        """Make one turn. Called by the loop; an error here is a broken invariant and ends the process."""
        self._scheduled = False
        if self._stopped:
            return
        self.gate.turning = True
        try:
            self._turn()
        except JournalFailed as error:
            self.fail(Exit.JOURNAL, "journal_failed", error)
        except Exception as error:
            self.fail(Exit.BROKEN, "broken", error)
        finally:
            self.gate.turning = False

    def _turn(self) -> None:
        clock, gate, links, calendar = self.clock, self.gate, self.links, self.calendar
        time_ns = clock.now_ns()
        self._now = now = clock.tick  # steady clock, as are all times here except `time_ns`
        if clock.news:
            clock.tell(self.log)
        jumped = codes.R_CLOCK_JUMP if clock.jump_ns else 0
        inp = self.input
        inp.begin(self._turn_no + 1, time_ns, now, clock.real, clock.line, clock.boot, jumped)
        if self.timers is not None and 0 < calendar.expiry <= time_ns:
            self.timers.add(inp, time_ns, self.expect)
        if calendar.first and calendar.first <= now:
            for link in links.judge(calendar.take(now), now):
                link.ready = True
                self._ready.append(link)
        if links.to_expel:
            links.say_goodbye(inp)
        if now >= self.floods.next_at:
            self._ready = self.floods.choose(self._ready, now)
        settling = self.engine.settling
        slice = settling and (self._slice_owed or not self._ready)  # what has arrived goes first; then, at the latest, a slice
        if slice:  # a settlement never fills the store's memory: who trades would wait for the disk
            self._store_behind = not self.store.has_room(self._store_has_room)
            slice = not self._store_behind
        self._slice_owed = settling and not slice
        self._favourite = None
        if len(self._ready) == 1 and self._crossing is not None and not (slice or jumped) and self._cross(inp, time_ns, now):
            self._close_turn(now)
            return
        if self._ready or slice:
            pressure = self.pressure
            refuse = pressure.look(now) if gate.held or pressure.choked_since or pressure.refuse else 0
            if refuse >= 0:
                if refuse and not jumped:
                    inp.inbox[L.CMD_TIME_REFUSE] = refuse
                if slice:
                    inp.add(codes.C_CONTINUE, values={L.CMD_SLICE: d.SLICE})
                if self._ready:
                    ready, self._ready = self._ready, []  # links that are marked meanwhile are for the next turn
                    self.intake.gather(inp, ready, self._ready, now)
        if links.gone:
            links.log_off(inp)
        words = inp.words
        applied = words > L.CMD_WORDS or (calendar.expiry != 0 and calendar.expiry <= time_ns)
        if applied:
            self._apply(inp, words)
        if links.closing:
            links.close_now()
        if applied:
            alone = (self.intake.alone and not self._ready) or self.floods.theirs
            gate.commit(self._ticket, words <= self._inline_words, alone and not settling, now)
            self._follow_up(inp)
        self._close_turn(now)

    def _follow_up(self, inp: TurnInput) -> None:
        """The work of a turn after its reports."""
        if self._unkept is not None:
            self._keep(self._unkept)
            self._unkept = None
        if self.market is not None:
            self.market.turn(inp)

    def _close_turn(self, now: int) -> None:
        """Send what may leave, and see to the next turn."""
        gate, links, calendar = self.gate, self.links, self.calendar
        if gate.outbox:
            gate.leave(now)
        if gate.held:
            self._release()
        slices = self.engine.settling and not self._store_behind
        if (self._ready or links.to_expel or links.gone or slices) and not self.pressure.choked_since:
            self.wake()
        if calendar.expiry or (calendar.first and calendar.timer is None):
            calendar.set_timer()

    def _cross(self, inp: TurnInput, time_ns: int, now: int) -> bool:
        """Make a turn of the only ready link's input in one crossing, if nothing else is due; False: it is made as every other turn is."""
        crossing, gate, links, pressure = self._crossing, self.gate, self.links, self.pressure
        (link,) = self._ready
        if (
            crossing is None
            or 0 < self.calendar.expiry <= time_ns
            or inp.words != L.CMD_WORDS
            or gate.outbox
            or gate.held
            or links.gone
            or links.closing
            or pressure.choked_since
            or pressure.refuse
            or self.directory.fresh
            or (self.fairness.modest not in (None, link) and self.fairness.is_greedy(link, now))
            or not self.journal.usable
            or not small(link, now)
        ):
            return False
        connection = link.connection
        connection.last_in_ns = now
        stage = crossing.make(link, self.directory.wires[codes.WIRE_FIX] > 0)
        if stage < small_turn.ST_STEPPED:
            self.fairness.note(link, inp.words - L.CMD_WORDS, False, now)
            return False  # the rows that were decoded are in the turn
        self._ready.clear()
        link.ready = link.wants = False
        words = inp.words
        self.fairness.note(link, words - L.CMD_WORDS, False, now)
        self._ticket = self.journal.next_seq
        if stage == small_turn.ST_STEPPED:
            self.engine.go_on(inp.inbox, words, self._sink, crossing.answers[small_turn.W_STATUS])
        else:
            self.engine.last_chunk = True
            events = self.engine.made
            if len(events):
                self._unkept = events
        self._turn_no = inp.turn
        self._row_seq += words // L.CMD_WORDS
        self._plan_next()
        self.counters.rows += words // L.CMD_WORDS
        self.counters.batches[(words // L.CMD_WORDS).bit_length()] += 1
        if stage == small_turn.ST_SENT:
            self._favourite = link
            connection.last_out_ns = now
            gate.passed(self._ticket, crossing.answers[small_turn.W_LENGTH], now)
            if rest := crossing.unsent():
                link.transport.write(rest)
        else:
            if stage > small_turn.ST_STEPPED:
                self._put_out(crossing.output())
            if stage == small_turn.ST_COMMITTED:
                gate.passed(self._ticket, 0, now)
                gate.leave(now)
            else:
                gate.commit(self._ticket, True, True, now)
        self._follow_up(inp)
        return True

    def _apply(self, inp: TurnInput, words: int) -> None:
        inbox = inp.inbox
        first = self._row_seq
        rows = words // L.CMD_WORDS
        self._ticket = self.journal.append_turn(inbox, words)
        if words > self._inline_words:
            self.gate.begin(self._ticket)
        if asked := self.intake.asked:
            for offset, callback in asked:  # the answer has the count of rows up to and including its own
                self.admin[first + offset // L.CMD_WORDS + 1 + plain.extra_of(int(inbox[offset]))] = callback
            asked.clear()
        if self._long is not None and words > self._inline_words and not self.directory.fresh:
            answers = self._carry_out(self._long, inbox, words)
        else:
            answers = self.engine.apply(inbox, words, self._sink)
        self._turn_no = inp.turn
        self._row_seq = first + rows
        self._plan_next()
        for answer in answers:
            if answer.row_seq in self.admin:
                self.admin.pop(answer.row_seq)(answer)
        if answers:
            self.end_keys(inp.now_ns, acted=True)
        if self.directory.fresh:
            self.directory.fresh.clear()
        counters = self.counters
        counters.rows += rows
        counters.batches[rows.bit_length()] += 1

    def _carry_out(self, long: LongCrossing, inbox: NDArray[np.int64], words: int) -> list[Any]:
        """Apply a long turn in one crossing, and send its reports if they are durable by then."""
        engine = self.engine
        stage = long.make(words, self.directory.wires)
        if stage == long_turn.LT_STEPPED:
            answers: list[Any] = engine.go_on(inbox, words, self._sink, long.status)
            return answers
        engine.last_chunk = True
        if stage < long_turn.LT_KEPT:
            self._unkept = engine.made
        now = self._now
        if not self.gate.sends(self._ticket, lambda: long.send(self.directory.bound, now), now):
            self._put_out(long.output())
        return []

    def _plan_next(self) -> None:
        """Set when the engine or the registry has something to do by itself."""
        due, own = int(self.engine.next_due), self.timers.next_due if self.timers is not None else 0
        self.calendar.expiry = min(due, own) if due and own else due or own

    def end_keys(self, now_ns: int, acted: bool = False) -> None:
        """End the sessions whose keys were revoked, have expired or are not good any more. acted: acts were carried out. now_ns: exchange
        time."""
        for connection, reason, text in self.directory.ended(now_ns, acted):
            self.links.expel(connection.pipe, reason, text)

    def _sink(self, events: NDArray[np.int64]) -> None:
        """Takes a chunk of event rows from the engine. The view is valid during the call, that of the last chunk until the next turn."""
        if self.engine.last_chunk:
            self._unkept = events  # stored after the turn's reports have been sent
        else:
            self._keep(events)
        directory = self.directory
        if directory.fresh:
            events = before_logon(events, directory.fresh)
        self._put_out(self.encoders.encode(events, directory.wires))

    def _put_out(self, output: Iterable[tuple[int, bytes]]) -> None:
        """Put the messages of sessions into the turn's outbox."""
        bound = self.directory.bound
        gate, now = self.gate, self._now
        outbox = gate.outbox
        for session, data in output:
            connection = bound.get(session)
            if connection is None:
                continue
            link = connection.pipe
            if not link.closed:
                size = len(data)
                link.held += size
                gate.outbox_bytes += size
                outbox.append((link, data))
                connection.last_out_ns = now

    def _keep(self, events: NDArray[np.int64]) -> None:
        """Work that no report of this turn depends on: store the rows, pass their trades and news to market data."""
        self.store.append(events)
        if self.market is not None:
            self.market.encode(events)

    def _release(self) -> bool:
        released = self.gate.release()
        if released and self.pressure.choked_since and (self._ready or self.engine.settling):
            self.wake()
        return released

    def journal_moved(self) -> None:
        """The writer's eventfd is readable."""
        if self._stopped:
            return
        try:
            self.journal.acknowledge()
            self._release()
        except JournalFailed as error:
            self.fail(Exit.JOURNAL, "journal_failed", error)

    def run_spinning(self) -> None:
        """One round of the busy loop; schedules itself again."""
        if self._stopped:
            return
        try:
            if self.gate.held and not self._release():
                self.gate.give_way()
        except JournalFailed as error:
            self.fail(Exit.JOURNAL, "journal_failed", error)
            return
        link = self._favourite
        if link is not None and not self._scheduled:
            if not takes_bytes(link):
                self._favourite = None
            elif count := receive(link):
                link.buffer_updated(count)
        if self._scheduled:
            self.turn()
        self.loop.call_soon(self.run_spinning)

    # ------------------------------------------------------------------------------------------------- start and stop
    def start(self) -> None:
        """Watch the journal, start the busy loop (if configured) and the housekeeping."""
        self.loop.add_reader(self.journal.fileno(), self.journal_moved)
        if self.engine.settling:  # what the last process left
            self.wake()
        if self.spin:
            self.loop.call_soon(self.run_spinning)
        Housekeeping(
            self.loop, self.clock, self.pressure, self.counters, self.limits, self.log, self.watches, lambda: self._stopped
        ).round()
        self.calendar.set_timer()

    async def shutdown(self) -> None:
        """Announce the shutdown, flush, log every session off, wait until everything is durable and sent."""
        links, held = self.links, self.gate.held
        links.accepting = False
        text = errors.text(codes.R_SHUTDOWN)
        for link in list(links.by_id.values()):
            links.expel(link, codes.R_SHUTDOWN, text)
        deadline = self.loop.time() + self.limits.farewell_s
        while (links.by_id or held or links.to_expel) and self.loop.time() < deadline and not self._stopped:
            self.wake()
            await asyncio.sleep(0.01)
        links.abort()
        deadline = self.loop.time() + self.limits.farewell_s
        while (links.by_id or links.gone or held) and self.loop.time() < deadline and not self._stopped:
            self.wake()
            await asyncio.sleep(0.005)
        self._stopped = True
        if not self.done.done():
            self.done.set_result(Exit.OK)

    def hurry(self) -> None:
        """On a second stop request: drop the remaining peers."""
        self.links.abort()

    def fail(self, code: int, event: str, error: BaseException) -> None:
        """Stop at once: held output is discarded, every socket is closed."""
        if self._stopped:
            return
        self._stopped = True
        self.gate.drop()
        self.log("error", event, exit_code=int(code), exc_info=error)
        self.links.abort()
        if not self.done.done():
            self.done.set_result(int(code))

    def status(self) -> dict[str, Any]:
        """The pipeline's part of `exos status`."""
        return {
            **self.counters.summary(),
            "links": len(self.links.by_id),
            "sessions": len(self.directory.bound),
            "held_bytes": self.gate.held_bytes,
            "held_turns": len(self.gate.held),
            "journal_ns": self.gate.latency.summary(),
            "refusing_new_orders": codes.R_CLOCK_JUMP if self.clock.jump_ns else self.pressure.refuse,
            "slow_path_messages": self.links.slow_path_messages(),
        }
