"""`exos market list|show|phase|settle`: list markets, change their phase, and settle them with evidence."""

import hashlib
import time
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from config import admin_records as ar
from config import results, wording
from config.fields import fields_of
from config.load import ConfigError
from config.places import shown
from protocol import numbers, phases

from ..exits import Exit
from . import market_define, market_validate
from .acts import at_option, dry_run_option, send
from .admin_client import AdminClient
from .command import Noun
from .common import FILE, CommandError, OneOf, decimal
from .connect import Server, names, refused, server_option
from .fields import make
from .output import Result, say, table
from .progress import progress

market = Noun("market", "list, show, define and change markets; change their phase, settle them")


def _markets(admin: AdminClient, event: str = "") -> list[dict[str, Any]]:
    fields: dict[str, Any] = {"event": event} if event else {}
    answer = admin.ask("markets", **fields)
    if not answer.ok:
        raise refused(answer)
    markets = answer.result["markets"] if isinstance(answer.result, dict) else answer.result
    return [market for market in markets if not event or market["event"] == event]


def _market(admin: AdminClient, event: str) -> dict[str, Any]:
    found = _markets(admin, event)
    if not found:
        raise CommandError(Exit.FAILED, f'there is no event "{event}" (exos market list shows them)')
    return found[0]


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
        markets = [_market(admin, event)] if event else _markets(admin)
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


@market.verb("show", "the terms of one market, as a configuration file has them", examples=("exos market show WC26-FINAL",))
@click.argument("event", shell_complete=names("market"))
@server_option
def show(event: str, server: Server) -> Result:
    with server.connect() as admin:
        found = _market(admin, event)
        decimals = admin.ask("assets").result["assets"]
    for line in terms(found, decimals):
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


def _do(admin: AdminClient, record: ar.AnyRecord) -> Any:
    answer = admin.ask("admin", record)
    if not answer.ok:
        raise refused(answer)
    say(answer.text)
    return answer.result


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


class Given(NamedTuple):
    """What `exos market settle` was told."""

    event: str
    winner: tuple[str, ...]
    payout: tuple[str, ...]
    results: Path | None
    evidence: Path | None
    source: str | None
    rule: str
    observed: str | None
    observed_at: str | None
    determine_only: bool
    finalise_only: bool


@market.verb(
    "settle",
    "determine the result and pay it out; closes the market first when it is open",
    details="If the result cannot be recorded or paid, the market stays as it was.",
    examples=(
        'exos market settle WC26-FINAL --winner DRAW --source "FIFA match report" --evidence report.pdf',
        'exos market settle WC26-FINAL --payout ESP=0.5 --payout ARG=0.5 --source "FIFA" --evidence report.pdf --determine-only',
        "exos market settle WC26-FINAL --finalise-only",
        "exos market settle WC26-WIN --results config/worldcup_results.toml",
    ),
)
@click.argument("event", shell_complete=names("market"))
@click.option("--winner", multiple=True, metavar="CODE", help="An outcome that pays in full (repeat for each of k winners).")
@click.option("--payout", multiple=True, metavar="CODE=AMOUNT", help="What an outcome pays; outcomes that are not named pay nothing.")
@click.option("--results", type=FILE, metavar="FILE", help="Take winners, rule, source and evidence from a results file.")
@click.option("--evidence", type=FILE, metavar="FILE", help="A file that proves the result: its SHA-256 is recorded.")
@click.option("--source", metavar="TEXT", help="Who published it.")
@click.option("--rule", metavar="ID", default="result", help="The rule of the market that was applied (default: result).")
@click.option("--observed", metavar="TEXT", help="The observed value (default: the winners or payouts).")
@click.option("--observed-at", metavar="UTC", help="Time of observation, like 2026-07-19T21:40:00Z (default: now).")
@click.option("--determine-only", is_flag=True, help="Record the result without paying.")
@click.option("--finalise-only", is_flag=True, help="Pay what was determined before.")
@dry_run_option
@server_option
def settle(server: Server, dry_run: bool, **options: Any) -> Result:
    args = Given(**options)
    if args.determine_only and args.finalise_only:
        raise CommandError(Exit.USAGE, "--determine-only and --finalise-only exclude each other")
    if sum(map(bool, (args.winner, args.payout, args.results))) > 1:
        raise CommandError(Exit.USAGE, "--winner, --payout and --results exclude each other")
    with server.connect() as admin:
        found = _market(admin, args.event)
        if dry_run:
            return send(admin, ar.Finalise(event=args.event) if args.finalise_only else _settlement(args, found), dry_run)
        if args.finalise_only:
            result = _do(admin, ar.Finalise(event=args.event))
        else:
            record = _settlement(args, found)
            with progress(f"settling {args.event}"):
                result = _do(admin, record)  # one action: close, determine and pay, or nothing
        if not args.determine_only:
            paid = [
                f"{c['code']} {decimal(c['paid'], found['price_decimals'])}" for c in _market(admin, args.event)["contracts"] if c["paid"]
            ]
            say(f"{args.event} pays per contract: {', '.join(paid) or 'nothing'}")
    return Result(result)


def _settlement(args: Given, market: dict[str, Any]) -> ar.Settle:
    """The record, checked as far as the command line can: the evidence file must be readable before anything is sent."""
    if args.results:
        return _from_results(args, args.results, market)
    if not args.winner and not args.payout:
        raise CommandError(Exit.USAGE, "give the result: --winner CODE, --payout CODE=AMOUNT or --results FILE")
    if args.evidence is None:
        raise CommandError(Exit.USAGE, "evidence is required: --evidence FILE (its SHA-256 is recorded with the result)")
    if not args.source:
        raise CommandError(Exit.USAGE, "the source is required: --source TEXT (who published the result)")
    payouts = _payouts(args, market)
    return _record(
        args,
        event=args.event,
        payouts=payouts,
        rule_id=args.rule,
        source=args.source,
        observed_value=args.observed or ", ".join(args.winner or args.payout),
        observed_at_ns=_utc_ns(args.observed_at) if args.observed_at else time.time_ns(),
        evidence_sha256=_sha256(args.evidence),
        evidence_name=args.evidence.name,
    )


def _record(args: Given, **fields: Any) -> ar.Settle:
    content = {"type": "settle", "finalise": not args.determine_only, **fields}
    try:
        return msgspec.convert(content, ar.Settle)
    except msgspec.ValidationError as error:
        key, sentence, _ = wording.fault(ar.Settle, content)
        raise CommandError(Exit.USAGE, f"{shown(key)}: {sentence}" if key else sentence) from error


def _from_results(args: Given, file: Path, market: dict[str, Any]) -> ar.Settle:
    try:
        settlements = results.load(file)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    found = [settlement for settlement in settlements if settlement.event == args.event]
    if not found:
        raise CommandError(Exit.FAILED, f"{file} has no settlement of {args.event}")
    settlement = found[0]
    args = args._replace(winner=settlement.winners)
    return _record(
        args,
        event=args.event,
        payouts=_payouts(args, market),
        rule_id=settlement.rule,
        source=settlement.source,
        observed_value=settlement.observed,
        observed_at_ns=settlement.observed_at_ns,
        evidence_sha256=_sha256(args.evidence) if args.evidence else settlement.evidence_sha256,
        evidence_name=args.evidence.name if args.evidence else settlement.evidence_name,
    )


def _payouts(args: Given, market: dict[str, Any]) -> tuple[int, ...]:
    """Payouts in ticks per contract. The server checks the sums; checked here: every code exists and every amount is a whole number of ticks."""
    known = [contract["code"] for contract in market["contracts"]]
    paid: dict[str, int] = {}
    if args.winner:
        named = [(code, market["payout"]) for code in args.winner]
    else:
        named = [_payout(text, market["price_decimals"]) for text in args.payout]
    for code, ticks in named:
        if code not in known:
            raise CommandError(Exit.USAGE, f'"{code}" is not an outcome of {args.event}; outcomes: {", ".join(known)}')
        if code in paid:
            raise CommandError(Exit.USAGE, f'"{code}" is given twice')
        paid[code] = ticks
    return tuple(paid.get(code, 0) for code in known)


def _payout(text: str, decimals: int) -> tuple[str, int]:
    code, equals, amount = text.partition("=")
    if not code or not equals:
        raise CommandError(Exit.USAGE, f'--payout {text}: not CODE=AMOUNT, like "ESP={numbers.example(decimals)}"')
    try:
        return code, numbers.scaled(amount, decimals, "payout")
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f"--payout {text}: not CODE=AMOUNT: {error}") from None


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CommandError(Exit.USAGE, f"--evidence {path}: cannot be read: {error.strerror}") from error


def _utc_ns(text: str) -> int:
    import datetime

    try:
        at = datetime.datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError
    except ValueError:
        raise CommandError(Exit.USAGE, f"--observed-at {text}: not a UTC time like 2026-07-19T21:40:00Z") from None
    since = at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    ns = (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
    if ns < 1:
        raise CommandError(Exit.USAGE, f"--observed-at {text}: before 1970")
    return ns


market_define.add(market)
market_validate.add(market)
