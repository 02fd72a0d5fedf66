"""The WebSocket: what one reader subscribed to, what waits for it, and what happens when it is slow.

A reader that keeps up has no task and no timer for what it gets: a frame goes straight to its socket (wire.py).
"""

import asyncio
import time
from collections import deque
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from protocol import codes
from protocol import messages as M
from protocol.account_messages import PART_BALANCES

from . import stream_schemas as F
from . import words
from .gateway import Gateway, address_of
from .groups import Group, Groups, encoded
from .operation import place_of
from .problems import Refusal, bad_field, refusal
from .reports import balances_of, fill_of, order_state
from .sessions import WebSession
from .wire import EXTENSION, Wire

FIRST_S = 10.0  # until the first subscription
HEARTBEAT_S = 5.0
BEAT_S = 0.05  # between two looks at whose heartbeat is due: one frame for all of them
SEND_S = 10.0  # a frame that is not taken in this time ends the connection
QUEUE_BYTES = 512 * 1024  # that wait for a reader before frames are left out
SUBSCRIPTIONS_MAX = 2000  # contracts of all channels of one socket
SOCKETS_MAX = 20_000
BALANCES_S = 0.25  # after a change: several changes make one frame
CLOSE_REFUSED, CLOSE_SLOW, CLOSE_OVER, CLOSE_LATER = 4400, 4408, 4401, 4429
EVENTS: tuple[tuple[type, str], ...] = (
    (M.Accepted, "accepted"), (M.Rejected, "rejected"), (M.Fill, "filled"), (M.Canceled, "canceled"), (M.Replaced, "replaced"), (M.Expired, "expired"),
)  # fmt: skip
MONEY = (M.Fill, M.Moved, M.Settled, M.Reversed, M.Bust, M.TradeCorrected)


class Streams:
    """All sockets of the process."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.groups = Groups(gateway)
        self.groups.on_state = self._state
        self.readers: set[Reader] = set()
        self._stopping: asyncio.Task[None] | None = None
        self._due: deque[tuple[float, Reader]] = deque()  # heartbeats, the next one first
        self._beating = False

    async def serve(self, socket: WebSocket) -> None:
        """One socket, from its handshake to its end."""
        try:
            self.gateway.check_origin(socket)
        except Refusal:
            await socket.close()  # before it was accepted: 403
            return
        allowed = self.gateway.buckets["stream"].take(address_of(socket, self.gateway.settings.proxies))
        await socket.accept()
        if allowed.wait_s or len(self.readers) >= SOCKETS_MAX:
            await socket.close(CLOSE_LATER, "too many sockets: later")
            return
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())
        reader = Reader(self, socket, socket.scope["extensions"][EXTENSION])
        self.readers.add(reader)
        self._beat_later(reader)
        try:
            await reader.run()
        finally:
            self.readers.discard(reader)
            reader.leave()

    async def _stop(self) -> None:
        await self.gateway.stopping.wait()
        for reader in list(self.readers):
            reader.end(1012, "the process is stopping")

    def heartbeat(self) -> bytes:
        return encoded(F.Heartbeat(time=words.time_text(time.time_ns()), server="up" if self.gateway.feed.up else "down"))

    def _beat_later(self, reader: "Reader") -> None:
        loop = asyncio.get_running_loop()
        self._due.append((loop.time() + HEARTBEAT_S, reader))
        if not self._beating:
            self._beating = True
            loop.call_later(BEAT_S, self._beat)

    def _beat(self) -> None:
        self._beating = False
        now, frame = asyncio.get_running_loop().time(), self.heartbeat()
        while self._due and self._due[0][0] <= now:
            reader = self._due.popleft()[1]
            if reader in self.readers:
                reader.beat(frame)
                self._beat_later(reader)
        if self._due and not self._beating:
            self._beating = True
            asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def _state(self) -> None:
        beat = self.heartbeat()
        for reader in list(self.readers):
            reader.put(beat)


class Reader:
    """One socket. `put` never waits: what a reader does not take in time is left out, and it is told."""

    def __init__(self, streams: Streams, socket: WebSocket, wire: Wire) -> None:
        self.streams, self.gateway, self.socket, self.wire = streams, streams.gateway, socket, wire
        self.session: WebSession | None = None
        self._through = True  # nothing waits and it is not ending: what is put goes straight out
        self._row = -1  # of outlets.py, while frames of its groups go out past this object
        self._queue: deque[bytes] = deque()  # what could not go out at once
        self._bytes = 0
        self._behind = False  # frames were left out, and it was not told yet
        self._sending: asyncio.Task[None] | None = None  # while anything waits
        self._groups: dict[tuple[str, int], Group] = {}
        self._owed: deque[tuple[str, int]] = deque()  # groups whose first frame is sent next, one after the other
        self._own: set[str] = set()
        self._listening = False
        self._balances_planned: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ending: tuple[int, str] | None = None
        self._over = asyncio.Event()  # it is to be closed, or cannot be written to
        wire.on_busy = self._busy

    # -------------------------------------------------------------------------------------------------------- outwards
    def put(self, frame: bytes, of: tuple[str, int] | None = None) -> None:
        """of: the group whose change it is; left out before that group's first frame."""
        if self._through and not self.wire.full:
            self.wire.write(frame)
            return
        if self._behind or self._ending is not None or (self._owed and of in self._owed):
            return
        self._bytes += len(frame)
        if self._bytes > QUEUE_BYTES and self._queue:  # one large frame may go alone
            self._queue.clear()
            self._bytes = 0
            self._behind = True
        else:
            self._queue.append(frame)
        if self._sending is None:
            self._through = False
            self._busy()
            self._sending = asyncio.get_running_loop().create_task(self._send())

    def rest(self, data: bytes) -> None:
        self.wire.rest(data)

    def straight(self, row: int) -> int:
        self._row = row
        return self.wire.straight if self._through else -1

    def _busy(self) -> None:
        """Frames of groups may not pass what waits for this socket from here on."""
        if self._row >= 0:
            self.streams.groups.outlets.shut(self._row)
            self._row = -1

    def end(self, code: int, text: str, frame: bytes | None = None) -> None:
        """Close after what waits."""
        if self._ending is None:
            if frame is not None:
                self.put(frame)
            self._ending, self._through = (code, text), False
            self._busy()
            self._over.set()

    async def run(self) -> None:
        receiver, over = asyncio.create_task(self._receive()), asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait([receiver, over], return_when=asyncio.FIRST_COMPLETED)
            if self._ending is not None:
                if self._sending is not None:
                    await asyncio.wait([self._sending], timeout=SEND_S)
                await self._close(*self._ending)
        finally:
            tasks = [task for task in (receiver, over, self._sending) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self) -> None:
        """Send what waits, as the client takes it."""
        while self._queue or self._owed or self._behind:
            if not await self.wire.room(SEND_S):
                self._ending = CLOSE_SLOW, "too slow"
                break
            if self.wire.gone:
                break
            if self._queue:
                frame = self._queue.popleft()
                self._bytes -= len(frame)
                self.wire.write(frame)
            elif self._owed:
                if (group := self._groups.get(self._owed.popleft())) is not None:
                    group.first(self)
            else:  # what it had not taken is gone; it has taken what was sent before
                self._behind = False
                channels = sorted({channel for channel, _ in self._groups} | self._own)
                self._owed = deque(key for key in self._groups if key[0] != "trades")
                self.put(encoded(F.Gap(reason="slow", channels=channels)))
                self._plan_balances()
        self._sending, self._through = None, self._ending is None
        if self._ending is not None or self.wire.gone:
            self._over.set()

    async def _close(self, code: int, text: str) -> None:
        if self.socket.client_state == WebSocketState.CONNECTED and self.socket.application_state == WebSocketState.CONNECTED:
            try:
                await asyncio.wait_for(self.socket.close(code, text), 2)
            except (TimeoutError, RuntimeError, WebSocketDisconnect):
                pass

    def beat(self, frame: bytes) -> None:
        self.put(frame)
        if self.session is not None and (not self.gateway.sessions.alive(self.session) or self.gateway.sessions.now() >= self.session.ends):
            self.end(CLOSE_OVER, "the session is over: log on again", encoded(F.SessionState(state="ended")))

    # --------------------------------------------------------------------------------------------------------- inwards
    async def _receive(self) -> None:
        first = True
        while self._ending is None:
            try:
                message = await asyncio.wait_for(self.socket.receive(), FIRST_S if first else None)
            except TimeoutError:
                return self.end(CLOSE_REFUSED, "no subscription came within ten seconds")
            except RuntimeError:
                return None
            if message["type"] != "websocket.receive":
                return None
            try:
                self._request(message.get("text"), first)
            except Refusal as error:
                self.end(CLOSE_REFUSED, error.problem.name, encoded(F.Refused(problem=error.problem)))
                return None
            first = False
        return None

    def _request(self, text: str | None, first: bool) -> None:
        """One frame of the client. Raises Refusal; then the connection ends."""
        if self.gateway.buckets["public"].take(address_of(self.socket, self.gateway.settings.proxies)).wait_s:
            raise refusal(codes.R_HTTP_THROTTLED, "too many frames")
        if text is None:
            raise refusal(codes.R_WIRE_MALFORMED, "frames are text: JSON")
        try:
            request = msgspec.json.decode(text, type=F.FromClient)
        except msgspec.ValidationError as error:
            raise bad_field(*place_of(str(error))) from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise refusal(codes.R_WIRE_MALFORMED, f"the frame is not JSON: {error}"[:300]) from None
        if isinstance(request, F.Ping):
            self.put(encoded(F.Pong(id=request.id)))
        elif isinstance(request, F.Unsubscribe):
            self._unsubscribe(request)
        else:
            self._subscribe(request)
        if first and not isinstance(request, F.Subscribe):
            raise refusal(codes.R_WIRE_FIELD, "the first frame is a subscription", at="$.op")

    def _subscribe(self, request: F.Subscribe) -> None:
        self._identify(request)
        wanted: list[tuple[str, int, int]] = []
        own: set[str] = set()
        for n, one in enumerate(request.channels):
            if one.channel in ("book", "trades", "ticker"):
                if not one.contracts:
                    raise bad_field(f"{one.channel} needs contracts", f"$.channels[{n}].contracts")
                wanted += [(one.channel, self.gateway.definition(symbol).instrument, one.conflate_ms) for symbol in one.contracts]
            elif one.contracts:
                raise bad_field(f"{one.channel} takes no contracts", f"$.channels[{n}].contracts")
            elif one.channel in ("orders", "balances"):
                if self.session is None:
                    raise refusal(codes.R_NOT_LOGGED_ON, f"{one.channel} need a stream_token or token")
                own.add(one.channel)
            else:
                self.streams.groups.phases.add(self)
        new = {(channel, instrument) for channel, instrument, _ in wanted} - self._groups.keys()
        if len(self._groups) + len(new) > SUBSCRIPTIONS_MAX:
            total = len(self._groups) + len(new)
            raise refusal(
                codes.R_WIRE_FIELD, f"{total} contracts, the limit of a socket is {SUBSCRIPTIONS_MAX}", limit=SUBSCRIPTIONS_MAX, asked=total
            )
        self.put(encoded(F.Subscribed(channels=request.channels)))
        for channel, instrument, conflate_ms in wanted:
            if (old := self._groups.pop((channel, instrument), None)) is not None:
                self.streams.groups.leave(self, old)
            self._groups[channel, instrument] = self.streams.groups.join(self, channel, instrument, conflate_ms)
        self._own |= own
        if own and not self._listening and self.session is not None:
            self._listening = True
            self.session.party.listeners.append(self._report)
        if "balances" in own:
            self._plan_balances()

    def _identify(self, request: F.Subscribe) -> None:
        """Who asks; a token that is given must be good, and the login stays the same."""
        if not request.stream_token and not request.token:
            return
        sessions = self.gateway.sessions
        found = sessions.take_stream_token(request.stream_token) if request.stream_token else sessions.find(request.token)
        if found is None or (found.cookie and not request.stream_token) or found.party.kind != "client":
            raise refusal(codes.R_NOT_LOGGED_ON, "the token is not good, was used, or is over")
        if self.session is not None and found.party is not self.session.party:
            raise refusal(codes.R_NOT_AUTHORISED, "this socket belongs to another login")
        if self.session is None:
            self.session = found
            found.streams += 1

    def _unsubscribe(self, request: F.Unsubscribe) -> None:
        for one in request.channels:
            if one.channel == "phase":
                self.streams.groups.phases.discard(self)
            self._own.discard(one.channel)
            for symbol in one.contracts:
                definition = self.gateway.feed.by_symbol.get(symbol)
                group = self._groups.pop((one.channel, definition.instrument), None) if definition is not None else None
                if group is not None:
                    self.streams.groups.leave(self, group)
        self.put(encoded(F.Subscribed(channels=[])))

    # ------------------------------------------------------------------------------------------------------------- own
    def _report(self, report: Any) -> None:
        """A report of the login's session; None: its connection was lost or made."""
        assert self.session is not None
        trader = self.session.trader
        if report is None:
            if not self.gateway.sessions.alive(self.session):
                self.end(CLOSE_OVER, "the session is over: log on again", encoded(F.SessionState(state="ended")))
                return
            self.put(encoded(F.SessionState(state="up" if trader.up else "down")))
            self._plan_balances()
            return
        if "orders" in self._own:
            event: Any = next((name for kind, name in EVENTS if isinstance(report, kind)), None)
            if event is not None:
                number, order = str(report.number), order_state(self.gateway, trader, [report])
                self.put(encoded(F.OwnOrder(number=number, event=event, order=order)))
            if isinstance(report, M.Fill):
                self.put(encoded(F.OwnFill(number=str(report.number), fill=fill_of(self.gateway, trader, report))))
        if isinstance(report, MONEY):
            self._plan_balances()

    def _plan_balances(self) -> None:
        if "balances" in self._own and self._balances_planned is None:
            self._balances_planned = asyncio.get_running_loop().call_later(BALANCES_S, self._ask_balances)

    def _ask_balances(self) -> None:
        self._balances_planned = None
        task = asyncio.get_running_loop().create_task(self._balances())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _balances(self) -> None:
        if self.session is None:
            return
        try:
            state = await self.session.trader.own_state(parts=PART_BALANCES)
        except Refusal:
            self.put(encoded(F.Gap(reason="session_down", channels=["balances"])))
            return
        self.put(encoded(F.OwnBalances(time=words.time_text(state.time), balances=balances_of(state))))

    def leave(self) -> None:
        """The socket is closed."""
        self._busy()
        self.wire.on_busy = None
        for group in self._groups.values():
            self.streams.groups.leave(self, group)
        self._groups.clear()
        self.streams.groups.phases.discard(self)
        if self._balances_planned is not None:
            self._balances_planned.cancel()
        for task in self._tasks:
            task.cancel()
        if self.session is not None:
            self.session.streams -= 1
            self.session.used = self.gateway.sessions.now()
            if self._listening:
                self.session.party.listeners.remove(self._report)
