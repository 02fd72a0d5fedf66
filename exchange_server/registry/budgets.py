"""Budgets of sessions: the acts, the lines of their lists of markets, and what is left of them. The core enforces them (core/risk/budget.py).

A list names markets and series. The core knows events, so it gets a line for each that matches, now and whenever a market is defined.
"""

from collections.abc import Callable
from typing import Any

from config import budget_records as br
from protocol import codes, numbers

from .. import state
from ..core import layout as L
from . import checks
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Budget, Event, Session

AMOUNTS = ("max_loss", "max_loss_per_day", "max_cost", "approve_above")
LIMITS = (*AMOUNTS, "max_quantity")
LISTS = ("markets", "series")
Sees = Callable[[str, Any], bool]


def matches(budget: Budget, event: Event) -> bool:
    """Whether an event is on the list of a budget, by its own name or its series'."""
    return event.name in (budget.record.markets or ()) or event.record.series in (budget.record.series or ())


def lines_for(registry: Definitions, event: Event) -> list[Words]:
    """The rows that put a new event on the lists that have its name or series."""
    return [rows_of.budget_market(one.account, event.id, True) for one in registry.budgets.values() if matches(one, event)]


def listed(registry: Definitions, budget: Budget | None) -> set[int]:
    """The events that the core has on a budget's list."""
    return {event.id for event in registry.events if matches(budget, event)} if budget is not None and is_listed(budget.record) else set()


def is_listed(record: br.Budget) -> bool:
    """Whether it may trade in some markets only."""
    return bool(record.markets or record.series)


def loosens(registry: Definitions, record: br.Budget | br.ClearBudget) -> bool:
    """Whether a record allows what an existing budget does not."""
    session = registry.sessions.named(record.session)
    old = registry.budgets.get(session.id) if session is not None else None
    if old is None:
        return False
    if isinstance(record, br.ClearBudget) or record.anew or record.asset not in ("", old.record.asset):
        return True
    for name in LIMITS:
        before, after = getattr(old.record, name), getattr(record, name)
        if after is not None and before and (after == 0 or after > before):
            return True
    if not is_listed(old.record):
        return False
    before, after = (
        {name: set(getattr(one, name) if getattr(one, name) is not None else getattr(old.record, name)) for name in LISTS}
        for one in (old.record, record)
    )
    return not any(after.values()) or any(after[name] - before[name] for name in LISTS)


def budget(registry: Definitions, record: br.Budget, engine: EngineLike) -> Act:
    session: Session = checks.find(registry.sessions, "session", record.session)
    checks.refuse_closed("session", session, "session")
    old = registry.budgets.get(session.id)
    full = complete(record, old)
    asset = checks.find(registry.assets, "asset", full.asset)
    account = _account(registry, session, old)
    _check_markets(registry, full)
    if old is not None and full == old.record and not record.anew:
        return checks.unchanged("budget of", record.session, session.id)
    new = Budget(session.id, account, full)
    before, after = listed(registry, old), listed(registry, new)
    if after - before:
        checks.hash_room(engine, "pairs", L.P_PAIR_HASH, len(after - before))
    rows = [rows_of.budget(account, session.id, asset.id, full, record.anew)]
    rows += [rows_of.budget_market(account, event, False) for event in sorted(before - after)]
    rows += [rows_of.budget_market(account, event, True) for event in sorted(after - before)]

    def commit() -> None:
        registry.budgets[session.id] = new

    changed = None if old is None else tuple(name for name in full.__struct_fields__ if getattr(full, name) != getattr(old.record, name))
    text = f"budget of {record.session} is {_told(full, asset.record.decimals)}; it acts for account {registry.accounts[account].name} only"
    return Act(
        f"budget of {record.session}",
        text,
        rows,
        commit,
        {"id": session.id, "account": account},
        changed=changed or (None if record.anew else changed),
    )


def complete(record: br.Budget, old: Budget | None) -> br.Budget:
    """The record with what it leaves as it is. Raises Refused."""
    if old is None and not record.asset:
        raise bad("asset", f"{record.session} has no budget yet: say in which asset it is")
    fields: dict[str, Any] = {name: getattr(record, name) for name in (*LIMITS, *LISTS)}
    wait = record.approve_within_ns or (old.record.approve_within_ns if old is not None else br.HOUR_NS)
    for name, value in fields.items():
        if value is None:
            fields[name] = getattr(old.record, name) if old is not None else () if name in LISTS else 0
    asset = record.asset or (old.record.asset if old is not None else "")
    if old is not None and asset != old.record.asset and any(fields[name] and getattr(record, name) is None for name in AMOUNTS):
        raise bad("asset", f"the amounts of the budget are in {old.record.asset}: with another asset say all of them")
    if not any(fields.values()):
        raise bad("max_loss", "a budget has at least one limit, or a list of markets; `exos budget clear` ends one")
    return br.Budget(session=record.session, asset=asset, approve_within_ns=wait, **fields)


def _account(registry: Definitions, session: Session, old: Budget | None) -> int:
    """The account (id) that the budget is for. Raises Refused."""
    if old is not None:
        return old.account
    account = registry.accounts.named(session.record.account)
    if account is None:
        raise bad("session", f"{session.name} has no default account: give it the one account that it may trade")
    checks.refuse_closed("account", account, "session")
    for other in registry.budgets.values():
        if other.account == account.id:
            raise bad("session", f"account {account.name} has the budget of session {registry.sessions[other.session].name} already")
    return account.id


def _check_markets(registry: Definitions, record: br.Budget) -> None:
    """The lists name what is there. Raises Refused."""
    for key, table in (("markets", registry.events), ("series", registry.series)):
        names = getattr(record, key)
        if len(set(names)) < len(names):
            raise bad(key, "the same name twice")
        for i, name in enumerate(names):
            checks.find(table, (key, i), name)


def _told(record: br.Budget, decimals: int) -> str:
    """The limits for a sentence."""
    parts = [
        f"{name.replace('_', ' ')} {numbers.unscaled(value, decimals)} {record.asset}"
        for name in AMOUNTS
        if (value := getattr(record, name))
    ]
    parts += [f"max quantity {record.max_quantity}"] if record.max_quantity else []
    where = [f"{len(names)} {what}" for what in LISTS if (names := getattr(record, what))] or [f"all markets in {record.asset}"]
    return ", ".join([*parts, *where])


def clear(registry: Definitions, record: br.ClearBudget) -> Act:
    session: Session = checks.find(registry.sessions, "session", record.session)
    old = registry.budgets.get(session.id)
    if old is None:
        raise Refused(codes.R_BAD_DEFINITION, f"session {record.session} has no budget", "session")
    rows = [rows_of.budget_market(old.account, event, False) for event in sorted(listed(registry, old))]
    rows.append(rows_of.budget(old.account, session.id, 0, None, False))

    def commit() -> None:
        del registry.budgets[session.id]

    return Act(f"budget of {record.session}", f"budget of {record.session} ended", rows, commit, {"id": session.id})


def view(registry: Definitions, m: Words, name: str, sees: Sees) -> list[dict[str, Any]]:
    """One dict for each budget that the asker sees, or the one of a session: session, account, asset, decimals, max_quantity, max_cost, approve_above (0: none), approve_within_ns, markets, series
    (both empty: all), loss and loss_per_day: {limit (0: none), used, left}, minor units, as an order would find them now."""
    found = []
    for row in registry.budgets.values():
        session = registry.sessions[row.session]
        if name not in ("", session.name) or not sees("session", session):
            continue
        asset = registry.assets.named(row.record.asset)
        assert asset is not None
        loss, day = state.losses(m, row.account)
        record = row.record
        found.append({
            "session": session.name, "account": registry.accounts[row.account].name, "asset": asset.name, "decimals": asset.record.decimals,
            "loss": _use(record.max_loss or 0, loss), "loss_per_day": _use(record.max_loss_per_day or 0, day),
            "max_quantity": record.max_quantity, "max_cost": record.max_cost, "approve_above": record.approve_above, "approve_within_ns": record.approve_within_ns, "markets": list(record.markets or ()), "series": list(record.series or ()),
        })  # fmt: skip
    return found


def _use(limit: int, used: int) -> dict[str, int]:
    return {"limit": limit, "used": used, "left": max(limit - used, 0) if limit else 0}
