"""`exos trade account|positions|orders|fills` against a real server in a separate process."""

from __future__ import annotations

import json

from exchange_server.exits import Exit
from tests.cli.test_trade import Run, server, trade  # noqa: F401 (fixtures)


def test_own_state_by_command(trade: Run) -> None:  # noqa: F811 (a fixture)
    assert trade("positions", "--key", "MM7")[1] == "no positions\n" and trade("orders", "--key", "MM7")[1] == "no open orders\n"
    assert trade("fills", "--key", "MM7")[1] == "no fills\n"
    number = trade("sell", "WC26-WIN-FRA", "10", "0.42", "--key", "MM7")[1].split()[1].rstrip(":")
    assert trade("buy", "WC26-WIN-FRA", "4", "0.45", "--key", "MM8")[0] == Exit.OK

    code, out, _ = trade("account", "--key", "MM7")
    lines = [line.split() for line in out.splitlines()]
    assert code == Exit.OK and lines[0] == ["account", "asset", "cash", "locked", "available"]
    usd = next(line for line in lines if line[:2] == ["MM7-A", "USD"])
    assert len(usd) == 5 and "stopped by" in out and "1 used" in out and "as of" in out
    need = lines[next(i for i, line in enumerate(lines) if line[:3] == ["account", "market", "required"]) + 1]
    assert need[2] == usd[3], "what is locked is what the one market requires"

    code, out, _ = trade("positions", "--key", "MM7")
    assert code == Exit.OK and out.splitlines()[1].split() == ["MM7-A", "WC26-WIN-FRA", "-4", "0", "6"]
    code, out, _ = trade("orders", "--key", "MM7")
    assert out.splitlines()[1].split() == [number, "MM7-A", "WC26-WIN-FRA", "sell", "0.4200", "10", "4", "6", "GTC", "yes"]
    assert trade("orders", "WC26-WIN-ARG", "--key", "MM7")[1] == "no open orders\n"
    (head, row) = trade("fills", "--key", "MM7")[1].splitlines()
    assert head.split() == ["trade", "order", "symbol", "side", "qty", "price", "fee"] and row.split()[1:6] == [
        number, "WC26-WIN-FRA", "sell", "4", "0.4200",
    ]  # fmt: skip
    assert trade("fills", "--after-trade", row.split()[0], "--key", "MM7")[1] == "no fills\n"


def test_as_data(trade: Run) -> None:  # noqa: F811 (a fixture)
    trade("buy", "WC26-WIN-GER", "10", "0.05", "--key", "MM9")
    answers = {verb: json.loads(trade(verb, "--key", "MM9", "--json")[1]) for verb in ("account", "positions", "orders", "fills")}
    assert all(answer["ok"] and answer["exit"] == 0 for answer in answers.values())
    order = answers["orders"]["result"]["orders"][0]
    assert (order["symbol"], order["price"], order["open"], order["this_session"]) == ("WC26-WIN-GER", "0.0500", "10", "yes")
    account = answers["account"]["result"]
    assert {b["asset"] for b in account["balances"]} >= {"USD"} and account["requirements"][0]["required"] == account["requirements"][0][
        "buys"
    ]
    assert account["as_of"]["event"] > 0 and account["limits"]["stopped by"] == "nothing"
    assert answers["positions"]["result"]["positions"] == [] and answers["fills"]["result"]["fills"] == []


def test_refusals(trade: Run) -> None:  # noqa: F811 (a fixture)
    code, out, err = trade("account", "--account", "MM2-A")
    assert (code, out) == (Exit.USAGE, "") and "there is no account 'MM2-A'; this session has MM1-A" in err
    code, out, err = trade("orders", "WC26-WIN-XXX")
    assert (code, out) == (Exit.USAGE, "") and "there is no instrument 'WC26-WIN-XXX'" in err
