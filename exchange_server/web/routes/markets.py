"""Venues, series, markets and their results."""

from typing import Any

from .. import schemas as S
from .. import words
from ..gateway import Gateway
from ..operation import Call, Operation
from ..problems import server_down, unknown
from . import paging, shown


async def _view(gateway: Gateway, name: str) -> dict[str, Any]:
    """A market by its name, with what was heard of it. Raises Refusal."""
    if not await gateway.reference.fresh(name):
        raise server_down(f"the exchange does not tell in time what changed in {name[:64]}")
    found = gateway.reference.markets.get(name)
    if found is None or not shown.contracts_of(gateway, name):
        raise unknown("market", name)
    return found


def _owned(gateway: Gateway) -> dict[str, list[str]]:
    """Names of the markets that are seen, by the venue that owns them."""
    found: dict[str, list[str]] = {}
    for name, view in gateway.reference.markets.items():
        if shown.contracts_of(gateway, name):
            found.setdefault(view["terms"].get("owner_venue") or "", []).append(name)
    return found


async def venues(call: Call) -> S.Venues:
    owned, rows = _owned(call.gateway), call.gateway.reference.venues
    return S.Venues(
        venues=[
            S.Venue(venue=name, title=((rows.get(name) or {}).get("record") or {}).get("title", ""), markets=len(owned[name]))
            for name in sorted(owned)
        ]
    )


def _series(gateway: Gateway, row: dict[str, Any]) -> S.Series | None:
    """A series as it is seen here; None: no market of it and no market of its venue is."""
    record = row["record"]
    seen = [name for name in row["markets"] if shown.contracts_of(gateway, name)]
    if not seen and record.get("venue") not in _owned(gateway):
        return None
    return S.Series(
        series=row["name"], title=record.get("title", ""), venue=record.get("venue", ""), closed=row["closed"] is not None,
        next_listing_at=words.maybe_time(row["next_at_ns"]), markets=sorted(seen),
    )  # fmt: skip


async def series_list(call: Call) -> S.SeriesList:
    found = {name: one for name, row in call.gateway.reference.series.items() if (one := _series(call.gateway, row)) is not None}
    page, cursor = paging.after(sorted(found), call.query.cursor, call.query.limit)
    return S.SeriesList(series=[found[name] for name in page], next_cursor=cursor)


async def one_series(call: Call) -> S.Series:
    name = call.path["series"]
    row = call.gateway.reference.series.get(name)
    found = _series(call.gateway, row) if row is not None else None
    if found is None:
        raise unknown("series", name)
    return found


async def market_list(call: Call) -> S.Markets:
    gateway, query = call.gateway, call.query
    await gateway.reference.fresh()  # in vain or not: phases and prices come from the feed
    words_asked = query.q.lower().split()
    names = []
    for name, view in gateway.reference.markets.items():
        terms = view["terms"]
        if query.series and terms.get("series") != query.series or query.venue and terms.get("owner_venue") != query.venue:
            continue
        if not shown.contracts_of(gateway, name):
            continue
        phase = gateway.feed.phases.get(gateway.reference.id_of.get(name, 0))
        if query.phase and (view["phase"] if phase is None else words.phase(phase)) != query.phase:
            continue
        text = f"{name} {view['title']} {' '.join(row['outcome'] for row in view['contracts'])}".lower() if words_asked else ""
        if all(word in text for word in words_asked):
            names.append(name)
    page, cursor = paging.after(sorted(names), query.cursor, query.limit)
    return S.Markets(markets=[shown.market(gateway, gateway.reference.markets[name]) for name in page], next_cursor=cursor)


async def market(call: Call) -> S.Market:
    return shown.market(call.gateway, await _view(call.gateway, call.path["market"]))


async def result(call: Call) -> S.Result:
    gateway = call.gateway
    view = await _view(gateway, call.path["market"])
    phase = gateway.feed.phases.get(gateway.reference.id_of[view["event"]])
    return S.Result(
        market=view["event"], phase=view["phase"] if phase is None else words.phase(phase),
        versions=[shown.version(view, one) for one in view["versions"]],
    )  # fmt: skip


OPERATIONS = (
    Operation("list_venues", "GET", "/v1/venues", "Venues whose markets are shown", S.Venues, venues),
    Operation("list_series", "GET", "/v1/series", "Series of markets", S.SeriesList, series_list, query=S.Page),
    Operation("get_series", "GET", "/v1/series/{series}", "One series", S.Series, one_series),
    Operation(
        "list_markets", "GET", "/v1/markets", "Markets with their contracts and best prices", S.Markets, market_list, query=S.MarketsQuery
    ),
    Operation("get_market", "GET", "/v1/markets/{market}", "One market", S.Market, market),
    Operation("get_result", "GET", "/v1/markets/{market}/result", "Every version of the result, with its evidence", S.Result, result),
)
