"""The operators' view of the markets: the registry's names with the core's phase and counters. Read only."""

from typing import Any

import msgspec

from config.fields import fields_of
from config.market import DefineMarket, outcome_code
from protocol import phases

from .. import state
from ..core.layout import definitions as d
from .definitions import Definitions
from .engine_like import Words
from .statement import EVIDENCE
from .tables import Ahead, Determination, Event


def _terms(registry: Definitions, row: state.Event | state.Instrument, record: DefineMarket, prefix: str) -> dict[str, Any]:
    """The fields that the core has, with their current values, under their names in the record."""
    venues, assets = {row.id: row.name for row in registry.venues}, {row.id: row.name for row in registry.assets}
    fields = (field for field in fields_of(type(record)) if field.word.startswith(prefix))
    return {field.name: field.value(row.defined(getattr(d, field.word)), venues, assets) for field in fields}


def _of_record(record: DefineMarket) -> dict[str, Any]:
    """The fields that only the record has, not the core."""
    fields = (field for field in fields_of(type(record)) if not field.word and field.name != "contracts")
    return {field.name: msgspec.to_builtins(getattr(record, field.name)) for field in fields}


def version_view(registry: Definitions, kept: Determination) -> dict[str, Any]:
    """One version of a result: number, kind, who, when, payouts in ticks, evidence, window, disputes, and how it ended."""
    record = msgspec.to_builtins(kept.record)
    out: dict[str, Any] = {"version": kept.version, "kind": kept.kind, "who": kept.who, "at_ns": kept.at_ns, "until_ns": kept.until_ns}
    out |= {name: record[name] for name in (*EVIDENCE, "payouts")}
    out["other"] = {name: msgspec.to_builtins(kept.other)[name] for name in EVIDENCE} if kept.other is not None else None
    return out | _contested(registry, kept) | {"trigger_ns": kept.trigger_ns, "reason": kept.reason, "final_at_ns": kept.final_at_ns}


def ahead_view(registry: Definitions, event: Event, index: int) -> dict[str, Any] | None:
    """How a contract stands ahead of the rest: version, who, when, payout in ticks, evidence, window, disputes, when it was paid; None: it is with them."""
    one = event.ahead_of(index)
    if one is None:
        return None
    said = {name: getattr(one.record, name) for name in (*EVIDENCE, "payout")}
    return {
        "version": one.version, "kind": one.kind, "who": one.who, "at_ns": one.at_ns, "until_ns": one.until_ns, "final_at_ns": one.final_at_ns,
        **_contested(registry, one), **said,
    }  # fmt: skip


def _contested(registry: Definitions, one: Determination | Ahead) -> dict[str, Any]:
    """Who disputed a version, and who upheld it."""
    return {
        "disputes": [{**msgspec.structs.asdict(row), "firm": registry.firms[row.firm].name} for row in one.disputes],
        "upheld": msgspec.structs.asdict(one.upheld) if one.upheld is not None else None,
    }


def market_view(registry: Definitions, m: Words, event_name: str = "") -> list[dict[str, Any]]:
    """One dict per event (or for the one named; an unknown name gives none), prices in ticks, quantities in lots.

    Keys: event, title, product, k, asset, payout, price_decimals, phase (a name), version (of the newest determination, 0: none),
    window_end_ns, final_at_ns, settling (its accounts are being paid), overdue_ns (0: it is not), sets, terms, versions (of the result, `version_view`), heard (what single sources said), contracts: list of symbol, outcome, code, bid, ask, last (None: none), volume, open_interest,
    paid, ahead (None, or how it stands ahead of the rest), terms. Terms are the fields of the market's record (config/market.py) by name: those of a contract as the core has them, those of
    the market as the core or the record has."""
    out = []
    for event in registry.events:
        if event_name and event.name != event_name:
            continue
        record = event.record
        now = state.Event.of(m, event.id)
        contracts = []
        for instrument in registry.instruments_of(event):
            book = state.Instrument.of(m, instrument.id)
            contract = record.contracts[instrument.index]
            contracts.append(
                {
                    "symbol": contract.symbol,
                    "outcome": contract.outcome,
                    "code": outcome_code(contract),
                    "bid": book.best_bid,
                    "ask": book.best_ask,
                    "last": book.last or None,
                    "volume": book.volume,
                    "open_interest": book.open_interest,
                    "paid": book.paid,
                    "ahead": ahead_view(registry, event, instrument.index),
                    "terms": _terms(registry, book, record, "DI_"),
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
                "phase": phases.name(now.phase),
                "version": newest.version if newest else 0,
                "window_end_ns": now.window_end,
                "final_at_ns": newest.final_at_ns if newest else 0,
                "settling": bool(now.settling),
                "overdue_ns": event.overdue_ns,
                "sets": now.sets,
                "versions": [version_view(registry, kept) for kept in event.determinations],
                "heard": [version_view(registry, kept) for kept in event.heard],
                "terms": {**_of_record(record), **_terms(registry, now, record, "DE_")},
                "contracts": contracts,
            }
        )
    return out
