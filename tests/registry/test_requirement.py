"""What positions and orders require by the registry's formula, against what the core has locked after random trading."""

import random
from collections import defaultdict
from pathlib import Path

import msgspec

from config import admin_records as ar
from exchange_server import state
from exchange_server.registry import requirement, venue_copy
from protocol import codes
from tests.money_rig import Venue, trade_at_random, traders
from tests.registry.test_registry import change


def test_against_what_the_core_has_locked(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path))
    trade_at_random(venue, random.Random(3), 120, settle=False)
    market = venue.registry.events.named("FINAL").record
    venue.must(change(market, fees=change(market.fees, maker_bps=-50, taker_bps=400)))
    for name, symbol in (("T1", "F-ESP"), ("T2", "F-ARG"), ("T3", "F-DRAW")):
        venue.order(name, symbol, codes.BUY, 3, 7, no=True)
        venue.order(name, symbol, codes.SELL, 97, 9)
    copy = venue_copy.take(venue.registry, venue.engine.m, 1, venue.engine.row_seq)
    held: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    orders: dict[tuple[str, str], list[tuple[int, ar.OpeningOrder]]] = defaultdict(list)
    for part, row in venue_copy.parts(copy):
        if part not in ("positions", "orders"):
            continue
        instrument = venue.registry.instruments.named(row["symbol"])
        place = venue.registry.events[instrument.event_id].name, row["account"]
        if part == "positions":
            held[place][instrument.index] = row["quantity"]
        else:
            orders[place].append((instrument.index, msgspec.convert(row, ar.OpeningOrder)))
    needs: dict[tuple[str, str], int] = defaultdict(int)
    for event, account in {*held, *orders}:
        record = venue.registry.events.named(event).record
        for asset, amount in requirement.required(record, held[event, account], orders[event, account]).items():
            needs[account, asset] += amount
    assert len(needs) > 4
    for (account, asset), amount in needs.items():
        row = state.balance(venue.engine.m, venue.registry.accounts.named(account).id, venue.registry.assets.named(asset).id)
        assert row is not None and row[1] == amount, (account, asset)
    at_most = change(market, product="at_most", k=2)
    assert requirement.required(at_most, [5, -3, -4], ()) == {"USD": 700} and requirement.required(at_most, [5, 3, 4], ()) == {"USD": 0}
