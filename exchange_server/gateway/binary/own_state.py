"""The answer to an AccountRequest: one copy of the session's own state, then its messages piece by piece."""

from collections.abc import Callable, Iterator

from protocol import account_messages as own
from protocol import messages as M
from protocol.framing import frame

from ... import own_state, state
from ...core import layout as L
from ..own_state import NOT_YET, Desk

PIECE_BYTES = 16 * 1024
TAG = int(M.AccountRequest.__struct_config__.tag)  # type: ignore[arg-type]


def account_state(m: state.Words, desk: Desk, session: int, message: M.AccountRequest, now: Callable[[], int]) -> Iterator[bytes]:
    """The pieces. The copy is taken when the first one is asked for and the desk is open; `now`: the steady clock, ns.

    Everything in the copy lies in turns before this one, so it leaves after their reports and before those of this turn."""
    while not desk.open(now()):
        yield NOT_YET
    parts = message.parts or own.PARTS_ALL
    copy = own_state.take(m, session, message.account, bool(parts & own.PART_ORDERS))
    if isinstance(copy, own_state.Refused):
        yield frame(M.encode(M.RequestRefused(copy.reason, TAG, message.request, copy.text)))
        return
    desk.took(copy, now())
    begin = M.AccountState(message.request, copy.next_number, copy.event, copy.time, [(one.id, one.name) for one in copy.accounts], parts)
    piece = bytearray(frame(M.encode(begin)))
    count = 0
    for row in _messages(m, copy, message, parts):
        count += 1
        piece += frame(M.encode(row))
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece) + frame(M.encode(M.AccountStateDone(message.request, count)))


Row = M.Balance | M.Position | M.Requirement | M.OpenOrder | M.Limits


def _messages(m: state.Words, copy: own_state.OwnState, asked: M.AccountRequest, parts: int) -> Iterator[Row]:
    request, only = asked.request, asked.instrument
    for account in copy.accounts:
        if parts & own.PART_BALANCES:
            for asset, cash, locked in account.balances:
                row = state.Asset.of(m, asset)
                yield M.Balance(request, account.id, asset, row.name, row.decimals, cash, locked, cash - locked)
        if parts & own.PART_POSITIONS:
            for position in account.positions:
                if only in (0, position.instrument):
                    yield M.Position(request, account.id, *position)
        if parts & own.PART_REQUIREMENTS:
            for requirement in account.requirements:
                yield M.Requirement(request, account.id, *requirement)
        if parts & own.PART_ORDERS:
            for o in account.orders(only):
                yield M.OpenOrder(
                    request, o.order, o.id, o.text, account.id, o.instrument, o.side, o.contract_side, o.type, o.tif, o.status, o.flags, o.price,
                    o.qty, o.cum, o.leaves, o.notional, o.fee, o.expiry, o.session, o.venue,
                )  # fmt: skip
    if parts & own.PART_LIMITS:
        limits, flags = copy.limits, copy.flags
        yield M.Limits(
            request, limits.session, limits.venue, list(limits.shares), list(limits.stopped),
            bool(flags & L.SF_CANCEL_ON_DISCONNECT), bool(flags & L.SF_SETTLEMENT), limits.freeze,
        )  # fmt: skip
