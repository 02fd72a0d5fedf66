"""`exos config`: check a configuration, show what it would change on a running server, apply it; history, rollback, export."""

import datetime
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from config import admin_records as ar
from config import load, plan, writer
from config.load import Config, ConfigError
from config.reader import Item

from ..exits import Exit
from . import config_plan, dry_run
from .command import Noun
from .common import FILE, SHIPPED_HELP, CommandError, Number
from .connect import Server, refused, server_option
from .output import Result, say, table
from .progress import expected, progress

if TYPE_CHECKING:
    from .admin_client import AdminClient

TRIED_FIRST = 1_000  # definitions
APPLY_S = 120.0  # a large configuration is one turn of the server
FILE_HELP = f"FILE is a TOML file, or {SHIPPED_HELP}."
PRUNE_HELP = "End what this file made and no longer names: rules, listings, markets, sessions, accounts and firms."
REVISION = Number("revision", 0, 1 << 40)

config = Noun("config", "check, plan and apply configuration files; the revisions of what runs")


def read(file: str) -> Config:
    """A configuration that is valid by itself; otherwise CommandError with Exit.CONFIG."""
    try:
        content = load.load(file)
        dry_run.check(content)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    return content


@config.verb(
    "check",
    "read the file and all files it includes, and apply it to an empty registry",
    details=f"{FILE_HELP} Assets that only a server knows are named as not checked.",
    examples=("exos config check venue.toml", "exos config check worldcup"),
)
@click.argument("file")
def check(file: str) -> Result:
    try:
        content = load.load(file, leave_out=True)
        found = dry_run.check(content)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    say(f"{content.files[-1]}: valid: {dry_run.summary(found)}")
    unchecked = {asset: [left.path for left in content.left_out if left.asset == asset] for asset in {o.asset: 0 for o in content.left_out}}
    for asset, paths in unchecked.items():
        say(
            f"not checked: {', '.join(paths)}: asset {asset} is not in the file, and no server was asked "
            "(exos config apply --dry-run asks one)"
        )
    return Result({"files": [str(name) for name in content.files], "counts": dry_run.counts(found), "not_checked": unchecked})


@config.verb(
    "schema",
    "print the JSON Schema of configuration files, for editors",
    examples=("exos config schema",),
)
def schema() -> Result:
    import msgspec

    from config import reference

    made = reference.json_schema()
    say(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
    return Result(made)


def checked_alone(file: str) -> None:
    """Errors in the file itself are reported without a server."""
    try:
        load.load(file, items=False)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error


def show_plan(admin: "AdminClient", ask: config_plan.Ask) -> tuple[dict[str, Any], list[str]]:
    """Say what would be done; (the server's answer, the lines). Raises CommandError for what would be refused."""
    with progress("trying", "definitions", len(ask.content.items)) as at:
        result = config_plan.trial(admin, ask.record, at)
    whole = any(refusal.get("record") is None for refusal in result["refusals"])  # nothing of it was tried
    said = [] if whole else config_plan.lines(ask, result)
    for text in said:
        say(text)
    for note in (*ask.notes, *config_plan.doubts(ask, result)):
        say(f"! {note}")
    *others, last = result["refusals"] or [None]
    for refusal in others:
        say(f"! {config_plan.refusal_text(ask.content, refusal)}")
    if last is not None:
        text = f"{config_plan.refusal_text(ask.content, last)} (nothing would be changed)"
        raise CommandError(Exit.FAILED, text, code=last["code"], refusal=last, result=config_plan.as_data(ask, result))
    return result, said


@config.verb(
    "plan",
    "show what the file would change on the running server, and keep it as a plan",
    details=f"{FILE_HELP} + is added, ~ is changed, with the values and when they take effect (live, next logon, restart) and what becomes of resting "
    "orders. Only what the file names is shown. A plan is applied only while the same revision runs and the files are the same.",
    examples=("exos config plan venue.toml", "exos config plan venue.toml -o venue.plan", "exos config plan venue.toml --json"),
    slow=True,
)
@click.argument("file")
@click.option("-o", "--output", type=FILE, metavar="PLAN", help="Write the plan there, for exos config apply.")
@click.option("--prune", is_flag=True, help=PRUNE_HELP)
@server_option
def plan_(file: str, output: Path | None, prune: bool, server: Server) -> Result:
    checked_alone(file)
    with server.connect(timeout_s=APPLY_S) as admin:
        ask = config_plan.read(file, admin, prune=prune)
        result, said = show_plan(admin, ask)
    unchanged = sum(change["kind"] == "same" for change in result["changes"])
    say(f"{len(said)} to do, {unchanged} unchanged; revision {result['revision']} runs")
    if output is not None:
        config_plan.write_plan(output, ask, result, said, prune)
        say(f"exos config apply {output}")
    return Result(config_plan.as_data(ask, result))


@config.verb(
    "apply",
    "apply a file or a plan to the running server, completely or not at all; what it does not name stays as it is",
    details=f"{FILE_HELP} It adds and changes. Assets, venues and firms that the server already has need not be in the file; a title that the file does "
    "not give stays as it is. Settings of [server] are kept for the next start.",
    examples=("exos config apply venue.toml --dry-run", 'exos config apply venue.plan --why "fees of the cup"'),
    slow=True,
)
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Only show what would be done, and what would be refused.")
@click.option("--prune", is_flag=True, help=PRUNE_HELP)
@click.option("--why", metavar="TEXT", default="", help="Kept with the revision.")
@server_option
def apply(file: str, dry_run: bool, prune: bool, why: str, server: Server) -> Result:
    found = config_plan.read_plan(file)
    if found is not None:
        config_plan.unchanged_files(found, file)
    source = found.file if found is not None else file
    checked_alone(source)
    with server.connect(timeout_s=APPLY_S) as admin:
        ask = config_plan.read(source, admin, why, found.prune if found is not None else prune)
        if found is not None:
            ask = ask._replace(record=_planned(ask.record, found))
        if dry_run:
            result, _ = show_plan(admin, ask)
            say(f"{sum(change['kind'] == 'same' for change in result['changes'])} unchanged")
            return Result(config_plan.as_data(ask, result))
        return _apply(ask, admin)


def _planned(record: ar.Configuration, found: config_plan.PlanFile) -> ar.Configuration:
    import msgspec

    return msgspec.structs.replace(record, base=found.base, plan=found.digest)


def _apply(ask: config_plan.Ask, admin: "AdminClient") -> Result:
    """Apply everything in the file, or nothing. Definitions that are already the same are unchanged."""
    count, seconds = len(ask.content.items), 0.0
    # Applying is one turn of the server, in which it can say nothing. A trial takes about half as long, and can; not where secrets would be hashed twice.
    if count >= TRIED_FIRST and not ar.open_secrets(ask.record):
        began = time.monotonic()
        with progress("trying", "definitions", count) as at:
            config_plan.trial(admin, ask.record, at)
        seconds = 2 * (time.monotonic() - began)
    with expected("applying", "definitions", count, seconds):
        answer = admin.ask("admin", ask.record)
    if not answer.ok:
        if answer.refusal is None or answer.refusal.get("record") is None:
            raise refused(answer, f"{answer.text} (nothing was changed)")
        raise refused(answer, f"{config_plan.refusal_text(ask.content, answer.refusal)} (nothing was changed)")
    for text in answer.result.get("lines", ()):
        say(text)
    if "settings" in answer.result:
        for text in config_plan.setting_lines(
            {key: [ask.running.settings.get(key), new] for key, new in answer.result["settings"].items()}
        ):
            say(text)
    for note in ask.notes:
        say(f"! {note}")
    say(f"{answer.text}; revision {answer.result['revision']}" if "revision" in answer.result else answer.text)
    return Result({**answer.result, "notes": ask.notes})


@config.verb(
    "diff",
    "say whether what runs is what the file says: nothing and exit 0, or the differences and exit 1",
    details=f"{FILE_HELP} Only what the file names is compared.",
    examples=("exos config diff venue.toml",),
    slow=True,
)
@click.argument("file")
@server_option
def diff(file: str, server: Server) -> Result:
    checked_alone(file)
    with server.connect(timeout_s=APPLY_S) as admin:
        ask = config_plan.read(file, admin)
        result, said = show_plan(admin, ask)
    return Result(config_plan.as_data(ask, result), Exit.FAILED if said else Exit.OK)


# ------------------------------------------------------------------------------------------------- revisions
@config.verb(
    "history",
    "list the revisions: number, when, who, what changed, why",
    details="Each configuration that changed something, and each change of a definition by itself. A venue's operator sees those that changed something of the venue.",
    examples=("exos config history", "exos config history --most 5 --json"),
)
@click.option("--most", type=Number("number of revisions", 1, 100_000), default=50, metavar="N", help="The newest N (default: 50).")
@server_option
def history(most: int, server: Server) -> Result:
    with server.connect() as admin:
        result = _answer(admin.ask("revisions", most=most))
    rows = [
        (one["number"], _instant(one["time_ns"]), one["who"], one["name"] or "-", one["new"], one["changed"], one["settings"], one["why"])
        for one in result["revisions"]
    ]
    if rows:
        table((">revision", "when", "who", "file", ">new", ">changed", ">settings", "why"), rows)
    else:
        say("no configuration was applied yet")
    return Result(result)


@config.verb("show", "show what a revision changed", examples=("exos config show 3",))
@click.argument("revision", type=REVISION)
@server_option
def show(revision: int, server: Server) -> Result:
    with server.connect() as admin:
        result = _answer(admin.ask("revision", number=revision))
    head = result["head"]
    about = f", {head['name']}" if head["name"] else ""
    say(f"revision {head['number']}, {_instant(head['time_ns'])}, by {head['who']}{about}{': ' + head['why'] if head['why'] else ''}")
    for change in result["changes"]:
        after = ar.from_builtins(change["after"])
        before = ar.from_builtins(change["before"]) if change["before"] is not None else None
        say(plan.line(Item(after, "", ""), change["fields"] if before is not None else (), result["assets"], before))
    for text in config_plan.setting_lines(result["settings"]):
        say(text)
    return Result(result)


@config.verb(
    "rollback",
    "give everything that later revisions changed the values of revision REV, as a new revision",
    details="What was created since then stays, and so do deposits and replaced secrets: a rollback that cannot undo them says so and is refused, or with "
    "--partial undoes the rest. It waits for a second person where the list of approvals says so.",
    examples=("exos config rollback 3 --dry-run", 'exos config rollback 3 --why "fees were wrong"', "exos config rollback 3 --partial"),
)
@click.argument("revision", type=REVISION)
@click.option("--dry-run", is_flag=True, help="Only show what would be done, and what cannot be undone.")
@click.option("--partial", is_flag=True, help="Undo what can be undone.")
@click.option("--why", metavar="TEXT", default="", help="Kept with the revision.")
@server_option
def rollback(revision: int, dry_run: bool, partial: bool, why: str, server: Server) -> Result:
    with server.connect(timeout_s=APPLY_S) as admin:
        running = config_plan.running(admin)
        record = ar.Rollback(to=revision, base=running.revision, partial=partial, why=why)
        result = config_plan.trial(admin, record)
        _show_rollback(result, running)
        if result["cannot"] and not partial:
            text = f"revision {revision} cannot be reached whole (nothing was changed; --partial undoes the rest)"
            raise CommandError(Exit.FAILED, text, result=result)
        if dry_run:
            return Result(result)
        answer = admin.ask("admin", record)
    if not answer.ok:
        raise refused(answer, f"{answer.text} (nothing was changed)")
    say(f"{answer.text}; revision {answer.result['revision']}" if "revision" in answer.result else answer.text)
    return Result(answer.result)


def _show_rollback(result: dict[str, Any], running: config_plan.Running) -> None:
    for change in result["changes"]:
        if change["kind"] == "changed":
            item = Item(ar.from_builtins(result["records"][change["record"]]), "", "")
            say(plan.line(item, change["fields"], running.assets, ar.from_builtins(change["before"])))
    for text in config_plan.setting_lines(result["settings"]):
        say(text)
    for text in result["cannot"]:
        say(f"! {text}")
    for refusal in result["refusals"]:
        say(f"! {refusal['sentence']}")


@config.verb(
    "export",
    "write a venue as it runs as a configuration file",
    details="The file has the venue, its firms with their accounts and sessions, its markets, series and listings; assets and other venues are used and not "
    "defined, acts that wait in the schedule are named in comments (the times of markets are theirs), secrets and keys are not in it. Applied to the same server it changes nothing.",
    examples=("exos config export CUP", "exos config export CUP -o cup.toml"),
)
@click.argument("venue")
@click.option("-o", "--output", type=FILE, metavar="FILE", help="Write it there (default: to stdout); an existing file is not overwritten.")
@server_option
def export(venue: str, output: Path | None, server: Server) -> Result:
    with server.connect() as admin:
        result = _answer(admin.ask("export", venue=venue))
    comment = [
        f"Venue {venue} as it ran in revision {result['revision']}. Secrets and keys are not in this file: sessions keep those that they have."
    ]
    comment += [f"Account {name} of a firm of another home is isolated to the venue, and not in this file." for name in result["elsewhere"]]
    comment += [f"{text} waits in the schedule, and is not in this file (exos schedule list)." for text in result["scheduled"]]
    try:
        text = writer.file_of([ar.from_builtins(record) for record in result["records"]], result["assets"], comment)
    except writer.Unwritable as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    if output is None:
        say(text.rstrip("\n"))
        return Result({**result, "toml": text})
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{output}: cannot be written: {error.strerror}") from error
    say(f"{output}: {len(result['records'])} definitions of venue {venue}")
    return Result({**result, "file": str(output)})


def _answer(answer: Any) -> dict[str, Any]:
    if not answer.ok:
        raise refused(answer)
    result: dict[str, Any] = answer.result
    return result


def _instant(time_ns: int) -> str:
    """UTC, to the second."""
    return datetime.datetime.fromtimestamp(time_ns // 10**9, datetime.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
