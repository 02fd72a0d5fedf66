"""The venue whole against the known answers, and every result as the record that a resolver sends."""

from collections import Counter

import pytest

from config import admin_records as ar
from config import load, results
from exchange_server.demo import facts as facts_of
from exchange_server.demo import outcomes as o
from tests import shipped_results

FACTS = facts_of.read()
OUTCOMES = o.outcomes(FACTS)
MARKETS = {
    item.record.event: item.record
    for item in load.load("tournament").items
    if isinstance(item.record, ar.DefineMarket) and item.record.payout
}


def paid(event: str) -> list[str]:
    market = MARKETS[event]
    return [ar.outcome_code(c) for c, ticks in zip(market.contracts, o.payouts(market, OUTCOMES[event])) if ticks == market.payout]


def test_the_venue_is_whole() -> None:
    contracts = Counter[str]()
    for market in MARKETS.values():
        contracts[o.family(market.event)] += len(market.contracts)
    assert contracts == dict(zip(o.FAMILIES, (48, 48, 48, 4 * 48, 3 * 104, 32, 5, 1)))
    assert contracts.total() == 686 and len(MARKETS) == 156
    assert {m.event: (m.product, m.k) for m in MARKETS.values() if "round" in o.family(m.event)} == {
        o.reach_event(r.round): ("exactly", r.teams) for r in FACTS.rounds
    }
    assert all((m.product, m.k) == ("at_most", 1) for m in MARKETS.values() if o.family(m.event) == "ties to win")


def test_every_market_has_a_result_and_every_result_a_market() -> None:
    assert OUTCOMES.keys() == MARKETS.keys()
    for event, market in MARKETS.items():
        record = o.determine(market, OUTCOMES[event], FACTS)
        assert len(record.payouts) == (0 if event == o.GOALS else len(market.contracts)) and sum(record.payouts) <= market.k * market.payout
        assert record.evidence_sha256 == FACTS.digest and record.observed_at_ns == OUTCOMES[event].at_ns


def test_known_answers() -> None:
    assert paid("WC26-WIN") == ["ESP"] and paid("WC26-FINAL") == ["DRAW"] and paid("WC26-FINAL-TIE") == ["ESP"]
    assert paid("WC26-M074") == ["DRAW"] and paid("WC26-M074-TIE") == [], "Paraguay went through on penalties"
    assert paid("WC26-SCORER") == ["MBAPPE"] and paid("WC26-REACH-FINAL") == ["ESP", "ARG"]
    assert [len(paid(o.reach_event(r.round))) for r in FACTS.rounds] == [32, 16, 8, 4, 2]
    assert OUTCOMES["WC26-FINAL"].observed == "Spain 0-0 Argentina after 90 minutes and stoppage time"
    assert OUTCOMES["WC26-WIN"].observed == OUTCOMES["WC26-FINAL-TIE"].observed == "Spain 1-0 Argentina after extra time"
    assert OUTCOMES["WC26-M074-TIE"].observed == "Germany 1-1 Paraguay after extra time, 3-4 on penalties"
    last_of_a = max(m.over_ns for m in FACTS.group_matches if m.group == "A")
    assert OUTCOMES["WC26-GRP-A"].at_ns == last_of_a < OUTCOMES["WC26-REACH-R32"].at_ns < OUTCOMES["WC26-REACH-R16"].at_ns


def test_the_result_that_is_disputed() -> None:
    market, wrong, right = MARKETS[o.DISPUTED], o.mistaken(o.DISPUTED, FACTS), OUTCOMES[o.DISPUTED]
    assert wrong.winners == ("BEL",) and wrong.observed == "Belgium 3-2 Senegal after extra time"
    assert right.winners == ("DRAW",) and right.observed == "Belgium 2-2 Senegal after 90 minutes and stoppage time"
    assert o.determine(market, wrong, FACTS).payouts == (10_000, 0, 0) and o.correct(market, right, FACTS).payouts == (0, 10_000, 0)
    assert o.known(market, right) == (0, 10_000, 0)


def test_the_market_that_is_voided() -> None:
    market, result = MARKETS[o.VOIDED], OUTCOMES[o.VOIDED]
    assert market.void is not None and market.void.prices == "fixed" and market.void.fixed == o.VOID_PRICES
    assert o.known(market, result) == (3_334, 3_333, 3_333) and o.payouts(market, result) == (0, 0, 10_000)
    record = o.void(result, FACTS)
    assert (record.rule_id, record.observed_value) == ("abandoned", "France - England abandoned in the first half")
    assert all(m.void is not None and (m.void.prices == "fixed") == (o.family(e) == "after 90 minutes") for e, m in MARKETS.items())


def test_the_goals_pay_between_the_bounds() -> None:
    market = MARKETS[o.GOALS]
    assert market.scalar is not None and (market.scalar.low, market.scalar.high) == (str(o.GOALS_LOW), str(o.GOALS_HIGH)) == ("200", "400")
    assert OUTCOMES[o.GOALS].observed == "308"
    assert OUTCOMES[o.GOALS].value == 308 and o.payouts(market, OUTCOMES[o.GOALS]) == (5_400,)
    for goals, ticks in ((199, 0), (200, 0), (201, 50), (400, 10_000), (401, 10_000)):
        assert o.payouts(market, OUTCOMES[o.GOALS]._replace(value=goals)) == (ticks,)


@pytest.mark.parametrize("settlement", results.load(shipped_results.FILE), ids=lambda s: s.event)
def test_the_shipped_results_are_those_of_the_facts(settlement: results.Settlement) -> None:
    mine = OUTCOMES[settlement.event]
    assert (settlement.winners, settlement.rule, settlement.observed) == (mine.winners, mine.rule, mine.observed)
