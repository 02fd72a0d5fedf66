"""Markets out of options: the same record as a file gives."""

from pathlib import Path

import pytest

from config import admin_records as ar
from config import load
from exchange_server.exits import Exit
from tests.cli.conftest import Run
from tests.cli.fake_admin import FakeAdmin

CUP = (
    "--title", "Who wins", "--product", "exactly", "--winners", "1", "--owner-venue", "WC26", "--asset", "USD", "--payout", "1", "--max-qty", "10000",
    "--max-position", "100000", "--fees-model", "quadratic", "--fees-taker-bps", "100", "--rules", "The winner pays.", "--source", "the referee",
    "--contract", "CUP-A=Alpha", "--contract", "CUP-B=Beta",
)  # fmt: skip
FILE = """
[[market]]
event = "CUP"
title = "Who wins"
product = "exactly"
winners = 1
owner_venue = "WC26"
asset = "USD"
payout = "1"
max_qty = 10000
max_position = 100000
fees = { model = "quadratic", taker_bps = 100 }
rules = "The winner pays."
source = "the referee"
contract = [{ symbol = "CUP-A", outcome = "Alpha" }, { symbol = "CUP-B", outcome = "Beta" }]
phase = "listed"
"""


def test_a_market_is_what_a_file_would_make_of_it(exos: Run, cup: FakeAdmin, tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text(FILE)
    (item,) = load.load(str(file), {"USD": 4}).items
    code, out, _ = exos("market", "create", "CUP", *CUP, "--dry-run")
    assert code == Exit.OK and out == "would be answered: market CUP listed, 2 instruments\n" and cup.records == []
    assert exos("market", "create", "CUP", *CUP, "--phase", "open")[0] == Exit.OK
    assert cup.records == [item.record, ar.SetPhase(event="CUP", phase="open")]
    assert exos("market", "create", "CUP", *CUP)[:2] == (Exit.OK, "market CUP is unchanged\n")
    code, _, err = exos("market", "create", "CUP", *CUP, "--payout", "2")
    assert code == Exit.FAILED and "market CUP exists already with another --payout" in err


def test_a_spot_pair_with_its_own_grid(exos: Run, cup: FakeAdmin) -> None:
    assert exos("asset", "create", "ETH", "--decimals", "8")[0] == Exit.OK
    command = ("market", "create", "ETH-USD", "--product", "spot", "--owner-venue", "WC26", "--asset", "USD", "--base-asset", "ETH",
               "--price-decimals", "2", "--qty-decimals", "2", "--max-qty", "100", "--band", "0.01:99999.99:0.01", "--fees-model", "notional",
               "--fees-maker-bps", "-1", "--fees-taker-bps", "10", "--contract", "ETH-USD")  # fmt: skip
    assert exos(*command)[0] == Exit.OK
    record = cup.records[-1]
    assert (record.bands, record.tick_value, record.lot_base, record.max_qty) == (
        (ar.Band(low=1, high=9_999_999, step=1),),
        1,
        10**6,
        10_000,
    )
    assert (record.fees.maker_bps, record.fees.taker_bps) == (-1, 10)


def test_a_live_market_changes_in_what_is_named(exos: Run, cup: FakeAdmin) -> None:
    event = cup.registry.events.named("WC26-FINAL")
    assert event is not None
    before = event.record
    code, out, _ = exos("market", "change", "WC26-FINAL", "--max-qty", "5000", "--collar", "0.10", "--fees-taker-bps", "80", "--dry-run")
    assert code == Exit.OK and "max_qty, collar, fees" in out and cup.records == []
    assert exos("market", "change", "WC26-FINAL", "--max-qty", "5000", "--collar", "0.10", "--fees-taker-bps", "80")[0] == Exit.OK
    (after,) = cup.records
    assert (after.max_qty, after.collar, after.fees.taker_bps, after.fees.model) == (5000, 1000, 80, before.fees.model)
    assert set(ar.changed_fields(before, after)) == {"max_qty", "collar", "fees"}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("change", "WC26-FINAL"), Exit.USAGE, "say what to change: --title, --min-qty"),
        (
            ("change", "WC26-FINAL", "--collar", "0.00001"),
            Exit.USAGE,
            '--collar: "0.00001" has 5 decimals, the collar takes at most 4 decimals',
        ),
        (("change", "WC26-FINAL", "--payout", "2"), Exit.USAGE, "--payout: is fixed once it exists; what may change: --title"),
        (("change", "WC26-FINA", "--max-qty", "5"), Exit.FAILED, 'there is no event "WC26-FINA"; did you mean "WC26-FINAL"?'),
        (("create", "X", "--product", "exactly"), Exit.USAGE, "--owner-venue is missing"),
        (("create", "X", "--product", "exact"), Exit.USAGE, "did you mean exactly?"),
        (("create", "X", *CUP, "--max-qty", "x"), Exit.USAGE, '--max-qty: "x" is no amount'),
        (("create", "X", *CUP, "--winners", "x"), Exit.USAGE, '--winners: "x" is no winners'),
        (("create", "X", *CUP, "--winners", "3"), Exit.FAILED, "--winners: the number of winners must be between 1"),
        (("create", "X", *CUP, "--asset", "GBP"), Exit.FAILED, '--asset: there is no asset "GBP"; there are USD'),
        (("create", "X", *CUP, "--band", "0.1:0.2"), Exit.USAGE, "--band 0.1:0.2: not LOW:HIGH:STEP"),
        (("create", "X", *CUP, "--owner-venue", "WC27"), Exit.FAILED, '--owner-venue: there is no venue "WC27"; did you mean "WC26"?'),
        (("create", "X", *CUP, "--phase", "opne"), Exit.USAGE, "did you mean open?"),
    ],
)
def test_what_is_wrong_is_said_under_the_name_of_its_option(
    exos: Run, cup: FakeAdmin, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    got, out, err = exos("market", *arguments)
    assert (got, out) == (code, "") and sentence in err and cup.records == [], err
