"""The difference between a configuration and a running registry."""

from pathlib import Path

import pytest

from config import admin_records as ar
from config import load
from exchange_server.registry import Registry
from tests.config.test_load import GOOD, write
from tests.fake_engine import FakeEngine

FULL = GOOD.replace('phase = "open"', 'phase = "open"\nrules = "r"\nsource = "s"')


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    made = Registry()
    for item in load.load(write(tmp_path, FULL)).items:
        assert made.apply(ar.pack("t", "1", item.record), FakeEngine(), lambda rows: None).ok
    return made


def test_everything_is_new_to_an_empty_server(tmp_path: Path) -> None:
    items = load.load(write(tmp_path, FULL)).items
    plan = Registry().plan(items)
    assert plan.add == items == plan.order and not plan.change and not plan.refused and plan.records() == [item.record for item in items]


def test_nothing_is_new_to_a_server_that_has_it(tmp_path: Path, registry: Registry) -> None:
    items = load.load(write(tmp_path, FULL)).items
    plan = registry.plan(items)
    assert plan.lines() == [] and plan.records() == [] and plan.same == len(items) - 1, "the first phase is not set again"


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ('max_qty = "100"', 'max_qty = "200"', ["~ market E: max_qty"]),
        ("taker_bps = 7", "taker_bps = 8", ["~ market E: fees"]),
        ('secret = "s{n}"', 'secret = "t{n}"', ["~ session F1: secret", "~ session F2: secret"]),
        ("winners = 1", "winners = 2", ["! market E: k cannot change on a live server (%s: market[0])"]),
        ('USD = "0.0001"', 'USD = "0.0002"', ["! deposit 2 minor units of USD to F%d-A (once): deposit cannot change"]),
        ("count = 2", "count = 1", []),
        ("count = 2", "count = 3", ["+ firm F3", "+ account F3-A", "+ deposit 1 minor", "+ deposit 200000000 minor", "+ session F3"]),
    ],
)
def test_differences(tmp_path: Path, registry: Registry, old: str, new: str, lines: list[str]) -> None:
    path = write(tmp_path, FULL.replace(old, new))
    shown = registry.plan(load.load(path).items).lines()
    if lines and "%d" in lines[0]:
        lines = [lines[0] % n for n in (1, 2)]
    if lines and "%s" in lines[0]:
        lines = [lines[0] % path]
    assert len(shown) == len(lines)
    for line, start in zip(shown, lines):
        assert line.startswith(start), shown


def test_what_a_plan_says_can_be_applied_is_applied(tmp_path: Path, registry: Registry) -> None:
    text = (
        FULL.replace('max_qty = "100"', 'max_qty = "200"').replace("count = 2", "count = 3").replace('secret = "s{n}"', 'secret = "t{n}"')
    )
    items = load.load(write(tmp_path, text)).items
    for record in registry.plan(items).records():
        answer = registry.apply(ar.pack("t", "1", record), FakeEngine(), lambda rows: None)
        assert answer.ok and "unchanged" not in answer.result, answer
    assert registry.plan(items).lines() == []


def test_secrets_are_in_no_line(tmp_path: Path) -> None:
    plan = Registry().plan(load.load("sandbox").items)
    assert "secret" not in "\n".join(plan.lines())
