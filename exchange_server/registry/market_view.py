"""What operators are told of the markets: the registry's names beside the core's phase and counters. Read only."""

from typing import Any

from config.admin_records import outcome_code
from protocol import phases

from ..core import layout as L
from .definitions import Definitions
from .engine_like import Words


def _row(m: Words, pool: int, width: int, id: int) -> int:
    return int(m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_BASE]) + id * width


def _best(m: Words, instrument: int, word: int) -> int | None:
    level = int(m[instrument + word])
    return int(m[level + L.L_PRICE]) if level else None


def market_view(registry: Definitions, m: Words, event_name: str = "") -> list[dict[str, Any]]:
    """One dict per event (or for the one named; an unknown name gives none), prices in ticks, quantities in lots.

    Keys: event, title, product, k, asset, payout, price_decimals, phase (a name), version (of the newest determination, 0: none), window_end_ns,
    final_at_ns, sets, contracts: list of symbol, outcome, code, bid, ask, last (None: none), volume, open_interest, paid."""
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
                    "bid": _best(m, i, L.I_BEST_BID),
                    "ask": _best(m, i, L.I_BEST_ASK),
                    "last": int(m[i + L.I_LAST]) or None,
                    "volume": int(m[i + L.I_VOLUME]),
                    "open_interest": int(m[i + L.I_OPEN_INTEREST]),
                    "paid": int(m[i + L.I_PAID]),
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
                "contracts": contracts,
            }
        )
    return out
