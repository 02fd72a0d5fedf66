"""What a market must satisfy: every rule with the sentence it refuses by, and the symmetric grid against plain enumeration."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import admin_records as ar
from exchange_server.core.layout import definitions
from exchange_server.registry import listing_rules as rules
from exchange_server.registry.listing_rules import LIMIT, check_market
from exchange_server.registry.refused import Refused
from protocol import codes, numbers
from tests.registry.test_registry import FINAL, SPOT, change

BAND = ar.Band(low=1, high=99, step=1)
FEES = ar.Fees(model="quadratic", taker_bps=100)


def names(count: int) -> tuple[ar.Contract, ...]:
    return tuple(ar.Contract(symbol=f"X-{i}") for i in range(count))


def test_sound_markets_pass() -> None:
    for market in (
        FINAL,
        SPOT,
        change(FINAL, k=2),
        change(FINAL, product="at_most", k=3),
        change(FINAL, product="at_most", contracts=names(1), k=1),
    ):
        check_market(market)


B = codes.R_BAD_DEFINITION
BROKEN: list[tuple[Any, int, str]] = [
    (change(FINAL, k=3), B, "k: with exactly 3 of 3 winners every contract always pays in full and NO never pays"),
    (change(FINAL, contracts=names(1), k=1), B, "k: with exactly 1 of 1 winners every contract always pays in full and NO never pays"),
    (change(FINAL, k=0), B, "k: the number of winners must be between 1 and the number of contracts, 3, asked 0"),
    (change(FINAL, k=4), B, "asked 4"),
    (change(FINAL, payout=1), B, "payout: an event contract pays at least 2 ticks, 0.0002, asked 0.0001"),
    (change(FINAL, payout=0), B, "payout: "),
    (change(FINAL, base_asset="BTC"), B, "base_asset: only a spot pair has one, asked BTC"),
    (change(FINAL, lot_base=1), B, "lot_base: only a spot pair has one, asked 1"),
    (change(FINAL, rules="  "), B, "rules: the rules of settlement must be written before listing"),
    (change(FINAL, source=""), B, "source: "),
    (change(FINAL, max_position=0), B, "max_position: an event contract needs a maximum position"),
    (change(FINAL, contracts=names(4081), k=1), B, "contracts: an event has at most 4080 contracts, asked 4081"),
    (change(FINAL, contracts=(*names(2), names(1)[0])), B, "contracts[2].symbol: X-0 appears twice"),
    (change(FINAL, contracts=(ar.Contract(symbol="A-X"), ar.Contract(symbol="B-X"))), B, "contracts[1].code: X appears twice"),
    (change(SPOT, k=1), B, "k: a spot pair has none, asked 1"),
    (change(SPOT, payout=10), B, "payout: a spot pair has none, asked 10"),
    (change(SPOT, challenge_window_ns=1), B, "challenge_window_ns: a spot pair has none"),
    (change(SPOT, contracts=names(2)), B, "contracts: a spot pair is one instrument, asked 2"),
    (change(SPOT, base_asset=""), B, "base_asset: a spot pair names the asset"),
    (change(SPOT, base_asset="USD"), B, "base_asset: base and quote asset are both USD"),
    (change(SPOT, lot_base=0), B, "lot_base: minor units of the base asset per lot must be at least 1"),
    (change(SPOT, void=ar.VoidRule(who="a", trigger="b")), B, "void: a spot pair is never voided"),
    (change(FINAL, min_qty=1001), B, "min_qty: above max_qty 1000, asked 1001"),
    (change(FINAL, lot=7), B, "min_qty: not a multiple of the lot 7, asked 1"),
    (change(FINAL, lot=3, min_qty=3), B, "max_qty: not a multiple of the lot 3, asked 1000"),
    (change(FINAL, bands=(BAND,) * 9), B, "bands: at most 8 bands, asked 9"),
    (change(FINAL, bands=(ar.Band(low=5, high=4, step=1),)), B, "bands[0].high: below low 0.0005, asked 0.0004"),
    (
        change(FINAL, bands=(ar.Band(low=1, high=99, step=3),)),
        B,
        "bands[0].high: not on the band's own grid: low 0.0001 plus a multiple of step 0.0003",
    ),
    (
        change(FINAL, bands=(ar.Band(low=1, high=60, step=1), ar.Band(low=50, high=99, step=1))),
        B,
        "bands[1].low: bands must rise without overlap",
    ),
    (
        change(FINAL, bands=(ar.Band(low=1, high=100, step=1),)),
        B,
        "bands[0].high: an event contract trades at 0.0001 to 0.0099, asked 0.0100",
    ),
    (
        change(FINAL, bands=(ar.Band(low=1, high=98, step=1),)),
        B,
        "price 0.0001 is on the grid, but its NO price 0.0099 (payout 0.0100 minus it)",
    ),
    (change(FINAL, bands=(ar.Band(low=1, high=51, step=5), ar.Band(low=51, high=99, step=1))), B, "make the grid symmetric"),
    (change(FINAL, fees=change(FEES, model="notional")), B, "fees.model: event contracts take only fees that are the same for YES and NO"),
    (change(SPOT, fees=FEES), B, "fees.model: a spot pair takes fees on notional only, asked quadratic"),
    (change(FINAL, fees=change(FEES, taker_bps=-1)), B, "fees.taker_bps: a taker's rate is not negative, asked -1"),
    (change(FINAL, fees=change(FEES, maker_bps=-101)), B, "fees.maker_bps: a rebate is at most the taker's rate 100, asked -101"),
    (
        change(FINAL, fees=change(FEES, owner_share_bps=6000, venue_share_bps=4001)),
        B,
        "fees.owner_share_bps: the shares sum to 10001, the limit is 10000",
    ),
    (
        change(FINAL, void=ar.VoidRule(who="a", trigger="b", prices="entry_price")),
        codes.R_VOID_POLICY,
        "void.prices: refunding each account's entry price is not possible",
    ),
    (change(FINAL, admits=("V2",)), B, "admits: other venues can be admitted only to a shared market"),
]


@pytest.mark.parametrize(("market", "code", "sentence"), BROKEN, ids=[sentence[:40] for _, _, sentence in BROKEN])
def test_a_broken_rule_is_named(market: ar.DefineMarket, code: int, sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        check_market(market)
    assert caught.value.refusal.code == code and sentence in caught.value.refusal.text, caught.value.refusal


def largest(market: ar.DefineMarket, field: str, high: int = LIMIT) -> int:
    """The largest value of a field that passes, by bisection."""
    low, said = 1, ""
    while low < high:
        middle = (low + high + 1) // 2
        try:
            check_market(change(market, **{field: middle}))
            low = middle
        except Refused as error:
            refused = error.refusal
            assert refused.code == codes.R_OVERFLOW and refused.limit == LIMIT and "2^62" in refused.text
            high, said = middle - 1, refused.text
    most = f"at most {numbers.unscaled(low, 0 if field == 'lot_base' else market.qty_decimals)}, asked "
    assert f"{field}: " not in said or most in said, "it names the largest one that passes"
    return low


@pytest.mark.parametrize(
    ("market", "field", "amount"),
    [
        (FINAL, "max_qty", lambda q: 2500 * q * 10_000),
        (change(FINAL, payout=101, bands=(ar.Band(low=1, high=100, step=1),), tick_value=3), "max_qty", lambda q: 2551 * q * 10_000 * 3),
        (FINAL, "max_position", lambda q: 3 * 100 * q),
        (SPOT, "max_qty", lambda q: 10_000_000 * q * 10_000),
        (SPOT, "lot_base", lambda q: q * 1000),
        (SPOT, "tick_value", lambda q: 10_000_000 * 1000 * 10_000 * q),
    ],
)
def test_amounts_stay_below_two_to_the_62_and_no_further(market: ar.DefineMarket, field: str, amount: Any) -> None:
    value = largest(market, field)
    assert amount(value) < LIMIT <= amount(value + 1)


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 6), st.integers(1, 4)), min_size=1, max_size=4),
    st.booleans(),
)
def test_the_grid_is_symmetric_exactly_when_its_points_are(shape: list[tuple[int, int, int]], mirrored: bool) -> None:
    """Bands of (gap, steps, step) laid side by side; half of them completed to a symmetric grid. Judge: the set of points."""
    bands, at = [], 1
    for gap, steps, step in shape:
        low = at + gap
        bands.append(ar.Band(low=low, high=low + steps * step, step=step))
        at = bands[-1].high + (0 if steps else 1)
    payout = at + 3
    if mirrored:
        payout = 2 * at + 5
        bands += [ar.Band(low=payout - b.high, high=payout - b.low, step=b.step) for b in reversed(bands)]
    points = {p for b in bands for p in range(b.low, b.high + 1, b.step)}
    symmetric = points == {payout - p for p in points}
    assert symmetric or not mirrored
    market = change(FINAL, payout=payout, bands=tuple(bands))
    if symmetric:
        check_market(market)
    else:
        with pytest.raises(Refused, match="symmetric"):
            check_market(market)


def test_protection_has_a_default() -> None:
    assert rules.protection(FINAL) == 5 and rules.protection(change(FINAL, payout=10)) == 1
    assert rules.protection(SPOT) == 100 and rules.protection(change(SPOT, protection=9)) == 9


def test_constants_agree_with_the_core() -> None:
    assert rules.MAX_CONTRACTS == definitions.MAX_CONTRACTS
    assert msgspec.structs.fields(ar.Fees)[0].name == "model"
