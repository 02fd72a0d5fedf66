"""Sessions over their throttle are served now and then, the others at once."""

from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.net.floods import ACTIVE_NS, LATELY_NS, LEAST_NS, LOOK_NS, MOST_NS, PART, REFUSALS, Floods
from exchange_server.net.limits import Limits
from protocol import codes

from .test_turn import MS, Street, lines, nothing, until

FAIR_NS = Limits().fair_ns


def link(session: int) -> Any:
    return SimpleNamespace(
        lost=False, eof=False, closing=None, connection=SimpleNamespace(session=session), over_look=0, over_until=0, pause=lambda: None
    )


class Rig:
    """A clock, a count of refusals, and sessions above 100 over their throttle."""

    def __init__(self) -> None:
        self.now = 1_000 * MS
        self.refused = 0
        self.asked: list[int] = []  # sessions whose throttle was looked at
        self.timers: list[float] = []
        self.after_turn: Any = None  # what the loop is to do after this turn: only after one of theirs
        self.woken = 0
        self.gate: Any = SimpleNamespace(held=[], released_at=0)
        self.floods = Floods(Limits(), self.gate, lambda: self.now, self._over, lambda: self.refused, self._later, self._wake)
        self.floods.look(self.now)
        self.other, self.flood = link(1), [link(n) for n in range(101, 104)]

    def _over(self, session: int) -> bool:
        self.asked.append(session)
        return session > 100

    def _later(self, seconds: float, function: Any) -> None:
        if seconds:
            self.timers.append(seconds)
            self.ring = function
        else:
            self.after_turn = function

    def _wake(self) -> None:
        self.woken += 1

    def begin(self) -> None:
        """A flood is noticed, and the other session has just been active."""
        self.now += LOOK_NS
        self.refused += REFUSALS
        self.floods.look(self.now)
        assert self.floods.active
        assert self.pace(self.other) == [self.other]

    def pace(self, *links: Any, after: int = 0) -> list[Any]:
        self.now += after
        return self.floods.pace(list(links), self.now)

    def first(self, took: int) -> int:
        """A flood begins, and its first turn takes so long; when that turn began."""
        self.begin()
        assert self.pace(*self.flood) == self.flood
        began = self.now
        self.served(took)
        return began

    def served(self, took: int) -> None:
        """The turn that was just made was theirs, and took so long."""
        self.now += took
        self.after_turn()
        self.after_turn = None


def test_few_refusals_are_no_flood_and_one_is_over_a_while_after_the_last() -> None:
    rig = Rig()
    rig.refused += REFUSALS - 1
    rig.floods.look(rig.now + LOOK_NS)
    assert not rig.floods.active and rig.floods._look_at == rig.now + 2 * LOOK_NS
    rig.refused += REFUSALS
    rig.floods.look(rig.now + 2 * LOOK_NS)
    assert rig.floods.active
    rig.floods.look(rig.now + 2 * LOOK_NS + ACTIVE_NS - 1)
    assert rig.floods.active
    rig.floods.look(rig.now + 2 * LOOK_NS + ACTIVE_NS)
    assert not rig.floods.active


def test_a_turn_has_nothing_to_ask_until_the_next_look_unless_somebody_floods_or_waits() -> None:
    rig = Rig()
    assert rig.floods.choose([rig.other], rig.now) == [rig.other] and rig.floods.next_at == rig.now + LOOK_NS
    rig.now += LOOK_NS
    rig.refused += REFUSALS
    assert rig.floods.choose([rig.other], rig.now) == [rig.other] and rig.floods.next_at == 0
    assert rig.floods.choose([*rig.flood], rig.now) == rig.flood and rig.floods.next_at == 0
    rig.served(MS)
    assert rig.floods.choose([*rig.flood], rig.now) == [] and rig.floods.next_at == 0
    rig.now += ACTIVE_NS
    assert rig.floods.choose([], rig.now) == rig.flood, "nobody who waits is forgotten when it is over"
    assert rig.floods.next_at == rig.now + LOOK_NS


def test_refusals_of_before_the_start_are_no_flood() -> None:
    rig = Rig()
    rig.refused = 10**9
    fresh = Floods(Limits(), rig.gate, lambda: rig.now, rig._over, lambda: rig.refused, rig._later, rig._wake)
    fresh.look(rig.now)
    assert not fresh.active


def test_who_is_over_waits_while_others_are_active() -> None:
    rig = Rig()
    rig.first(MS // 5)
    assert rig.pace(*rig.flood) == [] and rig.floods.aside == rig.flood and rig.after_turn is None
    assert rig.pace(rig.other, after=MS) == [rig.other], "the others go at once, alone"
    assert rig.pace(after=MS // 2) == [], "a tenth of the time is 2 ms"
    assert rig.pace(after=MS // 2) == rig.flood and rig.floods.aside == []


@pytest.mark.parametrize(("took", "wait"), [(0, LEAST_NS), (MS // 2, PART * MS // 2), (20 * MS, MOST_NS)])
def test_how_long_they_wait_follows_from_what_their_turn_took(took: int, wait: int) -> None:
    rig = Rig()
    began = rig.first(took)
    rig.now = began + wait - 1
    assert rig.pace(*rig.flood) == []
    assert rig.pace(after=1) == rig.flood


def test_the_sync_that_their_turn_needed_counts_and_while_output_is_held_they_wait() -> None:
    rig = Rig()
    began = rig.first(MS // 10)
    rig.gate.held.append("their output")
    assert rig.pace(*rig.flood, after=5 * MS) == []
    rig.gate.held.clear()
    rig.gate.released_at = began + 2 * MS
    rig.now = began + 2 * MS * PART - 1
    assert rig.pace() == []
    assert rig.pace(after=1) == rig.flood


def test_others_that_always_have_input_do_not_keep_them_waiting_for_ever() -> None:
    rig = Rig()
    began = rig.first(0)
    rig.pace(*rig.flood)
    rig.gate.held.append("output")
    while rig.now < began + MOST_NS - MS:
        assert rig.pace(rig.other, after=MS) == [rig.other]
    assert rig.pace(rig.other, after=MS) == [rig.other, *rig.flood]


def test_alone_they_are_not_kept_waiting() -> None:
    rig = Rig()
    rig.first(0)
    assert rig.pace(*rig.flood) == []
    assert rig.pace(after=FAIR_NS + 1) == rig.flood, "the others have been silent for a second"
    assert rig.pace(*rig.flood) == rig.flood and rig.pace(*rig.flood) == rig.flood


def test_one_that_has_closed_or_is_not_logged_on_is_not_put_aside_and_does_not_count_as_another() -> None:
    rig = Rig()
    rig.first(0)
    lost, ended, closing, fresh, gone = (link(session) for session in (105, 106, 107, 0, 108))
    lost.lost, ended.eof, closing.closing, gone.connection = True, True, (1, ""), None
    assert rig.pace(lost, ended, closing, fresh, gone, *rig.flood) == [lost, ended, closing, fresh, gone]
    quiet = Rig()
    quiet.now += LOOK_NS
    quiet.refused += REFUSALS
    quiet.floods.look(quiet.now)
    assert quiet.pace(fresh, *quiet.flood) == [fresh, *quiet.flood], "nobody else is there"


def test_a_throttle_is_looked_at_once_a_look_and_a_second_within_it_one_goes_at_once() -> None:
    rig = Rig()
    rig.begin()
    one = rig.flood[0]
    rig.pace(one)
    rig.served(0)
    asked = len(rig.asked)
    for _ in range(5):
        assert rig.pace() == [] if rig.floods.aside else rig.pace(one) == []
    assert len(rig.asked) == asked
    seen = rig.now
    one.connection.session = 2  # stands for: its window has passed
    while rig.now < seen + LATELY_NS:
        rig.refused += REFUSALS  # of others
        rig.floods.look(rig.now)
        assert rig.pace(rig.other) == [rig.other] and rig.floods.aside == [one]
        rig.gate.held = ["output"]  # so that it is not served now and then
        rig.floods._began = rig.now
        rig.now += LOOK_NS
    rig.now = seen + LATELY_NS
    rig.floods.look(rig.now)
    assert rig.pace() == [one] and rig.after_turn is None


def test_one_timer_asks_for_a_turn_while_somebody_waits() -> None:
    rig = Rig()
    rig.first(MS)
    for _ in range(3):
        rig.pace(*([] if rig.floods.aside else rig.flood))
    assert rig.timers == [pytest.approx(PART * MS / 1e9 - MS / 1e9)]
    rig.ring()
    assert rig.woken == 1
    rig.pace()
    assert len(rig.timers) == 2, "it was early: another one"
    rig.now += MOST_NS
    rig.pace()
    rig.ring()
    assert rig.woken == 1, "nobody waits"


@pytest.mark.parametrize("spin", [False, True])
async def test_on_real_sockets_everything_is_answered_in_order_and_the_other_first(spin: bool) -> None:
    async with Street(spin=spin) as street:
        (r1, w1), (r2, w2) = await street.client(1), await street.client(2)
        await until(lambda: len(street.directory.bound) == 2)
        street.engine.over.add(2)
        floods = street.pipeline.floods
        floods._look_at, floods._active_until, floods.active, floods.next_at = 1 << 62, 1 << 62, True, 0
        w1.write(b"0\n")
        assert await lines(r1, 1) == [b"OK 0"]
        w2.write(b"0\n")
        assert await lines(r2, 1) == [b"OK 0"], "their first turn"
        floods._ended = floods._began + 8 * MS  # it took 8 ms
        for n in range(1, 40):
            w2.write(b"%d\n" % n)
        await until(lambda: bool(floods.aside))
        w1.write(b"1\n")
        assert await lines(r1, 1) == [b"OK 1"]
        await nothing(r2, 0.01)
        assert await lines(r2, 39) == [b"OK %d" % n for n in range(1, 40)]
        await until(lambda: not floods.aside)


async def test_a_session_that_goes_while_it_waits_is_logged_off() -> None:
    async with Street() as street:
        (r1, w1), (r2, w2) = await street.client(1), await street.client(2)
        await until(lambda: len(street.directory.bound) == 2)
        street.engine.over.add(2)
        floods = street.pipeline.floods
        floods._look_at, floods._active_until, floods.active, floods.next_at = 1 << 62, 1 << 62, True, 0
        w1.write(b"0\n")
        w2.write(b"0\n")
        assert await lines(r1, 1) == await lines(r2, 1) == [b"OK 0"]
        floods._began, floods._ended = floods._began, floods._began + 100 * MS
        w2.write(b"1\n")
        await until(lambda: bool(floods.aside))
        w2.close()
        await until(lambda: codes.C_LOGOFF in street.engine.kinds())
        assert street.engine.kinds().count(codes.C_NEW) == 3, "what had arrived before was carried out"
