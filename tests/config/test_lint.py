"""The lint of markets: a market for each finding, the same errors as a server's listing, shipped files without any."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config import lint, starter
from config.lint import ERROR, RULES, WARNING
from config.load import load
from exchange_server.registry import Refused, listing_rules, timetable
from tests.registry.test_registry import BASE, FINAL, SPOT, World, change

VOID = ar.VoidRule(who="the arbiter", trigger="it is not played")
GOOD = change(
    FINAL, title="Spain against Argentina", void=VOID, cut_off="after 90 minutes; extra time and penalties do not count", rules="The result decides.",
    exhaustive="won by one of the two, or drawn",
)  # fmt: skip
ALONE = change(GOOD, contracts=(ar.Contract(symbol="A"),))
NO_NAMES = (ar.Contract(symbol="A", outcome="Alpha"), ar.Contract(symbol="B", outcome="Beta"))
WRONG: dict[str, ar.DefineMarket] = {  # a market for each finding
    "always_pays": ALONE,
    "winners": change(GOOD, k=4),
    "no_rules": change(GOOD, rules=" "),
    "no_source": change(GOOD, source=""),
    "void_not_payable": change(GOOD, void=ar.VoidRule(who="x", trigger="y", prices="entry_price")),
    "fees_not_symmetric": change(GOOD, fees=ar.Fees(model="notional", taker_bps=5)),
    "times_order": change(GOOD, open_at_ns=2 * 10**18, close_at_ns=10**18),
    "not_exhaustive": change(GOOD, exhaustive=""),
    "no_cut_off": change(GOOD, cut_off="", rules="The result after 90 minutes."),
    "ambiguous_cut_off": change(GOOD, cut_off="when it ends"),
    "no_void": change(GOOD, void=None),
}


def codes_of(market: ar.DefineMarket) -> list[str]:
    return [finding.rule.code for finding in lint.lint(market)]


def test_a_good_market_has_no_finding() -> None:
    assert codes_of(GOOD) == [] and codes_of(SPOT) == [] and lint.warnings(GOOD) == ()


@pytest.mark.parametrize("code", RULES)
def test_a_market_for_each_finding(code: str) -> None:
    assert set(WRONG) == set(RULES)
    assert codes_of(WRONG[code]) == [code]


@pytest.mark.parametrize("code", RULES)
def test_an_error_is_what_a_server_refuses_and_a_warning_refuses_nothing(code: str) -> None:
    try:
        listing_rules.check_market(WRONG[code])
        timetable.check_order(WRONG[code])
        refused = False
    except Refused as error:
        (finding,) = lint.lint(WRONG[code])
        assert error.refusal.key == finding.key
        refused = True
    assert refused == (RULES[code].level == ERROR)


@pytest.mark.parametrize("code", RULES)
def test_a_finding_says_what_why_and_how(code: str) -> None:
    rule = RULES[code]
    assert all(text.endswith((".", '".')) and "|" not in text for text in (rule.wrong, rule.hurts, rule.write))
    (finding,) = lint.lint(WRONG[code])
    assert lint.told(finding) == f"{finding.what} {rule.hurts} {rule.write} ({code})"


@pytest.mark.parametrize(
    ("contracts", "found"),
    [
        ((*NO_NAMES, ar.Contract(symbol="C", outcome="Any other team")), []),
        ((*NO_NAMES, ar.Contract(symbol="X-FIELD")), []),
        ((*NO_NAMES, ar.Contract(symbol="X", code="OTHER")), []),
        ((*NO_NAMES, ar.Contract(symbol="C", outcome="Brother")), ["not_exhaustive"]),
        (NO_NAMES, ["not_exhaustive"]),
    ],
)
def test_an_other_or_field_makes_a_group_exhaustive(contracts: Any, found: list[str]) -> None:
    assert codes_of(change(GOOD, title="Who wins the cup", exhaustive="", contracts=contracts)) == found


def test_a_declared_other_makes_a_group_exhaustive() -> None:
    assert codes_of(change(GOOD, title="Who wins the cup", exhaustive="", contracts=NO_NAMES, other="B")) == []


@pytest.mark.parametrize("said", ["90 minutes", "Extra time counts", "after penalties", "regular time", "overtime included"])
def test_a_match_says_what_counts(said: str) -> None:
    assert codes_of(change(GOOD, cut_off=said)) == [] and codes_of(change(GOOD, cut_off="the end", rules=f"It ends {said}.")) == []


@pytest.mark.parametrize("name", ["sandbox", "worldcup", "tournament"])
def test_shipped_files_have_no_finding(name: str) -> None:
    markets = [item.record for item in load(name).items if isinstance(item.record, ar.DefineMarket)]
    assert markets and [(market.event, codes_of(market)) for market in markets if codes_of(market)] == []


def test_the_file_of_exos_init_has_no_finding(tmp_path: Path) -> None:
    text = starter.toml(starter.Starter("V", "USD", 4, "127.0.0.1", 0, 0, "ab" * 32, "a secret of the tests"))
    (tmp_path / "exos.toml").write_text(text)
    (tmp_path / "exos.toml").chmod(0o600)
    markets = [item.record for item in load(tmp_path / "exos.toml").items if isinstance(item.record, ar.DefineMarket)]
    assert len(markets) == 2 and [codes_of(market) for market in markets] == [[], []]


# ---- the server
def test_a_listing_is_answered_with_the_warnings() -> None:
    world = World().must(*BASE[:-2])
    answer = world.do(WRONG["no_void"])
    assert answer.ok and [warning.rpartition(" ")[2] for warning in answer.warnings] == ["(no_void)"]
    assert world.do(WRONG["no_void"]).warnings == (), "nothing is done"
    assert world.do(change(WRONG["no_void"], collar=3)).warnings == answer.warnings, "a change is as doubtful as a listing"
    assert World().must(*BASE[:-2]).do(GOOD).warnings == ()


def test_an_outcome_that_joins_is_answered_with_the_warnings() -> None:
    open_end = change(WRONG["no_void"], product="at_most", max_contracts=5)
    world = World().must(*BASE[:-2], open_end)
    answer = world.do(ar.AddOutcome(event=open_end.event, contract=ar.Contract(symbol="F-X")))
    assert answer.ok and answer.warnings == lint.warnings(open_end) and len(answer.warnings) == 1


def test_a_configuration_is_answered_with_those_of_the_markets_that_it_lists_or_changes() -> None:
    world = World().must(*BASE[:-2])
    file = ar.Configuration(name="c.toml", records=(WRONG["no_void"], SPOT))
    (warning,) = world.do(file).warnings
    assert warning.startswith("market FINAL: void is not there.") and world.do(file).warnings == ()
    changed = ar.Configuration(name="c.toml", records=(change(WRONG["no_void"], collar=3), SPOT))
    assert world.do(changed).warnings == (warning,)


def test_levels() -> None:
    assert {rule.level for rule in RULES.values()} == {ERROR, WARNING}
