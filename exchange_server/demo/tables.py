"""Group tables by the official tie-breakers, the best thirds, and who reached which round. Pure functions over facts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from .facts import Facts, Match

WIN, DRAW = 3, 1  # points
BEST_THIRDS = 8


class Undecided(Exception):
    """The tie-breakers at hand do not separate two teams; the text is one sentence."""


class Row(NamedTuple):
    """A team's line in a table. conduct: 0 or less, the higher the better; ranking: its place in the world, the lower the better."""

    team: str
    played: int
    won: int
    drawn: int
    lost: int
    scored: int
    conceded: int
    conduct: int = 0
    ranking: int = 0

    @property
    def points(self) -> int:
        return WIN * self.won + DRAW * self.drawn

    @property
    def difference(self) -> int:
        return self.scored - self.conceded


def row(team: str, matches: Iterable[Match], conduct: int = 0, ranking: int = 0) -> Row:
    """The team's line, of the given matches in which it played."""
    goals = [m.goals if m.home == team else m.goals[::-1] for m in matches if team in (m.home, m.away)]
    won, lost = sum(own > other for own, other in goals), sum(own < other for own, other in goals)
    drawn = len(goals) - won - lost
    return Row(team, len(goals), won, drawn, lost, sum(g[0] for g in goals), sum(g[1] for g in goals), conduct, ranking)


def table(teams: Sequence[str], matches: Sequence[Match], conduct: Mapping[str, int] = {}, ranking: Mapping[str, int] = {}) -> list[Row]:
    """The group from the first to the last: points; between equal teams the matches among them (points, goal difference, goals), again among
    those that are then still equal; then goal difference and goals of all matches, conduct, ranking. Raises Undecided."""
    rows = {team: row(team, matches, conduct.get(team, 0), ranking.get(team, 0)) for team in teams}
    out: list[Row] = []
    for _, level in _levels(rows.values(), lambda r: (r.points,)):
        out += _between(level, matches)
    return out


def _levels(rows: Iterable[Row], key: Callable[[Row], tuple[int, ...]]) -> list[tuple[tuple[int, ...], list[Row]]]:
    """The rows with equal keys, the highest key first."""
    ordered = sorted(rows, key=key, reverse=True)
    return [(value, list(level)) for value, level in groupby(ordered, key)]


def _between(level: list[Row], matches: Sequence[Match]) -> list[Row]:
    """Teams with equal points, in their order."""
    if len(level) == 1:
        return level
    names = {r.team for r in level}
    among = [m for m in matches if m.home in names and m.away in names]
    own = {r.team: row(r.team, among) for r in level}
    parts = _levels(level, lambda r: (own[r.team].points, own[r.team].difference, own[r.team].scored))
    if len(parts) > 1:
        return [r for _, part in parts for r in _between(part, matches)]
    return _by_all_matches(level)


def _overall(r: Row) -> tuple[int, ...]:
    return r.difference, r.scored, r.conduct, -r.ranking


def _by_all_matches(level: list[Row]) -> list[Row]:
    parts = _levels(level, _overall)
    for _, part in parts:
        if len(part) > 1:
            raise Undecided(f"{' and '.join(r.team for r in part)} are equal in everything that is known of them")
    return [r for _, part in parts for r in part]


def group_tables(facts: Facts) -> dict[str, list[Row]]:
    """The table of every group, by its letter."""
    return {
        group.letter: table(
            [team.code for team in facts.teams if team.group == group.letter],
            [match for match in facts.group_matches if match.group == group.letter],
        )
        for group in facts.groups
    }


def best_thirds(thirds: Iterable[Row], count: int = BEST_THIRDS) -> list[Row]:
    """The best of the teams that are third in their groups: points, goal difference, goals, conduct, ranking. Raises Undecided if the last
    place is between two equal teams."""
    ordered = sorted(thirds, key=lambda r: (r.points, *_overall(r)), reverse=True)
    if len(ordered) > count and (ordered[count - 1].points, *_overall(ordered[count - 1])) == (
        ordered[count].points,
        *_overall(ordered[count]),
    ):
        raise Undecided(f"{ordered[count - 1].team} and {ordered[count].team} are equal in everything that is known of them")
    return ordered[:count]


def advancing(facts: Facts) -> set[str]:
    """The teams that go on after the groups: the first two of each and the best thirds."""
    tables = group_tables(facts)
    return {r.team for rows in tables.values() for r in rows[:2]} | {r.team for r in best_thirds(rows[2] for rows in tables.values())}


def reached(facts: Facts, round: str) -> set[str]:
    """The teams that played in a round: R32, R16, QF, SF, FINAL."""
    return {code for match in facts.ties if match.stage == round for code in (match.home, match.away)}


def champion(facts: Facts) -> str:
    return next(match.winner for match in facts.ties if match.stage == "FINAL")


def goals(facts: Facts) -> int:
    """Of the whole tournament, with extra time, without shoot-outs."""
    return sum(sum(match.score) for match in facts.matches)


def top_scorer(facts: Facts) -> str:
    """The candidate with the most goals. Raises Undecided if two have as many."""
    ordered = sorted(facts.scorers, key=lambda scorer: scorer.goals, reverse=True)
    if len(ordered) > 1 and ordered[0].goals == ordered[1].goals:
        raise Undecided(f"{ordered[0].code} and {ordered[1].code} scored {ordered[0].goals} goals each")
    return ordered[0].code
