"""Turns are short while a modest session is there, long when all are busy."""

from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.net.fairness import Fairness
from exchange_server.net.limits import Limits
from protocol import codes

from .test_turn import Street, until

LIMITS = Limits(modest_rows=10, greedy_share=64, fair_ns=1000)


class FakeLink(SimpleNamespace):
    """Each is equal to itself alone, as links are."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


def link(session: int = 0) -> Any:
    """session 0: it has not logged on yet."""
    return FakeLink(greedy_at=0, lost=False, taken=0, taken_age=0, uses=None, connection=SimpleNamespace(session=session))


def test_one_session_alone_and_a_crowd_of_greedy_ones_have_the_whole_turn() -> None:
    fairness = Fairness(LIMITS)
    flood = [link() for _ in range(8)]
    assert not fairness.begin(flood, 1)
    for one in flood:
        fairness.note(one, 500 * L.CMD_WORDS, False, 1)
    assert not fairness.begin(flood, 2) and fairness.modest is None
    fairness.note(flood[0], 0, True, 3)
    assert not fairness.begin(flood, 4), "who wants more than it got is not modest, however little that was"


def test_a_modest_session_makes_the_turns_short_for_a_while() -> None:
    fairness = Fairness(LIMITS)
    flood, modest = link(), link()
    fairness.note(flood, 500 * L.CMD_WORDS, True, 5)
    fairness.note(modest, 10 * L.CMD_WORDS, False, 5)
    assert fairness.begin([flood], 6) and fairness.modest is modest and fairness.share == 64
    fairness.note(flood, 5 * L.CMD_WORDS, False, 900)
    assert fairness.modest is modest, "a flood that pauses is not modest at once"
    assert fairness.begin([flood], 1005) and not fairness.begin([flood], 1006), "after a while without it the turns are long again"


def test_several_greedy_ones_share() -> None:
    fairness = Fairness(LIMITS)
    flood, modest = [link() for _ in range(4)], link()
    for one in flood:
        fairness.note(one, 500 * L.CMD_WORDS, True, 5)
    fairness.note(modest, L.CMD_WORDS, False, 5)
    assert fairness.begin([*flood, modest], 6) and fairness.share == 16
    assert fairness.begin([link() for _ in range(99)], 7) and fairness.share == 64
    more = [link() for _ in range(99)]
    for one in more:
        one.greedy_at = 7
    assert fairness.begin(more, 8) and fairness.share == 8, "never so little that nothing moves"


def test_a_modest_one_that_floods_or_goes_is_forgotten() -> None:
    fairness = Fairness(LIMITS)
    modest = link()
    fairness.note(modest, L.CMD_WORDS, False, 5)
    fairness.note(modest, 99 * L.CMD_WORDS, False, 6)
    assert not fairness.begin([modest], 7)
    other = link()
    fairness.note(other, L.CMD_WORDS, False, 8)
    other.lost = True
    assert not fairness.begin([modest], 9)


def test_a_short_turn_takes_those_first_of_which_least_was_taken() -> None:
    fairness = Fairness(Limits(short_links=3))
    crowd, modest = [link() for _ in range(6)], link()
    order = []
    waiting = crowd
    for _ in range(4):
        now, waiting = fairness.choose(waiting, 5)
        order += now
        for one in now:
            fairness.note(one, 40, False, 5)
        waiting = waiting + now
    assert order == crowd + crowd, "equals take turns"
    now, later = fairness.choose([*crowd, modest], 6)
    assert now[0] is modest and sorted(map(id, now + later)) == sorted(map(id, [*crowd, modest])), "nobody is lost"
    fairness.note(modest, 200, False, 6)
    assert fairness.choose([modest, *crowd], 7)[1][-1] is modest
    assert fairness.choose([modest, *crowd], 10 << 27)[0][0] is modest, "what was taken long ago does not count"
    assert len(fairness.choose([link() for _ in range(160)], 7)[0]) == 10, "of a very large crowd a sixteenth"


OWNERS = {
    11: ("V", 1),
    12: ("V", 1),
    13: ("V", 1),
    14: ("V", 2),
    21: ("W", 3),
    31: ("", 4),
    32: ("", 4),
    33: ("", 5),
}  # session → (venue, firm)


def rounds(fairness: Fairness, links: list[Any], turns: int) -> list[int]:
    """How often each link was taken while all always have the same input."""
    times = [0] * len(links)
    for _ in range(turns):
        for one in fairness.choose(list(links), 5)[0]:
            times[links.index(one)] += 1
            fairness.note(one, 40, False, 5)
    return times


@pytest.mark.parametrize(
    ("sessions", "times"),
    [
        ((11, 12, 13, 21), [20, 20, 20, 60]),  # a venue's only session gets as much as three of another
        ((11, 12, 13, 14), [20, 20, 20, 60]),  # within a venue the same of its firms
        ((31, 32, 33), [30, 30, 60]),  # firms of no venue are each for themselves
        ((31, 21, 11, 14), [40, 40, 20, 20]),
        ((0, 0, 11), [40, 40, 40]),  # before the logon there is only the connection
    ],
)
def test_venues_share_a_short_turn_then_firms_then_sessions(sessions: tuple[int, ...], times: list[int]) -> None:
    fairness = Fairness(Limits(short_links=1), OWNERS.__getitem__)
    found = rounds(fairness, [link(session) for session in sessions], 120)
    assert all(abs(a - b) <= 2 for a, b in zip(found, times)), found


def test_a_venue_that_used_much_long_ago_is_not_last() -> None:
    fairness = Fairness(Limits(short_links=1), OWNERS.__getitem__)
    flood, other = link(11), link(21)
    rounds(fairness, [flood], 50)
    assert fairness.choose([flood, other], 5)[0] == [other]
    rounds(fairness, [other], 3)
    assert fairness.choose([flood, other], 5)[0] == [other]
    assert fairness.choose([flood, other], 20 << 27)[0] == [flood], "equals again, in their order"


def test_a_session_that_is_modest_by_chance_and_then_floods_does_not_end_the_short_turns_of_another() -> None:
    fairness = Fairness(LIMITS)
    modest, flood = link(), link()
    fairness.note(modest, L.CMD_WORDS, False, 100)
    fairness.note(flood, L.CMD_WORDS, False, 101)
    assert fairness.modest is flood
    fairness.note(flood, 99 * L.CMD_WORDS, True, 102)
    assert fairness.modest is None and fairness.begin([flood], 103), "the other one was there a moment ago"
    assert fairness.begin([flood], 1100) and not fairness.begin([flood], 1101)


def test_when_all_that_were_modest_are_greedy_the_turns_are_long_at_once() -> None:
    """Otherwise a burst of all after a quiet moment would be served in short turns for a second, for nobody."""
    fairness = Fairness(LIMITS)
    links = [link() for _ in range(8)]
    for round_ in range(2):
        for at, one in enumerate(links, 100 * round_):
            fairness.note(one, L.CMD_WORDS, False, at)
    assert fairness.begin(links, 110)
    for at, one in enumerate(links[1:], 111):
        fairness.note(one, 6 * L.CMD_WORDS, True, at)
        assert fairness.begin(links, 120), "the first one has not been greedy"
    links[0].lost = True
    assert not fairness.begin(links, 121)
    links[0].lost = False
    fairness.note(links[0], L.CMD_WORDS, False, 122)
    assert fairness.begin(links, 123)
    fairness.note(links[0], 6 * L.CMD_WORDS, True, 124)
    assert not fairness.begin(links, 125)


def test_those_that_were_modest_long_ago_are_forgotten() -> None:
    fairness = Fairness(LIMITS)
    for at in range(0, 100_000, 100):
        fairness.note(link(), L.CMD_WORDS, False, at)
        assert len(fairness._others) <= 12


async def test_a_crowd_is_taken_in_short_turns_and_nobody_is_left_out() -> None:
    async with Street(short_links=4, modest_rows=10) as street:
        for number in range(1, 11):
            await street.client(number)
            await until(lambda number=number: number in street.directory.bound)
        before = street.engine.kinds().count(codes.C_NEW)
        for turns in (1, 2, 3):
            if turns == 1:
                for connection in street.directory.bound.values():
                    connection.feed(b"1\n")
                    street.pipeline.mark(connection.pipe)
            street.pipeline.turn()
            assert street.engine.kinds().count(codes.C_NEW) - before == min(4 * turns, 10)


async def test_the_pipeline_gives_each_its_share() -> None:
    async with Street(greedy_share=40, modest_rows=10) as street:
        shares: dict[int, int] = {}
        for number in (1, 2):
            await street.client(number)
            await until(lambda number=number: number in street.directory.bound)
        for number, connection in street.directory.bound.items():
            gather = type(connection).gather

            def look(turn: Any, connection: Any = connection, number: int = number, gather: Any = gather) -> bool:
                shares[number] = turn.share
                return bool(gather(connection, turn))

            street.pipeline.links.by_id[connection.pipe.id].connection = SimpleConnection(connection, look)
        fairness = street.pipeline.fairness
        one, two = (street.directory.bound[n].pipe for n in (1, 2))
        one.connection.feed(b"1\n" * 50)
        two.connection.feed(b"1\n")
        street.pipeline.mark(one)
        street.pipeline.mark(two)
        street.pipeline.turn()
        assert fairness.modest is two and one.greedy_at
        for peer in (one, two):
            peer.connection.feed(b"1\n")
            street.pipeline.mark(peer)
        street.pipeline.turn()
        assert shares == {1: 40, 2: 1 << 30}
        assert street.engine.kinds().count(codes.C_NEW) == 53


class SimpleConnection:
    """A connection whose `gather` is another."""

    def __init__(self, connection: Any, gather: Any) -> None:
        self.__dict__["connection"], self.__dict__["gather"] = connection, gather

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.connection, name, value)
