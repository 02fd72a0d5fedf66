"""An engine with its event store, operators' records and clients' orders in turns of their own: for statements, closing and export."""

import random
from collections.abc import Generator
from pathlib import Path
from typing import Any

from config import admin_records as ar
from exchange_server import state
from exchange_server.core import layout as L
from exchange_server.engine import Capacities, Engine
from exchange_server.gateway.connection import TurnInput
from exchange_server.journal.event_store import EventStore
from exchange_server.registry import AdminAnswer
from protocol import codes
from tests.registry.test_registry import BASE, MAKER, RESULT, SPOT, change

SMALL = Capacities(
    assets=8, venues=8, firms=32, accounts=100, sessions=64, events=20, instruments=60, listings=60, balances=600, collateral_words=50_000, orders=2048,
    nodes=512, archive=512,
)  # fmt: skip
TRADERS = ("T1", "T2", "T3")
MARKETS = (("F-ESP", 1, 99), ("F-DRAW", 1, 99), ("F-ARG", 1, 99), ("BTC-USD", 90, 110))


class Venue:
    """`now`: ns of the newest turn; a turn takes 1 ms."""

    def __init__(self, folder: Path, capacities: Capacities = SMALL, rows_per_file: int = 1000) -> None:
        self.engine = Engine(capacities, event_rows=64)
        self.store = EventStore(folder / "events", rows_per_file)
        self.turn = self.ids = 0

    @property
    def registry(self) -> Any:
        return self.engine.registry

    @property
    def now(self) -> int:
        return self.turn * 1_000_000

    def _run(self, fill: Any) -> list[AdminAnswer]:
        self.turn += 1
        turn = TurnInput(rows=4096)
        turn.begin(self.turn, self.now)
        fill(turn)
        return self.engine.apply(turn.inbox, turn.words, self.store.append)

    def do(self, record: Any, who: str = "uid:0") -> AdminAnswer:
        bodies = ar.pack_all(who, "r", record)
        return self._run(lambda turn: [turn.add(codes.C_ADMIN, body=body) for body in bodies])[-1]

    def must(self, *records: Any) -> "Venue":
        for record in records:
            answer = self.do(record)
            assert answer.ok, answer.text
        return self

    def send(self, kind: int, session: str, symbol: str = "", **fields: Any) -> None:
        self.ids += 1
        values = {L.CMD_ID_LO: self.ids, **fields.pop("values", {})}
        instrument = fields.pop("instrument", None) or (self.registry.instruments.named(symbol).id if symbol else 0)
        id = self.registry.sessions.named(session).id
        self._run(lambda turn: turn.add(kind, id, instrument=instrument, values=values, **fields))

    def order(
        self, session: str, symbol: str, side: int, price: int, qty: int, no: bool = False, tif: int = codes.GTC, text: bytes = b""
    ) -> None:
        values = {L.CMD_PRICE: price, L.CMD_QTY: qty}
        texts = (text, b"") if text else None
        if text:
            values |= {L.CMD_ID_HI: -1 - self.ids}
        self.send(
            codes.C_NEW,
            session,
            symbol,
            values=values,
            side=side,
            contract_side=codes.NO if no else codes.YES,
            type_=codes.LIMIT,
            tif=tif,
            texts=texts,
        )

    def cash(self, account: str, asset: str = "USD") -> int:
        found = state.balance(self.engine.m, self.registry.accounts.named(account).id, self.registry.assets.named(asset).id)
        return found[0] if found else 0


def traders(venue: Venue, deposit: int = 1_000_000) -> Venue:
    """Three firms with an account and a session each, money, and the two open markets of tests/registry/test_registry.py."""
    venue.must(*BASE, change(SPOT, fees=ar.Fees(model="notional", maker_bps=-200, taker_bps=500)))
    for name in TRADERS:
        venue.must(
            ar.DefineFirm(name=name),
            ar.DefineAccount(name=f"{name}-A", firm=name),
            ar.DefineAccount(name=f"{name}-B", firm=name),
            change(MAKER, name=name, key=name, firm=name, account=f"{name}-A"),
            ar.Transfer(key=f"{name} usd", asset="USD", amount=deposit, target=f"{name}-A", note="first"),
            ar.Transfer(key=f"{name} btc", asset="BTC", amount=deposit, target=f"{name}-A"),
        )
        venue.send(codes.C_LOGON, name)
    return venue.must(ar.SetPhase(event="FINAL", phase="open"), ar.SetPhase(event="BTC-USD", phase="open"))


def trade_at_random(venue: Venue, r: random.Random, steps: int, settle: bool = True) -> None:
    """Orders, splits, merges, transfers, holds and withdrawals; in the end the result and its payment."""
    for step in range(steps):
        name, account = r.choice(TRADERS), f"{r.choice(TRADERS)}-A"
        match r.randrange(12):
            case 0:
                event = venue.registry.events.named("FINAL").id
                venue.send(r.choice((codes.C_SPLIT, codes.C_MERGE)), name, instrument=event, values={L.CMD_SETS: r.randint(1, 20)})
            case 1:
                source, target = r.sample((f"{name}-A", f"{name}-B"), 2)
                venue.do(ar.Transfer(key=f"m{step}", asset="USD", amount=r.randint(1, 500), source=source, target=target, note="move"))
            case 2:
                venue.do(
                    ar.Hold(
                        key=f"h{step}", account=account, asset="USD", amount=r.randint(1, 9000), until_ns=r.choice((0, venue.now + 10**7))
                    )
                )
            case 3:
                venue.do(ar.RequestWithdrawal(key=f"q{step}", account=account, asset="USD", amount=r.randint(1, 9000)))
            case 4:
                number = r.randint(1, len(venue.registry.holds) + 1)
                kinds: tuple[Any, ...] = (
                    ar.Release(key=f"e{step}", hold=number), ar.SettleWithdrawal(key=f"e{step}", withdrawal=number),
                    ar.CancelWithdrawal(key=f"e{step}", withdrawal=number),
                )  # fmt: skip
                venue.do(r.choice(kinds))
            case 5:
                for due in venue.registry.holds.due(venue.now, 9):
                    venue.do(ar.ExpireHold(hold=due), who="timer:holds")
            case _:
                symbol, low, high = r.choice(MARKETS)
                no = symbol != "BTC-USD" and r.random() < 0.4
                text = f"order {venue.ids}".encode() if r.random() < 0.3 else b""
                venue.order(name, symbol, r.choice((codes.BUY, codes.SELL)), r.randint(low, high), r.randint(1, 60), no, text=text)
    if settle:
        venue.must(ar.SetPhase(event="FINAL", phase="closed"), RESULT, ar.Finalise(event="FINAL"))


def finish(work: Generator[None, None, Any]) -> Any:
    """All slices of an answer; its value."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value
