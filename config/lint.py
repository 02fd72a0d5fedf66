"""What is wrong with the definition of a market, before it is listed. One table of findings: this code, docs/market-rules.md and the tests follow it.

An error is refused by the server too (exchange_server/registry/listing_rules.py, timetable.py); a warning is told and refuses nothing.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal, NamedTuple

from .fields import instant_text
from .market import DefineMarket, outcome_code
from .places import Key

ERROR: Final = "error"
WARNING: Final = "warning"


class Rule(NamedTuple):
    """`wrong`: what is wrong, `hurts`: whom and why, `write`: how to write it instead; sentences for people."""

    code: str
    level: Literal["error", "warning"]
    wrong: str
    hurts: str
    write: str


class Finding(NamedTuple):
    """`key`: the field of the record; `what`: what was found there, with names and numbers."""

    rule: Rule
    key: Key
    what: str


RULES = {
    rule.code: rule
    for rule in (
        Rule("always_pays", ERROR, "Exactly k of k contracts pay, so every contract always pays in full.",
             "NO can never pay: whoever buys it, or sells YES, loses for certain.",
             "Name fewer winners than contracts, add the other outcomes, or make it at_most."),
        Rule("winners", ERROR, "The number of winners is not between 1 and the number of contracts.",
             "No result can be recorded, so the money in the pool can never be paid.", "Set winners to how many contracts pay."),
        Rule("no_rules", ERROR, "It is not written how the result is decided.",
             "Whoever trades does not know what; every result can be disputed.", "Write the rule, ties and postponement included, in rules."),
        Rule("no_source", ERROR, "The source of the result is not named.",
             "Two sources may differ, and nobody can say which one counts.", "Name who publishes the result in source."),
        Rule("void_not_payable", ERROR, "A void refunds entry prices.",
             "What one side paid is not what the other side received: the pool cannot pay both back.",
             'Use prices = "time_weighted_mid", or "fixed".'),
        Rule("fees_not_symmetric", ERROR, "The fees differ for YES and NO.",
             "The same position costs more in one form than in the other: prices of YES and NO no longer add up to the payout.",
             'Use the model "quadratic" or "minimum" for event contracts.'),
        Rule("times_order", ERROR, "Its times do not follow each other.",
             "It would close before it opens, or be overdue while it trades.", "open_at before live_at before close_at before determine_by."),
        Rule("not_exhaustive", WARNING, "Exactly k outcomes pay, none is Other or Field, and it is not said why the named ones are all there can be.",
             "If an outcome that is not named comes true, no correct result can be recorded, although a set of all was sold as worth k payouts.",
             'Add an outcome Other or Field; or say why there can be none in exhaustive; or make it at_most.'),
        Rule("no_cut_off", WARNING, "It is not said until when the result counts.",
             "A late goal, a revised number or a postponed match is decided after the fact, against somebody.",
             'Say it in cut_off: "the official number of 1 August; later revisions do not count".'),
        Rule("ambiguous_cut_off", WARNING, "A match, and it is not said whether 90 minutes, extra time or penalties count.",
             "A match that is drawn after 90 minutes and won on penalties has two results.",
             'Say it in cut_off: "after 90 minutes and stoppage time; extra time and penalties do not count".'),
        Rule("no_void", WARNING, "It is not declared who may void it, on what trigger and at what prices.",
             "If the world does not behave, it can be neither decided nor ended by a rule that everybody knew.",
             'Declare void = { who = "...", trigger = "..." }; the usual prices are the time-weighted mids before the trigger.'),
    )
}  # fmt: skip

_OTHER = re.compile(r"\b(other|others|field|none|nobody|rest|no one|any other)\b", re.IGNORECASE)
_MATCH = re.compile(r"\bmatch(es)?\b|\bvs?\.?\s|\bagainst\b|\bbeats?\b|\bthe tie\b|\bgame\b|\bfixture\b", re.IGNORECASE)
_DRAW = re.compile(r"^(draw|x)$", re.IGNORECASE)
_SAID = re.compile(
    r"90 minutes|regular time|regulation|full[- ]time|extra time|overtime|penalt|shoot-?out|after its last match|stoppage", re.IGNORECASE
)


def lint(market: DefineMarket) -> list[Finding]:
    """What is wrong with one market, errors first."""
    found = [finding for check in _CHECKS for finding in check(market)]
    return sorted(found, key=lambda finding: finding.rule.level != ERROR)


def warnings(market: DefineMarket) -> tuple[str, ...]:
    """The warnings about a market, a sentence each: "cut_off: ... (no_cut_off)"."""
    return tuple(told(finding) for finding in lint(market) if finding.rule.level == WARNING)


def told(finding: Finding) -> str:
    """A finding in one line: what was found, why it hurts, how to write it."""
    rule = finding.rule
    return f"{finding.what} {rule.hurts} {rule.write} ({rule.code})"


def _finding(code: str, key: Key, what: str) -> Finding:
    return Finding(RULES[code], key, what)


def _payoff(market: DefineMarket) -> Iterator[Finding]:
    if market.product not in ("exactly", "at_most"):
        return
    n = len(market.contracts)
    if not 1 <= market.k <= n:
        yield _finding("winners", ("k",), f"{market.k} of {n} contracts pay.")
    elif market.product == "exactly" and market.k == n:
        yield _finding("always_pays", ("k",), f"Exactly {n} of {n} contracts pay, so every contract always pays in full.")


def _exhaustive(market: DefineMarket) -> Iterator[Finding]:
    if market.product != "exactly" or market.exhaustive.strip() or market.other:
        return
    if not any(_OTHER.search(text) for contract in market.contracts for text in (contract.outcome, outcome_code(contract))):
        text = f"Exactly {market.k} of {len(market.contracts)} outcomes pay, none is Other or Field, and exhaustive does not say why they are all."
        yield _finding("not_exhaustive", ("contracts",), text)


def _terms(market: DefineMarket) -> Iterator[Finding]:
    if not market.rules.strip():
        yield _finding("no_rules", ("rules",), "rules is empty.")
    if not market.source.strip():
        yield _finding("no_source", ("source",), "source is empty.")
    if not market.cut_off.strip():
        yield _finding("no_cut_off", ("cut_off",), "cut_off is empty.")
    names = " ".join((market.title, *(contract.outcome for contract in market.contracts)))
    drawn = any(_DRAW.match(text) for contract in market.contracts for text in (contract.outcome, outcome_code(contract)))
    if (drawn or _MATCH.search(names)) and not _SAID.search(f"{market.rules} {market.cut_off}"):
        text = "It is about a match, and neither rules nor cut_off say whether 90 minutes, extra time or penalties count."
        yield _finding("ambiguous_cut_off", ("cut_off",), text)


def _void(market: DefineMarket) -> Iterator[Finding]:
    if market.void is None:
        yield _finding("no_void", ("void",), "void is not there.")
    elif market.void.prices == "entry_price":
        yield _finding("void_not_payable", ("void", "prices"), 'void.prices is "entry_price".')


def _fees(market: DefineMarket) -> Iterator[Finding]:
    if market.fees.model == "notional":
        yield _finding("fees_not_symmetric", ("fees", "model"), 'fees.model is "notional".')


def _times(market: DefineMarket) -> Iterator[Finding]:
    before: tuple[str, int] | None = None
    for name in ("open_at", "live_at", "close_at", "determine_by"):
        at = getattr(market, f"{name}_ns")
        if at and before is not None and at <= before[1]:
            text = f"{name} is {instant_text(at)}, and {before[0]}, {instant_text(before[1])}, comes before it."
            yield _finding("times_order", (f"{name}_ns",), text)
        if at:
            before = name, at


def _of_events(check: Callable[[DefineMarket], Iterator[Finding]]) -> Callable[[DefineMarket], Iterator[Finding]]:
    return lambda market: check(market) if market.product != "spot" else iter(())


_CHECKS = (_payoff, _exhaustive, *map(_of_events, (_terms, _void, _fees)), _times)
