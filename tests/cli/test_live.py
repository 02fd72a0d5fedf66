"""The commands of the nouns against a real server in a process of its own: what one command sets, another one shows."""

import json
from collections.abc import Callable, Iterator

import msgspec
import pytest

from config import admin_records as ar
from exchange_server import kernels
from exchange_server.cli import main as cli
from exchange_server.cli.admin_client import AdminClient
from exchange_server.cli.venue_import import WHOLE_BYTES, ask_whole
from exchange_server.exits import Exit
from protocol import codes
from tests.server_kit import BinaryPeer, ServerProcess, secret_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("live")) as running:
        yield running


@pytest.fixture
def exos(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, server: ServerProcess) -> Run:
    monkeypatch.setenv("EXOS_DATA", str(server.data))

    def go(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return go


def result(exos: Run, *arguments: str) -> object:
    code, out, err = exos(*arguments, "--json")
    assert code == Exit.OK, err
    return json.loads(out)["result"]


def test_a_venue_is_opened_by_command(exos: Run) -> None:
    """Asset, venue, firm, accounts, session, market, money: each is there afterwards, and the server's books are correct."""
    for command in (
        "asset create EUR --decimals 2",
        "venue create ACME --throttle 50 --throttle-window 1s",
        "firm create F9 --title Nine",
        "account create F9-A --firm F9",
        "account create F9-B --firm F9",
        "session create F9 --wire binary --firm F9 --account F9-A --key F9",
        "market create GOALS --product exactly --winners 1 --owner-venue ACME --asset EUR --payout 1 --price-decimals 2 --max-qty 10 --max-position 20 "
        "--fees-model minimum --rules r --source s --contract GOALS-0 --contract GOALS-1 --phase open",
        "account deposit F9-A 100.25 EUR --key k1",
        "account move F9-A F9-B 40 EUR --key k2",
        "account withdraw F9-B 15.25 EUR --key k3",
    ):
        code, _, err = exos(*command.split())
        assert code == Exit.OK, (command, err)
    rows = {row["name"]: row["balances"] for row in result(exos, "account", "list", "--firm", "F9")}  # type: ignore[attr-defined]
    assert rows == {
        "F9-A": {"EUR": {"cash": "60.25", "locked": "0.00", "held": "0.00", "free": "60.25"}},
        "F9-B": {"EUR": {"cash": "24.75", "locked": "0.00", "held": "0.00", "free": "24.75"}},
    }
    assert result(exos, "firm", "show", "F9")["accounts"] == 2  # type: ignore[index]
    (market,) = [m for m in result(exos, "market", "list") if m["event"] == "GOALS"]  # type: ignore[attr-defined]
    assert market["phase"] == "open" and [c["symbol"] for c in market["contracts"]] == ["GOALS-0", "GOALS-1"]
    assert exos("check")[0] == Exit.OK
    code, _, err = exos("account", "withdraw", "F9-B", "25", "EUR")
    assert code == Exit.FAILED and "24.75 EUR of its 24.75 EUR is available; asked 25.00 EUR" in err


def test_a_kill_switch_holds_and_is_shown(exos: Run, server: ServerProcess) -> None:
    order = ("trade", "buy", "CUP-A", "1", "0.5", "--key", "MM1", "--secret", secret_of(1), "--port", str(server.ready["binary_port"]))
    assert exos("risk", "kill", "firm", "MM1")[0] == exos("risk", "restrict", "MM2", "CUP")[0] == Exit.OK
    found = result(exos, "risk", "list")
    assert {"level": "firm", "target": "MM1"} in found["kills"] and {"event": "CUP", "firm": "MM2"} in found["restrictions"]  # type: ignore[index]
    code, _, err = exos(*order)
    assert code == Exit.FAILED and "[killed_firm]" in err
    assert exos("risk", "release", "firm", "MM1")[0] == exos("risk", "restrict", "MM2", "CUP", "--off")[0] == Exit.OK
    code, out, _ = exos(*order)
    assert code == Exit.OK and "1 open" in out
    assert result(exos, "firm", "show", "MM1")["open_orders"] == 1 and result(exos, "risk", "list")["kills"] == []  # type: ignore[index]


def test_who_is_logged_on_is_shown(exos: Run, server: ServerProcess) -> None:
    peer = BinaryPeer(server.ready["binary_port"], 3)
    peer.logged_on()
    assert result(exos, "session", "show", "MM3")["logged_on"]  # type: ignore[index]
    peer.close()


def test_a_live_market_changes_in_what_is_named(exos: Run) -> None:
    before = result(exos, "market", "show", "CUP")["terms"]  # type: ignore[index]
    assert exos("market", "change", "CUP", "--collar", "0.25")[0] == Exit.OK
    after = result(exos, "market", "show", "CUP")
    assert after["contracts"][0]["terms"]["collar"] == 2500 and after["terms"] == before  # type: ignore[index]


@pytest.mark.parametrize(
    ("words", "expected"),
    [("exos account show MM1", {"MM1-A"}), ("exos market phase CU", {"CUP"}), ("exos risk kill firm CLIENT", {"CLIENT1", "CLIENT2"})],
)
def test_names_are_completed(exos: Run, monkeypatch: pytest.MonkeyPatch, words: str, expected: set[str]) -> None:
    monkeypatch.setenv("_EXOS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    assert {line.partition(",")[2] for line in exos()[1].splitlines()} == expected


def test_a_start_loads_as_many_kernels_as_the_bar_counts(exos: Run) -> None:
    assert result(exos, "status")["kernels"]["count"] == kernels.count()  # type: ignore[index]


def test_an_archive_longer_than_a_request_reaches_the_server_in_parts(server: ServerProcess) -> None:
    """It is judged as a whole: more firms than there is room for."""
    firms = tuple(ar.DefineFirm(name=f"L.{n:05}", title="t" * 60, venue="L") for n in range(12_000))
    opening = ar.Opening(venue="L", digest="ab" * 32, records=(ar.DefineVenue(name="L"), *firms))
    assert len(msgspec.msgpack.encode(opening)) > WHOLE_BYTES
    with AdminClient(server.data) as admin:
        answer = ask_whole(admin, opening)
    assert (answer.ok, answer.code) == (False, codes.R_TABLE_FULL) and "firms" in answer.text, answer
    assert not server.ask("venue", name="L").ok, "nothing of it was done"


def test_a_dry_run_of_each_noun_changes_nothing(exos: Run) -> None:
    digest = result(exos, "check")["digest"]  # type: ignore[index]
    for command in (
        "asset create GBP --decimals 2", "venue change V --title x", "firm create F8", "account create MM1-B --firm MM1",
        "session change MM1 --cancel-on-disconnect", "market change CUP --max-qty 5", "market phase CUP paused", "risk kill platform",
        "account deposit MM1-A 5 USD",
    ):  # fmt: skip
        code, out, err = exos(*command.split(), "--dry-run")
        assert code == Exit.OK and out.startswith("would be answered: "), (command, err)
    assert result(exos, "check")["digest"] == digest  # type: ignore[index]


def test_a_dry_run_does_not_stop_the_server(exos: Run, server: ServerProcess) -> None:
    code, out, _ = exos("stop", "--dry-run")
    assert code == Exit.OK and out.startswith("would stop: 0 sessions are logged on")
    assert result(exos, "stop", "--dry-run")["logged_on"] == []  # type: ignore[index]
    assert exos("check")[0] == Exit.OK
