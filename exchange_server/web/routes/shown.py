"""Markets and contracts as the API shows them, from the feed and the reference."""

from typing import Any

from protocol import codes, numbers
from protocol import messages as M

from .. import schemas as S
from .. import words
from ..gateway import Gateway

NS = 10**9


def contract(gateway: Gateway, one: M.Definition) -> S.Contract:
    name = gateway.reference.market_of.get(one.symbol, "")
    view = gateway.reference.markets.get(name, {})
    outcome = next((row["outcome"] for row in view.get("contracts", ()) if row["symbol"] == one.symbol), "")
    book = gateway.feed.books.get(one.instrument)
    bid, ask = (book.best_bid, book.best_ask) if book is not None else (None, None)
    spot = one.product == codes.SPOT
    return S.Contract(
        contract=one.symbol, id=str(one.instrument), market=name, outcome=outcome or "", phase=words.phase(gateway.feed.phase_of(one)), asset=one.asset,
        base_asset=one.base_asset if spot else None, payout=None if spot else words.price(one, one.payout), price_decimals=one.price_decimals,
        quantity_decimals=one.qty_decimals,
        price_bands=[S.Band(low=words.price(one, low), high=words.price(one, high), step=words.price(one, step)) for low, high, step in one.bands],
        lot=words.quantity(one, one.lot), min_quantity=words.quantity(one, one.min_qty), max_quantity=words.quantity(one, one.max_qty),
        bid=words.price(one, bid[0]) if bid else None, ask=words.price(one, ask[0]) if ask else None,
        last=words.maybe_price(one, book.last if book is not None else 0),
    )  # fmt: skip


def contracts_of(gateway: Gateway, name: str) -> list[M.Definition]:
    """The contracts of a market that the feed sees, in their order."""
    return gateway.feed.of_market.get(gateway.reference.id_of.get(name, 0), [])


def market(gateway: Gateway, view: dict[str, Any]) -> S.Market:
    """view: of the question `markets`."""
    name, terms = view["event"], view["terms"]
    found = contracts_of(gateway, name)
    id = gateway.reference.id_of.get(name, 0)
    void = terms.get("void")
    payout = numbers.unscaled(view["payout"], view["price_decimals"]) if view["payout"] else None
    phase = gateway.feed.phases.get(id)
    return S.Market(
        market=name, id=str(id), title=view["title"], venue=terms.get("owner_venue") or "", series=terms.get("series") or None,
        product=view["product"], winners=view["k"], asset=view["asset"], payout=payout, phase=view["phase"] if phase is None else words.phase(phase),
        rules=terms.get("rules", ""), cut_off=terms.get("cut_off", ""), source=terms.get("source", ""), sources=list(terms.get("sources", ())),
        void=S.VoidPolicy(who=void["who"], trigger=void["trigger"], prices=void["prices"]) if void else None,
        challenge_window_s=terms.get("challenge_window_ns", 0) // NS, opens_at=words.maybe_time(terms.get("open_at_ns", 0)),
        live_at=words.maybe_time(terms.get("live_at_ns", 0)), closes_at=words.maybe_time(terms.get("close_at_ns", 0)),
        determined_by=words.maybe_time(terms.get("determine_by_ns", 0)), result_version=view["version"],
        contracts=[contract(gateway, one) for one in found],
    )  # fmt: skip


def version(view: dict[str, Any], one: dict[str, Any]) -> S.ResultVersion:
    """One version of the result of a market."""
    decimals = view["price_decimals"]
    symbols = [row["symbol"] for row in view["contracts"]]
    payouts = [S.Payout(contract=symbol, payout=numbers.unscaled(ticks, decimals)) for symbol, ticks in zip(symbols, one["payouts"])]
    return S.ResultVersion(
        version=one["version"], kind=one["kind"], decided_at=words.time_text(one["at_ns"]), window_ends_at=words.maybe_time(one["until_ns"]),
        final_at=words.maybe_time(one["final_at_ns"]), payouts=payouts, rule=one["rule_id"], source=one["source"], observed=one["observed_value"],
        observed_at=words.maybe_time(one["observed_at_ns"]), evidence_sha256=one["evidence_sha256"], evidence_name=one["evidence_name"],
        disputes=len(one["disputes"]), reason=one["reason"],
    )  # fmt: skip
