"""Makes messages of event rows: what happened, whose it is, and the body that is posted. Pure, once the names are known."""

from typing import Any, NamedTuple

import msgspec

from protocol import codes, numbers, phases

from ..core import layout as L
from ..core.layout import plain
from ..registry.holds import HOLDS_ACCOUNT, PAID
from ..web import schemas as S
from ..web import words
from . import bodies
from .names import Account, Act, Instrument, Market, Names

Owner = tuple[str, str]  # "venue" or "firm", and its name

_BY_ACCOUNT = (codes.E_FILL, codes.E_BUST, codes.E_CORRECTED, codes.E_MOVED, codes.E_SETTLED, codes.E_REVERSED)
_RESULT_EVENTS = {  # kind of row: type of message, and the phase that it means
    codes.E_DETERMINED: ("market.determined", codes.PH_DETERMINED),
    codes.E_DISPUTED: ("market.disputed", codes.PH_DISPUTED),
    codes.E_VOIDED: ("market.voided", codes.PH_VOIDED),
    codes.E_FINAL: ("market.final", codes.PH_FINAL),
}
_AHEAD = {phase: kind for kind, phase in _RESULT_EVENTS.values()}
_MOVES = {codes.WHY_DEPOSIT: "money.deposited", codes.WHY_WITHDRAWAL: "money.withdrawn", codes.WHY_TRANSFER: "money.transferred"}
_SETS = {codes.WHY_SPLIT: "money.split", codes.WHY_MERGE: "money.merged"}
_WHYS = {
    codes.WHY_CORRECTION: "correction",
    codes.WHY_OWED: "owed",
    codes.WHY_RECOVERY: "recovery",
    codes.WHY_COVER: "cover",
    codes.WHY_BUST: "bust",
}


class Fact(NamedTuple):
    """One message. event: its number at the exchange; key: messages with the same one are posted in order; body: JSON."""

    event: int
    kind: str
    key: str
    body: bytes

    @property
    def group(self) -> str:
        return bodies.GROUP_OF[self.kind]


def fact(event: int, kind: str, key: str, time_ns: int, data: Any) -> Fact:
    message = bodies.Message(type=kind, timestamp=words.time_text(time_ns), data=data)
    return Fact(event, kind, key, msgspec.json.encode(message))


class Wanted(NamedTuple):
    """Whose messages are made: those of these owners. firms: those of them that are told of markets."""

    owners: frozenset[Owner] = frozenset()
    firms: tuple[str, ...] = ()


def facts_of(rows: list[list[int]], names: Names, wanted: Wanted) -> dict[Owner, list[Fact]]:
    """The messages of these rows, by owner, in order of their events. Raises names.Unreadable."""
    return Maker(rows, names, wanted).make()


class Maker:
    """Of one piece."""

    def __init__(self, rows: list[list[int]], names: Names, wanted: Wanted) -> None:
        self.rows, self.names, self.wanted = rows, names, wanted
        self.found: dict[Owner, list[Fact]] = {}
        mine = [row for row in rows if plain.kind_of(row[L.EVT_HEAD]) in _BY_ACCOUNT]
        moved = [row[L.EVT_NUMBER] for row in mine if plain.kind_of(row[L.EVT_HEAD]) == codes.E_MOVED and row[L.EVT_MOVED_WHY] in _MOVES]
        public = [row for row in rows if plain.kind_of(row[L.EVT_HEAD]) not in _BY_ACCOUNT]
        results = [row for row in public if plain.kind_of(row[L.EVT_HEAD]) != codes.E_PHASE]
        told = [(row[L.EVT_DETERMINED_EVENT], row[L.EVT_DETERMINED_VERSION]) for row in results]
        entries = {self._market_id(row) for row in rows} - {0}
        self.markets: dict[int, Market]
        self.markets, self.results, self.acts = names.about(entries, list(wanted.firms) if public else [], told, moved)
        holders = [act.account for act in self.acts.values() if act.account]
        things = [plain.instrument_of(row[L.EVT_INSTRUMENT]) for row in rows if not self._is_set(row)]
        names.learn([plain.account_of(row[L.EVT_SESSION_ACCOUNT]) for row in mine] + holders, [id for id in things if id])

    @staticmethod
    def _is_set(row: list[int]) -> bool:
        """A split or merge: its instrument word has the event."""
        return bool(plain.kind_of(row[L.EVT_HEAD]) == codes.E_MOVED and row[L.EVT_MOVED_WHY] in _SETS)

    def _market_id(self, row: list[int]) -> int:
        kind = plain.kind_of(row[L.EVT_HEAD])
        if kind in (codes.E_FILL, codes.E_BUST, codes.E_CORRECTED):
            return 0
        if kind == codes.E_MOVED:
            return int(plain.instrument_of(row[L.EVT_INSTRUMENT])) if self._is_set(row) else 0
        return row[L.EVT_PHASE_EVENT]  # all other kinds have the event's id in this word

    def make(self) -> dict[Owner, list[Fact]]:
        for row in self.rows:
            kind = plain.kind_of(row[L.EVT_HEAD])
            if kind in _BY_ACCOUNT and not self._is_wanted(row):
                continue
            if kind == codes.E_FILL:
                self._of_account(row, "fill.created", self._fill(row, row[L.EVT_NUMBER]))
            elif kind in (codes.E_BUST, codes.E_CORRECTED):
                self._taken_back(row, kind)
            elif kind == codes.E_MOVED:
                self._moved(row)
            elif kind == codes.E_SETTLED:
                self._settled(row)
            elif kind == codes.E_REVERSED:
                self._reversed(row)
            elif kind == codes.E_PHASE:
                self._phase(row)
            else:
                self._result(row, kind)
        return self.found

    # ---- whose it is ----------------------------------------------------------------------------------------------
    def _owners(self, account: Account) -> list[Owner]:
        found: tuple[Owner, ...] = (("firm", account.firm), ("venue", account.venue))
        return [owner for owner in found if owner in self.wanted.owners]

    def _is_wanted(self, row: list[int]) -> bool:
        return plain.account_of(row[L.EVT_SESSION_ACCOUNT]) == HOLDS_ACCOUNT or bool(self._owners(self._account(row)))

    def _give(self, owners: list[Owner], row: list[int], kind: str, key: str, data: Any) -> None:
        if not owners:
            return
        one = fact(row[L.EVT_NUMBER], kind, key, row[L.EVT_TIME], data)
        for owner in owners:
            self.found.setdefault(owner, []).append(one)

    def _account(self, row: list[int]) -> Account:
        return self.names.accounts[plain.account_of(row[L.EVT_SESSION_ACCOUNT])]

    def _of_account(self, row: list[int], kind: str, data: Any, account: Account | None = None) -> None:
        account = account or self._account(row)
        self._give(self._owners(account), row, kind, f"account {account.name}", data)

    def _of_market(self, row: list[int], kind: str, market: Market, data: Any) -> None:
        owners: list[Owner] = [("firm", firm) for firm in sorted(market.seen_by)]
        owners += [("venue", market.venue)] if ("venue", market.venue) in self.wanted.owners else []
        self._give(owners, row, kind, f"market {market.name}", data)

    # ---- what it says ---------------------------------------------------------------------------------------------
    def _instrument(self, row: list[int]) -> Instrument | None:
        return self.names.instruments.get(plain.instrument_of(row[L.EVT_INSTRUMENT])) if not self._is_set(row) else None

    def _traded(self, row: list[int]) -> Instrument:
        return self.names.instruments[plain.instrument_of(row[L.EVT_INSTRUMENT])]

    def _fill(self, row: list[int], number: int) -> S.Fill:
        head, one = row[L.EVT_HEAD], self._traded(row)
        text = row[L.EVT_ID_HI] != 0  # the order was entered with a text as its id
        return S.Fill(
            fill_id=str(number), time=words.time_text(row[L.EVT_TIME]), order_id=str(row[L.EVT_ORDER]),
            client_order_id=str(row[L.EVT_ID_LO]) if row[L.EVT_ID_LO] and not text else None, account=self._account(row).name, contract=one.symbol,
            side="buy" if plain.side_of(head) == codes.BUY else "sell", contract_side="no" if plain.contract_side_of(head) == codes.NO else "yes",
            price=numbers.unscaled(row[L.EVT_LAST_PRICE], one.price_decimals), quantity=numbers.unscaled(row[L.EVT_LAST_QTY], one.qty_decimals),
            fee=numbers.unscaled(row[L.EVT_FEE], one.asset_decimals), asset=one.asset,
            liquidity="taker" if plain.flags_of(head) & codes.EF_TAKER else "maker", trade_id=str(row[L.EVT_TRADE]),
            order_filled=numbers.unscaled(row[L.EVT_CUM], one.qty_decimals), order_open=numbers.unscaled(row[L.EVT_LEAVES], one.qty_decimals),
        )  # fmt: skip

    def _taken_back(self, row: list[int], kind: int) -> None:
        one, corrected = self._traded(row), kind == codes.E_CORRECTED
        data = bodies.TakenBack(
            fill=self._fill(row, row[L.EVT_BUST_OF]), old_price=numbers.unscaled(row[L.EVT_WAS_PRICE], one.price_decimals) if corrected else None,
            old_quantity=numbers.unscaled(row[L.EVT_WAS_QTY], one.qty_decimals) if corrected else None,
            amount=numbers.unscaled(row[L.EVT_BUST_AMOUNT], one.asset_decimals), balance=numbers.unscaled(row[L.EVT_BUST_BALANCE], one.asset_decimals),
        )  # fmt: skip
        self._of_account(row, "fill.corrected" if corrected else "fill.busted", data)

    def _entry(self, row: list[int], kind: str, account: Account, amount: int, balance: int | None) -> dict[str, Any]:
        """The fields of schemas.Entry. The asset of all these rows is in one word."""
        asset, decimals = self.names.assets.get(row[L.EVT_MOVED_ASSET], (f"#{row[L.EVT_MOVED_ASSET]}", 0))
        one, market = self._instrument(row), self.markets.get(self._market_id(row))
        return {
            "number": str(row[L.EVT_NUMBER]), "time": words.time_text(row[L.EVT_TIME]), "kind": kind, "account": account.name, "asset": asset,
            "amount": numbers.unscaled(amount, decimals), "balance": numbers.unscaled(balance, decimals) if balance is not None else None,
            "contract": one.symbol if one is not None else None, "market": market.name if market is not None else None, "trade_id": None,
        }  # fmt: skip

    def _moved(self, row: list[int]) -> None:
        """A row of a transfer to or from the account of all holds is about the money of the owner of a hold: told once."""
        why, amount, balance = row[L.EVT_MOVED_WHY], row[L.EVT_MOVED_AMOUNT], row[L.EVT_MOVED_BALANCE]
        account, act = self._account(row), self.acts.get(row[L.EVT_NUMBER], Act("", 0, 0, 0))
        kind = _SETS.get(why) or _MOVES.get(why)
        told: int | None = balance
        if plain.account_of(row[L.EVT_SESSION_ACCOUNT]) == HOLDS_ACCOUNT:
            if act.what != PAID or act.account not in self.names.accounts:
                return  # the row of the owner tells it
            account, kind, told = self.names.accounts[act.account], "money.withdrawn", None
        elif HOLDS_ACCOUNT in (act.source, act.target):
            kind = "money.held" if amount < 0 else "money.released"
        if kind is not None:
            self._of_account(row, kind, S.Entry(**self._entry(row, "moved", account, amount, told)), account)

    def _settled(self, row: list[int]) -> None:
        account, one = self._account(row), self._traded(row)
        data = bodies.Paid(
            **self._entry(row, "settled", account, row[L.EVT_SETTLED_AMOUNT], row[L.EVT_SETTLED_BALANCE]),
            position=numbers.unscaled(row[L.EVT_SETTLED_POSITION], one.qty_decimals),
            payout=numbers.unscaled(row[L.EVT_SETTLED_PAYOUT], one.price_decimals), result_version=row[L.EVT_SETTLED_VERSION],
        )  # fmt: skip
        self._of_account(row, "settlement.paid", data)

    def _reversed(self, row: list[int]) -> None:
        account = self._account(row)
        decimals = self.names.assets.get(row[L.EVT_REVERSED_ASSET], ("", 0))[1]
        data = bodies.Reversed(
            **self._entry(row, "reversed", account, row[L.EVT_REVERSED_AMOUNT], row[L.EVT_REVERSED_BALANCE]),
            why=_WHYS.get(row[L.EVT_REVERSED_WHY], "correction"), result_version=row[L.EVT_REVERSED_VERSION],
            owed=numbers.unscaled(row[L.EVT_REVERSED_OWED], decimals), blocked=numbers.unscaled(row[L.EVT_REVERSED_BLOCKED], decimals),
        )  # fmt: skip
        self._of_account(row, "settlement.reversed", data)

    def _phase(self, row: list[int]) -> None:
        market = self.markets.get(row[L.EVT_PHASE_EVENT])
        if market is None:
            return
        data = bodies.MarketPhase(
            market=market.name, venue=market.venue, time=words.time_text(row[L.EVT_TIME]), phase=phases.name(row[L.EVT_PHASE_NEW]),
            old=phases.name(row[L.EVT_PHASE_OLD]),
        )  # fmt: skip
        self._of_market(row, "market.phase_changed", market, data)

    def _result(self, row: list[int], kind: int) -> None:
        market = self.markets.get(row[L.EVT_DETERMINED_EVENT])
        if market is None:
            return
        ahead = kind == codes.E_AHEAD
        if ahead and row[L.EVT_AHEAD_PHASE] not in _AHEAD:
            return  # withdrawn: the contract is with its market again
        name, phase = (_AHEAD[row[L.EVT_AHEAD_PHASE]], row[L.EVT_AHEAD_PHASE]) if ahead else _RESULT_EVENTS[kind]
        version = row[L.EVT_DETERMINED_VERSION]
        said = self.results.get((row[L.EVT_DETERMINED_EVENT], version), {})
        until = row[L.EVT_DETERMINED_UNTIL] if kind in (codes.E_DETERMINED, codes.E_VOIDED, codes.E_AHEAD) else 0
        decimals, one = said.get("price_decimals", 0), self._instrument(row) if ahead else None
        data = bodies.MarketResult(
            market=market.name, venue=market.venue, contract=one.symbol if one is not None else None, time=words.time_text(row[L.EVT_TIME]),
            phase=phases.name(phase), version=version, window_ends_at=words.maybe_time(until),
            payouts=[S.Payout(contract=symbol, payout=numbers.unscaled(ticks, decimals)) for symbol, ticks in said.get("payouts", ())],
            rule=said.get("rule_id", ""), source=said.get("source", ""), observed=said.get("observed_value", ""),
            observed_at=words.maybe_time(said.get("observed_at_ns", 0)), evidence_sha256=said.get("evidence_sha256", ""),
            evidence_name=said.get("evidence_name", ""),
        )  # fmt: skip
        self._of_market(row, name, market, data)
