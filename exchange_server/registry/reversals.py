"""Putting right what has been paid: correction of a final result, recovery of the debts it left, and the bond that stands for them."""

from config import admin_records as ar
from protocol import codes

from ..core import layout as L
from . import checks, finals, settlement
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused
from .tables import Account, Determination, Event

BOND = ".BOND"  # ending of the name of a venue's bond account


def bond_of(registry: Definitions, venue: str) -> int:
    """Id of the venue's bond account, 0: it has none."""
    account = registry.accounts.named(venue + BOND)
    return account.id if account is not None else 0


def bond(registry: Definitions, record: ar.Bond, engine: EngineLike) -> Act:
    """Open the bond account of a venue: money on it stands for the debts that a correction or bust leaves."""
    venue = checks.find(registry.venues, "venue", record.venue)
    name = venue.name + BOND
    old = registry.accounts.named(name)
    if old is not None and old.firm:
        raise Refused(codes.R_BAD_DEFINITION, f"{name} is an account of a firm already", "venue")
    if old is not None:
        return checks.unchanged("account", name, old.id)
    id = checks.room(registry.accounts, engine, "accounts")
    checks.hash_room(engine, "names", L.P_NAME_HASH, 1)
    account = Account(id, name, 0, codes.ACCT_FEES, venue.id)
    row = rows_of.account(id, 0, codes.ACCT_FEES, 0, venue.id, name)
    text = f"{name} is open: deposits to it are the bond of {venue.name}"
    return Act(f"venue {venue.name}", text, [row], lambda: registry.put_account(account), {"id": id, "account": name})


def correct(registry: Definitions, event: Event, record: ar.Correct, who: str, engine: EngineLike) -> Act:
    """Reversing entries: each account gets or pays the difference of the payouts on its position at settlement. Called by disputes.py."""
    if record.payouts == event.determinations[-1].record.payouts:
        raise Refused(codes.R_SAME_RESULT, f"{event.name} has been paid by these payouts", "payouts")
    result = record.determine()
    version = settlement.checked(event, result)
    kept = Determination(version, who, int(engine.time_ns), result, kind="corrected", until_ns=int(engine.time_ns))
    text = f"{event.name} is corrected: version {version} is final, every account has the difference"

    def commit() -> None:
        registry.put_event(settlement.new_version(event, kept))

    rows = [rows_of.reverse(event.id, version, record.payouts, bond_of(registry, event.record.owner_venue))]
    return Act(f"event {event.name}", text, rows, commit, {}, told=lambda: finals.paid(engine, event, version, text))


def recover(registry: Definitions, record: ar.Recover, engine: EngineLike) -> Act:
    """What the debtors of an event, its venue's bond and the platform can pay now of what a correction or bust left."""
    event = settlement.event_contract(registry, record.event)
    version = len(event.determinations)
    text = f"{event.name}: what can be paid of its debts has been paid"
    rows = [rows_of.reverse(event.id, 0, (), bond_of(registry, event.record.owner_venue))]
    said = {codes.R_NOT_FINAL: "it is not final", codes.R_NOTHING_OWED: "no account owes anything from it"}
    return Act(
        f"event {event.name}", text, rows, checks.nothing, {}, lambda code: said.get(code, ""),
        told=lambda: finals.paid(engine, event, version, text),
    )  # fmt: skip
