"""The kinds of binary sessions: what a session is for. The scope of the key with which it logs on chooses."""

from collections.abc import Callable, Iterator
from typing import Protocol

from protocol import messages as M

from ..connection import MARKET_DATA, ORDER_ENTRY, READ, Connection, TurnInput
from ..feeds.market_data import MarketData
from .order_entry import MarketDataOnly, OrderEntry, ReadOnly


class Kind(Protocol):
    """The purpose of a session. One object for each logged-on session."""

    forbidden: tuple[type, ...]  # messages that the key of the logon does not permit; they never reach `take` or `answer`
    hot: bool  # True: the decode kernel turns frequent messages into rows; else all go through `take`

    def frequent(self, message: M.ClientMessage) -> bool:
        """Is it of a type that the kernel decodes in its usual encoding?"""

    def take(self, message: M.ClientMessage, turn: TurnInput) -> bool:
        """Add the rows of one message to the turn. False: this type of message makes no rows."""

    def answer(self, message: M.ClientMessage) -> Iterator[bytes] | str | None:
        """The pieces of a long, unnumbered answer; None: done, no answer; a text: why it is refused."""

    def lost(self) -> None:
        """The connection has closed."""


# (connection, session, market data or None) -> the kind; chosen at logon
KINDS: dict[str, Callable[[Connection, int, MarketData | None], Kind]] = {
    ORDER_ENTRY: OrderEntry, READ: ReadOnly, MARKET_DATA: MarketDataOnly,
}  # fmt: skip
LIMITED = (READ, MARKET_DATA)
