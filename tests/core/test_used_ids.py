"""Of ids that leave their row early it stays known that they were used: as bits of a range of numbers, or one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
from protocol import codes as C
from tests import arena
from tests.bridge import command_words, used_word
from tests.core_rig import PairStory
from tests.model_ids import MANY, SINGLES, place
from tests.model_world import Limits, Row
from tests.model_worlds import SECOND, Story

Make = Callable[..., Story]
HOUR = 3600 * SECOND


@pytest.fixture(params=["model", "core"])
def make(request: pytest.FixtureRequest) -> Make:
    return Story if request.param == "model" else PairStory


def close(s: Story, firm: int, name: Any) -> None:
    """One id is used up: an IOC order that finds nothing."""
    events = s.new(firm, C.BUY, 1, 5, tif=C.IOC, id=name)
    assert [e.kind for e in events] == [C.E_ACCEPTED, C.E_CANCELED], name


def refused(s: Story, firm: int, name: Any) -> bool:
    """Whether a new order under the id is refused because the id was used."""
    event = s.new(firm, C.BUY, 9, 7, tif=C.IOC, id=name)[0]
    assert event.kind == C.E_ACCEPTED or event.reason in (C.R_ID_USED, C.R_ID_USED_BEFORE)
    return event.kind == C.E_REJECTED


def told(s: Story, firm: int, name: Any) -> int:
    return int(s.do(C.C_STATUS, session=firm, orig=name)[0].reason)


def test_a_repeat_is_refused_when_only_the_use_is_known_and_every_request_is_told_so(make: Make) -> None:
    s = make(firms=1, limits=Limits(orders=20, archive=2))
    close(s, 1, 1)
    s.later(3)
    close(s, 1, 2)
    close(s, 1, 3)
    assert (s.model.firms[1].moved, s.model.firms[1].answered) == (1, 3 * SECOND)
    repeat = s.new(1, C.BUY, 1, 5, tif=C.IOC, id=1)
    assert [(e.kind, e.reason, e.limit, e.order) for e in repeat] == [(C.E_REJECTED, C.R_ID_USED_BEFORE, 72, 0)]
    assert (told(s, 1, 1), told(s, 1, 9)) == (C.R_ORDER_FORGOTTEN, C.R_UNKNOWN_ORDER)
    cancel = s.do(C.C_CANCEL, session=1, orig=1, id=70)[0]
    assert (cancel.kind, cancel.reason) == (C.E_CANCEL_REJECT, C.R_ORDER_FORGOTTEN)
    s.new(1, C.BUY, 1, 5, id=10)
    for orig, name, reason in ((1, 11, C.R_ORDER_FORGOTTEN), (10, 1, C.R_ID_USED_BEFORE), (9, 11, C.R_UNKNOWN_ORDER)):
        answer = s.do(C.C_REPLACE, session=1, orig=orig, id=name, price=6, qty=2)[0]
        assert (answer.kind, answer.reason) == (C.E_CANCEL_REJECT, reason)
    assert len(s.model.closed) == 2, "what is refused for it takes no row"


@pytest.mark.parametrize("name", ["number", "padded", "short", "bare", "long"])
def test_ids_of_any_form_are_remembered_past_many_others(make: Make, name: str) -> None:
    form = {
        "number": lambda i: 10**12 + i,
        "padded": lambda i: f"DESK-7/{i:06d}",
        "short": lambda i: f"A{i}",
        "bare": lambda i: "x" * (i % 40) + "y" * (i // 40 + 1),
        "long": lambda i: "9" * 40 + f"{i:08d}",
    }[name]
    s = make(firms=1, limits=Limits(orders=20, archive=5))
    for i in range(1, 101):
        close(s, 1, form(i))
    assert s.model.firms[1].moved == 95 and s.model.firms[1].forgotten == 0
    assert all(refused(s, 1, form(i)) for i in range(1, 101))
    assert not any(refused(s, 1, form(i)) for i in range(101, 110))


def test_numbers_that_grow_take_one_block_and_others_take_one_for_each_64() -> None:
    s = PairStory(firms=1, limits=Limits(orders=20, archive=2))
    for i in range(1, 300):
        close(s, 1, i)
    (block,) = arena.used_blocks(s.pair.core.m)
    assert arena.used_ids(s.pair.core.m, block) == [*range(1, 298)]
    s = PairStory(firms=1, limits=Limits(orders=20, archive=2))
    for i in range(1, SINGLES + 4):
        close(s, 1, i << 13)
    assert [len(arena.used_ids(s.pair.core.m, b)) for b in arena.used_blocks(s.pair.core.m)] == [SINGLES, 1]


def test_the_range_is_made_of_the_single_ids_when_there_are_many_of_it() -> None:
    s = PairStory(firms=1, limits=Limits(orders=20, archive=1))
    names = [name for i in range(MANY - 1) for name in (4096 + 5 * i, 10**9 + 4096 * i)]
    for name in names:
        close(s, 1, name)
    m = s.pair.core.m
    close(s, 1, 5)
    (singles,) = arena.used_blocks(m)
    assert arena.used_ids(m, singles) == names
    close(s, 1, 8191)
    close(s, 1, 6)
    singles, made = arena.used_blocks(m)
    assert [word for word in arena.used_ids(m, singles) if word] == [*names[1::2], 5]
    assert arena.used_ids(m, made) == [*names[::2], 8191]
    close(s, 1, 7)
    close(s, 1, 9000)
    assert all(refused(s, 1, name) for name in (*names, 5, 6, 7, 8191))
    assert arena.used_blocks(m)[-1] == singles, "the block with the newest id is the last"


def test_a_block_is_kept_until_the_time_of_its_newest_id_is_over(make: Make) -> None:
    s = make(firms=1, limits=Limits(orders=20, archive=1), retention_ns=HOUR)
    close(s, 1, 1)
    s.later(1800)
    close(s, 1, 2)
    close(s, 1, 3)
    s.later(1800)
    assert refused(s, 1, 1) and refused(s, 1, 2) and refused(s, 1, 3), "1 is due by itself, 2 half an hour later"
    s.later(1800)
    assert told(s, 1, 1) == told(s, 1, 2) == C.R_UNKNOWN_ORDER and not refused(s, 1, 1)


def test_nothing_is_added_to_a_block_whose_time_is_over(make: Make) -> None:
    for first in ((1,), range(1, MANY + 2)):
        s = make(firms=1, limits=Limits(orders=20, archive=2), retention_ns=HOUR)
        for i in first:
            close(s, 1, i)
        close(s, 1, 100)
        s.later(3600)
        close(s, 1, 101)
        close(s, 1, 102)
        close(s, 1, 103)
        close(s, 1, 104)
        assert not refused(s, 1, 1), "nothing revives it"
        assert told(s, 1, 101) == C.R_ORDER_FORGOTTEN


def test_a_flood_of_scattered_ids_makes_only_its_own_firm_forget(make: Make) -> None:
    s = make(firms=2, limits=Limits(orders=20, archive=2, used=4))
    for i in range(1, 100):
        close(s, 2, i)
    for i in range(1, 400):
        s.later(1)
        close(s, 1, i << 13)
    assert all(refused(s, 2, i) for i in range(1, 100))
    one = s.model.firms[1]
    assert one.forgotten == 64 * (one.forgotten // 64) > 0 and one.window >= 64 * SECOND and s.model.firms[2].forgotten == 0
    kept = [refused(s, 1, i << 13) for i in range(399, 399 - 100, -1)]
    assert all(kept), "the newest are those that are kept"


def test_blocks_beyond_the_share_are_given_to_the_firm_that_has_less(make: Make) -> None:
    s = make(firms=2, limits=Limits(orders=20, archive=2, used=2))
    for i in range(1, 130):
        close(s, 1, i << 13)
    assert len(s.model.blocks[1]) == 2
    for i in range(1, 5):
        close(s, 2, i)
    assert (len(s.model.blocks[1]), len(s.model.blocks[2])) == (1, 1)
    assert s.model.firms[1].forgotten == 64 and refused(s, 2, 1)


def test_a_replaced_id_is_remembered_while_its_order_goes_on(make: Make) -> None:
    s = make(firms=1, limits=Limits(orders=20, archive=1))
    s.new(1, C.BUY, 3, 6, id="first-0001")
    s.do(C.C_REPLACE, session=1, orig="first-0001", id="second", price=7, qty=3)
    close(s, 1, 5)
    assert (told(s, 1, "first-0001"), told(s, 1, "second")) == (C.R_ORDER_FORGOTTEN, 0)
    assert refused(s, 1, "first-0001")


def test_another_firm_may_use_the_same_ids(make: Make) -> None:
    s = make(firms=2, limits=Limits(orders=20, archive=2))
    for i in range(1, 40):
        close(s, 1, i)
        close(s, 1, f"text-{i:04d}")
    assert not any(refused(s, 2, name) for i in range(1, 40) for name in (i, f"text-{i:04d}"))


def test_a_restart_finds_what_was_used_and_goes_on_alike() -> None:
    s = PairStory(firms=2, limits=Limits(orders=20, archive=4, used=3))
    for i in range(1, 60):
        close(s, 1, i if i % 2 else f"text-{i:05d}")
        close(s, 2, i << 13)
    engine = s.pair.core.engine
    again = Engine.restore(list(engine.snapshot()))
    arena.walk(again.m)
    assert again.digest() == engine.digest() and again.check() == []
    order = Row(kind=C.C_NEW, instrument=1, side=C.BUY, contract_side=C.YES, type=C.LIMIT, tif=C.IOC, price=5, qty=1)
    for i in (*range(1, 130), *(name << 13 for name in range(50, 130))):
        row = Row(order, session=1 + i % 2, id=i if i % 3 else f"text-{i:05d}")
        s.apply(row)
        words = command_words(row)
        again.apply(words, len(words), lambda ev: None)
    assert again.digest() == engine.digest() and again.check() == []
    arena.walk(again.m)


@pytest.mark.parametrize("word", ["U_AT", "U_COUNT", "U_RANGE", "U_IDS", "U_FIRM", "U_PREV"])
def test_the_proof_finds_a_block_that_is_broken(word: str) -> None:
    s = PairStory(firms=2, limits=Limits(orders=20, archive=1))
    for i in range(1, 30):
        close(s, 1, i)
        close(s, 2, i << 13)
    m, engine = s.pair.core.m, s.pair.core.engine
    before = engine.digest()
    for b in arena.used_blocks(m)[: 1 if word == "U_RANGE" else 2]:
        old = int(m[b + getattr(L, word)])
        m[b + getattr(L, word)] = old ^ 2
        assert engine.check() or word in ("U_AT", "U_IDS") and engine.digest() != before
        m[b + getattr(L, word)] = old
    assert engine.check() == [] and engine.digest() == before


def test_the_word_of_an_id_is_that_of_the_plain_function() -> None:
    """Every way that an id can end, and none that has the same word as another."""
    s = PairStory(firms=1, limits=Limits(orders=20, archive=1, used=64))
    names: list[Any] = [
        1,
        (1 << 63) - 1,
        "a",
        "0001",
        "00001",
        "x" * 64,
        "7" * 64,
        "x" * 44 + "7" * 20,
        "ab1234",
        "abcdefgh1234",
        "ab123",
        "é1234",
    ]
    names += [f"{'p' * n}{'4' * d}" for n in (0, 1, 7, 8, 9) for d in (3, 5, 17, 18, 19) if n or d == 0]
    for name in names:
        close(s, 1, name)
    close(s, 1, 2)
    found = [word for b in arena.used_blocks(s.pair.core.m) for word in arena.used_ids(s.pair.core.m, b)]
    assert found == [used_word(name) for name in names] and len(set(found)) == len(names)
    assert place("ab1234") != place("ab01234") and place("ab123")[0] == ("ab123", -1, 0)


NAMES = st.one_of(
    st.integers(1, 60), st.integers(4090, 4110), st.integers(1, 8).map(lambda i: i << 40), st.integers(1, 30).map(lambda i: f"q{i:04d}"),
    st.sampled_from(["alpha", "beta", "12ab"]),
)  # fmt: skip
STEPS = st.one_of(
    st.tuples(st.just("new"), st.integers(1, 2), NAMES),
    st.tuples(st.just("run"), st.integers(1, 2), st.integers(1, 40), st.integers(2, 25)),
    st.tuples(st.just("later"), st.sampled_from([1, 10, 29, 60])),
    st.tuples(st.just("ask"), st.integers(1, 2), NAMES),
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, max_size=25), archive=st.integers(1, 3), used=st.integers(1, 3))
def test_repeats_at_every_age_drawn_by_hypothesis(steps: list[tuple[Any, ...]], archive: int, used: int) -> None:
    s = PairStory(firms=2, limits=Limits(orders=10, archive=archive, used=used), retention_ns=30 * SECOND)
    for name, *rest in steps:
        if name == "new":
            s.new(rest[0], C.BUY, 1, 5, tif=C.IOC, id=rest[1])
        elif name == "run":
            for i in range(rest[1], rest[1] + rest[2]):
                s.new(rest[0], C.BUY, 1, 5, tif=C.IOC, id=i)
        elif name == "later":
            s.later(rest[0])
        else:
            s.do(C.C_STATUS, session=rest[0], orig=rest[1])


def test_the_table_that_finds_blocks_has_room_when_all_are_lists() -> None:
    for blocks in (1, 7, 1_300_000):
        pools = {pool: rows for pool, _, rows in Capacities(used_blocks=blocks).pools()}
        assert pools[L.P_USED_HASH] >= 64 * blocks * 5 // 4 and np.log2(pools[L.P_USED_HASH]) % 1 == 0
