"""Records that put right what has been paid."""

from .kinds import Line, Name, OptionalName, Positive, Record
from .result_records import Said


class Bond(Record, tag="bond", frozen=True, kw_only=True):
    """Opens the bond account `<venue>.BOND` of a venue. Deposits to it stand for the debts that a correction or bust leaves."""

    venue: Name


class Recover(Record, tag="recover", frozen=True, kw_only=True):
    """What accounts owe from a correction or bust of an event is taken from the free money that they, the bond and the platform have now."""

    event: Name


class Bust(Record, tag="bust", frozen=True, kw_only=True):
    """A trade is taken back before its market is final: all its legs, with fees, rebates and their shares. Orders are not restored. With a `price` or a
    `quantity` it is corrected: booked again, in the same act, between the same two orders, at the new terms; the price is that of YES contracts, the
    quantity at most that of the trade, both as people write them. `event` and `legs` are filled in by the server from its event store before the record is journaled: what a client sends there is not used."""

    trade: Positive
    reason: Said
    price: Line = ""  # "": as it was
    quantity: Line = ""  # "": as it was; both: the trade is taken back
    event: OptionalName = ""
    legs: tuple[bytes, ...] = ()  # each: the words of an E_FILL, as it is after earlier corrections, then of its texts
