"""Real results as data: which outcomes of which events won, and the resulting payouts.

A results file is TOML: `source`, and [[settlements]] of event, winners (outcome codes), rule, observed, observed_at (UTC). The file
itself is the evidence: its SHA-256 goes into the determination.
"""

import datetime
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from . import admin_records as ar
from .load import ConfigError, read_toml


class Settlement(NamedTuple):
    event: str
    winners: tuple[str, ...]  # outcome codes, as outcome_code() gives them
    rule: str
    source: str
    observed: str
    observed_at_ns: int
    evidence_sha256: str
    evidence_name: str


def payouts(market: ar.DefineMarket, winners: tuple[str, ...]) -> tuple[int, ...]:
    """P for each winner and 0 for the others, in the order of the contracts; raises ValueError that names the error."""
    known = [ar.outcome_code(contract) for contract in market.contracts]
    for winner in winners:
        if winner not in known:
            raise ValueError(f'"{winner}" is not an outcome of {market.event}; outcomes: {", ".join(known)}')
    if len(set(winners)) != len(winners):
        raise ValueError(f"a winner of {market.event} is given twice")
    if market.product == "exactly" and len(winners) != market.k or len(winners) > market.k:
        demand = "exactly" if market.product == "exactly" else "at most"
        raise ValueError(f"{market.event} has {demand} {market.k} winners, {len(winners)} were given")
    return tuple(market.payout if code in winners else 0 for code in known)


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    event: str
    winners: tuple[str, ...]
    rule: str
    observed: str
    observed_at: datetime.datetime


def load(path: str | Path) -> list[Settlement]:
    """The settlements of a results file, in its order; raises ConfigError."""
    path = Path(path)
    content: dict[str, Any] = read_toml(path)
    source = content.get("source")
    if not isinstance(source, str) or not source:
        raise ConfigError(str(path), "source", "must name who published the results")
    try:
        rows = msgspec.convert(content.get("settlements", []), list[_Row])
    except msgspec.ValidationError as error:
        raise ConfigError(str(path), "settlements", str(error)) from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    out = []
    for i, row in enumerate(rows):
        if row.observed_at.tzinfo is None:
            raise ConfigError(str(path), f"settlements[{i}].observed_at", "must be UTC: append a Z")
        since = row.observed_at - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        ns = (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000
        out.append(Settlement(row.event, row.winners, row.rule, source, row.observed, ns, digest, path.name))
    return out
