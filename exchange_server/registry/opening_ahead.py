"""Contracts that stand ahead of their group in a venue that moves here: what must be true of them, the rows of core/markets/opening.py, and how they go on.

How a contract stands is its newest version that has not ended (tables.Ahead); positions that were paid are the part `settled` of the archive. Of a market that
is final nothing is left ahead of it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from config import admin_records as ar
from config import market as market_record
from protocol import codes, phases

from ..core.layout import definitions as d
from . import settlement
from .definitions import Definitions
from .refused import Refused
from .tables import Ahead, Event

PRODUCTS = dict(market_record.PRODUCTS)
Standing = dict[int, Ahead]  # by index of the contract


def standing(results: dict[str, Any], phase: int) -> Standing:
    """The contracts that are ahead of a market in a phase. results: fields of its event beside the definition."""
    return {one.index: one for one in results.get("ahead", ()) if not one.ended} if phase != codes.PH_FINAL else {}


def paid(standing: Standing) -> dict[int, int]:
    """What was paid ahead, ticks, by index of the contract."""
    return {index: one.record.payout for index, one in standing.items() if one.final_at_ns}


def _bad(sentence: str, key: Any = "markets") -> Refused:
    return Refused(codes.R_OPENING_MARKET, sentence, key)


def check(event: Event, market: ar.OpeningMarket, results: dict[str, Any], record: ar.Opening) -> None:
    """Raises Refused unless the versions of single contracts fit the market, its phase and its result."""
    name, phase = event.name, phases.BY_NAME[market.phase]
    found = standing(results, phase)
    if not found:
        return
    if record.settled is None:
        raise _bad(f"{name} has contracts that are ahead of the rest, and the archive does not say what was paid for them: export it anew")
    if len(found) != sum(not one.ended for one in results["ahead"]):
        raise _bad(f"{name} has two results of one contract ahead of the rest")
    terms, versions = event.record, results.get("determinations", ())
    for index, one in found.items():
        if not 0 <= index < event.n or terms.contracts[index].symbol != one.record.symbol:
            raise _bad(f"{name}: {one.record.symbol} is not its contract {index}")
        if one.record.payout not in (0, terms.payout):
            raise _bad(f"{name}: {one.record.symbol} pays {one.record.payout} ahead of the rest, it pays 0 or {terms.payout}")
        if not one.final_at_ns and not phases.allows(phase, phases.AHEAD):
            raise _bad(f"{name} is {market.phase}: {one.record.symbol} is not determined ahead of it any more")
        if one.final_at_ns and versions and versions[-1].record.payouts[index] != one.record.payout:
            raise _bad(f"{name} pays something else for {one.record.symbol} than was paid ahead of it")
    winners = terms.k - sum(one.record.payout > 0 for one in found.values())
    if not phases.leaves_open(PRODUCTS[terms.product], winners, event.n - len(found)):
        raise _bad(f"{name}: the contracts ahead of the rest leave nothing open ({winners} winners among {event.n - len(found)} contracts)")


def check_rows(events: dict[str, Event], standings: dict[str, Standing], event_of: dict[str, str], record: ar.Opening) -> None:
    """No order rests in a contract that is ahead, no position is left in one that was paid; what was paid is told of these, of accounts with a place. event_of: of a
    symbol. Raises Refused."""
    ahead = {one.record.symbol: one for found in standings.values() for one in found.values()}
    for i, order in enumerate(record.orders):
        if order.symbol in ahead:
            raise _bad(f"{order.symbol} is ahead of the rest: no orders rest in it", ("orders", i, "symbol"))
    for i, row in enumerate(record.positions):
        if row.symbol in ahead and ahead[row.symbol].final_at_ns:
            raise _bad(f"{row.symbol} was paid ahead of the rest: no positions are left in it", ("positions", i, "symbol"))
    places = {(place.event, place.account) for place in record.places}
    seen: set[tuple[str, str]] = set()
    sums: dict[str, int] = {}
    for i, row in enumerate(record.settled or ()):
        if row.symbol not in ahead or not ahead[row.symbol].final_at_ns:
            raise _bad(f"{row.symbol} was not paid ahead of the rest", ("settled", i, "symbol"))
        if (event_of[row.symbol], row.account) not in places:
            raise _bad(f"{row.account} was paid for {row.symbol} and has no place there", ("settled", i, "account"))
        if (row.symbol, row.account) in seen or not row.quantity:
            raise _bad(f"{row.account} was paid for {row.symbol} twice, or for nothing", ("settled", i))
        market = events[event_of[row.symbol]].record
        if abs(row.quantity) * market.payout * market.tick_value >= 1 << 61:
            raise _bad(f"{row.quantity} contracts are worth more than can be held", ("settled", i, "quantity"))
        seen.add((row.symbol, row.account))
        sums[row.symbol] = sums.get(row.symbol, 0) + row.quantity
    for symbol, total in sums.items():
        if total < 0 or total and events[event_of[symbol]].record.product != "exactly":
            raise Refused(codes.R_OPENING_SUM, f"{symbol}: long less short of what was paid is {total}", "settled", 0, total)


def fields(one: Ahead) -> dict[int, int]:
    """The words of the OPENING_CONTRACT of a contract that is ahead."""
    phase = codes.PH_FINAL if one.final_at_ns else codes.PH_DISPUTED if one.disputed else codes.PH_DETERMINED
    return {d.DO_PHASE: phase, d.DO_VERSION: one.version, d.DO_UNTIL: one.until_ns, d.DO_PAID: one.record.payout}


def waiting(found: Standing) -> Iterator[Ahead]:
    """Those that become final by themselves."""
    return (one for one in found.values() if not one.final_at_ns and not one.disputed)


def windows_open(after: Definitions, event: Event, found: Standing, now_ns: int) -> None:
    """In the commit of an import: what has a challenge window is paid at its end."""
    for one in waiting(found):
        act = ar.FinaliseOne(event=event.name, symbol=one.record.symbol, version=one.version)
        settlement.pays_itself(after, event, one.until_ns, act, settlement.kind_of(one.record.symbol), now_ns)


def by_place(record: ar.Opening, event_of: dict[str, str]) -> dict[tuple[str, str], Sequence[ar.OpeningPosition]]:
    """What was paid ahead, by (event, account)."""
    found: dict[tuple[str, str], list[ar.OpeningPosition]] = {}
    for row in record.settled or ():
        found.setdefault((event_of[row.symbol], row.account), []).append(row)
    return dict(found)
