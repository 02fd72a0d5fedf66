"""Deposits, withdrawals, moves and holds: what each record about money does.

Each function returns an Act and changes nothing; Registry.apply steps its row and then calls `commit`. An act has exactly one row, so the core
refuses it as a whole: too little money, an account that is closed, a full table.
"""

from typing import Any

from config import admin_records as ar
from protocol import codes, numbers, units

from .. import state
from . import checks
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .holds import CANCELLED, EXPIRED, HOLD, HOLDS_ACCOUNT, PAID, RELEASED, WITHDRAWAL, Hold
from .refused import Refused, bad
from .tables import Account, Asset, Done

OWN_KEY = "\x00hold {} expired"  # of acts that nobody sent; no record can have such a key


def amount_text(asset: Asset, amount: int) -> str:
    """ "12.50 USD"."""
    return f"{numbers.unscaled(amount, asset.record.decimals)} {asset.name}"


# ---- moves of money ----------------------------------------------------------------------------------------------------


def transfer(registry: Definitions, record: ar.Transfer, who: str, engine: EngineLike) -> Act:
    if (again := _again(registry, record, _transfer_text(registry, record))) is not None:
        return again
    asset = checks.find(registry.assets, "asset", record.asset)
    source = _party(registry, "source", record.source) if record.source else None
    target = _party(registry, "target", record.target) if record.target else None
    if source is None and target is None:
        raise bad("source", "a transfer names a source, a target, or both")
    if source is not None and target is not None:
        if source.id == target.id:
            raise bad("target", f"{record.target} is also the source")
        if source.firm != target.firm or not source.firm:  # fee accounts have no firm: their money is withdrawn, not moved
            raise Refused(codes.R_ACCOUNT_NOT_ALLOWED, f"{record.target} and {record.source} are not accounts of one firm", "target")
    what = "move" if source and target else "deposit" if target else "withdrawal"
    result = {"source": source.id if source else 0, "target": target.id if target else 0, "asset": asset.id, "amount": record.amount}
    return _act(registry, record, what, _transfer_text(registry, record), result, who, engine)


def _transfer_text(registry: Definitions, record: ar.Transfer) -> str:
    asset = registry.assets.named(record.asset)
    amount = amount_text(asset, record.amount) if asset is not None else record.asset
    what = "move" if record.source and record.target else "deposit" if record.target else "withdrawal"
    return f"{what} of {amount}" + (f" from {record.source}" if record.source else "") + (f" to {record.target}" if record.target else "")


# ---- setting aside, and the end of it -------------------------------------------------------------------------------------


def hold(registry: Definitions, record: ar.Hold, who: str, engine: EngineLike) -> Act:
    return _set_aside(registry, record, HOLD, record.until_ns, who, engine)


def request_withdrawal(registry: Definitions, record: ar.RequestWithdrawal, who: str, engine: EngineLike) -> Act:
    return _set_aside(registry, record, WITHDRAWAL, 0, who, engine)


def _set_aside(
    registry: Definitions, record: ar.Hold | ar.RequestWithdrawal, kind: Any, until_ns: int, who: str, engine: EngineLike
) -> Act:
    known = registry.assets.named(record.asset)
    amount = amount_text(known, record.amount) if known is not None else record.asset
    text = f"{'hold' if kind == HOLD else 'request of a withdrawal'} of {amount} of {record.account}"
    if (again := _again(registry, record, text)) is not None:
        return again
    asset = checks.find(registry.assets, "asset", record.asset)
    account = _party(registry, "account", record.account)
    if not account.firm:
        raise Refused(
            codes.R_ACCOUNT_NOT_ALLOWED,
            f"{record.account} is an account of the platform or a venue: its money is withdrawn in one step",
            "account",
        )
    if until_ns and until_ns <= engine.time_ns:
        text = f"must be later than now, {units.instant(int(engine.time_ns))}, asked {units.instant(until_ns)}"
        raise bad("until_ns", text, int(engine.time_ns), until_ns)
    id = registry.holds.next_id
    result = {kind: id, "source": account.id, "target": HOLDS_ACCOUNT, "asset": asset.id, "amount": record.amount}
    row = Hold(id, kind, account.id, asset.id, record.amount, record.key, record.note, who, int(engine.time_ns), until_ns)
    return _act(registry, record, kind, text, result, who, engine, row)


def release(registry: Definitions, record: ar.Release, who: str, engine: EngineLike) -> Act:
    return _end(registry, record, record.hold, HOLD, RELEASED, who, engine)


def settle_withdrawal(registry: Definitions, record: ar.SettleWithdrawal, who: str, engine: EngineLike) -> Act:
    return _end(registry, record, record.withdrawal, WITHDRAWAL, PAID, who, engine)


def cancel_withdrawal(registry: Definitions, record: ar.CancelWithdrawal, who: str, engine: EngineLike) -> Act:
    return _end(registry, record, record.withdrawal, WITHDRAWAL, CANCELLED, who, engine)


def _end(
    registry: Definitions, record: Any, id: int, kind: str, ended: Any, who: str, engine: EngineLike
) -> Act:  # fmt: skip
    row = registry.holds.get(id)
    text = _end_text(registry, row, id, kind, ended)
    if (again := _again(registry, record, text)) is not None:
        return again
    if row is None or row.kind != kind:
        raise checks.no_hold(id, kind)
    if row.ended:
        raise Refused(codes.R_HOLD_ENDED, f"{kind} {id} was {row.ended} at {units.instant(row.ended_ns)}", kind, asked=id)
    return _act(registry, record, ended, text, _end_result(row, kind, ended), who, engine, _ended(row, ended, engine))


def expire(registry: Definitions, record: ar.ExpireHold, who: str, engine: EngineLike) -> Act:
    row = registry.holds.get(record.hold)
    if row is None or not row.until_ns:
        raise checks.no_hold(record.hold, HOLD)
    if row.ended:
        raise Refused(codes.R_HOLD_ENDED, f"hold {row.id} was {row.ended} at {units.instant(row.ended_ns)}", "hold", asked=row.id)
    if row.until_ns > engine.time_ns:
        raise bad("hold", f"hold {row.id} lasts until {units.instant(row.until_ns)}", row.until_ns, int(engine.time_ns))
    text = _end_text(registry, row, row.id, HOLD, EXPIRED)
    return _act(registry, record, EXPIRED, text, _end_result(row, HOLD, EXPIRED), who, engine, _ended(row, EXPIRED, engine))


def _end_text(registry: Definitions, row: Hold | None, id: int, kind: str, ended: str) -> str:
    verbs = {RELEASED: "release", EXPIRED: "expiry", PAID: "payment", CANCELLED: "cancellation"}
    text = f"{verbs[ended]} of {kind} {id}"
    if row is None:
        return text
    return f"{text}, {amount_text(registry.assets[row.asset], row.amount)} of {registry.accounts[row.account].name}"


def _end_result(row: Hold, kind: str, ended: str) -> dict[str, int]:
    target = 0 if ended == PAID else row.account
    return {kind: row.id, "source": HOLDS_ACCOUNT, "target": target, "asset": row.asset, "amount": row.amount, "account": row.account}


def _ended(row: Hold, ended: Any, engine: EngineLike) -> Hold:
    return Hold(row.id, row.kind, row.account, row.asset, row.amount, row.key, row.note, row.who, row.at_ns, row.until_ns, ended,
                int(engine.time_ns))  # fmt: skip


# ---- shared ------------------------------------------------------------------------------------------------------------


def _party(registry: Definitions, key: str, name: str) -> Account:
    """An account that a record names. Raises Refused."""
    account: Account = checks.find(registry.accounts, key, name)
    if account.id == HOLDS_ACCOUNT:
        raise Refused(codes.R_ACCOUNT_NOT_ALLOWED, f"{name} has the money of all holds: release a hold instead", key)
    checks.refuse_closed("account", account, key)
    return account


def _again(registry: Definitions, record: Any, text: str) -> Act | None:
    """The answer to a record whose key was used before; None: it was not. Raises Refused if the key was used for something else."""
    done = registry.done.get(record.key)
    if done is None:
        return None
    if done.digest != ar.content_digest(record):
        was = f"{done.text}" + (f' ("{done.note}")' if done.note else "")
        raise Refused(
            codes.R_IDEMPOTENCY, f'"{record.key}" was used for a {was} at {units.instant(done.at_ns)}; asked: {text}', "key", fixed=True
        )
    text = f'"{record.key}" was carried out before: nothing was done again'
    return Act(record.key, text, [], checks.nothing, {**done.result, "done_before": 1}, changed=())


def _act(
    registry: Definitions, record: Any, what: str, text: str, result: dict[str, int], who: str, engine: EngineLike, hold: Hold | None = None
) -> Act:
    """One row from `source` to `target`, and what is remembered of it."""
    asset = registry.assets[result["asset"]]
    own = isinstance(record, ar.ExpireHold)
    key, digest = (OWN_KEY.format(result["hold"]), b"") if own else (record.key, ar.content_digest(record))
    note = "" if own else record.note
    event = state.Header(engine.m).next_event
    done = Done(digest, result, what, text, note, who, int(engine.time_ns), event)

    def commit() -> None:
        registry.put_done(key, done)
        if hold is not None:
            registry.holds.put(hold)

    def explain(code: int) -> str:
        return _too_much(registry, result, asset, engine) if code == codes.R_WITHDRAW_TOO_MUCH else ""

    row = rows_of.transfer(result["source"], result["target"], asset.id, result["amount"])
    as_number = f" as {hold.kind} {hold.id}" if hold is not None and not hold.ended else ""
    return Act(text, f"{text} done{as_number}", [row], commit, result, explain)


def _too_much(registry: Definitions, result: dict[str, int], asset: Asset, engine: EngineLike) -> str:
    """What is there, and why the rest of it cannot be had."""
    account = registry.accounts[result["source"]]
    cash, locked = state.balance(engine.m, account.id, asset.id) or (0, 0)
    held = registry.holds.held(account.id, asset.id)
    parts = [f"{amount_text(asset, cash - locked)} of its {amount_text(asset, cash + held)} is available"]
    if locked:
        parts.append(f"{amount_text(asset, locked)} is locked by orders and positions")
    if held:
        parts.append(f"{amount_text(asset, held)} is on hold")
    return f"{', '.join(parts)}; asked {amount_text(asset, result['amount'])}"
