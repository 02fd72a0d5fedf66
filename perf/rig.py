"""Shared by the rows: an engine with a flow's world, flows cut into turns, clocks, and the format of a result."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.engine import Capacities, Engine
from protocol import codes as C
from tests.flows import START_NS, NamedFlow, named_flow, turns

Words = NDArray[np.int64]
STEP_NS = 1_000_000  # between the turns of a flow


@dataclass
class Result:
    """One line of the table. figure and aim in `unit`; `more_is_better` False: a time or a size. aim: the target; 0: none, the line is for
    comparison.

    void: why the figure does not count (late sends, wrong disk ...); empty: it counts.
    """

    row: str
    name: str
    figure: float
    unit: str
    aim: float = 0.0
    more_is_better: bool = True
    note: str = ""
    void: str = ""
    more: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """1 or more: the target is met."""
        if not self.aim or not self.figure:
            return 0.0
        return self.figure / self.aim if self.more_is_better else self.aim / self.figure


class AnswerWrong(AssertionError):
    """A benchmark computed a wrong result: its figure does not count."""


def nothing(_: Words) -> None:
    """A sink."""


def empty_engine(flow: NamedFlow, orders: int = 0, archive: int = 0) -> Engine:
    """An engine sized for the flow."""
    n = len(flow.preload) + len(flow.flow)
    return Engine(Capacities(
        firms=256, accounts=2_048, sessions=256, events=512, instruments=512, listings=512, balances=8_192, collateral_words=20_000_000,
        orders=orders or len(flow.preload) * 2 + 10_000, nodes=60_000, archive=archive or n + 10_000,
    ))  # fmt: skip


def engine_of(flow: NamedFlow, orders: int = 0, archive: int = 0) -> Engine:
    """An engine that holds the flow's world. Raises AnswerWrong if a definition is refused."""
    engine = empty_engine(flow, orders, archive)
    engine.warm()
    if code := engine.step_rows(flow.definitions, len(flow.definitions), nothing):
        raise AnswerWrong(f"the world of the flow was refused with {code}: {engine.refusal}")
    return engine


def cut(engine: Engine, rows: Words, size: int) -> tuple[list[Words], int]:
    """`rows` in turns that follow the engine's latest: a list of word arrays, each beginning with its TIME row, and the count of commands.
    Commands after the last whole turn are left out."""
    n = len(rows) // size * size
    start = max(engine.time_ns, START_NS) + STEP_NS
    flat = turns(rows[:n], size, start, STEP_NS, engine.turn + 1)
    width = (size + 1) * L.CMD_WORDS
    return [flat[i : i + width] for i in range(0, len(flat), width)], n


@dataclass
class Timed:
    """Seconds of a run: wall-clock time, and processor time of this thread (less affected by other processes)."""

    commands: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """Commands a second of processor time."""
        return self.commands / self.cpu if self.cpu else 0.0

    @property
    def wall_rate(self) -> float:
        return self.commands / self.wall if self.wall else 0.0

    @property
    def ns(self) -> float:
        return 1e9 * self.cpu / self.commands if self.commands else 0.0


def timed(commands: int, work: Callable[[], None]) -> Timed:
    cpu, wall = time.thread_time(), time.perf_counter()
    work()
    return Timed(commands, time.perf_counter() - wall, time.thread_time() - cpu)


def apply_all(engine: Engine, cuts: list[Words], sink: Callable[[Words], None] = nothing) -> None:
    apply = engine.apply
    for words in cuts:
        apply(words, len(words), sink)


class Counts:
    """A sink that counts event rows by (kind, reason)."""

    def __init__(self) -> None:
        self.by: Counter[tuple[int, int]] = Counter()

    def __call__(self, events: Words) -> None:
        heads, counts = np.unique(events.reshape(-1, L.EVT_WORDS)[:, L.EVT_HEAD] & W.pack_event(255, 0, 0, 0, 0xFFF, 0), return_counts=True)
        for head, count in zip(heads.tolist(), counts.tolist()):
            self.by[W.kind_of(head), W.reason_of(head)] += count

    def kind(self, kind: int) -> int:
        return sum(n for (k, _), n in self.by.items() if k == kind)

    def check(self, kinds: Words, name: str) -> float:
        """Check that every command had exactly one first answer; raises AnswerWrong otherwise, or if more than 10 % were refused. Returns
        the share refused."""
        refused = self.kind(C.E_REJECTED) + self.kind(C.E_CANCEL_REJECT)
        asked_cancel = int((kinds == C.C_CANCEL).sum())
        canceled = self.by[C.E_CANCELED, C.R_USER_CANCEL] + self.by[C.E_CANCELED, C.R_REPLACED_TO_FILLED]
        answers = self.kind(C.E_ACCEPTED) + self.kind(C.E_REPLACED) + canceled + refused
        if answers != len(kinds):
            raise AnswerWrong(f"{name}: {len(kinds)} commands, {answers} first answers ({asked_cancel} cancels): {dict(self.by)}")
        if refused > len(kinds) // 10:
            raise AnswerWrong(f"{name}: {refused} of {len(kinds)} commands refused, at most 10 % may be: {dict(self.by)}")
        if self.kind(C.E_FILL) == 0 and len(kinds) > 10_000:
            raise AnswerWrong(f"{name}: nothing traded")
        return refused / len(kinds)


def core_flow(name: str, commands: int, resting: int = 100_000) -> NamedFlow:
    """The flows of the core's rows by name: named, group (32 of 48 alone), group1 (1 of 48 alone), large (133 of 200 alone), shallow."""
    if name == "group":
        return named_flow(7, commands, resting, books=48, group=(32, 48), sessions=64)
    if name == "group1":
        return named_flow(7, commands, resting, books=48, group=(1, 48), sessions=64)
    if name == "large":
        return named_flow(7, commands, resting, books=200, group=(133, 200), sessions=64)
    if name == "shallow":
        return named_flow(7, commands, 500, sessions=64)
    return named_flow(7, commands, resting, sessions=64)


def kinds_of(rows: Words) -> Words:
    return rows[:, L.CMD_HEAD] & 255
