"""The facts of the World Cup 2026 (config/worldcup/facts.toml): teams, groups, matches, rounds, scorers. Read, checked, and never changed."""

import datetime
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config.load import SHIPPED, ConfigError, read_toml

FACTS = SHIPPED / "worldcup" / "facts.toml"
MINUTE = 60 * 10**9
STAGES = ("GROUP", "R32", "R16", "QF", "SF", "THIRD", "FINAL")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the file."""


class Team(_Row, frozen=True):
    code: str
    name: str
    group: str


class Group(_Row, frozen=True):
    letter: str


class Round(_Row, frozen=True):
    """A round that a team can reach, and how many do."""

    round: str
    title: str
    teams: int


class Scorer(_Row, frozen=True):
    """A candidate for top scorer."""

    code: str
    name: str
    goals: int


class Match(_Row, frozen=True):
    """goals: after 90 minutes with stoppage time; extra: the score after extra time; penalties: the shoot-out. None: not played."""

    match: int
    code: str
    stage: str
    kickoff: str
    home: str
    away: str
    home_name: str
    away_name: str
    goals: tuple[int, int]
    group: str = ""
    extra: tuple[int, int] | None = None
    penalties: tuple[int, int] | None = None

    @property
    def kickoff_ns(self) -> int:
        since = datetime.datetime.strptime(self.kickoff, "%Y-%m-%dT%H:%MZ").replace(tzinfo=datetime.UTC) - EPOCH
        return (since.days * 86400 + since.seconds) * 10**9

    @property
    def over_ns(self) -> int:
        """By when it is over: two hours after the kick-off, more with extra time and penalties."""
        return self.kickoff_ns + (120 + 45 * (self.extra is not None) + 15 * (self.penalties is not None)) * MINUTE

    @property
    def result(self) -> str:
        """Who won after 90 minutes: a team's code, or DRAW."""
        return _ahead(self.home, self.away, self.goals) or "DRAW"

    @property
    def score(self) -> tuple[int, int]:
        """With the goals of extra time, without a shoot-out."""
        return self.extra or self.goals

    @property
    def winner(self) -> str:
        """Who won it, extra time and penalties included; "" for a group match that was drawn."""
        return _ahead(self.home, self.away, self.score) or (_ahead(self.home, self.away, self.penalties) if self.penalties else "")


def _ahead(home: str, away: str, goals: tuple[int, int]) -> str:
    return home if goals[0] > goals[1] else away if goals[1] > goals[0] else ""


class Facts(NamedTuple):
    """matches: all 104, by their numbers. digest: SHA-256 of the file, the evidence of every result."""

    source: str
    teams: tuple[Team, ...]
    groups: tuple[Group, ...]
    rounds: tuple[Round, ...]
    scorers: tuple[Scorer, ...]
    matches: tuple[Match, ...]
    digest: str

    @property
    def group_matches(self) -> tuple[Match, ...]:
        return tuple(match for match in self.matches if match.stage == "GROUP")

    @property
    def ties(self) -> tuple[Match, ...]:
        """The matches of which one team must win: 16, 8, 4, 2, for third place, and the final."""
        return tuple(match for match in self.matches if match.stage != "GROUP")

    def team(self, code: str) -> Team:
        return next(team for team in self.teams if team.code == code)


class _File(_Row, frozen=True):
    source: str
    teams: tuple[Team, ...]
    groups: tuple[Group, ...]
    rounds: tuple[Round, ...]
    scorers: tuple[Scorer, ...]
    group_matches: tuple[Match, ...]
    knockout: tuple[Match, ...]  # but for the final
    final: tuple[Match, ...]


def read(path: Path = FACTS) -> Facts:
    """Read and check a file of facts; raises ConfigError that names the row."""
    content: dict[str, Any] = read_toml(path)
    try:
        file = msgspec.convert(content, _File)
    except msgspec.ValidationError as error:
        raise ConfigError(str(path), "", str(error)) from error
    names = {team.code: team.name for team in file.teams}
    for table in ("group_matches", "knockout", "final"):
        for i, match in enumerate(getattr(file, table)):
            if wrong := _wrong(match, names, table != "group_matches"):
                raise ConfigError(str(path), f"{table}[{i}]", wrong)
    matches = tuple(sorted((*file.group_matches, *file.knockout, *file.final), key=lambda match: match.match))
    if [match.match for match in matches] != list(range(1, len(matches) + 1)):
        raise ConfigError(str(path), "", f"the matches must be numbered from 1 to {len(matches)}, each once")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Facts(file.source, file.teams, file.groups, file.rounds, file.scorers, matches, digest)


def _wrong(match: Match, names: dict[str, str], tie: bool) -> str:
    """What contradicts itself in a match, as a sentence; "" if nothing does."""
    for code, name in ((match.home, match.home_name), (match.away, match.away_name)):
        if names.get(code) != name:
            return f"{code} is {names.get(code, 'no team of this file')}, here it is called {name}"
    try:
        match.kickoff_ns  # noqa: B018  (it is checked here, so that nobody else has to)
    except ValueError:
        return f'kickoff: "{match.kickoff}" is no time such as 2026-06-11T19:00Z'
    if match.stage not in STAGES or tie == (match.stage == "GROUP"):
        return f"{match.stage} is no stage of this table"
    level = match.goals[0] == match.goals[1]
    if not tie:
        return "a group match has no extra time" if match.extra or match.penalties else ""
    if level != (match.extra is not None):
        return "extra time is played exactly when it is level after 90 minutes"
    if match.extra is not None and (match.extra[0] < match.goals[0] or match.extra[1] < match.goals[1]):
        return f"the score after extra time, {match.extra}, is lower than that after 90 minutes, {match.goals}"
    if (match.extra is not None and match.extra[0] == match.extra[1]) != (match.penalties is not None):
        return "penalties are shot exactly when it is level after extra time"
    return "" if match.winner else "nobody won it"
