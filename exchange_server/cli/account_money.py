"""`exos account hold|release|withdraw-request|withdraw-settle|withdraw-cancel|statement|close`: money set aside, and every change of a balance."""

import csv
import io
from typing import TYPE_CHECKING, Any

import click

from config import admin_records as ar
from protocol import numbers, units

from .account import account
from .acts import check_asset, decimals, one
from .close import add_close
from .common import Number
from .connect import Server, names, refused, server_option
from .money import AMOUNT, money_arguments, once, once_options
from .output import Result, pairs, say, table
from .progress import progress
from .times import ago, ahead

if TYPE_CHECKING:
    from .admin_client import AdminClient

PAGE = 1000
MOST_SHOWN = 100_000
CSV_HEAD = ("time", "event", "asset", "kind", "amount", "held", "balance", "held_after", "details")


@account.verb(
    "hold",
    "set money of an account aside: it can be neither traded with nor withdrawn",
    details=f"{AMOUNT} The balance stays; what is free gets less. The answer has the number of the hold.",
    examples=("exos account hold MM1-A 500.00 USD --note bond", "exos account hold MM1-A 500.00 USD --until 30d --key bond-7"),
)
@click.argument("account", shell_complete=names("account"))
@click.option("--until", metavar="TIME", help="When it ends by itself: 30d from now, or 2027-01-31T00:00:00Z.")
@money_arguments
def hold(account: str, until: str | None, server: Server, **given: Any) -> Result:
    return once(server, ar.Hold, **given, account=account, until_ns=ahead(until, "--until") if until else 0)


@account.verb(
    "withdraw-request",
    "first step of a withdrawal: set the amount aside",
    details=f"{AMOUNT} Above the asset's limit a second person approves it (exos role). The answer has the number of the withdrawal.",
    examples=("exos account withdraw-request MM1-A 250.00 USD --key payout-12",),
)
@click.argument("account", shell_complete=names("account"))
@money_arguments
def withdraw_request(account: str, server: Server, **given: Any) -> Result:
    return once(server, ar.RequestWithdrawal, **given, account=account)


def _end(name: str, summary: str, record: Any, field: str, example: str) -> None:
    """A verb that ends a hold or a withdrawal by its number."""

    @account.verb(name, summary, examples=(example,))
    @click.argument("number", type=Number(f"number of a {field}", 1))
    @once_options
    def end(number: int, server: Server, **given: Any) -> Result:
        fields: dict[str, Any] = {**given, field: number}
        return once(server, record, **fields)


_end("release", "end a hold: the money is free again", ar.Release, "hold", "exos account release 7 --note returned")
_end(
    "withdraw-settle", "second step of a withdrawal: the money has been paid out", ar.SettleWithdrawal, "withdrawal",
    'exos account withdraw-settle 8 --note "wire 4711"',
)  # fmt: skip
_end(
    "withdraw-cancel", "instead of the second step: nothing was paid, the money is free again", ar.CancelWithdrawal, "withdrawal",
    "exos account withdraw-cancel 8",
)  # fmt: skip


@account.verb(
    "statement",
    "every change of an account's balance",
    details="Without ASSET: of each asset in which there is one. TIME is 7d (ago), 2026-07-19 or 2026-07-19T21:40:00Z. docs/money.md explains the kinds of entries.",
    examples=(
        "exos account statement MM1-A USD",
        "exos account statement MM1-A --from 2026-07-01 --to 2026-08-01 --csv",
    ),
    slow=True,
)
@click.argument("account", shell_complete=names("account"))
@click.argument("asset", required=False, shell_complete=names("asset"))
@click.option("--from", "begin", metavar="TIME", help="Only from this time on.")
@click.option("--to", "end", metavar="TIME", help="Only up to this time.")
@click.option("--limit", type=Number("number of entries", 1, MOST_SHOWN), default=MOST_SHOWN, help="Show so many entries at most.")
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV.")
@server_option
def statement(account: str, asset: str | None, begin: str | None, end: str | None, limit: int, as_csv: bool, server: Server) -> Result:
    fields = {"from_ns": ago(begin, "--from") if begin else 0, "to_ns": ago(end, "--to") if end else 0}
    found = []
    with server.connect() as admin:
        one(admin, "account", account)  # says the near names
        places = decimals(admin)
        if asset:
            check_asset(asset, places)
        with progress("reading the statement", "entries") as at:
            for name in [asset] if asset else places:
                whole = _whole(admin, {"account": account, "asset": name, **fields}, limit, at)
                if asset or whole["entries"] or whole["closing"]:
                    found.append(whole)
    if as_csv:
        _say_csv(found)
    else:
        for whole in found:
            _say_statement(whole)
    return Result([_told(whole) for whole in found])


def _whole(admin: "AdminClient", request: dict[str, Any], limit: int, at: Any) -> dict[str, Any]:
    """All pages of one statement, up to `limit` entries. Raises CommandError."""
    whole: dict[str, Any] = {}
    cursor = ""
    while True:
        answer = admin.ask("statement", None, **request, limit=min(PAGE, limit), cursor=cursor)
        if not answer.ok:
            raise refused(answer)
        page = answer.result
        if not whole:
            whole = page
        else:
            whole["entries"] += page["entries"]
        at(len(whole["entries"]))
        cursor = page["cursor"]
        if not cursor or len(whole["entries"]) >= limit:
            whole["more"] = bool(cursor) or len(whole["entries"]) > limit
            whole["entries"] = whole["entries"][:limit]
            del whole["cursor"]
            return whole


def _told(whole: dict[str, Any]) -> dict[str, Any]:
    """The same with amounts as people write them."""
    places = whole["decimals"]

    def text(value: int) -> str:
        return numbers.unscaled(value, places)

    entries = [{**e, **{key: text(e[key]) for key in ("amount", "held", "balance", "held_after")}} for e in whole["entries"]]
    sums = {key: text(whole[key]) for key in ("opening", "held_opening", "closing", "held_closing")}
    totals = {kind: {"count": total["count"], "amount": text(total["amount"])} for kind, total in whole["totals"].items()}
    return {**whole, **sums, "totals": totals, "entries": entries}


def words(entry: dict[str, Any]) -> str:
    """What an entry is about, in a few words."""
    d = entry["details"]
    match entry["kind"]:
        case "trade":
            side = d["side"] + (" NO" if d["contract_side"] == "no" else "")
            quantity, price = numbers.unscaled(d["quantity"], d["qty_decimals"]), numbers.unscaled(d["price"], d["price_decimals"])
            return f"{side} {quantity} {d['symbol']} at {price}, trade {d['trade']}"
        case "fee" | "rebate":
            return f"{d['symbol']}, trade {d['trade']}"
        case "settlement":
            position, payout = numbers.unscaled(d["position"], d["qty_decimals"]), numbers.unscaled(d["payout"], d["price_decimals"])
            return f"{d['event']} version {d['version']}: {position} {d['symbol']} at {payout}"
        case "split" | "merge":
            return f"{d['sets']} sets of {d['event']}"
    number = next((f"{kind} {d[kind]}" for kind in ("hold", "withdrawal") if kind in d), "")
    parts = [
        number,
        f"with {d['other']}" if "other" in d else "",
        f"key {d['key']}" if d.get("key") else "",
        d.get("note", ""),
        f"by {d['who']}" if d.get("who") else "",
    ]
    return ", ".join(part for part in parts if part)


def _say_statement(whole: dict[str, Any]) -> None:
    told = _told(whole)
    say(f"{whole['account']}, {whole['asset']}, as of event {whole['as_of_event']}")
    table(
        ("time", "kind", ">amount", ">held", ">balance", "about"),
        [
            (units.instant(e["time_ns"]), e["kind"], e["amount"], e["held"] if raw["held"] else "", e["balance"], words(raw))
            for e, raw in zip(told["entries"], whole["entries"])
        ],
    )
    sums = [("opening balance", told["opening"]), *((f"{kind} ({t['count']})", t["amount"]) for kind, t in told["totals"].items())]
    pairs([*sums, ("closing balance", told["closing"]), ("of it on hold", told["held_closing"])])
    if whole["more"]:
        say(f"only the first {len(whole['entries'])} entries are shown: --limit or --from shows others")


def _say_csv(found: list[dict[str, Any]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for whole in found:
        for e, raw in zip(_told(whole)["entries"], whole["entries"]):
            time = units.instant(e["time_ns"]).removesuffix(" UTC").replace(" ", "T") + "Z"
            writer.writerow(
                (time, e["event"], whole["asset"], e["kind"], e["amount"], e["held"], e["balance"], e["held_after"], words(raw))
            )
    for line in out.getvalue().splitlines():
        say(line)


add_close(
    account,
    "account",
    'exos account close CLIENT9-A --reason "left the exchange"',
    "It must be empty: no open orders, positions, money or holds.",
)
