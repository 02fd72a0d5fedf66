"""./scripts/run: its options, the tournament that it plays, and the lines to paste of --serve."""

from pathlib import Path

import pytest

from exchange_server.demo import street, tournament
from exchange_server.exits import Exit
from scripts import main_job, sandbox
from tests.server_kit import free_port, in_use


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


def test_lines_to_paste() -> None:
    text = "\n".join(sandbox.lines(Path("/data"), 9880, 9890, 0, "http://127.0.0.1:9800"))
    assert "trade buy WC26-WIN-ESP 10 0.42\n" in text and "--port" not in text and "\nThe page: http://127.0.0.1:9800\n" in text
    assert "trade buy WC26-WIN-ESP 10 0.42 --port 7010\n" in "\n".join(sandbox.lines(Path("/data"), 7000, 7010, 2, "not open: x"))
    program = text.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    compile(program, "pasted", "exec")
    for line in ("SenderCompID=CLIENT1", "TargetCompID=EXOS-OE", "SocketConnectPort=9880", "BeginString=FIX.4.4"):
        assert f"\n{line}\n" in text
    dictionary = text.partition("\nDataDictionary=")[2].partition("\n")[0]
    assert Path(dictionary).is_file()


def test_a_page_that_does_not_start_is_named_and_takes_nothing_with_it(tmp_path: Path) -> None:
    with in_use(port := free_port()):
        page = sandbox.Page(tmp_path, port)
        page.start()
    assert (page.address, page.why) == ("", f"see {tmp_path / 'web.log'}") and not page.ended()


def test_the_page_is_open_before_the_exchange_is_reached_and_its_end_is_told_once(tmp_path: Path) -> None:
    page = sandbox.Page(tmp_path, 0)
    page.start()
    try:
        assert page.address.startswith("http://127.0.0.1:") and not page.ended()
        assert page.process is not None
        page.process.kill()
        page.process.wait(10)
        assert page.ended() and not page.ended()
    finally:
        page.end()


def test_an_open_folder_with_other_things_in_it_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(street.Failed, match=f"chmod 700 {tmp_path}"):
        sandbox.serve(tmp_path, 0, 0, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_it_plays_the_tournament(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    played: list[tournament.Setting] = []

    def play(setting: tournament.Setting, folder: Path, screen: object) -> tournament.Ended:
        assert folder == tmp_path
        played.append(setting)
        return tournament.Ended(Exit.FAILED, {})

    monkeypatch.setattr(tournament, "play", play)
    monkeypatch.setattr(street, "fresh_folder", lambda: tmp_path)
    assert main_job.main(["--seconds", "20", "--rate", "100", "--seed", "5"]) == Exit.FAILED
    assert played == [tournament.Setting(164_655, 5, 100.0, kill=True)]
