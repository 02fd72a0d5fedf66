# tidy: allow test-file because tests/hooks/test_endpoints.py sees that each kind is in a group, and the page's test that each has an example
"""Every message that is posted. docs/webhooks.md and its examples are generated from these structs. The shapes are those of the HTTP API (web/schemas.py):
decimal strings, RFC 3339 in UTC with nanoseconds, ids as strings.
"""

from typing import Any, NamedTuple

from msgspec import Struct

from ..web import schemas as S

FILLS, SETTLEMENT, TRANSITIONS, MONEY = "fills", "settlement", "transitions", "money"
GROUPS = {
    FILLS: "fills of orders, and trades that were taken back or corrected",
    SETTLEMENT: "results with their evidence (determined, disputed, voided, final), what they paid, and what a correction changed",
    TRANSITIONS: "phases of markets",
    MONEY: "deposits, withdrawals, transfers, holds, splits and merges",
}


class TakenBack(S.Answer, frozen=True):
    """A trade was busted, or its terms were corrected. `fill` is the fill with the terms that it has now, under its old `fill_id`; `amount` and `balance`: what
    moved, and the money after it."""

    fill: S.Fill
    old_price: S.Decimal | None
    old_quantity: S.Decimal | None
    amount: S.Decimal
    balance: S.Decimal


class Paid(S.Entry, frozen=True):
    """One contract was paid to one account. `position` in YES contracts, `payout` of one contract, `result_version` the version of the result."""

    position: S.Decimal
    payout: S.Decimal
    result_version: S.Sum


class Reversed(S.Entry, frozen=True):
    """What a correction or bust changed for one account. `why`: correction, owed, recovery, cover or bust. `owed` and `blocked`: in this market, after it."""

    why: str
    result_version: S.Sum
    owed: S.Decimal
    blocked: S.Decimal


class MarketPhase(S.Answer, frozen=True):
    market: str
    venue: str
    time: S.Time
    phase: str
    old: str


class MarketResult(S.Answer, frozen=True):
    """A version of a result; `contract`: one that is decided ahead of its market."""

    market: str
    venue: str
    contract: str | None
    time: S.Time
    phase: str
    version: S.Sum
    window_ends_at: S.Time | None
    payouts: list[S.Payout]
    rule: str
    source: str
    observed: str
    observed_at: S.Time | None
    evidence_sha256: str
    evidence_name: str


class Gap(S.Answer, frozen=True):
    """Events that cannot be posted. `reason`: retired (older than the exchange keeps them), lost (damaged beyond repair), replaced (the exchange was set back: its
    newest event has a lower number). Ask the HTTP API for what you need of this time."""

    reason: str
    first_event: S.Id
    last_event: S.Id
    detail: str


class Test(S.Answer, frozen=True):
    """Sent by `exos webhooks test`."""

    endpoint: str


class Message(Struct, frozen=True, kw_only=True):
    """The body of every request: `type`, `timestamp` (when it happened at the exchange) and `data`."""

    type: str
    timestamp: S.Time
    data: Any


class Kind(NamedTuple):
    """A type of message: its group (what endpoints choose), the struct of its data, the key within which messages are in order, and when it is sent."""

    name: str
    group: str
    data: type
    key: str
    when: str


KINDS = (
    Kind("fill.created", FILLS, S.Fill, "account", "An order of the account was filled, in whole or in part"),
    Kind("fill.busted", FILLS, TakenBack, "account", "A trade of the account was taken back"),
    Kind("fill.corrected", FILLS, TakenBack, "account", "Price or quantity of a trade of the account were corrected"),
    Kind(
        "market.determined", SETTLEMENT, MarketResult, "market", "A result was recorded, corrected or upheld: its challenge window begins"
    ),
    Kind("market.disputed", SETTLEMENT, MarketResult, "market", "The result is disputed"),
    Kind("market.voided", SETTLEMENT, MarketResult, "market", "The market is void"),
    Kind("market.final", SETTLEMENT, MarketResult, "market", "The result is final: every account was paid"),
    Kind("settlement.paid", SETTLEMENT, Paid, "account", "A position of the account was paid"),
    Kind("settlement.reversed", SETTLEMENT, Reversed, "account", "A correction or bust changed what was paid"),
    Kind("market.phase_changed", TRANSITIONS, MarketPhase, "market", "The market has another phase"),
    Kind("money.deposited", MONEY, S.Entry, "account", "Money came in"),
    Kind("money.withdrawn", MONEY, S.Entry, "account", "Money went out"),
    Kind("money.transferred", MONEY, S.Entry, "account", "Money moved between two accounts of the firm"),
    Kind("money.held", MONEY, S.Entry, "account", "Money was set aside, for example for a withdrawal that was requested"),
    Kind("money.released", MONEY, S.Entry, "account", "Money that was set aside is free again"),
    Kind("money.split", MONEY, S.Entry, "account", "Money became complete sets of contracts"),
    Kind("money.merged", MONEY, S.Entry, "account", "Complete sets of contracts became money"),
    Kind("webhook.gap", "", Gap, "endpoint", "Events are missing that cannot be posted any more; every endpoint gets it"),
    Kind("webhook.test", "", Test, "endpoint", "`exos webhooks test`"),
)
GROUP_OF = {kind.name: kind.group for kind in KINDS}
