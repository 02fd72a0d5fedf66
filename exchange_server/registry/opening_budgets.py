"""Budgets of the sessions of a venue that moves here: what must be true of them, and their rows. Their limits move; what was used of them counts anew, from the buying
power that the account has once its positions and orders are there."""

from collections.abc import Iterator
from typing import Any

from config import admin_records as ar

from . import budgets, checks
from . import rows as rows_of
from .definitions import Definitions
from .engine_like import Words
from .refused import Refused, bad
from .tables import Budget


def check(after: Definitions, record: ar.Opening) -> None:
    """`after`: the tables with the definitions of the archive. Raises Refused."""
    own = {one.name for one in record.records if isinstance(one, ar.DefineSession)}
    taken = {one.account for one in after.budgets.values()}
    for i, one in enumerate(record.budgets):
        key: Any = ("budgets", i)
        said = one.record
        if said.session not in own:
            raise bad((*key, "record", "session"), f"{said.session} is no session of the archive")
        session = checks.find(after.sessions, (*key, "record", "session"), said.session)
        account = checks.find(after.accounts, (*key, "account"), one.account)
        checks.find(after.assets, (*key, "record", "asset"), said.asset)
        if session.firm != account.firm:
            raise bad((*key, "account"), f"{one.account} is of another firm than {said.session}")
        if account.id in taken or any(other.record.session == said.session for other in record.budgets[:i]):
            raise bad(key, f"{said.session} or {one.account} has a budget already")
        taken.add(account.id)
        try:
            complete = budgets.complete(said, None)
        except Refused as refused:
            raise bad((*key, "record", *refused.refusal.key), refused.refusal.sentence) from None
        if complete != said:
            raise bad((*key, "record"), f"the budget of {said.session} does not say all of its limits")


def _budget(after: Definitions, one: ar.OpeningBudget) -> Budget:
    session, account = after.sessions.named(one.record.session), after.accounts.named(one.account)
    assert session is not None and account is not None
    return Budget(session.id, account.id, one.record)


def lines(after: Definitions, record: ar.Opening) -> int:
    """Most rows of the table of pairs that their lists of markets take."""
    return sum(len(after.events) for one in record.budgets if budgets.is_listed(one.record))


def rows(after: Definitions, record: ar.Opening) -> Iterator[Words]:
    """After those of positions and orders: what these require is not counted as lost."""
    for one in record.budgets:
        new = _budget(after, one)
        asset = after.assets.named(one.record.asset)
        assert asset is not None
        yield rows_of.budget(new.account, new.session, asset.id, one.record, False)
        yield from (rows_of.budget_market(new.account, event, True) for event in sorted(budgets.listed(after, new)))


def put(after: Definitions, record: ar.Opening) -> None:
    """In the commit of an import."""
    for one in record.budgets:
        new = _budget(after, one)
        after.budgets[new.session] = new
