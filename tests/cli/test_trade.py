"""exos trade against a real server in a separate process: output and exit code."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.cli import main as cli
from exchange_server.cli import trade as trade_cli
from exchange_server.exits import Exit
from protocol import codes

ROOT = Path(__file__).resolve().parents[2]
CAPACITIES = """
include = ["{sandbox}"]
[capacities]
balances = 2000
collateral_words = 200000
orders = 2000
nodes = 4000
archive = 4000
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """(binary port, data folder) of a sandbox with small tables."""
    folder = tmp_path_factory.mktemp("trade")
    (folder / "c.toml").write_text(CAPACITIES.format(sandbox=ROOT / "config" / "sandbox.toml"))
    command = [sys.executable, "-m", "exchange_server.cli.main", "serve", "--data", str(folder / "d"), "--config", str(folder / "c.toml")]
    command += ["--fix-port", "0", "--binary-port", "0", "--mode", "async", "--segment-bytes", "4194304", "--follower", "off"]
    with open(folder / "err", "wb") as err:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=err, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        process.wait(10)
        pytest.fail(f"the server did not start: {(folder / 'err').read_text()}")
    yield json.loads(line)["binary_port"], folder / "d"
    process.terminate()
    assert process.wait(30) == Exit.OK, (folder / "err").read_text()
    process.stdout.close()


@pytest.fixture
def trade(capsys: pytest.CaptureFixture[str], server: tuple[int, Path]) -> Run:
    def go(*arguments: str) -> tuple[int, str, str]:
        try:
            code = cli.main(["trade", *arguments, "--port", str(server[0])])
        except SystemExit as usage:
            code = int(usage.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return go


def test_orders_as_they_stand(trade: Run) -> None:
    code, out, _ = trade("sell", "WC26-FINAL-ESP", "10", "0.42")
    assert code == Exit.OK and re.fullmatch(r"order \d+: sell 10 WC26-FINAL-ESP at 0\.4200, 0 filled, 10 open\n", out)
    code, out, _ = trade("buy", "WC26-FINAL-ESP", "4", "0.45", "--key", "MM2")
    # quadratic fee of 100 bps: 4 x 4200 x 5800 / 10000 x 1 % = 97.44 minor units, rounded up
    assert code == Exit.OK and out.endswith("4 filled at 0.42000000 on average, fee 0.0098 USD\n")
    code, out, _ = trade("buy", "WC26-FINAL-ESP", "3", "--key", "MM2")
    assert code == Exit.OK and "buy 3 WC26-FINAL-ESP at" in out and "3 filled at 0.4200" in out
    code, out, _ = trade("sell", "WC26-FINAL-ESP", "5", "0.58", "--no", "--key", "MM2")
    assert code == Exit.OK and "sell NO 5 WC26-FINAL-ESP at 0.5800, 3 filled at 0.58000000 on average" in out and out.endswith("2 open\n")
    code, out, _ = trade("buy", "BTC-USD", "0.05", "64000.5")
    assert code == Exit.OK and "buy 0.05 BTC-USD at 64000.50, 0.00 filled, 0.05 open" in out
    assert trade("cancel", "all")[1] == "1 orders cancelled\n"
    assert trade("cancel", "all", "--key", "MM2", "--scope", "firm")[1] == "1 orders cancelled\n"


def test_one_order_is_cancelled_by_its_id(trade: Run) -> None:
    number = trade("buy", "WC26-WIN-ARG", "1", "0.01")[1].split()[1].rstrip(":")
    code, out, _ = trade("cancel", number)
    assert code == Exit.OK and out == f"order {number} cancelled, 0 filled\n"
    code, _, err = trade("cancel", number)
    assert code == Exit.FAILED and "[order_closed]" in err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("cancel", "17"), Exit.FAILED, "the firm has no order with this ClOrdID [unknown_order]"),
        (("cancel", "x"), Exit.USAGE, '"x" is no order id'),
        (("buy", "WC26-WIN-XXX", "1", "0.5"), Exit.USAGE, "there is no instrument 'WC26-WIN-XXX'"),
        (("buy", "WC26-WIN-BRA", "1.5", "0.5"), Exit.USAGE, '"1.5" has 1 decimal, the quantity takes no decimals'),
        (("buy", "WC26-WIN-BRA", "1", "0.00001"), Exit.USAGE, '"0.00001" has 5 decimals, the price takes at most 4 decimals'),
        (("buy", "WC26-WIN-BRA", "one", "0.5"), Exit.USAGE, '"one" is no quantity'),
        (("buy", "WC26-WIN-BRA", "1", "1.5"), Exit.FAILED, "[price_out_of_range]"),
        (("buy", "WC26-WIN-BRA", "1"), Exit.FAILED, "[no_liquidity]"),
        (("buy", "WC26-WIN-BRA", "1", "0.5", "--tif", "IOC", "--post-only"), Exit.FAILED, "[post_only_immediate]"),
        (("sell", "BTC-USD", "9999", "1"), Exit.FAILED, "[collateral]"),
        (("buy", "WC26-WIN-BRA", "1", "0.5", "--account", "MM2-A"), Exit.USAGE, "there is no account 'MM2-A'; this session has MM1-A"),
        (("buy", "WC26-WIN-BRA", "1", "0.5", "--key", "MMX"), Exit.FAILED, "unknown session or wrong credentials"),
        (("buy", "WC26-WIN-BRA", "1", "0.5", "--secret", "wrong"), Exit.FAILED, "unknown session or wrong credentials"),
        (("buy", "WC26-WIN-BRA"), Exit.USAGE, "usage: exos trade buy"),
    ],
)
def test_refusals(trade: Run, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    got, out, err = trade(*arguments)
    assert (got, out) == (code, "") and sentence in err, err


def test_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["trade", "buy", "X", "1", "1", "--port", "1"]) == Exit.UNREACHABLE
    assert "127.0.0.1:1 cannot be reached" in capsys.readouterr().err


def test_watch(trade: Run, server: tuple[int, Path]) -> None:
    watcher = subprocess.Popen(
        [sys.executable, "-m", "exchange_server.cli.main", "trade", "watch", "WC26-WIN-FRA", "--key", "MM9", "--port", str(server[0])],
        stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, text=True,
    )  # fmt: skip
    assert watcher.stdout is not None
    lines = [watcher.stdout.readline()]
    trade("sell", "WC26-WIN-FRA", "10", "0.30")
    lines.append(watcher.stdout.readline())
    trade("buy", "WC26-WIN-FRA", "4", "0.30", "--key", "MM2")
    lines += [watcher.stdout.readline(), watcher.stdout.readline()]
    watcher.terminate()
    watcher.communicate(timeout=10)
    kept = [re.sub(r"^\d\d:\d\d:\d\d\.\d{3}  ", "", re.sub(r"trade \d+", "trade N", line)).split() for line in lines]
    assert [" ".join(words) for words in kept] == [
        "WC26-WIN-FRA - | -", "WC26-WIN-FRA - | 10 @ 0.3000", "WC26-WIN-FRA bought 4 @ 0.3000 (trade N)", "WC26-WIN-FRA - | 6 @ 0.3000",
    ]  # fmt: skip


def test_watch_as_json(trade: Run) -> None:
    trade("sell", "WC26-WIN-NED", "10", "0.30")
    code, out, _ = trade("watch", "WC26-WIN-NED", "--json", "--seconds", "0.3")
    assert code == Exit.OK
    (first, *_) = [json.loads(line) for line in out.splitlines()]
    assert first.pop("time_ns") > 0
    assert first == {"type": "prices", "symbol": "WC26-WIN-NED", "bid": None, "ask": {"price": "0.3000", "qty": "10"}}


def test_a_trade_as_json() -> None:
    """As the command tells it, of a market with decimals in its quantities."""
    definition = SimpleNamespace(qty_decimals=1)
    client: Any = SimpleNamespace(definitions={7: definition}, price_text=lambda instrument, ticks: f"0.{ticks}")
    tell = trade_cli._as_objects(client, {7: "X"})
    assert json.loads(tell(5, 7, None, (3, 42, 15, codes.SELL))) == {
        "type": "trade", "time_ns": 5, "symbol": "X", "trade": 3, "side": "sell", "price": "0.42", "qty": "1.5",
    }  # fmt: skip


def test_watch_for_a_while(trade: Run) -> None:
    began = time.monotonic()
    code, out, _ = trade("watch", "WC26-WIN-GER", "--seconds", "0.3")
    assert code == Exit.OK and "WC26-WIN-GER" in out and time.monotonic() - began < 10


def test_the_books_balance_after_all_that(server: tuple[int, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--data", str(server[1])]) == Exit.OK and "are correct after row" in capsys.readouterr().out
