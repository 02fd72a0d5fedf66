"""What each event row says about the money of one account in one asset. Pure: rows in, entries out.

The rows are those that protocol/codes.py lists for each reason (WHY_*); idempotency key, note and author of an act about money come from the
registry, which knows the number of the act's first event. Held money is part of the balance: a hold changes `held`, not `amount`.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.layout import plain
from .definitions import Definitions
from .holds import HOLDS_ACCOUNT, PAID
from .tables import Account, Asset, Done

DEPOSIT, WITHDRAWAL, MOVE = "deposit", "withdrawal", "move"
HOLD, RELEASE, PAYMENT = "hold", "release", "payment"
TRADE, FEE, REBATE, SETTLEMENT, SPLIT, MERGE = "trade", "fee", "rebate", "settlement", "split", "merge"
CORRECTION, OWED, RECOVERY, COVER, BUST, TRADE_CORRECTION = "correction", "owed", "recovery", "cover", "bust", "trade correction"
KINDS = (
    DEPOSIT,
    WITHDRAWAL,
    MOVE,
    HOLD,
    RELEASE,
    PAYMENT,
    TRADE,
    FEE,
    REBATE,
    SETTLEMENT,
    SPLIT,
    MERGE,
    CORRECTION,
    OWED,
    RECOVERY,
    COVER,
    BUST,
    TRADE_CORRECTION,
)
_REVERSALS = {codes.WHY_CORRECTION: CORRECTION, codes.WHY_OWED: OWED, codes.WHY_RECOVERY: RECOVERY, codes.WHY_COVER: COVER}

EVIDENCE = ("rule_id", "source", "observed_value", "observed_at_ns", "evidence_sha256", "evidence_name")
_MONEY_ROWS = (codes.E_MOVED, codes.E_SETTLED, codes.E_FILL, codes.E_REVERSED, codes.E_BUST, codes.E_CORRECTED)
_SIDES = {codes.BUY: "buy", codes.SELL: "sell"}
_CONTRACT_SIDES = {codes.YES: "yes", codes.NO: "no"}


class Entry(msgspec.Struct):
    """One change. amount: of the balance; held: of what is on hold. Minor units. balance, held_after: after it (filled by the reader).
    details: see docs/money.md, by kind."""

    event: int
    time_ns: int
    kind: str
    amount: int
    held: int
    details: dict[str, Any]
    balance: int = 0
    held_after: int = 0


class Reader:
    """Reads the entries of one account and asset from chunks of whole event rows."""

    def __init__(self, registry: Definitions, account: Account, asset: Asset) -> None:
        self.registry, self.account, self.asset = registry, account, asset

    def read(self, rows: NDArray[np.int64], heads: NDArray[np.int64]) -> list[Entry]:
        """The entries of a chunk: `rows` (n, EVT_WORDS), of which `heads` are the indexes of the rows that are no extra rows."""
        picked = rows[heads]
        owner = plain.account_of(picked[:, L.EVT_SESSION_ACCOUNT])
        kind = plain.kind_of(picked[:, L.EVT_HEAD])
        wanted = np.isin(kind, _MONEY_ROWS) & ((owner == self.account.id) | (owner == HOLDS_ACCOUNT))
        wanted &= plain.flags_of(picked[:, L.EVT_HEAD]) & codes.EF_COPY == 0
        entries: list[Entry] = []
        for row in picked[wanted].tolist():
            entries += self._entries(row)
        return entries

    def _entries(self, row: list[int]) -> list[Entry]:
        kind = plain.kind_of(row[L.EVT_HEAD])
        if kind == codes.E_FILL:
            return self._fill(row)
        if kind in (codes.E_BUST, codes.E_CORRECTED):
            return self._bust(row)
        if kind == codes.E_SETTLED:
            return self._settled(row) if row[L.EVT_SETTLED_ASSET] == self.asset.id else []
        if row[L.EVT_MOVED_ASSET] != self.asset.id:
            return []
        if kind == codes.E_REVERSED:
            return self._reversed(row)
        if plain.account_of(row[L.EVT_SESSION_ACCOUNT]) == HOLDS_ACCOUNT:
            return self._of_holds(row)
        return self._moved(row)

    def _moved(self, row: list[int]) -> list[Entry]:
        number, amount, why = row[L.EVT_NUMBER], row[L.EVT_MOVED_AMOUNT], row[L.EVT_MOVED_WHY]
        if why in (codes.WHY_SPLIT, codes.WHY_MERGE):
            event = self.registry.events[plain.instrument_of(row[L.EVT_INSTRUMENT])].name
            kind = SPLIT if why == codes.WHY_SPLIT else MERGE
            return [self._entry(row, kind, amount, 0, {"event": event, "sets": abs(row[L.EVT_MOVED_SETS])})]
        done, details = self._act(number)
        if done is not None and HOLDS_ACCOUNT in (done.result["source"], done.result["target"]):
            return [] if amount > 0 else [self._entry(row, HOLD, 0, -amount, details)]  # the end is told by the other row
        if why == codes.WHY_TRANSFER and done is not None:
            other = done.result["target"] if done.result["source"] == self.account.id else done.result["source"]
            details["other"] = self.registry.accounts[other].name
        kind = {codes.WHY_DEPOSIT: DEPOSIT, codes.WHY_WITHDRAWAL: WITHDRAWAL}.get(why, MOVE)
        return [self._entry(row, kind, amount, 0, details)]

    def _of_holds(self, row: list[int]) -> list[Entry]:
        """The end of a hold: the row of the platform's account, as the owner sees it."""
        done, details = self._act(row[L.EVT_NUMBER])
        if done is None or row[L.EVT_MOVED_AMOUNT] > 0 or done.result.get("account") != self.account.id:
            return []
        amount = row[L.EVT_MOVED_AMOUNT]
        paid = done.what == PAID
        return [self._entry(row, PAYMENT if paid else RELEASE, amount if paid else 0, amount, details)]

    def _act(self, number: int) -> tuple[Done | None, dict[str, Any]]:
        """The act about money of which the row with this number is the first or the second, and what is shown of it."""
        key = self.registry.moves.get(number) or self.registry.moves.get(number - 1)
        if key is None:
            return None, {}
        done = self.registry.done[key]
        numbers: dict[str, Any] = {name: done.result[name] for name in ("hold", "withdrawal") if name in done.result}
        shown = "" if key.startswith("\0") else key  # the registry's own have none
        return done, {"key": shown, "what": done.what, "note": done.note, "who": done.who, **numbers}

    def _settled(self, row: list[int]) -> list[Entry]:
        instrument = self.registry.instruments[plain.instrument_of(row[L.EVT_INSTRUMENT])]
        details = {
            "event": instrument.market.event,
            "symbol": instrument.symbol,
            "version": row[L.EVT_SETTLED_VERSION],
            "position": row[L.EVT_SETTLED_POSITION],
            "payout": row[L.EVT_SETTLED_PAYOUT],
            "price_decimals": instrument.market.price_decimals,
            "qty_decimals": instrument.market.qty_decimals,
            **self._evidence(row[L.EVT_SETTLED_EVENT], row[L.EVT_SETTLED_VERSION]),
        }
        return [self._entry(row, SETTLEMENT, row[L.EVT_SETTLED_AMOUNT], 0, details)]

    def _bust(self, row: list[int]) -> list[Entry]:
        """A trade was taken back or corrected: price times quantity and the fee or rebate, or what changes of them, in one entry."""
        instrument = self.registry.instruments[plain.instrument_of(row[L.EVT_INSTRUMENT])]
        market = instrument.market
        if self.asset.name not in (market.asset, market.base_asset):
            return []
        details = {
            "symbol": instrument.symbol,
            "trade": row[L.EVT_TRADE],
            "order": row[L.EVT_ORDER],
            "quantity": row[L.EVT_LAST_QTY],
            "price": row[L.EVT_LAST_PRICE],
            "fee": row[L.EVT_FEE],
            "price_decimals": market.price_decimals,
            "qty_decimals": market.qty_decimals,
        }
        kind, lots = BUST, row[L.EVT_LAST_QTY]
        if plain.kind_of(row[L.EVT_HEAD]) == codes.E_CORRECTED:
            kind, lots = TRADE_CORRECTION, row[L.EVT_WAS_QTY] - row[L.EVT_LAST_QTY]
            details |= {"old_quantity": row[L.EVT_WAS_QTY], "old_price": row[L.EVT_WAS_PRICE]}
        if market.base_asset == self.asset.name:
            bought = 1 if plain.side_of(row[L.EVT_HEAD]) == codes.BUY else -1
            return [self._entry(row, kind, -bought * lots * market.lot_base, 0, details)] if lots else []
        return [self._entry(row, kind, row[L.EVT_BUST_AMOUNT], 0, details)]

    def _reversed(self, row: list[int]) -> list[Entry]:
        """An entry of a correction: of one contract, or of the account as a whole (no symbol)."""
        instrument = self.registry.instruments.get(plain.instrument_of(row[L.EVT_INSTRUMENT]))
        details: dict[str, Any] = {
            "event": self.registry.events[row[L.EVT_REVERSED_EVENT]].name,
            "version": row[L.EVT_REVERSED_VERSION],
            "owed": row[L.EVT_REVERSED_OWED],
            "blocked": row[L.EVT_REVERSED_BLOCKED],
        }
        if instrument is not None:
            details |= {
                "symbol": instrument.symbol,
                "position": row[L.EVT_REVERSED_POSITION],
                "payout": row[L.EVT_REVERSED_PAYOUT],
                "old_payout": row[L.EVT_REVERSED_OLD],
                "price_decimals": instrument.market.price_decimals,
                "qty_decimals": instrument.market.qty_decimals,
            }
        return [self._entry(row, _REVERSALS[row[L.EVT_REVERSED_WHY]], row[L.EVT_REVERSED_AMOUNT], 0, details)]

    def _evidence(self, event: int, version: int) -> dict[str, Any]:
        """What a version of a result was decided by."""
        said = self.registry.events[event].said(version)
        return {name: getattr(said, name) for name in EVIDENCE}

    def _fill(self, row: list[int]) -> list[Entry]:
        instrument = self.registry.instruments[plain.instrument_of(row[L.EVT_INSTRUMENT])]
        market = instrument.market
        own, base = market.asset == self.asset.name, market.base_asset == self.asset.name
        if not own and not base:
            return []
        head, quantity, price = row[L.EVT_HEAD], row[L.EVT_LAST_QTY], row[L.EVT_LAST_PRICE]
        no = plain.contract_side_of(head) == codes.NO
        sign = -1 if (plain.side_of(head) == codes.BUY) != no else 1  # of the cash: what buys YES pays
        details = {
            "symbol": instrument.symbol,
            "side": _SIDES[plain.side_of(head)],
            "contract_side": _CONTRACT_SIDES[plain.contract_side_of(head)],
            "quantity": quantity,
            "price": price,
            "price_decimals": market.price_decimals,
            "qty_decimals": market.qty_decimals,
            "trade": row[L.EVT_TRADE],
            "order": row[L.EVT_ORDER],
        }
        if base:
            return [self._entry(row, TRADE, -sign * quantity * market.lot_base, 0, details)]
        cash = sign * (market.payout - price if no else price) * quantity * market.tick_value
        entries = [self._entry(row, TRADE, cash, 0, details)]
        if row[L.EVT_FEE]:
            kind = FEE if row[L.EVT_FEE] > 0 else REBATE
            entries.append(
                self._entry(
                    row, kind, -row[L.EVT_FEE], 0, {"symbol": instrument.symbol, "trade": row[L.EVT_TRADE], "order": row[L.EVT_ORDER]}
                )
            )
        return entries

    def _entry(self, row: list[int], kind: str, amount: int, held: int, details: dict[str, Any]) -> Entry:
        return Entry(row[L.EVT_NUMBER], row[L.EVT_TIME], kind, amount, held, details)
