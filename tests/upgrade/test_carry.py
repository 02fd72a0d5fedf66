"""A state carried into tables of other sizes: the same logical state, all proofs hold, and it goes on as the one that stayed."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from exchange_server import prefault
from exchange_server.core import layout as L
from exchange_server.core.layout.description import POINTERS, describe
from exchange_server.engine import Capacities, Engine, SystemAct
from exchange_server.upgrade import carry as module
from exchange_server.upgrade.carry import OWN, CarryRefused, carry
from protocol import codes as C
from tests.core.test_budget import BudgetGenerator
from tests.core.test_removed_markets import pay
from tests.core_rig import Core, PairStory, tiny
from tests.model_world import Limits
from tests.random_world import Generator, flow

GROWN = dict(
    assets=9, venues=7, firms=40, accounts=100, sessions=50, events=20, instruments=99, listings=300, balances=900, collateral_words=60_000,
    orders=500, nodes=900, archive=3_000, dirty=64, used_blocks=100,
)  # fmt: skip


def world(seed: int, length: int = 160) -> tuple[Core, list[Any]]:
    """A core in the middle of a random flow, every third with budgets, and the commands that are left."""
    world, commands = flow(seed, length, BudgetGenerator if seed % 3 == 2 else Generator)
    core = Core(tiny(world.limits), world.retention_ns)
    half = len(commands) * 2 // 3
    for row in [*world.rows, *commands[:half]]:
        core.apply(row)
    return core, commands[half:]


def resized(engine: Engine, capacities: Capacities) -> Engine:
    """Another engine with the same state in tables of these capacities."""
    other = Engine.restore(engine.snapshot())
    other.resize(capacities)
    return other


@pytest.mark.parametrize("seed", range(12))
def test_a_state_in_larger_tables_is_the_same_and_goes_on_alike(seed: int) -> None:
    core, left = world(seed)
    before = core.engine.digest()
    grown = resized(core.engine, replace(core.engine.capacities, **{**GROWN, "nodes": core.engine.capacities.nodes}))
    assert grown.digest() == before and grown.check() == []
    again = resized(grown, core.engine.capacities)
    assert again.digest() == before and again.check() == []
    other = Core(core.engine.capacities)
    other.engine, other.m = again, again.m
    for row in left:
        assert other.apply(row) == core.apply(row)
    assert other.engine.digest() == core.engine.digest() and other.engine.check() == []


@pytest.mark.parametrize("seed", range(12, 20))
def test_a_layout_with_every_field_elsewhere_is_read_by_names(seed: int) -> None:
    """The same state in a made-up layout: rows one word longer, every field one word further."""
    core, _ = world(seed)
    foreign, described = shifted(core.engine.m)
    engine = Engine(core.engine.capacities)
    carry(foreign, described, engine.m)
    engine.registry = core.engine.registry
    assert engine.digest() == core.engine.digest() and engine.check() == []


def shifted(m: Any) -> tuple[Any, dict[str, Any]]:
    """The arena of another program: the rows of tables of one width are a word longer, and their fields, but for the first, lie a word further."""
    described = describe()
    wider = {name for name, t in described["tables"].items() if t["how"] in ("by id", "list", "end")}
    out: list[Any] = [m[: L.HEADER_WORDS].copy()]
    at = L.HEADER_WORDS
    places: dict[int, tuple[int, int, int, int]] = {}
    for name, t in described["tables"].items():
        d = L.H_POOLS + t["pool"] * L.POOL_WORDS
        base, width, rows = (int(m[d + i]) for i in range(3))
        block = m[base : base + width * rows].reshape(rows, width)
        if name in wider:
            block = np.insert(block, 1, 77, axis=1)
            t["fields"] = {n: [o + (1 if o else 0), w, p] for n, (o, w, p) in t["fields"].items()}
            if t["pool"] == L.P_TEXT:  # its field begins at the first word
                block = m[base : base + width * rows].reshape(rows, width)
                t["fields"] = {"TEXT": [0, 8, []]}
        places[t["pool"]] = base, width, at, block.shape[1]
        out.append(block.reshape(-1).copy())
        out[0][d : d + 3] = at, block.shape[1], rows
        at += out[-1].size
    new = np.concatenate(out)

    def moved(p: int, pools: list[int]) -> int:
        for pool in pools:
            base, width, to, wide = places[pool]
            rows = int(m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_CAP])
            if p and base <= p < base + rows * width:
                return to + (p - base) // width * wide + (p - base) % width
        return 0

    for name, t in described["tables"].items():
        d = L.H_POOLS + t["pool"] * L.POOL_WORDS
        base, width, rows = (int(new[d + i]) for i in range(3))
        if name in wider:
            new[d + L.PL_FREE] = moved(int(new[d + L.PL_FREE]), [t["pool"]])
            free, p = set(), int(new[d + L.PL_FREE])
            while p:
                free.add(p)
                new[p] = moved(int(new[p]), [t["pool"]])
                p = int(new[p])
            for row in range(base, base + width * int(new[d + L.PL_NEXT]), width):
                for at, words, pools in t["fields"].values():
                    for i in range(at, at + words):
                        if pools and not (row in free and i == 0):
                            new[row + i] = moved(int(new[row + i]), pools)
    for at, words, pools in described["header"].values():
        for i in range(at, at + words):
            if pools:
                new[i] = moved(int(new[i]), pools)
    shift = places[L.P_COLLATERAL][2] - places[L.P_COLLATERAL][0]
    for event in range(int(m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_CAP])):
        old = places[L.P_EVENT][0] + event * L.EVENT_WORDS
        co = int(m[old + L.E_COLL_HEAD]) if event and m[old] == event else 0
        while co:
            for at, _, pools in described["tables"]["collateral_words"]["fields"].values():
                if pools:
                    new[co + shift + at] = moved(int(m[co + at]), pools)
            co = int(m[co + L.CO_NEXT_IN_EVENT])
    spare = places[L.P_SPARE][2]
    for n in range(int(m[L.H_POOLS + L.P_SPARE * L.POOL_WORDS + L.PL_CAP])):
        p = int(new[spare + n])
        new[spare + n] = moved(p, [L.P_COLLATERAL])
        while p:
            new[p + shift] = moved(int(m[p]), [L.P_COLLATERAL])
            p = int(m[p])
    heap = places[L.P_HEAP][2]
    for i in range(int(m[L.H_TIMERS])):
        new[heap + i] = moved(int(new[heap + i]), [L.P_TIMER])
    pairs = places[L.P_PAIR_HASH][2]
    for e in range(pairs, pairs + 4 * int(m[L.H_POOLS + L.P_PAIR_HASH * L.POOL_WORDS + L.PL_CAP]), 4):
        kind = str(int(new[e]) >> 56)
        if kind in described["pairs"]:
            new[e + 2] = moved(int(new[e + 2]), [described["pairs"][kind]])
    new[L.H_ARENA_WORDS] = len(new)
    return new, described


@pytest.mark.parametrize("seed", range(30, 42))
def test_no_pointer_is_undescribed(seed: int) -> None:
    """A word of a row in use that is not a pointer is the same after everything has moved; one that is, has moved with its table."""
    core, _ = world(seed)
    m = core.engine.m
    grown = resized(core.engine, replace(core.engine.capacities, **GROWN))
    for name, table in OWN["tables"].items():
        if table["how"] not in ("by id", "list", "end"):
            continue
        d = L.H_POOLS + table["pool"] * L.POOL_WORDS
        old, new = (a[int(a[d]) : int(a[d]) + int(a[d + 1]) * int(a[d + L.PL_NEXT])].reshape(-1, int(a[d + 1])) for a in (m, grown.m))
        used = np.ones(len(old), bool)
        p = int(m[d + L.PL_FREE])
        while p:
            used[(p - int(m[d])) // int(m[d + 1])] = False
            p = int(m[p])
        pointing = {first + i for first, words, pools in table["fields"].values() if pools for i in range(words)}
        numbers = [i for i in range(table["words"]) if i not in pointing]
        assert np.array_equal(old[used][:, numbers], new[used][:, numbers]), name
        unnamed = set(range(table["words"])) - {first + i for first, words, _ in table["fields"].values() for i in range(words)}
        for i in unnamed:
            assert not old[used][:, i].any(), f"{name}: word {i} of a row is used and has no name in the description"


@pytest.mark.parametrize("seed", range(20))
def test_what_kernels_move_in_threads_is_what_is_moved_field_by_field(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Word for word, but for entries of the ClOrdID table, which may lie in another order; and the old arena is given back behind it."""
    core, _ = world(seed)
    given: list[int] = []
    monkeypatch.setattr(prefault, "give_back", lambda words: given.append(len(words)) or words.fill(-1))  # nothing of it may be read again
    monkeypatch.setattr(module, "SMALL_WORDS", 0)
    monkeypatch.setattr(module, "TASK_WORDS", 200)
    monkeypatch.setattr(module, "PIECE_WORDS", 100)
    capacities = replace(core.engine.capacities, **GROWN)
    fast = resized(core.engine, capacities)
    assert len(given) > 20
    monkeypatch.setattr(module._Carry, "_pointing", lambda *_: None)
    monkeypatch.setattr(module._Carry, "_same_ids", lambda _: False)
    slow = resized(core.engine, capacities)
    ids = (int(fast.m[L.H_POOLS + L.P_ID_HASH * L.POOL_WORDS + word]) for word in (L.PL_BASE, L.PL_CAP))
    base, rows = ids
    table = slice(base, base + rows)
    assert np.array_equal(np.sort(fast.m[table]), np.sort(slow.m[table]))
    for engine in (fast, slow):
        assert engine.digest() == core.engine.digest() and engine.check() == []
        engine.m[table] = 0
    moved = freed_pointers_gone(fast), freed_pointers_gone(slow)
    assert np.array_equal(*moved)


def freed_pointers_gone(engine: Engine) -> Any:
    """The arena without what freed rows still hold behind their link: pointers into freed rows may become 0 or move along."""
    m = engine.m.copy()
    for table in OWN["tables"].values():
        d = L.H_POOLS + table["pool"] * L.POOL_WORDS
        p, width = int(m[d + L.PL_FREE]), int(m[d + L.PL_WIDTH])
        while table["how"] in ("list", "end") and p:
            m[p + 1 : p + width] = 0
            p = int(m[p])
    return m


@pytest.mark.parametrize(("table", "capacity"), [("pair_hash", "balances"), ("name_hash", "instruments")])
def test_a_hash_table_without_room_for_its_entries_is_refused_before_anything_moves(
    table: str, capacity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    core, _ = world(4)
    pool = OWN["tables"][table]["pool"]
    used, real = int(core.engine.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED]), Capacities.pools
    assert used > 3
    monkeypatch.setattr(prefault, "give_back", lambda words: words.fill(-1))
    before = core.engine.digest()
    monkeypatch.setattr(Capacities, "pools", lambda self: [(p, width, 2 if p == pool else rows) for p, width, rows in real(self)])
    with pytest.raises(CarryRefused) as refused:
        core.engine.resize(core.engine.capacities)
    assert (refused.value.table, refused.value.used, refused.value.asked) == (capacity, used, 1)
    assert core.engine.digest() == before


@pytest.mark.parametrize("table", ["id_hash", "pair_hash", "name_hash"])
@pytest.mark.parametrize("by", [1, -1])
def test_a_hash_table_that_does_not_have_what_it_counts_is_found(table: str, by: int) -> None:
    core, _ = world(4)
    core.engine.m[L.H_POOLS + OWN["tables"][table]["pool"] * L.POOL_WORDS + L.PL_USED] += by
    with pytest.raises(ValueError, match=r"counts \d+"):
        core.engine.resize(replace(core.engine.capacities, **GROWN))


def test_the_description_agrees_with_the_tables() -> None:
    widths = {pool: width for pool, width, _ in Capacities().pools()}
    assert {t["pool"]: t["words"] for t in OWN["tables"].values()} == widths
    named = {name for t in OWN["tables"].values() for name in t["fields"]} | set(OWN["header"])
    assert set(POINTERS) <= named, "a pointer of a field that does not exist"
    prefixes = {
        "H_",
        "A_",
        "V_",
        "F_",
        "AC_",
        "S_",
        "E_",
        "I_",
        "MI_",
        "LI_",
        "B_",
        "CO_",
        "O_",
        "L_",
        "N_",
        "AR_",
        "U_",
        "SP_",
        "TM_",
        "HE_",
    }
    from exchange_server.core.layout import shape

    assert prefixes | {"PL_", "TH_", "MN_", "COL_", "W_"} | {"CN_", "IX_", "RO_", "RT_"} >= {p for p, *_ in shape.ROWS} - {
        "WM_", "WC_", "WX_", "WS_", "WB_", "WG_"
    }, "a row that the description does not know"  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_a_table_that_is_too_small_is_refused_by_name(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the state stays where it is."""
    core, _ = world(seed)
    monkeypatch.setattr(prefault, "give_back", lambda words: words.fill(-1))
    before = core.engine.m.copy()
    has = core.engine.capacities
    m = core.engine.m
    used = {name: int(m[L.H_POOLS + t["pool"] * L.POOL_WORDS + L.PL_USED]) for name, t in OWN["tables"].items()}
    for table in ("firms", "accounts", "balances", "orders", "archive", "listings", "instruments"):
        if used[table] < 2:
            continue
        with pytest.raises(CarryRefused) as refused:
            core.engine.resize(replace(has, **{table: used[table] - 1}))
        assert refused.value.table == table and refused.value.used >= used[table], table
        assert f"capacities.{table} = {used[table] - 1} is less than the {refused.value.used} in use" == str(refused.value)
    assert core.engine.capacities == has and np.array_equal(core.engine.m, before)


@pytest.mark.parametrize("seed", range(50, 62))
def test_tables_shrink_to_what_is_in_use(seed: int) -> None:
    core, left = world(seed)
    m = core.engine.m

    def used(table: str) -> int:
        return max(1, int(m[L.H_POOLS + OWN["tables"][table]["pool"] * L.POOL_WORDS + L.PL_USED]))

    least = replace(core.engine.capacities, **{name: used(name) for name in ("orders", "nodes", "archive", "listings", "used_blocks")})
    least = replace(least, collateral_words=used("collateral_words"))
    small = resized(core.engine, least)
    assert small.digest() == core.engine.digest() and small.check() == []
    back = resized(small, core.engine.capacities)
    other = Core(core.engine.capacities)
    other.engine, other.m = back, back.m
    for row in left:
        assert other.apply(row) == core.apply(row)
    assert back.digest() == core.engine.digest() and back.check() == []


def test_an_act_in_the_journal_resizes_in_every_replay() -> None:
    core, left = world(3)
    grown = replace(core.engine.capacities, **GROWN)
    before = core.engine.digest()
    rows = core.engine.turn_of(SystemAct(capacities=asdict(grown)))
    answers = core.engine.apply(rows, len(rows), lambda events: None)
    assert [a.ok for a in answers] == [True] and core.engine.capacities == grown
    assert len(core.engine.m) == int(core.engine.m[L.H_ARENA_WORDS]) and core.engine.check() == []
    assert core.engine.digest() != before, "the row counts as every other"
    core.m = core.engine.m
    for row in left:
        core.apply(row)
    restored = Engine.restore(core.engine.snapshot())
    assert restored.digest() == core.engine.digest() and restored.capacities == grown and restored.check() == []


@pytest.mark.parametrize("seed", range(70, 82))
def test_tables_that_moved_before_the_act_are_those_that_move_at_it(seed: int) -> None:
    """A start moves the state, then journals the act; whoever replays comes to the act first. Both ways it is the same state, and goes on alike."""
    core, left = world(seed)
    grown = replace(core.engine.capacities, **{**GROWN, "nodes": core.engine.capacities.nodes})
    replay = resized(core.engine, core.engine.capacities)
    while not core.engine.at_rest:
        rows = core.engine.turn_of(None)
        for engine in (core.engine, replay):
            engine.apply(rows, len(rows), lambda events: None)
    rows = core.engine.turn_of(SystemAct(capacities=asdict(grown)))
    core.engine.resize(grown)
    for engine in (core.engine, replay):
        assert [a.ok for a in engine.apply(rows, len(rows), lambda events: None)] == [True]
        assert engine.capacities == grown and engine.check() == []
    assert core.engine.digest() == replay.digest() and core.engine.counters() == replay.counters()
    core.m = core.engine.m
    other = Core(grown)
    other.engine, other.m = replay, replay.m
    for row in left:
        assert other.apply(row) == core.apply(row)
    assert core.engine.digest() == replay.digest()


@pytest.mark.parametrize("seed", range(70, 82))
def test_a_turn_without_rows_changes_no_table_at_rest(seed: int) -> None:
    core, _ = world(seed)
    engine, turns = core.engine, 0
    while True:
        before, rest = engine.m.copy(), engine.at_rest
        rows = engine.turn_of(None)
        engine.apply(rows, len(rows), lambda events: None)
        if rest:
            break
        turns += 1
        assert turns < 10
    of_a_call = ("H_CURSOR", "H_EVENT_USED", "H_EVENT_ROOM", "H_WORK_FIRST", "H_WORK_COUNT", "H_WORK")
    may = {L.H_TURN, L.H_ROW_SEQ}
    for name in of_a_call:
        at, words, _ = OWN["header"][name]
        may |= set(range(at, at + words))
    assert set(np.flatnonzero(before != engine.m).tolist()) <= may


def test_what_is_due_or_to_be_freed_is_not_at_rest() -> None:
    s = PairStory(firms=2, limits=Limits(20, 50, words=2 * 23))
    s.new(1, C.BUY, 5, 40, id=1)
    s.new(2, C.SELL, 5, 40, id=1)
    pay(s)
    engine = s.pair.core.engine
    assert engine.at_rest
    s.do(C.C_REMOVE, event=1)
    assert not engine.at_rest, "its collateral rows are freed with the next turn"
    s.later(1)
    assert engine.at_rest
    for seed in range(5, 40):
        core, _ = world(seed)
        if core.engine.next_due:
            break
    assert core.engine.next_due > core.engine.time_ns and core.engine.at_rest
    core.engine.m[L.H_TIME] = core.engine.next_due
    assert not core.engine.at_rest
