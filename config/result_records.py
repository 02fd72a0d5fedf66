"""Records about the result of a market: recorded, paid, disputed, upheld, corrected, voided."""

from typing import Annotated

from msgspec import Meta

from .kinds import Count, Hex256, Line, Name, OptionalName, Positive, Record

RuleId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
Said = Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Result(Record, frozen=True, kw_only=True):
    """What every record of a result names: the event, and why it is so."""

    event: Name
    rule_id: RuleId
    source: Said
    observed_value: Said
    observed_at_ns: Positive  # when the source showed it, ns since the epoch
    evidence_sha256: Hex256
    evidence_name: Line = ""
    version: Count = 0  # 0: the next one


class Payouts(Result, frozen=True, kw_only=True):
    """A result with what each contract pays: ticks, in the order of the listing."""

    payouts: tuple[Count, ...]

    def determine(self) -> "Determine":
        """As a determination, as stored."""
        return Determine(**{field: getattr(self, field) for field in Determine.__struct_fields__})


class Determine(Payouts, tag="determine", frozen=True, kw_only=True):
    """The result: a payout in ticks for each contract, in the order of the listing, with its evidence. Nothing is paid yet. While the market is
    closed or determined it may be recorded again: a new version, with a new challenge window. A market with two declared sources is determined
    when both are recorded and agree."""


class Finalise(Record, tag="finalise", frozen=True, kw_only=True):
    event: Name
    version: Count = 0  # 0: the newest determination


class DetermineOne(Result, tag="determine_one", frozen=True, kw_only=True):
    """What one contract of a group pays, 0 or P in ticks, ahead of the rest: it trades no more and has a challenge window of its own, and the others go
    on. May be recorded again before it is paid. The result of the whole market must agree with what was paid."""

    symbol: Name
    payout: Count


class FinaliseOne(Record, tag="finalise_one", frozen=True, kw_only=True):
    """Each account is paid for one contract that was determined ahead of its group."""

    event: Name
    symbol: Name
    version: Count = 0  # 0: the newest


class WithdrawOne(Record, tag="withdraw_one", frozen=True, kw_only=True):
    """A contract that is determined ahead of its group, and not paid yet, trades again as the rest."""

    event: Name
    symbol: Name
    note: Line = ""
    version: Count = 0


class Settle(Payouts, tag="settle", frozen=True, kw_only=True):
    """Close (if it still trades), determine and, if requested, pay, as one action. Everything is checked first; a refusal leaves the market
    as it was."""

    finalise: bool = False


class Correct(Payouts, tag="correct", frozen=True, kw_only=True):
    """The arbiter's result in place of one that is determined, disputed or voided: a new version, with a new challenge window. Of a final result
    it is paid at once, by reversing entries. With a `symbol`: of that contract ahead of its group, with the one payout, 0 or P."""

    symbol: OptionalName = ""


class Dispute(Record, tag="dispute", frozen=True, kw_only=True):
    """A party contests a version of the result, or of what a contract (`symbol`) pays ahead of its group: once, while its challenge window is open. A
    party is a firm with a position in the event."""

    event: Name
    firm: Name
    reason: Said
    version: Count = 0  # 0: the newest
    symbol: OptionalName = ""


class Uphold(Record, tag="uphold", frozen=True, kw_only=True):
    """The arbiter lets a disputed version stand, of the result or of what a contract pays ahead of its group: its challenge window ends now."""

    event: Name
    note: Line = ""
    version: Count = 0
    symbol: OptionalName = ""


class Void(Result, tag="void", frozen=True, kw_only=True):
    """The event ends without a result. Payouts follow from the policy that the market declared; what rests is cancelled. `trigger_at_ns`: when the
    declared trigger came about; 0: now. Prices are those of the ten whole minutes that ended at or before it."""

    reason: Said
    trigger_at_ns: Count = 0

    def determine(self, payouts: tuple[int, ...]) -> Determine:
        """As a determination with these payouts, as stored."""
        return Determine(payouts=payouts, **{field: getattr(self, field) for field in Determine.__struct_fields__ if field != "payouts"})
