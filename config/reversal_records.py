"""Records that put right what has been paid."""

from .kinds import Name, Record


class Bond(Record, tag="bond", frozen=True, kw_only=True):
    """Opens the bond account `<venue>.BOND` of a venue. Deposits to it stand for the debts that a correction or bust leaves."""

    venue: Name


class Recover(Record, tag="recover", frozen=True, kw_only=True):
    """What accounts owe from a correction or bust of an event is taken from the free money that they, the bond and the platform have now."""

    event: Name
