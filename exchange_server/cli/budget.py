"""`exos budget set|show|clear`: what a session may lose, where and how much at once it may trade (docs/budgets.md)."""

from typing import Any

import click

from config import admin_records as ar
from config.fields import MONEY
from protocol import numbers, units

from ..exits import Exit
from . import fields as of
from .acts import check_asset, decimals, dry_run_option, rows, send
from .command import Noun
from .common import CommandError
from .connect import Server, names, server_option
from .output import Result, pairs, say, table

budget = Noun("budget", "what a session may lose, where and how much at once it may trade; enforced by the exchange")
session_argument = click.argument("session", shell_complete=names("session"))
LISTS = ("markets", "series")


@budget.verb(
    "set",
    "give a session and its default account a budget, or change what is named of it",
    details=(
        "What is not named stays; 0 is no such limit. --markets and --series replace the whole list, --all-markets drops both. Raising a limit, counting "
        "anew and ending a budget may need a second person (exos pending)."
    ),
    examples=(
        "exos budget set AGENT1 --asset USD --max-loss 500 --max-loss-per-day 100",
        "exos budget set AGENT1 --max-cost 50 --max-quantity 200 --series WC26-GROUPS",
        "exos budget set AGENT1 --anew",
    ),
)
@session_argument
@of.add_options(ar.Budget, ("session", "anew"))
@click.option("--all-markets", is_flag=True, help="No list: all markets in the asset.")
@click.option("--anew", is_flag=True, help="What it lost so far does not count any more.")
@dry_run_option
@server_option
def set_(session: str, all_markets: bool, anew: bool, dry_run: bool, server: Server, **given: Any) -> Result:
    asked = of.named(given)
    if all_markets and any(name in asked for name in LISTS):
        raise CommandError(Exit.USAGE, "--all-markets takes no --markets and no --series")
    with server.connect() as admin:
        asset = asked.get("asset") or next((row["asset"] for row in rows(admin, "budget", name=session)), "")
        places = decimals(admin)
        if asset:
            check_asset(asset, places, "--asset: ")
        elif any(field in asked for field in ("max_loss", "max_loss_per_day", "max_cost", "approve_above")):
            raise CommandError(Exit.USAGE, f"--asset is missing: in which asset is the budget of {session}?")
        content = of.content(ar.Budget, asked, ("session", "anew"), {MONEY: places.get(asset, 0)})
        if all_markets:
            content |= {"markets": (), "series": ()}
        return send(admin, of.make(ar.Budget, {"session": session, "anew": anew, **content}), dry_run)


@budget.verb(
    "show", "the budget of a session and what is left of it, or all budgets", examples=("exos budget show", "exos budget show AGENT1")
)
@click.argument("session", required=False, default="", shell_complete=names("session"))
@server_option
def show(session: str, server: Server) -> Result:
    with server.connect() as admin:
        found = rows(admin, "budget", name=session)
    if not session:
        table(
            ("session", "account", "asset", ">lost", ">of", ">lost today", ">of", "markets"),
            [
                (row["session"], row["account"], row["asset"], *_used(row, "loss"), *_used(row, "loss_per_day"), _where(row))
                for row in found
            ],
        )
        return Result(found)
    if not found:
        say(f"{session} has no budget: it may lose all that its accounts have")
        return Result(found)
    row = found[0]
    money = row["decimals"]
    lines = [("session", row["session"]), ("account", row["account"]), ("asset", row["asset"])]
    for name in ("loss", "loss_per_day"):
        use = row[name]
        limit = f"of {numbers.unscaled(use['limit'], money)}, {numbers.unscaled(use['left'], money)} left" if use["limit"] else "no limit"
        lines.append((name.replace("_", " "), f"{numbers.unscaled(use['used'], money)} used, {limit}"))
    lines.append(("max quantity of an order", str(row["max_quantity"] or "-")))
    lines.append(("max cost of an order", numbers.unscaled(row["max_cost"], money) if row["max_cost"] else "-"))
    if row["approve_above"]:
        text = f"an order above {numbers.unscaled(row['approve_above'], money)}, within {units.duration(row['approve_within_ns'])}"
        lines.append(("a person must approve", text))
    lines.append(("markets", _where(row)))
    pairs(lines)
    return Result(found)


def _used(row: dict[str, Any], name: str) -> tuple[str, str]:
    use = row[name]
    return numbers.unscaled(use["used"], row["decimals"]), numbers.unscaled(use["limit"], row["decimals"]) if use["limit"] else "-"


def _where(row: dict[str, Any]) -> str:
    listed = [*row["markets"], *(f"series {name}" for name in row["series"])]
    return ", ".join(listed) or f"all in {row['asset']}"


@budget.verb("clear", "end the budget of a session", examples=("exos budget clear AGENT1",))
@session_argument
@dry_run_option
@server_option
def clear(session: str, dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, of.make(ar.ClearBudget, {"session": session}), dry_run)
