"""The shipped files: the World Cup's markets, the sandbox as documented, and the results that settle its markets."""

from pathlib import Path

import msgspec
import pytest

from config import admin_records as ar
from config import load, results
from config.load import ConfigError
from exchange_server.gateway.verifiers import password_right
from exchange_server.registry import Registry
from tests import shipped_results
from tests.fake_engine import FakeEngine
from tests.safe import safe_items

WINNERS = dict(zip("ABCDEFGHIJKL", "MEX SUI BRA USA GER NED BEL ESP FRA ARG COL ENG".split()))


@pytest.fixture(scope="module")
def sandbox() -> tuple[load.Config, Registry]:
    config, registry, engine = load.load("sandbox"), Registry(), FakeEngine()
    for item in safe_items(config.items):
        answer = registry.apply(ar.pack("config:test", "1", item.record), engine, lambda rows: None)
        assert answer.ok, f"{item.file}: {item.path}: {answer.text}"
    return config, registry


def test_the_sandbox_is_the_documented_one(sandbox: tuple[load.Config, Registry]) -> None:
    config, registry = sandbox
    assert (config.settings.fix_port, config.settings.binary_port, config.settings.mode) == (9880, 9890, "sync")
    assert config.settings.sending_time_tolerance_ns == 120 * 10**9 and config.settings.heartbeat_min_ns == 2 * 10**9
    assert len(registry.firms) == 128 and len(registry.sessions) == 128
    for n in (1, 7, 64):
        session = registry.fix_session("EXOS-OE", f"CLIENT{n}")
        assert session is not None and password_right(registry.keys[f"CLIENT{n}:secret"].record.verifier, f"client{n}-secret")
        assert registry.accounts[session.account].name == f"CLIENT{n}-A"
        maker = registry.binary_session(f"MM{n}")
        assert maker is not None and registry.firms[maker.firm].name == f"MM{n}" and registry.accounts[maker.account].name == f"MM{n}-A"
    assert registry.fix_session("EXOS-OE", "CLIENT65") is None


def test_the_markets(sandbox: tuple[load.Config, Registry]) -> None:
    registry = sandbox[1]
    outright = registry.events.named("WC26-WIN")
    assert outright is not None and outright.n == 48 and (outright.record.product, outright.record.k) == ("exactly", 1)
    assert [e.n for e in registry.events if e.name.startswith("WC26-GRP-")] == [4] * 12
    assert [i.symbol for i in registry.instruments if i.symbol.startswith("WC26-FINAL")] == [
        "WC26-FINAL-ESP",
        "WC26-FINAL-DRAW",
        "WC26-FINAL-ARG",
    ]
    assert registry.instruments.named("WC26-GRP-A-MEX").outcome == "Mexico"  # type: ignore[union-attr]
    spot = registry.instruments.named("BTC-USD")
    assert spot is not None and spot.market.bands[-1].high == 10**8 and spot.market.lot_base == 10**6 and spot.market.tick_value == 1
    for event in registry.events:
        if event.record.payout:
            assert event.record.payout * event.record.tick_value == 10**4, "a contract pays 1.0000 USD in whole minor units"


def test_the_real_results_settle_every_event_market(sandbox: tuple[load.Config, Registry]) -> None:
    registry = Registry.from_bytes(sandbox[1].to_bytes())
    settled = {}
    for settlement in results.load(shipped_results.FILE):
        event = registry.events.named(settlement.event)
        assert event is not None
        answer = registry.apply(ar.pack("uid:0", "1", shipped_results.determine(settlement, event.record)), FakeEngine(), lambda rows: None)
        assert answer.ok, answer.text
        payouts = registry.events[event.id].determinations[0].record.payouts
        settled[event.name] = [ar.outcome_code(c) for c, paid in zip(event.record.contracts, payouts) if paid == 10_000]
    assert settled == {"WC26-WIN": ["ESP"], "WC26-FINAL": ["DRAW"], **{f"WC26-GRP-{group}": [team] for group, team in WINNERS.items()}}


MARKET = ar.DefineMarket(
    event="E", product="exactly", k=1, contracts=tuple(ar.Contract(symbol=f"E-{c}") for c in "ABC"), owner_venue="V", asset="USD", payout=100,
    bands=(ar.Band(low=1, high=99, step=1),), max_qty=1, max_position=1, fees=ar.Fees(model="quadratic"),
)  # fmt: skip


def test_payouts_follow_from_the_winners() -> None:
    assert results.payouts(MARKET, ("B",)) == (0, 100, 0)
    two = msgspec.structs.replace(MARKET, k=2, product="at_most")
    assert results.payouts(two, ("C", "A")) == (100, 0, 100) and results.payouts(two, ()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("market", "winners", "sentence"),
    [
        (MARKET, ("X",), '"X" is not an outcome of E; outcomes: A, B, C'),
        (MARKET, (), "E has exactly 1 winners, 0 were given"),
        (MARKET, ("A", "B"), "E has exactly 1 winners, 2 were given"),
        (msgspec.structs.replace(MARKET, k=2), ("A", "A"), "given twice"),
        (msgspec.structs.replace(MARKET, product="at_most"), ("A", "B"), "E has at most 1 winners, 2 were given"),
    ],
)
def test_winners_that_cannot_be(market: ar.DefineMarket, winners: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        results.payouts(market, winners)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "source: must name who published"),
        ('source = "x"\n[[settlements]]\nevent = "E"\n', "settlements: .*missing required field"),
        (
            'source = "x"\n[[settlements]]\nevent = "E"\nwinners = ["A"]\nrule = "r"\nobserved = "o"\nobserved_at = 2026-01-01T00:00:00\n',
            "must be UTC",
        ),
        ('source = "x"\n[[settlements]]\nevnt = "E"\n', "settlements: "),
    ],
)
def test_results_that_cannot_be_read(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        results.load(path)


def test_the_evidence_is_the_file_itself() -> None:
    import hashlib

    path = shipped_results.FILE
    first = results.load(shipped_results.FILE)[0]
    assert first.evidence_sha256 == hashlib.sha256(path.read_bytes()).hexdigest() and first.evidence_name == path.name
    assert first.observed_at_ns == 1782349200 * 10**9, "2026-06-25T01:00Z, the kick-off of group A's last matches"
