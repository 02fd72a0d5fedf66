"""Assets, venues, firms, accounts, sessions: check a definition against the existing ones, assign ids, build its rows.

Each function returns an Act and changes nothing; Registry.apply steps the rows and then calls `commit`.
"""

import msgspec

from config import admin_records as ar
from config.key_records import OWN_SUFFIX
from protocol import codes, units

from ..core import layout as L
from ..core.layout import plain
from . import admission, checks, keys, quotas
from . import rows as rows_of
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad
from .tables import Account, Asset, Firm, Session, Venue

TIME_FORMS = {0: L.FORM_TIME_SECONDS, 3: L.FORM_TIME_MILLIS, 6: L.FORM_TIME_MICROS, 9: L.FORM_TIME_NANOS}  # by decimals
WIRES = {"fix": codes.WIRE_FIX, "binary": codes.WIRE_BINARY}


def asset(registry: Definitions, record: ar.DefineAsset, engine: EngineLike) -> Act:
    old = registry.assets.named(record.name)
    if old is not None:
        record = ar.keeping(old.record, record)
        changed = checks.changes(old.record, record, f"asset {record.name}")
        if not changed:
            return checks.unchanged("asset", record.name, old.id)
        text = f"asset {record.name} changed"
        return Act(record.name, text, [], lambda: registry.assets.put(Asset(old.id, record)), {"id": old.id}, changed=changed)
    id = checks.room(registry.assets, engine, "assets")
    row = rows_of.asset(id, record.decimals, record.name)
    return Act(f"asset {record.name}", f"asset {record.name} defined", [row], lambda: registry.assets.put(Asset(id, record)), {"id": id})


def venue(registry: Definitions, record: ar.DefineVenue, engine: EngineLike) -> Act:
    _throttle(record)
    if record.cutoff_offset_ns >= record.cutoff_period_ns:
        raise bad("cutoff_offset_ns", f"must be below the period {units.duration(record.cutoff_period_ns)}, asked {units.duration(record.cutoff_offset_ns)}",
                  record.cutoff_period_ns, record.cutoff_offset_ns)  # fmt: skip
    name = f"venue {record.name}"
    old = registry.venues.named(record.name)
    if old is not None:
        record = ar.keeping(old.record, record)
        changed = checks.changes(old.record, record, name)
        if not changed:
            return checks.unchanged("venue", record.name, old.id)
        row = rows_of.venue(old.id, old.fee_account, record, registry.quotas.get(old.id))
        return Act(
            name,
            f"{name} changed",
            [row],
            lambda: registry.venues.put(Venue(old.id, old.fee_account, record)),
            {"id": old.id},
            changed=changed,
        )
    fees_name = f"{record.name}.FEES"
    if registry.accounts.named(fees_name) is not None:
        raise bad("name", f"the venue's fee account would be {fees_name}, which exists already")
    id = checks.room(registry.venues, engine, "venues")
    account_id = checks.room(registry.accounts, engine, "accounts")
    checks.hash_room(engine, "names", L.P_NAME_HASH, 1)
    account = Account(account_id, fees_name, 0, codes.ACCT_FEES, id)

    def commit() -> None:
        registry.put_account(account)
        registry.venues.put(Venue(id, account_id, record))

    rows = [rows_of.venue(id, account_id, record), rows_of.account(account_id, 0, codes.ACCT_FEES, 0, id, fees_name)]
    return Act(name, f"{name} defined", rows, commit, {"id": id, "fee_account": account_id})


def _throttle(record: ar.DefineVenue | ar.DefineSession) -> None:
    if bool(record.throttle_limit) != bool(record.throttle_window_ns):
        raise bad(
            "throttle_limit", f"limit and window go together, asked {record.throttle_limit} in {units.duration(record.throttle_window_ns)}"
        )


def firm(registry: Definitions, record: ar.DefineFirm, engine: EngineLike) -> Act:
    if record.venue:
        checks.find(registry.venues, "venue", record.venue)
    old = registry.firms.named(record.name)
    if old is not None:
        record = ar.keeping(old.record, record)
        changed = checks.changes(old.record, record, f"firm {record.name}")
        if not changed:
            return checks.unchanged("firm", record.name, old.id)
        checks.refuse_closed("firm", old, "name")
        return Act(
            record.name,
            f"firm {record.name} changed",
            [rows_of.firm(old.id, record)],
            lambda: registry.firms.put(Firm(old.id, record)),
            {"id": old.id},
            changed=changed,
        )
    id = checks.room(registry.firms, engine, "firms")
    access_rows, admissions = admission.for_firm(registry, engine, id, admission.UNKNOWN)

    def commit() -> None:
        registry.firms.put(Firm(id, record))
        if admissions:
            registry.put_admissions(admissions)

    return Act(f"firm {record.name}", f"firm {record.name} defined", [rows_of.firm(id, record), *access_rows], commit, {"id": id})


def account(registry: Definitions, record: ar.DefineAccount, engine: EngineLike) -> Act:
    firm = checks.find(registry.firms, "firm", record.firm)
    venue = checks.find(registry.venues, "venue", record.venue).id if record.venue else 0
    old = registry.accounts.named(record.name)
    if old is not None:
        if old.record is None:
            raise bad("name", f"{record.name} is an account of the platform or a venue")
        checks.changes(old.record, record, f"account {record.name}")
        return checks.unchanged("account", record.name, old.id)
    checks.refuse_closed("firm", firm, "firm")
    id = checks.room(registry.accounts, engine, "accounts")
    account = Account(id, record.name, firm.id, codes.ACCT_TRADING, venue, 0, record)
    row = rows_of.account(id, firm.id, codes.ACCT_TRADING, 0, venue, record.name)
    return Act(f"account {record.name}", f"account {record.name} defined", [row], lambda: registry.put_account(account), {"id": id})


def session(registry: Definitions, record: ar.DefineSession, engine: EngineLike) -> Act:
    firm = checks.find(registry.firms, "firm", record.firm)
    venue = checks.find(registry.venues, "venue", record.venue).id if record.venue else 0
    account = checks.find(registry.accounts, "account", record.account) if record.account else None
    if account is not None and account.firm != firm.id:
        raise Refused(codes.R_ACCOUNT_NOT_ALLOWED, f"{record.account} does not belong to firm {record.firm}", "account")
    if venue and registry.venues[venue].record.isolated_accounts and account is not None and account.venue != venue:
        text = f"venue {record.venue} takes only accounts that are bound to it, and {record.account} is not"
        raise Refused(codes.R_ACCOUNT_NOT_ISOLATED, text, "account")
    _throttle(record)
    _check_login(registry, record)
    own = keys.own(registry, record, engine)
    shown = record.without_verifier()
    old = registry.sessions.named(record.name)
    changed: tuple[str, ...] | None = None
    if old is not None:
        changed = checks.changes(old.record, shown, f"session {record.name}")
        changed += ("verifier",) if own is not None else ()
        if not changed:
            return checks.unchanged("session", record.name, old.id)
    checks.refuse_closed("session", old, "name")
    checks.refuse_closed("firm", firm, "firm")
    checks.refuse_closed("account", account, "account")
    if old is None:
        quotas.check(registry, record.venue or firm.record.venue, "sessions", 1)
    id = old.id if old is not None else checks.room(registry.sessions, engine, "sessions")
    session = Session(id, firm.id, venue, account.id if account else 0, WIRES[record.wire], shown)
    rows = [session_row(session)]
    # the account's own events (transfers, settlement) go to the first session that has it as its default
    bound = account if account is not None and account.session == 0 else None
    if bound is not None:
        rows.append(rows_of.account(bound.id, bound.firm, bound.kind, id, bound.venue, bound.name))

    def commit() -> None:
        registry.put_session(session)
        if own is not None:
            registry.put_key(own)
        if bound is not None:
            registry.put_account(msgspec.structs.replace(bound, session=id))

    done = "changed" if old is not None else "defined"
    return Act(f"session {record.name}", f"session {record.name} {done}", rows, commit, {"id": id}, changed=changed)


def session_row(session: Session, closed: bool = False) -> Words:
    """The row of a session in the core."""
    record = session.record
    flags = L.SF_CANCEL_ON_DISCONNECT * record.cancel_on_disconnect | L.SF_SETTLEMENT * record.settlement_reports
    our, peer = (record.our_comp_id, record.peer_comp_id) if record.wire == "fix" else ("", record.key)
    return rows_of.session(
        session.id, session.firm, session.venue, session.account, session.wire, flags, record, our, peer, _form(record), closed=closed
    )


def _form(record: ar.DefineSession) -> int:
    """How FIX messages to this session are written (core: S_FORM)."""
    return plain.pack_form(L.FORM_OWN_FIELDS * (not record.standard_dictionary), TIME_FORMS[record.timestamp_decimals])


def _check_login(registry: Definitions, record: ar.DefineSession) -> None:
    """A FIX session has CompIDs, and a user name if it has a password; a binary one has a key. Never both kinds, and no two sessions share a
    login."""
    fix = {"our_comp_id": record.our_comp_id, "peer_comp_id": record.peer_comp_id, "username": record.username}
    binary = {"key": record.key}
    wanted, foreign = (fix, binary) if record.wire == "fix" else (binary, fix)
    if record.wire == "fix" and not record.verifier and record.name + OWN_SUFFIX not in registry.keys:
        del wanted["username"]
    for key, value in wanted.items():
        if not value:
            raise bad(key, f"a {record.wire} session needs one")
    for key, value in foreign.items():
        if value:
            raise bad(key, f"a {record.wire} session has none")
    if record.wire != "fix" and (not record.standard_dictionary or record.timestamp_decimals != 3):
        raise bad("timestamp_decimals" if record.standard_dictionary else "standard_dictionary", f"a {record.wire} session has none")
    if record.wire == "fix":
        other = registry.fix_session(record.our_comp_id, record.peer_comp_id)
    else:
        other = registry.binary_session(record.key)
    if other is not None and other.name != record.name:
        raise bad("peer_comp_id" if record.wire == "fix" else "key", f"session {other.name} has the same login")
