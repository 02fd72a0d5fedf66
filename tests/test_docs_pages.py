"""The pages for owners of markets, resolvers and arbiters: every command of their shell blocks, page after page, on one real server.

A block that cannot run has the line `<!-- not run: WHY -->` before it.
"""

import asyncio
import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from config import load
from exchange_server.cli import main as cli
from protocol.client import Client
from tests.server_kit import ServerProcess, secret_of

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = ("budgets", "schedule", "templates", "live-markets", "settlement", "corrections")  # in this order: what is final stays final
_BLOCK = re.compile(r"(?:<!--(?P<marker>.*?)-->\s*)?^```sh\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    page: str
    commands: list[str]
    not_run: str  # why


def blocks(page: str, text: str) -> list[Block]:
    """Raises AssertionError for a marker without a reason."""
    found = []
    for match in _BLOCK.finditer(text):
        why = (match["marker"] or "").strip()
        if why:
            assert why.startswith("not run: ") and len(why) > len("not run: ") + 10, f"{page}: {why}"
        found.append(Block(page, [line for line in match["text"].splitlines() if line.strip()], why.removeprefix("not run: ")))
    return found


def test_a_block_is_run_unless_it_says_why_not() -> None:
    text = "a\n```sh\nexos a\nexos b\n```\n<!-- not run: needs a second machine -->\n\n```sh\nexos c\n```\n```toml\nx = 1\n```\n"
    assert blocks("p", text) == [Block("p", ["exos a", "exos b"], ""), Block("p", ["exos c"], "needs a second machine")]
    for wrong in ("<!-- not run: -->", "<!-- later -->"):
        with pytest.raises(AssertionError):
            blocks("p", f"{wrong}\n```sh\nexos c\n```\n")


NOT_WHOLE = {
    "live-markets.md": "keys of a market's table",
    "page.md": "the file of a page",
}  # pages with TOML that is no configuration file


@pytest.mark.parametrize("page", [path.name for path in sorted(DOCS.glob("*.md")) if path.name not in NOT_WHOLE])
def test_every_configuration_in_the_pages_has_keys_that_exist(page: str) -> None:
    for text in re.findall(r"^```toml\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE):
        load.parse(page, tomllib.loads(text))


COMMON = """
asset = "USD"
owner_venue = "WC26"
max_qty = 10_000
max_position = 100_000
fees = { model = "quadratic", taker_bps = 100 }
phase = "open"
rules = "The result decides."
"""
CONFIG = f"""
[server]
fix_port = 0
binary_port = 0

[[asset]]
name = "USD"
decimals = 4

[[venue]]
name = "WC26"

[[market]]
event = "WC26-FINAL"
product = "exactly"
winners = 1
payout = "1.0000"
source = "FIFA match report"
challenge_window = "1h"
live_at = 2030-07-19T19:30:00Z
close_at = 2030-07-19T23:00:00Z
determine_by = 2030-07-21T12:00:00Z
contract = [{{ symbol = "WC26-FINAL-ESP" }}, {{ symbol = "WC26-FINAL-DRAW" }}, {{ symbol = "WC26-FINAL-ARG" }}]
{COMMON}
[[market]]
event = "WC26-SEMI"
product = "exactly"
winners = 1
payout = "1.0000"
source = "FIFA"
live_at = 2030-07-15T19:00:00Z
close_at = 2030-07-15T23:00:00Z
determine_by = 2030-07-16T12:00:00Z
void = {{ who = "the arbiter", trigger = "it is not played", prices = "fixed", fixed = ["0.5000", "0.5000"] }}
contract = [{{ symbol = "WC26-SEMI-FRA" }}, {{ symbol = "WC26-SEMI-ESP" }}]
{COMMON}
[[market]]
event = "WC26-GOALS"
product = "scalar"
payout = "1.00"
price_decimals = 2
source = "FIFA"
scalar = {{ low = "200", high = "400", decimals = 0 }}
contract = [{{ symbol = "WC26-GOALS" }}]
{COMMON}
[[market]]
event = "CUP"
product = "exactly"
winners = 1
payout = "1.00"
price_decimals = 2
source = "FIFA"
max_contracts = 5
other = "OTHER"
contract = [{{ symbol = "CUP-A" }}, {{ symbol = "CUP-B" }}, {{ symbol = "CUP-OTHER" }}]
{COMMON}
[[market]]
event = "RACE"
product = "at_most"
winners = 1
payout = "1.00"
price_decimals = 2
source = "FIFA"
max_contracts = 4
contract = [{{ symbol = "RACE-A" }}, {{ symbol = "RACE-B" }}]
{COMMON}
[[member]]
count = 2
firm = "CLIENT{{n}}"

[[member.account]]
name = "CLIENT{{n}}-A"
deposit = {{ USD = "1000.00" }}

[[member.session]]
name = "CLIENT{{n}}"
wire = "binary"
key = "CLIENT{{n}}"
secret = "a phrase of the tests, number {{n}}"
account = "CLIENT{{n}}-A"
"""


async def trade(server: ServerProcess) -> None:
    """CLIENT1 buys from CLIENT2: first in the cup (trade 1), then in the final."""
    port = server.ready["binary_port"]
    async with Client("127.0.0.1", port, "CLIENT1", secret_of(1)) as buyer, Client("127.0.0.1", port, "CLIENT2", secret_of(2)) as seller:
        for symbol, price in (("CUP-A", 40), ("WC26-FINAL-DRAW", 3000)):
            await seller.sell(symbol, 10, price)
            order = await buyer.buy(symbol, 10, price)
            assert order.cum == 10, order


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """With a trade in the final and one in the cup, between two firms."""
    folder = tmp_path_factory.mktemp("pages")
    server = ServerProcess(folder, CONFIG).start()
    (folder / "venue.toml").write_text(CONFIG)
    (folder / "venue.toml").chmod(0o600)
    for name in ("report.pdf", "ruling.pdf", "notice.pdf"):
        (folder / name).write_text(f"evidence: {name}")
    try:
        asyncio.run(trade(server))
        yield server
    finally:
        server.stop()


Said = dict[str, list[str]]


@pytest.fixture(scope="module")
def said(server: ServerProcess) -> Said:
    """What every command of the pages says, by page. A command that fails fails all tests."""
    out: Said = {page: [] for page in PAGES}
    wrong = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(server.folder)
        patch.setenv("EXOS_DATA", str(server.data))
        patch.setenv("NO_COLOR", "1")
        for page in PAGES:
            for block in blocks(page, (DOCS / f"{page}.md").read_text()):
                for command in block.commands if not block.not_run else ():
                    program, *words = shlex.split(command, comments=True)
                    assert program == "exos", command
                    told, failed = io.StringIO(), io.StringIO()
                    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(failed):
                        code = cli.main(words)
                    if code:
                        wrong.append(f"docs/{page}.md: {command}\n{told.getvalue()}{failed.getvalue()}")
                    out[page].append(f"$ {command}\n{told.getvalue()}{failed.getvalue()}")
    assert not wrong, "\n".join(wrong)
    return out


def of(said: Said, page: str, beginning: str) -> str:
    """What the commands of a page that begin so have said."""
    found = [text for text in said[page] if text.startswith(f"$ exos {beginning}")]
    assert found, f"{page} has no command exos {beginning}"
    return "".join(found)


def test_budgets(said: Said) -> None:
    assert "max loss 500.0000 USD, max loss per day 100.0000 USD, all markets in USD" in of(said, "budgets", "budget set CLIENT1 --asset")
    shown = of(said, "budgets", "budget show CLIENT1")
    assert "0.0000 used, of 500.0000, 500.0000 left" in shown and "WC26-FINAL, CUP" in shown
    assert "ended" in of(said, "budgets", "budget clear")


def test_schedule(said: Said) -> None:
    assert "scheduled as 7" in of(said, "schedule", "schedule add") and "kick-off" in of(said, "schedule", "schedule show")
    assert "postponed" in of(said, "schedule", "schedule cancel 7")
    assert "2030-07-19 22:00:00 UTC" in of(said, "schedule", "market schedule WC26-FINAL"), "close_at was changed"
    assert "first listing at 2030-01-01 08:00:00 UTC" in of(said, "schedule", "series create")


def test_templates(said: Said) -> None:
    assert "market ESP-ARG listed, 3 instruments" in of(said, "templates", "market create")
    assert "0 errors" in of(said, "templates", "market validate")


def test_live_markets(said: Said) -> None:
    assert "would" in of(said, "live-markets", "market bands CUP --band 0.05:0.95:0.05 --dry-run")
    assert "3 of at most 4" in of(said, "live-markets", "market add-outcome")
    assert "out of CUP-OTHER, 4 of at most 5" in of(said, "live-markets", "market split-outcome")
    assert "0.54" in of(said, "live-markets", "market settle WC26-GOALS")
    assert "pays per contract: nothing" in of(said, "live-markets", "market settle RACE")


def test_settlement(said: Said, server: ServerProcess) -> None:
    assert "disputed" in of(said, "settlement", "market dispute") and "upheld" in of(said, "settlement", "market uphold")
    found = {market["event"]: market for market in server.ask("markets").result["markets"]}
    assert (found["WC26-FINAL"]["phase"], found["WC26-SEMI"]["phase"]) == ("final", "voided")
    assert "it pays WC26-SEMI-FRA 0.5000, WC26-SEMI-ESP 0.5000" in of(said, "settlement", "market void"), "by the declared prices"


def test_corrections(said: Said, server: ServerProcess) -> None:
    (final,) = server.ask("markets", event="WC26-FINAL").result["markets"]
    assert [contract["code"] for contract in final["contracts"] if contract["paid"]] == ["ARG"]
    assert "trade 1" in of(said, "corrections", "market bust 1")
    assert server.ask("check").ok


def test_every_page_has_blocks_and_only_what_cannot_run_is_left_out() -> None:
    left_out = [block.commands for page in PAGES for block in blocks(page, (DOCS / f"{page}.md").read_text()) if block.not_run]
    assert left_out == [
        ["exos pending", "exos approve 100000001", 'exos refuse 100000001 --note "too large"'],
        ["exos market recover WC26-FINAL"],
    ]
    assert all(any(not block.not_run for block in blocks(page, (DOCS / f"{page}.md").read_text())) for page in PAGES)
