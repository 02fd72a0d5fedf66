"""`exos venue quota|freeze|rule` and `exos firm tag`: who may trade where, and how much (docs/access-rules.md)."""

from typing import Any

import click

from config import admin_records as ar
from protocol import freeze as levels

from ..exits import Exit
from . import fields as of
from .acts import dry_run_option, one, send
from .command import Noun
from .common import CommandError, OneOf
from .connect import Server, names, server_option
from .output import Result, pairs, say, table

CONDITIONS = ("jurisdiction_in", "jurisdiction_not_in", "kyc_at_least", "institution", "tags")
LEVELS = tuple(levels.BY_NAME)


def add_quota(noun: Noun) -> None:
    @noun.verb(
        "quota",
        "what the platform grants a venue and how much of it is used, or change what is granted",
        details="What is not named stays; 0 is no limit. A quota below what is used takes nothing away, and blocks more.",
        examples=(
            "exos venue quota ACME",
            "exos venue quota ACME --open-orders 50000 --messages-per-second 20000 --sessions 100",
            "exos venue quota ACME --journal-bytes-per-second 0",
        ),
    )
    @click.argument("name", shell_complete=names("venue"))
    @of.add_options(ar.Quota, ("venue",))
    @dry_run_option
    @server_option
    def quota(name: str, dry_run: bool, server: Server, **given: Any) -> Result:
        asked = of.named(given)
        with server.connect() as admin:
            if asked:
                return send(admin, of.make(ar.Quota, {"venue": name, **of.content(ar.Quota, asked, ("venue",))}), dry_run)
            found = one(admin, "rules", name)["quotas"]
        rows = [(what.replace("_", " "), use["used"], use["limit"] or "-", _share(use)) for what, use in found.items()]
        table(("quota", ">used", ">limit", ">share"), rows)
        return Result(found)


def _share(use: dict[str, int]) -> str:
    return f"{use['used'] * 100 // use['limit']} %" if use["limit"] else "-"


def add_freeze(noun: Noun) -> None:
    @noun.verb(
        "freeze",
        "freeze one venue, or end its freeze",
        details=(
            "cancel_only: clients may only cancel. settle_only: its markets are only closed, determined and paid. nothing: not even that. "
            "Orders that it brought to other venues' markets are cancelled and reported; in its own markets the book stands still for all. "
            "none ends the freeze."
        ),
        examples=('exos venue freeze ACME cancel_only --reason "inspection"', "exos venue freeze ACME none"),
    )
    @click.argument("name", shell_complete=names("venue"))
    @click.argument("level", type=OneOf(LEVELS))
    @click.option("--reason", metavar="TEXT", default="", help="Why; shown with the venue.")
    @dry_run_option
    @server_option
    def freeze(name: str, level: str, reason: str, dry_run: bool, server: Server) -> Result:
        with server.connect() as admin:
            return send(admin, of.make(ar.Freeze, {"venue": name, "level": level, "reason": reason}), dry_run)


def add_rule(noun: Noun) -> None:
    @noun.verb(
        "rule",
        "the access rules of a venue, or define, change and remove one",
        details=(
            "A rule matches the firms for which all of its conditions hold. A firm is kept out if a deny rule matches it, or if there are allow "
            "rules and none matches it. With --market NAME is an event: the rule is that market's alone."
        ),
        examples=(
            "exos venue rule ACME",
            "exos venue rule ACME no-us --effect deny --jurisdiction-in US",
            "exos venue rule ACME known --effect allow --kyc-at-least 2",
            "exos venue rule WC26-FINAL institutions --market --effect allow --institution",
            "exos venue rule ACME no-us --remove",
        ),
    )
    @click.argument("name", shell_complete=names("venue"))
    @click.argument("rule", required=False)
    @click.option("--market", is_flag=True, help="NAME is an event, and the rule is for that market alone.")
    @click.option("--remove", is_flag=True, help="Remove the rule.")
    @of.add_options(ar.AccessRule, ("rule", "venue", "event"))
    @dry_run_option
    @server_option
    def rule_(name: str, rule: str | None, market: bool, remove: bool, dry_run: bool, server: Server, **given: Any) -> Result:
        asked = of.named(given)
        owner = {"event" if market else "venue": name}
        if rule is None:
            if asked or remove or market:
                raise CommandError(Exit.USAGE, "RULE is missing: which rule?")
            return _rules(name, server)
        if remove:
            if asked:
                raise CommandError(Exit.USAGE, "--remove takes no conditions")
            record = of.make(ar.RemoveAccessRule, {"rule": rule, **owner})
        else:
            record = of.make(ar.AccessRule, {"rule": rule, **owner, **of.content(ar.AccessRule, asked, ("rule", "venue", "event"))})
        with server.connect() as admin:
            return send(admin, record, dry_run)


def _rules(name: str, server: Server) -> Result:
    """The rules of a venue and of its markets."""
    with server.connect() as admin:
        found = one(admin, "rules", name)["rules"]
    if not found:
        say(f"{name} has no access rules: every firm is admitted")
        return Result(found)
    rows = [(rule["number"], rule["rule"], rule.get("event", "-"), rule["effect"], condition(rule)) for rule in found]
    table((">number", "rule", "market", "effect", "conditions"), rows)
    return Result(found)


def condition(rule: dict[str, Any]) -> str:
    """The conditions of a rule for people: "jurisdiction in US, kyc at least 2"; "every firm" without any."""
    parts = []
    for name in CONDITIONS:
        if name in rule:
            value = rule[name]
            text = " ".join(value) if isinstance(value, list) else ("yes" if value else "no") if isinstance(value, bool) else str(value)
            parts.append(f"{name.replace('_', ' ')} {text}")
    return ", ".join(parts) or "every firm"


def add_tag(noun: Noun) -> None:
    @noun.verb(
        "tag",
        "the tags of a firm and what keeps it out, or change what is named of them",
        details="--jurisdictions and --tags replace the whole list; give each several times for several.",
        examples=(
            "exos firm tag CLIENT1",
            "exos firm tag CLIENT1 --jurisdictions DE --jurisdictions FR --kyc-level 2 --institution",
            "exos firm tag CLIENT1 --tags market-maker",
        ),
    )
    @click.argument("name", shell_complete=names("firm"))
    @of.add_options(ar.FirmTags, ("firm",))
    @dry_run_option
    @server_option
    def tag(name: str, dry_run: bool, server: Server, **given: Any) -> Result:
        asked = of.named(given)
        with server.connect() as admin:
            found = one(admin, "tags", name)
            known = {field: found[field] for field in ("jurisdictions", "kyc_level", "institution", "tags")}
            if asked:
                return send(admin, of.make(ar.FirmTags, {"firm": name, **known, **of.content(ar.FirmTags, asked, ("firm",))}), dry_run)
        out = [f"{row.get('venue') or row.get('event')} ({_why(row['rule'])})" for row in found["kept_out"]]
        pairs([*of.rows_of(ar.FirmTags, known), ("kept out of", ", ".join(out) or "-")])
        return Result(found)


def _why(rule: int) -> str:
    return f"rule {rule}" if rule else "no rule admits it"
