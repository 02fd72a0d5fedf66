"""The SDK: an asyncio client of the binary wire that logs on, trades, follows markets and reconnects by itself.

    async with Client("127.0.0.1", 9890, key="MM1", secret="mm1-secret") as client:
        order = await client.buy("WC26-WIN-ESP", 10, 4200)      # 10 lots at 4200 ticks; raises Refused with the reason
        order = await client.replace(order, price=4300)
        await client.cancel(order)
        book = await client.subscribe("WC26-WIN-ESP")
        print(book.best_bid, book.best_ask)

Guarantees
  * Every report of the session is delivered once and in order (`on_report`, `reports()`), also across lost connections and restarts of the
    server.
  * A request is answered once. If the connection is lost, the request waits. After the reconnect the missed reports are delivered first,
    then requests that are still unanswered are sent again with the same id. The exchange never creates two orders from one request.
  * A book is marked invalid (`valid` False) while it cannot be trusted, and is restored by itself.
Store `client.next_number` when your program restarts, to get the reports that it missed. Times are ns UTC, prices ticks, quantities lots;
`ticks`, `lots` and `price_text` convert from and to decimal numbers, and refusals show decimal numbers.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from . import codes, numbers
from . import messages as M
from .binary_session import ON, CaughtUp, ClientSession, Ended, LoggedOn, Missing, Prover
from .book_builder import BookBuilder
from .client_errors import ClientError, Disconnected, Refused, build
from .client_own_state import OwnStateRequests
from .order_tracker import Answer, Order, OrderTracker, Request, RequestMessage, refusal
from .own_state import Queries

__all__ = ["Client", "ClientError", "Disconnected", "Order", "Refused", "codes"]

InstrumentLike: TypeAlias = str | int | M.Definition

# After these reasons a new logon would be refused again: no reconnect.
FINAL = (
    codes.R_BAD_CREDENTIALS, codes.R_KEY_REVOKED, codes.R_KEY_EXPIRED, codes.R_KEY_ADDRESS, codes.R_KEY_SCOPE, codes.R_RESUME_UNKNOWN,
    codes.R_BAD_HEARTBEAT, codes.R_WIRE_FIELD, codes.R_WIRE_MALFORMED,
)  # fmt: skip


class _Wire(asyncio.Protocol):
    """One connection; passes everything to the client."""

    def __init__(self, client: "Client", session: ClientSession) -> None:
        self.client = client
        self.session = session
        self.transport: asyncio.Transport | None = None
        self.ended = asyncio.get_running_loop().create_future()
        self._flush_planned = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.client._handle(self, self.session.receive(data, time.monotonic_ns()))
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio)
        self.client._handle(self, self.session.lost())
        if not self.ended.done():
            self.ended.set_result(Ended(codes.R_NOT_LOGGED_ON, "the connection was lost"))

    def plan_flush(self) -> None:
        """Send what is queued at the end of this iteration of the event loop: many small messages become one write."""
        if not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        self._flush_planned = False
        data = self.session.take(time.monotonic_ns())
        if data and self.transport is not None:
            self.transport.write(data)


def _read(private_key: Any) -> Any:
    """A key file's content in the place of its path; all else as it is."""
    return private_key if not isinstance(private_key, Path | str) or "-----BEGIN" in str(private_key) else Path(private_key).read_text()


class Client(OwnStateRequests):
    """A trader's session. Create it, `await connect()` (or use `async with`), trade, `await close()`.

    key: the name of the login. secret, or private_key (the path of a key file, see credentials.private_key) with key_id, proves it.
    next_number: the next report needed, from an earlier run (`client.next_number`); 0: no earlier reports.
    heartbeat_ms: 2000..60000 unless the server is set otherwise, 0: the server's choice. cancel_on_disconnect: a lost connection cancels
    this session's orders. reconnect_s: give up after this many seconds without a session (0: never reconnect). on_report(report, order):
    called for each numbered report; on_market(message, book): for each market data message; on_state(text): when the connection is made or
    lost. first_id: ids of requests count up from here (default: the time, so that they are unique across restarts). tls: for a port under TLS,
    ssl.create_default_context(cafile=...) trusts a private authority; tls_name: the name in its certificate, if it is not `host`.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 9890,
        key: str = "",
        secret: str = "",
        *,
        private_key: Any = None,
        key_id: str = "",
        next_number: int = 0,
        heartbeat_ms: int = 0,
        cancel_on_disconnect: bool = False,
        settlement: bool = True,
        reconnect_s: float = 60.0,
        timeout_s: float = 10.0,
        on_report: Callable[[M.Numbered, Order | None], None] | None = None,
        on_market: Callable[[Any, BookBuilder | None], None] | None = None,
        on_state: Callable[[str], None] | None = None,
        first_id: int | None = None,
        tls: ssl.SSLContext | None = None,
        tls_name: str = "",
    ) -> None:
        self.host, self.port, self.key = host, port, key
        self._tls: dict[str, Any] = {} if tls is None else {"ssl": tls, "server_hostname": tls_name or host}
        try:
            self._prover = Prover(key, secret, _read(private_key), key_id)
        except (OSError, ValueError) as error:
            raise ClientError(f"the credentials cannot be used: {error}") from None
        self.next_number = next_number
        self.timeout_s = timeout_s
        self.reconnect_s = reconnect_s
        self.heartbeat_ms = heartbeat_ms
        self._flags = (M.LOGON_CANCEL_ON_DISCONNECT if cancel_on_disconnect else 0) | (M.LOGON_SETTLEMENT if settlement else 0)
        self.on_report, self.on_market, self.on_state = on_report, on_market, on_state
        self.session_id = 0
        self.default_account = 0  # id; 0: none
        self.accounts: dict[str, int] = {}  # the firm's, by name
        self.server = ""
        self.instruments: dict[str, M.Definition] = {}  # by symbol
        self.definitions: dict[int, M.Definition] = {}  # by id
        self.phases: dict[int, int] = {}  # by event id
        self.results: dict[int, M.Result] = {}  # the newest that came since the logon, by event id
        self.contract_results: dict[int, M.Result] = {}  # of contracts ahead of their market, likewise, by instrument id
        self.books: dict[int, BookBuilder] = {}
        self.connects = 0  # logons so far
        self.resent = 0  # requests that were sent again
        self.missing: list[tuple[int, int]] = []  # report numbers that the server no longer had
        self.tracker = OrderTracker(self.definitions)
        self._next_id = first_id if first_id is not None else time.time_ns()
        self._wire: _Wire | None = None
        self._ready = False  # logged on and caught up
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._first: asyncio.Future[None] | None = None
        self._defined: asyncio.Future[None] | None = None
        self._failed: Disconnected | None = None
        self._futures: dict[Request, asyncio.Future[Answer]] = {}
        self._order_futures: dict[Order, asyncio.Future[Order]] = {}
        self._book_futures: dict[int, list[asyncio.Future[BookBuilder]]] = {}
        self._streams: list[tuple[bool, asyncio.Queue[Any]]] = []
        self._subscribed_all = False
        self._queries = Queries(self.definitions)
        self._query_futures: set[asyncio.Future[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    # ----------------------------------------------------------------------------------------------------- connection
    async def connect(self) -> None:
        """Connect, log on and get the definitions of all instruments. Raises Disconnected with the reason."""
        if self._task is not None:
            raise ClientError("connect() was called already")
        loop = asyncio.get_running_loop()
        self._first = loop.create_future()
        self._defined = loop.create_future()
        self._task = loop.create_task(self._run())
        try:
            await asyncio.wait_for(asyncio.shield(self._first), self.timeout_s)
            await asyncio.wait_for(asyncio.shield(self._defined), self.timeout_s)
        except TimeoutError:
            await self.close()
            where = f"{self.host}:{self.port}"
            raise Disconnected(codes.R_LOGON_TIMEOUT, f"{where} did not answer within {self.timeout_s} s") from None
        except Disconnected:
            await self.close()
            raise

    async def close(self) -> None:
        """Log out and close. Reports of everything sent before are still received; unanswered requests raise Disconnected."""
        self._closing = True
        wire = self._wire
        if wire is not None and wire.session.state == ON:
            wire.session.logout()
            wire.flush()
            await asyncio.wait([wire.ended], timeout=self.timeout_s)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._wire is not None and self._wire.transport is not None:
            self._wire.transport.abort()
        self._fail(Disconnected(codes.OK, "the client was closed"))

    async def __aenter__(self) -> "Client":
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """True when logged on and all missed reports have been delivered."""
        return self._ready

    async def _run(self) -> None:
        """Keep a session: connect, serve the connection until it ends, reconnect."""
        loop = asyncio.get_running_loop()
        since = time.monotonic()
        pause = 0.05
        while not self._closing:
            session = ClientSession(self.key, self._prover, self.next_number, self.heartbeat_ms, self._flags, time.monotonic_ns())
            ended: Ended
            try:
                wire = _Wire(self, session)
                await asyncio.wait_for(loop.create_connection(self._same(wire), self.host, self.port, **self._tls), self.timeout_s)
            except (OSError, TimeoutError) as error:
                ended = Ended(codes.R_NOT_LOGGED_ON, f"{self.host}:{self.port} cannot be reached: {error or 'no answer in time'}")
            else:
                self._wire = wire
                self._plan_tick()
                before = self.connects
                ended = await wire.ended
                if self.connects > before:
                    since, pause = time.monotonic(), 0.05
                self._ready = False
                self._wire = None
                if wire.transport is not None:
                    wire.transport.abort()
                if wire.session.next_number:
                    self.next_number = wire.session.next_number
                for book in self.books.values():
                    book.reset()
            if self._closing:
                return
            never = self.connects == 0 and ended.reason != codes.R_SHUTDOWN
            if never or ended.reason in FINAL or not self.reconnect_s or time.monotonic() - since > self.reconnect_s:
                self._fail(Disconnected(ended.reason, ended.text))
                return
            self._say(f"disconnected: {ended.text}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    @staticmethod
    def _same(wire: _Wire) -> Callable[[], _Wire]:
        return lambda: wire

    def _fail(self, error: Disconnected) -> None:
        """The session is over: everything that waits gets Disconnected."""
        if self._failed is None:
            self._failed = error
        futures: list[asyncio.Future[Any]] = [*self._futures.values(), *self._order_futures.values()]
        futures += self._query_futures
        futures += [f for waiting in self._book_futures.values() for f in waiting]
        futures += [f for f in (self._first, self._defined) if f is not None]
        for future in futures:
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting any more: that is no fault
        self._futures.clear()
        self._order_futures.clear()
        self._book_futures.clear()
        for _, queue in self._streams:
            queue.put_nowait(None)

    def _say(self, text: str) -> None:
        if self.on_state is not None:
            self.on_state(text)

    def _plan_tick(self) -> None:
        wire = self._wire
        if wire is None or self._closing:
            return
        wait = max(0.001, (wire.session.due() - time.monotonic_ns()) / 1e9)
        self._timer = asyncio.get_running_loop().call_later(wait, self._tick, wire)

    def _tick(self, wire: _Wire) -> None:
        if wire is self._wire:
            self._handle(wire, wire.session.tick(time.monotonic_ns()))
            wire.flush()
            self._plan_tick()

    # -------------------------------------------------------------------------------------------------------- inwards
    def _handle(self, wire: _Wire, happenings: list[Any]) -> None:
        for happening in happenings:
            if isinstance(happening, M.Report | M.Sent):
                order = self.tracker.apply(happening)  # type: ignore[arg-type]
                self.next_number = happening.number + 1
                self._queries.report(happening)  # type: ignore[arg-type]
                if self.on_report is not None:
                    self.on_report(happening, order)  # type: ignore[arg-type]
                self._stream(False, happening)
            elif isinstance(happening, LoggedOn):
                self._logged_on(happening)
            elif isinstance(happening, CaughtUp):
                self._caught_up(wire)
            elif isinstance(happening, Missing):
                self.missing.append((happening.begin, happening.end))
                self._say(f"reports {happening.begin} to {happening.end} are lost")
            elif isinstance(happening, Ended):
                if not wire.ended.done():
                    wire.ended.set_result(happening)
            elif not self._queries.take(happening):
                self._market(happening)

    def _logged_on(self, happening: LoggedOn) -> None:
        reply = happening.reply
        self.connects += 1
        self.session_id, self.default_account = reply.session, reply.account
        self.accounts = {name: id for id, name in reply.accounts}
        if self._wire is not None:
            self.server = self._wire.session.server
        self._say(f"logged on as {self.key}" + (f", {happening.missing} missed reports" if happening.missing else ""))

    def _caught_up(self, wire: _Wire) -> None:
        """All missed reports are in: resend requests that never arrived, and subscribe again."""
        self._ready = True
        session = wire.session
        for request in self.tracker.unanswered():
            if request.sent:
                self.resent += 1
            request.sent += 1
            session.send(request.message)
        session.send(M.DefinitionsRequest())
        session.old = self._queries.old
        for query in self._queries.again():
            session.send(query)
        if self._subscribed_all:
            session.send(M.Subscribe())
        elif self.books:
            session.send(M.Subscribe(list(self.books)))
        wire.plan_flush()
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def _market(self, message: Any) -> None:
        book: BookBuilder | None = None
        if isinstance(message, M.BookUpdate):
            book = self.books.get(message.instrument)
            if book is not None:
                book.update(message)
        elif isinstance(message, M.BookSnapshot):
            book = self.books.get(message.instrument)
            if book is None and self._subscribed_all:
                book = self.books[message.instrument] = BookBuilder(message.instrument, self._wants_snapshot)
            if book is not None:
                book.snapshot(message)
                for future in self._book_futures.pop(message.instrument, ()):
                    if not future.done():
                        future.set_result(book)
        elif isinstance(message, M.BookReset):
            for book in self.books.values():
                if message.instrument in (0, book.instrument):
                    book.reset()
            book = None
        elif isinstance(message, M.Definition):
            self.definitions[message.instrument] = self.instruments[message.symbol] = message
            self.phases[message.market] = message.phase
        elif isinstance(message, M.DefinitionsDone):
            if self._defined is not None and not self._defined.done():
                self._defined.set_result(None)
        elif isinstance(message, M.PhaseChange):
            self.phases[message.market] = message.phase
            for definition in self.definitions.values():
                if definition.market == message.market and definition.instrument in self.books:
                    one = self.contract_results.get(definition.instrument)
                    if one is None or one.phase != codes.PH_FINAL:
                        self.books[definition.instrument].phase = message.phase
        elif isinstance(message, M.Result) and message.instrument:
            self.contract_results[message.instrument] = message
            if message.instrument in self.books:
                self.books[message.instrument].phase = message.phase
        elif isinstance(message, M.Result):
            self.results[message.market] = message
        elif isinstance(message, M.RequestRefused):
            for future in self._book_futures.pop(message.item, ()):
                if not future.done():
                    future.set_exception(ClientError(message.text))
            self.books.pop(message.item, None)
        if self.on_market is not None:
            self.on_market(message, book)
        self._stream(True, message)

    def _wants_snapshot(self, instrument: int) -> None:
        if self._ready and self._wire is not None:
            self._wire.session.send(M.Subscribe([instrument]))
            self._wire.plan_flush()

    def _stream(self, market: bool, message: Any) -> None:
        for wanted, queue in self._streams:
            if wanted == market:
                queue.put_nowait(message)

    # ------------------------------------------------------------------------------------------------------- requests
    def next_id(self) -> int:
        """A new id for a request."""
        self._next_id += 1
        return self._next_id

    def instrument(self, which: InstrumentLike) -> int:
        """The id of an instrument given by symbol, id or Definition. Raises ClientError for an unknown symbol."""
        if isinstance(which, int):
            return which
        if isinstance(which, M.Definition):
            return which.instrument
        found = self.instruments.get(which)
        if found is None:
            near = get_close_matches(which, self.instruments, 4, 0.7)
            raise ClientError(f"there is no instrument {which!r}" + (f"; similar names: {', '.join(near)}" if near else ""))
        return found.instrument

    def _send(self, request: Request) -> None:
        if self._failed is not None:
            raise Disconnected(self._failed.reason, self._failed.text)
        if self._ready and self._wire is not None and self._wire.session.state == ON:
            request.sent += 1
            self._wire.session.send(request.message)
            self._wire.plan_flush()

    async def _answer(self, request: Request) -> Answer:
        if request.answer is None:
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._futures[request] = future

            def done(answered: Request) -> None:
                self._futures.pop(answered, None)
                if not future.done() and answered.answer is not None:
                    future.set_result(answered.answer)

            request.done = done
            if self._failed is not None:
                raise Disconnected(self._failed.reason, self._failed.text)
            return await future
        return request.answer

    async def _request(self, message: RequestMessage) -> Answer:
        """Send and wait for the answer. Raises Refused, Disconnected."""
        request = self.tracker.add(message)
        self._send(request)
        answer = await self._answer(request)
        self._judge(request, answer)
        return answer

    def _judge(self, request: Request, answer: Answer) -> None:
        reason, text = refusal(answer, self._definition_of(answer))
        if reason == codes.OK:
            return
        again = request.sent > 1 and isinstance(request.message, M.CancelOrder) and isinstance(answer, M.CancelRejected)
        if again and isinstance(answer, M.CancelRejected) and answer.status == codes.ST_CANCELED:
            return  # the first of the repeated cancels succeeded
        raise Refused(reason, text, answer)

    def _definition_of(self, answer: Answer) -> M.Definition | None:
        """The definition of the instrument, or of one contract of the event, that an answer is about."""
        if isinstance(answer, M.Refused):
            return next((d for d in self.definitions.values() if d.market == answer.market), None)
        return self.definitions.get(getattr(answer, "instrument", 0))

    def place(
        self,
        instrument: InstrumentLike,
        side: int,
        qty: int,
        price: int = 0,
        *,
        contract_side: int = codes.YES,
        type: int = codes.LIMIT,
        tif: int = codes.GTC,
        flags: int = 0,
        account: int | str = 0,
        id: int = 0,
        **more: int,
    ) -> Order:
        """Send an order without waiting. The returned Order follows its reports (`await client.accepted(order)` waits for the first).

        side: codes.BUY or SELL; qty: lots; price: ticks; contract_side: with codes.NO the price is in NO ticks; type, tif, flags: codes;
        account: id or name, 0: the default; id: the ClOrdID, 0: a new one; more: expiry, min_qty, display_qty, stop_price, deadline, group,
        cost_cap, stp, venue, front_end. Without a connection the order waits for the next one. Raises ClientError (unknown instrument,
        account or field, a number out of range) and Disconnected.
        """
        who = self._account(account)
        message = build(
            M.NewOrder, id or self.next_id(), who, self.instrument(instrument), side, contract_side, type, tif, flags, price, qty, **more
        )
        if self._failed is not None:
            raise Disconnected(self._failed.reason, self._failed.text)
        try:
            order = self.tracker.new_order(message)
        except ValueError as error:
            raise ClientError(str(error)) from None
        assert order.request is not None
        self._send(order.request)
        return order

    async def accepted(self, order: Order) -> Order:
        """Wait for the answer to a placed order. Raises Refused with the reason, Disconnected."""
        if order.request is not None:
            self._judge(order.request, await self._answer(order.request))
        return order

    async def submit(self, instrument: InstrumentLike, side: int, qty: int, price: int = 0, **more: Any) -> Order:
        """`place` and wait for the answer. Fills on arrival may be reported later: see `Order.cum` and `finished`."""
        return await self.accepted(self.place(instrument, side, qty, price, **more))

    async def buy(self, instrument: InstrumentLike, qty: int, price: int = 0, **more: Any) -> Order:
        """Buy `qty` lots at `price` ticks or better (see `place`)."""
        return await self.submit(instrument, codes.BUY, qty, price, **more)

    async def sell(self, instrument: InstrumentLike, qty: int, price: int = 0, **more: Any) -> Order:
        """Sell `qty` lots at `price` ticks or better (see `place`)."""
        return await self.submit(instrument, codes.SELL, qty, price, **more)

    async def finished(self, order: Order) -> Order:
        """Wait until the order is no longer open (filled, canceled, expired or rejected). Raises Disconnected."""
        if order.open:
            future = self._order_futures.get(order)
            if future is None:
                future = self._order_futures[order] = asyncio.get_running_loop().create_future()

                def closed(done: Order) -> None:
                    waiting = self._order_futures.pop(done, None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(done)

                order.closed = closed
            await asyncio.shield(future)
        return order

    async def cancel(self, order: Order | int, *, id: int = 0) -> M.Canceled | M.CancelRejected:
        """Cancel an order, given by Order or id. `id`: of the request, 0: a new one. Raises Refused (R_ORDER_CLOSED: it was no longer open;
        report.status is its status)."""
        orig, account = (order.id, order.account) if isinstance(order, Order) else (order, 0)
        return await self._request(build(M.CancelOrder, id or self.next_id(), orig, account))  # type: ignore[return-value]

    async def replace(self, order: Order | int, *, price: int | None = None, qty: int | None = None, id: int = 0) -> Order:
        """Change price (ticks) and total quantity (lots, including the filled quantity). Returns the Order, which now has the new id. `id`:
        0: a new one.

        Raises Refused; the order is then unchanged. If the total equals the filled quantity, the rest is cancelled.
        """
        found = order if isinstance(order, Order) else self.tracker.orders.get(order)
        if found is None:
            raise ClientError(f"no open order has the id {order}")
        message = build(
            M.ReplaceOrder, id or self.next_id(), found.id, found.account, found.instrument,
            found.price if price is None else price, found.qty if qty is None else qty,
        )  # fmt: skip
        await self._request(message)
        return found

    async def mass_cancel(
        self, scope: int = codes.SCOPE_SESSION, *, account: int | str = 0, instrument: InstrumentLike = 0, event: int = 0, side: int = 0
    ) -> int:
        """Cancel all orders of a scope (codes.SCOPE_*); returns their number. Their reports are delivered before this returns."""
        message = build(M.MassCancel, self.next_id(), scope, self._account(account), self.instrument(instrument), event, side)
        done = await self._request(message)
        assert isinstance(done, M.MassCancelDone)
        return done.count

    async def status(self, order: Order | int) -> M.OrderStatus:
        """Request the state of an order, given by Order or id. Raises Refused (R_UNKNOWN_ORDER)."""
        id = order.id if isinstance(order, Order) else order
        return await self._request(build(M.OrderStatusRequest, id))  # type: ignore[return-value]

    async def split(self, event: int, sets: int, *, account: int | str = 0) -> M.Moved:
        """Pay for complete sets of an exactly-k event and receive one of each contract per set. Raises Refused."""
        return await self._request(build(M.SplitSets, self.next_id(), event, sets, self._account(account)))  # type: ignore[return-value]

    async def merge(self, event: int, sets: int, *, account: int | str = 0) -> M.Moved:
        """Return complete sets and receive their value. Raises Refused."""
        return await self._request(build(M.MergeSets, self.next_id(), event, sets, self._account(account)))  # type: ignore[return-value]

    def _account(self, account: int | str) -> int:
        if isinstance(account, int):
            return account
        if account not in self.accounts:
            raise ClientError(f"there is no account {account!r}; this session has {', '.join(self.accounts) or 'none'}")
        return self.accounts[account]

    @property
    def orders(self) -> dict[int, Order]:
        """Open orders by id, including orders of an earlier run that are known from reports."""
        return self.tracker.orders

    # ---------------------------------------------------------------------------------------------------- market data
    async def subscribe(self, instrument: InstrumentLike) -> BookBuilder:
        """Subscribe to one book; returns it after its first snapshot. It is kept up to date. Raises ClientError, Disconnected."""
        (book,) = await self.subscribe_many([instrument])
        return book

    async def subscribe_many(self, instruments: list[InstrumentLike]) -> list[BookBuilder]:
        """Subscribe to several books; returns them in the given order."""
        if self._failed is not None:
            raise Disconnected(self._failed.reason, self._failed.text)
        ids = [self.instrument(i) for i in instruments]
        loop = asyncio.get_running_loop()
        waiting: list[asyncio.Future[BookBuilder]] = []
        for id in ids:
            self.books.setdefault(id, BookBuilder(id, self._wants_snapshot))
            future: asyncio.Future[BookBuilder] = loop.create_future()
            self._book_futures.setdefault(id, []).append(future)
            waiting.append(future)
        if self._ready and self._wire is not None:
            self._wire.session.send(M.Subscribe(ids))
            self._wire.plan_flush()
        return list(await asyncio.gather(*waiting))

    async def subscribe_all(self) -> dict[int, BookBuilder]:
        """Subscribe to every book, also of instruments that are listed later. Returns `books` when all known ones have a snapshot."""
        self._subscribed_all = True
        if self._ready and self._wire is not None:
            self._wire.session.send(M.Subscribe())
            self._wire.plan_flush()
        missing = [i for i in self.definitions if i not in self.books or not self.books[i].valid]
        loop = asyncio.get_running_loop()
        waiting = []
        for id in missing:
            future: asyncio.Future[BookBuilder] = loop.create_future()
            self._book_futures.setdefault(id, []).append(future)
            waiting.append(future)
        await asyncio.gather(*waiting)
        return self.books

    def unsubscribe(self, *instruments: InstrumentLike) -> None:
        """Unsubscribe from these instruments (none given: from all)."""
        ids = [self.instrument(i) for i in instruments]
        for id in ids or list(self.books):
            self.books.pop(id, None)
        if not ids:
            self._subscribed_all = False
        if self._ready and self._wire is not None:
            self._wire.session.send(M.Unsubscribe(ids))
            self._wire.plan_flush()

    async def reports(self) -> AsyncIterator[M.Numbered]:
        """Every numbered report from now on; ends when the client is closed. Reports that are not read accumulate in memory."""
        async for message in self._follow(False):
            yield message

    async def market_data(self) -> AsyncIterator[Any]:
        """Every market data message from now on. When a message is returned, the books already include it."""
        async for message in self._follow(True):
            yield message

    async def _follow(self, market: bool) -> AsyncIterator[Any]:
        entry: tuple[bool, asyncio.Queue[Any]] = (market, asyncio.Queue())
        self._streams.append(entry)
        try:
            while self._failed is None or not entry[1].empty():
                message = await entry[1].get()
                if message is None:
                    return
                yield message
        finally:
            self._streams.remove(entry)

    # --------------------------------------------------------------------------------------------------------- units
    def ticks(self, instrument: InstrumentLike, price: str | Decimal) -> int:
        """A decimal price in ticks: "0.42" -> 4200 if a tick is 0.0001. Raises ClientError if it is not a whole number of ticks."""
        return _scaled(price, self.definitions[self.instrument(instrument)].price_decimals, "price")

    def lots(self, instrument: InstrumentLike, qty: str | Decimal) -> int:
        """A decimal quantity in lots. Raises ClientError if it is not a whole number of lots."""
        return _scaled(qty, self.definitions[self.instrument(instrument)].qty_decimals, "quantity")

    def price_text(self, instrument: InstrumentLike, ticks: int) -> str:
        """A price in ticks as a decimal text: 4200 -> "0.4200"."""
        return numbers.unscaled(ticks, self.definitions[self.instrument(instrument)].price_decimals)


def _scaled(value: str | Decimal, places: int, what: str) -> int:
    """Exact or refused, never rounded. A Decimal is read in its plain notation."""
    if isinstance(value, Decimal):
        value = f"{value:f}"
    if not isinstance(value, str):
        raise ClientError(f"{value!r} is not a {what}: give a str or a Decimal, like {numbers.example(places)!r}")
    try:
        return numbers.scaled(value, places, what)
    except numbers.NotANumber as error:
        raise ClientError(str(error)) from None
