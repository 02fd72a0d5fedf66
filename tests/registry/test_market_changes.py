"""Markets that change while they trade, from the record to the core: grid, outcomes, resting orders; and markets on a number."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server.core import layout as L
from exchange_server.registry import Registry
from exchange_server.registry.market_view import market_view
from protocol import codes
from tests.arena import rows_by_id
from tests.registry.test_real_engine import Turns
from tests.registry.test_registry import BASE, FEES, FINAL, RESULT, change

FIVES = (ar.Band(low=5, high=95, step=5),)
RACE = change(
    FINAL, event="RACE", product="at_most", contracts=(ar.Contract(symbol="R-A"), ar.Contract(symbol="R-B")), max_contracts=4,
    sharing="shared", admits=("V2",),
)  # fmt: skip
CUP = change(FINAL, event="CUP", contracts=(ar.Contract(symbol="C-A"), ar.Contract(symbol="C-OTHER")), other="OTHER", max_contracts=3)
GOALS = change(
    FINAL, event="GOALS", product="scalar", contracts=(ar.Contract(symbol="GOALS"),), scalar=ar.Scalar(low="200", high="400"),
    payout=10_000, bands=(ar.Band(low=1, high=9_999, step=1),), max_position=1000,
)  # fmt: skip


def opened(*markets: ar.DefineMarket) -> Turns:
    records = [record for record in BASE if not isinstance(record, ar.DefineMarket)]
    return Turns().must([*records, *markets, *(ar.SetPhase(event=market.event, phase="open") for market in markets)])


def shown(turns: Turns, event: str) -> dict[str, Any]:
    (market,) = market_view(turns.engine.registry, turns.engine.m, event)
    return market


# ---- bands -------------------------------------------------------------------------------------------------------
def test_bands_are_changed_by_a_record_or_by_a_configuration() -> None:
    turns = opened(FINAL)
    (answer,) = turns.do(ar.SetBands(event="FINAL", bands=FIVES))
    assert answer.ok and answer.text == "market FINAL changed: bands"
    for row in rows_by_id(turns.engine.m, L.P_INSTRUMENT):
        assert [int(turns.engine.m[row + w]) for w in (L.I_BAND_COUNT, L.I_PRICE_MIN, L.I_PRICE_MAX)] == [1, 5, 95]
    (answer,) = turns.do(ar.SetBands(event="FINAL", bands=FIVES))
    assert answer.ok and answer.text == "market FINAL is unchanged"
    whole = ar.Configuration(name="c.toml", records=(change(FINAL, max_qty=500),))
    (answer,) = turns.do(whole)
    assert answer.ok and state.Instrument.of(turns.engine.m, 1).bands == [(1, 99, 1)]
    assert turns.engine.registry.events.named("FINAL").record == change(FINAL, max_qty=500)  # type: ignore[union-attr]
    assert Registry.from_bytes(turns.engine.registry.to_bytes()).to_bytes() == turns.engine.registry.to_bytes()


@pytest.mark.parametrize(
    ("bands", "said"),
    [
        ((ar.Band(low=5, high=100, step=5),), "an event contract trades at 0.0001 to 0.0099, asked 0.0100"),
        ((ar.Band(low=1, high=50, step=1), ar.Band(low=50, high=95, step=5)), "make the grid symmetric"),
        ((ar.Band(low=5, high=94, step=5),), "not on the band's own grid"),
    ],
)
def test_bands_are_checked_as_at_listing(bands: tuple[ar.Band, ...], said: str) -> None:
    turns = opened(FINAL)
    (answer,) = turns.do(ar.SetBands(event="FINAL", bands=bands))
    assert not answer.ok and said in answer.text and state.Instrument.of(turns.engine.m, 1).bands == [(1, 99, 1)]


def test_a_closed_market_keeps_its_grid_and_its_outcomes() -> None:
    turns = opened(FINAL, RACE).must([ar.SetPhase(event=event, phase="closed") for event in ("FINAL", "RACE")])
    answers = turns.do(
        ar.SetBands(event="FINAL", bands=FIVES), change(FINAL, bands=FIVES), ar.AddOutcome(event="RACE", contract=ar.Contract(symbol="R-C"))
    )
    assert {answer.code for answer in answers} == {codes.R_MARKET_CLOSED}
    assert "is closed; price grid and outcomes change only in a market that is draft, listed, open" in answers[0].text


# ---- outcomes ----------------------------------------------------------------------------------------------------
def test_an_outcome_is_added_and_listed_where_the_others_are() -> None:
    turns = opened(RACE, change(FINAL, event="AFTER", contracts=(ar.Contract(symbol="A-1"), ar.Contract(symbol="A-2"))))
    turns.must([ar.DefineListing(venue="V2", event="RACE", fees=change(FEES, taker_bps=50))])
    (answer,) = turns.do(ar.AddOutcome(event="RACE", contract=ar.Contract(symbol="R-C", outcome="Carol")))
    assert answer.ok and answer.text == "RACE has the new outcome R-C, 3 of at most 4"
    registry, m = turns.engine.registry, turns.engine.m
    assert answer.result["instrument"] == 3 and registry.instruments.named("A-1").id == 5, "ids are kept for the outcomes that may come"  # type: ignore[union-attr]
    assert [c["symbol"] for c in shown(turns, "RACE")["contracts"]] == ["R-A", "R-B", "R-C"]
    assert {int(m[row + L.LI_VENUE]) for row in listing_rows(turns) if m[row + L.LI_INSTRUMENT] == 3} == {1, 2}
    assert registry.listing_rows == 3 * 2 + 2
    copy = Registry.from_bytes(registry.to_bytes())
    assert copy.to_bytes() == registry.to_bytes() and copy.instruments.next_id == registry.instruments.next_id == 7
    (again,) = turns.do(ar.AddOutcome(event="RACE", contract=ar.Contract(symbol="A-1")))
    assert again.code == codes.R_BAD_DEFINITION and "A-1 exists in event AFTER" in again.text
    turns.must([ar.AddOutcome(event="RACE", contract=ar.Contract(symbol="R-D"))])
    (full,) = turns.do(ar.AddOutcome(event="RACE", contract=ar.Contract(symbol="R-E")))
    assert full.code == codes.R_NO_SPARE_CONTRACT and "room for 4 contracts, all are used" in full.text


def listing_rows(turns: Turns) -> list[int]:
    m = turns.engine.m
    pool = L.H_POOLS + L.P_LISTING * L.POOL_WORDS
    return [int(m[pool + L.PL_BASE]) + i * L.LISTING_WORDS for i in range(int(m[pool + L.PL_NEXT]))]


def test_an_outcome_is_split_out_of_the_declared_other() -> None:
    turns = opened(CUP)
    new = ar.Contract(symbol="C-B", outcome="B")
    for source, code in (("C-A", codes.R_OUTCOME_UNKNOWN), ("X", codes.R_UNKNOWN_INSTRUMENT)):
        (answer,) = turns.do(ar.SplitOutcome(event="CUP", source=source, contract=new))
        assert answer.code == code
    (answer,) = turns.do(ar.SplitOutcome(event="CUP", source="C-OTHER", contract=new))
    assert answer.ok and answer.text == "CUP has the new outcome C-B out of C-OTHER, 3 of at most 3"
    turns.must([change(RESULT_CUP, finalise=True)])
    assert [c["paid"] for c in shown(turns, "CUP")["contracts"]] == [0, 0, 100]


RESULT_CUP = ar.Settle(**{**{field: getattr(RESULT, field) for field in RESULT.__struct_fields__}, "event": "CUP", "payouts": (0, 0, 100)})


@pytest.mark.parametrize(
    ("market", "said"),
    [
        (change(CUP, other="NOBODY"), "other: the code of an outcome of a market of product"),
        (change(CUP, other=""), "max_contracts: new outcomes are split out of `other`"),
        (change(CUP, max_contracts=1), "max_contracts: the market has 2 contracts already, asked 1"),
        (change(RACE, other="A"), "other: the code of an outcome of a market of product"),
        (change(GOALS, max_contracts=2), "max_contracts: a market of product scalar gets no new outcomes"),
        (change(GOALS, scalar=None), "scalar: a market of product"),
        (change(FINAL, scalar=ar.Scalar(low="1", high="2")), "scalar: a market of product"),
        (change(GOALS, scalar=ar.Scalar(low="2", high="2")), "scalar.high: above low 2, asked 2"),
        (change(GOALS, scalar=ar.Scalar(low="0.5", high="2")), "scalar.low: a value has 0 digits after the point, asked 0.5"),
        (change(GOALS, contracts=(ar.Contract(symbol="G"), ar.Contract(symbol="H"))), "contracts: a scalar is one contract"),
    ],
)
def test_what_is_not_listed(market: ar.DefineMarket, said: str) -> None:
    turns = Turns().must([record for record in BASE if not isinstance(record, ar.DefineMarket)])
    (answer,) = turns.do(market)
    assert not answer.ok and said in answer.text, answer.text


# ---- a number ----------------------------------------------------------------------------------------------------
def settle(**fields: Any) -> ar.Settle:
    own = {field: getattr(RESULT, field) for field in RESULT.__struct_fields__}
    return ar.Settle(**{**own, "event": "GOALS", "payouts": (), "observed_value": "308", "finalise": True, **fields})


def test_the_goals_pay_by_their_number() -> None:
    turns = opened(GOALS).must([settle()])
    market = shown(turns, "GOALS")
    assert (market["phase"], market["contracts"][0]["paid"]) == ("final", 5400)
    assert turns.engine.registry.events.named("GOALS").determinations[0].record.payouts == (5400,)  # type: ignore[union-attr]


def test_a_payout_that_is_given_must_be_that_of_the_value() -> None:
    turns = opened(GOALS)
    (answer,) = turns.do(settle(payouts=(5000,)))
    assert answer.code == codes.R_PAYOUT_SUM and "308 between 200 and 400 pays 0.5400, asked 0.5000" in answer.text
    (answer,) = turns.do(settle(observed_value="308.5"))
    assert answer.code == codes.R_BAD_DEFINITION and 'decided by a number with no point, asked "308.5"' in answer.text
    turns.must([settle(payouts=(5400,))])


# ---- resting orders ----------------------------------------------------------------------------------------------
def test_the_rules_for_resting_orders_come_to_the_core() -> None:
    turns = opened(change(FINAL, resting=ar.Resting(live="lapse", pause="cancel")))
    (event,) = rows_by_id(turns.engine.m, L.P_EVENT)
    assert turns.engine.m[event + L.E_RESTING] == codes.RESTING_LIVE_LAPSE | codes.RESTING_PAUSE_CANCEL
    (answer,) = turns.do(FINAL)
    assert not answer.ok and "resting: cannot be changed" in answer.text
