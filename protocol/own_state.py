"""The SDK's view of a session's own state, and the requests for it: `Client.account()`, `rebuild()` and `fills()`.

    state = await client.account()
    account = state.accounts["MM1-A"]
    print(account.available("USD"), account.position("WC26-WIN-ESP"))   # in the units that people write
    print(account.balances["USD"].available)                            # the same in minor units

All of one answer is as of one report number (`state.number`). Requests are sent again after a lost connection.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from . import codes, numbers
from . import messages as M
from .order_tracker import OrderTracker

__all__ = ["Account", "OwnState", "Queries"]

ANSWER = (M.Balance, M.Position, M.Requirement, M.OpenOrder, M.Limits)
LEVELS = {getattr(codes, name): name[5:].lower() for name in dir(codes) if name.startswith("KILL_")}


class Account:
    """One account. balances: by asset code; positions: by symbol (an instrument that this session does not see: `#` and its number);
    requirements: by event id; orders: open orders of all sessions of the firm, oldest first."""

    def __init__(self, id: int, name: str, definitions: Mapping[int, M.Definition]) -> None:
        self.id, self.name = id, name
        self.balances: dict[str, M.Balance] = {}
        self.positions: dict[str, M.Position] = {}
        self.requirements: dict[int, M.Requirement] = {}
        self.orders: list[M.OpenOrder] = []
        self._definitions = definitions

    def cash(self, asset: str) -> str:
        """Money in units of the asset: "1000.00"; "0" where there is no balance."""
        return self._text(asset, "cash")

    def locked(self, asset: str) -> str:
        """What requirements lock of it."""
        return self._text(asset, "locked")

    def available(self, asset: str) -> str:
        """Buying power."""
        return self._text(asset, "available")

    def _text(self, asset: str, name: str) -> str:
        balance = self.balances.get(asset)
        return "0" if balance is None else numbers.unscaled(getattr(balance, name), balance.decimals)

    def position(self, symbol: str) -> str:
        """YES contracts in the instrument's units, negative: short."""
        position = self.positions.get(symbol)
        if position is None:
            return "0"
        definition = self._definitions.get(position.instrument)
        return numbers.unscaled(position.position, definition.qty_decimals if definition else 0)


class OwnState:
    """One whole answer. number: the session's next report when it was made: it includes all before that and none from there on; event: the
    server's event number; time: ns. accounts: by name. limits: None if that part was not asked for. since: reports that came while the
    answer came."""

    def __init__(self, messages: list[Any], definitions: Mapping[int, M.Definition]) -> None:
        begin = messages[0]
        self.number, self.event, self.time = begin.number, begin.event, begin.time
        self.messages = messages
        self.definitions = definitions
        self.limits: M.Limits | None = None
        self.since: list[M.Numbered] = []
        self.accounts = {name: Account(id, name, definitions) for id, name in begin.accounts}
        by_id = {account.id: account for account in self.accounts.values()}
        for message in messages:
            if isinstance(message, M.Balance):
                by_id[message.account].balances[message.name] = message
            elif isinstance(message, M.Position):
                by_id[message.account].positions[self.symbol(message.instrument)] = message
            elif isinstance(message, M.Requirement):
                by_id[message.account].requirements[message.market] = message
            elif isinstance(message, M.OpenOrder):
                by_id[message.account].orders.append(message)
            elif isinstance(message, M.Limits):
                self.limits = message

    @property
    def orders(self) -> list[M.OpenOrder]:
        """Open orders of all accounts."""
        return [order for account in self.accounts.values() for order in account.orders]

    def symbol(self, instrument: int) -> str:
        """The symbol of an instrument; `#` and its number, where this session does not see it."""
        definition = self.definitions.get(instrument)
        return definition.symbol if definition else f"#{instrument}"

    def line(self, order: M.OpenOrder) -> str:
        """An order in the units that people write: `order 17: buy 10 WC26-WIN-ESP at 0.2500, 4 filled, 6 open`."""
        definition = self.definitions.get(order.instrument)
        qty_decimals, price_decimals = (definition.qty_decimals, definition.price_decimals) if definition else (0, 0)
        side = ("buy" if order.side == codes.BUY else "sell") + (" NO" if order.contract_side == codes.NO else "")
        qty, cum, leaves = (numbers.unscaled(lots, qty_decimals) for lots in (order.qty, order.cum, order.leaves))
        price = numbers.unscaled(order.price, price_decimals)
        return f"order {order.text or order.id}: {side} {qty} {self.symbol(order.instrument)} at {price}, {cum} filled, {leaves} open"

    def stopped(self) -> list[str]:
        """The kill switches that hit this session, as words: `platform`, `venue 2` ..."""
        found = self.limits.stopped if self.limits is not None else []
        return [f"{LEVELS.get(level, level)} {id}" if id else f"{LEVELS.get(level, level)}" for level, id in found]

    def tracker(self, session: int) -> OrderTracker:
        """The open orders that this session entered, brought up to date by `since`."""
        tracker = OrderTracker(self.definitions)
        for order in self.orders:
            if order.session == session:
                tracker.restore(order)
        for report in self.since:
            tracker.apply(report)
        return tracker


Request = M.AccountRequest | M.FillsRequest


class Query:
    """A request that waits for its answer."""

    def __init__(self, message: Request, done: Callable[[Any], None]) -> None:
        self.message, self.done = message, done
        self.rows: list[Any] = []
        self.since: list[M.Numbered] = []


class Queries:
    """The requests for own state of one client that are not answered yet."""

    def __init__(self, definitions: Mapping[int, M.Definition]) -> None:
        self._definitions = definitions
        self._waiting: dict[int, Query] = {}

    def add(self, message: Request, done: Callable[[Any], None]) -> None:
        """A request that is about to be sent; `done` gets an OwnState or a list of fills, or (reason, text) when it is refused."""
        self._waiting[message.request] = Query(message, done)

    def again(self) -> Iterator[Request]:
        """After a reconnect: the requests to be sent again, from their beginning."""
        for query in self._waiting.values():
            query.rows.clear()
            query.since.clear()
            yield query.message

    def old(self, report: M.Numbered) -> None:
        """A report that was delivered before: for the oldest request for fills."""
        query = next((q for q in self._waiting.values() if isinstance(q.message, M.FillsRequest)), None)
        if query is not None and isinstance(report, M.Fill):
            query.rows.append(report)

    def report(self, report: M.Numbered) -> None:
        """A new report: later than the answers that are on their way."""
        for query in self._waiting.values():
            if query.rows and isinstance(query.message, M.AccountRequest):
                query.since.append(report)

    def take(self, message: Any) -> bool:
        """An unnumbered message; True when it belongs to one of the requests."""
        if isinstance(message, M.RequestRefused):
            query = self._waiting.get(message.item) if message.tag in _TAGS else None
            if query is not None:
                self._done(query, (message.reason, message.text))
            return message.tag in _TAGS
        if not isinstance(message, (M.AccountState, *ANSWER, M.AccountStateDone, M.FillsDone)):
            return False
        query = self._waiting.get(message.request)
        if query is None:
            return True
        if isinstance(message, M.FillsDone):
            self._done(query, (message.reason, f"fills of reports {message.begin} to {message.end} only") if message.reason else query.rows)
        elif isinstance(message, M.AccountStateDone):
            state = OwnState(query.rows, self._definitions)
            state.since = query.since
            self._done(query, state)
        else:
            query.rows.append(message)
        return True

    def _done(self, query: Query, result: Any) -> None:
        del self._waiting[query.message.request]
        query.done(result)


_TAGS = tuple(int(kind.__struct_config__.tag) for kind in (M.AccountRequest, M.FillsRequest))  # type: ignore[arg-type]
