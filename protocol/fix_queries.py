"""Requests for own state on FIX: OrderMassStatusRequest (AF), RequestForPositions (AN), CollateralInquiry (BB). No I/O, no clock."""

from dataclasses import dataclass

from .fix_messages import FixMessage, Problem
from .fix_tables import FIELDS, TEXT_MAX

QUERIES = frozenset(("AF", "AN", "BB"))
PARTIES_MAX = 4  # the answer repeats them
_PARTY = (448, 447, 452)


@dataclass(slots=True)
class StateQuery:
    """One request. id: 584, 710 or 909 (empty: none); account: 1 (empty: all that the session may act for); symbol: 55; account_type: 581;
    parties: the fields of the group 453, as they came."""

    msg_type: str
    seq: int
    id: bytes
    account: bytes
    symbol: bytes
    account_type: bytes
    parties: tuple[tuple[int, bytes], ...]


def read_query(message: FixMessage) -> StateQuery | Problem:
    """An AF, AN or BB that passed `check`; or the Problem with a field that is required together with another (BusinessRejectReason 5) or a
    value."""
    get = message.get
    parties = tuple((tag, value) for tag, value in message.fields if tag in (453, *_PARTY))
    for tag, value in ((1, get(1)), (55, get(55)), *((tag, value) for tag, value in parties if tag == 448)):
        if len(value) > TEXT_MAX:
            return Problem(5, tag, f"{FIELDS[tag].name}({tag}) has {len(value)} characters, at most {TEXT_MAX} are allowed")
    if get(263, b"0") != b"0":
        return Problem(5, 263, f"SubscriptionRequestType(263): found {get(263).decode('ascii', 'replace')}, only 0 is answered")
    if int(get(453, b"0")) > PARTIES_MAX:
        return Problem(5, 453, f"NoPartyIDs(453): found {int(get(453))}, at most {PARTIES_MAX} are allowed")
    if message.msg_type == "AF" and get(585) == b"1" and not get(55):
        return Problem(0, 55, "Symbol(55) is required with MassStatusReqType(585) 1", business=5)
    number = {"AF": 584, "AN": 710, "BB": 909}[message.msg_type]
    symbol = get(55) if message.msg_type == "AN" or get(585) == b"1" else b""
    return StateQuery(message.msg_type, message.seq or 0, get(number), get(1), symbol, get(581, b"1"), parties)
