"""A client's own fills, balances, positions, requirements and statement."""

from collections.abc import Awaitable, Callable
from typing import Any

from protocol import errors, numbers
from protocol import messages as M
from protocol.account_messages import PART_BALANCES, PART_POSITIONS, PART_REQUIREMENTS

from .. import schemas as S
from .. import words
from ..operation import Call, Operation
from ..problems import right_missing, server_down
from ..reference import NotAllowed, Unreadable
from ..reports import balances_of, definition_of, entry_of, fill_of
from ..trader import Gone, Past
from . import paging

WINDOW = 2000  # reports that are asked for at once
WINDOWS = 10  # that one request looks through


async def _past(
    call: Call, ask: Callable[[int, int], Awaitable[Past]], take: Callable[[Any], Any]
) -> tuple[list[Any], str | None, S.Gone | None]:
    """(rows, next cursor, what is not there any more) of what `take` makes of the session's reports, the oldest first. The cursor is the number of the last report looked at, so
    a page may be short, and still have a next one."""
    limit, number = call.query.limit, paging.read_number(call.query.cursor)
    found: list[Any] = []
    gone: Gone | None = None
    newest = call.session.trader.next_report - 1
    for _ in range(WINDOWS):
        if number >= newest:
            return found, None, _gone(gone)
        end = min(number + WINDOW, newest)
        past = await ask(number + 1, end)
        if past.gone is not None:
            gone = past.gone if gone is None else gone._replace(last=past.gone.last)
        for report in past.rows:
            if (row := take(report)) is None:
                continue
            found.append(row)
            if len(found) == limit:
                return found, str(report.number) if report.number < newest else None, _gone(gone)
        number = end
    return found, str(number) if number < newest else None, _gone(gone)


def _gone(gone: Gone | None) -> S.Gone | None:
    if gone is None:
        return None
    return S.Gone(
        first=str(gone.first), last=str(gone.last), code=gone.reason, name=errors.short_name(gone.reason), detail=errors.text(gone.reason)
    )


async def fills(call: Call) -> S.Fills:
    gateway, trader = call.gateway, call.session.trader
    found, cursor, gone = await _past(call, trader.fills, lambda fill: fill_of(gateway, trader, fill))
    return S.Fills(fills=found, next_cursor=cursor, gone=gone)


async def statement(call: Call) -> S.Statement:
    gateway, trader = call.gateway, call.session.trader
    found, cursor, gone = await _past(call, trader.reports, lambda report: entry_of(gateway, trader, report))
    return S.Statement(entries=found, next_cursor=cursor, gone=gone)


async def balances(call: Call) -> S.Balances:
    state = await call.session.trader.own_state(call.query.account, PART_BALANCES)
    return S.Balances(time=words.time_text(state.time), balances=balances_of(state))


async def positions(call: Call) -> S.Positions:
    state = await call.session.trader.own_state(call.query.account, PART_POSITIONS)
    rows = []
    for account in state.accounts.values():
        for symbol, one in account.positions.items():
            definition = definition_of(call.gateway, one.instrument)
            lots = (words.quantity(definition, value) for value in (one.position, one.open_buy, one.open_sell))
            rows.append(S.Position(account=account.name, contract=symbol, **dict(zip(("position", "open_buy", "open_sell"), lots))))
    return S.Positions(time=words.time_text(state.time), positions=rows)


async def requirements(call: Call) -> S.Requirements:
    state = await call.session.trader.own_state(call.query.account, PART_REQUIREMENTS)
    rows = [_requirement(call, account.name, one) for account in state.accounts.values() for one in account.requirements.values()]
    return S.Requirements(time=words.time_text(state.time), requirements=rows)


async def budgets(call: Call) -> S.Budgets:
    """What binds the accounts of this login. It is not on the binary wire: this process asks, and shows the client's own."""
    own = set(call.session.trader.account_names.values())
    rows = await _asked(call, "budget", "budgets")
    return S.Budgets(budgets=[budget_of(row) for row in rows if row["account"] in own], next_cursor=None)


async def waiting_orders(call: Call) -> S.WaitingOrders:
    """Those of this login that wait for a person, or were approved and not entered yet. As with budgets, this process asks."""
    rows = await _asked(call, "pending", "orders that wait")
    own, entry = call.session.trader.accounts, await call.gateway.entry_of(call.session)
    mine = [
        row for row in rows
        if row["act"] == "held_order" and not row["expired"] and row["record"]["account"] in own
        and (entry is None or row["record"]["session"] == entry.session)
    ]  # fmt: skip
    return S.WaitingOrders(orders=[_waiting(row) for row in mine], next_cursor=None)


async def _asked(call: Call, question: str, what: str) -> list[dict[str, Any]]:
    """The rows of a question that this process asks for a client. Raises Refusal."""
    try:
        rows: list[dict[str, Any]] = (await call.gateway.reference.ask(question))["rows"]
    except NotAllowed as error:
        raise right_missing(error.question) from None
    except Unreadable as error:
        raise server_down(f"{what} cannot be read: {error}") from None
    return rows


def _waiting(row: dict[str, Any]) -> S.WaitingOrder:
    """Of a row of the question `pending`."""
    record, market = row["record"], row["record"]["price"] == "market"
    id = record["id"]
    return S.WaitingOrder(
        waiting_id=str(row["id"]), client_order_id=str(id) if isinstance(id, int) else None, client_text=None if isinstance(id, int) else id,
        session=record["session"], account=record["account"], contract=record["symbol"], side=record["side"], contract_side=record["contract_side"],
        type="market" if market else "limit", time_in_force=record["tif"], price=None if market else record["price"], quantity=record["quantity"],
        post_only=record["post_only"], persist=record["persist"], expires_at=words.maybe_time(record["gtd_ns"]), cost=record["cost"],
        asset=record["asset"], approved=record["approved"], since=words.time_text(row["at_ns"]), waits_until=words.time_text(row["expires_ns"]),
    )  # fmt: skip


def budget_of(row: dict[str, Any]) -> S.Budget:
    """Of a row of the question `budget`."""
    decimals = row["decimals"]

    def limit(value: int | None) -> str | None:
        return numbers.unscaled(value, decimals) if value else None

    def use(given: dict[str, int]) -> S.BudgetUse:
        left = numbers.unscaled(given["left"], decimals) if given["limit"] else None
        return S.BudgetUse(limit=limit(given["limit"]), used=numbers.unscaled(given["used"], decimals), left=left)

    return S.Budget(
        session=row["session"], account=row["account"], asset=row["asset"], loss=use(row["loss"]), loss_per_day=use(row["loss_per_day"]),
        max_cost=limit(row["max_cost"]), approve_above=limit(row.get("approve_above")), max_lots=row["max_quantity"] or None, markets=row["markets"], series=row["series"],
    )  # fmt: skip


def _requirement(call: Call, account: str, one: M.Requirement) -> S.Requirement:
    """One market of an account, with the sum that makes the requirement in words."""
    definition = next(iter(call.gateway.feed.of_market.get(one.market, ())), None) or definition_of(call.gateway, 0)
    required, buys, worst = (words.money(definition, value) for value in (one.required, one.buys, one.worst))
    if one.worst < 0:
        why = f"open buys reserve {buys}; the worst result costs {worst.removeprefix('-')}: together {required} {definition.asset}"
    else:
        why = f"open buys reserve {buys} {definition.asset}; the worst result costs nothing"
    base, held = None, None
    if one.base_asset:
        base, held = definition.base_asset, numbers.unscaled(one.held_base, definition.qty_decimals + len(str(definition.lot_base)) - 1)
        why += f"; open sells hold {held} {base}"
    return S.Requirement(
        account=account, market=call.gateway.reference.name_of.get(one.market, f"#{one.market}"), asset=definition.asset, required=required,
        reserved_by_buys=buys, worst_case=worst, base_asset=base, held_base=held, why=why,
    )  # fmt: skip


OPERATIONS = (
    Operation("list_fills", "GET", "/v1/fills", "Fills of this session's orders, the oldest first", S.Fills, fills, query=S.Page, private=True),
    Operation("list_balances", "GET", "/v1/balances", "Money of the accounts", S.Balances, balances, query=S.AccountQuery, private=True, problems=(404,)),
    Operation("list_positions", "GET", "/v1/positions", "Positions of the accounts", S.Positions, positions, query=S.AccountQuery, private=True, problems=(404,)),
    Operation(
        "list_requirements", "GET", "/v1/requirements", "What the accounts must keep for each market, and why", S.Requirements, requirements,
        query=S.AccountQuery, private=True, problems=(404,),
    ),
    Operation(
        "list_waiting_orders", "GET", "/v1/waiting-orders", "Orders of this login's accounts that wait until a person approves them", S.WaitingOrders,
        waiting_orders, private=True, problems=(501,),
    ),
    Operation("list_budgets", "GET", "/v1/budget", "What this login's accounts may lose, and what is left of it", S.Budgets, budgets, private=True, problems=(501,)),
    Operation(
        "get_statement", "GET", "/v1/statement", "What changed the accounts' money, as this session was told", S.Statement, statement, query=S.Page,
        private=True,
    ),
)  # fmt: skip
