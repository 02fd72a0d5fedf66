"""Sessions over their throttle are served now and then, the others at once."""

from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.core.risk.pacing import OVER, SOON
from exchange_server.net.floods import DUE_PART, LATELY_NS, LEAST_NS, LINKS, LOOK_NS, LOOK_PART, MOST_NS, PART, ROWS, Floods
from exchange_server.net.limits import Limits
from protocol import codes

from .test_turn import MS, Street, lines, nothing, until

FAIR_NS = Limits().fair_ns


def link(session: int) -> Any:
    connection = SimpleNamespace(session=session)
    return SimpleNamespace(
        lost=False, eof=False, closing=None, connection=connection, over_look=0, over_until=0, wants=False, due_more=False
    )


class Rig:
    """A clock, a count of rows, and sessions above 100 over their throttle."""

    def __init__(self) -> None:
        self.now = 1_000 * MS
        self.rows = 0
        self.marks = dict.fromkeys(range(101, 120), OVER)
        self.looked = 0
        self.look_takes = 0
        self.timers: list[float] = []
        self.after_turn: Any = None  # what the loop is to do after this turn: only after one of theirs
        self.woken = 0
        self.gate: Any = SimpleNamespace(held=[], released_at=0)
        self.floods = Floods(Limits(), self.gate, lambda: self.now, self._paces, lambda: self.rows, self._later, self._wake)
        self.other, self.flood = link(1), [link(n) for n in range(101, 101 + LINKS)]

    def _paces(self) -> tuple[bytes, bool]:
        self.looked += 1
        self.now += self.look_takes
        return bytes(self.marks.get(session, 0) for session in range(120)), any(self.marks.values())

    def _later(self, seconds: float, function: Any) -> None:
        if seconds:
            self.timers.append(seconds)
            self.ring = function
        else:
            self.after_turn = function

    def _wake(self) -> None:
        self.woken += 1

    def turn(self, *links: Any, after: int = 0, rows: int = 0) -> list[Any]:
        """The links of a turn that is made so much later, for which these have input; `rows` were taken since the last one."""
        self.now += after
        self.rows += rows
        return self.floods.choose(list(links), self.now)

    def begin(self) -> None:
        """A flood is noticed, and the other session has just been active."""
        assert self.turn(self.other, after=LOOK_NS, rows=ROWS) == [self.other]

    def first(self, took: int, mark: int = OVER) -> int:
        """A flood begins, and its first turn takes so long; when that turn began."""
        self.marks = dict.fromkeys(self.marks, mark)
        self.begin()
        assert self.turn(*self.flood) == self.flood and self.floods.theirs
        began = self.now
        self.served(took)
        return began

    def served(self, took: int) -> None:
        """The turn that was just made was theirs, and took so long."""
        self.now += took
        self.after_turn()
        self.after_turn = None


def test_nobody_is_looked_for_while_little_goes_on() -> None:
    rig = Rig()
    assert rig.turn(*rig.flood, after=LOOK_NS, rows=ROWS - 1) == rig.flood and rig.looked == 0
    assert rig.floods.next_at == rig.now + LOOK_NS, "nothing to ask until then"
    assert rig.turn(rig.other, after=LOOK_NS, rows=ROWS) == [rig.other] and rig.looked == 1


def test_a_turn_has_nothing_to_ask_until_the_next_look_unless_somebody_floods_or_waits() -> None:
    rig = Rig()
    rig.marks = {}
    assert rig.turn(rig.other, *rig.flood, after=LOOK_NS, rows=ROWS) == [rig.other, *rig.flood]
    assert rig.looked == 1 and rig.floods.next_at == rig.now + LOOK_NS
    rig.marks = {101: OVER}
    assert rig.turn(rig.other, after=LOOK_NS, rows=ROWS) == [rig.other] and rig.floods.next_at == 0
    assert rig.turn(rig.flood[0]) == rig.flood[:1]
    rig.served(MS)
    assert rig.turn(rig.flood[0]) == [] and rig.floods.aside == rig.flood[:1] and rig.floods.next_at == 0
    rig.marks = {}
    assert rig.turn(after=LATELY_NS, rows=ROWS) == rig.flood[:1] and rig.floods.aside == [], "nobody who waits is forgotten when it is over"
    assert not rig.floods.theirs
    assert rig.floods.next_at > rig.now


def test_a_look_that_takes_long_is_made_less_often() -> None:
    rig = Rig()
    rig.look_takes = MS
    rig.turn(after=LOOK_NS, rows=ROWS)
    assert rig.floods._look_at == rig.now - MS + LOOK_PART * MS


def test_who_is_over_waits_while_others_are_active() -> None:
    rig = Rig()
    rig.first(MS // 5)
    assert rig.turn(*rig.flood) == [] and rig.floods.aside == rig.flood and rig.after_turn is None and not rig.floods.theirs
    assert rig.turn(rig.other, after=PART * MS // 5 - MS) == [rig.other], "the others go at once, alone"
    assert rig.turn(after=MS // 2) == []
    assert rig.turn(after=MS // 2) == rig.flood and rig.floods.aside == [] and rig.floods.theirs


@pytest.mark.parametrize("mark", [SOON, OVER])
@pytest.mark.parametrize("took", [0, MS // 2, 40 * MS])
def test_how_long_they_wait_follows_from_what_their_turn_took_and_whether_their_throttle_is_used_up(took: int, mark: int) -> None:
    rig = Rig()
    began = rig.first(took, mark)
    rig.now = max(rig.now, began + min(max((DUE_PART if mark == SOON else PART) * took, LEAST_NS), MOST_NS) - 1)
    assert rig.turn(*rig.flood) == []
    assert rig.turn(after=1) == rig.flood


def test_a_few_at_a_time_in_turn_and_a_turn_is_asked_for_while_more_wait() -> None:
    rig = Rig()
    rig.begin()
    crowd = [link(n) for n in range(101, 101 + 2 * LINKS + 1)]
    assert rig.turn(*crowd) == crowd[:LINKS] and rig.floods.aside == crowd[LINKS:]
    assert rig.timers == [LEAST_NS / 1e9]
    rig.served(0)
    assert rig.turn(*crowd[:LINKS], after=MOST_NS) == crowd[LINKS : 2 * LINKS]
    rig.served(0)
    assert rig.turn(after=MOST_NS) == [crowd[2 * LINKS], *crowd[: LINKS - 1]]


def test_the_sync_that_their_turn_needed_counts_and_while_that_goes_on_they_wait() -> None:
    rig = Rig()
    began = rig.first(MS // 10)
    rig.gate.held.append(SimpleNamespace(at=began))
    assert rig.turn(*rig.flood, after=PART * MS) == []
    rig.gate.held[0] = SimpleNamespace(at=began + 1)  # another's: theirs has been sent
    rig.gate.released_at = began + MS
    rig.now = began + PART * MS - 1
    assert rig.turn() == []
    rig.gate.released_at = rig.now  # others' output that was sent later does not count
    assert rig.turn(after=1) == rig.flood


def test_a_disk_that_takes_for_ever_does_not_keep_them_for_ever() -> None:
    rig = Rig()
    began = rig.first(0)
    rig.gate.held.append(SimpleNamespace(at=began))
    rig.turn(*rig.flood)
    while rig.now < began + MOST_NS - MS:
        assert rig.turn(rig.other, after=MS, rows=ROWS) == [rig.other]
    assert rig.turn(rig.other, after=MS) == [rig.other, *rig.flood], "together with the others if these have input, too"


def test_alone_they_are_not_kept_waiting() -> None:
    rig = Rig()
    rig.first(0)
    assert rig.turn(*rig.flood) == []
    assert rig.turn(after=FAIR_NS - 1, rows=ROWS) == rig.flood, "their turn is due"
    rig.served(0)
    assert rig.turn(*rig.flood, after=LEAST_NS - 1, rows=ROWS) == rig.flood and not rig.floods.theirs, (
        "the others have been silent for a second"
    )
    assert rig.turn(*rig.flood) == rig.flood and rig.turn(*rig.flood) == rig.flood


def test_one_that_has_closed_or_is_not_logged_on_is_not_put_aside_and_does_not_count_as_another() -> None:
    rig = Rig()
    rig.first(0)
    lost, ended, closing, fresh, gone = (link(session) for session in (105, 106, 107, 0, 108))
    lost.lost, ended.eof, closing.closing, gone.connection = True, True, (1, ""), None
    assert rig.turn(lost, ended, closing, fresh, gone, *rig.flood) == [lost, ended, closing, fresh, gone]
    quiet = Rig()
    assert quiet.turn(fresh, *quiet.flood, after=LOOK_NS, rows=ROWS) == [fresh, *quiet.flood], "nobody else is there"


def test_a_session_that_came_after_the_look_is_not_over() -> None:
    rig = Rig()
    rig.first(0)
    new = link(5_000)
    assert rig.turn(new, *rig.flood) == [new]


@pytest.mark.parametrize("wants", [False, True])
def test_it_is_over_until_a_second_after_it_was_last_over_or_sent_more_than_it_got(wants: bool) -> None:
    rig = Rig()
    rig.first(0)
    one = rig.flood[0]
    rig.marks = {102: OVER}
    one.wants = wants
    assert rig.turn(rig.other, after=LATELY_NS - LOOK_NS, rows=ROWS) == [rig.other]
    assert one in rig.turn(one) and rig.floods.theirs
    rig.served(0)
    rig.turn(rig.other, after=2 * LOOK_NS, rows=ROWS)
    assert rig.turn(one) == [one] and rig.floods.theirs == wants, "in a turn of theirs, or as everybody"
    if wants:
        rig.served(0)
        one.wants = False
        rig.turn(rig.other, after=LATELY_NS, rows=ROWS)
        assert rig.turn(one) == [one] and not rig.floods.theirs


def test_one_timer_asks_for_a_turn_while_somebody_waits() -> None:
    rig = Rig()
    rig.first(MS)
    for _ in range(3):
        rig.turn(*([] if rig.floods.aside else rig.flood))
    assert rig.timers == [pytest.approx((PART * MS - MS) / 1e9)]
    rig.ring()
    assert rig.woken == 1
    rig.turn()
    assert len(rig.timers) == 2, "it was early: another one"
    assert rig.turn(after=MOST_NS) == rig.flood
    rig.ring()
    assert rig.woken == 1, "nobody waits"


def begin(street: Street) -> None:
    """From now on session 2 is over its throttle."""
    floods = street.pipeline.floods
    street.engine.over.add(2)
    floods._seen = -ROWS
    floods.look(floods._tick())
    floods._look_at, floods.next_at = 1 << 62, 0
    floods._until = 1 << 62


@pytest.mark.parametrize("spin", [False, True])
async def test_on_real_sockets_everything_is_answered_in_order_and_the_other_first(spin: bool) -> None:
    async with Street(spin=spin) as street:
        (r1, w1), (r2, w2) = await street.client(1), await street.client(2)
        await until(lambda: len(street.directory.bound) == 2)
        floods = street.pipeline.floods
        begin(street)
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
        floods = street.pipeline.floods
        begin(street)
        w1.write(b"0\n")
        w2.write(b"0\n")
        assert await lines(r1, 1) == await lines(r2, 1) == [b"OK 0"]
        floods._began, floods._ended = floods._began, floods._began + 100 * MS
        w2.write(b"1\n")
        await until(lambda: bool(floods.aside))
        w2.close()
        await until(lambda: codes.C_LOGOFF in street.engine.kinds())
        assert street.engine.kinds().count(codes.C_NEW) == 3, "what had arrived before was carried out"
