"""Compressed time: the order of what happens is that of the real tournament."""

from exchange_server.demo import facts as facts_of
from exchange_server.demo import outcomes as o
from exchange_server.demo import timetable
from exchange_server.demo.acts import Act, acts

FACTS = facts_of.read()
STARTS, SPEED = 1_800_000_000 * 10**9, 30_000
CLOCK = timetable.clock(FACTS, STARTS, SPEED)
TIMES = timetable.timetable(FACTS, CLOCK)


def test_the_clock() -> None:
    first = FACTS.matches[0].kickoff_ns
    assert CLOCK.at(first) == STARTS + timetable.BEFORE_NS and CLOCK.at(first + 30_000 * 10**9) - CLOCK.at(first) == 10**9
    assert CLOCK.real(CLOCK.at(first + 60_000 * 10**9)) == first + 60_000 * 10**9
    assert timetable.speed_for(FACTS, 30.0) == 109_770 and timetable.speed_for(FACTS, 1e9) == 1


def test_every_event_has_its_times_in_order() -> None:
    assert TIMES.keys() == o.outcomes(FACTS).keys() and len(TIMES) == 156
    for event, row in TIMES.items():
        assert row.opens < row.known and (not row.live or row.opens < row.live < row.known), event
        assert (row.closes == 0) == (event in timetable.BY_HAND) and row.closes <= row.known, event
        assert not row.live or not row.closes or row.live < row.closes
    assert sum(row.live > 0 for row in TIMES.values()) == 136, "104 matches and 32 ties are played in play"


def test_a_tie_opens_when_the_round_before_is_over() -> None:
    groups_over = max(TIMES[o.group_event(g.letter)].known for g in FACTS.groups)
    for match in FACTS.ties:
        opens = TIMES[o.match_event(match)].opens
        assert opens == TIMES[o.tie_event(match)].opens
        assert (opens == groups_over) == (match.stage == "R32"), match
    assert (
        TIMES["WC26-FINAL"].opens == TIMES["WC26-M103"].opens == max(TIMES[o.match_event(m)].known for m in FACTS.ties if m.stage == "SF")
    )
    assert TIMES["WC26-REACH-R32"].closes == groups_over and TIMES["WC26-M001"].opens == STARTS


def test_what_the_operator_does() -> None:
    todo = acts(TIMES)
    assert todo == sorted(todo, key=lambda act: act.at_ns) and todo[0].kind == "open"
    kinds = [act.kind for act in todo]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "open": 156,
        "live": 136,
        "close": 150,
        "determine": 150,
        "void": 1,
        "bust": 1,
        "correct": 1,
    }
    assert [act.kind for act in todo if act.event == o.VOIDED] == ["open", "live", "void"]
    one = [act.kind for act in todo if act.event == "WC26-M082-TIE"]
    assert one == ["open", "live", "close", "determine"]
    assert [a.kind for a in todo if a.event == "WC26-FINAL"] == ["open", "live"] and isinstance(todo[0], Act)
    assert [a.kind for a in todo if a.event == "WC26-REACH-QF"] == ["open", "close", "determine"]


def test_when_the_bots_trade() -> None:
    traded = timetable.traded(TIMES)
    assert traded["WC26-WIN"] == (STARTS, 0) and traded["WC26-M001"] == (STARTS, TIMES["WC26-M001"].closes)
