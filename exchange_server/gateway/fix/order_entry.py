"""The session kind for order entry over FIX: the options of its Logon, and its application messages as command rows.

A kind is the purpose of a session; logon, numbers and resends are in connection.py. `hot`: the message types that the decode kernel turns into rows by
itself; `logon_flags`: the fields of a Logon that concern this kind; `take`: handles one message in plain Python. To add a kind, add a file like this
one and a line in connection.KINDS.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocol import codes, errors
from protocol.fix_messages import DIGITS_MAX, FixMessage, OrderRequest, Problem, read_order, scale

from ... import state
from ...core import layout as L
from ...core.kit.loads import SLACK
from ...core.kit.names import find_name
from ...core.layout import plain
from ...core.risk.visibility import visible_to
from ...wires.fix_in import id_key
from ..connection import TurnInput

UNKNOWN_ACCOUNT = 0x7FFFFFFF  # no account has this id: the core refuses it with its own code (0 would mean the session's default)
UNKNOWN_INSTRUMENT = 0x7FFFFFFF
COUNTED_MAX = 1 << 32  # numbers from here on do not fit into an order's row and go into a C_SET_IN
READING = frozenset(("H",))  # what a key without the scope `trade` may send
NOT_AUTHORISED = 6  # BusinessRejectReason (380)


class OrderEntry:
    """Orders of one session. engine: `m` (the arena)."""

    __slots__ = ("_engine", "_session")

    hot = frozenset(("D", "F", "G"))

    def __init__(self, engine: Any, session: int) -> None:
        self._engine = engine
        self._session = session

    def logon_flags(self, logon: FixMessage) -> int:
        """LOGON_* flags for what the Logon asks for: settlement reports (5001), cancel on disconnect (5002)."""
        flags = L.LOGON_SETTLEMENT if logon.get(5001) == b"Y" else 0
        return flags | (L.LOGON_CANCEL_ON_DISCONNECT if logon.get(5002) == b"Y" else 0)

    def take(self, message: FixMessage, turn: TurnInput) -> Problem | None:
        """Add the rows of one application message to the turn. Returns the Problem, and adds none, if its form is wrong."""
        order = read_order(message)
        if isinstance(order, Problem):
            return order
        add_order(self._engine.m, turn, self._session, order)
        return None


class ReadOnly(OrderEntry):
    """A session whose key may read and not trade: what makes, changes or cancels orders is refused."""

    __slots__ = ()

    hot = frozenset[str]()

    def logon_flags(self, logon: FixMessage) -> int:
        return super().logon_flags(logon) & ~L.LOGON_CANCEL_ON_DISCONNECT

    def take(self, message: FixMessage, turn: TurnInput) -> Problem | None:
        if message.msg_type not in READING:
            return Problem(
                0, None, f"{errors.text(codes.R_KEY_SCOPE)}: its scope is read [{errors.short_name(codes.R_KEY_SCOPE)}]", NOT_AUTHORISED
            )
        return super().take(message, turn)


def add_order(m: NDArray[np.int64], turn: TurnInput, session: int, order: OrderRequest) -> None:
    """Add the command row of an order request to the turn. A decimal that cannot be read is passed on as a refusal, which the core answers
    like any refused order."""
    instrument = find_name_of(m, L.NAME_INSTRUMENT, order.symbol)
    if not visible_to(m, session, instrument):  # an instrument that its venue does not list is unknown to the session
        instrument = UNKNOWN_INSTRUMENT if order.msg_type in "FG" else 0  # there 0 would mean the order's own
    account = _own_account(m, session, find_name_of(m, L.NAME_ACCOUNT, order.account)) if order.account else 0
    values: dict[int, int] = {L.CMD_GROUP_SEQ: plain.pack_group(order.group, order.seq if order.seq < COUNTED_MAX else 0)}
    known = instrument not in (0, UNKNOWN_INSTRUMENT)  # without an instrument a decimal cannot be scaled; the core refuses the order anyway
    row = state.Instrument.of(m, instrument if known else 0)
    decimals = row.price_decimals, row.qty_decimals
    parts = (
        (44, L.CMD_PRICE, order.price, decimals[0]),
        (38, L.CMD_QTY, order.qty, decimals[1]),
        (110, L.CMD_MIN_QTY, order.min_qty, decimals[1]),
        (1138, L.CMD_DISPLAY_QTY, order.display_qty, decimals[1]),
        (99, L.CMD_STOP_PRICE, order.stop_price, decimals[0]),
        (5014, L.CMD_COST_CAP, order.cost_cap, 0),
    )
    row_flags = 0
    for tag, word, text, places in parts if order.msg_type in "DG" else ():
        if text:
            number, wrong = scale(text, places)
            if wrong and known:
                reason, limit, asked = _unread(text, places)
                refused = L.CMD_REFUSED_REASON, L.CMD_REFUSED_LIMIT, L.CMD_REFUSED_USED, L.CMD_REFUSED_ASKED
                values.update(zip(refused, (reason, limit, tag, asked), strict=True))
                row_flags |= L.ROWFLAG_REFUSED
                break
            values[word] = number
    if order.expiry_ns:
        values[L.CMD_EXPIRY] = order.expiry_ns
    if order.deadline_ns:
        values[L.CMD_DEADLINE] = order.deadline_ns
    by_id = order.msg_type == "H"  # 11 names the order asked about; in the row that is the original id
    own, orig = (b"", order.cl_ord_id) if by_id else (order.cl_ord_id, order.orig_cl_ord_id)
    rows = [b"", b""]  # the texts that do not fit into their keys
    for i, (text, word) in enumerate(((own, L.CMD_ID_HI), (orig, L.CMD_ORIG_HI))):
        if text:
            key, as_text = _key(text)
            values[word], values[word + 1] = key
            if as_text:
                rows[i] = text
    if order.request_id:
        rows[0] = order.request_id
        row_flags |= L.ROWFLAG_REQUEST_ID
    texts = (rows[0], rows[1]) if any(rows) else None
    kind = {"D": codes.C_NEW, "F": codes.C_CANCEL, "G": codes.C_REPLACE, "H": codes.C_STATUS, "q": codes.C_MASS_CANCEL}[order.msg_type]
    contract_side = order.contract_side
    if order.msg_type == "q":
        values[L.CMD_SCOPE] = order.scope
        contract_side = 0
        if order.scope == codes.SCOPE_EVENT and known:
            instrument = row.event.id
    turn.add(
        kind,
        session,
        account or (0 if order.msg_type in "FG" else _default_account(m, session)),  # without an account, the order's own is meant
        values,
        texts=texts,
        instrument=instrument,
        front_end=order.front_end,
        side=order.side,
        contract_side=contract_side,
        type_=order.type,
        tif=order.tif,
        stp=order.stp,
        flags=order.flags,
        row_flags=row_flags | (L.ROWFLAG_TIF if order.msg_type == "G" and order.tif_said else 0),
    )
    if order.seq >= COUNTED_MAX:
        turn.add(codes.C_SET_IN, session, values={L.CMD_NEXT_IN: order.seq + 1})


def _unread(text: bytes, places: int) -> tuple[int, int, int]:
    """Why `scale` cannot read a decimal: (reason, limit, value given)."""
    whole, _, fraction = text.lstrip(b"-").partition(b".")
    decimals = len(fraction.rstrip(b"0"))
    if decimals > places:
        return codes.R_TOO_MANY_DECIMALS, places, decimals
    return codes.R_TOO_MANY_DIGITS, DIGITS_MAX - places, len(whole.lstrip(b"0"))


def _own_account(m: NDArray[np.int64], session: int, account: int) -> int:
    """The account if it belongs to the session's firm; otherwise, and for 0 (no such account), UNKNOWN_ACCOUNT."""
    if not account:
        return UNKNOWN_ACCOUNT
    return account if state.Account.of(m, account).firm == state.Session.of(m, session).firm else UNKNOWN_ACCOUNT


def _default_account(m: NDArray[np.int64], session: int) -> int:
    return state.Session.of(m, session).account


def _padded(text: bytes) -> NDArray[np.uint8]:
    data = np.zeros(len(text) + SLACK, np.uint8)
    data[: len(text)] = np.frombuffer(text, np.uint8)
    return data


def find_name_of(m: NDArray[np.int64], kind: int, text: bytes) -> int:
    """The id of a name of this kind (L.NAME_*), 0: there is none."""
    return int(find_name(m, kind, _padded(text), 0, len(text))) if text else 0


def _key(text: bytes) -> tuple[tuple[int, int], bool]:
    """((hi, lo), True if it needs a text row)."""
    out = np.zeros(2, np.int64)
    kind = id_key(_padded(text), 0, len(text), out)
    return (int(out[0]), int(out[1])), kind == 1
