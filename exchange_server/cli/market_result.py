"""`exos market settle|ahead|dispute|uphold|correct|void`: the result of a market, with its evidence; and how `exos market show` tells it."""

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from config import admin_records as ar
from config import results, wording
from config.load import ConfigError
from config.places import shown
from protocol import numbers, units

from ..exits import Exit
from . import times
from .acts import dry_run_option, send
from .acts import market as market_of
from .admin_client import AdminClient
from .command import Noun
from .common import FILE, CommandError, Number, decimal
from .connect import Server, names, refused, server_option
from .fields import make
from .output import Result, say
from .reversals import wait_until_paid

NAMED = 8  # contracts whose payouts a line shows


class Given(NamedTuple):
    """What a command about a result was told."""

    event: str
    winner: tuple[str, ...] = ()
    payout: tuple[str, ...] = ()
    value: str | None = None
    none: bool = False
    results: Path | None = None
    evidence: Path | None = None
    source: str | None = None
    rule: str = "result"
    observed: str | None = None
    observed_at: str | None = None


def _stack(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_payout_options = _stack(
    click.option("--winner", multiple=True, metavar="CODE", help="An outcome that pays in full (repeat for each of k winners)."),
    click.option("--payout", multiple=True, metavar="CODE=AMOUNT", help="What an outcome pays; outcomes that are not named pay nothing."),
    click.option("--value", metavar="NUMBER", help="Scalar markets: the value; what it pays follows from the market's terms."),
    click.option("--none", is_flag=True, help="At-most markets: no outcome pays."),
    click.option("--results", type=FILE, metavar="FILE", help="Take winners, rule, source and evidence from a results file."),
)
_evidence_options = _stack(
    click.option("--evidence", type=FILE, metavar="FILE", help="A file that proves it: its SHA-256 is recorded."),
    click.option("--source", metavar="TEXT", help="Who published it."),
    click.option("--rule", metavar="ID", default="result", help="The rule of the market that was applied (default: result)."),
    click.option("--observed", metavar="TEXT", help="The observed value (default: the winners or payouts)."),
    click.option("--observed-at", metavar="UTC", help="Time of observation, like 2026-07-19T21:40:00Z (default: now)."),
)
_event_argument: Callable[[Any], Any] = click.argument("event", shell_complete=names("market"))
_contract_option: Callable[[Any], Any] = click.option(
    "--contract",
    default="",
    metavar="CODE",
    help="What this outcome pays ahead of the rest is meant (default: the result of the whole market).",
)
_version_option: Callable[[Any], Any] = click.option(
    "--version", type=Number("version", 1), metavar="N", help="The version of the result that is meant (default: the newest)."
)


def add(noun: Noun) -> None:
    _add_settle(noun)
    _add_ahead(noun)
    _add_disputes(noun)
    _add_decisions(noun)


def _add_settle(noun: Noun) -> None:
    @noun.verb(
        "settle",
        "determine the result and pay it out; closes the market first when it is open",
        details="If the result cannot be recorded or paid, the market stays as it was. Until it is final, a result is replaced by recording another: a new "
        "version, with a new challenge window.",
        examples=(
            'exos market settle WC26-FINAL --winner DRAW --source "FIFA match report" --evidence report.pdf',
            'exos market settle WC26-FINAL --payout ESP=0.5 --payout ARG=0.5 --source "FIFA" --evidence report.pdf --determine-only',
            'exos market settle WC26-GOALS --value 308 --source "FIFA" --evidence report.pdf',
            "exos market settle WC26-FINAL --finalise-only",
            "exos market settle WC26-WIN --results config/worldcup_results.toml",
        ),
    )
    @_event_argument
    @_payout_options
    @_evidence_options
    @click.option("--determine-only", is_flag=True, help="Record the result without paying.")
    @click.option("--finalise-only", is_flag=True, help="Pay what was determined before.")
    @dry_run_option
    @server_option
    def settle(server: Server, dry_run: bool, determine_only: bool, finalise_only: bool, **options: Any) -> Result:
        args = Given(**options)
        if determine_only and finalise_only:
            raise CommandError(Exit.USAGE, "--determine-only and --finalise-only exclude each other")
        _one_of(args)
        with server.connect() as admin:
            found = market_of(admin, args.event)
            record: Any = ar.Finalise(event=args.event)
            if not finalise_only:
                record = _settlement(args, found, determine_only)
            if dry_run:
                return send(admin, record, dry_run)
            result = _do(admin, record)  # one action: close, determine and pay, or nothing
            if not determine_only:
                result = {**result, "final": 1 if wait_until_paid(admin, found) else 0}
                paid = [
                    f"{c['code']} {decimal(c['paid'], found['price_decimals'])}"
                    for c in market_of(admin, args.event)["contracts"]
                    if c["paid"]
                ]
                say(f"{args.event} pays per contract: {', '.join(paid) or 'nothing'}")
        return Result(result)


def _settlement(args: Given, found: dict[str, Any], determine_only: bool) -> Any:
    """Settle closes a market that trades; one that is determined takes another version by Determine."""
    content = _content(args, found)
    if determine_only and found["phase"] == "determined":
        return _convert(ar.Determine, content)
    return _convert(ar.Settle, {**content, "finalise": not determine_only})


def _add_ahead(noun: Noun) -> None:
    @noun.verb(
        "ahead",
        "determine one contract of a group ahead of the rest: a team that is out early",
        details="The contract trades no more and has a challenge window of its own; then each account is paid for it, and the group goes on without it. The result of "
        "the whole market must agree with what was paid.",
        examples=(
            'exos market ahead WC26-REACH-FINAL --contract BRA --loses --source "FIFA match report" --evidence report.pdf',
            "exos market ahead WC26-REACH-FINAL --contract BRA --finalise",
            'exos market ahead WC26-REACH-FINAL --contract BRA --withdraw --note "the match is played again"',
        ),
    )
    @_event_argument
    @click.option("--contract", required=True, metavar="CODE", help="The outcome that is decided.")
    @click.option("--loses", is_flag=True, help="It pays nothing.")
    @click.option("--wins", is_flag=True, help="It pays in full.")
    @click.option("--finalise", is_flag=True, help="Pay what was determined, after its window.")
    @click.option("--withdraw", is_flag=True, help="Take back what was determined and is not paid: the contract trades again.")
    @click.option("--note", default="", metavar="TEXT", help="With --withdraw: why.")
    @_evidence_options
    @dry_run_option
    @server_option
    def ahead(
        event: str,
        contract: str,
        loses: bool,
        wins: bool,
        finalise: bool,
        withdraw: bool,
        note: str,
        dry_run: bool,
        server: Server,
        **options: Any,
    ) -> Result:
        if sum((loses, wins, finalise, withdraw)) != 1:
            raise CommandError(Exit.USAGE, "give one of --loses, --wins, --finalise and --withdraw")
        with server.connect() as admin:
            found = market_of(admin, event)
            symbol = _symbol(found, contract)
            if finalise:
                done = send(admin, make(ar.FinaliseOne, {"event": event, "symbol": symbol}), dry_run)
                if dry_run:
                    return done
                wait_until_paid(admin, found)
                return Result({**done.data, "final": 1})
            if withdraw:
                return send(admin, make(ar.WithdrawOne, {"event": event, "symbol": symbol, "note": note}), dry_run)
            said = _evidence(Given(event, **options), f"{contract} {'wins' if wins else 'loses'}")
            record = _convert(ar.DetermineOne, {**said, "symbol": symbol, "payout": found["payout"] if wins else 0})
            return send(admin, record, dry_run)


def _symbol(market: dict[str, Any], code: str) -> str:
    """The contract of an outcome. Raises CommandError."""
    symbols = {contract["code"]: contract["symbol"] for contract in market["contracts"]}
    if code not in symbols:
        raise CommandError(Exit.USAGE, f'"{code}" is not an outcome of {market["event"]}; outcomes: {", ".join(symbols)}')
    return str(symbols[code])


def _add_disputes(noun: Noun) -> None:
    @noun.verb(
        "dispute",
        "contest the result for a firm that has a position in the market",
        details="Once for each version, while its challenge window is open. The result then waits for the arbiter: exos market uphold or correct.",
        examples=(
            'exos market dispute WC26-FINAL --firm CLIENT1 --reason "the goal was offside"',
            'exos market dispute WC26-REACH-FINAL --contract BRA --firm CLIENT1 --reason "the match is played again"',
        ),
    )
    @_event_argument
    @_contract_option
    @click.option("--firm", required=True, metavar="NAME", shell_complete=names("firm"), help="The firm that disputes.")
    @click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the result.")
    @_version_option
    @dry_run_option
    @server_option
    def dispute(event: str, contract: str, firm: str, reason: str, version: int | None, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            about = {"event": event, "symbol": _symbol(market_of(admin, event), contract) if contract else ""}
            return send(admin, make(ar.Dispute, {**about, "firm": firm, "reason": reason, "version": version or 0}), dry_run)

    @noun.verb(
        "uphold",
        "let a disputed result stand: its challenge window ends now",
        examples=(
            'exos market uphold WC26-FINAL --note "seen again by two referees"',
            "exos market uphold WC26-REACH-FINAL --contract BRA",
        ),
    )
    @_event_argument
    @_contract_option
    @click.option("--note", default="", metavar="TEXT", help="Why; kept with the result.")
    @_version_option
    @dry_run_option
    @server_option
    def uphold(event: str, contract: str, note: str, version: int | None, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            about = {"event": event, "symbol": _symbol(market_of(admin, event), contract) if contract else ""}
            return send(admin, make(ar.Uphold, {**about, "note": note, "version": version or 0}), dry_run)


def _add_decisions(noun: Noun) -> None:
    @noun.verb(
        "correct",
        "replace a result that is determined, disputed or voided: a new version, with a new challenge window",
        details="A market that is final is corrected by reversing entries, under two persons: docs/corrections.md. With --contract: what that outcome pays ahead of the "
        "rest, with --winner of the same code or --none.",
        examples=(
            'exos market correct WC26-FINAL --winner ESP --source "FIFA appeal committee" --evidence ruling.pdf',
            'exos market correct WC26-REACH-FINAL --contract BRA --winner BRA --source "FIFA appeal committee" --evidence ruling.pdf',
        ),
    )
    @_event_argument
    @_contract_option
    @_payout_options
    @_evidence_options
    @dry_run_option
    @server_option
    def correct(server: Server, dry_run: bool, contract: str, **options: Any) -> Result:
        args = Given(**options)
        _one_of(args)
        with server.connect() as admin:
            found = market_of(admin, args.event)
            content = _content(args, found)
            if contract:
                symbol = _symbol(found, contract)
                at = [one["symbol"] for one in found["contracts"]].index(symbol)
                if sum(content["payouts"]) != content["payouts"][at]:
                    raise CommandError(
                        Exit.USAGE, f"with --contract {contract} only {contract} is given a payout: --winner {contract} or --none"
                    )
                content |= {"symbol": symbol, "payouts": (content["payouts"][at],)}
            done = send(admin, _convert(ar.Correct, content), dry_run)
            if not dry_run:
                wait_until_paid(admin, found)
            return done

    @noun.verb(
        "void",
        "end a market without a result: it pays by the policy that it declared",
        details="All resting orders are cancelled. Time-weighted prices are those of the ten whole minutes that end at or before the trigger. By default two "
        "persons are needed (exos pending).",
        examples=(
            'exos market void WC26-FINAL --reason "abandoned" --source "FIFA" --evidence notice.pdf --trigger-at 2026-07-19T20:12:00Z',
        ),
    )
    @_event_argument
    @click.option("--reason", required=True, metavar="TEXT", help="Why; kept with the result.")
    @click.option("--trigger-at", metavar="UTC", help="When it happened, like 2026-07-19T20:12:00Z (default: now).")
    @_evidence_options
    @dry_run_option
    @server_option
    def void(event: str, reason: str, trigger_at: str | None, dry_run: bool, server: Server, **options: Any) -> Result:
        args = Given(event, **options)
        trigger = times.moment(trigger_at, "--trigger-at") if trigger_at else 0
        content = {"reason": reason, "trigger_at_ns": trigger, **_evidence(args, reason)}
        with server.connect() as admin:
            return send(admin, _convert(ar.Void, content), dry_run)


# ---------------------------------------------------------------------------------------------------- records
def _do(admin: AdminClient, record: ar.AnyRecord) -> Any:
    answer = admin.ask("admin", record)
    if not answer.ok:
        raise refused(answer)
    say(answer.text)
    return answer.result


def _one_of(args: Given) -> None:
    if sum(map(bool, (args.winner, args.payout, args.value, args.none, args.results))) > 1:
        raise CommandError(Exit.USAGE, "--winner, --payout, --value, --none and --results exclude each other")


def _content(args: Given, market: dict[str, Any]) -> dict[str, Any]:
    """Payouts and evidence, checked as far as the command line can: the evidence file must be readable before anything is sent."""
    if args.results:
        return _from_results(args, args.results, market)
    if market["product"] == "scalar" and not args.value:
        raise CommandError(Exit.USAGE, f"{args.event} is decided by a number: give it with --value")
    if market["product"] != "scalar" and args.value:
        raise CommandError(Exit.USAGE, f"{args.event} is decided by outcomes, not by a number: --winner CODE or --payout CODE=AMOUNT")
    if not (args.winner or args.payout or args.value or args.none):
        raise CommandError(Exit.USAGE, "give the result: --winner CODE, --payout CODE=AMOUNT, --value NUMBER, --none or --results FILE")
    content = _evidence(args, ", ".join(args.winner or args.payout) or "none")
    if args.value:
        content["observed_value"] = args.value
    return {**content, "payouts": _payouts(args, market)}


def _evidence(args: Given, observed: str) -> dict[str, Any]:
    if args.evidence is None:
        raise CommandError(Exit.USAGE, "evidence is required: --evidence FILE (its SHA-256 is recorded with the result)")
    if not args.source:
        raise CommandError(Exit.USAGE, "the source is required: --source TEXT (who published the result)")
    return {
        "event": args.event, "rule_id": args.rule, "source": args.source, "observed_value": args.observed or observed,
        "observed_at_ns": times.moment(args.observed_at, "--observed-at") if args.observed_at else time.time_ns(),
        "evidence_sha256": _sha256(args.evidence), "evidence_name": args.evidence.name,
    }  # fmt: skip


def _convert(kind: Any, content: dict[str, Any]) -> Any:
    try:
        return msgspec.convert({"type": kind.__struct_config__.tag, **content}, kind)
    except msgspec.ValidationError as error:
        key, sentence, _ = wording.fault(kind, content)
        raise CommandError(Exit.USAGE, f"{shown(key)}: {sentence}" if key else sentence) from error


def _from_results(args: Given, file: Path, market: dict[str, Any]) -> dict[str, Any]:
    try:
        settlements = results.load(file)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    found = [settlement for settlement in settlements if settlement.event == args.event]
    if not found:
        raise CommandError(Exit.FAILED, f"{file} has no settlement of {args.event}")
    settlement = found[0]
    return {
        "event": args.event, "payouts": _payouts(args._replace(winner=settlement.winners), market), "rule_id": settlement.rule,
        "source": settlement.source, "observed_value": settlement.observed, "observed_at_ns": settlement.observed_at_ns,
        "evidence_sha256": _sha256(args.evidence) if args.evidence else settlement.evidence_sha256,
        "evidence_name": args.evidence.name if args.evidence else settlement.evidence_name,
    }  # fmt: skip


def _payouts(args: Given, market: dict[str, Any]) -> tuple[int, ...]:
    """Payouts in ticks per contract. The server checks the sums; checked here: every code exists and every amount is a whole number of ticks."""
    if market["product"] == "scalar":
        return ()  # the server works it out from the observed value
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


# ------------------------------------------------------------------------------------------------------- for people
def _why_lines(said: dict[str, Any]) -> Iterator[str]:
    yield f"  rule {said['rule_id']}, source {said['source']}, observed {said['observed_value']} at {units.instant(said['observed_at_ns'])}"
    yield f"  evidence {said['evidence_name'] or '-'}, SHA-256 {said['evidence_sha256']}"


def _contest_lines(kept: dict[str, Any]) -> Iterator[str]:
    for one in kept["disputes"]:
        yield f"  disputed by {one['firm']} at {units.instant(one['at_ns'])}: {one['reason']}"
    if kept["upheld"]:
        note = f": {kept['upheld']['note']}" if kept["upheld"]["note"] else ""
        yield f"  upheld by {kept['upheld']['who']} at {units.instant(kept['upheld']['at_ns'])}{note}"


def lines(market: dict[str, Any]) -> Iterator[str]:
    """What is known of a market's result: what single sources said, and each version with its evidence, window, disputes and end."""
    for said in market["heard"] if market["phase"] == "closed" else ():
        yield f"recorded, the other source is still to come: {_paid(market, said)} (source {said['source']}, {units.instant(said['at_ns'])})"
    for contract in market["contracts"]:
        if one := contract["ahead"]:
            pays = decimal(one["payout"], market["price_decimals"])
            what = f"version {one['version']}: {contract['code']} {one['kind']} ahead of the rest"
            yield f"{what} by {one['who']} at {units.instant(one['at_ns'])}, pays {pays}"
            yield from _why_lines(one)
            yield from _contest_lines(one)
            if one["final_at_ns"]:
                yield f"  final since {units.instant(one['final_at_ns'])}"
            elif one["until_ns"] > one["at_ns"]:
                yield f"  challenge window until {units.instant(one['until_ns'])}"
    for kept in market["versions"]:
        yield f"version {kept['version']}: {kept['kind']} by {kept['who']} at {units.instant(kept['at_ns'])}, pays {_paid(market, kept)}"
        if kept["kind"] == "voided":
            yield f"  void: {kept['reason']}, trigger at {units.instant(kept['trigger_ns'])}"
        for said in (kept, kept["other"]) if kept["other"] else (kept,):
            yield from _why_lines(said)
        if kept["until_ns"] > kept["at_ns"]:
            yield f"  challenge window until {units.instant(kept['until_ns'])}"
        yield from _contest_lines(kept)
        if kept["final_at_ns"]:
            yield f"  final since {units.instant(kept['final_at_ns'])}"


def _paid(market: dict[str, Any], kept: dict[str, Any]) -> str:
    """ "ESP 1.0000": the contracts that are paid."""
    paid = [
        f"{contract['code']} {decimal(ticks, market['price_decimals'])}"
        for contract, ticks in zip(market["contracts"], kept["payouts"])
        if ticks
    ]
    more = f" and {len(paid) - NAMED} more" if len(paid) > NAMED else ""
    return ", ".join(paid[:NAMED]) + more if paid else "nothing"
