"""Small fixed worlds for tests that tell a story: two firms (accounts 16 and 17, sessions 1 and 2), one venue, one event."""

from __future__ import annotations

from typing import Any

from protocol import codes as C
from tests.model import Model
from tests.model_world import Limits, Row

NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


def definitions(firms: int = 2, cash: int = 0, **event: Any) -> list[Row]:
    """Rows that make the world. `event`: product, k, n, spare, payout, tick_value, lot_base, window, resting, and of its contracts and listings
    min_qty, max_qty, lot, max_notional, price_min, price_max, bands, collar, reference, protection, max_position, model, maker,
    taker, owner_share, venue_share, unlisted (contracts without a listing, from the last), opened; what is not named is generous or 0. Fee accounts: 1 platform, 2 venue, 3 owner."""
    product = event.get("product", C.AT_MOST)
    n, payout = event.get("n", 1), event.get("payout", 0 if product == C.SPOT else 100)
    top = event.get("price_max", 1000 if product == C.SPOT else payout - 1)
    rows = [Row(kind=C.C_TIME, turn=1, now=NOW, tick=NOW), Row(kind=C.C_DEF_ASSET, id=1), Row(kind=C.C_DEF_ASSET, id=2)]
    rows.append(Row(kind=C.C_DEF_VENUE, id=1, fee_account=2, cutoff_period=event.get("cutoff_period", 0)))
    rows.extend(Row(kind=C.C_DEF_ACCOUNT, id=i, account_kind=C.ACCT_FEES) for i in (1, 2, 3))
    for firm in range(1, firms + 1):
        rows.append(Row(kind=C.C_DEF_FIRM, id=firm))
        rows.append(Row(kind=C.C_DEF_SESSION, id=firm, firm=firm, account=15 + firm))
        rows.append(Row(kind=C.C_DEF_ACCOUNT, id=15 + firm, firm=firm, account_kind=C.ACCT_TRADING, session=firm))
        rows.append(Row(kind=C.C_LOGON, session=firm, next_in=2))
        if cash:
            rows.append(Row(kind=C.C_TRANSFER, target=15 + firm, asset=1, amount=cash))
    rows.append(Row(
        kind=C.C_DEF_EVENT, id=1, product=product, k=event.get("k", 0 if product == C.SPOT else 1), n=n, asset=1,
        base_asset=2 if product == C.SPOT else 0, payout=payout, tick_value=event.get("tick_value", 1), owner_venue=1,
        window=event.get("window", 0), lot_base=event.get("lot_base", 1 if product == C.SPOT else 0), phase=C.PH_LISTED,
        mids=event.get("mids", 0), resting=event.get("resting", 0), room=n + event.get("spare", 0),
    ))  # fmt: skip
    for i in range(n):
        rows.append(Row(
            kind=C.C_DEF_INSTRUMENT, id=1 + i, event=1, index=i, min_qty=event.get("min_qty", 1), max_qty=event.get("max_qty", 100_000),
            lot=event.get("lot", 1), max_notional=event.get("max_notional", 0), price_min=event.get("price_min", 1), price_max=top,
            collar=event.get("collar", 0), reference=event.get("reference", 0), protection=event.get("protection", 5),
            max_position=event.get("max_position", 0 if product == C.SPOT else 1_000_000), bands=event.get("bands", [(1, top, 1)]),
        ))  # fmt: skip
    for i in range(n - event.get("unlisted", 0)):
        rows.append(Row(
            kind=C.C_DEF_LISTING, venue=1, instrument=1 + i, model=event.get("model", C.FEE_NOTIONAL if product == C.SPOT else C.FEE_QUADRATIC),
            maker=event.get("maker", 0), taker=event.get("taker", 0), owner_share=event.get("owner_share", 0),
            venue_share=event.get("venue_share", 0), owner_account=3, venue_account=2,
        ))  # fmt: skip
    if event.get("opened", True):
        rows.append(Row(kind=C.C_PHASE, event=1, phase=C.PH_OPEN))
    return rows


class Story:
    """A Model with short names for commands; every helper returns the events of its command."""

    def __init__(
        self, firms: int = 2, cash: int = 1_000_000, limits: Limits | None = None, retention_ns: int | None = None, **event: Any
    ) -> None:
        self.start(limits, retention_ns)
        self.commands: list[Row] = []
        self.next_id = 0
        for row in definitions(firms, cash, **event):
            self.apply(row)

    def start(self, limits: Limits | None, retention_ns: int | None) -> None:
        self.model = Model(limits, retention_ns)

    def apply(self, row: Row) -> list[Row]:
        self.commands.append(row)
        events = self.model.apply(row)
        self.model.check_invariants()
        return events

    def do(self, kind: int, **fields: Any) -> list[Row]:
        return self.apply(Row(fields, kind=kind))

    def new(self, firm: int, side: int, qty: int, price: int, **fields: Any) -> list[Row]:
        """A limit order, GTC and YES unless told otherwise; price in the client's terms; ids 1, 2, 3 ... unless named."""
        self.next_id += 1
        row = Row(
            kind=C.C_NEW,
            session=firm,
            instrument=1,
            side=side,
            contract_side=C.YES,
            type=C.LIMIT,
            tif=C.GTC,
            price=price,
            qty=qty,
            id=self.next_id,
        )
        row.update(fields)
        return self.apply(row)

    def fund(self, firm: int, amount: int, asset: int = 1) -> list[Row]:
        if amount < 0:
            return self.do(C.C_TRANSFER, source=15 + firm, asset=asset, amount=-amount)
        return self.do(C.C_TRANSFER, target=15 + firm, asset=asset, amount=amount)

    def cash(self, firm: int, asset: int = 1) -> int:
        return self.model.accounts[15 + firm].cash.get(asset, 0)

    def locked(self, firm: int, asset: int = 1) -> int:
        return self.model.locked(15 + firm, asset)

    def later(self, seconds: float) -> list[Row]:
        return self.do(
            C.C_TIME, turn=self.model.turn + 1, now=self.model.now + int(seconds * SECOND), tick=self.model.tick + int(seconds * SECOND)
        )

    def position(self, firm: int, instrument: int = 1) -> int:
        return self.model.accounts[15 + firm].position.get(instrument, 0)
