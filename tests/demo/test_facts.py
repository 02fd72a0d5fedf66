"""The facts file against what is known of it, and rows that contradict themselves."""

from collections import Counter
from pathlib import Path

import pytest

from config.load import ConfigError
from exchange_server.demo import facts as facts_of

FACTS = facts_of.read()


def test_48_teams_in_12_groups_and_104_matches() -> None:
    assert len({t.code for t in FACTS.teams}) == len({t.name for t in FACTS.teams}) == 48
    assert Counter(t.group for t in FACTS.teams) == {g.letter: 4 for g in FACTS.groups} and len(FACTS.groups) == 12
    assert len(FACTS.matches) == 104 and len(FACTS.group_matches) == 72 and len(FACTS.ties) == 32
    assert Counter(m.stage for m in FACTS.ties) == {"R32": 16, "R16": 8, "QF": 4, "SF": 2, "THIRD": 1, "FINAL": 1}
    assert len({m.code for m in FACTS.matches}) == 104 and FACTS.matches[0].code == "M001" and FACTS.matches[-1].code == "FINAL"
    group_of = {t.code: t.group for t in FACTS.teams}
    for match in FACTS.group_matches:
        assert group_of[match.home] == group_of[match.away] == match.group
    pairs = Counter(frozenset((m.home, m.away)) for m in FACTS.group_matches)
    assert len(pairs) == 72 and all(len(pair) == 2 for pair in pairs), "everybody plays everybody else of the group once"


def test_results_after_90_minutes() -> None:
    def counted(matches: tuple[facts_of.Match, ...]) -> tuple[int, int, int]:
        results = ["DRAW" if m.result == "DRAW" else "home" if m.result == m.home else "away" for m in matches]
        return results.count("home"), results.count("DRAW"), results.count("away")

    assert counted(FACTS.group_matches) == (34, 20, 18) and counted(FACTS.ties) == (12, 9, 11)


def loser(match: facts_of.Match) -> str:
    return {match.home: match.away, match.away: match.home}.get(match.winner, "")


def test_matches_that_are_known() -> None:
    final = FACTS.matches[103]
    assert (final.result, final.winner, loser(final), final.score) == ("DRAW", "ESP", "ARG", (1, 0))
    paraguay = FACTS.matches[73]
    assert (paraguay.home, paraguay.result, paraguay.penalties, paraguay.winner) == ("GER", "DRAW", (3, 4), "PAR")
    assert FACTS.matches[0].winner == "MEX" and FACTS.matches[2].winner == loser(FACTS.matches[2]) == "", (
        "Canada and Bosnia drew in their group"
    )
    assert (
        FACTS.matches[0].kickoff_ns == 1781204400 * 10**9
        and FACTS.matches[0].over_ns - FACTS.matches[0].kickoff_ns == 120 * facts_of.MINUTE
    )
    assert paraguay.over_ns - paraguay.kickoff_ns == 180 * facts_of.MINUTE and final.over_ns - final.kickoff_ns == 165 * facts_of.MINUTE


def test_every_round_is_played_by_the_winners_of_the_one_before() -> None:
    for before, stage in (("R32", "R16"), ("R16", "QF"), ("QF", "SF"), ("SF", "FINAL")):
        winners = {m.winner for m in FACTS.ties if m.stage == before}
        assert winners == {code for m in FACTS.ties if m.stage == stage for code in (m.home, m.away)}
    assert {loser(m) for m in FACTS.ties if m.stage == "SF"} == {
        code for m in FACTS.ties if m.stage == "THIRD" for code in (m.home, m.away)
    }
    over = {stage: max(m.over_ns for m in FACTS.matches if m.stage == stage) for stage in facts_of.STAGES}
    first = {stage: min(m.kickoff_ns for m in FACTS.matches if m.stage == stage) for stage in facts_of.STAGES}
    assert all(over[a] < first[b] for a, b in zip(facts_of.STAGES, facts_of.STAGES[1:])), "a round begins when the one before it is over"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'home_name = "Spain", away_name = "Argentina"',
            'home_name = "Spain", away_name = "Argentinia"',
            "ARG is Argentina, here it is called",
        ),
        ('home = "ESP", away = "ARG"', 'home = "ESX", away = "ARG"', "ESX is no team of this file"),
        ('kickoff = "2026-07-19T19:00Z"', 'kickoff = "2026-07-19 19:00"', '"2026-07-19 19:00" is no time'),
        ('code = "FINAL", stage = "FINAL"', 'code = "FINAL", stage = "GROUP"', "GROUP is no stage of this table"),
        ("goals = [0, 0], extra = [1, 0] }", "goals = [0, 1], extra = [1, 1] }", "exactly when it is level after 90 minutes"),
        ("goals = [0, 0], extra = [1, 0] }", "goals = [0, 0] }", "exactly when it is level after 90 minutes"),
        ("goals = [0, 0], extra = [1, 0] }", "goals = [1, 1], extra = [1, 0] }", "is lower than that after 90 minutes"),
        ("goals = [0, 0], extra = [1, 0] }", "goals = [0, 0], extra = [1, 1] }", "exactly when it is level after extra time"),
        ("extra = [0, 0], penalties = [4, 3]", "extra = [0, 0], penalties = [4, 4]", "nobody won it"),
        ("match = 104,", "match = 103,", "numbered from 1 to 104"),
        ("match = 104,", "macth = 104,", "macth"),
        ("goals = [0, 4] }", "goals = [4, 4], extra = [5, 4] }", "a group match has no extra time"),
    ],
)
def test_facts_that_contradict_themselves(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    text = facts_of.FACTS.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "facts.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        facts_of.read(path)
    assert sentence in str(refused.value)
