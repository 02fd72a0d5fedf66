"""Tables by the official tie-breakers: the real groups, and small groups in which each tie-breaker decides."""

import pytest

from exchange_server.demo import facts as facts_of
from exchange_server.demo import tables
from exchange_server.demo.facts import Match
from exchange_server.demo.tables import Row, Undecided

FACTS = facts_of.read()


def games(*scores: str) -> list[Match]:
    """Matches such as "A2-1B"."""
    return [
        Match(match=i, code="", stage="GROUP", kickoff="", home=s[0], away=s[-1], home_name="", away_name="", goals=(int(s[1]), int(s[3])))
        for i, s in enumerate(scores)
    ]


def order(scores: str, **more: dict[str, int]) -> str:
    return "".join(r.team for r in tables.table("ABCD", games(*scores.split()), **more))


def test_the_real_groups() -> None:
    winners = {letter: rows[0].team for letter, rows in tables.group_tables(FACTS).items()}
    assert winners == dict(zip("ABCDEFGHIJKL", "MEX SUI BRA USA GER NED BEL ESP FRA ARG COL ENG".split()))
    thirds = [rows[2] for rows in tables.group_tables(FACTS).values()]
    assert {r.team for r in tables.best_thirds(thirds)} == {"BIH", "PAR", "ECU", "SWE", "SEN", "ALG", "COD", "GHA"}


def test_who_advances_by_the_tables_is_who_played_in_the_round_of_32() -> None:
    assert tables.advancing(FACTS) == tables.reached(FACTS, "R32") and len(tables.advancing(FACTS)) == 32
    assert [len(tables.reached(FACTS, r.round)) for r in FACTS.rounds] == [r.teams for r in FACTS.rounds] == [32, 16, 8, 4, 2]
    assert tables.reached(FACTS, "FINAL") == {"ESP", "ARG"} and tables.champion(FACTS) == "ESP"


def test_goals_and_scorer() -> None:
    assert tables.goals(FACTS) == 308 and tables.top_scorer(FACTS) == "MBAPPE"
    level = FACTS._replace(scorers=tuple(facts_of.Scorer(code=c, name=c, goals=9) for c in ("X", "Y")))
    with pytest.raises(Undecided, match="X and Y scored 9 goals each"):
        tables.top_scorer(level)


def test_a_row() -> None:
    line = tables.row("A", games("A2-1B", "C3-3A", "A0-4D", "B9-0C"))
    assert line == Row("A", 3, 1, 1, 1, 5, 8) and (line.points, line.difference) == (4, -3)


@pytest.mark.parametrize(
    ("scores", "wanted", "why"),
    [
        ("A1-0B A1-0C A1-0D B1-0C B1-0D C1-0D", "ABCD", "points"),
        ("B1-0A A9-0C A9-0D B0-1C B1-0D C1-1D", "BACD", "the match between two equal teams counts before the goal difference of all"),
        ("A2-0B B1-0C C1-0A A1-0D B1-0D C9-0D", "ACBD", "three in a circle: goal difference among them (+1, 0, -1)"),
        ("A3-2B B2-1C C1-0A A0-0D B0-0D C0-0D", "BACD", "three in a circle, level in difference: goals among them (4, 3, 2)"),
        ("A1-1B A2-0C A0-1D B5-0C B0-1D C0-0D", "DBAC", "their match was drawn: goal difference of all"),
        ("A1-1B A1-0C A0-1D B3-2C B0-1D C0-0D", "DBAC", "then goals of all"),
    ],
)
def test_each_tie_breaker(scores: str, wanted: str, why: str) -> None:
    assert order(scores) == wanted, why


def test_those_still_equal_are_compared_by_their_own_matches_again() -> None:
    # Among A, B and C: points 3 each, A and B level with 3-2, C third with 2-4. A has the better goals in all, but B beat A.
    assert order("A0-2B B1-2C C0-3A A9-0D B1-0D C1-0D") == "BACD"
    # Among A, B and C all are equal: all their matches decide.
    assert order("A1-0B B1-0C C1-0A A3-0D B2-0D C1-0D") == "ABCD"


def test_conduct_then_ranking_then_nothing() -> None:
    level = "A1-1B A1-0C A1-0D B1-0C B1-0D C1-1D"
    assert order(level, conduct={"A": -3, "B": -1, "C": -5, "D": -4}) == "BADC"
    assert order(level, ranking={"A": 7, "B": 9, "C": 80, "D": 12}) == "ABDC"
    with pytest.raises(Undecided, match="A and B are equal"):
        order(level)


def test_the_best_thirds_and_a_place_between_two_equal_ones() -> None:
    thirds = [Row("A", 3, 1, 1, 1, 3, 3), Row("B", 3, 1, 0, 2, 5, 4), Row("C", 3, 1, 0, 2, 5, 5), Row("D", 3, 1, 0, 2, 4, 4)]
    assert [r.team for r in tables.best_thirds(reversed(thirds), 3)] == ["A", "B", "C"]
    thirds[3] = Row("D", 3, 1, 0, 2, 5, 5)
    with pytest.raises(Undecided, match="C and D|D and C"):
        tables.best_thirds(thirds, 3)
    assert len(tables.best_thirds(thirds, 4)) == 4
