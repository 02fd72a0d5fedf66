"""`exos config`: plan, apply, diff, history, show, rollback, export, against a server with a real registry."""

import contextlib
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import admin_records as ar
from config import load
from exchange_server.cli import config_cmd
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin

Run = Callable[..., tuple[int, str, str]]
CUP = """
[[asset]]
name = "USD"
decimals = 4

[[venue]]
name = "V"
trading_day_ends = "6h"

[[market]]
event = "CUP"
title = "Who \\"wins\\"? Ünïcode"
product = "exactly"
winners = 1
owner_venue = "V"
asset = "USD"
payout = "1.00"
price_decimals = 2
qty_decimals = 1
min_qty = "0.5"
max_qty = "100"
max_position = 1000
max_notional = "7.0001"
collar = "0.10"
challenge_window = "24h"
fees = { model = "quadratic", taker_bps = 7 }
sharing = "shared"
admits = ["W"]
void = { who = "V", trigger = "the cup is not played" }
rules = "The winner \\\\ pays.\\n\\tAnd so on."
source = "the referee"
contract = [{ symbol = "CUP-A", outcome = "A" }, { symbol = "CUP-B", code = "Bee" }]

[[venue]]
name = "W"
throttle = 5
throttle_window = "1s"

[[market]]
event = "PAIR"
product = "spot"
owner_venue = "W"
asset = "USD"
base_asset = "BTC"
price_decimals = 2
qty_decimals = 2
band = [{ low = "0.01", high = "1000.00", step = "0.01" }, { low = "1001", high = "2000", step = "1" }]
max_qty = "10"
fees = { model = "notional", maker_bps = -1, taker_bps = 5 }
contract = [{ symbol = "PAIR" }]

[[asset]]
name = "BTC"
decimals = 8

[[listing]]
venue = "W"
event = "CUP"
fees = { model = "quadratic", taker_bps = 9 }

[[member]]
firm = "V.F"
venue = "V"
title = "Firm"
[[member.account]]
name = "V.F-A"
deposit = { USD = "1.5" }
[[member.session]]
name = "V.S"
wire = "binary"
key = "V.S"
secret = "a long phrase of forty characters, say 12345"
account = "V.F-A"
cancel_on_disconnect = true
throttle = 50
throttle_window = "2s"
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    admin = FakeAdmin(tmp_path)
    admin.registry.settings = {"fix_port": 9880, "mode": "sync"}
    yield admin
    admin.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([*map(str, arguments), "--data", str(tmp_path)])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "cup.toml"
    path.write_text(CUP)
    path.chmod(0o600)
    return path


def edit(path: Path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


def test_plan_shows_only_what_the_file_changes_in_people_s_units(run: Run, server: FakeAdmin, file: Path) -> None:
    code, out, _ = run("config", "plan", file)
    lines = out.splitlines()
    assert code == 0 and lines[:3] == ["+ asset USD", "+ asset BTC", "+ venue V"] and "+ deposit 1.5000 USD to V.F-A (once)" in lines
    assert lines[-1] == "11 to do, 0 unchanged; revision 0 runs" and server.records == []
    assert run("config", "apply", file, "--why", "first")[0] == 0
    server._apply(ar.DefineFirm(name="SOMEBODY"))
    edit(file, ('max_qty = "100"', 'max_qty = "200.5"'), ("taker_bps = 7", "taker_bps = 8"), ('title = "Firm"', 'title = "Farm"'), ("12345", "54321"),
         ("trading_day_ends", '# x\ntitle = "T"\ntrading_day_ends'))  # fmt: skip
    code, out, _ = run("config", "plan", file)
    assert [line for line in out.splitlines() if not line.startswith("! ")] == [
        '~ venue V: title "" -> T (live)',
        "~ market CUP: max_qty 100.0 -> 200.5, fees.taker_bps 7 -> 8 (live; resting orders stay as they are; resting orders keep the fees under which "
        "they came)",
        "~ firm V.F: title Firm -> Farm (live)",
        "~ session V.S: secret (next logon)",
        "4 to do, 7 unchanged; revision 1 runs",
    ]
    doubts = [line.rpartition(" ")[2] for line in out.splitlines() if line.startswith("! warning: ")]
    assert doubts == ["(not_exhaustive)", "(no_cut_off)"]
    code, out, _ = run("config", "plan", file, "--json")
    result = json.loads(out)["result"]
    changed = [change for change in result["changes"] if change["kind"] == "changed"]
    assert [change["what"] for change in changed] == ["venue V", "market CUP", "firm V.F", "session V.S"] and result["revision"] == 1
    assert "54321" not in out and "verifier" not in json.dumps([change["before"].get("verifier") for change in changed if change["before"]])


def test_a_plan_is_applied_while_the_same_revision_runs_and_the_files_are_the_same(
    run: Run, server: FakeAdmin, file: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "cup.plan"
    code, out, _ = run("config", "plan", file, "-o", plan)
    assert code == 0 and out.splitlines()[-1] == f"exos config apply {plan}" and stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert "12345" not in plan.read_text() and json.loads(plan.read_text())["base"] == 0
    edit(file, ("taker_bps = 7", "taker_bps = 8"))
    code, _, err = run("config", "apply", plan)
    assert code == Exit.CONFIG and f"{file} was changed after the plan {plan} was made" in err and server.records == []
    edit(file, ("taker_bps = 8", "taker_bps = 7"))
    code, out, _ = run("config", "apply", plan, "--why", "the cup")
    assert code == 0 and out.splitlines()[-1] == "11 applied, 0 unchanged; revision 1"
    code, _, err = run("config", "apply", plan)
    assert code == Exit.FAILED and "made against revision 0, and the server runs revision 1" in err
    edit(file, ("taker_bps = 7", "taker_bps = 8"))
    assert run("config", "plan", file, "-o", plan)[0] == 0
    market = server.registry.events.named("CUP").record  # type: ignore[union-attr]
    import msgspec

    server._apply(msgspec.structs.replace(market, fees=msgspec.structs.replace(market.fees, taker_bps=6)))
    code, _, err = run("config", "apply", plan)
    assert code == Exit.FAILED and "made against revision 1, and the server runs revision 2" in err, "changed by a single record"
    (tmp_path / "bad.plan").write_text('{"exos_plan": 1}')
    code, _, err = run("config", "apply", tmp_path / "bad.plan")
    assert code == Exit.CONFIG and "is no plan" in err


def test_settings_of_a_running_server_are_kept_for_its_next_start(run: Run, server: FakeAdmin, file: Path) -> None:
    run("config", "apply", file)
    server.office.capacities = {"orders": 4096}
    edit(file, ('[[venue]]\nname = "V"', '[server]\nfix_port = 7\n[capacities]\norders = 8192\n[[venue]]\nname = "V"'))
    code, out, _ = run("config", "plan", file)
    assert code == 0 and "~ server.fix_port: 9880 -> 7 (restart)" in out
    assert "! capacities.orders = 8192: taken when the server is started with this configuration (now 4096)" in out
    code, out, _ = run("config", "apply", file)
    assert code == 0 and "~ server.fix_port: 9880 -> 7 (restart)" in out and "! capacities.orders" in out
    assert server.registry.settings == {"fix_port": 7, "mode": "sync"}
    assert run("config", "diff", file)[0] == 0


def test_diff(run: Run, server: FakeAdmin, file: Path) -> None:
    run("config", "apply", file)
    assert run("config", "diff", file) == (0, "", "")
    edit(file, ("taker_bps = 7", "taker_bps = 8"))
    code, out, _ = run("config", "diff", file)
    assert code == Exit.FAILED and out.startswith("~ market CUP: fees.taker_bps 7 -> 8 (live")


def test_history_show_and_rollback(run: Run, server: FakeAdmin, file: Path) -> None:
    assert run("config", "history")[1] == "no configuration was applied yet\n"
    run("config", "apply", file, "--why", "first")
    edit(file, ("taker_bps = 7", "taker_bps = 8"), ('title = "Firm"', 'title = "Farm"'))
    run("config", "apply", file, "--why", "second")
    code, out, _ = run("config", "history")
    rows = [line.split() for line in out.splitlines()]
    assert code == 0 and [row[0] for row in rows] == ["revision", "2", "1"] and rows[1][-1] == "second" and "uid:0" in rows[1]
    code, out, _ = run("config", "show", "2")
    lines = out.splitlines()
    assert (
        code == 0
        and lines[0].endswith("by uid:0, cup.toml: second")
        and lines[2] == "~ firm V.F: title Firm -> Farm (live)"
        and len(lines) == 3
    )
    code, _, err = run("config", "show", "3")
    assert code == Exit.FAILED and "there is no revision 3: the newest is 2" in err
    code, out, _ = run("config", "rollback", "1", "--dry-run")
    assert code == 0 and "~ market CUP: fees.taker_bps 8 -> 7 (live" in out and len(server.registry.revisions) == 2
    code, out, _ = run("config", "rollback", "1", "--why", "wrong")
    assert code == 0 and out.splitlines()[-1] == "2 applied, 0 unchanged (by one person: no second principal could approve it); revision 3"
    assert server.registry.events.named("CUP").record.fees.taker_bps == 7  # type: ignore[union-attr]
    assert server.registry.revisions[3].why == "wrong" and server.registry.revisions[3].name == "rollback to 1"
    code, out, err = run("config", "rollback", "0")
    assert (
        code == Exit.FAILED
        and "! market CUP was created by revision 1" in out
        and "--partial" in err
        and len(server.registry.revisions) == 3
    )


def test_a_large_file_is_tried_before_it_is_applied(run: Run, server: FakeAdmin, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, bool]] = []

    @contextlib.contextmanager
    def noted(what: str, unit: str, total: int, seconds: float) -> Iterator[None]:
        seen.append((total, seconds > 0))
        yield

    monkeypatch.setattr(config_cmd, "expected", noted)
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("secret")))
    monkeypatch.setattr(config_cmd, "TRIED_FIRST", 1)
    code, out, err = run("config", "apply", file)
    assert code == 0, err
    monkeypatch.setattr(config_cmd, "TRIED_FIRST", 1000)
    assert run("config", "apply", file)[0] == 0
    assert [known for _, known in seen] == [True, False], "the time that the trial took says how long it takes"


def test_export_reads_back_to_unchanged(run: Run, server: FakeAdmin, file: Path, tmp_path: Path) -> None:
    run("config", "apply", file)
    for venue, kinds in (("V", {"venue", "firm", "account", "session", "market"}), ("W", {"venue", "market", "listing"})):
        out = tmp_path / f"{venue}.toml"
        code, said, _ = run("config", "export", venue, "-o", out)
        assert code == 0 and said.endswith(f"definitions of venue {venue}\n")
        items = load.load(out, server.registry.decimals(), base=server.registry.settings).items
        assert {str(item.record.__struct_config__.tag) for item in items} == kinds
        assert run("config", "diff", out) == (0, "", ""), out.read_text()
        code, said, _ = run("config", "apply", out)
        assert code == 0 and said == f"0 applied, {len(items)} unchanged; revision 1\n"
        assert run("config", "export", venue)[1] == out.read_text() and "12345" not in out.read_text()
    code, _, err = run("config", "export", "V", "-o", out)
    assert code == Exit.FAILED and "File exists" in err
    code, _, err = run("config", "export", "X")
    assert code == Exit.FAILED and 'there is no venue "X"' in err


SERIES = """
[[series]]
name = "V.DAYS"
title = "Days"
owner_venue = "V"
every = "1d"
first_at = 2090-01-01T08:00:00Z
until = 2091-01-01T00:00:00Z

[series.market]
event = "V.D-{date}"
product = "exactly"
winners = 1
title = "Above on {day}?"
rules = "The price at {day}T06:00:00Z."
source = "the index"
cut_off = "1 h"
asset = "USD"
payout = "1.00"
max_qty = 1000
max_position = 19700101
fees = { model = "quadratic" }
open_at = "+90m"
close_at = "+6h"
contract = [{ symbol = "V.D-{date}-Y", outcome = "yes on {day}" }, { symbol = "V.D-{date}-N" }]

[[series]]
name = "V.CUPS"
owner_venue = "V"
"""


def test_export_has_series_and_names_what_waits(run: Run, server: FakeAdmin, file: Path, tmp_path: Path) -> None:
    file.write_text(file.read_text() + SERIES)
    assert run("config", "apply", file)[0] == 0, run("config", "apply", file)
    server._apply(ar.DefineSeries(name="V.OLD", owner_venue="V"))
    server._apply(ar.CloseSeries(name="V.OLD", reason="over"))
    server._apply(ar.Schedule(at_ns=3_800_000_000 * 10**9, act=ar.SetPhase(event="CUP", phase="paused")))
    out = tmp_path / "V.toml"
    assert run("config", "export", "V", "-o", out)[0] == 0
    text = out.read_text()
    for line in (
        'event = "V.D-{date}"', 'title = "Above on {day}?"', 'rules = "The price at {day}T06:00:00Z."', 'open_at = "+90m"', 'close_at = "+6h"',
        "max_position = ", 'symbol = "V.D-{date}-Y"', "[[series.market.contract]]",
        "# phase of CUP: paused at 2090-06-01 11:33:20 UTC waits in the schedule, and is not in this file (exos schedule list).",
    ):  # fmt: skip
        assert line in text, (line, text)
    assert "V.OLD" not in text and text.count("waits in the schedule") == 1, "nor what follows from the series"
    assert run("config", "diff", out) == (0, "", "")
    made = [item.record for item in load.load(out, server.registry.decimals(), base=server.registry.settings).items]
    assert server.registry.series.named("V.DAYS").record in made, "the same again"  # type: ignore[union-attr]


def test_what_a_file_cannot_say_is_not_exported(run: Run, server: FakeAdmin, file: Path) -> None:
    run("config", "apply", file)
    server._apply(ar.DefineVenue(name="V", title="{letter}", cutoff_offset_ns=6 * 3600 * 10**9))
    code, out, err = run("config", "export", "V")
    assert code == Exit.FAILED and "would take {letter} for a placeholder" in err and out == ""
