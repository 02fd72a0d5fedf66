"""./scripts/run: its options, its lines to paste, its screen, and one short run of the whole thing."""

import fcntl
import io
from pathlib import Path

import pytest

from exchange_server.core.kit import jit
from exchange_server.exits import Exit
from scripts import main_job
from scripts.worldcup import match_day, sandbox, street, world
from scripts.worldcup.client import percentile
from scripts.worldcup.screen import Screen


def test_options() -> None:
    args = main_job.arguments(["--seed", "7", "--seconds", "5", "--rate", "100"])
    assert (args.seed, args.seconds, args.rate, args.serve) == (7, 5.0, 100.0, False)
    assert main_job.arguments(["--serve", "--bots", "3", "--port", "7000", "--seed", "1"]).bots == 3
    assert main_job.arguments([]).seed >= 0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--seconds", "x"], '"x" is no number of seconds'),
        (["--seconds", "61"], "61: number of seconds must be 4 to 60"),
        (["--seconds", "nan"], '"nan" is no number of seconds'),
        (["--bots", "2"], "--bots needs --serve"),
        (["--data", "/tmp"], "--data needs --serve"),
        (["--port", "9880"], "--port needs --serve"),
        (["--serve", "--seconds", "5"], "--seconds cannot be used with --serve"),
        (["--serve", "--bots", "33"], "33: number of bots must be 0 to 32"),
        (["--serve", "--port", "65526"], "65526: port must be 1 to 65525"),
        (["--serve", "--data", __file__], "is not a folder"),
        (["--no-such"], "unrecognized arguments: --no-such"),
    ],
)
def test_usage_errors(given: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main_job.arguments(given)
    assert stopped.value.code == Exit.USAGE and sentence in capsys.readouterr().err


def test_a_run_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Four seconds of trading with a kill -9 in the middle. Then the same books without one fill: the check must fail."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("EXOS_CACHE_DIR", str(jit.CACHE_ROOT.parent))  # the kernels of this process, not a minute of compiling
    monkeypatch.setattr(street, "MEMORY_FILE_SYSTEMS", set())  # the test's folder may be anywhere
    seen: list[match_day.Dump] = []
    finish = match_day.MatchDay.finish

    def noted(day: match_day.MatchDay, numbers: dict[str, int]) -> list[match_day.Dump]:
        seen.extend(finish(day, numbers))
        return seen

    monkeypatch.setattr(match_day.MatchDay, "finish", noted)
    code = match_day.run(4.0, 11, 300.0)
    out = capsys.readouterr().out
    assert code == Exit.OK, out
    assert "killed with -9" in out and "RIGHT: nothing lost" in out and "cup ESP, final after 90 minutes DRAW" in out
    assert list((tmp_path / "exos" / "runs").iterdir()) == []  # no files are left
    books = [book for dump in seen for book in dump.books]
    count = sum(len(book.fills) for book in books) // 2
    assert count > 10 and match_day.judge.trades(books, count) == []
    books[-1].fills.pop() if books[-1].fills else books[0].fills.pop()
    assert match_day.judge.trades(books, count) != []


def test_lines_to_paste() -> None:
    text = "\n".join(sandbox.lines(Path("/data"), 9880, 9890, 0))
    assert "trade buy WC26-WIN-ESP 10 0.42\n" in text and "--port" not in text
    assert "trade buy WC26-WIN-ESP 10 0.42 --port 7010\n" in "\n".join(sandbox.lines(Path("/data"), 7000, 7010, 2))
    program = text.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    compile(program, "pasted", "exec")
    for line in ("SenderCompID=CLIENT1", "TargetCompID=EXOS-OE", "SocketConnectPort=9880", "BeginString=FIX.4.4"):
        assert f"\n{line}\n" in text
    dictionary = text.partition("\nDataDictionary=")[2].partition("\n")[0]
    assert Path(dictionary).is_file()


def test_screen() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.tick(1.0, "trading", {"fix": {"answered": 10, "fills": 4, "open": 2, "p50": 900_000, "p99": 20_000_000}}, None)
    screen.tick(2.0, "trading", {"fix": {"answered": 30, "fills": 6, "open": 3, "p50": 900_000, "p99": 20_000_000}}, None)
    assert out.getvalue().splitlines()[1] == "  2.0 s  trading       fix 20/s p50 900 µs p99 20 ms  trades 3  open 3"
    out.truncate(0)
    screen.live = True
    market = {"price_decimals": 4, "contracts": [{"outcome": "Spain", "bid": 4200, "ask": None, "last": 4300, "volume": 9}]}
    screen.tick(3.0, "trading", {"fix": {"answered": 30}}, market)
    assert "Spain" in out.getvalue() and "0.4200        -   0.4300" in out.getvalue()
    screen.line("done")
    assert out.getvalue().endswith("\x1b[5A\x1b[Jdone\n")


def test_percentile() -> None:
    assert [percentile(range(100), p) for p in (0, 50, 99)] == [0, 50, 99] and percentile([], 50) == 0 and percentile([5], 99) == 5


def test_the_world_and_its_prices() -> None:
    known = world.sandbox()
    assert len(known.events) == 14 and len(known.contracts) == 48 + 48 + 3 and "BTC-USD" not in known.contracts
    assert known.deposits["CLIENT1-A"] == 10_000_000_000 and known.deposits["MM64-A"] == 100_000_000_000
    fair = world.fair_prices(known, 3)
    assert fair == world.fair_prices(known, 3) != world.fair_prices(known, 4)
    assert all(0 < fair[s] < c.payout for s, c in known.contracts.items())


def test_a_folder_must_lie_on_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(street, "ROOT", tmp_path / "checkout")
    monkeypatch.setattr(street, "file_system", lambda folder: "tmpfs")
    with pytest.raises(street.Failed, match="a folder on a disk"):
        street.fresh_folder()
    monkeypatch.setattr(street, "file_system", lambda folder: "ext4")
    assert street.fresh_folder().parent == tmp_path / "exos" / "runs"


def test_of_fresh_folders_the_newest_are_kept_and_what_a_server_holds(tmp_path: Path) -> None:
    names = [f"20260101-00000{n}-abcd{n}" for n in range(5)]
    for name in names:
        (tmp_path / name / "journal").mkdir(parents=True)
        (tmp_path / name / "journal" / "lock").write_text("1\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "20250101-000000-link").symlink_to(tmp_path / "mine")
    with open(tmp_path / names[0] / "journal" / "lock") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert street.prune(tmp_path, 2) == [tmp_path / names[1], tmp_path / names[2]]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["20250101-000000-link", names[0], names[3], names[4], "mine"]
    assert street.prune(tmp_path, 2) == [tmp_path / names[0]] and street.prune(tmp_path, 2) == []


def test_an_open_folder_with_other_things_in_it_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(street.Failed, match=f"chmod 700 {tmp_path}"):
        sandbox.serve(tmp_path, 0, 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
