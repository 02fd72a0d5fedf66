"""What a market is about: titles, rules, results with evidence, series and venues. The binary wire has none of it, so it comes from the operators'
questions `markets`, `series`, `venue` and `listing`; nothing but these (with `status`, and `budget`, `pending` and `session` for what a client sees of its own) is ever asked there.

Only what the process's own market-data logon sees is shown: a market is here when one of its contracts is defined on the feed.

What the feed says of a market makes its texts stale until they have been read again. Who needs them waits for that (`fresh`), so that a client which hears
of a result on the stream and asks for it gets it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from protocol import codes
from protocol import messages as M

from .feed import Feed
from .preview import Fees

QUESTIONS = ("status", "markets", "series", "venue", "listing", "budget", "pending", "session")
PAUSE_S = 0.5  # between two reads of what changed, while nobody waits for them
WAITED_S = 0.02  # while somebody does
RETRY_S = 2.0  # after a question that was not answered
FRESH_S = 2.0  # how long a reader waits for what is stale
WHOLE_S = 60.0  # series, venues and markets' titles that changed without a message of the market
MANY = 20  # of changed markets are read one by one


class Reader(Protocol):
    """A connection for questions, as cli.admin_client.AdminClient is one."""

    def __enter__(self) -> Any: ...
    def __exit__(self, *exc: object) -> None: ...
    def ask(self, verb: str, **fields: Any) -> Any: ...


class Entry(NamedTuple):
    """A login's session: its name, and the venue through which it comes ("": the platform)."""

    session: str
    venue: str


class Unreadable(Exception):
    """A question was not answered; the text is one sentence."""


class NotAllowed(Unreadable):
    """The exchange answered that this process's own principal may not ask this. `question`: its verb."""

    def __init__(self, question: str, text: str) -> None:
        super().__init__(f"the question {question} was refused: {text}")
        self.question = question


class Reference:
    """`markets`: the view of the question of that name, by event name; `series`, `venues` likewise."""

    def __init__(self, connect: Callable[[], Any], log: Callable[..., None]) -> None:
        """connect: opens a connection for questions; it blocks, and runs in a thread."""
        self._connect, self._log = connect, log
        self.markets: dict[str, dict[str, Any]] = {}
        self.series: dict[str, dict[str, Any]] = {}
        self.venues: dict[str, dict[str, Any]] = {}
        self.market_of: dict[str, str] = {}  # event name by contract
        self.fees: dict[str, dict[str, Fees]] = {}  # of the listings of an event, by its name and the listing venue's
        self.id_of: dict[str, int] = {}  # event id by name
        self.name_of: dict[int, str] = {}
        self._changes = 0  # heard so far
        self._stale: dict[str, int] = {}  # the newest change by market; "": of one that is not known yet
        self._whole = False
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()  # somebody waits
        self._read_again = asyncio.Event()  # replaced after each read

    async def ask(self, verb: str, **fields: Any) -> Any:
        """One question. Raises Unreadable."""
        assert verb in QUESTIONS
        return (await asyncio.to_thread(self._ask, [(verb, fields)]))[0]

    def _ask(self, questions: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        try:
            with self._connect() as reader:
                found = []
                for verb, fields in questions:
                    answer = reader.ask(verb, **fields)
                    if not answer.ok and answer.code == codes.R_NOT_AUTHORISED:
                        raise NotAllowed(verb, answer.text)
                    if not answer.ok:
                        raise Unreadable(f"the question {verb} was refused: {answer.text}")
                    found.append(answer.result)
                return found
        except Unreadable:
            raise
        except Exception as error:
            raise Unreadable(str(error)) from error

    async def load(self, feed: Feed) -> None:
        """Everything. Raises Unreadable."""
        upto = self._changes
        questions: list[tuple[str, dict[str, Any]]] = [("markets", {}), ("series", {}), ("venue", {}), ("listing", {})]
        markets, series, venues, listings = await asyncio.to_thread(self._ask, questions)
        seen = {symbol for symbol in feed.by_symbol}
        self.markets, self.market_of = {}, {}
        for market in markets["markets"]:
            if any(contract["symbol"] in seen for contract in market["contracts"]):
                self._take(market)
        self.series = {row["name"]: row for row in series["rows"]}
        self.venues = {row["name"]: row for row in venues["rows"]}
        self.fees = {}
        self._listed(listings["rows"])
        self._number(feed)
        self._whole = False
        self._is_read(upto)

    def _take(self, market: dict[str, Any]) -> None:
        self.markets[market["event"]] = market
        for contract in market["contracts"]:
            self.market_of[contract["symbol"]] = market["event"]

    def _listed(self, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            self.fees.setdefault(row["event"], {})[row["venue"]] = _fees(row["record"]["fees"])

    async def entry(self, session: int, login: str) -> Entry | None:
        """Of the session with this id, that this login has; None: this process may not see it. Raises Unreadable."""
        for row in (await self.ask("session", after=session - 1, limit=1))["rows"]:
            if row["record"].get("key") == login:
                return Entry(row["name"], row["record"].get("venue") or "")
        return None

    def _number(self, feed: Feed) -> None:
        self.id_of = {}
        for symbol, definition in feed.by_symbol.items():
            if name := self.market_of.get(symbol):
                self.id_of[name] = definition.market
        self.name_of = {id: name for name, id in self.id_of.items()}

    # ------------------------------------------------------------------------------------------------------ of a contract
    def fees_of(self, symbol: str, entry: Entry | None) -> tuple[Fees, ...]:
        """Of the listing through which a client trades: its venue's, of a session of the platform the owner's. Of all listings, where that is not known."""
        name = self.market_of.get(symbol, "")
        terms = self.markets.get(name, {}).get("terms", {})
        listed = self.fees.get(name) or ({"": _fees(terms["fees"])} if terms.get("fees") else {})
        one = listed.get(entry.venue or terms.get("owner_venue") or "") if entry is not None else None
        return (one,) if one is not None else tuple(listed.values())

    def terms_of(self, symbol: str) -> dict[str, Any]:
        """The terms of a contract, prices in ticks."""
        contracts = self.markets.get(self.market_of.get(symbol, ""), {}).get("contracts", ())
        return next((row["terms"] for row in contracts if row["symbol"] == symbol), {})

    # -------------------------------------------------------------------------------------------------- what changes
    def heard(self, message: Any) -> None:
        """A message of the feed: what it changes is read again soon."""
        if isinstance(message, M.Definition):
            name = self.market_of.get(message.symbol)
            self._again(name)
        elif isinstance(message, M.PhaseChange | M.Result):
            self._again(self.name_of.get(message.market))

    def _again(self, name: str | None) -> None:
        self._changes += 1
        self._stale[name or ""] = self._changes
        self._changed.set()

    async def fresh(self, name: str | None = None, seconds: float = FRESH_S) -> bool:
        """Wait until what was heard of this market until now has been read (None: of all), at most so long; whether it has."""
        names = list(self._stale) if name is None else [name if name in self.markets else ""]
        until = max((self._stale.get(one, 0) for one in names), default=0)
        try:
            async with asyncio.timeout(seconds):
                while any(0 < self._stale.get(one, 0) <= until for one in names):
                    self._wanted.set()
                    await self._read_again.wait()
        except TimeoutError:
            return False
        return True

    async def run(self, feed: Feed) -> None:
        """Keep up with the feed until cancelled."""
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), WHOLE_S)
            except TimeoutError:
                self._whole = True
            self._changed.clear()
            self._wanted.clear()
            try:
                if feed.up:
                    await self._read(feed)
                elif self._stale:
                    self._changed.set()
            except Unreadable as error:
                self._log("warning", "reference_stale", text=str(error))
                self._whole = True
                self._changed.set()
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(WAITED_S)
            try:
                await asyncio.wait_for(self._wanted.wait(), PAUSE_S)
            except TimeoutError:
                pass

    async def _read(self, feed: Feed) -> None:
        """What is stale. Raises Unreadable."""
        names, upto = sorted(self._stale), self._changes
        if self._whole or len(names) > MANY or "" in names:
            await self.load(feed)
            return
        questions = [(verb, {"event": name}) for name in names for verb in ("markets", "listing")]
        found = await asyncio.to_thread(self._ask, questions)
        for name, answer, listings in zip(names, found[::2], found[1::2]):
            for kept in (self.markets, self.fees):
                kept.pop(name, None)
            for market in answer["markets"]:
                self._take(market)
            self._listed(listings["rows"])
        self._number(feed)
        self._is_read(upto)

    def _is_read(self, upto: int) -> None:
        """All that was heard up to this change."""
        self._stale = {name: change for name, change in self._stale.items() if change > upto}
        told, self._read_again = self._read_again, asyncio.Event()
        told.set()


def _fees(record: dict[str, Any]) -> Fees:
    return Fees(record["model"], record["maker_bps"], record["taker_bps"])
