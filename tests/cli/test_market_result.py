"""`exos market dispute|uphold|correct|void`, replaced results, and how `exos market show` tells them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.exits import Exit
from protocol import units
from tests.cli.fake_admin import FakeAdmin
from tests.cli.test_main import ROOT, Run, run, server  # noqa: F401  (fixtures)


@pytest.fixture
def evidence(tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "ruling.pdf"
    file.write_bytes(b"ruling")
    return ("--source", "FIFA", "--evidence", str(file), "--observed-at", "2026-07-19T21:00:00Z")


@pytest.fixture
def determined(run: Run, server: FakeAdmin, evidence: tuple[str, ...]) -> FakeAdmin:  # noqa: F811
    code, _, err = run("market", "settle", "WC26-FINAL", "--winner", "DRAW", *evidence, "--determine-only")
    assert code == 0, err
    for body in ar.pack_all("uid:0", "1", ar.DefineFirm(name="CLIENT1")):
        assert server.registry.apply(body, server.engine, lambda rows: None).ok
    return server


def said(server: FakeAdmin) -> Any:  # noqa: F811
    return server.records[-1]


def test_a_result_is_replaced_until_it_is_final(run: Run, determined: FakeAdmin, evidence: tuple[str, ...]) -> None:  # noqa: F811
    code, out, _ = run("market", "settle", "WC26-FINAL", "--winner", "ESP", *evidence, "--determine-only")
    assert (code, out) == (0, "WC26-FINAL determined, version 2\n") and isinstance(said(determined), ar.Determine)
    code, out, _ = run("market", "show", "WC26-FINAL")
    lines = [line for line in out.splitlines() if line.startswith(("version", "  "))]
    assert lines[0].startswith("version 1: determined by uid:0 at ") and lines[0].endswith("pays DRAW 1.0000")
    assert lines[1] == "  rule result, source FIFA, observed DRAW at 2026-07-19 21:00:00 UTC"
    assert lines[2].startswith("  evidence ruling.pdf, SHA-256 ") and lines[3].endswith("pays ESP 1.0000")


def test_dispute_uphold_correct(run: Run, determined: FakeAdmin, evidence: tuple[str, ...]) -> None:  # noqa: F811
    code, out, err = run("market", "dispute", "WC26-FINAL", "--firm", "CLIENT1", "--reason", "offside")
    assert (code, out) == (0, "WC26-FINAL: version 1 is disputed by CLIENT1\n"), err
    assert said(determined) == ar.Dispute(event="WC26-FINAL", firm="CLIENT1", reason="offside")
    code, _, err = run("market", "dispute", "WC26-FINAL", "--firm", "CLIENT1", "--reason", "offside", "--version", "1")
    assert code == Exit.FAILED and "CLIENT1 disputed version 1 at " in err
    code, out, _ = run("market", "uphold", "WC26-FINAL", "--note", "seen again", "--dry-run")
    assert code == 0 and out == "would be answered: WC26-FINAL: version 1 is upheld, its challenge window is over\n"
    assert run("market", "uphold", "WC26-FINAL", "--note", "seen again")[0] == 0
    code, out, _ = run("market", "correct", "WC26-FINAL", "--payout", "ESP=0.5", "--payout", "ARG=0.5", *evidence)
    assert (code, out) == (0, "WC26-FINAL is corrected: version 2\n") and said(determined).payouts == (5000, 0, 5000)
    shown = run("market", "show", "WC26-FINAL")[1]
    for line in ("  disputed by CLIENT1 at ", ": offside", "  upheld by uid:0 at ", ": seen again", "version 2: corrected by uid:0"):
        assert line in shown
    assert run("market", "settle", "WC26-FINAL", "--finalise-only")[0] == 0
    assert "  final since " in run("market", "show", "WC26-FINAL")[1]


def test_void(run: Run, server: FakeAdmin, evidence: tuple[str, ...]) -> None:  # noqa: F811
    code, _, err = run("market", "void", "WC26-FINAL", "--reason", "abandoned", *evidence)
    assert code == Exit.FAILED and "WC26-FINAL declares no void policy: record a result instead" in err or "does not keep its prices" in err
    event = server.registry.events.named("WC26-FINAL")
    assert event is not None
    rule = ar.VoidRule(who="FIFA", trigger="abandoned", prices="fixed", fixed=("0.5", "0.25", "0.25"))
    server.registry.put_event(msgspec.structs.replace(event, record=msgspec.structs.replace(event.record, void=rule)))
    server.engine.time_ns = 2_000_000_000 * 10**9
    code, out, err = run("market", "void", "WC26-FINAL", "--reason", "abandoned", "--trigger-at", "2026-07-19T20:12:00Z", *evidence)
    assert code == 0 and out.startswith("WC26-FINAL is voided, version 1; it pays WC26-FINAL-ESP 0.5000, "), err
    assert said(server).trigger_at_ns == 1784491920 * 10**9 and said(server).observed_value == "abandoned"
    shown = run("market", "show", "WC26-FINAL")[1]
    assert f"  void: abandoned, trigger at {units.instant(1784491920 * 10**9)}" in shown
    code, _, err = run("market", "void", "WC26-FINAL", "--reason", "again", *evidence)
    assert code == Exit.FAILED and "WC26-FINAL is voided; only a market that is open" in err


def test_ahead(run: Run, server: FakeAdmin, evidence: tuple[str, ...]) -> None:  # noqa: F811
    code, out, err = run("market", "ahead", "WC26-FINAL", "--contract", "DRAW", "--loses", *evidence)
    assert code == 0 and out.startswith("WC26-FINAL-DRAW is determined ahead of WC26-FINAL, version 1: it pays 0.0000"), err
    assert (said(server).symbol, said(server).payout, said(server).observed_value) == ("WC26-FINAL-DRAW", 0, "DRAW loses")
    shown = run("market", "show", "WC26-FINAL")[1]
    assert (
        "version 1: DRAW determined ahead of the rest by uid:0 at " in shown
        and "  rule result, source FIFA, observed DRAW loses at " in shown
    )
    assert run("market", "ahead", "WC26-FINAL", "--contract", "DRAW", "--withdraw", "--note", "too early")[0] == 0
    assert said(server) == ar.WithdrawOne(event="WC26-FINAL", symbol="WC26-FINAL-DRAW", note="too early")
    code, _, err = run("market", "ahead", "WC26-FINAL", "--contract", "DRAW", "--finalise")
    assert code == Exit.FAILED and "is not determined ahead of its group" in err
    code, _, err = run("market", "ahead", "WC26-FINAL", "--contract", "DRAW", "--wins", *evidence)
    assert code == Exit.FAILED and "nothing is left open in WC26-FINAL" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ahead", "WC26-FINAL", "--loses"), "--contract"),
        (("ahead", "WC26-FINAL", "--contract", "DRAW"), "give one of --loses, --wins, --finalise and --withdraw"),
        (("ahead", "WC26-FINAL", "--contract", "DRAW", "--wins", "--loses"), "give one of"),
        (("ahead", "WC26-FINAL", "--contract", "BRA", "--finalise"), '"BRA" is not an outcome of WC26-FINAL; outcomes: ESP'),
        (("ahead", "WC26-FINAL", "--contract", "DRAW", "--loses"), "evidence is required"),
        (("dispute", "WC26-FINAL", "--reason", "x"), "--firm"),
        (("dispute", "WC26-FINAL", "--firm", "CLIENT1", "--reason", ""), "--reason: must not be empty"),
        (("dispute", "WC26-FINAL", "--firm", "CLIENT1", "--reason", "x", "--version", "0"), "version"),
        (("correct", "WC26-FINAL"), "give the result"),
        (("correct", "WC26-FINAL", "--winner", "ESP", "--payout", "ESP=1"), "exclude each other"),
        (("void", "WC26-FINAL", "--reason", "x"), "evidence is required"),
        (("void", "WC26-FINAL", "--reason", "x", "--trigger-at", "noon", "--source", "s"), "--trigger-at noon: not a UTC time"),
    ],
)
def test_what_is_not_understood(run: Run, server: FakeAdmin, arguments: tuple[str, ...], sentence: str) -> None:  # noqa: F811
    code, _, err = run("market", *arguments)
    assert code == Exit.USAGE and sentence in err and server.records == []
