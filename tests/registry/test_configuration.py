"""A configuration is one act: all of it or nothing, whole or in parts, on a fake engine and on the real core."""

import random
from typing import Any

import pytest

from config import admin_records as ar
from config import load
from exchange_server.core import layout as L
from exchange_server.core.money import transfers
from exchange_server.engine import Capacities, Engine
from exchange_server.registry import Registry, configuration
from protocol import codes
from tests.registry.test_real_engine import SMALL, Turns
from tests.registry.test_registry import BASE, FINAL, World, change
from tests.safe import safe


def whole(*records: Any, **more: Any) -> ar.Configuration:
    return ar.Configuration(name="c.toml", records=records, **more)


def send(world: World, record: Any, who: str = "uid:0") -> Any:
    """In as many rows as it takes; the last answer."""
    for body in ar.pack_all(who, "r1", record):
        answer = world.registry.apply(body, world.engine, world.sink)
    return answer


def test_all_of_it_takes_effect() -> None:
    world = World()
    answer = send(world, whole(*BASE, ar.SetPhase(event="FINAL", phase="open"), settings={"mode": "async", "fix_port": 1}))
    assert answer.ok and answer.text == f"{len(BASE) + 1} applied, 0 unchanged", answer
    assert world.registry.settings == {"fix_port": 1, "mode": "async"}
    one_by_one = World().must(*BASE)
    world.registry.settings = {}
    world.registry.revisions.clear()
    world.registry.contents.clear()
    world.registry.origins.clear()
    assert world.registry.to_bytes() == one_by_one.registry.to_bytes()
    assert codes.C_PHASE in world.engine.kinds()


@pytest.mark.parametrize(
    ("bad", "code", "text"),
    [
        (change(FINAL, event="F2"), codes.R_BAD_DEFINITION, "contracts[0].symbol: F-ESP exists in event FINAL"),
        (ar.DefineAsset(name="USD", decimals=2), codes.R_BAD_DEFINITION, "decimals: cannot be changed"),
        (ar.Transfer(key="k", asset="USD", amount=(1 << 61), target="ACME-A"), codes.R_OVERFLOW, "amount: more than "),
        (
            ar.Transfer(key="k", asset="USD", amount=1, source="ACME-A"),
            codes.R_BAD_DEFINITION,
            "source: a configuration only makes deposits",
        ),
        (ar.SetPhase(event="FINAL", phase="closed"), codes.R_BAD_DEFINITION, "phase: a new market that is listed cannot become closed"),
        (ar.SetPhase(event="NONE", phase="open"), codes.R_UNKNOWN_EVENT, 'event: there is no event "NONE"'),
    ],
)
def test_or_nothing_does(bad: Any, code: int, text: str) -> None:
    world = World()
    before = world.registry.to_bytes()
    answer = send(world, whole(*BASE, bad))
    assert not answer.ok and answer.code == code and answer.text.startswith(text) and answer.refusal.record == len(BASE), answer
    assert world.registry.to_bytes() == before and world.engine.seen == [] and world.events == 0


def test_a_phase_is_the_first_one_only() -> None:
    world = World().must(*BASE)
    world.engine.seen.clear()
    answer = send(world, whole(*BASE, ar.SetPhase(event="FINAL", phase="open")))
    assert answer.ok and answer.text == f"0 applied, {len(BASE)} unchanged" and world.engine.seen == []


@pytest.mark.parametrize("pool", [L.P_BALANCE, L.P_LISTING])
def test_a_table_of_the_core_that_fills_half_way_is_seen_before(pool: int) -> None:
    world = World()
    world.engine.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED] = 1024 - 4
    deposits = tuple(
        ar.Transfer(key=f"k{n}", asset=asset, amount=1, target=name) for n, asset in enumerate(("USD", "BTC")) for name in ("ACME-A",)
    )
    answer = send(
        world, whole(*BASE, *deposits, change(FINAL, event="G", contracts=(ar.Contract(symbol="G-A"), ar.Contract(symbol="G-B"))))
    )
    assert answer.code == codes.R_TABLE_FULL and world.engine.seen == [] and len(world.registry.assets) == 0


def test_the_bound_of_money_is_the_core_s() -> None:
    assert configuration.MONEY_MAX == transfers.MONEY_MAX


def test_parts_in_any_other_order_are_refused_and_nothing_takes_place() -> None:
    record = whole(*[ar.DefineFirm(name=f"F{n}", title="t" * 250) for n in range(400)])
    bodies = ar.pack_all("uid:0", "r", safe(record))
    assert len(bodies) > 3
    for order in ([0, 2, 1], [1, 2], [0, 0, 2], list(range(1, len(bodies)))):
        world = World(firms=1000)
        answers = [world.registry.apply(bodies[i], world.engine, world.sink) for i in order]
        assert not answers[-1].ok and "send them all again" in answers[-1].text and len(world.registry.firms) == 0
    world = World(firms=1000)
    for body in bodies[:2]:
        assert world.registry.apply(body, world.engine, world.sink).ok
    world.registry = Registry.from_bytes(world.registry.to_bytes())  # a snapshot between two parts
    for body in bodies[2:]:
        answer = world.registry.apply(body, world.engine, world.sink)
    assert answer.ok and len(world.registry.firms) == 400 and not world.registry.parts


def test_parts_that_never_end_do_not_fill_the_memory() -> None:
    world = World(firms=1000)
    for n in range(20):
        first = ar.pack_all("uid:0", "r", whole(*[ar.DefineFirm(name=f"F{n}-{i}", title="t" * 250) for i in range(200)]))[0]
        assert world.registry.apply(first, world.engine, world.sink).ok
    assert len(world.registry.parts) == 4


def test_parts_of_two_askers_do_not_mix() -> None:
    record = whole(*[ar.DefineFirm(name=f"F{n}", title="t" * 250) for n in range(300)])
    ours, theirs = ar.pack_all("uid:1", "r", record), ar.pack_all("uid:2", "r", record)
    world = World(firms=1000)
    for one, other in zip(ours, theirs):
        first, second = world.registry.apply(one, world.engine, world.sink), world.registry.apply(other, world.engine, world.sink)
    assert first.ok and first.text == "300 applied, 0 unchanged" and second.text == "0 applied, 300 unchanged"


def test_the_marks_of_the_sandbox() -> None:
    world = World()
    assert world.do(ar.Begin(name="prod.toml")).ok
    again = world.do(ar.Begin(name="sandbox.toml", sandbox=True))
    assert again.code == codes.R_SANDBOX and "already created, with prod.toml" in again.text
    assert send(world, whole(sandbox=True)).code == codes.R_SANDBOX
    assert send(world, whole(*BASE)).ok
    sandbox = World()
    assert sandbox.do(ar.Begin(name="sandbox.toml", sandbox=True)).ok
    assert send(sandbox, whole(*BASE)).code == codes.R_SANDBOX and len(sandbox.registry.assets) == 0
    assert send(sandbox, whole(*BASE, sandbox=True)).ok
    unmarked = World().must(*BASE)
    assert send(unmarked, whole(sandbox=True)).code == codes.R_SANDBOX, "what was begun before folders were marked is no sandbox"


def test_the_sandbox_in_one_act_on_the_real_core() -> None:
    """The same state as record by record, and the same after a replay of the parts."""
    items = load.load("sandbox").items
    record = ar.Configuration(name="sandbox.toml", sandbox=True, records=tuple(item.record for item in items))  # type: ignore[arg-type]
    one, each = Turns(), Turns().must([item.record for item in items])
    answers = one.do_bodies(ar.pack_all("uid:0", "r", safe(record)))
    assert len(answers) > 1 and answers[-1].ok and answers[-1].result["applied"] == len(items)
    assert one.engine.registry.revisions[1].new == len(items) - sum(isinstance(item.record, ar.SetPhase) for item in items)
    assert Engine.restore(one.engine.snapshot()).digest() == one.engine.digest()
    one.engine.registry.revisions.clear()
    one.engine.registry.contents.clear()
    one.engine.registry.origins.clear()
    assert one.engine.registry.to_bytes() == each.engine.registry.to_bytes()
    assert Engine.restore(one.engine.snapshot()).digest() == one.engine.digest()


@pytest.mark.parametrize("seed", range(6))
def test_what_the_check_passes_the_real_core_takes(seed: int) -> None:
    """Tables of a random tiny size: either the whole sandbox is refused and nothing is there, or it is there whole. Never half, never broken."""
    chosen = random.Random(seed)
    sizes = {
        name: getattr(SMALL, name) - chosen.randint(0, getattr(SMALL, name) // 2)
        for name in ("balances", "listings", "accounts", "instruments")
    }
    turns = Turns(Capacities(**{**{name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__}, **sizes}))
    record = ar.Configuration(name="s", records=tuple(item.record for item in load.load("sandbox").items))  # type: ignore[arg-type]
    answer = turns.do_bodies(ar.pack_all("uid:0", "r", safe(record)))[-1]
    if answer.ok:
        assert len(turns.engine.registry.sessions) == 128
    else:
        assert (
            answer.code == codes.R_TABLE_FULL
            and len(turns.engine.registry.assets) == 0
            and turns.engine.registry.to_bytes() == Registry().to_bytes()
        )


def test_the_first_phase_is_set_once() -> None:
    """A second time it would be refused by the core when half of the act is done: the trial sees it."""
    world = World()
    answer = send(world, whole(*BASE, *[ar.SetPhase(event="FINAL", phase="open")] * 2))
    assert answer.code == codes.R_BAD_DEFINITION and answer.text == "phase: a new market that is open cannot become open"
    assert world.engine.seen == [] and len(world.registry.assets) == 0
    assert send(World(), whole(*BASE, *[ar.SetPhase(event="FINAL", phase=phase) for phase in ("open", "paused")])).ok


def test_a_trial_says_what_would_be_done_and_does_nothing() -> None:
    world = World().must(*BASE)
    before = world.registry.to_bytes()
    records = (*BASE[:-1], change(BASE[-1], max_qty=900, title="T"), ar.DefineFirm(name="NEW"), ar.SetPhase(event="FINAL", phase="open"))
    trial = world.registry.try_out(whole(*records), world.engine)
    kinds = [change.kind for change in trial.changes]
    assert kinds == ["same"] * (len(BASE) - 1) + ["changed", "new", "passed"] and trial.refusals == []
    assert set(trial.changes[len(BASE) - 1].fields) == {"title", "max_qty"} and trial.to_do() == [len(BASE) - 1, len(BASE)]
    assert trial.after.firms.named("NEW") is not None and world.registry.firms.named("NEW") is None
    assert world.registry.to_bytes() == before and trial.count("same") == len(BASE) - 1


def test_a_trial_names_everything_that_cannot_change_and_stops_at_what_is_wrong() -> None:
    world = World().must(*BASE)
    records = (change(BASE[0], decimals=1), change(FINAL, k=2), ar.DefineAccount(name="X", firm="NONE"), change(BASE[1], decimals=1))
    trial = world.registry.try_out(whole(*records), world.engine)
    assert [(r.record, r.key, r.fixed) for r in trial.refusals] == [(0, ("decimals",), True), (1, ("k",), True), (2, ("firm",), False)]
    answer = send(world, whole(*records))
    assert answer.refusal == trial.refusals[0] and answer.text == trial.refusals[0].text, "an act is refused as its trial was"


def test_the_numbers_of_a_refusal_are_data() -> None:
    world = World(assets=1).must(BASE[0])
    refusal = world.do(BASE[1]).refusal
    assert (refusal.code, refusal.key, refusal.limit, refusal.used, refusal.asked) == (codes.R_TABLE_FULL, (), 1, 1, 1)
    market = change(FINAL, bands=(ar.Band(low=1, high=50, step=1), ar.Band(low=40, high=99, step=1)))
    refusal = World().must(*BASE[:4]).do(market).refusal
    assert (refusal.key, refusal.limit, refusal.asked) == (("bands", 1, "low"), 50, 40)


def test_an_account_that_holds_something_is_not_closed_and_nothing_else_happens() -> None:
    """Whether something is empty is in the real tables of the core, and not in the counts of a trial."""
    turns = Turns().must([*BASE, ar.Transfer(key="k", asset="USD", amount=5, target="ACME-A")])
    registry = turns.engine.registry
    close = ar.Close(kind="account", name="ACME-A", reason="r")
    before = registry.to_bytes()
    answer = turns.do_bodies(ar.pack_all("uid:0", "r", whole(ar.DefineFirm(name="NEW"), close)))[-1]
    assert answer.code == codes.R_NOT_EMPTY and answer.refusal.record == 1 and registry.to_bytes() == before
    empty = ar.Close(kind="account", name="ACME-B", reason="r")
    answer = turns.do_bodies(ar.pack_all("uid:0", "r", whole(ar.DefineFirm(name="NEW"), empty)))[-1]
    assert answer.ok and answer.result["applied"] == 2 and registry.accounts.named("ACME-B").closed is not None  # type: ignore[union-attr]
    assert Engine.restore(turns.engine.snapshot()).digest() == turns.engine.digest()
