"""Memory: bytes for each of a million resting orders, for each closed id of twenty million, and the memory of a server with the design's
capacities before any order.

Each figure is measured in a separate process (`python -m perf.memory_rows base|orders|ids COUNT` prints one JSON line): resident bytes, before
and after.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .rig import Result

ROOT = Path(__file__).resolve().parent.parent
INSTRUMENTS, ACCOUNTS, ORDERS, IDS = 10_000, 100_000, 1_000_000, 20_000_000
PER_TURN, TURN_NS = 1_000, 100_000_000  # of the closed ids: 10,000 a second


def resident() -> int:
    """Bytes of this process in memory now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def base(instruments: int, accounts: int) -> dict[str, float]:
    """An engine with the default capacities and this many instruments and funded accounts."""
    import numpy as np

    from exchange_server.engine import Engine
    from protocol import codes as C
    from tests.bridge import command_words
    from tests.flows import world

    from .rig import nothing

    rows = world(instruments, (1, min(48, instruments)), accounts, 64, (0, 10))
    for row in rows:
        if row.kind == C.C_TRANSFER:
            row["amount"] = 1 << 40  # the sum of all deposits must fit an int64
    # events of one contract each would pass the capacity for events: the instruments come in groups of 48
    rows = [row for row in rows if row.kind not in (C.C_DEF_EVENT, C.C_DEF_INSTRUMENT, C.C_DEF_LISTING, C.C_PHASE)]
    for event, first in enumerate(range(0, instruments, 48), 1):
        n = min(48, instruments - first)
        some = world(n, (1, n), 0, 1, (0, 10))
        wanted = (C.C_DEF_EVENT, C.C_DEF_INSTRUMENT, C.C_DEF_LISTING, C.C_PHASE)
        for row in (row for row in some if row.kind in wanted):
            if row.kind == C.C_DEF_EVENT:
                row["id"] = event
            elif row.kind == C.C_DEF_INSTRUMENT:
                row["id"], row["event"] = first + row.id, event
            elif row.kind == C.C_DEF_LISTING:
                row["instrument"] = first + row.instrument
            else:
                row["event"] = event
            rows.append(row)
    words = np.concatenate([command_words(row) for row in rows])
    del rows
    before = resident()
    engine = Engine()
    empty = resident() - before
    if code := engine.step_rows(words, len(words), nothing):
        raise AssertionError(f"the world was refused: {code} {engine.refusal}")
    defined = resident() - before - empty
    engine.warm()
    warm = resident() - before - empty - defined
    return {"process": before, "engine": empty, "world": defined, "warm": warm, "reserved": engine.capacities.bytes()}


def orders(count: int) -> dict[str, float]:
    """This many resting orders in the named world; bytes in addition to the base."""
    from protocol import codes as C
    from tests.flows import named_flow

    from .rig import Counts, apply_all, cut, empty_engine, nothing

    flow = named_flow(11, 16, count, sessions=64)
    engine = empty_engine(flow, orders=count + 1_000, archive=4 * count)
    engine.warm(0)  # only the hash tables, which a server pre-faults completely at its start (base), so that the cost of an order shows
    if code := engine.step_rows(flow.definitions, len(flow.definitions), nothing):
        raise AssertionError(f"the world was refused: {code} {engine.refusal}")
    size = min(1_000, count)
    counts = Counts()
    cuts, n = cut(engine, flow.preload, size)
    before = resident()
    apply_all(engine, cuts, counts)
    after = resident()
    accepted = counts.kind(C.E_ACCEPTED)
    if accepted != n:
        raise AssertionError(f"{accepted} of {n} orders rest")
    from exchange_server.core import layout as L

    return {"orders": n, "bytes": after - before, "id_table": 8 * int(engine.m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + L.PL_CAP])}


def ids(count: int, step: int) -> dict[str, float]:
    """So many orders that close at once, in turns of 1,000, on the default capacities; their ids are the multiples of `step`, modulo 2^62.
    `moved`: those of which only the use is kept. `bytes`: what these take in addition to the tables of closed ids, which are full before.
    Raises AssertionError if an order is refused or a repeat is not."""
    import time

    import numpy as np

    from exchange_server.core import layout as L
    from exchange_server.engine import Capacities, Engine
    from protocol import codes as C
    from tests.bridge import command_words
    from tests.flows import START_NS, turns, world
    from tests.model_world import Row

    from .rig import Counts, nothing

    engine = Engine(Capacities(archive=min(Capacities().archive, max(count // 5, 2))))
    engine.warm()
    words = np.concatenate([command_words(row) for row in world(1, (1, 1), 16, 4, (0, 10))])
    if code := engine.step_rows(words, len(words), nothing):
        raise AssertionError(f"the world was refused: {code} {engine.refusal}")
    one = Row(
        kind=C.C_NEW, session=1, account=0, instrument=1, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.IOC, price=1, qty=1, id=1
    )
    rows = np.tile(command_words(one), (PER_TURN, 1))
    counts = Counts()
    filled = resident()
    spent = 0.0

    def send(first: int, turn: int) -> None:
        numbers = (np.arange(first, first + PER_TURN, dtype=np.uint64) * np.uint64(step)) & np.uint64((1 << 62) - 1)
        rows[:, L.CMD_ID_LO] = numbers.view(np.int64)
        flat = turns(rows, PER_TURN, START_NS + turn * TURN_NS, TURN_NS, turn)
        engine.apply(flat, len(flat), counts)

    archive = engine.capacities.archive
    for turn in range(count // PER_TURN):
        if turn * PER_TURN <= archive < (turn + 1) * PER_TURN:
            filled, spent = resident(), time.thread_time()
        send(1 + turn * PER_TURN, turn + 1)
    spent, used = time.thread_time() - spent, resident()
    turns_sent = count // PER_TURN
    if counts.kind(C.E_ACCEPTED) != turns_sent * PER_TURN or counts.kind(C.E_REJECTED):
        raise AssertionError(f"of {count} orders {counts.kind(C.E_ACCEPTED)} were taken")
    firm = int(engine.m[L.H_POOLS + L.P_FIRM * L.POOL_WORDS + L.PL_BASE]) + L.FIRM_WORDS
    moved, forgotten = int(engine.m[firm + L.F_MOVED]), int(engine.m[firm + L.F_FORGOTTEN])
    for again in (0, turns_sent // 4):
        send(1 + again * PER_TURN, turns_sent + 1 + again)
    if counts.by[C.E_REJECTED, C.R_ID_USED_BEFORE] != 2 * PER_TURN:
        raise AssertionError(f"repeats of used ids were answered {dict(counts.by)}")
    return {"moved": moved, "forgotten": forgotten, "bytes": used - filled, "ns": 1e9 * spent / max(moved, 1), "resident": used}


def _child(*arguments: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-m", "perf.memory_rows", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"perf.memory_rows {arguments}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def rows(scale: float = 1.0) -> list[Result]:
    """The lines of the table."""
    found = []
    n = max(int(ORDERS * scale), 1_000)
    got = _child("orders", str(n))
    each = got["bytes"] / got["orders"]
    found.append(Result("memory", f"bytes for each resting order, {n:,} at rest", each, "bytes", 300, False,
        "order row, levels, collateral rows of the accounts; the id table, touched whole at the start, is base: "
        f"{got['id_table'] / (5 * n):.0f} bytes for each of the ids that it is sized for", more=got))  # fmt: skip
    got = _child("base", str(max(int(INSTRUMENTS * scale), 48)), str(max(int(ACCOUNTS * scale), 64)))
    total = (got["process"] + got["engine"] + got["world"] + got["warm"]) / 1e9
    found.append(Result("memory", "base: 10,000 instruments, 100,000 accounts, sized for 1 M orders", total, "GB", 3, False,
        f"process {got['process'] / 1e6:.0f} MB, empty engine {got['engine'] / 1e6:.0f} MB, instruments and accounts "
        f"{got['world'] / 1e6:.0f} MB, tables touched beforehand {got['warm'] / 1e6:.0f} MB; address space {got['reserved'] / 1e9:.1f} GB", more=got))  # fmt: skip
    for title, share, step in (("that count up", 1, 1), ("at random", 4, 0x9E3779B97F4A7C15)):
        n = max(int(IDS * scale) // share // PER_TURN, 5) * PER_TURN
        got = _child("ids", str(n), str(step))
        found.append(Result("memory", f"bytes for each used id {title}, {n:,} closed", got["bytes"] / got["moved"], "bytes", 1.5 if step == 1 else 0, False,
            f"{got['moved']:,.0f} lost their answer, {got['forgotten']:.0f} are forgotten, none was refused and repeats are; {got['ns']:.0f} ns an order that "
            f"closes at once; the whole process {got['resident'] / 1e9:.2f} GB", more=got))  # fmt: skip
    return found


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    runs: dict[str, Callable[..., Any]] = {"base": base, "orders": orders, "ids": ids}
    print(json.dumps(runs[sys.argv[1]](*numbers)))
