"""What a session's accounts hold, rebuilt from an answer to AccountRequest and kept up to date by the reports that follow it. No I/O, no clock.

    holdings = Holdings(definitions)
    holdings.begin(answer)              # AccountState ... AccountStateDone
    holdings.apply(report)              # every numbered report, in order; those that the answer includes already are passed over

Cash and positions follow fills, settlements, splits, merges and transfers, as far as they are reported to this session: what another session of
the firm trades on the same account is not. What is locked is not followed: ask again.
"""

from collections.abc import Mapping, Sequence

from . import codes
from . import messages as M
from .order_tracker import Order, OrderTracker


class Holdings:
    """next_number: the next report that is needed. cash: minor units by (account, asset id); positions: YES lots by (account, instrument);
    orders: open orders of this session by ClOrdID."""

    def __init__(self, definitions: Mapping[int, M.Definition], ahead: Mapping[int, M.Result] | None = None) -> None:
        """ahead: contracts that stand ahead of their market, by instrument (the client's `contract_results`): what is final is in no set."""
        self.definitions, self.ahead = definitions, ahead or {}
        self.next_number = 0
        self.cash: dict[tuple[int, int], int] = {}
        self.positions: dict[tuple[int, int], int] = {}
        self.tracker = OrderTracker(definitions)

    @property
    def orders(self) -> dict[int, Order]:
        return self.tracker.orders

    def begin(self, answer: Sequence[object], session: int = 0) -> None:
        """Start from a whole answer. session: whose reports will follow; 0: open orders of all sessions are taken in."""
        self.cash.clear()
        self.positions.clear()
        self.tracker = OrderTracker(self.definitions)
        for message in answer:
            if isinstance(message, M.AccountState):
                self.next_number = message.number
            elif isinstance(message, M.Balance):
                self.cash[message.account, message.asset] = message.cash
            elif isinstance(message, M.Position):
                self.positions[message.account, message.instrument] = message.position
            elif isinstance(message, M.OpenOrder) and session in (0, message.session):
                self.tracker.restore(message)

    def apply(self, report: M.Numbered) -> None:
        """One report."""
        if report.number < self.next_number:
            return
        self.next_number = report.number + 1
        self.tracker.apply(report)
        if isinstance(report, M.Fill):
            self._fill(report)
        elif isinstance(report, M.Moved):
            self._moved(report)
        elif isinstance(report, M.Settled):
            self.cash[report.account, report.asset] = report.balance
            self.positions.pop((report.account, report.instrument), None)
        elif isinstance(report, M.Reversed):
            self.cash[report.account, report.asset] = report.balance
        elif isinstance(report, M.Bust):
            self._bust(report, report.last_qty)
        elif isinstance(report, M.TradeCorrected):
            self._bust(report, report.old_qty - report.last_qty)
        elif isinstance(report, M.PositionSplit):
            self.positions[report.account, report.instrument] = report.position

    def _fill(self, report: M.Fill) -> None:
        definition = self.definitions[report.instrument]
        no = report.contract_side == codes.NO
        price = definition.payout - report.last_price if no else report.last_price
        sign = 1 if (report.side == codes.BUY) != no else -1
        self._add(report.account, definition.asset_id, -sign * price * report.last_qty * definition.tick_value - report.fee)
        if definition.product == codes.SPOT:
            self._add(report.account, definition.base_asset_id, sign * report.last_qty * definition.lot_base)
            return
        key = report.account, report.instrument
        self.positions[key] = self.positions.get(key, 0) + sign * report.last_qty

    def _bust(self, report: M.Bust | M.TradeCorrected, lots: int) -> None:
        """So many lots of a trade are taken back."""
        definition = self.definitions[report.instrument]
        self.cash[report.account, definition.asset_id] = report.balance
        bought = 1 if (report.side == codes.BUY) != (report.contract_side == codes.NO) else -1
        if definition.product == codes.SPOT:
            self._add(report.account, definition.base_asset_id, -bought * lots * definition.lot_base)
            return
        key = report.account, report.instrument
        self.positions[key] = self.positions.get(key, 0) - bought * lots

    def _moved(self, report: M.Moved) -> None:
        self.cash[report.account, report.asset] = report.balance
        for definition in self.definitions.values() if report.sets else ():
            one = self.ahead.get(definition.instrument)
            if definition.market == report.market and (one is None or one.phase != codes.PH_FINAL):
                key = report.account, definition.instrument
                self.positions[key] = self.positions.get(key, 0) + report.sets

    def _add(self, account: int, asset: int, amount: int) -> None:
        self.cash[account, asset] = self.cash.get((account, asset), 0) + amount
