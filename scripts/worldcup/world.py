# tidy: allow test-file because tests/scripts/test_main_job.py tests it with the other parts of the main job
"""What the clients of the main job know in advance: the sandbox's instruments, funds and credentials, from its published configuration."""

import random
from typing import NamedTuple

from config import admin_records as ar
from config import load

from .books import Contract

ASSET = "USD"
MAKER_FIRMS = "MM"
TAKER_FIRMS = "CLIENT"


class World(NamedTuple):
    """contracts by symbol; events: name to symbols; markets: name to its definition; deposits: account name to minor units of ASSET,
    which has `decimals`."""

    contracts: dict[str, Contract]
    events: dict[str, list[str]]
    markets: dict[str, ar.DefineMarket]
    deposits: dict[str, int]
    decimals: int


def sandbox() -> World:
    """The World Cup's markets of config/sandbox.toml (the spot pair has no result and is not settled)."""
    records = [item.record for item in load.load("sandbox").items]
    decimals = {r.name: r.decimals for r in records if isinstance(r, ar.DefineAsset)}
    markets = {r.event: r for r in records if isinstance(r, ar.DefineMarket) and r.product != "spot"}
    contracts = {
        c.symbol: Contract(c.symbol, market.payout, market.tick_value, market.price_decimals, decimals[market.asset])
        for market in markets.values()
        for c in market.contracts
    }
    deposits = {r.target: r.amount for r in records if isinstance(r, ar.Transfer) and r.asset == ASSET and r.target}
    events = {name: [c.symbol for c in market.contracts] for name, market in markets.items()}
    return World(contracts, events, markets, deposits, decimals[ASSET])


def fair_prices(world: World, seed: int) -> dict[str, int]:
    """The common belief at the start, in ticks: a few favourites, many outsiders; each event's prices sum to about P."""
    rng = random.Random(f"fair {seed}")
    fair = {}
    for symbols in world.events.values():
        weights = [rng.paretovariate(1.2) for _ in symbols]
        for symbol, weight in zip(symbols, weights):
            payout = world.contracts[symbol].payout
            fair[symbol] = min(max(round(payout * weight / sum(weights)), payout // 50), payout - payout // 50)
    return fair
