"""The session kind for order entry over the binary wire: converts its messages to command rows, and serves market data.

A kind is the purpose of a session; logon, heartbeats and resends are in connection.py. If `hot` is set, the decode kernel turns the frequent messages
into rows by itself; all others come here one by one. To add a kind, add a file like this one and a line in connection.KINDS.
"""

from collections.abc import Iterator

from protocol import codes
from protocol import messages as M

from ...core import layout as L
from ...core.layout import plain
from ..connection import Connection, TurnInput
from ..feeds.market_data import MarketData

OrderRequest = M.NewOrder | M.CancelOrder | M.ReplaceOrder | M.MassCancel | M.OrderStatusRequest


class OrderEntry:
    """Orders and subscriptions of one session. market: None if the port has no market data."""

    __slots__ = ("_connection", "_market", "_session")

    hot = True
    forbidden: tuple[type, ...] = ()

    def __init__(self, connection: Connection, session: int, market: MarketData | None) -> None:
        self._connection = connection
        self._session = session
        self._market = market

    def frequent(self, message: M.ClientMessage) -> bool:
        """Is it of a type that the kernel decodes in its usual encoding?"""
        return isinstance(message, OrderRequest)

    def take(self, message: M.ClientMessage, turn: TurnInput) -> bool:
        """Add the rows of one message to the turn. False: this type of message makes no rows."""
        if isinstance(message, OrderRequest):
            add_request(turn, self._session, message)
        elif isinstance(message, M.SplitSets | M.MergeSets):
            kind = codes.C_SPLIT if isinstance(message, M.SplitSets) else codes.C_MERGE
            values = {L.CMD_ID_LO: message.id, L.CMD_SETS: message.sets}
            turn.add(kind, self._session, message.account, values, instrument=message.event)
        else:
            return False
        return True

    def answer(self, message: M.ClientMessage) -> Iterator[bytes] | str | None:
        """The pieces of a long, unnumbered answer; None: done, no answer; a text: why it is refused."""
        market = self._market
        if market is None:
            return "this port has no market data"
        if isinstance(message, M.Subscribe):
            return market.subscribe(self._connection, message.instruments)
        if isinstance(message, M.Unsubscribe):
            market.unsubscribe(self._connection, message.instruments)
            return None
        return market.definitions(self._connection)

    def lost(self) -> None:
        """The connection has closed."""
        if self._market is not None:
            self._market.drop(self._connection)


class ReadOnly(OrderEntry):
    """A session whose key may read and not trade."""

    __slots__ = ()

    hot = False
    forbidden: tuple[type, ...] = (M.NewOrder, M.CancelOrder, M.ReplaceOrder, M.MassCancel, M.SplitSets, M.MergeSets)


class MarketDataOnly(ReadOnly):
    """A connection whose key may have market data and definitions, and nothing of the session's own."""

    __slots__ = ()

    forbidden = (*ReadOnly.forbidden, M.OrderStatusRequest, M.Resume, M.AccountRequest, M.FillsRequest)


def add_request(turn: TurnInput, session: int, message: OrderRequest) -> None:
    """Add the command row of a request, exactly as the kernel would write it."""
    values = {L.CMD_ID_LO: message.id}
    if isinstance(message, M.MassCancel):
        target = message.event if message.scope == codes.SCOPE_EVENT else message.instrument
        values[L.CMD_SCOPE] = message.scope
        turn.add(codes.C_MASS_CANCEL, session, message.account, values, instrument=target, side=message.side)
        return
    if isinstance(message, M.CancelOrder | M.OrderStatusRequest):
        cancel = isinstance(message, M.CancelOrder)
        values[L.CMD_ORIG_LO] = message.orig if isinstance(message, M.CancelOrder) else message.id
        turn.add(codes.C_CANCEL if cancel else codes.C_STATUS, session, message.account, values, instrument=message.instrument)
        return
    values |= {
        L.CMD_PRICE: message.price, L.CMD_QTY: message.qty, L.CMD_EXPIRY: message.expiry, L.CMD_MIN_QTY: message.min_qty,
        L.CMD_DISPLAY_QTY: message.display_qty, L.CMD_STOP_PRICE: message.stop_price, L.CMD_DEADLINE: message.deadline,
        L.CMD_GROUP_SEQ: plain.pack_group(message.group, 0), L.CMD_COST_CAP: message.cost_cap,
    }  # fmt: skip
    venue = front_end = 0
    kind = codes.C_NEW
    if isinstance(message, M.ReplaceOrder):
        kind = codes.C_REPLACE
        values[L.CMD_ORIG_LO] = message.orig
    else:
        venue, front_end = message.venue, message.front_end
    turn.add(
        kind, session, message.account, values, instrument=message.instrument, venue=venue, front_end=front_end, side=message.side,
        contract_side=message.contract_side, type_=message.type, tif=message.tif, stp=message.stp, flags=message.flags,
    )  # fmt: skip
