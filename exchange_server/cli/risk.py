"""`exos risk ...`: kill switches, restrictions, throttles."""

from typing import Any

import click

from config import admin_records as ar
from protocol import units

from ..exits import Exit
from . import fields as of
from .acts import dry_run_option, one, send
from .command import Noun
from .common import CommandError, OneOf
from .connect import Server, names, refused, server_option
from .output import Result, pairs, say, table

risk = Noun("risk", "see and set what is switched off: kill switches, restrictions, throttles")
LEVELS = ("platform", "venue", "firm", "account", "session")
TARGET = "TARGET is the name of a venue, firm, account or session; the platform has none."
level_argument = click.argument("level", type=OneOf(LEVELS))


def _targets(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    level = ctx.params.get("level")
    return [] if level in (None, "platform") else names(level)(ctx, param, incomplete)


target_argument = click.argument("target", required=False, default="", shell_complete=_targets)


def _ask(admin: Any) -> dict[str, Any]:
    answer = admin.ask("risk")
    if not answer.ok:
        raise refused(answer)
    found: dict[str, Any] = answer.result
    return found


def _check(level: str, target: str) -> None:
    if level == "platform" and target:
        raise CommandError(Exit.USAGE, f"TARGET: the platform has no name, asked {target}")
    if level != "platform" and not target:
        raise CommandError(Exit.USAGE, f"TARGET is missing: which {level}?")


@risk.verb("list", "all that is switched off or held back now", examples=("exos risk list", "exos risk list --throttles"))
@click.option("--throttles", is_flag=True, help="Also throttles of which nothing is used now (--json has all of them).")
@server_option
def list_(throttles: bool, server: Server) -> Result:
    with server.connect() as admin:
        found = _ask(admin)
    lines = [("freeze", "venue", row["venue"], row["level"]) for row in found["freezes"]]
    lines += [("kill switch", kill["level"], kill["target"] or "-", "on") for kill in found["kills"]]
    lines += [("restriction", "firm", row["firm"], f"may not trade {row['event']}") for row in found["restrictions"]]
    lines += [("throttle", row["level"], row["target"], _throttle(row)) for row in found["throttles"] if throttles or row["used"]]
    if lines:
        table(("what", "level", "name", "state"), lines)
    else:
        say("nothing is switched off, restricted or held back")
    return Result(found)


def _throttle(row: dict[str, Any]) -> str:
    return f"{row['used']} of {row['limit']} messages in {units.duration(row['window_ns'])}"


@risk.verb(
    "show",
    "the kill switch, restrictions and throttle of one venue, firm, account or session, or of the platform",
    details=TARGET,
    examples=("exos risk show firm CLIENT1", "exos risk show platform"),
)
@level_argument
@target_argument
@server_option
def show(level: str, target: str, server: Server) -> Result:
    _check(level, target)
    with server.connect() as admin:
        if target:
            one(admin, level, target)  # says the near names
        found = _ask(admin)
    mine = {"level": level, "target": target}
    killed = mine in found["kills"]
    events = [row["event"] for row in found["restrictions"] if level == "firm" and row["firm"] == target]
    throttle = next((row for row in found["throttles"] if mine.items() <= row.items()), None)
    rows = [("level", level), ("name", target or "-"), ("kill switch", "on" if killed else "off")]
    if level == "firm":
        rows.append(("may not trade", ", ".join(events) or "-"))
    if level in ("venue", "session"):
        rows.append(("throttle", "none" if throttle is None else _throttle(throttle)))
    pairs(rows)
    return Result({**mine, "killed": killed, "restricted": events, "throttle": throttle})


@risk.verb(
    "kill",
    "refuse all new orders of a level and cancel what is open",
    details=f"{TARGET} Cancels are always accepted. Each cancelled order is reported to its session.",
    examples=("exos risk kill firm CLIENT1", "exos risk kill venue WC26 --keep-orders", "exos risk kill platform --dry-run"),
)
@level_argument
@target_argument
@click.option("--keep-orders", is_flag=True, help="Leave open orders resting; orders that are not blocked can still trade with them.")
@dry_run_option
@server_option
def kill(level: str, target: str, keep_orders: bool, dry_run: bool, server: Server) -> Result:
    _check(level, target)
    with server.connect() as admin:
        return send(admin, of.make(ar.Kill, {"level": level, "target": target, "on": True, "cancel": not keep_orders}), dry_run)


@risk.verb(
    "release",
    "release a kill switch; cancelled orders do not return",
    details=TARGET,
    examples=("exos risk release firm CLIENT1",),
)
@level_argument
@target_argument
@dry_run_option
@server_option
def release(level: str, target: str, dry_run: bool, server: Server) -> Result:
    _check(level, target)
    with server.connect() as admin:
        return send(admin, of.make(ar.Kill, {"level": level, "target": target, "on": False}), dry_run)


@risk.verb(
    "restrict",
    "bar a firm with a conflict of interest from a market, or no longer",
    examples=("exos risk restrict CLIENT1 WC26-FINAL", "exos risk restrict CLIENT1 WC26-FINAL --off"),
)
@click.argument("firm", shell_complete=names("firm"))
@click.argument("event", shell_complete=names("market"))
@click.option("--off", is_flag=True, help="The conflict is over.")
@dry_run_option
@server_option
def restrict(firm: str, event: str, off: bool, dry_run: bool, server: Server) -> Result:
    with server.connect() as admin:
        return send(admin, of.make(ar.Restrict, {"firm": firm, "event": event, "on": not off}), dry_run)
