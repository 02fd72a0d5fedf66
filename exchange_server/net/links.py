"""The links of one server from their first byte to their last: attached, judged when they are late, expelled, logged off, forgotten.

Guarantees
  * A peer that does not log on in time, or does not read, is cut with a named reason; the others are not touched by it.
  * A session is logged off once, in a turn after everything that its peer had sent before has been carried out.
"""

from collections.abc import Callable

from protocol import codes

from ..gateway.connection import TurnInput
from .calendar import Calendar
from .clock import Clock
from .endpoint import Link
from .gate import Gate
from .limits import MILLION, Limits
from .observe import Counters, Log


class Links:
    """by_id: every link with a socket, or with a session that is not logged off yet.

    to_expel, closing, gone: what the next turn has to do, or the one that is being made: say goodbye, close after this turn's output, log off.
    mark(link): it has something for the next turn. wake: ask for a turn.
    """

    __slots__ = (
        "_calendar", "_clock", "_counters", "_gate", "_limits", "_log", "_mark", "_next_id", "_slow_gone", "_wake", "accepting", "by_id", "closing",
        "gone", "to_expel",
    )  # fmt: skip

    def __init__(
        self,
        gate: Gate,
        calendar: Calendar,
        clock: Clock,
        limits: Limits,
        counters: Counters,
        log: Log,
        mark: Callable[[Link], None],
        wake: Callable[[], None],
    ) -> None:
        self._gate = gate
        self._calendar = calendar
        self._clock = clock
        self._limits = limits
        self._counters = counters
        self._log = log
        self._mark = mark
        self._wake = wake
        self._next_id = 1
        self._slow_gone = 0  # messages that plain Python took for links that are gone
        self.accepting = True
        self.by_id: dict[int, Link] = {}
        self.to_expel: list[tuple[Link, int, str]] = []
        self.closing: list[Link] = []
        self.gone: list[Link] = []

    def attach(self, link: Link) -> None:
        """A peer has connected."""
        if not self.accepting or len(self.by_id) >= self._limits.connections:
            self._counters.refused_connections += 1
            link.lost = True
            link.transport.abort()
            return
        now = self._clock.tick_ns()
        link.id = self._next_id
        self._next_id += 1
        self.by_id[link.id] = link
        self._counters.connections += 1
        try:
            link.connection = connection = link.make(now, link)
        except Exception as error:
            self._counters.gateway_faults += 1
            self._log("error", "gateway_fault", peer=link.peer, exc_info=error)
            self.by_id.pop(link.id)
            link.lost = True
            link.transport.abort()
            return
        connection.outlet = connection.pipe = link
        link.deadline = now + self._limits.logon_ns if connection.wire != codes.WIRE_NONE else 0
        self._mark(link)
        self._calendar.arm(link)

    def detach(self, link: Link) -> None:
        """The socket is gone."""
        self._calendar.disarm(link)
        if link.logged_off:
            self.by_id.pop(link.id, None)
        else:
            if link.connection is not None:
                link.connection.dropped(self.unsent(link))
            self.gone.append(link)
            self._wake()

    def unsent(self, link: Link) -> bytes:
        """The first output made for this link that was not written to its socket, b"": there is none."""
        if link.queue:
            return link.queue[0]
        return self._gate.first_for(link) if link.held else b""

    def close_after_turn(self, link: Link) -> None:
        """Close after everything that the turn being made still has for this link (its goodbye may be an event)."""
        self.closing.append(link)
        self._wake()

    def slow(self, link: Link) -> None:
        """The peer lets too much pile up."""
        if link.closing is None and not link.expelled:
            limits = self._limits
            self._counters.slow_readers += 1
            text = f"slow reader: {link.queued} bytes not read (limit {limits.slow_bytes} bytes or {limits.slow_ns // MILLION} ms)"
            link.connection.dropped(link.queue[0] if link.queue else b"")
            link.queue.clear()
            link.queued = 0
            self.expel(link, codes.R_SLOW_READER, text)

    def expel(self, link: Link, reason: int, text: str) -> None:
        """End a session from our side in the next turn, with its wire's goodbye."""
        if not link.expelled:
            link.expelled = True
            self.to_expel.append((link, reason, text))
            self._wake()

    def no_logon(self, link: Link, bound: str) -> None:
        """The peer has used up its time or bytes before a logon. bound: which, for people."""
        self._counters.logon_timeouts += 1
        link.deadline = 0
        self.expel(link, codes.R_LOGON_TIMEOUT, f"no logon within {bound}")

    # ---------------------------------------------------------------------------------------------- in the turn
    def judge(self, due: list[int], now: int) -> list[Link]:
        """What the calendar has for now (ids; ns, steady clock): cut who is late; the links whose connections have something to do."""
        ready = []
        limits = self._limits
        for number in due:
            link = self.by_id.get(number)
            if link is None:
                continue
            link.timer_at = 0
            connection = link.connection
            if link.deadline and (connection.session or connection.held_until):
                link.deadline = 0
            if link.deadline and link.deadline <= now:
                self.no_logon(link, f"{limits.logon_ns // MILLION} ms")
            elif link.paused_at and link.paused_at + limits.slow_ns <= now:
                self.slow(link)
            if link.ready:
                continue
            if connection.next_due and connection.next_due <= now:
                ready.append(link)
            else:
                self._calendar.arm(link)
        return ready

    def say_goodbye(self, inp: TurnInput) -> None:
        """Have the expelled ones' connections say why."""
        expel, self.to_expel = self.to_expel, []
        for link, reason, text in expel:
            if link.lost or link.closing is not None or link.connection is None:
                continue
            self._counters.cut += 1
            self._log("info", "cut", peer=link.peer, session=link.connection.session, reason=reason, text=text)
            link.connection.expel(inp, reason, text)

    def log_off(self, inp: TurnInput) -> None:
        """Give back the sessions of those that are gone; what they sent before is carried out first."""
        gone, self.gone = self.gone, []
        for link in gone:
            if inp.full or (link.closing is None and (link.wants or link.ready)):
                self.gone.append(link)
                continue
            connection = link.connection
            if link.lost:
                self.by_id.pop(link.id, None)
            if connection is not None and not link.logged_off:
                link.logged_off = True
                if connection.session:
                    self._log("info", "session_off", peer=link.peer, session=connection.session, closing=link.closing)
                connection.lost(inp)
                self._slow_gone += getattr(connection, "slow", 0)

    def close_now(self) -> None:
        """The turn's output is complete: those that close leave after it. Their sessions are logged off in the next turn, so they are free
        before the peers have taken the goodbye."""
        for link in self.closing:
            link.closed = True
            self._gate.outbox.append((link, None))
            self.gone.append(link)
        self.closing.clear()

    # ------------------------------------------------------------------------------------------------------ the end
    def abort(self) -> None:
        """Drop every peer at once."""
        for link in list(self.by_id.values()):
            if not link.lost:
                link.transport.abort()

    def slow_path_messages(self) -> int:
        """Messages of logged-on peers that plain Python had to take, of connections that are gone too."""
        return self._slow_gone + sum(getattr(link.connection, "slow", 0) for link in self.by_id.values() if not link.logged_off)
