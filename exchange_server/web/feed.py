"""Market data of the exchange for everybody who asks this process: one subscription, kept up by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from protocol import codes
from protocol import messages as M
from protocol.book_builder import BookBuilder

from .link import KeptProver, Link, LinkEnded, Target, open_link
from .tape import Tape, Trade

Listener = Callable[[Any, BookBuilder | None], None]
PAUSES_S = (0.2, 0.5, 1.0, 2.0)  # between tries to connect; the last one from then on
GAPS_KEPT = 100
SNAPSHOTS_S = 10.0  # how long the first books may take


class Feed:
    """Books, definitions, phases and tapes of what the process's own logon sees. on_connected: awaited with each new connection before the exchange
    counts as up. Listeners are called with each message after it is in the books; None: the connection was lost or made."""

    def __init__(
        self,
        locate: Callable[[], Awaitable[Target]],
        login: str,
        prover: KeptProver,
        log: Callable[..., None],
        on_connected: Callable[[], Awaitable[None]],
    ) -> None:
        self._locate, self.login, self.prover, self._log, self._on_connected = locate, login, prover, log, on_connected
        self.target: Target | None = None
        self.definitions: dict[int, M.Definition] = {}
        self.by_symbol: dict[str, M.Definition] = {}
        self.of_market: dict[int, list[M.Definition]] = {}  # contracts of an event, in their order
        self.phases: dict[int, int] = {}  # by event id
        self.ahead: dict[int, int] = {}  # phase of a contract that stands ahead of its market
        self.books: dict[int, BookBuilder] = {}
        self.tapes: dict[int, Tape] = {}
        self.gaps: list[tuple[int, int]] = []  # without a connection: from, to
        self.known_from = 0  # since when trades are seen
        self.listeners: list[Listener] = []
        self.up = False
        self.why = "it has not been reached yet"
        self.since = time.time_ns()
        self._link: Link | None = None
        self._defined: asyncio.Future[None] | None = None
        self._wanted: set[int] = set()  # books without a snapshot yet
        self._seen: set[int] = set()  # instruments that this connection defined

    @property
    def last_message_ns(self) -> int:
        return self._link.last_ns if self._link is not None else 0

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        tries = 0
        while True:
            try:
                await self._connect()
                tries = 0
                ended = await asyncio.shield(self._link.ended)  # type: ignore[union-attr]
                why = ended.text or "the exchange ended the session"
            except LinkEnded as error:
                why = error.text
            except Unlocated as error:
                why = str(error)
            except asyncio.CancelledError:
                await self._leave()
                raise
            self._lost(why)
            await asyncio.sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    async def _connect(self) -> None:
        self.target = target = await self._locate()
        self._defined = asyncio.get_running_loop().create_future()
        link = self._link = await open_link(target, self.login, self.prover, 0, self._take)
        try:
            self._seen.clear()
            link.send(M.DefinitionsRequest())
            await self._wait(link, self._defined)
            self._forget_others()
            self._wanted = set(self.definitions)
            link.send(M.Subscribe())
            until = time.monotonic() + SNAPSHOTS_S
            while self._wanted and time.monotonic() < until:
                await asyncio.sleep(0.01)
                if link.ended.done():
                    raise LinkEnded(link.ended.result().reason, link.ended.result().text)
            await self._on_connected()
        except BaseException:
            link.abort()
            raise
        if self.known_from:
            self.gaps = [*self.gaps[1 - GAPS_KEPT :], (self.since, time.time_ns())]
        else:
            self.known_from = time.time_ns()
        self.up, self.why, self.since = True, "", time.time_ns()
        self._log("info", "exchange_up", host=target.host, port=target.port, contracts=len(self.definitions))
        self._tell(None, None)

    @staticmethod
    async def _wait(link: Link, future: "asyncio.Future[None]") -> None:
        waits: list[asyncio.Future[Any]] = [future, link.ended]
        await asyncio.wait(waits, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            reason = link.ended.result().text if link.ended.done() else "it does not send its definitions"
            raise LinkEnded(codes.R_SERVER_DOWN, reason)

    def _lost(self, why: str) -> None:
        if self.up or why != self.why:
            self._log("warning", "exchange_down", text=why)
        if self.up:
            self.up, self.since = False, time.time_ns()
            for book in self.books.values():
                book.reset()
            self._tell(None, None)
        self.why, self._link = why, None

    async def _leave(self) -> None:
        if self._link is not None:
            await self._link.close()

    # ------------------------------------------------------------------------------------------------------- inwards
    def _take(self, message: Any) -> None:
        book: BookBuilder | None = None
        if isinstance(message, M.BookUpdate):
            book = self._updated(message)
        elif isinstance(message, M.BookSnapshot):
            book = self.books.setdefault(message.instrument, BookBuilder(message.instrument, self._again))
            book.snapshot(message)
            self._wanted.discard(message.instrument)
        elif isinstance(message, M.BookReset):
            for one in self.books.values():
                if message.instrument in (0, one.instrument):
                    one.reset()
        elif isinstance(message, M.Definition):
            self._define(message)
        elif isinstance(message, M.DefinitionsDone):
            if self._defined is not None and not self._defined.done():
                self._defined.set_result(None)
        elif isinstance(message, M.PhaseChange):
            self.phases[message.market] = message.phase
        elif isinstance(message, M.Result) and message.instrument:
            self.ahead[message.instrument] = message.phase
        self._tell(message, book)

    def _updated(self, message: M.BookUpdate) -> BookBuilder | None:
        book = self.books.get(message.instrument)
        if book is None or not book.update(message):
            return None
        if message.trades:
            tape = self.tapes.setdefault(message.instrument, Tape())
            for id, price, qty, taker in message.trades:
                if qty < 0:
                    tape.take_back(id)
                else:
                    tape.add(Trade(id, message.time, price, qty, taker))
        return book

    def _forget_others(self) -> None:
        """Contracts that the exchange no longer has, or that this logon no longer sees."""
        for instrument in self.definitions.keys() - self._seen:
            gone = self.definitions.pop(instrument)
            self.by_symbol.pop(gone.symbol, None)
            self.books.pop(instrument, None)
            self.tapes.pop(instrument, None)
            self.ahead.pop(instrument, None)
            self.of_market[gone.market] = [one for one in self.of_market[gone.market] if one.instrument != instrument]
            if not self.of_market[gone.market]:
                del self.of_market[gone.market]
                self.phases.pop(gone.market, None)

    def _define(self, message: M.Definition) -> None:
        self._seen.add(message.instrument)
        known = self.definitions.get(message.instrument)
        if known is not None and known.symbol != message.symbol:
            self.by_symbol.pop(known.symbol, None)
        self.definitions[message.instrument] = self.by_symbol[message.symbol] = message
        self.phases[message.market] = message.phase
        others = [one for one in self.of_market.get(message.market, ()) if one.instrument != message.instrument]
        self.of_market[message.market] = sorted([*others, message], key=lambda one: one.index)

    def _again(self, instrument: int) -> None:
        """A book that missed an update."""
        if self._link is not None and self._link.up:
            self._link.send(M.Subscribe([instrument]))

    def _tell(self, message: Any, book: BookBuilder | None) -> None:
        for listener in list(self.listeners):
            listener(message, book)

    # -------------------------------------------------------------------------------------------------------- reading
    def phase_of(self, definition: M.Definition) -> int:
        """Of one contract, which may stand ahead of its market."""
        ahead = self.ahead.get(definition.instrument, 0)
        return ahead if ahead == codes.PH_FINAL else self.phases.get(definition.market, definition.phase)

    def tape(self, instrument: int) -> Tape:
        return self.tapes.get(instrument) or Tape()


class Unlocated(Exception):
    """It is not known where the exchange is; the text is a sentence."""
