"""What each market of the World Cup's venue pays, worked out from the facts. The demonstration determines its markets by this and compares
with it what was paid."""

from typing import Any, NamedTuple

from config import admin_records as ar
from config import results
from protocol import numbers

from . import tables
from .facts import Facts, Match

PREFIX = "WC26"
WIN, SCORER, GOALS = f"{PREFIX}-WIN", f"{PREFIX}-SCORER", f"{PREFIX}-GOALS"
GOALS_LOW, GOALS_HIGH = 200, 400  # the bounds of the goals market
DISPUTED = f"{PREFIX}-M082"  # 2-2 after 90 minutes and 3-2 after extra time: the demonstration's resolver first records the wrong one
VOIDED = f"{PREFIX}-M103"  # the demonstration pretends that the match for third place was abandoned in its first half
CORRECTED = f"{PREFIX}-M040"  # the demonstration's resolver errs, nobody disputes, and the mistake is found when it has been paid
AT_MIDS = f"{PREFIX}-STADIUM"  # a market of the demonstration alone: voided at the time-weighted mids of its quotes
MIDS = (("0.4700", "0.4900"), ("0.2500", "0.2900"), ("0.2800", "0.3000"))  # bid and ask of each of its contracts, which nobody moves
MIDS_PAY = ("0.4615", "0.2596", "0.2789")  # the mids 0.48, 0.27 and 0.29 made to sum to 1 (docs/settlement.md)
VOID_PRICES = ("0.3334", "0.3333", "0.3333")  # that the markets of matches declare, by home, draw, away


FAMILIES = ("outright", "group winners", "round of 32", "later rounds", "after 90 minutes", "ties to win", "top scorer", "goals")


class Outcome(NamedTuple):
    """The result of one event. winners: codes of its outcomes that pay in full; value: of a scalar, None for all others. rule, observed: as a
    determination has them; at_ns: when the world had seen it (UTC)."""

    event: str
    winners: tuple[str, ...]
    rule: str
    observed: str
    at_ns: int
    value: int | None = None


def group_event(letter: str) -> str:
    return f"{PREFIX}-GRP-{letter}"


def reach_event(round: str) -> str:
    return f"{PREFIX}-REACH-{round}"


def match_event(match: Match) -> str:
    """The result after 90 minutes: home, draw, away."""
    return f"{PREFIX}-{match.code}"


def tie_event(match: Match) -> str:
    """Whether the team named first wins the tie."""
    return f"{PREFIX}-{match.code}-TIE"


def outcomes(facts: Facts) -> dict[str, Outcome]:
    """The result of every event, by its name."""
    found = [*_groups(facts), *_rounds(facts), *_whole(facts)]
    found += [_after_90(match) for match in facts.matches]
    found += [_tie(match) for match in facts.ties]
    return {outcome.event: outcome for outcome in found}


def _groups(facts: Facts) -> list[Outcome]:
    found = []
    for letter, rows in tables.group_tables(facts).items():
        first = rows[0]
        observed = (
            f"{facts.team(first.team).name} first in group {letter} with {first.points} points, goal difference {first.difference:+d}"
        )
        over = max(match.over_ns for match in facts.group_matches if match.group == letter)
        found.append(Outcome(group_event(letter), (first.team,), "group-winner", observed, over))
    return found


def _rounds(facts: Facts) -> list[Outcome]:
    """Who reaches a round is known when the one before it is over."""
    found, before = [], facts.group_matches
    for round in facts.rounds:
        teams = tuple(sorted(tables.reached(facts, round.round)))
        over = max(match.over_ns for match in before)
        found.append(Outcome(reach_event(round.round), teams, "round-reached", f"{len(teams)} teams in {round.title}", over))
        before = tuple(match for match in facts.ties if match.stage == round.round)
    return found


def _whole(facts: Facts) -> list[Outcome]:
    over = max(match.over_ns for match in facts.matches)
    final = next(match for match in facts.ties if match.stage == "FINAL")
    scorer = next(s for s in facts.scorers if s.code == tables.top_scorer(facts))
    total = tables.goals(facts)
    return [
        Outcome(WIN, (tables.champion(facts),), "winner-of-the-final", _score(final, whole=True), over),
        Outcome(SCORER, (scorer.code,), "top-scorer", f"{scorer.name} with {scorer.goals} goals", over),
        Outcome(GOALS, (), "tournament-goals", str(total), over, total),
    ]


def _score(match: Match, whole: bool) -> str:
    """The score after 90 minutes, or the whole story of the match."""
    text = f"{match.home_name} {match.goals[0]}-{match.goals[1]} {match.away_name}"
    if not whole:
        return f"{text} after 90 minutes and stoppage time"
    if match.extra is not None:
        text = f"{match.home_name} {match.extra[0]}-{match.extra[1]} {match.away_name} after extra time"
    if match.penalties is not None:
        text += f", {match.penalties[0]}-{match.penalties[1]} on penalties"
    return text


def _after_90(match: Match) -> Outcome:
    return Outcome(match_event(match), (match.result,), "result-after-90-minutes", _score(match, whole=False), match.over_ns)


def _tie(match: Match) -> Outcome:
    winners = (match.home,) if match.winner == match.home else ()
    return Outcome(tie_event(match), winners, "winner-of-the-tie", _score(match, whole=True), match.over_ns)


def payouts(market: ar.DefineMarket, outcome: Outcome) -> tuple[int, ...]:
    """Ticks that each contract pays, in the market's order. Raises ValueError for a winner that is no outcome of the market."""
    if outcome.value is None:
        return results.payouts(market, outcome.winners)
    above = min(max(outcome.value - GOALS_LOW, 0), GOALS_HIGH - GOALS_LOW)
    return (market.payout * above // (GOALS_HIGH - GOALS_LOW),)


def _evidence(outcome: Outcome, facts: Facts) -> dict[str, Any]:
    """What a resolver's or arbiter's record says of this result; its evidence is the file of facts."""
    return {
        "event": outcome.event, "rule_id": outcome.rule, "source": facts.source, "observed_value": outcome.observed,
        "observed_at_ns": outcome.at_ns, "evidence_sha256": facts.digest, "evidence_name": "facts.toml",
    }  # fmt: skip


def determine(market: ar.DefineMarket, outcome: Outcome, facts: Facts) -> ar.Determine:
    """The payout of a scalar is left to the server, which works it out from the observed value."""
    paid = payouts(market, outcome) if outcome.value is None else ()
    return ar.Determine(payouts=paid, **_evidence(outcome, facts))


def mistaken(event: str, facts: Facts) -> Outcome:
    """What the resolver records first: for DISPUTED the score after extra time, which does not count; for CORRECTED a draw."""
    match = next(match for match in facts.matches if match_event(match) == event)
    if event == DISPUTED:
        return Outcome(DISPUTED, (match.winner,), "result-after-90-minutes", _score(match, whole=True), match.over_ns)
    return Outcome(
        event, ("DRAW",), "result-at-half-time", f"{match.home_name} {match.away_name} a draw, read off the wrong line", match.over_ns
    )


def correct(market: ar.DefineMarket, outcome: Outcome, facts: Facts) -> ar.Correct:
    return ar.Correct(payouts=payouts(market, outcome), **_evidence(outcome, facts))


def abandoned(outcome: Outcome, facts: Facts) -> Outcome:
    """What the arbiter says of VOIDED."""
    match = next(match for match in facts.matches if match_event(match) == outcome.event)
    return outcome._replace(
        rule="abandoned", observed=f"{match.home_name} - {match.away_name} abandoned in the first half", at_ns=match.kickoff_ns
    )


def void(outcome: Outcome, facts: Facts) -> ar.Void:
    return ar.Void(reason="abandoned, and not played again", **_evidence(abandoned(outcome, facts), facts))


def at_mids(now_ns: int) -> Outcome:
    """What the arbiter says of AT_MIDS."""
    return Outcome(AT_MIDS, (), "no-count", "the count of spectators was never published", now_ns)


def void_at_mids(facts: Facts, now_ns: int) -> ar.Void:
    return ar.Void(reason="the count was given up", trigger_at_ns=now_ns, **_evidence(at_mids(now_ns), facts))


def quotes(market: ar.DefineMarket) -> tuple[tuple[str, int, int], ...]:
    """Symbol, bid and ask in ticks of each contract of AT_MIDS."""
    return tuple(
        (contract.symbol, numbers.scaled(bid, market.price_decimals), numbers.scaled(ask, market.price_decimals))
        for contract, (bid, ask) in zip(market.contracts, MIDS)
    )


def told(outcome: Outcome, facts: Facts) -> tuple[str, str, str]:
    """Rule, source and SHA-256 that a settlement of this event must name on the wire."""
    if outcome.event == VOIDED:
        outcome = abandoned(outcome, facts)
    elif outcome.event == CORRECTED:  # it was paid by the mistake
        outcome = mistaken(CORRECTED, facts)
    return outcome.rule, facts.source, facts.digest


def known(market: ar.DefineMarket, outcome: Outcome) -> tuple[int, ...]:
    """Ticks that each contract must have paid in the end: by the result, or by the declared prices of the void."""
    if outcome.event != VOIDED:
        return payouts(market, outcome)
    return tuple(numbers.scaled(price, market.price_decimals) for price in VOID_PRICES)


def family(event: str) -> str:
    """One of FAMILIES."""
    part = event.removeprefix(f"{PREFIX}-")
    named = {WIN: "outright", SCORER: "top scorer", GOALS: "goals"}
    if event in named:
        return named[event]
    if part.endswith("-TIE"):
        return "ties to win"
    if part.startswith("REACH-"):
        return "round of 32" if event == reach_event("R32") else "later rounds"
    return "group winners" if part.startswith("GRP-") else "after 90 minutes"
