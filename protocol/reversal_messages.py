"""Reports of what was put right after trades and payments: corrections, busts and what they left. Part of messages.py."""

from .message_kit import I64, U15, U31, Count, Nibble, Report


class Reversed(Report, frozen=True, tag=92):
    """An entry of a correction of a final result, or of what it left: codes.WHY_CORRECTION, WHY_OWED, WHY_RECOVERY, WHY_COVER."""

    account: U31
    instrument: U31  # 0: it is about the account as a whole
    asset: I64
    why: I64
    payout: I64  # ticks per contract, the new one
    old_payout: I64
    position: I64  # at settlement, negative: short
    amount: I64  # minor units, signed
    balance: I64  # after it
    owed: I64  # by the account in this event, after it
    blocked: I64  # of the balance: credited in this event, and locked until it is covered
    version: I64
    market: I64  # event id


class Bust(Report, frozen=True, tag=93):
    """A trade was taken back: one side of it, as its Fill told it. What the order counts as filled stays as it was: it is not restored."""

    account: U31
    instrument: U31
    order: Count
    side: Nibble
    contract_side: Nibble
    flags: U15  # those of the fill, and codes.EF_UNSOLICITED
    last_price: I64
    last_qty: I64
    fee: I64  # as it was charged; it is part of `amount`
    trade: I64
    amount: I64  # minor units, signed: what moved back
    balance: I64  # after it
    fill: I64  # the Fill's `event`


class TradeCorrected(Report, frozen=True, tag=96):
    """The price or quantity of a trade was corrected: one side of it. It takes the place of its Fill, or of the TradeCorrected before it. The order is not
    restored: `cum` and `notional` are those of the Fill, as if it had been at these terms."""

    account: U31
    instrument: U31
    order: Count
    side: Nibble
    contract_side: Nibble
    flags: U15  # those of the fill, and codes.EF_UNSOLICITED
    last_price: I64
    last_qty: I64
    old_price: I64
    old_qty: I64
    cum: I64
    notional: I64
    fee: I64  # of the trade at these terms; what changes is part of `amount`
    trade: I64
    amount: I64  # minor units, signed: what moved
    balance: I64  # after it
    fill: I64  # `event` of the Fill or TradeCorrected in whose place it comes
