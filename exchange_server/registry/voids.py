"""A void: the prices of the policy that the market declared, made into payouts that its pool can pay (domain.md section 7).

Everything is exact: sums of the core (book/mids.py) and fractions, no floats.
"""

from collections.abc import Sequence
from fractions import Fraction

from config import admin_records as ar
from protocol import codes, numbers, phases, units

from .. import state
from . import rows as rows_of
from . import settlement
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike, Words
from .refused import Refused
from .tables import Determination, Event

MINUTE_NS = 60 * 10**9
WINDOW_US = 10 * 60 * 10**6
NO_PRICE = Fraction(0)
NAMED = 8  # contracts that the answer names


def normalised(prices: Sequence[Fraction], k: int, payout: int, exactly: bool) -> tuple[int, ...]:
    """Payouts in ticks, each in 0..payout. `prices`: in ticks, 0 where there is none. With `exactly` they sum to k * payout: all in proportion, cut
    at `payout`, what is cut spread over the others in proportion, and so on; without it to k * payout at most, and none is raised. Fractions of a
    tick go to the largest remainders, of equal ones to the lowest contract. Without any price all are paid the same."""
    n, whole = len(prices), k * payout
    total = sum(prices)
    if total == 0:
        return _rounded([Fraction(whole, n)] * n, whole)
    if not exactly and total <= whole:
        return _rounded(prices, int(total))
    shares: list[Fraction] = [NO_PRICE] * n
    open_ones, left = list(range(n)), Fraction(whole)
    while open_ones:
        weight = sum(prices[j] for j in open_ones)
        for j in open_ones:  # contracts without a price share equally what the others cannot take
            shares[j] = left * prices[j] / weight if weight else left / len(open_ones)
        full = [j for j in open_ones if shares[j] >= payout]
        if not full:
            break
        for j in full:
            shares[j] = Fraction(payout)
        left -= len(full) * payout
        open_ones = [j for j in open_ones if j not in full]
    return _rounded(shares, whole)


def _rounded(shares: Sequence[Fraction], whole: int) -> tuple[int, ...]:
    """Whole ticks that sum to `whole`: rounded down, the missing ones to the largest remainders, of equal ones to the lowest contract."""
    out = [int(share) for share in shares]
    order = sorted(range(len(shares)), key=lambda j: (out[j] - shares[j], j))
    for j in order[: whole - sum(out)]:
        out[j] += 1
    return tuple(out)


def prices_before(registry: Definitions, m: Words, event: Event, trigger_ns: int) -> list[Fraction]:
    """The time-weighted mid of each contract over the ten whole minutes that end at or before the trigger; 0: it had no price. Raises Refused."""
    end = trigger_ns // MINUTE_NS * (MINUTE_NS // 1_000)
    out = []
    for instrument in registry.instruments_of(event):
        kept = state.Instrument.of(m, instrument.id).prices
        if kept is None:
            raise Refused(codes.R_NO_VOID_POLICY, f"{event.name} does not keep its prices", "event")
        earliest = kept.earliest(WINDOW_US)
        if end < earliest:
            text = f"{instrument.symbol} keeps its prices for triggers from {units.instant(earliest * 1_000)} on, asked {units.instant(trigger_ns)}"
            raise Refused(codes.R_VOID_HISTORY, text, "trigger_at_ns", earliest * 1_000, trigger_ns)
        twice, weight = kept.window(end, WINDOW_US)
        out.append(Fraction(twice, 2 * weight) if weight else NO_PRICE)
    return out


def payouts_of(registry: Definitions, m: Words, event: Event, trigger_ns: int) -> tuple[int, ...]:
    """What a void pays, in ticks; what was paid ahead of it stays. Raises Refused."""
    market = event.record
    if market.void is None:
        raise Refused(codes.R_NO_VOID_POLICY, f"{event.name} declares no void policy: record a result instead", "event")
    if market.void.prices == "fixed":
        prices = [Fraction(numbers.scaled(text, market.price_decimals, "price")) for text in market.void.fixed]
    else:
        prices = prices_before(registry, m, event, trigger_ns)
    paid = {one.index: one.record.payout for one in event.ahead if one.final_at_ns}
    rest = [price for j, price in enumerate(prices) if j not in paid]
    winners = min(market.k - sum(ticks > 0 for ticks in paid.values()), len(rest))  # of an at-most group fewer may be left than could win
    shares = iter(normalised(rest, winners, market.payout, market.product == "exactly"))
    return tuple(paid[j] if j in paid else next(shares) for j in range(len(prices)))


def void(registry: Definitions, record: ar.Void, who: str, engine: EngineLike) -> Act:
    event = settlement.event_contract(registry, record.event)
    phase, now_ns = settlement.phase_now(engine, event), int(engine.time_ns)
    if not phases.allows(phase, phases.VOID):
        raise settlement.contradicts(event, "is voided", codes.R_NOT_VOIDABLE, phase, phases.VOID)
    trigger = record.trigger_at_ns or now_ns
    if trigger > now_ns:
        text = f"{units.instant(trigger)} is still to come, the time is {units.instant(now_ns)}"
        raise Refused(codes.R_VOID_TRIGGER, text, "trigger_at_ns", now_ns, trigger)
    result = record.determine(payouts_of(registry, engine.m, event, trigger))
    version = settlement.checked(event, result)
    until = now_ns + event.record.challenge_window_ns
    kept = Determination(version, who, now_ns, result, kind="voided", until_ns=until, trigger_ns=trigger, reason=record.reason)
    after = settlement.new_version(event, kept)

    def commit() -> None:
        registry.put_event(after)
        settlement.window_opens(registry, after, now_ns)

    pays = [
        f"{instrument.symbol} {numbers.unscaled(ticks, event.record.price_decimals)}"
        for instrument, ticks in zip(registry.instruments_of(event), result.payouts)
    ]
    more = f" and {len(pays) - NAMED} more contracts" if len(pays) > NAMED else ""
    text = f"{record.event} is voided, version {version}; it pays {', '.join(pays[:NAMED])}{more}"
    rows = [rows_of.void(event.id, version, result.payouts, trigger)]
    answer = {"event": event.id, "version": version, "payouts": list(result.payouts)}
    return Act(f"event {record.event}", text, rows, commit, answer)
