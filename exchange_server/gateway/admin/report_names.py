"""The question `reports`: how far the event store's files may be read by another process, and the names that its rows have as numbers.

For `exos webhooks`, which reads the files itself. Like all output the answer is held until the journal is durable, so every event that it counts is durable
when the asker reads it; and it has the newest rows written to their files soon. Request, every field optional: `position` (an event number), lists of ids
`accounts`, `instruments`, `markets`, `acts` (numbers of events about money), `results` (pairs of market and version), and `firms` (names).
"""

from typing import Any

import numpy as np

from ...core.risk.visibility import visible
from ...journal.event_store import EventsMissing, EventStore
from ...registry import Registry, scopes
from ...registry.statement import EVIDENCE
from ...registry.tables import Event
from .office import BadRequest

MOST = 1024  # ids of a kind in one question
FIRMS_MOST = 4096


class ReportNames:
    """Answers the verb. registry, arena and store are the server's."""

    def __init__(self, registry: Registry, arena: Any, store: EventStore) -> None:
        self.registry, self.arena, self.store = registry, arena, store

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Keys: events (the number of the last one), written (that of the last one that is in its file: what is in a file after it may be of a time before
        a crash), kept_from (events below it were removed as too old), missing (None, or the first and last
        event of the gap in which `position` is, and whether it is lost for good), assets, accounts, instruments, markets, acts, results. What an id does not name is left
        out. Raises BadRequest."""
        registry = self.registry
        firms = request.get("firms", [])
        if not isinstance(firms, list) or len(firms) > FIRMS_MOST or not all(isinstance(name, str) for name in firms):
            raise BadRequest(f"firms: a list of at most {FIRMS_MOST} names is required")
        markets = [event for id in _ids(request, "markets") if (event := registry.events.get(id)) is not None]
        written = self.store.written_to - 1
        self.store.write_soon()
        return {
            "missing": self._missing(request.get("position", 0)), "events": self.store.next_number - 1, "written": written, "kept_from": self.store.kept_from,
            "assets": [[row.id, row.name, row.record.decimals] for row in registry.assets],
            "accounts": [found for id in _ids(request, "accounts") if (found := self._account(id)) is not None],
            "instruments": [found for id in _ids(request, "instruments") if (found := self._instrument(id)) is not None],
            "markets": self._markets(markets, firms),
            "acts": [found for number in _ids(request, "acts") if (found := self._act(number)) is not None],
            "results": [found for market, version in _pairs(request) if (found := self._result(market, version)) is not None],
        }  # fmt: skip

    def _missing(self, position: Any) -> dict[str, Any] | None:
        """Reading it here has a damaged row rebuilt."""
        if not isinstance(position, int) or isinstance(position, bool) or position < 0:
            raise BadRequest("position: the number of an event is required")
        if not 0 < position < self.store.next_number:
            return None
        try:
            self.store.row(position)
        except EventsMissing as missing:
            return {"first": missing.first, "last": missing.last, "lost": missing.lost}
        return None

    def _account(self, id: int) -> dict[str, Any] | None:
        row = self.registry.accounts.get(id)
        if row is None:
            return None
        firm = self.registry.firms.get(row.firm)
        return {"id": id, "name": row.name, "firm": firm.name if firm else "", "venue": scopes.of_account(self.registry, row).venue}

    def _instrument(self, id: int) -> dict[str, Any] | None:
        row = self.registry.instruments.get(id)
        if row is None:
            return None
        market = row.market
        asset = self.registry.assets.named(market.asset)
        return {
            "id": id, "symbol": row.symbol, "market": row.event_id, "asset": market.asset, "asset_decimals": asset.record.decimals if asset else 0,
            "price_decimals": market.price_decimals, "qty_decimals": market.qty_decimals,
        }  # fmt: skip

    def _markets(self, markets: list[Event], firms: list[str]) -> list[dict[str, Any]]:
        """`seen_by`: which of the firms see the market, by the rule for market data: one of their sessions does."""
        last = max((event.first_instrument for event in markets), default=0)
        seen: dict[str, Any] = {}
        for name in firms if markets else ():
            firm = self.registry.firms.named(name)
            if firm is None:
                continue
            out = np.zeros(last + 1, dtype=np.uint8)
            by_venue = {row.venue: row.id for row in self.registry.sessions if row.firm == firm.id and row.closed is None}
            seen[name] = np.zeros_like(out)
            for session in by_venue.values():  # all sessions of a firm through one venue see the same
                visible(self.arena, session, out)
                seen[name] |= out
        return [
            {
                "id": event.id, "name": event.name, "venue": event.record.owner_venue,
                "seen_by": [name for name, found in seen.items() if event.closed is None and found[event.first_instrument]],
            }
            for event in markets
        ]  # fmt: skip

    def _act(self, number: int) -> dict[str, Any] | None:
        """The act about money of which the event is the first or the second row: `what`, and `source` and `target` of a move, ids; `account`: whose hold."""
        key = self.registry.moves.get(number) or self.registry.moves.get(number - 1)
        if key is None:
            return None
        done = self.registry.done[key]
        return {"event": number, "what": done.what, **{name: done.result.get(name, 0) for name in ("source", "target", "account")}}

    def _result(self, market: int, version: int) -> dict[str, Any] | None:
        """What a version of a result says, or one of a contract ahead of its market: payouts in ticks of all its contracts, or of that one."""
        event = self.registry.events.get(market)
        said = event.said(version) if event is not None else None
        if event is None or said is None:
            return None
        rows = self.registry.instruments_of(event)
        payouts = getattr(said, "payouts", None)
        if payouts is None:
            one: Any = next(one for one in event.ahead if one.version == version)
            payouts, rows = (one.record.payout,), [rows[one.index]]
        return {
            "market": market, "version": version, **{name: getattr(said, name) for name in EVIDENCE}, "price_decimals": event.record.price_decimals,
            "payouts": [[row.symbol, ticks] for row, ticks in zip(rows, payouts)],
        }  # fmt: skip


def _ids(request: dict[str, Any], key: str) -> list[int]:
    found = request.get(key, [])
    if not isinstance(found, list) or len(found) > MOST or not all(isinstance(id, int) and not isinstance(id, bool) for id in found):
        raise BadRequest(f"{key}: a list of at most {MOST} numbers is required")
    return found


def _pairs(request: dict[str, Any]) -> list[tuple[int, int]]:
    found = request.get("results", [])
    whole = isinstance(found, list) and len(found) <= MOST and all(isinstance(one, list) and len(one) == 2 for one in found)
    if not whole or not all(isinstance(number, int) and not isinstance(number, bool) for one in found for number in one):
        raise BadRequest(f"results: a list of at most {MOST} pairs of numbers is required, a market and a version")
    return [(market, version) for market, version in found]
