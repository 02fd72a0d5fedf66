"""docs/money.md and docs/leaving.md on a real server: their commands, and what the pages say of the answers."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server import venue_archive as va
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from protocol import codes
from protocol import messages as M
from tests.server_kit import ROOT, BinaryPeer, ServerProcess, order


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def exos(server: ServerProcess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("EXOS_DATA", str(server.data))
    monkeypatch.chdir(tmp_path)

    def go(*words: str) -> tuple[int, str]:
        code = cli.main(words)
        out, err = capsys.readouterr()
        return code, out + err

    return go


def examples(page: str) -> list[tuple[list[str], str]]:
    """(words of the command, what it writes) of each command in a page's console blocks."""
    import shlex

    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    found: list[tuple[list[str], str]] = []
    for line in "".join(blocks).splitlines(keepends=True):
        if line.startswith("$ exos "):
            found.append((shlex.split(line[7:]), ""))
        else:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def plain(text: str) -> str:
    """Without what differs from run to run, and without the width of columns."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? UTC", "TIME", text)
    text = re.sub(r"as of event \d+", "as of event N", re.sub(r"by uid:\d+", "by WHO", text))
    return "\n".join(re.sub(r" +", " ", line).strip() for line in text.splitlines())


def test_the_worked_example_of_the_page(exos: Any) -> None:
    shown = examples("money.md")
    assert len(shown) > 10
    for words, wanted in shown:
        _, out = exos(*words)
        assert plain(out) == plain(wanted), words


def trade(server: ServerProcess) -> None:
    port = server.ready["binary_port"]
    one, two = BinaryPeer(port, 1), BinaryPeer(port, 2)
    for peer in (one, two):
        peer.logged_on()
    markets = server.ask("markets").result["markets"]
    assert markets[0]["event"] == "CUP"
    one.send(order(1, codes.BUY, 4000, 10))
    one.read(M.Accepted)
    two.send(order(1, codes.SELL, 4000, 6))
    two.read(M.Accepted)
    two.read(M.Fill)
    one.close()
    two.close()


def test_a_statement_with_trades_as_csv_and_json_and_an_archive(exos: Any, server: ServerProcess, tmp_path: Path) -> None:
    trade(server)
    code, out = exos("account", "statement", "MM2-A", "USD", "--csv")
    assert code == Exit.OK
    rows = [line.split(",") for line in out.splitlines()]
    assert rows[0][:7] == ["time", "event", "asset", "kind", "amount", "held", "balance"]
    assert (
        [row[3] for row in rows[1:]] == ["deposit", "trade", "fee"] and rows[2][4] == "2.4000" and '"sell 6 CUP-A at 0.4000' in rows[2][8]
    )
    code, out = exos("account", "statement", "MM2-A", "--json")
    (whole,) = json.loads(out)["result"]
    assert whole["opening"] == "0.0000" and whole["closing"] == whole["entries"][-1]["balance"] and whole["more"] is False
    for words, _ in examples("leaving.md"):
        code, out = exos(*words)
        assert code == Exit.OK, out
    archive = va.read(tmp_path / "v.tar")
    assert archive.parts["positions"] == [
        {"symbol": "CUP-A", "account": "MM1-A", "quantity": 6}, {"symbol": "CUP-A", "account": "MM2-A", "quantity": -6},
    ]  # fmt: skip
    (left,) = archive.parts["orders"]
    assert (left["account"], left["price"], left["quantity"], left["filled"], left["client_id"]) == ("MM1-A", 4000, 10, 6, 1)
    assert archive.manifest.venue == "V"
    assert b"a phrase of the tests" not in (tmp_path / "v.tar").read_bytes()
    exos("account", "deposit", "V.FEES", "1 USD")
    code, out = exos("venue", "verify", "v.tar", "--against")
    assert code == Exit.FAILED and "venue V is not the same here: balances differ" in out
    (tmp_path / "v.tar").write_bytes((tmp_path / "v.tar").read_bytes().replace(b'"quantity":-6', b'"quantity":-7'))
    code, out = exos("venue", "verify", "v.tar")
    assert code == Exit.FAILED and "positions.jsonl was changed" in out


def test_a_hold_ends_at_its_time_on_a_running_server(exos: Any, server: ServerProcess) -> None:
    code, out = exos("account", "hold", "CLIENT1-A", "5 USD", "--until", "5s", "--json")  # long enough to be seen first on a busy machine
    assert code == Exit.OK, out
    number = json.loads(out)["result"]["hold"]
    code, out = exos("account", "show", "CLIENT1-A")
    assert f"\n{number} " in out and "5.0000" in out
    end = time.monotonic() + 30
    while f"\n{number} " in exos("account", "show", "CLIENT1-A")[1] and time.monotonic() < end:
        time.sleep(0.1)
    kinds = [e["kind"] for e in json.loads(exos("account", "statement", "CLIENT1-A", "USD", "--json")[1])["result"][0]["entries"]]
    assert kinds == ["deposit", "hold", "release"]


def test_a_closed_session_is_cut_off_and_stays_away(exos: Any, server: ServerProcess) -> None:
    port = server.ready["binary_port"]
    peer = BinaryPeer(port, 3)
    peer.logged_on()
    code, out = exos("session", "close", "MM3", "--reason", "replaced")
    assert code == Exit.OK and out == "session MM3 is closed\n"
    said = peer.read(M.Goodbye if hasattr(M, "Goodbye") else M.Logout)
    assert said.reason == codes.R_SESSION_CLOSED and "replaced" in said.text
    assert peer.next() is None
    again = BinaryPeer(port, 3)
    refused = again.next()
    assert refused.reason == codes.R_BAD_CREDENTIALS
