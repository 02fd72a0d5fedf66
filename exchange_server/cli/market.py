"""`exos market list|phase|settle`: list markets, change their phase, and settle them with evidence."""

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any

import msgspec

from config import admin_records as ar
from config import results, wording
from config.fields import fields_of
from config.load import ConfigError
from config.places import shown
from protocol import numbers, phases

from ..exits import Exit
from .admin_client import AdminClient
from .common import CommandError, add_data, decimal, say, table


def add(commands: Any) -> None:
    parser = commands.add_parser("market", help="list markets, change their phase, settle them")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|phase|settle")

    listing = verbs.add_parser("list", help="all markets, or the contracts of one")
    listing.add_argument("event", nargs="?", help="show the contracts of this event")
    listing.add_argument("--json", action="store_true", help="one JSON document, prices in ticks")
    listing.set_defaults(run=run_list)

    show = verbs.add_parser("show", help="the terms of one market, as a configuration file has them")
    show.add_argument("event")
    show.set_defaults(run=run_show)

    phase = verbs.add_parser("phase", help="open, pause or close a market")
    phase.add_argument("event")
    phase.add_argument("phase", choices=phases.SETTABLE)
    phase.set_defaults(run=run_phase)

    settle = verbs.add_parser("settle", help="determine the result and pay it out; closes the market first when it is open")
    settle.add_argument("event")
    result = settle.add_mutually_exclusive_group()
    result.add_argument("--winner", action="append", metavar="CODE", help="an outcome that pays in full (repeat for each of k winners)")
    result.add_argument(
        "--payout", action="append", metavar="CODE=AMOUNT", help="what an outcome pays; outcomes that are not named pay nothing"
    )
    result.add_argument("--results", type=Path, metavar="FILE", help="take winners, rule, source and evidence from a results file")
    settle.add_argument("--evidence", type=Path, metavar="FILE", help="a file that proves the result: its SHA-256 is recorded")
    settle.add_argument("--source", metavar="TEXT", help="who published it")
    settle.add_argument("--rule", metavar="ID", default="result", help="the rule of the market that was applied")
    settle.add_argument("--observed", metavar="TEXT", help="the observed value (default: the winners or payouts)")
    settle.add_argument("--observed-at", metavar="UTC", help="time of observation, like 2026-07-19T21:40:00Z (default: now)")
    settle.add_argument("--determine-only", action="store_true", help="record the result without paying")
    settle.add_argument("--finalise-only", action="store_true", help="pay what was determined before")
    settle.set_defaults(run=run_settle)
    for verb in (listing, show, phase, settle):
        add_data(verb)


def _markets(admin: AdminClient, event: str = "") -> list[dict[str, Any]]:
    fields: dict[str, Any] = {"event": event} if event else {}
    answer = admin.ask("markets", **fields)
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    markets = answer.result["markets"] if isinstance(answer.result, dict) else answer.result
    return [market for market in markets if not event or market["event"] == event]


def _market(admin: AdminClient, event: str) -> dict[str, Any]:
    found = _markets(admin, event)
    if not found:
        raise CommandError(Exit.FAILED, f'there is no event "{event}" (exos market list shows them)')
    return found[0]


def run_list(args: argparse.Namespace) -> int:
    with AdminClient(args.data) as admin:
        markets = [_market(admin, args.event)] if args.event else _markets(admin)
    if args.json:
        say(msgspec.json.encode(markets).decode())
        return Exit.OK
    if not args.event:
        rows = [
            (m["event"], m["phase"], m["product"] if m["product"] == "spot" else f"{m['product']} {m['k']}", len(m["contracts"]),
             sum(c["volume"] for c in m["contracts"]), m["title"])
            for m in markets
        ]  # fmt: skip
        for line in table(("event", "phase", "product", "contracts", "volume", "title"), rows):
            say(line)
        return Exit.OK
    market = markets[0]
    places = market["price_decimals"]
    say(f"{market['event']}: {market['title']} ({market['phase']})")
    contracts: list[tuple[Any, ...]] = []
    for c in market["contracts"]:
        paid = decimal(c["paid"], places) if market["version"] else "-"
        contracts.append(
            (c["symbol"], decimal(c["bid"], places), decimal(c["ask"], places), decimal(c["last"], places), c["volume"], paid, c["outcome"])
        )
    for line in table(("symbol", "bid", "ask", "last", "volume", "pays", "outcome"), contracts):
        say(line)
    return Exit.OK


def run_show(args: argparse.Namespace) -> int:
    with AdminClient(args.data) as admin:
        market = _market(admin, args.event)
        decimals = admin.ask("assets").result["assets"]
    for line in terms(market, decimals):
        say(line)
    return Exit.OK


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


def _do(admin: AdminClient, record: ar.AnyRecord) -> None:
    answer = admin.ask("admin", record)
    if not answer.ok:
        raise CommandError(Exit.FAILED, answer.text)
    say(answer.text)


def run_phase(args: argparse.Namespace) -> int:
    with AdminClient(args.data) as admin:
        _do(admin, ar.SetPhase(event=args.event, phase=args.phase))
    return Exit.OK


def run_settle(args: argparse.Namespace) -> int:
    if args.determine_only and args.finalise_only:
        raise CommandError(Exit.USAGE, "--determine-only and --finalise-only exclude each other")
    with AdminClient(args.data) as admin:
        market = _market(admin, args.event)
        if args.finalise_only:
            _do(admin, ar.Finalise(event=args.event))
        else:
            _do(admin, _settlement(args, market))  # one action: close, determine and pay, or nothing
        if not args.determine_only:
            paid = [
                f"{c['code']} {decimal(c['paid'], market['price_decimals'])}" for c in _market(admin, args.event)["contracts"] if c["paid"]
            ]
            say(f"{args.event} pays per contract: {', '.join(paid) or 'nothing'}")
    return Exit.OK


def _settlement(args: argparse.Namespace, market: dict[str, Any]) -> ar.Settle:
    """The record, checked as far as the command line can: the evidence file must be readable before anything is sent."""
    if args.results:
        return _from_results(args, market)
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


def _record(args: argparse.Namespace, **fields: Any) -> ar.Settle:
    content = {"type": "settle", "finalise": not args.determine_only, **fields}
    try:
        return msgspec.convert(content, ar.Settle)
    except msgspec.ValidationError as error:
        key, sentence, _ = wording.fault(ar.Settle, content)
        raise CommandError(Exit.USAGE, f"{shown(key)}: {sentence}" if key else sentence) from error


def _from_results(args: argparse.Namespace, market: dict[str, Any]) -> ar.Settle:
    try:
        settlements = results.load(args.results)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    found = [settlement for settlement in settlements if settlement.event == args.event]
    if not found:
        raise CommandError(Exit.FAILED, f"{args.results} has no settlement of {args.event}")
    settlement = found[0]
    args.winner = list(settlement.winners)
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


def _payouts(args: argparse.Namespace, market: dict[str, Any]) -> tuple[int, ...]:
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
