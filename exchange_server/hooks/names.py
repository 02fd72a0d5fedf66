"""What the numbers in event rows are called: asked of the server (gateway/admin/report_names.py) and kept, because an id never gets another name.

The same question tells how far the event store may be read. Everything here blocks: it runs in a thread.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..gateway.admin.report_names import MOST


class Unreadable(Exception):
    """The server did not answer; the text is one sentence."""


class Account(NamedTuple):
    """firm: "" for fee accounts; venue: whose operators see it, "": the platform's only."""

    name: str
    firm: str
    venue: str


class Instrument(NamedTuple):
    symbol: str
    market: int
    asset: str
    asset_decimals: int
    price_decimals: int
    qty_decimals: int


class Market(NamedTuple):
    name: str
    venue: str
    seen_by: frozenset[str]


class Act(NamedTuple):
    """An act about money: what it was, and whose accounts (ids, 0: none)."""

    what: str
    source: int
    target: int
    account: int


class Horizon(NamedTuple):
    """events: the number of the newest durable event; written: that of the newest one that may be read from its file; kept_from: those below are not kept any more; missing: the gap in which the
    position that was asked about is, as (first, last, lost for good)."""

    events: int
    written: int
    kept_from: int
    missing: tuple[int, int, bool] | None


class Names:
    def __init__(self, connect: Callable[[], Any]) -> None:
        """connect: opens a connection for questions, to be used in `with`."""
        self._connect = connect
        self.accounts: dict[int, Account] = {}
        self.instruments: dict[int, Instrument] = {}
        self.assets: dict[int, tuple[str, int]] = {}

    def _ask(self, **fields: Any) -> dict[str, Any]:
        try:
            with self._connect() as reader:
                answer = reader.ask("reports", **fields)
        except Exception as error:
            raise Unreadable(str(error)) from error
        if not answer.ok:
            raise Unreadable(f"the question reports was refused: {answer.text}")
        found: dict[str, Any] = answer.result
        self.assets = {id: (name, decimals) for id, name, decimals in found["assets"]}
        for row in found["accounts"]:
            self.accounts[row["id"]] = Account(row["name"], row["firm"], row["venue"])
        for row in found["instruments"]:
            fields_of = (row[name] for name in Instrument._fields)
            self.instruments[row["id"]] = Instrument(*fields_of)
        return found

    def horizon(self, position: int = 0) -> Horizon:
        """Raises Unreadable."""
        found = self._ask(position=position)
        gap = found["missing"]
        return Horizon(
            found["events"], found["written"], found["kept_from"], (gap["first"], gap["last"], gap["lost"]) if gap is not None else None
        )

    def learn(self, accounts: Iterable[int], instruments: Iterable[int]) -> None:
        """Have names for these. What the server does not know gets its number as its name. Raises Unreadable."""
        wanted = sorted(id for id in set(accounts) if id not in self.accounts)
        things = sorted(id for id in set(instruments) if id not in self.instruments)
        while wanted or things:
            self._ask(accounts=wanted[:MOST], instruments=things[:MOST])
            for id in wanted[:MOST]:
                self.accounts.setdefault(id, Account(f"#{id}", "", ""))
            for id in things[:MOST]:
                self.instruments.setdefault(id, Instrument(f"#{id}", 0, "", 0, 0, 0))
            wanted, things = wanted[MOST:], things[MOST:]

    def about(
        self, markets: Iterable[int], firms: list[str], results: Iterable[tuple[int, int]], acts: Iterable[int]
    ) -> tuple[dict[int, Market], dict[tuple[int, int], dict[str, Any]], dict[int, Act]]:
        """Markets with those of the firms that see them now, results by (market, version), acts by the number of their event. At most MOST of each. Raises
        Unreadable."""
        lists = {"markets": sorted(set(markets)), "results": [list(one) for one in sorted(set(results))], "acts": sorted(set(acts))}
        if not any(lists.values()):
            return {}, {}, {}
        found = self._ask(firms=firms, **lists)
        return (
            {row["id"]: Market(row["name"], row["venue"], frozenset(row["seen_by"])) for row in found["markets"]},
            {(row["market"], row["version"]): row for row in found["results"]},
            {row["event"]: Act(row["what"], row["source"], row["target"], row["account"]) for row in found["acts"]},
        )
