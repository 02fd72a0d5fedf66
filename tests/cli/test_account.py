"""Deposits, withdrawals and moves as people write them."""

import json
import re
from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.cli.conftest import Run
from tests.cli.fake_admin import FakeAdmin


@pytest.mark.parametrize(
    ("words", "ends", "text"),
    [
        (("deposit", "CLIENT1-A"), {"target": "CLIENT1-A"}, "deposit of 1000.5000 USD to CLIENT1-A done"),
        (("withdraw", "CLIENT1-A"), {"source": "CLIENT1-A"}, "withdrawal of 1000.5000 USD from CLIENT1-A done"),
        (
            ("move", "CLIENT1-A", "CLIENT1-V"),
            {"source": "CLIENT1-A", "target": "CLIENT1-V"},
            "move of 1000.5000 USD from CLIENT1-A to CLIENT1-V done",
        ),
    ],
)
def test_money_as_people_write_it(exos: Run, cup: FakeAdmin, words: tuple[str, ...], ends: dict[str, str], text: str) -> None:
    command = ("account", *words, "1000.50", "USD", "--key", "wire-1", "--note", "invoice 7")
    record = ar.Transfer(key="wire-1", asset="USD", amount=10_005_000, note="invoice 7", **ends)
    assert exos(*command)[:2] == (Exit.OK, f"{text}\nkey wire-1\n") and cup.records == [record]
    code, out, _ = exos(*command)
    assert code == Exit.OK and out == '"wire-1" was carried out before: nothing was done again\nkey wire-1\n'
    code, _, err = exos("account", *words, "1000.51", "USD", "--key", "wire-1")
    assert code == Exit.FAILED and '"wire-1" was used for a ' in err


def test_amount_and_asset_in_one_word_and_a_key_that_is_made(exos: Run, cup: FakeAdmin) -> None:
    code, out, _ = exos("account", "deposit", "CLIENT1-A", "12.5 USD")
    key = re.search(r"key (cli-[0-9a-f]{16}) \(--key with it repeats this safely\)", out)
    assert code == Exit.OK and key and cup.records == [ar.Transfer(key=key[1], asset="USD", amount=125_000, target="CLIENT1-A")]
    document = json.loads(exos("account", "deposit", "CLIENT1-A", "12.5 USD", "--json")[1])
    assert document["result"]["key"].startswith("cli-") and document["result"]["amount"] == 125_000


def test_a_dry_run_moves_nothing(exos: Run, cup: FakeAdmin) -> None:
    code, out, _ = exos("account", "deposit", "CLIENT1-A", "5", "USD", "--dry-run")
    assert code == Exit.OK and out == "would be answered: deposit of 5.0000 USD to CLIENT1-A done\n" and cup.records == []
    code, _, err = exos("account", "withdraw", "CLIENT1-A", "5", "USD", "--dry-run")
    assert code == Exit.FAILED and "0.0000 USD of its 0.0000 USD is available; asked 5.0000 USD" in err and "(nothing would be done)" in err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ("deposit", "CLIENT1-A", "1.00001", "USD"),
            Exit.USAGE,
            'AMOUNT: "1.00001" has 5 decimals, the amount of USD takes at most 4 decimals',
        ),
        (("deposit", "CLIENT1-A", "1,000", "USD"), Exit.USAGE, 'AMOUNT: "1,000" is no amount of USD: write digits and at most one point'),
        (("deposit", "CLIENT1-A", "1e3", "USD"), Exit.USAGE, 'AMOUNT: "1e3" is no amount'),
        (("deposit", "CLIENT1-A", "-5", "USD"), Exit.USAGE, '"-5": a number here has no sign'),
        (("deposit", "CLIENT1-A", "0", "USD"), Exit.USAGE, "AMOUNT: must be above 0"),
        (("deposit", "CLIENT1-A", "5"), Exit.USAGE, "ASSET is missing: 5 of what? (USD)"),
        (("deposit", "CLIENT1-A"), Exit.USAGE, "AMOUNT is missing"),
        (("deposit", "CLIENT1-A", "5", "usd"), Exit.FAILED, 'there is no asset "usd"; did you mean "USD"?'),
        (("deposit", "CLIENT1-A", "5", "GBP"), Exit.FAILED, 'there is no asset "GBP"; there are USD'),
        (("deposit", "CLIENT1-A", "99999999999999999999", "USD"), Exit.USAGE, "is above the limit of the amount of USD"),
        (("move", "CLIENT1-A", "CLIENT1-A", "5", "USD"), Exit.FAILED, "CLIENT1-A is also the source"),
        (("move", "CLIENT1-A", "WC26.FEES", "5", "USD"), Exit.FAILED, "are not accounts of one firm"),
    ],
)
def test_what_is_no_transfer(exos: Run, cup: FakeAdmin, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    got, out, err = exos("account", *arguments)
    assert (got, out) == (code, "") and sentence in err and cup.records == []


def test_a_lost_answer_says_how_to_repeat(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    def raw(line: bytes) -> bytes | None:
        request = json.loads(line)
        return b'{"id": 1, "ok": true, "result": {"assets": {"USD": 2}}}\n' if request["verb"] == "assets" else None

    fake = FakeAdmin(tmp_path, raw)
    assert cli.main(["account", "deposit", "A", "5", "USD", "--data", str(tmp_path)]) == Exit.UNREACHABLE
    fake.close()
    assert re.search(r"not known whether .* Repeat it with --key cli-[0-9a-f]{16}: it is carried out once", capsys.readouterr().err)
