"""What the clients know in advance, read from the configuration that the server was started with: instruments, funds and logins."""

import random
from collections.abc import Iterable
from typing import NamedTuple

from config import admin_records as ar
from config import load

from .reports import Contract

ASSET = "USD"
SPOT_PRICE = 60_000  # the common belief about a spot pair at the start, in the quote asset


class Login(NamedTuple):
    """How a session logs on. user: key of the binary wire, Username of FIX; peer: the server's CompID. venue: through which it trades, "" for
    a session of the platform, which sees what owners list."""

    name: str
    wire: str
    account: str
    venue: str
    user: str
    secret: str
    peer: str


class World(NamedTuple):
    """contracts by symbol, spot pairs among them; events: name to symbols, without spot pairs; markets: name to its definition; deposits:
    account name to minor units by asset; decimals by asset; logins by session; listed: what each venue offers beside its own, by event."""

    contracts: dict[str, Contract]
    events: dict[str, list[str]]
    markets: dict[str, ar.DefineMarket]
    deposits: dict[str, dict[str, int]]
    decimals: dict[str, int]
    logins: dict[str, Login]
    listed: dict[str, list[str]]

    def offered(self, venue: str) -> list[str]:
        """The symbols that a session of this venue sees."""
        own = [m for m in self.markets.values() if not venue or m.owner_venue == venue or m.event in self.listed.get(venue, ())]
        return [contract.symbol for market in own for contract in market.contracts]


def of(files: Iterable[str]) -> World:
    """The world of these configuration files, read in their order."""
    records: list[ar.AnyRecord] = []
    decimals: dict[str, int] = {}
    for file in files:
        content = load.load(file, known=decimals)
        records += [item.record for item in content.items]
        decimals |= content.decimals
    markets = {r.event: r for r in records if isinstance(r, ar.DefineMarket)}
    contracts = {c.symbol: _contract(c, market, decimals) for market in markets.values() for c in market.contracts}
    deposits: dict[str, dict[str, int]] = {r.name: {} for r in records if isinstance(r, ar.DefineAccount)}
    listed: dict[str, list[str]] = {}
    for record in records:
        if isinstance(record, ar.Transfer) and record.target:
            deposits[record.target][record.asset] = record.amount
        elif isinstance(record, ar.DefineListing):
            listed.setdefault(record.venue, []).append(record.event)
    logins = {
        r.name: Login(r.name, r.wire, r.account, r.venue, r.key or r.username, r.secret, r.our_comp_id)
        for r in records
        if isinstance(r, ar.DefineSession)
    }
    events = {name: [c.symbol for c in market.contracts] for name, market in markets.items() if market.product != "spot"}
    return World(contracts, events, markets, deposits, decimals, logins, listed)


def _contract(contract: ar.Contract, market: ar.DefineMarket, decimals: dict[str, int]) -> Contract:
    return Contract(
        contract.symbol, market.payout, market.tick_value, market.price_decimals, decimals[market.asset], market.base_asset, market.lot_base,
        market.bands[-1].high,
    )  # fmt: skip


def fair_prices(world: World, seed: int) -> dict[str, int]:
    """The common belief at the start, in ticks: a few favourites, many outsiders; each event's prices sum to about k times P."""
    rng = random.Random(f"fair {seed}")
    fair = {}
    for market in world.markets.values():
        weights = [rng.paretovariate(1.2) for _ in market.contracts]
        for contract, weight in zip(market.contracts, weights):
            if not market.payout:
                fair[contract.symbol] = SPOT_PRICE * 10**market.price_decimals
                continue
            share = weight / sum(weights) if len(weights) > 1 else rng.uniform(0.2, 0.8)
            fair[contract.symbol] = min(
                max(round(market.payout * max(market.k, 1) * share), market.payout // 50), market.payout - market.payout // 50
            )
    return fair
