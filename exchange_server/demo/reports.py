# tidy: allow test-file because tests/demo/test_books.py tests it with the books
"""What a server tells its clients, the same of both wires: one `Report` for each message. No I/O, no clock.

Units: prices in ticks, quantities in lots, money in minor units.
"""

from collections.abc import Container
from typing import NamedTuple

from protocol import codes
from protocol import messages as M
from protocol.fix_messages import FixMessage, scale


class Contract(NamedTuple):
    """What a client must know about an instrument."""

    symbol: str
    payout: int  # P in ticks; spot: 0
    tick_value: int  # minor units per tick and lot
    price_decimals: int
    asset_decimals: int
    base: str = ""  # spot: the asset that is bought and sold
    lot_base: int = 0  # spot: its minor units per lot
    high: int = 0  # the highest price, ticks


class Report(NamedTuple):
    """One report of either wire. kind: codes.E_*; number: of the session; exec: the execution id; id, orig: ClOrdIDs (0: none)."""

    kind: int
    number: int
    exec: int
    id: int = 0
    orig: int = 0
    order: int = 0
    symbol: str = ""
    side: int = 0
    contract_side: int = codes.YES
    status: int = 0
    reason: int = 0
    price: int = 0
    qty: int = 0
    cum: int = 0
    leaves: int = 0
    last_price: int = 0
    last_qty: int = 0
    fee: int = 0
    trade: int = 0
    taker: bool = False
    amount: int = 0  # settlement: amount paid, and the position it was paid for
    position: int = 0
    evidence: tuple[str, str, str] = ("", "", "")  # settlement: rule, source, SHA-256 of the evidence
    persist: bool = False  # accepted: it stays when the market goes live


_KINDS: dict[type, int] = {
    M.Accepted: codes.E_ACCEPTED,
    M.Rejected: codes.E_REJECTED,
    M.Fill: codes.E_FILL,
    M.Canceled: codes.E_CANCELED,
    M.Replaced: codes.E_REPLACED,
    M.CancelRejected: codes.E_CANCEL_REJECT,
    M.Expired: codes.E_EXPIRED,
    M.OrderStatus: codes.E_STATUS,
}


def from_binary(message: M.Numbered, symbols: dict[int, str]) -> Report:
    """A numbered message of the binary wire; `symbols` by instrument id."""
    m = message
    kind = _KINDS.get(type(m))
    if isinstance(m, M.Fill):
        return Report(
            codes.E_FILL, m.number, m.event, m.id, 0, m.order, symbols[m.instrument], m.side, m.contract_side, m.status, 0, m.price, m.qty,
            m.cum, m.leaves, m.last_price, m.last_qty, m.fee, m.trade, bool(m.flags & codes.EF_TAKER),
        )  # fmt: skip
    if isinstance(m, M.Bust | M.TradeCorrected):
        return Report(
            codes.E_BUST if isinstance(m, M.Bust) else codes.E_CORRECTED, m.number, m.event, order=m.order, symbol=symbols[m.instrument], side=m.side, contract_side=m.contract_side,
            last_price=m.last_price, last_qty=m.last_qty, fee=m.fee, trade=m.trade,
        )  # fmt: skip
    if isinstance(m, M.Reversed):
        symbol = symbols.get(m.instrument, "")
        return Report(codes.E_REVERSED, m.number, m.event, symbol=symbol, reason=m.why, amount=m.amount, position=m.position)
    if kind is not None:
        assert isinstance(m, M.OrderReport)
        return Report(
            kind, m.number, m.event, m.id, getattr(m, "orig", 0), m.order, symbols.get(m.instrument, ""), m.side, m.contract_side, m.status,  # type: ignore[attr-defined]
            getattr(m, "reason", 0), getattr(m, "price", 0), getattr(m, "qty", 0), getattr(m, "cum", 0), getattr(m, "leaves", 0), persist=bool(getattr(m, "flags", 0) & codes.EF_PERSIST),
        )  # fmt: skip
    if isinstance(m, M.Settled):
        told = (m.rule, m.source, m.evidence)
        return Report(codes.E_SETTLED, m.number, m.event, symbol=symbols[m.instrument], amount=m.amount, position=m.position, evidence=told)
    return Report(codes.E_SENT, m.number, m.event)


_EXEC_TYPES = {b"0": codes.E_ACCEPTED, b"8": codes.E_REJECTED, b"F": codes.E_FILL, b"4": codes.E_CANCELED, b"5": codes.E_REPLACED}
_EXEC_TYPES |= {b"C": codes.E_EXPIRED, b"I": codes.E_STATUS, b"H": codes.E_BUST, b"G": codes.E_CORRECTED}
_STATUS = {text.encode(): status for status, text in codes.ORD_STATUS_FIX.items()}


def from_fix(message: FixMessage, contracts: dict[str, Contract], no: Container[int] = ()) -> Report:
    """A FIX application message. Our ClOrdIDs are numbers, so that the books are those of the binary wire. `no`: our orders for NO
    contracts; reports with standard fields only do not contain the contract side, so the client must remember it."""
    number = message.seq or 0
    kind = message.msg_type
    get = message.get
    if kind == "9":
        return Report(codes.E_CANCEL_REJECT, number, 0, int(get(11)), int(get(41, b"0")), _number(get(37)), status=_STATUS.get(get(39), 0))
    if kind not in ("8", "UMS"):
        return Report(codes.E_SENT, number, 0)
    symbol = message.text(55)
    contract = contracts.get(symbol)
    places = contract.price_decimals if contract else 0
    money = contract.asset_decimals if contract else 0

    def amount(tag: int, decimals: int) -> int:
        value = get(tag)
        return scale(value, decimals)[0] if value else 0

    if kind == "UMS":
        why = _number(get(5130))
        told = (message.text(5108), message.text(5109), message.text(5112))
        return Report(
            codes.E_REVERSED if why else codes.E_SETTLED, number, int(get(17)), symbol=symbol, reason=why, amount=amount(5104, money),
            position=amount(5103, 0), evidence=told,
        )  # fmt: skip
    id, orig = _number(get(11)), _number(get(41))
    return Report(
        _EXEC_TYPES[get(150)], number, int(get(17)), id, orig, _number(get(37)), symbol, int(get(54)),
        codes.NO if id in no or orig in no else codes.YES, _STATUS.get(get(39), 0), _number(get(103)), amount(44, places), amount(38, 0),
        amount(14, 0), amount(151, 0), amount(31, places), amount(32, 0), amount(12, money), _number(get(527)), get(851) == b"2",
    )  # fmt: skip


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() else 0
