"""The core with risk, collateral, ledger and events: Engine.apply over the named flow, one order alone, and replay from the journal.

Figures are commands per second of this thread's processor time; the note has the wall-clock figure. The arena is pre-faulted before the
clock starts, because a server pays for page faults only once. Every line checks its results: one first answer for
each command, at most a tenth refused, and all invariants of ledger, collateral and books afterwards.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from exchange_server.core import layout as L
from exchange_server.engine import Engine
from exchange_server.gateway.binary.encoder import evidence_text
from exchange_server.gateway.encoders import Router
from exchange_server.gateway.evidence import Evidence
from exchange_server.journal.event_store import EventStore
from exchange_server.journal.recover import recover
from exchange_server.journal.runner import Threads
from exchange_server.wires import binary_in, binary_out
from protocol import codes as C
from tests.flows import NamedFlow

from .journal_rows import file_system
from .messages import binary_frames
from .rig import AnswerWrong, Counts, Result, Timed, apply_all, core_flow, cut, empty_engine, engine_of, kinds_of, nothing, timed

PASSES = 3
PER_TURN = 1_000
REPLAYS = 5  # the median counts: single ones differ by a half on a shared machine


def ready(flow: NamedFlow) -> Engine:
    """An engine with the flow's world and resting orders, its memory pre-faulted."""
    engine = engine_of(flow)
    apply_all(engine, cut(engine, flow.preload, min(100, len(flow.preload)))[0])
    return engine


def line(name: str, title: str, commands: int, resting: int, aim: float) -> list[Result]:
    """One flow at 1,000, 64 and 1 commands a turn; the first is the figure reported (median of three parts)."""
    flow = core_flow(name, commands, resting)
    engine = ready(flow)
    parts = np.array_split(flow.flow, PASSES + 3)
    counts = Counts()
    cuts, n = cut(engine, parts[0], min(PER_TURN, len(parts[0])))
    apply_all(engine, cuts, counts)
    refused = counts.check(kinds_of(parts[0][:n]), name)
    taken: list[Timed] = []
    for part in parts[1 : PASSES + 1]:
        cuts, n = cut(engine, part, min(PER_TURN, len(part)))
        taken.append(timed(n, lambda cuts=cuts: apply_all(engine, cuts)))  # type: ignore[misc]
    best = sorted(taken, key=lambda t: t.rate)[PASSES // 2]
    found = [Result("core", f"{title}, {PER_TURN:,} a turn", best.rate, "commands/s", aim,
        note=f"{best.ns:.0f} ns; by the wall {best.wall_rate:,.0f}/s; refused {100 * refused:.2f} %")]  # fmt: skip
    for per, part in ((64, parts[-2]), (1, parts[-1][:10_000])):
        cuts, n = cut(engine, part, per)
        t = timed(n, lambda cuts=cuts: apply_all(engine, cuts))  # type: ignore[misc]
        found.append(
            Result("core", f"{title}, {per} a turn", t.rate, "commands/s", 0, note=f"{t.ns:.0f} ns; by the wall {t.wall_rate:,.0f}/s")
        )
    if broken := engine.check():
        raise AnswerWrong(f"{name}: {broken}")
    return found


def kept(title: str, commands: int, resting: int) -> list[Result]:
    """The named flow with its events put into the event store, as a server does."""
    flow = core_flow("named", commands, resting)
    engine = ready(flow)
    folder = Path(tempfile.mkdtemp(prefix="exos-bench-", dir=Path.cwd()))
    try:
        disk = file_system(folder)
        store = EventStore(folder, runner=Threads())
        store.go_to(engine.event_seq)
        cuts, n = cut(engine, flow.flow, min(PER_TURN, len(flow.flow)))
        first = engine.event_seq
        t = timed(n, lambda: apply_all(engine, cuts, store.append))
        events = engine.event_seq - first
        if store.next_number != engine.event_seq:
            raise AnswerWrong(f"{title}: {store.next_number} events kept of {engine.event_seq}")
        store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [Result("core", f"{title}, {PER_TURN:,} a turn", t.rate, "commands/s", 0,
        note=f"{t.ns:.0f} ns; by the wall {t.wall_rate:,.0f}/s; {events / n:.2f} events of {L.EVT_WORDS * 8} bytes a command, {disk}")]  # fmt: skip


def core(scale: float = 1.0) -> list[Result]:
    """Named flow, with its events kept, the 32-of-48 group alone, a 133-of-200 group alone, few resting orders."""
    n, resting = int(300_000 * scale), int(100_000 * scale)
    return [
        *line("named", f"core, named flow, {resting:,} resting", n, resting, 2e6),
        *kept("core, named flow, events kept", n, resting),
        *line("group", f"core, one 32-of-48 group, {resting:,} resting", n, resting, 1e6),
        *line("large", f"core, one 133-of-200 group, {resting:,} resting", n, resting, 2.5e6),
        *line("shallow", "core, shallow (500 resting)", n, resting, 0),
    ]


def alone(scale: float = 1.0) -> list[Result]:
    """One order alone: apply(), and bytes to bytes without I/O (decode kernel, apply, encode kernel of the binary wire). Medians."""
    resting, n = int(100_000 * scale), max(int(10_000 * scale), 60)
    flow = core_flow("named", 2 * n + 100, resting)
    engine = ready(flow)
    cuts, _ = cut(engine, flow.flow[:n], 1)
    times = []
    for words in cuts:
        began = time.perf_counter_ns()
        engine.apply(words, len(words), nothing)
        times.append(time.perf_counter_ns() - began)
    found = [Result("alone", "one order alone: apply()", statistics.median(times) / 1e3, "us", 3, False,
        f"p99 {np.percentile(times, 99) / 1e3:.1f} us, {resting:,} resting")]  # fmt: skip
    # bytes to bytes
    rows = flow.flow[n : 2 * n]
    frames = [np.frombuffer(f + bytes(64), np.uint8).copy() for f in binary_frames(rows)]
    sessions = (rows[:, L.CMD_SESSION_ACCOUNT] >> 32).tolist()
    inbox = np.zeros(8 * L.CMD_WORDS, np.int64)
    conn, res = np.zeros(L.CN_WORDS, np.int64), np.zeros(L.RES_WORDS, np.int64)
    out, index = np.zeros(1 << 16, np.uint8), np.zeros(binary_out.index_words(engine.m), np.int64)
    router, evidence = Router(engine, 64), Evidence(engine, evidence_text).words
    bytes_out = messages = 0
    times = []

    def sink(events: np.ndarray) -> None:
        nonlocal bytes_out, messages
        if binary_out.encode(events, router.route(events), out, index, res, evidence) != L.ENC_DONE:
            raise AnswerWrong("the encode kernel wants more room")
        messages += int(res[L.RES_MESSAGES])
        for i in range(int(res[L.RES_INDEX])):
            at, length = int(index[3 * i + L.IX_OFFSET]), int(index[3 * i + L.IX_LENGTH])
            bytes_out += len(out[at : at + length].tobytes())

    for frame, session in zip(frames, sessions):
        began = time.perf_counter_ns()
        inbox[0], inbox[1], inbox[2], inbox[3] = C.C_TIME, engine.turn + 1, engine.time_ns + 1, 0
        conn[L.CN_SESSION], conn[L.CN_BUDGET] = session, 8
        binary_in.decode(frame, 0, len(frame) - 64, conn, inbox, L.CMD_WORDS, res)
        engine.apply(inbox, int(res[L.RES_OUT]), sink)
        times.append(time.perf_counter_ns() - began)
    if messages < len(frames):
        raise AnswerWrong(f"{len(frames)} commands, {messages} answers")
    found.append(Result("alone", "one order alone: bytes to bytes, no I/O", statistics.median(times) / 1e3, "us", 12, False,
        f"p99 {np.percentile(times, 99) / 1e3:.1f} us, binary, {bytes_out // len(frames)} bytes of answers a command"))  # fmt: skip
    if broken := engine.check():
        raise AnswerWrong(f"alone: {broken}")
    return found


def replay(scale: float, folder: Path) -> list[Result]:
    """The named flow written to a journal and recovered from it, against the same rows live, in turn. Both put their events into an event store: a server
    keeps them, and a replay makes them again. A replay also reads the journal and checks its hashes."""
    n, resting = int(1_000_000 * scale), int(100_000 * scale)
    flow = core_flow("named", n, resting)
    rows = np.concatenate([flow.preload, flow.flow])

    def make(_: object) -> Engine:
        engine = empty_engine(flow)
        engine.warm()
        return engine

    recovered = recover(folder, 1, make, Threads(), mode="async")
    engine = recovered.engine

    def put(words: np.ndarray) -> None:
        ticket = recovered.journal.append(words, engine.row_seq)
        engine.apply(words, len(words), recovered.store.append)
        recovered.journal.wait(ticket)

    put(flow.definitions.copy())
    cuts, count = cut(engine, rows, min(PER_TURN, resting))
    for words in cuts:
        put(words)
    digest = engine.digest()
    recovered.store.close()
    recovered.journal.close()
    alive, reports = [], []
    for _ in range(REPLAYS):
        same = make(None)
        apply_all(same, [flow.definitions.copy()])
        with tempfile.TemporaryDirectory(prefix="exos-bench-", dir=folder) as events:
            store = EventStore(events, runner=Threads())
            store.go_to(same.event_seq)
            alive.append(timed(count, lambda: apply_all(same, cuts, store.append)))  # type: ignore[misc]  # noqa: B023
            store.close()
        fresh = make(None)
        back = recover(folder, 1, lambda _, fresh=fresh: fresh, Threads(), mode="async")  # type: ignore[misc]
        if back.engine.digest() != digest or same.digest() != digest:
            raise AnswerWrong("replay: the digest differs from the one before")
        reports.append(back.report)
        back.store.close()
        back.journal.close()
    report = sorted(reports, key=lambda each: each.replay_seconds)[REPLAYS // 2]
    live = sorted(alive, key=lambda each: each.wall_rate)[REPLAYS // 2]
    rate = count / report.replay_seconds
    return [Result("replay", f"replay from the journal, {count:,} commands", rate, "commands/s", 0.9 * live.wall_rate,
        note=f"medians of {REPLAYS} in turn; aim: 0.9 x the same rows live, with their events kept too ({live.wall_rate:,.0f}/s by the wall); the whole start, with "
        f"the journal opened for writing: {count / report.seconds:,.0f}/s; {report.line()}")]  # fmt: skip
