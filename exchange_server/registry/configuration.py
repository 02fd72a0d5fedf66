"""A configuration as one act: all of its records take effect, or none.

First all records are tried on a copy of the tables, with a count of the rows that the core's tables would hold (`try_out`). The configuration
is carried out only if every record passes. A start, `exos config apply`, its --dry-run and `exos config check` all use the same trial.
If the core refuses a row after that, the fault is in the program (RegistryBroken), not in the configuration.
"""

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from protocol import codes, numbers, phases

from .. import state
from ..core import layout as L
from ..core.layout import definitions as d
from ..core.layout import plain
from . import access, acts, admission, checks
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refusal, Refused, bad
from .revisions import Ask

MONEY_MAX = 1 << 61  # core/money/transfers.py; a test compares the two


NEW, CHANGED, SAME, PASSED = "new", "changed", "same", "passed"


class Change(msgspec.Struct, frozen=True):
    """What one record would do: "new", "changed" (`fields` differ), "same", or "passed" (the first phase of a market that already exists)."""

    record: int
    kind: str
    fields: tuple[str, ...] = ()


class Trial(NamedTuple):
    """What a configuration would do. It is carried out only when there is no refusal. `after`: the definitions as they would be then, a layer
    on those that are. `acts`: of the records that are new or changed, in order. `core`: with the rows of all of them counted."""

    changes: list[Change]
    refusals: list[Refusal]
    after: Definitions
    acts: list[Act]
    core: "DryCore | None" = None

    def ask(self, record: ar.Configuration) -> Ask:
        """What of the configuration is new or changed. The first phase of a new market is part of the market."""
        rows = (
            (record.records[change.record], change)
            for change in self.changes
            if change.kind in (NEW, CHANGED) and change.record < len(record.records)
        )
        return Ask(record, tuple((one, change.fields) for one, change in rows if not isinstance(one, ar.SetPhase)))

    def to_do(self) -> list[int]:
        """The records that are new or changed."""
        return [change.record for change in self.changes if change.kind in (NEW, CHANGED)]

    def count(self, kind: str) -> int:
        return sum(change.kind == kind for change in self.changes)


class DryCore:
    """Takes the engine's place while a configuration is tried: counts the rows that would be added to the core's tables, and changes nothing."""

    def __init__(self, engine: EngineLike) -> None:
        self.capacities = engine.capacities
        self.time_ns = engine.time_ns
        self.row_seq = engine.row_seq
        self.m: Words = state.header_copy(engine.m)
        self.real = engine.m
        self._named: set[tuple[int, int]] = set()
        self._balances: dict[tuple[int, int], int] = {}
        self._external: dict[int, int] = {}

    def step_rows(self, rows: Words, words: int, sink: Any) -> int:  # noqa: ARG002 (EngineLike)
        return 0

    def take(self, registry: Definitions, rows: list[Words], tried: Definitions) -> None:
        """Count the room that these rows need. `registry`: the real one; `tried`: includes the records tried so far. Raises Refused."""
        names = listings = exceptions = 0
        for flat in rows:
            at = 0
            while at < len(flat):
                head = int(flat[at])
                kind, extra = plain.kind_of(head), plain.extra_of(head)
                if kind == codes.C_DEF_LISTING:
                    listings += 1
                elif kind == codes.C_DEF_ACCOUNT:
                    names += self._is_new(registry.accounts, kind, int(flat[at + d.DC_ID]))
                elif kind == codes.C_DEF_INSTRUMENT:
                    names += self._is_new(registry.instruments, kind, int(flat[at + d.DI_ID]))
                elif kind == codes.C_ACCESS:
                    exceptions += bool(flat[at + d.DG_FIRM] and flat[at + d.DG_VALUE])
                elif kind == codes.C_PHASE:
                    state.count_events(self.m, 1)
                elif kind == codes.C_TRANSFER:
                    state.count_events(self.m, 1)
                    self._deposit(registry, flat[at : at + L.CMD_WORDS], tried)
                at += (1 + extra) * L.CMD_WORDS
        self._take_room("names", L.P_NAME_HASH, names)
        self._take_room("listings", L.P_LISTING, listings)
        self._take_room("pairs", L.P_PAIR_HASH, listings + exceptions)

    def _take_room(self, what: str, pool: int, count: int) -> None:
        if count:
            checks.hash_room(self, what, pool, count)
            self._use(pool, count)

    def _use(self, pool: int, count: int) -> None:
        state.count_rows(self.m, pool, count)

    def _is_new(self, table: Any, kind: int, id: int) -> bool:
        """Whether this thing gets a name in the core."""
        if (kind, id) in self._named or table.get(id) is not None:
            return False
        self._named.add((kind, id))
        return True

    def fee_balances(self, count: int) -> None:
        """Count the room that the fee accounts of a new listing may need, as if none of them had a balance yet."""
        self._use(L.P_BALANCE, count)
        self._use(L.P_PAIR_HASH, count)

    def _deposit(self, registry: Definitions, row: Words, tried: Definitions) -> None:
        account, asset, amount = int(row[d.DT_TO]), int(row[d.DT_ASSET]), int(row[d.DT_AMOUNT])
        key = (account, asset)
        if key not in self._balances:
            known = registry.accounts.get(account) is not None and registry.assets.get(asset) is not None
            held = state.balance(self.real, account, asset) if known else None
            self._balances[key] = held[0] if held is not None else 0
            if held is None:
                checks.hash_room(self, "balances", L.P_BALANCE, 1)
                checks.hash_room(self, "pairs", L.P_PAIR_HASH, 1)
                self._use(L.P_BALANCE, 1)
                self._use(L.P_PAIR_HASH, 1)
        if asset not in self._external:
            self._external[asset] = state.Asset.of(self.real, asset).external if registry.assets.get(asset) else 0
        self._balances[key] += amount
        self._external[asset] += amount
        if self._balances[key] >= MONEY_MAX or self._external[asset] >= MONEY_MAX:
            limit = numbers.unscaled(MONEY_MAX - 1, tried.assets[asset].record.decimals)
            raise Refused(codes.R_OVERFLOW, f"more than {limit} of one asset cannot be held", "amount", MONEY_MAX - 1, amount)


Trying = Generator[int, None, Trial]


def exhausted(work: Trying) -> Trial:
    """The trial, without a pause."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            trial: Trial = done.value
            return trial


def try_out(registry: Definitions, records: tuple[ar.Configured, ...], engine: EngineLike, askers: tuple[str, ...] = ()) -> Trial:
    """`trying`, in one go."""
    return exhausted(trying(registry, records, engine, askers))


def trying(registry: Definitions, records: tuple[ar.Configured, ...], engine: EngineLike, askers: tuple[str, ...] = ()) -> Trying:
    """Try the records on a layer over the tables, one after the other; nothing else changes. Stops at the first refusal, unless it refuses a
    change of an existing thing that can no longer change: that thing stays as it is, and the trial goes on to find the other differences.
    `askers`: all of them must be allowed each record. Yields after each record how many were tried: who goes on later must see to it that the
    tables are still the same."""
    copy, core = registry.over(), DryCore(engine)
    made: dict[str, int] = {}  # markets that this configuration makes, with their phase
    trial = Trial([], [], copy, [], core)
    for i, record in enumerate(records):
        if i:
            yield i
        try:
            for who in askers:
                if not access.says_what_is(copy, who, record, int(engine.time_ns)):
                    access.authorise(copy, who, record, int(engine.time_ns))
            if isinstance(record, ar.SetPhase) and not _is_first_phase(copy, record, made):
                trial.changes.append(Change(i, PASSED))
                continue
            if isinstance(record, ar.RemoveAccessRule) and not admission.is_there(copy, record):
                trial.changes.append(Change(i, SAME))
                continue
            if isinstance(record, ar.Transfer) and (record.source or not record.target):
                raise bad("source", "a configuration only makes deposits")
            listings_before = len(copy.listings)
            # whether something can be closed is in the real tables of the core, and not in the counts of the trial
            act = acts.plan(
                copy, ar.AdminEnvelope(askers[0] if askers else "check", "", record), engine if isinstance(record, ar.Close) else core
            )
            core.take(registry, act.rows, copy)
            act.commit()
        except Refused as refused:
            trial.refusals.append(msgspec.structs.replace(refused.refusal, record=i))
            if not refused.refusal.fixed:
                break
            continue
        if len(copy.listings) > listings_before:
            core.fee_balances(3)
        if isinstance(record, ar.DefineMarket) and act.changed is None:
            made[record.event] = phases.BY_NAME[record.phase]
        kind = NEW if act.changed is None else CHANGED if act.changed else SAME
        trial.changes.append(Change(i, kind, act.changed or ()))
        if kind != SAME:
            trial.acts.append(act)
    return trial


ADDED = (ar.DefineFirm, ar.DefineAccount, ar.DefineSession, ar.DefineKey, ar.Transfer)  # what a configuration of additions may hold


def check_additions(record: ar.Configuration) -> None:
    """Raises Refused for what is a file's business."""
    for i, one in enumerate(record.records):
        if not isinstance(one, ADDED):
            known = ", ".join(str(kind.__struct_config__.tag) for kind in ADDED)
            raise bad(("records", i), f"additions are of {known}; asked {one.__struct_config__.tag}")
    if record.settings is not None or record.base is not None or record.plan or record.sandbox:
        raise bad("additions", "additions have no settings, base, plan and sandbox")


def refuse_changes(record: ar.Configuration, trial: Trial) -> None:
    """Additions leave what exists as it is: a refusal for the first one that would change it."""
    for change in trial.changes:
        if change.kind == CHANGED and not trial.refusals:
            one = record.records[change.record]
            text = f"{' '.join(ar.identity(one) or ())} exists with other {', '.join(change.fields)}"
            trial.refusals.append(Refusal(code=codes.R_BAD_DEFINITION, sentence=text, key=("records", change.record), record=change.record))


def _is_first_phase(copy: Definitions, record: ar.SetPhase, made: dict[str, int]) -> bool:
    """True: the market is one that this configuration creates; the phase of an existing market does not change. Raises Refused."""
    checks.find(copy.events, "event", record.event)
    if record.event not in made:
        return False
    old, new = made[record.event], phases.BY_NAME[record.phase]
    if not phases.may_set(old, new):
        raise bad("phase", f"a new market that is {phases.name(old)} cannot become {record.phase}")
    made[record.event] = new
    return True


def carry_out(registry: Definitions, trial: Trial, step: Callable[[list[Words]], None]) -> list[str]:
    """Carry out a trial without refusals; returns a sentence for each record that changed something. `step` lets the real core step all rows:
    they have the ids that the trial gave, and the trial's tables become the real ones."""
    assert not trial.refusals
    rows = [row for act in trial.acts for row in act.rows]
    # A new grid cancels orders, and how many is not known before: last, so that the numbers of the other rows' events are those of the trial.
    rows.sort(key=lambda row: plain.kind_of(int(row[0])) == codes.C_BANDS)
    if rows:
        step(rows)
    registry.fold(trial.after)
    return [act.text for act in trial.acts]
