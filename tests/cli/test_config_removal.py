"""Tombstones and --prune: what ends, in which order, what is refused, and what belongs to another file."""

from pathlib import Path

import pytest

from config import load
from config.load import ConfigError
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin
from tests.cli.test_config import CUP, Run, edit, file, run, server

__all__ = ["file", "run", "server"]  # fixtures

EMPTY = CUP.replace('deposit = { USD = "1.5" }\n', "")


@pytest.fixture
def applied(run: Run, server: FakeAdmin, file: Path) -> Path:
    file.write_text(EMPTY)
    assert run("config", "apply", file)[0] == 0
    return file


def without_the_firm(file: Path, *more: str) -> None:
    file.write_text(EMPTY[: EMPTY.index("[[member]]")] + "\n".join(more))


def test_a_tombstone_closes_for_good(run: Run, server: FakeAdmin, applied: Path) -> None:
    without_the_firm(applied, '[[remove]]\nfirm = "V.F"\n[[remove]]\naccount = "V.F-A"\nwhy = "the end"\n[[remove]]\nsession = "V.S"\n')
    code, out, _ = run("config", "plan", applied)
    assert code == 0 and out.splitlines()[:3] == [
        "- session V.S is closed for good: removed by the configuration",
        "- account V.F-A is closed for good: the end",
        "- firm V.F is closed for good: removed by the configuration",
    ]
    assert run("config", "apply", applied)[0] == 0
    registry = server.registry
    assert all(
        row.closed is not None for row in (registry.firms.named("V.F"), registry.accounts.named("V.F-A"), registry.sessions.named("V.S"))
    )  # type: ignore[union-attr]
    assert run("config", "diff", applied) == (0, "", ""), "closed already"
    code, out, _ = run("config", "rollback", "1")
    assert code == Exit.FAILED and "! firm V.F was closed by revision 2" in out
    assert "- account V.F-A is closed for good: the end" in run("config", "show", "2")[1]


def test_prune_closes_what_the_file_made_and_no_longer_names(run: Run, server: FakeAdmin, applied: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[[member]]\nfirm = "OTHER"\n')
    assert run("config", "apply", other)[0] == 0
    without_the_firm(applied)
    code, out, _ = run("config", "plan", applied)
    assert code == 0 and out.startswith("0 to do"), "without --prune nothing is taken away"
    plan = tmp_path / "p.plan"
    code, out, _ = run("config", "plan", applied, "--prune", "-o", plan)
    assert code == 0 and [line.split(" is closed")[0] for line in out.splitlines()[:3]] == [
        "- session V.S",
        "- account V.F-A",
        "- firm V.F",
    ]
    assert "OTHER" not in out, "what another file made"
    code, out, _ = run("config", "apply", plan)
    assert code == 0 and "3 applied" in out and server.registry.firms.named("OTHER").closed is None  # type: ignore[union-attr]
    assert run("config", "plan", applied, "--prune")[1].startswith("0 to do")


LISTING = '[[listing]]\nvenue = "W"\nevent = "CUP"\nfees = { model = "quadratic", taker_bps = 9 }\n'
PAIR = CUP[CUP.index('[[market]]\nevent = "PAIR"') : CUP.index('[[asset]]\nname = "BTC"')]


def test_prune_removes_listings_and_markets_that_nobody_uses(run: Run, server: FakeAdmin, applied: Path) -> None:
    edit(applied, (PAIR, ""), (LISTING, ""))
    code, out, _ = run("config", "plan", applied)
    assert code == 0 and out.startswith("0 to do")
    code, out, _ = run("config", "plan", applied, "--prune")
    assert code == 0 and out.splitlines()[:2] == [
        "- listing CUP at W is removed for good: no longer in the configuration",
        "- market PAIR is removed for good: no longer in the configuration",
    ]
    assert run("config", "apply", applied, "--prune")[0] == 0
    registry = server.registry
    assert len(registry.listings) == 1 and registry.events.named("PAIR").closed.reason == "no longer in the configuration"  # type: ignore[union-attr]
    assert run("config", "plan", applied, "--prune")[1].startswith("0 to do")
    code, out, _ = run("config", "rollback", "1")
    assert (
        code == Exit.FAILED and "! market PAIR was removed by revision 2" in out and "! listing CUP at W was removed by revision 2" in out
    )
    edit(applied, ('[[asset]]\nname = "BTC"', f'{LISTING}[[asset]]\nname = "BTC"'))
    assert run("config", "apply", applied)[0] == 0 and len(registry.listings) == 2, "a market can be listed again"


def test_a_market_that_another_venue_lists_is_not_removed(run: Run, server: FakeAdmin, applied: Path) -> None:
    cup = CUP[CUP.index('[[market]]\nevent = "CUP"') : CUP.index('[[venue]]\nname = "W"')]
    edit(applied, (cup, '[[remove]]\nmarket = "CUP"\nwhy = "a mistake"\n'), (LISTING, ""))
    code, out, err = run("config", "apply", applied)
    assert code == Exit.FAILED and "remove[0].name: market CUP is in use: it has the listing at W" in err and "nothing was changed" in err
    applied.write_text(applied.read_text() + '[[remove]]\nlisting = "CUP"\nvenue = "W"\n')
    code, out, _ = run("config", "plan", applied)
    assert code == 0 and out.splitlines()[:2] == [
        "- listing CUP at W is removed for good: removed by the configuration", "- market CUP is removed for good: a mistake",
    ]  # fmt: skip
    assert run("config", "apply", applied)[0] == 0 and run("config", "diff", applied) == (0, "", "")
    assert run("market", "list")[0] == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[remove]]\n", "remove[0]: names one of rule, listing, market, session, account, firm, asked none"),
        (
            '[[remove]]\nsession = "A"\nfirm = "B"\n',
            "remove[0]: names one of rule, listing, market, session, account, firm, asked session and firm",
        ),
        ('[[remove]]\nasset = "USD"\n', "remove[0].asset: unknown key"),
        ('[[remove]]\nlisting = "CUP"\n', "remove[0]: a listing is named with venue: at which it is listed, asked neither"),
        (
            '[[remove]]\nrule = "x"\nvenue = "V"\nevent = "E"\n',
            "remove[0]: a rule is named with venue or event: whose it is, asked venue and event",
        ),
        ('[[remove]]\nmarket = "CUP"\nvenue = "V"\n', "remove[0]: a market is named without venue and event, asked venue"),
        ('[[remove]]\nfirm = "F"\n[[member]]\nfirm = "F"\n', 'firm "F" is defined at'),
        ('[[remove]]\nfirm = "F"\nwhy = ""\n', "remove[0].reason: "),
    ],
)
def test_wrong_tombstones(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load.load(path)
    assert sentence in str(error.value)
