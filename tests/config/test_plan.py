"""What a configuration would change, in lines, and where in its files a refused record stands."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config import load, plan
from config.reader import Item
from exchange_server.registry import Registry, Trial
from tests.config.test_load import GOOD, write
from tests.fake_engine import FakeEngine
from tests.safe import safe_items

FULL = GOOD.replace('phase = "open"', 'phase = "open"\nrules = "r"\nsource = "s"')


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry()
    for item in safe_items(load.load(write(tmp_path, FULL)).items):
        assert made.apply(ar.pack("uid:0", "1", item.record), FakeEngine(), lambda rows: None).ok
    return made


def tried(registry: Registry, items: list[Item]) -> Trial:
    records: Any = tuple(item.record for item in items)
    return registry.try_out(ar.Configuration(name="t", records=records), FakeEngine())


def lines(trial: Trial, items: list[Item]) -> list[str]:
    shown = [plan.line(items[change.record], change.fields) for change in trial.changes if change.kind in ("new", "changed")]
    return shown + [f"! {plan.place(items[refusal.record or 0], refusal.key, refusal.sentence)}" for refusal in trial.refusals]


def test_everything_is_new_to_an_empty_server(tmp_path: Path) -> None:
    items = safe_items(load.load(write(tmp_path, FULL)).items)
    trial = tried(Registry(), items)
    assert trial.to_do() == list(range(len(items))) and not trial.refusals
    assert all(line.startswith("+ ") for line in lines(trial, items))


def test_nothing_is_new_to_a_server_that_has_it(tmp_path: Path, registry: Registry) -> None:
    items = safe_items(load.load(write(tmp_path, FULL)).items)
    trial = tried(registry, items)
    assert lines(trial, items) == [] and trial.to_do() == [] and trial.count("same") == len(items) - 1, "the first phase is not set again"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('max_qty = "100"', 'max_qty = "200"', ["~ market E: max_qty"]),
        ("taker_bps = 7", "taker_bps = 8", ["~ market E: fees"]),
        ("a phrase of", "another phrase of", ["~ session F1: secret", "~ session F2: secret"]),
        ('product = "exactly"', 'product = "at_most"', ["! %s:13: market[0].product: cannot be changed: market E exists with another value"]),
        ('USD = "0.0001"', 'USD = "0.0002"', ['! %s:34: member[0].account[0].deposit.USD.key: "config:F1-A:USD" was used', '! %s:34: member[0].account[0].deposit.USD.key: "config:F2-A']),
        ("count = 2", "count = 1", []),
        ("count = 2", "count = 3", ["+ firm F3", "+ account F3-A", "+ deposit 1 minor", "+ deposit 200000000 minor", "+ session F3"]),
    ],
)  # fmt: skip
def test_differences(tmp_path: Path, registry: Registry, old: str, new: str, wanted: list[str]) -> None:
    path = write(tmp_path, FULL.replace(old, new))
    items = safe_items(load.load(path).items)
    shown = lines(tried(registry, items), items)
    assert len(shown) == len(wanted)
    for line, start in zip(shown, wanted):
        assert line.startswith(start.replace("%s", str(path))), shown


def test_what_can_be_applied_is_applied(tmp_path: Path, registry: Registry) -> None:
    text = FULL.replace('max_qty = "100"', 'max_qty = "200"').replace("count = 2", "count = 3").replace("a phrase of", "another phrase of")
    items = safe_items(load.load(write(tmp_path, text)).items)
    trial = tried(registry, items)
    assert not trial.refusals
    for i in trial.to_do():
        answer = registry.apply(ar.pack("uid:0", "1", items[i].record), FakeEngine(), lambda rows: None)
        assert answer.ok and "unchanged" not in answer.result, answer
    assert lines(tried(registry, items), items) == []


def test_secrets_are_in_no_line(tmp_path: Path) -> None:
    items = safe_items(load.load("sandbox").items)
    shown = "\n".join(lines(tried(Registry(), items), items))
    assert "session CLIENT1" in shown and "secret" not in shown


def test_amounts_are_shown_in_their_asset() -> None:
    deposit = ar.Transfer(key="k", asset="USD", amount=15_000, target="A")
    assert plan.describe(deposit, {"USD": 4}) == "deposit 1.5000 USD to A (once)"
    assert plan.describe(deposit) == "deposit 15000 minor units of USD to A (once)"


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ("market[0]", ("k",), "market[0].winners"),
        ("market[0]", ("contracts", 2, "symbol"), "market[0].contract[2].symbol"),
        ("market[0]", ("lot_base",), "market[0].qty_decimals"),
        ("market[0].max_qty", ("max_qty",), "market[0].max_qty"),
        ("market[0]", (), "market[0]"),
    ],
)
def test_a_refused_record_is_found_in_its_file(path: str, key: Any, place: str) -> None:
    market = ar.DefineMarket(
        event="E", product="spot", contracts=(ar.Contract(symbol="E"),), owner_venue="V", asset="A", bands=(ar.Band(low=1, high=2, step=1),), max_qty=1,
        fees=ar.Fees(model="notional"),
    )  # fmt: skip
    error = plan.place(Item(market, "f.toml", path), key, "is wrong")
    assert (error.file, error.path, error.sentence) == ("f.toml", place, "is wrong")


def test_every_act_that_can_be_scheduled_says_what_it_is_about() -> None:
    said = [
        plan.describe(record)
        for record in (
            ar.SetPhase(event="CUP", phase="paused"),
            ar.SetBands(event="CUP", bands=(ar.Band(low=1, high=9, step=1),)),
            ar.SetReference(symbol="CUP-A", reference=5),
            ar.Restrict(event="CUP", firm="F"),
            ar.Restrict(event="CUP", firm="F", on=False),
            ar.MarkOverdue(event="CUP"),
        )
    ]
    assert said == [
        "phase of CUP: paused", "price grid of CUP", "reference price of CUP-A", "F is restricted in CUP", "F is no longer restricted in CUP", "CUP is overdue",
    ]  # fmt: skip
