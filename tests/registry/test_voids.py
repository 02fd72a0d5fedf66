"""Prices made into payouts: the worked examples, an independent way of computing them, and what a void takes from the core."""

import random
from fractions import Fraction
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.registry.voids import normalised
from protocol import codes
from tests.registry.test_real_engine import Turns
from tests.registry.test_registry import BASE, FINAL, RESULT, change

P = 10_000


def ticks(*prices: str) -> list[Fraction]:
    return [Fraction(price) * P for price in prices]


@pytest.mark.parametrize(
    ("prices", "k", "exactly", "paid"),
    [
        (("0.48", "0.27", "0.29"), 1, True, (4615, 2596, 2789)),  # domain.md
        (("0.48", "0.27", "0.29"), 1, False, (4615, 2596, 2789)),
        (("0.40", "0.27", "0.29"), 1, False, (4000, 2700, 2900)),  # at most: never up
        (("0.40", "0.27", "0.29"), 1, True, (4167, 2812, 3021)),
        (("0", "0", "0"), 1, True, (3334, 3333, 3333)),  # no price anywhere
        (("0", "0", "0"), 2, False, (6667, 6667, 6666)),
        (("0.5", "0", "0"), 1, True, (10_000, 0, 0)),
        (("0.5", "0", "0"), 2, True, (10_000, 5000, 5000)),  # cut at P, the rest equally over those without a price
        (("0.9", "0.3", "0.3"), 2, True, (10_000, 5000, 5000)),  # 12,000 is cut at P, the rest in proportion
        (("0.9", "0.8", "0.2", "0.1"), 3, True, (10_000, 10_000, 6667, 3333)),  # cut twice
        (("0.99",), 1, False, (9900,)),
        (("0.48005",), 1, False, (4800,)),  # half a tick: rounded down
        (("0.00005", "0.00005"), 1, False, (1, 0)),  # together one tick, of equal remainders the lowest contract
    ],
)
def test_worked_examples(prices: tuple[str, ...], k: int, exactly: bool, paid: tuple[int, ...]) -> None:
    assert normalised(ticks(*prices), k, P, exactly) == paid


def water(prices: list[Fraction], k: int, payout: int) -> list[Fraction]:
    """Exactly k, otherwise computed: the factor f for which sum(min(P, f * price)) is k * P, by trying how many are cut."""
    order = sorted(range(len(prices)), key=lambda j: -prices[j])
    for cut in range(k + 1):
        rest = order[cut:]
        weight = sum(prices[j] for j in rest)
        if not weight:
            share = Fraction((k - cut) * payout, len(rest)) if rest else Fraction(0)
            return [Fraction(payout) if j in order[:cut] else share for j in range(len(prices))]
        factor = Fraction((k - cut) * payout) / weight
        if all(factor * prices[j] <= payout for j in rest) and all(factor * prices[j] >= payout for j in order[:cut]):
            return [Fraction(payout) if j in order[:cut] else factor * prices[j] for j in range(len(prices))]
    raise AssertionError


@pytest.mark.parametrize("seed", range(300))
def test_against_another_way(seed: int) -> None:
    rng = random.Random(seed)
    n = rng.randint(1, 8)
    k, payout = rng.randint(1, max(n - 1, 1)), rng.choice((7, 100, 10_000))
    prices = [Fraction(rng.choice((0, 0, 1, rng.randint(1, 2 * payout))), rng.choice((1, 2, 3))) for _ in range(n)]
    prices = [min(price, Fraction(payout)) for price in prices]
    exactly = rng.random() < 0.6 and n > k
    paid = normalised(prices, k, payout, exactly)
    assert all(0 <= one <= payout for one in paid)
    if exactly or not any(prices) or sum(prices) > k * payout:
        assert sum(paid) == k * payout
    else:
        assert sum(paid) == int(sum(prices)) and all(one <= price + 1 for one, price in zip(paid, prices))
    if exactly and any(prices):
        for one, share in zip(paid, water(prices, k, payout)):
            assert share - 1 < one < share + 1


# ---- the act, on the real core -----------------------------------------------------------------------------------------
RULE = ar.VoidRule(who="the venue", trigger="abandoned")
EVIDENCE = {name: getattr(RESULT, name) for name in RESULT.__struct_fields__ if name not in ("payouts", "event", "version")}
MINUTE_NS = 60 * 10**9


def void(event: str = "FINAL", **fields: Any) -> ar.Void:
    return ar.Void(**{**EVIDENCE, "event": event, "reason": "abandoned", **fields})


def world(**market: Any) -> Turns:
    return Turns().must([*BASE[:-2], change(FINAL, void=RULE, **market), ar.SetPhase(event="FINAL", phase="open")])


def newest(turns: Turns) -> Any:
    event = turns.engine.registry.events.named("FINAL")
    assert event is not None
    return event.determinations[-1]


def test_without_any_price_everybody_gets_the_same() -> None:
    turns = world()
    (answer,) = turns.do(void())
    assert answer.ok and answer.text.startswith(
        "FINAL is voided, version 1; it pays F-ESP 0.0034, F-DRAW 0.0033, F-ARG 0.0033 (by one person"
    )
    kept = newest(turns)
    assert (kept.kind, kept.record.payouts, kept.reason, kept.trigger_ns) == ("voided", (34, 33, 33), "abandoned", turns.engine.time_ns)
    turns.must([ar.Finalise(event="FINAL")])
    assert newest(turns).final_at_ns


def test_fixed_prices_are_those_declared() -> None:
    rule = ar.VoidRule(who="v", trigger="t", prices="fixed", fixed=("0.0020", "0.0020", "0.0010"))
    turns = Turns().must([*BASE[:-2], change(FINAL, void=rule), ar.SetPhase(event="FINAL", phase="open")])
    turns.must([void()])
    assert newest(turns).record.payouts == (40, 40, 20)


@pytest.mark.parametrize(
    ("market", "record", "code", "text"),
    [
        ({"void": None}, void(), codes.R_NO_VOID_POLICY, "FINAL declares no void policy"),
        ({}, void(trigger_at_ns=10**18), codes.R_VOID_TRIGGER, "is still to come"),
        ({}, void(version=3), codes.R_RESULT_VERSION, "the next one is 1, asked 3"),
        ({}, void("BTC-USD"), codes.R_UNKNOWN_EVENT, "there is no event"),
    ],
)
def test_what_is_refused(market: dict[str, Any], record: ar.Void, code: int, text: str) -> None:
    turns = Turns().must([*BASE[:-2], change(FINAL, **{"void": RULE, **market}), ar.SetPhase(event="FINAL", phase="open")])
    before = turns.engine.registry.to_bytes()
    (answer,) = turns.do(record)
    assert answer.code == code and text in answer.text and turns.engine.registry.to_bytes() == before


def test_a_market_that_never_opened_or_was_voided_is_not_voided() -> None:
    turns = Turns().must([*BASE[:-2], change(FINAL, void=RULE)])
    assert turns.do(void())[0].code == codes.R_NOT_VOIDABLE
    turns.must([ar.SetPhase(event="FINAL", phase="open"), void()])
    (answer,) = turns.do(void())
    assert answer.code == codes.R_NOT_VOIDABLE and "FINAL is voided; only a market that is open," in answer.text


@pytest.mark.parametrize(
    ("rule", "place", "text"),
    [
        ({"prices": "entry_price"}, "void.prices", "entry price is not what the other side received"),
        ({"prices": "fixed"}, "void.fixed", "one for each contract, 3, asked 0"),
        ({"fixed": ("0.1", "0.1", "0.1")}, "void.fixed", "prices are time_weighted_mid, so none is given, 0, asked 3"),
        ({"prices": "fixed", "fixed": ("0.001", "0.02", "0")}, "void.fixed[1]", "F-DRAW pays at most 0.0100, asked 0.02"),
        ({"prices": "fixed", "fixed": ("0.001", "0.00001", "0")}, "void.fixed[1]", "decimals"),
    ],
)
def test_a_policy_that_cannot_be_paid_is_refused_at_listing(rule: dict[str, Any], place: str, text: str) -> None:
    turns = Turns().must(BASE[:-2])
    (answer,) = turns.do(change(FINAL, void=ar.VoidRule(who="v", trigger="t", **rule)))
    assert answer.code == codes.R_VOID_POLICY and answer.text.startswith(place) and text in answer.text


def test_fixed_prices_and_outcomes_to_come_exclude_each_other() -> None:
    turns = Turns().must(BASE[:-2])
    rule = ar.VoidRule(who="v", trigger="t", prices="fixed", fixed=("0", "0", "0"))
    (answer,) = turns.do(change(FINAL, product="at_most", max_contracts=5, void=rule))
    assert answer.code == codes.R_VOID_POLICY and answer.text.startswith("void.prices: a market that gets new outcomes")
