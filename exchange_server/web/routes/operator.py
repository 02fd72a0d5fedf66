"""What operators see: the questions of the port for remote administration, as far as the principal's roles reach."""

from collections.abc import Callable
from typing import Any

from config import fields as cf
from protocol import numbers, phases

from .. import acts, words
from .. import operator_schemas as O
from .. import schemas as S
from ..acts import Places
from ..operation import Call, Operation
from ..problems import bad_field, unknown
from . import account, paging, shown
from .acts import FORMS, ask, assets
from .sessions import roles

NS = 10**9
Rows = list[dict[str, Any]]


async def operator(call: Call) -> O.Operator:
    found = await ask(call.session.operator, "whoami")
    from ...registry.roles import ROLES

    held = [ROLES[one["role"]] for one in found["roles"]]
    return O.Operator(
        principal=call.session.operator.name, roles=roles(found), acts=[tag for tag in (*FORMS, "configuration") if any(role.may_send(tag) for role in held)],
        questions=[name for name, verb in QUESTIONS if any(role.may_ask(verb) for role in held)],
    )  # fmt: skip


async def _members(call: Call, kind: str) -> tuple[Rows, str | None]:
    """A page of the things of a kind, in the order in which they were made; or the one that is named."""
    query = call.query
    if query.name:
        return (await ask(call.session.operator, kind, name=query.name))["rows"], None
    found = await ask(call.session.operator, kind, limit=query.limit, after=paging.read_number(query.cursor))
    return found["rows"], str(found["next"]) if found["next"] else None


def _page(call: Call, rows: Rows, name: Callable[[dict[str, Any]], str]) -> tuple[Rows, str | None]:
    """A page of all rows, by name."""
    by_name = {name(row): row for row in rows}
    page, cursor = paging.after(sorted(by_name), call.query.cursor, call.query.limit)
    return [by_name[one] for one in page], cursor


def _definition(tag: str, record: dict[str, Any], places: Places = Places()) -> Any:
    """A row's record as the body of its act."""
    return acts.shown(FORMS[tag], record, places)


async def firms(call: Call) -> O.Firms:
    rows, cursor = await _members(call, "firm")
    return O.Firms(
        firms=[
            O.FirmRow(
                firm=row["name"], definition=_definition("firm", row["record"]), accounts=row["accounts"], sessions=row["sessions"],
                open_orders=row["open_orders"], killed=bool(row["killed"]), closed=row["closed"] or None,
            )
            for row in rows
        ],
        next_cursor=cursor,
    )  # fmt: skip


async def accounts(call: Call) -> O.Accounts:
    rows, cursor = await _members(call, "account")
    places = await assets(call.session.operator, *(asset for row in rows for asset in row["balances"]))
    return O.Accounts(accounts=[_account(row, places) for row in rows], next_cursor=cursor)


def _account(row: dict[str, Any], places: dict[str, int]) -> O.AccountRow:
    balances = []
    for asset, held in row["balances"].items():
        free = held["cash"] - held["locked"] - held["held"]
        cash, locked, on_hold, rest = (
            numbers.unscaled(value, places[asset]) for value in (held["cash"], held["locked"], held["held"], free)
        )
        balances.append(O.Held(asset=asset, cash=cash, locked=locked, on_hold=on_hold, free=rest))
    holds = [
        O.Hold(
            id=str(one["id"]), kind=one["kind"], asset=one["asset"], amount=numbers.unscaled(one["amount"], places.get(one["asset"], 0)),
            until=words.maybe_time(one["until_ns"]), since=words.time_text(one["at_ns"]), note=one["note"], by=one["who"],
        )
        for one in row["holds"]
    ]  # fmt: skip
    return O.AccountRow(
        account=row["name"], definition=_definition("account", row["record"]) if row["record"] else None, firm=row["firm"], venue=row["venue"],
        session=row["session"], open_orders=row["open_orders"], killed=bool(row["killed"]), closed=row["closed"] or None, balances=balances, holds=holds,
    )  # fmt: skip


async def sessions(call: Call) -> O.SessionRows:
    rows, cursor = await _members(call, "session")
    return O.SessionRows(
        sessions=[
            O.SessionRow(
                session=row["name"], definition=_definition("session", row["record"]), firm=row["firm"], logged_on=bool(row["logged_on"]),
                killed=bool(row["killed"]), closed=row["closed"] or None,
            )
            for row in rows
        ],
        next_cursor=cursor,
    )  # fmt: skip


async def venues(call: Call) -> O.VenueRows:
    rows, cursor = await _members(call, "venue")
    return O.VenueRows(
        venues=[
            O.VenueRow(
                venue=row["name"], definition=_definition("venue", row["record"]), fee_account=row["fee_account"], markets=row["markets"],
                killed=bool(row["killed"]), freeze=row["freeze"],
            )
            for row in rows
        ],
        next_cursor=cursor,
    )  # fmt: skip


async def asset_list(call: Call) -> O.AssetRows:
    rows, cursor = await _members(call, "asset")
    return O.AssetRows(
        assets=[
            O.AssetRow(
                asset=row["name"], definition=_definition("asset", row["record"]),
                external=numbers.unscaled(row["external"], row["record"]["decimals"]) if "external" in row else None,
            )
            for row in rows
        ],
        next_cursor=cursor,
    )  # fmt: skip


async def keys(call: Call) -> O.Keys:
    found = await ask(call.session.operator, "keys", holder=call.query.holder, name=call.query.name)
    page, cursor = _page(call, found["keys"], lambda row: row["id"])
    return O.Keys(
        keys=[
            O.KeyRow(
                key=row["id"], holder=row["holder"], name=row["name"], kind=row["kind"], public_key=row["public"], scopes=list(row["scopes"]),
                until=words.maybe_time(row["until_ns"]), addresses=list(row["addresses"]), title=row["title"], made_at=words.maybe_time(row["made_ns"]),
                revoked=row["revoked"], revoked_at=words.maybe_time(row["revoked_ns"]), reason=row["reason"],
            )
            for row in page
        ],
        next_cursor=cursor,
    )  # fmt: skip


async def listings(call: Call) -> O.Listings:
    found = await ask(call.session.operator, "listing", venue=call.query.venue, event=call.query.market)
    page, cursor = _page(call, found["rows"], lambda row: f"{row['event']} at {row['venue']}")
    return O.Listings(
        listings=[
            O.ListingRow(venue=row["venue"], market=row["event"], owner=row["owner"], definition=_definition("listing", row["record"])) for row in page
        ],
        next_cursor=cursor,
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- markets
async def markets(call: Call) -> O.MarketsNow:
    query = call.query
    rows = [
        row
        for row in (await ask(call.session.operator, "markets"))["markets"]
        if query.phase in ("", row["phase"]) and query.venue in ("", row["terms"].get("owner_venue"))
    ]
    page, cursor = _page(call, rows, lambda row: row["event"])
    return O.MarketsNow(markets=[_market(row) for row in page], next_cursor=cursor)


async def market(call: Call) -> O.MarketNow:
    name = call.path["market"]
    found = (await ask(call.session.operator, "markets", event=name))["markets"]
    if not found:
        raise unknown("market", name)
    return _market(found[0])


async def terms(call: Call) -> O.MarketTerms:
    operator, name = call.session.operator, call.path["market"]
    (row,) = (await ask(operator, "market", name=name))["rows"]
    record = row["record"]
    places = await assets(operator, record["asset"])
    return O.MarketTerms(market=name, definition=_definition("market", record, Places({}, places)))


def _market(view: dict[str, Any]) -> O.MarketNow:
    terms, phase = view["terms"], phases.BY_NAME[view["phase"]]
    price, qty = view["price_decimals"], view["contracts"][0]["terms"].get("qty_decimals", 0) if view["contracts"] else 0
    resting = terms.get("resting") or {}

    def written(ticks: int | None) -> str | None:
        return numbers.unscaled(ticks, price) if ticks is not None else None

    contracts = [
        O.ContractNow(
            contract=one["symbol"], outcome=one["outcome"] or "", code=one["code"], bid=written(one["bid"]), ask=written(one["ask"]), last=written(one["last"]),
            volume=numbers.unscaled(one["volume"], qty), open_interest=numbers.unscaled(one["open_interest"], qty),
            paid=written(one["paid"]) if view["final_at_ns"] or one["paid"] else None, decided_ahead=one["ahead"] is not None,
        )
        for one in view["contracts"]
    ]  # fmt: skip
    settable = [phases.name(one) for one in phases.NEXT[phase] if phases.may_set(phase, one)]
    return O.MarketNow(
        market=view["event"], title=view["title"], venue=terms.get("owner_venue") or "", product=view["product"], asset=view["asset"],
        payout=numbers.unscaled(view["payout"], price) if view["payout"] else None, phase=view["phase"], may_set=settable,
        may_do=sorted(phases.ALLOWED[phase]), settling=view["settling"], overdue_since=words.maybe_time(view["overdue_ns"]), result_version=view["version"],
        window_ends_at=words.maybe_time(view["window_end_ns"]), final_at=words.maybe_time(view["final_at_ns"]), resting_live=resting.get("live", ""),
        resting_pause=resting.get("pause", ""), versions=[shown.version(view, one) for one in view["versions"]], contracts=contracts,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- what waits, risk
async def _record(call: Call, record: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(type, body) of a record that waits. What this process has no form for is shown as it is."""
    tag = str(record.get("type", ""))
    form = FORMS.get(tag)
    if form is None:  # an order that waits because of a budget is told as people write it
        said = {**acts.NAMES, "id": "client_order_id", "tif": "time_in_force"}
        named = {
            said.get(name, name): str(value) if name == "id" else value for name, value in record.items() if name not in ("type", "gtd_ns")
        }
        return tag, {**named, "expires_at": words.maybe_time(record.get("gtd_ns", 0))}
    operator = call.session.operator
    inner = record["act"] if tag == "schedule" else record
    known = await assets(operator, *([inner["asset"]] if inner.get("asset") else []))
    places = Places({cf.MONEY: known.get(str(inner.get("asset", "")), 0)}, known)
    event = inner.get("event") or call.gateway.reference.market_of.get(inner.get("symbol", ""), "")
    if event and inner.get("type") != "market":
        for view in (await ask(operator, "markets", event=event))["markets"]:
            symbols = tuple(row["symbol"] for row in view["contracts"])
            names = (inner["symbol"],) if tag == "correct" and inner.get("symbol") else symbols
            places = places._replace(of={**places.of, cf.PRICE: view["price_decimals"]}, contracts=names)
    return tag, acts.shown(form, record, places)


async def pending(call: Call) -> O.Pending:
    rows = (await ask(call.session.operator, "pending"))["rows"]
    found = []
    for row in rows:
        tag, body = await _record(call, row["record"])
        found.append(
            O.PendingAct(
                id=str(row["id"]), act=row["act"], title=row["title"], proposed_by=row["who"], proposed_at=words.time_text(row["at_ns"]),
                expires_at=words.time_text(row["expires_ns"]), expired=row["expired"], type=tag, record=body,
            )
        )  # fmt: skip
    return O.Pending(pending=found)


async def schedule(call: Call) -> O.ScheduleRows:
    rows = (await ask(call.session.operator, "schedule", event=call.query.market, ended=call.query.ended))["rows"]
    page, cursor = paging.pages(
        sorted(rows, key=lambda row: row["id"]), lambda row: row["id"], paging.read_number(call.query.cursor), call.query.limit
    )
    found = []
    for row in page:
        tag, body = await _record(call, row["record"])
        found.append(
            O.ScheduledRow(
                id=str(row["id"]), at=words.time_text(row["at_ns"]), text=row["act"], type=tag, about=row["about"], by=row["who"], note=row["note"],
                made_at=words.time_text(row["made_ns"]), ended=row["ended"], ended_at=words.maybe_time(row["ended_ns"]), reason=row["reason"],
                waits_for=row["waits_for"], record=body,
            )
        )  # fmt: skip
    return O.ScheduleRows(schedule=found, next_cursor=cursor)


async def risk(call: Call) -> O.Risk:
    found = await ask(call.session.operator, "risk")
    return O.Risk(
        freezes=[O.Freeze(**row) for row in found["freezes"]], kills=[O.Switch(**row) for row in found["kills"]],
        restrictions=[O.Restriction(market=row["event"], firm=row["firm"]) for row in found["restrictions"]],
        throttles=[
            O.Throttle(level=row["level"], target=row["target"], limit=row["limit"], window=cf.duration_text(row["window_ns"]), used=row["used"])
            for row in found["throttles"]
        ],
    )  # fmt: skip


async def budgets(call: Call) -> S.Budgets:
    rows = (await ask(call.session.operator, "budget", name=call.query.name))["rows"]
    page, cursor = _page(call, rows, lambda row: row["session"])
    return S.Budgets(budgets=[account.budget_of(row) for row in page], next_cursor=cursor)


async def rules(call: Call) -> O.Rules:
    rows = (await ask(call.session.operator, "rules", name=call.query.name))["rows"]
    return O.Rules(
        venues=[
            O.VenueRules(
                venue=row["venue"], freeze=row["freeze"], freeze_reason=row["freeze_reason"], isolated_accounts=row["isolated_accounts"],
                rules=[_rule(one) for one in row["rules"]],
                quotas=[O.QuotaUse(quota=name, limit=use["limit"], used=use["used"]) for name, use in sorted(row["quotas"].items())],
            )
            for row in rows
        ]
    )  # fmt: skip


def _rule(row: dict[str, Any]) -> dict[str, Any]:
    return {acts.NAMES.get(name, name): value for name, value in row.items()}


async def tags(call: Call) -> O.Tags:
    rows = (await ask(call.session.operator, "tags", name=call.query.name))["rows"]
    page, cursor = _page(call, rows, lambda row: row["firm"])
    return O.Tags(
        firms=[
            O.FirmTags(
                firm=row["firm"], jurisdictions=list(row["jurisdictions"]), kyc_level=row["kyc_level"], institution=row["institution"],
                tags=list(row["tags"]),
                kept_out=[O.KeptOut(venue=one.get("venue"), market=one.get("event"), rule=one["rule"]) for one in row["kept_out"]],
            )
            for row in page
        ],
        next_cursor=cursor,
    )  # fmt: skip


async def principals(call: Call) -> O.Principals:
    rows = (await ask(call.session.operator, "principal", name=call.query.name))["rows"]
    page, cursor = _page(call, rows, lambda row: row["name"])
    return O.Principals(
        principals=[
            O.PrincipalRow(
                principal=row["name"], definition=_definition("principal", row["record"]),
                roles=roles({"roles": [one for one in row["roles"] if one["live"]]}),
            )
            for row in page
        ],
        next_cursor=cursor,
    )  # fmt: skip


async def series(call: Call) -> O.SeriesRows:
    operator = call.session.operator
    rows = (await ask(operator, "series", name=call.query.name))["rows"]
    page, cursor = _page(call, rows, lambda row: row["name"])
    known = await assets(operator)
    return O.SeriesRows(
        series=[
            O.SeriesRow(
                series=row["name"], definition=_definition("series", row["record"], Places({}, known)), closed=row["closed"] is not None,
                next_listing_at=words.maybe_time(row["next_at_ns"]), markets=row["markets"],
            )
            for row in page
        ],
        next_cursor=cursor,
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------- ledger
async def ledger(call: Call) -> O.Ledger:
    query = call.query
    times = {}
    for name, text in (("from_ns", query.start), ("to_ns", query.end)):
        try:
            times[name] = words.time_ns(text) if text else 0
        except ValueError as error:
            raise bad_field(str(error), "?start" if name == "from_ns" else "?end") from None
    found = await ask(
        call.session.operator, "statement", account=query.account, asset=query.asset, limit=query.limit, cursor=query.cursor, **times
    )
    places = found["decimals"]

    def money(name: str) -> str | None:
        return numbers.unscaled(found[name], places) if name in found else None

    return O.Ledger(
        account=found["account"], asset=found["asset"], as_of_event=str(found["as_of_event"]), opening=money("opening"), closing=money("closing"),
        held_opening=money("held_opening"), held_closing=money("held_closing"),
        totals=[O.LedgerTotal(kind=kind, count=one["count"], amount=numbers.unscaled(one["amount"], places)) for kind, one in found.get("totals", {}).items()],
        entries=[
            O.LedgerEntry(
                event=str(one["event"]), time=words.time_text(one["time_ns"]), kind=one["kind"], amount=numbers.unscaled(one["amount"], places),
                held=numbers.unscaled(one["held"], places), balance=numbers.unscaled(one["balance"], places),
                held_after=numbers.unscaled(one["held_after"], places), details=_details(one["details"]),
            )
            for one in found["entries"]
        ],
        next_cursor=found["cursor"] or None,
    )  # fmt: skip


def _details(given: dict[str, Any]) -> dict[str, str]:
    """What an entry is about, in the API's units."""
    price, qty = given.get("price_decimals", 0), given.get("qty_decimals", 0)
    out = {}
    for name, value in given.items():
        if name in ("price_decimals", "qty_decimals"):
            continue
        if name in ("price", "payout") and isinstance(value, int):
            value = numbers.unscaled(value, price)
        elif name in ("quantity", "position") and isinstance(value, int):
            value = numbers.unscaled(value, qty)
        elif name.endswith("_ns") and isinstance(value, int):
            value = words.time_text(value)
        out[acts.NAMES.get(name, name.removesuffix("_ns"))] = str(value)
    return out


def _question(name: str, path: str, summary: str, answer: Any, handler: Any, query: Any = None, **more: Any) -> Operation:
    rest = {} if query is None else {"query": query}
    return Operation(
        name,
        "GET",
        f"/v1/operator{path}",
        summary,
        answer,
        handler,
        private=True,
        by="operator",
        problems=(403, 404, 422, 504),
        server=False,
        **rest,
        **more,
    )


QUESTIONS = (  # path, verb: the table of roles says who may ask it
    ("pending", "pending"), ("markets", "markets"), ("firms", "firm"), ("accounts", "account"), ("sessions", "session"), ("keys", "keys"), ("venues", "venue"),
    ("assets", "asset"), ("listings", "listing"), ("budgets", "budget"), ("risk", "risk"), ("rules", "rules"), ("tags", "tags"), ("principals", "principal"),
    ("schedule", "schedule"), ("series", "series"), ("statement", "statement"),
)  # fmt: skip
OPERATIONS = (
    _question("get_operator", "", "Who is logged on, and what it may do", O.Operator, operator),
    _question("list_pending", "/pending", "Acts that wait for a second person", O.Pending, pending),
    _question("list_operator_markets", "/markets", "Markets as their operators see them, drafts too", O.MarketsNow, markets, O.OperatorMarketsQuery),
    _question("get_operator_market", "/markets/{market}", "One market, and what may be done with it now", O.MarketNow, market),
    _question("get_market_terms", "/markets/{market}/definition", "The definition of a market, as its act has it", O.MarketTerms, terms),
    _question("list_firms", "/firms", "Firms, the oldest first", O.Firms, firms, O.NamedPage),
    _question("list_accounts", "/accounts", "Accounts with their money and holds, the oldest first", O.Accounts, accounts, O.NamedPage),
    _question("list_sessions", "/sessions", "Logins, the oldest first", O.SessionRows, sessions, O.NamedPage),
    _question("list_operator_venues", "/venues", "Venues", O.VenueRows, venues, O.NamedPage),
    _question("list_assets", "/assets", "Assets", O.AssetRows, asset_list, O.NamedPage),
    _question("list_keys", "/keys", "Keys, without what they are checked against", O.Keys, keys, O.KeysQuery),
    _question("list_listings", "/listings", "Which venue offers which market, at what fees", O.Listings, listings, O.ListingsQuery),
    _question("list_operator_budgets", "/budgets", "Budgets of sessions, and what is left of them", S.Budgets, budgets, O.NamedPage),
    _question("get_risk", "/risk", "What is switched off or held back now", O.Risk, risk),
    _question("list_rules", "/rules", "Access rules, quotas and freezes of venues", O.Rules, rules, O.NamedPage),
    _question("list_tags", "/tags", "What is known of firms, and what keeps them out", O.Tags, tags, O.NamedPage),
    _question("list_principals", "/principals", "Principals and their roles", O.Principals, principals, O.NamedPage),
    _question("list_schedule", "/schedule", "Acts that wait for their time", O.ScheduleRows, schedule, O.ScheduleQuery),
    _question("list_operator_series", "/series", "Series of markets with their definitions", O.SeriesRows, series, O.NamedPage),
    _question("get_ledger", "/statement", "Every change of an account's balance", O.Ledger, ledger, O.LedgerQuery),
)  # fmt: skip
