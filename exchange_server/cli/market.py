"""`exos market list|show|phase`: list markets, change their phase. Results: market_result.py."""

from typing import Any

import click

from config import admin_records as ar
from config.fields import fields_of
from protocol import phases

from . import acts, market_changes, market_define, market_result, market_validate, reversals
from .acts import at_option, dry_run_option, send
from .close import add_remove
from .command import Noun
from .common import OneOf, decimal
from .connect import Server, names, server_option
from .fields import make
from .output import Result, say, table

market = Noun("market", "list, show, define and change markets; change their phase, settle them")


@market.verb(
    "list",
    "all markets, or the contracts of one with best prices",
    details="With --json prices are in ticks and quantities in lots; `price_decimals` says how they are written.",
    examples=("exos market list", "exos market list WC26-FINAL", "exos market list --series WC26-GROUPS"),
)
@click.argument("event", required=False, shell_complete=names("market"))
@click.option("--series", metavar="NAME", help="Only those of this series.")
@server_option
def list_(event: str | None, series: str | None, server: Server) -> Result:
    with server.connect() as admin:
        markets = [acts.market(admin, event)] if event else acts.markets(admin)
    if series is not None:
        markets = [m for m in markets if m["terms"]["series"] == series]
    if not event:
        rows = [
            (m["event"], f"{m['phase']}{' (overdue)' if m['overdue_ns'] else ''}", m["product"] if m["product"] == "spot" else f"{m['product']} {m['k']}", len(m["contracts"]),
             sum(c["volume"] for c in m["contracts"]), m["title"])
            for m in markets
        ]  # fmt: skip
        table(("event", "phase", "product", ">contracts", ">volume", "title"), rows)
        return Result(markets)
    found = markets[0]
    places = found["price_decimals"]
    say(f"{found['event']}: {found['title']} ({found['phase']})")
    contracts: list[tuple[Any, ...]] = []
    for c in found["contracts"]:
        paid = decimal(c["paid"], places) if found["version"] else "-"
        contracts.append(
            (c["symbol"], decimal(c["bid"], places), decimal(c["ask"], places), decimal(c["last"], places), c["volume"], paid, c["outcome"])
        )
    table(("symbol", ">bid", ">ask", ">last", ">volume", ">pays", "outcome"), contracts)
    return Result(markets)


@market.verb(
    "show",
    "the terms of one market, as a configuration file has them, and its results with their evidence",
    examples=("exos market show WC26-FINAL",),
)
@click.argument("event", shell_complete=names("market"))
@server_option
def show(event: str, server: Server) -> Result:
    with server.connect() as admin:
        found = acts.market(admin, event)
        decimals = admin.ask("assets").result["assets"]
    for line in (*terms(found, decimals), *market_result.lines(found)):
        say(line)
    return Result(found)


def terms(market: dict[str, Any], decimals: dict[str, int]) -> list[str]:
    """One line for each field of the table of markets (config/market.py): its key and value as a file has them. A field of the
    contracts is shown once, or for each contract if they differ. `market`: from the server's market view; `decimals`: of the assets."""
    contracts = market["contracts"]
    own = contracts[0]["terms"]
    places = (own["price_decimals"], own["qty_decimals"], decimals[market["terms"]["asset"]])
    out = []
    for field in fields_of(ar.DefineMarket):
        key = field.key or field.name
        if field.name in market["terms"]:
            out.append(f"{key} = {field.written(market['terms'][field.name], *places)}")
        elif field.name in own:
            values = {c["symbol"]: field.written(c["terms"][field.name], *places) for c in contracts}
            same = len(set(values.values())) == 1
            out += (
                [f"{key} = {values[contracts[0]['symbol']]}"] if same else [f"{key} = {text} ({symbol})" for symbol, text in values.items()]
            )
    return out


@market.verb(
    "phase", "open, pause or close a market", examples=("exos market phase WC26-FINAL paused", "exos market phase WC26-FINAL open")
)
@click.argument("event", shell_complete=names("market"))
@click.argument("phase", type=OneOf(phases.SETTABLE))
@at_option
@dry_run_option
@server_option
def phase(event: str, phase: str, at: str | None, dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, make(ar.SetPhase, {"event": event, "phase": phase}), dry_run, at)


@market.verb(
    "schedule",
    "what is to come for a market: its own times, and other scheduled acts about it",
    details="Times are set with exos market create and change (--open-at, --live-at, --close-at, --determine-by).",
    examples=("exos market schedule WC26-FINAL", "exos market schedule WC26-FINAL --ended"),
)
@click.argument("event", shell_complete=names("market"))
@click.option("--ended", is_flag=True, help="Also what is done, has failed or was cancelled.")
@server_option
def schedule(event: str, ended: bool, server: Server) -> Result:
    from .schedule import scheduled, show_table

    with server.connect() as admin:
        found = scheduled(admin, event=event, ended=ended)
    show_table(found)
    return Result(found)


market_result.add(market)
market_define.add(market)
market_validate.add(market)
market_changes.add(market)
reversals.add(market)
add_remove(market)
