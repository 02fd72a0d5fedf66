"""What operators are told of the markets: the registry's names beside the core's phase and counters. Read only."""

from typing import Any

import msgspec

from config.fields import fields_of
from config.market import DefineMarket, outcome_code
from protocol import phases

from ..core import layout as L
from ..core.layout import definitions as d
from .definitions import Definitions
from .engine_like import Words


def _row(m: Words, pool: int, width: int, id: int) -> int:
    return int(m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE]) + id * width


def _best(m: Words, instrument: int, ask: int) -> int | None:
    level = int(m[instrument + L.I_BEST + ask])
    return int(m[level + L.L_PRICE]) if level else None


# Where the arena has what the table of fields sends there.
_WORDS = {
    "DE_": dict(d.EVENT_COPIES),
    "DI_": dict((*d.INSTRUMENT_COPIES, *d.INSTRUMENT_LIVE_COPIES)),
}


def _terms(registry: Definitions, m: Words, record: DefineMarket, prefix: str, at: int) -> dict[str, Any]:
    """The fields that the core has, as it has them now, under their names in the record; `at`: the row of the event or instrument."""
    venues, assets = {row.id: row.name for row in registry.venues}, {row.id: row.name for row in registry.assets}
    fields = (field for field in fields_of(type(record)) if field.word.startswith(prefix))
    return {field.name: field.value(int(m[at + _WORDS[prefix][getattr(d, field.word)]]), venues, assets) for field in fields}


def _of_record(record: DefineMarket) -> dict[str, Any]:
    """The fields that the core does not know."""
    fields = (field for field in fields_of(type(record)) if not field.word and field.name != "contracts")
    return {field.name: msgspec.to_builtins(getattr(record, field.name)) for field in fields}


def market_view(registry: Definitions, m: Words, event_name: str = "") -> list[dict[str, Any]]:
    """One dict per event (or for the one named; an unknown name gives none), prices in ticks, quantities in lots.

    Keys: event, title, product, k, asset, payout, price_decimals, phase (a name), version (of the newest determination, 0: none), window_end_ns,
    final_at_ns, sets, terms, contracts: list of symbol, outcome, code, bid, ask, last (None: none), volume, open_interest, paid, terms. Terms are the fields of
    the market's record (config/market.py) by name: those of a contract as the core has them, those of the market as the core or the record has."""
    out = []
    for event in registry.events:
        if event_name and event.name != event_name:
            continue
        record = event.record
        e = _row(m, L.P_EVENT, L.EVENT_WORDS, event.id)
        contracts = []
        for instrument in registry.instruments_of(event):
            i = _row(m, L.P_INSTRUMENT, L.INSTRUMENT_WORDS, instrument.id)
            contract = record.contracts[instrument.index]
            contracts.append(
                {
                    "symbol": contract.symbol,
                    "outcome": contract.outcome,
                    "code": outcome_code(contract),
                    "bid": _best(m, i, L.BID),
                    "ask": _best(m, i, L.ASK),
                    "last": int(m[i + L.I_LAST]) or None,
                    "volume": int(m[i + L.I_VOLUME]),
                    "open_interest": int(m[i + L.I_OPEN_INTEREST]),
                    "paid": int(m[i + L.I_PAID]),
                    "terms": _terms(registry, m, record, "DI_", i),
                }
            )
        newest = event.determinations[-1] if event.determinations else None
        out.append(
            {
                "event": event.name,
                "title": record.title,
                "product": record.product,
                "k": record.k,
                "asset": record.asset,
                "payout": record.payout,
                "price_decimals": record.price_decimals,
                "phase": phases.name(int(m[e + L.E_PHASE_NOW])),
                "version": newest.version if newest else 0,
                "window_end_ns": int(m[e + L.E_WINDOW_END]),
                "final_at_ns": newest.final_at_ns if newest else 0,
                "sets": int(m[e + L.E_SETS]),
                "terms": {**_of_record(record), **_terms(registry, m, record, "DE_", e)},
                "contracts": contracts,
            }
        )
    return out
