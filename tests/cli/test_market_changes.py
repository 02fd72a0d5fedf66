"""`exos market bands|add-outcome|split-outcome`, and results that are a number or nobody."""

from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.exits import Exit
from tests.cli.conftest import Run
from tests.cli.fake_admin import FakeAdmin
from tests.cli.test_market_define import CUP


@pytest.fixture
def listed(exos: Run, cup: FakeAdmin) -> FakeAdmin:
    assert exos("market", "create", "CUP", *CUP, "--max-contracts", "4", "--other", "B", "--resting-live", "lapse")[0] == Exit.OK
    assert cup.records[-1].max_contracts == 4 and cup.records[-1].resting == ar.Resting(live="lapse")
    cup.records.clear()
    return cup


def test_another_grid(exos: Run, listed: FakeAdmin) -> None:
    code, out, _ = exos("market", "bands", "CUP", "--band", "0.05:0.95:0.05")
    assert code == Exit.OK and out == "market CUP changed: bands\n"
    assert listed.records == [ar.SetBands(event="CUP", bands=(ar.Band(low=500, high=9500, step=500),))]
    assert exos("market", "bands", "CUP", "--band", "0.05:0.95:0.05")[:2] == (Exit.OK, "market CUP is unchanged\n")


@pytest.mark.parametrize(
    ("band", "said"),
    [("0.05", "--band 0.05: not LOW:HIGH:STEP"), ("0.05:x:1", '--band 0.05:x:1: "x" is no price'), ("0.00001:0.5:0.1", "has 5 decimals")],
)
def test_a_band_is_read_exactly(exos: Run, listed: FakeAdmin, band: str, said: str) -> None:
    code, _, err = exos("market", "bands", "CUP", "--band", band)
    assert code == Exit.USAGE and said in err and listed.records == []


def test_outcomes_come_later(exos: Run, listed: FakeAdmin) -> None:
    code, out, _ = exos("market", "split-outcome", "CUP", "CUP-B", "CUP-C=Gamma")
    assert code == Exit.OK and out == "CUP has the new outcome CUP-C out of CUP-B, 3 of at most 4\n"
    assert listed.records == [ar.SplitOutcome(event="CUP", source="CUP-B", contract=ar.Contract(symbol="CUP-C", outcome="Gamma"))]
    code, _, err = exos("market", "add-outcome", "CUP", "CUP-D")
    assert code == Exit.FAILED and 'an outcome is added only to a market of product "at_most"' in err


def test_a_result_is_what_the_market_is_decided_by(exos: Run, listed: FakeAdmin, tmp_path: Path) -> None:
    proof = tmp_path / "p"
    proof.write_text("x")
    told = ("--source", "the referee", "--evidence", str(proof), "--dry-run")
    code, _, err = exos("market", "settle", "CUP", "--value", "308", *told)
    assert code == Exit.USAGE and "CUP is decided by outcomes, not by a number" in err
    code, _, err = exos("market", "settle", "CUP", "--value", "308", "--none", *told)
    assert code == Exit.USAGE and "exclude each other" in err
    code, _, err = exos("market", "settle", "CUP", "--none", *told)
    assert code == Exit.FAILED and "CUP is draft" in err  # it is no matter of the command line


def test_a_number_pays_by_the_terms(exos: Run, cup: FakeAdmin, tmp_path: Path) -> None:
    number = [word for word in CUP if word not in ("--winners", "1", "--contract", "CUP-A=Alpha", "CUP-B=Beta", "exactly")]
    at = number.index("--product")
    number[at + 1 : at + 1] = ["scalar"]
    at = number.index("--payout")
    number[at + 1 : at + 1] = ["1"]
    command = (
        "market",
        "create",
        "GOALS",
        *number,
        "--contract",
        "GOALS",
        "--scalar-low",
        "200",
        "--scalar-high",
        "400",
        "--phase",
        "open",
    )
    code, out, err = exos(*command)
    assert code == Exit.OK, err
    proof = tmp_path / "p"
    proof.write_text("x")
    told = ("--source", "the referee", "--evidence", str(proof))
    code, _, err = exos("market", "settle", "GOALS", "--winner", "GOALS", *told)
    assert code == Exit.USAGE and "GOALS is decided by a number: give it with --value" in err
    assert exos("market", "settle", "GOALS", "--value", "308", *told, "--dry-run")[0] == Exit.OK
