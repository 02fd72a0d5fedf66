"""exos market validate, exos template, and markets out of templates on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin
from tests.config.test_templates import BASE as HEAD
from tests.config.test_templates import OWN
from tests.registry.test_registry import BASE

WRONG = """
[[market]]
event = "CUP"
title = "Alpha against Beta"
product = "exactly"
winners = {winners}
owner_venue = "V"
asset = "USD"
payout = "1.00"
price_decimals = 2
max_qty = {max_qty}
max_position = 10
fees = {{ model = "quadratic" }}
rules = "Who wins."
source = "the referee"
contract = [{{ symbol = "CUP-A" }}, {{ symbol = "CUP-B" }}]
"""
RESULT = ("home=ESP=Spain", "away=ARG", "source=FIFA match report", "--owner-venue", "V1", "--asset", "USD")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def go(*arguments: str, code: Exit = Exit.OK) -> tuple[str, str]:
        assert cli.main([*arguments]) == code, capsys.readouterr()
        out, err = capsys.readouterr()
        return out, err

    return go


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path)
    for record in BASE:
        assert fake._apply(record)["ok"]
    yield fake
    fake.close()


def file(folder: Path, text: str) -> str:
    (folder / "v.toml").write_text(HEAD + text)
    return str(folder / "v.toml")


def test_warnings_are_listed_and_refuse_nothing(tmp_path: Path, run: Any) -> None:
    name = file(tmp_path, WRONG.format(winners=1, max_qty=5))
    out, _ = run("market", "validate", name)
    lines = out.splitlines()
    assert [line.rpartition("(")[2] for line in lines[:-1]] == ["not_exhaustive)", "no_cut_off)", "ambiguous_cut_off)", "no_void)"]
    assert lines[0].startswith(f"warning: {name}:") and "market[0].contract: CUP: " in lines[0]
    assert lines[-1] == f"{name}: 1 markets, 0 errors, 4 warnings"
    assert run("market", "validate", name, "--strict", code=Exit.FAILED)[1] == f"exos: {name}: 1 markets, 0 errors, 4 warnings\n"


def test_errors_end_with_a_code_of_their_own(tmp_path: Path, run: Any) -> None:
    name = file(tmp_path, WRONG.format(winners=2, max_qty=5))
    out, err = run("market", "validate", name, code=Exit.FAILED)
    assert out.startswith("error: ") and "(always_pays)" in out.splitlines()[0] and "1 errors, 4 warnings" in err
    name = file(tmp_path, WRONG.format(winners=1, max_qty=10**18))
    out, _ = run("market", "validate", name, "--json", code=Exit.FAILED)
    first = json.loads(out)["result"][0]
    assert (
        (first["code"], first["level"], first["event"]) == ("refused", "error", "CUP") and first["line"] > 0 and "max_qty" in first["path"]
    )
    assert run("market", "validate", str(tmp_path / "none.toml"), code=Exit.CONFIG)
    assert 'has no market "X"; it has CUP' in run("market", "validate", name, "--event", "X", code=Exit.FAILED)[1]


def test_shipped_files(run: Any) -> None:
    assert run("market", "validate", "worldcup", "--strict")[0] == "worldcup: 14 markets, 0 errors, 0 warnings\n"


def test_templates_are_listed_and_shown(tmp_path: Path, run: Any) -> None:
    out, _ = run("template", "list")
    assert "match_result" in out and "[kick_off]" in out
    out, _ = run("template", "show", "advance")
    assert "a whole number, 1 to 4079" in out and "required" in out
    assert "there is no such template; known: advance" in run("template", "show", "x", code=Exit.FAILED)[1]
    own = file(tmp_path, OWN)
    assert "yes_no" in run("template", "list", "--file", own)[0]
    assert json.loads(run("template", "show", "yes_no", "--file", own, "--json")[0])["result"]["name"] == "yes_no"


def test_a_market_out_of_a_template(server: FakeAdmin, tmp_path: Path, run: Any) -> None:
    create = ("market", "create", "--template", "match_result", *RESULT, "--data", str(tmp_path))
    assert run(*create, "--max-qty", "7") == ("market ESP-ARG listed, 3 instruments\n", "")
    record = server.registry.events.named("ESP-ARG").record  # type: ignore[union-attr]
    assert record.template == "match_result" and record.max_qty == 7 and record.contracts[0].outcome == "Spain"
    wrong = ("market", "create", "--template", "match_result", "--data", str(tmp_path))
    assert run(*wrong, "home=E SP", code=Exit.USAGE)[1].startswith("exos: template match_result: home: must be an outcome")
    assert "is given twice" in run(*wrong, "home=A", "home=B", code=Exit.USAGE)[1]
    assert '"home": not FIELD=VALUE' in run(*wrong, "home", code=Exit.USAGE)[1]
    plain = ("market", "create", "X", "a=b", "--data", str(tmp_path))
    assert "FIELD=VALUE goes with --template" in run(*plain, code=Exit.USAGE)[1]


def test_a_doubtful_market_is_created_with_warnings(server: FakeAdmin, tmp_path: Path, run: Any) -> None:
    options = "--product at_most --winners 1 --owner-venue V1 --asset USD --payout 1 --max-qty 5 --max-position 5 --fees-model quadratic --contract Q-Y"
    out, err = run("market", "create", "Q", *options.split(), "--rules", "r", "--source", "s", "--data", str(tmp_path))
    assert out == "market Q listed, 1 instruments\n"
    assert [line.rpartition("(")[2] for line in err.splitlines()] == ["no_cut_off)", "no_void)"] and err.startswith(
        "exos: warning: cut_off is empty."
    )


def test_series(server: FakeAdmin, tmp_path: Path, run: Any) -> None:
    data = ("--data", str(tmp_path))
    assert run("series", "create", "V1.CUPS", "--owner-venue", "V1", "--title", "Cups", *data)[0] == "series V1.CUPS defined\n"
    recurring = ("--owner-venue", "V1", "--every", "1d", "--first-at", "2090-01-01T08:00:00Z", "--template", "price_above")
    fields = ("event=V1.B-{date}", "what=bitcoin", "level=100", "at=+16h", "source=the index", "asset=USD")
    out, _ = run("series", "create", "V1.B", *recurring, *fields, *data)
    assert out == "series V1.B defined, first listing at 2090-01-01 08:00:00 UTC\n"
    lines = run("series", "list", *data)[0].splitlines()
    assert "2090-01-01 08:00:00 UTC" in lines[2] and "1 d" in lines[2] and "Cups" in lines[1]
    out, _ = run("series", "show", "V1.B", *data)
    assert "V1.B-{date}" in out and "2090-01-01 08:00:00 UTC" in out
    row = json.loads(run("schedule", "list", "--json", *data)[0])["result"][0]
    assert row["record"]["event"] == "V1.B-20900101" and row["record"]["title"] == "bitcoin above 100 at 2090-01-02T00:00:00Z?"
    assert run("series", "close", "V1.B", "--reason", "over", *data)[0] == "series V1.B is closed: over\n"
    assert run("series", "show", "V1.X", *data, code=Exit.FAILED)[1].startswith('exos: name: there is no series "V1.X"')
    assert "goes with --template" in run("series", "create", "V1.C", "a=b", "--owner-venue", "V1", *data, code=Exit.USAGE)[1]


def test_a_plan_shows_the_warnings_of_markets_that_are_new_or_change(server: FakeAdmin, tmp_path: Path, run: Any) -> None:
    name = file(tmp_path, WRONG.format(winners=1, max_qty=5))
    out, _ = run("config", "plan", name, "--data", str(tmp_path))
    doubts = [line for line in out.splitlines() if line.startswith("! warning: ")]
    assert len(doubts) == 4 and f"{name}:" in doubts[0] and "market[0].contract" in doubts[0] and "+ market CUP" in out
    result = json.loads(run("config", "plan", name, "--json", "--data", str(tmp_path))[0])["result"]
    assert len(result["warnings"]) == 4
    run("config", "apply", name, "--data", str(tmp_path))
    assert "warning" not in run("config", "plan", name, "--data", str(tmp_path))[0], "nothing about what stays as it is"
    name = file(tmp_path, WRONG.format(winners=1, max_qty=6))
    changed = [line for line in run("config", "plan", name, "--data", str(tmp_path))[0].splitlines() if line.startswith("! warning: ")]
    assert changed == doubts
