"""A configuration as one act: all of its records take effect, or none.

First everything is tried on a copy of the tables with a count of what the core's tables would hold (`check`); only what passes whole is done.
A refusal of the core after that is a fault of the program (RegistryBroken), never of the operator.
"""

from typing import Any, NamedTuple

from config import admin_records as ar
from protocol import codes, numbers, phases

from ..core import layout as L
from ..core.layout import definitions as d
from ..core.layout import plain
from . import acts, checks
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused, bad

MONEY_MAX = 1 << 61  # core/money/transfers.py; a test compares the two


class RecordRefused(Exception):
    """One record of a configuration is refused: its place and why."""

    def __init__(self, index: int, refused: Refused) -> None:
        super().__init__(refused.text)
        self.index, self.code, self.text = index, refused.code, refused.text


class Done(NamedTuple):
    texts: list[str]  # what was done, a sentence each
    unchanged: int


class DryCore:
    """Stands for the engine while a configuration is tried: counts the rows that the core's tables would get, and changes nothing."""

    def __init__(self, engine: EngineLike) -> None:
        self.capacities = engine.capacities
        self.time_ns = engine.time_ns
        self.row_seq = engine.row_seq
        self.m: Words = engine.m[: L.HEADER_WORDS].copy()
        self._real = engine.m
        self._named: set[tuple[int, int]] = set()
        self._balances: dict[tuple[int, int], int] = {}
        self._external: dict[int, int] = {}

    def step_rows(self, rows: Words, words: int, sink: Any) -> int:  # noqa: ARG002 (EngineLike)
        return 0

    def take(self, registry: Definitions, rows: list[Words], decimals: dict[int, int]) -> None:
        """Count what these rows need; `registry` is the real one. Raises Refused."""
        for flat in rows:
            at = 0
            while at < len(flat):
                kind, extra = plain.kind_of(int(flat[at])), plain.extra_of(int(flat[at]))
                if kind == codes.C_DEF_ACCOUNT:
                    self._name(registry.accounts, kind, int(flat[at + d.DC_ID]))
                elif kind == codes.C_DEF_INSTRUMENT:
                    self._name(registry.instruments, kind, int(flat[at + d.DI_ID]))
                elif kind == codes.C_DEF_LISTING:
                    checks.hash_room(self, "listings", L.P_LISTING, 1)
                    checks.hash_room(self, "pairs", L.P_PAIR_HASH, 1)
                    self._use(L.P_LISTING, 1)
                    self._use(L.P_PAIR_HASH, 1)
                elif kind == codes.C_TRANSFER:
                    self._deposit(registry, flat[at : at + L.CMD_WORDS], decimals)
                at += (1 + extra) * L.CMD_WORDS

    def _use(self, pool: int, count: int) -> None:
        self.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED] += count

    def _name(self, table: Any, kind: int, id: int) -> None:
        if table.get(id) is None and (kind, id) not in self._named:
            checks.hash_room(self, "names", L.P_NAME_HASH, 1)
            self._named.add((kind, id))
            self._use(L.P_NAME_HASH, 1)

    def fee_balances(self, count: int) -> None:
        """Room that a new listing's fee accounts may need; counted as if none of them had a balance yet."""
        self._use(L.P_BALANCE, count)
        self._use(L.P_PAIR_HASH, count)

    def _deposit(self, registry: Definitions, row: Words, decimals: dict[int, int]) -> None:
        account, asset, amount = int(row[d.DT_TO]), int(row[d.DT_ASSET]), int(row[d.DT_AMOUNT])
        key = (account, asset)
        if key not in self._balances:
            known = registry.accounts.get(account) is not None and registry.assets.get(asset) is not None
            self._balances[key] = checks.cash_or_none(self._real, account, asset) if known else -1
            if self._balances[key] < 0:
                checks.hash_room(self, "balances", L.P_BALANCE, 1)
                checks.hash_room(self, "pairs", L.P_PAIR_HASH, 1)
                self._use(L.P_BALANCE, 1)
                self._use(L.P_PAIR_HASH, 1)
                self._balances[key] = 0
        if asset not in self._external:
            base = int(self._real[L.H_POOLS + L.P_ASSET * L.POOL_WORDS + L.PL_BASE])
            self._external[asset] = -int(self._real[base + asset * L.ASSET_WORDS + L.A_EXTERNAL]) if registry.assets.get(asset) else 0
        self._balances[key] += amount
        self._external[asset] += amount
        if self._balances[key] >= MONEY_MAX or self._external[asset] >= MONEY_MAX:
            limit = numbers.unscaled(MONEY_MAX - 1, decimals.get(asset, 0))
            raise Refused(codes.R_OVERFLOW, f"amount: more than {limit} of one asset cannot be held", MONEY_MAX - 1, amount)


def check(registry: Definitions, records: tuple[ar.Configured, ...], engine: EngineLike) -> None:
    """Would all of them be taken, one after the other? Changes nothing. Raises RecordRefused for the first that would not."""
    copy, core = registry.copy(), DryCore(engine)
    made: dict[str, int] = {}  # markets that this act makes, with their phase
    for i, record in enumerate(records):
        try:
            if isinstance(record, ar.SetPhase):
                checks.find(copy.events, "event", record.event)
                old, new = made.get(record.event), phases.BY_NAME[record.phase]
                if old is not None and not phases.may_set(old, new):
                    raise bad("phase", f"a new market that is {phases.name(old)} cannot become {record.phase}")
                if old is not None:
                    made[record.event] = new
                continue
            if isinstance(record, ar.Transfer) and (record.source or not record.target):
                raise bad("source", "a configuration only makes deposits")
            new = isinstance(record, ar.DefineMarket) and copy.events.named(record.event) is None
            fees_before = len(copy.listings)
            act = acts.plan(copy, ar.AdminEnvelope("check", "", record), core)
            core.take(registry, act.rows, {row.id: row.record.decimals for row in copy.assets} if isinstance(record, ar.Transfer) else {})
            act.commit()
            if len(copy.listings) > fees_before:
                core.fee_balances(3)
            if new:
                made[record.event] = phases.BY_NAME[record.phase]  # type: ignore[union-attr]
        except Refused as refused:
            raise RecordRefused(i, refused) from None


def carry_out(registry: Definitions, envelope: ar.AdminEnvelope, engine: EngineLike, step: Any) -> Done:
    """Do what `check` has passed. `step(rows)` lets the real core step them."""
    texts: list[str] = []
    unchanged = 0
    made: set[str] = set()
    for record in envelope.record.records:  # type: ignore[union-attr]
        if isinstance(record, ar.SetPhase) and record.event not in made:
            continue
        new = isinstance(record, ar.DefineMarket) and registry.events.named(record.event) is None
        act = acts.plan(registry, ar.AdminEnvelope(envelope.who, envelope.request_id, record), engine)
        if act.rows:
            step(act)
        act.commit()
        if new:
            made.add(record.event)  # type: ignore[union-attr]
        if act.result.get("unchanged") or act.text == "done before":
            unchanged += 1
        else:
            texts.append(act.text)
    return Done(texts, unchanged)
