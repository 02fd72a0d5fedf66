"""The links of one server over their life: attached, checked for timeouts, expelled, logged off, removed.

Guarantees
  * A peer that does not log on in time, or does not read, is disconnected with a named reason; other peers are not affected.
  * A session is logged off once, in a turn after all earlier messages of its peer have been carried out.
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
    """by_id: every link with a socket, or with a session that is not yet logged off.

    to_expel, closing, gone: links that the current or next turn has to expel, close after its output, log off.
    mark(link): put the link on the list of the next turn. wake: request a turn.
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
        self._slow_gone = 0  # messages handled in plain Python, of links that have been removed
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
        link.deadline = now + self._limits.logon_ns if connection.LOGS_ON else 0
        self._mark(link)
        self._calendar.arm(link)

    def detach(self, link: Link) -> None:
        """The socket has closed."""
        self._calendar.disarm(link)
        if link.logged_off:
            self.by_id.pop(link.id, None)
        else:
            if link.connection is not None:
                link.connection.dropped(self.unsent(link))
            self.gone.append(link)
            self._wake()

    def unsent(self, link: Link) -> bytes:
        """The first output made for this link that was not written to its socket; b"" if there is none."""
        if link.queue:
            return link.queue[0]
        return self._gate.first_for(link) if link.held else b""

    def close_after_turn(self, link: Link) -> None:
        """Close after all output of the current turn for this link (its Logout may be an event)."""
        self.closing.append(link)
        self._wake()

    def slow(self, link: Link) -> None:
        """The peer has too much unread output: disconnect it."""
        if link.closing is None and not link.expelled:
            limits = self._limits
            self._counters.slow_readers += 1
            text = f"slow reader: {link.queued} bytes not read (limit {limits.slow_bytes} bytes or {limits.slow_ns // MILLION} ms)"
            link.connection.dropped(link.queue[0] if link.queue else b"")
            link.queue.clear()
            link.queued = 0
            self.expel(link, codes.R_SLOW_READER, text)

    def expel(self, link: Link, reason: int, text: str) -> None:
        """End a session from the server's side in the next turn, with the Logout of its wire."""
        if not link.expelled:
            link.expelled = True
            self.to_expel.append((link, reason, text))
            self._wake()

    def no_logon(self, link: Link, bound: str) -> None:
        """The peer has used up its time or bytes before a logon. bound: names the limit, for the log."""
        self._counters.logon_timeouts += 1
        link.deadline = 0
        self.expel(link, codes.R_LOGON_TIMEOUT, f"no logon within {bound}")

    # ---------------------------------------------------------------------------------------------- in the turn
    def judge(self, due: list[int], now: int) -> list[Link]:
        """Handle the links that are due (ids; now: ns, steady clock): disconnect those that are late; returns those whose connections have
        something to do."""
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
        """Have the connections of expelled links send the reason."""
        expel, self.to_expel = self.to_expel, []
        for link, reason, text in expel:
            if link.lost or link.closing is not None or link.connection is None:
                continue
            self._counters.cut += 1
            self._log("info", "cut", peer=link.peer, session=link.connection.session, reason=reason, text=text)
            link.connection.expel(inp, reason, text)

    def log_off(self, inp: TurnInput) -> None:
        """Log off the sessions of closed links, after their earlier messages have been carried out."""
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
        """Called when the turn's output is complete: close the closing links after it. Their sessions are logged off in the next turn, so they are
        free before the peers have read the Logout."""
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
        """Messages of logged-on peers handled in plain Python, including those of closed connections."""
        return self._slow_gone + sum(getattr(link.connection, "slow", 0) for link in self.by_id.values() if not link.logged_off)
