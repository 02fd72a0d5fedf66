"""Tombstones and --prune: what is closed, in which order, what is refused, and what belongs to another file."""

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


def test_markets_are_named_and_stay(run: Run, server: FakeAdmin, applied: Path) -> None:
    edit(applied, ('[[listing]]\nvenue = "W"\nevent = "CUP"\nfees = { model = "quadratic", taker_bps = 9 }\n', ""))
    code, out, _ = run("config", "plan", applied, "--prune")
    assert code == 0 and "! listing CUP at W is no longer in the file, and is not taken away" in out
    assert len(server.registry.listings) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[[remove]]\n", "remove[0]: names one of session, account, firm, asked none"),
        ('[[remove]]\nsession = "A"\nfirm = "B"\n', "remove[0]: names one of session, account, firm, asked session and firm"),
        ('[[remove]]\nmarket = "CUP"\n', "remove[0].market: unknown key"),
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
